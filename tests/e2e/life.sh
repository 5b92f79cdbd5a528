#!/bin/bash
# life.sh - how an agent that has viewers and partners ends, is told of another configuration, and fails to start.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg openssl unshare
make_source
mkdir -p "$www/slow"
head -c 1200000 /dev/urandom >"$www/slow/some.bin"
head -c 12000000 /dev/urandom >"$www/slow/more.bin"
cdn_more='location /slow/ { limit_rate 300k; }'
cdn
encode_ts
tracker
slow="channel slow.mount=/slow"
from="channel slow.origin=http://$cdn/slow/"
for n in a b c; do agent $n "$slow" "$from"; done
await_live 3 live/v2/index.m3u8
for n in a b; do play ours p$n "$(url_of $n)"; done
await 90 all_began pa pb
soon "peers serve each other" more_than 500000 served_bytes_total_p2p a b
curl -s -o /dev/null "$(url_of c)"
for n in a b c; do soon "$n knows both others" partners $n 2; done

# ---- SIGHUP ----

# tell NAME SECTION.KEY=VALUE...: it reads another configuration
tell() {
  local n=$1 before
  shift
  before=$(times_in_log "$n" 'event=reload(ed|_failed)')
  agent_conf "$n" "$slow" "$from" "$@"
  hit "$n" HUP
  await 60 eval "[ \$(times_in_log $n 'event=reload(ed|_failed)') -gt $before ]"
}

tell c peer2view.log_level=debug
is "log_level changes at once" in_log c 'event=option_changed section="peer2view" option=log_level effect=now'
curl -s -o /dev/null "$(url_of c /live/v2/index.m3u8)"
curl -s -o /dev/null "$(url_of c "/live/v2/$(grep '^seg' "$www/live/v2/index.m3u8" | tail -n 1)")"
soon "… and more is told" in_log c ' debug event='
agent_conf c "$slow" "$from" peer2view.log_level=error
hit c HUP
sleep 0.5
before=$(wc -l <"$work/c.log")
curl -s -o /dev/null "$(url_of c "/live/v1/$(grep '^seg' "$www/live/v1/index.m3u8" | tail -n 1)")"
hit c HUP
sleep 0.5
is "… or nothing" [ "$(wc -l <"$work/c.log")" = "$before" ]
tell c

tell a overlay.p2p_enabled=no
is "p2p_enabled changes at once" in_log a 'event=option_changed section="overlay" option=p2p_enabled effect=now'
soon "p2p_enabled = no: partners are left" eval '[ "$(stats a ".partners | length")" = 0 ]'
soon "… who know that" eval '[ "$(stats b "[.partners[]] | length")" = 1 ]'
before=$(counter served_bytes_total_p2p a) cdn_before=$(counter served_bytes_total_cdn a)
soon "… and the CDN serves" more_than $((cdn_before + 700000)) served_bytes_total_cdn a
# What had arrived before is still played.
is "… and nobody else" [ "$(counter served_bytes_total_p2p a)" -le $((before + 1500000)) ]
tell a overlay.p2p_enabled=yes
soon "p2p_enabled = yes: they are looked for" partners a 2
soon "… and serve" more_than "$(counter served_bytes_total_p2p a)" served_bytes_total_p2p a

for n in a b c; do tell $n overlay.upload_enabled=no; done
sleep 2 # what was promised is kept
before=$(counter uploaded_bytes_total a b c) cdn_before=$(counter served_bytes_total_cdn a b)
soon "upload_enabled = no: the CDN serves" more_than $((cdn_before + 1000000)) served_bytes_total_cdn a b
is "… and nobody else" [ "$(counter uploaded_bytes_total a b c)" = "$before" ]
for n in a b c; do tell $n; done
soon "upload_enabled = yes: they give again" more_than "$before" uploaded_bytes_total a b c

# Far less than a stream, for each of two, beside what was under way.
for n in a b; do tell $n overlay.upload_limit=20000; done
soon "upload_limit: partners are told" eval '[ "$(stats a "[.partners[].capacity_bps] | index(20000)")" != null ]'
sleep 1
before=$(counter uploaded_bytes_total a b) cdn_before=$(counter served_bytes_total_cdn a b)
began=$(now_ms)
await 60 more_than $((cdn_before + 1500000)) served_bytes_total_cdn a b
given=$(($(counter uploaded_bytes_total a b) - before)) most=$((2 * ($(now_ms) - began) * 20000 / 8000 + 100000))
is "… and have no more than that" [ $given -le $most ]
for n in a b; do tell $n; done
soon "without it more is sent" more_than $((before + given + 500000)) uploaded_bytes_total a b

partners_before=$(stats a '[.partners[].peer] | sort | join(" ")')
tell a overlay.p2p_enabled=no delivery.margin=9h
is "a wrong configuration is named" in_log a "event=reload_failed why=.$work/a.ini:[0-9]+: margin"
is "… and none of it counts" [ "$(stats a '[.partners[].peer] | sort | join(" ")')" = "$partners_before" ]
rm "$work/a.ini"
before=$(times_in_log a event=reload_failed)
hit a HUP
soon "a configuration that is gone is named" eval "[ \$(times_in_log a event=reload_failed) -gt $before ]"
tell a
is "a right one counts again" in_log a 'event=reloaded changed=0 after_restart=0'
leave pa pb
is "a's player saw nothing of all that" [ "${result[pa]}" = played -a "${frozen[pa]}" -le 500 ]
is "b's player saw nothing of all that" [ "${result[pb]}" = played -a "${frozen[pb]}" -le 500 ]

# ---- SIGTERM, with a transfer under way ----

# load NAME FILE: somebody loads a file slowly through that agent, and has begun
load() {
  rm -f "$work/$1.got"
  part "$1_client" curl -s -m 120 -w '%{http_code}' -o "$work/$1.got" "$(url_of "$1" "/slow/$2")"
  await 60 [ -s "$work/$1.got" ]
}
load a some.bin
load b more.bin
load c more.bin
for n in a b c; do hit $n TERM; done
for n in a b c; do await 60 in_log $n event=draining; done
is "SIGTERM: ready no more" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$(url_of b /readyz)")" = 503 ]
is "… healthy still" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$(url_of b /healthz)")" = 200 ]
is "… nobody else is served" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$(url_of b /live/master.m3u8)")" = 503 ]
hit c TERM
await 60 gone c
reap c
is "a second SIGTERM ends it at once, with another status" [ "$code" = 1 ]
is "… which is said" in_log c 'event=stopped signal=15 drained=no'
reap c_client
is "… its transfer is cut" [ "$code" != 0 ]
await 60 gone a
reap a
is "what is under way comes to its end" cmp "$work/a.got" "$www/slow/some.bin"
is "… then the agent ends, with status 0" [ "$code" = 0 ]
is "… drained" in_log a event=drained

# ---- what cannot be had ----

agent d
# refuses NAME PATTERN SECTION.KEY=VALUE...: an agent so configured does not start, and says that, and only that.
refuses() {
  local name=$1 pattern=$2
  shift 2
  agent_conf x "$@"
  run "${as[@]}" timeout 60 "$p2v" run "$work/x.ini"
  expect "$name" 1 "" "peer2view: $work/x.ini?(:+([0-9])): $pattern"
  is "… in one line" [ "$(wc -l <"$work/err")" = 1 ]
}
as=(env)
refuses "a port for players that is taken" "\[gateway\] cannot listen at ${http_of[d]}: Address already in use" "gateway.listen=${http_of[d]}"
udp=$(logged d 'event=agent .* udp=([0-9.:]+)')
refuses "a port for peers that is taken" "\[overlay\] cannot listen at $udp: Address already in use" "overlay.listen=$udp"
refuses "an address that is not this machine's" "\[gateway\] cannot listen at 192.0.2.1:0: *" gateway.listen=192.0.2.1:0
ini "$work/x.ini" peer2view.role=tracker "authority.directory=$work/authority" "tracker.listen=$tracker" status.listen=127.0.0.1:0
run timeout 60 "$p2v" run "$work/x.ini"
expect "a tracker's port that is taken" 1 "" "peer2view: $work/x.ini:+([0-9]): \[tracker\] cannot listen at $tracker: Address already in use"
# Root may read everything, unless that right is taken from it.
[ "$(id -u)" -ne 0 ] || as=(setpriv "--bounding-set=-dac_override,-dac_read_search")
cp "$work/authority/ca.pem" "$work/unread.pem"
chmod 000 "$work/unread.pem"
refuses "an authority that may not be read" "\[identity\] authority: $work/unread.pem: cannot be opened: Permission denied" \
  "identity.authority=$work/unread.pem"
mkdir "$work/shut"
chmod 500 "$work/shut"
refuses "a folder that may not be written" "\[identity\] directory: $work/shut/peer.key: cannot be written: Permission denied" \
  "identity.directory=$work/shut"
refuses "a folder that cannot be made" "\[identity\] directory: $work/shut/new: *Permission denied" "identity.directory=$work/shut/new"

# A disk that is full, in a place that only the agent sees.
mkdir "$work/disk"
# shellcheck disable=SC2016
on_disk='mount -t tmpfs -o size=64k,mode=700 none "$1/disk" || exit 99
  cp "$1"/kept/* "$1/disk/" 2>/dev/null
  dd if=/dev/zero of="$1/disk/filler" bs=4k 2>/dev/null
  shift; exec "$@"'
alone=(unshare -m)
[ "$(id -u)" -eq 0 ] || alone=(unshare -rm)
if ! "${alone[@]}" sh -c 'mount -t tmpfs -o size=8k none "$1"' sh "$work/disk" 2>/dev/null; then
  skip "a disk that is full" "nothing may be mounted here"
else
  as=("${alone[@]}" sh -c "$on_disk" sh "$work")
  refuses "a disk that is full" "\[identity\] directory: $work/disk/peer.key: *No space left on device" "identity.directory=$work/disk"
  mkdir "$work/kept"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/kept/peer.key" 2>/dev/null
  agent_conf x "identity.directory=$work/disk"
  part x "${as[@]}" "$p2v" run "$work/x.ini"
  soon "one that has a key already starts" in_log x event=ready
  soon "… and enrols" in_log x event=enrolled
  is "… and says what it could not keep" in_log x 'event=certificate_not_kept why=".*No space left on device'
  http_of[x]=$(logged x ' http=([0-9.:]+)')
  is "… and serves" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$(url_of x)")" = 200 ]
  end_well x
fi
# Until now there was somebody whom it waited for.
await 60 gone b
reap b
is "what takes too long is not waited for" [ "$code" = 0 ]
is "… which is said" in_log b event=drain_timeout
reap a_client
reap b_client
is "nothing of all that disturbed the others" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$(url_of d)")" = 200 ]
end_well d tracker
end
