/* world_laws_web.c - see world_laws_web.h. */
#include "tests/contract/world_laws_web.h"

#include <stdio.h>
#include <string.h>

#include "framework/base/http.h"

/* ---- the site ---- */

static void copy_str(char *out, size_t n, struct p2v_str s)
{
	(void)snprintf(out, n, "%.*s", P2V_STR(s));
}

static void site_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct site *s = ctx;

	CALLED(s->l);
	HOLDS(s->l, s->server != NULL);
	s->x = x;
	s->requests++;
	s->from = rq->from;
	x->user = s;
	copy_str(s->method, sizeof s->method, rq->method);
	copy_str(s->target, sizeof s->target, rq->target);
	copy_str(s->probe, sizeof s->probe, p2v_header_get(rq->headers, rq->n_headers, "x-probe"));
	copy_str(s->range, sizeof s->range, p2v_header_get(rq->headers, rq->n_headers, "Range"));
	copy_str(s->encoding, sizeof s->encoding,
		p2v_header_get(rq->headers, rq->n_headers, "Accept-Encoding"));
	if (s->act)
		s->act(s, x);
}

static void site_drained(void *ctx, struct p2v_exchange *x)
{
	struct site *s = ctx;

	CALLED(s->l);
	HOLDS(s->l, x->user == s);
	HOLDS(s->l, s->w->ops->http_room(s->w->self, x) > 0);
	s->drains++;
	site_feed(s);
}

static void site_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct site *s = ctx;

	CALLED(s->l);
	HOLDS(s->l, x->user == s);
	HOLDS(s->l, !whole || s->ended);
	if (s->x == x)
		s->x = NULL;
	s->gones++;
	s->wholes += whole;
}

const struct p2v_http_handler site_handler = { site_request, site_drained, site_gone };

bool site_listen(struct site *s, uint16_t port)
{
	struct p2v_addr bind = s->l->rig.far_ip, bound = { .port = 0 };
	struct p2v_err err = { P2V_OK, "" };
	int r = P2V_OK;

	bind.port = port;
	INSIDE(s->l, r = s->w->ops->http_listen(
			     s->w->self, &bind, &site_handler, s, &s->server, &bound, &err));
	HOLDS(s->l, r == P2V_OK);
	HOLDS(s->l, r != P2V_OK || bound.port != 0);
	HOLDS(s->l, r != P2V_OK || port == 0 || bound.port == port);
	s->at = s->l->rig.far_ip;
	s->at.port = bound.port;
	return r == P2V_OK;
}

bool site_open(struct site *s, struct laws *l, void (*act)(struct site *s, struct p2v_exchange *x))
{
	memset(s, 0, sizeof *s);
	s->l = l;
	s->w = &l->rig.far;
	s->act = act;
	return site_listen(s, 0);
}

void site_close(struct site *s)
{
	struct p2v_http_server *server = s->server;

	s->server = NULL;
	INSIDE(s->l, s->w->ops->http_close(s->w->self, server));
}

void site_reply(struct site *s, struct p2v_exchange *x, uint32_t status, uint64_t length)
{
	const struct p2v_header v[] = {
		{ p2v_str_of("X-Probe"), p2v_str_of("from the site") },
		{ p2v_str_of("Content-Type"), p2v_str_of("video/mp2t") },
	};
	const struct p2v_reply r = {
		.status = status, .length = length, .headers = v, .n_headers = 2
	};

	INSIDE(s->l, s->w->ops->http_reply(s->w->self, x, &r));
}

/* Write n bytes of the pattern from `off`, in one slice. */
void site_write(struct site *s, struct p2v_exchange *x, uint64_t off, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);

	NEEDS(s->l, b != NULL);
	for (size_t i = 0; i < n; i++)
		b->data[i] = pattern(off + i);
	INSIDE(s->l, s->w->ops->http_write(s->w->self, x, p2v_slice_of(b, 0, n)));
	p2v_buf_unref(b);
}

void site_end(struct site *s, struct p2v_exchange *x)
{
	s->ended = true;
	INSIDE(s->l, s->w->ops->http_end(s->w->self, x));
}

void site_abort(struct site *s, struct p2v_exchange *x)
{
	s->ended = true;
	INSIDE(s->l, s->w->ops->http_abort(s->w->self, x));
}

/* Give as much as there is room for, and the end after the last byte. */
void site_feed(struct site *s)
{
	while (s->x && !s->ended) {
		uint64_t left = s->total - s->given;
		size_t room = s->w->ops->http_room(s->w->self, s->x);

		if (left == 0) {
			site_end(s, s->x);
			return;
		}
		if (room == 0) {
			s->refused++;
			return;
		}
		if (left > STEP)
			left = STEP;
		site_write(s, s->x, s->given, (size_t)left);
		s->given += left;
	}
}

/* ---- a visit ---- */

static void visit_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct visit *v = ctx;

	CALLED(v->l);
	HOLDS(v->l, !v->cancelled && v->heads == 0 && v->n == 0 && v->dones == 0);
	v->heads++;
	v->status = h->status;
	v->length = h->length;
	copy_str(v->from, sizeof v->from, h->url);
	copy_str(v->probe, sizeof v->probe, p2v_header_get(h->headers, h->n_headers, "x-probe"));
	if (v->on_head)
		v->on_head(v);
}

static void visit_body(void *ctx, struct p2v_bytes b)
{
	struct visit *v = ctx;

	CALLED(v->l);
	HOLDS(v->l, !v->cancelled && v->heads == 1 && v->dones == 0 && b.n > 0);
	for (size_t i = 0; i < b.n; i++)
		v->torn = v->torn || b.p[i] != pattern(v->base + v->n + i);
	v->n += b.n;
	if (v->on_body)
		v->on_body(v);
}

static void visit_done(void *ctx, int code, const struct p2v_err *err)
{
	struct visit *v = ctx;

	CALLED(v->l);
	HOLDS(v->l, !v->cancelled && v->dones == 0);
	HOLDS(v->l, code != P2V_OK || v->heads == 1);
	v->dones++;
	v->code = code;
	v->said_why = code == P2V_OK || (err && err->code == code && err->text[0]);
	v->f = NULL;
	if (v->on_done)
		v->on_done(v);
}

const struct p2v_fetch_handler visit_handler = { visit_head, visit_body, visit_done };

/* A visit of a path at the site, to be adjusted and then begun. */
void visit_init(struct visit *v, struct site *s, const char *path)
{
	char at[P2V_ADDR_TEXT];

	memset(v, 0, sizeof *v);
	v->l = s->l;
	v->w = &s->l->rig.near;
	v->site = s;
	(void)snprintf(v->url, sizeof v->url, "http://%s%s", p2v_addr_text(&s->at, at), path);
	v->rq.url = v->url;
	v->header = (struct p2v_header){ p2v_str_of("X-Probe"), p2v_str_of("from the visitor") };
	v->rq.headers = &v->header;
	v->rq.n_headers = 1;
}

void visit_begin(struct visit *v)
{
	struct p2v_err err = { P2V_OK, "" };
	int r = P2V_OK;

	INSIDE(v->l, r = v->w->ops->fetch(v->w->self, &v->rq, &visit_handler, v, &v->f, &err));
	HOLDS(v->l, r == P2V_OK);
	/* What the request pointed to was borrowed. */
	memset(v->url, 'x', sizeof v->url - 1);
}

void visit_cancel(struct visit *v)
{
	v->cancelled = true;
	INSIDE(v->l, v->w->ops->fetch_cancel(v->w->self, v->f));
}

bool visit_is_done(void *ctx)
{
	return ((struct visit *)ctx)->dones > 0;
}

bool visit_has_head(void *ctx)
{
	return ((struct visit *)ctx)->heads > 0;
}

bool visit_has_1(void *ctx)
{
	return ((struct visit *)ctx)->n >= 1;
}

bool visit_has_step(void *ctx)
{
	return ((struct visit *)ctx)->n >= STEP;
}

bool site_has_request(void *ctx)
{
	return ((struct site *)ctx)->requests > 0;
}

bool site_saw_gone(void *ctx)
{
	return ((struct site *)ctx)->gones > 0;
}

bool site_is_full(void *ctx)
{
	return ((struct site *)ctx)->refused > 0;
}

/* The usual end: the visit was whole, and the site knows. */
void visit_holds(struct visit *v, uint32_t status, uint64_t n)
{
	struct laws *l = v->l;

	HOLDS(l, UNTIL(l, visit_is_done, v));
	HOLDS(l, UNTIL(l, site_saw_gone, v->site));
	HOLDS(l, v->code == P2V_OK && v->heads == 1 && v->status == status);
	HOLDS(l, v->n == n && !v->torn);
	HOLDS(l, v->site->wholes == v->site->gones);
}
