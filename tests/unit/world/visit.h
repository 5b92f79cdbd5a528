/* visit.h - a fetch by the real world for a test, and what came of it. */
#ifndef P2V_TESTS_UNIT_WORLD_VISIT_H
#define P2V_TESTS_UNIT_WORLD_VISIT_H

#include "tests/unit/world/raw.h"

struct got {
	struct raw_rig *rig;
	struct p2v_fetch *f; /* NULL: done */
	unsigned heads, dones;
	uint32_t status;
	uint64_t length;
	char url[512], type[64], coding[64], custom[2048]; /* custom: X-Custom */
	char body[4096];                                   /* its beginning */
	size_t n, n_headers;                               /* [B] of the body; of headers */
	int code;
	char why[256];
	void (*on_head)(struct got *g);
	void (*on_body)(struct got *g);
};

extern const struct p2v_fetch_handler got_handler;

void got_init(struct got *g, struct raw_rig *r);
/** Begin a fetch that must be accepted. */
void got_begin(struct got *g, const struct p2v_fetch_request *rq);
/** One GET of / at a scripted server, to its end, on a loop of its own.
 * @param rq  without the URL */
void got_get(struct got *g, raw_script script, struct p2v_fetch_request rq);

/* Conditions for raw_until. */
bool got_done(void *ctx);
bool got_body(void *ctx);
bool got_head(void *ctx);

void url_of(char *out, size_t n, const struct raw_server *s, const char *path);
bool starts(const char *text, const char *with);

#endif
