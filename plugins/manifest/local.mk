# plugins of kind manifest
plugin_LTLIBRARIES += modules/p2v_manifest_hls.la
HLS_SOURCES = \
	%reldir%/hls/hls.c %reldir%/hls/hls.h \
	%reldir%/hls/lex.c %reldir%/hls/lex.h \
	%reldir%/hls/master.c \
	%reldir%/hls/media.c \
	%reldir%/hls/survey.c
modules_p2v_manifest_hls_la_SOURCES = $(HLS_SOURCES)
modules_p2v_manifest_hls_la_LDFLAGS = -module $(P2V_MODULE)
