/* fragment.c - fragments in memory: chunks that fill from the CDN and from peers, until they are
 * dropped. What to fetch from whom is decided elsewhere. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

#define EVICT_BATCH 32u

/* ---- finding and making ---- */

struct p2v_fragment *p2v_fragment_find(struct p2v_delivery *d, const struct p2v_id *key)
{
	struct p2v_fragment *f;

	HASH_FIND(hh, d->fragments, key, sizeof *key, f);
	return f;
}

struct p2v_fragment *p2v_fragment_listed(struct p2v_delivery *d, const struct p2v_timeline_entry *e)
{
	struct p2v_id key;

	if (!e->keyed)
		return NULL;
	memcpy(key.b, e->key, sizeof key.b);
	return p2v_fragment_find(d, &key);
}

static void plan_timer(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	p2v_plan(t->owner);
}

/* Content that was fetched before the fragment can have existed is of an earlier encoder that used
 * the same names. */
static int64_t earliest(
	const struct p2v_rendition *r, const struct p2v_timeline_entry *e, int64_t wall)
{
	const int64_t skew = 30 * P2V_SECOND;
	p2v_usec edge = p2v_timeline_edge(&r->timeline), age;

	if (!r->timeline.live || e->init || edge == P2V_UNKNOWN)
		return 0;
	age = edge - e->t; /* it was listed no longer ago than what has been listed since lasts,
			      twice over */
	return wall - 2 * age - 2 * r->timeline.target - skew;
}

static void describe(
	struct p2v_fragment *f, struct p2v_rendition *r, const struct p2v_timeline_entry *e)
{
	f->rendition = r;
	f->rendition_key = r->key;
	f->bitrate = r->timeline.bitrate;
	f->t = e->init ? P2V_UNKNOWN : e->t;
	f->dur = e->dur;
	f->whole = e->whole;
	f->live = r->timeline.live;
	f->listed_at = e->seen;
	f->ready_at = e->hint ? e->seen + e->dur : e->seen;
	if (f->hint && !e->hint) { /* what the CDN said of it before does not count */
		f->cdn_again = 0;
		f->cdn_failures = 0;
	}
	f->hint = e->hint;
}

/* A name that was gone from the list is in it again. When nobody looked in between, what is held
 * under it may be of an earlier encoder. */
static void relisted(struct p2v_fragment *f, int64_t not_before)
{
	if (!f->rendition && f->known && f->head.fetched < not_before &&
		p2v_list_empty(&f->readers))
		p2v_fragment_renew(f, not_before);
}

struct p2v_fragment *p2v_fragment_get(
	struct p2v_feed *feed, struct p2v_rendition *r, struct p2v_timeline_entry *e)
{
	struct p2v_delivery *d = feed->d;
	struct p2v_node *n = d->node;
	struct p2v_fragment *f;
	struct p2v_id key;

	if (!e->keyed) {
		p2v_channel_fragment_key(feed->channel, &n->crypto, e->url, &e->range, &key);
		memcpy(e->key, key.b, sizeof e->key);
		e->keyed = true;
	}
	memcpy(key.b, e->key, sizeof key.b);
	f = p2v_fragment_find(d, &key);
	if (f) {
		relisted(f, earliest(r, e, n->world.ops->wall(n->world.self)));
		describe(f, r, e);
		return f;
	}
	f = calloc(1, sizeof *f);
	if (!f || !(f->url = p2v_str_dup(p2v_str_of(e->url)))) {
		free(f);
		return NULL;
	}
	f->d = d;
	f->feed = feed;
	f->key = key;
	f->range = e->range;
	f->length = f->total = P2V_LENGTH_UNKNOWN;
	f->hops = P2V_HOPS_MAX;
	f->asked = f->first_asked = P2V_UNKNOWN;
	f->used = p2v_now(&n->world);
	f->timer.fire = plan_timer;
	f->timer.owner = f;
	f->not_before = earliest(r, e, n->world.ops->wall(n->world.self));
	p2v_list_init(&f->readers);
	p2v_list_init(&f->asks);
	p2v_list_init(&f->serves);
	describe(f, r, e);
	HASH_ADD(hh, d->fragments, key, sizeof f->key, f);
	if (!P2V_HASH_ADDED(hh, f)) {
		free(f->url);
		free(f);
		return NULL;
	}
	p2v_holding_join(f);
	return f;
}

static void drop_content(struct p2v_fragment *f)
{
	for (uint32_t i = 0; i < f->n_chunks; i++)
		p2v_buf_unref(f->chunks[i].buf);
	free(f->chunks);
	free(f->signatures);
	free(f->signers);
	free(f->here);
	p2v_slice_drop(&f->headers);
	f->d->held -= f->held;
	f->chunks = NULL;
	f->signatures = NULL;
	f->signers = NULL;
	f->here = NULL;
	f->n_chunks = f->n_whole = f->cap_chunks = f->n_signers = 0;
	f->held = 0;
}

bool p2v_fragment_idle(const struct p2v_fragment *f)
{
	return p2v_list_empty(&f->readers) && p2v_list_empty(&f->serves) &&
	       p2v_list_empty(&f->asks) && !f->job;
}

void p2v_fragment_free(struct p2v_fragment *f)
{
	p2v_disarm(&f->d->node->world, &f->timer);
	p2v_tell_rest(f);
	p2v_ask_cancel_all(f);
	p2v_serve_cancel_all(f);
	p2v_cdn_cancel(f);
	assert(p2v_list_empty(&f->readers));
	if (!f->served && f->from_p2p + f->from_cdn > 0)
		p2v_count(&f->d->node->metrics, P2V_M_WASTED_UNPLAYED, f->from_p2p + f->from_cdn);
	drop_content(f);
	p2v_holding_part(f);
	HASH_DEL(f->d->fragments, f);
	free(f->url);
	free(f);
}

/* ---- who vouches for it ---- */

struct p2v_statement p2v_fragment_statement(const struct p2v_fragment *f)
{
	return (struct p2v_statement){ &f->key, f->open ? P2V_LENGTH_UNKNOWN : f->length,
		f->generation };
}

/* @return P2V_ENOMEM: nothing changed */
static int want_signatures(struct p2v_fragment *f, uint32_t chunks)
{
	size_t each = f->d->node->crypto.ops->signature_size;
	uint8_t *v = realloc(f->signatures, (1 + (size_t)chunks) * each);

	if (!v)
		return P2V_ENOMEM;
	f->signatures = v;
	return P2V_OK;
}

/* @param index  of the chunk; UINT32_MAX: the head's */
static uint8_t *signature_at(const struct p2v_fragment *f, uint32_t index)
{
	return f->signatures + (uint32_t)(index + 1) * f->d->node->crypto.ops->signature_size;
}

/* @return the signer's place in the table; UINT32_MAX: no memory */
static uint32_t signer_place(struct p2v_fragment *f, const struct p2v_id *signer)
{
	struct p2v_id *v;
	uint32_t i = f->n_signers;

	while (i > 0) /* mostly the one that came last */
		if (memcmp(&f->signers[--i], signer, sizeof *signer) == 0)
			return i;
	v = realloc(f->signers, (f->n_signers + 1) * sizeof *v);
	if (!v)
		return UINT32_MAX;
	f->signers = v;
	v[f->n_signers] = *signer;
	return f->n_signers++;
}

/* @param index  as signature_at @param c  what is known of it @return P2V_ENOMEM: c is as it was */
static int keep_proof(struct p2v_fragment *f, uint32_t index, struct p2v_chunk_state *c,
	const struct p2v_proof *proof)
{
	uint32_t place;

	if (!f->signatures && want_signatures(f, f->cap_chunks) < 0)
		return P2V_ENOMEM;
	place = signer_place(f, &proof->signer);
	if (place == UINT32_MAX)
		return P2V_ENOMEM;
	c->signer = place & 0xfffffff; /* there are no more signers than chunks, which are fewer */
	c->p2p = true;
	c->made = proof->made;
	c->fetched = proof->fetched;
	memcpy(signature_at(f, index), proof->signature, f->d->node->crypto.ops->signature_size);
	return P2V_OK;
}

static int proof_of(struct p2v_fragment *f, uint32_t index, struct p2v_chunk_state *c,
	struct p2v_bytes content, struct p2v_proof *p)
{
	struct p2v_node *n = f->d->node;
	struct p2v_statement s = p2v_fragment_statement(f);
	int rc;

	*p = (struct p2v_proof){ .fetched = c->fetched, .made = c->made };
	p->signer = c->p2p ? f->signers[c->signer] : *n->crypto.ops->id(n->crypto.self);
	if (!f->signatures && want_signatures(f, f->cap_chunks) < 0)
		return P2V_ENOMEM;
	if (c->made) {
		memcpy(p->signature, signature_at(f, index), n->crypto.ops->signature_size);
		return P2V_OK;
	}
	rc = p2v_proof_sign(n, &s, index, content, p);
	if (rc < 0)
		return rc;
	memcpy(signature_at(f, index), p->signature, n->crypto.ops->signature_size);
	c->made = true;
	return P2V_OK;
}

/* ---- content ---- */

uint32_t p2v_fragment_chunk_size(const struct p2v_fragment *f, uint32_t index)
{
	uint64_t off = (uint64_t)index * P2V_CHUNK;

	assert(f->length != P2V_LENGTH_UNKNOWN && (off < f->length || f->length == 0));
	return f->length - off < P2V_CHUNK ? (uint32_t)(f->length - off) : P2V_CHUNK;
}

uint64_t p2v_fragment_missing(const struct p2v_fragment *f)
{
	return f->known && f->length != P2V_LENGTH_UNKNOWN ? f->length - f->held : 0;
}

static int want_chunks(struct p2v_fragment *f, uint32_t n)
{
	uint32_t cap = 2 * f->cap_chunks > n ? 2 * f->cap_chunks : n;
	uint32_t words = p2v_chunk_words(f->cap_chunks);
	struct p2v_chunk_state *v;
	uint64_t *here;

	if (n > f->cap_chunks) {
		v = realloc(f->chunks, cap * sizeof *v);
		if (!v)
			return P2V_ENOMEM;
		f->chunks = v;
		here = realloc(f->here, p2v_chunk_words(cap) * sizeof *here);
		if (!here)
			return P2V_ENOMEM;
		memset(here + words, 0, (p2v_chunk_words(cap) - words) * sizeof *here);
		f->here = here;
		if (f->signatures && want_signatures(f, cap) < 0)
			return P2V_ENOMEM;
		f->cap_chunks = cap;
	}
	if (n > f->n_chunks) {
		memset(f->chunks + f->n_chunks, 0, (n - f->n_chunks) * sizeof *f->chunks);
		f->n_chunks = n;
	}
	return P2V_OK;
}

int p2v_fragment_grow(struct p2v_fragment *f, uint32_t index)
{
	return index < f->n_chunks ? P2V_OK : want_chunks(f, index + 1);
}

int p2v_fragment_set_known(struct p2v_fragment *f, uint64_t length, uint64_t total,
	uint64_t generation, struct p2v_str headers, const struct p2v_proof *proof)
{
	const struct p2v_world *w = &f->d->node->world;
	struct p2v_slice copy = p2v_slice_copy(headers.p, headers.n);
	int rc = P2V_OK;

	assert(!f->known);
	if (!copy.p)
		return P2V_ENOMEM;
	if (w->ops->share) {
		copy.buf = w->ops->share(w->self, copy.buf);
		copy.p = copy.buf->data;
	}
	if (length != P2V_LENGTH_UNKNOWN)
		rc = want_chunks(f, (uint32_t)((length + P2V_CHUNK - 1) / P2V_CHUNK));
	f->head = (struct p2v_chunk_state){ .fetched = proof->fetched };
	if (rc == P2V_OK && proof->made)
		rc = keep_proof(f, UINT32_MAX, &f->head, proof);
	if (rc < 0) {
		p2v_slice_drop(&copy);
		return rc;
	}
	f->known = true;
	f->open = length == P2V_LENGTH_UNKNOWN;
	f->length = length;
	f->total = total;
	f->generation = generation;
	f->headers = copy;
	f->complete = length == 0;
	return P2V_OK;
}

bool p2v_fragment_head_is(const struct p2v_fragment *f, const struct p2v_statement *s,
	uint64_t total, struct p2v_bytes headers, const struct p2v_proof *proof)
{
	static const uint8_t rest[P2V_SIGNATURE_SIZE];
	size_t each = f->d->node->crypto.ops->signature_size;

	if (!f->known || !f->head.made || !f->head.p2p || !proof->made ||
		f->head.fetched != proof->fetched ||
		p2v_fragment_statement(f).length != s->length || f->generation != s->generation ||
		f->total != total || f->headers.n != headers.n)
		return false;
	return memcmp(&f->signers[f->head.signer], &proof->signer, sizeof proof->signer) == 0 &&
	       memcmp(signature_at(f, UINT32_MAX), proof->signature, each) == 0 &&
	       memcmp(rest, proof->signature + each, sizeof rest - each) == 0 &&
	       (headers.n == 0 || memcmp(f->headers.p, headers.p, headers.n) == 0);
}

static void whole(struct p2v_fragment *f, uint32_t index)
{
	const struct p2v_world *w = &f->d->node->world;
	struct p2v_chunk_state *c = &f->chunks[index];

	if (w->ops->share && c->filled == c->buf->size)
		c->buf = w->ops->share(w->self, c->buf);
	c->whole = true;
	f->here[index / P2V_WORD] |= (uint64_t)1 << index % P2V_WORD;
	f->n_whole++;
	f->complete = f->length != P2V_LENGTH_UNKNOWN && f->n_whole == f->n_chunks;
}

static size_t room_for(const struct p2v_fragment *f, uint32_t index)
{
	return f->length == P2V_LENGTH_UNKNOWN ? P2V_CHUNK : p2v_fragment_chunk_size(f, index);
}

static void came(struct p2v_fragment *f, uint64_t n)
{
	p2v_usec now = p2v_now(&f->d->node->world);

	if (f->from_cdn + f->from_p2p == 0)
		f->first_at = now;
	if (n > 0)
		f->last_at = now;
}

static void note_hops(const struct p2v_fragment *f)
{
	if (f->complete)
		p2v_gauge(&f->d->node->metrics, P2V_M_HOPS, f->hops);
}

/* Make room for bytes that continue a chunk. Readers hold slices of what is there, so it stays. */
static int make_room(struct p2v_chunk_state *c, size_t size)
{
	struct p2v_buf *own;

	if (c->buf && !c->theirs)
		return P2V_OK;
	own = p2v_buf_new(size);
	if (!own)
		return P2V_ENOMEM;
	if (c->filled)
		memcpy(own->data, c->buf->data, c->filled);
	p2v_buf_unref(c->buf);
	c->buf = own;
	c->theirs = false;
	return P2V_OK;
}

/* Keep what continues a chunk where it lies, if that is all of a chunk's buffer, or will be.
 * @param p  what continues it @return whether it is kept */
static bool adopt(struct p2v_chunk_state *c, const uint8_t *p, struct p2v_buf *in, size_t size)
{
	if (!in || in->size != size || p != in->data + c->filled)
		return false;
	if (c->buf ? c->buf != in : c->filled > 0)
		return false;
	if (!c->buf)
		p2v_buf_ref(in);
	c->buf = in;
	c->theirs = true;
	return true;
}

/* Bytes of one chunk, from `at` on: only what continues it counts.
 * @return [B] that were new, or P2V_ENOMEM */
static ptrdiff_t fill_chunk(struct p2v_fragment *f, uint32_t index, uint32_t at, struct p2v_bytes b,
	struct p2v_buf *in, int64_t fetched)
{
	struct p2v_chunk_state *c = &f->chunks[index];
	size_t size = room_for(f, index), skip, n;

	if (c->whole || at > c->filled || at + b.n <= c->filled)
		return 0;
	skip = c->filled - at;
	n = b.n - skip;
	if (!adopt(c, b.p + skip, in, size)) {
		if (make_room(c, size) < 0)
			return P2V_ENOMEM;
		memcpy(c->buf->data + c->filled, b.p + skip, n);
	}
	c->filled += (uint32_t)n;
	f->held += n;
	f->d->held += n;
	if (c->filled == P2V_CHUNK || (f->length != P2V_LENGTH_UNKNOWN &&
					      c->filled == p2v_fragment_chunk_size(f, index))) {
		c->fetched = fetched;
		c->made = false;
		whole(f, index);
	}
	return (ptrdiff_t)n;
}

ptrdiff_t p2v_fragment_fill(struct p2v_fragment *f, uint64_t off, struct p2v_bytes b,
	struct p2v_buf *in, int64_t fetched)
{
	size_t fresh = 0;
	ptrdiff_t rc = P2V_OK;

	while (b.n > 0) {
		uint32_t index = (uint32_t)(off / P2V_CHUNK), at = (uint32_t)(off % P2V_CHUNK);
		size_t n = b.n < P2V_CHUNK - at ? b.n : P2V_CHUNK - at;

		rc = P2V_EPROTO;
		if (f->length != P2V_LENGTH_UNKNOWN && off + n > f->length)
			break;
		rc = P2V_ENOMEM;
		if (index >= f->n_chunks && want_chunks(f, index + 1) < 0)
			break;
		rc = fill_chunk(f, index, at, (struct p2v_bytes){ b.p, n }, in, fetched);
		if (rc < 0)
			break;
		fresh += (size_t)rc;
		off += n;
		b.p += n;
		b.n -= n;
	}
	came(f, fresh);
	f->from_cdn += fresh;
	f->hops = 0;
	note_hops(f);
	return rc < 0 ? rc : (ptrdiff_t)fresh;
}

void p2v_fragment_ended(struct p2v_fragment *f, uint64_t length)
{
	if (f->length != P2V_LENGTH_UNKNOWN)
		return;
	f->length = length;
	if (f->n_chunks > 0 && !f->chunks[f->n_chunks - 1].whole)
		whole(f, f->n_chunks - 1);
	f->complete = f->n_whole == f->n_chunks;
}

int p2v_fragment_proof(struct p2v_fragment *f, uint32_t index, struct p2v_proof *p)
{
	struct p2v_chunk_state *c = &f->chunks[index];

	assert(c->whole);
	return proof_of(f, index, c, (struct p2v_bytes){ c->buf->data, c->filled }, p);
}

int p2v_fragment_head_proof(struct p2v_fragment *f, struct p2v_bytes content, struct p2v_proof *p)
{
	return proof_of(f, UINT32_MAX, &f->head, content, p);
}

bool p2v_fragment_put(struct p2v_fragment *f, uint32_t index, struct p2v_buf *buf, uint32_t n,
	const struct p2v_proof *proof, uint32_t hops)
{
	struct p2v_chunk_state *c = &f->chunks[index];

	assert(f->known && index < f->n_chunks && n <= room_for(f, index));
	if (c->whole || keep_proof(f, index, c, proof) < 0) {
		p2v_buf_unref(buf);
		return false;
	}
	/* What the CDN had brought of it is superseded; slices that readers hold of it stay good.
	 */
	p2v_buf_unref(c->buf);
	f->held += n - c->filled;
	f->d->held += n - c->filled;
	came(f, n - c->filled);
	f->from_p2p += n - c->filled;
	c->buf = buf;
	c->filled = n;
	whole(f, index);
	if (f->hops > hops + 1)
		f->hops = hops + 1 < P2V_HOPS_MAX ? hops + 1 : P2V_HOPS_MAX;
	note_hops(f);
	return true;
}

/* Partners would wait for what does not come. */
void p2v_mates_retract(struct p2v_fragment *f)
{
	if (f->announced != P2V_ANNOUNCED_NOT)
		p2v_mates_tell_gone(f->d, &f, 1);
	f->announced = P2V_ANNOUNCED_NOT;
	f->told = 0;
	p2v_tell_rest(f);
}

void p2v_fragment_reset(struct p2v_fragment *f)
{
	p2v_ask_cancel_all(f);
	p2v_serve_cancel_all(f);
	P2V_LIST_EACH (it, &f->readers) {
		struct p2v_reading *r = P2V_OF(it, struct p2v_reading, in_fragment);

		r->lost |= r->pos > 0;
	}
	if (!f->served) /* else the player had the good of it, and what it lacks comes again */
		p2v_count(&f->d->node->metrics, P2V_M_WASTED_DUPLICATE, f->from_p2p + f->from_cdn);
	f->served = false;
	drop_content(f);
	f->known = f->complete = f->open = false;
	f->length = f->total = P2V_LENGTH_UNKNOWN;
	f->from_p2p = f->from_cdn = 0;
	f->hops = P2V_HOPS_MAX;
	p2v_mates_retract(f);
}

void p2v_fragment_renew(struct p2v_fragment *f, int64_t not_before)
{
	p2v_cdn_cancel(f);
	p2v_fragment_reset(f);
	f->not_before = not_before;
	/* What a player waits for is fetched anew. The rest may not even be there yet. */
	f->wanted = !p2v_list_empty(&f->readers);
	p2v_fragment_progress(f);
	p2v_plan(f);
}

/* ---- news of it ---- */

void p2v_fragment_progress(struct p2v_fragment *f)
{
	p2v_readings_wake(f);
	p2v_mates_tell_have(f);
	p2v_serve_progress(f);
	if (f->complete) {
		p2v_ask_cancel_all(f);
		p2v_cdn_needless(f);
		p2v_disarm(&f->d->node->world, &f->timer);
		p2v_waiting_complete(f);
		p2v_foretold_read(f);
		p2v_delivery_tidy(f->d);
	}
}

void p2v_fragment_fail(struct p2v_fragment *f, uint32_t status)
{
	f->failed = true;
	f->status = status;
	if (status == 413) /* nothing failed: it passes through. But whoever wonders why nothing is
			      shared should read it somewhere. */
		p2v_log_once(f->d->node, P2V_LOG_INFO, "fragment_not_shared", f->rendition_key,
			"fragment=%016llx why=\"larger than max_fragment\"",
			(unsigned long long)p2v_id_short(&f->key));
	else
		p2v_log(f->d->node, P2V_LOG_WARN, "fragment_failed", "fragment=%016llx status=%u",
			(unsigned long long)p2v_id_short(&f->key), status);
	p2v_readings_wake(f);
	p2v_serve_cancel_all(f);
}

void p2v_fragment_leave(struct p2v_fragment *f)
{
	if (!p2v_list_empty(&f->readers) || !p2v_list_empty(&f->serves) || f->complete)
		return;
	f->wanted = false;
	p2v_ask_cancel_all(f);
	p2v_cdn_cancel(f);
	if (!f->known)
		f->hops = P2V_HOPS_MAX;
	p2v_mates_retract(f);
	p2v_disarm(&f->d->node->world, &f->timer);
}

/* ---- eviction ---- */

static void judge(const struct p2v_fragment *f, struct p2v_cache_frag *out)
{
	const struct p2v_rendition *r = f->rendition;

	*out = (struct p2v_cache_frag){ .key = p2v_id_short(&f->key),
		.flags = (r && r->followed ? P2V_FRAG_FOLLOWED : 0) | (r ? P2V_FRAG_LISTED : 0) |
			 (f->asked != P2V_UNKNOWN ? P2V_FRAG_REQUESTED : 0) |
			 (f->served ? P2V_FRAG_SERVED : 0) |
			 (f->complete ? P2V_FRAG_COMPLETE : P2V_FRAG_ARRIVING) |
			 (f->t == P2V_UNKNOWN ? P2V_FRAG_INIT : 0),
		.relayed = f->relayed,
		.t = f->t,
		.dur = f->dur,
		.due = P2V_NEVER,
		.used = f->used,
		.held = f->held };
}

static void evict_feed(struct p2v_delivery *d, struct p2v_feed *feed)
{
	const struct p2v_policy *policy = d->policies.cache;
	struct p2v_cache_view view = { .now = p2v_now(&d->node->world),
		.edge = P2V_UNKNOWN,
		.position = P2V_UNKNOWN,
		.held = d->held,
		.limit = d->conf->cache };
	struct p2v_fragment *who[P2V_CACHE_MAX];
	struct p2v_cache_frag frags[P2V_CACHE_MAX];
	struct p2v_fragment *out[EVICT_BATCH];
	double worth[P2V_CACHE_MAX];
	size_t n = 0, n_out = 0;

	for (struct p2v_fragment *f = d->fragments; f && n < P2V_CACHE_MAX; f = f->hh.next) {
		if (f->feed != feed || !p2v_fragment_idle(f))
			continue;
		who[n] = f;
		judge(f, &frags[n++]);
	}
	P2V_LIST_EACH (it, &feed->renditions) {
		const struct p2v_rendition *r = P2V_OF(it, struct p2v_rendition, in_feed);

		if (r->followed) {
			view.edge = p2v_timeline_edge(&r->timeline);
			view.position = r->position;
			view.live = r->timeline.live;
		}
	}
	if (n == 0)
		return;
	policy->plugin->ops.cache->keep(feed->cache_state, &view, frags, n, worth);
	while (n_out < EVICT_BATCH) {
		size_t least = n;

		for (size_t i = 0; i < n; i++)
			if (who[i] && (worth[i] < 0 || view.held > view.limit) &&
				(least == n || worth[i] < worth[least]))
				least = i;
		if (least == n)
			break;
		view.held -= who[least]->held;
		out[n_out++] = who[least];
		who[least] = NULL;
	}
	p2v_mates_tell_gone(d, out, n_out);
	for (size_t i = 0; i < n_out; i++)
		p2v_fragment_free(out[i]);
}

void p2v_delivery_evict(struct p2v_delivery *d)
{
	P2V_LIST_EACH (it, &d->feeds)
		evict_feed(d, P2V_OF(it, struct p2v_feed, in_delivery));
	p2v_gauge(&d->node->metrics, P2V_M_CACHE_BYTES, d->held);
}
