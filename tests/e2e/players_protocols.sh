#!/bin/bash
# players_protocols.sh - DASH, Smooth and HDS, each by a player of others that can play it: through mounts, from the CDN, and a
# part of it from each other. Each protocol by each player, in each way, is in matrix.sh.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_dash dash
encode_dash_number number
encode_smooth smooth
encode_hds hds
tracker
find_players
seconds=8 ways=mount ffmpeg_video=0
declare -A kinds=([dash]=ffmpeg [smooth]=gst1 [hds]=ytdlp) manifests=([dash]=live.mpd [smooth]=live.ism/Manifest [hds]=hds/index.f4m)

for protocol in dash smooth hds; do
  with_player ${kinds[$protocol]} && on="${on:-} $protocol"
done
for protocol in ${on:-}; do
  ready_ways "$protocol"
done
agent clock "channel live.swarm=clock"
# What begins with the first fragment ever makes an old demultiplexer fail, with the CDN alone too.
await_live 12 live/live.ism/Manifest smooth
for protocol in ${on:-}; do
  begin_ways "${kinds[$protocol]}" "$protocol" "${manifests[$protocol]}"
done
# shellcheck disable=SC2086
watch $seconds $watched

# While those play: fragments that are numbered by the clock. The encoder is late, and a player may be early.
await_fresh live/num.mpd
curl -s -o "$work/num.mpd" "$(url_of clock /live/num.mpd)"
newest=$(on_air_now live/num.mpd | sort -V | tail -n 1)
number=${newest##*-}
number=$((10#${number%.m4s} + 1))
next=$(printf '/live/num-2-%05d.m4s' $number)
far=$(printf '/live/num-2-%05d.m4s' $((number + 5)))
status_of() { curl -s -m 20 -o "$work/${2:-got}" -w '%{http_code}' "$1"; }
is "the CDN says that the next fragment is missing" [ "$(status_of "http://$cdn$next")" = 404 ]
is "an agent waits for it" [ "$(status_of "$(url_of clock "$next")" early)" = 200 ]
is "it is what the CDN has then" cmp "$work/early" "$www$next"
is "what is far off is missing at once" [ "$(status_of "$(url_of clock "$far")")" = 404 ]
end_well clock

# shellcheck disable=SC2086
leave $watched
for protocol in ${on:-}; do
  end_ways "$protocol" "$protocol" $seconds
done
end_well tracker
end
