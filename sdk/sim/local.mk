# The simulator's half of the house. Here: the virtual world, which is time, machines, links, datagrams, HTTP, and what
# stands in for cryptography. In its rooms: cdn/ is what viewers watch, swarm/ an event from beginning to end.
noinst_LTLIBRARIES += libp2v_sim.la
libp2v_sim_la_SOURCES = \
	%reldir%/box.c %reldir%/box.h \
	%reldir%/record.c %reldir%/record.h \
	%reldir%/crypto.c %reldir%/crypto.h \
	%reldir%/http.c \
	%reldir%/httpd.c \
	%reldir%/event.h \
	%reldir%/fluid.c %reldir%/fluid.h \
	%reldir%/inbox.c %reldir%/inbox.h \
	%reldir%/inside.h \
	%reldir%/packet.c \
	%reldir%/pools.c %reldir%/pools.h \
	%reldir%/pipe.c %reldir%/pipe.h \
	%reldir%/pipe_flow.c \
	%reldir%/sender.c %reldir%/sender.h \
	%reldir%/lanes.c %reldir%/lanes.h \
	%reldir%/share.c %reldir%/share.h \
	%reldir%/sockets.c %reldir%/sockets.h \
	%reldir%/udp.c \
	%reldir%/wheel.c %reldir%/wheel.h \
	%reldir%/world.c %reldir%/world.h
libp2v_sim_la_LIBADD = libp2v_nat.la $(M_LIBS)
include %reldir%/cdn/local.mk
include %reldir%/flow/local.mk
include %reldir%/swarm/local.mk
