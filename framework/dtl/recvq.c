/* recvq.c - reassembly into blocks of equal size that are made as data touches them. */
#include "framework/dtl/recvq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- blocks ---- */

void p2v_recv_pool_fini(struct p2v_recv_pool *pool)
{
	while (pool->first) {
		void *b = pool->first;

		memcpy(&pool->first, b, sizeof pool->first);
		free(b);
	}
	pool->n = 0;
}

static uint8_t *block_new(struct p2v_recv_pool *pool)
{
	void *b;

	if (!pool || !pool->first)
		return malloc(P2V_RECV_BLOCK);
	b = pool->first;
	memcpy(&pool->first, b, sizeof pool->first);
	pool->n--;
	return b;
}

static void block_free(struct p2v_recv_pool *pool, uint8_t *b)
{
	if (!b || !pool || pool->n >= (pool->most ? pool->most : P2V_RECV_SPARE)) {
		free(b);
		return;
	}
	memcpy(b, &pool->first, sizeof pool->first);
	pool->first = b;
	pool->n++;
}

/* ---- a stream's ---- */

void p2v_recvq_fini(struct p2v_recvq *q)
{
	for (size_t i = 0; i < q->n; i++)
		block_free(q->pool, q->blocks[i]);
	free(q->blocks);
	q->blocks = NULL;
	q->n = q->cap = 0;
	p2v_ranges_fini(&q->over);
	while (q->lent_head < q->lent_n)
		p2v_slice_drop(&q->lent[q->lent_head++].slice);
	free(q->lent);
	q->lent = NULL;
	q->lent_head = q->lent_n = q->lent_cap = 0;
}

void p2v_recvq_drop(struct p2v_recvq *q)
{
	p2v_recvq_fini(q);
	q->consumed = q->next = q->top;
}

int p2v_recvq_claim(struct p2v_recvq *q, uint64_t end, bool fin, struct p2v_err *err)
{
	if (q->final != P2V_SIZE_UNKNOWN && (end > q->final || (fin && end != q->final)))
		return p2v_fail(err, P2V_EPROTO, "a stream changes its final size");
	if (fin && end < q->top)
		return p2v_fail(err, P2V_EPROTO, "a stream ends below what it sent");
	if (fin)
		q->final = end;
	if (end > q->top)
		q->top = end;
	return P2V_OK;
}

/* @return the block of that number, made if need be; NULL: no memory */
static uint8_t *block(struct p2v_recvq *q, uint64_t number)
{
	size_t i = (size_t)(number - q->first);

	if (i >= q->cap) {
		size_t cap = q->cap ? q->cap : 4;
		uint8_t **v;

		while (cap <= i)
			cap *= 2;
		v = realloc(q->blocks, cap * sizeof *v);
		if (!v)
			return NULL;
		q->blocks = v;
		q->cap = cap;
	}
	while (q->n <= i)
		q->blocks[q->n++] = NULL;
	if (!q->blocks[i])
		q->blocks[i] = block_new(q->pool);
	return q->blocks[i];
}

static int store(struct p2v_recvq *q, uint64_t offset, const uint8_t *p, size_t n)
{
	while (n) {
		size_t in = (size_t)(offset % P2V_RECV_BLOCK), k = P2V_RECV_BLOCK - in;
		uint8_t *b = block(q, offset / P2V_RECV_BLOCK);

		if (!b)
			return P2V_ENOMEM;
		if (k > n)
			k = n;
		memcpy(b + in, p, k);
		offset += k;
		p += k;
		n -= k;
	}
	return P2V_OK;
}

/* What is there from offset to end is new. */
static int arrived(struct p2v_recvq *q, uint64_t offset, uint64_t end, struct p2v_err *err)
{
	if (offset > q->next) {
		if (q->over.n >= P2V_RECV_HOLES)
			return p2v_fail(
				err, P2V_ELIMIT, "a stream has more than %d holes", P2V_RECV_HOLES);
		return p2v_ranges_add(&q->over, offset, end) == P2V_OK
			       ? P2V_OK
			       : p2v_fail(err, P2V_ENOMEM, "no memory for a stream's holes");
	}
	q->next = end;
	if (q->over.n && q->over.v[0].lo <= end) {
		p2v_ranges_drop_below(&q->over, end);
		if (q->over.n && q->over.v[0].lo == end) {
			q->next = q->over.v[0].hi;
			p2v_ranges_drop_below(&q->over, q->next);
		}
	}
	return P2V_OK;
}

int p2v_recvq_put(
	struct p2v_recvq *q, uint64_t offset, const uint8_t *p, size_t n, struct p2v_err *err)
{
	uint64_t end = offset + n;

	assert(end <= q->top);
	if (n == 0 || end <= q->next)
		return P2V_OK;
	if (offset < q->next) {
		p += q->next - offset;
		n -= (size_t)(q->next - offset);
		offset = q->next;
	}
	if (store(q, offset, p, n) != P2V_OK)
		return p2v_fail(err, P2V_ENOMEM, "no memory for what a stream received");
	return arrived(q, offset, end, err);
}

/* ---- what need not be copied ---- */

static struct p2v_lent *newest(const struct p2v_recvq *q)
{
	return q->lent_head < q->lent_n ? &q->lent[q->lent_n - 1] : NULL;
}

static int lent_room(struct p2v_recvq *q)
{
	uint32_t used = q->lent_n - q->lent_head, cap = q->lent_cap ? 2 * q->lent_cap : 4;
	struct p2v_lent *v;

	if (q->lent_n < q->lent_cap)
		return P2V_OK;
	if (q->lent_head) {
		memmove(q->lent, q->lent + q->lent_head, used * sizeof *q->lent);
		q->lent_head = 0;
		q->lent_n = used;
		return P2V_OK;
	}
	v = realloc(q->lent, cap * sizeof *v);
	if (!v)
		return P2V_ENOMEM;
	q->lent = v;
	q->lent_cap = cap;
	return P2V_OK;
}

/* It continues what came last, in the stream and in its buffer. */
static bool continues(const struct p2v_lent *l, uint64_t offset, const struct p2v_slice *s)
{
	return l && l->at + l->slice.n == offset && l->slice.buf == s->buf &&
	       l->slice.p + l->slice.n == s->p;
}

int p2v_recvq_adopt(struct p2v_recvq *q, uint64_t offset, struct p2v_slice s, struct p2v_err *err)
{
	uint64_t end = offset + s.n;
	struct p2v_lent *last = newest(q);

	/* What fills a hole, or came before, is copied: there is little of it. */
	if (offset < q->next || (last && offset < last->at + last->slice.n))
		return p2v_recvq_put(q, offset, s.p, s.n, err);
	assert(end <= q->top);
	if (continues(last, offset, &s)) {
		last->slice.n += s.n;
		return arrived(q, offset, end, err);
	}
	if (lent_room(q) != P2V_OK)
		return p2v_fail(err, P2V_ENOMEM, "no memory for what a stream received");
	q->lent[q->lent_n++] = (struct p2v_lent){ offset, p2v_slice_ref(s) };
	return arrived(q, offset, end, err);
}

struct p2v_slice p2v_recvq_peek_slice(const struct p2v_recvq *q)
{
	const struct p2v_lent *l = newest(q) ? &q->lent[q->lent_head] : NULL;
	const uint8_t *p;
	size_t n = p2v_recvq_peek(q, &p);

	if (n == 0 || !l || l->at > q->consumed)
		return (struct p2v_slice){ NULL, NULL, 0 };
	return p2v_slice_sub(l->slice, (size_t)(q->consumed - l->at), n);
}

/* Let go of what was consumed. */
static void return_lent(struct p2v_recvq *q)
{
	while (q->lent_head < q->lent_n) {
		struct p2v_lent *l = &q->lent[q->lent_head];

		if (l->at + l->slice.n > q->consumed)
			return;
		p2v_slice_drop(&l->slice);
		q->lent_head++;
	}
	q->lent_head = q->lent_n = 0;
}

/* ---- reading ---- */

size_t p2v_recvq_peek(const struct p2v_recvq *q, const uint8_t **p)
{
	size_t in = (size_t)(q->consumed % P2V_RECV_BLOCK), left = P2V_RECV_BLOCK - in;
	uint64_t have = q->next - q->consumed;

	const struct p2v_lent *l = newest(q) ? &q->lent[q->lent_head] : NULL;

	if (have == 0)
		return 0;
	if (l && l->at <= q->consumed) {
		in = (size_t)(q->consumed - l->at);
		*p = l->slice.p + in;
		left = l->slice.n - in;
	} else {
		*p = q->blocks[0] + in;
		if (l && l->at - q->consumed < left)
			left = (size_t)(l->at - q->consumed);
	}
	return have < left ? (size_t)have : left;
}

/* A stream that waits for its next message holds nothing: most streams of a node with many sessions
 * do. */
static void rest(struct p2v_recvq *q)
{
	if (q->consumed != q->next || q->over.n)
		return;
	for (size_t i = 0; i < q->n; i++)
		block_free(q->pool, q->blocks[i]);
	q->n = 0;
}

void p2v_recvq_consume(struct p2v_recvq *q, uint64_t n)
{
	uint64_t number, done;

	assert(n <= q->next - q->consumed);
	q->consumed += n;
	return_lent(q);
	number = q->consumed / P2V_RECV_BLOCK;
	done = number - q->first;
	if (done == 0) {
		rest(q);
		return;
	}
	for (uint64_t i = 0; i < done && i < q->n; i++)
		block_free(q->pool, q->blocks[i]);
	if (done < q->n)
		memmove(q->blocks, q->blocks + done, (q->n - (size_t)done) * sizeof *q->blocks);
	q->n = done < q->n ? q->n - (size_t)done : 0;
	q->first = number;
	rest(q);
}

bool p2v_recvq_whole(const struct p2v_recvq *q)
{
	return q->next == q->final;
}
