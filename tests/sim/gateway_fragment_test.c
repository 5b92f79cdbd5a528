/* gateway_fragment_test.c - fragments to a player: as it asks for them, as they arrive, fetched
 * once, with the CDN's headers. */
#include <criterion/criterion.h>

#include <string.h>

#include "plugins/player/model.h"
#include "tests/sim/booth.h"

TestSuite(gateway_fragment, .timeout = 120, .init = rig_init, .fini = rig_fini);

#define SIZE 300000u /* [B] of a fragment: 18 chunks and a piece */

static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
			   "#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n#EXTINF:4,\nc.ts\n"
			   "#EXT-X-ENDLIST\n";
static const char list_type[] = "application/vnd.apple.mpegurl";

/* An agent that knows the list: its fragments are fragments, not just objects. */
static void open_with(struct booth *b, const struct booth_conf *conf, const char *text)
{
	struct visit v = { 0 };

	booth_open(b, conf);
	site_put(&b->cdn,
		&(struct page){ .target = "/live/m.m3u8", .text = text, .type = list_type });
	cr_assert_eq(visit_get(b, &v, "/live/m.m3u8"), 200);
	visit_fini(&v);
}

static void open_plain(struct booth *b)
{
	struct booth_conf conf = booth_conf();

	open_with(b, &conf, list);
}

static const struct page plain = {
	.target = "/live/a.ts", .size = SIZE, .seed = 1, .etag = "\"one\""
};

/* ---- what a player asks for is what it gets ---- */

static const struct {
	const char *range;
	uint32_t status;
	size_t first, n;
	const char *content_range;
} ranges[] = { { NULL, 200, 0, SIZE, "" },
	{ "Range: bytes=0-", 206, 0, SIZE, "bytes 0-299999/300000" },
	{ "Range: bytes=0-0", 206, 0, 1, "bytes 0-0/300000" },
	{ "Range: bytes=16383-16384", 206, 16383, 2, "bytes 16383-16384/300000" },
	{ "Range: bytes=100000-199999", 206, 100000, 100000, "bytes 100000-199999/300000" },
	{ "Range: bytes=299999-", 206, 299999, 1, "bytes 299999-299999/300000" },
	{ "Range: bytes=299000-400000", 206, 299000, 1000, "bytes 299000-299999/300000" },
	{ "Range: bytes=-1000", 206, 299000, 1000, "bytes 299000-299999/300000" },
	{ "Range: bytes=-400000", 206, 0, SIZE, "bytes 0-299999/300000" },
	{ "Range: bytes=300000-", 416, 0, 0, "bytes */300000" },
	{ "Range: bytes=300000-300001", 416, 0, 0, "bytes */300000" },
	{ "Range: bytes=-0", 416, 0, 0, "bytes */300000" },
	/* Several ranges, another unit, nonsense: the whole, as RFC 9110 14.2 allows. */
	{ "Range: bytes=0-1,5-6", 200, 0, SIZE, "" }, { "Range: lines=0-1", 200, 0, SIZE, "" },
	{ "Range: bytes=9-3", 200, 0, SIZE, "" }, { "Range: bytes=x-", 200, 0, SIZE, "" } };

static void check_range(struct booth *b, size_t i, const struct page *p)
{
	struct visit v = { .headers = { ranges[i].range } };

	cr_assert_eq(visit_get(b, &v, "/live/a.ts"), ranges[i].status, "%s: %u",
		ranges[i].range ? ranges[i].range : "whole", v.status);
	visit_expect(&v, p, ranges[i].first, ranges[i].n);
	cr_assert_eq(v.code, P2V_OK);
	cr_assert_eq(v.length, ranges[i].n);
	cr_assert_str_eq(visit_field(&v, "content-range"), ranges[i].content_range);
	cr_assert_eq(visit_fields(&v, "content-range"), *ranges[i].content_range ? 1 : 0);
	cr_assert_str_eq(visit_field(&v, "accept-ranges"), "bytes");
	cr_assert_str_eq(visit_field(&v, "etag"), "\"one\"");
	visit_fini(&v);
}

Test(gateway_fragment, any_range_of_a_fragment_that_is_here)
{
	struct booth b;
	struct page *p;

	open_plain(&b);
	p = site_put(&b.cdn, &plain);
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		check_range(&b, i, p);
	cr_assert_eq(p->requests, 1, "fetched %u times", p->requests);
	cr_assert_eq(p->bytes, SIZE);
	booth_close(&b);
}

Test(gateway_fragment, any_range_of_a_fragment_that_is_yet_to_come)
{
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		struct booth b;

		open_plain(&b);
		check_range(&b, i, site_put(&b.cdn, &plain));
		booth_close(&b);
	}
}

Test(gateway_fragment, a_head_is_a_get_without_its_body)
{
	struct visit v = { .head = true };
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &plain);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		cr_assert_eq(v.length, SIZE);
		cr_assert_eq(v.n, 0);
		cr_assert_str_eq(visit_field(&v, "content-type"), "video/mp2t");
	}
	v.headers[0] = "Range: bytes=5-9";
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 206);
	cr_assert_eq(v.length, 5);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fragment, the_cdns_headers_come_with_it_and_ours_beside_them)
{
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	site_put(
		&b.cdn, &(struct page){ .target = "/live/a.ts",
				.size = SIZE,
				.type = "video/weird; a=b",
				.etag = "\"e\"",
				.extra = { "Cache-Control: max-age=60", "X-Custom: yes",
					"Set-Cookie: who=you",
					"Access-Control-Allow-Origin: "
					"https://site.example",
					"Content-Encoding: gzip", "Age: 7", "X-P2V-Source: no" } });
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		cr_assert_str_eq(visit_field(&v, "content-type"), "video/weird; a=b");
		cr_assert_str_eq(visit_field(&v, "etag"), "\"e\"");
		cr_assert_str_eq(visit_field(&v, "cache-control"), "max-age=60");
		cr_assert_str_eq(visit_field(&v, "x-custom"), "yes");
		cr_assert_str_eq(visit_field(&v, "content-encoding"), "gzip");
		/* Two of them make browsers refuse both. */
		cr_assert_str_eq(
			visit_field(&v, "access-control-allow-origin"), "https://site.example");
		cr_assert_eq(visit_fields(&v, "access-control-allow-origin"), 1);
		/* One viewer's own, or of one moment. */
		cr_assert_eq(visit_fields(&v, "set-cookie"), 0);
		cr_assert_eq(visit_fields(&v, "age"), 0);
		cr_assert_eq(visit_fields(&v, "x-p2v-source"), 1);
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), i ? "cache" : "cdn");
		cr_assert_str_eq(visit_field(&v, "cache-status"),
			i ? "peer2view; hit" : "peer2view; fwd=miss");
	}
	visit_fini(&v);
	booth_close(&b);
}

/* ---- byte ranges of one file ---- */

static const char parts[] = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:4\n"
			    "#EXTINF:4,\n#EXT-X-BYTERANGE:100000@0\nall.ts\n"
			    "#EXTINF:4,\n#EXT-X-BYTERANGE:100000\nall.ts\n"
			    "#EXTINF:4,\n#EXT-X-BYTERANGE:100000\nall.ts\n#EXT-X-ENDLIST\n";

Test(gateway_fragment, a_fragment_may_be_a_range_of_a_file)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { .headers = { "Range: bytes=100000-199999" } };
	struct page *p;
	struct booth b;

	open_with(&b, &conf, parts);
	p = site_put(
		&b.cdn, &(struct page){ .target = "/live/all.ts", .size = SIZE, .etag = "\"x\"" });
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/all.ts"), 206);
		visit_expect(&v, p, 100000, 100000);
		cr_assert_str_eq(visit_field(&v, "content-range"), "bytes 100000-199999/300000");
	}
	cr_assert_eq(p->requests, 1);
	cr_assert_eq(p->bytes, 100000, "only that range is fetched");
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 2);
	/* What is no fragment passes through. */
	v.headers[0] = "Range: bytes=50000-149999";
	cr_assert_eq(visit_get(&b, &v, "/live/all.ts"), 206);
	visit_expect(&v, p, 50000, 100000);
	v.headers[0] = NULL;
	cr_assert_eq(visit_get(&b, &v, "/live/all.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 2);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fragment, a_cdn_that_ignores_ranges_still_gives_the_right_one)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { .headers = { "Range: bytes=100000-199999" } };
	struct page *p;
	struct booth b;

	open_with(&b, &conf, parts);
	p = site_put(&b.cdn,
		&(struct page){ .target = "/live/all.ts", .size = SIZE, .ignores_range = true });
	cr_assert_eq(visit_get(&b, &v, "/live/all.ts"), 206);
	visit_expect(&v, p, 100000, 100000);
	cr_assert_eq(b.node.metrics.v[P2V_M_SERVED_CDN], 100000);
	cr_assert_geq(b.node.metrics.v[P2V_M_WASTED_DUPLICATE], 100000, "what came before it");
	visit_fini(&v);
	booth_close(&b);
}

/* ---- as it arrives ---- */

Test(gateway_fragment, bytes_reach_the_player_while_others_are_still_at_the_cdn)
{
	struct page slow = plain;
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	slow.rate = 100000; /* three seconds */
	site_put(&b.cdn, &slow);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, &slow, 0, SIZE);
	cr_assert_lt(v.first_at - v.began, 300 * P2V_MSEC);
	cr_assert_gt(v.done_at - v.began, 2500 * P2V_MSEC);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fragment, a_fragment_is_fetched_once_for_all_who_wait)
{
	struct visit v[4] = { { .headers = { "User-Agent: a" } },
		{ .headers = { "User-Agent: b" } },
		{ .headers = { "User-Agent: c", "Range: bytes=200000-" } },
		{ .headers = { "User-Agent: d" } } };
	struct page slow = plain, *p;
	struct booth b;

	open_plain(&b);
	slow.rate = 100000;
	p = site_put(&b.cdn, &slow);
	visit_begin(&b, &v[0], "/live/a.ts");
	visit_begin(&b, &v[1], "/live/a.ts");
	visit_begin(&b, &v[2], "/live/a.ts");
	booth_run(&b, 1500 * P2V_MSEC);
	visit_begin(&b, &v[3], "/live/a.ts"); /* gets what is there at once */
	booth_run(&b, 100 * P2V_MSEC);
	cr_assert_gt(v[3].n, 100000);
	for (size_t i = 0; i < 4; i++) {
		visit_wait(&v[i]);
		visit_expect(&v[i], p, i == 2 ? 200000 : 0, i == 2 ? 100000 : SIZE);
		visit_fini(&v[i]);
	}
	cr_assert_eq(p->requests, 1);
	cr_assert_eq(p->bytes, SIZE);
	booth_close(&b);
}

Test(gateway_fragment, who_leaves_does_not_end_what_others_share)
{
	struct visit stays = { 0 }, leaves = { .leave_at = 50000 };
	struct page slow = plain, *p;
	struct booth b;

	open_plain(&b);
	slow.rate = 100000;
	p = site_put(&b.cdn, &slow);
	visit_begin(&b, &leaves, "/live/a.ts");
	booth_run(&b, 200 * P2V_MSEC);
	visit_begin(&b, &stays, "/live/a.ts");
	visit_wait(&stays);
	cr_assert(leaves.done);
	visit_expect(&stays, p, 0, SIZE);
	cr_assert_eq(p->requests, 1);
	cr_assert_eq(p->bytes, SIZE);
	visit_fini(&stays);
	visit_fini(&leaves);
	booth_close(&b);
}

/* A player that gives up a fragment does so because the line is slow: it is not to pay for it. */
Test(gateway_fragment, what_nobody_waits_for_any_more_leaves_the_line)
{
	struct visit v = { .leave_at = 50000 };
	struct page slow = plain, *p;
	uint64_t then;
	struct booth b;

	open_plain(&b);
	slow.rate = 100000;
	p = site_put(&b.cdn, &slow);
	visit_begin(&b, &v, "/live/a.ts");
	visit_wait(&v);
	booth_run(&b, 100 * P2V_MSEC);
	then = p->bytes;
	booth_run(&b, 5 * P2V_SECOND);
	cr_assert_eq(p->bytes, then, "%llu more bytes came", (unsigned long long)(p->bytes - then));
	/* What came is kept: only the rest is fetched when it is asked for again. */
	v.leave_at = 0;
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(p->requests, 2);
	cr_assert_eq(p->ranged, 1);
	cr_assert_lt(p->bytes, SIZE + 65536, "%llu bytes", (unsigned long long)p->bytes);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fragment, a_slow_reader_gets_all_of_it)
{
	struct visit v = { .pause_at = 1 };
	struct booth b;
	struct page *p;

	open_plain(&b);
	p = site_put(&b.cdn, &plain);
	visit_begin(&b, &v, "/live/a.ts");
	for (int i = 0; i < 400 && !v.done; i++) {
		booth_run(&b, 100 * P2V_MSEC);
		v.pause_at = v.n + 1;
		if (!v.done)
			visit_resume(&v);
	}
	visit_wait(&v);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- lengths ---- */

Test(gateway_fragment, an_empty_fragment_is_a_fragment)
{
	struct visit v = { 0 };
	struct booth b;
	struct page *p;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .text = "" });
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		cr_assert_eq(v.length, 0);
		cr_assert_eq(v.code, P2V_OK);
	}
	v.headers[0] = "Range: bytes=0-";
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 416);
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fragment, a_length_that_nobody_tells_beforehand)
{
	struct page odd = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	odd.chunked = true;
	odd.rate = 200000;
	p = site_put(&b.cdn, &odd);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_eq(v.length, P2V_LENGTH_UNKNOWN);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_lt(v.first_at - v.began, 300 * P2V_MSEC);
	/* Now it is known, and so are ranges of it. */
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_eq(v.length, SIZE);
	v.headers[0] = "Range: bytes=-10";
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 206);
	visit_expect(&v, p, SIZE - 10, 10);
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

/* At the edge of a chunk, and nothing at all. */
Test(gateway_fragment, untold_lengths_at_the_edges)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 32768 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct visit v = { 0 };
		struct booth b;
		struct page *p;

		open_plain(&b);
		p = site_put(&b.cdn,
			&(struct page){
				.target = "/live/a.ts", .size = sizes[i], .chunked = true });
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		visit_expect(&v, p, 0, sizes[i]);
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		cr_assert_eq(v.length, sizes[i]);
		visit_expect(&v, p, 0, sizes[i]);
		cr_assert_eq(p->requests, 1);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_fragment, what_is_too_large_to_hold_passes_through)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;
	struct page *p;

	conf.delivery.max_fragment = 100000;
	open_with(&b, &conf, list);
	p = site_put(&b.cdn, &plain);
	for (uint32_t i = 1; i <= 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		visit_expect(&v, p, 0, SIZE);
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
		/* Once to learn how large it is, then once a request. */
		cr_assert_eq(p->requests, 1 + i);
	}
	cr_assert_lt(p->bytes, 2 * SIZE + 200000);
	cr_assert_eq(b.node.metrics.v[P2V_M_CACHE_BYTES], 0);
	v.headers[0] = "Range: bytes=1000-1999";
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 206);
	visit_expect(&v, p, 1000, 1000);
	visit_fini(&v);
	booth_close(&b);
}

/* It shows only on the way: the first player is cut, and whoever asks again has it passed
 * through. */
Test(gateway_fragment, what_turns_out_to_be_too_large_passes_through_next_time)
{
	struct booth_conf conf = booth_conf();
	struct page odd = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	conf.delivery.max_fragment = 100000;
	odd.chunked = true;
	open_with(&b, &conf, list);
	p = site_put(&b.cdn, &odd);
	(void)visit_get(&b, &v, "/live/a.ts");
	cr_assert_lt(v.code, 0, "it has to notice");
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(p->requests, 2);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- pace ---- */

Test(gateway_fragment, a_player_plugin_may_pace_it)
{
	struct model_conf generic = { .finish_share = 0.5,
		.rise_share = 0.65,
		.pace = 2,
		.hold = 3 * P2V_SECOND,
		.patience = 60 * P2V_SECOND };
	static const char master[] = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\nm.m3u8\n";
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;
	struct page *p;

	conf.plugins.player.conf = &generic;
	open_with(&b, &conf, list);
	site_put(&b.cdn,
		&(struct page){ .target = "/live/master.m3u8", .text = master, .type = list_type });
	p = site_put(&b.cdn, &plain);
	cr_assert_eq(visit_get(&b, &v, "/live/master.m3u8"), 200);
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	/* 64 KiB at once, the rest at 2 x 400 kbit/s = 100 kB/s */
	cr_assert_geq(v.done_at - v.began, 2200 * P2V_MSEC);
	cr_assert_leq(v.done_at - v.began, 2800 * P2V_MSEC);
	visit_fini(&v);
	booth_close(&b);
}
