/* parcel.c - what arrives at the other end of a session, and what it means there. */
#include <stdlib.h>

#include "sdk/sim/flow/inside.h"

enum { AGAIN = 500000 }; /* [us] until what was lost is sent once more */

/* ---- life ---- */

static void run(struct p2v_event *e, bool dropped);
static void look(const struct p2v_event *e, unsigned step);
static const struct p2v_event_kind arrival = { .run = run, .look = look };

struct p2v_parcel *p2v_parcel_new(
	struct p2v_session *by, struct p2v_stream *from, enum p2v_parcel_kind kind)
{
	struct p2v_sim *sim = by->dtl->sim;
	struct p2v_parcel *k = by->peer ? p2v_pools_take(&sim->pools, sizeof *k) : NULL;

	if (!k)
		return NULL;
	k->kind = (uint8_t)kind;
	k->to = by->peer;
	k->from = from;
	if (from)
		from->refs++;
	if (kind == P2V_PARCEL_DATA)
		p2v_list_init(&k->pieces);
	p2v_event_init(&k->event, sim, by->sender.to, &arrival);
	p2v_list_push(&k->to->coming, &k->at);
	return k;
}

void p2v_parcel_free(struct p2v_parcel *k)
{
	struct p2v_sim *sim = p2v_event_sim(&k->event);
	struct p2v_stream *from = k->from;

	p2v_event_cancel(&k->event);
	p2v_list_remove(&k->at);
	if (k->kind == P2V_PARCEL_DATA)
		p2v_flow_drop_pieces(sim, &k->pieces);
	else if (k->kind == P2V_PARCEL_CLOSE)
		free(k->text);
	p2v_pools_give(&sim->pools, k, sizeof *k);
	if (from)
		p2v_flow_stream_unref(sim, from);
}

void p2v_parcel_at(struct p2v_parcel *k, p2v_usec due)
{
	if (k->from) {
		const struct p2v_sim *sim = p2v_event_sim(&k->event);

		due = due > k->from->arrival ? due : k->from->arrival + sim->apart;
		k->from->arrival = due;
	}
	p2v_event_at(&k->event, due);
}

void p2v_parcel_send(
	struct p2v_session *by, struct p2v_stream *from, enum p2v_parcel_kind kind, uint64_t code)
{
	struct p2v_parcel *k = p2v_parcel_new(by, from, kind);

	if (!k)
		return;
	if (!p2v_flow_reaches(by))
		p2v_flow_unheard(by);
	if (kind == P2V_PARCEL_PRIORITY) {
		k->priority = from->asked_priority;
		k->deadline = from->asked_deadline;
	} else {
		k->code = code;
	}
	by->small_sent += P2V_FLOW_HEAD;
	p2v_parcel_at(k, p2v_small_arrival(by->sender.from, by->sender.to, P2V_FLOW_HEAD));
}

/* ---- what it means ---- */

/* The receiver's end of the stream that a parcel came on. NULL: it has gone. */
static struct p2v_stream *end_of(struct p2v_session *s, struct p2v_parcel *k)
{
	struct p2v_stream *from = k->from, *t = from->other;

	if (t || from->other_gone || !from->local)
		return t && t->session == s ? t : NULL;
	t = p2v_flow_stream_new(s, false);
	if (!t) {
		p2v_flow_end(s, P2V_ENOMEM, P2V_DTL_INTERNAL, "no memory for a stream");
		return NULL;
	}
	t->other = from;
	from->other = t;
	p2v_flow_tell(t, P2V_FLOW_ACCEPTED);
	return t;
}

/* The sender's end learns that all of it arrived. Nobody waits for it where it was released. */
static void acknowledge(struct p2v_session *s, struct p2v_stream *t, bool reset)
{
	struct p2v_stream *from = t->other;

	if (!from)
		return;
	if (!from->released) {
		p2v_parcel_send(s, t, P2V_PARCEL_ACKED, reset);
		return;
	}
	if (reset)
		from->cut_acked = true;
	else
		from->fin_acked = true;
	p2v_flow_check(from);
}

static void on_data(struct p2v_session *s, struct p2v_stream *t, struct p2v_parcel *k)
{
	P2V_LIST_EACH (it, &k->pieces) {
		p2v_list_remove(it);
		p2v_list_push(&t->in, it);
	}
	if (t->recv_cut)
		p2v_flow_drop_pieces(s->dtl->sim, &t->in);
	else
		p2v_flow_tell(t, P2V_FLOW_READABLE);
	if (k->fin) {
		t->fin_came = true;
		acknowledge(s, t, false);
	}
}

static void on_reset(struct p2v_session *s, struct p2v_stream *t, const struct p2v_parcel *k)
{
	if (!t->recv_cut && !t->fin_came) {
		if (!t->cut_by_remote)
			t->cut_code = k->code;
		t->cut_by_remote = true;
		p2v_flow_cut_recv(t);
		p2v_flow_cut_send(t, k->code);
	}
	t->fin_came = true;
	acknowledge(s, t, true);
}

static void on_stop(struct p2v_stream *t, const struct p2v_parcel *k)
{
	if (t->send_cut || t->fin_acked)
		return;
	if (!t->cut_by_us && !t->released) {
		t->cut_by_remote = true;
		t->cut_code = k->code;
	}
	p2v_flow_cut_send(t, k->code);
}

static void on_stream(struct p2v_session *s, struct p2v_parcel *k)
{
	struct p2v_stream *t = end_of(s, k);

	if (!t)
		return;
	switch ((enum p2v_parcel_kind)k->kind) {
	case P2V_PARCEL_DATA: on_data(s, t, k); break;
	case P2V_PARCEL_RESET: on_reset(s, t, k); break;
	case P2V_PARCEL_STOP: on_stop(t, k); break;
	case P2V_PARCEL_PRIORITY:
		t->moved = true;
		p2v_stream_set_priority(t, k->priority, k->deadline);
		break;
	case P2V_PARCEL_ACKED:
		t->cut_acked |= k->code != 0;
		t->fin_acked |= k->code == 0;
		break;
	case P2V_PARCEL_CLOSE: break;
	}
	p2v_flow_check(t);
}

static void on_close(struct p2v_session *s, const struct p2v_parcel *k)
{
	const char *text = k->text ? k->text : "";

	p2v_flow_end(s, P2V_ECLOSED, P2V_FLOW_SILENT,
		"the remote closed the session with code %llu%s%s", (unsigned long long)k->code,
		text[0] ? ": " : "", text);
}

static void take(struct p2v_session *s, struct p2v_parcel *k)
{
	struct p2v_sim *sim = s->dtl->sim;

	s->heard = sim->now;
	s->received += (uint64_t)((double)k->bytes * P2V_FLOW_WIRE);
	p2v_sim_mix_event(s->dtl->machine, P2V_SIM_PARCEL);
	p2v_sim_mix(sim, (uint64_t)k->bytes << 4 | k->kind);
	if (k->kind == P2V_PARCEL_CLOSE)
		on_close(s, k);
	else
		on_stream(s, k);
}

/* Sent into a network that is parted, or to a box that drops it: a close is lost, everything else
 * is sent again until it gets through. Payload is not sent then. @return whether k does not arrive
 * now */
static bool astray(struct p2v_parcel *k)
{
	struct p2v_machine *here = p2v_event_machine(&k->event);
	struct p2v_session *peer = k->to->peer;
	bool dropped;

	if (k->kind == P2V_PARCEL_DATA && !here->sim->boxes)
		return false;
	dropped = peer && !p2v_flow_passes(peer);
	if (k->kind == P2V_PARCEL_DATA || (k->to->sender.to->island == here->island && !dropped))
		return false;
	if (k->kind == P2V_PARCEL_CLOSE) {
		p2v_parcel_free(k);
		return true;
	}
	if (k->kind == P2V_PARCEL_PRIORITY) { /* as it is wanted by then */
		k->priority = k->from->asked_priority;
		k->deadline = k->from->asked_deadline;
	}
	p2v_event_at(&k->event, here->sim->now + AGAIN);
	return true;
}

static void run(struct p2v_event *e, bool dropped)
{
	struct p2v_parcel *k = P2V_OF(e, struct p2v_parcel, event);
	struct p2v_session *s = k->to;
	struct p2v_dtl *d = s->dtl;

	if (dropped || s->state == P2V_FLOW_ENDED) {
		p2v_parcel_free(k);
		return;
	}
	if (astray(k))
		return;
	p2v_list_remove(&k->at);
	if (s->state == P2V_FLOW_SHAKES) {
		p2v_list_push(&s->early, &k->at);
		return;
	}
	p2v_flow_begin(d);
	take(s, k);
	p2v_parcel_free(k);
	p2v_flow_finish(d);
}

/* What an arrival touches: the session with its transport, the stream's end with its reader, the
 * first piece with its buffer; and the path back, as whoever is told looks at it. */
static void look(const struct p2v_event *e, unsigned step)
{
	const struct p2v_parcel *k = P2V_OF((void *)(uintptr_t)e, struct p2v_parcel, event);
	const struct p2v_list *it = k->kind == P2V_PARCEL_DATA ? p2v_list_first(&k->pieces) : NULL;
	const struct p2v_flow_piece *p = it ? P2V_OF(it, struct p2v_flow_piece, at) : NULL;
	const struct p2v_stream *t = step && k->from ? k->from->other : NULL;

	switch (step) {
	case 0:
		p2v_touch_lines(k->to, 4);
		p2v_touch_lines(k->from, 2);
		p2v_touch(it);
		p2v_touch_lines(e->timer.owner, 2);
		break;
	case 1:
		p2v_touch_lines(k->to->dtl, 2);
		p2v_touch(k->to->sender.to);
		p2v_touch_lines(k->to->user, 3);
		p2v_touch_lines(t, 3);
		if (p)
			p2v_touch(p->s.p);
		break;
	default:
		if (t)
			p2v_touch_lines(t->user, 3);
		if (p)
			p2v_touch(p->s.buf);
		break;
	}
}

void p2v_parcel_early(struct p2v_session *s)
{
	p2v_usec due = s->dtl->sim->now;

	P2V_LIST_EACH (it, &s->early) {
		struct p2v_parcel *k = P2V_OF(it, struct p2v_parcel, at);

		p2v_list_remove(it);
		p2v_list_push(&s->coming, it);
		p2v_event_at(&k->event, due);
		due += s->dtl->sim->apart;
	}
}
