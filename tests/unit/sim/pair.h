/* pair.h - what the tests of the virtual network share: two machines with links, a server that does
 * as it is told on one, and visitors that note what they see on the other. */
#ifndef P2V_TESTS_UNIT_SIM_PAIR_H
#define P2V_TESTS_UNIT_SIM_PAIR_H

#include <criterion/criterion.h>

#include "framework/base/text.h"
#include "sdk/sim/world.h"

enum { SITE_PORT = 80 };

struct pair;

/** What the server does with every request. */
struct site {
	struct p2v_world w;
	struct p2v_http_server *server;
	void (*act)(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq);
	size_t body;  /* [B] that act_whole and act_stream send */
	size_t sent;  /* … have sent */
	bool unknown; /* … without telling the length */
	struct p2v_exchange *x;
	unsigned requests, gones, wholes, drains;
	p2v_usec asked_at, gone_at; /* the latest */
	char target[128], method[8], range[64], host[64];
};

struct visit {
	struct pair *pair;
	struct p2v_fetch *fetch;
	uint32_t status;
	uint64_t length, n; /* [B] promised, and seen */
	bool torn;          /* a byte was not what the site sends */
	unsigned heads, dones, bodies;
	int code;
	char text[160], url[128];
	p2v_usec head_at, last_at, done_at;
	bool pause_at_once, cancel_in_head, cancel_in_body;
	const uint8_t *p;          /* of the first body upcall */
	const struct p2v_buf *buf; /* … and where it lies */
};

struct pair {
	struct p2v_sim *sim;
	struct p2v_machine *near, *far;
	struct p2v_world w; /* of near */
	struct site site;   /* on far */
};

/** Two machines, 10.0.0.1 and 10.0.0.2, the second one named "far". */
void pair_open(struct pair *p, const struct p2v_link *near, const struct p2v_link *far);
void pair_close(struct pair *p);
/** Let far listen and do `act`. */
void site_open(struct pair *p,
	void (*act)(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq));
/** @return byte number off of every body of the site */
uint8_t site_byte(size_t off);
/** Answer with all of the body at once; then: as there is room. */
void act_whole(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq);
void act_stream(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq);
/** Keep the exchange and do nothing. */
void act_nothing(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq);
void site_reply(struct pair *p, struct p2v_exchange *x, uint32_t status, uint64_t length,
	const char *name, const char *value);
void site_write(struct pair *p, struct p2v_exchange *x, size_t off, size_t n);

/** Fetch from near. rq->url is taken from url. */
void visit_with(struct visit *v, struct pair *p, const char *url, struct p2v_fetch_request rq);
void visit(struct visit *v, struct pair *p, const char *url);

#endif
