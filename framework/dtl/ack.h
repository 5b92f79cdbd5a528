/* ack.h - which packets arrived, and when to say so: RFC 9000 section 13.2. */
#ifndef P2V_DTL_ACK_H
#define P2V_DTL_ACK_H

#include "framework/dtl/packet.h"

enum {
	P2V_ACK_KEPT = 32, /* ranges that are remembered: the newest */
	P2V_ACK_EVERY = 2, /* packets, RFC 9000 13.2.2 */
	P2V_ACK_MOST = 32, /* … where many come in a round trip */
	P2V_ACK_PARTS = 8, /* ACKs in a round trip that are enough for any controller */
	P2V_ACK_HURRY = 3, /* packets after a gap that are told at once: P2V_PACKET_THRESHOLD */
	P2V_ACK_PRUNE = 8  /* ranges from which on it pays to have our ACKs acknowledged */
};

struct p2v_acks {
	size_t n;              /* ranges */
	uint64_t floor;        /* packets below this count as seen */
	p2v_usec largest_time; /* when the largest arrived */
	uint32_t largest_stamp;
	uint32_t owed;  /* packets that ask for an ACK and have none yet */
	uint32_t every; /* so many make one due */
	uint32_t hurry; /* packets that are still to be told at once */
	uint32_t turn;  /* packets since turn_began that ask for one */
	p2v_usec turn_began;
	bool at_once;
	p2v_usec due;                        /* P2V_NEVER: nothing is owed */
	p2v_usec delay;                      /* [us] that an ACK may be held back */
	p2v_usec rtt;                        /* [us] as the session has it; 0: unknown */
	struct p2v_span range[P2V_ACK_KEPT]; /* ascending, apart from each other */
};

void p2v_acks_init(struct p2v_acks *a, p2v_usec delay);
/** @return whether packet `number` arrived before, or is too old to tell */
bool p2v_acks_seen(const struct p2v_acks *a, uint64_t number);
/** @return the number after the largest that arrived */
uint64_t p2v_acks_expected(const struct p2v_acks *a);
/** Packet `number` arrived, for the first time.
 * @param stamp    its send timestamp
 * @param elicits  it asks for an ACK */
void p2v_acks_got(struct p2v_acks *a, uint64_t number, uint32_t stamp, p2v_usec now, bool elicits);
/** @return whether a packet with an ACK should leave now even if it carries nothing else */
bool p2v_acks_due(const struct p2v_acks *a, p2v_usec now);
/** What to tell now.
 * @return false: nothing arrived yet */
bool p2v_acks_fill(const struct p2v_acks *a, p2v_usec now, struct p2v_frame_ack *out);
/** A packet with what p2v_acks_fill gave left. */
void p2v_acks_told(struct p2v_acks *a);
/** The remote knows about the packets below this: tell of them no more. */
void p2v_acks_forget(struct p2v_acks *a, uint64_t below);

#endif
