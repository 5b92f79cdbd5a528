# Sample configurations, and units for systemd. They are documentation until somebody copies them.
sampledir = $(docdir)/conf
dist_sample_DATA = %reldir%/agent.ini %reldir%/researcher.ini %reldir%/tracker.ini
unitdir = $(docdir)/systemd
unit_DATA = %reldir%/systemd/peer2view-agent.service %reldir%/systemd/peer2view-tracker.service
EXTRA_DIST += %reldir%/systemd/peer2view-agent.service.in %reldir%/systemd/peer2view-tracker.service.in
CLEANFILES += $(unit_DATA)

%reldir%/systemd/peer2view-agent.service: %reldir%/systemd/peer2view-agent.service.in Makefile
%reldir%/systemd/peer2view-tracker.service: %reldir%/systemd/peer2view-tracker.service.in Makefile
$(unit_DATA):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	'$(srcdir)/$@.in' >$@-t && mv -f $@-t $@
