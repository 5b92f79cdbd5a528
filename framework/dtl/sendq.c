/* sendq.c - one stream's sending side. */
#include "framework/dtl/sendq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void p2v_sendq_fini(struct p2v_sendq *q)
{
	for (size_t i = q->head; i < q->n; i++)
		p2v_slice_drop(&q->v[i].slice);
	free(q->v);
	q->v = NULL;
	q->head = q->n = q->cap = 0;
	p2v_ranges_fini(&q->acked);
	p2v_ranges_fini(&q->lost);
}

/* Room for one more chunk at the end: first by moving down what is left, then by growing. */
static int make_room(struct p2v_sendq *q)
{
	size_t used = q->n - q->head, cap = q->cap ? 2 * q->cap : 8;
	struct p2v_chunk *v;

	if (q->n < q->cap)
		return P2V_OK;
	if (q->head && q->head >= used) {
		memmove(q->v, q->v + q->head, used * sizeof *q->v);
		q->head = 0;
		q->n = used;
		return P2V_OK;
	}
	v = realloc(q->v, cap * sizeof *v);
	if (!v)
		return P2V_ENOMEM;
	q->v = v;
	q->cap = cap;
	return P2V_OK;
}

int p2v_sendq_write(struct p2v_sendq *q, struct p2v_slice s)
{
	assert(!q->finished);
	if (s.n == 0 || make_room(q) != P2V_OK) {
		int code = s.n ? P2V_ENOMEM : P2V_OK;

		p2v_slice_drop(&s);
		return code;
	}
	q->v[q->n++] = (struct p2v_chunk){ s, q->end };
	q->end += s.n;
	return P2V_OK;
}

bool p2v_sendq_next(const struct p2v_sendq *q, uint64_t limit, struct p2v_piece *out)
{
	uint64_t end = q->end < limit ? q->end : limit;

	if (q->lost.n) {
		*out = (struct p2v_piece){ .offset = q->lost.v[0].lo,
			.n = q->lost.v[0].hi - q->lost.v[0].lo,
			.again = true };
		out->fin = q->finished && !q->fin_sent && q->lost.v[0].hi == q->end;
		return true;
	}
	*out = (struct p2v_piece){ .offset = q->next };
	if (q->next < end)
		out->n = end - q->next;
	out->fin = q->finished && !q->fin_sent && q->next + out->n == q->end;
	return out->n || out->fin;
}

/* @return the chunk that holds the byte at offset */
static size_t chunk_at(const struct p2v_sendq *q, uint64_t offset)
{
	size_t lo = q->head, hi = q->n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (q->v[mid].at <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

struct p2v_slice p2v_sendq_at(const struct p2v_sendq *q, uint64_t offset)
{
	const struct p2v_chunk *c = &q->v[chunk_at(q, offset)];
	size_t off = (size_t)(offset - c->at);

	assert(offset >= q->base && offset < q->end);
	return (struct p2v_slice){ c->slice.buf, c->slice.p + off, c->slice.n - off };
}

void p2v_sendq_copy(const struct p2v_sendq *q, uint64_t offset, size_t n, uint8_t *out)
{
	assert(offset >= q->base && offset + n <= q->end);
	for (size_t i = n ? chunk_at(q, offset) : 0; n; i++) {
		const struct p2v_chunk *c = &q->v[i];
		size_t off = (size_t)(offset - c->at), k = c->slice.n - off;

		if (k > n)
			k = n;
		memcpy(out, c->slice.p + off, k);
		out += k;
		offset += k;
		n -= k;
	}
}

int p2v_sendq_sent(struct p2v_sendq *q, const struct p2v_piece *p, uint64_t n)
{
	int code = P2V_OK;

	assert(n <= p->n);
	if (p->again)
		code = n ? p2v_ranges_cut(&q->lost, p->offset, p->offset + n) : P2V_OK;
	else
		q->next += n;
	if (p->fin && n == p->n)
		q->fin_sent = true;
	return code;
}

/* Let go of what is acknowledged from the base on. */
static void advance(struct p2v_sendq *q)
{
	if (q->acked.n && q->acked.v[0].lo <= q->base) {
		q->base = q->acked.v[0].hi;
		p2v_ranges_drop_below(&q->acked, q->base);
	}
	while (q->head < q->n && q->v[q->head].at + q->v[q->head].slice.n <= q->base)
		p2v_slice_drop(&q->v[q->head++].slice);
	if (q->head == q->n)
		q->head = q->n = 0;
}

int p2v_sendq_acked(struct p2v_sendq *q, uint64_t offset, uint64_t n, bool fin)
{
	uint64_t hi = offset + n;

	assert(hi <= q->next);
	if (fin)
		q->fin_acked = q->fin_sent = true;
	if (offset < q->base)
		offset = q->base;
	if (offset >= hi)
		return P2V_OK;
	if (q->lost.n && p2v_ranges_cut(&q->lost, offset, hi) != P2V_OK)
		return P2V_ENOMEM;
	if (offset == q->base && q->acked.n == 0)
		q->base = hi; /* in order, as most are */
	else if (p2v_ranges_add(&q->acked, offset, hi) != P2V_OK)
		return P2V_ENOMEM;
	advance(q);
	return P2V_OK;
}

int p2v_sendq_lost(struct p2v_sendq *q, uint64_t offset, uint64_t n, bool fin)
{
	uint64_t hi = offset + n;

	assert(hi <= q->next);
	if (fin && !q->fin_acked)
		q->fin_sent = false;
	if (offset < q->base)
		offset = q->base;
	if (offset >= hi)
		return P2V_OK;
	if (p2v_ranges_add(&q->lost, offset, hi) != P2V_OK)
		return P2V_ENOMEM;
	/* What arrived by another packet need not go again. */
	for (size_t i = 0; i < q->acked.n && q->acked.v[i].lo < hi; i++)
		if (q->acked.v[i].hi > offset &&
			p2v_ranges_cut(&q->lost, q->acked.v[i].lo, q->acked.v[i].hi) != P2V_OK)
			return P2V_ENOMEM;
	return P2V_OK;
}

bool p2v_sendq_done(const struct p2v_sendq *q)
{
	return q->finished && q->fin_acked && q->base == q->end;
}
