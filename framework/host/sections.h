/* sections.h - every section that an ini file of peer2view may have: one line a room. */
#ifndef P2V_HOST_SECTIONS_H
#define P2V_HOST_SECTIONS_H

#include "framework/host/config.h"

/** Bound from [peer2view]. */
struct p2v_main_conf {
	uint32_t role;      /* number of its choice */
	uint32_t log_level; /* enum p2v_log_level */
	const char *plugin_path;
};

/** Bound from [plugins]: names, as they stand there. p2v_config_choices() has what they stand for.
 */
struct p2v_plugins_conf {
	const char *manifest, *select, *cc, *cache, *player, *registry;
};

#define P2V_SECTION_MAIN "peer2view"

/** @return the schema of the configuration files of peer2view */
const struct p2v_schema *p2v_schema(void);

#endif
