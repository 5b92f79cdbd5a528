/* delivery.h - the room's face: where a fragment's bytes come from, and when. Players' requests
 * come in above (gateway), partners and the CDN lie below. The promise: never worse than the CDN
 * alone. See sdk/doc/delivery.md. */
#ifndef P2V_DELIVERY_DELIVERY_H
#define P2V_DELIVERY_DELIVERY_H

#include "framework/overlay/overlay.h"
#include "framework/stream/channel.h"
#include "framework/stream/doc.h"

/** Bound from [delivery]. */
struct p2v_delivery_conf {
	uint64_t cache;        /* [B] of media in memory */
	uint64_t max_fragment; /* [B]; larger bodies pass through without being shared */
	uint32_t sources;      /* partners asked at a time for one fragment */
	uint32_t uploads;      /* transfers served at a time */
	p2v_usec standby;      /* delay of the second, third … in the election */
	p2v_usec margin; /* before the player's buffer is dry, in which the CDN alone is trusted */
	p2v_usec hold;   /* how long a miss is kept from a player */
	p2v_usec stale;  /* how old a manifest may be served while the CDN fails */
	p2v_usec poll;   /* how soon a manifest that should have changed is looked at again */
	double reveal;   /* in target durations: how long news are kept from a player at most */
	p2v_usec idle;   /* without a player's request a rendition is no longer followed */
};
extern const struct p2v_option p2v_delivery_options[];

struct p2v_delivery;
struct p2v_feed;    /* a channel in use */
struct p2v_viewer;  /* one player on one feed */
struct p2v_reading; /* one player's hold on one fragment */
struct p2v_waiter;  /* one player's wait for one manifest */

/** The plugins that delivery drives. Borrowed. */
struct p2v_delivery_policies {
	struct p2v_policy *select, *cache;
	struct p2v_policy *players; /* shape (n_players), in the order of the configuration */
	size_t n_players;
	const struct p2v_manifests *manifests;
};

P2V_MUST_USE int p2v_delivery_new(struct p2v_node *node, const struct p2v_delivery_conf *conf,
	const struct p2v_delivery_policies *policies, struct p2v_delivery **out,
	struct p2v_err *err);
/** Begin nothing new: the end is near. */
void p2v_delivery_stop(struct p2v_delivery *d);
/** After the gateway let go of its readings and waiters, and after the overlay, whose partners it
 * is told the end of. */
void p2v_delivery_free(struct p2v_delivery *d);

/** What the overlay calls; ctx is the delivery. */
const struct p2v_overlay_handler *p2v_delivery_overlay_handler(void);
/** From now on there are peers. @param o  [in] outlives d's use of it */
void p2v_delivery_attach(struct p2v_delivery *d, struct p2v_overlay *o);

/** Use a channel. @param channel  [in] outlives d @return NULL: no memory */
struct p2v_feed *p2v_delivery_feed(struct p2v_delivery *d, struct p2v_channel *channel);
const struct p2v_channel *p2v_feed_channel(const struct p2v_feed *f);

/** Request headers of the player that the CDN should see on this channel's fetches, the agent's own
 * among them. Kept.
 * @param v  [in] shape (n), borrowed until return; only Authorization, Cookie, Referer, Origin and
 * User-Agent count */
void p2v_feed_forward(struct p2v_feed *f, const struct p2v_header *v, size_t n);
/** The same headers, for fetches that the gateway makes by itself.
 * @param out  [out] shape (max), borrowed until the next p2v_feed_forward @return how many */
size_t p2v_feed_headers(const struct p2v_feed *f, struct p2v_header *out, size_t max);

/** The player behind a request, told apart by address and User-Agent. @return NULL: no memory */
struct p2v_viewer *p2v_feed_viewer(
	struct p2v_feed *f, const struct p2v_addr *from, struct p2v_str user_agent);

/* ---- manifests ---- */

/** A manifest as the CDN has it now. Borrowed until the upcall returns. */
struct p2v_manifest_answer {
	uint32_t status;           /* 200, or the CDN's own error */
	const char *why;           /* an error: a sentence; borrowed during the call */
	const struct p2v_doc *doc; /* NULL: not understood, or an error */
	struct p2v_str text, type; /* body, Content-Type */
	const char *url;           /* where it came from in the end, without directives */
	bool moved;                /* the CDN redirected us there */
	bool held;                 /* it was asked for by what it should tell of */
	const struct p2v_header
		*headers; /* of the CDN's answer, without what belongs to one connection */
	size_t n_headers;
	bool stale;
};

/** @return whether this URL is, or by its path may be, a manifest */
bool p2v_feed_is_manifest(const struct p2v_feed *f, const char *url);

/** @return whether a body of that Content-Type is a manifest */
bool p2v_feed_reads_type(const struct p2v_feed *f, struct p2v_str type);

/** Ask for a manifest. One fetch serves all who wait. A request that names a segment or part is
 * answered when the manifest lists that (RFC 8216bis 6.2.5.2), whether the CDN can wait or not; 503
 * after three target durations; 400: it is too far ahead.
 * @param done  [in] called once, never in this call
 * @return P2V_OK, P2V_ENOMEM, P2V_EIO */
P2V_MUST_USE int p2v_feed_manifest(struct p2v_feed *f, const char *url,
	void (*done)(void *ctx, const struct p2v_manifest_answer *a), void *ctx,
	struct p2v_waiter **out, struct p2v_err *err);
void p2v_waiter_cancel(struct p2v_waiter *w);

/* ---- fragments ---- */

/** What is known of a fragment's body. Borrowed until the reader's next call. */
struct p2v_reading_head {
	uint32_t status;        /* 200; else the CDN's error: nothing can be read */
	uint64_t length;        /* [B] of this fragment; P2V_LENGTH_UNKNOWN */
	uint64_t offset;        /* [B] of the fragment in its URL's body; 0 but for byte ranges */
	uint64_t total;         /* [B] of its URL's body; P2V_LENGTH_UNKNOWN */
	struct p2v_str headers; /* "Name: value\r\n" … of the CDN */
	bool hit;               /* it was whole when the player asked */
	uint64_t p2p, cdn;      /* [B] of it by source so far */
};

struct p2v_reading_handler {
	/** There is more to read, or the head became known, or it ended: look. */
	void (*ready)(void *ctx);
};

/** Read a fragment that a manifest of this feed lists.
 * @param range  [in] the byte range that the player asked for; NULL: the whole body
 * @param out    [out] closed by p2v_reading_close
 * @return P2V_OK; P2V_ENOENT: no manifest lists that, or it is too large to be held; P2V_ENOMEM */
P2V_MUST_USE int p2v_feed_open(struct p2v_feed *f, struct p2v_viewer *v, const char *url,
	const struct p2v_manifest_range *range, const struct p2v_reading_handler *h, void *ctx,
	struct p2v_reading **out);
/** @return whether the head is known */
bool p2v_reading_head(const struct p2v_reading *r, struct p2v_reading_head *out);
/** Read on from here, once. @param off  [B] within the fragment */
void p2v_reading_seek(struct p2v_reading *r, uint64_t off);
/** Take what is there.
 * @param max  [B]
 * @return [B] in *out, a slice of its own; 0: nothing now */
size_t p2v_reading_next(struct p2v_reading *r, size_t max, struct p2v_slice *out);
/** @return P2V_EAGAIN: more will come; P2V_OK: all was read; P2V_EIO: no more will come */
int p2v_reading_state(const struct p2v_reading *r);
/** At most how fast to hand it over [B/s]; 0: as it comes. */
uint64_t p2v_reading_pace(const struct p2v_reading *r);
/** Let go. whole: the player has had all that it asked for. A fetch that others share goes on; one
 * that a player gives up in the middle ends. */
void p2v_reading_close(struct p2v_reading *r, bool whole);

/* ---- for the status pages ---- */

/** Members into the object that is open: channels, renditions, viewers, partners, cache. */
void p2v_delivery_json(const struct p2v_delivery *d, struct p2v_json *j);

#endif
