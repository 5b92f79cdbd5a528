/* pmtu.h - how large a datagram the path to a remote carries: packetization layer path MTU
 * discovery (RFC 8899, as RFC 9000 14.3 has it). What a probe looks like and how it leaves is
 * outgoing.c's. */
#ifndef P2V_DTL_PMTU_H
#define P2V_DTL_PMTU_H

#include "framework/dtl/recovery.h"

enum {
	P2V_PMTU_V4 = 1472,    /* [B] of payload: Ethernet less the headers of IPv4 and UDP */
	P2V_PMTU_V6 = 1452,    /* [B] … of IPv6 and UDP */
	P2V_PMTU_STEP = 8,     /* [B] that the search is content with */
	P2V_PMTU_TRIES = 3,    /* probes of one size: MAX_PROBES, RFC 8899 5.1.2 */
	P2V_PMTU_VANISHED = 3, /* full packets lost, smaller ones got through: a black hole */
	P2V_PMTU_AFTER = 16384 /* [B] acknowledged before the search begins: who sends little gains
				  nothing */
};
#define P2V_PMTU_AGAIN (600 * P2V_SECOND) /* PMTU_RAISE_TIMER, RFC 8899 5.1.1 */

struct p2v_pmtu {
	uint32_t mtu;      /* [B] of a datagram's payload that the path is known to carry */
	uint32_t max;      /* [B] that is worth trying */
	uint32_t bound;    /* [B] the least size that is taken not to pass */
	uint32_t probe;    /* [B] size that is tried next, or is under way */
	unsigned tries;    /* probes of it that were lost */
	unsigned vanished; /* full packets in a row */
	uint64_t acked;    /* [B] until the search begins */
	p2v_usec due;   /* when a probe may leave; P2V_NEVER: one is under way, or none is wanted */
	p2v_usec began; /* when the largest size was last tried */
	p2v_usec hole;  /* when a black hole was last found; P2V_UNKNOWN */
};

/** On a new path: P2V_MSS, and the search begins when it pays.
 * @param max  [B] of the largest datagram's payload, at least P2V_MSS */
void p2v_pmtu_init(struct p2v_pmtu *p, uint32_t max);
/** @return [B] that a datagram now to be sent as a probe must have; 0: none is wanted now */
uint32_t p2v_pmtu_wants(struct p2v_pmtu *p, p2v_usec now);
/** It left. */
void p2v_pmtu_sent(struct p2v_pmtu *p);
/** What an ACK or a timer brought about.
 * @return whether p->mtu has changed */
bool p2v_pmtu_outcome(struct p2v_pmtu *p, const struct p2v_outcome *o, p2v_usec now);

#endif
