/* timers.h - armed timers in order of (due, order of arming). Both worlds use this queue, so that
 * timers fire in the same order live and simulated. A pairing heap that lives inside the timers:
 * nothing is ever allocated; arming is O(1), disarming and popping O(log n) amortised. */
#ifndef P2V_BASE_TIMERS_H
#define P2V_BASE_TIMERS_H

#include <peer2view/env.h>

struct p2v_timers {
	struct p2v_timer *root;
	uint64_t seq;
	uint64_t shuffle; /* not 0: timers due at the same time fire in an order drawn by it */
	size_t n;         /* armed timers */
};

/** Arm t, or move it when it is armed. */
void p2v_timers_arm(struct p2v_timers *q, struct p2v_timer *t, p2v_usec due);
/** The two steps of arming a timer that is not armed, for a queue that keeps it elsewhere
 * meanwhile: its number among those due at the same time, and putting it in. */
uint64_t p2v_timers_number(struct p2v_timers *q);
void p2v_timers_arm_as(struct p2v_timers *q, struct p2v_timer *t, p2v_usec due, uint64_t seq);
/** Disarming a timer that is not armed does nothing. */
void p2v_timers_disarm(struct p2v_timers *q, struct p2v_timer *t);
bool p2v_timer_armed(const struct p2v_timer *t);
/** @return when the first timer is due; P2V_NEVER: none is armed */
p2v_usec p2v_timers_next(const struct p2v_timers *q);
/** Take the first timer out if it is due by `now`. @return it, disarmed; NULL: none is due */
struct p2v_timer *p2v_timers_pop(struct p2v_timers *q, p2v_usec now);

#endif
