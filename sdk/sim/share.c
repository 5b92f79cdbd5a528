/* share.c - media that many machines hold, kept once. Which buffer a machine gets changes nothing
 * that it can see. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/slice.h"
#include "sdk/sim/inside.h"

enum { SWEEP = 4096 }; /* new buffers between two looks at what nobody holds any more */

struct p2v_sim_shared {
	UT_hash_handle hh;
	uint64_t key;
	struct p2v_buf *buf; /* one reference is ours */
};

static uint64_t key_of(const struct p2v_buf *b)
{
	uint64_t lane[4] = { b->size, 1, 2, 3 }, word;
	size_t i = 0;

	for (; i + 8 <= b->size; i += 8) {
		memcpy(&word, b->data + i, 8); /* in any order of bytes: a key, no result */
		lane[i / 8 & 3] = (lane[i / 8 & 3] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		lane[i / 8 & 3] ^= lane[i / 8 & 3] >> 32;
	}
	for (; i < b->size; i++)
		lane[0] = p2v_mix64(lane[0] ^ b->data[i]);
	return p2v_mix64(lane[0] ^ p2v_mix64(lane[1] ^ p2v_mix64(lane[2] ^ p2v_mix64(lane[3]))));
}

static void forget(struct p2v_sim *s, struct p2v_sim_shared *e)
{
	HASH_DEL(s->shared, e);
	s->shared_bytes -= e->buf->size;
	p2v_buf_unref(e->buf);
	free(e);
}

static void sweep(struct p2v_sim *s)
{
	struct p2v_sim_shared *e, *next;

	HASH_ITER (hh, s->shared, e, next)
		if (e->buf->refs == 1)
			forget(s, e);
}

static void keep(struct p2v_sim *s, uint64_t key, struct p2v_buf *b)
{
	struct p2v_sim_shared *e = calloc(1, sizeof *e);

	if (!e)
		return; /* it is kept by its holder, as it would be without us */
	e->key = key;
	e->buf = b;
	HASH_ADD(hh, s->shared, key, sizeof e->key, e);
	if (!P2V_HASH_ADDED(hh, e)) {
		free(e);
		return;
	}
	p2v_buf_ref(b);
	s->shared_bytes += b->size;
	if (++s->shared_news % SWEEP == 0)
		sweep(s);
}

struct p2v_buf *p2v_sim_share(void *self, struct p2v_buf *b)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;
	uint64_t key = key_of(b);
	struct p2v_sim_shared *e;

	HASH_FIND(hh, s->shared, &key, sizeof key, e);
	if (!e) {
		keep(s, key, b);
		return b;
	}
	if (e->buf == b || e->buf->size != b->size || memcmp(e->buf->data, b->data, b->size) != 0)
		return b;
	p2v_buf_ref(e->buf);
	p2v_buf_unref(b);
	return e->buf;
}

uint64_t p2v_sim_shared_bytes(const struct p2v_sim *s)
{
	return s->shared_bytes;
}

void p2v_sim_share_fini(struct p2v_sim *s)
{
	struct p2v_sim_shared *e, *next;

	HASH_ITER (hh, s->shared, e, next)
		forget(s, e);
}
