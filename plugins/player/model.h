/* model.h - one model of a player's buffer, from its requests alone, for all families; a family
 * brings a table of its habits and how it is known. A player is assumed to start with the first
 * fragment that it has been given of each track that it asked for, and to play on in real time: so
 * its buffer is never overestimated. Everything is inline, for plugins link nothing. Source: own;
 * habits were measured or read, sdk/doc/players.md says which. */
#ifndef P2V_PLAYER_MODEL_H
#define P2V_PLAYER_MODEL_H

#include <string.h>

#include <peer2view/player.h>
#include <peer2view/plugin.h>

/* For so many of its fragments' time a track is awaited. One that has not been asked for again for
 * as long after all of it was played is no longer played. */
#define MODEL_LAG 3

struct model_conf {
	double finish_share, rise_share, pace;
	p2v_usec hold, patience;
};

struct model_track {
	bool has;
	p2v_usec from, end, dur; /* media time given, without a gap; dur: of the last one */
	p2v_usec asked;          /* what has not been given yet; P2V_UNKNOWN: nothing */
	p2v_usec until;          /* now() when all of it is played */
};

struct model {
	const struct model_conf *conf;
	bool playing, reading;      /* reading: it has been given something */
	p2v_usec began;             /* when it was */
	p2v_usec edge;              /* media time where the list ended when it asked first */
	p2v_usec clock_at, clock_t; /* at clock_at it played clock_t */
	/* Picture, or picture and sound, and sound that comes apart. Texts are never waited for. */
	struct model_track tracks[2];
	uint32_t stalls;
};

static inline void model_forget(struct model *m)
{
	m->playing = m->reading = false;
	m->edge = P2V_UNKNOWN;
	for (size_t i = 0; i < 2; i++)
		m->tracks[i] = (struct model_track){ .asked = P2V_UNKNOWN };
}

static inline int model_open(
	void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct model *m = st;

	(void)env;
	(void)err;
	m->conf = conf;
	model_forget(m);
	return P2V_OK;
}

/* Up to where it has all that it plays. */
static inline p2v_usec model_end(const struct model *m)
{
	const struct model_track *a = &m->tracks[0], *b = &m->tracks[1];

	if (a->has && b->has)
		return a->end < b->end ? a->end : b->end;
	return a->has ? a->end : b->end;
}

static inline p2v_usec model_position(const struct model *m, p2v_usec now)
{
	p2v_usec t = m->clock_t + (now - m->clock_at), end = model_end(m);

	return t < end ? t : end; /* it stands still where its buffer ends */
}

static inline p2v_usec model_buffer(const struct model *m, p2v_usec now)
{
	return m->playing ? model_end(m) - model_position(m, now) : 0;
}

static inline void model_on_request(void *st, p2v_usec now, const struct p2v_player_frag *f)
{
	struct model *m = st;
	struct model_track *k;

	if (f->track > P2V_TRACK_AUDIO || f->t == P2V_UNKNOWN)
		return;
	k = &m->tracks[f->track];
	/* A seek, or a new start: what it had is of no use to it. One fragment again is a retry or
	 * another rate. */
	if (m->playing && (f->t > (k->has ? k->end : model_end(m)) + 2 * f->dur ||
				  f->t + 3 * f->dur < model_position(m, now)))
		model_forget(m);
	if (m->edge == P2V_UNKNOWN && f->behind != P2V_UNKNOWN)
		m->edge = f->t + f->dur + f->behind;
	k->asked = now;
	k->dur = f->dur;
}

static inline bool model_awaits(const struct model_track *k, p2v_usec now)
{
	return k->asked != P2V_UNKNOWN && now - k->asked <= MODEL_LAG * k->dur;
}

/* What is played by parts is played close to the edge, and begins with a picture that stands by
 * itself, often seconds before: the parts from there on are no buffer. RFC 8216bis 4.4.3.8 keeps
 * players three parts from the edge, or further: that of the list by which they chose where to
 * begin, before they asked for anything. Half a part is kept in reserve. One that is not there
 * after a fragment's time stays away from it on purpose.
 * @return where it begins to play; P2V_UNKNOWN: not in this part */
static inline p2v_usec model_beginning(
	const struct model *m, p2v_usec now, const struct p2v_player_frag *f)
{
	p2v_usec end = f->t + f->dur, nearest;

	if (f->whole <= f->dur || f->behind == P2V_UNKNOWN || now - m->began >= f->whole)
		return f->t;
	nearest = end + f->behind;
	if (m->edge != P2V_UNKNOWN && m->edge + f->dur / 2 < nearest)
		nearest = m->edge + f->dur / 2;
	nearest -= 3 * f->dur;
	if (nearest + f->dur / 16 >= end) /* durations are rounded */
		return P2V_UNKNOWN;
	return nearest > f->t ? nearest : f->t;
}

/* @param from  [us] media time from which on it plays what it is given */
static inline void model_give(struct model_track *k, const struct p2v_player_frag *f, p2v_usec from)
{
	if (!k->has) {
		k->has = true;
		k->from = from;
		k->end = f->t + f->dur;
	} else if (f->t + f->dur > k->end) {
		k->end = f->t + f->dur;
	}
	k->dur = f->dur;
	k->asked = P2V_UNKNOWN;
}

static inline void model_clock(struct model *m, p2v_usec now, p2v_usec t)
{
	m->playing = true;
	m->clock_at = now;
	m->clock_t = t;
}

/* It begins where it has all of what it asked for. */
static inline void model_begin(struct model *m, p2v_usec now)
{
	const struct model_track *a = &m->tracks[0], *b = &m->tracks[1];

	if ((!a->has && model_awaits(a, now)) || (!b->has && model_awaits(b, now)))
		return;
	model_clock(m, now, !b->has || (a->has && a->from > b->from) ? a->from : b->from);
}

static inline void model_play(struct model *m, p2v_usec now, const struct p2v_player_frag *f)
{
	struct model_track *other = &m->tracks[1 - f->track];
	p2v_usec had = model_end(m), late = m->clock_t + (now - m->clock_at) - had;

	model_give(&m->tracks[f->track], f, f->t);
	if (other->has && !model_awaits(other, now) &&
		now > other->until + MODEL_LAG * other->dur) {
		other->has = false;
		model_clock(m, now, f->t); /* how it went meanwhile is not known */
	} else if (late > 0) {
		/* It ran dry before this came; if the other track is what it lacks, it stands still
		 * yet, and what it has of this one lasts for longer. */
		m->stalls += model_end(m) > had;
		model_clock(m, now, had);
		if (other->end > had)
			other->until += late;
	}
}

static inline void model_on_served(void *st, p2v_usec now, const struct p2v_player_frag *f)
{
	struct model *m = st;
	struct model_track *k;
	p2v_usec from;

	if (f->track > P2V_TRACK_AUDIO || f->t == P2V_UNKNOWN)
		return;
	if (!m->reading)
		m->began = now;
	m->reading = true;
	k = &m->tracks[f->track];
	if (m->playing) {
		model_play(m, now, f);
	} else {
		from = k->has ? f->t : model_beginning(m, now, f);
		if (from == P2V_UNKNOWN)
			return;
		model_give(k, f, from);
		model_begin(m, now);
	}
	k->until = now + k->end - (m->playing ? model_position(m, now) : k->from);
}

/* In which part of its duration a fragment has to be there. A player rises when it sees a rate of
 * which a part suffices for the next rendition: what is handed over more slowly keeps it where it
 * is. */
static inline double model_share(const struct model_conf *conf, const struct p2v_player_frag *f)
{
	double rise = f->next_bitrate > f->bitrate && f->bitrate > 0 && conf->rise_share > 0
			      ? conf->rise_share * (double)f->bitrate / (double)f->next_bitrate
			      : conf->finish_share;

	return rise < conf->finish_share ? rise : conf->finish_share;
}

static inline void model_due(void *st, p2v_usec now, const struct p2v_player_frag *f,
	p2v_usec asked, struct p2v_player_due *out)
{
	const struct model *m = st;

	out->dry = out->finish = P2V_NEVER;
	if (!m->playing) {
		if (asked != P2V_UNKNOWN)
			out->dry = asked; /* it waits for its first picture */
		return;
	}
	if (f->t == P2V_UNKNOWN)
		out->dry = asked == P2V_UNKNOWN ? P2V_NEVER : now + model_buffer(m, now) / 2;
	else
		out->dry = m->clock_at + (f->t - m->clock_t);
	if (asked != P2V_UNKNOWN && f->dur > 0 && f->whole <= f->dur)
		out->finish = asked + (p2v_usec)((double)f->dur * model_share(m->conf, f));
}

static inline uint64_t model_pace(void *st, p2v_usec now, const struct p2v_player_frag *f)
{
	const struct model *m = st;

	(void)now;
	return (uint64_t)((double)f->bitrate / 8.0 * m->conf->pace);
}

static inline p2v_usec model_hold(void *st, p2v_usec now, const struct p2v_player_frag *f)
{
	const struct model *m = st;
	p2v_usec hold = model_buffer(m, now);

	(void)f;
	/* While it has something to play it can wait for another attempt, if it has the patience.
	 */
	hold = hold > m->conf->hold ? hold : m->conf->hold;
	return hold < m->conf->patience ? hold : m->conf->patience;
}

static inline void model_view(const void *st, p2v_usec now, struct p2v_player_view *out)
{
	const struct model *m = st;

	out->playing = m->playing;
	out->stalls = m->stalls;
	out->buffer = model_buffer(m, now);
}

/* Whether a User-Agent has that word. */
static inline bool model_named(struct p2v_str agent, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= agent.n; i++)
		if (memcmp(agent.p + i, word, n) == 0)
			return true;
	return false;
}

/** Options, operations and descriptor of one family.
 * @param NAME_      its name, and that of its file
 * @param SUMMARY_, SOURCE_  text
 * @param MATCH_     how well it knows a User-Agent, as match() of struct p2v_player_ops
 * @param FINISH_, RISE_, HOLD_, PATIENCE_  text: its habits, defaults of the options */
#define MODEL_FAMILY(NAME_, SUMMARY_, SOURCE_, MATCH_, FINISH_, RISE_, HOLD_, PATIENCE_)                                                                                                                                \
	static const struct p2v_option options[] = {                                                                                                                                                                    \
		P2V_OPT_REAL(struct model_conf, finish_share, FINISH_, 0.05, 1, "1",                                                                                                                                    \
			"share of a fragment's duration in which it should be handed over once it is asked for, so that the player does not take the line for slow"),                                                   \
		P2V_OPT_REAL(struct model_conf, rise_share, RISE_, 0, 1, "1",                                                                                                                                           \
			"part of the rate it sees that a player trusts for a higher rendition: below the highest one fragments are handed over so fast that it sees it could rise; 0: it never rises by what it sees"), \
		P2V_OPT_USEC(struct model_conf, hold, HOLD_, 0, 60e6, "ms",                                                                                                                                             \
			"least time for which a miss is kept from the player"),                                                                                                                                         \
		P2V_OPT_USEC(struct model_conf, patience, PATIENCE_, 0, 60e6, "ms",                                                                                                                                     \
			"most time for which a miss is kept from the player: then it would give up the request by itself"),                                                                                             \
		P2V_OPT_REAL(struct model_conf, pace, "0", 0, 1000, "1",                                                                                                                                                \
			"most that is handed over, in multiples of the bit rate; 0: as it comes"),                                                                                                                      \
		P2V_OPT_END                                                                                                                                                                                             \
	};                                                                                                                                                                                                              \
	static const struct p2v_player_ops ops = { .size = sizeof ops,                                                                                                                                                  \
		.match = MATCH_,                                                                                                                                                                                        \
		.open = model_open,                                                                                                                                                                                     \
		.on_request = model_on_request,                                                                                                                                                                         \
		.on_served = model_on_served,                                                                                                                                                                           \
		.due = model_due,                                                                                                                                                                                       \
		.pace = model_pace,                                                                                                                                                                                     \
		.hold = model_hold,                                                                                                                                                                                     \
		.view = model_view };                                                                                                                                                                                   \
	P2V_PLUGIN(p2v_player_##NAME_) = { P2V_HEADER(PLAYER), .name = #NAME_, .version = "1.0",                                                                                                                        \
		.summary = SUMMARY_, .source = SOURCE_, .license = "BSD-2-Clause",                                                                                                                                      \
		.conf_size = sizeof(struct model_conf), .state_size = sizeof(struct model),                                                                                                                             \
		.options = options, .ops.player = &ops }

#endif
