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
	const char *uri; /* as it stands in the manifest */
	const char
		*url; /* absolute; NULL when it cannot be resolved (then it is in the warnings) */
};

struct p2v_doc_part {
	uint64_t n; /* number of its fragment */
	uint32_t i;
	p2v_usec dur;
	struct p2v_ref at;
	struct p2v_manifest_range range;
	bool independent, gap, hint;
};

struct p2v_doc_segment {
	uint64_t n;
	p2v_usec t, dur; /* from the start of this manifest's timeline */
	struct p2v_ref at, map, key;
	struct p2v_manifest_range range, map_range;
	const char *key_method; /* NULL: clear */
	bool has_iv;
	uint8_t iv[16];
	bool disc, gap, bad_dur, has_pdt;
	int64_t pdt;                /* [us] since 1970-01-01 UTC */
	struct p2v_doc_part *parts; /* shape (n_parts) */
	size_t n_parts;
};

struct p2v_doc_track {
	const char *variant, *type;
	uint64_t bw;                      /* [bit/s] */
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

/** Once it is made, it does not change: whoever wants it longer takes a reference. */
struct p2v_doc {
	uint32_t refs;
	const char *proto;     /* name of the plugin that read it */
	struct p2v_slice text; /* what it was read from */
	char *base;            /* URL that it came from; "": not known */
	const char *dir;       /* its folder, as URIs beside the manifest are resolved; "" */
	struct p2v_manifest_head head;
	struct p2v_doc_variant *variants;
	size_t n_variants;
	struct p2v_doc_rendition *renditions;
	size_t n_renditions;
	struct p2v_doc_track *tracks;
	size_t n_tracks;
	struct p2v_manifest_uri *uris; /* in the order of the text */
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

/** Read a manifest with the plugin that fits best.
 * @param text  [in] the body, borrowed until return
 * @param url   [in] where it came from, absolute; "": not known, then only absolute URIs get a URL
 * @param type  [in] Content-Type; may be absent
 * @param out   [out] freed by p2v_doc_free, perhaps one that others hold, too; NULL on error
 * @param err   [out] one sentence that names line or byte, unless it is of no place; may be NULL
 * @return P2V_OK; P2V_EPARSE: no plugin reads it, its own refused it, or url is not absolute;
 * P2V_ELIMIT: over P2V_MANIFEST_MAX, or what it says takes too much memory (doc_memory.h);
 * P2V_EABI: the plugin broke a promise of manifest.h; P2V_ENOMEM */
P2V_MUST_USE int p2v_doc_parse(const struct p2v_manifests *m, struct p2v_str text, const char *url,
	struct p2v_str type, struct p2v_doc **out, struct p2v_err *err);
/** @return d, with a further reference */
struct p2v_doc *p2v_doc_ref(struct p2v_doc *d);
/** Give back a reference; the last one frees it. */
void p2v_doc_free(struct p2v_doc *d); /* NULL is allowed */
/** @return whether it was read from these bytes, from that URL */
bool p2v_doc_is_of(const struct p2v_doc *d, struct p2v_str text, const char *url);

/** Where a URI of the manifest should lead instead. Asked of http and https alone: others stay.
 * @param url   [in] absolute
 * @param uri   [in] as it stands in the manifest
 * @param role  what it stands for
 * @param out   [inout] append the new URI
 * @return false: leave it as it stands */
typedef bool (*p2v_doc_map)(void *ctx, const char *url, struct p2v_str uri, enum p2v_uri_role role,
	struct p2v_text *out);

/** The same manifest with other URIs: nothing else of its text changes.
 * @param out   [inout] appended to; out->oom tells of no memory */
void p2v_doc_rewrite(const struct p2v_doc *d, p2v_doc_map map, void *ctx, struct p2v_text *out);

/** The neutral dump: one JSON object, keys sorted, absent members left out, times in microseconds.
 * The same for every protocol; sdk/doc/manifest-json.md tells its members. */
void p2v_doc_json(const struct p2v_doc *d, struct p2v_text *out);

#endif
