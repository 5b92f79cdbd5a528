/* presentation_test.c - the measuring player on presentations: DASH, Smooth, HDS, live and on
 * demand; what it chooses, how it keeps up, what it does when something is missing. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/player/stage.h"
#include "tests/unit/oom.h"
#include "tests/unit/player/theatre.h"

TestSuite(presentation, .timeout = 120);

#define WHOLE (2 * P2V_SECOND)
#define AGE   (60 * P2V_SECOND) /* the encoder runs for so long when the test begins */

enum { WINDOW = 6 };

/* An encoder of fragments of 2 s, named in one of these ways. */
struct show {
	struct theatre t;
	struct stage stage;
	void (*manifest)(struct show *s, const char *target, p2v_usec now, struct stage_answer *a);
	const char *missing; /* 404 for targets with this in them */
	uint32_t missed, missing_max;
	p2v_usec late; /* a rule's fragments are there so much later than it says */
};

static long long newest(p2v_usec now) /* number of the newest fragment that is there */
{
	return (long long)((now + AGE) / WHOLE) - 1;
}

static void answer(void *ctx, const char *target, p2v_usec now, struct stage_answer *a)
{
	struct show *s = ctx;
	const char *q = strstr(target, "/f");
	long long n = 0;

	if (s->missing && strstr(target, s->missing) && s->missed < s->missing_max) {
		s->missed++;
		a->status = 404;
	} else if (q && sscanf(q, "/f%lld", &n) == 1) {
		if (newest(now - s->late) < n)
			a->status = 404;
		a->size = strstr(target, "hi") ? 100000 : strstr(target, "snd") ? 10000 : 40000;
	} else if (strstr(target, "init")) {
		a->size = 700;
	} else {
		s->manifest(s, target, now, a);
	}
}

static void show_open(struct show *s,
	void (*manifest)(struct show *s, const char *target, p2v_usec now, struct stage_answer *a))
{
	struct p2v_world far;

	memset(s, 0, sizeof *s);
	s->manifest = manifest;
	s->missing_max = UINT32_MAX;
	theatre_open(&s->t);
	far = p2v_machine_world(s->t.cdn);
	stage_open(&s->stage, &far, answer, s);
}

static void show_close(struct show *s)
{
	stage_close(&s->stage);
	theatre_close(&s->t);
}

static struct p2v_player_result show_run(struct show *s, const char *url, double until)
{
	if (!s->t.player)
		theatre_watch(&s->t, url);
	theatre_run(&s->t, until);
	return theatre_result(&s->t);
}

/* ---- what is the same in all of them ---- */

static size_t loads(const struct show *s, bool audio, bool init)
{
	size_t n = 0;

	for (size_t i = 0; i < s->t.n_notes; i++)
		n += s->t.notes[i].f.audio == audio && s->t.notes[i].f.init == init;
	return n;
}

/* Fragments of each kind were loaded one after the other, with none left out, none twice. */
static void in_order(const struct show *s, bool audio, uint64_t step)
{
	const struct p2v_player_fragment *last = NULL;

	for (size_t i = 0; i < s->t.n_notes; i++) {
		const struct p2v_player_fragment *f = &s->t.notes[i].f;

		if (f->init || f->audio != audio)
			continue;
		if (last)
			cr_assert_eq(f->n, last->n + step, "%llu", (unsigned long long)f->n);
		last = f;
	}
}

static void plays_live(struct show *s, const struct p2v_player_result *r, double seconds)
{
	cr_assert(r->played && r->code == P2V_OK, "%s", r->error);
	cr_assert(r->stalls == 0 && r->skipped == 0 && r->resyncs == 0 && r->restarts == 0,
		"%u stalls, %u resyncs, %u restarts", r->stalls, r->resyncs, r->restarts);
	cr_assert(r->renditions == 2 && r->switches == 1, "%u, %u", r->renditions, r->switches);
	cr_assert_geq(r->played_media, (p2v_usec)((seconds - 1) * 1e6));
	cr_assert_eq(s->t.notes[s->t.n_notes - 1].f.rendition,
		s->t.notes[s->t.n_notes - 1].f.audio ? 0 : 1);
}

/* ---- DASH ---- */

static void put_date(struct show *s, p2v_usec now, struct p2v_text *out)
{
	struct p2v_date d = p2v_date_of(s->stage.w.ops->wall(s->stage.w.self) - now - AGE);

	p2v_text_printf(out, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", d.year, d.month + 1, d.day,
		d.hour, d.minute, d.second, d.us);
}

static void mpd_head(struct show *s, p2v_usec now, const char *more, struct p2v_text *out)
{
	p2v_text_puts(out, "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" "
			   "timeShiftBufferDepth=\"PT12S\" availabilityStartTime=\"");
	put_date(s, now, out);
	p2v_text_printf(out, "\" %s><Period start=\"PT0S\">", more);
}

static void mpd_set(struct p2v_text *out, const char *type, const char *templ, const char *const *v)
{
	p2v_text_printf(out, "<AdaptationSet contentType=\"%s\">%s", type, templ);
	for (; *v; v += 2)
		p2v_text_printf(out, "<Representation id=\"%s\" bandwidth=\"%s\"/>", v[0], v[1]);
	p2v_text_puts(out, "</AdaptationSet>");
}

static const char *const pictures[] = { "hi", "400000", "lo", "160000", NULL };
static const char *const sounds[] = { "snd-de", "40000", NULL };

static void listed(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	char templ[400];
	long long first = newest(now) - WINDOW + 1;

	(void)target;
	(void)snprintf(templ, sizeof templ,
		"<SegmentTemplate initialization=\"$RepresentationID$/init\" "
		"media=\"$RepresentationID$/f$Number$\" startNumber=\"%lld\"><SegmentTimeline>"
		"<S t=\"%lld\" d=\"2\" r=\"%d\"/></SegmentTimeline></SegmentTemplate>",
		first, 2 * first, WINDOW - 1);
	mpd_head(s, now, "minimumUpdatePeriod=\"PT2S\"", &a->text);
	mpd_set(&a->text, "video", templ, pictures);
	mpd_set(&a->text, "audio", templ, sounds);
	p2v_text_puts(&a->text, "</Period></MPD>");
}

static void by_rule(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	static const char templ[] = "<SegmentTemplate duration=\"2\" startNumber=\"0\" "
				    "initialization=\"$RepresentationID$/init\" "
				    "media=\"$RepresentationID$/f$Number$\"/>";

	(void)target;
	mpd_head(s, now, "minimumUpdatePeriod=\"PT500S\"", &a->text);
	mpd_set(&a->text, "video", templ, pictures);
	mpd_set(&a->text, "audio", templ, sounds);
	p2v_text_puts(&a->text, "</Period></MPD>");
}

Test(presentation, dash_that_lists_its_fragments)
{
	struct show s;
	struct p2v_player_result r;
	size_t lists;

	show_open(&s, listed);
	r = show_run(&s, "http://cdn/live/a.mpd", 60);
	plays_live(&s, &r, 60);
	in_order(&s, false, (uint64_t)WHOLE);
	in_order(&s, true, (uint64_t)WHOLE);
	cr_assert(loads(&s, false, true) == 2 && loads(&s, true, true) == 1, "init segments");
	/* Three fragments behind, and what it took to begin. */
	cr_assert(r.latency_median > 6 * P2V_SECOND && r.latency_median < 6300 * P2V_MSEC, "%lld",
		(long long)r.latency_median);
	lists = stage_asked_for(&s.stage, "a.mpd", 20 * P2V_SECOND);
	cr_assert(lists == 20, "as often as it asks for: %zu", lists);
	show_close(&s);
}

Test(presentation, dash_that_names_its_fragments_by_a_rule)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, by_rule);
	r = show_run(&s, "http://cdn/live/a.mpd", 60);
	plays_live(&s, &r, 60);
	in_order(&s, false, (uint64_t)WHOLE);
	in_order(&s, true, (uint64_t)WHOLE);
	cr_assert_eq(stage_asked_for(&s.stage, "a.mpd", 0), 1, "its text says all");
	cr_assert(r.misses == 0 && r.latency_median > 6 * P2V_SECOND &&
		  r.latency_median < 6300 * P2V_MSEC);
	show_close(&s);
}

Test(presentation, what_a_rule_promises_too_early_is_waited_for)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, by_rule);
	s.late = 600 * P2V_MSEC;
	r = show_run(&s, "http://cdn/live/a.mpd", 60);
	plays_live(&s, &r, 60);
	cr_assert_gt(r.misses, 20);
	in_order(&s, false, (uint64_t)WHOLE);
	show_close(&s);
}

Test(presentation, a_fragment_that_one_rendition_lacks_is_taken_from_another)
{
	struct show s;
	struct p2v_player_result r;
	bool low = false;

	show_open(&s, listed);
	s.missing = "hi/f36";
	r = show_run(&s, "http://cdn/live/a.mpd", 40);
	cr_assert(r.stalls == 0 && r.skipped == 0 && r.misses == 1);
	for (size_t i = 0; i < s.t.n_notes; i++)
		low |= strstr(s.t.notes[i].url, "lo/f36") != NULL;
	cr_assert(low);
	/* The init segment is loaded anew on each switch. */
	cr_assert_eq(loads(&s, false, true), 4);
	in_order(&s, false, (uint64_t)WHOLE);
	show_close(&s);
}

Test(presentation, a_manifest_that_fails_for_a_while)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, listed);
	(void)show_run(&s, "http://cdn/live/a.mpd", 20);
	s.missing = "a.mpd";
	s.missing_max = s.missed + 2;
	r = show_run(&s, "", 60);
	cr_assert(r.misses == 2 && r.stalls == 0 && r.code == P2V_OK);
	in_order(&s, false, (uint64_t)WHOLE);
	show_close(&s);
}

static void two_periods(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	static const char *const first[] = { "one-lo", "160000", "one-hi", "400000", NULL };
	static const char *const second[] = { "two-hi", "410000", "two-lo", "150000", NULL };
	static const char templ[] =
		"<SegmentTemplate duration=\"2\" initialization=\"$RepresentationID$/init\" "
		"media=\"$RepresentationID$/f$Number$\"/>";

	(void)s;
	(void)target;
	(void)now;
	p2v_text_puts(&a->text, "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\">"
				"<Period duration=\"PT8S\">");
	mpd_set(&a->text, "video", templ, first);
	mpd_set(&a->text, "audio", templ, sounds);
	p2v_text_puts(&a->text, "</Period><Period duration=\"PT6S\">");
	mpd_set(&a->text, "video", templ, second);
	p2v_text_puts(&a->text, "</Period></MPD>");
}

Test(presentation, the_next_period_has_other_renditions_and_no_sound)
{
	struct show s;
	struct p2v_player_result r;
	size_t two = 0;

	show_open(&s, two_periods);
	s.t.pc.abr = P2V_ABR_FIXED;
	s.t.pc.rendition = 1;
	r = show_run(&s, "http://cdn/vod/a.mpd", 60);
	cr_assert(r.ended && r.code == P2V_OK && r.stalls == 0, "%s %u", r.error, r.stalls);
	cr_assert_eq(r.played_media, 14 * P2V_SECOND);
	cr_assert_eq(loads(&s, true, false), 4, "there is sound for 8 s");
	for (size_t i = 0; i < s.t.n_notes; i++)
		two += strstr(s.t.notes[i].url, "/two-hi/f") != NULL;
	cr_assert_eq(two, 3);
	in_order(&s, false, (uint64_t)WHOLE);
	cr_assert_eq(loads(&s, false, true), 2, "each has an init segment");
	show_close(&s);
}

/* ---- Smooth ---- */

static void smooth(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	struct p2v_text *out = &a->text;
	long long first = newest(now) - WINDOW + 1;

	(void)s;
	(void)target;
	p2v_text_puts(out,
		"<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"0\" Duration=\"0\" "
		"IsLive=\"true\" LookAheadFragmentCount=\"2\">");
	for (int k = 0; k < 2; k++) {
		p2v_text_printf(out,
			"<StreamIndex Type=\"%s\" Url=\"{bitrate}/%s/f{start time}\" "
			"TimeScale=\"1\">",
			k ? "audio" : "video", k ? "snd" : "hi");
		for (int q = 0; q < 2 - k; q++)
			p2v_text_printf(out, "<QualityLevel Index=\"%d\" Bitrate=\"%d\"/>", q,
				k ? 40000 : 160000 + 240000 * q);
		for (long long n = first; n < first + WINDOW; n++)
			p2v_text_printf(out, "<c t=\"%lld\" d=\"2\"/>", 2 * n);
		p2v_text_puts(out, "</StreamIndex>");
	}
	p2v_text_puts(out, "</SmoothStreamingMedia>");
	a->type = "text/xml";
}

Test(presentation, smooth)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, smooth);
	s.late = -AGE - 1000 * P2V_SECOND; /* its fragments are named by time: all are there */
	r = show_run(&s, "http://cdn/live.ism/Manifest", 60);
	plays_live(&s, &r, 60);
	in_order(&s, false, (uint64_t)WHOLE);
	in_order(&s, true, (uint64_t)WHOLE);
	cr_assert(loads(&s, false, true) == 0 && loads(&s, true, false) > 25);
	cr_assert_eq(r.latency_median, P2V_UNKNOWN, "it tells no date");
	show_close(&s);
}

/* ---- HDS ---- */

static void put(struct p2v_text *out, uint64_t v, int bytes)
{
	for (int i = bytes; i-- > 0;)
		p2v_text_add(out, &(char){ (char)(v >> 8 * i & 255) }, 1);
}

/* Adobe HDS 2.11.2: a bootstrap with one segment run and one fragment run. */
static void bootstrap(p2v_usec now, struct p2v_text *out)
{
	long long first = newest(now) - WINDOW + 1, last = newest(now);

	put(out, 8 + 4 + 4 + 1 + 4 + 8 + 8 + 5 + 1 + 25 + 1 + 37, 4);
	p2v_text_puts(out, "abst");
	put(out, 0, 4);
	put(out, 1, 4);
	put(out, 1 << 5, 1); /* live */
	put(out, 1000, 4);
	put(out, (uint64_t)last * 2000, 8); /* where the newest begins */
	put(out, 0, 8);
	put(out, 0, 1 + 1 + 1 + 1 + 1); /* no name, servers, qualities, DRM, metadata */
	put(out, 1, 1);
	put(out, 8 + 4 + 1 + 4 + 8, 4);
	p2v_text_puts(out, "asrt");
	put(out, 0, 4 + 1);
	put(out, 1, 4);
	put(out, 1, 4);
	put(out, 1000000, 4);
	put(out, 1, 1);
	put(out, 8 + 4 + 4 + 1 + 4 + 16, 4);
	p2v_text_puts(out, "afrt");
	put(out, 0, 4);
	put(out, 1000, 4);
	put(out, 0, 1);
	put(out, 1, 4);
	put(out, (uint64_t)first, 4);
	put(out, (uint64_t)first * 2000, 8);
	put(out, 2000, 4);
}

static void hds(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	long long n = 0;
	const char *q = strstr(target, "-Frag");

	(void)s;
	if (q && sscanf(q, "-Frag%lld", &n) == 1) {
		a->status = n <= newest(now) ? 200 : 404;
		a->size = strstr(target, "hi") ? 100000 : 40000;
	} else if (strstr(target, ".abst")) {
		bootstrap(now, &a->text);
		a->type = "video/abst";
	} else {
		p2v_text_puts(&a->text,
			"<manifest xmlns=\"http://ns.adobe.com/f4m/1.0\"><streamType>live</streamType>"
			"<bootstrapInfo profile=\"named\" url=\"lo.abst\" id=\"a\"/>"
			"<bootstrapInfo profile=\"named\" url=\"hi.abst\" id=\"b\"/>"
			"<media bitrate=\"160\" url=\"lo\" bootstrapInfoId=\"a\"/>"
			"<media bitrate=\"400\" url=\"hi\" bootstrapInfoId=\"b\"/></manifest>");
	}
}

Test(presentation, hds_with_bootstraps_of_their_own)
{
	struct show s;
	struct p2v_player_result r;
	size_t lists;

	show_open(&s, hds);
	r = show_run(&s, "http://cdn/live/index.f4m", 60);
	plays_live(&s, &r, 60);
	in_order(&s, false, 1);
	cr_assert_eq(stage_asked_for(&s.stage, "index.f4m", 0), 1);
	/* The bootstrap of what is played, every 2 s, and no other. */
	lists = stage_asked_for(&s.stage, "hi.abst", 20 * P2V_SECOND);
	cr_assert(lists >= 20 && lists <= 24, "%zu", lists);
	cr_assert_eq(stage_asked_for(&s.stage, "lo.abst", 20 * P2V_SECOND), 0);
	show_close(&s);
}

/* F4M 3.0: a manifest of manifests, of one medium each. */
static void hds_set(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	static const char head[] = "<manifest xmlns=\"http://ns.adobe.com/f4m/3.0\">"
				   "<streamType>live</streamType>";

	if (strstr(target, "set.f4m"))
		p2v_text_printf(&a->text,
			"%s<media bitrate=\"400\" href=\"hi.f4m\"/>"
			"<media bitrate=\"160\" href=\"lo.f4m\"/></manifest>",
			head);
	else if (strstr(target, ".f4m"))
		p2v_text_printf(&a->text,
			"%s<bootstrapInfo profile=\"named\" url=\"%.2s.abst\" id=\"a\"/>"
			"<media url=\"%.2s\" bootstrapInfoId=\"a\"/></manifest>",
			head, strstr(target, ".f4m") - 2, strstr(target, ".f4m") - 2);
	else
		hds(s, target, now, a);
}

Test(presentation, hds_of_several_manifests)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, hds_set);
	r = show_run(&s, "http://cdn/live/set.f4m", 60);
	plays_live(&s, &r, 60);
	in_order(&s, false, 1);
	cr_assert_eq(stage_asked_for(&s.stage, "set.f4m", 0), 1);
	cr_assert_eq(s.t.notes[s.t.n_notes - 1].f.bitrate, 400000);
	show_close(&s);
}

Test(presentation, hds_goes_on_without_a_bootstrap_that_is_missing)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, hds);
	s.missing = "hi.abst";
	r = show_run(&s, "http://cdn/live/index.f4m", 60);
	cr_assert(
		r.played && r.renditions == 1 && r.stalls == 0 && r.code == P2V_OK, "%s", r.error);
	cr_assert_eq(s.missed, 3);
	show_close(&s);
}

Test(presentation, hds_leaves_a_rendition_whose_bootstrap_is_lost)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, hds);
	s.t.pc.start_fragments = 6;
	(void)show_run(&s, "http://cdn/live/index.f4m", 20);
	s.missing = "hi.abst";
	r = show_run(&s, "", 60);
	cr_assert(r.played && r.code == P2V_OK && r.stalls == 0, "%u %s", r.stalls, r.error);
	in_order(&s, false, 1);
	show_close(&s);
}

/* ---- what cannot be played ---- */

static void only_text(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	static const char *const words[] = { "t", "100", NULL };

	(void)target;
	mpd_head(s, now, "", &a->text);
	mpd_set(&a->text, "text", "<SegmentTemplate duration=\"2\" media=\"f$Number$\"/>", words);
	p2v_text_puts(&a->text, "</Period></MPD>");
}

Test(presentation, one_without_pictures_and_sound_is_refused)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, only_text);
	r = show_run(&s, "http://cdn/a.mpd", 5);
	cr_assert_eq(r.code, P2V_EPARSE);
	cr_assert_str_eq(r.error, "the presentation has nothing to play");
	show_close(&s);
}

/* With so many allocations left, for 300 ms from `at` on. @return whether that was too few */
static bool starve(double at, long n, unsigned *given_up, unsigned *played_on)
{
	struct show s;
	struct p2v_player_result r;
	bool struck;

	show_open(&s, hds);
	(void)show_run(&s, "http://cdn/live/index.f4m", at);
	oom_after(n);
	(void)p2v_sim_run(s.t.sim, p2v_sim_now(s.t.sim) + 300 * P2V_MSEC);
	struck = oom_struck();
	oom_after(-1);
	r = show_run(&s, "", 20);
	*given_up += r.code < 0;
	*played_on += r.code == P2V_OK && r.played_media > 10 * P2V_SECOND;
	cr_assert(r.code == P2V_OK || r.code == P2V_ENOMEM, "%s", r.error);
	cr_assert_eq(s.t.ends, r.code < 0);
	show_close(&s);
	return struck;
}

Test(presentation, without_memory_it_plays_on_or_says_so)
{
	static const double when[] = { 0.035, 8 }; /* the manifest comes; it is read again */

	for (size_t i = 0; i < 2; i++) {
		unsigned given_up = 0, played_on = 0, n = 0;

		for (n = 0; starve(when[i], (long)n, &given_up, &played_on); n++)
			cr_assert_eq(given_up + played_on, n + 1, "%u: neither", n);
		cr_assert(n > 20 && given_up > 0 && played_on > 0, "%u: %u, %u", n, given_up,
			played_on);
	}
}

/* ---- files with an index ---- */

enum { HEAD_BYTES = 600, INDEX_BYTES = 68, PIECE_BYTES = 1000, PIECES = 3 };

/* ISO/IEC 14496-12 8.16.3: three fragments of 2 s behind it. */
static void index_box(struct p2v_text *out)
{
	put(out, INDEX_BYTES, 4);
	p2v_text_puts(out, "sidx");
	put(out, 0, 4);
	put(out, 1, 4);
	put(out, 1000, 4);
	put(out, 0, 4 + 4);
	put(out, PIECES, 4);
	for (int i = 0; i < PIECES; i++) {
		put(out, PIECE_BYTES, 4);
		put(out, 2000, 4);
		put(out, UINT64_C(1) << 31, 4);
	}
}

static void indexed(struct show *s, const char *target, p2v_usec now, struct stage_answer *a)
{
	(void)s;
	(void)now;
	if (!strstr(target, ".mp4")) {
		p2v_text_puts(&a->text,
			"<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
			"mediaPresentationDuration=\"PT6S\"><Period>"
			"<AdaptationSet contentType=\"video\">"
			"<Representation id=\"a\" bandwidth=\"160000\"><BaseURL>lo.mp4</BaseURL>"
			"<SegmentBase indexRange=\"600-667\"/></Representation>"
			"<Representation id=\"b\" bandwidth=\"400000\"><BaseURL>hi.mp4</BaseURL>"
			"<SegmentBase indexRange=\"600-667\"/></Representation></AdaptationSet>"
			"<AdaptationSet contentType=\"audio\">"
			"<Representation id=\"c\" bandwidth=\"40000\"><BaseURL>snd.mp4</BaseURL>"
			"<SegmentBase indexRange=\"600-667\"/></Representation></AdaptationSet>"
			"</Period></MPD>");
		return;
	}
	/* The whole file, whatever the range: servers may. */
	for (int i = 0; i < HEAD_BYTES; i++)
		p2v_text_add(&a->text, "", 1);
	index_box(&a->text);
	for (int i = 0; i < PIECES * PIECE_BYTES; i++)
		p2v_text_add(&a->text, "", 1);
}

Test(presentation, dash_of_files_with_an_index)
{
	struct show s;
	struct p2v_player_result r;

	show_open(&s, indexed);
	r = show_run(&s, "http://cdn/vod/a.mpd", 30);
	cr_assert(r.ended && r.code == P2V_OK && r.stalls == 0 && r.renditions == 2, "%s", r.error);
	cr_assert_eq(r.played_media, 6 * P2V_SECOND);
	cr_assert(loads(&s, true, false) == PIECES && loads(&s, false, false) == PIECES);
	for (size_t i = 0; i < s.t.n_notes; i++) {
		const struct p2v_player_fragment *f = &s.t.notes[i].f;

		if (!f->init)
			cr_assert_eq(f->range.off,
				HEAD_BYTES + INDEX_BYTES + f->n / (uint64_t)WHOLE * PIECE_BYTES);
	}
	show_close(&s);
}
