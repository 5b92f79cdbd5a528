/* session.c - a session's life at flow fidelity: handshake, its other end, upcalls, silence, and
 * its end. */
#include <assert.h>
#include <stdlib.h>

#include "sdk/sim/flow/inside.h"

#define PTO_LEAST (200 * P2V_MSEC)
#define PTO_MOST  (8 * P2V_SECOND)
enum { CLOSE_TEXT = 100 };   /* [B] */
#define ASK_BOXES P2V_SECOND /* at most so often */

static p2v_usec now_of(const struct p2v_session *s)
{
	return s->dtl->sim->now;
}

/* ---- between the record layer and us ---- */

static void emit(void *ctx, const uint8_t *p, size_t n)
{
	struct p2v_session *s = ctx;

	p2v_flow_emit(s->dtl, &s->addr, s->number, p, n);
}

static void packet(void *ctx, const uint8_t *p, size_t n)
{
	(void)ctx; /* what is sent goes another way */
	(void)p;
	(void)n;
}

/* ---- the two ends ---- */

static struct p2v_session *by_number(struct p2v_sim *sim, uint64_t number)
{
	struct p2v_session *all = sim->twin, *s;

	HASH_FIND(by_number, all, &number, sizeof number, s);
	return s;
}

static bool enlist(struct p2v_session *s)
{
	struct p2v_session *all = s->dtl->sim->twin;

	HASH_ADD(by_number, all, number, sizeof s->number, s);
	s->dtl->sim->twin = all;
	return P2V_HASH_ADDED(by_number, s);
}

static void strike(struct p2v_session *s)
{
	struct p2v_session *all = s->dtl->sim->twin;

	if (!s->by_number.tbl)
		return;
	HASH_DELETE(by_number, all, s);
	s->dtl->sim->twin = all;
	s->by_number.tbl = NULL;
}

static void part(struct p2v_session *s)
{
	if (!s->peer)
		return;
	p2v_sender_fini(&s->sender);
	p2v_sender_fini(&s->peer->sender);
	s->peer->peer = NULL;
	s->peer = NULL;
}

static void join(struct p2v_session *s, struct p2v_session *peer)
{
	if (s->peer == peer)
		return;
	part(s);
	part(peer);
	s->peer = peer;
	peer->peer = s;
	p2v_sender_init(&s->sender, &p2v_flow_sender, s->dtl->machine, peer->dtl->machine);
	p2v_sender_init(&peer->sender, &p2v_flow_sender, peer->dtl->machine, s->dtl->machine);
}

/* ---- life ---- */

static void timer_run(struct p2v_event *e, bool dropped);
static const struct p2v_event_kind timer_kind = { .run = timer_run };
static void keep_run(struct p2v_event *e, bool dropped);
static const struct p2v_event_kind keep_kind = { .run = keep_run };
static void keep_alive(struct p2v_session *s);

struct p2v_session *p2v_flow_session_new(
	struct p2v_dtl *d, const struct p2v_addr *addr, bool dialled)
{
	struct p2v_session *s = p2v_line_new(sizeof *s);

	if (!s)
		return NULL;
	s->dtl = d;
	s->addr = *addr;
	s->number = ++d->sim->ids;
	s->dialled = s->known = dialled;
	s->up = (struct p2v_record_up){ .ctx = s, .emit = emit, .packet = packet };
	s->born = s->heard = d->sim->now;
	s->silent = s->crossed = -1;
	s->late.kind = &p2v_flow_late;
	p2v_list_init(&s->late.at);
	p2v_list_init(&s->streams);
	p2v_list_init(&s->ready);
	p2v_list_init(&s->events);
	p2v_list_init(&s->coming);
	p2v_list_init(&s->early);
	p2v_list_init(&s->in_busy);
	p2v_list_push(&d->all, &s->in_all);
	d->n_sessions++;
	p2v_event_init(&s->timer, d->sim, d->machine, &timer_kind);
	p2v_event_init(&s->keep, d->sim, d->machine, &keep_kind);
	p2v_event_at(&s->timer, d->sim->now + PTO_LEAST);
	if (enlist(s))
		return s;
	p2v_flow_session_free(s);
	return NULL;
}

static void free_parcels(struct p2v_list *l)
{
	P2V_LIST_EACH (it, l)
		p2v_parcel_free(P2V_OF(it, struct p2v_parcel, at));
}

void p2v_flow_session_free(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;

	p2v_flow_forget(s);
	part(s);
	strike(s);
	free_parcels(&s->coming);
	free_parcels(&s->early);
	P2V_LIST_EACH (it, &s->streams)
		p2v_flow_stream_orphan(P2V_OF(it, struct p2v_stream, in_session));
	p2v_event_cancel(&s->timer);
	p2v_event_cancel(&s->keep);
	p2v_list_remove(&s->late.at);
	p2v_list_remove(&s->in_all);
	p2v_list_remove(&s->in_busy);
	if (s->record)
		s->record->ops->free(s->record);
	d->n_sessions--;
	free(s->why);
	free(s);
}

/* ---- the handshake ---- */

static void come_up(struct p2v_session *s)
{
	struct p2v_session *peer = by_number(s->dtl->sim, s->remote_number);

	if (peer && peer->state != P2V_FLOW_ENDED)
		join(s, peer);
	s->state = P2V_FLOW_UP;
	s->born = s->heard = now_of(s);
	s->tell_opened = true;
	p2v_event_cancel(&s->timer);
	keep_alive(s);
	p2v_parcel_early(s);
	p2v_flow_wake(s);
}

/* A number for a host, so that each is logged once; never its address itself. */
static uint64_t place_of(const struct p2v_addr *a)
{
	uint64_t h = 0;

	for (size_t i = 0; i < sizeof a->ip; i++)
		h = p2v_mix64(h ^ a->ip[i]);
	return h;
}

static void handshake_failed(struct p2v_session *s)
{
	const struct p2v_err *why = p2v_record_why(s->record);

	if (why->code == P2V_EPERM) {
		p2v_count(&s->dtl->node->metrics, P2V_M_HANDSHAKES_REFUSED, 1);
		if (!s->known && !s->record->refused)
			p2v_log_once(s->dtl->node, P2V_LOG_WARN, "handshake_refused",
				place_of(&s->addr), "why=\"%s\"", why->text);
	}
	p2v_flow_end(s, why->code, P2V_FLOW_SILENT, "%s", why->text);
}

void p2v_flow_follow(struct p2v_session *s)
{
	if (s->state == P2V_FLOW_ENDED)
		return;
	switch (s->record->state) {
	case P2V_RECORD_HANDSHAKE: break;
	case P2V_RECORD_UP:
		if (s->state == P2V_FLOW_SHAKES)
			come_up(s);
		break;
	case P2V_RECORD_FAILED: handshake_failed(s); break;
	case P2V_RECORD_CLOSED:
		p2v_flow_end(s, P2V_ECLOSED, P2V_FLOW_SILENT, "the remote closed the session");
		break;
	}
}

/* ---- silence ---- */

/* A remote that is seen under another address by now has moved there, as packets show it live. */
bool p2v_flow_passes(struct p2v_session *s)
{
	struct p2v_machine *here = s->sender.from, *there = s->sender.to;
	struct p2v_route r = { .from = s->dtl->bound, .dst = s->addr };
	p2v_usec now = now_of(s);

	if (!here->box && !there->box)
		return true;
	if (s->crossed >= 0 && now - s->crossed < ASK_BOXES)
		return true;
	if (!p2v_route_crosses(here, there, &r))
		return false;
	s->crossed = now;
	p2v_flow_moved(s->peer, &r.from);
	return true;
}

bool p2v_flow_reaches(struct p2v_session *s)
{
	const struct p2v_machine *m = s->peer ? s->sender.to : NULL;

	return m && !m->dead && !m->frozen && !s->dtl->machine->dead &&
	       m->island == s->dtl->machine->island && p2v_flow_passes(s);
}

/* Packets that keep boxes' memory alive; without boxes nobody would notice them. */
static void keep_run(struct p2v_event *e, bool dropped)
{
	struct p2v_session *s = P2V_OF(e, struct p2v_session, keep);
	struct p2v_dtl *d = s->dtl;

	if (dropped || s->state != P2V_FLOW_UP)
		return;
	p2v_flow_begin(d);
	if (s->silent < 0 && !p2v_flow_reaches(s))
		p2v_flow_unheard(s);
	p2v_event_at(e, d->sim->now + d->conf.keep_alive);
	p2v_flow_finish(d);
}

static void keep_alive(struct p2v_session *s)
{
	if (s->dtl->machine->box || (s->peer && s->peer->dtl->machine->box))
		p2v_event_at(&s->keep, now_of(s) + s->dtl->conf.keep_alive);
}

static p2v_usec pto(const struct p2v_session *s)
{
	p2v_usec least = s->peer ? 3 * s->sender.rtt : 0;
	p2v_usec due = (least > PTO_LEAST ? least : PTO_LEAST)
		       << (s->pto_count < 6 ? s->pto_count : 6);

	return due < PTO_MOST ? due : PTO_MOST;
}

void p2v_flow_unheard(struct p2v_session *s)
{
	if (s->state != P2V_FLOW_UP || s->silent >= 0)
		return;
	s->silent = now_of(s);
	p2v_event_at(&s->timer, now_of(s) + pto(s));
}

static void tick_up(struct p2v_session *s)
{
	p2v_usec now = now_of(s), last = s->silent + s->dtl->conf.idle_timeout;

	if (p2v_flow_reaches(s)) {
		s->silent = -1;
		s->pto_count = 0;
		s->heard = now;
		p2v_flow_stir(s);
		return;
	}
	if (now >= last) {
		p2v_flow_end(s, P2V_ETIMEDOUT, P2V_DTL_IDLE, "the remote went silent");
		return;
	}
	s->pto_count++;
	p2v_event_at(&s->timer, now + pto(s) < last ? now + pto(s) : last);
}

static void tick_shakes(struct p2v_session *s)
{
	p2v_usec now = now_of(s), last = s->born + s->dtl->conf.handshake_timeout, due;

	if (now >= last) {
		p2v_flow_end(
			s, P2V_ETIMEDOUT, P2V_FLOW_SILENT, "the handshake did not end in time");
		return;
	}
	if (now >= s->record->ops->deadline(s->record, now)) {
		s->record->ops->timeout(s->record, now, &s->up);
		p2v_flow_follow(s);
	}
	due = s->record->ops->deadline(s->record, now);
	if (s->state == P2V_FLOW_SHAKES)
		p2v_event_at(&s->timer, due < last ? due : last);
}

static void timer_run(struct p2v_event *e, bool dropped)
{
	struct p2v_session *s = P2V_OF(e, struct p2v_session, timer);
	struct p2v_dtl *d = s->dtl;

	if (dropped)
		return;
	p2v_flow_begin(d);
	if (s->state == P2V_FLOW_SHAKES)
		tick_shakes(s);
	else if (s->state == P2V_FLOW_UP && s->silent >= 0)
		tick_up(s);
	p2v_flow_finish(d);
}

/* ---- the end ---- */

void p2v_flow_end(struct p2v_session *s, int code, uint64_t wire, const char *fmt, ...)
{
	va_list ap;

	if (s->state == P2V_FLOW_ENDED)
		return;
	s->close_told = s->state == P2V_FLOW_UP && wire != P2V_FLOW_SILENT;
	s->state = P2V_FLOW_ENDED;
	s->close_code = wire;
	s->why = malloc(sizeof *s->why);
	if (s->why) {
		s->why->code = code;
		va_start(ap, fmt);
		(void)vsnprintf(s->why->text, sizeof s->why->text, fmt, ap);
		va_end(ap);
	}
	p2v_flow_wake(s);
}

void p2v_flow_send_close(struct p2v_session *s)
{
	struct p2v_parcel *k = p2v_parcel_new(s, NULL, P2V_PARCEL_CLOSE);
	const char *text = s->why ? s->why->text : "";
	size_t n = strlen(text), most = n < CLOSE_TEXT ? n : CLOSE_TEXT;

	if (!k)
		return;
	k->code = s->close_code;
	k->text = malloc(most + 1);
	if (k->text)
		(void)snprintf(k->text, most + 1, "%s", text);
	p2v_parcel_at(k, p2v_flow_message(s, n));
}

static void tell_ended(struct p2v_session *s)
{
	static const struct p2v_err no_memory = { P2V_ENOMEM, "no memory for why it ended" };
	const struct p2v_dtl_handler *h = &s->dtl->handler;

	P2V_LIST_EACH (it, &s->streams) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_session);

		if (t->released || t->tell & P2V_FLOW_ACCEPTED)
			continue;
		t->released = true;
		if (t->over)
			h->ended(s->dtl->ctx, t, t->over_code, p2v_flow_reason(t));
		else
			h->ended(s->dtl->ctx, t, P2V_ECANCELED, s->close_code);
	}
	if (s->known)
		h->closed(s->dtl->ctx, s, s->why ? s->why : &no_memory);
	s->known = false;
}

/* ---- upcalls ---- */

static void deliver_stream(struct p2v_session *s, struct p2v_stream *t)
{
	const struct p2v_dtl_handler *h = &s->dtl->handler;
	void *ctx = s->dtl->ctx;
	unsigned tell = t->tell;

	t->tell = 0;
	t->refs++; /* it stays until the last of these upcalls has returned */
	if (tell & P2V_FLOW_ACCEPTED)
		h->accepted(ctx, s, t);
	if (tell & P2V_FLOW_READABLE && !t->released && !t->recv_cut)
		h->readable(ctx, t);
	if (tell & P2V_FLOW_TELL_WRITABLE && !t->released && !t->send_cut) {
		if (p2v_stream_unsent(t) < P2V_FLOW_WRITABLE)
			h->writable(ctx, t);
		else
			t->was_full = true; /* written to since */
	}
	if (tell & P2V_FLOW_OVER && !t->released && s->state == P2V_FLOW_UP) {
		t->released = true;
		h->ended(ctx, t, t->over_code, p2v_flow_reason(t));
	}
	p2v_flow_check(t);
	p2v_flow_stream_unref(s->dtl->sim, t);
}

void p2v_flow_serve(struct p2v_session *s)
{
	struct p2v_list *it;

	if (s->tell_opened) {
		s->tell_opened = false;
		s->known = true;
		s->dtl->handler.opened(s->dtl->ctx, s);
	}
	while (s->state == P2V_FLOW_UP && (it = p2v_list_first(&s->events))) {
		p2v_list_remove(it);
		deliver_stream(s, P2V_OF(it, struct p2v_stream, in_events));
	}
	if (s->state != P2V_FLOW_ENDED)
		return;
	if (s->close_told)
		p2v_flow_send_close(s);
	tell_ended(s);
	p2v_flow_session_free(s);
}

/* ---- the public face ---- */

void p2v_session_info(const struct p2v_session *s, struct p2v_session_info *out)
{
	const struct p2v_sender *w = &s->sender;
	p2v_usec now = now_of(s), silence = now - s->heard, alive = s->dtl->conf.keep_alive;

	*out = (struct p2v_session_info){ .addr = s->addr,
		.age = now - s->born,
		.silence = s->silent < 0 && silence > alive ? alive : silence,
		.dialled = s->dialled,
		.received = s->received,
		.sent = s->small_sent,
		.pto_count = s->pto_count,
		.mtu = 1472,
		.receive_window = s->dtl->conf.session_window };
	if (!s->peer)
		return;
	out->queued = p2v_sender_queued(w);
	out->min_rtt = w->rtt;
	out->srtt = w->rtt + out->queued;
	out->cwnd = (uint64_t)w->cwnd;
	out->in_flight = (uint64_t)p2v_sender_in_flight(w);
	out->pace = (uint64_t)(1.25 * w->cwnd * 1e6 / (double)(w->rtt ? w->rtt : 1));
	out->sent += (uint64_t)p2v_sender_passed(w) + out->in_flight;
	out->lost = (uint64_t)w->lost;
	out->resent = out->lost;
	out->delivery_rate = (uint64_t)(w->rate / P2V_FLOW_WIRE);
}

const struct p2v_remote *p2v_session_remote(const struct p2v_session *s)
{
	return &s->record->remote;
}

void p2v_session_set_user(struct p2v_session *s, void *user)
{
	s->user = user;
}

void *p2v_session_user(const struct p2v_session *s)
{
	return s->user;
}

void p2v_session_close(struct p2v_session *s, uint64_t code, const char *text)
{
	p2v_flow_end(s, P2V_ECANCELED, code, "%s", text ? text : "");
}

void p2v_session_ping(struct p2v_session *s)
{
	if (s->state == P2V_FLOW_UP && !p2v_flow_reaches(s))
		p2v_flow_unheard(s);
}
