/* lex.h - the words of a playlist: lines, tags, attributes, numbers, dates. What tags mean is not
 * known here. Every function takes linear time. */
#ifndef P2V_HLS_LEX_H
#define P2V_HLS_LEX_H

#include <peer2view/base.h>

/* ---- lines ---- */

/** The lines of a text, ended by LF, CR LF or CR: ffmpeg and hls.js take a lone CR, too. */
struct hls_lines {
	const char *p, *end;
	const char *lf; /* the first LF from p on, or end: remembered, so that a text of lone CRs is
			   not searched again for each */
	uint32_t n;     /* number of the line that was given last, from 1 */
	bool lone_cr;   /* a line was ended by a CR alone */
};

struct hls_lines hls_lines_of(struct p2v_str text);
/** @param line  [out] without blanks at its ends; may be empty
 * @return false: there is none left */
bool hls_line_next(struct hls_lines *it, struct p2v_str *line);

/** Part a line into the name and the value of a tag.
 * @param name   [out] what stands between '#' and ':', without blanks
 * @param value  [out] what stands behind ':', without blanks; empty where there is none
 * @return false: it is no tag (RFC 8216 4.1: tags begin with #EXT) */
bool hls_tag(struct p2v_str line, struct p2v_str *name, struct p2v_str *value);

bool hls_is(struct p2v_str s, const char *nul_ended);
bool hls_same(struct p2v_str a, struct p2v_str b);
struct p2v_str hls_trim(struct p2v_str s);
/** @return whether all of s is UTF-8 (RFC 3629) */
bool hls_utf8(struct p2v_str s);

/* ---- attributes ---- */

enum {
	HLS_ATTR_QUOTED = 1u << 0,   /* it stood in quotes */
	HLS_ATTR_BLANKS = 1u << 1,   /* blanks stood around its parts */
	HLS_ATTR_REQUOTED = 1u << 2, /* it stood in several pairs of quotes */
	HLS_ATTR_OPEN = 1u << 3      /* its quotes were not closed */
};

struct hls_attr {
	struct p2v_str name, value; /* the value without its quotes */
	unsigned flags;
};

struct hls_attrs {
	struct p2v_str rest;
	bool unclosed; /* no quote that could close a value stands in the rest */
};

/** Take the next attribute of a list (RFC 8216 4.2).
 * @return false: there is none left */
bool hls_attr_next(struct hls_attrs *list, struct hls_attr *out);

/* ---- numbers and dates: each reads the beginning of *s and cuts it off ---- */

/** Decimal digits. @return false: there are none, or the number does not fit; *s is as before */
bool hls_take_u64(struct p2v_str *s, uint64_t *out);

#define HLS_SECONDS_MAX ((p2v_usec)86400 * P2V_SECOND) /* [us] more than a day is no fragment */

/** Decimal seconds without sign and exponent, rounded to the nearest microsecond.
 * @return false: there are no digits, or it is over HLS_SECONDS_MAX; *s is as before */
bool hls_take_seconds(struct p2v_str *s, p2v_usec *out);

/** "n[@o]". @return false: it is none, or its end is over INT64_MAX; *s is as before */
bool hls_take_range(struct p2v_str *s, uint64_t *len, bool *has_off, uint64_t *off);

/** A date and time of day (ISO 8601, extended format): 2026-02-19T14:54:23.031+08:00. A blank may
 * stand for the T, and the offset may come without its colon or its minutes.
 * @param out   [out] [us] since 1970-01-01 UTC, rounded to the nearest
 * @param zone  [out] whether an offset was given; without one UTC is taken
 * @return false: it is none; *s is as before */
bool hls_take_date(struct p2v_str *s, int64_t *out, bool *zone);

/** "0x" and hex digits: a number of at most 16 bytes.
 * @param out  [out] big-endian; a shorter number is filled with zeros in front
 * @return false: it is none */
bool hls_hex16(struct p2v_str s, uint8_t out[16]);

#endif
