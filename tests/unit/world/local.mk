# The real world against real sockets.
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_world
TESTS += tests/unit/unit_world
tests_unit_unit_world_SOURCES = \
	%reldir%/faults.c %reldir%/faults.h \
	%reldir%/httpc_test.c \
	%reldir%/loop_test.c \
	%reldir%/raw.c %reldir%/raw.h \
	%reldir%/resolve_test.c \
	%reldir%/udp_test.c
tests_unit_unit_world_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_world_LDADD = libp2v_world.la libp2v_core.la $(CRITERION_LIBS)
endif
