/* ack_test.c - what is acknowledged, and when. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/dtl/ack.h"

TestSuite(acks, .timeout = 60);

Test(acks, the_first_waits_the_second_does_not)
{
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	cr_assert(!p2v_acks_due(&a, 0));
	p2v_acks_got(&a, 0, 1, 1000, true);
	cr_assert(!p2v_acks_due(&a, 1000));
	cr_assert(!p2v_acks_due(&a, 25999));
	cr_assert(p2v_acks_due(&a, 26000), "25 ms after it came");
	p2v_acks_got(&a, 1, 2, 2000, true);
	cr_assert(p2v_acks_due(&a, 2000), "two are enough");
	p2v_acks_told(&a);
	cr_assert(!p2v_acks_due(&a, 100000));
}

Test(acks, what_asks_for_none_gets_none)
{
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	for (uint64_t i = 0; i < 10; i++)
		p2v_acks_got(&a, i, 0, 0, false);
	cr_assert(!p2v_acks_due(&a, P2V_SECOND));
	cr_assert_eq(a.due, P2V_NEVER);
}

/* RFC 9000 13.2.1 */
Test(acks, a_gap_is_told_at_once)
{
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	p2v_acks_got(&a, 0, 0, 0, true);
	p2v_acks_told(&a);
	p2v_acks_got(&a, 2, 0, 0, true);
	cr_assert(p2v_acks_due(&a, 0), "1 is missing");
	p2v_acks_told(&a);
	p2v_acks_got(&a, 1, 0, 0, true);
	cr_assert(p2v_acks_due(&a, 0), "1 came late");
	p2v_acks_told(&a);
	for (uint64_t i = 3; i <= 4; i++) {
		p2v_acks_got(&a, i, 0, 0, true);
		cr_assert(p2v_acks_due(&a, 0), "the sender counts three");
		p2v_acks_told(&a);
	}
	p2v_acks_got(&a, 5, 0, 0, true);
	cr_assert(!p2v_acks_due(&a, 0), "all is in order again");
}

Test(acks, tells_ranges_delay_and_echo)
{
	struct p2v_frame_ack f;
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	cr_assert(!p2v_acks_fill(&a, 0, &f));
	p2v_acks_got(&a, 0, 100, 1000, true);
	p2v_acks_got(&a, 5, 105, 2000, true);
	p2v_acks_got(&a, 4, 104, 3000, true);
	p2v_acks_got(&a, 9, 109, 4000, true);
	p2v_acks_got(&a, 7, 107, 5000, true);
	cr_assert(p2v_acks_fill(&a, 6500, &f));
	cr_assert_eq(f.echo, 109, "of the largest");
	cr_assert_eq(f.delay, 2500);
	cr_assert_eq(f.n, 4);
	cr_assert(f.range[0].lo == 9 && f.range[0].hi == 10);
	cr_assert(f.range[1].lo == 7 && f.range[1].hi == 8);
	cr_assert(f.range[2].lo == 4 && f.range[2].hi == 6);
	cr_assert(f.range[3].lo == 0 && f.range[3].hi == 1);
	cr_assert_eq(p2v_acks_expected(&a), 10);
}

Test(acks, forgets_what_the_remote_knows)
{
	struct p2v_frame_ack f;
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	for (uint64_t i = 0; i < 20; i += 2)
		p2v_acks_got(&a, i, 0, 0, true);
	p2v_acks_forget(&a, 11);
	cr_assert(p2v_acks_fill(&a, 0, &f));
	cr_assert_eq(f.n, 4, "%zu", f.n);
	cr_assert(p2v_acks_seen(&a, 9), "what lies below is not taken again");
	cr_assert(!p2v_acks_seen(&a, 13));
	p2v_acks_forget(&a, 1000);
	cr_assert(p2v_acks_fill(&a, 0, &f));
	cr_assert_eq(f.range[0].hi, 19, "the largest stays");
}

Test(acks, many_holes_stay_bounded)
{
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	for (uint64_t i = 0; i < 10000; i += 2) {
		cr_assert(!p2v_acks_seen(&a, i));
		p2v_acks_got(&a, i, 0, 0, true);
		cr_assert(a.n <= P2V_ACK_KEPT);
	}
	cr_assert(p2v_acks_seen(&a, 1), "too old to tell");
	cr_assert(!p2v_acks_seen(&a, 9997));
}

/* In any order, within the bound: what came is seen, what did not is not. */
Test(acks, agree_with_a_bitmap)
{
	struct p2v_random rnd;

	p2v_random_init(&rnd, 2, "acks");
	for (int round = 0; round < 2000; round++) {
		bool came[60] = { false };
		struct p2v_acks a;

		p2v_acks_init(&a, 25000);
		for (int i = 0; i < 50; i++) {
			uint64_t n = p2v_random_below(&rnd, 60);

			cr_assert_eq(p2v_acks_seen(&a, n), came[n]);
			if (!came[n])
				p2v_acks_got(&a, n, 0, 0, true);
			came[n] = true;
			for (size_t k = 1; k < a.n; k++)
				cr_assert(a.range[k - 1].hi < a.range[k].lo);
		}
	}
}

/* @return ACKs for `n` packets that come `gap` apart over a path of 40 ms */
static unsigned tell(struct p2v_acks *a, uint64_t *next, unsigned n, p2v_usec gap, p2v_usec *now)
{
	unsigned acks = 0;

	for (unsigned i = 0; i < n; i++, *now += gap) {
		p2v_acks_got(a, (*next)++, 0, *now, true);
		cr_assert(a->due <= *now + a->delay);
		if (p2v_acks_due(a, *now)) {
			p2v_acks_told(a);
			acks++;
		}
	}
	return acks;
}

/* Eight in a round trip at high rates, every second packet at low ones. */
Test(acks, rarer_where_many_packets_come)
{
	p2v_usec now = P2V_SECOND;
	struct p2v_acks a;
	uint64_t next = 0;
	unsigned n;

	p2v_acks_init(&a, 25000);
	a.rtt = 40000;
	n = tell(&a, &next, 100, 10000, &now);
	cr_assert_eq(n, 50, "4 packets in a round trip: %u", n);
	(void)tell(&a, &next, 100, 400, &now);
	n = tell(&a, &next, 1000, 400, &now);
	cr_assert(n >= 75 && n <= 90, "100 packets in a round trip, 10 round trips: %u", n);
	(void)tell(&a, &next, 2000, 20, &now);
	n = tell(&a, &next, 3200, 20, &now);
	cr_assert(n >= 100 && n <= 110, "no rarer than every 32nd: %u", n);
	(void)tell(&a, &next, 20, 10000, &now);
	n = tell(&a, &next, 100, 10000, &now);
	cr_assert_eq(n, 50, "and back: %u", n);
}

/* What comes last does not wait for a timer made for single packets. */
Test(acks, the_end_of_a_burst)
{
	p2v_usec now = P2V_SECOND;
	struct p2v_acks a;
	uint64_t next = 0;

	p2v_acks_init(&a, 25000);
	a.rtt = 40000;
	(void)tell(&a, &next, 1000, 100, &now);
	p2v_acks_told(&a);
	p2v_acks_got(&a, next++, 0, now, true);
	cr_assert_eq(a.due, now + 25000);
	p2v_acks_got(&a, next++, 0, now, true);
	cr_assert(!p2v_acks_due(&a, now));
	cr_assert_eq(a.due, now + 5000, "an eighth of a round trip");
}
