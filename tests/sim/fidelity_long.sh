#!/bin/bash
# fidelity_long.sh - fidelity.sh with all that takes minutes.
P2V_LONG=1 exec bash "$P2V_SRCDIR/tests/sim/fidelity.sh"
