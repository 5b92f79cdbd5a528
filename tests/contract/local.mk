# The controllers as ordinary objects, for tests that run them without the loader.
check_LTLIBRARIES += libp2v_test_cc.la
libp2v_test_cc_la_SOURCES = plugins/cc/newreno.c plugins/cc/cubic.c plugins/cc/ledbat.c \
	plugins/cc/dtl.c

if HAVE_CRITERION
check_PROGRAMS += tests/contract/contract_cc
TESTS += tests/contract/contract_cc
tests_contract_contract_cc_SOURCES = \
	%reldir%/cc_bench.c %reldir%/cc_bench.h \
	%reldir%/cc_delay_test.c %reldir%/cc_dtl_test.c %reldir%/cc_test.c
tests_contract_contract_cc_CFLAGS = $(UNIT_CFLAGS)
tests_contract_contract_cc_LDADD = libp2v_test_cc.la $(UNIT_LIBS)

check_PROGRAMS += tests/contract/contract_registry
TESTS += tests/contract/contract_registry
tests_contract_contract_registry_SOURCES = \
	%reldir%/registry_laws.c %reldir%/registry_laws.h \
	%reldir%/registry_test.c \
	plugins/registry/memory.c \
	$(OOM_SOURCES)
tests_contract_contract_registry_CFLAGS = $(UNIT_CFLAGS)
tests_contract_contract_registry_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_contract_contract_registry_LDADD = $(UNIT_LIBS)
endif

if HAVE_CRITERION
check_PROGRAMS += tests/contract/contract_policies
TESTS += tests/contract/contract_policies
tests_contract_contract_policies_SOURCES = \
	%reldir%/cache_laws.c %reldir%/player_laws.c %reldir%/select_laws.c \
	%reldir%/policy_bench.c %reldir%/policy_bench.h \
	plugins/cache/window.c $(PLAYER_PLUGINS) \
	plugins/select/capacity.c plugins/select/random.c
tests_contract_contract_policies_CFLAGS = $(UNIT_CFLAGS)
tests_contract_contract_policies_LDADD = $(UNIT_LIBS)
endif

# The laws of each kind and of the world, checked on every maker.
check_PROGRAMS += tests/contract/world_real
TESTS += tests/contract/world_real
tests_contract_world_real_SOURCES = \
	%reldir%/world_laws.c %reldir%/world_laws.h \
	%reldir%/world_laws_http.c %reldir%/world_laws_inside.h \
	%reldir%/world_laws_web.c %reldir%/world_laws_web.h \
	%reldir%/world_real_test.c
tests_contract_world_real_LDADD = libp2v_world.la libp2v_core.la

check_LTLIBRARIES += libp2v_test_manifests.la
libp2v_test_manifests_la_SOURCES = $(DASH_SOURCES) $(HDS_SOURCES) $(HLS_SOURCES) $(SMOOTH_SOURCES) $(MANIFEST_SHARED)
libp2v_test_manifests_la_LIBADD = $(EXPAT_LIBS)
check_PROGRAMS += tests/contract/manifest_dump tests/contract/manifest_laws
tests_contract_manifest_dump_SOURCES = \
	%reldir%/manifest_dump.c %reldir%/manifests.h
tests_contract_manifest_dump_CFLAGS = $(AM_CFLAGS)
tests_contract_manifest_dump_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_contract_manifest_laws_SOURCES = \
	%reldir%/manifest_laws.c %reldir%/manifests.h
tests_contract_manifest_laws_CFLAGS = $(AM_CFLAGS)
tests_contract_manifest_laws_LDADD = libp2v_test_manifests.la libp2v_core.la
TESTS += tests/contract/manifest_laws tests/contract/manifest_golden.sh
EXTRA_DIST += tests/contract/manifest_golden.sh tests/data/dash tests/data/hds tests/data/hls tests/data/smooth

# Makes the dumps that the samples are compared with anew. Look at what changed before you commit.
golden-manifests: tests/contract/manifest_dump
	P2V_SRCDIR='$(abs_top_srcdir)' P2V_BUILDDIR='$(abs_top_builddir)' \
		$(srcdir)/tests/contract/manifest_golden.sh --write
.PHONY: golden-manifests

check_PROGRAMS += tests/contract/world_sim
TESTS += tests/contract/world_sim
tests_contract_world_sim_SOURCES = \
	%reldir%/world_laws.c %reldir%/world_laws.h \
	%reldir%/world_laws_http.c %reldir%/world_laws_inside.h \
	%reldir%/world_laws_web.c %reldir%/world_laws_web.h \
	%reldir%/world_sim_test.c
tests_contract_world_sim_LDADD = libp2v_sim.la libp2v_core.la

# The same laws at flow fidelity.
check_PROGRAMS += tests/contract/world_flow
TESTS += tests/contract/world_flow
tests_contract_world_flow_SOURCES = $(tests_contract_world_sim_SOURCES)
tests_contract_world_flow_CFLAGS = $(AM_CFLAGS) -DFIDELITY_FLOW
tests_contract_world_flow_LDADD = libp2v_sim.la libp2v_core.la
