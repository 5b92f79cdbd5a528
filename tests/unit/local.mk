# One program a room; one file of cases a source file.
include tests/unit/world/local.mk
if HAVE_CRITERION
check_PROGRAMS += tests/unit/unit_base
TESTS += tests/unit/unit_base
tests_unit_unit_base_SOURCES = \
	%reldir%/base/text_test.c
tests_unit_unit_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_unit_base_LDADD = $(UNIT_LIBS)
endif
