#!/bin/bash
# simulated.sh - what sdk/demo shows with eight viewers, and what p2v-sim says of it.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
needs_demo
PATH=$P2V_BUILDDIR:$PATH

part live bash "$P2V_SRCDIR/sdk/demo" --installed --viewers 8 --seconds 90 --json
await 300 gone live || hit live TERM
await 30 gone live || hit live KILL
reap live
say "live: $(tail -n 1 "$work/live.out")"
is "the demo plays" [ "$code" = 0 ]

for fidelity in packet flow; do
  p2v-sim run demo --set run.fidelity=$fidelity --json >"$work/$fidelity.out" 2>"$work/$fidelity.log"
  is "$fidelity: it is simulated" [ $? = 0 ]
  say "$fidelity: $(cat "$work/$fidelity.out")"
  # like NAME BY: both agree in that figure within so much
  like() {
    jq -en --slurpfile l "$work/live.out" --slurpfile s "$work/$fidelity.out" --arg n "$1" --argjson by "$2" \
      '$l[-1][$n] - $s[0][$n] | fabs <= $by' >/dev/null
  }
  is "$fidelity: savings within 5 points" like savings 0.05
  is "$fidelity: offload within 5 points" like offload 0.05
  is "$fidelity: live latency within half a fragment" like latency_ms_p50 1000
  is "$fidelity: nobody stalls, there or here" jq -en --slurpfile l "$work/live.out" --slurpfile s "$work/$fidelity.out" \
    '$l[-1].stalls == $s[0].stalls'
done
end
