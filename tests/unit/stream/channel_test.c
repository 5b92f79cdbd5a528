/* channel_test.c - channels: mounts and origins, the way there and back, and what makes two URLs
 * the same fragment. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "framework/stream/channel.h"
#include "sdk/sim/crypto.h"
#include "tests/unit/oom.h"

TestSuite(channel, .timeout = 120);

static struct p2v_sim_crypto sim;

static struct p2v_crypto crypto(void)
{
	p2v_sim_crypto_init(&sim, 1);
	return p2v_sim_crypto(&sim);
}

static struct p2v_channel_conf conf_of(const char *mount, const char *origin)
{
	return (struct p2v_channel_conf){ .mount = mount,
		.origin = origin,
		.swarm = "",
		.identity = P2V_IDENTITY_PATH_QUERY,
		.identity_regex = "" };
}

static void make(struct p2v_channel *c, const struct p2v_channel_conf *conf)
{
	struct p2v_crypto k = crypto();
	struct p2v_err err;

	if (p2v_channel_init(c, "test", conf, &k, &err) != P2V_OK)
		cr_assert_fail("%s", err.text);
}

static void check_refused(const struct p2v_channel_conf *conf, const char *why)
{
	struct p2v_crypto k = crypto();
	struct p2v_channel c;
	struct p2v_err err;

	cr_assert_eq(p2v_channel_init(&c, "test", conf, &k, &err), P2V_ECONF, "%s", why);
	cr_assert(strstr(err.text, why), "'%s' tells '%s'", err.text, why);
	cr_assert_not(c.name || c.mount || c.origin || c.rule, "nothing is left behind");
}

/* ---- options ---- */

Test(channel, what_is_no_mount)
{
	static const char *const mounts[] = { "", "news", "/a?b", "/a#b", "/a//b", "//a", "/a/../b",
		"/./a", "/a b", "/a\nb" };

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		struct p2v_channel_conf conf = conf_of(mounts[i], "http://cdn/live/");

		check_refused(&conf, "mount: ");
	}
}

Test(channel, what_is_no_origin)
{
	static const char *const origins[] = { "", "cdn/live/", "/live/", "ftp://cdn/live/",
		"http://", "http:///live/", "http://cdn/live/?token=1", "http://cdn/live/#x",
		"http://cdn/li ve/", "data:,x" };

	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		struct p2v_channel_conf conf = conf_of("/live", origins[i]);

		check_refused(&conf, "origin: ");
	}
}

Test(channel, what_is_no_rule)
{
	struct p2v_channel_conf conf = conf_of("/live", "http://cdn/live/");

	conf.identity_regex = "^(a)";
	check_refused(&conf, "identity_regex is set, but identity is path+query");
	conf.identity = P2V_IDENTITY_PATH;
	check_refused(&conf, "identity_regex is set, but identity is path");
	conf.identity = P2V_IDENTITY_REGEX;
	conf.identity_regex = "";
	check_refused(&conf, "one to eight groups");
	conf.identity_regex = "abc";
	check_refused(&conf, "one to eight groups");
	conf.identity_regex = "(a)(b)(c)(d)(e)(f)(g)(h)(i)";
	check_refused(&conf, "one to eight groups");
	conf.identity_regex = "(a";
	check_refused(&conf, "identity_regex: ");
	conf.identity_regex = "a**[";
	check_refused(&conf, "identity_regex: ");
}

Test(channel, written_in_one_way)
{
	static const struct {
		const char *mount, *origin, *mount_is, *origin_is;
	} v[] = {
		{ "/", "http://cdn/live/", "", "http://cdn/live/" },
		{ "/news/", "http://cdn/live", "/news", "http://cdn/live/" },
		{ "/a/b", "HTTPS://CDN.Example:443", "/a/b", "https://cdn.example/" },
		{ "/a", "http://cdn:8080/x", "/a", "http://cdn:8080/x/" },
		{ "/a", "http://cdn:80/x/", "/a", "http://cdn/x/" },
		{ "/a", "http://cdn/x/../live/./", "/a", "http://cdn/live/" },
		{ "/a", "http://cdn/live/..", "/a", "http://cdn/" },
		{ "/a", "http://[2001:db8::1]:8080/x", "/a", "http://[2001:db8::1]:8080/x/" },
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct p2v_channel_conf conf = conf_of(v[i].mount, v[i].origin);
		struct p2v_channel c;

		make(&c, &conf);
		cr_assert_str_eq(c.name, "test");
		cr_assert_str_eq(c.mount, v[i].mount_is);
		cr_assert_str_eq(c.origin, v[i].origin_is, "%s: %s", v[i].origin, c.origin);
		p2v_channel_fini(&c);
	}
}

/* ---- there and back ---- */

static void check_there(struct p2v_channel *c, const char *target, const char *url)
{
	struct p2v_text t = { 0 };
	int rc;

	p2v_text_puts(&t, "before ");
	rc = p2v_channel_to_origin(c, p2v_str_of(target), &t);
	cr_assert_eq(rc, P2V_OK, "%s", target);
	cr_assert_str_eq(t.p + 7, url, "%s leads to %s", target, t.p + 7);
	p2v_text_fini(&t);
}

static void check_nowhere(struct p2v_channel *c, const char *target, int code)
{
	struct p2v_text t = { 0 };

	cr_assert_eq(p2v_channel_to_origin(c, p2v_str_of(target), &t), code, "%s: %s", target, t.p);
	p2v_text_fini(&t);
}

Test(channel, requests_lead_into_the_origins_folder)
{
	struct p2v_channel_conf conf = conf_of("/news", "https://cdn.example/live/");
	struct p2v_channel c;

	make(&c, &conf);
	check_there(&c, "/news/a.m3u8", "https://cdn.example/live/a.m3u8");
	check_there(&c, "/news/a/b.ts?t=1&u=/x?y", "https://cdn.example/live/a/b.ts?t=1&u=/x?y");
	check_there(&c, "/news", "https://cdn.example/live/");
	check_there(&c, "/news/", "https://cdn.example/live/");
	check_there(&c, "/news?t=1", "https://cdn.example/live/?t=1");
	check_there(&c, "/news/./a", "https://cdn.example/live/a");
	check_there(&c, "/news/x/../a", "https://cdn.example/live/a");
	check_there(&c, "/news/x/..", "https://cdn.example/live/");
	check_there(&c, "/news/a?b=../../c", "https://cdn.example/live/a?b=../../c");
	/* What would be taken for another host or a scheme is a path here. */
	check_there(&c, "/news//evil.example/a", "https://cdn.example/live/evil.example/a");
	check_there(&c, "/news////a", "https://cdn.example/live/a");
	check_there(&c, "/news/http://evil.example/a",
		"https://cdn.example/live/http://evil.example/a");
	check_there(&c, "/news/a:b", "https://cdn.example/live/a:b");
	check_nowhere(&c, "/newsletter", P2V_ENOENT);
	check_nowhere(&c, "/new", P2V_ENOENT);
	check_nowhere(&c, "/", P2V_ENOENT);
	check_nowhere(&c, "", P2V_ENOENT);
	check_nowhere(&c, "/News/a", P2V_ENOENT);
	check_nowhere(&c, "/news/..", P2V_EPARSE);
	check_nowhere(&c, "/news/../x", P2V_EPARSE);
	check_nowhere(&c, "/news/../live", P2V_EPARSE);
	check_nowhere(&c, "/news/a/../../../x", P2V_EPARSE);
	check_nowhere(&c, "/news/../livelier/x", P2V_EPARSE);
	p2v_channel_fini(&c);
}

Test(channel, a_mount_at_the_root)
{
	struct p2v_channel_conf conf = conf_of("/", "http://cdn");
	struct p2v_channel c;

	make(&c, &conf);
	check_there(&c, "/", "http://cdn/");
	check_there(&c, "/a/b?c", "http://cdn/a/b?c");
	check_there(&c, "//evil/x", "http://cdn/evil/x");
	check_there(&c, "/../x", "http://cdn/x"); /* there is nothing above it */
	p2v_channel_fini(&c);
}

Test(channel, and_back)
{
	static const struct {
		const char *url, *target;
	} v[] = {
		{ "https://cdn.example/live/a.m3u8", "/news/a.m3u8" },
		{ "https://cdn.example/live/", "/news/" },
		{ "https://cdn.example/live/a/b?t=1", "/news/a/b?t=1" },
		{ "https://cdn.example/live", NULL },
		{ "https://cdn.example/livelier/a", NULL },
		{ "https://cdn.example/other/a", NULL },
		{ "http://cdn.example/live/a", NULL },
		{ "https://cdn.example:8443/live/a", NULL },
		{ "https://other.example/live/a", NULL },
	};
	struct p2v_channel_conf conf = conf_of("/news", "https://cdn.example/live/");
	struct p2v_channel c;

	make(&c, &conf);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct p2v_text t = { 0 }, url = { 0 };
		bool in = p2v_channel_to_agent(&c, v[i].url, &t);

		cr_assert_eq(in, v[i].target != NULL, "%s", v[i].url);
		if (in) {
			cr_assert_str_eq(t.p, v[i].target);
			cr_assert_eq(p2v_channel_to_origin(&c, (struct p2v_str){ t.p, t.n }, &url),
				P2V_OK);
			cr_assert_str_eq(url.p, v[i].url, "there and back");
		} else {
			cr_assert_eq(t.n, 0, "nothing is written");
		}
		p2v_text_fini(&t);
		p2v_text_fini(&url);
	}
	p2v_channel_fini(&c);
}

/* ---- keys ---- */

static bool same(
	const struct p2v_channel *a, const char *x, const struct p2v_channel *b, const char *y)
{
	struct p2v_crypto k = crypto();
	struct p2v_id p, q;
	bool rendition;

	p2v_channel_fragment_key(a, &k, x, NULL, &p);
	p2v_channel_fragment_key(b, &k, y, NULL, &q);
	rendition = p2v_channel_rendition_key(a, &k, x, "0") ==
		    p2v_channel_rendition_key(b, &k, y, "0");
	cr_assert_eq(rendition, memcmp(&p, &q, sizeof p) == 0, "one rule for both keys");
	return rendition;
}

#define URL "http://cdn/live/"

Test(channel, by_path_and_query)
{
	struct p2v_channel_conf conf = conf_of("/live", URL);
	struct p2v_channel c;

	make(&c, &conf);
	cr_assert(same(&c, URL "a?t=1", &c, URL "a?t=1"));
	cr_assert_not(same(&c, URL "a?t=1", &c, URL "a?t=2"));
	cr_assert_not(same(&c, URL "a", &c, URL "a?"));
	cr_assert_not(same(&c, URL "a", &c, URL "b"));
	cr_assert_not(same(&c, URL "a", &c, "http://elsewhere/live/a"));
	p2v_channel_fini(&c);
}

Test(channel, by_path)
{
	struct p2v_channel_conf conf = conf_of("/live", URL);
	struct p2v_channel c;

	conf.identity = P2V_IDENTITY_PATH;
	make(&c, &conf);
	cr_assert(same(&c, URL "a?t=1", &c, URL "a?t=2"));
	cr_assert(same(&c, URL "a", &c, URL "a?t=2"));
	cr_assert(same(&c, URL "?a", &c, URL));
	cr_assert_not(same(&c, URL "a?t=1", &c, URL "b?t=1"));
	cr_assert_not(same(&c, URL "a/b", &c, URL "a"));
	p2v_channel_fini(&c);
}

Test(channel, by_rule)
{
	struct p2v_channel_conf conf = conf_of("/live", URL);
	struct p2v_channel c;

	/* A token in the path, and the track in the query. */
	conf.identity = P2V_IDENTITY_REGEX;
	conf.identity_regex = "^tok-[^/]*/(.*)\\?.*track=([0-9]+)";
	make(&c, &conf);
	cr_assert(same(&c, URL "tok-1/a.ts?x=1&track=3", &c, URL "tok-22/a.ts?track=3&y"));
	cr_assert_not(same(&c, URL "tok-1/a.ts?track=3", &c, URL "tok-1/a.ts?track=4"));
	cr_assert_not(same(&c, URL "tok-1/a.ts?track=3", &c, URL "tok-1/b.ts?track=3"));
	/* Where it does not match, all of it counts. */
	cr_assert_not(same(&c, URL "tok-1/a.ts", &c, URL "tok-2/a.ts"));
	cr_assert(same(&c, URL "tok-1/a.ts", &c, URL "tok-1/a.ts"));
	p2v_channel_fini(&c);
	/* What one group took is not what another did. */
	conf.identity_regex = "^([^/]*)/([^/]*)$";
	make(&c, &conf);
	cr_assert_not(same(&c, URL "ab/c", &c, URL "a/bc"));
	p2v_channel_fini(&c);
}

Test(channel, swarms)
{
	struct p2v_channel_conf conf = conf_of("/live", URL);
	struct p2v_channel a, b, c, d;

	make(&a, &conf);
	conf.mount = "/other";
	make(&b, &conf);
	conf.origin = "http://cdn2/live/";
	make(&c, &conf);
	cr_assert_arr_eq(a.id.b, b.id.b, 32, "the mount is the agent's own affair");
	cr_assert(same(&a, URL "a", &b, URL "a"));
	cr_assert(memcmp(&a.id, &c.id, 32) != 0);
	cr_assert_not(same(&a, URL "a", &c, "http://cdn2/live/a"), "two events");
	cr_assert_eq(a.id_short, p2v_id_short(&a.id));
	p2v_channel_fini(&b);
	p2v_channel_fini(&c);
	/* The same event by two CDNs. */
	conf.swarm = "event 7";
	make(&c, &conf);
	conf.origin = URL;
	make(&d, &conf);
	cr_assert_arr_eq(c.id.b, d.id.b, 32);
	cr_assert(memcmp(&a.id, &d.id, 32) != 0);
	cr_assert(same(&c, "http://cdn2/live/a", &d, URL "a"));
	p2v_channel_fini(&a);
	p2v_channel_fini(&c);
	p2v_channel_fini(&d);
}

Test(channel, ranges_and_tracks)
{
	static const struct p2v_manifest_range ranges[] = { { .set = false },
		{ .set = true, .off = 0, .len = 10 }, { .set = true, .off = 10, .len = 10 },
		{ .set = true, .off = 0, .len = 20 }, { .set = true, .off = 10, .len = 0 } };
	enum { N = sizeof ranges / sizeof *ranges };
	struct p2v_channel_conf conf = conf_of("/live", URL);
	struct p2v_crypto k = crypto();
	struct p2v_id key[N], none;
	struct p2v_channel c;
	static const char *const variants[3] = { "0", "1", "audio" };
	uint64_t track[3];

	make(&c, &conf);
	p2v_channel_fragment_key(&c, &k, URL "a", NULL, &none);
	for (size_t i = 0; i < N; i++) {
		p2v_channel_fragment_key(&c, &k, URL "a", &ranges[i], &key[i]);
		for (size_t j = 0; j < i; j++)
			cr_assert(memcmp(&key[i], &key[j], 32) != 0, "%zu %zu", i, j);
	}
	cr_assert_arr_eq(key[0].b, none.b, 32, "a range that is not set is none");
	for (size_t i = 0; i < 3; i++) {
		track[i] = p2v_channel_rendition_key(&c, &k, URL "a", variants[i]);
		cr_assert_lt(track[i], UINT64_C(1) << 62, "it fits a varint");
		for (size_t j = 0; j < i; j++)
			cr_assert_neq(track[i], track[j]);
	}
	p2v_channel_fini(&c);
}

/* ---- memory that runs out ---- */

Test(channel, out_of_memory)
{
	struct p2v_channel_conf conf = conf_of("/live", "http://cdn/x/../live/");
	struct p2v_crypto k = crypto();
	struct p2v_id whole, got;
	struct p2v_channel c;
	struct p2v_err err;
	int rc = P2V_ENOMEM;
	long n;

	conf.identity = P2V_IDENTITY_REGEX;
	conf.identity_regex = "^(.*)$";
	for (n = 0; rc != P2V_OK; n++) {
		oom_after(n);
		rc = p2v_channel_init(&c, "test", &conf, &k, &err);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM);
		cr_assert(rc == P2V_OK || !c.name);
		cr_assert_lt(n, 1000);
	}
	cr_assert_geq(n, 4);
	p2v_channel_fragment_key(&c, &k, URL "a", NULL, &whole);
	oom_after(0);
	p2v_channel_fragment_key(&c, &k, URL "a", NULL, &got);
	oom_after(-1);
	cr_assert(memcmp(&got, &whole, 32) != 0, "another key than it should have, but some key");
	p2v_channel_fini(&c);
}
