/* share.c - media that many machines hold, kept once. Which buffer a machine gets changes nothing
 * that it can see. */
#include "sdk/sim/share.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/sim/inside.h"

enum { SWEEP = 4096 }; /* new buffers between two looks at what nobody holds any more */

static void forget(struct p2v_sim *s, struct p2v_sim_shared *e)
{
	HASH_DEL(s->shared, e);
	HASH_DELETE(hh_at, s->shared_at, e);
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

static void keep(struct p2v_sim *s, const struct p2v_lanes *lanes, struct p2v_buf *b)
{
	struct p2v_sim_shared *e = calloc(1, sizeof *e);

	if (!e)
		return; /* it is kept by its holder, as it would be without us */
	e->lanes = *lanes;
	e->at = b->data;
	e->buf = b;
	HASH_ADD(hh, s->shared, lanes, sizeof e->lanes, e);
	if (!P2V_HASH_ADDED(hh, e)) {
		free(e);
		return;
	}
	HASH_ADD(hh_at, s->shared_at, at, sizeof e->at, e);
	if (!P2V_HASH_ADDED(hh_at, e)) {
		HASH_DEL(s->shared, e);
		free(e);
		return;
	}
	p2v_buf_ref(b);
	s->shared_bytes += b->size;
	if (++s->shared_news % SWEEP == 0)
		sweep(s);
}

struct p2v_sim_shared *p2v_sim_shared_at(const struct p2v_sim *s, const uint8_t *p, size_t n)
{
	struct p2v_sim_shared *e;

	HASH_FIND(hh_at, s->shared_at, &p, sizeof p, e);
	return e && e->buf->size == n ? e : NULL;
}

struct p2v_buf *p2v_sim_share(void *self, struct p2v_buf *b)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;
	struct p2v_sim_shared *e;
	struct p2v_lanes lanes;

	if (p2v_sim_shared_at(s, b->data, b->size))
		return b;
	lanes = p2v_lanes_of(b->data, b->size);
	HASH_FIND(hh, s->shared, &lanes, sizeof lanes, e);
	if (!e) {
		keep(s, &lanes, b);
		return b;
	}
	if (e->buf->size != b->size || memcmp(e->buf->data, b->data, b->size) != 0)
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
