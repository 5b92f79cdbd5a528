# The measuring pair: the transport from one end to the other, alone. Its ends play in both worlds.
noinst_LTLIBRARIES += libp2v_perf.la
libp2v_perf_la_SOURCES = \
	%reldir%/cli.c %reldir%/cli.h \
	%reldir%/client.c \
	%reldir%/inside.h \
	%reldir%/result.c \
	%reldir%/server.c \
	%reldir%/share.c \
	%reldir%/wire.c

bin_PROGRAMS += p2v-perf
p2v_perf_SOURCES = %reldir%/main.c
p2v_perf_LDADD = libp2v_perf.la libp2v_tool.la libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
p2v_perf_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
EXTRA_p2v_perf_DEPENDENCIES = $(plugin_LTLIBRARIES)

if !CROSS
man_MANS += %reldir%/p2v-perf.1
CLEANFILES += %reldir%/p2v-perf.1
%reldir%/p2v-perf.1: p2v-perf$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && \
	env -u P2V_PLUGIN_PATH ASAN_OPTIONS=detect_leaks=0 ./p2v-perf$(EXEEXT) --man >$@-t && mv -f $@-t $@
endif
