/* chunks_test.c - sets of chunks against counting them one by one. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/delivery/chunks.h"

TestSuite(chunks, .timeout = 60);

Test(chunks, a_range_is_what_lies_between)
{
	static const uint32_t ends[] = { 0, 1, 5, 63, 64, 65, 127, 128, 129, 200, UINT32_MAX };
	enum { ENDS = sizeof ends / sizeof ends[0] };

	for (size_t a = 0; a < ENDS; a++)
		for (size_t z = 0; z < ENDS; z++)
			for (uint32_t i = 0; i < 256; i++) {
				uint64_t v = p2v_chunk_range(i / P2V_WORD, ends[a], ends[z]);

				cr_assert_eq(v >> i % P2V_WORD & 1, i >= ends[a] && i < ends[z],
					"%u in %u to %u", i, ends[a], ends[z]);
			}
}

Test(chunks, words_are_as_many_as_it_takes)
{
	cr_assert_eq(p2v_chunk_words(0), 0);
	cr_assert_eq(p2v_chunk_words(1), 1);
	cr_assert_eq(p2v_chunk_words(64), 1);
	cr_assert_eq(p2v_chunk_words(65), 2);
}

Test(chunks, the_lowest_and_how_many)
{
	struct p2v_random r;

	p2v_random_init(&r, 1, "chunks");
	for (unsigned k = 0; k < 2000; k++) {
		uint64_t v = p2v_random_next(&r) & p2v_random_next(&r) & p2v_random_next(&r);
		uint32_t lowest = 0, n = 0;

		v = k < 64 ? (uint64_t)1 << k : v ? v : 1;
		while (!(v >> lowest & 1))
			lowest++;
		for (uint32_t i = 0; i < 64; i++)
			n += v >> i & 1;
		cr_assert_eq(p2v_chunk_lowest(v), lowest);
		cr_assert_eq(p2v_chunk_count(v), n);
	}
}
