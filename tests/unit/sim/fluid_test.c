/* fluid_test.c - shares of links: cases that were solved by hand, and the conditions of a max-min
 * fair allocation on random networks that change. */
#include <criterion/criterion.h>

#include <math.h>

#include "sdk/sim/inside.h"

TestSuite(fluid, .timeout = 60);

enum { MOST_LINKS = 60, MOST_FLOWS = 200 };

static struct p2v_sim *sim;
static struct p2v_fluid net;
static struct p2v_fluid_link links[MOST_LINKS];
static struct p2v_fluid_flow flows[MOST_FLOWS];
static p2v_usec ended[MOST_FLOWS];

static void ends(struct p2v_fluid_flow *f)
{
	ended[f - flows] = p2v_sim_now(sim);
	p2v_fluid_stop(f);
}

static void begin(double tolerance)
{
	sim = p2v_sim_new(1);
	cr_assert(sim);
	p2v_fluid_init(&net, sim, tolerance);
	for (size_t i = 0; i < MOST_FLOWS; i++)
		p2v_fluid_flow_init(&flows[i], &net, ends);
}

static void end(void)
{
	p2v_fluid_fini(&net);
	p2v_sim_free(sim);
}

/* a, b: links, -1: none. */
static void start(size_t f, int a, int b, double weight, double limit, double bytes)
{
	struct p2v_fluid_link *path[] = { a < 0 ? NULL : &links[a], b < 0 ? NULL : &links[b] };

	p2v_fluid_start(&flows[f], path, 2, weight, limit, bytes);
}

static void rate_is(size_t f, double want)
{
	cr_assert_float_eq(flows[f].rate, want, 1e-6 * want + 1e-9, "flow %zu has %f, not %f", f,
		flows[f].rate, want);
}

#define FREE P2V_FLUID_UNLIMITED

Test(fluid, weights_share_a_link)
{
	begin(0);
	p2v_fluid_link_init(&links[0], &net, 100);
	start(0, 0, -1, 1, FREE, 1e9);
	start(1, 0, -1, 3, FREE, 1e9);
	p2v_fluid_settle(&net);
	rate_is(0, 25);
	rate_is(1, 75);
	p2v_fluid_weigh(&flows[0], 4.5);
	p2v_fluid_settle(&net);
	rate_is(0, 60);
	rate_is(1, 40);
	end();
}

/* Bertsekas and Gallager, figure 6.10 in kind: a long flow and short ones. */
Test(fluid, what_a_flow_cannot_use_goes_to_the_others)
{
	begin(0);
	p2v_fluid_link_init(&links[0], &net, 10);
	p2v_fluid_link_init(&links[1], &net, 30);
	start(0, 0, 1, 1, FREE, 1e9);
	start(1, 0, -1, 1, FREE, 1e9);
	start(2, 1, -1, 1, FREE, 1e9);
	p2v_fluid_settle(&net);
	rate_is(0, 5);
	rate_is(1, 5);
	rate_is(2, 25);
	p2v_fluid_limit(&flows[1], 2);
	p2v_fluid_settle(&net);
	rate_is(0, 8);
	rate_is(1, 2);
	rate_is(2, 22);
	p2v_fluid_stop(&flows[2]);
	p2v_fluid_link_set(&links[1], 3);
	p2v_fluid_settle(&net);
	rate_is(0, 3);
	cr_assert_eq(p2v_fluid_bottleneck(&flows[0]), &links[1]);
	cr_assert_null(p2v_fluid_bottleneck(&flows[1]));
	end();
}

Test(fluid, scavengers_take_what_others_leave)
{
	begin(0);
	p2v_fluid_link_init(&links[0], &net, 100);
	start(0, 0, -1, 1, 60, 1e9);
	start(1, 0, -1, 0, FREE, 1e9);
	start(2, 0, -1, 0, 5, 1e9);
	p2v_fluid_settle(&net);
	rate_is(0, 60);
	rate_is(1, 35);
	rate_is(2, 5);
	p2v_fluid_limit(&flows[0], FREE);
	p2v_fluid_settle(&net);
	rate_is(0, 100 * (1 - P2V_FLUID_TRICKLE));
	rate_is(1, 50 * P2V_FLUID_TRICKLE);
	p2v_fluid_weigh(&flows[1], 1); /* somebody waits for it */
	p2v_fluid_settle(&net);
	rate_is(1, 50 * (1 - P2V_FLUID_TRICKLE));
	rate_is(2, 100 * P2V_FLUID_TRICKLE);
	end();
}

Test(fluid, goals_are_reached_when_they_should_be)
{
	begin(0);
	p2v_fluid_init(&sim->fluid, sim, 0); /* the one that the run itself settles */
	for (size_t i = 0; i < 2; i++)
		p2v_fluid_flow_init(&flows[i], &sim->fluid, ends);
	p2v_fluid_link_init(&links[0], &sim->fluid, 100);
	start(0, 0, -1, 1, FREE, 100);
	start(1, 0, -1, 1, FREE, 200);
	(void)p2v_sim_run(sim, 10 * P2V_SECOND);
	cr_assert_eq(ended[0], 2 * P2V_SECOND);
	cr_assert_eq(ended[1], 3 * P2V_SECOND, "alone it is twice as fast");
	end();
}

Test(fluid, small_things_leave_less_for_flows)
{
	begin(0);
	p2v_fluid_link_init(&links[0], &net, 1000);
	start(0, 0, -1, 1, FREE, 1e9);
	p2v_fluid_settle(&net);
	p2v_fluid_aside(&links[0], 200);
	(void)p2v_sim_run(sim, P2V_SECOND);
	p2v_fluid_aside(&links[0], 1);
	p2v_fluid_settle(&net);
	rate_is(0, 800);
	end();
}

/* ---- conditions ---- */

static double room_of(const struct p2v_fluid_link *l, size_t class)
{
	double room = p2v_fluid_room(l), kept = l->n[1] ? P2V_FLUID_TRICKLE * room : 0;

	if (class == 0)
		return room - kept;
	return room - l->used[0] > kept ? room - l->used[0] : kept;
}

static double sum_of(const struct p2v_fluid_link *l, size_t class)
{
	double sum = 0;

	P2V_LIST_EACH (it, &l->flows[class])
		sum += P2V_OF(it, struct p2v_fluid_hop, in_link)->flow->rate;
	return sum;
}

static double normal(const struct p2v_fluid_flow *f)
{
	return f->weight > 0 ? f->rate / f->weight : f->rate;
}

/* Full, and nobody of its class has more of it than f, weight for weight. */
static bool holds_back(const struct p2v_fluid_link *l, const struct p2v_fluid_flow *f, double slack)
{
	size_t class = f->weight > 0 ? 0 : 1;

	if (sum_of(l, class) < room_of(l, class) - slack * l->capacity)
		return false;
	P2V_LIST_EACH (it, &l->flows[class])
		if (normal(P2V_OF(it, struct p2v_fluid_hop, in_link)->flow) >
			normal(f) * (1 + slack) + 1e-9)
			return false;
	return true;
}

/* A rate that is left as it is may be the tolerance's part of itself above what it should be. */
static void check(size_t n_links, double tolerance, double slack)
{
	double over = tolerance / (1 - tolerance) + 1e-8;

	for (size_t i = 0; i < n_links; i++)
		for (size_t class = 0; class < P2V_FLUID_CLASSES; class ++) {
			double sum = sum_of(&links[i], class);

			cr_assert_leq(sum, room_of(&links[i], class) + over * links[i].capacity,
				"link %zu carries %f of %f", i, sum, room_of(&links[i], class));
		}
	for (size_t i = 0; i < MOST_FLOWS; i++) {
		const struct p2v_fluid_flow *f = &flows[i];
		bool held = !f->runs || f->rate >= f->limit * (1 - slack);

		for (size_t h = 0; h < P2V_FLUID_PATH && !held; h++)
			held = f->hop[h].link && holds_back(f->hop[h].link, f, slack);
		cr_assert(held, "flow %zu, rate %f, weight %f, is held back by nothing", i, f->rate,
			f->weight);
	}
}

/* Flows come, go and change; after each settling the allocation is the max-min fair one. */
static void churn(uint64_t seed, double tolerance, double slack)
{
	static const double weights[] = { 0, 0.1, 0.5, 1, 1, 1, 2, 4 };
	size_t n_links = 4 + (size_t)(seed % (MOST_LINKS - 4));
	struct p2v_random r;

	begin(tolerance);
	p2v_random_init(&r, seed, "churn");
	for (size_t i = 0; i < n_links; i++)
		p2v_fluid_link_init(&links[i], &net, 1e4 * (1 + (double)p2v_random_below(&r, 99)));
	for (int step = 0; step < 300; step++) {
		struct p2v_fluid_flow *f = &flows[p2v_random_below(&r, MOST_FLOWS)];
		double w = weights[p2v_random_below(&r, 8)], limit = FREE;
		struct p2v_fluid_link *path[P2V_FLUID_PATH];

		if (p2v_random_below(&r, 3) == 0)
			limit = 1e3 * (1 + (double)p2v_random_below(&r, 300));
		for (size_t i = 0; i < P2V_FLUID_PATH; i++) /* apart, so that no link is in twice */
			path[i] = &links[(i * n_links + p2v_random_below(&r, n_links)) /
					 P2V_FLUID_PATH];
		if (path[1] == path[0])
			path[1] = NULL;
		if (!f->runs)
			p2v_fluid_start(f, path, P2V_FLUID_PATH, w, limit, 1e12);
		else if (p2v_random_below(&r, 2))
			p2v_fluid_stop(f);
		else if (p2v_random_below(&r, 2))
			p2v_fluid_weigh(f, w);
		else
			p2v_fluid_limit(f, limit);
		if (p2v_random_below(&r, 10) == 0)
			p2v_fluid_link_set(&links[p2v_random_below(&r, n_links)],
				1e4 * (1 + (double)p2v_random_below(&r, 99)));
		if (p2v_random_below(&r, 3))
			continue;
		p2v_fluid_settle(&net);
		cr_assert(!p2v_fluid_unsettled(&net), "seed %llu", (unsigned long long)seed);
		check(n_links, tolerance, slack);
	}
	end();
}

Test(fluid, every_flow_has_a_bottleneck)
{
	for (uint64_t seed = 1; seed <= 200; seed++)
		churn(seed, 0, 1e-6);
}

/* A level that is off by the tolerance holds back a flow that is off by as much again. */
Test(fluid, a_tolerance_is_kept)
{
	for (uint64_t seed = 1; seed <= 200; seed++)
		churn(seed, 0.01, 0.05);
}

Test(fluid, the_order_of_addresses_does_not_matter)
{
	double first[3];

	for (int turn = 0; turn < 2; turn++) {
		size_t at = turn ? 100 : 3;

		begin(0.01);
		p2v_fluid_link_init(&links[turn ? 7 : 2], &net, 1000.0 / 3);
		for (size_t i = 0; i < 3; i++)
			start(turn ? at - i : at + i, turn ? 7 : 2, -1, 0.1 * (double)(i + 1), FREE,
				1e9);
		p2v_fluid_settle(&net);
		for (size_t i = 0; i < 3; i++) {
			double rate = flows[turn ? at - i : at + i].rate;

			if (turn)
				cr_assert(rate == first[i], "bit by bit");
			first[i] = rate;
		}
		end();
	}
}
