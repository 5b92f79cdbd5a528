/* box.c - short forms for tests of NAT boxes. */
#include "tests/unit/nat/box.h"

#define OUTSIDE 0xc6336401u /* 198.51.100.1 */

void box_init(struct box *b, const char *type)
{
	*b = (struct box){ .nat = NULL };
	p2v_random_init(&b->random, 1, type);
	p2v_nat_conf_default(&b->conf);
	b->conf.outside = p2v_addr_v4(OUTSIDE, 0);
	cr_assert_eq(p2v_nat_type_parse(p2v_str_of(type), &b->conf.type), P2V_OK, "%s", type);
}

void box_open(struct box *b)
{
	struct p2v_err err;

	if (p2v_nat_new(&b->conf, &b->random, &b->nat, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void box_new(struct box *b, const char *type)
{
	box_init(b, type);
	box_open(b);
}

void box_free(struct box *b)
{
	p2v_nat_free(b->nat);
}

struct p2v_addr inside(uint8_t host, uint16_t port)
{
	return p2v_addr_v4(0xc0a80000u + host, port);
}

struct p2v_addr remote(uint8_t host, uint16_t port)
{
	return p2v_addr_v4(0xcb007100u + host, port);
}

uint16_t out_at(struct box *b, struct p2v_addr src, struct p2v_addr dst, p2v_usec now)
{
	struct p2v_addr shown, want = p2v_addr_v4(OUTSIDE, 0);

	if (p2v_nat_out(b->nat, &src, &dst, now, &shown) != P2V_NAT_PASS)
		return 0;
	want.port = shown.port;
	cr_assert(p2v_addr_equal(&shown, &want), "the outside address is shown");
	return shown.port;
}

uint16_t out(struct box *b, struct p2v_addr src, struct p2v_addr dst)
{
	return out_at(b, src, dst, 0);
}

enum p2v_nat_verdict verdict_at(struct box *b, uint16_t port, struct p2v_addr src, p2v_usec now)
{
	struct p2v_addr dst;

	return p2v_nat_in(b->nat, port, &src, now, &dst);
}

bool in_at(struct box *b, uint16_t port, struct p2v_addr src, struct p2v_addr dst, p2v_usec now)
{
	struct p2v_addr to;

	return p2v_nat_in(b->nat, port, &src, now, &to) == P2V_NAT_PASS &&
	       p2v_addr_equal(&to, &dst);
}

bool in(struct box *b, uint16_t port, struct p2v_addr src, struct p2v_addr dst)
{
	return in_at(b, port, src, dst, 0);
}
