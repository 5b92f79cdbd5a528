# Scenarios in virtual time. Each runs twice, and the two runs are the same.
check_PROGRAMS += tests/sim/player_crowd
TESTS += tests/sim/player_crowd
tests_sim_player_crowd_SOURCES = %reldir%/player_crowd.c $(TEST_MANIFEST_PLUGINS)
tests_sim_player_crowd_CFLAGS = $(AM_CFLAGS)
tests_sim_player_crowd_LDADD = libp2v_player.la libp2v_sim.la libp2v_core.la
