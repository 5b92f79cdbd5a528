/* transfer.h - what both ends of a transfer share: the messages before chunks, and who signed what
 * on one stream; and a request to a partner, for those who choose partners and those who ask. */
#ifndef P2V_DELIVERY_TRANSFER_H
#define P2V_DELIVERY_TRANSFER_H

#include <stdlib.h>

#include "framework/delivery/inside.h"

#define P2V_SIGNERS_MAX 16u /* different signers on one stream */

struct p2v_signers {
	struct p2v_signer {
		struct p2v_id id;
		uint8_t number;
	} * v; /* shape (n); mostly it is one or two */
	uint8_t n, cap;
};

/** Have room for one more, n being below P2V_SIGNERS_MAX. @return P2V_ENOMEM */
P2V_MUST_USE static inline int p2v_signers_room(struct p2v_signers *s)
{
	uint8_t cap = (uint8_t)(s->cap ? 2 * s->cap : 2);
	struct p2v_signer *v;

	if (s->n < s->cap)
		return P2V_OK;
	v = realloc(s->v, cap * sizeof *v);
	if (!v)
		return P2V_ENOMEM;
	s->v = v;
	s->cap = cap;
	return P2V_OK;
}

/** @return the signer of that number; NULL: not introduced on this stream */
static inline const struct p2v_id *p2v_signers_find(const struct p2v_signers *s, uint64_t number)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].number == number)
			return &s->v[i].id;
	return NULL;
}

/** What a head's proof is about: total and headers.
 * @param out  [out] shape (8 + headers.n) @return [B] */
static inline size_t p2v_head_content(uint64_t total, struct p2v_bytes headers, uint8_t *out)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(total >> (56 - 8 * i));
	if (headers.n)
		memcpy(out + 8, headers.p, headers.n);
	return 8 + headers.n;
}

#define P2V_HEAD_CONTENT_MAX (8u + 2048u)

/* How far the priority of one connection has to move to be worth a PRIORITY frame: one that comes
 * beside another one halves its part, one that comes beside two takes a third of theirs. */
#define P2V_ASK_RISE 1.6
#define P2V_ASK_FALL 0.7

/** Chunks that stand for part `place` of `of` of so many: all together have each at least once.
 * @param n  above 0 */
static inline void p2v_share_run(
	uint32_t n, uint32_t place, uint32_t of, uint32_t *first, uint32_t *count)
{
	uint32_t each = of < n ? (n + of - 1) / of : 1;

	*first = (uint32_t)((uint64_t)n * place / of);
	*first = *first < n ? *first : n - 1;
	*count = n - *first < each ? n - *first : each;
}

#define P2V_CHUNKS_TO_END (UINT32_MAX / 4) /* more than any fragment has */

/** One request to one partner. */
struct p2v_ask {
	struct p2v_stream_owner owner;
	struct p2v_list in_fragment, in_mate;
	struct p2v_fragment *fragment;
	struct p2v_mate *mate;
	struct p2v_stream *stream;
	uint32_t first, count, next;        /* chunks; next: expected */
	uint64_t length, generation, asked; /* asked: [B] that are still to come */
	uint32_t hops;
	bool arriving; /* the partner is still receiving it itself */
	bool blind;    /* nothing was known of it when it was asked for: part `place` of `of` */
	bool to_end;   /* all from `first` on, however much that is */
	uint32_t place, of;
	bool requested;    /* the request has left */
	double priority;   /* that it was asked for last, */
	p2v_usec deadline; /* … and when the player ran dry, as it seemed then */
	p2v_usec begun, progress;
	p2v_usec patience; /* how long it may bring nothing, as it seemed last */
	uint64_t got;      /* [B] */
	struct p2v_signers signers;
	struct p2v_text in;         /* a message that is not whole yet */
	struct p2v_msg_chunk chunk; /* whose bytes are arriving */
	bool in_chunk;              /* … now */
	struct p2v_proof proof;
	struct p2v_buf *buf; /* where they lie; NULL: none came yet */
	bool theirs;         /* it is the writer's own, which is not written to */
	uint32_t filled;
};

#define P2V_ASK_QUARANTINE (3 * P2V_SECOND) /* for whoever did not bring what it promised */
#define P2V_ASK_NOT_NOW    (100 * P2V_MSEC) /* for whoever has no time for it now */

/** It is over; nobody else is asked by that. */
void p2v_ask_free(struct p2v_ask *a);
/** It did not bring what it promised: it goes, somebody else is asked, and the partner is left for
 * a while.
 * @param pause  [us] for this fragment @param blame  … and others come before it for all */
void p2v_ask_let_down(struct p2v_ask *a, p2v_usec pause, bool blame);
/** Take what comes on its stream, from now on (receive.c). */
void p2v_receive_begin(struct p2v_ask *a);

/** @return number of different partners that are being asked for it now: each has a connection of
 * its own */
size_t p2v_ask_partners(const struct p2v_fragment *f);
/** A transfer's priority on each of its connections, so that all together weigh what one would.
 * What somebody waits for is never divided into a scavenger: that gives way to everybody, and ten
 * of them together would have nothing where one has its part.
 * @param priority  0…4 of the transfer @param partners  connections @return 0…4 */
double p2v_ask_share(double priority, size_t partners);

/** @return what each connection of that transfer should have of its priority now */
double p2v_ask_part(const struct p2v_fragment *f);

/** Whom to ask next for chunks of f, and for which.
 * @param count  [out] 0: it would be too slow for the time that is left
 * @return NULL: nobody now */
struct p2v_holder *p2v_source_next(
	struct p2v_fragment *f, p2v_usec now, uint32_t *first, uint32_t *count);

#endif
