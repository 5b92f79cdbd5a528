/* node.h - what every room of one node shares: its world, its crypto, its counters, its log. No
 * globals anywhere. */
#ifndef P2V_BASE_NODE_H
#define P2V_BASE_NODE_H

#include "framework/base/crypto.h"
#include "framework/base/metrics.h"
#include "framework/base/random.h"
#include "framework/base/world.h"

#define P2V_LOG_SLOTS 64u

/** How often one event was logged lately. */
struct p2v_log_slot {
	uint64_t key;
	p2v_usec window, seen; /* when the count began; when it came by last */
	uint32_t count, dropped;
};

/** What was logged lately: it takes memory only where something was. */
struct p2v_log_book {
	struct p2v_log_slot *v; /* shape (n), P2V_LOG_SLOTS at most */
	uint32_t n;
};

struct p2v_node {
	struct p2v_world world;
	struct p2v_crypto crypto;
	struct p2v_metrics metrics;
	uint64_t seed;            /* of the run and this node */
	struct p2v_random random; /* for the core's own decisions */
	enum p2v_log_level log_level;
	struct p2v_log_book log_events, log_keys;
};

/** @param seed  0: taken from the world's entropy */
void p2v_node_init(struct p2v_node *n, const struct p2v_world *world, uint64_t seed);
/** After all rooms; a second time does nothing. Zeroed is enough. */
void p2v_node_fini(struct p2v_node *n);

/** Log one line `event=… key=value`. At most 10 lines of one event pass in 10 s; the next window
 * tells how many were dropped. Never put an address, a URL with its query, a token or a key into
 * it.
 * @param event  [in] a word; with it the line begins */
void p2v_log(struct p2v_node *n, enum p2v_log_level level, const char *event, const char *fmt, ...)
	P2V_PRINTF(4, 5);

/** Like p2v_log, with its limit too, but one line per (event, key) in 10 minutes: for what one peer
 * causes. */
void p2v_log_once(struct p2v_node *n, enum p2v_log_level level, const char *event, uint64_t key,
	const char *fmt, ...) P2V_PRINTF(5, 6);

#endif
