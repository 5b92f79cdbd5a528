# plugins of kind cc
plugin_LTLIBRARIES += modules/p2v_cc_newreno.la modules/p2v_cc_cubic.la \
	modules/p2v_cc_ledbat.la modules/p2v_cc_dtl.la

modules_p2v_cc_newreno_la_SOURCES = %reldir%/newreno.c
modules_p2v_cc_newreno_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_cc_cubic_la_SOURCES = %reldir%/cubic.c %reldir%/hystart.h
modules_p2v_cc_cubic_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_cc_ledbat_la_SOURCES = %reldir%/ledbat.c %reldir%/scavenger.h
modules_p2v_cc_ledbat_la_LDFLAGS = -module $(P2V_MODULE)

modules_p2v_cc_dtl_la_SOURCES = %reldir%/dtl.c %reldir%/hystart.h %reldir%/scavenger.h
modules_p2v_cc_dtl_la_LDFLAGS = -module $(P2V_MODULE)
