/* policy.c - a plugin's environment, made of the node's world. */
#include "framework/base/policy.h"

#include <stdlib.h>
#include <string.h>

#include <peer2view/cache.h>
#include <peer2view/cc.h>
#include <peer2view/manifest.h>
#include <peer2view/player.h>
#include <peer2view/registry.h>
#include <peer2view/select.h>

static const char *const names[] = { "manifest", "select", "cc", "cache", "player", "registry",
	NULL };
static const struct {
	uint32_t kind;
	uint16_t abi;
} kinds[] = { { P2V_KIND_MANIFEST, P2V_MANIFEST_ABI }, { P2V_KIND_SELECT, P2V_SELECT_ABI },
	{ P2V_KIND_CC, P2V_CC_ABI }, { P2V_KIND_CACHE, P2V_CACHE_ABI },
	{ P2V_KIND_PLAYER, P2V_PLAYER_ABI }, { P2V_KIND_REGISTRY, P2V_REGISTRY_ABI } };

const char *p2v_kind_name(uint32_t kind)
{
	for (size_t i = 0; names[i]; i++)
		if (kinds[i].kind == kind)
			return names[i];
	return NULL;
}

uint32_t p2v_kind_of(const char *name)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return kinds[i].kind;
	return 0;
}

uint16_t p2v_kind_abi(uint32_t kind)
{
	for (size_t i = 0; names[i]; i++)
		if (kinds[i].kind == kind)
			return kinds[i].abi;
	return 0;
}

const char *const *p2v_kind_names(void)
{
	return names;
}

static p2v_usec env_now(void *host)
{
	return p2v_now(&((struct p2v_policy *)host)->node->world);
}

static uint64_t env_random(void *host)
{
	return p2v_random_next(&((struct p2v_policy *)host)->random);
}

static void env_arm(void *host, struct p2v_timer *t, p2v_usec due)
{
	p2v_arm(&((struct p2v_policy *)host)->node->world, t, due);
}

static void env_disarm(void *host, struct p2v_timer *t)
{
	p2v_disarm(&((struct p2v_policy *)host)->node->world, t);
}

static P2V_PRINTF(3, 4) void env_log(void *host, enum p2v_log_level level, const char *fmt, ...)
{
	struct p2v_policy *p = host;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p2v_log(p->node, level, "plugin", "plugin=%s.%s %s", p2v_kind_name(p->plugin->kind),
		p->plugin->name, text);
}

static const struct p2v_env_ops env_ops = { .size = sizeof env_ops,
	.now = env_now,
	.random = env_random,
	.timer_arm = env_arm,
	.timer_disarm = env_disarm,
	.log = env_log };

void p2v_policy_init(struct p2v_policy *p, struct p2v_node *node, const struct p2v_plugin *plugin,
	const void *conf)
{
	char name[96];

	*p = (struct p2v_policy){ .plugin = plugin, .conf = conf, .node = node };
	p->env = (struct p2v_env){ &env_ops, p };
	(void)snprintf(name, sizeof name, "%s.%s", p2v_kind_name(plugin->kind), plugin->name);
	p2v_random_init(&p->random, node->seed, name);
}

void *p2v_policy_state(const struct p2v_policy *p)
{
	size_t n = (size_t)p->plugin->state_size;

	return calloc(1, n ? n : 1);
}
