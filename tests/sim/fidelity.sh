#!/bin/bash
# fidelity.sh - the same transfers and the same events with packets and with flows: times within 15 %, savings within 2
# points, players alike. P2V_LONG=1: more events, more viewers, more seeds.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
bin=$P2V_BUILDDIR/tests/sim
jq=$(command -v jq) || skip_all "there is no jq"

# ---- transfers ----
times() { env -u CRITERION_OUTPUTS "$bin/$1" 2>&1 >/dev/null | sed -n 's/^# transfer \(.*\) ms=\([0-9.]*\) cwnd=.*/\2 \1/p'; }
if [ -x "$bin/sim_transfer" ] && [ -x "$bin/sim_transfer_flow" ]; then
  times sim_transfer >"$work/a"
  times sim_transfer_flow >"$work/b"
  paste -d ' ' "$work/a" "$work/b" | sed 's/^/# packet, flow [ms]: /'
  n=$(wc -l <"$work/a")
  wrong=$(paste -d ' ' "$work/a" "$work/b" | awk '{ d = $1 - $6; if (d < 0) d = -d; if (d > 0.15 * $1 + 1) print }')
  if [ "$n" -gt 10 ] && [ "$n" = "$(wc -l <"$work/b")" ] && [ -z "$wrong" ]; then
    ok "$n kinds of transfers take as long"
  else
    not_ok "$n kinds of transfers take as long" "$wrong"
  fi
else
  skip "transfers" "they need Criterion"
fi

# ---- events ----
keys='savings offload stalled_s startup_p95_ms latency_p50_ms bitrate wasted_share us_per_peer_s'
# most KEY: how far the two may be apart
most() {
  case $1 in
    savings | offload | wasted_share) echo 0.02 ;;
    stalled_s) echo 1 ;;
    startup_p95_ms) echo 40 ;;
    latency_p50_ms) echo 60 ;;
    bitrate) echo 14000 ;;
    us_per_peer_s) echo 1e9 ;; # told, not judged
  esac
}
mean() { "$jq" -s "map(.$1) | add / length" "$2"; }

# same NAME SEEDS ARGUMENT...
same() {
  local name=$1 seeds=$2 fidelity seed key a b wrong=
  shift 2
  for fidelity in packet flow; do
    for seed in $seeds; do
      P2V_BUILDDIR=$P2V_BUILDDIR "$bin/fidelity_$fidelity" -s "$seed" "$@"
    done >"$work/$fidelity" || { not_ok "$name" "fidelity_$fidelity failed"; return; }
  done
  for key in $keys; do
    a=$(mean "$key" "$work/packet")
    b=$(mean "$key" "$work/flow")
    echo "# $name: $key: packet $a, flow $b"
    awk -v a="$a" -v b="$b" -v m="$(most "$key")" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && d <= m) }' ||
      wrong+=" $key"
  done
  if [ -z "$wrong" ]; then ok "$name"; else not_ok "$name" "they are apart:$wrong"; fi
}
same "fast lines" "1 2" -n 20 -t 120 -k fast
same "lines of 8 Mbit/s up" "1 2 3" -n 20 -t 120 -k even
same "lines that carry too little" "1 2" -n 20 -t 90 -k thin
if [ "${P2V_LONG:-}" = 1 ]; then
  same "mixed lines" "1 2 3 4 5 6 7 8" -n 24 -t 180 -k mixed
  same "mixed lines, cc/dtl" "1 2 3 4 5 6" -n 24 -t 180 -k mixed -c dtl
  same "50 viewers" "1 2 3" -n 50 -t 180 -a 300 -k mixed
  same "50 viewers on fast lines" "1 2 3" -n 50 -t 180 -a 300 -k fast
fi

# ---- the same seed ----
one=$("$bin/fidelity_flow" -n 10 -t 60 -k mixed | "$jq" -r .hash)
two=$("$bin/fidelity_flow" -n 10 -t 60 -k mixed | "$jq" -r .hash)
other=$("$bin/fidelity_flow" -n 10 -t 60 -k mixed -s 2 | "$jq" -r .hash)
if [ -n "$one" ] && [ "$one" = "$two" ] && [ "$one" != "$other" ]; then
  ok "the same seed gives the same run"
else
  not_ok "the same seed gives the same run" "$one $two $other"
fi
end
