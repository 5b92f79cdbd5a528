/* connection.c - a session's life: handshake, upcalls, timers, keep-alive, and its end. What
 * arrives is in incoming.c, what leaves in outgoing.c. */
#include "framework/dtl/pair.h"

#include <assert.h>
#include <stdlib.h>

static p2v_usec now_of(const struct p2v_session *s)
{
	return p2v_now(&s->dtl->node->world);
}

/* ---- between the record layer and us ---- */

static void emit(void *ctx, const uint8_t *p, size_t n)
{
	struct p2v_session *s = ctx;
	uint8_t *room = p2v_outbox_room(&s->dtl->out, n);

	if (!room)
		return; /* the network would have lost it as well */
	memcpy(room, p, n);
	p2v_outbox_add(&s->dtl->out, &s->addr, n);
	s->sent += n;
}

static void packet(void *ctx, const uint8_t *p, size_t n)
{
	struct p2v_session *s = ctx;

	p2v_session_follow(s); /* the handshake may have ended in this very datagram */
	if (s->state == P2V_SESSION_UP)
		p2v_session_packet(s, p, n);
}

static void fire(struct p2v_timer *t, p2v_usec now);

/* @return [B] of payload that Ethernet carries to that address, if the options allow it */
static uint32_t largest(const struct p2v_dtl_conf *c, const struct p2v_addr *addr)
{
	uint32_t most = p2v_addr_is_v4(addr) ? P2V_PMTU_V4 : P2V_PMTU_V6;

	return c->datagram_max < most ? c->datagram_max : most;
}

struct p2v_session *p2v_session_new(struct p2v_dtl *d, const struct p2v_addr *addr, bool dialled)
{
	struct p2v_session *s = calloc(1, sizeof *s);
	const struct p2v_dtl_conf *c = &d->conf;

	if (!s)
		return NULL;
	s->dtl = d;
	s->addr = *addr;
	s->dialled = s->known = dialled;
	s->up = (struct p2v_record_up){ .ctx = s, .emit = emit, .packet = packet };
	s->timer.fire = fire;
	s->armed = s->next = s->pace_due = P2V_NEVER;
	s->born = s->heard = now_of(s);
	s->mtu = P2V_MSS;
	p2v_pmtu_init(&s->pmtu, largest(c, addr));
	p2v_recovery_init(&s->recovery, p2v_session_settle, s);
	p2v_acks_init(&s->acks, c->ack_delay);
	s->priority = s->wanted = s->part = 1;
	p2v_list_init(&s->streams);
	p2v_list_init(&s->ready);
	p2v_list_init(&s->control);
	p2v_list_init(&s->events);
	p2v_list_init(&s->zombies);
	s->max_local = P2V_EARLY_STREAMS;
	s->max_remote = c->max_streams;
	s->data_max = P2V_EARLY_DATA;
	s->data_limit = s->data_window = c->session_window;
	s->stream_window = s->stream_told = c->stream_window;
	s->rest_due = P2V_NEVER;
	s->remote_stream_data = P2V_EARLY_STREAM_DATA;
	p2v_list_init(&s->in_busy);
	p2v_list_init(&s->in_lingering);
	p2v_list_init(&s->in_shaking);
	p2v_list_init(&s->in_pair);
	p2v_list_push(&d->all, &s->in_all);
	d->n_sessions++;
	if (!dialled)
		p2v_shaking_enter(s);
	return s;
}

static void free_streams(struct p2v_list *l)
{
	P2V_LIST_EACH (it, l)
		p2v_stream_free(P2V_OF(it, struct p2v_stream, in_session));
}

static void close_controller(struct p2v_session *s)
{
	const struct p2v_cc_ops *ops = s->dtl->cc->plugin->ops.cc;

	if (s->cc && ops->close)
		ops->close(s->cc);
	free(s->cc);
	s->cc = NULL;
}

/* All that a session that only lingers does not need. */
static void shed(struct p2v_session *s)
{
	free_streams(&s->streams);
	free_streams(&s->zombies);
	p2v_pair_leave(s);
	close_controller(s);
}

void p2v_session_fini(struct p2v_session *s)
{
	p2v_disarm(&s->dtl->node->world, &s->timer);
	p2v_shaking_leave(s);
	shed(s);
	p2v_recovery_fini(&s->recovery);
	if (s->record)
		s->record->ops->free(s->record);
	s->record = NULL;
}

/* ---- the handshake ---- */

static int open_controller(struct p2v_session *s, struct p2v_err *err)
{
	struct p2v_policy *cc = s->dtl->cc;
	const struct p2v_cc_ops *ops = cc->plugin->ops.cc;
	int code;

	s->cc = p2v_policy_state(cc);
	if (!s->cc)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a congestion controller");
	code = ops->open(s->cc, &cc->env, cc->conf, s->mtu, err);
	if (code != P2V_OK) {
		free(s->cc);
		s->cc = NULL;
		return code;
	}
	ops->view(s->cc, &s->view);
	return p2v_pair_join(s) == P2V_OK ? P2V_OK
					  : p2v_fail(err, P2V_ENOMEM, "no memory for a session");
}

/* The remote that calls anew has proven who it is: its old session is over. */
static void succeed_elder(struct p2v_session *s)
{
	struct p2v_session *elder = s->elder;
	struct p2v_dtl *d = s->dtl;

	if (!elder)
		return;
	s->elder = NULL;
	elder->heir = NULL;
	if (elder->hh.tbl)
		HASH_DEL(d->by_addr, elder);
	HASH_ADD(hh, d->by_addr, addr, sizeof s->addr, s);
	elder->hh.tbl = NULL;
	if (!P2V_HASH_ADDED(hh, s))
		p2v_session_end(s, P2V_ENOMEM, P2V_DTL_INTERNAL, "no memory for a session");
	p2v_session_end(elder, P2V_ECLOSED, P2V_CLOSE_SILENT, "the remote began anew");
}

static void come_up(struct p2v_session *s)
{
	struct p2v_err err;

	s->state = P2V_SESSION_UP;
	p2v_shaking_leave(s);
	s->born = s->heard = s->pinged = now_of(s);
	s->tell_opened = true;
	s->due |= P2V_DUE_SETTINGS;
	assert(s->record->overhead + 256 < s->mtu);
	p2v_session_known(s);
	if (open_controller(s, &err) != P2V_OK)
		p2v_session_end(s, err.code, P2V_DTL_INTERNAL, "%s", err.text);
	succeed_elder(s);
	p2v_session_wake(s);
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
	p2v_session_end(s, why->code, P2V_CLOSE_SILENT, "%s", why->text);
}

void p2v_session_follow(struct p2v_session *s)
{
	if (s->state >= P2V_SESSION_ENDED)
		return;
	switch (s->record->state) {
	case P2V_RECORD_HANDSHAKE: break;
	case P2V_RECORD_UP:
		if (s->state == P2V_SESSION_SHAKES)
			come_up(s);
		break;
	case P2V_RECORD_FAILED: handshake_failed(s); break;
	case P2V_RECORD_CLOSED:
		p2v_session_end(s, P2V_ECLOSED, P2V_CLOSE_SILENT, "the remote closed the session");
		break;
	}
}

void p2v_session_mtu(struct p2v_session *s)
{
	const struct p2v_cc_ops *ops = s->dtl->cc->plugin->ops.cc;
	struct p2v_recovery *r = &s->recovery;

	s->mtu = s->pmtu.mtu;
	/* A packet is full where not even one more frame's head would fit. */
	r->full = s->mtu > P2V_MSS ? s->mtu - P2V_FULL_SLACK : UINT32_MAX;
	if (!ops->set_mss)
		return;
	ops->set_mss(s->cc, s->mtu);
	ops->view(s->cc, &s->view);
}

void p2v_session_new_path(struct p2v_session *s, p2v_usec now, bool host)
{
	struct p2v_recovery *r = &s->recovery;
	struct p2v_err err;

	p2v_recovery_new_path(r, now, host);
	if (host) {
		close_controller(s);
		p2v_pair_leave(s);
		p2v_pmtu_init(&s->pmtu, largest(&s->dtl->conf, &s->addr));
		s->mtu = P2V_MSS;
		s->priority = 1;
		s->priority_moved = true;
		s->owd_turn = 0;
		if (open_controller(s, &err) != P2V_OK) {
			p2v_session_end(s, err.code, P2V_DTL_INTERNAL, "%s", err.text);
			return;
		}
		p2v_session_mtu(s);
	}
	/* What was under way went to where nobody is: ask at once what arrived. */
	s->probes = 2;
	p2v_recovery_requeue(r, s->probes);
}

void p2v_session_input(
	struct p2v_session *s, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	s->received += n;
	if (s->state == P2V_SESSION_LINGERS) {
		/* Ever more rarely, RFC 9000 10.2.1. */
		s->replies++;
		if ((s->replies & (s->replies - 1)) == 0)
			p2v_session_send_close(s);
		return;
	}
	if (s->state == P2V_SESSION_ENDED)
		return;
	s->path.from = from;
	s->path.size = n;
	s->record->ops->input(s->record, p, n, &s->up);
	s->path.from = NULL;
	p2v_session_follow(s);
	p2v_session_wake(s);
}

/* ---- the end ---- */

void p2v_session_end(struct p2v_session *s, int code, uint64_t wire, const char *fmt, ...)
{
	va_list ap;

	if (s->state >= P2V_SESSION_ENDED)
		return;
	s->close_told = s->state == P2V_SESSION_UP && wire != P2V_CLOSE_SILENT;
	s->state = P2V_SESSION_ENDED;
	s->close_code = wire;
	s->why_code = code;
	s->why = malloc(sizeof *s->why);
	if (s->why) {
		s->why->code = code;
		va_start(ap, fmt);
		(void)vsnprintf(s->why->text, sizeof s->why->text, fmt, ap);
		va_end(ap);
	}
	p2v_session_wake(s);
}

static void tell_ended(struct p2v_session *s)
{
	const struct p2v_dtl_handler *h = &s->dtl->handler;
	struct p2v_err brief = { s->why_code, "it ended" };

	P2V_LIST_EACH (it, &s->streams) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_session);

		if (t->released || t->tell & P2V_TELL_ACCEPTED)
			continue;
		t->released = true;
		if (t->over)
			h->ended(s->dtl->ctx, t, t->over_code, t->over_reason);
		else
			h->ended(s->dtl->ctx, t, P2V_ECANCELED, s->close_code);
	}
	if (s->known)
		h->closed(s->dtl->ctx, s, s->why ? s->why : &brief);
	s->known = false;
}

/* An heir that still shakes hands takes the place of its elder in the table. */
static void promote_heir(struct p2v_session *s)
{
	struct p2v_session *heir = s->heir;
	struct p2v_dtl *d = s->dtl;

	if (!heir)
		return;
	s->heir = NULL;
	heir->elder = NULL;
	if (s->hh.tbl)
		HASH_DEL(d->by_addr, s);
	s->hh.tbl = NULL;
	HASH_ADD(hh, d->by_addr, addr, sizeof heir->addr, heir);
	if (!P2V_HASH_ADDED(hh, heir))
		p2v_session_end(heir, P2V_ENOMEM, P2V_CLOSE_SILENT, "no memory for a session");
}

/* @return false: the session is gone */
static bool finish(struct p2v_session *s)
{
	if (s->close_told)
		p2v_session_send_close(s);
	tell_ended(s);
	p2v_session_forget(s);
	shed(s);
	promote_heir(s);
	if (!s->close_told || !s->hh.tbl) {
		p2v_session_free(s);
		return false;
	}
	s->state = P2V_SESSION_LINGERS;
	s->gone_at = now_of(s) + 3 * p2v_recovery_pto(&s->recovery);
	p2v_recovery_fini(&s->recovery);
	p2v_list_push(&s->dtl->lingering, &s->in_lingering);
	return true;
}

/* ---- upcalls ---- */

static void deliver_stream(struct p2v_session *s, struct p2v_stream *t)
{
	const struct p2v_dtl_handler *h = &s->dtl->handler;
	void *ctx = s->dtl->ctx;
	unsigned tell = t->tell;

	t->tell = 0;
	t->refs++; /* it stays until the last of these upcalls has returned */
	if (tell & P2V_TELL_ACCEPTED)
		h->accepted(ctx, s, t);
	if (tell & P2V_TELL_READABLE && !t->released && !t->recv_cut)
		h->readable(ctx, t);
	if (tell & P2V_TELL_WRITABLE && !t->released && !t->send_cut)
		h->writable(ctx, t);
	if (tell & P2V_TELL_ENDED && !t->released && s->state == P2V_SESSION_UP) {
		t->released = true;
		h->ended(ctx, t, t->over_code, t->over_reason);
	}
	t->refs--;
	p2v_stream_check(t);
}

static void deliver(struct p2v_session *s)
{
	struct p2v_list *it;

	if (s->tell_opened) {
		s->tell_opened = false;
		s->known = true;
		s->dtl->handler.opened(s->dtl->ctx, s);
	}
	while (s->state == P2V_SESSION_UP && (it = p2v_list_first(&s->events))) {
		p2v_list_remove(it);
		deliver_stream(s, P2V_OF(it, struct p2v_stream, in_events));
	}
}

/* ---- timers ---- */

/* Who only receives would else notice last that it cannot be reached any more, as behind a NAT that
 * forgot it: what it sends tells the remote where it is now. */
static p2v_usec keep_alive_due(const struct p2v_session *s)
{
	p2v_usec last = s->heard > s->pinged ? s->heard : s->pinged;
	p2v_usec soon = P2V_EXPECT_PTOS * p2v_recovery_pto(&s->recovery);

	if (soon < P2V_EXPECT_MIN)
		soon = P2V_EXPECT_MIN;
	return last +
	       (s->expects && soon < s->dtl->conf.keep_alive ? soon : s->dtl->conf.keep_alive);
}

static p2v_usec earlier(p2v_usec a, p2v_usec b)
{
	return a < b ? a : b;
}

static p2v_usec deadline(const struct p2v_session *s)
{
	const struct p2v_dtl_conf *c = &s->dtl->conf;
	p2v_usec due;

	switch (s->state) {
	case P2V_SESSION_SHAKES:
		return earlier(s->born + c->handshake_timeout,
			s->record->ops->deadline(s->record, now_of(s)));
	case P2V_SESSION_UP: break;
	case P2V_SESSION_ENDED: return P2V_NEVER;
	case P2V_SESSION_LINGERS: return s->gone_at;
	}
	due = earlier(s->heard + c->idle_timeout, keep_alive_due(s));
	due = earlier(due, s->record->ops->deadline(s->record, now_of(s)));
	due = earlier(due, p2v_recovery_deadline(&s->recovery));
	due = earlier(due, s->acks.due);
	due = earlier(due, s->rest_due);
	due = earlier(due, p2v_path_deadline(s));
	return earlier(due, s->pace_due);
}

/* Moving a timer later is left to its firing: most of them move with every packet. */
static void rearm(struct p2v_session *s)
{
	s->next = deadline(s);
	if (s->next >= s->armed)
		return;
	s->armed = s->next;
	p2v_arm(&s->dtl->node->world, &s->timer, s->next);
}

static void tick_up(struct p2v_session *s, p2v_usec now)
{
	struct p2v_recovery *r = &s->recovery;

	if (now - s->heard >= s->dtl->conf.idle_timeout) {
		p2v_session_end(s, P2V_ETIMEDOUT, P2V_DTL_IDLE, "the remote went silent");
		return;
	}
	if (now >= keep_alive_due(s)) {
		s->pinged = now;
		s->expects = false;
		s->due |= P2V_DUE_PING;
	}
	if (now >= p2v_recovery_deadline(r)) {
		struct p2v_outcome o;

		s->probes = p2v_recovery_timeout(r, now, &o);
		if (s->probes)
			p2v_recovery_requeue(r, s->probes);
		p2v_session_outcome(s, &o);
	}
	if (now >= s->pace_due)
		s->pace_due = P2V_NEVER;
	if (now >= s->rest_due)
		p2v_flow_rest(s, now);
}

static void tick(struct p2v_session *s, p2v_usec now)
{
	if (s->state == P2V_SESSION_SHAKES && now - s->born >= s->dtl->conf.handshake_timeout)
		p2v_session_end(
			s, P2V_ETIMEDOUT, P2V_CLOSE_SILENT, "the handshake did not end in time");
	if (s->state < P2V_SESSION_ENDED && now >= s->record->ops->deadline(s->record, now)) {
		s->record->ops->timeout(s->record, now, &s->up);
		p2v_session_follow(s);
	}
	if (s->state == P2V_SESSION_UP)
		tick_up(s, now);
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_session *s = P2V_OF(t, struct p2v_session, timer);
	struct p2v_dtl *d = s->dtl;

	s->armed = P2V_NEVER;
	if (s->state == P2V_SESSION_LINGERS && now >= s->gone_at) {
		p2v_session_free(s);
		return;
	}
	/* What it was armed for was moved, or came to pass. */
	if (s->next > now && s->next != P2V_NEVER) {
		s->armed = s->next;
		p2v_arm(&d->node->world, t, s->next);
		return;
	}
	p2v_dtl_begin(d);
	tick(s, now);
	p2v_session_wake(s);
	p2v_dtl_finish(d);
}

void p2v_session_serve(struct p2v_session *s)
{
	if (s->state <= P2V_SESSION_UP || s->tell_opened)
		deliver(s);
	if (s->state == P2V_SESSION_ENDED && !finish(s))
		return;
	if (s->state == P2V_SESSION_UP)
		p2v_session_flush(s);
	if (s->state == P2V_SESSION_ENDED && !finish(s))
		return;
	rearm(s);
}

/* ---- the public face ---- */

void p2v_session_info(const struct p2v_session *s, struct p2v_session_info *out)
{
	p2v_usec now = now_of(s);

	*out = (struct p2v_session_info){ .addr = s->addr,
		.age = now - s->born,
		.silence = now - s->heard,
		.srtt = s->recovery.srtt,
		.min_rtt = s->recovery.min_rtt,
		.queued = s->queued,
		.cwnd = s->view.cwnd,
		.in_flight = s->recovery.in_flight,
		.pace = p2v_session_rate(s),
		.sent = s->sent,
		.received = s->received,
		.lost = s->recovery.lost_bytes,
		.resent = s->resent,
		.delivery_rate = p2v_recovery_rate(&s->recovery),
		.pto_count = s->recovery.pto_count,
		.dialled = s->dialled,
		.mtu = s->mtu,
		.receive_window = s->data_window };
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
	p2v_session_end(s, P2V_ECANCELED, code, "%s", text ? text : "");
}

void p2v_session_ping(struct p2v_session *s)
{
	if (s->state != P2V_SESSION_UP)
		return;
	s->due |= P2V_DUE_PING;
	p2v_session_wake(s);
}
