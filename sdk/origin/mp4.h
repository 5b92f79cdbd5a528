/* mp4.h - fragmented MP4 as an encoder writes it (ISO/IEC 14496-12): bytes go in as they come, the
 * initialisation segment and chunk after chunk (moof and mdat) come out. No clock, no files. */
#ifndef P2V_SDK_ORIGIN_MP4_H
#define P2V_SDK_ORIGIN_MP4_H

#include "framework/base/slice.h"

/** A stream, or a part of it, that is larger is refused [B]. */
#define P2V_MP4_INIT_MAX  (1u << 20)
#define P2V_MP4_CHUNK_MAX (64u << 20)

enum { P2V_MP4_TRACKS = 8, P2V_MP4_CODEC = 40 };

struct p2v_mp4_track {
	uint32_t id, timescale;
	bool video, audio;         /* neither: text or something else */
	uint32_t w, h;             /* [pixels]; 0: not video */
	uint32_t rate;             /* [Hz] of sound; 0: not audio */
	char lang[4];              /* ISO 639-2; "": not said */
	char codec[P2V_MP4_CODEC]; /* RFC 6381; "": not known */
	uint32_t dflt_dur, dflt_flags;
};

/** What a stream consists of. The leading track is that of the picture, else the first. */
struct p2v_mp4_info {
	struct p2v_mp4_track tracks[P2V_MP4_TRACKS];
	size_t n;
	size_t lead; /* index in tracks */
};

/** The least that can be played: one moof, its mdat, and what stands before them. */
struct p2v_mp4_chunk {
	struct p2v_slice bytes; /* borrowed */
	p2v_usec t, dur;        /* [us] of the leading track, by its decoding times */
	bool independent;       /* the leading track begins with a sync sample */
};

/** What comes out. A value below 0 ends the parse, and p2v_mp4_feed returns it. */
struct p2v_mp4_sink {
	int (*init)(void *ctx, struct p2v_slice bytes, const struct p2v_mp4_info *info);
	int (*chunk)(void *ctx, const struct p2v_mp4_chunk *c);
};

struct p2v_mp4 {
	const struct p2v_mp4_sink *sink;
	void *ctx;
	uint8_t *p; /* what is not complete yet: boxes that are kept, then the one that comes */
	size_t n, cap;
	size_t box;  /* [B] where in p the box that comes begins */
	uint64_t at; /* [B] where in the stream it begins */
	size_t moof; /* [B] where in p the last moof ended; 0: there is none */
	bool has_init;
	struct p2v_mp4_info info;
	uint64_t next;   /* decoding time behind the last chunk, in the leading track's timescale */
	uint64_t t, dur; /* of the moof that waits for its mdat, in the same */
	bool led;        /* … it has samples of the leading track */
	bool independent;
};

/** @param sink  [in] outlives m */
void p2v_mp4_init(struct p2v_mp4 *m, const struct p2v_mp4_sink *sink, void *ctx);
void p2v_mp4_fini(struct p2v_mp4 *m);

/** Take further bytes.
 * @param err  [out] one sentence that names the byte of the stream
 * @return P2V_OK; P2V_EPARSE: it is no fragmented MP4; P2V_ELIMIT; P2V_ENOMEM; what a callback
 * returned. After an error nothing more may be fed. */
P2V_MUST_USE int p2v_mp4_feed(struct p2v_mp4 *m, struct p2v_bytes b, struct p2v_err *err);

/** The stream ends here.
 * @return P2V_OK; P2V_EPARSE with err: in the middle of a box, or before anything was said */
P2V_MUST_USE int p2v_mp4_end(const struct p2v_mp4 *m, struct p2v_err *err);

/* ---- what boxes say: mp4_boxes.c ---- */

/** @param moov  [in] the box's content
 * @param at     [B] where that stands in the stream, for the error */
P2V_MUST_USE int p2v_mp4_read_moov(
	struct p2v_bytes moov, uint64_t at, struct p2v_mp4_info *out, struct p2v_err *err);

/** What a moof says of one track. */
struct p2v_mp4_run {
	bool found; /* it has samples of that track */
	bool has_t; /* … and their decoding time is said */
	uint64_t t, dur;
	bool independent;
};

P2V_MUST_USE int p2v_mp4_read_moof(struct p2v_bytes moof, uint64_t at,
	const struct p2v_mp4_track *track, struct p2v_mp4_run *out, struct p2v_err *err);

/** @param entry  [in] content of a sample entry, without its own header
 * @param out     [out] RFC 6381; the type alone where no more is known of it */
void p2v_mp4_codec(const char type[4], struct p2v_bytes entry, bool video, char out[P2V_MP4_CODEC]);

#endif
