/* ranges_test.c - spans against a plain bitmap. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/dtl/ranges.h"

TestSuite(ranges, .timeout = 60);

enum { SIZE = 96 };

static void compare(const struct p2v_ranges *r, const bool *map)
{
	size_t i = 0;

	for (uint64_t x = 0; x < SIZE;) {
		uint64_t lo = x;

		if (!map[x]) {
			x++;
			continue;
		}
		while (x < SIZE && map[x])
			x++;
		cr_assert(i < r->n);
		cr_assert_eq(r->v[i].lo, lo);
		cr_assert_eq(r->v[i].hi, x);
		i++;
	}
	cr_assert_eq(i, r->n, "%zu spans are too many", r->n - i);
}

Test(ranges, agree_with_a_bitmap)
{
	struct p2v_ranges r = { NULL, 0, 0 };
	bool map[SIZE] = { false };
	struct p2v_random rnd;

	p2v_random_init(&rnd, 1, "ranges");
	for (int i = 0; i < 50000; i++) {
		uint64_t lo = p2v_random_below(&rnd, SIZE - 1);
		uint64_t hi = lo + 1 + p2v_random_below(&rnd, SIZE - lo);
		unsigned what = (unsigned)p2v_random_below(&rnd, 8);

		hi = hi > lo + 12 && what ? lo + 12 : hi;
		hi = hi > SIZE ? SIZE : hi;
		if (what < 4)
			cr_assert_eq(p2v_ranges_add(&r, lo, hi), P2V_OK);
		else if (what < 7)
			cr_assert_eq(p2v_ranges_cut(&r, lo, hi), P2V_OK);
		else if (lo < SIZE / 3)
			p2v_ranges_drop_below(&r, lo);
		for (uint64_t x = lo; x < hi && what < 7; x++)
			map[x] = what < 4;
		for (uint64_t x = 0; x < lo && what == 7 && lo < SIZE / 3; x++)
			map[x] = false;
		compare(&r, map);
	}
	p2v_ranges_fini(&r);
}

Test(ranges, has)
{
	struct p2v_ranges r = { NULL, 0, 0 };

	cr_assert(!p2v_ranges_has(&r, 0, 1));
	cr_assert_eq(p2v_ranges_add(&r, 10, 20), P2V_OK);
	cr_assert_eq(p2v_ranges_add(&r, 30, 40), P2V_OK);
	cr_assert(p2v_ranges_has(&r, 10, 20));
	cr_assert(p2v_ranges_has(&r, 15, 16));
	cr_assert(p2v_ranges_has(&r, 35, 40));
	cr_assert(!p2v_ranges_has(&r, 9, 11));
	cr_assert(!p2v_ranges_has(&r, 19, 21));
	cr_assert(!p2v_ranges_has(&r, 15, 35));
	cr_assert(!p2v_ranges_has(&r, 40, 41));
	cr_assert_eq(p2v_ranges_add(&r, 20, 30), P2V_OK);
	cr_assert_eq(r.n, 1, "neighbours are joined");
	cr_assert(p2v_ranges_has(&r, 10, 40));
	p2v_ranges_fini(&r);
}
