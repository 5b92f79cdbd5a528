/* window.c - how fast a receive window is used. */
#include "framework/dtl/window.h"

enum { REST_PARTS = 4 }; /* a window of which less than such a part is used is too large */

static void note(struct p2v_window_use *u, uint64_t consumed)
{
	if (consumed - u->from > u->most)
		u->most = consumed - u->from;
}

bool p2v_window_used(
	struct p2v_window_use *u, uint64_t window, uint64_t consumed, p2v_usec now, p2v_usec rtt)
{
	bool soon = u->began && now - u->began <= 2 * rtt, all = consumed - u->from >= window;

	if (soon && !all)
		return false;
	note(u, consumed);
	u->from = consumed;
	u->began = now;
	return soon;
}

uint64_t p2v_window_next(uint64_t window, uint64_t most)
{
	uint64_t next = window > most / 2 ? most : 2 * window;

	return next > window ? next : window;
}

uint64_t p2v_window_rest(
	struct p2v_window_use *u, uint64_t window, uint64_t least, uint64_t consumed)
{
	note(u, consumed);
	while (window > least && u->most < window / REST_PARTS)
		window /= 2;
	*u = (struct p2v_window_use){ .from = consumed };
	return window > least ? window : least;
}
