/* udp.c - the machines' links, and the datagrams that cross them: rate, delay, a drop-tail queue,
 * loss, duplication and reordering. What streams make of the same links is in pipe.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/sender.h"

enum { DGRAM_OVERHEAD = 28 }; /* [B] IPv4 and UDP headers */
enum { LOOPBACK_DELAY = 50 }; /* [us] so that talking to oneself takes some time, too */
enum { HOME_DELAY = 1000 };   /* [us] between two machines behind one NAT box */

struct p2v_udp {
	struct p2v_addr addr; /* as others see it: hash */
	struct p2v_machine *machine;
	const struct p2v_udp_handler *handler;
	void *ctx;
	UT_hash_handle hh;
};

struct packet {
	struct p2v_event event;
	struct p2v_machine *receiver;
	struct p2v_addr from, to;
	struct p2v_sim_box *box; /* that it has to pass when it is there */
	size_t n;
	uint8_t p[];
};

/* ---- links ---- */

uint64_t p2v_link_waiting(const struct p2v_machine *m, bool up)
{
	uint64_t rate = up ? m->link.up : m->link.down;
	p2v_usec busy = up ? m->up_free : m->down_free, now = m->sim->now;

	return busy > now ? (uint64_t)(busy - now) * rate / P2V_SECOND : 0;
}

/* [us] that n bytes take, rounded up, so that a link never carries more than its rate. */
static p2v_usec serialization(uint64_t n, uint64_t rate)
{
	return rate ? (p2v_usec)((n * P2V_SECOND + rate - 1) / rate) : 0;
}

p2v_usec p2v_link_pass(struct p2v_machine *m, bool up, size_t n, bool bounded)
{
	uint64_t rate = up ? m->link.up : m->link.down;
	uint64_t limit = up && m->link.queue_up ? m->link.queue_up : m->link.queue;
	p2v_usec *busy = up ? &m->up_free : &m->down_free, now = m->sim->now;

	if (rate == 0)
		return now;
	if (bounded && limit && p2v_link_waiting(m, up) + n > limit)
		return P2V_NEVER;
	*busy = (*busy > now ? *busy : now) + serialization(n, rate);
	return *busy;
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

static void ended(struct p2v_sim *s, size_t n, bool received)
{
	s->ledger.in_flight--;
	s->ledger.in_flight_bytes -= n + DGRAM_OVERHEAD;
	if (received) {
		s->ledger.received++;
		s->ledger.received_bytes += n + DGRAM_OVERHEAD;
	} else {
		s->ledger.lost++;
		s->ledger.lost_bytes += n + DGRAM_OVERHEAD;
	}
}

/* ---- sockets ---- */

static struct p2v_udp *socket_at(struct p2v_sim *s, const struct p2v_addr *a)
{
	struct p2v_addr key = *a;
	struct p2v_udp *u;

	HASH_FIND(hh, s->sockets, &key, sizeof key, u);
	return u;
}

bool p2v_sim_udp_taken(struct p2v_sim *s, const struct p2v_addr *a)
{
	return socket_at(s, a) != NULL;
}

static void deliver(struct p2v_event *e, bool dropped)
{
	struct packet *k = P2V_OF(e, struct packet, event);
	struct p2v_machine *m = k->receiver;
	struct p2v_udp *u = dropped ? NULL : socket_at(m->sim, &k->to);
	struct p2v_dgram d = { .addr = k->from, .p = k->p, .n = k->n };

	ended(m->sim, k->n, !dropped);
	if (!dropped) {
		m->count.received++;
		m->count.received_bytes += k->n + DGRAM_OVERHEAD;
	}
	if (u) {
		p2v_sim_mix_event(m, P2V_SIM_DGRAM);
		p2v_sim_mix_bytes(m->sim, k->p, k->n);
		u->handler->received(u->ctx, &d, 1);
	}
	free(k);
}

/* Nobody hears of it: routers need not tell, and we do not listen (RFC 8899 1.1). */
static bool oversized(struct p2v_machine *m, size_t n)
{
	if (m->link.mtu == 0 || n + DGRAM_OVERHEAD <= m->link.mtu)
		return false;
	m->count.oversized++;
	return true;
}

/* Through the boxes before the receiver. @return false: one of them dropped it */
static bool enters(struct packet *k)
{
	struct p2v_route r = { .from = k->from, .dst = k->to, .box = k->box };

	if (!k->box)
		return true;
	if (!p2v_route_in(k->receiver->sim, &r))
		return false;
	k->receiver = r.to;
	k->to = r.dst;
	return true;
}

/* The packet is at the far end of the network: before the receiver's link. */
static void arrive(struct p2v_event *e, bool dropped)
{
	struct packet *k = P2V_OF(e, struct packet, event);
	bool entered = !dropped && enters(k);
	struct p2v_machine *m = k->receiver;
	p2v_usec at;

	if (!entered || m->dead || oversized(m, k->n)) {
		ended(m->sim, k->n, false);
		free(k);
		return;
	}
	at = p2v_link_pass(m, false, k->n + DGRAM_OVERHEAD, true);
	if (at == P2V_NEVER) {
		p2v_sim_mix_event(m, P2V_SIM_LOST);
		m->count.overflowed++;
		ended(m->sim, k->n, false);
		free(k);
		return;
	}
	if (m->sim->flows)
		at += p2v_link_wait(m, false);
	p2v_event_init(e, m->sim, m, deliver);
	p2v_event_at(e, at);
}

/* @param out  it crosses lines: those of both ends, and the network between them */
static void packet_send(struct p2v_machine *m, const struct p2v_route *r, bool out,
	const uint8_t *p, size_t n, p2v_usec left)
{
	struct p2v_machine *to = r->to;
	struct packet *k = to && (r->box || !to->dead) ? malloc(sizeof *k + n) : NULL;
	p2v_usec at = left;

	if (!k) {
		ended(m->sim, n, false);
		return;
	}
	p2v_event_init(&k->event, m->sim, out ? NULL : to, out ? arrive : deliver);
	k->receiver = to;
	k->from = r->from;
	k->to = r->dst;
	k->box = r->box;
	if (to == m) { /* loopback, too, is the machine's own address here */
		k->to = to->ip;
		k->to.port = r->dst.port;
	}
	k->n = n;
	if (n)
		memcpy(k->p, p, n);
	at += p2v_path_delay(m, to);
	if (out && chance(m->sim, m->link.reorder))
		at += m->link.reorder_by;
	p2v_event_at(&k->event, at);
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
	struct p2v_udp *u = socket_at(m->sim, &r->dst);

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
		ended(m->sim, n, false);
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
	struct p2v_udp *u = socket_at(m->sim, old);

	if (!u || u->machine != m || socket_at(m->sim, addr))
		return P2V_ENOENT;
	HASH_DEL(m->sim->sockets, u);
	u->addr = *addr;
	HASH_ADD(hh, m->sim->sockets, addr, sizeof u->addr, u);
	return P2V_HASH_ADDED(hh, u) ? P2V_OK : P2V_ENOMEM;
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
	if (socket_at(m->sim, &u->addr)) {
		free(u);
		return p2v_fail(err, P2V_EIO, "port %u is taken", bind->port);
	}
	HASH_ADD(hh, m->sim->sockets, addr, sizeof u->addr, u);
	if (!P2V_HASH_ADDED(hh, u)) {
		free(u);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	}
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

	if (u->hh.tbl)
		HASH_DEL(m->sim->sockets, u);
	free(u);
}
