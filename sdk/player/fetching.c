/* fetching.c - loading fragments: when, of which rendition, and what is done when it fails.
 *
 * Failures are met as hls.js 1.5 meets them: what is not there (4xx) is asked for in the other
 * renditions at once, the lower ones first; other errors are tried again after 1, 2, 4 … 8 s, six
 * times; time-outs at once, four times; then as if it were not there. Where hls.js gives up, this
 * player skips the fragment after `miss_rounds` rounds and goes on, as its measurement should. */
#include <stdlib.h>
#include <string.h>

#include "sdk/player/inside.h"

/* Own: near the edge there is no buffer to try again with what was too much. */
#define PART_PENALTY (10 * P2V_SECOND)

/* ---- which rendition ---- */

static struct p2v_abr_view view_of(const struct p2v_track *k)
{
	const struct p2v_player *p = k->player;
	const struct p2v_timeline *tl = &k->v[k->cur].tl;
	const struct p2v_parts *parts = p2v_low_on(k) ? &k->v[k->cur].low.parts : NULL;
	p2v_usec fragment = parts ? parts->target : tl->target > 0 ? tl->target : P2V_SECOND;
	p2v_usec behind;
	struct p2v_abr_view v = { .current = k->cur,
		.loaded = p->any_loaded,
		.live = tl->live,
		.buffer = p2v_buffer_ahead(&p->buffer, 0),
		.target = p->conf.max_buffer,
		.fragment = fragment };

	behind = parts ? parts->hold : (p2v_usec)p->conf.start_fragments * fragment;
	if (v.live && behind > 0 && behind < v.target)
		v.target = behind;
	return v;
}

/* @return false: the list of the one that was chosen has to come first */
static bool choose(struct p2v_track *k)
{
	if (k->index == 0 && k->n > 1 && !k->forced && p2v_low_may_switch(k)) {
		struct p2v_abr_view v = view_of(k);
		size_t best = p2v_abr_choose(&k->player->abr, &v);

		while (best > 0 && best != k->cur && k->v[best].avoid > p2v_now(&k->player->w))
			best--;

		/* A fragment that is tried again is not asked for in a higher rendition. */
		if (best < k->cur || (best > k->cur && k->errors + k->timeouts == 0))
			p2v_track_switch(k, best);
	}
	return k->v[k->cur].listed;
}

/* ---- what to load ---- */

static const struct p2v_timeline_entry *init_of(
	const struct p2v_timeline *tl, const struct p2v_timeline_entry *e)
{
	const struct p2v_timeline_entry *found = NULL;

	for (size_t i = 0; i < tl->n_init && tl->v[i].n <= e->n; i++)
		found = &tl->v[i];
	return found;
}

static bool have_init(const struct p2v_track *k, const struct p2v_timeline_entry *init)
{
	return k->init_url && k->init_rung == k->cur && strcmp(k->init_url, init->url) == 0 &&
	       k->init_range.set == init->range.set &&
	       (!init->range.set || (k->init_range.off == init->range.off &&
					    k->init_range.len == init->range.len));
}

static void load(struct p2v_track *k, const struct p2v_pick *pick)
{
	const struct p2v_timeline_entry *e = &pick->e, *init = init_of(&k->v[k->cur].tl, e);

	k->init = init && !have_init(k, init);
	k->pick = *pick;
	k->listed_at = P2V_UNKNOWN;
	p2v_load_start(&k->frag, k->init ? init->url : e->url, k->init ? &init->range : &e->range);
	k->pick.e.url = NULL; /* the list may change; the load has its own */
	if (k->index == 0 && k->n > 1 && k->player->conf.abandon && !k->init && !pick->hint) {
		struct p2v_abr_view v = view_of(k);

		p2v_arm(&k->player->w, &k->tick,
			k->frag.asked + p2v_abr_patience(&k->player->abr, &v));
	}
}

static void skip(struct p2v_track *k, const struct p2v_pick *e)
{
	k->player->r.skipped++;
	p2v_player_trace_event(k->player, "skip", e->e.url ? e->e.url : k->frag.url);
	p2v_track_pass(k, e);
}

/* hls.js looks ten times a second whether a fragment comes too slowly. */
static void watch(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	p2v_usec now = p2v_now(&p->w);
	struct p2v_abr_view v;
	struct p2v_abr_progress progress = { .elapsed = now - k->frag.asked,
		.first = k->frag.first == P2V_UNKNOWN ? P2V_UNKNOWN : k->frag.first - k->frag.asked,
		.loaded = k->frag.got,
		.expected = k->frag.length == P2V_LENGTH_UNKNOWN ? 0 : k->frag.length };
	size_t lower;

	if (k->init || k->pick.hint || k->index > 0 || k->n < 2 || !p->conf.abandon ||
		p->buffer.state == P2V_BUFFER_STARTING)
		return;
	p2v_buffer_advance(&p->buffer, now, p2v_player_wall(p));
	v = view_of(k);
	lower = p2v_abr_abandon(&p->abr, &v, &progress);
	if (lower == k->cur) {
		p2v_arm(&p->w, &k->tick, now + 100 * P2V_MSEC);
		return;
	}
	if (progress.first != P2V_UNKNOWN)
		p2v_abr_sample(&p->abr, progress.elapsed, progress.first, progress.loaded);
	p->r.abandoned++;
	p2v_player_trace_event(p, "abandon", k->frag.url);
	p2v_load_stop(&k->frag);
	if (k->pick.partial)
		k->v[k->cur].avoid = now + PART_PENALTY;
	k->forced = true;
	p2v_track_switch(k, lower);
	p2v_track_decide(k);
}

static void loaded(struct p2v_track *k);

/* A hint came: it is what the list says by now, or nothing. @return false: it is not told yet */
static bool settle(struct p2v_track *k)
{
	enum p2v_where w = p2v_low_settle(k);

	if (w == P2V_WAIT)
		return false;
	k->unlisted = false;
	if (w == P2V_FOUND)
		loaded(k);
	return w != P2V_FOUND;
}

void p2v_track_decide(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	p2v_usec now = p2v_now(&p->w), ahead;
	struct p2v_pick pick;

	if (p->over || k->ended)
		return;
	if (k->frag.busy) {
		watch(k);
		return;
	}
	if (k->unlisted && !settle(k))
		return;
	if (now < k->not_before) {
		p2v_arm(&p->w, &k->tick, k->not_before);
		return;
	}
	p2v_buffer_advance(&p->buffer, now, p2v_player_wall(p));
	ahead = p2v_buffer_ahead(&p->buffer, k->index);
	if (ahead >= p->conf.max_buffer) {
		if (p->buffer.state == P2V_BUFFER_PLAYING)
			p2v_arm(&p->w, &k->tick, now + ahead - p->conf.max_buffer + 1);
		return;
	}
	if (!choose(k))
		return;
	switch (p2v_track_locate(k, &pick)) {
	case P2V_WAIT: break;
	case P2V_END:
		k->ended = true;
		p2v_buffer_end(&p->buffer, k->index, now, p2v_player_wall(p));
		p2v_player_moved(p);
		break;
	case P2V_FOUND:
		if (pick.e.gap) {
			skip(k, &pick);
			p2v_arm(&p->w, &k->tick, now);
		} else {
			load(k, &pick);
		}
		break;
	}
}

/* ---- what came ---- */

static int keep_init(struct p2v_track *k)
{
	char *url = p2v_str_dup(p2v_str_of(k->frag.url));

	if (!url)
		return P2V_ENOMEM;
	free(k->init_url);
	k->init_url = url;
	k->init_range = k->frag.range;
	k->init_rung = k->cur;
	return P2V_OK;
}

/* What the rendition is worth: what its manifest says, else what its bytes say. */
static uint64_t bitrate_of(const struct p2v_track *k)
{
	uint64_t told = k->v[k->cur].bitrate;

	if (told || k->pick.e.dur <= 0)
		return told;
	return k->frag.got * 8 * (uint64_t)P2V_SECOND / (uint64_t)k->pick.e.dur;
}

static void tell(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	const struct p2v_load *l = &k->frag;
	struct p2v_player_fragment f = { .url = l->url,
		.range = l->range,
		.n = k->pick.e.n,
		.rendition = k->cur,
		.audio = k->index > 0,
		.init = k->init,
		.partial = k->pick.partial && !k->init,
		.i = k->pick.i,
		.bitrate = k->v[k->cur].bitrate,
		.bytes = l->range.set ? l->range.len : l->got,
		.asked = l->asked,
		.first = l->first == P2V_UNKNOWN ? k->came : l->first,
		.done = k->came };

	p->r.media_bytes += f.bytes;
	p->r.fragments += !f.init;
	p->r.parts += f.partial;
	if (p->hooks.fragment)
		p->hooks.fragment(p->hooks.ctx, &f);
	p2v_player_trace_fragment(p, &f);
}

/* What a request that was held says of the line: how long its bytes took since they were there.
 * Where they come as they are made that says nothing, and is left out while there is no hurry. */
static void sample_hint(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	p2v_usec first = k->frag.first == P2V_UNKNOWN ? k->came : k->frag.first;
	bool earlier = k->listed_at != P2V_UNKNOWN && k->listed_at < first;
	p2v_usec took = k->came - (earlier ? k->listed_at : first);

	if (took <= k->pick.e.dur / 2 ||
		p2v_buffer_ahead(&p->buffer, 0) < k->v[k->cur].low.parts.hold / 2)
		p2v_abr_sample_part(&p->abr, took, P2V_UNKNOWN, k->frag.got);
}

static void sample(struct p2v_track *k)
{
	const struct p2v_load *l = &k->frag;
	p2v_usec first = l->first == P2V_UNKNOWN ? k->came : l->first;

	if (k->index > 0)
		return;
	if (k->asked_as_hint)
		sample_hint(k);
	else if (k->pick.partial)
		p2v_abr_sample_part(&k->player->abr, k->came - l->asked, first - l->asked, l->got);
	else
		p2v_abr_sample(&k->player->abr, k->came - l->asked, first - l->asked, l->got);
	k->player->any_loaded = true;
}

static void loaded(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	p2v_usec now = p2v_now(&p->w);
	const struct p2v_timeline_entry *e = &k->pick.e;
	p2v_usec had = k->again < e->dur ? k->again : e->dur;
	struct p2v_media m = { .t = k->t,
		.dur = e->dur - had,
		.rendition = k->cur,
		.bitrate = bitrate_of(k),
		.dated = e->has_pdt,
		.date = e->pdt + had };

	tell(k);
	if (k->init) {
		if (keep_init(k) < 0)
			p2v_player_over(p, P2V_ENOMEM, "no memory for a URL");
		else
			p2v_track_decide(k);
		return;
	}
	p->r.hints += k->asked_as_hint;
	sample(k);
	if (m.dur > 0 && p2v_buffer_append(&p->buffer, k->index, &m, now, p2v_player_wall(p)) < 0) {
		p2v_player_over(p, P2V_ENOMEM, "no memory for the buffer");
		return;
	}
	p2v_track_pass(k, &k->pick);
	p2v_player_moved(p);
}

/* ---- what did not come ---- */

/* The next rendition to look for the fragment in: lower ones first. @return n: none is left */
static size_t alternative(const struct p2v_track *k)
{
	for (size_t i = k->cur; i-- > 0;)
		if (i >= 64 || !(k->tried >> i & 1))
			return i;
	for (size_t i = k->cur + 1; i < k->n && i < 64; i++)
		if (!(k->tried >> i & 1))
			return i;
	return k->n;
}

/* A fragment that a rule says is there may come a little late: no reason to look elsewhere yet. */
static bool comes_late(const struct p2v_track *k)
{
	const struct p2v_rung *r = &k->v[k->cur];

	return r->source && r->source->doc->head.again &&
	       p2v_now(&k->player->w) - k->pick.e.seen < r->tl.target;
}

static void missed(struct p2v_track *k)
{
	struct p2v_player *p = k->player;
	p2v_usec now = p2v_now(&p->w);
	size_t other;

	if (comes_late(k)) {
		p2v_usec soon = k->v[k->cur].tl.target / 8;

		k->not_before = now + (soon < p->conf.retry_delay ? soon : p->conf.retry_delay);
		p2v_track_decide(k);
		return;
	}
	k->errors = k->timeouts = 0;
	if (k->cur < 64)
		k->tried |= UINT64_C(1) << k->cur;
	other = k->index == 0 ? alternative(k) : k->n;
	if (other < k->n) {
		k->forced = true;
		p2v_track_switch(k, other);
	} else {
		k->tried = 0;
		if (++k->rounds > p->conf.miss_rounds)
			skip(k, &k->pick);
		else
			k->not_before = now + p->conf.retry_delay;
	}
	p2v_track_decide(k);
}

void p2v_fetching_done(struct p2v_load *l, enum p2v_load_end how)
{
	struct p2v_track *k = l->owner;
	struct p2v_player *p = k->player;
	p2v_usec delay;

	p2v_disarm(&p->w, &k->tick);
	if (how == P2V_LOAD_OK) {
		k->came = p->good = p2v_now(&p->w);
		k->asked_as_hint = k->pick.hint && !k->init;
		k->unlisted = k->asked_as_hint;
		if (k->unlisted)
			p2v_track_decide(k);
		else
			loaded(k);
		return;
	}
	if (p2v_player_failed(p, l, how))
		return;
	if (k->pick.partial && !k->init) {
		k->not_before = p2v_low_failed(k);
		p2v_track_decide(k);
	} else if (how == P2V_LOAD_ERROR && k->errors < p->conf.error_retries) {
		delay = p->conf.retry_delay << (k->errors < 8 ? k->errors : 8);
		k->errors++;
		k->not_before = p2v_now(&p->w) +
				(delay < p->conf.retry_delay_max ? delay : p->conf.retry_delay_max);
		p2v_track_decide(k);
	} else if (how == P2V_LOAD_TIMEOUT && k->timeouts < p->conf.timeout_retries) {
		k->timeouts++;
		p2v_track_decide(k);
	} else {
		missed(k);
	}
}
