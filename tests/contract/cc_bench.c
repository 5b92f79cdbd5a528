/* cc_bench.c - a controller on a bench, and the environment that it sees. */
#include "tests/contract/cc_bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

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

void rig_init(struct rig *r, const struct p2v_plugin *p)
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

void rig_fini(struct rig *r)
{
	if (r->ops->close)
		r->ops->close(r->st);
	free(r->st);
	free(r->conf);
}

struct p2v_cc_view view(const struct rig *r)
{
	struct p2v_cc_view v, again;

	memset(&v, 0, sizeof v);
	memset(&again, 0, sizeof again);
	r->ops->view(r->st, &v);
	r->ops->view(r->st, &again);
	cr_assert(v.cwnd == again.cwnd && v.pace == again.pace && v.ssthresh == again.ssthresh,
		"looking changes nothing");
	cr_assert(v.cwnd >= 2 * MSS, "two packets may always be under way");
	cr_assert(v.cwnd < UINT64_C(1) << 50, "%llu", (unsigned long long)v.cwnd);
	cr_assert(v.scavenger <= v.cwnd, "a scavenger has no more than the whole");
	cr_assert(v.scavenger == 0 || v.scavenger >= 2 * MSS, "%llu",
		(unsigned long long)v.scavenger);
	return v;
}

uint64_t cwnd(const struct rig *r)
{
	return view(r).cwnd;
}

void ack_owd(struct rig *r, uint64_t bytes, p2v_usec sent, p2v_usec rtt, p2v_usec owd, bool limited)
{
	struct p2v_cc_ack a = { .now = r->now,
		.sent = sent,
		.bytes = bytes,
		.in_flight = cwnd(r),
		.rtt = rtt,
		.srtt = rtt,
		.min_rtt = rtt,
		.owd = owd,
		.app_limited = limited };

	r->ops->on_ack(r->st, &a);
}

void ack(struct rig *r, uint64_t bytes, p2v_usec sent, p2v_usec rtt, bool limited)
{
	ack_owd(r, bytes, sent, rtt, rtt / 2, limited);
}

static void lost(struct rig *r, p2v_usec sent, uint32_t packets, bool persistent)
{
	struct p2v_cc_loss l = { .now = r->now,
		.sent = sent,
		.bytes = (uint64_t)packets * MSS,
		.packets = packets,
		.in_flight = cwnd(r),
		.srtt = RTT,
		.persistent = persistent };

	r->ops->on_loss(r->st, &l);
}

void lose(struct rig *r, p2v_usec sent, bool persistent)
{
	lost(r, sent, 1, persistent);
}

void lose_many(struct rig *r, p2v_usec sent, uint32_t packets)
{
	lost(r, sent, packets, false);
}

void set_priority(struct rig *r, double p)
{
	if (r->ops->set_priority)
		r->ops->set_priority(r->st, r->now, p);
}

void round_trip(struct rig *r, p2v_usec rtt, bool limited)
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

void settle_at(struct rig *r, uint64_t packets)
{
	while (cwnd(r) < packets * MSS)
		round_trip(r, RTT, false);
	r->now += RTT;
	lose_many(r, r->now - RTT / 2, 64); /* every virtual flow has lost something */
	r->now += RTT;
}
