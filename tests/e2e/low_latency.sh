#!/bin/bash
# low_latency.sh - a live stream in parts, over peers: three viewers whose agents share, beside one who goes to the origin
# directly. Who shares is not behind it by more than 300 ms, stands still no more than it does, and spares the origin bytes.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/low.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
seconds=${P2V_LOW_SECONDS:-30}
make_source

low_origin origin
low_encoder encoder origin
tracker
cdn=${http_of[origin]}
low_on_air origin
viewers='a b c'
for v in $viewers; do agent "$v"; done

# watch NAME URL: a player of ours, on the best quality, so that all are compared at the same
watch() { part "$1" "$player" --json --abr fixed --rendition 9 --seconds "$seconds" --trace "$work/$1.trace" "$2"; }
watch direct "http://$cdn/live/master.m3u8"
for v in $viewers; do watch "p$v" "$(url_of "$v")"; done
if command -v ffmpeg >/dev/null; then
  part ffmpeg ffmpeg -nostdin -loglevel error -re -i "$(url_of a)" -map 0:v:0 -t $((seconds / 2)) -progress "$work/progress" -f null -
fi
await $((seconds + 60)) eval 'gone direct && gone pa && gone pb && gone pc && gone ffmpeg'

value() { jq -r "$2 // 0" "$work/$1.out"; }
# not_over A B: numbers
not_over() { awk "BEGIN { exit !($1 <= $2) }"; }
latency=$(value direct .latency_ms_p50)
stall=$(value direct .stall_ms)
say "direct: $latency ms behind, $(value direct .stalls) stalls of $stall ms in all"
is "the origin's own viewer plays parts" eval 'not_over 200 $latency && not_over $latency 3000'
for v in $viewers; do
  mine=$(value "p$v" .latency_ms_p50)
  say "$v: $mine ms behind, $(value "p$v" .stalls) stalls of $(value "p$v" .stall_ms) ms; from peers" \
    "$(counter served_bytes_total_p2p "$v"), from the origin $(counter served_bytes_total_cdn "$v") bytes"
  is "$v plays" jq -e ".played and .played_ms > $((seconds * 900))" "$work/p$v.out"
  is "… at most 300 ms behind the direct one" not_over "$mine" "$latency + 300"
  # What the machine does to one it does to the other.
  is "… standing still no more than it" not_over "$(value "p$v" .stall_ms)" "2 * $stall + 200"
done
is "bytes come from peers" [ "$(counter served_bytes_total_p2p $viewers)" -gt 100000 ]
if [ -e "$work/progress" ]; then
  is "ffmpeg plays at an agent, too" [ "$(sed -nE 's/^frame=//p' "$work/progress" | tail -n 1)" -ge $((seconds * 25 / 2 - 50)) ]
fi
# shellcheck disable=SC2086
end_well $viewers tracker origin
end
