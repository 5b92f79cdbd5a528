/* timers_test.c - the timer queue: order, moving, disarming, and random operations against a list
 * that is kept sorted the slow way. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "framework/base/random.h"
#include "framework/base/timers.h"

TestSuite(timers, .timeout = 120);

Test(timers, order_of_time_then_of_arming)
{
	struct p2v_timers q = { 0 };
	struct p2v_timer t[4] = { 0 };

	cr_assert_eq(p2v_timers_next(&q), P2V_NEVER);
	p2v_timers_arm(&q, &t[0], 20);
	p2v_timers_arm(&q, &t[1], 10);
	p2v_timers_arm(&q, &t[2], 20);
	p2v_timers_arm(&q, &t[3], -5);
	cr_assert_eq(q.n, 4);
	cr_assert_eq(p2v_timers_next(&q), -5);
	cr_assert_null(p2v_timers_pop(&q, -6), "none is due");
	cr_assert_eq(p2v_timers_pop(&q, 100), &t[3]);
	cr_assert_eq(p2v_timers_pop(&q, 100), &t[1]);
	cr_assert_eq(p2v_timers_pop(&q, 100), &t[0]);
	cr_assert_eq(p2v_timers_pop(&q, 100), &t[2]);
	cr_assert_null(p2v_timers_pop(&q, 100));
	cr_assert_eq(q.n, 0);
}

Test(timers, arming_again_moves)
{
	struct p2v_timers q = { 0 };
	struct p2v_timer a = { 0 }, b = { 0 };

	p2v_timers_arm(&q, &a, 10);
	p2v_timers_arm(&q, &b, 10);
	p2v_timers_arm(&q, &a, 10);
	cr_assert_eq(q.n, 2);
	cr_assert_eq(p2v_timers_pop(&q, 10), &b, "a was armed last");
	p2v_timers_arm(&q, &a, 5);
	cr_assert_eq(p2v_timers_next(&q), 5);
	p2v_timers_arm(&q, &a, 50);
	cr_assert_null(p2v_timers_pop(&q, 49));
	cr_assert_eq(p2v_timers_pop(&q, 50), &a);
}

Test(timers, disarming)
{
	struct p2v_timers q = { 0 };
	struct p2v_timer a = { 0 }, never = { 0 };

	p2v_timers_disarm(&q, &never);
	p2v_timers_arm(&q, &a, 1);
	cr_assert(p2v_timer_armed(&a));
	p2v_timers_disarm(&q, &a);
	p2v_timers_disarm(&q, &a);
	cr_assert_not(p2v_timer_armed(&a));
	cr_assert_eq(q.n, 0);
	cr_assert_null(p2v_timers_pop(&q, P2V_NEVER - 1));
	p2v_timers_arm(&q, &a, 1);
	cr_assert_eq(p2v_timers_pop(&q, 1), &a);
	cr_assert_not(p2v_timer_armed(&a), "a popped timer is not armed");
}

Test(timers, the_owners_word_is_left_alone)
{
	struct p2v_timers q = { 0 };
	struct p2v_timer a = { .priv = { [5] = 77 } };

	p2v_timers_arm(&q, &a, 1);
	p2v_timers_arm(&q, &a, 2);
	p2v_timers_disarm(&q, &a);
	cr_assert_eq(a.priv[5], 77);
}

/* ---- against a reference ---- */

enum { TIMERS = 200, STEPS = 60000 };

struct reference {
	struct p2v_timer t[TIMERS];
	p2v_usec due[TIMERS];
	uint64_t seq[TIMERS]; /* 0: not armed */
	uint64_t next_seq;
	size_t armed;
};

static int first_of(const struct reference *r)
{
	int best = -1;

	for (int i = 0; i < TIMERS; i++)
		if (r->seq[i] && (best < 0 || r->due[i] < r->due[best] ||
					 (r->due[i] == r->due[best] && r->seq[i] < r->seq[best])))
			best = i;
	return best;
}

static void check_first(const struct p2v_timers *q, const struct reference *r)
{
	int first = first_of(r);

	cr_assert_eq(q->n, r->armed);
	cr_assert_eq(p2v_timers_next(q), first < 0 ? P2V_NEVER : r->due[first]);
}

static void step(struct p2v_timers *q, struct reference *r, struct p2v_random *rnd)
{
	uint64_t what = p2v_random_below(rnd, 10);
	int i = (int)p2v_random_below(rnd, TIMERS);

	if (what < 5) {
		r->armed += r->seq[i] == 0;
		r->due[i] = (p2v_usec)p2v_random_below(rnd, 50) - 10;
		r->seq[i] = ++r->next_seq;
		p2v_timers_arm(q, &r->t[i], r->due[i]);
	} else if (what < 8) {
		r->armed -= r->seq[i] != 0;
		r->seq[i] = 0;
		p2v_timers_disarm(q, &r->t[i]);
	} else {
		int first = first_of(r);
		p2v_usec now = (p2v_usec)p2v_random_below(rnd, 50) - 10;
		struct p2v_timer *t = p2v_timers_pop(q, now);

		if (first < 0 || r->due[first] > now) {
			cr_assert_null(t);
		} else {
			cr_assert_eq(t, &r->t[first]);
			r->seq[first] = 0;
			r->armed--;
		}
	}
}

Test(timers, random_operations_against_a_sorted_list)
{
	static struct reference r; /* in a process of its own */
	struct p2v_timers q = { 0 };
	struct p2v_random rnd;

	p2v_random_init(&rnd, 7, "timers");
	for (int k = 0; k < STEPS; k++) {
		step(&q, &r, &rnd);
		check_first(&q, &r);
	}
	for (int first; (first = first_of(&r)) >= 0; r.seq[first] = 0, r.armed--)
		cr_assert_eq(p2v_timers_pop(&q, P2V_NEVER), &r.t[first]);
	cr_assert_eq(q.n, 0);
}

/* ---- in callbacks ---- */

struct ring {
	struct p2v_timers q;
	struct p2v_timer t[3];
	int fired[3];
};

/* Each one that fires moves the next one and disarms the one after. */
static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct ring *r = t->owner;
	int i = (int)(t - r->t);

	r->fired[i]++;
	p2v_timers_arm(&r->q, &r->t[(i + 1) % 3], now + 10);
	p2v_timers_disarm(&r->q, &r->t[(i + 2) % 3]);
	if (r->fired[i] < 2)
		p2v_timers_arm(&r->q, t, now);
}

Test(timers, moved_and_disarmed_while_firing)
{
	struct ring r = { .q = { 0 } };
	struct p2v_timer *t;
	int total = 0;

	for (int i = 0; i < 3; i++) {
		r.t[i] = (struct p2v_timer){ .fire = fire, .owner = &r };
		p2v_timers_arm(&r.q, &r.t[i], 1);
	}
	for (p2v_usec now = 1; now < 100; now++)
		while ((t = p2v_timers_pop(&r.q, now)) && total < 1000) {
			t->fire(t, now);
			total++;
		}
	/* 0 at 1, again at 1 (2 is disarmed, 1 is moved to 11); then 1 at 11 twice, 2 at 21 twice;
	 * from then on each fires once, ten apart. */
	cr_assert_eq(r.fired[0], 5);
	cr_assert_eq(r.fired[1], 4);
	cr_assert_eq(r.fired[2], 4);
}

Test(timers, many)
{
	enum { MANY = 100000 };
	struct p2v_timer *v = calloc(MANY, sizeof *v);
	struct p2v_timers q = { 0 };
	struct p2v_random rnd;
	p2v_usec last = INT64_MIN;

	p2v_random_init(&rnd, 7, "many");
	for (int i = 0; i < MANY; i++)
		p2v_timers_arm(&q, &v[i], (p2v_usec)p2v_random_below(&rnd, 1000000));
	for (int i = 0; i < MANY; i += 3)
		p2v_timers_disarm(&q, &v[i]);
	for (size_t left = q.n; left > 0; left--) {
		p2v_usec due = p2v_timers_next(&q);

		cr_assert_geq(due, last);
		cr_assert_not_null(p2v_timers_pop(&q, due));
		last = due;
	}
	cr_assert_eq(q.n, 0);
	free(v);
}
