/* partner.c - sessions with other nodes: hello, then partners; what is known of each. */
#include <stdlib.h>
#include <string.h>

#include "framework/overlay/inside.h"

#define HELLO_WAIT     (5 * P2V_SECOND)
#define FAILURES_HALVE (10 * P2V_SECOND)
#define SUSPECT_PTO    3u
#define PATH_LASTS     (100 * P2V_MSEC)
#define OUTLINE_LASTS  (500 * P2V_MSEC)

struct p2v_partner *p2v_partner_find(const struct p2v_overlay *o, const struct p2v_id *id)
{
	P2V_LIST_EACH (it, &o->partners) {
		struct p2v_partner *p = P2V_OF(it, struct p2v_partner, in_overlay);

		if (!p->closing && memcmp(&p->id, id, sizeof *id) == 0)
			return p;
	}
	return NULL;
}

size_t p2v_partner_count(const struct p2v_overlay *o)
{
	size_t n = 0;

	P2V_LIST_EACH (it, &o->partners) {
		const struct p2v_partner *p = P2V_OF(it, struct p2v_partner, in_overlay);

		n += !p->closing && p->up;
	}
	return n;
}

static struct p2v_partner *up_from(const struct p2v_overlay *o, struct p2v_list *it)
{
	for (; it != &o->partners; it = it->next) {
		struct p2v_partner *p = P2V_OF(it, struct p2v_partner, in_overlay);

		if (p->up && !p->closing)
			return p;
	}
	return NULL;
}

struct p2v_partner *p2v_partner_first(const struct p2v_overlay *o)
{
	return up_from(o, o->partners.next);
}

struct p2v_partner *p2v_partner_next(const struct p2v_partner *p)
{
	return up_from(p->overlay, p->in_overlay.next);
}

static void leave(struct p2v_partner *p, enum p2v_dtl_code code, const char *why)
{
	p->closing = true;
	/* The session first: a stream that is cut ahead of it would be all that the remote sees. */
	p2v_session_close(p->session, code, why);
	p2v_talk_close(&p->talk);
}

void p2v_partner_drop(struct p2v_partner *p, bool banned, const char *why)
{
	if (p->closing)
		return;
	if (banned) {
		p2v_log(p->overlay->node, P2V_LOG_WARN, "partner_banned", "peer=%016llx why=\"%s\"",
			(unsigned long long)p2v_id_short(&p->id), why);
		p2v_peers_ban(p->overlay, &p->id);
	}
	leave(p, banned ? P2V_DTL_PROTOCOL : P2V_DTL_DONE, why);
}

void p2v_partner_send(struct p2v_partner *p, enum p2v_message number, const void *msg)
{
	if (!p->closing && p2v_talk_send(&p->talk, number, msg) < 0)
		p2v_partner_drop(p, false, "it does not read what we tell it");
}

void p2v_partner_send_slice(struct p2v_partner *p, const struct p2v_slice *s)
{
	if (!p->closing && p2v_talk_write(&p->talk, p2v_slice_ref(*s)) < 0)
		p2v_partner_drop(p, false, "it does not read what we tell it");
}

/* ---- hello ---- */

static void say_hello(struct p2v_partner *p)
{
	uint8_t descriptor[512];
	struct p2v_msg_hello m = { .version = P2V_PROTOCOL_VERSION };

	m.descriptor = (struct p2v_bytes){ descriptor,
		p2v_overlay_describe(p->overlay, descriptor, sizeof descriptor) };
	for (size_t i = 0; i < p->overlay->n_swarms; i++)
		m.channels.v[m.channels.n++] = (struct p2v_bytes){ p->overlay->swarms[i].channel.b,
			sizeof(struct p2v_id) };
	p2v_partner_send(p, P2V_MSG_hello, &m);
}

/* Two nodes that called each other at once have two sessions: both keep the one that the smaller id
 * dialled. */
static bool superseded(struct p2v_partner *p)
{
	struct p2v_overlay *o = p->overlay;
	bool mine_smaller = memcmp(o->node->crypto.ops->id(o->node->crypto.self), &p->id,
				    sizeof p->id) < 0;

	P2V_LIST_EACH (it, &o->partners) {
		struct p2v_partner *q = P2V_OF(it, struct p2v_partner, in_overlay);

		if (q == p || q->closing || memcmp(&q->id, &p->id, sizeof p->id) != 0)
			continue;
		/* The same direction twice: the remote restarted or its address changed, so the
		 * newer one counts. */
		if (q->dialled != p->dialled && p->dialled != mine_smaller)
			return true;
		leave(q, P2V_DTL_DONE, "another session took its place");
	}
	return false;
}

static void await_no_hello(struct p2v_partner *p)
{
	if (p->hello)
		p2v_disarm(&p->overlay->node->world, p->hello);
	free(p->hello);
	p->hello = NULL;
}

/* @return P2V_OK, or P2V_ENOMEM */
static int take_channels(struct p2v_partner *p, const struct p2v_msg_hello *m)
{
	const struct p2v_crypto *c = &p->overlay->node->crypto;

	free(p->member_of);
	p->n_member_of = 0;
	p->member_of = m->channels.n ? calloc(m->channels.n, sizeof *p->member_of) : NULL;
	if (m->channels.n && !p->member_of)
		return P2V_ENOMEM;
	for (size_t k = 0; k < m->channels.n; k++) {
		struct p2v_id *id = &p->member_of[p->n_member_of];

		memcpy(id->b, m->channels.v[k].p, sizeof id->b);
		p->n_member_of += c->ops->allows(c->self, &p->id, id);
	}
	return P2V_OK;
}

/* @return whether there is a channel that was not shared before */
static bool share_channels(struct p2v_partner *p)
{
	struct p2v_overlay *o = p->overlay;
	uint32_t before = p->channels;

	p->channels = 0;
	for (size_t i = 0; i < o->n_swarms; i++)
		for (size_t k = 0; k < p->n_member_of; k++)
			if (memcmp(&o->swarms[i].channel, &p->member_of[k],
				    sizeof(struct p2v_id)) == 0)
				p->channels |= 1u << i;
	return p->channels & ~before;
}

static void on_hello(struct p2v_partner *p, const struct p2v_msg_hello *m)
{
	struct p2v_overlay *o = p->overlay;
	union p2v_msg d;
	struct p2v_err err;

	if (p2v_msg_read(P2V_MSG_descriptor, m->descriptor, &d, &err) < 0 ||
		memcmp(d.descriptor.id.p, p->id.b, sizeof p->id) != 0) {
		p2v_partner_drop(p, true, "its hello describes somebody else");
		return;
	}
	p->capacity = d.descriptor.flags & 1 ? 0 : d.descriptor.capacity;
	p->flags = (uint32_t)d.descriptor.flags;
	if (take_channels(p, m) < 0) {
		p2v_partner_drop(p, false, "no memory");
		return;
	}
	await_no_hello(p);
	if (share_channels(p) && p->up)
		o->handler->shares(o->ctx, p);
	if (p->up)
		return;
	if (!p2v_overlay_active(o)) {
		p2v_partner_drop(p, false, "switched off");
	} else if (!p->channels) {
		p2v_partner_drop(p, false, "no channel in common");
	} else if (superseded(p)) {
		p2v_partner_drop(p, false, "there is a session with it already");
	} else if (!p->dialled && p2v_partner_count(o) >= 2 * o->conf->partners) {
		p2v_partner_drop(p, false, "full");
	} else {
		p->up = true;
		p->since = p2v_now(&o->node->world);
		if (!p->dialled)
			say_hello(p);
		p2v_log(o->node, P2V_LOG_INFO, "partner", "peer=%016llx dialled=%d",
			(unsigned long long)p2v_id_short(&p->id), p->dialled);
		o->handler->up(o->ctx, p);
	}
}

static void on_message(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg)
{
	struct p2v_partner *p = k->user;

	if (number == P2V_MSG_hello)
		on_hello(p, &msg->hello);
	else if (!p->up)
		p2v_partner_drop(p, true, "it spoke before its hello");
	else if (number >= P2V_MSG_follow && number <= P2V_MSG_gone)
		p->overlay->handler->message(p->overlay->ctx, p, number, msg);
	else
		p2v_partner_drop(p, true, "a message that is not for this stream");
}

static void on_broken(struct p2v_talk *k, const struct p2v_err *err)
{
	struct p2v_partner *p = k->user;

	p2v_partner_drop(p, err->code == P2V_EPROTO, err->text);
}

static void hello_late(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	p2v_partner_drop(t->owner, false, "it did not say hello");
}

static void talk(struct p2v_partner *p, struct p2v_stream *t)
{
	p->talk.user = p;
	p->talk.message = on_message;
	p->talk.broken = on_broken;
	p2v_talk_begin(&p->talk, t);
}

void p2v_partner_begin(struct p2v_overlay *o, struct p2v_session *s, bool dialled)
{
	const struct p2v_remote *r = p2v_session_remote(s);
	bool welcome = r->role == P2V_IS_PEER && !p2v_peers_banned(o, &r->id);
	struct p2v_partner *p = welcome ? calloc(1, sizeof *p) : NULL;
	struct p2v_stream *t;

	if (p)
		p->hello = calloc(1, sizeof *p->hello);
	if (!p || !p->hello) {
		free(p);
		p2v_session_close(s, P2V_DTL_DONE, "not as a partner");
		return;
	}
	p->overlay = o;
	p->session = s;
	p->id = r->id;
	p->dialled = dialled;
	p->hops = UINT32_MAX;
	p->path_at = P2V_UNKNOWN;
	p->hello->fire = hello_late;
	p->hello->owner = p;
	p2v_list_push(&o->partners, &p->in_overlay);
	p2v_session_set_user(s, p);
	if (o->watch.reached)
		o->watch.reached(o->watch.ctx, &p->id, s);
	p2v_arm(&o->node->world, p->hello, p2v_now(&o->node->world) + HELLO_WAIT);
	if (!dialled)
		return;
	if (p2v_stream_open(s, &t) < 0) {
		p2v_partner_drop(p, false, "no stream for a hello");
		return;
	}
	talk(p, t);
	say_hello(p);
}

void p2v_partner_accepted(struct p2v_partner *p, struct p2v_stream *t)
{
	if (p->closing)
		p2v_stream_release(t);
	else if (!p->talk.stream && !p->dialled && !p->up)
		talk(p, t);
	else if (p->up)
		p->overlay->handler->transfer(p->overlay->ctx, p, t);
	else
		p2v_stream_release(t);
}

void p2v_partner_end(struct p2v_partner *p)
{
	struct p2v_overlay *o = p->overlay;

	if (p->up)
		o->handler->down(o->ctx, p);
	await_no_hello(p);
	p2v_talk_close(&p->talk);
	p2v_session_set_user(p->session, NULL);
	p2v_list_remove(&p->in_overlay);
	if (!p2v_partner_find(o, &p->id)) /* no other session took its place */
		p2v_peers_lost(o, &p->id, p->up ? p2v_now(&o->node->world) - p->since : 0);
	free(p->member_of);
	free(p);
}

void p2v_partner_rejoined(struct p2v_overlay *o)
{
	P2V_LIST_EACH (it, &o->partners) {
		struct p2v_partner *p = P2V_OF(it, struct p2v_partner, in_overlay);

		if (!p->up || p->closing)
			continue;
		say_hello(p);
		if (!p->closing && share_channels(p))
			o->handler->shares(o->ctx, p);
	}
}

/* ---- what is known of it ---- */

const struct p2v_id *p2v_partner_id(const struct p2v_partner *p)
{
	return &p->id;
}

bool p2v_partner_in(const struct p2v_partner *p, const struct p2v_id *channel)
{
	for (size_t i = 0; i < p->overlay->n_swarms; i++)
		if ((p->channels >> i & 1) &&
			memcmp(&p->overlay->swarms[i].channel, channel, sizeof *channel) == 0)
			return true;
	return false;
}

void p2v_partner_set_user(struct p2v_partner *p, void *user)
{
	p->user = user;
}

void *p2v_partner_user(const struct p2v_partner *p)
{
	return p->user;
}

struct p2v_session *p2v_partner_session(const struct p2v_partner *p)
{
	return p->session;
}

int p2v_partner_open(struct p2v_partner *p, struct p2v_stream **out)
{
	return p->closing ? P2V_ECLOSED : p2v_stream_open(p->session, out);
}

void p2v_partner_asked(struct p2v_partner *p, int64_t bytes)
{
	if (bytes < 0 && (uint64_t)-bytes > p->asked)
		p->asked = 0;
	else
		p->asked += (uint64_t)bytes;
}

void p2v_partner_delivered(struct p2v_partner *p, uint64_t n, p2v_usec took)
{
	double rate = (double)n * 1e6 / (double)(took > 0 ? took : 1);

	p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * rate : rate;
}

static double faded(const struct p2v_partner *p, p2v_usec now)
{
	double f = p->failures;

	for (p2v_usec t = p->failures_at; f >= 0.5 && now - t >= FAILURES_HALVE;
		t += FAILURES_HALVE)
		f /= 2;
	return f < 0.5 ? 0 : f;
}

void p2v_partner_failed(struct p2v_partner *p)
{
	p2v_usec now = p2v_now(&p->overlay->node->world);

	p->failures = faded(p, now) + 1;
	p->failures_at = now;
}

/* All that a session can tell of itself is much more than this, and asked for it is for each
 * partner in each choice. */
static const struct p2v_partner_path *path_of(struct p2v_partner *p, p2v_usec lasts)
{
	const struct p2v_tracker_link *l = &p->overlay->link;
	p2v_usec now = p2v_now(&p->overlay->node->world);
	struct p2v_session_info info;

	if (p->path_at != P2V_UNKNOWN && now - p->path_at < lasts)
		return &p->path;
	p2v_session_info(p->session, &info);
	p->path = (struct p2v_partner_path){ .rtt = info.srtt,
		.near_bits = l->has_observed ? p2v_addr_near_bits(&info.addr, &l->observed) : 0,
		.suspect = info.pto_count >= SUSPECT_PTO };
	p->path_at = now;
	return &p->path;
}

const struct p2v_partner_path *p2v_partner_path(struct p2v_partner *p)
{
	return path_of(p, PATH_LASTS);
}

static void view(
	struct p2v_partner *p, const struct p2v_partner_path *path, struct p2v_select_peer *out)
{
	p2v_usec now = p2v_now(&p->overlay->node->world);

	*out = (struct p2v_select_peer){ .id = p2v_id_short(&p->id),
		.flags = P2V_PEER_PARTNER | (path->suspect ? P2V_PEER_SUSPECT : 0) |
			 (p->flags & 1 ? P2V_PEER_TAKES : 0),
		.hops = p->hops,
		.capacity = p->capacity,
		.rate = (uint64_t)p->rate,
		.rtt = path->rtt,
		.age = now - p->since,
		.asked = p->asked,
		.failures = (uint32_t)faded(p, now),
		.near_bits = path->near_bits };
}

void p2v_partner_view(struct p2v_partner *p, struct p2v_select_peer *out)
{
	view(p, path_of(p, PATH_LASTS), out);
}

void p2v_partner_outline(struct p2v_partner *p, struct p2v_select_peer *out)
{
	view(p, path_of(p, OUTLINE_LASTS), out);
}
