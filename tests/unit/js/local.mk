# What runs in pages, as far as it needs no browser. It has nothing for sanitizers to find.
if !SANITIZE
TESTS += %reldir%/js.sh
endif
EXTRA_DIST += %reldir%/js.sh %reldir%/peer2view.test.mjs
