/* cc_dtl_test.c - cc/dtl by priority: how fast its window grows, what a loss costs, and what a
 * change of priority does in every state. */
#include <criterion/criterion.h>

#include "tests/contract/cc_bench.h"

TestSuite(cc_dtl, .timeout = 120);

static void dtl_init(struct rig *r, double p)
{
	rig_init(r, &p2v_cc_dtl_LTX_p2v_plugin);
	set_priority(r, p);
}

/* All of its virtual flows are out of slow start. */
static void settle(struct rig *r, uint64_t packets)
{
	settle_at(r, packets);
	lose_many(r, r->now - MS, 50);
	r->now += 6 * P2V_SECOND; /* longer than the way to a new priority takes */
}

/* p packets a round trip for p >= 1, p (1 + p) / 2 below; more where the round trip is longer than
 * 80 ms, three times that at most. */
Test(cc_dtl, growth)
{
	static const struct {
		double p, packets;
		p2v_usec rtt;
	} law[] = { { 1, 1, RTT }, { 2, 2, RTT }, { 2.5, 2.5, RTT }, { 4, 4, RTT },
		{ 0.5, 0.375, RTT }, { 0.1, 0.055, RTT }, { 1, 2, 160 * MS }, { 1, 3, 400 * MS },
		{ 4, 6, 120 * MS } };

	for (size_t i = 0; i < sizeof law / sizeof *law; i++) {
		struct rig r;
		double before, grown;

		dtl_init(&r, law[i].p);
		settle(&r, 400);
		round_trip(&r, law[i].rtt, false);
		before = (double)cwnd(&r);
		for (int k = 0; k < 40; k++)
			round_trip(&r, law[i].rtt, false);
		grown = ((double)cwnd(&r) - before) / MSS / 40;
		cr_assert(grown > 0.93 * law[i].packets && grown < 1.07 * law[i].packets,
			"p=%g: %.3f a round trip", law[i].p, grown);
		rig_fini(&r);
	}
}

/* A loss costs the flow that it hits half its part; losses without end, half of all. */
Test(cc_dtl, losses)
{
	static const double p[] = { 0.1, 0.5, 1, 1.001, 1.5, 2, 3.5, 4 };

	for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
		double flows = p[i] > 1 ? p[i] : 1, before, after;
		struct rig r;

		dtl_init(&r, p[i]);
		settle(&r, 400);
		before = (double)cwnd(&r);
		lose(&r, r.now - MS, false);
		after = (double)cwnd(&r);
		cr_assert(after >= before * (1 - 0.5 / flows) - 1, "p=%g: %.3f", p[i],
			after / before);
		cr_assert(after < before || p[i] > 1);
		lose_many(&r, r.now - MS, 64);
		after = (double)cwnd(&r);
		cr_assert(after >= before * 0.5 - 2, "p=%g: %.3f", p[i], after / before);
		cr_assert(after <= before * 0.55 || (p[i] > 1 && p[i] < 1.01), "p=%g: %.3f", p[i],
			after / before);
		rig_fini(&r);
	}
}

/* On average one loss in an epoch costs 1 / 2p of the window. */
Test(cc_dtl, losses_hit_flows_by_their_size)
{
	double cut = 0;
	struct rig r;

	dtl_init(&r, 1.5);
	for (int i = 0; i < 400; i++) {
		double before;

		while (cwnd(&r) < 300 * MSS)
			round_trip(&r, RTT, false);
		r.now += RTT;
		before = (double)cwnd(&r);
		lose(&r, r.now - MS, false);
		cut += 1 - (double)cwnd(&r) / before;
		r.now += RTT;
	}
	/* 2/3 of them hit the whole flow, for 1/3; the others half of one, for 1/6 */
	cr_assert(cut / 400 > 0.26 && cut / 400 < 0.3, "%.3f", cut / 400);
	rig_fini(&r);
}

/* Down: half at once, then half a round trip, to where the new priority belongs. */
static void check_down(double from, double to)
{
	struct rig r;
	double before, goal;

	dtl_init(&r, from);
	settle(&r, 400);
	before = (double)cwnd(&r);
	goal = before * to / from;
	set_priority(&r, to);
	for (double half = before / 2; half > goal; half /= 2) {
		double now = (double)cwnd(&r);

		cr_assert(now >= half - 8 * MSS && now <= half + 8 * MSS,
			"%g to %g: %.0f of %.0f packets", from, to, now / MSS, before / MSS);
		round_trip(&r, RTT, false);
	}
	cr_assert((double)cwnd(&r) >= goal - MSS && (double)cwnd(&r) <= goal + 10 * MSS,
		"%g to %g: %.0f of %.0f packets", from, to, (double)cwnd(&r) / MSS, before / MSS);
	rig_fini(&r);
}

Test(cc_dtl, down)
{
	check_down(4, 3);
	check_down(4, 2);
	check_down(4, 1);
	check_down(4, 0.5);
	check_down(2, 1.5);
	check_down(1, 0.25);
}

/* Down to a scavenger behind a queue: to the floor within a few round trips. */
Test(cc_dtl, down_to_a_scavenger)
{
	struct rig r;
	uint64_t before;

	dtl_init(&r, 4);
	settle(&r, 400);
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT + 100 * MS, false);
	before = cwnd(&r);
	set_priority(&r, 0);
	for (int i = 0; i < 5; i++) {
		cr_assert(cwnd(&r) >= before >> (i + 1), "at most half a round trip");
		round_trip(&r, RTT + 100 * MS, false);
	}
	cr_assert(cwnd(&r) <= before / 16, "%llu of %llu", (unsigned long long)cwnd(&r),
		(unsigned long long)before);
	rig_fini(&r);
}

/* @return [B] what a window may become in so many round trips after a rise: p packets or p quarters
 * of it a second more */
static double grown(double window, double p, unsigned rtts)
{
	while (rtts--) {
		double part = window * p / 4 * RTT / P2V_SECOND;

		window += part > p * MSS ? part : p * MSS;
	}
	return window;
}

/* Up: no jump, at most twice as much a round trip, towards what the new priority is worth. */
static void check_up(double from, double to)
{
	struct rig r;
	double before, goal;

	dtl_init(&r, from);
	settle(&r, 200);
	before = (double)cwnd(&r);
	goal = before * to / from;
	set_priority(&r, to);
	cr_assert_eq(cwnd(&r), (uint64_t)before, "no jump");
	while (before < goal * 0.95) {
		round_trip(&r, RTT, false);
		cr_assert((double)cwnd(&r) <= 2 * before + 4 * MSS, "not more than twice");
		cr_assert((double)cwnd(&r) > 1.5 * before || (double)cwnd(&r) > 0.95 * goal,
			"but nearly");
		before = (double)cwnd(&r);
	}
	for (int i = 0; i < 5; i++)
		round_trip(&r, RTT, false);
	cr_assert((double)cwnd(&r) <= grown(goal, to, 5) + 2 * to * MSS,
		"then as that priority grows");
	rig_fini(&r);
}

Test(cc_dtl, up)
{
	check_up(1, 4);
	check_up(1, 1.5);
	check_up(0.5, 4);
	check_up(2, 3);
}

/* A loss on the way up ends it, when it hits all flows. */
Test(cc_dtl, up_until_a_loss)
{
	struct rig r;
	uint64_t after;

	dtl_init(&r, 1);
	settle(&r, 200);
	set_priority(&r, 4);
	round_trip(&r, RTT, false);
	r.now += RTT;
	lose_many(&r, r.now - MS, 64);
	after = cwnd(&r);
	r.now += RTT;
	for (int i = 0; i < 10; i++)
		round_trip(&r, RTT, false);
	cr_assert((double)cwnd(&r) <= grown((double)after, 4, 10) + MSS);
	rig_fini(&r);
}

/* There and back within a round trip: nothing is lost but the time. */
Test(cc_dtl, there_and_back)
{
	struct rig r;
	uint64_t before;

	dtl_init(&r, 2);
	settle(&r, 400);
	before = cwnd(&r);
	set_priority(&r, 1);
	set_priority(&r, 0.5);
	set_priority(&r, 4);
	set_priority(&r, 2);
	cr_assert(cwnd(&r) >= before / 2 && cwnd(&r) <= before, "one cut a round trip");
	for (int i = 0; i < 3; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) >= before && cwnd(&r) <= before + 8 * MSS, "%llu, %llu",
		(unsigned long long)cwnd(&r), (unsigned long long)before);
	rig_fini(&r);
}

/* An application that sends in bursts leaves the window as it is; a priority that comes and goes
 * with each burst must not wear it down. */
Test(cc_dtl, bursts_of_changing_priority)
{
	struct rig r;
	uint64_t before;

	dtl_init(&r, 1);
	for (int i = 0; i < 3; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	for (int i = 0; i < 50; i++) {
		set_priority(&r, i % 2 ? 4 : 0.4);
		round_trip(&r, RTT, true);
	}
	cr_assert_eq(cwnd(&r), before);
	cr_assert_eq(view(&r).ssthresh, UINT64_MAX, "it still looks for its size");
	rig_fini(&r);
}

/* What it had before it yielded is its goal when it returns. */
Test(cc_dtl, a_scavenger_returns)
{
	struct rig r;
	uint64_t before;

	dtl_init(&r, 1);
	settle(&r, 200);
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT + 100 * MS, false);
	before = cwnd(&r);
	set_priority(&r, 0);
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT + 100 * MS, false);
	cr_assert(cwnd(&r) <= 3 * MSS);
	set_priority(&r, 2);
	cr_assert(cwnd(&r) <= 3 * MSS, "no jump");
	for (int i = 0; i < 8; i++)
		round_trip(&r, RTT + 100 * MS, false);
	cr_assert(cwnd(&r) >= 2 * before * 9 / 10 && cwnd(&r) <= 2 * before + 60 * MSS,
		"%llu, %llu", (unsigned long long)cwnd(&r), (unsigned long long)before);
	rig_fini(&r);
}

/* Beside the main window a scavenger's: small behind a queue, as large as the flight without. */
Test(cc_dtl, the_window_beside)
{
	struct rig r;

	dtl_init(&r, 1);
	settle(&r, 200);
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT + 200 * MS, false);
	cr_assert_eq(view(&r).scavenger, 2 * MSS);
	for (int i = 0; i < 600; i++)
		round_trip(&r, RTT, false);
	cr_assert(view(&r).scavenger > 50 * MSS, "%llu", (unsigned long long)view(&r).scavenger);
	rig_fini(&r);
}

/* RFC 8085: persistent congestion brings it down to one TCP; not for ever. */
Test(cc_dtl, persistent_congestion_makes_it_modest)
{
	struct rig r;
	uint64_t before;

	dtl_init(&r, 4);
	settle(&r, 400);
	r.now += P2V_SECOND;
	lose(&r, r.now - MS, true);
	cr_assert_eq(cwnd(&r), 2 * MSS);
	settle(&r, 40);
	before = cwnd(&r);
	set_priority(&r, 3); /* asking does not help */
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) <= before + 21 * MSS, "one packet a round trip");
	r.now += 11 * P2V_SECOND;
	round_trip(&r, RTT, false);
	for (int i = 0; i < 5; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	for (int i = 0; i < 20; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) >= before + 57 * MSS, "three again");
	rig_fini(&r);
}

/* Any priority in any state: bounds hold, and nothing jumps up. */
static void visit(struct rig *r, int state)
{
	switch (state) {
	case 0: break; /* at the start */
	case 1: round_trip(r, RTT, false); break;
	case 2: settle(r, 100); break;
	case 3: /* in recovery */
		settle_at(r, 100);
		lose(r, r->now - MS, false);
		break;
	case 4: /* behind a queue */
		for (int i = 0; i < 5; i++)
			round_trip(r, RTT + 100 * MS, false);
		break;
	case 5: /* after persistent congestion */
		r->now += P2V_SECOND;
		lose(r, r->now - MS, true);
		break;
	case 6: /* in a scavenger's slow-down */
		set_priority(r, 0);
		settle_at(r, 100);
		for (int i = 0; i < 400 && cwnd(r) > 4 * MSS; i++)
			round_trip(r, RTT, false);
		break;
	case 7: /* on the way back from it */
		visit(r, 6);
		for (int i = 0; i < 5; i++)
			round_trip(r, RTT, false);
		break;
	case 8: /* on the way down */
		set_priority(r, 4);
		settle(r, 100);
		for (int i = 0; i < 10; i++)
			round_trip(r, RTT, false);
		set_priority(r, 0.5);
		break;
	case 9: /* on the way up */
		set_priority(r, 1);
		settle(r, 100);
		set_priority(r, 0.2);
		for (int i = 0; i < 10; i++)
			round_trip(r, RTT, false);
		set_priority(r, 4);
		round_trip(r, RTT, false);
		break;
	case 10: /* after an hour without a packet */
		settle(r, 100);
		r->now += 3600 * P2V_SECOND;
		break;
	default: /* held back by the application */
		settle(r, 100);
		for (int i = 0; i < 20; i++)
			round_trip(r, RTT, true);
		break;
	}
}
enum { STATES = 12 };

Test(cc_dtl, any_priority_in_any_state)
{
	static const double p[] = { 0, 0.05, 0.1, 0.5, 1, 1.5, 2, 3.9, 4 };
	enum { N = sizeof p / sizeof *p };

	for (size_t k = 0; k < N * N * STATES; k++) {
		double from = p[k / STATES / N], to = p[k / STATES % N];
		uint64_t before;
		struct rig r;

		dtl_init(&r, from);
		visit(&r, (int)(k % STATES));
		before = cwnd(&r);
		set_priority(&r, to);
		cr_assert(cwnd(&r) <= before, "state %zu, %g to %g: a jump", k % STATES, from, to);
		cr_assert(cwnd(&r) >= before / 2 || cwnd(&r) == 2 * MSS,
			"state %zu, %g to %g: too deep", k % STATES, from, to);
		for (int i = 0; i < 10; i++) {
			before = cwnd(&r);
			round_trip(&r, RTT, false);
			cr_assert(cwnd(&r) <= 2 * before + 12 * MSS, "state %zu, %g to %g: a burst",
				k % STATES, from, to);
		}
		rig_fini(&r);
	}
}
