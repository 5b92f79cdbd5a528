/* dtl_alloc_test.c - a transfer that runs evenly asks for no memory: not for a packet, not for an
 * ACK, and OpenSSL does not either. The simulator's own network allocates datagrams, so there is a
 * line of two ends here, which does not. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "tests/sim/dtl_certs.h"
#include "tests/sim/dtl_net.h"
#include "tests/sim/dtl_wire.h"
#include "tests/sim/held.h"
#include "tests/unit/oom.h"

TestSuite(dtl_alloc, .timeout = 300);

enum {
	BLOCK = 65536,
	AHEAD = 262144 /* [B] that are kept waiting to be sent */
};
#define DELAY (5 * P2V_MSEC)
#define TURN  (P2V_MSEC / 2)

/* Two ends, and what is on its way to each. */
struct line {
	struct wire wire;
	struct queue to[SOCKETS];
	unsigned lose; /* each so-many-th datagram; 0: none */
	uint64_t sent;
};

/* One end: all that a transfer needs. */
struct side {
	struct p2v_node node;
	struct p2v_policy cc;
	uint8_t cc_conf[NET_CONF];
	struct p2v_sim_records *records;
	struct p2v_dtls *dtls;
	struct p2v_dtl *dtl;
	struct p2v_session *session;
	struct p2v_stream *stream;
	struct p2v_buf *buf;
	uint64_t got;
};

/* ---- the line ---- */

static void line_sent(struct p2v_udp *from, const struct p2v_addr *to, const uint8_t *p, size_t n)
{
	struct line *l = P2V_OF(from->wire, struct line, wire);

	(void)to; /* there is one other */
	l->sent++;
	if (!l->lose || l->sent % l->lose)
		queue_put(&l->to[from == &l->wire.udp[0]], &from->addr, l->wire.base.now + DELAY, p,
			n);
}

static void line_run(struct line *l, p2v_usec time)
{
	p2v_usec end = l->wire.base.now + time;

	for (; l->wire.base.now < end; l->wire.base.now += TURN) {
		const struct slot *s;

		for (int i = 0; i < SOCKETS; i++)
			while ((s = queue_take(&l->to[i], l->wire.base.now)))
				wire_receive(&l->wire.udp[i], s);
		wire_fire(&l->wire);
	}
}

/* ---- the application: bytes without end ---- */

static void fill(struct side *s)
{
	while (p2v_stream_unsent(s->stream) < AHEAD)
		cr_assert_eq(p2v_stream_write(s->stream, p2v_slice_of(s->buf, 0, BLOCK)), P2V_OK);
}

static void on_opened(void *ctx, struct p2v_session *session)
{
	((struct side *)ctx)->session = session;
}

static void on_closed(void *ctx, struct p2v_session *session, const struct p2v_err *why)
{
	(void)session;
	(void)why;
	((struct side *)ctx)->session = NULL;
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)s;
	((struct side *)ctx)->stream = t;
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct side *s = ctx;
	const uint8_t *p;
	size_t n;

	while ((n = p2v_stream_peek(t, &p)) > 0) {
		s->got += n;
		p2v_stream_consume(t, n);
	}
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	(void)t;
	fill(ctx);
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)ctx;
	(void)t;
	(void)code;
	(void)reason;
}

static const struct p2v_dtl_handler handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

/* ---- two ends ---- */

struct scene {
	struct line line;
	struct side a, b;
	struct authority ca;
	struct judge judge;
	struct shown shown;
};

static void records_of(struct scene *c, struct side *s, bool dtls, struct p2v_records *out)
{
	struct p2v_trust trust = judge_trust(&c->judge);
	struct p2v_id id = { { s == &c->a } };

	if (!dtls) {
		s->records = p2v_sim_records_new(&s->node, &id, P2V_IS_PEER, NULL);
		cr_assert(s->records);
		*out = p2v_sim_records(s->records);
		return;
	}
	cr_assert_eq(p2v_dtls_new(&s->node, &trust, &s->dtls, NULL), P2V_OK);
	cr_assert_eq(
		p2v_dtls_credentials(s->dtls, (struct p2v_bytes){ c->shown.key, c->shown.key_n },
			c->shown.chain, 2, NULL),
		P2V_OK);
	*out = p2v_dtls_records(s->dtls);
}

static void side_init(struct scene *c, struct side *s, uint64_t seed, bool dtls)
{
	const struct p2v_plugin *cc = &p2v_cc_newreno_LTX_p2v_plugin;
	struct p2v_dtl_conf conf = net_conf();
	struct p2v_addr bind = { .port = 4433 };
	struct p2v_records records;

	/* Windows that do not grow: the transfer is to run evenly. */
	conf.stream_window = conf.stream_window_max = 262144;
	conf.session_window = conf.session_window_max = 262144;
	p2v_node_init(&s->node, &c->line.wire.world, seed);
	cr_assert_eq(p2v_options_default(cc->options, cc->option_size, s->cc_conf, NULL), P2V_OK);
	p2v_policy_init(&s->cc, &s->node, cc, s->cc_conf);
	records_of(c, s, dtls, &records);
	cr_assert_eq(
		p2v_dtl_new(&s->node, &conf, &records, &s->cc, &bind, &handler, s, &s->dtl, NULL),
		P2V_OK);
	s->buf = p2v_buf_new(BLOCK);
	cr_assert(s->buf);
	memset(s->buf->data, 7, BLOCK);
}

static void side_fini(struct side *s)
{
	p2v_dtl_free(s->dtl);
	p2v_sim_records_free(s->records);
	p2v_dtls_free(s->dtls);
	p2v_buf_unref(s->buf);
}

/* @return allocations in two seconds of a transfer that has found its pace */
static long run(struct scene *c, bool dtls, unsigned lose, uint64_t *packets)
{
	struct p2v_addr to;
	long before;

	memset(c, 0, sizeof *c);
	wire_init(&c->line.wire, line_sent);
	c->line.wire.segments = 40;
	authority_make(&c->ca, "P-256");
	shown_make(&c->shown, &c->ca, "P-256", -2000000000, 2000000000);
	c->judge = (struct judge){ .authority = &c->ca, .world = &c->line.wire.world };
	side_init(c, &c->a, 1, dtls);
	side_init(c, &c->b, 2, dtls);
	to = p2v_dtl_bound(c->b.dtl);
	cr_assert_eq(p2v_dtl_dial(c->a.dtl, &to, &c->a.session, NULL), P2V_OK);
	line_run(&c->line, P2V_SECOND / 2);
	cr_assert(c->a.session && c->b.session);
	cr_assert_eq(p2v_stream_open(c->a.session, &c->a.stream), P2V_OK);
	fill(&c->a);
	c->line.lose = lose;
	line_run(&c->line, 3 * P2V_SECOND);
	*packets = c->line.sent;
	before = held_count();
	line_run(&c->line, 2 * P2V_SECOND);
	*packets = c->line.sent - *packets;
	before = held_count() - before;
	side_fini(&c->a);
	side_fini(&c->b);
	authority_fini(&c->ca);
	return before;
}

Test(dtl_alloc, nothing_for_a_packet)
{
	static struct scene c;
	uint64_t packets;
	long n = run(&c, false, 0, &packets);

	cr_assert(packets > 20000, "%llu packets", (unsigned long long)packets);
	cr_assert_eq(n, 0, "%ld allocations for %llu packets", n, (unsigned long long)packets);
}

Test(dtl_alloc, nothing_for_a_packet_that_is_encrypted)
{
	static struct scene c;
	uint64_t packets;
	long n = run(&c, true, 0, &packets);

	cr_assert(held_count() - oom_count() > 1000, "OpenSSL's are counted");
	cr_assert(packets > 20000, "%llu packets", (unsigned long long)packets);
	cr_assert_eq(n, 0, "%ld allocations for %llu packets", n, (unsigned long long)packets);
}

Test(dtl_alloc, little_for_a_packet_that_is_lost)
{
	static struct scene c;
	uint64_t packets;
	long n = run(&c, false, 200, &packets);

	cr_assert(packets > 2000, "%llu packets", (unsigned long long)packets);
	cr_assert(n >= 0 && (uint64_t)n * 200 <= packets, "%ld allocations for %llu packets", n,
		(unsigned long long)packets);
}
