/* sendq.h - one stream's sending side: slices that were written, what of them was sent, lost and
 * acknowledged. A slice is kept until all of it is acknowledged, and never copied before it goes
 * into a packet. */
#ifndef P2V_DTL_SENDQ_H
#define P2V_DTL_SENDQ_H

#include "framework/base/slice.h"
#include "framework/dtl/ranges.h"

struct p2v_chunk {
	struct p2v_slice slice;
	uint64_t at; /* [B] offset of its first byte in the stream */
};

/** Zeroed = empty. */
struct p2v_sendq {
	struct p2v_chunk *v; /* chunks head … n - 1 are in use */
	size_t head, n, cap;
	uint64_t base;            /* [B] all below is acknowledged */
	uint64_t next;            /* [B] all from here on was never sent */
	uint64_t end;             /* [B] written */
	struct p2v_ranges acked;  /* above base */
	struct p2v_ranges lost;   /* to be sent again */
	bool finished;            /* end is final */
	bool fin_sent, fin_acked; /* fin_sent: sent, and not known to be lost */
};

/** A piece that should be sent next. */
struct p2v_piece {
	uint64_t offset, n; /* [B] n may be 0 where fin is all that is left */
	bool fin;           /* the stream ends with it */
	bool again;         /* it was sent before */
};

void p2v_sendq_fini(struct p2v_sendq *q);
/** Takes the slice's reference, also on error. @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_sendq_write(struct p2v_sendq *q, struct p2v_slice s);
/** What to send next: what was lost first, then what is new.
 * @param limit  [B] new bytes must lie below this offset
 * @return false: nothing */
bool p2v_sendq_next(const struct p2v_sendq *q, uint64_t limit, struct p2v_piece *out);
/** @return what was written at offset and is not acknowledged yet, as far as it is in one piece:
 * borrowed */
struct p2v_slice p2v_sendq_at(const struct p2v_sendq *q, uint64_t offset);
/** Copy n written bytes from offset; they are not acknowledged yet. */
void p2v_sendq_copy(const struct p2v_sendq *q, uint64_t offset, size_t n, uint8_t *out);
/** The first n bytes of a piece were sent, with its fin if all of them were. @return P2V_OK or
 * P2V_ENOMEM */
P2V_MUST_USE int p2v_sendq_sent(struct p2v_sendq *q, const struct p2v_piece *p, uint64_t n);
/** @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_sendq_acked(struct p2v_sendq *q, uint64_t offset, uint64_t n, bool fin);
/** @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_sendq_lost(struct p2v_sendq *q, uint64_t offset, uint64_t n, bool fin);
/** @return whether it is finished, and all of it acknowledged */
bool p2v_sendq_done(const struct p2v_sendq *q);

#endif
