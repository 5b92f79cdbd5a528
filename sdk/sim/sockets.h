/* sockets.h - the sockets of a run by address. Every datagram asks for one: a hash and a pointer a
 * place, found by open addressing, so that it costs one look into a small table. */
#ifndef P2V_SIM_SOCKETS_H
#define P2V_SIM_SOCKETS_H

#include "framework/base/list.h"
#include "framework/base/world.h"

struct p2v_machine;

struct p2v_udp {
	struct p2v_machine *machine;
	struct p2v_addr addr; /* as others see it */
	struct p2v_list at;   /* in its machine's */
	const struct p2v_udp_handler *handler;
	void *ctx;
};

struct p2v_socket_slot {
	struct p2v_udp *udp; /* NULL: free */
	uint64_t hash;       /* of its address */
};

/** Zeroed = empty. */
struct p2v_sockets {
	struct p2v_socket_slot *v;
	size_t cap, n; /* cap: a power of two, or 0; at least half of it is free */
};

void p2v_sockets_fini(struct p2v_sockets *t);
/** @return the socket of that address; NULL: none */
struct p2v_udp *p2v_sockets_find(const struct p2v_sockets *t, const struct p2v_addr *a);
/** Add a socket, under its address, which none in the table has.
 * @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_sockets_add(struct p2v_sockets *t, struct p2v_udp *u);
/** Take out a socket that is in it, under the address that it was added with. */
void p2v_sockets_remove(struct p2v_sockets *t, const struct p2v_udp *u);

#endif
