/* inside.h - what the files of the virtual world share with each other, and with nobody else. */
#ifndef P2V_SIM_INSIDE_H
#define P2V_SIM_INSIDE_H

#include "framework/base/hash.h"
#include "framework/base/list.h"
#include "framework/base/timers.h"
#include "sdk/sim/event.h"
#include "sdk/sim/fluid.h"
#include "sdk/sim/inbox.h"
#include "sdk/sim/pools.h"
#include "sdk/sim/sockets.h"
#include "sdk/sim/wheel.h"
#include "sdk/sim/world.h"

struct p2v_sim_box;
struct p2v_sim_name;
struct p2v_sim_shared;

enum {
	P2V_LENDS = 256,
	P2V_LEND_LEAST = 8,   /* [B] */
	P2V_DESK_PLACES = 32, /* datagrams that a socket is given in one call, at most */
	P2V_DESK_PLACE = 2048 /* [B] of one of them with lent bytes, at most */
};

/** Bytes that were not written into the room. */
struct p2v_lend {
	const uint8_t *at;
	struct p2v_slice slice;
};

struct p2v_sim {
	p2v_usec now;
	int64_t epoch; /* [us] wall time of virtual time 0 */
	uint64_t hash, events;
	struct p2v_wheel timers;
	struct p2v_random network;  /* loss, reordering, duplication */
	struct p2v_list machines;   /* in the order in which they were added */
	struct p2v_machine *by_ip;  /* the same */
	struct p2v_sim_box *boxes;  /* by outside address */
	struct p2v_sim_name *names; /* in lower case */
	struct p2v_sockets sockets;
	struct p2v_packet_way *spare[P2V_PACKET_CLASSES]; /* datagrams that are no more */
	uint8_t *room; /* shape (room_n): where machines write what they send */
	size_t room_n;
	struct p2v_lend lends[P2V_LENDS]; /* in the place of bytes of it, ascending */
	size_t n_lends, next_lend;        /* next: all before it has been sent */
	uint8_t *desk; /* shape (P2V_DESK_PLACES, P2V_DESK_PLACE): what a socket is given */
	const struct p2v_packet_way *on_desk[P2V_DESK_PLACES];
	size_t n_on_desk;
	p2v_usec coalesce; /* [us] that a machine waits for more, when a datagram is there */
	struct p2v_http_server *http; /* listening servers, by address */
	uint64_t ids;                 /* given to connections and servers so far */
	FILE *log;
	uint64_t seed;
	bool flows; /* flow fidelity: streams are flows of `fluid` */
	struct p2v_fluid fluid;
	struct p2v_list late;
	void *twin; /* sdk/sim/flow's */
	struct p2v_pools pools;
	struct p2v_sim_ledger ledger;
	struct p2v_sim_shared *shared, *shared_at; /* buffers, by content and by address */
	uint64_t shared_bytes, shared_news;
	p2v_usec apart; /* [us] between pieces of one stream: 1 where ties are shuffled, else 0 */
};

/** What a datagram, or a message beside the flows, needs of its sender and of its receiver comes
 * first. */
struct p2v_machine {
	_Alignas(P2V_LINE) struct p2v_sim *sim;
	bool dead, frozen, placed;
	uint32_t island;
	int32_t x, y;            /* [us] */
	struct p2v_sim_box *box; /* that it is behind; NULL: it is open */
	struct p2v_addr ip;
	struct p2v_link_count count;
	struct p2v_link link;
	_Alignas(P2V_LINE) struct p2v_fluid_link up; /* the same link, at flow fidelity */
	_Alignas(P2V_LINE) struct p2v_fluid_link down;
	p2v_usec up_free, down_free; /* when each direction's queue will be empty */
	struct p2v_inbox inbox;
	struct p2v_list sockets;
	struct p2v_list in_sim;
	struct p2v_list fetches;     /* of HTTP, made by this machine: sdk/sim/http.c */
	struct p2v_list connections; /* … and the connections under them, and idle ones */
	struct p2v_list serves;      /* connections to this machine's servers */
	UT_hash_handle hh;           /* in by_ip */
	char name[32];
	struct p2v_random entropy;
	uint16_t next_port;
	struct p2v_timers held; /* what would have fired while it was frozen */
};

struct p2v_late;
struct p2v_late_kind {
	void (*run)(struct p2v_late *l);
	/** As struct p2v_event_kind has it. */
	void (*look)(const struct p2v_late *l, unsigned step);
};

/** Something to be done when all events of an instant have run, before time goes on. */
struct p2v_late {
	struct p2v_list at; /* not linked: nothing is to be done */
	const struct p2v_late_kind *kind;
};

/** What an entry of the run's hash is about. */
enum p2v_sim_what {
	P2V_SIM_DGRAM = 1,
	P2V_SIM_TIMER,
	P2V_SIM_LOG,
	P2V_SIM_LOST,
	P2V_SIM_REQUEST,
	P2V_SIM_HEAD,
	P2V_SIM_BODY,
	P2V_SIM_DONE,
	P2V_SIM_GONE,
	P2V_SIM_PARCEL
};

/** Have l run once before time goes on. */
static inline void p2v_sim_late(struct p2v_sim *s, struct p2v_late *l)
{
	if (p2v_list_empty(&l->at))
		p2v_list_push(&s->late, &l->at);
}

/** Mix something that happened into the run's hash. */
void p2v_sim_mix(struct p2v_sim *s, uint64_t what);
void p2v_sim_mix_bytes(struct p2v_sim *s, const void *p, size_t n);
/** … with the time and the machine. */
void p2v_sim_mix_event(const struct p2v_machine *m, enum p2v_sim_what what);

/** @return [B] that wait in this direction of m's link now */
uint64_t p2v_link_waiting(struct p2v_machine *m, bool up);
/** A datagram that arrived before m's link at that time enters it. One that is lost there is
 * counted.
 * @param n    [B] without its headers
 * @param now  [us] not before any that entered already
 * @return when it is through; P2V_NEVER: lost */
p2v_usec p2v_link_take(struct p2v_machine *m, size_t n, p2v_usec now);
/** @return when a datagram that arrives then would be through, if nothing entered before it */
p2v_usec p2v_link_estimate(const struct p2v_machine *m, size_t n, p2v_usec at);
/** A datagram has come to its end at m: into the ledger. */
void p2v_ledger_ended(struct p2v_machine *m, size_t n, bool received);
/** @return when n bytes that enter this direction of m's link now are through; P2V_NEVER: the queue
 * overflowed. bounded: whether the queue's limit applies (datagrams) or the sender waits (streams)
 */
p2v_usec p2v_link_pass(struct p2v_machine *m, bool up, size_t n, bool bounded);
/** @return [us] one way between two machines, without queues; a little within one machine */
p2v_usec p2v_path_delay(const struct p2v_machine *a, const struct p2v_machine *b);

/** @return the machine that a world of the simulator is of */
struct p2v_machine *p2v_machine_of(const struct p2v_world *w);
/** @return the machine with that address, NULL: none */
struct p2v_machine *p2v_sim_machine(struct p2v_sim *s, const struct p2v_addr *ip);
/** Find a machine by name or address literal, as `from` sees it: loopback is from itself.
 * @param out  [out] its address; the port is untouched
 * @return P2V_OK or P2V_ENOENT */
int p2v_sim_find(struct p2v_machine *from, struct p2v_str host, struct p2v_addr *out);
/** @return a port that no socket and no server of m has */
uint16_t p2v_machine_port(struct p2v_machine *m);

/** A datagram's way, step by step. */
struct p2v_route {
	struct p2v_addr from, dst; /* as they are at this step */
	struct p2v_machine *to;    /* whose it is; with `box`: somebody behind that */
	struct p2v_sim_box *box;   /* that it comes to, and has to pass there; NULL: none */
};
/** From a machine to where it is on its own, through the boxes before that machine. Sets `to` and
 * `box`.
 * @return false: a box dropped it; true with `to` NULL: nobody is there */
bool p2v_route_out(struct p2v_machine *m, struct p2v_route *r);
/** … and at its end through the boxes before the receiver. @return false: dropped */
bool p2v_route_in(struct p2v_sim *s, struct p2v_route *r);
/** Both at once: what boxes would do with a datagram between two machines, and remember of it.
 * @return whether it gets there */
bool p2v_route_crosses(struct p2v_machine *m, struct p2v_machine *to, struct p2v_route *r);
/** The run is over. */
void p2v_sim_boxes_free(struct p2v_sim *s);

/* sdk/sim/udp.c: the members of struct p2v_world_ops of the same names */
bool p2v_sim_udp_taken(struct p2v_sim *s, const struct p2v_addr *a);
int p2v_sim_udp_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err);
size_t p2v_sim_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n);
size_t p2v_sim_udp_segments(void *self, struct p2v_udp *u);
void p2v_sim_udp_close(void *self, struct p2v_udp *u);

/* sdk/sim/http.c and sdk/sim/httpd.c: likewise */
int p2v_sim_fetch(void *self, const struct p2v_fetch_request *rq, const struct p2v_fetch_handler *h,
	void *ctx, struct p2v_fetch **out, struct p2v_err *err);
void p2v_sim_fetch_pause(void *self, struct p2v_fetch *f, bool pause);
void p2v_sim_fetch_cancel(void *self, struct p2v_fetch *f);
struct p2v_buf *p2v_sim_fetch_buffer(void *self, const struct p2v_fetch *f);
int p2v_sim_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err);
void p2v_sim_reply(void *self, struct p2v_exchange *x, const struct p2v_reply *r);
void p2v_sim_write(void *self, struct p2v_exchange *x, struct p2v_slice s);
size_t p2v_sim_room(void *self, struct p2v_exchange *x);
void p2v_sim_end(void *self, struct p2v_exchange *x);
void p2v_sim_abort(void *self, struct p2v_exchange *x);
void p2v_sim_close(void *self, struct p2v_http_server *s);

bool p2v_sim_http_taken(struct p2v_sim *s, const struct p2v_addr *a);

/** A machine died: the connections to and from it break. */
void p2v_sim_http_killed(struct p2v_machine *m);
/** The run is over and no event is left: free what HTTP still holds. */
void p2v_sim_http_fini(struct p2v_sim *s);

#endif
