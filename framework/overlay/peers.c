/* peers.c - peers that we were introduced to, and calling them. */
#include <stdlib.h>
#include <string.h>

#include "framework/overlay/inside.h"

enum { DIALS_AT_ONCE = 4 };
#define BACKOFF_MAX  (300 * P2V_SECOND)
#define FORGET_EVERY (10 * P2V_SECOND)
#define STEADY       (30 * P2V_SECOND) /* a partner for so long: what failed before is forgotten */
#define BAN          (3600 * P2V_SECOND)

static void stop_call(struct p2v_peer *p)
{
	if (!p->call)
		return;
	p->call->overlay->n_calls--;
	p2v_dial_cancel(&p->call->dial);
	free(p->call);
	p->call = NULL;
}

static void peer_free(struct p2v_overlay *o, size_t i)
{
	struct p2v_peer *p = o->peers[i].peer;

	stop_call(p);
	o->n_peers--;
	memmove(&o->peers[i], &o->peers[i + 1], (o->n_peers - i) * sizeof *o->peers);
	free(p->many);
	free(p);
}

void p2v_peers_free(struct p2v_overlay *o)
{
	while (o->n_peers > 0)
		peer_free(o, o->n_peers - 1);
	free(o->peers);
	free(o->bans);
}

struct p2v_peer *p2v_peers_find(const struct p2v_overlay *o, const struct p2v_id *id)
{
	uint64_t brief = p2v_id_short(id);

	for (size_t i = 0; i < o->n_peers; i++)
		if (o->peers[i].id == brief && memcmp(&o->peers[i].peer->id, id, sizeof *id) == 0)
			return o->peers[i].peer;
	return NULL;
}

static const struct p2v_addr *addresses(const struct p2v_peer *p)
{
	return p->many ? p->many : &p->one;
}

static void dial_done(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *err)
{
	struct p2v_peer_call *c = P2V_OF(d, struct p2v_peer_call, dial);
	struct p2v_overlay *o = c->overlay;
	struct p2v_peer *p = c->peer;
	struct p2v_session_info info;

	stop_call(p);
	if (s) {
		p2v_session_info(s, &info);
		/* Where both called, one of the two is the caller in the end. */
		p2v_partner_begin(o, s, info.dialled);
		if (!p2v_partner_find(o, &p->id))
			p2v_peers_lost(o, &p->id, 0);
		return;
	}
	p2v_log(o->node, P2V_LOG_INFO, "peer_unreachable", "peer=%016llx why=\"%s\"",
		(unsigned long long)p2v_id_short(&p->id), err->text);
	p2v_peers_lost(o, &p->id, 0);
}

/* Whoever was introduced longest ago makes room, so that a full table still learns of newcomers.
 * @return whether there is room */
static bool make_room(struct p2v_overlay *o)
{
	size_t oldest = SIZE_MAX;

	if (o->n_peers < P2V_PEERS_MAX)
		return true;
	for (size_t i = 0; i < o->n_peers; i++) {
		const struct p2v_peer *p = o->peers[i].peer;

		if (!p->call && (oldest == SIZE_MAX || p->seen < o->peers[oldest].peer->seen))
			oldest = i;
	}
	if (oldest == SIZE_MAX || o->peers[oldest].peer->seen == p2v_now(&o->node->world))
		return false;
	peer_free(o, oldest);
	return true;
}

static struct p2v_peer *peer_add(struct p2v_overlay *o, const struct p2v_id *id)
{
	const size_t step = 16;
	struct p2v_peer *p;

	if (!make_room(o))
		return NULL;
	if (o->n_peers == o->cap_peers) {
		struct p2v_peer_place *v = realloc(o->peers, (o->cap_peers + step) * sizeof *v);

		if (!v)
			return NULL;
		o->peers = v;
		o->cap_peers += step;
	}
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->id = *id;
	o->peers[o->n_peers++] = (struct p2v_peer_place){ p2v_id_short(id), p };
	return p;
}

/* Members write their addresses themselves. None may make this node send to everybody at once, or
 * to its own host's services: loopback counts only where the tracker sees ourselves there. */
static bool callable(const struct p2v_overlay *o, const struct p2v_addr *a)
{
	bool v4 = p2v_addr_is_v4(a);

	if (a->port == 0 || p2v_addr_is_any(a) || (v4 && a->ip[12] == 0))
		return false;
	if (v4 ? a->ip[12] >= 224 : a->ip[0] == 0xff)
		return false; /* multicast (RFC 1112 4, RFC 4291 2.7), and 240/4 with broadcast */
	return !p2v_addr_is_loopback(a) ||
	       (o->link.has_observed && p2v_addr_is_loopback(&o->link.observed));
}

static void take_addresses(
	const struct p2v_overlay *o, struct p2v_peer *p, const struct p2v_msg_descriptor *d)
{
	struct p2v_addr v[P2V_DIAL_ADDRESSES] = { { .port = 0 } };
	uint8_t n = 0;

	for (size_t i = 0; i < d->addresses.n; i++) {
		const uint8_t *b = d->addresses.v[i].p;
		struct p2v_addr a;

		memcpy(a.ip, b, 16);
		a.port = (uint16_t)(b[16] << 8 | b[17]);
		if (callable(o, &a))
			v[n++] = a;
	}
	free(p->many);
	p->many = n > 1 ? malloc(n * sizeof *v) : NULL;
	if (p->many)
		memcpy(p->many, v, n * sizeof *v);
	p->one = v[0];
	p->n_addrs = p->many || n == 0 ? n : 1; /* without memory the likeliest has to do */
}

void p2v_peers_learn(struct p2v_overlay *o, struct p2v_bytes descriptor)
{
	union p2v_msg m;
	struct p2v_peer *p;
	struct p2v_err err;
	struct p2v_id id;

	if (p2v_msg_read(P2V_MSG_descriptor, descriptor, &m, &err) < 0)
		return;
	memcpy(id.b, m.descriptor.id.p, sizeof id.b);
	if (memcmp(&id, o->node->crypto.ops->id(o->node->crypto.self), sizeof id) == 0)
		return;
	p = p2v_peers_find(o, &id);
	if (!p)
		p = peer_add(o, &id);
	if (!p)
		return;
	p->seen = p2v_now(&o->node->world);
	p->capacity = m.descriptor.flags & 1 ? 0 : m.descriptor.capacity;
	take_addresses(o, p, &m.descriptor);
}

void p2v_peers_lost(struct p2v_overlay *o, const struct p2v_id *id, p2v_usec lasted)
{
	struct p2v_peer *p = p2v_peers_find(o, id);
	p2v_usec pause;

	if (!p)
		return;
	if (lasted >= STEADY)
		p->failures = 0;
	pause = 2 * P2V_SECOND << (p->failures < 8 ? p->failures : 8);
	p->failures++;
	p->not_before = p2v_now(&o->node->world) + (pause < BACKOFF_MAX ? pause : BACKOFF_MAX);
}

void p2v_peers_ban(struct p2v_overlay *o, const struct p2v_id *id)
{
	struct p2v_ban *b;

	if (!o->bans)
		o->bans = calloc(P2V_BANS_MAX, sizeof *o->bans);
	if (!o->bans)
		return;
	b = &o->bans[o->next_ban];
	for (size_t i = 0; i < P2V_BANS_MAX; i++)
		if (o->bans[i].until && memcmp(&o->bans[i].id, id, sizeof *id) == 0)
			b = &o->bans[i];
	if (b == &o->bans[o->next_ban])
		o->next_ban = (o->next_ban + 1) % P2V_BANS_MAX;
	*b = (struct p2v_ban){ *id, p2v_now(&o->node->world) + BAN };
}

bool p2v_peers_banned(const struct p2v_overlay *o, const struct p2v_id *id)
{
	p2v_usec now = p2v_now(&o->node->world);

	for (size_t i = 0; o->bans && i < P2V_BANS_MAX; i++)
		if (o->bans[i].until > now && memcmp(&o->bans[i].id, id, sizeof *id) == 0)
			return true;
	return false;
}

void p2v_peers_rest(struct p2v_overlay *o)
{
	for (size_t i = 0; i < o->n_peers; i++)
		stop_call(o->peers[i].peer);
}

size_t p2v_peers_dialling(const struct p2v_overlay *o)
{
	return o->n_calls;
}

/* Whoever called and has not said hello may never say it: that must keep nobody from looking for
 * others. */
size_t p2v_peers_lacking(const struct p2v_overlay *o)
{
	size_t have = p2v_peers_dialling(o);

	P2V_LIST_EACH (it, &o->partners) {
		const struct p2v_partner *p = P2V_OF(it, struct p2v_partner, in_overlay);

		have += !p->closing && (p->up || p->dialled);
	}
	return have < o->conf->partners ? o->conf->partners - have : 0;
}

size_t p2v_peers_wanted(const struct p2v_overlay *o)
{
	for (size_t i = 0; i < o->n_swarms; i++)
		if (o->swarms[i].members >= o->conf->min_swarm)
			return p2v_peers_lacking(o);
	return 0;
}

/* The best of those that can be called now. */
static struct p2v_peer *choose(struct p2v_overlay *o, p2v_usec now)
{
	struct p2v_select_peer view[P2V_SELECT_MAX], self;
	struct p2v_peer *who[P2V_SELECT_MAX], *best = NULL;
	double score[P2V_SELECT_MAX], most = 0;
	size_t n = 0;

	for (size_t i = 0; i < o->n_peers && n < P2V_SELECT_MAX; i++) {
		struct p2v_peer *p = o->peers[i].peer;

		if (p->call || p->not_before > now || p->n_addrs == 0 ||
			p2v_partner_find(o, &p->id) || p2v_peers_banned(o, &p->id))
			continue;
		who[n] = p;
		view[n++] = (struct p2v_select_peer){ .id = p2v_id_short(&p->id),
			.hops = UINT32_MAX,
			.capacity = p->capacity,
			.age = now - p->seen,
			.failures = p->failures,
			.near_bits = o->link.has_observed
					     ? p2v_addr_near_bits(addresses(p), &o->link.observed)
					     : 0 };
	}
	p2v_overlay_view(o, &self);
	if (n == 0 ||
		o->select->plugin->ops.select->partners(o->select_state, &self, view, n, score) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (score[i] >= 0 && (!best || score[i] > most)) {
			best = who[i];
			most = score[i];
		}
	return best;
}

/* @return whether there was memory for it */
static bool call(struct p2v_overlay *o, struct p2v_peer *p)
{
	p->call = calloc(1, sizeof *p->call);
	if (!p->call)
		return false;
	o->n_calls++;
	p->call->overlay = o;
	p->call->peer = p;
	p->call->dial.done = dial_done;
	if (o->watch.called)
		o->watch.called(o->watch.ctx, &p->id);
	p2v_dial_start(&p->call->dial, o->node, o->dtl, &p->id, addresses(p), p->n_addrs);
	return true;
}

static void forget_old(struct p2v_overlay *o, p2v_usec now)
{
	if (now < o->forget_at)
		return;
	o->forget_at = now + FORGET_EVERY;
	for (size_t i = o->n_peers; i-- > 0;) {
		const struct p2v_peer *p = o->peers[i].peer;

		if (!p->call && now - p->seen > P2V_PEER_AGE_OUT && p->not_before <= now)
			peer_free(o, i);
	}
}

void p2v_peers_tend(struct p2v_overlay *o)
{
	p2v_usec now = p2v_now(&o->node->world);
	struct p2v_peer *p;

	forget_old(o, now);
	while (p2v_peers_wanted(o) > 0 && p2v_peers_dialling(o) < DIALS_AT_ONCE &&
		(p = choose(o, now)) && call(o, p))
		;
}

bool p2v_peers_opened(struct p2v_overlay *o, struct p2v_session *s)
{
	for (size_t i = 0; o->n_calls > 0 && i < o->n_peers; i++) {
		struct p2v_peer_call *c = o->peers[i].peer->call;

		if (c && p2v_dial_opened(&c->dial, s))
			return true;
	}
	return false;
}

bool p2v_peers_closed(struct p2v_overlay *o, struct p2v_session *s, const struct p2v_err *why)
{
	for (size_t i = 0; o->n_calls > 0 && i < o->n_peers; i++) {
		struct p2v_peer_call *c = o->peers[i].peer->call;

		if (c && p2v_dial_closed(&c->dial, s, why))
			return true;
	}
	return false;
}
