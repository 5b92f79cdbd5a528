/* inside.h - what the files of the measuring player share with each other, and with nobody else. */
#ifndef P2V_PLAYER_INSIDE_H
#define P2V_PLAYER_INSIDE_H

#include "framework/stream/timeline.h"
#include "sdk/player/buffer.h"
#include "sdk/player/parts.h"
#include "sdk/player/player.h"

/* ---- one request (load.c) ---- */

enum p2v_load_end {
	P2V_LOAD_OK,
	P2V_LOAD_MISS,  /* 400 … 499: it is not there */
	P2V_LOAD_ERROR, /* another status, a broken connection, a wrong length */
	P2V_LOAD_TIMEOUT
};

struct p2v_load {
	struct p2v_player *player;
	void (*done)(struct p2v_load *l, enum p2v_load_end how);
	void *owner;
	bool busy;               /* asked, and not done yet */
	bool manifest;           /* the body is kept; else it is counted, and shown to the hook */
	struct p2v_fetch *fetch; /* NULL: it could not even be begun */
	struct p2v_timer limit;
	char *url;
	struct p2v_manifest_range range;
	p2v_usec patience; /* [us] without a byte, for the next request; 0: as configured */
	uint32_t status;
	uint64_t length, got, at; /* [B] promised; come; where in the body the next ones are */
	p2v_usec asked, first;    /* first P2V_UNKNOWN: nothing came yet */
	struct p2v_text body, from, type; /* of a manifest: it, its URL in the end, its type */
	/* Of a manifest that another one told of: how it is to be read; the owner's. */
	const char *proto, *context, *base;
	char why[160]; /* it failed */
};

void p2v_load_init(struct p2v_load *l, struct p2v_player *p, bool manifest,
	void (*done)(struct p2v_load *l, enum p2v_load_end how), void *owner);
/** Ask. The load is not busy. done() comes later, also when there is no memory. */
void p2v_load_start(struct p2v_load *l, const char *url, const struct p2v_manifest_range *range);
/** Give up what is under way: done() does not come. */
void p2v_load_stop(struct p2v_load *l);
void p2v_load_fini(struct p2v_load *l);
/** Read the manifest that came, once: its text is given up.
 * @return as p2v_doc_parse */
P2V_MUST_USE int p2v_load_read(struct p2v_load *l, struct p2v_doc **out, struct p2v_err *err);

/* ---- one rendition, and one of the tracks that play together (track.c, low.c, fetching.c) ---- */

/** What is loaded by one request: a fragment, or a part of one. */
struct p2v_pick {
	struct p2v_timeline_entry e; /* url borrowed until it is asked for; t is not used */
	bool partial, hint;          /* hint: it is announced, and dur is a guess */
	uint32_t i;                  /* part of fragment e.n */
	p2v_usec into;               /* [us] from the start of that fragment */
};

/** How a rendition's server serves those who want to be near the edge (low.c). */
struct p2v_low {
	struct p2v_parts parts; /* of the last reading; empty: it has none, or they are not wanted
				 */
	bool can_block;         /* it says that it holds requests for what is not there yet */
	bool edge_known;
	uint64_t edge_n; /* the next part to come, as of the last reading */
	uint32_t edge_i;
	uint32_t unheld;                      /* requests in a row that it did not hold */
	p2v_usec no_block, no_parts, no_hint; /* not before: something failed */
	uint32_t bad_hints;                   /* in a row */
	uint64_t bad_n;                       /* the last one */
	uint32_t bad_i;
};

/* Own: hls.js never comes back. */
#define P2V_LIST_PENALTY (30 * P2V_SECOND)

struct p2v_rung {
	char *url;
	struct p2v_source
		*source;  /* what tells of its fragments; NULL: a list of its own, at url */
	char *variant;    /* … in which it has this name; NULL: its only track */
	uint64_t bitrate; /* [bit/s]; 0: not known */
	struct p2v_timeline tl;
	bool listed;        /* tl has been read */
	p2v_usec reload_at; /* not before */
	p2v_usec avoid;     /* not chosen before: its list could not be had */
	struct p2v_low low;
};

struct p2v_track {
	struct p2v_player *player;
	size_t index; /* 0: video, or all in one; 1: sound */
	struct p2v_rung *v;
	size_t n, cur;
	struct p2v_load list, frag;
	struct p2v_timer tick, reload;

	/* What to load next. */
	bool placed;
	bool restarted;     /* the list broke with what was known */
	size_t numbered_on; /* the rung whose numbers `next` is of */
	uint64_t next;      /* media sequence number, or where there are times instead, the time
			       before which nothing is wanted */
	uint32_t part;      /* … of which the parts before this one are there … */
	p2v_usec into;      /* … so much of it [us] */
	p2v_usec again;     /* [us] what is loaded next begins with so much that is there already */
	bool dated;
	int64_t date;     /* [us] since 1970 of its first frame, or on the presentation's clock */
	p2v_usec t;       /* [us] on the player's clock */
	p2v_usec waiting; /* now() since when it is not listed; P2V_UNKNOWN: it is */

	/* What is being loaded. */
	struct p2v_pick pick; /* its url is the load's own */
	bool init;            /* … the initialisation segment that it needs */
	p2v_usec came;        /* now() when it was there */
	p2v_usec
		listed_at; /* now() when a hint was listed while it was loading; P2V_UNKNOWN: not */
	bool asked_as_hint;
	bool unlisted; /* … that is there, and that no reading lists yet */
	bool held;     /* the list was asked for with the next part's number: ask_n, ask_i */
	uint64_t ask_n;
	uint32_t ask_i;
	char *init_url; /* the one that was loaded last */
	struct p2v_manifest_range init_range;
	size_t init_rung;

	/* After failures. */
	uint32_t errors, timeouts, rounds, list_errors;
	uint64_t tried; /* rungs, by bits, that do not have the fragment */
	bool forced;    /* cur was chosen for a reason: no new choice until it is loaded */
	p2v_usec not_before;
	bool ended;
};

/* ---- a manifest that tells of several renditions, or of one in another manifest's words
 * (source.c) ---- */

struct p2v_source {
	struct p2v_player *player;
	const struct p2v_source *parent; /* what told of it; NULL: it was asked for */
	size_t within; /* track of the parent whose fragments it tells; SIZE_MAX: it
			  has tracks of its own */
	char *url, *proto, *context, *base;
	uint64_t bitrate; /* [bit/s] that a master manifest told of it; 0: none did */
	struct p2v_manifest_range range;
	struct p2v_load load;
	struct p2v_timer timer;
	struct p2v_doc *doc;        /* NULL: not read yet */
	bool given_up;              /* it could not be had when the player began */
	p2v_usec fetched, fetch_at; /* when it was asked for; not to be asked for before */
	p2v_usec retry_at;          /* … after an error */
	uint32_t errors;
};

enum { P2V_SOURCES_MAX = 64 };

/* ---- the player ---- */

struct p2v_player {
	struct p2v_world w;
	const struct p2v_manifests *manifests;
	struct p2v_player_conf conf;
	struct p2v_player_hooks hooks;
	char *url;
	struct p2v_load master;
	struct p2v_doc *lists; /* tells something of the tracks' manifests; NULL: nothing does */
	struct p2v_timer boot, dry;
	struct p2v_track *tracks[P2V_BUFFER_TRACKS];
	size_t n_tracks; /* 0: the master manifest has not come yet */
	struct p2v_source *sources[P2V_SOURCES_MAX];
	size_t n_sources; /* 0: no presentation */
	uint64_t *rates;  /* [bit/s] shape (n of tracks[0]) */
	struct p2v_abr abr;
	bool any_loaded;
	struct p2v_buffer buffer;
	uint32_t stalls_told;
	enum p2v_buffer_state state_told;
	p2v_usec begun, good; /* good: the last time that a request went well */
	uint32_t master_tries;
	bool over;                  /* stopped, ended, or given up */
	struct p2v_player_result r; /* counters; the rest is filled in on demand */
};

static inline int64_t p2v_player_wall(const struct p2v_player *p)
{
	return p->w.ops->wall(p->w.self);
}

/* player.c */
void p2v_player_over(struct p2v_player *p, int code, const char *why);
/** A request failed. @return true: none went well for so long that it is over */
bool p2v_player_failed(struct p2v_player *p, const struct p2v_load *l, enum p2v_load_end how);
/** Media was added, or time passed: tell, and look what can be done next. */
void p2v_player_moved(struct p2v_player *p);

int p2v_player_add_rung(struct p2v_track *k, const char *url, uint64_t bitrate,
	struct p2v_source *source, const char *variant);
/** @param n  room for so many renditions @return NULL: no memory */
struct p2v_track *p2v_player_add_track(struct p2v_player *p, size_t n);
/** Begin anew without tracks. */
void p2v_player_drop_tracks(struct p2v_player *p);
/** The tracks are there: play. @return P2V_OK or P2V_ENOMEM */
int p2v_player_begin(struct p2v_player *p);

/* source.c */
/** Play a presentation, as it stands in p->master. What it tells of comes first.
 * @param d  [in] a reference is taken
 * @return P2V_OK; P2V_EPARSE with err: nothing to play; P2V_ENOMEM */
int p2v_source_open(struct p2v_player *p, struct p2v_doc *d, struct p2v_err *err);
/** The variants of a master manifest are no lists of fragments but presentations: their tracks take
 * the place of the variants. The tracks that there were, and what was being loaded for them, are
 * gone.
 * @return P2V_OK or P2V_ENOMEM */
int p2v_source_open_variants(struct p2v_player *p);
void p2v_source_stop(struct p2v_source *s);
void p2v_source_free(struct p2v_source *s);
/** A rung of it is played: have it up to date from now on.
 * @return whether it is */
bool p2v_source_want(struct p2v_source *s);
/** Bring the rungs of it up to date with what was read. @return P2V_OK or P2V_ENOMEM */
int p2v_source_apply(struct p2v_source *s);

/* sets.c */
/** Make tracks of what the sources tell.
 * @return P2V_OK; P2V_EPARSE with err: nothing to play; P2V_ENOMEM with err */
int p2v_sets_make(struct p2v_player *p, struct p2v_err *err);
/** A track's renditions tell of nothing further, but others of their kind may: those of the next
 * Period, under other names. Then they take their places.
 * @return whether there are such */
bool p2v_sets_go_on(struct p2v_track *k);

/* track.c */
int p2v_track_init(struct p2v_track *k, struct p2v_player *p, size_t index, size_t n);
void p2v_track_fini(struct p2v_track *k);
void p2v_track_stop(struct p2v_track *k);
int p2v_rung_init(struct p2v_rung *r, const char *url, uint64_t bitrate);
void p2v_rung_fini(struct p2v_rung *r);
/** Take a reading of the current rung's manifest. @return P2V_OK; P2V_EPARSE: no media manifest;
 * P2V_ENOMEM */
int p2v_track_read(struct p2v_track *k, const struct p2v_doc *d, p2v_usec asked);
/** Load the current rung's manifest, now. */
void p2v_track_list(struct p2v_track *k);
/** Go over to another rung. */
void p2v_track_switch(struct p2v_track *k, size_t rung);

enum p2v_where { P2V_FOUND, P2V_WAIT, P2V_END };
/** Find what to load next in the current rung's list.
 * @param out  [out] only when found */
enum p2v_where p2v_track_locate(struct p2v_track *k, struct p2v_pick *out);
/** Go on behind what was loaded, or skipped. */
void p2v_track_pass(struct p2v_track *k, const struct p2v_pick *e);
/** Sound begins where video does.
 * @param start  [out] [us] since 1970 of what plays at 0 of the player's clock; false: not known */
bool p2v_track_start_date(const struct p2v_track *k, int64_t *start);

/* low.c */
void p2v_low_fini(struct p2v_low *l);
/** @return whether the current rung is played by parts now */
bool p2v_low_on(const struct p2v_track *k);
/** Take a reading of the current rung's playlist, after its timeline did.
 * @param again  [out] when to read the playlist again; P2V_UNKNOWN: as if it were any other one
 * @return P2V_OK or P2V_ENOMEM */
int p2v_low_read(struct p2v_track *k, const struct p2v_doc *d, p2v_usec asked, p2v_usec *again);
/** Ask for the current rung's playlist, so that the server holds the request if it does that. */
void p2v_low_list(struct p2v_track *k);
/** The playlist could not be had.
 * @return true: it was asked for in a way that this server does not understand, and is asked for
 * again */
bool p2v_low_list_failed(struct p2v_track *k);
/** As p2v_track_locate, by parts. */
enum p2v_where p2v_low_locate(struct p2v_track *k, struct p2v_pick *out);
/** @return whether a decoder could begin with what comes next: a switch costs nothing here */
bool p2v_low_may_switch(const struct p2v_track *k);
/** A hint is there: whether a reading lists it.
 * @return P2V_FOUND: k->pick is told; P2V_WAIT: not yet; P2V_END: it will not be listed */
enum p2v_where p2v_low_settle(struct p2v_track *k);
/** A part could not be had: whatever is left of its fragment is looked for in other ways.
 * @return when to go on */
p2v_usec p2v_low_failed(struct p2v_track *k);

/* fetching.c */
/** Load the next fragment, if it is time. */
void p2v_track_decide(struct p2v_track *k);
void p2v_fetching_done(struct p2v_load *l, enum p2v_load_end how);

/* result.c */
void p2v_player_trace_event(struct p2v_player *p, const char *event, const char *text);
void p2v_player_trace_fragment(struct p2v_player *p, const struct p2v_player_fragment *f);

#endif
