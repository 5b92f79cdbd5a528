#!/bin/bash
# faults_peers.sh - the tracker dies and comes back, an agent dies and comes back; the others play on.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_ts
tracker
for n in a b c; do agent $n "gateway.listen=$(quiet_address)"; done
await_live 3 live/v2/index.m3u8
all='direct pa pb pc'
play ours direct "http://$cdn/live/master.m3u8"
for n in a b c; do play ours p$n "$(url_of $n)"; done
# shellcheck disable=SC2086
await 90 all_began $all
soon "peers serve each other" more_than 500000 served_bytes_total_p2p a b c
for n in a b c; do soon "$n knows both others" partners $n 2; done

# share NAME...: what part of all bytes that players had since the last call came from peers, in percent
p2p=0 other=0
share() {
  local p c
  p=$(counter served_bytes_total_p2p "$@")
  c=$(counter served_bytes_total_cdn "$@")
  percent=$((100 * (p - p2p) / (p - p2p + c - other + 1)))
  p2p=$p other=$c
}
share a b c

# ---- the tracker dies ----
finish tracker KILL
# shellcheck disable=SC2086
watch 8 $all
share a b c
is "the tracker is dead, savings stay" [ $percent -ge 40 ]
for n in a b c; do is "$n keeps its partners" partners $n 2; done

# ---- now an agent dies, too ----
share a b
finish c KILL
# shellcheck disable=SC2086
watch 8 $all
share a b
is "an agent is dead, the others save" [ $percent -ge 25 ]

# ---- the tracker comes back ----
tracker
members() { [ "$(stats tracker .counters.tracker_members)" = "$1" ]; }
soon "everybody comes back to it" members 2
agent d
curl -s -o /dev/null "$(url_of d)"
soon "it introduces whoever is new" partners d 2

# ---- and the agent ----
restart c
play ours again "$(url_of c)" # pc takes its time until it dares to take the best quality, as others do, again
soon "it comes back to its partners" partners c 2
soon "… and serves players, from peers too" more_than 0 served_bytes_total_p2p c
# shellcheck disable=SC2086
leave $all again
is "directly from the CDN all was well" played direct 16
is "a's player saw nothing of it" as_smooth pa direct
is "b's player saw nothing of it" as_smooth pb direct
is "c's player plays on" [ "${result[pc]}" = played ]
is "nobody was handed an error" [ "$(jq -s 'map(.errors) | add' "$work/pa.out" "$work/pb.out")" = 0 ]
end_well a b c d tracker
end
