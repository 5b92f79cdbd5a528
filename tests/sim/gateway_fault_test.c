/* gateway_fault_test.c - fragments of a CDN that fails: what passes is held and fetched again, only
 * the missing bytes of it; what lasts is told; contents are never mixed. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_fault, .timeout = 120, .init = rig_init, .fini = rig_fini);

#define SIZE 300000u

static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n"
			   "#EXTINF:4,\nc.ts\n#EXT-X-ENDLIST\n";

static void open_with(struct booth *b, const struct booth_conf *conf)
{
	struct visit v = { 0 };

	booth_open(b, conf);
	site_put(&b->cdn, &(struct page){ .target = "/live/m.m3u8",
				  .text = list,
				  .type = "application/vnd.apple.mpegurl" });
	cr_assert_eq(visit_get(b, &v, "/live/m.m3u8"), 200);
	visit_fini(&v);
}

static void open_plain(struct booth *b)
{
	struct booth_conf conf = booth_conf();

	open_with(b, &conf);
}

static const struct page plain = {
	.target = "/live/a.ts", .size = SIZE, .seed = 1, .etag = "\"one\""
};

Test(gateway_fault, a_passing_error_is_kept_from_the_player)
{
	static const uint32_t statuses[] = { 404, 410, 403, 500, 502, 503, 504, 429 };

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct page bad = plain, *p;
		struct visit v = { 0 };
		struct booth b;

		bad.fail_first = 2;
		bad.fail_status = statuses[i];
		open_plain(&b);
		p = site_put(&b.cdn, &bad);
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200, "%u: %u", statuses[i], v.status);
		visit_expect(&v, p, 0, SIZE);
		cr_assert_eq(p->requests, 3);
		cr_assert_lt(v.done_at - v.began, 2 * P2V_SECOND);
		cr_assert_eq(b.node.metrics.v[P2V_M_CDN_ERRORS], 2);
		cr_assert_eq(b.node.metrics.v[P2V_M_RESULT_CDN], 1);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_fault, an_error_that_lasts_is_told_in_the_end)
{
	static const uint32_t statuses[] = { 404, 503 };

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct page bad = plain, *p;
		struct visit v = { 0 };
		struct booth b;

		bad.fail_first = 100000;
		bad.fail_status = statuses[i];
		open_plain(&b);
		p = site_put(&b.cdn, &bad);
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), statuses[i]);
		cr_assert_geq(v.done_at - v.began, 2900 * P2V_MSEC, "held");
		cr_assert_leq(v.done_at - v.began, 4 * P2V_SECOND);
		cr_assert_leq(p->requests, 8, "%u", p->requests);
		cr_assert_eq(b.node.metrics.v[P2V_M_RESULT_FAILED], 1);
		/* Nobody waits, nobody asks. */
		p->requests = 0;
		booth_run(&b, 30 * P2V_SECOND);
		cr_assert_eq(p->requests, 0);
		/* It is there at last. */
		p->fail_first = 0;
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		visit_expect(&v, p, 0, SIZE);
		visit_fini(&v);
		booth_close(&b);
	}
}

/* While the player has something to play it can wait for longer than a player that has nothing. */
Test(gateway_fault, whoever_has_something_to_play_waits_for_longer)
{
	struct page bad = plain;
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &bad);
	bad.target = "/live/b.ts";
	site_put(&b.cdn, &bad);
	bad.target = "/live/c.ts";
	bad.fail_first = 100000;
	bad.fail_status = 503;
	site_put(&b.cdn, &bad);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/b.ts"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/c.ts"), 503);
	cr_assert_geq(v.done_at - v.began, 6500 * P2V_MSEC);
	cr_assert_leq(v.done_at - v.began, 10 * P2V_SECOND);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fault, a_body_that_breaks_off_is_gone_on_with_where_it_broke)
{
	struct page bad = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	bad.fail_first = 3;
	bad.fail_cut = 100001; /* of whatever is asked for: the end of it is asked for last */
	open_plain(&b);
	p = site_put(&b.cdn, &bad);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(v.code, P2V_OK);
	cr_assert_lt(p->bytes, SIZE + 65536u, "%llu bytes", (unsigned long long)p->bytes);
	cr_assert_eq(p->ranged, p->requests - 1);
	cr_assert(site_saw(p, "If-Range: \"one\""));
	visit_fini(&v);
	booth_close(&b);
}

/* Without validators too, and when the rest comes from a server that does not know ranges. */
Test(gateway_fault, it_goes_on_also_where_ranges_are_ignored)
{
	for (int etag = 0; etag < 2; etag++) {
		struct page bad = plain, *p;
		struct visit v = { 0 };
		struct booth b;

		bad.fail_first = 1;
		bad.fail_cut = 100000;
		bad.ignores_range = true;
		bad.rate = 400000;
		bad.etag = etag ? plain.etag : NULL;
		open_plain(&b);
		p = site_put(&b.cdn, &bad);
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		visit_expect(&v, p, 0, SIZE);
		cr_assert_eq(p->requests, 2);
		cr_assert_geq(b.node.metrics.v[P2V_M_WASTED_DUPLICATE], 90000);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_fault, lengths_that_nobody_tells_break_off_too)
{
	struct page bad = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	bad.fail_first = 1;
	bad.fail_cut = 100000;
	bad.chunked = true;
	open_plain(&b);
	p = site_put(&b.cdn, &bad);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(p->requests, 2);
	visit_fini(&v);
	booth_close(&b);
}

/* A player is never given the head of one content and the tail of another. */
Test(gateway_fault, content_that_changes_on_the_way_is_not_mixed)
{
	struct page bad = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	bad.rate = 100000;
	bad.fail_first = 1;
	bad.fail_cut = 150000;
	open_plain(&b);
	p = site_put(&b.cdn, &bad);
	visit_begin(&b, &v, "/live/a.ts");
	booth_run(&b, P2V_SECOND);
	p->etag = "\"two\"";
	p->seed = 2;
	visit_wait(&v);
	cr_assert_lt(v.code, 0, "it had bytes of the old one: it has to notice");
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_str_eq(visit_field(&v, "etag"), "\"two\"");
	visit_fini(&v);
	booth_close(&b);
}

/* … and whoever had no byte of it yet is given the new one as if nothing had been. */
Test(gateway_fault, content_that_changes_before_the_player_has_any_is_taken_whole)
{
	struct page bad = plain, *p;
	struct visit v = { .headers = { "Range: bytes=200000-" } };
	struct booth b;

	bad.rate = 100000;
	bad.fail_first = 1;
	bad.fail_cut = 150000;
	open_plain(&b);
	p = site_put(&b.cdn, &bad);
	visit_begin(&b, &v, "/live/a.ts");
	booth_run(&b, P2V_SECOND);
	p->etag = "\"two\"";
	p->seed = 2;
	visit_wait(&v);
	if (v.code == P2V_OK)
		visit_expect(&v, p, 200000, 100000);
	v.headers[0] = NULL;
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fault, a_cdn_that_says_nothing_is_asked_again)
{
	struct page bad = plain, *p;
	struct visit v = { 0 };
	struct booth b;

	bad.fail_first = 1;
	bad.fail_mute = true;
	open_plain(&b);
	p = site_put(&b.cdn, &bad);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200, "%u", v.status);
	visit_expect(&v, p, 0, SIZE);
	cr_assert_eq(p->requests, 2);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_fault, answers_that_are_none_are_not_taken)
{
	static const char *const ranges[] = { "Content-Range: bytes 0-299999/300000",
		"Content-Range: bytes 100001-299999/300000", "Content-Range: bytes x", NULL };

	for (size_t i = 0; ranges[i]; i++) {
		struct page bad = plain, *p;
		struct visit v = { 0 };
		struct booth b;

		/* 206, whatever was asked for. */
		bad.status = 206;
		bad.extra[0] = ranges[i];
		open_plain(&b);
		p = site_put(&b.cdn, &bad);
		visit_begin(&b, &v, "/live/a.ts");
		booth_run(&b, P2V_SECOND);
		cr_assert_eq(v.n, 0);
		p->status = 0;
		p->extra[0] = NULL;
		visit_wait(&v);
		cr_assert_eq(v.status, 200);
		visit_expect(&v, p, 0, SIZE);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_fault, a_redirected_fragment_is_followed)
{
	struct visit v = { 0 };
	struct page far = plain, *p;
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts",
				 .status = 302,
				 .text = "",
				 .extra = { "Location: http://cdn2/far/a.ts" } });
	far.target = "/far/a.ts";
	p = site_put(&b.other, &far);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, p, 0, SIZE);
	visit_fini(&v);
	booth_close(&b);
}

static const char parts[] = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:4\n"
			    "#EXTINF:4,\n#EXT-X-BYTERANGE:100000@0\nall.ts\n"
			    "#EXTINF:4,\n#EXT-X-BYTERANGE:250000\nall.ts\n#EXT-X-ENDLIST\n";

/* The manifest promises more than there is. */
Test(gateway_fault, a_byte_range_may_be_shorter_than_it_was_listed)
{
	struct visit v = { .headers = { "Range: bytes=100000-349999" } };
	struct page *p;
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/n.m3u8",
				 .text = parts,
				 .type = "application/vnd.apple.mpegurl" });
	cr_assert_eq(visit_get(&b, &v, "/live/n.m3u8"), 416);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/all.ts", .size = SIZE });
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&b, &v, "/live/all.ts"), 206);
		visit_expect(&v, p, 100000, 200000);
		cr_assert_str_eq(visit_field(&v, "content-range"), "bytes 100000-299999/300000");
	}
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}
