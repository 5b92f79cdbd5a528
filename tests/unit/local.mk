# One program a room; one file of cases a source file.
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/base/text_test.c
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_sim
TESTS += tests/unit/unit_sim
tests_unit_unit_sim_SOURCES = \
	%reldir%/sim/http_test.c \
	%reldir%/sim/origin_test.c \
	%reldir%/sim/pair.c %reldir%/sim/pair.h \
	%reldir%/sim/udp_test.c \
	%reldir%/sim/world_test.c
tests_unit_unit_sim_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_sim_LDADD = $(UNIT_LIBS)
endif
