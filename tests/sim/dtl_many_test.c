/* dtl_many_test.c - a thousand sessions on one socket, each with traffic both ways. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_many, .timeout = 300);

enum { MANY = 1000, NODES = 20, EACH = MANY / NODES };

static const struct p2v_link wide = { .delay = 10000 };
static const struct p2v_link line = {
	.up = 2500000, .down = 2500000, .delay = 10000, .queue = 100000, .loss = 0.005
};

/* A node of the crowd has many sockets, each with one session to the hub. */
struct crowd {
	struct end end[MANY];
	size_t opened;
};

static void open_one(struct crowd *c, struct net *net, size_t i)
{
	struct end *host = &net->end[1 + i % NODES], *e = &c->end[i];

	e->net = net;
	e->machine = host->machine;
	e->node = host->node;
	p2v_random_init(&e->node.random, i, "one of many");
	p2v_policy_init(&e->cc, &e->node, net->cc, host->cc_conf);
	p2v_list_init(&e->xfers);
	e->addr = host->addr;
	e->port = (uint16_t)(5000 + i);
	net_open(e, NULL, NULL);
}

Test(dtl_many, a_thousand_sessions_with_traffic)
{
	static struct crowd c;
	struct p2v_dtl_conf conf = net_conf();
	struct net net;
	struct end *hub;
	unsigned ended = 0;

	conf.max_sessions = MANY;
	net_init(&net, 31, &p2v_cc_newreno_LTX_p2v_plugin);
	hub = net_end_with(&net, &wide, &conf, NULL);
	for (int i = 0; i < NODES; i++)
		(void)net_node(&net, &line);
	for (size_t i = 0; i < MANY; i++) {
		open_one(&c, &net, i);
		cr_assert(net_dial(&c.end[i], hub));
	}
	net_run(&net, P2V_SECOND);
	cr_assert_eq(hub->opened, MANY, "%u", hub->opened);
	for (size_t i = 0; i < MANY; i++)
		cr_assert(net_send(c.end[i].session, 10000, 30000));
	for (int i = 0; i < 600 && ended < MANY; i++) {
		net_run(&net, 100 * P2V_MSEC);
		ended = 0;
		for (size_t k = 0; k < MANY; k++)
			ended += c.end[k].ended;
	}
	cr_assert_eq(ended, MANY);
	for (size_t i = 0; i < MANY; i++)
		net_check_whole(&c.end[i]);
	cr_assert(net_settle(&net, 10 * P2V_SECOND));
	net_check_whole(hub);
	cr_assert_eq(hub->closed, 0);
	for (size_t i = 0; i < MANY; i++) {
		p2v_dtl_free(c.end[i].dtl);
		p2v_sim_records_free(c.end[i].records);
		P2V_LIST_EACH (it, &c.end[i].xfers)
			free(P2V_OF(it, struct xfer, in_end));
	}
	net_fini(&net);
}
