/* dtl_window_test.c - receive windows follow what a path can carry, within bounds. */
#include <criterion/criterion.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_window, .timeout = 120);

static const struct p2v_link plain = { .delay = 25000 };
static const struct p2v_link fast = { .up = 12500000, .delay = 25000, .queue = 1250000 };

/* [us] that 40 MB take over 100 Mbit/s and 100 ms; theory: 3.3 s and the slow start */
static p2v_usec fetch(const struct p2v_dtl_conf *conf, uint64_t size)
{
	struct net net;
	struct end *a, *b;
	struct xfer *x;
	p2v_usec took;

	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_end_with(&net, &plain, conf, NULL);
	b = net_end(&net, &fast);
	x = net_send(net_connect(a, b), 10, size);
	cr_assert(net_settle(&net, 300 * P2V_SECOND));
	net_check_whole(a);
	took = x->took;
	net_fini(&net);
	return took;
}

Test(dtl_window, grows_with_the_path)
{
	struct p2v_dtl_conf fixed = net_conf();
	p2v_usec took = fetch(NULL, 40000000);

	cr_assert(took < 5 * P2V_SECOND, "%lld us", (long long)took);
	fixed.stream_window_max = fixed.stream_window;
	cr_assert(fetch(&fixed, 10000000) > 3 * P2V_SECOND, "as it would be without");
	fixed = net_conf();
	fixed.session_window_max = fixed.session_window;
	cr_assert(fetch(&fixed, 40000000) > 3 * P2V_SECOND);
	fixed = net_conf();
	fixed.receive_memory = 0;
	cr_assert(fetch(&fixed, 10000000) > P2V_SECOND);
}

/* The larger window is there for the next stream from its beginning. */
Test(dtl_window, what_was_learnt_serves_later_streams)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct xfer *x[2];

	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_end(&net, &plain);
	b = net_end(&net, &fast);
	s = net_connect(a, b);
	cr_assert(net_send(s, 10, 40000000));
	cr_assert(net_settle(&net, 300 * P2V_SECOND));
	for (int i = 0; i < 2; i++) {
		x[i] = net_send(s, 10, 1000000);
		cr_assert(net_settle(&net, 300 * P2V_SECOND));
		/* a round trip, and 80 ms of line */
		cr_assert(x[i]->took < 250 * P2V_MSEC, "%lld us", (long long)x[i]->took);
	}
	net_check_whole(a);
	net_fini(&net);
}

/* A slow path, a slow reader: the window stays. What a remote can make us keep is told by how much
 * it may send. */
Test(dtl_window, stays_where_it_is_enough)
{
	static const struct p2v_link slow = { .up = 1250000, .delay = 10000, .queue = 60000 };
	struct net net;
	struct end *a, *b;
	struct xfer *x;
	struct p2v_session_info info;

	net_init(&net, 4, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &plain);
	b = net_end(&net, &slow);
	x = net_send(net_connect(a, b), 10, 10000000);
	cr_assert(net_settle(&net, 300 * P2V_SECOND));
	cr_assert(x->eof);
	p2v_session_info(a->session, &info);
	cr_assert_eq(info.receive_window, net_conf().session_window);
	net_fini(&net);
}

/* Many sessions share what windows may grow by; those that come late go on with what they have. */
Test(dtl_window, memory_is_bounded_over_all_sessions)
{
	struct p2v_dtl_conf conf = net_conf();
	struct net net;
	struct end *hub;
	uint64_t sum = 0;

	conf.receive_memory = 8 << 20;
	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	hub = net_end_with(&net, &plain, &conf, NULL);
	for (int i = 1; i < 8; i++) {
		struct end *e = net_end(&net, &fast);

		cr_assert(net_send(net_connect(e, hub), 20000000, 10));
	}
	cr_assert(net_settle(&net, 300 * P2V_SECOND));
	net_check_whole(hub);
	P2V_LIST_EACH (it, &hub->xfers) {
		const struct xfer *x = P2V_OF(it, struct xfer, in_end);

		sum += x->window - conf.session_window;
	}
	cr_assert(sum > 4 << 20 && sum <= 8 << 20, "%llu", (unsigned long long)sum);
	net_fini(&net);
}
