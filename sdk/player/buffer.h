/* buffer.h - the media that a player has and what becomes of it: start-up, playing, stalls, holes,
 * the end. A model in which media is time, with no bytes in it; exact to the microsecond whenever
 * it is looked at. */
#ifndef P2V_PLAYER_BUFFER_H
#define P2V_PLAYER_BUFFER_H

#include <peer2view/base.h>

/** One fragment. */
struct p2v_media {
	p2v_usec t, dur;  /* [us] on the player's own clock */
	size_t rendition; /* any number that tells renditions apart */
	uint64_t bitrate; /* [bit/s] of it */
	bool dated;
	int64_t date; /* [us] since 1970 of its first frame */
};

enum { P2V_BUFFER_TRACKS = 2, P2V_BUFFER_SAMPLES_MAX = 1 << 16 };

struct p2v_buffer_item {
	struct p2v_media m;
	bool begun; /* it has begun to play */
};

struct p2v_buffer_track {
	struct p2v_buffer_item *v; /* shape (n) of cap, rising t; what is played goes */
	size_t n, cap;
	bool ended; /* nothing more will come */
};

enum p2v_buffer_state {
	P2V_BUFFER_STARTING = 0, /* not enough yet */
	P2V_BUFFER_PLAYING,
	P2V_BUFFER_STALLED,
	P2V_BUFFER_FINISHED /* all was played */
};

struct p2v_buffer {
	p2v_usec start, resume; /* [us] media that begins the playback, and ends a stall */
	struct p2v_buffer_track
		v[P2V_BUFFER_TRACKS]; /* all play together; the first one is told of */
	size_t n_tracks;
	enum p2v_buffer_state state;
	p2v_usec from;  /* where playback begins, if there is media before; P2V_UNKNOWN: not said */
	p2v_usec at;    /* playhead, on the media's clock; P2V_UNKNOWN: nothing came yet */
	p2v_usec since; /* now() for which `at` holds; in a stall: when it began */
	p2v_usec opened, startup; /* startup P2V_UNKNOWN: not yet */
	uint32_t stalls, jumps, switches;
	p2v_usec stalled;        /* [us] in stalls that are over */
	p2v_usec played, jumped; /* [us] media */
	uint64_t begun;          /* fragments of the first track that began to play */
	double bits;             /* bit/s times us that were played */
	uint64_t last_bitrate;
	size_t last_rendition;
	int32_t *latency; /* [ms] shape (n_latency): one for each fragment that began to play */
	size_t n_latency, cap_latency;
};

/** @param n_tracks  1: video with its sound; 2: sound apart
 * @param start, resume  [us] 0: any media will do */
void p2v_buffer_init(
	struct p2v_buffer *b, size_t n_tracks, p2v_usec start, p2v_usec resume, p2v_usec now);
void p2v_buffer_fini(struct p2v_buffer *b);

/** Media arrived. Its t is at least the end of what the track got before.
 * @param wall  [us] since 1970, at now
 * @return P2V_OK or P2V_ENOMEM */
P2V_MUST_USE int p2v_buffer_append(
	struct p2v_buffer *b, size_t track, const struct p2v_media *m, p2v_usec now, int64_t wall);
/** Playback begins here, though a decoder needs media from before: what is shown of it is nothing.
 * Before it began. */
void p2v_buffer_seek(struct p2v_buffer *b, p2v_usec from);
/** Nothing more will come on this track. */
void p2v_buffer_end(struct p2v_buffer *b, size_t track, p2v_usec now, int64_t wall);
/** Let time pass up to now. */
void p2v_buffer_advance(struct p2v_buffer *b, p2v_usec now, int64_t wall);

/** @return when the playhead will come to the end of what there is; P2V_NEVER: it does not move */
p2v_usec p2v_buffer_dry(const struct p2v_buffer *b);
/** @return [us] media without a hole ahead of the playhead, up to date as of the last call above */
p2v_usec p2v_buffer_ahead(const struct p2v_buffer *b, size_t track);
/** @return [us] in stalls, with the one under way */
p2v_usec p2v_buffer_stalled(const struct p2v_buffer *b, p2v_usec now);
/** @return [us] behind the encoder's clock, of what is at the playhead; P2V_UNKNOWN: no dates */
p2v_usec p2v_buffer_latency(const struct p2v_buffer *b, p2v_usec now, int64_t wall);
/** @return [us] the median over fragments; P2V_UNKNOWN: none had a date */
p2v_usec p2v_buffer_latency_median(const struct p2v_buffer *b);

#endif
