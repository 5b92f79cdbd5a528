# What the transport costs beside what it is made of, and manifests beside expat: `make bench`. It takes a minute or two, wants an idle machine,
# and installs nothing.
EXTRA_PROGRAMS += tests/bench/raw tests/bench/sessions tests/bench/fluid tests/bench/manifests
tests_bench_fluid_SOURCES = %reldir%/fluid.c
tests_bench_fluid_LDADD = libp2v_sim.la libp2v_core.la
tests_bench_manifests_SOURCES = %reldir%/manifests.c tests/contract/manifests.h
tests_bench_manifests_LDADD = libp2v_test_manifests.la libp2v_core.la $(EXPAT_LIBS)
tests_bench_raw_SOURCES = %reldir%/raw.c %reldir%/raw.h %reldir%/raw_ssl.c
tests_bench_raw_LDADD = $(OPENSSL_LIBS)
tests_bench_sessions_SOURCES = %reldir%/sessions.c
tests_bench_sessions_LDADD = libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
tests_bench_sessions_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
EXTRA_tests_bench_sessions_DEPENDENCIES = $(plugin_LTLIBRARIES)
CLEANFILES += $(EXTRA_PROGRAMS) bench-dtl.json
EXTRA_DIST += %reldir%/dtl.sh

bench: all libp2v_test_manifests.la $(EXTRA_PROGRAMS)
	@P2V_SRCDIR='$(abs_top_srcdir)' P2V_BUILDDIR='$(abs_top_builddir)' $(BASH) '$(top_srcdir)/tests/bench/dtl.sh'
	@tests/bench/fluid
	@tests/bench/manifests
.PHONY: bench
