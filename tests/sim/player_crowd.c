/* player_crowd.c - a crowd of measuring players on links of all kinds, an origin with its
 * accidents, in one process and in virtual time, twice: the two runs are the same event by event,
 * every byte that was sent arrived, and players on good links saw nothing of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "sdk/player/player.h"
#include "sdk/sim/cdn/origin.h"
#include "sdk/sim/world.h"
#include "tests/contract/manifests.h"

enum { PLAYERS = 24, SECONDS = 150 };

struct viewer {
	struct crowd *crowd;
	struct p2v_machine *machine;
	struct p2v_world w;
	struct p2v_player *player;
	struct p2v_player_conf conf;
	struct p2v_player_result result;
};

struct crowd {
	struct p2v_sim *sim;
	struct p2v_test_manifests manifests;
	struct p2v_machine *cdn;
	struct p2v_origin *origin;
	struct viewer v[PLAYERS];
	uint64_t torn, bytes;
	uint64_t hash, events, sent, received;
	struct p2v_origin_count count;
};

static unsigned n_checks, n_failed;

static void check(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++n_checks, what);
	n_failed += !good;
}

static void need(bool good)
{
	if (!good) {
		printf("Bail out! the crowd could not be made\n");
		exit(1);
	}
}

/* ---- a run ---- */

static void on_body(void *ctx, const char *url, uint64_t off, struct p2v_bytes b)
{
	struct crowd *c = ctx;

	c->torn += p2v_origin_match(c->origin, url, off, b) < 0;
	c->bytes += b.n;
}

static void on_trace(void *ctx, const char *line)
{
	struct crowd *c = ctx;
	struct p2v_world w = p2v_machine_world(c->cdn);

	w.ops->log(w.self, P2V_LOG_DEBUG, line); /* into the hash */
}

static void arrive(void *ctx)
{
	struct viewer *v = ctx;
	struct p2v_player_hooks hooks = { v->crowd, on_body, NULL, on_trace, NULL };
	struct p2v_err err;

	need(p2v_player_new(&v->w, &v->crowd->manifests.all, &v->conf,
		     "http://cdn/live/master.m3u8", &hooks, &v->player, &err) == P2V_OK);
}

static void restart(void *ctx)
{
	struct crowd *c = ctx;

	p2v_encoder_restart(p2v_origin_encoder(c->origin), p2v_sim_now(c->sim));
}

static void freeze(void *ctx)
{
	p2v_machine_freeze(((struct crowd *)ctx)->cdn, true);
}

static void thaw(void *ctx)
{
	p2v_machine_freeze(((struct crowd *)ctx)->cdn, false);
}

/* The first eight have links that are no matter; the others get narrower and worse. */
static struct p2v_link link_of(size_t i)
{
	struct p2v_link l = { .up = 10000000, .down = 20000000, .delay = 5000 };

	if (i >= 8) {
		l.down = 40000 + 20000 * i;
		l.up = l.down / 4;
		l.queue = 30000 + 4000 * i;
		l.delay = (p2v_usec)(3000 * i);
		l.loss = i % 3 ? 0 : 0.01;
	}
	return l;
}

static void viewer_make(struct crowd *c, size_t i)
{
	struct viewer *v = &c->v[i];
	struct p2v_addr ip = p2v_addr_v4(0x0a010000u + (uint32_t)i, 0);
	struct p2v_link l = link_of(i);
	struct p2v_err err;
	char name[16];

	(void)snprintf(name, sizeof name, "viewer%zu", i);
	v->crowd = c;
	v->machine = p2v_machine_new(c->sim, name, &ip, &l);
	need(v->machine != NULL);
	v->w = p2v_machine_world(v->machine);
	need(p2v_options_default(p2v_player_options, sizeof(struct p2v_option), &v->conf, &err) ==
		P2V_OK);
	v->conf.abr = i % 4 == 3 ? P2V_ABR_BUFFER : P2V_ABR_THROUGHPUT;
	p2v_sim_at(c->sim, (p2v_usec)i * 700 * P2V_MSEC, arrive, v);
}

static void run(struct crowd *c, uint64_t seed)
{
	static const struct p2v_origin_fault busy = {
		.match = "seg20.", .status = 503, .count = 9
	};
	static const struct p2v_origin_fault cut = {
		.match = "v2/seg24.", .short_by = 99, .count = 2
	};
	struct p2v_link l = { .delay = 12000, .up = 12000000, .queue = 200000 };
	struct p2v_addr ip = p2v_addr_v4(0x0a000001, 0);
	struct p2v_origin_conf oc;
	struct p2v_world w;
	struct p2v_err err;

	memset(c, 0, sizeof *c);
	c->sim = p2v_sim_new(seed);
	need(c->sim != NULL);
	p2v_test_manifests_init(&c->manifests);
	c->cdn = p2v_machine_new(c->sim, "cdn", &ip, &l);
	need(c->cdn != NULL);
	p2v_sim_name(c->sim, "cdn", &ip);
	p2v_origin_conf_default(&oc);
	oc.encoder.vary = 0.1;
	oc.encoder.seed = seed;
	w = p2v_machine_world(c->cdn);
	need(p2v_origin_new(&w, &oc, NULL, &c->origin, &err) == P2V_OK);
	need(p2v_origin_fail(c->origin, &busy) > 0 && p2v_origin_fail(c->origin, &cut) > 0);
	for (size_t i = 0; i < PLAYERS; i++)
		viewer_make(c, i);
	p2v_sim_at(c->sim, 60 * P2V_SECOND, freeze, c);
	p2v_sim_at(c->sim, 63 * P2V_SECOND, thaw, c);
	p2v_sim_at(c->sim, 90 * P2V_SECOND + 300000, restart, c);
	c->events = p2v_sim_run(c->sim, SECONDS * P2V_SECOND);
	for (size_t i = 0; i < PLAYERS; i++) {
		p2v_player_stop(c->v[i].player);
		p2v_player_result(c->v[i].player, &c->v[i].result);
	}
	c->events += p2v_sim_run(c->sim, (SECONDS + 60) * P2V_SECOND); /* what is under way */
}

static void count_link(struct crowd *c, struct p2v_machine *m)
{
	struct p2v_link_count n;

	p2v_machine_count(m, &n);
	c->sent += n.stream_sent_bytes;
	c->received += n.stream_received_bytes;
}

static void end(struct crowd *c)
{
	count_link(c, c->cdn);
	for (size_t i = 0; i < PLAYERS; i++)
		count_link(c, c->v[i].machine);
	p2v_origin_count(c->origin, &c->count);
	c->hash = p2v_sim_hash(c->sim);
	for (size_t i = 0; i < PLAYERS; i++)
		p2v_player_free(c->v[i].player);
	p2v_origin_free(c->origin);
	p2v_sim_free(c->sim);
}

/* ---- what must hold ---- */

static void check_quality(const struct crowd *c)
{
	bool played = true, smooth = true, high = true, near_edge = true, followed = true;

	for (size_t i = 0; i < PLAYERS; i++) {
		const struct p2v_player_result *r = &c->v[i].result;

		played = played && r->played && r->code == P2V_OK;
		followed = followed && r->restarts >= 1;
		if (i >= 8)
			continue;
		/* Errors, 3 s of silence and a restart; 6 s of buffer. */
		smooth = smooth && r->stalled < 6 * P2V_SECOND && r->skipped == 0;
		if (i % 4 != 3)
			high = high && r->mean_bitrate > 1100000;
		near_edge = near_edge && r->latency_last < 16 * P2V_SECOND;
		printf("# %zu: start-up %lld ms, %u stalls %lld ms, %llu bit/s, latency %lld ms\n",
			i, (long long)r->startup / 1000, r->stalls, (long long)r->stalled / 1000,
			(unsigned long long)r->mean_bitrate, (long long)r->latency_last / 1000);
	}
	check(played, "all played");
	check(smooth, "on good links errors and silences were ridden out");
	check(high, "… at a high bit rate");
	check(near_edge, "… near the live edge");
	check(followed, "all followed the encoder when it started again");
}

static bool same_results(const struct crowd *a, const struct crowd *b)
{
	for (size_t i = 0; i < PLAYERS; i++)
		if (memcmp(&a->v[i].result, &b->v[i].result, sizeof a->v[i].result) != 0)
			return false;
	return true;
}

int main(void)
{
	struct crowd *a = calloc(3, sizeof *a);

	need(a != NULL);
	for (int i = 0; i < 3; i++) {
		run(&a[i], i < 2 ? 1 : 2);
		end(&a[i]);
	}
	printf("# %llu events, hash %016llx, %llu MB\n", (unsigned long long)a[0].events,
		(unsigned long long)a[0].hash, (unsigned long long)a[0].bytes / 1000000);
	check(a[0].hash == a[1].hash, "the same seed gives the same events");
	check(a[0].events == a[1].events, "… as many of them");
	check(same_results(&a[0], &a[1]), "… and the same figures");
	check(a[0].hash != a[2].hash, "another seed gives others");
	check(a[0].torn == 0 && a[0].bytes > 100000000, "every byte was the encoder's");
	check(a[0].sent == a[0].received && a[0].sent > a[0].bytes, "what was sent arrived");
	check(a[0].count.all.bytes >= a[0].bytes, "the origin counted what players got");
	check_quality(&a[0]);
	free(a);
	printf("1..%u\n", n_checks);
	return n_failed > 0;
}
