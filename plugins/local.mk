# Every plugin is built into modules/, so that the uninstalled and the installed layout are the same.
# `-module` stands here literally: automake has to see it.
P2V_MODULE = -avoid-version -no-undefined -export-symbols-regex '_LTX_p2v_plugin$$' $(P2V_MODULE_LDFLAGS)
AM_DEFAULT_SOURCE_EXT = .c

include plugins/cache/local.mk
include plugins/cc/local.mk
include plugins/manifest/local.mk
include plugins/player/local.mk
include plugins/registry/local.mk
include plugins/select/local.mk
