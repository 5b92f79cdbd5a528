/* track.c - one of the tracks that play together: its renditions' lists, and where in them it is.
 * How fragments are loaded and what is done about failures is in fetching.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/player/inside.h"

/* ---- life ---- */

int p2v_rung_init(struct p2v_rung *r, const char *url, uint64_t bitrate)
{
	*r = (struct p2v_rung){ .bitrate = bitrate };
	r->url = p2v_str_dup(p2v_str_of(url));
	if (!r->url)
		return P2V_ENOMEM;
	if (p2v_timeline_init(&r->tl, url) < 0) {
		free(r->url);
		r->url = NULL;
		return P2V_ENOMEM;
	}
	return P2V_OK;
}

void p2v_rung_fini(struct p2v_rung *r)
{
	free(r->url);
	free(r->variant);
	p2v_timeline_fini(&r->tl);
	p2v_low_fini(&r->low);
}

static void list_done(struct p2v_load *l, enum p2v_load_end how);

static void on_tick(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	p2v_track_decide(t->owner);
}

static void on_reload(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_track *k = t->owner;

	(void)now;
	p2v_track_list(k);
}

int p2v_track_init(struct p2v_track *k, struct p2v_player *p, size_t index, size_t n)
{
	*k = (struct p2v_track){ .player = p, .index = index, .waiting = P2V_UNKNOWN };
	p2v_load_init(&k->list, p, true, list_done, k);
	if (p->lists) {
		k->list.proto = p->lists->proto;
		k->list.context = p->lists->context;
	}
	p2v_load_init(&k->frag, p, false, p2v_fetching_done, k);
	k->tick.fire = on_tick;
	k->reload.fire = on_reload;
	k->tick.owner = k->reload.owner = k;
	k->v = calloc(n, sizeof *k->v);
	return k->v ? P2V_OK : P2V_ENOMEM;
}

void p2v_track_stop(struct p2v_track *k)
{
	p2v_load_stop(&k->list);
	p2v_load_stop(&k->frag);
	p2v_disarm(&k->player->w, &k->tick);
	p2v_disarm(&k->player->w, &k->reload);
}

void p2v_track_fini(struct p2v_track *k)
{
	p2v_track_stop(k);
	p2v_load_fini(&k->list);
	p2v_load_fini(&k->frag);
	for (size_t i = 0; i < k->n; i++)
		p2v_rung_fini(&k->v[i]);
	free(k->v);
	free(k->init_url);
}

/* ---- lists ---- */

/* RFC 8216 6.3.4: after a change a target duration from the request on, else half of one. */
int p2v_track_read(struct p2v_track *k, const struct p2v_doc *d, p2v_usec asked)
{
	struct p2v_player *p = k->player;
	struct p2v_rung *r = &k->v[k->cur];
	p2v_usec now = p2v_now(&p->w), soon;
	size_t fresh;

	if (d->head.kind != P2V_MANIFEST_MEDIA || d->n_tracks == 0)
		return P2V_EPARSE;
	if (p2v_timeline_update(&r->tl, d, 0, now, &fresh) < 0)
		return P2V_ENOMEM;
	r->listed = true;
	if (p2v_low_read(k, d, asked, &soon) < 0)
		return P2V_ENOMEM;
	k->list_errors = 0;
	p->good = now;
	if (r->tl.restarted) {
		k->restarted = true;
		p->r.restarts += k->index == 0;
		p2v_player_trace_event(p, "restart", NULL);
	}
	if (!r->tl.ended) {
		p2v_usec target = r->tl.target > 0 ? r->tl.target : P2V_SECOND;

		r->reload_at = soon != P2V_UNKNOWN ? soon : asked + (fresh ? target : target / 2);
		p2v_arm(&p->w, &k->reload, r->reload_at);
	}
	return P2V_OK;
}

static void list_failed(struct p2v_track *k, enum p2v_load_end how)
{
	struct p2v_player *p = k->player;
	p2v_usec delay = p->conf.retry_delay << (k->list_errors < 8 ? k->list_errors : 8);

	if (p2v_player_failed(p, &k->list, how) || p2v_low_list_failed(k))
		return;
	k->list_errors++;
	if (delay > p->conf.retry_delay_max)
		delay = p->conf.retry_delay_max;
	if (k->list_errors > 2 && k->n > 1 && k->index == 0 && !k->frag.busy) {
		k->list_errors = 0;
		k->forced = true;
		k->v[k->cur].avoid = p2v_now(&p->w) + P2V_LIST_PENALTY;
		p2v_track_switch(k, k->cur > 0 ? k->cur - 1 : k->cur + 1);
		return;
	}
	p2v_arm(&p->w, &k->reload, p2v_now(&p->w) + delay);
}

static void list_done(struct p2v_load *l, enum p2v_load_end how)
{
	struct p2v_track *k = l->owner;
	struct p2v_player *p = k->player;
	struct p2v_doc *d = NULL;
	struct p2v_err err = { P2V_OK, "" };
	int rc;

	if (how != P2V_LOAD_OK) {
		list_failed(k, how);
		return;
	}
	rc = p2v_load_read(l, &d, &err);
	if (rc == P2V_OK && d->head.kind == P2V_MANIFEST_PRESENTATION && !p->any_loaded) {
		p2v_doc_free(d);
		if (p2v_source_open_variants(p) < 0)
			p2v_player_over(p, P2V_ENOMEM, "no memory for a manifest");
		return; /* and k is no more */
	}
	if (rc == P2V_OK) {
		rc = p2v_track_read(k, d, l->asked);
		if (rc < 0)
			(void)p2v_fail(&err, rc, "this is no list of fragments");
		p2v_doc_free(d);
	}
	if (rc < 0) {
		(void)snprintf(l->why, sizeof l->why, "%.150s", err.text);
		list_failed(k, P2V_LOAD_ERROR);
		return;
	}
	p2v_player_moved(p);
}

void p2v_track_list(struct p2v_track *k)
{
	if (k->v[k->cur].source)
		(void)p2v_source_want(k->v[k->cur].source);
	else if (!k->list.busy)
		p2v_low_list(k);
}

void p2v_track_switch(struct p2v_track *k, size_t rung)
{
	struct p2v_player *p = k->player;
	struct p2v_rung *r = &k->v[rung];

	assert(!k->frag.busy);
	if (rung == k->cur)
		return;
	p2v_load_stop(&k->list);
	p2v_disarm(&p->w, &k->reload);
	k->cur = rung;
	k->waiting = P2V_UNKNOWN;
	p2v_player_trace_event(p, "switch", r->url);
	if (r->source) {
		r->listed = p2v_source_want(r->source);
		return;
	}
	if (r->listed && r->tl.ended)
		return;
	if (!r->listed || r->reload_at <= p2v_now(&p->w)) {
		r->listed = false; /* what it said is old */
		p2v_track_list(k);
	} else {
		p2v_arm(&p->w, &k->reload, r->reload_at);
	}
}

/* ---- where we are ---- */

static const struct p2v_timeline_entry *media_of(const struct p2v_track *k, size_t *n)
{
	const struct p2v_timeline *tl = &k->v[k->cur].tl;

	*n = tl->n - tl->n_init;
	return *n ? tl->v + tl->n_init : NULL;
}

/* When a fragment is shown: its date, or in a presentation without dates the time that it has
 * instead of a number. @return false: neither is known */
static bool when(const struct p2v_track *k, const struct p2v_timeline_entry *e, int64_t *date)
{
	*date = e->has_pdt ? e->pdt : (int64_t)e->n;
	return e->has_pdt || k->v[k->cur].tl.timed;
}

/* Numbers that are times need not be the same to the last digit in all renditions. */
static uint64_t behind(const struct p2v_track *k, const struct p2v_timeline_entry *e)
{
	return k->v[k->cur].tl.timed ? e->n + (uint64_t)(e->dur - e->dur / 4) : e->n + 1;
}

/* Take a place: from here on `next` counts in this rung's numbers. */
static void take_place(struct p2v_track *k, const struct p2v_timeline_entry *e)
{
	k->placed = true;
	k->restarted = false;
	k->numbered_on = k->cur;
	k->next = e->n;
	k->part = 0;
	k->into = 0;
	k->dated = when(k, e, &k->date);
	k->waiting = P2V_UNKNOWN;
}

/* Index where a player begins: so many fragments behind the live edge, or the first one. */
static size_t beginning(const struct p2v_track *k, size_t n)
{
	size_t behind = k->player->conf.start_fragments;

	return !k->v[k->cur].tl.live || behind >= n ? 0 : n - behind;
}

/* Index of the first one of which more than half comes after a date; n: none */
static size_t at_date(
	const struct p2v_track *k, const struct p2v_timeline_entry *v, size_t n, int64_t date)
{
	int64_t begin;
	size_t i = 0;

	while (i < n && (when(k, &v[i], &begin), begin + v[i].dur / 2 <= date))
		i++;
	return i;
}

bool p2v_track_start_date(const struct p2v_track *k, int64_t *start)
{
	const struct p2v_track *video = k->player->tracks[0];

	/* Video may have gone on meanwhile. */
	if (video->dated)
		*start = video->date + video->again - video->t;
	return video->dated;
}

/* The first place of all. Sound waits for video, and begins where that does. */
static enum p2v_where place_first(struct p2v_track *k, size_t *i)
{
	const struct p2v_track *video = k->player->tracks[0];
	size_t n;
	const struct p2v_timeline_entry *v = media_of(k, &n);
	int64_t start, date;

	*i = beginning(k, n);
	if (k->index > 0) {
		if (!video->placed)
			return P2V_WAIT;
		if (when(k, &v[0], &date) && p2v_track_start_date(k, &start)) {
			*i = at_date(k, v, n, start);
			if (*i == n)
				return P2V_WAIT;
			(void)when(k, &v[*i], &date);
			k->t = date - start;
		}
	}
	take_place(k, &v[*i]);
	return P2V_FOUND;
}

/* The place is gone: to the live edge. */
static enum p2v_where resync(struct p2v_track *k, size_t *i)
{
	size_t n;
	const struct p2v_timeline_entry *v = media_of(k, &n);
	p2v_usec skipped;
	int64_t date;

	*i = beginning(k, n);
	skipped = when(k, &v[*i], &date) && k->dated
			  ? date - k->date
			  : (p2v_usec)(v[*i].n - k->next) * k->v[k->cur].tl.target;
	if (skipped > 0)
		k->t += skipped;
	if (k->index == 0) {
		k->player->r.resyncs++;
		p2v_player_trace_event(k->player, "resync", NULL);
	}
	take_place(k, &v[*i]);
	return P2V_FOUND;
}

/* The encoder began anew: go on where the date says, else near the edge. The media clock goes on
 * without a hole, as decoders do at a discontinuity. */
static enum p2v_where place_anew(struct p2v_track *k, size_t *i)
{
	size_t n;
	const struct p2v_timeline_entry *v = media_of(k, &n);
	int64_t last;

	*i = beginning(k, n);
	/* Its clock may have been set back: then dates say nothing. */
	if (k->dated && when(k, &v[n - 1], &last) && k->date - last < 4 * k->v[k->cur].tl.target)
		*i = at_date(k, v, n, k->date);
	if (*i == n)
		return P2V_WAIT;
	take_place(k, &v[*i]);
	return P2V_FOUND;
}

static enum p2v_where not_yet(struct p2v_track *k, size_t *i)
{
	const struct p2v_timeline *tl = &k->v[k->cur].tl;
	p2v_usec now = p2v_now(&k->player->w);
	size_t n;
	const struct p2v_timeline_entry *v = media_of(k, &n);

	if (tl->ended)
		return P2V_END;
	if (k->waiting == P2V_UNKNOWN)
		k->waiting = now;
	/* A list that moves but stays behind is another encoder's. */
	if (k->next > behind(k, &v[n - 1]) && tl->changed > k->waiting &&
		now - k->waiting > 4 * tl->target)
		return place_anew(k, i);
	return P2V_WAIT;
}

/* Of a fragment of which the first parts are there only the rest is new. It may be located several
 * times until it is. */
static void take_rest(struct p2v_track *k, const struct p2v_timeline_entry *e)
{
	if (e->n != k->next)
		k->again = 0;
	else if (k->into > 0)
		k->again = k->into < e->dur ? k->into : e->dur;
	take_place(k, e);
}

/* Whether a fragment with a time comes right behind what there is. */
static bool is_next(const struct p2v_track *k, const struct p2v_timeline_entry *e)
{
	return k->dated && e->n - k->next <= (uint64_t)k->v[k->cur].tl.target / 2;
}

/* Whole fragments. @param entry  [out] index in tl.v */
static enum p2v_where locate(struct p2v_track *k, size_t *entry)
{
	size_t n, i = 0;
	const struct p2v_timeline_entry *v = media_of(k, &n);
	enum p2v_where w = P2V_FOUND;
	int64_t first;

	if (n == 0)
		return k->v[k->cur].tl.ended ? P2V_END : P2V_WAIT;
	if (!k->placed) {
		w = place_first(k, &i);
	} else if (k->restarted) {
		w = place_anew(k, &i);
	} else if (k->numbered_on != k->cur && k->dated && when(k, &v[0], &first)) {
		i = at_date(k, v, n, k->date);
		if (i < n)
			(void)when(k, &v[i], &first);
		if (i == n)
			w = not_yet(k, &i);
		else if (first - v[i].dur / 2 > k->date)
			w = resync(k, &i);
		else
			take_place(k, &v[i]);
	} else if (k->next < v[0].n && !(k->v[k->cur].tl.timed && is_next(k, &v[0]))) {
		w = resync(k, &i);
	} else {
		while (i < n && v[i].n < k->next)
			i++;
		if (i == n)
			w = not_yet(k, &i);
		else
			take_rest(k, &v[i]);
	}
	*entry = i + k->v[k->cur].tl.n_init;
	return w;
}

static bool waits_long(const struct p2v_track *k)
{
	return k->waiting != P2V_UNKNOWN &&
	       p2v_now(&k->player->w) - k->waiting > k->v[k->cur].tl.target;
}

enum p2v_where p2v_track_locate(struct p2v_track *k, struct p2v_pick *out)
{
	enum p2v_where w;
	size_t i;

	if (p2v_low_on(k))
		return p2v_low_locate(k, out);
	w = locate(k, &i);
	if ((w == P2V_END || (w == P2V_WAIT && waits_long(k))) && p2v_sets_go_on(k))
		w = locate(k, &i);
	if (w == P2V_FOUND)
		*out = (struct p2v_pick){ .e = k->v[k->cur].tl.v[i] };
	return w;
}

void p2v_track_pass(struct p2v_track *k, const struct p2v_pick *at)
{
	const struct p2v_timeline_entry *e = &at->e;
	p2v_usec had = k->again < e->dur ? k->again : e->dur;

	k->next = at->partial ? e->n : behind(k, e);
	k->part = at->partial ? at->i + 1 : 0;
	k->into = at->partial ? at->into + e->dur : 0;
	k->dated = when(k, e, &k->date);
	k->date += e->dur;
	k->t += e->dur - had;
	k->again -= had;
	k->errors = k->timeouts = k->rounds = 0;
	k->tried = 0;
	k->forced = false;
	k->not_before = 0;
}
