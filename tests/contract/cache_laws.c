/* cache_laws.c - the laws of kind cache, on every plugin of it. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <peer2view/cache.h>
#include "tests/contract/policy_bench.h"

TestSuite(cache_laws, .timeout = 120);

extern const struct p2v_plugin p2v_cache_window_LTX_p2v_plugin;

static const struct p2v_plugin *const plugins[] = { &p2v_cache_window_LTX_p2v_plugin };
enum { PLUGINS = sizeof plugins / sizeof *plugins };

#define GUARD -7777.0

/* Fragments of a live stream, two seconds each, before and behind a position. */
static void draw(
	struct p2v_cache_view *view, struct p2v_cache_frag *v, size_t n, struct p2v_random *r)
{
	*view = (struct p2v_cache_view){ .now = 1000 * P2V_SECOND,
		.edge = (p2v_usec)n * 2 * P2V_SECOND,
		.position = p2v_random_below(r, 4) == 0
				    ? P2V_UNKNOWN
				    : (p2v_usec)p2v_random_below(r, n + 1) * 2 * P2V_SECOND,
		.held = p2v_random_below(r, 32 << 20),
		.limit = 16 << 20,
		.live = p2v_random_below(r, 2) };
	for (size_t i = 0; i < n; i++)
		v[i] = (struct p2v_cache_frag){ .key = p2v_random_next(r),
			.flags = (uint32_t)p2v_random_below(r, 64),
			.relayed = (uint32_t)p2v_random_below(r, 100),
			.t = (p2v_usec)i * 2 * P2V_SECOND,
			.dur = 2 * P2V_SECOND,
			.due = p2v_random_below(r, 2) ? P2V_NEVER : view->now,
			.used = view->now - (p2v_usec)p2v_random_below(r, 1000 * P2V_SECOND),
			.held = p2v_random_below(r, 350000) };
	if (n > 0 && p2v_random_below(r, 2)) {
		v[0].flags |= P2V_FRAG_INIT;
		v[0].t = P2V_UNKNOWN;
		v[0].dur = 0;
	}
}

static struct p2v_cache_frag frags[P2V_CACHE_MAX], before[P2V_CACHE_MAX];
static double out[P2V_CACHE_MAX + 1], again[P2V_CACHE_MAX + 1];
static const size_t sizes[] = { 0, 1, 3, 64, P2V_CACHE_MAX };

Test(cache_laws, what_to_fetch_is_nothing_or_a_priority)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view;
		struct p2v_random r;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		p2v_random_init(&r, 1, "cache");
		for (int round = 0; round < 300; round++) {
			size_t n = sizes[round % 5];

			draw(&view, frags, n, &r);
			memcpy(before, frags, sizeof frags);
			out[n] = GUARD;
			b.plugin->ops.cache->ahead(b.st, &view, frags, n, out);
			cr_assert_eq(out[n], GUARD, "it wrote beyond the end");
			cr_assert_eq(memcmp(before, frags, sizeof frags), 0);
			for (size_t i = 0; i < n; i++) {
				cr_assert(out[i] < 0 || out[i] <= 4, "%g", out[i]);
				cr_assert(!isnan(out[i]));
				if (frags[i].flags & P2V_FRAG_COMPLETE)
					cr_assert_lt(out[i], 0, "it is here already");
			}
		}
		bench_close(&b);
	}
}

/* What comes next is fetched however full the memory is: or players would run dry. And a fuller
 * memory never asks for more. */
Test(cache_laws, a_full_cache_keeps_nobody_from_playing)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view;
		struct p2v_random r;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		p2v_random_init(&r, 2, "cache");
		for (int round = 0; round < 300; round++) {
			draw(&view, frags, 64, &r);
			view.position = (p2v_usec)p2v_random_below(&r, 60) * 2 * P2V_SECOND;
			for (size_t i = 0; i < 64; i++)
				frags[i].flags &= ~(uint32_t)(P2V_FRAG_COMPLETE | P2V_FRAG_INIT);
			frags[0].t = 0;
			frags[0].dur = 2 * P2V_SECOND;
			view.held = 0;
			b.plugin->ops.cache->ahead(b.st, &view, frags, 64, out);
			view.held = 10 * view.limit;
			b.plugin->ops.cache->ahead(b.st, &view, frags, 64, again);
			for (size_t i = 0; i < 64; i++) {
				cr_assert(again[i] < 0 || out[i] >= 0);
				if (frags[i].t == view.position)
					cr_assert_geq(again[i], 0, "the next one");
			}
		}
		bench_close(&b);
	}
}

Test(cache_laws, what_to_keep_is_a_number_and_what_is_waited_for_is_kept)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view;
		struct p2v_random r;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		p2v_random_init(&r, 3, "cache");
		for (int round = 0; round < 300; round++) {
			size_t n = sizes[round % 5];
			double wanted = INFINITY, other = -INFINITY;

			draw(&view, frags, n, &r);
			memcpy(before, frags, sizeof frags);
			out[n] = GUARD;
			b.plugin->ops.cache->keep(b.st, &view, frags, n, out);
			cr_assert_eq(out[n], GUARD, "it wrote beyond the end");
			cr_assert_eq(memcmp(before, frags, sizeof frags), 0);
			for (size_t i = 0; i < n; i++) {
				bool asked = frags[i].flags & P2V_FRAG_REQUESTED;

				cr_assert(!isnan(out[i]));
				if (asked && out[i] < wanted)
					wanted = out[i];
				if (!asked && out[i] > other)
					other = out[i];
				if (asked)
					cr_assert_geq(out[i], 0, "a player waits for it");
			}
			cr_assert(wanted >= other, "something else is worth more: %g, %g", wanted,
				other);
		}
		bench_close(&b);
	}
}

/* What the player has yet to see is worth more than what it has seen, and is never dropped while
 * its rendition is read. */
Test(cache_laws, the_live_edge_is_kept)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view;
		struct p2v_random r;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		p2v_random_init(&r, 4, "cache");
		for (int round = 0; round < 100; round++) {
			double edge = INFINITY, seen = -INFINITY;

			draw(&view, frags, 64, &r);
			view.live = true;
			view.position = 64 * P2V_SECOND;
			for (size_t i = 0; i < 64; i++) {
				bool ahead = i >= 32;

				frags[i].t = (p2v_usec)i * 2 * P2V_SECOND;
				frags[i].flags = P2V_FRAG_FOLLOWED | P2V_FRAG_LISTED |
						 P2V_FRAG_COMPLETE | (ahead ? 0 : P2V_FRAG_SERVED);
			}
			b.plugin->ops.cache->keep(b.st, &view, frags, 64, out);
			for (size_t i = 0; i < 64; i++) {
				if (i >= 32 && out[i] < edge)
					edge = out[i];
				if (i < 32 && out[i] > seen)
					seen = out[i];
			}
			cr_assert_geq(edge, 0);
			cr_assert_gt(edge, seen);
		}
		bench_close(&b);
	}
}

Test(cache_laws, the_order_does_not_matter_nor_does_a_key)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view;
		struct p2v_random r;
		struct bench b;

		bench_open(&b, plugins[k], 1);
		p2v_random_init(&r, 5, "cache");
		for (int round = 0; round < 100; round++) {
			draw(&view, frags, 64, &r);
			b.plugin->ops.cache->keep(b.st, &view, frags, 64, out);
			for (size_t i = 0; i < 64; i++) {
				before[i] = frags[63 - i];
				before[i].key = p2v_random_next(&r);
			}
			b.plugin->ops.cache->keep(b.st, &view, before, 64, again);
			for (size_t i = 0; i < 64; i++)
				cr_assert_eq(out[i], again[63 - i]);
		}
		bench_close(&b);
	}
}

/* Memory ends: what nobody has wanted for an hour, and nobody reads, is let go. */
Test(cache_laws, nothing_is_kept_for_ever)
{
	for (size_t k = 0; k < PLUGINS; k++) {
		struct p2v_cache_view view = { .now = 100000 * P2V_SECOND,
			.edge = P2V_UNKNOWN,
			.position = P2V_UNKNOWN,
			.limit = 16 << 20 };
		struct p2v_cache_frag f = { .flags = P2V_FRAG_COMPLETE | P2V_FRAG_SERVED,
			.t = 0,
			.dur = 2 * P2V_SECOND,
			.due = P2V_NEVER,
			.used = 90000 * P2V_SECOND,
			.held = 1000 };
		struct bench b;

		bench_open(&b, plugins[k], 1);
		b.plugin->ops.cache->keep(b.st, &view, &f, 1, out);
		cr_assert_lt(out[0], 0);
		f.flags = P2V_FRAG_COMPLETE | P2V_FRAG_INIT;
		f.t = P2V_UNKNOWN;
		b.plugin->ops.cache->keep(b.st, &view, &f, 1, out);
		cr_assert_lt(out[0], 0);
		f.flags = P2V_FRAG_ARRIVING;
		f.t = 0;
		b.plugin->ops.cache->keep(b.st, &view, &f, 1, out);
		cr_assert_lt(out[0], 0);
		bench_close(&b);
	}
}
