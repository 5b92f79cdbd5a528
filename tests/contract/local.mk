# tests/contract: the laws of each kind, on every plugin of it

# The controllers as ordinary objects, for tests that run them without the loader.
check_LTLIBRARIES += libp2v_test_cc.la
libp2v_test_cc_la_SOURCES = plugins/cc/newreno.c plugins/cc/cubic.c

if HAVE_CRITERION
check_PROGRAMS += tests/contract/contract_cc
TESTS += tests/contract/contract_cc
tests_contract_contract_cc_SOURCES = %reldir%/cc_test.c
tests_contract_contract_cc_CFLAGS = $(UNIT_CFLAGS)
tests_contract_contract_cc_LDADD = libp2v_test_cc.la $(UNIT_LIBS)
endif
