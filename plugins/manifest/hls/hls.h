/* hls.h - one parse of one playlist, as the files of this plugin share it. */
#ifndef P2V_HLS_H
#define P2V_HLS_H

#include <peer2view/manifest.h>

#include "plugins/manifest/hls/lex.h"

/* Faults of style that a packager repeats on every line: each is told once a playlist. */
enum {
	HLS_TOLD_BLANKS = 1u << 0,
	HLS_TOLD_QUOTES = 1u << 1,
	HLS_TOLD_COMMA = 1u << 2,
	HLS_TOLD_ZONE = 1u << 3,
	HLS_TOLD_LONG = 1u << 4,
	HLS_TOLD_NUL = 1u << 5,
	HLS_TOLD_UTF8 = 1u << 6
};

/** Where texts lie that do not stand in the body: those with variables filled in. */
struct hls_room {
	char p[8192];
	size_t n;
};

/** The plugin's state. */
struct hls_state {
	struct hls_room line;               /* until the next line */
	struct hls_room variant;            /* until the next variant */
	struct hls_room map, identity, key; /* until the next one of these */
	struct hls_room values;             /* of variables */
	struct hls_room context;            /* what a master playlist tells of those it lists */
	struct {
		struct p2v_str name, value; /* value absent: it is imported */
	} vars[64];
	size_t n_vars;
};

struct hls {
	const struct p2v_manifest_sink *sink;
	struct p2v_err *err;
	struct hls_state *st;
	struct hls_room *room; /* where values with variables go now */
	struct p2v_str text;   /* the whole body */
	struct p2v_str url;    /* where it came from; absent: not known */
	struct p2v_str given;  /* what the master playlist that lists it tells; absent: nothing */
	uint64_t bw;           /* [bit/s] of the densest fragment that says it; 0: none does */
	struct hls_lines lines;
	int rc; /* the first refusal of a callback: nothing is told from then on */
	unsigned told;
	struct p2v_manifest_head head;
};

/** A URI: where it stands, and what that means. */
struct hls_uri {
	struct p2v_str raw;   /* part of the body; absent when it is not there */
	struct p2v_str value; /* with variables filled in */
	bool quoted;          /* it stood in quotes, or in a line of its own */
};

/** An attribute that a tag reads. */
struct hls_want {
	const char *name;
	bool quoted;           /* the RFC has it in quotes */
	struct p2v_str *value; /* [out] absent when it is not there; of a URI NULL */
	struct hls_uri *uri;   /* [out] */
};

/** "%.*s" of at most 60 bytes. */
#define HLS_CUT(s) ((int)((s).n < 60 ? (s).n : 60)), ((s).p ? (s).p : "")

/** Tell of something that was dropped or repaired in the line at hand. */
void hls_warn(struct hls *h, const char *fmt, ...) P2V_PRINTF(2, 3);
/** The same, unless that fault (HLS_TOLD_*) was told before. */
void hls_warn_once(struct hls *h, unsigned fault, const char *fmt, ...) P2V_PRINTF(3, 4);

/** What is wrong cannot be repaired: nothing is told from now on. */
void hls_fail(struct hls *h, int code, const char *fmt, ...) P2V_PRINTF(3, 4);

/** Go to the next line: values of the one before are gone. @return false: there is none */
bool hls_next(struct hls *h, struct p2v_str *line);

/** Read a tag's attribute list. Of one that stands twice the last counts, as in hls.js and ffmpeg.
 * @param w  [in] shape (n) */
void hls_read_attrs(struct hls *h, struct p2v_str list, const struct hls_want *w, size_t n);

/** Tell where a URI stands. Nothing is told of an absent or empty one. */
void hls_tell_uri(struct hls *h, const struct hls_uri *uri, enum p2v_uri_role role);
/** A line that is a URI: tell where it stands. @return what it means */
struct p2v_str hls_line_uri(struct hls *h, struct p2v_str line, enum p2v_uri_role role);

/* ---- variables (8216bis 4.3): define.c ---- */

/** Forget all, and put values with variables into the line's room. */
void hls_vars_clear(struct hls *h);
/** #EXT-X-DEFINE. */
void hls_define(struct hls *h, struct p2v_str list);
/** What was defined, for the playlists that this one lists: in the context's room, netstrings of
 * names and values in turn. What that has no room for is left out, and told.
 * @return absent: there are no variables */
struct p2v_str hls_vars_tell(struct hls *h);
/** Fill variables in. One that is not defined fails the parse.
 * @return s itself where it has none, else a text in h->room */
struct p2v_str hls_expand(struct hls *h, struct p2v_str s);
/** Keep a value beyond its line. @param room  [inout] what was kept there before is gone */
struct p2v_str hls_keep(struct hls *h, struct hls_room *room, struct p2v_str s);

/** A number as it stands behind a tag or in an attribute; what is behind its digits is told and
 * dropped. @return false: there are no digits, or too many (told) */
bool hls_number(struct hls *h, const char *what, struct p2v_str s, uint64_t max, uint64_t *out);

/** Tell all that a master playlist says. */
void hls_master(struct hls *h);

/** Tell all that a media playlist says.
 * @param dated  whether the date of the playlist's first sample is known already
 * @param date   [us] since 1970-01-01 UTC */
void hls_media(struct hls *h, bool dated, int64_t date);

/** Read what stands for the whole of a media playlist: h->head, and which kind of playlist it is.
 * @param late_date  [out] a date is given, but not for the first fragment
 * @return P2V_OK; P2V_EPARSE with err; what a callback refused with */
int hls_survey(struct hls *h, bool *late_date, struct p2v_err *err);

#endif
