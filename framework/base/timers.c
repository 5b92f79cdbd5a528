/* timers.c - an intrusive pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986): each timer
 * holds its first child, its next sibling, and a link back to whoever points at it (the previous
 * sibling, or the parent for a first child). */
#include "framework/base/timers.h"

#include <stdint.h>

#include "framework/base/random.h"

enum { DUE, SEQ, CHILD, NEXT, BACK }; /* words of priv; SEQ is 0 when the timer is not armed */

static struct p2v_timer *get(const struct p2v_timer *t, int word)
{
	return (struct p2v_timer *)(uintptr_t)t->priv[word];
}

static void set(struct p2v_timer *t, int word, const struct p2v_timer *to)
{
	t->priv[word] = (uint64_t)(uintptr_t)to;
}

static bool before(const struct p2v_timer *a, const struct p2v_timer *b)
{
	return a->priv[DUE] != b->priv[DUE] ? (p2v_usec)a->priv[DUE] < (p2v_usec)b->priv[DUE]
					    : a->priv[SEQ] < b->priv[SEQ];
}

/* Join two heaps whose roots have no siblings. */
static struct p2v_timer *meld(struct p2v_timer *a, struct p2v_timer *b)
{
	struct p2v_timer *child;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		struct p2v_timer *t = a;

		a = b;
		b = t;
	}
	child = get(a, CHILD);
	set(b, NEXT, child);
	if (child)
		set(child, BACK, b);
	set(b, BACK, a);
	set(a, CHILD, b);
	return a;
}

/* Make one heap of a list of siblings: pairs from left to right, then the pairs from right to left.
 */
static struct p2v_timer *meld_siblings(struct p2v_timer *first)
{
	struct p2v_timer *pairs = NULL, *root = NULL;

	while (first) {
		struct p2v_timer *a = first, *b = get(a, NEXT);

		first = b ? get(b, NEXT) : NULL;
		set(a, NEXT, NULL);
		set(a, BACK, NULL);
		if (b) {
			set(b, NEXT, NULL);
			set(b, BACK, NULL);
		}
		a = meld(a, b);
		set(a, NEXT, pairs);
		pairs = a;
	}
	while (pairs) {
		struct p2v_timer *next = get(pairs, NEXT);

		set(pairs, NEXT, NULL);
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

bool p2v_timer_armed(const struct p2v_timer *t)
{
	return t->priv[SEQ] != 0;
}

void p2v_timers_disarm(struct p2v_timers *q, struct p2v_timer *t)
{
	struct p2v_timer *rest, *back, *next;

	if (!p2v_timer_armed(t))
		return;
	rest = meld_siblings(get(t, CHILD));
	back = get(t, BACK);
	next = get(t, NEXT);
	if (q->root == t) {
		q->root = rest;
	} else {
		set(back, get(back, CHILD) == t ? CHILD : NEXT, next);
		if (next)
			set(next, BACK, back);
		q->root = meld(q->root, rest);
	}
	for (int i = 0; i <= BACK; i++)
		t->priv[i] = 0;
	q->n--;
}

uint64_t p2v_timers_number(struct p2v_timers *q)
{
	uint64_t seq = ++q->seq;

	return q->shuffle ? p2v_mix64(seq ^ p2v_mix64(q->shuffle)) | 1 : seq;
}

void p2v_timers_arm_as(struct p2v_timers *q, struct p2v_timer *t, p2v_usec due, uint64_t seq)
{
	t->priv[DUE] = (uint64_t)due;
	t->priv[SEQ] = seq;
	set(t, CHILD, NULL);
	set(t, NEXT, NULL);
	set(t, BACK, NULL);
	q->root = meld(q->root, t);
	q->n++;
}

void p2v_timers_arm(struct p2v_timers *q, struct p2v_timer *t, p2v_usec due)
{
	p2v_timers_disarm(q, t);
	p2v_timers_arm_as(q, t, due, p2v_timers_number(q));
}

p2v_usec p2v_timers_next(const struct p2v_timers *q)
{
	return q->root ? (p2v_usec)q->root->priv[DUE] : P2V_NEVER;
}

struct p2v_timer *p2v_timers_pop(struct p2v_timers *q, p2v_usec now)
{
	struct p2v_timer *t = q->root;

	if (!t || (p2v_usec)t->priv[DUE] > now)
		return NULL;
	p2v_timers_disarm(q, t);
	return t;
}
