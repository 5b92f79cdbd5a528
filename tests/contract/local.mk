# tests/contract
TEST_MANIFEST_PLUGINS = $(HLS_SOURCES)
check_PROGRAMS += tests/contract/manifest_dump
tests_contract_manifest_dump_SOURCES = %reldir%/manifest_dump.c %reldir%/manifests.h $(TEST_MANIFEST_PLUGINS)
tests_contract_manifest_dump_CFLAGS = $(AM_CFLAGS)
tests_contract_manifest_dump_LDADD = libp2v_core.la
