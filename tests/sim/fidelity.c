/* fidelity.c - one event, told in one line of JSON. It is linked twice, fidelity_packet with the
 * transport and fidelity_flow with its twin, so that a test can hold the two against each other. */
#include <config.h>

#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "framework/host/loader.h"
#include "sdk/sim/sender.h"
#include "sdk/sim/swarm/swarm.h"

struct run {
	size_t viewers;
	unsigned seconds, apart_ms, links;
	uint64_t seed;
	const char *cc;
	double loss;
	bool cdn, log, each;
};

/* What viewers have: up and down [kbit/s], delay [us] one way to the core. */
struct line {
	uint64_t up, down;
	p2v_usec delay;
};

enum { LINKS = 5 };
static const char *const link_names[LINKS] = { "fast", "mixed", "thin", "lossy", "even" };

static struct line line_of(unsigned links, size_t i)
{
	static const struct line mixed[] = { { 800, 6000, 12000 }, { 2000, 10000, 8000 },
		{ 5000, 20000, 15000 }, { 1000, 8000, 25000 }, { 10000, 50000, 6000 },
		{ 384, 4000, 18000 }, { 3000, 16000, 30000 }, { 2000, 10000, 10000 } };

	switch (links) {
	case 1: return mixed[i % (sizeof mixed / sizeof *mixed)];
	case 2: return (struct line){ 400, 10000, 10000 };
	case 3:
	case 4: return (struct line){ 8000, 20000, 15000 };
	default: return (struct line){ 100000, 100000, 5000 };
	}
}

static struct p2v_link link_of(unsigned links, size_t i)
{
	struct line l = line_of(links, i);

	/* A queue of 200 ms of the slower direction, and no less than a few packets. */
	return (struct p2v_link){ .up = l.up * 125,
		.down = l.down * 125,
		.delay = l.delay,
		.queue = links == 0          ? 1 << 20
			 : l.up * 25 > 32768 ? l.up * 25
					     : 32768,
		.loss = links == 3 ? 0.01 : 0 };
}

static int die(const char *why)
{
	(void)fprintf(stderr, "fidelity: %s\n", why);
	exit(2);
}

static struct p2v_agent_plugin get(struct p2v_loader *ld, uint32_t kind, const char *name)
{
	struct p2v_agent_plugin p = { NULL, NULL };
	struct p2v_err err;

	if (p2v_loader_get(ld, kind, name, &p.plugin, &err) < 0)
		(void)die(err.text);
	return p;
}

static struct p2v_swarm_conf conf_of(const struct run *r, struct p2v_loader *ld)
{
	struct p2v_swarm_conf c;
	struct p2v_err err;

	if (p2v_swarm_conf_default(&c, &err) < 0)
		(void)die(err.text);
	c.plugins = (struct p2v_swarm_plugins){ .select = get(ld, P2V_KIND_SELECT, "capacity"),
		.cc = get(ld, P2V_KIND_CC, r->cc),
		.cache = get(ld, P2V_KIND_CACHE, "window"),
		.player = get(ld, P2V_KIND_PLAYER, "generic"),
		.manifest = get(ld, P2V_KIND_MANIFEST, "hls"),
		.registry = get(ld, P2V_KIND_REGISTRY, "memory") };
	c.seed = r->seed;
	c.viewers = r->viewers;
	c.p2p = c.agents = !r->cdn;
	c.apart = (p2v_usec)r->apart_ms * P2V_MSEC;
	return c;
}

static void tell(struct p2v_swarm *s, const struct run *r, double cpu)
{
	struct p2v_swarm_result v;
	struct rusage use;

	p2v_swarm_result(s, &v);
	(void)getrusage(RUSAGE_SELF, &use);
	(void)printf("{\"viewers\":%zu,\"played\":%zu,\"savings\":%.4f,\"offload\":%.4f,"
		     "\"stalls\":%llu,\"stalled_s\":%.2f,\"startup_p50_ms\":%.1f,"
		     "\"startup_p95_ms\":%.1f,\"latency_p50_ms\":%.0f,\"bitrate\":%llu,"
		     "\"wasted_share\":%.4f,\"cpu_s\":%.3f,\"us_per_peer_s\":%.1f,"
		     "\"rss_per_peer\":%.0f,\"events\":%llu,\"hash\":\"%016llx\"}\n",
		v.viewers, v.played, v.savings, v.offload, (unsigned long long)v.stalls,
		(double)v.stalled / 1e6, (double)v.startup_p50 / 1e3, (double)v.startup_p95 / 1e3,
		(double)v.latency_p50 / 1e3, (unsigned long long)v.mean_bitrate,
		v.played_bytes ? (double)v.wasted_bytes / (double)v.played_bytes : 0, cpu,
		cpu * 1e6 / (double)r->viewers / r->seconds,
		(double)use.ru_maxrss * 1024 / (double)r->viewers,
		(unsigned long long)p2v_swarm_sim(s)->events,
		(unsigned long long)p2v_sim_hash(p2v_swarm_sim(s)));
}

/* [us] sums of waits before links, sampled. */
struct waits {
	struct p2v_swarm *s;
	size_t viewers, samples;
	double up[4096], down[4096];
};

static struct waits waits;

static p2v_usec wait_of(struct p2v_machine *m, bool up)
{
	p2v_usec until = up ? m->up_free : m->down_free, now = m->sim->now;

	if (m->sim->flows)
		return p2v_link_wait(m, up);
	return until > now ? until - now : 0;
}

static void sample(void *ctx)
{
	struct waits *w = ctx;

	w->samples++;
	for (size_t i = 0; i < w->viewers && i < 4096; i++) {
		struct p2v_machine *m = p2v_swarm_machine(w->s, i);

		w->up[i] += (double)wait_of(m, true);
		w->down[i] += (double)wait_of(m, false);
	}
	p2v_sim_at(
		p2v_swarm_sim(w->s), p2v_sim_now(p2v_swarm_sim(w->s)) + 37 * P2V_MSEC, sample, w);
}

/* A line a viewer: its uplink, and what went over it. */
static void tell_each(struct p2v_swarm *s, const struct run *r)
{
	for (size_t i = 0; i < r->viewers; i++) {
		const struct p2v_metrics *m = p2v_swarm_metrics(s, i);
		struct p2v_link_count n;

		p2v_machine_count(p2v_swarm_machine(s, i), &n);
		if (m)
			(void)printf(
				"%zu up_kbit=%llu uploaded_kbit=%.0f wire_kbit=%.0f packets=%.1f overflowed=%.2f wait_up_ms=%.1f wait_down_ms=%.1f p2p=%.3f\n",
				i, (unsigned long long)line_of(r->links, i).up,
				(double)m->v[P2V_M_UPLOADED] * 8e-3 / r->seconds,
				(double)(n.sent_bytes + n.stream_sent_bytes) * 8e-3 / r->seconds,
				(double)n.sent / r->seconds, (double)n.overflowed / r->seconds,
				waits.up[i] / 1e3 / (double)waits.samples,
				waits.down[i] / 1e3 / (double)waits.samples,
				(double)m->v[P2V_M_SERVED_P2P] /
					(double)(m->v[P2V_M_SERVED_P2P] + m->v[P2V_M_SERVED_CDN] +
						 1));
	}
}

static double cpu_now(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
	       (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
}

static void play(const struct run *r, struct p2v_loader *ld)
{
	struct p2v_swarm_conf c = conf_of(r, ld);
	struct p2v_swarm *s;
	struct p2v_err err;
	double began;

	if (p2v_swarm_new(&c, &s, &err) < 0)
		(void)die(err.text);
#ifdef FIDELITY_FLOW
	p2v_sim_set_flows(p2v_swarm_sim(s), true);
#endif
	if (r->log)
		p2v_sim_set_log(p2v_swarm_sim(s), stderr);
	for (size_t i = 0; i < r->viewers; i++) {
		struct p2v_link link = link_of(r->links, i);

		if (r->loss >= 0)
			link.loss = r->loss;
		p2v_machine_set_link(p2v_swarm_machine(s, i), &link);
	}
	waits = (struct waits){ .s = s, .viewers = r->viewers };
	if (r->each)
		sample(&waits);
	began = cpu_now();
	p2v_swarm_run(s, (p2v_usec)r->seconds * P2V_SECOND);
	tell(s, r, cpu_now() - began);
	if (r->each)
		tell_each(s, r);
	p2v_swarm_free(s);
}

static struct run parse(int argc, char **argv)
{
	struct run r = {
		.viewers = 20, .seconds = 120, .apart_ms = 500, .seed = 1, .cc = "cubic", .loss = -1
	};
	int c;

	while ((c = getopt(argc, argv, "n:t:a:s:c:k:p:bev")) != -1) {
		switch (c) {
		case 'n': r.viewers = strtoul(optarg, NULL, 10); break;
		case 't': r.seconds = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'a': r.apart_ms = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': r.seed = strtoull(optarg, NULL, 10); break;
		case 'c': r.cc = optarg; break;
		case 'k':
			while (r.links < LINKS && strcmp(link_names[r.links], optarg) != 0)
				r.links++;
			break;
		case 'p': r.loss = strtod(optarg, NULL); break;
		case 'b': r.cdn = true; break;
		case 'e': r.each = true; break;
		case 'v': r.log = true; break;
		default: r.viewers = 0;
		}
	}
	if (r.viewers == 0 || r.seconds == 0 || r.links == LINKS)
		(void)die("usage: [-n VIEWERS] [-t SECONDS] [-a MS_APART] [-s SEED] [-c CC] "
			  "[-k fast|mixed|thin|lossy|even] [-p LOSS] [-b] [-e] [-v]");
	return r;
}

int main(int argc, char **argv)
{
	struct run r = parse(argc, argv);
	const char *build = getenv("P2V_BUILDDIR");
	struct p2v_loader *ld;
	char modules[512];
	struct p2v_err err;

	LTDL_SET_PRELOADED_SYMBOLS();
	(void)snprintf(modules, sizeof modules, "%s/modules/.libs", build ? build : ".");
	if (p2v_loader_new(access(modules, X_OK) == 0 ? modules : NULL, &ld, &err) < 0)
		return die(err.text);
	play(&r, ld);
	p2v_loader_free(ld);
	return 0;
}
