/* reply.c - heads of replies: status, headers, what pages of other sites may read. */
#include <string.h>

#include "framework/gateway/inside.h"

void p2v_reply_add(struct p2v_reply_headers *h, const char *name, struct p2v_str value)
{
	if (h->n < P2V_HEADERS_MAX && value.p)
		h->v[h->n++] = (struct p2v_header){ p2v_str_of(name), value };
}

static struct p2v_str get(const struct p2v_reply_headers *h, const char *name)
{
	return p2v_header_get(h->v, h->n, name);
}

static void drop(struct p2v_reply_headers *h, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		if (!p2v_str_is_nocase(h->v[i].name, name))
			h->v[kept++] = h->v[i];
	h->n = kept;
}

static void set(struct p2v_reply_headers *h, const char *name, struct p2v_str value)
{
	drop(h, name);
	p2v_reply_add(h, name, value);
}

/* ---- who may read ---- */

struct p2v_str p2v_origin_allowed(const char *allow, struct p2v_str origin)
{
	struct p2v_str rest = p2v_str_of(allow), any = { NULL, 0 }, line, one;

	while (p2v_str_split(&rest, '\n', &line))
		while (p2v_str_split(&line, ' ', &one)) {
			if (one.n > 0 && p2v_str_equal(one, origin))
				return origin;
			if (p2v_str_is(one, "*"))
				any = one;
		}
	return any;
}

uint64_t p2v_reply_digest(struct p2v_str a, struct p2v_str b)
{
	uint64_t h = a.n;

	for (size_t i = 0; i < a.n; i++)
		h = p2v_mix64(h ^ (uint64_t)(unsigned char)a.p[i]);
	for (size_t i = 0; i < b.n; i++)
		h = p2v_mix64(h ^ (uint64_t)(unsigned char)b.p[i]);
	return h ? h : 1;
}

static uint64_t reader(const struct p2v_request *q)
{
	return p2v_reply_digest(p2v_str_of(p2v_feed_channel(q->feed)->origin), q->origin);
}

static bool vouched(const struct p2v_request *q)
{
	uint64_t who = reader(q);

	for (size_t i = 0; i < P2V_READERS; i++)
		if (q->gateway->readers[i] == who)
			return true;
	return false;
}

/* Whether what the CDN said lets this page read. */
static bool lets_read(const struct p2v_request *q, struct p2v_str given)
{
	return given.p && (p2v_str_is(given, "*") || p2v_str_equal(given, q->origin));
}

void p2v_reply_vouch(const struct p2v_request *q, const struct p2v_reply_headers *h)
{
	struct p2v_gateway *g = q->gateway;

	if (!q->origin.p || !lets_read(q, get(h, "access-control-allow-origin")) || vouched(q))
		return;
	g->readers[g->next_reader] = reader(q);
	g->next_reader = (g->next_reader + 1) % P2V_READERS;
}

static void allow(struct p2v_reply_headers *h, struct p2v_str origin)
{
	set(h, "Access-Control-Allow-Origin", origin);
	if (!p2v_str_is(origin, "*"))
		p2v_reply_add(h, "Vary", p2v_str_of("Origin"));
}

void p2v_reply_cors(const struct p2v_request *q, struct p2v_reply_headers *h)
{
	struct p2v_str given = get(h, "access-control-allow-origin");

	/* A fragment may have come to somebody else, whose page or player the CDN told something
	 * else. */
	if (q->origin.p && !lets_read(q, given) && vouched(q))
		allow(h, q->origin);
	if (q->proxied) /* for the browser this is the CDN */
		return;
	/* What is same-site at the CDN is not here. */
	if (*q->gateway->conf->allow_origins)
		set(h, "Cross-Origin-Resource-Policy", p2v_str_of("cross-origin"));
	if (!q->allowed.p) {
		/* Whose pages may read is told to those pages alone. */
		p2v_reply_add(h, "Vary", p2v_str_of("Origin"));
		return;
	}
	if (p2v_str_equal(q->allowed, q->origin)) {
		allow(h, q->origin);
		set(h, "Access-Control-Allow-Credentials", p2v_str_of("true"));
	} else if (!given.p && !get(h, "access-control-allow-origin").p) {
		allow(h, q->allowed);
	}
	/* These are lists: what the CDN says stays beside it. */
	p2v_reply_add(h, "Access-Control-Expose-Headers",
		p2v_str_of(
			"Content-Length, Content-Range, Date, ETag, Cache-Status, X-P2V-Source"));
	p2v_reply_add(h, "Timing-Allow-Origin", q->allowed);
}

/* ---- sending ---- */

void p2v_reply_send(
	struct p2v_request *q, uint32_t status, uint64_t length, const struct p2v_reply_headers *h)
{
	const struct p2v_world *w = &q->gateway->node->world;
	struct p2v_reply r = {
		.status = status, .length = length, .headers = h->v, .n_headers = h->n
	};

	q->replied = true;
	w->ops->http_reply(w->self, q->exchange, &r);
	if (q->head) {
		q->done = true;
		w->ops->http_end(w->self, q->exchange);
	}
}

void p2v_reply_error(struct p2v_request *q, uint32_t status, const char *text)
{
	if (q->replied)
		return;
	q->replied = q->done = true;
	p2v_status_text(q->gateway->node, q->exchange, status, q->head, q->allowed, text);
}
