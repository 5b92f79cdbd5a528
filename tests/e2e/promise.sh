#!/bin/bash
# promise.sh - what the demo is to show with four viewers in a minute and a half, against the CDN alone on the same machine.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
needs_demo
PATH=$P2V_BUILDDIR:$PATH

# show NAME OPTION...: a whole demo; its result is $work/NAME.out
show() {
  part "$1" bash "$P2V_SRCDIR/sdk/demo" --installed --viewers 4 --seconds 90 --json "${@:2}"
  await 300 gone "$1" || hit "$1" TERM
  await 30 gone "$1" || hit "$1" KILL
  reap "$1"
  say "$1: $(tail -n 1 "$work/$1.out")"
}
# than FILTER: it holds for both results, $with and $without
than() { jq -n --slurpfile p "$work/p2p.out" --slurpfile c "$work/cdn.out" '$p[0] as $with | $c[0] as $without | '"$1" | grep -qx true; }

show cdn --no-p2p
is "the CDN alone shows it" [ "$code" = 0 ]
show p2p
is "with peers it shows it" [ "$code" = 0 ]
is "no stalls" than '$with.stalls == 0'
is "savings of at least 0.6" than '$with.savings >= 0.6'
is "offload of at least 0.6" than '$with.offload >= 0.6'
is "it starts no later than 300 ms after the CDN" than '$with.startup_ms_p95 <= $without.startup_ms_p95 + 300'
is "its picture is no worse" than '$with.mean_bitrate_bps >= 0.99 * $without.mean_bitrate_bps'
# Viewers come at some moment within a fragment of two seconds.
is "it is no later" than '$with.latency_ms_p50 <= $without.latency_ms_p50 + 300'

# The tracker and an agent die, and the CDN stops for 5 s, which is as long as a player has something to play.
show gone --no-p2p --fault origin@60
show faults --fault tracker@30 --fault agent@45 --fault origin@60
is "with faults every player that was not killed plays" [ "$code" = 0 ]
is "… and stands still no longer than from the CDN alone" \
  jq -n --slurpfile p "$work/faults.out" --slurpfile c "$work/gone.out" -e '$p[0].stall_ms <= $c[0].stall_ms + 1500'
is "… and peers still save" jq -e '.savings >= 0.4' "$work/faults.out"
end
