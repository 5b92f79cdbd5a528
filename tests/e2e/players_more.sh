#!/bin/bash
# players_more.sh - the other ways in which a player is pointed at an agent (the open form, the agent as HTTP proxy), and
# the other ways in which fragments come: encrypted, as byte ranges of one file, on demand.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg openssl
make_source
cdn
tracker
port=${cdn##*:}

# ---- what is on air ----

encode_ts

# Encrypted: a key that the list names with a whole URL, so that it has to be led back through the agent.
mkdir -p "$www/live/secret"
openssl rand 16 >"$www/live/secret/the.key"
printf '%s\n' "http://$cdn/live/secret/the.key?for=all" "$www/live/secret/the.key" 00112233445566778899aabbccddeeff >"$work/keyinfo"
encode encrypted -map 0:2 -map 0:3 -f hls -hls_time 2 -hls_list_size 6 -hls_delete_threshold 6 -hls_flags $hls_flags \
  -hls_key_info_file "$work/keyinfo" -hls_segment_filename "$www/live/secret/seg%d.ts" "$www/live/secret/index.m3u8"

# Byte ranges: one file, of which a list on demand names all and a live one a window that moves on.
mkdir -p "$www/live/ranges"
ffmpeg -nostdin -loglevel error -i "$source" -map 0:2 -map 0:3 -c copy -f hls -hls_time 2 -hls_playlist_type vod \
  -hls_flags single_file "$www/live/ranges/vod.m3u8" || bail "no byte ranges"
# shellcheck disable=SC2016
part roller bash -c 'cd "$1" || exit 1
  mapfile -t lines < <(grep -A 2 "^#EXTINF" vod.m3u8 | grep -v "^--")
  for ((first = 0; 3 * (first + 6) <= ${#lines[@]}; first++)); do
    printf "%s\n" "#EXTM3U" "#EXT-X-VERSION:4" "#EXT-X-TARGETDURATION:2" "#EXT-X-MEDIA-SEQUENCE:$first" \
      "${lines[@]:3 * first:18}" >live.part
    mv live.part live.m3u8
    sleep 2
  done
  sleep 1000' roller "$www/live/ranges"

# ---- who watches ----

# The open form and the proxy form name the CDN by a name that is this machine on every machine.
host=cdn.localhost:$port
agent open "channel live.mount=" "channel live.origin=" "gateway.open_hosts=$host"
agent proxy "channel live.mount=" "channel live.origin=" "gateway.open_hosts=$host"
for pair in secret ranges vod; do
  agent ${pair}_1 "channel live.swarm=$pair"
  agent ${pair}_2 "channel live.swarm=$pair"
done
await_live 4 live/v2/index.m3u8
await_live 4 live/secret/index.m3u8 encrypted

ffmpeg_video=2
play ffmpeg direct "http://$cdn/live/master.m3u8"
play ffmpeg opened "http://${http_of[open]}/x/http/$host/live/master.m3u8"
play ffmpeg proxied "http://$host/live/master.m3u8" "http_proxy=http://${http_of[proxy]}/"
play ours proxied2 "http://$host/live/master.m3u8" "http_proxy=http://${http_of[proxy]}/"
ffmpeg_video=0
play ffmpeg secret "http://$cdn/live/secret/index.m3u8"
play ffmpeg secret1 "$(url_of secret_1 /live/secret/index.m3u8)"
play ffmpeg secret2 "$(url_of secret_2 /live/secret/index.m3u8)"
play ffmpeg ranges "http://$cdn/live/ranges/live.m3u8"
play ffmpeg ranges1 "$(url_of ranges_1 /live/ranges/live.m3u8)"
play ours ranges2 "$(url_of ranges_2 /live/ranges/live.m3u8)"
play ffmpeg vod1 "$(url_of vod_1 /live/ranges/vod.m3u8)"
await 60 more_than 1000000 cache_bytes vod_1
play ffmpeg vod2 "$(url_of vod_2 /live/ranges/vod.m3u8)"
all='direct opened proxied proxied2 secret secret1 secret2 ranges ranges1 ranges2 vod1 vod2'
# shellcheck disable=SC2086
watch 12 $all
# shellcheck disable=SC2086
leave $all

# ---- the open form and the proxy form ----
is "the open form plays" played opened 10 direct
is "the proxy form plays" played proxied 10 direct
is "the proxy form plays for two" played proxied2 10
is "both are one swarm" more_than 100000 served_bytes_total_p2p open proxy
end_well open proxy

# ---- encrypted ----
is "what is encrypted plays" played secret1 10 secret
is "what is encrypted plays through another agent" played secret2 10 secret
is "encrypted: bytes came from peers" more_than 100000 served_bytes_total_p2p secret_1 secret_2
# As often as players open it, so often the CDN sees it: whoever else has asked before, and through whichever agent.
for _ in 1 2 3; do
  curl -s -D "$work/key.head" -o "$work/key.got" "$(url_of secret_1 '/live/secret/the.key?for=all')"
done
opened=$(cat "$work"/secret{,1,2}.log | grep -c "Opening '.*the.key")
is "players opened the key" [ "$opened" -ge 3 ]
is "each request for a key reaches the CDN" [ "$(asked 'GET /live/secret/the.key')" = $((opened + 3)) ]
is "a key is the CDN's" cmp "$work/key.got" "$www/live/secret/the.key"
is "it says so" grep -qi '^cache-status: peer2view; fwd=bypass' "$work/key.head"
curl -s "$(url_of secret_1 /live/secret/index.m3u8)" >"$work/list"
is "the key's whole URL leads through the agent" grep -q 'URI="/live/secret/the.key?for=all"' "$work/list"
end_well secret_1 secret_2

# ---- byte ranges ----
is "byte ranges play" played ranges1 10 ranges
is "byte ranges play with our own player" played ranges2 10 ranges
is "byte ranges: bytes came from peers" more_than 100000 served_bytes_total_p2p ranges_1 ranges_2
is "on demand plays" played vod1 10
is "on demand plays for whoever comes later" played vod2 10
is "on demand: bytes came from peers" more_than 100000 served_bytes_total_p2p vod_1 vod_2
end_well ranges_1 ranges_2 vod_1 vod_2
end_well tracker
end
