/* gateway_manifest_test.c - manifests to a player: as the CDN has them, led back through the agent
 * where they would lead past it, fetched once for all who ask, and kept coming while the CDN fails.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_manifest, .timeout = 120, .init = rig_init, .fini = rig_fini);

static const char type[] = "application/vnd.apple.mpegurl";
static const char plain[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";

static struct page *put(struct booth *b, const char *text)
{
	return site_put(&b->cdn,
		&(struct page){
			.target = "/live/m.m3u8", .text = text, .type = type, .etag = "\"m1\"" });
}

static void open_plain(struct booth *b)
{
	struct booth_conf conf = booth_conf();

	booth_open(b, &conf);
}

/* ---- the text ---- */

static void becomes(const char *mount, const char *origin, const char *given, const char *wanted)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;
	char path[64];

	conf.channels[0].mount = mount;
	conf.channels[0].origin = origin;
	booth_open(&b, &conf);
	put(&b, given);
	(void)snprintf(path, sizeof path, "%s/m.m3u8", mount);
	cr_assert_eq(visit_get(&b, &v, path), 200);
	cr_assert_str_eq(v.body, wanted);
	cr_assert_eq(v.length, v.n);
	cr_assert_str_eq(visit_field(&v, "content-type"), type);
	visit_fini(&v);
	booth_close(&b);
}

/* What leads back by itself is not touched: not a blank, not a line end. */
Test(gateway_manifest, relative_references_pass_byte_for_byte)
{
	static const char odd[] =
		"#EXTM3U\r\n#EXT-X-VERSION:6\r\n#EXT-X-TARGETDURATION:4  \r\n"
		"# a remark, http://elsewhere/ too\r\n\r\n#EXT-X-NEW-TAG:X=\"?\"\r\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin?a=1&b=%20\"\r\n"
		"#EXTINF:4.000,\xc3\xa9t\xc3\xa9\r\nsub/../a%20b.ts?t=1#x\r\n#EXTINF:4\n./b.ts";

	becomes("/live", "http://cdn/live/", plain, plain);
	becomes("/live", "http://cdn/live/", odd, odd);
	becomes("/news", "http://cdn/live/", odd, odd);
}

Test(gateway_manifest, absolute_references_lead_back_through_the_agent)
{
	becomes("/news", "http://cdn/live/",
		"#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
		"#EXT-X-MAP:URI=\"http://cdn/live/i.mp4\"\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/k?id=7\",IV=0x01\n"
		"#EXTINF:4,\nhttp://cdn/live/a.ts?x=1\n#EXTINF:4,\n/live/b.ts\n"
		"#EXTINF:4,\n//cdn2/c.ts\n#EXTINF:4,\n"
		"/other/e.ts\n#EXTINF:4,\n../live/f.ts\n#EXTINF:4,\n../g.ts\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
		"#EXT-X-MAP:URI=\"/news/i.mp4\"\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"/x/https/keys.example/k?id=7\",IV=0x01\n"
		"#EXTINF:4,\n/news/a.ts?x=1\n#EXTINF:4,\n/news/b.ts\n"
		"#EXTINF:4,\n/x/http/cdn2/c.ts\n#EXTINF:4,\n"
		"/x/http/cdn/other/e.ts\n#EXTINF:4,\n/news/f.ts\n#EXTINF:4,\n"
		"/x/http/cdn/g.ts\n");
}

Test(gateway_manifest, a_master_names_its_renditions_through_the_agent)
{
	becomes("/live", "http://cdn/live/",
		"#EXTM3U\n"
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"http://cdn2/au.m3u8\"\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO=\"a\"\nhttp://cdn/live/v0.m3u8\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=2000,AUDIO=\"a\"\nv1.m3u8\n",
		"#EXTM3U\n"
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"/x/http/cdn2/au.m3u8\"\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO=\"a\"\n/live/v0.m3u8\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=2000,AUDIO=\"a\"\nv1.m3u8\n");
}

Test(gateway_manifest, what_is_no_http_stays_as_it_is)
{
	static const char odd[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
				  "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key/7\"\n"
				  "#EXTINF:4,\ndata:video/mp2t;base64,AAAA\n";

	becomes("/live", "http://cdn/live/", odd, odd);
}

/* The player thinks that it is at the mount, the CDN led us elsewhere: relative references mean
 * there. */
Test(gateway_manifest, after_a_redirect_relative_references_still_lead_to_the_right_place)
{
	struct visit v = { 0 };
	struct page *a;
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8",
				 .status = 302,
				 .text = "",
				 .extra = { "Location: http://cdn2/far/deep/m.m3u8" } });
	site_put(&b.other,
		&(struct page){ .target = "/far/deep/m.m3u8", .text = plain, .type = type });
	a = site_put(&b.other, &(struct page){ .target = "/far/deep/a.ts", .size = 50000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
				 "/x/http/cdn2/far/deep/a.ts\n#EXT-X-ENDLIST\n");
	cr_assert_eq(visit_get(&b, &v, "/x/http/cdn2/far/deep/a.ts"), 200);
	visit_expect(&v, a, 0, 50000);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 1);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, a_redirect_within_the_mount_stays_there)
{
	struct visit v = { 0 };
	struct page *a;
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8",
				 .status = 301,
				 .text = "",
				 .extra = { "Location: session/7/m.m3u8" } });
	site_put(&b.cdn,
		&(struct page){ .target = "/live/session/7/m.m3u8", .text = plain, .type = type });
	a = site_put(&b.cdn, &(struct page){ .target = "/live/session/7/a.ts", .size = 50000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_not_null(strstr(v.body, "\n/live/session/7/a.ts\n"), "%s", v.body);
	cr_assert_eq(visit_get(&b, &v, "/live/session/7/a.ts"), 200);
	visit_expect(&v, a, 0, 50000);
	visit_fini(&v);
	booth_close(&b);
}

/* @param wanted  [in] that is in what the player is given */
static void is_given(struct booth *b, const char *path, const char *wanted)
{
	struct visit v = { 0 };

	booth_run(b, 5 * P2V_SECOND); /* what the agent has is not of now any more */
	cr_assert_eq(visit_get(b, &v, path), 200);
	cr_assert_not_null(strstr(v.body, wanted), "%s", v.body);
	visit_fini(&v);
}

/* What a master defines is known for as long as anything that it lists is read. */
Test(gateway_manifest, lists_import_variables_from_their_master)
{
	static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
				   "#EXT-X-DEFINE:IMPORT=\"t\"\n#EXTINF:4,\na.ts?t={$t}\n"
				   "#EXTINF:4,\nhttp://cdn2/b.ts?t={$t}\n";
	static const char lists[] = "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"
				    "#EXT-X-STREAM-INF:BANDWIDTH=2\nw.m3u8\n";
	struct visit v = { 0 };
	struct page *master, *p;
	char one[300], two[300];
	struct booth b;

	open_plain(&b);
	(void)snprintf(one, sizeof one, "#EXTM3U\n#EXT-X-DEFINE:NAME=\"t\",VALUE=\"1\"\n%s", lists);
	(void)snprintf(two, sizeof two, "#EXTM3U\n#EXT-X-DEFINE:NAME=\"t\",VALUE=\"2\"\n%s", lists);
	master = put(&b, one);
	p = site_put(&b.cdn,
		&(struct page){
			.target = "/live/v.m3u8", .text = list, .type = type, .etag = "\"v\"" });
	site_put(&b.cdn, &(struct page){ .target = "/live/w.m3u8", .text = list, .type = type });
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts?t=1", .size = 1000 });
	is_given(&b, "/live/v.m3u8", list);
	is_given(&b, "/live/m.m3u8", one);
	is_given(&b, "/live/v.m3u8", "\na.ts?t={$t}\n#EXTINF:4,\n/x/http/cdn2/b.ts?t=1\n");
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts?t=1"), 200);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 1);
	master->text = two;
	master->etag = "\"m2\"";
	is_given(&b, "/live/m.m3u8", two);
	for (unsigned i = 0; i < 20; i++)
		is_given(&b, "/live/v.m3u8", "\n/x/http/cdn2/b.ts?t=2\n");
	cr_assert_geq(p->unchanged, 19, "it is fetched anew where it means something else, once");
	is_given(&b, "/live/w.m3u8", "\n/x/http/cdn2/b.ts?t=2\n");
	booth_run(&b, 150 * P2V_SECOND);
	is_given(&b, "/live/w.m3u8", list);
	visit_fini(&v);
	booth_close(&b);
}

/* Whatever it is, the player has its own opinion of it. */
Test(gateway_manifest, what_cannot_be_read_passes_as_it_is)
{
	static const char *const texts[] = { "", "<html>sorry</html>", "#EXTM4U\nhttp://cdn2/x\n",
		"\x01\x02\xff\xfe", NULL };

	for (size_t i = 0; texts[i]; i++)
		becomes("/live", "http://cdn/live/", texts[i], texts[i]);
}

Test(gateway_manifest, its_type_tells_where_its_name_does_not)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/watch?id=3",
				     .text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
					     "http://cdn/live/a.ts\n#EXT-X-ENDLIST\n",
				     .type = "application/x-mpegURL; charset=utf-8" });
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 1000 });
	cr_assert_eq(visit_get(&b, &v, "/live/watch?id=3"), 200);
	cr_assert_not_null(strstr(v.body, "\n/live/a.ts\n"), "%s", v.body);
	cr_assert_leq(p->requests, 2);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 1);
	/* From now on it is known for what it is. */
	booth_run(&b, P2V_SECOND);
	p->requests = 0;
	cr_assert_eq(visit_get(&b, &v, "/live/watch?id=3"), 200);
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- one request ---- */

Test(gateway_manifest, any_range_of_it_and_its_head)
{
	struct visit v = { .headers = { "Range: bytes=0-" } };
	struct booth b;
	char all[64];

	open_plain(&b);
	put(&b, plain);
	(void)snprintf(all, sizeof all, "bytes 0-%zu/%zu", strlen(plain) - 1, strlen(plain));
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 206);
	cr_assert_str_eq(v.body, plain);
	cr_assert_str_eq(visit_field(&v, "content-range"), all);
	v.headers[0] = "Range: bytes=1-6";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 206);
	cr_assert_str_eq(v.body, "EXTM3U");
	v.headers[0] = "Range: bytes=-16";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 206);
	cr_assert_str_eq(v.body, "\n#EXT-X-ENDLIST\n");
	v.headers[0] = "Range: bytes=9999-";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 416);
	cr_assert_eq(v.n, 0);
	v.headers[0] = NULL;
	v.head = true;
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(v.n, 0);
	cr_assert_eq(v.length, strlen(plain));
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, what_the_player_has_already_is_not_sent_again)
{
	struct visit v = { .headers = { "If-None-Match: \"m1\"" } };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 304);
	cr_assert_eq(v.n, 0);
	cr_assert_str_eq(visit_field(&v, "etag"), "\"m1\"");
	v.headers[0] = "If-None-Match: \"m0\"";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, plain);
	/* RFC 9110 13.1.2: a list, weakly compared, or anything that there is. */
	v.headers[0] = "If-None-Match: \"m0\", W/\"m1\"";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 304);
	v.headers[0] = "If-None-Match: *";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 304);
	v.headers[0] = "If-None-Match: \"m1\"x";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	/* The agent asks like that itself. */
	booth_run(&b, P2V_SECOND);
	v.headers[0] = NULL;
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, plain);
	cr_assert_geq(p->unchanged, 1);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, the_cdns_headers_come_with_it)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	p->extra[0] = "Cache-Control: max-age=1";
	p->extra[1] = "Set-Cookie: session=7";
	p->extra[2] = "Access-Control-Allow-Origin: https://site.example";
	p->extra[3] = "Access-Control-Allow-Credentials: true";
	p->extra[4] = "Connection: close";
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(visit_field(&v, "cache-control"), "max-age=1");
	cr_assert_str_eq(visit_field(&v, "set-cookie"), "session=7");
	cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), "https://site.example");
	cr_assert_eq(visit_fields(&v, "access-control-allow-origin"), 1);
	cr_assert_str_eq(visit_field(&v, "access-control-allow-credentials"), "true");
	cr_assert_eq(visit_fields(&v, "content-type"), 1);
	cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
	cr_assert_str_eq(visit_field(&v, "cache-status"), "peer2view; fwd=miss");
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, the_cdn_sees_who_asks)
{
	struct visit v = { .headers = { "User-Agent: tv/1", "Cookie: who=7",
				   "Authorization: Bearer t", "Referer: https://site.example/" } };
	struct page *p, *a;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	a = site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 1000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	for (size_t i = 0; i < 4; i++) {
		cr_assert(site_saw(p, v.headers[i]), "%s", v.headers[i]);
		cr_assert(site_saw(a, v.headers[i]), "%s", v.headers[i]);
	}
	visit_fini(&v);
	booth_close(&b);
}

/* ---- fetched once ---- */

Test(gateway_manifest, one_fetch_serves_all_who_ask_meanwhile)
{
	struct visit v[5] = { { .head = false } };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	p->think = 500 * P2V_MSEC;
	v[1].leave_at = 1;
	for (size_t i = 0; i < 5; i++) {
		visit_begin(&b, &v[i], "/live/m.m3u8");
		booth_run(&b, 50 * P2V_MSEC);
	}
	visit_leave(&v[0]); /* and whoever began it does not end it */
	for (size_t i = 1; i < 5; i++) {
		visit_wait(&v[i]);
		cr_assert_eq(v[i].status, 200);
	}
	cr_assert_str_eq(v[4].body, plain);
	cr_assert_eq(p->requests, 1);
	/* A moment later it is another one's turn. */
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v[0], "/live/m.m3u8"), 200);
	cr_assert_eq(p->requests, 2);
	for (size_t i = 0; i < 5; i++)
		visit_fini(&v[i]);
	booth_close(&b);
}

/* A manifest may be made for one viewer. */
Test(gateway_manifest, nobody_is_given_what_another_ones_cookie_got)
{
	struct visit one = { .headers = { "Cookie: who=1" } };
	struct visit two = { .headers = { "Cookie: who=2" } };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	cr_assert_eq(visit_get(&b, &one, "/live/m.m3u8"), 200);
	p->text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\ntwo.ts\n#EXT-X-ENDLIST\n";
	p->etag = "\"m2\"";
	cr_assert_eq(visit_get(&b, &two, "/live/m.m3u8"), 200);
	cr_assert_str_eq(two.body, p->text);
	cr_assert_eq(p->requests, 2);
	visit_fini(&one);
	visit_fini(&two);
	booth_close(&b);
}

Test(gateway_manifest, another_query_is_another_manifest)
{
	struct visit v = { 0 };
	struct page *p, *q;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	q = site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8?token=5",
				     .text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nb.ts\n",
				     .type = type });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8?token=5"), 200);
	cr_assert_str_eq(v.body, q->text);
	cr_assert_eq(p->requests, 1);
	cr_assert_eq(q->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- while the CDN fails ---- */

Test(gateway_manifest, a_passing_error_is_kept_from_the_player)
{
	static const struct page ways[] = { { .fail_first = 2, .fail_status = 503 },
		{ .fail_first = 2, .fail_status = 404 }, { .fail_first = 2, .fail_status = 500 },
		{ .fail_first = 2, .fail_cut = 20 } };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct visit v = { 0 };
		struct page *p;
		struct booth b;

		open_plain(&b);
		p = put(&b, plain);
		p->fail_first = ways[i].fail_first;
		p->fail_status = ways[i].fail_status;
		p->fail_cut = ways[i].fail_cut;
		cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200, "way %zu: %u", i, v.status);
		cr_assert_str_eq(v.body, plain);
		cr_assert_eq(p->requests, 3);
		cr_assert_lt(v.done_at - v.began, 2 * P2V_SECOND);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_manifest, an_error_that_lasts_is_told_as_it_is)
{
	static const uint32_t statuses[] = { 404, 403, 410, 503, 500, 502 };

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct visit v = { 0 };
		struct page *p;
		struct booth b;

		open_plain(&b);
		p = put(&b, plain);
		p->fail_first = 1000;
		p->fail_status = statuses[i];
		cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), statuses[i]);
		cr_assert_lt(v.done_at - v.began, 4 * P2V_SECOND);
		cr_assert_lt(p->requests, 20, "the CDN is not hammered: %u", p->requests);
		/* Nobody waits: nobody asks. */
		p->requests = 0;
		booth_run(&b, 20 * P2V_SECOND);
		cr_assert_leq(p->requests, 1);
		visit_fini(&v);
		booth_close(&b);
	}
}

Test(gateway_manifest, an_old_one_is_served_while_the_cdn_fails_but_not_for_ever)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	conf.delivery.stale = 10 * P2V_SECOND;
	booth_open(&b, &conf);
	p = put(&b, plain);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	p->fail_first = 100000;
	p->fail_status = 503;
	for (int i = 0; i < 4; i++) {
		booth_run(&b, 2 * P2V_SECOND);
		cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
		cr_assert_str_eq(v.body, plain);
		cr_assert_str_eq(visit_field(&v, "cache-status"), "peer2view; hit; detail=stale");
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cache");
		cr_assert_lt(v.done_at - v.began, P2V_SECOND);
	}
	booth_run(&b, 4 * P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 503);
	/* It comes back, and so does the manifest. */
	p->fail_first = 0;
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, a_cdn_that_says_nothing_does_not_hold_the_player_for_ever)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	p->mute = true;
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cache");
	cr_assert_lt(v.done_at - v.began, 4 * P2V_SECOND);
	visit_fini(&v);
	booth_close(&b);

	open_plain(&b);
	p = put(&b, plain);
	p->mute = true;
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 504);
	cr_assert_lt(v.done_at - v.began, 10 * P2V_SECOND);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, what_has_no_end_is_not_read_for_ever)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8",
				     .size = 64 << 20,
				     .type = type,
				     .chunked = true });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 502);
	booth_run(&b, 5 * P2V_SECOND);
	cr_assert_lt(p->bytes / p->requests, 24u << 20);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- followed ---- */

static const char live1[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n"
			    "#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n#EXTINF:4,\nc.ts\n";

/* An agent looks by itself while a player reads, and stops when it does not. */
Test(gateway_manifest, a_live_one_is_followed_while_it_is_read)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;
	uint32_t then;

	open_plain(&b);
	p = put(&b, live1);
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 1000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	booth_run(&b, 5 * P2V_SECOND);
	cr_assert_eq(p->requests, 1, "nobody reads it yet");
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	booth_run(&b, 10 * P2V_SECOND);
	cr_assert_geq(p->requests, 3);
	cr_assert_geq(p->unchanged, 2);
	/* No more often than `poll`, and less when the encoder pauses. */
	cr_assert_leq(p->requests, 60, "%u", p->requests);
	booth_run(&b, 20 * P2V_SECOND);
	then = p->requests;
	booth_run(&b, 60 * P2V_SECOND);
	cr_assert_eq(p->requests, then, "nobody reads it any more");
	visit_fini(&v);
	booth_close(&b);
}

/* Some servers send the same bytes again and again. */
Test(gateway_manifest, a_cdn_that_knows_no_conditions_is_followed_all_the_same)
{
	static const char live2[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:2\n"
				    "#EXTINF:4,\nb.ts\n#EXTINF:4,\nc.ts\n#EXTINF:4,\nd.ts\n";
	static const char none[] = "<html>no manifest</html>";
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, live1);
	p->etag = NULL;
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 1000 });
	site_put(&b.cdn, &(struct page){ .target = "/live/d.ts", .size = 1000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	booth_run(&b, 8 * P2V_SECOND);
	cr_assert(p->requests >= 3 && p->unchanged == 0);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, live1);
	p->text = live2;
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, live2);
	cr_assert_eq(visit_get(&b, &v, "/live/d.ts"), 200);
	p->text = none;
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, none, "as it stands");
	p->text = live2;
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, live2);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_manifest, a_film_is_not_followed)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = put(&b, plain);
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 1000 });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	booth_run(&b, 20 * P2V_SECOND);
	cr_assert_eq(p->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}

/* Manifests that nobody asks for any more are forgotten, or an open agent could be filled. */
Test(gateway_manifest, many_of_them_are_forgotten_in_time)
{
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	for (unsigned i = 0; i < 200; i++) {
		char path[64];

		(void)snprintf(path, sizeof path, "/live/%u.m3u8", i);
		visit_begin(&b, &v, path);
		booth_run(&b, 10 * P2V_MSEC);
		visit_fini(&v);
	}
	booth_run(&b, 120 * P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/stats.json"), 200);
	cr_assert_lt(v.n, 8192);
	visit_fini(&v);
	booth_close(&b);
}
