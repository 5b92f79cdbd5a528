/* sender.h - one direction of a connection at flow fidelity: a window that opens round by round
 * over a fluid flow. What is sent, its owner knows: a session of sdk/sim/flow, or a response of
 * HTTP.
 *
 * What is modelled: slow start from an initial window, doubled each round trip (RFC 5681, RFC
 * 9002), left when delay rises (RFC 9406) or the bottleneck's queue is full; from there on a
 * segment a round trip for a weight of 1; the queue that windows beyond the path's share build
 * before the bottleneck, which delays all that passes; a cut when that is full, or by chance on a
 * lossy link; a scavenger's window that stays below 25 ms of delay (LEDBAT++). What is not:
 * packets, retransmission, and the small differences between controllers of one kind. */
#ifndef P2V_SIM_SENDER_H
#define P2V_SIM_SENDER_H

#include "sdk/sim/inside.h"

struct p2v_sender;

/** A way of sending. */
struct p2v_sender_kind {
	double segment; /* [B] on the wire */
	double initial; /* [B] window */
	double beta;    /* what a cut leaves of the window */
	double block;   /* [B] that are acknowledged together, when the last of them came; 0: any */
	double alpha;   /* segments by which it grows a round trip, until it is as it was */
	bool chance;    /* the sender draws losses itself; else the owner tells of them */
	bool limited;   /* the first round trip after a pause tells nothing of the window */
	bool paced;     /* a window is spread over its round trip */
	bool delay;     /* slow start ends when delay rises */
	bool idle;      /* an idle time longer than a time-out takes the window back */
	/** @return [B] on the wire to the next point that matters to the owner; 0: nothing waits */
	double (*next)(struct p2v_sender *s);
	/** So many bytes have passed the bottleneck. */
	void (*passed)(struct p2v_sender *s, double bytes);
	/** As struct p2v_event_kind has it, for the owner. @param step  from 1 on */
	void (*look)(const struct p2v_sender *s, unsigned step);
};

/** What is asked for while it sends comes first: a line of it, and one of its flow; and last. */
struct p2v_sender {
	double cwnd;    /* [B] */
	double goal;    /* [B] */
	double backlog; /* [B] on the wire, with what is left of the goal: the owner's */
	double total;   /* [B] that passed so far */
	p2v_usec rtt;   /* [us] without queues */
	p2v_usec busy_at;
	uint32_t up, down; /* numbers of the links */
	double weight;
	struct p2v_fluid_flow flow;
	struct p2v_machine *from, *to;
	const struct p2v_sender_kind *kind;
	double ssthresh, budget; /* [B] */
	double prior;            /* [B] window before the last cut */
	double share;            /* [B/s] when something last passed */
	p2v_usec round_at, idle_at, cut_at;
	bool fresh;            /* the round is the first after a pause */
	uint32_t css;          /* rounds of conservative slow start: RFC 9406 */
	struct p2v_event wait; /* for the next round */
	double lost;           /* [B] */
	double rate;           /* [B/s] of the last round that was used */
};

void p2v_sender_init(struct p2v_sender *s, const struct p2v_sender_kind *kind,
	struct p2v_machine *from, struct p2v_machine *to);
void p2v_sender_fini(struct p2v_sender *s);
/** There is something to send, or something else than before. What passed of the goal until now is
 * told first. */
void p2v_sender_push(struct p2v_sender *s);
/** @return whether nothing is being sent, nor waits for the window */
static inline bool p2v_sender_idle(const struct p2v_sender *s)
{
	return !s->flow.runs && s->idle_at >= 0;
}
/** Something of it was lost: the window is cut, at most once a round trip.
 * @param still  [us] that nothing is sent beyond the window, as nothing is acknowledged */
void p2v_sender_loss(struct p2v_sender *s, p2v_usec still);
/** @param weight  0: scavenger */
void p2v_sender_weigh(struct p2v_sender *s, double weight);
/** @return [B] that passed until now, with what passed of the goal */
double p2v_sender_passed(const struct p2v_sender *s);
/** @return [B] that left and did not arrive */
double p2v_sender_in_flight(const struct p2v_sender *s);
/** @return [us] how much longer than possible what leaves now is under way */
p2v_usec p2v_sender_queued(const struct p2v_sender *s);
/** @return [us] that something waits before this direction of m's link, for flows */
p2v_usec p2v_link_wait(struct p2v_machine *m, bool up);
/** @return the probability that a packet that takes this way now is lost: by the link that it
 * leaves by, or in a full queue */
double p2v_path_loss(struct p2v_machine *from, struct p2v_machine *to);
/** @return when n bytes that are sent now, beside all flows, are at the other machine. Counted on
 * both links. */
p2v_usec p2v_small_arrival(struct p2v_machine *from, struct p2v_machine *to, size_t n);

#endif
