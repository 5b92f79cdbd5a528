/* agent.c - an agent put together and taken apart. */
#include "framework/host/agent.h"

#include <stdlib.h>
#include <string.h>

struct p2v_agent {
	struct p2v_node *node;
	struct p2v_policy select, cc, cache;
	struct p2v_policy
		*players; /* shape (setup.n_players), and behind them those of manifests */
	struct p2v_manifests manifests;
	struct p2v_channel *channels;
	size_t n_channels;
	struct p2v_delivery *delivery;
	struct p2v_overlay *overlay;
	struct p2v_gateway *gateway;
};

static int take_plugins(struct p2v_agent *a, const struct p2v_agent_setup *s, struct p2v_err *err)
{
	struct p2v_policy *readers;

	a->players = calloc(s->n_players + s->n_manifests + 1, sizeof *a->players);
	if (!a->players)
		return p2v_fail(err, P2V_ENOMEM, "no memory for plugins");
	readers = a->players + s->n_players;
	p2v_policy_init(&a->select, s->node, s->select.plugin, s->select.conf);
	p2v_policy_init(&a->cc, s->node, s->cc.plugin, s->cc.conf);
	p2v_policy_init(&a->cache, s->node, s->cache.plugin, s->cache.conf);
	for (size_t i = 0; i < s->n_players; i++)
		p2v_policy_init(&a->players[i], s->node, s->players[i].plugin, s->players[i].conf);
	for (size_t i = 0; i < s->n_manifests; i++)
		p2v_policy_init(&readers[i], s->node, s->manifests[i].plugin, s->manifests[i].conf);
	a->manifests = (struct p2v_manifests){ readers, s->n_manifests, s->shelf };
	return P2V_OK;
}

static int check_player(const struct p2v_agent *a, const struct p2v_agent_setup *s,
	const char *name, struct p2v_err *err)
{
	if (!name || !*name)
		return P2V_OK;
	for (size_t i = 0; i < s->n_players; i++)
		if (strcmp(a->players[i].plugin->name, name) == 0)
			return P2V_OK;
	return p2v_fail(
		err, P2V_ECONF, "player: '%s' is none of those that [plugins] player names", name);
}

static int take_channels(struct p2v_agent *a, const struct p2v_agent_setup *s, struct p2v_err *err)
{
	struct p2v_err why;
	int rc;

	a->channels = calloc(s->n_channels ? s->n_channels : 1, sizeof *a->channels);
	if (!a->channels)
		return p2v_fail(err, P2V_ENOMEM, "no memory for channels");
	for (; a->n_channels < s->n_channels; a->n_channels++) {
		const char *name = s->channel_names[a->n_channels];

		rc = p2v_channel_init(&a->channels[a->n_channels], name, s->channels[a->n_channels],
			&s->node->crypto, &why);
		if (rc == P2V_OK &&
			(rc = check_player(a, s, s->channels[a->n_channels]->player, &why)) < 0)
			p2v_channel_fini(&a->channels[a->n_channels]);
		if (rc < 0)
			return p2v_fail(err, rc, "[channel %s] %s", name, why.text);
		for (size_t i = 0; i < a->n_channels; i++)
			if (strcmp(a->channels[i].mount, a->channels[a->n_channels].mount) == 0) {
				p2v_channel_fini(&a->channels[a->n_channels]);
				return p2v_fail(err, P2V_ECONF,
					"[channel %s] mount: channel %s is mounted at %s already",
					name, a->channels[i].name, a->channels[i].conf.mount);
			}
	}
	return P2V_OK;
}

static int open_rooms(struct p2v_agent *a, const struct p2v_agent_setup *s, struct p2v_err *err)
{
	struct p2v_delivery_policies policies = { .select = &a->select,
		.cache = &a->cache,
		.players = a->players,
		.n_players = s->n_players,
		.manifests = &a->manifests };
	struct p2v_err why;
	int rc = p2v_delivery_new(s->node, s->delivery, &policies, &a->delivery, err);

	if (rc < 0)
		return rc;
	rc = p2v_overlay_new(s->node, s->overlay, s->transport, &s->records, &a->cc, &a->select,
		p2v_delivery_overlay_handler(), a->delivery, &a->overlay, &why);
	if (rc < 0)
		return p2v_fail(err, rc, "[overlay] %s", why.text);
	p2v_delivery_attach(a->delivery, a->overlay);
	rc = p2v_gateway_new(s->node, s->gateway, a->delivery, a->channels, a->n_channels,
		s->version, NULL, NULL, &a->gateway, &why);
	return rc < 0 ? p2v_fail(err, rc, "[gateway] %s", why.text) : P2V_OK;
}

int p2v_agent_new(const struct p2v_agent_setup *s, struct p2v_agent **out, struct p2v_err *err)
{
	struct p2v_agent *a = calloc(1, sizeof *a);
	int rc;

	if (!a)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an agent");
	a->node = s->node;
	rc = take_plugins(a, s, err);
	if (rc == P2V_OK)
		rc = take_channels(a, s, err);
	if (rc == P2V_OK)
		rc = open_rooms(a, s, err);
	if (rc < 0)
		p2v_agent_free(a);
	else
		*out = a;
	return rc;
}

/* From the player's side down: each room lets go of what lies below before that goes. The overlay
 * tells delivery the end of its partners, and the gateway's channels are delivery's until its end.
 */
void p2v_agent_free(struct p2v_agent *a)
{
	if (!a)
		return;
	if (a->gateway)
		p2v_gateway_stop(a->gateway);
	if (a->delivery)
		p2v_delivery_stop(a->delivery);
	p2v_overlay_free(a->overlay);
	if (a->delivery)
		p2v_delivery_attach(a->delivery, NULL);
	p2v_delivery_free(a->delivery);
	p2v_gateway_free(a->gateway);
	for (size_t i = 0; i < a->n_channels; i++)
		p2v_channel_fini(&a->channels[i]);
	free(a->channels);
	free(a->players);
	free(a);
}

void p2v_agent_reconfigured(struct p2v_agent *a)
{
	p2v_overlay_reconfigured(a->overlay);
}

size_t p2v_agent_drain(struct p2v_agent *a)
{
	return p2v_gateway_drain(a->gateway);
}

struct p2v_addr p2v_agent_http(const struct p2v_agent *a)
{
	return p2v_gateway_bound(a->gateway);
}

struct p2v_addr p2v_agent_udp(const struct p2v_agent *a)
{
	return p2v_overlay_bound(a->overlay);
}

struct p2v_overlay *p2v_agent_overlay(const struct p2v_agent *a)
{
	return a->overlay;
}
