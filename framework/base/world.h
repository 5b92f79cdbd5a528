/* world.h - the outside, as the core sees it: clock, timers, UDP, HTTP both ways, names, entropy,
 * the log. Two makers: framework/world (the real one) and sdk/sim (virtual time). Nothing above
 * this line may meet the outside otherwise.
 *
 * Laws that both makers keep, and that tests/contract checks on both:
 *  - one thread; a callback never runs inside the call that asked for it, but for *_cancel and
 * *_close, which run none;
 *  - now() is the same throughout one callback;
 *  - after *_cancel, *_close, done() or gone(), the handle is dead and no further callback comes
 * for it;
 *  - pointers in callbacks are borrowed until return unless a slice is taken. */
#ifndef P2V_BASE_WORLD_H
#define P2V_BASE_WORLD_H

#include <peer2view/env.h>
#include "framework/base/addr.h"
#include "framework/base/slice.h"

/* ---- UDP ---- */

struct p2v_udp;

/** One datagram, or several of equal size to or from the same address, back to back. */
struct p2v_dgram {
	struct p2v_addr addr; /* the remote end */
	const uint8_t *p;
	size_t n;     /* [B] all of them */
	uint16_t seg; /* [B] of each but the last, which may be shorter; 0: it is one datagram */
};

struct p2v_udp_handler {
	void (*received)(void *ctx, const struct p2v_dgram *v, size_t n);
	void (*writable)(void *ctx); /* after a udp_send that took less than it was given */
	bool asks;                   /* `received` asks udp_lent before it reads payload */
};

/* ---- HTTP, both ways ---- */

struct p2v_header {
	struct p2v_str name, value;
};

#define P2V_LENGTH_UNKNOWN UINT64_MAX

struct p2v_fetch;

struct p2v_fetch_request {
	const char *url; /* absolute, http or https */
	bool head;       /* HEAD instead of GET */
	bool ranged;     /* send Range: bytes=first-last */
	uint64_t first;
	uint64_t last;                    /* inclusive; P2V_LENGTH_UNKNOWN: to the end */
	bool decode;                      /* offer content codings, and undo them */
	bool redirects;                   /* follow them, at most 5 */
	const struct p2v_header *headers; /* further ones; names without CR, LF or NUL */
	size_t n_headers;
	p2v_usec connect_timeout; /* [us] until the connection is up; 0: 5 s */
	p2v_usec idle_timeout;    /* [us] without a byte, from the request on; 0: 10 s */
};

struct p2v_fetch_head {
	uint32_t status;
	uint64_t length;    /* [B] of this body; P2V_LENGTH_UNKNOWN */
	struct p2v_str url; /* where it came from in the end */
	const struct p2v_header *headers;
	size_t n_headers;
};

struct p2v_fetch_handler {
	void (*head)(void *ctx, const struct p2v_fetch_head *h); /* once, of the last response */
	void (*body)(void *ctx, struct p2v_bytes b);
	/** Last call. code: P2V_OK: the body was whole; P2V_EIO, P2V_ETIMEDOUT with err: it was
	 * not. */
	void (*done)(void *ctx, int code, const struct p2v_err *err);
};

struct p2v_http_server;

/** One request that a player (or anyone) made of us, and the answer to it. The maker embeds it. */
struct p2v_exchange {
	void *user; /* the core's */
};

struct p2v_http_request {
	struct p2v_str method; /* "GET" */
	struct p2v_str target; /* as it stood in the request line: path?query, or absolute */
	struct p2v_addr from;
	const struct p2v_header *headers;
	size_t n_headers;
};

struct p2v_reply {
	uint32_t status;
	uint64_t length;                  /* [B] of the body; P2V_LENGTH_UNKNOWN: chunked */
	const struct p2v_header *headers; /* without Content-Length, Connection, Date */
	size_t n_headers;
};

struct p2v_http_handler {
	void (*request)(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq);
	void (*drained)(void *ctx, struct p2v_exchange *x); /* http_room(x) has grown from 0 */
	/** Last call. whole: all that was promised went out; else the client left, or we aborted.
	 */
	void (*gone)(void *ctx, struct p2v_exchange *x, bool whole);
};

/* ---- names ---- */

struct p2v_lookup;

/** @param v  [in] shape (n), borrowed; n == 0: not found, err says why */
typedef void (*p2v_lookup_done)(
	void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err);

/* ---- the interface ---- */

struct p2v_world_ops {
	/** @return [us] monotonic, the same throughout one callback */
	p2v_usec (*now)(void *self);
	/** @return [us] since 1970-01-01 UTC: for certificates and program dates, never for
	 * intervals */
	int64_t (*wall)(void *self);
	/** @param buf  [out] shape (n), fit for keys in the real world, from the seed in the
	 * virtual one */
	void (*entropy)(void *self, void *buf, size_t n);
	void (*timer_arm)(void *self, struct p2v_timer *t, p2v_usec due);
	void (*timer_disarm)(void *self, struct p2v_timer *t);
	/** @param line  [in] one line without its end */
	void (*log)(void *self, enum p2v_log_level level, const char *line);

	/** Open a socket. A bind address of :: is dual-stack.
	 * @param bound  [out] where it is bound, with the port that it got */
	int (*udp_open)(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
		void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err);
	/** @return [datagram records] taken, 0…n; what the network refuses at once counts as taken
	 * and lost. Less than n: `writable` will come. */
	size_t (*udp_send)(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n);
	/** @return how many datagrams one p2v_dgram may hold, 1: segments are not worth it here */
	size_t (*udp_segments)(void *self, struct p2v_udp *u);
	/** Where to write what udp_send will be given. A world in which udp_send takes all it is
	 * given at once has one such place for all sockets: what is in it is gone when the callback
	 * that wrote it returns. May be NULL: each keeps its own.
	 * @return room for n bytes; NULL: no memory */
	uint8_t *(*udp_room)(void *self, size_t n);
	/** Where both ends are in one process, what is sent need not be copied: the bytes of s
	 * stand for those at `at`, in what udp_room gave, which are not written. NULL with
	 * udp_room.
	 * @param s  [in] a further reference is taken; NULL: what was lent from `at` on is not
	 * @return false: the bytes have to be written */
	bool (*udp_lend)(void *self, const uint8_t *at, const struct p2v_slice *s);
	/** Within `received`, of a handler that asks: the first bytes among the n at p that are not
	 * there but lent, all of them. NULL: all are there.
	 * @param off  [out] where they would be, from p on
	 * @return with a reference; n == 0: all are there */
	struct p2v_slice (*udp_lent)(void *self, const uint8_t *p, size_t n, size_t *off);
	void (*udp_close)(void *self, struct p2v_udp *u);

	int (*fetch)(void *self, const struct p2v_fetch_request *rq,
		const struct p2v_fetch_handler *h, void *ctx, struct p2v_fetch **out,
		struct p2v_err *err);
	/** Hold the body back (true) or let it come (false). At most 64 KiB may still come after a
	 * pause. */
	void (*fetch_pause)(void *self, struct p2v_fetch *f, bool pause);
	void (*fetch_cancel)(void *self, struct p2v_fetch *f);
	/** Within `body`: where its bytes lie, for whoever wants to keep them without a copy. May
	 * be NULL: nowhere that can be kept.
	 * @return a buffer whose bytes will not change, borrowed; NULL: they have to be copied */
	struct p2v_buf *(*fetch_buffer)(void *self, const struct p2v_fetch *f);

	int (*http_listen)(void *self, const struct p2v_addr *bind,
		const struct p2v_http_handler *h, void *ctx, struct p2v_http_server **out,
		struct p2v_addr *bound, struct p2v_err *err);
	/** Answer x: once. For HEAD, end it right after: the body's length is told, no body is
	 * sent. */
	void (*http_reply)(void *self, struct p2v_exchange *x, const struct p2v_reply *r);
	/** Append to the body. Takes the slice's reference, also when x's client has left. What is
	 * written in the same callback as http_reply, with http_end, goes out without a copy. */
	void (*http_write)(void *self, struct p2v_exchange *x, struct p2v_slice s);
	/** @return [B] that the exchange would like to be given now; 0: wait for `drained` */
	size_t (*http_room)(void *self, struct p2v_exchange *x);
	/** The body is whole. `gone` comes when it is sent. */
	void (*http_end)(void *self, struct p2v_exchange *x);
	/** Cut it short so that the client notices. `gone` comes. */
	void (*http_abort)(void *self, struct p2v_exchange *x);
	/** Stop listening; exchanges under way are cut, each with `gone`. */
	void (*http_close)(void *self, struct p2v_http_server *s);

	int (*resolve)(void *self, const char *host, uint16_t port, p2v_lookup_done done, void *ctx,
		struct p2v_lookup **out, struct p2v_err *err);
	void (*resolve_cancel)(void *self, struct p2v_lookup *l);
	/** @param out  [out] shape (max): addresses of this host's interfaces, without loopback and
	 * link-local
	 * @return how many were written */
	size_t (*interfaces)(void *self, struct p2v_addr *out, size_t max);

	/** A buffer is full and will not change any more: a world in which many nodes hold the same
	 * bytes keeps them once. Takes the reference. May be NULL: each keeps its own.
	 * @return a reference to a buffer of the same bytes: this one, or another */
	struct p2v_buf *(*share)(void *self, struct p2v_buf *b);
};

struct p2v_world {
	const struct p2v_world_ops *ops;
	void *self;
};

static inline p2v_usec p2v_now(const struct p2v_world *w)
{
	return w->ops->now(w->self);
}

static inline void p2v_arm(const struct p2v_world *w, struct p2v_timer *t, p2v_usec due)
{
	w->ops->timer_arm(w->self, t, due);
}

static inline void p2v_disarm(const struct p2v_world *w, struct p2v_timer *t)
{
	w->ops->timer_disarm(w->self, t);
}

#endif
