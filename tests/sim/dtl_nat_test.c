/* dtl_nat_test.c - sessions through NAT boxes of all types: who can be called, what happens when
 * both call, what keeps an idle session alive, and what a box that forgets does to one. */
#include <criterion/criterion.h>

#include "sdk/sim/box.h"
#include "tests/sim/dtl_net.h"

TestSuite(dtl_nat, .timeout = 120);

static const struct p2v_link line = {
	.up = 1250000, .down = 1250000, .delay = 10 * P2V_MSEC, .queue = 100000
};

/** Two homes, and an open node that tells where it sees them, as a tracker does. */
struct homes {
	struct net net;
	struct end *a, *b, *open;
	struct p2v_sim_box *box[2];
};

static struct p2v_sim_box *put_behind(
	struct end *e, unsigned type, uint32_t ip, p2v_usec timeout, bool inbound)
{
	struct p2v_nat_conf c;
	struct p2v_sim_box *b;
	struct p2v_err err;

	p2v_nat_conf_default(&c);
	c.type = p2v_nat_type_at(type);
	c.outside = p2v_addr_v4(ip, 0);
	c.timeout = timeout;
	c.inbound_refresh = inbound;
	b = p2v_sim_box_new(e->net->sim, &c, NULL, &err);
	if (!b)
		cr_assert_fail("%s", err.text);
	p2v_machine_set_box(e->machine, b);
	return b;
}

/* @return where the open node sees it */
static struct p2v_addr seen(struct end *e, struct end *open)
{
	struct p2v_session_info info;

	open->session = NULL;
	(void)net_connect(e, open);
	cr_assert(open->session);
	p2v_session_info(open->session, &info);
	return info.addr;
}

static void move_in(struct homes *h, unsigned a, unsigned b, p2v_usec timeout)
{
	net_init(&h->net, 1, &p2v_cc_cubic_LTX_p2v_plugin);
	h->a = net_node(&h->net, &line);
	h->b = net_node(&h->net, &line);
	h->box[0] = put_behind(h->a, a, 0xc6336401u, timeout, false);
	h->box[1] = put_behind(h->b, b, 0xc6336402u, timeout, false);
	net_open(h->a, NULL, NULL);
	net_open(h->b, NULL, NULL);
	h->open = net_end(&h->net, &line);
	h->a->addr = seen(h->a, h->open);
	h->b->addr = seen(h->b, h->open);
}

static unsigned type_of(const char *name)
{
	struct p2v_nat_type t;

	cr_assert_eq(p2v_nat_type_parse(p2v_str_of(name), &t), P2V_OK);
	return p2v_nat_type_number(t);
}

static const char *name_of(unsigned type, char text[P2V_NAT_NAME])
{
	return p2v_nat_type_text(p2v_nat_type_at(type), text);
}

/* ---- who can be called ---- */

/* @return whether a session came of it */
static bool meet(unsigned a, unsigned b, bool both)
{
	struct homes h;
	unsigned before;

	move_in(&h, a, b, 120 * P2V_SECOND);
	before = h.a->opened;
	cr_assert(net_dial(h.a, h.b));
	if (both)
		cr_assert(net_dial(h.b, h.a));
	net_run(&h.net, 2 * P2V_SECOND);
	before = h.a->opened - before;
	net_fini(&h.net);
	return before > 0;
}

/* Whoever is behind a box of endpoint-independent filtering can be called by anybody, and nobody
 * else can: RFC 4787 5. */
Test(dtl_nat, a_plain_call_of_every_type_to_every_type)
{
	char from[P2V_NAT_NAME], to[P2V_NAT_NAME];

	for (unsigned a = 0; a < P2V_NAT_TYPES; a++)
		for (unsigned b = 0; b < P2V_NAT_TYPES; b++) {
			bool lets_in = strcmp(name_of(b, to) + 6, "EI") == 0;

			cr_assert_eq(
				meet(a, b, false), lets_in, "%s calls %s", name_of(a, from), to);
		}
}

/* Each call opens the caller's own filter. By hand: a call arrives if the callee's port is that
 * which the tracker saw (mapping EI), and its filter knows the caller's host (HD), or the very
 * port, which then has to be the one that the tracker saw, too. */
Test(dtl_nat, when_both_call)
{
	static const struct {
		const char *a, *b;
		bool meet;
	} pairs[] = {
		{ "EI-PP-PD", "EI-PP-PD", true },
		{ "EI-RD-PD", "EI-RD-PD", true },
		{ "EI-PC-HD", "EI-RD-PD", true },
		{ "EI-PP-HD", "EI-PP-HD", true },
		{ "EI-PP-EI", "PD-RD-PD", true },
		{ "EI-PP-HD", "PD-RD-PD", true },
		{ "EI-RD-HD", "HD-RD-HD", true },
		{ "EI-PP-PD", "PD-RD-PD", false },
		{ "EI-RD-PD", "HD-PC-PD", false },
		{ "PD-RD-PD", "PD-RD-PD", false },
		{ "PD-PP-PD", "PD-PP-HD", false },
		{ "HD-RD-HD", "HD-RD-PD", false },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		unsigned a = type_of(pairs[i].a), b = type_of(pairs[i].b);

		cr_assert_eq(meet(a, b, true), pairs[i].meet, "%s, %s", pairs[i].a, pairs[i].b);
		cr_assert_eq(meet(b, a, true), pairs[i].meet, "%s, %s", pairs[i].b, pairs[i].a);
	}
}

/* ---- idle sessions ---- */

static struct p2v_nat_count count(struct p2v_sim_box *b)
{
	struct p2v_nat_count c;

	p2v_nat_count(p2v_sim_box_nat(b), &c);
	return c;
}

/* A session between two homes with the hardest boxes that can meet, idle for ten minutes. */
Test(dtl_nat, keep_alive_is_shorter_than_any_box_forgets)
{
	struct homes h;
	struct xfer *x;

	move_in(&h, type_of("EI-RD-PD"), type_of("EI-RD-PD"), 30 * P2V_SECOND);
	cr_assert(net_dial(h.a, h.b));
	cr_assert(net_dial(h.b, h.a));
	net_run(&h.net, 600 * P2V_SECOND);
	cr_assert_eq(h.a->closed, 0);
	cr_assert_eq(h.b->closed, 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(count(h.box[i]).made, 1, "the mapping of the first second");
		cr_assert_eq(count(h.box[i]).expired, 0);
	}
	x = net_send(h.b->session, 100000, 100000);
	cr_assert(x);
	cr_assert(net_settle(&h.net, 5 * P2V_SECOND));
	net_check_whole(h.a);
	net_check_whole(h.b);
	cr_assert_eq(h.a->node.metrics.v[P2V_M_SESSIONS_MOVED], 0);
	cr_assert_eq(h.b->node.metrics.v[P2V_M_SESSIONS_MOVED], 0);
	net_fini(&h.net);
}

/* What would be if it were not: the port is another one each time, and the filters of both shut. */
Test(dtl_nat, a_keep_alive_longer_than_that_loses_the_session)
{
	struct p2v_dtl_conf slow = net_conf();
	struct homes h;

	slow.keep_alive = 45 * P2V_SECOND;
	net_init(&h.net, 1, &p2v_cc_cubic_LTX_p2v_plugin);
	h.a = net_node(&h.net, &line);
	h.b = net_node(&h.net, &line);
	h.box[0] = put_behind(h.a, type_of("EI-RD-PD"), 0xc6336401u, 30 * P2V_SECOND, false);
	h.box[1] = put_behind(h.b, type_of("EI-RD-PD"), 0xc6336402u, 30 * P2V_SECOND, false);
	net_open(h.a, &slow, NULL);
	net_open(h.b, &slow, NULL);
	h.open = net_end(&h.net, &line);
	h.a->addr = seen(h.a, h.open);
	h.b->addr = seen(h.b, h.open);
	p2v_session_close(h.a->session, P2V_DTL_DONE, ""); /* it has a keep-alive of its own */
	p2v_session_close(h.b->session, P2V_DTL_DONE, "");
	cr_assert(net_dial(h.a, h.b));
	cr_assert(net_dial(h.b, h.a));
	net_run(&h.net, 2 * P2V_SECOND);
	cr_assert_eq(h.a->closed + h.b->closed, 2, "the two with the open node");
	net_run(&h.net, 200 * P2V_SECOND);
	cr_assert_eq(h.a->closed + h.b->closed, 4, "the one between them, at both ends");
	net_fini(&h.net);
}

/* ---- a box that forgets ---- */

Test(dtl_nat, a_session_goes_on_when_a_box_was_started_anew)
{
	for (int from_home = 0; from_home < 2; from_home++) {
		struct net net;
		struct end *home, *open;
		struct p2v_sim_box *b;

		net_init(&net, 1, &p2v_cc_cubic_LTX_p2v_plugin);
		home = net_node(&net, &line);
		b = put_behind(home, type_of("PD-RD-PD"), 0xc6336401u, 30 * P2V_SECOND, false);
		net_open(home, NULL, NULL);
		open = net_end(&net, &line);
		(void)net_connect(home, open);
		cr_assert(net_send(from_home ? home->session : open->session, 4000000, 0));
		net_run(&net, P2V_SECOND);
		p2v_nat_reboot(p2v_sim_box_nat(b));
		cr_assert(net_settle(&net, 30 * P2V_SECOND));
		net_check_whole(home);
		net_check_whole(open);
		cr_assert_eq(count(b).made, 2, "a port before, and another after");
		cr_assert_eq(open->node.metrics.v[P2V_M_SESSIONS_MOVED], 1);
		net_fini(&net);
	}
}
