# Tests of the programs as people call them.
EXTRA_DIST += tests/tap.sh %reldir%/serve.sh
CLI_TESTS = \
	%reldir%/authority.sh \
	%reldir%/install.sh \
	%reldir%/man.sh \
	%reldir%/perf.sh \
	%reldir%/player.sh \
	%reldir%/run.sh \
	%reldir%/sim.sh \
	%reldir%/status.sh \
	%reldir%/usage.sh
# These load plugins that are built as shared objects for the tests.
CLI_SHARED_TESTS = \
	%reldir%/check.sh \
	%reldir%/manifest.sh \
	%reldir%/plugins.sh
# The same, of a build as it ships: it compiles and compares.
CLI_GUIDE_TESTS = %reldir%/sim_guide.sh
TESTS += $(CLI_TESTS)
if SHARED
TESTS += $(CLI_SHARED_TESTS)
if !SANITIZE
TESTS += $(CLI_GUIDE_TESTS)
endif
endif
LONG_TESTS += %reldir%/sim_long.sh %reldir%/static_build.sh
EXTRA_DIST += $(CLI_TESTS) $(CLI_SHARED_TESTS) $(CLI_GUIDE_TESTS) %reldir%/sim_long.sh %reldir%/static_build.sh

# A live stream to play.
check_PROGRAMS += tests/cli/live_origin
tests_cli_live_origin_SOURCES = %reldir%/live_origin.c
tests_cli_live_origin_LDADD = libp2v_sim.la libp2v_world.la libp2v_core.la
