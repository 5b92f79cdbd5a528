/* share_test.c - media that is kept once, and what is remembered of it: nothing that is remembered
 * may be said of other bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "sdk/sim/crypto.h"
#include "sdk/sim/share.h"
#include "tests/unit/sim/pair.h"

TestSuite(sim_share, .timeout = 60);

enum { SIZE = 16384 };

struct shelf {
	struct p2v_sim *sim;
	struct p2v_world w;
	struct p2v_sim_crypto knows, reads; /* with what is remembered, and without */
};

static void open_shelf(struct shelf *s)
{
	struct p2v_addr ip = p2v_addr_v4(0x0a000001, 0);
	const struct p2v_link link = { .delay = 0 };
	struct p2v_machine *m;

	s->sim = p2v_sim_new(1);
	cr_assert(s->sim);
	m = p2v_machine_new(s->sim, "one", &ip, &link);
	cr_assert(m);
	s->w = p2v_machine_world(m);
	p2v_sim_crypto_init(&s->knows, 1);
	p2v_sim_crypto_init(&s->reads, 1);
	s->knows.sim = s->sim;
}

static struct p2v_buf *bytes(uint64_t kind)
{
	struct p2v_buf *b = p2v_buf_new(SIZE);

	cr_assert(b);
	for (size_t i = 0; i < SIZE; i++)
		b->data[i] = (uint8_t)(p2v_mix64(kind * SIZE + i / 8) >> (8 * (i % 8)));
	return b;
}

static struct p2v_buf *share(struct shelf *s, struct p2v_buf *b)
{
	return s->w.ops->share(s->w.self, b);
}

/* @return whether both digests of it are the same */
static bool right(struct shelf *s, const struct p2v_buf *b, size_t n)
{
	struct p2v_crypto knows = p2v_sim_crypto(&s->knows), reads = p2v_sim_crypto(&s->reads);
	struct p2v_bytes part = { b->data, n };
	uint8_t x[P2V_DIGEST_SIZE], y[P2V_DIGEST_SIZE];

	knows.ops->digest(knows.self, &part, 1, x);
	reads.ops->digest(reads.self, &part, 1, y);
	return memcmp(x, y, sizeof x) == 0;
}

Test(sim_share, equal_bytes_are_kept_once)
{
	struct shelf s;
	struct p2v_buf *a, *b, *c;

	open_shelf(&s);
	a = share(&s, bytes(1));
	b = share(&s, bytes(1));
	c = share(&s, bytes(2));
	cr_assert_eq(a, b);
	cr_assert_neq(a, c);
	cr_assert_eq(share(&s, a), a);
	cr_assert_eq(a->refs, 3, "two of ours, and one of the run's");
	cr_assert_eq(p2v_sim_shared_bytes(s.sim), 2 * SIZE);
	p2v_buf_unref(a);
	p2v_buf_unref(b);
	p2v_buf_unref(c);
	p2v_sim_free(s.sim);
}

Test(sim_share, what_is_remembered_is_of_all_of_a_buffer)
{
	struct shelf s;
	struct p2v_buf *a;

	open_shelf(&s);
	a = share(&s, bytes(1));
	cr_assert(p2v_sim_shared_at(s.sim, a->data, SIZE));
	cr_assert_null(p2v_sim_shared_at(s.sim, a->data, SIZE - 1));
	cr_assert_null(p2v_sim_shared_at(s.sim, a->data + 8, SIZE - 8));
	cr_assert(right(&s, a, SIZE));
	cr_assert(right(&s, a, SIZE - 1));
	p2v_buf_unref(a);
	p2v_sim_free(s.sim);
}

/* A polluter's copy differs in one bit: it is another buffer, and its digest is another. */
Test(sim_share, a_changed_byte_is_found)
{
	struct shelf s;
	struct p2v_crypto knows;
	struct p2v_buf *a, *b;
	uint8_t x[P2V_DIGEST_SIZE], y[P2V_DIGEST_SIZE];
	size_t at[] = { 0, 1, 31, 32, 5000, SIZE - 33, SIZE - 1 };

	open_shelf(&s);
	knows = p2v_sim_crypto(&s.knows);
	a = share(&s, bytes(1));
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct p2v_bytes p = { a->data, SIZE }, q;

		b = bytes(1);
		b->data[at[i]] ^= 1;
		b = share(&s, b);
		cr_assert_neq(a, b);
		q = (struct p2v_bytes){ b->data, SIZE };
		knows.ops->digest(knows.self, &p, 1, x);
		knows.ops->digest(knows.self, &q, 1, y);
		cr_assert_neq(memcmp(x, y, sizeof x), 0, "byte %zu", at[i]);
		cr_assert(right(&s, b, SIZE));
		p2v_buf_unref(b);
	}
	p2v_buf_unref(a);
	p2v_sim_free(s.sim);
}

/* Memory is used again: what was remembered of a place goes with the buffer that lay there. */
Test(sim_share, nothing_is_remembered_of_what_has_gone)
{
	struct shelf s;

	open_shelf(&s);
	for (uint64_t i = 0; i < 10000; i++) {
		struct p2v_buf *b = bytes(i);

		cr_assert(right(&s, b, SIZE), "before it is shared");
		b = share(&s, b);
		cr_assert(right(&s, b, SIZE));
		p2v_buf_unref(b);
	}
	cr_assert_leq(p2v_sim_shared_bytes(s.sim), (uint64_t)4096 * SIZE);
	p2v_sim_free(s.sim);
}

/* ---- sums ---- */

/* The same everywhere: a run's hash depends on it. */
Test(sim_share, sums_are_these)
{
	uint8_t p[100];
	struct p2v_lanes v;

	for (size_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(i * 7);
	v = p2v_lanes_of(p, sizeof p);
	cr_assert_eq(v.v[0], UINT64_C(0xffab9d8388aa2f43), "%llx", (unsigned long long)v.v[0]);
	cr_assert_eq(v.v[3], UINT64_C(0x2e8d24e91f4d3b0c), "%llx", (unsigned long long)v.v[3]);
	v = p2v_lanes_of(p, 0);
	cr_assert_eq(v.v[1], UINT64_C(0xda5814bc25121769), "%llx", (unsigned long long)v.v[1]);
}

/* Any bit, any length, and the order of words: all four sums change. */
Test(sim_share, sums_tell_bytes_apart)
{
	uint8_t p[100] = { 0 }, swapped[64];
	struct p2v_lanes zero = p2v_lanes_of(p, sizeof p), v;

	for (size_t bit = 0; bit < 8 * sizeof p; bit++) {
		p[bit / 8] = (uint8_t)(1u << (bit % 8));
		v = p2v_lanes_of(p, sizeof p);
		for (size_t k = 0; k < 4; k++)
			cr_assert_neq(v.v[k], zero.v[k], "bit %zu", bit);
		p[bit / 8] = 0;
	}
	for (size_t n = 0; n < sizeof p; n++) {
		v = p2v_lanes_of(p, n);
		for (size_t k = 0; k < 4; k++)
			cr_assert_neq(v.v[k], zero.v[k], "%zu bytes", n);
	}
	for (size_t i = 0; i < 64; i++)
		p[i] = (uint8_t)(i + 1);
	zero = p2v_lanes_of(p, 64);
	memcpy(swapped, p + 32, 32);
	memcpy(swapped + 32, p, 32);
	v = p2v_lanes_of(swapped, 64);
	cr_assert_neq(v.v[0], zero.v[0]);
	memcpy(swapped, p, 64);
	memcpy(swapped, p + 8, 8);
	memcpy(swapped + 8, p, 8);
	v = p2v_lanes_of(swapped, 64);
	cr_assert_neq(v.v[0], zero.v[0]);
}
