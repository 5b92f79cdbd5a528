/* http_test.c - what HTTP messages mean: headers, ranges, freshness. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"

TestSuite(http, .timeout = 60);

static struct p2v_str S(const char *s) {
	return p2v_str_of(s);
}

Test(http, headers_by_name)
{
	const struct p2v_header v[] = { { S("Content-Type"), S("a/b") }, { S("ETag"), S("\"1\"") },
		{ S("etag"), S("\"2\"") } };

	cr_assert(p2v_str_is(p2v_header_get(v, 3, "ETAG"), "\"1\""), "the first one");
	cr_assert_null(p2v_header_get(v, 3, "Range").p);
	cr_assert_null(p2v_header_get(NULL, 0, "Range").p);
}

Test(http, a_copy_of_headers_stands_alone)
{
	char text[] = "Content-Type\0a/b\0Empty\0";
	struct p2v_header v[] = { { { text, 12 }, { text + 13, 3 } }, { { text + 17, 5 }, S("") },
		{ S("X"), { NULL, 0 } } };
	struct p2v_header *copy = p2v_headers_dup(v, 3), *none = p2v_headers_dup(NULL, 0);

	cr_assert(copy && none);
	memset(text, 'x', sizeof text);
	cr_assert(p2v_str_is(p2v_header_get(copy, 3, "content-type"), "a/b"));
	cr_assert(p2v_str_is(p2v_header_get(copy, 3, "empty"), ""));
	cr_assert_eq(p2v_header_get(copy, 3, "x").n, 0);
	cr_assert_null(p2v_header_get(copy, 3, "Content").p);
	free(copy);
	free(none);
}

Test(http, ranges_that_are_read)
{
	struct p2v_range r = p2v_range_parse(S("bytes=0-499"));

	cr_assert(r.set && !r.suffix && r.first == 0 && r.last == 499);
	r = p2v_range_parse(S(" Bytes=5- "));
	cr_assert(r.set && !r.suffix && r.first == 5 && r.last == UINT64_MAX);
	r = p2v_range_parse(S("bytes=-7"));
	cr_assert(r.set && r.suffix && r.first == 7);
	r = p2v_range_parse(S("bytes= 1 - 2 "));
	cr_assert(r.set && r.first == 1 && r.last == 2);
}

Test(http, ranges_that_are_ignored)
{
	static const char *const bad[] = { "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5",
		"bytes=9-5", "bytes=1-2,4-5", "items=0-5", "bytes=--1", "bytes=1-2-3",
		"bytes=18446744073709551616-" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_not(p2v_range_parse(S(bad[i])).set, "%s", bad[i]);
	cr_assert_not(p2v_range_parse(S(NULL)).set);
}

Test(http, ranges_are_placed)
{
	static const struct {
		const char *range;
		uint64_t length;
		enum p2v_range_kind kind;
		uint64_t first, last;
	} v[] = { { "bytes=0-499", 1000, P2V_RANGE_OK, 0, 499 },
		{ "bytes=500-", 1000, P2V_RANGE_OK, 500, 999 },
		{ "bytes=500-5000", 1000, P2V_RANGE_OK, 500, 999 },
		{ "bytes=-1", 1000, P2V_RANGE_OK, 999, 999 },
		{ "bytes=-5000", 1000, P2V_RANGE_OK, 0, 999 },
		{ "bytes=0-0", 1, P2V_RANGE_OK, 0, 0 },
		{ "bytes=1000-", 1000, P2V_RANGE_BAD, 0, 0 },
		{ "bytes=0-", 0, P2V_RANGE_BAD, 0, 0 }, { "bytes=-0", 1000, P2V_RANGE_BAD, 0, 0 },
		{ "bytes=-5", 0, P2V_RANGE_BAD, 0, 0 }, { "x", 1000, P2V_RANGE_NONE, 0, 0 } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_range r = p2v_range_parse(S(v[i].range));
		uint64_t first = 0, last = 0;

		cr_assert_eq(p2v_range_place(&r, v[i].length, &first, &last), v[i].kind, "%s",
			v[i].range);
		if (v[i].kind == P2V_RANGE_OK) {
			cr_assert_eq(first, v[i].first, "%s", v[i].range);
			cr_assert_eq(last, v[i].last, "%s", v[i].range);
		}
	}
}

Test(http, content_ranges)
{
	static const char *const bad[] = { "", "bytes", "bytes 0-4", "bytes */5", "bytes 4-3/9",
		"bytes 0-5/5", "bytes 0-4/", "bytes a-4/5", "items 0-4/5",
		"bytes 0-18446744073709551615/*" };
	uint64_t a, b, t;

	cr_assert_eq(p2v_content_range_parse(S("bytes 0-499/1234"), &a, &b, &t), P2V_OK);
	cr_assert(a == 0 && b == 499 && t == 1234);
	cr_assert_eq(p2v_content_range_parse(S(" bytes 7-7/* "), &a, &b, &t), P2V_OK);
	cr_assert(a == 7 && b == 7 && t == P2V_LENGTH_UNKNOWN);
	cr_assert_eq(p2v_content_range_parse(S("bytes 0-4/5"), &a, &b, &t), P2V_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(
			p2v_content_range_parse(S(bad[i]), &a, &b, &t), P2V_EPARSE, "%s", bad[i]);
}

Test(http, cache_control)
{
	struct p2v_cache_control c = p2v_cache_control_parse(
		S("No-Store , private,max-age=60, must-revalidate"));

	cr_assert(c.no_store && c.is_private && c.must_revalidate && !c.no_cache);
	cr_assert(c.has_max_age);
	cr_assert_eq(c.max_age, 60 * P2V_SECOND);
	c = p2v_cache_control_parse(S("no-cache=\"Set-Cookie, X\", s-maxage=9"));
	cr_assert(c.no_cache && !c.has_max_age, "s-maxage is for shared caches");
	c = p2v_cache_control_parse(S("max-age=\"7\""));
	cr_assert(
		c.has_max_age && c.max_age == 7 * P2V_SECOND, "quotes are allowed (RFC 9111 5.2)");
	c = p2v_cache_control_parse(S("max-age=99999999999999999999"));
	cr_assert(c.has_max_age && c.max_age >= INT64_C(2147483648) * P2V_SECOND,
		"too large means very long (RFC 9111 1.2.2)");
	c = p2v_cache_control_parse(S("max-age=-1, max-age, max-age=x,,="));
	cr_assert_not(c.has_max_age);
	c = p2v_cache_control_parse(S(NULL));
	cr_assert_not(c.no_store);
}
