/* swarm.c - a whole event in one process. */
#include "sdk/sim/swarm/swarm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "sdk/sim/record.h"

#define ORIGIN_IP  0x0a000001u /* 10.0.0.1 */
#define TRACKER_IP 0x0a000002u
#define VIEWERS_IP 0x0a010000u

struct viewer {
	struct p2v_swarm *swarm;
	size_t number;
	struct p2v_machine *machine;
	struct p2v_node node;
	struct p2v_sim_crypto crypto;
	struct p2v_sim_records *records;
	struct p2v_agent *agent;
	struct p2v_player *player;
	struct p2v_policy manifest;
	struct p2v_manifests manifests;
};

struct p2v_swarm {
	struct p2v_swarm_conf conf;
	struct p2v_sim *sim;
	struct p2v_machine *origin_machine, *tracker_machine;
	struct p2v_origin *origin;
	struct p2v_node tracker_node;
	struct p2v_sim_crypto tracker_crypto;
	struct p2v_sim_records *tracker_records;
	struct p2v_policy tracker_cc, tracker_registry;
	struct p2v_tracker *tracker;
	struct viewer *viewers; /* shape (conf.viewers) */
	uint64_t polluted;
	void *bound[6]; /* plugin options that were bound here */
	size_t n_bound;
};

/* ---- defaults ---- */

static int defaults(const struct p2v_option *table, void *conf, size_t size, struct p2v_err *err)
{
	memset(conf, 0, size);
	return p2v_options_default(table, sizeof *table, conf, err);
}

int p2v_swarm_conf_default(struct p2v_swarm_conf *c, struct p2v_err *err)
{
	static const struct p2v_link fast = {
		.up = 12500000, .down = 12500000, .delay = 5 * P2V_MSEC, .queue = 1 << 20
	};
	int rc;

	memset(c, 0, sizeof *c);
	p2v_origin_conf_default(&c->origin);
	if ((rc = defaults(p2v_player_options, &c->player, sizeof c->player, err)) < 0 ||
		(rc = defaults(p2v_gateway_options, &c->gateway, sizeof c->gateway, err)) < 0 ||
		(rc = defaults(p2v_overlay_options, &c->overlay, sizeof c->overlay, err)) < 0 ||
		(rc = defaults(p2v_delivery_options, &c->delivery, sizeof c->delivery, err)) < 0 ||
		(rc = defaults(p2v_dtl_options, &c->transport, sizeof c->transport, err)) < 0 ||
		(rc = defaults(p2v_tracker_options, &c->tracker, sizeof c->tracker, err)) < 0 ||
		(rc = defaults(p2v_channel_options, &c->channel, sizeof c->channel, err)) < 0)
		return rc;
	c->seed = 1;
	c->viewers = 3;
	c->p2p = c->agents = true;
	c->origin_link = c->tracker_link = c->viewer_link = fast;
	c->origin_link.up = c->origin_link.down = 0;
	c->warm_up = 10 * P2V_SECOND;
	c->apart = c->origin.encoder.fragment / 4;
	c->channel.mount = "/live";
	c->channel.origin = "http://origin/live/";
	c->tracker.listen = "*:8790";
	return P2V_OK;
}

/* Options of a plugin that the scenario left at their defaults. */
static int bind_plugin(struct p2v_swarm *s, struct p2v_agent_plugin *p, struct p2v_err *err)
{
	void *conf;

	if (p->conf || !p->plugin)
		return P2V_OK;
	assert(s->n_bound < sizeof s->bound / sizeof s->bound[0]);
	conf = calloc(1, p->plugin->conf_size ? (size_t)p->plugin->conf_size : 1);
	if (!conf)
		return p2v_fail(err, P2V_ENOMEM, "no memory for options");
	s->bound[s->n_bound++] = conf;
	p->conf = conf;
	return p2v_options_default(p->plugin->options, p->plugin->option_size, conf, err);
}

/* ---- those that are there from the start ---- */

static int start_origin(struct p2v_swarm *s, struct p2v_err *err)
{
	struct p2v_addr ip = p2v_addr_v4(ORIGIN_IP, 0);
	struct p2v_world world;

	s->origin_machine = p2v_machine_new(s->sim, "origin", &ip, &s->conf.origin_link);
	if (!s->origin_machine)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the origin");
	p2v_sim_name(s->sim, "origin", &ip);
	world = p2v_machine_world(s->origin_machine);
	return p2v_origin_new(&world, &s->conf.origin, NULL, &s->origin, err);
}

static int start_tracker(struct p2v_swarm *s, struct p2v_err *err)
{
	struct p2v_addr ip = p2v_addr_v4(TRACKER_IP, 0);
	struct p2v_records records;
	struct p2v_world world;

	s->tracker_machine = p2v_machine_new(s->sim, "tracker", &ip, &s->conf.tracker_link);
	if (!s->tracker_machine)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the tracker");
	p2v_sim_name(s->sim, "tracker", &ip);
	world = p2v_machine_world(s->tracker_machine);
	p2v_node_init(&s->tracker_node, &world, s->conf.seed ^ 0x7261636b6572);
	p2v_sim_crypto_init(&s->tracker_crypto, s->tracker_node.seed);
	s->tracker_node.crypto = p2v_sim_crypto(&s->tracker_crypto);
	s->tracker_records = p2v_sim_records_new(
		&s->tracker_node, &s->tracker_crypto.id, P2V_IS_TRACKER, NULL);
	if (!s->tracker_records)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the tracker");
	records = p2v_sim_records(s->tracker_records);
	p2v_policy_init(&s->tracker_cc, &s->tracker_node, s->conf.plugins.cc.plugin,
		s->conf.plugins.cc.conf);
	p2v_policy_init(&s->tracker_registry, &s->tracker_node, s->conf.plugins.registry.plugin,
		s->conf.plugins.registry.conf);
	return p2v_tracker_new(&s->tracker_node, &s->conf.tracker, &s->conf.transport, &records,
		&s->tracker_cc, &s->tracker_registry, &s->tracker, err);
}

/* ---- viewers ---- */

static int start_agent(struct viewer *v, struct p2v_err *err)
{
	const struct p2v_swarm_conf *c = &v->swarm->conf;
	const struct p2v_channel_conf *channel = &c->channel;
	const char *name = "live";
	struct p2v_agent_setup setup = { .node = &v->node,
		.version = "sim",
		.gateway = &c->gateway,
		.overlay = &c->overlay,
		.transport = &c->transport,
		.delivery = &c->delivery,
		.channels = &channel,
		.channel_names = &name,
		.n_channels = 1,
		.select = c->plugins.select,
		.cc = c->plugins.cc,
		.cache = c->plugins.cache,
		.players = { c->plugins.player },
		.n_players = 1,
		.manifests = { c->plugins.manifest },
		.n_manifests = 1 };

	v->records = p2v_sim_records_new(&v->node, &v->crypto.id, P2V_IS_PEER, NULL);
	if (!v->records)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a viewer");
	setup.records = p2v_sim_records(v->records);
	return p2v_agent_new(&setup, &v->agent, err);
}

/* Every byte that a player is given is compared with what the origin wrote. */
static void check_body(void *ctx, const char *url, uint64_t off, struct p2v_bytes b)
{
	struct viewer *v = ctx;

	if (p2v_origin_match(v->swarm->origin, url, off, b) == P2V_EINTEGRITY)
		v->swarm->polluted++;
}

static void viewer_comes(void *ctx)
{
	struct viewer *v = ctx;
	const struct p2v_swarm_conf *c = &v->swarm->conf;
	struct p2v_world world = p2v_machine_world(v->machine);
	struct p2v_player_hooks hooks = { .ctx = v, .body = check_body };
	char url[96];
	struct p2v_err err;
	int rc = P2V_OK;

	p2v_node_init(&v->node, &world, c->seed * 1000003 + v->number + 1);
	v->node.log_level = P2V_LOG_DEBUG;
	p2v_sim_crypto_init(&v->crypto, v->node.seed);
	v->node.crypto = p2v_sim_crypto(&v->crypto);
	p2v_policy_init(
		&v->manifest, &v->node, c->plugins.manifest.plugin, c->plugins.manifest.conf);
	v->manifests = (struct p2v_manifests){ &v->manifest, 1 };
	if (c->p2p || c->agents)
		rc = start_agent(v, &err);
	(void)snprintf(url, sizeof url, "http://%s%s/live/master.m3u8",
		v->agent ? "127.0.0.1" : "origin", v->agent ? ":8780" : "");
	if (rc == P2V_OK)
		rc = p2v_player_new(
			&world, &v->manifests, &c->player, url, &hooks, &v->player, &err);
	if (rc < 0) {
		(void)fprintf(stderr, "viewer %zu: %s\n", v->number, err.text);
		abort(); /* the scenario would be another one */
	}
}

static void viewer_free(struct viewer *v)
{
	p2v_player_free(v->player);
	p2v_agent_free(v->agent);
	p2v_sim_records_free(v->records);
}

/* ---- life ---- */

static int build(struct p2v_swarm *s, struct p2v_err *err)
{
	struct p2v_agent_plugin *plugins[] = { &s->conf.plugins.select, &s->conf.plugins.cc,
		&s->conf.plugins.cache, &s->conf.plugins.player, &s->conf.plugins.manifest,
		&s->conf.plugins.registry };
	int rc = P2V_OK;

	for (size_t i = 0; rc == P2V_OK && i < sizeof plugins / sizeof plugins[0]; i++)
		rc = bind_plugin(s, plugins[i], err);
	if (rc == P2V_OK)
		rc = start_origin(s, err);
	if (rc == P2V_OK && s->conf.p2p)
		rc = start_tracker(s, err);
	if (rc < 0)
		return rc;
	s->viewers = calloc(s->conf.viewers ? s->conf.viewers : 1, sizeof *s->viewers);
	if (!s->viewers)
		return p2v_fail(err, P2V_ENOMEM, "no memory for viewers");
	for (size_t i = 0; i < s->conf.viewers; i++) {
		struct p2v_addr ip = p2v_addr_v4(VIEWERS_IP + (uint32_t)i + 1, 0);
		struct viewer *v = &s->viewers[i];
		char name[32];

		(void)snprintf(name, sizeof name, "viewer%zu", i);
		v->swarm = s;
		v->number = i;
		v->machine = p2v_machine_new(s->sim, name, &ip, &s->conf.viewer_link);
		if (!v->machine)
			return p2v_fail(err, P2V_ENOMEM, "no memory for viewers");
		p2v_sim_at(s->sim, s->conf.warm_up + (p2v_usec)i * s->conf.apart, viewer_comes, v);
	}
	return P2V_OK;
}

int p2v_swarm_new(const struct p2v_swarm_conf *conf, struct p2v_swarm **out, struct p2v_err *err)
{
	struct p2v_swarm *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a swarm");
	s->conf = *conf;
	if (conf->p2p && !*conf->overlay.tracker)
		s->conf.overlay.tracker = "tracker:8790";
	if (!conf->p2p)
		s->conf.overlay.tracker = "";
	s->conf.overlay.listen = "*:0";
	s->conf.gateway.listen = "127.0.0.1:8780";
	s->sim = p2v_sim_new(conf->seed);
	rc = s->sim ? build(s, err) : p2v_fail(err, P2V_ENOMEM, "no memory for a simulation");
	if (rc < 0)
		p2v_swarm_free(s);
	else
		*out = s;
	return rc;
}

void p2v_swarm_free(struct p2v_swarm *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->viewers && i < s->conf.viewers; i++)
		viewer_free(&s->viewers[i]);
	p2v_tracker_free(s->tracker);
	p2v_sim_records_free(s->tracker_records);
	p2v_origin_free(s->origin);
	p2v_sim_free(s->sim);
	for (size_t i = 0; i < s->n_bound; i++)
		free(s->bound[i]);
	free(s->viewers);
	free(s);
}

struct p2v_sim *p2v_swarm_sim(struct p2v_swarm *s)
{
	return s->sim;
}

void p2v_swarm_run(struct p2v_swarm *s, p2v_usec until)
{
	(void)p2v_sim_run(s->sim, until);
}

struct p2v_origin *p2v_swarm_origin(struct p2v_swarm *s)
{
	return s->origin;
}

struct p2v_machine *p2v_swarm_origin_machine(struct p2v_swarm *s)
{
	return s->origin_machine;
}

struct p2v_machine *p2v_swarm_tracker_machine(struct p2v_swarm *s)
{
	return s->tracker_machine;
}

struct p2v_machine *p2v_swarm_machine(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].machine;
}

struct p2v_player *p2v_swarm_player(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].player;
}

const struct p2v_metrics *p2v_swarm_metrics(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].agent ? &s->viewers[viewer].node.metrics : NULL;
}

struct p2v_overlay_conf *p2v_swarm_overlay(struct p2v_swarm *s)
{
	return &s->conf.overlay;
}

void p2v_swarm_changed(struct p2v_swarm *s)
{
	for (size_t i = 0; i < s->conf.viewers; i++)
		if (s->viewers[i].agent)
			p2v_agent_reconfigured(s->viewers[i].agent);
}

struct p2v_sim_crypto *p2v_swarm_crypto(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].agent ? &s->viewers[viewer].crypto : NULL;
}

uint64_t p2v_swarm_polluted(const struct p2v_swarm *s)
{
	return s->polluted;
}

/* ---- the result ---- */

static void insert(p2v_usec *v, size_t n, p2v_usec x)
{
	for (; n > 0 && v[n - 1] > x; n--)
		v[n] = v[n - 1];
	v[n] = x;
}

/* Nearest rank. */
static p2v_usec percentile(const p2v_usec *v, size_t n, size_t p)
{
	return n ? v[(n * p + 99) / 100 - 1] : P2V_UNKNOWN;
}

static void add_viewer(
	struct viewer *v, struct p2v_swarm_result *out, p2v_usec *startup, p2v_usec *latency)
{
	struct p2v_player_result r;

	if (!v->player)
		return;
	p2v_player_result(v->player, &r);
	out->viewers++;
	out->stalls += r.stalls;
	out->stalled += r.stalled;
	if (v->agent) {
		const uint64_t *m = v->node.metrics.v;

		out->p2p_bytes += m[P2V_M_SERVED_P2P];
		out->cdn_bytes += m[P2V_M_SERVED_CDN];
		out->wasted_bytes += m[P2V_M_WASTED_DUPLICATE] + m[P2V_M_WASTED_UNPLAYED];
	} else {
		out->cdn_bytes += r.media_bytes;
	}
	if (!r.played)
		return;
	insert(startup, out->played, r.startup);
	insert(latency, out->played, r.latency_median);
	out->mean_bitrate += r.mean_bitrate;
	out->played++;
}

void p2v_swarm_result(struct p2v_swarm *s, struct p2v_swarm_result *out)
{
	p2v_usec *startup = calloc(2 * (s->conf.viewers + 1), sizeof *startup);
	p2v_usec *latency = startup + s->conf.viewers + 1;
	struct p2v_origin_count count;

	memset(out, 0, sizeof *out);
	if (!startup)
		return;
	for (size_t i = 0; i < s->conf.viewers; i++)
		add_viewer(&s->viewers[i], out, startup, latency);
	p2v_origin_count(s->origin, &count);
	out->origin_bytes = count.all.bytes;
	out->played_bytes = out->p2p_bytes + out->cdn_bytes;
	if (out->played_bytes) {
		out->savings = (double)out->p2p_bytes / (double)out->played_bytes;
		out->offload = 1 - (double)out->origin_bytes / (double)out->played_bytes;
	}
	if (out->played)
		out->mean_bitrate /= out->played;
	out->startup_p50 = percentile(startup, out->played, 50);
	out->startup_p95 = percentile(startup, out->played, 95);
	out->latency_p50 = percentile(latency, out->played, 50);
	free(startup);
}
