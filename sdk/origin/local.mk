# A live origin with low latency: its core is pure and answers on any world.
noinst_LTLIBRARIES += libp2v_cmaf.la
libp2v_cmaf_la_SOURCES = \
	%reldir%/mp4.c %reldir%/mp4.h \
	%reldir%/mp4_boxes.c \
	%reldir%/mpd.c \
	%reldir%/playlist.c %reldir%/playlist.h \
	%reldir%/request.c %reldir%/request.h \
	%reldir%/server.c %reldir%/server.h \
	%reldir%/stream.c %reldir%/stream.h

bin_PROGRAMS += p2v-origin
p2v_origin_SOURCES = %reldir%/cli.c %reldir%/cli.h %reldir%/main.c
p2v_origin_LDADD = libp2v_tool.la libp2v_cmaf.la libp2v_world.la libp2v_core.la

if !CROSS
man_MANS += %reldir%/p2v-origin.1
CLEANFILES += %reldir%/p2v-origin.1
%reldir%/p2v-origin.1: p2v-origin$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && \
	env ASAN_OPTIONS=detect_leaks=0 ./p2v-origin$(EXEEXT) --man >$@-t && mv -f $@-t $@
endif
