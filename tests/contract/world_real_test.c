/* world_real_test.c - the laws of the world on the real one: two loops, one thread, loopback. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "framework/world/loop.h"
#include "tests/contract/world_laws.h"

struct real {
	struct p2v_loop *near, *far;
};

static p2v_usec clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (p2v_usec)ts.tv_sec * P2V_SECOND + ts.tv_nsec / 1000;
}

static bool real_until(void *self, bool (*cond)(void *ctx), void *ctx)
{
	struct real *r = self;
	p2v_usec end = clock_now() + 30 * P2V_SECOND;

	while (!cond(ctx)) {
		p2v_loop_turn(r->near, P2V_MSEC);
		if (cond(ctx))
			break;
		p2v_loop_turn(r->far, P2V_MSEC);
		if (clock_now() > end)
			return false;
	}
	return true;
}

static bool real_open(void *ctx, struct p2v_rig *rig)
{
	struct real *r = ctx;
	struct p2v_err err = { P2V_OK, "" };

	if (p2v_loop_new(&r->near, &err) < 0 || p2v_loop_new(&r->far, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	rig->near = p2v_loop_world(r->near);
	rig->far = p2v_loop_world(r->far);
	rig->near_ip = rig->far_ip = p2v_addr_v4(0x7f000001, 0);
	rig->name = "localhost";
	rig->self = r;
	rig->until = real_until;
	return true;
}

static void real_close(void *ctx, struct p2v_rig *rig)
{
	struct real *r = ctx;

	(void)rig;
	p2v_loop_free(r->near);
	p2v_loop_free(r->far);
	r->near = r->far = NULL;
}

int main(int argc, char **argv)
{
	struct real r = { NULL, NULL };
	const struct p2v_rig_maker maker = { real_open, real_close, &r };

	(void)unsetenv("http_proxy");
	(void)unsetenv("all_proxy");
	(void)unsetenv("ALL_PROXY");
	return p2v_world_laws(&maker, argc > 1 ? argv[1] : NULL);
}
