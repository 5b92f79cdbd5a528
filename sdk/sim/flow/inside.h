/* inside.h - the twin of the transport: framework/dtl/dtl.h made of flows instead of packets, for
 * programs that are linked with it in framework/dtl's place. What its files share with each other.
 *
 * What is as in the real one: the interface's laws and the order of upcalls, handshakes (the same
 * record layer, as real datagrams), the order of streams within a session, priorities, windows of
 * streams, limits, time-outs, back-pressure. What is not: packets. A session's bytes in one
 * direction are one flow (sdk/sim/sender.h); what is small goes beside it, as a message that takes
 * its time and its part of the links. A slice that is written is handed to the reader as it is. */
#ifndef P2V_SIM_FLOW_INSIDE_H
#define P2V_SIM_FLOW_INSIDE_H

#include <peer2view/cc.h>
#include "framework/dtl/dtl.h"
#include "sdk/sim/inside.h"
#include "sdk/sim/sender.h"

enum {
	P2V_FLOW_WRITABLE = 32 * 1024, /* [B] unsent, from which on `writable` is told */
	P2V_FLOW_SMALL = 2048,         /* [B] that go beside the flow, as one message */
	P2V_FLOW_LEAST = 1427,         /* [B] of a part of a slice that arrives by itself */
	P2V_FLOW_PIECE = 4096,         /* [B] and more arrive at once */
	P2V_FLOW_PARCEL = 65536        /* [B] that arrive at once at most, but for one slice */
};

/* Wire: a datagram of 1472 B has 28 B of IP and UDP around it, and in it 27 B of record, and about
 * 18 B of packet and frame. */
#define P2V_FLOW_SEGMENT 1500.0
#define P2V_FLOW_PAYLOAD 1427.0
#define P2V_FLOW_FIRST   1228.0 /* … before the path is known to carry more: RFC 8899 */
#define P2V_FLOW_WIRE    (P2V_FLOW_SEGMENT / P2V_FLOW_PAYLOAD)
#define P2V_FLOW_ACK     95u /* [B] of a packet that only acknowledges, with all its headers */
#define P2V_FLOW_HEAD    73u /* [B] of headers of any other packet */

/* Upcalls that wait for the end of the turn. */
enum {
	P2V_FLOW_ACCEPTED = 1u << 0,
	P2V_FLOW_READABLE = 1u << 1,
	P2V_FLOW_TELL_WRITABLE = 1u << 2,
	P2V_FLOW_OVER = 1u << 3
};

struct p2v_dtl {
	struct p2v_node *node;
	struct p2v_machine *machine;
	struct p2v_sim *sim;
	struct p2v_dtl_conf conf;
	struct p2v_records records;
	bool weighs; /* the controller knows priorities */
	struct p2v_dtl_handler handler;
	void *ctx;
	struct p2v_udp *udp;
	struct p2v_addr bound;
	struct p2v_session *by_addr; /* hash */
	struct p2v_list all;
	struct p2v_list busy; /* sessions with upcalls to make */
	size_t n_sessions;
	struct p2v_event turn;
	bool turning;
};

enum p2v_flow_state { P2V_FLOW_SHAKES = 0, P2V_FLOW_UP, P2V_FLOW_ENDED };

/** In lines of the cache: what an arrival needs; what sending needs, and who looks at the path; the
 * rest. */
struct p2v_session {
	_Alignas(P2V_LINE) struct p2v_dtl *dtl;
	struct p2v_session *peer; /* its other end; NULL: not known, or gone */
	void *user;
	p2v_usec heard;
	uint64_t small_sent, received; /* [B] on the wire, beside the flow; and in all */
	struct p2v_stream *head;       /* whose bytes are passing */
	uint8_t state;                 /* enum p2v_flow_state */
	bool dialled, known, tell_opened, close_told;
	struct p2v_list in_busy, events;
	struct p2v_list coming; /* parcels that are to arrive here */
	struct p2v_list ready;
	_Alignas(P2V_LINE) struct p2v_sender sender;
	p2v_usec born;
	p2v_usec silent; /* since when a remote that should answer does not; -1: it does */
	struct p2v_addr addr;
	uint32_t pto_count;
	struct p2v_late late; /* its sending is to be looked at */
	double stray;         /* [B] on the wire, under way when their stream was cut */
	p2v_usec crossed;     /* when boxes last let a datagram through; -1: never */
	struct p2v_list streams;
	uint64_t open_local; /* streams that we opened and that have not gone */

	struct p2v_list in_all;
	struct p2v_list early; /* parcels that came before the handshake's end */
	struct p2v_record *record;
	struct p2v_err *why; /* it ended; NULL: it has not, or there was no memory */
	uint64_t close_code;
	uint64_t number;        /* unlike any other in the run */
	uint64_t remote_number; /* 0: not known yet */
	UT_hash_handle hh;
	UT_hash_handle by_number; /* in the run's */
	struct p2v_record_up up;
	struct p2v_event timer; /* of the handshake; then of a remote that is silent */
	struct p2v_event keep;  /* packets that keep a session known to NAT boxes */
};

/** A slice on its way. */
struct p2v_flow_piece {
	struct p2v_list at;
	struct p2v_slice s;
};

/** In lines of the cache: what everybody asks for; what turns need; the rest. */
struct p2v_stream {
	struct p2v_session *session; /* NULL: it is gone, and only parcels hold the stream */
	struct p2v_stream *other;    /* the remote's end; NULL: not there yet, or gone */
	void *user;
	struct p2v_list in; /* pieces that were not consumed */
	uint64_t queued;    /* [B] in `out` */
	double passed;      /* [B] of the first of them, on the wire */
	uint32_t refs;      /* parcels, and upcalls under way */
	uint8_t tell;
	bool other_gone : 1, local : 1;  /* local: we opened it */
	bool finished : 1, fin_left : 1; /* nothing more is written; the end is on its way */
	bool fin_acked : 1, was_full : 1;
	bool send_cut : 1, cut_acked : 1;
	bool moved : 1; /* the remote asked for another priority */
	bool fin_came : 1, recv_cut : 1;
	bool released : 1, closed : 1, over : 1;
	bool cut_by_remote : 1, cut_by_us : 1;

	struct p2v_list out; /* pieces */
	struct p2v_list in_ready;
	struct p2v_list in_events;
	double priority;
	p2v_usec deadline;

	uint64_t ahead;   /* [B] that the remote has not consumed yet, as far as sent */
	p2v_usec arrival; /* of the last parcel that left */
	struct p2v_list in_session;
	double asked_priority; /* asked: of the remote */
	p2v_usec asked_deadline;
	uint64_t cut_code;
	int over_code;
};

enum p2v_parcel_kind {
	P2V_PARCEL_DATA = 0,
	P2V_PARCEL_RESET,
	P2V_PARCEL_STOP,
	P2V_PARCEL_PRIORITY,
	P2V_PARCEL_ACKED, /* the end of what was sent arrived, or the reset */
	P2V_PARCEL_CLOSE
};

/** Something that arrives at the other end of a session: two lines of the cache. */
struct p2v_parcel {
	struct p2v_event event;
	struct p2v_list at; /* in `coming` or `early` of the session where it arrives */
	struct p2v_session *to;
	struct p2v_stream *from; /* the sender's end, held; NULL: it is about the session */
	union {
		struct p2v_list pieces; /* of DATA */
		struct {                /* of PRIORITY */
			double priority;
			p2v_usec deadline;
		};
		struct { /* of RESET, STOP, ACKED; of CLOSE, whose text it owns */
			uint64_t code;
			char *text;
		};
	};
	uint32_t bytes; /* of payload */
	uint8_t kind;   /* enum p2v_parcel_kind */
	bool fin;
};

/* ---- endpoint.c ---- */

/** Make a session's upcalls before the turn ends, or in a turn of its own now. */
void p2v_flow_wake(struct p2v_session *s);
/** An event begins: what wakes until p2v_flow_finish is served there. */
void p2v_flow_begin(struct p2v_dtl *d);
void p2v_flow_finish(struct p2v_dtl *d);
/** Take a session out of the table of addresses. */
void p2v_flow_forget(struct p2v_session *s);
/** The remote's datagrams come from there now. */
void p2v_flow_moved(struct p2v_session *s, const struct p2v_addr *addr);
/** Send a datagram of the record layer. */
void p2v_flow_emit(
	struct p2v_dtl *d, const struct p2v_addr *to, uint64_t number, const uint8_t *p, size_t n);

/* ---- session.c ---- */

/** @return NULL: no memory. In `all`, not in the hash; without a record. */
struct p2v_session *p2v_flow_session_new(
	struct p2v_dtl *d, const struct p2v_addr *addr, bool dialled);
/** Take a session out of every table and free it. */
void p2v_flow_session_free(struct p2v_session *s);
/** The record layer may have changed its state: follow it. */
void p2v_flow_follow(struct p2v_session *s);
#define P2V_FLOW_SILENT UINT64_MAX
void p2v_flow_end(struct p2v_session *s, int code, uint64_t wire, const char *fmt, ...)
	P2V_PRINTF(4, 5);
/** Tell the remote, as s->close_code and s->why have it. */
void p2v_flow_send_close(struct p2v_session *s);
/** Upcalls of one session. It may be freed. */
void p2v_flow_serve(struct p2v_session *s);
/** The remote does not answer: from now on its silence counts. */
void p2v_flow_unheard(struct p2v_session *s);
/** @return whether what is sent now would be heard */
bool p2v_flow_reaches(struct p2v_session *s);
/** The part of it that NAT boxes have, who remember the datagram. The session has a peer. */
bool p2v_flow_passes(struct p2v_session *s);

/* ---- parcel.c ---- */

/** @return NULL: no memory, or there is nobody to send it to */
struct p2v_parcel *p2v_parcel_new(
	struct p2v_session *by, struct p2v_stream *from, enum p2v_parcel_kind kind);
void p2v_parcel_free(struct p2v_parcel *k);
/** Send it; never before what the stream sent before. */
void p2v_parcel_at(struct p2v_parcel *k, p2v_usec due);
/** Send something without payload, beside the flow. */
void p2v_parcel_send(
	struct p2v_session *by, struct p2v_stream *from, enum p2v_parcel_kind kind, uint64_t code);
/** The handshake is over: what came before its end arrives. */
void p2v_parcel_early(struct p2v_session *s);

/* ---- outgoing.c ---- */

extern const struct p2v_sender_kind p2v_flow_sender;
/** Count a message of n bytes of payload, and its acknowledgement. The session has a peer.
 * @return when it is there */
p2v_usec p2v_flow_message(struct p2v_session *s, size_t n);
/** The stream has something to send, or no longer, or its place in the order changed. */
void p2v_flow_schedule(struct p2v_stream *t);
/** The stream is cut: what is under way of it arrives for nothing. */
void p2v_flow_strand(struct p2v_stream *t);
/** Look at what the session sends before time goes on. */
void p2v_flow_stir(struct p2v_session *s);
/** As p2v_flow_stir: what is behind it. */
extern const struct p2v_late_kind p2v_flow_late;
void p2v_flow_drop_piece(struct p2v_sim *s, struct p2v_flow_piece *p);
void p2v_flow_drop_pieces(struct p2v_sim *s, struct p2v_list *pieces);

/* ---- stream.c ---- */

struct p2v_stream *p2v_flow_stream_new(struct p2v_session *s, bool local);
/** The session goes: the stream goes too, once no parcel holds it. */
void p2v_flow_stream_orphan(struct p2v_stream *t);
void p2v_flow_stream_unref(struct p2v_sim *s, struct p2v_stream *t);
void p2v_flow_tell(struct p2v_stream *t, unsigned what);
void p2v_flow_cut_send(struct p2v_stream *t, uint64_t code);
void p2v_flow_cut_recv(struct p2v_stream *t);
/** @return why it ended: with `over_code`, for its upcall */
uint64_t p2v_flow_reason(const struct p2v_stream *t);
/** Something changed: see whether the stream has ended, and whether it can go. */
void p2v_flow_check(struct p2v_stream *t);

#endif
