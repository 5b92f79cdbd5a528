#!/bin/bash
# origin.sh - p2v-origin with a real encoder: what it serves is what the drafts have, ffmpeg plays it as HLS and as DASH, and
# wrong input is named.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/low.sh"
needs ffmpeg ffprobe
make_source

low_origin one --window 14s
low_origin two --window 14s --parts ranges
low_encoder encoder one two
base=http://${http_of[one]}/live
ranges=http://${http_of[two]}/live

# ---- what cannot be served, meanwhile ----
printf 'this is no film, and never was one' | "$origin" v=- >"$work/out" 2>"$work/err"
is "what is no MP4 is refused" [ $? = 1 ]
is "… and named with its byte" grep -q "^p2v-origin: v: byte 0: the box ' is ' of [0-9]* bytes is over the limit" "$work/err"
"$origin" "v=$source" >"$work/out" 2>"$work/err"
is "an MP4 that is not fragmented is refused" [ $? = 1 ]
is "… with what to do" grep -q '^p2v-origin: v: byte [0-9]*: .*no fragmented MP4' "$work/err"
ffmpeg -nostdin -loglevel error -i "$source" -map 0:0 -c copy -t 5 $(low_to "$work/cut.mp4")
head -c 100000 "$work/cut.mp4" | "$origin" v=- >"$work/out" 2>"$work/cut.err" &
cutting=$!
await 60 grep -q . "$work/cut.err"
is "one that breaks off is told" grep -q '^p2v-origin: v: byte 100000: the stream ends in the middle of a ' "$work/cut.err"
kill -TERM $cutting
wait $cutting
is "… and its end says so, too" [ $? = 1 ]

low_on_air one
low_on_air two

# ---- playing it ----
# frames_of URL: how many are decoded, of the picture 100 and of the sound as much, wherever in a segment each begins
frames_of() {
  timeout 60 ffmpeg -nostdin -loglevel error -i "$1" -map 0:v:0 -map 0:a:0 -frames:v 100 -frames:a 172 -progress - -f null - 2>&1 |
    sed -nE 's/^frame=//p' | tail -n 1
}
frames_of "$base/master.m3u8" >"$work/frames.hls" &
plays[0]=$!
frames_of "$base/manifest.mpd" >"$work/frames.dash" &
plays[1]=$!

# ---- playlists ----
get() { curl -s -m 20 "$@"; }
# answer URL [CURL-OPTION]...: "STATUS SECONDS BYTES", the head in $work/head, the body in $work/body
answer() { curl -s -m 20 -o "$work/body" -D "$work/head" -w '%{http_code} %{time_total} %{size_download}' "${@:2}" "$1"; }
status() { answer "$@" | cut -d ' ' -f 1; }
has() { grep -qE -- "$2" "$1"; }
newest() { get "$1" | sed -nE 's/^seg([0-9]+)\.m4s$/\1/p' | tail -n 1; }
field() { sed -nE "s/^$2: (.*)\r\$/\1/Ip" "$1"; }
list=$base/v0/index.m3u8

get "$base/master.m3u8" >"$work/master"
is "the master names two qualities and a sound" eval '[ "$(grep -c "^#EXT-X-STREAM-INF" "$work/master")" = 2 ] &&
  has "$work/master" "CODECS=\"avc1\.[0-9A-F]{6},mp4a\.40\.2\",RESOLUTION=320x180,AUDIO=\"audio\"" &&
  has "$work/master" "^#EXT-X-MEDIA:TYPE=AUDIO,.*URI=\"a0/index.m3u8\""'
await 30 eval '[ "$(newest "$list")" -ge 8 ]' # by then there is something to skip
get "$list" >"$work/list"
for line in '#EXT-X-TARGETDURATION:2$' '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0\.6[0-9]*,CAN-SKIP-UNTIL=12\.0$' \
  '#EXT-X-PART-INF:PART-TARGET=0\.2[0-9]*$' '#EXT-X-MAP:URI="init.mp4"$' '#EXT-X-PROGRAM-DATE-TIME:.*Z$' \
  '#EXT-X-PART:DURATION=0\.2[0-9]*,URI="part[0-9]+\.0\.m4s",INDEPENDENT=YES$' '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part[0-9.]+m4s"$' \
  '#EXT-X-RENDITION-REPORT:URI="\.\./a0/index\.m3u8",LAST-MSN=[0-9]+,LAST-PART=[0-9]+$'; do
  is "a playlist has $line" has "$work/list" "^$line"
done
is "no part is over the target, and none but a last one under 85 % of it" awk -F '[=,]' '
  /PART-TARGET/ { target = $2 }
  /^#EXTINF|^#EXT-X-PRELOAD/ { last = 0 }
  /^#EXT-X-PART:/ { if (last && last < 0.85 * target) bad = 1; last = $2; if ($2 > target) bad = 1 }
  END { exit bad || !target }' "$work/list"
"$p2v" manifest "$list" --json >"$work/neutral"
is "our own parser finds nothing wrong with it" jq -e '.errors == [] and .ll.can_block and .ll.skip_until_us == 12000000 and
  (.tracks[0].segments | length) >= 6' "$work/neutral"

n=$(newest "$list")
is "a reload for what is there is answered at once" [ "$(status "$list?_HLS_msn=$n&_HLS_part=1")" = 200 ]
read -r code seconds _ < <(answer "$list?_HLS_msn=$((n + 2))&_HLS_part=0")
is "one for a part to come is held until it is there" eval '[ "$code" = 200 ] && grep -q "part$((n + 2))\.0\." "$work/body"'
is "… which took its time" awk "BEGIN { exit !($seconds > 0.01) }"
is "… and may be kept for six target durations" [ "$(field "$work/head" cache-control)" = max-age=12 ]
n=$(newest "$list")
is "one for a whole segment is held, too" eval '[ "$(status "$list?_HLS_msn=$((n + 1))")" = 200 ] && grep -q "^seg$((n + 1))\.m4s" "$work/body"'
is "one for more than two ahead is a bad request" [ "$(status "$list?_HLS_msn=$((n + 20))")" = 400 ]
is "… that is not kept" [ "$(field "$work/head" cache-control)" = no-store ]
n=$(newest "$list")
is "so is one for a part too far ahead" [ "$(status "$list?_HLS_msn=$((n + 2))&_HLS_part=40")" = 400 ]
is "so is one for a part of nothing" [ "$(status "$list?_HLS_part=1")" = 400 ]
is "so is what is no number" [ "$(status "$list?_HLS_msn=x")" = 400 ]
is "a plain playlist is kept for half a target duration" eval '[ "$(status "$list")" = 200 ] && [ "$(field "$work/head" cache-control)" = max-age=1 ]'
all=$(get "$list")
some=$(get "$list?_HLS_skip=YES")
skipped=$(sed -nE 's/^#EXT-X-SKIP:SKIPPED-SEGMENTS=([0-9]+)$/\1/p' <<<"$some")
is "a delta update skips something" [ "${skipped:-0}" -ge 1 ]
is "… and has the rest" [ $((skipped + $(grep -c '^#EXTINF' <<<"$some"))) -ge "$(grep -c '^#EXTINF' <<<"$all")" ]
is "… nothing of which is older than the boundary" [ "$(grep -c '^#EXTINF' <<<"$some")" -le 7 ]

# ---- media ----
hint=$(get "$list" | sed -nE 's/.*PRELOAD-HINT.*URI="([^"]+)".*/\1/p')
is "the hinted part is held until it is there" [ "$(status "$base/v0/$hint")" = 200 ]
is "… and begins as a chunk does" eval '[ "$(head -c 8 "$work/body" | tail -c 4)" = moof ]'
is "a part that is not hinted is not there" [ "$(status "$base/v0/${hint%.*.m4s}.99.m4s")" = 404 ]
is "… which may be kept for a target duration" [ "$(field "$work/head" cache-control)" = max-age=2 ]
n=$(newest "$list")
parts=$(get "$list" | sed -nE "s/^#EXT-X-PART:.*URI=\"(part$n\.[0-9]+\.m4s)\".*/\1/p")
for p in $parts; do get "$base/v0/$p"; done >"$work/parts"
get "$base/v0/seg$n.m4s" >"$work/segment"
is "a segment is its parts" cmp -s "$work/parts" "$work/segment"
is "a range of it is" eval '[ "$(status "$base/v0/seg$n.m4s" -r 8-15)" = 206 ] &&
  cmp -s "$work/body" <(head -c 16 "$work/segment" | tail -c 8) &&
  [ "$(field "$work/head" content-range)" = "bytes 8-15/$(wc -c <"$work/segment")" ]'
is "a range beyond its end is not" [ "$(status "$base/v0/seg$n.m4s" -r 99999999-)" = 416 ]
is "HEAD tells its length" eval '[ "$(status "$base/v0/seg$n.m4s" -I)" = 200 ] &&
  [ "$(field "$work/head" content-length)" = "$(wc -c <"$work/segment")" ]'
cat <(get "$base/v0/init.mp4") "$work/segment" >"$work/both.mp4"
is "with its init segment it has 50 frames" [ "$(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$work/both.mp4")" = 50 ]
n=$(newest "$list")
read -r first total < <(curl -s -m 20 -o "$work/body" -w '%{time_starttransfer} %{time_total}' "$base/v0/seg$((n + 1)).m4s")
is "a segment that grows is sent as it comes" eval 'cmp -s "$work/body" <(get "$base/v0/seg$((n + 1)).m4s")'
say "its first byte after $first s, its last after $total s"
is "nor is one that is far away" [ "$(status "$base/v0/seg$((n + 50)).m4s")" = 404 ]
is "anybody may ask from another site" [ "$(field "$work/head" access-control-allow-origin)" = '*' ]
is "OPTIONS is answered" [ "$(status "$base/master.m3u8" -X OPTIONS)" = 204 ]
is "POST is not" [ "$(status "$base/master.m3u8" -X POST -d x)" = 405 ]
is "nothing else is there" [ "$(status "$base/v9/index.m3u8")" = 404 ]

# ---- parts that are ranges ----
get "$ranges/v0/index.m3u8" >"$work/list"
is "parts can be ranges of their segment" has "$work/list" '^#EXT-X-PART:.*URI="seg[0-9]+\.m4s",BYTERANGE="[0-9]+@[0-9]+"'
is "… and the hint says where the next one begins" has "$work/list" '^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="seg[0-9]+\.m4s",BYTERANGE-START=[0-9]+'
read -r uri from < <(get "$ranges/v0/index.m3u8" | sed -nE 's/.*HINT:.*URI="(.*)",BYTERANGE-START=([0-9]+)/\1 \2/p')
is "the hinted range is held until it is there" eval '[ "$(status "$ranges/v0/$uri" -r "$from-")" = 206 ] &&
  [ "$(head -c 8 "$work/body" | tail -c 4)" = moof ]'

# ---- the end ----
wait "${plays[@]}"
is "ffmpeg plays it as HLS" [ "$(<"$work/frames.hls")" = 100 ]
is "ffmpeg plays it as DASH" [ "$(<"$work/frames.dash")" = 100 ]
is "DASH has a clock" eval 'get "$base/manifest.mpd" | grep -q "http-iso:2014\" value=\"http://${http_of[one]}/time\"" &&
  get "http://${http_of[one]}/time" | grep -qE "^20[0-9-]+T[0-9:.]+Z$"'
old=$(get "$list" | sed -nE 's/^#EXT-X-MEDIA-SEQUENCE:([0-9]+)$/\1/p')
finish encoder INT
soon "when the encoder ends, the playlist does" eval 'get "$list" | grep -q "^#EXT-X-ENDLIST"'
is "… and nobody waits for more" [ "$(status "$list?_HLS_msn=999999")" = 200 ]
is "… and what was listed is still there" [ "$(status "$base/v0/seg$old.m4s")" = 200 ]
end_well one two
is "its pipes are gone" [ -z "$(ls "$work" | grep -E '^(one|two)\.(v0|v1|a0)$')" ]
end
