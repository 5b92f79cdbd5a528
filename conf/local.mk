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

# Scenarios for p2v-sim, which finds them here by name.
scenariodir = $(pkgdatadir)/scenarios
dist_scenario_DATA = \
	%reldir%/scenarios/churn.ini \
	%reldir%/scenarios/demo.ini \
	%reldir%/scenarios/encoder-restart.ini \
	%reldir%/scenarios/flashcrowd.ini \
	%reldir%/scenarios/freeriders.ini \
	%reldir%/scenarios/low-latency.ini \
	%reldir%/scenarios/massfailure.ini \
	%reldir%/scenarios/nat-realistic.ini \
	%reldir%/scenarios/paper.ini \
	%reldir%/scenarios/partition.ini \
	%reldir%/scenarios/polluters.ini \
	%reldir%/scenarios/single-bitrate.ini \
	%reldir%/scenarios/skewed-upload.ini \
	%reldir%/scenarios/slow-uploader.ini \
	%reldir%/scenarios/small-swarm.ini \
	%reldir%/scenarios/tracker-death.ini
