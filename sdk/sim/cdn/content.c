/* content.c - the encoder's bytes: words of a hash of (seed, rendition, fragment, generation,
 * offset), so that any byte can be checked without being kept. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/random.h"
#include "sdk/sim/cdn/inside.h"

enum { CACHED_MAX = 96 };

/* [B] A fragment is kept whole; or, to be shared, in pieces such as the framework keeps it in, so
 * that both are the same memory. */
enum { WHOLE = 1 << 30, PIECE = 16384 };

/* A fragment's bytes, kept while they are likely to be asked for again. */
struct cached {
	struct p2v_list in_cache;
	uint32_t rendition, generation;
	uint64_t fragment;
	size_t n;
	struct p2v_buf *piece[]; /* shape (n) */
};

static uint64_t content_key(
	const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	uint64_t k = p2v_mix64(e->conf.seed + UINT64_C(0x9e3779b97f4a7c15));

	k = p2v_mix64(k ^ rendition);
	k = p2v_mix64(k ^ fragment);
	return p2v_mix64(k ^ generation);
}

static uint8_t content_byte(uint64_t key, uint64_t off)
{
	return (uint8_t)(p2v_mix64(key + off / 8) >> (8 * (off % 8)));
}

static void put64(uint8_t *p, uint64_t v)
{
	/* Written out: compilers make one store of it. */
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
	p[4] = (uint8_t)(v >> 32);
	p[5] = (uint8_t)(v >> 40);
	p[6] = (uint8_t)(v >> 48);
	p[7] = (uint8_t)(v >> 56);
}

/* @param off  [B] a multiple of 8 */
static void content_fill(uint64_t key, uint64_t off, uint8_t *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		put64(p + i, p2v_mix64(key + (off + i) / 8));
	for (; i < n; i++)
		p[i] = content_byte(key, off + i);
}

uint64_t p2v_encoder_size(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment)
{
	uint64_t size = e->conf.renditions[rendition].bitrate * (uint64_t)e->conf.fragment /
			(8 * P2V_SECOND);
	uint64_t chance = p2v_mix64(p2v_mix64(e->conf.seed) ^ fragment) >> 40; /* 24 bits */

	if (fragment == P2V_INIT_NUMBER)
		return P2V_INIT_SIZE;
	if (e->conf.vary > 0)
		size = (uint64_t)((double)size *
				  (1 + e->conf.vary * ((double)chance / 8388608.0 - 1)));
	return size ? size : 1;
}

static struct cached *at_hand(
	const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	P2V_LIST_EACH (it, &e->cache) {
		struct cached *c = P2V_OF(it, struct cached, in_cache);

		if (c->fragment == fragment && c->rendition == rendition &&
			c->generation == generation)
			return c;
	}
	return NULL;
}

static void cached_free(struct cached *c)
{
	for (size_t i = 0; i < c->n; i++)
		p2v_buf_unref(c->piece[i]);
	p2v_list_remove(&c->in_cache);
	free(c);
}

/* @return false: no memory */
static bool make_pieces(const struct p2v_encoder *e, struct cached *c, uint64_t size)
{
	const struct p2v_world *w = &e->world;
	uint64_t key = content_key(e, c->rendition, c->fragment, c->generation);

	for (uint64_t off = 0; off < size; off += e->piece) {
		size_t n = size - off < e->piece ? (size_t)(size - off) : e->piece;
		struct p2v_buf *b = p2v_buf_new(n);

		if (!b)
			return false;
		content_fill(key, off, b->data, n);
		if (w->ops && w->ops->share)
			b = w->ops->share(w->self, b);
		c->piece[c->n++] = b;
	}
	return true;
}

/* @return the fragment's bytes; NULL: no memory */
static const struct cached *content(
	struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	struct cached *c = at_hand(e, rendition, fragment, generation);
	uint64_t size;

	if (c) {
		p2v_list_remove(&c->in_cache);
		p2v_list_push_front(&e->cache, &c->in_cache);
		return c;
	}
	size = p2v_encoder_size(e, rendition, fragment);
	c = calloc(1, sizeof *c + (size_t)((size + e->piece - 1) / e->piece) * sizeof *c->piece);
	if (!c)
		return NULL;
	p2v_list_init(&c->in_cache);
	c->rendition = rendition;
	c->fragment = fragment;
	c->generation = generation;
	if (!make_pieces(e, c, size)) {
		cached_free(c);
		return NULL;
	}
	if (e->n_cached == CACHED_MAX)
		cached_free(P2V_OF(e->cache.prev, struct cached, in_cache));
	else
		e->n_cached++;
	p2v_list_push_front(&e->cache, &c->in_cache);
	return c;
}

void p2v_content_init(struct p2v_encoder *e)
{
	e->piece = WHOLE;
	p2v_list_init(&e->cache);
}

void p2v_content_fini(struct p2v_encoder *e)
{
	P2V_LIST_EACH (it, &e->cache)
		cached_free(P2V_OF(it, struct cached, in_cache));
}

void p2v_encoder_share(struct p2v_encoder *e, const struct p2v_world *w)
{
	assert(e->n_cached == 0);
	e->world = *w;
	e->piece = PIECE;
}

uint64_t p2v_encoder_held(const struct p2v_encoder *e)
{
	uint64_t n = 0;

	if (e->world.ops)
		return 0;
	P2V_LIST_EACH (it, &e->cache) {
		const struct cached *c = P2V_OF(it, struct cached, in_cache);

		for (size_t i = 0; i < c->n; i++)
			n += c->piece[i]->size;
	}
	return n;
}

struct p2v_slice p2v_encoder_read(
	struct p2v_encoder *e, const struct p2v_file *f, uint64_t off, size_t max)
{
	uint64_t fragment = P2V_INIT_NUMBER;
	const struct cached *c;
	struct p2v_buf *b;
	size_t in;

	if (f->text.p)
		return p2v_slice_sub(f->text, (size_t)off,
			f->text.n - off < max ? f->text.n - (size_t)off : max);
	if (f->kind == P2V_FILE_MEDIA) {
		fragment = f->number * e->conf.per_file;
		max = f->size - off < max ? (size_t)(f->size - off) : max;
		off += f->from;
		for (uint64_t n; off >= (n = p2v_encoder_size(e, f->rendition, fragment)); off -= n)
			fragment++;
	}
	c = content(e, f->rendition, fragment, f->generation);
	if (!c)
		return (struct p2v_slice){ NULL, NULL, 0 };
	b = c->piece[off / e->piece];
	in = (size_t)(off % e->piece);
	return p2v_slice_of(b, in, b->size - in < max ? b->size - in : max);
}

/* @return whether n bytes of a fragment that is at hand, from off on, are these */
static bool same_as(const struct p2v_encoder *e, const struct cached *c, uint64_t off,
	const uint8_t *p, size_t n)
{
	while (n > 0) {
		const struct p2v_buf *b = c->piece[off / e->piece];
		const uint8_t *q = b->data + off % e->piece;
		size_t k = b->size - (size_t)(off % e->piece);

		k = k < n ? k : n;
		if (p != q && memcmp(p, q, k) != 0) /* often it is the very same memory */
			return false;
		off += k;
		p += k;
		n -= k;
	}
	return true;
}

/* @return whether n bytes of a fragment, from off on, are these */
static bool same(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment,
	uint32_t generation, uint64_t off, const uint8_t *p, size_t n)
{
	const struct cached *c = at_hand(e, rendition, fragment, generation);
	uint64_t key;

	if (c)
		return same_as(e, c, off, p, n);
	key = content_key(e, rendition, fragment, generation);
	for (size_t i = 0; i < n; i++)
		if (content_byte(key, off + i) != p[i])
			return false;
	return true;
}

static bool written_by(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment,
	uint32_t generation, uint64_t off, struct p2v_bytes b)
{
	for (size_t i = 0; i < b.n; fragment++) {
		uint64_t n = p2v_encoder_size(e, rendition, fragment), part;

		if (fragment == P2V_INIT_NUMBER && off + b.n > n)
			return false;
		if (off >= n) {
			off -= n;
			continue;
		}
		part = n - off < b.n - i ? n - off : b.n - i;
		if (!same(e, rendition, fragment, generation, off, b.p + i, (size_t)part))
			return false;
		i += (size_t)part;
		off = 0;
	}
	return true;
}

int p2v_encoder_match_at(const struct p2v_encoder *e, const struct p2v_media_place *at,
	uint64_t off, struct p2v_bytes b)
{
	for (uint32_t g = e->generation + 1; g-- > 0;)
		if (written_by(e, at->rendition, at->fragment, g, at->from + off, b))
			return (int)g;
	return P2V_EINTEGRITY;
}
