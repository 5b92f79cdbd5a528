# One program a room; one file of cases a source file.
include tests/unit/world/local.mk
include tests/unit/js/local.mk
if HAVE_CRITERION
# What lets allocations fail: see oom.h.
OOM_SOURCES = %reldir%/oom.c %reldir%/oom.h
OOM_LINK = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/fake_world.h \
	%reldir%/base/addr_test.c \
	%reldir%/base/http_test.c \
	%reldir%/base/json_test.c \
	%reldir%/base/list_test.c \
	%reldir%/base/metrics_test.c \
	%reldir%/base/node_test.c \
	%reldir%/base/oom_test.c \
	%reldir%/base/options_test.c \
	%reldir%/base/random_test.c \
	%reldir%/base/slice_test.c \
	%reldir%/base/text_test.c \
	%reldir%/base/timers_test.c \
	%reldir%/base/url_test.c \
	%reldir%/base/wire_test.c \
	$(OOM_SOURCES)
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_dtl
TESTS += tests/unit/unit_dtl
tests_unit_unit_dtl_SOURCES = \
	%reldir%/dtl/ack_test.c \
	%reldir%/dtl/cids_test.c \
	%reldir%/dtl/outbox_test.c \
	%reldir%/dtl/pmtu_test.c \
	%reldir%/dtl/packet_test.c \
	%reldir%/dtl/pair_test.c \
	%reldir%/dtl/queues_test.c \
	%reldir%/dtl/ranges_test.c \
	%reldir%/dtl/recovery_test.c \
	%reldir%/dtl/seal_test.c \
	%reldir%/dtl/session_test.c \
	%reldir%/dtl/window_test.c \
	tests/sim/dtl_certs.c tests/sim/dtl_certs.h
tests_unit_unit_dtl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_dtl_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_lab
TESTS += tests/unit/unit_lab
tests_unit_unit_lab_SOURCES = %reldir%/lab/line_test.c
tests_unit_unit_lab_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_lab_LDADD = libp2v_lab.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_origin
TESTS += tests/unit/unit_origin
tests_unit_unit_origin_SOURCES = \
	%reldir%/origin/film.h \
	%reldir%/origin/mp4_test.c \
	%reldir%/origin/playlist_test.c
tests_unit_unit_origin_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_origin_LDADD = libp2v_cmaf.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_overlay
TESTS += tests/unit/unit_overlay
tests_unit_unit_overlay_SOURCES = \
	%reldir%/fake_world.h \
	%reldir%/overlay/identity_hand.h \
	%reldir%/overlay/identity_refusal_test.c \
	%reldir%/overlay/identity_test.c \
	%reldir%/overlay/messages_test.c \
	%reldir%/overlay/people.c %reldir%/overlay/people.h \
	$(OOM_SOURCES)
tests_unit_unit_overlay_CFLAGS = $(UNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_unit_overlay_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_overlay_LDADD = $(UNIT_LIBS)

# A plain program: it replaces OpenSSL's allocator, too.
check_PROGRAMS += tests/unit/oom_overlay
TESTS += tests/unit/oom_overlay
tests_unit_oom_overlay_SOURCES = \
	%reldir%/overlay/oom.c \
	%reldir%/overlay/people.c %reldir%/overlay/people.h \
	$(OOM_SOURCES)
tests_unit_oom_overlay_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_oom_overlay_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_oom_overlay_LDADD = libp2v_core.la $(OPENSSL_LIBS)

check_PROGRAMS += tests/unit/unit_reach
TESTS += tests/unit/unit_reach
tests_unit_unit_reach_SOURCES = %reldir%/reach/dialer_test.c
tests_unit_unit_reach_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_reach_LDADD = libp2v_test_cc.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_delivery
TESTS += tests/unit/unit_delivery
tests_unit_unit_delivery_SOURCES = \
	%reldir%/delivery/chunks_test.c \
	%reldir%/delivery/fragment_test.c \
	%reldir%/delivery/proof_test.c \
	%reldir%/delivery/shelf.c %reldir%/delivery/shelf.h \
	%reldir%/delivery/tell_test.c \
	%reldir%/fake_world.h \
	plugins/cache/window.c plugins/player/generic.c plugins/select/capacity.c \
	$(OOM_SOURCES)
tests_unit_unit_delivery_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_delivery_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK) \
	-Wl,--wrap=p2v_partner_send,--wrap=p2v_partner_send_slice
tests_unit_unit_delivery_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_stream
TESTS += tests/unit/unit_stream
tests_unit_unit_stream_SOURCES = \
	%reldir%/stream/channel_test.c \
	%reldir%/stream/directives_test.c \
	%reldir%/stream/doc_shelf_test.c \
	%reldir%/stream/doc_test.c \
	%reldir%/stream/read.h \
	%reldir%/stream/timeline_test.c \
	$(OOM_SOURCES)
tests_unit_unit_stream_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_stream_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_stream_LDADD = libp2v_test_manifests.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_manifest
TESTS += tests/unit/unit_manifest
tests_unit_unit_manifest_SOURCES = \
	%reldir%/plugins/dash_test.c \
	%reldir%/plugins/hds_test.c \
	%reldir%/plugins/hls_test.c \
	%reldir%/plugins/smooth_test.c
tests_unit_unit_manifest_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_manifest_LDADD = libp2v_test_manifests.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_nat
TESTS += tests/unit/unit_nat
tests_unit_unit_nat_SOURCES = \
	%reldir%/nat/box.c %reldir%/nat/box.h \
	%reldir%/nat/chance_test.c \
	%reldir%/nat/limits_test.c \
	%reldir%/nat/table_test.c \
	%reldir%/nat/time_test.c \
	$(OOM_SOURCES)
tests_unit_unit_nat_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_nat_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_nat_LDADD = libp2v_nat.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_sim
TESTS += tests/unit/unit_sim
tests_unit_unit_sim_SOURCES = \
	%reldir%/sim/audience_test.c \
	%reldir%/sim/box_test.c \
	%reldir%/sim/fluid_test.c \
	%reldir%/sim/http_test.c \
	%reldir%/sim/inbox_test.c \
	%reldir%/sim/origin_test.c \
	%reldir%/sim/packet_test.c \
	%reldir%/sim/pair.c %reldir%/sim/pair.h \
	%reldir%/sim/share_test.c \
	%reldir%/sim/udp_test.c \
	%reldir%/sim/wheel_test.c \
	%reldir%/sim/world_test.c \
	$(OOM_SOURCES)
tests_unit_unit_sim_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_sim_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_sim_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_player
TESTS += tests/unit/unit_player
tests_unit_unit_player_SOURCES = \
	%reldir%/player/abr_test.c \
	%reldir%/player/buffer_test.c \
	%reldir%/player/low_test.c \
	%reldir%/player/player_test.c \
	%reldir%/player/presentation_test.c \
	%reldir%/player/stage.c %reldir%/player/stage.h \
	%reldir%/player/theatre.c %reldir%/player/theatre.h \
	$(OOM_SOURCES)
tests_unit_unit_player_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_player_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_player_LDADD = libp2v_player.la libp2v_test_manifests.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_perf
TESTS += tests/unit/unit_perf
tests_unit_unit_perf_SOURCES = %reldir%/perf/perf_test.c
tests_unit_unit_perf_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_perf_LDADD = libp2v_perf.la libp2v_tool.la libp2v_test_cc.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_host
TESTS += tests/unit/unit_host
tests_unit_unit_host_SOURCES = \
	%reldir%/host/config_test.c
if SHARED
tests_unit_unit_host_SOURCES += \
	%reldir%/host/choose_test.c \
	%reldir%/host/loader_test.c \
	%reldir%/host/run_test.c
endif
tests_unit_unit_host_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_host_LDADD = libp2v_host.la libp2v_world.la $(UNIT_LIBS)
endif

# A plain program: it stands before the allocator itself.
if SHARED
check_PROGRAMS += tests/unit/oom_host
TESTS += tests/unit/oom_host
tests_unit_oom_host_SOURCES = %reldir%/host/oom.c
tests_unit_oom_host_LDADD = libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
tests_unit_oom_host_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
endif
