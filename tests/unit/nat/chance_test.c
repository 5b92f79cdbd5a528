/* chance_test.c - random traffic through boxes of every type and many sizes: what must hold
 * whatever happens, against a book of what was sent that knows nothing of how the box works. */
#include "tests/unit/nat/box.h"

#include <stdlib.h>

TestSuite(nat_chance, .timeout = 60);

enum { HOSTS = 5, PORTS = 3, REMOTES = 6, STEPS = 4000 };

/** What went out last from a socket to a remote. */
struct line {
	uint16_t shown;
	p2v_usec at;
	bool any;
};

struct book {
	struct line line[HOSTS][PORTS][REMOTES];
	p2v_usec now;
};

static struct p2v_addr own(size_t host, size_t port)
{
	return inside((uint8_t)(2 + host), (uint16_t)(4000 + port));
}

static struct p2v_addr other(size_t r)
{
	return remote((uint8_t)(r / 2), (uint16_t)(1 + r % 2)); /* two ports a host */
}

/* No two sockets may be shown alike to one remote while both mappings live. */
static void check_apart(const struct box *b, const struct book *k, size_t h, size_t p, size_t r)
{
	const struct line *x = &k->line[h][p][r];

	for (size_t i = 0; i < HOSTS; i++)
		for (size_t j = 0; j < PORTS; j++) {
			const struct line *y = &k->line[i][j][r];
			struct p2v_addr holder;

			if ((i == h && j == p) || !y->any || y->shown != x->shown)
				continue;
			cr_assert(p2v_nat_holder(b->nat, y->shown, k->now, &holder));
			cr_assert_eq(holder.port, own(h, p).port, "it was given to another anew");
		}
}

static void send(struct box *b, struct book *k, struct p2v_random *r)
{
	size_t h = p2v_random_below(r, HOSTS), p = p2v_random_below(r, PORTS);
	size_t to = p2v_random_below(r, REMOTES);
	struct line *l = &k->line[h][p][to];
	struct p2v_addr src = own(h, p), dst = other(to), shown, back;
	enum p2v_nat_verdict v = p2v_nat_out(b->nat, &src, &dst, k->now, &shown);

	if (v != P2V_NAT_PASS) {
		cr_assert_eq(v, P2V_NAT_FULL);
		cr_assert_eq(b->conf.full, P2V_NAT_FULL_DROP);
		return;
	}
	if (l->any && b->conf.full == P2V_NAT_FULL_DROP && k->now < l->at + b->conf.timeout)
		cr_assert_eq(shown.port, l->shown, "a mapping in use stays");
	*l = (struct line){ shown.port, k->now, true };
	check_apart(b, k, h, p, to);
	cr_assert_eq(p2v_nat_in(b->nat, shown.port, &dst, k->now, &back), P2V_NAT_PASS,
		"the very remote may answer");
	cr_assert(p2v_addr_equal(&back, &src));
}

/* Somebody sends to some port: it reaches who holds the port, or nobody; and nobody from whom the
 * filter has to keep it. */
static void knock(struct box *b, struct book *k, struct p2v_random *r)
{
	size_t h = p2v_random_below(r, HOSTS), p = p2v_random_below(r, PORTS);
	size_t via = p2v_random_below(r, REMOTES), by = p2v_random_below(r, REMOTES);
	const struct line *l = &k->line[h][p][via];
	struct p2v_addr src = other(by), to, holder;
	bool held, met = false;
	enum p2v_nat_verdict v;

	if (!l->any)
		return;
	held = p2v_nat_holder(b->nat, l->shown, k->now, &holder);
	v = p2v_nat_in(b->nat, l->shown, &src, k->now, &to);
	cr_assert_eq(held, v != P2V_NAT_UNKNOWN);
	if (v != P2V_NAT_PASS)
		return;
	cr_assert(p2v_addr_equal(&to, &holder));
	if (b->conf.type.filtering == P2V_NAT_EI)
		return;
	for (size_t i = 0; i < HOSTS; i++)
		for (size_t j = 0; j < PORTS; j++)
			for (size_t q = 0; q < REMOTES; q++)
				met |= k->line[i][j][q].any && own(i, j).port == to.port &&
				       (q == by || (b->conf.type.filtering == P2V_NAT_HD &&
							   q / 2 == by / 2));
	cr_assert(met, "it got in, and nobody ever sent there");
}

static void play(struct box *b, struct p2v_random *r)
{
	struct book *k = calloc(1, sizeof *k);
	struct p2v_nat_count c;
	uint64_t gone;

	cr_assert(k);
	for (size_t i = 0; i < STEPS; i++) {
		k->now += (p2v_usec)p2v_random_below(r, (uint64_t)b->conf.timeout / 8);
		if (p2v_random_below(r, 3))
			send(b, k, r);
		else
			knock(b, k, r);
		cr_assert_leq(p2v_nat_mappings(b->nat, k->now), b->conf.mappings_max);
	}
	p2v_nat_count(b->nat, &c);
	gone = c.expired + c.evicted;
	cr_assert_eq(c.made - gone, p2v_nat_mappings(b->nat, k->now));
	k->now += b->conf.timeout;
	cr_assert_eq(p2v_nat_mappings(b->nat, k->now), 0, "all goes in the end");
	free(k);
}

Test(nat_chance, laws_hold_for_every_type_and_size)
{
	static const uint32_t sizes[] = { 4096, 40, 7, 1 };
	struct p2v_random r;

	p2v_random_init(&r, 7, "traffic");
	for (unsigned t = 0; t < P2V_NAT_TYPES; t++)
		for (size_t i = 0; i < 4; i++)
			for (int full = 0; full < 2; full++) {
				char type[P2V_NAT_NAME];
				struct box b;

				box_init(&b, p2v_nat_type_text(p2v_nat_type_at(t), type));
				b.conf.mappings_max = sizes[i];
				b.conf.remotes_max = 1 + sizes[i] / 4;
				b.conf.port_max = sizes[i] == 40 ? 1053 : 65535;
				b.conf.full = full ? P2V_NAT_FULL_OLDEST : P2V_NAT_FULL_DROP;
				b.conf.inbound_refresh = p2v_random_below(&r, 2);
				box_open(&b);
				play(&b, &r);
				box_free(&b);
			}
}

Test(nat_chance, the_same_stream_gives_the_same_ports)
{
	struct box a, z;

	box_new(&a, "PD-RD-PD");
	box_new(&z, "PD-RD-PD");
	for (uint8_t i = 0; i < 200; i++)
		cr_assert_eq(out(&a, inside(2, 5000), remote(i, 1)),
			out(&z, inside(2, 5000), remote(i, 1)));
	box_free(&a);
	box_free(&z);
}
