# The host: what the commands are made of, without main(), so that other programs can load plugins too.
noinst_LTLIBRARIES += libp2v_host.la
libp2v_host_la_SOURCES = \
	%reldir%/abi.c %reldir%/abi.h \
	%reldir%/bound.c \
	%reldir%/choose.c \
	%reldir%/config.c %reldir%/config.h %reldir%/config_inside.h \
	%reldir%/dl.c %reldir%/dl.h \
	%reldir%/ini.c %reldir%/ini.h \
	%reldir%/loader.c %reldir%/loader.h \
	%reldir%/reload.c \
	%reldir%/sections.c %reldir%/sections.h
libp2v_host_la_LIBADD = $(LTDL_LIBS) $(INIH_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
