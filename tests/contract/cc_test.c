/* cc_test.c - the laws of kind cc, on every controller: how a window begins, grows, is cut, and
 * when it must not move. And CUBIC's curve against the formulas of RFC 9438. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include <peer2view/cc.h>
#include <peer2view/plugin.h>
#include "framework/base/options.h"
#include "framework/base/random.h"

TestSuite(cc, .timeout = 120);

enum { MSS = 1200 };
#define MS  P2V_MSEC
#define RTT (50 * MS)

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_cubic_LTX_p2v_plugin;

static const struct p2v_plugin *const plugins[] = { &p2v_cc_newreno_LTX_p2v_plugin,
	&p2v_cc_cubic_LTX_p2v_plugin };
enum { PLUGINS = sizeof plugins / sizeof *plugins };

/* One controller, and a clock that the test turns. */
struct rig {
	const struct p2v_plugin *plugin;
	const struct p2v_cc_ops *ops;
	struct p2v_env env;
	struct p2v_random random;
	p2v_usec now;
	void *conf, *st;
};

static p2v_usec env_now(void *host)
{
	return ((struct rig *)host)->now;
}

static uint64_t env_random(void *host)
{
	return p2v_random_next(&((struct rig *)host)->random);
}

static void env_arm(void *host, struct p2v_timer *t, p2v_usec due)
{
	(void)host;
	(void)t;
	(void)due;
}

static void env_disarm(void *host, struct p2v_timer *t)
{
	(void)host;
	(void)t;
}

static P2V_PRINTF(3, 4) void env_log(void *host, enum p2v_log_level level, const char *fmt, ...)
{
	(void)host;
	(void)level;
	(void)fmt;
}

static const struct p2v_env_ops env_ops = { .size = sizeof env_ops,
	.now = env_now,
	.random = env_random,
	.timer_arm = env_arm,
	.timer_disarm = env_disarm,
	.log = env_log };

static void rig_init(struct rig *r, const struct p2v_plugin *p)
{
	struct p2v_err err;

	*r = (struct rig){ .plugin = p, .ops = p->ops.cc, .now = P2V_SECOND };
	r->env = (struct p2v_env){ &env_ops, r };
	p2v_random_init(&r->random, 1, p->name);
	r->conf = calloc(1, p->conf_size + 1);
	r->st = calloc(1, p->state_size + 1);
	cr_assert(r->conf && r->st);
	cr_assert_eq(p2v_options_default(p->options, p->option_size, r->conf, &err), P2V_OK, "%s",
		err.text);
	cr_assert_eq(r->ops->open(r->st, &r->env, r->conf, MSS, &err), P2V_OK);
}

static void rig_fini(struct rig *r)
{
	if (r->ops->close)
		r->ops->close(r->st);
	free(r->st);
	free(r->conf);
}

static struct p2v_cc_view view(const struct rig *r)
{
	struct p2v_cc_view v, again;

	memset(&v, 0, sizeof v);
	memset(&again, 0, sizeof again);
	r->ops->view(r->st, &v);
	r->ops->view(r->st, &again);
	cr_assert(v.cwnd == again.cwnd && v.pace == again.pace && v.ssthresh == again.ssthresh,
		"looking changes nothing");
	cr_assert(v.cwnd >= 2 * MSS, "two packets may always be under way");
	return v;
}

static uint64_t cwnd(const struct rig *r)
{
	return view(r).cwnd;
}

static void ack(struct rig *r, uint64_t bytes, p2v_usec sent, p2v_usec rtt, bool limited)
{
	struct p2v_cc_ack a = { .now = r->now,
		.sent = sent,
		.bytes = bytes,
		.in_flight = cwnd(r),
		.rtt = rtt,
		.srtt = rtt,
		.min_rtt = rtt,
		.owd = rtt / 2,
		.app_limited = limited };

	r->ops->on_ack(r->st, &a);
}

static void lose(struct rig *r, p2v_usec sent, bool persistent)
{
	struct p2v_cc_loss l = { .now = r->now,
		.sent = sent,
		.bytes = MSS,
		.packets = 1,
		.in_flight = cwnd(r),
		.srtt = RTT,
		.persistent = persistent };

	r->ops->on_loss(r->st, &l);
}

/* One round trip in which the whole window is sent and acknowledged, packet by packet. */
static void round_trip(struct rig *r, p2v_usec rtt, bool limited)
{
	uint64_t left = cwnd(r), packets = left / MSS;
	p2v_usec start = r->now;

	for (uint64_t i = 0; i < packets; i++) {
		p2v_usec sent = start + rtt * (p2v_usec)i / (p2v_usec)packets;

		r->now = sent + rtt;
		if (r->ops->on_sent)
			r->ops->on_sent(r->st, sent, MSS, left);
		ack(r, MSS, sent, rtt, limited);
	}
	r->now = start + rtt;
}

/* Out of slow start, in congestion avoidance, with about so many packets. */
static void settle_at(struct rig *r, uint64_t packets)
{
	while (cwnd(r) < packets * MSS)
		round_trip(r, RTT, false);
	r->now += RTT;
	lose(r, r->now - RTT / 2, false);
	r->now += RTT;
}

ParameterizedTestParameters(cc, laws)
{
	static size_t index[PLUGINS];

	for (size_t i = 0; i < PLUGINS; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, PLUGINS);
}

static void law_start(const struct p2v_plugin *p)
{
	struct rig r;

	rig_init(&r, p);
	cr_assert_eq(cwnd(&r), 10 * MSS, "%s: RFC 9002 7.2", p->name);
	cr_assert_eq(view(&r).ssthresh, UINT64_MAX);
	for (int i = 1; i <= 6; i++) {
		round_trip(&r, RTT, false);
		cr_assert(cwnd(&r) >= (10u << i) * MSS * 9 / 10, "%s: doubles", p->name);
		cr_assert(cwnd(&r) <= (10u << i) * MSS, "%s: and no more", p->name);
	}
	rig_fini(&r);
}

static void law_one_cut(const struct p2v_plugin *p)
{
	p2v_usec sent;
	uint64_t before, after;
	struct rig r;

	rig_init(&r, p);
	for (int i = 0; i < 4; i++)
		round_trip(&r, RTT, false);
	before = cwnd(&r);
	sent = r.now;
	r.now += RTT;
	lose(&r, sent, false);
	after = cwnd(&r);
	cr_assert(after >= before * 4 / 10 && after <= before * 9 / 10, "%s: %llu to %llu", p->name,
		(unsigned long long)before, (unsigned long long)after);
	cr_assert_eq(view(&r).ssthresh, after);
	for (int i = 0; i < 20; i++) {
		r.now += MS;
		lose(&r, sent + i * MS, false);
		cr_assert_eq(cwnd(&r), after, "%s: one cut a round trip", p->name);
		ack(&r, MSS, sent + i * MS, RTT, false);
		cr_assert_eq(cwnd(&r), after, "%s: no growth in recovery", p->name);
	}
	r.now += RTT;
	lose(&r, r.now - MS, false);
	cr_assert(cwnd(&r) < after, "%s: what was sent since counts anew", p->name);
	rig_fini(&r);
}

static void law_minimum(const struct p2v_plugin *p)
{
	struct rig r;

	rig_init(&r, p);
	for (int i = 0; i < 100; i++) {
		r.now += RTT;
		lose(&r, r.now - MS, false);
	}
	cr_assert_eq(cwnd(&r), 2 * MSS, "%s", p->name);
	for (int i = 0; i < 200; i++)
		round_trip(&r, RTT, false);
	cr_assert(cwnd(&r) > 20 * MSS, "%s: it comes back", p->name);
	rig_fini(&r);
}

static void law_app_limited(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t before;

	rig_init(&r, p);
	for (int i = 0; i < 10; i++)
		round_trip(&r, RTT, true);
	cr_assert_eq(cwnd(&r), 10 * MSS, "%s: in slow start", p->name);
	settle_at(&r, 100);
	before = cwnd(&r);
	for (int i = 0; i < 200; i++)
		round_trip(&r, RTT, true);
	cr_assert_eq(cwnd(&r), before, "%s: nor in congestion avoidance", p->name);
	rig_fini(&r);
}

/* An hour without a packet: what follows grows as if the hour had not been. */
static void law_idle(const struct p2v_plugin *p)
{
	struct rig idle, busy;

	rig_init(&idle, p);
	rig_init(&busy, p);
	settle_at(&idle, 100);
	settle_at(&busy, 100);
	for (int i = 0; i < 20; i++) {
		round_trip(&idle, RTT, false);
		round_trip(&busy, RTT, false);
	}
	cr_assert_eq(cwnd(&idle), cwnd(&busy));
	idle.now += 3600 * P2V_SECOND;
	ack(&idle, MSS, idle.now - RTT, RTT, true); /* the first after it was not held back */
	cr_assert_eq(cwnd(&idle), cwnd(&busy), "%s: idleness is no success", p->name);
	for (int i = 0; i < 20; i++) {
		round_trip(&idle, RTT, false);
		round_trip(&busy, RTT, false);
		cr_assert(cwnd(&idle) <= cwnd(&busy) + 2 * MSS, "%s: %llu and %llu", p->name,
			(unsigned long long)cwnd(&idle), (unsigned long long)cwnd(&busy));
	}
	rig_fini(&idle);
	rig_fini(&busy);
}

static void law_persistent(const struct p2v_plugin *p)
{
	struct rig r;

	rig_init(&r, p);
	settle_at(&r, 100);
	r.now += P2V_SECOND;
	lose(&r, r.now - MS, true);
	cr_assert_eq(cwnd(&r), 2 * MSS, "%s: RFC 9002 7.6.2", p->name);
	r.now += RTT;
	round_trip(&r, RTT, false);
	cr_assert_eq(cwnd(&r), 4 * MSS, "%s: slow start again", p->name);
	rig_fini(&r);
}

static void law_acks_never_shrink(const struct p2v_plugin *p)
{
	struct rig r;

	rig_init(&r, p);
	settle_at(&r, 50);
	for (int i = 0; i < 5000; i++) {
		uint64_t before = cwnd(&r);

		r.now += MS;
		ack(&r, MSS, r.now - RTT, RTT + (i % 7) * MS, false);
		cr_assert(cwnd(&r) >= before, "%s", p->name);
		cr_assert(cwnd(&r) <= before + before / 2 + MSS, "%s: nor leap", p->name);
	}
	rig_fini(&r);
}

static void law_ecn(const struct p2v_plugin *p)
{
	struct rig r;
	uint64_t after;

	if (!p->ops.cc->on_ecn)
		return;
	rig_init(&r, p);
	settle_at(&r, 100);
	after = cwnd(&r);
	r.now += RTT;
	r.ops->on_ecn(r.st, r.now, r.now - MS);
	cr_assert(cwnd(&r) < after, "%s: a mark is a loss without a loss", p->name);
	after = cwnd(&r);
	r.now += MS;
	r.ops->on_ecn(r.st, r.now, r.now - 2 * MS);
	cr_assert_eq(cwnd(&r), after, "%s: once a round trip", p->name);
	rig_fini(&r);
}

static void law_mss(const struct p2v_plugin *p)
{
	struct rig r;

	if (!p->ops.cc->set_mss)
		return;
	rig_init(&r, p);
	for (int i = 0; i < 100; i++) {
		r.now += RTT;
		lose(&r, r.now - MS, false);
	}
	r.ops->set_mss(r.st, 1452);
	cr_assert(cwnd(&r) >= 2 * 1452, "%s: the floor moves with the packet", p->name);
	settle_at(&r, 100);
	r.ops->set_mss(r.st, 1200);
	cr_assert(cwnd(&r) >= 20 * MSS, "%s: a smaller packet costs no window", p->name);
	rig_fini(&r);
}

/* Anything at all, twice: the same, and within bounds. */
static void law_anything(const struct p2v_plugin *p)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct rig r[2];
		struct p2v_random rnd;

		rig_init(&r[0], p);
		rig_init(&r[1], p);
		p2v_random_init(&rnd, seed, "anything");
		for (int i = 0; i < 2000; i++) {
			uint64_t what = p2v_random_below(&rnd, 20);
			uint64_t bytes = 1 + p2v_random_below(&rnd, 100000);
			p2v_usec step = (p2v_usec)p2v_random_below(&rnd, 200000);
			p2v_usec back = (p2v_usec)p2v_random_below(&rnd, 300000);
			p2v_usec rtt = 1 + (p2v_usec)p2v_random_below(&rnd, P2V_SECOND);

			for (int k = 0; k < 2; k++) {
				r[k].now += step;
				if (what == 0)
					lose(&r[k], r[k].now - back, bytes % 10 == 0);
				else if (what == 1 && p->ops.cc->on_ecn)
					p->ops.cc->on_ecn(r[k].st, r[k].now, r[k].now - back);
				else if (what == 2 && p->ops.cc->set_priority)
					p->ops.cc->set_priority(
						r[k].st, r[k].now, (double)(bytes % 5));
				else if (what == 3 && p->ops.cc->set_mss)
					p->ops.cc->set_mss(r[k].st, 1200);
				else
					ack(&r[k], bytes, r[k].now - back, what == 4 ? 0 : rtt,
						what == 5);
			}
			cr_assert_eq(cwnd(&r[0]), cwnd(&r[1]), "%s: deterministic", p->name);
			cr_assert(cwnd(&r[0]) < UINT64_C(1) << 50, "%s: %llu", p->name,
				(unsigned long long)cwnd(&r[0]));
		}
		rig_fini(&r[0]);
		rig_fini(&r[1]);
	}
}

ParameterizedTest(size_t *index, cc, laws)
{
	const struct p2v_plugin *p = plugins[*index];

	law_start(p);
	law_one_cut(p);
	law_minimum(p);
	law_app_limited(p);
	law_idle(p);
	law_persistent(p);
	law_acks_never_shrink(p);
	law_ecn(p);
	law_mss(p);
	law_anything(p);
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
