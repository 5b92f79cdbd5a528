/* select_laws.c - the laws of kind select, on every plugin of it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include <peer2view/select.h>
#include "tests/contract/policy_bench.h"

TestSuite(select_laws, .timeout = 120);

extern const struct p2v_plugin p2v_select_capacity_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_select_random_LTX_p2v_plugin;

static const struct p2v_plugin *const plugins[] = { &p2v_select_capacity_LTX_p2v_plugin,
	&p2v_select_random_LTX_p2v_plugin };
enum { PLUGINS = sizeof plugins / sizeof *plugins };

#define EACH_PLUGIN(law)                                            \
	ParameterizedTestParameters(select_laws, law)               \
	{                                                           \
		static size_t which[PLUGINS] = { 0, 1 };            \
		return cr_make_param_array(size_t, which, PLUGINS); \
	}                                                           \
	ParameterizedTest(const size_t *which, select_laws, law)

#define SCORE_GUARD  -7777.0
#define WEIGHT_GUARD 0xdeadbeefu

static const struct p2v_select_want wants[] = { { 0, 0, 0 }, { 1, 350000, P2V_SECOND },
	{ UINT64_MAX, UINT64_MAX, P2V_NEVER }, { 5, 1, -P2V_SECOND } };
enum { WANTS = sizeof wants / sizeof *wants };

/* Anything that a field can hold, extremes more often than chance would. */
static uint64_t any(struct p2v_random *r, uint64_t most)
{
	switch (p2v_random_below(r, 4)) {
	case 0: return 0;
	case 1: return most;
	case 2: return p2v_random_below(r, 1000);
	default: return most == UINT64_MAX ? p2v_random_next(r) : p2v_random_below(r, most + 1);
	}
}

static void declare(struct p2v_select_peer *p, struct p2v_random *r)
{
	p->id = p2v_random_next(r);
	p->capacity = any(r, UINT64_MAX);
}

static void measure(struct p2v_select_peer *p, struct p2v_random *r)
{
	p->flags = (uint32_t)p2v_random_below(r, 64) & ~(uint32_t)P2V_PEER_SELF;
	p->hops = (uint32_t)any(r, UINT32_MAX);
	p->rate = any(r, UINT64_MAX);
	p->rtt = (p2v_usec)any(r, INT64_MAX);
	p->lag = (p2v_usec)any(r, INT64_MAX);
	p->age = (p2v_usec)any(r, INT64_MAX);
	p->asked = any(r, UINT64_MAX);
	p->failures = (uint32_t)any(r, UINT32_MAX);
	p->near_bits = (uint32_t)any(r, 128);
}

static void draw(struct p2v_select_peer *v, size_t n, struct p2v_random *r)
{
	memset(v, 0, n * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		declare(&v[i], r);
		measure(&v[i], r);
	}
}

static void check_scores(int rc, const double *score, size_t n)
{
	cr_assert(rc == P2V_OK || rc == P2V_EAGAIN, "%d", rc);
	for (size_t i = 0; rc == P2V_OK && i < n; i++)
		cr_assert(isfinite(score[i]), "score %zu is %g", i, score[i]);
	cr_assert_eq(score[n], SCORE_GUARD, "it wrote beyond the end");
}

EACH_PLUGIN(scores_are_numbers_whatever_is_known)
{
	static struct p2v_select_peer v[P2V_SELECT_MAX], before[P2V_SELECT_MAX];
	static double score[P2V_SELECT_MAX + 1];
	static const size_t sizes[] = { 0, 1, 2, 7, P2V_SELECT_MAX };
	struct p2v_select_peer self;
	struct p2v_random r;
	struct bench b;

	bench_open(&b, plugins[*which], 1);
	p2v_random_init(&r, 1, "select");
	for (int round = 0; round < 200; round++) {
		size_t n = sizes[round % 5];
		const struct p2v_select_ops *ops = b.plugin->ops.select;

		draw(v, n, &r);
		draw(&self, 1, &r);
		memcpy(before, v, sizeof v);
		score[n] = SCORE_GUARD;
		check_scores(ops->partners(b.st, &self, v, n, score), score, n);
		for (size_t k = 0; k < WANTS; k++) {
			score[n] = SCORE_GUARD;
			check_scores(ops->sources(b.st, &wants[k], v, n, score), score, n);
		}
		cr_assert_eq(memcmp(before, v, sizeof v), 0, "it changed what it was lent");
	}
	bench_close(&b);
}

static void fetchers(struct bench *b, const struct p2v_select_want *w,
	const struct p2v_select_peer *v, size_t n, uint32_t *weight)
{
	weight[n] = WEIGHT_GUARD;
	cr_assert_eq(b->plugin->ops.select->fetchers(b->st, w, v, n, weight), P2V_OK);
	cr_assert_eq(weight[n], WEIGHT_GUARD, "it wrote beyond the end");
}

EACH_PLUGIN(weights_are_within_bounds_and_somebody_goes)
{
	static struct p2v_select_peer v[P2V_SELECT_MAX];
	static uint32_t weight[P2V_SELECT_MAX + 1];
	struct p2v_random r;
	struct bench b;

	bench_open(&b, plugins[*which], 1);
	p2v_random_init(&r, 2, "select");
	for (int round = 0; round < 200; round++) {
		size_t n = round % 3 == 0 ? 1 : round % 3 == 1 ? 9 : P2V_SELECT_MAX;
		uint64_t all = 0;

		draw(v, n, &r);
		v[0].flags |= P2V_PEER_SELF;
		fetchers(&b, &wants[round % WANTS], v, n, weight);
		for (size_t i = 0; i < n; i++) {
			cr_assert_leq(weight[i], UINT16_MAX);
			all += weight[i];
		}
		cr_assert_gt(all, 0, "nobody would fetch it");
	}
	bench_close(&b);
}

/* All who see the same peers elect the same one: whoever looks, whatever it measured, in whatever
 * order it met them, whatever it was asked before. */
EACH_PLUGIN(all_give_a_peer_the_same_weight)
{
	enum { N = 12 };
	struct p2v_select_peer v[N], w[N];
	uint32_t a[N + 1], c[N + 1];
	struct bench one, two;
	struct p2v_random r;

	bench_open(&one, plugins[*which], 1);
	bench_open(&two, plugins[*which], 99);
	p2v_random_init(&r, 3, "select");
	for (int round = 0; round < 200; round++) {
		const struct p2v_select_want *want = &wants[round % WANTS];
		size_t shift = 1 + (size_t)p2v_random_below(&r, N - 1);

		draw(v, N, &r);
		v[0].flags |= P2V_PEER_SELF;
		for (size_t i = 0; i < N; i++) { /* another node's view of the same peers */
			w[i] = v[(i + shift) % N];
			measure(&w[i], &r);
		}
		w[0].flags |= P2V_PEER_SELF;
		two.now += P2V_SECOND;
		fetchers(&one, want, v, N, a);
		fetchers(&two, want, w, N, c);
		for (size_t i = 0; i < N; i++)
			cr_assert_eq(c[i], a[(i + shift) % N]);
	}
	cr_assert_eq(one.draws + two.draws, 0, "chance cannot be agreed on");
	bench_close(&one);
	bench_close(&two);
}

/* What it draws comes from its environment alone: so a run can be repeated. */
EACH_PLUGIN(the_same_chance_gives_the_same_scores)
{
	enum { N = 40 };
	struct p2v_select_peer v[N];
	double a[N], c[N];
	struct bench one, two;
	struct p2v_random r;

	p2v_random_init(&r, 4, "select");
	bench_open(&one, plugins[*which], 7);
	bench_open(&two, plugins[*which], 7);
	for (int round = 0; round < 50; round++) {
		draw(v, N, &r);
		for (size_t k = 0; k < WANTS; k++) {
			cr_assert_eq(one.plugin->ops.select->sources(one.st, &wants[k], v, N, a),
				two.plugin->ops.select->sources(two.st, &wants[k], v, N, c));
			cr_assert_eq(memcmp(a, c, sizeof a), 0);
		}
		cr_assert_eq(one.plugin->ops.select->partners(one.st, &v[0], v, N, a),
			two.plugin->ops.select->partners(two.st, &v[0], v, N, c));
		cr_assert_eq(memcmp(a, c, sizeof a), 0);
	}
	cr_assert_eq(one.draws, two.draws);
	bench_close(&one);
	bench_close(&two);
}

/* A plugin that takes no chances does not care for the order in which it is shown peers either. */
EACH_PLUGIN(scores_do_not_depend_on_the_order)
{
	enum { N = 40 };
	struct p2v_select_peer v[N], w[N];
	double a[N], c[N];
	struct p2v_random r;
	struct bench b;

	p2v_random_init(&r, 5, "select");
	bench_open(&b, plugins[*which], 7);
	for (int round = 0; round < 50; round++) {
		draw(v, N, &r);
		for (size_t i = 0; i < N; i++)
			w[i] = v[N - 1 - i];
		(void)b.plugin->ops.select->sources(b.st, &wants[1], v, N, a);
		(void)b.plugin->ops.select->sources(b.st, &wants[1], w, N, c);
		for (size_t i = 0; b.draws == 0 && i < N; i++)
			cr_assert_eq(a[i], c[N - 1 - i]);
		(void)b.plugin->ops.select->partners(b.st, &v[0], v, N, a);
		(void)b.plugin->ops.select->partners(b.st, &v[0], w, N, c);
		for (size_t i = 0; b.draws == 0 && i < N; i++)
			cr_assert_eq(a[i], c[N - 1 - i]);
	}
	bench_close(&b);
}

/* Whoever does not answer is asked last, by every plugin. */
EACH_PLUGIN(a_silent_partner_is_asked_last)
{
	struct p2v_select_peer v[2];
	unsigned first = 0;
	struct bench b;

	bench_open(&b, plugins[*which], 7);
	for (int round = 0; round < 1000; round++) {
		double score[2];

		memset(v, 0, sizeof v);
		for (size_t i = 0; i < 2; i++)
			v[i] = (struct p2v_select_peer){ .id = i,
				.flags = P2V_PEER_PARTNER | P2V_PEER_COMPLETE,
				.rate = 100000,
				.rtt = 20 * P2V_MSEC };
		v[0].flags |= P2V_PEER_SUSPECT;
		cr_assert_eq(b.plugin->ops.select->sources(b.st, &wants[1], v, 2, score), P2V_OK);
		first += score[0] >= score[1];
	}
	cr_assert_leq(first, 20);
	bench_close(&b);
}

/* ---- select/capacity alone ---- */

static double source_score(struct bench *b, const struct p2v_select_peer *p)
{
	double score = SCORE_GUARD;

	cr_assert_eq(b->plugin->ops.select->sources(b->st, &wants[1], p, 1, &score), P2V_OK);
	return score;
}

Test(select_laws, capacity_prefers_who_would_be_done_first)
{
	struct p2v_select_peer p = { .id = 1,
		.flags = P2V_PEER_PARTNER | P2V_PEER_COMPLETE,
		.rate = 100000,
		.rtt = 20 * P2V_MSEC };
	struct p2v_select_peer q;
	struct bench b;
	double s;

	bench_open(&b, plugins[0], 1);
	s = source_score(&b, &p);
	q = p;
	q.rate *= 2;
	cr_assert_gt(source_score(&b, &q), s, "faster");
	q = p;
	q.rtt *= 10;
	cr_assert_lt(source_score(&b, &q), s, "further");
	q = p;
	q.asked = 1000000;
	cr_assert_lt(source_score(&b, &q), s, "busier");
	q = p;
	q.failures = 3;
	cr_assert_lt(source_score(&b, &q), s, "less reliable");
	q = p;
	q.flags = P2V_PEER_PARTNER | P2V_PEER_ARRIVING;
	cr_assert_lt(source_score(&b, &q), s, "it waits itself");
	bench_close(&b);
}

Test(select_laws, capacity_elects_the_strong_more_often)
{
	struct p2v_select_peer v[3] = { { .id = 1, .capacity = 20000 },
		{ .id = 2, .capacity = 1000000 }, { .id = 3, .capacity = 100000000 } };
	uint32_t w[4];
	struct bench b;

	bench_open(&b, plugins[0], 1);
	fetchers(&b, &wants[0], v, 3, w);
	cr_assert_gt(w[0], 0);
	cr_assert_gt(w[1], w[0]);
	cr_assert_gt(w[2], w[1]);
	bench_close(&b);
}

Test(select_laws, capacity_takes_the_unknown_for_the_middle)
{
	struct p2v_select_peer v[5] = { { .id = 1 }, { .id = 2, .capacity = 100000000 },
		{ .id = 3, .capacity = 20000 }, { .id = 4, .capacity = 1000000 }, { .id = 5 } };
	uint32_t w[8];
	struct bench b;

	bench_open(&b, plugins[0], 1);
	fetchers(&b, &wants[0], v, 5, w);
	cr_assert_eq(w[0], w[3]);
	cr_assert_eq(w[4], w[3]);
	cr_assert_lt(w[2], w[3]);
	cr_assert_lt(w[3], w[1]);
	fetchers(&b, &wants[0], v, 2, w);
	cr_assert_eq(w[0], w[1], "one that was first to show is not elected ever after");
	v[1].capacity = 0;
	fetchers(&b, &wants[0], v, 2, w);
	cr_assert(w[0] == 1 && w[1] == 1);
	bench_close(&b);
}
