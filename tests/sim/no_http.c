/* no_http.c - the transport's tests use no HTTP: what the virtual world would call for it is not
 * there. */
#include <stdlib.h>

#include "sdk/sim/inside.h"

int p2v_sim_fetch(void *self, const struct p2v_fetch_request *rq, const struct p2v_fetch_handler *h,
	void *ctx, struct p2v_fetch **out, struct p2v_err *err)
{
	(void)self;
	(void)rq;
	(void)h;
	(void)ctx;
	(void)out;
	(void)err;
	abort();
}

void p2v_sim_fetch_pause(void *self, struct p2v_fetch *f, bool pause)
{
	(void)self;
	(void)f;
	(void)pause;
	abort();
}

void p2v_sim_fetch_cancel(void *self, struct p2v_fetch *f)
{
	(void)self;
	(void)f;
	abort();
}

int p2v_sim_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err)
{
	(void)self;
	(void)bind;
	(void)h;
	(void)ctx;
	(void)out;
	(void)bound;
	(void)err;
	abort();
}

void p2v_sim_reply(void *self, struct p2v_exchange *x, const struct p2v_reply *r)
{
	(void)self;
	(void)x;
	(void)r;
	abort();
}

void p2v_sim_write(void *self, struct p2v_exchange *x, struct p2v_slice s)
{
	(void)self;
	(void)x;
	(void)s;
	abort();
}

size_t p2v_sim_room(void *self, struct p2v_exchange *x)
{
	(void)self;
	(void)x;
	abort();
}

void p2v_sim_end(void *self, struct p2v_exchange *x)
{
	(void)self;
	(void)x;
	abort();
}

void p2v_sim_abort(void *self, struct p2v_exchange *x)
{
	(void)self;
	(void)x;
	abort();
}

void p2v_sim_close(void *self, struct p2v_http_server *s)
{
	(void)self;
	(void)s;
	abort();
}

void p2v_sim_http_killed(struct p2v_machine *m)
{
	(void)m;
}

void p2v_sim_http_fini(struct p2v_sim *s)
{
	(void)s;
}
