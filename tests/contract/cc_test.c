/* cc_test.c - the laws of kind cc, on every controller: how a window begins, grows, is cut, and
 * when it must not move. And CUBIC's curve against the formulas of RFC 9438. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "tests/contract/cc_bench.h"

TestSuite(cc, .timeout = 120);

/* A controller, at a priority. */
static const struct law_case {
	const struct p2v_plugin *plugin;
	double priority;
	bool delays; /* a scavenger: delay moves its window, too */
} cases[] = { { &p2v_cc_newreno_LTX_p2v_plugin, 1, false },
	{ &p2v_cc_cubic_LTX_p2v_plugin, 1, false }, { &p2v_cc_dtl_LTX_p2v_plugin, 1, false },
	{ &p2v_cc_dtl_LTX_p2v_plugin, 4, false }, { &p2v_cc_dtl_LTX_p2v_plugin, 2.5, false },
	{ &p2v_cc_dtl_LTX_p2v_plugin, 0.5, false }, { &p2v_cc_dtl_LTX_p2v_plugin, 0, true },
	{ &p2v_cc_ledbat_LTX_p2v_plugin, 1, true } };
enum { CASES = sizeof cases / sizeof *cases };

static void law_init(struct rig *r, const struct law_case *c)
{
	rig_init(r, c->plugin);
	if (c->priority != 1)
		set_priority(r, c->priority);
}

ParameterizedTestParameters(cc, laws)
{
	static size_t index[CASES];

	for (size_t i = 0; i < CASES; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, CASES);
}

static void law_start(const struct law_case *c)
{
	uint64_t first;
	struct rig r;

	law_init(&r, c);
	first = cwnd(&r);
	cr_assert_eq(
		first, (c->priority == 0.5 ? 5 : 10) * MSS, "%s: RFC 9002 7.2", c->plugin->name);
	cr_assert_eq(view(&r).ssthresh, UINT64_MAX);
	for (int i = 1; i <= 6; i++) {
		uint64_t before = cwnd(&r);

		round_trip(&r, RTT, false);
		cr_assert(cwnd(&r) >= before * 5 / 4, "%s: grows", c->plugin->name);
		cr_assert(c->delays || cwnd(&r) >= (first << i) * 9 / 10, "%s: doubles",
			c->plugin->name);
		cr_assert(cwnd(&r) <= first << i, "%s: and no more", c->plugin->name);
	}
	rig_fini(&r);
}

static void law_one_cut(const struct law_case *c)
{
	p2v_usec sent;
	uint64_t before, after;
	struct rig r;

	law_init(&r, c);
	for (int i = 0; i < 4; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	sent = r.now;
	r.now += RTT;
	lose(&r, sent, false);
	after = cwnd(&r);
	cr_assert(after >= before * 4 / 10 && after <= before * 95 / 100, "%s: %llu to %llu",
		c->plugin->name, (unsigned long long)before, (unsigned long long)after);
	cr_assert(c->priority > 1 || view(&r).ssthresh == after);
	for (int i = 0; i < 20; i++) {
		uint64_t then = after;

		r.now += MS;
		lose(&r, sent + i * MS, false);
		after = cwnd(&r);
		cr_assert(after == then || (c->priority > 1 && after < then),
			"%s: one cut a flow and round trip", c->plugin->name);
		cr_assert(after >= before * 4 / 10, "%s: and no more than all flows have",
			c->plugin->name);
		ack(&r, MSS, sent + i * MS, RTT, false);
		cr_assert_eq(cwnd(&r), after, "%s: no growth in recovery", c->plugin->name);
	}
	r.now += RTT;
	lose(&r, r.now - MS, false);
	cr_assert(cwnd(&r) < after, "%s: what was sent since counts anew", c->plugin->name);
	rig_fini(&r);
}

static void law_minimum(const struct law_case *c)
{
	struct rig r;

	law_init(&r, c);
	for (int i = 0; i < 100; i++) {
		r.now += RTT;
		lose(&r, r.now - MS, false);
	}
	cr_assert_eq(cwnd(&r), 2 * MSS, "%s", c->plugin->name);
	for (int i = 0; i < 200; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) > 20 * MSS, "%s: it comes back", c->plugin->name);
	rig_fini(&r);
}

static void law_app_limited(const struct law_case *c)
{
	struct rig r;
	uint64_t before;

	law_init(&r, c);
	before = cwnd(&r);
	for (int i = 0; i < 10; i++)
		round_trip(&r, RTT, true);
	cr_assert_eq(cwnd(&r), before, "%s: in slow start", c->plugin->name);
	settle_at(&r, 100);
	before = cwnd(&r);
	for (int i = 0; i < 200; i++)
		round_trip(&r, RTT, true);
	cr_assert_eq(cwnd(&r), before, "%s: nor in congestion avoidance", c->plugin->name);
	rig_fini(&r);
}

/* An hour without a packet: what follows grows as if the hour had not been. */
static void law_idle(const struct law_case *c)
{
	struct rig idle, busy;

	if (c->delays)
		return; /* its slow-downs come at other times then: law_idle_yields */
	law_init(&idle, c);
	law_init(&busy, c);
	settle_at(&idle, 100);
	settle_at(&busy, 100);
	for (int i = 0; i < 20; i++) {
		round_trip(&idle, RTT, false);
		round_trip(&busy, RTT, false);
	}
	cr_assert_eq(cwnd(&idle), cwnd(&busy));
	idle.now += 3600 * P2V_SECOND;
	ack(&idle, MSS, idle.now - RTT, RTT, true); /* the first after it was not held back */
	cr_assert_eq(cwnd(&idle), cwnd(&busy), "%s: idleness is no success", c->plugin->name);
	for (int i = 0; i < 20; i++) {
		round_trip(&idle, RTT, false);
		round_trip(&busy, RTT, false);
		cr_assert(cwnd(&idle) <= cwnd(&busy) + 2 * MSS, "%s: %llu and %llu",
			c->plugin->name, (unsigned long long)cwnd(&idle),
			(unsigned long long)cwnd(&busy));
	}
	rig_fini(&idle);
	rig_fini(&busy);
}

/* A scavenger after an hour: no more than before at first, then as it always grows. What it knew of
 * the path is an hour old: a path that has become longer meanwhile is no queue. */
static void law_idle_yields(const struct law_case *c, p2v_usec rtt)
{
	uint64_t before, most = 0;
	struct rig r;

	if (!c->delays)
		return;
	law_init(&r, c);
	settle_at(&r, 200);
	for (int i = 0; i < 40; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	r.now += 3600 * P2V_SECOND;
	ack(&r, MSS, r.now - rtt, rtt, true);
	cr_assert(cwnd(&r) <= before, "%s: idleness is no success", c->plugin->name);
	for (int i = 0; i < 60; i++) {
		round_trip(&r, rtt, false);
		cr_assert(cwnd(&r) <= before + (uint64_t)(i + 1) * MSS, "%s: nor a leap",
			c->plugin->name);
		most = cwnd(&r) > most ? cwnd(&r) : most;
	}
	cr_assert(most >= before * 9 / 10, "%s: %llu of %llu", c->plugin->name,
		(unsigned long long)most, (unsigned long long)before);
	rig_fini(&r);
}

/* Two clocks that are apart by hours, or drift: no controller's window knows of it, for one-way
 * delay is no more than a hint. */
static void law_clocks(const struct law_case *c)
{
	static const p2v_usec skew[] = { 0, 3600 * P2V_SECOND, -3600 * P2V_SECOND, P2V_UNKNOWN };
	struct p2v_cc_view want = { .cwnd = 0 };

	for (size_t k = 0; k < sizeof skew / sizeof *skew; k++)
		for (int ppm = -500; ppm <= 500; ppm += 500) {
			struct p2v_cc_view v;
			struct rig r;

			law_init(&r, c);
			settle_at(&r, 100);
			for (int i = 0; i < 5000; i++) {
				p2v_usec owd = RTT / 2 + skew[k] + r.now * ppm / 1000000;

				r.now += MS;
				ack_owd(&r, MSS, r.now - RTT, RTT + i % 9 * MS,
					skew[k] == P2V_UNKNOWN ? P2V_UNKNOWN : owd, false);
			}
			v = view(&r);
			if (want.cwnd == 0)
				want = v;
			cr_assert(v.cwnd == want.cwnd && v.scavenger == want.scavenger,
				"%s at %g: %d ppm", c->plugin->name, c->priority, ppm);
			rig_fini(&r);
		}
}

/* The path becomes longer, then what it was: who does not yield to delay keeps its window, and goes
 * on growing as that path has it. (A scavenger: cc_delay_test.c.) */
static void law_route(const struct law_case *c)
{
	static const p2v_usec rtts[] = { RTT, 3 * RTT, RTT / 2, RTT };
	struct rig r;

	if (c->delays)
		return;
	law_init(&r, c);
	settle_at(&r, 100);
	for (size_t k = 0; k < sizeof rtts / sizeof *rtts; k++) {
		uint64_t before = cwnd(&r);

		for (int i = 0; i < 60; i++) {
			uint64_t last = cwnd(&r);

			round_trip(&r, rtts[k], false);
			cr_assert(cwnd(&r) >= last, "%s at %g: it shrinks", c->plugin->name,
				c->priority);
		}
		cr_assert(cwnd(&r) > before + 4 * MSS, "%s at %g: it goes on", c->plugin->name,
			c->priority);
	}
	rig_fini(&r);
}

/* The same in slow start: what looks like a queue may end it, but costs no window, and when the
 * delay is gone again the window has gone on growing. */
static void law_route_at_start(const struct law_case *c)
{
	uint64_t before;
	struct rig r;

	if (c->delays)
		return;
	law_init(&r, c);
	for (int i = 0; i < 4; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	for (int i = 0; i < 3; i++) {
		uint64_t last = cwnd(&r);

		round_trip(&r, 2 * RTT, false);
		cr_assert(cwnd(&r) > last, "%s at %g", c->plugin->name, c->priority);
	}
	for (int i = 0; i < 4; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) >= 2 * before, "%s at %g: %llu after %llu", c->plugin->name, c->priority,
		(unsigned long long)cwnd(&r), (unsigned long long)before);
	rig_fini(&r);
}

/* A controller without the capability is one point of the range: nobody moves it. */
static void law_priority(const struct law_case *c)
{
	uint64_t before;
	struct rig r;

	if (c->plugin->caps & P2V_CC_CAP_PRIORITY) {
		cr_assert(c->plugin->ops.cc->set_priority, "%s", c->plugin->name);
		return; /* cc_dtl_test.c */
	}
	law_init(&r, c);
	settle_at(&r, 100);
	before = cwnd(&r);
	for (int i = 0; i <= 8; i++) {
		set_priority(&r, i / 2.0);
		cr_assert_eq(cwnd(&r), before, "%s", c->plugin->name);
	}
	rig_fini(&r);
}

static void law_persistent(const struct law_case *c)
{
	struct rig r;

	law_init(&r, c);
	settle_at(&r, 100);
	r.now += P2V_SECOND;
	lose(&r, r.now - MS, true);
	cr_assert_eq(cwnd(&r), 2 * MSS, "%s: RFC 9002 7.6.2", c->plugin->name);
	r.now += RTT;
	round_trip(&r, RTT, false);
	cr_assert(c->delays ? cwnd(&r) > 2 * MSS : cwnd(&r) == 4 * MSS, "%s: slow start again",
		c->plugin->name);
	rig_fini(&r);
}

static void law_acks_never_shrink(const struct law_case *c)
{
	struct rig r;

	if (c->delays)
		return;
	law_init(&r, c);
	settle_at(&r, 50);
	for (int i = 0; i < 5000; i++) {
		uint64_t before = cwnd(&r);

		r.now += MS;
		ack(&r, MSS, r.now - RTT, RTT + (i % 7) * MS, false);
		cr_assert(cwnd(&r) >= before, "%s", c->plugin->name);
		cr_assert(cwnd(&r) <= before + before / 2 + MSS, "%s: nor leap", c->plugin->name);
	}
	rig_fini(&r);
}

static void law_ecn(const struct law_case *c)
{
	struct rig r;
	uint64_t after;

	if (!c->plugin->ops.cc->on_ecn)
		return;
	law_init(&r, c);
	settle_at(&r, 100);
	after = cwnd(&r);
	r.now += RTT;
	r.ops->on_ecn(r.st, r.now, r.now - MS);
	cr_assert(cwnd(&r) < after, "%s: a mark is a loss without a loss", c->plugin->name);
	after = cwnd(&r);
	r.now += MS;
	r.ops->on_ecn(r.st, r.now, r.now - 2 * MS);
	cr_assert(cwnd(&r) == after || (c->priority > 1 && cwnd(&r) < after),
		"%s: once a flow and round trip", c->plugin->name);
	rig_fini(&r);
}

static void law_mss(const struct law_case *c)
{
	struct rig r;

	if (!c->plugin->ops.cc->set_mss)
		return;
	law_init(&r, c);
	for (int i = 0; i < 100; i++) {
		r.now += RTT;
		lose(&r, r.now - MS, false);
	}
	r.ops->set_mss(r.st, 1452);
	cr_assert(cwnd(&r) >= 2 * 1452, "%s: the floor moves with the packet", c->plugin->name);
	settle_at(&r, 100);
	r.ops->set_mss(r.st, 1200);
	cr_assert(cwnd(&r) >= 20 * MSS, "%s: a smaller packet costs no window", c->plugin->name);
	rig_fini(&r);
}

/* Anything at all, twice: the same, and within bounds. */
static void law_anything(const struct law_case *c)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct rig r[2];
		struct p2v_random rnd;

		law_init(&r[0], c);
		law_init(&r[1], c);
		p2v_random_init(&rnd, seed, "anything");
		for (int i = 0; i < 2000; i++) {
			uint64_t what = p2v_random_below(&rnd, 20);
			uint64_t bytes = 1 + p2v_random_below(&rnd, 100000);
			p2v_usec step = (p2v_usec)p2v_random_below(&rnd, 200000);
			p2v_usec back = (p2v_usec)p2v_random_below(&rnd, 300000);
			p2v_usec rtt = 1 + (p2v_usec)p2v_random_below(&rnd, P2V_SECOND);

			if (bytes % 500 == 0)
				step *= 100000; /* hours */
			if (bytes % 700 == 0)
				bytes <<= 20; /* more than was ever sent */

			for (int k = 0; k < 2; k++) {
				r[k].now += step;
				if (what == 0 && bytes % 3 == 0)
					lose_many(&r[k], r[k].now - back, (uint32_t)bytes);
				else if (what == 0)
					lose(&r[k], r[k].now - back, bytes % 10 == 0);
				else if (what == 1 && c->plugin->ops.cc->on_ecn)
					c->plugin->ops.cc->on_ecn(
						r[k].st, r[k].now, r[k].now - back);
				else if (what == 2 && c->plugin->ops.cc->set_priority)
					c->plugin->ops.cc->set_priority(r[k].st, r[k].now,
						(double)(bytes % 4500) / 1000 - 0.25);
				else if (what == 3 && c->plugin->ops.cc->set_mss)
					c->plugin->ops.cc->set_mss(
						r[k].st, bytes % 2 ? 1452 : 1200);
				else
					ack(&r[k], bytes, r[k].now - back, what == 4 ? 0 : rtt,
						what == 5);
			}
			cr_assert_eq(
				cwnd(&r[0]), cwnd(&r[1]), "%s: deterministic", c->plugin->name);
		}
		rig_fini(&r[0]);
		rig_fini(&r[1]);
	}
}

ParameterizedTest(size_t *index, cc, laws)
{
	const struct law_case *c = &cases[*index];

	law_start(c);
	law_one_cut(c);
	law_minimum(c);
	law_app_limited(c);
	law_idle(c);
	law_idle_yields(c, RTT);
	law_idle_yields(c, 3 * RTT);
	law_clocks(c);
	law_route(c);
	law_route_at_start(c);
	law_priority(c);
	law_persistent(c);
	law_acks_never_shrink(c);
	law_ecn(c);
	law_mss(c);
	law_anything(c);
}

/* ---- NewReno: one packet a round trip, half at a loss ---- */

Test(cc, newreno_grows_by_a_packet_a_round_trip)
{
	struct rig r;
	uint64_t before;

	rig_init(&r, &p2v_cc_newreno_LTX_p2v_plugin);
	settle_at(&r, 160);
	cr_assert_eq(cwnd(&r), 80 * MSS);
	before = cwnd(&r);
	for (int i = 0; i < 40; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) >= before + 39 * MSS && cwnd(&r) <= before + 41 * MSS, "%llu",
		(unsigned long long)(cwnd(&r) - before));
	rig_fini(&r);
}

/* ---- CUBIC: RFC 9438 ---- */

/* The same formulas, by other means: W(t) = 0.4 (t - K)^3 + W_max, K = cbrt((W_max - cwnd) / 0.4),
 * in segments and seconds. */
static double curve(double t, double w_max, double start)
{
	double x = (w_max - start) / 0.4, k = x > 1 ? x : 1;

	for (int i = 0; i < 200; i++)
		k -= (k * k * k - x) / (3 * k * k); /* Newton */
	return 0.4 * (t - k) * (t - k) * (t - k) + w_max;
}

static void follow_curve(p2v_usec rtt, double seconds)
{
	struct rig r;
	double w_max, start;
	p2v_usec from;

	rig_init(&r, &p2v_cc_cubic_LTX_p2v_plugin);
	settle_at(&r, 2000);
	start = (double)cwnd(&r) / MSS;
	w_max = start / 0.7;
	from = r.now;
	while ((double)(r.now - from) / 1e6 < seconds) {
		double t, want, got;

		round_trip(&r, rtt, false);
		/* the window is where the curve is a round trip ahead, 4.2 */
		t = (double)(r.now - from) / 1e6;
		want = curve(t, w_max, start);
		got = (double)cwnd(&r) / MSS;
		cr_assert(got > want * 0.97 - 2 && got < want * 1.03 + 2,
			"after %.2f s: %.1f, the curve says %.1f", t, got, want);
	}
	rig_fini(&r);
}

Test(cc, cubic_follows_its_curve)
{
	follow_curve(100 * MS, 16);
	follow_curve(50 * MS, 14);
}

/* 4.7: a window that shrinks from loss to loss leaves room: the plateau is lower. */
Test(cc, cubic_converges_fast)
{
	struct rig r;
	double first, plateau;
	int still = 0;

	rig_init(&r, &p2v_cc_cubic_LTX_p2v_plugin);
	settle_at(&r, 2000);
	first = (double)cwnd(&r);
	r.now += RTT;
	lose(&r, r.now - MS, false); /* well below the last maximum */
	r.now += 2 * RTT;
	plateau = first * (1 + 0.7) / 2;
	for (int i = 0; i < 400; i++) {
		round_trip(&r, RTT, false);
		still += (double)cwnd(&r) > plateau * 0.97 && (double)cwnd(&r) < plateau * 1.03;
	}
	cr_assert(still > 60, "it stays near %.0f for %d round trips", plateau, still);
	rig_fini(&r);
}

/* 4.3: where the curve is slower than Reno, Reno's additive increase holds. */
Test(cc, cubic_is_no_slower_than_reno)
{
	struct rig r;
	uint64_t before;

	rig_init(&r, &p2v_cc_cubic_LTX_p2v_plugin);
	settle_at(&r, 40);
	before = cwnd(&r);
	for (int i = 0; i < 20; i++)
		round_trip(&r, 5 * MS, false);
	/* alpha = 3 (1 - 0.7) / (1 + 0.7) = 0.53 a round trip */
	cr_assert(cwnd(&r) >= before + 10 * MSS && cwnd(&r) <= before + 12 * MSS, "%llu",
		(unsigned long long)(cwnd(&r) - before));
	rig_fini(&r);
}

/* RFC 9406: delay that grows ends slow start before anything is lost. */
Test(cc, cubic_leaves_slow_start_when_the_delay_grows)
{
	struct rig r;

	rig_init(&r, &p2v_cc_cubic_LTX_p2v_plugin);
	for (int i = 0; i < 5; i++)
		round_trip(&r, RTT, false);
	cr_assert_eq(view(&r).ssthresh, UINT64_MAX);
	for (int i = 0; i < 12; i++)
		round_trip(&r, RTT + 20 * MS, false);
	cr_assert_neq(view(&r).ssthresh, UINT64_MAX);
	cr_assert(cwnd(&r) < 2000 * MSS, "%llu", (unsigned long long)cwnd(&r) / MSS);
	rig_fini(&r);
}
