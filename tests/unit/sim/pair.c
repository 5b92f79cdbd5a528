/* pair.c - two machines, a server and its visitors, for the tests of the virtual network. */
#include "tests/unit/sim/pair.h"

#include "framework/base/http.h"

static void copy(char *out, size_t size, struct p2v_str s)
{
	(void)snprintf(out, size, "%.*s", P2V_STR(s));
}

/* ---- the server ---- */

uint8_t site_byte(size_t off)
{
	return (uint8_t)(off * 31 + (off >> 8));
}

void site_reply(struct pair *p, struct p2v_exchange *x, uint32_t status, uint64_t length,
	const char *name, const char *value)
{
	struct p2v_header h = { p2v_str_of(name), p2v_str_of(value) };
	struct p2v_reply r = { status, length, &h, name ? 1 : 0 };

	p->site.w.ops->http_reply(p->site.w.self, x, &r);
}

void site_write(struct pair *p, struct p2v_exchange *x, size_t off, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);
	struct p2v_slice s;

	cr_assert(b);
	for (size_t i = 0; i < n; i++)
		b->data[i] = site_byte(off + i);
	s = p2v_slice_of(b, 0, n);
	p2v_buf_unref(b);
	p->site.w.ops->http_write(p->site.w.self, x, s);
}

static uint64_t told(const struct site *s)
{
	return s->unknown ? P2V_LENGTH_UNKNOWN : s->body;
}

void act_whole(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	site_reply(p, x, 200, told(&p->site), NULL, NULL);
	if (p->site.body)
		site_write(p, x, 0, p->site.body);
	p->site.w.ops->http_end(p->site.w.self, x);
}

static void feed(struct pair *p, struct p2v_exchange *x)
{
	struct site *s = &p->site;
	size_t room, n;

	while (s->sent < s->body && (room = s->w.ops->http_room(s->w.self, x))) {
		n = s->body - s->sent < 10000 ? s->body - s->sent : 10000;
		n = n < room ? n : room;
		site_write(p, x, s->sent, n);
		s->sent += n;
	}
	if (s->sent == s->body)
		s->w.ops->http_end(s->w.self, x);
}

void act_stream(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	p->site.sent = 0;
	site_reply(p, x, 200, told(&p->site), NULL, NULL);
	feed(p, x);
}

void act_nothing(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)p;
	(void)x;
	(void)rq;
}

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct pair *p = ctx;
	struct site *s = &p->site;

	s->requests++;
	s->asked_at = p2v_sim_now(p->sim);
	s->x = x;
	x->user = p;
	copy(s->target, sizeof s->target, rq->target);
	copy(s->method, sizeof s->method, rq->method);
	copy(s->range, sizeof s->range, p2v_header_get(rq->headers, rq->n_headers, "Range"));
	copy(s->host, sizeof s->host, p2v_header_get(rq->headers, rq->n_headers, "Host"));
	s->act(p, x, rq);
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	struct pair *p = ctx;

	cr_assert_gt(p->site.w.ops->http_room(p->site.w.self, x), 0);
	p->site.drains++;
	feed(p, x);
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct pair *p = ctx;

	cr_assert_eq(x->user, p);
	p->site.gones++;
	p->site.wholes += whole;
	p->site.gone_at = p->site.w.ops->now(p->site.w.self);
}

static const struct p2v_http_handler handler = { on_request, on_drained, on_gone };

void site_open(struct pair *p,
	void (*act)(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq))
{
	struct p2v_addr any = { .port = SITE_PORT }, bound;
	struct p2v_err err;

	p->site.w = p2v_machine_world(p->far);
	p->site.act = act;
	cr_assert_eq(p->site.w.ops->http_listen(
			     p->site.w.self, &any, &handler, p, &p->site.server, &bound, &err),
		P2V_OK);
	cr_assert_eq(bound.port, SITE_PORT);
}

/* ---- the visitor ---- */

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct visit *v = ctx;

	v->heads++;
	v->status = h->status;
	v->length = h->length;
	v->head_at = p2v_sim_now(v->pair->sim);
	copy(v->url, sizeof v->url, h->url);
	if (v->cancel_in_head)
		v->pair->w.ops->fetch_cancel(v->pair->w.self, v->fetch);
	else if (v->pause_at_once)
		v->pair->w.ops->fetch_pause(v->pair->w.self, v->fetch, true);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct visit *v = ctx;

	for (size_t i = 0; i < b.n; i++)
		v->torn |= b.p[i] != site_byte((size_t)v->n + i);
	if (!v->bodies++) {
		v->p = b.p;
		v->buf = v->pair->w.ops->fetch_buffer(v->pair->w.self, v->fetch);
	}
	v->n += b.n;
	v->last_at = p2v_sim_now(v->pair->sim);
	if (v->cancel_in_body)
		v->pair->w.ops->fetch_cancel(v->pair->w.self, v->fetch);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct visit *v = ctx;

	v->dones++;
	v->code = code;
	v->done_at = p2v_sim_now(v->pair->sim);
	(void)snprintf(v->text, sizeof v->text, "%.*s", (int)sizeof v->text - 1, err->text);
}

static const struct p2v_fetch_handler visitor = { on_head, on_body, on_done };

void visit_with(struct visit *v, struct pair *p, const char *url, struct p2v_fetch_request rq)
{
	struct p2v_err err;

	v->pair = p;
	rq.url = url;
	cr_assert_eq(p->w.ops->fetch(p->w.self, &rq, &visitor, v, &v->fetch, &err), P2V_OK);
	cr_assert_eq(v->heads + v->dones, 0);
}

void visit(struct visit *v, struct pair *p, const char *url)
{
	*v = (struct visit){ .pair = p };
	visit_with(v, p, url, (struct p2v_fetch_request){ .head = false });
}

/* ---- both ---- */

void pair_open(struct pair *p, const struct p2v_link *near, const struct p2v_link *far)
{
	struct p2v_addr a = p2v_addr_v4(0x0a000001, 0), b = p2v_addr_v4(0x0a000002, 0);

	*p = (struct pair){ .sim = p2v_sim_new(7) };
	cr_assert(p->sim);
	p->near = p2v_machine_new(p->sim, "near", &a, near);
	p->far = p2v_machine_new(p->sim, "far", &b, far);
	cr_assert(p->near && p->far);
	p2v_sim_name(p->sim, "far", &b);
	p->w = p2v_machine_world(p->near);
}

void pair_close(struct pair *p)
{
	if (p->site.server)
		p->site.w.ops->http_close(p->site.w.self, p->site.server);
	p2v_sim_free(p->sim);
}
