/* dtl_stream_test.c - streams: how they end, their windows, their limits, and which goes first. */
#include <stdlib.h>

#include <criterion/criterion.h>
#include <peer2view/cc.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_stream, .timeout = 120);

static const struct p2v_link plain = {
	.up = 1250000, .down = 1250000, .delay = 10000, .queue = 60000
};

static const uint8_t zeros[500024];

struct pair {
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
};

static void pair_with(struct pair *p, const struct p2v_dtl_conf *conf)
{
	net_init(&p->net, 11, &p2v_cc_newreno_LTX_p2v_plugin);
	p->a = net_end_with(&p->net, &plain, conf, NULL);
	p->b = net_end_with(&p->net, &plain, conf, NULL);
	p->s = net_connect(p->a, p->b);
	cr_assert(p->b->session);
}

static struct xfer *first(struct end *e)
{
	cr_assert(!p2v_list_empty(&e->xfers));
	return P2V_OF(e->xfers.next, struct xfer, in_end);
}

static struct p2v_stream *raw_stream(struct pair *p)
{
	struct p2v_stream *t;
	struct xfer *x = calloc(1, sizeof *x);

	cr_assert(x);
	cr_assert_eq(p2v_stream_open(p->s, &t), P2V_OK);
	x->end = p->a;
	x->stream = t;
	x->opener = true;
	x->finished = true;
	p2v_list_push(&p->a->xfers, &x->in_end);
	p2v_stream_set_user(t, x);
	return t;
}

Test(dtl_stream, an_empty_stream)
{
	struct pair p;
	struct p2v_stream *t;

	pair_with(&p, NULL);
	t = raw_stream(&p);
	p2v_stream_finish(t);
	net_run(&p.net, P2V_SECOND);
	cr_assert_eq(p.b->accepted, 1);
	cr_assert(first(p.b)->eof);
	cr_assert_eq(first(p.b)->code, P2V_OK);
	cr_assert_eq(first(p.a)->code, P2V_OK);
	cr_assert(first(p.a)->ended);
	net_fini(&p.net);
}

Test(dtl_stream, what_is_written_leaves_and_room_is_told)
{
	struct pair p;
	struct p2v_stream *t;

	pair_with(&p, NULL);
	t = raw_stream(&p);
	first(p.a)->finished = true;
	cr_assert_eq(p2v_stream_unsent(t), 0);
	cr_assert_eq(p2v_stream_write(t, p2v_slice_static(zeros, 100000)), P2V_OK);
	cr_assert_eq(p2v_stream_unsent(t), 100000);
	net_run(&p.net, P2V_SECOND);
	cr_assert_eq(p2v_stream_unsent(t), 0);
	p2v_stream_finish(t);
	cr_assert_eq(p2v_stream_write(t, p2v_slice_static("x", 1)), P2V_ECLOSED);
	net_run(&p.net, P2V_SECOND);
	cr_assert_eq(first(p.b)->got + 24, 100000);
	net_fini(&p.net);
}

Test(dtl_stream, reset_reaches_both)
{
	struct pair p;
	struct xfer *x;

	pair_with(&p, NULL);
	x = net_send(p.s, 3000000, 0);
	net_run(&p.net, 300 * P2V_MSEC);
	p2v_stream_reset(x->stream, 777);
	x->finished = true;
	cr_assert(!x->ended);
	net_run(&p.net, P2V_SECOND);
	cr_assert(x->ended);
	cr_assert_eq(x->code, P2V_ECANCELED);
	cr_assert_eq(x->reason, 777);
	cr_assert(first(p.b)->ended);
	cr_assert_eq(first(p.b)->code, P2V_ECLOSED);
	cr_assert_eq(first(p.b)->reason, 777);
	cr_assert(!first(p.b)->wrong);
	net_fini(&p.net);
}

/* The reader has enough: the writer stops soon, and the session's window comes back whole. */
Test(dtl_stream, the_reader_stops_the_writer)
{
	struct pair p;
	struct xfer *x;
	struct p2v_session_info before, after;

	pair_with(&p, NULL);
	p.b->stop_at = 100000;
	for (int i = 0; i < 20; i++) {
		p2v_session_info(p.s, &before);
		x = net_send(p.s, 1000000, 0);
		net_run(&p.net, P2V_SECOND);
		p2v_session_info(p.s, &after);
		cr_assert(x->ended, "round %d", i);
		cr_assert_eq(x->code, P2V_ECLOSED);
		cr_assert_eq(x->reason, 1000);
		cr_assert(after.sent - before.sent < 500000, "%llu bytes went",
			(unsigned long long)(after.sent - before.sent));
	}
	net_fini(&p.net);
}

/* A server's way: answer, finish, forget. The answer still arrives. */
Test(dtl_stream, release_delivers_what_was_finished)
{
	struct pair p;
	struct p2v_stream *t;
	struct xfer *y;

	pair_with(&p, NULL);
	t = raw_stream(&p);
	cr_assert_eq(p2v_stream_write(t, p2v_slice_static(zeros, 500024)), P2V_OK);
	p2v_stream_finish(t);
	p2v_stream_release(t);
	net_run(&p.net, 3 * P2V_SECOND);
	y = first(p.b);
	cr_assert_eq(y->got, 500000);
	cr_assert(y->eof);
	cr_assert(!first(p.a)->ended, "no upcall after release");
	cr_assert(y->ended);
	cr_assert_eq(y->code, P2V_ECLOSED, "its own direction was cut: nobody listened");
	cr_assert_eq(y->reason, P2V_DTL_DONE);
	net_fini(&p.net);
}

/* The same where the remote has long finished: nothing is cut. */
Test(dtl_stream, release_after_both_finished)
{
	struct pair p;
	struct xfer *x, *y;

	pair_with(&p, NULL);
	x = net_send(p.s, 1000, 300000);
	net_run(&p.net, 60 * P2V_MSEC);
	y = first(p.b);
	for (int i = 0; i < 1000 && !y->finished; i++)
		net_run(&p.net, P2V_MSEC);
	cr_assert(!y->ended);
	p2v_stream_release(y->stream);
	y->ended = true;
	net_run(&p.net, 3 * P2V_SECOND);
	cr_assert(x->ended && x->eof);
	cr_assert_eq(x->got, 300000);
	cr_assert_eq(x->code, P2V_OK);
	net_fini(&p.net);
}

Test(dtl_stream, release_unfinished_cuts)
{
	struct pair p;
	struct p2v_stream *t;

	pair_with(&p, NULL);
	t = raw_stream(&p);
	cr_assert_eq(p2v_stream_write(t, p2v_slice_static(zeros, 500024)), P2V_OK);
	net_run(&p.net, 100 * P2V_MSEC);
	p2v_stream_release(t);
	net_run(&p.net, 3 * P2V_SECOND);
	cr_assert(first(p.b)->ended);
	cr_assert_eq(first(p.b)->code, P2V_ECLOSED);
	net_fini(&p.net);
}

/* A reset is no end, even where all that was sent before it has arrived. */
Test(dtl_stream, a_reset_after_all_arrived_is_a_reset)
{
	for (int bytes = 0; bytes < 2; bytes++) {
		struct pair p;
		struct p2v_stream *t;

		pair_with(&p, NULL);
		t = raw_stream(&p);
		if (bytes)
			cr_assert_eq(p2v_stream_write(t, p2v_slice_static(zeros, 24)), P2V_OK);
		net_run(&p.net, 100 * P2V_MSEC);
		p2v_stream_reset(t, 55);
		net_run(&p.net, 100 * P2V_MSEC);
		cr_assert(first(p.b)->ended);
		cr_assert_eq(first(p.b)->code, P2V_ECLOSED);
		cr_assert_eq(first(p.b)->reason, 55);
		cr_assert(!first(p.b)->eof);
		net_fini(&p.net);
	}
}

/* ---- limits ---- */

Test(dtl_stream, no_more_streams_than_the_remote_allows)
{
	struct p2v_dtl_conf conf = net_conf();
	struct pair p;
	struct p2v_stream *t;

	conf.max_streams = 20;
	pair_with(&p, &conf);
	net_run(&p.net, P2V_SECOND);
	for (int i = 0; i < 20; i++)
		cr_assert(net_send(p.s, 1000, 1000), "%d", i);
	cr_assert_eq(p2v_stream_open(p.s, &t), P2V_EAGAIN);
	cr_assert(net_settle(&p.net, 10 * P2V_SECOND));
	net_run(&p.net, P2V_SECOND);
	for (int i = 0; i < 20; i++)
		cr_assert(net_send(p.s, 1000, 1000), "as they end, others may begin: %d", i);
	cr_assert(net_settle(&p.net, 10 * P2V_SECOND));
	net_check_whole(p.a);
	net_fini(&p.net);
}

/* Ten thousand short streams, one after the other, both ways. */
Test(dtl_stream, many_streams_in_a_row)
{
	struct pair p;

	pair_with(&p, NULL);
	p2v_session_set_user(p.b->session, p.b);
	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 10; k++) {
			cr_assert(net_send(p.s, 10, 20));
			cr_assert(net_send(p.b->session, 20, 10));
		}
		cr_assert(net_settle(&p.net, 10 * P2V_SECOND));
	}
	net_check_whole(p.a);
	net_check_whole(p.b);
	net_fini(&p.net);
}

/* ---- windows ---- */

/* Who does not read holds up his own stream, and no other. */
Test(dtl_stream, one_that_is_not_read_does_not_hold_up_others)
{
	struct p2v_dtl_conf conf = net_conf();
	struct pair p;
	struct xfer *stuck, *free_one;

	conf.stream_window = conf.stream_window_max = 1024 * 1024;
	conf.session_window = 4 * conf.stream_window;
	pair_with(&p, &conf);
	p.b->idle = true;
	stuck = net_send(p.s, 3000000, 0);
	net_run(&p.net, 3 * P2V_SECOND);
	cr_assert(p2v_stream_unsent(stuck->stream) > 0);
	p.b->idle = false;
	free_one = net_send(p.s, 3000000, 0);
	net_run(&p.net, 10 * P2V_SECOND);
	cr_assert(free_one->ended);
	cr_assert_eq(free_one->code, P2V_OK);
	cr_assert(!stuck->ended);
	cr_assert_eq(stuck->sent - p2v_stream_unsent(stuck->stream) + 24, 1024 * 1024,
		"its window is full to the byte");
	net_fini(&p.net);
}

Test(dtl_stream, small_windows_carry_large_streams)
{
	struct p2v_dtl_conf conf = net_conf();
	struct pair p;

	conf.stream_window = 65536;
	conf.session_window = 262144;
	pair_with(&p, &conf);
	for (int i = 0; i < 8; i++)
		cr_assert(net_send(p.s, 500000, 500000));
	cr_assert(net_settle(&p.net, 60 * P2V_SECOND));
	net_check_whole(p.a);
	net_check_whole(p.b);
	net_fini(&p.net);
}

/* ---- order ---- */

Test(dtl_stream, the_higher_priority_goes_first)
{
	struct pair p;
	struct xfer *low, *high;

	pair_with(&p, NULL);
	low = net_send(p.s, 1000000, 0);
	p2v_stream_set_priority(low->stream, 0, P2V_NEVER);
	net_run(&p.net, 200 * P2V_MSEC);
	high = net_send(p.s, 1000000, 0);
	p2v_stream_set_priority(high->stream, 4, P2V_NEVER);
	for (int i = 0; i < 3000 && !high->ended; i++)
		net_run(&p.net, P2V_MSEC);
	cr_assert(high->ended);
	cr_assert(!low->ended);
	net_fini(&p.net);
}

Test(dtl_stream, the_earlier_deadline_goes_first)
{
	struct pair p;
	struct xfer *late, *early;

	pair_with(&p, NULL);
	late = net_send(p.s, 1000000, 0);
	p2v_stream_set_priority(late->stream, 1, p2v_sim_now(p.net.sim) + 10 * P2V_SECOND);
	early = net_send(p.s, 1000000, 0);
	p2v_stream_set_priority(early->stream, 1, p2v_sim_now(p.net.sim) + 5 * P2V_SECOND);
	for (int i = 0; i < 3000 && !early->ended; i++)
		net_run(&p.net, P2V_MSEC);
	cr_assert(early->ended);
	cr_assert(!late->ended);
	net_fini(&p.net);
}

Test(dtl_stream, equals_take_turns)
{
	struct pair p;
	struct xfer *x[4];

	pair_with(&p, NULL);
	for (int i = 0; i < 4; i++)
		x[i] = net_send(p.s, 2000000, 0);
	net_run(&p.net, P2V_SECOND);
	for (int i = 1; i < 4; i++) {
		uint64_t a = x[0]->sent - p2v_stream_unsent(x[0]->stream);
		uint64_t b = x[i]->sent - p2v_stream_unsent(x[i]->stream);

		cr_assert(a > 100000);
		/* not to the byte: what was lost takes its stream's turns again */
		cr_assert((a > b ? a - b : b - a) < a / 4, "%llu and %llu", (unsigned long long)a,
			(unsigned long long)b);
	}
	net_fini(&p.net);
}

/* The requester moves the sender: what was behind goes ahead. */
Test(dtl_stream, the_receiver_moves_the_priority)
{
	struct pair p;
	struct xfer *x, *y;
	uint64_t x_then, y_then;

	pair_with(&p, NULL);
	x = net_send(p.s, 10, 3000000);
	y = net_send(p.s, 10, 3000000);
	p2v_stream_request_priority(x->stream, 2, P2V_NEVER);
	p2v_stream_request_priority(y->stream, 1, P2V_NEVER);
	net_run(&p.net, 500 * P2V_MSEC);
	cr_assert(x->got > 300000);
	cr_assert(y->got < 30000, "%llu", (unsigned long long)y->got);
	p2v_stream_request_priority(y->stream, 3, P2V_NEVER);
	net_run(&p.net, 200 * P2V_MSEC);
	x_then = x->got;
	y_then = y->got;
	net_run(&p.net, 500 * P2V_MSEC);
	cr_assert(y->got - y_then > 300000);
	cr_assert(x->got - x_then < 30000, "%llu", (unsigned long long)(x->got - x_then));
	p2v_stream_request_priority(x->stream, 3, p2v_sim_now(p.net.sim) + P2V_SECOND);
	net_run(&p.net, 200 * P2V_MSEC);
	y_then = y->got;
	net_run(&p.net, 300 * P2V_MSEC);
	cr_assert(y->got - y_then < 30000, "a deadline goes before none");
	net_fini(&p.net);
}

/* What a request says of its priority counts until the requester says otherwise. */
Test(dtl_stream, a_sender_knows_that_it_was_moved)
{
	struct pair p;
	struct xfer *x, *y;

	pair_with(&p, NULL);
	x = net_send(p.s, 10, 300000);
	net_run(&p.net, 100 * P2V_MSEC);
	y = P2V_OF(p2v_list_first(&p.b->xfers), struct xfer, in_end);
	cr_assert(!p2v_stream_moved(y->stream));
	p2v_stream_request_priority(x->stream, 1, P2V_NEVER);
	net_run(&p.net, 100 * P2V_MSEC);
	cr_assert(p2v_stream_moved(y->stream));
	cr_assert(!p2v_stream_moved(x->stream), "the other way is nobody's wish");
	net_fini(&p.net);
}

/* ---- the session's priority ---- */

/* A controller that notes what it is told, over one that works. */
static struct {
	struct p2v_cc_ops ops;
	double seen[64];
	size_t n;
} noted;

static void note_priority(void *st, p2v_usec now, double priority)
{
	(void)st;
	(void)now;
	cr_assert(noted.n < 64);
	noted.seen[noted.n++] = priority;
}

/* The controller runs at the highest priority of those streams that have something to send. */
Test(dtl_stream, the_session_is_as_urgent_as_its_most_urgent_stream)
{
	struct p2v_plugin plugin = p2v_cc_newreno_LTX_p2v_plugin;
	struct pair p;
	struct xfer *low, *high;

	noted.ops = *plugin.ops.cc;
	noted.ops.set_priority = note_priority;
	plugin.ops.cc = &noted.ops;
	plugin.caps |= P2V_CC_CAP_PRIORITY;
	net_init(&p.net, 11, &plugin);
	p.a = net_end(&p.net, &plain);
	p.b = net_end(&p.net, &plain);
	p.s = net_connect(p.a, p.b);
	low = net_send(p.s, 2000000, 0);
	p2v_stream_set_priority(low->stream, 0.25, P2V_NEVER);
	net_run(&p.net, 300 * P2V_MSEC);
	cr_assert_eq(noted.n, 1);
	cr_assert_eq(noted.seen[0], 0.25);
	high = net_send(p.s, 100000, 0);
	p2v_stream_set_priority(high->stream, 7, P2V_NEVER);
	net_run(&p.net, 20 * P2V_MSEC);
	cr_assert_eq(noted.n, 2);
	cr_assert_eq(noted.seen[1], 4, "no more than 4");
	cr_assert(net_settle(&p.net, 10 * P2V_SECOND));
	cr_assert_eq(noted.n, 3);
	cr_assert_eq(noted.seen[2], 0.25, "when it is done, what is left counts");
	net_check_whole(p.a);
	net_fini(&p.net);
}
