/* event.h - something that will happen in virtual time. */
#ifndef P2V_SIM_EVENT_H
#define P2V_SIM_EVENT_H

#include <peer2view/env.h>

struct p2v_sim;
struct p2v_machine;
struct p2v_event;

enum { P2V_EVENT_LOOKS = 3 };

struct p2v_event_kind {
	/** Runs at its time. dropped: the machine is dead or the run is over; only free what the
	 * event holds. */
	void (*run)(struct p2v_event *e, bool dropped);
	/** The event will run soon: begin to fetch memory that it will touch, by p2v_touch. Each
	 * step may follow pointers that the step before it fetched. Nothing is changed, and it may
	 * be that the event does not run after all. NULL: there is nothing beside the event itself.
	 * @param step  0 … P2V_EVENT_LOOKS - 1 */
	void (*look)(const struct p2v_event *e, unsigned step);
};

/** Something that will happen. It belongs to a machine, and then waits while that is frozen and is
 * dropped when it is dead; or to the network, which never stops. Whose it is, its timer's owner
 * says. */
struct p2v_event {
	struct p2v_timer timer;
	const struct p2v_event_kind *kind;
};

/** @param m  NULL: it is the network's */
void p2v_event_init(struct p2v_event *e, struct p2v_sim *s, struct p2v_machine *m,
	const struct p2v_event_kind *kind);
/** Schedule e, or move it. */
void p2v_event_at(struct p2v_event *e, p2v_usec due);
void p2v_event_cancel(struct p2v_event *e);
/** @return whose it is; NULL: the network's */
struct p2v_machine *p2v_event_machine(const struct p2v_event *e);
struct p2v_sim *p2v_event_sim(const struct p2v_event *e);

/** Begin to fetch the line of memory at p into the cache. p may be any address: it is not read. */
static inline void p2v_touch(const void *p)
{
#ifdef __GNUC__
	__builtin_prefetch(p);
#else
	(void)p;
#endif
}

/** … and the n - 1 lines after it. */
static inline void p2v_touch_lines(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p2v_touch((const void *)((uintptr_t)p + 64 * i));
}

#endif
