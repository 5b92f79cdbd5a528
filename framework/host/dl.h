/* dl.h - opening modules through libltdl, with every symbol bound at once and with the dynamic
 * linker's own words when that fails. Knows nothing of plugins. */
#ifndef P2V_HOST_DL_H
#define P2V_HOST_DL_H

#include <peer2view/base.h>

struct p2v_dl;

/** Several may exist in one process; they share libltdl.
 * @return P2V_OK, P2V_EIO, P2V_ENOMEM */
P2V_MUST_USE int p2v_dl_new(struct p2v_dl **out, struct p2v_err *err);
/** Close what is left: modules that were not closed must not be used any more. NULL is allowed. */
void p2v_dl_free(struct p2v_dl *dl);

/** @param file    [in] a path with a slash in it; or the name of a module that is linked into the
 * program
 * @param module  [out] given back with p2v_dl_close
 * @return P2V_OK; P2V_EIO with the dynamic linker's words */
P2V_MUST_USE int p2v_dl_open(
	struct p2v_dl *dl, const char *file, void **module, struct p2v_err *err);
/** Under sanitizers the code stays mapped, so that their reports can name it. */
void p2v_dl_close(void *module);

/** @return the address of <module name>_LTX_<symbol>; NULL: it has none */
const void *p2v_dl_symbol(void *module, const char *symbol);

/** Tell the names of the modules that are linked into the program: of those given to
 * `-dlopen` when it was built with --disable-shared.
 * @param fn  [in] file is what p2v_dl_open takes, name is without its suffix */
void p2v_dl_builtin(
	struct p2v_dl *dl, void (*fn)(void *ctx, const char *file, const char *name), void *ctx);

#endif
