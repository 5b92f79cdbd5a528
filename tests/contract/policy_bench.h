/* policy_bench.h - a policy on a bench: its options bound, a clock that the test turns, its own
 * random numbers, and no host. */
#ifndef P2V_TESTS_POLICY_BENCH_H
#define P2V_TESTS_POLICY_BENCH_H

#include <peer2view/plugin.h>
#include "framework/base/random.h"

struct bench {
	const struct p2v_plugin *plugin;
	struct p2v_env env;
	struct p2v_random random;
	uint64_t draws; /* random numbers that it took */
	p2v_usec now;
	void *conf, *st;
};

/** Bind the defaults and open a state. */
void bench_open(struct bench *b, const struct p2v_plugin *p, uint64_t seed);
void bench_close(struct bench *b);

#endif
