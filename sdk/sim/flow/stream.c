/* stream.c - streams at flow fidelity: the public functions, and the rules by which a stream ends
 * and goes, as framework/dtl/stream.c has them. */
#include <stdlib.h>

#include "sdk/sim/flow/inside.h"

struct p2v_stream *p2v_flow_stream_new(struct p2v_session *s, bool local)
{
	struct p2v_stream *t = p2v_pools_take(&s->dtl->sim->pools, sizeof *t);

	if (!t)
		return NULL;
	t->session = s;
	t->local = local;
	t->priority = t->asked_priority = 1;
	t->deadline = t->asked_deadline = P2V_NEVER;
	p2v_list_init(&t->in_ready);
	p2v_list_init(&t->in_events);
	p2v_list_init(&t->out);
	p2v_list_init(&t->in);
	p2v_list_push(&s->streams, &t->in_session);
	return t;
}

static void unlist(struct p2v_stream *t)
{
	struct p2v_session *s = t->session;

	p2v_list_remove(&t->in_session);
	p2v_list_remove(&t->in_ready);
	p2v_list_remove(&t->in_events);
	p2v_flow_drop_pieces(s->dtl->sim, &t->out);
	p2v_flow_drop_pieces(s->dtl->sim, &t->in);
	if (s->head == t)
		s->head = NULL;
}

static void stream_free(struct p2v_sim *s, struct p2v_stream *t)
{
	if (t->other) {
		t->other->other = NULL;
		t->other->other_gone = true;
	}
	p2v_pools_give(&s->pools, t, sizeof *t);
}

void p2v_flow_stream_orphan(struct p2v_stream *t)
{
	struct p2v_sim *s = t->session->dtl->sim;

	unlist(t);
	t->session = NULL;
	t->closed = true;
	if (t->refs == 0)
		stream_free(s, t);
}

void p2v_flow_stream_unref(struct p2v_sim *s, struct p2v_stream *t)
{
	if (--t->refs == 0 && t->closed)
		stream_free(s, t);
}

/* ---- for the session ---- */

void p2v_flow_tell(struct p2v_stream *t, unsigned what)
{
	if (t->released || !t->session)
		return;
	t->tell = (uint8_t)(t->tell | what);
	if (p2v_list_empty(&t->in_events))
		p2v_list_push(&t->session->events, &t->in_events);
	p2v_flow_wake(t->session);
}

static bool send_done(const struct p2v_stream *t)
{
	return t->send_cut ? t->cut_acked : t->fin_acked;
}

static bool recv_done(const struct p2v_stream *t)
{
	return t->fin_came;
}

static bool all_read(const struct p2v_stream *t)
{
	return t->fin_came && p2v_list_empty(&t->in);
}

/* What was not sent is dropped; what has left arrives. */
void p2v_flow_cut_send(struct p2v_stream *t, uint64_t code)
{
	struct p2v_session *s = t->session;

	if (t->send_cut || t->fin_acked || !s)
		return;
	p2v_flow_strand(t);
	t->send_cut = true;
	p2v_flow_drop_pieces(s->dtl->sim, &t->out);
	t->queued = 0;
	t->passed = 0;
	p2v_list_remove(&t->in_ready);
	if (s->head == t)
		s->head = NULL;
	p2v_flow_stir(s);
	if (t->other_gone || !s->peer)
		t->cut_acked = true;
	else
		p2v_parcel_send(s, t, P2V_PARCEL_RESET, code);
}

void p2v_flow_cut_recv(struct p2v_stream *t)
{
	t->recv_cut = true;
	if (t->session)
		p2v_flow_drop_pieces(t->session->dtl->sim, &t->in);
}

/* The rules of `ended` in dtl.h. */
static bool find_end(struct p2v_stream *t)
{
	if (t->cut_by_us) {
		t->over_code = P2V_ECANCELED;
		return send_done(t) && recv_done(t);
	}
	if (t->cut_by_remote) {
		t->over_code = P2V_ECLOSED;
		return t->recv_cut || all_read(t);
	}
	t->over_code = P2V_OK;
	return send_done(t) && all_read(t);
}

uint64_t p2v_flow_reason(const struct p2v_stream *t)
{
	return t->over_code == P2V_OK ? P2V_DTL_DONE : t->cut_code;
}

void p2v_flow_check(struct p2v_stream *t)
{
	struct p2v_sim *sim;

	if (t->closed)
		return;
	if (!t->released && !t->over && find_end(t)) {
		t->over = true;
		p2v_flow_tell(t, P2V_FLOW_OVER);
	}
	if (!t->released || !send_done(t) || !(recv_done(t) || t->other_gone))
		return;
	sim = t->session->dtl->sim;
	t->session->open_local -= t->local;
	unlist(t);
	t->session = NULL;
	t->closed = true;
	if (t->refs == 0)
		stream_free(sim, t);
}

/* ---- the public face ---- */

int p2v_stream_open(struct p2v_session *s, struct p2v_stream **out)
{
	struct p2v_stream *t;

	*out = NULL;
	if (s->state != P2V_FLOW_UP)
		return P2V_ECLOSED;
	if (s->peer && s->open_local >= s->peer->dtl->conf.max_streams)
		return P2V_EAGAIN;
	t = p2v_flow_stream_new(s, true);
	if (!t)
		return P2V_ENOMEM;
	s->open_local++;
	*out = t;
	return P2V_OK;
}

struct p2v_session *p2v_stream_session(const struct p2v_stream *t)
{
	return t->session;
}

void p2v_stream_set_user(struct p2v_stream *t, void *user)
{
	t->user = user;
}

void *p2v_stream_user(const struct p2v_stream *t)
{
	return t->user;
}

static double clamp_priority(double p)
{
	return p > 4 ? 4 : p > 0 ? p : 0;
}

void p2v_stream_set_priority(struct p2v_stream *t, double priority, p2v_usec deadline)
{
	double p = clamp_priority(priority);

	if (p == t->priority && deadline == t->deadline)
		return;
	t->priority = p;
	t->deadline = deadline;
	if (t->session)
		p2v_flow_schedule(t);
}

void p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline)
{
	double p = clamp_priority(priority);

	if (p == t->asked_priority && deadline == t->asked_deadline)
		return;
	t->asked_priority = p;
	t->asked_deadline = deadline;
	if (!recv_done(t) && !t->recv_cut && t->session && t->session->state == P2V_FLOW_UP)
		p2v_parcel_send(t->session, t, P2V_PARCEL_PRIORITY, 0);
}

bool p2v_stream_moved(const struct p2v_stream *t)
{
	return t->moved;
}

int p2v_stream_write(struct p2v_stream *t, struct p2v_slice s)
{
	struct p2v_flow_piece *p = NULL;

	if (t->send_cut || t->finished || !t->session || t->session->state != P2V_FLOW_UP) {
		p2v_slice_drop(&s);
		return P2V_ECLOSED;
	}
	if (s.n == 0) {
		p2v_slice_drop(&s);
		return P2V_OK;
	}
	p = p2v_pools_take(&t->session->dtl->sim->pools, sizeof *p);
	if (!p) {
		p2v_slice_drop(&s);
		return P2V_ENOMEM;
	}
	p->s = s;
	p2v_list_push(&t->out, &p->at);
	t->queued += s.n;
	t->was_full |= t->queued >= P2V_FLOW_WRITABLE;
	if (p2v_list_empty(&t->in_ready))
		p2v_flow_schedule(t);
	else
		p2v_flow_stir(t->session);
	return P2V_OK;
}

size_t p2v_stream_unsent(const struct p2v_stream *t)
{
	const struct p2v_session *s = t->session;
	double out = t->passed, n;

	if (t->send_cut || t->queued == 0 || !s)
		return 0;
	if (s->head == t && s->sender.flow.runs)
		out += p2v_sender_in_flight(&s->sender) + p2v_sender_passed(&s->sender) -
		       s->sender.total;
	n = (double)t->queued - out / P2V_FLOW_WIRE;
	return n > 0 ? (size_t)n : 0;
}

void p2v_stream_finish(struct p2v_stream *t)
{
	if (t->send_cut || t->finished || !t->session)
		return;
	t->finished = true;
	p2v_flow_schedule(t);
}

static void cut(struct p2v_stream *t, uint64_t code)
{
	p2v_flow_cut_send(t, code);
	if (!recv_done(t) && t->session && t->session->peer && !t->other_gone)
		p2v_parcel_send(t->session, t, P2V_PARCEL_STOP, code);
	else
		t->fin_came = true;
	p2v_flow_cut_recv(t);
}

void p2v_stream_reset(struct p2v_stream *t, uint64_t code)
{
	if (t->over || t->cut_by_us || !t->session)
		return;
	t->cut_by_us = true;
	t->cut_code = code;
	cut(t, code);
	p2v_flow_check(t);
}

/* @return what the reader sees next; NULL: nothing */
static const struct p2v_slice *shown(const struct p2v_stream *t)
{
	const struct p2v_list *it = t->recv_cut ? NULL : p2v_list_first(&t->in);

	return it ? &P2V_OF(it, struct p2v_flow_piece, at)->s : NULL;
}

size_t p2v_stream_peek(const struct p2v_stream *t, const uint8_t **p)
{
	const struct p2v_slice *s = shown(t);

	if (!s)
		return 0;
	*p = s->p;
	return s->n;
}

struct p2v_slice p2v_stream_peek_slice(const struct p2v_stream *t)
{
	const struct p2v_slice *s = shown(t);

	return s && s->buf ? p2v_slice_ref(*s) : (struct p2v_slice){ NULL, NULL, 0 };
}

/* The remote may send as many more. */
static void credit(struct p2v_stream *t, size_t n)
{
	struct p2v_stream *from = t->other;
	uint64_t window = t->session ? t->session->dtl->conf.stream_window : 0;
	bool held;

	if (!from)
		return;
	held = from->ahead >= window;
	from->ahead -= n < from->ahead ? n : from->ahead;
	if (held && from->ahead < window && from->session)
		p2v_flow_schedule(from);
}

void p2v_stream_consume(struct p2v_stream *t, size_t n)
{
	struct p2v_list *it;

	if (t->recv_cut || n == 0 || !t->session)
		return;
	credit(t, n);
	while (n && (it = p2v_list_first(&t->in))) {
		struct p2v_flow_piece *p = P2V_OF(it, struct p2v_flow_piece, at);
		size_t k = n < p->s.n ? n : p->s.n;

		p->s.p += k;
		p->s.n -= k;
		n -= k;
		if (p->s.n)
			break;
		p2v_flow_drop_piece(t->session->dtl->sim, p);
	}
	p2v_flow_check(t);
}

bool p2v_stream_eof(const struct p2v_stream *t)
{
	return !t->recv_cut && all_read(t);
}

void p2v_stream_release(struct p2v_stream *t)
{
	if (t->released)
		return; /* within its own `ended` */
	t->released = true;
	t->tell = 0;
	p2v_list_remove(&t->in_events);
	if (!t->session || t->session->state != P2V_FLOW_UP)
		return; /* it goes with the session */
	if (!t->finished || t->send_cut) {
		cut(t, P2V_DTL_DONE);
	} else {
		if (!recv_done(t) && t->session->peer && !t->other_gone)
			p2v_parcel_send(t->session, t, P2V_PARCEL_STOP, P2V_DTL_DONE);
		p2v_flow_cut_recv(t);
	}
	p2v_flow_check(t);
}
