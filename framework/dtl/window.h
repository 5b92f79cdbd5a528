/* window.h - how fast a receive window is used: whether it, and not the path or the sender, is what
 * limits the remote. After dynamic right-sizing (Fisk and Feng, 2001), as QUIC implementations have
 * it. */
#ifndef P2V_DTL_WINDOW_H
#define P2V_DTL_WINDOW_H

#include <peer2view/base.h>

/** Zeroed = nothing was consumed yet. */
struct p2v_window_use {
	uint64_t from; /* [B] that had been consumed when this measurement began */
	p2v_usec began;
	uint64_t most; /* [B] that were consumed in one measurement since the last rest */
};

/** Bytes were consumed.
 * @param window    [B] as it is
 * @param consumed  [B] in all
 * @param rtt       [us] of the path; 0: unknown
 * @return whether a whole window went within two round trips: a remote that is held up by the
 * window uses one in each */
bool p2v_window_used(
	struct p2v_window_use *u, uint64_t window, uint64_t consumed, p2v_usec now, p2v_usec rtt);
/** @return [B] a window after that one: twice as large, and no larger than `most` */
uint64_t p2v_window_next(uint64_t window, uint64_t most);
/** Some time is over in which the window may have been too large. The next begins.
 * @param u         [inout]
 * @param window    [B] as it is
 * @param least     [B] it is never smaller
 * @param consumed  [B] in all
 * @return [B] a window that is large enough: halved for as long as less than a quarter of it went
 * within two round trips at the busiest. A remote that needs more of it has it grow again. */
uint64_t p2v_window_rest(
	struct p2v_window_use *u, uint64_t window, uint64_t least, uint64_t consumed);

#endif
