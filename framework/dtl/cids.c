/* cids.c - open addressing with linear probing; who leaves is followed by those that stood behind
 * it (Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so nothing marks where they
 * were. */
#include "framework/dtl/cids.h"

#include <assert.h>
#include <stdlib.h>

void p2v_cids_fini(struct p2v_cids *c)
{
	free(c->v);
	*c = (struct p2v_cids){ .v = NULL };
}

/* @return where the number is, or the free place where it would be; cap > n */
static size_t place(const struct p2v_cids *c, uint32_t cid)
{
	size_t i = cid & (c->cap - 1);

	while (c->v[i].session && c->v[i].cid != cid)
		i = (i + 1) & (c->cap - 1);
	return i;
}

struct p2v_session *p2v_cids_find(const struct p2v_cids *c, uint32_t cid)
{
	return c->n ? c->v[place(c, cid)].session : NULL;
}

static int grow(struct p2v_cids *c)
{
	struct p2v_cids next = { .cap = c->cap ? 2 * c->cap : 8, .n = c->n };

	next.v = calloc(next.cap, sizeof *next.v);
	if (!next.v)
		return P2V_ENOMEM;
	for (size_t i = 0; i < c->cap; i++)
		if (c->v[i].session)
			next.v[place(&next, c->v[i].cid)] = c->v[i];
	free(c->v);
	*c = next;
	return P2V_OK;
}

int p2v_cids_add(struct p2v_cids *c, uint32_t cid, struct p2v_session *s)
{
	if (2 * (c->n + 1) > c->cap && grow(c) != P2V_OK)
		return P2V_ENOMEM;
	assert(!c->v[place(c, cid)].session);
	c->v[place(c, cid)] = (struct p2v_cid_slot){ .session = s, .cid = cid };
	c->n++;
	return P2V_OK;
}

void p2v_cids_remove(struct p2v_cids *c, uint32_t cid)
{
	size_t mask = c->cap - 1, hole = place(c, cid);

	assert(c->v[hole].session);
	c->n--;
	for (size_t i = (hole + 1) & mask; c->v[i].session; i = (i + 1) & mask) {
		size_t home = c->v[i].cid & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it would come before its own place */
		c->v[hole] = c->v[i];
		hole = i;
	}
	c->v[hole].session = NULL;
}
