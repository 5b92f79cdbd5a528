/* crowd_test.c - many viewers, and long play: what takes minutes under sanitizers, and runs
 * without. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "tests/sim/swarm_rig.h"

TestSuite(crowd, .timeout = 300, .init = rig_init, .fini = rig_fini);

Test(crowd, twelve_viewers)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 12;
	rig_play_on("twelve", &conf, NULL, 100 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.85, "bound 0.917, got %.3f", r.savings);
	cr_assert_gt(r.offload, 0.85);
	cr_assert_lt(r.wasted_bytes, r.played_bytes / 100);
	rig_keeps_the_promise(&conf, NULL, 100 * P2V_SECOND, &r);
}

Test(crowd, thirty_viewers)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 30;
	rig_play_on("thirty", &conf, NULL, 80 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.85, "bound 0.967, got %.3f", r.savings);
	cr_assert_lt(r.wasted_bytes, r.played_bytes / 100);
	rig_keeps_the_promise(&conf, NULL, 80 * P2V_SECOND, &r);
}

/* An hour: memory stays within its bound, and every byte is counted once. */
Test(crowd, an_hour_needs_no_more_memory_than_a_minute)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	struct p2v_swarm *s;
	uint64_t most = 0;

	conf.viewers = 2;
	conf.delivery.cache = 4 << 20;
	s = rig_start(&conf);
	for (p2v_usec at = 20 * P2V_SECOND; at <= 3600 * P2V_SECOND; at += 20 * P2V_SECOND) {
		p2v_swarm_run(s, at);
		for (size_t i = 0; i < 2; i++) {
			uint64_t n = p2v_swarm_metrics(s, i)->v[P2V_M_CACHE_BYTES];

			most = n > most ? n : most;
		}
	}
	p2v_swarm_result(s, &r);
	rig_tell("an hour", &r);
	cr_assert_leq(most, (4u << 20) + 2 * 350000u, "%llu bytes", (unsigned long long)most);
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(r.savings, 0.45);
	for (size_t i = 0; i < 2; i++) {
		const uint64_t *m = p2v_swarm_metrics(s, i)->v;
		uint64_t came = m[P2V_M_DOWN_P2P] + m[P2V_M_DOWN_CDN];
		uint64_t went = m[P2V_M_SERVED_P2P] + m[P2V_M_SERVED_CDN] +
				m[P2V_M_WASTED_DUPLICATE] + m[P2V_M_WASTED_UNPLAYED];

		/* What came went to the player, was wasted, or is still here. */
		cr_assert_leq(went, came);
		cr_assert_leq(came, went + (4u << 20) + 2 * 350000u);
	}
	rig_end(s);
}
