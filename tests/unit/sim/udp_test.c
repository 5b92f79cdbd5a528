/* udp_test.c - links and datagrams of the virtual network against sums done by hand. */
#include "tests/unit/sim/pair.h"

#include <string.h>

TestSuite(sim_udp, .timeout = 60);

enum { GOT_MAX = 256 };

struct ear {
	struct p2v_sim *sim;
	struct p2v_udp *u;
	struct p2v_addr at, from;
	unsigned n;
	p2v_usec when[GOT_MAX];
	uint8_t first[GOT_MAX]; /* the first byte of each */
	size_t bytes;
};

static void on_received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct ear *e = ctx;

	for (size_t i = 0; i < n && e->n < GOT_MAX; i++) {
		e->when[e->n] = p2v_sim_now(e->sim);
		e->first[e->n++] = v[i].p[0];
		e->bytes += v[i].n;
		e->from = v[i].addr;
	}
}

static void on_writable(void *ctx)
{
	(void)ctx;
}

static const struct p2v_udp_handler handler = { .received = on_received, .writable = on_writable };

static void listen_on(struct ear *e, struct p2v_machine *m, struct p2v_sim *sim, uint16_t port)
{
	struct p2v_world w = p2v_machine_world(m);
	struct p2v_addr any = { .port = port };
	struct p2v_err err;

	*e = (struct ear){ .sim = sim };
	cr_assert_eq(w.ops->udp_open(w.self, &any, &handler, e, &e->u, &e->at, &err), P2V_OK);
}

static void stop(struct ear *e, struct p2v_machine *m)
{
	struct p2v_world w = p2v_machine_world(m);

	w.ops->udp_close(w.self, e->u);
}

static void send_one(
	struct p2v_machine *m, struct ear *from, const struct p2v_addr *to, uint8_t first, size_t n)
{
	struct p2v_world w = p2v_machine_world(m);
	uint8_t buf[4000];
	struct p2v_dgram d = { .addr = *to, .p = buf, .n = n };

	memset(buf, 0, sizeof buf);
	buf[0] = first;
	cr_assert_eq(w.ops->udp_send(w.self, from->u, &d, 1), 1);
}

Test(sim_udp, both_links_and_the_delay_add_up)
{
	/* 1000 bytes with headers: 8 ms out, 30 ms on the way, 4 ms in. */
	struct p2v_link near = { .up = 125000, .delay = 10000 };
	struct p2v_link far = { .down = 250000, .delay = 20000 };
	struct pair p;
	struct ear a, b;
	struct p2v_link_count c;

	pair_open(&p, &near, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	send_one(p.near, &a, &b.at, 1, 972);
	send_one(p.near, &a, &b.at, 2, 972);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(b.when[0], 42000);
	cr_assert_eq(b.when[1], 50000, "leaves at 16, is there at 46, is in at 50");
	cr_assert(p2v_addr_equal(&b.from, &a.at));
	p2v_machine_count(p.near, &c);
	cr_assert_eq(c.sent, 2);
	cr_assert_eq(c.sent_bytes, 2000);
	p2v_machine_count(p.far, &c);
	cr_assert_eq(c.received_bytes, 2000);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, a_full_queue_drops_the_tail)
{
	struct p2v_link near = { .up = 125000, .queue = 3000 }, far = { .delay = 0 };
	struct pair p;
	struct ear a, b;
	struct p2v_link_count c;

	pair_open(&p, &near, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	for (uint8_t i = 0; i < 5; i++)
		send_one(p.near, &a, &b.at, i, 972);
	p2v_sim_run(p.sim, 8000); /* one is out: there is room for one */
	send_one(p.near, &a, &b.at, 7, 972);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 4);
	cr_assert_eq(b.first[2], 2);
	cr_assert_eq(b.first[3], 7);
	p2v_machine_count(p.near, &c);
	cr_assert_eq(c.overflowed, 2);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, what_arrives_at_a_full_queue_is_lost_there)
{
	struct p2v_link near = { .up = 0 }, far = { .down = 125000, .queue = 2500 };
	struct pair p;
	struct ear a, b;
	struct p2v_link_count c;

	pair_open(&p, &near, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	for (uint8_t i = 0; i < 4; i++)
		send_one(p.near, &a, &b.at, i, 972);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 2);
	p2v_machine_count(p.far, &c);
	cr_assert_eq(c.overflowed, 2);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, segments_are_datagrams_of_their_own)
{
	struct p2v_link free_link = { .up = 0 };
	struct pair p;
	struct ear a, b;
	uint8_t buf[2500] = { 0 };
	struct p2v_dgram d = { .p = buf, .n = sizeof buf, .seg = 1000 };

	pair_open(&p, &free_link, &free_link);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	d.addr = b.at;
	cr_assert_eq(p.w.ops->udp_send(p.w.self, a.u, &d, 1), 1);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 3);
	cr_assert_eq(b.bytes, 2500);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, chance_loses_doubles_and_reorders)
{
	struct p2v_link near = { .loss = 0.25 }, far = { .up = 0 };
	struct pair p;
	struct ear a, b;
	struct p2v_link_count c;
	bool late = false;

	pair_open(&p, &near, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	for (int i = 0; i < 200; i++)
		send_one(p.near, &a, &b.at, (uint8_t)i, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	p2v_machine_count(p.near, &c);
	cr_assert_eq(b.n + c.lost, 200);
	cr_assert(c.lost > 20 && c.lost < 80);
	near = (struct p2v_link){ .duplicate = 1, .reorder = 0.5, .reorder_by = 5000 };
	p2v_machine_set_link(p.near, &near);
	b.n = 0;
	for (int i = 0; i < 100; i++)
		send_one(p.near, &a, &b.at, (uint8_t)i, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 200);
	for (unsigned i = 1; i < b.n; i++)
		late |= b.first[i] < b.first[i - 1];
	cr_assert(late);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, what_waits_leaves_at_the_new_rate)
{
	struct p2v_link slow = { .up = 1000 }, fast = { .up = 1000000 }, far = { .down = 0 };
	struct pair p;
	struct ear a, b;

	pair_open(&p, &slow, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	send_one(p.near, &a, &b.at, 1, 972); /* keeps its time: 1 s */
	p2v_machine_set_link(p.near, &fast);
	send_one(p.near, &a, &b.at, 2, 972); /* behind 1000 bytes that now take 1 ms */
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(b.when[0], 2000);
	cr_assert_eq(b.first[0], 2);
	cr_assert_eq(b.when[1], P2V_SECOND);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, talking_to_oneself_crosses_no_link)
{
	struct p2v_link slow = { .up = 10, .down = 10, .delay = P2V_SECOND, .loss = 1 };
	struct pair p;
	struct ear a, b;
	struct p2v_addr loopback = p2v_addr_v4(0x7f000001, 9);

	pair_open(&p, &slow, &slow);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.near, p.sim, 9);
	send_one(p.near, &a, &loopback, 1, 1000);
	send_one(p.near, &a, &b.at, 2, 1000);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 2);
	cr_assert_lt(b.when[1], P2V_MSEC);
	stop(&a, p.near);
	stop(&b, p.near);
	pair_close(&p);
}

Test(sim_udp, a_taken_port_is_refused_and_a_dead_machine_is_silent)
{
	struct p2v_link free_link = { .up = 0 };
	struct p2v_addr any = { .port = 9 }, bound;
	struct p2v_udp *u = NULL;
	struct p2v_err err;
	struct pair p;
	struct ear a, b;

	pair_open(&p, &free_link, &free_link);
	listen_on(&a, p.near, p.sim, 9);
	listen_on(&b, p.far, p.sim, 9);
	cr_assert_eq(p.w.ops->udp_open(p.w.self, &any, &handler, &a, &u, &bound, &err), P2V_EIO);
	send_one(p.near, &a, &b.at, 1, 100);
	p2v_machine_kill(p.far); /* before it arrives */
	send_one(p.near, &a, &b.at, 2, 100);
	send_one(p.far, &b, &a.at, 3, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(a.n + b.n, 0);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, what_comes_to_a_frozen_machine_waits)
{
	struct p2v_link free_link = { .up = 0 };
	struct pair p;
	struct ear a, b;

	pair_open(&p, &free_link, &free_link);
	listen_on(&a, p.near, p.sim, 9);
	listen_on(&b, p.far, p.sim, 9);
	p2v_machine_freeze(p.far, true);
	for (uint8_t i = 0; i < 10; i++)
		send_one(p.near, &a, &b.at, i, 100);
	p2v_sim_run(p.sim, P2V_SECOND);
	cr_assert_eq(b.n, 0);
	p2v_machine_freeze(p.far, false);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 10);
	for (uint8_t i = 0; i < 10; i++)
		cr_assert_eq(b.first[i], i);
	cr_assert_eq(b.when[0], P2V_SECOND);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

/* ---- places, islands, and where every datagram is ---- */

Test(sim_udp, distance_on_the_plane_adds_to_the_delay)
{
	struct p2v_link link = { .delay = 1000 };
	struct pair p;
	struct ear a, b;

	pair_open(&p, &link, &link);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	p2v_machine_place(p.near, 1000, 2000);
	send_one(p.near, &a, &b.at, 1, 100); /* the other one is near everybody */
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.when[0], 2000);
	p2v_machine_place(p.far, 31000, 42000); /* 30, 40: 50 ms */
	send_one(p.near, &a, &b.at, 2, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.when[1], 2000 + 52000);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

Test(sim_udp, nothing_passes_from_island_to_island)
{
	struct p2v_link link = { .delay = 1000 };
	struct pair p;
	struct ear a, b;
	struct p2v_link_count c;

	pair_open(&p, &link, &link);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	p2v_machine_set_island(p.near, 1);
	send_one(p.near, &a, &b.at, 1, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 0);
	p2v_machine_count(p.near, &c);
	cr_assert_eq(c.lost, 1);
	p2v_machine_set_island(p.far, 1);
	send_one(p.near, &a, &b.at, 2, 100);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(b.n, 1);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}

static void balanced(const struct p2v_sim *s, struct p2v_sim_ledger *l)
{
	p2v_sim_ledger(s, l);
	cr_assert_eq(l->sent, l->received + l->lost + l->in_flight);
	cr_assert_eq(l->sent_bytes, l->received_bytes + l->lost_bytes + l->in_flight_bytes);
}

Test(sim_udp, every_datagram_is_received_lost_or_in_flight)
{
	struct p2v_link near = {
		.up = 125000, .delay = 10000, .queue = 20000, .loss = 0.2, .duplicate = 0.2
	};
	struct p2v_link far = { .down = 100000, .delay = 10000, .queue = 3000, .mtu = 1000 };
	struct p2v_addr nowhere = p2v_addr_v4(0x0a0000ff, 9);
	struct p2v_sim_ledger l;
	struct pair p;
	struct ear a, b;

	pair_open(&p, &near, &far);
	listen_on(&a, p.near, p.sim, 0);
	listen_on(&b, p.far, p.sim, 9);
	for (int i = 0; i < 100; i++) {
		send_one(p.near, &a, i % 10 ? &b.at : &nowhere, 1, i % 7 ? 900 : 1200);
		p2v_sim_run(p.sim, p2v_sim_now(p.sim) + 6000);
		balanced(p.sim, &l);
	}
	cr_assert_gt(l.in_flight, 0);
	cr_assert_gt(l.lost, 10);
	cr_assert_gt(l.received, 20);
	p2v_machine_kill(p.far);
	p2v_sim_run(p.sim, P2V_NEVER);
	balanced(p.sim, &l);
	cr_assert_eq(l.in_flight, 0, "what was on its way to a dead machine is lost");
	cr_assert_eq(l.received, b.n);
	stop(&a, p.near);
	stop(&b, p.far);
	pair_close(&p);
}
