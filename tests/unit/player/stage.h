/* stage.h - a server in virtual time whose answers a test writes itself, one by one, and which may
 * hold a request until something is there. Every request is noted. */
#ifndef P2V_TESTS_UNIT_PLAYER_STAGE_H
#define P2V_TESTS_UNIT_PLAYER_STAGE_H

#include "framework/base/list.h"
#include "framework/base/text.h"
#include "framework/base/world.h"

enum { STAGE_ASKED = 2000 };

/** What a test says to a request. */
struct stage_answer {
	uint32_t status;      /* 200 at first */
	p2v_usec due;         /* now() before which nothing is sent */
	struct p2v_text text; /* the body; empty: `size` zeros */
	size_t size;
	const char *type;
};

struct stage_asked {
	p2v_usec at;
	char target[120];
};

struct stage {
	struct p2v_world w;
	struct p2v_http_server *server;
	struct p2v_list jobs;
	void (*answer)(void *ctx, const char *target, p2v_usec now, struct stage_answer *out);
	void *ctx;
	struct stage_asked asked[STAGE_ASKED];
	size_t n;
};

/** Serve on port 80 of that machine's world. s stays until the simulation is gone. */
void stage_open(struct stage *s, const struct p2v_world *w,
	void (*answer)(void *ctx, const char *target, p2v_usec now, struct stage_answer *out),
	void *ctx);
/** Forget what is still held. The simulation does not run any more. */
void stage_close(struct stage *s);
/** @return how many requests had this in their target, since `since` */
size_t stage_asked_for(const struct stage *s, const char *part, p2v_usec since);

#endif
