/* delivery_test.c - who fetches what from whom: elections, fallback, trading, limits, switches;
 * each scenario against what the plan promises, and against the same event from the CDN alone. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "tests/sim/swarm_rig.h"

TestSuite(delivery, .timeout = 300, .init = rig_init, .fini = rig_fini);

static uint64_t total(struct p2v_swarm *s, size_t viewers, enum p2v_metric id)
{
	uint64_t n = 0;

	for (size_t i = 0; i < viewers; i++)
		n += p2v_swarm_metrics(s, i)->v[id];
	return n;
}

/* ---- elections ---- */

/* With equal views exactly one goes to the CDN for each new fragment, and nobody steps in. */
Test(delivery, one_is_elected_for_each_fragment)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	unsigned once = 0, asked = 0, turns = 0;
	struct p2v_swarm *s;
	uint64_t late;

	conf.viewers = 6;
	s = rig_start(&conf);
	p2v_swarm_run(s, 30 * P2V_SECOND);
	late = total(s, 6, P2V_M_CDN_WHY_STANDBY) + total(s, 6, P2V_M_CDN_WHY_DEADLINE);
	p2v_swarm_run(s, 90 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("six", &r);
	for (unsigned i = 0; i < 200; i++) {
		struct p2v_origin_kind_count n;
		char target[64];

		(void)snprintf(target, sizeof target, "/live/v2/seg%u.ts", i);
		n = p2v_origin_count_of(p2v_swarm_origin(s), target);
		asked += n.requests > 0;
		once += n.requests == 1;
	}
	cr_assert_gt(asked, 30);
	cr_assert_geq(once + 6, asked, "%u of %u fragments were fetched once", once, asked);
	cr_assert_leq(
		total(s, 6, P2V_M_CDN_WHY_STANDBY) + total(s, 6, P2V_M_CDN_WHY_DEADLINE), late + 3);
	/* It is not always the same one. */
	for (size_t i = 0; i < 6; i++)
		turns += p2v_swarm_metrics(s, i)->v[P2V_M_CDN_WHY_ELECTED] > 0;
	cr_assert_geq(turns, 3);
	cr_assert_gt(r.savings, 0.75);
	rig_end(s);
}

/* How often somebody stood in for the one that was elected most. */
static uint64_t stood_in(uint64_t seed)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s;
	uint64_t before, then;
	size_t often = 0;

	conf.viewers = 5;
	conf.seed = seed;
	s = rig_start(&conf);
	p2v_swarm_run(s, 40 * P2V_SECOND);
	for (size_t i = 1; i < 5; i++)
		if (p2v_swarm_metrics(s, i)->v[P2V_M_CDN_WHY_ELECTED] >
			p2v_swarm_metrics(s, often)->v[P2V_M_CDN_WHY_ELECTED])
			often = i;
	p2v_machine_freeze(p2v_swarm_machine(s, often), true);
	before = total(s, 5, P2V_M_CDN_WHY_STANDBY);
	p2v_swarm_run(s, 60 * P2V_SECOND);
	then = total(s, 5, P2V_M_CDN_WHY_STANDBY);
	p2v_swarm_run(s, 120 * P2V_SECOND);
	cr_assert_leq(total(s, 5, P2V_M_CDN_WHY_STANDBY), then + 3, "it is still counted on");
	for (size_t i = 0; i < 5; i++) {
		struct p2v_player_result r;

		p2v_player_result(p2v_swarm_player(s, i), &r);
		if (i != often)
			cr_assert_eq(r.stalls, 0, "viewer %zu", i);
	}
	p2v_machine_freeze(p2v_swarm_machine(s, often), false);
	rig_end(s);
	return then - before;
}

/* One that is elected and silent is stood in for by the next, until nobody counts on it any more.
 * It is for so short a time that in some runs it is not its turn. */
Test(delivery, the_next_steps_in_for_one_that_is_silent)
{
	uint64_t n = 0;

	for (uint64_t seed = 1; seed <= 4; seed++)
		n += stood_in(seed);
	cr_assert_gt(n, 0);
}

/* ---- how much ---- */

Test(delivery, far_apart)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 6;
	conf.viewer_link.delay = 25 * P2V_MSEC; /* 100 ms there and back */
	rig_play_on("100 ms", &conf, NULL, 100 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.70, "bound 0.833, got %.3f", r.savings);
	rig_keeps_the_promise(&conf, NULL, 100 * P2V_SECOND, &r);
}

/* What a household has: less up than down, and less up than the stream needs for one copy each. */
Test(delivery, uplinks_thinner_than_the_stream)
{
	static const struct {
		uint64_t up;
		double savings;
	} cases[] = { { 50000, 0.01 }, { 250000, 0.2 }, { 500000, 0.45 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct p2v_swarm_conf conf = rig_conf();
		struct p2v_swarm_result r;

		conf.viewers = 6;
		conf.viewer_link.up = cases[i].up;
		conf.viewer_link.down = 1250000;
		rig_play_on("thin", &conf, NULL, 80 * P2V_SECOND, &r);
		cr_assert_gt(r.savings, cases[i].savings, "%.3f", r.savings);
		cr_assert_lt(r.wasted_bytes, r.played_bytes / 20);
		rig_keeps_the_promise(&conf, NULL, 80 * P2V_SECOND, &r);
	}
}

/* A player that hears a little later of a new fragment has more of it from partners, and is none
 * the worse for it. */
Test(delivery, news_that_wait_are_brought_by_partners)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result at_once, later;

	conf.viewers = 12;
	conf.viewer_link.up = 625000;
	conf.viewer_link.down = 2500000;
	rig_play_on("at once", &conf, NULL, 80 * P2V_SECOND, &at_once);
	conf.delivery.reveal = 0.5;
	rig_play_on("later", &conf, NULL, 80 * P2V_SECOND, &later);
	cr_assert_gt(later.savings, at_once.savings + 0.03, "%.3f, %.3f", later.savings,
		at_once.savings);
	cr_assert_leq(later.latency_p50, at_once.latency_p50 + 50 * P2V_MSEC);
	rig_keeps_the_promise(&conf, NULL, 80 * P2V_SECOND, &later);
}

/* ---- what uploads leave of the line ---- */

/** A viewer's own small requests, beside all that its agent does. */
struct probe {
	struct p2v_world w;
	struct p2v_fetch *fetch;
	struct p2v_timer timer;
	p2v_usec began, took[1024];
	size_t n;
};

static void probe_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct probe *p = ctx;

	(void)h;
	if (p->n < sizeof p->took / sizeof p->took[0])
		p->took[p->n++] = p2v_now(&p->w) - p->began;
}

static void probe_body(void *ctx, struct p2v_bytes b)
{
	(void)ctx;
	(void)b;
}

static void probe_done(void *ctx, int code, const struct p2v_err *err)
{
	struct probe *p = ctx;

	(void)code;
	(void)err;
	p->fetch = NULL;
}

static void probe_fire(struct p2v_timer *t, p2v_usec now)
{
	static const struct p2v_fetch_handler handler = { probe_head, probe_body, probe_done };
	static const struct p2v_fetch_request rq = { .url = "http://origin/live/master.m3u8" };
	struct probe *p = t->owner;
	struct p2v_err err;

	p2v_arm(&p->w, t, now + 150 * P2V_MSEC);
	if (p->fetch)
		return;
	p->began = now;
	cr_assert_eq(p->w.ops->fetch(p->w.self, &rq, &handler, p, &p->fetch, &err), P2V_OK);
}

/* The governor holds the queue in a full uplink short, so that whatever else the viewer does is not
 * slowed down much: 20 ms there and back, and 60 ms of queue. */
Test(delivery, uploads_leave_the_line_to_the_viewer)
{
	static const uint64_t ups[] = { 125000, 250000 };

	for (size_t k = 0; k < 2; k++) {
		static struct probe probe;
		struct p2v_swarm_conf conf = rig_conf();
		struct p2v_link_count count;
		size_t slow = 0, slower = 0;
		struct p2v_swarm *s;

		conf.viewers = 6;
		conf.viewer_link.up = ups[k];
		conf.viewer_link.down = 1250000;
		s = rig_start(&conf);
		p2v_swarm_run(s, 30 * P2V_SECOND);
		probe = (struct probe){ .w = p2v_machine_world(p2v_swarm_machine(s, 2)),
			.timer = { .fire = probe_fire, .owner = &probe } };
		p2v_arm(&probe.w, &probe.timer, p2v_now(&probe.w));
		p2v_swarm_run(s, 90 * P2V_SECOND);
		p2v_disarm(&probe.w, &probe.timer);
		p2v_swarm_run(s, 95 * P2V_SECOND);
		for (size_t i = 0; i < probe.n; i++) {
			slow += probe.took[i] > 150 * P2V_MSEC;
			slower += probe.took[i] > 500 * P2V_MSEC;
		}
		p2v_machine_count(p2v_swarm_machine(s, 2), &count);
		(void)fprintf(stderr,
			"# of %zu small requests %zu took more than 150 ms, %zu than 500 ms\n",
			probe.n, slow, slower);
		cr_assert_gt(probe.n, 300);
		cr_assert_gt(count.sent_bytes, 1000000, "it did upload");
		cr_assert_lt(slow, probe.n / 5);
		cr_assert_lt(slower, probe.n / 50);
		rig_end(s);
	}
}

static struct p2v_link two_are_thin(const struct p2v_swarm_conf *conf, size_t i)
{
	struct p2v_link link = conf->viewer_link;

	link.up = i < 2 ? 12500 : link.up;
	return link;
}

/* A line that carries next to nothing: what it is asked for it would not have in time, and its
 * viewer would wait for its own requests. It gives nothing, and nobody counts on it. */
Test(delivery, a_line_that_carries_next_to_nothing_is_its_viewers_alone)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	struct p2v_swarm *s;
	uint64_t given[2], elected[2];

	conf.viewers = 6;
	conf.seed = 3; /* both are asked for so much so soon that they rest by then */
	s = rig_start_on(&conf, two_are_thin);
	p2v_swarm_run(s, 40 * P2V_SECOND);
	for (size_t i = 0; i < 2; i++) {
		given[i] = p2v_swarm_metrics(s, i)->v[P2V_M_UPLOADED];
		elected[i] = p2v_swarm_metrics(s, i)->v[P2V_M_CDN_WHY_ELECTED];
	}
	p2v_swarm_run(s, 70 * P2V_SECOND);
	for (size_t i = 0; i < 2; i++) {
		const struct p2v_metrics *m = p2v_swarm_metrics(s, i);

		cr_assert_gt(given[i], 0, "it was tried");
		cr_assert_eq(m->v[P2V_M_UPLOADED], given[i]);
		cr_assert_eq(m->v[P2V_M_CDN_WHY_ELECTED], elected[i]);
	}
	p2v_swarm_run(s, 130 * P2V_SECOND);
	for (size_t i = 0; i < 2; i++)
		cr_assert_gt(p2v_swarm_metrics(s, i)->v[P2V_M_UPLOADED], given[i],
			"it is tried again after a minute");
	p2v_swarm_result(s, &r);
	rig_tell("two thin lines", &r);
	cr_assert_gt(r.savings, 0.6, "%.3f", r.savings);
	cr_assert_eq(r.stalls, 0);
	rig_end(s);
}

/* Uplinks that fail in the middle: what is missing comes from the CDN, and little else. */
static void choke(void *ctx)
{
	struct p2v_link link = {
		.up = 60000, .down = 12500000, .delay = 5 * P2V_MSEC, .queue = 65536
	};

	for (size_t i = 0; i < 4; i++)
		p2v_machine_set_link(p2v_swarm_machine(ctx, i), &link);
}

Test(delivery, uplinks_that_collapse_are_made_up_for_by_the_cdn)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result before, r;
	struct p2v_swarm *s;

	conf.viewers = 4;
	s = rig_start(&conf);
	p2v_swarm_run(s, 40 * P2V_SECOND);
	p2v_swarm_result(s, &before);
	cr_assert_gt(before.savings, 0.5);
	choke(s);
	p2v_swarm_run(s, 100 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("collapsed", &r);
	cr_assert_eq(r.stalls, 0);
	/* Never more from the origin than players consumed, but for what peers brought twice. */
	cr_assert_lt(r.origin_bytes + r.p2p_bytes, r.played_bytes + r.played_bytes / 20);
	rig_end(s);
}

static struct p2v_link one_is_slow(const struct p2v_swarm_conf *conf, size_t i)
{
	struct p2v_link link = conf->viewer_link;

	if (i == 1)
		link.up = 20000;
	return link;
}

/* A partner that cannot keep up is overtaken by others. */
Test(delivery, one_slow_partner_costs_little)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 6;
	rig_play_on("one slow", &conf, one_is_slow, 100 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.55, "%.3f", r.savings);
	rig_keeps_the_promise(&conf, one_is_slow, 100 * P2V_SECOND, &r);
}

/* Few partners each: bytes go over several hops, and each hop passes them on before it has all. */
Test(delivery, chunks_are_relayed_over_many_hops)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 10;
	conf.overlay.partners = 1;
	rig_play_on("a chain", &conf, NULL, 100 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.3, "%.3f", r.savings);
	rig_keeps_the_promise(&conf, NULL, 100 * P2V_SECOND, &r);
}

/* ---- who plays what, when ---- */

static struct p2v_link mixed(const struct p2v_swarm_conf *conf, size_t i)
{
	struct p2v_link link = conf->viewer_link;

	link.down = i % 3 == 0 ? 75000 : i % 3 == 1 ? 150000 : link.down;
	return link;
}

Test(delivery, three_renditions_at_once)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 9;
	rig_play_on("three renditions", &conf, mixed, 100 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.25, "bound 0.667, got %.3f", r.savings);
	rig_keeps_the_promise(&conf, mixed, 100 * P2V_SECOND, &r);
}

static void narrow(void *ctx)
{
	struct p2v_link link = {
		.up = 12500000, .down = 120000, .delay = 5 * P2V_MSEC, .queue = 1 << 18
	};

	for (size_t i = 0; i < 4; i++)
		p2v_machine_set_link(p2v_swarm_machine(ctx, i), &link);
}

static void widen(void *ctx)
{
	struct p2v_link link = {
		.up = 12500000, .down = 12500000, .delay = 5 * P2V_MSEC, .queue = 1 << 20
	};

	for (size_t i = 0; i < 4; i++)
		p2v_machine_set_link(p2v_swarm_machine(ctx, i), &link);
}

/* One viewer's line falls to a little less than what it plays; the others' stay as they are. */
static void thin_out(void *ctx)
{
	struct p2v_link link = {
		.up = 12500000, .down = 170000, .delay = 5 * P2V_MSEC, .queue = 1 << 18
	};

	p2v_machine_set_link(p2v_swarm_machine(ctx, 0), &link);
}

/* It plays on as from the CDN, but for a moment in which the fall was not noticed. */
Test(delivery, one_whose_line_falls_below_its_rate_soon_lives_off_the_cdn)
{
	p2v_usec stalled = 0;
	uint64_t rate = 0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct p2v_swarm_conf conf = rig_conf();
		struct p2v_player_result r;
		struct p2v_swarm *s;

		conf.viewers = 4;
		conf.seed = seed;
		s = rig_start(&conf);
		p2v_sim_at(p2v_swarm_sim(s), 40 * P2V_SECOND + (p2v_usec)seed * 230 * P2V_MSEC,
			thin_out, s);
		p2v_swarm_run(s, 70 * P2V_SECOND);
		p2v_player_result(p2v_swarm_player(s, 0), &r);
		rate += r.mean_bitrate;
		stalled += r.stalled;
		rig_end(s);
	}
	(void)fprintf(stderr, "# eight falls: stalled %lld ms, bit rate %llu\n",
		(long long)(stalled / P2V_MSEC), (unsigned long long)(rate / 8));
	cr_assert_lt(stalled, 8 * 2 * P2V_SECOND);
	cr_assert_gt(rate / 8, 1000000);
}

static void switching(const struct p2v_swarm_conf *conf, struct p2v_swarm_result *r)
{
	struct p2v_swarm *s = rig_start(conf);

	p2v_sim_at(p2v_swarm_sim(s), 40 * P2V_SECOND, narrow, s);
	p2v_sim_at(p2v_swarm_sim(s), 70 * P2V_SECOND, widen, s);
	p2v_swarm_run(s, 120 * P2V_SECOND);
	p2v_swarm_result(s, r);
	rig_tell(conf->p2p ? "switches" : "switches, CDN", r);
	rig_end(s);
}

/* Lines become narrow and wide again: players switch down and up as they do on the CDN. How often
 * one stalls in the moment when its line falls to a hundredth hangs on where it stands in a
 * fragment: so what counts is the sum over some runs. */
Test(delivery, players_switch_as_they_do_on_the_cdn)
{
	p2v_usec stalled = 0, stalled_cdn = 0;
	uint64_t rate = 0, rate_cdn = 0;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct p2v_swarm_conf conf = rig_conf();
		struct p2v_swarm_result r, cdn;

		conf.viewers = 4;
		conf.seed = seed;
		switching(&conf, &r);
		conf.p2p = conf.agents = false;
		switching(&conf, &cdn);
		stalled += r.stalled;
		stalled_cdn += cdn.stalled;
		rate += r.mean_bitrate;
		rate_cdn += cdn.mean_bitrate;
		cr_assert_gt(r.savings, 0.4);
	}
	cr_assert_leq(stalled, stalled_cdn + stalled_cdn / 4, "%.1f s, %.1f s on the CDN",
		(double)stalled / 1e6, (double)stalled_cdn / 1e6);
	cr_assert_geq(rate + rate_cdn / 20, rate_cdn);
}

Test(delivery, viewers_come_one_after_the_other)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 5;
	conf.apart = 13 * P2V_SECOND + 300 * P2V_MSEC;
	rig_play_on("latecomers", &conf, NULL, 120 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.4, "%.3f", r.savings);
	rig_keeps_the_promise(&conf, NULL, 120 * P2V_SECOND, &r);
}

/* A film: whoever comes later finds it with those who were there before. */
Test(delivery, a_film_is_shared_too)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 4;
	conf.apart = 6 * P2V_SECOND;
	conf.origin.encoder.live = false;
	conf.origin.encoder.fragments = 40;
	rig_play_on("film", &conf, NULL, 120 * P2V_SECOND, &r);
	cr_assert_gt(r.savings, 0.3, "%.3f", r.savings);
	rig_keeps_the_promise(&conf, NULL, 120 * P2V_SECOND, &r);
}

/* ---- switches and limits ---- */

Test(delivery, without_uploads_everybody_is_on_the_cdn)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	struct p2v_swarm *s;

	conf.overlay.upload_enabled = false;
	s = rig_start(&conf);
	p2v_swarm_run(s, 60 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("no uploads", &r);
	cr_assert_eq(total(s, 3, P2V_M_UPLOADED), 0);
	cr_assert_eq(r.p2p_bytes, 0);
	cr_assert_eq(r.stalls, 0);
	rig_end(s);
	rig_keeps_the_promise(&conf, NULL, 60 * P2V_SECOND, &r);
}

/* The kill switch, at run time and back. */
Test(delivery, p2p_can_be_switched_off_and_on_at_run_time)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm *s = rig_start(&conf);
	struct p2v_swarm_result r;
	uint64_t then;

	p2v_swarm_run(s, 40 * P2V_SECOND);
	cr_assert_gt(total(s, 3, P2V_M_UPLOADED), 0);
	p2v_swarm_overlay(s)->p2p_enabled = false;
	p2v_swarm_changed(s);
	p2v_swarm_run(s, 42 * P2V_SECOND);
	then = total(s, 3, P2V_M_UPLOADED);
	p2v_swarm_run(s, 70 * P2V_SECOND);
	cr_assert_eq(total(s, 3, P2V_M_UPLOADED), then);
	p2v_swarm_overlay(s)->p2p_enabled = true;
	p2v_swarm_changed(s);
	p2v_swarm_run(s, 130 * P2V_SECOND);
	cr_assert_gt(total(s, 3, P2V_M_UPLOADED), then + then / 2, "it does not come back");
	p2v_swarm_result(s, &r);
	rig_tell("off and on", &r);
	cr_assert_eq(r.stalls, 0);
	rig_end(s);
}

Test(delivery, nobody_uploads_more_than_it_may)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;
	struct p2v_swarm *s;

	conf.viewers = 5;
	conf.overlay.upload_limit = 800000; /* [bit/s] */
	s = rig_start(&conf);
	p2v_swarm_run(s, 100 * P2V_SECOND);
	p2v_swarm_result(s, &r);
	rig_tell("limited", &r);
	for (size_t i = 0; i < 5; i++)
		cr_assert_leq(p2v_swarm_metrics(s, i)->v[P2V_M_UPLOADED], 100u * 90 * 1000 + 65536,
			"viewer %zu uploaded %llu", i,
			(unsigned long long)p2v_swarm_metrics(s, i)->v[P2V_M_UPLOADED]);
	cr_assert_gt(total(s, 5, P2V_M_UPLOADED), 0);
	cr_assert_eq(r.stalls, 0);
	rig_end(s);
	rig_keeps_the_promise(&conf, NULL, 100 * P2V_SECOND, &r);
}
