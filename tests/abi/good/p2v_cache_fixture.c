/* p2v_cache_fixture.c - a right plugin: fetches nothing ahead, keeps everything. For the tests of
 * the host. */
#include <peer2view/cache.h>
#include <peer2view/plugin.h>

static int fixture_open(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	(void)st;
	(void)env;
	(void)conf;
	(void)err;
	return P2V_OK;
}

static void fixture_ahead(void *st, const struct p2v_cache_view *view,
	const struct p2v_cache_frag *frags, size_t n, double *priority)
{
	(void)st;
	(void)view;
	(void)frags;
	for (size_t i = 0; i < n; i++)
		priority[i] = -1;
}

static void fixture_keep(void *st, const struct p2v_cache_view *view,
	const struct p2v_cache_frag *frags, size_t n, double *worth)
{
	(void)st;
	(void)view;
	(void)frags;
	for (size_t i = 0; i < n; i++)
		worth[i] = 1;
}

static const struct p2v_cache_ops ops = {
	.size = sizeof ops, .open = fixture_open, .ahead = fixture_ahead, .keep = fixture_keep
};

P2V_PLUGIN(p2v_cache_fixture) = { P2V_HEADER(CACHE), .name = "fixture", .version = "1.0",
	.summary = "no haste, for tests", .source = "own", .license = "BSD-2-Clause",
	.ops.cache = &ops };
