/* pair.h - what a node sends to one host, over however many sessions, weighs no more than four TCPs
 * (RFC 8085 3.1 would have all that goes between two hosts held together). */
#ifndef P2V_DTL_PAIR_H
#define P2V_DTL_PAIR_H

#include "framework/dtl/inside.h"

#define P2V_PAIR_MOST 4.0 /* TCPs */

/** The session is up: it counts among those to its host.
 * @return P2V_OK, P2V_ENOMEM */
P2V_MUST_USE int p2v_pair_join(struct p2v_session *s);
/** It counts no more. */
void p2v_pair_leave(struct p2v_session *s);
/** What its streams want.
 * @param priority  0…4; 0 when nothing is active */
void p2v_pair_weigh(struct p2v_session *s, double priority);
/** @return the part of its priority that a session may have now: 1 while all to its host together
 * want no more than four */
double p2v_pair_part(const struct p2v_session *s);

#endif
