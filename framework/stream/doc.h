/* doc.h - one manifest, understood: what a manifest plugin told of it, as data with resolved URLs.
 * Drives the kind `manifest`. What changes between two readings of a live manifest is timeline.h's
 * business. */
#ifndef P2V_STREAM_DOC_H
#define P2V_STREAM_DOC_H

#include <peer2view/manifest.h>
#include "framework/base/json.h"
#include "framework/base/policy.h"
#include "framework/base/slice.h"

#define P2V_MANIFEST_MAX (16u << 20) /* [B] largest manifest that is read */

/* [us] No time, length or date in a document is over this, or below its negative: sums of a few
 * never overflow. 36,000 years. */
#define P2V_DOC_TIME_MAX (INT64_MAX / 8)

/** A URI as written and where it leads. NULL: absent. Owned by the document. */
struct p2v_ref {
	const char *uri; /* as it stands in the manifest; where it can, it is the end of url */
	const char
		*url; /* absolute; NULL when it cannot be resolved (then it is in the warnings) */
};

/** What URIs are relative to. */
struct p2v_doc_base {
	const char *url; /* absolute; "": not known */
	const char *dir; /* its folder, as URIs beside it are resolved; "" */
};

bool p2v_manifest_range_same(
	const struct p2v_manifest_range *a, const struct p2v_manifest_range *b);

struct p2v_doc_part {
	uint64_t n; /* number of its fragment */
	uint32_t i;
	p2v_usec dur;
	struct p2v_ref at;
	struct p2v_manifest_range range;
	bool independent, gap, hint;
};

/** An initialisation segment. */
struct p2v_doc_init {
	struct p2v_ref at;
	struct p2v_manifest_range range;
};

struct p2v_doc_key {
	struct p2v_ref at;
	const char *method;
	bool has_iv;
	uint8_t iv[16];
};

struct p2v_doc_segment {
	uint64_t n;
	p2v_usec t, dur; /* from the start of this manifest's timeline */
	int64_t pdt;     /* [us] since 1970-01-01 UTC */
	struct p2v_ref at;
	struct p2v_manifest_range range;
	const struct p2v_doc_init *init; /* NULL: none; fragments with the same one share it */
	const struct p2v_doc_key *key;   /* NULL: clear; as init */
	struct p2v_doc_part *parts;      /* shape (n_parts) */
	uint32_t n_parts;
	bool disc, gap, bad_dur, has_pdt;
};

struct p2v_doc_track {
	const char *variant, *type;
	const char *set; /* tracks with the same are one content at other bit rates; NULL: alone */
	const char *context; /* for p2v_doc_foretold; NULL: its fragments tell of none */
	const struct p2v_doc_base *base;  /* what its URIs are relative to */
	uint64_t bw;                      /* [bit/s] */
	bool timed;                       /* its fragments have no numbers, only times */
	struct p2v_doc_segment *segments; /* shape (n) */
	size_t n;
	struct p2v_doc_part *parts; /* shape (n_parts): of the fragment that is not whole yet, hints
				       among them */
	size_t n_parts;
};

struct p2v_doc_variant {
	const char *id, *codecs, *audio, *video, *subtitles;
	struct p2v_ref at;
	uint64_t bw, avg_bw;
	uint32_t w, h;
	bool iframes;
};

struct p2v_doc_rendition {
	const char *type, *group, *name, *lang;
	struct p2v_ref at;
	bool dflt;
};

/** Another manifest that is read with what this one told of it. */
struct p2v_doc_child {
	struct p2v_ref at;
	struct p2v_manifest_range range;
	const char *context;
	const struct p2v_doc_base *base;
	size_t track; /* index of the track that it was told behind: where its fragments have no
			 track of their own, they are that one's; SIZE_MAX: it was told before any
		       */
};

/** Where a URI stands in the text. */
struct p2v_doc_place {
	struct p2v_manifest_uri at;
	const struct p2v_doc_base *base; /* what it is relative to */
};

/** Once it is made, it does not change: whoever wants it longer takes a reference. */
struct p2v_doc {
	uint32_t refs;
	const char *proto;             /* name of the plugin that read it */
	struct p2v_slice text;         /* what it was read from */
	char *base;                    /* URL that it came from; "": not known */
	struct p2v_doc_base *root;     /* what its URIs are relative to where it does not say */
	struct p2v_manifest_head head; /* without its context */
	const char *context; /* for the manifests that it lists; NULL: it tells nothing of them */
	const char *given;   /* the context that it was read with; NULL: none */
	struct p2v_doc_variant *variants;
	size_t n_variants;
	struct p2v_doc_rendition *renditions;
	size_t n_renditions;
	struct p2v_doc_track *tracks;
	size_t n_tracks;
	struct p2v_doc_child *children;
	size_t n_children;
	struct p2v_doc_place *uris; /* in the order of the text */
	size_t n_uris;
	char **warnings; /* "line 7: …"; at most 100, then one that counts the rest */
	size_t n_warnings;
	struct p2v_doc_memory *memory; /* all of the above lies here */
};

/** The manifest plugins that a node has loaded, in the order of its configuration. */
struct p2v_manifests {
	struct p2v_policy *v; /* shape (n), kind manifest */
	size_t n;
	struct p2v_doc_shelf *shelf; /* doc_shelf.h; NULL: each manifest is read anew */
};

/** Which plugin reads this. Any part of `in` may be absent.
 * @param score  [out] 0…100, may be NULL
 * @return NULL: none */
struct p2v_policy *p2v_manifests_probe(
	const struct p2v_manifests *m, const struct p2v_manifest_probe *in, uint32_t *score);

/** What is read. */
struct p2v_doc_in {
	struct p2v_str text; /* the body; borrowed until the call returns, as all of this */
	const char *url; /* where it came from, absolute; "": not known, then only absolute URIs get
			    a URL */
	struct p2v_str type; /* Content-Type; may be absent */
	int64_t wall;        /* [us since 1970-01-01 UTC] the server's time of day */
	/* Its parent's plugin, and what that told of it. NULL: it told nothing. Of a child also
	 * what its URIs are relative to; NULL: it is none. */
	const char *proto, *context, *base;
};

/** Read a manifest with the plugin that fits best, or a child with its parent's.
 * @param out   [out] freed by p2v_doc_free, perhaps one that others hold, too; NULL on error
 * @param err   [out] one sentence that names line or byte, unless it is of no place; may be NULL
 * @return P2V_OK; P2V_EPARSE: no plugin reads it, its own refused it, or url is not absolute;
 * P2V_ELIMIT: over P2V_MANIFEST_MAX, or what it says takes too much memory (doc_memory.h);
 * P2V_EABI: the plugin broke a promise of manifest.h; P2V_ENOMEM */
P2V_MUST_USE int p2v_doc_parse(const struct p2v_manifests *m, const struct p2v_doc_in *in,
	struct p2v_doc **out, struct p2v_err *err);
/** Read what a fragment of a track tells of those to come.
 * @param track  index in d->tracks, of a track with a context
 * @param start  [in] the fragment's first bytes; borrowed until the call returns
 * @param out    [out] a document of that one track; freed by p2v_doc_free; NULL: it tells of none
 * @param err    [out] as in p2v_doc_parse
 * @return as p2v_doc_parse */
P2V_MUST_USE int p2v_doc_foretold(const struct p2v_manifests *m, const struct p2v_doc *d,
	size_t track, struct p2v_bytes start, struct p2v_doc **out, struct p2v_err *err);
/** @return d, with a further reference */
struct p2v_doc *p2v_doc_ref(struct p2v_doc *d);
/** Give back a reference; the last one frees it. */
void p2v_doc_free(struct p2v_doc *d); /* NULL is allowed */
/** @return whether reading this would give d again: the same bytes from the same URL with the same
 * context, at a time of day at which they say the same */
bool p2v_doc_is_of(const struct p2v_doc *d, const struct p2v_doc_in *in);

/** A URI that may lead elsewhere. Borrowed until the call returns. */
struct p2v_doc_uri {
	struct p2v_str uri; /* as the manifest means it: without escapes, variables filled in */
	const char *url;    /* where it leads, absolute; http or https */
	const char *base;   /* what it is relative to, absolute; "": not known */
	enum p2v_uri_role role;
};

/** Where a URI of the manifest should lead instead. Asked of http and https alone: others stay.
 * @param out   [inout] append the new URI
 * @return false: leave it as it stands */
typedef bool (*p2v_doc_map)(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out);

/** The same manifest with other URIs: nothing else of its text changes.
 * @param out   [inout] appended to; out->oom tells of no memory */
void p2v_doc_rewrite(const struct p2v_doc *d, p2v_doc_map map, void *ctx, struct p2v_text *out);

/** The neutral dump: one JSON object, keys sorted, absent members left out, times in microseconds.
 * The same for every protocol; sdk/doc/manifest-json.md tells its members. */
void p2v_doc_json(const struct p2v_doc *d, struct p2v_text *out);

#endif
