/* load.c - one request of the player at a time: what came, whether it was right, how long it took.
 */
#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "sdk/player/inside.h"

static void on_limit(struct p2v_timer *t, p2v_usec now);

void p2v_load_init(struct p2v_load *l, struct p2v_player *p, bool manifest,
	void (*done)(struct p2v_load *l, enum p2v_load_end how), void *owner)
{
	*l = (struct p2v_load){ .player = p, .done = done, .owner = owner, .manifest = manifest };
	l->limit.fire = on_limit;
	l->limit.owner = l;
}

void p2v_load_stop(struct p2v_load *l)
{
	struct p2v_world *w = &l->player->w;

	if (l->fetch)
		w->ops->fetch_cancel(w->self, l->fetch);
	l->fetch = NULL;
	l->busy = false;
	p2v_disarm(w, &l->limit);
}

void p2v_load_fini(struct p2v_load *l)
{
	p2v_load_stop(l);
	free(l->url);
	l->url = NULL;
	p2v_text_fini(&l->body);
	p2v_text_fini(&l->from);
	p2v_text_fini(&l->type);
}

int p2v_load_read(struct p2v_load *l, struct p2v_doc **out, struct p2v_err *err)
{
	const struct p2v_player *p = l->player;
	const struct p2v_doc_in in = { .text = { l->body.p, l->body.n },
		.url = l->from.p,
		.type = { l->type.p, l->type.n },
		.wall = p->w.ops->wall(p->w.self),
		.proto = l->proto,
		.context = l->context,
		.base = l->base };
	int rc = p2v_doc_parse(p->manifests, &in, out, err);

	p2v_text_fini(&l->body);
	return rc;
}

static void finish(struct p2v_load *l, enum p2v_load_end how)
{
	l->fetch = NULL;
	l->busy = false;
	p2v_disarm(&l->player->w, &l->limit);
	l->done(l, how);
}

static P2V_PRINTF(3, 4) void fail(struct p2v_load *l, enum p2v_load_end how, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(l->why, sizeof l->why, fmt, ap);
	va_end(ap);
	finish(l, how);
}

/* It took too long; or it could not even be begun. */
static void on_limit(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_load *l = t->owner;
	bool begun = l->fetch != NULL;

	(void)now;
	p2v_load_stop(l);
	if (begun)
		fail(l, P2V_LOAD_TIMEOUT, "it took longer than %lld s",
			(long long)(l->player->conf.load_timeout / P2V_SECOND));
	else
		finish(l, P2V_LOAD_ERROR);
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct p2v_load *l = ctx;
	struct p2v_str type = p2v_header_get(h->headers, h->n_headers, "Content-Type");
	struct p2v_str range = p2v_header_get(h->headers, h->n_headers, "Content-Range");
	uint64_t first, last, total;

	l->status = h->status;
	l->length = h->length;
	l->at = 0;
	if (h->status == 206 && p2v_content_range_parse(range, &first, &last, &total) == P2V_OK)
		l->at = first;
	l->body.n = l->from.n = l->type.n = 0;
	if (!l->manifest)
		return;
	p2v_text_str(&l->from, h->url);
	p2v_text_str(&l->type, type);
}

static bool good(uint32_t status)
{
	return status == 200 || status == 206;
}

/* Of a range of a manifest, without what a server sent beside it. */
static void keep_body(struct p2v_load *l, struct p2v_bytes b)
{
	uint64_t end = l->range.set ? l->range.off + l->range.len : UINT64_MAX;
	size_t skip = 0;

	if (l->range.set && l->at < l->range.off)
		skip = l->range.off - l->at < b.n ? (size_t)(l->range.off - l->at) : b.n;
	if (l->at >= end)
		return;
	if (b.n > end - l->at)
		b.n = (size_t)(end - l->at);
	if (b.n > skip && l->body.n + b.n - skip <= P2V_MANIFEST_MAX)
		p2v_text_add(&l->body, (const char *)b.p + skip, b.n - skip);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct p2v_load *l = ctx;
	struct p2v_player *p = l->player;

	if (l->first == P2V_UNKNOWN)
		l->first = p2v_now(&p->w);
	l->got += b.n;
	p->r.bytes += b.n;
	if (!good(l->status))
		return;
	if (l->manifest)
		keep_body(l, b);
	else if (p->hooks.body)
		p->hooks.body(p->hooks.ctx, l->url, l->at, b);
	l->at += b.n;
}

/* @return whether what came is what was asked for */
static bool right(const struct p2v_load *l)
{
	if (l->manifest)
		return true; /* its length may be that of a coded form */
	if (l->length != P2V_LENGTH_UNKNOWN && l->got != l->length)
		return false;
	if (!l->range.set)
		return true;
	if (l->status == 206)
		return l->got == l->range.len && l->at == l->range.off + l->range.len;
	return l->at >= l->range.off + l->range.len;
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct p2v_load *l = ctx;

	l->fetch = NULL;
	if (code == P2V_ETIMEDOUT)
		fail(l, P2V_LOAD_TIMEOUT, "%.150s", err->text);
	else if (code < 0)
		fail(l, P2V_LOAD_ERROR, "%.150s", err->text);
	else if (l->status >= 400 && l->status < 500)
		fail(l, P2V_LOAD_MISS, "status %u", l->status);
	else if (!good(l->status))
		fail(l, P2V_LOAD_ERROR, "status %u", l->status);
	else if (!right(l))
		fail(l, P2V_LOAD_ERROR, "%llu bytes, which is not what was promised",
			(unsigned long long)l->got);
	else if (l->body.oom || l->from.oom || l->type.oom)
		fail(l, P2V_LOAD_ERROR, "no memory for a manifest");
	else
		finish(l, P2V_LOAD_OK);
}

void p2v_load_start(struct p2v_load *l, const char *url, const struct p2v_manifest_range *range)
{
	static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };
	struct p2v_player *p = l->player;
	const struct p2v_header agent = { p2v_str_of("User-Agent"),
		p2v_str_of("p2v-player/" P2V_VERSION) };
	struct p2v_fetch_request rq = { .url = url,
		.decode = l->manifest,
		.redirects = true,
		.headers = &agent,
		.n_headers = 1,
		.connect_timeout = p->conf.connect_timeout,
		.idle_timeout = l->patience ? l->patience : p->conf.idle_timeout };
	struct p2v_err err;
	p2v_usec now = p2v_now(&p->w);

	p2v_text_fini(&l->body);
	p2v_text_fini(&l->from);
	p2v_text_fini(&l->type);
	free(l->url);
	l->url = p2v_str_dup(p2v_str_of(url));
	l->range = range ? *range : (struct p2v_manifest_range){ .set = false };
	l->patience = 0;
	l->status = 0;
	l->length = P2V_LENGTH_UNKNOWN;
	l->got = l->at = 0;
	l->asked = now;
	l->first = P2V_UNKNOWN;
	if (l->range.set) {
		rq.ranged = true;
		rq.first = l->range.off;
		rq.last = l->range.off + (l->range.len ? l->range.len - 1 : 0);
	}
	l->busy = true;
	p->r.requests++;
	if (l->url && p->w.ops->fetch(p->w.self, &rq, &handler, l, &l->fetch, &err) == P2V_OK) {
		p2v_arm(&p->w, &l->limit, now + p->conf.load_timeout);
		return;
	}
	(void)snprintf(l->why, sizeof l->why, "%.150s", l->url ? err.text : "no memory");
	l->fetch = NULL;
	p2v_arm(&p->w, &l->limit, now);
}
