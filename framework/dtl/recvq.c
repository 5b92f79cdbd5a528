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

size_t p2v_recvq_peek(const struct p2v_recvq *q, const uint8_t **p)
{
	size_t in = (size_t)(q->consumed % P2V_RECV_BLOCK), left = P2V_RECV_BLOCK - in;
	uint64_t have = q->next - q->consumed;

	if (have == 0)
		return 0;
	*p = q->blocks[0] + in;
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
