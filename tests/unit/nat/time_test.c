/* time_test.c - what refreshes a mapping and what does not, explicit mappings, a reboot. */
#include "tests/unit/nat/box.h"

#define MINUTE (60 * P2V_SECOND)

TestSuite(nat_time, .timeout = 60);

Test(nat_time, silence_ends_a_mapping_to_the_microsecond)
{
	struct p2v_addr own = inside(2, 5000);
	struct p2v_nat_count c;
	uint16_t port;
	struct box b;

	box_new(&b, "EI-RD-EI");
	port = out_at(&b, own, remote(1, 1), 0);
	cr_assert(in_at(&b, port, remote(1, 1), own, 2 * MINUTE - 1));
	cr_assert_eq(verdict_at(&b, port, remote(1, 1), 2 * MINUTE), P2V_NAT_UNKNOWN);
	cr_assert_neq(out_at(&b, own, remote(1, 1), 2 * MINUTE), port, "a random port anew");
	p2v_nat_count(b.nat, &c);
	cr_assert_eq(c.expired, 1);
	cr_assert_eq(c.made, 2);
	box_free(&b);
}

Test(nat_time, what_goes_out_refreshes)
{
	struct p2v_addr own = inside(2, 5000);
	uint16_t port;
	struct box b;

	box_new(&b, "EI-RD-EI");
	port = out_at(&b, own, remote(1, 1), 0);
	for (p2v_usec t = MINUTE; t < 20 * MINUTE; t += MINUTE)
		cr_assert_eq(out_at(&b, own, remote(2, 1), t), port, "to anybody: RFC 4787 REQ-6");
	cr_assert(in_at(&b, port, remote(1, 1), own, 20 * MINUTE));
	box_free(&b);
}

Test(nat_time, what_comes_in_refreshes_where_the_box_is_so_set)
{
	for (int refreshes = 0; refreshes < 2; refreshes++) {
		struct p2v_addr own = inside(2, 5000);
		unsigned passed = 0;
		uint16_t port;
		struct box b;

		box_init(&b, "EI-RD-PD");
		b.conf.inbound_refresh = refreshes;
		box_open(&b);
		port = out_at(&b, own, remote(1, 1), 0);
		for (p2v_usec t = MINUTE; t <= 5 * MINUTE; t += MINUTE)
			passed += in_at(&b, port, remote(1, 1), own, t);
		cr_assert_eq(passed, refreshes ? 5 : 1);
		box_free(&b);
	}
}

Test(nat_time, each_remote_is_forgotten_by_itself)
{
	struct p2v_addr own = inside(2, 5000);
	uint16_t port;
	struct box b;

	box_new(&b, "EI-RD-PD");
	port = out_at(&b, own, remote(1, 1), 0);
	cr_assert_eq(out_at(&b, own, remote(2, 1), MINUTE), port);
	cr_assert_eq(out_at(&b, own, remote(2, 1), 2 * MINUTE), port);
	cr_assert_eq(verdict_at(&b, port, remote(1, 1), 2 * MINUTE), P2V_NAT_FILTERED);
	cr_assert(in_at(&b, port, remote(2, 1), own, 2 * MINUTE));
	box_free(&b);
}

Test(nat_time, what_is_filtered_refreshes_nothing)
{
	struct p2v_addr own = inside(2, 5000);
	uint16_t port;
	struct box b;

	box_init(&b, "EI-RD-PD");
	b.conf.inbound_refresh = true;
	box_open(&b);
	port = out_at(&b, own, remote(1, 1), 0);
	cr_assert_eq(verdict_at(&b, port, remote(2, 1), MINUTE), P2V_NAT_FILTERED);
	cr_assert_eq(verdict_at(&b, port, remote(1, 1), 2 * MINUTE), P2V_NAT_UNKNOWN);
	box_free(&b);
}

Test(nat_time, an_explicit_mapping_lets_anybody_in_until_it_ends)
{
	for (unsigned i = 0; i < P2V_NAT_TYPES; i++) {
		struct p2v_addr own = inside(2, 5000);
		char type[P2V_NAT_NAME];
		struct box b;
		uint16_t port, again;

		box_new(&b, p2v_nat_type_text(p2v_nat_type_at(i), type));
		cr_assert_eq(p2v_nat_map(b.nat, &own, 7777, 10 * MINUTE, 0, &port), P2V_OK);
		cr_assert_eq(port, 7777);
		cr_assert(in_at(&b, port, remote(9, 9), own, 9 * MINUTE), "%s", type);
		cr_assert_eq(out_at(&b, own, remote(9, 9), 9 * MINUTE), port, "%s", type);
		cr_assert_eq(out_at(&b, own, remote(8, 8), 9 * MINUTE), port, "%s", type);
		cr_assert_eq(
			p2v_nat_map(b.nat, &own, 7777, 20 * MINUTE, 9 * MINUTE, &again), P2V_OK);
		cr_assert_eq(again, port);
		cr_assert(in_at(&b, port, remote(9, 9), own, 20 * MINUTE - 1), "%s", type);
		cr_assert_eq(verdict_at(&b, port, remote(9, 9), 20 * MINUTE), P2V_NAT_UNKNOWN);
		box_free(&b);
	}
}

Test(nat_time, explicit_mappings_move_and_end)
{
	struct p2v_addr a = inside(2, 5000), z = inside(3, 5000);
	uint16_t port;
	struct box b;

	box_new(&b, "EI-PP-PD");
	cr_assert_eq(p2v_nat_map(b.nat, &a, 7777, P2V_NEVER, 0, &port), P2V_OK);
	cr_assert_eq(p2v_nat_map(b.nat, &z, 7777, P2V_NEVER, 0, &port), P2V_OK);
	cr_assert_neq(port, 7777, "it is taken: another one is given");
	cr_assert_eq(p2v_nat_map(b.nat, &z, 8888, P2V_NEVER, 0, &port), P2V_OK);
	cr_assert_eq(port, 8888, "moved");
	cr_assert(in(&b, 8888, remote(1, 1), z));
	cr_assert_eq(p2v_nat_mappings(b.nat, 1000 * MINUTE), 2, "they do not age");
	cr_assert_eq(p2v_nat_unmap(b.nat, &z), P2V_OK);
	cr_assert_eq(p2v_nat_unmap(b.nat, &z), P2V_ENOENT);
	cr_assert_eq(verdict_at(&b, 8888, remote(1, 1), 1000 * MINUTE), P2V_NAT_UNKNOWN);
	box_free(&b);
}

Test(nat_time, a_reboot_forgets_all)
{
	struct p2v_addr own = inside(2, 5000), whose;
	struct p2v_nat_count c;
	uint16_t port, mapped;
	struct box b;

	box_new(&b, "EI-RD-EI");
	port = out(&b, own, remote(1, 1));
	cr_assert_eq(p2v_nat_map(b.nat, &own, 7777, P2V_NEVER, 0, &mapped), P2V_OK);
	cr_assert(p2v_nat_holder(b.nat, port, 0, &whose));
	cr_assert(p2v_addr_equal(&whose, &own));
	p2v_nat_reboot(b.nat);
	cr_assert_eq(p2v_nat_mappings(b.nat, 0), 0);
	cr_assert_not(p2v_nat_holder(b.nat, port, 0, &whose));
	cr_assert_eq(verdict_at(&b, port, remote(1, 1), 0), P2V_NAT_UNKNOWN);
	cr_assert_eq(verdict_at(&b, mapped, remote(1, 1), 0), P2V_NAT_UNKNOWN);
	cr_assert_neq(out(&b, own, remote(1, 1)), port);
	p2v_nat_count(b.nat, &c);
	cr_assert_eq(c.reboots, 1);
	box_free(&b);
}
