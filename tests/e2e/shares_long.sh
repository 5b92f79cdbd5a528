#!/bin/bash
# shares_long.sh - the shares of the link, and what a change of priority does, a minute each.
# shellcheck disable=SC2034
shares_long=yes
. "$P2V_SRCDIR/tests/e2e/shares.sh"
