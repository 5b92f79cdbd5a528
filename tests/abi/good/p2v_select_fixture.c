/* p2v_select_fixture.c - a right plugin: everybody is as good as everybody. For the tests of the
 * host. */
#include <peer2view/plugin.h>
#include <peer2view/select.h>

static int fixture_open(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	(void)st;
	(void)env;
	(void)conf;
	(void)err;
	return P2V_OK;
}

static int fixture_partners(void *st, const struct p2v_select_peer *self,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	(void)st;
	(void)self;
	(void)peers;
	for (size_t i = 0; i < n; i++)
		score[i] = 1;
	return P2V_OK;
}

static int fixture_sources(void *st, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	(void)want;
	return fixture_partners(st, NULL, peers, n, score);
}

static int fixture_fetchers(void *st, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, uint32_t *weight)
{
	(void)st;
	(void)want;
	(void)peers;
	for (size_t i = 0; i < n; i++)
		weight[i] = 1;
	return P2V_OK;
}

static const struct p2v_select_ops ops = { .size = sizeof ops,
	.open = fixture_open,
	.partners = fixture_partners,
	.sources = fixture_sources,
	.fetchers = fixture_fetchers };

P2V_PLUGIN(p2v_select_fixture) = { P2V_HEADER(SELECT), .name = "fixture", .version = "1.0",
	.summary = "all alike, for tests", .source = "own", .license = "BSD-2-Clause",
	.ops.select = &ops };
