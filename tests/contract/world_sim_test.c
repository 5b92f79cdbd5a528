/* world_sim_test.c - the laws of the world on the virtual one: two machines with links. */
#include <stdio.h>

#include "sdk/sim/world.h"
#include "tests/contract/world_laws.h"

#define STEP     P2V_MSEC
#define PATIENCE (60 * P2V_SECOND) /* virtual */

static bool sim_until(void *self, bool (*cond)(void *ctx), void *ctx)
{
	struct p2v_sim *s = self;
	p2v_usec end = p2v_sim_now(s) + PATIENCE;

	while (!cond(ctx)) {
		(void)p2v_sim_run(s, p2v_sim_now(s) + STEP);
		if (p2v_sim_now(s) > end)
			return false;
	}
	return true;
}

static bool sim_open(void *ctx, struct p2v_rig *rig)
{
	const struct p2v_link near = { .up = 2000000, .down = 4000000, .delay = 3 * P2V_MSEC };
	const struct p2v_link far = { .delay = 5 * P2V_MSEC };
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *a, *b;

	(void)ctx;
	if (!s)
		return false;
#ifdef FIDELITY_FLOW
	p2v_sim_set_flows(s, true);
#endif
	rig->near_ip = p2v_addr_v4(0x0a000001, 0);
	rig->far_ip = p2v_addr_v4(0x0a000002, 0);
	a = p2v_machine_new(s, "near", &rig->near_ip, &near);
	b = p2v_machine_new(s, "far", &rig->far_ip, &far);
	if (!a || !b) {
		p2v_sim_free(s);
		return false;
	}
	p2v_sim_name(s, "far.test", &rig->far_ip);
	rig->name = "far.test";
	rig->near = p2v_machine_world(a);
	rig->far = p2v_machine_world(b);
	rig->self = s;
	rig->until = sim_until;
	return true;
}

static void sim_close(void *ctx, struct p2v_rig *rig)
{
	(void)ctx;
	p2v_sim_free(rig->self);
}

int main(int argc, char **argv)
{
	const struct p2v_rig_maker maker = { sim_open, sim_close, NULL };

	return p2v_world_laws(&maker, argc > 1 ? argv[1] : NULL);
}
