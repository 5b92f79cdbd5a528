/* wheel_test.c - the queue of a run against a heap that has all timers: the same order, however far
 * away, moved and disarmed. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "framework/base/random.h"
#include "sdk/sim/wheel.h"

TestSuite(sim_wheel, .timeout = 60);

enum { TIMERS = 3000 };

struct both {
	struct p2v_wheel wheel;
	struct p2v_timers heap;
	struct p2v_timer in_wheel[TIMERS], in_heap[TIMERS];
	struct p2v_random random;
	p2v_usec now;
};

/* From at once to some days, every size of distance as likely as any other. */
static p2v_usec somewhen(struct both *b)
{
	unsigned bits = (unsigned)p2v_random_below(&b->random, 39);

	return b->now + (p2v_usec)(p2v_random_next(&b->random) & ((UINT64_C(1) << bits) - 1));
}

static void arm(struct both *b, size_t i)
{
	p2v_usec due = somewhen(b);

	p2v_wheel_arm(&b->wheel, &b->in_wheel[i], due);
	p2v_timers_arm(&b->heap, &b->in_heap[i], due);
}

static void disarm(struct both *b, size_t i)
{
	p2v_wheel_disarm(&b->wheel, &b->in_wheel[i]);
	p2v_timers_disarm(&b->heap, &b->in_heap[i]);
}

/* @return whether there was one */
static bool pop(struct both *b)
{
	p2v_usec due = p2v_timers_next(&b->heap);
	struct p2v_timer *t, *h;

	cr_assert_eq(p2v_wheel_next(&b->wheel), due);
	t = p2v_wheel_pop(&b->wheel);
	h = p2v_timers_pop(&b->heap, P2V_NEVER);
	cr_assert_eq(t == NULL, h == NULL);
	if (!t)
		return false;
	cr_assert_eq(t - b->in_wheel, h - b->in_heap);
	cr_assert(!p2v_timer_armed(t));
	b->now = due;
	return true;
}

static void compare(uint64_t seed, uint64_t shuffle)
{
	struct both *b = calloc(1, sizeof *b);

	cr_assert(b);
	b->wheel.soon.shuffle = b->heap.shuffle = shuffle;
	p2v_random_init(&b->random, seed, "wheel");
	for (int i = 0; i < 60000; i++) {
		size_t which = (size_t)p2v_random_below(&b->random, TIMERS);

		switch (p2v_random_below(&b->random, 5)) {
		case 0:
		case 1: arm(b, which); break;
		case 2: disarm(b, which); break;
		default: (void)pop(b); break;
		}
		if (i % 1000 == 0) /* many at the same time */
			for (size_t k = 0; k < 50; k++) {
				p2v_wheel_arm(&b->wheel, &b->in_wheel[k], b->now + 5000000);
				p2v_timers_arm(&b->heap, &b->in_heap[k], b->now + 5000000);
			}
	}
	while (pop(b)) {
	}
	cr_assert(p2v_wheel_empty(&b->wheel));
	p2v_wheel_fini(&b->wheel);
	free(b);
}

Test(sim_wheel, it_has_the_order_of_the_heap)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		compare(seed, 0);
}

Test(sim_wheel, and_when_ties_are_shuffled)
{
	compare(1, 77);
}

Test(sim_wheel, a_timer_that_is_never_due_comes_last)
{
	struct p2v_wheel *w = calloc(1, sizeof *w);
	struct p2v_timer a = { .fire = NULL }, b = { .fire = NULL };

	cr_assert(w);
	p2v_wheel_arm(w, &a, P2V_NEVER);
	p2v_wheel_arm(w, &b, 7);
	cr_assert_eq(p2v_wheel_next(w), 7);
	cr_assert_eq(p2v_wheel_pop(w), &b);
	p2v_wheel_arm(w, &b, 100 * P2V_SECOND);
	cr_assert_eq(p2v_wheel_pop(w), &b);
	cr_assert_eq(p2v_wheel_pop(w), &a);
	cr_assert_null(p2v_wheel_pop(w));
	p2v_wheel_fini(w);
	free(w);
}

/* What comes next is known ahead, but for what is armed within the slot that is open. */
Test(sim_wheel, what_comes_next_is_known)
{
	struct p2v_wheel *w = calloc(1, sizeof *w);
	struct p2v_timer t[100] = { { .fire = NULL } };

	cr_assert(w);
	for (size_t i = 0; i < 100; i++)
		p2v_wheel_arm(w, &t[i], 5000 + (p2v_usec)(i * 37 % 100));
	cr_assert_null(p2v_wheel_ahead(w, 0), "no slot is open yet");
	cr_assert_eq(p2v_wheel_next(w), 5000);
	p2v_wheel_disarm(w, &t[3 * 73 % 100]); /* due at 5003: 73 is the inverse of 37 */
	for (size_t i = 0; i < 100; i++) {
		if (i == 3) {
			cr_assert_null(p2v_wheel_ahead(w, 0));
			cr_assert_eq(p2v_wheel_next(w), 5004);
			continue;
		}
		cr_assert_eq(p2v_wheel_ahead(w, 0), &t[i * 73 % 100]);
		cr_assert_eq(p2v_wheel_pop(w), &t[i * 73 % 100]);
	}
	cr_assert_null(p2v_wheel_ahead(w, 0));
	p2v_wheel_fini(w);
	free(w);
}
