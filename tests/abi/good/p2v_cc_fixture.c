/* p2v_cc_fixture.c - a right plugin with an option of every type: for the tests of the host. It
 * keeps one window and controls nothing. */
#include <peer2view/cc.h>
#include <peer2view/plugin.h>

struct conf {
	bool eager;
	uint32_t window;
	uint64_t limit;
	p2v_usec hold;
	double gain;
	const char *label, *notes;
	uint32_t mode;
	bool loud;
};

struct state {
	const struct conf *conf;
};

static int fixture_open(
	void *vst, const struct p2v_env *env, const void *conf, uint32_t mss, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)mss;
	(void)err;
	st->conf = conf;
	return P2V_OK;
}

static void fixture_on_ack(void *st, const struct p2v_cc_ack *ack)
{
	(void)st;
	(void)ack;
}

static void fixture_on_loss(void *st, const struct p2v_cc_loss *loss)
{
	(void)st;
	(void)loss;
}

static void fixture_view(const void *vst, struct p2v_cc_view *out)
{
	const struct state *st = vst;

	*out = (struct p2v_cc_view){ .cwnd = st->conf->window, .ssthresh = UINT64_MAX };
}

static int fixture_check(const void *vconf, struct p2v_err *err)
{
	const struct conf *conf = vconf;

	if (conf->window > conf->limit)
		return p2v_fail(err, P2V_ECONF, "window %u is above limit %llu", conf->window,
			(unsigned long long)conf->limit);
	return P2V_OK;
}

static const char *const modes[] = { "slow", "fast", NULL };
static const struct p2v_option options[] = { P2V_OPT_BOOL(
						     struct conf, eager, "no", "Start at once"),
	P2V_OPT_U32(struct conf, window, "12000", 1200, 1e6, "B", "Window at all times"),
	P2V_OPT_U64(struct conf, limit, "4Gi", 0, UINT64_MAX, "B", "Window never to be passed"),
	P2V_OPT_USEC(struct conf, hold, "250ms", 0, 10e6, "ms", "Pause after a loss"),
	P2V_OPT_REAL(struct conf, gain, "0.7", 0.1, 0.95, "1", "Share kept after a loss"),
	P2V_OPT_TEXT(struct conf, label, "plain", 0, 20, "A word for the log; \"-\\\" do no harm"),
	P2V_OPT_TEXT_MANY(struct conf, notes, "", 0, 100, "Further words, one a line"),
	P2V_OPT_ENUM(struct conf, mode, "slow", modes, "How it goes"),
	P2V_OPT_BOOL_LIVE(struct conf, loud, "no", "Tell more"), P2V_OPT_END };

static const struct p2v_cc_ops ops = { .size = sizeof ops,
	.open = fixture_open,
	.on_ack = fixture_on_ack,
	.on_loss = fixture_on_loss,
	.view = fixture_view };

P2V_PLUGIN(p2v_cc_fixture) = { P2V_HEADER(CC), .name = "fixture", .version = "1.2",
	.summary = "one window, for tests", .source = "own", .license = "BSD-2-Clause",
	.conf_size = sizeof(struct conf), .state_size = sizeof(struct state), .options = options,
	.check = fixture_check, .ops.cc = &ops };
