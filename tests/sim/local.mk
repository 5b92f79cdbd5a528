# tests/sim: whole nodes in virtual time
# The plugins that an overlay and a tracker need, as ordinary objects.
OVERLAY_PLUGINS = plugins/select/random.c plugins/registry/memory.c
if HAVE_CRITERION
check_PROGRAMS += tests/sim/sim_dtl
TESTS += tests/sim/sim_dtl
tests_sim_sim_dtl_SOURCES = \
	%reldir%/dtl_ack_test.c \
	%reldir%/dtl_alloc_test.c \
	%reldir%/dtl_box.c %reldir%/dtl_box.h \
	%reldir%/dtl_certs.c %reldir%/dtl_certs.h \
	%reldir%/dtl_chaos_test.c \
	%reldir%/dtl_dtls_test.c \
	%reldir%/dtl_flood_test.c \
	%reldir%/dtl_full_test.c \
	%reldir%/dtl_life_test.c \
	%reldir%/dtl_many_test.c \
	%reldir%/dtl_memory_test.c \
	%reldir%/dtl_mtu_test.c \
	%reldir%/dtl_net.c %reldir%/dtl_net.h \
	%reldir%/dtl_oom_test.c \
	%reldir%/dtl_path_test.c \
	%reldir%/dtl_rogue_test.c \
	%reldir%/dtl_stream_test.c \
	%reldir%/dtl_window_test.c \
	%reldir%/dtl_wire.c %reldir%/dtl_wire.h \
	%reldir%/held.c %reldir%/held.h \
	%reldir%/rogue.c %reldir%/rogue.h \
	$(OOM_SOURCES)
tests_sim_sim_dtl_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_dtl_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_sim_sim_dtl_LDADD = libp2v_test_cc.la $(UNIT_LIBS)

# Hours of virtual time: minutes under sanitizers, where sim_dtl runs the same code.
if !SANITIZE
check_PROGRAMS += tests/sim/sim_share
TESTS += tests/sim/sim_share
endif
LONG_TESTS += %reldir%/share_long.sh
EXTRA_DIST += %reldir%/share_long.sh
tests_sim_sim_share_SOURCES = \
	%reldir%/dtl_links_test.c \
	%reldir%/dtl_net.c %reldir%/dtl_net.h \
	%reldir%/dtl_share_test.c
tests_sim_sim_share_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_share_LDADD = libp2v_test_cc.la $(UNIT_LIBS)

check_PROGRAMS += tests/sim/sim_overlay
TESTS += tests/sim/sim_overlay
tests_sim_sim_overlay_SOURCES = \
	%reldir%/overlay_chaos_test.c \
	%reldir%/overlay_dtls_test.c \
	%reldir%/overlay_oom_test.c \
	%reldir%/overlay_rig.c %reldir%/overlay_rig.h \
	%reldir%/overlay_rogue_test.c \
	%reldir%/overlay_talk_test.c \
	%reldir%/overlay_test.c \
	%reldir%/overlay_tracker_test.c \
	$(OVERLAY_PLUGINS) $(OOM_SOURCES)
tests_sim_sim_overlay_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_overlay_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_sim_sim_overlay_LDADD = libp2v_test_cc.la $(UNIT_LIBS)

check_PROGRAMS += tests/sim/sim_swarm
TESTS += tests/sim/sim_swarm
tests_sim_sim_swarm_SOURCES = \
	%reldir%/swarm_rig.c %reldir%/swarm_rig.h \
	%reldir%/swarm_test.c
tests_sim_sim_swarm_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_swarm_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_swarm_LDADD = libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_core.la $(OPENSSL_LIBS) $(CRITERION_LIBS)
EXTRA_tests_sim_sim_swarm_DEPENDENCIES = $(plugin_LTLIBRARIES)

# Transfers, and sessions through NAT boxes, with the transport and with its twin.
check_PROGRAMS += tests/sim/sim_transfer tests/sim/sim_transfer_flow
TESTS += tests/sim/sim_transfer tests/sim/sim_transfer_flow
tests_sim_sim_transfer_SOURCES = \
	%reldir%/dtl_nat_test.c \
	%reldir%/dtl_net.c %reldir%/dtl_net.h \
	%reldir%/keep_test.c \
	%reldir%/transfer_test.c
tests_sim_sim_transfer_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_transfer_LDADD = libp2v_test_cc.la $(UNIT_LIBS)
tests_sim_sim_transfer_flow_SOURCES = $(tests_sim_sim_transfer_SOURCES)
tests_sim_sim_transfer_flow_CFLAGS = $(UNIT_CFLAGS) -DFIDELITY_FLOW
tests_sim_sim_transfer_flow_LDADD = libp2v_test_cc.la libp2v_sim.la libp2v_flow.la libp2v_dtl.la $(OPENSSL_LIBS) $(CRITERION_LIBS)

# The same scenarios at flow fidelity.
check_PROGRAMS += tests/sim/sim_swarm_flow
TESTS += tests/sim/sim_swarm_flow
tests_sim_sim_swarm_flow_SOURCES = $(tests_sim_sim_swarm_SOURCES)
tests_sim_sim_swarm_flow_CFLAGS = $(UNIT_CFLAGS) -DFIDELITY_FLOW
tests_sim_sim_swarm_flow_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_swarm_flow_LDADD = libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_flow.la $(OPENSSL_LIBS) $(CRITERION_LIBS)
EXTRA_tests_sim_sim_swarm_flow_DEPENDENCIES = $(plugin_LTLIBRARIES)

check_PROGRAMS += tests/sim/sim_delivery
TESTS += tests/sim/sim_delivery
tests_sim_sim_delivery_SOURCES = \
	%reldir%/delivery_test.c \
	%reldir%/low_test.c \
	%reldir%/priority_test.c \
	%reldir%/swarm_rig.c %reldir%/swarm_rig.h
tests_sim_sim_delivery_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_delivery_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD) \
	-Wl,--wrap=p2v_stream_request_priority,--wrap=p2v_ask_urgency
tests_sim_sim_delivery_LDADD = $(tests_sim_sim_swarm_LDADD)
EXTRA_tests_sim_sim_delivery_DEPENDENCIES = $(plugin_LTLIBRARIES)

if !SANITIZE
check_PROGRAMS += tests/sim/sim_household
TESTS += tests/sim/sim_household
endif
tests_sim_sim_household_SOURCES = \
	%reldir%/household_rig.c %reldir%/household_rig.h \
	%reldir%/household_test.c \
	%reldir%/swarm_rig.c %reldir%/swarm_rig.h
tests_sim_sim_household_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_household_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_household_LDADD = $(tests_sim_sim_swarm_LDADD)
EXTRA_tests_sim_sim_household_DEPENDENCIES = $(plugin_LTLIBRARIES)

# Minutes under sanitizers; sim_delivery runs the same code there.
if !SANITIZE
check_PROGRAMS += tests/sim/sim_crowd
TESTS += tests/sim/sim_crowd
endif
tests_sim_sim_crowd_SOURCES = \
	%reldir%/crowd_test.c \
	%reldir%/swarm_rig.c %reldir%/swarm_rig.h
tests_sim_sim_crowd_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_crowd_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_crowd_LDADD = $(tests_sim_sim_swarm_LDADD)
EXTRA_tests_sim_sim_crowd_DEPENDENCIES = $(plugin_LTLIBRARIES)

if !SANITIZE
check_PROGRAMS += tests/sim/sim_play
TESTS += tests/sim/sim_play
endif
tests_sim_sim_play_SOURCES = %reldir%/play_test.c %reldir%/table_test.c
tests_sim_sim_play_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_play_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_play_LDADD = libp2v_simcli.la $(tests_sim_sim_swarm_LDADD)
EXTRA_tests_sim_sim_play_DEPENDENCIES = $(plugin_LTLIBRARIES)

# The same scenarios at flow fidelity.
if !SANITIZE
check_PROGRAMS += tests/sim/sim_play_flow
TESTS += tests/sim/sim_play_flow
endif
tests_sim_sim_play_flow_SOURCES = %reldir%/play_test.c
tests_sim_sim_play_flow_CFLAGS = $(UNIT_CFLAGS) -DFIDELITY_FLOW
tests_sim_sim_play_flow_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_play_flow_LDADD = libp2v_simcli.la $(tests_sim_sim_swarm_flow_LDADD)
EXTRA_tests_sim_sim_play_flow_DEPENDENCIES = $(plugin_LTLIBRARIES)

check_PROGRAMS += tests/sim/sim_gateway
TESTS += tests/sim/sim_gateway
tests_sim_sim_gateway_SOURCES = \
	%reldir%/booth.c %reldir%/booth.h \
	%reldir%/couple.c %reldir%/couple.h \
	%reldir%/gateway_clock_test.c \
	%reldir%/gateway_fault_test.c \
	%reldir%/gateway_fragment_test.c \
	%reldir%/gateway_kinds_test.c \
	%reldir%/gateway_low_test.c \
	%reldir%/gateway_manifest_test.c \
	%reldir%/gateway_page_test.c \
	%reldir%/gateway_pass_test.c \
	%reldir%/gateway_route_test.c \
	%reldir%/gateway_status_test.c \
	%reldir%/gateway_viewers_test.c \
	%reldir%/site.c %reldir%/site.h \
	%reldir%/swarm_rig.c %reldir%/swarm_rig.h
tests_sim_sim_gateway_CFLAGS = $(UNIT_CFLAGS)
tests_sim_sim_gateway_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_sim_gateway_LDADD = $(tests_sim_sim_swarm_LDADD)
EXTRA_tests_sim_sim_gateway_DEPENDENCIES = $(plugin_LTLIBRARIES)
endif

# Scenarios in virtual time. Each runs twice, and the two runs are the same.
check_PROGRAMS += tests/sim/player_crowd
TESTS += tests/sim/player_crowd
tests_sim_player_crowd_SOURCES = %reldir%/player_crowd.c
tests_sim_player_crowd_CFLAGS = $(AM_CFLAGS)
tests_sim_player_crowd_LDADD = libp2v_player.la libp2v_test_manifests.la libp2v_sim.la libp2v_core.la

# One event at both fidelities: the same source, once with the transport and once with its twin.
check_PROGRAMS += tests/sim/fidelity_packet tests/sim/fidelity_flow
tests_sim_fidelity_packet_SOURCES = %reldir%/fidelity.c
tests_sim_fidelity_packet_CFLAGS = $(AM_CFLAGS)
tests_sim_fidelity_packet_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_fidelity_packet_LDADD = libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_core.la $(OPENSSL_LIBS)
EXTRA_tests_sim_fidelity_packet_DEPENDENCIES = $(plugin_LTLIBRARIES)
tests_sim_fidelity_flow_SOURCES = %reldir%/fidelity.c
tests_sim_fidelity_flow_CFLAGS = $(AM_CFLAGS) -DFIDELITY_FLOW
tests_sim_fidelity_flow_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
tests_sim_fidelity_flow_LDADD = libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_flow.la $(OPENSSL_LIBS)
EXTRA_tests_sim_fidelity_flow_DEPENDENCIES = $(plugin_LTLIBRARIES)
if !SANITIZE
TESTS += tests/sim/fidelity.sh
endif
LONG_TESTS += tests/sim/families.sh tests/sim/conformity_long.sh tests/sim/fidelity_long.sh
EXTRA_DIST += tests/sim/families.sh tests/sim/conformity_long.sh tests/sim/fidelity.sh tests/sim/fidelity_long.sh
