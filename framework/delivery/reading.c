/* reading.c - players' readings of fragments: bytes in order, as they come, at an honest pace. */
#include <stdlib.h>

#include "framework/delivery/inside.h"

#define PLENTY 8u /* times the bit rate: a line that nobody has to know exactly */

static void wake(struct p2v_reading *r)
{
	const struct p2v_world *w = &r->fragment->d->node->world;

	p2v_arm(w, &r->timer, p2v_now(w));
}

void p2v_readings_wake(struct p2v_fragment *f)
{
	P2V_LIST_EACH (it, &f->readers)
		wake(P2V_OF(it, struct p2v_reading, in_fragment));
}

static void reader_fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_reading *r = t->owner;

	(void)now;
	r->handler->ready(r->ctx);
}

static struct p2v_timeline_entry *listed(struct p2v_feed *feed, const char *url,
	const struct p2v_manifest_range *range, struct p2v_rendition **in)
{
	P2V_LIST_EACH (it, &feed->renditions) {
		struct p2v_rendition *r = P2V_OF(it, struct p2v_rendition, in_feed);
		struct p2v_timeline_entry *e = p2v_timeline_find(&r->timeline, url, range);

		if (e) {
			*in = r;
			return e;
		}
	}
	return NULL;
}

int p2v_feed_open(struct p2v_feed *feed, struct p2v_viewer *v, const char *url,
	const struct p2v_manifest_range *range, const struct p2v_reading_handler *h, void *ctx,
	struct p2v_reading **out)
{
	static const struct p2v_manifest_range all = { false, 0, 0 };
	struct p2v_rendition *in = NULL;
	struct p2v_timeline_entry *e = listed(feed, url, range ? range : &all, &in);
	p2v_usec now = p2v_now(&feed->d->node->world);
	struct p2v_player_frag pf;
	struct p2v_fragment *f;
	struct p2v_reading *r;

	if (!e) {
		p2v_children_read_file(feed, url);
		return P2V_ENOENT;
	}
	f = p2v_fragment_get(feed, in, e);
	if (f && f->too_large)
		return P2V_ENOENT;
	r = f ? calloc(1, sizeof *r) : NULL;
	if (!r)
		return P2V_ENOMEM;
	*r = (struct p2v_reading){ .fragment = f,
		.viewer = v,
		.handler = h,
		.ctx = ctx,
		.opened = now,
		.hit = f->complete };
	r->timer.fire = reader_fire;
	r->timer.owner = r;
	if (p2v_list_empty(&f->readers))
		p2v_list_push(&feed->waiting, &f->in_waiting);
	p2v_list_push(&f->readers, &r->in_fragment);
	f->used = f->asked = now;
	if (f->first_asked == P2V_UNKNOWN)
		f->first_asked = now;
	f->wanted = true;
	if (f->failed) { /* another try for another request */
		f->failed = false;
		f->cdn_failures = 0;
	}
	pf = p2v_viewer_frag(f);
	r->hold = feed->d->conf->hold;
	if (v) {
		const struct p2v_player_ops *ops = v->policy->plugin->ops.player;

		v->watches |= pf.track != P2V_TRACK_TEXT;
		ops->on_request(v->state, now, &pf);
		if (ops->hold)
			r->hold = ops->hold(v->state, now, &pf);
	}
	p2v_follow_read(in, e);
	p2v_plan(f);
	if (!e->init)
		p2v_plan_ahead(in);
	wake(r);
	*out = r;
	return P2V_OK;
}

/* A part comes from partners in as long as it lasts, nearly. A player would take that for the
 * line's rate; and it has no use for less than all of it. */
static bool kept_back(const struct p2v_reading *r)
{
	const struct p2v_fragment *f = r->fragment;
	struct p2v_player_view view;

	if (f->whole <= f->dur || f->complete || f->job || !r->viewer || !f->d->overlay)
		return false;
	r->viewer->policy->plugin->ops.player->view(
		r->viewer->state, p2v_now(&f->d->node->world), &view);
	return view.playing;
}

bool p2v_reading_head(const struct p2v_reading *r, struct p2v_reading_head *out)
{
	const struct p2v_fragment *f = r->fragment;

	*out = (struct p2v_reading_head){ .status = 200,
		.length = f->length,
		.offset = f->range.set ? f->range.off : 0,
		.total = f->range.set ? f->total : f->length,
		.headers = { (const char *)f->headers.p, f->headers.n },
		.hit = r->hit,
		.p2p = f->from_p2p,
		.cdn = f->from_cdn };
	if (f->failed && !f->known)
		out->status = f->status;
	return f->failed || (f->known && !kept_back(r));
}

void p2v_reading_seek(struct p2v_reading *r, uint64_t off)
{
	r->pos = off;
}

size_t p2v_reading_next(struct p2v_reading *r, size_t max, struct p2v_slice *out)
{
	struct p2v_fragment *f = r->fragment;
	uint64_t index = r->pos / P2V_CHUNK;
	size_t at = (size_t)(r->pos % P2V_CHUNK), n;
	struct p2v_chunk_state *c;

	if (r->lost || index >= f->n_chunks)
		return 0;
	c = &f->chunks[index];
	if (at >= c->filled || max == 0)
		return 0;
	n = c->filled - at < max ? c->filled - at : max;
	*out = p2v_slice_of(c->buf, at, n);
	r->pos += n;
	f->served = true;
	p2v_count(&f->d->node->metrics, c->p2p ? P2V_M_SERVED_P2P : P2V_M_SERVED_CDN, n);
	return n;
}

int p2v_reading_state(const struct p2v_reading *r)
{
	const struct p2v_fragment *f = r->fragment;

	if (r->lost || f->failed)
		return P2V_EIO;
	return f->length != P2V_LENGTH_UNKNOWN && r->pos >= f->length ? P2V_OK : P2V_EAGAIN;
}

/* What was fetched before the player asked for it would look to it as if the line were as fast as
 * memory, and it would not see in time that the line is too thin for what it plays. So it gets it
 * as fast as it came; but no slower than the CDN would bring it, or than four times the bit rate,
 * if the CDN can do that: what partners were in no hurry to send says nothing of the line.
 * @return [B/s]; 0: the line is fast enough not to matter, or the player is in need */
static uint64_t honest(const struct p2v_reading *r, p2v_usec now)
{
	const struct p2v_fragment *f = r->fragment;
	uint64_t needs = f->bitrate / 8, cdn = p2v_cdn_rate(f->d), rate;
	p2v_usec took = f->last_at - f->first_at;
	struct p2v_player_view view;

	if (needs == 0 || f->d->n_rates == 0 || cdn > PLENTY * needs || took <= 0)
		return 0;
	r->viewer->policy->plugin->ops.player->view(r->viewer->state, now, &view);
	if (!view.playing || view.buffer < f->dur)
		return 0;
	rate = f->held * P2V_SECOND / (uint64_t)took;
	cdn = cdn < 4 * needs ? cdn : 4 * needs;
	rate = rate > cdn ? rate : cdn;
	return rate > PLENTY * needs ? 0 : rate;
}

uint64_t p2v_reading_pace(const struct p2v_reading *r)
{
	const struct p2v_player_ops *ops = r->viewer ? r->viewer->policy->plugin->ops.player : NULL;
	p2v_usec now = p2v_now(&r->fragment->d->node->world);
	struct p2v_player_frag pf = p2v_viewer_frag(r->fragment);
	uint64_t most, line;

	if (!ops)
		return 0;
	most = ops->pace ? ops->pace(r->viewer->state, now, &pf) : 0;
	line = honest(r, now);
	return most == 0 || (line > 0 && line < most) ? line : most;
}

static void account(struct p2v_reading *r, bool whole_body)
{
	struct p2v_fragment *f = r->fragment;
	struct p2v_metrics *m = &f->d->node->metrics;
	p2v_usec now = p2v_now(&f->d->node->world);
	struct p2v_player_frag pf = p2v_viewer_frag(f);
	enum p2v_metric result = r->hit ? P2V_M_RESULT_CACHE : P2V_M_RESULT_MIXED;

	if (!whole_body) {
		if (f->failed)
			p2v_count(m, P2V_M_RESULT_FAILED, 1);
		return;
	}
	if (!r->hit && (f->from_cdn == 0 || f->from_p2p == 0))
		result = f->from_cdn ? P2V_M_RESULT_CDN : P2V_M_RESULT_P2P;
	p2v_count(m, result, 1);
	p2v_metrics_observe_fragment(m, (double)(now - r->opened) / 1e6);
	if (r->viewer) {
		struct p2v_player_due due;

		r->viewer->policy->plugin->ops.player->due(
			r->viewer->state, now, &pf, r->opened, &due);
		if (due.dry < now && f->t != P2V_UNKNOWN)
			p2v_count(m, P2V_M_DEADLINE_MISSES, 1);
		r->viewer->policy->plugin->ops.player->on_served(r->viewer->state, now, &pf);
		if (f->rendition)
			p2v_plan_ahead(f->rendition);
	}
}

void p2v_reading_close(struct p2v_reading *r, bool whole_body)
{
	struct p2v_fragment *f = r->fragment;
	/* Players give up in the middle where the line is slow, to fetch something smaller: what
	 * they gave up is not to be in its way. Whoever has had nothing yet may be back at once. */
	bool given_up = !whole_body && r->pos > 0;

	account(r, whole_body);
	p2v_disarm(&f->d->node->world, &r->timer);
	p2v_list_remove(&r->in_fragment);
	f->used = p2v_now(&f->d->node->world);
	if (p2v_list_empty(&f->readers)) {
		f->asked = P2V_UNKNOWN;
		p2v_list_remove(&f->in_waiting);
	}
	free(r);
	if (given_up)
		p2v_fragment_leave(f);
	if (f->complete)
		p2v_delivery_tidy(f->d);
	else
		p2v_plan(f);
}
