/* ask.c - asking partners for runs of chunks, and taking what comes: every chunk is verified before
 * it counts. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <peer2view/cc.h>

#include "framework/delivery/transfer.h"

#define PATIENCE_MIN      (400 * P2V_MSEC)
#define PATIENCE_ARRIVING (2 * P2V_SECOND)
#define QUARANTINE        (3 * P2V_SECOND)
#define NOT_NOW           (100 * P2V_MSEC)
#define FEWER_AFTER       (500 * P2V_MSEC)
#define DEADLINE_MOVE     (10 * P2V_MSEC)

static p2v_usec now_of(const struct p2v_fragment *f)
{
	return p2v_now(&f->d->node->world);
}

static void ask_free(struct p2v_ask *a)
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

/* It did not bring what it promised: somebody else is asked, and it rests for a while. */
static void let_down(struct p2v_ask *a, p2v_usec pause, bool blame)
{
	struct p2v_fragment *f = a->fragment;

	rest(p2v_fragment_holder(f, a->mate), now_of(f) + pause);
	if (blame) {
		p2v_partner_failed(a->mate->partner);
		a->mate->slow_until = now_of(f) + QUARANTINE;
	}
	ask_free(a);
	p2v_plan(f);
}

static void polluted(struct p2v_ask *a, const char *what)
{
	struct p2v_fragment *f = a->fragment;
	struct p2v_partner *p = a->mate->partner;

	p2v_count(&f->d->node->metrics, P2V_M_INTEGRITY, 1);
	ask_free(a);
	p2v_partner_drop(p, true, what);
	p2v_plan(f);
}

/* How fast the bytes came, once they came: the way there and back costs time, not rate. A partner
 * that waited itself showed what it can do at least. */
static void measured(const struct p2v_ask *a)
{
	p2v_usec took = now_of(a->fragment) - a->begun;
	struct p2v_select_peer view;

	p2v_partner_view(a->mate->partner, &view);
	took = took - view.rtt > took / 4 ? took - view.rtt : took / 4;
	if (a->got > 0 && (!a->arriving || a->got * P2V_SECOND > view.rate * (uint64_t)took))
		p2v_partner_delivered(a->mate->partner, a->got, took);
}

/* ---- what comes ---- */

/* @return P2V_OK, or negative: a is gone */
static int on_signer(struct p2v_ask *a, const struct p2v_msg_signer *m)
{
	struct p2v_node *n = a->fragment->d->node;
	struct p2v_chain chain = { .n = 0 };
	struct p2v_err err;
	struct p2v_id who;

	for (size_t i = 0; i < m->chain.n; i++)
		chain.v[chain.n++] = m->chain.v[i];
	if (a->signers.n == P2V_SIGNERS_MAX ||
		n->crypto.ops->learn(n->crypto.self, &chain, &who, &err) < 0) {
		p2v_count(&n->metrics, P2V_M_INTEGRITY, 1);
		let_down(a, 60 * P2V_SECOND, true);
		return P2V_EINTEGRITY;
	}
	if (p2v_signers_room(&a->signers) < 0) {
		let_down(a, QUARANTINE, false);
		return P2V_ENOMEM;
	}
	a->signers.v[a->signers.n++] = (struct p2v_signer){ who, (uint8_t)m->number };
	return P2V_OK;
}

/* @return P2V_OK, or negative: a is gone */
static int check_proof(
	struct p2v_ask *a, uint32_t index, struct p2v_bytes content, const struct p2v_proof *proof)
{
	struct p2v_statement s = { &a->fragment->key, a->length, a->generation };
	int rc = p2v_proof_check(a->fragment->d->node, &s, index, content, proof);

	if (rc == P2V_EINTEGRITY) {
		polluted(a, "its bytes do not match their signature");
	} else if (rc < 0) {
		let_down(a, QUARANTINE, false);
	} else if (proof->fetched < a->fragment->not_before) {
		/* Honest, but of an encoder that used the same names before. */
		rc = P2V_EINTEGRITY;
		let_down(a, 3600 * P2V_SECOND, false);
	}
	return rc;
}

/* What was asked for blindly shows what it is. @return P2V_OK, or negative: a is gone */
static int learn(struct p2v_ask *a, const struct p2v_msg_meta *m)
{
	struct p2v_fragment *f = a->fragment;
	struct p2v_holder *h = p2v_fragment_holder(f, a->mate);
	uint64_t asked = 0;

	if (!a->blind || m->length == 0)
		return P2V_OK;
	a->blind = false;
	a->length = m->length == P2V_VARINT_MAX ? P2V_LENGTH_UNKNOWN : m->length;
	a->generation = m->generation;
	if (a->length != P2V_LENGTH_UNKNOWN && a->length > f->d->conf->max_fragment) {
		let_down(a, 60 * P2V_SECOND, false);
		return P2V_ELIMIT;
	}
	if (h) {
		h->length = a->length == P2V_LENGTH_UNKNOWN ? P2V_LENGTH_OPEN : (uint32_t)a->length;
		h->generation = a->generation;
	}
	a->to_end = a->length == P2V_LENGTH_UNKNOWN;
	a->first = 0;
	a->count = P2V_CHUNKS_TO_END;
	if (!a->to_end) {
		p2v_share_run((uint32_t)((a->length + P2V_CHUNK - 1) / P2V_CHUNK), a->place, a->of,
			&a->first, &a->count);
		asked = (uint64_t)(a->first + a->count) * P2V_CHUNK;
		asked = (asked < a->length ? asked : a->length) - (uint64_t)a->first * P2V_CHUNK;
	}
	a->next = a->first;
	p2v_partner_asked(a->mate->partner, (int64_t)asked - (int64_t)a->asked);
	a->asked = asked;
	return P2V_OK;
}

static int on_meta(struct p2v_ask *a, const struct p2v_msg_meta *m)
{
	const struct p2v_id *signer = p2v_signers_find(&a->signers, m->signer);
	uint64_t total = m->total ? m->total - 1 : P2V_LENGTH_UNKNOWN;
	struct p2v_fragment *f = a->fragment;
	uint8_t content[P2V_HEAD_CONTENT_MAX];
	struct p2v_proof proof = { .fetched = (int64_t)m->fetched, .made = true };
	struct p2v_statement s;
	int rc;

	if (!signer) {
		polluted(a, "a head that nobody signed");
		return P2V_EINTEGRITY;
	}
	proof.signer = *signer;
	memcpy(proof.signature, m->signature.p, sizeof proof.signature);
	rc = learn(a, m);
	if (rc < 0)
		return rc;
	s = (struct p2v_statement){ &f->key, a->length, a->generation };
	if (!p2v_fragment_head_is(f, &s, total, m->headers, &proof)) {
		rc = check_proof(a, UINT32_MAX,
			(struct p2v_bytes){ content, p2v_head_content(total, m->headers, content) },
			&proof);
		if (rc < 0)
			return rc;
	}
	if (!f->known) {
		if (p2v_fragment_set_known(f, a->length, total, a->generation,
			    (struct p2v_str){
				    m->headers.p ? (const char *)m->headers.p : "", m->headers.n },
			    &proof) < 0) {
			let_down(a, QUARANTINE, false);
			return P2V_ENOMEM;
		}
		f->shared = true;
		if (f->hops > a->hops + 1)
			f->hops = a->hops + 1;
		f->fresh = true;
	}
	/* Two contents under one name: the one that was known first stays, until the CDN says
	 * otherwise. */
	s = p2v_fragment_statement(f);
	if (s.length != a->length || s.generation != a->generation) {
		let_down(a, 60 * P2V_SECOND, false);
		return P2V_EINTEGRITY;
	}
	return P2V_OK;
}

static int on_refuse(struct p2v_ask *a, const struct p2v_msg_refuse *m)
{
	p2v_usec retry = m->retry < 60000 ? (p2v_usec)m->retry * P2V_MSEC : 60 * P2V_SECOND;
	struct p2v_holder *h = p2v_fragment_holder(a->fragment, a->mate);

	measured(a);
	if (m->code == 2 && h) {
		struct p2v_fragment *f = a->fragment;

		ask_free(a);
		p2v_holder_free(f->holding, h);
		p2v_plan(f);
		return P2V_ECLOSED;
	}
	if (retry < p2v_scale(a->fragment->dur, NOT_NOW))
		retry = p2v_scale(a->fragment->dur, NOT_NOW);
	let_down(a, retry, false);
	return P2V_ECLOSED;
}

/* Where the length is not known, a chunk that is not full is the last; and one of nothing where
 * the last was full. */
static bool right_size(const struct p2v_ask *a, uint64_t n)
{
	const struct p2v_fragment *f = a->fragment;
	uint64_t off = (uint64_t)a->next * P2V_CHUNK;

	if (f->length != P2V_LENGTH_UNKNOWN && (off < f->length || !a->to_end))
		return off < f->length && n == p2v_fragment_chunk_size(f, a->next);
	return a->to_end && n <= P2V_CHUNK && (f->length == P2V_LENGTH_UNKNOWN || n == 0) &&
	       off + n <= f->d->conf->max_fragment;
}

/* The last of a transfer that goes to the end is here. */
static void ends(struct p2v_ask *a, uint64_t length)
{
	p2v_fragment_ended(a->fragment, length);
	a->count = a->next - a->first;
	a->fragment->fresh = true;
}

/* There is no more. @return P2V_OK, or negative: a is gone */
static int end_here(struct p2v_ask *a)
{
	int rc = check_proof(a, a->next, (struct p2v_bytes){ (const uint8_t *)"", 0 }, &a->proof);

	if (rc < 0)
		return rc;
	a->in_chunk = false;
	ends(a, (uint64_t)a->next * P2V_CHUNK);
	return P2V_OK;
}

static int on_chunk(struct p2v_ask *a, const struct p2v_msg_chunk *m)
{
	const struct p2v_id *signer = p2v_signers_find(&a->signers, m->signer);
	struct p2v_fragment *f = a->fragment;

	if (!f->known || !signer || a->blind || m->index != a->next ||
		m->index >= a->first + a->count || !right_size(a, m->length)) {
		polluted(a, "a chunk that was not asked for");
		return P2V_EPROTO;
	}
	if (a->to_end && m->length > 0 && p2v_fragment_grow(f, a->next) < 0) {
		let_down(a, QUARANTINE, false);
		return P2V_ENOMEM;
	}
	a->chunk = *m;
	a->in_chunk = true;
	a->proof = (struct p2v_proof){
		.signer = *signer, .fetched = (int64_t)m->fetched, .made = true
	};
	memcpy(a->proof.signature, m->signature.p, sizeof a->proof.signature);
	a->filled = 0;
	return m->length > 0 ? P2V_OK : end_here(a);
}

/* A chunk's bytes are whole. @return P2V_OK, or negative: a is gone */
static int chunk_whole(struct p2v_ask *a)
{
	struct p2v_fragment *f = a->fragment;
	struct p2v_buf *buf = a->buf;
	uint32_t n = a->filled, index = (uint32_t)a->chunk.index;
	int rc = check_proof(a, index, (struct p2v_bytes){ buf->data, n }, &a->proof);

	if (rc < 0)
		return rc;
	a->buf = NULL;
	a->in_chunk = a->theirs = false;
	a->next++;
	a->asked -= n < a->asked ? n : a->asked;
	p2v_partner_asked(a->mate->partner, -(int64_t)n);
	p2v_count(&f->d->node->metrics, P2V_M_DOWN_P2P, n);
	if (a->next == a->first + a->count)
		measured(a);
	if (p2v_fragment_put(f, index, buf, n, &a->proof, a->hops))
		f->fresh = true;
	else
		p2v_count(&f->d->node->metrics, P2V_M_WASTED_DUPLICATE, n);
	if (a->to_end && n < P2V_CHUNK)
		ends(a, (uint64_t)index * P2V_CHUNK + n);
	return P2V_OK;
}

/* k bytes more of the chunk are here. @return k; negative: a is gone */
static ptrdiff_t grown(struct p2v_ask *a, size_t k)
{
	int rc;

	a->filled += (uint32_t)k;
	a->got += k;
	if (a->filled == a->chunk.length && (rc = chunk_whole(a)) < 0)
		return rc;
	return (ptrdiff_t)k;
}

/* @return whether s is the writer's buffer of this very chunk, or the next part of it */
static bool fits(const struct p2v_ask *a, const struct p2v_slice *s)
{
	if (!s->buf || s->buf->size != a->chunk.length || s->p != s->buf->data + a->filled)
		return false;
	return a->buf ? a->buf == s->buf : a->filled == 0;
}

/* Keep what arrived as it is, without copying it.
 * @return [B] taken; 0: it has to be copied; negative: a is gone */
static ptrdiff_t adopt(struct p2v_ask *a, const struct p2v_stream *t)
{
	struct p2v_slice s = p2v_stream_peek_slice(t);
	size_t n = s.n;

	if (!fits(a, &s)) {
		p2v_slice_drop(&s);
		return 0;
	}
	p2v_buf_unref(a->buf);
	a->buf = s.buf;
	a->theirs = true;
	return grown(a, n);
}

/* @return P2V_OK: a->buf is ours to write to; P2V_ENOMEM: a is gone */
static int make_room(struct p2v_ask *a)
{
	struct p2v_buf *own;

	if (a->buf && !a->theirs)
		return P2V_OK;
	own = p2v_buf_new((size_t)a->chunk.length);
	if (!own) {
		let_down(a, QUARANTINE, false);
		return P2V_ENOMEM;
	}
	if (a->filled)
		memcpy(own->data, a->buf->data, a->filled);
	p2v_buf_unref(a->buf);
	a->buf = own;
	a->theirs = false;
	return P2V_OK;
}

/* @return [B] of b that the chunk took; negative: a is gone */
static ptrdiff_t copy(struct p2v_ask *a, struct p2v_bytes b)
{
	size_t left = (size_t)a->chunk.length - a->filled, k = left < b.n ? left : b.n;
	int rc = make_room(a);

	if (rc < 0)
		return rc;
	memcpy(a->buf->data + a->filled, b.p, k);
	return grown(a, k);
}

/* @return [B] taken of b; negative: a is gone */
static ptrdiff_t take(struct p2v_ask *a, struct p2v_bytes b)
{
	size_t done = 0;

	while (done < b.n) {
		struct p2v_err err;
		struct p2v_bytes body;
		union p2v_msg m;
		uint64_t number;
		ptrdiff_t n;
		int rc;

		if (a->in_chunk) {
			n = copy(a, (struct p2v_bytes){ b.p + done, b.n - done });
			if (n < 0)
				return n;
			done += (size_t)n;
			if (a->next >= a->first + a->count) /* what follows was asked once, and no
							       longer is */
				return (ptrdiff_t)b.n;
			continue;
		}
		n = p2v_msg_next(
			(struct p2v_bytes){ b.p + done, b.n - done }, &number, &body, &err);
		if (n == 0)
			break;
		rc = n < 0 ? (int)n : p2v_msg_read(number, body, &m, &err);
		if (rc < 0 && rc != P2V_ENOENT) {
			polluted(a, err.text);
			return rc;
		}
		done += (size_t)n;
		if (rc == P2V_ENOENT)
			continue;
		rc = number == P2V_MSG_signer   ? on_signer(a, &m.signer)
		     : number == P2V_MSG_meta   ? on_meta(a, &m.meta)
		     : number == P2V_MSG_chunk  ? on_chunk(a, &m.chunk)
		     : number == P2V_MSG_refuse ? on_refuse(a, &m.refuse)
						: P2V_OK;
		if (rc < 0)
			return rc;
	}
	return (ptrdiff_t)done;
}

static void finished(struct p2v_ask *a)
{
	struct p2v_fragment *f = a->fragment;

	if (a->next < a->first + a->count) {
		let_down(a, QUARANTINE, true);
		return;
	}
	ask_free(a);
	p2v_plan(f);
}

/* Take what was peeked at; what is not whole yet is kept.
 * @return P2V_OK, or negative: a is gone */
static int take_all(struct p2v_ask *a, struct p2v_bytes b)
{
	struct p2v_text before = a->in; /* the first piece of a message that came in two */
	ptrdiff_t done;

	if (before.n == 0) {
		done = take(a, b);
		if (done >= 0)
			p2v_text_add(&a->in, (const char *)b.p + done, b.n - (size_t)done);
		return done < 0 ? (int)done : P2V_OK;
	}
	a->in = (struct p2v_text){ 0 };
	p2v_text_add(&before, (const char *)b.p, b.n);
	if (before.oom) {
		let_down(a, QUARANTINE, false);
		done = P2V_ENOMEM;
	} else {
		done = take(a, (struct p2v_bytes){ (uint8_t *)before.p, before.n });
	}
	if (done >= 0)
		p2v_text_add(&a->in, before.p + done, before.n - (size_t)done);
	p2v_text_fini(&before);
	return done < 0 ? (int)done : P2V_OK;
}

/* @return whether a is still there */
static bool read_all(struct p2v_ask *a, struct p2v_stream *t)
{
	const uint8_t *p;
	size_t n;

	while (a->next < a->first + a->count && (n = p2v_stream_peek(t, &p)) > 0) {
		ptrdiff_t rc;

		a->progress = now_of(a->fragment);
		rc = a->in_chunk ? adopt(a, t) : 0;
		if (rc == 0)
			rc = take_all(a, (struct p2v_bytes){ p, n });
		if (rc < 0)
			return false;
		p2v_stream_consume(t, n);
	}
	return true;
}

/* What came is passed on once all that is there was taken. */
static void readable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	struct p2v_ask *a = (struct p2v_ask *)o;
	struct p2v_fragment *f = a->fragment;
	bool known = f->known, here = read_all(a, t);

	if (f->fresh) {
		f->fresh = false;
		p2v_fragment_progress(f); /* with the last chunk all asks go */
		here &= !f->complete;
	}
	if (here && (a->next == a->first + a->count || p2v_stream_eof(t)))
		finished(a);
	else if (f->known && !known) /* others can be asked for the rest */
		p2v_plan(f);
}

static void writable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	(void)o;
	(void)t;
}

static void ended(struct p2v_stream_owner *o, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_ask *a = (struct p2v_ask *)o;

	(void)t;
	(void)code;
	(void)reason;
	a->stream = NULL;
	let_down(a, QUARANTINE, a->got == 0);
}

/* ---- asking ---- */

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
	a->owner = (struct p2v_stream_owner){ readable, writable, ended };
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
		ask_free(a);
		return NULL;
	}
	p2v_stream_set_user(a->stream, &a->owner);
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
				now_of(f) + p2v_scale(f->dur, NOT_NOW));
			ask_free(a);
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
			rest(h, now + p2v_scale(f->dur, NOT_NOW));
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
		let_down(a, QUARANTINE,
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
			ask_free(a);
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
		ask_free(P2V_OF(it, struct p2v_ask, in_fragment));
}

void p2v_ask_cancel_mate(struct p2v_mate *m)
{
	P2V_LIST_EACH (it, &m->asks)
		ask_free(P2V_OF(it, struct p2v_ask, in_mate));
}
