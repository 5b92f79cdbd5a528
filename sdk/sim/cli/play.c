/* play.c - a run, step by step: virtual time goes on by samples, and between them all is looked at.
 */
#include <config.h>

#include "sdk/sim/cli/play.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif

#include "sdk/sim/cli/overlay.h"
#include "sdk/sim/cli/pages.h"

struct playing {
	const struct p2v_scenario *scenario;
	const struct p2v_play_files *files;
	const struct p2v_play_watch *watch;
	struct p2v_play *out;
	struct p2v_swarm *swarm;
	struct p2v_sums last;
	p2v_usec sampled;
	size_t snapshot;    /* the next of the scenario's */
	double memory;      /* [B] in use before the first viewer; NaN: not known */
	double told_at;     /* [s] wall */
	uint64_t most_here; /* viewers at the busiest moment so far */
};

/* ---- this machine ---- */

static double wall(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* [s] of this process */
static double cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* [B] of memory in use, of those that the program itself asked for */
static double memory(void)
{
#ifdef HAVE_MALLINFO2
	struct mallinfo2 m = mallinfo2();
	size_t n = m.uordblks + m.hblkhd;

	return n ? (double)n : (double)NAN; /* a sanitizer's allocator tells nothing */
#else
	return (double)NAN;
#endif
}

/* ---- sums ---- */

static void add_metrics(struct p2v_sums *t, const uint64_t *m)
{
	t->p2p += m[P2V_M_SERVED_P2P];
	t->cdn += m[P2V_M_SERVED_CDN];
	t->down += m[P2V_M_DOWN_P2P] + m[P2V_M_DOWN_CDN];
	t->down_p2p += m[P2V_M_DOWN_P2P];
	t->wasted += m[P2V_M_WASTED_DUPLICATE] + m[P2V_M_WASTED_UNPLAYED];
	t->integrity += m[P2V_M_INTEGRITY];
	for (size_t i = 0; i < P2V_WHYS; i++)
		t->why[i] += m[P2V_M_CDN_BYTES_ALONE + i];
}

static void add_status(struct p2v_sums *t, struct p2v_player *p)
{
	struct p2v_player_status st;

	p2v_player_status(p, &st);
	t->members++;
	t->waits += !st.ended && (!st.started || st.stalled);
	if (st.started && !st.stalled)
		t->bitrate += (double)st.bitrate;
}

static void sum_up(struct p2v_swarm *s, struct p2v_sums *t)
{
	struct p2v_origin_count origin;
	struct p2v_swarm_viewer v;

	memset(t, 0, sizeof *t);
	for (size_t i = 0; i < p2v_swarm_viewers(s); i++) {
		p2v_swarm_viewer(s, i, &v);
		if (!v.came)
			continue;
		if (v.metrics)
			add_metrics(t, v.metrics->v);
		else
			t->cdn += v.player.media_bytes;
		t->loaded += v.player.media_bytes;
		t->datagrams += v.link.received_bytes;
		t->upload += (double)v.visitor->person.upload * (double)(v.until - v.from) / 1e6;
		if (v.here)
			add_status(t, p2v_swarm_player(s, i));
	}
	p2v_origin_count(p2v_swarm_origin(s), &origin);
	t->origin = origin.all.bytes;
	t->distinct = p2v_swarm_distinct(s);
}

/* ---- memory ---- */

/* Where there are more viewers than ever: how much each takes, without the media that all share. */
static void weigh(struct playing *p, uint64_t here)
{
	uint64_t media = p2v_encoder_held(p2v_origin_encoder(p2v_swarm_origin(p->swarm))) +
			 p2v_sim_shared_bytes(p2v_swarm_sim(p->swarm));
	double m = memory(), each;

	if (here < p->most_here || here == 0 || isnan(m) || isnan(p->memory))
		return;
	each = (m - p->memory - (double)media) / (double)here;
	if (here > p->most_here || isnan(p->out->bytes_per_peer) || each > p->out->bytes_per_peer)
		p->out->bytes_per_peer = each;
	p->most_here = here;
}

/* ---- samples ---- */

static double per(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void tell_series(struct playing *p, const struct p2v_sums *t, p2v_usec now)
{
	const struct p2v_sums *l = &p->last;
	double seconds = (double)(now - p->sampled) / 1e6;
	double p2p = (double)(t->p2p - l->p2p), cdn = (double)(t->cdn - l->cdn);

	if (!p->files || !p->files->series || seconds <= 0)
		return;
	(void)fprintf(p->files->series, "%.3f,%llu,%.6f,%.6f,%.0f,%.0f,%.0f\n", (double)now / 1e6,
		(unsigned long long)t->members, per(p2p, p2p + cdn),
		per((double)t->waits, (double)t->members),
		per(t->bitrate, (double)(t->members - t->waits)),
		(double)(t->origin - l->origin) * 8 / seconds, p2p * 8 / seconds);
}

static void sample(struct playing *p)
{
	p2v_usec now = p2v_sim_now(p2v_swarm_sim(p->swarm));
	struct p2v_sums t;

	sum_up(p->swarm, &t);
	tell_series(p, &t, now);
	weigh(p, t.members);
	if (now <= p->scenario->run->from)
		p->out->before = t;
	p->out->after = p->last = t;
	p->sampled = now;
}

static void snapshot(struct playing *p)
{
	if (p->files && p->files->nodes && p->files->edges)
		p2v_overlay_write(p->swarm, p->files->nodes, p->files->edges);
}

static void tell(struct playing *p)
{
	double now = wall();

	if (!p->watch || now - p->told_at < 0.2)
		return;
	p->told_at = now;
	p->watch->at(
		p->watch->ctx, p2v_sim_now(p2v_swarm_sim(p->swarm)), p->scenario->run->duration);
}

/* ---- the run ---- */

static p2v_usec least(p2v_usec a, p2v_usec b)
{
	return a < b ? a : b;
}

/* The next moment at which something is to be looked at. */
static p2v_usec next_stop(const struct playing *p, p2v_usec now)
{
	const struct p2v_scenario *s = p->scenario;
	p2v_usec t = least(now + P2V_SECOND, s->run->duration);

	t = least(t, (now / s->run->sample + 1) * s->run->sample);
	if (p->snapshot < s->n_snapshots)
		t = least(t, s->snapshots[p->snapshot]);
	return s->run->from > now ? least(t, s->run->from) : t;
}

static void run(struct playing *p)
{
	const struct p2v_scenario *s = p->scenario;
	void *heap = p2v_pages_end();
	p2v_usec now = 0, warm = least(s->run->warm_up, s->run->duration);
	bool weighed = false;

	while (now < s->run->duration) {
		if (!weighed && now + P2V_SECOND >= warm) {
			p->memory = memory();
			weighed = true;
		}
		now = next_stop(p, now);
		p2v_swarm_run(p->swarm, now);
		if (now % s->run->sample == 0 || now == s->run->from || now == s->run->duration)
			sample(p);
		for (; p->snapshot < s->n_snapshots && s->snapshots[p->snapshot] <= now;
			p->snapshot++)
			snapshot(p);
		tell(p);
		p2v_pages_grow(heap);
	}
	if (s->n_snapshots == 0 || s->snapshots[s->n_snapshots - 1] < s->run->duration)
		snapshot(p);
}

/* ---- the end ---- */

static void see(const struct p2v_swarm_viewer *v, struct p2v_seen *out)
{
	*out = (struct p2v_seen){ .came = v->came,
		.played = v->player.played,
		.from = v->from,
		.until = v->until,
		.startup = v->player.startup,
		.buffering = v->player.buffering,
		.latency = v->player.latency_median,
		.stalls = v->player.stalls,
		.bitrate = v->player.mean_bitrate,
		.media = v->player.played_media };
	if (v->metrics) {
		out->p2p = v->metrics->v[P2V_M_SERVED_P2P];
		out->cdn = v->metrics->v[P2V_M_SERVED_CDN];
		out->uploaded = v->metrics->v[P2V_M_UPLOADED];
	} else {
		out->cdn = v->player.media_bytes;
	}
}

static int collect(struct playing *p, struct p2v_err *err)
{
	struct p2v_play *out = p->out;
	struct p2v_sim *sim = p2v_swarm_sim(p->swarm);
	size_t n = p2v_swarm_viewers(p->swarm);

	out->viewers = calloc(n ? n : 1, sizeof *out->viewers);
	if (!out->viewers)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the result");
	for (; out->n < n; out->n++) {
		struct p2v_swarm_viewer v;

		p2v_swarm_viewer(p->swarm, out->n, &v);
		see(&v, &out->viewers[out->n]);
		out->stalls += v.player.stalls;
		out->stalled += v.player.stalled;
	}
	out->polluted = p2v_swarm_polluted(p->swarm);
	out->events = p2v_sim_events(sim);
	out->hash = p2v_sim_hash(sim);
	p2v_sim_ledger(sim, &out->ledger);
	return P2V_OK;
}

int p2v_play(const struct p2v_scenario *s, bool baseline, uint64_t shuffle,
	const struct p2v_play_files *files, const struct p2v_play_watch *watch,
	struct p2v_play *out, struct p2v_err *err)
{
	struct playing p = { .scenario = s,
		.files = files,
		.watch = watch,
		.out = out,
		.memory = (double)NAN,
		.told_at = wall() };
	struct p2v_swarm_conf conf = s->swarm;
	struct p2v_faults *faults = NULL;
	double began = wall(), cpu_began = cpu();
	int rc;

	memset(out, 0, sizeof *out);
	out->bytes_per_peer = (double)NAN;
	conf.p2p = conf.agents = !baseline;
	conf.shuffle = shuffle;
	rc = p2v_swarm_new(&conf, &p.swarm, err);
	if (rc < 0)
		return rc;
	p2v_sim_set_log(p2v_swarm_sim(p.swarm), files ? files->log : NULL);
	rc = p2v_faults_new(p.swarm, s->run->seed, s->faults, s->n_faults, &faults, err);
	if (rc == P2V_OK) {
		run(&p);
		out->wall = wall() - began;
		out->cpu = cpu() - cpu_began;
		rc = collect(&p, err);
	}
	p2v_swarm_free(p.swarm);
	p2v_faults_free(faults);
	return rc;
}

void p2v_play_fini(struct p2v_play *p)
{
	free(p->viewers);
	p->viewers = NULL;
}

static int by_value(const void *va, const void *vb)
{
	const double *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

double p2v_percentile(double *v, size_t n, unsigned p)
{
	if (n == 0)
		return (double)NAN;
	qsort(v, n, sizeof *v, by_value);
	return v[(n * p + 99) / 100 - 1];
}
