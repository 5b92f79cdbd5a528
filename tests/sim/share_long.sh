#!/bin/bash
# share_long.sh - what the transport takes beside others in virtual time, over fifteen orders of beginning.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
if env -u CRITERION_OUTPUTS P2V_TEST_LONG=1 "$P2V_BUILDDIR/tests/sim/sim_share" >"$work/out" 2>&1; then ok "fifteen orders"; else
  not_ok "fifteen orders" "$(cat "$work/out")"
fi
grep '^#' "$work/out"
end
