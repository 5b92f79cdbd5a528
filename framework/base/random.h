/* random.h - reproducible random numbers for decisions, never for keys. */
#ifndef P2V_BASE_RANDOM_H
#define P2V_BASE_RANDOM_H

#include <peer2view/base.h>

/** One stream: xoshiro256** (Blackman and Vigna, 2018). */
struct p2v_random {
	uint64_t s[4];
};

/** Seed a stream from a run's seed and a name, so that streams of one run are independent. */
void p2v_random_init(struct p2v_random *r, uint64_t seed, const char *name);
uint64_t p2v_random_next(struct p2v_random *r);
/** @return uniform in 0…n-1 without bias; n > 0 */
uint64_t p2v_random_below(struct p2v_random *r, uint64_t n);
/** @return uniform in [0, 1) */
double p2v_random_unit(struct p2v_random *r);
/** The finaliser of splitmix64 (Steele, Lea and Flood, 2014): a good hash of one word. */
static inline uint64_t p2v_mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/** @return 8 bytes as a number, the lowest first */
static inline uint64_t p2v_load64(const uint8_t p[8])
{
	/* Written out: compilers make one load of it, at any optimisation. */
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/** Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and
 * Schomaker 2005): the node with the least value is elected, and each is with probability weight /
 * sum of weights. Integer arithmetic alone, so that all machines agree.
 * @param key, node  hashed together
 * @param weight     1…UINT16_MAX; 0 gives UINT64_MAX: never
 * @return -log2(h) / weight in fixed point */
uint64_t p2v_rendezvous(uint64_t key, uint64_t node, uint32_t weight);

#endif
