/* player_laws.c - the laws of kind player, on every plugin of it: players of all habits, drawn by
 * chance, and what may be said of their buffers. */
#include <criterion/criterion.h>
#include <string.h>

#include <peer2view/player.h>
#include "framework/base/text.h"
#include "tests/contract/policy_bench.h"

TestSuite(player_laws, .timeout = 120);

#define FAMILIES(X) \
	X(avplayer) \
	X(browser) X(dashjs) X(ffmpeg) X(generic) X(gstreamer) X(hlsjs) X(shaka) X(vlc)
#define DECLARE(NAME) extern const struct p2v_plugin p2v_player_##NAME##_LTX_p2v_plugin;
#define POINT(NAME)   &p2v_player_##NAME##_LTX_p2v_plugin,
FAMILIES(DECLARE)

static const struct p2v_plugin *const plugins[] = { FAMILIES(POINT) };
enum { PLUGINS = sizeof plugins / sizeof *plugins };

#define DUR       (2 * P2V_SECOND)
#define HOLD_MOST (60 * P2V_SECOND)

static struct p2v_player_frag frag(int64_t n)
{
	return (struct p2v_player_frag){ .t = n * DUR, .dur = DUR, .bitrate = 1400000 };
}

static struct p2v_player_view view_of(const struct bench *b)
{
	struct p2v_player_view v;

	memset(&v, 0x55, sizeof v);
	b->plugin->ops.player->view(b->st, b->now, &v);
	return v;
}

static struct p2v_player_due due_of(
	struct bench *b, const struct p2v_player_frag *f, p2v_usec asked)
{
	struct p2v_player_due d;

	memset(&d, 0x55, sizeof d);
	b->plugin->ops.player->due(b->st, b->now, f, asked, &d);
	return d;
}

static void take(struct bench *b, int64_t n, p2v_usec waits)
{
	struct p2v_player_frag f = frag(n);

	b->plugin->ops.player->on_request(b->st, b->now, &f);
	b->now += waits;
	b->plugin->ops.player->on_served(b->st, b->now, &f);
}

/* What holds at any moment. */
static void check(struct bench *b, int64_t at)
{
	const struct p2v_player_ops *ops = b->plugin->ops.player;
	struct p2v_player_view v = view_of(b), w = view_of(b);
	p2v_usec last = INT64_MIN;

	cr_assert_geq(v.buffer, 0);
	cr_assert(v.playing || v.buffer == 0);
	cr_assert(v.buffer == w.buffer && v.stalls == w.stalls && v.playing == w.playing,
		"looking changed it");
	/* Later fragments are not needed earlier; and none later than real time allows: by then all
	 * that the player has is played. */
	for (int64_t n = at - 3; n < at + 8; n++) {
		struct p2v_player_frag f = frag(n);
		struct p2v_player_due d = due_of(b, &f, P2V_UNKNOWN);

		cr_assert_eq(d.finish, P2V_NEVER, "nobody asked for it");
		cr_assert_geq(d.dry, last);
		last = d.dry;
		if (!v.playing)
			continue;
		cr_assert_neq(d.dry, P2V_NEVER);
		d = due_of(b, &f, b->now);
		cr_assert_geq(d.finish, b->now);
		cr_assert_leq(d.finish, b->now + DUR, "slower than it plays");
		if (ops->hold) {
			cr_assert_geq(ops->hold(b->st, b->now, &f), 0);
			cr_assert_leq(ops->hold(b->st, b->now, &f), HOLD_MOST, "for ever");
		}
	}
}

Test(player_laws, whatever_a_player_does_its_buffer_is_no_less_than_nothing)
{
	for (size_t k = 0; k < PLUGINS; k++)
		for (uint64_t seed = 0; seed < 50; seed++) {
			struct p2v_random r;
			uint32_t stalls = 0;
			struct bench b;
			int64_t at = 1000;

			bench_open(&b, plugins[k], seed);
			p2v_random_init(&r, seed, "player");
			cr_assert(!view_of(&b).playing);
			for (int step = 0; step < 400; step++) {
				struct p2v_player_frag init = { .t = P2V_UNKNOWN };

				switch (p2v_random_below(&r, 12)) {
				case 0: at += (int64_t)p2v_random_below(&r, 60); break; /* a seek */
				case 1: at -= (int64_t)p2v_random_below(&r, 60); break;
				case 2: at--; break; /* another rate of the same time */
				case 3:
					b.plugin->ops.player->on_request(b.st, b.now, &init);
					b.plugin->ops.player->on_served(b.st, b.now, &init);
					break;
				case 4: /* given up in the middle */
					b.plugin->ops.player->on_request(b.st, b.now,
						&(struct p2v_player_frag){
							.t = at * DUR, .dur = DUR });
					break;
				case 5:
					b.now += (p2v_usec)p2v_random_below(&r, 30 * P2V_SECOND);
					break;
				default:
					take(&b, at++, (p2v_usec)p2v_random_below(&r, P2V_SECOND));
					b.now += (p2v_usec)p2v_random_below(&r, DUR);
				}
				check(&b, at);
				cr_assert_geq(view_of(&b).stalls, stalls);
				stalls = view_of(&b).stalls;
			}
			bench_close(&b);
		}
}

/* It may have less than is thought, never more: a buffer is what it was given, less the time that
 * went by since it began. */
Test(player_laws, a_buffer_is_never_overestimated)
{
	for (size_t k = 0; k < PLUGINS; k++)
		for (uint64_t seed = 0; seed < 50; seed++) {
			p2v_usec began, end, dry = 0; /* dry: time for which it had nothing */
			struct p2v_random r;
			struct bench b;

			bench_open(&b, plugins[k], seed);
			p2v_random_init(&r, seed, "buffer");
			take(&b, 0, P2V_SECOND);
			began = b.now;
			end = DUR;
			for (int64_t n = 1; n < 200; n++) {
				p2v_usec before = b.now, had;

				take(&b, n, (p2v_usec)p2v_random_below(&r, 3 * P2V_SECOND));
				had = end - (before - began - dry);
				if (b.now - before > had) /* a real player stood still meanwhile */
					dry += b.now - before - had;
				end += DUR;
				cr_assert_leq(view_of(&b).buffer, end - (b.now - began - dry));
				b.now += (p2v_usec)p2v_random_below(&r, P2V_SECOND);
				had = end - (b.now - began - dry);
				if (had < 0)
					dry -= had;
			}
			bench_close(&b);
		}
}

/* Picture and sound come apart: what a player has is what it has of both. This one asks for the
 * next of each while it has less than a while to play, as slowly as chance has it. */
struct apart {
	p2v_usec end, due; /* due: P2V_NEVER: nothing is on its way */
	p2v_usec ahead;
};

static void step_apart(
	struct bench *b, struct apart *k, uint32_t track, p2v_usec position, struct p2v_random *r)
{
	struct p2v_player_frag f = {
		.t = k->end, .dur = DUR, .bitrate = track ? 64000 : 1400000, .track = track
	};

	if (k->due != P2V_NEVER && b->now >= k->due) {
		b->plugin->ops.player->on_served(b->st, b->now, &f);
		k->end += DUR;
		k->due = P2V_NEVER;
	} else if (k->due == P2V_NEVER && k->end - position < k->ahead) {
		b->plugin->ops.player->on_request(b->st, b->now, &f);
		k->due = b->now + (p2v_usec)p2v_random_below(r, 5 * P2V_SECOND / 2);
	}
}

Test(player_laws, of_picture_and_sound_that_counts_which_ends_first)
{
	static const p2v_usec tick = 20 * P2V_MSEC;

	for (size_t k = 0; k < PLUGINS; k++)
		for (uint64_t seed = 0; seed < 30; seed++) {
			struct apart v = { .due = P2V_NEVER }, a = v;
			struct p2v_random r;
			p2v_usec position = 0, least;
			struct bench b;

			bench_open(&b, plugins[k], seed);
			p2v_random_init(&r, seed, "apart");
			v.ahead = (p2v_usec)p2v_random_below(&r, 20 * P2V_SECOND) + DUR;
			a.ahead = (p2v_usec)p2v_random_below(&r, 20 * P2V_SECOND) + DUR;
			for (int i = 0; i < 6000; i++, b.now += tick) {
				step_apart(&b, &v, P2V_TRACK_MAIN, position, &r);
				step_apart(&b, &a, P2V_TRACK_AUDIO, position, &r);
				least = v.end < a.end ? v.end : a.end;
				cr_assert_leq(view_of(&b).buffer, least - position + tick,
					"%s, seed %llu, step %d", plugins[k]->name,
					(unsigned long long)seed, i);
				if (position + tick <= least)
					position += tick;
			}
			cr_assert_gt(position, 20 * P2V_SECOND, "it never played");
			bench_close(&b);
		}
}

Test(player_laws, nobody_waits_for_texts)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_player_frag text = frag(0);
		struct bench b;

		text.track = P2V_TRACK_TEXT;
		bench_open(&b, plugins[k], 1);
		b.plugin->ops.player->on_request(b.st, b.now, &text);
		for (int64_t n = 0; n < 5; n++)
			take(&b, n, 0);
		b.plugin->ops.player->on_served(b.st, b.now, &text);
		cr_assert_eq(view_of(&b).buffer, 5 * DUR);
		bench_close(&b);
	}
}

/* A player that reads sound no more is not taken for one that stands still. */
Test(player_laws, what_is_no_longer_asked_for_is_no_longer_counted)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_player_frag sound = frag(0);
		struct bench b;

		sound.track = P2V_TRACK_AUDIO;
		bench_open(&b, plugins[k], 1);
		b.plugin->ops.player->on_request(b.st, b.now, &sound);
		b.plugin->ops.player->on_served(b.st, b.now, &sound);
		for (int64_t n = 0; n < 30; n++) {
			take(&b, n, 0);
			b.now += DUR;
		}
		cr_assert_leq(view_of(&b).stalls, 3u);
		take(&b, 30, 0);
		cr_assert_eq(view_of(&b).buffer, DUR);
		bench_close(&b);
	}
}

Test(player_laws, a_player_that_waits_for_its_first_picture_is_dry)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_player_frag f = frag(5), init = { .t = P2V_UNKNOWN };
		struct bench b;

		bench_open(&b, plugins[k], 1);
		b.plugin->ops.player->on_request(b.st, b.now, &f);
		cr_assert_leq(due_of(&b, &f, b.now).dry, b.now);
		cr_assert_leq(due_of(&b, &init, b.now).dry, b.now);
		cr_assert_eq(due_of(&b, &f, P2V_UNKNOWN).dry, P2V_NEVER, "nobody asked for it");
		bench_close(&b);
	}
}

/* It played on while it was out of sight, and what it asks for next is what it lacks. */
Test(player_laws, time_goes_by_for_everybody)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_player_view v;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		for (int64_t n = 0; n < 5; n++)
			take(&b, n, 0);
		v = view_of(&b);
		cr_assert(v.playing);
		cr_assert_eq(v.buffer, 5 * DUR);
		b.now += 3 * P2V_SECOND;
		cr_assert_eq(view_of(&b).buffer, 5 * DUR - 3 * P2V_SECOND);
		b.now += 3600 * P2V_SECOND;
		cr_assert_eq(view_of(&b).buffer, 0);
		take(&b, 5, 0);
		cr_assert_eq(view_of(&b).stalls, 1);
		cr_assert_eq(view_of(&b).buffer, DUR);
		bench_close(&b);
	}
}

Test(player_laws, a_seek_is_a_new_start)
{
	static const int64_t to[] = { 500, -500 };

	for (size_t k = 0; k < PLUGINS; k++)
		for (size_t i = 0; i < 2; i++) {
			struct bench b;

			bench_open(&b, plugins[k], 1);
			for (int64_t n = 0; n < 5; n++)
				take(&b, 1000 + n, 0);
			take(&b, 1000 + to[i], 100 * P2V_MSEC);
			cr_assert(view_of(&b).playing);
			cr_assert_eq(
				view_of(&b).buffer, DUR, "%lld", (long long)view_of(&b).buffer);
			cr_assert_eq(view_of(&b).stalls, 0);
			bench_close(&b);
		}
}

/* A player by parts chooses where to begin, three parts from the edge, then loads the parts before
 * that, and while it does the edge moves on. What it has when it begins is no less by that, and
 * thought to be no less than that but for a part. */
Test(player_laws, by_parts_it_plays_from_where_it_chose_to_begin)
{
	static const p2v_usec part = 200 * P2V_MSEC, each[] = { 0, 20 * P2V_MSEC, 90 * P2V_MSEC };
	const int64_t listed = 8; /* when it asks first */

	for (size_t k = 0; k < PLUGINS; k++)
		for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
			p2v_usec begin = (listed - 3) * part, began = P2V_UNKNOWN, real, thought;
			struct bench b;
			int64_t n = 0;

			bench_open(&b, plugins[k], 1);
			for (p2v_usec start = b.now; n < listed + (b.now - start) / part; n++) {
				int64_t edge = listed + (b.now - start) / part;
				struct p2v_player_frag f = { .t = n * part,
					.dur = part,
					.bitrate = 1400000,
					.whole = DUR,
					.behind = (edge - n - 1) * part };

				b.plugin->ops.player->on_request(b.st, b.now, &f);
				b.now += each[i];
				b.plugin->ops.player->on_served(b.st, b.now, &f);
				if (began == P2V_UNKNOWN && f.t + part > begin)
					began = b.now;
			}
			real = n * part - begin - (b.now - began);
			thought = view_of(&b).buffer;
			cr_assert(thought <= real && thought >= real - part,
				"%s: %lld, it has %lld", plugins[k]->name, (long long)thought,
				(long long)real);
			bench_close(&b);
		}
}

Test(player_laws, sessions_do_not_know_of_each_other)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct bench a, c;

		bench_open(&a, plugins[k], 1);
		bench_open(&c, plugins[k], 1);
		take(&a, 0, 0);
		cr_assert(view_of(&a).playing);
		cr_assert(!view_of(&c).playing);
		bench_close(&a);
		bench_close(&c);
	}
}

Test(player_laws, a_match_is_a_score)
{
	static const char *const agents[] = { "", "Mozilla/5.0", "VLC/3.0.24 LibVLC/3.0.24",
		"\xff\x01", NULL };

	for (size_t k = 0; k < PLUGINS; k++) {
		struct bench b;

		bench_open(&b, plugins[k], 1);
		for (size_t i = 0; agents[i]; i++)
			cr_assert_leq(
				b.plugin->ops.player->match(b.conf, p2v_str_of(agents[i])), 100);
		cr_assert_leq(
			b.plugin->ops.player->match(b.conf, (struct p2v_str){ NULL, 0 }), 100);
		bench_close(&b);
	}
}

/* ---- what is known of each family ---- */

Test(player_laws, each_family_is_known_by_what_it_calls_itself)
{
	static const struct {
		const char *agent, *name;
	} is[] = { { "Lavf/59.27.100", "ffmpeg" }, { "libmpv", "ffmpeg" },
		{ "mpv 0.35.1", "ffmpeg" }, { "VLC/3.0.24 LibVLC/3.0.24", "vlc" },
		{ "GStreamer souphttpsrc 1.22.0 libsoup/2.74.3", "gstreamer" },
		{ "AppleCoreMedia/1.0.0.21E219 (iPhone; U; CPU OS 17_4 like Mac OS X; en_us)",
			"avplayer" },
		{ "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
			"browser" },
		{ "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
			"browser" },
		{ "p2v-player/0.1", "generic" }, { "", "generic" },
		{ "Roku/DVP-9.10", "generic" } };

	for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
		const char *best = "";
		uint32_t most = 0, as_good = 0;

		for (size_t k = 0; k < PLUGINS; k++) {
			uint32_t score = plugins[k]->ops.player->match(
				NULL, p2v_str_of(is[i].agent));

			as_good = score == most ? as_good + 1 : score > most ? 0 : as_good;
			if (score > most) {
				most = score;
				best = plugins[k]->name;
			}
		}
		cr_expect_str_eq(best, is[i].name, "%s is taken for %s", is[i].agent, best);
		cr_expect_eq(as_good, 0, "%s: another one knows it as well", is[i].agent);
	}
}

/* finish: in which part of its duration a fragment of 1.4 Mbit/s is to be there, below one of 2.8
 * and as the best; hold [s]: how long a miss is kept from it, with nothing and with a minute to
 * play. */
Test(player_laws, each_family_has_the_time_that_it_was_seen_to_give)
{
	static const struct {
		const char *name;
		double below, best;
		int hold, most;
	} is[] = { { "avplayer", 0.325, 0.5, 3, 5 }, { "browser", 0.325, 0.5, 3, 9 },
		{ "dashjs", 0.425, 0.5, 6, 18 }, { "ffmpeg", 0.5, 0.5, 3, 60 },
		{ "generic", 0.325, 0.5, 3, 60 }, { "gstreamer", 0.375, 0.5, 8, 9 },
		{ "hlsjs", 0.325, 0.5, 3, 9 }, { "shaka", 0.4, 0.5, 6, 9 },
		{ "vlc", 0.325, 0.5, 30, 60 } };

	cr_assert_eq(sizeof is / sizeof *is, (size_t)PLUGINS);
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_player_frag f = frag(0);
		struct bench b;

		cr_assert_str_eq(is[k].name, plugins[k]->name);
		bench_open(&b, plugins[k], 1);
		cr_expect_eq(b.plugin->ops.player->hold(b.st, b.now, &f), is[k].hold * P2V_SECOND,
			"%s", is[k].name);
		for (int64_t n = 0; n < 40; n++)
			take(&b, n, 0);
		f = frag(40);
		cr_expect_eq(due_of(&b, &f, b.now).finish - b.now,
			(p2v_usec)(is[k].best * (double)DUR), "%s", is[k].name);
		f.next_bitrate = 2 * f.bitrate;
		cr_expect_eq(due_of(&b, &f, b.now).finish - b.now,
			(p2v_usec)(is[k].below * (double)DUR), "%s", is[k].name);
		cr_expect_eq(b.plugin->ops.player->hold(b.st, b.now, &f), is[k].most * P2V_SECOND,
			"%s", is[k].name);
		bench_close(&b);
	}
}
