/* text_test.c - borrowed text and numbers in text. */
#include <criterion/criterion.h>

#include "framework/base/text.h"

Test(text, parse_u64_takes_digits_only)
{
	uint64_t v = 7;

	cr_assert_eq(p2v_parse_u64(p2v_str_of("18446744073709551615"), 0, UINT64_MAX, &v), P2V_OK);
	cr_assert_eq(v, UINT64_MAX);
	cr_assert_eq(p2v_parse_u64(p2v_str_of("18446744073709551616"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(p2v_str_of("-1"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(p2v_str_of(""), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(v, UINT64_MAX, "untouched on error");
}
