# Tests of the whole: real encoder, real web server, real players, on loopback. They run in real time, for which a
# build with sanitizers is too slow.
E2E_TESTS = \
	%reldir%/faults_cdn.sh \
	%reldir%/faults_peers.sh \
	%reldir%/gateway.sh \
	%reldir%/identity.sh \
	%reldir%/life.sh \
	%reldir%/players_fmp4.sh \
	%reldir%/players_more.sh \
	%reldir%/players_ts.sh
if !SANITIZE
TESTS += $(E2E_TESTS)
endif
EXTRA_DIST += $(E2E_TESTS) %reldir%/lib.sh %reldir%/watch.sh
# What is made once for all of them.
CLEANFILES += %reldir%/source.mp4 %reldir%/source.mp4.part %reldir%/source.lock \
	%reldir%/gstreamer.registry %reldir%/gstreamer.lock
