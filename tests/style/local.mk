# The rules of CONTRIBUTING.md that a machine can check.
STYLE_TESTS = \
	%reldir%/format.sh \
	%reldir%/layers.sh \
	%reldir%/symbols.sh \
	%reldir%/words.sh
TESTS += $(STYLE_TESTS)
EXTRA_DIST += $(STYLE_TESTS)
