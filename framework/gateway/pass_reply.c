/* pass_reply.c - what is not shared passes through: keys, licences, objects that no manifest lists,
 * redirects, errors. Byte for byte as the CDN sends it, no faster than the player takes it. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "framework/gateway/inside.h"

#define MISS_PACE   (250 * P2V_MSEC) /* between two answers that there is no such thing */
#define MISS_MEMORY (2 * P2V_SECOND)
#define EARLY_LOOK  (100 * P2V_MSEC)

/* Some players ask again at once, for ever, for what is not there: they are slowed down.
 * @return whether this URL was missing a moment ago */
static bool missed_lately(struct p2v_request *q, bool now_too)
{
	struct p2v_gateway *g = q->gateway;
	p2v_usec now = p2v_now(&g->node->world);
	struct p2v_miss *m;
	uint64_t url;
	bool lately;

	if (!g->misses && now_too)
		g->misses = calloc(P2V_MISSES, sizeof *g->misses);
	if (!g->misses)
		return false;
	url = p2v_reply_digest(p2v_str_of(q->url), (struct p2v_str){ NULL, 0 });
	m = &g->misses[url % P2V_MISSES];
	lately = m->url == url && now - m->at < MISS_MEMORY;
	if (now_too)
		*m = (struct p2v_miss){ url, now };
	return lately;
}

/* Headers of one hop (RFC 9110 7.6.1), and those that the reply gets from us. */
static bool passes(struct p2v_str name)
{
	static const char *const stay[] = { "connection", "keep-alive", "proxy-authenticate",
		"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "location", "alt-svc", "strict-transport-security", NULL };

	for (size_t i = 0; stay[i]; i++)
		if (p2v_str_is_nocase(name, stay[i]))
			return false;
	return true;
}

static bool is_manifest(const struct p2v_request *q, const struct p2v_fetch_head *h)
{
	struct p2v_str type = p2v_header_get(h->headers, h->n_headers, "content-type");

	return h->status == 200 && !q->head && p2v_feed_reads_type(q->feed, type);
}

static void add_location(struct p2v_request *q, const struct p2v_fetch_head *h,
	struct p2v_text *text, struct p2v_reply_headers *out)
{
	struct p2v_str location = p2v_header_get(h->headers, h->n_headers, "location");
	struct p2v_text url = { 0 };

	if (!location.p)
		return;
	if (p2v_url_resolve(p2v_str_of(q->url), location, &url) == P2V_OK &&
		p2v_route_back(q, url.p, text))
		p2v_reply_add(out, "Location", (struct p2v_str){ text->p, text->n });
	else
		p2v_reply_add(out, "Location", location);
	p2v_text_fini(&url);
}

static void start(struct p2v_request *q);

static void drop_fetch(struct p2v_request *q)
{
	const struct p2v_world *w = &q->gateway->node->world;

	if (q->fetch)
		w->ops->fetch_cancel(w->self, q->fetch);
	q->fetch = NULL;
}

/* By its manifest's clock it is about to be there. Some players take a 404 for a hole, go on
 * to the next one, and so on to the end of numbers: they wait here until it is listed. */
static void early_fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_request *q = t->owner;
	bool soon = p2v_feed_expects(q->feed, q->url);

	if (p2v_fragment_reply(q))
		return;
	if (!soon) {
		start(q);
		return;
	}
	t->fire = early_fire;
	p2v_arm(&q->gateway->node->world, t, now + EARLY_LOOK);
}

static bool comes_early(struct p2v_request *q, uint32_t status)
{
	const struct p2v_world *w = &q->gateway->node->world;

	if (status != 404 || q->head || q->early || !p2v_feed_expects(q->feed, q->url))
		return false;
	q->early = true;
	q->timer.fire = early_fire;
	q->timer.owner = q;
	p2v_arm(w, &q->timer, p2v_now(w));
	return true;
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct p2v_request *q = ctx;
	struct p2v_reply_headers out = { .n = 0 };
	struct p2v_text location = { 0 };

	if (is_manifest(q, h)) { /* its path did not tell */
		drop_fetch(q);
		p2v_manifest_reply(q);
		return;
	}
	if (comes_early(q, h->status)) {
		drop_fetch(q);
		return;
	}
	if (h->status == 404 || h->status == 410)
		(void)missed_lately(q, true);
	for (size_t i = 0; i < h->n_headers && out.n < P2V_HEADERS_MAX - P2V_HEADERS_OWN; i++)
		if (passes(h->headers[i].name))
			out.v[out.n++] = h->headers[i];
	add_location(q, h, &location, &out);
	p2v_reply_cors(q, &out);
	p2v_reply_add(&out, "Cache-Status", p2v_str_of("peer2view; fwd=bypass"));
	p2v_reply_add(&out, "X-P2V-Source", p2v_str_of("cdn"));
	p2v_reply_send(q, h->status, h->length, &out);
	p2v_text_fini(&location);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct p2v_request *q = ctx;
	const struct p2v_world *w = &q->gateway->node->world;
	struct p2v_slice s;

	p2v_count(&q->gateway->node->metrics, P2V_M_DOWN_OTHER, b.n);
	if (!q->replied || q->done)
		return;
	s = p2v_slice_copy(b.p, b.n);
	if (!s.p) {
		q->done = true;
		drop_fetch(q);
		w->ops->http_abort(w->self, q->exchange);
		return;
	}
	w->ops->http_write(w->self, q->exchange, s);
	if (!q->paused && w->ops->http_room(w->self, q->exchange) == 0) {
		q->paused = true;
		w->ops->fetch_pause(w->self, q->fetch, true);
	}
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct p2v_request *q = ctx;
	const struct p2v_world *w = &q->gateway->node->world;

	q->fetch = NULL;
	if (code < 0) {
		p2v_count(&q->gateway->node->metrics, P2V_M_CDN_ERRORS, 1);
		p2v_log(q->gateway->node, P2V_LOG_WARN, "cdn_error", "what=pass why=\"%s\"",
			err->text);
	}
	if (q->done)
		return;
	if (!q->replied) {
		p2v_reply_error(q, code == P2V_ETIMEDOUT ? 504 : 502, "the CDN does not answer");
		return;
	}
	q->done = true;
	if (code < 0)
		w->ops->http_abort(w->self, q->exchange);
	else
		w->ops->http_end(w->self, q->exchange);
}

static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };

/* The player's own headers, but for those of one hop and those that name us. */
static size_t request_headers(const struct p2v_request *q, struct p2v_header *out, size_t max)
{
	static const char *const stay[] = { "host", "connection", "keep-alive", "proxy-connection",
		"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "expect", NULL };
	size_t n = 0;

	for (size_t i = 0; i < q->n_headers && n < max; i++) {
		bool goes = true;

		for (size_t k = 0; stay[k]; k++)
			goes &= !p2v_str_is_nocase(q->headers[i].name, stay[k]);
		if (goes)
			out[n++] = q->headers[i];
	}
	return n;
}

static void start(struct p2v_request *q)
{
	const struct p2v_world *w = &q->gateway->node->world;
	struct p2v_header headers[P2V_HEADERS_MAX];
	struct p2v_fetch_request rq = { .url = q->url, .head = q->head, .headers = headers };
	struct p2v_err err;

	rq.n_headers = request_headers(q, headers, P2V_HEADERS_MAX);
	if (w->ops->fetch(w->self, &rq, &handler, q, &q->fetch, &err) < 0) {
		q->fetch = NULL;
		p2v_reply_error(q, 502, err.text);
	}
}

static void start_late(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	start(t->owner);
}

void p2v_pass_reply(struct p2v_request *q)
{
	const struct p2v_world *w = &q->gateway->node->world;

	p2v_count(&q->gateway->node->metrics, P2V_M_REQ_OTHER, 1);
	if (!missed_lately(q, false)) {
		start(q);
		return;
	}
	q->timer.fire = start_late;
	q->timer.owner = q;
	p2v_arm(w, &q->timer, p2v_now(w) + MISS_PACE);
}

void p2v_pass_reply_drained(struct p2v_request *q)
{
	const struct p2v_world *w = &q->gateway->node->world;

	if (q->paused && q->fetch) {
		q->paused = false;
		w->ops->fetch_pause(w->self, q->fetch, false);
	}
}
