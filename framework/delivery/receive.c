/* receive.c - what comes of a request to a partner: every chunk is verified before it counts. Who
 * is asked, and for what, is decided in source.c and ask.c. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/transfer.h"

static p2v_usec now_of(const struct p2v_fragment *f)
{
	return p2v_now(&f->d->node->world);
}

static void polluted(struct p2v_ask *a, const char *what)
{
	struct p2v_fragment *f = a->fragment;
	struct p2v_partner *p = a->mate->partner;

	p2v_count(&f->d->node->metrics, P2V_M_INTEGRITY, 1);
	p2v_ask_free(a);
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
		p2v_ask_let_down(a, 60 * P2V_SECOND, true);
		return P2V_EINTEGRITY;
	}
	if (p2v_signers_room(&a->signers) < 0) {
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
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
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
	} else if (proof->fetched < a->fragment->not_before) {
		/* Honest, but of an encoder that used the same names before. */
		rc = P2V_EINTEGRITY;
		p2v_ask_let_down(a, 3600 * P2V_SECOND, false);
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
		p2v_ask_let_down(a, 60 * P2V_SECOND, false);
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
			p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
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
		p2v_ask_let_down(a, 60 * P2V_SECOND, false);
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

		p2v_ask_free(a);
		p2v_holder_free(f->holding, h);
		p2v_plan(f);
		return P2V_ECLOSED;
	}
	if (retry < p2v_scale(a->fragment->dur, P2V_ASK_NOT_NOW))
		retry = p2v_scale(a->fragment->dur, P2V_ASK_NOT_NOW);
	p2v_ask_let_down(a, retry, false);
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
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
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
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
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
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, true);
		return;
	}
	p2v_ask_free(a);
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
		p2v_ask_let_down(a, P2V_ASK_QUARANTINE, false);
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
	p2v_ask_let_down(a, P2V_ASK_QUARANTINE, a->got == 0);
}

void p2v_receive_begin(struct p2v_ask *a)
{
	a->owner = (struct p2v_stream_owner){ readable, writable, ended };
	p2v_stream_set_user(a->stream, &a->owner);
}
