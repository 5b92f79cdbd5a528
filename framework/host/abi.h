/* abi.h - the load rule of <peer2view/plugin.h>: whether this host can use a descriptor, and a copy
 * of it in the host's own size. Finding and opening modules is loader.h's business. */
#ifndef P2V_HOST_ABI_H
#define P2V_HOST_ABI_H

#include <peer2view/plugin.h>

/** An operation that a plugin of its kind must have. */
struct p2v_abi_op {
	const char *name;
	size_t offset; /* [B] in the kind's ops struct */
};

/** How this host sees one kind. */
struct p2v_abi_kind {
	uint32_t kind; /* 0 ends a table */
	uint16_t abi;
	size_t ops_size;                    /* [B] of the kind's ops struct */
	const struct p2v_abi_op *mandatory; /* ended by name == NULL */
};

/** What one host understands. A newer host has larger sizes than the plugins that it loads. */
struct p2v_abi {
	uint16_t major, minor;
	size_t plugin_size; /* [B] of struct p2v_plugin, no less than this header's */
	const struct p2v_abi_kind *kinds;
};

/** @return what this host understands */
const struct p2v_abi *p2v_abi_own(void);

/** Judge a descriptor, and copy it.
 * @param host  [in] whose rule: p2v_abi_own(), or that of another version in tests
 * @param raw   [in] what the module exports; only as many bytes as it says are read
 * @param kind  what its file name says
 * @param name  [in] what its file name says
 * @param file  [in] begins every refusal
 * @param out   [out] host->plugin_size bytes, its ops in the host's size too; what the plugin does
 * not know is zero. The caller frees it with free(). It borrows the module's texts, tables and
 * code.
 * @return P2V_OK; P2V_EABI with a sentence of its own for each rule; P2V_ENOMEM
 * @source <peer2view/plugin.h>; own: the sizes, texts and option tables are checked too */
P2V_MUST_USE int p2v_abi_take(const struct p2v_abi *host, const struct p2v_plugin *raw,
	uint32_t kind, const char *name, const char *file, struct p2v_plugin **out,
	struct p2v_err *err);

/** Whether an option table can be bound to a conf struct of that size: names, types, places,
 * choices, and defaults that are in their own range.
 * @return P2V_OK; P2V_EABI with a sentence; P2V_ENOMEM */
P2V_MUST_USE int p2v_abi_options(
	const struct p2v_option *table, uint32_t stride, uint64_t conf_size, struct p2v_err *err);

#endif
