/* timeline_test.c - readings of a live playlist on one clock: windows that move, readings that were
 * missed, stale ones, restarts, what is dated, initialisation segments, no memory. */
#include "framework/stream/timeline.h"
#include "tests/unit/oom.h"
#include "tests/unit/stream/read.h"

TestSuite(timeline, .timeout = 120);

static struct p2v_timeline tl;

static void start(void)
{
	cr_assert_eq(p2v_timeline_init(&tl, "http://h/live/index.m3u8"), P2V_OK);
}

static void stop(void)
{
	p2v_timeline_fini(&tl);
}

/* A reading of fragments first…last of 2 s, named by a format that takes the number. */
static struct p2v_doc *window(unsigned first, unsigned last, const char *name)
{
	struct p2v_text t = { 0 };
	struct p2v_doc *d;

	p2v_text_printf(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%u\n", first);
	for (unsigned n = first; n <= last; n++) {
		p2v_text_puts(&t, "#EXTINF:2,\n");
		p2v_text_printf(&t, name, n);
		p2v_text_puts(&t, "\n");
	}
	d = read_text(t.p);
	p2v_text_fini(&t);
	return d;
}

static size_t take(struct p2v_doc *d, p2v_usec now)
{
	size_t fresh = 99;

	cr_assert_eq(p2v_timeline_update(&tl, d, 0, now, &fresh), P2V_OK);
	p2v_doc_free(d);
	return fresh;
}

static const struct p2v_timeline_entry *entry(uint64_t n)
{
	for (size_t i = tl.n_init; i < tl.n; i++)
		if (tl.v[i].n == n)
			return &tl.v[i];
	cr_assert_fail("fragment %llu is not listed", (unsigned long long)n);
	return NULL;
}

#define S_ P2V_SECOND

Test(timeline, starts_empty_at_zero, .init = start, .fini = stop)
{
	cr_assert_str_eq(tl.url, "http://h/live/index.m3u8");
	cr_assert_eq(tl.changed, P2V_UNKNOWN);
	cr_assert_eq(p2v_timeline_edge(&tl), P2V_UNKNOWN);
	cr_assert_null(p2v_timeline_find(&tl, "x", NULL));
	cr_assert_eq(take(window(40, 45, "s%u.ts"), 7), 6);
	cr_assert_eq(entry(40)->t, 0, "wherever the sequence begins");
	cr_assert_eq(entry(45)->t, 10 * S_);
	cr_assert_eq(p2v_timeline_edge(&tl), 12 * S_);
	cr_assert(tl.live && !tl.ended && !tl.restarted);
	cr_assert_eq(tl.target, 2 * S_);
	cr_assert_eq(tl.changed, 7);
	cr_assert_eq(entry(45)->seen, 7);
}

Test(timeline, a_window_that_moves, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10);
	cr_assert_eq(take(window(0, 5, "s%u.ts"), 20), 0);
	cr_assert_eq(tl.changed, 10, "nothing was new");
	cr_assert_eq(take(window(2, 7, "s%u.ts"), 30), 2);
	cr_assert_eq(tl.n, 6);
	cr_assert_eq(tl.v[0].n, 2);
	cr_assert_eq(entry(5)->t, 10 * S_);
	cr_assert_eq(entry(5)->seen, 10);
	cr_assert_eq(entry(6)->t, 12 * S_);
	cr_assert_eq(entry(6)->seen, 30);
	cr_assert_eq(tl.changed, 30);
}

Test(timeline, next_to_each_other, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10);
	cr_assert_eq(take(window(6, 11, "s%u.ts"), 20), 6);
	cr_assert_not(tl.restarted);
	cr_assert_eq(entry(6)->t, 12 * S_);
}

/* What a delta update skips is known, and stays; what it does not even count is gone. */
Test(timeline, a_reading_that_skips, .init = start, .fini = stop)
{
	take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:10\n"
		       "#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\na10\n#EXTINF:1,\na11\n#EXTINF:2,\na12\n"
		       "#EXTINF:2,\na13\n"),
		10);
	cr_assert_eq(take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:11\n"
				    "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:2,\na13\n"
				    "#EXTINF:2,\na14\n#EXT-X-PART:DURATION=1,URI=\"p\"\n"),
			     20),
		1);
	cr_assert_not(tl.restarted);
	cr_assert_eq(tl.n_init, 1, "it is needed still");
	cr_assert_eq(tl.n - tl.n_init, 4);
	cr_assert_eq(tl.v[tl.n_init].n, 11);
	cr_assert(entry(11)->t == 2 * S_ && entry(11)->seen == 10);
	cr_assert_eq(entry(14)->t, 7 * S_);
	cr_assert_eq(entry(14)->seen, 20);
	cr_assert(tl.n_parts == 1 && tl.parts[0].n == 15 && tl.parts[0].t == 9 * S_);
	cr_assert_eq(take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:12\n"
				    "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:2,\na15\n"),
			     30),
		1);
	cr_assert_eq(tl.n - tl.n_init, 4, "all that is new, behind all that is known");
	cr_assert_eq(entry(15)->t, 9 * S_);
}

Test(timeline, missed_readings_are_counted, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10);
	cr_assert_eq(take(window(16, 21, "s%u.ts"), 20), 6);
	cr_assert_not(tl.restarted);
	cr_assert_eq(entry(16)->t, 32 * S_, "ten times the target duration");
}

Test(timeline, tokens_may_change, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts?t=a"), 10);
	cr_assert_eq(take(window(0, 6, "s%u.ts?t=b"), 20), 1);
	cr_assert_eq(entry(3)->t, 6 * S_);
	cr_assert_eq(entry(3)->seen, 10);
	cr_assert_str_eq(
		entry(3)->url, "http://h/live/s3.ts?t=b", "the player asks for the new one");
}

Test(timeline, one_that_was_replaced_is_new, .init = start, .fini = stop)
{
	struct p2v_doc *d = read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns0.ts\n"
				      "#EXTINF:2,\nad.ts\n#EXTINF:2,\ns2.ts\n");

	take(window(0, 2, "s%u.ts"), 10);
	cr_assert_eq(take(d, 20), 1);
	cr_assert_not(tl.restarted);
	cr_assert_eq(entry(1)->t, 2 * S_);
	cr_assert_eq(entry(1)->seen, 20);
	cr_assert_eq(entry(2)->seen, 10);
}

/* Lengths that change, and one between them that was replaced by a longer one. */
Test(timeline, times_never_go_back, .init = start, .fini = stop)
{
	static const char one[] = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\na\n#EXTINF:2,\nb\n"
				  "#EXTINF:2,\nhttp://[\n#EXTINF:2,\nc\n";
	static const char two[] =
		"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:8,\na\n#EXTINF:8,\nad\n"
		"#EXTINF:2,\nd\n#EXTINF:2,\nc\n#EXTINF:2,\ne\n";

	take(read_text(one), 1);
	cr_assert_eq(take(read_text(two), 2), 3);
	cr_assert_eq(entry(1)->t, 2 * S_, "the time of the one whose place it took");
	cr_assert_eq(entry(2)->t, 10 * S_);
	cr_assert_eq(entry(3)->t, 10 * S_, "kept, but for what stands before it");
	cr_assert_eq(entry(4)->t, 12 * S_);
}

Test(timeline, the_sequence_went_back, .init = start, .fini = stop)
{
	take(window(100, 105, "s%u.ts"), 10);
	cr_assert_eq(take(window(0, 2, "s%u.ts"), 20), 3);
	cr_assert(tl.restarted);
	cr_assert_eq(entry(0)->t, 12 * S_, "the clock goes on behind the old edge");
	cr_assert_eq(entry(0)->seen, 20);
	cr_assert_eq(take(window(0, 3, "s%u.ts"), 30), 1);
	cr_assert_not(tl.restarted);
	cr_assert_eq(entry(3)->t, 18 * S_);
}

Test(timeline, other_names_for_the_same_numbers, .init = start, .fini = stop)
{
	take(window(0, 5, "a%u.ts"), 10);
	cr_assert_eq(take(window(3, 8, "b%u.ts"), 20), 6);
	cr_assert(tl.restarted);
	cr_assert_eq(entry(3)->t, 12 * S_);
}

Test(timeline, a_jump_of_a_day_is_another_sequence, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10);
	cr_assert_eq(take(window(1700000000, 1700000001, "s%u.ts"), 20), 2);
	cr_assert(tl.restarted);
	cr_assert_eq(entry(1700000000)->t, 12 * S_);
}

Test(timeline, a_stale_answer_changes_nothing, .init = start, .fini = stop)
{
	take(window(2, 7, "s%u.ts"), 10 * S_);
	cr_assert_eq(take(window(0, 5, "s%u.ts"), 11 * S_), 0);
	cr_assert_not(tl.restarted);
	cr_assert_eq(tl.v[0].n, 2);
	cr_assert_eq(p2v_timeline_edge(&tl), 12 * S_);
	cr_assert_eq(take(window(3, 8, "s%u.ts"), 12 * S_), 1, "and the next good one goes on");
	cr_assert_eq(entry(8)->t, 12 * S_);
}

/* An encoder that was restarted early and uses its names again looks stale at first. */
Test(timeline, an_answer_that_stays_old_is_a_restart, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10 * S_);
	cr_assert_eq(take(window(0, 1, "s%u.ts"), 12 * S_), 0);
	cr_assert_eq(take(window(0, 2, "s%u.ts"), 14 * S_), 0);
	cr_assert_eq(take(window(0, 4, "s%u.ts"), 18 * S_ + 1), 5);
	cr_assert(tl.restarted);
	cr_assert_eq(entry(0)->t, 12 * S_);
	cr_assert_eq(entry(0)->seen, 18 * S_ + 1);
}

Test(timeline, a_good_answer_ends_the_doubt, .init = start, .fini = stop)
{
	take(window(0, 5, "s%u.ts"), 10 * S_);
	take(window(0, 4, "s%u.ts"), 11 * S_);
	take(window(0, 5, "s%u.ts"), 12 * S_);
	cr_assert_eq(take(window(0, 4, "s%u.ts"), 30 * S_), 0, "stale for the first time again");
	cr_assert_not(tl.restarted);
}

Test(timeline, an_empty_reading_changes_nothing, .init = start, .fini = stop)
{
	cr_assert_eq(take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n"), 1), 0);
	cr_assert_eq(tl.n, 0);
	cr_assert(tl.live);
	take(window(0, 2, "s%u.ts"), 2);
	cr_assert_eq(take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n"), 3), 0);
	cr_assert_eq(tl.n, 3);
	cr_assert_not(tl.ended);
	take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n"), 4);
	cr_assert(tl.ended, "but it may say that nothing more comes");
}

/* ---- dates ---- */

/* One fragment of 2 s with number n and a date. */
static struct p2v_doc *dated(unsigned n, const char *name, const char *date)
{
	struct p2v_text t = { 0 };
	struct p2v_doc *d;

	p2v_text_printf(&t,
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%u\n"
		"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:%sZ\n#EXTINF:2,\n%s\n",
		n, date, name);
	d = read_text(t.p);
	p2v_text_fini(&t);
	return d;
}

Test(timeline, missed_readings_by_date, .init = start, .fini = stop)
{
	take(dated(0, "a", "00:00"), 1);
	take(dated(6, "b", "00:09"), 2);
	cr_assert_eq(entry(6)->t, 9 * S_, "six of 1.5 s");
	take(dated(8, "c", "59:00"), 3);
	cr_assert_eq(entry(8)->t, 13 * S_, "a clock that was set: by number");
	take(dated(10, "d", "58:00"), 4);
	cr_assert_eq(entry(10)->t, 17 * S_, "or set back");
	take(dated(11, "e", "58:03"), 5);
	cr_assert_eq(entry(11)->t, 19 * S_, "next to each other dates do not count");
}

Test(timeline, same_names_but_another_date_is_a_restart, .init = start, .fini = stop)
{
	take(dated(0, "a", "00:00"), 1);
	cr_assert_eq(take(dated(0, "a", "00:02"), 2), 0, "within a target duration it is the same");
	cr_assert_eq(take(dated(0, "a", "00:04.5"), 3), 1);
	cr_assert(tl.restarted);
	cr_assert_eq(entry(0)->t, 2 * S_);
}

Test(timeline, an_old_date_explains_old_numbers, .init = start, .fini = stop)
{
	take(dated(50, "s50", "10:00"), 1 * S_);
	cr_assert_eq(take(dated(10, "s10", "08:40"), 2 * S_), 0, "a cache that is far behind");
	cr_assert_not(tl.restarted);
	cr_assert_eq(take(dated(0, "s0", "10:10"), 3 * S_), 1, "an encoder that began again");
	cr_assert(tl.restarted);
}

/* ---- entries ---- */

Test(timeline, init_segments_come_first, .init = start, .fini = stop)
{
	static const char one[] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"i1\"\n"
				  "#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXT-X-DISCONTINUITY\n"
				  "#EXT-X-MAP:URI=\"i2\",BYTERANGE=\"9@1\"\n#EXTINF:2,\nc\n";
	static const char two[] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:2\n"
				  "#EXT-X-MAP:URI=\"i2\",BYTERANGE=\"9@1\"\n#EXTINF:2,\nc\n"
				  "#EXT-X-MAP:URI=\"i3\"\n#EXTINF:2,\nd\n";
	const struct p2v_manifest_range r = { true, 1, 9 }, other = { true, 0, 9 };
	const struct p2v_timeline_entry *e;

	cr_assert_eq(take(read_text(one), 10), 3, "init segments are not counted");
	cr_assert_eq(tl.n_init, 2);
	cr_assert_eq(tl.n, 5);
	cr_assert(tl.v[0].init && tl.v[1].init && !tl.v[2].init);
	cr_assert_eq(tl.v[0].t, P2V_UNKNOWN);
	cr_assert_eq(tl.v[1].n, 2);
	e = p2v_timeline_find(&tl, "http://h/live/i2", NULL);
	cr_assert_eq(e, &tl.v[1]);
	cr_assert_eq(p2v_timeline_find(&tl, "http://h/live/i2", &r), e);
	cr_assert_null(p2v_timeline_find(&tl, "http://h/live/i2", &other));
	cr_assert_eq(take(read_text(two), 20), 1);
	cr_assert_eq(tl.n_init, 2);
	cr_assert_str_eq(tl.v[0].url, "http://h/live/i2");
	cr_assert_eq(tl.v[0].seen, 10);
	cr_assert_eq(tl.v[1].seen, 20);
	cr_assert_eq(entry(3)->t, 6 * S_);
}

Test(timeline, byte_ranges_tell_fragments_apart, .init = start, .fini = stop)
{
	static const char one[] =
		"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n#EXT-X-BYTERANGE:5@0\n"
		"all.ts\n#EXTINF:2,\n#EXT-X-BYTERANGE:6\nall.ts\n";
	const struct p2v_manifest_range r = { true, 5, 6 };

	take(read_text(one), 1);
	cr_assert_eq(p2v_timeline_find(&tl, "http://h/live/all.ts", &r), &tl.v[1]);
	cr_assert_eq(p2v_timeline_find(&tl, "http://h/live/all.ts", NULL), &tl.v[0]);
}

Test(timeline, on_demand, .init = start, .fini = stop)
{
	static const char vod[] =
		"#EXTM3U\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:3,\na\n#EXT-X-GAP\n"
		"#EXTINF:1.5,\nb\n#EXTINF:2,\nhttp://[bad\n#EXTINF:4,\nc\n#EXT-X-ENDLIST\n";

	cr_assert_eq(take(read_text(vod), 1), 3);
	cr_assert(tl.ended && !tl.live);
	cr_assert_eq(tl.target, 4 * S_, "the longest one, where nothing is promised");
	cr_assert(entry(1)->gap);
	cr_assert_eq(entry(3)->t, 6500000, "what leads nowhere takes its time all the same");
	cr_assert_eq(p2v_timeline_edge(&tl), 10500000);
}

Test(timeline, a_live_stream_that_ends, .init = start, .fini = stop)
{
	take(window(0, 1, "s%u.ts"), 1);
	cr_assert_not(tl.ended);
	take(read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns0.ts\n#EXTINF:2,\ns1.ts\n"
		       "#EXTINF:1,\ns2.ts\n#EXT-X-ENDLIST\n"),
		2);
	cr_assert(tl.ended);
	cr_assert_eq(p2v_timeline_edge(&tl), 5 * S_);
}

Test(timeline, entries_before_the_first_one_known, .init = start, .fini = stop)
{
	take(window(5, 7, "s%u.ts"), 1);
	cr_assert_eq(take(window(3, 7, "s%u.ts"), 2), 2);
	cr_assert_eq(entry(3)->t, -4 * S_);
	cr_assert_eq(entry(5)->t, 0);
}

Test(timeline, many_init_segments, .init = start, .fini = stop)
{
	struct p2v_text t = { 0 };

	p2v_text_puts(&t, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n");
	for (int i = 0; i < 1000; i++)
		p2v_text_printf(&t, "#EXT-X-MAP:URI=\"i%d\"\n#EXTINF:2,\ns%d\n", i % 40, i);
	take(read_text(t.p), 1);
	cr_assert_eq(tl.n - tl.n_init, 1000);
	cr_assert_leq(tl.n_init, 1000);
	cr_assert_geq(tl.n_init, 40);
	p2v_text_fini(&t);
}

/* ---- parts ---- */

#define LOW_HEAD                                                              \
	"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n" \
	"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n#EXT-X-MEDIA-SEQUENCE:5\n"
#define PART(name) "#EXT-X-PART:DURATION=0.5,URI=\"" name "\"\n"
#define HINT(name) "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"" name "\"\n"

static const struct p2v_timeline_entry *part(uint64_t n, uint32_t i)
{
	for (size_t k = 0; k < tl.n_parts; k++)
		if (tl.parts[k].n == n && tl.parts[k].i == i)
			return &tl.parts[k];
	cr_assert_fail("part %llu.%u is not listed", (unsigned long long)n, i);
	return NULL;
}

Test(timeline, parts_have_their_fragments_clock, .init = start, .fini = stop)
{
	cr_assert_eq(
		take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n" PART("p6.0") PART("p6.1") PART("p6.2")
				     PART("p6.3") "#EXTINF:2,\ns6\n" PART("p7.0") HINT("p7.1")),
			10),
		2, "fragments alone are counted");
	cr_assert_eq(tl.n, 2);
	cr_assert_eq(tl.n_parts, 6);
	cr_assert_eq(tl.fresh_parts, 5, "what is promised is not there");
	cr_assert(part(6, 0)->t == 2 * S_ && part(6, 3)->t == 7 * S_ / 2);
	cr_assert(part(7, 0)->t == 4 * S_ && part(7, 1)->t == 9 * S_ / 2);
	cr_assert(part(7, 0)->part && !part(7, 0)->hint && part(7, 1)->hint);
	cr_assert_eq(part(6, 1)->whole, 2 * S_);
	cr_assert_eq(part(7, 0)->whole, 2 * S_, "as long as it may be");
	cr_assert_eq(p2v_timeline_edge(&tl), 4 * S_);
	cr_assert_eq(p2v_timeline_parts_edge(&tl), 9 * S_ / 2);
	cr_assert_eq(p2v_timeline_find(&tl, "http://h/live/p7.1", NULL), part(7, 1));
	p2v_timeline_shift(&tl, S_);
	cr_assert_eq(part(7, 0)->t, 5 * S_);
}

Test(timeline, what_was_promised_is_the_same_when_it_is_there, .init = start, .fini = stop)
{
	take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n" PART("p6.0") HINT("p6.1")), 10);
	tl.parts[0].keyed = tl.parts[1].keyed = true;
	tl.parts[1].key[0] = 77;
	take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n" PART("p6.0") PART("p6.1") HINT("p6.2")), 20);
	cr_assert_eq(tl.fresh_parts, 1);
	cr_assert(!part(6, 1)->hint && part(6, 1)->keyed && part(6, 1)->key[0] == 77);
	cr_assert_eq(part(6, 1)->seen, 20, "when it was there");
	cr_assert_eq(part(6, 0)->seen, 10);
	take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n" PART("p6.0") PART("p6.1") PART("other")), 30);
	cr_assert_eq(tl.fresh_parts, 1);
	cr_assert_not(part(6, 2)->keyed, "another came in its place");
	take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n#EXTINF:2,\ns6\n"), 40);
	cr_assert_eq(tl.n_parts, 0);
	cr_assert_eq(tl.n, 2);
}

Test(timeline, parts_that_are_ranges, .init = start, .fini = stop)
{
	static const struct p2v_manifest_range second = { true, 100, 50 };

	take(read_text(LOW_HEAD
		     "#EXTINF:2,\ns5\n#EXT-X-PART:DURATION=0.5,URI=\"s6\",BYTERANGE=\"100@0\"\n"
		     "#EXT-X-PART:DURATION=0.5,URI=\"s6\",BYTERANGE=\"50\"\n"
		     "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s6\",BYTERANGE-START=150\n"),
		10);
	cr_assert_eq(tl.n_parts, 2,
		"where the promised one ends is not said: it will have another name");
	cr_assert_eq(p2v_timeline_find(&tl, "http://h/live/s6", &second), part(6, 1));
	cr_assert_null(p2v_timeline_find(
		&tl, "http://h/live/s6", &(struct p2v_manifest_range){ false, 0, 0 }));
}

Test(timeline, parts_before_any_fragment, .init = start, .fini = stop)
{
	take(read_text(LOW_HEAD PART("p5.0") HINT("p5.1")), 10);
	cr_assert(tl.n == 0 && tl.n_parts == 2);
	cr_assert(part(5, 0)->t == 0 && part(5, 1)->t == S_ / 2);
	take(read_text(LOW_HEAD PART("p5.0") PART("p5.1") PART("p5.2")
			     PART("p5.3") "#EXTINF:2,\ns5\n"),
		20);
	cr_assert(part(5, 0)->t == 0 && part(5, 0)->seen == 10 && part(5, 3)->seen == 20);
}

Test(timeline, parts_of_a_restarted_encoder_are_new, .init = start, .fini = stop)
{
	take(read_text(LOW_HEAD "#EXTINF:2,\na5\n" PART("p6.0")), 10);
	tl.parts[0].keyed = true;
	take(read_text(LOW_HEAD "#EXTINF:2,\nb5\n" PART("p6.0")), 20);
	cr_assert(tl.restarted);
	cr_assert_not(part(6, 0)->keyed);
	cr_assert_eq(part(6, 0)->t, 4 * S_, "the clock goes on");
}

Test(timeline, no_memory_for_parts_leaves_it_as_it_was, .init = start, .fini = stop)
{
	struct p2v_doc *d = read_text(
		LOW_HEAD "#EXTINF:2,\ns5\n#EXTINF:2,\ns6\n" PART("p7.0") HINT("p7.1"));
	int rc = P2V_ENOMEM;

	take(read_text(LOW_HEAD "#EXTINF:2,\ns5\n" PART("p6.0")), 1);
	for (long n = 0; rc != P2V_OK; n++) {
		cr_assert(tl.n == 1 && tl.n_parts == 1 && tl.parts[0].n == 6);
		oom_after(n);
		rc = p2v_timeline_update(&tl, d, 0, 2, NULL);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM);
	}
	cr_assert(tl.n == 2 && tl.n_parts == 2);
	p2v_doc_free(d);
}

/* ---- bounds ---- */

/* Manifests that are made to run the clock away, reading after reading. */
Test(timeline, a_clock_that_never_overflows, .init = start, .fini = stop)
{
	for (unsigned i = 0; i < 300; i++) {
		char text[400];
		p2v_usec edge;

		(void)snprintf(text, sizeof text,
			"#EXTM3U\n#EXT-X-TARGETDURATION:86400\n#EXT-X-MEDIA-SEQUENCE:%u\n#EXTINF:86400,\n"
			"a%u\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1000000\n#EXTINF:86400,\nb\n",
			1000 - i, i);
		cr_assert_eq(take(read_text(text), i), 2);
		edge = p2v_timeline_edge(&tl);
		cr_assert(edge > 0 && edge <= INT64_MAX / 2, "%lld", (long long)edge);
	}
}

Test(timeline, no_memory_leaves_it_as_it_was, .init = start, .fini = stop)
{
	static const char text[] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n"
				   "#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\ns1.ts\n#EXTINF:2,\ns2.ts\n";
	struct p2v_doc *d = read_text(text);
	int rc = P2V_ENOMEM;
	long n = 0;

	take(window(0, 1, "s%u.ts"), 1);
	for (; rc != P2V_OK; n++) {
		cr_assert_eq(tl.n, 2);
		cr_assert_eq(tl.v[0].n, 0);
		cr_assert_eq(tl.changed, 1);
		oom_after(n);
		rc = p2v_timeline_update(&tl, d, 0, 2, NULL);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM);
	}
	cr_assert_eq(n, 5, "a list and three names");
	cr_assert_eq(tl.n, 3);
	oom_after(0);
	cr_assert_eq(p2v_timeline_init(&(struct p2v_timeline){ 0 }, "x"), P2V_ENOMEM);
	oom_after(-1);
	p2v_doc_free(d);
}
