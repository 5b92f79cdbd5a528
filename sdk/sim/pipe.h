/* pipe.h - one connection of the virtual network, as HTTP uses it: requests one way, responses
 * the other, one exchange at a time. For http.c (the client's end) and httpd.c (the server's). */
#ifndef P2V_SIM_PIPE_H
#define P2V_SIM_PIPE_H

#include "sdk/sim/inside.h"
#include "sdk/sim/sender.h"

struct p2v_sim_exchange;

/** What a server said before the body. One allocation. */
struct p2v_sim_head {
	uint32_t status;
	uint64_t length; /* [B]; P2V_LENGTH_UNKNOWN */
	bool bodyless;   /* no body follows, whatever the length says */
	size_t wire;     /* [B] as HTTP/1.1 would write it */
	size_t n;
	struct p2v_header v[];
};

/** What a client asked for. One allocation. */
struct p2v_sim_call {
	struct p2v_event event;
	struct p2v_pipe *stream;
	struct p2v_str method, target;
	size_t wire; /* [B] as HTTP/1.1 would write it */
	size_t n;
	struct p2v_header v[];
};

enum p2v_piece_kind {
	P2V_PIECE_HEAD,
	P2V_PIECE_BODY,
	P2V_PIECE_END, /* of a body whose length nobody knew */
	P2V_PIECE_CUT  /* the connection broke */
};

/** Something on its way from server to client. */
struct p2v_piece {
	struct p2v_event event;
	struct p2v_list at; /* in the sender's queue, or among those that a paused client holds */
	struct p2v_pipe *stream;
	struct p2v_slice body;
	struct p2v_sim_head *head;
	uint64_t seq; /* [B] of the stream's body bytes sent before it */
	size_t wire;  /* [B] on the links */
	enum p2v_piece_kind kind;
	bool marked; /* it met a full queue, or loss */
};

/** What every piece touches comes first. */
struct p2v_pipe {
	struct p2v_sim *sim;
	struct p2v_machine *client, *server;
	struct p2v_fetch *fetch;    /* who reads */
	struct p2v_sim_exchange *x; /* who writes */
	struct p2v_list queue;      /* pieces that wait for the window */
	uint64_t queued;            /* [B] in it */
	uint32_t refs;
	bool secure, closed;
	uint64_t inflight, sent;    /* [B] body bytes not acknowledged yet, and all that went */
	p2v_usec arrival, delivery; /* of the last piece: pieces never overtake */
	p2v_usec left;              /* when the last piece had left the server's link */
	p2v_usec sent_at;           /* … when the last piece of a body had */
	p2v_usec idle_since;
	uint64_t cwnd, ssthresh; /* [B] */
	uint64_t recover;        /* [B] marks on bytes before this one change nothing more */
	uint32_t passing;        /* pieces on the client's link */
	/* At flow fidelity: */
	struct p2v_list arriving; /* pieces on their way within one machine */
	double passed;            /* [B] on the wire, of what is first in the queue */
	struct p2v_sender sender;
	struct p2v_event hand;

	struct p2v_event leave; /* the server learns that the client left */
	struct p2v_addr from, to;
	uint64_t id, server_id;
	struct p2v_list in_client, in_server;
};

/** @return [B] on the links of n bytes in full segments, with their headers */
size_t p2v_pipe_wire(size_t n);
/** @return [B] of names and values, each with its NUL, and as HTTP/1.1 would write them */
size_t p2v_headers_size(const struct p2v_header *v, size_t n, size_t *wire);
/** Copy header fields: out's strings point into text. @return where the text ends */
char *p2v_headers_copy(struct p2v_header *out, const struct p2v_header *v, size_t n, char *text);

/** Take an idle connection from the client's pool. @return NULL: there is none */
struct p2v_pipe *p2v_pipe_idle(
	struct p2v_machine *client, const struct p2v_addr *to, bool secure, uint64_t server_id);
/** @return a new connection, already established; NULL: no memory */
struct p2v_pipe *p2v_pipe_new(struct p2v_machine *client, struct p2v_machine *server,
	const struct p2v_addr *to, bool secure, uint64_t server_id);
void p2v_pipe_unref(struct p2v_pipe *st);

/** The client sends a request; takes the call. */
void p2v_pipe_ask(struct p2v_pipe *st, struct p2v_sim_call *call);
/** The client is done with a piece: its bytes are acknowledged. Takes the piece. */
void p2v_pipe_consumed(struct p2v_piece *k);
/** The client has read the response and keeps the connection for the next request. */
void p2v_pipe_rest(struct p2v_pipe *st);
/** The client drops the connection; the server learns it half a round trip later. */
void p2v_pipe_leave(struct p2v_pipe *st);
/** The run is over: give up the client's end without a word. */
void p2v_pipe_abandon(struct p2v_pipe *st);

/** The server answers. These take the head, and the slice's reference.
 * @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_pipe_head(struct p2v_pipe *st, struct p2v_sim_head *head);
P2V_MUST_USE int p2v_pipe_body(struct p2v_pipe *st, struct p2v_slice s);
/** Tell the client that an unknown length ends here. */
P2V_MUST_USE int p2v_pipe_end(struct p2v_pipe *st);
/** The server's end is gone: what waits for the window is dropped, what is under way arrives, and
 * then the client sees a broken connection. */
void p2v_pipe_cut(struct p2v_pipe *st);

/* pipe_flow.c, in the place of what pipe.c does with windows and pieces */
void p2v_pipe_flow_init(struct p2v_pipe *st);
void p2v_pipe_flow_fini(struct p2v_pipe *st);
/** Send a piece that has no body, n bytes on the wire. */
void p2v_pipe_flow_send(struct p2v_piece *k, size_t n);
/** Have the call's event run when it is at the server. */
void p2v_pipe_flow_call(struct p2v_sim_call *c);
/** There is more in the queue, or somebody read. */
void p2v_pipe_flow_pump(struct p2v_pipe *st);
/** @return [B] of the queue that the window has not let go, at either fidelity */
uint64_t p2v_pipe_waiting(const struct p2v_pipe *st);
/** The queue is dropped. */
void p2v_pipe_flow_stop(struct p2v_pipe *st);
/* pipe.c: a piece reached the client's machine. Takes it. */
void p2v_pipe_deliver(struct p2v_piece *k, bool dropped);
/* pipe.c: take at most n bytes of the first piece of the queue. NULL: no memory. */
struct p2v_piece *p2v_pipe_take(struct p2v_piece *k, uint64_t n);

/* http.c: a piece reached the process. Takes it. */
void p2v_fetch_take(struct p2v_fetch *f, struct p2v_piece *k);
/* http.c: the machine died; its fetches hang until they are cancelled. */
void p2v_fetch_orphan(struct p2v_fetch *f);

/* httpd.c: a request reached the process; the call is freed by the caller. */
void p2v_httpd_request(struct p2v_pipe *st, const struct p2v_sim_call *call);
/** @return the server that a client there reaches at that address; NULL: refused */
struct p2v_http_server *p2v_httpd_at(const struct p2v_machine *client, const struct p2v_addr *to);
uint64_t p2v_httpd_id(const struct p2v_http_server *s);
/* httpd.c: the run is over. */
void p2v_httpd_fini(struct p2v_sim *s);
/* httpd.c: the window took something from the queue. */
void p2v_exchange_progress(struct p2v_sim_exchange *x);
/* httpd.c: the connection under it is gone. tell: the process still hears of it. */
void p2v_exchange_lost(struct p2v_sim_exchange *x, bool tell);

#endif
