# The real world: one third-party library per .c file.
noinst_LTLIBRARIES += libp2v_world.la
libp2v_world_la_SOURCES = \
	%reldir%/httpc.c \
	%reldir%/httpd.c \
	%reldir%/inside.h \
	%reldir%/loop.c %reldir%/loop.h \
	%reldir%/resolve.c \
	%reldir%/sending.c %reldir%/sending.h \
	%reldir%/sockets.c \
	%reldir%/udp.c \
	%reldir%/world.c
libp2v_world_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(MHD_CFLAGS)
libp2v_world_la_LIBADD = $(EV_LIBS) $(CURL_LIBS) $(MHD_LIBS)
