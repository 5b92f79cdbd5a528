/* dtl_chaos_test.c - loss, reordering and duplication both ways, many streams of random sizes, some
 * of them cut: every byte of the others arrives once and in order, and the same run comes out
 * twice. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_chaos, .timeout = 300);

static const struct p2v_link bad = { .up = 2500000,
	.down = 2500000,
	.delay = 15000,
	.queue = 100000,
	.loss = 0.05,
	.duplicate = 0.05,
	.reorder = 0.05,
	.reorder_by = 7000 };

enum { ROUNDS = 60 };

/* Streams begin while others run, at both ends; every eighth is cut by its opener. */
static void traffic(struct net *net, struct p2v_session *s[2], struct p2v_random *rnd)
{
	struct xfer *cut[2 * ROUNDS] = { NULL };
	size_t n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		for (int k = 0; k < 2; k++) {
			uint64_t size = p2v_random_below(rnd, 200000);
			struct xfer *x = net_send(s[k], i % 3 ? p2v_random_below(rnd, 2000) : size,
				p2v_random_below(rnd, 100000));

			if (x && i % 8 == 7)
				cut[n++] = x;
		}
		net_run(net, (p2v_usec)p2v_random_below(rnd, 120000));
		if (n && p2v_random_below(rnd, 2)) {
			struct xfer *x = cut[--n];

			if (x->stream) {
				p2v_stream_reset(x->stream, 500);
				x->finished = true;
			}
		}
	}
}

static void check_end(struct end *e)
{
	unsigned whole = 0;

	P2V_LIST_EACH (it, &e->xfers) {
		const struct xfer *x = P2V_OF(it, struct xfer, in_end);

		cr_assert(!x->wrong, "no byte is wrong");
		cr_assert(x->ended);
		if (x->code == P2V_OK) {
			cr_assert(x->eof && x->got == x->to_get);
			whole++;
		} else {
			cr_assert_eq(x->reason, 500);
		}
	}
	cr_assert(whole > ROUNDS / 2, "%u went through", whole);
}

static uint64_t chaos(const struct p2v_plugin *cc, uint64_t seed, const struct p2v_dtl_conf *conf)
{
	struct p2v_random rnd;
	struct p2v_session *s[2];
	struct net net;
	struct end *a, *b;
	uint64_t hash;

	net_init(&net, seed, cc);
	p2v_random_init(&rnd, seed, "traffic");
	a = net_end_with(&net, &bad, conf, NULL);
	b = net_end_with(&net, &bad, conf, NULL);
	s[0] = net_connect(a, b);
	s[1] = b->session;
	traffic(&net, s, &rnd);
	cr_assert(net_settle(&net, 600 * P2V_SECOND), "all streams end");
	check_end(a);
	check_end(b);
	cr_assert_eq(a->closed + b->closed, 0);
	hash = p2v_sim_hash(net.sim);
	net_fini(&net);
	return hash;
}

ParameterizedTestParameters(dtl_chaos, newreno)
{
	static uint64_t seed[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	return cr_make_param_array(uint64_t, seed, sizeof seed / sizeof *seed);
}

ParameterizedTest(uint64_t *seed, dtl_chaos, newreno)
{
	const struct p2v_plugin *cc = &p2v_cc_newreno_LTX_p2v_plugin;

	cr_assert_eq(chaos(cc, *seed, NULL), chaos(cc, *seed, NULL), "the same run twice");
}

ParameterizedTestParameters(dtl_chaos, cubic_small_windows)
{
	static uint64_t seed[] = { 11, 12, 13, 14 };

	return cr_make_param_array(uint64_t, seed, sizeof seed / sizeof *seed);
}

ParameterizedTest(uint64_t *seed, dtl_chaos, cubic_small_windows)
{
	const struct p2v_plugin *cc = &p2v_cc_cubic_LTX_p2v_plugin;
	struct p2v_dtl_conf conf = net_conf();

	conf.stream_window = 65536;
	conf.session_window = 262144;
	conf.max_streams = 24;
	cr_assert_eq(chaos(cc, *seed, &conf), chaos(cc, *seed, &conf), "the same run twice");
}

/* A star: one node, many sessions at once, all under way. */
Test(dtl_chaos, many_sessions_on_one_socket)
{
	struct net net;
	struct end *hub;

	net_init(&net, 21, &p2v_cc_newreno_LTX_p2v_plugin);
	hub = net_end(&net, &bad);
	for (int i = 1; i < NET_ENDS; i++) {
		struct end *e = net_end(&net, &bad);

		cr_assert(net_send(net_connect(e, hub), 50000, 200000));
	}
	cr_assert(net_settle(&net, 600 * P2V_SECOND));
	for (size_t i = 0; i < net.n; i++)
		net_check_whole(&net.end[i]);
	cr_assert_eq(hub->opened, NET_ENDS - 1);
	net_fini(&net);
}
