/* p2v_registry_fixture.c - a right plugin: keeps nobody. For the tests of the host. */
#include <peer2view/plugin.h>
#include <peer2view/registry.h>

static int fixture_open(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	(void)st;
	(void)env;
	(void)conf;
	(void)err;
	return P2V_OK;
}

static void fixture_close(void *st)
{
	(void)st;
}

static int fixture_put(void *st, const struct p2v_registry_entry *e, struct p2v_err *err)
{
	(void)st;
	(void)e;
	return p2v_fail(err, P2V_ELIMIT, "it keeps nobody");
}

static void fixture_drop(void *st, const uint8_t swarm[32], const uint8_t peer[32])
{
	(void)st;
	(void)swarm;
	(void)peer;
}

static void fixture_sample(void *st, const uint8_t swarm[32], const uint8_t except[32],
	uint32_t want, const struct p2v_registry_reader *reader)
{
	(void)st;
	(void)swarm;
	(void)except;
	(void)want;
	reader->done(reader->ctx, P2V_OK);
}

static uint64_t fixture_count(void *st, const uint8_t swarm[32])
{
	(void)st;
	(void)swarm;
	return 0;
}

static const struct p2v_registry_ops ops = { .size = sizeof ops,
	.open = fixture_open,
	.close = fixture_close,
	.put = fixture_put,
	.drop = fixture_drop,
	.sample = fixture_sample,
	.count = fixture_count };

P2V_PLUGIN(p2v_registry_fixture) = { P2V_HEADER(REGISTRY), .name = "fixture", .version = "1.0",
	.summary = "nobody, for tests", .source = "own", .license = "BSD-2-Clause",
	.ops.registry = &ops };
