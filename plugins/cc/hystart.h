/* hystart.h - HyStart++ (RFC 9406): when slow start has grown far enough, seen from the delay. What
 * controllers share; the windows are theirs. Everything is inline, for plugins link nothing. */
#ifndef P2V_CC_HYSTART_H
#define P2V_CC_HYSTART_H

#include <peer2view/cc.h>

/* RFC 9406 4.3 */
enum {
	HYSTART_SAMPLES = 8,
	HYSTART_DIVISOR = 4, /* growth in conservative slow start */
	HYSTART_ROUNDS = 5,  /* of it */
	HYSTART_RTT_DIVISOR = 8
};
#define HYSTART_MIN_THRESH (4 * P2V_MSEC)
#define HYSTART_MAX_THRESH (16 * P2V_MSEC)

/** A round ends when a packet that was sent in the next one is acknowledged. */
struct hystart {
	p2v_usec round_end;     /* packets sent from here on belong to the next round */
	p2v_usec last_min, min; /* [us] least sample of the last round and of this; P2V_NEVER */
	uint32_t samples;
	bool css; /* conservative slow start */
	p2v_usec css_base;
	uint32_t css_rounds;
};

static inline void hystart_init(struct hystart *h)
{
	*h = (struct hystart){ .round_end = P2V_UNKNOWN, .last_min = P2V_NEVER, .min = P2V_NEVER };
}

/* RFC 9406 4.2: a sample of the round trip, less the ACK delay. */
static inline void hystart_sample(struct hystart *h, p2v_usec rtt)
{
	p2v_usec thresh;

	if (rtt <= 0)
		return;
	if (rtt < h->min)
		h->min = rtt;
	if (++h->samples < HYSTART_SAMPLES || h->last_min == P2V_NEVER)
		return;
	thresh = h->last_min / HYSTART_RTT_DIVISOR;
	thresh = thresh < HYSTART_MIN_THRESH ? HYSTART_MIN_THRESH : thresh;
	thresh = thresh > HYSTART_MAX_THRESH ? HYSTART_MAX_THRESH : thresh;
	if (!h->css && h->min >= h->last_min + thresh) {
		h->css = true;
		h->css_base = h->min;
		h->css_rounds = 0;
	} else if (h->css && h->min < h->css_base) {
		h->css = false; /* the delay went away: it was no queue */
	}
}

/** An ACK in slow start.
 * @param h    [inout]
 * @param end  [out] whether slow start is over (RFC 9406 4.2: after five conservative rounds)
 * @return the part of the acknowledged bytes by which the window grows: 1, or 1/4 */
static inline double hystart_on_ack(struct hystart *h, const struct p2v_cc_ack *ack, bool *end)
{
	*end = false;
	hystart_sample(h, ack->rtt);
	if (ack->sent >= h->round_end) {
		h->last_min = h->min;
		h->min = P2V_NEVER;
		h->samples = 0;
		h->round_end = ack->now;
		*end = h->css && ++h->css_rounds >= HYSTART_ROUNDS;
	}
	return h->css ? 1.0 / HYSTART_DIVISOR : 1;
}

#endif
