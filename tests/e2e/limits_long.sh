#!/bin/bash
# limits_long.sh - limits.sh for two minutes, and with a hundred viewers who come and go.
# shellcheck disable=SC2034
limits_seconds=120 limits_batches=7
. "$P2V_SRCDIR/tests/e2e/limits.sh"
