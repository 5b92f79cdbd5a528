/* recovery.c - sent packets, acknowledgements, round-trip time, losses, probe time-outs and the
 * delivery rate. Packets and what they carried lie in two rings that grow by doubling, so that
 * nothing is allocated for a packet. */
#include "framework/dtl/recovery.h"

#include <assert.h>
#include <stdlib.h>

void p2v_recovery_init(struct p2v_recovery *r,
	void (*settle)(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate), void *ctx)
{
	*r = (struct p2v_recovery){ .settle = settle,
		.ctx = ctx,
		.loss_time = P2V_NEVER,
		.first_sample = P2V_NEVER,
		.run_start = P2V_NEVER,
		.packet_threshold = P2V_PACKET_THRESHOLD,
		.time_threshold = P2V_TIME_THRESHOLD,
		.full = UINT32_MAX,
		.max_ack_delay = 25 * P2V_MSEC };
}

void p2v_recovery_fini(struct p2v_recovery *r)
{
	free(r->sent);
	free(r->refs);
	r->sent = NULL;
	r->refs = NULL;
	r->sent_cap = r->refs_cap = 0;
	r->oldest = r->next;
	r->refs_tail = r->refs_head;
}

static struct p2v_sent *at(const struct p2v_recovery *r, uint64_t number)
{
	return &r->sent[number & (r->sent_cap - 1)];
}

static struct p2v_ref *ref_at(const struct p2v_recovery *r, uint32_t i)
{
	return &r->refs[i & (r->refs_cap - 1)];
}

/* ---- the rings ---- */

static int grow_sent(struct p2v_recovery *r)
{
	size_t cap = r->sent_cap ? 2 * r->sent_cap : 32;
	struct p2v_sent *v = malloc(cap * sizeof *v);

	if (!v)
		return P2V_ENOMEM;
	for (uint64_t i = r->oldest; i < r->next; i++)
		v[i & (cap - 1)] = *at(r, i);
	free(r->sent);
	r->sent = v;
	r->sent_cap = cap;
	return P2V_OK;
}

static int grow_refs(struct p2v_recovery *r)
{
	size_t cap = r->refs_cap ? 2 * r->refs_cap : 32;
	struct p2v_ref *v = malloc(cap * sizeof *v);

	if (!v)
		return P2V_ENOMEM;
	for (uint32_t i = r->refs_tail; i != r->refs_head; i++)
		v[i & (cap - 1)] = *ref_at(r, i);
	free(r->refs);
	r->refs = v;
	r->refs_cap = cap;
	return P2V_OK;
}

int p2v_recovery_reserve(struct p2v_recovery *r)
{
	int code = P2V_OK;

	if (r->next - r->oldest >= P2V_SENT_MAX)
		return P2V_ELIMIT;
	if (r->next - r->oldest >= r->sent_cap)
		code = grow_sent(r);
	if (code == P2V_OK && (size_t)(r->refs_head - r->refs_tail) + P2V_PACKET_REFS > r->refs_cap)
		code = grow_refs(r);
	if (code == P2V_OK)
		*at(r, r->next) = (struct p2v_sent){ .refs = r->refs_head };
	return code;
}

void p2v_recovery_ref(struct p2v_recovery *r, const struct p2v_ref *ref)
{
	struct p2v_sent *s = at(r, r->next);

	assert(s->n_refs < P2V_PACKET_REFS);
	*ref_at(r, r->refs_head++) = *ref;
	s->n_refs++;
}

void p2v_recovery_abandon(struct p2v_recovery *r)
{
	r->refs_head = at(r, r->next)->refs;
}

/* Forget packets at the old end that need nothing more. */
static void trim(struct p2v_recovery *r)
{
	while (r->oldest < r->next && at(r, r->oldest)->state != P2V_SENT_OPEN) {
		struct p2v_sent *s = at(r, r->oldest++);

		r->refs_tail = s->refs + s->n_refs;
	}
}

void p2v_recovery_sent(
	struct p2v_recovery *r, p2v_usec now, size_t size, bool elicits, uint64_t ack_below)
{
	struct p2v_sent *s = at(r, r->next++);

	s->time = now;
	s->size = (uint16_t)size;
	s->ack_below = ack_below;
	s->state = elicits ? P2V_SENT_OPEN : P2V_SENT_SILENT;
	if (!elicits) {
		assert(s->n_refs == 0);
		trim(r);
		return;
	}
	if (r->open == 0)
		r->first_sent = r->delivered_time = now;
	s->first_sent = r->first_sent;
	s->delivered = r->delivered;
	s->delivered_time = r->delivered_time;
	s->app_limited = r->app_limited_until > 0;
	r->open++;
	r->in_flight += size;
	r->last_eliciting = now;
}

void p2v_recovery_mtu_probe(struct p2v_recovery *r)
{
	at(r, r->next - 1)->mtu_probe = true;
}

static void settle(struct p2v_recovery *r, const struct p2v_sent *s, enum p2v_fate fate)
{
	for (uint32_t i = 0; i < s->n_refs; i++)
		r->settle(r->ctx, ref_at(r, s->refs + i), fate);
}

static void leave_flight(struct p2v_recovery *r, const struct p2v_sent *s)
{
	assert(r->open > 0 && r->in_flight >= s->size);
	r->open--;
	r->in_flight -= s->size;
}

/* ---- round-trip time: RFC 9002 section 5 ---- */

/* @return [us] the sample less the delay that the remote tells of, and no less than min_rtt: 5.3
 * does without the subtraction then, which is well for srtt, but would make a queue of an ACK delay
 * for those who look at delay, wherever a sample is short of min_rtt by a microsecond */
static p2v_usec sample_rtt(struct p2v_recovery *r, p2v_usec rtt, p2v_usec delay, p2v_usec now)
{
	p2v_usec diff, clean;

	r->latest_rtt = rtt > 0 ? rtt : 1;
	if (r->first_sample == P2V_NEVER) {
		r->first_sample = now;
		r->min_rtt = r->srtt = r->latest_rtt;
		r->rttvar = r->latest_rtt / 2;
		return r->latest_rtt;
	}
	if (r->latest_rtt < r->min_rtt)
		r->min_rtt = r->latest_rtt;
	if (delay > r->max_ack_delay)
		delay = r->max_ack_delay;
	clean = r->latest_rtt - delay > r->min_rtt ? r->latest_rtt - delay : r->min_rtt;
	rtt = r->latest_rtt >= r->min_rtt + delay ? clean : r->latest_rtt;
	diff = r->srtt > rtt ? r->srtt - rtt : rtt - r->srtt;
	r->rttvar = (3 * r->rttvar + diff) / 4;
	r->srtt = (7 * r->srtt + rtt) / 8;
	return clean;
}

p2v_usec p2v_recovery_pto(const struct p2v_recovery *r)
{
	p2v_usec var = r->srtt ? 4 * r->rttvar : 2 * P2V_INITIAL_RTT;

	if (var < P2V_GRANULARITY)
		var = P2V_GRANULARITY;
	return (r->srtt ? r->srtt : P2V_INITIAL_RTT) + var + r->max_ack_delay;
}

/* ---- delivery rate: draft-cheng-iccrg-delivery-rate-estimation-02, section 3.3 ---- */

/* A sample: what was delivered between two acknowledgements, over the longer of the time that it
 * took to send it and the time that it took to have it acknowledged. */
struct rate_sample {
	uint64_t prior;
	p2v_usec prior_time, send_elapsed;
	bool any, app_limited;
};

static void rate_note(struct p2v_recovery *r, struct rate_sample *q, const struct p2v_sent *s)
{
	r->delivered += s->size;
	if (q->any && s->delivered < q->prior)
		return;
	q->any = true;
	q->prior = s->delivered;
	q->prior_time = s->delivered_time;
	q->send_elapsed = s->time - s->first_sent;
	q->app_limited = s->app_limited;
	r->first_sent = s->time;
}

static void rate_take(struct p2v_recovery *r, const struct rate_sample *q, p2v_usec now)
{
	p2v_usec took = now - q->prior_time;
	p2v_usec window = 10 * r->srtt > P2V_SECOND ? 10 * r->srtt : P2V_SECOND;
	uint64_t rate;

	r->delivered_time = now;
	if (r->app_limited_until && r->delivered > r->app_limited_until)
		r->app_limited_until = 0;
	if (took < q->send_elapsed)
		took = q->send_elapsed;
	if (!q->any || took <= 0 || took < r->min_rtt)
		return;
	rate = (r->delivered - q->prior) * (uint64_t)P2V_SECOND / (uint64_t)took;
	if (now - r->rate_window > window && (!q->app_limited || rate > r->rate)) {
		r->rate_before = now - r->rate_window > 2 * window ? 0 : r->rate;
		r->rate = 0;
		r->rate_window = now;
	}
	if (rate > r->rate && (!q->app_limited || rate > r->rate_before))
		r->rate = rate;
}

uint64_t p2v_recovery_rate(const struct p2v_recovery *r)
{
	return r->rate > r->rate_before ? r->rate : r->rate_before;
}

void p2v_recovery_app_limited(struct p2v_recovery *r)
{
	uint64_t until = r->delivered + r->in_flight;

	r->app_limited_until = until ? until : 1;
}

/* ---- losses: RFC 9002 section 6.1 ---- */

static p2v_usec loss_delay(const struct p2v_recovery *r)
{
	p2v_usec rtt = r->latest_rtt > r->srtt ? r->latest_rtt : r->srtt;
	p2v_usec d = rtt * (p2v_usec)r->time_threshold / 8;

	return d > P2V_GRANULARITY ? d : P2V_GRANULARITY;
}

/* RFC 9002 7.6: everything that asked for an ACK was lost over so long a time. */
static void extend_run(struct p2v_recovery *r, p2v_usec sent, struct p2v_outcome *out)
{
	p2v_usec var = 4 * r->rttvar > P2V_GRANULARITY ? 4 * r->rttvar : P2V_GRANULARITY;

	if (r->first_sample == P2V_NEVER || sent <= r->first_sample)
		return;
	if (r->run_start == P2V_NEVER)
		r->run_start = sent;
	if (sent - r->run_start > 3 * (r->srtt + var + r->max_ack_delay)) {
		out->persistent = true;
		r->run_start = sent;
	}
}

static void lose(
	struct p2v_recovery *r, uint64_t number, struct p2v_sent *s, struct p2v_outcome *out)
{
	leave_flight(r, s);
	if (s->mtu_probe) {
		out->probe_lost = s->size;
		return; /* it carries nothing, and tells nothing of congestion */
	}
	r->lost_bytes += s->size;
	r->lost[r->lost_n++ % P2V_LOST_KEPT] = (struct p2v_lost_packet){ number, s->time };
	if (s->time >= r->path_since) {
		if (s->size >= r->full && number >= r->full_arrived)
			out->full_lost++;
		out->lost_bytes += s->size;
		out->lost_packets++;
		out->lost_sent = s->time;
		extend_run(r, s->time, out);
	}
	settle(r, s, P2V_FATE_LOST);
}

/* Packets are lost in the order of their numbers, for both thresholds move with the number; so what
 * is open begins at `oldest`, and the walk stops at the first that is not lost. */
static void detect(struct p2v_recovery *r, p2v_usec now, struct p2v_outcome *out)
{
	p2v_usec delay = loss_delay(r);

	r->loss_time = P2V_NEVER;
	if (!r->any_acked)
		return;
	while (r->oldest < r->next && r->oldest <= r->largest_acked) {
		struct p2v_sent *s = at(r, r->oldest);

		if (s->state == P2V_SENT_OPEN) {
			if (r->largest_acked - r->oldest < r->packet_threshold &&
				s->time + delay > now) {
				r->loss_time = s->time + delay;
				break;
			}
			lose(r, r->oldest, s, out);
		} else if (s->state == P2V_SENT_ACKED) {
			r->run_start = P2V_NEVER;
		}
		r->refs_tail = s->refs + s->n_refs;
		r->oldest++;
	}
	trim(r);
}

/* A packet that was declared lost arrived after all: the path reorders more than was thought (RFC
 * 9002 6.1.1, 6.1.2; RFC 8985 adapts likewise). */
static void note_spurious(struct p2v_recovery *r, uint64_t lo, uint64_t hi)
{
	uint32_t kept = r->lost_n < P2V_LOST_KEPT ? r->lost_n : P2V_LOST_KEPT;

	for (uint32_t i = 0; i < kept; i++) {
		struct p2v_lost_packet *l = &r->lost[i];
		uint64_t far;

		if (l->time == P2V_NEVER || l->number < lo || l->number >= hi)
			continue;
		l->time = P2V_NEVER;
		r->spurious++;
		far = r->largest_acked - l->number + 1;
		if (far > r->packet_threshold)
			r->packet_threshold = far < P2V_PACKET_THRESHOLD_MAX
						      ? (uint32_t)far
						      : P2V_PACKET_THRESHOLD_MAX;
		if (r->time_threshold < P2V_TIME_THRESHOLD_MAX)
			r->time_threshold++;
	}
}

/* ---- acknowledgements ---- */

struct ack_walk {
	struct rate_sample rate;
	bool any, eliciting, largest_new;
	p2v_usec largest_sent;
};

static void take_ack(
	struct p2v_recovery *r, uint64_t number, struct ack_walk *w, struct p2v_outcome *out)
{
	struct p2v_sent *s = at(r, number);

	if (s->state == P2V_SENT_ACKED)
		return;
	w->any = true;
	if (s->ack_below > out->ack_below)
		out->ack_below = s->ack_below;
	if (s->state == P2V_SENT_OPEN) {
		leave_flight(r, s);
		w->eliciting = true;
		if (s->mtu_probe)
			out->probe_acked = s->size;
		if (s->size >= r->full) {
			out->full_acked = true;
			if (number >= r->full_arrived)
				r->full_arrived = number + 1;
		}
		out->acked_bytes += s->size;
		if (s->time >= out->acked_sent) {
			out->acked_sent = s->time;
			out->app_limited = s->app_limited;
		}
		rate_note(r, &w->rate, s);
		settle(r, s, P2V_FATE_ACKED);
	}
	s->state = P2V_SENT_ACKED;
}

static int check_largest(struct p2v_recovery *r, const struct p2v_frame_ack *a, struct ack_walk *w,
	struct p2v_err *err)
{
	uint64_t largest = a->range[0].hi - 1;
	const struct p2v_sent *s;

	if (largest >= r->next)
		return p2v_fail(
			err, P2V_EPROTO, "the remote acknowledges a packet that was never sent");
	if (largest < r->oldest)
		return P2V_OK;
	s = at(r, largest);
	/* Whoever has not seen the packet cannot know its timestamp: no ACK ahead of the data. */
	if ((uint32_t)s->time != a->echo)
		return p2v_fail(err, P2V_EPROTO,
			"the remote acknowledges a packet that it cannot have seen");
	w->largest_new = s->state != P2V_SENT_ACKED;
	w->largest_sent = s->time;
	return P2V_OK;
}

int p2v_recovery_ack(struct p2v_recovery *r, const struct p2v_frame_ack *a, uint32_t stamp,
	p2v_usec now, struct p2v_outcome *out, struct p2v_err *err)
{
	struct ack_walk w = { .any = false };
	uint64_t largest = a->range[0].hi - 1;

	*out = (struct p2v_outcome){ .owd = P2V_UNKNOWN };
	if (check_largest(r, a, &w, err) != P2V_OK)
		return P2V_EPROTO;
	if (!r->any_acked || largest > r->largest_acked)
		r->largest_acked = largest;
	r->any_acked = true;
	for (size_t i = 0; i < a->n; i++) {
		uint64_t lo = a->range[i].lo > r->oldest ? a->range[i].lo : r->oldest;

		if (a->range[i].lo < r->oldest && r->lost_n)
			note_spurious(r, a->range[i].lo, a->range[i].hi);
		for (uint64_t n = lo; n < a->range[i].hi; n++)
			take_ack(r, n, &w, out);
	}
	if (!w.any)
		return P2V_OK;
	if (w.largest_new && w.eliciting && w.largest_sent >= r->path_since) {
		out->rtt = sample_rtt(r, now - w.largest_sent, a->delay, now);
		out->owd = (p2v_usec)(int32_t)(stamp - (uint32_t)a->delay - a->echo);
	}
	if (w.rate.any)
		rate_take(r, &w.rate, now);
	if (w.eliciting)
		r->pto_count = 0;
	detect(r, now, out);
	return P2V_OK;
}

/* ---- timers ---- */

p2v_usec p2v_recovery_deadline(const struct p2v_recovery *r)
{
	uint32_t n = r->pto_count < P2V_PTO_BACKOFF_MAX ? r->pto_count : P2V_PTO_BACKOFF_MAX;

	if (r->loss_time != P2V_NEVER)
		return r->loss_time;
	return r->open ? r->last_eliciting + p2v_recovery_pto(r) * ((p2v_usec)1 << n) : P2V_NEVER;
}

unsigned p2v_recovery_timeout(struct p2v_recovery *r, p2v_usec now, struct p2v_outcome *out)
{
	*out = (struct p2v_outcome){ .owd = P2V_UNKNOWN };
	if (now < p2v_recovery_deadline(r))
		return 0;
	if (r->loss_time != P2V_NEVER) {
		detect(r, now, out);
		return 0;
	}
	r->pto_count++;
	return 2;
}

void p2v_recovery_new_path(struct p2v_recovery *r, p2v_usec now, bool unknown)
{
	r->path_since = now;
	r->pto_count = 0;
	r->run_start = P2V_NEVER;
	if (!unknown)
		return;
	r->srtt = r->rttvar = r->min_rtt = r->latest_rtt = 0;
	r->first_sample = P2V_NEVER;
	r->rate = r->rate_before = 0;
}

void p2v_recovery_requeue(struct p2v_recovery *r, unsigned packets)
{
	for (uint64_t n = r->oldest; n < r->next && packets; n++) {
		struct p2v_sent *s = at(r, n);

		if (s->state != P2V_SENT_OPEN)
			continue;
		settle(r, s, P2V_FATE_AGAIN);
		packets--;
	}
}
