/* p2v_player_fixture.c - a right plugin: a player that is never in a hurry. For the tests of the
 * host. */
#include <peer2view/player.h>
#include <peer2view/plugin.h>

static uint32_t fixture_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 1;
}

static int fixture_open(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	(void)st;
	(void)env;
	(void)conf;
	(void)err;
	return P2V_OK;
}

static void fixture_told(void *st, p2v_usec now, const struct p2v_player_frag *f)
{
	(void)st;
	(void)now;
	(void)f;
}

static void fixture_due(void *st, p2v_usec now, const struct p2v_player_frag *f, p2v_usec asked,
	struct p2v_player_due *out)
{
	(void)st;
	(void)now;
	(void)f;
	(void)asked;
	*out = (struct p2v_player_due){ P2V_NEVER, P2V_NEVER };
}

static void fixture_view(const void *st, p2v_usec now, struct p2v_player_view *out)
{
	(void)st;
	(void)now;
	*out = (struct p2v_player_view){ .playing = false };
}

static const struct p2v_player_ops ops = { .size = sizeof ops,
	.match = fixture_match,
	.open = fixture_open,
	.on_request = fixture_told,
	.on_served = fixture_told,
	.due = fixture_due,
	.view = fixture_view };

P2V_PLUGIN(p2v_player_fixture) = { P2V_HEADER(PLAYER), .name = "fixture", .version = "1.0",
	.summary = "no hurry, for tests", .source = "own", .license = "BSD-2-Clause",
	.ops.player = &ops };
