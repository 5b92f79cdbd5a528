/* buffer_test.c - the buffer model: start-up, stalls, holes, the end, latency, to the microsecond.
 */
#include <criterion/criterion.h>

#include "sdk/player/buffer.h"

TestSuite(buffer, .timeout = 60);

#define S         P2V_SECOND
#define WALL(now) (1000 * S + (now))

static void add(struct p2v_buffer *b, size_t track, p2v_usec t, p2v_usec dur, uint64_t bitrate,
	p2v_usec now)
{
	struct p2v_media m = { .t = t,
		.dur = dur,
		.rendition = (size_t)bitrate,
		.bitrate = bitrate,
		.dated = true,
		.date = 990 * S + t };

	cr_assert_eq(p2v_buffer_append(b, track, &m, now, WALL(now)), P2V_OK);
}

static void to(struct p2v_buffer *b, p2v_usec now)
{
	p2v_buffer_advance(b, now, WALL(now));
}

Test(buffer, it_starts_with_the_first_fragment)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 5 * S);
	to(&b, 6 * S);
	cr_assert_eq(b.state, P2V_BUFFER_STARTING);
	cr_assert_eq(p2v_buffer_dry(&b), P2V_NEVER);
	add(&b, 0, 0, 2 * S, 100, 6 * S + 250000);
	cr_assert_eq(b.startup, 1250000);
	cr_assert_eq(b.state, P2V_BUFFER_PLAYING);
	cr_assert_eq(p2v_buffer_dry(&b), 8250000);
	cr_assert_eq(p2v_buffer_ahead(&b, 0), 2 * S);
	to(&b, 7250000);
	cr_assert_eq(p2v_buffer_ahead(&b, 0), S);
	cr_assert_eq(b.played, S);
	p2v_buffer_fini(&b);
}

Test(buffer, it_starts_when_there_is_enough)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 3 * S, 0, 0);
	add(&b, 0, 0, 2 * S, 100, S);
	cr_assert_eq(b.state, P2V_BUFFER_STARTING);
	cr_assert_eq(p2v_buffer_ahead(&b, 0), 2 * S);
	add(&b, 0, 2 * S, 2 * S, 100, 2 * S);
	cr_assert_eq(b.startup, 2 * S);
	p2v_buffer_fini(&b);
	p2v_buffer_init(&b, 1, 3 * S, 0, 0);
	add(&b, 0, 0, 2 * S, 100, S);
	p2v_buffer_end(&b, 0, 4 * S, WALL(4 * S)); /* there is no more to wait for */
	cr_assert_eq(b.startup, 4 * S);
	to(&b, 6 * S);
	cr_assert_eq(b.state, P2V_BUFFER_FINISHED);
	p2v_buffer_fini(&b);
}

Test(buffer, a_stall_lasts_from_the_last_frame_to_the_next)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 0);
	add(&b, 0, 0, 2 * S, 100, S);
	to(&b, 4 * S); /* dry since 3 */
	cr_assert_eq(b.stalls, 1);
	cr_assert_eq(p2v_buffer_stalled(&b, 4 * S), S);
	add(&b, 0, 2 * S, 2 * S, 300, 3 * S + 1500001);
	cr_assert_eq(b.stalled, 1500001);
	to(&b, 5 * S);
	cr_assert_eq(b.played, 2 * S + 499999);
	add(&b, 0, 4 * S, 2 * S, 300, 5 * S);
	cr_assert_eq(b.stalls, 1);
	cr_assert_eq(b.switches, 1);
	to(&b, 6500001); /* exactly at the seam */
	cr_assert_eq(b.played, 4 * S);
	cr_assert_eq(b.begun, 3);
	cr_assert(b.bits / (double)b.played > 199.9 && b.bits / (double)b.played < 200.1);
	p2v_buffer_fini(&b);
}

Test(buffer, a_stall_ends_when_there_is_enough)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 3 * S, 0);
	add(&b, 0, 0, S, 100, 0);
	to(&b, 2 * S);
	add(&b, 0, S, 2 * S, 100, 2 * S);
	cr_assert_eq(b.state, P2V_BUFFER_STALLED);
	add(&b, 0, 3 * S, 2 * S, 100, 3 * S);
	cr_assert_eq(b.state, P2V_BUFFER_PLAYING);
	cr_assert_eq(b.stalled, 2 * S);
	p2v_buffer_fini(&b);
}

Test(buffer, media_that_arrives_in_time_makes_no_stall)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 0);
	add(&b, 0, 0, S, 1, 0);
	for (p2v_usec t = S; t <= 10 * S; t += S)
		add(&b, 0, t, S, 1, t - 1);
	cr_assert_eq(b.stalls, 0);
	add(&b, 0, 11 * S, S, 1, 11 * S); /* at the very moment: a stall of no length */
	cr_assert_eq(b.stalls, 1);
	cr_assert_eq(b.stalled, 0);
	p2v_buffer_fini(&b);
}

Test(buffer, the_playhead_jumps_a_hole)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 0);
	add(&b, 0, 0, 2 * S, 1, 0);
	add(&b, 0, 6 * S, 2 * S, 1, S);
	cr_assert_eq(p2v_buffer_ahead(&b, 0), S, "what is behind the hole is not ahead");
	to(&b, 3 * S);
	cr_assert(b.jumps == 1 && b.jumped == 4 * S && b.stalls == 0 && b.at == 7 * S);
	cr_assert_eq(b.played, 3 * S);
	to(&b, 5 * S);
	cr_assert_eq(b.stalls, 1);
	add(&b, 0, 20 * S, 2 * S, 1, 6 * S);
	cr_assert(b.jumps == 2 && b.stalled == 2 * S && b.at == 20 * S);
	add(&b, 0, 22 * S + 50000, 2 * S, 1, 6 * S);
	to(&b, 9 * S);
	cr_assert_eq(b.jumps, 2, "a hole as small as that is played through");
	p2v_buffer_fini(&b);
}

Test(buffer, tracks_play_together)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 2, 0, 0, 0);
	add(&b, 0, 0, 2 * S, 1, S);
	cr_assert_eq(b.state, P2V_BUFFER_STARTING);
	add(&b, 1, -300000, 2 * S, 7, 2 * S); /* sound begins a little earlier */
	cr_assert_eq(b.startup, 2 * S);
	cr_assert_eq(b.at, 0);
	cr_assert_eq(p2v_buffer_dry(&b), 3700000);
	add(&b, 0, 2 * S, 2 * S, 1, 3 * S);
	to(&b, 4 * S);
	cr_assert(b.stalls == 1 && b.at == 1700000);
	cr_assert_eq(p2v_buffer_ahead(&b, 0), 2300000);
	cr_assert_eq(p2v_buffer_ahead(&b, 1), 0);
	add(&b, 1, 1700000, 2 * S, 7, 5 * S);
	cr_assert_eq(b.stalled, 1300000);
	p2v_buffer_end(&b, 0, 5 * S, WALL(5 * S));
	to(&b, 6 * S);
	cr_assert_eq(b.state, P2V_BUFFER_PLAYING);
	p2v_buffer_end(&b, 1, 7 * S, WALL(7 * S));
	to(&b, 8 * S);
	cr_assert_eq(b.state, P2V_BUFFER_FINISHED);
	cr_assert_eq(b.stalls, 1, "the end is no stall");
	p2v_buffer_fini(&b);
}

Test(buffer, a_hole_in_one_track_is_a_hole_in_both)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 2, 0, 0, 0);
	add(&b, 0, 0, 6 * S, 1, 0);
	add(&b, 1, 0, 2 * S, 7, 0);
	add(&b, 1, 4 * S, 2 * S, 7, 0);
	to(&b, 3 * S);
	cr_assert(b.jumps == 1 && b.jumped == 2 * S && b.at == 5 * S);
	p2v_buffer_fini(&b);
}

Test(buffer, the_end_after_a_wait_is_no_stall)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 0);
	add(&b, 0, 0, 2 * S, 1, 0);
	to(&b, 3 * S);
	cr_assert_eq(b.stalls, 1);
	p2v_buffer_end(&b, 0, 4 * S, WALL(4 * S));
	cr_assert(b.state == P2V_BUFFER_FINISHED && b.stalls == 0);
	cr_assert_eq(p2v_buffer_stalled(&b, 5 * S), 0);
	p2v_buffer_fini(&b);
}

Test(buffer, latency_is_wall_time_less_the_date_at_the_playhead)
{
	struct p2v_buffer b;

	p2v_buffer_init(&b, 1, 0, 0, 0);
	cr_assert_eq(p2v_buffer_latency_median(&b), P2V_UNKNOWN);
	add(&b, 0, 0, 2 * S, 1, S); /* dated 990, seen at 1001 */
	cr_assert_eq(p2v_buffer_latency(&b, S, WALL(S)), 11 * S);
	to(&b, 2 * S);
	cr_assert_eq(p2v_buffer_latency(&b, 2 * S, WALL(2 * S)), 11 * S);
	add(&b, 0, 2 * S, 2 * S, 1, 3 * S + 500000); /* half a second of stall */
	add(&b, 0, 4 * S, 2 * S, 1, 4 * S);
	to(&b, 6 * S);
	cr_assert_eq(p2v_buffer_latency(&b, 6 * S, WALL(6 * S)), 11500000);
	cr_assert_eq(b.n_latency, 3);
	cr_assert_eq(p2v_buffer_latency_median(&b), 11500000);
	p2v_buffer_fini(&b);
}

Test(buffer, looking_at_it_changes_nothing)
{
	struct p2v_buffer a, b;

	p2v_buffer_init(&a, 1, 0, 0, 0);
	p2v_buffer_init(&b, 1, 0, 0, 0);
	for (p2v_usec t = 0; t < 20 * S; t += 2 * S) {
		add(&a, 0, t, 2 * S, 100 + (uint64_t)t % 3, t + t / 7);
		add(&b, 0, t, 2 * S, 100 + (uint64_t)t % 3, t + t / 7);
		for (p2v_usec u = t + t / 7; u < t + 2 * S + (t + 2 * S) / 7; u += 33333)
			to(&b, u);
	}
	to(&a, 40 * S);
	to(&b, 40 * S);
	cr_assert(a.stalls == b.stalls && a.played == b.played && a.begun == b.begun);
	cr_assert(p2v_buffer_stalled(&a, 40 * S) == p2v_buffer_stalled(&b, 40 * S));
	cr_assert(a.switches == b.switches && a.n_latency == b.n_latency);
	for (size_t i = 0; i < a.n_latency; i++)
		cr_assert_eq(a.latency[i], b.latency[i]);
	p2v_buffer_fini(&a);
	p2v_buffer_fini(&b);
}
