/* pools.c - free lists of whole lines. */
#include "sdk/sim/pools.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 128 }; /* lines that are asked for at once */

struct p2v_pool_block {
	struct p2v_pool_block *next;
};

static size_t lines(size_t n)
{
	return (n + P2V_LINE - 1) / P2V_LINE;
}

void *p2v_line_new(size_t n)
{
	size_t size = lines(n) * P2V_LINE;
	void *p = aligned_alloc(P2V_LINE, size);

	if (p)
		memset(p, 0, size);
	return p;
}

/* Where memory errors are looked for, each thing is an allocation of its own. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POOLS_APART
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POOLS_APART
#endif

#ifdef POOLS_APART

void *p2v_pools_take(struct p2v_pools *p, size_t n)
{
	(void)p;
	assert(n && lines(n) <= P2V_POOL_MOST);
	return p2v_line_new(n);
}

void p2v_pools_give(struct p2v_pools *p, void *what, size_t n)
{
	(void)p;
	(void)n;
	free(what);
}

#else

/* Cut a block into things of k lines. Its first line holds it in the list of blocks. */
static void more(struct p2v_pools *p, size_t k)
{
	struct p2v_pool_block *b = aligned_alloc(P2V_LINE, (size_t)BLOCK * P2V_LINE);

	if (!b)
		return;
	b->next = p->blocks;
	p->blocks = b;
	for (size_t i = BLOCK; i >= 1 + k; i -= k) {
		void **at = (void **)(void *)((char *)b + (i - k) * P2V_LINE);

		*at = p->spare[k - 1];
		p->spare[k - 1] = at;
	}
}

void *p2v_pools_take(struct p2v_pools *p, size_t n)
{
	size_t k = lines(n);
	void **at;

	assert(n && k <= P2V_POOL_MOST);
	if (!p->spare[k - 1])
		more(p, k);
	at = p->spare[k - 1];
	if (!at)
		return NULL;
	p->spare[k - 1] = *at;
	return memset(at, 0, n);
}

void p2v_pools_give(struct p2v_pools *p, void *what, size_t n)
{
	void **at = what;

	if (!at)
		return;
	*at = p->spare[lines(n) - 1];
	p->spare[lines(n) - 1] = at;
}

#endif

void p2v_pools_fini(struct p2v_pools *p)
{
	struct p2v_pool_block *b;

	while ((b = p->blocks)) {
		p->blocks = b->next;
		free(b);
	}
	*p = (struct p2v_pools){ .blocks = NULL };
}
