/* udp.c - the machines' links, and the datagrams that cross them: rate, delay, a drop-tail queue,
 * loss, duplication and reordering. What streams make of the same links is in pipe.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/sender.h"

enum { DGRAM_OVERHEAD = 28 }; /* [B] IPv4 and UDP headers */
enum { LOOPBACK_DELAY = 50 }; /* [us] so that talking to oneself takes some time, too */

enum { HOME_DELAY = 1000 }; /* [us] between two machines behind one NAT box */

/* A datagram to oneself, or to a neighbour behind the same NAT box: no link, no network. */
struct own_packet {
	struct p2v_event event;
	struct p2v_packet_way *packet;
};

/* A datagram under way to a NAT box, which looks at it when it is there. */
struct boxed_packet {
	struct p2v_event event;
	struct p2v_packet_way *packet;
	struct p2v_machine *sender;
	struct p2v_sim_box *box;
};

/* ---- links ---- */

static uint64_t waiting_at(const struct p2v_machine *m, bool up, p2v_usec now)
{
	uint64_t rate = up ? m->link.up : m->link.down;
	p2v_usec busy = up ? m->up_free : m->down_free;

	return busy > now ? (uint64_t)(busy - now) * rate / P2V_SECOND : 0;
}

uint64_t p2v_link_waiting(struct p2v_machine *m, bool up)
{
	if (!up)
		p2v_inbox_follow(m);
	return waiting_at(m, up, m->sim->now);
}

/* [us] that n bytes take, rounded up, so that a link never carries more than its rate. */
static p2v_usec serialization(uint64_t n, uint64_t rate)
{
	return rate ? (p2v_usec)((n * P2V_SECOND + rate - 1) / rate) : 0;
}

static p2v_usec pass_at(struct p2v_machine *m, bool up, size_t n, bool bounded, p2v_usec now)
{
	uint64_t rate = up ? m->link.up : m->link.down;
	uint64_t limit = up && m->link.queue_up ? m->link.queue_up : m->link.queue;
	p2v_usec *busy = up ? &m->up_free : &m->down_free;

	if (rate == 0)
		return now;
	if (bounded && limit && waiting_at(m, up, now) + n > limit)
		return P2V_NEVER;
	*busy = (*busy > now ? *busy : now) + serialization(n, rate);
	return *busy;
}

p2v_usec p2v_link_pass(struct p2v_machine *m, bool up, size_t n, bool bounded)
{
	if (!up)
		p2v_inbox_follow(m);
	return pass_at(m, up, n, bounded, m->sim->now);
}

p2v_usec p2v_link_estimate(const struct p2v_machine *m, size_t n, p2v_usec at)
{
	p2v_usec from = m->link.down && m->down_free > at ? m->down_free : at;

	return from + serialization(n + DGRAM_OVERHEAD, m->link.down);
}

void p2v_machine_set_link(struct p2v_machine *m, const struct p2v_link *link)
{
	uint64_t up = p2v_link_waiting(m, true), down = p2v_link_waiting(m, false);

	/* What waits leaves at the new rate. What has its time already keeps it. */
	m->link = *link;
	p2v_fluid_link_set(&m->up, (double)link->up);
	p2v_fluid_link_set(&m->down, (double)link->down);
	m->up_free = m->sim->now + serialization(up, link->up);
	m->down_free = m->sim->now + serialization(down, link->down);
}

p2v_usec p2v_path_delay(const struct p2v_machine *a, const struct p2v_machine *b)
{
	p2v_usec delay = a->link.delay + b->link.delay;
	double dx, dy;

	if (a == b)
		return LOOPBACK_DELAY;
	if (a->box && a->box == b->box)
		return HOME_DELAY;
	if (!a->placed || !b->placed)
		return delay;
	dx = a->x - (double)b->x;
	dy = a->y - (double)b->y;
	return delay + (p2v_usec)sqrt(dx * dx + dy * dy); /* exact in IEEE 754: the same anywhere */
}

static bool chance(struct p2v_sim *s, double p)
{
	return p > 0 && p2v_random_unit(&s->network) < p;
}

/* ---- where every datagram is ---- */

static void set_out(struct p2v_sim *s, size_t n)
{
	s->ledger.sent++;
	s->ledger.in_flight++;
	s->ledger.sent_bytes += n + DGRAM_OVERHEAD;
	s->ledger.in_flight_bytes += n + DGRAM_OVERHEAD;
}

void p2v_ledger_ended(struct p2v_machine *m, size_t n, bool received)
{
	struct p2v_sim_ledger *l = &m->sim->ledger;

	l->in_flight--;
	l->in_flight_bytes -= n + DGRAM_OVERHEAD;
	if (received) {
		l->received++;
		l->received_bytes += n + DGRAM_OVERHEAD;
		m->count.received++;
		m->count.received_bytes += n + DGRAM_OVERHEAD;
	} else {
		l->lost++;
		l->lost_bytes += n + DGRAM_OVERHEAD;
	}
}

/* ---- the receiver's end ---- */

bool p2v_sim_udp_taken(struct p2v_sim *s, const struct p2v_addr *a)
{
	return p2v_sockets_find(&s->sockets, a) != NULL;
}

/* Nobody hears of it: routers need not tell, and we do not listen (RFC 8899 1.1). */
static bool oversized(struct p2v_machine *m, size_t n)
{
	if (m->link.mtu == 0 || n + DGRAM_OVERHEAD <= m->link.mtu)
		return false;
	m->count.oversized++;
	return true;
}

p2v_usec p2v_link_take(struct p2v_machine *m, size_t n, p2v_usec now)
{
	p2v_usec at = P2V_NEVER;

	if (!m->dead && !oversized(m, n)) {
		at = pass_at(m, false, n + DGRAM_OVERHEAD, true, now);
		if (at == P2V_NEVER) {
			p2v_sim_mix_event(m, P2V_SIM_LOST);
			m->count.overflowed++;
		}
	}
	if (at == P2V_NEVER)
		p2v_ledger_ended(m, n, false);
	else if (m->sim->flows)
		at += p2v_link_wait(m, false);
	return at;
}

static void own_arrived(struct p2v_event *e, bool dropped)
{
	struct own_packet *o = P2V_OF(e, struct own_packet, event);
	struct p2v_packet_way *k = o->packet;
	struct p2v_machine *m = p2v_event_machine(e);
	struct p2v_udp *u = dropped ? NULL : p2v_sockets_find(&m->sim->sockets, &k->to);
	struct p2v_dgram d = { .addr = k->from, .p = k->p, .n = k->n };

	p2v_ledger_ended(m, k->n, !dropped);
	if (u && k->n_lent) {
		p2v_packet_lay_out(k, m->sim->desk, true);
		d.p = m->sim->desk;
	}
	if (u) {
		p2v_sim_mix_event(m, P2V_SIM_DGRAM);
		p2v_packet_mix(m->sim, k);
		u->handler->received(u->ctx, &d, 1);
	}
	p2v_packet_free(m->sim, k);
	free(o);
}

static const struct p2v_event_kind own_arrived_kind = { .run = own_arrived };

/* ---- the sender's end ---- */

static void packet_lost(struct p2v_machine *m, struct p2v_packet_way *k)
{
	p2v_ledger_ended(m, k->n, false);
	p2v_packet_free(m->sim, k);
}

static void send_home(struct p2v_machine *m, struct p2v_machine *to, struct p2v_packet_way *k)
{
	struct own_packet *o = malloc(sizeof *o);
	uint16_t port = k->to.port;

	if (!o) {
		packet_lost(m, k);
		return;
	}
	if (to == m) { /* loopback, too, is the machine's own address here */
		k->to = m->ip;
		k->to.port = port;
	}
	o->packet = k;
	p2v_event_init(&o->event, m->sim, to, &own_arrived_kind);
	p2v_event_at(&o->event, m->sim->now + p2v_path_delay(m, to));
}

/* The packet is before the box of its receiver. */
static void at_box(struct p2v_event *e, bool dropped)
{
	struct boxed_packet *b = P2V_OF(e, struct boxed_packet, event);
	struct p2v_packet_way *k = b->packet;
	struct p2v_route r = { .from = k->from, .dst = k->to, .box = b->box };
	struct p2v_sim *s = p2v_event_sim(e);

	if (dropped || !p2v_route_in(s, &r)) {
		packet_lost(b->sender, k);
	} else {
		k->to = r.dst;
		p2v_inbox_put(r.to, k, s->now);
	}
	free(b);
}

static const struct p2v_event_kind at_box_kind = { .run = at_box };

static void send_to_box(
	struct p2v_machine *m, struct p2v_sim_box *box, struct p2v_packet_way *k, p2v_usec at)
{
	struct boxed_packet *b = malloc(sizeof *b);

	if (!b) {
		packet_lost(m, k);
		return;
	}
	b->packet = k;
	b->sender = m;
	b->box = box;
	p2v_event_init(&b->event, m->sim, NULL, &at_box_kind);
	p2v_event_at(&b->event, at);
}

/* @param out  it crosses lines: those of both ends, and the network between them */
static void packet_send(struct p2v_machine *m, const struct p2v_route *r, bool out,
	const uint8_t *p, size_t n, p2v_usec left)
{
	struct p2v_machine *to = r->to;
	bool there = to && (r->box || !to->dead);
	struct p2v_packet_way *k = there ? p2v_packet_new(m->sim, p, n) : NULL;
	p2v_usec at = left;

	if (!k) {
		p2v_ledger_ended(m, n, false);
		return;
	}
	k->from = r->from;
	k->to = r->dst;
	if (!out) {
		send_home(m, to, k);
		return;
	}
	at += p2v_path_delay(m, to);
	if (chance(m->sim, m->link.reorder))
		at += m->link.reorder_by;
	if (r->box)
		send_to_box(m, r->box, k, at);
	else
		p2v_inbox_put(to, k, at);
}

/* Whether a datagram gets out into the network. @param left  [out] when */
static bool leaves(struct p2v_machine *m, const struct p2v_machine *to, size_t n, p2v_usec *left)
{
	if (oversized(m, n))
		return false;
	*left = p2v_link_pass(m, true, n + DGRAM_OVERHEAD, true);
	if (*left == P2V_NEVER) {
		m->count.overflowed++;
		return false;
	}
	if (m->sim->flows)
		*left += p2v_link_wait(m, true);
	if (chance(m->sim, m->link.loss) || (to && to->island != m->island)) {
		m->count.lost++;
		return false;
	}
	return true;
}

/* Sets where it goes. @return false: a box dropped it */
static bool route(struct p2v_machine *m, struct p2v_route *r)
{
	/* A socket may have an address that its machine does not. */
	struct p2v_udp *u = p2v_sockets_find(&m->sim->sockets, &r->dst);

	if (p2v_addr_is_loopback(&r->dst))
		r->to = m;
	else if (u && !u->machine->box && !m->box)
		r->to = u->machine;
	else
		return p2v_route_out(m, r);
	return true;
}

/* Neighbours behind one box have no line between them. */
static bool crosses_lines(const struct p2v_machine *m, const struct p2v_route *r)
{
	return r->to != m && !(r->to && !r->box && m->box && r->to->box == m->box);
}

static void datagram_out(struct p2v_udp *u, const struct p2v_addr *to, const uint8_t *p, size_t n)
{
	struct p2v_machine *m = u->machine;
	struct p2v_route r = { .from = u->addr, .dst = *to };
	p2v_usec left = m->sim->now;
	bool passed, out;

	m->count.sent++;
	m->count.sent_bytes += n + DGRAM_OVERHEAD;
	set_out(m->sim, n);
	passed = route(m, &r);
	out = crosses_lines(m, &r);
	if (!passed || (out && !leaves(m, r.to, n, &left))) {
		p2v_ledger_ended(m, n, false);
		return;
	}
	packet_send(m, &r, out, p, n, left);
	if (out && chance(m->sim, m->link.duplicate)) {
		set_out(m->sim, n);
		packet_send(m, &r, out, p, n, left);
	}
}

int p2v_machine_rebind(
	struct p2v_machine *m, const struct p2v_addr *old, const struct p2v_addr *addr)
{
	struct p2v_sockets *t = &m->sim->sockets;
	struct p2v_udp *u = p2v_sockets_find(t, old);

	if (!u || u->machine != m || p2v_sockets_find(t, addr))
		return P2V_ENOENT;
	p2v_sockets_remove(t, u);
	u->addr = *addr;
	return p2v_sockets_add(t, u);
}

/* ---- the interface ---- */

int p2v_sim_udp_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct p2v_udp *u = calloc(1, sizeof *u);

	if (!u)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	u->addr = m->ip;
	u->addr.port = bind->port ? bind->port : p2v_machine_port(m);
	u->machine = m;
	u->handler = h;
	u->ctx = ctx;
	if (p2v_sim_udp_taken(m->sim, &u->addr)) {
		free(u);
		return p2v_fail(err, P2V_EIO, "port %u is taken", bind->port);
	}
	if (p2v_sockets_add(&m->sim->sockets, u) != P2V_OK) {
		free(u);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	}
	p2v_list_push(&m->sockets, &u->at);
	*out = u;
	*bound = u->addr;
	return P2V_OK;
}

size_t p2v_sim_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	struct p2v_machine *m = self;

	for (size_t i = 0; i < n && !m->dead; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		for (size_t off = 0; off < v[i].n; off += seg)
			datagram_out(u, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	p2v_lends_clear(m->sim);
	return n;
}

size_t p2v_sim_udp_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
	return 16;
}

void p2v_sim_udp_close(void *self, struct p2v_udp *u)
{
	struct p2v_machine *m = self;

	if (p2v_sockets_find(&m->sim->sockets, &u->addr) == u)
		p2v_sockets_remove(&m->sim->sockets, u);
	p2v_list_remove(&u->at);
	free(u);
}
