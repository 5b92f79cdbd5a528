/* text_test.c - borrowed text, numbers and lengths of time in text, and the growing text. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/text.h"

TestSuite(text, .timeout = 60);

static struct p2v_str S(const char *s) {
	return p2v_str_of(s);
}

Test(text, absent_is_not_empty)
{
	cr_assert_null(S(NULL).p);
	cr_assert(p2v_str_is(S(""), ""));
	cr_assert_not(p2v_str_is(S(NULL), ""), "the absent string is no text");
	cr_assert(p2v_str_equal(S(NULL), S("")), "as bytes they are equal");
}

Test(text, comparisons)
{
	cr_assert(p2v_str_is(S("abc"), "abc"));
	cr_assert_not(p2v_str_is(S("abc"), "ab"));
	cr_assert_not(p2v_str_is(S("abc"), "abd"));
	cr_assert(p2v_str_is_nocase(S("aBc-1"), "AbC-1"));
	cr_assert_not(p2v_str_is_nocase(S("a[c"), "a{c"), "only letters lose their case");
	cr_assert_not(p2v_str_is_nocase(S("abc"), "ab"));
	cr_assert_not(p2v_str_is_nocase(S("ab"), "abc"));
	cr_assert_not(p2v_str_is_nocase((struct p2v_str){ "ab\0c", 4 }, "ab"));
	cr_assert(p2v_str_is_nocase(S(""), ""));
	cr_assert_not(p2v_str_is_nocase(S(NULL), ""), "the absent string is no text");
	cr_assert(p2v_str_starts(S("abc"), "ab"));
	cr_assert(p2v_str_starts(S("abc"), ""));
	cr_assert_not(p2v_str_starts(S("a"), "ab"));
	cr_assert(p2v_str_ends_nocase(S("a.M3U8"), ".m3u8"));
	cr_assert_not(p2v_str_ends_nocase(S("m3u8"), ".m3u8"));
}

Test(text, trim_split_find)
{
	struct p2v_str rest = S("a,,b"), head;

	cr_assert(p2v_str_is(p2v_str_trim(S(" \t a b\r\n")), "a b"));
	cr_assert_eq(p2v_str_trim(S(" \t ")).n, 0);
	cr_assert_eq(p2v_str_find(S("abc"), 'c'), 2);
	cr_assert_eq(p2v_str_find(S("abc"), 'x'), 3);
	cr_assert(p2v_str_split(&rest, ',', &head) && p2v_str_is(head, "a"));
	cr_assert(p2v_str_split(&rest, ',', &head) && p2v_str_is(head, ""));
	cr_assert(p2v_str_split(&rest, ',', &head) && p2v_str_is(head, "b"));
	cr_assert_not(p2v_str_split(&rest, ',', &head));
	rest = S("a,");
	cr_assert(p2v_str_split(&rest, ',', &head) && p2v_str_is(head, "a"));
	cr_assert(p2v_str_split(&rest, ',', &head) && p2v_str_is(head, ""), "an empty last part");
	cr_assert_not(p2v_str_split(&rest, ',', &head));
}

static const char *decimal(uint64_t v)
{
	static char out[P2V_DECIMAL_MAX + 1];

	out[p2v_decimal(v, out)] = 0;
	return out;
}

Test(text, decimals)
{
	cr_assert_str_eq(decimal(0), "0");
	cr_assert_str_eq(decimal(7), "7");
	cr_assert_str_eq(decimal(10), "10");
	cr_assert_str_eq(decimal(1234567890), "1234567890");
	cr_assert_str_eq(decimal(UINT64_MAX), "18446744073709551615");
}

Test(text, dup_is_a_copy)
{
	char *q = p2v_str_dup((struct p2v_str){ "abcdef", 3 });

	cr_assert_str_eq(q, "abc");
	free(q);
	q = p2v_str_dup(S(NULL));
	cr_assert_str_eq(q, "");
	free(q);
}

Test(text, parse_u64_takes_digits_only)
{
	uint64_t v = 7;

	cr_assert_eq(p2v_parse_u64(S("18446744073709551615"), 0, UINT64_MAX, &v), P2V_OK);
	cr_assert_eq(v, UINT64_MAX);
	cr_assert_eq(p2v_parse_u64(S("18446744073709551616"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(S("-1"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(S(""), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(S(" 1"), 0, UINT64_MAX, &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_u64(S("5"), 6, 9, &v), P2V_EPARSE, "below the range");
	cr_assert_eq(p2v_parse_u64(S("10"), 6, 9, &v), P2V_EPARSE, "above the range");
	cr_assert_eq(v, UINT64_MAX, "untouched on error");
	cr_assert_eq(p2v_parse_u64(S("0009"), 6, 9, &v), P2V_OK);
	cr_assert_eq(v, 9);
}

Test(text, parse_size_knows_units)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 }, { "1200", 1200 }, { "64k", 64000 }, { "64Ki", 65536 },
		{ "16M", 16000000 }, { "4Mi", 4194304 }, { "2G", 2000000000 },
		{ "1Gi", 1073741824 }, { "18446744073709551615", UINT64_MAX },
		{ "17179869183Gi", UINT64_C(18446744072635809792) } };
	static const char *const bad[] = { "", "k", "Ki", "1.5k", "1 k", "1K", "1kk", "-1",
		"17179869184Gi", "18446744073709552k" };
	uint64_t v = 3;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(p2v_parse_size(S(bad[i]), &v), P2V_EPARSE, "%s", bad[i]);
	cr_assert_eq(v, 3);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		cr_assert_eq(p2v_parse_size(S(good[i].text), &v), P2V_OK, "%s", good[i].text);
		cr_assert_eq(v, good[i].value, "%s", good[i].text);
	}
}

Test(text, parse_real_rounds_as_the_compiler_does)
{
	static const struct {
		const char *text;
		double value;
	} good[] = { { "0", 0.0 }, { "-0.5", -0.5 }, { "+3", 3.0 }, { "0.1", 0.1 }, { "1.", 1.0 },
		{ ".5", 0.5 }, { "123456789012345", 123456789012345.0 },
		{ "0.30000000000000004", 0.30000000000000004 }, { "2.675", 2.675 },
		{ "0.000001", 0.000001 }, { "99999999999999.9", 99999999999999.9 } };
	static const char *const bad[] = { "", ".", "-", "1e3", "inf", "nan", "1,5", "1.2.3", " 1",
		"1234567890123456" };
	double v = 9;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(p2v_parse_real(S(bad[i]), &v), P2V_EPARSE, "%s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		cr_assert_eq(p2v_parse_real(S(good[i].text), &v), P2V_OK, "%s", good[i].text);
		cr_assert(v - good[i].value < 1e-15 && good[i].value - v < 1e-15, "%s gave %.17g",
			good[i].text, v);
	}
}

Test(text, parse_usec_knows_units)
{
	static const struct {
		const char *text, *unit;
		p2v_usec value;
	} good[] = { { "250ms", "us", 250000 }, { "2s", "us", 2000000 }, { "1.5s", "us", 1500000 },
		{ "10m", "us", 600000000 }, { "2h", "us", INT64_C(7200000000) },
		{ "1d", "us", INT64_C(86400000000) }, { "300us", "s", 300 }, { "7", "us", 7 },
		{ "7", "ms", 7000 }, { "0.1", "s", 100000 }, { "0.0000005s", "us", 1 },
		{ "250 ms", "us", 250000 } };
	static const char *const bad[] = { "", "s", "-1s", "1x", "1e3s", "1ss", "99999999999d",
		"1.5.s" };
	p2v_usec v = 5;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(p2v_parse_usec(S(bad[i]), "us", &v), P2V_EPARSE, "%s", bad[i]);
	cr_assert_eq(p2v_parse_usec(S("1"), "parsec", &v), P2V_EPARSE);
	cr_assert_eq(v, 5);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		cr_assert_eq(p2v_parse_usec(S(good[i].text), good[i].unit, &v), P2V_OK, "%s",
			good[i].text);
		cr_assert_eq(v, good[i].value, "%s", good[i].text);
	}
}

Test(text, parse_bool)
{
	static const char *const yes[] = { "yes", "TRUE", "On", "1" }, *const no[] = { "no",
		"False", "off", "0" };
	bool v;

	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(p2v_parse_bool(S(yes[i]), &v), P2V_OK);
		cr_assert(v);
		cr_assert_eq(p2v_parse_bool(S(no[i]), &v), P2V_OK);
		cr_assert_not(v);
	}
	cr_assert_eq(p2v_parse_bool(S("2"), &v), P2V_EPARSE);
	cr_assert_eq(p2v_parse_bool(S(""), &v), P2V_EPARSE);
}

Test(text, hex_both_ways)
{
	uint8_t b[4] = { 1, 2, 3, 4 };
	char out[9];

	cr_assert_eq(p2v_parse_hex(S("00fF7e80"), b, 4), P2V_OK);
	cr_assert_str_eq(p2v_hex(b, 4, out), "00ff7e80");
	cr_assert_eq(p2v_parse_hex(S("00fF7e8"), b, 4), P2V_EPARSE);
	cr_assert_eq(p2v_parse_hex(S("0011223g"), b, 4), P2V_EPARSE);
	cr_assert_str_eq(p2v_hex(b, 4, out), "00ff7e80", "untouched on error");
}

Test(text, distance_counts_edits)
{
	cr_assert_eq(p2v_text_distance("kitten", "sitting", 9), 3);
	cr_assert_eq(p2v_text_distance("", "abc", 9), 3);
	cr_assert_eq(p2v_text_distance("Same", "sAME", 9), 0, "case is no edit");
	cr_assert_eq(p2v_text_distance("kitten", "sitting", 2), 3, "limit + 1 says: more");
	cr_assert_eq(p2v_text_distance(
			     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			     "b", 5),
		6, "words over 64 letters are no words");
}

Test(text, nearest_word)
{
	static const char *const words[] = { "upload_rate", "upload_limit", "role", NULL };

	cr_assert_str_eq(p2v_text_nearest("uplaod_rate", words), "upload_rate");
	cr_assert_str_eq(p2v_text_nearest("ROLE", words), "role");
	cr_assert_str_eq(p2v_text_nearest("upload_limits", words), "upload_limit");
	cr_assert_null(p2v_text_nearest("colour", words));
	cr_assert_null(p2v_text_nearest("x", (const char *const[]){ "role", NULL }));
}

Test(text, growing)
{
	struct p2v_text t = { 0 };

	for (int i = 0; i < 1000; i++)
		p2v_text_printf(&t, "%d,", i);
	cr_assert_not(t.oom);
	cr_assert_eq(t.n, 3890);
	cr_assert_eq(strlen(t.p), t.n);
	cr_assert_eq(memcmp(t.p, "0,1,2,", 6), 0);
	cr_assert_str_eq(t.p + t.n - 8, "998,999,");
	p2v_text_str(&t, (struct p2v_str){ "a\0b", 3 });
	cr_assert_eq(t.n, 3893);
	cr_assert_eq(memcmp(t.p + 3890, "a\0b", 4), 0, "NULs are bytes like others");
	p2v_text_fini(&t);
	cr_assert_null(t.p);
	cr_assert_eq(t.n, 0);
}

Test(text, growing_refuses_what_cannot_be)
{
	struct p2v_text t = { 0 };

	p2v_text_puts(&t, "kept");
	p2v_text_add(&t, "x", SIZE_MAX / 2);
	cr_assert(t.oom);
	cr_assert_str_eq(t.p, "kept");
	p2v_text_puts(&t, "dropped");
	cr_assert_str_eq(t.p, "kept", "what follows is dropped, too");
	p2v_text_fini(&t);
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

Test(text, paragraphs_are_broken_at_blanks)
{
	struct p2v_text t = { 0 };
	char word[100];

	p2v_text_puts(&t, "  -x");
	p2v_text_paragraphs(&t, "one  two\n\nthree", 6, 4);
	cr_assert_str_eq(t.p, "  -x  one two\n\n      three\n");
	p2v_text_fini(&t);

	/* 80 characters go on a line, 81 do not; a word that is longer stands alone. */
	memset(word, 'a', 79);
	memcpy(word + 40, " ", 1);
	word[79] = 0;
	p2v_text_paragraphs(&t, word, 1, 0);
	cr_assert_eq(t.n, 81, "%zu", t.n);
	p2v_text_fini(&t);
	p2v_text_paragraphs(&t, word, 2, 0);
	cr_assert_eq(strchr(t.p, '\n') - t.p, 42);
	p2v_text_fini(&t);
	memset(word, 'a', 99);
	word[99] = 0;
	p2v_text_paragraphs(&t, word, 0, 0);
	cr_assert_eq(t.n, 100);
	p2v_text_fini(&t);
}
