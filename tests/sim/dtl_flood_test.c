/* dtl_flood_test.c - remotes that stay within the rules and do too much of everything: what they
 * can have of us is bounded, and whoever speaks beside them is as fast as without them. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/sim/dtl_net.h"
#include "tests/sim/rogue.h"

TestSuite(dtl_flood, .timeout = 120);

static const struct p2v_link wide = { .delay = 5000 };
static const struct p2v_link line = {
	.up = 1250000, .down = 1250000, .delay = 5000, .queue = 50000
};

typedef void act(struct rogue *r, uint64_t i);

/* What came of a run of one honest transfer beside a rogue. */
struct result {
	p2v_usec took;
	bool closed; /* the rogue */
	uint64_t code;
	uint64_t to_rogue, from_rogue; /* datagrams */
};

static struct result run(act *each_ms)
{
	struct p2v_link_count count;
	struct result out;
	struct end *victim, *honest;
	struct rogue r;
	struct net net;
	struct xfer *x;
	uint64_t i = 0;

	net_init(&net, 7, &p2v_cc_newreno_LTX_p2v_plugin);
	victim = net_end(&net, &wide);
	honest = net_end(&net, &line);
	cr_assert(rogue_init(&r, net.sim, 9, &victim->addr));
	cr_assert(rogue_dial(&r));
	net_run(&net, 100 * P2V_MSEC);
	x = net_send(net_connect(honest, victim), 10, 4000000);
	while (!x->ended && i < 60000) {
		if (each_ms)
			each_ms(&r, i);
		i++;
		net_run(&net, P2V_MSEC);
	}
	cr_assert(x->eof && !x->wrong);
	cr_assert_eq(honest->closed, 0);
	out = (struct result){
		.took = x->took, .closed = r.closed, .code = r.close_code, .to_rogue = r.datagrams
	};
	p2v_machine_count(r.machine, &count);
	out.from_rogue = count.sent;
	net_run(&net, P2V_SECOND);
	rogue_fini(&r);
	net_fini(&net);
	return out;
}

/* The same beside a quiet remote and beside this one. */
static struct result beside(act *each_ms)
{
	p2v_usec alone = run(NULL).took;
	struct result r = run(each_ms);

	cr_assert(r.from_rogue > 3000, "it did something");
	cr_assert(10 * r.took <= 11 * alone, "%lld us instead of %lld", (long long)r.took,
		(long long)alone);
	/* Each of its packets has one answer at most, but for what starts and ends a session. */
	cr_assert(r.to_rogue <= r.from_rogue + 100, "%llu datagrams for %llu",
		(unsigned long long)r.to_rogue, (unsigned long long)r.from_rogue);
	return r;
}

static void pings(struct rogue *r, uint64_t i)
{
	(void)i;
	for (int k = 0; k < 10; k++)
		rogue_send(r, "\x01\x01\x01\x01\x01\x01\x01\x01", 8);
}

Test(dtl_flood, pings)
{
	cr_assert(!beside(pings).closed);
}

static void priorities(struct rogue *r, uint64_t i)
{
	struct p2v_frame f = { .type = P2V_F_PRIORITY,
		.u.priority = { .id = 4 * (i % 16), .priority = (uint32_t)(i % 4096) } };

	for (int k = 0; k < 10; k++) {
		f.u.priority.id = 4 * ((i + (uint64_t)k) % 200);
		rogue_frame(r, &f);
	}
}

Test(dtl_flood, priorities)
{
	cr_assert(!beside(priorities).closed);
}

static void control(struct rogue *r, uint64_t i)
{
	struct p2v_frame data = { .type = P2V_F_MAX_DATA, .u.max.max = i * 100000 };
	struct p2v_frame streams = { .type = P2V_F_MAX_STREAMS, .u.max.max = i };
	struct p2v_frame settings = { .type = P2V_F_SETTINGS,
		.u.settings = { .version = 1, .max_data = i, .max_stream_data = i } };

	for (int k = 0; k < 3; k++) {
		rogue_frame(r, &data);
		rogue_frame(r, &streams);
		rogue_frame(r, &settings);
	}
}

Test(dtl_flood, settings_and_windows)
{
	cr_assert(!beside(control).closed);
}

/* It opens streams and cuts them, each as soon as it is granted another. */
static void resets(struct rogue *r, uint64_t i)
{
	static const uint8_t byte[1];
	uint64_t most = r->max_streams ? r->max_streams : 256;

	for (uint64_t id = 2 * i; id < 2 * i + 2 && id < most; id++) {
		struct p2v_frame open = { .type = P2V_F_STREAM,
			.u.stream = { .id = 4 * id, .data = { byte, 1 } } };
		struct p2v_frame cut = { .type = P2V_F_RESET,
			.u.cut = { .id = 4 * id, .code = 1, .size = 1 } };

		rogue_frame(r, &open);
		rogue_frame(r, &cut);
	}
	rogue_send(r, "\x01", 1);
}

Test(dtl_flood, resets)
{
	cr_assert(!beside(resets).closed);
}

/* One byte in each block of every stream, and never the first: all that is kept is the windows'. */
static void fragments(struct rogue *r, uint64_t i)
{
	static const uint8_t byte[1];

	for (uint64_t k = 2 * i; k < 2 * i + 2; k++) {
		struct p2v_frame f = { .type = P2V_F_STREAM,
			.u.stream = { .id = 4 * (k % 200),
				.offset = 1 + 4096 * (k / 200) % 200000,
				.data = { byte, 1 } } };

		rogue_frame(r, &f);
	}
}

Test(dtl_flood, tiny_fragments)
{
	struct result r = beside(fragments);

	/* 200 streams of 16 KiB and more are beyond the session's window */
	cr_assert(r.closed);
	cr_assert_eq(r.code, P2V_DTL_FLOW);
}

/* ACKs that take back what they told, again and again. */
static void shrinking_acks(struct rogue *r, uint64_t i)
{
	struct p2v_frame f = { .type = P2V_F_ACK,
		.u.ack = { .n = 1, .echo = r->stamp, .range = { { 0, r->largest + 1 } } } };

	r->dumb = true;
	if (r->lowest_unsent == 0)
		return;
	f.u.ack.range[0].lo = i % 2 ? r->largest : 0;
	for (int k = 0; k < 5; k++)
		rogue_frame(r, &f);
	rogue_send(r, "\x01", 1);
}

Test(dtl_flood, acks_that_shrink)
{
	cr_assert(!beside(shrinking_acks).closed);
}
