# tests/contract
TEST_MANIFEST_PLUGINS = $(HLS_SOURCES)
check_PROGRAMS += tests/contract/manifest_dump tests/contract/manifest_laws
tests_contract_manifest_dump_SOURCES = \
	%reldir%/manifest_dump.c %reldir%/manifests.h $(TEST_MANIFEST_PLUGINS)
tests_contract_manifest_dump_CFLAGS = $(AM_CFLAGS)
tests_contract_manifest_dump_LDADD = libp2v_core.la
tests_contract_manifest_laws_SOURCES = \
	%reldir%/manifest_laws.c %reldir%/manifests.h $(TEST_MANIFEST_PLUGINS)
tests_contract_manifest_laws_CFLAGS = $(AM_CFLAGS)
tests_contract_manifest_laws_LDADD = libp2v_core.la
TESTS += tests/contract/manifest_laws tests/contract/manifest_golden.sh
EXTRA_DIST += tests/contract/manifest_golden.sh tests/data/hls

# Makes the dumps that the samples are compared with anew. Look at what changed before you commit.
golden-manifests: tests/contract/manifest_dump
	P2V_SRCDIR='$(abs_top_srcdir)' P2V_BUILDDIR='$(abs_top_builddir)' \
		$(srcdir)/tests/contract/manifest_golden.sh --write
.PHONY: golden-manifests
