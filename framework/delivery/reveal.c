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

static p2v_usec until(struct p2v_rendition *r, p2v_usec since)
{
	double part = r->feed->d->conf->reveal;
	p2v_usec most = since + (p2v_usec)(part * (double)r->timeline.target), latest;
	struct p2v_timeline_entry *e;
	struct p2v_fragment *f;
	bool more;

	if (!r->followed || !r->timeline.live || r->position == P2V_UNKNOWN)
		return since;
	e = unasked(r, &more);
	/* A player that is more than one behind is in a hurry. */
	f = e && !more ? p2v_fragment_listed(r->feed->d, e) : NULL;
	if (!f || !f->wanted || f->complete || f->failed || f->job || f->asked != P2V_UNKNOWN)
		return since;
	latest = p2v_plan_latest(f);
	return latest == P2V_NEVER ? since : latest < most ? latest : most;
}

p2v_usec p2v_reveal_at(const struct p2v_playlist *p, p2v_usec since)
{
	p2v_usec at = since;

	const struct p2v_delivery *d = p->feed->d;

	if (d->conf->reveal <= 0 || !d->overlay || d->stopping || p->failing != P2V_UNKNOWN)
		return since;
	for (size_t i = 0; i < p->n_renditions; i++) {
		p2v_usec then = p->renditions[i] ? until(p->renditions[i], since) : since;

		at = then > at ? then : at;
	}
	return at;
}
