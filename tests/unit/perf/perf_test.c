/* perf_test.c - p2v-perf's two ends in virtual time: what they tell is what the link did. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "sdk/perf/inside.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"

TestSuite(perf, .timeout = 120);

extern const struct p2v_plugin p2v_cc_cubic_LTX_p2v_plugin;

/* 20 Mbit/s, 40 ms, 50 ms of queue on each machine's way out. */
static const struct p2v_link link20 = {
	.up = 2500000, .down = 2500000, .delay = 10000, .queue = 125000
};

struct one {
	struct p2v_machine *machine;
	struct p2v_world w;
	struct p2v_node node;
	struct p2v_policy cc;
	uint64_t cc_conf[32];
	struct p2v_sim_records *records;
	struct p2v_perf_cli cli;
	struct p2v_perf_end end;
	bool finished;
	unsigned told;
};

struct scene {
	struct p2v_sim *sim;
	struct one client, server;
	struct p2v_perf_client *c;
	struct p2v_perf_server *s;
};

static void on_finished(void *ctx)
{
	((struct one *)ctx)->finished = true;
}

static void on_interval(void *ctx, const struct p2v_perf_interval *i)
{
	(void)i;
	((struct one *)ctx)->told++;
}

static void one_init(struct scene *c, struct one *o, uint32_t ip, const char *words[])
{
	const struct p2v_plugin *cc = &p2v_cc_cubic_LTX_p2v_plugin;
	struct p2v_addr at = p2v_addr_v4(ip, 0), bind = { .port = 7000 };
	struct p2v_id id = { { (uint8_t)ip } };
	struct p2v_records records;
	char *argv[16] = { (char *)(uintptr_t) "p2v-perf" };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	cr_assert_eq(p2v_perf_cli_read(&o->cli, argc, argv), -1);
	o->machine = p2v_machine_new(c->sim, ip & 1 ? "client" : "server", &at, &link20);
	o->w = p2v_machine_world(o->machine);
	p2v_node_init(&o->node, &o->w, ip);
	cr_assert(cc->conf_size <= sizeof o->cc_conf);
	cr_assert_eq(p2v_options_default(cc->options, cc->option_size, o->cc_conf, NULL), P2V_OK);
	p2v_policy_init(&o->cc, &o->node, cc, o->cc_conf);
	o->records = p2v_sim_records_new(&o->node, &id, P2V_IS_PEER, NULL);
	records = p2v_sim_records(o->records);
	cr_assert_eq(p2v_perf_source_init(&o->end.source, NULL), P2V_OK);
	o->end.w = &o->w;
	o->end.cli = &o->cli;
	o->end.finished = on_finished;
	o->end.ctx = o;
	cr_assert_eq(p2v_dtl_new(&o->node, &o->cli.dtl, &records, &o->cc, &bind,
			     o->cli.serve ? &p2v_perf_server_handler : &p2v_perf_client_handler,
			     &o->end, &o->end.dtl, NULL),
		P2V_OK);
}

static void scene_init(struct scene *c, const char *words[])
{
	const char *serve[] = { "-s", "--port=7000", NULL };
	struct p2v_addr to;

	memset(c, 0, sizeof *c);
	c->sim = p2v_sim_new(1);
	one_init(c, &c->server, 0x0a000002, serve);
	one_init(c, &c->client, 0x0a000001, words);
	cr_assert_eq(p2v_perf_server_new(&c->server.end, &c->s), P2V_OK);
	cr_assert_eq(p2v_perf_client_new(&c->client.end, on_interval, &c->c), P2V_OK);
	to = p2v_dtl_bound(c->server.end.dtl);
	memcpy(to.ip, p2v_addr_v4(0x0a000002, 0).ip, sizeof to.ip);
	p2v_perf_client_dial(c->c, &to);
}

static void one_fini(struct one *o)
{
	p2v_dtl_free(o->end.dtl);
	p2v_sim_records_free(o->records);
	p2v_perf_source_fini(&o->end.source);
}

static void scene_fini(struct scene *c)
{
	one_fini(&c->client);
	one_fini(&c->server);
	p2v_perf_client_free(c->c);
	p2v_perf_server_free(c->s);
	p2v_sim_free(c->sim);
}

static const struct p2v_perf_result *play(struct scene *c, p2v_usec limit)
{
	(void)p2v_sim_run(c->sim, limit);
	cr_assert(c->client.finished);
	return p2v_perf_client_result(c->c);
}

static double rate(const struct p2v_perf_result *r)
{
	return (double)r->bytes * 8e6 / (double)r->elapsed;
}

static void fills_the_link(const char *words[])
{
	static struct scene c;
	const struct p2v_perf_result *r;
	double sum = 0;

	scene_init(&c, words);
	r = play(&c, 30 * P2V_SECOND);
	cr_assert_eq(r->err.code, P2V_OK, "%s", r->err.text);
	cr_assert(rate(r) > 17e6 && rate(r) < 20e6, "%g", rate(r));
	cr_assert_eq(r->n_intervals, 10);
	cr_assert_eq(c.client.told, 10);
	for (size_t i = 0; i < r->n_intervals; i++) {
		const struct p2v_perf_interval *v = &r->interval[i];

		cr_assert(llabs(v->t - (p2v_usec)(i + 1) * P2V_SECOND) < 10 * P2V_MSEC);
		cr_assert(v->goodput < 21e6 && v->cwnd > 0 && v->pace > 0);
		cr_assert(v->srtt >= 39 * P2V_MSEC && v->srtt < 120 * P2V_MSEC);
		cr_assert_eq(v->priority[0], i < 4 ? 1 : 3);
		sum += v->goodput / 10;
	}
	cr_assert(fabs(sum / rate(r) - 1) < 0.05, "intervals %g, in all %g", sum, rate(r));
	cr_assert(r->rtt >= 40e3 && r->rtt < 120e3 && r->sender.min_rtt >= 40 * P2V_MSEC);
	cr_assert(r->queue > 0 && r->queue_max <= 110 * P2V_MSEC, "%g, %lld", r->queue,
		(long long)r->queue_max);
	cr_assert(r->sender.lost > 0, "cubic fills the queue");
	cr_assert(r->sender.resent > 0 && r->sender.resent <= r->sender.lost);
	scene_fini(&c);
}

Test(perf, sends_for_a_time)
{
	const char *words[] = { "-c", "server", "--port=7000", "-t10", "--priority-at=4500ms=3",
		NULL };

	fills_the_link(words);
}

Test(perf, receives_for_a_time)
{
	const char *words[] = { "-c", "server", "--port=7000", "-t10", "-R",
		"--priority-at=4500ms=3", NULL };

	fills_the_link(words);
}

Test(perf, the_urgent_stream_goes_first)
{
	for (int reverse = 0; reverse < 2; reverse++) {
		static struct scene c;
		const char *words[] = { "-c", "server", "--port=7000", "-n8Mi", "-P2", "-p4,1",
			reverse ? "-R" : NULL, NULL };
		const struct p2v_perf_result *r;
		double first;

		scene_init(&c, words);
		r = play(&c, 30 * P2V_SECOND);
		cr_assert_eq(r->err.code, P2V_OK, "%s", r->err.text);
		cr_assert_eq(r->bytes, 8 << 20);
		cr_assert_eq(r->bytes_of[0], 4 << 20);
		cr_assert(r->n_intervals >= 3);
		/* Not of the first second: while a loss is mended, its window holds it back. */
		first = r->interval[1].goodput_of[0] / r->interval[1].goodput;
		cr_assert(first > 0.99, "%g of the second second", first);
		scene_fini(&c);
	}
}

Test(perf, a_server_that_goes_silent)
{
	static struct scene c;
	const char *words[] = { "-c", "server", "--port=7000", "-t60", "--give-up=3s", NULL };
	const struct p2v_link cut = { .delay = 10000, .loss = 1 };
	const struct p2v_perf_result *r;

	scene_init(&c, words);
	(void)p2v_sim_run(c.sim, 5 * P2V_SECOND);
	p2v_machine_set_link(c.server.machine, &cut);
	r = play(&c, 15 * P2V_SECOND);
	cr_assert_eq(r->err.code, P2V_ETIMEDOUT);
	cr_assert_str_eq(r->err.text, "the server went silent");
	cr_assert(r->bytes > 1000000, "what there was until then is told");
	scene_fini(&c);
}

/* ---- the wire ---- */

Test(perf, reports_travel_whole)
{
	struct p2v_perf_report a = { .t = 1, .cpu = 2, .got = 3, .n = 2, .got_of = { 4, 5 } }, b;
	uint8_t d[2 * P2V_PERF_REPORT_MAX];
	size_t n = p2v_perf_report_put(&a, d);

	a.info.lost = 7;
	a.info.resent = 8;
	cr_assert_eq(p2v_perf_report_put(&a, d), n);
	memset(&b, 0x55, sizeof b);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(p2v_perf_report_get(d, i, &b), 0);
	cr_assert_eq(b.n, UINT64_C(0x5555555555555555), "half a report changes nothing");
	cr_assert_eq(p2v_perf_report_get(d, n + 1, &b), n);
	cr_assert(b.t == 1 && b.cpu == 2 && b.got == 3 && b.n == 2 && b.got_of[1] == 5);
	cr_assert(b.info.lost == 7 && b.info.resent == 8);
	d[7] = P2V_PERF_STREAMS + 1;
	cr_assert_eq(p2v_perf_report_get(d, 8, &b), SIZE_MAX);
}

Test(perf, hellos_are_known_from_other_words)
{
	struct p2v_perf_hello a = { P2V_PERF_SOURCE, 63, UINT64_MAX, 5 }, b;
	uint8_t d[P2V_PERF_HELLO];

	p2v_perf_hello_put(&a, d);
	cr_assert(p2v_perf_hello_get(d, &b));
	cr_assert(b.kind == a.kind && b.index == 63 && b.bytes == UINT64_MAX && b.period == 5);
	for (int i = 0; i < 16; i++) {
		d[i] ^= 0x40;
		cr_assert_not(p2v_perf_hello_get(d, &b), "%d", i);
		d[i] ^= 0x40;
	}
	a.index = P2V_PERF_STREAMS;
	p2v_perf_hello_put(&a, d);
	cr_assert_not(p2v_perf_hello_get(d, &b));
}
