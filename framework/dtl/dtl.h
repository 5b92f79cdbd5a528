/* dtl.h - the transport's face: one UDP socket, the sessions on it, and their streams. Reliable,
 * ordered streams over encrypted datagrams, after QUIC (RFC 9000, RFC 9002); congestion control is
 * a plugin. See sdk/doc/protocol.md.
 *
 * Handles stay valid until their last upcall: `ended` for a stream, `closed` for a session (its
 * streams end first). No upcall runs inside a call to this interface, but for p2v_dtl_free, which
 * makes none. */
#ifndef P2V_DTL_DTL_H
#define P2V_DTL_DTL_H

#include "framework/base/node.h"
#include "framework/base/policy.h"
#include "framework/dtl/record.h"

struct p2v_dtl;
struct p2v_session;
struct p2v_stream;

enum { P2V_DTL_SESSIONS = 1024 }; /* more than an agent needs, and what strangers may take up */

/** Bound from [transport]. */
struct p2v_dtl_conf {
	p2v_usec handshake_timeout;
	p2v_usec idle_timeout;
	p2v_usec keep_alive;
	p2v_usec ack_delay;
	uint64_t session_window; /* [B] that a remote may have under way to us, all streams
				    together, at first */
	uint64_t stream_window;  /* [B] of one stream */
	uint64_t session_window_max, stream_window_max; /* [B] up to which they grow */
	uint64_t receive_memory; /* [B] by which all sessions' windows together may grow */
	uint32_t max_streams;    /* that a remote may have open at once */
	uint32_t max_sessions;   /* 0: P2V_DTL_SESSIONS */
	uint32_t datagram_max;   /* [B] of the largest datagram's payload that is tried */
	uint32_t spare_blocks;   /* of 16 KiB kept to receive into; 0: 64. No option: for a process
				    that has thousands of transports */
};
extern const struct p2v_option p2v_dtl_options[];

/* Reasons that travel in CLOSE and RESET; above 255: the application's own. */
enum p2v_dtl_code {
	P2V_DTL_DONE = 0,
	P2V_DTL_INTERNAL = 1,
	P2V_DTL_PROTOCOL = 2,     /* a packet that no correct end sends */
	P2V_DTL_FLOW = 3,         /* more than the window allowed */
	P2V_DTL_STREAM_LIMIT = 4, /* more streams than allowed */
	P2V_DTL_IDLE = 5,
	P2V_DTL_HANDSHAKE = 6,
	P2V_DTL_GOING_AWAY = 7, /* the node shuts down */
	P2V_DTL_BAD_VERSION = 8 /* of the transport: the ends have none in common */
};

struct p2v_dtl_handler {
	/** The handshake is done, either way. p2v_session_remote() tells who it is. */
	void (*opened)(void *ctx, struct p2v_session *s);
	/** Last upcall for s. why->code: P2V_ECLOSED the remote ended it, P2V_ECANCELED we did,
	 * P2V_ETIMEDOUT it went silent, P2V_EPERM the handshake was refused, P2V_EPROTO it broke
	 * the protocol. */
	void (*closed)(void *ctx, struct p2v_session *s, const struct p2v_err *why);
	/** The remote opened a stream. */
	void (*accepted)(void *ctx, struct p2v_session *s, struct p2v_stream *t);
	/** There is something to read, or the end of it. */
	void (*readable)(void *ctx, struct p2v_stream *t);
	/** What was written has mostly left: p2v_stream_unsent() fell below 32 KiB. */
	void (*writable)(void *ctx, struct p2v_stream *t);
	/** Last upcall for t. code: P2V_OK both directions ran to their end, all that came was
	 * consumed, and all that went was acknowledged; P2V_ECLOSED the remote cut it (reason
	 * tells); P2V_ECANCELED we cut it, or the session ended. Not called after
	 * p2v_stream_release(). */
	void (*ended)(void *ctx, struct p2v_stream *t, int code, uint64_t reason);
	/** A datagram of the class that RFC 7983 leaves us for probes (first byte 64…79). May be
	 * NULL. */
	void (*probe)(void *ctx, const struct p2v_addr *from, struct p2v_bytes b);
};

/** Open the node's one socket.
 * @param node     [in] outlives the transport
 * @param conf     [in] copied
 * @param records  [in] copied; what it points to outlives the transport
 * @param cc       [in] kind cc; outlives the transport
 * @param bind     [in] "::" is dual-stack
 * @param out      [out]
 * @return P2V_OK, P2V_ENOMEM, P2V_EIO (the place is taken, …), P2V_ECONF (options that contradict
 * each other) */
P2V_MUST_USE int p2v_dtl_new(struct p2v_node *node, const struct p2v_dtl_conf *conf,
	const struct p2v_records *records, struct p2v_policy *cc, const struct p2v_addr *bind,
	const struct p2v_dtl_handler *h, void *ctx, struct p2v_dtl **out, struct p2v_err *err);
/** Tell every remote (P2V_DTL_GOING_AWAY), close the socket, free everything. No upcalls; not from
 * within one. */
void p2v_dtl_free(struct p2v_dtl *d);
/** Where the socket is bound. */
struct p2v_addr p2v_dtl_bound(const struct p2v_dtl *d);
/** Send one probe datagram; its first byte is 64…79. */
void p2v_dtl_probe(struct p2v_dtl *d, const struct p2v_addr *to, struct p2v_bytes b);

/** Call a remote. `opened` or `closed` will tell.
 * @return P2V_OK, P2V_ENOMEM, P2V_ELIMIT (max_sessions), P2V_EPERM (no credentials), P2V_EAGAIN:
 * there is a session with that address already */
P2V_MUST_USE int p2v_dtl_dial(struct p2v_dtl *d, const struct p2v_addr *to,
	struct p2v_session **out, struct p2v_err *err);

struct p2v_session_info {
	struct p2v_addr addr;
	p2v_usec age;             /* [us] since it opened */
	p2v_usec silence;         /* [us] since something arrived that verified */
	p2v_usec srtt, min_rtt;   /* [us]; 0: no sample yet */
	p2v_usec queued;          /* [us] how much longer than possible what we send takes lately,
				     one way */
	uint64_t cwnd, in_flight; /* [B] */
	uint64_t pace;            /* [B/s] */
	uint64_t sent, received;  /* [B] of datagrams */
	uint64_t lost;            /* [B] declared lost */
	uint64_t resent;          /* [B] of streams, sent again */
	uint64_t delivery_rate; /* [B/s] lately acknowledged to us while we were sending; 0: unknown
				 */
	uint32_t pto_count;     /* probe time-outs in a row without an answer: 0 when all is well */
	bool dialled;           /* we called; both did: ours is the call that stands */
	uint32_t mtu;           /* [B] of the largest datagram's payload that the path carries */
	uint64_t receive_window; /* [B] that the remote may have under way to us */
};
void p2v_session_info(const struct p2v_session *s, struct p2v_session_info *out);
const struct p2v_remote *p2v_session_remote(
	const struct p2v_session *s); /* valid from `opened` on */
void p2v_session_set_user(struct p2v_session *s, void *user);
void *p2v_session_user(const struct p2v_session *s);
/** End it; `closed` will come with P2V_ECANCELED. What was written and not yet acknowledged is
 * lost.
 * @param text  [in] for the remote's log, at most 100 bytes */
void p2v_session_close(struct p2v_session *s, uint64_t code, const char *text);
/** Ask for a sign of life now (PING): info.pto_count will tell if none comes. */
void p2v_session_ping(struct p2v_session *s);

/** Open a stream, both directions.
 * @return P2V_OK, P2V_ENOMEM; P2V_EAGAIN: the remote allows no more now; P2V_ECLOSED */
P2V_MUST_USE int p2v_stream_open(struct p2v_session *s, struct p2v_stream **out);
struct p2v_session *p2v_stream_session(const struct p2v_stream *t);
void p2v_stream_set_user(struct p2v_stream *t, void *user);
void *p2v_stream_user(const struct p2v_stream *t);

/** How urgent this stream's own sending is, within its session and towards the network.
 * @param priority  0 scavenger … 1 one TCP … 4; starts at 1
 * @param deadline  absolute; among equals the earlier goes first; P2V_NEVER */
void p2v_stream_set_priority(struct p2v_stream *t, double priority, p2v_usec deadline);

/** Ask the remote to move the priority of its sending on this stream: whoever waits for the bytes
 * knows best how urgent they are. The latest wish counts; it travels in a PRIORITY frame.
 * @param priority  0…4
 * @param deadline  absolute, of our clock; P2V_NEVER */
void p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline);

/** @return whether the remote asked so for this stream: its wish is newer than any that it wrote
 * into the stream before. */
bool p2v_stream_moved(const struct p2v_stream *t);

/** Append to what is sent. Takes the slice's reference, also on error. @return P2V_OK, P2V_ENOMEM,
 * P2V_ECLOSED */
P2V_MUST_USE int p2v_stream_write(struct p2v_stream *t, struct p2v_slice s);
/** @return [B] written and not sent for a first time yet: writers keep this small, and wait for
 * `writable` */
size_t p2v_stream_unsent(const struct p2v_stream *t);
/** Nothing more will be written. */
void p2v_stream_finish(struct p2v_stream *t);
/** Cut our direction short; the remote gets the code. Also tells it to stop sending. */
void p2v_stream_reset(struct p2v_stream *t, uint64_t code);

/** Bytes that arrived in order and were not consumed, as far as they lie together.
 * @param p  [out] borrowed until the next call for t
 * @return [B] at *p; 0: none now */
size_t p2v_stream_peek(const struct p2v_stream *t, const uint8_t **p);
/** What peek shows, to keep: a transport that was handed a buffer, and not its bytes packet by
 * packet, spares whoever wants all of it the copy.
 * @return a slice of just these bytes, with a reference of the caller's own; .buf NULL: they lie in
 * the transport's own memory, so they have to be copied */
struct p2v_slice p2v_stream_peek_slice(const struct p2v_stream *t);
/** Have done with n bytes of what peek showed; the remote may send as many more. */
void p2v_stream_consume(struct p2v_stream *t, size_t n);
/** @return whether the remote finished and all of it was consumed */
bool p2v_stream_eof(const struct p2v_stream *t);
/** Forget the handle: no more upcalls for it. What was written and finished is still delivered, and
 * a remote that still sends is told to stop (P2V_DTL_DONE); if it was not finished, both directions
 * are cut. */
void p2v_stream_release(struct p2v_stream *t);

#endif
