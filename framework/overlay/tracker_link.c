/* tracker_link.c - the link to the tracker: enrol, join, be introduced, stay known. The stream does
 * not need it once there are partners, so everything here only retries, ever more slowly. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/text.h"
#include "framework/overlay/inside.h"

#define ANSWER_WAIT (5 * P2V_SECOND)
#define RETRY_MIN   (1 * P2V_SECOND)
#define RETRY_MAX   (60 * P2V_SECOND)
#define RENEW_MIN   (10 * P2V_SECOND) /* whatever lifetime the tracker gives */
#define JOIN_SOON   (2 * P2V_SECOND)  /* while partners are few */
#define JOIN_RARELY (10 * P2V_SECOND)

static void set_state(struct p2v_tracker_link *l, enum p2v_link_state state)
{
	l->state = state;
}

static p2v_usec now_of(const struct p2v_tracker_link *l)
{
	return p2v_now(&l->overlay->node->world);
}

static void arm(struct p2v_tracker_link *l, p2v_usec due)
{
	p2v_arm(&l->overlay->node->world, &l->timer, due);
}

static void stop_call(struct p2v_tracker_link *l)
{
	if (l->call)
		p2v_dial_cancel(&l->call->dial);
	free(l->call);
	l->call = NULL;
}

/* Leave whatever is under way. A session that ends by a CLOSE takes us out of the swarms. */
static void reset(struct p2v_tracker_link *l)
{
	struct p2v_overlay *o = l->overlay;
	struct p2v_session *s = l->session;

	p2v_disarm(&o->node->world, &l->timer);
	if (l->lookup)
		o->node->world.ops->resolve_cancel(o->node->world.self, l->lookup);
	l->lookup = NULL;
	stop_call(l);
	l->session = NULL;
	l->answer_by = 0;
	if (s) /* before its stream is cut, so that the tracker hears a goodbye */
		p2v_session_close(s, P2V_DTL_DONE, "leaving the tracker");
	p2v_talk_close(&l->talk);
	for (size_t i = 0; i < o->n_swarms; i++)
		o->swarms[i].told = false;
}

static void retry_in(struct p2v_tracker_link *l, p2v_usec at_least)
{
	struct p2v_overlay *o = l->overlay;
	p2v_usec pause = RETRY_MIN << (l->failures < 6 ? l->failures : 6);

	pause = pause < RETRY_MAX ? pause : RETRY_MAX;
	/* Up to half as much again: a tracker that comes back is not to be met by all at once. */
	pause += (p2v_usec)p2v_random_below(&o->node->random, (uint64_t)pause / 2 + 1);
	reset(l);
	l->failures++;
	set_state(l, P2V_LINK_WAIT);
	arm(l, now_of(l) + (pause > at_least ? pause : at_least));
}

static void failed(struct p2v_tracker_link *l, const char *why)
{
	p2v_log(l->overlay->node, P2V_LOG_WARN, "tracker_lost", "why=\"%s\"", why);
	retry_in(l, 0);
}

/* ---- speaking with it ---- */

static bool certificate_due(const struct p2v_tracker_link *l)
{
	const struct p2v_node *n = l->overlay->node;
	int64_t ends = n->crypto.ops->expires(n->crypto.self);

	return ends == 0 || (l->renew_at != 0 && now_of(l) >= l->renew_at);
}

/* When to renew a certificate whose issue we have not seen. 0: never, it does not end */
static p2v_usec half_life(const struct p2v_tracker_link *l)
{
	const struct p2v_node *n = l->overlay->node;
	int64_t ends = n->crypto.ops->expires(n->crypto.self);

	return ends == INT64_MAX ? 0 : now_of(l) + (ends - n->world.ops->wall(n->world.self)) / 2;
}

static void enrol(struct p2v_tracker_link *l)
{
	struct p2v_overlay *o = l->overlay;
	struct p2v_msg_enrol m = { .version = P2V_PROTOCOL_VERSION };

	m.token = (struct p2v_bytes){ (const uint8_t *)o->conf->token, strlen(o->conf->token) };
	l->answer_by = now_of(l) + ANSWER_WAIT;
	if (p2v_talk_send(&l->talk, P2V_MSG_enrol, &m) < 0)
		failed(l, "nothing could be sent to it");
}

static bool joins(struct p2v_tracker_link *l, struct p2v_swarm *s)
{
	struct p2v_overlay *o = l->overlay;
	uint8_t descriptor[512];
	struct p2v_msg_join m = { .channel = { s->channel.b, sizeof s->channel },
		.want = p2v_peers_lacking(o) > 0 ? 30 : 0 };

	m.descriptor = (struct p2v_bytes){ descriptor,
		p2v_overlay_describe(o, descriptor, sizeof descriptor) };
	s->join_at = now_of(l) + JOIN_RARELY;
	if (l->answer_by == 0)
		l->answer_by = now_of(l) + ANSWER_WAIT;
	if (p2v_talk_send(&l->talk, P2V_MSG_join, &m) == P2V_OK)
		return true;
	failed(l, "nothing could be sent to it");
	return false;
}

/* What is due now is done; the timer comes for what is due next. */
static void work(struct p2v_tracker_link *l)
{
	struct p2v_overlay *o = l->overlay;
	p2v_usec now = now_of(l), next = P2V_NEVER;

	if (l->answer_by && now >= l->answer_by) {
		failed(l, "it does not answer");
		return;
	}
	if (l->state == P2V_LINK_UP && certificate_due(l) && l->renew_at) {
		l->renew_at = now + RETRY_MAX;
		enrol(l);
	}
	if (l->state != P2V_LINK_ENROL && l->state != P2V_LINK_UP)
		return; /* it failed, and the timer is for the next attempt */
	for (size_t i = 0; l->state == P2V_LINK_UP && i < o->n_swarms; i++) {
		if (o->swarms[i].join_at <= now && !joins(l, &o->swarms[i]))
			return;
		next = o->swarms[i].join_at < next ? o->swarms[i].join_at : next;
	}
	if (l->renew_at && l->renew_at < next)
		next = l->renew_at;
	if (l->answer_by && l->answer_by < next)
		next = l->answer_by;
	if (next != P2V_NEVER)
		arm(l, next);
}

/* @return [us] that the certificate which was just installed is good for: the tracker's word, but
 * no longer than the certificate itself */
static p2v_usec good_for(const struct p2v_node *n, uint64_t lifetime)
{
	p2v_usec told = (p2v_usec)(lifetime < 86400 * 366 ? lifetime : 86400 * 366) * P2V_SECOND;
	int64_t ends = n->crypto.ops->expires(n->crypto.self);
	int64_t left = ends == INT64_MAX ? ends : ends - n->world.ops->wall(n->world.self);

	return told < left ? told : left;
}

static void on_enrolled(struct p2v_tracker_link *l, const struct p2v_msg_enrolled *m)
{
	struct p2v_node *n = l->overlay->node;
	struct p2v_chain chain = { .n = 0 };
	struct p2v_err err;
	p2v_usec renew;

	for (size_t i = 0; i < m->chain.n; i++)
		chain.v[chain.n++] = m->chain.v[i];
	if (n->crypto.ops->install(n->crypto.self, &chain, &err) < 0) {
		failed(l, err.text);
		return;
	}
	p2v_log(n, P2V_LOG_INFO, "enrolled", "lifetime=%llus", (unsigned long long)m->lifetime);
	/* After two thirds of its life, so that two attempts can fail. */
	renew = good_for(n, m->lifetime) / 3 * 2;
	l->renew_at = now_of(l) + (renew > RENEW_MIN ? renew : RENEW_MIN);
	l->answer_by = 0;
	l->failures = 0;
	set_state(l, P2V_LINK_UP);
	work(l);
}

static void on_peers(struct p2v_tracker_link *l, const struct p2v_msg_peers *m)
{
	struct p2v_overlay *o = l->overlay;

	l->answer_by = 0;
	l->failures = 0; /* it answers: to be reached alone is no success */
	if (m->observed.n == 18) {
		memcpy(l->observed.ip, m->observed.p, 16);
		l->observed.port = (uint16_t)(m->observed.p[16] << 8 | m->observed.p[17]);
		l->has_observed = true;
	}
	for (size_t i = 0; i < m->descriptors.n; i++)
		p2v_peers_learn(o, m->descriptors.v[i]);
	for (size_t i = 0; i < o->n_swarms; i++) {
		struct p2v_swarm *s = &o->swarms[i];
		p2v_usec again = m->again < 600000 ? (p2v_usec)m->again * P2V_MSEC
						   : 600 * P2V_SECOND;

		if (memcmp(s->channel.b, m->channel.p, sizeof s->channel) != 0)
			continue;
		s->members = m->members;
		s->told = true;
		p2v_peers_tend(o);
		if (p2v_peers_wanted(o) > 0 || s->members < o->conf->min_swarm)
			again = again < JOIN_SOON ? again : JOIN_SOON;
		s->join_at = now_of(l) + (again > P2V_SECOND ? again : P2V_SECOND);
	}
	work(l);
}

static void on_refused(struct p2v_tracker_link *l, const struct p2v_msg_refused *m)
{
	p2v_log(l->overlay->node, P2V_LOG_ERROR, "tracker_refused", "what=%s why=\"%.*s\"",
		p2v_msg_name(m->number) ? p2v_msg_name(m->number) : "?", (int)m->text.n,
		m->text.p ? (const char *)m->text.p : "");
	retry_in(l, m->retry == 0        ? RETRY_MAX
		    : m->retry < 3600000 ? (p2v_usec)m->retry * P2V_MSEC
					 : 3600 * P2V_SECOND);
}

static void on_message(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg)
{
	struct p2v_tracker_link *l = k->user;

	if (number == P2V_MSG_enrolled && (l->state == P2V_LINK_ENROL || l->state == P2V_LINK_UP))
		on_enrolled(l, &msg->enrolled);
	else if (number == P2V_MSG_peers && l->state == P2V_LINK_UP)
		on_peers(l, &msg->peers);
	else if (number == P2V_MSG_refused)
		on_refused(l, &msg->refused);
}

static void on_broken(struct p2v_talk *k, const struct p2v_err *err)
{
	failed(k->user, err->text);
}

/* ---- getting there ---- */

static int is_tracker(struct p2v_dial *d, struct p2v_session *s, struct p2v_err *err)
{
	(void)d;
	return p2v_session_remote(s)->role == P2V_IS_TRACKER
		       ? P2V_OK
		       : p2v_fail(err, P2V_EPERM,
				 "whoever answers at the tracker's address is not a tracker");
}

static void dialled(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *err)
{
	struct p2v_tracker_link *l = P2V_OF(d, struct p2v_link_call, dial)->link;
	struct p2v_stream *t;

	stop_call(l);
	if (!s) {
		failed(l, err->text);
		return;
	}
	l->session = s;
	if (p2v_stream_open(s, &t) < 0) {
		failed(l, "no stream for a conversation");
		return;
	}
	l->talk.user = l;
	l->talk.message = on_message;
	l->talk.broken = on_broken;
	p2v_talk_begin(&l->talk, t);
	if (certificate_due(l)) {
		l->renew_at = 0; /* it lies behind us: what comes next is the answer */
		set_state(l, P2V_LINK_ENROL);
		enrol(l);
	} else {
		set_state(l, P2V_LINK_UP);
		if (l->renew_at == 0)
			l->renew_at = half_life(l);
	}
	work(l);
}

static void resolved(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	struct p2v_tracker_link *l = ctx;

	l->lookup = NULL;
	if (n == 0) {
		failed(l, err->text);
		return;
	}
	l->call = calloc(1, sizeof *l->call);
	if (!l->call) {
		failed(l, "no memory");
		return;
	}
	set_state(l, P2V_LINK_DIAL);
	l->call->link = l;
	l->call->dial.done = dialled;
	l->call->dial.right = is_tracker;
	p2v_dial_start(&l->call->dial, l->overlay->node, l->overlay->dtl, NULL, v, n);
}

/* Whoever shows a certificate that has expired is refused; whoever shows none can enrol. */
static void forget_expired(struct p2v_node *n)
{
	struct p2v_chain none = { .n = 0 };
	int64_t ends = n->crypto.ops->expires(n->crypto.self);
	struct p2v_err err;

	if (ends != 0 && ends <= n->world.ops->wall(n->world.self))
		(void)n->crypto.ops->install(n->crypto.self, &none, &err);
}

static void call(struct p2v_tracker_link *l)
{
	struct p2v_node *node = l->overlay->node;
	const char *tracker = l->overlay->conf->tracker, *colon = strrchr(tracker, ':');
	struct p2v_addr literal;
	struct p2v_err err;
	char host[256];
	uint64_t port;

	forget_expired(node);
	if (p2v_addr_parse(tracker, &literal, &err) == P2V_OK) {
		resolved(l, &literal, 1, &err);
		return;
	}
	if (!colon || p2v_parse_u64(p2v_str_of(colon + 1), 1, UINT16_MAX, &port) < 0 ||
		(size_t)(colon - tracker) >= sizeof host) {
		failed(l, "tracker is not written as host:port");
		return;
	}
	memcpy(host, tracker, (size_t)(colon - tracker));
	host[colon - tracker] = 0;
	set_state(l, P2V_LINK_RESOLVE);
	if (node->world.ops->resolve(
		    node->world.self, host, (uint16_t)port, resolved, l, &l->lookup, &err) < 0)
		failed(l, err.text);
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_tracker_link *l = t->owner;

	(void)now;
	if (l->state == P2V_LINK_WAIT)
		call(l);
	else if (l->state == P2V_LINK_ENROL || l->state == P2V_LINK_UP)
		work(l);
}

void p2v_link_start(struct p2v_overlay *o)
{
	struct p2v_tracker_link *l = &o->link;

	if (l->state != P2V_LINK_OFF || !*o->conf->tracker)
		return;
	l->overlay = o;
	l->timer.fire = fire;
	l->timer.owner = l;
	set_state(l, P2V_LINK_WAIT);
	arm(l, now_of(l));
}

void p2v_link_stop(struct p2v_overlay *o)
{
	struct p2v_tracker_link *l = &o->link;

	if (l->state == P2V_LINK_OFF)
		return;
	reset(l);
	set_state(l, P2V_LINK_OFF);
}

void p2v_link_join_soon(struct p2v_overlay *o)
{
	if (o->link.state == P2V_LINK_UP)
		arm(&o->link, now_of(&o->link));
}

bool p2v_link_opened(struct p2v_overlay *o, struct p2v_session *s)
{
	return o->link.call && p2v_dial_opened(&o->link.call->dial, s);
}

bool p2v_link_closed(struct p2v_overlay *o, struct p2v_session *s, const struct p2v_err *why)
{
	struct p2v_tracker_link *l = &o->link;

	if (l->call && p2v_dial_closed(&l->call->dial, s, why))
		return true;
	if (!s || s != l->session)
		return false;
	l->session = NULL;
	failed(l, why->text);
	return true;
}
