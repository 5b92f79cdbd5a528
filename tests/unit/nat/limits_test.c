/* limits_test.c - full tables, floods, no memory, settings that cannot be, a box behind a box. */
#include "tests/unit/nat/box.h"
#include "tests/unit/oom.h"

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
		cr_assert_eq(c.evicted, oldest ? 1 : 0);
		cr_assert_eq(c.out[P2V_NAT_FULL], oldest ? 0 : 1);
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
	static const char *const types[] = { "PD-RD-PD", "PD-PP-PD", "EI-PC-PD", "PD-RD-EI" };

	for (size_t t = 0; t < 4; t++) {
		long before = oom_held(), early = 0;
		struct box b;

		box_init(&b, types[t]);
		b.conf.mappings_max = 100;
		b.conf.sessions_max = 150;
		box_open(&b);
		for (uint32_t i = 0; i < 100000; i++) {
			uint16_t port = out_at(
				&b, inside((uint8_t)i, (uint16_t)(i % 9 + 1)), many(i), i);

			cr_assert_neq(port, 0);
			(void)verdict_at(&b, port, many(i + 1), i); /* and from outside */
			early = i == 1000 ? oom_held() : early;
		}
		cr_assert_eq(p2v_nat_mappings(b.nat, 100000), 100, "%s", types[t]);
		cr_assert_leq(oom_held() - before, 2 * (early - before), "%s", types[t]);
		cr_assert_lt(oom_held() - before, 150000, "%s: %ld", types[t], oom_held() - before);
		box_free(&b);
		cr_assert_eq(oom_held(), before, "%s", types[t]);
	}
}

static void use(struct box *b, unsigned *passed)
{
	for (uint8_t i = 0; i < 20; i++) {
		struct p2v_addr own = inside(i % 4, 5000);
		uint16_t port = out_at(b, own, remote(i, 1), i), given;

		*passed += port != 0;
		(void)verdict_at(b, port, remote(99, i), i);
		cr_assert_neq(p2v_nat_map(b->nat, &own, 0, P2V_NEVER, i, &given), P2V_ELIMIT);
	}
}

Test(nat_limits, no_memory_is_a_full_table)
{
	static const char *const types[] = { "PD-RD-PD", "EI-PP-PD", "HD-PC-EI" };

	for (size_t t = 0; t < 3; t++) {
		long before = oom_held();
		bool struck = true;

		for (long n = 0; struck; n++) {
			unsigned during = 0, after = 0;
			struct box b;
			struct p2v_err err;

			box_init(&b, types[t]);
			oom_after(n);
			if (p2v_nat_new(&b.conf, &b.random, &b.nat, &err) == P2V_OK) {
				use(&b, &during);
				struck = oom_struck();
				oom_after(-1);
				use(&b, &after);
				cr_assert_eq(after, 20, "%s, %ld", types[t], n);
				cr_assert(struck ? during <= 20 : during == 20);
				box_free(&b);
			} else {
				cr_assert_eq(n, 0);
				cr_assert_eq(err.code, P2V_ENOMEM);
				oom_after(-1);
			}
			cr_assert_eq(oom_held(), before, "%s, %ld", types[t], n);
		}
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
