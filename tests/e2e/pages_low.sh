#!/bin/bash
# pages_low.sh - low latency in pages: LL-HLS with hls.js, DASH in chunks with dash.js. Each has one page on the
# CDN, which is p2v-origin, and two or three on agents, which are each other's only peers.
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

# latency NAME LIKE: its picture is not later than that of a page on the CDN, but for a part or two that it began later
latency() {
  echo "$1 is $(seen "$1" .latency) s behind, $2 $(seen "$2" .latency) s"
  [ "$(jq -n "$(seen "$1" '.latency // 99') <= $(seen "$2" '.latency // 0') + 1")" = true ]
}

# low NAME PLAYER MANIFEST OPTIONS: by a mount, by the open form, and by the module if there is a page of that name
low() {
  local name=$1 player=$2 manifest=$3 options=$4 n pages_on='' seconds=15
  for n in 1 2 ${module:+3}; do
    agent "$name$n" "channel live.swarm=$name" "channel live.origin=http://$at/live/"
    pages_on="$pages_on $name$n"
  done
  open_player "$name" "$player" "http://$at/live/$manifest" "$options"
  open_player "${name}1" "$player" "$(url_of "${name}1" "/live/$manifest")" "$options"
  open_player "${name}2" "$player" "$(url_of "${name}2" "/x/http/$at/live/$manifest")" "$options"
  if [ -n "${module:-}" ]; then
    cdn=$at guide_page "${name}3" "$module" "${http_of[${name}3]}"
    open_page "${name}3" "${name}3.html" '"granted":true'
  fi
  # shellcheck disable=SC2086
  soon "$name: all begin" page_shows 25 "$name" $pages_on
  # shellcheck disable=SC2086
  mark "$name" $pages_on
  sleep $seconds
  for n in $pages_on; do
    is "$n plays" page_played "$n" $seconds "$name"
    is "$n: the CDN sees nothing of it" [ "$(asked_of "$n" "$at")" = 0 ]
    [ "$n" = "${name}3" ] || is "$n is not late" latency "$n" "$name"
  done
  # shellcheck disable=SC2086
  is "$name: bytes came from peers" more_than 100000 served_bytes_total_p2p $pages_on
  # shellcheck disable=SC2086
  is "$name: no byte that came from peers was wrong" [ "$(counter integrity_failures_total $pages_on)" = 0 ]
  for n in $name $pages_on; do close_page "$n"; done
  # shellcheck disable=SC2086
  end_well $pages_on
}
module=hls.js low hls hls master.m3u8 '{"lowLatencyMode": true}'
low dash dash manifest.mpd '{"streaming": {"delay": {"liveDelay": 3}, "utcSynchronization": {"enabled": false}}}'
finish browser
end_well tracker
end
