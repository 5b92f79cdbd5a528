/* schedule.c - the order of sending within one session. */
#include "framework/dtl/schedule.h"

/* @return whether a goes strictly before b */
static bool before(const struct p2v_stream *a, const struct p2v_stream *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->deadline < b->deadline;
}

/* Streams wait in the order in which they will send; t goes behind its equals. */
static void enqueue(struct p2v_stream *t)
{
	struct p2v_list *ready = &t->session->ready, *pos = ready->prev;

	while (pos != ready && before(t, P2V_OF(pos, struct p2v_stream, in_ready)))
		pos = pos->prev;
	p2v_list_before(pos->next, &t->in_ready);
}

void p2v_schedule(struct p2v_stream *t)
{
	struct p2v_piece piece;

	p2v_list_remove(&t->in_ready);
	if (!t->send_cut && p2v_sendq_next(&t->send, t->send_limit, &piece))
		enqueue(t);
}

void p2v_schedule_yield(struct p2v_stream *t)
{
	struct p2v_list *ready = &t->session->ready, *next = t->in_ready.next;
	struct p2v_piece piece;

	if (!p2v_sendq_next(&t->send, t->send_limit, &piece)) {
		p2v_list_remove(&t->in_ready);
	} else if (next != ready && !before(t, P2V_OF(next, struct p2v_stream, in_ready))) {
		p2v_list_remove(&t->in_ready);
		enqueue(t);
	}
}

/* Bytes that nobody waits for yet ride on an urgent transfer's weight, unless a scavenger's window
 * that runs beside the main one holds them back. */
static bool held_back(const struct p2v_session *s, const struct p2v_stream *t)
{
	return t->priority < P2V_CC_SCAVENGER && s->priority >= P2V_CC_SCAVENGER &&
	       s->view.scavenger && s->recovery.in_flight + s->mtu > s->view.scavenger;
}

struct p2v_stream *p2v_schedule_next(const struct p2v_session *s, struct p2v_piece *out)
{
	uint64_t credit = s->data_max - s->data_sent;

	P2V_LIST_EACH (it, &s->ready) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_ready);
		uint64_t limit = t->send_limit - t->send.next > credit ? t->send.next + credit
								       : t->send_limit;

		if (held_back(s, t))
			return NULL; /* and so are all that follow */
		if (p2v_sendq_next(&t->send, limit, out))
			return t;
	}
	return NULL;
}

uint64_t p2v_schedule_backlog(const struct p2v_stream *t)
{
	return t->send_cut ? 0 : t->send.end - t->send.base;
}

double p2v_schedule_priority(const struct p2v_session *s, double idle)
{
	double most = -1;

	P2V_LIST_EACH (it, &s->streams) {
		const struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_session);

		if (p2v_schedule_backlog(t) > P2V_SCHEDULE_SMALL && t->priority > most)
			most = t->priority;
	}
	return most < 0 ? idle : most;
}
