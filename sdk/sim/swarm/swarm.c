/* swarm.c - a whole event in one process: its settings, its origin and tracker, its beginning and
 * its end. Viewers are in viewer.c, figures in result.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/stream/doc_shelf.h"
#include "sdk/sim/swarm/inside.h"

#define ORIGIN_IP  0x0a000001u /* 10.0.0.1 */
#define TRACKER_IP 0x0a000002u

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
	c->log_level = P2V_LOG_DEBUG;
	c->viewers = 3;
	c->nat_timeout = 30 * P2V_SECOND;
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
	int rc;

	s->origin_machine = p2v_machine_new(s->sim, "origin", &ip, &s->conf.origin_link);
	if (!s->origin_machine)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the origin");
	p2v_sim_name(s->sim, "origin", &ip);
	world = p2v_machine_world(s->origin_machine);
	rc = p2v_origin_new(&world, &s->conf.origin, NULL, &s->origin, err);
	/* On queued links it matters how large the pieces are that a server writes. */
	if (rc == P2V_OK && s->conf.flows)
		p2v_encoder_share(p2v_origin_encoder(s->origin), &world);
	return rc;
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
	if (rc == P2V_OK)
		rc = p2v_meetings_new(s, err);
	if (rc < 0)
		return rc;
	return p2v_seats_new(s, err);
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
	s->taking = s->conf.overlay;
	s->taking.upload_enabled = false;
	s->shelf = p2v_doc_shelf_new();
	s->sim = s->shelf ? p2v_sim_new(conf->seed) : NULL;
	if (s->sim && conf->shuffle)
		p2v_sim_shuffle_ties(s->sim, conf->shuffle);
	if (s->sim) {
		p2v_sim_set_flows(s->sim, conf->flows);
		p2v_sim_set_coalesce(s->sim, conf->coalesce);
	}
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
	p2v_seats_free(s);
	p2v_meetings_free(s);
	p2v_tracker_free(s->tracker);
	p2v_sim_records_free(s->tracker_records);
	p2v_node_fini(&s->tracker_node);
	p2v_origin_free(s->origin);
	p2v_sim_free(s->sim);
	p2v_doc_shelf_free(s->shelf);
	for (size_t i = 0; i < s->n_bound; i++)
		free(s->bound[i]);
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

struct p2v_overlay_conf *p2v_swarm_overlay(struct p2v_swarm *s)
{
	return &s->conf.overlay;
}

void p2v_swarm_changed(struct p2v_swarm *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (p2v_swarm_agent(s, i))
			p2v_agent_reconfigured(p2v_swarm_agent(s, i));
}

uint64_t p2v_swarm_polluted(const struct p2v_swarm *s)
{
	return s->polluted;
}
