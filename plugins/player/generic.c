/* generic.c - player/generic: any player, from its requests alone. It is assumed to start with the
 * first fragment that it has been given, and to play on in real time: the buffer is never
 * overestimated. Source: own; the cadence of real players is in sdk/doc/players.md. */
#include <peer2view/player.h>
#include <peer2view/plugin.h>

struct conf {
	double finish_share;
	p2v_usec hold;
	double pace, rise_share;
};

struct state {
	const struct conf *conf;
	bool playing, reading;      /* reading: it has been given something */
	p2v_usec began;             /* when it was */
	p2v_usec clock_at, clock_t; /* at clock_at it played clock_t */
	p2v_usec end;               /* media time that it has been given up to */
	uint32_t stalls;
};

static uint32_t generic_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 1; /* any plugin that knows its player is better */
}

static int generic_open(void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	return P2V_OK;
}

static p2v_usec position(const struct state *st, p2v_usec now)
{
	p2v_usec t = st->clock_t + (now - st->clock_at);

	return t < st->end ? t : st->end; /* it stands still where its buffer ends */
}

static void generic_on_request(void *vst, p2v_usec now, const struct p2v_player_frag *f)
{
	struct state *st = vst;

	(void)now;
	/* A seek, or a new start: what it had is of no use to it. One fragment again is a retry or
	 * another rate. */
	if (st->playing && f->t != P2V_UNKNOWN &&
		(f->t > st->end + 2 * f->dur || f->t + 3 * f->dur < position(st, now)))
		st->playing = st->reading = false;
}

/* What is played by parts is played close to the edge, and begins with a picture that stands by
 * itself, often seconds before: the parts from there on are no buffer. RFC 8216bis 4.4.3.8 keeps
 * players three parts from the edge, or further. One that is not there after a fragment's time
 * stays away from it on purpose.
 * @return where it begins to play; P2V_UNKNOWN: not in this part */
static p2v_usec beginning(const struct state *st, p2v_usec now, const struct p2v_player_frag *f)
{
	p2v_usec end = f->t + f->dur, nearest;

	if (f->whole <= f->dur || f->behind == P2V_UNKNOWN || now - st->began >= f->whole)
		return f->t;
	nearest = end + f->behind - 3 * f->dur;
	if (nearest + f->dur / 16 >= end) /* durations are rounded */
		return P2V_UNKNOWN;
	return nearest > f->t ? nearest : f->t;
}

static void generic_on_served(void *vst, p2v_usec now, const struct p2v_player_frag *f)
{
	struct state *st = vst;
	p2v_usec from;

	if (f->t == P2V_UNKNOWN)
		return;
	if (!st->reading)
		st->began = now;
	st->reading = true;
	if (!st->playing) {
		from = beginning(st, now, f);
		if (from == P2V_UNKNOWN)
			return;
		st->playing = true;
		st->clock_at = now;
		st->clock_t = from;
		st->end = f->t + f->dur;
		return;
	}
	if (st->clock_t + (now - st->clock_at) > st->end) { /* it ran dry before this came */
		st->stalls++;
		st->clock_at = now;
		st->clock_t = st->end;
	}
	if (f->t + f->dur > st->end)
		st->end = f->t + f->dur;
}

/* In which part of its duration a fragment has to be there. A player rises when it sees a rate of
 * which a part, often 0.7, suffices for the next rendition: what is handed over more slowly keeps
 * it where it is. */
static double share(const struct conf *conf, const struct p2v_player_frag *f)
{
	double rise = f->next_bitrate > f->bitrate && f->bitrate > 0
			      ? conf->rise_share * (double)f->bitrate / (double)f->next_bitrate
			      : conf->finish_share;

	return rise < conf->finish_share ? rise : conf->finish_share;
}

static void generic_due(void *vst, p2v_usec now, const struct p2v_player_frag *f, p2v_usec asked,
	struct p2v_player_due *out)
{
	const struct state *st = vst;

	out->dry = out->finish = P2V_NEVER;
	if (!st->playing) {
		if (asked != P2V_UNKNOWN)
			out->dry = asked; /* it waits for its first picture */
		return;
	}
	if (f->t == P2V_UNKNOWN)
		out->dry = asked == P2V_UNKNOWN ? P2V_NEVER
						: now + (st->end - position(st, now)) / 2;
	else
		out->dry = st->clock_at + (f->t - st->clock_t);
	if (asked != P2V_UNKNOWN && f->dur > 0 && f->whole <= f->dur)
		out->finish = asked + (p2v_usec)((double)f->dur * share(st->conf, f));
}

static uint64_t generic_pace(void *vst, p2v_usec now, const struct p2v_player_frag *f)
{
	const struct state *st = vst;

	(void)now;
	return (uint64_t)((double)f->bitrate / 8.0 * st->conf->pace);
}

static p2v_usec generic_hold(void *vst, p2v_usec now, const struct p2v_player_frag *f)
{
	const struct state *st = vst;
	p2v_usec buffer = st->playing ? st->end - position(st, now) : 0;

	(void)f;
	/* While it has something to play it can wait for another attempt. */
	return buffer > st->conf->hold ? buffer : st->conf->hold;
}

static void generic_view(const void *vst, p2v_usec now, struct p2v_player_view *out)
{
	const struct state *st = vst;

	out->playing = st->playing;
	out->stalls = st->stalls;
	out->buffer = st->playing ? st->end - position(st, now) : 0;
}

static const struct p2v_option options[] = {
	P2V_OPT_REAL(struct conf, finish_share, "0.5", 0.05, 1, "1",
		"share of a fragment's duration in which it should be handed over once it is asked for, so that the player does not take the line for slow"),
	P2V_OPT_REAL(struct conf, rise_share, "0.65", 0.05, 1, "1",
		"part of the rate it sees that a player trusts for a higher rendition: below the highest one fragments are handed over so fast that it sees it could rise"),
	P2V_OPT_USEC(struct conf, hold, "3s", 0, 60e6, "ms",
		"least time for which a miss is kept from the player"),
	P2V_OPT_REAL(struct conf, pace, "0", 0, 1000, "1",
		"most that is handed over, in multiples of the bit rate; 0: as it comes"),
	P2V_OPT_END
};

static const struct p2v_player_ops ops = { .size = sizeof ops,
	.match = generic_match,
	.open = generic_open,
	.on_request = generic_on_request,
	.on_served = generic_on_served,
	.due = generic_due,
	.pace = generic_pace,
	.hold = generic_hold,
	.view = generic_view };

P2V_PLUGIN(p2v_player_generic) = { P2V_HEADER(PLAYER), .name = "generic", .version = "1.0",
	.summary = "any player, from its requests alone", .source = "own",
	.license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
	.state_size = sizeof(struct state), .options = options, .ops.player = &ops };
