/* env.h - all that a policy sees of the world: the time, random numbers, timers, and the log. The
 * same plugin binary runs live and in the simulator because there is nothing else here. */
#ifndef PEER2VIEW_ENV_H
#define PEER2VIEW_ENV_H

#include <peer2view/base.h>

/** A timer, embedded in whoever waits for it: arming never allocates. Zeroed = not armed. */
struct p2v_timer {
	void (*fire)(struct p2v_timer *t, p2v_usec now); /* set by the owner before arming */
	void *owner;                                     /* the owner's, untouched */
	uint64_t priv[6];                                /* the environment's */
};

enum p2v_log_level { P2V_LOG_ERROR = 0, P2V_LOG_WARN, P2V_LOG_INFO, P2V_LOG_DEBUG };

struct p2v_env_ops {
	uint32_t size; /* [B] of this struct as the host has it: check before using a later field */

	/** @return the time, the same throughout one callback. */
	p2v_usec (*now)(void *host);

	/** @return 64 random bits from the plugin's own stream, seeded by (run, node, kind,
	 * plugin): never for keys. */
	uint64_t (*random)(void *host);

	/** Fire t at `due` (or at once if that is past), once. Arming an armed timer moves it.
	 * The plugin disarms in its close(). */
	void (*timer_arm)(void *host, struct p2v_timer *t, p2v_usec due);
	void (*timer_disarm)(void *host, struct p2v_timer *t);

	/** One line, `event=… key=value`; never an address, a URL or a key in it. Rate-limited by
	 * the host. */
	void (*log)(void *host, enum p2v_log_level level, const char *fmt, ...) P2V_PRINTF(3, 4);
};

struct p2v_env {
	const struct p2v_env_ops *ops;
	void *host;
};

static inline p2v_usec p2v_env_now(const struct p2v_env *env)
{
	return env->ops->now(env->host);
}

static inline uint64_t p2v_env_random(const struct p2v_env *env)
{
	return env->ops->random(env->host);
}

#endif
