/* manifest_reply.c - a manifest to a player: as the CDN has it, with its absolute URIs led back
 * through the agent. */
#include <string.h>

#include "framework/base/url.h"
#include "framework/gateway/inside.h"

/* @return how many folders above its base a relative path leads on its way */
static int climbs(struct p2v_str path)
{
	struct p2v_str part;
	int level = 0, least = 0;

	while (p2v_str_split(&path, '/', &part)) {
		if (p2v_str_is(part, ".."))
			level--;
		else if (!p2v_str_is(part, ".") && path.p)
			level++;
		least = level < least ? level : least;
	}
	return -least;
}

/* How deep below the channel's folder a place lies. */
static int depth_of(const char *below)
{
	int depth = 0;

	for (const char *at = below; *at && *at != '?'; at++)
		depth += *at == '/';
	return depth;
}

/* Whether the player will come back to us by itself: a reference that is relative to a folder below
 * the mount, and that does not climb out of it, as the mount has another name than the origin's
 * folder. */
static bool comes_back(const struct p2v_request *q, const struct p2v_doc_uri *x)
{
	const char *origin = p2v_feed_channel(q->feed)->origin;
	size_t n = strlen(origin);
	struct p2v_url u;

	if (strncmp(x->url, origin, n) != 0 || strncmp(x->base, origin, n) != 0)
		return false;
	if (p2v_url_is_plain(x->uri)) /* it leads down */
		return true;
	if (p2v_url_split(x->uri, &u) < 0 || u.scheme.p || u.authority.p || u.path.n == 0 ||
		u.path.p[0] == '/')
		return false;
	return climbs(u.path) <= depth_of(x->base + n);
}

struct rewriting {
	struct p2v_request *q;
	bool moved; /* the CDN redirected us: relative references mean another folder than the
		       player thinks */
};

static bool map(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	struct rewriting *w = ctx;

	if (!w->moved && comes_back(w->q, u))
		return false;
	return p2v_route_back(w->q, u->url, out);
}

/* For how long a playlist whose readers wait for its news may be kept is not what the CDN said: it
 * may have been asked for another moment's (RFC 8216bis, appendix B). @return whether it is said */
static bool cached_for(const struct p2v_manifest_answer *a, struct p2v_reply_headers *out)
{
	long long age;

	if (!a->doc || !a->doc->head.live || !a->doc->head.can_block)
		return false;
	age = (a->held ? 6 * a->doc->head.target : a->doc->head.target / 2) / P2V_SECOND;
	(void)snprintf(out->max_age, sizeof out->max_age, "max-age=%lld", age);
	p2v_reply_add(out, "Cache-Control", p2v_str_of(age > 0 ? out->max_age : "no-cache"));
	return true;
}

static bool is_about_caching(struct p2v_str name)
{
	return p2v_str_is_nocase(name, "cache-control") || p2v_str_is_nocase(name, "expires") ||
	       p2v_str_is_nocase(name, "age");
}

/* It may be of a later reading than what is told. */
static bool is_validator(struct p2v_str name)
{
	return p2v_str_is_nocase(name, "etag") || p2v_str_is_nocase(name, "last-modified");
}

static void add_headers(
	struct p2v_request *q, const struct p2v_manifest_answer *a, struct p2v_reply_headers *out)
{
	bool ours = cached_for(a, out), no;

	for (size_t i = 0; i < a->n_headers && out->n < P2V_HEADERS_MAX - P2V_HEADERS_OWN; i++) {
		no = (ours && is_about_caching(a->headers[i].name)) ||
		     (a->held && is_validator(a->headers[i].name));
		if (!no)
			out->v[out->n++] = a->headers[i];
	}
	if (a->type.n)
		p2v_reply_add(out, "Content-Type", a->type);
	p2v_reply_vouch(q, out);
	p2v_reply_cors(q, out);
	p2v_reply_add(out, "Cache-Status",
		p2v_str_of(a->stale ? "peer2view; hit; detail=stale" : "peer2view; fwd=miss"));
	p2v_reply_add(out, "X-P2V-Source", p2v_str_of(a->stale ? "cache" : "cdn"));
}

/* Take the next entity tag off a list, without its weakness (RFC 9110 8.8.3). @return false: none
 * is left, or what is left is none */
static bool next_tag(struct p2v_str *list, struct p2v_str *out)
{
	size_t n;

	while (list->n > 0 && (*list->p == ' ' || *list->p == ',' || *list->p == '\t')) {
		list->p++;
		list->n--;
	}
	if (p2v_str_starts(*list, "W/")) {
		list->p += 2;
		list->n -= 2;
	}
	if (list->n < 2 || *list->p != '"')
		return false;
	for (n = 1; n < list->n && list->p[n] != '"'; n++) {
	}
	if (n == list->n)
		return false;
	*out = (struct p2v_str){ list->p, n + 1 };
	list->p += n + 1;
	list->n -= n + 1;
	return true;
}

/* RFC 9110 13.1.2: weak comparison with each of a list. */
static bool unchanged(const struct p2v_request *q, const struct p2v_manifest_answer *a)
{
	struct p2v_str theirs = p2v_header_get(q->headers, q->n_headers, "if-none-match");
	struct p2v_str etag = p2v_header_get(a->headers, a->n_headers, "etag"), ours, one;

	if (!theirs.p || !etag.p || !next_tag(&etag, &ours))
		return false;
	if (p2v_str_is(p2v_str_trim(theirs), "*"))
		return true;
	while (next_tag(&theirs, &one))
		if (p2v_str_equal(one, ours) && (theirs.n == 0 || strchr(" \t,", *theirs.p)))
			return true;
	return false;
}

static void send_body(struct p2v_request *q, struct p2v_reply_headers *out, struct p2v_slice body)
{
	const struct p2v_world *w = &q->gateway->node->world;
	uint64_t first = 0, last = 0;
	struct p2v_slice part;

	p2v_reply_add(out, "Accept-Ranges", p2v_str_of("bytes"));
	switch (p2v_range_place(&q->range, body.n, &first, &last)) {
	case P2V_RANGE_OK:
		(void)snprintf(out->content_range, sizeof out->content_range, "bytes %llu-%llu/%zu",
			(unsigned long long)first, (unsigned long long)last, body.n);
		p2v_reply_add(out, "Content-Range", p2v_str_of(out->content_range));
		part = p2v_slice_sub(body, (size_t)first, (size_t)(last - first + 1));
		p2v_reply_send(q, 206, part.n, out);
		break;
	case P2V_RANGE_BAD:
		(void)snprintf(
			out->content_range, sizeof out->content_range, "bytes */%zu", body.n);
		p2v_reply_add(out, "Content-Range", p2v_str_of(out->content_range));
		part = (struct p2v_slice){ NULL, NULL, 0 };
		p2v_reply_send(q, 416, 0, out);
		break;
	case P2V_RANGE_NONE:
	default:
		part = p2v_slice_ref(body);
		p2v_reply_send(q, 200, body.n, out);
		break;
	}
	p2v_slice_drop(&body);
	if (q->done) {
		p2v_slice_drop(&part);
		return;
	}
	q->done = true;
	if (part.n)
		w->ops->http_write(w->self, q->exchange, part);
	else
		p2v_slice_drop(&part);
	w->ops->http_end(w->self, q->exchange);
}

static void answered(void *ctx, const struct p2v_manifest_answer *a)
{
	struct p2v_request *q = ctx;
	struct rewriting w = { q, a->moved };
	struct p2v_reply_headers out = { .n = 0 };
	struct p2v_text text = { 0 };
	struct p2v_slice body;

	q->waiter = NULL;
	if (a->status != 200) {
		p2v_text_printf(&text, "the CDN does not give this manifest: %s", a->why);
		p2v_reply_error(
			q, a->status, text.p ? text.p : "the CDN does not give this manifest");
		p2v_text_fini(&text);
		return;
	}
	add_headers(q, a, &out);
	if (!a->held && unchanged(q, a)) {
		q->head = true; /* no body follows */
		p2v_reply_send(q, 304, 0, &out);
		return;
	}
	if (a->doc) /* what comes by a proxy stays as it is, but what it names is remembered */
		p2v_doc_rewrite(a->doc, map, &w, &text);
	else
		p2v_text_str(&text, a->text);
	body = p2v_slice_copy(text.p, text.n);
	if (text.oom || !body.p)
		p2v_reply_error(q, 503, "no memory for a manifest");
	else
		send_body(q, &out, body);
	p2v_text_fini(&text);
}

void p2v_manifest_reply(struct p2v_request *q)
{
	struct p2v_err err;

	p2v_count(&q->gateway->node->metrics, P2V_M_REQ_MANIFEST, 1);
	if (p2v_feed_manifest(q->feed, q->url, answered, q, &q->waiter, &err) < 0)
		p2v_reply_error(q, 503, err.text);
}
