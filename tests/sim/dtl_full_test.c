/* dtl_full_test.c - a socket that takes little at a time: packets wait in their streams, not in a
 * queue, and all of them arrive. */
#include <criterion/criterion.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_full, .timeout = 120);

static const struct p2v_link plain = { .up = 12500000, .down = 12500000, .delay = 5000 };

/* The world of the node under test, but for its socket. */
static struct {
	struct p2v_world_ops ops;
	const struct p2v_world_ops *real;
	const struct p2v_udp_handler *handler;
	void *ctx;
	size_t budget, refused, taken;
	bool waits; /* it was told that the socket is full */
} tight;

static int tight_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	tight.handler = h;
	tight.ctx = ctx;
	return tight.real->udp_open(self, bind, h, ctx, out, bound, err);
}

static size_t tight_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	size_t k = n < tight.budget ? n : tight.budget;

	cr_assert(!tight.waits || tight.budget, "nobody sends before `writable`");
	tight.budget -= k;
	tight.taken += k;
	tight.waits = k < n;
	tight.refused += n - k;
	(void)tight.real->udp_send(self, u, v, k);
	return k;
}

Test(dtl_full, a_socket_that_takes_little)
{
	struct net net;
	struct end *a, *b;

	net_init(&net, 5, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_node(&net, &plain);
	tight.real = a->node.world.ops;
	tight.ops = *tight.real;
	tight.ops.udp_open = tight_open;
	tight.ops.udp_send = tight_send;
	tight.ops.udp_room = NULL; /* for it does not take all that it is given */
	tight.ops.udp_lend = NULL;
	tight.budget = 1000;
	a->node.world.ops = &tight.ops;
	net_open(a, NULL, NULL);
	b = net_end(&net, &plain);
	cr_assert(net_send(net_connect(a, b), 5000000, 2000000));
	tight.budget = 0;
	for (int i = 0; i < 60000 && !net_settle(&net, 0); i++) {
		net_run(&net, P2V_MSEC);
		tight.budget = 1 + (size_t)i % 3;
		if (tight.waits) {
			tight.waits = false;
			tight.handler->writable(tight.ctx);
		}
	}
	cr_assert(tight.refused > 50, "%zu runs had to wait", tight.refused);
	cr_assert(net_settle(&net, 0), "all of it went");
	net_check_whole(a);
	net_check_whole(b);
	tight.budget = 1000;
	net_fini(&net);
}
