/* registry.h - kind `registry`: where a tracker keeps its swarms. An adapter: it may allocate, and
 * use one third-party library. One state per tracker. Answers come through callbacks, at once or
 * later, so that a registry may live on another machine. */
#ifndef PEER2VIEW_REGISTRY_H
#define PEER2VIEW_REGISTRY_H

#include <peer2view/env.h>

#define P2V_REGISTRY_ABI 1

/** One member of one swarm. */
struct p2v_registry_entry {
	const uint8_t *swarm;   /* [32] channel id */
	const uint8_t *peer;    /* [32] peer id */
	struct p2v_bytes value; /* the tracker's own record of it, opaque here */
	p2v_usec expires;       /* absolute; the entry is gone from then on */
};

struct p2v_registry_reader {
	void *ctx;
	/** One entry, borrowed until return. */
	void (*entry)(void *ctx, const struct p2v_registry_entry *e);
	/** Last call. code: P2V_OK, or why the answer is not whole. */
	void (*done)(void *ctx, int code);
};

struct p2v_registry_ops {
	uint32_t size;

	int (*open)(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err);
	void (*close)(void *st); /* readers that still wait get done(P2V_ECANCELED) */

	/** Add an entry or renew it. @return P2V_OK, P2V_ENOMEM, P2V_ELIMIT, P2V_EIO */
	int (*put)(void *st, const struct p2v_registry_entry *e, struct p2v_err *err);

	/** Remove an entry; one that is not there is no error. */
	void (*drop)(void *st, const uint8_t swarm[32], const uint8_t peer[32]);

	/** Up to `want` live entries of a swarm, drawn uniformly without repetition, without
	 * `except`.
	 * @param reader  [in] copied; its callbacks may run before sample returns */
	void (*sample)(void *st, const uint8_t swarm[32], const uint8_t except[32], uint32_t want,
		const struct p2v_registry_reader *reader);

	/** @return number of live entries of a swarm, as far as known */
	uint64_t (*count)(void *st, const uint8_t swarm[32]);
};

#endif
