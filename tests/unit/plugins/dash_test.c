/* dash_test.c - manifest/dash: its words by tables, which fragments there are at which time of day,
 * and indexes. Whole MPDs are in tests/data/dash. */
#include <stdlib.h>

#include "plugins/manifest/dash/dash.h"
#include "tests/unit/stream/read.h"

static struct p2v_str S(const char *s) {
	return p2v_str_of(s);
}

/* ---- words ---- */

Test(dash, durations)
{
	static const struct {
		const char *text;
		p2v_usec us; /* -1: none */
	} v[] = { { "PT0S", 0 }, { "PT2S", 2000000 }, { "PT1.5S", 1500000 }, { "PT.5S", 500000 },
		{ "PT1H2M3.000004S", 3723000004 }, { "P1DT1S", INT64_C(86401000000) },
		{ "P1Y", INT64_C(31536000000000) }, { "P1M", INT64_C(2592000000000) },
		{ "PT1M", 60000000 }, { "P1W", INT64_C(604800000000) }, { "PT1,5S", 1500000 },
		{ "PT0.00000099S", 0 }, { "PT36028797018S", INT64_C(36028797018000000) },
		{ "PT36028797019S", -1 }, { "PT99999999999999999999S", -1 },
		{ "P999999999999Y", -1 }, { "", -1 }, { "P", -1 }, { "PT", -1 }, { "2S", -1 },
		{ "PTS", -1 }, { "PT2", -1 }, { "PT2X", -1 }, { "P2S", -1 }, { "PT2D", -1 },
		{ "-PT2S", -1 }, { "PT-2S", -1 }, { "PT2S ", -1 } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		p2v_usec us = -1;
		bool is = dash_take_duration(S(v[i].text), &us);

		cr_expect_eq(is, v[i].us >= 0, "%s", v[i].text);
		if (is)
			cr_expect_eq(us, v[i].us, "%s: %lld", v[i].text, (long long)us);
	}
}

Test(dash, dates)
{
	static const struct {
		const char *text;
		int64_t s; /* -1: none */
	} v[] = { { "1970-01-01T00:00:00Z", 0 }, { "1970-01-01", 0 }, { "1970-01-02T00:00", 86400 },
		{ "2026-01-01T00:00:00Z", 1767225600 }, { "2026-01-01T01:00:00+01:00", 1767225600 },
		{ "2025-12-31T22:30:00-0130", 1767225600 }, { "2024-02-29T00:00:00", 1709164800 },
		{ "2000-03-01T00:00:00Z", 951868800 }, { "2100-03-01T00:00:00Z", 4107542400 },
		{ "2026-13-01T00:00:00Z", -1 }, { "2026-00-01", -1 }, { "2026-01-32", -1 },
		{ "2026-1-1", -1 }, { "2026-01-01T00:00:00X", -1 }, { "2026-01-01T00:00:", -1 },
		{ "2026-01-01T00:61:00Z", -1 }, { "2026-01-01T00:00:00+25:00", -1 }, { "", -1 },
		{ "now", -1 } };
	int64_t us = 0;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		bool is = dash_take_date(S(v[i].text), &us);

		cr_expect_eq(is, v[i].s >= 0, "%s", v[i].text);
		if (is)
			cr_expect_eq(us, v[i].s * P2V_SECOND, "%s: %lld", v[i].text, (long long)us);
	}
	cr_assert(dash_take_date(S("1970-01-01T00:00:01.25Z"), &us));
	cr_assert_eq(us, 1250000);
	cr_assert(dash_take_date(S("1969-12-31T23:59:59Z"), &us));
	cr_assert_eq(us, -P2V_SECOND);
}

Test(dash, ranges)
{
	struct p2v_manifest_range r;

	cr_assert(dash_take_range(S("0-0"), &r));
	cr_assert(r.set && r.off == 0 && r.len == 1);
	cr_assert(dash_take_range(S("700-999"), &r));
	cr_assert(r.off == 700 && r.len == 300);
	cr_assert_not(dash_take_range(S("9-8"), &r));
	cr_assert_not(dash_take_range(S("-8"), &r));
	cr_assert_not(dash_take_range(S("8-"), &r));
	cr_assert_not(dash_take_range(S("8"), &r));
	cr_assert_not(dash_take_range(S("0-99999999999999999999"), &r));
	cr_assert_not(dash_take_range(S(NULL), &r));
}

Test(dash, templates)
{
	static const struct dash_values values = { { "v1", 2 }, 800000, 42, 180000 };
	static const struct {
		const char *tmpl, *want; /* NULL: none */
	} v[] = { { "a.m4s", "a.m4s" }, { "$Number$.m4s", "42.m4s" }, { "$Number%05d$", "00042" },
		{ "$Number%01d$", "42" },
		{ "$RepresentationID$/$Bandwidth$-$Time$.m4s", "v1/800000-180000.m4s" },
		{ "$$$Number$$$", "$42$" }, { "x$Time%09d$y", "x000180000y" }, { "", NULL },
		{ "$Number", NULL }, { "$Nothing$", NULL }, { "$number$", NULL },
		{ "$Number%5d$", NULL }, { "$Number%05x$", NULL }, { "$Number%0d$", NULL },
		{ "$Number%0999d$", NULL }, { "$RepresentationID%05d$", NULL } };
	static char out[DASH_URI_MAX];
	const char *why;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		size_t n = dash_fill(S(v[i].tmpl), &values, out, &why);

		cr_expect_eq(n, v[i].want ? strlen(v[i].want) : 0, "%s", v[i].tmpl);
		if (v[i].want)
			cr_expect(
				memcmp(out, v[i].want, n) == 0, "%s: %.*s", v[i].tmpl, (int)n, out);
		else
			cr_expect(why && *why);
	}
}

Test(dash, a_template_that_is_too_long)
{
	static const struct dash_values values = { { "0123456789012345678901234567890", 31 }, 0, 0,
		0 };
	static char tmpl[18 * 400], out[DASH_URI_MAX];
	const char *why;
	size_t n = 0;

	for (; n + 18 < sizeof tmpl; n += 18)
		memcpy(tmpl + n, "$RepresentationID$", 18);
	cr_assert_eq(dash_fill((struct p2v_str){ tmpl, n }, &values, out, &why), 0);
	cr_assert(*why);
}

/* ---- fragments at a time of day ---- */

#define START INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static struct p2v_doc *read_then(const char *text, p2v_usec after)
{
	static struct p2v_test_manifests m;
	const struct p2v_doc_in in = {
		.text = S(text), .url = "http://h/live/m.mpd", .wall = START * P2V_SECOND + after
	};
	struct p2v_doc *d;
	struct p2v_err err;

	if (!m.all.v)
		p2v_test_manifests_init(&m);
	cr_assert_eq(p2v_doc_parse(&m.all, &in, &d, &err), P2V_OK, "%s", err.text);
	return d;
}

static const char numbers[] =
	"<MPD type=\"dynamic\" availabilityStartTime=\"2026-01-01T00:00:00Z\""
	" timeShiftBufferDepth=\"PT10S\"><Period start=\"PT100S\"><AdaptationSet>"
	"<Representation id=\"1\" bandwidth=\"1\"><SegmentTemplate duration=\"2\" startNumber=\"7\""
	" media=\"$Number$\"/></Representation></AdaptationSet></Period></MPD>";

Test(dash, numbers_by_the_time_of_day)
{
	static const struct {
		p2v_usec after; /* the start of the event */
		size_t n;
		uint64_t first, last, again; /* number, number, [s] */
	} v[] = { { 0, 0, 0, 0, 102 }, { 101 * P2V_SECOND, 0, 0, 0, 102 },
		{ 102 * P2V_SECOND - 1, 0, 0, 0, 102 }, { 102 * P2V_SECOND, 1, 7, 7, 104 },
		{ 107 * P2V_SECOND, 3, 7, 9, 108 }, { 120 * P2V_SECOND, 5, 12, 16, 122 },
		{ 121 * P2V_SECOND, 5, 12, 16, 122 } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_doc *d = read_then(numbers, v[i].after);
		const struct p2v_doc_track *t = &d->tracks[0];

		cr_assert_eq(d->n_tracks, 1);
		cr_expect_eq(t->n, v[i].n, "%zu: %zu", i, t->n);
		cr_expect_eq(d->head.again, (START + (int64_t)v[i].again) * P2V_SECOND, "%zu", i);
		if (t->n && v[i].n) {
			cr_expect_eq(strtoull(t->segments[0].at.uri, NULL, 10), v[i].first);
			cr_expect_eq(strtoull(t->segments[t->n - 1].at.uri, NULL, 10), v[i].last);
			cr_expect(t->timed && t->segments[0].n == (uint64_t)t->segments[0].t);
			cr_expect_eq(t->segments[0].t,
				100 * P2V_SECOND + (p2v_usec)(v[i].first - 7) * 2 * P2V_SECOND);
		}
		p2v_doc_free(d);
	}
}

Test(dash, an_event_without_end_lists_its_newest_fragments)
{
	struct p2v_doc *d = read_then(
		"<MPD type=\"dynamic\" availabilityStartTime=\"2026-01-01T00:00:00Z\"><Period "
		"start=\"PT0S\"><AdaptationSet><Representation id=\"1\"><SegmentTemplate "
		"duration=\"2\" media=\"$Number$\"/></Representation></AdaptationSet></Period></MPD>",
		INT64_C(1000000) * P2V_SECOND);

	cr_assert_eq(d->tracks[0].n, 4096);
	cr_assert_str_eq(d->tracks[0].segments[4095].at.uri, "500000");
	p2v_doc_free(d);
}

Test(dash, what_would_never_end_is_cut)
{
	struct p2v_doc *d = read_then(
		"<MPD type=\"static\" mediaPresentationDuration=\"P9Y\"><Period><AdaptationSet>"
		"<Representation id=\"1\"><SegmentTemplate timescale=\"1000\" media=\"$Number$\">"
		"<SegmentTimeline><S d=\"1\" r=\"2147483647\"/></SegmentTimeline></SegmentTemplate>"
		"</Representation></AdaptationSet></Period></MPD>",
		0);

	cr_assert_eq(d->tracks[0].n, TELLING_FRAGMENTS);
	cr_assert_eq(d->n_warnings, 1);
	cr_assert(strstr(d->warnings[0], "the rest is left out"));
	p2v_doc_free(d);
}

Test(dash, the_same_representation_goes_on_in_the_next_period)
{
	struct p2v_doc *d = read_then(
		"<MPD type=\"static\"><Period id=\"a\" duration=\"PT4S\"><AdaptationSet>"
		"<SegmentTemplate duration=\"2\" media=\"$RepresentationID$-$Number$\"/>"
		"<Representation id=\"x\"/><Representation id=\"y\"/></AdaptationSet></Period>"
		"<Period duration=\"PT3S\"><AdaptationSet><SegmentTemplate duration=\"2\""
		" media=\"b/$RepresentationID$-$Number$\"/><Representation id=\"y\"/>"
		"<Representation id=\"z\"/></AdaptationSet></Period></MPD>",
		0);

	cr_assert_eq(d->n_tracks, 3);
	cr_assert_eq(d->n_variants, 3);
	cr_assert_str_eq(d->tracks[1].variant, "y");
	cr_assert_eq(d->tracks[0].n, 2);
	cr_assert_eq(d->tracks[1].n, 4);
	cr_assert_eq(d->tracks[2].n, 2);
	cr_assert_str_eq(d->tracks[0].set, d->tracks[1].set);
	cr_assert_str_neq(d->tracks[0].set, d->tracks[2].set);
	cr_assert_str_eq(d->tracks[1].segments[2].at.uri, "b/y-1");
	cr_assert(d->tracks[1].segments[2].disc && !d->tracks[1].segments[1].disc);
	cr_assert_eq(d->tracks[1].segments[2].t, 4 * P2V_SECOND);
	p2v_doc_free(d);
}

/* ---- bases ---- */

Test(dash, a_base_that_is_none_is_told)
{
	struct p2v_doc *d = read_then(
		"<MPD type=\"static\"><BaseURL>http://[/</BaseURL><BaseURL>http://other/</BaseURL>"
		"<Period duration=\"PT2S\"><BaseURL>p/</BaseURL><AdaptationSet><Representation "
		"id=\"1\"><SegmentTemplate duration=\"2\" media=\"$Number$\"/></Representation>"
		"</AdaptationSet></Period></MPD>",
		0);

	cr_assert_str_eq(d->tracks[0].segments[0].at.url, "http://h/live/p/1");
	cr_assert_geq(d->n_warnings, 1);
	cr_assert(strstr(d->warnings[0], "is no URL"), "%s", d->warnings[0]);
	p2v_doc_free(d);
}

/* ---- one file and its index ---- */

Test(dash, an_index_is_a_child)
{
	struct p2v_doc *d = read_then(
		"<MPD type=\"static\"><BaseURL>http://o/v/</BaseURL><Period start=\"PT5S\" "
		"duration=\"PT20S\"><AdaptationSet contentType=\"video\"><Representation id=\"1\" "
		"bandwidth=\"1000\"><BaseURL>a.mp4?t=1"
		"</BaseURL><SegmentBase indexRange=\"600-899\"><Initialization range=\"0-599\"/>"
		"</SegmentBase></Representation></AdaptationSet></Period></MPD>",
		0);
	const struct p2v_doc_child *c = d->children;

	cr_assert_eq(d->n_children, 1);
	cr_assert_str_eq(c->at.url, "http://o/v/a.mp4?t=1");
	cr_assert(c->range.set && c->range.off == 600 && c->range.len == 300);
	cr_assert_str_eq(c->context, "sidx 900 5000000 1000 0.0 video");
	cr_assert_str_eq(c->base->url, "http://o/v/a.mp4?t=1");
	p2v_doc_free(d);
}
