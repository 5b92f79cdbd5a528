/* web.h - an HTTP server of the real world for a test: what it was asked, who is gone, and answers
 * to give. */
#ifndef P2V_TESTS_UNIT_WORLD_WEB_H
#define P2V_TESTS_UNIT_WORLD_WEB_H

#include "tests/unit/world/raw.h"

enum { XS = 16 };

struct web;
typedef void (*web_act)(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq);

struct web {
	struct raw_rig rig;
	struct p2v_http_server *server;
	uint16_t port;
	web_act act;                /* what to do with a request; NULL: nothing yet */
	struct p2v_exchange *x[XS]; /* by order of arrival; NULL once gone */
	unsigned asked, gone, whole, drained;
	char method[32], target[9000], header[256];
	struct p2v_buf *buf; /* for tests that send it; dropped by web_close */
	size_t each;         /* [B] of its slices */
};

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

/** Listen on 127.0.0.1. */
void web_open(struct web *w, web_act act);
/** Listen on a loop that is open. @return false: with err */
bool web_listen(struct web *w, const struct p2v_addr *at, struct p2v_err *err);
void web_close(struct web *w);

void web_reply(struct web *w, struct p2v_exchange *x, uint32_t status, uint64_t length);
void web_say(struct web *w, struct p2v_exchange *x, const char *text);
void web_end(struct web *w, struct p2v_exchange *x);
/** 200 with "hello". */
void web_hello(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq);

/* Conditions for raw_until. */
bool web_asked(void *ctx);
bool web_asked_2(void *ctx);
bool web_one_gone(void *ctx);

#endif
