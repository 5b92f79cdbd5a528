/* announced.h - what stands in a Smooth Streaming fragment before its media: which come next. */
#ifndef P2V_SMOOTH_ANNOUNCED_H
#define P2V_SMOOTH_ANNOUNCED_H

#include <peer2view/base.h>

enum { SMOOTH_NEXT_MAX = 16 };

struct smooth_next {
	uint64_t t, span; /* in the stream's units */
};

/** The fragments that one announces (tfrf, MS-SSTR 2.2.4.5).
 * @param start  [in] its first bytes; any bytes
 * @param out    [out] shape (SMOOTH_NEXT_MAX)
 * @return how many */
size_t smooth_announced(struct p2v_bytes start, struct smooth_next *out);

#endif
