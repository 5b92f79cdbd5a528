/* registry_laws.c - the laws of kind registry: what was put is found until it expires, samples are
 * uniform and repeat nobody, swarms do not mix. */
#include "tests/contract/registry_laws.h"

#include <criterion/criterion.h>
#include <string.h>

#include "framework/base/random.h"

enum { FOUND_MAX = 600 };
#define LONG (3600 * P2V_SECOND)

struct name {
	uint8_t b[32];
};

static struct name name_of(uint8_t kind, uint32_t n)
{
	/* The number stands in the middle, so that no hash of leading bytes looks good. */
	struct name x = { { kind } };

	x.b[15] = (uint8_t)(n >> 16);
	x.b[16] = (uint8_t)(n >> 8);
	x.b[17] = (uint8_t)n;
	return x;
}

static struct name swarm_of(uint32_t n)
{
	return name_of('s', n);
}

static struct name peer_of(uint32_t n)
{
	return name_of('p', n);
}

static uint32_t number_of(const uint8_t peer[32])
{
	uint32_t n = (uint32_t)peer[15] << 16 | (uint32_t)peer[16] << 8 | peer[17];
	struct name x = peer_of(n);

	cr_assert_arr_eq(x.b, peer, 32);
	return n;
}

/* ---- asking ---- */

struct found {
	uint32_t peer[FOUND_MAX];
	uint8_t value[FOUND_MAX]; /* the first byte; 0: it is empty */
	p2v_usec expires[FOUND_MAX];
	size_t n;
	unsigned done;
	int code;
	struct name swarm;
};

static void on_entry(void *ctx, const struct p2v_registry_entry *e)
{
	struct found *f = ctx;

	cr_assert_eq(f->done, 0, "done is the last call");
	cr_assert_lt(f->n, FOUND_MAX);
	cr_assert_arr_eq(e->swarm, f->swarm.b, 32);
	f->peer[f->n] = number_of(e->peer);
	f->value[f->n] = e->value.n ? e->value.p[0] : 0;
	for (size_t i = 0; i < e->value.n; i++)
		cr_assert_eq(e->value.p[i], (uint8_t)(f->value[f->n] + i));
	f->expires[f->n++] = e->expires;
}

static void on_done(void *ctx, int code)
{
	struct found *f = ctx;

	f->done++;
	f->code = code;
}

static void sample(
	struct registry_stage *s, uint32_t swarm, uint32_t except, uint32_t want, struct found *f)
{
	struct p2v_registry_reader r = { f, on_entry, on_done };
	struct name x = peer_of(except);

	memset(f, 0, sizeof *f);
	f->swarm = swarm_of(swarm);
	s->ops->sample(s->st, f->swarm.b, x.b, want, &r);
	memset(&r, 0, sizeof r); /* it was copied */
	while (!f->done)
		cr_assert(s->answer(s), "each question is answered");
	cr_assert_eq(f->done, 1);
	cr_assert_eq(f->code, P2V_OK);
	cr_assert_leq(f->n, want);
	for (size_t i = 0; i < f->n; i++) {
		cr_assert_neq(f->peer[i], except);
		cr_assert_gt(f->expires[i], s->now(s));
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(f->peer[i], f->peer[k], "nobody twice");
	}
}

/* Everybody's value is n bytes that count up from `first`. */
static int try_put(struct registry_stage *s, uint32_t swarm, uint32_t peer, uint8_t first, size_t n,
	p2v_usec expires, struct p2v_err *err)
{
	struct name sw = swarm_of(swarm), p = peer_of(peer);
	uint8_t value[512];
	struct p2v_registry_entry e = {
		.swarm = sw.b, .peer = p.b, .value = { value, n }, .expires = expires
	};
	int rc;

	for (size_t i = 0; i < n; i++)
		value[i] = (uint8_t)(first + i);
	rc = s->ops->put(s->st, &e, err);
	memset(value, 0xee, sizeof value); /* nothing of it is borrowed */
	memset(&sw, 0xee, sizeof sw);
	memset(&p, 0xee, sizeof p);
	return rc;
}

static void put(struct registry_stage *s, uint32_t swarm, uint32_t peer)
{
	struct p2v_err err;

	if (try_put(s, swarm, peer, 1, 100, s->now(s) + LONG, &err) != P2V_OK)
		cr_assert_fail("%s", err.text);
}

static void drop(struct registry_stage *s, uint32_t swarm, uint32_t peer)
{
	struct name sw = swarm_of(swarm), p = peer_of(peer);

	s->ops->drop(s->st, sw.b, p.b);
}

static uint64_t count(struct registry_stage *s, uint32_t swarm)
{
	struct name sw = swarm_of(swarm);

	return s->ops->count(s->st, sw.b);
}

/* ---- the laws ---- */

static void what_was_put_is_found(struct registry_stage *s)
{
	struct found f;
	struct p2v_err err;
	p2v_usec when = s->now(s) + LONG;

	cr_assert_eq(try_put(s, 1, 7, 42, 512, when, &err), P2V_OK);
	sample(s, 1, 0, 30, &f);
	cr_assert_eq(f.n, 1);
	cr_assert_eq(f.peer[0], 7);
	cr_assert_eq(f.value[0], 42);
	cr_assert_eq(f.expires[0], when);
	cr_assert_eq(count(s, 1), 1);
	cr_assert_eq(try_put(s, 1, 8, 0, 0, when, &err), P2V_OK, "a value may be empty");
	sample(s, 1, 7, 30, &f);
	cr_assert_eq(f.n, 1);
	cr_assert_eq(f.value[0], 0);
}

static void nobody_knows_an_unknown_swarm(struct registry_stage *s)
{
	struct found f;

	sample(s, 1, 0, 30, &f);
	cr_assert_eq(f.n, 0);
	cr_assert_eq(count(s, 1), 0);
	drop(s, 1, 1);
	cr_assert_eq(count(s, 1), 0);
}

static void again_is_a_renewal(struct registry_stage *s)
{
	struct found f;
	struct p2v_err err;
	p2v_usec when = s->now(s) + 10 * P2V_SECOND;

	cr_assert_eq(try_put(s, 1, 7, 42, 300, when, &err), P2V_OK);
	cr_assert_eq(try_put(s, 1, 7, 43, 10, when + LONG, &err), P2V_OK);
	sample(s, 1, 0, 30, &f);
	cr_assert_eq(f.n, 1);
	cr_assert_eq(f.value[0], 43);
	cr_assert_eq(f.expires[0], when + LONG);
	cr_assert_eq(count(s, 1), 1);
	s->pass(s, 20 * P2V_SECOND);
	sample(s, 1, 0, 30, &f);
	cr_assert_eq(f.n, 1);
}

static void as_many_as_wanted(struct registry_stage *s)
{
	struct found f;

	for (uint32_t i = 1; i <= 20; i++)
		put(s, 1, i);
	for (uint32_t want = 0; want <= 19; want++) {
		sample(s, 1, 5, want, &f);
		cr_assert_eq(f.n, want);
	}
	sample(s, 1, 5, 500, &f);
	cr_assert_eq(f.n, 19, "all but the one who asks");
	sample(s, 1, 99, 500, &f);
	cr_assert_eq(f.n, 20, "somebody who is not in it asks");
	cr_assert_eq(count(s, 1), 20);
}

static void swarms_do_not_mix(struct registry_stage *s)
{
	struct found f;

	for (uint32_t swarm = 1; swarm <= 20; swarm++)
		for (uint32_t i = 1; i <= swarm; i++)
			put(s, swarm, 100 * swarm + i);
	for (uint32_t i = 1; i <= 3; i++)
		put(s, 21, 100 + i); /* in several */
	for (uint32_t swarm = 1; swarm <= 20; swarm++) {
		cr_assert_eq(count(s, swarm), swarm);
		sample(s, swarm, 0, 100, &f);
		cr_assert_eq(f.n, swarm);
		for (size_t i = 0; i < f.n; i++)
			cr_assert_eq(f.peer[i] / 100, swarm);
	}
	drop(s, 21, 101);
	cr_assert_eq(count(s, 21), 2);
	cr_assert_eq(count(s, 1), 1, "it left one of its swarms");
}

static void gone_when_it_expires(struct registry_stage *s)
{
	struct found f;
	struct p2v_err err;
	p2v_usec start = s->now(s);

	for (uint32_t i = 1; i <= 10; i++)
		cr_assert_eq(try_put(s, 1, i, 1, 10, start + (p2v_usec)i * 2 * P2V_SECOND, &err),
			P2V_OK);
	s->pass(s, P2V_SECOND);
	for (uint32_t left = 10;; left--) {
		sample(s, 1, 0, 30, &f);
		cr_assert_eq(f.n, left);
		for (size_t i = 0; i < f.n; i++)
			cr_assert_gt(f.peer[i], 10 - left);
		if (left == 0)
			break;
		s->pass(s, 2 * P2V_SECOND);
	}
	s->pass(s, 120 * P2V_SECOND);
	cr_assert_eq(count(s, 1), 0);
	put(s, 1, 3);
	cr_assert_eq(count(s, 1), 1, "it may come back");
}

static void gone_when_it_is_dropped(struct registry_stage *s)
{
	struct found f;

	for (uint32_t i = 1; i <= 10; i++)
		put(s, 1, i);
	for (uint32_t i = 1; i <= 10; i++) {
		drop(s, 1, i);
		drop(s, 1, i);
		drop(s, 1, 77);
		cr_assert_eq(count(s, 1), 10 - i);
		sample(s, 1, 0, 30, &f);
		cr_assert_eq(f.n, 10 - i);
		for (size_t k = 0; k < f.n; k++)
			cr_assert_gt(f.peer[k], i);
	}
}

/* Pearson's test: of 49 or 50 degrees of freedom, 86.7 is passed by one uniform sampler in a
 * thousand; the seed is fixed, so a law that holds always holds. */
static void everybody_is_as_likely(struct registry_stage *s)
{
	enum { PEERS = 50, DRAWS = 4000, WANT = 5 };
	static unsigned any[PEERS + 1], first[PEERS + 1];
	double chi = 0, chi_first = 0, expected = (double)DRAWS * WANT / (PEERS - 1),
	       expected_first = (double)DRAWS / (PEERS - 1);
	struct found f;

	for (uint32_t i = 1; i <= PEERS; i++)
		put(s, 1, i);
	for (int d = 0; d < DRAWS; d++) {
		sample(s, 1, 1, WANT, &f);
		cr_assert_eq(f.n, WANT);
		first[f.peer[0]]++;
		for (size_t i = 0; i < f.n; i++)
			any[f.peer[i]]++;
		if (d % 7 == 0) { /* who comes and goes moves the others about */
			drop(s, 1, 2 + (uint32_t)d % (PEERS - 1));
			put(s, 1, 2 + (uint32_t)d % (PEERS - 1));
		}
	}
	for (uint32_t i = 2; i <= PEERS; i++) {
		chi += (any[i] - expected) * (any[i] - expected) / expected;
		chi_first += (first[i] - expected_first) * (first[i] - expected_first) /
			     expected_first;
	}
	cr_assert_lt(chi, 86.7, "%g", chi);
	cr_assert_lt(chi_first, 86.7, "%g", chi_first);
	cr_assert_gt(chi, 15, "%g: more even than chance", chi);
	cr_assert_gt(chi_first, 23, "%g: more even than chance", chi_first);
}

/* Against a table that cannot be wrong. */
static void a_long_history(struct registry_stage *s)
{
	enum { SWARMS = 4, PEERS = 60 };
	static p2v_usec until[SWARMS][PEERS];
	struct p2v_random r;
	struct found f;
	struct p2v_err err;

	p2v_random_init(&r, 5, "history");
	for (int step = 0; step < 20000; step++) {
		uint32_t sw = (uint32_t)p2v_random_below(&r, SWARMS),
			 p = (uint32_t)p2v_random_below(&r, PEERS);
		p2v_usec expires = s->now(s) + (p2v_usec)p2v_random_below(&r, 40 * P2V_SECOND) +
				   P2V_MSEC;
		size_t live = 0;

		switch (p2v_random_below(&r, 6)) {
		case 0:
		case 1:
		case 2:
			cr_assert_eq(try_put(s, sw, p, (uint8_t)p, 20, expires, &err), P2V_OK);
			until[sw][p] = expires;
			break;
		case 3:
			drop(s, sw, p);
			until[sw][p] = 0;
			break;
		case 4: s->pass(s, P2V_SECOND / 2); break;
		default:
			for (uint32_t i = 0; i < PEERS; i++)
				live += i != p && until[sw][i] > s->now(s);
			sample(s, sw, p, 30, &f);
			cr_assert_eq(f.n, live < 30 ? live : 30);
			for (size_t i = 0; i < f.n; i++)
				cr_assert_eq(f.expires[i], until[sw][f.peer[i]]);
		}
	}
}

static void a_large_swarm(struct registry_stage *s)
{
	struct found f;

	for (uint32_t i = 1; i <= 5000; i++)
		put(s, 1, i);
	cr_assert_eq(count(s, 1), 5000);
	for (int i = 0; i < 100; i++) {
		sample(s, 1, 4, 30, &f);
		cr_assert_eq(f.n, 30);
	}
	for (uint32_t i = 1; i <= 4990; i++)
		drop(s, 1, i);
	sample(s, 1, 0, 30, &f);
	cr_assert_eq(f.n, 10);
}

const struct registry_law registry_laws[] = {
	{ "what_was_put_is_found", what_was_put_is_found },
	{ "nobody_knows_an_unknown_swarm", nobody_knows_an_unknown_swarm },
	{ "again_is_a_renewal", again_is_a_renewal },
	{ "as_many_as_wanted", as_many_as_wanted },
	{ "swarms_do_not_mix", swarms_do_not_mix },
	{ "gone_when_it_expires", gone_when_it_expires },
	{ "gone_when_it_is_dropped", gone_when_it_is_dropped },
	{ "everybody_is_as_likely", everybody_is_as_likely },
	{ "a_long_history", a_long_history },
	{ "a_large_swarm", a_large_swarm },
};
const size_t registry_laws_n = sizeof registry_laws / sizeof registry_laws[0];
