/* cids.h - a node's sessions by connection id, for every datagram that arrives: pairs of number and
 * session, side by side, found by open addressing. The numbers are our own and random, so they are
 * their own hash, and nobody else can make them meet. */
#ifndef P2V_DTL_CIDS_H
#define P2V_DTL_CIDS_H

#include <stddef.h>
#include <stdint.h>

#include <peer2view/base.h>

struct p2v_session;

struct p2v_cid_slot {
	struct p2v_session *session; /* NULL: free */
	uint32_t cid;
};

/** Zeroed = empty. */
struct p2v_cids {
	struct p2v_cid_slot *v;
	size_t cap, n; /* cap: a power of two, or 0; more than half of it is free */
};

void p2v_cids_fini(struct p2v_cids *c);
/** @return the session of that number; NULL: none */
struct p2v_session *p2v_cids_find(const struct p2v_cids *c, uint32_t cid);
/** Add a number that is not in it.
 * @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_cids_add(struct p2v_cids *c, uint32_t cid, struct p2v_session *s);
/** Take out a number that is in it. */
void p2v_cids_remove(struct p2v_cids *c, uint32_t cid);

#endif
