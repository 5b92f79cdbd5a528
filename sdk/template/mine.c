/* mine.c - a plugin of kind select: a start for your own. It asks whoever delivered fastest, keeps
 * such partners, and lets nodes fetch from the CDN in proportion to the upload that they declare.
 *
 * The host calls; a plugin answers. It sees nothing but what it is given: no clock, no network, no
 * memory of its own beside the state that the host keeps for it, so it runs in the simulator as it
 * does live. */
#include <peer2view/plugin.h>
#include <peer2view/select.h>

/* Options: each has its line in the table below, and with it its help, its range and its default.
 */
struct conf {
	uint64_t guess; /* [B/s] what a peer is taken for that has not delivered yet */
	double stay;    /* how much more a partner counts than a stranger */
};

struct state {
	const struct conf *conf;
};

static int mine_open(void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	return P2V_OK;
}

/* [B/s] that a peer can be hoped to deliver: what it did, less what it failed. */
static double hope(const struct conf *conf, const struct p2v_select_peer *peer)
{
	double rate = (double)(peer->rate ? peer->rate : conf->guess);

	return rate / (1 + (double)peer->failures);
}

static int mine_partners(void *vst, const struct p2v_select_peer *self,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	const struct state *st = vst;

	(void)self;
	for (size_t i = 0; i < n; i++) {
		score[i] = hope(st->conf, &peers[i]);
		if (peers[i].flags & P2V_PEER_PARTNER)
			score[i] *= st->conf->stay;
		if (peers[i].flags & P2V_PEER_SUSPECT)
			score[i] = -1;
	}
	return P2V_OK;
}

/* Of those that have it, the one that would be done first with what we asked it for already. */
static int mine_sources(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	const struct state *st = vst;

	for (size_t i = 0; i < n; i++) {
		double rate = hope(st->conf, &peers[i]);
		double seconds = (double)(peers[i].asked + want->bytes) / (rate + 1) +
				 (double)peers[i].rtt / 1e6;

		score[i] = peers[i].flags & P2V_PEER_SUSPECT ? -1 : 1 / (seconds + 1e-6);
	}
	return n ? P2V_OK : P2V_EAGAIN;
}

/* Weights may depend on what peers declare only, so that all nodes elect alike. */
static int mine_fetchers(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, uint32_t *weight)
{
	(void)vst;
	(void)want;
	for (size_t i = 0; i < n; i++) {
		uint64_t kilobytes = peers[i].capacity / 1000 + 1;

		weight[i] = kilobytes < UINT16_MAX ? (uint32_t)kilobytes : UINT16_MAX;
	}
	return P2V_OK;
}

static const struct p2v_option options[] = {
	P2V_OPT_U64(struct conf, guess, "250k", 1, 1e9, "B/s",
		"What a peer is taken for that has not delivered yet"),
	P2V_OPT_REAL(struct conf, stay, "1.2", 1, 10, "1",
		"How much more a partner counts than a stranger"),
	P2V_OPT_END
};

static const struct p2v_select_ops ops = { .size = sizeof ops,
	.open = mine_open,
	.partners = mine_partners,
	.sources = mine_sources,
	.fetchers = mine_fetchers };

P2V_PLUGIN(p2v_select_mine) = { P2V_HEADER(SELECT), .name = "mine", .version = "1",
	.summary = "the fastest first", .source = "own", .license = "BSD-2-Clause",
	.conf_size = sizeof(struct conf), .state_size = sizeof(struct state), .options = options,
	.ops.select = &ops };
