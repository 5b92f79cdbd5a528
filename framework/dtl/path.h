/* path.h - where a session's remote is: a NAT may give it another address at any time (RFC 9000
 * section 9 calls it migration). Its packets are known by their connection id; what is sent follows
 * them once the new address has proven that the remote is there. */
#ifndef P2V_DTL_PATH_H
#define P2V_DTL_PATH_H

#include "framework/base/addr.h"
#include "framework/dtl/packet.h"

enum {
	P2V_PATH_TRIES = 5, /* challenges of one address */
	P2V_PATH_TIMES = 3 /* bytes that may be sent to an address that is not proven, for each that
			      came from it: RFC 9000 8.1 */
};

struct p2v_session;

/** Of one session. Zeroed = nothing happens. */
struct p2v_path {
	const struct p2v_addr *from; /* where the datagram that is being worked on came from, when
					that is not where the remote was; else NULL */
	size_t size;                 /* [B] of it */

	bool answers;       /* PATH_RESPONSE is due */
	bool asks;          /* PATH_CHALLENGE is under way, or due */
	struct p2v_addr to; /* the address in question */
	uint8_t token[P2V_PATH_TOKEN];
	unsigned tries;      /* challenges sent */
	uint64_t room;       /* [B] that may still be sent there */
	p2v_usec began, due; /* when the first, and when the next challenge is due */

	struct p2v_addr back; /* where to */
	uint8_t answer[P2V_PATH_TOKEN];
};

/** A packet that verified, and is the newest of all, came from path.from. */
void p2v_path_seen(struct p2v_session *s, p2v_usec now);
/** PATH_CHALLENGE arrived: it will be answered, there where it came from. */
void p2v_path_challenged(struct p2v_session *s, const uint8_t token[P2V_PATH_TOKEN]);
/** PATH_RESPONSE arrived: the session moves, if it proves the address in question. */
void p2v_path_proven(struct p2v_session *s, const uint8_t token[P2V_PATH_TOKEN], p2v_usec now);
/** Send what is due. */
void p2v_path_flush(struct p2v_session *s, p2v_usec now);
/** @return when p2v_path_flush wants to be called; P2V_NEVER */
p2v_usec p2v_path_deadline(const struct p2v_session *s);

#endif
