plugin_LTLIBRARIES += modules/p2v_cache_window.la
modules_p2v_cache_window_la_SOURCES = %reldir%/window.c
modules_p2v_cache_window_la_LDFLAGS = -module $(P2V_MODULE)
