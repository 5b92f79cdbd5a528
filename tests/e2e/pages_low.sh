#!/bin/bash
# pages_low.sh - low latency in pages: LL-HLS with hls.js, DASH in chunks with dash.js. Each has one page on the
# CDN, which is p2v-origin, and two or three on agents, which are each other's only peers. Shaka is not among them: at the CDN
# itself it ends with an error of the decoder, or stands still, every third time (sdk/doc/players.md).
. "$P2V_SRCDIR/tests/e2e/lib.sh"
[ -x "$P2V_BUILDDIR/p2v-origin" ] || skip_all "p2v-origin is not built"
. "$P2V_SRCDIR/tests/e2e/low.sh"
. "$P2V_SRCDIR/tests/e2e/browser.sh"
needs ffmpeg
make_source
cdn
tracker
browser
low_origin low
at=${http_of[low]}
low_encoder encoder low
low_on_air low

# What a page shows is as late as its begin took, and stays so: hls.js does not play faster to catch up unless it is told to. On a
# busy machine that differs by half a second from one time to the next, so each begins three times, and the best counts.
declare -A best=()
note_latency() { # NAME PAGE
  best[$1]=$(jq -n "[$(seen "$2" '.latency // 99'), ${best[$1]:-99}] | min")
}
# latency NAME LIKE: its picture is later than that of a page on the CDN by 300 ms at most
latency() {
  echo "$1 is ${best[$1]} s behind, $2 ${best[$2]} s"
  [ "$(jq -n "${best[$1]} <= ${best[$2]} + 0.3")" = true ]
}

# low NAME PLAYER MANIFEST OPTIONS: by a mount, by the open form, and by the module if there is a page of that name
low() {
  local name=$1 player=$2 manifest=$3 options=$4 n agents='' all seconds round
  for n in 1 2 ${module:+3}; do
    agent "$name$n" "channel live.swarm=$name" "channel live.origin=http://$at/live/"
    agents="$agents $name$n"
  done
  [ -z "${module:-}" ] || cdn=$at guide_page "${name}3" "$module" "${http_of[${name}3]}"
  for round in 1 2 3; do
    seconds=5 all=''
    [ $round -lt 3 ] || seconds=15
    # One after the other, so that each has the machine for itself while it begins.
    for n in $name $agents; do
      case $n in
        "$name") open_player "$n.$round" "$player" "http://$at/live/$manifest" "$options" ;;
        "${name}1") open_player "$n.$round" "$player" "$(url_of "$n" "/live/$manifest")" "$options" ;;
        "${name}2") open_player "$n.$round" "$player" "$(url_of "$n" "/x/http/$at/live/$manifest")" "$options" ;;
        *) open_page "$n.$round" "$n.html" '"granted":true' ;;
      esac
      soon "$n begins" page_shows 25 "$n.$round"
      all="$all $n.$round"
    done
    # shellcheck disable=SC2086
    mark $all
    sleep $seconds
    for n in $name $agents; do
      note_latency "$n" "$n.$round"
      [ $round = 3 ] || close_page "$n.$round"
    done
  done
  for n in $agents; do
    is "$n plays" page_played "$n.3" $seconds "$name.3"
    is "$n: the CDN sees nothing of it" [ "$(asked_of "$n.3" "$at")" = 0 ]
    [ "$n" = "${name}3" ] || is "$n is not late" latency "$n" "$name"
    say "$(latency "$n" "$name"), from peers $(counter served_bytes_total_p2p "$n"), from the CDN $(counter served_bytes_total_cdn "$n") bytes"
  done
  # shellcheck disable=SC2086
  is "$name: bytes came from peers" more_than 100000 served_bytes_total_p2p $agents
  # shellcheck disable=SC2086
  is "$name: no byte that came from peers was wrong" [ "$(counter integrity_failures_total $agents)" = 0 ]
  for n in $all; do close_page "$n"; done
  # shellcheck disable=SC2086
  end_well $agents
}
module=hls.js low hls hls master.m3u8 '{"lowLatencyMode": true}'
low dash dash manifest.mpd '{"streaming": {"delay": {"liveDelay": 3}, "utcSynchronization": {"enabled": false}}}'
finish browser
end_well tracker
end
