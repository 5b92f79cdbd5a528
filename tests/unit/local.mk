# One program a room; one file of cases a source file.
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/base/text_test.c
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_host
TESTS += tests/unit/unit_host
tests_unit_unit_host_SOURCES = \
	%reldir%/host/config_test.c
if SHARED
tests_unit_unit_host_SOURCES += \
	%reldir%/host/choose_test.c \
	%reldir%/host/loader_test.c
endif
tests_unit_unit_host_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_host_LDADD = libp2v_host.la $(UNIT_LIBS)
endif

# A plain program: it stands before the allocator itself.
if SHARED
check_PROGRAMS += tests/unit/oom_host
TESTS += tests/unit/oom_host
tests_unit_oom_host_SOURCES = %reldir%/host/oom.c
tests_unit_oom_host_LDADD = libp2v_host.la libp2v_core.la $(OPENSSL_LIBS)
tests_unit_oom_host_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
endif
