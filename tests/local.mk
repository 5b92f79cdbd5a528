# Tests mirror the tree. Every test speaks TAP, so that each case counts.
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/sdk/aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(BASH)
EXTRA_DIST += tests/leaks.supp tests/unit/leaks.h
AM_TESTS_ENVIRONMENT = \
	CRITERION_OUTPUTS=tap:-; CRITERION_JOBS=1; \
	ASAN_OPTIONS='detect_leaks=$(P2V_LEAKS)'; UBSAN_OPTIONS=print_stacktrace=1; \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/tests/leaks.supp:print_suppressions=0'; \
	P2V_SRCDIR='$(abs_top_srcdir)'; P2V_BUILDDIR='$(abs_top_builddir)'; CC='$(CC)'; NM='$(NM)'; MAKE='$(MAKE)'; \
	CLANG_FORMAT='$(CLANG_FORMAT)'; \
	export CRITERION_OUTPUTS CRITERION_JOBS ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS P2V_SRCDIR P2V_BUILDDIR CC NM MAKE CLANG_FORMAT;

# What every unit test program is made with.
UNIT_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
if SANITIZE
UNIT_CFLAGS += -include $(top_srcdir)/tests/unit/leaks.h
endif
UNIT_LIBS = libp2v_sim.la libp2v_core.la $(OPENSSL_LIBS) $(CRITERION_LIBS)

# Tests that take minutes: `make check-long`. They build the whole tree again in other ways.
LONG_TESTS =
check-long: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(LONG_TESTS)'
.PHONY: check-long

# Those that take longest come first, so that none is left alone at the end.
include tests/e2e/local.mk
include tests/sim/local.mk
include tests/unit/local.mk
include tests/contract/local.mk
include tests/cli/local.mk
include tests/fuzz/local.mk
include tests/abi/local.mk
include tests/style/local.mk
include tests/bench/local.mk
