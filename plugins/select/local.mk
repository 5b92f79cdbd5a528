plugin_LTLIBRARIES += modules/p2v_select_capacity.la modules/p2v_select_random.la
modules_p2v_select_capacity_la_SOURCES = %reldir%/capacity.c
modules_p2v_select_capacity_la_LDFLAGS = -module $(P2V_MODULE)
modules_p2v_select_random_la_SOURCES = %reldir%/random.c
modules_p2v_select_random_la_LDFLAGS = -module $(P2V_MODULE)
