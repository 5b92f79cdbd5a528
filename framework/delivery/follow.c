/* follow.c - manifests: fetched for players, followed by the agent itself while a player reads
 * them, so that new fragments are known as soon as anybody in the swarm has seen them. They always
 * come from the CDN. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "framework/delivery/inside.h"

#define RETRY        (250 * P2V_MSEC)
#define NEWS_GAP     (50 * P2V_MSEC)
#define FORGET_AFTER (60 * P2V_SECOND)
#define CHILDREN_MAX 32u
#define KEPT_MAX     32u /* header fields of a manifest that players are given */

static p2v_usec now_of(const struct p2v_playlist *p)
{
	return p2v_now(&p->feed->d->node->world);
}

static const struct p2v_delivery_conf *conf_of(const struct p2v_playlist *p)
{
	return p->feed->d->conf;
}

static void start_fetch(struct p2v_playlist *p, bool hold);
static void sooner(struct p2v_playlist *p);
static void read_again(struct p2v_playlist *p);

/* ---- who reads it ---- */

static bool followed(const struct p2v_playlist *p)
{
	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i]->followed)
			return true;
	return false;
}

static void unfollow(struct p2v_rendition *r)
{
	r->followed = false;
	r->told_newest = 0;
	p2v_mates_tell_follow(r, false);
	/* A player switches down where the line is slow: the rest of what it left is not to be in
	 * the way of what it reads now. */
	for (struct p2v_fragment *f = r->feed->d->fragments; f; f = f->hh.next)
		if (f->rendition == r)
			p2v_fragment_leave(f);
}

/* Two variants of one master, or two tracks of one set: a player plays one of them at a time. */
static bool alternatives(const struct p2v_rendition *a, const struct p2v_rendition *b)
{
	if (a->playlist == b->playlist)
		return a->set && b->set && strcmp(a->set, b->set) == 0;
	if (p2v_children_alike(a, b))
		return true;
	P2V_LIST_EACH (it, &a->feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);
		unsigned found = 0;

		for (size_t i = 0; q->doc && i < q->doc->n_variants; i++) {
			const char *url = q->doc->variants[i].at.url;

			found |= url && strcmp(url, a->playlist->url) == 0 ? 1u : 0;
			found |= url && strcmp(url, b->playlist->url) == 0 ? 2u : 0;
		}
		if (found == 3)
			return true;
	}
	return false;
}

static void arm_poll(struct p2v_playlist *p);

/* A player that asks for parts goes on to. One that asks for a whole fragment although its parts
 * are listed does not know of them. */
static void note_parts(struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	bool listed = false;

	for (size_t i = 0; i < r->timeline.n_parts && !e->part; i++)
		listed |= r->timeline.parts[i].n == e->n;
	if (e->part || listed)
		r->by_part = e->part;
	sooner(r->playlist);
}

void p2v_follow_read(struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	r->read_at = now_of(r->playlist);
	if (e->init)
		return;
	r->position = e->t + e->dur;
	note_parts(r, e);
	if (r->followed)
		return;
	P2V_LIST_EACH (it, &r->feed->renditions) {
		struct p2v_rendition *old = P2V_OF(it, struct p2v_rendition, in_feed);

		if (old != r && old->followed && alternatives(old, r))
			unfollow(old);
	}
	r->followed = true;
	r->followed_at = now_of(r->playlist);
	p2v_mates_tell_follow(r, true);
	arm_poll(r->playlist);
}

static void drop_fetch(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;

	if (p->fetch)
		w->ops->fetch_cancel(w->self, p->fetch);
	p->fetch = NULL;
}

/* What the CDN holds is a fragment, and a part is of use by now. */
static void sooner(struct p2v_playlist *p)
{
	if (!p2v_holding_too_long(p))
		return;
	drop_fetch(p);
	start_fetch(p, true);
}

/* ---- when to look again ---- */

/* A manifest that names its fragments by a rule says more by and by, and is fetched again as seldom
 * as it asks. */
static p2v_usec next_fetch(const struct p2v_playlist *p)
{
	return p->doc->head.refresh ? p->fetched + p->doc->head.refresh : P2V_NEVER;
}

static p2v_usec next_reading(const struct p2v_playlist *p, p2v_usec now)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	p2v_usec fetch = next_fetch(p), due = now + (p->doc->head.again - w->ops->wall(w->self));

	return fetch < due ? fetch : due;
}

/* [us] of the newest fragment, or, where a player reads or waits for those, part; 0: there is none
 */
static p2v_usec newest_lasts(const struct p2v_rendition *r)
{
	const struct p2v_timeline *tl = &r->timeline;
	bool by_part = r->by_part || (r->playlist->doc && p2v_holding_by_part(r->playlist));

	for (size_t i = tl->n_parts; i-- > 0 && by_part;)
		if (!tl->parts[i].hint)
			return tl->parts[i].dur;
	return tl->n > tl->n_init ? tl->v[tl->n - 1].dur : 0;
}

/* A fragment is as long as the one before it: look a little before the next is due, then often
 * until it is there. When each agent looks is drawn anew, so that in a swarm somebody soon sees it,
 * and tells the others. */
static p2v_usec poll_of(const struct p2v_rendition *r)
{
	return p2v_scale(newest_lasts(r), r->feed->d->conf->poll);
}

static void arm_poll(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	const struct p2v_rendition *r = NULL;
	const struct p2v_timeline *tl;
	p2v_usec poll, now = p2v_now(w), due, jitter;

	if (p->n_renditions && p2v_waiting_more(p))
		r = p->renditions[0];
	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i]->followed)
			r = p->renditions[i];
	poll = r ? poll_of(r) : conf_of(p)->poll;
	jitter = (p2v_usec)p2v_random_below(&p->feed->d->node->random, (uint64_t)poll + 1);
	if (p->fetch || !r || !r->timeline.live)
		return;
	tl = &r->timeline;
	due = now + poll;
	if (p->failing != P2V_UNKNOWN) {
		due = now + RETRY;
	} else if (p2v_holding_may(p, now)) {
		due = p->started + p2v_holding_gap(p);
		due = due > now ? due : now;
	} else if (p->doc && p->doc->head.again) {
		due = next_reading(p, now);
	} else if (p->unchanged == 0 && tl->n > tl->n_init) {
		p2v_usec next = p->fetched + newest_lasts(r) - poll;

		due = (next > now ? next : now) + jitter;
	} else if (tl->changed != P2V_UNKNOWN && now - tl->changed > 3 * tl->target) {
		due = now + tl->target / 2 + jitter; /* the encoder pauses: RFC 8216 6.3.4 */
	}
	p2v_arm(w, &p->timer, due);
}

static void poll_fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_playlist *p = t->owner;

	if (p->doc && p->doc->head.again && now < next_fetch(p) && p2v_list_empty(&p->waiters) &&
		followed(p)) {
		read_again(p);
		arm_poll(p);
	} else if (followed(p) || !p2v_list_empty(&p->waiters) || p->again) {
		start_fetch(p, p2v_holding_may(p, now));
	}
}

void p2v_follow_news(struct p2v_delivery *d, uint64_t key, uint64_t newest)
{
	P2V_LIST_EACH (it, &d->feeds) {
		struct p2v_feed *feed = P2V_OF(it, struct p2v_feed, in_delivery);

		P2V_LIST_EACH (at, &feed->renditions) {
			struct p2v_rendition *r = P2V_OF(at, struct p2v_rendition, in_feed);
			struct p2v_playlist *p = r->playlist;
			/* News that were none make the next ones wait: nobody can have us hammer
			 * the CDN. */
			p2v_usec gap = p2v_scale(newest_lasts(r), NEWS_GAP);
			p2v_usec due = p->started + (p->unchanged ? poll_of(r) : gap);

			if (r->key != key || !r->followed || newest <= p2v_rendition_newest(r))
				continue;
			p->again = true;
			if (!p->fetch)
				p2v_arm(&d->node->world, &p->timer,
					due > now_of(p) ? due : now_of(p));
		}
	}
}

/* ---- fetching ---- */

/* It is said when it begins, and when the reason changes; in between every try would say the same.
 */
static void failing(struct p2v_playlist *p, uint32_t status, const char *why)
{
	bool news = p->failing == P2V_UNKNOWN || p->status != status || strcmp(p->why, why) != 0;

	if (p->failing == P2V_UNKNOWN)
		p->failing = now_of(p);
	p->status = status;
	(void)snprintf(p->why, sizeof p->why, "%s", why);
	/* A body that was cut short has left its validators behind: the next fetch is without
	 * conditions. */
	p2v_text_fini(&p->etag);
	p2v_text_fini(&p->last_modified);
	p2v_count(&p->feed->d->node->metrics, P2V_M_CDN_ERRORS, 1);
	if (news)
		p2v_log(p->feed->d->node, P2V_LOG_WARN, "manifest_error",
			"channel=%s status=%u why=\"%s\"", p->feed->channel->name, status, p->why);
	/* Somebody waits or follows: try again soon. */
	p2v_arm(&p->feed->d->node->world, &p->timer, now_of(p) + RETRY);
}

static bool kept(struct p2v_str name)
{
	static const char *const names[] = { "cache-control", "expires", "etag", "last-modified",
		"date", "age", "access-control-allow-origin", "access-control-allow-credentials",
		"access-control-expose-headers", "timing-allow-origin", "set-cookie",
		"content-language", NULL };
	size_t i = 0;

	while (names[i] && !p2v_str_is_nocase(name, names[i]))
		i++;
	return names[i] != NULL;
}

static struct p2v_str copy_to(char **at, struct p2v_str s)
{
	struct p2v_str copy = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/* In one block, with their texts behind them. */
static void keep_headers(struct p2v_playlist *p, const struct p2v_fetch_head *h)
{
	size_t which[KEPT_MAX], n = 0, size = 0;
	char *at;

	free(p->headers);
	p->n_headers = 0;
	for (size_t i = 0; i < h->n_headers && n < KEPT_MAX; i++)
		if (kept(h->headers[i].name)) {
			size += h->headers[i].name.n + h->headers[i].value.n;
			which[n++] = i;
		}
	p->headers = n ? malloc(n * sizeof *p->headers + size) : NULL;
	if (!p->headers)
		return;
	at = (char *)(p->headers + n);
	for (; p->n_headers < n; p->n_headers++) {
		const struct p2v_header *from = &h->headers[which[p->n_headers]];
		struct p2v_header *to = &p->headers[p->n_headers];

		to->name = copy_to(&at, from->name);
		to->value = copy_to(&at, from->value);
	}
}

static void set_text(struct p2v_text *t, struct p2v_str s)
{
	p2v_text_fini(t);
	p2v_text_str(t, s);
}

/* The status with which what was asked for comes. A server that gives all of a file for its index
 * gives too much. */
static uint32_t whole_is(const struct p2v_playlist *p)
{
	return p->range.set ? 206 : 200;
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct p2v_playlist *p = ctx;
	struct p2v_directives ignored;
	struct p2v_text url = { 0 };

	p->in_status = h->status;
	p->in.n = 0;
	if (h->status != whole_is(p))
		return;
	keep_headers(p, h);
	set_text(&p->type, p2v_header_get(h->headers, h->n_headers, "content-type"));
	set_text(&p->etag, p2v_header_get(h->headers, h->n_headers, "etag"));
	set_text(&p->last_modified, p2v_header_get(h->headers, h->n_headers, "last-modified"));
	p2v_directives_take(h->url, &ignored, &url);
	if (url.oom) {
		p2v_text_fini(&url);
		return;
	}
	free(p->final_url);
	p->final_url = url.p;
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct p2v_playlist *p = ctx;

	p2v_count(&p->feed->d->node->metrics, P2V_M_DOWN_MANIFEST, b.n);
	if (p->in_status != whole_is(p))
		return;
	p2v_text_add(&p->in, (const char *)b.p, b.n);
	if (p->in.n > P2V_MANIFEST_MAX || p->in.oom) {
		drop_fetch(p);
		failing(p, 502,
			p->in.oom ? "no memory for it" : "it is too large to be a manifest");
	}
}

/* What another manifest told of it, by the plugin that read that. */
struct told {
	const char *proto, *context, *base;
};

static struct told told_of(const struct p2v_playlist *p)
{
	const struct p2v_doc *parent = NULL;
	const struct p2v_doc_child *c = p2v_child_of(p, &parent);
	const struct p2v_playlist *master = c ? NULL : p2v_master_of(p);

	if (c)
		return (struct told){ parent->proto, c->context, c->base->url };
	if (master)
		return (struct told){ master->doc->proto, master->doc->context, NULL };
	return (struct told){ NULL, NULL, NULL };
}

/* @return as p2v_doc_parse; P2V_EAGAIN: it is what was read before */
static int parse(
	struct p2v_playlist *p, struct p2v_str text, struct p2v_doc **out, struct p2v_err *err)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	const struct told told = told_of(p);
	const struct p2v_doc_in in = { .text = text,
		.url = p->final_url ? p->final_url : p->url,
		.type = { p->type.p, p->type.n },
		.wall = w->ops->wall(w->self),
		.proto = told.proto,
		.context = told.context,
		.base = told.base };

	if (p->doc && p2v_doc_is_of(p->doc, &in))
		return P2V_EAGAIN;
	return p2v_doc_parse(p->feed->d->policies.manifests, &in, out, err);
}

/* Read a whole body. What it says is what it said before when its bytes are the same: servers that
 * know no conditions send them again and again. */
static int read_body(struct p2v_playlist *p, struct p2v_str text, struct p2v_err *err)
{
	struct p2v_doc *doc;
	int rc = parse(p, text, &doc, err);

	if (rc < 0)
		return rc == P2V_EAGAIN ? P2V_OK : rc;
	p2v_slice_drop(&p->body);
	p2v_doc_free(p->doc);
	p->body = p2v_slice_ref(doc->text);
	p->doc = doc;
	p2v_holding_keep(p);
	for (size_t i = 0; i < doc->n_warnings && i < 4; i++)
		p2v_log_once(p->feed->d->node, P2V_LOG_INFO, "manifest_warning",
			p2v_mix64((uint64_t)(i + 1)) ^ p->viewer_tag, "channel=%s %s",
			p->feed->channel->name, doc->warnings[i]);
	return P2V_OK;
}

/* Take a whole body: understand it, and bring the renditions up to date. */
static int understand(struct p2v_playlist *p, struct p2v_str text, struct p2v_err *err)
{
	int rc = read_body(p, text, err);

	if (rc < 0)
		return rc;
	p->known = true;
	p2v_renditions_update(p);
	p2v_children_read(p);
	return P2V_OK;
}

/* The text that is there says more by now. */
static void read_again(struct p2v_playlist *p)
{
	struct p2v_slice text = p2v_slice_ref(p->body);
	struct p2v_err err;

	/* What cannot be read for lack of memory is read when the next fragment is due. */
	(void)understand(p, (struct p2v_str){ (const char *)text.p, text.n }, &err);
	p2v_slice_drop(&text);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct p2v_playlist *p = ctx;
	struct p2v_str text = { p->in.p ? p->in.p : "", p->in.n };
	struct p2v_err why;
	bool again = p->again;

	p->fetch = NULL;
	p->again = false;
	if (code < 0) {
		failing(p, code == P2V_ETIMEDOUT ? 504 : 502, err->text);
		return;
	}
	if (p->held && p->in_status != 200) { /* it may give the same without being asked to wait */
		p2v_holding_refused(p);
		p2v_arm(&p->feed->d->node->world, &p->timer, now_of(p));
		return;
	}
	if (p->in_status != whole_is(p) && !(p->in_status == 304 && p->known)) {
		char answer_text[32];

		(void)snprintf(answer_text, sizeof answer_text, "it answers %u", p->in_status);
		failing(p, p->in_status, answer_text);
		return;
	}
	if (p->in_status == whole_is(p) && understand(p, text, &why) < 0) {
		p2v_log_once(p->feed->d->node, P2V_LOG_WARN, "manifest_unread",
			p2v_id_short(&p->feed->channel->id), "channel=%s why=\"%s\"",
			p->feed->channel->name, why.text);
		/* Whatever it is, the player is given it as it stands. */
		p2v_slice_drop(&p->body);
		p->body = p2v_slice_copy(text.p, text.n);
		p2v_doc_free(p->doc);
		p->doc = NULL;
		p2v_holding_drop(p);
	} else if (p->in_status == 304) {
		p->unchanged++;
	}
	if (p->held)
		p2v_holding_answered(p);
	p2v_text_fini(&p->in); /* most of the time none is under way */
	p->fetched = now_of(p);
	if (p->failing != P2V_UNKNOWN)
		p2v_log(p->feed->d->node, P2V_LOG_INFO, "manifest_recovered",
			"channel=%s after_ms=%lld", p->feed->channel->name,
			(long long)((p->fetched - p->failing) / P2V_MSEC));
	p->failing = P2V_UNKNOWN;
	p->status = 200;
	p2v_waiting_answer(p);
	if (again && p->unchanged) {
		p->again = true;
		p2v_arm(&p->feed->d->node->world, &p->timer, p->started + conf_of(p)->poll);
	} else {
		arm_poll(p);
	}
}

static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };

/* Whether the text that is there would be read as it was: else "not modified" is no answer. */
static bool reads_as_before(const struct p2v_playlist *p)
{
	const char *now = told_of(p).context, *then = p->doc ? p->doc->given : NULL;

	return now && then ? strcmp(now, then) == 0 : now == then;
}

/* @param hold  the CDN is asked to answer when there is more than is known */
static void start_fetch(struct p2v_playlist *p, bool hold)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	struct p2v_header headers[P2V_FORWARDED + 2];
	struct p2v_fetch_request rq = { .url = p->url,
		.ranged = p->range.set,
		.first = p->range.off,
		.last = p->range.off + p->range.len - 1,
		.decode = !p->range.set,
		.redirects = true,
		.headers = headers,
		.connect_timeout = 3 * P2V_SECOND,
		.idle_timeout = 5 * P2V_SECOND };
	struct p2v_text url = { 0 };
	bool conditional;
	struct p2v_err err;

	if (p->fetch)
		return;
	p->held = false;
	if (hold) {
		p2v_text_puts(&url, p->url);
		p2v_holding_begin(p, &url);
		p->held = !url.oom;
	}
	if (p->held) { /* the answer is another resource, and never the same again */
		rq.url = url.p;
		rq.idle_timeout += 3 * p->doc->head.target;
		p2v_text_fini(&p->etag);
		p2v_text_fini(&p->last_modified);
	}
	rq.n_headers = p2v_feed_headers(p->feed, headers, P2V_FORWARDED);
	conditional = p->known && reads_as_before(p);
	if (conditional && p->etag.n)
		headers[rq.n_headers++] = (struct p2v_header){ p2v_str_of("If-None-Match"),
			{ p->etag.p, p->etag.n } };
	if (conditional && p->last_modified.n)
		headers[rq.n_headers++] = (struct p2v_header){ p2v_str_of("If-Modified-Since"),
			{ p->last_modified.p, p->last_modified.n } };
	p->started = now_of(p);
	p->in_status = 0;
	p->in.n = 0;
	p2v_disarm(w, &p->timer);
	if (w->ops->fetch(w->self, &rq, &handler, p, &p->fetch, &err) < 0) {
		p->fetch = NULL;
		failing(p, 502, err.text);
	}
	p2v_text_fini(&url);
}

/* ---- the table of manifests ---- */

static uint64_t viewer_tag(const struct p2v_feed *feed)
{
	uint64_t h = 0;

	for (size_t i = 0; i < 2; i++) /* Authorization and Cookie */
		for (const char *c = feed->forward[i]; c && *c; c++)
			h = p2v_mix64(h ^ (uint64_t)(unsigned char)*c);
	return h;
}

static const struct p2v_manifest_range all_of_it = { false, 0, 0 };

static struct p2v_playlist *playlist_find(const struct p2v_feed *feed, const char *url,
	const struct p2v_manifest_range *range, uint64_t tag)
{
	P2V_LIST_EACH (it, &feed->playlists) {
		struct p2v_playlist *p = P2V_OF(it, struct p2v_playlist, in_feed);

		if (p->viewer_tag == tag && p2v_manifest_range_same(&p->range, range) &&
			strcmp(p->url, url) == 0)
			return p;
	}
	return NULL;
}

static struct p2v_playlist *playlist_get(
	struct p2v_feed *feed, const char *url, const struct p2v_manifest_range *range)
{
	uint64_t tag = viewer_tag(feed);
	struct p2v_playlist *p = playlist_find(feed, url, range, tag);

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p || !(p->url = p2v_str_dup(p2v_str_of(url)))) {
		free(p);
		return NULL;
	}
	p->feed = feed;
	p->range = *range;
	p->viewer_tag = tag;
	p->fetched = p->asked = p->failing = p->part_asked = P2V_UNKNOWN;
	p->timer.fire = poll_fire;
	p->timer.owner = p;
	p2v_list_init(&p->waiters);
	p2v_list_push(&feed->playlists, &p->in_feed);
	return p;
}

void p2v_playlist_free(struct p2v_playlist *p)
{
	drop_fetch(p);
	p2v_holding_drop(p);
	p2v_disarm(&p->feed->d->node->world, &p->timer);
	p2v_waiting_cancel(p);
	for (size_t i = 0; i < p->n_renditions; i++)
		p2v_rendition_free(p->renditions[i]);
	free(p->renditions);
	p2v_slice_drop(&p->body);
	p2v_doc_free(p->doc);
	p2v_text_fini(&p->type);
	free(p->headers);
	p2v_text_fini(&p->etag);
	p2v_text_fini(&p->last_modified);
	p2v_text_fini(&p->in);
	p2v_list_remove(&p->in_feed);
	free(p->final_url);
	free(p->url);
	free(p);
}

/* Whether a list of fragments that is kept is read with what that one tells of it. */
static bool needed(const struct p2v_playlist *master)
{
	P2V_LIST_EACH (it, &master->feed->playlists) {
		const struct p2v_playlist *p = P2V_OF(it, struct p2v_playlist, in_feed);

		if (p->n_renditions && p2v_master_of(p) == master)
			return true;
	}
	return false;
}

void p2v_follow_beat(struct p2v_feed *feed, p2v_usec now)
{
	P2V_LIST_EACH (it, &feed->renditions) {
		struct p2v_rendition *r = P2V_OF(it, struct p2v_rendition, in_feed);
		p2v_usec idle = 3 * r->timeline.target;

		idle = idle < feed->d->conf->idle ? feed->d->conf->idle : idle;
		if (r->followed && now - r->read_at > idle)
			unfollow(r);
		else if (r->followed)
			p2v_plan_ahead(r);
	}
	P2V_LIST_EACH (it, &feed->playlists) {
		struct p2v_playlist *p = P2V_OF(it, struct p2v_playlist, in_feed);

		if (!p->fetch && p2v_list_empty(&p->waiters) && !followed(p) &&
			now - p->asked > FORGET_AFTER && !needed(p))
			p2v_playlist_free(p);
	}
}

/* Known, told of, or by its path a manifest. */
static bool is_manifest(const struct p2v_feed *feed, const char *url)
{
	struct p2v_manifest_probe probe = { .path = { NULL, 0 } };
	struct p2v_playlist *p = playlist_find(feed, url, &all_of_it, viewer_tag(feed));
	struct p2v_url u;

	if ((p && p->known) || p2v_children_name(feed, url))
		return true;
	if (p2v_url_split(p2v_str_of(url), &u) < 0)
		return false;
	probe.path = u.path;
	return p2v_manifests_probe(feed->d->policies.manifests, &probe, NULL) != NULL;
}

bool p2v_feed_is_manifest(const struct p2v_feed *feed, const char *url)
{
	struct p2v_directives ignored;
	struct p2v_text plain = { 0 };
	bool is;

	p2v_directives_take(p2v_str_of(url), &ignored, &plain);
	is = is_manifest(feed, plain.oom ? url : plain.p);
	p2v_text_fini(&plain);
	return is;
}

/* Whether that text will list the URL within two fragments' time. */
static bool lists_soon(const struct p2v_playlist *p, const char *url)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	const struct p2v_doc_in in = { .text = { (const char *)p->body.p, p->body.n },
		.url = p->final_url ? p->final_url : p->url,
		.type = { p->type.p, p->type.n },
		.wall = w->ops->wall(w->self) + 2 * p->doc->head.target,
		.proto = p->doc->proto };
	struct p2v_doc *later;
	struct p2v_err err;
	bool found = false;

	if (p2v_doc_parse(p->feed->d->policies.manifests, &in, &later, &err) < 0)
		return false;
	for (size_t i = 0; i < later->n_tracks && !found; i++)
		for (size_t k = later->tracks[i].n; k-- > 0 && !found;)
			found = later->tracks[i].segments[k].at.url &&
				strcmp(later->tracks[i].segments[k].at.url, url) == 0;
	p2v_doc_free(later);
	return found;
}

bool p2v_feed_expects(struct p2v_feed *feed, const char *url)
{
	const struct p2v_world *w = &feed->d->node->world;

	P2V_LIST_EACH (it, &feed->playlists) {
		struct p2v_playlist *p = P2V_OF(it, struct p2v_playlist, in_feed);

		if (!p->doc || !p->doc->head.again)
			continue;
		if (w->ops->wall(w->self) >= p->doc->head.again)
			read_again(p);
		if (p->doc && lists_soon(p, url))
			return true;
	}
	return false;
}

bool p2v_feed_reads_type(const struct p2v_feed *feed, struct p2v_str type)
{
	struct p2v_manifest_probe probe = { .type = type };

	return type.n > 0 && p2v_manifests_probe(feed->d->policies.manifests, &probe, NULL) != NULL;
}

void p2v_playlist_read(
	struct p2v_feed *feed, const char *url, const struct p2v_manifest_range *range)
{
	struct p2v_playlist *p = playlist_get(feed, url, range);

	if (!p)
		return;
	p->asked = now_of(p);
	if (!p->known && (p->failing == P2V_UNKNOWN || p->asked - p->started >= RETRY))
		start_fetch(p, false);
}

/* Somebody waits for p: is there to be a fetch? */
static void fetch_for(struct p2v_playlist *p, const struct p2v_directives *want)
{
	bool hold = want->has_msn && p2v_holding_may(p, now_of(p)) &&
		    !p2v_directives_met(want, p->doc);

	if (want->has_part)
		p->part_asked = now_of(p);
	sooner(p);
	if (want->bad || (p2v_waiting_fresh(p) && !want->has_msn))
		return;
	/* What the CDN holds may not come. Who wants to know what there is need not wait for that.
	 */
	if (p->fetch && p->held && !want->has_msn)
		drop_fetch(p);
	if (p->failing == P2V_UNKNOWN || now_of(p) - p->started >= RETRY)
		start_fetch(p, hold);
}

int p2v_feed_manifest(struct p2v_feed *feed, const char *url,
	void (*done)(void *, const struct p2v_manifest_answer *), void *ctx,
	struct p2v_waiter **out, struct p2v_err *err)
{
	struct p2v_directives want;
	struct p2v_text plain = { 0 };
	struct p2v_playlist *p;
	struct p2v_waiter *w;

	p2v_directives_take(p2v_str_of(url), &want, &plain);
	p = plain.oom ? NULL : playlist_get(feed, plain.p, &all_of_it);
	p2v_text_fini(&plain);
	w = p ? p2v_waiting_new(p, &want, done, ctx) : NULL;
	if (!w)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	fetch_for(p, &want);
	*out = w;
	return P2V_OK;
}
