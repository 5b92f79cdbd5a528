/* dtl_rogue_test.c - remotes that break the rules: each is closed with the rule's name, and a
 * session beside it goes on. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/dtl_net.h"
#include "tests/sim/rogue.h"

TestSuite(dtl_rogue, .timeout = 120);

enum { STREAM_WINDOW = 1048576 }; /* [B] a session has four */

static const struct p2v_link link = {
	.up = 1250000, .down = 1250000, .delay = 5000, .queue = 50000
};

/* A victim with an honest partner that sends all the while, and a rogue. */
struct scene {
	struct net net;
	struct end *victim, *honest;
	struct rogue rogue;
	unsigned closed; /* of the victim, before */
};

static void scene_init(struct scene *c, const struct p2v_dtl_conf *conf)
{
	struct p2v_dtl_conf usual = net_conf();

	usual.stream_window = STREAM_WINDOW;
	usual.session_window = 4 * STREAM_WINDOW;
	net_init(&c->net, 7, &p2v_cc_newreno_LTX_p2v_plugin);
	c->victim = net_end_with(&c->net, &link, conf ? conf : &usual, NULL);
	c->honest = net_end(&c->net, &link);
	cr_assert(net_send(net_connect(c->honest, c->victim), 3000000, 3000000));
	cr_assert(rogue_init(&c->rogue, c->net.sim, 9, &c->victim->addr));
	cr_assert(rogue_dial(&c->rogue));
	net_run(&c->net, 200 * P2V_MSEC);
	cr_assert_eq(c->rogue.record->state, P2V_RECORD_UP);
	cr_assert_eq(c->rogue.settings.version, P2V_PACKET_VERSION);
	c->closed = c->victim->closed;
}

/* The honest one notices nothing: every byte comes, and its session stays. */
static void scene_fini(struct scene *c)
{
	cr_assert(net_settle(&c->net, 60 * P2V_SECOND));
	net_check_whole(c->honest);
	cr_assert_eq(c->honest->closed, 0);
	rogue_fini(&c->rogue);
	net_fini(&c->net);
}

static void expect_closed(struct scene *c, uint64_t code, const char *text)
{
	net_run(&c->net, 100 * P2V_MSEC);
	for (int i = 0; i < 20 && !c->rogue.closed; i++) { /* CLOSE may meet a full queue */
		rogue_send(&c->rogue, "\x01", 1);
		net_run(&c->net, 10 * P2V_MSEC);
	}
	cr_assert(c->rogue.closed, "the rogue is told");
	cr_assert_eq(c->rogue.close_code, code, "with code %llu: %s",
		(unsigned long long)c->rogue.close_code, c->rogue.close_text);
	cr_assert(strstr(c->rogue.close_text, text), "with its name: %s", c->rogue.close_text);
	cr_assert_eq(c->victim->closed, c->closed + 1);
	cr_assert_eq(c->victim->why.code, P2V_EPROTO);
	cr_assert(strstr(c->victim->why.text, text), "%s", c->victim->why.text);
}

static void stream_frame(struct scene *c, uint64_t id, uint64_t offset, size_t n, bool fin)
{
	static const uint8_t bytes[3000];
	struct p2v_frame f = { .type = P2V_F_STREAM,
		.u.stream = { .id = id, .offset = offset, .data = { bytes, n }, .fin = fin } };

	rogue_frame(&c->rogue, &f);
}

Test(dtl_rogue, beyond_a_streams_window)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 0, STREAM_WINDOW - 100, 100, false);
	net_run(&c.net, 100 * P2V_MSEC);
	cr_assert(!c.rogue.closed, "the last byte of the window is allowed");
	stream_frame(&c, 0, STREAM_WINDOW, 1, false);
	expect_closed(&c, P2V_DTL_FLOW, "beyond a stream's window");
	scene_fini(&c);
}

Test(dtl_rogue, beyond_the_sessions_window)
{
	struct scene c;

	scene_init(&c, NULL);
	for (uint64_t i = 0; i < 4; i++)
		stream_frame(&c, 4 * i, STREAM_WINDOW - 100, 100, false);
	net_run(&c.net, 100 * P2V_MSEC);
	cr_assert(!c.rogue.closed, "all of the window is allowed");
	stream_frame(&c, 16, 0, 1, false);
	expect_closed(&c, P2V_DTL_FLOW, "beyond the session's window");
	scene_fini(&c);
}

Test(dtl_rogue, a_reset_beyond_the_window)
{
	struct scene c;
	struct p2v_frame f = { .type = P2V_F_RESET,
		.u.cut = { .id = 0, .code = 1, .size = STREAM_WINDOW + 1 } };

	scene_init(&c, NULL);
	rogue_frame(&c.rogue, &f);
	expect_closed(&c, P2V_DTL_FLOW, "beyond a stream's window");
	scene_fini(&c);
}

Test(dtl_rogue, too_many_streams)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 4 * 255, 0, 1, false);
	net_run(&c.net, 100 * P2V_MSEC);
	cr_assert(!c.rogue.closed, "as many as were granted");
	stream_frame(&c, 4 * 256, 0, 1, false);
	expect_closed(&c, P2V_DTL_STREAM_LIMIT, "more streams than it may");
	scene_fini(&c);
}

Test(dtl_rogue, an_ack_of_what_was_never_sent)
{
	struct scene c;
	struct p2v_frame f = { .type = P2V_F_ACK, .u.ack = { .n = 1, .range = { { 0, 100000 } } } };

	scene_init(&c, NULL);
	rogue_frame(&c.rogue, &f);
	expect_closed(&c, P2V_DTL_PROTOCOL, "never sent");
	scene_fini(&c);
}

/* An ACK ahead of the data, to have the window grow: the timestamp cannot be known. */
Test(dtl_rogue, an_ack_of_what_was_not_seen)
{
	struct scene c;
	struct p2v_frame f = { .type = P2V_F_ACK, .u.ack = { .n = 1 } };

	scene_init(&c, NULL);
	c.rogue.dumb = true;
	stream_frame(&c, 0, 0, 24, true); /* the answer, of 0 bytes, will wait for an ACK */
	net_run(&c.net, 8 * P2V_MSEC);
	f.u.ack.range[0] = (struct p2v_span){ c.rogue.largest + 1, c.rogue.largest + 2 };
	f.u.ack.echo = c.rogue.stamp;
	rogue_frame(&c.rogue, &f);
	expect_closed(&c, P2V_DTL_PROTOCOL, "cannot have seen");
	scene_fini(&c);
}

Test(dtl_rogue, a_final_size_that_changes)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 0, 0, 100, true);
	stream_frame(&c, 0, 100, 1, false);
	expect_closed(&c, P2V_DTL_PROTOCOL, "final size");
	scene_fini(&c);
}

Test(dtl_rogue, an_end_below_what_was_sent)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 0, 500, 100, false);
	stream_frame(&c, 0, 0, 100, true);
	expect_closed(&c, P2V_DTL_PROTOCOL, "ends below");
	scene_fini(&c);
}

Test(dtl_rogue, a_stream_of_ours_that_was_never_opened)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 1, 0, 1, false);
	expect_closed(&c, P2V_DTL_PROTOCOL, "never opened");
	scene_fini(&c);
}

Test(dtl_rogue, a_stream_of_one_direction)
{
	struct scene c;

	scene_init(&c, NULL);
	stream_frame(&c, 2, 0, 1, false);
	expect_closed(&c, P2V_DTL_PROTOCOL, "one direction");
	scene_fini(&c);
}

Test(dtl_rogue, an_unknown_frame)
{
	struct scene c;

	scene_init(&c, NULL);
	rogue_send(&c.rogue, "\x3f", 1);
	expect_closed(&c, P2V_DTL_PROTOCOL, "0x3f is unknown");
	scene_fini(&c);
}

Test(dtl_rogue, a_packet_without_a_frame)
{
	struct scene c;

	scene_init(&c, NULL);
	rogue_send(&c.rogue, "", 0);
	expect_closed(&c, P2V_DTL_PROTOCOL, "no frame");
	scene_fini(&c);
}

Test(dtl_rogue, a_packet_shorter_than_its_header)
{
	struct scene c;

	scene_init(&c, NULL);
	rogue_packet(&c.rogue, "\0\0\0", 3);
	expect_closed(&c, P2V_DTL_PROTOCOL, "shorter than its header");
	scene_fini(&c);
}

/* One byte here, one there: the list of holes is bounded. */
Test(dtl_rogue, a_stream_full_of_holes)
{
	struct scene c;

	scene_init(&c, NULL);
	for (uint64_t i = 0; i < 5000 && !c.rogue.closed; i++) {
		stream_frame(&c, 0, 1 + 2 * i, 1, false);
		net_run(&c.net, P2V_MSEC);
	}
	expect_closed(&c, P2V_DTL_FLOW, "holes");
	scene_fini(&c);
}

/* Datagrams that are no packets at all never reach a session. */
Test(dtl_rogue, garbage_is_dropped_and_counted)
{
	struct scene c;
	uint64_t before;
	uint8_t buf[200];

	scene_init(&c, NULL);
	before = c.victim->node.metrics.v[P2V_M_DGRAMS_DROPPED];
	for (unsigned i = 0; i < 1000; i++) {
		net_pattern(i, 0, buf, sizeof buf);
		if (buf[0] < 64 || buf[0] > 79)
			rogue_datagram(&c.rogue, buf, 1 + i % 199);
		rogue_datagram(&c.rogue, "", 0);
		net_run(&c.net, P2V_MSEC);
	}
	rogue_datagram(&c.rogue, "\x01\x01", 2); /* STUN */
	net_run(&c.net, P2V_SECOND);
	cr_assert(c.victim->node.metrics.v[P2V_M_DGRAMS_DROPPED] > before + 500);
	cr_assert(!c.rogue.closed);
	stream_frame(&c, 0, 0, 24, true);
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(c.victim->accepted, 2, "the session still works");
	scene_fini(&c);
}

/* It reads nothing and acknowledges nothing: our end keeps no more than its window, probes ever
 * more rarely, and gives it up when it says nothing any more. */
Test(dtl_rogue, one_that_never_acknowledges)
{
	struct scene c;
	struct p2v_session_info info;
	struct p2v_session *s;

	scene_init(&c, NULL);
	c.rogue.dumb = true;
	s = c.victim->session;
	p2v_session_set_user(s, c.victim);
	cr_assert(net_send(s, 1000000, 0));
	net_run(&c.net, 5 * P2V_SECOND);
	p2v_session_info(s, &info);
	cr_assert(info.pto_count >= 3);
	cr_assert(info.in_flight <= info.cwnd + 40 * P2V_MSS, "%llu in flight",
		(unsigned long long)info.in_flight);
	net_run(&c.net, 70 * P2V_SECOND);
	cr_assert_eq(c.victim->closed, c.closed + 1);
	cr_assert_eq(c.victim->why.code, P2V_ETIMEDOUT);
	cr_assert(c.rogue.datagrams < 120, "%llu datagrams to a remote that never answered",
		(unsigned long long)c.rogue.datagrams);
	P2V_LIST_EACH (it, &c.victim->xfers) {
		struct xfer *x = P2V_OF(it, struct xfer, in_end);

		if (x->opener)
			cr_assert_eq(x->code, P2V_ECANCELED);
	}
	scene_fini(&c);
}

/* After the end the rogue goes on sending: it is answered ever more rarely, then not at all. */
Test(dtl_rogue, one_that_does_not_hear_close)
{
	struct scene c;
	uint64_t seen;

	scene_init(&c, NULL);
	rogue_send(&c.rogue, "\x3f", 1);
	net_run(&c.net, 100 * P2V_MSEC);
	cr_assert(c.rogue.closed);
	seen = c.rogue.datagrams;
	for (int i = 0; i < 100; i++)
		rogue_send(&c.rogue, "\x01", 1);
	net_run(&c.net, 60 * P2V_MSEC);
	cr_assert(c.rogue.datagrams > seen && c.rogue.datagrams <= seen + 8);
	net_run(&c.net, 10 * P2V_SECOND);
	seen = c.rogue.datagrams;
	rogue_send(&c.rogue, "\x01", 1);
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(c.rogue.datagrams, seen, "the session is forgotten");
	scene_fini(&c);
}

/* Streams that it opens and never ends are its own trouble: memory stays within the window. */
Test(dtl_rogue, a_window_that_is_never_read)
{
	struct p2v_dtl_conf conf = net_conf();
	struct scene c;

	conf.stream_window = 65536;
	conf.session_window = 262144;
	scene_init(&c, &conf);
	c.victim->idle = true;
	for (uint64_t i = 0; i < 4; i++)
		for (uint64_t off = 0; off < 65536; off += 1024) {
			stream_frame(&c, 4 * i, off, 1024, false);
			net_run(&c.net, 2 * P2V_MSEC);
		}
	for (uint64_t i = 0; i < 12;
		i++) { /* the last bytes once more: a queue may have been full */
		stream_frame(&c, 4 * (i % 4), 64512, 1024, false);
		net_run(&c.net, 20 * P2V_MSEC);
	}
	net_run(&c.net, P2V_SECOND);
	cr_assert(!c.rogue.closed);
	cr_assert_eq(c.rogue.max_data, 0, "nothing was read, so nothing more is granted");
	stream_frame(&c, 16, 0, 1, false);
	expect_closed(&c, P2V_DTL_FLOW, "session's window");
	scene_fini(&c);
}
