/* setup.h - from the name of an ini file to a configuration with its plugins, as every command that
 * takes one does it. */
#ifndef P2V_HOST_SETUP_H
#define P2V_HOST_SETUP_H

#include "framework/host/config.h"

struct p2v_setup {
	struct p2v_loader *loader; /* with the file's plugin_path */
	struct p2v_config *config; /* bound */
};

/** @param out  [out] undone with p2v_setup_fini; zeroed on failure
 * @return as p2v_config_read, p2v_loader_new and p2v_config_bind */
P2V_MUST_USE int p2v_setup_init(struct p2v_setup *out, const char *file, struct p2v_err *err);
void p2v_setup_fini(struct p2v_setup *s);

#endif
