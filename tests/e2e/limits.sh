#!/bin/bash
# limits.sh - what an agent takes of the machine: memory, processor, file descriptors. For how long that is looked at is
# in $limits_seconds, and how many times fifteen viewers come and go in $limits_batches; limits_long.sh has more of both.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg getconf
seconds=${limits_seconds:-15} batches=${limits_batches:-2}
make_source
cdn
encode_ts
tracker
agent a
agent b
agent c "channel live.swarm=other"
await_live 3 live/v2/index.m3u8

high() { awk '/^VmHWM/ { print $2 }' "/proc/${pid_of[$1]}/status"; }           # [kB]
now_held() { awk '/^VmRSS/ { print $2 }' "/proc/${pid_of[$1]}/status"; }       # [kB]
ticks() { sed 's/.*) //' "/proc/${pid_of[$1]}/stat" | awk '{ print $12 + $13 }'; } # user and system
files() { find "/proc/${pid_of[$1]}/fd" -mindepth 1 2>/dev/null | wc -l; }

# batch NAME N: so many players at a time, each gone after two seconds
batch() {
  local i all=''
  for ((i = 0; i < $2; i++)); do
    part "short$i" "$player" --json --seconds 2 "$(url_of "$1")"
    all="$all short$i"
  done
  for i in $all; do
    await 90 gone "$i" || hit "$i" KILL
    reap "$i"
    [ "$code" = 0 ] && played_short=$((played_short + 1))
  done
}

# ---- two viewers of the best quality, for some time ----

play ours pa "$(url_of a)"
play ours pb "$(url_of b)"
await 90 all_began pa pb
soon "peers serve each other" more_than 300000 served_bytes_total_p2p a b
declare -A before=()
began=$(now_ms)
for n in a b; do before[$n]=$(ticks $n); done
bytes=$(counter served_bytes_total_p2p a b)
bytes=$((bytes + $(counter served_bytes_total_cdn a b)))

# ---- meanwhile, many that come and go, through another agent ----

played_short=0
batch c 15 # connections to the CDN, threads, tables: what it needs for so many
await 60 eval '[ "$(files c)" -le 40 ]'
open=$(files c)
held=$(now_held c)
for ((k = 0; k < batches; k++)); do batch c 15; done
is "most of them played" [ $played_short -ge $((batches * 9)) ]
say "$open files open and $held kB held before $batches times fifteen short players, $(files c) and $(now_held c) kB after"
soon "as many files are open as before" eval "[ \$(files c) -le $((open + 2)) ]"
is "… and no more memory is held than for a few fragments" [ "$(now_held c)" -lt $((held + 4096)) ]

until=$((began + seconds * 1000))
await "$seconds" eval '[ "$(now_ms)" -ge $until ]'
look pa pb
span=$(($(now_ms) - began))
for n in a b; do
  ms=$((($(ticks $n) - before[$n]) * 1000 / $(getconf CLK_TCK)))
  say "$n: $ms ms of processor time in $span ms, $(high $n) kB at most"
  is "$n takes less than 5 % of a processor" [ $((20 * ms)) -lt $span ]
done
bytes=$(($(counter served_bytes_total_p2p a b) + $(counter served_bytes_total_cdn a b) - bytes))
is "both played about 1.4 Mbit/s meanwhile" [ $((bytes * 8 / 2 / (span / 1000))) -gt 1000000 ]
leave pa pb
is "a's player played" [ "${result[pa]}" = played ]
is "b's player played" [ "${result[pb]}" = played ]

for n in a b c; do is "$n stayed below 48 MB" [ "$(high $n)" -lt 49152 ]; done
end_well a b c tracker
end
