/* outgoing.c - what a session sends: streams in order of priority and deadline, over one flow; what
 * is small goes beside it. */
#include <stdlib.h>

#include "sdk/sim/flow/inside.h"

#define PARCEL_TIME 0.005 /* [s] what passes within it may arrive at once */
#define PART_TIME   0.05  /* [s] what takes longer arrives in parts */
enum { ACKS_A_TURN = 8, ACK_EVERY = 2, ACK_MOST = 32 }; /* framework/dtl/ack.h */

void p2v_flow_drop_piece(struct p2v_sim *s, struct p2v_flow_piece *p)
{
	p2v_list_remove(&p->at);
	p2v_slice_drop(&p->s);
	p2v_pools_give(&s->pools, p, sizeof *p);
}

void p2v_flow_drop_pieces(struct p2v_sim *s, struct p2v_list *pieces)
{
	P2V_LIST_EACH (it, pieces)
		p2v_flow_drop_piece(s, P2V_OF(it, struct p2v_flow_piece, at));
}

/* ---- the order ---- */

static bool before(const struct p2v_stream *a, const struct p2v_stream *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->deadline < b->deadline;
}

static bool blocked(const struct p2v_stream *t)
{
	const struct p2v_session *peer = t->session->peer;

	return peer && t->ahead >= peer->dtl->conf.stream_window;
}

/* @return whether t has something to send now */
static bool ready(const struct p2v_stream *t)
{
	if (t->send_cut || !t->session || t->session->state != P2V_FLOW_UP)
		return false;
	return (t->queued > 0 && !blocked(t)) || (t->queued == 0 && t->finished && !t->fin_left);
}

void p2v_flow_schedule(struct p2v_stream *t)
{
	struct p2v_list *all = &t->session->ready, *pos;

	p2v_list_remove(&t->in_ready);
	if (ready(t)) {
		pos = all->prev;
		while (pos != all && before(t, P2V_OF(pos, struct p2v_stream, in_ready)))
			pos = pos->prev;
		p2v_list_before(pos->next, &t->in_ready);
	}
	p2v_flow_stir(t->session);
}

void p2v_flow_stir(struct p2v_session *s)
{
	if (s->state == P2V_FLOW_UP)
		p2v_sim_late(s->dtl->sim, &s->late);
}

/* ---- parcels ---- */

static double wire(uint64_t n)
{
	return (double)n * P2V_FLOW_WIRE;
}

/* n packets of so many bytes together cross both links beside the flow. */
static void aside(
	struct p2v_machine *from, struct p2v_machine *to, uint64_t packets, uint64_t bytes)
{
	p2v_fluid_aside(&from->up, bytes);
	p2v_fluid_aside(&to->down, bytes);
	from->count.sent += packets;
	from->count.sent_bytes += bytes;
	to->count.received += packets;
	to->count.received_bytes += bytes;
}

/* What a parcel of the flow is on the links, beside the flow itself: its acknowledgements on the
 * way back. */
static void charge(struct p2v_session *s, uint64_t bytes)
{
	const struct p2v_sender *w = &s->sender;
	double packets = wire(bytes) / P2V_FLOW_SEGMENT;
	double a_turn = w->flow.rate * (double)w->rtt / 1e6 / P2V_FLOW_SEGMENT / ACKS_A_TURN;
	double every = a_turn < ACK_EVERY ? ACK_EVERY : a_turn > ACK_MOST ? ACK_MOST : a_turn;
	uint64_t acks = (uint64_t)(packets / every + 0.5);

	aside(w->to, w->from, acks, acks * P2V_FLOW_ACK);
	w->from->count.sent += (uint64_t)(packets + 0.5);
	w->from->count.sent_bytes += (uint64_t)wire(bytes);
	w->to->count.received += (uint64_t)(packets + 0.5);
	w->to->count.received_bytes += (uint64_t)wire(bytes);
}

/* [us] that the loss of a packet delays what these bytes are in: until an acknowledgement of a
 * later one shows it, a round trip after it left, or until a probe time-out does where nothing
 * follows (RFC 9002 6.1, 6.2). */
static p2v_usec repair(struct p2v_session *s, uint64_t bytes, double follows)
{
	double p = p2v_path_loss(s->sender.from, s->sender.to), whole = 1;
	p2v_usec rtt = s->sender.rtt + p2v_link_wait(s->sender.from, true), late = 0;

	if (p <= 0)
		return 0;
	for (double n = 0; n <= (double)bytes; n += P2V_FLOW_PAYLOAD)
		whole *= 1 - p;
	for (; p2v_random_unit(&s->dtl->sim->network) >= whole; whole = 1 - p) {
		/* Three later packets show it, if the window lets so many go. */
		bool seen = late == 0 && follows >= 3 * P2V_FLOW_SEGMENT &&
			    p2v_random_unit(&s->dtl->sim->network) * s->sender.cwnd >=
				    3 * P2V_FLOW_SEGMENT;

		late += seen ? rtt : 2 * late + rtt + rtt / 2 + s->dtl->conf.ack_delay;
		p2v_sender_loss(&s->sender, seen ? 0 : late);
	}
	return late;
}

p2v_usec p2v_flow_message(struct p2v_session *s, size_t n)
{
	struct p2v_machine *from = s->sender.from, *to = s->sender.to;
	p2v_usec at = from->sim->now + p2v_path_delay(from, to) + p2v_link_wait(from, true) +
		      p2v_link_wait(to, false);

	n += P2V_FLOW_HEAD;
	s->small_sent += n;
	aside(from, to, 1, n);
	aside(to, from, 1, P2V_FLOW_ACK);
	return at + repair(s, n, 0) + (p2v_usec)((double)n * 1e6 / from->up.capacity) +
	       (p2v_usec)((double)n * 1e6 / to->down.capacity);
}

/* Take the first piece of t, or as much of it. */
static struct p2v_flow_piece *take(struct p2v_stream *t, uint64_t n)
{
	struct p2v_flow_piece *p = P2V_OF(p2v_list_first(&t->out), struct p2v_flow_piece, at),
			      *part;

	if (n >= p->s.n) {
		p2v_list_remove(&p->at);
		return p;
	}
	part = p2v_pools_take(&t->session->dtl->sim->pools, sizeof *part);
	if (!part)
		return NULL;
	part->s = p2v_slice_sub(p->s, 0, (size_t)n);
	p2v_list_init(&part->at);
	p->s.p += n;
	p->s.n -= (size_t)n;
	return part;
}

/* Take the first pieces of t that have passed, n bytes of payload. */
static struct p2v_parcel *pack(struct p2v_stream *t, uint64_t n)
{
	struct p2v_session *s = t->session;
	struct p2v_parcel *k = p2v_parcel_new(s, t, P2V_PARCEL_DATA);
	struct p2v_list *it;

	if (!k)
		return NULL;
	n = n < UINT32_MAX ? n : UINT32_MAX;
	while (k->bytes < n && (it = p2v_list_first(&t->out))) {
		struct p2v_flow_piece *p = take(t, n - k->bytes);

		if (!p)
			break; /* no memory: what is left waits for the next parcel */
		k->bytes += (uint32_t)p->s.n;
		p2v_list_push(&k->pieces, &p->at);
	}
	t->queued -= k->bytes;
	t->ahead += k->bytes;
	k->fin = t->finished && t->queued == 0;
	t->fin_left |= k->fin;
	return k;
}

static void tell_writable(struct p2v_stream *t)
{
	if (!t->was_full || p2v_stream_unsent(t) >= P2V_FLOW_WRITABLE)
		return;
	t->was_full = false;
	p2v_flow_tell(t, P2V_FLOW_TELL_WRITABLE);
}

static void left(struct p2v_stream *t)
{
	tell_writable(t);
	if (!ready(t))
		p2v_list_remove(&t->in_ready);
}

static bool send_small(struct p2v_stream *t)
{
	struct p2v_parcel *k;

	if (t->queued > P2V_FLOW_SMALL || t->passed > 0)
		return false;
	k = pack(t, t->queued);
	if (!k) {
		p2v_list_remove(&t->in_ready);
		return true;
	}
	p2v_parcel_at(k, p2v_flow_message(t->session, (size_t)k->bytes));
	left(t);
	return true;
}

/* ---- the flow ---- */

static struct p2v_session *session_of(struct p2v_sender *w)
{
	return P2V_OF(w, struct p2v_session, sender);
}

/* [B] of payload, from the stream's first piece on, that arrive together: whole pieces where that
 * does not take long. */
static uint64_t batch(const struct p2v_stream *t, double rate)
{
	double most = rate * PARCEL_TIME;
	uint64_t n = 0, want = P2V_FLOW_PIECE, part = (uint64_t)(rate * PART_TIME);

	if (most > P2V_FLOW_PIECE)
		want = most < P2V_FLOW_PARCEL ? (uint64_t)most : P2V_FLOW_PARCEL;
	for (struct p2v_list *it = t->out.next; it != &t->out && n < want; it = it->next)
		n += P2V_OF(it, struct p2v_flow_piece, at)->s.n;
	part = part > P2V_FLOW_LEAST ? part : P2V_FLOW_LEAST;
	return rate > 0 && n > part ? part : n;
}

void p2v_flow_strand(struct p2v_stream *t)
{
	struct p2v_session *s = t->session;
	double flight, left = wire(t->queued) - t->passed;

	if (s->head != t || !s->sender.flow.runs)
		return;
	left -= p2v_sender_passed(&s->sender) - s->sender.total;
	flight = p2v_sender_in_flight(&s->sender);
	s->stray += flight < left ? flight : left > 0 ? left : 0;
}

static double next(struct p2v_sender *w)
{
	struct p2v_session *s = session_of(w);
	struct p2v_list *it = p2v_list_first(&s->ready);
	struct p2v_stream *t = it ? P2V_OF(it, struct p2v_stream, in_ready) : NULL;
	double most;

	s->head = NULL;
	if (!p2v_flow_reaches(s))
		return 0;
	if (s->stray > 0)
		return s->stray;
	s->head = t && t->queued > 0 ? t : NULL;
	if (!s->head)
		return 0;
	most = wire(batch(t, w->flow.rate)) - t->passed;
	return most > 1 ? most : wire(P2V_FLOW_LEAST);
}

static void passed(struct p2v_sender *w, double bytes)
{
	struct p2v_session *s = session_of(w);
	struct p2v_stream *t = s->head;
	struct p2v_parcel *k;
	uint64_t whole = 0, all;

	w->backlog -= bytes;
	if (s->stray > 0 || !t) {
		s->stray = s->stray > bytes + 1 ? s->stray - bytes : 0;
		w->from->count.sent_bytes += (uint64_t)bytes;
		w->to->count.received_bytes += (uint64_t)bytes;
		return;
	}
	t->passed += bytes;
	all = (uint64_t)((t->passed + 0.5) / P2V_FLOW_WIRE);
	P2V_LIST_EACH (it, &t->out) {
		uint64_t n = whole + P2V_OF(it, struct p2v_flow_piece, at)->s.n;

		if (n > all)
			break;
		whole = n;
	}
	if (whole < all && all - whole >= P2V_FLOW_LEAST)
		whole = all;
	if (whole == 0) {
		tell_writable(t);
		return;
	}
	t->passed -= wire(whole);
	t->passed = t->passed > 0 ? t->passed : 0;
	k = pack(t, whole);
	if (k) {
		charge(s, k->bytes);
		p2v_parcel_at(k, s->dtl->sim->now + p2v_path_delay(w->from, w->to) +
					 repair(s, k->bytes, w->backlog));
	}
	left(t);
}

static void look_goal(const struct p2v_sender *w, unsigned step)
{
	const struct p2v_session *s = P2V_OF((void *)(uintptr_t)w, struct p2v_session, sender);

	if (step == 1) {
		p2v_touch_lines(s, 2);
	} else {
		p2v_touch_lines(s->head, 3);
		p2v_touch_lines(s->peer, 2);
	}
}

const struct p2v_sender_kind p2v_flow_sender = { .segment = P2V_FLOW_SEGMENT,
	.initial = 10 * P2V_FLOW_FIRST,
	.beta = 0.7,
	.alpha = 0.53,
	.limited = true,
	.paced = true,
	.delay = true,
	.next = next,
	.passed = passed,
	.look = look_goal };

/* ---- a look at it all ---- */

/* As the controller of a session would be told: the most urgent of its streams that are more than a
 * message. */
static double weight(const struct p2v_session *s)
{
	double most = -1;

	if (!s->dtl->weighs)
		return 1;
	P2V_LIST_EACH (it, &s->ready) {
		const struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_ready);

		if (t->queued > 0 && t->priority > most)
			most = t->priority;
	}
	if (most < 0)
		return s->sender.weight;
	return most < P2V_CC_SCAVENGER ? 0 : most;
}

static void flush(struct p2v_late *l)
{
	struct p2v_session *s = P2V_OF(l, struct p2v_session, late);
	struct p2v_list *it;
	double backlog = 0;

	if (s->state != P2V_FLOW_UP || (p2v_list_empty(&s->ready) && s->stray <= 0)) {
		if (s->peer && s->sender.flow.runs)
			p2v_sender_push(&s->sender);
		return;
	}
	if (!p2v_flow_reaches(s)) {
		p2v_flow_unheard(s);
		return;
	}
	P2V_LIST_EACH (at, &s->ready)
		(void)send_small(P2V_OF(at, struct p2v_stream, in_ready));
	P2V_LIST_EACH (at, &s->ready) {
		const struct p2v_stream *t = P2V_OF(at, struct p2v_stream, in_ready);

		backlog += wire(t->queued) - t->passed;
	}
	it = p2v_list_first(&s->ready);
	s->sender.backlog = backlog + s->stray;
	if (it)
		p2v_sender_weigh(&s->sender, weight(s));
	if (!s->sender.flow.runs || !it || s->head != P2V_OF(it, struct p2v_stream, in_ready))
		p2v_sender_push(&s->sender);
}

/* What flush touches: the session, its first stream, and, as most of it is messages, the other end
 * and both links. */
static void look(const struct p2v_late *l, unsigned step)
{
	const struct p2v_session *s = P2V_OF((void *)(uintptr_t)l, struct p2v_session, late);
	const struct p2v_stream *t = P2V_OF(s->ready.next, struct p2v_stream, in_ready);

	switch (step) {
	case 0:
		p2v_touch_lines(s, 4);
		p2v_touch(&s->sender.from);
		break;
	case 1:
		p2v_touch_lines(t, 3);
		p2v_touch_lines(s->sender.to, 6);
		p2v_touch_lines(s->peer, 2);
		break;
	default:
		if (!p2v_list_empty(&s->ready))
			p2v_touch(t->out.next);
		break;
	}
}

const struct p2v_late_kind p2v_flow_late = { .run = flush, .look = look };
