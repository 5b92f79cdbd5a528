/* select.h - kind `select`: whom to keep as partner, whom to ask for a fragment, who goes to the
 * CDN for it. One state per channel. */
#ifndef PEER2VIEW_SELECT_H
#define PEER2VIEW_SELECT_H

#include <peer2view/env.h>

#define P2V_SELECT_ABI 1
#define P2V_SELECT_MAX 256u /* peers in one call */

enum {
	P2V_PEER_SELF = 1u << 0,     /* this node itself */
	P2V_PEER_PARTNER = 1u << 1,  /* a session with it is up */
	P2V_PEER_FOLLOWS = 1u << 2,  /* it follows the rendition in question */
	P2V_PEER_COMPLETE = 1u << 3, /* it holds the whole fragment in question */
	P2V_PEER_ARRIVING = 1u << 4, /* it is still receiving the fragment in question */
	P2V_PEER_SUSPECT = 1u << 5,  /* it has not answered for some round trips */
	P2V_PEER_TAKES =
		1u << 6 /* it gives nothing: it may not upload, or its line carries too little */
};

/** What one node knows of another. Unknown numbers are 0 unless said otherwise. */
struct p2v_select_peer {
	uint64_t id;    /* leading 8 bytes of its peer id, big-endian */
	uint32_t flags; /* P2V_PEER_* */
	uint32_t hops;  /* from the source, of the fragment in question or of its stream; UINT32_MAX
			   unknown */
	uint64_t capacity;  /* [B/s] upload that it declares */
	uint64_t rate;      /* [B/s] at which it lately delivered to us */
	p2v_usec rtt;       /* [us] */
	p2v_usec lag;       /* [us] of its newest fragment behind the newest that we know of */
	p2v_usec age;       /* [us] since the session came up, or since the introduction */
	uint64_t asked;     /* [B] asked of it and not arrived */
	uint32_t failures;  /* refusals, time-outs and late chunks, halved every 10 s */
	uint32_t near_bits; /* leading address bits in common with us, 0…128 */
};

/** The fragment in question. */
struct p2v_select_want {
	uint64_t key;   /* leading 8 bytes of its fragment key, big-endian */
	uint64_t bytes; /* [B] missing; 0 unknown */
	p2v_usec slack; /* [us] until it is needed; may be negative */
};

struct p2v_select_ops {
	uint32_t size;

	int (*open)(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err);
	void (*close)(void *st); /* may be NULL */

	/** Whom to be partner with.
	 * @param self   [in] this node
	 * @param peers  [in] shape (n), borrowed until return
	 * @param n      0…P2V_SELECT_MAX
	 * @param score  [out] shape (n) [1]; higher is better, below 0: not at all; NaN forbidden
	 * @return P2V_OK; P2V_EAGAIN: too little known, the host keeps what it has */
	int (*partners)(void *st, const struct p2v_select_peer *self,
		const struct p2v_select_peer *peers, size_t n, double *score);

	/** Whom to ask for chunks of one fragment; every peer given has it or is receiving it.
	 * @param score  [out] shape (n) [1]; the host asks the best first; below 0: not at all; NaN
	 * forbidden
	 * @return P2V_OK; P2V_EAGAIN: nobody, the host waits or goes to the CDN */
	int (*sources)(void *st, const struct p2v_select_want *want,
		const struct p2v_select_peer *peers, size_t n, double *score);

	/** How likely each node is to be the one that fetches the fragment from the CDN. The host
	 * elects by rendezvous hashing with these weights, so nodes that see the same peers agree
	 * without a message: a weight may depend only on what a peer declares of itself, never on
	 * what we measured.
	 * @param peers   [in] shape (n); peers[0] is this node; all follow the rendition
	 * @param weight  [out] shape (n); 0: never; at most UINT16_MAX
	 * @return P2V_OK; P2V_EAGAIN: the host fetches by itself */
	int (*fetchers)(void *st, const struct p2v_select_want *want,
		const struct p2v_select_peer *peers, size_t n, uint32_t *weight);
};

#endif
