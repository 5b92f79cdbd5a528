/* timeline.c - one rendition over time: readings of a live manifest, joined on one clock. */
#include "framework/stream/timeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A jump of the sequence over more than this is another sequence. */
#define MISSED_MAX (86400 * P2V_SECOND)

/* A clock that runs up to here, by manifests that are made to, begins anew. */
#define CLOCK_MAX (INT64_MAX / 4)

/* How many initialisation segments back one is looked for: a manifest that goes back to an older
 * one lists it twice, which costs nothing. */
enum { INIT_WINDOW = 16 };

/* What a reading is to what is known. */
enum reading {
	FIRST,  /* nothing is known yet */
	JOINED, /* some of its fragments are known */
	AHEAD,  /* all of its fragments come after what is known */
	RESTARTED,
	STALE /* it tells nothing new */
};

/* ---- what is known, and what is read ---- */

/* A list that is being made. */
struct list {
	struct p2v_timeline_entry *v;
	size_t n, n_init, fresh;
	size_t kept; /* fragments that the reading left out, because they are known */
};

static const struct p2v_timeline_entry *media_of(const struct p2v_timeline *tl, size_t *n)
{
	*n = tl->n - tl->n_init;
	return *n ? tl->v + tl->n_init : NULL;
}

static size_t usable(const struct p2v_doc_track *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->segments[i].at.url != NULL;
	return n;
}

static const struct p2v_doc_segment *first_of(const struct p2v_doc_track *t)
{
	size_t i = 0;

	while (!t->segments[i].at.url)
		i++;
	return &t->segments[i];
}

static const struct p2v_doc_segment *last_of(const struct p2v_doc_track *t)
{
	size_t i = t->n - 1;

	while (!t->segments[i].at.url)
		i--;
	return &t->segments[i];
}

static p2v_usec longest(const struct p2v_doc *d, const struct p2v_doc_track *t, p2v_usec before)
{
	p2v_usec most = 0;

	if (d->head.target > 0)
		return d->head.target;
	for (size_t i = 0; i < t->n; i++)
		if (t->segments[i].dur > most)
			most = t->segments[i].dur;
	return most > before ? most : before;
}

static bool same_place(const char *a, const char *b)
{
	size_t n = strcspn(a, "?");

	return n == strcspn(b, "?") && memcmp(a, b, n) == 0;
}

/* Both have the same number. */
static bool same(
	const struct p2v_timeline_entry *e, const struct p2v_doc_segment *s, p2v_usec target)
{
	if (!same_place(e->url, s->at.url) || !p2v_manifest_range_same(&e->range, &s->range))
		return false;
	if (!e->has_pdt || !s->has_pdt)
		return true;
	return s->pdt - e->pdt <= target && e->pdt - s->pdt <= target;
}

/* ---- what the reading is ---- */

/* Old answers of a cache stop after a while; a restarted encoder goes on. */
static enum reading old_news(struct p2v_timeline *tl, p2v_usec target, p2v_usec now)
{
	if (tl->stale == P2V_UNKNOWN)
		tl->stale = now;
	return now - tl->stale > 3 * target ? RESTARTED : STALE;
}

static enum reading judge(
	struct p2v_timeline *tl, const struct p2v_doc_track *t, p2v_usec target, p2v_usec now)
{
	size_t n, i = 0, common = 0, matches = 0;
	const struct p2v_timeline_entry *v = media_of(tl, &n);
	const struct p2v_doc_segment *first, *last;

	if (usable(t) == 0)
		return n ? STALE : FIRST;
	if (n == 0)
		return FIRST;
	if (v[n - 1].t > CLOCK_MAX)
		return RESTARTED;
	first = first_of(t);
	last = last_of(t);
	if (first->n > v[n - 1].n) {
		uint64_t step = t->timed || target <= 0 ? 1 : (uint64_t)target;

		return first->n - v[n - 1].n > (uint64_t)MISSED_MAX / step ? RESTARTED : AHEAD;
	}
	for (size_t k = 0; k < t->n && matches == 0; k++) {
		const struct p2v_doc_segment *s = &t->segments[k];

		while (i < n && v[i].n < s->n)
			i++;
		if (i == n || v[i].n != s->n || !s->at.url)
			continue;
		common++;
		matches += same(&v[i], s, target);
	}
	if (matches)
		return last->n < v[n - 1].n ? old_news(tl, target, now) : JOINED;
	if (common == 0 && last->has_pdt && v[n - 1].has_pdt && last->pdt <= v[n - 1].pdt)
		return old_news(tl, target, now);
	return RESTARTED;
}

/* ---- the clock ---- */

/* Where the first fragment of a reading stands that begins after what is known. */
static p2v_usec ahead(
	const struct p2v_timeline_entry *edge, const struct p2v_doc_segment *first, p2v_usec target)
{
	p2v_usec end = edge->t + edge->dur, by_date;
	uint64_t missed = first->n - edge->n - 1;
	p2v_usec most = (p2v_usec)missed * 2 * target;

	if (missed == 0)
		return end;
	if (edge->has_pdt && first->has_pdt) {
		by_date = edge->t + (first->pdt - edge->pdt);
		/* No fragment is much over the target, so a date beyond is a clock that was set. */
		if (by_date >= end && by_date <= end + most)
			return by_date;
	}
	return end + (p2v_usec)missed * target;
}

/* What to add to the reading's own times at its first fragment. */
static p2v_usec offset(const struct p2v_timeline *tl, const struct p2v_doc_track *t,
	enum reading how, p2v_usec target)
{
	size_t n, i = 0;
	const struct p2v_timeline_entry *v = media_of(tl, &n);
	const struct p2v_doc_segment *first = first_of(t);

	if (how == FIRST)
		return -first->t;
	if (how == AHEAD && t->timed)
		return v[n - 1].t - (p2v_usec)v[n - 1].n + (p2v_usec)first->n - first->t;
	if (how == AHEAD)
		return ahead(&v[n - 1], first, target) - first->t;
	if (how == RESTARTED)
		return (v[n - 1].t > CLOCK_MAX ? 0 : v[n - 1].t + v[n - 1].dur) - first->t;
	for (size_t k = 0; k < t->n; k++) {
		const struct p2v_doc_segment *s = &t->segments[k];

		while (i < n && v[i].n < s->n)
			i++;
		if (i < n && v[i].n == s->n && s->at.url)
			return v[i].t - s->t;
	}
	assert(false && "a reading that is joined has a fragment that is known");
	return 0;
}

/* ---- the new list ---- */

static const struct p2v_timeline_entry *known_init(
	const struct p2v_timeline *tl, const struct p2v_doc_init *s)
{
	for (size_t i = 0; i < tl->n_init && i < INIT_WINDOW; i++)
		if (same_place(tl->v[i].url, s->at.url) &&
			p2v_manifest_range_same(&tl->v[i].range, &s->range))
			return &tl->v[i];
	return NULL;
}

static bool listed_init(const struct list *l, const struct p2v_doc_init *s)
{
	for (size_t k = 0; k < l->n && k < INIT_WINDOW; k++) {
		const struct p2v_timeline_entry *e = &l->v[l->n - 1 - k];

		if (strcmp(e->url, s->at.url) == 0 && p2v_manifest_range_same(&e->range, &s->range))
			return true;
	}
	return false;
}

/* What an entry keeps when it is listed again. Its name goes with its URL: another token may be
 * another name. */
static void keep(
	struct p2v_timeline_entry *e, const struct p2v_timeline_entry *old, const char *url)
{
	e->seen = old->seen;
	if (old->keyed && strcmp(old->url, url) == 0) {
		e->keyed = true;
		memcpy(e->key, old->key, sizeof e->key);
	}
}

static int add(struct list *l, struct p2v_timeline_entry e, const char *url)
{
	e.url = p2v_str_dup(p2v_str_of(url));
	if (!e.url)
		return P2V_ENOMEM;
	l->v[l->n++] = e;
	return P2V_OK;
}

static int add_inits(struct list *l, const struct p2v_timeline *tl, const struct p2v_doc_track *t,
	enum reading how, p2v_usec now)
{
	const struct p2v_doc_init *before = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct p2v_doc_segment *s = &t->segments[i];
		struct p2v_timeline_entry e = {
			.n = s->n, .t = P2V_UNKNOWN, .init = true, .seen = now
		};
		const struct p2v_timeline_entry *old;

		if (!s->init || s->init == before || !s->init->at.url || !s->at.url)
			continue;
		before = s->init;
		if (listed_init(l, s->init))
			continue;
		e.range = s->init->range;
		old = how == RESTARTED ? NULL : known_init(tl, s->init);
		if (old)
			keep(&e, old, s->init->at.url);
		if (add(l, e, s->init->at.url) < 0)
			return P2V_ENOMEM;
	}
	l->n_init = l->n;
	return P2V_OK;
}

/* ---- parts ---- */

/* Parts as they are being made. */
struct parts {
	struct p2v_timeline_entry *v;
	size_t n, cap, fresh;
	size_t known; /* of the old ones: the first that may be the next one */
};

static size_t count_parts(const struct p2v_doc_track *t)
{
	size_t n = t->n_parts;

	for (size_t i = 0; i < t->n; i++)
		n += t->segments[i].n_parts;
	return n;
}

static bool same_part(const struct p2v_timeline_entry *e, const struct p2v_timeline_entry *was)
{
	return was->n == e->n && was->i == e->i && same_place(e->url, was->url) &&
	       p2v_manifest_range_same(&e->range, &was->range);
}

/* It was listed, or promised, before. */
static bool keep_part(struct p2v_timeline_entry *e, const struct p2v_timeline_entry *was)
{
	p2v_usec seen = e->seen;
	bool arrived = was->hint && !e->hint;

	keep(e, was, e->url);
	e->seen = arrived ? seen : e->seen;
	return !arrived;
}

static int add_part(struct parts *l, const struct p2v_timeline *tl, const struct p2v_doc_part *p,
	struct p2v_timeline_entry e, bool restarted)
{
	bool known = false;

	if (!p->at.url || (p->range.set && p->range.len == 0))
		return P2V_OK;
	e.part = true;
	e.n = p->n;
	e.i = p->i;
	e.dur = p->dur;
	e.range = p->range;
	e.gap = p->gap;
	e.hint = p->hint;
	e.url = p2v_str_dup(p2v_str_of(p->at.url));
	if (!e.url)
		return P2V_ENOMEM;
	while (l->known < tl->n_parts &&
		(tl->parts[l->known].n < e.n ||
			(tl->parts[l->known].n == e.n && tl->parts[l->known].i < e.i)))
		l->known++;
	if (!restarted && l->known < tl->n_parts && same_part(&e, &tl->parts[l->known]))
		known = keep_part(&e, &tl->parts[l->known]);
	l->fresh += !known && !e.hint;
	l->v[l->n++] = e;
	return P2V_OK;
}

/* Those of one fragment, from t on. */
static int add_parts(struct parts *l, const struct p2v_timeline *tl, const struct p2v_doc_part *v,
	size_t n, struct p2v_timeline_entry e, bool restarted)
{
	for (size_t i = 0; i < n; i++) {
		if (add_part(l, tl, &v[i], e, restarted) < 0)
			return P2V_ENOMEM;
		e.t += v[i].dur;
	}
	return P2V_OK;
}

/* @param whole  fragments as they will be */
static int make_parts(struct parts *l, const struct p2v_timeline *tl, const struct list *whole,
	const struct p2v_doc_track *t, enum reading how, p2v_usec target, p2v_usec now)
{
	size_t at = whole->n_init + whole->kept;
	struct p2v_timeline_entry e = { .seen = now };
	int rc = P2V_OK;

	l->cap = count_parts(t);
	if (l->cap == 0)
		return P2V_OK;
	l->v = calloc(l->cap, sizeof *l->v);
	if (!l->v)
		return P2V_ENOMEM;
	for (size_t i = 0; i < t->n && rc == P2V_OK; i++) {
		if (!t->segments[i].at.url)
			continue;
		e.t = whole->v[at].t;
		e.whole = whole->v[at].dur;
		at++;
		rc = add_parts(
			l, tl, t->segments[i].parts, t->segments[i].n_parts, e, how == RESTARTED);
	}
	e.t = whole->n > whole->n_init ? whole->v[whole->n - 1].t + whole->v[whole->n - 1].dur : 0;
	e.whole = target;
	return rc == P2V_OK ? add_parts(l, tl, t->parts, t->n_parts, e, how == RESTARTED) : rc;
}

static int add_media(struct list *l, const struct p2v_timeline *tl, const struct p2v_doc_track *t,
	enum reading how, p2v_usec target, p2v_usec now)
{
	size_t n, at = 0;
	const struct p2v_timeline_entry *v = media_of(tl, &n);
	p2v_usec off = offset(tl, t, how, target);

	for (size_t i = 0; i < t->n; i++) {
		const struct p2v_doc_segment *s = &t->segments[i];
		struct p2v_timeline_entry e = { .n = s->n,
			.dur = s->dur,
			.range = s->range,
			.gap = s->gap,
			.has_pdt = s->has_pdt,
			.pdt = s->pdt,
			.whole = s->dur,
			.seen = now };
		bool known;

		if (!s->at.url)
			continue;
		while (at < n && v[at].n < s->n)
			at++;
		known = how == JOINED && at < n && v[at].n == s->n;
		if (known) /* one that took another's place takes its time, too */
			off = v[at].t - s->t;
		if (known && same(&v[at], s, target))
			keep(&e, &v[at], s->at.url);
		else
			l->fresh++;
		if (l->n > l->n_init && s->t + off < l->v[l->n - 1].t)
			off = l->v[l->n - 1].t - s->t; /* what stands between known ones grew */
		e.t = s->t + off;
		if (add(l, e, s->at.url) < 0)
			return P2V_ENOMEM;
	}
	return P2V_OK;
}

static void drop(struct p2v_timeline_entry *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].url);
	free(v);
}

/* ---- the interface ---- */

int p2v_timeline_init(struct p2v_timeline *tl, const char *url)
{
	*tl = (struct p2v_timeline){ .changed = P2V_UNKNOWN, .stale = P2V_UNKNOWN };
	tl->url = p2v_str_dup(p2v_str_of(url));
	return tl->url ? P2V_OK : P2V_ENOMEM;
}

void p2v_timeline_fini(struct p2v_timeline *tl)
{
	drop(tl->v, tl->n);
	drop(tl->parts, tl->n_parts);
	free(tl->url);
	*tl = (struct p2v_timeline){ .changed = P2V_UNKNOWN, .stale = P2V_UNKNOWN };
}

/* Few fragments have an init segment of their own. */
static void trim(struct list *l)
{
	struct p2v_timeline_entry *v = realloc(l->v, l->n * sizeof *v);

	if (v)
		l->v = v;
}

/* A reading that leaves out what whoever asked for it knows: that is still there, with the
 * initialisation segments that it may need. */
static int add_kept(
	struct list *l, const struct p2v_timeline *tl, const struct p2v_manifest_head *h, bool init)
{
	for (size_t i = init ? 0 : tl->n_init; i < (init ? tl->n_init : tl->n); i++) {
		const struct p2v_timeline_entry *e = &tl->v[i];

		if (!init && (e->n < h->seq || e->n - h->seq >= h->skipped))
			continue;
		if (add(l, *e, e->url) < 0)
			return P2V_ENOMEM;
		l->kept += !init;
	}
	return P2V_OK;
}

static int make_list(struct list *l, const struct p2v_timeline *tl,
	const struct p2v_manifest_head *h, const struct p2v_doc_track *t, enum reading how,
	p2v_usec target, p2v_usec now)
{
	size_t n = usable(t);
	bool keeps = h->skipped > 0 && how != RESTARTED;
	int rc = P2V_OK;

	if (n == 0)
		return P2V_OK;
	/* Each fragment may have an init segment of its own. */
	l->v = calloc(2 * n + (keeps ? tl->n : 0), sizeof *l->v);
	if (l->v && keeps)
		rc = add_kept(l, tl, h, true);
	if (l->v && rc == P2V_OK)
		rc = add_inits(l, tl, t, how, now);
	if (l->v && rc == P2V_OK && keeps)
		rc = add_kept(l, tl, h, false);
	if (l->v && rc == P2V_OK)
		rc = add_media(l, tl, t, how, target, now);
	if (l->v && rc == P2V_OK) {
		trim(l);
		return P2V_OK;
	}
	drop(l->v, l->n);
	return P2V_ENOMEM;
}

int p2v_timeline_update(
	struct p2v_timeline *tl, const struct p2v_doc *d, size_t track, p2v_usec now, size_t *fresh)
{
	const struct p2v_doc_track *t = &d->tracks[track];
	struct list l = { NULL, 0, 0, 0, 0 };
	struct parts parts = { NULL, 0, 0, 0, 0 };
	p2v_usec target = longest(d, t, tl->target), stale = tl->stale;
	enum reading how;

	assert(track < d->n_tracks);
	if (fresh)
		*fresh = 0;
	how = judge(tl, t, target, now);
	if (how == STALE) {
		tl->restarted = false;
		tl->fresh_parts = 0;
		if (usable(t) == 0) /* it may be emptied when it ends */
			tl->ended = !d->head.live;
		return P2V_OK;
	}
	if (make_list(&l, tl, &d->head, t, how, target, now) < 0) {
		tl->stale = stale;
		return P2V_ENOMEM;
	}
	if (make_parts(&parts, tl, &l, t, how, target, now) < 0) {
		drop(parts.v, parts.n);
		drop(l.v, l.n);
		tl->stale = stale;
		return P2V_ENOMEM;
	}
	drop(tl->v, tl->n);
	drop(tl->parts, tl->n_parts);
	tl->v = l.v;
	tl->n = l.n;
	tl->n_init = l.n_init;
	tl->parts = parts.v;
	tl->n_parts = parts.n;
	tl->fresh_parts = parts.fresh;
	tl->live = d->head.live;
	tl->ended = !d->head.live;
	tl->target = target;
	tl->timed = t->timed;
	if (t->bw)
		tl->bitrate = t->bw;
	if (l.fresh)
		tl->changed = now;
	tl->restarted = how == RESTARTED;
	tl->stale = P2V_UNKNOWN;
	if (fresh)
		*fresh = l.fresh;
	return P2V_OK;
}

struct p2v_timeline_entry *p2v_timeline_find(
	const struct p2v_timeline *tl, const char *url, const struct p2v_manifest_range *range)
{
	for (size_t i = 0; i < tl->n; i++)
		if ((!range || p2v_manifest_range_same(&tl->v[i].range, range)) &&
			strcmp(tl->v[i].url, url) == 0)
			return &tl->v[i];
	for (size_t i = 0; i < tl->n_parts; i++)
		if ((!range || p2v_manifest_range_same(&tl->parts[i].range, range)) &&
			strcmp(tl->parts[i].url, url) == 0)
			return &tl->parts[i];
	return NULL;
}

p2v_usec p2v_timeline_edge(const struct p2v_timeline *tl)
{
	size_t n;
	const struct p2v_timeline_entry *v = media_of(tl, &n);

	return n ? v[n - 1].t + v[n - 1].dur : P2V_UNKNOWN;
}

p2v_usec p2v_timeline_parts_edge(const struct p2v_timeline *tl)
{
	p2v_usec whole = p2v_timeline_edge(tl), end;

	for (size_t i = tl->n_parts; i-- > 0;) {
		if (tl->parts[i].hint)
			continue;
		end = tl->parts[i].t + tl->parts[i].dur;
		return whole == P2V_UNKNOWN || end > whole ? end : whole;
	}
	return whole;
}

void p2v_timeline_shift(struct p2v_timeline *tl, p2v_usec by)
{
	for (size_t i = tl->n_init; i < tl->n; i++)
		tl->v[i].t += by;
	for (size_t i = 0; i < tl->n_parts; i++)
		tl->parts[i].t += by;
}
