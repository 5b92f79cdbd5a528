/* dtl.c - one controller from scavenger to four TCPs: the priority is a real number, and may change
 * at any time. There are three laws:
 *
 * - From 1 to 4, as many virtual flows. Together they grow by p packets a round trip. A lost packet
 *   hits one of them at random, and each that is hit halves its own part, once in an epoch.
 * - From 0.1 to 1, one flow that grows by p (1 + p) / 2 packets a round trip, and halves at a loss.
 * - Below 0.1, LEDBAT++ (scavenger.h). It also runs beside the other two, as the window for bytes
 *   that nobody waits for yet.
 *
 * After the dynamic transport of Roverso, El-Ansary and Haridi (LEDBAT joined with MulTCP), with
 * what measurements changed; sdk/doc/protocol.md has the figures. */
#include <peer2view/cc.h>
#include <peer2view/plugin.h>
#include "plugins/cc/hystart.h"
#include "plugins/cc/scavenger.h"

struct conf {
	uint32_t initial_window; /* [packets] */
	uint32_t minimum_window; /* [packets] */
	p2v_usec target, base_history;
	double decrease;
	uint32_t rest;
	p2v_usec reference_rtt, memory, calm;
	bool hystart;
};

enum {
	FLOWS_MAX = 4,
	ALL_FLOWS = (1 << FLOWS_MAX) - 1,
	HITS_MAX = 64 /* lost packets of one report that are looked at */
};
#define LONGER_MAX  3                /* times that a long round trip grows faster, at most */
#define RISE_TIME   (5 * P2V_SECOND) /* to find its place after a rise */
#define RISE_CUT    0.3  /* of the window at a loss meanwhile, at most: CUBIC's, RFC 9438 4.6 */
#define RISE_GAIN   0.25 /* of the window, for each second and each virtual flow, */
#define RISE_STEP   0.25 /* but no more than this in a round trip */
#define HUGE_WINDOW 1e15 /* [B] no limit */

struct state {
	const struct conf *conf;
	const struct p2v_env *env;
	uint32_t mss;
	double asked;    /* the priority that was set */
	double p;        /* the one that holds: lower after persistent congestion */
	double cwnd;     /* [B] of the loss-based window */
	double ssthresh; /* [B] HUGE_WINDOW while unknown */
	struct hystart hs;
	bool watches;      /* slow start ends when the delay grows */
	unsigned starting; /* virtual flows in slow start, a bit each */

	p2v_usec recovery; /* an epoch: packets sent up to here were lost for the same reason */
	double cut;        /* [B] that a whole virtual flow gives back in it */
	double cut_p;      /* the priority when it began */
	unsigned hit;      /* virtual flows that were hit in it, a bit each */

	p2v_usec rise_end; /* until then it makes its way to a higher priority, */
	double rise_left;  /* and for so many more epochs at most */
	double goal;       /* [B] the window is on its way down to this; 0: it is not */
	p2v_usec stepped;  /* when the last step of that was */
	double unit;       /* [B] window for a priority of 1, when it last was loss-based */
	p2v_usec unit_at;  /* P2V_UNKNOWN */
	p2v_usec calm_at;  /* when persistent congestion is forgiven; P2V_NEVER */
	p2v_usec srtt;

	struct scavenger yields; /* the scavenger's window, in charge or beside */
};

static double minimum(const struct state *st)
{
	return (double)st->conf->minimum_window * st->mss;
}

static bool yielding(const struct state *st)
{
	return st->p < P2V_CC_SCAVENGER;
}

/* Every virtual flow is in slow start. */
static void begin_start(struct state *st)
{
	st->starting = ALL_FLOWS;
	st->watches = st->conf->hystart;
	hystart_init(&st->hs);
}

static int dtl_open(
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

	(void)err;
	st->conf = conf;
	st->env = env;
	st->mss = mss;
	st->asked = st->p = 1;
	st->cwnd = (double)conf->initial_window * mss; /* RFC 9002 7.2 */
	st->ssthresh = HUGE_WINDOW;
	st->recovery = st->unit_at = st->stepped = P2V_UNKNOWN;
	st->calm_at = P2V_NEVER;
	begin_start(st);
	scavenger_init(&st->yields, &rules, mss);
	return P2V_OK;
}

/* ---- changes of priority ---- */

/* On the way down, half the window at most, once a round trip. */
static void step_down(struct state *st, p2v_usec now)
{
	double least = st->goal > minimum(st) ? st->goal : minimum(st);

	st->cwnd = st->cwnd / 2 > least ? st->cwnd / 2 : least;
	st->stepped = now;
	if (st->cwnd <= least)
		st->goal = 0;
}

/* What left after the last step was acknowledged: as the queue drains, round trips are over long
 * before srtt has come down. */
static bool round_passed(const struct state *st, const struct p2v_cc_ack *ack)
{
	return ack->sent > st->stepped || ack->now - st->stepped >= ack->srtt;
}

static void set_goal(struct state *st, p2v_usec now, double goal)
{
	st->goal = goal;
	if (st->stepped == P2V_UNKNOWN || now - st->stepped >= st->srtt)
		step_down(st, now);
}

/* @return [B] what the present priority is worth, whether the window is there yet or on its way */
static double due(const struct state *st)
{
	if (st->goal > 0)
		return st->goal;
	return st->cwnd < st->ssthresh && st->ssthresh < HUGE_WINDOW ? st->ssthresh : st->cwnd;
}

/* The scavenger takes over: it has its own window already, and what the window was above that is
 * given back. */
static void begin_yielding(struct state *st, p2v_usec now)
{
	if (st->ssthresh < HUGE_WINDOW) { /* it had found its size */
		st->unit = due(st) / st->p;
		st->unit_at = now;
	}
	scavenger_take(&st->yields, now, st->cwnd, st->srtt);
	set_goal(st, now, st->yields.cwnd);
}

static bool recent(const struct state *st, p2v_usec now, p2v_usec then)
{
	return then != P2V_UNKNOWN && now - then < st->conf->memory;
}

/* A CUBIC flow keeps 0.7 of its window at each of its losses: to come down from all of a link to
 * its part beside p flows, 1 / (1 + p), it needs ln(1 + p) / ln(1 / 0.7) of them, which is about
 * 1 + p. */
static void begin_rise(struct state *st, p2v_usec now, double epochs)
{
	if (now >= st->rise_end)
		st->rise_left = 0;
	st->rise_end = now + RISE_TIME;
	st->rise_left += epochs;
	if (st->rise_left > FLOWS_MAX + 1)
		st->rise_left = FLOWS_MAX + 1;
}

static bool rising(const struct state *st, p2v_usec now)
{
	return now < st->rise_end && st->rise_left > 0;
}

/* It goes on from the window that there is, as in slow start, to where it was; or, when that is
 * long ago, until something is lost or delayed. */
static void end_yielding(struct state *st, p2v_usec now, double p)
{
	if (st->goal == 0)
		st->cwnd = st->yields.cwnd;
	st->goal = 0;
	st->ssthresh = HUGE_WINDOW;
	begin_rise(st, now, 1 + p);
	if (recent(st, now, st->unit_at))
		st->ssthresh = st->unit * p;
	if (st->ssthresh < st->cwnd)
		st->ssthresh = st->cwnd;
	begin_start(st);
	st->watches = st->conf->hystart && !recent(st, now, st->yields.squeezed);
}

/* What it may start with, RFC 9002 7.2: a part of it for a part of a flow. */
static double first_window(const struct state *st, double p)
{
	double w = (double)st->conf->initial_window * st->mss * (p < 1 ? p : 1);

	return w > minimum(st) ? w : minimum(st);
}

/* Between loss-based windows: in proportion. One that has not found its size yet goes on looking
 * from where it is: doubling would soon undo a cut. And where the application sends in bursts, and
 * no window grows, change upon change would cut it down while nobody else is in need. */
static void scale(struct state *st, p2v_usec now, double p)
{
	double goal = due(st) / st->p * p;

	if (st->ssthresh >= HUGE_WINDOW) {
		if (st->srtt == 0 && st->cwnd > first_window(st, p))
			st->cwnd = first_window(st, p);
		return;
	}
	if (p > st->p)
		begin_rise(st, now, p - st->p);
	st->ssthresh = goal > minimum(st) ? goal : minimum(st);
	st->starting = ALL_FLOWS;
	st->goal = 0;
	if (goal < st->cwnd)
		set_goal(st, now, goal);
}

static void apply(struct state *st, p2v_usec now, double p)
{
	bool yields = yielding(st), will_yield = p < P2V_CC_SCAVENGER;

	if (p < st->p)
		st->rise_left = 0;
	if (!yields && will_yield)
		begin_yielding(st, now);
	else if (yields && !will_yield)
		end_yielding(st, now, p);
	else if (!yields && p != st->p)
		scale(st, now, p);
	st->p = p;
}

static void dtl_set_priority(void *vst, p2v_usec now, double priority)
{
	struct state *st = vst;
	double p = priority > FLOWS_MAX ? FLOWS_MAX : priority > 0 ? priority : 0;

	st->asked = p;
	apply(st, now, st->calm_at != P2V_NEVER && p > 1 ? 1 : p);
}

/* ---- growth ---- */

/* Packets more each round trip. p >= 1: p virtual flows of RFC 5681 (3) each (MulTCP, Crowcroft and
 * Oechslin 1998). Below 1: where losses are random a rate is as the root of the increase (Mathis
 * and others 1997), which wants p^2; where all flows lose together it is as the increase, which
 * wants p; the mean of both (own, measured). On long paths, and behind deep queues, Reno's packet a
 * round trip is a third of what CUBIC adds, as CUBIC counts seconds: so a packet a reference round
 * trip, as TCP Hybla has it (Caini and Firrincieli 2004), but bounded. */
static double packets_more(const struct state *st)
{
	double p = st->p, longer = (double)st->srtt / (double)st->conf->reference_rtt;

	if (longer < 1)
		longer = 1;
	if (longer > LONGER_MAX)
		longer = LONGER_MAX;
	return longer * (p >= 1 ? p : p * (1 + p) / 2);
}

/* Others give way only at their own losses. So that those come soon after a rise, the window grows
 * in proportion then, by the second, as their growth may be (CUBIC).
 * @return [B] more each round trip */
static double increase(const struct state *st, p2v_usec now)
{
	double more = packets_more(st) * st->mss;
	double part = RISE_GAIN * st->p * (double)st->srtt / P2V_SECOND;

	if (part > RISE_STEP)
		part = RISE_STEP;
	return rising(st, now) && part * st->cwnd > more ? part * st->cwnd : more;
}

/* @return how large a virtual flow is; they sum up to p, but for one that is less than one */
static double weight(double p, unsigned flow)
{
	double left = p - flow;

	return p < 1 || left > 1 ? 1 : left;
}

/* The part of the window that belongs to the flows of a set. */
static double part_of(double p, unsigned flows)
{
	double sum = 0;

	if (p <= 1)
		return flows & 1 ? 1 : 0;
	for (unsigned i = 0; i < FLOWS_MAX && i < p; i++)
		if (flows & 1u << i)
			sum += weight(p, i);
	return sum / p;
}

/* Flows that nothing was lost of double their part; the others grow as in congestion avoidance. */
static void slow_start(struct state *st, const struct p2v_cc_ack *ack)
{
	bool end = false;
	double part = st->watches && st->ssthresh >= HUGE_WINDOW
			      ? hystart_on_ack(&st->hs, ack, &end)
			      : 1;

	st->cwnd += (double)ack->bytes * part * part_of(st->p, st->starting);
	if (st->cwnd > st->ssthresh)
		st->cwnd = st->ssthresh;
	if (end)
		st->ssthresh = st->cwnd;
}

static void grow(struct state *st, const struct p2v_cc_ack *ack)
{
	double part = (double)ack->bytes / st->cwnd;

	/* RFC 9002 7.8, 7.3.2 */
	if (ack->app_limited || ack->sent <= st->recovery)
		return;
	if (st->cwnd < st->ssthresh)
		slow_start(st, ack);
	if (st->cwnd >= st->ssthresh || st->starting != ALL_FLOWS)
		st->cwnd += increase(st, ack->now) * (part < 1 ? part : 1);
}

/* The window beside the main one sees what the main one sends: it is used when that is half of it
 * at least, and it is never above it. */
static void watch(struct state *st, const struct p2v_cc_ack *ack)
{
	struct p2v_cc_ack a = *ack;

	a.app_limited = 2 * (double)(ack->in_flight + ack->bytes) < st->yields.cwnd;
	scavenger_on_ack(&st->yields, &a, false);
	if (st->yields.cwnd > st->cwnd)
		st->yields.cwnd = st->cwnd;
}

static void dtl_on_ack(void *vst, const struct p2v_cc_ack *ack)
{
	struct state *st = vst;

	st->srtt = ack->srtt;
	if (ack->now >= st->calm_at) {
		st->calm_at = P2V_NEVER;
		apply(st, ack->now, st->asked);
	}
	if (yielding(st)) {
		scavenger_on_ack(&st->yields, ack, true);
		if (st->goal > 0 && st->yields.cwnd > st->goal)
			st->goal = st->yields.cwnd;
	} else {
		watch(st, ack);
		if (st->goal == 0)
			grow(st, ack);
	}
	if (st->goal > 0 && round_passed(st, ack))
		step_down(st, ack->now);
}

/* ---- losses ---- */

/* @return the virtual flow that a lost packet belonged to: each as likely as it is large; the last
 * one has what p has beyond a whole number */
static unsigned victim(const struct state *st)
{
	double at = (double)(p2v_env_random(st->env) >> 11) / 9007199254740992.0 * st->cut_p;

	return (unsigned)at < FLOWS_MAX ? (unsigned)at : FLOWS_MAX - 1;
}

/* A new epoch begins. A flow that is hit for the first time in it gives back half of its part of
 * the window with which it began. One cut of 1 / 2p an epoch (MulTCP) takes far too much: behind a
 * drop-tail queue, losses come in bursts that hit several of real flows at once. After a rise it is
 * what is wanted, until a place is found: what one flow gives back, however many were hit. */
static void begin_epoch(struct state *st, p2v_usec now)
{
	double part = st->cwnd * 0.5 / (st->p > 1 ? st->p : 1);

	if (rising(st, now)) {
		st->cwnd -= part < RISE_CUT * st->cwnd ? part : RISE_CUT * st->cwnd;
		part = 0;
		st->rise_left--;
	}
	st->recovery = now;
	st->hit = 0;
	st->cut_p = st->p;
	st->cut = part;
}

static void lose(struct state *st, p2v_usec now, p2v_usec sent, uint32_t packets)
{
	if (sent > st->recovery)
		begin_epoch(st, now);
	if (packets > HITS_MAX)
		packets = HITS_MAX;
	for (uint32_t i = 0; i < packets && st->hit != ALL_FLOWS; i++) {
		unsigned flow = victim(st);

		if (!(st->hit & 1u << flow))
			st->cwnd -= st->cut * weight(st->cut_p, flow);
		st->hit |= 1u << flow;
	}
	if (st->cwnd < minimum(st))
		st->cwnd = minimum(st);
	st->starting &= ~st->hit;
	if (part_of(st->p, st->starting) <= 0)
		st->ssthresh = st->cwnd;
}

static void collapse(struct state *st, p2v_usec now)
{
	st->cwnd = minimum(st); /* RFC 9002 7.6.2 */
	st->starting = ALL_FLOWS;
	st->goal = 0;
	st->recovery = P2V_UNKNOWN;
	st->unit_at = P2V_UNKNOWN;
	st->calm_at = now + st->conf->calm; /* RFC 8085 3.1: no more than one TCP then */
	if (st->p > 1)
		st->p = 1;
}

static void dtl_on_loss(void *vst, const struct p2v_cc_loss *loss)
{
	struct state *st = vst;

	scavenger_on_loss(&st->yields, loss->now, loss->sent, loss->srtt, loss->persistent);
	if (!yielding(st))
		lose(st, loss->now, loss->sent, loss->packets);
	if (loss->persistent)
		collapse(st, loss->now);
}

/* RFC 9002 7.1: a mark is a loss without a loss. */
static void dtl_on_ecn(void *vst, p2v_usec now, p2v_usec sent)
{
	struct state *st = vst;

	scavenger_on_loss(&st->yields, now, sent, st->srtt, false);
	if (!yielding(st))
		lose(st, now, sent, 1);
}

/* ---- the rest ---- */

static void dtl_set_mss(void *vst, uint32_t mss)
{
	struct state *st = vst;

	st->mss = mss;
	scavenger_set_mss(&st->yields, mss);
	if (st->cwnd < minimum(st))
		st->cwnd = minimum(st);
}

static void dtl_view(const void *vst, struct p2v_cc_view *out)
{
	const struct state *st = vst;
	double cwnd = st->cwnd, yields = st->yields.cwnd, top = st->ssthresh;

	if (yields > cwnd)
		yields = cwnd;
	if (yielding(st)) {
		cwnd = st->goal > 0 ? st->cwnd : st->yields.cwnd;
		top = st->yields.phase == SCAVENGER_STARTS ? HUGE_WINDOW : cwnd;
		yields = cwnd;
	}
	*out = (struct p2v_cc_view){ .cwnd = (uint64_t)cwnd,
		.ssthresh = top < HUGE_WINDOW ? (uint64_t)top : UINT64_MAX,
		.scavenger = (uint64_t)yields };
}

static int dtl_check(const void *vconf, struct p2v_err *err)
{
	const struct conf *conf = vconf;

	if (conf->initial_window < conf->minimum_window)
		return p2v_fail(err, P2V_ECONF, "initial_window is below minimum_window");
	return P2V_OK;
}

static const struct p2v_option options[] = { P2V_OPT_U32(struct conf, initial_window, "10", 2, 100,
						     "1",
						     "Packets that may be under way at the start"),
	P2V_OPT_U32(struct conf, minimum_window, "2", 2, 10, "1",
		"Packets that may always be under way"),
	P2V_OPT_USEC(struct conf, target, "20ms", 5 * P2V_MSEC, 100 * P2V_MSEC, "us",
		"Delay that a scavenger may add to the path"),
	P2V_OPT_USEC(struct conf, base_history, "10m", 10 * P2V_SECOND, 3600 * P2V_SECOND, "us",
		"How long the least delay that was seen is believed"),
	P2V_OPT_REAL(struct conf, decrease, "1", 0.1, 4, "1",
		"How strongly a scavenger's window shrinks when the delay is beyond the target"),
	P2V_OPT_U32(struct conf, rest, "19", 4, 1000, "1",
		"A scavenger's slow-down, which looks for the least delay, is followed by so many "
		"times its length"),
	P2V_OPT_USEC(struct conf, reference_rtt, "80ms", 20 * P2V_MSEC, P2V_SECOND, "us",
		"A longer round trip grows as fast as one of this length, up to three times it"),
	P2V_OPT_USEC(struct conf, memory, "30s", 0, 600 * P2V_SECOND, "us",
		"How long the window that it had before it yielded is still a goal"),
	P2V_OPT_USEC(struct conf, calm, "10s", 0, 600 * P2V_SECOND, "us",
		"How long after persistent congestion it has no more than one TCP's share"),
	P2V_OPT_BOOL(struct conf, hystart, "yes",
		"Leave slow start when the delay grows, before packets are lost"),
	P2V_OPT_END };

static const struct p2v_cc_ops ops = { .size = sizeof ops,
	.open = dtl_open,
	.on_ack = dtl_on_ack,
	.on_loss = dtl_on_loss,
	.on_ecn = dtl_on_ecn,
	.set_priority = dtl_set_priority,
	.set_mss = dtl_set_mss,
	.view = dtl_view };

P2V_PLUGIN(p2v_cc_dtl) = { P2V_HEADER(CC), .name = "dtl", .version = "1.0",
	.summary = "From scavenger to four TCPs, by priority",
	.source = "RFC 6817, draft-irtf-iccrg-ledbat-plus-plus, RFC 9002 section 7, MulTCP, own",
	.license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
	.state_size = sizeof(struct state), .caps = P2V_CC_CAP_PRIORITY, .options = options,
	.check = dtl_check, .ops.cc = &ops };
