/* rendition.c - the renditions that a manifest lists: made when they are first seen, brought up to
 * date with each reading, on one clock. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

/* A manifest with more tracks than anybody plays is made to be slow: those behind are passed on as
 * they are. */
enum { TRACKS_MAX = 512 };

static p2v_usec now_of(const struct p2v_playlist *p)
{
	return p2v_now(&p->feed->d->node->world);
}

void p2v_rendition_free(struct p2v_rendition *r)
{
	for (struct p2v_fragment *f = r->feed->d->fragments; f; f = f->hh.next)
		if (f->rendition == r)
			f->rendition = NULL;
	if (r->followed)
		p2v_mates_tell_follow(r, false);
	p2v_list_remove(&r->in_feed);
	p2v_timeline_fini(&r->timeline);
	free(r->variant);
	free(r->set);
	free(r);
}

static bool describe(struct p2v_rendition *r, const struct p2v_doc_track *t)
{
	r->variant = p2v_str_dup(p2v_str_of(t->variant));
	r->set = t->set ? p2v_str_dup(p2v_str_of(t->set)) : NULL;
	return r->variant && (r->set || !t->set);
}

static struct p2v_rendition *rendition_new(struct p2v_playlist *p, const struct p2v_doc_track *t)
{
	struct p2v_rendition *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	if (p2v_timeline_init(&r->timeline, p->url) < 0 || !describe(r, t)) {
		p2v_timeline_fini(&r->timeline);
		free(r->variant);
		free(r->set);
		free(r);
		return NULL;
	}
	r->feed = p->feed;
	r->playlist = p;
	r->read_at = r->position = P2V_UNKNOWN;
	r->key = p2v_channel_rendition_key(
		p->feed->channel, &p->feed->d->node->crypto, p->url, r->variant);
	p2v_list_push(&p->feed->renditions, &r->in_feed);
	return r;
}

/* A track keeps its name from one reading to the next, and not its place. @return NULL: no memory
 */
static struct p2v_rendition *rendition_get(struct p2v_playlist *p, const struct p2v_doc_track *t)
{
	struct p2v_rendition **v, *r;

	for (size_t i = 0; i < p->n_renditions; i++)
		if (strcmp(p->renditions[i]->variant, t->variant) == 0)
			return p->renditions[i];
	v = realloc(p->renditions, (p->n_renditions + 1) * sizeof(struct p2v_rendition *));
	if (!v)
		return NULL;
	p->renditions = v;
	r = rendition_new(p, t);
	if (r)
		v[p->n_renditions++] = r;
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

/* The same among the tracks of one manifest. */
static uint64_t next_in_set(const struct p2v_doc *doc, const struct p2v_doc_track *t)
{
	uint64_t next = 0;

	for (size_t i = 0; t->set && i < doc->n_tracks; i++) {
		uint64_t bw = doc->tracks[i].bw;

		if (doc->tracks[i].set && strcmp(doc->tracks[i].set, t->set) == 0 && bw > t->bw &&
			(next == 0 || bw < next))
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

/* How far apart two renditions' clocks are: by their manifest's own, by program date, else by
 * number, else by their edges.
 */
static bool clock_offset(const struct p2v_timeline *a, const struct p2v_timeline *b, p2v_usec *out)
{
	const struct p2v_timeline_entry *x, *y;

	if (a->n == a->n_init || b->n == b->n_init)
		return false;
	x = &a->v[a->n - 1];
	y = &b->v[b->n - 1];
	if (a->timed && b->timed && strcmp(a->url, b->url) == 0) {
		*out = (x->t - (p2v_usec)x->n) - (y->t - (p2v_usec)y->n);
		return true;
	}
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

/* It left the window; or it was promised, and something else came in its place. */
static void unlist(struct p2v_fragment *f)
{
	f->rendition = NULL;
	if (f->hint)
		p2v_fragment_leave(f);
}

static void update_rendition(struct p2v_playlist *p, size_t track)
{
	const struct p2v_doc_track *t = &p->doc->tracks[track];
	struct p2v_rendition *r = rendition_get(p, t);
	uint64_t bitrate = 0;
	const struct p2v_doc *master = listed_in(p, &bitrate);
	bool first = r && r->timeline.changed == P2V_UNKNOWN;
	size_t fresh = 0;

	if (!r || p2v_timeline_update(&r->timeline, p->doc, track, now_of(p), &fresh) < 0)
		return;
	if (bitrate)
		r->timeline.bitrate = bitrate;
	r->next_bitrate = master ? next_above(master, bitrate) : next_in_set(p->doc, t);
	if (first)
		join_clock(r);
	if (r->timeline.restarted)
		restarted(r);
	for (struct p2v_fragment *f = p->feed->d->fragments; f; f = f->hh.next)
		if (f->rendition == r && !p2v_timeline_find(&r->timeline, f->url, &f->range))
			unlist(f);
	if (r->by_part)
		fresh += r->timeline.fresh_parts;
	p->fresh |= fresh > 0;
	/* Whoever is told by the CDN need not be told by us. */
	if (fresh && !p->held)
		p2v_mates_tell_news(r);
	p2v_plan_ahead(r);
}

/* A name that stands twice would be one rendition with two lists: the first counts. */
static bool told_before(const struct p2v_doc *doc, size_t track)
{
	for (size_t i = 0; i < track; i++)
		if (strcmp(doc->tracks[i].variant, doc->tracks[track].variant) == 0)
			return true;
	return false;
}

void p2v_renditions_update(struct p2v_playlist *p)
{
	p->fresh = false;
	for (size_t i = 0; i < p->doc->n_tracks && i < TRACKS_MAX; i++)
		if (!told_before(p->doc, i))
			update_rendition(p, i);
	if (p->doc->n_tracks)
		p->unchanged = p->fresh ? 0 : p->unchanged + 1;
}
