/* fuzz_boxes.c - what the start of a fragment announces. */
#include <stdlib.h>

#include "plugins/manifest/smooth/announced.h"
#include "tests/fuzz/target.h"

void fuzz_one(const uint8_t *p, size_t n)
{
	struct smooth_next next[SMOOTH_NEXT_MAX];
	size_t k = smooth_announced((struct p2v_bytes){ p, n }, next);

	if (k > SMOOTH_NEXT_MAX)
		abort();
	for (size_t i = 0; i < k; i++)
		if (next[i].span == 0 || next[i].t > INT64_MAX / 4)
			abort();
}
