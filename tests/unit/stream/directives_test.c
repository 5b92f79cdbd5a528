/* directives_test.c - delivery directives: off URLs and on, and what a playlist has to list to meet
 * them. */
#include "framework/stream/directives.h"
#include "tests/unit/stream/read.h"

TestSuite(directives, .timeout = 60);

static struct p2v_directives taken(const char *url, const char *plain)
{
	struct p2v_text t = { 0 };
	struct p2v_directives d;

	p2v_directives_take(p2v_str_of(url), &d, &t);
	cr_assert_str_eq(t.p, plain, "%s", url);
	p2v_text_fini(&t);
	return d;
}

Test(directives, come_off_and_the_rest_stays)
{
	struct p2v_directives d = taken(
		"http://h/a.m3u8?x=1&_HLS_msn=7&y&_HLS_part=3&_HLS_skip=YES",
		"http://h/a.m3u8?x=1&y");

	cr_assert(d.any && !d.bad && d.has_msn && d.has_part);
	cr_assert(d.msn == 7 && d.part == 3);
	d = taken("/a?_HLS_msn=12", "/a");
	cr_assert(d.has_msn && !d.has_part && d.msn == 12);
	d = taken("/a?_HLS_skip=v2&b", "/a?b");
	cr_assert(d.any && !d.bad && !d.has_msn);
}

Test(directives, other_queries_are_none)
{
	static const char *const urls[] = { "/a", "/a?", "/a?b=_HLS_msn=1", "/a?_HLS_msnx=1",
		"/a?_hls_msn=1", "/a?x_HLS_part=1&y", "/a?&&" };

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		cr_assert_not(taken(urls[i], urls[i]).any, "%s", urls[i]);
}

Test(directives, what_is_no_number_is_told)
{
	cr_assert(taken("/a?_HLS_msn=", "/a").bad);
	cr_assert(taken("/a?_HLS_msn=-1", "/a").bad);
	cr_assert(taken("/a?_HLS_msn=1&_HLS_part=x", "/a").bad);
	cr_assert(taken("/a?_HLS_msn=99999999999999999999", "/a").bad);
	cr_assert(taken("/a?_HLS_part=1", "/a").bad, "a part of which segment?");
}

#define LOW                                                                            \
	"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n"          \
	"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n"              \
	"#EXT-X-MEDIA-SEQUENCE:10\n#EXTINF:2,\ns10\n"                                  \
	"#EXT-X-PART:DURATION=1,URI=\"p11.0\"\n#EXT-X-PART:DURATION=1,URI=\"p11.1\"\n" \
	"#EXTINF:2,\ns11\n"
#define ONE_PART "#EXT-X-PART:DURATION=0.5,URI=\"p12.0\"\n"
#define HINT     "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p12.1\"\n"

static bool met(const struct p2v_doc *d, const char *query)
{
	struct p2v_text t = { 0 };
	struct p2v_directives q;

	p2v_directives_take(p2v_str_of(query), &q, &t);
	p2v_text_fini(&t);
	return p2v_directives_met(&q, d);
}

static bool beyond(const struct p2v_doc *d, const char *query)
{
	struct p2v_text t = { 0 };
	struct p2v_directives q;

	p2v_directives_take(p2v_str_of(query), &q, &t);
	p2v_text_fini(&t);
	return p2v_directives_beyond(&q, d);
}

Test(directives, are_met_by_what_is_listed)
{
	struct p2v_doc *d = read_text(LOW ONE_PART HINT);

	cr_assert(met(d, "?_HLS_msn=10") && met(d, "?_HLS_msn=11"));
	cr_assert_not(met(d, "?_HLS_msn=12"), "it is not whole");
	cr_assert(met(d, "?_HLS_msn=12&_HLS_part=0"));
	cr_assert_not(met(d, "?_HLS_msn=12&_HLS_part=1"), "it is promised");
	cr_assert(met(d, "?_HLS_msn=11&_HLS_part=1"));
	cr_assert(met(d, "?_HLS_msn=11&_HLS_part=2"), "behind the last is the first of the next");
	cr_assert(met(d, "?_HLS_skip=YES") && met(d, ""));
	p2v_doc_free(d);
	d = read_text(LOW);
	cr_assert_not(met(d, "?_HLS_msn=11&_HLS_part=2"));
	p2v_doc_free(d);
	d = read_text(LOW "#EXT-X-ENDLIST\n");
	cr_assert(met(d, "?_HLS_msn=50&_HLS_part=1"), "nothing more will come");
	p2v_doc_free(d);
}

Test(directives, may_ask_for_what_is_near_alone)
{
	struct p2v_doc *d = read_text(LOW ONE_PART HINT);

	cr_assert_not(beyond(d, "?_HLS_msn=13"));
	cr_assert(beyond(d, "?_HLS_msn=14"), "more than two after the last one");
	cr_assert_not(beyond(d, "?_HLS_msn=12&_HLS_part=6"), "three seconds of parts");
	cr_assert(beyond(d, "?_HLS_msn=12&_HLS_part=7"));
	cr_assert_not(beyond(d, ""));
	p2v_doc_free(d);
}

Test(directives, ask_for_what_comes_next)
{
	struct p2v_doc *d = read_text(LOW ONE_PART HINT);
	struct p2v_edge e = p2v_edge_of(d), later = { true, 12, 2 }, next = { true, 13, 0 };
	struct p2v_text t = { 0 };

	cr_assert(e.any && e.msn == 12 && e.parts == 1);
	cr_assert(p2v_edge_beyond(&later, &e) && p2v_edge_beyond(&next, &later));
	cr_assert_not(p2v_edge_beyond(&e, &e) || p2v_edge_beyond(&e, &later));
	p2v_text_puts(&t, "http://h/a?b");
	p2v_directives_next(&e, true, &t);
	cr_assert_str_eq(t.p, "http://h/a?b&_HLS_msn=12&_HLS_part=1");
	p2v_text_fini(&t);
	p2v_text_puts(&t, "http://h/a");
	p2v_directives_next(&e, false, &t);
	cr_assert_str_eq(t.p, "http://h/a?_HLS_msn=12");
	p2v_text_fini(&t);
	p2v_doc_free(d);
}
