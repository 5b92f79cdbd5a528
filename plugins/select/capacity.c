/* capacity.c - select/capacity: peers nearer to the source the more they can upload. A peer's rank
 * is the percentile of its capacity in what a node sees; a node prefers partners ranked a little
 * above itself, so that distance from the source falls with capacity. Source: Peer2View, section
 * II, Overlay Construction; SmoothCache (NETWORKING 2012) 3; the formulas are our own. */
#include <peer2view/plugin.h>
#include <peer2view/select.h>

struct conf {
	double above;
	uint32_t rate_unknown;
	uint32_t fetcher_unit;
};

struct state {
	const struct conf *conf;
};

static int capacity_open(
	void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	return P2V_OK;
}

/* Share of the peers with less capacity than c, those with as much counting half. */
static double percentile(const struct p2v_select_peer *peers, size_t n, uint64_t c)
{
	double below = 0;

	for (size_t i = 0; i < n; i++)
		below += peers[i].capacity < c ? 1.0 : peers[i].capacity == c ? 0.5 : 0.0;
	return n ? below / (double)n : 0.5;
}

static int capacity_partners(void *vst, const struct p2v_select_peer *self,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	const struct state *st = vst;
	double mine = percentile(peers, n, self->capacity) + st->conf->above;

	for (size_t i = 0; i < n; i++) {
		double apart = percentile(peers, n, peers[i].capacity) - mine;

		/* From 0 to 1; near ones a little before far ones, those that failed behind all
		 * others. */
		score[i] = 1.0 - (apart < 0 ? -apart : apart) / 2.0;
		score[i] += 0.1 * (double)peers[i].near_bits / 128.0;
		score[i] /= 1.0 + (double)peers[i].failures;
		if (score[i] < 0)
			score[i] = 0;
	}
	return P2V_OK;
}

/* By when it would have brought what is missing, at the rate that it showed. */
static int capacity_sources(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, double *score)
{
	const struct state *st = vst;

	for (size_t i = 0; i < n; i++) {
		const struct p2v_select_peer *p = &peers[i];
		double rate = p->rate ? (double)p->rate : (double)st->conf->rate_unknown;
		double seconds = (double)p->rtt / 1e6 + (double)(p->asked + want->bytes) / rate;

		if (!(p->flags &
			    P2V_PEER_COMPLETE)) /* it waits itself: the more hops, the longer */
			seconds += 0.02 * (double)(p->hops < 50 ? p->hops + 1 : 50);
		score[i] = 1.0 / (1e-3 + seconds) / (1.0 + (double)p->failures);
		if (p->flags & P2V_PEER_SUSPECT)
			score[i] /= 1000.0; /* rather than nobody */
	}
	return P2V_OK;
}

/* The middle one of the capacities that are known, 0 for none: the largest that at most half of
 * them are below. */
static uint64_t median_known(const struct p2v_select_peer *peers, size_t n)
{
	uint64_t middle = 0;
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		known += peers[i].capacity > 0;
	for (size_t i = 0; i < n; i++) {
		size_t below = 0;

		for (size_t k = 0; k < n; k++)
			below += peers[k].capacity > 0 && peers[k].capacity < peers[i].capacity;
		if (below <= known / 2 && peers[i].capacity > middle)
			middle = peers[i].capacity;
	}
	return middle;
}

/* [B/s] at which it has to be sent to be in time; 0: there is time */
static uint64_t rate_of(const struct p2v_select_want *want)
{
	return want->slack == P2V_NEVER || want->slack <= 0
		       ? 0
		       : want->bytes * P2V_SECOND / (uint64_t)want->slack;
}

/* Where there is no time, what one sends that hardly can is late for all, and those that can send
 * it to many at once are the better the more so: their odds go with the square. */
#define COPIES 2u

/* A weight for each doubling of the capacity. Only what a peer declares counts, so all agree. Who
 * has not shown yet what it can do is taken for one in the middle: else those that happened to be
 * first would be elected ever after. */
static int capacity_fetchers(void *vst, const struct p2v_select_want *want,
	const struct p2v_select_peer *peers, size_t n, uint32_t *weight)
{
	const struct state *st = vst;
	uint64_t middle = median_known(peers, n), needs = rate_of(want);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		uint64_t c = peers[i].capacity ? peers[i].capacity : middle;
		uint32_t w = 1;

		if (needs > 0 && c < COPIES * needs) {
			weight[i] = 0;
			continue;
		}
		for (c /= st->conf->fetcher_unit; c > 1 && w < 256; c /= 2)
			w *= 2;
		weight[i] = needs > 0 && w < 256 ? w * w : needs > 0 ? 65535 : w;
		any = true;
	}
	for (size_t i = 0; i < n && !any; i++)
		weight[i] = 1;
	return P2V_OK;
}

static const struct p2v_option options[] = {
	P2V_OPT_REAL(struct conf, above, "0.1", -1, 1, "1",
		"how far above itself, in percentiles, a node looks for partners"),
	P2V_OPT_U32(struct conf, rate_unknown, "500k", 1000, 1e9, "B/s",
		"rate that is assumed of a partner before it brought anything"),
	P2V_OPT_U32(struct conf, fetcher_unit, "64k", 1000, 1e9, "B/s",
		"upload capacity up to which all are elected alike; each doubling doubles the odds"),
	P2V_OPT_END
};

static const struct p2v_select_ops ops = { .size = sizeof ops,
	.open = capacity_open,
	.partners = capacity_partners,
	.sources = capacity_sources,
	.fetchers = capacity_fetchers };

P2V_PLUGIN(p2v_select_capacity) = { P2V_HEADER(SELECT), .name = "capacity", .version = "1.0",
	.summary = "peers nearer to the source the more they can upload",
	.source = "Peer2View (Roverso, El-Ansary, Haridi), section II; formulas own",
	.license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
	.state_size = sizeof(struct state), .options = options, .ops.select = &ops };
