/* gateway_pass_test.c - what is not shared passes through: keys, odd objects, redirects, errors; as
 * the CDN says it, no faster than the player takes it. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_pass, .timeout = 120, .init = rig_init, .fini = rig_fini);

static void open_plain(struct booth *b)
{
	struct booth_conf conf = booth_conf();

	booth_open(b, &conf);
}

Test(gateway_pass, status_headers_and_body_are_the_cdns)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn,
		&(struct page){ .target = "/live/key?id=1",
			.size = 70000,
			.type = "application/octet-stream",
			.etag = "W/\"k\"",
			.extra = { "Set-Cookie: a=1", "Set-Cookie: b=2", "Cache-Control: private",
				"Content-Encoding: gzip", "X-Odd: yes", "Keep-Alive: timeout=9",
				"Alt-Svc: h3=\":443\"", "Strict-Transport-Security: max-age=9" } });
	cr_assert_eq(visit_get(&b, &v, "/live/key?id=1"), 200);
	visit_expect(&v, p, 0, 70000);
	cr_assert_eq(v.length, 70000);
	cr_assert_str_eq(visit_field(&v, "content-type"), "application/octet-stream");
	cr_assert_str_eq(visit_field(&v, "etag"), "W/\"k\"");
	cr_assert_eq(visit_fields(&v, "set-cookie"), 2);
	cr_assert_str_eq(visit_field(&v, "content-encoding"), "gzip");
	cr_assert_str_eq(visit_field(&v, "x-odd"), "yes");
	/* Of one hop, or about a name that is not ours. */
	cr_assert_eq(visit_fields(&v, "keep-alive"), 0);
	cr_assert_eq(visit_fields(&v, "alt-svc"), 0);
	cr_assert_eq(visit_fields(&v, "strict-transport-security"), 0);
	cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), "*");
	cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
	cr_assert_str_eq(visit_field(&v, "cache-status"), "peer2view; fwd=bypass");
	/* Nothing of it is kept. */
	cr_assert_eq(visit_get(&b, &v, "/live/key?id=1"), 200);
	cr_assert_eq(p->requests, 2);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_OTHER], 2);
	cr_assert_eq(b.node.metrics.v[P2V_M_DOWN_OTHER], 140000);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, the_players_headers_are_the_requests)
{
	struct visit v = { .headers = { "Range: bytes=5-9", "If-None-Match: \"x\"", "X-Session: 7",
				   "Accept-Encoding: br", "Cookie: a=b", "TE: trailers" } };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/o", .size = 100, .etag = "\"y\"" });
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 206);
	visit_expect(&v, p, 5, 5);
	for (size_t i = 0; i < 5; i++)
		cr_assert(site_saw(p, v.headers[i]), "%s", v.headers[i]);
	cr_assert(!site_saw(p, v.headers[5]));
	cr_assert_str_eq(visit_field(&v, "content-range"), "bytes 5-9/100");
	v.headers[1] = "If-None-Match: \"y\"";
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 304);
	cr_assert_eq(v.n, 0);
	v.headers[1] = NULL;
	v.headers[0] = "Range: bytes=100-";
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 416);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, errors_pass_with_their_bodies)
{
	static const uint32_t statuses[] = { 400, 401, 403, 404, 410, 429, 451, 500, 503 };

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct visit v = { 0 };
		struct booth b;

		open_plain(&b);
		site_put(
			&b.cdn, &(struct page){ .target = "/live/o",
					.status = statuses[i],
					.text = "why not",
					.extra = { "Retry-After: 7", "WWW-Authenticate: Basic" } });
		cr_assert_eq(visit_get(&b, &v, "/live/o"), statuses[i]);
		cr_assert_str_eq(v.body, "why not");
		cr_assert_str_eq(visit_field(&v, "retry-after"), "7");
		cr_assert_str_eq(visit_field(&v, "www-authenticate"), "Basic");
		visit_fini(&v);
		booth_close(&b);
	}
}

static void moves(const char *location, const char *wanted)
{
	struct visit v = { 0 };
	struct booth b;
	char line[256];

	(void)snprintf(line, sizeof line, "Location: %s", location);
	open_plain(&b);
	site_put(&b.cdn,
		&(struct page){
			.target = "/live/o", .status = 307, .text = "", .extra = { line } });
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 307);
	cr_assert_str_eq(visit_field(&v, "location"), wanted, "%s", location);
	cr_assert_eq(visit_fields(&v, "location"), 1);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, redirects_lead_back_through_the_agent)
{
	moves("http://cdn/live/p?q=1", "/live/p?q=1");
	moves("p", "/live/p");
	moves("/live/d/p", "/live/d/p");
	moves("/other/p", "/x/http/cdn/other/p");
	moves("https://far.example:8443/p", "/x/https/far.example:8443/p");
	moves("//far.example/p", "/x/http/far.example/p");
	moves("mailto:somebody", "mailto:somebody");
}

/* What comes in is held where the player does not take it: no more than some windows of it wait in
 * memory. */
Test(gateway_pass, a_slow_reader_slows_the_cdn)
{
	struct visit v = { .pause_at = 1 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/o", .size = 3 << 20 });
	visit_begin(&b, &v, "/live/o");
	booth_run(&b, 20 * P2V_SECOND);
	cr_assert_lt(b.node.metrics.v[P2V_M_DOWN_OTHER], 1u << 20, "%llu bytes came",
		(unsigned long long)b.node.metrics.v[P2V_M_DOWN_OTHER]);
	visit_resume(&v);
	visit_wait(&v);
	visit_expect(&v, p, 0, 3 << 20);
	cr_assert_eq(v.code, P2V_OK);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, who_leaves_ends_the_fetch)
{
	struct visit v = { .leave_at = 1 };
	struct page *p;
	struct booth b;
	uint64_t then;

	open_plain(&b);
	p = site_put(
		&b.cdn, &(struct page){ .target = "/live/o", .size = 3 << 20, .rate = 100000 });
	visit_begin(&b, &v, "/live/o");
	visit_wait(&v);
	booth_run(&b, P2V_SECOND);
	then = p->bytes;
	booth_run(&b, 10 * P2V_SECOND);
	cr_assert_eq(p->bytes, then);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, a_body_that_is_cut_is_cut_for_the_player_too)
{
	struct visit v = { 0 };
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/o", .size = 100000, .cut = 50000 });
	site_put(&b.cdn,
		&(struct page){
			.target = "/live/c", .size = 100000, .cut = 50000, .chunked = true });
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 200);
	cr_assert_lt(v.code, 0);
	cr_assert_eq(visit_get(&b, &v, "/live/c"), 200);
	cr_assert_lt(v.code, 0, "a cut body must not look whole");
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, lengths_that_nobody_tells)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(
		&b.cdn, &(struct page){ .target = "/live/o", .size = 100000, .chunked = true });
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 200);
	cr_assert_eq(v.length, P2V_LENGTH_UNKNOWN);
	visit_expect(&v, p, 0, 100000);
	cr_assert_eq(v.code, P2V_OK);
	v.head = true;
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 200);
	cr_assert_str_eq(p->method, "HEAD");
	cr_assert_eq(v.n, 0);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_pass, a_cdn_that_is_not_there_is_a_bad_gateway)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;

	conf.channels[0].origin = "http://nowhere/live/";
	booth_open(&b, &conf);
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 502);
	cr_assert_gt(b.node.metrics.v[P2V_M_CDN_ERRORS], 0);
	cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), "*");
	visit_fini(&v);
	booth_close(&b);
}

/* Some players ask again at once, for ever. */
Test(gateway_pass, what_is_missing_again_and_again_is_paced)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;
	p2v_usec began;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/o", .status = 404, .text = "" });
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 404);
	cr_assert_lt(v.done_at - v.began, 200 * P2V_MSEC, "the first one is told at once");
	began = p2v_sim_now(b.sim);
	while (p2v_sim_now(b.sim) - began < 10 * P2V_SECOND)
		cr_assert_eq(visit_get(&b, &v, "/live/o"), 404);
	cr_assert_leq(p->requests, 42, "%u", p->requests);
	cr_assert_geq(p->requests, 20, "%u", p->requests);
	/* It may come into being. */
	p->status = 200;
	cr_assert_eq(visit_get(&b, &v, "/live/o"), 200);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- many ---- */

Test(gateway_pass, many_players_at_once)
{
	enum { MANY = 64 };
	static struct visit v[MANY];
	static char agents[MANY][32];
	static const char list[] =
		"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";
	struct page *p;
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8",
				 .text = list,
				 .type = "application/vnd.apple.mpegurl" });
	cr_assert_eq(visit_get(&b, &v[0], "/live/m.m3u8"), 200);
	visit_fini(&v[0]);
	p = site_put(
		&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 100000, .rate = 50000 });
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(agents[i], sizeof agents[i], "User-Agent: p%zu", i);
		v[i].headers[0] = agents[i];
		v[i].leave_at = i % 3 == 0 ? 30000 : 0;
		visit_begin(&b, &v[i], "/live/a.ts");
		booth_run(&b, 20 * P2V_MSEC);
	}
	for (size_t i = 0; i < MANY; i++) {
		visit_wait(&v[i]);
		if (i % 3)
			visit_expect(&v[i], p, 0, 100000);
		visit_fini(&v[i]);
	}
	cr_assert_eq(p->requests, 1);
	booth_close(&b);
}

/* ---- the end ---- */

Test(gateway_pass, an_agent_that_stops_lets_its_players_finish)
{
	struct visit v = { 0 }, late = { 0 };
	struct page *p;
	struct booth b;

	open_plain(&b);
	p = site_put(&b.cdn, &(struct page){ .target = "/live/o", .size = 200000, .rate = 100000 });
	visit_begin(&b, &v, "/live/o");
	booth_run(&b, 500 * P2V_MSEC);
	cr_assert_eq(p2v_agent_drain(b.agent), 1);
	cr_assert_eq(visit_get(&b, &late, "/live/o"), 503);
	cr_assert_eq(visit_get(&b, &late, "/readyz"), 503);
	cr_assert_str_eq(late.body, "draining\n");
	cr_assert_eq(visit_get(&b, &late, "/healthz"), 200);
	visit_wait(&v);
	visit_expect(&v, p, 0, 200000);
	cr_assert_eq(p2v_agent_drain(b.agent), 0);
	visit_fini(&v);
	visit_fini(&late);
	booth_close(&b);
}

/* Whatever is under way when it ends, it ends cleanly. */
Test(gateway_pass, an_agent_may_end_in_the_middle_of_everything)
{
	struct visit v[3] = { { .head = false } };
	struct booth b;

	open_plain(&b);
	site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8", .mute = true });
	site_put(&b.cdn, &(struct page){ .target = "/live/o", .size = 200000, .rate = 10000 });
	site_put(&b.cdn, &(struct page){ .target = "/live/n", .status = 404, .text = "" });
	visit_begin(&b, &v[0], "/live/m.m3u8");
	visit_begin(&b, &v[1], "/live/o");
	cr_assert_eq(visit_get(&b, &v[2], "/live/n"), 404);
	visit_fini(&v[2]);
	visit_begin(&b, &v[2], "/live/n"); /* paced */
	booth_run(&b, 100 * P2V_MSEC);
	p2v_agent_free(b.agent);
	b.agent = NULL;
	booth_run(&b, 5 * P2V_SECOND);
	for (size_t i = 0; i < 3; i++) {
		cr_assert(v[i].done);
		cr_assert_lt(v[i].code, 0);
		visit_fini(&v[i]);
	}
	booth_close(&b);
}
