/* ask.c - asking partners for runs of chunks: requests, their priority, and how long each is waited
 * for. What comes is taken in receive.c. */
#include <assert.h>
#include <stdlib.h>

#include <peer2view/cc.h>

#include "framework/delivery/transfer.h"

#define PATIENCE_MIN      (400 * P2V_MSEC)
#define PATIENCE_ARRIVING (2 * P2V_SECOND)
#define FEWER_AFTER       (500 * P2V_MSEC)
#define DEADLINE_MOVE     (10 * P2V_MSEC)

static p2v_usec now_of(const struct p2v_fragment *f)
{
	return p2v_now(&f->d->node->world);
}

void p2v_ask_free(struct p2v_ask *a)
{
	p2v_partner_asked(a->mate->partner, -(int64_t)a->asked);
	p2v_list_remove(&a->in_fragment);
	p2v_list_remove(&a->in_mate);
	if (a->stream)
		p2v_stream_release(a->stream);
	p2v_text_fini(&a->in);
	p2v_buf_unref(a->buf);
	free(a->signers.v);
	free(a);
}

static void rest(struct p2v_holder *h, p2v_usec until)
{
	if (h)
		h->not_before = until;
}

void p2v_ask_let_down(struct p2v_ask *a, p2v_usec pause, bool blame)
{
	struct p2v_fragment *f = a->fragment;

	rest(p2v_fragment_holder(f, a->mate), now_of(f) + pause);
	if (blame) {
		p2v_partner_failed(a->mate->partner);
		a->mate->slow_until = now_of(f) + P2V_ASK_QUARANTINE;
	}
	p2v_ask_free(a);
	p2v_plan(f);
}

size_t p2v_ask_partners(const struct p2v_fragment *f)
{
	size_t n = 0;

	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);
		bool seen = false;

		for (struct p2v_list *b = f->asks.next; b != it; b = b->next)
			seen |= P2V_OF(b, struct p2v_ask, in_fragment)->mate == a->mate;
		n += !seen;
	}
	return n;
}

/* Connections that share a transfer. Before anything is known of it one partner is asked alone, and
 * the others soon after; and where one has brought its run another one is asked next, so that only
 * a number that stays lower is believed. */
static void count_connections(struct p2v_fragment *f)
{
	size_t n = p2v_ask_partners(f), holders;
	p2v_usec now = now_of(f);

	if (!f->known) {
		holders = p2v_fragment_holders(f);
		holders = holders < f->d->conf->sources ? holders : f->d->conf->sources;
		n = n > holders ? n : holders;
	}
	if (n < f->connections && now - f->connections_at < p2v_scale(f->dur, FEWER_AFTER))
		return;
	f->connections = (uint32_t)n;
	f->connections_at = now;
}

double p2v_ask_part(const struct p2v_fragment *f)
{
	return p2v_ask_share(f->priority, f->connections);
}

double p2v_ask_share(double priority, size_t partners)
{
	double part = partners > 1 ? priority / (double)partners : priority;

	if (part < P2V_CC_SCAVENGER && priority >= P2V_CC_SCAVENGER)
		return P2V_CC_SCAVENGER;
	return part;
}

/* Small moves are not worth a frame; coming to be waited for, or no longer, always is. */
static bool moved(const struct p2v_ask *a, double priority, p2v_usec deadline, p2v_usec now)
{
	p2v_usec later = deadline > a->deadline ? deadline - a->deadline : a->deadline - deadline;
	p2v_usec left = a->deadline > now ? a->deadline - now : 0;

	return priority > P2V_ASK_RISE * a->priority || priority < P2V_ASK_FALL * a->priority ||
	       later > DEADLINE_MOVE + left / 4 ||
	       (priority < P2V_CC_SCAVENGER) != (a->priority < P2V_CC_SCAVENGER);
}

static int send_request(struct p2v_ask *a)
{
	struct p2v_fragment *f = a->fragment;
	/* After that the CDN brings it: what came later would be for nothing. */
	p2v_usec latest = p2v_plan_latest(f);
	struct p2v_msg_request m = { .key = { f->key.b, sizeof f->key.b },
		.generation = a->generation,
		.first = a->first,
		.count = a->count,
		.priority = (uint64_t)(a->priority * 1000 + 0.5) };
	uint8_t bytes[128];
	struct p2v_writer w = p2v_writer_of(bytes, sizeof bytes);
	struct p2v_slice s;
	int rc;

	if (a->blind) {
		m.place = a->place;
		m.of = a->of;
		m.generation = 0;
	}
	if (a->to_end)
		m.count = 0;
	if (latest != P2V_NEVER)
		m.slack = latest > now_of(f) ? (uint64_t)(latest - now_of(f)) : 1;
	p2v_msg_write(P2V_MSG_request, &m, &w);
	assert(!w.full);
	s = p2v_slice_copy(bytes, p2v_written(&w));
	if (!s.p)
		return P2V_ENOMEM;
	rc = p2v_stream_write(a->stream, s);
	if (rc == P2V_OK)
		p2v_stream_finish(a->stream);
	return rc;
}

/* A partner that does not bring a short fragment may still be a good one: it has others to serve
 * first. But it is not waited for. */
static p2v_usec patience_least(const struct p2v_fragment *f)
{
	p2v_usec half = f->dur > 0 ? f->dur / 2 : PATIENCE_MIN;

	return half < PATIENCE_MIN ? half : PATIENCE_MIN;
}

/* How long it may bring nothing. */
static p2v_usec patience_with(const struct p2v_ask *a)
{
	const struct p2v_partner_path *path = p2v_partner_path(a->mate->partner);
	p2v_usec least = patience_least(a->fragment);
	p2v_usec arriving = p2v_scale(a->fragment->dur, PATIENCE_ARRIVING);
	p2v_usec patience = 4 * path->rtt > least ? 4 * path->rtt : least;

	if (a->arriving && !path->suspect && patience < arriving)
		patience = arriving;
	return patience;
}

static struct p2v_ask *ask(
	struct p2v_fragment *f, struct p2v_holder *h, uint32_t first, uint32_t count)
{
	struct p2v_ask *a = calloc(1, sizeof *a);
	uint64_t from = (uint64_t)first * P2V_CHUNK, to = (uint64_t)(first + count) * P2V_CHUNK;

	if (!a)
		return NULL;
	a->fragment = f;
	a->mate = h->mate;
	a->first = a->next = first;
	a->count = count;
	a->length = h->length == P2V_LENGTH_OPEN ? P2V_LENGTH_UNKNOWN : h->length;
	a->generation = h->generation;
	a->hops = h->hops;
	a->to_end = count == P2V_CHUNKS_TO_END;
	a->blind = a->to_end && !f->known && h->generation == 0;
	if (a->blind)
		a->place = p2v_plan_share(f, &a->of);
	for (uint32_t w = first / P2V_WORD; !a->to_end && w < p2v_chunk_words(first + count); w++)
		a->arriving |= (p2v_chunk_range(w, first, first + count) &
				       ~p2v_holder_brings(h, 0, w)) != 0;
	/* What is told to be there may only be sure to come. */
	a->arriving |= (a->to_end || f->whole > f->dur) && h->state == P2V_ANNOUNCED_ARRIVING;
	a->begun = a->progress = now_of(f);
	if (a->blind && f->ready_at > a->progress) /* until then it cannot bring anything */
		a->progress = f->ready_at;
	a->patience = patience_with(a);
	a->asked = a->to_end ? 0 : (to < a->length ? to : a->length) - from;
	p2v_list_push(&f->asks, &a->in_fragment);
	p2v_list_push(&h->mate->asks, &a->in_mate);
	p2v_partner_asked(h->mate->partner, (int64_t)a->asked);
	if (p2v_partner_open(h->mate->partner, &a->stream) < 0) {
		a->stream = NULL;
		p2v_ask_free(a);
		return NULL;
	}
	p2v_receive_begin(a);
	p2v_stream_set_priority(
		a->stream, 4, 0); /* the request itself is small, and all waits for it */
	return a;
}

/* Once it is known how many bring it, and so what each one's part of the priority is. */
static void request_all(struct p2v_fragment *f)
{
	struct p2v_player_due due;

	count_connections(f);
	p2v_plan_due(f, &due);
	P2V_LIST_EACH (it, &f->asks) {
		struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		if (a->requested)
			continue;
		a->requested = true;
		a->deadline = due.dry;
		a->priority = p2v_ask_part(f);
		if (send_request(a) < 0) {
			rest(p2v_fragment_holder(f, a->mate),
				now_of(f) + p2v_scale(f->dur, P2V_ASK_NOT_NOW));
			p2v_ask_free(a);
		}
	}
}

bool p2v_ask_more(struct p2v_fragment *f)
{
	p2v_usec now = now_of(f);
	struct p2v_holder *h;
	uint32_t first, count;
	bool any = false;

	while (!f->complete && f->d->overlay && (h = p2v_source_next(f, now, &first, &count))) {
		if (count > 0 && ask(f, h, first, count))
			any = true;
		else /* too slow for what is left, or no stream now */
			rest(h, now + p2v_scale(f->dur, P2V_ASK_NOT_NOW));
	}
	if (any)
		request_all(f);
	return !p2v_list_empty(&f->asks);
}

void p2v_ask_check(struct p2v_fragment *f, p2v_usec now)
{
	P2V_LIST_EACH (it, &f->asks) {
		struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		if (now - a->progress < patience_least(f))
			continue;
		a->patience = patience_with(a);
		if (now - a->progress < a->patience)
			continue;
		p2v_log(f->d->node, P2V_LOG_INFO, "partner_slow", "peer=%016llx fragment=%016llx",
			(unsigned long long)p2v_id_short(p2v_partner_id(a->mate->partner)),
			(unsigned long long)p2v_id_short(&f->key));
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE,
			now - a->progress >= PATIENCE_MIN); /* plans again, but f->planning keeps
				  that from nesting: no other ask goes */
	}
}

p2v_usec p2v_ask_check_at(const struct p2v_fragment *f)
{
	p2v_usec next = P2V_NEVER;

	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		next = a->progress + a->patience < next ? a->progress + a->patience : next;
	}
	return next;
}

void p2v_ask_trim(struct p2v_fragment *f, p2v_usec now, p2v_usec left)
{
	P2V_LIST_EACH (it, &f->asks) {
		struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);
		p2v_usec ran = now - a->begun > P2V_MSEC ? now - a->begun : P2V_MSEC;
		uint64_t more = left > 0 ? a->got * (uint64_t)left / (uint64_t)ran / P2V_CHUNK : 0;

		if (a->next + more < a->first + a->count)
			a->count = a->next + (uint32_t)more - a->first;
		if (a->count == 0 || a->next >= a->first + a->count)
			p2v_ask_free(a);
	}
}

void p2v_ask_urgency(struct p2v_fragment *f)
{
	struct p2v_player_due due;
	double part;

	if (p2v_list_empty(&f->asks))
		return;
	p2v_plan_due(f, &due);
	count_connections(f);
	part = p2v_ask_part(f);
	P2V_LIST_EACH (it, &f->asks) {
		struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		if (!moved(a, part, due.dry, now_of(f)))
			continue;
		a->priority = part;
		a->deadline = due.dry;
		p2v_stream_request_priority(a->stream, part, due.dry);
	}
}

void p2v_ask_cancel_all(struct p2v_fragment *f)
{
	P2V_LIST_EACH (it, &f->asks)
		p2v_ask_free(P2V_OF(it, struct p2v_ask, in_fragment));
}

void p2v_ask_cancel_mate(struct p2v_mate *m)
{
	P2V_LIST_EACH (it, &m->asks)
		p2v_ask_free(P2V_OF(it, struct p2v_ask, in_mate));
}
