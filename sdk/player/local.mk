# The measuring player: its core is pure and plays in both worlds.
noinst_LTLIBRARIES += libp2v_player.la
libp2v_player_la_SOURCES = \
	%reldir%/abr.c %reldir%/abr.h \
	%reldir%/buffer.c %reldir%/buffer.h \
	%reldir%/fetching.c \
	%reldir%/inside.h \
	%reldir%/load.c \
	%reldir%/low.c \
	%reldir%/parts.c %reldir%/parts.h \
	%reldir%/player.c %reldir%/player.h \
	%reldir%/result.c \
	%reldir%/sets.c \
	%reldir%/source.c \
	%reldir%/track.c

bin_PROGRAMS += p2v-player
p2v_player_SOURCES = %reldir%/cli.c %reldir%/cli.h %reldir%/main.c
p2v_player_LDADD = libp2v_tool.la libp2v_player.la libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
p2v_player_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
EXTRA_p2v_player_DEPENDENCIES = $(plugin_LTLIBRARIES)

if !CROSS
man_MANS += %reldir%/p2v-player.1
CLEANFILES += %reldir%/p2v-player.1
%reldir%/p2v-player.1: p2v-player$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && \
	env -u P2V_PLUGIN_PATH ASAN_OPTIONS=detect_leaks=0 ./p2v-player$(EXEEXT) --man >$@-t && mv -f $@-t $@
endif
