/* udp_test.c - datagrams over loopback: batches, segments, what the kernel refuses, full sockets.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/world/faults.h"
#include "tests/unit/world/raw.h"

TestSuite(udp, .timeout = 120);

enum { SEG = 1200, RUN = 40 };

/* Two sockets of one loop; what arrives at the second is checked against a count in each datagram.
 */
struct pair {
	struct raw_rig rig;
	struct p2v_udp *a, *b;
	struct p2v_addr at_a, at_b;
	uint32_t sent, got; /* datagrams */
	bool torn;          /* one of a wrong size, content or place in the order */
	size_t want_size;   /* [B] of each; 0: not checked */
	unsigned records, merged, writable;
};

static void at_b(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct pair *p = ctx;

	for (size_t i = 0; i < n; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		p->records++;
		p->merged += v[i].seg != 0;
		p->torn = p->torn || !p2v_addr_equal(&v[i].addr, &p->at_a);
		for (size_t off = 0; off < v[i].n; off += seg) {
			size_t size = v[i].n - off < seg ? v[i].n - off : seg;
			uint32_t count = 0;

			memcpy(&count, v[i].p + off, size < 4 ? 0 : 4);
			p->torn = p->torn || (size >= 4 && count != p->got) ||
				  (p->want_size && size != p->want_size) ||
				  v[i].p[off + size - 1] != (uint8_t)p->got;
			p->got++;
		}
	}
}

static void at_a(void *ctx, const struct p2v_dgram *v, size_t n)
{
	(void)ctx;
	(void)v;
	(void)n;
}

static void may_write(void *ctx)
{
	((struct pair *)ctx)->writable++;
}

static const struct p2v_udp_handler handler_a = { .received = at_a, .writable = may_write };
static const struct p2v_udp_handler handler_b = { .received = at_b, .writable = may_write };

static void pair_open(struct pair *p, bool segments)
{
	struct p2v_addr any = p2v_addr_v4(0x7f000001, 0);
	struct p2v_err err = { P2V_OK, "" };
	const struct p2v_world *w = &p->rig.world;

	memset(p, 0, sizeof *p);
	raw_open(&p->rig);
	if (!segments)
		p2v_loop_set_segments(p->rig.loop, false);
	cr_assert_eq(w->ops->udp_open(w->self, &any, &handler_a, p, &p->a, &p->at_a, &err), P2V_OK,
		"%s", err.text);
	cr_assert_eq(w->ops->udp_open(w->self, &any, &handler_b, p, &p->b, &p->at_b, &err), P2V_OK,
		"%s", err.text);
	cr_assert_eq(p2v_addr_is_loopback(&p->at_a), true);
	p->want_size = SEG;
}

static void pair_close(struct pair *p)
{
	raw_close(&p->rig);
}

/* Number the datagrams in a buffer: the count in front, its low byte at the end. */
static void number(struct pair *p, uint8_t *buf, size_t n, size_t seg)
{
	for (size_t off = 0; off < n; off += seg) {
		size_t size = n - off < seg ? n - off : seg;

		memset(buf + off, 0, size);
		memcpy(buf + off, &p->sent, size < 4 ? size : 4);
		buf[off + size - 1] = (uint8_t)p->sent;
		p->sent++;
	}
}

static size_t pair_send(struct pair *p, const uint8_t *buf, size_t n, uint16_t seg)
{
	struct p2v_dgram d = { .addr = p->at_b, .p = buf, .n = n, .seg = seg };

	return p->rig.world.ops->udp_send(p->rig.world.self, p->a, &d, 1);
}

static bool all_got(void *ctx)
{
	struct pair *p = ctx;

	return p->got >= p->sent;
}

static void large_numbers(bool segments)
{
	static uint8_t buf[RUN * SEG];
	struct pair p;

	pair_open(&p, segments);
	cr_assert_eq(p.rig.world.ops->udp_segments(p.rig.world.self, p.a) > 1, segments);
	/* Loopback loses what does not fit the receiver's buffer, so no more than a run at once. */
	for (int i = 0; i < 1000; i++) {
		number(&p, buf, sizeof buf, SEG);
		cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1);
		cr_assert(raw_until(&p.rig, all_got, &p));
	}
	cr_assert_eq(p.got, 1000 * RUN);
	cr_assert(!p.torn);
	cr_assert_eq(p.merged > 0, segments);
	cr_assert_eq(p.writable, 0);
	pair_close(&p);
}

Test(udp, large_numbers_in_segments)
{
	large_numbers(true);
	cr_assert_eq(p2v_faults.plain_sent, 0);
}

Test(udp, large_numbers_one_by_one)
{
	large_numbers(false);
	cr_assert_eq(p2v_faults.plain_sent, 1000 * RUN);
}

Test(udp, many_records_in_one_call)
{
	enum { N = 100 };
	static uint8_t buf[N][SEG];
	struct p2v_dgram v[N + 2];
	struct pair p;

	pair_open(&p, true);
	for (int i = 0; i < N; i++) {
		number(&p, buf[i], SEG, SEG);
		v[i + (i >= 50)] = (struct p2v_dgram){ .addr = p.at_b, .p = buf[i], .n = SEG };
	}
	v[50] = v[N + 1] = (struct p2v_dgram){ .addr = p.at_b, .p = buf[0], .n = 0 }; /* nothing */
	cr_assert_eq(p.rig.world.ops->udp_send(p.rig.world.self, p.a, v, N + 2), N + 2);
	cr_assert(raw_until(&p.rig, all_got, &p));
	cr_assert_eq(p.got, N);
	cr_assert(!p.torn);
	pair_close(&p);
}

/* Sizes around what a message holds: the last shorter, just one, more segments than the kernel
 * takes, more bytes than it takes. */
Test(udp, segments_of_all_sizes)
{
	static const struct {
		size_t n;
		uint16_t seg;
	} cases[] = { { SEG, SEG }, { SEG + 1, SEG }, { 2 * SEG - 1, SEG }, { 64 * 100, 100 },
		{ 65 * 100, 100 }, { 200 * 100 + 1, 100 }, { 100000, 1000 }, { 64999, 32500 },
		{ 65001, 32500 }, { 120000, 40000 }, { 7, 1000 }, { 1, 1 }, { 300, 1 } };
	static uint8_t buf[120000];
	struct pair p;

	pair_open(&p, true);
	p.want_size = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (cases[i].seg == 1) { /* too small for a count: only the number is looked at */
			uint32_t before = p.got;

			memset(buf, 0, cases[i].n);
			cr_assert_eq(pair_send(&p, buf, cases[i].n, 1), 1);
			p.sent += (uint32_t)cases[i].n;
			cr_assert(raw_until(&p.rig, all_got, &p));
			cr_assert_eq(p.got - before, cases[i].n);
			p.torn = false;
			continue;
		}
		number(&p, buf, cases[i].n, cases[i].seg);
		cr_assert_eq(pair_send(&p, buf, cases[i].n, cases[i].seg), 1);
		cr_assert(raw_until(&p.rig, all_got, &p), "case %zu", i);
		cr_assert(!p.torn, "case %zu", i);
	}
	cr_assert_eq(p.got, p.sent);
	cr_assert_eq(p2v_faults.failed, 0);
	cr_assert_eq(p2v_faults.most_segments, 64, "what every kernel with segments takes");
	pair_close(&p);
}

Test(udp, what_is_too_long_is_lost)
{
	static uint8_t buf[70000];
	struct pair p;

	pair_open(&p, true);
	cr_assert_eq(pair_send(&p, buf, sizeof buf, 0), 1);
	cr_assert_eq(pair_send(&p, buf, sizeof buf, 65535), 1); /* too long, then 4465 */
	p.sent = 1;
	p.want_size = 4465;
	cr_assert(raw_until(&p.rig, all_got, &p));
	raw_idle(&p.rig, 20 * P2V_MSEC);
	cr_assert_eq(p.got, 1);
	pair_close(&p);
}

static void kernel_refuses_segments(int error, unsigned most)
{
	static uint8_t buf[RUN * SEG];
	struct pair p;

	pair_open(&p, true);
	p2v_faults.segments_errno = error;
	for (int i = 0; i < 50; i++) {
		number(&p, buf, sizeof buf, SEG);
		cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1);
		cr_assert(raw_until(&p.rig, all_got, &p));
	}
	cr_assert(!p.torn);
	cr_assert_leq(p2v_faults.segments_refused, most);
	cr_assert_gt(p2v_faults.segments_refused, 0);
	cr_assert_eq(p.rig.world.ops->udp_segments(p.rig.world.self, p.a), 1);
	pair_close(&p);
}

Test(udp, a_driver_without_checksums_gets_no_segments_again)
{
	kernel_refuses_segments(EIO, 1);
}

Test(udp, a_path_without_segments_is_given_up)
{
	kernel_refuses_segments(EINVAL, 8);
}

Test(udp, a_segment_beyond_the_mtu_is_lost_alone)
{
	static uint8_t buf[RUN * SEG];
	struct pair p;

	pair_open(&p, true);
	p2v_faults.segments_errno = p2v_faults.plain_errno = EMSGSIZE;
	cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1);
	p2v_faults.segments_errno = p2v_faults.plain_errno = 0;
	number(&p, buf, sizeof buf, SEG);
	cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1);
	cr_assert(raw_until(&p.rig, all_got, &p));
	cr_assert(!p.torn);
	cr_assert_gt(p.rig.world.ops->udp_segments(p.rig.world.self, p.a), 1);
	pair_close(&p);
}

Test(udp, what_the_network_refuses_is_taken)
{
	static const int errors[] = { ECONNREFUSED, ENETUNREACH, EPERM, EMSGSIZE, ENOBUFS, ENOMEM };
	struct pair p;
	uint8_t buf[SEG] = { 0 };

	pair_open(&p, true);
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		p2v_faults.plain_errno = errors[i];
		cr_assert_eq(pair_send(&p, buf, sizeof buf, 0), 1);
	}
	p2v_faults.plain_errno = 0;
	raw_idle(&p.rig, 10 * P2V_MSEC);
	cr_assert_eq(p.got, 0);
	cr_assert_eq(p.writable, 0);
	pair_close(&p);
}

static bool writable(void *ctx)
{
	return ((struct pair *)ctx)->writable > 0;
}

/* The network takes a few more each time that we look. */
static bool writable_bit_by_bit(void *ctx)
{
	p2v_faults.full = false;
	p2v_faults.send_budget = 7;
	return writable(ctx);
}

/* The socket is full after every 7 messages: nothing is lost, doubled or reordered, whichever way a
 * record is cut. */
static void full_socket(bool segments)
{
	static uint8_t buf[3][RUN * SEG];
	struct pair p;

	pair_open(&p, segments);
	for (int i = 0; i < 60; i++) {
		struct p2v_dgram v[3];
		size_t done = 0;

		for (int k = 0; k < 3; k++) {
			number(&p, buf[k], sizeof buf[k], SEG);
			v[k] = (struct p2v_dgram){
				.addr = p.at_b, .p = buf[k], .n = sizeof buf[k], .seg = SEG
			};
		}
		while (done < 3) {
			size_t n;

			p2v_faults.full = false;
			p2v_faults.send_budget = 7;
			p.writable = 0;
			n = p.rig.world.ops->udp_send(p.rig.world.self, p.a, v + done, 3 - done);
			cr_assert_leq(n, 3 - done);
			for (size_t k = done; k < done + n; k++)
				memset(buf[k], 0xee, sizeof buf[k]); /* ours again */
			done += n;
			cr_assert(done == 3 || raw_until(&p.rig, writable_bit_by_bit, &p));
		}
		p2v_faults.send_budget = 0;
		p2v_faults.full = false;
		cr_assert(raw_until(&p.rig, all_got, &p), "%u of %u", p.got, p.sent);
	}
	cr_assert(!p.torn);
	cr_assert_eq(p.got, 60 * 3 * RUN);
	pair_close(&p);
}

Test(udp, a_full_socket_loses_nothing_in_segments)
{
	full_socket(true);
}

Test(udp, a_full_socket_loses_nothing_one_by_one)
{
	full_socket(false);
}

Test(udp, nothing_is_taken_while_a_rest_waits)
{
	static uint8_t buf[RUN * SEG];
	struct pair p;

	pair_open(&p, false);
	number(&p, buf, sizeof buf, SEG);
	p2v_faults.send_budget = 5;
	cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1); /* taken: the rest is kept */
	cr_assert_eq(pair_send(&p, buf, SEG, 0), 0);
	cr_assert_eq(pair_send(&p, buf, SEG, 0), 0);
	cr_assert_eq(p.writable, 0);
	p2v_faults.full = false;
	p2v_faults.send_budget = 0;
	cr_assert(raw_until(&p.rig, all_got, &p));
	cr_assert(raw_until(&p.rig, writable, &p));
	cr_assert_eq(p.got, RUN);
	cr_assert(!p.torn);
	raw_idle(&p.rig, 10 * P2V_MSEC);
	cr_assert_eq(p.writable, 1);
	/* Closed while a rest waits: it is freed with the socket. */
	p2v_faults.send_budget = 5;
	cr_assert_eq(pair_send(&p, buf, sizeof buf, SEG), 1);
	p.rig.world.ops->udp_close(p.rig.world.self, p.a);
	pair_close(&p);
}

/* ---- addresses ---- */

struct echo {
	struct raw_rig *rig;
	struct p2v_udp *u;
	size_t got;
	struct p2v_addr from;
};

static void echo_came(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct echo *e = ctx;

	e->got += n;
	e->from = v[0].addr;
}

static void echo_writable(void *ctx)
{
	(void)ctx;
}

static const struct p2v_udp_handler echo_handler = { .received = echo_came,
	.writable = echo_writable };

static bool echo_got(void *ctx)
{
	return ((struct echo *)ctx)->got > 0;
}

static struct p2v_addr echo_open(struct echo *e, struct raw_rig *r, const char *at)
{
	struct p2v_addr a, bound;
	struct p2v_err err = { P2V_OK, "" };

	*e = (struct echo){ .rig = r };
	cr_assert_eq(p2v_addr_parse(at, &a, &err), P2V_OK);
	cr_assert_eq(
		r->world.ops->udp_open(r->world.self, &a, &echo_handler, e, &e->u, &bound, &err),
		P2V_OK, "%s", err.text);
	return bound;
}

static void send_between(const char *at_1, const char *at_2, struct p2v_addr to)
{
	struct raw_rig r;
	struct echo a, b;
	struct p2v_addr from, bound;
	struct p2v_dgram d = { .p = (const uint8_t *)"x", .n = 1 };

	raw_open(&r);
	from = echo_open(&a, &r, at_1);
	bound = echo_open(&b, &r, at_2);
	to.port = bound.port;
	d.addr = to;
	cr_assert_eq(r.world.ops->udp_send(r.world.self, a.u, &d, 1), 1);
	cr_assert(raw_until(&r, echo_got, &b));
	cr_assert_eq(b.from.port, from.port);
	cr_assert_eq(p2v_addr_is_v4(&b.from), p2v_addr_is_v4(&to), "the family of the answer");
	d.addr = b.from;
	cr_assert_eq(r.world.ops->udp_send(r.world.self, b.u, &d, 1), 1);
	cr_assert(raw_until(&r, echo_got, &a));
	raw_close(&r);
}

Test(udp, a_dual_socket_speaks_ipv4)
{
	send_between("*:0", "*:0", p2v_addr_v4(0x7f000001, 0));
	send_between("*:0", "127.0.0.1:0", p2v_addr_v4(0x7f000001, 0));
	send_between("0.0.0.0:0", "*:0", p2v_addr_v4(0x7f000001, 0));
}

Test(udp, a_host_without_ipv6_has_ipv4)
{
	struct raw_rig r;
	struct echo e;
	struct p2v_addr v6, bound;
	struct p2v_err err = { P2V_OK, "" };
	struct p2v_dgram d = { .p = (const uint8_t *)"x", .n = 1 };
	struct p2v_udp *u = NULL;

	p2v_faults.no_ipv6 = true;
	send_between("*:0", "*:0", p2v_addr_v4(0x7f000001, 0));
	raw_open(&r);
	bound = echo_open(&e, &r, "*:0");
	cr_assert(p2v_addr_is_v4(&bound) && p2v_addr_is_any(&bound));
	cr_assert_eq(p2v_addr_parse("[2001:db8::1]:9", &v6, NULL), P2V_OK);
	d.addr = v6;
	cr_assert_eq(r.world.ops->udp_send(r.world.self, e.u, &d, 1), 1, "taken and lost");
	cr_assert_eq(r.world.ops->udp_open(r.world.self, &v6, &echo_handler, &e, &u, &bound, &err),
		P2V_EIO);
	cr_assert_not_null(strstr(err.text, "[2001:db8::1]:9"));
	raw_close(&r);
}
