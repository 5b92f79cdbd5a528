/* sets.c - what of a presentation is played: the first set of pictures, in all its bit rates, and
 * the first sound beside it. */
#include <string.h>

#include "sdk/player/inside.h"

/* One track of one manifest. */
struct offer {
	struct p2v_source *source;
	const struct p2v_doc_track *track; /* what tells of its set, type and bit rate */
	const char *variant;               /* its name in the source; NULL: the source's only one */
};

typedef bool (*visit)(void *ctx, const struct offer *o);

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_type(const struct p2v_doc_track *t, const char *type)
{
	return strcmp(t->type ? t->type : "", type) == 0;
}

/* For seeking only. */
static bool is_trick(const struct p2v_doc *d, const char *variant)
{
	for (size_t i = 0; i < d->n_variants; i++)
		if (d->variants[i].iframes && same(d->variants[i].id, variant))
			return true;
	return false;
}

/* Whether the fragments of a track are told by another manifest. */
static bool told_elsewhere(const struct p2v_player *p, const struct p2v_source *s, size_t track)
{
	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i]->parent == s && p->sources[i]->within == track)
			return s->doc->tracks[track].n == 0;
	return false;
}

/* All that is offered, in order, until the visitor says that it is enough. */
static void each_offer(struct p2v_player *p, visit fn, void *ctx)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		struct p2v_source *s = p->sources[i];
		const struct p2v_doc *up = s->parent ? s->parent->doc : NULL;
		bool within = up && s->within < up->n_tracks && up->tracks[s->within].n == 0;

		for (size_t k = 0; s->doc && k < s->doc->n_tracks; k++) {
			const struct p2v_doc_track *t = within ? &up->tracks[s->within]
							       : &s->doc->tracks[k];
			struct offer o = { s, t, s->doc->tracks[k].variant };

			if (told_elsewhere(p, s, k) || is_trick(within ? up : s->doc, t->variant))
				continue;
			if (!fn(ctx, &o))
				return;
		}
	}
}

/* ---- the first one ---- */

struct search {
	const char *type;
	const struct p2v_doc_track *found;
};

static bool find(void *ctx, const struct offer *o)
{
	struct search *s = ctx;

	if (is_type(o->track, s->type))
		s->found = o->track;
	return !s->found;
}

static const struct p2v_doc_track *first_of(struct p2v_player *p, const char *type)
{
	struct search s = { type, NULL };

	each_offer(p, find, &s);
	return s.found;
}

/* ---- all of its set ---- */

struct choice {
	struct p2v_player *player;
	const struct p2v_doc_track *first;
	struct p2v_track *k; /* NULL: they are being counted */
	size_t n, most;
	int rc;
};

/* A manifest of one medium alone may leave it to the one that names it. */
static uint64_t bitrate_of(const struct offer *o)
{
	const struct p2v_source *s = o->source;

	return o->track->bw ? o->track->bw : s->parent ? s->parent->bitrate : s->bitrate;
}

static bool add(void *ctx, const struct offer *o)
{
	struct choice *c = ctx;

	if (o->track != c->first &&
		!(same(o->track->set, c->first->set) &&
			is_type(o->track, c->first->type ? c->first->type : "")))
		return true;
	c->n++;
	if (c->k)
		c->rc = p2v_player_add_rung(
			c->k, o->source->url, bitrate_of(o), o->source, o->variant);
	return c->rc == P2V_OK && c->n < c->most;
}

static int make(struct p2v_player *p, const struct p2v_doc_track *first, size_t most)
{
	struct choice c = { p, first, NULL, 0, most, P2V_OK };

	each_offer(p, add, &c);
	c.k = p2v_player_add_track(p, c.n);
	if (!c.k)
		return P2V_ENOMEM;
	c.n = 0;
	each_offer(p, add, &c);
	return c.rc;
}

int p2v_sets_make(struct p2v_player *p, struct p2v_err *err)
{
	const struct p2v_doc_track *video = first_of(p, "video"), *sound = first_of(p, "audio");
	int rc = P2V_OK;

	if (!video)
		video = first_of(p, "");
	if (!video && !sound)
		return p2v_fail(err, P2V_EPARSE, "the presentation has nothing to play");
	if (video)
		rc = make(p, video, SIZE_MAX);
	if (rc == P2V_OK && sound) /* alone: in all its bit rates */
		rc = make(p, sound, video ? 1 : SIZE_MAX);
	if (rc == P2V_OK)
		rc = p2v_player_begin(p);
	return rc < 0 ? p2v_fail(err, rc, "no memory for the renditions") : P2V_OK;
}

/* ---- from one Period to the next ---- */

static bool lists(const struct p2v_doc *d, const char *variant)
{
	for (size_t i = 0; i < d->n_tracks; i++)
		if (same(d->tracks[i].variant, variant))
			return true;
	return false;
}

/* Whether a track tells of something that comes behind all that is known of k. While k's own may
 * tell more by and by, it has to begin there: one that is only a little ahead is no sequel. */
static bool goes_on(const struct p2v_doc_track *t, const struct p2v_track *k)
{
	const struct p2v_rung *r = &k->v[k->cur];
	bool open = !r->tl.ended && lists(r->source->doc, r->variant);

	return t->timed && is_type(t, k->index > 0 ? "audio" : "video") && t->n &&
	       t->segments[open ? 0 : t->n - 1].n >= k->next;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The one that is most like a rung, of the set that goes on first. @return NULL: none goes on */
static const struct p2v_doc_track *sequel_of(
	const struct p2v_doc *d, const struct p2v_track *k, const struct p2v_rung *r)
{
	const struct p2v_doc_track *found = NULL;

	for (size_t i = 0; i < d->n_tracks; i++) {
		const struct p2v_doc_track *t = &d->tracks[i];

		if (!goes_on(t, k) || is_trick(d, t->variant))
			continue;
		if (!found || (same(t->set, found->set) &&
				      apart(t->bw, r->bitrate) < apart(found->bw, r->bitrate)))
			found = t;
	}
	return found;
}

static bool rebind(struct p2v_rung *r, const struct p2v_doc_track *t)
{
	struct p2v_rung other;

	if (p2v_rung_init(&other, r->url, r->bitrate) < 0)
		return false;
	other.source = r->source;
	other.variant = p2v_str_dup(p2v_str_of(t->variant ? t->variant : ""));
	if (!other.variant) {
		p2v_rung_fini(&other);
		return false;
	}
	p2v_rung_fini(r);
	*r = other;
	if (t->bw)
		r->bitrate = t->bw;
	return true;
}

bool p2v_sets_go_on(struct p2v_track *k)
{
	const struct p2v_source *s = k->v[k->cur].source;
	const struct p2v_doc_track *t;
	bool any = false;

	if (!s || !k->placed || !k->v[k->cur].tl.timed)
		return false;
	for (size_t i = 0; i < k->n; i++) {
		if (k->v[i].source != s || !(t = sequel_of(s->doc, k, &k->v[i])) ||
			same(t->variant, k->v[i].variant))
			continue;
		any |= rebind(&k->v[i], t) && i == k->cur;
	}
	return any && p2v_source_apply(k->v[k->cur].source) == P2V_OK;
}
