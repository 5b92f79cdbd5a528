#!/bin/bash
# player.sh - p2v-player as people call it, against a live stream on this machine.
. "$P2V_SRCDIR/tests/tap.sh"
player=$P2V_BUILDDIR/p2v-player

# ---- words ----
run "$player" --help
expect "--help" 0 "Usage: p2v-player \[OPTION\]... URL*--seconds=S*--abr=VALUE*--start-fragments=VALUE*Exit status:*Examples:*" ""
run "$player" --version
expect "--version" 0 "p2v-player [0-9]*" ""
run "$player"
expect "no URL" 2 "" "p2v-player: it needs a URL*Try 'p2v-player --help'."
run "$player" http://a/x http://a/y
expect "two URLs" 2 "" "p2v-player: 'http://a/y' is one argument too many*"
run "$player" no-url
expect "no URL at all" 2 "" "p2v-player: 'no-url' is not an http URL"
run "$player" --secconds 3 http://a/x
expect "an option misspelt" 2 "" "*'--secconds' like that; did you mean --seconds[?]*"
run "$player" --seconds
expect "an option without its argument" 2 "" "p2v-player: option '--seconds' needs an argument*"
run "$player" --seconds soon http://a/x
expect "no length of time" 2 "" "p2v-player: --seconds: 'soon' is not a length of time*"
run "$player" --abr best http://a/x
expect "no such choice" 2 "" "p2v-player: --abr: 'best' is not one of throughput, buffer, fixed*"
run "$player" --max-buffer=1ms http://a/x
expect "out of range" 2 "" "p2v-player: --max-buffer: 1ms is below the range 100ms to 3600s*"
run "$player" --trace "$work/no/such/folder" http://127.0.0.1:1/x
expect "a trace that cannot be written" 1 "" "p2v-player: $work/no/such/folder: *"
run "$player" --plugin-path "$work/none" http://127.0.0.1:1/x
expect "a folder of plugins that is not there" 1 "" "p2v-player: *$work/none*"
run "$player" --give-up 100ms --retry-delay 50ms http://127.0.0.1:1/live.m3u8
expect "nobody there" 1 "played *no*error *no request went well*" "p2v-player: no request went well for 100 ms; the last one: *"

"$player" --man >"$work/p2v-player.1"
if man --version >/dev/null 2>&1; then
  warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$work/p2v-player.1" 2>&1 >"$work/text")
  if [ -z "$warnings" ] && grep -q -- '--start-fragments' "$work/text"; then
    ok "the manual page"
  else
    not_ok "the manual page" "$warnings"
  fi
else
  skip "the manual page" "no man"
fi

# ---- a live stream ----
# origin OPTION=VALUE...: serves until it is ended by `hush`; its URL is then in $url.
origin() {
  rm -f "$work/in"
  mkfifo "$work/in"
  : >"$work/url"
  "$P2V_BUILDDIR/tests/cli/live_origin" "$@" <"$work/in" >"$work/url" 2>"$work/origin_err" &
  origin=$!
  exec 9>"$work/in"
  for _ in $(seq 600); do
    url=$(<"$work/url")
    [ -n "$url" ] && return
    sleep 0.1
  done
  cat "$work/origin_err" >&2
}
hush() {
  exec 9>&-
  wait "$origin"
}

# has NAME FILTER: jq says true of the last run's output.
has() {
  if ! command -v jq >/dev/null; then
    skip "$1" "no jq"
  elif [ "$(jq -s "length == 1 and (.[0] | $2)" <"$work/out" 2>&1)" = true ]; then
    ok "$1"
  else
    not_ok "$1" "$out"
  fi
}

origin fragment=500ms init=yes window=8 keep=20
run "$player" --json --seconds 5 --trace "$work/trace" "$url"
expect "five seconds of a live stream" 0 '{"url":"http*' ""
has "its result" '.played and (.ended | not) and .startup_ms > 0 and .played_ms > 0 and .fragments > 0
  and .mean_bitrate_bps >= 380000 and .renditions == 3 and .latency_ms_p50 > 0 and .errors == 0 and .misses == 0
  and .media_bytes <= .bytes'
if ! command -v jq >/dev/null; then
  skip "its trace" "no jq"
elif [ "$(jq -s 'map(select(.event == "fragment")) | length > 0 and all(.[]; .bytes > 0 and .load_ms >= 0 and .url != "")' \
  <"$work/trace" 2>&1)" = true ] && grep -q '"event":"play"' "$work/trace"; then
  ok "its trace"
else
  not_ok "its trace" "$(<"$work/trace")"
fi
run "$player" --seconds 3 --progress --abr fixed --rendition 1 "$url"
expect "a line a second, and the figures" 0 "played *yes*start-up *stalls *bit rate *700 kbit/s, 0 switches*" \
  "*playing*buffer*700 kbit/s*latency*stalls*"

rm "$work/err" # it has lines of the run before
"$player" --json --progress "$url" >"$work/out" 2>"$work/err" </dev/null &
pid=$!
for _ in $(seq 600); do
  grep -qs playing "$work/err" && break
  sleep 0.1
done
kill -INT "$pid"
wait "$pid"
code=$?
out=$(<"$work/out")
if [ "$code" = 0 ]; then ok "interrupted, it ends well"; else not_ok "interrupted, it ends well" "status $code: $out"; fi
has "… with its result" '.played and (.ended | not)'
run "$player" --seconds 2 --give-up 1s --retry-delay 100ms "${url%/*}/none.m3u8"
expect "a manifest that is missing" 1 "played *no*" "p2v-player: *status 404*"
hush

origin live=no fragment=500ms fragments=4
run "$player" --json "$url"
expect "a stream on demand ends by itself" 0 '{"url":"http*"ended":true*"fragments":4,"played_fragments":4,*' ""
has "all of it was played" '.played_ms == 2000 and .skipped_ms == 0'
hush
end
