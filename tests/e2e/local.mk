# Tests of the whole: real encoder, real web server, real players, on loopback. They run in real time, for which a
# build with sanitizers is too slow.
E2E_TESTS = \
	%reldir%/demo.sh \
	%reldir%/faults_cdn.sh \
	%reldir%/faults_peers.sh \
	%reldir%/gateway.sh \
	%reldir%/identity.sh \
	%reldir%/life.sh \
	%reldir%/limits.sh \
	%reldir%/link.sh \
	%reldir%/low_latency.sh \
	%reldir%/moves.sh \
	%reldir%/mtu.sh \
	%reldir%/origin.sh \
	%reldir%/player_kinds.sh \
	%reldir%/players_fmp4.sh \
	%reldir%/players_more.sh \
	%reldir%/players_protocols.sh \
	%reldir%/players_ts.sh \
	%reldir%/protected.sh \
	%reldir%/shares.sh \
	%reldir%/toy.sh
# What a build with sanitizers has to show of the whole: it waits for what happens, and does not look how fast.
E2E_SANITIZE_TESTS = %reldir%/leaks.sh
if SANITIZE
TESTS += $(E2E_SANITIZE_TESTS)
else
TESTS += $(E2E_TESTS)
endif
E2E_LONG_TESTS = \
	%reldir%/limits_long.sh \
	%reldir%/matrix.sh \
	%reldir%/pages.sh \
	%reldir%/pages_long.sh \
	%reldir%/pages_low.sh \
	%reldir%/promise.sh \
	%reldir%/shares_long.sh \
	%reldir%/simulated.sh
LONG_TESTS += $(E2E_LONG_TESTS)
EXTRA_DIST += $(E2E_TESTS) $(E2E_SANITIZE_TESTS) $(E2E_LONG_TESTS) %reldir%/lib.sh %reldir%/low.sh %reldir%/watch.sh \
	%reldir%/browser.sh %reldir%/pages/driver.mjs %reldir%/pages/page.html %reldir%/pages/page.js \
	%reldir%/pages/package.json %reldir%/pages/package-lock.json
# What is made once for all of them.
CLEANFILES += %reldir%/source.mp4 %reldir%/source.mp4.part %reldir%/source.lock \
	%reldir%/gstreamer.registry %reldir%/gstreamer.lock
