/* dtl_wire.h - a world whose sockets allocate nothing: datagrams wait in places that are there from
 * the beginning, and the clock is the test's. So what is allocated is what is under test. */
#ifndef P2V_TESTS_DTL_WIRE_H
#define P2V_TESTS_DTL_WIRE_H

#include "tests/unit/fake_world.h"

enum { SLOTS = 4096, ROOM = 2048, SOCKETS = 2 };

struct slot {
	struct p2v_addr addr; /* of the other end */
	p2v_usec due;
	size_t n;
	uint8_t p[ROOM];
};

struct queue {
	struct slot slot[SLOTS];
	size_t first, n;
};

void queue_put(struct queue *q, const struct p2v_addr *addr, p2v_usec due, const void *p, size_t n);
/** @return the first datagram if it is due, valid until others are put; NULL: none is */
const struct slot *queue_take(struct queue *q, p2v_usec now);

struct p2v_udp {
	struct wire *wire;
	const struct p2v_udp_handler *handler;
	void *ctx;
	struct p2v_addr addr; /* 10.0.0.1 is the first */
};

struct wire {
	struct fake_world base;
	struct p2v_world_ops ops; /* a test may put others in */
	struct p2v_world world;
	struct p2v_udp udp[SOCKETS];
	unsigned opened;
	size_t segments; /* so many datagrams of one length are sent at once; 1 */
	/** A datagram leaves a socket. */
	void (*sent)(struct p2v_udp *from, const struct p2v_addr *to, const uint8_t *p, size_t n);
};

/** @param w  [out] all zero before */
void wire_init(struct wire *w,
	void (*sent)(struct p2v_udp *from, const struct p2v_addr *to, const uint8_t *p, size_t n));
/** Hand a socket what has come for it. */
void wire_receive(struct p2v_udp *u, const struct slot *s);
/** Fire what is due. */
void wire_fire(struct wire *w);

#endif
