/* low_test.c - the measuring player near the live edge: held requests, parts, hints, switches at
 * independent parts, and what it does with servers that do not keep what they promise. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/player/stage.h"
#include "tests/unit/oom.h"
#include "tests/unit/player/theatre.h"

TestSuite(low, .timeout = 120);

#define MASTER "http://cdn/low/m.m3u8"

enum { PARTS = 8, WINDOW = 5 };
#define PART  (250 * P2V_MSEC)
#define WHOLE (PARTS * PART)
#define AGE   (30 * P2V_SECOND) /* the encoder runs for so long when the test begins */

/* An encoder with two renditions, fragments of 2 s, parts of 250 ms, of which every fourth is
 * independent, and a server that holds requests for what is not there yet. */
struct show {
	struct theatre t;
	struct stage stage;
	bool deaf;           /* it answers at once to requests that it should hold */
	bool refuses;        /* … and those, with 400 */
	bool no_block;       /* it does not say that it holds them */
	bool undated, shy;   /* shy: no hints */
	const char *missing; /* 404 for targets with this in them */
	uint32_t missing_max, missed;
	bool slow_wholes; /* each whole fragment is missed at first */
	long long asked_whole;
	bool liar;      /* hints lead nowhere */
	bool wrong;     /* … or to what comes in the next fragment */
	bool late_ends; /* a fragment is told whole when the next one has begun */
};

static int64_t edge_of(p2v_usec now) /* parts that are there, since number 0 of fragment 0 */
{
	return (now + AGE) / PART;
}

static p2v_usec due_of(int64_t part)
{
	return (part + 1) * PART - AGE;
}

static void list_fragments(const struct show *s, int64_t edge, struct p2v_text *out)
{
	int64_t first = edge / PARTS - WINDOW, last = edge / PARTS;
	struct p2v_date d;

	p2v_text_printf(
		out, "#EXT-X-MEDIA-SEQUENCE:%lld\n#EXT-X-MAP:URI=\"init.mp4\"\n", (long long)first);
	d = p2v_date_of(
		s->stage.w.ops->wall(s->stage.w.self) - p2v_now(&s->stage.w) - AGE + first * WHOLE);
	if (!s->undated)
		p2v_text_printf(out,
			"#EXT-X-PROGRAM-DATE-TIME:%04u-%02u-%02uT%02u:%02u:%02u.%06uZ\n", d.year,
			d.month + 1, d.day, d.hour, d.minute, d.second, d.us);
	for (int64_t n = first; n <= last; n++) {
		for (int64_t i = 0; n + 2 >= last && i < PARTS && n * PARTS + i < edge; i++)
			p2v_text_printf(out, "#EXT-X-PART:DURATION=0.25,URI=\"%lld.%lld.mp4\"%s\n",
				(long long)n, (long long)i, i % 4 ? "" : ",INDEPENDENT=YES");
		if (n < last && !(s->late_ends && edge % PARTS == 0 && n == last - 1))
			p2v_text_printf(out, "#EXTINF:2,\n%lld.mp4\n", (long long)n);
	}
	if (s->wrong && edge % PARTS)
		p2v_text_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%lld.0.mp4\"\n",
			(long long)(edge / PARTS + 1));
	else if (!s->shy)
		p2v_text_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s%lld.%lld.mp4\"\n",
			s->liar ? "not-" : "", (long long)(edge / PARTS),
			(long long)(edge % PARTS));
}

static void answer_list(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	const char *msn = strstr(target, "_HLS_msn="), *part = strstr(target, "_HLS_part=");
	int64_t edge = edge_of(now), wanted;

	if (msn) {
		cr_assert(part && part > msn, "%s", target);
		wanted = atoll(msn + 9) * PARTS + atoll(part + 10);
		if (s->refuses) {
			a->status = 400;
			return;
		}
		cr_assert(wanted <= edge + 1, "it asks for what comes next: %s", target);
		if (!s->deaf && wanted >= edge) {
			a->due = due_of(wanted);
			edge = wanted + 1;
		}
	}
	p2v_text_printf(&a->text,
		"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n"
		"#EXT-X-SERVER-CONTROL:%sPART-HOLD-BACK=0.8\n#EXT-X-PART-INF:PART-TARGET=0.25\n",
		s->no_block ? "" : "CAN-BLOCK-RELOAD=YES,");
	list_fragments(s, edge, &a->text);
}

static void answer(void *ctx, const char *target, p2v_usec now, struct stage_answer *a)
{
	struct show *s = ctx;
	size_t rate = strstr(target, "/hi/") ? 800000 : 200000;
	long long n = 0;
	const char *name = strrchr(target, '/') + 1, *dot;

	if (s->missing && strstr(target, s->missing) && s->missed < s->missing_max) {
		s->missed++;
		a->status = 404;
	} else if (strstr(target, "m.m3u8")) {
		p2v_text_puts(&a->text, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000\nlo/i.m3u8\n"
					"#EXT-X-STREAM-INF:BANDWIDTH=800000\nhi/i.m3u8?k=1\n");
	} else if (strstr(target, "i.m3u8")) {
		answer_list(s, target, now, a);
	} else if (strstr(target, "init.mp4")) {
		a->size = 700;
	} else if (sscanf(name, "%lld.", &n) == 1 && (dot = strchr(name, '.')) && dot[1] != 'm') {
		a->due = due_of(n * PARTS + atoll(dot + 1));
		a->size = rate / 8 / 4;
		cr_assert(s->wrong || a->due <= now + PART, "hints are of what comes next");
	} else if (n > 0 && s->slow_wholes && s->asked_whole != n) {
		s->asked_whole = n;
		a->status = 503;
	} else if (n > 0) {
		cr_assert((n + 1) * PARTS <= edge_of(now), "%s is not whole", target);
		a->size = rate / 8 * 2;
	} else {
		a->status = 404;
	}
}

static void show_open(struct show *s)
{
	struct p2v_world far;

	memset(s, 0, sizeof *s);
	theatre_open(&s->t);
	far = p2v_machine_world(s->t.cdn);
	stage_open(&s->stage, &far, answer, s);
}

static void show_close(struct show *s)
{
	stage_close(&s->stage);
	theatre_close(&s->t);
}

static struct p2v_player_result show_run(struct show *s, double until)
{
	if (!s->t.player)
		theatre_watch(&s->t, MASTER);
	theatre_run(&s->t, until);
	return theatre_result(&s->t);
}

Test(low, it_stays_at_the_hold_back_by_parts_that_it_asks_for_ahead)
{
	struct show s;
	struct p2v_player_result r;
	size_t lists;

	show_open(&s);
	r = show_run(&s, 60);
	cr_assert(r.played && r.stalls == 0 && r.skipped_media == 0, "%u stalls", r.stalls);
	/* 0.8 s behind the edge of the list, which is up to a part behind the encoder, and what
	 * came until playback began. */
	cr_assert(r.latency_median >= 800 * P2V_MSEC && r.latency_median < 1300 * P2V_MSEC, "%lld",
		(long long)r.latency_median);
	cr_assert(r.parts > 230 && r.hints > 200, "%llu %llu", (unsigned long long)r.parts,
		(unsigned long long)r.hints);
	cr_assert_gt(r.held, 220);
	cr_assert_eq(r.misses + r.errors + r.timeouts + r.resyncs, 0);
	/* One held request for each part, no more. */
	lists = stage_asked_for(&s.stage, "i.m3u8", 10 * P2V_SECOND);
	cr_assert(lists >= 199 && lists <= 202, "%zu", lists);
	cr_assert_eq(stage_asked_for(&s.stage, "i.m3u8?k=1&_HLS_msn=", 10 * P2V_SECOND), lists);
	cr_assert(strstr(s.t.trace, "\"event\":\"part\""));
	show_close(&s);
}

Test(low, without_hints_a_part_is_asked_for_when_it_is_listed)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.t.pc.preload_hints = false;
	r = show_run(&s, 60);
	cr_assert(r.played && r.stalls == 0 && r.hints == 0 && r.parts > 230);
	cr_assert(r.latency_median < 1300 * P2V_MSEC);
	for (size_t i = 20; i < s.t.n_notes; i++)
		cr_assert(s.t.notes[i].f.done - s.t.notes[i].f.asked < 100 * P2V_MSEC,
			"nothing is held");
	show_close(&s);
}

Test(low, it_is_not_done_where_it_is_not_wanted)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.t.pc.low_latency = P2V_LOW_LATENCY_NO;
	r = show_run(&s, 60);
	cr_assert(r.played && r.stalls == 0 && r.parts + r.hints + r.held == 0);
	cr_assert(r.latency_median > 6 * P2V_SECOND, "three fragments");
	cr_assert_eq(stage_asked_for(&s.stage, "_HLS_", 0), 0);
	show_close(&s);
}

Test(low, requests_that_no_one_offers_to_hold_are_not_made)
{
	struct show s;
	struct p2v_player_result r;
	size_t lists;

	show_open(&s);
	s.no_block = true;
	r = show_run(&s, 60);
	cr_assert(r.played && r.parts > 200 && r.held == 0);
	cr_assert_eq(stage_asked_for(&s.stage, "_HLS_", 0), 0);
	lists = stage_asked_for(&s.stage, "i.m3u8", 10 * P2V_SECOND);
	cr_assert(lists > 180 && lists <= 201, "once for each part: %zu", lists);
	cr_assert_leq(r.stalls, 2);
	show_close(&s);
}

Test(low, it_rises_and_falls_at_independent_parts)
{
	struct show s;
	struct p2v_player_result r;
	size_t switches = 0;

	show_open(&s);
	(void)show_run(&s, 20);
	cr_assert_eq(s.t.notes[s.t.n_notes - 1].f.rendition, 1);
	theatre_cap(&s.t, 500000);
	(void)show_run(&s, 40);
	cr_assert_eq(s.t.notes[s.t.n_notes - 1].f.rendition, 0);
	theatre_cap(&s.t, 0);
	r = show_run(&s, 70);
	for (size_t i = 1; i < s.t.n_notes; i++) {
		const struct p2v_player_fragment *f = &s.t.notes[i].f;

		if (!f->init || i + 1 == s.t.n_notes)
			continue;
		cr_assert_eq(s.t.notes[i + 1].f.i % 4, 0, "a decoder begins here");
		switches++;
	}
	cr_assert_geq(switches, 2);
	cr_assert(r.stalls <= 4 && r.resyncs == 0, "%u stalls", r.stalls);
	show_close(&s);
}

Test(low, it_rises_where_the_next_fragment_is_announced_before_this_one_is_whole)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.late_ends = true;
	r = show_run(&s, 20);
	cr_assert(r.stalls == 0 && r.switches == 1 && r.resyncs == 0, "%u switches", r.switches);
	cr_assert_eq(s.t.notes[s.t.n_notes - 1].f.rendition, 1);
	cr_assert_gt(r.hints, 60);
	for (size_t i = 1; i + 1 < s.t.n_notes; i++)
		if (s.t.notes[i].f.init)
			cr_assert_eq(s.t.notes[i + 1].f.i, 0);
	show_close(&s);
}

Test(low, a_server_that_does_not_hold_is_asked_at_part_intervals)
{
	struct show s;
	struct p2v_player_result r;
	size_t lists;

	show_open(&s);
	s.deaf = true;
	r = show_run(&s, 25);
	cr_assert(r.played && r.parts > 60);
	cr_assert(strstr(s.t.trace, "\"event\":\"not held\""));
	lists = stage_asked_for(&s.stage, "i.m3u8", 5 * P2V_SECOND);
	cr_assert(lists <= 82, "%zu", lists);
	show_close(&s);
}

Test(low, a_server_that_refuses_numbers_is_asked_without)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.refuses = true;
	r = show_run(&s, 25);
	cr_assert(r.played && r.code == P2V_OK && r.parts > 60);
	cr_assert(r.misses >= 1 && r.misses <= 2, "once for each rendition");
	show_close(&s);
}

Test(low, hints_in_vain_are_given_up)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.liar = true;
	r = show_run(&s, 25);
	cr_assert(r.played && r.hints == 0 && r.parts > 80);
	cr_assert(r.misses >= 3 && r.misses <= 6, "%llu: three of each rendition",
		(unsigned long long)r.misses);
	cr_assert_leq(r.stalls, 1);
	show_close(&s);
}

Test(low, a_hint_that_another_part_comes_instead_of_is_not_waited_for)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.wrong = true;
	r = show_run(&s, 25);
	cr_assert(r.played && r.parts > 80 && strstr(s.t.trace, "\"event\":\"hint in vain\""));
	cr_assert(r.stalls == 0 && r.errors + r.misses == 0, "%u", r.stalls);
	cr_assert_leq(r.latency_last, 1300 * P2V_MSEC);
	show_close(&s);
}

Test(low, a_part_that_cannot_be_had_is_played_from_the_whole_fragment)
{
	struct show s;
	struct p2v_player_result r;
	size_t wholes = 0;

	show_open(&s);
	(void)show_run(&s, 9.9);
	s.missing = ".5.mp4";
	s.missing_max = 100;
	s.slow_wholes = true;
	r = show_run(&s, 60);
	cr_assert(strstr(s.t.trace, "\"event\":\"no parts\""));
	for (size_t i = 30; i < s.t.n_notes; i++)
		wholes += !s.t.notes[i].f.partial && !s.t.notes[i].f.init;
	cr_assert_gt(wholes, 10);
	cr_assert(r.skipped == 0 && r.resyncs == 0 && r.stalls >= 1 && r.skipped_media == 0);
	/* Nothing is played twice: what it is further behind than in the beginning it stood still.
	 */
	cr_assert(llabs((long long)(r.latency_last - r.stalled - 900 * P2V_MSEC)) <= P2V_MSEC,
		"%lld %lld", (long long)r.latency_last, (long long)r.stalled);
	show_close(&s);
}

Test(low, one_failure_is_tried_again)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.t.pc.preload_hints = false;
	(void)show_run(&s, 9.9);
	s.missing = ".5.mp4";
	s.missing_max = 1;
	r = show_run(&s, 30);
	cr_assert(r.misses == 1 && !strstr(s.t.trace, "\"event\":\"no parts\""));
	cr_assert_eq(stage_asked_for(&s.stage, "/20.mp4", 0), 0);
	show_close(&s);
}

Test(low, without_dates_renditions_are_matched_by_their_numbers)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	s.undated = true;
	r = show_run(&s, 30);
	cr_assert(r.played && r.stalls == 0 && r.resyncs == 0 && r.switches >= 1);
	cr_assert_eq(r.latency_median, P2V_UNKNOWN);
	for (size_t i = 1; i < s.t.n_notes; i++) {
		const struct p2v_player_fragment *a = &s.t.notes[i - 1].f, *b = &s.t.notes[i].f;

		if (!a->init && !b->init && a->rendition == b->rendition)
			cr_assert(b->n * PARTS + b->i == a->n * PARTS + a->i + 1 || !a->partial);
	}
	show_close(&s);
}

Test(low, when_nothing_comes_for_long_it_goes_on_at_the_edge)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s);
	(void)show_run(&s, 10);
	s.missing = "/low/";
	s.missing_max = 1000;
	s.t.pc.give_up = 100 * P2V_SECOND;
	(void)show_run(&s, 25);
	s.missing = NULL;
	r = show_run(&s, 60);
	cr_assert(r.code == P2V_OK && r.resyncs >= 1, "%s", r.error);
	cr_assert(r.latency_last < 20 * P2V_SECOND);
	cr_assert_eq(r.stalls > 0, true);
	show_close(&s);
}

/* With so many allocations left, for 300 ms from `at` on. @return whether that was too few */
static bool starve(double at, long n, unsigned *given_up, unsigned *played_on)
{
	struct show s;
	struct p2v_player_result r;
	bool struck;

	show_open(&s);
	(void)show_run(&s, at);
	oom_after(n);
	(void)p2v_sim_run(s.t.sim, p2v_sim_now(s.t.sim) + 300 * P2V_MSEC);
	struck = oom_struck();
	oom_after(-1);
	r = show_run(&s, 20);
	*given_up += r.code < 0;
	*played_on += r.code == P2V_OK && r.played_media > 10 * P2V_SECOND;
	cr_assert(r.code == P2V_OK || r.code == P2V_ENOMEM, "%s", r.error);
	cr_assert_eq(s.t.ends, r.code < 0);
	show_close(&s);
	return struck;
}

Test(low, without_memory_it_plays_on_or_says_so)
{
	static const double when[] = { 0.025, 5.05 };
	unsigned given_up = 0, played_on = 0, runs = 0;

	for (size_t i = 0; i < 2; i++) {
		for (long n = 0; starve(when[i], n, &given_up, &played_on); n++)
			cr_assert_eq(given_up + played_on, ++runs, "%ld: neither", n);
		runs++;
	}
	cr_assert(runs > 40 && given_up > 0 && played_on > given_up, "%u: %u, %u", runs, given_up,
		played_on);
}
