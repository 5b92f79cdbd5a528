/* policy_bench.c - a policy on a bench. */
#include "tests/contract/policy_bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include <peer2view/cache.h>
#include <peer2view/player.h>
#include <peer2view/select.h>
#include "framework/base/options.h"

static p2v_usec env_now(void *host)
{
	return ((struct bench *)host)->now;
}

static uint64_t env_random(void *host)
{
	struct bench *b = host;

	b->draws++;
	return p2v_random_next(&b->random);
}

static void env_arm(void *host, struct p2v_timer *t, p2v_usec due)
{
	(void)host;
	(void)t;
	(void)due;
}

static void env_disarm(void *host, struct p2v_timer *t)
{
	(void)host;
	(void)t;
}

static P2V_PRINTF(3, 4) void env_log(void *host, enum p2v_log_level level, const char *fmt, ...)
{
	(void)host;
	(void)level;
	(void)fmt;
}

void bench_open(struct bench *b, const struct p2v_plugin *p, uint64_t seed)
{
	static const struct p2v_env_ops ops = { .size = sizeof ops,
		.now = env_now,
		.random = env_random,
		.timer_arm = env_arm,
		.timer_disarm = env_disarm,
		.log = env_log };
	int (*open)(void *, const struct p2v_env *, const void *,
		struct p2v_err *) = p->kind == P2V_KIND_SELECT  ? p->ops.select->open
				    : p->kind == P2V_KIND_CACHE ? p->ops.cache->open
								: p->ops.player->open;
	struct p2v_err err;

	*b = (struct bench){ .plugin = p, .now = P2V_SECOND };
	b->env = (struct p2v_env){ &ops, b };
	p2v_random_init(&b->random, seed, p->name);
	b->conf = calloc(1, (size_t)p->conf_size + 1);
	b->st = calloc(1, (size_t)p->state_size + 1);
	cr_assert(b->conf && b->st);
	if (p->options && p2v_options_default(p->options, p->option_size, b->conf, &err) < 0)
		cr_assert_fail("%s", err.text);
	cr_assert_eq(open(b->st, &b->env, b->conf, &err), P2V_OK);
}

void bench_close(struct bench *b)
{
	const struct p2v_plugin *p = b->plugin;
	void (*close)(void *) = p->kind == P2V_KIND_SELECT  ? p->ops.select->close
				: p->kind == P2V_KIND_CACHE ? p->ops.cache->close
							    : p->ops.player->close;

	if (close)
		close(b->st);
	free(b->st);
	free(b->conf);
}
