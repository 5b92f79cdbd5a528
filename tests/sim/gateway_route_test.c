/* gateway_route_test.c - which requests an agent takes, and where they lead: mounts, the open form,
 * the proxy form, names in Host, methods. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_route, .timeout = 120, .init = rig_init, .fini = rig_fini);

static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";
static const char list_type[] = "application/vnd.apple.mpegurl";

static struct page *put_text(struct site *s, const char *target, const char *text)
{
	return site_put(s, &(struct page){ .target = target, .text = text, .type = "text/plain" });
}

/* One request, and what the page that it should lead to saw of it. */
static void leads_to(struct booth *b, const char *path, const struct page *p)
{
	uint32_t before = p->requests;
	struct visit v = { 0 };

	cr_assert_eq(visit_get(b, &v, path), 200, "%s: %u", path, v.status);
	cr_assert_eq(p->requests, before + 1, "%s did not lead to %s", path, p->target);
	visit_fini(&v);
}

static void gets(struct booth *b, const char *path, uint32_t status)
{
	struct visit v = { 0 };

	cr_assert_eq(visit_get(b, &v, path), status, "%s: %u, not %u", path, v.status, status);
	visit_fini(&v);
}

Test(gateway_route, the_longest_mount_wins)
{
	struct booth_conf conf = booth_conf();
	struct booth b;
	struct page *outer, *inner, *root;

	conf.n_channels = 3;
	conf.channels[1].mount = "/live/sport";
	conf.channels[1].origin = "http://cdn2/s/";
	conf.channels[2].mount = "/";
	conf.channels[2].origin = "http://cdn2/root/";
	booth_open(&b, &conf);
	outer = put_text(&b.cdn, "/live/x.txt", "outer");
	inner = put_text(&b.other, "/s/x.txt", "inner");
	root = put_text(&b.other, "/root/livesport/x.txt", "root");
	leads_to(&b, "/live/x.txt", outer);
	leads_to(&b, "/live/sport/x.txt", inner);
	leads_to(&b, "/livesport/x.txt", root);
	booth_close(&b);
}

Test(gateway_route, paths_and_queries_arrive_as_they_were_written)
{
	struct booth_conf conf = booth_conf();
	struct booth b;

	booth_open(&b, &conf);
	leads_to(&b, "/live/a%20b%2Fc.txt", put_text(&b.cdn, "/live/a%20b%2Fc.txt", "x"));
	leads_to(&b, "/live/t.txt?a=1&b=%26/?", put_text(&b.cdn, "/live/t.txt?a=1&b=%26/?", "x"));
	leads_to(&b, "/live/a:b.txt", put_text(&b.cdn, "/live/a:b.txt", "x"));
	leads_to(&b, "/live/d/../e.txt", put_text(&b.cdn, "/live/e.txt", "x"));
	leads_to(&b, "/live", put_text(&b.cdn, "/live/", "x"));
	leads_to(&b, "/live?q=1", put_text(&b.cdn, "/live/?q=1", "x"));
	booth_close(&b);
}

Test(gateway_route, nobody_leaves_the_origins_folder)
{
	static const char *const bad[] = { "/live/../secret", "/live/d/../../secret",
		"/live/./../secret", "/live//../../secret", "/live/%2e%2e/secret",
		"/live/%2E./secret", "/live/..%2fsecret", "/live/d%2F..%2f../secret",
		"/live/..%5Csecret", "/live/d/..%2f..?x", NULL };
	struct booth_conf conf = booth_conf();
	struct page *secret;
	struct booth b;

	booth_open(&b, &conf);
	secret = put_text(&b.cdn, "/secret", "hidden");
	for (size_t i = 0; bad[i]; i++)
		gets(&b, bad[i], 400);
	/* Dots that lead nowhere are names. */
	leads_to(&b, "/live/a%2eb", put_text(&b.cdn, "/live/a%2eb", "x"));
	leads_to(&b, "/live/...%2Fx", put_text(&b.cdn, "/live/...%2Fx", "x"));
	leads_to(&b, "/live/x?y=/%2e%2e/", put_text(&b.cdn, "/live/x?y=/%2e%2e/", "x"));
	gets(&b, "/elsewhere/x", 404);
	gets(&b, "/", 404);
	cr_assert_eq(secret->requests, 0);
	cr_assert_eq(b.cdn.strangers, 0);
	booth_close(&b);
}

Test(gateway_route, the_open_form_reaches_what_the_configuration_opens)
{
	struct booth_conf conf = booth_conf();
	struct booth b;

	conf.gateway.open_hosts = "cdn2\ncdn:8080";
	booth_open(&b, &conf);
	leads_to(&b, "/x/http/cdn2/p/x.txt?q=1", put_text(&b.other, "/p/x.txt?q=1", "x"));
	leads_to(&b, "/x/http/CDN2/up.txt", put_text(&b.other, "/up.txt", "x"));
	leads_to(&b, "/x/http/cdn2", put_text(&b.other, "/", "x"));
	gets(&b, "/x/http/cdn2:81/p/x.txt", 403);
	gets(&b, "/x/http/unknown/x.txt", 403);
	gets(&b, "/x/http/cdn/x.txt", 403); /* only port 8080 of it is open */
	gets(&b, "/x/http/cdn2.evil/x.txt", 403);
	gets(&b, "/x/http/user@cdn2@evil/x.txt", 403);
	gets(&b, "/x/ftp/cdn2/x.txt", 400);
	gets(&b, "/x/http/", 400);
	gets(&b, "/x/", 400);
	cr_assert_eq(b.other.strangers, 0);
	cr_assert_eq(b.cdn.strangers, 0);
	booth_close(&b);
}

static void raw_status(
	struct booth *b, const char *method, const char *target, const char *host, uint32_t status)
{
	const char *headers[] = { host, NULL };
	struct raw r;

	raw_ask(b, &r, method, target, headers, 65536);
	booth_run(b, 5 * P2V_SECOND);
	cr_assert_eq(
		r.status, status, "%s %s (%s): %u, not %u", method, target, host, r.status, status);
	cr_assert(r.gone);
}

Test(gateway_route, the_proxy_form_reaches_what_is_opened_or_mounted)
{
	struct booth_conf conf = booth_conf();
	struct page *open, *mounted;
	struct booth b;

	conf.gateway.open_hosts = "cdn2";
	booth_open(&b, &conf);
	open = put_text(&b.other, "/p/x.txt?q=1", "x");
	mounted = put_text(&b.cdn, "/live/x.txt", "x");
	put_text(&b.cdn, "/secret", "hidden");
	/* A proxy is told the CDN's name in Host, and no page can make a browser use one. */
	raw_status(&b, "GET", "http://cdn2/p/x.txt?q=1", "Host: cdn2", 200);
	raw_status(&b, "GET", "http://cdn/live/x.txt", "Host: cdn", 200);
	cr_assert_eq(open->requests, 1);
	cr_assert_eq(mounted->requests, 1);
	raw_status(&b, "GET", "http://cdn/secret", "Host: cdn", 403);
	raw_status(&b, "GET", "http://cdn/live/../secret", "Host: cdn", 403);
	raw_status(&b, "GET", "http://evil/x", "Host: evil", 403);
	raw_status(&b, "GET", "HTTP://cdn2/p/x.txt?q=1", "Host: cdn2", 200);
	raw_status(&b, "GET", "ftp://cdn2/p/x.txt", "Host: cdn2", 403);
	raw_status(&b, "CONNECT", "cdn2:443", "Host: localhost", 405);
	booth_close(&b);
}

Test(gateway_route, only_names_of_this_agent_are_answered)
{
	static const struct {
		const char *host;
		uint32_t status;
	} cases[] = { { "Host: 127.0.0.1:8780", 200 }, { "Host: localhost", 200 },
		{ "Host: LOCALHOST:8780", 200 }, { "Host: [::1]:8780", 200 },
		{ "Host: 192.0.2.7:8780", 200 }, { "Host: [2001:db8::1]", 200 },
		{ "Host: tv.lan:8780", 200 }, { "Host: TV.lan", 200 },
		{ "Host: evil.example", 403 }, { "Host: evil.example:8780", 403 },
		{ "Host: tv.lan.evil.example", 403 }, { "Host: localhost.evil.example", 403 },
		{ "Host: ", 403 }, { NULL, 200 } };
	struct booth_conf conf = booth_conf();
	struct booth b;

	conf.gateway.allow_hosts = "box.lan\ntv.lan";
	booth_open(&b, &conf);
	put_text(&b.cdn, "/live/x.txt", "x");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		raw_status(&b, "GET", "/live/x.txt", cases[i].host, cases[i].status);
		raw_status(&b, "GET", "/stats.json", cases[i].host, cases[i].status);
	}
	cr_assert_gt(b.node.metrics.v[P2V_M_REQ_REFUSED], 0);
	booth_close(&b);
}

Test(gateway_route, any_name_will_do_where_the_configuration_says_so)
{
	struct booth_conf conf = booth_conf();
	struct booth b;

	conf.gateway.allow_hosts = "*";
	booth_open(&b, &conf);
	put_text(&b.cdn, "/live/x.txt", "x");
	raw_status(&b, "GET", "/live/x.txt", "Host: evil.example", 200);
	booth_close(&b);
}

Test(gateway_route, only_get_head_and_options_pass)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "TRACE", "PATCH", "get",
		NULL };
	struct booth_conf conf = booth_conf();
	struct booth b;

	booth_open(&b, &conf);
	for (size_t i = 0; methods[i]; i++) {
		const char *headers[] = { "Host: localhost", NULL };
		struct raw r;

		raw_ask(&b, &r, methods[i], "/live/x.txt", headers, 65536);
		booth_run(&b, P2V_SECOND);
		cr_assert_eq(r.status, 405, "%s", methods[i]);
		/* RFC 9110 15.5.6 */
		cr_assert_str_eq(raw_field(&r, "allow"), "GET, HEAD");
	}
	cr_assert_eq(b.cdn.strangers, 0);
	booth_close(&b);
}

/* ---- hosts that a manifest or a redirect names ---- */

static const char foreign[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
			      "http://cdn2/far/a.ts\n#EXT-X-ENDLIST\n";

Test(gateway_route, a_host_becomes_reachable_when_a_manifest_names_it)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct page *far;
	struct booth b;

	booth_open(&b, &conf);
	far = site_put(&b.other, &(struct page){ .target = "/far/a.ts", .size = 100000 });
	site_put(&b.cdn,
		&(struct page){ .target = "/live/m.m3u8", .text = foreign, .type = list_type });
	gets(&b, "/x/http/cdn2/far/a.ts", 403);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_not_null(strstr(v.body, "\n/x/http/cdn2/far/a.ts\n"));
	cr_assert_eq(visit_get(&b, &v, "/x/http/cdn2/far/a.ts"), 200);
	visit_expect(&v, far, 0, 100000);
	/* It is a fragment of that channel, not just something that passes through. */
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 1);
	visit_fini(&v);
	booth_close(&b);
}

static const char whole[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
			    "http://cdn/live/a.ts\n#EXTINF:4,\n/live/b.ts\n#EXT-X-ENDLIST\n";

/* Whoever came by the open form goes on by it, and need not know of mounts. */
Test(gateway_route, it_leads_back_by_the_form_in_which_it_was_asked)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct booth b;

	booth_open(&b, &conf);
	site_put(&b.cdn,
		&(struct page){ .target = "/live/m.m3u8", .text = whole, .type = list_type });
	site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 100 });
	put_text(&b.cdn, "/secret.txt", "x");
	cr_assert_eq(visit_get(&b, &v, "/x/http/cdn/live/m.m3u8"), 200);
	cr_assert_not_null(strstr(v.body, "\n/x/http/cdn/live/a.ts\n"));
	cr_assert_not_null(strstr(v.body, "\n/x/http/cdn/live/b.ts\n"));
	cr_assert_eq(visit_get(&b, &v, "/x/http/cdn/live/a.ts"), 200);
	cr_assert_eq(b.node.metrics.v[P2V_M_REQ_FRAGMENT], 1);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_not_null(strstr(v.body, "\n/live/a.ts\n"));
	cr_assert_not_null(strstr(v.body, "\n/live/b.ts\n"));
	/* That opens nothing beside the mount's folder. */
	gets(&b, "/x/http/cdn/secret.txt", 403);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_route, a_host_becomes_reachable_when_a_redirect_names_it)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct page *key;
	struct booth b;

	booth_open(&b, &conf);
	key = put_text(&b.other, "/k/1.key?t=2", "0123456789abcdef");
	site_put(&b.cdn, &(struct page){ .target = "/live/1.key",
				 .status = 302,
				 .text = "",
				 .extra = { "Location: http://cdn2/k/1.key?t=2" } });
	gets(&b, "/x/http/cdn2/k/1.key?t=2", 403);
	cr_assert_eq(visit_get(&b, &v, "/live/1.key"), 302);
	cr_assert_str_eq(visit_field(&v, "location"), "/x/http/cdn2/k/1.key?t=2");
	cr_assert_eq(visit_fields(&v, "location"), 1);
	leads_to(&b, "/x/http/cdn2/k/1.key?t=2", key);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_route, through_a_proxy_manifests_stay_as_they_are_and_still_name_hosts)
{
	static const char *const headers[] = { "Host: cdn", NULL };
	struct booth_conf conf = booth_conf();
	struct page *far;
	struct booth b;
	struct raw r;

	booth_open(&b, &conf);
	far = site_put(&b.other, &(struct page){ .target = "/far/a.ts", .size = 1000 });
	site_put(&b.cdn,
		&(struct page){ .target = "/live/m.m3u8", .text = foreign, .type = list_type });
	raw_status(&b, "GET", "http://cdn2/far/a.ts", "Host: cdn2", 403);
	raw_ask(&b, &r, "GET", "http://cdn/live/m.m3u8", headers, 65536);
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(r.status, 200);
	cr_assert_eq(r.n, strlen(foreign));
	cr_assert_eq(memcmp(r.body, foreign, r.n), 0);
	raw_status(&b, "GET", "http://cdn2/far/a.ts", "Host: cdn2", 200);
	cr_assert_eq(far->requests, 1);
	booth_close(&b);
}

/* The same event through a mount, the open form and the proxy form is one channel: its fragments
 * are fetched once. */
Test(gateway_route, all_three_forms_share_a_channel)
{
	static const char *const headers[] = { "Host: cdn", NULL };
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	struct page *a;
	struct booth b;
	struct raw r;

	booth_open(&b, &conf);
	a = site_put(&b.cdn, &(struct page){ .target = "/live/a.ts", .size = 60000 });
	site_put(&b.cdn,
		&(struct page){ .target = "/live/m.m3u8", .text = list, .type = list_type });
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	visit_expect(&v, a, 0, 60000);
	cr_assert_eq(visit_get(&b, &v, "/x/http/cdn/live/a.ts"), 200);
	visit_expect(&v, a, 0, 60000);
	raw_ask(&b, &r, "GET", "http://cdn/live/a.ts", headers, 65536);
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(r.status, 200);
	cr_assert_eq(r.n, 60000);
	cr_assert_eq(a->requests, 1);
	visit_fini(&v);
	booth_close(&b);
}
