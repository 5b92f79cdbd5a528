# The lab: a real network on one machine. It needs root, so that it is used where it was built and not installed.
noinst_LTLIBRARIES += libp2v_lab.la
libp2v_lab_la_SOURCES = %reldir%/line.c %reldir%/line.h

noinst_PROGRAMS += p2v-link
p2v_link_SOURCES = %reldir%/cli.c %reldir%/cli.h %reldir%/main.c
p2v_link_LDADD = libp2v_lab.la libp2v_tool.la libp2v_core.la

EXTRA_DIST += %reldir%/lab.sh %reldir%/link %reldir%/players %reldir%/plot %reldir%/shares

# The transport beside kernel TCP, live: half an hour, and root's rights. SHARES: options and cases.
bench-shares: all
	@P2V_BUILDDIR='$(abs_top_builddir)' $(BASH) '$(top_srcdir)/sdk/lab/shares' $(SHARES)
.PHONY: bench-shares
