/* outbox.h - datagrams on their way to the socket: collected during one turn, handed over in one
 * call, with runs of equal size to one address joined, so that the kernel can cut them up (GSO). */
#ifndef P2V_DTL_OUTBOX_H
#define P2V_DTL_OUTBOX_H

#include "framework/base/world.h"

enum {
	P2V_OUTBOX_BYTES = 128 * 1024,
	P2V_OUTBOX_RUNS = 64,
	P2V_RUN_BYTES = 64000 /* [B] of one run: below what one UDP send may carry */
};

struct p2v_outbox {
	const struct p2v_world *world;
	struct p2v_udp *udp;
	size_t segments; /* datagrams that one run may hold */
	bool blocked;    /* the socket is full: `writable` will come */
	bool parted;     /* the next datagram begins a run */
	size_t n;        /* runs */
	size_t used;     /* [B] of buf */
	uint8_t *buf;    /* shape (P2V_OUTBOX_BYTES) */
	bool own;        /* it is ours, not the world's */
	struct p2v_dgram run[P2V_OUTBOX_RUNS];
};

/** @param world  [in] outlives the outbox
 * @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_outbox_init(
	struct p2v_outbox *o, const struct p2v_world *world, struct p2v_udp *udp);
void p2v_outbox_fini(struct p2v_outbox *o);
/** @return where the next datagram, of at most n bytes, is to be written; NULL: the socket is full
 */
uint8_t *p2v_outbox_room(struct p2v_outbox *o, size_t n);
/** What p2v_outbox_room pointed to is now a datagram of n bytes, n > 0. */
void p2v_outbox_add(struct p2v_outbox *o, const struct p2v_addr *to, size_t n);
/** The next datagram does not join the last: a size that the network may refuse takes no others
 * with it. */
void p2v_outbox_part(struct p2v_outbox *o);
/** Hand over what is there, as far as the socket takes it; nothing while it is full. */
void p2v_outbox_flush(struct p2v_outbox *o);
/** The socket has room again: hand over what waits. */
void p2v_outbox_writable(struct p2v_outbox *o);

#endif
