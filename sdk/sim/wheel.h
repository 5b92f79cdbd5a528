/* wheel.h - the queue of a run: timers in order of (due, order of arming), as
 * framework/base/timers.h has them, but for hundreds of thousands at a time. What is due soon lies
 * in a heap that fits the cache; what is due later lies in slots of time, unsorted, until its time
 * comes near (Varghese and Lauck, 1987). */
#ifndef P2V_SIM_WHEEL_H
#define P2V_SIM_WHEEL_H

#include "framework/base/timers.h"

enum {
	P2V_WHEEL_TICK = 10, /* [bits] a slot is 1024 us */
	P2V_WHEEL_NEAR = 12, /* [bits] 4096 slots: 4.2 s */
	P2V_WHEEL_FAR = 8    /* [bits] 256 slots of 4.2 s: 18 minutes */
};

/** Zeroed = empty. */
struct p2v_wheel {
	struct p2v_timers soon; /* all that is due before the end of slot `at` */
	uint64_t at;            /* [slots] since time 0 */
	struct p2v_timer *near_slots[1u << P2V_WHEEL_NEAR], *far_slots[1u << P2V_WHEEL_FAR];
	struct p2v_timer *beyond;
	size_t n_near, n_far, n_beyond;
};

/** Arm t, or move it when it is armed in this wheel.
 * @param due  [us] 0… */
void p2v_wheel_arm(struct p2v_wheel *w, struct p2v_timer *t, p2v_usec due);
/** Disarming a timer that is not armed does nothing. */
void p2v_wheel_disarm(struct p2v_wheel *w, struct p2v_timer *t);
static inline bool p2v_wheel_empty(const struct p2v_wheel *w)
{
	return w->soon.n + w->n_near + w->n_far + w->n_beyond == 0;
}
/** @return when the first timer is due; P2V_NEVER: none is armed */
p2v_usec p2v_wheel_next(struct p2v_wheel *w);
/** Take the first timer out. @return it, disarmed; NULL: none is armed */
struct p2v_timer *p2v_wheel_pop(struct p2v_wheel *w);

#endif
