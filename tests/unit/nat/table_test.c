/* table_test.c - all 27 types against what RFC 4787 (4.1, 4.2, 5) and NATCracker say of each part,
 * written down by hand; the answers to what came from outside; hairpin. */
#include "tests/unit/nat/box.h"

#include <string.h>

TestSuite(nat_table, .timeout = 60);

enum ports { KEPT, NEXT, ANY };

/* One inside socket sends to R1:1, then to another port of R1, then to another host R2. */
static const struct row {
	const char *type;
	bool same_for_port, same_for_host; /* is the outside port the first one again? */
	enum ports ports;
	/* after a datagram to R1:1 alone: who may answer to the port that it left from? */
	bool from_that, from_other_port, from_other_host;
} table[] = {
	{ "EI-PP-EI", true, true, KEPT, true, true, true },
	{ "EI-PP-HD", true, true, KEPT, true, true, false },
	{ "EI-PP-PD", true, true, KEPT, true, false, false },
	{ "EI-PC-EI", true, true, NEXT, true, true, true },
	{ "EI-PC-HD", true, true, NEXT, true, true, false },
	{ "EI-PC-PD", true, true, NEXT, true, false, false },
	{ "EI-RD-EI", true, true, ANY, true, true, true },
	{ "EI-RD-HD", true, true, ANY, true, true, false },
	{ "EI-RD-PD", true, true, ANY, true, false, false },
	{ "HD-PP-EI", true, false, KEPT, true, true, true },
	{ "HD-PP-HD", true, false, KEPT, true, true, false },
	{ "HD-PP-PD", true, false, KEPT, true, false, false },
	{ "HD-PC-EI", true, false, NEXT, true, true, true },
	{ "HD-PC-HD", true, false, NEXT, true, true, false },
	{ "HD-PC-PD", true, false, NEXT, true, false, false },
	{ "HD-RD-EI", true, false, ANY, true, true, true },
	{ "HD-RD-HD", true, false, ANY, true, true, false },
	{ "HD-RD-PD", true, false, ANY, true, false, false },
	{ "PD-PP-EI", false, false, KEPT, true, true, true },
	{ "PD-PP-HD", false, false, KEPT, true, true, false },
	{ "PD-PP-PD", false, false, KEPT, true, false, false },
	{ "PD-PC-EI", false, false, NEXT, true, true, true },
	{ "PD-PC-HD", false, false, NEXT, true, true, false },
	{ "PD-PC-PD", false, false, NEXT, true, false, false },
	{ "PD-RD-EI", false, false, ANY, true, true, true },
	{ "PD-RD-HD", false, false, ANY, true, true, false },
	{ "PD-RD-PD", false, false, ANY, true, false, false },
};
enum { ROWS = sizeof table / sizeof table[0] };

Test(nat_table, there_are_27_and_each_has_its_name)
{
	char text[P2V_NAT_NAME];
	struct p2v_nat_type t;

	cr_assert_eq(ROWS, P2V_NAT_TYPES);
	for (unsigned i = 0; i < P2V_NAT_TYPES; i++) {
		cr_assert_str_eq(p2v_nat_type_text(p2v_nat_type_at(i), text), table[i].type);
		cr_assert_eq(p2v_nat_type_parse(p2v_str_of(text), &t), P2V_OK);
		cr_assert_eq(p2v_nat_type_number(t), i);
	}
	cr_assert_eq(p2v_nat_type_parse(p2v_str_of("EI-PP"), &t), P2V_EPARSE);
	cr_assert_eq(p2v_nat_type_parse(p2v_str_of("EI-PP-XX"), &t), P2V_EPARSE);
	cr_assert_eq(p2v_nat_type_parse(p2v_str_of("EI-PP-PD-"), &t), P2V_EPARSE);
}

Test(nat_table, who_gets_a_mapping_of_its_own)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		uint16_t first, other_port, other_host;
		struct box b;

		box_new(&b, r->type);
		first = out(&b, inside(2, 5000), remote(1, 1));
		other_port = out(&b, inside(2, 5000), remote(1, 2));
		other_host = out(&b, inside(2, 5000), remote(2, 1));
		cr_assert_eq(out(&b, inside(2, 5000), remote(1, 1)), first, "%s", r->type);
		cr_assert_eq(other_port == first, r->same_for_port, "%s", r->type);
		cr_assert_eq(other_host == first, r->same_for_host, "%s", r->type);
		cr_assert_eq(out(&b, inside(2, 5000), remote(2, 1)), other_host, "%s", r->type);
		cr_assert_eq(p2v_nat_mappings(b.nat, 0),
			1 + (size_t)!r->same_for_port + (size_t)!r->same_for_host, "%s", r->type);
		box_free(&b);
	}
}

/* Ports of 40 inside sockets that all send to one place. */
static void count_ports(struct box *b, unsigned *kept, unsigned *next)
{
	uint16_t last = 0;

	*kept = *next = 0;
	for (uint16_t i = 0; i < 40; i++) {
		uint16_t own = (uint16_t)(20000 + 7 * i), port;

		port = out(b, inside(2, own), remote(1, 1));
		*kept += port == own;
		*next += i && (port == last + 1 || (last == 65535 && port == 1024));
		last = port;
	}
}

Test(nat_table, which_ports_they_get)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		unsigned kept, next;
		struct box b;

		box_new(&b, r->type);
		count_ports(&b, &kept, &next);
		if (r->ports == KEPT)
			cr_assert_eq(kept, 40, "%s", r->type);
		else if (r->ports == NEXT)
			cr_assert_eq(next, 39, "%s", r->type);
		else
			cr_assert(kept < 3 && next < 3, "%s: %u %u", r->type, kept, next);
		box_free(&b);
	}
}

Test(nat_table, who_may_send_to_them)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		struct p2v_addr own = inside(2, 5000);
		uint16_t port;
		struct box b;

		box_new(&b, r->type);
		port = out(&b, own, remote(1, 1));
		cr_assert_eq(in(&b, port, remote(1, 1), own), r->from_that, "%s", r->type);
		cr_assert_eq(in(&b, port, remote(1, 2), own), r->from_other_port, "%s", r->type);
		cr_assert_eq(in(&b, port, remote(2, 1), own), r->from_other_host, "%s", r->type);
		cr_assert_eq(
			verdict_at(&b, (uint16_t)(port ^ 1), remote(1, 1), 0), P2V_NAT_UNKNOWN);
		box_free(&b);
	}
}

Test(nat_table, who_got_in_is_answered_from_there)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		struct p2v_addr own = inside(2, 5000);
		uint16_t port;
		struct box b;

		box_new(&b, r->type);
		port = out(&b, own, remote(1, 1));
		if (in(&b, port, remote(2, 9), own)) {
			cr_assert_eq(out(&b, own, remote(2, 9)), port, "%s", r->type);
			cr_assert_eq(p2v_nat_mappings(b.nat, 0), 1, "%s", r->type);
		}
		box_free(&b);
	}
}

Test(nat_table, a_port_that_is_taken_is_not_given_twice)
{
	struct box b;
	uint16_t first, second, third;

	box_new(&b, "EI-PP-PD");
	first = out(&b, inside(2, 5000), remote(1, 1));
	second = out(&b, inside(3, 5000), remote(1, 1)); /* RFC 4787 REQ-3 a: no overloading */
	cr_assert_eq(first, 5000);
	cr_assert_neq(second, 5000);
	cr_assert(in(&b, second, remote(1, 1), inside(3, 5000)));
	cr_assert(in(&b, first, remote(1, 1), inside(2, 5000)));
	box_free(&b);
	box_new(&b, "PD-PP-PD"); /* the second remote of one socket collides with its first */
	first = out(&b, inside(2, 5000), remote(1, 1));
	second = out(&b, inside(2, 5000), remote(2, 1));
	third = out(&b, inside(2, 5001), remote(2, 1));
	cr_assert_eq(first, 5000);
	cr_assert_neq(second, 5000);
	cr_assert_eq(third, 5001, "a fresh socket keeps its port with whom it calls first");
	box_free(&b);
}

/* ---- hairpin ---- */

static enum p2v_nat_verdict hairpin(struct box *b, struct p2v_addr src, uint16_t port,
	struct p2v_addr *shown, struct p2v_addr *to)
{
	return p2v_nat_hairpin(b->nat, &src, port, 0, shown, to);
}

Test(nat_table, hairpin_shows_the_outside_or_the_inside_or_is_not_there)
{
	static const struct {
		bool there, shows_inside;
	} cases[] = { { true, false }, { true, true }, { false, false } };

	for (size_t i = 0; i < 3; i++) {
		struct p2v_addr shown, to, a = inside(2, 5000), z = inside(3, 6000);
		struct p2v_nat_count c;
		enum p2v_nat_verdict v;
		uint16_t at_a, at_z;
		struct box b;

		box_init(&b, "EI-RD-EI");
		b.conf.hairpin = cases[i].there;
		b.conf.hairpin_inside = cases[i].shows_inside;
		box_open(&b);
		at_a = out(&b, a, remote(1, 1));
		at_z = out(&b, z, remote(1, 1));
		v = hairpin(&b, a, at_z, &shown, &to);
		p2v_nat_count(b.nat, &c);
		cr_assert_eq(c.hairpins, cases[i].there);
		cr_assert_eq(v, cases[i].there ? P2V_NAT_PASS : P2V_NAT_NO_HAIRPIN);
		if (v == P2V_NAT_PASS) {
			cr_assert(p2v_addr_equal(&to, &z));
			cr_assert_eq(p2v_addr_equal(&shown, &a), cases[i].shows_inside);
			cr_assert_eq(shown.port, cases[i].shows_inside ? a.port : at_a);
		}
		box_free(&b);
	}
}

Test(nat_table, the_filter_holds_for_hairpin_too)
{
	struct p2v_addr shown, to, a = inside(2, 5000), z = inside(3, 6000);
	uint16_t at_a, at_z;
	struct box b;

	box_new(&b, "EI-PP-PD");
	at_a = out(&b, a, remote(1, 1));
	at_z = out(&b, z, remote(1, 1));
	cr_assert_eq(hairpin(&b, a, at_z, &shown, &to), P2V_NAT_FILTERED, "z never sent to a");
	cr_assert_eq(hairpin(&b, z, at_a, &shown, &to), P2V_NAT_PASS, "a has sent to z by now");
	cr_assert_eq(hairpin(&b, a, at_z, &shown, &to), P2V_NAT_PASS);
	cr_assert_eq(hairpin(&b, a, 7, &shown, &to), P2V_NAT_UNKNOWN);
	box_free(&b);
}
