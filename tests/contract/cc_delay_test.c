/* cc_delay_test.c - what delay does to a scavenger's window (RFC 6817, LEDBAT++), whichever
 * controller has it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/contract/cc_bench.h"

TestSuite(cc_delay, .timeout = 120);

#define TARGET (20 * MS) /* the default */

static const struct p2v_plugin *const plugins[] = { &p2v_cc_ledbat_LTX_p2v_plugin,
	&p2v_cc_dtl_LTX_p2v_plugin };
enum { PLUGINS = sizeof plugins / sizeof *plugins };

/* A scavenger in its steady state, with about so many packets, that has seen the bare path. */
static void steady(struct rig *r, const struct p2v_plugin *p, uint64_t packets)
{
	rig_init(r, p);
	set_priority(r, 0);
	settle_at(r, 2 * packets);
	for (int i = 0; i < 40; i++) /* the first slow-down */
		round_trip(r, RTT, false);
}

/* Its slow-downs pass by: the most that it had within so many round trips. */
static uint64_t most_of(struct rig *r, int rounds, p2v_usec rtt)
{
	uint64_t most = 0;

	for (int i = 0; i < rounds; i++) {
		round_trip(r, rtt, false);
		most = cwnd(r) > most ? cwnd(r) : most;
	}
	return most;
}

/* Below the target a packet in ceil(120 ms / base) round trips: LEDBAT++'s GAIN. */
static void law_gain(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t before;

	steady(&r, p, 100);
	before = cwnd(&r);
	for (int i = 0; i < 10; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) >= before + 3 * MSS && cwnd(&r) <= before + 4 * MSS, "%s: %llu", p->name,
		(unsigned long long)(cwnd(&r) - before));
	rig_fini(&r);
}

/* Far beyond it half a window a round trip, down to the floor, and no further. */
static void law_yields(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t before;

	steady(&r, p, 100);
	before = cwnd(&r);
	round_trip(&r, RTT + 10 * TARGET, false);
	cr_assert(cwnd(&r) <= before * 7 / 10 && cwnd(&r) >= before * 4 / 10, "%s: %llu of %llu",
		p->name, (unsigned long long)cwnd(&r), (unsigned long long)before);
	for (int i = 0; i < 15; i++)
		round_trip(&r, RTT + 10 * TARGET, false);
	cr_assert_eq(cwnd(&r), 2 * MSS, "%s", p->name);
	cr_assert(most_of(&r, 300, RTT) > 10 * MSS, "%s: it comes back", p->name);
	rig_fini(&r);
}

/* One late sample among prompt ones is noise: the least of four counts. */
static void law_noise(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t before;

	steady(&r, p, 100);
	before = cwnd(&r);
	for (int i = 0; i < 200; i++) {
		r.now += MS / 2;
		ack(&r, MSS, r.now - RTT, i % 4 ? RTT + 100 * MS : RTT, false);
		cr_assert(cwnd(&r) >= before, "%s", p->name);
	}
	rig_fini(&r);
}

/* Two clocks may differ by hours and drift: one-way delay alone says nothing. */
static void law_clocks(const struct p2v_plugin *p)
{
	static const p2v_usec skew[] = { 0, 3600 * P2V_SECOND, -3600 * P2V_SECOND, P2V_UNKNOWN };
	uint64_t want = 0;

	for (size_t k = 0; k < sizeof skew / sizeof *skew; k++)
		for (int ppm = -500; ppm <= 500; ppm += 250) {
			struct rig r;

			steady(&r, p, 50);
			for (int i = 0; i < 20000; i++) {
				p2v_usec owd = RTT / 2 + skew[k] + r.now * ppm / 1000000;

				r.now += MS;
				ack_owd(&r, MSS, r.now - RTT, RTT,
					skew[k] == P2V_UNKNOWN ? P2V_UNKNOWN : owd, false);
			}
			want = want ? want : cwnd(&r);
			cr_assert_eq(cwnd(&r), want, "%s: %d ppm", p->name, ppm);
			rig_fini(&r);
		}
}

/* The path became longer: for as long as the old base is believed that looks like a queue, and no
 * longer. It became shorter: at once. */
static void law_route(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t low;

	steady(&r, p, 100);
	for (int i = 0; i < 100; i++)
		round_trip(&r, 3 * RTT, false);
	low = cwnd(&r);
	cr_assert(low <= 4 * MSS, "%s: %llu", p->name, (unsigned long long)low);
	for (int i = 0; i < 12 * 60 * 7; i++)
		round_trip(&r, 3 * RTT, false); /* eleven minutes */
	cr_assert(most_of(&r, 300, 3 * RTT) > 40 * MSS, "%s: the new base", p->name);
	low = most_of(&r, 300, RTT);
	cr_assert(low > 40 * MSS, "%s: a shorter path is no queue", p->name);
	rig_fini(&r);
}

/* A slow-down: at the floor for two round trips, then back, then nineteen times its length none. */
static void law_slow_downs(const struct p2v_plugin *p)
{
	unsigned slow = 0, rounds = 2000, downs = 0;
	bool was = false;
	struct rig r;

	steady(&r, p, 100);
	for (unsigned i = 0; i < rounds; i++) {
		bool is;

		round_trip(&r, RTT, false);
		is = cwnd(&r) < 20 * MSS;
		slow += is;
		downs += is && !was;
		was = is;
	}
	cr_assert(downs >= 8, "%s: %u slow-downs", p->name, downs);
	cr_assert(slow * 100 <= rounds * 5, "%s: %u of %u round trips", p->name, slow, rounds);
	rig_fini(&r);
}

/* Persistent congestion, then delay: nothing below the floor. */
static void law_floor(const struct p2v_plugin *p)
{
	struct rig r;

	steady(&r, p, 100);
	for (int i = 0; i < 50; i++) {
		r.now += RTT;
		lose(&r, r.now - MS, i % 5 == 0);
		round_trip(&r, RTT + (i % 7) * 100 * MS, false);
		cr_assert(cwnd(&r) >= 2 * MSS);
	}
	rig_fini(&r);
}

ParameterizedTestParameters(cc_delay, laws)
{
	static size_t index[PLUGINS];

	for (size_t i = 0; i < PLUGINS; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, PLUGINS);
}

ParameterizedTest(size_t *index, cc_delay, laws)
{
	const struct p2v_plugin *p = plugins[*index];

	law_gain(p);
	law_yields(p);
	law_noise(p);
	law_clocks(p);
	law_route(p);
	law_slow_downs(p);
	law_floor(p);
}

/* RFC 6817, LEDBAT++: slow start ends at three quarters of the target. */
Test(cc_delay, slow_start_ends_before_the_target)
{
	for (size_t i = 0; i < PLUGINS; i++) {
		struct rig r;
		uint64_t before;

		rig_init(&r, plugins[i]);
		set_priority(&r, 0);
		for (int k = 0; k < 5; k++)
			round_trip(&r, RTT, false);
		cr_assert_eq(view(&r).ssthresh, UINT64_MAX);
		before = cwnd(&r);
		round_trip(&r, RTT + TARGET * 8 / 10, false);
		cr_assert_neq(view(&r).ssthresh, UINT64_MAX);
		cr_assert(cwnd(&r) <= before + 4 * MSS);
		rig_fini(&r);
	}
}
