/* dtl_wire.c - sockets that allocate nothing. */
#include "tests/sim/dtl_wire.h"

#include <criterion/criterion.h>
#include <string.h>

#include "framework/base/list.h"

void queue_put(struct queue *q, const struct p2v_addr *addr, p2v_usec due, const void *p, size_t n)
{
	struct slot *s = &q->slot[(q->first + q->n) % SLOTS];

	cr_assert(q->n < SLOTS && n <= ROOM);
	s->addr = *addr;
	s->due = due;
	s->n = n;
	memcpy(s->p, p, n);
	q->n++;
}

const struct slot *queue_take(struct queue *q, p2v_usec now)
{
	const struct slot *s = &q->slot[q->first];

	if (q->n == 0 || s->due > now)
		return NULL;
	q->first = (q->first + 1) % SLOTS;
	q->n--;
	return s;
}

static int wire_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct wire *w = P2V_OF((struct fake_world *)self, struct wire, base);
	struct p2v_udp *u = &w->udp[w->opened];

	(void)err;
	cr_assert_lt(w->opened, SOCKETS);
	*u = (struct p2v_udp){ .wire = w, .handler = h, .ctx = ctx };
	u->addr = p2v_addr_v4(0x0a000001u + w->opened++, bind->port);
	*bound = u->addr;
	*out = u;
	return P2V_OK;
}

static size_t wire_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	(void)self;
	for (size_t i = 0; i < n; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		for (size_t off = 0; off < v[i].n; off += seg)
			u->wire->sent(u, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	return n;
}

static size_t wire_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	return u->wire->segments;
}

static void wire_close(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
}

void wire_init(struct wire *w,
	void (*sent)(struct p2v_udp *from, const struct p2v_addr *to, const uint8_t *p, size_t n))
{
	w->ops = fake_world_ops;
	w->ops.udp_open = wire_open;
	w->ops.udp_send = wire_send;
	w->ops.udp_segments = wire_segments;
	w->ops.udp_close = wire_close;
	w->world = (struct p2v_world){ &w->ops, &w->base };
	w->base.now = P2V_SECOND;
	w->segments = 1;
	w->sent = sent;
}

void wire_receive(struct p2v_udp *u, const struct slot *s)
{
	struct p2v_dgram d = { .addr = s->addr, .p = s->p, .n = s->n };

	u->handler->received(u->ctx, &d, 1);
}

void wire_fire(struct wire *w)
{
	struct p2v_timer *t;

	while ((t = p2v_timers_pop(&w->base.timers, w->base.now)))
		t->fire(t, w->base.now);
}
