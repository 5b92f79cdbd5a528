/* cache.h - kind `cache`: what to fetch ahead of the player and how urgently, and what to keep for
 * others. One state per channel. The host stores; a policy only judges. */
#ifndef PEER2VIEW_CACHE_H
#define PEER2VIEW_CACHE_H

#include <peer2view/env.h>

#define P2V_CACHE_ABI 1
#define P2V_CACHE_MAX 1024u /* fragments in one call */

enum {
	P2V_FRAG_FOLLOWED = 1u << 0,  /* it belongs to a rendition that the player reads now */
	P2V_FRAG_LISTED = 1u << 1,    /* the manifest still lists it */
	P2V_FRAG_REQUESTED = 1u << 2, /* the player waits for it now */
	P2V_FRAG_SERVED = 1u << 3,    /* the player has had it */
	P2V_FRAG_ARRIVING = 1u << 4,
	P2V_FRAG_COMPLETE = 1u << 5,
	P2V_FRAG_INIT = 1u << 6 /* an initialisation segment: small, needed by every joiner */
};

struct p2v_cache_frag {
	uint64_t key;     /* leading 8 bytes of the fragment key, big-endian */
	uint32_t flags;   /* P2V_FRAG_* */
	uint32_t relayed; /* how many times a peer took bytes of it from us */
	p2v_usec t, dur;  /* [us] media time; t = P2V_UNKNOWN for P2V_FRAG_INIT */
	p2v_usec due;     /* when the player runs dry without it; P2V_NEVER: unknown */
	p2v_usec used;    /* when a player or a peer last took bytes of it */
	uint64_t held;    /* [B] in memory */
};

struct p2v_cache_view {
	p2v_usec now;
	p2v_usec edge;     /* [us] media time of the end of what is listed; P2V_UNKNOWN: none */
	p2v_usec position; /* [us] media time served up to; P2V_UNKNOWN: nothing yet */
	uint64_t held;     /* [B] all in memory */
	uint64_t limit;    /* [B] that may be */
	bool live;
};

struct p2v_cache_ops {
	uint32_t size;

	int (*open)(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err);
	void (*close)(void *st); /* may be NULL */

	/** What to fetch before the player asks.
	 * @param frags     [in] shape (n), the fragments of one followed rendition in media order,
	 * borrowed until return
	 * @param priority  [out] shape (n) [1]; below 0: do not fetch; 0…4: fetch at this transfer
	 * priority */
	void (*ahead)(void *st, const struct p2v_cache_view *view,
		const struct p2v_cache_frag *frags, size_t n, double *priority);

	/** What to keep.
	 * @param frags  [in] shape (n), fragments with bytes in memory, any order, borrowed until
	 * return
	 * @param worth  [out] shape (n) [1]; below 0: drop now; else the host drops the least worth
	 * while held > limit */
	void (*keep)(void *st, const struct p2v_cache_view *view,
		const struct p2v_cache_frag *frags, size_t n, double *worth);
};

#endif
