/* policy.h - a loaded plugin put to use: its bound options, its environment, its states. */
#ifndef P2V_BASE_POLICY_H
#define P2V_BASE_POLICY_H

#include <peer2view/plugin.h>
#include "framework/base/node.h"

/** One plugin with one set of options on one node; any number of states may be open. */
struct p2v_policy {
	const struct p2v_plugin *plugin; /* checked by the loader; outlives the policy */
	const void *conf;                /* bound; outlives the policy */
	struct p2v_env env;
	struct p2v_node *node;
	struct p2v_random random;
};

/** @param conf  [in] what options were bound to; borrowed for the policy's life */
void p2v_policy_init(struct p2v_policy *p, struct p2v_node *node, const struct p2v_plugin *plugin,
	const void *conf);

/** @return zeroed state of the plugin's size, not opened yet; NULL: no memory. Freed by free(). */
void *p2v_policy_state(const struct p2v_policy *p);

/** @return "cc", "select", …; NULL: not a kind that this host drives */
const char *p2v_kind_name(uint32_t kind);
/** @return the kind of that name, 0: none */
uint32_t p2v_kind_of(const char *name);
/** @return the kind_abi that this host drives, 0: none */
uint16_t p2v_kind_abi(uint32_t kind);
/** NULL-ended list of kind names, in order of their numbers. */
const char *const *p2v_kind_names(void);

#endif
