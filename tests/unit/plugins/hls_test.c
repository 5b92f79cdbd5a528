/* hls_test.c - manifest/hls: its words by tables, what fragments inherit, where it goes on and
 * where it gives up, and texts that are made to be slow. Whole playlists are in tests/data/hls. */
#include <stdlib.h>

#include "plugins/manifest/hls/lex.h"
#include "tests/unit/stream/read.h"

TestSuite(hls, .timeout = 240);

static struct p2v_str S(const char *s) {
	return p2v_str_of(s);
}

/* ---- lines ---- */

Test(hls, lines_end_in_three_ways)
{
	static const char text[] = "a\nb\r\nc\rd\r\r\n\n e \t\r\nf";
	static const char *const want[] = { "a", "b", "c", "d", "", "", "e", "f" };
	struct hls_lines it = hls_lines_of(S(text));
	struct p2v_str line;

	for (uint32_t i = 0; i < 8; i++) {
		cr_assert(hls_line_next(&it, &line));
		cr_assert(hls_is(line, want[i]), "line %u is '%.*s'", i, P2V_STR(line));
		cr_assert_eq(it.n, i + 1);
	}
	cr_assert_not(hls_line_next(&it, &line));
	cr_assert(it.lone_cr);
	it = hls_lines_of(S("a\r\nb\n"));
	while (hls_line_next(&it, &line)) {
	}
	cr_assert_not(it.lone_cr);
	it = hls_lines_of(S(NULL));
	cr_assert_not(hls_line_next(&it, &line));
}

Test(hls, tags)
{
	struct p2v_str name, value;

	cr_assert(hls_tag(S("#EXT-X-KEY : a:b "), &name, &value));
	cr_assert(hls_is(name, "EXT-X-KEY") && hls_is(hls_trim(value), "a:b"));
	cr_assert(hls_tag(S("#EXTM3U"), &name, &value));
	cr_assert(hls_is(name, "EXTM3U") && value.n == 0);
	cr_assert_not(hls_tag(S("#ext-x-key:a"), &name, &value), "case counts");
	cr_assert_not(hls_tag(S("# EXTINF:2"), &name, &value), "a comment");
	cr_assert_not(hls_tag(S("#EX"), &name, &value));
}

/* ---- attributes ---- */

struct want_attr {
	const char *name, *value;
	unsigned flags;
};

static void check_attrs(const char *list, const struct want_attr *v, size_t n)
{
	struct hls_attrs it = { S(list), false };
	struct hls_attr a;

	for (size_t i = 0; i < n; i++) {
		cr_assert(hls_attr_next(&it, &a), "%s: %zu", list, i);
		cr_expect(hls_is(a.name, v[i].name), "%s: name '%.*s'", list, P2V_STR(a.name));
		cr_expect(hls_is(a.value, v[i].value), "%s: value '%.*s'", list, P2V_STR(a.value));
		cr_expect_eq(a.flags, v[i].flags, "%s: flags %u", list, a.flags);
	}
	cr_assert_not(hls_attr_next(&it, &a), "%s: one more, '%.*s'", list, P2V_STR(a.name));
}

#define CHECK_ATTRS(list, ...)                                       \
	check_attrs(list, (const struct want_attr[]){ __VA_ARGS__ }, \
		sizeof((const struct want_attr[]){ __VA_ARGS__ }) / sizeof(struct want_attr))

enum { Q = HLS_ATTR_QUOTED, B = HLS_ATTR_BLANKS, R = HLS_ATTR_REQUOTED, O = HLS_ATTR_OPEN };

Test(hls, attribute_lists)
{
	CHECK_ATTRS(
		"A=1,B=\"x,y=z\",C=0xFf", { "A", "1", 0 }, { "B", "x,y=z", Q }, { "C", "0xFf", 0 });
	CHECK_ATTRS(
		" A = 1 , B = \"x\" ,C=d", { "A", "1", B }, { "B", "x", Q | B }, { "C", "d", 0 });
	CHECK_ATTRS("A=\"\"x\"\",B=\"\"", { "A", "x", Q | R }, { "B", "", Q });
	CHECK_ATTRS("A=\"x\"y\",B=2", { "A", "x\"y", Q }, { "B", "2", 0 });
	CHECK_ATTRS("A=\"open,B=2", { "A", "open", O }, { "B", "2", 0 });
	CHECK_ATTRS("A=\"x\" rest,B=2", { "A", "x\" rest", O }, { "B", "2", 0 });
	CHECK_ATTRS("A,B=,,C=1,", { "A", "", 0 }, { "B", "", 0 }, { "", "", 0 }, { "C", "1", 0 });
	CHECK_ATTRS("=x", { "", "x", 0 });
	CHECK_ATTRS("A=\"", { "A", "", O });
}

/* ---- numbers ---- */

Test(hls, seconds_to_the_microsecond)
{
	static const struct {
		const char *text;
		p2v_usec us;
		const char *rest;
	} v[] = { { "2", 2000000, "" }, { "2.", 2000000, "" }, { ".5", 500000, "" },
		{ "1.996916", 1996916, "" }, { "0.0000004", 0, "" }, { "0.0000005", 1, "" },
		{ "1.9999995", 2000000, "" }, { "1.99999949999999999999", 1999999, "" },
		{ "3.003003003003003", 3003003, "" }, { "00010.10", 10100000, "" },
		{ "86400", INT64_C(86400000000), "" }, { "2,5", 2000000, ",5" },
		{ "2.5s", 2500000, "s" }, { "1e3", 1000000, "e3" }, { "2.5.5", 2500000, ".5" } };
	static const char *const bad[] = { "", ".", "-1", "+1", "NaN", "inf", " 2", "86400.000001",
		"86401", "99999999999999999999999999", ".e" };
	p2v_usec us = 7;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_str s = S(v[i].text);

		cr_assert(hls_take_seconds(&s, &us), "%s", v[i].text);
		cr_assert_eq(us, v[i].us, "%s: %lld", v[i].text, (long long)us);
		cr_assert(hls_is(s, v[i].rest), "%s", v[i].text);
	}
	us = 7;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct p2v_str s = S(bad[i]);

		cr_assert_not(hls_take_seconds(&s, &us), "%s", bad[i]);
		cr_assert(hls_is(s, bad[i]), "as before");
	}
	cr_assert_eq(us, 7);
}

/* Every microsecond of some seconds, written out, comes back. */
Test(hls, seconds_are_exact)
{
	for (int64_t us = 0; us < 12000000; us += 7) {
		char text[32];
		struct p2v_str s;
		p2v_usec back;

		(void)snprintf(text, sizeof text, "%lld.%06lld", (long long)(us / 1000000),
			(long long)(us % 1000000));
		s = S(text);
		cr_assert(hls_take_seconds(&s, &back) && back == us, "%s", text);
	}
}

Test(hls, byte_ranges)
{
	uint64_t len, off;
	bool has;
	struct p2v_str s = S("100@5x");

	cr_assert(hls_take_range(&s, &len, &has, &off));
	cr_assert(len == 100 && has && off == 5 && hls_is(s, "x"));
	s = S("9223372036854775807");
	cr_assert(hls_take_range(&s, &len, &has, &off));
	cr_assert(len == INT64_MAX && !has && off == 0);
	static const char *const bad[] = { "", "@1", "1@", "0@5", "0", "-1", "1@-1",
		"9223372036854775807@1", "18446744073709551616", "9223372036854775808",
		"1@9223372036854775807" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		s = S(bad[i]);
		cr_assert_not(hls_take_range(&s, &len, &has, &off), "%s", bad[i]);
	}
}

Test(hls, iv_of_128_bits)
{
	uint8_t iv[16];
	char out[33];

	cr_assert(hls_hex16(S("0x00112233445566778899AABBccddeeff"), iv));
	cr_assert_str_eq(p2v_hex(iv, 16, out), "00112233445566778899aabbccddeeff");
	cr_assert(hls_hex16(S("0XabC"), iv));
	cr_assert_str_eq(p2v_hex(iv, 16, out), "00000000000000000000000000000abc");
	cr_assert_not(hls_hex16(S("0x"), iv));
	cr_assert_not(hls_hex16(S("12"), iv));
	cr_assert_not(hls_hex16(S("0x1g"), iv));
	cr_assert_not(hls_hex16(S("0x100112233445566778899AABBccddeeff"), iv));
}

/* ---- dates ---- */

Test(hls, dates_of_all_sorts)
{
	static const struct {
		const char *text;
		int64_t us;
		bool zone;
	} v[] = { { "1970-01-01T00:00:00Z", 0, true }, { "1970-01-01T00:00:00", 0, false },
		{ "1970-01-01t01:00:00.5+01:00", 500000, true },
		{ "1970-01-01T01:30:00,25+0130", 250000, true },
		{ "1969-12-31T23:00:00-01", 0, true }, { "1970-01-01 00:00Z", 0, true },
		{ "1970-01-01T00:00:00.0000005Z", 1, true },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000000), true },
		{ "1970-01-01T24:00:00z", INT64_C(86400000000), true },
		{ "2026-11-23T05:34:43.125+0000", INT64_C(1795412083125000), true },
		{ "0001-01-01T00:00:00Z", INT64_C(-62135596800000000), true },
		{ "9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999), true } };
	static const char *const bad[] = { "", "1970-01-01", "1970-01-01T", "70-01-01T00:00:00Z",
		"1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z", "1970-01-32T00:00:00Z",
		"1970-01-00T00:00:00Z", "1900-02-29T00:00:00Z", "2023-02-29T00:00:00Z",
		"1970-01-01T25:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z",
		"1970-01-01T00:00:0", "1970-01-01T00:00:00+1", "1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+01:60", "1970-01-01T00:00:00+01:6", "0000-01-01T00:00:00Z",
		"1970/01/01T00:00:00Z", "-970-01-01T00:00:00Z" };
	int64_t us;
	bool zone;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_str s = S(v[i].text);

		cr_assert(hls_take_date(&s, &us, &zone), "%s", v[i].text);
		cr_assert_eq(us, v[i].us, "%s: %lld", v[i].text, (long long)us);
		cr_assert_eq(zone, v[i].zone, "%s", v[i].text);
		cr_assert_eq(s.n, 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct p2v_str s = S(bad[i]);

		cr_assert_not(hls_take_date(&s, &us, &zone), "%s", bad[i]);
		cr_assert(hls_is(s, bad[i]), "as before");
	}
}

/* Count days as a calendar on the wall does, and compare. */
Test(hls, every_day_of_ten_centuries)
{
	static const int length[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t day = -354285; /* 1000-01-01 */
	int64_t us;
	bool zone;

	for (int y = 1000; y < 2200; y++)
		for (int m = 0; m < 12; m++) {
			int n = length[m] + (m == 1 && ((y % 4 == 0 && y % 100) || y % 400 == 0));

			for (int d = 1; d <= n; d++, day++) {
				char text[64];
				struct p2v_str s;

				(void)snprintf(
					text, sizeof text, "%04d-%02d-%02dT00:00Z", y, m + 1, d);
				s = S(text);
				cr_assert(hls_take_date(&s, &us, &zone) &&
						  us == day * 86400 * P2V_SECOND,
					"%s: %lld", text, (long long)us);
			}
		}
	cr_assert_eq(day, 84006, "2200-01-01");
}

/* What is read and written again is the same text. */
Test(hls, dates_both_ways)
{
	struct p2v_text t = { 0 }, out = { 0 };
	struct p2v_doc *d;

	p2v_text_puts(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n");
	for (unsigned i = 0; i < 3000; i++)
		p2v_text_printf(&t,
			"#EXT-X-PROGRAM-DATE-TIME:%04u-%02u-%02uT%02u:%02u:%02uZ\n#EXTINF:1,\na\n",
			1 + i * 3331 % 9999, 1 + i % 12, 1 + i % 28, i % 24, i % 60, i * 7 % 60);
	d = read_text(t.p);
	p2v_doc_json(d, &out);
	for (unsigned i = 0; i < 3000; i++) {
		char want[80];

		(void)snprintf(want, sizeof want,
			"\"n\":%u,\"pdt\":\"%04u-%02u-%02uT%02u:%02u:%02uZ\"", i,
			1 + i * 3331 % 9999, 1 + i % 12, 1 + i % 28, i % 24, i % 60, i * 7 % 60);
		cr_assert_not_null(strstr(out.p, want), "%s", want);
	}
	p2v_doc_free(d);
	p2v_text_fini(&t);
	p2v_text_fini(&out);
}

/* ---- what fragments inherit ---- */

static struct p2v_doc *doc;

static const struct p2v_doc_segment *seg(const char *body, size_t i)
{
	struct p2v_text t = { 0 };

	p2v_doc_free(doc);
	p2v_text_printf(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n%s", body);
	doc = read_text(t.p);
	p2v_text_fini(&t);
	cr_assert_lt(i, doc->tracks[0].n);
	return &doc->tracks[0].segments[i];
}

Test(hls, numbers_and_times)
{
	const struct p2v_doc_segment *s = seg(
		"#EXT-X-MEDIA-SEQUENCE:18446744073\n#EXTINF:1.5,\na\n"
		"#EXTINF:2.000001,\nb\n#EXTINF:0,\nc\n#EXTINF:3,\nd\n",
		3);

	cr_assert_eq(s->n, UINT64_C(18446744076));
	cr_assert_eq(s->t, 3500001);
	cr_assert_eq(s[-1].dur, 0, "no length is a length");
	cr_assert_not(s[-1].bad_dur);
}

Test(hls, a_sequence_that_cannot_be_counted_on)
{
	const struct p2v_doc_segment *s = seg(
		"#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1,\na\n", 0);

	cr_assert_eq(s->n, 0);
	cr_assert_eq(doc->n_warnings, 1);
}

Test(hls, a_sequence_that_stands_late_counts_from_the_first)
{
	cr_assert_eq(seg("#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:50\n#EXTINF:1,\nb\n", 1)->n, 51);
	cr_assert_eq(doc->n_warnings, 1);
}

Test(hls, a_duration_that_is_repaired)
{
	cr_assert_eq(seg("#EXTINF:x,\na\n", 0)->dur, 4000000, "by the target");
	cr_assert(seg("#EXTINF:x,\na\n", 0)->bad_dur);
	cr_assert(seg("a\n", 0)->bad_dur, "missing");
	p2v_doc_free(doc);
	doc = read_text("#EXTM3U\n#EXTINF:?,\na\n#EXTINF:3,\nb\n#EXTINF:?,\nc\n");
	cr_assert_eq(doc->tracks[0].segments[0].dur, 6000000, "by what is usual");
	cr_assert_eq(doc->tracks[0].segments[2].dur, 3000000, "by the last one");
}

Test(hls, tags_before_and_behind_extinf_mean_the_same)
{
	const struct p2v_doc_segment *a, *b;

	a = seg("#EXT-X-BYTERANGE:5@6\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n"
		"#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:1,\na\n",
		0);
	cr_assert(a->range.off == 6 && a->has_pdt && a->disc && a->gap && a->init);
	b = seg("#EXTINF:1,\n#EXT-X-BYTERANGE:5@6\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n"
		"#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXT-X-MAP:URI=\"i\"\na\n#EXTINF:1,\nb\n",
		0);
	cr_assert(b->range.off == 6 && b->has_pdt && b->disc && b->gap && b->init);
	cr_assert(!b[1].range.set && !b[1].disc && !b[1].gap, "these are for one fragment");
	cr_assert(b[1].init && b[1].has_pdt, "and these for the ones behind it, too");
	cr_assert_eq(b[1].pdt, b[0].pdt + 1000000);
}

Test(hls, keys_of_several_formats)
{
	const struct p2v_doc_segment *s = seg(
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"w1\",KEYFORMAT=\"w\"\n#EXTINF:1,\na\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"id1\"\n#EXTINF:1,\nb\n"
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"w2\",KEYFORMAT=\"w\"\n#EXTINF:1,\nc\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"id2\",KEYFORMAT=\"identity\"\n#EXTINF:1,\nd\n"
		"#EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\ne\n"
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"w3\",KEYFORMAT=\"w\"\n#EXTINF:1,\nf\n"
		"#EXT-X-KEY:URI=\"x\"\n#EXTINF:1,\ng\n",
		0);

	cr_assert_str_eq(s[0].key->at.uri, "w1");
	cr_assert_str_eq(s[1].key->at.uri, "id1");
	cr_assert_str_eq(s[2].key->at.uri, "id1", "the identity key is still in force");
	cr_assert_str_eq(s[3].key->at.uri, "id2");
	cr_assert_null(s[4].key);
	cr_assert_str_eq(s[5].key->at.uri, "w3", "NONE ended them all");
	cr_assert_str_eq(s[6].key->at.uri, "w3", "a key without a method is none");
	cr_assert_eq(doc->n_uris, 7 + 6, "all of their URIs are told");
}

/* ---- variables ---- */

static const char *refuse_at(const char *text, const char *url)
{
	static struct p2v_err err;
	struct p2v_doc *d;

	cr_assert_eq(try_read(text, strlen(text), url, &d, &err), P2V_EPARSE, "%s", text);
	return err.text;
}

Test(hls, variables_that_are_wrong)
{
	static const char head[] = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n";
	static const struct {
		const char *tags, *why;
	} v[] = { { "#EXTINF:1,\n{$a}.ts\n", "line 4: the variable 'a' is not defined" },
		{ "#EXT-X-DEFINE:NAME=\"A\",VALUE=\"x\"\n#EXT-X-MAP:URI=\"{$a}\"\n",
			"line 4: the variable 'a' is not defined" },
		{ "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n",
			"line 4: the variable 'a' is defined twice" },
		{ "#EXT-X-DEFINE:NAME=\"a\"\n",
			"line 3: #EXT-X-DEFINE says neither NAME and VALUE nor IMPORT nor QUERYPARAM" },
		{ "#EXT-X-DEFINE:QUERYPARAM=\"b\"\n",
			"line 3: the playlist's URL has no parameter 'b'" },
		{ "#EXT-X-DEFINE:IMPORT=\"c\"\n#EXTINF:1,\n{$c}\n",
			"line 5: the variable 'c' is imported, but no master playlist that is known here "
			"defines any" } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		char text[400];

		(void)snprintf(text, sizeof text, "%s%s", head, v[i].tags);
		cr_expect_str_eq(refuse_at(text, "http://h/a.m3u8?bb=1&a=2#b=3"), v[i].why);
	}
}

Test(hls, variables_from_the_query)
{
	struct p2v_doc *d = read_at(
		"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n"
		"#EXT-X-DEFINE:QUERYPARAM=\"e\"\n#EXTINF:1,\na.ts?x={$t}&y={$e}\n",
		"http://h/a.m3u8?tt=0&t=a%2Fb+c%zz&e=&t=9#t=7");

	cr_assert_str_eq(d->tracks[0].segments[0].at.uri, "a.ts?x=a/b c%zz&y=");
	p2v_doc_free(d);
}

static int read_given(
	const char *context, const char *text, struct p2v_doc **d, struct p2v_err *err)
{
	return try_read_given("hls", context, S(text), "http://h/live/v.m3u8", d, err);
}

#define LISTS_ONE           "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"
#define IMPORTER(tags, uri) "#EXTM3U\n#EXT-X-TARGETDURATION:1\n" tags "#EXTINF:1,\n" uri "\n"

/* Wherever they stand in the master, as they mean there. */
Test(hls, variables_from_the_master)
{
	struct p2v_doc
		*master = read_at(
			"#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1:x\"\n" LISTS_ONE
			"#EXT-X-DEFINE:QUERYPARAM=\"q\"\n#EXT-X-DEFINE:NAME=\"none\",VALUE=\"\"\n"
			"#EXT-X-DEFINE:NAME=\"both\",VALUE=\"{$a}{$q}\"\n",
			"http://h/m.m3u8?q=%31:%0a%3d"),
		*d;
	struct p2v_err err;

	cr_assert_str_eq(master->context, "1:a3:1:x1:q4:1:\n=4:none0:4:both7:1:x1:\n=");
	cr_assert_null(master->given);
	cr_assert_eq(
		read_given(master->context,
			IMPORTER("#EXT-X-DEFINE:IMPORT=\"both\"\n#EXT-X-DEFINE:IMPORT=\"none\"\n"
				 "#EXT-X-DEFINE:IMPORT=\"q\"\n",
				"{$none}a.ts?{$both}&{$q}"),
			&d, &err),
		P2V_OK, "%s", err.text);
	cr_assert_str_eq(d->tracks[0].segments[0].at.uri, "a.ts?1:x1:\n=&1:\n=");
	cr_assert_str_eq(d->given, master->context);
	cr_assert_null(d->context, "it lists no other");
	p2v_doc_free(d);
	p2v_doc_free(master);
	master = read_text("#EXTM3U\n" LISTS_ONE);
	cr_assert_null(master->context);
	p2v_doc_free(master);
}

Test(hls, what_the_master_does_not_define)
{
	static const char import[] = IMPORTER("#EXT-X-DEFINE:IMPORT=\"c\"\n", "a.ts");
	static const char *const contexts[] = { "1:b1:x", "", "c", "1:", "1:c", "1:c9:x", "9:c1:x",
		"99999999999999999999:c1:x", "1:x1:c" };
	struct p2v_doc *d;
	struct p2v_err err;

	for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
		cr_expect_eq(
			read_given(contexts[i], import, &d, &err), P2V_EPARSE, "%s", contexts[i]);
		cr_expect_str_eq(
			err.text, "line 3: the variable 'c' is not defined by the master playlist");
	}
	cr_assert_eq(read_given("1:c1:x",
			     IMPORTER("#EXT-X-DEFINE:NAME=\"c\",VALUE=\"1\"\n"
				      "#EXT-X-DEFINE:IMPORT=\"c\"\n",
				     "a.ts"),
			     &d, &err),
		P2V_EPARSE);
	cr_assert_str_eq(err.text, "line 4: the variable 'c' is defined twice");
	cr_assert_eq(read_given("1:c1:x", IMPORTER("", "{$c}.ts"), &d, &err), P2V_EPARSE);
	cr_assert_str_eq(err.text, "line 4: the variable 'c' is not defined",
		"what is not imported is not there");
}

/* The others are told all the same. */
Test(hls, a_master_whose_variables_have_no_room)
{
	struct p2v_text t = { 0 };
	struct p2v_doc *d;

	p2v_text_puts(&t, "#EXTM3U\n" LISTS_ONE "#EXT-X-DEFINE:NAME=\"long\",VALUE=\"");
	for (size_t i = 0; i < 9000; i++)
		p2v_text_puts(&t, "x");
	p2v_text_puts(&t, "\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"1\"\n");
	d = read_text(t.p);
	cr_assert_eq(d->n_variants, 1);
	cr_assert_str_eq(d->context, "1:b1:1");
	cr_assert_eq(d->n_warnings, 1);
	cr_assert_str_eq(
		d->warnings[0], "line 5: no room for 'long': no other playlist can import it");
	p2v_doc_free(d);
	p2v_text_fini(&t);
}

/* The same text means something else with another context, and the same with the same. */
Test(hls, a_reading_is_of_its_context)
{
	static const char text[] = IMPORTER(
		"#EXT-X-DEFINE:IMPORT=\"c\"\n", "{$c}.ts") "#EXT-X-ENDLIST\n";
	struct p2v_doc_in in = { .text = S(text), .url = "http://h/live/v.m3u8" };
	struct p2v_doc *d;
	struct p2v_err err;

	cr_assert_eq(read_given("1:c1:x", text, &d, &err), P2V_OK);
	cr_assert_not(p2v_doc_is_of(d, &in));
	in.context = "1:c1:y";
	cr_assert_not(p2v_doc_is_of(d, &in));
	in.context = "1:c1:x";
	cr_assert(p2v_doc_is_of(d, &in));
	p2v_doc_free(d);
}

Test(hls, variables_in_bounds)
{
	struct p2v_text t = { 0 };
	struct p2v_err err;
	struct p2v_doc *d;

	p2v_text_puts(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"");
	for (size_t i = 0; i < 5000; i++)
		p2v_text_puts(&t, "x");
	p2v_text_puts(&t, "\"\n#EXTINF:1,\n{$a}{$a}\n");
	cr_assert_eq(try_read(t.p, t.n, "http://h/a", &d, &err), P2V_ELIMIT);
	cr_assert_str_eq(
		err.text, "line 5: with its variables filled in, it is longer than 8192 bytes");
	t.n = 0;
	p2v_text_puts(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n");
	for (unsigned i = 0; i < 65; i++)
		p2v_text_printf(&t, "#EXT-X-DEFINE:NAME=\"v%u\",VALUE=\"\"\n", i);
	cr_assert_eq(try_read(t.p, t.n, "http://h/a", &d, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "line 67: more than 64 variables");
	p2v_text_fini(&t);
}

static bool lead_back(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	if (strncmp(u->url, "http://h/", 9) == 0)
		return false;
	p2v_text_printf(out, "/x/%s", u->url + 7);
	return true;
}

/* What is led elsewhere is what the URI means; what stays keeps its variables. */
Test(hls, variables_and_rewriting)
{
	static const char text[] =
		"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://cdn/d\"\n"
		"#EXT-X-DEFINE:NAME=\"p\",VALUE=\"v1\"\n#EXT-X-MAP:URI=\"{$h}/i\"\n#EXTINF:1,\n"
		"{$p}/a\n#EXTINF:1,\n{$h}/{$p}/b\n#EXT-X-PART:DURATION=1,URI={$h}/c\n";
	static const char want[] =
		"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://cdn/d\"\n"
		"#EXT-X-DEFINE:NAME=\"p\",VALUE=\"v1\"\n#EXT-X-MAP:URI=\"/x/cdn/d/i\"\n#EXTINF:1,\n"
		"{$p}/a\n#EXTINF:1,\n/x/cdn/d/v1/b\n#EXT-X-PART:DURATION=1,URI=\"/x/cdn/d/c\"\n";
	struct p2v_doc *d = read_text(text);
	struct p2v_text out = { 0 };

	p2v_doc_rewrite(d, lead_back, NULL, &out);
	cr_assert_str_eq(out.p, want);
	p2v_text_fini(&out);
	p2v_doc_free(d);
}

/* ---- the second edition's other tags ---- */

Test(hls, what_is_not_for_an_agent_is_left_alone)
{
	struct p2v_doc *d = read_text(
		"#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"http://s/x\",PATHWAY-ID=\"a\"\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=5,PATHWAY-ID=\"a\"\nv.m3u8\n");

	cr_assert_eq(d->n_uris, 1, "a steering server's name is no place to lead back");
	cr_assert_eq(d->n_warnings, 0);
	p2v_doc_free(d);
	(void)seg("#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\","
		  "X-ASSET-URI=\"http://ads/a.m3u8\",X-ASSET-LIST=\"http://ads/list\"\n"
		  "#EXT-X-I-FRAMES-ONLY\n#EXTINF:1,\na\n",
		0);
	cr_assert_eq(doc->n_uris, 1, "nor are a viewer's ads");
	cr_assert_eq(doc->n_warnings, 0);
}

Test(hls, what_a_server_can_do)
{
	(void)seg("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.5,HOLD-BACK=12,"
		  "PART-HOLD-BACK=1.25\n#EXT-X-PART-INF:PART-TARGET=.5\n#EXT-X-BITRATE:300\n"
		  "#EXTINF:1,\na\n#EXT-X-BITRATE:200\n#EXTINF:1,\nb\n",
		1);
	cr_assert(doc->head.can_block);
	cr_assert_eq(doc->head.skip_until, 24500000);
	cr_assert_eq(doc->head.hold, 12000000);
	cr_assert_eq(doc->head.part_hold, 1250000);
	cr_assert_eq(doc->head.part_target, 500000);
	cr_assert_eq(doc->tracks[0].bw, 300000);
	cr_assert_eq(doc->head.skipped, 0);
}

Test(hls, a_delta_update_counts_what_it_skips)
{
	const struct p2v_doc_segment *s = seg(
		"#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:1,\na\n"
		"#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n#EXTINF:1,\nb\n#EXT-X-PART:DURATION=1,URI=\"c\"\n",
		0);

	cr_assert_eq(doc->head.skipped, 3);
	cr_assert_eq(doc->head.seq, 7);
	cr_assert(s[0].n == 10 && s[1].n == 11);
	cr_assert_eq(s[0].t, 12000000, "three target durations");
	cr_assert_eq(doc->tracks[0].parts[0].n, 12);
}

Test(hls, what_is_skipped_stands_before_all_fragments)
{
	const struct p2v_doc_segment *s = seg(
		"#EXTINF:1,\na\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:1,\nb\n", 0);

	cr_assert_eq(doc->head.skipped, 0);
	cr_assert(s[0].n == 0 && s[1].n == 1);
	cr_assert_str_eq(
		doc->warnings[0], "line 5: #EXT-X-SKIP stands behind a fragment: it is ignored");
}

/* ---- where it goes on, and where it gives up ---- */

static const char *refuse(const char *text)
{
	static struct p2v_err err;
	struct p2v_doc *d;

	cr_assert_eq(
		try_read(text, strlen(text), "http://h/x.m3u8", &d, &err), P2V_EPARSE, "%s", text);
	return err.text;
}

Test(hls, texts_that_are_no_playlist)
{
	cr_assert_str_eq(refuse(""), "line 1: there is no text");
	cr_assert_str_eq(refuse("\n \r\n"), "line 1: there is no text");
	cr_assert_str_eq(refuse("hello"), "line 1: the text does not begin with #EXTM3U");
	cr_assert_str_eq(refuse("#EXT-X-TARGETDURATION:2\n"),
		"line 1: the text does not begin with #EXTM3U");
	cr_assert_str_eq(refuse("#EXTM3U\n#EXT-X-VERSION:3\n\n"),
		"line 3: the playlist ends without a fragment or a variant");
	cr_assert_str_eq(refuse("#EXTM3U\nchannel.ts\n"),
		"line 2: the playlist ends without a fragment or a variant");
}

Test(hls, texts_without_their_first_line)
{
	struct p2v_doc *d = read_text("#EXTINF:2,\na\n#EXT-X-ENDLIST\n");

	cr_assert_eq(d->tracks[0].n, 1);
	cr_assert_str_eq(d->warnings[0], "line 1: #EXTM3U is missing");
	p2v_doc_free(d);
	d = read_text("\n\n#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=5\nv.m3u8\n");
	cr_assert_eq(d->n_variants, 1);
	cr_assert_str_eq(d->warnings[0], "line 3: #EXTM3U does not stand in the first line");
	p2v_doc_free(d);
}

Test(hls, live_or_not)
{
	static const struct {
		const char *tags;
		bool live, endlist;
		size_t warnings;
	} v[] = { { "", true, false, 0 }, { "#EXT-X-ENDLIST\n", false, true, 0 },
		{ "#EXT-X-PLAYLIST-TYPE:EVENT\n", true, false, 0 },
		{ "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-ENDLIST\n", false, true, 0 },
		{ "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-ENDLIST\n", false, true, 0 },
		{ "#EXT-X-PLAYLIST-TYPE:VOD\n", false, false, 1 },
		{ "#EXT-X-PLAYLIST-TYPE:RADIO\n", true, false, 1 } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		(void)seg("#EXTINF:1,\na\n", 0);
		p2v_doc_free(doc);
		struct p2v_text t = { 0 };
		p2v_text_printf(
			&t, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n%s#EXTINF:1,\na\n", v[i].tags);
		doc = read_text(t.p);
		p2v_text_fini(&t);
		cr_assert_eq(doc->head.live, v[i].live, "%s", v[i].tags);
		cr_assert_eq(doc->head.endlist, v[i].endlist, "%s", v[i].tags);
		cr_assert_eq(doc->n_warnings, v[i].warnings, "%s", v[i].tags);
	}
}

Test(hls, probing)
{
	extern const struct p2v_plugin p2v_manifest_hls_LTX_p2v_plugin;
	static const struct {
		const char *path, *type, *start;
		uint32_t least, most;
	} v[] = { { NULL, NULL, NULL, 0, 0 }, { "/x.M3U8", NULL, NULL, 70, 70 },
		{ "/x.m3u", NULL, NULL, 40, 40 }, { "/x.mpd", NULL, NULL, 0, 0 },
		{ NULL, "application/vnd.apple.mpegurl; charset=utf-8", NULL, 80, 80 },
		{ NULL, "Application/X-MpegURL", NULL, 80, 80 },
		{ "/x.mpd", "application/dash+xml", "#EXTM3U\n", 100, 100 },
		{ "/x.m3u8", "audio/mpegurl", "<html>", 0, 0 },
		{ "/x.m3u8", NULL, "\r\n\xef\xbb\xbf", 1, 40 },
		{ "/x.m3u8", NULL, "#EXTINF:2", 60, 79 }, { "/x", "text/plain", "hello", 0, 0 } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_manifest_probe in = { S(v[i].path), S(v[i].type), S(v[i].start) };
		uint32_t score = p2v_manifest_hls_LTX_p2v_plugin.ops.manifest->probe(&in);

		cr_expect(score >= v[i].least && score <= v[i].most, "%zu: %u", i, score);
	}
}

/* ---- texts that are made to be slow: each would take hours if a step were not linear ---- */

static void swallow(const char *head, const char *unit, const char *tail)
{
	struct p2v_text t = { 0 };
	struct p2v_doc *d = NULL;
	struct p2v_err err;

	p2v_text_puts(&t, head);
	while (t.n < 1000000)
		p2v_text_puts(&t, unit);
	p2v_text_puts(&t, tail);
	if (try_read(t.p, t.n, "http://h/x.m3u8", &d, &err) == P2V_OK) {
		struct p2v_text out = { 0 };

		p2v_doc_json(d, &out);
		cr_assert_gt(out.n, 0);
		p2v_text_fini(&out);
		p2v_doc_free(d);
	} else {
		cr_assert(err.code == P2V_EPARSE || err.code == P2V_ELIMIT, "%s", err.text);
	}
	p2v_text_fini(&t);
}

#define MEDIA "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"

Test(hls, long_texts_take_linear_time)
{
	swallow("#EXTM3U", "\r", "");
	swallow("#EXTM3U\r", "\r\r\n", "");
	swallow(MEDIA "#EXT-X-KEY:", "A=\"x,", "\n#EXTINF:1,\na\n");
	swallow(MEDIA "#EXT-X-KEY:", "A=\"x\" ,", "\n");
	swallow(MEDIA "#EXT-X-KEY:URI=", "\"", "\n");
	swallow(MEDIA "#EXT-X-KEY:URI=\"", "\" ", "x\n");
	swallow(MEDIA "#EXT-X-KEY:", "URI=\"x\",", "METHOD=NONE\n");
	swallow(MEDIA "#EXT-X-KEY:", ",", "\n");
	swallow(MEDIA "#EXTINF:", "9", ",\na\n");
	swallow(MEDIA "#EXTINF:0.", "9", ",\na\n");
	swallow(MEDIA "#EXTINF:1,\n", "long-name-", "\n");
	swallow(MEDIA, "#EXTINF:1,\na\n", "");
	swallow(MEDIA, "a\n", "");
	swallow(MEDIA, "#EXT-X-MAP:URI=\"i\"\n#EXTINF:1\na\n#EXT-X-MAP:URI=\"j\"\n#EXTINF:1\na\n",
		"");
	swallow(MEDIA, "#EXT-X-PART:DURATION=1,URI=\"p\"\n", "#EXTINF:1,\na\n");
	swallow(MEDIA, "#EXT-X-PART:URI=\"p\"\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:1,\na\n",
		"");
	swallow(MEDIA, "#EXTINF:1,\na\n", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\na\n");
	swallow("#EXTM3U\n", "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n", "");
	swallow("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "#", "\nv\n");
	swallow(MEDIA "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a\"\n", "#EXTINF:1,\n{$a}{$a}{$\n", "");
	swallow(MEDIA "#EXTINF:1,\n", "{$", "\n");
	swallow(MEDIA "#EXTINF:1,\n{$", "a", "\n");
}
