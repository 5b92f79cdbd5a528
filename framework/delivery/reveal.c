/* reveal.c - when a player hears of a new fragment. A player asks for a fragment as soon as its
 * manifest lists it, and from then on takes the time until it has it for the line's. So while it
 * has enough to play, the manifest is kept from it for a moment, in which partners bring what the
 * manifest tells of. Nothing is kept while the player has little to play, or the CDN or nobody
 * brings the fragment. Source: own. */
#include "framework/delivery/inside.h"

/* What the player has not asked for yet. @return NULL: nothing; *more: there is more than one */
static struct p2v_timeline_entry *unasked(struct p2v_rendition *r, bool *more)
{
	struct p2v_timeline_entry *e = r->timeline.n > r->timeline.n_init
					       ? &r->timeline.v[r->timeline.n - 1]
					       : NULL;

	*more = e && r->timeline.n > r->timeline.n_init + 1 &&
		e[-1].t + e[-1].dur / 2 > r->position;
	return e && e->t + e->dur / 2 > r->position ? e : NULL;
}

/* @param most  now() until when it may be kept from the player
 * @return now() until when to wait for that fragment; `most` or before it is nothing to wait for */
static p2v_usec wait_for(const struct p2v_fragment *f, p2v_usec most)
{
	p2v_usec latest;

	if (!f || !f->wanted || f->complete || f->failed || f->job)
		return 0;
	latest = p2v_plan_latest(f);
	return latest == P2V_NEVER ? 0 : latest < most ? latest : most;
}

/* What it did not ask for may come later. */
static bool newer(const struct p2v_timeline_entry *e, const struct p2v_directives *want)
{
	return want->has_part && (e->n > want->msn || (e->n == want->msn && e->i > want->part));
}

static bool was_asked(const struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	const struct p2v_fragment *f = p2v_fragment_listed(r->feed->d, e);

	return f && f->first_asked != P2V_UNKNOWN;
}

/* A part is told of when it is here: players that read parts measure each from when they were told
 * of it, and what partners need for one is as long as it lasts, nearly. It costs them nothing: they
 * would have it no sooner. Who does not say which part it waits for, and has not asked for the one
 * before the last, comes from elsewhere, as from another rendition, and needs older ones at once.
 */
static p2v_usec until_part(
	struct p2v_rendition *r, const struct p2v_directives *want, p2v_usec since)
{
	struct p2v_timeline *tl = &r->timeline;
	size_t i = tl->n_parts;

	while (i > 0 && (tl->parts[i - 1].hint || newer(&tl->parts[i - 1], want)))
		i--;
	if (i == 0 || !r->followed ||
		(!want->has_part && i > 1 && !was_asked(r, &tl->parts[i - 2])))
		return since;
	return wait_for(p2v_fragment_listed(r->feed->d, &tl->parts[i - 1]), since + tl->target);
}

static p2v_usec until(struct p2v_rendition *r, p2v_usec since)
{
	double part = r->feed->d->conf->reveal;
	p2v_usec most = since + (p2v_usec)(part * (double)r->timeline.target);
	struct p2v_timeline_entry *e;
	struct p2v_fragment *f;
	bool more;

	if (!r->followed || !r->timeline.live || r->position == P2V_UNKNOWN || part <= 0)
		return since;
	e = unasked(r, &more);
	/* A player that is more than one behind is in a hurry. */
	f = e && !more ? p2v_fragment_listed(r->feed->d, e) : NULL;
	return f && f->asked == P2V_UNKNOWN ? wait_for(f, most) : since;
}

p2v_usec p2v_reveal_at(
	const struct p2v_playlist *p, const struct p2v_directives *want, p2v_usec since)
{
	p2v_usec at = since;

	const struct p2v_delivery *d = p->feed->d;

	if (!d->overlay || d->stopping || p->failing != P2V_UNKNOWN)
		return since;
	for (size_t i = 0; i < p->n_renditions; i++) {
		struct p2v_rendition *r = p->renditions[i];
		p2v_usec then = r->by_part ? until_part(r, want, since) : until(r, since);

		at = then > at ? then : at;
	}
	return at;
}
