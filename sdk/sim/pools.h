/* pools.h - room for the small things of a run that come and go by the thousands: what was freed
 * last is given out first, while it is still in the cache, and lies on whole lines of it. */
#ifndef P2V_SIM_POOLS_H
#define P2V_SIM_POOLS_H

#include <stddef.h>

enum {
	P2V_LINE = 64,    /* [B] of a line of the cache */
	P2V_POOL_MOST = 6 /* lines of the largest thing */
};

struct p2v_pool_block;

/** Zeroed = empty. */
struct p2v_pools {
	void *spare[P2V_POOL_MOST]; /* things of so many lines, less one; each points at the next */
	struct p2v_pool_block *blocks;
};

/** @param n  [B] 1 … P2V_POOL_MOST * P2V_LINE
 * @return n zeroed bytes at the beginning of a line; NULL: no memory */
void *p2v_pools_take(struct p2v_pools *p, size_t n);
/** @param what  from p2v_pools_take with the same n; NULL is allowed */
void p2v_pools_give(struct p2v_pools *p, void *what, size_t n);
/** The run is over, and nothing is used any more. */
void p2v_pools_fini(struct p2v_pools *p);
/** As calloc and free, but at the beginning of a line: for things of their own. */
void *p2v_line_new(size_t n);

#endif
