plugin_LTLIBRARIES += modules/p2v_registry_memory.la
modules_p2v_registry_memory_la_SOURCES = %reldir%/memory.c
modules_p2v_registry_memory_la_LDFLAGS = -module $(P2V_MODULE)
