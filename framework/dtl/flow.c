/* flow.c - how much a remote may have under way to us: receive windows that grow with the path,
 * within the memory that all sessions share, and shrink again when they are not used.
 *
 * A limit that was told stands (RFC 9000 4.1), so a window that shrank is no longer the bound on
 * what may arrive. Memory is: what a remote sends beyond its window, under an older limit, takes
 * its part of receive_memory while nobody has read it, and where none is left it is dropped without
 * an ACK, as TCP drops what is within its window when memory is short. */
#include "framework/dtl/inside.h"

enum { REST_RTTS = 16 };       /* a window is not given back sooner than after so many, */
#define REST (10 * P2V_SECOND) /* nor sooner than after this: fragments come in bursts */

static p2v_usec now_of(const struct p2v_session *s)
{
	return p2v_now(&s->dtl->node->world);
}

/* ---- memory ---- */

/* @return [B] of receive_memory that a session takes which may have so much unread */
static uint64_t excess_of(const struct p2v_session *s, uint64_t unread)
{
	uint64_t most = s->data_window > unread ? s->data_window : unread;
	uint64_t least = s->dtl->conf.session_window;

	return most > least ? most - least : 0;
}

void p2v_flow_account(struct p2v_session *s)
{
	uint64_t excess = excess_of(s, s->data_got - s->data_done);

	s->dtl->grown = s->dtl->grown - s->excess + excess;
	s->excess = excess;
}

bool p2v_flow_room(const struct p2v_session *s, uint64_t more)
{
	uint64_t unread = s->data_got - s->data_done + more, excess;

	if (unread <= s->data_window || s->data_got + more > s->data_limit)
		return true;
	excess = excess_of(s, unread);
	return excess <= s->excess ||
	       s->dtl->grown - s->excess + excess <= s->dtl->conf.receive_memory;
}

/* ---- growth ---- */

static p2v_usec rest_of(const struct p2v_session *s)
{
	p2v_usec rest = REST_RTTS * s->recovery.srtt;

	return rest > REST ? rest : REST;
}

/* The session's window is what holds the remote up: twice as much, while there is memory. */
static void grow_session(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;
	uint64_t next = p2v_window_next(s->data_window, d->conf.session_window_max);
	uint64_t more = next - s->data_window;

	if (more == 0 || more > d->conf.receive_memory || d->grown > d->conf.receive_memory - more)
		return;
	s->data_window = next;
	p2v_flow_account(s);
	if (s->rest_due == P2V_NEVER)
		s->rest_due = now_of(s) + rest_of(s);
	p2v_session_wake(s);
}

/* A stream's window is what holds the remote up. All streams get the larger one, those to come too:
 * SETTINGS tells of it. One alone, that nobody reads, leaves the others half of the session's. */
static void grow_streams(struct p2v_session *s)
{
	uint64_t most = s->dtl->conf.stream_window_max;

	if (s->stream_window > s->data_window / 4 && s->stream_window < most)
		grow_session(s);
	if (most > s->data_window / 2)
		most = s->data_window / 2;
	s->stream_window = p2v_window_next(s->stream_window, most);
	if (s->stream_window <= s->stream_told)
		return; /* nothing new, or no more than once before */
	s->stream_told = s->stream_window;
	s->due |= P2V_DUE_SETTINGS;
	P2V_LIST_EACH (it, &s->streams) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_session);

		if (t->recv_limit < s->stream_told)
			t->recv_limit = s->stream_told;
	}
}

void p2v_session_credit(struct p2v_session *s, uint64_t n)
{
	s->data_done += n;
	if (s->state != P2V_SESSION_UP)
		return;
	if (p2v_window_used(
		    &s->data_use, s->data_window, s->data_done, now_of(s), s->recovery.srtt))
		grow_session(s);
	p2v_flow_account(s);
	if (s->data_limit - s->data_done < s->data_window - s->data_window / P2V_WINDOW_STEPS) {
		s->data_limit = s->data_done + s->data_window;
		s->due |= P2V_DUE_MAX_DATA;
		p2v_session_wake(s);
	}
}

void p2v_stream_credit(struct p2v_stream *t)
{
	struct p2v_session *s = t->session;

	if (t->recv.final != P2V_SIZE_UNKNOWN || s->state != P2V_SESSION_UP)
		return;
	if (p2v_window_used(
		    &t->recv_use, s->stream_window, t->recv.consumed, now_of(s), s->recovery.srtt))
		grow_streams(s);
	if (t->recv_limit - t->recv.consumed <
		s->stream_window - s->stream_window / P2V_WINDOW_STEPS) {
		t->recv_limit = t->recv.consumed + s->stream_window;
		p2v_stream_due(t, P2V_DUE_MAX_STREAM_DATA);
	}
}

/* ---- and back ---- */

void p2v_flow_rest(struct p2v_session *s, p2v_usec now)
{
	const struct p2v_dtl_conf *c = &s->dtl->conf;
	uint64_t half;

	s->data_window = p2v_window_rest(
		&s->data_use, s->data_window, c->session_window, s->data_done);
	half = s->data_window / 2;
	if (s->stream_window > half)
		s->stream_window = half > c->stream_window ? half : c->stream_window;
	p2v_flow_account(s);
	s->rest_due = s->data_window > c->session_window ? now + rest_of(s) : P2V_NEVER;
}
