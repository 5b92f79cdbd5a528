/* gateway_clock_test.c - manifests that name fragments by the time of day: a player whose clock
 * goes before the agent's asks for what is about to be there, and is not told that there is no such
 * thing.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_clock, .timeout = 120, .init = rig_init, .fini = rig_fini);

/* Virtual time begins at that time of day: fragment n is whole at 2 n seconds. */
static const char mpd[] =
	"<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" minBufferTime=\"PT4S\" "
	"availabilityStartTime=\"2026-01-01T00:00:00Z\" minimumUpdatePeriod=\"PT500S\" "
	"timeShiftBufferDepth=\"PT12S\"><Period id=\"0\" start=\"PT0S\">"
	"<AdaptationSet contentType=\"video\" mimeType=\"video/mp4\">"
	"<Representation id=\"0\" bandwidth=\"400000\"><SegmentTemplate timescale=\"1\" duration=\"2\" "
	"startNumber=\"1\" media=\"$Number$.m4s\" initialization=\"init.mp4\"/></Representation>"
	"</AdaptationSet></Period></MPD>";

static void open_at(struct booth *b, p2v_usec t)
{
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };

	conf.plugins.manifest.plugin = rig_plugin(P2V_KIND_MANIFEST, "dash");
	booth_open(b, &conf);
	site_put(&b->cdn,
		&(struct page){
			.target = "/live/m.mpd", .text = mpd, .type = "application/dash+xml" });
	booth_run(b, 8 * P2V_SECOND + 500 * P2V_MSEC - p2v_sim_now(b->sim));
	cr_assert_eq(visit_get(b, &v, "/live/m.mpd"), 200);
	visit_fini(&v);
	booth_run(b, t - p2v_sim_now(b->sim));
}

static struct page *put_late(struct booth *b, uint32_t so_many_are_told)
{
	return site_put(&b->cdn, &(struct page){ .target = "/live/5.m4s",
					 .size = 100000,
					 .fail_first = so_many_are_told,
					 .fail_status = 404 });
}

/* The encoder is late as well, as encoders are: what the manifest lists by then is held. */
Test(gateway_clock, what_is_about_to_be_there_is_waited_for)
{
	static const p2v_usec early[] = { 1, 300 * P2V_MSEC, 900 * P2V_MSEC, 1400 * P2V_MSEC };

	for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
		struct visit v = { 0 };
		struct page *p;
		struct booth b;

		open_at(&b, 10 * P2V_SECOND - early[i]);
		p = put_late(&b, 3);
		cr_assert_eq(visit_get(&b, &v, "/live/5.m4s"), 200, "%d", (int)i);
		cr_assert_eq(v.n, 100000u);
		cr_assert_geq(v.head_at, 10 * P2V_SECOND, "it was there before it was due");
		cr_assert_leq(v.done_at, 13 * P2V_SECOND);
		cr_assert_leq(p->requests, 5u, "%u", p->requests);
		visit_fini(&v);
		booth_close(&b);
	}
}

/* Clocks differ: whatever the CDN has it gives. */
Test(gateway_clock, what_the_cdn_has_before_our_clock_is_not_kept)
{
	struct visit v = { 0 };
	struct booth b;

	open_at(&b, 9 * P2V_SECOND);
	put_late(&b, 0);
	cr_assert_eq(visit_get(&b, &v, "/live/5.m4s"), 200);
	cr_assert_lt(v.done_at, 10 * P2V_SECOND);
	visit_fini(&v);
	booth_close(&b);
}

Test(gateway_clock, what_is_far_off_or_was_never_there_is_told_at_once)
{
	static const char *const paths[] = { "/live/9.m4s", "/live/0.m4s", "/live/x.m4s" };

	for (size_t i = 0; i < 3; i++) {
		struct visit v = { 0 };
		struct booth b;

		open_at(&b, 9 * P2V_SECOND);
		cr_assert_eq(visit_get(&b, &v, paths[i]), 404, "%s", paths[i]);
		cr_assert_lt(v.done_at - v.began, 500 * P2V_MSEC);
		visit_fini(&v);
		booth_close(&b);
	}
}

/* A player that leaves while it waits leaves nothing behind. */
Test(gateway_clock, who_waits_may_leave)
{
	struct visit v = { 0 };
	struct page *p;
	struct booth b;
	uint32_t then;

	open_at(&b, 9 * P2V_SECOND);
	p = put_late(&b, 1000);
	visit_begin(&b, &v, "/live/5.m4s");
	booth_run(&b, 400 * P2V_MSEC);
	visit_leave(&v);
	visit_fini(&v);
	then = p->requests;
	booth_run(&b, 30 * P2V_SECOND);
	cr_assert_eq(p->requests, then);
	booth_close(&b);
}
