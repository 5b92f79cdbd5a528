/* recvq.h - one stream's receiving side: bytes in any order become bytes in order. Memory is
 * bounded by what the stream's window allows, and the number of holes is bounded too. */
#ifndef P2V_DTL_RECVQ_H
#define P2V_DTL_RECVQ_H

#include "framework/base/slice.h"
#include "framework/dtl/ranges.h"

enum {
	P2V_RECV_BLOCK = 16384, /* [B] */
	P2V_RECV_SPARE = 64,    /* blocks that a pool keeps */
	P2V_RECV_HOLES = 4096   /* no correct sender leaves so many */
};
#define P2V_SIZE_UNKNOWN UINT64_MAX

/** Blocks that are done with, for all streams of a transport: what runs evenly allocates nothing.
 * Zeroed = empty. */
struct p2v_recv_pool {
	void *first; /* each begins with the address of the next */
	unsigned n;
	unsigned most; /* that it keeps; 0: P2V_RECV_SPARE */
};
void p2v_recv_pool_fini(struct p2v_recv_pool *pool);

/** Bytes that were not copied: whoever wrote them lent them. */
struct p2v_lent {
	uint64_t at; /* [B] offset of its first byte in the stream */
	struct p2v_slice slice;
};

/** Zeroed, with final = P2V_SIZE_UNKNOWN, = empty. */
struct p2v_recvq {
	struct p2v_recv_pool *pool; /* outlives it; NULL: none */
	uint8_t *
		*blocks; /* block i holds offsets (first + i) * P2V_RECV_BLOCK and up; NULL: none */
	size_t n, cap;
	uint64_t first;         /* number of the first block */
	uint64_t consumed;      /* [B] */
	uint64_t next;          /* [B] all below arrived */
	uint64_t top;           /* [B] the highest offset that was named */
	uint64_t final;         /* [B] size of the stream; P2V_SIZE_UNKNOWN */
	struct p2v_ranges over; /* what arrived above next */
	struct p2v_lent *lent;  /* shape (lent_cap): lent_head … lent_n - 1 are in use, ascending,
				   apart; what blocks have there is not looked at */
	uint32_t lent_head, lent_n, lent_cap;
};

void p2v_recvq_fini(struct p2v_recvq *q);

/** Check what a frame claims against the final size.
 * @param end  [B] where its data ends
 * @param fin  the stream ends there
 * @return P2V_OK and top and final are up to date; P2V_EPROTO with err */
P2V_MUST_USE int p2v_recvq_claim(struct p2v_recvq *q, uint64_t end, bool fin, struct p2v_err *err);
/** Store data that was claimed.
 * @return P2V_OK; P2V_ENOMEM; P2V_ELIMIT with err: too many holes */
P2V_MUST_USE int p2v_recvq_put(
	struct p2v_recvq *q, uint64_t offset, const uint8_t *p, size_t n, struct p2v_err *err);
/** As p2v_recvq_put, of bytes that need not be copied.
 * @param s  [in] a further reference is taken where it is kept; s.n > 0 */
P2V_MUST_USE int p2v_recvq_adopt(
	struct p2v_recvq *q, uint64_t offset, struct p2v_slice s, struct p2v_err *err);
/** @return what peek shows, where it was adopted: with a further reference; else none */
struct p2v_slice p2v_recvq_peek_slice(const struct p2v_recvq *q);
/** @return [B] in order at *p; 0: none */
size_t p2v_recvq_peek(const struct p2v_recvq *q, const uint8_t **p);
/** Have done with n bytes, which may be more than peek showed at once, but no more than are in
 * order. */
void p2v_recvq_consume(struct p2v_recvq *q, uint64_t n);
/** @return whether all of the stream arrived */
bool p2v_recvq_whole(const struct p2v_recvq *q);
/** Forget all data; top and final stay. */
void p2v_recvq_drop(struct p2v_recvq *q);

#endif
