/* newreno.c - NewReno congestion control for QUIC-like recovery: RFC 9002 section 7 and appendix B
 * (which restate RFC 5681 and RFC 6582 in bytes). One TCP's worth of window; no priorities. */
#include <peer2view/cc.h>
#include <peer2view/plugin.h>

struct conf {
	uint32_t initial_window; /* [packets] */
	uint32_t minimum_window; /* [packets] */
	double loss_factor;
};

struct state {
	const struct conf *conf;
	uint32_t mss;
	uint64_t cwnd;     /* [B] */
	uint64_t ssthresh; /* [B] */
	uint64_t acked;    /* [B] acknowledged since the window last grew by one packet */
	p2v_usec recovery; /* recovery lasts until a packet sent after this is acknowledged */
};

static uint64_t minimum(const struct state *st)
{
	return (uint64_t)st->conf->minimum_window * st->mss;
}

static int newreno_open(
	void *vst, const struct p2v_env *env, const void *conf, uint32_t mss, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	st->mss = mss;
	st->cwnd = (uint64_t)st->conf->initial_window * mss; /* RFC 9002 7.2 */
	st->ssthresh = UINT64_MAX;
	st->recovery = P2V_UNKNOWN;
	return P2V_OK;
}

/* RFC 9002 B.5 OnPacketsAcked. */
static void newreno_on_ack(void *vst, const struct p2v_cc_ack *ack)
{
	struct state *st = vst;

	/* 7.8: a window that was not used says nothing about the path; 7.3.2: none in recovery. */
	if (ack->app_limited || ack->sent <= st->recovery)
		return;
	if (st->cwnd < st->ssthresh) { /* 7.3.1 slow start */
		st->cwnd += ack->bytes;
		return;
	}
	/* 7.3.3 congestion avoidance: one packet for each window acknowledged, RFC 5681 (3) with
	 * the counting of RFC 3465 2.1 */
	st->acked += ack->bytes;
	while (st->acked >= st->cwnd) {
		st->acked -= st->cwnd;
		st->cwnd += st->mss;
	}
}

/* RFC 9002 B.6 OnCongestionEvent: at most once for what was sent before recovery began. */
static void congestion(struct state *st, p2v_usec now, p2v_usec sent)
{
	if (sent <= st->recovery)
		return;
	st->recovery = now;
	st->ssthresh = (uint64_t)((double)st->cwnd * st->conf->loss_factor);
	if (st->ssthresh < minimum(st))
		st->ssthresh = minimum(st);
	st->cwnd = st->ssthresh;
	st->acked = 0;
}

/* RFC 9002 B.8 OnPacketsLost. */
static void newreno_on_loss(void *vst, const struct p2v_cc_loss *loss)
{
	struct state *st = vst;

	congestion(st, loss->now, loss->sent);
	if (loss->persistent) { /* 7.6.2 */
		st->cwnd = minimum(st);
		st->acked = 0;
		st->recovery = P2V_UNKNOWN;
	}
}

/* RFC 9002 B.7 ProcessECN. */
static void newreno_on_ecn(void *vst, p2v_usec now, p2v_usec sent)
{
	congestion(vst, now, sent);
}

/* RFC 9002 7.2: a change of the packet's size moves the floor; the window is in bytes and stays. */
static void newreno_set_mss(void *vst, uint32_t mss)
{
	struct state *st = vst;

	st->mss = mss;
	if (st->cwnd < minimum(st))
		st->cwnd = minimum(st);
}

static void newreno_view(const void *vst, struct p2v_cc_view *out)
{
	const struct state *st = vst;

	*out = (struct p2v_cc_view){ .cwnd = st->cwnd, .pace = 0, .ssthresh = st->ssthresh };
}

static const struct p2v_option options[] = { P2V_OPT_U32(struct conf, initial_window, "10", 2, 100,
						     "1",
						     "Packets that may be under way at the start"),
	P2V_OPT_U32(struct conf, minimum_window, "2", 2, 10, "1",
		"Packets that may always be under way"),
	P2V_OPT_REAL(struct conf, loss_factor, "0.5", 0.1, 0.95, "1",
		"Part of the window that is kept after a loss"),
	P2V_OPT_END };

static const struct p2v_cc_ops ops = { .size = sizeof ops,
	.open = newreno_open,
	.on_ack = newreno_on_ack,
	.on_loss = newreno_on_loss,
	.on_ecn = newreno_on_ecn,
	.set_mss = newreno_set_mss,
	.view = newreno_view };

P2V_PLUGIN(p2v_cc_newreno) = { P2V_HEADER(CC), .name = "newreno", .version = "1.0",
	.summary = "NewReno: one TCP, halving at a loss",
	.source = "RFC 9002 section 7 and appendix B; RFC 6582", .license = "BSD-2-Clause",
	.conf_size = sizeof(struct conf), .state_size = sizeof(struct state), .options = options,
	.ops.cc = &ops };
