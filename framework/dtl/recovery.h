/* recovery.h - what was sent and is not acknowledged yet: round-trip time, loss, probe time-outs
 * and the delivery rate, after RFC 9002 and draft-cheng-iccrg-delivery-rate-estimation. Windows are
 * the controller's; what a packet carried is told in references that this file does not look into.
 */
#ifndef P2V_DTL_RECOVERY_H
#define P2V_DTL_RECOVERY_H

#include "framework/dtl/packet.h"

enum {
	P2V_PACKET_REFS = 8,      /* that one packet may have at most */
	P2V_SENT_MAX = 1 << 16,   /* packets between the oldest that is open and the newest */
	P2V_LOST_KEPT = 64,       /* lost packets that are remembered, in case they arrive */
	P2V_PACKET_THRESHOLD = 3, /* RFC 9002 6.1.1 */
	P2V_PACKET_THRESHOLD_MAX = 128,
	P2V_TIME_THRESHOLD = 9, /* eighths of a round trip, RFC 9002 6.1.2 */
	P2V_TIME_THRESHOLD_MAX = 16,
	P2V_PTO_BACKOFF_MAX = 10 /* doublings */
};
#define P2V_GRANULARITY P2V_MSEC         /* RFC 9002 6.1.2 */
#define P2V_INITIAL_RTT (333 * P2V_MSEC) /* RFC 9002 6.2.2 */

/** What a packet carried that must be known when it is acknowledged or lost. */
struct p2v_ref {
	struct p2v_stream *stream; /* NULL: the session's */
	uint64_t offset;           /* [B] */
	uint32_t n;                /* [B] */
	uint8_t kind;              /* the owner's */
	bool fin;
};

/** What became of a packet that carried a reference. */
enum p2v_fate {
	P2V_FATE_ACKED = 0,
	P2V_FATE_LOST,
	P2V_FATE_AGAIN /* nothing yet, but send what it carried once more; the reference stays */
};

enum p2v_sent_state { P2V_SENT_OPEN = 0, P2V_SENT_SILENT, P2V_SENT_ACKED };

struct p2v_sent {
	p2v_usec time;
	uint64_t delivered; /* [B] in all, when it left */
	p2v_usec delivered_time, first_sent;
	uint64_t ack_below; /* the ACK that it carried told of packets below this; 0: none */
	uint32_t refs;      /* first of its references, modulo the ring */
	uint16_t size;      /* [B] of the datagram */
	uint8_t n_refs;
	uint8_t state; /* SILENT: it asks for no ACK, and does not count as in flight */
	bool app_limited;
	bool mtu_probe; /* its loss says nothing about congestion: RFC 9000 14.4 */
};

struct p2v_lost_packet {
	uint64_t number;
	p2v_usec time;
};

struct p2v_recovery {
	/* Called for each reference of a packet. */
	void (*settle)(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate);
	void *ctx;

	struct p2v_sent *sent; /* ring of packets oldest … next - 1 */
	size_t sent_cap;       /* a power of two, or 0 */
	uint64_t oldest, next;
	struct p2v_ref *refs; /* ring, in the order of packets */
	size_t refs_cap;
	uint32_t refs_head, refs_tail; /* modulo 2^32; [tail, head) are in use */

	p2v_usec path_since; /* what left before took another path */

	bool any_acked;
	uint64_t largest_acked;
	uint64_t in_flight;      /* [B] */
	uint32_t open;           /* packets that are in flight */
	p2v_usec last_eliciting; /* when the newest such packet left */
	p2v_usec loss_time;      /* when the next packet will be lost by time; P2V_NEVER */

	p2v_usec srtt, rttvar, min_rtt, latest_rtt; /* [us] srtt 0: no sample yet */
	p2v_usec first_sample;                      /* when the first was taken; P2V_NEVER */
	p2v_usec max_ack_delay;                     /* [us] the remote's */
	uint32_t pto_count;

	p2v_usec run_start; /* RFC 9002 7.6: lost without a break since; P2V_NEVER */
	uint32_t packet_threshold, time_threshold;
	uint64_t spurious; /* packets that arrived although they were declared lost */
	uint32_t lost_n;   /* in all; the last P2V_LOST_KEPT are kept, in `lost` */
	uint64_t lost_bytes;
	uint32_t full;         /* [B] datagrams of this size and more are full */
	uint64_t full_arrived; /* one above the largest number of one that was acknowledged */

	uint64_t delivered; /* [B] acknowledged in all */
	p2v_usec delivered_time, first_sent;
	uint64_t app_limited_until; /* [B] delivered; 0: the application is not the limit */
	uint64_t rate;              /* [B/s] best of this window, and of the one before */
	uint64_t rate_before;
	p2v_usec rate_window; /* when this window began */

	struct p2v_lost_packet lost[P2V_LOST_KEPT]; /* last: the rest lies in few lines */
};

/** What came of an ACK or of a timer, in the terms of p2v_cc_ack and p2v_cc_loss. */
struct p2v_outcome {
	uint64_t acked_bytes;
	p2v_usec acked_sent; /* when the newest of them left */
	bool app_limited;
	p2v_usec rtt; /* [us] less the ACK delay; 0: no sample */
	p2v_usec owd; /* [us] plus an unknown constant; P2V_UNKNOWN */
	uint64_t lost_bytes;
	uint32_t lost_packets;
	p2v_usec lost_sent; /* when the newest of them left */
	bool persistent;
	uint64_t ack_below; /* the remote knows that we have seen the packets below this; 0 */
	uint32_t probe_acked, probe_lost; /* [B] of a probe for the path's MTU; 0: none */
	uint32_t full_lost; /* full packets of which none that left later has arrived */
	bool full_acked;    /* a full one arrived */
};

void p2v_recovery_init(struct p2v_recovery *r,
	void (*settle)(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate), void *ctx);
void p2v_recovery_fini(struct p2v_recovery *r);

/** Make room for one more packet.
 * @return P2V_OK; P2V_ENOMEM; P2V_ELIMIT: too many packets are open */
P2V_MUST_USE int p2v_recovery_reserve(struct p2v_recovery *r);
/** Note what the packet that is being made carries; at most P2V_PACKET_REFS, after reserve. */
void p2v_recovery_ref(struct p2v_recovery *r, const struct p2v_ref *ref);
/** The packet of number r->next left, with the references noted.
 * @param size       [B] of the datagram
 * @param elicits    it asks for an ACK
 * @param ack_below  one above the largest number that its ACK told of; 0: it carries none */
void p2v_recovery_sent(
	struct p2v_recovery *r, p2v_usec now, size_t size, bool elicits, uint64_t ack_below);
/** The packet that left last is a probe for the path's MTU. */
void p2v_recovery_mtu_probe(struct p2v_recovery *r);
/** The packet that was being made will not be sent. */
void p2v_recovery_abandon(struct p2v_recovery *r);

/** An ACK arrived.
 * @param stamp  the send timestamp of the packet that carried it
 * @param out    [out]
 * @return P2V_OK; P2V_EPROTO with err: it tells of what was never sent */
P2V_MUST_USE int p2v_recovery_ack(struct p2v_recovery *r, const struct p2v_frame_ack *a,
	uint32_t stamp, p2v_usec now, struct p2v_outcome *out, struct p2v_err *err);

/** @return when p2v_recovery_timeout wants to be called; P2V_NEVER */
p2v_usec p2v_recovery_deadline(const struct p2v_recovery *r);
/** Its time has come: declare losses, or ask for probes.
 * @param out  [out]
 * @return packets to send now without regard to the window: 0…2 */
unsigned p2v_recovery_timeout(struct p2v_recovery *r, p2v_usec now, struct p2v_outcome *out);

/** Give what the oldest open packets carry to `settle` for sending it once more, for probes; the
 * packets stay in flight.
 * @param packets  at most so many of them */
void p2v_recovery_requeue(struct p2v_recovery *r, unsigned packets);

/** The remote is at another address. What left before tells nothing of the path from now on (RFC
 * 9000 9.4), and no time-out is in a row with those before.
 * @param unknown  another host: round-trip times begin anew, too */
void p2v_recovery_new_path(struct p2v_recovery *r, p2v_usec now, bool unknown);

/** Nothing was left to send although the window was open. */
void p2v_recovery_app_limited(struct p2v_recovery *r);
/** @return [us] RFC 9002 6.2.1, without back-off */
p2v_usec p2v_recovery_pto(const struct p2v_recovery *r);
/** @return [B/s] of the best sample lately; 0: unknown */
uint64_t p2v_recovery_rate(const struct p2v_recovery *r);

#endif
