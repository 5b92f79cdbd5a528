#!/bin/bash
# low_latency.sh - a live stream in parts, over peers: four viewers whose agents share, beside two who go to the origin
# directly. Who shares is not later than those by more than 300 ms, stands still no more than they do, and spares the origin
# its bytes. Two more agents have players of whole fragments, which decode them.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/low.sh"
needs ffmpeg
seconds=${P2V_LOW_SECONDS:-16}
make_source

low_origin origin
low_encoder encoder origin
tracker
cdn=${http_of[origin]}
low_on_air origin
viewers='a b c d' whole='e f'
for v in $viewers $whole; do agent "$v"; done

# begin NAME URL: a player of ours, on the best quality, so that all are compared at the same. As long as it takes to begin, so
# late it is for ever after: each begins when the one before has.
begin() {
  rm -f "$work/$1.trace"
  part "$1" "$player" --json --abr fixed --rendition 9 --trace "$work/$1.trace" "$2"
  await 60 eval "grep -qs '\"event\":\"play\"' '$work/$1.trace' || gone $1"
}
# The second of them comes when the first is under way, as viewers do.
decoded() { sed -nE 's/^frame=//p' "$work/p$1.progress" 2>/dev/null | tail -n 1; }
for v in $whole; do
  part "p$v" ffmpeg -nostdin -loglevel error -i "$(url_of "$v")" -map 0:v:0 -map 0:a:0 \
    -frames:v 300 -progress "$work/p$v.progress" -f null -
  await 60 eval '[ "$(decoded "$v")" -ge 100 ]'
done

# shared AGENT...: whether each has had bytes from peers
shared() {
  local v
  for v in "$@"; do [ "$(counter served_bytes_total_p2p "$v")" -gt 0 ] || return 1; done
}
# watched: all of that once, and what is shared is counted from when all share
had=0 bought=0
watched() {
  local v n
  begin before "http://$cdn/live/master.m3u8"
  for v in $viewers; do begin "p$v" "$(url_of "$v")"; done
  begin after "http://$cdn/live/master.m3u8"
  # shellcheck disable=SC2086
  await 60 shared $viewers
  # shellcheck disable=SC2086
  had=$(counter served_bytes_total_p2p $viewers) bought=$(counter served_bytes_total_cdn $viewers)
  sleep "$seconds"
  # shellcheck disable=SC2086
  had=$(($(counter served_bytes_total_p2p $viewers) - had)) bought=$(($(counter served_bytes_total_cdn $viewers) - bought))
  for n in before $(printf 'p%s ' $viewers) after; do finish "$n" INT; done
}

value() { jq -r "$2 // 0" "$work/$1.out"; }
# no_more A B: numbers
no_more() { awk "BEGIN { exit !($1 <= $2) }"; }
# since NAME: how late it is, but for what it took to begin
since() { value "$1" '(.latency_ms_p50 - .startup_ms)'; }
# What the direct ones had, whichever of them had it worse, is what the others are measured by.
latency=0 stall=0 steady=0 half=0
judge() {
  local n v
  latency=0 stall=0 steady=0
  for n in before after; do
    no_more "$(value $n .latency_ms_p50)" "$latency" || latency=$(value $n .latency_ms_p50)
    no_more "$(since $n)" "$steady" || steady=$(since $n)
    no_more "$(value $n .stall_ms)" "$stall" || stall=$(value $n .stall_ms)
  done
  half=$(for v in $viewers; do value "p$v" .latency_ms_p50; done | sort -n | sed -n 2p)
}
steady() { no_more "$(since "p$1")" "$steady + 300"; }
# What the machine does to one it does to the other.
smooth() { no_more "$(value "p$1" .stall_ms)" "2 * $stall + 300"; }
# One of them may take long to begin, as a direct one may.
early() { no_more "$half" "$latency + 300"; }
saves() { no_more "0.5 * ($had + $bought)" "$had"; }
good() {
  local v
  for v in $viewers; do
    steady "$v" && smooth "$v" || return 1
  done
  early && saves
}
# Where others have the machine, all of that is late: then it is watched again.
for _ in 1 2 3; do
  watched
  judge
  ! good || break
done

for n in before after; do
  say "$n: $(value $n .latency_ms_p50) ms behind, $(value $n .stalls) stalls of $(value $n .stall_ms) ms, began in $(value $n .startup_ms) ms"
  is "the origin's own viewer plays parts" jq -e '.played and .latency_ms_p50 > 200 and .latency_ms_p50 < 4000 and .parts > 100' "$work/$n.out"
done
for v in $viewers; do
  say "$v: $(value "p$v" .latency_ms_p50) ms behind, $(value "p$v" .stalls) stalls of $(value "p$v" .stall_ms) ms, began in $(value "p$v" .startup_ms) ms;" \
    "from peers $(counter served_bytes_total_p2p "$v"), from the origin $(counter served_bytes_total_cdn "$v") bytes"
  say "  $(stats "$v" '.counters | with_entries(select((.key | test("^(cdn_bytes|wasted)")) and .value > 0)) | tojson')"
  is "$v plays parts" jq -e ".played and .played_ms > $((seconds * 900)) and .parts > 100 and .errors == 0" "$work/p$v.out"
  is "… at most 300 ms later than the direct ones, but for its begin" steady "$v"
  is "… standing still no more than they" smooth "$v"
done
is "half of them are at most 300 ms later than the direct ones, all in all" early
say "from peers $had bytes, from the origin $bought: $(awk "BEGIN { print $had / ($had + $bought + 1) }") of at most 0.75"
is "most of what can come from peers does" saves

for v in $whole; do
  await 60 gone "p$v"
  reap "p$v"
  is "ffmpeg has decoded what $v gave it" [ "$code" = 0 -a "$(decoded "$v")" = 300 ]
done
say "whole fragments: from peers $(counter served_bytes_total_p2p $whole), from the origin $(counter served_bytes_total_cdn $whole) bytes"
for v in $whole; do say "  $(stats "$v" '.counters | with_entries(select((.key | test("^(cdn_bytes|wasted)")) and .value > 0)) | tojson')"; done
# shellcheck disable=SC2086
is "… and whole fragments came from peers, too" [ "$(counter served_bytes_total_p2p $whole)" -gt 100000 ]
# shellcheck disable=SC2086
is "no byte that came from peers was wrong" [ "$(counter integrity_failures_total $viewers $whole)" = 0 ]
# shellcheck disable=SC2086
end_well $viewers $whole tracker origin
end
