/* json_test.c - writing JSON. */
#include <criterion/criterion.h>

#include <math.h>

#include "framework/base/json.h"

TestSuite(json, .timeout = 60);

Test(json, nesting_and_commas)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	p2v_json_open(&j, NULL, '{');
	p2v_json_open(&j, "a", '[');
	p2v_json_close(&j, ']');
	p2v_json_open(&j, "b", '[');
	p2v_json_u64(&j, NULL, UINT64_MAX);
	p2v_json_i64(&j, NULL, INT64_MIN);
	p2v_json_open(&j, NULL, '{');
	p2v_json_close(&j, '}');
	p2v_json_close(&j, ']');
	p2v_json_bool(&j, "c", true);
	p2v_json_bool(&j, "d", false);
	p2v_json_text(&j, "e", "");
	p2v_json_close(&j, '}');
	cr_assert_str_eq(t.p, "{\"a\":[],\"b\":[18446744073709551615,-9223372036854775808,{}],"
			      "\"c\":true,\"d\":false,\"e\":\"\"}");
	p2v_text_fini(&t);
}

Test(json, reals)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	p2v_json_open(&j, NULL, '[');
	p2v_json_real(&j, NULL, 0.5, 3);
	p2v_json_real(&j, NULL, -2.0 / 3, 2);
	p2v_json_real(&j, NULL, (double)NAN, 2);
	p2v_json_real(&j, NULL, (double)INFINITY, 2);
	p2v_json_real(&j, NULL, 7, 0);
	p2v_json_close(&j, ']');
	cr_assert_str_eq(t.p, "[0.500,-0.67,null,null,7]");
	p2v_text_fini(&t);
}

static void check(struct p2v_str in, const char *out)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	p2v_json_str(&j, NULL, in);
	cr_expect_str_eq(t.p, out, "%s, not %s", t.p, out);
	p2v_text_fini(&t);
}

Test(json, escapes)
{
	check(p2v_str_of("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	check(p2v_str_of("\n\t\r\x01\x1f\x7f"), "\"\\n\\u0009\\u000d\\u0001\\u001f\\u007f\"");
	check((struct p2v_str){ "a\0b", 3 }, "\"a\\u0000b\"");
	check((struct p2v_str){ NULL, 0 }, "\"\"");
}

#define BAD "\xef\xbf\xbd"

Test(json, utf8_is_kept_and_what_is_none_is_replaced)
{
	check(p2v_str_of("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
		"\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	check(p2v_str_of("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"");
	check(p2v_str_of("\x80"), "\"" BAD "\"");
	check(p2v_str_of("\xc0\x80"), "\"" BAD BAD "\"");
	check(p2v_str_of("\xe0\x80\x80"), "\"" BAD BAD BAD "\"");
	check(p2v_str_of("\xed\xa0\x80"), "\"" BAD BAD BAD "\"");
	check(p2v_str_of("\xf4\x90\x80\x80"), "\"" BAD BAD BAD BAD "\"");
	check(p2v_str_of("\xff"), "\"" BAD "\"");
	check(p2v_str_of("\xe2\x82"), "\"" BAD BAD "\"");
	check(p2v_str_of("\xe2\x28\xa1"), "\"" BAD "(" BAD "\"");
}

Test(json, keys_are_escaped)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	p2v_json_open(&j, NULL, '{');
	p2v_json_u64(&j, "a\"", 1);
	p2v_json_close(&j, '}');
	cr_assert_str_eq(t.p, "{\"a\\\"\":1}");
	p2v_text_fini(&t);
}
