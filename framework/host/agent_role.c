/* agent_role.c - the role `agent`: a configuration made into a running agent on the real world. */
#include "framework/host/agent.h"
#include "framework/host/identity_files.h"
#include "framework/host/roles.h"
#include "framework/host/sections.h"
#include "framework/host/still.h"

#include <stdlib.h>

#define DRAIN_LOOK (100 * P2V_MSEC)

struct agent_role {
	const struct p2v_config *config;
	struct p2v_node node;
	struct p2v_keys keys;
	struct p2v_agent *agent;
	struct p2v_timer drain;
	void (*drained)(void *ctx);
	void *drained_ctx;
};

static void take_choice(const struct p2v_config *c, uint32_t kind, struct p2v_agent_plugin *out,
	size_t max, size_t *n)
{
	size_t k;
	const struct p2v_choice *v = p2v_config_choices(c, kind, &k);

	for (*n = 0; *n < k && *n < max; ++*n)
		out[*n] = (struct p2v_agent_plugin){ v[*n].plugin, v[*n].conf };
}

static int build(struct agent_role *r, struct p2v_err *err)
{
	const struct p2v_config *c = r->config;
	size_t n = p2v_config_count(c, "channel"), one;
	const struct p2v_channel_conf **confs = calloc(n ? n : 1, sizeof *confs);
	const char **names = calloc(n ? n : 1, sizeof *names);
	struct p2v_agent_setup s = { .node = &r->node,
		.records = p2v_dtls_records(r->keys.dtls),
		.version = P2V_VERSION,
		.gateway = p2v_config_get(c, "gateway"),
		.overlay = p2v_config_get(c, "overlay"),
		.transport = p2v_config_get(c, "transport"),
		.delivery = p2v_config_get(c, "delivery"),
		.n_channels = n };
	int rc = P2V_ENOMEM;

	for (size_t i = 0; confs && names && i < n; i++)
		confs[i] = p2v_config_at(c, "channel", i, &names[i]);
	s.channels = confs;
	s.channel_names = names;
	take_choice(c, P2V_KIND_SELECT, &s.select, 1, &one);
	take_choice(c, P2V_KIND_CC, &s.cc, 1, &one);
	take_choice(c, P2V_KIND_CACHE, &s.cache, 1, &one);
	take_choice(c, P2V_KIND_PLAYER, s.players, P2V_PLUGINS_MAX, &s.n_players);
	take_choice(c, P2V_KIND_MANIFEST, s.manifests, P2V_PLUGINS_MAX, &s.n_manifests);
	if (confs && names)
		rc = p2v_agent_new(&s, &r->agent, err);
	else
		(void)p2v_fail(err, rc, "no memory for channels");
	free(confs);
	free(names);
	return rc;
}

/* What one section alone cannot know. */
static int together(const struct p2v_config *c, struct p2v_err *err)
{
	const struct p2v_overlay_conf *overlay = p2v_config_get(c, "overlay");
	const struct p2v_identity_conf *identity = p2v_config_get(c, "identity");
	const struct p2v_gateway_conf *gateway = p2v_config_get(c, "gateway");

	if (*overlay->tracker && !*identity->authority)
		return p2v_fail(err, P2V_ECONF,
			"[identity] authority: is needed with a tracker: the ca.pem that `peer2view authority init` made");
	if (p2v_config_count(c, "channel") == 0 && !*gateway->open_hosts)
		return p2v_fail(err, P2V_ECONF,
			"there is no [channel NAME] and no open_hosts: the agent would serve nothing");
	return P2V_OK;
}

static void role_free(void *handle)
{
	struct agent_role *r = handle;

	if (!r)
		return;
	p2v_disarm(&r->node.world, &r->drain);
	p2v_agent_free(r->agent);
	p2v_keys_fini(&r->keys);
	p2v_node_fini(&r->node);
	free(r);
}

/* @param log_level  [in] the node's */
static int open_role(const struct p2v_config *config, const struct p2v_identity_conf *identity,
	const struct p2v_world *world, enum p2v_log_level log_level, struct agent_role **out,
	struct p2v_err *err)
{
	struct agent_role *r;
	struct p2v_err why, in;
	int rc = together(config, &why);

	if (rc < 0)
		return p2v_config_blame(config, rc, why.text, err);
	r = calloc(1, sizeof *r);
	if (!r)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an agent");
	r->config = config;
	p2v_node_init(&r->node, world, 0);
	r->node.log_level = log_level;
	rc = p2v_keys_of_agent(&r->keys, &r->node, identity, &in);
	if (rc < 0)
		(void)p2v_fail(&why, rc, "[identity] %s", in.text);
	else
		rc = build(r, &why);
	if (rc < 0) {
		role_free(r);
		return p2v_config_blame(config, rc, why.text, err);
	}
	*out = r;
	return P2V_OK;
}

/* An agent is made in a world in which nothing happens, and given up. Its folder of keys is left
 * alone: making one is no check. */
static int check(const struct p2v_config *config, struct p2v_err *err)
{
	const struct p2v_identity_conf *conf = p2v_config_get(config, "identity");
	struct p2v_identity_conf identity = *conf;
	struct p2v_world world = p2v_still_world();
	struct agent_role *r = NULL;
	int rc;

	identity.directory = "";
	rc = open_role(config, &identity, &world, P2V_LOG_ERROR, &r, err);
	role_free(r);
	return rc;
}

static int start(const struct p2v_config *config, const struct p2v_world *world, void **handle,
	struct p2v_err *err)
{
	const struct p2v_main_conf *conf = p2v_config_get(config, P2V_SECTION_MAIN);
	struct agent_role *r;
	char http[P2V_ADDR_TEXT], udp[P2V_ADDR_TEXT];
	struct p2v_addr a, b;
	int rc = open_role(config, p2v_config_get(config, "identity"), world,
		(enum p2v_log_level)conf->log_level, &r, err);

	if (rc < 0)
		return rc;
	a = p2v_agent_http(r->agent);
	b = p2v_agent_udp(r->agent);
	p2v_log(&r->node, P2V_LOG_INFO, "agent", "http=%s udp=%s", p2v_addr_text(&a, http),
		p2v_addr_text(&b, udp));
	*handle = r;
	return P2V_OK;
}

static void reload(void *handle)
{
	struct agent_role *r = handle;
	const struct p2v_main_conf *conf = p2v_config_get(r->config, P2V_SECTION_MAIN);

	r->node.log_level = (enum p2v_log_level)conf->log_level;
	p2v_agent_reconfigured(r->agent);
}

static void drain_fire(struct p2v_timer *t, p2v_usec now)
{
	struct agent_role *r = t->owner;

	if (p2v_agent_drain(r->agent) == 0)
		r->drained(r->drained_ctx);
	else
		p2v_arm(&r->node.world, t, now + DRAIN_LOOK);
}

static void drain(void *handle, void (*done)(void *ctx), void *ctx)
{
	struct agent_role *r = handle;

	r->drained = done;
	r->drained_ctx = ctx;
	r->drain = (struct p2v_timer){ .fire = drain_fire, .owner = r };
	drain_fire(&r->drain, p2v_now(&r->node.world));
}

const struct p2v_role p2v_agent_role = { .name = "agent",
	.check = check,
	.start = start,
	.reload = reload,
	.drain = drain,
	.free = role_free };
