/* dtl_mtu_test.c - paths that carry less than Ethernet does, or no longer what they did: sessions
 * find the size, and go on. */
#include <criterion/criterion.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_mtu, .timeout = 120);

enum { IP_UDP = 28 }; /* [B] of headers */

static struct p2v_link link_of(uint32_t mtu, double loss)
{
	return (struct p2v_link){ .up = 1250000,
		.down = 1250000,
		.delay = 10000,
		.queue = 60000,
		.loss = loss,
		.mtu = mtu };
}

static struct p2v_session_info info_of(const struct p2v_session *s)
{
	struct p2v_session_info i;

	p2v_session_info(s, &i);
	return i;
}

struct scene {
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
};

static void scene_init(struct scene *c, const struct p2v_plugin *cc, const struct p2v_link *near)
{
	struct p2v_link far = link_of(0, 0);

	net_init(&c->net, 5, cc);
	c->a = net_end(&c->net, near);
	c->b = net_end(&c->net, &far);
	c->s = net_connect(c->a, c->b);
}

static void scene_fini(struct scene *c)
{
	cr_assert_eq(c->a->closed + c->b->closed, 0);
	net_fini(&c->net);
}

static void grows(uint32_t mtu, double loss)
{
	struct p2v_link near = link_of(mtu, loss);
	uint32_t payload = mtu - IP_UDP, most = payload < 1472 ? payload : 1472, got;
	struct scene c;

	scene_init(&c, &p2v_cc_newreno_LTX_p2v_plugin, &near);
	cr_assert(net_send(c.s, 2000000, 2000000));
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	net_check_whole(c.a);
	net_check_whole(c.b);
	got = info_of(c.s).mtu;
	cr_assert(got <= most && got + 16 > most, "%u of %u", got, most);
	got = info_of(c.b->session).mtu;
	cr_assert(got <= most && got + 16 > most, "%u of %u", got, most);
	scene_fini(&c);
}

Test(dtl_mtu, grows_to_what_the_path_carries)
{
	static const uint32_t mtu[] = { 1228, 1280, 1300, 1350, 1400, 1420, 1454, 1492, 1500,
		9000 };

	for (size_t i = 0; i < sizeof mtu / sizeof *mtu; i++)
		grows(mtu[i], 0);
}

Test(dtl_mtu, grows_although_packets_are_lost)
{
	grows(1400, 0.03);
	grows(1500, 0.05);
}

/* What is lost of probes is no congestion: the window of a path where each of them is lost is the
 * one of a path that needs none. */
Test(dtl_mtu, probes_that_are_lost_cost_nothing)
{
	p2v_usec took[2];
	uint64_t lost[2];

	for (int i = 0; i < 2; i++) {
		struct p2v_link near = link_of(1228, 0);
		struct p2v_dtl_conf conf = net_conf();
		struct net net;
		struct end *a, *b;
		struct xfer *x;

		near.queue = 0;
		conf.datagram_max = i ? 1472 : 1200;
		net_init(&net, 5, &p2v_cc_newreno_LTX_p2v_plugin);
		a = net_end_with(&net, &near, &conf, NULL);
		b = net_end_with(&net, &near, &conf, NULL);
		x = net_send(net_connect(a, b), 10, 4000000);
		cr_assert(net_settle(&net, 60 * P2V_SECOND));
		took[i] = x->took;
		lost[i] = info_of(b->session).lost;
		net_fini(&net);
	}
	cr_assert_eq(lost[0] + lost[1], 0, "%llu", (unsigned long long)lost[1]);
	cr_assert(took[1] < took[0] + took[0] / 100, "%lld, %lld", (long long)took[0],
		(long long)took[1]);
}

struct turn {
	struct p2v_machine *m;
	struct p2v_link link;
};

static void turn(void *ctx)
{
	struct turn *t = ctx;

	p2v_machine_set_link(t->m, &t->link);
}

/* In mid-transfer the route changes to one with a smaller MTU that tells nobody. */
static void black_hole(const struct p2v_plugin *cc, uint32_t mtu, bool sending)
{
	struct p2v_link near = link_of(1500, 0);
	struct scene c;
	struct turn t;
	struct xfer *x;
	uint32_t got;

	scene_init(&c, cc, &near);
	t = (struct turn){ c.a->machine, link_of(mtu, 0) };
	x = net_send(c.s, sending ? 10000000 : 10, sending ? 10 : 10000000);
	p2v_sim_at(c.net.sim, p2v_sim_now(c.net.sim) + 3 * P2V_SECOND, turn, &t);
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	net_check_whole(c.a);
	net_check_whole(c.b);
	/* 8.6 s of line, and a second to find out */
	cr_assert(x->took < 11 * P2V_SECOND, "%lld us", (long long)x->took);
	got = info_of(sending ? c.s : c.b->session).mtu;
	cr_assert(got <= mtu - IP_UDP && got + 16 > mtu - IP_UDP, "%u of %u", got, mtu - IP_UDP);
	scene_fini(&c);
}

Test(dtl_mtu, a_black_hole_in_mid_transfer)
{
	black_hole(&p2v_cc_newreno_LTX_p2v_plugin, 1400, true);
	black_hole(&p2v_cc_newreno_LTX_p2v_plugin, 1400, false);
	black_hole(&p2v_cc_newreno_LTX_p2v_plugin, 1228, true);
	black_hole(&p2v_cc_cubic_LTX_p2v_plugin, 1300, true);
	black_hole(&p2v_cc_cubic_LTX_p2v_plugin, 1300, false);
}

Test(dtl_mtu, a_route_that_carries_more)
{
	struct p2v_link near = link_of(1300, 0), wide = link_of(1500, 0);
	struct scene c;

	scene_init(&c, &p2v_cc_newreno_LTX_p2v_plugin, &near);
	cr_assert(net_send(c.s, 1000000, 10));
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	cr_assert(info_of(c.s).mtu < 1300);
	p2v_machine_set_link(c.a->machine, &wide);
	net_run(&c.net, 601 * P2V_SECOND);
	cr_assert(info_of(c.s).mtu < 1300, "an idle session asks for nothing");
	cr_assert(net_send(c.s, 1000000, 10));
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	cr_assert_eq(info_of(c.s).mtu, 1472);
	scene_fini(&c);
}

/* An outage is no black hole, or not for long. */
Test(dtl_mtu, after_an_outage)
{
	struct p2v_link near = link_of(1500, 0), none = link_of(1500, 1);
	struct turn t[2];
	struct scene c;

	scene_init(&c, &p2v_cc_newreno_LTX_p2v_plugin, &near);
	t[0] = (struct turn){ c.a->machine, none };
	t[1] = (struct turn){ c.a->machine, near };
	cr_assert(net_send(c.s, 10000000, 10));
	p2v_sim_at(c.net.sim, p2v_sim_now(c.net.sim) + 3 * P2V_SECOND, turn, &t[0]);
	p2v_sim_at(c.net.sim, p2v_sim_now(c.net.sim) + 5 * P2V_SECOND, turn, &t[1]);
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	net_check_whole(c.b);
	cr_assert_eq(info_of(c.s).mtu, 1472);
	scene_fini(&c);
}

/* A session that says little never asks, and its datagrams stay small. */
Test(dtl_mtu, small_talk_is_not_probed)
{
	struct p2v_link near = link_of(1300, 0);
	struct p2v_link_count count;
	struct scene c;

	scene_init(&c, &p2v_cc_newreno_LTX_p2v_plugin, &near);
	for (int i = 0; i < 50; i++) {
		cr_assert(net_send(c.s, 100, 100));
		net_run(&c.net, P2V_SECOND);
	}
	p2v_machine_count(c.a->machine, &count);
	cr_assert_eq(count.oversized, 0);
	cr_assert_eq(info_of(c.s).mtu, P2V_MSS);
	scene_fini(&c);
}
