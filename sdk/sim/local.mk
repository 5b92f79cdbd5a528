# The simulator's half of the house: the virtual world.
noinst_LTLIBRARIES += libp2v_sim.la
libp2v_sim_la_SOURCES = \
	%reldir%/record.c %reldir%/record.h \
	%reldir%/crypto.c %reldir%/crypto.h \
	%reldir%/encoder.c %reldir%/encoder.h \
	%reldir%/http.c \
	%reldir%/httpd.c \
	%reldir%/event.h \
	%reldir%/fluid.c %reldir%/fluid.h \
	%reldir%/inside.h \
	%reldir%/origin.c %reldir%/origin.h \
	%reldir%/swarm.c %reldir%/swarm.h \
	%reldir%/pipe.c %reldir%/pipe.h \
	%reldir%/pipe_flow.c \
	%reldir%/sender.c %reldir%/sender.h \
	%reldir%/udp.c \
	%reldir%/world.c %reldir%/world.h
include %reldir%/flow/local.mk
