/* event.h - something that will happen in virtual time. */
#ifndef P2V_SIM_EVENT_H
#define P2V_SIM_EVENT_H

#include <peer2view/env.h>

struct p2v_sim;
struct p2v_machine;

/** Something that will happen. It belongs to a machine, and then waits while that is frozen and is
 * dropped when it is dead; or to the network, which never stops. */
struct p2v_event {
	struct p2v_timer timer;
	struct p2v_sim *sim;
	struct p2v_machine *machine; /* NULL: the network's */
	/** Runs at its time. dropped: the machine is dead or the run is over; only free what the
	 * event holds. */
	void (*run)(struct p2v_event *e, bool dropped);
};

void p2v_event_init(struct p2v_event *e, struct p2v_sim *s, struct p2v_machine *m,
	void (*run)(struct p2v_event *e, bool dropped));
/** Schedule e, or move it. */
void p2v_event_at(struct p2v_event *e, p2v_usec due);
void p2v_event_cancel(struct p2v_event *e);

#endif
