/* viewer.c - players as the agent sees them: each with a state of the plugin that knows its family.
 */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

enum { VIEWERS_MAX = 16 };

/* [us] from there to the end of what r lists. */
static p2v_usec behind(const struct p2v_rendition *r, p2v_usec end)
{
	p2v_usec edge;

	if (!r || !r->timeline.live || end == P2V_UNKNOWN)
		return P2V_UNKNOWN;
	edge = p2v_timeline_parts_edge(&r->timeline);
	return edge > end ? edge - end : 0;
}

struct p2v_player_frag p2v_viewer_frag(const struct p2v_fragment *f)
{
	return (struct p2v_player_frag){ .t = f->t,
		.dur = f->dur,
		.bitrate = f->bitrate,
		.next_bitrate = f->rendition ? f->rendition->next_bitrate : 0,
		.whole = f->whole,
		.behind = behind(f->rendition, f->t == P2V_UNKNOWN ? f->t : f->t + f->dur) };
}

void p2v_viewer_free(struct p2v_viewer *v)
{
	/* Readings outlive the viewer that began them. */
	for (struct p2v_fragment *f = v->feed->d->fragments; f; f = f->hh.next)
		P2V_LIST_EACH (it, &f->readers) {
			struct p2v_reading *r = P2V_OF(it, struct p2v_reading, in_fragment);

			if (r->viewer == v)
				r->viewer = NULL;
		}
	if (v->policy->plugin->ops.player->close)
		v->policy->plugin->ops.player->close(v->state);
	free(v->state);
	p2v_list_remove(&v->in_feed);
	free(v);
}

static struct p2v_policy *policy_for(const struct p2v_delivery *d, struct p2v_str user_agent)
{
	struct p2v_policy *best = &d->policies.players[0];
	uint32_t most = 0;

	for (size_t i = 0; i < d->policies.n_players; i++) {
		struct p2v_policy *p = &d->policies.players[i];
		uint32_t score = p->plugin->ops.player->match(p->conf, user_agent);

		if (score > most) {
			most = score;
			best = p;
		}
	}
	return best;
}

static uint64_t tag_of(struct p2v_str s)
{
	uint64_t h = s.n;

	for (size_t i = 0; i < s.n; i++)
		h = p2v_mix64(h ^ (uint64_t)(unsigned char)s.p[i]);
	return h;
}

struct p2v_viewer *p2v_feed_viewer(
	struct p2v_feed *feed, const struct p2v_addr *from, struct p2v_str user_agent)
{
	uint64_t tag = tag_of(user_agent);
	struct p2v_viewer *v;
	struct p2v_err err;
	size_t n = 0;

	P2V_LIST_EACH (it, &feed->viewers) {
		v = P2V_OF(it, struct p2v_viewer, in_feed);
		n++;
		if (v->tag == tag && memcmp(v->from.ip, from->ip, sizeof from->ip) == 0) {
			v->seen = p2v_now(&feed->d->node->world);
			p2v_list_remove(&v->in_feed); /* the list is in order of last use */
			p2v_list_push(&feed->viewers, &v->in_feed);
			return v;
		}
	}
	if (n >= VIEWERS_MAX)
		p2v_viewer_free(P2V_OF(p2v_list_first(&feed->viewers), struct p2v_viewer, in_feed));
	v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	v->feed = feed;
	v->from = *from;
	v->tag = tag;
	v->seen = p2v_now(&feed->d->node->world);
	v->policy = policy_for(feed->d, user_agent);
	v->state = p2v_policy_state(v->policy);
	if (!v->state || v->policy->plugin->ops.player->open(
				 v->state, &v->policy->env, v->policy->conf, &err) < 0) {
		free(v->state);
		free(v);
		return NULL;
	}
	p2v_list_push(&feed->viewers, &v->in_feed);
	return v;
}
