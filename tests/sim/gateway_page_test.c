/* gateway_page_test.c - pages of other sites: which may use the agent, and what of its answers
 * their browsers let them read (CORS, resource policy, timing). */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_page, .timeout = 120, .init = rig_init, .fini = rig_fini);

#define SITE  "https://site.example"
#define OTHER "https://other.example"

static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";

/* One channel with a fragment, of which the CDN says so much of who may read. */
static void open_said(
	struct booth *b, const struct booth_conf *conf, const char *says, const char *varies)
{
	booth_open(b, conf);
	site_put(&b->cdn, &(struct page){ .target = "/live/m.m3u8",
				  .text = list,
				  .type = "application/vnd.apple.mpegurl",
				  .extra = { says, varies } });
	site_put(&b->cdn,
		&(struct page){ .target = "/live/a.ts", .size = 5000, .extra = { says, varies } });
	site_put(&b->cdn, &(struct page){ .target = "/live/key",
				  .text = "0123456789abcdef",
				  .extra = { says, varies } });
}

static const char *const paths[] = { "/live/m.m3u8", "/live/a.ts", "/live/a.ts", "/live/key",
	NULL };

/* What a page is told of who may read each kind of object. `origin`: a header line, or NULL. */
static void told(struct booth *b, const char *origin, const char *allow, const char *credentials)
{
	for (size_t i = 0; paths[i]; i++) {
		struct visit v = { .headers = { origin } };

		cr_assert_eq(visit_get(b, &v, paths[i]), 200);
		cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), allow, "%s: %s",
			paths[i], visit_field(&v, "access-control-allow-origin"));
		cr_assert_leq(visit_fields(&v, "access-control-allow-origin"), 1);
		cr_assert_str_eq(visit_field(&v, "access-control-allow-credentials"), credentials);
		cr_assert_leq(visit_fields(&v, "access-control-allow-credentials"), 1);
		visit_fini(&v);
	}
}

Test(gateway_page, any_page_reads_what_the_cdn_says_nothing_of)
{
	struct booth_conf conf = booth_conf();
	struct booth b;

	open_said(&b, &conf, NULL, NULL);
	told(&b, NULL, "*", "");
	told(&b, "Origin: " SITE, "*", "");
	told(&b, "Origin: null", "*", "");
	for (size_t i = 0; paths[i]; i++) {
		struct visit v = { .headers = { "Origin: " SITE } };

		cr_assert_eq(visit_get(&b, &v, paths[i]), 200);
		cr_assert_not_null(
			strstr(visit_field(&v, "access-control-expose-headers"), "X-P2V-Source"));
		cr_assert_str_eq(visit_field(&v, "timing-allow-origin"), "*");
		cr_assert_str_eq(visit_field(&v, "cross-origin-resource-policy"), "cross-origin");
		cr_assert_eq(visit_fields(&v, "vary"), 0);
		visit_fini(&v);
	}
	booth_close(&b);
}

Test(gateway_page, else_it_is_the_cdns_word)
{
	struct booth_conf conf = booth_conf();
	struct booth b;

	open_said(&b, &conf, "Access-Control-Allow-Origin: " SITE,
		"Access-Control-Allow-Credentials: true");
	told(&b, NULL, SITE, "true");
	told(&b, "Origin: " SITE, SITE, "true");
	told(&b, "Origin: " OTHER, SITE, "true");
	booth_close(&b);

	open_said(&b, &conf, "Access-Control-Allow-Origin: *",
		"Cross-Origin-Resource-Policy: same-site");
	told(&b, "Origin: " OTHER, "*", "");
	for (size_t i = 0; paths[i]; i++) {
		struct visit v = { .headers = { "Origin: " OTHER } };

		cr_assert_eq(visit_get(&b, &v, paths[i]), 200);
		/* Here nothing is of the CDN's site. */
		cr_assert_str_eq(visit_field(&v, "cross-origin-resource-policy"), "cross-origin");
		cr_assert_eq(visit_fields(&v, "cross-origin-resource-policy"), 1);
		visit_fini(&v);
	}
	booth_close(&b);
}

/* A CDN that names whoever asks: a fragment that came for one site's page is read by another's,
 * whom the CDN let read the manifest. */
Test(gateway_page, a_fragment_came_for_another_page)
{
	struct visit v = { .headers = { "Origin: " SITE } };
	struct booth_conf conf = booth_conf();
	struct page *m;
	struct booth b;

	for (int proxied = 0; proxied < 2; proxied++) {
		const char *const at = proxied ? "http://cdn/live/a.ts" : "/live/a.ts";
		const char *headers[] = { "Host: localhost", "Origin: " OTHER, NULL };
		struct raw r;

		booth_open(&b, &conf);
		m = site_put(&b.cdn, &(struct page){ .target = "/live/m.m3u8",
					     .text = list,
					     .type = "application/vnd.apple.mpegurl",
					     .extra = { "Access-Control-Allow-Origin: " SITE } });
		site_put(&b.cdn, &(struct page){ .target = "/live/a.ts",
					 .size = 5000,
					 .extra = { "Access-Control-Allow-Origin: " SITE } });
		cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
		raw_ask(&b, &r, "GET", at, headers, 65536);
		booth_run(&b, P2V_SECOND);
		cr_assert_eq(r.status, 200);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), SITE);
		booth_run(&b, 60 * P2V_SECOND);
		m->extra[0] = "Access-Control-Allow-Origin: " OTHER;
		raw_ask(&b, &r, "GET", proxied ? "http://cdn/live/m.m3u8" : "/live/m.m3u8", headers,
			65536);
		booth_run(&b, P2V_SECOND);
		cr_assert_eq(r.status, 200);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), OTHER);
		raw_ask(&b, &r, "GET", at, headers, 65536);
		booth_run(&b, P2V_SECOND);
		cr_assert_eq(r.status, 200);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), OTHER);
		cr_assert_str_eq(raw_field(&r, "vary"), "Origin");
		booth_close(&b);
	}
	visit_fini(&v);
}

Test(gateway_page, to_a_proxy_the_cdn_says_who_may_read)
{
	struct booth_conf conf = booth_conf();
	const char *headers[] = { "Host: cdn", "Origin: " OTHER, NULL };
	struct booth b;

	conf.gateway.allow_origins = SITE;
	for (int said = 0; said < 2; said++) {
		open_said(&b, &conf, said ? "Access-Control-Allow-Origin: *" : NULL, NULL);
		for (size_t i = 0; paths[i]; i++) {
			char url[64];
			struct raw r;

			(void)snprintf(url, sizeof url, "http://cdn%s", paths[i]);
			raw_ask(&b, &r, "GET", url, headers, 65536);
			booth_run(&b, P2V_SECOND);
			cr_assert_eq(r.status, 200, "%s: %u", url, r.status);
			cr_assert_str_eq(
				raw_field(&r, "access-control-allow-origin"), said ? "*" : "");
			cr_assert_str_eq(raw_field(&r, "cross-origin-resource-policy"), "");
		}
		booth_close(&b);
	}
}

Test(gateway_page, the_configuration_names_sites)
{
	static const char *const others[] = { "Origin: " OTHER, "Origin: null",
		"Origin: http://site.example", "Origin: " SITE ":8443", "Origin: " SITE ".evil",
		"Origin: *", NULL };
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;

	conf.gateway.allow_origins = "https://first.example\n" SITE;
	open_said(&b, &conf, "Access-Control-Allow-Origin: " OTHER, "Vary: Accept-Encoding");
	told(&b, "Origin: " SITE, SITE, "true");
	told(&b, "Origin: https://first.example", "https://first.example", "true");
	for (size_t i = 0; others[i]; i++) {
		uint64_t refused = b.node.metrics.v[P2V_M_REQ_REFUSED];

		v = (struct visit){ .headers = { others[i] } };
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 403, "%s", others[i]);
		cr_assert_eq(visit_fields(&v, "access-control-allow-origin"), 0);
		cr_assert_not_null(strstr(v.body, "allow_origins"));
		cr_assert_eq(visit_get(&b, &v, "/readyz"), 403);
		cr_assert_eq(b.node.metrics.v[P2V_M_REQ_REFUSED], refused + 2);
		visit_fini(&v);
	}
	/* What is no page's request, or one of a <video>, says of no site. Nobody else is told of
	 * it. */
	v = (struct visit){ 0 };
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_neq(strcmp(visit_field(&v, "access-control-allow-origin"), SITE), 0);
	cr_assert_eq(visit_fields(&v, "vary"), 2);
	cr_assert_str_eq(visit_field(&v, "cross-origin-resource-policy"), "cross-origin");
	visit_fini(&v);
	booth_close(&b);

	conf.gateway.allow_origins = "* " SITE;
	open_said(&b, &conf, NULL, NULL);
	told(&b, "Origin: " SITE, SITE, "true");
	told(&b, "Origin: " OTHER, "*", "");
	booth_close(&b);
}

Test(gateway_page, no_page_at_all)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { .headers = { "Origin: " SITE } };
	struct booth b;

	conf.gateway.allow_origins = "";
	open_said(&b, &conf, "Cross-Origin-Resource-Policy: same-site", NULL);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 403);
	v.headers[0] = NULL;
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	cr_assert_eq(visit_fields(&v, "access-control-allow-origin"), 0);
	cr_assert_str_eq(visit_field(&v, "cross-origin-resource-policy"), "same-site");
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_page, errors_are_read_by_whom_media_are)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { .headers = { "Origin: " SITE } };
	struct booth b;

	conf.gateway.allow_origins = SITE;
	open_said(&b, &conf, NULL, NULL);
	cr_assert_eq(visit_get(&b, &v, "/nowhere/a.ts"), 404);
	cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), SITE);
	cr_assert_eq(visit_get(&b, &v, "/readyz"), 200);
	cr_assert_str_eq(visit_field(&v, "access-control-allow-origin"), SITE);
	cr_assert_eq(visit_get(&b, &v, "/stats.json"), 200);
	cr_assert_eq(visit_fields(&v, "access-control-allow-origin"), 0);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- before they ask ---- */

static void preflight(struct booth *b, struct raw *r, const char *origin)
{
	const char *headers[] = { "Host: localhost", origin, "Access-Control-Request-Method: GET",
		"Access-Control-Request-Headers: range, x-a",
		"Access-Control-Request-Private-Network: true", NULL };

	raw_ask(b, r, "OPTIONS", "/live/a.ts", headers, 65536);
	booth_run(b, P2V_SECOND);
}

Test(gateway_page, a_page_asks_whether_it_may_ask)
{
	struct booth_conf conf = booth_conf();
	struct booth b;
	struct raw r;

	for (int named = 0; named < 2; named++) {
		conf.gateway.allow_origins = named ? SITE : "*";
		booth_open(&b, &conf);
		preflight(&b, &r, "Origin: " SITE);
		cr_assert_eq(r.status, 204);
		cr_assert_eq(r.n, 0);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), SITE);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-credentials"), "true");
		cr_assert_str_eq(
			raw_field(&r, "access-control-allow-methods"), "GET, HEAD, OPTIONS");
		cr_assert_str_eq(raw_field(&r, "access-control-allow-headers"), "range, x-a");
		cr_assert_str_eq(raw_field(&r, "access-control-allow-private-network"), "true");
		cr_assert_str_eq(raw_field(&r, "vary"), "Origin");
		preflight(&b, &r, "Origin: " OTHER);
		cr_assert_eq(r.status, named ? 403 : 204);
		cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), named ? "" : OTHER);
		cr_assert_str_eq(
			raw_field(&r, "access-control-allow-private-network"), named ? "" : "true");
		booth_close(&b);
	}
}

Test(gateway_page, options_without_a_page)
{
	static const char *const headers[] = { "Host: localhost", NULL };
	struct booth_conf conf = booth_conf();
	struct booth b;
	struct raw r;

	booth_open(&b, &conf);
	raw_ask(&b, &r, "OPTIONS", "/live/a.ts", headers, 65536);
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(r.status, 204);
	cr_assert_str_eq(raw_field(&r, "allow"), "GET, HEAD, OPTIONS");
	cr_assert_str_eq(raw_field(&r, "access-control-allow-origin"), "");
	cr_assert_str_eq(raw_field(&r, "access-control-allow-private-network"), "");
	booth_close(&b);
}
