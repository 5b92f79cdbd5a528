/* wheel.c - slots of time before a heap. */
#include "sdk/sim/wheel.h"

#include <assert.h>
#include <stddef.h>

#define NEAR_SLOTS (UINT64_C(1) << P2V_WHEEL_NEAR)
#define FAR_SLOTS  (UINT64_C(1) << P2V_WHEEL_FAR)

/* Words of priv, as the heap has them; a timer in a slot keeps its neighbours where the heap keeps
 * its own, and where it is in CHILD. */
enum { DUE, SEQ, CHILD, NEXT, BACK };
enum { IN_NEAR = 1, IN_FAR, IN_BEYOND }; /* no timer has such an address */

static struct p2v_timer *get(const struct p2v_timer *t, int word)
{
	return (struct p2v_timer *)(uintptr_t)t->priv[word];
}

static void set(struct p2v_timer *t, int word, const struct p2v_timer *to)
{
	t->priv[word] = (uint64_t)(uintptr_t)to;
}

static uint64_t slot_of(const struct p2v_timer *t)
{
	return t->priv[DUE] >> P2V_WHEEL_TICK;
}

/* ---- lists ---- */

static struct p2v_timer **head_of(struct p2v_wheel *w, const struct p2v_timer *t, size_t **count)
{
	uint64_t slot = slot_of(t);

	switch (t->priv[CHILD]) {
	case IN_NEAR: *count = &w->n_near; return &w->near_slots[slot % NEAR_SLOTS];
	case IN_FAR: *count = &w->n_far; return &w->far_slots[(slot >> P2V_WHEEL_NEAR) % FAR_SLOTS];
	default: *count = &w->n_beyond; return &w->beyond;
	}
}

static void put(struct p2v_wheel *w, struct p2v_timer *t, uint64_t where)
{
	struct p2v_timer **head;
	size_t *count;

	t->priv[CHILD] = where;
	head = head_of(w, t, &count);
	set(t, NEXT, *head);
	set(t, BACK, NULL);
	if (*head)
		set(*head, BACK, t);
	*head = t;
	++*count;
}

static void take(struct p2v_wheel *w, struct p2v_timer *t)
{
	struct p2v_timer *next = get(t, NEXT), *back = get(t, BACK), **head;
	size_t *count;

	head = head_of(w, t, &count);
	if (back)
		set(back, NEXT, next);
	else
		*head = next;
	if (next)
		set(next, BACK, back);
	--*count;
}

/* ---- in and out ---- */

/* Where a timer belongs now, by how far away it is. */
static void place(struct p2v_wheel *w, struct p2v_timer *t)
{
	uint64_t slot = slot_of(t);

	if (slot <= w->at)
		p2v_timers_arm_as(&w->soon, t, (p2v_usec)t->priv[DUE], t->priv[SEQ]);
	else if (slot - w->at < NEAR_SLOTS)
		put(w, t, IN_NEAR);
	else if ((slot >> P2V_WHEEL_NEAR) - (w->at >> P2V_WHEEL_NEAR) < FAR_SLOTS)
		put(w, t, IN_FAR);
	else
		put(w, t, IN_BEYOND);
}

static bool in_slot(const struct p2v_wheel *w, const struct p2v_timer *t)
{
	return p2v_timer_armed(t) && slot_of(t) > w->at;
}

void p2v_wheel_disarm(struct p2v_wheel *w, struct p2v_timer *t)
{
	if (!in_slot(w, t)) {
		p2v_timers_disarm(&w->soon, t);
		return;
	}
	take(w, t);
	for (int i = 0; i <= BACK; i++)
		t->priv[i] = 0;
}

void p2v_wheel_arm(struct p2v_wheel *w, struct p2v_timer *t, p2v_usec due)
{
	p2v_wheel_disarm(w, t);
	t->priv[DUE] = (uint64_t)due;
	t->priv[SEQ] = p2v_timers_number(&w->soon);
	place(w, t);
}

/* ---- time ---- */

static void move_all(struct p2v_wheel *w, struct p2v_timer **head)
{
	struct p2v_timer *t;
	struct p2v_timer *all = *head;

	while ((t = all)) {
		all = get(t, NEXT);
		take(w, t);
		place(w, t);
	}
}

/* The slot to go to when nothing is near: where far slots are opened, or where the first of those
 * beyond lies. */
static uint64_t leap(const struct p2v_wheel *w)
{
	uint64_t first = UINT64_MAX;

	if (w->n_far)
		return ((w->at >> P2V_WHEEL_NEAR) + 1) << P2V_WHEEL_NEAR;
	for (const struct p2v_timer *t = w->beyond; t; t = get(t, NEXT))
		first = slot_of(t) < first ? slot_of(t) : first;
	return first;
}

static void advance(struct p2v_wheel *w)
{
	uint64_t before = w->at;

	w->at = w->n_near ? w->at + 1 : leap(w);
	if (before >> P2V_WHEEL_NEAR != w->at >> P2V_WHEEL_NEAR) {
		move_all(w, &w->beyond);
		move_all(w, &w->far_slots[(w->at >> P2V_WHEEL_NEAR) % FAR_SLOTS]);
	}
	move_all(w, &w->near_slots[w->at % NEAR_SLOTS]);
}

p2v_usec p2v_wheel_next(struct p2v_wheel *w)
{
	while (!w->soon.root && w->n_near + w->n_far + w->n_beyond)
		advance(w);
	return p2v_timers_next(&w->soon);
}

struct p2v_timer *p2v_wheel_pop(struct p2v_wheel *w)
{
	(void)p2v_wheel_next(w);
	return p2v_timers_pop(&w->soon, P2V_NEVER);
}
