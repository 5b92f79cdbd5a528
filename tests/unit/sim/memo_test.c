/* memo_test.c - what stand-ins gave before: with it and without it they give the same. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/base/random.h"
#include "sdk/sim/crypto.h"
#include "sdk/sim/memo.h"

TestSuite(sim_memo, .timeout = 60);

static struct p2v_memo_question question(const char *a, const char *b)
{
	struct p2v_memo_question q;

	q.n = 0;
	p2v_memo_add(&q, (const uint8_t *)a, strlen(a));
	p2v_memo_add(&q, (const uint8_t *)b, strlen(b));
	return q;
}

Test(sim_memo, an_answer_belongs_to_its_question)
{
	struct p2v_sim_memo *m = p2v_sim_memo_new();
	struct p2v_memo_question q = question("ab", "c"), other = question("a", "bc");
	uint8_t *at;
	bool known;

	cr_assert_not_null(m);
	at = p2v_sim_memo_at(m, &q, &known);
	cr_assert(at && !known);
	memset(at, 7, P2V_MEMO_ANSWER);
	at = p2v_sim_memo_at(m, &q, &known);
	cr_assert(known && at[0] == 7 && at[P2V_MEMO_ANSWER - 1] == 7);
	(void)p2v_sim_memo_at(m, &other, &known);
	cr_assert_not(known, "parts are not only their bytes");
	p2v_sim_memo_free(m);
	p2v_sim_memo_free(NULL);
}

Test(sim_memo, long_and_empty_questions_are_not_kept)
{
	struct p2v_sim_memo *m = p2v_sim_memo_new();
	struct p2v_memo_question q = { .n = 0 };
	uint8_t part[P2V_MEMO_QUESTION] = { 0 };
	bool known = true;

	cr_assert_null(p2v_sim_memo_at(m, &q, &known));
	cr_assert_not(known);
	p2v_memo_add(&q, part, P2V_MEMO_QUESTION - 1);
	cr_assert_not_null(p2v_sim_memo_at(m, &q, &known), "just not too long");
	q.n = 0;
	p2v_memo_add(&q, part, P2V_MEMO_QUESTION);
	p2v_memo_add(&q, part, 1);
	cr_assert_null(p2v_sim_memo_at(m, &q, &known));
	q.n = 0;
	p2v_memo_add(&q, part, P2V_MEMO_QUESTION - 3);
	p2v_memo_add(&q, part, 0);
	cr_assert_not_null(p2v_sim_memo_at(m, &q, &known));
	p2v_memo_add(&q, part, SIZE_MAX);
	cr_assert_null(p2v_sim_memo_at(m, &q, &known));
	cr_assert_null(p2v_sim_memo_at(NULL, &q, &known));
	p2v_sim_memo_free(m);
}

/* More questions than there are places, each asked several times. */
Test(sim_memo, digests_and_signatures_are_what_they_were)
{
	struct p2v_sim_crypto plain, recalls;
	struct p2v_crypto a, b;
	struct p2v_random r;
	struct p2v_id by[5];
	uint8_t text[200], x[P2V_DIGEST_SIZE], y[P2V_DIGEST_SIZE];
	uint8_t s[P2V_SIGNATURE_SIZE], t[P2V_SIGNATURE_SIZE];

	p2v_sim_crypto_init(&plain, 1);
	p2v_sim_crypto_init(&recalls, 1);
	recalls.memo = p2v_sim_memo_new();
	a = p2v_sim_crypto(&plain);
	b = p2v_sim_crypto(&recalls);
	p2v_random_init(&r, 3, "memo");
	memset(by, 0, sizeof by);
	for (size_t i = 0; i < 5; i++)
		by[i].b[0] = (uint8_t)i;
	for (size_t i = 0; i < 30000; i++) {
		size_t n = (size_t)p2v_random_below(&r, 4), from = 0, kind;
		struct p2v_bytes parts[4];

		kind = (size_t)p2v_random_below(&r, 3000);
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = (uint8_t)p2v_mix64(kind + k / 16);
		for (size_t k = 0; k < n; k++) {
			size_t len = (kind + k) % 60;

			parts[k] = (struct p2v_bytes){ text + from, len };
			from += len;
		}
		a.ops->digest(a.self, parts, n, x);
		b.ops->digest(b.self, parts, n, y);
		cr_assert_arr_eq(x, y, sizeof x);
		cr_assert_eq(a.ops->sign(a.self, x, s), b.ops->sign(b.self, x, t));
		cr_assert_arr_eq(s, t, sizeof s);
		cr_assert_eq(a.ops->verify(a.self, &by[kind % 5], x, s),
			b.ops->verify(b.self, &by[kind % 5], x, s));
		cr_assert_eq(b.ops->verify(b.self, b.ops->id(b.self), x, s), P2V_OK);
		s[kind % sizeof s] ^= 1;
		cr_assert_eq(b.ops->verify(b.self, b.ops->id(b.self), x, s), P2V_EINTEGRITY);
	}
	cr_assert_eq(recalls.digests, 30000, "asked for is as good as made");
	p2v_sim_memo_free(recalls.memo);
}

/* Two parts of the sizes of an id and a digest are no signature. */
Test(sim_memo, kinds_are_kept_apart)
{
	struct p2v_sim_crypto c, plain;
	struct p2v_crypto a, b;
	uint8_t what[P2V_DIGEST_SIZE] = { 1 }, s[P2V_SIGNATURE_SIZE], x[P2V_DIGEST_SIZE],
		y[P2V_DIGEST_SIZE];
	struct p2v_bytes parts[2];

	p2v_sim_crypto_init(&c, 1);
	p2v_sim_crypto_init(&plain, 1);
	c.memo = p2v_sim_memo_new();
	a = p2v_sim_crypto(&c);
	b = p2v_sim_crypto(&plain);
	cr_assert_eq(a.ops->sign(a.self, what, s), P2V_OK);
	parts[0] = (struct p2v_bytes){ c.id.b, sizeof c.id.b };
	parts[1] = (struct p2v_bytes){ what, sizeof what };
	a.ops->digest(a.self, parts, 2, x);
	b.ops->digest(b.self, parts, 2, y);
	cr_assert_arr_eq(x, y, sizeof x);
	p2v_sim_memo_free(c.memo);
}
