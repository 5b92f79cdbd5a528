/* server.c - the end that waits: it takes in what clients send, sends what they ask for, and tells
 * them how that goes. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "sdk/perf/inside.h"

enum { TOLD_MAX = 16 * 1024 /* [B] of reports that wait: a slow client gets fewer */ };
#define PERIOD_MIN (10 * P2V_MSEC)

struct p2v_perf_server {
	struct p2v_perf_end *end;
	struct p2v_list peers;
	bool failed;
};

struct peer {
	struct p2v_list in_server;
	struct p2v_perf_server *server;
	struct p2v_session *session;
	struct p2v_stream *control; /* NULL: none, or it is finished */
	struct p2v_timer timer;
	p2v_usec period, begun, cpu; /* begun: P2V_UNKNOWN before the first stream */
	uint64_t n, got;
	uint64_t got_of[P2V_PERF_STREAMS];
	bool over; /* the client has its last report */
	struct p2v_list streams;
};

/* A stream that a client opened. */
struct inflow {
	struct p2v_list in_peer;
	struct peer *peer;
	bool known;
	struct p2v_perf_hello hello; /* once known */
	size_t have;                 /* [B] of hello_bytes */
	uint8_t hello_bytes[P2V_PERF_HELLO];
};

/* ---- reports ---- */

static void report(struct peer *p)
{
	struct p2v_world *w = p->server->end->w;
	struct p2v_perf_report r = {
		.t = p2v_now(w) - p->begun, .cpu = p2v_perf_cpu() - p->cpu, .got = p->got, .n = p->n
	};
	uint8_t bytes[P2V_PERF_REPORT_MAX];
	struct p2v_slice s;

	p2v_session_info(p->session, &r.info);
	memcpy(r.got_of, p->got_of, sizeof r.got_of);
	s = p2v_slice_copy(bytes, p2v_perf_report_put(&r, bytes));
	if (s.n == 0 || p2v_stream_write(p->control, s) != P2V_OK)
		p2v_session_close(p->session, P2V_DTL_INTERNAL, "no memory for a report");
}

static void tick(struct p2v_timer *t, p2v_usec now)
{
	struct peer *p = t->owner;

	if (!p->control)
		return;
	if (p2v_stream_unsent(p->control) < TOLD_MAX)
		report(p);
	p2v_arm(p->server->end->w, t, now + p->period);
}

/* ---- streams ---- */

static void take_hello(struct p2v_stream *t, struct inflow *in)
{
	struct peer *p = in->peer;
	struct p2v_world *w = p->server->end->w;
	const struct p2v_perf_hello *h = &in->hello;

	if (h->kind == P2V_PERF_CONTROL) {
		p->control = t;
		p->period = h->period > (uint64_t)PERIOD_MIN && h->period < (uint64_t)P2V_NEVER / 2
				    ? (p2v_usec)h->period
				    : PERIOD_MIN;
		/* Before all data, and no more urgent than it: the client will ask for that. */
		p2v_stream_set_priority(t, 0, 0);
		p2v_arm(w, &p->timer, p2v_now(w) + p->period);
	} else if (h->index >= p->n) {
		p->n = h->index + 1;
	}
}

/* @return whether the stream said what it is for; else more must come, or the session ends */
static bool read_hello(struct p2v_stream *t, struct inflow *in)
{
	const uint8_t *b;
	size_t n;

	while (in->have < P2V_PERF_HELLO && (n = p2v_stream_peek(t, &b)) > 0) {
		if (n > P2V_PERF_HELLO - in->have)
			n = P2V_PERF_HELLO - in->have;
		memcpy(in->hello_bytes + in->have, b, n);
		p2v_stream_consume(t, n);
		in->have += n;
	}
	if (in->have < P2V_PERF_HELLO)
		return false;
	if (!p2v_perf_hello_get(in->hello_bytes, &in->hello) ||
		(in->hello.kind == P2V_PERF_CONTROL && in->peer->control)) {
		p2v_session_close(in->peer->session, P2V_PERF_FOREIGN, "this is no p2v-perf");
		return false;
	}
	in->known = true;
	take_hello(t, in);
	return true;
}

static void fill(struct p2v_stream *t, struct inflow *in)
{
	struct peer *p = in->peer;

	if (p2v_perf_fill(&p->server->end->source, t, &in->hello.bytes) == P2V_ENOMEM)
		p2v_session_close(p->session, P2V_DTL_INTERNAL, "no memory for what is sent");
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct inflow *in = p2v_stream_user(t);
	struct peer *p;
	uint64_t n;

	(void)ctx;
	if (!in || (!in->known && !read_hello(t, in)))
		return;
	p = in->peer;
	n = p2v_perf_drain(t);
	if (in->hello.kind == P2V_PERF_SINK) {
		p->got += n;
		p->got_of[in->hello.index] += n;
	} else if (in->hello.kind == P2V_PERF_SOURCE) {
		fill(t, in);
	}
	if (!p2v_stream_eof(t) || in->hello.kind == P2V_PERF_SOURCE)
		return;
	if (in->hello.kind == P2V_PERF_CONTROL && p->control) {
		report(p);
		p->over = true;
		p->control = NULL;
	}
	p2v_stream_finish(t);
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	struct inflow *in = p2v_stream_user(t);

	(void)ctx;
	if (in && in->known && in->hello.kind == P2V_PERF_SOURCE)
		fill(t, in);
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	struct peer *p = p2v_session_user(s);
	struct inflow *in = p ? calloc(1, sizeof *in) : NULL;

	(void)ctx;
	if (!in) {
		p2v_session_close(s, P2V_DTL_INTERNAL, "no memory for a stream");
		return;
	}
	in->peer = p;
	p2v_list_push(&p->streams, &in->in_peer);
	p2v_stream_set_user(t, in);
	if (p->begun == P2V_UNKNOWN) {
		p->begun = p2v_now(p->server->end->w);
		p->cpu = p2v_perf_cpu();
	}
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	struct inflow *in = p2v_stream_user(t);

	(void)ctx;
	(void)code;
	(void)reason;
	if (!in)
		return;
	if (in->peer->control == t)
		in->peer->control = NULL;
	p2v_list_remove(&in->in_peer);
	free(in);
}

/* ---- sessions ---- */

static void on_opened(void *ctx, struct p2v_session *session)
{
	struct p2v_perf_server *s = ((struct p2v_perf_end *)ctx)->of;
	struct peer *p = calloc(1, sizeof *p);

	if (!p) {
		p2v_session_close(session, P2V_DTL_INTERNAL, "no memory for a client");
		return;
	}
	p->server = s;
	p->session = session;
	p->begun = P2V_UNKNOWN;
	p->timer.fire = tick;
	p->timer.owner = p;
	p2v_list_init(&p->streams);
	p2v_list_push(&s->peers, &p->in_server);
	p2v_session_set_user(session, p);
}

static void peer_free(struct peer *p)
{
	p2v_disarm(p->server->end->w, &p->timer);
	P2V_LIST_EACH (it, &p->streams)
		free(P2V_OF(it, struct inflow, in_peer));
	p2v_list_remove(&p->in_server);
	free(p);
}

static void on_closed(void *ctx, struct p2v_session *session, const struct p2v_err *why)
{
	struct p2v_perf_end *end = ctx;
	struct peer *p = p2v_session_user(session);
	bool over = p && p->over;

	if (p)
		peer_free(p);
	if (!over)
		(void)fprintf(stderr, "p2v-perf: a client broke off: %s\n", why->text);
	((struct p2v_perf_server *)end->of)->failed = !over;
	if (end->cli->one)
		end->finished(end->ctx);
}

const struct p2v_dtl_handler p2v_perf_server_handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

int p2v_perf_server_new(struct p2v_perf_end *end, struct p2v_perf_server **out)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return P2V_ENOMEM;
	(*out)->end = end;
	p2v_list_init(&(*out)->peers);
	end->of = *out;
	return P2V_OK;
}

bool p2v_perf_server_failed(const struct p2v_perf_server *s)
{
	return s->failed;
}

void p2v_perf_server_free(struct p2v_perf_server *s)
{
	if (!s)
		return;
	P2V_LIST_EACH (it, &s->peers)
		peer_free(P2V_OF(it, struct peer, in_server));
	free(s);
}
