/* player.h - kind `player`: what a family of players needs of the agent. One state per player
 * session (one channel read by one player). It turns the player's requests into deadlines, and says
 * how to hand bytes over. */
#ifndef PEER2VIEW_PLAYER_H
#define PEER2VIEW_PLAYER_H

#include <peer2view/env.h>

#define P2V_PLAYER_ABI 1

/** A fragment on its rendition's timeline. */
struct p2v_player_frag {
	p2v_usec t, dur;       /* [us] media time; t = P2V_UNKNOWN for an initialisation segment */
	uint64_t bitrate;      /* [bit/s] of its rendition; 0 unknown */
	uint64_t next_bitrate; /* [bit/s] of the next higher rendition; 0: none, or not known */
	/* [us] duration of the fragment that this is a part of, published before that is whole
	 * (low-latency HLS); dur: it is a fragment itself. */
	p2v_usec whole;
	/* [us] of media listed behind it; 0: it is the last, or promised; P2V_UNKNOWN: the stream
	 * is not live, or it is listed no more. */
	p2v_usec behind;
};

/** When a fragment should be at the player. Absolute times; P2V_NEVER: no reason to hurry. */
struct p2v_player_due {
	/* The buffer runs dry without it: a stall. */
	p2v_usec dry;
	/* The whole body should be there, lest the player's bandwidth estimate makes it switch
	 * down; P2V_NEVER while the player has not asked for it. */
	p2v_usec finish;
};

struct p2v_player_view {
	p2v_usec buffer; /* [us] media that the player surely still has; never negative */
	uint32_t stalls; /* how many times the estimate ran dry */
	bool playing;    /* it has had enough to start */
};

struct p2v_player_ops {
	uint32_t size;

	/** How well this plugin knows the player that sends this User-Agent.
	 * @return 0 not at all … 100 made for it; the host takes the best of the configured plugins
	 */
	uint32_t (*match)(const void *conf, struct p2v_str user_agent);

	int (*open)(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err);
	void (*close)(void *st); /* may be NULL */

	/** The player asked for f; and: it has been given all of it. */
	void (*on_request)(void *st, p2v_usec now, const struct p2v_player_frag *f);
	void (*on_served)(void *st, p2v_usec now, const struct p2v_player_frag *f);

	/** When f should be there, whether or not the player has asked for it yet.
	 * @param asked  when the player asked for it, or, when it was not there then, when it
	 * should be there; P2V_UNKNOWN: not yet
	 * @param out    [out] */
	void (*due)(void *st, p2v_usec now, const struct p2v_player_frag *f, p2v_usec asked,
		struct p2v_player_due *out);

	/** At most how fast to hand f to the player. May be NULL.
	 * @return [B/s]; 0: as fast as it comes */
	uint64_t (*pace)(void *st, p2v_usec now, const struct p2v_player_frag *f);

	/** How long a miss or a passing error of the CDN is kept from the player. May be NULL: the
	 * host's own default.
	 * @return [us] since the player asked */
	p2v_usec (*hold)(void *st, p2v_usec now, const struct p2v_player_frag *f);

	void (*view)(const void *st, p2v_usec now, struct p2v_player_view *out);
};

#endif
