#!/bin/bash
# shares.sh - the transport beside a kernel flow behind a real bottleneck, for so short a time that only what is grossly wrong
# shows: the least urgent yields, the most urgent does not, and the change from one to the other is made at once.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
. "$P2V_SRCDIR/sdk/lab/lab.sh"
export LC_ALL=C.UTF-8
shares=$P2V_SRCDIR/sdk/lab/shares
# What is run: its cases and for how long; and how far off what is aimed at a figure may be, which the long form sets.
: "${shares_long:=no}"

if [ $shares_long = no ]; then
  run "$shares" --help
  expect "--help" 0 "Usage: sdk/lab/shares *prefetch *--queues=LIST*" ""
  run "$shares" nothing
  expect "no such case" 2 "" "shares: there is no case 'nothing'; try --help"
  run "$shares" --sekonds=5
  expect "no such option" 2 "" "shares: there is no option '--sekonds=5'; try --help"
  run "$shares" --seconds=long
  expect "no such time" 2 "" "shares: 'long' is no whole number*"
  run "$shares" --queues=50ms
  expect "no such queue" 2 "" "shares: --queues takes numbers like 50,100, not '50ms'"
  run "$P2V_SRCDIR/sdk/lab/plot" --help
  expect "plot --help" 0 "Usage: sdk/lab/plot RUN PICTURE*" ""
  run "$P2V_SRCDIR/sdk/lab/plot" "$work" "$work/x.pdf"
  expect "plot: no such picture" 2 "" "plot: *ends neither in .svg nor in .png"
fi

why=$(lab_refusal)
command -v iperf3 >/dev/null || why="iperf3 is not installed"
grep -qw cubic /proc/sys/net/ipv4/tcp_available_congestion_control 2>/dev/null || why="this kernel has no CUBIC"
if [ -n "$why" ]; then
  skip "the transport beside kernel TCP" "$why"
  end
  exit 0
fi

# figure NAME FILTER: a case that is what jq says of the results
figure() {
  if jq -e "$2" "$work/all.json" >/dev/null 2>&1; then ok "$1"; else not_ok "$1" "$2
$(cat "$work/table" "$work/err")"; fi
}

if [ $shares_long = no ]; then
  "$shares" --seconds=15 --queues=50 --against=cubic --priorities=4,0 --jobs=2 --json="$work/all.json" --keep="$work/runs" share up \
    >"$work/table" 2>"$work/err" </dev/null
  figure "all could be measured" 'length == 3 and all(.[]; .error == null)'
  figure "the link was always full" 'all(.[] | select(.full); .full > 19e6 and .full < 20.1e6)'
  figure "four TCPs' worth has more than half beside one" 'any(.[]; .case == "share" and .p == 4 and .is > 0.5)'
  figure "a scavenger has next to nothing" 'any(.[]; .case == "share" and .p == 0 and .is < 0.2)'
  figure "0 to 4 in mid-transfer: more than it had before" 'any(.[]; .case == "up" and .new > .old + 0.2)'
  if grep -q '^share *p=4 *cubic *50 ms ' "$work/table"; then ok "a table"; else not_ok "a table" "$(cat "$work/table")"; fi
  if command -v gnuplot >/dev/null; then
    run "$P2V_SRCDIR/sdk/lab/plot" "$work/runs/up-50ms.1" "$work/up.svg"
    if [ $code = 0 ] && grep -q 'CUBIC' "$work/up.svg"; then ok "a picture"; else not_ok "a picture" "$err"; fi
  else
    skip "a picture" "gnuplot is not installed"
  fi
else
  "$shares" --queues=100 --jobs=$(((1 + $(nproc)) / 2)) --json="$work/all.json" >"$work/table" 2>"$work/err" </dev/null
  sed 's/^/# /' "$work/table"
  figure "all could be measured" 'length == 16 and all(.[]; .error == null)'
  # One run of a minute has a spread; a tenth of the link is more than it.
  for c in share alone fair prefetch; do
    figure "$c: what is aimed at, within ten points" "all(.[] | select(.case == \"$c\"); .is >= .low - 0.1 and .is <= .high + 0.1)"
  done
  figure "a scavenger alone adds no more than 40 ms" 'all(.[] | select(.case == "alone"); .wait_ms <= 40)'
  figure "1 and 3: two to four times as much" 'all(.[] | select(.case == "ratio"); .is >= 2 and .is <= 4)'
  figure "0 to 4: within ten seconds" 'all(.[] | select(.case == "up"); .is != null and .is <= 10)'
  figure "4 to 0: within twice what is aimed at" 'all(.[] | select(.case == "down"); .is != null and .is <= 10)'
fi
end
