/* ranges.h - a set of numbers kept as spans in ascending order: bytes of a stream that were
 * acknowledged, lost or received. Nothing about packets lives here. */
#ifndef P2V_DTL_RANGES_H
#define P2V_DTL_RANGES_H

#include <peer2view/base.h>

/** The numbers lo … hi - 1. */
struct p2v_span {
	uint64_t lo, hi;
};

/** Zeroed = empty. Spans are apart from each other: neighbours that touch are joined. */
struct p2v_ranges {
	struct p2v_span *v; /* ascending */
	size_t n, cap;
};

void p2v_ranges_fini(struct p2v_ranges *r);
/** Add lo … hi - 1; lo < hi.
 * @return P2V_OK; P2V_ENOMEM, and nothing changed */
P2V_MUST_USE int p2v_ranges_add(struct p2v_ranges *r, uint64_t lo, uint64_t hi);
/** Take lo … hi - 1 out, as far as they are in; lo < hi.
 * @return P2V_OK; P2V_ENOMEM, and nothing changed */
P2V_MUST_USE int p2v_ranges_cut(struct p2v_ranges *r, uint64_t lo, uint64_t hi);
/** Take out all below x. */
void p2v_ranges_drop_below(struct p2v_ranges *r, uint64_t x);
/** @return whether all of lo … hi - 1 is in */
bool p2v_ranges_has(const struct p2v_ranges *r, uint64_t lo, uint64_t hi);

#endif
