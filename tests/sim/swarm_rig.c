/* swarm_rig.c - what the scenarios share. P2V_TEST_LOG=FILE in the environment takes the nodes' log
 * lines. */
#include <config.h>

#include "tests/sim/swarm_rig.h"

#include <criterion/criterion.h>
#include <ltdl.h>
#include <stdlib.h>
#include <unistd.h>

#include "framework/host/loader.h"

static struct p2v_loader *loader; /* each case is a process of its own */
static FILE *log_file;

void rig_init(void)
{
	const char *name = getenv("P2V_TEST_LOG"), *build = getenv("P2V_BUILDDIR");
	char modules[512];
	struct p2v_err err;

	LTDL_SET_PRELOADED_SYMBOLS();
	(void)snprintf(modules, sizeof modules, "%s/modules/.libs", build ? build : ".");
	/* Without shared objects the plugins are linked into this program. */
	if (p2v_loader_new(access(modules, X_OK) == 0 ? modules : NULL, &loader, &err) < 0)
		cr_assert_fail("%s", err.text);
	if (name)
		log_file = fopen(name, "a");
}

void rig_fini(void)
{
	p2v_loader_free(loader);
	if (log_file)
		(void)fclose(log_file);
}

void rig_log(struct p2v_sim *s)
{
	p2v_sim_set_log(s, log_file);
}

static struct p2v_agent_plugin get(uint32_t kind, const char *name)
{
	struct p2v_agent_plugin p = { NULL, NULL };
	struct p2v_err err;

	if (p2v_loader_get(loader, kind, name, &p.plugin, &err) < 0)
		cr_assert_fail("%s", err.text);
	return p;
}

const struct p2v_plugin *rig_plugin(uint32_t kind, const char *name)
{
	return get(kind, name).plugin;
}

struct p2v_swarm_conf rig_conf(void)
{
	struct p2v_swarm_conf conf;
	struct p2v_err err;

	if (p2v_swarm_conf_default(&conf, &err) < 0)
		cr_assert_fail("%s", err.text);
	conf.plugins = (struct p2v_swarm_plugins){ .select = get(P2V_KIND_SELECT, "capacity"),
		.cc = get(P2V_KIND_CC, "dtl"),
		.cache = get(P2V_KIND_CACHE, "window"),
		.player = get(P2V_KIND_PLAYER, "generic"),
		.manifest = get(P2V_KIND_MANIFEST, "hls"),
		.registry = get(P2V_KIND_REGISTRY, "memory") };
	return conf;
}

struct p2v_swarm *rig_start(const struct p2v_swarm_conf *conf)
{
	struct p2v_swarm *s;
	struct p2v_err err;

	if (p2v_swarm_new(conf, &s, &err) < 0)
		cr_assert_fail("%s", err.text);
	rig_log(p2v_swarm_sim(s));
#ifdef FIDELITY_FLOW
	p2v_sim_set_flows(p2v_swarm_sim(s), true);
#endif
	return s;
}

void rig_end(struct p2v_swarm *s)
{
	cr_assert_eq(p2v_swarm_polluted(s), 0);
	p2v_swarm_free(s);
}

void rig_play(const struct p2v_swarm_conf *conf, p2v_usec until, struct p2v_swarm_result *r,
	uint64_t *hash)
{
	struct p2v_swarm *s = rig_start(conf);

	p2v_swarm_run(s, until);
	p2v_swarm_result(s, r);
	if (hash)
		*hash = p2v_sim_hash(p2v_swarm_sim(s));
	rig_end(s);
}

void rig_tell(const char *name, const struct p2v_swarm_result *r)
{
	(void)fprintf(stderr,
		"# %s: viewers %zu savings %.3f offload %.3f stalls %llu (%.1f s) startup p95 %.0f ms latency p50 %.0f ms "
		"bit rate %llu wasted %llu of %llu\n",
		name, r->viewers, r->savings, r->offload, (unsigned long long)r->stalls,
		(double)r->stalled / 1e6, (double)r->startup_p95 / 1e3,
		(double)r->latency_p50 / 1e3, (unsigned long long)r->mean_bitrate,
		(unsigned long long)r->wasted_bytes, (unsigned long long)r->played_bytes);
}

struct p2v_swarm *rig_start_on(const struct p2v_swarm_conf *conf, rig_links_fn *links)
{
	struct p2v_swarm *s = rig_start(conf);

	for (size_t i = 0; links && i < conf->viewers; i++) {
		struct p2v_link link = links(conf, i);

		p2v_machine_set_link(p2v_swarm_machine(s, i), &link);
	}
	return s;
}

void rig_play_on(const char *name, const struct p2v_swarm_conf *conf, rig_links_fn *links,
	p2v_usec until, struct p2v_swarm_result *r)
{
	struct p2v_swarm *s = rig_start_on(conf, links);

	p2v_swarm_run(s, until);
	p2v_swarm_result(s, r);
	rig_tell(name, r);
	rig_end(s);
}

void rig_keeps_the_promise(const struct p2v_swarm_conf *conf, rig_links_fn *links, p2v_usec until,
	const struct p2v_swarm_result *r)
{
	struct p2v_swarm_conf alone = *conf;
	struct p2v_swarm_result cdn;

	alone.p2p = alone.agents = false;
	rig_play_on("the same from the CDN", &alone, links, until, &cdn);
	cr_assert_eq(r->played, cdn.played);
	cr_assert_leq(r->stalls, cdn.stalls);
	cr_assert_geq(r->mean_bitrate + cdn.mean_bitrate / 200, cdn.mean_bitrate);
	cr_assert_leq(r->startup_p95, cdn.startup_p95 + 300 * P2V_MSEC);
	cr_assert_leq(r->latency_p50, cdn.latency_p50 + 300 * P2V_MSEC);
}
