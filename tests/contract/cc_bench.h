/* cc_bench.h - a controller on a bench: the test turns the clock, and tells it what was
 * acknowledged and lost. */
#ifndef P2V_TESTS_CC_BENCH_H
#define P2V_TESTS_CC_BENCH_H

#include <peer2view/cc.h>
#include <peer2view/plugin.h>
#include "framework/base/random.h"

enum { MSS = 1200 };
#define MS  P2V_MSEC
#define RTT (50 * MS)

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_cubic_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_ledbat_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_dtl_LTX_p2v_plugin;

/* One controller, and a clock that the test turns. */
struct rig {
	const struct p2v_plugin *plugin;
	const struct p2v_cc_ops *ops;
	struct p2v_env env;
	struct p2v_random random;
	p2v_usec now;
	void *conf, *st;
};

/** With the default options, at time 1 s. */
void rig_init(struct rig *r, const struct p2v_plugin *p);
void rig_fini(struct rig *r);
/** What it allows; asserts what holds at any time. */
struct p2v_cc_view view(const struct rig *r);
uint64_t cwnd(const struct rig *r);
/** @param owd  [us] one-way delay, with the clocks' difference; P2V_UNKNOWN */
void ack_owd(
	struct rig *r, uint64_t bytes, p2v_usec sent, p2v_usec rtt, p2v_usec owd, bool limited);
void ack(struct rig *r, uint64_t bytes, p2v_usec sent, p2v_usec rtt, bool limited);
/** One packet. */
void lose(struct rig *r, p2v_usec sent, bool persistent);
void lose_many(struct rig *r, p2v_usec sent, uint32_t packets);
void set_priority(struct rig *r, double p);
/** One round trip in which the whole window is sent and acknowledged, packet by packet. */
void round_trip(struct rig *r, p2v_usec rtt, bool limited);
/** Out of slow start, in congestion avoidance, with about so many packets before the cut. */
void settle_at(struct rig *r, uint64_t packets);

#endif
