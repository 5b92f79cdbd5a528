/* gateway.c - the gateway's life, and each request from its arrival to its end. */
#include "framework/gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "framework/gateway/inside.h"

const struct p2v_option p2v_gateway_options[] = {
	P2V_OPT_TEXT(struct p2v_gateway_conf, listen, "127.0.0.1:8780", 3, 64,
		"address:port for players; beyond loopback, whoever reaches it can watch through this agent"),
	P2V_OPT_TEXT_MANY(struct p2v_gateway_conf, allow_hosts, "", 0, 1000,
		"names beside localhost under which players may call this agent; * allows any, and with it DNS rebinding"),
	P2V_OPT_TEXT_MANY(struct p2v_gateway_conf, open_hosts, "", 0, 4000,
		"CDN hosts that players may reach as /x/https/HOST/path, or by using the agent as HTTP proxy"),
	P2V_OPT_TEXT_MANY(struct p2v_gateway_conf, allow_origins, "*", 0, 4000,
		"sites whose pages may use this agent, as https://site.example; * is any, where the CDN does not say itself who may read"),
	P2V_OPT_END
};

/* ---- one request ---- */

static void request_free(struct p2v_request *q)
{
	const struct p2v_world *w = &q->gateway->node->world;

	p2v_disarm(w, &q->timer);
	if (q->reading)
		p2v_reading_close(q->reading, false);
	if (q->waiter)
		p2v_waiter_cancel(q->waiter);
	if (q->fetch)
		w->ops->fetch_cancel(w->self, q->fetch);
	p2v_list_remove(&q->in_gateway);
	free(q->headers);
	free(q->url);
	free(q);
}

/* Headers outlive the upcall: a fetch may begin later. */
static bool keep_headers(struct p2v_request *q, const struct p2v_http_request *rq)
{
	size_t n = rq->n_headers < P2V_HEADERS_MAX ? rq->n_headers : P2V_HEADERS_MAX;

	q->headers = p2v_headers_dup(rq->headers, n);
	q->n_headers = q->headers ? n : 0;
	return q->headers != NULL;
}

/* A page of another site asks whether it may ask (CORS preflight, and Private Network Access, which
 * browsers had before Local Network Access). What it may read is told with the answer itself. */
static void answer_options(struct p2v_request *q)
{
	struct p2v_reply_headers out = { .n = 0 };
	struct p2v_str wanted = p2v_header_get(
		q->headers, q->n_headers, "access-control-request-headers");

	q->head = true;
	p2v_reply_add(&out, "Vary", p2v_str_of("Origin"));
	if (q->origin.p && q->allowed.p) {
		p2v_reply_add(&out, "Access-Control-Allow-Origin", q->origin);
		p2v_reply_add(&out, "Access-Control-Allow-Credentials", p2v_str_of("true"));
		p2v_reply_add(
			&out, "Access-Control-Allow-Methods", p2v_str_of("GET, HEAD, OPTIONS"));
		p2v_reply_add(&out, "Access-Control-Allow-Headers",
			wanted.n ? wanted : p2v_str_of("Range"));
		p2v_reply_add(&out, "Access-Control-Max-Age", p2v_str_of("600"));
		if (p2v_header_get(
			    q->headers, q->n_headers, "access-control-request-private-network")
				.p)
			p2v_reply_add(
				&out, "Access-Control-Allow-Private-Network", p2v_str_of("true"));
	}
	p2v_reply_add(&out, "Allow", p2v_str_of("GET, HEAD, OPTIONS"));
	p2v_reply_send(q, 204, 0, &out);
}

static void refuse(struct p2v_request *q, uint32_t status, const char *text)
{
	p2v_count(&q->gateway->node->metrics, P2V_M_REQ_REFUSED, 1);
	p2v_reply_error(q, status, text);
}

static void answer(struct p2v_request *q, const struct p2v_http_request *rq)
{
	int rc = p2v_route(q, rq->target);

	if (rc == P2V_ENOENT) {
		refuse(q, 404,
			"no channel is mounted here; see the agent's configuration for its mounts");
	} else if (rc == P2V_EPERM) {
		refuse(q, 403, "this agent does not reach that host; name it in open_hosts");
	} else if (rc == P2V_EPARSE) {
		refuse(q, 400, "this path leads nowhere");
	} else if (rc < 0) {
		refuse(q, 503, "no memory for a request");
	} else {
		p2v_feed_forward(q->feed, q->headers, q->n_headers);
		q->viewer = p2v_feed_viewer(
			q->feed, &rq->from, p2v_header_get(q->headers, q->n_headers, "user-agent"));
		if (p2v_feed_is_manifest(q->feed, q->url))
			p2v_manifest_reply(q);
		else if (!p2v_fragment_reply(q))
			p2v_pass_reply(q);
	}
}

/* @return whether it may be answered; else it was told why not */
static bool welcome(struct p2v_gateway *g, struct p2v_exchange *x,
	const struct p2v_http_request *rq, struct p2v_str allowed)
{
	bool proxied = p2v_route_is_proxied(rq->target), head = p2v_str_is(rq->method, "HEAD");
	const char *why = NULL;
	uint32_t status = 403;

	/* To a proxy, Host names the CDN (RFC 9112 3.2.2); no page can make a browser call us so,
	 * and what its pages may read is the CDN's to say. */
	if (!proxied && !p2v_status_host_allowed(&g->status, rq)) {
		why = "this agent is not called so; name it in allow_hosts";
	} else if (!head && !p2v_str_is(rq->method, "OPTIONS") && !p2v_str_is(rq->method, "GET")) {
		why = "only GET and HEAD pass through here";
		status = 405;
	} else if (!proxied && !allowed.p &&
		   p2v_header_get(rq->headers, rq->n_headers, "origin").p) {
		why = "pages of this site do not use this agent; name it in allow_origins";
	}
	if (!why)
		return true;
	p2v_count(&g->node->metrics, P2V_M_REQ_REFUSED, 1);
	p2v_status_text(g->node, x, status, head, allowed, why);
	return false;
}

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct p2v_gateway *g = ctx;
	bool head = p2v_str_is(rq->method, "HEAD"), options = p2v_str_is(rq->method, "OPTIONS");
	struct p2v_str allowed = p2v_origin_allowed(
		g->conf->allow_origins, p2v_header_get(rq->headers, rq->n_headers, "origin"));
	struct p2v_request *q;

	x->user = NULL;
	if (!welcome(g, x, rq, allowed))
		return;
	if (!options && p2v_status_answer(&g->status, x, rq, allowed))
		return;
	q = g->draining ? NULL : calloc(1, sizeof *q);
	if (!q) {
		p2v_status_text(g->node, x, 503, head, allowed,
			g->draining ? "the agent is about to stop" : "no memory");
		return;
	}
	q->gateway = g;
	q->exchange = x;
	q->head = head;
	q->left = P2V_LENGTH_UNKNOWN;
	x->user = q;
	p2v_list_push(&g->requests, &q->in_gateway);
	if (!keep_headers(q, rq)) {
		refuse(q, 503, "no memory for a request");
		return;
	}
	q->origin = p2v_header_get(q->headers, q->n_headers, "origin");
	q->allowed = p2v_origin_allowed(g->conf->allow_origins, q->origin);
	q->range = p2v_range_parse(p2v_header_get(q->headers, q->n_headers, "range"));
	if (options)
		answer_options(q);
	else
		answer(q, rq);
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	struct p2v_request *q = x->user;

	(void)ctx;
	if (!q || q->done)
		return;
	if (q->reading)
		p2v_fragment_reply_drained(q);
	else if (q->fetch)
		p2v_pass_reply_drained(q);
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	(void)ctx; /* the gateway may be gone already */
	(void)whole;
	if (x->user)
		request_free(x->user);
}

static const struct p2v_http_handler http_handler = { on_request, on_drained, on_gone };

/* ---- life ---- */

static void stats(void *ctx, struct p2v_json *j)
{
	struct p2v_gateway *g = ctx;
	char text[P2V_ADDR_TEXT];

	p2v_json_text(j, "listen", p2v_addr_text(&g->bound, text));
	p2v_json_open(j, "mounts", '[');
	for (size_t i = 0; i < g->n_channels; i++) {
		p2v_json_open(j, NULL, '{');
		p2v_json_text(j, "name", g->channels[i].name);
		p2v_json_text(j, "mount", g->channels[i].mount);
		p2v_json_close(j, '}');
	}
	p2v_json_close(j, ']');
	p2v_delivery_json(g->delivery, j);
	if (g->json)
		g->json(g->ctx, j);
}

static const char *ready(void *ctx)
{
	return ((struct p2v_gateway *)ctx)->draining ? "draining" : NULL;
}

int p2v_gateway_new(struct p2v_node *node, const struct p2v_gateway_conf *conf,
	struct p2v_delivery *d, struct p2v_channel *channels, size_t n, const char *version,
	void (*json)(void *, struct p2v_json *), void *ctx, struct p2v_gateway **out,
	struct p2v_err *err)
{
	const struct p2v_world *w = &node->world;
	struct p2v_gateway *g;
	struct p2v_addr bind;
	struct p2v_err why;
	int rc;

	if (p2v_addr_parse(conf->listen, &bind, &why) < 0)
		return p2v_fail(err, P2V_ECONF, "listen: %s", why.text);
	g = calloc(1, sizeof *g);
	if (!g)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the gateway");
	g->node = node;
	g->conf = conf;
	g->delivery = d;
	g->channels = channels;
	g->n_channels = n;
	g->json = json;
	g->ctx = ctx;
	p2v_list_init(&g->hosts);
	p2v_list_init(&g->requests);
	g->status = (struct p2v_status){ .node = node,
		.role = "agent",
		.version = version,
		.started = p2v_now(w),
		.allow_hosts = conf->allow_hosts,
		.json = stats,
		.ready = ready,
		.ctx = g };
	rc = w->ops->http_listen(w->self, &bind, &http_handler, g, &g->server, &g->bound, err);
	if (rc < 0)
		p2v_gateway_free(g);
	else
		*out = g;
	return rc;
}

void p2v_gateway_stop(struct p2v_gateway *g)
{
	const struct p2v_world *w = &g->node->world;

	g->draining = true;
	/* The world tells the end of each exchange later, when there is no gateway any more. */
	P2V_LIST_EACH (it, &g->requests) {
		struct p2v_request *q = P2V_OF(it, struct p2v_request, in_gateway);

		q->exchange->user = NULL;
		request_free(q);
	}
	if (g->server)
		w->ops->http_close(w->self, g->server);
	g->server = NULL;
}

void p2v_gateway_free(struct p2v_gateway *g)
{
	if (!g)
		return;
	p2v_gateway_stop(g);
	p2v_route_fini(g);
	free(g->misses);
	free(g);
}

struct p2v_addr p2v_gateway_bound(const struct p2v_gateway *g)
{
	return g->bound;
}

size_t p2v_gateway_drain(struct p2v_gateway *g)
{
	size_t n = 0;

	g->draining = true;
	P2V_LIST_EACH (it, &g->requests)
		n++;
	return n;
}
