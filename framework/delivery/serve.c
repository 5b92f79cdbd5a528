/* serve.c - transfers to partners: the earliest deadline first, within the upload limit, each chunk
 * as soon as it is verified here (cut-through). A request that would come too late is refused at
 * once. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/timers.h"
#include "framework/delivery/transfer.h"

#define WINDOW        65536u /* [B] written and not sent, a transfer */
#define REQUEST_MAX   1024u  /* [B] of a request, with its head */
#define HEAD_ROOM     1024u  /* [B] for what goes before the first chunk, mostly */
#define SERVES_A_MATE 16u    /* so that one that does not read cannot take every place */
#define BURST         (100 * P2V_MSEC)
#define BUSY_RETRY    (200 * P2V_MSEC)
#define LEAST_SLACK   (500 * P2V_MSEC)

enum { REFUSE_BUSY = 1, REFUSE_UNKNOWN = 2, REFUSE_LATER = 3 };

/** One request of one partner. */
struct p2v_serve {
	struct p2v_stream_owner owner;
	struct p2v_list in_delivery, in_fragment, in_mate;
	struct p2v_delivery *d;
	struct p2v_mate *mate;
	struct p2v_fragment *fragment; /* NULL: the request is not whole yet */
	struct p2v_stream *stream;
	struct p2v_text in;
	struct p2v_buf *out; /* messages to be written together; NULL: none */
	size_t n_out;        /* [B] */
	uint32_t first, count, next;
	uint32_t place, of; /* asked for by its part; of 0: by first and count */
	p2v_usec deadline;
	bool head_sent, partly; /* partly: the rest that was asked for is refused */
	bool blind;             /* it was asked for before it was known what it is */
	bool to_end;            /* all from `first` on, wherever that ends */
	struct p2v_signers signers;
};

static p2v_usec now_of(const struct p2v_delivery *d)
{
	return p2v_now(&d->node->world);
}

static void serve_free(struct p2v_serve *s)
{
	if (s->fragment) {
		p2v_list_remove(&s->in_fragment);
		p2v_list_remove(&s->in_delivery);
		s->d->n_serves--;
	}
	p2v_list_remove(&s->in_mate);
	if (s->stream)
		p2v_stream_release(s->stream);
	p2v_buf_unref(s->out);
	p2v_text_fini(&s->in);
	free(s->signers.v);
	free(s);
}

/* ---- writing ---- */

/* What was put together goes to the stream. */
static int flush(struct p2v_serve *s)
{
	struct p2v_slice all;

	if (!s->out)
		return P2V_OK;
	all = p2v_slice_of(s->out, 0, s->n_out);
	p2v_buf_unref(s->out);
	s->out = NULL;
	return p2v_stream_write(s->stream, all);
}

/* @param room  [B] that it needs at most */
static int put_message(struct p2v_serve *s, enum p2v_message number, const void *msg, size_t room)
{
	struct p2v_writer w;
	int rc;

	if (s->out && s->out->size - s->n_out < room && (rc = flush(s)) < 0)
		return rc;
	if (!s->out) {
		s->out = p2v_buf_new(s->head_sent || room > HEAD_ROOM ? room : HEAD_ROOM);
		s->n_out = 0;
	}
	if (!s->out)
		return P2V_ENOMEM;
	w = p2v_writer_of(s->out->data + s->n_out, s->out->size - s->n_out);
	p2v_msg_write(number, msg, &w);
	if (w.full)
		return P2V_ELIMIT;
	s->n_out += p2v_written(&w);
	return P2V_OK;
}

static void refuse(struct p2v_serve *s, uint32_t code, p2v_usec retry)
{
	struct p2v_msg_refuse m = { .code = code, .retry = (uint64_t)(retry / P2V_MSEC) };

	if (put_message(s, P2V_MSG_refuse, &m, 64) == P2V_OK && flush(s) == P2V_OK)
		p2v_stream_finish(s->stream);
	serve_free(s);
}

/* @return the number under which a signer is known on this stream; it is introduced first.
 * Negative: it cannot be. */
static int signer_number(struct p2v_serve *s, const struct p2v_id *who)
{
	const struct p2v_crypto *c = &s->d->node->crypto;
	struct p2v_msg_signer m = { .number = s->signers.n };
	struct p2v_chain chain;
	size_t room = 64;
	int rc;

	for (size_t i = 0; i < s->signers.n; i++)
		if (memcmp(&s->signers.v[i].id, who, sizeof *who) == 0)
			return s->signers.v[i].number;
	if (s->signers.n == P2V_SIGNERS_MAX)
		return P2V_ELIMIT;
	rc = p2v_signers_room(&s->signers);
	if (rc == P2V_OK)
		rc = c->ops->chain(c->self, who, &chain);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < chain.n; i++) {
		m.chain.v[m.chain.n++] = chain.v[i];
		room += chain.v[i].n + 8;
	}
	rc = put_message(s, P2V_MSG_signer, &m, room);
	if (rc < 0)
		return rc;
	s->signers.v[s->signers.n] = (struct p2v_signer){ *who, s->signers.n };
	return (int)s->signers.n++;
}

static int send_head(struct p2v_serve *s)
{
	struct p2v_fragment *f = s->fragment;
	struct p2v_bytes headers = { f->headers.p, f->headers.n };
	uint8_t content[P2V_HEAD_CONTENT_MAX];
	struct p2v_proof proof;
	struct p2v_msg_meta m;
	int rc = p2v_fragment_head_proof(f,
		(struct p2v_bytes){ content, p2v_head_content(f->total, headers, content) },
		&proof);

	if (rc == P2V_OK)
		rc = signer_number(s, &proof.signer);
	if (rc < 0)
		return rc;
	m = (struct p2v_msg_meta){ .signer = (uint64_t)rc,
		.fetched = (uint64_t)proof.fetched,
		.total = f->total == P2V_LENGTH_UNKNOWN ? 0 : f->total + 1,
		.headers = headers,
		.signature = { proof.signature, P2V_SIGNATURE_SIZE } };
	if (s->blind) {
		m.length = f->open ? P2V_VARINT_MAX : f->length;
		m.generation = f->generation;
	}
	rc = put_message(s, P2V_MSG_meta, &m, 256 + headers.n);
	s->head_sent = true;
	return rc;
}

/* What goes before a chunk of n bytes. */
static int put_chunk(struct p2v_serve *s, const struct p2v_proof *proof, uint32_t n)
{
	struct p2v_msg_chunk m = { .index = s->next,
		.length = n,
		.fetched = (uint64_t)proof->fetched,
		.signature = { proof->signature, P2V_SIGNATURE_SIZE } };
	int rc = signer_number(s, &proof->signer);

	if (rc < 0)
		return rc;
	m.signer = (uint64_t)rc;
	rc = put_message(s, P2V_MSG_chunk, &m, 160);
	return rc == P2V_OK ? flush(s) : rc;
}

/* There is no more, which nothing has said where all chunks are full: we say it. */
static int send_end(struct p2v_serve *s)
{
	struct p2v_node *n = s->d->node;
	struct p2v_statement about = p2v_fragment_statement(s->fragment);
	struct p2v_proof proof = { .signer = *n->crypto.ops->id(n->crypto.self),
		.fetched = s->fragment->head.fetched };
	int rc = p2v_proof_sign(
		n, &about, s->next, (struct p2v_bytes){ (const uint8_t *)"", 0 }, &proof);

	return rc == P2V_OK ? put_chunk(s, &proof, 0) : rc;
}

static int send_chunk(struct p2v_serve *s, struct p2v_chunk_state *c)
{
	struct p2v_proof proof;
	int rc = p2v_fragment_proof(s->fragment, s->next, &proof);

	if (rc == P2V_OK)
		rc = put_chunk(s, &proof, c->filled);
	if (rc == P2V_OK)
		rc = p2v_stream_write(s->stream, p2v_slice_of(c->buf, 0, c->filled));
	if (rc < 0)
		return rc;
	s->next++;
	s->fragment->relayed++;
	s->d->tokens -= c->filled;
	s->d->uploaded_window += c->filled;
	p2v_governor_sent(s->d, s->mate, c->filled);
	p2v_count(&s->d->node->metrics, P2V_M_UPLOADED, c->filled);
	return P2V_OK;
}

/* It is known what it is: the head, and which chunks were meant. */
static int begin(struct p2v_serve *s)
{
	struct p2v_fragment *f = s->fragment;
	int rc = f->shared && f->length != 0 ? send_head(s) : P2V_ENOENT;

	if (s->of == 0)
		return rc;
	s->to_end = f->open;
	s->first = 0;
	s->count = P2V_CHUNKS_TO_END;
	if (!s->to_end && rc == P2V_OK)
		p2v_share_run(f->n_chunks, s->place, s->of, &s->first, &s->count);
	s->next = s->first;
	return rc;
}

/* @return whether nothing may be sent now */
static bool has_to_wait(const struct p2v_delivery *d)
{
	return d->tokens <= 0 || p2v_governor_trying(d);
}

/* All chunks that are here and that it can take now, and the head at once: with it the asker can
 * make up its mind about the rest. */
static int send_all(struct p2v_serve *s)
{
	struct p2v_fragment *f = s->fragment;
	int rc;

	if (!f->known) /* it is still to come */
		return P2V_OK;
	rc = s->head_sent ? P2V_OK : begin(s);
	/* Most wait for a chunk, or for a turn: the stream, which is far away, is looked at last.
	 */
	while (rc == P2V_OK && s->next < s->first + s->count && !has_to_wait(s->d)) {
		if (!p2v_fragment_has(f, s->next) || p2v_stream_unsent(s->stream) >= WINDOW)
			break;
		rc = send_chunk(s, &f->chunks[s->next]);
	}
	if (rc == P2V_OK && s->to_end && f->length != P2V_LENGTH_UNKNOWN &&
		s->next == f->n_chunks) {
		if (f->length % P2V_CHUNK == 0)
			rc = send_end(s);
		s->count = s->next - s->first;
	}
	return rc == P2V_OK ? flush(s) : rc;
}

static p2v_usec busy_retry(const struct p2v_fragment *f)
{
	return p2v_scale(f->dur, BUSY_RETRY);
}

/* Write what one transfer can take now. s may be gone afterwards. */
static void advance(struct p2v_serve *s)
{
	struct p2v_fragment *f = s->fragment;
	int rc = send_all(s);

	if (rc < 0) {
		refuse(s, REFUSE_LATER, busy_retry(f));
	} else if (s->next == s->first + s->count) {
		f->used = now_of(s->d);
		if (s->partly) {
			refuse(s, REFUSE_BUSY, busy_retry(f));
			return;
		}
		p2v_stream_finish(s->stream);
		serve_free(s); /* what was written is still delivered */
	}
}

/* ---- the limit ---- */

/* Tokens come at the rate that may be sent, and do not pile up beyond a short burst. */
static void refill(struct p2v_delivery *d)
{
	uint64_t rate = p2v_governor_rate(d);
	p2v_usec now = now_of(d);
	double most = (double)rate * (double)BURST / 1e6;

	most = most > P2V_CHUNK ? most : P2V_CHUNK;
	d->tokens += (double)rate * (double)(now - d->tokens_at) / 1e6;
	d->tokens = d->tokens < most ? d->tokens : most;
	d->tokens_at = now;
}

/* Something was written, or could not be: when to go on. */
static void settle(struct p2v_delivery *d)
{
	p2v_usec wait = BURST;

	if (d->n_serves == 0)
		return;
	p2v_governor_busy(d);
	if (!has_to_wait(d))
		return;
	if (d->tokens <= 0)
		wait = (p2v_usec)((1 - d->tokens) * 1e6 / (double)p2v_governor_rate(d)) + P2V_MSEC;
	p2v_arm(&d->node->world, &d->serve_timer, now_of(d) + wait);
}

/* All that wait for their turn, the most urgent first, while there are tokens.
 * @param one  its head needs no token; NULL: none. It may be gone afterwards */
static void pump_all(struct p2v_delivery *d, struct p2v_serve *one)
{
	refill(d);
	P2V_LIST_EACH (it, &d->serves) {
		struct p2v_serve *s = P2V_OF(it, struct p2v_serve, in_delivery);

		if (has_to_wait(d))
			break;
		one = one == s ? NULL : one;
		advance(s);
	}
	if (one)
		advance(one);
	settle(d);
}

/* While the timer is armed, transfers wait for tokens. While it is not, each waits for something
 * of its own: a chunk, or room in its stream. */
static bool all_have_tokens(const struct p2v_delivery *d)
{
	return !p2v_timer_armed(&d->serve_timer);
}

void p2v_serve_pump(struct p2v_delivery *d)
{
	if (!all_have_tokens(d))
		pump_all(d, NULL);
}

/* One transfer may go on. It may be gone afterwards. */
static void pump_one(struct p2v_serve *s)
{
	struct p2v_delivery *d = s->d;

	if (!all_have_tokens(d)) {
		pump_all(d, s);
		return;
	}
	refill(d);
	advance(s);
	settle(d);
}

static void serve_timer(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	pump_all(t->owner, NULL);
}

/* ---- requests ---- */

/* How many of these chunks can be sent in time, beside all that is more urgent. All of them where
 * it is not known what the line carries. */
static uint64_t can_serve(const struct p2v_serve *one, const struct p2v_fragment *f,
	p2v_usec deadline, uint64_t count)
{
	const struct p2v_delivery *d = one->d;
	uint64_t capacity = p2v_governor_rate(d), most, bytes = 0;
	p2v_usec slack = deadline - now_of(d), least = p2v_scale(f->dur, LEAST_SLACK);
	size_t of_mate = 0;

	P2V_LIST_EACH (it, &one->mate->serves)
		of_mate++;
	if (d->n_serves >= d->conf->uploads || of_mate > SERVES_A_MATE)
		return 0;
	if (!p2v_governor_known(d) && p2v_overlay_upload_limit(d->overlay) == 0)
		return count;
	P2V_LIST_EACH (it, &d->serves) {
		const struct p2v_serve *s = P2V_OF(it, struct p2v_serve, in_delivery);

		if (s->deadline <= deadline)
			bytes += s->count == P2V_CHUNKS_TO_END
					 ? P2V_CHUNK
					 : (uint64_t)(s->first + s->count - s->next) * P2V_CHUNK;
	}
	most = capacity * (uint64_t)(slack > least ? slack : least) / P2V_SECOND;
	most = most > bytes ? (most - bytes) / P2V_CHUNK : 0;
	return most < count ? most : count;
}

static void enqueue(struct p2v_serve *s)
{
	struct p2v_list *at = s->d->serves.next;

	while (at != &s->d->serves &&
		P2V_OF(at, struct p2v_serve, in_delivery)->deadline <= s->deadline)
		at = at->next;
	p2v_list_before(at, &s->in_delivery);
	p2v_list_push(&s->fragment->serves, &s->in_fragment);
	s->d->n_serves++;
}

/* Whether it is here, or is to come here from the CDN. */
static bool can_have(const struct p2v_fragment *f, const struct p2v_msg_request *m)
{
	if (!f->known)
		return m->of > 0 && f->job && f->announced != P2V_ANNOUNCED_NOT;
	return f->shared && (m->generation == f->generation || (m->generation == 0 && m->of > 0));
}

/* Whether it may be asked for so. */
static bool within(const struct p2v_fragment *f, const struct p2v_msg_request *m)
{
	if (m->of > 0)
		return m->place < m->of;
	if (m->count == 0)
		return f->open;
	if (f->length == P2V_LENGTH_UNKNOWN)
		return m->first + m->count <= f->d->conf->max_fragment / P2V_CHUNK;
	return m->first < f->n_chunks && m->count <= f->n_chunks - m->first;
}

/* [chunks] that are asked for, as far as that is known. */
static uint64_t chunks_of(const struct p2v_fragment *f, const struct p2v_msg_request *m)
{
	uint32_t first, count = 1;

	if (m->of > 0 && f->n_chunks > 0)
		p2v_share_run(f->n_chunks, (uint32_t)m->place, (uint32_t)m->of, &first, &count);
	return m->of == 0 && m->count > 0 ? m->count : count;
}

static void on_request(
	struct p2v_serve *s, const struct p2v_msg_request *m, const struct p2v_id *key)
{
	struct p2v_delivery *d = s->d;
	struct p2v_fragment *f = p2v_fragment_find(d, key);
	uint64_t n;

	if (!f || !p2v_partner_in(s->mate->partner, &f->feed->channel->id) || !can_have(f, m)) {
		refuse(s, REFUSE_UNKNOWN, 0);
		return;
	}
	if (!within(f, m)) {
		struct p2v_partner *p = s->mate->partner;

		serve_free(s);
		p2v_partner_drop(p, true, "a request beyond the fragment's end");
		return;
	}
	s->deadline = now_of(d) +
		      (m->slack ? (p2v_usec)(m->slack < 3600000000u ? m->slack : 3600000000u) : 0);
	n = p2v_overlay_may_upload(d->overlay) ? can_serve(s, f, s->deadline, chunks_of(f, m)) : 0;
	if (n == 0) {
		refuse(s, REFUSE_BUSY, busy_retry(f));
		return;
	}
	s->fragment = f;
	s->first = s->next = (uint32_t)m->first;
	s->count = (uint32_t)n;
	s->blind = m->generation == 0;
	s->place = (uint32_t)m->place;
	s->of = (uint32_t)m->of;
	s->to_end = s->of == 0 && m->count == 0;
	if (s->of > 0 || s->to_end)
		s->count = P2V_CHUNKS_TO_END;
	s->partly = n < m->count && s->count != P2V_CHUNKS_TO_END;
	/* A PRIORITY may overtake the request, and is the later wish. */
	if (!p2v_stream_moved(s->stream))
		p2v_stream_set_priority(s->stream, (double)m->priority / 1000, s->deadline);
	enqueue(s);
	f->used = now_of(d);
	pump_one(s);
}

/* The request, once it is whole.
 * @param m  [out] its key points into `in`
 * @return whether it is whole; negative: it is none */
static int read_request(struct p2v_bytes in, struct p2v_msg_request *m)
{
	struct p2v_bytes body;
	struct p2v_err err;
	union p2v_msg all;
	uint64_t number;
	ptrdiff_t k = p2v_msg_next(in, &number, &body, &err);

	if (k == 0)
		return 0;
	if (k < 0 || number != P2V_MSG_request || p2v_msg_read(number, body, &all, &err) < 0)
		return P2V_EPROTO;
	*m = all.request;
	return 1;
}

/* What came of the request. @return whether there may be more to come */
static bool take(struct p2v_serve *s, struct p2v_stream *t, const uint8_t *p, size_t n)
{
	struct p2v_partner *partner = s->mate->partner;
	struct p2v_bytes in = { p, n };
	struct p2v_msg_request m;
	struct p2v_id key;
	int rc;

	if (s->in.n > 0) { /* it comes in pieces, as hardly any does */
		p2v_text_add(&s->in, (const char *)p, n);
		in = (struct p2v_bytes){ (const uint8_t *)s->in.p, s->in.n };
	}
	rc = in.n > REQUEST_MAX || s->in.oom ? P2V_ELIMIT : read_request(in, &m);
	if (rc == 0 && s->in.n == 0)
		p2v_text_add(&s->in, (const char *)p, n);
	if (rc < 0 || s->in.oom) {
		serve_free(s);
		if (rc == P2V_EPROTO)
			p2v_partner_drop(
				partner, true, "a transfer that does not begin with a request");
		return false;
	}
	if (rc > 0)
		memcpy(key.b, m.key.p, sizeof key.b);
	p2v_stream_consume(t, n);
	if (rc > 0)
		on_request(s, &m, &key);
	return rc == 0;
}

static void readable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	struct p2v_serve *s = (struct p2v_serve *)o;
	const uint8_t *p;
	size_t n;

	while (!s->fragment && (n = p2v_stream_peek(t, &p)) > 0)
		if (!take(s, t, p, n))
			return;
	while (s->fragment && (n = p2v_stream_peek(t, &p)) > 0)
		p2v_stream_consume(t, n);
}

static void writable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	struct p2v_serve *s = (struct p2v_serve *)o;

	(void)t;
	if (s->fragment)
		pump_one(s);
}

static void ended(struct p2v_stream_owner *o, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_serve *s = (struct p2v_serve *)o;

	(void)t;
	(void)code;
	(void)reason;
	s->stream = NULL;
	serve_free(s);
}

void p2v_serve_begin(struct p2v_mate *m, struct p2v_stream *t)
{
	struct p2v_serve *s = calloc(1, sizeof *s);

	if (!s) {
		p2v_stream_release(t);
		return;
	}
	s->owner = (struct p2v_stream_owner){ readable, writable, ended };
	s->d = m->d;
	s->mate = m;
	s->stream = t;
	p2v_list_push(&m->serves, &s->in_mate);
	p2v_stream_set_user(t, &s->owner);
	readable(&s->owner, t);
}

void p2v_serve_progress(struct p2v_fragment *f)
{
	struct p2v_delivery *d = f->d;

	if (p2v_list_empty(&f->serves))
		return;
	if (!all_have_tokens(d)) {
		pump_all(d, NULL);
		return;
	}
	refill(d);
	P2V_LIST_EACH (it, &f->serves)
		advance(P2V_OF(it, struct p2v_serve, in_fragment));
	settle(d);
}

void p2v_serve_cancel_all(struct p2v_fragment *f)
{
	P2V_LIST_EACH (it, &f->serves)
		refuse(P2V_OF(it, struct p2v_serve, in_fragment), REFUSE_LATER, busy_retry(f));
}

void p2v_serve_stop(struct p2v_delivery *d)
{
	P2V_LIST_EACH (it, &d->serves) {
		struct p2v_serve *s = P2V_OF(it, struct p2v_serve, in_delivery);

		refuse(s, REFUSE_LATER, busy_retry(s->fragment));
	}
}

void p2v_serve_cancel_mate(struct p2v_mate *m)
{
	P2V_LIST_EACH (it, &m->serves)
		serve_free(P2V_OF(it, struct p2v_serve, in_mate));
}

void p2v_serve_init(struct p2v_delivery *d)
{
	p2v_list_init(&d->serves);
	d->serve_timer.fire = serve_timer;
	d->serve_timer.owner = d;
	d->tokens_at = now_of(d);
	p2v_governor_init(d);
}

void p2v_serve_fini(struct p2v_delivery *d)
{
	p2v_disarm(&d->node->world, &d->serve_timer);
	p2v_governor_fini(d);
}
