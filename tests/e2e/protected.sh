#!/bin/bash
# protected.sh - encrypted media with two languages and subtitles, watched by two viewers whose agents share them: each fetches its
# keys itself, from the CDN; what they decrypt is byte for byte what was encrypted; and nothing of a key is anywhere else.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
needs ffmpeg
make_source
seconds=24
aes=$www/live/aes cenc=$www/live/cenc
mkdir -p "$aes" "$cenc"
key=KEY-of-AES-0123x # 16 bytes
cenc_key=00112233445566778899aabbccddeeff

# ---- what is on the CDN ----
# HLS: AES-128, sound and subtitles apart. The name of the key is the manifest's own.
printf %s "$key" >"$aes/key.bin"
printf 'key.bin?asset=7\n%s\n%s\n' "$aes/key.bin" 00000000000000000000000000000007 >"$work/keyinfo"
{
  echo WEBVTT
  for ((i = 0; i < seconds; i++)); do printf '\n00:00:%02d.000 --> 00:00:%02d.900\nline %d, \303\251t\303\251\n' "$i" "$i" "$i"; done
} >"$work/lines.vtt"
ffmpeg -y -nostdin -loglevel error -i "$source" -i "$work/lines.vtt" -t $seconds -map 0:1 -map 0:3 -map 0:4 -map 1:0 -c copy -c:s webvtt \
  -f hls -hls_time 2 -hls_playlist_type vod -hls_key_info_file "$work/keyinfo" -master_pl_name master.m3u8 \
  -var_stream_map "v:0,s:0,agroup:a,sgroup:s,name:picture a:0,agroup:a,language:en,default:yes,name:en a:1,agroup:a,language:de,name:de" \
  -hls_segment_filename "$aes/%v-%d.ts" "$aes/%v.m3u8" 2>"$work/aes.log" </dev/null || bail "nothing could be encrypted"
# DASH: common encryption (CENC, AES-CTR) of one file, played by ranges of it, with the address of a licence.
ffmpeg -y -nostdin -loglevel error -i "$source" -t $seconds -map 0:1 -map 0:3 -c copy -movflags faststart -encryption_scheme cenc-aes-ctr \
  -encryption_key $cenc_key -encryption_kid 0123456789abcdef0123456789abcdef "$cenc/film.mp4" 2>"$work/cenc.log" || bail "no CENC"
size=$(stat -c %s "$cenc/film.mp4")
head=$(($(grep -abo -m 1 mdat "$cenc/film.mp4" | head -n 1 | cut -d : -f 1) + 4)) # [B] before the media
each=$(((size - head) / 12 + 1))
ranges="0-$((head - 1))"
for ((at = head; at < size; at += each)); do
  ranges="$ranges $at-$((at + each < size ? at + each - 1 : size - 1))"
done
printf 'a licence for one viewer: %s' $cenc_key >"$cenc/licence"
cdn
{
  echo '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT24S"><Period>'
  echo '<AdaptationSet contentType="video" mimeType="video/mp4">'
  echo '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"/>'
  echo '<ContentProtection schemeIdUri="urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e">'
  echo "<Laurl>http://$cdn/live/cenc/licence</Laurl></ContentProtection>"
  echo "<Representation id=\"0\" bandwidth=\"$((size * 8 / seconds))\"><BaseURL>film.mp4</BaseURL><SegmentList duration=\"2\">"
  echo "<Initialization range=\"${ranges%% *}\"/>"
  for r in ${ranges#* }; do echo "<SegmentURL mediaRange=\"$r\"/>"; done
  echo '</SegmentList></Representation></AdaptationSet></Period></MPD>'
} >"$cenc/film.mpd"
tracker
for n in a b; do agent $n; done

# ---- two viewers of each ----
# subtitles AGENT: as a player loads them that shows them, into $work/AGENT.vtt
subtitles() {
  curl -s -m 30 -o "$work/$1.list" "$(url_of "$1" /live/aes/picture_vtt.m3u8)"
  for s in $(grep -v '^#' "$work/$1.list"); do curl -s -m 30 "$(url_of "$1" "/live/aes/$s")"; done >"$work/$1.vtt"
}
# decrypts NAME HOW URL: ffmpeg plays it, and tells a digest of each stream
decrypts() {
  local name=$1 how=$2
  # shellcheck disable=SC2086
  part "$name" ffmpeg -nostdin -loglevel error $how -user_agent "viewer-$name" -i "$3" -map 0:v -map 0:a -c copy -f streamhash -hash md5 -
}
# plays NAME URL: a player of ours, which does not load all of a short film at once
plays() { part "$1" "$player" --json --max-buffer 6s "$2"; }
decrypts direct '' "http://$cdn/live/aes/master.m3u8"
await 60 gone direct
fetched=$(asked '"viewer-direct"$')
decrypts fa -re "$(url_of a /live/aes/master.m3u8)"
plays pa "$(url_of a /live/cenc/film.mpd)"
await 60 eval '[ "$(asked "GET /live/aes/picture-2.ts.*viewer-fa")" -ge 1 ]'
subtitles a
decrypts fb -re "$(url_of b /live/aes/master.m3u8)"
plays pb "$(url_of b /live/cenc/film.mpd)"
subtitles b
await 120 eval 'gone fa && gone fb && gone pa && gone pb'
ffmpeg -nostdin -loglevel error -i "$source" -t $seconds -map 0:1 -map 0:3 -c copy -f streamhash -hash md5 - >"$work/clear.out" 2>"$work/clear.log"

for s in $(grep -v '^#' "$aes/picture_vtt.m3u8"); do cat "$aes/$s"; done >"$work/cdn.vtt"

# ---- the media ----
say "$(<"$work/direct.out")"
say "from peers: $(counter served_bytes_total_p2p a) and $(counter served_bytes_total_p2p b) bytes, from the CDN:" \
  "$(counter served_bytes_total_cdn a) and $(counter served_bytes_total_cdn b)"
is "there is a picture and two languages" [ "$(wc -l <"$work/direct.out")" = 3 ]
is "the first viewer decrypts what the CDN's own does" cmp "$work/fa.out" "$work/direct.out"
is "so does the second" cmp "$work/fb.out" "$work/direct.out"
is "peers serve each other" [ "$(counter served_bytes_total_p2p a b)" -gt 1000000 ]
# Each viewer has all of them, and the CDN was asked for fewer.
n=$(compgen -G "$aes/en-*.ts" | wc -l)
is "sound came from peers" [ "$(asked 'GET /live/aes/en-.*viewer-f[ab]"$')" -lt $((2 * n)) ]
is "the other language, too" [ "$(asked 'GET /live/aes/de-.*viewer-f[ab]"$')" -lt $((2 * n)) ]
for n in a b; do
  is "$n: nothing was kept from a player" [ "$(counter fragments_total_failed $n)" = 0 ]
  is "$n: a player of ours plays the film" jq -e '.ended and .stalls == 0' "$work/p$n.out"
  is "$n: the subtitles are the CDN's" cmp "$work/$n.vtt" "$work/cdn.vtt"
  : >"$work/film.$n"
  for r in $ranges; do curl -s -m 30 -r "$r" "$(url_of $n /live/cenc/film.mp4)" >>"$work/film.$n"; done
  is "$n: the film is the CDN's" cmp "$work/film.$n" "$cenc/film.mp4"
  ffmpeg -nostdin -loglevel error -decryption_key $cenc_key -i "$work/film.$n" -map 0:v -map 0:a -c copy -f streamhash -hash md5 - \
    >"$work/clear.$n" 2>"$work/clear.$n.log"
  is "$n: it is decrypted to what was encrypted" cmp "$work/clear.$n" "$work/clear.out"
  curl -s -m 30 -o "$work/mpd" "$(url_of $n /live/cenc/film.mpd)"
  is "$n: the manifest names the licence as the CDN does" cmp "$work/mpd" "$cenc/film.mpd"
done

# ---- the keys ----
keys_of() { asked "GET /live/aes/key.bin\\?asset=7 .*\"$1\"\$"; }
of_one=$(keys_of viewer-direct)
for n in a b; do
  is "$n: the viewer has the key from the CDN as often as one without an agent" [ "$(keys_of viewer-f$n)" = "$of_one" ]
  before=$(counter requests_total_other $n)
  for _ in 1 2; do
    curl -s -m 30 -A "again-$n" -D "$work/head" -o "$work/answer" "$(url_of $n '/live/aes/key.bin?asset=7')"
    curl -s -m 30 -A "again-$n" -o "$work/answer2" "$(url_of $n /live/cenc/licence)"
  done
  is "$n: a key is the CDN's" cmp "$work/answer" "$aes/key.bin"
  is "$n: it passes through" grep -qi 'cache-status: peer2view; fwd=bypass' "$work/head"
  is "$n: a licence is the CDN's" cmp "$work/answer2" "$cenc/licence"
  is "$n: each time anew" [ "$(keys_of again-$n) $(asked "GET /live/cenc/licence .*again-$n")" = '2 2' ]
  is "$n: none of them counts as media" [ $(($(counter requests_total_other $n) - before)) = 4 ]
  curl -s -m 30 -o "$work/$n.metrics" "http://${http_of[$n]}/metrics"
  curl -s -m 30 -o "$work/$n.stats" "http://${http_of[$n]}/stats.json"
done
is "nothing else was asked for by the CDN's own viewer" [ "$fetched" = "$(asked '"viewer-direct"$')" ]
rm -f "$work/answer" "$work/answer2" "$work/keyinfo"
left=$(grep -rlaF -e "$key" -e $cenc_key "$work" | grep -v "^$www/")
is "no file of a node has a key in it" [ -z "$left" ]
is "no byte that came from peers was wrong" [ "$(counter integrity_failures_total a b)" = 0 ]
end_well a b tracker
end
