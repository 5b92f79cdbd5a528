#!/bin/bash
# faults_cdn.sh - the CDN hangs, the CDN is gone, the encoder begins again with the same names. Players ride on as
# well as one that has the CDN for itself, and the agents recover.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_ts
tracker
for n in a b c; do agent $n; done
await_live 3 live/v2/index.m3u8
all='direct pa pb pc'
play ours direct "http://$cdn/live/master.m3u8"
for n in a b c; do play ours p$n "$(url_of $n)"; done
# shellcheck disable=SC2086
await 90 all_began $all
# A list that an agent has not seen yet cannot come from anywhere but the CDN.
# shellcheck disable=SC2086
await 60 at_best $all
soon "peers serve each other" more_than 500000 served_bytes_total_p2p a b c

# again NAME: from now on the CDN serves, and so do peers
again() {
  soon "$1: the CDN serves again" more_than "$(counter served_bytes_total_cdn a b c)" served_bytes_total_cdn a b c
  soon "$1: peers serve again" more_than "$(counter served_bytes_total_p2p a b c)" served_bytes_total_p2p a b c
}

# ---- it hangs ----
hit cdn STOP
sleep 5
hit cdn CONT
again "after the CDN hung"
# shellcheck disable=SC2086
watch 4 $all

# ---- it is gone ----
finish cdn KILL
sleep 4
out=$(curl -s -m 30 -D - -o "$work/list" -w '%{http_code}' "$(url_of a /live/v2/index.m3u8)")
is "a list is still given" grep -q '^#EXTINF' "$work/list"
is "… with the word that it is old" grep -qi 'cache-status:.*stale' <<<"$out"
cdn
again "after the CDN was gone"
# shellcheck disable=SC2086
watch 4 $all
# shellcheck disable=SC2086
leave $all
# Whoever asks a CDN that is not there asks again after a second, and each has another second.
for n in a b c; do is "$n's player rides on as well as the CDN's" as_smooth p$n direct 1500; done

# ---- the encoder begins again, with other content under the same names ----
finish encoder KILL
rm -rf "$www/live"
encode_from=21
encode_ts
await_live 3 live/v2/index.m3u8
all='direct pa pb pc'
play ours direct "http://$cdn/live/master.m3u8"
for n in a b c; do play ours p$n "$(url_of $n)"; done
# shellcheck disable=SC2086
watch 6 $all
# shellcheck disable=SC2086
leave $all
for n in a b c; do
  is "$n plays what the new encoder makes" as_smooth p$n direct
  is "$n saw that it is a new one" in_log $n event=stream_restarted
done
cp "$www/live/v2/index.m3u8" "$work/list"
wrong=''
for seg in $(grep '^seg' "$work/list"); do
  for n in a b c; do
    curl -s -m 30 "$(url_of $n "/live/v2/$seg")" | cmp -s - "$www/live/v2/$seg" || wrong="$wrong $n:$seg"
  done
done
is "whatever is listed is of the new one" [ -z "$wrong" ]
is "no byte that came from peers was wrong" [ "$(counter integrity_failures_total a b c)" = 0 ]
end_well a b c tracker
end
