/* world_laws_web.h - a site served by the far node and visits to it by the near one, for the laws
 * of HTTP. Whatever is called back checks what holds for all of them. */
#ifndef P2V_TESTS_WORLD_LAWS_WEB_H
#define P2V_TESTS_WORLD_LAWS_WEB_H

#include "tests/contract/world_laws_inside.h"

enum { BODY = 700000, STEP = 16384 };

/** Byte i of every body that the site sends, so that a shift or a gap is seen. */
static inline uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

struct site {
	struct laws *l;
	struct p2v_world *w;
	struct p2v_http_server *server;
	struct p2v_addr at;                                  /* where the near node reaches it */
	void (*act)(struct site *s, struct p2v_exchange *x); /* inside `request`; may be NULL */
	struct p2v_exchange *x;                              /* the latest */
	unsigned requests, gones, wholes, drains, refused;   /* refused: room was 0 */
	char method[16], target[128], probe[64], range[64], encoding[64];
	struct p2v_addr from;
	uint64_t total, given; /* [B] of a body that is fed by room */
	bool ended;            /* http_end or http_abort was called */
};

struct visit {
	struct laws *l;
	struct p2v_world *w;
	struct p2v_fetch *f;
	struct p2v_fetch_request rq;
	char url[160];
	struct p2v_header header;
	unsigned heads, dones;
	uint32_t status;
	uint64_t length, n; /* of the body: told; arrived */
	uint64_t base;      /* offset in the pattern of the body's first byte */
	char probe[64], from[160];
	bool torn; /* a byte was wrong */
	int code;
	bool said_why, cancelled;
	void (*on_head)(struct visit *v);
	void (*on_body)(struct visit *v);
	void (*on_done)(struct visit *v);
	struct site *site;
};

extern const struct p2v_http_handler site_handler;   /* its ctx is a struct site */
extern const struct p2v_fetch_handler visit_handler; /* its ctx is a struct visit */

/** Listen at the far node.
 * @param act  [in] what to do with a request, inside its callback; NULL: nothing */
bool site_open(struct site *s, struct laws *l, void (*act)(struct site *s, struct p2v_exchange *x));
/** Listen again, at a port. */
bool site_listen(struct site *s, uint16_t port);
void site_close(struct site *s);
/** With two headers of ours. */
void site_reply(struct site *s, struct p2v_exchange *x, uint32_t status, uint64_t length);
/** Write n bytes of the pattern from `off`, in one slice. */
void site_write(struct site *s, struct p2v_exchange *x, uint64_t off, size_t n);
void site_end(struct site *s, struct p2v_exchange *x);
void site_abort(struct site *s, struct p2v_exchange *x);
/** Give as much as there is room for, and the end after the last byte. */
void site_feed(struct site *s);
/** A visit of a path at the site, to be adjusted and then begun. */
void visit_init(struct visit *v, struct site *s, const char *path);
void visit_begin(struct visit *v);
void visit_cancel(struct visit *v);
/** The usual end: the visit was whole, and the site knows. */
void visit_holds(struct visit *v, uint32_t status, uint64_t n);

/* Conditions, of a struct visit or a struct site. */
bool visit_is_done(void *ctx);
bool visit_has_head(void *ctx);
bool visit_has_1(void *ctx);
bool visit_has_step(void *ctx);
bool site_has_request(void *ctx);
bool site_saw_gone(void *ctx);
bool site_is_full(void *ctx);

#endif
