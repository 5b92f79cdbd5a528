/* text_test.c - borrowed text and numbers in text. */
#include <criterion/criterion.h>

#include "framework/base/text.h"

Test(text, parse_u64_takes_digits_only)
{
	uint64_t v = 7;

	cr_assert_eq(p2v_parse_u64(p2v_str_of("18446744073709551615"), 0, UINT64_MAX, &v), P2V_OK);
	cr_assert_eq(v, UINT64_MAX);
	cr_assert_eq(
		p2v_parse_u64(p2v_str_of("18446744073709551616"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(p2v_str_of("-1"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(p2v_str_of(""), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(v, UINT64_MAX, "untouched on error");
}

Test(text, utf8_takes_only_what_rfc_3629_has)
{
	cr_assert_eq(p2v_utf8(p2v_str_of("a")), 1);
	cr_assert_eq(p2v_utf8(p2v_str_of("\xc3\xa9x")), 2);
	cr_assert_eq(p2v_utf8(p2v_str_of("\xe2\x82\xac")), 3);
	cr_assert_eq(p2v_utf8(p2v_str_of("\xf0\x9f\x8e\xa5")), 4);
	cr_assert_eq(p2v_utf8(p2v_str_of("")), 0);
	cr_assert_eq(p2v_utf8(p2v_str_of("\x80")), 0, "a continuation alone");
	cr_assert_eq(p2v_utf8(p2v_str_of("\xc0\xaf")), 0, "longer than need be");
	cr_assert_eq(p2v_utf8(p2v_str_of("\xe0\x9f\xbf")), 0, "longer than need be");
	cr_assert_eq(p2v_utf8(p2v_str_of("\xed\xa0\x80")), 0, "a surrogate");
	cr_assert_eq(p2v_utf8(p2v_str_of("\xf4\x90\x80\x80")), 0, "beyond U+10FFFF");
	cr_assert_eq(p2v_utf8(p2v_str_of("\xe2\x82")), 0, "cut short");
}
