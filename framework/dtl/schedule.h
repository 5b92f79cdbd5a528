/* schedule.h - which stream of a session sends next: the one of the highest priority, among equals
 * the one with the earliest deadline, among equals each in turn. */
#ifndef P2V_DTL_SCHEDULE_H
#define P2V_DTL_SCHEDULE_H

#include "framework/dtl/inside.h"

/** The stream has something to send, or its priority or deadline changed: put it where it belongs,
 * or take it off when it has nothing that its own window allows. */
void p2v_schedule(struct p2v_stream *t);
/** It sent a packet's worth: let its equals go first. */
void p2v_schedule_yield(struct p2v_stream *t);
/** While the session runs at the priority of something urgent, a stream below P2V_CC_SCAVENGER
 * sends only within the controller's scavenger window (struct p2v_cc_view), if it has one.
 * @param out  [out] what it should send
 * @return the stream that sends next; NULL: none may */
struct p2v_stream *p2v_schedule_next(const struct p2v_session *s, struct p2v_piece *out);
/** [B] A stream that has no more than this to send or under way says nothing of the session's
 * priority: every controller lets two packets be under way, and a few words now and then must not
 * move the window of what they go before. */
#define P2V_SCHEDULE_SMALL (2 * P2V_MSS)

/** @return [B] that the stream has to send or under way */
uint64_t p2v_schedule_backlog(const struct p2v_stream *t);
/** @return the highest priority among streams that have more than that; `idle` when there is none
 */
double p2v_schedule_priority(const struct p2v_session *s, double idle);

#endif
