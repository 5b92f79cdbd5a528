/* talk.h - messages on a stream: the control stream between two nodes, and between a node and its
 * tracker. Transfers, whose bytes go straight into chunks, are delivery's own. */
#ifndef P2V_OVERLAY_TALK_H
#define P2V_OVERLAY_TALK_H

#include "framework/dtl/dtl.h"
#include "framework/overlay/messages.h"

#define P2V_TALK_BACKLOG \
	(512u << 10) /* [B] unsent; a remote that lets more pile up is not listening */

/** Whoever owns a stream: every stream's user pointer is one of these, so that one set of upcalls
 * serves all. */
struct p2v_stream_owner {
	void (*readable)(struct p2v_stream_owner *o, struct p2v_stream *t);
	void (*writable)(struct p2v_stream_owner *o, struct p2v_stream *t);
	void (*ended)(struct p2v_stream_owner *o, struct p2v_stream *t, int code, uint64_t reason);
};

/** One conversation. Embedded; zeroed before the first use. Its owner frees it when the session is
 * closed, never in one of its own upcalls. */
struct p2v_talk {
	struct p2v_stream_owner owner;
	struct p2v_stream *stream; /* NULL: none, or over */
	struct p2v_text in;        /* a message that is not whole yet */
	void *user;
	/** One message. The talk may be closed in it. */
	void (*message)(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg);
	/** It ended, or the remote broke the protocol (err); not called after p2v_talk_close. */
	void (*broken)(struct p2v_talk *k, const struct p2v_err *err);
};

/** Take over a stream, one's own or one that was accepted. The caller has set user, message and
 * broken. */
void p2v_talk_begin(struct p2v_talk *k, struct p2v_stream *t);
/** @return P2V_OK; P2V_ECLOSED; P2V_ELIMIT: the remote does not read; P2V_ENOMEM */
int p2v_talk_send(struct p2v_talk *k, enum p2v_message number, const void *msg);
/** The same in two steps, for what several are told.
 * @param out  [out] a slice of its own; empty on error
 * @return P2V_OK; P2V_ELIMIT: it is too long; P2V_ENOMEM */
P2V_MUST_USE int p2v_talk_encode(enum p2v_message number, const void *msg, struct p2v_slice *out);
/** @param s  [in] takes the reference, also on error @return as p2v_talk_send */
P2V_MUST_USE int p2v_talk_write(struct p2v_talk *k, struct p2v_slice s);
void p2v_talk_close(struct p2v_talk *k);

#endif
