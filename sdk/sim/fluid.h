/* fluid.h - flows that share links as fluids would: the network at flow fidelity. A flow has a
 * weight, may have a limit of its own, and runs over a few links; rates are weighted max-min fair
 * (Bertsekas and Gallager, Data Networks, 6.5.2; weights: Kelly, Maulloo and Tan, 1998). Flows
 * without weight are scavengers: they share, alike, what the others leave. What a flow carries, and
 * for whom, its owner knows: sdk/sim/flow and sdk/sim/http_flow.c. */
#ifndef P2V_SIM_FLUID_H
#define P2V_SIM_FLUID_H

#include "framework/base/list.h"
#include "sdk/sim/event.h"

enum {
	P2V_FLUID_PATH = 2,   /* links that a flow crosses at most */
	P2V_FLUID_CLASSES = 2 /* those with a weight, and scavengers */
};

#define P2V_FLUID_UNLIMITED 1e12 /* [B/s] */
/** The part of a link that is kept for scavengers while there are any: a window has a floor. */
#define P2V_FLUID_TRICKLE 0.01

/** One direction of something that carries bytes. What every message asks for comes first. */
struct p2v_fluid_link {
	double capacity; /* [B/s] */
	double drop; /* the part of what arrives that its queue has no room for: sdk/sim/sender.c */
	uint32_t number;               /* its place in the network's `queues` */
	uint32_t n[P2V_FLUID_CLASSES]; /* flows of the classes */
	/* What goes beside the flows, too small to be one: */
	uint64_t aside; /* [B] since then */
	p2v_usec aside_since;
	double load; /* [B/s] lately */
	/* of the classes: */
	double level[P2V_FLUID_CLASSES]; /* [B/s] for a weight of 1; P2V_FLUID_UNLIMITED: this link
					    limits nobody */
	double used[P2V_FLUID_CLASSES];  /* [B/s] sum of rates */
	struct p2v_list flows[P2V_FLUID_CLASSES]; /* in the order in which they began */
	struct p2v_list in_dirty;
	struct p2v_fluid *net;
};

/** The queue before a link as it was lately, for sdk/sim/sender.c. Those of all links lie side by
 * side: everybody asks for other machines' queues, and mostly there is none. */
struct p2v_fluid_queue {
	uint32_t n; /* flows */
	p2v_usec wait, wait_at;
};

/** A flow on one of its links. */
struct p2v_fluid_hop {
	struct p2v_list in_link;
	struct p2v_fluid_flow *flow;
	struct p2v_fluid_link *link; /* NULL: none */
};

/** What is asked for while it runs comes first. */
struct p2v_fluid_flow {
	double rate; /* [B/s] as of the last settling */
	double left; /* [B] to its goal, at `at` */
	p2v_usec at, due;
	struct p2v_fluid *net;
	double weight; /* 0: scavenger */
	double limit;  /* [B/s] of its own */
	bool runs;
	/** The goal is reached. Set another, or stop. */
	void (*reached)(struct p2v_fluid_flow *f);
	struct p2v_list in_moved;
	struct p2v_fluid_hop hop[P2V_FLUID_PATH];
	struct p2v_event event;
};

struct p2v_sim;

/** The network of a run. */
struct p2v_fluid {
	struct p2v_sim *sim;
	struct p2v_list dirty, moved;
	/** Rates that would move by a smaller part than this stay as they are, and a link may carry
	 * that much more, or less, than it could. */
	double tolerance;
	uint64_t settled, visits;        /* links looked at, and flows on them: what it costs */
	struct p2v_fluid_share *scratch; /* shape (room) */
	size_t room;
	struct p2v_fluid_queue *queues; /* shape (most_links), by number; n_links are used */
	uint32_t n_links, most_links;
};

/** @param tolerance  0 ≤ tolerance < 0.1 */
void p2v_fluid_init(struct p2v_fluid *net, struct p2v_sim *sim, double tolerance);
void p2v_fluid_fini(struct p2v_fluid *net);
/** @return whether rates are to be worked out before time goes on */
static inline bool p2v_fluid_unsettled(const struct p2v_fluid *net)
{
	return !p2v_list_empty(&net->dirty) || !p2v_list_empty(&net->moved);
}
/** Work out the rates: once an instant, when all that happens in it has happened. */
void p2v_fluid_settle(struct p2v_fluid *net);

/** @param capacity  [B/s]; 0: no limit
 * @return false: no memory */
bool p2v_fluid_link_init(struct p2v_fluid_link *l, struct p2v_fluid *net, double capacity);
void p2v_fluid_link_set(struct p2v_fluid_link *l, double capacity);
/** n bytes cross the link beside its flows: a message, acknowledgements. */
void p2v_fluid_aside(struct p2v_fluid_link *l, uint64_t n);
/** @return [B/s] that the flows of l may use together */
double p2v_fluid_room(const struct p2v_fluid_link *l);

/** @param reached  called at the goal, as an event of the network */
void p2v_fluid_flow_init(
	struct p2v_fluid_flow *f, struct p2v_fluid *net, void (*reached)(struct p2v_fluid_flow *f));
/** What the event of a flow runs, for whoever gives it a kind of its own. */
void p2v_fluid_fired(struct p2v_event *e, bool dropped);
/** Begin to run.
 * @param path    [in] shape (n), n ≤ P2V_FLUID_PATH; NULL items do not count; each link at most
 * once; they outlive the run
 * @param bytes   to the goal, > 0 */
void p2v_fluid_start(struct p2v_fluid_flow *f, struct p2v_fluid_link *const *path, size_t n,
	double weight, double limit, double bytes);
/** Stop; the links are free for others. Stopping what does not run does nothing. */
void p2v_fluid_stop(struct p2v_fluid_flow *f);
/** So many bytes further is the next goal: bytes > 0. */
void p2v_fluid_goal(struct p2v_fluid_flow *f, double bytes);
void p2v_fluid_weigh(struct p2v_fluid_flow *f, double weight);
void p2v_fluid_limit(struct p2v_fluid_flow *f, double limit);
/** @return [B] to the goal, now */
double p2v_fluid_left(const struct p2v_fluid_flow *f);
/** @return the link that holds f back; NULL: its own limit does */
struct p2v_fluid_link *p2v_fluid_bottleneck(const struct p2v_fluid_flow *f);

#endif
