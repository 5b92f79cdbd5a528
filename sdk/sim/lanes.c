/* lanes.c - sums of bytes, four side by side. */
#include "sdk/sim/lanes.h"

#include <string.h>

void p2v_lanes_add(struct p2v_lanes *s, const uint8_t *p, size_t n)
{
	size_t done = p2v_lanes_blocks(s, p, n);

	if (done < n) {
		uint8_t rest[32] = { 0 };

		memcpy(rest, p + done, n - done);
		(void)p2v_lanes_blocks(s, rest, sizeof rest);
	}
}

void p2v_lanes_stir(struct p2v_lanes *s)
{
	for (int round = 0; round < 2; round++)
		for (size_t k = 0; k < 4; k++)
			s->v[k] = p2v_mix64(s->v[k] ^ s->v[(k + 3) & 3]);
}

struct p2v_lanes p2v_lanes_of(const uint8_t *p, size_t n)
{
	struct p2v_lanes s = { { n, 1, 2, 3 } };

	p2v_lanes_add(&s, p, n);
	p2v_lanes_stir(&s);
	return s;
}
