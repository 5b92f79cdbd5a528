/* player.h - the measuring player: it plays a stream on any world as a browser's player would, but
 * decodes nothing, and tells how that went. The same code live and in virtual time. */
#ifndef P2V_SDK_PLAYER_H
#define P2V_SDK_PLAYER_H

#include "framework/base/json.h"
#include "framework/base/world.h"
#include "framework/stream/doc.h"
#include "sdk/player/abr.h"

struct p2v_player;

/** Settings, with their table. */
struct p2v_player_conf {
	uint32_t abr, rendition;
	p2v_usec abr_fast, abr_slow;
	uint64_t abr_initial;
	double abr_keep, abr_rise;
	uint32_t start_fragments;
	p2v_usec start_buffer, resume_buffer, max_buffer;
	p2v_usec connect_timeout, idle_timeout, load_timeout;
	uint32_t error_retries, timeout_retries, miss_rounds;
	p2v_usec retry_delay, retry_delay_max, give_up;
	bool abandon;
	uint32_t low_latency; /* enum p2v_low_latency */
	bool preload_hints;
};
enum p2v_low_latency { P2V_LOW_LATENCY_AUTO = 0, P2V_LOW_LATENCY_NO };
extern const struct p2v_option p2v_player_options[];

/** A fragment, or a part of one, of which all bytes came. */
struct p2v_player_fragment {
	const char *url;
	struct p2v_manifest_range range;
	uint64_t n;       /* media sequence number */
	size_t rendition; /* index, from the lowest bit rate; of sound: of its own list */
	bool audio, init;
	bool partial; /* part i of fragment n */
	uint32_t i;
	uint64_t bitrate;            /* [bit/s] of the rendition; 0: not known */
	uint64_t bytes;              /* [B] of it, without what a server sent beside the range */
	p2v_usec asked, first, done; /* now() */
};

/** Who watches the player. Any member may be NULL. Nothing may be done to the player in here but to
 * look at it. */
struct p2v_player_hooks {
	void *ctx;
	/** Bytes of a fragment or initialisation segment, as they come; off within its URL's body.
	 * A request that is repeated begins again. */
	void (*body)(void *ctx, const char *url, uint64_t off, struct p2v_bytes b);
	void (*fragment)(void *ctx, const struct p2v_player_fragment *f);
	/** One JSON object, without the line's end, for each thing that happens. */
	void (*trace)(void *ctx, const char *line);
	/** Once: the stream was played to its end (code P2V_OK), or cannot be played. */
	void (*ended)(void *ctx, int code, const struct p2v_err *err);
};

/** What can be seen while it plays. */
struct p2v_player_status {
	bool started, stalled, ended;
	p2v_usec buffer;   /* [us] media ahead of the playhead */
	p2v_usec latency;  /* [us] behind the encoder's clock; P2V_UNKNOWN: no dates */
	p2v_usec played;   /* [us] media */
	uint64_t bitrate;  /* [bit/s] of what is played; 0: not known yet */
	uint64_t estimate; /* [bit/s] throughput */
	uint32_t stalls;
	uint64_t bytes;
};

/** How it went. Times that are not known are P2V_UNKNOWN. */
struct p2v_player_result {
	bool played; /* playback began */
	bool ended;  /* … and came to the end of the stream */
	int code;    /* P2V_OK, or why it cannot be played */
	char error[252];
	p2v_usec wall;    /* from the start until now, or until it ended */
	p2v_usec startup; /* until playback began */
	uint32_t stalls;
	p2v_usec stalled;
	p2v_usec buffering; /* start-up and stalls together */
	p2v_usec played_media, skipped_media;
	uint64_t mean_bitrate; /* [bit/s] of the renditions played, by time */
	uint32_t switches;     /* changes of rendition, as played */
	p2v_usec latency_median, latency_last;
	uint64_t bytes;       /* [B] of all bodies that came */
	uint64_t media_bytes; /* [B] of whole fragments and initialisation segments */
	uint64_t fragments;   /* loaded, parts among them; begun to be played: played_fragments */
	uint64_t played_fragments;
	uint64_t parts; /* … of them parts of fragments; … of them asked for as hints */
	uint64_t hints;
	uint64_t held; /* readings of a playlist that the server held until there was news */
	uint64_t requests, errors, timeouts,
		misses;      /* misses: answers 400 … 499; errors: other ones */
	uint64_t abandoned;  /* fragments given up for a lower rendition's */
	uint64_t skipped;    /* fragments that could not be had */
	uint32_t resyncs;    /* jumps to the live edge, after falling out of the playlist */
	uint32_t restarts;   /* breaks of the encoder's sequence */
	uint32_t renditions; /* that the stream has */
};

/** Begin to play.
 * @param world      [in] copied
 * @param manifests  [in] plugins that read the manifests; outlive the player
 * @param conf       [in] copied
 * @param url        [in] of a master or media manifest; copied
 * @param hooks      [in] copied; NULL: none
 * @return P2V_OK; P2V_ENOMEM, P2V_EPARSE: no URL */
P2V_MUST_USE int p2v_player_new(const struct p2v_world *world,
	const struct p2v_manifests *manifests, const struct p2v_player_conf *conf, const char *url,
	const struct p2v_player_hooks *hooks, struct p2v_player **out, struct p2v_err *err);
void p2v_player_free(struct p2v_player *p);
/** Stop loading and playing: the result stays as it is now. */
void p2v_player_stop(struct p2v_player *p);

void p2v_player_status(struct p2v_player *p, struct p2v_player_status *out);
void p2v_player_result(struct p2v_player *p, struct p2v_player_result *out);
/** Members of an object that is open: the words of sdk/player/result.c. */
void p2v_player_result_json(const struct p2v_player_result *r, struct p2v_json *j);

#endif
