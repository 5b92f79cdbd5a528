# What viewers watch: an encoder that makes a stream out of arithmetic, and the CDN that serves it.
libp2v_sim_la_SOURCES += \
	%reldir%/content.c \
	%reldir%/encoder.c %reldir%/encoder.h \
	%reldir%/inside.h \
	%reldir%/origin.c %reldir%/origin.h \
	%reldir%/playlist.c
