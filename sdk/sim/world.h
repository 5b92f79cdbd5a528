/* world.h - the virtual world: machines with clocks, links, sockets and names in one process, in
 * virtual time. Each machine offers struct p2v_world, so the core runs on it unchanged. The same
 * seed gives the same run, bit by bit. */
#ifndef P2V_SIM_WORLD_H
#define P2V_SIM_WORLD_H

#include "framework/base/random.h"
#include "framework/base/world.h"

struct p2v_sim;
struct p2v_machine;

/** Where every datagram of a run is, those that a machine sends to itself among them. Sent is what
 * was received, lost (by chance, in a full queue, too large, to nobody or from the dead) and in
 * flight together. */
struct p2v_sim_ledger {
	uint64_t sent, received, lost, in_flight;                         /* datagrams */
	uint64_t sent_bytes, received_bytes, lost_bytes, in_flight_bytes; /* [B] with headers */
};

/** A machine's access link, both directions; the core of the network is fast. */
struct p2v_link {
	uint64_t up, down; /* [B/s]; 0: no limit */
	p2v_usec delay;    /* [us] one way, between this machine and the core */
	uint64_t queue;    /* [B] drop-tail queue before each direction; 0: no limit */
	uint64_t queue_up; /* [B] … before the upward one, where that is another; 0: it is not */
	double loss;       /* probability that a datagram leaving this machine is lost */
	double duplicate;  /* … that it arrives twice */
	double reorder;    /* … that it is held back by `reorder_by` */
	p2v_usec reorder_by; /* [us] */
	uint32_t mtu; /* [B] of an IP packet: larger datagrams vanish, both ways; 0: no limit */
};

/** What went over a machine's link. What it says to itself counts as datagrams, never as a stream.
 */
struct p2v_link_count {
	uint64_t sent, sent_bytes; /* datagrams, and bytes with their IP and UDP headers */
	uint64_t received, received_bytes;
	uint64_t lost;       /* datagrams that left and never arrive */
	uint64_t overflowed; /* … that one of this machine's queues had no room for */
	uint64_t oversized;  /* … that were larger than this machine's link carries */
	uint64_t stream_sent_bytes, stream_received_bytes; /* HTTP, with TCP's and IP's headers */
};

/** @param seed  of the run; any number
 * @return NULL: no memory */
struct p2v_sim *p2v_sim_new(uint64_t seed);
/** Frees the machines too; what runs on them must be gone. An HTTP server that was closed and has
 * not been told yet how its exchanges ended is told in here. */
void p2v_sim_free(struct p2v_sim *s);

p2v_usec p2v_sim_now(const struct p2v_sim *s);
/** Run events until `until` (virtual) or until none is left. @return number of events */
uint64_t p2v_sim_run(struct p2v_sim *s, p2v_usec until);
/** Flow fidelity: HTTP shares links as flows do, not piece by piece. Before anything runs; only in
 * a program whose transport does the same (libp2v_flow.la). */
void p2v_sim_set_flows(struct p2v_sim *s, bool flows);
/** Hash of all that happened so far: times, machines, datagram contents, HTTP, log lines. */
uint64_t p2v_sim_hash(const struct p2v_sim *s);
/** How many events ran so far. */
uint64_t p2v_sim_events(const struct p2v_sim *s);
/** [B] of media that machines hold, each content once. */
uint64_t p2v_sim_shared_bytes(const struct p2v_sim *s);
void p2v_sim_ledger(const struct p2v_sim *s, struct p2v_sim_ledger *out);
/** From now on, what is due at the same microsecond runs in an order drawn by `seed`, not in the
 * order in which it was scheduled: what depends on that order is an accident, and shows.
 * @param seed  above 0 */
void p2v_sim_shuffle_ties(struct p2v_sim *s, uint64_t seed);
/** How long a machine waits for more once a datagram is there, before it gives its socket all of
 * them together, as interrupt coalescing and wireless links do. 0, as it starts: not at all.
 * @param us  [us] */
void p2v_sim_set_coalesce(struct p2v_sim *s, p2v_usec us);
/** Where log lines go, beside the hash; NULL: nowhere. Starts as NULL. */
void p2v_sim_set_log(struct p2v_sim *s, FILE *to);

/** Do something at `due`: a scenario's own events.
 * @param fn  [in] called with ctx */
void p2v_sim_at(struct p2v_sim *s, p2v_usec due, void (*fn)(void *ctx), void *ctx);

/** Add a machine.
 * @param name  [in] for the log; copied
 * @param ip    [in] its one address; the port is ignored
 * @return NULL: no memory, or the address is taken */
struct p2v_machine *p2v_machine_new(struct p2v_sim *s, const char *name, const struct p2v_addr *ip,
	const struct p2v_link *link);
struct p2v_world p2v_machine_world(struct p2v_machine *m);
void p2v_machine_set_link(struct p2v_machine *m, const struct p2v_link *link);
/** Put it on a plane: the way between two such machines takes their distance [us] beside the delays
 * of both links. A machine that was never placed is near everybody. */
void p2v_machine_place(struct p2v_machine *m, int32_t x, int32_t y);
/** Datagrams pass only between machines of one island; all begin on island 0. HTTP passes anyway.
 */
void p2v_machine_set_island(struct p2v_machine *m, uint32_t island);
void p2v_machine_count(const struct p2v_machine *m, struct p2v_link_count *out);
/** A NAT before the machine gives a socket another address, from one datagram to the next: what is
 * sent from now on comes from there, and only what is sent to there arrives.
 * @param old   [in] address and port that others know the socket by
 * @param addr  [in] the new ones
 * @return P2V_OK; P2V_ENOENT: no such socket, or the new address is taken; P2V_ENOMEM: the socket
 * is lost */
int p2v_machine_rebind(
	struct p2v_machine *m, const struct p2v_addr *old, const struct p2v_addr *addr);
/** Pull the plug: nothing comes out or in any more, timers do not fire, clients of its HTTP servers
 * see broken connections. What ran on it can still be freed. */
void p2v_machine_kill(struct p2v_machine *m);
/** Freeze it, as SIGSTOP does: what arrives and fires waits until it is thawed. */
void p2v_machine_freeze(struct p2v_machine *m, bool frozen);

/** Give an address a name that resolve() and URLs can use. A loopback address and "localhost" are
 * the asking machine's own. */
void p2v_sim_name(struct p2v_sim *s, const char *name, const struct p2v_addr *ip);

#endif
