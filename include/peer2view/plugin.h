/* plugin.h - the descriptor that a plugin exports, the rule by which a host takes it, and the
 * history of both.
 *
 * A module p2v_<kind>_<name>.so exports one symbol, p2v_<kind>_<name>_LTX_p2v_plugin, and ends like
 * this:
 *
 *     P2V_PLUGIN(p2v_cc_aimd) = { P2V_HEADER(CC), .name = "aimd", .version = "1.0", .summary = "…",
 *             .source = "RFC 5681", .license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
 *             .state_size = sizeof(struct state), .options = options, .ops.cc = &ops };
 *
 * Load rule, in this order, each refusal with a sentence of its own: magic equal, abi_major equal,
 * abi_minor not above the host's, kind known and kind_abi equal, name equal to the file's,
 * mandatory ops present. Then the host copies min(size, its own size) bytes and zeroes the rest, of
 * the descriptor and of the ops alike.
 *
 * History
 *   1.0  first. Kinds: manifest 2, select 1, cc 1, cache 1, player 1, registry 1.
 */
#ifndef PEER2VIEW_PLUGIN_H
#define PEER2VIEW_PLUGIN_H

#include <peer2view/env.h>
#include <peer2view/option.h>

#define P2V_MAGIC     0x70327621u /* "p2v!" */
#define P2V_ABI_MAJOR 1
#define P2V_ABI_MINOR 0

/* Numbers are for ever; 4 (nat) and 8 (monitor) are spoken for. */
enum p2v_kind {
	P2V_KIND_MANIFEST = 1,
	P2V_KIND_SELECT = 2,
	P2V_KIND_CC = 3,
	P2V_KIND_CACHE = 5,
	P2V_KIND_PLAYER = 6,
	P2V_KIND_REGISTRY = 7
};

struct p2v_manifest_ops;
struct p2v_select_ops;
struct p2v_cc_ops;
struct p2v_cache_ops;
struct p2v_player_ops;
struct p2v_registry_ops;

struct p2v_plugin {
	uint32_t magic; /* the first four fields are frozen for ever */
	uint16_t abi_major, abi_minor;
	uint32_t size; /* [B] of this struct, as the plugin saw it */
	uint16_t kind, kind_abi;
	uint32_t caps;        /* P2V_<KIND>_CAP_* */
	uint32_t option_size; /* [B] stride of options[] */
	uint64_t conf_size;   /* [B] of open()'s conf: the host allocates it, options fill it */
	uint64_t state_size;  /* [B] of open()'s st: the host allocates it, zeroed */
	const char *name;     /* letters, digits, underscore */
	const char *version;
	const char *summary;              /* one line */
	const char *source;               /* RFC, paper, or "own" */
	const char *license;              /* SPDX */
	const struct p2v_option *options; /* ended by P2V_OPT_END; may be NULL */
	/** Rules between options, after each was bound and in range. May be NULL. */
	int (*check)(const void *conf, struct p2v_err *err);
	union {
		const void *any;
		const struct p2v_manifest_ops *manifest;
		const struct p2v_select_ops *select;
		const struct p2v_cc_ops *cc;
		const struct p2v_cache_ops *cache;
		const struct p2v_player_ops *player;
		const struct p2v_registry_ops *registry;
	} ops;
};

/* K: MANIFEST, SELECT, CC, CACHE, PLAYER or REGISTRY; include that kind's header. */
/* clang-format off */
#define P2V_HEADER(K) \
	.magic = P2V_MAGIC, .abi_major = P2V_ABI_MAJOR, .abi_minor = P2V_ABI_MINOR, \
	.size = sizeof(struct p2v_plugin), .kind = P2V_KIND_##K, .kind_abi = P2V_##K##_ABI, \
	.option_size = sizeof(struct p2v_option)

#define P2V_PLUGIN(module) \
	extern __attribute__((visibility("default"))) const struct p2v_plugin module##_LTX_p2v_plugin; \
	const struct p2v_plugin module##_LTX_p2v_plugin
/* clang-format on */

#endif
