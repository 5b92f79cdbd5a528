# One program a room; one file of cases a source file.
if HAVE_CRITERION
# What lets allocations fail: see oom.h.
OOM_SOURCES = %reldir%/oom.c %reldir%/oom.h
OOM_LINK = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/fake_world.h \
	%reldir%/base/addr_test.c \
	%reldir%/base/http_test.c \
	%reldir%/base/json_test.c \
	%reldir%/base/list_test.c \
	%reldir%/base/metrics_test.c \
	%reldir%/base/node_test.c \
	%reldir%/base/oom_test.c \
	%reldir%/base/options_test.c \
	%reldir%/base/random_test.c \
	%reldir%/base/slice_test.c \
	%reldir%/base/text_test.c \
	%reldir%/base/timers_test.c \
	%reldir%/base/url_test.c \
	%reldir%/base/wire_test.c \
	$(OOM_SOURCES)
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_stream
TESTS += tests/unit/unit_stream
tests_unit_unit_stream_SOURCES = \
	%reldir%/stream/doc_test.c \
	%reldir%/stream/read.h \
	%reldir%/stream/timeline_test.c \
	$(OOM_SOURCES) $(TEST_MANIFEST_PLUGINS)
tests_unit_unit_stream_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_stream_LDFLAGS = $(AM_LDFLAGS) $(OOM_LINK)
tests_unit_unit_stream_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_manifest
TESTS += tests/unit/unit_manifest
tests_unit_unit_manifest_SOURCES = %reldir%/plugins/hls_test.c $(TEST_MANIFEST_PLUGINS)
tests_unit_unit_manifest_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_manifest_LDADD = $(UNIT_LIBS)
endif
