#!/bin/bash
# gateway.sh - an agent as HTTP server, as curl sees it, in front of nginx.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
needs ffmpeg gzip truncate
make_source

# ---- what the CDN has ----
mkdir -p "$www/live/slow" "$www/live/flaky" "$www/live/own" "$www/other" "$www/else"
ffmpeg -nostdin -loglevel error -t 16 -i "$source" -map 0:2 -map 0:3 -c copy -f hls -hls_time 2 -hls_list_size 0 \
  -hls_flags independent_segments -hls_segment_filename "$www/live/seg%d.ts" "$www/live/index.m3u8" || bail "no fragments"
segments=$(grep -c '^#EXTINF' "$www/live/index.m3u8")
for d in slow flaky own; do
  cp "$www/live/index.m3u8" "$www/live"/seg*.ts "$www/live/$d/"
done
cp "$www/live/index.m3u8" "$www/live/playlist.txt"
cp "$www/live/index.m3u8" "$www/live"/seg*.ts "$www/other/"
printf 'a text that is long enough to be worth a little work, is it not\n%.0s' {1..50} >"$www/live/text.txt"
echo elsewhere >"$www/else/where.txt"
truncate -s 500M "$www/live/big.bin"
printf '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nlisted-but-missing.ts\n#EXTINF:2,\nseg0.ts\n#EXT-X-ENDLIST\n' >"$www/live/holes.m3u8"

cdn_more='
  location /live/slow/ { limit_rate 150k; }
  location /live/flaky/ { error_page 503 @empty; if (-f $document_root/down) { return 503; } }
  location @empty { return 503 "not now"; }
  location /live/own/ { add_header Access-Control-Allow-Origin https://site.example; add_header Set-Cookie who=me;
                        add_header X-Own yes; }
  location /live/text.txt { gzip on; }
  location /live/zipped/ { alias '$www'/live/; gzip on; gzip_types application/vnd.apple.mpegurl; }
  location = /live/moved.txt { return 302 /live/text.txt; }
  location = /live/moved/index.m3u8 { return 302 /live/own/index.m3u8; }
  location = /live/away.txt { return 301 http://localhost:$server_port/else/where.txt; }
  location = /live/forbidden.txt { return 403; }
  location = /live/teapot.txt { return 418; }
  location = /live/error.txt { return 500; }
  location = /live/nothing.txt { return 204; }
'
cdn
agent a "channel other.mount=/live/other" "channel other.origin=http://$cdn/other/" \
  gateway.allow_hosts=agent.example "gateway.open_hosts=$cdn" delivery.max_fragment=1Mi
a=http://${http_of[a]}

# ---- words ----
# get PATH [CURL-OPTION]...: body, head, status and what curl measured
get() {
  local path=$1
  shift
  status=$(curl -s -m 120 --path-as-is -D "$work/head" -o "$work/body" -w '%{http_code}' "$@" "$a$path")
  [ "$status" != 000 ] || : >"$work/head"
}
header() { sed -nE "s/^$1: *(.*)\r$/\1/ip" "$work/head"; }
headers_named() { grep -ciE "^$1:" "$work/head"; }
# gives NAME STATUS [FILE]: the last answer had that status, and that body
gives() {
  if [ "$status" = "$2" ] && { [ -z "${3:-}" ] || cmp -s "$work/body" "$3"; }; then
    ok "$1"
  else
    not_ok "$1" "status $status instead of $2: $(<"$work/head")
$(head -c 200 "$work/body" | tr -cd '\n -~')"
  fi
}
# says NAME HEADER VALUE: the last answer's header is that, a pattern of [[ == ]]
says() {
  # shellcheck disable=SC2053
  if [[ $(header "$2") == $3 ]]; then ok "$1"; else not_ok "$1" "$2: $(header "$2") instead of $3"; fi
}
part_of() { tail -c "+$(($2 + 1))" "$1" | head -c $(($3 - $2 + 1)) >"$work/part"; } # FILE FIRST LAST
seg=$www/live/seg0.ts
size=$(stat -c %s "$seg")

# ---- a list, and its fragments ----
get /live/index.m3u8
gives "a list is the CDN's" 200 "$www/live/index.m3u8"
says "its type" Content-Type 'application/vnd.apple.mpegurl*'
says "it came from the CDN" X-P2V-Source cdn
says "… in the words of RFC 9211" Cache-Status 'peer2view; fwd=miss'
says "pages of other sites may read it" Access-Control-Allow-Origin '[*]'
get /live/seg0.ts
gives "a fragment is the CDN's" 200 "$seg"
says "its type is the CDN's" Content-Type video/mp2t
says "its length" Content-Length "$size"
says "it can be had in parts" Accept-Ranges bytes
says "it came from the CDN too" X-P2V-Source cdn
is "it has the CDN's validator" [ "$(header ETag)" = "$(curl -s -D - -o /dev/null "http://$cdn/live/seg0.ts" | sed -nE 's/^etag: *(.*)\r$/\1/ip')" ]
before=$(asked 'GET /live/seg0.ts')
get /live/seg0.ts
gives "the fragment once more" 200 "$seg"
says "now it is at hand" X-P2V-Source cache
says "… in the words of RFC 9211" Cache-Status 'peer2view; hit'
is "the CDN was not asked again" [ "$(asked 'GET /live/seg0.ts')" = "$before" ]

# ---- parts ----
for which in hand cdn; do
  [ $which = hand ] && path=/live/seg0.ts || path=/live/text.txt
  file=$www$path
  n=$(stat -c %s "$file")
  get $path -r 0-99
  part_of "$file" 0 99
  gives "the first hundred bytes ($which)" 206 "$work/part"
  says "… say which they are ($which)" Content-Range "bytes 0-99/$n"
  get $path -r 1000-
  part_of "$file" 1000 $((n - 1))
  gives "all but the first thousand ($which)" 206 "$work/part"
  get $path -r -10
  part_of "$file" $((n - 10)) $((n - 1))
  gives "the last ten ($which)" 206 "$work/part"
  get $path -r 100-999999999
  part_of "$file" 100 $((n - 1))
  gives "more than there is ($which)" 206 "$work/part"
  get $path -r 999999999-
  gives "beyond the end ($which)" 416
  says "… says where that is ($which)" Content-Range "bytes [*]/$n"
done
get /live/seg0.ts -H 'Range: bytes=0-1,5-6'
gives "two parts at once: the whole" 200 "$seg"
get /live/seg0.ts -H 'Range: lines=1-2'
gives "parts of another kind: the whole" 200 "$seg"
get /live/index.m3u8 -r 0-
gives "a list by range, as browsers ask for it" 206 "$www/live/index.m3u8"
get /live/seg1.ts -r 0-99
part_of "$www/live/seg1.ts" 0 99
gives "the first part of what is not at hand" 206 "$work/part"
get /live/seg1.ts
gives "then all of it" 200 "$www/live/seg1.ts"

# ---- HEAD, OPTIONS and others ----
get /live/seg0.ts -I
gives "HEAD of a fragment" 200
says "… tells its length" Content-Length "$size"
get /live/index.m3u8 -I
gives "HEAD of a list" 200
get /live/text.txt -I
gives "HEAD of anything" 200
says "… tells its length" Content-Length "$(stat -c %s "$www/live/text.txt")"
get /healthz -I
gives "HEAD of a status page" 200
get /live/seg0.ts -X OPTIONS -H 'Origin: https://site.example' -H 'Access-Control-Request-Method: GET' \
  -H 'Access-Control-Request-Headers: range, x-more' -H 'Access-Control-Request-Private-Network: true'
gives "a browser asks whether it may ask" 204
says "… it may" Access-Control-Allow-Origin https://site.example
says "… with those headers" Access-Control-Allow-Headers 'range, x-more'
says "… from a public page" Access-Control-Allow-Private-Network true
for method in POST PUT DELETE; do
  get /live/index.m3u8 -X $method -d x
  gives "$method is refused" 405
done
get /live/own/index.m3u8
is "a list has the CDN's word on other sites, once" [ "$(header Access-Control-Allow-Origin)" = https://site.example ]
get /live/own/seg3.ts
is "a fragment too" [ "$(header Access-Control-Allow-Origin)" = https://site.example ]
says "… and headers that nobody knows" X-Own yes
is "a cookie is one viewer's own" [ "$(headers_named Set-Cookie)" = 0 ]

# ---- who may call, and for what ----
for host in evil.example "evil.example:${a##*:}" 127.0.0.1.evil.example; do
  get /live/index.m3u8 -H "Host: $host"
  gives "called as $host" 403
done
get /stats.json -H 'Host: evil.example'
gives "the status pages neither" 403
for host in localhost "localhost:${a##*:}" '[::1]:80' 192.0.2.7 agent.example agent.example:1; do
  get /live/index.m3u8 -H "Host: $host"
  gives "called as $host" 200
done
get /nothing
gives "what is mounted nowhere" 404
get /live/../../etc/passwd
gives "out of the mount" 400
get /live/%2e%2e/%2e%2e/etc/passwd
is "out of the mount, disguised" [ "$status" = 400 -o "$status" = 404 ]
get /livestock/index.m3u8
gives "a mount's name is whole" 404
get /live/other/index.m3u8
gives "the longer mount counts" 200 "$www/other/index.m3u8"
is "… and its origin" [ "$(asked 'GET /other/index.m3u8')" -ge 1 ]
get "/x/http/$cdn/else/where.txt"
gives "the open form" 200 "$www/else/where.txt"
get /x/http/evil.example/x
gives "the open form is for hosts that are named" 403
get /x/http/127.0.0.1:1/x
gives "… with their port" 403
get /x/ftp/127.0.0.1/x
gives "… over HTTP" 400
get /x/
gives "the open form needs a host" 400
status=$(curl -s -x "$a" -o "$work/body" -w '%{http_code}' "http://cdn.localhost:${cdn##*:}/else/where.txt")
gives "as proxy, for hosts that are named" 403
status=$(curl -s -x "$a" -o "$work/body" -w '%{http_code}' "http://$cdn/else/where.txt")
gives "as proxy" 200 "$www/else/where.txt"
status=$(curl -s -p -x "$a" -o "$work/body" -w '%{http_connect}' "http://$cdn/else/where.txt")
gives "no tunnels" 405

# ---- what passes through ----
get /live/text.txt
gives "an object that no list names" 200 "$www/live/text.txt"
says "… is not kept" Cache-Status 'peer2view; fwd=bypass'
get /live/text.txt -H 'Accept-Encoding: gzip'
says "as the player likes it" Content-Encoding gzip
gzip -dc <"$work/body" >"$work/plain" 2>/dev/null
is "… byte for byte" cmp "$work/plain" "$www/live/text.txt"
get /live/zipped/index.m3u8 -H 'Accept-Encoding: gzip' --compressed
gives "a list that the CDN sends packed" 200 "$www/live/index.m3u8"
for one in forbidden.txt:403 teapot.txt:418 error.txt:500 nothing.txt:204 missing.txt:404; do
  get "/live/${one%:*}"
  gives "the CDN's ${one#*:}" "${one#*:}"
done
get /live/moved.txt
gives "a redirect" 302
says "… leads through the agent" Location /live/text.txt
get /live/away.txt
gives "a redirect to another host" 301
says "… leads through the agent too" Location "/x/http/localhost:${cdn##*:}/else/where.txt"
get /live/away.txt -L
gives "… where it can be followed" 200 "$www/else/where.txt"
get /live/moved/index.m3u8
gives "a list that was moved" 200
is "… names its fragments where they are" [ "$(grep -c '^/live/own/seg' "$work/body")" = "$segments" ]
get /live/playlist.txt -H 'Accept: */*'
gives "a list under another name is no list" 200 "$www/live/playlist.txt"
get "/live/text.txt?a=1&b=%20x"
is "a query reaches the CDN as it is" [ "$(asked 'GET /live/text.txt\?a=1&b=%20x ')" = 1 ]
get /live/text.txt -A 'somebody/1.0'
is "so does the player's name" [ "$(asked 'GET /live/text.txt .*"somebody/1.0"$')" = 1 ]
get /live/seg2.ts -A 'somebody/2.0'
is "… on fragments as well" [ "$(asked 'GET /live/seg2.ts .*"somebody/2.0"$')" = 1 ]
get /live/text.txt -H "If-None-Match: $(curl -s -D - -o /dev/null "http://$cdn/live/text.txt" | sed -nE 's/^etag: *(.*)\r$/\1/ip')"
gives "what the player has it need not have again" 304
get /live/index.m3u8
get /live/index.m3u8 -H "If-None-Match: $(header ETag)"
gives "a list neither" 304

# ---- one fetch for many ----
get /live/slow/index.m3u8
for i in 1 2 3 4 5; do
  part "c$i" curl -s -m 120 -o "$work/slow$i" -w '%{time_starttransfer} %{time_total} %{http_code}' "$a/live/slow/seg0.ts"
done
await 120 eval 'gone c1 && gone c2 && gone c3 && gone c4 && gone c5'
same=yes
for i in 1 2 3 4 5; do cmp -s "$work/slow$i" "$www/live/slow/seg0.ts" || same=no; done
is "five players have the same fragment" [ $same = yes ]
is "one fetch served them" [ "$(asked 'GET /live/slow/seg0.ts')" = 1 ]
read -r first whole _ <"$work/c1.out"
is "a fragment is handed on while it arrives" awk "BEGIN { print $first, $whole; exit !($first < $whole / 2) }"
rm -f "$work/slow1" "$work/slow2"
part c1 curl -s -m 120 -o "$work/slow1" "$a/live/slow/seg1.ts"
await 60 [ -s "$work/slow1" ]
part c2 curl -s -m 120 -o "$work/slow2" "$a/live/slow/seg1.ts"
await 60 [ -s "$work/slow2" ]
hit c1 KILL
await 120 gone c2
is "one player leaves, the other has it all" cmp "$work/slow2" "$www/live/slow/seg1.ts"
is "… from the same fetch" [ "$(asked 'GET /live/slow/seg1.ts')" = 1 ]
rm -f "$work/slow1"
part c1 curl -s -m 120 -o "$work/slow1" "$a/live/slow/seg2.ts"
await 60 [ -s "$work/slow1" ]
hit c1 KILL
get /live/slow/seg2.ts
gives "a player leaves and comes back" 200 "$www/live/slow/seg2.ts"

# ---- what is missing, and what comes back ----
began=$(now_ms)
for _ in 1 2 3 4; do
  get /live/gone.ts
done
gives "what is not there" 404
is "whoever asks for it again and again is slowed down" [ $(($(now_ms) - began)) -ge 700 ]
get /live/holes.m3u8
began=$(now_ms)
get /live/listed-but-missing.ts
gives "a fragment that is listed and missing" 404
is "… is waited for first" [ $(($(now_ms) - began)) -ge 2500 ]
part c1 curl -s -m 60 -o "$work/late" -w '%{http_code}' "$a/live/listed-but-missing.ts"
sleep 1
cp "$www/live/seg3.ts" "$www/live/.new" && mv "$www/live/.new" "$www/live/listed-but-missing.ts"
await 60 gone c1
is "… and found when it comes late" [ "$(<"$work/c1.out")" = 200 ]
is "… whole" cmp "$work/late" "$www/live/seg3.ts"
get /live/flaky/index.m3u8
touch "$www/down"
part c1 curl -s -m 60 -o "$work/late" -w '%{http_code}' "$a/live/flaky/seg0.ts"
await 30 eval '[ "$(asked "503 .*GET /live/flaky/seg0.ts")" -ge 2 ]'
get /live/flaky/index.m3u8
gives "while the CDN fails an old list is better than none" 200 "$www/live/flaky/index.m3u8"
says "… which it says" Cache-Status 'peer2view; hit; detail=stale'
rm "$www/down"
await 60 gone c1
is "an error that passes is kept from the player" [ "$(<"$work/c1.out")" = 200 ]
is "… and its fragment is whole" cmp "$work/late" "$www/live/flaky/seg0.ts"

# ---- connections ----
out=$(curl -s -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$a/live/seg0.ts" "$a/live/index.m3u8" "$a/healthz")
is "three requests on one connection" [ "$out" = '1 0 0 ' ]
get /live/seg0.ts -0
gives "HTTP/1.0" 200 "$seg"
get /live/seg0.ts -H 'Connection: close'
gives "a connection that is to be closed" 200 "$seg"
says "… is" Connection close
get /live/seg0.ts -H "X-Long: $(printf 'x%.0s' {1..90000})"
is "a head without end is refused" [ "$status" = 431 -o "$status" = 413 -o "$status" = 400 -o "$status" = 000 ]
get /live/seg0.ts
gives "others are served on" 200 "$seg"

# ---- what is too large, or large and not kept ----
get /live/big.bin -r 1000000-1000099
gives "a part of something large" 206
is "… is that long" [ "$(stat -c %s "$work/body")" = 100 ]
high() { awk '/VmHWM/ { print $2 }' "/proc/${pid_of[a]}/status"; }
before=$(high)
n=$(curl -s -m 300 -o /dev/null -w '%{size_download}' "$a/live/big.bin")
is "half a gigabyte passes through" [ "$n" = 524288000 ]
# One that reads slowly must not make the agent store what it does not take.
part c1 curl -s -m 300 --limit-rate 100k -o /dev/null "$a/live/big.bin"
await 60 eval '[ "$(stats a .counters.other_bytes_total)" -gt 525000000 ]'
sleep 2
finish c1 KILL
if sanitized; then
  skip "… without being stored" "a build with sanitizers keeps what was freed"
else
  is "… without being stored" [ $(($(high) - before)) -lt 16384 ]
fi
cat "$www/live"/seg[0-3].ts >"$www/live/large.ts"
printf '#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nlarge.ts\n#EXT-X-ENDLIST\n' >"$www/live/large.m3u8"
get /live/large.m3u8
get /live/large.ts
gives "a fragment above max_fragment" 200 "$www/live/large.ts"
says "… passes through" Cache-Status 'peer2view; fwd=bypass'

# ---- status pages ----
get /healthz
gives "/healthz" 200
get /readyz
gives "/readyz" 200
get /version
gives "/version" 200
is "… is JSON" jq -e '.name == "peer2view" and .role == "agent" and (.version | length > 0)' "$work/body"
get /stats.json
gives "/stats.json" 200
is "… is JSON" jq -e '.role == "agent" and .counters.served_bytes_total_cdn > 0 and (.mounts | length) == 2' "$work/body"
is "pages of other sites may not read it" [ "$(headers_named Access-Control-Allow-Origin)" = 0 ]
get /metrics
gives "/metrics" 200
says "… are text of Prometheus" Content-Type 'text/plain; version=0.0.4*'
wrong=$(grep -vE '^(# (HELP|TYPE) peer2view_[a-z0-9_]+ .+|peer2view_[a-z0-9_]+(\{[a-z]+="[A-Za-z0-9.+_]+"(,[a-z]+="[A-Za-z0-9.+_]+")*\})? [0-9.e+-]+)$' "$work/body")
is "… every line of them" [ -z "$wrong" ]
is "… with no URL and no address in it" eval "! grep -qE '://|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+' '$work/body'"
is "peer2view status" "$p2v" status --url "$a"
is "peer2view status --json" eval "'$p2v' status --json --url $a | jq -e .counters"

end_well a
end
