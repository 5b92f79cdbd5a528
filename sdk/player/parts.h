/* parts.h - a low-latency playlist as one row of pieces: whole fragments, then the parts of the
 * newest ones, then what is announced. Pure; what the player does with them is in low.c. */
#ifndef P2V_PLAYER_PARTS_H
#define P2V_PLAYER_PARTS_H

#include "framework/stream/doc.h"

/** What is loaded by one request. Texts are the document's. */
struct p2v_piece {
	uint64_t n; /* number of its fragment */
	uint32_t i; /* part of it; of a whole fragment 0 */
	bool partial, independent, gap, hint;
	p2v_usec t, dur; /* [us] from the start of the playlist; of a hint dur is a guess */
	p2v_usec into;   /* [us] of it: from the start of its fragment */
	const char *url;
	struct p2v_manifest_range range;
	bool dated;
	int64_t date; /* [us] since 1970 of its first frame */
};

struct p2v_parts {
	struct p2v_doc *doc; /* the reading that the row is of; NULL: none */
	struct p2v_piece *v; /* shape (n), in order */
	size_t n;
	size_t listed; /* so many of them are there already: all but hints */
	p2v_usec target, hold;
};

void p2v_parts_fini(struct p2v_parts *p);

/** @return whether a playlist has parts, and is one that grows */
bool p2v_parts_has(const struct p2v_doc *d);
/** Take a reading; the row before it is given up. A reading without parts makes an empty row.
 * @param d  [in] of a media playlist; a reference is taken
 * @return P2V_OK; P2V_ENOMEM: the row is as before */
P2V_MUST_USE int p2v_parts_read(struct p2v_parts *p, const struct p2v_doc *d);

/** @return index of the first piece at (n, i) or behind it; p->n: none. A whole fragment n stands
 * for all of its parts. */
size_t p2v_parts_at(const struct p2v_parts *p, uint64_t n, uint32_t i);
/** @return index of the first one, hints apart, that lasts beyond a date by more than a rounding;
 * p->listed: none, or the row has no dates */
size_t p2v_parts_at_date(const struct p2v_parts *p, int64_t date);
/** @return index of the piece that a decoder has to begin with to show what is at k: k or one
 * before it; where none is, the first one that will do, or p->listed */
size_t p2v_parts_independent(const struct p2v_parts *p, size_t k);
/** Where playback begins: `hold` behind the edge.
 * @param seek  [out] [us] from the start of the piece on to there
 * @return index of the piece to load first; p->listed: there is none yet */
size_t p2v_parts_begin(const struct p2v_parts *p, p2v_usec *seek);

/** @return [us] how much two dates of one piece may differ and still be the same */
p2v_usec p2v_parts_slack(const struct p2v_piece *e);

/** What a playlist ends with, as the request for the next one names it.
 * @param n, i  [out] the next part of the fragment under way, or part 0 of the next fragment
 * @return false: it lists nothing */
bool p2v_parts_next(const struct p2v_doc *d, uint64_t *n, uint32_t *i);

#endif
