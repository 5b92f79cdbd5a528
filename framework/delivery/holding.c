/* holding.c - manifests that the CDN holds until there is more (RFC 8216bis 6.2.5.2): when it is
 * asked to, and whether it does. Where it does not, the manifest is looked at again and again, and
 * players are kept waiting all the same. */
#include <string.h>

#include "framework/delivery/inside.h"

bool p2v_holding_by_part(const struct p2v_playlist *p)
{
	p2v_usec now = p2v_now(&p->feed->d->node->world);
	p2v_usec part = p->doc->head.part_target;

	if (part <= 0)
		return false;
	for (size_t i = 0; i < p->n_renditions; i++)
		if (p->renditions[i]->followed && p->renditions[i]->by_part)
			return true;
	/* It goes on to ask so, as long as it plays. */
	return p->part_asked != P2V_UNKNOWN && now - p->part_asked < 3 * p->doc->head.target;
}

bool p2v_holding_may(const struct p2v_playlist *p, p2v_usec now)
{
	return p->doc && p->doc->head.live && p->doc->head.can_block && p->failing == P2V_UNKNOWN &&
	       now >= p->hold_again && p2v_edge_of(p->doc).any;
}

void p2v_holding_begin(struct p2v_playlist *p, struct p2v_text *url)
{
	p->held = true;
	p->held_at = p2v_edge_of(p->doc);
	p->held_for_part = p2v_holding_by_part(p);
	p2v_directives_next(&p->held_at, p->held_for_part, url);
}

void p2v_holding_refused(struct p2v_playlist *p)
{
	const struct p2v_world *w = &p->feed->d->node->world;

	/* So long may a cache keep such an answer (RFC 8216bis, appendix B). */
	p->hold_again = p2v_now(w) + 4 * (p->doc ? p->doc->head.target : P2V_SECOND);
	p2v_log_once(p->feed->d->node, P2V_LOG_INFO, "manifest_not_held",
		p2v_id_short(&p->feed->channel->id), "channel=%s", p->feed->channel->name);
}

void p2v_holding_answered(struct p2v_playlist *p)
{
	struct p2v_edge now;

	if (!p->doc || !p->doc->head.live)
		return;
	now = p2v_edge_of(p->doc);
	if (!p2v_edge_beyond(&now, &p->held_at))
		p2v_holding_refused(p);
}

bool p2v_holding_too_long(const struct p2v_playlist *p)
{
	return p->fetch && p->held && !p->held_for_part && p->doc && p2v_holding_by_part(p);
}

/* Each answer tells of a part more, so that is how often they come, but for a server that is made
 * to keep us busy. */
p2v_usec p2v_holding_gap(const struct p2v_playlist *p)
{
	p2v_usec each = p->held_for_part ? p->doc->head.part_target : p->doc->head.target;

	return each / 4;
}

/* ---- late readings ---- */

void p2v_holding_drop(struct p2v_playlist *p)
{
	while (p->n_late > 0)
		p2v_doc_free(p->late[--p->n_late]);
}

void p2v_holding_keep(struct p2v_playlist *p)
{
	if (!p->doc->head.live || p->doc->head.part_target <= 0) {
		p2v_holding_drop(p);
		return;
	}
	if (p->n_late == P2V_READINGS) {
		p2v_doc_free(p->late[0]);
		memmove(p->late, p->late + 1, --p->n_late * sizeof p->late[0]);
	}
	p->late[p->n_late++] = p2v_doc_ref(p->doc);
}

const struct p2v_doc *p2v_holding_find(
	const struct p2v_playlist *p, const struct p2v_directives *want)
{
	if (!want->has_msn || !p->doc->head.live)
		return p->doc;
	for (size_t i = 0; i < p->n_late; i++)
		if (p2v_directives_met(want, p->late[i]))
			return p->late[i];
	return p->doc;
}
