/* lanes.h - sums of bytes, four side by side: what stands in for a digest of media, by which equal
 * buffers are found, and what goes into a run's hash. No cryptography: nobody attacks the
 * mathematics here. The same on every machine. */
#ifndef P2V_SIM_LANES_H
#define P2V_SIM_LANES_H

#include "framework/base/random.h"

struct p2v_lanes {
	uint64_t v[4];
};

/** Take up what is whole of n bytes, 32 at a time, four words side by side. Each step is one to one
 * in the word and in what came before, so nothing that differs gets lost.
 * @param s  [inout] any numbers
 * @return [B] taken: n without its last n % 32. Source: own */
static inline size_t p2v_lanes_blocks(struct p2v_lanes *s, const uint8_t *p, size_t n)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t a = s->v[0], b = s->v[1], c = s->v[2], d = s->v[3];
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		a ^= p2v_load64(p + i);
		b ^= p2v_load64(p + i + 8);
		c ^= p2v_load64(p + i + 16);
		d ^= p2v_load64(p + i + 24);
		a = (a << 29 | a >> 35) * odd;
		b = (b << 29 | b >> 35) * odd;
		c = (c << 29 | c >> 35) * odd;
		d = (d << 29 | d >> 35) * odd;
	}
	*s = (struct p2v_lanes){ { a, b, c, d } };
	return i;
}

/** Have each of the four depend on all of them, at the end. One to one, too. */
static inline void p2v_lanes_mix(struct p2v_lanes *s)
{
	for (int round = 0; round < 2; round++)
		for (size_t k = 0; k < 4; k++)
			s->v[k] = p2v_mix64(s->v[k] ^ s->v[(k + 3) & 3]);
}

/** @return sums of n bytes; each depends on all of them, and on n */
struct p2v_lanes p2v_lanes_of(const uint8_t *p, size_t n);

#endif
