/* wheel.c - slots of time before an ordered list. */
#include "sdk/sim/wheel.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define NEAR_SLOTS (UINT64_C(1) << P2V_WHEEL_NEAR)
#define FAR_SLOTS  (UINT64_C(1) << P2V_WHEEL_FAR)

enum { SLOT_LEAST = 4 };  /* places */
enum { SORT_PLAIN = 12 }; /* entries that are sorted by insertion */

/* Words of priv, as the heap has them. Of a timer that is not in the heap, CHILD says where it is
 * instead. In a far slot it keeps its neighbours where the heap keeps its own; in a near one NEXT
 * is its place there. */
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

static void clear(struct p2v_timer *t)
{
	for (int i = 0; i <= BACK; i++)
		t->priv[i] = 0;
}

/* ---- near slots ---- */

static bool reserve(struct p2v_wheel_slot *s, uint32_t n)
{
	uint32_t cap = s->cap ? s->cap : SLOT_LEAST;
	struct p2v_wheel_entry *v;

	while (cap < n)
		cap *= 2;
	if (cap == s->cap)
		return true;
	v = realloc(s->v, cap * sizeof *v);
	if (!v)
		return false;
	s->v = v;
	s->cap = cap;
	return true;
}

static void drop(struct p2v_wheel_slot *s)
{
	free(s->v);
	*s = (struct p2v_wheel_slot){ NULL, 0, 0 };
}

/* @return false: no memory */
static bool put_near(struct p2v_wheel *w, struct p2v_timer *t)
{
	struct p2v_wheel_slot *s = &w->near_slots[slot_of(t) % NEAR_SLOTS];

	if (s->n == s->cap && !reserve(s, s->n + 1))
		return false;
	t->priv[CHILD] = IN_NEAR;
	t->priv[NEXT] = s->n;
	s->v[s->n++] = (struct p2v_wheel_entry){ (p2v_usec)t->priv[DUE], t->priv[SEQ], t };
	w->n_near++;
	return true;
}

static void take_near(struct p2v_wheel *w, struct p2v_timer *t)
{
	struct p2v_wheel_slot *s = &w->near_slots[slot_of(t) % NEAR_SLOTS];

	assert(t->priv[NEXT] < s->n && s->v[t->priv[NEXT]].timer == t);
	s->v[t->priv[NEXT]].timer = NULL;
	while (s->n && !s->v[s->n - 1].timer)
		s->n--;
	w->n_near--;
}

/* ---- the open slot ---- */

static bool before(const struct p2v_wheel_entry *a, const struct p2v_wheel_entry *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void sort_plain(struct p2v_wheel_entry *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct p2v_wheel_entry e = v[i];
		size_t k = i;

		for (; k > 0 && before(&e, &v[k - 1]); k--)
			v[k] = v[k - 1];
		v[k] = e;
	}
}

static void merge(
	struct p2v_wheel_entry *out, const struct p2v_wheel_entry *v, size_t half, size_t n)
{
	size_t a = 0, b = half;

	for (size_t i = 0; i < n; i++)
		out[i] = a < half && (b == n || !before(&v[b], &v[a])) ? v[a++] : v[b++];
}

/* Merge sort, from the bottom up, between the slot and the spare room. */
static void sort(struct p2v_wheel_slot *s, struct p2v_wheel_slot *spare)
{
	size_t n = s->n;

	if (n <= SORT_PLAIN || !reserve(spare, s->n)) {
		sort_plain(s->v, n);
		return;
	}
	for (size_t i = 0; i < n; i += SORT_PLAIN)
		sort_plain(s->v + i, n - i < SORT_PLAIN ? n - i : SORT_PLAIN);
	for (size_t run = SORT_PLAIN; run < n; run *= 2) {
		struct p2v_wheel_slot swap = *s;

		for (size_t i = 0; i < n; i += 2 * run)
			merge(spare->v + i, s->v + i, n - i < run ? n - i : run,
				n - i < 2 * run ? n - i : 2 * run);
		*s = *spare;
		*spare = swap;
		s->n = (uint32_t)n;
	}
}

/* The slot `at` is played from now on. Its timers know neither where in it they are nor that they
 * moved: that would be a touch of each. */
static void open_slot(struct p2v_wheel *w)
{
	struct p2v_wheel_slot *s = &w->near_slots[w->at % NEAR_SLOTS];
	uint32_t n = 0;

	drop(&w->open);
	w->open = *s;
	w->next = 0;
	*s = (struct p2v_wheel_slot){ NULL, 0, 0 };
	for (uint32_t i = 0; i < w->open.n; i++)
		if (w->open.v[i].timer)
			w->open.v[n++] = w->open.v[i];
	w->open.n = n;
	w->n_near -= n;
	w->n_open = n;
	sort(&w->open, &w->spare);
}

static void take_open(struct p2v_wheel *w, struct p2v_timer *t)
{
	struct p2v_wheel_entry key = { (p2v_usec)t->priv[DUE], t->priv[SEQ], t };
	size_t from = w->next, to = w->open.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (before(&w->open.v[mid], &key))
			from = mid + 1;
		else
			to = mid;
	}
	while (w->open.v[from].timer != t) /* numbers that are drawn may be alike */
		from++;
	assert(from < w->open.n);
	w->open.v[from].timer = NULL;
	w->n_open--;
}

/* @return the first of the open slot; NULL: none is left */
static const struct p2v_wheel_entry *first_open(struct p2v_wheel *w)
{
	while (w->next < w->open.n && !w->open.v[w->next].timer)
		w->next++;
	return w->next < w->open.n ? &w->open.v[w->next] : NULL;
}

/* ---- far slots ---- */

static struct p2v_timer **head_of(struct p2v_wheel *w, const struct p2v_timer *t, size_t **count)
{
	if (t->priv[CHILD] == IN_FAR) {
		*count = &w->n_far;
		return &w->far_slots[(slot_of(t) >> P2V_WHEEL_NEAR) % FAR_SLOTS];
	}
	*count = &w->n_beyond;
	return &w->beyond;
}

static void put_far(struct p2v_wheel *w, struct p2v_timer *t, uint64_t where)
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

static void take_far(struct p2v_wheel *w, struct p2v_timer *t)
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

/* Where a timer belongs now, by how far away it is: without memory, with those that are due soon.
 */
static void place(struct p2v_wheel *w, struct p2v_timer *t)
{
	uint64_t slot = slot_of(t), far = (slot >> P2V_WHEEL_NEAR) - (w->at >> P2V_WHEEL_NEAR);
	bool near = slot > w->at && slot - w->at < NEAR_SLOTS;

	if (slot <= w->at || (near && !put_near(w, t)))
		p2v_timers_arm_as(&w->soon, t, (p2v_usec)t->priv[DUE], t->priv[SEQ]);
	else if (!near)
		put_far(w, t, far < FAR_SLOTS ? IN_FAR : IN_BEYOND);
}

void p2v_wheel_disarm(struct p2v_wheel *w, struct p2v_timer *t)
{
	if (!p2v_timer_armed(t))
		return;
	switch (t->priv[CHILD]) {
	case IN_NEAR:
		if (slot_of(t) > w->at)
			take_near(w, t);
		else
			take_open(w, t);
		break;
	case IN_FAR:
	case IN_BEYOND: take_far(w, t); break;
	default: p2v_timers_disarm(&w->soon, t); return;
	}
	clear(t);
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
		take_far(w, t);
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
	open_slot(w);
}

/* @return whether the heap has the first; not set where nothing is due in the open slot */
static bool heap_first(struct p2v_wheel *w, const struct p2v_wheel_entry *e)
{
	const struct p2v_timer *t = w->soon.root;

	if (!t || !e)
		return t != NULL;
	return (p2v_usec)t->priv[DUE] != e->due ? (p2v_usec)t->priv[DUE] < e->due
						: t->priv[SEQ] < e->seq;
}

p2v_usec p2v_wheel_next(struct p2v_wheel *w)
{
	const struct p2v_wheel_entry *e;

	while (!w->n_open && w->n_near + w->n_far + w->n_beyond &&
		(!w->soon.root || slot_of(w->soon.root) > w->at))
		advance(w);
	e = first_open(w);
	return !e || heap_first(w, e) ? p2v_timers_next(&w->soon) : e->due;
}

struct p2v_timer *p2v_wheel_pop(struct p2v_wheel *w)
{
	const struct p2v_wheel_entry *e;
	struct p2v_timer *t;

	(void)p2v_wheel_next(w);
	e = first_open(w);
	if (!e || heap_first(w, e))
		return p2v_timers_pop(&w->soon, P2V_NEVER);
	t = e->timer;
	w->next++;
	w->n_open--;
	clear(t);
	return t;
}

void p2v_wheel_fini(struct p2v_wheel *w)
{
	assert(p2v_wheel_empty(w));
	for (size_t i = 0; i < NEAR_SLOTS; i++)
		drop(&w->near_slots[i]);
	drop(&w->open);
	drop(&w->spare);
}
