/* manifest.h - kind `manifest`: which fragments exist, when, and where. A plugin reads the text of
 * one manifest and tells what it means, event by event; it keeps nothing between two of them and
 * resolves nothing. The host resolves URIs, keeps the timeline, rewrites the manifest from the
 * spans it is told, and dumps it. One state per parse.
 *
 * History: 1 text alone. 2 where one manifest tells of another, templates by the time of day, bases
 * of URIs, fragments that announce others, URIs that mean something else than stands there. 3 what
 * a manifest tells of all that it lists. */
#ifndef PEER2VIEW_MANIFEST_H
#define PEER2VIEW_MANIFEST_H

#include <peer2view/env.h>

#define P2V_MANIFEST_ABI 3

enum p2v_manifest_kind {
	P2V_MANIFEST_MASTER = 1,  /* lists variants, each with a manifest of its own */
	P2V_MANIFEST_MEDIA,       /* lists the fragments of one rendition */
	P2V_MANIFEST_PRESENTATION /* lists renditions and their fragments in one document */
};

/** Told exactly once, at any point of the parse. */
struct p2v_manifest_head {
	enum p2v_manifest_kind kind;
	bool live; /* it may grow: the host fetches it again */
	bool endlist;
	uint32_t version;     /* of the protocol; 0: not said */
	p2v_usec target;      /* [us] longest fragment, as promised; 0: not said */
	uint64_t seq;         /* number of the first fragment */
	uint64_t disc_seq;    /* discontinuity sequence number */
	bool can_block;       /* the server holds requests for what is not there yet */
	p2v_usec part_target; /* [us]; 0: no partial fragments */
	p2v_usec part_hold;   /* [us] */
	p2v_usec refresh;     /* [us] how often to fetch it again, as it asks; 0: not said */
	int64_t again; /* [us since 1970-01-01 UTC] from then on the same text says more; 0: never
			*/
	p2v_usec hold; /* [us] how far behind the edge players should stay; 0: not said */
	p2v_usec skip_until; /* [us] fragments older than that may be left out for whoever asks; 0:
				they are not */
	uint64_t skipped;    /* fragments that were left out at the front, as whoever asked for it
				knows them: they count in `n`, and are still part of the stream */
	/** Handed to the parse of each manifest of a variant or rendition that it lists. Absent: it
	 * tells nothing of them. */
	struct p2v_str context;
};

struct p2v_manifest_variant {
	struct p2v_str id;   /* position in the manifest, or the manifest's own name */
	struct p2v_str uri;  /* of its manifest; absent in a presentation */
	uint64_t bw, avg_bw; /* [bit/s]; 0: not said */
	uint32_t w, h;       /* [pixels]; 0: not said */
	struct p2v_str codecs, audio, video, subtitles; /* groups; absent: not said */
	bool iframes;                                   /* for seeking only */
};

struct p2v_manifest_rendition {
	struct p2v_str type; /* "AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS" */
	struct p2v_str group, name, lang, uri;
	bool dflt;
};

/** Fragments that follow belong to this track, until the next one. */
struct p2v_manifest_track {
	struct p2v_str variant; /* id of the variant; "0" in a media manifest */
	struct p2v_str type; /* "video", "audio", "text", or "" where the manifest does not say */
	uint64_t bw;         /* [bit/s]; 0: not said */
	/** Tracks of one manifest with the same set are the same content at other bit rates: a
	 * player plays one of them at a time. Absent: the track is a set of its own. */
	struct p2v_str set;
	/** Fragments have no numbers: n is their start in us, on a clock that goes on from one
	 * reading of the manifest to the next. */
	bool timed;
	/** Handed to `fragment` with each of the track's fragments. Absent: they tell nothing. */
	struct p2v_str context;
};

struct p2v_manifest_range {
	bool set;
	uint64_t off, len; /* [B] */
};

struct p2v_manifest_key {
	struct p2v_str method; /* absent or "NONE": clear */
	struct p2v_str uri;
	bool has_iv;
	uint8_t iv[16];
};

struct p2v_manifest_map {
	struct p2v_str uri; /* absent: none */
	struct p2v_manifest_range range;
};

struct p2v_manifest_segment {
	uint64_t n; /* media sequence number; of a timed track its start [us]: in a track they go up
		     */
	p2v_usec t, dur; /* [us] t from the start of this manifest's timeline */
	struct p2v_str uri;
	struct p2v_manifest_range range;
	bool disc;    /* the timeline breaks before it */
	bool gap;     /* listed, but not there */
	bool bad_dur; /* its duration was missing or unreadable and was repaired */
	bool has_pdt;
	int64_t pdt; /* [us] since 1970-01-01 UTC: said for it, or reckoned from a neighbour's */
	struct p2v_manifest_map map;
	struct p2v_manifest_key key;
};

/** A piece of fragment n of the same track, told before that fragment, which may never come: then
 * it is not whole yet. */
struct p2v_manifest_part {
	uint64_t n; /* number of its fragment */
	uint32_t i; /* within its fragment */
	p2v_usec dur;
	struct p2v_str uri;
	struct p2v_manifest_range range; /* of a hint: len 0 = to the end */
	bool independent, gap;
	bool hint; /* announced, not there yet */
};

enum p2v_uri_role {
	P2V_URI_MANIFEST = 1, /* another manifest */
	P2V_URI_MEDIA,        /* a fragment, a part, an initialisation segment */
	P2V_URI_KEY,
	P2V_URI_OTHER,
	P2V_URI_BASE /* other URIs are relative to it */
};
enum p2v_uri_escape {
	P2V_ESCAPE_NONE = 0,
	P2V_ESCAPE_XML,
	P2V_ESCAPE_BARE /* its quotes are missing: another one is put in with them */
};

/** Where in the manifest's text a URI stands, so that the host can put another in its place. No two
 * overlap. */
struct p2v_manifest_uri {
	size_t off, len; /* [B] */
	/** A template: from there on in it [B] stands what players fill in, which stays as it is.
	 */
	bool filled;
	size_t fill_at;
	enum p2v_uri_role role;
	enum p2v_uri_escape escape;
	/** What it means, without escapes, where that is something else than stands there:
	 * variables are filled in. Absent: what stands there. */
	struct p2v_str value;
};

/** Another manifest that means nothing without this one: a bootstrap, an index. */
struct p2v_manifest_child {
	struct p2v_str uri;
	struct p2v_manifest_range range; /* not set: the whole body */
	struct p2v_str context;          /* handed to the parse of the child */
};

/** Where the host listens. Strings are borrowed until the call returns. A callback that returns
 * other than P2V_OK ends the parse: the plugin returns that value. No member is NULL. */
struct p2v_manifest_sink {
	void *ctx;
	int (*head)(void *ctx, const struct p2v_manifest_head *h);
	int (*variant)(void *ctx, const struct p2v_manifest_variant *v);
	int (*rendition)(void *ctx, const struct p2v_manifest_rendition *r);
	int (*track)(void *ctx, const struct p2v_manifest_track *t);
	int (*segment)(void *ctx, const struct p2v_manifest_segment *s);
	int (*part)(void *ctx, const struct p2v_manifest_part *p);
	int (*uri)(void *ctx, const struct p2v_manifest_uri *u); /* in the order of the text */
	/** All URIs told from now on are relative to these, each to the one before. The first is
	 * relative to where the manifest came from, and in a child to what held in its parent when
	 * that told of it. n 0: as at the beginning. */
	int (*base)(void *ctx, const struct p2v_str *uris, size_t n);
	int (*child)(void *ctx, const struct p2v_manifest_child *c);
	/** Something was dropped or repaired. `line` counts from 1; 0: no line to name. */
	int (*warn)(void *ctx, uint32_t line, const char *fmt, ...) P2V_PRINTF(3, 4);
};

/** What is known before a body is read. Absent strings: not known. */
struct p2v_manifest_probe {
	struct p2v_str path;  /* of the URL, without the query */
	struct p2v_str type;  /* Content-Type */
	struct p2v_str start; /* first bytes of the body */
};

/** What is known beside a body. Absent strings: not known. */
struct p2v_manifest_in {
	struct p2v_str text;    /* the whole body, any bytes */
	struct p2v_str context; /* what its parent told of it */
	int64_t wall;           /* [us since 1970-01-01 UTC] the server's time of day now */
	struct p2v_str url;     /* where it came from */
};

/** A fragment that has come. */
struct p2v_manifest_fragment {
	struct p2v_bytes start; /* its first bytes: 16 KiB, or all of it */
	struct p2v_str context; /* of its track */
};

struct p2v_manifest_ops {
	uint32_t size;

	/** Both may be NULL: for a plugin that keeps nothing, and has no options. */
	int (*open)(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err);
	void (*close)(void *st);

	/** @return 0 surely not this plugin's … 100 surely its manifest */
	uint32_t (*probe)(const struct p2v_manifest_probe *in);

	/** What it tells follows from `in` and its options alone, and up to the head's `again` not
	 * from the time of day: a host may remember it.
	 * @param in  [in] borrowed until return
	 * @return P2V_OK: understood, perhaps with warnings; P2V_EPARSE with err naming the line or
	 * byte; P2V_ELIMIT, P2V_ENOMEM with err */
	int (*parse)(void *st, const struct p2v_manifest_in *in,
		const struct p2v_manifest_sink *sink, struct p2v_err *err);

	/** Optional; asked of tracks with a context. Tell by sink->segment, and by it alone, of
	 * fragments that this one announces. Their URIs are relative to the track's base.
	 * @return P2V_OK, also where it announces none; P2V_EPARSE with err */
	int (*fragment)(void *st, const struct p2v_manifest_fragment *f,
		const struct p2v_manifest_sink *sink, struct p2v_err *err);
};

#endif
