/* timeline.h - one rendition over time: the fragments that its manifest lists now, on one
 * continuous media clock, through reloads of a live manifest. */
#ifndef P2V_STREAM_TIMELINE_H
#define P2V_STREAM_TIMELINE_H

#include "framework/stream/doc.h"

struct p2v_timeline_entry {
	uint64_t n;      /* media sequence number */
	p2v_usec t, dur; /* [us] on the timeline's clock, which starts at 0 with the first entry
			    ever seen */
	char *url;       /* absolute */
	struct p2v_manifest_range range; /* of the URL's body */
	bool init; /* an initialisation segment: t is P2V_UNKNOWN, n that of the first
		      fragment that needs it, dur 0 */
	bool gap;  /* listed, but not there */
	bool part; /* number `i` of those that fragment n is published in before it is whole */
	bool hint; /* a part that is promised and not there yet: dur is what it may last */
	uint32_t i;
	bool has_pdt;
	bool keyed;      /* key is made; listed again, it stays */
	int64_t pdt;     /* [us] since 1970-01-01 UTC */
	uint8_t key[32]; /* whoever reads the timeline keeps its name for it here */
	p2v_usec seen;   /* [us] now() when it was first listed; of a part that was promised, when
			    it was there */
	p2v_usec whole;  /* [us] duration of the fragment that a part is of; else dur */
};

struct p2v_timeline {
	char *url; /* of its manifest */
	bool live, ended;
	bool timed;       /* numbers are times [us] on the manifest's own clock */
	p2v_usec target;  /* [us] longest fragment, as promised or as seen */
	p2v_usec changed; /* now() of the last update that listed something new; P2V_UNKNOWN: none
			     yet */
	uint64_t bitrate; /* [bit/s] of the variant; 0 unknown */
	struct p2v_timeline_entry
		*v; /* shape (n): initialisation segments first, then media in order */
	size_t n, n_init;
	struct p2v_timeline_entry *parts; /* shape (n_parts), in order: of late fragments, and of
					     the one that is not whole yet */
	size_t n_parts, fresh_parts; /* fresh_parts: new in the last update, promised ones not among
					them */
	bool restarted; /* the last update broke with what was known: another encoder, or a rewound
			   sequence */
	p2v_usec stale; /* now() of the first of the readings since then that were older than what
			   is known; P2V_UNKNOWN: the last one was not */
};

/** @param url  [in] copied */
P2V_MUST_USE int p2v_timeline_init(struct p2v_timeline *tl, const char *url);
void p2v_timeline_fini(struct p2v_timeline *tl);

/** Take a further reading of the manifest.
 *
 * A fragment is the one that was listed before when it has the same number, the same URL but for
 * its query (tokens change from reading to reading), the same range, and, where both have one, the
 * same program date but for a target duration. Such entries keep their t and seen. New ones
 * continue the clock: where numbers were missed, by program date where both ends have one that can
 * be true, else with the target duration for each. Where fragments have times instead of numbers,
 * theirs is the clock, but for where it began.
 *
 * What a reading leaves out because whoever asked for it knows it stays (8216bis 4.4.5.2).
 *
 * A reading that has no fragments, or whose newest is older than what is known (caches answer so
 * for a while), changes nothing. When such readings go on for three target durations, or at once
 * when the numbers fit but no fragment is the same, or the numbers went back without a date that
 * explains it, the sequence was restarted: nothing of what was known is kept, and the clock goes on
 * behind the old edge. The rules are our own; RFC 8216 6.3.4 asks only to notice.
 *
 * Parts have their fragment's clock. One is the one that was listed before when number, index,
 * place and range are; a promised one stays the same entry when it is there. A promise of a part
 * whose length is not told (RFC 8216bis 4.4.5.3, no BYTERANGE-LENGTH) is left out: it will be
 * listed under another range.
 * @param track  index in d->tracks
 * @param fresh  [out] how many media entries are new; may be NULL
 * @return P2V_OK or P2V_ENOMEM (the timeline is as before) */
P2V_MUST_USE int p2v_timeline_update(struct p2v_timeline *tl, const struct p2v_doc *d, size_t track,
	p2v_usec now, size_t *fresh);

/** Move the clock, so that renditions of one stream share theirs. */
void p2v_timeline_shift(struct p2v_timeline *tl, p2v_usec by);

/** @return the entry with that URL and range, a part's last; NULL: not listed. range NULL matches
 * any. */
struct p2v_timeline_entry *p2v_timeline_find(
	const struct p2v_timeline *tl, const char *url, const struct p2v_manifest_range *range);
/** @return [us] media time of the end of the newest entry; P2V_UNKNOWN: none */
p2v_usec p2v_timeline_edge(const struct p2v_timeline *tl);
/** … or of the newest part that is there, if that is later. */
p2v_usec p2v_timeline_parts_edge(const struct p2v_timeline *tl);

#endif
