/* outbox.c - datagrams on their way to the socket. */
#include "framework/dtl/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int p2v_outbox_init(struct p2v_outbox *o, const struct p2v_world *world, struct p2v_udp *udp)
{
	o->world = world;
	o->udp = udp;
	o->segments = world->ops->udp_segments(world->self, udp);
	o->blocked = o->parted = false;
	o->n = o->used = 0;
	o->own = !world->ops->udp_room;
	o->buf = o->own ? malloc(P2V_OUTBOX_BYTES)
			: world->ops->udp_room(world->self, P2V_OUTBOX_BYTES);
	return o->buf ? P2V_OK : P2V_ENOMEM;
}

void p2v_outbox_fini(struct p2v_outbox *o)
{
	if (o->own)
		free(o->buf);
	o->buf = NULL;
}

uint8_t *p2v_outbox_room(struct p2v_outbox *o, size_t n)
{
	assert(n <= P2V_OUTBOX_BYTES);
	if (o->n == P2V_OUTBOX_RUNS || n > P2V_OUTBOX_BYTES - o->used)
		p2v_outbox_flush(o);
	if (o->n == P2V_OUTBOX_RUNS || n > P2V_OUTBOX_BYTES - o->used)
		return NULL;
	return o->buf + o->used;
}

/* A run grows while its datagrams are equal; a shorter one may end it. */
static bool joins(const struct p2v_outbox *o, const struct p2v_addr *to, size_t n)
{
	const struct p2v_dgram *r = &o->run[o->n - 1];
	size_t seg = r->seg ? r->seg : r->n;

	return n <= seg && r->n % seg == 0 && r->n / seg < o->segments &&
	       r->n + n <= P2V_RUN_BYTES && p2v_addr_equal(&r->addr, to);
}

void p2v_outbox_add(struct p2v_outbox *o, const struct p2v_addr *to, size_t n)
{
	if (o->n && !o->parted && joins(o, to, n)) {
		struct p2v_dgram *r = &o->run[o->n - 1];

		if (r->seg == 0)
			r->seg = (uint16_t)r->n;
		r->n += n;
	} else {
		o->run[o->n++] = (struct p2v_dgram){ .addr = *to, .p = o->buf + o->used, .n = n };
	}
	o->used += n;
	o->parted = false;
}

void p2v_outbox_part(struct p2v_outbox *o)
{
	o->parted = true;
}

void p2v_outbox_flush(struct p2v_outbox *o)
{
	size_t taken;

	if (o->n == 0 || o->blocked)
		return;
	taken = o->world->ops->udp_send(o->world->self, o->udp, o->run, o->n);
	o->blocked = taken < o->n;
	if (!o->blocked) {
		o->n = o->used = 0;
		return;
	}
	/* The bytes stay where they are; when all have left, the buffer starts again. */
	memmove(o->run, o->run + taken, (o->n - taken) * sizeof *o->run);
	o->n -= taken;
}

void p2v_outbox_writable(struct p2v_outbox *o)
{
	o->blocked = false;
	p2v_outbox_flush(o);
}
