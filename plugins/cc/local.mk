# plugins of kind cc
plugin_LTLIBRARIES += modules/p2v_cc_newreno.la modules/p2v_cc_cubic.la

modules_p2v_cc_newreno_la_SOURCES = %reldir%/newreno.c
modules_p2v_cc_newreno_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_cc_cubic_la_SOURCES = %reldir%/cubic.c
modules_p2v_cc_cubic_la_LDFLAGS = -module $(P2V_MODULE)
