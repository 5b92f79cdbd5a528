/* dash.h - one parse of one MPD, as the files of this plugin share it. Names are those of
 * ISO/IEC 23009-1. */
#ifndef P2V_DASH_H
#define P2V_DASH_H

#include <peer2view/manifest.h>

#include "plugins/manifest/shared/telling.h"
#include "plugins/manifest/shared/words.h"

enum {
	DASH_BASES = 4,  /* levels that may have a BaseURL */
	DASH_LEVELS = 3, /* … or what tells of fragments: Period, AdaptationSet, Representation */
	DASH_URI_MAX = 8192 /* [B] */
};

struct dash {
	struct telling telling;
	struct xml_tree tree;
	const struct xml_node *mpd;
	bool dynamic;
	int64_t wall;      /* [us since 1970] now */
	int64_t available; /* [us since 1970] availabilityStartTime */
	p2v_usec window;   /* [us] timeShiftBufferDepth; P2V_NEVER: all */
	int64_t again;     /* [us since 1970] when the next fragment becomes available; 0: none */
};

/** A Period, placed on the presentation's time. */
struct dash_period {
	const struct xml_node *e;
	p2v_usec start, end; /* [us]; end P2V_NEVER: not known yet */
	bool placed;         /* its start is known */
	uint32_t index;
};

/** Where one Representation's fragments are, in one Period. */
struct dash_source {
	const struct dash_period *period;
	const struct xml_node *adaptation, *representation;
	bool disc;  /* the first fragment comes behind another Period's */
	size_t set; /* the AdaptationSet's place in the Period */
};

enum { DASH_SET_MAX = 48 };

/** The name of the set of tracks that a Representation belongs to.
 * @param out  [out] shape (DASH_SET_MAX) */
struct p2v_str dash_set(const struct dash_source *s, char *out);
/** "video", "audio", "text" or "" */
struct p2v_str dash_type(const struct dash_source *s);

/** ISO 8601: "PT1H2.5S"; a month counts 30 days, a year 365.
 * @return whether it is one, of no less than 0 and no more than 2^55 us */
bool dash_take_duration(struct p2v_str s, p2v_usec *out);
/** ISO 8601, with or without a zone (then UTC): "2026-01-31T12:00:00.5Z" */
bool dash_take_date(struct p2v_str s, int64_t *out);
/** "first-last" in bytes, last included. */
bool dash_take_range(struct p2v_str s, struct p2v_manifest_range *out);

/** What a template's identifiers stand for. */
struct dash_values {
	struct p2v_str id;
	uint64_t bandwidth, number, time;
};

/** Fill a URL template in (ISO/IEC 23009-1 5.3.9.4.4).
 * @param out  [out] shape (DASH_URI_MAX)
 * @return its length; 0: it cannot be filled in, and why has a word about it */
size_t dash_fill(struct p2v_str tmpl, const struct dash_values *v, char *out, const char **why);

/** Tell the fragments of one Representation in one Period. */
void dash_segments(struct dash *d, const struct dash_source *s);

/** The base of URIs from the MPD's own down to a level's. A change is told to the sink. */
void dash_base(struct dash *d, const struct xml_node *const *levels, size_t n);
/** Tell where every URI of the MPD stands. */
void dash_places(struct dash *d);

#endif
