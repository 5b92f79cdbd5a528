/* dialer.h - reaching a peer that has several addresses: calls are staggered, the first session
 * with the right peer stays, the others are closed. */
#ifndef P2V_REACH_DIALER_H
#define P2V_REACH_DIALER_H

#include "framework/base/list.h"
#include "framework/dtl/dtl.h"

#define P2V_DIAL_ADDRESSES 6u
#define P2V_DIAL_STAGGER   (250 * P2V_MSEC) /* RFC 8305 5: connection attempt delay */

/** One attempt to reach one peer. Embedded by whoever wants to; zeroed before the first use. */
struct p2v_dial {
	struct p2v_node *node;
	struct p2v_dtl *dtl;
	struct p2v_id want;
	bool any; /* whoever answers is right, unless `right` says otherwise */
	struct p2v_addr addrs[P2V_DIAL_ADDRESSES];
	size_t n, next;                                   /* addresses; the next to be called */
	struct p2v_session *sessions[P2V_DIAL_ADDRESSES]; /* called and not answered yet */
	struct p2v_timer timer;
	struct p2v_err why; /* of the last call that failed */
	/** Where anybody may answer: whether that one will do, or the next address is called. Set
	 * by the owner; NULL: it will. @return P2V_OK; else with err */
	int (*right)(struct p2v_dial *d, struct p2v_session *s, struct p2v_err *err);
	/** It ended: with a session, which is the owner's now, or without (err says why). */
	void (*done)(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *err);
	bool active;
};

/** Begin. `done` never runs inside this call.
 * @param d      [inout] done, and right where it is wanted, are set by the owner
 * @param want   [in] NULL: whoever answers
 * @param addrs  [in] shape (n), the likeliest first; copied, at most P2V_DIAL_ADDRESSES */
void p2v_dial_start(struct p2v_dial *d, struct p2v_node *node, struct p2v_dtl *dtl,
	const struct p2v_id *want, const struct p2v_addr *addrs, size_t n);
/** Give up without `done`. */
void p2v_dial_cancel(struct p2v_dial *d);

/** The owner of the transport passes these two upcalls on. @return whether the session belonged to
 * this attempt */
bool p2v_dial_opened(struct p2v_dial *d, struct p2v_session *s);
bool p2v_dial_closed(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *why);

#endif
