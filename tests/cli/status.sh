#!/bin/bash
# status.sh - peer2view status against a server that answers what it is told to.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
. "$P2V_SRCDIR/tests/cli/serve.sh" || exit 99

answer='{"role":"agent","uptime_s":12,"ready":true,"served_bytes_total":123456789,"rate":0.5,"none":null,
"peers":[{"id":"ab12","state":"partner","rtt_us":1200},{"id":"cd","state":"known","rtt_us":null}],
"channels":{"news":{"followed":2,"list":[1,[2]]}}}'

serve "200 OK" "$answer"
run "$p2v" status --url "http://127.0.0.1:$port/"
wait "$server"
expect "as tables" 0 "role *agent*uptime_s *12*ready *yes*served_bytes_total *123456789  (123.5 MB)*none *-*peers:*id *state *rtt_us*ab12  partner  1200*cd *known *-*channels:*news:*followed *2*" ""
if grep -q '^GET /stats.json HTTP/1' "$work/request"; then ok "what is asked"; else not_ok "what is asked" "$(<"$work/request")"; fi

serve "200 OK" "$answer"
run "$p2v" status --json --url "http://127.0.0.1:$port"
wait "$server"
if [ "$code" = 0 ] && [ "$out" = "$answer" ]; then ok "--json is the answer as it came"; else not_ok "--json is the answer as it came" "$out"; fi

serve "503 Later" "{}"
run "$p2v" status --url "http://127.0.0.1:$port"
wait "$server"
expect "another status" 1 "" "peer2view: http://127.0.0.1:$port/stats.json: answered with status 503"

serve "200 OK" "<html>"
run "$p2v" status --json --url "http://127.0.0.1:$port"
wait "$server"
expect "an answer that is no JSON" 1 "" "peer2view: *: the answer is no JSON object: *"

serve "200 OK" ""
run "$p2v" status --url "http://127.0.0.1:$port"
wait "$server"
expect "an empty answer" 1 "" "peer2view: *: the answer is no JSON object*"

run "$p2v" status --url "http://127.0.0.1:$port"
expect "nobody listens" 1 "" "peer2view: http://127.0.0.1:$port/stats.json: *onnect*"
printf '{}' >"$work/stats.json"
run "$p2v" status --url "file://$work"
expect "no other protocol" 1 "" "peer2view: file://*"
end
