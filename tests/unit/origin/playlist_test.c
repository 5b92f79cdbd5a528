/* playlist_test.c - segments out of chunks, and what playlists say of them, beside the draft's own
 * examples (draft-pantos-hls-rfc8216bis, appendix B and section 9). */
#include <criterion/criterion.h>

#include "sdk/origin/playlist.h"
#include "sdk/origin/request.h"
#include "tests/unit/origin/film.h"

TestSuite(origin, .timeout = 60);

#define WALL INT64_C(1767226200000000) /* 2026-01-01T00:10:00Z */

static struct p2v_cmaf_stream s;

static void make(uint32_t parts)
{
	const struct p2v_cmaf_conf conf = { .segment = 4 * P2V_SECOND,
		.window = 40 * P2V_SECOND,
		.parts = parts,
		.memory = 1 << 20 };
	struct p2v_err err;

	p2v_cmaf_init(&s, &conf);
	cr_assert_eq(p2v_cmaf_add(&s, "v", &err), P2V_OK);
	cr_assert_eq(p2v_cmaf_add(&s, "w", &err), P2V_OK);
}

static void feed(size_t r, struct p2v_text *t, int64_t wall)
{
	struct p2v_err err;

	cr_assert_eq(p2v_cmaf_feed(&s.r[r], (struct p2v_bytes){ (const uint8_t *)t->p, t->n }, wall,
			     &err),
		P2V_OK, "%s", err.text);
	t->n = 0;
}

/* Parts of a second from `from` up to `to`, a key frame each four, in both renditions. */
static void play(unsigned from, unsigned to)
{
	struct p2v_text t = { 0 };

	for (size_t r = 0; r < 2; r++) {
		if (from == 0)
			film_init(&t, true, 1000);
		for (unsigned i = from; i < to; i++) {
			film_chunk(&t, 1, i * 1000, 1000, i % 4 == 0, 100 * (r + 1));
			feed(r, &t, WALL + (i + 1) * P2V_SECOND);
		}
	}
	p2v_text_fini(&t);
}

static const char *playlist(bool skip)
{
	static struct p2v_text t;

	t.n = 0;
	p2v_cmaf_playlist(&s.r[0], skip, &t);
	return t.p;
}

Test(origin, a_playlist_with_parts)
{
	make(P2V_CMAF_FILES);
	play(0, 4);
	cr_assert_not(s.ready, "a segment is whole when the next one begins");
	play(4, 6);
	cr_assert(s.ready);
	cr_assert_str_eq(playlist(false),
		"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n"
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.000000,CAN-SKIP-UNTIL=24.0\n"
		"#EXT-X-PART-INF:PART-TARGET=1.000000\n#EXT-X-MEDIA-SEQUENCE:0\n"
		"#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n"
		"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:10:00Z\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part0.0.m4s\",INDEPENDENT=YES\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part0.1.m4s\"\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part0.2.m4s\"\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part0.3.m4s\"\n#EXTINF:4.000000,\nseg0.m4s\n"
		"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:10:04Z\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part1.0.m4s\",INDEPENDENT=YES\n"
		"#EXT-X-PART:DURATION=1.000000,URI=\"part1.1.m4s\"\n"
		"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part1.2.m4s\"\n"
		"#EXT-X-RENDITION-REPORT:URI=\"../w/index.m3u8\",LAST-MSN=1,LAST-PART=1\n");
	p2v_cmaf_fini(&s);
}

Test(origin, parts_as_ranges)
{
	const char *text;
	char want[100];

	make(P2V_CMAF_RANGES);
	play(0, 6);
	text = playlist(false);
	(void)snprintf(want, sizeof want, "URI=\"seg1.m4s\",BYTERANGE=\"%zu@%llu\"\n",
		s.r[0].v[1].parts[1].bytes.n, (unsigned long long)s.r[0].v[1].parts[1].off);
	cr_assert_not_null(strstr(text, want), "%s", text);
	(void)snprintf(want, sizeof want,
		"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"seg1.m4s\",BYTERANGE-START=%llu\n",
		(unsigned long long)s.r[0].v[1].size);
	cr_assert_not_null(strstr(text, want), "%s", text);
	play(6, 8);
	cr_assert_not_null(
		strstr(playlist(false),
			"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"seg2.m4s\",BYTERANGE-START=0\n"),
		"a segment that is full is followed by the next one");
	p2v_cmaf_fini(&s);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* The window is 40 s: ten segments. Six target durations stay in an update; parts stand three back.
 */
Test(origin, the_window_moves_and_updates_skip)
{
	make(P2V_CMAF_FILES);
	play(0, 101);
	cr_assert_not_null(strstr(playlist(false), "#EXT-X-MEDIA-SEQUENCE:15\n"));
	cr_assert_eq(count(playlist(false), "#EXTINF"), 10);
	cr_assert_eq(count(playlist(false), "#EXT-X-PART:"), 3 * 4 + 1);
	cr_assert_null(strstr(playlist(false), "#EXT-X-SKIP"));
	cr_assert_not_null(strstr(playlist(true), "#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n"));
	cr_assert_eq(count(playlist(true), "#EXTINF"), 6);
	cr_assert_not_null(strstr(playlist(true), "#EXT-X-MEDIA-SEQUENCE:15\n"));
	cr_assert_null(strstr(playlist(true), "#EXT-X-MAP"));
	cr_assert_not_null(p2v_cmaf_find(&s.r[0], 6), "what is listed no longer can still be had");
	cr_assert_null(p2v_cmaf_find(&s.r[0], 3));
	p2v_cmaf_fini(&s);
}

Test(origin, memory_is_bounded)
{
	struct p2v_text t = { 0 };

	make(P2V_CMAF_FILES);
	film_init(&t, true, 1000);
	for (unsigned i = 0; i < 40; i++)
		film_chunk(&t, 1, i * 1000, 1000, i % 4 == 0, 30000);
	feed(0, &t, WALL);
	cr_assert_leq(s.r[0].size, 1 << 19, "half of a MiB for each of two");
	cr_assert_geq(s.r[0].n, 2);
	cr_assert_eq(s.r[0].v[s.r[0].n - 1].n, 9);
	p2v_text_fini(&t);
	p2v_cmaf_fini(&s);
}

Test(origin, a_segment_without_end_is_refused)
{
	struct p2v_text t = { 0 };
	struct p2v_err err = { .code = P2V_OK };
	int rc;

	make(P2V_CMAF_FILES);
	film_init(&t, true, 1000);
	for (unsigned i = 0; i < 40; i++)
		film_chunk(&t, 1, i * 1000, 1000, i == 0, 30000);
	rc = p2v_cmaf_feed(&s.r[0], (struct p2v_bytes){ (const uint8_t *)t.p, t.n }, WALL, &err);
	cr_assert_eq(rc, P2V_ELIMIT);
	cr_assert_not_null(strstr(err.text, "there is no key frame"));
	cr_assert(s.r[0].ended);
	p2v_text_fini(&t);
	p2v_cmaf_fini(&s);
}

Test(origin, the_end)
{
	struct p2v_err err;

	make(P2V_CMAF_FILES);
	play(0, 6);
	cr_assert_eq(p2v_cmaf_end(&s.r[0], &err), P2V_OK);
	cr_assert_not(p2v_cmaf_ended(&s));
	cr_assert_not_null(strstr(playlist(false), "seg1.m4s\n#EXT-X-ENDLIST\n"));
	cr_assert_null(strstr(playlist(false), "HINT"));
	p2v_cmaf_fini(&s);
}

Test(origin, a_master)
{
	struct p2v_text t = { 0 };
	struct p2v_err err;

	make(P2V_CMAF_FILES);
	cr_assert_eq(p2v_cmaf_add(&s, "sound", &err), P2V_OK);
	cr_assert_lt(p2v_cmaf_add(&s, "sound", &err), 0);
	cr_assert_lt(p2v_cmaf_add(&s, "a/b", &err), 0);
	play(0, 6);
	cr_assert_not(s.ready, "the sound is missing");
	film_init(&t, false, 1000);
	for (unsigned i = 0; i < 6; i++)
		film_chunk(&t, 1, i * 1000, 1000, true, 50);
	feed(2, &t, WALL + 6 * P2V_SECOND);
	cr_assert(s.ready);
	p2v_cmaf_master(&s, &t);
	cr_assert_eq(
		count(t.p, "CODECS=\"avc1.4D401F,Opus\",RESOLUTION=640x360,AUDIO=\"audio\"\n"), 2);
	cr_assert_not_null(strstr(t.p,
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"sound\",LANGUAGE=\"eng\",DEFAULT=YES,"
		"AUTOSELECT=YES,URI=\"sound/index.m3u8\"\n"));
	t.n = 0;
	p2v_cmaf_mpd(&s, p2v_str_of("h:1"), WALL, &t);
	cr_assert_not_null(strstr(t.p, " availabilityStartTime=\"2026-01-01T00:10:00Z\""));
	cr_assert_not_null(strstr(t.p, "value=\"http://h:1/time\""));
	cr_assert_eq(count(t.p, "<Representation "), 3);
	cr_assert_eq(count(t.p, "<AdaptationSet "), 2);
	cr_assert_eq(
		count(t.p,
			"duration=\"4000000\" startNumber=\"0\" "
			"initialization=\"$RepresentationID$/init.mp4\" "
			"media=\"$RepresentationID$/seg$Number$.m4s\" "
			"availabilityTimeOffset=\"3.000000\" availabilityTimeComplete=\"false\""),
		2);
	p2v_text_fini(&t);
	p2v_cmaf_fini(&s);
}

/* 6.2.5.2: segments 0 and 1 are whole, of 2 there are two parts; a part is a second, so the advance
 * part limit is three. */
Test(origin, blocking_reloads)
{
	static const struct {
		uint64_t n;
		int part; /* -1: none */
		enum p2v_cmaf_reload want;
	} v[] = { { 0, -1, P2V_CMAF_THERE }, { 1, -1, P2V_CMAF_THERE }, { 2, -1, P2V_CMAF_NOT_YET },
		{ 3, -1, P2V_CMAF_NOT_YET }, { 4, -1, P2V_CMAF_TOO_FAR }, { 1, 3, P2V_CMAF_THERE },
		{ 1, 4, P2V_CMAF_THERE }, /* part 0 of segment 2 */
		{ 2, 1, P2V_CMAF_THERE }, { 2, 2, P2V_CMAF_NOT_YET }, { 2, 4, P2V_CMAF_NOT_YET },
		{ 2, 5, P2V_CMAF_TOO_FAR }, { 3, 0, P2V_CMAF_NOT_YET }, { 3, 3, P2V_CMAF_TOO_FAR },
		{ 4, 0, P2V_CMAF_TOO_FAR } };

	make(P2V_CMAF_FILES);
	play(0, 10);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_cmaf_request rq = { .n = v[i].n, .blocking = true };

		rq.part = v[i].part >= 0;
		rq.i = rq.part ? (uint64_t)v[i].part : 0;
		cr_expect_eq(p2v_cmaf_reload(&s.r[0], &rq), v[i].want, "%llu.%d",
			(unsigned long long)v[i].n, v[i].part);
	}
	p2v_cmaf_fini(&s);
}

Test(origin, requests)
{
	static const struct {
		const char *method, *target;
		enum p2v_cmaf_what what;
		uint64_t n, i;
	} v[] = { { "GET", "/live/master.m3u8", P2V_CMAF_MASTER, 0, 0 },
		{ "GET", "/live/master.m3u8?x=1", P2V_CMAF_MASTER, 0, 0 },
		{ "HEAD", "/live/manifest.mpd", P2V_CMAF_MPD, 0, 0 },
		{ "GET", "/time", P2V_CMAF_TIME, 0, 0 },
		{ "GET", "/live/w/index.m3u8?a&_HLS_part=3&_HLS_msn=7&_HLS_skip=v2",
			P2V_CMAF_PLAYLIST, 7, 3 },
		{ "GET", "/live/w/index.m3u8?_HLS_part=3", P2V_CMAF_BAD_QUERY, 0, 3 },
		{ "GET", "/live/w/index.m3u8?_HLS_msn=-1", P2V_CMAF_BAD_QUERY, 0, 0 },
		{ "GET", "/live/w/index.m3u8?_HLS_msn=1&_HLS_msn=1", P2V_CMAF_BAD_QUERY, 1, 0 },
		{ "GET", "/live/w/index.m3u8?_HLS_skip=no", P2V_CMAF_BAD_QUERY, 0, 0 },
		{ "GET", "/live/w/init.mp4", P2V_CMAF_INIT, 0, 0 },
		{ "GET", "/live/w/seg12.m4s", P2V_CMAF_SEGMENT, 12, 0 },
		{ "GET", "/live/w/seg012.m4s", P2V_CMAF_NOTHING, 0, 0 },
		{ "GET", "/live/w/seg99999999999999999999.m4s", P2V_CMAF_NOTHING, 0, 0 },
		{ "GET", "/live/w/part12.0.m4s", P2V_CMAF_PART, 12, 0 },
		{ "GET", "/live/w/part12.m4s", P2V_CMAF_NOTHING, 12, 0 },
		{ "GET", "/live/x/index.m3u8", P2V_CMAF_NOTHING, 0, 0 },
		{ "GET", "/live/w", P2V_CMAF_NOTHING, 0, 0 },
		{ "GET", "/", P2V_CMAF_NOTHING, 0, 0 }, { "OPTIONS", "*", P2V_CMAF_OPTIONS, 0, 0 },
		{ "POST", "/time", P2V_CMAF_BAD_METHOD, 0, 0 } };

	make(P2V_CMAF_FILES);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		const struct p2v_http_request in = { .method = p2v_str_of(v[i].method),
			.target = p2v_str_of(v[i].target) };
		struct p2v_cmaf_request out;

		p2v_cmaf_request_read(&s, &in, &out);
		cr_expect_eq(out.what, v[i].what, "%s", v[i].target);
		if (out.what != P2V_CMAF_NOTHING)
			cr_expect(out.n == v[i].n && out.i == v[i].i, "%s", v[i].target);
	}
	p2v_cmaf_fini(&s);
}
