#!/bin/bash
# sim.sh - p2v-sim as people call it: words, wrong calls, wrong scenarios, and what a run leaves behind.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
sim=$P2V_BUILDDIR/p2v-sim
scenarios=$P2V_SRCDIR/conf/scenarios
unset P2V_PLUGIN_PATH
small="$scenarios/small-swarm.ini"

# ---- words ----
run "$sim" --help
expect "--help" 0 "Usage: p2v-sim COMMAND*run *plot *sweep *list-presets *explain *Examples:*" ""
run "$sim" --version
expect "--version" 0 "p2v-sim [0-9]*" ""
for c in run plot sweep list-presets explain; do
  run "$sim" $c --help
  expect "$c --help" 0 "Usage: p2v-sim $c *Options:*--help*Examples:*" ""
done
run "$sim" run --help
wide=$(awk 'length > 80 && !/^  [a-zA-Z0-9_$]/' "$work/out")
if [ -z "$wide" ]; then ok "help fits 80 columns"; else not_ok "help fits 80 columns" "$wide"; fi
run "$sim" list-presets
expect "presets, each with its source" 0 "*gnutella*Source: *clive*Source: *modern*homogeneous*open*realistic*EI-PP-EI*poisson*flash*churn*mass-failure*partition*nat-reboot*" ""
if [ "$(grep -c '^  [a-zA-Z]' "$work/out")" = "$(grep -c '^      Source: ' "$work/out")" ]; then
  ok "as many sources as presets"
else
  not_ok "as many sources as presets" "$out"
fi
run "$sim" explain bound
expect "explain" 0 "bound (a number)*min(1 - c/N, eta \* sum(u) / (N \* r))*" ""
run "$sim" explain
expect "explain all of them" 0 "peers *log_hash*" ""
run "$sim" explain boun
expect "explain a word misspelt" 2 "" "p2v-sim explain: there is no figure 'boun'; did you mean 'bound'?*"

# ---- wrong calls ----
run "$sim"
expect "no command" 2 "" "p2v-sim: it needs a command*"
run "$sim" rum x
expect "a command misspelt" 2 "" "*there is no command 'rum'; did you mean 'run'?*"
run "$sim" run
expect "no scenario" 2 "" "p2v-sim run: it needs SCENARIO*"
run "$sim" run a b
expect "two scenarios" 2 "" "p2v-sim run: 'b' is one argument too many*"
run "$sim" run "$small" --jsno
expect "an option misspelt" 2 "" "*'--jsno' like that; did you mean --json?*"
run "$sim" run "$small" --baseline p2p
expect "no such baseline" 2 "" "p2v-sim run: --baseline: there is no 'p2p', only cdn*"
run "$sim" run "$small" --shuffle-ties 0
expect "no such shuffle" 2 "" "p2v-sim run: --shuffle-ties: '0' is not a number above 0*"
run "$sim" run "$small" --log
expect "log lines without a folder" 2 "" "p2v-sim run: --log: *--out DIR*"
run "$sim" run "$small" --out ""
expect "a folder without a name" 2 "" "p2v-sim run: --out: *"
run "$sim" run "$small" --out "$work/no/such"
expect "a folder that cannot be made" 1 "" "p2v-sim: $work/no/such: cannot be made: *"
run "$sim" run no-such-scenario
expect "no such scenario" 1 "" "p2v-sim: no-such-scenario: there is no such file, and no scenario of that name in *"
run "$sim" run "$work"
expect "a folder is no scenario" 1 "" "p2v-sim: $work: is a folder, not a file"
run "$sim" plot "$work"
expect "nothing to draw" 1 "" "p2v-sim: that is no folder that p2v-sim run --out wrote*"
run "$sim" sweep "$small"
expect "a sweep without a folder" 2 "" "p2v-sim sweep: it needs --out DIR*"
run "$sim" sweep nothing-like-it --out "$work/s"
expect "a sweep of nothing" 2 "" "p2v-sim sweep: there is no scenario 'nothing-like-it'*"
run "$sim" sweep "$small" --out "$work/s" --seeds 3-1
expect "seeds backwards" 2 "" "p2v-sim sweep: --seeds: '3-1' is not a range*"
run "$sim" sweep "$small" --out "$work/s" --vary run.peers
expect "a dimension without values" 2 "" "p2v-sim sweep: --vary: 'run.peers' is not SECTION.KEY=VALUE,VALUE*"

# ---- wrong settings ----
# setting NAME SET PATTERN: a run with that setting fails with that message.
setting() {
  run "$sim" run "$small" --set "$2"
  expect "$1" 1 "" "p2v-sim: --set $2: $3"
}
setting "no such key" run.perrs=3 "\\[run\\] has no key 'perrs'; did you mean 'peers'?"
setting "no such section" rum.peers=3 "there is no section \\[rum\\]; did you mean \\[run\\]?"
setting "no number" run.peers=many "peers: 'many' is *"
setting "out of range" run.peers=0 "peers: 0 is below the range 1 to 100*"
setting "no such preset" population.upload=modem "upload: 'modem' is not one of gnutella, clive, modern, homogeneous*"
setting "a rule between options" population.rtt=1ms "\\[population\\]: rtt is less than four times access*"
setting "no key" peers=3 "there is no section: it wants SECTION.KEY=VALUE"
setting "no value" run.peers "there is no '=': it wants SECTION.KEY=VALUE"
setting "no such plugin" plugins.select=capasity "*capasity*capacity*"
setting "no such option of a plugin" select.capacity.nonsense=1 "\\[select.capacity\\] has no key 'nonsense'*"
setting "bit rates that fall" stream.bitrates=700k,380k "\\[stream\\] bitrates: '380k' is not above the one before"
setting "no bit rate" stream.bitrates=fast "\\[stream\\] bitrates: 'fast' is no bit rate*"
setting "a snapshot after the end" run.snapshots=2h "\\[run\\] snapshots: '2h' is no time within the run"
setting "an event after the end" "event x.at=2h" "\\[event x\\] at: the run is over then"
setting "an event of no kind" "event x.kind=strike" "kind: 'strike' is not one of *"
setting "warm for too long" run.warm_up=10m "\\[run\\] warm_up: the run is over before anybody comes"
printf '[run]\npeers = 3\n\n[stays]\nlaw = churm\n' >"$work/bad.ini"
run "$sim" run "$work/bad.ini"
expect "a scenario's file and line" 1 "" "p2v-sim: $work/bad.ini:5: law: 'churm' is not one of all, churn*"
run "$sim" run "$small" --peers x
expect "--peers" 1 "" "p2v-sim: --set run.peers=x: peers: *"
run "$sim" run "$small" --seed -1
expect "--seed" 1 "" "p2v-sim: --set run.seed=-1: seed: *"

# ---- a run ----
run env -C / "$sim" run small-swarm --peers 2 --set run.duration=30s --set run.from=0s --set arrivals.over=3s
expect "before it is installed it finds scenarios by name, from anywhere" 0 "*savings *" "*"
mkdir -p "$work/here/small-swarm"
run env -C "$work/here" "$sim" run small-swarm --peers 2 --set run.duration=20s --set run.from=0s --set arrivals.over=3s
expect "… also beside a folder of that name, which an earlier run may have left" 0 "*savings *" "*"
quick() { "$sim" run "$small" --peers 4 --set run.duration=30s --set run.from=0s --set arrivals.over=3s "$@"; }
run quick --json --baseline cdn --out "$work/r"
expect "a run with all that it writes" 0 '{"peers":4,"seconds":30.000,"seed":1,"fidelity":"packet","savings":0.*' ""
keys='["peers","seconds","seed","fidelity","savings","offload","bound","achieved","longer_share","lower_share","startup_ms_p95","startup_ms_p95_cdn","latency_ms_p95","latency_ms_p95_cdn","wasted_share","overhead_share","direct_share","events","wall_s","speed_x","bytes_per_peer","log_hash"]'
# has NAME FILTER: jq says true of the last run's output.
has() {
  if ! command -v jq >/dev/null; then
    skip "$1" "no jq"
  elif [ "$(jq -s "length == 1 and (.[0] | $2)" <"$work/out" 2>&1)" = true ]; then
    ok "$1"
  else
    not_ok "$1" "$out"
  fi
}
has "the keys of the interface come first, in their order" "keys_unsorted[0:22] == $keys"
has "figures are as they can be" '.savings > 0 and .savings < .bound and .bound < 1 and (.achieved - .savings / .bound | fabs) < 1e-4
  and .startup_ms_p95_cdn > 0 and .longer_share == 0 and .polluted == 0 and .viewers == 4 and .played == 4
  and ([.cdn_alone, .cdn_elected, .cdn_standby, .cdn_late, .cdn_busy, .cdn_nobody, .cdn_start, .cdn_other] | add - 1 | fabs) < 1e-5'
if cmp -s "$work/out" "$work/r/summary.json"; then ok "summary.json is what was printed"; else not_ok "summary.json is what was printed"; fi
has "without NAT boxes there is nothing to tell of them" '.direct_share == null and .nat_viewers == 0 and .nat_tried == null'
hash=$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")
if [ "$(wc -l <"$work/r/viewers.csv")" = 5 ] && [ "$(wc -l <"$work/r/nodes.csv")" = 5 ] &&
  [ "$(wc -l <"$work/r/series.csv")" = 7 ] && [ "$(wc -l <"$work/r/edges.csv")" -gt 4 ]; then
  ok "a line a viewer, a sample, a partner"
else
  not_ok "a line a viewer, a sample, a partner" "$(wc -l "$work"/r/*.csv)"
fi
if [ "$(cut -d, -f1,2 "$work/r/series.csv")" = "$(cut -d, -f1,2 "$work/r/series-cdn.csv")" ]; then
  ok "the audience was the same without peers"
else
  not_ok "the audience was the same without peers"
fi
run quick --json --set run.seed=2 --seed 1
if [ "$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")" = "$hash" ]; then
  ok "the same seed is the same run, in another process, without files and baseline"
else
  not_ok "the same seed is the same run" "$out"
fi
has "what was not compared is not known" '.longer_share == null and .lower_share == null and .startup_ms_p95_cdn == null and .latency_ms_p95_cdn == null'
run quick --json --shuffle-ties 5
if [ "$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")" != "$hash" ]; then ok "shuffled ties are another run"; else not_ok "shuffled ties are another run"; fi
run quick --json --set run.fidelity=flow
expect "flow fidelity is played by p2v-sim-flow" 0 '{"peers":4,"seconds":30.000,"seed":1,"fidelity":"flow","savings":0.*' ""
events() { grep -o '"events":[0-9]*' "$1" | cut -d: -f2; }
if [ "$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")" != "$hash" ] && [ "$(events "$work/out")" -lt "$(events "$work/r/summary.json")" ]; then
  ok "flows are fewer events than datagrams"
else
  not_ok "flows are fewer events than datagrams" "$out"
fi
flow=$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")
run "$sim" run "$scenarios/paper.ini" --peers 40 --set run.duration=40s --set arrivals.over=10s --set run.fidelity=flow --json
expect "forty viewers, so that what is fetched ahead is of many" 0 '{"peers":40,*' ""
run "$sim-flow" run "$small" --peers 4 --set run.duration=30s --set run.from=0s --set arrivals.over=3s --json --set run.fidelity=flow
if [ "$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")" = "$flow" ]; then ok "called by its name it plays the same"; else not_ok "called by its name it plays the same" "$out$err"; fi
run "$sim-flow" run "$small" --peers 4 --set run.duration=30s --set run.from=0s --set arrivals.over=3s --json
if [ "$(grep -o '"log_hash":"[0-9a-f]*"' "$work/out")" = "$hash" ]; then ok "and packets are played by p2v-sim"; else not_ok "and packets are played by p2v-sim" "$out$err"; fi
cp "$sim" "$work/alone"
run env P2V_PLUGIN_PATH="$P2V_BUILDDIR/modules/.libs" "$work/alone" run "$small" --set run.fidelity=flow
expect "the other program is not there" 1 "" "p2v-sim: \\[run\\] fidelity = flow needs $work/p2v-sim-flow: No such file*"
run quick --out "$work/logs" --log --set run.log_level=debug
expect "a run for people" 0 "peers *4 viewers*savings *0.*" ""
if grep -q 'event=' "$work/logs/log.txt"; then ok "log lines"; else not_ok "log lines"; fi
printf '[run]\npeers = 2\nduration = 20s\n[plugins]\nselect = random\n[select.random]\n' >"$work/own.ini"
run "$sim" run "$work/own.ini"
expect "another plugin" 0 "*scenario  *own*" ""

run "$sim" run nat-realistic --peers 8 --set run.duration=40s --set run.from=0s --set arrivals.over=5s --json --out "$work/nat"
has "a run with NAT boxes" '.direct_share == 1 and .nat_viewers > 2 and .nat_connected > 0 and .nat_tried > .nat_connected'
# Each line: two types, pairs that tried >= pairs that met, sessions = direct ones; and the sums are those of the summary.
sums=$(awk -F, 'NR > 1 { t += $3; c += $4; if ($3 < $4 || $5 != $6 || $1 !~ /^(open|..-..-..)$/ || $2 !~ /^(open|..-..-..)$/) bad = 1 }
  END { print (bad ? "bad " : "") t " " c }' "$work/nat/nat.csv" 2>&1)
if [ "$sums" = "$(sed -E 's/.*"nat_tried":([0-9]+).*"nat_connected":([0-9]+).*/\1 \2/' "$work/out")" ]; then
  ok "nat.csv"
else
  not_ok "nat.csv" "$sums$out"
fi
run "$sim" run "$small" --set population.nat=EI-XX-PD
expect "a type of box that is none" 1 "" "p2v-sim: --set population.nat=EI-XX-PD: nat: 'EI-XX-PD' is not one of open, realistic, EI-PP-EI,*"

# ---- pictures ----
if command -v gnuplot >/dev/null; then
  run "$sim" plot "$work/r"
  if [ "$code" = 0 ] && grep -q '</svg>' "$work/r/series.svg" && grep -q '</svg>' "$work/r/viewers.svg" &&
    grep -q '</svg>' "$work/r/overlay.svg"; then
    ok "pictures"
  else
    not_ok "pictures" "$out$err"
  fi
else
  skip "pictures" "no gnuplot"
fi

# ---- a sweep ----
if command -v parallel >/dev/null && parallel --version 2>/dev/null | grep -q GNU; then
  sed -e 's/^peers = .*/peers = 3/' -e 's/^duration = .*/duration = 20s/' -e 's/^from = .*/from = 0s/' \
    -e 's/^over = .*/over = 2s/' "$small" >"$work/tiny.ini"
  sweep() { "$sim" sweep "$work/tiny.ini" --seeds 1-2 --vary plugins.select=capacity,random --jobs 2 --out "$work/s" "$@"; }
  run sweep
  expect "a sweep" 0 "tiny.ini plugins.select=capacity (2 runs)*savings *0.* +- *tiny.ini plugins.select=random (2 runs)*" "*"
  if [ "$(wc -l <"$work/s/results.tsv")" = 4 ] && [ "$(wc -l <"$work/s/table.csv")" = 3 ]; then
    ok "its results and its table"
  else
    not_ok "its results and its table" "$(cat "$work/s/table.csv")"
  fi
  sed -i 1d "$work/s/results.tsv"
  run sweep --vary run.peers=3
  before=$(wc -l <"$work/s/jobs.txt")
  run sweep
  expect "it goes on where it was" 0 "*plugins.select=capacity (2 runs)*" "*"
  if [ "$before" = 4 ] && [ "$(wc -l <"$work/s/jobs.txt")" = 1 ] && [ "$(grep -c '}$' "$work/s/results.tsv")" = 8 ]; then
    ok "only what was missing ran"
  else
    not_ok "only what was missing ran" "$(cat "$work/s/jobs.txt")"
  fi
  run sweep --vary run.peers=0
  expect "runs that fail are told" 1 "*" "*4 of 4 runs failed*"
  # Another machine: a command in the place of ssh, which is called with the machine's name and a command line, and sets
  # what a login there sets: GNU parallel asks the other end for its $SHELL.
  printf '%s\n' '#!/bin/bash' 'echo "$1" >>"$0.calls"' 'shift' '[ "$1" != -- ] || shift' 'SHELL=/bin/bash exec bash -c "$*"' >"$work/ssh"
  chmod +x "$work/ssh"
  run env PATH="$P2V_BUILDDIR:$PATH" "$sim" sweep "$work/tiny.ini" --seeds 1-2 --out "$work/far" --sshlogin "2/$work/ssh far"
  expect "a sweep on another machine" 0 "tiny.ini (2 runs)*savings *" "*"
  if [ "$(grep -c '^far$' "$work/ssh.calls")" -ge 2 ] && [ "$(grep -c '}$' "$work/far/results.tsv")" = 2 ]; then
    ok "… it was called there, and its results are here"
  else
    not_ok "… it was called there, and its results are here" "$(cat "$work/ssh.calls" "$work/far/results.tsv")"
  fi
  run env PATH="$P2V_BUILDDIR:$PATH" "$sim" sweep "$work/tiny.ini" --seeds 1 --out "$work/gone" --sshlogin "1/$work/nobody far"
  expect "a machine that cannot be reached is told" 1 "*" "*1 of 1 runs failed*"
else
  skip "a sweep" "no GNU parallel"
fi

# ---- manual pages ----
for page in p2v-sim.1 p2v-sim.ini.5; do
  "$sim" --man=$page >"$work/$page"
  if ! man --version >/dev/null 2>&1; then
    skip "$page" "no man"
  else
    warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$work/$page" 2>&1 >"$work/text")
    if [ -z "$warnings" ] && grep -q -- 'DESCRIPTION' "$work/text"; then ok "$page"; else not_ok "$page" "$warnings"; fi
  fi
done
if grep -q 'free_riders' "$work/p2v-sim.ini.5" && grep -q 'spares\|partners' "$work/p2v-sim.ini.5"; then
  ok "every option is in the manual"
else
  not_ok "every option is in the manual"
fi
end
