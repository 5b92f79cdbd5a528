# The real world against real sockets.
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_world
TESTS += tests/unit/unit_world
tests_unit_unit_world_SOURCES = \
	%reldir%/faults.c %reldir%/faults.h \
	%reldir%/httpc_request_test.c %reldir%/httpc_test.c \
	%reldir%/httpd_body_test.c %reldir%/httpd_test.c \
	%reldir%/loop_test.c \
	%reldir%/raw.c %reldir%/raw.h \
	%reldir%/resolve_test.c \
	%reldir%/sending_test.c \
	%reldir%/tls_test.c \
	%reldir%/udp_test.c \
	%reldir%/visit.c %reldir%/visit.h \
	%reldir%/web.c %reldir%/web.h
tests_unit_unit_world_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_world_LDADD = libp2v_world.la libp2v_core.la $(CRITERION_LIBS)
endif

# A plain program; the linker puts failing allocators in the place of libc's.
check_PROGRAMS += tests/unit/world_oom
TESTS += tests/unit/world_oom
tests_unit_world_oom_SOURCES = %reldir%/oom_test.c
tests_unit_world_oom_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(MHD_CFLAGS)
tests_unit_world_oom_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=strdup \
	-Wl,--wrap=curl_easy_init -Wl,--wrap=curl_multi_init -Wl,--wrap=curl_slist_append \
	-Wl,--wrap=MHD_create_response_from_callback \
	-Wl,--wrap=MHD_create_response_from_iovec
tests_unit_world_oom_LDADD = libp2v_world.la libp2v_core.la
