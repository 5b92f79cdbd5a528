/* reply.c - heads of replies: status, headers, what pages of other sites may read. */
#include <string.h>

#include "framework/gateway/inside.h"

void p2v_reply_add(struct p2v_reply_headers *h, const char *name, struct p2v_str value)
{
	if (h->n < P2V_HEADERS_MAX && value.p)
		h->v[h->n++] = (struct p2v_header){ p2v_str_of(name), value };
}

static bool has(const struct p2v_reply_headers *h, const char *name)
{
	return p2v_header_get(h->v, h->n, name).p != NULL;
}

void p2v_reply_cors(const struct p2v_request *q, struct p2v_reply_headers *h)
{
	/* Only where the CDN gave none: two of them make browsers refuse both. */
	if (!q->gateway->conf->cors || has(h, "access-control-allow-origin"))
		return;
	p2v_reply_add(h, "Access-Control-Allow-Origin", p2v_str_of("*"));
	if (!has(h, "access-control-expose-headers"))
		p2v_reply_add(h, "Access-Control-Expose-Headers",
			p2v_str_of(
				"Content-Length, Content-Range, Date, ETag, Cache-Status, X-P2V-Source"));
	if (!has(h, "timing-allow-origin"))
		p2v_reply_add(h, "Timing-Allow-Origin", p2v_str_of("*"));
}

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
	p2v_status_text(q->gateway->node, q->exchange, status, q->head, text);
}
