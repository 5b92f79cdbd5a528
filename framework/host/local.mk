# The host: what the commands are made of, without main(), so that other programs can load plugins too.
noinst_LTLIBRARIES += libp2v_host.la
libp2v_host_la_SOURCES = \
	%reldir%/abi.c %reldir%/abi.h \
	%reldir%/agent.c %reldir%/agent.h \
	%reldir%/agent_role.c \
	%reldir%/authority.c %reldir%/authority.h \
	%reldir%/bound.c \
	%reldir%/choose.c \
	%reldir%/cmd_authority.c \
	%reldir%/cmd_check.c \
	%reldir%/cmd_manifest.c \
	%reldir%/cmd_plugins.c \
	%reldir%/cmd_run.c \
	%reldir%/cmd_status.c \
	%reldir%/command.c %reldir%/command.h \
	%reldir%/commands.c %reldir%/commands.h \
	%reldir%/config.c %reldir%/config.h %reldir%/config_inside.h \
	%reldir%/dl.c %reldir%/dl.h \
	%reldir%/files.c %reldir%/files.h \
	%reldir%/http_get.c %reldir%/http_get.h \
	%reldir%/identity_files.c %reldir%/identity_files.h \
	%reldir%/ini.c %reldir%/ini.h \
	%reldir%/loader.c %reldir%/loader.h \
	%reldir%/manual.c %reldir%/manual.h \
	%reldir%/reload.c \
	%reldir%/role.h \
	%reldir%/roles.c %reldir%/roles.h \
	%reldir%/run.c \
	%reldir%/sample.c \
	%reldir%/sections.c %reldir%/sections.h \
	%reldir%/setup.c %reldir%/setup.h \
	%reldir%/still.c %reldir%/still.h \
	%reldir%/tracker_role.c %reldir%/tracker_role.h
libp2v_host_la_LIBADD = $(LTDL_LIBS) $(INIH_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)

# What a program that loads plugins adds to its own link: with --disable-shared the plugins are linked into it.
# Its main.c calls LTDL_SET_PRELOADED_SYMBOLS(), and its dependencies name $(plugin_LTLIBRARIES).
P2V_PRELOAD = -dlopen force `for m in $(plugin_LTLIBRARIES); do echo "-dlopen $$m"; done`

bin_PROGRAMS += peer2view
peer2view_SOURCES = %reldir%/main.c
peer2view_LDADD = libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
peer2view_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
EXTRA_peer2view_DEPENDENCIES = $(plugin_LTLIBRARIES)

# Manual pages are what the program says of itself.
if !CROSS
man_MANS += %reldir%/peer2view.1 %reldir%/peer2view.ini.5 $(plugin_LTLIBRARIES:.la=.7)
CLEANFILES += %reldir%/peer2view.1 %reldir%/peer2view.ini.5 $(plugin_LTLIBRARIES:.la=.7)
P2V_TELL = env -u P2V_PLUGIN_PATH ASAN_OPTIONS=detect_leaks=0 ./peer2view$(EXEEXT)

%reldir%/peer2view.1 %reldir%/peer2view.ini.5: peer2view$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && page=$@ && \
	$(P2V_TELL) --man="$${page##*/}" >$@-t && mv -f $@-t $@

SUFFIXES = .la .7
$(plugin_LTLIBRARIES:.la=.7): peer2view$(EXEEXT)
.la.7:
	$(AM_V_GEN)m=$@ && m=$${m##*/p2v_} && m=$${m%.7} && \
	$(P2V_TELL) plugins "$${m%%_*}.$${m#*_}" --man >$@-t && mv -f $@-t $@
endif
