/* inbox.c - what is on its way to a machine, its link, and its delivery. */
#include "sdk/sim/inbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/inside.h"
#include "sdk/sim/sender.h"

/* ---- in the network ---- */

static int room(struct p2v_inbox *b)
{
	struct p2v_arrival *v;
	size_t cap = b->cap ? 2 * b->cap : 8;

	if (b->head + b->n < b->cap)
		return P2V_OK;
	if (b->head >= b->cap / 2 && b->head > 0) {
		memmove(b->v, b->v + b->head, b->n * sizeof *b->v);
		b->head = 0;
		return P2V_OK;
	}
	v = realloc(b->v, cap * sizeof *v);
	if (!v)
		return P2V_ENOMEM;
	b->v = v;
	b->cap = cap;
	return P2V_OK;
}

static bool before(const struct p2v_arrival *a, const struct p2v_arrival *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

/* Most arrive in the order in which they were sent. */
static void insert(struct p2v_inbox *b, const struct p2v_arrival *a)
{
	size_t i = b->head + b->n++;

	for (; i > b->head && before(a, &b->v[i - 1]); i--)
		b->v[i] = b->v[i - 1];
	b->v[i] = *a;
}

/* ---- the event ---- */

/* When the first may be delivered: no sooner than its link lets it through. */
static p2v_usec first_due(struct p2v_machine *m)
{
	const struct p2v_inbox *b = &m->inbox;
	const struct p2v_arrival *a = b->v + b->head;

	if (b->ready)
		return b->ready->due + m->sim->coalesce;
	if (b->n == 0)
		return P2V_NEVER;
	return p2v_link_estimate(m, a->packet->n, a->at) + m->sim->coalesce;
}

static void arm(struct p2v_machine *m)
{
	p2v_usec due = first_due(m);

	if (due >= m->inbox.armed)
		return;
	m->inbox.armed = due;
	p2v_event_at(&m->inbox.event, due);
}

/* ---- through the link ---- */

static void enter(struct p2v_machine *m, struct p2v_packet_way *k, p2v_usec at)
{
	struct p2v_inbox *b = &m->inbox;
	p2v_usec due = p2v_link_take(m, k->n, at);

	if (due == P2V_NEVER) {
		p2v_packet_free(m->sim, k);
		return;
	}
	k->due = b->ready && due < b->last->due ? b->last->due : due;
	k->next = NULL;
	if (b->ready)
		b->last->next = k;
	else
		b->ready = k;
	b->last = k;
}

void p2v_inbox_follow(struct p2v_machine *m)
{
	struct p2v_inbox *b = &m->inbox;

	while (b->n && b->v[b->head].at <= m->sim->now) {
		struct p2v_arrival a = b->v[b->head++];

		b->n--;
		enter(m, a.packet, a.at);
	}
	if (b->n == 0)
		b->head = 0;
}

/* ---- delivery ---- */

/* An address may have moved to another machine's socket while the packet was under way. */
static struct p2v_udp *socket_of(struct p2v_machine *m, const struct p2v_addr *a)
{
	P2V_LIST_EACH (it, &m->sockets) {
		struct p2v_udp *u = P2V_OF(it, struct p2v_udp, at);

		if (p2v_addr_equal(&u->addr, a))
			return u;
	}
	return p2v_sockets_find(&m->sim->sockets, a);
}

/* The datagram as its socket sees it. What is lent is not written for those who ask for it; others
 * find all of it. */
static struct p2v_dgram shown(struct p2v_sim *s, struct p2v_packet_way *k, size_t i, bool asks)
{
	struct p2v_dgram d = { .addr = k->from, .p = k->p, .n = k->n };

	if (k->n_lent) {
		p2v_packet_lay_out(k, s->desk + i * P2V_DESK_PLACE, !asks);
		d.p = s->desk + i * P2V_DESK_PLACE;
	}
	s->on_desk[i] = asks ? k : NULL;
	return d;
}

/* The next packets that are due, of one socket: one call, as recvmmsg gives them. */
static void deliver_some(struct p2v_machine *m)
{
	struct p2v_inbox *b = &m->inbox;
	struct p2v_sim *s = m->sim;
	struct p2v_udp *u = socket_of(m, &b->ready->to);
	struct p2v_packet_way *first = b->ready, *k = first;
	struct p2v_dgram v[P2V_DESK_PLACES];
	size_t n = 0;

	while (k && k->due <= s->now && n < P2V_DESK_PLACES && p2v_addr_equal(&k->to, &first->to)) {
		p2v_ledger_ended(m, k->n, true);
		if (u) {
			v[n] = shown(s, k, n, u->handler->asks);
			p2v_sim_mix_event(m, P2V_SIM_DGRAM);
			p2v_packet_mix(s, k);
		}
		n++;
		k = k->next;
	}
	b->ready = k;
	s->n_on_desk = n;
	if (u)
		u->handler->received(u->ctx, v, n);
	s->n_on_desk = 0;
	while (n--) {
		k = first->next;
		p2v_packet_free(s, first);
		first = k;
	}
}

/* The machine is dead, or the run is over. */
static void lose_all(struct p2v_machine *m)
{
	struct p2v_inbox *b = &m->inbox;

	while (b->ready) {
		struct p2v_packet_way *k = b->ready;

		b->ready = k->next;
		p2v_ledger_ended(m, k->n, false);
		p2v_packet_free(m->sim, k);
	}
	while (b->n) {
		struct p2v_packet_way *k = b->v[b->head++].packet;

		b->n--;
		p2v_ledger_ended(m, k->n, false);
		p2v_packet_free(m->sim, k);
	}
	b->head = 0;
}

static void work(struct p2v_event *e, bool dropped)
{
	struct p2v_machine *m = P2V_OF(e, struct p2v_machine, inbox.event);
	struct p2v_inbox *b = &m->inbox;

	b->armed = P2V_NEVER;
	p2v_inbox_follow(m);
	while (!dropped && !m->dead && b->ready && b->ready->due <= m->sim->now)
		deliver_some(m);
	if (dropped || m->dead)
		lose_all(m);
	else
		arm(m);
}

/* The machine with its link, what waits there, and who reads. */
static void look(const struct p2v_event *e, unsigned step)
{
	const struct p2v_machine *m = P2V_OF((void *)(uintptr_t)e, struct p2v_machine, inbox.event);
	const struct p2v_inbox *b = &m->inbox;
	const struct p2v_udp *u = P2V_OF(m->sockets.next, struct p2v_udp, at);

	switch (step) {
	case 0:
		p2v_touch_lines(m, 4);
		p2v_touch_lines(&m->up_free, 3);
		break;
	case 1:
		p2v_touch(b->v ? b->v + b->head : NULL);
		p2v_touch_lines(b->ready, 4);
		p2v_touch_lines(u, 2);
		break;
	default:
		if (b->n)
			p2v_touch_lines(b->v[b->head].packet, 4);
		if (!p2v_list_empty(&m->sockets))
			p2v_touch_lines(u->ctx, 4);
		break;
	}
}

static const struct p2v_event_kind work_kind = { .run = work, .look = look };

void p2v_inbox_put(struct p2v_machine *m, struct p2v_packet_way *k, p2v_usec at)
{
	struct p2v_inbox *b = &m->inbox;
	struct p2v_arrival a = { .at = at, .packet = k };

	if (room(b) != P2V_OK) {
		p2v_ledger_ended(m, k->n, false);
		p2v_packet_free(m->sim, k);
		return;
	}
	a.order = p2v_timers_number(&m->sim->timers.soon);
	insert(b, &a);
	if (b->v[b->head].packet == k)
		arm(m);
}

void p2v_inbox_init(struct p2v_machine *m)
{
	p2v_event_init(&m->inbox.event, m->sim, m, &work_kind);
	m->inbox.armed = P2V_NEVER;
}

void p2v_inbox_fini(struct p2v_machine *m)
{
	assert(m->inbox.n == 0 && !m->inbox.ready);
	free(m->inbox.v);
}
