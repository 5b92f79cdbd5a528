/* low.c - playing near the live edge: requests for playlists that the server holds until there is
 * news (RFC 8216bis 6.2.5.2), fragments part by part (4.4.4.9), parts asked for before they are
 * there (4.4.5.3), playback PART-HOLD-BACK behind the edge. What a server announces and does not
 * keep is given up for a while, and the player goes on as with any other playlist. */
#include <string.h>

#include "sdk/player/inside.h"

enum { UNHELD_MAX = 3, BAD_HINTS_MAX = 3 };

static struct p2v_rung *rung_of(const struct p2v_track *k)
{
	return &k->v[k->cur];
}

static bool wanted(const struct p2v_track *k)
{
	return k->player->conf.low_latency == P2V_LOW_LATENCY_AUTO;
}

bool p2v_low_on(const struct p2v_track *k)
{
	const struct p2v_low *l = &rung_of(k)->low;

	return l->parts.n > 0 && p2v_now(&k->player->w) >= l->no_parts;
}

void p2v_low_fini(struct p2v_low *l)
{
	p2v_parts_fini(&l->parts);
}

/* ---- playlists ---- */

static bool before(uint64_t n, uint32_t i, uint64_t other_n, uint32_t other_i)
{
	return n < other_n || (n == other_n && i < other_i);
}

static bool blocks(const struct p2v_track *k)
{
	const struct p2v_rung *r = rung_of(k);

	return wanted(k) && r->listed && r->low.can_block && r->low.edge_known && !r->tl.ended &&
	       p2v_now(&k->player->w) >= r->low.no_block;
}

/* Whether the answer to a request with a number has what was asked for. One that has it and was
 * quick says nothing: it may have been there. */
static void judge_held(struct p2v_track *k, p2v_usec asked)
{
	struct p2v_low *l = &rung_of(k)->low;

	if (before(k->ask_n, k->ask_i, l->edge_n, l->edge_i)) {
		if (p2v_now(&k->player->w) - asked > l->parts.target / 4)
			l->unheld = 0;
		k->player->r.held++;
	} else if (++l->unheld >= UNHELD_MAX) {
		l->unheld = 0;
		l->no_block = p2v_now(&k->player->w) + P2V_LIST_PENALTY;
		p2v_player_trace_event(k->player, "not held", rung_of(k)->url);
	}
}

/* An old answer of a cache: what is known stays. */
static bool old_news(const struct p2v_low *l, const struct p2v_timeline *tl, uint64_t n, uint32_t i)
{
	return l->edge_known && !tl->restarted && before(n, i, l->edge_n, l->edge_i);
}

static bool is_asked(const struct p2v_track *k, const struct p2v_piece *e)
{
	const struct p2v_manifest_range *r = &k->frag.range;

	return strcmp(e->url, k->frag.url) == 0 && e->range.set == r->set &&
	       (!r->set || (e->range.off == r->off && e->range.len == r->len));
}

static void was_in_vain(struct p2v_track *k)
{
	struct p2v_low *l = &rung_of(k)->low;

	l->bad_n = k->pick.e.n;
	l->bad_i = k->pick.i;
	if (++l->bad_hints >= BAD_HINTS_MAX)
		l->no_hint = p2v_now(&k->player->w) + P2V_LIST_PENALTY;
}

/* What was announced, and is being held for us, is there; or another part is there in its place. */
static void look_at_hint(struct p2v_track *k)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	size_t at = p2v_parts_at(p, k->next, k->part);

	if (!k->frag.busy || !k->pick.hint || k->init || at >= p->listed)
		return;
	if (is_asked(k, &p->v[at])) {
		if (k->listed_at == P2V_UNKNOWN)
			k->listed_at = p2v_now(&k->player->w);
		return;
	}
	p2v_player_trace_event(k->player, "hint in vain", k->frag.url);
	p2v_load_stop(&k->frag);
	was_in_vain(k);
}

int p2v_low_read(struct p2v_track *k, const struct p2v_doc *d, p2v_usec asked, p2v_usec *again)
{
	struct p2v_rung *r = rung_of(k);
	struct p2v_low *l = &r->low;
	uint64_t n = 0;
	uint32_t i = 0;
	bool held = k->held, moved;

	k->held = false;
	*again = P2V_UNKNOWN;
	if (!wanted(k) || !p2v_parts_next(d, &n, &i))
		return P2V_OK;
	moved = !l->edge_known || before(l->edge_n, l->edge_i, n, i);
	if (!old_news(l, &r->tl, n, i)) {
		if (p2v_parts_read(&l->parts, d) < 0)
			return P2V_ENOMEM;
		l->edge_known = true;
		l->edge_n = n;
		l->edge_i = i;
	}
	look_at_hint(k);
	l->can_block = d->head.can_block;
	if (held)
		judge_held(k, asked);
	if (r->tl.ended)
		return P2V_OK;
	if (blocks(k) && moved)
		*again = p2v_now(&k->player->w);
	else if (l->parts.n)
		*again = asked + l->parts.target;
	return P2V_OK;
}

static void add_number(struct p2v_text *t, const char *name, uint64_t v)
{
	p2v_text_printf(t, "%s=%llu", name, (unsigned long long)v);
}

void p2v_low_list(struct p2v_track *k)
{
	const struct p2v_rung *r = rung_of(k);
	struct p2v_text url = { 0 };

	k->held = blocks(k);
	if (k->held) {
		k->ask_n = r->low.edge_n;
		k->ask_i = r->low.edge_i;
		p2v_text_puts(&url, r->url);
		p2v_text_puts(&url, strchr(r->url, '?') ? "&" : "?");
		add_number(&url, "_HLS_msn", k->ask_n);
		if (r->low.parts.n)
			add_number(&url, "&_HLS_part", k->ask_i);
		if (k->player->conf.idle_timeout < 3 * r->tl.target)
			k->list.patience = 3 * r->tl.target; /* so long it may be held */
	}
	if (url.oom)
		k->held = false;
	p2v_load_start(&k->list, k->held ? url.p : r->url, NULL);
	p2v_text_fini(&url);
}

bool p2v_low_list_failed(struct p2v_track *k)
{
	if (!k->held)
		return false;
	k->held = false;
	rung_of(k)->low.no_block = p2v_now(&k->player->w) + P2V_LIST_PENALTY;
	p2v_player_trace_event(k->player, "not held", rung_of(k)->url);
	p2v_low_list(k);
	return true;
}

/* ---- where we are ---- */

static void take_place(struct p2v_track *k, const struct p2v_piece *e)
{
	k->placed = true;
	k->restarted = false;
	k->numbered_on = k->cur;
	k->next = e->n;
	k->part = e->i;
	k->into = e->into;
	k->dated = e->dated;
	k->date = e->date;
	k->waiting = P2V_UNKNOWN;
}

/* The first place of all. Sound waits for video, and begins where that does. */
static enum p2v_where place_first(struct p2v_track *k, size_t *at)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	const struct p2v_track *video = k->player->tracks[0];
	p2v_usec seek;
	int64_t start;

	*at = p2v_parts_begin(p, &seek);
	if (k->index > 0) {
		if (!video->placed)
			return P2V_WAIT;
		if (p->v[0].dated && p2v_track_start_date(k, &start)) {
			*at = p2v_parts_at_date(p, start);
			if (*at < p->listed)
				k->t = p->v[*at].date - start;
		}
	}
	if (*at >= p->listed)
		return P2V_WAIT;
	if (k->index == 0)
		p2v_buffer_seek(&k->player->buffer, k->t + seek);
	take_place(k, &p->v[*at]);
	return P2V_FOUND;
}

/* The place is gone, or the encoder began anew: to where playback would begin now. */
static enum p2v_where place_anew(struct p2v_track *k, size_t *at)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	p2v_usec seek, skipped;
	const struct p2v_piece *e;

	*at = p2v_parts_begin(p, &seek);
	if (*at >= p->listed)
		return P2V_WAIT;
	e = &p->v[*at];
	if (!k->restarted) {
		skipped = k->dated && e->dated ? e->date - k->date
					       : (p2v_usec)(e->n - k->next) * rung_of(k)->tl.target;
		k->t += skipped > 0 ? skipped : 0;
		k->player->r.resyncs += k->index == 0;
		p2v_player_trace_event(k->player, "resync", NULL);
	}
	k->again = 0;
	take_place(k, e);
	return P2V_FOUND;
}

/* From another rendition: where the date says, or the numbers, from the last piece on that a
 * decoder can begin with. */
static enum p2v_where carry_over(struct p2v_track *k, size_t *at)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	bool by_date = k->dated && p->v[0].dated;
	const struct p2v_piece *e;
	size_t from;

	*at = by_date ? p2v_parts_at_date(p, k->date) : p2v_parts_at(p, k->next, k->part);
	if (*at >= p->listed)
		return P2V_WAIT;
	e = &p->v[*at];
	if (by_date ? e->date > k->date + p2v_parts_slack(e) : e->n > k->next + 1)
		return place_anew(k, at);
	from = p2v_parts_independent(p, *at);
	k->again = 0;
	if (by_date && k->date > e->date + p2v_parts_slack(e))
		k->again = k->date - e->date;
	else if (!by_date && !e->partial && e->n == k->next)
		k->again = k->into;
	if (from > *at)
		k->t += p->v[from].t - e->t;
	else
		k->again += e->t - p->v[from].t;
	*at = from;
	take_place(k, &p->v[from]);
	return P2V_FOUND;
}

static bool usable_hint(const struct p2v_track *k, const struct p2v_piece *e)
{
	const struct p2v_low *l = &rung_of(k)->low;

	return k->player->conf.preload_hints && p2v_now(&k->player->w) >= l->no_hint &&
	       (!e->range.set || e->range.len > 0) && !(l->bad_n == e->n && l->bad_i == e->i);
}

/* On from where we are, in the same numbers. */
static enum p2v_where go_on(struct p2v_track *k, size_t *at)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	const struct p2v_piece *e;

	*at = p2v_parts_at(p, k->next, k->part);
	if (*at == p->n)
		return rung_of(k)->tl.ended ? P2V_END : P2V_WAIT;
	e = &p->v[*at];
	if (e->n == k->next && !e->partial && k->part > 0) { /* its parts are listed no more */
		if (e->dur - k->into < p2v_parts_slack(e)) {
			k->next++;
			k->part = 0;
			k->into = 0;
			return go_on(k, at);
		}
		k->again = k->into;
	} else if (e->n > k->next && *at == 0) {
		return place_anew(k, at);
	} else if (e->n == k->next && e->i > k->part) {
		k->t += e->into - k->into;
	}
	if (e->hint)
		return usable_hint(k, e) ? P2V_FOUND : P2V_WAIT;
	take_place(k, e);
	return P2V_FOUND;
}

static void fill(struct p2v_pick *out, const struct p2v_piece *e)
{
	*out = (struct p2v_pick){ .e = { .n = e->n,
					  .t = P2V_UNKNOWN,
					  .dur = e->dur,
					  .url = (char *)(uintptr_t)e->url,
					  .range = e->range,
					  .gap = e->gap,
					  .has_pdt = e->dated,
					  .pdt = e->date },
		.partial = e->partial,
		.hint = e->hint,
		.i = e->i,
		.into = e->into };
}

enum p2v_where p2v_low_locate(struct p2v_track *k, struct p2v_pick *out)
{
	const struct p2v_rung *r = rung_of(k);
	enum p2v_where w;
	size_t at = 0;

	if (r->tl.n == r->tl.n_init)
		return P2V_WAIT; /* no fragment yet: what its parts need is not known */
	if (!k->placed)
		w = place_first(k, &at);
	else if (k->restarted)
		w = place_anew(k, &at);
	else if (k->numbered_on != k->cur)
		w = carry_over(k, &at);
	else
		w = go_on(k, &at);
	if (w == P2V_FOUND)
		fill(out, &r->low.parts.v[at]);
	return w;
}

/* A fragment is as long as the one before it. A server may announce the next one's first part
 * before it tells that this one is whole. */
static bool likely_whole(const struct p2v_track *k)
{
	const struct p2v_rung *r = rung_of(k);
	const struct p2v_timeline_entry *last = r->tl.n > r->tl.n_init ? &r->tl.v[r->tl.n - 1]
								       : NULL;

	return last && k->into + r->low.parts.target / 2 >= last->dur;
}

bool p2v_low_may_switch(const struct p2v_track *k)
{
	const struct p2v_parts *p = &rung_of(k)->low.parts;
	size_t at;

	if (!p2v_low_on(k) || !k->placed || k->part == 0 || k->numbered_on != k->cur)
		return true;
	at = p2v_parts_at(p, k->next, k->part);
	if (at == p->n)
		return false;
	if (p->v[at].hint)
		return p->v[at].n > k->next || likely_whole(k);
	return p->v[at].n > k->next || p->v[at].independent;
}

/* ---- what was announced, and what failed ---- */

enum p2v_where p2v_low_settle(struct p2v_track *k)
{
	struct p2v_low *l = &rung_of(k)->low;
	const struct p2v_piece *e;
	size_t at;

	if (!p2v_low_on(k) || k->restarted)
		return P2V_END;
	at = p2v_parts_at(&l->parts, k->next, k->part);
	if (at == l->parts.n)
		return rung_of(k)->tl.ended ? P2V_END : P2V_WAIT;
	e = &l->parts.v[at];
	if (strcmp(e->url, k->frag.url) != 0 || e->range.set != k->frag.range.set ||
		(e->range.set &&
			(e->range.off != k->frag.range.off || e->range.len != k->frag.range.len)))
		return P2V_END;
	if (e->hint)
		return P2V_WAIT;
	take_place(k, e);
	fill(&k->pick, e);
	l->bad_hints = 0;
	return P2V_FOUND;
}

p2v_usec p2v_low_failed(struct p2v_track *k)
{
	struct p2v_low *l = &rung_of(k)->low;
	p2v_usec now = p2v_now(&k->player->w);

	if (k->pick.hint) { /* it may have been announced in vain: it is listed, or another one */
		was_in_vain(k);
		return now;
	}
	if (k->errors++ == 0)
		return now + l->parts.target;
	k->errors = 0;
	l->no_parts = now + P2V_LIST_PENALTY;
	p2v_player_trace_event(k->player, "no parts", k->frag.url);
	return now;
}
