# The real world: one third-party library per .c file.
noinst_LTLIBRARIES += libp2v_world.la
libp2v_world_la_SOURCES =
libp2v_world_la_LIBADD = $(EV_LIBS) $(CURL_LIBS) $(MHD_LIBS)
