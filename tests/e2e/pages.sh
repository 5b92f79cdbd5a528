#!/bin/bash
# pages.sh - players in pages, by the module that finds the agent: as the guide shows them, with agents that share, die and come
# back, with none at first, and where the browser does not let them.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
. "$P2V_SRCDIR/tests/e2e/browser.sh"
needs ffmpeg
make_source
cdn
tracker
for n in hls_1 hls_2 dash_1 dash_2; do agent $n "channel live.swarm=${n%_*}"; done
browser
encode_ts
encode_dash dash
await_live 4 live/v2/index.m3u8
await_live 4 live/live.mpd dash

guide_page hlsjs hls.js "${http_of[hls_1]}"
guide_page dashjs dash.js "${http_of[dash_1]}"
guide_page shaka "Shaka Player" "${http_of[dash_2]}"
pages_open='hlsjs dashjs shaka'

# ---- with agents, and, where the browser does not let it reach its own, from the CDN: what all are measured by ----
play ours peer "$(url_of hls_2)"
for n in $pages_open; do open_page $n $n.html '"granted":true'; done
open_page denied hlsjs.html
# shellcheck disable=SC2086
soon "all begin" page_shows 25 denied $pages_open
for n in $pages_open; do soon "$n: bytes came from peers" at_least 1 from_peers $n; done
# shellcheck disable=SC2086
mark denied $pages_open
sleep 5
for n in $pages_open; do
  is "$n plays through an agent" page_played $n 5 denied
  is "$n asks the CDN for nothing" [ "$(asked_of $n "$cdn")" = 0 ]
done
is "nothing is wrong in a page's eyes" [ "$(seen hlsjs '.console + .bad | tojson')" = "[]" ]
is "a page that may not reach the agent plays from the CDN" page_played denied 5
is "it plays all of it from there" at_least 4 asked_of denied "$cdn"
is "the browser has kept it from the agent" [ "$(seen denied ".failed[\"http://${http_of[hls_1]}\"]")" = "$(asked_of denied "${http_of[hls_1]}")" ]

# ---- agents end in the middle: two die, one says nothing any more ----
for n in hls_1 dash_1; do
  hit $n KILL
  reap $n
done
hit dash_2 STOP
# shellcheck disable=SC2086
mark denied $pages_open
open_page none hlsjs.html '"granted":true'
for n in $pages_open none; do soon "$n goes on at the CDN" at_least 3 asked_of $n "$cdn"; done
soon "a page whose agent is not there plays" page_shows 100 none
sleep 2
lasted=$(($(frames_since denied) / 25))
for n in $pages_open; do is "$n plays on without its agent" page_played $n $lasted denied; done

# ---- and come back ----
declare -A before=()
for n in hlsjs:hls_1 dashjs:dash_1 shaka:dash_2 none:hls_1; do before[$n]=$(asked_of "${n%:*}" "${http_of[${n#*:}]}"); done
# shellcheck disable=SC2086
mark denied none $pages_open
restart hls_1
restart dash_1
hit dash_2 CONT
for n in "${!before[@]}"; do
  soon "${n%:*} goes by the agent that is back" at_least $((${before[$n]} + 6)) asked_of "${n%:*}" "${http_of[${n#*:}]}"
done
lasted=$(($(frames_since denied) / 25))
for n in $pages_open none; do is "$n has not stood still" page_played $n $lasted denied; done
leave peer
finish browser
end_well hls_1 hls_2 dash_1 dash_2 tracker
end
