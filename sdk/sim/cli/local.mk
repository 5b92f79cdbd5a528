# The program p2v-sim: what it is told, what it tells, pictures and sweeps.
noinst_LTLIBRARIES += libp2v_simcli.la
libp2v_simcli_la_SOURCES = \
	%reldir%/become.c %reldir%/become.h \
	%reldir%/cmd_explain.c \
	%reldir%/cmd_plot.c \
	%reldir%/cmd_presets.c \
	%reldir%/cmd_run.c \
	%reldir%/cmd_sweep.c \
	%reldir%/commands.h \
	%reldir%/figures.def \
	%reldir%/folder.c %reldir%/folder.h \
	%reldir%/overlay.c %reldir%/overlay.h \
	%reldir%/pages.c %reldir%/pages.h \
	%reldir%/play.c %reldir%/play.h \
	%reldir%/program.c \
	%reldir%/report.c %reldir%/report.h \
	%reldir%/scenario.c %reldir%/scenario.h \
	%reldir%/summary.c %reldir%/summary.h \
	%reldir%/table.c %reldir%/table.h
libp2v_simcli_la_CPPFLAGS = $(AM_CPPFLAGS) -DP2V_SCENARIO_DIR='"$(pkgdatadir)/scenarios"'
libp2v_simcli_la_LIBADD = $(JANSSON_LIBS) $(M_LIBS)

bin_PROGRAMS += p2v-sim p2v-sim-flow
p2v_sim_SOURCES = %reldir%/main.c
p2v_sim_LDADD = libp2v_simcli.la libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_core.la $(OPENSSL_LIBS)
p2v_sim_LDFLAGS = $(AM_LDFLAGS) $(P2V_PRELOAD)
EXTRA_p2v_sim_DEPENDENCIES = $(plugin_LTLIBRARIES)
p2v_sim_flow_SOURCES = $(p2v_sim_SOURCES)
p2v_sim_flow_CPPFLAGS = $(AM_CPPFLAGS) -DFIDELITY_FLOW
p2v_sim_flow_LDADD = libp2v_simcli.la libp2v_sim.la libp2v_player.la libp2v_host.la libp2v_flow.la $(OPENSSL_LIBS)
p2v_sim_flow_LDFLAGS = $(p2v_sim_LDFLAGS)
EXTRA_p2v_sim_flow_DEPENDENCIES = $(plugin_LTLIBRARIES)

if !CROSS
man_MANS += %reldir%/p2v-sim.1 %reldir%/p2v-sim.ini.5
CLEANFILES += %reldir%/p2v-sim.1 %reldir%/p2v-sim.ini.5
%reldir%/p2v-sim.1 %reldir%/p2v-sim.ini.5: p2v-sim$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && page=$@ && \
	env -u P2V_PLUGIN_PATH ASAN_OPTIONS=detect_leaks=0 ./p2v-sim$(EXEEXT) --man="$${page##*/}" >$@-t && mv -f $@-t $@
endif
