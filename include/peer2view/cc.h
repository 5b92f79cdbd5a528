/* cc.h - kind `cc`: how fast to send to a peer, and at which priority. One state per connection.
 * The transport (framework/dtl) does loss detection and RTT estimation by RFC 9002; a controller
 * only answers with a window. */
#ifndef PEER2VIEW_CC_H
#define PEER2VIEW_CC_H

#include <peer2view/env.h>

#define P2V_CC_ABI 1

enum { P2V_CC_CAP_PRIORITY = 1u << 0 }; /* set_priority changes what on_ack and on_loss do */

/** One or more packets were newly acknowledged. */
struct p2v_cc_ack {
	p2v_usec now;
	p2v_usec sent;      /* when the newest of them was sent */
	uint64_t bytes;     /* [B] newly acknowledged, of packets that count as in flight */
	uint64_t in_flight; /* [B] left in flight after this ACK */
	p2v_usec rtt;       /* [us] sample of this ACK less the peer's ACK delay; 0: no sample */
	p2v_usec srtt;      /* [us] smoothed, RFC 9002 5.3 */
	p2v_usec min_rtt;   /* [us] */
	p2v_usec owd;       /* [us] one-way delay plus an unknown constant; P2V_UNKNOWN: none */
	bool app_limited;   /* the window was not the limit when they were sent */
};

/** One or more packets were declared lost. */
struct p2v_cc_loss {
	p2v_usec now;
	p2v_usec sent;      /* when the newest of them was sent */
	uint64_t bytes;     /* [B] of them */
	uint32_t packets;   /* number of them */
	uint64_t in_flight; /* [B] left in flight */
	p2v_usec srtt;
	bool persistent; /* persistent congestion, RFC 9002 7.6 */
};

/** What the controller allows now. */
struct p2v_cc_view {
	uint64_t cwnd;     /* [B] */
	uint64_t pace;     /* [B/s]; 0: the host paces at a little over cwnd per srtt */
	uint64_t ssthresh; /* [B]; UINT64_MAX while unknown; for the record only */
	/** [B] What a scavenger would have in flight here, at most cwnd. While something more
	 * urgent is under way on the connection, bytes of a priority below P2V_CC_SCAVENGER leave
	 * only while the flight is below this. 0: the controller has no such window. */
	uint64_t scavenger;
};

#define P2V_CC_SCAVENGER 0.1 /* priorities below this are a scavenger's */

struct p2v_cc_ops {
	uint32_t size; /* [B] of this struct as the plugin saw it */

	/** Start in slow start with the initial window.
	 * @param st    [inout] zeroed state of state_size bytes
	 * @param env   [in] outlives the state
	 * @param conf  [in] bound options, const for the state's life
	 * @param mss   [B] largest packet now; see set_mss
	 * @return P2V_OK or P2V_E* with err filled */
	int (*open)(void *st, const struct p2v_env *env, const void *conf, uint32_t mss,
		struct p2v_err *err);
	void (*close)(void *st); /* may be NULL */

	/** A packet that counts as in flight left. May be NULL.
	 * @param bytes      [B] of it
	 * @param in_flight  [B] with it */
	void (*on_sent)(void *st, p2v_usec now, uint32_t bytes, uint64_t in_flight);
	void (*on_ack)(void *st, const struct p2v_cc_ack *ack);
	void (*on_loss)(void *st, const struct p2v_cc_loss *loss);

	/** Packets sent at or before `sent` carried marks of congestion (ECN). May be NULL. */
	void (*on_ecn)(void *st, p2v_usec now, p2v_usec sent);

	/** 0 scavenger … 1 one TCP … 4 four TCPs; any real number between. May be NULL. */
	void (*set_priority)(void *st, p2v_usec now, double priority);

	/** The path carries packets of another size now (RFC 8899). May be NULL. */
	void (*set_mss)(void *st, uint32_t mss);

	void (*view)(const void *st, struct p2v_cc_view *out);
};

#endif
