/* stream.h - a live stream in memory: renditions, their segments, and the parts that these consist
 * of. Encoders' bytes go in; playlists (playlist.h) and answers (server.h) are made from it. Pure:
 * the time of day is handed in. */
#ifndef P2V_SDK_ORIGIN_STREAM_H
#define P2V_SDK_ORIGIN_STREAM_H

#include <peer2view/option.h>
#include "framework/base/text.h"
#include "sdk/origin/mp4.h"

enum p2v_cmaf_parts { P2V_CMAF_FILES = 0, P2V_CMAF_RANGES };

/** Settings, with their table. */
struct p2v_cmaf_conf {
	p2v_usec segment; /* [us] how long a segment should be */
	p2v_usec window;  /* [us] how much of the stream playlists list */
	uint32_t parts;   /* enum p2v_cmaf_parts */
	uint64_t memory;  /* [B] of media, all renditions together */
};
extern const struct p2v_option p2v_cmaf_options[];

enum { P2V_CMAF_RENDITIONS = 16, P2V_CMAF_NAME = 32 };

/** What one chunk of the encoder became. */
struct p2v_cmaf_part {
	struct p2v_slice bytes;
	uint64_t off;    /* [B] within its segment */
	p2v_usec t, dur; /* [us] on the encoder's clock */
	bool independent;
};

struct p2v_cmaf_segment {
	uint64_t n; /* media sequence number */
	p2v_usec t, dur;
	uint64_t size;               /* [B] */
	bool whole;                  /* nothing more is added to it */
	struct p2v_cmaf_part *parts; /* shape (n_parts) */
	size_t n_parts, cap;
};

struct p2v_cmaf_stream;

struct p2v_cmaf_rendition {
	struct p2v_cmaf_stream *stream;
	char name[P2V_CMAF_NAME];
	struct p2v_mp4 mp4;
	struct p2v_mp4_info info;
	struct p2v_slice init;      /* .n == 0: it has not come */
	struct p2v_cmaf_segment *v; /* shape (n): oldest first; the last one may not be whole */
	size_t n, cap;
	size_t listed; /* the first of them that playlists list */
	uint64_t size; /* [B] of v */
	p2v_usec next; /* the time at which the next segment should begin */
	uint64_t peak; /* [bit/s] of the densest whole segment */
	bool ended;    /* the encoder is through, or was given up */
};

struct p2v_cmaf_stream {
	struct p2v_cmaf_conf conf;
	struct p2v_cmaf_rendition r[P2V_CMAF_RENDITIONS]; /* shape (n) */
	size_t n;
	/** [us since 1970-01-01 UTC] of time 0 on the encoder's clock: as early as any chunk was
	 * there. It stands from when the stream is ready. */
	int64_t epoch;
	bool dated;
	bool ready;           /* every rendition has a whole segment: playlists can be made */
	p2v_usec part_target; /* [us] longest part so far */
	p2v_usec target;      /* [us] longest segment, in whole seconds */
};

/** @param conf  [in] copied */
void p2v_cmaf_init(struct p2v_cmaf_stream *s, const struct p2v_cmaf_conf *conf);
void p2v_cmaf_fini(struct p2v_cmaf_stream *s);

/** What p2v_cmaf_options cannot say by themselves. @return P2V_OK; P2V_ECONF with err */
P2V_MUST_USE int p2v_cmaf_check(const struct p2v_cmaf_conf *conf, struct p2v_err *err);

/** @param name  [in] a folder's name: letters, digits, '-' and '_', at most 31
 * @return P2V_OK; P2V_EPARSE, P2V_ELIMIT with err */
P2V_MUST_USE int p2v_cmaf_add(struct p2v_cmaf_stream *s, const char *name, struct p2v_err *err);

/** Bytes of an encoder.
 * @param wall  [us since 1970-01-01 UTC] now
 * @return P2V_OK; an error with err, after which the rendition is ended */
P2V_MUST_USE int p2v_cmaf_feed(
	struct p2v_cmaf_rendition *r, struct p2v_bytes b, int64_t wall, struct p2v_err *err);
/** The encoder is through. @return P2V_OK; P2V_EPARSE with err: in the middle of something */
P2V_MUST_USE int p2v_cmaf_end(struct p2v_cmaf_rendition *r, struct p2v_err *err);

/** @return whether the stream is over: all of its encoders are through */
bool p2v_cmaf_ended(const struct p2v_cmaf_stream *s);

/** @return the segment of that number; NULL: it is gone, or not there yet */
const struct p2v_cmaf_segment *p2v_cmaf_find(const struct p2v_cmaf_rendition *r, uint64_t n);
/** @return the newest segment, which may not be whole; NULL: there is none */
const struct p2v_cmaf_segment *p2v_cmaf_edge(const struct p2v_cmaf_rendition *r);

/** A part, by its segment and its place in that. */
struct p2v_cmaf_place {
	uint64_t n;
	size_t i;
};
/** @return the part that will come next, as far as can be known: an encoder that promised key
 * frames at segments' lengths begins a new segment there */
struct p2v_cmaf_place p2v_cmaf_next(const struct p2v_cmaf_rendition *r);

#endif
