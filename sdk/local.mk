include sdk/sim/local.mk
include sdk/player/local.mk
EXTRA_DIST += sdk/peer2view.pc.in
EXTRA_DIST += sdk/doc/manifest-json.md
