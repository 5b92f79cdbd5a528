# The core: pure, the same objects live and in the simulator. The transport stands apart, so that the simulator can put
# another maker of framework/dtl/dtl.h in its place: sdk/sim/flow.
noinst_LTLIBRARIES += libp2v_core.la libp2v_rooms.la libp2v_dtl.la
libp2v_core_la_SOURCES =
libp2v_core_la_LIBADD = libp2v_rooms.la libp2v_dtl.la
libp2v_rooms_la_SOURCES =

include framework/base/local.mk
include framework/dtl/local.mk
include framework/reach/local.mk
include framework/overlay/local.mk
include framework/stream/local.mk
include framework/delivery/local.mk
include framework/gateway/local.mk
include framework/tracker/local.mk
include framework/world/local.mk
include framework/host/local.mk
