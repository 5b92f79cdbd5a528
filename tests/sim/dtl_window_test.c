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

/* ---- and back ---- */

static uint64_t window_of(const struct end *e)
{
	struct p2v_session_info info;

	p2v_session_info(e->session, &info);
	return info.receive_window;
}

/* [B] that all ends but the first have had of their transfers so far. */
static uint64_t got_by(const struct end *e)
{
	uint64_t sum = 0;

	P2V_LIST_EACH (it, &e->xfers)
		sum += P2V_OF(it, struct xfer, in_end)->got;
	return sum;
}

/* What one session grew by serves another once the first has been idle for a while; and when the
 * first goes on, what it was told holds, so it begins no slower than before. */
Test(dtl_window, an_idle_session_gives_back)
{
	struct p2v_dtl_conf conf = net_conf();
	struct p2v_session *first;
	p2v_usec took[4];
	struct net net;
	struct end *hub, *a, *b;
	size_t n = 0;

	conf.receive_memory = 3 << 20;
	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	hub = net_end_with(&net, &plain, &conf, NULL);
	a = net_end(&net, &fast);
	b = net_end(&net, &fast);
	first = net_connect(a, hub);
	hub->session = NULL;
	cr_assert(net_send(first, 30000000, 0));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	cr_assert(net_send(net_connect(b, hub), 30000000, 0));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	cr_assert(window_of(hub) < 2 * conf.session_window, "the first has it still: %llu",
		(unsigned long long)window_of(hub));
	net_run(&net, 25 * P2V_SECOND);
	cr_assert(net_send(b->session, 30000000, 0));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	cr_assert(window_of(hub) >= 4 * conf.session_window, "now it is the second's: %llu",
		(unsigned long long)window_of(hub));
	net_run(&net, 25 * P2V_SECOND);
	cr_assert_eq(
		window_of(hub), conf.session_window, "%llu", (unsigned long long)window_of(hub));
	cr_assert(net_send(first, 30000000, 0));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(hub);
	cr_assert_eq(a->closed + b->closed, 0);
	P2V_LIST_EACH (it, &hub->xfers) { /* in the order in which they were accepted */
		cr_assert(n < 4);
		took[n++] = P2V_OF(it, struct xfer, in_end)->took;
	}
	cr_assert(took[3] <= took[0], "%lld, and %lld at first", (long long)took[3],
		(long long)took[0]);
	cr_assert(took[1] > took[2] * 5 / 4, "the second had to wait: %lld, then %lld",
		(long long)took[1], (long long)took[2]);
	net_fini(&net);
}

static struct xfer *last_of(struct end *e)
{
	return P2V_OF(e->xfers.prev, struct xfer, in_end);
}

/* A limit that was told is larger than the memory that is left when the remote comes to use it:
 * what there is no room for is as lost, and arrives when somebody reads. */
Test(dtl_window, memory_that_is_short_loses_nothing)
{
	struct p2v_dtl_conf conf = net_conf();
	struct p2v_session_info info;
	struct p2v_session *first;
	struct net net;
	struct end *hub, *a, *b;
	uint64_t dropped;

	conf.receive_memory = 3 << 20;
	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	hub = net_end_with(&net, &plain, &conf, NULL);
	a = net_end(&net, &fast);
	b = net_end(&net, &fast);
	first = net_connect(a, hub);
	hub->session = NULL;
	cr_assert(net_send(first, 30000000, 0));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_run(&net, 25 * P2V_SECOND);
	cr_assert(net_send(net_connect(b, hub), 200000000, 0));
	net_run(&net, 5 * P2V_SECOND);
	cr_assert_eq(window_of(hub), conf.session_window + conf.receive_memory, "none is left");
	hub->idle = true;
	dropped = hub->node.metrics.v[P2V_M_DGRAMS_DROPPED];
	cr_assert(net_send(first, 3000000, 0));
	net_run(&net, 8 * P2V_SECOND);
	cr_assert(hub->node.metrics.v[P2V_M_DGRAMS_DROPPED] > dropped);
	p2v_session_info(first, &info);
	cr_assert(info.pto_count > 0, "the sender has no answer");
	net_resume(last_of(hub));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(hub);
	cr_assert_eq(a->closed + b->closed, 0);
	net_fini(&net);
}

/* Windows that are as large as they may be from the start, and never shrink. */
static struct p2v_dtl_conf all_at_once(void)
{
	struct p2v_dtl_conf conf = net_conf();

	conf.session_window = conf.session_window_max;
	conf.stream_window = conf.stream_window_max;
	return conf;
}

/* @return [B] that arrived in a minute over 20 Mbit/s and 300 ms, after the first ten seconds */
static uint64_t a_minute(const struct p2v_dtl_conf *conf, uint64_t *window)
{
	static const struct p2v_link far = { .delay = 75000 };
	static const struct p2v_link line = { .up = 2500000, .delay = 75000, .queue = 250000 };
	struct net net;
	struct end *a, *b;
	uint64_t got;

	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_end_with(&net, &far, conf, NULL);
	b = net_end(&net, &line);
	cr_assert(net_send(net_connect(a, b), 10, 200000000));
	net_run(&net, 10 * P2V_SECOND);
	got = got_by(a);
	net_run(&net, 60 * P2V_SECOND);
	*window = window_of(a);
	got = got_by(a) - got;
	net_fini(&net);
	return got;
}

/* A session that is busy keeps what it needs. */
Test(dtl_window, a_busy_session_is_not_throttled)
{
	struct p2v_dtl_conf fixed = all_at_once();
	uint64_t window, want = a_minute(&fixed, &window), got = a_minute(NULL, &window);

	cr_assert(got >= want / 100 * 99, "%llu, and %llu without a limit", (unsigned long long)got,
		(unsigned long long)want);
	/* between one and four times what two round trips carry */
	cr_assert(window >= 1500000 && window <= 8 << 20, "%llu", (unsigned long long)window);
}

/* A stream of media: a fragment each few seconds. The window that it needs stays. */
Test(dtl_window, bursts_keep_their_window)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	uint64_t window;

	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_end(&net, &plain);
	b = net_end(&net, &fast);
	s = net_connect(a, b);
	cr_assert(net_send(s, 10, 40000000));
	cr_assert(net_settle(&net, 300 * P2V_SECOND));
	window = window_of(a);
	cr_assert(window >= 2 * net_conf().session_window);
	for (int i = 0; i < 10; i++) {
		struct xfer *x = net_send(s, 10, 4000000);

		net_run(&net, 6 * P2V_SECOND);
		cr_assert(x->eof);
		/* two round trips, and 320 ms of line */
		cr_assert(x->took < 550 * P2V_MSEC, "%lld us", (long long)x->took);
		cr_assert(window_of(a) >= window / 2, "%llu", (unsigned long long)window_of(a));
	}
	net_fini(&net);
}

/* 100 Mbit/s for five seconds, 2 Mbit/s for fifty, then 100 Mbit/s again.
 * @param got     [out] shape (2), [B] in the slow and in the last part
 * @param window  [out] shape (2), [B] before the slow part and at its end */
static void slow_for_a_while(const struct p2v_dtl_conf *conf, uint64_t got[2], uint64_t window[2])
{
	static const struct p2v_link slow = { .up = 250000, .delay = 25000, .queue = 25000 };
	struct net net;
	struct end *a, *b;

	net_init(&net, 4, &p2v_cc_cubic_LTX_p2v_plugin);
	a = net_end_with(&net, &plain, conf, NULL);
	b = net_end(&net, &fast);
	cr_assert(net_send(net_connect(a, b), 10, 200000000));
	net_run(&net, 5 * P2V_SECOND);
	window[0] = window_of(a);
	p2v_machine_set_link(b->machine, &slow);
	got[0] = got_by(a);
	net_run(&net, 50 * P2V_SECOND);
	window[1] = window_of(a);
	p2v_machine_set_link(b->machine, &fast);
	got[1] = got_by(a);
	got[0] = got[1] - got[0];
	net_run(&net, 5 * P2V_SECOND);
	got[1] = got_by(a) - got[1];
	net_fini(&net);
}

/* The path becomes slow: the window follows while the transfer goes on, and grows again when the
 * path is what it was. */
Test(dtl_window, follows_a_path_that_becomes_slow)
{
	struct p2v_dtl_conf fixed = all_at_once();
	uint64_t want[2], got[2], window[2];

	slow_for_a_while(&fixed, want, window);
	slow_for_a_while(NULL, got, window);
	cr_assert(got[0] >= 50 * 250000 / 100 * 92, "%llu bytes in the slow part",
		(unsigned long long)got[0]);
	cr_assert(got[1] >= want[1] / 100 * 97, "%llu bytes after it, and %llu without a limit",
		(unsigned long long)got[1], (unsigned long long)want[1]);
	cr_assert(
		window[0] >= 4 * net_conf().session_window, "%llu", (unsigned long long)window[0]);
	cr_assert_eq(window[1], net_conf().session_window);
}
