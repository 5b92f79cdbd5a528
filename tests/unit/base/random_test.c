/* random_test.c - known vectors, and whether elections fall as they should. Runs are seeded, so
 * that what holds once holds always. */
#include <criterion/criterion.h>

#include "framework/base/random.h"

TestSuite(random, .timeout = 120);

/* The first outputs of the reference implementation for the state 1, 2, 3, 4. */
Test(random, xoshiro256starstar)
{
	static const uint64_t want[] = { UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240),
		UINT64_C(1215971899390074240), UINT64_C(1216172134540287360),
		UINT64_C(607988272756665600), UINT64_C(16172922978634559625),
		UINT64_C(8476171486693032832), UINT64_C(10595114339597558777),
		UINT64_C(2904607092377533576) };
	struct p2v_random r = { { 1, 2, 3, 4 } };

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		cr_assert_eq(p2v_random_next(&r), want[i], "output %zu", i);
}

/* The first outputs of the reference implementation of splitmix64 for the seed 1234567. */
Test(random, splitmix64)
{
	static const uint64_t want[] = { UINT64_C(6457827717110365317),
		UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431), UINT64_C(16408922859458223821) };
	uint64_t x = 1234567;

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		x += UINT64_C(0x9e3779b97f4a7c15);
		cr_assert_eq(p2v_mix64(x), want[i], "output %zu", i);
	}
}

Test(random, streams_depend_on_seed_and_name)
{
	struct p2v_random a, b, c, d;

	p2v_random_init(&a, 1, "core");
	p2v_random_init(&b, 1, "core");
	p2v_random_init(&c, 2, "core");
	p2v_random_init(&d, 1, "cor");
	cr_assert_eq(p2v_random_next(&a), p2v_random_next(&b));
	cr_assert_neq(p2v_random_next(&a), p2v_random_next(&c));
	cr_assert_neq(p2v_random_next(&a), p2v_random_next(&d));
}

Test(random, below_is_in_range_and_even)
{
	enum { N = 7, DRAWS = 70000 };
	unsigned seen[N] = { 0 };
	struct p2v_random r;
	double chi = 0;

	p2v_random_init(&r, 42, "below");
	for (int i = 0; i < DRAWS; i++) {
		uint64_t v = p2v_random_below(&r, N);

		cr_assert_lt(v, N);
		seen[v]++;
	}
	for (int i = 0; i < N; i++) {
		double off = (double)seen[i] - (double)DRAWS / N;

		chi += off * off / ((double)DRAWS / N);
	}
	cr_assert_lt(chi, 22.5, "six degrees of freedom, one in a thousand: %g", chi);
	cr_assert_eq(p2v_random_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_lt(
			p2v_random_below(&r, (UINT64_C(1) << 63) + 1), (UINT64_C(1) << 63) + 1);
}

Test(random, unit_is_in_range_and_even)
{
	struct p2v_random r;
	double sum = 0, squares = 0;

	p2v_random_init(&r, 42, "unit");
	for (int i = 0; i < 100000; i++) {
		double v = p2v_random_unit(&r);

		cr_assert(v >= 0 && v < 1);
		sum += v;
		squares += v * v;
	}
	cr_assert_float_eq(sum / 100000, 0.5, 0.005);
	cr_assert_float_eq(squares / 100000, 1.0 / 3, 0.005);
}

/* Who is elected of nodes with these weights? */
static void elect(const uint32_t *weights, size_t n, unsigned keys, unsigned *wins)
{
	for (unsigned k = 0; k < keys; k++) {
		uint64_t least = UINT64_MAX;
		size_t who = n;

		for (size_t i = 0; i < n; i++) {
			uint64_t v = p2v_rendezvous(p2v_mix64(k), i + 1, weights[i]);

			if (v < least) {
				least = v;
				who = i;
			}
		}
		cr_assert_lt(who, n);
		wins[who]++;
	}
}

Test(random, elections_fall_by_weight)
{
	static const uint32_t weights[] = { 1, 2, 3, 4, 10, 0, 20 };
	enum { N = 7, KEYS = 80000 };
	unsigned wins[N] = { 0 };

	elect(weights, N, KEYS, wins);
	for (size_t i = 0; i < N; i++) {
		double want = (double)weights[i] / 40 * KEYS;

		cr_assert_float_eq((double)wins[i], want, 4 * (want > 0 ? 60 + want / 100 : 0.1),
			"node %zu of weight %u won %u times", i, weights[i], wins[i]);
	}
}

Test(random, a_node_that_leaves_takes_only_its_own)
{
	unsigned moved = 0;

	for (uint64_t k = 0; k < 2000; k++) {
		uint64_t least[2] = { UINT64_MAX, UINT64_MAX };
		uint64_t who[2] = { 0, 0 };

		for (uint64_t node = 1; node <= 10; node++) {
			uint64_t v = p2v_rendezvous(p2v_mix64(k), node, 5);

			for (int left = 0; left < 2; left++) {
				if (left && node == 4)
					continue;
				if (v < least[left]) {
					least[left] = v;
					who[left] = node;
				}
			}
		}
		if (who[0] != who[1]) {
			cr_assert_eq(who[0], 4, "only what the node had is elected anew");
			moved++;
		}
	}
	cr_assert(moved > 140 && moved < 260, "a tenth of 2000: %u", moved);
}

Test(random, no_weight_is_never)
{
	cr_assert_eq(p2v_rendezvous(1, 2, 0), UINT64_MAX);
	cr_assert_lt(p2v_rendezvous(1, 2, 1), UINT64_MAX);
	cr_assert_lt(p2v_rendezvous(1, 2, UINT16_MAX), p2v_rendezvous(1, 2, 1));
}
