/* inbox.h - the datagrams that are on their way to a machine: in the network, in order of their
 * arrival before its link, and through its link, in order of their delivery. One event a machine
 * serves them all: it fires when the first may be delivered, and whatever arrived at the link
 * meanwhile passes it then, each at its own time. So the link works as if it were looked at with
 * every arrival. */
#ifndef P2V_SIM_INBOX_H
#define P2V_SIM_INBOX_H

#include "framework/base/addr.h"
#include "framework/base/slice.h"
#include "sdk/sim/event.h"

enum { P2V_PACKET_CLASSES = 3 }; /* sizes of room that are used again and again */

enum { P2V_PACKET_LENT = 2 }; /* pieces of one datagram that are not copied */

/** Bytes of a datagram that lie in their writer's buffer. */
struct p2v_packet_lent {
	uint32_t at; /* [B] in the datagram */
	struct p2v_slice slice;
};

/** A datagram under way. */
struct p2v_packet_way {
	struct p2v_packet_way *next;
	p2v_usec due; /* through the link: when it is delivered */
	struct p2v_addr from, to;
	uint32_t n;   /* [B] */
	uint16_t own; /* [B] of p: all that is not lent, in a row */
	uint16_t n_lent;
	struct p2v_packet_lent lent[P2V_PACKET_LENT];
	uint8_t p[];
};

struct p2v_arrival {
	p2v_usec at;
	uint64_t order; /* among those of the same microsecond */
	struct p2v_packet_way *packet;
};

struct p2v_inbox {
	struct p2v_arrival *v; /* shape (cap), of which head … head + n - 1 wait */
	size_t head, n, cap;
	struct p2v_packet_way *ready, *last; /* through the link */
	struct p2v_event event;
	p2v_usec armed; /* when the event is due; P2V_NEVER */
};

void p2v_inbox_init(struct p2v_machine *m);
/** What it still holds is not freed: that is its event's, when the run ends. */
void p2v_inbox_fini(struct p2v_machine *m);
/** A packet is under way to m, with from, to and payload filled in; it is freed here.
 * @param at  [us] when it will be before m's link */
void p2v_inbox_put(struct p2v_machine *m, struct p2v_packet_way *k, p2v_usec at);
/** What has arrived before m's link up to now enters it, before something else does. */
void p2v_inbox_follow(struct p2v_machine *m);

/** @return a packet of the n bytes at p, or of what is lent in their place; from, to, due are the
 * caller's; NULL: no memory */
struct p2v_packet_way *p2v_packet_new(struct p2v_sim *s, const uint8_t *p, size_t n);
void p2v_packet_free(struct p2v_sim *s, struct p2v_packet_way *k);
/** Write a packet into out, shape (k->n).
 * @param all  with what is lent; else its place is left as it is */
void p2v_packet_lay_out(const struct p2v_packet_way *k, uint8_t *out, bool all);
/** What happened to it is mixed into the run's hash: its bytes; of what is lent, the ends. */
void p2v_packet_mix(struct p2v_sim *s, const struct p2v_packet_way *k);
/** All that was lent has been sent. */
void p2v_lends_clear(struct p2v_sim *s);
/** The run is over. */
void p2v_packets_fini(struct p2v_sim *s);

/* The members of struct p2v_world_ops of the same names. */
uint8_t *p2v_sim_udp_room(void *self, size_t n);
bool p2v_sim_udp_lend(void *self, const uint8_t *at, const struct p2v_slice *s);
struct p2v_slice p2v_sim_udp_lent(void *self, const uint8_t *p, size_t n, size_t *off);

#endif
