# plugins of kind manifest
plugin_LTLIBRARIES += modules/p2v_manifest_dash.la modules/p2v_manifest_hds.la \
	modules/p2v_manifest_hls.la modules/p2v_manifest_smooth.la
# What manifests in XML share.
MANIFEST_SHARED = \
	%reldir%/shared/boxes.c %reldir%/shared/boxes.h \
	%reldir%/shared/telling.c %reldir%/shared/telling.h \
	%reldir%/shared/words.c %reldir%/shared/words.h \
	%reldir%/shared/xml.c %reldir%/shared/xml.h
DASH_SOURCES = \
	%reldir%/dash/dash.c %reldir%/dash/dash.h \
	%reldir%/dash/places.c \
	%reldir%/dash/segments.c \
	%reldir%/dash/sidx.c %reldir%/dash/sidx.h \
	%reldir%/dash/words.c
HDS_SOURCES = \
	%reldir%/hds/bootstrap.c %reldir%/hds/bootstrap.h \
	%reldir%/hds/hds.c
HLS_SOURCES = \
	%reldir%/hls/hls.c %reldir%/hls/hls.h \
	%reldir%/hls/define.c \
	%reldir%/hls/lex.c %reldir%/hls/lex.h \
	%reldir%/hls/master.c \
	%reldir%/hls/media.c \
	%reldir%/hls/survey.c
SMOOTH_SOURCES = \
	%reldir%/smooth/announced.c %reldir%/smooth/announced.h \
	%reldir%/smooth/smooth.c
modules_p2v_manifest_dash_la_SOURCES = $(DASH_SOURCES) $(MANIFEST_SHARED)
modules_p2v_manifest_dash_la_LDFLAGS = -module $(P2V_MODULE)
modules_p2v_manifest_dash_la_LIBADD = $(EXPAT_LIBS)
modules_p2v_manifest_hds_la_SOURCES = $(HDS_SOURCES) $(MANIFEST_SHARED)
modules_p2v_manifest_hds_la_LDFLAGS = -module $(P2V_MODULE)
modules_p2v_manifest_hds_la_LIBADD = $(EXPAT_LIBS)
modules_p2v_manifest_hls_la_SOURCES = $(HLS_SOURCES)
modules_p2v_manifest_hls_la_LDFLAGS = -module $(P2V_MODULE)
modules_p2v_manifest_smooth_la_SOURCES = $(SMOOTH_SOURCES) $(MANIFEST_SHARED)
modules_p2v_manifest_smooth_la_LDFLAGS = -module $(P2V_MODULE)
modules_p2v_manifest_smooth_la_LIBADD = $(EXPAT_LIBS)
