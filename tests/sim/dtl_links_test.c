/* dtl_links_test.c - every controller over a table of links: rate x delay x queue x loss, each with
 * the longest time that theory lets a transfer take. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_links, .timeout = 300);

#define PACKET  1200.0 /* [B] datagram */
#define GOODPUT 1150.0 /* [B] of a stream in it */
#define HEADERS 28.0   /* [B] that the link carries beside it */

/* One transfer over a bottleneck, drop-tail, where each datagram that carries data is lost with
 * `loss`. */
struct path {
	uint64_t rate;  /* [B/s] */
	p2v_usec rtt;   /* [us] */
	p2v_usec queue; /* [us] worth of the rate */
	double loss;
	double root; /* of loss */
	uint64_t size;
	double slack;  /* that it may take so many times what theory says, */
	double yields; /* and for a scavenger */
};

/* Theory leaves out: slow start that ends too soon (long paths, where the delay seems to grow),
 * queues that are smaller than the window, and the time-outs of windows of a few packets (5 %
 * loss). A scavenger that looks for the bare path now and then has to come back from two packets
 * each time. */
static const struct path paths[] = {
	{ 31250, 100000, 200000, 0, 0, 250000, 1.05, 1.65 }, /* 39 ms a packet */
	{ 125000, 10000, 50000, 0, 0, 1000000, 1.05, 1.05 },
	{ 125000, 40000, 50000, 0, 0, 1000000, 1.1, 1.1 },
	{ 125000, 40000, 200000, 0, 0, 1000000, 1.05, 1.05 },
	{ 125000, 300000, 50000, 0, 0, 1000000, 1.05, 1.05 },
	{ 125000, 300000, 24000, 0, 0, 1000000, 1.25, 1.4 }, /* a queue of two packets */
	{ 1250000, 10000, 20000, 0, 0, 10000000, 1.05, 1.1 },
	{ 1250000, 40000, 50000, 0, 0, 10000000, 1.05, 1.1 },
	{ 1250000, 40000, 200000, 0, 0, 10000000, 1.05, 1.1 },
	{ 1250000, 100000, 20000, 0, 0, 10000000, 1.2, 1.15 },
	{ 1250000, 300000, 50000, 0, 0, 10000000, 1.15, 1.4 },
	{ 1562500, 600000, 300000, 0, 0, 10000000, 1.05, 1.6 }, /* over a satellite */
	{ 6250000, 10000, 20000, 0, 0, 20000000, 1.05, 1.1 },
	{ 6250000, 40000, 20000, 0, 0, 20000000, 1.05, 1.15 },
	{ 6250000, 100000, 50000, 0, 0, 20000000, 1.1, 1.4 },
	{ 12500000, 10000, 20000, 0, 0, 40000000, 1.05, 1.15 },
	{ 12500000, 40000, 20000, 0, 0, 40000000, 1.15, 1.2 },
	{ 12500000, 100000, 50000, 0, 0, 40000000, 1.1, 1.25 },
	{ 12500000, 300000, 100000, 0, 0, 40000000, 1.05, 2.1 },
	{ 125000000, 10000, 20000, 0, 0, 40000000, 1.05, 2.2 },
	{ 125000, 40000, 50000, 0.02, 0.1414, 1000000, 1.35, 1.65 },
	{ 125000, 40000, 50000, 0.05, 0.2236, 1000000, 1.6, 1.55 },
	{ 1250000, 10000, 50000, 0.005, 0.0707, 10000000, 1.1, 1.05 },
	{ 1250000, 40000, 50000, 0.005, 0.0707, 10000000, 1.05, 1.05 },
	{ 1250000, 40000, 50000, 0.02, 0.1414, 10000000, 1.05, 1.1 },
	{ 1250000, 100000, 50000, 0.02, 0.1414, 10000000, 1.1, 1.1 },
	{ 1250000, 100000, 50000, 0.05, 0.2236, 5000000, 1.2, 1.15 },
	{ 1562500, 600000, 300000, 0.005, 0.0707, 5000000, 1.05, 1.05 },
	{ 6250000, 40000, 50000, 0.005, 0.0707, 20000000, 1.05, 1.05 },
	{ 6250000, 100000, 50000, 0.02, 0.1414, 268435456, 1.05, 1.05 }, /* 256 MiB */
	{ 12500000, 40000, 50000, 0.02, 0.1414, 20000000, 1.05, 1.05 },
};

static const struct controller {
	const struct p2v_plugin *cc;
	double priority;
	double flows; /* that it is worth where losses are random; 0: a scavenger, see gain_root */
} controllers[] = { { &p2v_cc_newreno_LTX_p2v_plugin, 1, 1 },
	{ &p2v_cc_cubic_LTX_p2v_plugin, 1, 1 }, { &p2v_cc_dtl_LTX_p2v_plugin, 1, 1 },
	{ &p2v_cc_dtl_LTX_p2v_plugin, 4, 4 }, { &p2v_cc_dtl_LTX_p2v_plugin, 0, 0 },
	{ &p2v_cc_ledbat_LTX_p2v_plugin, 1, 0 } };
enum { CONTROLLERS = sizeof controllers / sizeof *controllers, WITH_LOSS = 24 };

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* LEDBAT++ grows by GAIN = 1 / min(16, ceil(120 ms / rtt)) packets a round trip; at random losses a
 * rate is as the root of that.
 * @return the root */
static double gain_root(p2v_usec rtt)
{
	static const double root[] = { 1, 1, 0.7071, 0.5774, 0.5, 0.4472, 0.4082, 0.378, 0.3536,
		0.3333, 0.3162, 0.3015, 0.2887, 0.2774, 0.2673, 0.2582, 0.25 };
	p2v_usec parts = (120000 + rtt - 1) / rtt;

	return root[parts < 16 ? parts : 16];
}

/* The rate is what the link carries, or what Reno flows get where packets are lost at random: a
 * window of sqrt(3/2) / sqrt(p) packets each (Mathis, Semke, Mahdavi and Ott 1997). CUBIC gets no
 * less. To that come the handshake, slow start and the last ACK: 16 round trips. */
static p2v_usec most(const struct controller *c, const struct path *p)
{
	double rtt = (double)p->rtt / 1e6, rate, slack = c->flows > 0 ? p->slack : p->yields;
	double flows = c->flows > 0 ? c->flows : gain_root(p->rtt);

	rate = (double)p->rate * GOODPUT / (PACKET + HEADERS);
	if (p->root > 0)
		rate = least(rate, flows * 1.2247 / p->root * GOODPUT / (rtt + 0.005));
	return (p2v_usec)((double)p->size / rate * 1e6 * slack) + 16 * p->rtt;
}

static p2v_usec transfer(const struct controller *c, const struct path *p, uint64_t *hash)
{
	struct p2v_link far = { .delay = p->rtt / 4 };
	struct p2v_link near = { .up = p->rate,
		.delay = p->rtt / 4,
		.loss = p->loss,
		.queue = p->rate * (uint64_t)p->queue / P2V_SECOND };
	struct net net;
	struct end *a, *b;
	struct xfer *x;
	p2v_usec took;

	net_init(&net, 1, c->cc);
	a = net_end(&net, &far);
	b = net_end(&net, &near);
	x = net_send(net_connect(a, b), 10, p->size);
	if (c->priority != 1)
		p2v_stream_request_priority(x->stream, c->priority, P2V_NEVER);
	cr_assert(net_settle(&net, 2 * most(c, p) + P2V_SECOND), "the transfer ends");
	net_check_whole(a);
	net_check_whole(b);
	took = x->took;
	*hash = p2v_sim_hash(net.sim);
	net_fini(&net);
	return took;
}

static void check(const struct controller *c, const struct path *p)
{
	uint64_t hash;
	p2v_usec took = transfer(c, p, &hash);

	cr_expect(took <= most(c, p),
		"%s at %g, %llu B/s, rtt %lld us, queue %lld us, loss %g: %lld of %lld us",
		c->cc->name, c->priority, (unsigned long long)p->rate, (long long)p->rtt,
		(long long)p->queue, p->loss, (long long)took, (long long)most(c, p));
}

ParameterizedTestParameters(dtl_links, each)
{
	static size_t index[CONTROLLERS * sizeof paths / sizeof *paths];

	for (size_t i = 0; i < sizeof index / sizeof *index; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, sizeof index / sizeof *index);
}

ParameterizedTest(size_t *index, dtl_links, each)
{
	const size_t n = sizeof paths / sizeof *paths;

	check(&controllers[*index / n], &paths[*index % n]);
}

Test(dtl_links, the_same_run_twice)
{
	for (size_t c = 0; c < CONTROLLERS; c++) {
		uint64_t first, second;
		p2v_usec took = transfer(&controllers[c], &paths[WITH_LOSS], &first);

		cr_assert_eq(transfer(&controllers[c], &paths[WITH_LOSS], &second), took);
		cr_assert_eq(first, second, "every event is the same");
	}
}
