#!/bin/bash
# pages_long.sh - every player of pages, every kind of stream that it plays, every way in which it can be pointed at an agent:
# by a mount, by the open form, by the agent as the browser's proxy. Two pages of a kind are each other's only peers; a third
# plays from the CDN.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/browser.sh"
needs ffmpeg openssl
make_source
# The site and the CDN by TLS, too.
secure=$(quiet_address)
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=site.localhost \
  >"$work/openssl.log" 2>&1 || bail "no certificate"
cdn_more="listen $secure ssl; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; $cdn_more"
cdn
tracker
browser --ip-address-space-overrides="127.0.0.1:${cdn##*:}=public,$secure=public"
host=cdn.localhost:${cdn##*:}

# kind NAME PLAYER ENCODER MANIFEST PATH [OPTIONS]: a stream comes on air; one page plays it from the CDN, and a pair by each way.
# Each kind has a stream of its own that is as young, as dash.js does not survive the moment at which the encoder begins its
# source again, from the CDN either.
kind() {
  local name=$1 player=$2 encoder=$3 list=$4 manifest=$5 options=${6:-{\}} way n all='' seconds=12
  $encoder "$name" "$name"
  for way in mount open proxy; do
    for n in 1 2; do
      agent "${name}_$way$n" "channel live.swarm=$name-$way" "channel live.origin=http://$cdn/$name/" "channel live.mount=/$name" \
        "gateway.open_hosts=$host ${site#http://}"
    done
  done
  await_live 4 "$name/$list" "$name"
  for n in 1 2; do
    open_player "${name}_mount$n" "$player" "$(url_of "${name}_mount$n" "/$name/$manifest")" "$options"
    open_player "${name}_open$n" "$player" "$(url_of "${name}_open$n" "/x/http/$cdn/$name/$manifest")" "$options"
    open_player "${name}_proxy$n" "$player" "http://$cdn/$name/$manifest" "$options" "\"proxy\":\"http://${http_of[${name}_proxy$n]}\""
    all="$all ${name}_mount$n ${name}_open$n ${name}_proxy$n"
  done
  open_player "$name" "$player" "http://$cdn/$name/$manifest" "$options"
  # shellcheck disable=SC2086
  soon "$name: all begin" page_shows 25 "$name" $all
  # shellcheck disable=SC2086
  mark "$name" $all
  sleep $seconds
  is "$name plays from the CDN" [ "$(frames_since "$name")" -ge $((seconds * 20)) ]
  for n in $all; do is "$n plays" page_played "$n" $seconds "$name"; done
  for way in mount open proxy; do
    is "$name: bytes came from peers by $way" more_than 30000 served_bytes_total_p2p "${name}_${way}1" "${name}_${way}2"
    is "$name: no byte that came from peers was wrong by $way" \
      [ "$(counter integrity_failures_total "${name}_${way}1" "${name}_${way}2")" = 0 ]
    is "$name: nothing was kept from a player by $way" [ "$(counter fragments_total_failed "${name}_${way}1" "${name}_${way}2")" = 0 ]
  done
  for n in $name $all; do close_page "$n"; done
  finish "$name"
  # shellcheck disable=SC2086
  end_well $all
}
# One quality, without the filler that make_source has it filled up with: Chromium's own player does not decode that.
encode_lean() {
  mkdir -p "$www/$2"
  encode "$1" -map 0:2 -map 0:3 -bsf:v filter_units=remove_types=12 -f hls -hls_time 2 -hls_list_size 6 -hls_delete_threshold 6 \
    -hls_flags $hls_flags -hls_segment_filename "$www/$2/seg%d.ts" "$www/$2/index.m3u8"
}
delay='{"manifest":{"defaultPresentationDelay":6,"dash":{"ignoreSuggestedPresentationDelay":true}}}'
# Those named in P2V_KINDS, or all.
for k in ${P2V_KINDS:-ts fmp4 time number smooth shaka_time shaka_number shaka_ts video video_ts}; do
  case $k in
    ts) kind ts hls encode_ts v2/index.m3u8 master.m3u8 ;;
    fmp4) kind fmp4 hls encode_fmp4 v2/index.m3u8 master.m3u8 ;;
    time) kind time dash encode_dash live.mpd live.mpd ;;
    number) kind number dash encode_dash_number num.mpd num.mpd ;;
    smooth) kind smooth dash encode_smooth live.ism/Manifest live.ism/Manifest ;;
    shaka_time) kind shaka_time shaka encode_dash live.mpd live.mpd "$delay" ;;
    shaka_number) kind shaka_number shaka encode_dash_number num.mpd num.mpd "$delay" ;;
    shaka_ts) kind shaka_ts shaka encode_ts v2/index.m3u8 master.m3u8 ;;
    video) kind video native encode_fmp4 v2/index.m3u8 master.m3u8 ;;
    video_ts) kind video_ts native encode_lean index.m3u8 index.m3u8 ;;
  esac
done

# A site by https, with a CDN by https, and the agent by http on the viewer's machine: with leave, and without.
encode_ts secure
agent secure
await_live 4 live/v2/index.m3u8 secure
guide_page secure hls.js "${http_of[secure]}"
sed -i "s#cdn: \"http://$cdn/live/\"#cdn: { \"https://$secure/live/\": \"/live\" }#; s#http://$cdn/#https://$secure/#g" "$pages/secure.html"
site=https://site.localhost:${secure##*:}
open_page granted secure.html '"granted":true'
open_page denied secure.html
soon "by https: both begin" page_shows 25 granted denied
mark granted denied
sleep 8
is "by https, with leave: it plays" page_played granted 8 denied
is "by https, with leave: by the agent alone" [ "$(seen granted ".requests[\"https://$secure\"] // 0")" = 0 ]
is "by https, with leave: from what the agent has" at_least 4 asked_of granted "${http_of[secure]}"
is "by https, without: it plays" page_played denied 8
is "by https, without: from the CDN" at_least 4 seen denied ".requests[\"https://$secure\"]"
is "by https, without: the agent gave nothing" [ "$(seen denied '.sources | length')" = 0 ]
end_well secure
finish browser
end_well tracker
end
