/* outgoing.c - what a session sends and when: packets are filled with what is due, within the
 * controller's window and at its pace. */
#include "framework/dtl/pair.h"
#include "framework/dtl/schedule.h"

#include <assert.h>

enum {
	BURST_MIN = 2,                  /* packets that may leave back to back at any rate */
	BURST_TIME = 2 * (int)P2V_MSEC, /* [us] worth of packets that may: timers are no finer */
	RUN = 2,                        /* packets that wait for each other, */
	RUN_TIME = 8 * (int)P2V_MSEC,   /* [us] where they follow each other so soon */
	LEND_MIN = 256                  /* [B] less is copied sooner than it is counted */
};

#define RATE_MAX UINT64_C(1000000000000) /* [B/s] so that no sum below overflows */

static const struct p2v_frame ping_frame = { .type = P2V_F_PING };

/* A packet in the making. */
struct build {
	struct p2v_writer w;
	uint64_t ack_below;
	unsigned refs;
	bool elicits;
	const uint8_t *packet;
};

/* ---- pace ---- */

uint64_t p2v_session_rate(const struct p2v_session *s)
{
	uint64_t cwnd = s->view.cwnd < RATE_MAX ? s->view.cwnd : RATE_MAX, rate = s->view.pace;
	p2v_usec srtt = s->recovery.srtt;

	if (rate == 0 && srtt == 0)
		return 0; /* the initial window leaves as one burst, RFC 9002 7.7 */
	if (rate == 0)    /* a quarter above the window each round trip, RFC 9002 7.7 */
		rate = cwnd / 4 * 5 * (uint64_t)P2V_SECOND / (uint64_t)srtt + 1;
	return rate < RATE_MAX ? rate : RATE_MAX;
}

/* [B * us] that may leave at once, and that are waited for once nothing may: half of it, so that
 * packets leave in runs. A run costs both ends one turn. */
static int64_t burst_of(const struct p2v_session *s, uint64_t rate, int64_t *run)
{
	int64_t packet = (int64_t)s->mtu * P2V_SECOND;
	int64_t least = BURST_MIN * packet, most = (int64_t)rate * BURST_TIME;

	if (most < least)
		most = least;
	*run = most / 2;
	if (*run >= RUN * packet || (int64_t)rate * RUN_TIME < RUN * packet)
		return most;
	*run = RUN * packet;
	return *run + packet > most ? *run + packet : most;
}

/* @return whether a packet may leave now; else s->pace_due says when the next few may */
static bool pace_allows(struct p2v_session *s, p2v_usec now)
{
	uint64_t rate = p2v_session_rate(s);
	int64_t packet = (int64_t)s->mtu * P2V_SECOND, run, burst = burst_of(s, rate, &run);
	p2v_usec since = now - s->paced;

	s->paced = now;
	if (rate == 0)
		return true;
	s->tokens += since > P2V_SECOND ? burst : (int64_t)rate * since;
	if (s->tokens > burst)
		s->tokens = burst;
	if (s->tokens >= packet)
		return true;
	s->pace_due = now + (run - s->tokens) / (int64_t)rate + 1;
	return false;
}

static bool window_allows(const struct p2v_session *s)
{
	return s->recovery.in_flight + s->mtu <= s->view.cwnd;
}

/* ---- frames ---- */

static void note(struct p2v_session *s, struct build *b, const struct p2v_ref *ref)
{
	p2v_recovery_ref(&s->recovery, ref);
	if (ref->stream)
		ref->stream->refs++;
	b->refs++;
	b->elicits = true;
}

static void put_ack(struct p2v_session *s, struct build *b, p2v_usec now)
{
	struct p2v_frame_ack a;

	if (!p2v_acks_fill(&s->acks, now, &a) || !p2v_ack_put(&b->w, &a))
		return;
	b->ack_below = a.range[0].hi;
}

/* One frame of the session, if it is due and fits. */
static void put_due(struct p2v_session *s, struct build *b, unsigned due, uint8_t kind,
	const struct p2v_frame *f)
{
	struct p2v_ref ref = { .kind = kind };

	if (!(s->due & due) || b->refs == P2V_PACKET_REFS || !p2v_frame_put(&b->w, f))
		return;
	s->due &= ~due;
	note(s, b, &ref);
}

static void put_session(struct p2v_session *s, struct build *b)
{
	const struct p2v_dtl_conf *c = &s->dtl->conf;
	struct p2v_frame settings = { .type = P2V_F_SETTINGS,
		.u.settings = { .version = P2V_PACKET_VERSION,
			.max_data = c->session_window,
			.max_stream_data = s->stream_told,
			.max_streams = c->max_streams,
			.ack_delay = c->ack_delay } };
	struct p2v_frame data = { .type = P2V_F_MAX_DATA, .u.max.max = s->data_limit };
	struct p2v_frame streams = { .type = P2V_F_MAX_STREAMS, .u.max.max = s->max_remote };

	put_due(s, b, P2V_DUE_SETTINGS, P2V_REF_SETTINGS, &settings);
	put_due(s, b, P2V_DUE_MAX_DATA, P2V_REF_MAX_DATA, &data);
	put_due(s, b, P2V_DUE_MAX_STREAMS, P2V_REF_MAX_STREAMS, &streams);
	if (s->due & P2V_DUE_PING && p2v_frame_put(&b->w, &ping_frame)) {
		s->due &= ~(unsigned)P2V_DUE_PING;
		b->elicits = true;
	}
}

/* One frame of a stream, if it is due and fits. @return false: it is still due */
static bool put_of_stream(struct p2v_stream *t, struct build *b, unsigned due, uint8_t kind,
	const struct p2v_frame *f)
{
	struct p2v_ref ref = { .stream = t, .kind = kind };

	if (!(t->due & due))
		return true;
	if (b->refs == P2V_PACKET_REFS || !p2v_frame_put(&b->w, f))
		return false;
	t->due &= ~due;
	note(t->session, b, &ref);
	return true;
}

static struct p2v_frame priority_frame(const struct p2v_stream *t, p2v_usec now)
{
	p2v_usec slack = t->asked_deadline;

	if (slack != P2V_NEVER)
		slack = slack > now ? slack - now : 0;
	if (slack != P2V_NEVER && slack > 3600 * P2V_SECOND)
		slack = 3600 * P2V_SECOND;
	return (struct p2v_frame){ .type = P2V_F_PRIORITY,
		.u.priority = { .id = t->id,
			.priority = (uint32_t)(t->asked_priority * P2V_PRIORITY_UNIT + 0.5),
			.slack = slack } };
}

/* @return whether all that the stream had to say went into the packet */
static bool put_control(struct p2v_stream *t, struct build *b, p2v_usec now)
{
	struct p2v_frame reset = { .type = P2V_F_RESET,
		.u.cut = { .id = t->id, .code = t->reset_code, .size = t->send.next } };
	struct p2v_frame stop = { .type = P2V_F_STOP,
		.u.cut = { .id = t->id, .code = t->stop_code } };
	struct p2v_frame max = { .type = P2V_F_MAX_STREAM_DATA,
		.u.max = { .id = t->id, .max = t->recv_limit } };
	struct p2v_frame priority = priority_frame(t, now);

	return put_of_stream(t, b, P2V_DUE_RESET, P2V_REF_RESET, &reset) &&
	       put_of_stream(t, b, P2V_DUE_STOP, P2V_REF_STOP, &stop) &&
	       put_of_stream(t, b, P2V_DUE_MAX_STREAM_DATA, P2V_REF_MAX_STREAM_DATA, &max) &&
	       put_of_stream(t, b, P2V_DUE_PRIORITY, P2V_REF_PRIORITY, &priority);
}

/* @return whether the world takes these bytes as they are, so that they need not be copied */
static bool lent(struct p2v_session *s, const struct build *b, struct p2v_slice view, size_t n)
{
	const struct p2v_world *w = &s->dtl->node->world;

	view.n = n;
	return s->record->open && view.buf && n >= LEND_MIN && w->ops->udp_lend &&
	       w->ops->udp_lend(w->self, b->w.p, &view);
}

static void put_bytes(struct p2v_session *s, const struct p2v_sendq *q, struct build *b,
	uint64_t offset, size_t n)
{
	while (n) {
		struct p2v_slice view = p2v_sendq_at(q, offset);
		size_t k = view.n < n ? view.n : n;

		if (!lent(s, b, view, k))
			memcpy(b->w.p, view.p, k);
		b->w.p += k;
		offset += k;
		n -= k;
	}
}

/* What was built will not be sent. */
static void take_back(struct p2v_session *s, const uint8_t *room)
{
	const struct p2v_world *w = &s->dtl->node->world;

	if (w->ops->udp_lend)
		(void)w->ops->udp_lend(w->self, room, NULL);
}

static int put_piece(struct p2v_stream *t, const struct p2v_piece *piece, struct build *b, size_t n)
{
	struct p2v_session *s = t->session;
	size_t unsent = p2v_stream_unsent(t);
	struct p2v_ref ref = { .stream = t,
		.offset = piece->offset,
		.n = (uint32_t)n,
		.kind = P2V_REF_STREAM,
		.fin = piece->fin && n == piece->n };

	put_bytes(s, &t->send, b, piece->offset, n);
	note(s, b, &ref);
	if (piece->again)
		s->resent += n;
	else
		s->data_sent += n;
	if (p2v_sendq_sent(&t->send, piece, n) != P2V_OK)
		return P2V_ENOMEM;
	if (unsent >= P2V_WRITABLE_BELOW && p2v_stream_unsent(t) < P2V_WRITABLE_BELOW)
		p2v_stream_tell(t, P2V_TELL_WRITABLE);
	return P2V_OK;
}

static int put_streams(struct p2v_session *s, struct build *b)
{
	struct p2v_piece piece;
	struct p2v_stream *t;

	while (b->refs < P2V_PACKET_REFS && (t = p2v_schedule_next(s, &piece))) {
		size_t n = p2v_stream_put(&b->w, t->id, piece.offset, piece.n, piece.fin);

		if (n == SIZE_MAX)
			break;
		if (put_piece(t, &piece, b, n) != P2V_OK)
			return P2V_ENOMEM;
		p2v_schedule_yield(t);
	}
	return P2V_OK;
}

/* ---- packets ---- */

/* @param room  [out] shape (size): of the datagram, built where it will leave from */
static void begin(
	struct p2v_session *s, struct build *b, p2v_usec now, uint8_t *room, uint32_t size)
{
	b->packet = room + s->record->head;
	b->w = p2v_writer_of(room + s->record->head, size - s->record->overhead);
	b->ack_below = 0;
	b->refs = 0;
	b->elicits = false;
	p2v_packet_begin(&b->w, s->recovery.next, now);
}

static int fill(struct p2v_session *s, struct build *b, p2v_usec now)
{
	if (s->due) /* seldom; frames are large to make */
		put_session(s, b);
	P2V_LIST_EACH (it, &s->control) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_control);

		if (!put_control(t, b, now))
			return P2V_OK;
		p2v_list_remove(it);
	}
	return put_streams(s, b);
}

/* An end that only receives never hears which of its ACKs arrived, unless it asks now and then: RFC
 * 9000 13.2.4. */
static bool wants_pruning(const struct p2v_session *s, p2v_usec now)
{
	return s->acks.n >= P2V_ACK_PRUNE && now - s->pruned > s->recovery.srtt;
}

/* @return whether there is anything but an ACK to send */
static bool has_data(const struct p2v_session *s)
{
	struct p2v_piece piece;

	return s->due || !p2v_list_empty(&s->control) || p2v_schedule_next(s, &piece);
}

static void left(struct p2v_session *s, const struct p2v_addr *to, const struct build *b,
	p2v_usec now, size_t size)
{
	const struct p2v_cc_ops *ops = s->dtl->cc->plugin->ops.cc;

	p2v_outbox_add(&s->dtl->out, to, size);
	p2v_recovery_sent(&s->recovery, now, size, b->elicits, b->ack_below);
	s->sent += size;
	if (b->ack_below)
		p2v_acks_told(&s->acks);
	if (!b->elicits)
		return;
	if (p2v_session_rate(s))
		s->tokens -= (int64_t)size * P2V_SECOND;
	if (ops->on_sent)
		ops->on_sent(s->cc, now, (uint32_t)size, s->recovery.in_flight);
}

/* Make one packet and put it among what leaves.
 * @param data   whether window and pace let it carry more than an ACK
 * @param probe  it must ask for an ACK
 * @param room   [out] shape (s->mtu)
 * @return whether one left */
static bool send_packet(struct p2v_session *s, p2v_usec now, bool data, bool probe, uint8_t *room)
{
	struct build b;
	ptrdiff_t size;

	/* Of two probes one is small: it gets through where full packets vanish. */
	begin(s, &b, now, room, probe && s->probes == 1 ? P2V_MSS : s->mtu);
	if (s->acks.owed)
		put_ack(s, &b, now);
	if (data && fill(s, &b, now) != P2V_OK) {
		p2v_session_end(s, P2V_ENOMEM, P2V_DTL_INTERNAL, "no memory for a packet");
		take_back(s, room);
		return false;
	}
	if (!b.elicits && b.ack_below && wants_pruning(s, now)) {
		s->pruned = now;
		probe = true;
	}
	if (probe && !b.elicits)
		b.elicits = p2v_frame_put(&b.w, &ping_frame);
	if (!b.elicits && !p2v_acks_due(&s->acks, now)) {
		p2v_recovery_abandon(&s->recovery);
		return false;
	}
	size = s->record->ops->seal(s->record, b.packet, p2v_written(&b.w), room, s->mtu);
	if (size <= 0) {
		p2v_session_end(s, P2V_EPROTO, P2V_CLOSE_SILENT, "the record layer failed");
		take_back(s, room);
		return false;
	}
	left(s, &s->addr, &b, now, (size_t)size);
	return true;
}

/* A packet of nothing but PING and PADDING asks whether the path carries so large a datagram: RFC
 * 8899 4.1. */
static void send_mtu_probe(struct p2v_session *s, p2v_usec now, uint32_t size)
{
	struct p2v_frame ping = { .type = P2V_F_PING }, padding = { .type = P2V_F_PADDING };
	uint8_t *room;
	struct build b;
	ptrdiff_t n;

	if (s->recovery.in_flight + size > s->view.cwnd || s->dtl->out.blocked ||
		p2v_recovery_reserve(&s->recovery) != P2V_OK)
		return;
	room = p2v_outbox_room(&s->dtl->out, size);
	if (!room)
		return;
	begin(s, &b, now, room, size);
	padding.u.padding = p2v_writer_left(&b.w) - 1;
	b.elicits = p2v_frame_put(&b.w, &ping) && p2v_frame_put(&b.w, &padding);
	assert(b.elicits);
	n = s->record->ops->seal(s->record, b.packet, p2v_written(&b.w), room, size);
	if (n <= 0)
		return;
	p2v_outbox_part(&s->dtl->out);
	left(s, &s->addr, &b, now, (size_t)n);
	p2v_outbox_part(&s->dtl->out);
	p2v_recovery_mtu_probe(&s->recovery);
	p2v_pmtu_sent(&s->pmtu);
}

/* What the streams want may have changed, or what other sessions to the same host leave. */
static void move_priority(struct p2v_session *s, p2v_usec now)
{
	const struct p2v_plugin *plugin = s->dtl->cc->plugin;
	double active, p;

	if (!s->priority_moved)
		return;
	s->priority_moved = false;
	if (!(plugin->caps & P2V_CC_CAP_PRIORITY) || !plugin->ops.cc->set_priority)
		return;
	active = p2v_schedule_priority(s, -1);
	p2v_pair_weigh(s, active < 0 ? 0 : active);
	s->priority_moved = false;
	s->part = p2v_pair_part(s);
	if (active >= 0)
		s->wanted = active;
	p = s->wanted * s->part;
	if (p < P2V_CC_SCAVENGER && s->wanted >= P2V_CC_SCAVENGER)
		p = P2V_CC_SCAVENGER; /* whoever waits is no scavenger, however many there are */
	if (p == s->priority)
		return;
	s->priority = p;
	plugin->ops.cc->set_priority(s->cc, now, p);
	plugin->ops.cc->view(s->cc, &s->view);
}

/* @return whether one more packet left; the next is worth trying then */
static bool flush_one(struct p2v_session *s, p2v_usec now)
{
	bool probe = s->probes > 0;
	bool data = probe || (has_data(s) && window_allows(s) && pace_allows(s, now));
	uint8_t *room;
	int code;

	if (!data && !p2v_acks_due(&s->acks, now))
		return false;
	code = p2v_recovery_reserve(&s->recovery);
	if (code != P2V_OK) {
		if (code == P2V_ENOMEM)
			p2v_session_end(s, code, P2V_DTL_INTERNAL, "no memory for a packet");
		return false;
	}
	room = s->dtl->out.blocked ? NULL : p2v_outbox_room(&s->dtl->out, s->mtu);
	if (!room) {
		p2v_list_remove(&s->in_busy);
		p2v_list_push(&s->dtl->stalled, &s->in_busy);
		return false;
	}
	if (!send_packet(s, now, data, probe, room))
		return false;
	if (probe)
		s->probes--;
	return true;
}

void p2v_session_flush(struct p2v_session *s)
{
	p2v_usec now = p2v_now(&s->dtl->node->world);
	unsigned n = 0;

	p2v_path_flush(s, now);
	move_priority(s, now);
	if (now >= s->pmtu.due && s->probes == 0 && !p2v_list_empty(&s->ready))
		send_mtu_probe(s, now, p2v_pmtu_wants(&s->pmtu, now));
	s->pace_due = P2V_NEVER;
	while (n < P2V_FLUSH_PACKETS && flush_one(s, now))
		n++;
	if (n == P2V_FLUSH_PACKETS && p2v_list_empty(&s->in_busy))
		p2v_list_push(&s->dtl->later, &s->in_busy);
	else if (p2v_list_empty(&s->events) && !s->dtl->out.blocked && window_allows(s) &&
		 !has_data(s))
		p2v_recovery_app_limited(&s->recovery);
}

void p2v_session_send_apart(
	struct p2v_session *s, p2v_usec now, const struct p2v_addr *to, const struct p2v_frame *f)
{
	uint8_t *room = s->dtl->out.blocked ? NULL : p2v_outbox_room(&s->dtl->out, P2V_MSS);
	struct build b;
	ptrdiff_t n;

	if (!room || p2v_recovery_reserve(&s->recovery) != P2V_OK)
		return; /* as if it were lost */
	begin(s, &b, now, room, P2V_MSS);
	if (!p2v_frame_put(&b.w, f))
		return;
	n = s->record->ops->seal(s->record, b.packet, p2v_written(&b.w), room, P2V_MSS);
	if (n > 0)
		left(s, to, &b, now, (size_t)n);
}

void p2v_session_send_close(struct p2v_session *s)
{
	uint8_t *room = p2v_outbox_room(&s->dtl->out, s->mtu);
	const char *why = s->why ? s->why->text : "";
	struct p2v_frame close = { .type = P2V_F_CLOSE,
		.u.close = { .code = s->close_code, .text = { why, 0 } } };
	struct build b;
	ptrdiff_t size;

	if (!room)
		return;
	while (close.u.close.text.n < P2V_CLOSE_TEXT && why[close.u.close.text.n])
		close.u.close.text.n++;
	begin(s, &b, p2v_now(&s->dtl->node->world), room, P2V_MSS);
	if (!p2v_frame_put(&b.w, &close))
		return; /* a code above 2^62 - 1 cannot be told */
	size = s->record->ops->seal(s->record, b.packet, p2v_written(&b.w), room, s->mtu);
	if (size <= 0)
		return;
	s->recovery.next++; /* nothing follows it, so it need not be remembered */
	s->sent += (size_t)size;
	p2v_outbox_add(&s->dtl->out, &s->addr, (size_t)size);
}

/* ---- what becomes of packets ---- */

static void settle_stream(struct p2v_session *s, const struct p2v_ref *ref, bool acked)
{
	struct p2v_stream *t = ref->stream;
	int code;

	if (t->send_cut)
		return;
	if (acked)
		code = p2v_sendq_acked(&t->send, ref->offset, ref->n, ref->fin);
	else
		code = p2v_sendq_lost(&t->send, ref->offset, ref->n, ref->fin);
	if (code != P2V_OK)
		p2v_session_end(s, code, P2V_DTL_INTERNAL, "no memory for a stream");
	if (acked && p2v_schedule_backlog(t) <= P2V_SCHEDULE_SMALL)
		s->priority_moved = true;
	if (!acked && p2v_list_empty(&t->in_ready))
		p2v_schedule(t);
}

/* A frame of a stream was lost: send it again if it still matters. */
static void lost_control(struct p2v_stream *t, uint8_t kind)
{
	bool open = t->recv.final == P2V_SIZE_UNKNOWN;

	if (kind == P2V_REF_RESET && !t->reset_acked)
		p2v_stream_due(t, P2V_DUE_RESET);
	else if (kind == P2V_REF_STOP && open)
		p2v_stream_due(t, P2V_DUE_STOP);
	else if (kind == P2V_REF_MAX_STREAM_DATA && open && !t->recv_cut)
		p2v_stream_due(t, P2V_DUE_MAX_STREAM_DATA);
	else if (kind == P2V_REF_PRIORITY && open && !t->recv_cut)
		p2v_stream_due(t, P2V_DUE_PRIORITY);
}

void p2v_session_settle(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate)
{
	struct p2v_session *s = ctx;
	struct p2v_stream *t = ref->stream;
	bool acked = fate == P2V_FATE_ACKED;

	if (!t) {
		if (!acked)
			s->due |= ref->kind == P2V_REF_SETTINGS   ? P2V_DUE_SETTINGS
				  : ref->kind == P2V_REF_MAX_DATA ? P2V_DUE_MAX_DATA
								  : P2V_DUE_MAX_STREAMS;
		return;
	}
	if (!t->closed && ref->kind == P2V_REF_STREAM)
		settle_stream(s, ref, acked);
	else if (!t->closed && !acked)
		lost_control(t, ref->kind);
	else if (!t->closed && ref->kind == P2V_REF_RESET)
		t->reset_acked = true;
	if (fate != P2V_FATE_AGAIN)
		t->refs--;
	p2v_stream_check(t);
}
