/* player_test.c - the measuring player against the virtual origin: what it asks for, what it
 * measures, and what it does about failures. */
#include "tests/unit/player/theatre.h"

#include "tests/unit/oom.h"

#include <string.h>

TestSuite(player, .timeout = 120);

#define MASTER "http://cdn/live/master.m3u8"

/* ---- when all is well ---- */

Test(player, a_stream_on_demand_plays_to_its_end)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.fragments = 5;
	t.pc.abr = P2V_ABR_FIXED;
	theatre_play(&t, MASTER);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(t.ends == 1 && t.end_code == P2V_OK && r.played && r.ended && r.code == P2V_OK);
	/* Connection 20 ms, master 20, list 20, and a fragment of 95000 bytes in three flights. */
	cr_assert_eq(r.startup, 120000, "%lld", (long long)r.startup);
	cr_assert(r.stalls == 0 && r.stalled == 0 && r.buffering == r.startup);
	cr_assert_eq(r.played_media, 10 * P2V_SECOND);
	cr_assert_eq(r.wall, 10 * P2V_SECOND + 120000);
	cr_assert(r.fragments == 5 && r.played_fragments == 5 && r.requests == 7);
	cr_assert_eq(r.media_bytes, 5 * 95000);
	cr_assert_eq(t.bodies, 5 * 95000);
	cr_assert(r.mean_bitrate == 380000 && r.switches == 0 && r.renditions == 3);
	cr_assert_eq(r.misses + r.errors + r.timeouts + r.skipped + r.resyncs, 0);
	theatre_close(&t);
}

Test(player, live_it_starts_behind_the_edge_and_stays_there)
{
	struct theatre t;
	struct p2v_player_result r;
	struct p2v_player_status s;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 120);
	r = theatre_result(&t);
	/* At time 0 fragments 0-8 are complete; the third last began 6 s before. */
	cr_assert_str_eq(t.notes[0].url, "http://cdn/live/v0/seg6.ts");
	cr_assert_eq(r.startup, 120000);
	cr_assert_eq(r.latency_median, 6120000, "%lld", (long long)r.latency_median);
	cr_assert_eq(r.latency_last, 6120000);
	cr_assert(r.stalls == 0 && r.switches == 1 && r.skipped_media == 0);
	cr_assert_eq(r.played_media, 120 * P2V_SECOND - r.startup);
	for (size_t i = 0; i < t.n_notes; i++)
		cr_assert(t.notes[i].f.n == 6 + i && t.notes[i].f.rendition == (i ? 2 : 0));
	cr_assert(r.mean_bitrate > 1380000 && r.mean_bitrate < 1400000);
	/* One list every two seconds, of one rendition at a time. */
	cr_assert(r.requests >= 120 && r.requests <= 126, "%llu", (unsigned long long)r.requests);
	p2v_player_status(t.player, &s);
	cr_assert(s.started && !s.stalled && s.buffer > 0 && s.buffer < 6 * P2V_SECOND);
	cr_assert_eq(s.latency, 6120000);
	theatre_close(&t);
}

Test(player, a_lone_list_of_fragments_will_do)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.vary = 0.2;
	theatre_play(&t, "http://cdn/live/v1/index.m3u8");
	theatre_run(&t, 30);
	r = theatre_result(&t);
	cr_assert(r.played && r.stalls == 0 && r.renditions == 1);
	cr_assert(r.mean_bitrate > 660000 && r.mean_bitrate < 740000, "told by the bytes");
	cr_assert_eq(r.switches, 0);
	theatre_close(&t);
}

Test(player, how_far_behind_and_how_much_ahead_can_be_set)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.window = 10;
	t.pc.start_fragments = 8;
	t.pc.start_buffer = 3 * P2V_SECOND; /* two fragments */
	t.pc.max_buffer = 5 * P2V_SECOND;
	t.pc.abr = P2V_ABR_FIXED;
	theatre_play(&t, MASTER);
	for (int i = 1; i < 60; i++) {
		struct p2v_player_status s;

		theatre_run(&t, i);
		p2v_player_status(t.player, &s);
		cr_assert_leq(s.buffer, 7 * P2V_SECOND);
	}
	r = theatre_result(&t);
	cr_assert_eq(t.notes[0].f.n, 5);
	cr_assert_eq(r.startup, t.notes[1].f.done);
	cr_assert_eq(r.latency_median / 1000, (16 * P2V_SECOND + r.startup) / 1000);
	cr_assert_eq(r.stalls, 0);
	theatre_close(&t);
}

Test(player, init_segments_and_byte_ranges)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.init = true;
	t.oc.encoder.per_file = 4;
	t.oc.encoder.fragments = 10;
	t.pc.abr = P2V_ABR_FIXED;
	t.pc.rendition = 1;
	theatre_play(&t, MASTER);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.ended && r.stalls == 0);
	cr_assert(t.notes[0].f.init && t.notes[0].f.bytes == 800 && t.n_notes == 11);
	cr_assert_str_eq(t.notes[6].url, "http://cdn/live/v1/seg1.m4s");
	cr_assert(t.notes[6].f.range.off == 175000 && t.notes[6].f.bytes == 175000);
	cr_assert_eq(r.media_bytes, 10 * 175000 + 800);
	theatre_close(&t);
}

Test(player, a_server_that_ignores_ranges_is_put_up_with)
{
	struct p2v_origin_fault whole = { .match = "seg", .ignores_range = true };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.per_file = 2;
	t.oc.encoder.fragments = 4;
	t.pc.abr = P2V_ABR_FIXED;
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &whole), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.ended && r.fragments == 4 && r.errors == 0);
	cr_assert_eq(r.media_bytes, 4 * 95000);
	cr_assert_geq(r.bytes, 4 * 190000);
	theatre_close(&t);
}

static const struct p2v_encoder_rendition with_sound[] = { { .name = "lo", .bitrate = 300000 },
	{ .name = "hi", .bitrate = 1000000 }, { .name = "snd", .bitrate = 64000, .audio = true } };

static void open_with_sound(struct theatre *t)
{
	theatre_open(t);
	t->oc.encoder.renditions = with_sound;
	t->oc.encoder.n = 3;
	t->oc.encoder.init = true;
}

Test(player, sound_apart_is_loaded_along)
{
	struct theatre t;
	struct p2v_player_result r;
	size_t sounds = 0, inits = 0;

	open_with_sound(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.played && r.stalls == 0 && r.renditions == 2);
	for (size_t i = 0; i < t.n_notes; i++) {
		inits += t.notes[i].f.init;
		sounds += t.notes[i].f.audio && !t.notes[i].f.init;
	}
	cr_assert(inits == 3, "of lo, of hi, of the sound");
	cr_assert(sounds > 28 && r.fragments - sounds <= sounds + 1);
	cr_assert(r.latency_median > 6 * P2V_SECOND && r.latency_median < 6300000);
	cr_assert(r.mean_bitrate > 1030000 && r.mean_bitrate <= 1064000);
	theatre_close(&t);
}

Test(player, without_its_sound_the_picture_waits)
{
	struct p2v_origin_fault late = {
		.match = "/snd/seg10.", .delay = 10 * P2V_SECOND - 1, .count = 1
	};
	struct theatre t;
	struct p2v_player_result r;

	open_with_sound(&t);
	t.pc.abr = P2V_ABR_FIXED;
	t.pc.idle_timeout = 60 * P2V_SECOND;
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &late), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert_eq(r.stalls, 1);
	for (size_t i = 0; i < t.n_notes; i++)
		if (t.notes[i].f.audio && t.notes[i].f.n == 10)
			/* Sound began with fragment 6, so 10 was due after 8 s of playing. */
			cr_assert_eq(r.stalled, t.notes[i].f.done - (r.startup + 8 * P2V_SECOND));
	cr_assert_gt(r.stalled, P2V_SECOND);
	theatre_close(&t);
}

/* ---- adapting ---- */

Test(player, it_goes_down_when_the_link_narrows_and_up_again)
{
	struct theatre t;
	struct p2v_player_result r;
	size_t lowest = 0;

	theatre_open(&t);
	t.pc.start_fragments = 5;
	theatre_play(&t, MASTER);
	theatre_run(&t, 20);
	cr_assert_eq(t.notes[t.n_notes - 1].f.rendition, 2);
	cr_assert(strstr(t.trace, "\"event\":\"switch\",\"text\":\"http://cdn/live/v2/index"));
	theatre_cap(&t, 600000);
	theatre_run(&t, 80);
	for (size_t i = 0; i < t.n_notes; i++)
		lowest += t.notes[i].f.rendition == 0 && t.notes[i].f.asked > 30 * P2V_SECOND;
	cr_assert_geq(lowest, 20);
	cr_assert_eq(t.notes[t.n_notes - 1].f.rendition, 0);
	r = theatre_result(&t);
	cr_assert_leq(r.stalls, 1);
	theatre_cap(&t, 0);
	theatre_run(&t, 140);
	cr_assert_eq(t.notes[t.n_notes - 1].f.rendition, 2);
	cr_assert(theatre_result(&t).switches >= 3 && theatre_result(&t).switches <= 8);
	theatre_close(&t);
}

Test(player, it_gives_up_a_fragment_that_would_come_too_late)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 19);
	theatre_cap(&t, 500000); /* 1.4 Mbit/s would take 5.6 s a fragment */
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert_geq(r.abandoned, 1);
	cr_assert(strstr(t.trace, "\"event\":\"abandon\""));
	cr_assert_eq(t.notes[t.n_notes - 1].f.rendition, 0);
	theatre_close(&t);
}

Test(player, by_buffer_it_plays_the_best_that_lasts)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.fragments = 60;
	t.pc.abr = P2V_ABR_BUFFER;
	theatre_play(&t, MASTER);
	theatre_cap(&t, 1100000);
	theatre_run(&t, 200);
	r = theatre_result(&t);
	cr_assert(r.ended && r.stalls == 0, "%u stalls, %s", r.stalls, r.error);
	cr_assert(r.mean_bitrate > 650000 && r.mean_bitrate < 1100000, "%llu",
		(unsigned long long)r.mean_bitrate);
	theatre_close(&t);
}

Test(player, a_stall_lasts_as_long_as_the_fragment_is_late)
{
	struct p2v_origin_fault late = { .match = "seg2.", .delay = 5 * P2V_SECOND };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.fragments = 4;
	t.pc.abr = P2V_ABR_FIXED;
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &late), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	/* Fragments 0 and 1 last until 4.12 s. The window has grown to 74304: two flights for 1.
	 * The wait resets it: three for 2. */
	cr_assert_eq(t.notes[1].f.done, 160000);
	cr_assert_eq(t.notes[2].f.done, 160000 + 10000 + 5000000 + 2 * 20000 + 10000);
	cr_assert(r.stalls == 1 && r.stalled == 5220000 - 4120000);
	cr_assert_eq(r.buffering, 120000 + 1100000);
	cr_assert(strstr(t.trace, "{\"t_ms\":4120.000,\"event\":\"stall\"}\n"));
	cr_assert(strstr(t.trace, "{\"t_ms\":5220.000,\"event\":\"play\"}\n"));
	theatre_close(&t);
}

/* ---- failures ---- */

Test(player, what_is_missing_is_looked_for_in_the_other_renditions)
{
	struct p2v_origin_fault gone = { .match = "/v2/seg15.", .status = 404 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &gone), 0);
	theatre_run(&t, 40);
	r = theatre_result(&t);
	cr_assert(r.misses == 1 && r.stalls == 0 && r.skipped == 0);
	cr_assert(t.notes[9].f.n == 15 && t.notes[9].f.rendition == 1);
	cr_assert(t.notes[10].f.n == 16 && t.notes[10].f.rendition == 2);
	theatre_close(&t);
}

Test(player, what_nobody_has_is_skipped)
{
	struct p2v_origin_fault gone = { .match = "/seg15.", .status = 404 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &gone), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.skipped == 1 && r.misses == 4 * 3, "four rounds of three renditions");
	cr_assert(t.notes[8].f.n == 14 && t.notes[9].f.n == 16);
	cr_assert(r.skipped_media == 2 * P2V_SECOND && r.resyncs == 0);
	theatre_close(&t);
}

Test(player, errors_are_tried_again_after_a_while)
{
	struct p2v_origin_fault busy = { .match = "seg15.", .status = 503, .count = 2 };
	struct theatre t;
	struct p2v_player_result r;
	p2v_usec asked = 0;

	theatre_open(&t);
	t.pc.start_fragments = 6;
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &busy), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.errors == 2 && r.stalls == 0 && r.skipped == 0);
	for (size_t i = 0; i < t.n_notes; i++)
		if (t.notes[i].f.n == 15)
			asked = t.notes[i].f.asked;
	/* 15 is complete at 14 s - 2: seen with the next list; then 1 s, then 2 s later. */
	cr_assert(asked > 17 * P2V_SECOND && asked < 19 * P2V_SECOND, "%lld", (long long)asked);
	theatre_close(&t);
}

Test(player, silence_is_tried_again_at_once)
{
	struct p2v_origin_fault silent = { .match = "/seg9.", .silent = true, .count = 1 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.pc.idle_timeout = P2V_SECOND;
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &silent), 0);
	theatre_run(&t, 30);
	r = theatre_result(&t);
	cr_assert(r.timeouts == 1 && r.skipped == 0 && r.stalls == 0);
	theatre_close(&t);
}

Test(player, a_body_that_breaks_off_is_no_fragment)
{
	struct p2v_origin_fault cut = { .match = "/seg9.", .short_by = 10, .count = 1 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	cr_assert_gt(p2v_origin_fail(t.origin, &cut), 0);
	theatre_run(&t, 30);
	r = theatre_result(&t);
	cr_assert(r.errors == 1 && r.skipped == 0 && r.stalls == 0);
	cr_assert_eq(r.media_bytes + 350000 - 10, t.bodies);
	theatre_close(&t);
}

Test(player, lists_that_fail_are_tried_again_and_then_elsewhere)
{
	struct p2v_origin_fault busy = { .match = "/v2/index", .status = 503 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.pc.start_fragments = 6;
	theatre_play(&t, MASTER);
	theatre_run(&t, 20);
	cr_assert_gt(p2v_origin_fail(t.origin, &busy), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(!r.ended && r.code == P2V_OK && r.errors >= 3);
	cr_assert_eq(r.stalls, 0);
	theatre_close(&t);
}

Test(player, a_list_of_one_rendition_is_tried_until_it_comes)
{
	struct p2v_origin_fault busy = { .match = "index", .status = 500, .count = 4 };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.pc.start_fragments = 6;
	theatre_play(&t, "http://cdn/live/v0/index.m3u8");
	theatre_run(&t, 20);
	cr_assert_gt(p2v_origin_fail(t.origin, &busy), 0);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.errors == 4 && r.code == P2V_OK);
	cr_assert_gt(r.played_media, 50 * P2V_SECOND);
	theatre_close(&t);
}

Test(player, a_stream_that_cannot_be_had_is_given_up)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, "http://cdn/live/nothing.m3u8");
	theatre_run(&t, 200);
	r = theatre_result(&t);
	cr_assert(t.ends == 1 && r.code == P2V_EIO && !r.played && !r.ended);
	cr_assert(strstr(t.end_text, "status 404"), "%s", t.end_text);
	cr_assert(r.wall >= 30 * P2V_SECOND && r.wall < 45 * P2V_SECOND);
	cr_assert_eq(r.buffering, r.wall);
	theatre_close(&t);
}

Test(player, what_is_no_manifest_is_told)
{
	struct theatre t;

	theatre_open(&t);
	theatre_play(&t, "http://cdn/live/v0/seg8.ts");
	theatre_run(&t, 5);
	cr_assert(t.ends == 1 && t.end_code == P2V_EPARSE, "%s", t.end_text);
	theatre_close(&t);
}

Test(player, a_dead_origin_ends_the_show_when_the_buffer_is_long_gone)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 20);
	p2v_machine_kill(t.cdn);
	theatre_run(&t, 200);
	r = theatre_result(&t);
	cr_assert(t.ends == 1 && r.code == P2V_ETIMEDOUT && r.played && r.stalls == 1);
	cr_assert_gt(r.stalled, 20 * P2V_SECOND);
	theatre_close(&t);
}

Test(player, an_origin_that_stops_for_a_while_is_waited_for)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 20.5);
	p2v_machine_freeze(t.cdn, true);
	theatre_run(&t, 25.5);
	p2v_machine_freeze(t.cdn, false);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.code == P2V_OK && r.skipped == 0 && r.resyncs == 0);
	cr_assert_leq(r.stalls, 1);
	cr_assert_leq(r.stalled, 3 * P2V_SECOND);
	cr_assert_eq(r.played_media, 60 * P2V_SECOND - r.startup - r.stalled);
	theatre_close(&t);
}

/* ---- live accidents ---- */

Test(player, out_of_the_window_it_goes_back_to_the_edge)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 20.5);
	p2v_machine_freeze(t.home, true); /* the viewer closes the lid */
	theatre_run(&t, 80.5);
	p2v_machine_freeze(t.home, false);
	theatre_run(&t, 120);
	r = theatre_result(&t);
	cr_assert_eq(r.resyncs, 1);
	cr_assert_gt(r.skipped_media, 40 * P2V_SECOND);
	cr_assert_eq(r.stalls, 1);
	cr_assert(r.latency_last > 6 * P2V_SECOND && r.latency_last < 8 * P2V_SECOND, "%lld",
		(long long)r.latency_last);
	theatre_close(&t);
}

static void restart(struct theatre *t, bool dates)
{
	struct p2v_player_result r;

	theatre_open(t);
	t->oc.encoder.dates = dates;
	theatre_play(t, MASTER);
	theatre_run(t, 30.5);
	p2v_encoder_restart(p2v_origin_encoder(t->origin), p2v_sim_now(t->sim));
	theatre_run(t, 90);
	r = theatre_result(t);
	cr_assert_eq(t->newest, 1);
	cr_assert(r.restarts >= 1 && r.code == P2V_OK);
	cr_assert_eq(t->notes[t->n_notes - 1].f.n, 28, "%llu",
		(unsigned long long)t->notes[t->n_notes - 1].f.n);
	cr_assert_leq(r.stalled, 4 * P2V_SECOND);
	cr_assert_gt(r.played_media, 84 * P2V_SECOND);
	theatre_close(t);
}

Test(player, an_encoder_that_starts_again_is_followed_by_dates)
{
	struct theatre t;

	restart(&t, true);
}

Test(player, an_encoder_that_starts_again_is_followed_by_numbers)
{
	struct theatre t;

	restart(&t, false);
}

Test(player, without_dates_there_is_no_latency_and_all_else_is_the_same)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.dates = false;
	theatre_play(&t, MASTER);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(r.latency_median == P2V_UNKNOWN && r.latency_last == P2V_UNKNOWN);
	cr_assert(r.stalls == 0 && r.switches == 1 && r.startup == 120000);
	for (size_t i = 0; i < t.n_notes; i++)
		cr_assert_eq(t.notes[i].f.n, 6 + i);
	theatre_close(&t);
}

Test(player, an_event_that_ends_is_played_out)
{
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 30.5);
	p2v_encoder_end(p2v_origin_encoder(t.origin), p2v_sim_now(t.sim));
	theatre_run(&t, 60);
	r = theatre_result(&t);
	cr_assert(t.ends == 1 && r.ended && r.stalls == 0);
	/* From fragment 6 to 23, the last one that was complete. */
	cr_assert_eq(r.played_media, 18 * 2 * P2V_SECOND);
	theatre_close(&t);
}

/* ---- around it ---- */

Test(player, stopped_it_stays_as_it_is)
{
	struct theatre t;
	struct p2v_player_result a, b;

	theatre_open(&t);
	theatre_play(&t, MASTER);
	theatre_run(&t, 20.7);
	p2v_player_stop(t.player);
	a = theatre_result(&t);
	theatre_run(&t, 60);
	b = theatre_result(&t);
	cr_assert(a.wall == 20700000 && b.wall == a.wall && b.requests == a.requests);
	cr_assert(b.played_media == a.played_media && b.stalls == 0 && t.ends == 0);
	theatre_close(&t);
}

Test(player, stopping_at_any_moment_leaves_nothing_behind)
{
	for (int i = 0; i < 200; i++) {
		struct theatre t;

		theatre_open(&t);
		theatre_play(&t, MASTER);
		theatre_run(&t, i * 0.005);
		theatre_close(&t);
	}
}

Test(player, memory_that_is_short_for_a_while_is_survived)
{
	unsigned given_up = 0, played_on = 0;
	bool struck = true;

	for (long n = 0; struck; n++) {
		struct theatre t;
		struct p2v_player_result r;
		double at = 0.005 * (double)(n % 30);

		theatre_open(&t);
		theatre_play(&t, MASTER);
		theatre_run(&t, at);
		oom_after(n);
		(void)p2v_sim_run(t.sim, p2v_sim_now(t.sim) + 300 * P2V_MSEC);
		struck = oom_struck();
		oom_after(-1);
		theatre_run(&t, 40);
		r = theatre_result(&t);
		given_up += r.code < 0;
		played_on += r.code == P2V_OK && r.played_media > 20 * P2V_SECOND;
		cr_assert_eq(t.ends, r.code < 0);
		cr_assert(r.code == P2V_OK || r.code == P2V_ENOMEM, "%s", r.error);
		theatre_close(&t);
		cr_assert_eq(given_up + played_on, (unsigned)n + 1, "%ld: neither", n);
	}
	cr_assert(given_up > 0 && played_on > given_up);
}

Test(player, the_result_as_json)
{
	struct p2v_text text = { 0 };
	struct p2v_json j = { .out = &text };
	struct theatre t;
	struct p2v_player_result r;

	theatre_open(&t);
	t.oc.encoder.live = false;
	t.oc.encoder.fragments = 5;
	t.pc.abr = P2V_ABR_FIXED;
	theatre_play(&t, MASTER);
	theatre_run(&t, 60);
	r = theatre_result(&t);
	p2v_json_open(&j, NULL, '{');
	p2v_player_result_json(&r, &j);
	p2v_json_close(&j, '}');
	cr_assert(strstr(text.p, "{\"played\":true,\"ended\":true,\"wall_ms\":10120.000,"
				 "\"startup_ms\":120.000,\"stalls\":0,\"stall_ms\":0.000,"
				 "\"buffering_ms\":120.000,\"played_ms\":10000.000,"),
		"%s", text.p);
	cr_assert(strstr(text.p, "\"mean_bitrate_bps\":380000,\"renditions\":3,\"switches\":0,"));
	cr_assert(strstr(text.p, "\"latency_ms_p50\":10120.000,"),
		"a recording is as old as it is: %s", text.p);
	p2v_text_fini(&text);
	theatre_close(&t);
}

Test(player, urls_that_are_none_are_refused)
{
	struct p2v_player *p = NULL;
	struct theatre t;
	struct p2v_err err;

	theatre_open(&t);
	cr_assert_eq(p2v_player_new(&t.w, &t.manifests.all, &t.pc, "live.m3u8", NULL, &p, &err),
		P2V_EPARSE);
	cr_assert_str_eq(err.text, "'live.m3u8' is not an http URL");
	p2v_sim_free(t.sim);
}
