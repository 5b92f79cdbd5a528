/* random.c - select/random: everybody alike. The yardstick for every other heuristic. Source: own.
 */
#include <peer2view/plugin.h>
#include <peer2view/select.h>

struct state {
	const struct p2v_env *env;
};

static int random_open(void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)conf;
	(void)err;
	st->env = env;
	return P2V_OK;
}

static void draw(struct state *st, size_t n, double *score)
{
	for (size_t i = 0; i < n; i++)
		score[i] = (double)(p2v_env_random(st->env) >> 11) / 9007199254740992.0;
}

static int random_partners(void *vst, const struct p2v_select_peer *self,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	(void)self;
	(void)peers;
	draw(vst, n, score);
	return P2V_OK;
}

static int random_sources(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	(void)want;
	draw(vst, n, score);
	/* Whoever does not answer is asked last: that is no heuristic. */
	for (size_t i = 0; i < n; i++)
		if (peers[i].flags & P2V_PEER_SUSPECT)
			score[i] /= 1000.0;
	return P2V_OK;
}

static int random_fetchers(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, uint32_t *weight)
{
	(void)vst;
	(void)want;
	(void)peers;
	for (size_t i = 0; i < n; i++)
		weight[i] = 1;
	return P2V_OK;
}

static const struct p2v_select_ops ops = { .size = sizeof ops,
	.open = random_open,
	.partners = random_partners,
	.sources = random_sources,
	.fetchers = random_fetchers };

P2V_PLUGIN(p2v_select_random) = { P2V_HEADER(SELECT), .name = "random", .version = "1.0",
	.summary = "everybody alike: the yardstick", .source = "own", .license = "BSD-2-Clause",
	.state_size = sizeof(struct state), .ops.select = &ops };
