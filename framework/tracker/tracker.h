/* tracker.h - the other role: it admits nodes to channels, vouches for their keys, and introduces
 * them to each other. It never sees media, and a stream goes on without it. Where swarms are kept
 * is a plugin of kind `registry`. */
#ifndef P2V_TRACKER_TRACKER_H
#define P2V_TRACKER_TRACKER_H

#include "framework/dtl/dtl.h"

/** Bound from [tracker]. */
struct p2v_tracker_conf {
	const char *listen; /* address:port of the UDP socket */
	uint32_t admit;     /* 0 open, 1 token */
	const char *tokens; /* one a line */
	p2v_usec certificate_lifetime;
	p2v_usec heartbeat; /* how often members are to join again */
	p2v_usec expire;    /* a member that did not is forgotten */
	uint32_t introduce; /* peers at a time */
};
extern const struct p2v_option p2v_tracker_options[];

struct p2v_tracker;

/** @param node     [in] outlives it; its crypto holds the issuing key
 * @param conf      [in] borrowed for its life
 * @param transport [in] copied
 * @param records   [in] copied
 * @param cc        [in] kind cc
 * @param registry  [in] kind registry */
P2V_MUST_USE int p2v_tracker_new(struct p2v_node *node, const struct p2v_tracker_conf *conf,
	const struct p2v_dtl_conf *transport, const struct p2v_records *records,
	struct p2v_policy *cc, struct p2v_policy *registry, struct p2v_tracker **out,
	struct p2v_err *err);
void p2v_tracker_free(struct p2v_tracker *t);
struct p2v_addr p2v_tracker_bound(const struct p2v_tracker *t);

#endif
