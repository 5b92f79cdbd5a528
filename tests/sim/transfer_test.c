/* transfer_test.c - how long transfers take, over a table of paths. It is linked twice, with the
 * transport and with its twin; tests/sim/fidelity.sh holds the two against each other. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/sim/dtl_net.h"

TestSuite(transfer, .timeout = 300);

/* Requests that are answered with so many bytes, one after the other, with a pause between them: as
 * peers ask for chunks. */
struct path {
	uint64_t rate; /* [B/s] */
	p2v_usec rtt;
	double loss;
	uint64_t size;
	p2v_usec pause;
	unsigned times;
};

static const struct path paths[] = {
	{ 1250000, 40000, 0, 2000, 200000, 20 },
	{ 1250000, 40000, 0, 16384, 200000, 20 },
	{ 1250000, 40000, 0, 65536, 200000, 20 },
	{ 1250000, 40000, 0, 262144, 500000, 20 },
	{ 1250000, 40000, 0, 4000000, 0, 2 },
	{ 125000, 40000, 0, 16384, 300000, 20 },
	{ 125000, 40000, 0, 65536, 300000, 20 },
	{ 125000, 100000, 0, 262144, 500000, 10 },
	{ 12500000, 20000, 0, 65536, 200000, 20 },
	{ 12500000, 20000, 0, 262144, 500000, 20 },
	{ 12500000, 100000, 0, 1000000, 500000, 10 },
	{ 1250000, 60000, 0.01, 2000, 100000, 200 },
	{ 1250000, 60000, 0.01, 16384, 200000, 200 },
	{ 1250000, 60000, 0.01, 65536, 200000, 200 },
	{ 1250000, 60000, 0.01, 262144, 500000, 100 },
	{ 1250000, 60000, 0.01, 4000000, 0, 20 },
	{ 1250000, 60000, 0.003, 65536, 200000, 200 },
	{ 1250000, 60000, 0.003, 262144, 200000, 200 },
};

static double mean_ms(const struct path *p, struct p2v_session_info *info)
{
	struct p2v_link far = { .up = p->rate,
		.down = p->rate,
		.delay = p->rtt / 4,
		.queue = p->rate / 5 > 32768 ? p->rate / 5 : 32768,
		.loss = p->loss };
	struct net net;
	struct p2v_session *s;
	p2v_usec sum = 0;

	net_init(&net, 1, &p2v_cc_cubic_LTX_p2v_plugin);
#ifdef FIDELITY_FLOW
	p2v_sim_set_flows(net.sim, true);
#endif
	(void)net_end(&net, &far);
	(void)net_end(&net, &far);
	s = net_connect(&net.end[0], &net.end[1]);
	for (unsigned i = 0; i < p->times; i++) {
		struct xfer *x = net_send(s, 50, p->size);

		cr_assert(net_settle(&net, 600 * P2V_SECOND));
		cr_assert_eq(x->code, P2V_OK);
		sum += x->took;
		net_run(&net, p->pause);
	}
	net_check_whole(&net.end[0]);
	p2v_session_info(net.end[1].session, info);
	net_fini(&net);
	return (double)sum / 1e3 / p->times;
}

Test(transfer, times)
{
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct path *p = &paths[i];
		struct p2v_session_info info;
		double ms = mean_ms(p, &info);

		(void)fprintf(stderr,
			"# transfer rate=%llu rtt=%lld loss=%g size=%llu ms=%.2f cwnd=%llu\n",
			(unsigned long long)p->rate, (long long)p->rtt, p->loss,
			(unsigned long long)p->size, ms, (unsigned long long)info.cwnd);
	}
}
