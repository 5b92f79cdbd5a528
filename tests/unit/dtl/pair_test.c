/* pair_test.c - sessions to one host share four TCPs' weight; those to others do not count. */
#include <criterion/criterion.h>

#include "framework/dtl/pair.h"

TestSuite(dtl_pair, .timeout = 20);

enum { N = 12 };

static void join(struct p2v_dtl *d, struct p2v_session *s, uint32_t ip, uint16_t port)
{
	*s = (struct p2v_session){ .dtl = d, .addr = p2v_addr_v4(ip, port) };
	cr_assert_eq(p2v_pair_join(s), P2V_OK);
}

Test(dtl_pair, four_are_shared)
{
	struct p2v_dtl d = { .pairs = NULL };
	struct p2v_session s[N], other;

	join(&d, &other, 0x0a000002, 1);
	p2v_pair_weigh(&other, 4);
	for (uint16_t i = 0; i < N; i++) {
		join(&d, &s[i], 0x0a000001, i);
		p2v_pair_weigh(&s[i], i % 2 ? 1 : 0);
	}
	cr_assert_float_eq(p2v_pair_part(&s[0]), 4.0 / 6, 1e-9);
	cr_assert_float_eq(p2v_pair_part(&s[1]), 4.0 / 6, 1e-9);
	cr_assert_eq(p2v_pair_part(&other), 1);
	p2v_pair_weigh(&s[1], 0);
	p2v_pair_weigh(&s[3], 0);
	cr_assert_eq(p2v_pair_part(&s[5]), 1, "four of them");
	p2v_pair_weigh(&s[5], 4);
	cr_assert_float_eq(p2v_pair_part(&s[7]), 4.0 / 7, 1e-9);
	for (size_t i = 0; i < N; i++)
		p2v_pair_leave(&s[i]);
	p2v_pair_leave(&s[0]); /* once more does no harm */
	p2v_pair_leave(&other);
	cr_assert_null(d.pairs);
}

Test(dtl_pair, who_leaves_makes_room)
{
	struct p2v_dtl d = { .pairs = NULL };
	struct p2v_session a, b;

	join(&d, &a, 0x0a000001, 1);
	join(&d, &b, 0x0a000001, 2);
	p2v_pair_weigh(&a, 4);
	p2v_pair_weigh(&b, 4);
	cr_assert_float_eq(p2v_pair_part(&a), 0.5, 1e-9);
	p2v_pair_leave(&b);
	cr_assert_eq(p2v_pair_part(&a), 1);
	cr_assert_eq(p2v_pair_part(&b), 1, "it counts no more");
	p2v_pair_leave(&a);
}

/* Thousands of changes leave no trace. */
Test(dtl_pair, sums_do_not_drift)
{
	struct p2v_dtl d = { .pairs = NULL };
	struct p2v_session s[4];

	for (uint16_t i = 0; i < 4; i++)
		join(&d, &s[i], 0x0a000001, i);
	for (int i = 0; i < 100000; i++)
		p2v_pair_weigh(&s[i % 4], (i * 7 % 41) / 10.0);
	for (int i = 0; i < 4; i++)
		p2v_pair_weigh(&s[i], 1);
	cr_assert_eq(p2v_pair_part(&s[0]), 1);
	for (int i = 0; i < 4; i++)
		p2v_pair_leave(&s[i]);
}
