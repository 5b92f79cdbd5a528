/* window.c - how fast a receive window is used. */
#include "framework/dtl/window.h"

bool p2v_window_used(
	struct p2v_window_use *u, uint64_t window, uint64_t consumed, p2v_usec now, p2v_usec rtt)
{
	bool soon = u->began && now - u->began <= 2 * rtt, all = consumed - u->from >= window;

	if (soon && !all)
		return false;
	u->from = consumed;
	u->began = now;
	return soon;
}

uint64_t p2v_window_next(uint64_t window, uint64_t most)
{
	uint64_t next = window > most / 2 ? most : 2 * window;

	return next > window ? next : window;
}
