/* world_test.c - virtual time: order, freezing, killing, names, and the run's hash. */
#include "tests/unit/sim/pair.h"

#include <string.h>

TestSuite(sim_world, .timeout = 60);

static const struct p2v_link link_free;

struct bell {
	struct p2v_timer t;
	char name;
	char *log;
};

static void ring(struct p2v_timer *t, p2v_usec now)
{
	struct bell *b = t->owner;

	(void)now;
	b->log[strlen(b->log)] = b->name;
}

static void bells(struct bell *v, size_t n, char *log)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (struct bell){ { .fire = ring, .owner = &v[i] }, (char)('a' + i), log };
}

Test(sim_world, timers_fire_in_order_of_time_then_of_arming)
{
	struct bell v[4];
	char log[16] = "";
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	bells(v, 4, log);
	p2v_arm(&p.w, &v[0].t, 20);
	p2v_arm(&p.w, &v[1].t, 10);
	p2v_arm(&p.w, &v[2].t, 10);
	p2v_arm(&p.w, &v[3].t, 5);
	p2v_disarm(&p.w, &v[3].t);
	cr_assert_eq(p2v_sim_run(p.sim, 10), 2);
	cr_assert_eq(p2v_sim_now(p.sim), 10);
	p2v_arm(&p.w, &v[3].t, 3); /* past: at once */
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_str_eq(log, "bcda");
	cr_assert_eq(p2v_now(&p.w), 20);
	pair_close(&p);
}

Test(sim_world, a_frozen_machine_s_timers_wait_in_order)
{
	struct bell v[5];
	char log[16] = "";
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	bells(v, 5, log);
	for (int i = 0; i < 5; i++)
		p2v_arm(&p.w, &v[i].t, 100 - i);
	p2v_machine_freeze(p.near, true);
	p2v_sim_run(p.sim, 1000);
	cr_assert_str_eq(log, "");
	p2v_disarm(&p.w, &v[2].t);
	p2v_arm(&p.w, &v[4].t, 2000); /* moved while it was held */
	p2v_machine_freeze(p.near, false);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_str_eq(log, "dbae");
	pair_close(&p);
}

Test(sim_world, a_dead_machine_s_timers_never_fire)
{
	struct bell v[2];
	char log[16] = "";
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	bells(v, 2, log);
	p2v_arm(&p.w, &v[0].t, 100);
	p2v_arm(&p.w, &v[1].t, 200);
	p2v_machine_freeze(p.near, true);
	p2v_sim_run(p.sim, 150);
	p2v_machine_kill(p.near);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_str_eq(log, "");
	p2v_disarm(&p.w, &v[1].t); /* what ran there can still be put away */
	pair_close(&p);
}

struct answer {
	size_t n;
	unsigned calls;
	int code;
	struct p2v_addr addr;
};

static void answered(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	struct answer *a = ctx;

	a->calls++;
	a->n = n;
	a->code = err->code;
	if (n)
		a->addr = v[0];
}

Test(sim_world, names_are_found_whatever_their_case)
{
	static const struct {
		const char *host;
		uint32_t ip;
	} cases[] = { { "far", 0x0a000002 }, { "FAR", 0x0a000002 }, { "10.9.9.9", 0x0a090909 },
		{ "localhost", 0x0a000001 }, { "127.0.0.1", 0x0a000001 } };
	struct answer a = { 0 };
	struct p2v_lookup *l;
	struct p2v_err err;
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct p2v_addr want = p2v_addr_v4(cases[i].ip, 443);

		cr_assert_eq(p.w.ops->resolve(p.w.self, cases[i].host, 443, answered, &a, &l, &err),
			P2V_OK);
		cr_assert_eq(a.calls, i);
		p2v_sim_run(p.sim, P2V_NEVER);
		cr_assert_eq(a.calls, i + 1);
		cr_assert(p2v_addr_equal(&a.addr, &want), "%s", cases[i].host);
	}
	cr_assert_eq(p.w.ops->resolve(p.w.self, "nowhere", 1, answered, &a, &l, &err), P2V_OK);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(a.n == 0 && a.code == P2V_ENOENT);
	a.calls = 0;
	cr_assert_eq(p.w.ops->resolve(p.w.self, "far", 1, answered, &a, &l, &err), P2V_OK);
	p.w.ops->resolve_cancel(p.w.self, l);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(a.calls, 0);
	pair_close(&p);
}

Test(sim_world, machines_have_one_address_each)
{
	struct p2v_addr a = p2v_addr_v4(0x0a000001, 5), out[2];
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	cr_assert_null(p2v_machine_new(p.sim, "twin", &a, &link_free));
	cr_assert_eq(p.w.ops->interfaces(p.w.self, out, 2), 1);
	a.port = 0;
	cr_assert(p2v_addr_equal(&out[0], &a));
	pair_close(&p);
}

/* A run with something of everything in it. */
static uint64_t run(uint64_t seed, bool log)
{
	struct p2v_link l = { .up = 500000, .down = 900000, .delay = 7000, .loss = 0.01 };
	struct p2v_addr a = p2v_addr_v4(0x0a000001, 0), b = p2v_addr_v4(0x0a000002, 0);
	struct pair p = { .sim = p2v_sim_new(seed) };
	struct visit v[2];
	uint64_t hash;
	uint8_t noise[8];

	p.near = p2v_machine_new(p.sim, "near", &a, &l);
	p.far = p2v_machine_new(p.sim, "far", &b, &l);
	p.w = p2v_machine_world(p.near);
	p.site.body = 300000;
	site_open(&p, act_stream);
	p.w.ops->entropy(p.w.self, noise, sizeof noise);
	visit(&v[0], &p, "http://10.0.0.2/a");
	p2v_sim_run(p.sim, P2V_SECOND / 2);
	if (log)
		p.w.ops->log(p.w.self, P2V_LOG_INFO, "event=said");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v[0].n, 300000);
	hash = p2v_sim_hash(p.sim);
	pair_close(&p);
	return hash;
}

Test(sim_world, the_same_seed_gives_the_same_run)
{
	cr_assert_eq(run(1, false), run(1, false));
	cr_assert_neq(run(1, false), run(2, false));
	cr_assert_neq(run(1, false), run(1, true));
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

Test(sim_world, a_scenario_s_own_events_come_in_time)
{
	unsigned n = 0;
	struct pair p;

	pair_open(&p, &link_free, &link_free);
	p2v_sim_at(p.sim, 50, count, &n);
	p2v_sim_at(p.sim, 60, count, &n);
	p2v_sim_run(p.sim, 55);
	cr_assert_eq(n, 1);
	pair_close(&p); /* the other one is put away */
	cr_assert_eq(n, 1);
}

/* ---- ties ---- */

enum { TIES = 8 };

static void ring_all_at_once(uint64_t shuffle, char log[16])
{
	struct bell v[TIES];
	struct pair p;

	log[0] = 0;
	memset(log, 0, 16);
	pair_open(&p, &link_free, &link_free);
	if (shuffle)
		p2v_sim_shuffle_ties(p.sim, shuffle);
	bells(v, TIES, log);
	p2v_arm(&p.w, &v[TIES - 1].t, 5);
	for (int i = 0; i < TIES - 1; i++)
		p2v_arm(&p.w, &v[i].t, 10);
	p2v_sim_run(p.sim, P2V_NEVER);
	pair_close(&p);
}

Test(sim_world, shuffled_ties_keep_time_and_lose_order)
{
	char usual[16], a[16], b[16];
	unsigned orders = 0;

	ring_all_at_once(0, usual);
	cr_assert_str_eq(usual, "habcdefg");
	for (uint64_t seed = 1; seed <= 10; seed++) {
		ring_all_at_once(seed, a);
		ring_all_at_once(seed, b);
		cr_assert_str_eq(a, b, "the same seed, the same order");
		cr_assert_eq(a[0], 'h', "what is due earlier comes earlier");
		cr_assert_eq(strlen(a), TIES);
		for (int i = 0; i < TIES; i++)
			cr_assert(strchr(a, 'a' + i));
		orders += strcmp(a, usual) != 0;
	}
	cr_assert_geq(orders, 9);
}
