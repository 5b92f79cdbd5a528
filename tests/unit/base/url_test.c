/* url_test.c - URLs: the tables of RFC 3986 5.4, splitting, origins. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/base/url.h"

TestSuite(url, .timeout = 60);

static char *resolve(const char *base, const char *ref, struct p2v_text *out)
{
	out->n = 0;
	if (p2v_url_resolve(p2v_str_of(base), p2v_str_of(ref), out) < 0)
		return (char *)(uintptr_t) "refused";
	return out->p;
}

struct row {
	const char *ref, *url;
};

static void check_table(const char *base, const struct row *v, size_t n)
{
	struct p2v_text out = { 0 };

	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(resolve(base, v[i].ref, &out), v[i].url, "%s gave %s, not %s",
			v[i].ref, out.p, v[i].url);
	p2v_text_fini(&out);
}

/* The RFC's own table, with three differences that url.h tells of: the fragment is dropped, what
 * has no authority is refused, and an empty path of http is "/". */
Test(url, rfc3986_5_4_1_normal)
{
	static const struct row v[] = { { "g:h", "refused" }, { "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" }, { "g/", "http://a/b/c/g/" }, { "/g", "http://a/g" },
		{ "//g", "http://g/" }, { "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" }, { "#s", "http://a/b/c/d;p?q" },
		{ "g#s", "http://a/b/c/g" }, { "g?y#s", "http://a/b/c/g?y" },
		{ ";x", "http://a/b/c/;x" }, { "g;x", "http://a/b/c/g;x" },
		{ "g;x?y#s", "http://a/b/c/g;x?y" }, { "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" }, { "./", "http://a/b/c/" }, { "..", "http://a/b/" },
		{ "../", "http://a/b/" }, { "../g", "http://a/b/g" }, { "../..", "http://a/" },
		{ "../../", "http://a/" }, { "../../g", "http://a/g" } };

	check_table("http://a/b/c/d;p?q", v, sizeof v / sizeof v[0]);
}

Test(url, rfc3986_5_4_2_abnormal)
{
	static const struct row v[] = { { "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" }, { "/./g", "http://a/g" },
		{ "/../g", "http://a/g" }, { "g.", "http://a/b/c/g." }, { ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." }, { "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" }, { "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" }, { "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" }, { "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" }, { "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "g#s/./x", "http://a/b/c/g" }, { "g#s/../x", "http://a/b/c/g" },
		{ "http:g", "refused" } };

	check_table("http://a/b/c/d;p?q", v, sizeof v / sizeof v[0]);
}

Test(url, what_packagers_write)
{
	static const struct row v[] = { { "seg 1.ts", "https://h:8443/a/seg%201.ts" },
		{ " seg.ts\r\n", "https://h:8443/a/seg.ts" },
		{ "na\xc3\xafve.ts", "https://h:8443/a/na%C3%AFve.ts" },
		{ "\"x\"<y>.ts", "https://h:8443/a/%22x%22%3Cy%3E.ts" },
		{ "a%20b.ts", "https://h:8443/a/a%20b.ts" }, { "HTTP://Other/x", "HTTP://Other/x" },
		{ "//other:1?x", "https://other:1/?x" }, { "a//b", "https://h:8443/a/a//b" },
		{ "data:text/plain,x", "refused" }, { "skd://key-7", "skd://key-7" },
		{ "skd://key-7?x", "skd://key-7?x" }, { "a\tb", "refused" },
		{ "http://[::1", "refused" }, { "http://h:99999/", "refused" },
		{ "/..", "https://h:8443/" }, { "/../..", "https://h:8443/" },
		{ "..//g", "https://h:8443//g" } };

	check_table("https://h:8443/a/live.m3u8?token=1#f", v, sizeof v / sizeof v[0]);
}

Test(url, bases_without_a_path)
{
	static const struct row v[] = { { "g", "http://a/g" }, { "?y", "http://a/?y" },
		{ "", "http://a/" }, { "../g", "http://a/g" } };

	check_table("http://a", v, sizeof v / sizeof v[0]);
}

Test(url, plain_references)
{
	static const char *const plain[] = { "a", "a/", "a/b.ts", "seg1.ts?x=../:&y", "a?b?c/../d",
		"a.b/c..d/e." };
	static const char *const other[] = { "", ".", "..", "./a", "../a", "a/./b", "a/../b", "a/.",
		"/a", "//a", "a//b", "?x", "#f", "a#f", "a:b", "a/b:c", "x y", "a\tb", "\"a", "<a",
		"a>", "\x7f", "\xc3\xa9", ".hidden" };
	struct p2v_text out = { 0 };
	char want[80];

	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		cr_expect_not(p2v_url_is_plain(p2v_str_of(other[i])), "%s", other[i]);
	cr_expect_not(p2v_url_is_plain(p2v_str_of(NULL)));
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		cr_expect(p2v_url_is_plain(p2v_str_of(plain[i])), "%s", plain[i]);
		(void)snprintf(want, sizeof want, "http://h/d/%s", plain[i]);
		cr_expect_str_eq(resolve("http://h/d/e?f", plain[i], &out), want);
	}
	p2v_text_fini(&out);
}

Test(url, bases_that_are_none)
{
	struct p2v_text out = { 0 };

	p2v_text_puts(&out, "kept");
	cr_assert_eq(p2v_url_resolve(p2v_str_of("/a/b"), p2v_str_of("g"), &out), P2V_EPARSE);
	cr_assert_eq(p2v_url_resolve(p2v_str_of("a:b"), p2v_str_of("g"), &out), P2V_EPARSE);
	cr_assert_eq(p2v_url_resolve(p2v_str_of(NULL), p2v_str_of("g"), &out), P2V_EPARSE);
	cr_assert_str_eq(out.p, "kept");
	p2v_text_fini(&out);
}

Test(url, a_result_that_is_too_long_leaves_nothing)
{
	struct p2v_text base = { 0 }, ref = { 0 }, out = { 0 };

	p2v_text_puts(&base, "http://h/");
	for (int i = 0; i < 5000; i++) {
		p2v_text_puts(&base, "b");
		p2v_text_puts(&ref, "r");
	}
	p2v_text_puts(&base, "/");
	p2v_text_puts(&out, "kept");
	cr_assert_eq(p2v_url_resolve((struct p2v_str){ base.p, base.n },
			     (struct p2v_str){ ref.p, ref.n }, &out),
		P2V_EPARSE);
	cr_assert_str_eq(out.p, "kept");
	cr_assert_eq(out.n, 4);
	p2v_text_fini(&base);
	p2v_text_fini(&ref);
	p2v_text_fini(&out);
}

Test(url, split_finds_all_parts)
{
	struct p2v_url u;

	cr_assert_eq(p2v_url_split(p2v_str_of("http://me:pw@[2001:db8::1]:8080/p/q?a=b?c#f#g"), &u),
		P2V_OK);
	cr_assert(p2v_str_is(u.scheme, "http"));
	cr_assert(p2v_str_is(u.authority, "me:pw@[2001:db8::1]:8080"));
	cr_assert(p2v_str_is(u.host, "2001:db8::1"));
	cr_assert_eq(u.port, 8080);
	cr_assert(p2v_str_is(u.path, "/p/q"));
	cr_assert(p2v_str_is(u.query, "a=b?c"));
	cr_assert(p2v_str_is(u.fragment, "f#g"));
	cr_assert(p2v_url_is_http(&u));
}

Test(url, split_tells_absent_from_empty)
{
	struct p2v_url u;

	cr_assert_eq(p2v_url_split(p2v_str_of("a/b"), &u), P2V_OK);
	cr_assert_null(u.scheme.p);
	cr_assert_null(u.authority.p);
	cr_assert_null(u.query.p);
	cr_assert_not(p2v_url_is_http(&u));
	cr_assert_eq(p2v_url_split(p2v_str_of("https://h?#"), &u), P2V_OK);
	cr_assert_eq(u.port, 443, "the scheme's own");
	cr_assert_not_null(u.path.p);
	cr_assert_eq(u.path.n, 0);
	cr_assert_not_null(u.query.p);
	cr_assert_not_null(u.fragment.p);
	cr_assert_eq(p2v_url_split(p2v_str_of("http://h:/x"), &u), P2V_OK);
	cr_assert_eq(u.port, 80, "a port that is left empty");
	cr_assert_eq(p2v_url_split(p2v_str_of("http:///x"), &u), P2V_OK);
	cr_assert_not(p2v_url_is_http(&u), "no host");
}

Test(url, split_cuts_in_order)
{
	struct p2v_url u;

	cr_assert_eq(p2v_url_split(p2v_str_of("http://h?a/b#c?d"), &u), P2V_OK);
	cr_assert(p2v_str_is(u.authority, "h"));
	cr_assert_eq(u.path.n, 0);
	cr_assert(p2v_str_is(u.query, "a/b"));
	cr_assert(p2v_str_is(u.fragment, "c?d"), "a question mark in it is a part of it");
	cr_assert_eq(p2v_url_split(p2v_str_of("1a:b"), &u), P2V_OK);
	cr_assert_null(u.scheme.p, "a scheme begins with a letter");
	cr_assert(p2v_str_is(u.path, "1a:b"));
	cr_assert_eq(p2v_url_split(p2v_str_of("x:/a//b"), &u), P2V_OK);
	cr_assert_null(u.authority.p);
	cr_assert(p2v_str_is(u.path, "/a//b"));
	cr_assert_eq(p2v_url_split(p2v_str_of("HttPs://a@b@h/"), &u), P2V_OK);
	cr_assert(p2v_str_is(u.host, "h"), "behind the last @");
	cr_assert_eq(u.port, 443);
	cr_assert_eq(p2v_url_split(p2v_str_of("ftp://h"), &u), P2V_OK);
	cr_assert_eq(u.port, 0);
	cr_assert_eq(p2v_url_split(p2v_str_of("ftp://h:0021"), &u), P2V_OK);
	cr_assert_eq(u.port, 21);
}

/* It looks at several bytes at once: a bad one is found wherever it stands, and its neighbours in
 * the table of characters are not taken for one. */
Test(url, split_finds_controls_everywhere)
{
	static const char bad[] = { 0, 1, '\t', '\n', 31, ' ', 127 };
	static const char good[] = { '!', '~', (char)128, (char)160, (char)255 };
	struct p2v_url u;
	char text[24];

	for (size_t n = 1; n <= sizeof text; n++)
		for (size_t at = 0; at < n; at++) {
			memset(text, 'a', sizeof text);
			for (size_t i = 0; i < sizeof bad; i++) {
				text[at] = bad[i];
				cr_assert_eq(p2v_url_split((struct p2v_str){ text, n }, &u),
					P2V_EPARSE, "%d at %zu of %zu", bad[i], at, n);
			}
			for (size_t i = 0; i < sizeof good; i++) {
				text[at] = good[i];
				cr_assert_eq(p2v_url_split((struct p2v_str){ text, n }, &u), P2V_OK,
					"%d at %zu of %zu", good[i], at, n);
			}
		}
}

Test(url, split_refuses)
{
	static const char *const bad[] = { "a b", "a\x7f", "a\nb", "http://h:x/", "http://h:65536/",
		"http://[::1]x/", "http://[1.2.3.4]/", "http://[[::1]/", "http://[]/",
		"http://evil.example\\@good.example/", "http://a<b/", "http://a]b/", "http://[::1",
		"http://a|b@h/", "http://a`b", "http://a^b", "http://{a}/", "http://a\"b/",
		"http://[::1]8", "http://a>b:80", "http://h:80:80/", "http://[@::1]" };
	struct p2v_url u;
	char longest[P2V_URL_MAX + 2];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(p2v_url_split(p2v_str_of(bad[i]), &u), P2V_EPARSE, "%s", bad[i]);
	memset(longest, 'a', sizeof longest);
	cr_assert_eq(p2v_url_split((struct p2v_str){ longest, P2V_URL_MAX }, &u), P2V_OK);
	cr_assert_eq(p2v_url_split((struct p2v_str){ longest, P2V_URL_MAX + 1 }, &u), P2V_EPARSE);
}

static const char *origin(const char *url, struct p2v_text *out)
{
	struct p2v_url u;

	out->n = 0;
	cr_assert_eq(p2v_url_split(p2v_str_of(url), &u), P2V_OK);
	p2v_url_origin(&u, out);
	return out->p;
}

Test(url, origins)
{
	struct p2v_text out = { 0 };

	cr_assert_str_eq(origin("HTTP://CDN.Example:80/x", &out), "http://cdn.example");
	cr_assert_str_eq(origin("https://u@h:8443/x", &out), "https://h:8443");
	cr_assert_str_eq(origin("http://[2001:DB8::1]:81", &out), "http://[2001:db8::1]:81");
	p2v_text_fini(&out);
}

static bool same(const char *a, const char *b)
{
	struct p2v_url x, y;

	cr_assert_eq(p2v_url_split(p2v_str_of(a), &x), P2V_OK);
	cr_assert_eq(p2v_url_split(p2v_str_of(b), &y), P2V_OK);
	return p2v_url_same_origin(&x, &y);
}

Test(url, same_origin)
{
	cr_assert(same("http://h/a", "HTTP://H:80/b?c"));
	cr_assert_not(same("http://h/", "https://h/"));
	cr_assert_not(same("http://h/", "http://h:81/"));
	cr_assert_not(same("http://h/", "http://hh/"));
	cr_assert_not(same("http://a@b/", "http://a@B1/"));
}
