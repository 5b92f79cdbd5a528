#!/bin/bash
# js.sh - sdk/js in node.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
command -v node >/dev/null || skip_all "node is not installed"
# Node's report has lines that are cases, and indented ones that are not.
node --test --test-reporter=tap "$P2V_SRCDIR/tests/unit/js/peer2view.test.mjs" >"$work/tap" 2>&1
code=$?
cat "$work/tap"
grep -q '^ok ' "$work/tap" || not_ok "node runs the cases" "$(<"$work/tap")"
exit $code
