/* inside.h - what the files of p2v-perf share. Client and server play on any world; the program
 * gives them the real one. */
#ifndef P2V_PERF_INSIDE_H
#define P2V_PERF_INSIDE_H

#include "framework/base/json.h"
#include "framework/base/list.h"
#include "sdk/perf/cli.h"

/* ---- wire.c: what the ends tell each other ---- */

/** What a stream is for; each that a client opens begins with a hello. */
enum p2v_perf_kind {
	P2V_PERF_CONTROL = 0, /* the server tells reports on it, until the client finishes it */
	P2V_PERF_SINK,        /* the client sends */
	P2V_PERF_SOURCE       /* the server sends */
};

enum {
	P2V_PERF_HELLO = 40, /* [B] */
	P2V_PERF_FIXED = 15, /* numbers of a report before those of streams */
	P2V_PERF_REPORT_MAX = 8 * (P2V_PERF_FIXED + P2V_PERF_STREAMS)
};
#define P2V_PERF_FOREIGN 256 /* reason of a close: what came was no hello */

struct p2v_perf_hello {
	uint64_t kind;
	uint64_t index;  /* of a stream with data, 0… */
	uint64_t bytes;  /* [B] wanted of a source; UINT64_MAX: until it is told to stop */
	uint64_t period; /* [us] between reports */
};
void p2v_perf_hello_put(const struct p2v_perf_hello *h, uint8_t out[P2V_PERF_HELLO]);
/** @return false: it is none */
bool p2v_perf_hello_get(const uint8_t in[P2V_PERF_HELLO], struct p2v_perf_hello *h);

/** An end at one moment. */
struct p2v_perf_report {
	p2v_usec t;   /* [us] since the first stream was there */
	p2v_usec cpu; /* [us] of the processor, since then */
	struct p2v_session_info info;
	uint64_t got; /* [B] of data, all streams */
	uint64_t n;   /* streams */
	uint64_t got_of[P2V_PERF_STREAMS];
};
/** @return [B] written */
size_t p2v_perf_report_put(const struct p2v_perf_report *r, uint8_t out[P2V_PERF_REPORT_MAX]);
/** @return [B] that the report takes; 0: not all of it is there; SIZE_MAX: it is none */
size_t p2v_perf_report_get(const uint8_t *p, size_t n, struct p2v_perf_report *r);

/* ---- share.c: what both ends do ---- */

/** [us] of the processor that this program has used. */
p2v_usec p2v_perf_cpu(void);

/** Bytes to send: the same buffer again and again. */
struct p2v_perf_source {
	struct p2v_buf *buf;
};
P2V_MUST_USE int p2v_perf_source_init(struct p2v_perf_source *s, struct p2v_err *err);
void p2v_perf_source_fini(struct p2v_perf_source *s);
/** Write to a stream until enough waits to be sent, or all is written, which finishes it.
 * @param left  [inout] B; UINT64_MAX: without end
 * @return P2V_OK, P2V_ENOMEM, P2V_ECLOSED */
int p2v_perf_fill(struct p2v_perf_source *s, struct p2v_stream *t, uint64_t *left);
/** Read and throw away all that a stream has. @return [B] of it */
uint64_t p2v_perf_drain(struct p2v_stream *t);

/** One end: its node, its transport. Made by main.c. */
struct p2v_perf_end {
	struct p2v_world *w;
	struct p2v_dtl *dtl;
	const struct p2v_perf_cli *cli;
	struct p2v_perf_source source;
	void *of;                    /* struct p2v_perf_client or p2v_perf_server */
	void (*finished)(void *ctx); /* all is done */
	void *ctx;
};

/* ---- server.c ---- */

struct p2v_perf_server;
extern const struct p2v_dtl_handler p2v_perf_server_handler; /* its ctx is the end */
int p2v_perf_server_new(struct p2v_perf_end *end, struct p2v_perf_server **out);
void p2v_perf_server_free(struct p2v_perf_server *s);
/** @return whether the last client's session broke off */
bool p2v_perf_server_failed(const struct p2v_perf_server *s);

/* ---- client.c ---- */

/** One interval of a run. */
struct p2v_perf_interval {
	p2v_usec t;                          /* its end, since the session opened */
	double goodput;                      /* [bit/s] */
	double goodput_of[P2V_PERF_STREAMS]; /* [bit/s] */
	double priority[P2V_PERF_STREAMS];
	uint64_t cwnd, pace, in_flight; /* at its end; [B], [B/s], [B] */
	p2v_usec srtt, queue;           /* at its end */
	uint64_t lost, resent;          /* [B] within it */
};

struct p2v_perf_result {
	struct p2v_err err; /* code P2V_OK: it went well */
	bool opened;
	p2v_usec handshake, elapsed;
	uint64_t bytes;
	uint64_t bytes_of[P2V_PERF_STREAMS];
	p2v_usec cpu_here, cpu_there;
	struct p2v_session_info sender; /* at the end */
	double rtt, queue;              /* [us] mean of samples */
	p2v_usec queue_max;
	uint64_t samples;
	struct p2v_perf_interval *interval;
	size_t n_intervals, cap_intervals;
};

struct p2v_perf_client;
extern const struct p2v_dtl_handler p2v_perf_client_handler; /* its ctx is the end */
/** @param told  [in] called with each interval; may be NULL */
int p2v_perf_client_new(struct p2v_perf_end *end,
	void (*told)(void *ctx, const struct p2v_perf_interval *i), struct p2v_perf_client **out);
/** Call the server there. */
void p2v_perf_client_dial(struct p2v_perf_client *c, const struct p2v_addr *to);
/** End now, with what there is. */
void p2v_perf_client_stop(struct p2v_perf_client *c);
const struct p2v_perf_result *p2v_perf_client_result(const struct p2v_perf_client *c);
void p2v_perf_client_free(struct p2v_perf_client *c);

/* ---- result.c ---- */

void p2v_perf_interval_text(const struct p2v_perf_interval *i, struct p2v_text *out);
void p2v_perf_result_text(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_text *out);
void p2v_perf_result_json(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_json *j);

#endif
