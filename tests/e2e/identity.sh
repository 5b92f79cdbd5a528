#!/bin/bash
# identity.sh - who takes part, and who does not: certificates that are wrong, of another authority, expired; tokens.
# Whoever does not take part gets nothing from peers, and plays from the CDN all the same.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg openssl
make_source
cdn
encode_ts
tracker
make_authority other

# ---- certificates, made by other means than ours ----

: >"$work/ca.index"
cat >"$work/ca.conf" <<CONF
[ca]
default_ca = one
[one]
database = $work/ca.index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
unique_subject = no
policy = policy
x509_extensions = peer
[policy]
organizationName = supplied
organizationalUnitName = supplied
commonName = supplied
[peer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth,serverAuth
subjectAltName = URI:p2v:channel:*
CONF
# member NAME AUTHORITY FROM UNTIL [UNIT]: $work/NAME.key, and $work/NAME.pem, by that authority's issuer; the dates as
# YYYYMMDDHHMMSSZ.
member() {
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" \
      -subj "/O=peer2view/OU=${5:-peer}/CN=$1" &&
      openssl ca -batch -notext -config "$work/ca.conf" -cert "$work/$2/issuer.pem" -keyfile "$work/$2/issuer.key" \
        -startdate "$3" -enddate "$4" -in "$work/$1.csr" -out "$work/$1.leaf" &&
      cat "$work/$1.leaf" "$work/$2/issuer.pem" >"$work/$1.pem"
  } >"$work/openssl.log" 2>&1 || bail "openssl makes no certificate"
}
last_year=$(date -u -d '1 year ago' +%Y%m%d%H%M%SZ)
yesterday=$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)
tomorrow=$(date -u -d '1 day' +%Y%m%d%H%M%SZ)
next_year=$(date -u -d '1 year' +%Y%m%d%H%M%SZ)
member given authority "$yesterday" "$next_year"
member expired authority "$last_year" "$yesterday"
member early authority "$tomorrow" "$next_year"
member foreign other "$yesterday" "$next_year"
member usurper authority "$yesterday" "$next_year" tracker
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/alone.key" -out "$work/alone.pem" \
  -subj "/O=peer2view/OU=peer/CN=alone" -days 30 2>>"$work/openssl.log" || bail "openssl makes no certificate"
bad='expired early foreign usurper alone'

# ---- what cannot be used is said at the start ----

head -c 300 /dev/urandom >"$work/garbage"
openssl ecparam -genkey -name secp384r1 -noout -out "$work/p384.key" 2>/dev/null
openssl ec -in "$work/given.key" -aes128 -passout pass:secret -out "$work/locked.key" 2>/dev/null
# refuses NAME PATTERN SECTION.KEY=VALUE...: an agent so configured does not start, and says that.
refuses() {
  local name=$1 pattern=$2
  shift 2
  agent_conf x "$@"
  run timeout 60 "$p2v" run "$work/x.ini"
  expect "$name" 1 "" "peer2view: $work/x.ini?(:+([0-9])): $pattern"
}
w=$work
refuses "an authority that is garbage" "\[identity\] authority: $w/garbage: there is no certificate in it" identity.authority="$w/garbage"
refuses "an authority that is missing" "\[identity\] authority: $w/none: cannot be opened: No such file*" identity.authority="$w/none"
refuses "a tracker and no authority" "\[identity\] authority: is needed with a tracker*" identity.authority=
refuses "a certificate that is garbage" "\[identity\] certificate: $w/garbage: there is no certificate in it" \
  identity.certificate="$w/garbage" identity.key="$w/given.key"
refuses "a key that is garbage" "\[identity\] key: $w/garbage: *" identity.certificate="$w/given.pem" identity.key="$w/garbage"
refuses "a key of another curve" "\[identity\] key: $w/p384.key: *" identity.certificate="$w/given.pem" identity.key="$w/p384.key"
refuses "a key under a pass phrase" "\[identity\] key: $w/locked.key: *" identity.certificate="$w/given.pem" identity.key="$w/locked.key"
refuses "another one's key" "\[identity\] certificate: $w/given.pem: the certificate is not of this node's private key" \
  identity.certificate="$w/given.pem" identity.key="$w/expired.key"
agent_conf x identity.certificate="$w/given.pem"
run timeout 60 "$p2v" run "$work/x.ini"
expect "a certificate without its key" 1 "" "peer2view: $w/x.ini:*certificate and key come together*"

# ---- real agents ----

# Two that enrol, one whose certificate was given, all well; one for each certificate that is not.
agent good1
agent good2
for n in given $bad; do
  agent_conf $n identity.certificate="$work/$n.pem" identity.key="$work/$n.key"
  start_node $n || bail "$n does not start: $(tail -n 3 "$work/$n.log")"
done
# A tracker of another authority, one that wants a token, and who calls them.
ini "$work/stranger.ini" peer2view.role=tracker "authority.directory=$work/other" tracker.listen=127.0.0.1:0 status.listen=127.0.0.1:0
ini "$work/porter.ini" peer2view.role=tracker "authority.directory=$work/authority" tracker.listen=127.0.0.1:0 \
  tracker.admit=token "tracker.tokens=open sesame" status.listen=127.0.0.1:0
for n in stranger porter; do start_node $n || bail "$n does not start: $(tail -n 3 "$work/$n.log")"; done
stranger=$(logged stranger 'event=tracker udp=([0-9.:]+)')
porter=$(logged porter 'event=tracker udp=([0-9.:]+)')
agent_conf lost overlay.tracker="$stranger"
start_node lost || bail "lost does not start"
agent_conf silent overlay.tracker="$porter"
agent_conf wrong overlay.tracker="$porter" "overlay.token=open sesam"
agent_conf right1 overlay.tracker="$porter" "overlay.token=open sesame"
agent_conf right2 overlay.tracker="$porter" "overlay.token=open sesame"
for n in silent wrong right1 right2; do start_node $n || bail "$n does not start: $(tail -n 3 "$work/$n.log")"; done

nothing="$bad lost silent wrong"
await_live 3 live/v2/index.m3u8
all=''
for n in good1 good2 given $nothing right1 right2; do
  play ours "p_$n" "$(url_of $n)"
  all="$all p_$n"
done
soon "members serve each other" more_than 500000 served_bytes_total_p2p good1 good2 given
for n in good1 good2 given; do soon "$n knows both other members" partners $n 2; done
soon "whoever shows the token is introduced" more_than 100000 served_bytes_total_p2p right1 right2
# shellcheck disable=SC2086
watch 5 $all
for n in $nothing; do
  is "$n has no partner" [ "$(stats $n '.partners | length')" = 0 ]
  is "$n has nothing from peers" [ "$(counter served_bytes_total_p2p $n)$(counter uploaded_bytes_total $n)" = 00 ]
done
# shellcheck disable=SC2086
leave $all
for n in good1 given right1 $nothing; do is "$n's player plays" [ "${result[p_$n]}" = played ]; done

# ---- what logs say ----

# once NAME PATTERN: exactly one line of its log
once() {
  echo "$(times_in_log "$1" "$2") lines instead of one"
  [ "$(times_in_log "$1" "$2")" = 1 ]
}
refused='event=certificate_refused .*why=.the certificate'
for one in 'expired:expired on' 'early:is not valid yet' 'foreign:is of another authority'; do
  is "the tracker refuses what is ${one%:*}, and says so once" once tracker "$refused ${one#*:}"
done
is "an issuer makes no trackers" once tracker "event=certificate_refused .*a tracker.s certificate must come from the authority itself"
is "whoever vouches for itself alone is told to enrol" in_log alone 'event=tracker_refused what=join why="enrol first"'
for n in expired early foreign usurper; do is "$n sees that the tracker does not want it" in_log $n event=tracker_lost; done
is "a tracker of another authority is refused, once" once lost "$refused is of another authority"
is "a token is missing" in_log silent 'event=tracker_refused what=enrol why="a token is needed"'
is "a token is wrong" in_log wrong 'event=tracker_refused what=enrol why="the token is not known"'
is "the tracker says that a token is missing, once" once porter 'event=refused .*a token is needed'
is "the tracker says that a token is wrong, once" once porter 'event=refused .*the token is not known'
is "no token is in any log" eval "! grep -qa 'open sesam' '$work'/*.log"
for n in good1 right1; do is "who takes part sees nothing of all that ($n)" [ "$(times_in_log $n 'refused|level=error')" = 0 ]; done

# ---- whoever calls a member directly ----

# call NAME TARGET: a handshake as NAME with the UDP socket of TARGET, by another program than ours
call() {
  local at
  at=$(logged "$2" 'event=agent .* udp=([0-9.:]+)')
  timeout 5 openssl s_client -dtls1_2 -mtu 1200 -connect "$at" -cert "$work/$1.leaf" -key "$work/$1.key" \
    -cert_chain "$work/$1.pem" </dev/null >"$work/call" 2>&1
}
cp "$work/alone.pem" "$work/alone.leaf"
for n in given $bad; do
  call $n good1
  call $n good1
done
for one in 'expired:the certificate expired on' 'early:the certificate is not valid yet' \
  'foreign:the certificate is of another authority' 'alone:the certificate is of no authority, it is self-signed' \
  'usurper:a tracker.s certificate must come from the authority itself'; do
  is "a member refuses what is ${one%:*}, and says so once" once good1 "event=certificate_refused .*dialled=0 why=.${one#*:}"
done
is "it counts each of the calls" [ "$(counter handshakes_refused_total good1)" -ge 10 ]
is "it refused none of those that are well" [ "$(times_in_log good1 event=certificate_refused)" = 5 ]
is "its partners did not notice" partners good1 2

# ---- an identity that is kept ----

mkdir "$work/kept"
agent keeper identity.directory="$work/kept"
before=$(sha256sum "$work/kept/peer.key" "$work/kept/peer.pem")
is "key and certificate are kept" [ -s "$work/kept/peer.key" -a -s "$work/kept/peer.pem" ]
is "… the key for nobody else" [ "$(stat -c %a "$work/kept/peer.key")" = 600 ]
end_well keeper
start_node keeper
curl -s -o /dev/null "$(url_of keeper)"
soon "they are used again" partners keeper 1
is "… without enrolling again" [ "$(times_in_log keeper event=enrolled)" = 0 ]
is "… as they were" [ "$(sha256sum "$work/kept/peer.key" "$work/kept/peer.pem")" = "$before" ]
end_well keeper
cp "$work/expired.key" "$work/kept/peer.key"
cp "$work/expired.pem" "$work/kept/peer.pem"
start_node keeper
soon "one that has expired meanwhile is replaced" in_log keeper event=enrolled
curl -s -o /dev/null "$(url_of keeper)"
soon "… by one that members believe" partners keeper 1
is "… for the same key" cmp "$work/kept/peer.key" "$work/expired.key"
is "… and kept" openssl x509 -in "$work/kept/peer.pem" -noout -checkend 60
# shellcheck disable=SC2086
end_well keeper good1 good2 given $nothing right1 right2 stranger porter tracker
end
