#!/bin/bash
# authority.sh - peer2view authority init: what it writes, and what it never overwrites.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
dir=$work/authority

run "$p2v" authority init "$dir" --name 'My authority' --days 30
expect "init" 0 "$dir: an authority for 30 days. Give ca.pem to every agent, *" ""
for f in ca.pem issuer.pem tracker.pem; do
  if grep -q '^-----BEGIN CERTIFICATE-----$' "$dir/$f"; then ok "$f"; else not_ok "$f" "$(ls "$dir")"; fi
done
for f in ca.key issuer.key tracker.key; do
  if [ "$(stat -c %a "$dir/$f")" = 600 ]; then ok "$f is its owner's alone"; else not_ok "$f is its owner's alone"; fi
done
if command -v openssl >/dev/null; then
  run openssl verify -CAfile "$dir/ca.pem" -untrusted "$dir/issuer.pem" "$dir/tracker.pem"
  expect "the tracker's certificate leads to the authority" 0 "*OK*" "*"
  run openssl x509 -in "$dir/ca.pem" -noout -subject
  expect "--name" 0 "*My authority*" ""
  if openssl x509 -in "$dir/ca.pem" -noout -checkend $((29 * 86400)) >/dev/null &&
    ! openssl x509 -in "$dir/ca.pem" -noout -checkend $((31 * 86400)) >/dev/null; then
    ok "--days"
  else
    not_ok "--days"
  fi
else
  skip "certificates" "no openssl"
fi
before=$(cat "$dir"/* | cksum)
run "$p2v" authority init "$dir"
expect "never twice" 1 "" "peer2view: $dir: there is an authority already*"
if [ "$(cat "$dir"/* | cksum)" = "$before" ]; then ok "nothing was overwritten"; else not_ok "nothing was overwritten"; fi

run "$p2v" authority init /proc/no/where
expect "a folder that cannot be made" 1 "" "peer2view: /proc/no/where*"
run "$p2v" authority init
expect "no folder" 2 "" "*init needs DIR*"
run "$p2v" authority inti "$dir"
expect "another verb" 2 "" "*it cannot 'inti'; did you mean 'init'?*"
run "$p2v" authority init "$work/x" --days 0
expect "no days" 2 "" "*--days takes a number from 1 to 36500, not '0'*"
run "$p2v" authority init "$work/x" --name ''
expect "no name" 2 "" "*--name takes 1 to 64 bytes*"
if [ -e "$work/x" ]; then not_ok "a wrong call makes nothing"; else ok "a wrong call makes nothing"; fi
end
