/* cubic.c - CUBIC congestion control: RFC 9438, in bytes, with the recovery periods of RFC 9002 and
 * the slow start of RFC 9406 (HyStart++). One TCP's worth of window; no priorities. Only the four
 * basic operations on doubles and an integer cube root, so that every machine computes the same. */
#include <peer2view/cc.h>
#include <peer2view/plugin.h>
#include "plugins/cc/hystart.h"

struct conf {
	uint32_t initial_window; /* [packets] */
	uint32_t minimum_window; /* [packets] */
	double beta, c;
	bool fast_convergence, hystart;
};

struct state {
	const struct conf *conf;
	uint32_t mss;
	uint64_t cwnd;     /* [B] */
	uint64_t ssthresh; /* [B] */
	p2v_usec recovery; /* recovery lasts until a packet sent after this is acknowledged */
	double part;       /* [B] of growth that did not make a whole byte */

	double w_max;      /* [B] window before the last reduction */
	double cwnd_prior; /* [B] the same, without fast convergence */
	double w_est;      /* [B] what Reno would have */
	bool epoch;        /* congestion avoidance goes on since epoch_start */
	p2v_usec epoch_start;
	p2v_usec last_ack;
	p2v_usec limited_since; /* the application holds the window back; P2V_UNKNOWN */
	double k;               /* [s] until the curve is back at w_max */
	struct hystart hs;
};

static uint64_t minimum(const struct state *st)
{
	return (uint64_t)st->conf->minimum_window * st->mss;
}

/* @return the integer cube root of x, digit by digit in base 2 */
static uint64_t cube_root(uint64_t x)
{
	uint64_t y = 0;

	for (int s = 63; s >= 0; s -= 3) {
		uint64_t b;

		y *= 2;
		b = 3 * y * (y + 1) + 1;
		if (x >> s >= b) {
			x -= b << s;
			y++;
		}
	}
	return y;
}

static int cubic_open(
	void *vst, const struct p2v_env *env, const void *conf, uint32_t mss, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	st->mss = mss;
	st->cwnd = (uint64_t)st->conf->initial_window * mss;
	st->ssthresh = UINT64_MAX;
	st->recovery = st->limited_since = P2V_UNKNOWN;
	hystart_init(&st->hs);
	return P2V_OK;
}

static void grow(struct state *st, double bytes)
{
	double whole = st->part + bytes;

	st->cwnd += (uint64_t)whole;
	st->part = whole - (double)(uint64_t)whole;
}

/* RFC 9406 4.3: HyStart++ is for the first slow start; a later one knows how far it may go. */
static void slow_start(struct state *st, const struct p2v_cc_ack *ack)
{
	bool end = false;
	double part = st->conf->hystart && st->ssthresh == UINT64_MAX
			      ? hystart_on_ack(&st->hs, ack, &end)
			      : 1;

	grow(st, (double)ack->bytes * part);
	if (end)
		st->ssthresh = st->cwnd; /* on to congestion avoidance */
}

/* ---- congestion avoidance ---- */

/* RFC 9438 4.2, figure 2: K = cubic_root((W_max - cwnd_epoch) / C), windows in segments. The root
 * is taken of an integer, in milliseconds. */
static void begin_epoch(struct state *st, p2v_usec now)
{
	double below = (st->w_max - (double)st->cwnd) / st->mss;

	st->epoch = true;
	st->epoch_start = now;
	st->limited_since = P2V_UNKNOWN;
	st->w_est = (double)st->cwnd;
	st->k = 0;
	if (st->w_max < (double)st->cwnd)
		st->w_max = (double)st->cwnd; /* 4.2: no window was lost, the curve starts here */
	else if (below / st->conf->c < 1e10)
		st->k = (double)cube_root((uint64_t)(below / st->conf->c * 1e9)) / 1e3;
	else
		st->k = 1e4 / 4.6; /* windows beyond 10^9 segments: the root's end of range */
}

/* RFC 9438 4.2, figure 1: W_cubic(t) = C (t - K)^3 + W_max. [B] */
static double w_cubic(const struct state *st, p2v_usec t)
{
	double d = (double)t / 1e6 - st->k;

	return st->conf->c * d * d * d * st->mss + st->w_max;
}

/* RFC 9438 4.3, figure 4: alpha = 3 (1 - beta) / (1 + beta), until the window is where it was: then
 * 1, as Reno has. */
static void follow_reno(struct state *st, uint64_t acked)
{
	double beta = st->conf->beta;
	double alpha = st->w_est >= st->cwnd_prior ? 1 : 3 * (1 - beta) / (1 + beta);

	st->w_est += alpha * st->mss * ((double)acked / (double)st->cwnd);
}

static void avoid(struct state *st, const struct p2v_cc_ack *ack)
{
	double cwnd = (double)st->cwnd, target;
	p2v_usec t;

	if (!st->epoch)
		begin_epoch(st, ack->now);
	if (st->limited_since != P2V_UNKNOWN) { /* 5.8: that time does not count */
		st->epoch_start += ack->now - st->limited_since;
		st->limited_since = P2V_UNKNOWN;
	}
	t = ack->now - st->epoch_start;
	follow_reno(st, ack->bytes);
	if (w_cubic(st, t) < st->w_est) { /* 4.3 the Reno-friendly region */
		if (st->w_est > cwnd)
			grow(st, st->w_est - cwnd - st->part);
		return;
	}
	/* 4.4 and 4.5: the concave and the convex region, at most half a window a round trip */
	target = w_cubic(st, t + ack->srtt);
	if (target < cwnd)
		target = cwnd;
	if (target > 1.5 * cwnd)
		target = 1.5 * cwnd;
	grow(st, (target - cwnd) * ((double)ack->bytes / cwnd));
}

static void cubic_on_ack(void *vst, const struct p2v_cc_ack *ack)
{
	struct state *st = vst;
	p2v_usec before = st->last_ack;

	st->last_ack = ack->now;
	if (ack->app_limited) { /* 5.8, RFC 9002 7.8; it was so since the ACK before */
		if (st->limited_since == P2V_UNKNOWN)
			st->limited_since = before;
		return;
	}
	if (ack->sent <= st->recovery)
		return;
	if (st->cwnd < st->ssthresh)
		slow_start(st, ack);
	else
		avoid(st, ack);
}

/* RFC 9438 4.6 multiplicative decrease, 4.7 fast convergence. The window stands for the flight: it
 * does not grow while the application leaves it unused, as 4.6 demands of those who do so. */
static void congestion(struct state *st, p2v_usec now, p2v_usec sent)
{
	double cwnd = (double)st->cwnd, beta = st->conf->beta;

	if (sent <= st->recovery)
		return;
	st->recovery = now;
	st->cwnd_prior = cwnd;
	if (st->conf->fast_convergence && cwnd < st->w_max)
		st->w_max = cwnd * (1 + beta) / 2;
	else
		st->w_max = cwnd;
	st->ssthresh = (uint64_t)(cwnd * beta);
	if (st->ssthresh < minimum(st))
		st->ssthresh = minimum(st);
	st->cwnd = st->ssthresh;
	st->part = 0;
	st->epoch = false;
}

static void cubic_on_loss(void *vst, const struct p2v_cc_loss *loss)
{
	struct state *st = vst;

	congestion(st, loss->now, loss->sent);
	if (!loss->persistent)
		return;
	/* RFC 9002 7.6.2; RFC 9438 4.8: as after a time-out, slow start up to ssthresh */
	st->cwnd = minimum(st);
	st->part = 0;
	st->epoch = false;
	st->recovery = P2V_UNKNOWN;
}

static void cubic_on_ecn(void *vst, p2v_usec now, p2v_usec sent)
{
	congestion(vst, now, sent);
}

static void cubic_set_mss(void *vst, uint32_t mss)
{
	struct state *st = vst;

	st->mss = mss;
	if (st->cwnd < minimum(st))
		st->cwnd = minimum(st);
	st->epoch = false; /* the curve's steepness is in packets */
}

static void cubic_view(const void *vst, struct p2v_cc_view *out)
{
	const struct state *st = vst;

	*out = (struct p2v_cc_view){ .cwnd = st->cwnd, .pace = 0, .ssthresh = st->ssthresh };
}

static const struct p2v_option options[] = { P2V_OPT_U32(struct conf, initial_window, "10", 2, 100,
						     "1",
						     "Packets that may be under way at the start"),
	P2V_OPT_U32(struct conf, minimum_window, "2", 2, 10, "1",
		"Packets that may always be under way"),
	P2V_OPT_REAL(struct conf, beta, "0.7", 0.1, 0.95, "1",
		"Part of the window that is kept after a loss"),
	P2V_OPT_REAL(struct conf, c, "0.4", 0.01, 10, "1",
		"How steep the curve is, in segments per second cubed"),
	P2V_OPT_BOOL(struct conf, fast_convergence, "yes",
		"Leave room sooner when the window shrinks from loss to loss"),
	P2V_OPT_BOOL(struct conf, hystart, "yes",
		"Leave slow start when the delay grows, before packets are lost"),
	P2V_OPT_END };

static const struct p2v_cc_ops ops = { .size = sizeof ops,
	.open = cubic_open,
	.on_ack = cubic_on_ack,
	.on_loss = cubic_on_loss,
	.on_ecn = cubic_on_ecn,
	.set_mss = cubic_set_mss,
	.view = cubic_view };

P2V_PLUGIN(p2v_cc_cubic) = { P2V_HEADER(CC), .name = "cubic", .version = "1.0",
	.summary = "CUBIC: one TCP, as most systems have it", .source = "RFC 9438, RFC 9406",
	.license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
	.state_size = sizeof(struct state), .options = options, .ops.cc = &ops };
