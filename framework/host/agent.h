/* agent.h - one agent put together: overlay, delivery and gateway on one node. Pure, so that the
 * simulator builds its agents of the same parts; what a live one needs beside (files, keys, DTLS)
 * is in agent_role.c. */
#ifndef P2V_HOST_AGENT_H
#define P2V_HOST_AGENT_H

#include "framework/gateway/gateway.h"

#define P2V_PLUGINS_MAX 16u

/** A plugin and its bound options. */
struct p2v_agent_plugin {
	const struct p2v_plugin *plugin;
	const void *conf;
};

/** What an agent is made of. All is borrowed for its life, but this struct itself. */
struct p2v_agent_setup {
	struct p2v_node *node; /* its world and crypto are set */
	struct p2v_records records;
	const char *version;
	const struct p2v_gateway_conf *gateway;
	const struct p2v_overlay_conf *overlay;
	const struct p2v_dtl_conf *transport;
	const struct p2v_delivery_conf *delivery;
	const struct p2v_channel_conf *const *channels; /* shape (n_channels) */
	const char *const *channel_names;               /* shape (n_channels) */
	size_t n_channels;
	struct p2v_agent_plugin select, cc, cache;
	struct p2v_agent_plugin players[P2V_PLUGINS_MAX], manifests[P2V_PLUGINS_MAX];
	size_t n_players, n_manifests;
	struct p2v_doc_shelf *shelf; /* of manifests that other agents read, too; NULL: none */
};

struct p2v_agent;

/** When it returns P2V_OK, it listens. @return P2V_OK; P2V_ECONF, P2V_EIO, P2V_ENOMEM with err:
 * nothing is left open */
P2V_MUST_USE int p2v_agent_new(
	const struct p2v_agent_setup *setup, struct p2v_agent **out, struct p2v_err *err);
void p2v_agent_free(struct p2v_agent *a);
/** Live options have new values. */
void p2v_agent_reconfigured(struct p2v_agent *a);
/** Take on nothing new. @return how many requests of players are still being answered */
size_t p2v_agent_drain(struct p2v_agent *a);
struct p2v_addr p2v_agent_http(const struct p2v_agent *a); /* where players find it */
struct p2v_addr p2v_agent_udp(const struct p2v_agent *a);
/** @return its overlay, to look at */
struct p2v_overlay *p2v_agent_overlay(const struct p2v_agent *a);

#endif
