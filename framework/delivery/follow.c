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
#define KEPT_MAX     32u /* header fields of a manifest that players are given */

static p2v_usec now_of(const struct p2v_playlist *p)
{
	return p2v_now(&p->feed->d->node->world);
}

static const struct p2v_delivery_conf *conf_of(const struct p2v_playlist *p)
{
	return p->feed->d->conf;
}

static void start_fetch(struct p2v_playlist *p);

/* ---- renditions ---- */

static void rendition_free(struct p2v_rendition *r)
{
	for (struct p2v_fragment *f = r->feed->d->fragments; f; f = f->hh.next)
		if (f->rendition == r)
			f->rendition = NULL;
	if (r->followed)
		p2v_mates_tell_follow(r, false);
	p2v_list_remove(&r->in_feed);
	p2v_timeline_fini(&r->timeline);
	free(r);
}

static struct p2v_rendition *rendition_get(struct p2v_playlist *p, size_t track)
{
	struct p2v_rendition **v, *r;

	if (track < p->n_renditions && p->renditions[track])
		return p->renditions[track];
	if (track >= p->n_renditions) {
		v = realloc(p->renditions, (track + 1) * sizeof(struct p2v_rendition *));
		if (!v)
			return NULL;
		while (p->n_renditions <= track)
			v[p->n_renditions++] = NULL;
		p->renditions = v;
	}
	r = calloc(1, sizeof *r);
	if (!r || p2v_timeline_init(&r->timeline, p->url) < 0) {
		free(r);
		return NULL;
	}
	r->feed = p->feed;
	r->playlist = p;
	r->track = track;
	r->read_at = r->position = P2V_UNKNOWN;
	r->key = p2v_channel_rendition_key(
		p->feed->channel, &p->feed->d->node->crypto, p->url, track);
	p2v_list_push(&p->feed->renditions, &r->in_feed);
	p->renditions[track] = r;
	return r;
}

/* The manifest that lists this one as a variant, and its bit rate there. @return NULL: none does */
static const struct p2v_doc *listed_in(const struct p2v_playlist *p, uint64_t *bitrate)
{
	P2V_LIST_EACH (it, &p->feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);

		for (size_t i = 0; q->doc && i < q->doc->n_variants; i++)
			if (q->doc->variants[i].at.url &&
				strcmp(q->doc->variants[i].at.url, p->url) == 0) {
				*bitrate = q->doc->variants[i].bw;
				return q->doc;
			}
	}
	return NULL;
}

/* The next higher bit rate that the player could choose. @return 0: none is higher */
static uint64_t next_above(const struct p2v_doc *doc, uint64_t bitrate)
{
	uint64_t next = 0;

	for (size_t i = 0; i < doc->n_variants; i++) {
		uint64_t bw = doc->variants[i].bw;

		if (bw > bitrate && (next == 0 || bw < next))
			next = bw;
	}
	return next;
}

/* Another encoder, or one that began anew: what we hold under these names is not what they mean
 * now. That goes for names that are no longer listed, too: they will be again. */
static void restarted(struct p2v_rendition *r)
{
	struct p2v_node *n = r->feed->d->node;

	p2v_log(n, P2V_LOG_WARN, "stream_restarted", "rendition=%016llx",
		(unsigned long long)r->key);
	for (struct p2v_fragment *f = r->feed->d->fragments; f; f = f->hh.next)
		if (f->feed == r->feed && f->rendition_key == r->key)
			p2v_fragment_renew(
				f, n->world.ops->wall(n->world.self) - 2 * r->timeline.target);
}

/* How far apart two renditions' clocks are: by program date, else by number, else by their edges.
 */
static bool clock_offset(const struct p2v_timeline *a, const struct p2v_timeline *b, p2v_usec *out)
{
	const struct p2v_timeline_entry *x, *y;

	if (a->n == a->n_init || b->n == b->n_init)
		return false;
	x = &a->v[a->n - 1];
	y = &b->v[b->n - 1];
	if (x->has_pdt && y->has_pdt) {
		*out = (x->t - y->t) - (x->pdt - y->pdt);
		return true;
	}
	for (size_t i = b->n; i-- > b->n_init;) {
		if (b->v[i].n == x->n) {
			*out = x->t - b->v[i].t;
			return true;
		}
	}
	*out = x->t + x->dur - y->t - y->dur;
	return true;
}

/* Renditions of one feed share a clock: a player's position goes on through a switch. */
static void join_clock(struct p2v_rendition *r)
{
	P2V_LIST_EACH (it, &r->feed->renditions) {
		const struct p2v_rendition *q = P2V_OF(it, struct p2v_rendition, in_feed);
		p2v_usec by;

		if (q != r && clock_offset(&q->timeline, &r->timeline, &by)) {
			p2v_timeline_shift(&r->timeline, by);
			return;
		}
	}
}

static void update_rendition(struct p2v_playlist *p, size_t track)
{
	struct p2v_rendition *r = rendition_get(p, track);
	uint64_t bitrate = 0;
	const struct p2v_doc *master = listed_in(p, &bitrate);
	bool first = r && r->timeline.changed == P2V_UNKNOWN;
	size_t fresh = 0;

	if (!r || p2v_timeline_update(&r->timeline, p->doc, track, now_of(p), &fresh) < 0)
		return;
	if (bitrate)
		r->timeline.bitrate = bitrate;
	r->next_bitrate = master ? next_above(master, bitrate) : 0;
	if (first)
		join_clock(r);
	if (r->timeline.restarted)
		restarted(r);
	for (struct p2v_fragment *f = p->feed->d->fragments; f; f = f->hh.next)
		if (f->rendition == r && !p2v_timeline_find(&r->timeline, f->url, &f->range))
			f->rendition = NULL;
	p->unchanged = fresh ? 0 : p->unchanged + 1;
	if (fresh)
		p2v_mates_tell_news(r);
	p2v_plan_ahead(r);
}

static bool followed(const struct p2v_playlist *p)
{
	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i] && p->renditions[i]->followed)
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

/* Two variants of one master: a player plays one of them at a time. */
static bool alternatives(const struct p2v_rendition *a, const struct p2v_rendition *b)
{
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

void p2v_follow_read(struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	r->read_at = now_of(r->playlist);
	if (e->init)
		return;
	r->position = e->t + e->dur;
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

/* ---- when to look again ---- */

/* A fragment is as long as the one before it: look a little before the next is due, then often
 * until it is there. When each agent looks is drawn anew, so that in a swarm somebody soon sees it,
 * and tells the others. */
static void arm_poll(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	p2v_usec poll = conf_of(p)->poll, now = p2v_now(w), due = now + poll;
	p2v_usec jitter = (p2v_usec)p2v_random_below(&p->feed->d->node->random, (uint64_t)poll + 1);
	const struct p2v_timeline *tl = NULL;

	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i] && p->renditions[i]->followed)
			tl = &p->renditions[i]->timeline;
	if (p->fetch || !tl || !tl->live)
		return;
	if (p->failing != P2V_UNKNOWN) {
		due = now + RETRY;
	} else if (p->unchanged == 0 && tl->n > tl->n_init) {
		p2v_usec next = p->fetched + tl->v[tl->n - 1].dur - poll;

		due = (next > now ? next : now) + jitter;
	} else if (tl->changed != P2V_UNKNOWN && now - tl->changed > 3 * tl->target) {
		due = now + tl->target / 2 + jitter; /* the encoder pauses: RFC 8216 6.3.4 */
	}
	p2v_arm(w, &p->timer, due);
}

static void poll_fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_playlist *p = t->owner;

	(void)now;
	if (followed(p) || !p2v_list_empty(&p->waiters) || p->again)
		start_fetch(p);
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
			p2v_usec due = p->started + (p->unchanged ? conf_of(p)->poll : NEWS_GAP);

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

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct p2v_playlist *p = ctx;
	char *url;

	p->in_status = h->status;
	p->in.n = 0;
	if (h->status != 200)
		return;
	keep_headers(p, h);
	set_text(&p->type, p2v_header_get(h->headers, h->n_headers, "content-type"));
	set_text(&p->etag, p2v_header_get(h->headers, h->n_headers, "etag"));
	set_text(&p->last_modified, p2v_header_get(h->headers, h->n_headers, "last-modified"));
	url = p2v_str_dup(h->url);
	if (url) {
		free(p->final_url);
		p->final_url = url;
	}
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct p2v_playlist *p = ctx;
	const struct p2v_world *w = &p->feed->d->node->world;

	p2v_count(&p->feed->d->node->metrics, P2V_M_DOWN_MANIFEST, b.n);
	if (p->in_status != 200)
		return;
	p2v_text_add(&p->in, (const char *)b.p, b.n);
	if (p->in.n > P2V_MANIFEST_MAX || p->in.oom) {
		w->ops->fetch_cancel(w->self, p->fetch);
		p->fetch = NULL;
		failing(p, 502,
			p->in.oom ? "no memory for it" : "it is too large to be a manifest");
	}
}

static int parse(const struct p2v_playlist *p, struct p2v_str text, struct p2v_doc **out,
	struct p2v_err *err)
{
	return p2v_doc_parse(p->feed->d->policies.manifests, text,
		p->final_url ? p->final_url : p->url, (struct p2v_str){ p->type.p, p->type.n }, out,
		err);
}

const struct p2v_doc *p2v_playlist_doc(struct p2v_playlist *p)
{
	struct p2v_err err;

	if (!p->doc && p->reads &&
		parse(p, (struct p2v_str){ (const char *)p->body.p, p->body.n }, &p->doc, &err) < 0)
		p->doc = NULL;
	return p->doc;
}

void p2v_playlist_rest(struct p2v_playlist *p)
{
	if (!p->doc || p->doc->n_variants > 0 || !p2v_list_empty(&p->waiters))
		return;
	p2v_doc_free(p->doc);
	p->doc = NULL;
}

/* Take a whole body: understand it, and bring the renditions up to date. */
static int understand(struct p2v_playlist *p, struct p2v_str text, struct p2v_err *err)
{
	struct p2v_slice body = p2v_slice_copy(text.p, text.n);
	struct p2v_doc *doc = NULL;
	int rc;

	if (!body.p)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	rc = parse(p, text, &doc, err);
	if (rc < 0) {
		p2v_slice_drop(&body);
		return rc;
	}
	p2v_slice_drop(&p->body);
	p2v_doc_free(p->doc);
	p->body = body;
	p->doc = doc;
	p->known = p->reads = true;
	for (size_t i = 0; i < doc->n_warnings && i < 4; i++)
		p2v_log_once(p->feed->d->node, P2V_LOG_INFO, "manifest_warning",
			p2v_mix64((uint64_t)(i + 1)) ^ p->viewer_tag, "channel=%s %s",
			p->feed->channel->name, doc->warnings[i]);
	for (size_t i = 0; i < doc->n_tracks; i++)
		update_rendition(p, i);
	return P2V_OK;
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
	if (p->in_status != 200 && !(p->in_status == 304 && p->known)) {
		char answer_text[32];

		(void)snprintf(answer_text, sizeof answer_text, "it answers %u", p->in_status);
		failing(p, p->in_status, answer_text);
		return;
	}
	if (p->in_status == 200 && understand(p, text, &why) < 0) {
		p2v_log_once(p->feed->d->node, P2V_LOG_WARN, "manifest_unread",
			p2v_id_short(&p->feed->channel->id), "channel=%s why=\"%s\"",
			p->feed->channel->name, why.text);
		/* Whatever it is, the player is given it as it stands. */
		p2v_slice_drop(&p->body);
		p->body = p2v_slice_copy(text.p, text.n);
		p2v_doc_free(p->doc);
		p->doc = NULL;
		p->reads = false;
	} else if (p->in_status == 304) {
		p->unchanged++;
	}
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

static void start_fetch(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;
	struct p2v_header headers[P2V_FORWARDED + 2];
	struct p2v_fetch_request rq = { .url = p->url,
		.decode = true,
		.redirects = true,
		.headers = headers,
		.connect_timeout = 3 * P2V_SECOND,
		.idle_timeout = 5 * P2V_SECOND };
	struct p2v_err err;

	if (p->fetch)
		return;
	rq.n_headers = p2v_feed_headers(p->feed, headers, P2V_FORWARDED);
	if (p->known && p->etag.n)
		headers[rq.n_headers++] = (struct p2v_header){ p2v_str_of("If-None-Match"),
			{ p->etag.p, p->etag.n } };
	if (p->known && p->last_modified.n)
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

static struct p2v_playlist *playlist_find(
	const struct p2v_feed *feed, const char *url, uint64_t tag)
{
	P2V_LIST_EACH (it, &feed->playlists) {
		struct p2v_playlist *p = P2V_OF(it, struct p2v_playlist, in_feed);

		if (p->viewer_tag == tag && strcmp(p->url, url) == 0)
			return p;
	}
	return NULL;
}

static struct p2v_playlist *playlist_get(struct p2v_feed *feed, const char *url)
{
	uint64_t tag = viewer_tag(feed);
	struct p2v_playlist *p = playlist_find(feed, url, tag);

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p || !(p->url = p2v_str_dup(p2v_str_of(url)))) {
		free(p);
		return NULL;
	}
	p->feed = feed;
	p->viewer_tag = tag;
	p->fetched = p->asked = p->failing = P2V_UNKNOWN;
	p->timer.fire = poll_fire;
	p->timer.owner = p;
	p2v_list_init(&p->waiters);
	p2v_list_push(&feed->playlists, &p->in_feed);
	return p;
}

void p2v_playlist_free(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;

	if (p->fetch)
		w->ops->fetch_cancel(w->self, p->fetch);
	p2v_disarm(w, &p->timer);
	p2v_waiting_cancel(p);
	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i])
			rendition_free(p->renditions[i]);
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
			now - p->asked > FORGET_AFTER)
			p2v_playlist_free(p);
	}
}

bool p2v_feed_is_manifest(const struct p2v_feed *feed, const char *url)
{
	struct p2v_manifest_probe probe = { .path = { NULL, 0 } };
	struct p2v_playlist *p = playlist_find(feed, url, viewer_tag(feed));
	struct p2v_url u;

	if (p && p->known)
		return true;
	if (p2v_url_split(p2v_str_of(url), &u) < 0)
		return false;
	probe.path = u.path;
	return p2v_manifests_probe(feed->d->policies.manifests, &probe, NULL) != NULL;
}

bool p2v_feed_reads_type(const struct p2v_feed *feed, struct p2v_str type)
{
	struct p2v_manifest_probe probe = { .type = type };

	return type.n > 0 && p2v_manifests_probe(feed->d->policies.manifests, &probe, NULL) != NULL;
}

int p2v_feed_manifest(struct p2v_feed *feed, const char *url,
	void (*done)(void *, const struct p2v_manifest_answer *), void *ctx,
	struct p2v_waiter **out, struct p2v_err *err)
{
	struct p2v_playlist *p = playlist_get(feed, url);
	struct p2v_waiter *w = p ? p2v_waiting_new(p, done, ctx) : NULL;

	if (!w)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	if (!p2v_waiting_fresh(p) && (p->failing == P2V_UNKNOWN || now_of(p) - p->started >= RETRY))
		start_fetch(p);
	*out = w;
	return P2V_OK;
}
