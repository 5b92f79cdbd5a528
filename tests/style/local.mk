# The rules of CONTRIBUTING.md that a machine can check. A build with sanitizers has their symbols in every object.
STYLE_TESTS = \
	%reldir%/format.sh \
	%reldir%/layers.sh \
	%reldir%/symbols.sh \
	%reldir%/words.sh
if !SANITIZE
TESTS += $(STYLE_TESTS)
endif
EXTRA_DIST += $(STYLE_TESTS)
