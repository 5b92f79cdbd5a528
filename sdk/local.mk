include sdk/nat/local.mk
include sdk/sim/local.mk
include sdk/sim/cli/local.mk
include sdk/tool/local.mk
include sdk/origin/local.mk
include sdk/player/local.mk
include sdk/lab/local.mk
include sdk/perf/local.mk
include sdk/js/local.mk
EXTRA_DIST += sdk/peer2view.pc.in
dist_doc_DATA = README.md LICENSE NEWS sdk/doc/architecture.md sdk/doc/browser.md sdk/doc/delivery.md sdk/doc/fidelity.md sdk/doc/lab.md sdk/doc/lab-priority.svg \
	sdk/doc/manifest-json.md sdk/doc/performance.md sdk/doc/players.md sdk/doc/plugins.md sdk/doc/protocol.md \
	sdk/doc/simulator.md

# For plugins of others: the macro, and a package to begin with. `make installcheck` builds it.
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = %reldir%/m4/p2v.m4
templatedir = $(pkgdatadir)/template
dist_template_DATA = %reldir%/template/configure.ac %reldir%/template/Makefile.am %reldir%/template/mine.c
EXTRA_DIST += %reldir%/template/installcheck.sh

installcheck-local:
	P2V_BIN='$(DESTDIR)$(bindir)' P2V_ACLOCAL='$(DESTDIR)$(aclocaldir)' \
	P2V_PKGCONFIG='$(DESTDIR)$(pkgconfigdir)' P2V_TEMPLATE='$(DESTDIR)$(templatedir)' \
	P2V_DESTDIR='$(DESTDIR)' CC='$(CC)' $(BASH) '$(top_srcdir)/sdk/template/installcheck.sh'
EXTRA_DIST += %reldir%/check %reldir%/demo %reldir%/prepare.sh
