/* sockets.c - open addressing with linear probing, as framework/dtl/cids.c has it. */
#include "sdk/sim/sockets.h"

#include <assert.h>
#include <stdlib.h>

#include "framework/base/random.h"

static uint64_t hash_of(const struct p2v_addr *a)
{
	uint64_t low = p2v_load64(a->ip), high = p2v_load64(a->ip + 8);

	return p2v_mix64(high ^ p2v_mix64(low ^ a->port));
}

void p2v_sockets_fini(struct p2v_sockets *t)
{
	free(t->v);
	*t = (struct p2v_sockets){ .v = NULL };
}

/* @return where the address is, or the free place where it would be; cap > n */
static size_t place(const struct p2v_sockets *t, uint64_t hash, const struct p2v_addr *a)
{
	size_t i = hash & (t->cap - 1);

	while (t->v[i].udp && !(t->v[i].hash == hash && p2v_addr_equal(&t->v[i].udp->addr, a)))
		i = (i + 1) & (t->cap - 1);
	return i;
}

struct p2v_udp *p2v_sockets_find(const struct p2v_sockets *t, const struct p2v_addr *a)
{
	return t->n ? t->v[place(t, hash_of(a), a)].udp : NULL;
}

static int grow(struct p2v_sockets *t)
{
	struct p2v_sockets next = { .cap = t->cap ? 2 * t->cap : 64, .n = t->n };

	next.v = calloc(next.cap, sizeof *next.v);
	if (!next.v)
		return P2V_ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->v[i].udp)
			next.v[place(&next, t->v[i].hash, &t->v[i].udp->addr)] = t->v[i];
	free(t->v);
	*t = next;
	return P2V_OK;
}

int p2v_sockets_add(struct p2v_sockets *t, struct p2v_udp *u)
{
	uint64_t hash = hash_of(&u->addr);
	size_t i;

	if (2 * (t->n + 1) > t->cap && grow(t) != P2V_OK)
		return P2V_ENOMEM;
	i = place(t, hash, &u->addr);
	assert(!t->v[i].udp);
	t->v[i] = (struct p2v_socket_slot){ .udp = u, .hash = hash };
	t->n++;
	return P2V_OK;
}

void p2v_sockets_remove(struct p2v_sockets *t, const struct p2v_udp *u)
{
	size_t mask = t->cap - 1, hole = place(t, hash_of(&u->addr), &u->addr);

	assert(t->v[hole].udp == u);
	t->n--;
	for (size_t i = (hole + 1) & mask; t->v[i].udp; i = (i + 1) & mask) {
		size_t home = t->v[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it would come before its own place */
		t->v[hole] = t->v[i];
		hole = i;
	}
	t->v[hole].udp = NULL;
}
