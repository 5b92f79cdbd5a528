# The simulator's half of the house: the virtual world.
noinst_LTLIBRARIES += libp2v_sim.la
libp2v_sim_la_SOURCES = \
	%reldir%/record.c %reldir%/record.h \
	%reldir%/world.c %reldir%/world.h
