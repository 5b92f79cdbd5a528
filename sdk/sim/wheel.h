/* wheel.h - the queue of a run: timers in order of (due, order of arming), as
 * framework/base/timers.h has them, but for hundreds of thousands at a time. What is due later lies
 * in slots of time, unsorted, until its time comes near (Varghese and Lauck, 1987); then the slot
 * is sorted. Slots hold times beside pointers, so that a timer is not touched from its arming until
 * it fires, and it is known which come next: who plays them can fetch their memory ahead. What is
 * armed within the slot that is played lies in a heap. */
#ifndef P2V_SIM_WHEEL_H
#define P2V_SIM_WHEEL_H

#include "framework/base/timers.h"

enum {
	P2V_WHEEL_TICK = 10, /* [bits] a slot is 1024 us */
	P2V_WHEEL_NEAR = 12, /* [bits] 4096 slots: 4.2 s */
	P2V_WHEEL_FAR = 8    /* [bits] 256 slots of 4.2 s: 18 minutes */
};

struct p2v_wheel_entry {
	p2v_usec due;
	uint64_t seq;
	struct p2v_timer *timer; /* NULL: it was disarmed */
};

struct p2v_wheel_slot {
	struct p2v_wheel_entry *v; /* shape (cap), of which n are used */
	uint32_t n, cap;
};

/** Zeroed = empty. */
struct p2v_wheel {
	struct p2v_timers soon;      /* armed for the slot `at`, or before, when that was open; and
					 what a slot had no memory for */
	struct p2v_wheel_slot open;  /* what else is due in slot `at`, in order */
	struct p2v_wheel_slot spare; /* room for sorting */
	size_t next;                 /* in `open`: all before it has fired */
	uint64_t at;                 /* [slots] since time 0 */
	struct p2v_wheel_slot near_slots[1u << P2V_WHEEL_NEAR];
	struct p2v_timer *far_slots[1u << P2V_WHEEL_FAR];
	struct p2v_timer *beyond;
	size_t n_open, n_near, n_far, n_beyond; /* timers that are armed */
};

/** Free what an empty wheel still holds. */
void p2v_wheel_fini(struct p2v_wheel *w);
/** Arm t, or move it when it is armed in this wheel. It never fails: without memory it takes
 * longer.
 * @param due  [us] 0… */
void p2v_wheel_arm(struct p2v_wheel *w, struct p2v_timer *t, p2v_usec due);
/** Disarming a timer that is not armed does nothing. */
void p2v_wheel_disarm(struct p2v_wheel *w, struct p2v_timer *t);
static inline bool p2v_wheel_empty(const struct p2v_wheel *w)
{
	return w->soon.n + w->n_open + w->n_near + w->n_far + w->n_beyond == 0;
}
/** @return when the first timer is due; P2V_NEVER: none is armed */
p2v_usec p2v_wheel_next(struct p2v_wheel *w);
/** Take the first timer out. @return it, disarmed; NULL: none is armed */
struct p2v_timer *p2v_wheel_pop(struct p2v_wheel *w);
/** @return a timer that will fire soon, as things are: the k-th from now of those that were sorted,
 * counted from 0; NULL: it is not known, or was disarmed */
static inline struct p2v_timer *p2v_wheel_ahead(const struct p2v_wheel *w, size_t k)
{
	return w->next + k < w->open.n ? w->open.v[w->next + k].timer : NULL;
}

#endif
