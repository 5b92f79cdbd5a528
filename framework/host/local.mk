# The host: what the commands are made of, without main(), so that other programs can load plugins too.
noinst_LTLIBRARIES += libp2v_host.la
libp2v_host_la_SOURCES = \
	%reldir%/abi.c %reldir%/abi.h \
	%reldir%/dl.c %reldir%/dl.h \
	%reldir%/loader.c %reldir%/loader.h
libp2v_host_la_LIBADD = $(LTDL_LIBS) $(INIH_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
