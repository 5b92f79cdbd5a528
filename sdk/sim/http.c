/* http.c - HTTP between machines, the client's end: names, connections, requests, time-outs,
 * redirects, pausing. The server's end is in httpd.c, what happens between them in pipe.c.
 *
 * What is modelled: a name is known at once or never; a connection costs one round trip, or two
 * with https, and the queues on its way as they are at that moment; a machine that is dead or not
 * there never answers, one that does not listen refuses; a frozen one accepts, as its kernel would,
 * and does not answer; requests and responses cost the bytes of their HTTP/1.1 text; connections
 * are kept for 60 s and used again, the latest first. What is not: content codings (decode offers
 * none), certificates, HTTP/2, bodies of requests. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "framework/base/url.h"
#include "sdk/sim/pipe.h"

enum { REDIRECTS_MAX = 5 };
#define CONNECT_TIMEOUT (5 * P2V_SECOND)
#define IDLE_TIMEOUT    (10 * P2V_SECOND)

enum state { STARTING, CONNECTING, ASKED, READING };

struct p2v_fetch {
	struct p2v_list in_machine;
	struct p2v_machine *machine;
	const struct p2v_fetch_handler *handler;
	void *ctx;
	struct p2v_pipe *stream;
	struct p2v_text url;
	struct p2v_url parts; /* of url */
	struct p2v_addr to;
	enum state state;
	bool secure, head_only, ranged, redirects;
	bool paused, busy, dead; /* dead: cancelled in one of its own callbacks */
	uint64_t first, last;
	uint32_t hops;
	struct p2v_text next; /* where a redirect leads; empty: none */
	uint64_t length, got; /* [B] of the body */
	p2v_usec connect_timeout, idle_timeout, heard;
	struct p2v_event step; /* the start, the connection, a resumption */
	struct p2v_event idle;
	struct p2v_list held;    /* pieces that arrived while it was paused */
	struct p2v_buf *showing; /* … in `body` now */
	size_t n_headers;
	struct p2v_header headers[];
};

static struct p2v_str text_of(const struct p2v_text *t)
{
	return (struct p2v_str){ t->p, t->n };
}

/* ---- its end ---- */

static void drop_held(struct p2v_fetch *f)
{
	P2V_LIST_EACH (it, &f->held)
		p2v_pipe_consumed(P2V_OF(it, struct p2v_piece, at));
}

static void release(struct p2v_fetch *f)
{
	if (f->stream)
		p2v_pipe_leave(f->stream);
	drop_held(f);
	p2v_event_cancel(&f->step);
	p2v_event_cancel(&f->idle);
	p2v_list_remove(&f->in_machine);
	p2v_text_fini(&f->url);
	p2v_text_fini(&f->next);
	free(f);
}

static void finish(struct p2v_fetch *f, int code, const struct p2v_err *err)
{
	struct p2v_sim *s = f->machine->sim;

	p2v_sim_mix_event(f->machine, P2V_SIM_DONE);
	p2v_sim_mix(s, (uint64_t)(int64_t)code);
	p2v_sim_mix(s, f->got);
	f->busy = true;
	f->handler->done(f->ctx, code, err);
	release(f);
}

static P2V_PRINTF(3, 4) void fail(struct p2v_fetch *f, int code, const char *fmt, ...)
{
	struct p2v_err err = { code, "" };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof err.text, fmt, ap);
	va_end(ap);
	finish(f, code, &err);
}

/* ---- the request ---- */

static bool given(const struct p2v_fetch *f, const char *name)
{
	return p2v_header_get(f->headers, f->n_headers, name).p != NULL;
}

/* The fields that the client adds: at most 4.
 * @param range  [out] room for the Range field's text */
static size_t own_headers(
	const struct p2v_fetch *f, struct p2v_str host, struct p2v_header v[4], char range[64])
{
	size_t n = 0;

	v[n++] = (struct p2v_header){ p2v_str_of("Host"), host };
	if (!given(f, "User-Agent"))
		v[n++] = (struct p2v_header){ p2v_str_of("User-Agent"),
			p2v_str_of("peer2view/" P2V_VERSION) };
	if (!given(f, "Accept"))
		v[n++] = (struct p2v_header){ p2v_str_of("Accept"), p2v_str_of("*/*") };
	if (f->ranged) {
		char *at = range;

		memcpy(at, "bytes=", 6);
		at += 6;
		at += p2v_decimal(f->first, at);
		*at++ = '-';
		if (f->last != P2V_LENGTH_UNKNOWN)
			at += p2v_decimal(f->last, at);
		v[n++] = (struct p2v_header){ p2v_str_of("Range"),
			{ range, (size_t)(at - range) } };
	}
	return n;
}

static struct p2v_sim_call *call_new(const struct p2v_fetch *f)
{
	const struct p2v_url *u = &f->parts;
	const struct p2v_str method = p2v_str_of(f->head_only ? "HEAD" : "GET");
	struct p2v_str path = u->path.n ? u->path : p2v_str_of("/");
	size_t target = path.n + (u->query.p ? u->query.n + 1 : 0);
	struct p2v_header own[4];
	struct p2v_sim_call *c;
	size_t size, wire, n;
	char range[64], *text;

	n = own_headers(f, u->authority, own, range);
	wire = method.n + target + sizeof " HTTP/1.1\r\n\r\n"; /* the NUL is the blank */
	size = p2v_headers_size(own, n, &wire) + p2v_headers_size(f->headers, f->n_headers, &wire);
	c = calloc(1, sizeof *c + (n + f->n_headers) * sizeof *c->v + size + target + 1);
	if (!c)
		return NULL;
	c->n = n + f->n_headers;
	c->wire = wire;
	c->method = method;
	text = (char *)(c->v + c->n);
	text = p2v_headers_copy(c->v, own, n, text);
	text = p2v_headers_copy(c->v + n, f->headers, f->n_headers, text);
	c->target = (struct p2v_str){ text, target };
	memcpy(text, path.p, path.n);
	if (u->query.p) {
		text[path.n] = '?';
		memcpy(text + path.n + 1, u->query.p, u->query.n);
	}
	return c;
}

static void ask(struct p2v_fetch *f)
{
	struct p2v_sim_call *c = call_new(f);

	if (!c) {
		fail(f, P2V_ENOMEM, "no memory for a request");
		return;
	}
	f->state = ASKED;
	f->stream->fetch = f;
	f->heard = f->machine->sim->now;
	p2v_event_at(&f->idle, f->heard + f->idle_timeout);
	p2v_pipe_ask(f->stream, c);
}

/* ---- the connection ---- */

/* NAT boxes let connections out, never in. */
static struct p2v_machine *server_at(const struct p2v_machine *m, const struct p2v_addr *a)
{
	struct p2v_machine *server = p2v_sim_machine(m->sim, a);

	return server && server->box && server->box != m->box ? NULL : server;
}

/* The handshake is over, or nobody took part in it. */
static void connected(struct p2v_fetch *f)
{
	struct p2v_machine *m = f->machine, *server = server_at(m, &f->to);
	struct p2v_http_server *at = p2v_httpd_at(m, &f->to);

	if (!server || server->dead) {
		fail(f, P2V_ETIMEDOUT, "no connection within %lld ms",
			(long long)(f->connect_timeout / P2V_MSEC));
		return;
	}
	if (!at) {
		fail(f, P2V_EIO, "the connection was refused");
		return;
	}
	f->stream = p2v_pipe_new(m, server, &f->to, f->secure, p2v_httpd_id(at));
	if (f->stream)
		ask(f);
	else
		fail(f, P2V_ENOMEM, "no memory for a connection");
}

/* [us] until something of this size gets through a queue */
static p2v_usec queue_wait(struct p2v_machine *m, bool up)
{
	p2v_usec busy = up ? m->up_free : m->down_free;

	if (m->sim->flows)
		return p2v_link_wait(m, up);
	return (up ? m->link.up : m->link.down) && busy > m->sim->now ? busy - m->sim->now : 0;
}

static void connect_to(struct p2v_fetch *f, struct p2v_machine *server)
{
	struct p2v_machine *m = f->machine;
	p2v_usec trip = f->connect_timeout;

	if (server && !server->dead) {
		trip = 2 * p2v_path_delay(m, server);
		if (server != m)
			trip += queue_wait(m, true) + queue_wait(server, false) +
				queue_wait(server, true) + queue_wait(m, false);
		trip *= f->secure ? 2 : 1;
		if (trip > f->connect_timeout) {
			f->to = (struct p2v_addr){ .port = 0 }; /* as if nobody were there */
			trip = f->connect_timeout;
		}
	}
	f->state = CONNECTING;
	p2v_event_at(&f->step, m->sim->now + trip);
}

static void begin(struct p2v_fetch *f)
{
	struct p2v_machine *m = f->machine;
	const struct p2v_url *u = &f->parts;
	struct p2v_http_server *server;

	if (p2v_sim_find(m, u->host, &f->to) < 0) {
		fail(f, P2V_EIO, "there is no host %.*s", P2V_STR(u->host));
		return;
	}
	f->to.port = u->port;
	f->secure = p2v_str_is_nocase(u->scheme, "https");
	server = p2v_httpd_at(m, &f->to);
	f->stream = server ? p2v_pipe_idle(m, &f->to, f->secure, p2v_httpd_id(server)) : NULL;
	if (f->stream)
		ask(f);
	else
		connect_to(f, server_at(m, &f->to));
}

static void idle_run(struct p2v_event *e, bool dropped)
{
	struct p2v_fetch *f = P2V_OF(e, struct p2v_fetch, idle);
	p2v_usec now = f->machine->sim->now;

	if (dropped)
		return;
	if (f->paused || !p2v_list_empty(&f->held))
		f->heard = now; /* it is our side that waits */
	if (now - f->heard >= f->idle_timeout)
		fail(f, P2V_ETIMEDOUT, "nothing came for %lld ms",
			(long long)(f->idle_timeout / P2V_MSEC));
	else
		p2v_event_at(e, f->heard + f->idle_timeout);
}

static const struct p2v_event_kind idle_kind = { .run = idle_run };

/* ---- the response ---- */

static void body_over(struct p2v_fetch *f)
{
	p2v_event_cancel(&f->idle);
	p2v_pipe_rest(f->stream);
	f->stream = NULL;
	if (!f->next.p) {
		finish(f, P2V_OK, &(struct p2v_err){ P2V_OK, "" });
		return;
	}
	p2v_text_fini(&f->url);
	f->url = f->next;
	f->next = (struct p2v_text){ 0 };
	f->got = 0;
	f->state = STARTING;
	if (++f->hops > REDIRECTS_MAX)
		fail(f, P2V_EIO, "more than %d redirects", REDIRECTS_MAX);
	else if (p2v_url_split(text_of(&f->url), &f->parts) < 0 || !p2v_url_is_http(&f->parts))
		fail(f, P2V_EIO, "not an http URL: %s", f->url.p);
	else
		begin(f);
}

static bool redirects(struct p2v_fetch *f, const struct p2v_sim_head *h)
{
	struct p2v_str to = p2v_header_get(h->v, h->n, "Location");

	if (!f->redirects || !to.p ||
		!(h->status == 301 || h->status == 302 || h->status == 303 || h->status == 307 ||
			h->status == 308))
		return false;
	if (p2v_url_resolve(text_of(&f->url), to, &f->next) == P2V_OK)
		return true;
	p2v_text_fini(&f->next);
	return false;
}

/* @return whether f is still there */
static bool take_head(struct p2v_fetch *f, const struct p2v_sim_head *h)
{
	struct p2v_fetch_head out = { h->status, h->length, { f->url.p, f->url.n }, h->v, h->n };
	bool dead = false;

	f->state = READING;
	f->length = h->bodyless ? 0 : h->length;
	if (!redirects(f, h)) {
		p2v_sim_mix_event(f->machine, P2V_SIM_HEAD);
		p2v_sim_mix(f->machine->sim, h->status);
		p2v_sim_mix(f->machine->sim, h->length);
		f->busy = true;
		f->handler->head(f->ctx, &out);
		f->busy = false;
		dead = f->dead;
	}
	if (dead)
		release(f);
	else if (f->length == 0)
		body_over(f);
	else
		return true;
	return false;
}

static bool take_body(struct p2v_fetch *f, const struct p2v_slice *piece)
{
	struct p2v_sim *s = f->machine->sim;
	struct p2v_bytes b = { piece->p, piece->n };
	size_t edge = b.n < 32 ? b.n : 32;

	f->got += b.n;
	if (!f->next.p) {
		p2v_sim_mix_event(f->machine, P2V_SIM_BODY);
		p2v_sim_mix(s, b.n);
		p2v_sim_mix_bytes(s, b.p, edge);
		p2v_sim_mix_bytes(s, b.p + b.n - edge, edge);
		f->busy = true;
		f->showing = piece->buf;
		f->handler->body(f->ctx, b);
		f->showing = NULL;
		f->busy = false;
	}
	if (f->dead)
		release(f);
	else if (f->got == f->length)
		body_over(f);
	else
		return true;
	return false;
}

/* Hand one piece to the process. @return whether f is still there and wants more */
static bool hand(struct p2v_fetch *f, struct p2v_piece *k)
{
	bool more = false;

	switch (k->kind) {
	case P2V_PIECE_HEAD: more = take_head(f, k->head); break;
	case P2V_PIECE_BODY: more = take_body(f, &k->body); break;
	case P2V_PIECE_END: body_over(f); break;
	case P2V_PIECE_CUT:
		fail(f, P2V_EIO,
			f->state == READING ? "the connection broke before the body was whole"
					    : "the connection broke before an answer");
		break;
	}
	p2v_pipe_consumed(k);
	return more;
}

void p2v_fetch_take(struct p2v_fetch *f, struct p2v_piece *k)
{
	f->heard = f->machine->sim->now;
	if (f->paused || !p2v_list_empty(&f->held))
		p2v_list_push(&f->held, &k->at);
	else
		(void)hand(f, k);
}

static void step_run(struct p2v_event *e, bool dropped)
{
	struct p2v_fetch *f = P2V_OF(e, struct p2v_fetch, step);
	struct p2v_list *first;

	if (dropped)
		return;
	if (f->state == STARTING) {
		begin(f);
	} else if (f->state == CONNECTING) {
		connected(f);
	} else {
		while (!f->paused && (first = p2v_list_first(&f->held))) {
			p2v_list_remove(first);
			if (!hand(f, P2V_OF(first, struct p2v_piece, at)))
				return;
		}
	}
}

static const struct p2v_event_kind step_kind = { .run = step_run };

/* ---- the interface ---- */

int p2v_sim_fetch(void *self, const struct p2v_fetch_request *rq, const struct p2v_fetch_handler *h,
	void *ctx, struct p2v_fetch **out, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct p2v_fetch *f;
	size_t wire = 0, size = p2v_headers_size(rq->headers, rq->n_headers, &wire);

	f = calloc(1, sizeof *f + rq->n_headers * sizeof *f->headers + size);
	if (f)
		p2v_text_puts(&f->url, rq->url);
	if (!f || f->url.oom) {
		free(f);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a fetch");
	}
	if (p2v_url_split(text_of(&f->url), &f->parts) < 0 || !p2v_url_is_http(&f->parts)) {
		p2v_text_fini(&f->url);
		free(f);
		return p2v_fail(err, P2V_EPARSE, "not an http URL: %s", rq->url);
	}
	f->machine = m;
	f->handler = h;
	f->ctx = ctx;
	f->head_only = rq->head;
	f->ranged = rq->ranged;
	f->first = rq->first;
	f->last = rq->last;
	f->redirects = rq->redirects;
	f->connect_timeout = rq->connect_timeout ? rq->connect_timeout : CONNECT_TIMEOUT;
	f->idle_timeout = rq->idle_timeout ? rq->idle_timeout : IDLE_TIMEOUT;
	f->n_headers = rq->n_headers;
	p2v_headers_copy(
		f->headers, rq->headers, rq->n_headers, (char *)(f->headers + rq->n_headers));
	p2v_list_init(&f->held);
	p2v_list_push(&m->fetches, &f->in_machine);
	p2v_event_init(&f->step, m->sim, m, &step_kind);
	p2v_event_init(&f->idle, m->sim, m, &idle_kind);
	p2v_event_at(&f->step, m->sim->now);
	*out = f;
	return P2V_OK;
}

void p2v_sim_fetch_pause(void *self, struct p2v_fetch *f, bool pause)
{
	(void)self;
	f->paused = pause;
	f->heard = f->machine->sim->now;
	if (!pause && !p2v_list_empty(&f->held))
		p2v_event_at(&f->step, f->machine->sim->now);
}

struct p2v_buf *p2v_sim_fetch_buffer(void *self, const struct p2v_fetch *f)
{
	(void)self;
	return f->showing;
}

void p2v_sim_fetch_cancel(void *self, struct p2v_fetch *f)
{
	(void)self;
	if (f->busy)
		f->dead = true;
	else
		release(f);
}

void p2v_fetch_orphan(struct p2v_fetch *f)
{
	drop_held(f);
	f->stream = NULL;
}

void p2v_sim_http_killed(struct p2v_machine *m)
{
	P2V_LIST_EACH (it, &m->connections) {
		struct p2v_pipe *st = P2V_OF(it, struct p2v_pipe, in_client);

		if (st->fetch)
			p2v_fetch_orphan(st->fetch);
		p2v_pipe_leave(st);
	}
	P2V_LIST_EACH (it, &m->serves) {
		struct p2v_pipe *st = P2V_OF(it, struct p2v_pipe, in_server);

		if (st->x)
			p2v_exchange_lost(st->x, false);
		else
			p2v_pipe_cut(st);
	}
}

void p2v_sim_http_fini(struct p2v_sim *s)
{
	P2V_LIST_EACH (it, &s->machines) {
		struct p2v_machine *m = P2V_OF(it, struct p2v_machine, in_sim);

		P2V_LIST_EACH (at, &m->connections)
			p2v_pipe_abandon(P2V_OF(at, struct p2v_pipe, in_client));
		P2V_LIST_EACH (at, &m->fetches) {
			struct p2v_fetch *f = P2V_OF(at, struct p2v_fetch, in_machine);

			f->stream = NULL;
			release(f);
		}
	}
	p2v_httpd_fini(s);
}
