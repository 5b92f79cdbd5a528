/* window_test.c - when a window is what holds a remote up. */
#include <criterion/criterion.h>

#include "framework/dtl/window.h"

TestSuite(window, .timeout = 60);

enum { WINDOW = 100000, RTT = 100000 };

/* Consume at a rate, in steps of 1 ms. @return how often the window should have grown */
static unsigned consume(uint64_t rate, p2v_usec time, p2v_usec rtt)
{
	struct p2v_window_use u = { 0 };
	unsigned n = 0;

	for (p2v_usec now = 1000; now <= time; now += 1000)
		n += p2v_window_used(&u, WINDOW, rate * (uint64_t)now / P2V_SECOND, now, rtt);
	return n;
}

Test(window, one_in_each_round_trip_is_too_small)
{
	/* 100000 bytes in 100 ms: the window is all that there is */
	cr_assert_eq(consume(1000000, P2V_SECOND, RTT), 9);
	cr_assert(consume(600000, P2V_SECOND, RTT) >= 5, "less than two round trips each");
}

Test(window, one_in_more_than_two_is_large_enough)
{
	cr_assert_eq(consume(450000, 10 * P2V_SECOND, RTT), 0);
	cr_assert_eq(consume(1000, 10 * P2V_SECOND, RTT), 0);
}

Test(window, without_a_round_trip_nothing_is_known)
{
	cr_assert_eq(consume(100000000, P2V_SECOND, 0), 0);
}

Test(window, after_a_pause)
{
	struct p2v_window_use u = { 0 };

	(void)p2v_window_used(&u, WINDOW, 1, P2V_SECOND, RTT);
	cr_assert(
		!p2v_window_used(&u, WINDOW, 200000, 10 * P2V_SECOND, RTT), "a pause lies between");
	cr_assert(!p2v_window_used(&u, WINDOW, 299999, 10 * P2V_SECOND + 1, RTT));
	cr_assert(p2v_window_used(&u, WINDOW, 300000, 10 * P2V_SECOND + 2, RTT));
}

Test(window, doubles_up_to_the_most)
{
	cr_assert_eq(p2v_window_next(100, 1000), 200);
	cr_assert_eq(p2v_window_next(600, 1000), 1000);
	cr_assert_eq(p2v_window_next(1000, 1000), 1000);
	cr_assert_eq(p2v_window_next(2000, 1000), 2000, "and never shrinks");
}

/* What is left of a window after a time in which so much of it was used at the busiest. */
static uint64_t rest(uint64_t window, uint64_t burst)
{
	struct p2v_window_use u = { 0 };

	(void)p2v_window_used(&u, window, 1, P2V_SECOND, RTT);
	(void)p2v_window_used(&u, window, 1 + burst, P2V_SECOND + RTT, RTT);
	(void)p2v_window_used(&u, window, 2 + burst, 9 * P2V_SECOND, RTT);
	return p2v_window_rest(&u, window, 1000, 2 + burst);
}

Test(window, shrinks_to_what_was_used)
{
	cr_assert_eq(rest(64000, 0), 1000, "nothing");
	cr_assert_eq(rest(64000, 16000), 64000, "a quarter");
	cr_assert_eq(rest(64000, 15000), 32000);
	cr_assert_eq(rest(64000, 3000), 8000);
	cr_assert_eq(rest(1000, 0), 1000, "and never below where it began");
	cr_assert_eq(rest(1500, 0), 1000);
}

/* Each rest looks at what was since the one before. */
Test(window, rests_are_apart)
{
	struct p2v_window_use u = { 0 };

	(void)p2v_window_used(&u, 64000, 1, P2V_SECOND, RTT);
	(void)p2v_window_used(&u, 64000, 30000, P2V_SECOND + RTT, RTT);
	cr_assert_eq(p2v_window_rest(&u, 64000, 1000, 30000), 64000);
	cr_assert_eq(p2v_window_rest(&u, 64000, 1000, 30000), 1000, "nothing came since");
	cr_assert(!p2v_window_used(&u, 1000, 31500, 20 * P2V_SECOND, RTT), "it begins anew");
	cr_assert(p2v_window_used(&u, 1000, 32500, 20 * P2V_SECOND + RTT, RTT), "and grows again");
}
