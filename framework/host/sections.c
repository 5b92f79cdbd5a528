/* sections.c - the table of sections. A room brings its option table; here it gets its name, its
 * roles and a few words for the manual. */
#include "framework/host/sections.h"

#include "framework/gateway/gateway.h"
#include "framework/host/identity_files.h"
#include "framework/host/tracker_role.h"
#include "framework/tracker/tracker.h"

static const char *const roles[] = { "agent", "tracker", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };

static const struct p2v_option main_options[] = {
	P2V_OPT_ENUM(struct p2v_main_conf, role, "agent", roles,
		"What this node is: the agent beside a player, or the tracker that introduces agents"),
	P2V_OPT_ENUM_LIVE(struct p2v_main_conf, log_level, "info", levels,
		"The least important lines that are still logged"),
	P2V_OPT_TEXT(struct p2v_main_conf, plugin_path, "", 0, 180,
		"Folders to look for plugins in before the usual ones, separated by colons"),
	P2V_OPT_END
};

static const struct p2v_option plugins_options[] = {
	P2V_OPT_TEXT(struct p2v_plugins_conf, manifest, "*", 1, 180,
		"Which manifests are understood: a list, separated by commas, or * for all that are "
		"installed"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, select, "capacity", 1, 60,
		"Whom to be partner with, whom to ask, and who goes to the CDN"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, cc, "dtl", 1, 60, "Congestion control towards peers"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, cache, "window", 1, 60,
		"What to fetch ahead of the player, and what to keep for others"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, player, "*", 1, 180,
		"Families of players that are known: a list, separated by commas, or * for all that "
		"are installed; of two that know a player alike the first is taken"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, registry, "memory", 1, 60,
		"Where the tracker keeps its swarms"),
	P2V_OPT_END
};

static const struct p2v_choice_rule choices[] = { { P2V_KIND_MANIFEST, true, P2V_ROLE_AGENT },
	{ P2V_KIND_SELECT, false, P2V_ROLE_AGENT }, { P2V_KIND_CC, false, P2V_ROLES_ALL },
	{ P2V_KIND_CACHE, false, P2V_ROLE_AGENT }, { P2V_KIND_PLAYER, true, P2V_ROLE_AGENT },
	{ P2V_KIND_REGISTRY, false, P2V_ROLE_TRACKER }, { 0, false, 0 } };

/* clang-format off */
static const struct p2v_section sections[] = {
	{ P2V_SECTION_MAIN, false, P2V_ROLES_ALL, main_options, sizeof(struct p2v_main_conf), NULL,
		"The node itself." },
	{ P2V_SECTION_PLUGINS, false, P2V_ROLES_ALL, plugins_options,
		sizeof(struct p2v_plugins_conf), NULL,
		"Which plugin answers which question. A plugin's own options stand in a section [KIND.NAME], such as "
		"[cc.dtl]; a section of a plugin that is not chosen is checked, and has no effect." },
	{ "channel", true, P2V_ROLE_AGENT, p2v_channel_options, sizeof(struct p2v_channel_conf), NULL,
		"A live event: under which path players find it, and where its CDN is. Agents whose channels have the same origin, or "
		"the same swarm, share it." },
	{ "gateway", false, P2V_ROLE_AGENT, p2v_gateway_options, sizeof(struct p2v_gateway_conf), NULL,
		"The side of the players." },
	{ "overlay", false, P2V_ROLE_AGENT, p2v_overlay_options, sizeof(struct p2v_overlay_conf), NULL,
		"The side of the other agents." },
	{ "identity", false, P2V_ROLE_AGENT, p2v_identity_options, sizeof(struct p2v_identity_conf), p2v_identity_conf_check,
		"Who this agent is, and whom it believes." },
	{ "delivery", false, P2V_ROLE_AGENT, p2v_delivery_options, sizeof(struct p2v_delivery_conf), NULL,
		"Where fragments come from, and when." },
	{ "transport", false, P2V_ROLES_ALL, p2v_dtl_options, sizeof(struct p2v_dtl_conf), NULL,
		"Sessions with other nodes." },
	{ "tracker", false, P2V_ROLE_TRACKER, p2v_tracker_options, sizeof(struct p2v_tracker_conf), NULL,
		"Whom the tracker admits, and how it introduces them." },
	{ "authority", false, P2V_ROLE_TRACKER, p2v_authority_options, sizeof(struct p2v_authority_conf), NULL,
		"With whose word the tracker vouches for agents." },
	{ "status", false, P2V_ROLE_TRACKER, p2v_status_options, sizeof(struct p2v_status_conf), NULL,
		"The tracker's status pages." },
	{ NULL, false, 0, NULL, 0, NULL, NULL }
};
/* clang-format on */

static const struct p2v_schema schema = { sections, choices, P2V_SECTION_MAIN, roles };

const struct p2v_schema *p2v_schema(void)
{
	return &schema;
}
