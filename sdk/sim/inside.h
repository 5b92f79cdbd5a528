/* inside.h - what the files of the virtual world share with each other, and with nobody else. */
#ifndef P2V_SIM_INSIDE_H
#define P2V_SIM_INSIDE_H

#include "framework/base/hash.h"
#include "framework/base/list.h"
#include "framework/base/timers.h"
#include "sdk/sim/world.h"

struct p2v_sim {
	p2v_usec now;
	int64_t epoch; /* [us] wall time of virtual time 0 */
	uint64_t hash, events;
	struct p2v_timers timers;
	struct p2v_random network; /* loss, reordering, duplication */
	struct p2v_list machines;
	struct p2v_list names;
	struct p2v_udp *sockets; /* by address */
	FILE *log;
	uint64_t seed;
	struct p2v_list servers; /* of HTTP: sdk/sim/http.c */
};

struct p2v_machine {
	struct p2v_list in_sim;
	struct p2v_sim *sim;
	char name[32];
	struct p2v_addr ip;
	struct p2v_link link;
	struct p2v_link_count count;
	p2v_usec up_free, down_free; /* when each direction's queue will be empty */
	struct p2v_random entropy;
	uint16_t next_port;
	bool dead, frozen;
	struct p2v_list held;    /* events that wait for the thaw */
	struct p2v_list sockets; /* open UDP sockets */
	struct p2v_list fetches; /* of HTTP: sdk/sim/http.c */
};

/** An event that belongs to a machine: it waits while the machine is frozen, and is dropped when it
 * is dead. */
struct p2v_event {
	struct p2v_timer timer;
	struct p2v_list held;
	struct p2v_machine *machine;
	/** Runs at its time. dropped: the machine is dead; only free what the event holds. */
	void (*run)(struct p2v_event *e, bool dropped);
};

/** Schedule e; the caller has set machine and run. */
void p2v_event_at(struct p2v_event *e, p2v_usec due);
void p2v_event_cancel(struct p2v_event *e);
/** Mix something that happened into the run's hash. */
void p2v_sim_mix(struct p2v_sim *s, uint64_t what);
void p2v_sim_mix_bytes(struct p2v_sim *s, const void *p, size_t n);
/** @return when n bytes that enter this direction of m's link now are through; P2V_NEVER: the queue
 * overflowed. bounded: whether the queue's limit applies (datagrams) or the sender waits (streams)
 */
p2v_usec p2v_link_pass(struct p2v_machine *m, bool up, size_t n, bool bounded);
/** @return the machine with that address, NULL: none */
struct p2v_machine *p2v_sim_machine(struct p2v_sim *s, const struct p2v_addr *ip);
/** Find a machine by name or address literal. @return P2V_OK or P2V_ENOENT */
int p2v_sim_find(struct p2v_sim *s, struct p2v_str host, struct p2v_addr *out);

/* sdk/sim/http.c */
int p2v_sim_fetch(void *self, const struct p2v_fetch_request *rq, const struct p2v_fetch_handler *h,
	void *ctx, struct p2v_fetch **out, struct p2v_err *err);
void p2v_sim_fetch_pause(void *self, struct p2v_fetch *f, bool pause);
void p2v_sim_fetch_cancel(void *self, struct p2v_fetch *f);
int p2v_sim_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err);
void p2v_sim_reply(void *self, struct p2v_exchange *x, const struct p2v_reply *r);
void p2v_sim_write(void *self, struct p2v_exchange *x, struct p2v_slice s);
size_t p2v_sim_room(void *self, struct p2v_exchange *x);
void p2v_sim_end(void *self, struct p2v_exchange *x);
void p2v_sim_abort(void *self, struct p2v_exchange *x);
void p2v_sim_close(void *self, struct p2v_http_server *s);
/** A machine died: its servers' clients and its own fetches are cut. */
void p2v_sim_http_killed(struct p2v_machine *m);
/** The run ends: free what HTTP still holds. */
void p2v_sim_http_fini(struct p2v_sim *s);

#endif
