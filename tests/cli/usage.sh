#!/bin/bash
# usage.sh - how the program is called: help, version, exit codes, and what a wrong call is told.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view

run "$p2v" --version
expect "--version" 0 "peer2view [0-9]*.[0-9]*.[0-9]*" ""
run "$p2v" -V
expect "-V" 0 "peer2view *" ""
run "$p2v" --help
expect "--help" 0 "Usage: peer2view COMMAND*Examples:*" ""
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/out")
run "$p2v" -h
expect "-h" 0 "Usage: *" ""
wide=$(awk 'length > 80 && !/^  [a-zA-Z0-9_$]/' "$work/out")
if [ -z "$wide" ]; then ok "help fits 80 columns"; else not_ok "help fits 80 columns" "$wide"; fi

if [ -n "$commands" ]; then ok "help names commands"; else not_ok "help names commands"; fi
for c in $commands; do
  run "$p2v" "$c" --help
  expect "$c --help" 0 "Usage: peer2view $c *Options:*--help*Examples:*" ""
  run "$p2v" "$c" --no-such-thing
  expect "$c: an unknown option" 2 "" "peer2view $c: it takes no option '--no-such-thing'*Try 'peer2view $c --help'."
done

run "$p2v"
expect "no command" 2 "" "peer2view: it needs a command*Try 'peer2view --help'."
run "$p2v" plugin
expect "an unknown command names the nearest" 2 "" "peer2view: there is no command 'plugin'; did you mean 'plugins'?*"
run "$p2v" zzzzzzzzzz
expect "an unknown command that nothing is near" 2 "" "peer2view: there is no command 'zzzzzzzzzz'
*"
run "$p2v" --jsn
expect "an option before the command" 2 "" "peer2view: it takes no option '--jsn' before the command*"
run "$p2v" plugins --jsno
expect "an unknown option names the nearest" 2 "" "*'--jsno'*; did you mean --json?*"
run "$p2v" plugins -x
expect "an unknown letter" 2 "" "*'-x'*"
run "$p2v" plugins --json=5
expect "an argument for an option that takes none" 2 "" "*'--json=5'*"
run "$p2v" status --url
expect "an option without its argument" 2 "" "*option '--url' needs an argument*"
run "$p2v" check
expect "a missing operand" 2 "" "*it needs FILE.ini*"
run "$p2v" check a b
expect "an operand too many" 2 "" "*'b' is one argument too many*"
run "$p2v" --man=nothing
expect "an unknown manual page" 2 "" "*no manual page 'nothing'*"

if [ -w /dev/full ]; then
  "$p2v" --help >/dev/full 2>"$work/err"
  code=$? out='' err=$(<"$work/err")
  expect "a full disk is noticed" 1 "" "peer2view: cannot write to the standard output"
else
  skip "a full disk is noticed" "no /dev/full"
fi
end
