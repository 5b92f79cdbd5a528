/* swarm_test.c - a tracker, an origin, agents and players in one process, in virtual time: the same
 * objects and the same plugin files as live ones. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/sim/swarm_rig.h"

TestSuite(swarm, .timeout = 300, .init = rig_init, .fini = rig_fini);

/* The acceptance scenario: everybody plays, most comes from peers, nobody waits longer than on the
 * CDN. */
Test(swarm, three_agents_share_a_stream)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r, cdn;

	rig_play(&conf, 100 * P2V_SECOND, &r, NULL);
	conf.p2p = conf.agents = false;
	rig_play(&conf, 100 * P2V_SECOND, &cdn, NULL);
	rig_tell("peers", &r);
	rig_tell("cdn  ", &cdn);
	cr_assert_eq(r.played, 3);
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(r.savings, 0.60, "bound for 3: 0.667, got %.3f", r.savings);
	cr_assert_gt(r.offload, 0.60);
	cr_assert_geq(r.mean_bitrate + r.mean_bitrate / 1000, cdn.mean_bitrate);
	cr_assert_leq(r.startup_p95, cdn.startup_p95 + 300 * P2V_MSEC);
	cr_assert_leq(r.latency_p50, cdn.latency_p50 + 300 * P2V_MSEC);
}

Test(swarm, the_same_seed_gives_the_same_run)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	uint64_t a, b, c;

	rig_play(&conf, 40 * P2V_SECOND, &r, &a);
	rig_play(&conf, 40 * P2V_SECOND, &r, &b);
	cr_assert_eq(a, b);
	conf.seed = 2;
	rig_play(&conf, 40 * P2V_SECOND, &r, &c);
	cr_assert_neq(a, c, "another seed is another run");
}

static void kill_tracker(void *ctx)
{
	p2v_machine_kill(p2v_swarm_tracker_machine(ctx));
}

Test(swarm, the_stream_goes_on_without_its_tracker)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s = rig_start(&conf);
	struct p2v_swarm_result r;

	p2v_sim_at(p2v_swarm_sim(s), 30 * P2V_SECOND, kill_tracker, s);
	p2v_swarm_run(s, 100 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("no tracker", &r);
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(r.savings, 0.60);
	rig_end(s);
}

static void kill_viewer(void *ctx)
{
	p2v_machine_kill(p2v_swarm_machine(ctx, 1));
}

Test(swarm, an_agent_that_dies_stalls_nobody)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s;

	conf.viewers = 4;
	s = rig_start(&conf);
	p2v_sim_at(p2v_swarm_sim(s), 40 * P2V_SECOND + 300 * P2V_MSEC, kill_viewer, s);
	p2v_swarm_run(s, 100 * P2V_SECOND);
	for (size_t i = 0; i < 4; i++) {
		struct p2v_player_result r;

		p2v_player_result(p2v_swarm_player(s, i), &r);
		if (i != 1)
			cr_assert_eq(r.stalls, 0, "viewer %zu stalled %u times", i, r.stalls);
	}
	rig_end(s);
}

static void freeze_origin(void *ctx)
{
	p2v_machine_freeze(p2v_swarm_origin_machine(ctx), true);
}

static void thaw_origin(void *ctx)
{
	p2v_machine_freeze(p2v_swarm_origin_machine(ctx), false);
}

Test(swarm, players_ride_through_an_outage_of_the_origin)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s = rig_start(&conf);
	struct p2v_swarm_result r;
	uint64_t before;

	p2v_sim_at(p2v_swarm_sim(s), 40 * P2V_SECOND, freeze_origin, s);
	p2v_sim_at(p2v_swarm_sim(s), 45 * P2V_SECOND, thaw_origin, s);
	p2v_swarm_run(s, 60 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("outage", &r);
	before = r.stalls;
	cr_assert_leq(r.stalled, 3 * 2 * P2V_SECOND, "less than the outage lasted, each");
	p2v_swarm_run(s, 120 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("after ", &r);
	cr_assert_eq(r.stalls, before, "they recovered by themselves");
	cr_assert_gt(r.savings, 0.55);
	rig_end(s);
}

/* How an event fares whose origin stops for 5 s at that moment. */
static p2v_usec stalled_by_outage(const struct p2v_swarm_conf *conf, p2v_usec at)
{
	struct p2v_swarm *s = rig_start(conf);
	struct p2v_swarm_result r;

	p2v_sim_at(p2v_swarm_sim(s), at, freeze_origin, s);
	p2v_sim_at(p2v_swarm_sim(s), at + 5 * P2V_SECOND, thaw_origin, s);
	p2v_swarm_run(s, 80 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_end(s);
	cr_assert_eq(r.played, conf->viewers);
	return r.stalled;
}

/* Who stalls is a matter of the moment within a fragment: over all of them, peers carry over more
 * than buffers alone do. */
Test(swarm, an_outage_at_any_moment_costs_less_than_on_the_cdn)
{
	struct p2v_swarm_conf conf = rig_conf(), alone;
	p2v_usec with = 0, without = 0;

	conf.viewers = 4;
	alone = conf;
	alone.p2p = alone.agents = false;
	for (p2v_usec at = 40 * P2V_SECOND; at < 42 * P2V_SECOND; at += 250 * P2V_MSEC) {
		with += stalled_by_outage(&conf, at);
		without += stalled_by_outage(&alone, at);
	}
	fprintf(stderr, "stalled in outages: %llu ms, CDN alone %llu ms\n",
		(unsigned long long)(with / P2V_MSEC), (unsigned long long)(without / P2V_MSEC));
	cr_assert_lt(with, without);
}

static void pollute(void *ctx)
{
	p2v_swarm_crypto(ctx, 0)->forges = true;
}

Test(swarm, no_player_gets_a_byte_that_was_not_verified)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s;
	struct p2v_swarm_result r;
	uint64_t caught = 0;

	conf.viewers = 4;
	s = rig_start(&conf);
	p2v_sim_at(p2v_swarm_sim(s), 20 * P2V_SECOND, pollute, s);
	p2v_swarm_run(s, 80 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("polluter", &r);
	for (size_t i = 1; i < 4; i++)
		caught += p2v_swarm_metrics(s, i)->v[P2V_M_INTEGRITY];
	cr_assert_gt(caught, 0);
	cr_assert_eq(p2v_swarm_polluted(s), 0);
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(r.savings, 0.4, "the honest ones go on sharing");
	rig_end(s);
}

static void restart_encoder(void *ctx)
{
	p2v_encoder_restart(
		p2v_origin_encoder(p2v_swarm_origin(ctx)), p2v_sim_now(p2v_swarm_sim(ctx)));
}

/* Names are used again for other content: peers still hold the old one. */
Test(swarm, an_encoder_that_restarts_mixes_nothing)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s = rig_start(&conf);
	struct p2v_swarm_result r;

	p2v_sim_at(p2v_swarm_sim(s), 50 * P2V_SECOND, restart_encoder, s);
	p2v_swarm_run(s, 120 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("restart", &r);
	cr_assert_eq(p2v_swarm_polluted(s), 0);
	cr_assert_eq(r.played, 3);
	cr_assert_gt(r.savings, 0.5);
	rig_end(s);
}

Test(swarm, lossy_links_cost_little)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewer_link.loss = 0.02;
	conf.viewer_link.reorder = 0.05;
	conf.viewer_link.reorder_by = 4 * P2V_MSEC;
	conf.viewer_link.duplicate = 0.01;
	rig_play(&conf, 100 * P2V_SECOND, &r, NULL);
	rig_tell("lossy", &r);
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(r.savings, 0.55);
}

/* Uploads that cannot carry all: the CDN gives the rest, and nobody's picture is worse. */
Test(swarm, thin_uplinks_stall_nobody)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r, cdn;

	conf.viewers = 6;
	conf.viewer_link.up = 50000; /* 400 kbit/s */
	conf.viewer_link.down = 1250000;
	rig_play(&conf, 100 * P2V_SECOND, &r, NULL);
	conf.p2p = conf.agents = false;
	rig_play(&conf, 100 * P2V_SECOND, &cdn, NULL);
	rig_tell("thin", &r);
	rig_tell("cdn ", &cdn);
	cr_assert_eq(r.stalls, 0);
	cr_assert_geq(r.mean_bitrate + r.mean_bitrate / 20, cdn.mean_bitrate);
}

Test(swarm, without_peers_an_agent_is_no_worse_than_the_cdn)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r, cdn;

	conf.p2p = false;
	rig_play(&conf, 60 * P2V_SECOND, &r, NULL);
	conf.agents = false;
	rig_play(&conf, 60 * P2V_SECOND, &cdn, NULL);
	rig_tell("agents", &r);
	rig_tell("cdn   ", &cdn);
	cr_assert_eq(r.stalls, 0);
	cr_assert_eq(r.p2p_bytes, 0);
	cr_assert_leq(r.startup_p95, cdn.startup_p95 + 100 * P2V_MSEC);
	cr_assert_geq(r.mean_bitrate + r.mean_bitrate / 1000, cdn.mean_bitrate);
}
