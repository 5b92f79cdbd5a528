/* ledbat.c - LEDBAT++: a scavenger, whatever the priority. It fills what others leave, adds no more
 * than `target` of delay, and yields to every other controller. The law is in scavenger.h. */
#include <peer2view/cc.h>
#include <peer2view/plugin.h>
#include "plugins/cc/scavenger.h"

struct conf {
	uint32_t initial_window; /* [packets] */
	uint32_t minimum_window; /* [packets] */
	p2v_usec target, base_history;
	double decrease;
	uint32_t rest;
};

struct state {
	struct scavenger window;
	p2v_usec srtt;
};

static int ledbat_open(
	void *vst, const struct p2v_env *env, const void *vconf, uint32_t mss, struct p2v_err *err)
{
	const struct conf *conf = vconf;
	struct state *st = vst;
	struct scavenger_rules rules = { .target = conf->target,
		.base_turn = conf->base_history / SCAVENGER_BASES,
		.decrease = conf->decrease,
		.rest = conf->rest,
		.minimum = conf->minimum_window,
		.initial = conf->initial_window };

	(void)env;
	(void)err;
	scavenger_init(&st->window, &rules, mss);
	return P2V_OK;
}

static void ledbat_on_ack(void *vst, const struct p2v_cc_ack *ack)
{
	struct state *st = vst;

	st->srtt = ack->srtt;
	scavenger_on_ack(&st->window, ack, true);
}

static void ledbat_on_loss(void *vst, const struct p2v_cc_loss *loss)
{
	struct state *st = vst;

	scavenger_on_loss(&st->window, loss->now, loss->sent, loss->srtt, loss->persistent);
}

/* RFC 6817 says nothing of marks; RFC 3168 5 has them answered as losses. */
static void ledbat_on_ecn(void *vst, p2v_usec now, p2v_usec sent)
{
	struct state *st = vst;

	scavenger_on_loss(&st->window, now, sent, st->srtt, false);
}

static void ledbat_set_mss(void *vst, uint32_t mss)
{
	scavenger_set_mss(&((struct state *)vst)->window, mss);
}

static void ledbat_view(const void *vst, struct p2v_cc_view *out)
{
	const struct scavenger *w = &((const struct state *)vst)->window;
	uint64_t cwnd = (uint64_t)w->cwnd, top = UINT64_MAX;

	if (w->phase == SCAVENGER_FROZEN || w->phase == SCAVENGER_REGAINS)
		top = (uint64_t)w->regain;
	else if (w->phase == SCAVENGER_STEADY)
		top = cwnd;
	*out = (struct p2v_cc_view){ .cwnd = cwnd, .ssthresh = top, .scavenger = cwnd };
}

static const struct p2v_option options[] = { P2V_OPT_U32(struct conf, initial_window, "10", 2, 100,
						     "1",
						     "Packets that may be under way at the start"),
	P2V_OPT_U32(struct conf, minimum_window, "2", 2, 10, "1",
		"Packets that may always be under way"),
	P2V_OPT_USEC(struct conf, target, "20ms", 5 * P2V_MSEC, 100 * P2V_MSEC, "us",
		"Delay that it may add to the path"),
	P2V_OPT_USEC(struct conf, base_history, "10m", 10 * P2V_SECOND, 3600 * P2V_SECOND, "us",
		"How long the least delay that was seen is believed"),
	P2V_OPT_REAL(struct conf, decrease, "1", 0.1, 4, "1",
		"How strongly the window shrinks when the delay is beyond the target"),
	P2V_OPT_U32(struct conf, rest, "19", 4, 1000, "1",
		"A slow-down, which looks for the least delay, is followed by so many times its "
		"length"),
	P2V_OPT_END };

static const struct p2v_cc_ops ops = { .size = sizeof ops,
	.open = ledbat_open,
	.on_ack = ledbat_on_ack,
	.on_loss = ledbat_on_loss,
	.on_ecn = ledbat_on_ecn,
	.set_mss = ledbat_set_mss,
	.view = ledbat_view };

P2V_PLUGIN(p2v_cc_ledbat) = { P2V_HEADER(CC), .name = "ledbat", .version = "1.0",
	.summary = "LEDBAT++: takes only what others leave",
	.source = "RFC 6817, draft-irtf-iccrg-ledbat-plus-plus", .license = "BSD-2-Clause",
	.conf_size = sizeof(struct conf), .state_size = sizeof(struct state), .options = options,
	.ops.cc = &ops };
