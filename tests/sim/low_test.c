/* low_test.c - low latency through agents: playlists that are held, parts from peers as soon as
 * from the CDN, bodies that are relayed while they grow. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/swarm_rig.h"

TestSuite(low, .timeout = 300, .init = rig_init, .fini = rig_fini);

static struct p2v_swarm_conf low_conf(void)
{
	struct p2v_swarm_conf conf = rig_conf();

	conf.origin.encoder.fragment = 2 * P2V_SECOND;
	conf.origin.encoder.part = 250 * P2V_MSEC;
	conf.viewers = 5;
	conf.apart = 700 * P2V_MSEC;
	return conf;
}

static p2v_usec worst_latency(struct p2v_swarm *s, size_t n, uint64_t *parts)
{
	p2v_usec worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct p2v_player_result r;

		p2v_player_result(p2v_swarm_player(s, i), &r);
		worst = r.latency_median > worst ? r.latency_median : worst;
		*parts += r.parts;
	}
	return worst;
}

struct figures {
	struct p2v_swarm_result r;
	p2v_usec worst;
	uint64_t parts, polluted;
};

static struct figures play(struct p2v_swarm_conf *conf, bool p2p)
{
	struct figures f = { .parts = 0 };
	struct p2v_swarm *s;

	conf->p2p = conf->agents = p2p;
	s = rig_start(conf);
	p2v_swarm_run(s, 60 * P2V_SECOND);
	p2v_swarm_result(s, &f.r);
	f.worst = worst_latency(s, conf->viewers, &f.parts);
	f.polluted = p2v_swarm_polluted(s);
	rig_tell(p2p ? "low" : "low, CDN", &f.r);
	rig_end(s);
	return f;
}

/* As close to the encoder as from the CDN, and nearly all of it from each other. */
Test(low, peers_bring_parts_in_time)
{
	struct p2v_swarm_conf conf = low_conf();
	struct figures p2p = play(&conf, true), cdn = play(&conf, false);

	cr_assert_gt(p2p.parts, 5 * 100, "they play parts");
	cr_assert_lt(cdn.worst, 2500 * P2V_MSEC);
	cr_assert_leq(p2p.worst, cdn.worst + 300 * P2V_MSEC, "%lld us, %lld from the CDN",
		(long long)p2p.worst, (long long)cdn.worst);
	cr_assert_leq(p2p.r.stalls, cdn.r.stalls + 1);
	cr_assert_geq(p2p.r.mean_bitrate + cdn.r.mean_bitrate / 50, cdn.r.mean_bitrate);
	cr_assert_gt(p2p.r.savings, 0.9 * (1 - 1.0 / 5), "%.3f", p2p.r.savings);
	cr_assert_eq(p2p.polluted, 0);
}

/* Players read the parts up to the edge one after the other before they begin, and are as late ever
 * after as that took. An agent has the next ones when it is asked for them, also when it is alone.
 */
Test(low, who_begins_through_an_agent_is_not_as_late)
{
	struct p2v_swarm_conf conf = low_conf();
	struct figures p2p, cdn;

	conf.viewers = 1;
	p2p = play(&conf, true);
	cdn = play(&conf, false);
	cr_assert_leq(p2p.worst + 30 * P2V_MSEC, cdn.worst, "%lld us, %lld from the CDN",
		(long long)p2p.worst, (long long)cdn.worst);
	cr_assert_lt(p2p.r.wasted_bytes, p2p.r.cdn_bytes / 100);
}

/* An edge that answers at once: agents look again and again, and players are held all the same. */
Test(low, an_edge_that_does_not_hold_is_made_up_for)
{
	struct p2v_swarm_conf conf = low_conf();
	struct figures p2p;

	conf.viewers = 3;
	conf.origin.encoder.blocks = conf.origin.encoder.hints = false;
	p2p = play(&conf, true);
	cr_assert_gt(p2p.parts, 3 * 100);
	cr_assert_lt(p2p.worst, 3 * P2V_SECOND);
	cr_assert_gt(p2p.r.savings, 0.4, "%.3f", p2p.r.savings);
	cr_assert_leq(p2p.r.stalls, 3);
}

/* Players that know nothing of parts have whole fragments, and of parts nothing is fetched. */
Test(low, whole_fragments_are_enough_for_players_that_want_no_more)
{
	struct p2v_swarm_conf conf = low_conf();
	struct figures p2p;

	conf.viewers = 3;
	conf.player.low_latency = P2V_LOW_LATENCY_NO;
	p2p = play(&conf, true);
	cr_assert_eq(p2p.parts, 0);
	cr_assert_eq(p2p.r.stalls, 0);
	cr_assert_gt(p2p.r.savings, 0.5, "%.3f", p2p.r.savings);
	cr_assert_lt(p2p.r.wasted_bytes, p2p.r.p2p_bytes / 20);
}

/* Each fragment takes as long to come as it lasts, nearly, and nobody says how long it is: whoever
 * waited for its end before passing it on would have everybody fetch it from the CDN. */
Test(low, bodies_of_unknown_length_are_relayed_while_they_come)
{
	const struct p2v_origin_fault slow = {
		.match = "/v", .rate = 1400000 / 8 * 5 / 4, .no_length = true
	};
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	struct p2v_swarm *s;

	conf.viewers = 4;
	conf.player.abr = P2V_ABR_FIXED;
	conf.player.rendition = 2;
	s = rig_start(&conf);
	cr_assert_gt(p2v_origin_fail(p2v_swarm_origin(s), &slow), 0);
	p2v_swarm_run(s, 60 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("unknown length", &r);
	cr_assert_gt(r.savings, 0.5, "%.3f", r.savings);
	cr_assert_eq(p2v_swarm_polluted(s), 0);
	cr_assert_leq(r.stalls, 4);
	rig_end(s);
}
