/* httpd.c - HTTP between machines, the server's end: listening, exchanges, what they may be given,
 * and when they are gone. The client's end is in http.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/text.h"
#include "sdk/sim/pipe.h"

enum { BUFFER = 64 * 1024 }; /* [B] that an exchange holds for the window, as a kernel would */

struct p2v_http_server {
	struct p2v_addr addr;
	UT_hash_handle hh;
	struct p2v_machine *machine;
	bool local; /* bound to loopback: only its own machine gets through */
	uint64_t id;
	uint32_t refs; /* one while it listens, one an exchange */
	bool closed;
	const struct p2v_http_handler *handler;
	void *ctx;
	struct p2v_list exchanges;
};

struct p2v_sim_exchange {
	struct p2v_exchange x; /* what the process sees */
	struct p2v_list in_server;
	struct p2v_http_server *server;
	struct p2v_pipe *stream; /* NULL: all is sent, or the connection is gone */
	bool head_only, replied, bodyless, ended, full, whole;
	uint64_t length, written; /* [B] of the body */
	p2v_usec left;            /* when the last of it had left, once stream is NULL */
	struct p2v_event gone, drained;
};

static struct p2v_sim_exchange *inner(struct p2v_exchange *x)
{
	return P2V_OF(x, struct p2v_sim_exchange, x);
}

/* ---- servers ---- */

static struct p2v_http_server *server_at(struct p2v_sim *s, const struct p2v_addr *a)
{
	struct p2v_addr key = *a;
	struct p2v_http_server *server;

	HASH_FIND(hh, s->http, &key, sizeof key, server);
	return server;
}

bool p2v_sim_http_taken(struct p2v_sim *s, const struct p2v_addr *a)
{
	return server_at(s, a) != NULL;
}

struct p2v_http_server *p2v_httpd_at(const struct p2v_machine *client, const struct p2v_addr *to)
{
	struct p2v_http_server *s = server_at(client->sim, to);

	return s && !s->machine->dead && (!s->local || s->machine == client) ? s : NULL;
}

uint64_t p2v_httpd_id(const struct p2v_http_server *s)
{
	return s->id;
}

int p2v_sim_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct p2v_http_server *s = calloc(1, sizeof *s);

	if (!s)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a server");
	s->addr = m->ip;
	s->addr.port = bind->port ? bind->port : p2v_machine_port(m);
	s->machine = m;
	s->local = p2v_addr_is_loopback(bind);
	s->id = ++m->sim->ids;
	s->refs = 1;
	s->handler = h;
	s->ctx = ctx;
	p2v_list_init(&s->exchanges);
	if (server_at(m->sim, &s->addr)) {
		free(s);
		return p2v_fail(err, P2V_EIO, "port %u is taken", bind->port);
	}
	HASH_ADD(hh, m->sim->http, addr, sizeof s->addr, s);
	if (!P2V_HASH_ADDED(hh, s)) {
		free(s);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a server");
	}
	*out = s;
	*bound = s->local ? *bind : s->addr;
	bound->port = s->addr.port;
	return P2V_OK;
}

/* ---- the end of an exchange ---- */

static void server_unref(struct p2v_http_server *s)
{
	if (--s->refs == 0)
		free(s);
}

static void exchange_free(struct p2v_sim_exchange *x)
{
	p2v_event_cancel(&x->gone);
	p2v_event_cancel(&x->drained);
	p2v_list_remove(&x->in_server);
	server_unref(x->server);
	free(x);
}

static void detach(struct p2v_sim_exchange *x)
{
	struct p2v_pipe *st = x->stream;

	x->stream = NULL;
	if (st) {
		x->left = st->left;
		st->x = NULL;
		p2v_pipe_unref(st);
	}
}

static void tell_gone(struct p2v_sim_exchange *x)
{
	struct p2v_http_server *s = x->server;

	p2v_sim_mix_event(s->machine, P2V_SIM_GONE);
	p2v_sim_mix(s->machine->sim, x->whole);
	p2v_list_remove(&x->in_server); /* the callback may close the server: this one is told */
	s->handler->gone(s->ctx, &x->x, x->whole);
	exchange_free(x);
}

/* Whoever closed a server waits for the end of each of its exchanges: that comes even on a machine
 * that has died since, or at the end of the run. */
static void gone_run(struct p2v_event *e, bool dropped)
{
	struct p2v_sim_exchange *x = P2V_OF(e, struct p2v_sim_exchange, gone);

	if (!dropped || x->server->closed)
		tell_gone(x);
}

static const struct p2v_event_kind gone_kind = { .run = gone_run };

static void drained_run(struct p2v_event *e, bool dropped)
{
	struct p2v_sim_exchange *x = P2V_OF(e, struct p2v_sim_exchange, drained);

	/* Since then the window may have shut again. */
	if (!dropped && x->stream && !x->ended && p2v_sim_room(x->server->machine, &x->x) > 0)
		x->server->handler->drained(x->server->ctx, &x->x);
}

static const struct p2v_event_kind drained_kind = { .run = drained_run };

/* Break the connection, in the server's name. */
static void cut(struct p2v_sim_exchange *x)
{
	struct p2v_pipe *st = x->stream;

	if (!st)
		return;
	st->refs++;
	detach(x);
	p2v_pipe_cut(st);
	p2v_pipe_unref(st);
}

void p2v_exchange_lost(struct p2v_sim_exchange *x, bool tell)
{
	cut(x);
	x->whole = false;
	if (tell) /* it is an event's turn, so this is no call within a call */
		tell_gone(x);
}

static void abort_exchange(struct p2v_sim_exchange *x)
{
	if (x->whole && x->ended)
		return; /* too late: all of it is on its way */
	cut(x);
	x->whole = false;
	x->ended = true;
	p2v_event_at(&x->gone, x->server->machine->sim->now);
}

/* Nothing is left to send. */
static void all_sent(struct p2v_sim_exchange *x)
{
	bool unknown = !x->bodyless && x->length == P2V_LENGTH_UNKNOWN;
	bool short_of = !x->bodyless && !unknown && x->written < x->length;

	if (short_of || (unknown && p2v_pipe_end(x->stream) < 0)) {
		abort_exchange(x);
		return;
	}
	x->whole = true;
	detach(x);
}

void p2v_exchange_progress(struct p2v_sim_exchange *x)
{
	struct p2v_pipe *st = x->stream;
	bool enough;

	if (x->full && p2v_pipe_waiting(st) <= BUFFER / 2) {
		x->full = false;
		p2v_event_at(&x->drained, st->sim->now);
	}
	enough = x->bodyless || (x->length != P2V_LENGTH_UNKNOWN && x->written == x->length);
	if (x->replied && st->queued == 0 && p2v_list_empty(&st->queue) && (x->ended || enough))
		all_sent(x);
	if (x->ended && !x->stream && x->whole)
		p2v_event_at(&x->gone, x->left);
}

/* ---- the interface ---- */

void p2v_httpd_request(struct p2v_pipe *st, const struct p2v_sim_call *c)
{
	struct p2v_http_server *s = server_at(st->sim, &st->to);
	struct p2v_sim_exchange *x = s && s->id == st->server_id ? calloc(1, sizeof *x) : NULL;
	struct p2v_http_request rq = { c->method, c->target, st->from, c->v, c->n };

	if (!x) {
		p2v_pipe_cut(st);
		return;
	}
	assert(!st->x);
	x->server = s;
	s->refs++;
	x->stream = st;
	st->x = x;
	st->refs++;
	x->head_only = p2v_str_is(c->method, "HEAD");
	p2v_event_init(&x->gone, st->sim, st->server, &gone_kind);
	p2v_event_init(&x->drained, st->sim, st->server, &drained_kind);
	p2v_list_push(&s->exchanges, &x->in_server);
	p2v_sim_mix_event(st->server, P2V_SIM_REQUEST);
	p2v_sim_mix(st->sim, st->id);
	p2v_sim_mix_bytes(st->sim, c->target.p, c->target.n);
	s->handler->request(s->ctx, &x->x, &rq);
}

static struct p2v_sim_head *head_new(const struct p2v_reply *r, bool head_only)
{
	char number[P2V_DECIMAL_MAX];
	struct p2v_header own = { p2v_str_of("Content-Length"), { number, 0 } };
	struct p2v_sim_head *h;
	size_t wire = sizeof "HTTP/1.1 200 OK\r\n\r\n" - 1, size;
	char *text;

	if (r->length == P2V_LENGTH_UNKNOWN)
		own = (struct p2v_header){ p2v_str_of("Transfer-Encoding"), p2v_str_of("chunked") };
	else
		own.value.n = p2v_decimal(r->length, number);
	size = p2v_headers_size(r->headers, r->n_headers, &wire) + p2v_headers_size(&own, 1, &wire);
	h = calloc(1, sizeof *h + (r->n_headers + 1) * sizeof *h->v + size);
	if (!h)
		return NULL;
	h->status = r->status;
	h->length = r->length;
	h->bodyless = head_only || r->status == 204 || r->status == 304;
	h->wire = wire;
	h->n = r->n_headers + 1;
	text = p2v_headers_copy(h->v, r->headers, r->n_headers, (char *)(h->v + h->n));
	p2v_headers_copy(h->v + r->n_headers, &own, 1, text);
	return h;
}

void p2v_sim_reply(void *self, struct p2v_exchange *pub, const struct p2v_reply *r)
{
	struct p2v_sim_exchange *x = inner(pub);
	struct p2v_sim_head *h = x->stream ? head_new(r, x->head_only) : NULL;

	(void)self;
	assert(!x->replied);
	x->replied = true;
	x->length = r->length;
	if (!x->stream)
		return;
	x->bodyless = h && h->bodyless;
	if (!h || p2v_pipe_head(x->stream, h) < 0)
		abort_exchange(x);
	else
		p2v_exchange_progress(x);
}

void p2v_sim_write(void *self, struct p2v_exchange *pub, struct p2v_slice s)
{
	struct p2v_sim_exchange *x = inner(pub);

	(void)self;
	if (!x->stream || x->bodyless || s.n == 0) {
		p2v_slice_drop(&s);
		return;
	}
	assert(x->replied && !x->ended);
	x->written += s.n;
	assert(x->written <= x->length);
	if (p2v_pipe_body(x->stream, s) < 0)
		abort_exchange(x);
	else if (x->stream && p2v_pipe_waiting(x->stream) >= BUFFER)
		x->full = true;
}

size_t p2v_sim_room(void *self, struct p2v_exchange *pub)
{
	struct p2v_sim_exchange *x = inner(pub);

	(void)self;
	if (!x->stream)
		return 0;
	x->full |= p2v_pipe_waiting(x->stream) >= BUFFER;
	return x->full ? 0 : BUFFER - (size_t)p2v_pipe_waiting(x->stream);
}

void p2v_sim_end(void *self, struct p2v_exchange *pub)
{
	struct p2v_sim_exchange *x = inner(pub);

	(void)self;
	assert(x->replied);
	if (x->ended)
		return; /* it was cut for want of memory */
	x->ended = true;
	if (x->stream)
		p2v_exchange_progress(x);
	else if (x->whole)
		p2v_event_at(&x->gone, x->left);
}

void p2v_sim_abort(void *self, struct p2v_exchange *pub)
{
	(void)self;
	abort_exchange(inner(pub));
}

void p2v_sim_close(void *self, struct p2v_http_server *s)
{
	struct p2v_machine *m = self;

	HASH_DEL(m->sim->http, s);
	s->closed = true;
	P2V_LIST_EACH (it, &s->exchanges) {
		struct p2v_sim_exchange *x = P2V_OF(it, struct p2v_sim_exchange, in_server);

		abort_exchange(x);
		if (x->whole)
			p2v_event_at(&x->gone, x->left);
	}
	server_unref(s);
}

void p2v_httpd_fini(struct p2v_sim *s)
{
	struct p2v_http_server *server, *next;

	HASH_ITER (hh, s->http, server, next) {
		HASH_DEL(s->http, server);
		P2V_LIST_EACH (it, &server->exchanges) {
			struct p2v_sim_exchange *x = P2V_OF(it, struct p2v_sim_exchange, in_server);

			cut(x);
			exchange_free(x);
		}
		server_unref(server);
	}
}
