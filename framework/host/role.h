/* role.h - what a node does once it runs: agent or tracker. The host reads the configuration, owns
 * the loop and the signals, and drives one role through its life. */
#ifndef P2V_HOST_ROLE_H
#define P2V_HOST_ROLE_H

#include "framework/base/world.h"
#include "framework/host/config.h"

struct p2v_role {
	const char *name; /* as in [peer2view] role */

	/** Whether it would start: all that start would say but what the network and the disk say
	 * when they are written to.
	 * @return P2V_OK or P2V_E* with err */
	int (*check)(const struct p2v_config *config, struct p2v_err *err);
	/** Open what the role needs. When it returns P2V_OK, the node serves.
	 * @param config  [in] bound; outlives the handle. Its conf structs stay at their places,
	 * and live options change in them before reload is called.
	 * @param world   [in] outlives the handle
	 * @param handle  [out]
	 * @return P2V_OK or P2V_E* with err; then nothing is left open */
	int (*start)(const struct p2v_config *config, const struct p2v_world *world, void **handle,
		struct p2v_err *err);
	/** Live options have new values. May be NULL. */
	void (*reload)(void *handle);
	/** Take on nothing new, finish what is under way, tell whom it concerns, and call done:
	 * once, now or later. */
	void (*drain)(void *handle, void (*done)(void *ctx), void *ctx);
	/** Close everything, drained or not. */
	void (*free)(void *handle);
};

/** @param roles  [in] NULL-ended
 * @return the role that a configuration chooses; NULL with err: it is not among them */
const struct p2v_role *p2v_role_of(
	const struct p2v_role *const *roles, const struct p2v_config *config, struct p2v_err *err);

/** Run a node in the foreground until it is told to stop (SIGTERM, SIGINT): then it drains, and
 * ends. A second such signal ends it at once. SIGHUP reads the configuration again.
 * @param roles  [in] NULL-ended
 * @param file   [in] the ini
 * @param err    [out] why it did not start
 * @return P2V_OK: it ran and was stopped; P2V_ECANCELED: it was stopped before it had drained; else
 * it did not start */
P2V_MUST_USE int p2v_run(
	const struct p2v_role *const *roles, const char *file, struct p2v_err *err);

#endif
