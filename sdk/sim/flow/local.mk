# The transport's twin at flow fidelity, and the rooms above it: in a program, in the place of libp2v_core.la.
noinst_LTLIBRARIES += libp2v_flow.la
libp2v_flow_la_SOURCES = \
	%reldir%/endpoint.c \
	%reldir%/inside.h \
	%reldir%/outgoing.c \
	%reldir%/parcel.c \
	%reldir%/session.c \
	%reldir%/stream.c
libp2v_flow_la_LIBADD = libp2v_rooms.la
