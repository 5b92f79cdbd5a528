/* incoming.c - what a packet of the remote means for a session and its streams. A remote that
 * breaks a rule is closed with the rule's name; nothing that it sends reaches an assert. */
#include "framework/dtl/schedule.h"

#define OWD_TURN (30 * P2V_SECOND)

static void broke(struct p2v_session *s, const struct p2v_err *err)
{
	p2v_session_end(s, P2V_EPROTO, P2V_DTL_PROTOCOL, "%s", err->text);
}

/* ---- acknowledgements ---- */

/* A window that was not half full was no limit, whatever held the sender back: its application, the
 * remote's windows, or the processor. */
static bool window_idle(const struct p2v_session *s, const struct p2v_outcome *o)
{
	return 2 * (s->recovery.in_flight + o->acked_bytes + o->lost_bytes) < s->view.cwnd;
}

void p2v_session_outcome(struct p2v_session *s, const struct p2v_outcome *o)
{
	const struct p2v_cc_ops *ops = s->dtl->cc->plugin->ops.cc;
	struct p2v_recovery *r = &s->recovery;
	p2v_usec now = p2v_now(&s->dtl->node->world);

	if (!s->cc)
		return;
	if (p2v_pmtu_outcome(&s->pmtu, o, now))
		p2v_session_mtu(s);
	if (o->lost_packets) {
		struct p2v_cc_loss l = { .now = now,
			.sent = o->lost_sent,
			.bytes = o->lost_bytes,
			.packets = o->lost_packets,
			.in_flight = r->in_flight,
			.srtt = r->srtt,
			.persistent = o->persistent };

		ops->on_loss(s->cc, &l);
	}
	if (o->acked_bytes) {
		struct p2v_cc_ack a = { .now = now,
			.sent = o->acked_sent,
			.bytes = o->acked_bytes,
			.in_flight = r->in_flight,
			.rtt = o->rtt,
			.srtt = r->srtt,
			.min_rtt = r->min_rtt,
			.owd = o->owd,
			.app_limited = o->app_limited || window_idle(s, o) };

		ops->on_ack(s->cc, &a);
	}
	if (o->lost_packets || o->acked_bytes)
		ops->view(s->cc, &s->view);
}

/* How much longer than the least of the last half minute or two: clocks drift, and paths change
 * (RFC 6817 3.4.1). Round trips would count the remote's queue as ours. */
static void on_owd(struct p2v_session *s, p2v_usec owd, p2v_usec now)
{
	p2v_usec least;

	if (s->owd_turn == 0 || now - s->owd_turn > OWD_TURN) {
		s->owd_least[1] = s->owd_turn == 0 ? owd : s->owd_least[0];
		s->owd_least[0] = owd;
		s->owd_turn = now;
	}
	/* It is a difference of two clocks' low 32 bits. */
	if ((int32_t)(uint32_t)(owd - s->owd_least[0]) < 0)
		s->owd_least[0] = owd;
	least = (int32_t)(uint32_t)(s->owd_least[0] - s->owd_least[1]) < 0 ? s->owd_least[0]
									   : s->owd_least[1];
	s->queued += ((int32_t)(uint32_t)(owd - least) - s->queued) / 4;
}

static void on_ack(struct p2v_session *s, const struct p2v_frame_ack *a, uint32_t stamp)
{
	struct p2v_outcome o;
	struct p2v_err err;

	if (p2v_recovery_ack(&s->recovery, a, stamp, p2v_now(&s->dtl->node->world), &o, &err) !=
		P2V_OK) {
		broke(s, &err);
		return;
	}
	if (o.owd != P2V_UNKNOWN)
		on_owd(s, o.owd, p2v_now(&s->dtl->node->world));
	s->acks.rtt = s->recovery.srtt;
	if (o.ack_below)
		p2v_acks_forget(&s->acks, o.ack_below);
	if (s->recovery.pto_count == 0)
		s->probes = 0;
	p2v_session_outcome(s, &o);
}

/* ---- streams ---- */

/* Streams open in order: a number opens all below it too, RFC 9000 2.1. */
static bool open_up_to(struct p2v_session *s, uint64_t index, unsigned initiator)
{
	if (index >= s->max_remote) {
		p2v_session_end(s, P2V_EPROTO, P2V_DTL_STREAM_LIMIT,
			"the remote opens more streams than it may");
		return false;
	}
	while (s->opened_remote <= index) {
		struct p2v_stream *t = p2v_stream_new(s, s->opened_remote << 2 | initiator);

		if (!t) {
			p2v_session_end(s, P2V_ENOMEM, P2V_DTL_INTERNAL, "no memory for a stream");
			return false;
		}
		s->opened_remote++;
		p2v_stream_tell(t, P2V_TELL_ACCEPTED);
	}
	return true;
}

/* @return the stream that a frame names; NULL: it has gone, or the session ends for it */
static struct p2v_stream *stream_of(struct p2v_session *s, uint64_t id, enum p2v_frame_type type)
{
	unsigned initiator = (unsigned)(id & 1);
	bool ours = initiator == (s->record->client ? 0u : 1u);
	struct p2v_stream **last = p2v_stream_last(s, id), *t;

	if (*last && (*last)->id == id)
		return *last;
	if (id & 2) {
		p2v_session_end(s, P2V_EPROTO, P2V_DTL_PROTOCOL,
			"a %s frame names a stream of one direction", p2v_frame_name(type));
		return NULL;
	}
	if (ours && id >> 2 >= s->opened_local) {
		p2v_session_end(s, P2V_EPROTO, P2V_DTL_PROTOCOL,
			"a %s frame names a stream that was never opened", p2v_frame_name(type));
		return NULL;
	}
	if (!ours && id >> 2 >= s->opened_remote && !open_up_to(s, id >> 2, initiator))
		return NULL;
	HASH_FIND(hh, s->by_id, &id, sizeof id, t);
	*last = t;
	return t;
}

/* The remote named bytes up to `end`: check it against every window.
 * @return false: the session ends for it */
static bool claim(struct p2v_stream *t, uint64_t end, bool fin)
{
	struct p2v_session *s = t->session;
	uint64_t before = t->recv.top;
	struct p2v_err err;

	if (p2v_recvq_claim(&t->recv, end, fin, &err) != P2V_OK) {
		broke(s, &err);
		return false;
	}
	if (t->recv.top > t->recv_limit) {
		p2v_session_end(
			s, P2V_EPROTO, P2V_DTL_FLOW, "the remote sends beyond a stream's window");
		return false;
	}
	s->data_got += t->recv.top - before;
	if (s->data_got > s->data_limit) {
		p2v_session_end(s, P2V_EPROTO, P2V_DTL_FLOW,
			"the remote sends beyond the session's window");
		return false;
	}
	if (t->recv_cut) {
		t->recv.consumed = t->recv.next = t->recv.top;
		p2v_session_credit(s, t->recv.top - before);
	}
	p2v_flow_account(s);
	return true;
}

/* Keep what a frame brought: what is lent as it is, the rest as a copy. */
static int keep(struct p2v_stream *t, uint64_t offset, struct p2v_bytes b, struct p2v_err *err)
{
	const struct p2v_world *w = &t->session->dtl->node->world;
	int code = P2V_OK;

	while (code == P2V_OK && b.n) {
		size_t off = b.n;
		struct p2v_slice s = { NULL, NULL, 0 };

		if (w->ops->udp_lent && t->session->record->open)
			s = w->ops->udp_lent(w->self, b.p, b.n, &off);
		if (s.n == 0)
			off = b.n;
		code = p2v_recvq_put(&t->recv, offset, b.p, off, err);
		if (code == P2V_OK && s.n)
			code = p2v_recvq_adopt(&t->recv, offset + off, s, err);
		off += s.n;
		p2v_slice_drop(&s);
		offset += off;
		b.p += off;
		b.n -= off;
	}
	return code;
}

static void on_stream(struct p2v_session *s, const struct p2v_frame *f)
{
	struct p2v_stream *t = stream_of(s, f->u.stream.id, f->type);
	const struct p2v_bytes *b = &f->u.stream.data;
	uint64_t next, end = f->u.stream.offset + b->n;
	size_t holes;
	struct p2v_err err;
	bool whole;
	int code;

	if (!t)
		return;
	if (!t->recv_cut && end > t->recv.top && !p2v_flow_room(s, end - t->recv.top)) {
		s->refused = true;
		return;
	}
	next = t->recv.next;
	whole = p2v_recvq_whole(&t->recv);
	if (!claim(t, end, f->u.stream.fin))
		return;
	if (t->recv_cut) {
		p2v_stream_check(t);
		return;
	}
	holes = t->recv.over.n;
	code = keep(t, f->u.stream.offset, *b, &err);
	s->holes += t->recv.over.n - holes;
	if (code == P2V_OK && s->holes > P2V_RECV_HOLES)
		code = p2v_fail(
			&err, P2V_ELIMIT, "streams have more than %d holes", P2V_RECV_HOLES);
	if (code != P2V_OK) {
		p2v_session_end(s, code == P2V_ENOMEM ? code : P2V_EPROTO,
			code == P2V_ENOMEM ? P2V_DTL_INTERNAL : P2V_DTL_FLOW, "%s", err.text);
		return;
	}
	if (t->recv.next > next || p2v_recvq_whole(&t->recv) != whole)
		p2v_stream_tell(t, P2V_TELL_READABLE);
	p2v_stream_check(t);
}

static void on_reset(struct p2v_session *s, const struct p2v_frame *f)
{
	struct p2v_stream *t = stream_of(s, f->u.cut.id, f->type);
	bool whole = t && p2v_recvq_whole(&t->recv); /* it ended before, and well */

	if (!t || !claim(t, f->u.cut.size, true))
		return;
	if (!t->recv_cut && !whole) {
		if (!t->cut_by_remote)
			t->cut_code = f->u.cut.code;
		t->cut_by_remote = true;
		p2v_stream_cut_recv(t);
		p2v_stream_cut_send(t, f->u.cut.code);
	}
	p2v_stream_check(t);
}

static void on_stop(struct p2v_session *s, const struct p2v_frame *f)
{
	struct p2v_stream *t = stream_of(s, f->u.cut.id, f->type);

	if (!t || t->send_cut || p2v_sendq_done(&t->send))
		return;
	if (!t->cut_by_us && !t->released) {
		t->cut_by_remote = true;
		t->cut_code = f->u.cut.code;
	}
	p2v_stream_cut_send(t, f->u.cut.code);
	p2v_stream_check(t);
}

static void on_max_stream_data(struct p2v_session *s, const struct p2v_frame *f)
{
	struct p2v_stream *t = stream_of(s, f->u.max.id, f->type);

	if (!t || f->u.max.max <= t->send_limit)
		return;
	t->send_limit = f->u.max.max;
	if (p2v_list_empty(&t->in_ready))
		p2v_schedule(t);
}

static void on_priority(struct p2v_session *s, const struct p2v_frame *f, uint64_t number)
{
	struct p2v_stream *t = stream_of(s, f->u.priority.id, f->type);
	p2v_usec slack = f->u.priority.slack, now = p2v_now(&s->dtl->node->world);

	if (!t || number < t->priority_from)
		return; /* an older wish that came late */
	t->priority_from = number + 1;
	p2v_stream_set_priority(t, (double)f->u.priority.priority / P2V_PRIORITY_UNIT,
		slack > P2V_NEVER - now ? P2V_NEVER : now + slack);
}

/* ---- the session ---- */

static void on_settings(struct p2v_session *s, const struct p2v_settings *v)
{
	if (v->max_data > s->data_max)
		s->data_max = v->max_data;
	if (v->max_streams > s->max_local)
		s->max_local = v->max_streams;
	s->recovery.max_ack_delay = v->ack_delay;
	if (v->max_stream_data <= s->remote_stream_data)
		return;
	s->remote_stream_data = v->max_stream_data;
	P2V_LIST_EACH (it, &s->streams) {
		struct p2v_stream *t = P2V_OF(it, struct p2v_stream, in_session);

		if (t->send_limit >= v->max_stream_data)
			continue;
		t->send_limit = v->max_stream_data;
		if (p2v_list_empty(&t->in_ready))
			p2v_schedule(t);
	}
}

static void on_close(struct p2v_session *s, const struct p2v_frame *f)
{
	char text[P2V_CLOSE_TEXT + 1];
	size_t n = 0;

	/* Whatever the remote says goes into our logs: printable characters alone. */
	for (; n < f->u.close.text.n; n++) {
		unsigned char c = (unsigned char)f->u.close.text.p[n];

		text[n] = c >= ' ' && c != '"' && c < 127 ? (char)c : '?';
	}
	text[n] = '\0';
	p2v_session_end(s, P2V_ECLOSED, P2V_CLOSE_SILENT,
		"the remote closed the session with code %llu%s%s",
		(unsigned long long)f->u.close.code, n ? ": " : "", text);
}

static void on_frame(struct p2v_session *s, const struct p2v_packet *k, const struct p2v_frame *f)
{
	switch (f->type) {
	case P2V_F_PADDING:
	case P2V_F_PING: break;
	case P2V_F_ACK: on_ack(s, &f->u.ack, k->stamp); break;
	case P2V_F_RESET: on_reset(s, f); break;
	case P2V_F_STOP: on_stop(s, f); break;
	case P2V_F_STREAM: on_stream(s, f); break;
	case P2V_F_MAX_DATA:
		if (f->u.max.max > s->data_max)
			s->data_max = f->u.max.max;
		break;
	case P2V_F_MAX_STREAM_DATA: on_max_stream_data(s, f); break;
	case P2V_F_MAX_STREAMS:
		if (f->u.max.max > s->max_local)
			s->max_local = f->u.max.max;
		break;
	case P2V_F_PRIORITY: on_priority(s, f, k->number); break;
	case P2V_F_SETTINGS: on_settings(s, &f->u.settings); break;
	case P2V_F_PATH_CHALLENGE: p2v_path_challenged(s, f->u.token); break;
	case P2V_F_PATH_RESPONSE:
		p2v_path_proven(s, f->u.token, p2v_now(&s->dtl->node->world));
		break;
	case P2V_F_CLOSE: on_close(s, f); break;
	}
}

void p2v_session_packet(struct p2v_session *s, const uint8_t *p, size_t n)
{
	p2v_usec now = p2v_now(&s->dtl->node->world);
	struct p2v_packet k;
	struct p2v_frame f;
	struct p2v_err err;
	bool elicits = false, bytes = false;
	int got = 0;

	if (p2v_packet_open((struct p2v_bytes){ p, n }, p2v_acks_expected(&s->acks), &k, &err) !=
		P2V_OK) {
		broke(s, &err);
		return;
	}
	if (p2v_acks_seen(&s->acks, k.number))
		return;
	s->heard = now;
	if (s->path.from && k.number >= p2v_acks_expected(&s->acks))
		p2v_path_seen(s, now);
	s->refused = false;
	while (s->state == P2V_SESSION_UP && !s->refused &&
		(got = p2v_frame_next(&k.frames, &f, &err)) > 0) {
		elicits = elicits || p2v_frame_elicits(f.type);
		bytes = bytes || f.type == P2V_F_STREAM;
		on_frame(s, &k, &f);
	}
	if (bytes)
		s->expects = n + s->record->overhead + P2V_FULL_SLACK >= P2V_MSS;
	if (got < 0)
		broke(s, &err);
	else if (s->refused) /* as lost: it will come again; frames may come twice */
		p2v_count(&s->dtl->node->metrics, P2V_M_DGRAMS_DROPPED, 1);
	else
		p2v_acks_got(&s->acks, k.number, k.stamp, now, elicits);
}
