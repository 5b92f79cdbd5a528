/* scavenger.h - a window that yields to everybody: LEDBAT (RFC 6817) with the changes of LEDBAT++
 * (draft-irtf-iccrg-ledbat-plus-plus). It is all of cc/ledbat, and the low end of cc/dtl.
 * Everything is inline, for plugins link nothing.
 *
 * The delay is that of the round trip less the remote's ACK delay, as LEDBAT++ has it: two clocks
 * that drift apart by 100 ppm are 60 ms apart after ten minutes, more than the target. */
#ifndef P2V_CC_SCAVENGER_H
#define P2V_CC_SCAVENGER_H

#include <peer2view/cc.h>

enum {
	SCAVENGER_FILTER = 4, /* samples, of which the least counts: LEDBAT++ */
	SCAVENGER_BASES = 10, /* turns of history, RFC 6817 2.5 BASE_HISTORY */
	SCAVENGER_GAIN_MAX = 16,
	SCAVENGER_STEEP = 4, /* targets of delay beyond the target, from where it shrinks in full */
	SCAVENGER_FREEZE = 2 /* round trips that a slow-down lasts at the floor, LEDBAT++ */
};

#define SCAVENGER_GAIN_TARGET (60 * P2V_MSEC) /* LEDBAT++'s TARGET, which its GAIN is made for */

struct scavenger_rules {
	p2v_usec target;    /* [us] of queueing delay */
	p2v_usec base_turn; /* [us] a tenth of how long a base delay is believed */
	double decrease;    /* LEDBAT++'s Constant */
	uint32_t rest;      /* a slow-down is followed by so many times its length without one */
	uint32_t minimum;   /* [packets] */
	uint32_t initial;   /* [packets] */
};

enum scavenger_phase {
	SCAVENGER_STARTS = 0, /* slow start; how much fits is unknown */
	SCAVENGER_STEADY,
	SCAVENGER_FROZEN, /* a slow-down: at the floor, so that the queue drains and the base shows
			   */
	SCAVENGER_REGAINS /* slow start up to where it was */
};

struct scavenger {
	struct scavenger_rules rules;
	uint32_t mss;
	double cwnd; /* [B] */
	enum scavenger_phase phase;
	double regain;      /* [B] the window before the slow-down */
	p2v_usec phase_end; /* STEADY: when the next slow-down begins; FROZEN: when it may grow */
	p2v_usec slowed;    /* when the last slow-down began */
	p2v_usec recovery;  /* one cut for all that was sent up to here */
	p2v_usec squeezed;  /* when others last left it nothing; P2V_UNKNOWN */
	p2v_usec base[SCAVENGER_BASES]; /* [us] least round trip of each turn; P2V_NEVER */
	uint32_t turn;
	p2v_usec turn_end;
	p2v_usec last[SCAVENGER_FILTER]; /* [us] round trips; P2V_NEVER */
	uint32_t samples;
};

static inline double scavenger_floor(const struct scavenger *s)
{
	return (double)s->rules.minimum * s->mss;
}

static inline void scavenger_lift(struct scavenger *s)
{
	if (s->cwnd < scavenger_floor(s))
		s->cwnd = scavenger_floor(s);
	if (s->regain < scavenger_floor(s))
		s->regain = scavenger_floor(s);
}

static inline void scavenger_init(
	struct scavenger *s, const struct scavenger_rules *rules, uint32_t mss)
{
	*s = (struct scavenger){ .rules = *rules,
		.mss = mss,
		.phase_end = P2V_NEVER,
		.recovery = P2V_UNKNOWN,
		.squeezed = P2V_UNKNOWN,
		.turn_end = P2V_UNKNOWN };
	s->cwnd = (double)rules->initial * mss;
	for (int i = 0; i < SCAVENGER_BASES; i++)
		s->base[i] = P2V_NEVER;
	for (int i = 0; i < SCAVENGER_FILTER; i++)
		s->last[i] = P2V_NEVER;
}

static inline p2v_usec scavenger_least(const p2v_usec *v, int n)
{
	p2v_usec least = P2V_NEVER;

	for (int i = 0; i < n; i++)
		least = v[i] < least ? v[i] : least;
	return least;
}

/** @return [us] the least round trip of the last ten turns; P2V_NEVER: none yet */
static inline p2v_usec scavenger_base(const struct scavenger *s)
{
	return scavenger_least(s->base, SCAVENGER_BASES);
}

/** @return [us] queueing delay: RFC 6817 2.4.2 with LEDBAT++'s filter; 0 before the first sample */
static inline p2v_usec scavenger_queue(const struct scavenger *s)
{
	p2v_usec now = scavenger_least(s->last, SCAVENGER_FILTER);

	return now == P2V_NEVER ? 0 : now - scavenger_base(s);
}

/* RFC 6817 2.4.2 update_base_delay(): a list of least delays, one of each turn, so that an old path
 * is forgotten. After hours of silence all of it is old. */
static inline void scavenger_sample(struct scavenger *s, p2v_usec now, p2v_usec rtt)
{
	if (rtt <= 0)
		return;
	if (s->turn_end == P2V_UNKNOWN)
		s->turn_end = now + s->rules.base_turn;
	for (int i = 0; now >= s->turn_end && i < SCAVENGER_BASES; i++) {
		s->turn = (s->turn + 1) % SCAVENGER_BASES;
		s->base[s->turn] = P2V_NEVER;
		s->turn_end += s->rules.base_turn;
	}
	if (now >= s->turn_end)
		s->turn_end = now + s->rules.base_turn;
	if (rtt < s->base[s->turn])
		s->base[s->turn] = rtt;
	s->last[s->samples++ % SCAVENGER_FILTER] = rtt;
}

/* LEDBAT++: GAIN = 1 / min(16, ceil(2 TARGET / base)), so that it grows no faster than Reno where
 * the path is short. */
static inline double scavenger_gain(const struct scavenger *s)
{
	p2v_usec base = scavenger_base(s), parts;

	if (base == P2V_NEVER || base <= 0)
		return 1;
	parts = (2 * SCAVENGER_GAIN_TARGET + base - 1) / base;
	return 1.0 / (double)(parts < SCAVENGER_GAIN_MAX ? parts : SCAVENGER_GAIN_MAX);
}

static inline void scavenger_steady(struct scavenger *s, p2v_usec next)
{
	s->phase = SCAVENGER_STEADY;
	s->phase_end = next;
}

/* @return [B] of what was acknowledged, this window's part: it may be beside a larger one, or have
 * just taken over from it */
static inline double scavenger_own(const struct scavenger *s, const struct p2v_cc_ack *a)
{
	double flight = (double)a->in_flight + (double)a->bytes;

	return (double)a->bytes * (flight > s->cwnd ? s->cwnd / flight : 1);
}

/* LEDBAT++, slow start: the window grows by GAIN times what was acknowledged, until three quarters
 * of the target are used. Up to a window that it had before it doubles. */
static inline void scavenger_climb(struct scavenger *s, const struct p2v_cc_ack *a)
{
	bool regains = s->phase == SCAVENGER_REGAINS;

	if (a->app_limited)
		return;
	if (!regains && scavenger_queue(s) > s->rules.target * 3 / 4) {
		scavenger_steady(s, a->now + SCAVENGER_FREEZE * a->srtt);
		return;
	}
	s->cwnd += scavenger_own(s, a) * (regains ? 1 : scavenger_gain(s));
	if (regains && s->cwnd >= s->regain) {
		s->cwnd = s->regain;
		scavenger_steady(s, a->now + (p2v_usec)s->rules.rest * (a->now - s->slowed));
	}
}

/* LEDBAT++: a round trip moves W by GAIN below the target, and beyond it by
 * max(GAIN - Constant W (delay / TARGET - 1), -W / 2). An ACK moves it by its part of that. In
 * place of x = delay / TARGET - 1 stands x^2 / 4 up to x = 4 (own): where two flows come to rest, x
 * is GAIN / W, less than a hundredth, and a tenth of a millisecond by which their base delays
 * differ would give one of them all. */
static inline void scavenger_track(struct scavenger *s, const struct p2v_cc_ack *a)
{
	double over = (double)scavenger_queue(s) / (double)s->rules.target - 1;
	double step = scavenger_gain(s) * s->mss, part = scavenger_own(s, a) / s->cwnd;

	if (over > 0)
		step -= s->rules.decrease * s->cwnd * over *
			(over < SCAVENGER_STEEP ? over / SCAVENGER_STEEP : 1);
	if (step < -s->cwnd / 2)
		step = -s->cwnd / 2;
	if (step > 0 && a->app_limited)
		return; /* RFC 6817 2.4.2: a window that is not used does not grow */
	s->cwnd += step * (part < 1 ? part : 1);
	if (s->cwnd < scavenger_floor(s)) {
		s->cwnd = scavenger_floor(s);
		s->squeezed = a->now;
	}
}

/** It begins to decide, after it ran beside a window of `most` bytes. A slow-down that would be due
 * waits: what was sent until now was not its own. */
static inline void scavenger_take(struct scavenger *s, p2v_usec now, double most, p2v_usec srtt)
{
	p2v_usec rest = (p2v_usec)s->rules.rest * 2 * SCAVENGER_FREEZE * srtt;

	if (s->cwnd > most)
		s->cwnd = most;
	if (s->phase == SCAVENGER_STEADY && s->phase_end < now + rest)
		s->phase_end = now + rest;
}

/** An ACK.
 * @param s     [inout]
 * @param a     [in] its app_limited as this window sees it
 * @param rules whether the window is the one that decides: only then does it slow down to look for
 * the base delay */
static inline void scavenger_on_ack(struct scavenger *s, const struct p2v_cc_ack *a, bool rules)
{
	scavenger_sample(s, a->now, a->rtt);
	if (s->phase == SCAVENGER_STEADY && rules && a->now >= s->phase_end && !a->app_limited) {
		s->phase = SCAVENGER_FROZEN;
		s->slowed = a->now;
		s->phase_end = a->now + SCAVENGER_FREEZE * a->srtt;
		s->regain = s->cwnd;
		s->cwnd = scavenger_floor(s);
	}
	if (s->phase == SCAVENGER_FROZEN && a->now >= s->phase_end)
		s->phase = SCAVENGER_REGAINS;
	if (s->phase == SCAVENGER_FROZEN)
		return;
	if (a->sent <= s->recovery)
		return;
	if (s->phase == SCAVENGER_STEADY)
		scavenger_track(s, a);
	else
		scavenger_climb(s, a);
}

/** Loss, or a mark: half the window, once a round trip (RFC 6817 2.4.2).
 * @param sent  when the newest packet of them left */
static inline void scavenger_on_loss(
	struct scavenger *s, p2v_usec now, p2v_usec sent, p2v_usec srtt, bool persistent)
{
	if (persistent) {
		s->cwnd = scavenger_floor(s);
		s->phase = SCAVENGER_STARTS;
		s->recovery = P2V_UNKNOWN;
		return;
	}
	if (sent <= s->recovery)
		return;
	s->recovery = now;
	s->cwnd /= 2;
	s->regain /= 2;
	scavenger_lift(s);
	if (s->phase == SCAVENGER_STARTS || s->phase == SCAVENGER_REGAINS)
		scavenger_steady(s, now + SCAVENGER_FREEZE * srtt);
}

static inline void scavenger_set_mss(struct scavenger *s, uint32_t mss)
{
	s->mss = mss;
	scavenger_lift(s);
}

#endif
