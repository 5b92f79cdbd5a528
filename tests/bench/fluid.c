/* fluid.c - how fast shares of links are worked out: flows that come and go on the access links of
 * many machines. Prints events and settled links a second of processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sdk/sim/inside.h"

enum { MACHINES = 2000, FLOWS = 8000, SECONDS = 20 };

static struct p2v_sim *sim;
static struct p2v_fluid_link up[MACHINES], down[MACHINES];
static struct p2v_fluid_flow flows[FLOWS];
static struct p2v_random dice;

static void begin(struct p2v_fluid_flow *f)
{
	static const double weights[] = { 0, 0.5, 1, 1, 2, 4 };
	struct p2v_fluid_link *path[] = { &up[p2v_random_below(&dice, MACHINES)],
		&down[p2v_random_below(&dice, MACHINES)] };

	p2v_fluid_start(f, path, 2, weights[p2v_random_below(&dice, 6)], P2V_FLUID_UNLIMITED,
		16384 * (1 + (double)p2v_random_below(&dice, 16)));
}

/* Its bytes are there: another flow begins elsewhere. */
static void ended(struct p2v_fluid_flow *f)
{
	p2v_fluid_stop(f);
	begin(f);
}

int main(void)
{
	uint64_t events;
	clock_t began;
	double took;

	sim = p2v_sim_new(1);
	if (!sim)
		return 1;
	p2v_random_init(&dice, 1, "bench");
	for (size_t i = 0; i < MACHINES; i++) {
		p2v_fluid_link_init(
			&up[i], &sim->fluid, 50000 * (1 + (double)p2v_random_below(&dice, 40)));
		p2v_fluid_link_init(
			&down[i], &sim->fluid, 500000 * (1 + (double)p2v_random_below(&dice, 20)));
	}
	for (size_t i = 0; i < FLOWS; i++) {
		p2v_fluid_flow_init(&flows[i], &sim->fluid, ended);
		begin(&flows[i]);
	}
	began = clock();
	events = p2v_sim_run(sim, SECONDS * P2V_SECOND);
	took = (double)(clock() - began) / CLOCKS_PER_SEC;
	(void)printf("fluid: %d flows on %d machines, %d s: %.2f CPU s, %.0f events/s, "
		     "%.2f links and %.1f flows looked at an event\n",
		FLOWS, MACHINES, SECONDS, took, (double)events / took,
		(double)sim->fluid.settled / (double)events,
		(double)sim->fluid.visits / (double)events);
	p2v_sim_free(sim);
	return 0;
}
