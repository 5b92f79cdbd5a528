/* rogue.h - a remote that shakes hands as it should and then sends whatever packets a test makes.
 * Unless it is dumb it says who it is when it is asked at another address. It shares no code with
 * the sessions that it meets but the packet's encoding and the simulator's record layer. */
#ifndef P2V_TESTS_ROGUE_H
#define P2V_TESTS_ROGUE_H

#include "framework/base/node.h"
#include "framework/dtl/packet.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"

struct rogue {
	struct p2v_machine *machine;
	struct p2v_node node;
	struct p2v_udp *udp;
	struct p2v_addr addr, to;
	struct p2v_sim_records *records;
	struct p2v_record *record;
	struct p2v_record_up up;
	bool dumb;     /* do not acknowledge what arrives */
	uint64_t next; /* number of its next packet */
	/* what it saw */
	uint64_t largest;
	uint32_t stamp; /* of the largest */
	uint64_t packets, datagrams;
	uint8_t last[2048]; /* datagram, its first bytes */
	size_t last_n;
	uint64_t lowest_unsent; /* one above the largest number that it saw */
	bool closed;
	uint64_t close_code;
	char close_text[P2V_CLOSE_TEXT + 1];
	uint64_t stream_bytes, resets, stops, max_data, max_stream_data, max_streams;
	struct p2v_settings settings;
};

/** @return false: no memory */
bool rogue_init(struct rogue *r, struct p2v_sim *sim, uint8_t number, const struct p2v_addr *to);
void rogue_fini(struct rogue *r);
/** Begin the handshake; run the world, and it is up. */
bool rogue_dial(struct rogue *r);
/** Be at another address from now on. @return false: somebody is there */
bool rogue_move(struct rogue *r, const struct p2v_addr *to);
/** Send a packet with these frames, whatever they are. */
void rogue_send(struct rogue *r, const void *frames, size_t n);
/** Send one packet with one frame. */
void rogue_frame(struct rogue *r, const struct p2v_frame *f);
/** Send a packet, its header too, as it is. */
void rogue_packet(struct rogue *r, const void *packet, size_t n);
/** Send a datagram as it is. */
void rogue_datagram(struct rogue *r, const void *p, size_t n);

#endif
