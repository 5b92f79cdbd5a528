#!/bin/bash
# perf.sh - p2v-perf as people call it, both ends on this machine.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
perf=$P2V_BUILDDIR/p2v-perf
unset P2V_PLUGIN_PATH
server=0
trap '[ "$server" = 0 ] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT

# ---- words ----
run "$perf" --help
expect "--help" 0 "Usage: p2v-perf -s --port=N*p2v-perf -c HOST --port=N*-t, --time=S*--session-window=VALUE*Exit status:*Examples:*" ""
run "$perf" --version
expect "--version" 0 "p2v-perf [0-9]*" ""
run "$perf"
expect "neither end" 2 "" "p2v-perf: it needs -s or -c HOST, one of the two*Try 'p2v-perf --help'."
run "$perf" -s -c localhost --port 1
expect "both ends" 2 "" "p2v-perf: it needs -s or -c HOST, one of the two*"
run "$perf" -c localhost
expect "no port" 2 "" "p2v-perf: it needs --port N*"
run "$perf" -s --port 65536
expect "no such port" 2 "" "p2v-perf: --port: '65536' is not a number from 0 to 65535*"
run "$perf" -s --port 0 -t 3
expect "a server is not told how much" 2 "" "p2v-perf: how much to send, and how urgently, is the client's to say*"
run "$perf" -s --port 0 more
expect "one argument too many" 2 "" "p2v-perf: 'more' is one argument too many*"
run "$perf" -c localhost --port 1 --prioritty 4
expect "an option misspelt" 2 "" "*'--prioritty' like that; did you mean --priority[?]*"
run "$perf" -c localhost --port 1 -x
expect "no such letter" 2 "" "p2v-perf: it takes no option '-x' like that*"
run "$perf" -c localhost --port
expect "an option without its argument" 2 "" "p2v-perf: option '--port' needs an argument*"
run "$perf" -c localhost --port 1 -p 5
expect "no such priority" 2 "" "p2v-perf: --priority: '5' is not a priority (0 to 4)*"
run "$perf" -c localhost --port 1 --priority-at 4
expect "a priority without a time" 2 "" "p2v-perf: --priority-at: '4' is not a time and a priority (like 10s=4)*"
run "$perf" -c localhost --port 1 --priority-at 4=1,x
expect "a time with no priority" 2 "" "p2v-perf: --priority-at: 'x' is not a priority*"
run "$perf" -c localhost --port 1 -t soon
expect "no length of time" 2 "" "p2v-perf: --time: 'soon' is not a fitting length of time*"
run "$perf" -c localhost --port 1 -P 65
expect "too many streams" 2 "" "p2v-perf: --streams: '65' is not a number from 1 to 64*"
run "$perf" -c localhost --port 1 -P 3 -n 2
expect "less than a byte a stream" 2 "" "p2v-perf: --bytes is less than a byte for each stream*"
run "$perf" -c localhost --port 1 --idle-timeout=1ms
expect "an option of the transport out of range" 2 "" "p2v-perf: --idle-timeout: 1ms is below the range 2s to 600s*"
run "$perf" -s --port 0 --cc cubik
expect "no such controller" 1 "" "p2v-perf: *cubik*cubic*"
run "$perf" -s --port 0 --cc cubic:beta
expect "a controller's option without a value" 2 "" "p2v-perf: --cc: 'beta' is no OPTION=VALUE"
run "$perf" -s --port 0 --cc cubic:betta=1
expect "a controller has no such option" 2 "" "p2v-perf: --cc: cubic has no option 'betta'; did you mean beta[?]"
run "$perf" -s --port 0 --cc cubic:beta=7
expect "a controller's option out of range" 2 "" "p2v-perf: --cc: beta: 7 is above the range*"
run "$perf" -c name.invalid --port 1
expect "no such host" 1 "" "p2v-perf: name.invalid: *"
run "$perf" -c 127.0.0.1 --port 1 --handshake-timeout=1s
expect "nobody there" 1 "" "p2v-perf: no session: the handshake did not end in time"

"$perf" --man >"$work/p2v-perf.1"
if man --version >/dev/null 2>&1; then
  warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$work/p2v-perf.1" 2>&1 >"$work/text")
  if [ -z "$warnings" ] && grep -q -- '--priority-at' "$work/text"; then
    ok "the manual page"
  else
    not_ok "the manual page" "$warnings"
  fi
else
  skip "the manual page" "no man"
fi

# ---- two ends ----
# serve [OPTION]...: a server; its port is then in $port.
serve() {
  : >"$work/server_out"
  "$perf" -s --port 0 "$@" >"$work/server_out" 2>"$work/server_err" </dev/null &
  server=$!
  for _ in $(seq 600); do
    port=$(sed -n 's/^listening on port //p' "$work/server_out")
    [ -n "$port" ] && return
    sleep 0.1
  done
  cat "$work/server_err" >&2
}
# served: waits for the server's end; its status is then in $code.
served() {
  wait "$server"
  code=$?
  server=0
}
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

serve
run "$perf" -c 127.0.0.1 --port "$port" -n 20000001 -P 20 --json
expect "bytes over more streams than there may be at first" 0 '{"direction":"send","streams":20,*' ""
has "all of them arrived" '.bytes == 20000001 and .goodput_bps > 0 and .cpu_s_per_gb > 0 and .seconds > 0
  and (.by_stream | length == 20 and (map(.bytes) | add) == 20000001 and all(.[]; .bytes >= 1000000))
  and .sent > .bytes and .lost >= 0 and .retransmitted >= 0 and (has("error") | not)'
run "$perf" -c localhost --port "$port" -t 2 -i 500ms -p 0.5 --priority-at 1s=3 --json
expect "two seconds" 0 '{"direction":"send",*' ""
has "its intervals, and a priority that moves" '.seconds > 1.9 and (.intervals | length == 4
  and all(.[]; .goodput_bps > 0 and .cwnd > 0 and .pace > 0 and .srtt_ms > 0 and .queue_ms >= 0)
  and .[0].priority == 0.5 and .[3].priority == 3 and .[3].t > 1.9) and .rtt_ms > 0 and .rtt_min_ms >= 0
  and ((.intervals | map(.goodput_bps) | add / 4) / .goodput_bps | . > 0.8 and . < 1.2)'
run "$perf" -c localhost --port "$port" -R -n 4Mi -P 2 -p 4,0 --json
expect "the server sends" 0 '{"direction":"receive","streams":2,*' ""
has "all of it came" '.bytes == 4194304 and (.by_stream | map(.bytes) == [2097152, 2097152]) and .cpu_s_per_gb_server > 0
  and .sent > .bytes'
run "$perf" -c localhost --port "$port" -R -t 1 --no-segments --cc newreno:initial_window=20
expect "a second, for people" 0 "*bit/s*window*priority 1*goodput*processor*round trip*queue*lost*" ""
"$perf" -c localhost --port "$port" -t 60 --json >"$work/out" 2>"$work/err" </dev/null &
pid=$!
sleep 1
kill -INT "$pid"
wait "$pid"
code=$? out=$(<"$work/out") err=$(<"$work/err")
expect "interrupted, it ends well" 0 '{"direction":"send",*' ""
has "… with its result" '.bytes > 0 and .seconds < 30 and .goodput_bps > 0'
kill -TERM "$server"
served
if [ "$code" = 0 ]; then ok "the server ends well"; else not_ok "the server ends well" "$(<"$work/server_err")"; fi

serve --one
run "$perf" -c localhost --port "$port" -n 1000
served
if [ "$code" = 0 ]; then ok "--one ends after one client"; else not_ok "--one ends after one client" "status $code"; fi

serve
"$perf" -c localhost --port "$port" -t 60 --give-up 1s --json >"$work/out" 2>"$work/err" </dev/null &
pid=$!
sleep 1
kill -KILL "$server"
wait "$server" 2>/dev/null
server=0
wait "$pid"
code=$? out=$(<"$work/out") err=$(<"$work/err")
expect "a server that dies" 1 '{"error":"the server went silent",*' "p2v-perf: the server went silent"
has "… and what there was until then" '.bytes > 0'

serve --one
"$perf" -c localhost --port "$port" -t 60 >"$work/out" 2>&1 </dev/null &
pid=$!
sleep 1
kill -TERM "$server"
served
wait "$pid"
code=$? out=$(<"$work/out") err=
expect "a server that goes away" 1 "*p2v-perf: the remote closed the session with code 7*" ""
end
