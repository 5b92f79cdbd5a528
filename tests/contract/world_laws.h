/* world_laws.h - the laws of framework/base/world.h as checks that run on any maker of struct
 * p2v_world. A maker's test program builds a rig, calls p2v_world_laws, and gets TAP on stdout.
 * Nothing here knows which world it runs on. */
#ifndef P2V_TESTS_WORLD_LAWS_H
#define P2V_TESTS_WORLD_LAWS_H

#include "framework/base/world.h"

/** Two nodes that can reach each other; both may be the same machine. */
struct p2v_rig {
	struct p2v_world near, far;
	struct p2v_addr near_ip, far_ip; /* where each is reached, port 0 */
	const char *name;                /* a host name that far_ip has, as seen from near */
	void *self;
	/** Run both worlds until cond(ctx) holds. @return false: a generous time passed first */
	bool (*until)(void *self, bool (*cond)(void *ctx), void *ctx);
};

struct p2v_rig_maker {
	/** @param rig  [out] @return false: it could not be built */
	bool (*open)(void *ctx, struct p2v_rig *rig);
	/** Every law has closed what it opened; only the worlds are left. */
	void (*close)(void *ctx, struct p2v_rig *rig);
	void *ctx;
};

/** Check every law, each on a rig of its own, and print TAP.
 * @param only  [in] names of the laws to check begin with it; NULL: all
 * @return 0: all hold; 1: not */
int p2v_world_laws(const struct p2v_rig_maker *maker, const char *only);

#endif
