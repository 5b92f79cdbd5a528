# The measuring player: its core is pure and plays in both worlds.
noinst_LTLIBRARIES += libp2v_player.la
libp2v_player_la_SOURCES = \
	%reldir%/abr.c %reldir%/abr.h \
	%reldir%/buffer.c %reldir%/buffer.h \
	%reldir%/fetching.c \
	%reldir%/inside.h \
	%reldir%/load.c \
	%reldir%/player.c %reldir%/player.h \
	%reldir%/result.c \
	%reldir%/track.c
