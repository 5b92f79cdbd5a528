/* server.c - requests: what is asked for, how long it is held, and the answer. Sections are those
 * of draft-pantos-hls-rfc8216bis. What a path means is in request.c. */
#include "sdk/origin/server.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "framework/base/list.h"
#include "sdk/origin/playlist.h"
#include "sdk/origin/request.h"

/* Requests that are held, or whose body still grows. libmicrohttpd bounds connections anyway. */
enum { VISITS_MAX = 4096 };

struct p2v_cmaf_server {
	struct p2v_world w;
	const struct p2v_cmaf_stream *s;
	struct p2v_http_server *http;
	struct p2v_list visits;
	size_t n_visits;
};

/* One request that waits, or whose body grows. */
struct visit {
	struct p2v_list in_server;
	struct p2v_cmaf_server *server;
	struct p2v_exchange *x;
	struct p2v_cmaf_request rq;
	struct p2v_timer patience;
	bool replied; /* the body is under way … */
	size_t sent;  /* … and this many parts of its segment are out */
};

/* ---- answers ---- */

static const char m3u8[] = "application/vnd.apple.mpegurl";

/* Appendix B.1. Failures that the next moment may turn into a success are not kept at all. */
static unsigned lifetime(
	const struct p2v_cmaf_server *v, const struct p2v_cmaf_request *rq, unsigned status)
{
	unsigned target = (unsigned)(v->s->target / P2V_SECOND);
	bool list = rq->what == P2V_CMAF_MASTER || rq->what == P2V_CMAF_PLAYLIST ||
		    rq->what == P2V_CMAF_MPD;

	if (rq->what == P2V_CMAF_TIME || (status >= 400 && status != 404))
		return 0;
	if (list && !rq->blocking)
		return status == 404 ? target : target / 2;
	if (list)
		return status == 404 ? 4 * target : 6 * target;
	return status == 404 ? target : 6 * target;
}

static void head(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, unsigned status, const char *type, uint64_t length,
	const char *range)
{
	unsigned keep = lifetime(v, rq, status);
	char cache[40];
	struct p2v_header h[10];
	struct p2v_reply r = { .status = status, .length = length, .headers = h };

#define ADD(name, text) h[r.n_headers++] = (struct p2v_header){ p2v_str_of(name), p2v_str_of(text) }
	(void)snprintf(cache, sizeof cache, keep ? "max-age=%u" : "no-store", keep);
	ADD("Cache-Control", cache);
	ADD("Access-Control-Allow-Origin", "*");
	ADD("Access-Control-Expose-Headers", "Content-Length, Content-Range, Date");
	if (type)
		ADD("Content-Type", type);
	if (range)
		ADD("Content-Range", range);
	if (type && (rq->what == P2V_CMAF_SEGMENT || rq->what == P2V_CMAF_PART ||
			    rq->what == P2V_CMAF_INIT))
		ADD("Accept-Ranges", "bytes");
	if (status == 405 || rq->what == P2V_CMAF_OPTIONS) {
		ADD("Allow", "GET, HEAD, OPTIONS");
		ADD("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
		ADD("Access-Control-Allow-Headers", "*, Range");
	}
#undef ADD
	v->w.ops->http_reply(v->w.self, x, &r);
}

static void refuse(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, unsigned status, const char *why)
{
	struct p2v_slice body = p2v_slice_static(why, strlen(why));

	head(v, x, rq, status, "text/plain", body.n, NULL);
	if (body.n && !rq->head)
		v->w.ops->http_write(v->w.self, x, body);
	v->w.ops->http_end(v->w.self, x);
}

/* Takes the text. */
static void send_text(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, const char *type, struct p2v_text *t)
{
	struct p2v_slice s = p2v_slice_copy(t->p, t->n);

	if (t->oom || !s.p) {
		p2v_slice_drop(&s);
		refuse(v, x, rq, 503, "no memory\n");
	} else {
		head(v, x, rq, 200, type, s.n, NULL);
		if (rq->head)
			p2v_slice_drop(&s);
		else
			v->w.ops->http_write(v->w.self, x, s);
		v->w.ops->http_end(v->w.self, x);
	}
	p2v_text_fini(t);
}

/* Bytes of a segment, or of one thing that is like a segment of one part. */
static void send_span(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_part *parts, size_t n, uint64_t first, uint64_t len)
{
	for (size_t i = 0; i < n && len; i++) {
		uint64_t size = parts[i].bytes.n, take;

		if (first >= size) {
			first -= size;
			continue;
		}
		take = size - first < len ? size - first : len;
		v->w.ops->http_write(
			v->w.self, x, p2v_slice_sub(parts[i].bytes, (size_t)first, (size_t)take));
		len -= take;
		first = 0;
	}
}

/* A body that is whole, or the range of it that was asked for. */
static void send_whole(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, const struct p2v_cmaf_part *parts, size_t n,
	uint64_t size)
{
	uint64_t first = 0, last = size - 1;
	enum p2v_range_kind kind = p2v_range_place(&rq->range, size, &first, &last);
	const char *type = rq->sound ? "audio/mp4" : "video/mp4";
	char text[80];

	if (kind == P2V_RANGE_BAD) {
		(void)snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
		head(v, x, rq, 416, NULL, 0, text);
		v->w.ops->http_end(v->w.self, x);
		return;
	}
	if (kind == P2V_RANGE_NONE) {
		first = 0;
		last = size - 1;
	}
	(void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
		(unsigned long long)last, (unsigned long long)size);
	head(v, x, rq, kind == P2V_RANGE_OK ? 206 : 200, type, last - first + 1,
		kind == P2V_RANGE_OK ? text : NULL);
	if (!rq->head)
		send_span(v, x, parts, n, first, last - first + 1);
	v->w.ops->http_end(v->w.self, x);
}

/* ---- visits: requests that are not answered at once ---- */

static void drop_visit(struct visit *t)
{
	p2v_disarm(&t->server->w, &t->patience);
	p2v_list_remove(&t->in_server);
	t->server->n_visits--;
	t->x->user = NULL;
	free(t);
}

static void out_of_patience(struct p2v_timer *timer, p2v_usec now)
{
	struct visit *t = timer->owner;
	struct p2v_cmaf_server *v = t->server;
	struct p2v_exchange *x = t->x;
	struct p2v_cmaf_request rq = t->rq;

	(void)now;
	drop_visit(t);
	refuse(v, x, &rq, 503, "it has not come in three target durations\n");
}

/* 6.2.5.2: no request is held for longer than three target durations. */
static struct visit *hold(
	struct p2v_cmaf_server *v, struct p2v_exchange *x, const struct p2v_cmaf_request *rq)
{
	struct visit *t = v->n_visits < VISITS_MAX ? calloc(1, sizeof *t) : NULL;

	if (!t)
		return NULL;
	*t = (struct visit){ .server = v, .x = x, .rq = *rq };
	t->patience.fire = out_of_patience;
	t->patience.owner = t;
	p2v_list_push(&v->visits, &t->in_server);
	v->n_visits++;
	x->user = t;
	p2v_arm(&v->w, &t->patience, p2v_now(&v->w) + 3 * v->s->target);
	return t;
}

/* ---- segments that grow ---- */

/* The body of a segment that is not whole: each part as it comes. */
static void go_on(struct visit *t, const struct p2v_cmaf_segment *g)
{
	struct p2v_cmaf_server *v = t->server;
	struct p2v_exchange *x = t->x;

	for (; t->sent < g->n_parts; t->sent++)
		v->w.ops->http_write(v->w.self, x, p2v_slice_ref(g->parts[t->sent].bytes));
	if (!g->whole)
		return;
	drop_visit(t);
	v->w.ops->http_end(v->w.self, x);
}

/* A range of a segment that is not whole is answered as RFC 8673 has it: the length of the whole is
 * not told, and of a range to the end what is there is sent.
 * @return false: none of it is there */
static bool send_early_range(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, const struct p2v_cmaf_segment *g)
{
	uint64_t last = rq->range.last;
	char text[80];

	if (rq->range.suffix || rq->range.first >= g->size)
		return false;
	if (last >= g->size) {
		if (last < UINT64_MAX >> 11)
			return false; /* a range with an end is answered as a whole */
		last = g->size - 1;
	}
	(void)snprintf(text, sizeof text, "bytes %llu-%llu/*", (unsigned long long)rq->range.first,
		(unsigned long long)last);
	head(v, x, rq, 206, rq->sound ? "audio/mp4" : "video/mp4", last - rq->range.first + 1,
		text);
	if (!rq->head)
		send_span(v, x, g->parts, g->n_parts, rq->range.first, last - rq->range.first + 1);
	v->w.ops->http_end(v->w.self, x);
	return true;
}

/* ---- one request, now ---- */

enum verdict { ANSWERED, WAIT, GROWING };

static enum verdict serve_segment(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, bool may_grow)
{
	const struct p2v_cmaf_rendition *r = &v->s->r[rq->rendition];
	const struct p2v_cmaf_segment *g = p2v_cmaf_find(r, rq->n), *edge = p2v_cmaf_edge(r);

	if (!g && (r->ended || !edge || rq->n != edge->n + 1)) {
		refuse(v, x, rq, 404, "there is no such segment\n");
		return ANSWERED;
	}
	if (!g)
		return WAIT;
	if (g->whole) {
		send_whole(v, x, rq, g->parts, g->n_parts, g->size);
		return ANSWERED;
	}
	if (rq->range.set)
		return send_early_range(v, x, rq, g) ? ANSWERED : WAIT;
	if (!may_grow)
		return WAIT;
	head(v, x, rq, 200, rq->sound ? "audio/mp4" : "video/mp4", P2V_LENGTH_UNKNOWN, NULL);
	if (rq->head) {
		v->w.ops->http_end(v->w.self, x);
		return ANSWERED;
	}
	return GROWING;
}

/* 6.2.6: the hinted part is waited for, no other. */
static enum verdict serve_part(
	struct p2v_cmaf_server *v, struct p2v_exchange *x, const struct p2v_cmaf_request *rq)
{
	const struct p2v_cmaf_rendition *r = &v->s->r[rq->rendition];
	const struct p2v_cmaf_segment *g = p2v_cmaf_find(r, rq->n), *edge = p2v_cmaf_edge(r);

	if (v->s->conf.parts == P2V_CMAF_FILES && g && rq->i < g->n_parts) {
		send_whole(v, x, rq, &g->parts[rq->i], 1, g->parts[rq->i].bytes.n);
		return ANSWERED;
	}
	if (v->s->conf.parts == P2V_CMAF_FILES && edge && !r->ended &&
		((rq->n == edge->n && !edge->whole && rq->i == edge->n_parts) ||
			(rq->n == edge->n + 1 && rq->i == 0)))
		return WAIT;
	refuse(v, x, rq, 404, "there is no such part\n");
	return ANSWERED;
}

/* 6.2.5.2 */
static enum verdict serve_playlist(
	struct p2v_cmaf_server *v, struct p2v_exchange *x, const struct p2v_cmaf_request *rq)
{
	const struct p2v_cmaf_rendition *r = &v->s->r[rq->rendition];
	struct p2v_text t = { 0 };

	if (!v->s->ready)
		return WAIT;
	if (r->n == 0) {
		refuse(v, x, rq, 404, "this rendition never came\n");
		return ANSWERED;
	}
	if (rq->blocking && !r->ended) {
		switch (p2v_cmaf_reload(r, rq)) {
		case P2V_CMAF_TOO_FAR:
			refuse(v, x, rq, 400, "that is too far ahead\n");
			return ANSWERED;
		case P2V_CMAF_NOT_YET: return WAIT;
		default: break;
		}
	}
	p2v_cmaf_playlist(r, rq->skip, &t);
	send_text(v, x, rq, m3u8, &t);
	return ANSWERED;
}

static enum verdict serve_init(
	struct p2v_cmaf_server *v, struct p2v_exchange *x, const struct p2v_cmaf_request *rq)
{
	const struct p2v_cmaf_rendition *r = &v->s->r[rq->rendition];
	struct p2v_cmaf_part whole = { .bytes = r->init };

	if (r->init.n) {
		send_whole(v, x, rq, &whole, 1, r->init.n);
		return ANSWERED;
	}
	if (!r->ended)
		return WAIT;
	refuse(v, x, rq, 404, "this rendition never came\n");
	return ANSWERED;
}

/* What is made for all renditions together. */
static enum verdict serve_list(
	struct p2v_cmaf_server *v, struct p2v_exchange *x, const struct p2v_cmaf_request *rq)
{
	int64_t wall = v->w.ops->wall(v->w.self);
	struct p2v_text t = { 0 };
	char date[P2V_DATE_TEXT];

	if (rq->what == P2V_CMAF_TIME) {
		p2v_text_puts(&t, p2v_date_text(wall, date));
		send_text(v, x, rq, "text/plain", &t);
		return ANSWERED;
	}
	if (!v->s->ready)
		return WAIT;
	if (rq->what == P2V_CMAF_MASTER) {
		p2v_cmaf_master(v->s, &t);
		send_text(v, x, rq, m3u8, &t);
	} else {
		p2v_cmaf_mpd(v->s, p2v_str_of(rq->host), wall, &t);
		send_text(v, x, rq, "application/dash+xml", &t);
	}
	return ANSWERED;
}

static enum verdict serve(struct p2v_cmaf_server *v, struct p2v_exchange *x,
	const struct p2v_cmaf_request *rq, bool may_grow)
{
	switch (rq->what) {
	case P2V_CMAF_MASTER:
	case P2V_CMAF_MPD:
	case P2V_CMAF_TIME: return serve_list(v, x, rq);
	case P2V_CMAF_PLAYLIST: return serve_playlist(v, x, rq);
	case P2V_CMAF_INIT: return serve_init(v, x, rq);
	case P2V_CMAF_SEGMENT: return serve_segment(v, x, rq, may_grow);
	case P2V_CMAF_PART: return serve_part(v, x, rq);
	case P2V_CMAF_OPTIONS:
		head(v, x, rq, 204, NULL, 0, NULL);
		v->w.ops->http_end(v->w.self, x);
		return ANSWERED;
	case P2V_CMAF_BAD_METHOD: refuse(v, x, rq, 405, "GET, HEAD or OPTIONS\n"); return ANSWERED;
	case P2V_CMAF_BAD_QUERY:
		refuse(v, x, rq, 400, "these delivery directives make no sense\n");
		return ANSWERED;
	default: refuse(v, x, rq, 404, "there is no such thing\n"); return ANSWERED;
	}
}

/* ---- the world's calls ---- */

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *in)
{
	struct p2v_cmaf_server *v = ctx;
	struct p2v_cmaf_request rq;
	enum verdict how;
	struct visit *t;

	x->user = NULL;
	p2v_cmaf_request_read(v->s, in, &rq);
	how = serve(v, x, &rq, v->n_visits < VISITS_MAX);
	if (how == ANSWERED)
		return;
	t = hold(v, x, &rq);
	if (!t && how == WAIT) {
		refuse(v, x, &rq, 503, "too many requests are held\n");
	} else if (!t) {
		v->w.ops->http_abort(v->w.self, x);
	} else if (how == GROWING) {
		p2v_disarm(&v->w, &t->patience);
		t->replied = true;
		go_on(t, p2v_cmaf_find(&v->s->r[rq.rendition], rq.n));
	}
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	(void)ctx;
	(void)x;
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	(void)ctx;
	(void)whole;
	if (x->user)
		drop_visit(x->user);
}

static void look_again(struct visit *t)
{
	struct p2v_cmaf_server *v = t->server;
	struct p2v_exchange *x = t->x;
	struct p2v_cmaf_request rq = t->rq;
	enum verdict how = GROWING;

	if (!t->replied)
		how = serve(v, x, &rq, true);
	if (how == ANSWERED)
		drop_visit(t);
	if (how != GROWING)
		return;
	p2v_disarm(&v->w, &t->patience);
	t->replied = true;
	go_on(t, p2v_cmaf_find(&v->s->r[rq.rendition], rq.n));
}

void p2v_cmaf_server_grown(struct p2v_cmaf_server *v)
{
	P2V_LIST_EACH (it, &v->visits)
		look_again(P2V_OF(it, struct visit, in_server));
}

int p2v_cmaf_server_new(const struct p2v_world *w, const struct p2v_cmaf_stream *s,
	const struct p2v_addr *bind, struct p2v_cmaf_server **out, struct p2v_addr *bound,
	struct p2v_err *err)
{
	static const struct p2v_http_handler handler = { on_request, on_drained, on_gone };
	struct p2v_cmaf_server *v = calloc(1, sizeof *v);
	int rc;

	*out = NULL;
	if (!v)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a server");
	v->w = *w;
	v->s = s;
	p2v_list_init(&v->visits);
	rc = w->ops->http_listen(w->self, bind, &handler, v, &v->http, bound, err);
	if (rc < 0) {
		free(v);
		return rc;
	}
	*out = v;
	return P2V_OK;
}

void p2v_cmaf_server_free(struct p2v_cmaf_server *v)
{
	if (!v)
		return;
	while (!p2v_list_empty(&v->visits))
		drop_visit(P2V_OF(p2v_list_first(&v->visits), struct visit, in_server));
	free(v);
}
