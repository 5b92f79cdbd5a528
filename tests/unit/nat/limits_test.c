/* limits_test.c - full tables, floods, settings that cannot be, a box behind a box. */
#include "tests/unit/nat/box.h"

TestSuite(nat_limits, .timeout = 60);

static struct p2v_addr many(uint32_t i)
{
	return p2v_addr_v4(0xcb000000u + i, 9);
}

Test(nat_limits, a_full_table_drops_or_forgets_the_oldest)
{
	for (int oldest = 0; oldest < 2; oldest++) {
		struct p2v_nat_count c;
		uint16_t port[4];
		struct box b;

		box_init(&b, "EI-RD-EI");
		b.conf.mappings_max = 3;
		b.conf.full = oldest ? P2V_NAT_FULL_OLDEST : P2V_NAT_FULL_DROP;
		box_open(&b);
		for (uint8_t i = 0; i < 3; i++)
			port[i] = out_at(&b, inside(i, 5000), remote(1, 1), i);
		cr_assert_eq(out_at(&b, inside(0, 5000), remote(1, 1), 5), port[0], "used again");
		port[3] = out_at(&b, inside(3, 5000), remote(1, 1), 6);
		cr_assert_eq(port[3] != 0, oldest);
		cr_assert(in_at(&b, port[0], remote(1, 1), inside(0, 5000), 7));
		cr_assert_eq(in_at(&b, port[1], remote(1, 1), inside(1, 5000), 7), !oldest,
			"the one that was unused for longest");
		cr_assert_eq(p2v_nat_mappings(b.nat, 8), 3);
		p2v_nat_count(b.nat, &c);
		cr_assert_eq(c.evicted, oldest);
		cr_assert_eq(c.out[P2V_NAT_FULL], !oldest);
		box_free(&b);
	}
}

Test(nat_limits, when_no_port_is_left)
{
	for (int oldest = 0; oldest < 2; oldest++) {
		static const char *const types[] = { "EI-PC-EI", "EI-RD-EI", "EI-PP-EI" };

		for (size_t t = 0; t < 3; t++) {
			unsigned passed = 0;
			struct box b;

			box_init(&b, types[t]);
			b.conf.port_min = 2000;
			b.conf.port_max = 2009;
			b.conf.full = oldest ? P2V_NAT_FULL_OLDEST : P2V_NAT_FULL_DROP;
			box_open(&b);
			for (uint8_t i = 0; i < 20; i++)
				passed += out_at(&b, inside(i, 2000), remote(1, 1), i) != 0;
			cr_assert_eq(passed, oldest ? 20 : 10, "%s", types[t]);
			cr_assert_eq(p2v_nat_mappings(b.nat, 20), 10, "%s", types[t]);
			box_free(&b);
		}
	}
}

Test(nat_limits, two_thousand_remotes_of_one_mapping_are_remembered)
{
	struct p2v_addr own = inside(2, 5000);
	uint16_t port = 0;
	struct box b;

	box_new(&b, "EI-PP-PD");
	for (uint32_t i = 0; i < 2000; i++)
		port = out(&b, own, many(i));
	for (uint32_t i = 0; i < 2000; i++)
		cr_assert(in(&b, port, many(i), own), "%u", i);
	cr_assert_not(in(&b, port, many(2000), own));
	cr_assert_eq(p2v_nat_mappings(b.nat, 0), 1);
	box_free(&b);
}

Test(nat_limits, beyond_that_the_oldest_remotes_are_forgotten)
{
	struct p2v_addr own = inside(2, 5000);
	uint16_t port = 0;
	struct box b;

	box_init(&b, "EI-PP-PD");
	b.conf.remotes_max = 10;
	box_open(&b);
	for (uint32_t i = 0; i < 12; i++)
		port = out_at(&b, own, many(i), i);
	for (uint32_t i = 0; i < 12; i++)
		cr_assert_eq(in_at(&b, port, many(i), own, 12), i >= 2, "%u", i);
	box_free(&b);
	box_init(&b, "EI-PP-PD");
	b.conf.remotes_max = 10;
	b.conf.full = P2V_NAT_FULL_DROP;
	box_open(&b);
	for (uint32_t i = 0; i < 12; i++)
		cr_assert_eq(out_at(&b, own, many(i), i) != 0, i < 10, "%u", i);
	box_free(&b);
}

Test(nat_limits, a_flood_from_inside_takes_bounded_memory)
{
	static const char *const types[] = { "PD-RD-PD", "PD-PP-PD", "EI-PC-PD" };

	for (size_t t = 0; t < 3; t++) {
		struct box b;

		box_init(&b, types[t]);
		b.conf.mappings_max = 100;
		b.conf.sessions_max = 150;
		box_open(&b);
		for (uint32_t i = 0; i < 100000; i++)
			cr_assert_neq(
				out_at(&b, inside((uint8_t)i, (uint16_t)(i % 9 + 1)), many(i), i),
				0);
		cr_assert_eq(p2v_nat_mappings(b.nat, 100000), 100, "%s", types[t]);
		box_free(&b);
	}
}

Test(nat_limits, settings_that_cannot_be_are_refused)
{
	struct p2v_nat *nat;
	struct p2v_err err;
	struct box b;

	for (int i = 0; i < 7; i++) {
		box_init(&b, "EI-PP-PD");
		switch (i) {
		case 0: b.conf.port_min = 0; break;
		case 1: b.conf.port_max = 1000; break;
		case 2: b.conf.timeout = 0; break;
		case 3: b.conf.mappings_max = 0; break;
		case 4: b.conf.mappings_max = P2V_NAT_MAPPINGS + 1; break;
		case 5: b.conf.remotes_max = 0; break;
		default: b.conf.sessions_max = P2V_NAT_SESSIONS + 1; break;
		}
		err.text[0] = 0;
		cr_assert_eq(p2v_nat_new(&b.conf, &b.random, &nat, &err), P2V_ECONF);
		cr_assert_neq(err.text[0], 0);
	}
}

/* A home's box behind a carrier's: what the second shows leads back through both. */
Test(nat_limits, two_boxes_in_a_row)
{
	struct p2v_addr own = inside(2, 5000), dst = remote(1, 1), home, shown, back, to;
	struct box near, far;

	box_new(&near, "EI-PP-PD");
	box_new(&far, "EI-RD-EI");
	cr_assert_eq(p2v_nat_out(near.nat, &own, &dst, 0, &home), P2V_NAT_PASS);
	cr_assert_eq(p2v_nat_out(far.nat, &home, &dst, 0, &shown), P2V_NAT_PASS);
	cr_assert_eq(p2v_nat_in(far.nat, shown.port, &dst, 0, &back), P2V_NAT_PASS);
	cr_assert(p2v_addr_equal(&back, &home));
	cr_assert_eq(p2v_nat_in(near.nat, back.port, &dst, 0, &to), P2V_NAT_PASS);
	cr_assert(p2v_addr_equal(&to, &own));
	dst = remote(2, 2); /* the carrier lets it in, the home does not */
	cr_assert_eq(p2v_nat_in(far.nat, shown.port, &dst, 0, &back), P2V_NAT_PASS);
	cr_assert_eq(p2v_nat_in(near.nat, back.port, &dst, 0, &to), P2V_NAT_FILTERED);
	box_free(&near);
	box_free(&far);
}
