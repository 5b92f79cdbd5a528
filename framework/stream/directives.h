/* directives.h - delivery directives of low-latency HLS: what a playlist request asks a server to
 * wait for, apart from which playlist it asks for. */
#ifndef P2V_STREAM_DIRECTIVES_H
#define P2V_STREAM_DIRECTIVES_H

#include "framework/base/text.h"
#include "framework/stream/doc.h"

/** RFC 8216bis 6.2.5. */
struct p2v_directives {
	bool any;               /* the URL has one */
	bool bad;               /* … that cannot be understood, or a part of no segment */
	bool has_msn, has_part; /* wait until the playlist has that segment, or that part of it */
	uint64_t msn, part;
};

/** How far a playlist goes. */
struct p2v_edge {
	bool any;       /* it lists something */
	uint64_t msn;   /* of the first segment that is not whole yet */
	uint64_t parts; /* parts of that one that are there */
};

/** Take the directives off a URL: `_HLS_msn`, `_HLS_part`, `_HLS_skip`. What else its query says
 * stays, in its order.
 * @param out    [out] without directives: all absent
 * @param plain  [inout] the rest of the URL is appended */
void p2v_directives_take(struct p2v_str url, struct p2v_directives *out, struct p2v_text *plain);
/** Ask that playlist for what comes after e.
 * @param parts  for the next part; else for the next segment
 * @param url    [inout] a plain URL, to which directives are appended */
void p2v_directives_next(const struct p2v_edge *e, bool parts, struct p2v_text *url);

/** @return how far the first track of d goes */
struct p2v_edge p2v_edge_of(const struct p2v_doc *d);
/** @return whether b has something that a has not */
bool p2v_edge_beyond(const struct p2v_edge *b, const struct p2v_edge *a);
/** @return whether a playlist that is so far answers that request: it is there, or the stream is
 * over, or nothing was asked for */
bool p2v_directives_met(const struct p2v_directives *q, const struct p2v_doc *d);
/** @return whether it asks for what is too far ahead to be waited for (RFC 8216bis 6.2.5.2) */
bool p2v_directives_beyond(const struct p2v_directives *q, const struct p2v_doc *d);

#endif
