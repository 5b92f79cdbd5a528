/* source.c - manifests that tell of several renditions, and those that mean nothing without another
 * (bootstraps, indices): read at the beginning, then as often as they ask for while what they tell
 * of is played. One whose fragments follow from the time of day is read again without being
 * fetched.
 */
#include <stdlib.h>
#include <string.h>

#include "sdk/player/inside.h"

enum { ERRORS_MAX = 2 };

#define FETCH_MIN (100 * P2V_MSEC) /* own: whatever a manifest asks for */

static void load_done(struct p2v_load *l, enum p2v_load_end how);
static void on_timer(struct p2v_timer *t, p2v_usec now);

/* ---- life ---- */

static char *copy(const char *s)
{
	return s ? p2v_str_dup(p2v_str_of(s)) : NULL;
}

/* @param c  [in] what the parent told of it; NULL: it has none */
static struct p2v_source *source_new(struct p2v_player *p, const char *url,
	const struct p2v_source *parent, const struct p2v_doc_child *c)
{
	struct p2v_source *s = p->n_sources < P2V_SOURCES_MAX ? calloc(1, sizeof *s) : NULL;

	if (!s)
		return NULL;
	*s = (struct p2v_source){ .player = p, .parent = parent, .within = SIZE_MAX };
	p2v_load_init(&s->load, p, true, load_done, s);
	s->timer.fire = on_timer;
	s->timer.owner = s;
	s->url = copy(url);
	if (c) {
		s->range = c->range;
		s->within = c->track;
		s->load.proto = s->proto = copy(parent->doc->proto);
		s->load.context = s->context = copy(c->context);
		s->load.base = s->base = copy(c->base->url);
	}
	if (!s->url || (c && (!s->proto || (c->context && !s->context) || !s->base))) {
		p2v_source_free(s);
		return NULL;
	}
	p->sources[p->n_sources++] = s;
	return s;
}

void p2v_source_stop(struct p2v_source *s)
{
	p2v_load_stop(&s->load);
	p2v_disarm(&s->player->w, &s->timer);
}

void p2v_source_free(struct p2v_source *s)
{
	p2v_source_stop(s);
	p2v_load_fini(&s->load);
	p2v_doc_free(s->doc);
	free(s->url);
	free(s->proto);
	free(s->context);
	free(s->base);
	free(s);
}

/* ---- who plays it ---- */

static bool played(const struct p2v_source *s)
{
	for (size_t i = 0; i < s->player->n_tracks; i++) {
		const struct p2v_track *k = s->player->tracks[i];

		if (k->v[k->cur].source == s)
			return true;
	}
	return false;
}

static bool up_to_date(const struct p2v_source *s)
{
	return s->doc && (!s->doc->head.live || p2v_now(&s->player->w) < s->fetch_at);
}

/* When what is there says more. */
static p2v_usec says_more(const struct p2v_source *s)
{
	const struct p2v_player *p = s->player;

	if (!s->doc || !s->doc->head.live || !s->doc->head.again)
		return P2V_NEVER;
	return p2v_now(&p->w) + (s->doc->head.again - p2v_player_wall(p));
}

static void wait_for_more(struct p2v_source *s)
{
	p2v_usec due = says_more(s);

	if (s->fetch_at < due)
		due = s->fetch_at;
	if (due != P2V_NEVER)
		p2v_arm(&s->player->w, &s->timer, due);
}

static void fetch(struct p2v_source *s)
{
	if (!s->load.busy)
		p2v_load_start(&s->load, s->url, &s->range);
}

bool p2v_source_want(struct p2v_source *s)
{
	if (up_to_date(s)) {
		wait_for_more(s);
		return true;
	}
	if (s->errors == 0)
		fetch(s);
	else if (!s->load.busy)
		p2v_arm(&s->player->w, &s->timer, s->retry_at);
	return false;
}

/* ---- what it says ---- */

/* @return its index among the tracks that the source tells, or how many there are */
static size_t track_of(const struct p2v_source *s, const struct p2v_rung *r)
{
	size_t i = 0;

	while (r->variant && i < s->doc->n_tracks &&
		(!s->doc->tracks[i].variant || strcmp(s->doc->tracks[i].variant, r->variant) != 0))
		i++;
	return i;
}

static int update(struct p2v_source *s, struct p2v_track *k, size_t rung, bool *any)
{
	struct p2v_player *p = s->player;
	struct p2v_rung *r = &k->v[rung];
	size_t at = track_of(s, r), fresh = 0;

	if (at == s->doc->n_tracks) /* it is gone, or not there at this hour */
		return P2V_OK;
	if (p2v_timeline_update(&r->tl, s->doc, at, p2v_now(&p->w), &fresh) < 0)
		return P2V_ENOMEM;
	r->listed = true;
	if (rung != k->cur)
		return P2V_OK;
	*any |= fresh > 0;
	if (r->tl.restarted) {
		k->restarted = true;
		p->r.restarts += k->index == 0;
		p2v_player_trace_event(p, "restart", NULL);
	}
	return P2V_OK;
}

/* When to fetch it again: when it asks for that; else as any live playlist (RFC 8216 6.3.4), unless
 * the time of day says all. */
static p2v_usec next_fetch(const struct p2v_source *s, bool fresh, p2v_usec target)
{
	p2v_usec gap = fresh ? target : target / 2;

	if (!s->doc->head.live)
		return P2V_NEVER;
	if (s->doc->head.refresh > 0)
		gap = s->doc->head.refresh;
	else if (s->doc->head.again)
		return P2V_NEVER;
	return s->fetched + (gap > FETCH_MIN ? gap : FETCH_MIN);
}

int p2v_source_apply(struct p2v_source *s)
{
	struct p2v_player *p = s->player;
	p2v_usec target = P2V_SECOND;
	bool fresh = false, any = false;

	for (size_t i = 0; i < p->n_tracks; i++) {
		struct p2v_track *k = p->tracks[i];

		for (size_t v = 0; v < k->n; v++) {
			if (k->v[v].source != s)
				continue;
			if (update(s, k, v, &fresh) < 0)
				return P2V_ENOMEM;
			any = true;
			if (k->v[v].tl.target > 0)
				target = k->v[v].tl.target;
		}
	}
	s->fetch_at = any ? next_fetch(s, fresh, target) : P2V_NEVER;
	if (played(s))
		wait_for_more(s);
	return P2V_OK;
}

static int add_children(struct p2v_source *s)
{
	for (size_t i = 0; i < s->doc->n_children; i++) {
		const struct p2v_doc_child *c = &s->doc->children[i];
		struct p2v_source *child;

		if (!c->at.url)
			continue;
		if (s->player->n_sources == P2V_SOURCES_MAX) {
			p2v_player_trace_event(s->player, "too many manifests", c->at.url);
			break;
		}
		child = source_new(s->player, c->at.url, s, c);
		if (!child)
			return P2V_ENOMEM;
		fetch(child);
	}
	return P2V_OK;
}

/* All that was asked for at the beginning is there, or cannot be had. */
static bool gathered(const struct p2v_player *p)
{
	for (size_t i = 0; i < p->n_sources; i++)
		if (!p->sources[i]->doc && !p->sources[i]->given_up)
			return false;
	return true;
}

static int begin(struct p2v_player *p, struct p2v_err *err)
{
	int rc = p2v_sets_make(p, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i]->doc && p2v_source_apply(p->sources[i]) < 0)
			return p2v_fail(err, P2V_ENOMEM, "no memory for the fragments");
	return P2V_OK;
}

int p2v_source_open(struct p2v_player *p, struct p2v_doc *d, struct p2v_err *err)
{
	struct p2v_source *s = source_new(p, p->url, NULL, NULL);

	if (!s)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	s->doc = p2v_doc_ref(d);
	s->fetched = p->master.asked;
	if (add_children(s) < 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	return gathered(p) ? begin(p, err) : P2V_OK;
}

int p2v_source_open_variants(struct p2v_player *p)
{
	const struct p2v_track *k = p->tracks[0];
	int rc = P2V_OK;

	for (size_t i = 0; i < k->n && rc == P2V_OK && p->n_sources < P2V_SOURCES_MAX; i++) {
		struct p2v_source *s = source_new(p, k->v[i].url, NULL, NULL);

		if (s)
			s->bitrate = k->v[i].bitrate;
		else
			rc = P2V_ENOMEM;
	}
	p2v_player_drop_tracks(p);
	for (size_t i = 0; i < p->n_sources; i++)
		fetch(p->sources[i]);
	return rc;
}

/* A reading came. */
static void take(struct p2v_source *s, struct p2v_doc *d)
{
	struct p2v_player *p = s->player;
	struct p2v_err err = { P2V_OK, "" };
	int rc = P2V_OK;

	p2v_doc_free(s->doc);
	s->doc = d;
	if (!p->n_tracks && !s->parent)
		rc = add_children(s);
	if (rc == P2V_OK && p->n_tracks)
		rc = p2v_source_apply(s);
	else if (rc < 0)
		(void)p2v_fail(&err, rc, "no memory for a manifest");
	else if (gathered(p))
		rc = begin(p, &err);
	if (rc < 0)
		p2v_player_over(p, rc, err.text[0] ? err.text : "no memory for the fragments");
	else
		p2v_player_moved(p);
}

/* The same text, at another time of day. */
static void read_again(struct p2v_source *s)
{
	struct p2v_player *p = s->player;
	struct p2v_slice text = p2v_slice_ref(s->doc->text);
	const struct p2v_text *type = s->load.type.n ? &s->load.type : &p->master.type;
	const struct p2v_doc_in in = { .text = { (const char *)text.p, text.n },
		.url = s->doc->base,
		.type = { type->p, type->n },
		.wall = p2v_player_wall(p),
		.proto = s->proto,
		.context = s->context,
		.base = s->base };
	struct p2v_doc *d;

	if (p2v_doc_parse(p->manifests, &in, &d, NULL) == P2V_OK)
		take(s, d);
	else
		p2v_player_over(p, P2V_ENOMEM, "no memory for a manifest");
	p2v_slice_drop(&text);
}

/* ---- requests ---- */

/* Another rendition may have a manifest of its own. */
static void leave(struct p2v_source *s)
{
	struct p2v_track *k = s->player->tracks[0];

	if (k->v[k->cur].source != s || k->n < 2 || k->frag.busy)
		return;
	for (size_t i = 0; i < k->n; i++) {
		size_t other = (k->cur + k->n - 1 - i) % k->n;

		if (k->v[other].source != s) {
			k->forced = true;
			k->v[k->cur].avoid = p2v_now(&s->player->w) + P2V_LIST_PENALTY;
			p2v_track_switch(k, other);
			return;
		}
	}
}

static bool others_tell(const struct p2v_source *s)
{
	const struct p2v_player *p = s->player;

	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i]->doc && p->sources[i]->doc->n_tracks)
			return true;
	return false;
}

/* Play without the renditions that it would tell of. */
static void do_without(struct p2v_source *s)
{
	struct p2v_player *p = s->player;
	struct p2v_err err = { P2V_OK, "" };
	int rc;

	s->given_up = true;
	p2v_disarm(&p->w, &s->timer);
	if (!gathered(p))
		return;
	rc = begin(p, &err);
	if (rc < 0)
		p2v_player_over(p, rc, err.text);
	else
		p2v_player_moved(p);
}

static void failed(struct p2v_source *s, enum p2v_load_end how)
{
	struct p2v_player *p = s->player;
	p2v_usec delay = p->conf.retry_delay << (s->errors < 8 ? s->errors : 8);

	if (p2v_player_failed(p, &s->load, how))
		return;
	s->errors++;
	if (delay > p->conf.retry_delay_max)
		delay = p->conf.retry_delay_max;
	s->retry_at = p2v_now(&p->w) + delay;
	p2v_arm(&p->w, &s->timer, s->retry_at);
	if (p->n_tracks && s->errors > ERRORS_MAX)
		leave(s);
	else if (!p->n_tracks && s->errors > ERRORS_MAX && s->parent && others_tell(s))
		do_without(s);
}

static void load_done(struct p2v_load *l, enum p2v_load_end how)
{
	struct p2v_source *s = l->owner;
	struct p2v_player *p = s->player;
	struct p2v_err err = { P2V_OK, "" };
	struct p2v_doc *d;

	if (how == P2V_LOAD_OK && p2v_load_read(l, &d, &err) == P2V_OK) {
		p->good = p2v_now(&p->w);
		s->fetched = l->asked;
		s->errors = 0;
		take(s, d);
		return;
	}
	if (how == P2V_LOAD_OK) {
		(void)snprintf(l->why, sizeof l->why, "%.150s", err.text);
		how = P2V_LOAD_ERROR;
	}
	failed(s, how);
}

static void on_timer(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_source *s = t->owner;

	if (s->player->n_tracks && !played(s))
		return;
	if (s->errors || !s->doc || now >= s->fetch_at)
		fetch(s);
	else
		read_again(s);
}
