/* outbox_test.c - datagrams joined into runs, and a socket that is full. */
#include <criterion/criterion.h>

#include "framework/dtl/outbox.h"

TestSuite(outbox, .timeout = 60);

struct socket {
	size_t takes, calls, runs, datagrams, bytes;
	size_t run_datagrams[P2V_OUTBOX_RUNS];
};

static size_t udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	struct socket *s = self;

	(void)u;
	s->calls++;
	n = n < s->takes ? n : s->takes;
	for (size_t i = 0; i < n; i++) {
		size_t k = v[i].seg ? (v[i].n + v[i].seg - 1) / v[i].seg : 1;

		s->run_datagrams[s->runs++ % P2V_OUTBOX_RUNS] = k;
		s->datagrams += k;
		s->bytes += v[i].n;
	}
	return n;
}

static size_t udp_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
	return 16;
}

static const struct p2v_world_ops ops = { .udp_send = udp_send, .udp_segments = udp_segments };

static bool add(struct p2v_outbox *o, uint32_t to, size_t n)
{
	struct p2v_addr a = p2v_addr_v4(to, 1);
	uint8_t *p = p2v_outbox_room(o, n);

	if (!p)
		return false;
	memset(p, 1, n);
	p2v_outbox_add(o, &a, n);
	return true;
}

Test(outbox, equal_sizes_to_one_address_are_one_run)
{
	struct socket s = { .takes = 1000 };
	struct p2v_world w = { &ops, &s };
	static struct p2v_outbox o;

	cr_assert_eq(p2v_outbox_init(&o, &w, NULL), P2V_OK);
	for (int i = 0; i < 5; i++)
		cr_assert(add(&o, 1, 1200));
	cr_assert(add(&o, 1, 300)); /* shorter: it ends the run */
	cr_assert(add(&o, 1, 300));
	cr_assert(add(&o, 1, 1200)); /* longer: another */
	cr_assert(add(&o, 2, 1200)); /* to someone else */
	cr_assert_eq(s.calls, 0);
	p2v_outbox_flush(&o);
	cr_assert_eq(s.calls, 1);
	cr_assert_eq(s.runs, 4);
	cr_assert_eq(s.run_datagrams[0], 6);
	cr_assert_eq(s.run_datagrams[1], 1);
	cr_assert_eq(s.run_datagrams[2], 1);
	cr_assert_eq(s.run_datagrams[3], 1);
	p2v_outbox_flush(&o);
	cr_assert_eq(s.calls, 1, "nothing is left");
	p2v_outbox_fini(&o);
}

Test(outbox, runs_are_no_longer_than_the_socket_takes)
{
	struct socket s = { .takes = 1000 };
	struct p2v_world w = { &ops, &s };
	static struct p2v_outbox o;

	cr_assert_eq(p2v_outbox_init(&o, &w, NULL), P2V_OK);
	for (int i = 0; i < 40; i++)
		cr_assert(add(&o, 1, 1200));
	p2v_outbox_flush(&o);
	cr_assert_eq(s.run_datagrams[0], 16);
	cr_assert_eq(s.run_datagrams[2], 8);
	cr_assert_eq(s.datagrams, 40);
	p2v_outbox_fini(&o);
}

Test(outbox, a_full_buffer_is_handed_over)
{
	struct socket s = { .takes = 1000 };
	struct p2v_world w = { &ops, &s };
	static struct p2v_outbox o;

	cr_assert_eq(p2v_outbox_init(&o, &w, NULL), P2V_OK);
	for (int i = 0; i < 1000; i++)
		cr_assert(add(&o, 1 + (uint32_t)i % 3, 1200));
	p2v_outbox_flush(&o);
	cr_assert_eq(s.bytes, 1200000);
	cr_assert(s.calls >= 10 && s.calls <= 20);
	p2v_outbox_fini(&o);
}

/* A socket that takes some, then none, then all: no datagram is lost that was accepted, or doubled.
 */
Test(outbox, a_socket_that_is_full)
{
	struct socket s = { .takes = 2 };
	struct p2v_world w = { &ops, &s };
	static struct p2v_outbox o;
	size_t in = 0;

	cr_assert_eq(p2v_outbox_init(&o, &w, NULL), P2V_OK);
	for (int i = 0; i < 5; i++)
		in += add(&o, 1 + (uint32_t)i, 1000);
	p2v_outbox_flush(&o);
	cr_assert(o.blocked);
	cr_assert_eq(s.datagrams, 2);
	s.takes = 0;
	for (int i = 0; i < 1000; i++)
		in += add(&o, 1 + (uint32_t)i, 1000);
	cr_assert(in < 200, "there is an end to its patience");
	cr_assert_eq(s.datagrams, 2);
	cr_assert_eq(s.calls, 1, "nor is the socket asked before it says so");
	s.takes = 1000;
	p2v_outbox_writable(&o);
	cr_assert(!o.blocked);
	cr_assert_eq(s.datagrams, in);
	cr_assert(add(&o, 1, 1000));
	p2v_outbox_fini(&o);
}

/* A size that may be refused takes no others with it. */
Test(outbox, one_that_is_parted)
{
	struct socket s = { .takes = 1000 };
	struct p2v_world w = { &ops, &s };
	static struct p2v_outbox o;

	cr_assert_eq(p2v_outbox_init(&o, &w, NULL), P2V_OK);
	cr_assert(add(&o, 1, 1200));
	p2v_outbox_part(&o);
	cr_assert(add(&o, 1, 1200));
	p2v_outbox_part(&o);
	cr_assert(add(&o, 1, 1200));
	cr_assert(add(&o, 1, 1200));
	p2v_outbox_flush(&o);
	cr_assert_eq(s.runs, 3);
	cr_assert_eq(s.run_datagrams[0], 1);
	cr_assert_eq(s.run_datagrams[1], 1);
	cr_assert_eq(s.run_datagrams[2], 2);
	p2v_outbox_fini(&o);
}
