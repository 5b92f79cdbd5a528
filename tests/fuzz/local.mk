# Fuzz targets, one a parser. Here they replay their corpus. To fuzz, configure a build of its own
# with CC=clang --enable-fuzz --enable-sanitize, make tests/fuzz/fuzz_NAME, and run it on a copy of
# the corpus.
FUZZ_MANIFESTS = tests/fuzz/fuzz_abst tests/fuzz/fuzz_dash tests/fuzz/fuzz_hds tests/fuzz/fuzz_hls \
	tests/fuzz/fuzz_sidx tests/fuzz/fuzz_smooth
FUZZ_TARGETS = $(FUZZ_MANIFESTS) tests/fuzz/fuzz_boxes tests/fuzz/fuzz_film \
	tests/fuzz/fuzz_dtl_packet tests/fuzz/fuzz_dtl_session tests/fuzz/fuzz_ini tests/fuzz/fuzz_messages tests/fuzz/fuzz_url
check_PROGRAMS += $(FUZZ_TARGETS)
if FUZZ
FUZZ_MAIN = %reldir%/target.c %reldir%/target.h
FUZZ_LINK = $(AM_LDFLAGS) $(P2V_FUZZ_LDFLAGS)
else
FUZZ_MAIN = %reldir%/target.c %reldir%/target.h %reldir%/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZ_TARGETS)
endif
EXTRA_DIST += %reldir%/replay.c %reldir%/hls.dict %reldir%/ini.dict \
	%reldir%/messages.dict %reldir%/corpus

tests_fuzz_fuzz_dtl_packet_SOURCES = %reldir%/fuzz_dtl_packet.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dtl_packet_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_dtl_packet_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dtl_packet_LDADD = libp2v_core.la
tests_fuzz_fuzz_dtl_session_SOURCES = %reldir%/fuzz_dtl_session.c \
	tests/sim/rogue.c tests/sim/rogue.h $(FUZZ_MAIN)
tests_fuzz_fuzz_dtl_session_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_dtl_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dtl_session_LDADD = libp2v_test_cc.la libp2v_sim.la libp2v_core.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_abst_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_abst_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"application/octet-stream"' -DFUZZ_PROTO='"hds"' \
	-DFUZZ_CONTEXT='"0 500 v?x=1"'
tests_fuzz_fuzz_abst_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_abst_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_dash_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dash_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"application/dash+xml"'
tests_fuzz_fuzz_dash_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dash_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_hds_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_hds_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"application/f4m+xml"'
tests_fuzz_fuzz_hds_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_hds_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_hls_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_hls_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"application/x-mpegurl"' -DFUZZ_PROTO='"hls"' \
	-DFUZZ_CONTEXT='"5:token3:a/b1:a0:5:wrong99:x"'
tests_fuzz_fuzz_hls_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_hls_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_sidx_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sidx_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"video/mp4"' -DFUZZ_PROTO='"dash"' \
	-DFUZZ_CONTEXT='"sidx 900 5000000 1400000 0.0 video"'
tests_fuzz_fuzz_sidx_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sidx_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_smooth_SOURCES = %reldir%/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_smooth_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TYPE='"application/vnd.ms-sstr+xml"'
tests_fuzz_fuzz_smooth_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_smooth_LDADD = libp2v_test_manifests.la libp2v_core.la
tests_fuzz_fuzz_boxes_SOURCES = %reldir%/fuzz_boxes.c $(FUZZ_MAIN)
tests_fuzz_fuzz_boxes_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_boxes_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_boxes_LDADD = libp2v_test_manifests.la
tests_fuzz_fuzz_film_SOURCES = %reldir%/fuzz_film.c $(FUZZ_MAIN)
tests_fuzz_fuzz_film_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_film_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_film_LDADD = libp2v_cmaf.la libp2v_core.la
tests_fuzz_fuzz_url_SOURCES = %reldir%/fuzz_url.c $(FUZZ_MAIN)
tests_fuzz_fuzz_url_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_url_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_url_LDADD = libp2v_core.la

tests_fuzz_fuzz_messages_SOURCES = %reldir%/fuzz_messages.c $(FUZZ_MAIN)
tests_fuzz_fuzz_messages_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_messages_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_messages_LDADD = libp2v_core.la

# The dictionary of messages follows from their table.
if !FUZZ
check_PROGRAMS += tests/fuzz/messages_dict
TESTS += tests/fuzz/messages_dict
tests_fuzz_messages_dict_SOURCES = %reldir%/messages_dict.c
tests_fuzz_messages_dict_LDADD = libp2v_core.la
endif
fuzz-dict: tests/fuzz/messages_dict
	tests/fuzz/messages_dict --print >'$(srcdir)/tests/fuzz/messages.dict'
.PHONY: fuzz-dict

tests_fuzz_fuzz_ini_SOURCES = %reldir%/fuzz_ini.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ini_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_ini_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ini_LDADD = libp2v_host.la libp2v_world.la libp2v_core.la $(OPENSSL_LIBS)
