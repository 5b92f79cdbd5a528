/* fragment_reply.c - a fragment to a player: bytes in order as they arrive, with the CDN's headers,
 * at the player's pace. */
#include <string.h>

#include "framework/gateway/inside.h"

#define PACE_BURST 65536u /* [B] that may go at once */

static void finish(struct p2v_request *q, bool whole)
{
	struct p2v_reading *r = q->reading;

	q->reading = NULL;
	p2v_disarm(&q->gateway->node->world, &q->timer);
	if (r)
		p2v_reading_close(r, whole);
}

static const char *source_of(const struct p2v_reading_head *h)
{
	if (h->p2p > 0)
		return h->cdn > 0 ? "mixed" : "p2p";
	return h->hit ? "cache" : "cdn";
}

/* The CDN's headers, and our own beside them. */
static void add_headers(
	struct p2v_request *q, const struct p2v_reading_head *h, struct p2v_reply_headers *out)
{
	struct p2v_str block = h->headers;
	struct p2v_header one;

	while (out->n < P2V_HEADERS_MAX - P2V_HEADERS_OWN && p2v_header_block_next(&block, &one))
		out->v[out->n++] = one;
	p2v_reply_cors(q, out);
	(void)snprintf(out->cache_status, sizeof out->cache_status, "peer2view; %s",
		h->hit ? "hit" : "fwd=miss");
	p2v_reply_add(out, "Accept-Ranges", p2v_str_of("bytes"));
	p2v_reply_add(out, "Cache-Status", p2v_str_of(out->cache_status));
	p2v_reply_add(
		out, "X-P2V-Source", p2v_str_of(h->hit && h->p2p == 0 ? "cache" : source_of(h)));
}

/* A body that is a byte range of its URL was asked for by that range, so the answer is 206. */
static void send_part(struct p2v_request *q, struct p2v_reply_headers *out, uint64_t first,
	uint64_t last, uint64_t total)
{
	char of[24] = "*";

	if (total != P2V_LENGTH_UNKNOWN)
		(void)snprintf(of, sizeof of, "%llu", (unsigned long long)total);
	(void)snprintf(out->content_range, sizeof out->content_range, "bytes %llu-%llu/%s",
		(unsigned long long)first, (unsigned long long)last, of);
	p2v_reply_add(out, "Content-Range", p2v_str_of(out->content_range));
	q->left = last - first + 1;
	p2v_reply_send(q, 206, q->left, out);
}

/* @return whether a body follows */
static bool send_head(struct p2v_request *q, const struct p2v_reading_head *h)
{
	struct p2v_reply_headers out = { .n = 0 };
	uint64_t first, last;

	add_headers(q, h, &out);
	if (h->offset > 0 || h->total != h->length) {
		send_part(q, &out, h->offset, h->offset + h->length - 1, h->total);
		return !q->head;
	}
	q->left = h->length;
	if (h->length != P2V_LENGTH_UNKNOWN) {
		switch (p2v_range_place(&q->range, h->length, &first, &last)) {
		case P2V_RANGE_OK:
			p2v_reading_seek(q->reading, first);
			send_part(q, &out, first, last, h->length);
			return !q->head;
		case P2V_RANGE_BAD:
			(void)snprintf(out.content_range, sizeof out.content_range, "bytes */%llu",
				(unsigned long long)h->length);
			p2v_reply_add(&out, "Content-Range", p2v_str_of(out.content_range));
			q->left = 0;
			p2v_reply_send(q, 416, 0, &out);
			return !q->head;
		case P2V_RANGE_NONE: break;
		}
	}
	p2v_reply_send(q, 200, h->length, &out);
	return !q->head;
}

/* [B] that may be written now. */
static size_t allowance(struct p2v_request *q, uint64_t pace, size_t room)
{
	const struct p2v_world *w = &q->gateway->node->world;
	p2v_usec ran = p2v_now(w) - q->began;
	uint64_t may;

	if (pace == 0)
		return room;
	may = PACE_BURST + pace * (uint64_t)ran / P2V_SECOND;
	if (q->written < may)
		return may - q->written < room ? (size_t)(may - q->written) : room;
	p2v_arm(w, &q->timer,
		p2v_now(w) + (p2v_usec)((q->written - may + 16384) * P2V_SECOND / pace));
	return 0;
}

static void write_on(struct p2v_request *q, bool all_here)
{
	const struct p2v_world *w = &q->gateway->node->world;
	uint64_t pace = p2v_reading_pace(q->reading);

	while (q->left > 0) {
		/* What lies whole in memory is handed over whole: nothing is copied, and nobody has
		 * to wait. */
		size_t room = all_here && pace == 0 ? SIZE_MAX
						    : w->ops->http_room(w->self, q->exchange);
		struct p2v_slice s;
		size_t n;

		room = allowance(q, pace, room);
		if (room > q->left)
			room = (size_t)q->left;
		n = p2v_reading_next(q->reading, room, &s);
		if (n == 0)
			break;
		q->written += n;
		if (q->left != P2V_LENGTH_UNKNOWN)
			q->left -= n;
		w->ops->http_write(w->self, q->exchange, s);
	}
	if (q->left == 0 ||
		(q->left == P2V_LENGTH_UNKNOWN && p2v_reading_state(q->reading) == P2V_OK)) {
		q->done = true;
		w->ops->http_end(w->self, q->exchange);
		finish(q, true);
	} else if (p2v_reading_state(q->reading) == P2V_EIO) {
		q->done = true;
		w->ops->http_abort(w->self, q->exchange);
		finish(q, false);
	}
}

static void fail(struct p2v_request *q, uint32_t status)
{
	finish(q, false);
	if (status == 413) /* too large to be held: it passes through */
		p2v_pass_reply(q);
	else
		p2v_reply_error(q, status, "the CDN does not give this fragment");
}

static void ready(void *ctx)
{
	struct p2v_request *q = ctx;
	struct p2v_reading_head h;

	if (q->done || !q->reading || !p2v_reading_head(q->reading, &h))
		return;
	if (h.status != 200 && !q->replied) {
		fail(q, h.status);
		return;
	}
	if (!q->replied) {
		q->began = p2v_now(&q->gateway->node->world);
		if (!send_head(q, &h)) {
			finish(q, false);
			return;
		}
	}
	write_on(q, h.length != P2V_LENGTH_UNKNOWN && h.p2p + h.cdn >= h.length);
}

static void pace_fire(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	ready(t->owner);
}

void p2v_fragment_reply_drained(struct p2v_request *q)
{
	ready(q);
}

bool p2v_fragment_reply(struct p2v_request *q)
{
	static const struct p2v_reading_handler handler = { ready };
	struct p2v_manifest_range range = { true, q->range.first,
		q->range.last - q->range.first + 1 };
	int rc = P2V_ENOENT;

	q->timer.fire = pace_fire;
	q->timer.owner = q;
	/* A range may be a fragment of its own; else it is a part of one. */
	if (q->range.set && !q->range.suffix && q->range.last != UINT64_MAX)
		rc = p2v_feed_open(q->feed, q->viewer, q->url, &range, &handler, q, &q->reading);
	if (rc == P2V_ENOENT)
		rc = p2v_feed_open(q->feed, q->viewer, q->url, NULL, &handler, q, &q->reading);
	if (rc == P2V_ENOENT)
		return false;
	p2v_count(&q->gateway->node->metrics, P2V_M_REQ_FRAGMENT, 1);
	if (rc < 0)
		p2v_reply_error(q, 503, "no memory for a fragment");
	return true;
}
