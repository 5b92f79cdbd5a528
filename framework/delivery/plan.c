/* plan.c - decisions: who goes to the CDN for a fragment, when a player can wait for peers no
 * longer, what is fetched before anybody asks. The rules and their reasons are in
 * sdk/doc/delivery.md. */
#include <stdlib.h>

#include "framework/delivery/inside.h"

#define FINISH_MARGIN (120 * P2V_MSEC)
#define LOOK_AGAIN    (100 * P2V_MSEC)
#define HOLD_DEFAULT  (3 * P2V_SECOND)
#define ANSWER_MOST   (250 * P2V_MSEC)
#define SHARE_LASTS   (200 * P2V_MSEC)
#define AHEAD_MAX     64u
#define TOGETHER      2 /* parts that are fetched beside the one that a player begins with */
#define RETRANSMISSION \
	(200 * P2V_MSEC) /* Linux's TCP_RTO_MIN; RFC 6298 (2.4) would have one second */
#define GUESS 262144u    /* [B] of a fragment of which nothing is known */

static p2v_usec now_of(const struct p2v_fragment *f)
{
	return p2v_now(&f->d->node->world);
}

static p2v_usec earlier(p2v_usec a, p2v_usec b)
{
	return a < b ? a : b;
}

/* a - b, where a may be P2V_NEVER. */
static p2v_usec before(p2v_usec a, p2v_usec b)
{
	return a == P2V_NEVER ? P2V_NEVER : a - b;
}

static bool reads(const struct p2v_viewer *v, const struct p2v_fragment *f)
{
	P2V_LIST_EACH (it, &f->readers)
		if (P2V_OF(it, struct p2v_reading, in_fragment)->viewer == v)
			return true;
	return false;
}

/* Whoever fetches manifests, keys or texts alone plays nothing, and would wait for its first
 * picture for ever; and what one player asks for another one may be in no hurry for.
 * @param f  what is asked for; NULL: nothing yet */
static void due_for(const struct p2v_feed *feed, const struct p2v_fragment *f,
	const struct p2v_player_frag *pf, p2v_usec asked, p2v_usec now, struct p2v_player_due *out)
{
	bool read = f && !p2v_list_empty(&f->readers);

	*out = (struct p2v_player_due){ P2V_NEVER, P2V_NEVER };
	P2V_LIST_EACH (it, &feed->viewers) {
		struct p2v_viewer *v = P2V_OF(it, struct p2v_viewer, in_feed);
		bool its = read && reads(v, f);
		struct p2v_player_due due;

		if (!v->watches && !its)
			continue;
		v->policy->plugin->ops.player->due(
			v->state, now, pf, read && !its ? P2V_UNKNOWN : asked, &due);
		out->dry = earlier(out->dry, due.dry);
		out->finish = earlier(out->finish, due.finish);
	}
}

/* [us] of media in the bytes from the beginning on, by the bit rate. */
static p2v_usec here_lasts(const struct p2v_fragment *f)
{
	uint64_t bytes = 0;
	p2v_usec t;

	for (uint32_t i = 0; i < f->n_chunks; i++) {
		bytes += f->chunks[i].filled;
		if (!f->chunks[i].whole)
			break;
	}
	t = f->bitrate ? (p2v_usec)(bytes * 8 * P2V_SECOND / f->bitrate) : 0;
	return t < f->dur ? t : f->dur;
}

void p2v_plan_due(const struct p2v_fragment *f, struct p2v_player_due *out)
{
	struct p2v_player_frag pf = p2v_viewer_frag(f);
	p2v_usec asked = f->asked;

	/* What is asked for before it is there takes that long from anybody. */
	if (asked != P2V_UNKNOWN && asked < f->ready_at)
		asked = f->ready_at;
	due_for(f->feed, f, &pf, asked, now_of(f), out);
	if (!f->known || f->length != P2V_LENGTH_UNKNOWN || out->dry == P2V_NEVER)
		return;
	/* It comes as it is made, from anybody: what counts is when the player will have played
	 * what is here of it. */
	out->dry += here_lasts(f);
	out->finish = P2V_NEVER;
}

/* ---- the election ---- */

static bool in_channel(const struct p2v_mate *m, const struct p2v_fragment *f)
{
	return p2v_partner_in(m->partner, &f->feed->channel->id);
}

static bool has_peers(const struct p2v_fragment *f)
{
	if (!f->d->overlay || !p2v_overlay_active(f->d->overlay))
		return false;
	P2V_LIST_EACH (it, &f->d->mates)
		if (in_channel(P2V_OF(it, struct p2v_mate, in_delivery), f))
			return true;
	return false;
}

/* Weighted rendezvous hashing among those who follow the rendition: all who see the same partners
 * agree, without a message. @return this node's place, 0 first; UINT32_MAX: the policy wants it not
 * to go */
static uint32_t rank(struct p2v_fragment *f, uint32_t *of)
{
	const struct p2v_policy *policy = f->d->policies.select;
	struct p2v_select_want want = {
		.key = p2v_id_short(&f->key), .bytes = GUESS, .slack = P2V_NEVER
	};
	struct p2v_select_peer view[P2V_SELECT_MAX];
	uint32_t weight[P2V_SELECT_MAX], place = 0;
	uint64_t mine;
	size_t n = 1;

	if (f->whole > f->dur && f->bitrate > 0) { /* in a part's time it is to be everywhere */
		want.bytes = f->bitrate / 8 * (uint64_t)f->dur / P2V_SECOND;
		want.slack = f->dur;
	}
	p2v_overlay_view(f->d->overlay, &view[0]);
	view[0].flags |= P2V_PEER_FOLLOWS;
	P2V_LIST_EACH (it, &f->d->mates) {
		const struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);

		if (n == P2V_SELECT_MAX || !p2v_mate_follows(m, f->rendition_key) ||
			!in_channel(m, f))
			continue;
		p2v_partner_outline(m->partner, &view[n]);
		view[n].flags |= P2V_PEER_FOLLOWS;
		n += !(view[n].flags & (P2V_PEER_SUSPECT | P2V_PEER_TAKES));
	}
	*of = (uint32_t)n;
	/* What this node fetches it could not pass on: another does, if there is one. */
	if (n > 1 && (view[0].flags & P2V_PEER_TAKES))
		return UINT32_MAX;
	if (policy->plugin->ops.select->fetchers(f->feed->select_state, &want, view, n, weight) < 0)
		return 0;
	if (weight[0] == 0)
		return UINT32_MAX;
	mine = p2v_rendezvous(want.key, view[0].id, weight[0]);
	for (size_t i = 1; i < n; i++) {
		uint64_t theirs = p2v_rendezvous(want.key, view[i].id, weight[i]);

		place += theirs < mine || (theirs == mine && view[i].id < view[0].id);
	}
	return place;
}

/* ---- whose line it is ---- */

static p2v_usec latest(const struct p2v_fragment *f, const struct p2v_player_due *due);

static uint64_t missing(const struct p2v_fragment *f)
{
	if (f->known && f->length != P2V_LENGTH_UNKNOWN)
		return p2v_fragment_missing(f);
	return f->bitrate && f->dur > 0 ? f->bitrate / 8 * (uint64_t)(f->dur / P2V_MSEC) / 1000
					: GUESS;
}

/* A player waits for f, which the line hardly brings in time. What it needs a part's time from now
 * is on its way beside it, and would be late for it: that stays where the line brings it all in
 * time. What is only promised yet is in nobody's way. */
static bool no_room(const struct p2v_fragment *f, const struct p2v_player_due *due, p2v_usec now)
{
	uint64_t bytes = 0;

	if (f->whole <= f->dur)
		return true;
	for (const struct p2v_fragment *g = f->d->fragments; g; g = g->hh.next)
		if (g->feed == f->feed && g->wanted && !g->complete && !g->hint)
			bytes += missing(g);
	return now + p2v_cdn_estimate(f->d, bytes) > earlier(due->dry, due->finish);
}

/* What nobody asked for yet is not to share the line with what a player waits for. Others are
 * elected too, and stand in. */
static bool pressed(const struct p2v_feed *feed, p2v_usec now)
{
	P2V_LIST_EACH (it, &feed->waiting) {
		const struct p2v_fragment *f = P2V_OF(it, struct p2v_fragment, in_waiting);
		struct p2v_player_due due;

		if (f->complete || f->failed)
			continue;
		p2v_plan_due(f, &due);
		if (now >= latest(f, &due) && no_room(f, &due, now))
			return true;
	}
	return false;
}

/* ---- one fragment ---- */

static bool starting(const struct p2v_feed *feed)
{
	P2V_LIST_EACH (it, &feed->viewers) {
		struct p2v_viewer *v = P2V_OF(it, struct p2v_viewer, in_feed);
		struct p2v_player_view view;

		v->policy->plugin->ops.player->view(
			v->state, p2v_now(&feed->d->node->world), &view);
		if (v->watches && !view.playing)
			return true;
	}
	return false;
}

/* [us] of media time: whether it is one of the next few that a player asks for. */
static bool among_next(const struct p2v_rendition *r, p2v_usec t, p2v_usec dur)
{
	return r->position != P2V_UNKNOWN && t + dur / 2 > r->position &&
	       t < r->position + TOGETHER * dur - dur / 2;
}

/* A player that begins by parts reads one after the other, from one that can be decoded by itself
 * up to the edge, and is as late for ever as that takes. Where the line has room for that, the next
 * few come together with the one that it asks for. */
static bool opens(const struct p2v_fragment *f)
{
	const struct p2v_rendition *r = f->rendition;

	return f->whole > f->dur && !f->hint && f->asked == P2V_UNKNOWN && r && r->followed &&
	       r->by_part && r->quick && among_next(r, f->t, f->dur) && starting(f->feed);
}

static p2v_usec go(struct p2v_fragment *f, enum p2v_why why)
{
	int rc = p2v_cdn_begin(f, why);

	if (rc == P2V_OK)
		return P2V_NEVER;
	return rc == P2V_EAGAIN ? f->cdn_again : now_of(f) + p2v_scale(f->dur, LOOK_AGAIN);
}

/* In proportion to the fragment; but however short that is, a packet that is lost at the end of a
 * fetch is sent again only after so long (what common TCP stacks wait at least), and has the way
 * before it again. */
static p2v_usec margin_of(const struct p2v_fragment *f)
{
	p2v_usec most = f->d->conf->margin, margin = p2v_scale(f->dur, most), least;

	least = RETRANSMISSION + p2v_cdn_estimate(f->d, 0);
	margin = margin > least ? margin : least;
	return margin < most ? margin : most;
}

/* A player can wait for peers no longer than this: then the CDN has to bring what is missing, in
 * the time that it takes and a margin. */
static p2v_usec latest(const struct p2v_fragment *f, const struct p2v_player_due *due)
{
	p2v_usec need = p2v_cdn_estimate(f->d, missing(f));

	return earlier(before(due->dry, need + margin_of(f)),
		before(due->finish, need + p2v_scale(f->dur, FINISH_MARGIN)));
}

p2v_usec p2v_plan_latest(const struct p2v_fragment *f)
{
	struct p2v_player_due due;

	p2v_plan_due(f, &due);
	return latest(f, &due);
}

/* What nobody asked for yet leaves the line. */
static void make_way(const struct p2v_fragment *f)
{
	for (struct p2v_fragment *g = f->d->fragments; g; g = g->hh.next)
		if (g->feed == f->feed && g->wanted && g->asked == P2V_UNKNOWN && !g->planning &&
			!opens(g))
			p2v_fragment_leave(g);
}

/* @return when to look again */
static p2v_usec urgent(struct p2v_fragment *f, const struct p2v_player_due *due, p2v_usec now)
{
	p2v_usec left = earlier(due->dry, due->finish) - now;
	uint32_t first, count;

	/* Partners keep what they will surely bring in time: what they fail to bring is fetched
	 * after the rest, and late. */
	p2v_ask_trim(f, now, left > 0 ? left / 3 : 0);
	if (f->asked != P2V_UNKNOWN && no_room(f, due, now))
		make_way(f);
	if (f->known && f->length != P2V_LENGTH_UNKNOWN && !p2v_ask_gap(f, 0, &first, &count))
		return now + p2v_scale(f->dur, LOOK_AGAIN);
	return go(f, starting(f->feed) ? P2V_WHY_START : P2V_WHY_DEADLINE);
}

/* [us] the longest round trip to a partner. */
static p2v_usec farthest(const struct p2v_fragment *f)
{
	p2v_usec rtt = 0;

	P2V_LIST_EACH (it, &f->d->mates) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);
		p2v_usec one = p2v_partner_path(m->partner)->rtt;

		rtt = one > rtt ? one : rtt;
	}
	return rtt;
}

/* At the live edge all want the same new fragment at the same time, and one of them fetches it. */
static bool at_edge(const struct p2v_fragment *f)
{
	const struct p2v_rendition *r = f->rendition;

	return f->live && r && r->followed && f->listed_at >= r->followed_at;
}

/* However short a fragment is, the next one waits until it can have heard of the one before: the
 * CDN's answer, and a word from there. */
p2v_usec p2v_plan_standby(const struct p2v_fragment *f)
{
	p2v_usec most = f->d->conf->standby, least = p2v_cdn_estimate(f->d, 0) + farthest(f);
	p2v_usec standby = p2v_scale(f->dur, most);

	standby = standby > least ? standby : least;
	return standby < most ? standby : most;
}

uint32_t p2v_plan_share(struct p2v_fragment *f, uint32_t *of)
{
	p2v_usec now = now_of(f);
	uint32_t place;

	if (f->share_of == 0 || now - f->share_at >= SHARE_LASTS) {
		place = at_edge(f) ? rank(f, &f->share_of) : UINT32_MAX;
		f->share_at = now;
		if (place != UINT32_MAX && place > 0 && f->share_of > 2) {
			f->share = place - 1;
			f->share_of--; /* the first has it all */
		} else {
			f->share = 0;
			f->share_of = 1;
		}
	}
	*of = f->share_of;
	return f->share;
}

/* Partners tell what they have of a rendition once they hear that it is followed: until when that
 * is waited for. */
static p2v_usec answered_by(const struct p2v_fragment *f)
{
	p2v_usec rtt;

	if (!f->rendition || !f->rendition->followed)
		return 0;
	rtt = farthest(f);
	rtt += rtt / 2;
	return f->rendition->followed_at + (rtt < ANSWER_MOST ? rtt : ANSWER_MOST);
}

/* @return when to look again */
static p2v_usec decide(struct p2v_fragment *f, const struct p2v_player_due *due, p2v_usec now)
{
	bool asked = f->asked != P2V_UNKNOWN;
	p2v_usec at, turn, again;
	uint32_t place, of;

	if (opens(f))
		return go(f, P2V_WHY_START);
	/* Alone, an agent is a cache: what the player may never ask for is not fetched. */
	if (!has_peers(f))
		return asked ? go(f, P2V_WHY_ALONE) : P2V_NEVER;
	at = latest(f, due);
	if (now >= at)
		return urgent(f, due, now);
	if (!p2v_list_empty(&f->asks))
		return at;
	again = p2v_ask_again(f, now);
	if (again != P2V_NEVER) /* all who have it are busy: they are not for long */
		return earlier(at, again);
	if (!at_edge(f)) {
		turn = answered_by(f);
		return !asked ? at : now < turn ? earlier(at, turn) : go(f, P2V_WHY_OTHER);
	}
	place = rank(f, &of);
	if (place == UINT32_MAX)
		return at;
	/* The first may ask for what is promised only: the CDN keeps it waiting until it is there.
	 */
	turn = place == 0 ? f->listed_at : f->ready_at + (p2v_usec)place * p2v_plan_standby(f);
	if (now >= turn)
		return go(f, place == 0 ? P2V_WHY_ELECTED : P2V_WHY_STANDBY);
	return earlier(at, turn);
}

static p2v_usec patience(const struct p2v_fragment *f)
{
	p2v_usec hold = 0;

	P2V_LIST_EACH (it, &f->readers) {
		const struct p2v_reading *r = P2V_OF(it, struct p2v_reading, in_fragment);

		hold = r->hold > hold ? r->hold : hold;
	}
	return hold;
}

/* The CDN fails and peers have nothing: how long the player is kept waiting before it is told.
 * @return whether it was told now */
static bool give_up(struct p2v_fragment *f, p2v_usec now, p2v_usec *next)
{
	p2v_usec until;

	if (f->cdn_failures == 0 || f->asked == P2V_UNKNOWN) {
		/* Nobody waits: after some attempts it is left until somebody asks. */
		if (f->asked == P2V_UNKNOWN && f->cdn_failures >= 8)
			f->wanted = false;
		return false;
	}
	/* A server that is silent tells nothing of the fragment: there is another attempt. */
	if (f->status == 504 && f->cdn_failures < 2)
		return false;
	until = f->first_asked > f->asked - HOLD_DEFAULT ? f->first_asked + patience(f)
							 : f->asked + patience(f);
	if (now < until || !p2v_list_empty(&f->asks)) {
		*next = earlier(*next, until > now ? until : now + p2v_scale(f->dur, LOOK_AGAIN));
		return false;
	}
	p2v_cdn_cancel(f);
	p2v_fragment_fail(f, f->status ? f->status : 504);
	return true;
}

/* What the player asks for next, unless it seeks or switches. */
static bool is_next(const struct p2v_fragment *f)
{
	const struct p2v_rendition *r = f->rendition;

	return r && r->position != P2V_UNKNOWN && f->t != P2V_UNKNOWN &&
	       f->t < r->position + f->dur / 2;
}

/* From the lowest, when there is all the time, to 4, when the CDN is about to take over. What the
 * player asks for next counts as if it asked a fragment's time from now, the latest that it may:
 * what others wait for already goes first. */
static void urgency(struct p2v_fragment *f, const struct p2v_player_due *due, p2v_usec now)
{
	double margin = (double)margin_of(f), left, p;
	struct p2v_player_due soon = *due;
	p2v_usec at;

	if (f->asked == P2V_UNKNOWN && is_next(f)) {
		struct p2v_player_frag pf = p2v_viewer_frag(f);

		due_for(f->feed, f, &pf, now + f->dur, now, &soon);
	}
	at = latest(f, &soon);
	if (at == P2V_NEVER)
		return;
	if (now < f->ready_at) /* nothing goes anywhere before that */
		now = f->ready_at;
	left = at > now ? (double)(at - now) : 0;
	p = 4 * margin / (left + margin);
	f->priority = p > f->priority ? p : f->priority;
}

void p2v_plan(struct p2v_fragment *f)
{
	p2v_usec now = now_of(f), next = P2V_NEVER;
	struct p2v_player_due due;

	if (f->planning || f->complete || f->failed || !f->wanted || f->d->stopping)
		return;
	if (f->asked == P2V_UNKNOWN && !opens(f) && pressed(f->feed, now)) {
		p2v_fragment_leave(f);
		return;
	}
	f->planning = true;
	p2v_plan_due(f, &due);
	urgency(f, &due, now);
	p2v_ask_check(f, now);
	if (!f->job)
		(void)p2v_ask_more(f);
	if (!f->job && !f->complete)
		next = earlier(next, decide(f, &due, now));
	f->planning = false;
	if (f->complete || give_up(f, now, &next))
		return;
	p2v_ask_urgency(f);
	next = earlier(next, p2v_ask_check_at(f));
	if (next != P2V_NEVER)
		p2v_arm(&f->d->node->world, &f->timer, next > now ? next : now + P2V_MSEC);
	else
		p2v_disarm(&f->d->node->world, &f->timer);
}

void p2v_plan_all(struct p2v_delivery *d)
{
	struct p2v_fragment *f, *next;

	HASH_ITER (hh, d->fragments, f, next)
		p2v_plan(f);
}

/* ---- ahead of the player ---- */

/* What is ahead of the player, as it reads it: by parts, but for what comes before them. */
struct ahead {
	struct p2v_timeline_entry *who[AHEAD_MAX];
	struct p2v_cache_frag v[AHEAD_MAX];
	size_t n;
};

static void take(struct ahead *a, struct p2v_rendition *r, struct p2v_timeline_entry *e,
	const struct p2v_player_due *due)
{
	const struct p2v_fragment *f = p2v_fragment_listed(r->feed->d, e);

	a->who[a->n] = e;
	a->v[a->n++] = (struct p2v_cache_frag){
		.flags = P2V_FRAG_FOLLOWED | P2V_FRAG_LISTED | (e->init ? P2V_FRAG_INIT : 0) |
			 (f && f->asked != P2V_UNKNOWN ? P2V_FRAG_REQUESTED : 0) |
			 (f && f->served ? P2V_FRAG_SERVED : 0) |
			 (f && f->complete ? P2V_FRAG_COMPLETE : 0) |
			 (f && !f->complete && f->held ? P2V_FRAG_ARRIVING : 0),
		.t = e->init ? P2V_UNKNOWN : e->t,
		.dur = e->dur,
		.due = due->dry,
		.used = f ? f->used : 0,
		.held = f ? f->held : 0,
		.relayed = f ? f->relayed : 0,
		.key = f ? p2v_id_short(&f->key) : 0
	};
}

/* What no manifest lists yet, only fragments told of, is there for who asks; but a server may write
 * it once more when it knows what comes behind that, and then it tells of more (tfrf). */
static bool only_foretold(const struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	return r->listed && !e->init && !e->part && e->n >= r->listed;
}

static void gather(struct ahead *a, struct p2v_rendition *r, struct p2v_timeline_entry *v, size_t n,
	p2v_usec now)
{
	for (size_t i = 0; i < n && a->n < AHEAD_MAX; i++) {
		struct p2v_timeline_entry *e = &v[i];
		struct p2v_player_frag pf = { .t = e->init ? P2V_UNKNOWN : e->t,
			.dur = e->dur,
			.bitrate = r->timeline.bitrate,
			.next_bitrate = r->next_bitrate,
			.whole = e->whole,
			.behind = P2V_UNKNOWN,
			.track = r->track };
		struct p2v_player_due due;

		if (e->gap || only_foretold(r, e) || (!e->init && e->t + e->dur <= r->position))
			continue;
		due_for(r->feed, NULL, &pf, P2V_UNKNOWN, now, &due);
		take(a, r, e, &due);
	}
}

static void gather_all(struct ahead *a, struct p2v_rendition *r, p2v_usec now)
{
	struct p2v_timeline *tl = &r->timeline;
	size_t whole = tl->n;

	if (r->by_part && tl->n_parts) /* what is there as parts is not fetched twice */
		while (whole > tl->n_init && tl->v[whole - 1].n >= tl->parts[0].n)
			whole--;
	gather(a, r, tl->v, whole, now);
	if (r->by_part)
		gather(a, r, tl->parts, tl->n_parts, now);
}

/* What a player that begins by parts asks for next. */
static void open_up(struct p2v_rendition *r)
{
	for (size_t i = 0; i < r->timeline.n_parts && r->by_part; i++) {
		struct p2v_timeline_entry *e = &r->timeline.parts[i];
		struct p2v_fragment *f;

		if (e->gap || e->hint || !among_next(r, e->t, e->dur))
			continue;
		f = p2v_fragment_get(r->feed, r, e);
		if (!f || f->complete || f->failed || !opens(f))
			continue;
		f->wanted = true;
		p2v_plan(f);
	}
}

void p2v_plan_ahead(struct p2v_rendition *r)
{
	struct p2v_delivery *d = r->feed->d;
	struct ahead a = { .n = 0 };
	double priority[AHEAD_MAX];
	p2v_usec now = p2v_now(&d->node->world);
	struct p2v_cache_view view = { .now = now,
		.edge = p2v_timeline_edge(&r->timeline),
		.position = r->position,
		.held = d->held,
		.limit = d->conf->cache,
		.live = r->timeline.live };

	if (!r->followed || r->position == P2V_UNKNOWN)
		return;
	/* A player that waits for its first picture has the line for itself. */
	if (starting(r->feed)) {
		open_up(r);
		return;
	}
	if (pressed(r->feed, now))
		return;
	gather_all(&a, r, now);
	if (a.n == 0)
		return;
	d->policies.cache->plugin->ops.cache->ahead(
		r->feed->cache_state, &view, a.v, a.n, priority);
	for (size_t i = 0; i < a.n; i++) {
		struct p2v_fragment *f;

		if (priority[i] < 0 || (a.v[i].flags & P2V_FRAG_COMPLETE))
			continue;
		f = p2v_fragment_get(r->feed, r, a.who[i]);
		if (!f || f->complete || f->failed)
			continue;
		f->wanted = true;
		if (f->priority < priority[i])
			f->priority = priority[i] < 4 ? priority[i] : 4;
		p2v_plan(f);
	}
}
