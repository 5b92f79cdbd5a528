#!/bin/bash
# demo.sh - sdk/demo does what it says, with the programs of this build: its result, its end by Ctrl-C, what it leaves.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
needs_demo pgrep
demo=$P2V_SRCDIR/sdk/demo
PATH=$P2V_BUILDDIR:$PATH

# show NAME OPTION...: a demo that has a folder for itself, by which all that is of it is known
show() {
  local name=$1
  shift
  mkdir "$work/$name.tmp"
  # A shell that is started in the background is deaf to Ctrl-C by default.
  part "$name" env --default-signal=INT TMPDIR="$work/$name.tmp" bash "$demo" --installed "$@"
}
left_of() { [ -n "$(ls -A "$work/$1.tmp")$(pgrep -f "$work/$1.tmp")" ]; }
nothing_left() { ! left_of "$1"; }
# ended NAME: it ends, or is made to; its status is in $code
ended() {
  await 120 gone "$1" || hit "$1" TERM
  await 30 gone "$1" || hit "$1" KILL
  reap "$1"
}
# says NAME FILTER: its result is so
says() { jq -e "$2" "$work/$1.out"; }
# lines NAME N: whether it has shown so many seconds
lines() { [ "$(times_in_log "$1" '^ +[0-9]+ s \| 1: ')" -ge "$2" ]; }

show p2p --viewers 2 --seconds 600 --json

# Without peers, until its own end, meanwhile; in another protocol.
show plain --viewers 1 --seconds 5 --no-p2p --protocol smooth --json

# In parts, from an origin behind a cache.
show low --viewers 1 --seconds 4 --no-p2p --protocol llhls --json

show early --viewers 1 --json
soon "it begins" in_log early 'waiting for the first fragments'
hit early INT
ended early
is "Ctrl-C before there is a stream ends it" [ "$code" = 130 ]
soon "… with nothing left" nothing_left early

ended plain
is "without peers it comes to its own end" [ "$code" = 0 ]
is "… where all is the CDN's" says plain '.savings == 0 and .p2p_bytes == 0 and .cdn_bytes == .played_bytes and .played_bytes > 0 and .all_played'
is "… in the protocol that was wished" says plain '.protocol == "smooth" and .manifest_bytes > 0 and .mean_bitrate_bps > 300000'
is "… with its manifest" in_log plain '^this is the CDN itself: +http://[0-9.:]+/live/live.ism/Manifest$'
soon "… with nothing left" nothing_left plain

ended low
is "low latency comes to its end" [ "$code" = 0 ]
is "… with low latency" says low '.protocol == "llhls" and .all_played and .latency_ms_p50 > 100 and .latency_ms_p50 < 4000'
soon "… with nothing left" nothing_left low

await 120 eval 'lines p2p 20 || gone p2p'
is "it runs" alive p2p
is "it shows where its parts are" in_log p2p '^open this in a player of your own: +http://127.0.0.1:[0-9]+/live/master.m3u8$'
viewer='[0-9.]+ s [0-9]+ kbit/s peers [0-9.]+ CDN [0-9.]+ MB'
is "it shows a line a second, with every viewer" in_log p2p "^ +[0-9]+ s \\| 1: $viewer \\| 2: $viewer"
url=$(logged p2p '^open this in a player of your own: +(.*)$')
curl -s -m 20 "$url" >"$work/master"
is "… which a person's player can open" grep -q '^#EXT-X-STREAM-INF' "$work/master"
hit p2p INT
ended p2p
is "Ctrl-C ends it early, and well" [ "$code" = 0 ]
soon "… with nothing left" nothing_left p2p
is "its output is one line" [ "$(wc -l <"$work/p2p.out")" = 1 ]
is "… an object with all that is promised" says p2p '
  . as $r | ["viewers", "seconds", "played_bytes", "p2p_bytes", "cdn_bytes", "origin_bytes", "savings", "offload", "stalls",
    "stall_ms", "startup_ms_p50", "startup_ms_p95", "mean_bitrate_bps", "latency_ms_p50"] | map($r[.] | type == "number") | all'
is "every player played" says p2p '.viewers == 2 and .all_played and .startup_ms_p50 <= .startup_ms_p95'
is "bytes add up" says p2p '.played_bytes == .p2p_bytes + .cdn_bytes and .played_bytes > 2000000'
is "there are savings" says p2p '.savings > 0.1 and .savings <= .bound and ((.p2p_bytes / .played_bytes - .savings) | fabs) < 0.001'
is "offload is what the CDN's log says" says p2p '((1 - .origin_bytes / .played_bytes - .offload) | fabs) < 0.001'
is "the picture is the best one" says p2p '.mean_bitrate_bps > 300000 and .latency_ms_p50 > 1000'
is "nothing was wrong on the way" says p2p '.integrity_failures == 0 and .errors == 0'
is "people read it, too" in_log p2p '^savings +[0-9.]+ % of the bytes'

# Killed, it cannot tidy up; what it started still ends.
show killed --viewers 1 --json
soon "its parts run" eval '[ -n "$(pgrep -f "$work/killed.tmp.*encoder|$work/killed.tmp/.*index.m3u8")" ]'
hit killed KILL
reap killed
soon "killed, it takes its parts along" eval '[ -z "$(pgrep -f "$work/killed.tmp")" ]'

for wrong in '--viewers 0:--viewers takes a number' '--viewers:--viewers needs a value' '--seconds x:--seconds takes a whole number' \
  '--protocol gopher:--protocol takes one of' '--fault moon@3:is no fault' '--colour:there is no option'; do
  # shellcheck disable=SC2086
  run bash "$demo" ${wrong%%:*}
  expect "demo ${wrong%%:*}" 2 "" "demo: *${wrong#*:}*"
done
end
