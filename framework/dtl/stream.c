/* stream.c - streams: the public functions, and the rules by which a stream ends and goes. Bytes
 * are kept by sendq.c and recvq.c, windows by flow.c, the order of sending by schedule.c. */
#include "framework/dtl/schedule.h"

#include <stdlib.h>

struct p2v_stream *p2v_stream_new(struct p2v_session *s, uint64_t id)
{
	struct p2v_stream *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->session = s;
	t->id = id;
	t->priority = t->asked_priority = 1;
	t->deadline = t->asked_deadline = P2V_NEVER;
	t->send_limit = s->remote_stream_data;
	t->recv_limit = s->stream_told;
	t->recv.final = P2V_SIZE_UNKNOWN;
	t->recv.pool = &s->dtl->recv_pool;
	p2v_list_init(&t->in_ready);
	p2v_list_init(&t->in_control);
	p2v_list_init(&t->in_events);
	HASH_ADD(hh, s->by_id, id, sizeof t->id, t);
	if (!P2V_HASH_ADDED(hh, t)) {
		free(t);
		return NULL;
	}
	p2v_list_push(&s->streams, &t->in_session);
	return t;
}

void p2v_stream_free(struct p2v_stream *t)
{
	struct p2v_session *s = t->session;

	if (!t->closed)
		HASH_DEL(s->by_id, t);
	p2v_stream_forget(t);
	p2v_list_remove(&t->in_session);
	p2v_list_remove(&t->in_ready);
	p2v_list_remove(&t->in_control);
	p2v_list_remove(&t->in_events);
	p2v_sendq_fini(&t->send);
	p2v_recvq_fini(&t->recv);
	free(t);
}

/* ---- for the session ---- */

void p2v_stream_tell(struct p2v_stream *t, unsigned what)
{
	if (t->released)
		return;
	t->tell |= what;
	p2v_list_remove(&t->in_events);
	p2v_list_push(&t->session->events, &t->in_events);
	p2v_session_wake(t->session);
}

void p2v_stream_due(struct p2v_stream *t, unsigned what)
{
	t->due |= what;
	p2v_list_remove(&t->in_control);
	p2v_list_push(&t->session->control, &t->in_control);
	p2v_session_wake(t->session);
}

void p2v_stream_cut_send(struct p2v_stream *t, uint64_t code)
{
	if (t->send_cut || p2v_sendq_done(&t->send))
		return;
	t->send_cut = true;
	t->reset_code = code;
	p2v_sendq_fini(&t->send);
	p2v_list_remove(&t->in_ready);
	p2v_stream_due(t, P2V_DUE_RESET);
	t->session->priority_moved = true;
}

void p2v_stream_cut_recv(struct p2v_stream *t)
{
	uint64_t left = t->recv.top - t->recv.consumed;

	if (t->recv_cut)
		return;
	t->recv_cut = true;
	t->session->holes -= t->recv.over.n;
	p2v_recvq_drop(&t->recv);
	p2v_session_credit(t->session, left);
}

static bool send_done(const struct p2v_stream *t)
{
	return t->send_cut ? t->reset_acked : p2v_sendq_done(&t->send);
}

/* All that the remote will ever send has arrived, or is known not to. */
static bool recv_done(const struct p2v_stream *t)
{
	return t->recv.final != P2V_SIZE_UNKNOWN && (t->recv_cut || p2v_recvq_whole(&t->recv));
}

static bool all_read(const struct p2v_stream *t)
{
	return t->recv.final != P2V_SIZE_UNKNOWN && t->recv.consumed == t->recv.final;
}

/* The rules of `ended` in dtl.h. */
static bool find_end(struct p2v_stream *t)
{
	if (t->cut_by_us) {
		t->over_code = P2V_ECANCELED;
		t->over_reason = t->cut_code;
		return send_done(t) && recv_done(t);
	}
	if (t->cut_by_remote) {
		t->over_code = P2V_ECLOSED;
		t->over_reason = t->cut_code;
		return t->recv_cut || all_read(t);
	}
	t->over_code = P2V_OK;
	t->over_reason = P2V_DTL_DONE;
	return send_done(t) && all_read(t);
}

/* The stream leaves the session's tables, and the remote may open another in its place. */
static void close_stream(struct p2v_stream *t)
{
	struct p2v_session *s = t->session;

	HASH_DEL(s->by_id, t);
	t->closed = true;
	p2v_stream_forget(t);
	p2v_list_remove(&t->in_session);
	p2v_list_push(&s->zombies, &t->in_session);
	p2v_list_remove(&t->in_ready);
	p2v_list_remove(&t->in_control);
	p2v_list_remove(&t->in_events);
	p2v_sendq_fini(&t->send);
	p2v_recvq_fini(&t->recv);
	if ((t->id & 1) == (s->record->client ? 0u : 1u))
		return;
	s->max_remote++;
	s->due |= P2V_DUE_MAX_STREAMS;
	p2v_session_wake(s);
}

void p2v_stream_check(struct p2v_stream *t)
{
	if (!t->closed && !t->released && !t->over && find_end(t)) {
		t->over = true;
		p2v_stream_tell(t, P2V_TELL_ENDED);
	}
	if (!t->closed && t->released && send_done(t) && recv_done(t))
		close_stream(t);
	if (t->closed && t->refs == 0)
		p2v_stream_free(t);
}

/* ---- the public face ---- */

int p2v_stream_open(struct p2v_session *s, struct p2v_stream **out)
{
	struct p2v_stream *t;

	*out = NULL;
	if (s->state != P2V_SESSION_UP)
		return P2V_ECLOSED;
	if (s->opened_local >= s->max_local)
		return P2V_EAGAIN;
	t = p2v_stream_new(s, s->opened_local << 2 | (s->record->client ? 0u : 1u));
	if (!t)
		return P2V_ENOMEM;
	s->opened_local++;
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
	t->priority = clamp_priority(priority);
	t->deadline = deadline;
	t->session->priority_moved = true;
	p2v_schedule(t);
	p2v_session_wake(t->session);
}

void p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline)
{
	t->asked_priority = clamp_priority(priority);
	t->asked_deadline = deadline;
	if (!recv_done(t))
		p2v_stream_due(t, P2V_DUE_PRIORITY);
}

bool p2v_stream_moved(const struct p2v_stream *t)
{
	return t->priority_from > 0;
}

int p2v_stream_write(struct p2v_stream *t, struct p2v_slice s)
{
	int code;

	if (t->send_cut || t->send.finished || t->session->state != P2V_SESSION_UP) {
		p2v_slice_drop(&s);
		return P2V_ECLOSED;
	}
	if (p2v_schedule_backlog(t) <= P2V_SCHEDULE_SMALL)
		t->session->priority_moved = true;
	code = p2v_sendq_write(&t->send, s);
	if (p2v_list_empty(&t->in_ready))
		p2v_schedule(t);
	p2v_session_wake(t->session);
	return code;
}

size_t p2v_stream_unsent(const struct p2v_stream *t)
{
	return t->send_cut ? 0 : (size_t)(t->send.end - t->send.next);
}

void p2v_stream_finish(struct p2v_stream *t)
{
	if (t->send_cut || t->send.finished)
		return;
	t->send.finished = true;
	if (p2v_list_empty(&t->in_ready))
		p2v_schedule(t);
	p2v_session_wake(t->session);
}

static void cut(struct p2v_stream *t, uint64_t code)
{
	p2v_stream_cut_send(t, code);
	if (!recv_done(t)) {
		t->stop_code = code;
		p2v_stream_due(t, P2V_DUE_STOP);
	}
	p2v_stream_cut_recv(t);
}

void p2v_stream_reset(struct p2v_stream *t, uint64_t code)
{
	if (t->over || t->cut_by_us)
		return;
	t->cut_by_us = true;
	t->cut_code = code;
	cut(t, code);
	p2v_stream_check(t);
}

size_t p2v_stream_peek(const struct p2v_stream *t, const uint8_t **p)
{
	return t->recv_cut ? 0 : p2v_recvq_peek(&t->recv, p);
}

struct p2v_slice p2v_stream_peek_slice(const struct p2v_stream *t)
{
	/* What arrives lies in blocks that all streams use in turn, unless the world lends it. */
	return t->recv_cut ? (struct p2v_slice){ NULL, NULL, 0 } : p2v_recvq_peek_slice(&t->recv);
}

void p2v_stream_consume(struct p2v_stream *t, size_t n)
{
	if (t->recv_cut || n == 0)
		return;
	p2v_recvq_consume(&t->recv, n);
	p2v_session_credit(t->session, n);
	p2v_stream_credit(t);
	p2v_stream_check(t);
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
	if (t->session->state != P2V_SESSION_UP)
		return; /* it goes with the session */
	if (!t->send.finished || t->send_cut) {
		cut(t, P2V_DTL_DONE);
	} else {
		if (!recv_done(t)) {
			t->stop_code = P2V_DTL_DONE;
			p2v_stream_due(t, P2V_DUE_STOP);
		}
		p2v_stream_cut_recv(t);
	}
	p2v_stream_check(t);
}
