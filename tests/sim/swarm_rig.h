/* swarm_rig.h - what the scenarios share: plugins out of their files, a swarm at its defaults, one
 * line of figures. */
#ifndef P2V_TESTS_SIM_SWARM_RIG_H
#define P2V_TESTS_SIM_SWARM_RIG_H

#include "sdk/sim/swarm/swarm.h"

void rig_init(void);
void rig_fini(void);
/** Have a run's log lines written where P2V_TEST_LOG says. */
void rig_log(struct p2v_sim *s);
/** @return a plugin out of its file; fails the test when there is none */
const struct p2v_plugin *rig_plugin(uint32_t kind, const char *name);
struct p2v_swarm_conf rig_conf(void);
struct p2v_swarm *rig_start(const struct p2v_swarm_conf *conf);
void rig_end(struct p2v_swarm *s);
/** @param hash  [out] of the run; may be NULL */
void rig_play(const struct p2v_swarm_conf *conf, p2v_usec until, struct p2v_swarm_result *r,
	uint64_t *hash);
void rig_tell(const char *name, const struct p2v_swarm_result *r);

/** A scenario's links: what viewer i has. */
typedef struct p2v_link rig_links_fn(const struct p2v_swarm_conf *conf, size_t i);
/** @param links  [in] NULL: the swarm's own */
struct p2v_swarm *rig_start_on(const struct p2v_swarm_conf *conf, rig_links_fn *links);
/** From beginning to end, told under that name. */
void rig_play_on(const char *name, const struct p2v_swarm_conf *conf, rig_links_fn *links,
	p2v_usec until, struct p2v_swarm_result *r);
/** The promise: never worse than the same event from the CDN alone, which is played to compare. */
void rig_keeps_the_promise(const struct p2v_swarm_conf *conf, rig_links_fn *links, p2v_usec until,
	const struct p2v_swarm_result *r);

#endif
