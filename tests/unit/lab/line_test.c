/* line_test.c - the bottleneck's laws, to the nanosecond: when packets come out, which are dropped,
 * how many are lost, and who is told to have had what. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "sdk/lab/line.h"

TestSuite(line, .timeout = 120);

#define MS INT64_C(1000000)

static struct p2v_line_conf conf_of(uint64_t rate, int delay_ms, int queue_ms)
{
	struct p2v_line_conf c;

	memset(&c, 0, sizeof c);
	c.rate = rate;
	c.delay = delay_ms * P2V_MSEC;
	c.queue = queue_ms * P2V_MSEC;
	return c;
}

/* An IPv4 packet of UDP. */
static const uint8_t *udp4(uint16_t from, uint16_t to)
{
	static uint8_t p[65536];

	memset(p, 0, 64);
	p[0] = 0x45;
	p[9] = 17;
	p[20] = (uint8_t)(from >> 8);
	p[21] = (uint8_t)from;
	p[22] = (uint8_t)(to >> 8);
	p[23] = (uint8_t)to;
	return p;
}

static void put(struct p2v_line *line, p2v_nsec now, size_t n)
{
	cr_assert_eq(p2v_line_put(line, now, udp4(1, 2), n), P2V_OK);
}

/* When the next one comes out: not a nanosecond before. */
static p2v_nsec out(struct p2v_line *line)
{
	p2v_nsec due = p2v_line_due(line);
	struct p2v_line_packet *packet;

	cr_assert_neq(due, INT64_MAX);
	cr_assert_null(p2v_line_get(line, due - 1));
	packet = p2v_line_get(line, due);
	cr_assert_not_null(packet);
	free(packet);
	return due;
}

Test(line, a_packet_takes_what_it_is_long_and_the_delay)
{
	struct p2v_line_conf c = conf_of(20000000, 20, 100);
	struct p2v_line line;

	p2v_line_init(&line, &c, 1, "x");
	cr_assert_eq(p2v_line_due(&line), INT64_MAX);
	put(&line, 5 * MS, 1500);
	put(&line, 5 * MS, 1500);
	put(&line, 50 * MS, 100);
	cr_assert_eq(out(&line), 5 * MS + 600000 + 20 * MS);
	cr_assert_eq(out(&line), 5 * MS + 1200000 + 20 * MS, "the second waits for the first");
	cr_assert_eq(out(&line), 50 * MS + 40000 + 20 * MS, "the third finds nobody");
	cr_assert_eq(line.all.wait_max, 600000);
	cr_assert_eq(line.all.wait_sum, 600000);
	p2v_line_fini(&line);
}

/* 50 ms at 20 Mbit/s are 125000 bytes: 83 packets of 1500 and a half. The packet on the wire counts
 * with what is left of it. */
static unsigned taken(struct p2v_line *line, p2v_nsec now, unsigned offered, size_t n)
{
	uint64_t before = line->all.queued;

	for (unsigned i = 0; i < offered; i++)
		put(line, now, n);
	return (unsigned)(line->all.queued - before);
}

Test(line, the_queue_holds_just_what_it_should)
{
	struct p2v_line_conf c = conf_of(20000000, 20, 50);
	struct p2v_line line;

	p2v_line_init(&line, &c, 1, "x");
	cr_assert_eq(p2v_line_queue_limit(&line), 50 * MS);
	cr_assert_eq(taken(&line, 0, 200, 1500), 83);
	cr_assert_eq(line.all.dropped, 117);
	/* 500 bytes are left; they are taken by smaller ones. */
	cr_assert_eq(taken(&line, 0, 10, 100), 5);
	cr_assert_eq(line.free_at, 50 * MS);
	/* What a millisecond has drained is room again: 2500 bytes. */
	cr_assert_eq(taken(&line, MS, 10, 1250), 2);
	cr_assert_leq(line.all.wait_max, 50 * MS);
	p2v_line_fini(&line);
}

Test(line, the_queue_in_bytes)
{
	struct p2v_line_conf c = conf_of(8000000, 0, 50);
	struct p2v_line line;

	c.queue_bytes = 6000;
	p2v_line_init(&line, &c, 1, "x");
	cr_assert_eq(taken(&line, 0, 20, 1500), 4);
	p2v_line_fini(&line);
	/* Less than a packet: the wire still takes one at a time. */
	c.queue_bytes = 100;
	p2v_line_init(&line, &c, 1, "x");
	cr_assert_eq(taken(&line, 0, 20, 1500), 1);
	cr_assert_eq(taken(&line, 1500000, 20, 1500), 1);
	p2v_line_fini(&line);
}

Test(line, the_rate_is_kept_however_odd)
{
	struct p2v_line_conf c = conf_of(12345678, 0, 10000);
	struct p2v_line line;
	p2v_nsec last = 0;

	p2v_line_init(&line, &c, 1, "x");
	for (int i = 0; i < 10000; i++)
		put(&line, 0, 1000);
	for (int i = 0; i < 10000; i++)
		last = out(&line);
	/* 80 Mbit at 12.345678 Mbit/s */
	cr_assert_lt(llabs(last - 6480000726), 10000, "%lld", (long long)last);
	p2v_line_fini(&line);
}

Test(line, without_a_rate_nothing_waits)
{
	struct p2v_line_conf c = conf_of(0, 7, 0);
	struct p2v_line line;

	p2v_line_init(&line, &c, 1, "x");
	cr_assert_eq(taken(&line, 3, 1000, 1500), 1000);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(out(&line), 3 + 7 * MS);
	p2v_line_fini(&line);
}

static uint64_t pattern(uint64_t seed, const char *name, double loss, uint64_t *lost)
{
	struct p2v_line_conf c = conf_of(0, 0, 0);
	struct p2v_line line;
	uint64_t bits = 0;

	c.loss = loss;
	p2v_line_init(&line, &c, seed, name);
	for (int i = 0; i < 100000; i++) {
		uint64_t before = line.all.lost;

		put(&line, i, 100);
		if (i < 64)
			bits = bits << 1 | (line.all.lost != before);
	}
	*lost = line.all.lost;
	cr_assert_eq(line.flows[1].lost, line.all.lost);
	p2v_line_fini(&line);
	return bits;
}

Test(line, losses_are_as_many_as_asked_for_and_follow_the_seed)
{
	uint64_t a, b, none, all;

	/* 2000 of 100000, a standard deviation of 44: within four of them */
	(void)pattern(1, "x", 0.02, &a);
	cr_assert(a > 1823 && a < 2177, "%llu", (unsigned long long)a);
	(void)pattern(1, "x", 0, &none);
	(void)pattern(1, "x", 1, &all);
	cr_assert_eq(none, 0);
	cr_assert_eq(all, 100000);
	cr_assert_eq(pattern(7, "x", 0.5, &a), pattern(7, "x", 0.5, &b));
	cr_assert_eq(a, b);
	cr_assert_neq(pattern(7, "x", 0.5, &a), pattern(8, "x", 0.5, &b));
	cr_assert_neq(pattern(7, "x", 0.5, &a), pattern(7, "y", 0.5, &b));
}

/* What is lost has had its time on the wire all the same. */
Test(line, a_lost_packet_takes_time)
{
	struct p2v_line_conf c = conf_of(20000000, 0, 100);
	struct p2v_line line;

	c.loss = 1;
	p2v_line_init(&line, &c, 1, "x");
	put(&line, 0, 1500);
	line.conf.loss = 0;
	put(&line, 0, 1500);
	cr_assert_eq(out(&line), 1200000);
	p2v_line_fini(&line);
}

Test(line, a_black_hole_swallows_what_is_too_large)
{
	struct p2v_line_conf c = conf_of(20000000, 0, 100);
	struct p2v_line line;

	c.mtu = 1400;
	p2v_line_init(&line, &c, 1, "x");
	put(&line, 0, 1401);
	put(&line, 0, 1400);
	cr_assert_eq(line.all.oversize, 1);
	cr_assert_eq(out(&line), 560000, "what vanished takes no time");
	p2v_line_fini(&line);
}

/* ---- who had what ---- */

static void cross(struct p2v_line *line, const uint8_t *p, size_t n)
{
	struct p2v_line_packet *packet;

	cr_assert_eq(p2v_line_put(line, 0, p, n), P2V_OK);
	packet = p2v_line_get(line, 0);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->n, n);
	cr_assert_arr_eq(packet->p, p, n);
	free(packet);
}

Test(line, each_flow_is_counted_by_itself)
{
	struct p2v_line_conf c = conf_of(0, 0, 0);
	uint8_t six[60] = { 0x60, [6] = 6, [41] = 80, [43] = 81 };
	uint8_t fragment[60] = { 0x45, [6] = 0x20, [7] = 5, [9] = 17, [20] = 9, [22] = 9 };
	uint8_t odd[3] = { 0x45, 1, 2 };
	struct p2v_line line;

	p2v_line_init(&line, &c, 1, "x");
	cross(&line, udp4(1000, 53), 100);
	cross(&line, udp4(1000, 54), 200);
	cross(&line, udp4(1000, 53), 300);
	cross(&line, six, sizeof six);
	cross(&line, fragment, sizeof fragment);
	cross(&line, odd, sizeof odd);
	cr_assert_eq(line.flow_n, 6);
	cr_assert_eq(line.flows[1].proto, 17);
	cr_assert_eq(line.flows[1].from, 1000);
	cr_assert_eq(line.flows[1].to, 53);
	cr_assert_eq(line.flows[1].packets, 2);
	cr_assert_eq(line.flows[1].bytes, 400);
	cr_assert_eq(line.flows[2].bytes, 200);
	cr_assert_eq(line.flows[3].proto, 6);
	cr_assert_eq(line.flows[3].from, 80);
	cr_assert_eq(line.flows[3].to, 81);
	cr_assert_eq(line.flows[4].from, 0, "a later fragment has no ports");
	cr_assert_eq(line.flows[5].proto, 0);
	p2v_line_fini(&line);
}

Test(line, more_flows_than_places)
{
	struct p2v_line_conf c = conf_of(0, 0, 0);
	struct p2v_line line;
	uint64_t bytes = 0;

	p2v_line_init(&line, &c, 1, "x");
	for (uint16_t i = 0; i < 1000; i++)
		cross(&line, udp4(i, 1), 100);
	cr_assert_eq(line.flow_n, P2V_LINE_FLOWS);
	for (uint32_t i = 0; i < line.flow_n; i++)
		bytes += line.flows[i].bytes;
	cr_assert_eq(bytes, 100000);
	cr_assert_eq(line.flows[0].packets, 1000 - (P2V_LINE_FLOWS - 1));
	p2v_line_fini(&line);
}

Test(line, a_lap_begins_anew_and_the_sum_does_not)
{
	struct p2v_line_conf c = conf_of(20000000, 0, 100);
	struct p2v_text a = { 0 }, b = { 0 };
	struct p2v_json ja = { .out = &a }, jb = { .out = &b };
	struct p2v_line line;

	p2v_line_init(&line, &c, 1, "x");
	put(&line, 0, 1500);
	put(&line, 0, 1500);
	(void)out(&line);
	(void)out(&line);
	p2v_json_open(&ja, NULL, '{');
	p2v_line_lap(&line, &ja);
	p2v_json_close(&ja, '}');
	cr_assert_str_eq(a.p,
		"{\"packets\":2,\"bytes\":3000,\"dropped\":0,\"lost\":0,\"oversize\":0,"
		"\"wait_mean_ms\":0.300,\"wait_max_ms\":0.600,\"flows\":[{\"proto\":17,\"from\":1,"
		"\"to\":2,\"packets\":2,\"bytes\":3000,\"dropped\":0,\"lost\":0}]}");
	p2v_json_open(&jb, NULL, '{');
	p2v_line_lap(&line, &jb);
	p2v_json_close(&jb, '}');
	cr_assert_not_null(strstr(b.p, "{\"packets\":0,\"bytes\":0,"));
	cr_assert_not_null(strstr(b.p, "\"packets\":2,\"bytes\":3000"));
	cr_assert_eq(line.all.bytes, 3000);
	p2v_text_fini(&a);
	p2v_text_fini(&b);
	p2v_line_fini(&line);
}
