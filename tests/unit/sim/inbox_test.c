/* inbox_test.c - many datagrams on their way to one machine: their order, their times, and what
 * becomes of each. */
#include <criterion/criterion.h>

#include <string.h>

#include "sdk/sim/world.h"

TestSuite(sim_inbox, .timeout = 60);

enum { GOT_MAX = 4096, SENDERS = 3 };

struct ear {
	struct p2v_sim *sim;
	struct p2v_machine *m;
	struct p2v_udp *u;
	struct p2v_addr at;
	size_t n, calls;
	p2v_usec when[GOT_MAX];
	uint16_t name[GOT_MAX]; /* what send_run wrote into it */
};

static void on_received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct ear *e = ctx;

	e->calls++;
	for (size_t i = 0; i < n && e->n < GOT_MAX; i++) {
		e->when[e->n] = p2v_sim_now(e->sim);
		e->name[e->n++] = (uint16_t)(v[i].p[0] << 8 | v[i].p[1]);
	}
}

static const struct p2v_udp_handler handler = { .received = on_received };

static void ear_open(struct ear *e, struct p2v_sim *sim, struct p2v_machine *m, uint16_t port)
{
	struct p2v_world w = p2v_machine_world(m);
	struct p2v_addr any = { .port = port };
	struct p2v_err err;

	*e = (struct ear){ .sim = sim, .m = m };
	cr_assert_eq(w.ops->udp_open(w.self, &any, &handler, e, &e->u, &e->at, &err), P2V_OK);
}

static void ear_close(struct ear *e)
{
	struct p2v_world w = p2v_machine_world(e->m);

	w.ops->udp_close(w.self, e->u);
}

/* `count` datagrams of 1000 bytes with their headers, as one buffer. */
static void send_run(struct ear *e, const struct p2v_addr *to, uint16_t name, size_t count)
{
	struct p2v_world w = p2v_machine_world(e->m);
	static uint8_t buf[16 * 972];
	struct p2v_dgram d = { .addr = *to, .p = buf, .n = count * 972, .seg = 972 };

	cr_assert_leq(count, 16);
	for (size_t i = 0; i < count; i++, name++) {
		buf[i * 972] = (uint8_t)(name >> 8);
		buf[i * 972 + 1] = (uint8_t)name;
	}
	cr_assert_eq(w.ops->udp_send(w.self, e->u, &d, 1), 1);
}

static struct p2v_machine *machine(struct p2v_sim *sim, uint32_t n, const struct p2v_link *link)
{
	struct p2v_addr ip = p2v_addr_v4(0x0a000000u + n, 0);
	struct p2v_machine *m = p2v_machine_new(sim, n == 1 ? "one" : "other", &ip, link);

	cr_assert(m);
	return m;
}

static struct p2v_sim_ledger balanced(const struct p2v_sim *sim)
{
	struct p2v_sim_ledger l;

	p2v_sim_ledger(sim, &l);
	cr_assert_eq(l.sent, l.received + l.lost + l.in_flight);
	cr_assert_eq(l.sent_bytes, l.received_bytes + l.lost_bytes + l.in_flight_bytes);
	return l;
}

/* A line of 1 MB/s takes a millisecond for each. What a near one sends later arrives before what a
 * far one sent, and is through first. */
Test(sim_inbox, who_arrives_first_is_through_first)
{
	struct p2v_link far = { .delay = 20000 }, near = { .delay = 1000 };
	struct p2v_link down = { .down = 1000000 };
	struct p2v_sim *sim = p2v_sim_new(1);
	struct ear a, b, r;
	static const uint16_t names[] = { 200, 201, 100, 101, 202, 102 };
	static const p2v_usec whens[] = { 20900, 21900, 22900, 23900, 24900, 26000 };

	ear_open(&r, sim, machine(sim, 1, &down), 9);
	ear_open(&a, sim, machine(sim, 2, &far), 0);
	ear_open(&b, sim, machine(sim, 3, &near), 0);
	send_run(&a, &r.at, 100, 2); /* there at 20 ms */
	p2v_sim_run(sim, 5000);
	send_run(&a, &r.at, 102, 1); /* at 25 ms, when the last of the others is through at 24.9 */
	p2v_sim_run(sim, 18900);
	send_run(&b, &r.at, 200, 2); /* at 19.9 ms */
	p2v_sim_run(sim, 19500);
	send_run(&b, &r.at, 202, 1); /* at 20.5 ms, behind those of 20 ms */
	p2v_sim_run(sim, P2V_NEVER);
	cr_assert_eq(r.n, 6);
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(r.name[i], names[i]);
		cr_assert_eq(r.when[i], whens[i]);
	}
	balanced(sim);
	ear_close(&a);
	ear_close(&b);
	ear_close(&r);
	p2v_sim_free(sim);
}

/* Each of a buffer's segments meets its own queue: the sender's holds two beside the one that
 * leaves, the receiver's one. */
Test(sim_inbox, each_of_a_run_is_lost_by_itself)
{
	struct p2v_link up = { .up = 1000000, .queue = 3000 };
	struct p2v_link down = { .down = 500000, .queue = 2000 };
	struct p2v_sim *sim = p2v_sim_new(1);
	struct p2v_sim_ledger l;
	struct ear a, r;

	ear_open(&r, sim, machine(sim, 1, &down), 9);
	ear_open(&a, sim, machine(sim, 2, &up), 0);
	send_run(&a, &r.at, 1, 5);
	l = balanced(sim);
	cr_assert_eq(l.lost, 2, "4 and 5 found the sender's queue full");
	p2v_sim_run(sim, 2500);
	send_run(&a, &r.at, 6, 1); /* it leaves at 4 ms: at the far end 2, 3 still wait */
	p2v_sim_run(sim, P2V_NEVER);
	l = balanced(sim);
	cr_assert_eq(r.n, 3);
	cr_assert_eq(r.name[0], 1);
	cr_assert_eq(r.name[1], 2);
	cr_assert_eq(r.name[2], 3);
	cr_assert_eq(r.when[0], 3000);
	cr_assert_eq(r.when[2], 7000);
	cr_assert_eq(l.lost, 3);
	ear_close(&a);
	ear_close(&r);
	p2v_sim_free(sim);
}

/* With coalescing, what is through within a millisecond of the first comes with it, in one call,
 * and what comes after that does not. */
Test(sim_inbox, what_comes_soon_after_comes_along)
{
	struct p2v_link up = { .up = 2000000 }, down = { .delay = 0 };
	struct p2v_sim *sim = p2v_sim_new(1);
	struct ear a, r;

	p2v_sim_set_coalesce(sim, 1000);
	ear_open(&r, sim, machine(sim, 1, &down), 9);
	ear_open(&a, sim, machine(sim, 2, &up), 0);
	send_run(&a, &r.at, 0, 8); /* at 0.5, 1.0, 1.5 … 4.0 ms */
	p2v_sim_run(sim, P2V_NEVER);
	cr_assert_eq(r.n, 8);
	cr_assert_eq(r.calls, 3);
	for (uint16_t i = 0; i < 8; i++) {
		cr_assert_eq(r.name[i], i);
		cr_assert_eq(r.when[i], i < 3 ? 1500 : i < 6 ? 3000 : 4500);
	}
	balanced(sim);
	ear_close(&a);
	ear_close(&r);
	p2v_sim_free(sim);
}

/* What is under way when its socket closes is received by nobody; who opens the port again gets
 * what arrives from then on. */
Test(sim_inbox, a_socket_closes_with_a_run_under_way)
{
	struct p2v_link up = { .up = 1000000 }, down = { .delay = 10000 };
	struct p2v_sim *sim = p2v_sim_new(1);
	struct p2v_machine *m = machine(sim, 1, &down);
	struct p2v_sim_ledger l;
	struct ear a, r, later;

	ear_open(&r, sim, m, 9);
	ear_open(&a, sim, machine(sim, 2, &up), 0);
	send_run(&a, &r.at, 0, 10); /* there at 11, 12 … 20 ms */
	p2v_sim_run(sim, 13500);
	cr_assert_eq(r.n, 3);
	ear_close(&r);
	p2v_sim_run(sim, 16500);
	cr_assert_eq(balanced(sim).in_flight, 4);
	ear_open(&later, sim, m, 9);
	p2v_sim_run(sim, P2V_NEVER);
	cr_assert_eq(r.n, 3);
	cr_assert_eq(later.n, 4);
	cr_assert_eq(later.name[0], 6);
	l = balanced(sim);
	cr_assert_eq(l.received, 10, "they came to the machine");
	cr_assert_eq(l.in_flight, 0);
	ear_close(&a);
	ear_close(&later);
	p2v_sim_free(sim);
}

/* Nothing is left when a run ends with datagrams everywhere: before links, in them, frozen. */
Test(sim_inbox, a_run_that_ends_in_the_middle)
{
	struct p2v_link up = { .up = 1000000, .delay = 1000 };
	struct p2v_link down = { .down = 500000, .delay = 4000 };
	struct p2v_sim *sim = p2v_sim_new(1);
	struct p2v_machine *m[2] = { machine(sim, 1, &down), machine(sim, 5, &down) };
	struct ear a, r[2];

	ear_open(&r[0], sim, m[0], 9);
	ear_open(&r[1], sim, m[1], 9);
	ear_open(&a, sim, machine(sim, 2, &up), 0);
	p2v_machine_freeze(m[1], true);
	for (int i = 0; i < 3; i++) {
		send_run(&a, &r[0].at, 0, 8);
		send_run(&a, &r[1].at, 0, 8);
	}
	p2v_sim_run(sim, 30000);
	cr_assert_gt(r[0].n, 0);
	cr_assert_eq(r[1].n, 0);
	cr_assert_gt(balanced(sim).in_flight, 10);
	ear_close(&a);
	ear_close(&r[0]);
	ear_close(&r[1]);
	p2v_sim_free(sim);
}

/* Thousands under way at once, held back by chance: each machine's come in order of arrival, and
 * each comes once. The line behind them loses none. */
Test(sim_inbox, thousands_under_way)
{
	struct p2v_link wild = {
		.up = 20000000, .delay = 100000, .reorder = 0.3, .reorder_by = 30000
	};
	struct p2v_link down = { .down = 10000000 };
	struct p2v_sim *sim = p2v_sim_new(3);
	static bool seen[SENDERS * 960];
	struct ear a[SENDERS], r;
	size_t back = 0;

	ear_open(&r, sim, machine(sim, 1, &down), 9);
	for (uint32_t i = 0; i < SENDERS; i++)
		ear_open(&a[i], sim, machine(sim, 2 + i, &wild), 0);
	for (uint16_t k = 0; k < 60; k++)
		for (uint16_t i = 0; i < SENDERS; i++)
			send_run(&a[i], &r.at, (uint16_t)(i * 960 + k * 16), 16);
	p2v_sim_run(sim, P2V_NEVER);
	cr_assert_eq(r.n, SENDERS * 960);
	for (size_t i = 0; i < r.n; i++) {
		cr_assert_not(seen[r.name[i]]);
		seen[r.name[i]] = true;
		cr_assert(i == 0 || r.when[i] >= r.when[i - 1]);
		cr_assert(i == 0 || r.when[i] - r.when[i - 1] >= 100, "a line carries its rate");
		back += i > 0 && r.name[i] < r.name[i - 1];
	}
	cr_assert_gt(back, 100, "they were out of order");
	balanced(sim);
	for (uint32_t i = 0; i < SENDERS; i++)
		ear_close(&a[i]);
	ear_close(&r);
	p2v_sim_free(sim);
}
