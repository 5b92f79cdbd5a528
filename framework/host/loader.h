/* loader.h - finding plugins in folders (or in the program itself) and opening them. Whether a
 * plugin fits is abi.h's rule. */
#ifndef P2V_HOST_LOADER_H
#define P2V_HOST_LOADER_H

#include <peer2view/plugin.h>

struct p2v_loader;

/** @param plugin_path  [in] folders to look in first, separated by colons; NULL or "": none. Then
 * come those of P2V_PLUGIN_PATH or, where that is not set, the folder modules/ beside the program
 * (as it is before installation) or the folder that plugins are installed in; last, what is linked
 * into the program. Of two plugins of one name the first is taken.
 * @param out  [out]
 * @return P2V_OK; P2V_ECONF: a folder of plugin_path is not there; P2V_EIO; P2V_ENOMEM */
P2V_MUST_USE int p2v_loader_new(
	const char *plugin_path, struct p2v_loader **out, struct p2v_err *err);
/** What the loader gave out dies with it. NULL is allowed. */
void p2v_loader_free(struct p2v_loader *ld);

/** Open a plugin and judge it by the load rule; one that is open already is just handed out.
 * @param kind  P2V_KIND_*
 * @param out   [out] of the host's size, as are its ops; what an older plugin does not know is
 * zero. Lives as long as the loader.
 * @return P2V_OK; P2V_ENOENT, naming the nearest; P2V_EABI; P2V_EIO: the file cannot be opened;
 * P2V_ENOMEM */
P2V_MUST_USE int p2v_loader_get(struct p2v_loader *ld, uint32_t kind, const char *name,
	const struct p2v_plugin **out, struct p2v_err *err);

/** @return where a plugin that this loader gave out came from: a path, or "built in" */
const char *p2v_loader_file(const struct p2v_loader *ld, const struct p2v_plugin *p);

/** @return the folders, separated by colons, in the order in which they are searched */
const char *p2v_loader_path(const struct p2v_loader *ld);

/** Who is told of each plugin that there is, by kind and then by name. */
struct p2v_loader_visitor {
	void *ctx;
	void (*good)(void *ctx, const struct p2v_plugin *p, const char *file);
	/** One that cannot be used; why->text begins with its file. */
	void (*bad)(void *ctx, const char *file, const struct p2v_err *why);
};

/** Open all the plugins that can be found.
 * @param kind  P2V_KIND_*, or 0 for all
 * @return P2V_OK, also when some were bad; P2V_ENOMEM */
P2V_MUST_USE int p2v_loader_each(struct p2v_loader *ld, uint32_t kind,
	const struct p2v_loader_visitor *v, struct p2v_err *err);

#endif
