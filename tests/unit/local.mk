# One program a room; one file of cases a source file.
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/base/text_test.c
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/unit_dtl
TESTS += tests/unit/unit_dtl
tests_unit_unit_dtl_SOURCES = \
	%reldir%/dtl/ack_test.c \
	%reldir%/dtl/outbox_test.c \
	%reldir%/dtl/packet_test.c \
	%reldir%/dtl/queues_test.c \
	%reldir%/dtl/ranges_test.c \
	%reldir%/dtl/recovery_test.c \
	%reldir%/dtl/session_test.c \
	tests/sim/dtl_certs.c tests/sim/dtl_certs.h \
	tests/sim/no_http.c
tests_unit_unit_dtl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_dtl_LDADD = $(UNIT_LIBS)
endif
