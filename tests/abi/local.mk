# Plugins that the tests of the host load. modules/: built wrong on purpose. plugins/: right ones that do nothing.
# `-rpath` makes libtool build the .so of a module that is never installed.
P2V_FIXTURE = -avoid-version -export-symbols-regex '_LTX_p2v_plugin$$' -rpath /nowhere
EXTRA_DIST += %reldir%/sample.h

check_LTLIBRARIES += \
	%reldir%/plugins/p2v_cache_fixture.la \
	%reldir%/plugins/p2v_cc_fixture.la \
	%reldir%/plugins/p2v_cc_spare.la \
	%reldir%/plugins/p2v_manifest_fixture.la \
	%reldir%/plugins/p2v_player_fixture.la \
	%reldir%/plugins/p2v_registry_fixture.la \
	%reldir%/plugins/p2v_select_fixture.la \
	%reldir%/toy/p2v_manifest_toy.la
check_LTLIBRARIES += \
	%reldir%/modules/p2v_cc_bad_default.la \
	%reldir%/modules/p2v_cc_bad_offset.la \
	%reldir%/modules/p2v_cc_bad_stride.la \
	%reldir%/modules/p2v_cc_greedy.la \
	%reldir%/modules/p2v_cc_kind_abi.la \
	%reldir%/modules/p2v_cc_longer.la \
	%reldir%/modules/p2v_cc_magic.la \
	%reldir%/modules/p2v_cc_major.la \
	%reldir%/modules/p2v_cc_minor.la \
	%reldir%/modules/p2v_cc_no_descriptor.la \
	%reldir%/modules/p2v_cc_no_op.la \
	%reldir%/modules/p2v_cc_no_ops.la \
	%reldir%/modules/p2v_cc_no_text.la \
	%reldir%/modules/p2v_cc_other_kind.la \
	%reldir%/modules/p2v_cc_other_name.la \
	%reldir%/modules/p2v_cc_short_descriptor.la \
	%reldir%/modules/p2v_cc_short_ops.la \
	%reldir%/modules/p2v_cc_unknown_kind.la \
	%reldir%/modules/p2v_cc_unresolved.la \
	%reldir%/modules/p2v_nat_later.la

%canon_reldir%_plugins_p2v_cache_fixture_la_SOURCES = %reldir%/good/p2v_cache_fixture.c
%canon_reldir%_plugins_p2v_cache_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_cc_fixture_la_SOURCES = %reldir%/good/p2v_cc_fixture.c
%canon_reldir%_plugins_p2v_cc_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_cc_spare_la_SOURCES = %reldir%/good/p2v_cc_spare.c
%canon_reldir%_plugins_p2v_cc_spare_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_manifest_fixture_la_SOURCES = %reldir%/good/p2v_manifest_fixture.c
%canon_reldir%_plugins_p2v_manifest_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_player_fixture_la_SOURCES = %reldir%/good/p2v_player_fixture.c
%canon_reldir%_plugins_p2v_player_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_registry_fixture_la_SOURCES = %reldir%/good/p2v_registry_fixture.c
%canon_reldir%_plugins_p2v_registry_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_plugins_p2v_select_fixture_la_SOURCES = %reldir%/good/p2v_select_fixture.c
%canon_reldir%_plugins_p2v_select_fixture_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_toy_p2v_manifest_toy_la_SOURCES = %reldir%/good/p2v_manifest_toy.c
%canon_reldir%_toy_p2v_manifest_toy_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_bad_default_la_SOURCES = %reldir%/bad/p2v_cc_bad_default.c
%canon_reldir%_modules_p2v_cc_bad_default_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_bad_offset_la_SOURCES = %reldir%/bad/p2v_cc_bad_offset.c
%canon_reldir%_modules_p2v_cc_bad_offset_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_bad_stride_la_SOURCES = %reldir%/bad/p2v_cc_bad_stride.c
%canon_reldir%_modules_p2v_cc_bad_stride_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_greedy_la_SOURCES = %reldir%/bad/p2v_cc_greedy.c
%canon_reldir%_modules_p2v_cc_greedy_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_kind_abi_la_SOURCES = %reldir%/bad/p2v_cc_kind_abi.c
%canon_reldir%_modules_p2v_cc_kind_abi_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_longer_la_SOURCES = %reldir%/bad/p2v_cc_longer.c
%canon_reldir%_modules_p2v_cc_longer_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_magic_la_SOURCES = %reldir%/bad/p2v_cc_magic.c
%canon_reldir%_modules_p2v_cc_magic_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_major_la_SOURCES = %reldir%/bad/p2v_cc_major.c
%canon_reldir%_modules_p2v_cc_major_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_minor_la_SOURCES = %reldir%/bad/p2v_cc_minor.c
%canon_reldir%_modules_p2v_cc_minor_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_no_descriptor_la_SOURCES = %reldir%/bad/p2v_cc_no_descriptor.c
%canon_reldir%_modules_p2v_cc_no_descriptor_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_no_op_la_SOURCES = %reldir%/bad/p2v_cc_no_op.c
%canon_reldir%_modules_p2v_cc_no_op_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_no_ops_la_SOURCES = %reldir%/bad/p2v_cc_no_ops.c
%canon_reldir%_modules_p2v_cc_no_ops_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_no_text_la_SOURCES = %reldir%/bad/p2v_cc_no_text.c
%canon_reldir%_modules_p2v_cc_no_text_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_other_kind_la_SOURCES = %reldir%/bad/p2v_cc_other_kind.c
%canon_reldir%_modules_p2v_cc_other_kind_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_other_name_la_SOURCES = %reldir%/bad/p2v_cc_other_name.c
%canon_reldir%_modules_p2v_cc_other_name_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_short_descriptor_la_SOURCES = %reldir%/bad/p2v_cc_short_descriptor.c
%canon_reldir%_modules_p2v_cc_short_descriptor_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_short_ops_la_SOURCES = %reldir%/bad/p2v_cc_short_ops.c
%canon_reldir%_modules_p2v_cc_short_ops_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_unknown_kind_la_SOURCES = %reldir%/bad/p2v_cc_unknown_kind.c
%canon_reldir%_modules_p2v_cc_unknown_kind_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
%canon_reldir%_modules_p2v_cc_unresolved_la_SOURCES = %reldir%/bad/p2v_cc_unresolved.c
%canon_reldir%_modules_p2v_cc_unresolved_la_LDFLAGS = -module $(P2V_FIXTURE)
%canon_reldir%_modules_p2v_nat_later_la_SOURCES = %reldir%/bad/p2v_nat_later.c
%canon_reldir%_modules_p2v_nat_later_la_LDFLAGS = -module $(P2V_FIXTURE) -no-undefined $(P2V_MODULE_LDFLAGS)
