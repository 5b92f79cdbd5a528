# One program a room; one file of cases a source file.
include tests/unit/world/local.mk
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

check_PROGRAMS += tests/unit/unit_player
TESTS += tests/unit/unit_player
tests_unit_unit_player_SOURCES = \
	%reldir%/player/abr_test.c \
	%reldir%/player/buffer_test.c \
	%reldir%/player/player_test.c \
	%reldir%/player/theatre.c %reldir%/player/theatre.h \
	$(HLS_SOURCES)
tests_unit_unit_player_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_player_LDADD = libp2v_player.la $(UNIT_LIBS)
endif
