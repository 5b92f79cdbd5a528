#!/bin/bash
# player_kinds.sh - our own player on live presentations of every kind, from the CDN and through agents that serve each
# other: a DASH manifest that lists its fragments and one that names them by a rule, Smooth, HDS.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
declare -A at=([list]=list/live.mpd [rule]=rule/num.mpd [smooth]=smooth/live.ism/Manifest [hds]=hds/hds/index.f4m)
kinds="list rule smooth hds"
encode_dash list_encoder list
encode_dash_number rule_encoder rule
encode_smooth smooth_encoder smooth
encode_hds hds_encoder hds
tracker
for k in $kinds; do
  for n in 1 2; do
    agent ${k}_$n "channel live.origin=http://$cdn/$k/" "channel live.swarm=$k"
  done
done
for k in $kinds; do await_live 5 "${at[$k]}" ${k}_encoder; done

all=''
for k in $kinds; do
  play ours $k "http://$cdn/${at[$k]}"
  play ours ${k}1 "$(url_of ${k}_1 "/live/${at[$k]#*/}")"
  play ours ${k}2 "$(url_of ${k}_2 "/live/${at[$k]#*/}")"
  all="$all $k ${k}1 ${k}2"
done
# shellcheck disable=SC2086
watch 14 $all
# shellcheck disable=SC2086
leave $all

# best NAME: it went up to the best quality, and fetched an initialisation segment for each quality but in HDS, which has none
best() {
  jq -es '[.[] | select(.event == "fragment" and .track == "video")] | last | .rendition == 2' "$work/$1.trace"
}
for k in $kinds; do
  is "$k: it plays from the CDN" played $k 14
  is "$k: it plays through an agent" played ${k}1 14 $k
  is "$k: it plays through another agent" played ${k}2 14 $k
  is "$k: it went up to the best quality" eval "best $k && best ${k}1 && best ${k}2"
  is "$k: bytes came from peers" more_than 100000 served_bytes_total_p2p ${k}_1 ${k}_2
  is "$k: no byte that came from peers was wrong" [ "$(counter integrity_failures_total ${k}_1 ${k}_2)" = 0 ]
  is "$k: nothing was kept from a player" [ "$(counter fragments_total_failed ${k}_1 ${k}_2)" = 0 ]
done
for k in list rule; do
  is "$k: its latency is known" jq -e '.latency_ms_p50 > 2000 and .latency_ms_p50 < 20000' "$work/${k}1.out"
done
for k in list rule smooth; do
  is "$k: sound is loaded beside the picture" grep -q '"event":"fragment","track":"audio"' "$work/${k}1.trace"
done
for k in $kinds; do end_well ${k}_1 ${k}_2; done
end_well tracker
end
