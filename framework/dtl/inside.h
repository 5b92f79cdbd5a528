/* inside.h - what the files of the transport share with each other, and with nobody else: the
 * endpoint, its sessions, their streams. */
#ifndef P2V_DTL_INSIDE_H
#define P2V_DTL_INSIDE_H

#include <peer2view/cc.h>
#include "framework/base/hash.h"
#include "framework/base/list.h"
#include "framework/dtl/ack.h"
#include "framework/dtl/cids.h"
#include "framework/dtl/dtl.h"
#include "framework/dtl/outbox.h"
#include "framework/dtl/path.h"
#include "framework/dtl/pmtu.h"
#include "framework/dtl/recovery.h"
#include "framework/dtl/recvq.h"
#include "framework/dtl/sendq.h"
#include "framework/dtl/window.h"

enum {
	P2V_WRITABLE_BELOW = 32 * 1024, /* [B] unsent, from which on `writable` is told */
	P2V_WINDOW_STEPS = 8,           /* a window moves when such a part of it was consumed */
	P2V_FLUSH_PACKETS = 64,         /* that one session sends before others have their turn */
	P2V_FULL_SLACK = 24,            /* [B] that a packet which is full may leave free */
	P2V_EXPECT_PTOS = 2, /* probe time-outs of silence in which more should have come */
	P2V_LAST_STREAMS = 4 /* that a session finds without looking into its table */
};

#define P2V_EXPECT_MIN (250 * P2V_MSEC)

/* What an end may use before it has seen the remote's SETTINGS. */
#define P2V_EARLY_STREAMS     UINT64_C(16)
#define P2V_EARLY_STREAM_DATA UINT64_C(65536)
#define P2V_EARLY_DATA        UINT64_C(262144)

enum p2v_ref_kind {
	P2V_REF_STREAM = 0,
	P2V_REF_RESET,
	P2V_REF_STOP,
	P2V_REF_MAX_STREAM_DATA,
	P2V_REF_PRIORITY,
	P2V_REF_SETTINGS,
	P2V_REF_MAX_DATA,
	P2V_REF_MAX_STREAMS
};

/* Frames that wait to be sent, of a session or of a stream. */
enum {
	P2V_DUE_SETTINGS = 1u << 0,
	P2V_DUE_MAX_DATA = 1u << 1,
	P2V_DUE_MAX_STREAMS = 1u << 2,
	P2V_DUE_PING = 1u << 3,
	P2V_DUE_RESET = 1u << 4,
	P2V_DUE_STOP = 1u << 5,
	P2V_DUE_MAX_STREAM_DATA = 1u << 6,
	P2V_DUE_PRIORITY = 1u << 7
};

/* Upcalls that wait for the end of the turn. */
enum {
	P2V_TELL_ACCEPTED = 1u << 0,
	P2V_TELL_READABLE = 1u << 1,
	P2V_TELL_WRITABLE = 1u << 2,
	P2V_TELL_ENDED = 1u << 3
};

struct p2v_dtl {
	struct p2v_node *node;
	struct p2v_dtl_conf conf;
	struct p2v_records records;
	struct p2v_policy *cc;
	struct p2v_dtl_handler handler;
	void *ctx;
	struct p2v_udp *udp;
	struct p2v_addr bound;
	struct p2v_session *by_addr; /* hash; a session's heir is not in it */
	struct p2v_cids cids;        /* those that are up, by what their remotes' packets carry */
	struct p2v_pair *pairs;      /* hash: hosts with sessions that are up */
	struct p2v_list all, lingering;
	struct p2v_list busy;    /* sessions with something to do before the turn ends */
	struct p2v_list later;   /* sessions that have more to send than one turn takes */
	struct p2v_list stalled; /* sessions that wait for the socket */
	struct p2v_list shaking; /* called by strangers, in the order in which they began */
	size_t n_sessions, n_shaking;
	uint64_t
		grown; /* [B] that all sessions take of receive_memory: the sum of their `excess` */
	struct p2v_timer turn;
	bool turning; /* between p2v_dtl_begin and the end of p2v_dtl_finish */
	struct p2v_outbox out;
	struct p2v_recv_pool recv_pool;
};

enum p2v_session_state {
	P2V_SESSION_SHAKES = 0,
	P2V_SESSION_UP,
	P2V_SESSION_ENDED,  /* `closed` is to be told */
	P2V_SESSION_LINGERS /* told; what still arrives is answered with CLOSE */
};

/* What every packet needs comes first: a node has tens of sessions, and looks at another one with
 * almost every datagram. */
struct p2v_session {
	struct p2v_dtl *dtl;
	struct p2v_record *record;
	struct p2v_addr addr;
	uint32_t cid; /* of the record; where two sessions have the same, the second is not in
			 `cids` and cannot move */
	enum p2v_session_state state;
	UT_hash_handle hh; /* in by_addr */
	struct p2v_record_up up;
	struct p2v_list in_busy;
	struct p2v_timer timer;
	p2v_usec armed;  /* when the timer is due; P2V_NEVER */
	p2v_usec next;   /* when something is to be done, as of its last turn; not before `armed` */
	p2v_usec born;   /* when the handshake began, then when it ended */
	p2v_usec heard;  /* when something arrived that verified */
	p2v_usec pinged; /* when the last keep-alive left */
	p2v_usec pruned; /* when an ACK was last sent with a PING */
	bool dialled;
	bool known;       /* the handler has heard of it: p2v_dtl_dial or `opened` */
	bool tell_opened; /* `opened` is to be told */
	bool expects;     /* the last bytes that arrived filled their packet: more should follow */
	bool refused;     /* there is no memory for the packet that is being worked on */
	bool priority_moved;     /* look whether it is still right */
	bool cid_known;          /* it is in `cids` */
	unsigned probes;         /* packets to send without regard to the window */
	unsigned due;            /* P2V_DUE_* */
	uint32_t mtu;            /* [B] of a datagram's payload: pmtu.mtu */
	uint64_t sent, received; /* [B] of datagrams */

	/* congestion */
	void *cc;
	struct p2v_cc_view view;
	int64_t tokens;    /* [B * us] that may be sent now */
	p2v_usec paced;    /* up to when tokens were given out */
	p2v_usec pace_due; /* when there will be enough; P2V_NEVER */
	double priority;   /* as the controller has it */
	double wanted;     /* as the streams want it */
	struct p2v_pair *pair;
	double weight, part; /* that it counts among the sessions to its host, and that it gets */

	/* streams */
	struct p2v_list ready, control, events;
	struct p2v_stream *last[P2V_LAST_STREAMS]; /* found, by the low bits of their numbers */
	struct p2v_stream *by_id;
	struct p2v_list streams, zombies;

	/* flow: [B] of all streams together */
	uint64_t data_sent, data_max;
	uint64_t data_got, data_limit, data_done;
	uint64_t data_window; /* [B] that the remote may have under way to us */
	uint64_t excess;      /* [B] that it takes of receive_memory */
	p2v_usec rest_due;    /* when growth that was not used is given back; P2V_NEVER */
	size_t holes;         /* in what its streams received */
	struct p2v_window_use data_use;

	/* packets */
	struct p2v_path path;
	struct p2v_pmtu pmtu;
	p2v_usec
		owd_least[2]; /* one-way delay, plus a constant: of this half minute, of the last */
	p2v_usec owd_turn;    /* when the half minute began; 0: no sample yet */
	p2v_usec queued;
	struct p2v_acks acks;
	struct p2v_recovery recovery;

	/* what is seldom looked at */
	uint64_t opened_local, opened_remote;
	uint64_t max_local, max_remote; /* streams that may be opened, in all */
	uint64_t remote_stream_data;    /* that the remote grants a new stream */
	uint64_t stream_window;         /* [B] that the remote may have under way on a stream */
	uint64_t stream_told;           /* [B] … on a new one: the most that SETTINGS ever told */
	uint64_t resent;                /* [B] of streams */
	uint64_t replies;               /* datagrams that arrived while it lingers */
	struct p2v_session *heir;       /* the remote calls anew while this session lives */
	struct p2v_session *elder;      /* the session that this one will replace */
	void *user;
	struct p2v_list in_all, in_lingering, in_shaking, in_pair;

	/* how it ended */
	struct p2v_err *why; /* NULL: it has not, or there was no memory for it */
	int why_code;
	uint64_t close_code;
	bool close_told;  /* the remote is told */
	p2v_usec gone_at; /* when lingering ends */
};

/* As above: first what every frame needs. */
struct p2v_stream {
	struct p2v_session *session;
	uint64_t id;
	uint32_t refs; /* in packets under way */
	unsigned due;  /* P2V_DUE_* */
	unsigned tell; /* P2V_TELL_* */
	bool send_cut; /* nothing more is sent but RESET */
	bool reset_acked;
	bool recv_cut; /* what arrives is dropped */
	bool released; /* the handle is dead */
	bool closed;   /* out of the session's tables; it waits for its references */
	bool over;     /* how it ended is known */
	bool cut_by_remote, cut_by_us;
	void *user;
	struct p2v_list in_events;

	struct p2v_recvq recv;
	uint64_t recv_limit; /* [B] our window, as the remote knows it */
	struct p2v_window_use recv_use;

	double priority;
	p2v_usec deadline;
	struct p2v_list in_ready;
	uint64_t send_limit; /* [B] the remote's window */
	struct p2v_sendq send;

	struct p2v_list in_session, in_control;
	UT_hash_handle hh;
	uint64_t reset_code, stop_code;
	double asked_priority; /* what the remote is asked for */
	p2v_usec asked_deadline;
	uint64_t priority_from; /* one above the number of the packet that last moved it */
	int over_code;
	uint64_t over_reason;
	uint64_t cut_code;
};

/* ---- endpoint.c ---- */

/** Serve this session before the turn ends, or in a turn of its own now. */
void p2v_session_wake(struct p2v_session *s);
/** Take a session out of every table and free it. */
void p2v_session_free(struct p2v_session *s);
/** Its packets may come from any address from now on, by their connection id. */
void p2v_session_known(struct p2v_session *s);
/** Its packets are nobody's from now on, but where they come from its address. */
void p2v_session_forget(struct p2v_session *s);
/** The remote is at another address from now on. Whoever had that address is there no more. */
void p2v_session_move(struct p2v_session *s, const struct p2v_addr *to, p2v_usec now);
/** A call from the world begins: what wakes until p2v_dtl_finish is served there. */
void p2v_dtl_begin(struct p2v_dtl *d);
/** It ends: upcalls, packets, one send. */
void p2v_dtl_finish(struct p2v_dtl *d);

/* ---- connection.c ---- */

/** @return NULL: no memory. In `all`, not in the hash; without a record. */
struct p2v_session *p2v_session_new(struct p2v_dtl *d, const struct p2v_addr *addr, bool dialled);
/** Free what the session holds, but not the session. */
void p2v_session_fini(struct p2v_session *s);
/** The path carries datagrams of another size now: follow it. */
void p2v_session_mtu(struct p2v_session *s);
/** Work on a datagram of this session's remote.
 * @param from  [in] another address than the remote's, or NULL */
void p2v_session_input(
	struct p2v_session *s, const struct p2v_addr *from, const uint8_t *p, size_t n);
/** The path to the remote is another one.
 * @param host  the remote's host is another one too: nothing is known of the path */
void p2v_session_new_path(struct p2v_session *s, p2v_usec now, bool host);
/** The record layer may have changed its state: follow it. */
void p2v_session_follow(struct p2v_session *s);
/** End it: `closed` will be told at the end of the turn.
 * @param code  P2V_E*
 * @param wire  what CLOSE tells the remote; P2V_CLOSE_SILENT: it is not told */
void p2v_session_end(struct p2v_session *s, int code, uint64_t wire, const char *fmt, ...)
	P2V_PRINTF(4, 5);
#define P2V_CLOSE_SILENT UINT64_MAX
/** Upcalls, packets, timers of one session. It may be freed. */
void p2v_session_serve(struct p2v_session *s);

/* ---- incoming.c ---- */

/** One packet arrived, authenticated. */
void p2v_session_packet(struct p2v_session *s, const uint8_t *p, size_t n);
/** Tell the controller what came of an ACK or of a timer. */
void p2v_session_outcome(struct p2v_session *s, const struct p2v_outcome *o);

/* ---- outgoing.c ---- */

/** Send what may be sent. */
void p2v_session_flush(struct p2v_session *s);
/** @return [B/s] at which packets leave; 0: without a limit */
uint64_t p2v_session_rate(const struct p2v_session *s);
/** Send one frame in a packet of its own, which is not sent again. */
void p2v_session_send_apart(
	struct p2v_session *s, p2v_usec now, const struct p2v_addr *to, const struct p2v_frame *f);
/** Send CLOSE, as s->close_code and s->why have it. */
void p2v_session_send_close(struct p2v_session *s);
/** What became of a reference's packet; of struct p2v_recovery. */
void p2v_session_settle(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate);

/* ---- stream.c ---- */

/** @return where a session remembers the stream of that number, when it was the last one found of
 * those that share the place */
static inline struct p2v_stream **p2v_stream_last(struct p2v_session *s, uint64_t id)
{
	return &s->last[(id >> 2 ^ id << 1) % P2V_LAST_STREAMS];
}
/** The session remembers it no more. */
static inline void p2v_stream_forget(struct p2v_stream *t)
{
	struct p2v_stream **last = p2v_stream_last(t->session, t->id);

	if (*last == t)
		*last = NULL;
}

/** @return a stream in the session's tables; NULL: no memory */
struct p2v_stream *p2v_stream_new(struct p2v_session *s, uint64_t id);
void p2v_stream_free(struct p2v_stream *t);
/** Have an upcall made at the end of the turn. */
void p2v_stream_tell(struct p2v_stream *t, unsigned what);
/** Have frames sent. */
void p2v_stream_due(struct p2v_stream *t, unsigned what);
/** Drop what was not sent, and send RESET. */
void p2v_stream_cut_send(struct p2v_stream *t, uint64_t code);
/** Drop what was received and what still comes. */
void p2v_stream_cut_recv(struct p2v_stream *t);
/** Something changed: see whether the stream has ended, and whether it can go. It may be freed when
 * no packet under way knows it. */
void p2v_stream_check(struct p2v_stream *t);

/* ---- shaking.c ---- */

/** @return whether one more caller's handshake may begin; the oldest may have to give way to it */
bool p2v_shaking_room(const struct p2v_dtl *d);
/** A caller has proven its address, and its handshake begins. Where there are too many the oldest
 * is freed. */
void p2v_shaking_enter(struct p2v_session *s);
/** It has ended, well or not; of a session that is not in one, nothing. */
void p2v_shaking_leave(struct p2v_session *s);

/* ---- flow.c ---- */

/** The session's window moves on: n bytes are done with. */
void p2v_session_credit(struct p2v_session *s, uint64_t n);
/** The stream's window moves on: what was consumed is done with. */
void p2v_stream_credit(struct p2v_stream *t);
/** Bytes arrived, or the window changed: keep count of what the session takes of receive_memory. */
void p2v_flow_account(struct p2v_session *s);
/** @param more  [B] beyond all that its streams have named
 * @return whether there is memory for them. Where the window was not given back there always is;
 * what breaks a window's rule is for others to judge. */
bool p2v_flow_room(const struct p2v_session *s, uint64_t more);
/** s->rest_due has come: give back what the windows grew by and do not need. */
void p2v_flow_rest(struct p2v_session *s, p2v_usec now);

#endif
