/* abr_test.c - choosing renditions, against sums done by hand. */
#include <criterion/criterion.h>

#include "sdk/player/abr.h"

TestSuite(abr, .timeout = 60);

static const uint64_t rates[] = { 380000, 700000, 1400000 };
static const struct p2v_abr_conf conf = {
	.fast = 3 * P2V_SECOND, .slow = 9 * P2V_SECOND, .initial = 500000, .keep = 0.95, .rise = 0.7
};

static bool near_to(double a, double b, double tolerance)
{
	return a - b < tolerance && b - a < tolerance;
}

static void init(struct p2v_abr *a, enum p2v_abr_kind kind)
{
	struct p2v_abr_conf c = conf;

	c.kind = (uint32_t)kind;
	p2v_abr_init(a, &c, rates, 3);
}

/* Make the estimate exactly `rate`: a second, after a first byte that came at once. */
static void measure(struct p2v_abr *a, uint64_t rate)
{
	p2v_abr_sample(a, P2V_SECOND, 0, rate / 8);
	cr_assert(near_to((double)p2v_abr_estimate(a), (double)rate, 2));
}

Test(abr, decay_and_logarithm)
{
	cr_assert_eq(p2v_decay(0, 7), 1);
	cr_assert_eq(p2v_decay(7, 7), 0.5);
	cr_assert_eq(p2v_decay(21, 7), 0.125);
	cr_assert(near_to(p2v_decay(1, 2), 0.70710678118654752, 1e-15));
	cr_assert(near_to(p2v_decay(2999999, 3000000), 0.50000011552453, 1e-13));
	cr_assert_eq(p2v_decay(P2V_SECOND * 1000, 1), 0);
	cr_assert_eq(p2v_log_ratio(5, 5), 0);
	cr_assert(near_to(p2v_log_ratio(2, 1), 0.69314718055994531, 1e-14));
	cr_assert(near_to(p2v_log_ratio(1400000, 380000), 1.3040562628829188, 1e-14));
	cr_assert(near_to(p2v_log_ratio(1000000000, 1), 20.72326583694641, 1e-13));
}

Test(abr, an_average_forgets_by_half_lives)
{
	struct p2v_ewma e;

	p2v_ewma_init(&e, 3 * P2V_SECOND);
	cr_assert_eq(p2v_ewma_get(&e), 0);
	p2v_ewma_add(&e, P2V_SECOND, 1e6);
	cr_assert(near_to(p2v_ewma_get(&e), 1e6, 1e-3), "one value is its own average");
	/* 2^(-2/3) = 0.6299605; (4e6 * 0.3700395 + 0.6299605 * 206299.5) / (1 - 0.5) */
	p2v_ewma_add(&e, 2 * P2V_SECOND, 4e6);
	cr_assert(near_to(p2v_ewma_get(&e), 3220236.8, 1));
}

Test(abr, the_lower_average_counts)
{
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	cr_assert_eq(p2v_abr_estimate(&a), 500000);
	measure(&a, 8000000);
	p2v_abr_sample(&a, 3 * P2V_SECOND, 0, 375000); /* 1 Mbit/s for three seconds */
	/* fast: (8e6 * 0.2062995 * 0.5 + 1e6 * 0.5) / (1 - 2^(-4/3)) = 2197129 */
	cr_assert(near_to((double)p2v_abr_estimate(&a), 2197129, 2), "%llu",
		(unsigned long long)p2v_abr_estimate(&a));
	p2v_abr_sample(&a, 3 * P2V_SECOND, 0, 3000000); /* 8 Mbit/s again: now the slow one */
	cr_assert(near_to((double)p2v_abr_estimate(&a), 5249622, 2), "%llu",
		(unsigned long long)p2v_abr_estimate(&a));
}

Test(abr, the_wait_for_the_first_byte_is_taken_out)
{
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	/* Up to the usual 100 ms: 1.1 s - 0.1 s. */
	p2v_abr_sample(&a, 1100000, 100000, 125000);
	cr_assert(near_to((double)p2v_abr_estimate(&a), 1000000, 2));
	init(&a, P2V_ABR_THROUGHPUT);
	/* 400 ms were 300 too many: they count. */
	p2v_abr_sample(&a, 1100000, 400000, 125000);
	cr_assert(near_to((double)p2v_abr_estimate(&a), 1000000, 2));
	init(&a, P2V_ABR_THROUGHPUT);
	p2v_abr_sample(&a, 10000, 1000, 125000); /* 9 ms count as 50 */
	cr_assert(near_to((double)p2v_abr_estimate(&a), 20000000, 2));
}

Test(abr, throughput_rises_with_care_and_keeps_what_fits)
{
	struct p2v_abr_view v = { .live = true, .fragment = 2000000, .buffer = 4000000 };
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	cr_assert_eq(p2v_abr_choose(&a, &v), 0, "0.7 x 500 is below 380: the lowest it is");
	v.loaded = true;
	measure(&a, 1001000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 1, "0.7 x 1001 carries 700");
	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 990000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 0, "0.7 x 990 does not");
	v.current = 1;
	cr_assert_eq(p2v_abr_choose(&a, &v), 1, "but it keeps what it has");
	v.current = 2;
	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 1474000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 2, "0.95 x 1474 carries 1400");
	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 1472000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 1);
	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 1000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 0);
}

Test(abr, on_demand_a_fragment_has_to_come_in_time)
{
	struct p2v_abr_view v = {
		.loaded = true, .current = 0, .fragment = 10000000, .buffer = 6000000
	};
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 2400000); /* 1.68 for 1.4: 8.3 s, too late for 6; 700: 4.2 s */
	cr_assert_eq(p2v_abr_choose(&a, &v), 1);
	v.buffer = 9000000;
	cr_assert_eq(p2v_abr_choose(&a, &v), 2);
	v.buffer = 0; /* 4 s of stall are accepted: 380 takes 2.3 s, 700 4.2 s */
	cr_assert_eq(p2v_abr_choose(&a, &v), 0);
	v.live = true;
	cr_assert_eq(p2v_abr_choose(&a, &v), 2);
}

Test(abr, the_buffer_decides_between_a_quarter_and_the_whole_target)
{
	struct p2v_abr_view v = {
		.loaded = true, .live = true, .fragment = 2000000, .target = 12000000
	};
	struct p2v_abr a;
	size_t last = 0;

	init(&a, P2V_ABR_BUFFER);
	measure(&a, 100000000);
	v.buffer = 1000000;
	cr_assert_eq(p2v_abr_choose(&a, &v), 2, "before there is buffer, throughput chooses");
	for (v.buffer = 3000000; v.buffer <= 12000000; v.buffer += 100000) {
		size_t i = p2v_abr_choose(&a, &v);

		cr_assert(i == last || i == last + 1, "it only rises with the buffer");
		if (v.buffer == 3000000)
			cr_assert_eq(i, 0);
		last = i;
	}
	cr_assert_eq(last, 2);
	/* From 380 to 700: (u+g)V - Q equal per bit. V = 3/(ln 3.684/3) = 6.9015, g = 0.43469;
	 * Q = (700 (6.9015 x 1.43469) - 380 (6.9015 x 2.04547)) / 320 = 4.897 */
	v.buffer = 4890000;
	cr_assert_eq(p2v_abr_choose(&a, &v), 0);
	v.buffer = 4905000;
	cr_assert_eq(p2v_abr_choose(&a, &v), 1);
}

Test(abr, the_buffer_does_not_rise_above_the_throughput)
{
	struct p2v_abr_view v = { .loaded = true,
		.live = true,
		.fragment = 2000000,
		.target = 12000000,
		.buffer = 12000000 };
	struct p2v_abr a;

	init(&a, P2V_ABR_BUFFER);
	measure(&a, 1100000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 1);
	v.current = 2;
	cr_assert_eq(p2v_abr_choose(&a, &v), 2, "it may stay");
}

Test(abr, fixed_is_fixed)
{
	struct p2v_abr_conf c = conf;
	struct p2v_abr_view v = { .loaded = true, .live = true, .fragment = 2000000 };
	struct p2v_abr a;

	c.kind = P2V_ABR_FIXED;
	c.fixed = 1;
	p2v_abr_init(&a, &c, rates, 3);
	measure(&a, 1000);
	cr_assert_eq(p2v_abr_choose(&a, &v), 1);
	a.conf.fixed = 9;
	cr_assert_eq(p2v_abr_choose(&a, &v), 2);
}

Test(abr, what_has_begun_to_come_waits_for_no_first_byte)
{
	struct p2v_abr_view v = {
		.loaded = true, .live = true, .current = 2, .fragment = 2000000, .buffer = 450000
	};
	struct p2v_abr_progress p = { .elapsed = 1100000, .first = 300000, .expected = 350000 };
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	for (int i = 0; i < 20; i++)
		p2v_abr_sample(&a, 800000, 300000, 250000);
	p.loaded = 250000; /* the rest takes 0.32 s; 380 would be there in 0.6 s */
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2);
	v.buffer = 300000; /* nothing is faster */
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2);
	p.loaded = 0; /* nothing came: all of it may take 1.4 s and more */
	p.first = P2V_UNKNOWN;
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 0);
}

Test(abr, a_fragment_that_comes_too_slowly_is_given_up)
{
	struct p2v_abr_view v = {
		.loaded = true, .live = true, .current = 2, .fragment = 2000000, .buffer = 2000000
	};
	struct p2v_abr_progress p = { .elapsed = 999999, .first = 100000, .expected = 350000 };
	struct p2v_abr a;

	init(&a, P2V_ABR_THROUGHPUT);
	measure(&a, 4000000);
	cr_assert_eq(p2v_abr_patience(&a, &v), 1000000);
	p.loaded = 1000;
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2, "too early to say");
	p.elapsed = 1100000;
	p.loaded = 125000; /* a second for 1 Mbit: the rest takes 1.8 s and fits */
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2);
	v.buffer = 1700000; /* it does not fit; 700 takes 1.4 s */
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 1);
	v.buffer = 1000000; /* 380 takes 0.76 s */
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 0);
	p.loaded = 300000;
	p.elapsed = 2500000; /* the rest takes 0.4 s: nothing is faster */
	v.buffer = 100000;
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2);
	p.loaded = 1000; /* all would take absurdly long */
	p.elapsed = 2000000;
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 2);
	v.current = 0;
	cr_assert_eq(p2v_abr_abandon(&a, &v, &p), 0, "there is nothing below the lowest");
}
