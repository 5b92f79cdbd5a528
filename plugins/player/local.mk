plugin_LTLIBRARIES += modules/p2v_player_generic.la
modules_p2v_player_generic_la_SOURCES = %reldir%/generic.c
modules_p2v_player_generic_la_LDFLAGS = -module $(P2V_MODULE)
