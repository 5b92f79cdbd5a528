/* overlay.h - the room's face: a node among others. It enrols, is introduced, keeps partners, and
 * hands their messages and transfers up. Which fragments anybody has is delivery's business. */
#ifndef P2V_OVERLAY_OVERLAY_H
#define P2V_OVERLAY_OVERLAY_H

#include <peer2view/select.h>
#include "framework/base/list.h"
#include "framework/overlay/talk.h"
#include "framework/reach/dialer.h"

#define P2V_CHANNELS_MAX 16u

/** Bound from [overlay]. */
struct p2v_overlay_conf {
	const char *tracker; /* host:port; empty: no peers but those that call */
	const char *listen;  /* address:port of the one UDP socket */
	const char *token;   /* admission to the tracker */
	bool p2p_enabled;    /* the kill switch */
	bool upload_enabled;
	uint64_t upload_limit;    /* [bit/s]; 0: none */
	uint64_t upload_capacity; /* [bit/s]; 0: measured */
	uint32_t partners;        /* that it looks for; twice as many may come */
	uint32_t min_swarm;       /* members below which it keeps to the CDN */
	uint32_t activation;      /* [%] of nodes that take part, drawn by peer id */
	bool announce_local;      /* tell peers the addresses of this host's interfaces */
};
extern const struct p2v_option p2v_overlay_options[];

struct p2v_overlay;
struct p2v_partner;

struct p2v_overlay_handler {
	/** A partner said hello and shares a channel with us. */
	void (*up)(void *ctx, struct p2v_partner *p);
	/** There is a further channel that it shares with us. */
	void (*shares)(void *ctx, struct p2v_partner *p);
	/** Last upcall for p, and only after `up`; its transfers have ended. */
	void (*down)(void *ctx, struct p2v_partner *p);
	/** follow, news, have, gone. */
	void (*message)(
		void *ctx, struct p2v_partner *p, uint64_t number, const union p2v_msg *msg);
	/** It opened a transfer: set the stream's owner (struct p2v_stream_owner), or release it.
	 */
	void (*transfer)(void *ctx, struct p2v_partner *p, struct p2v_stream *t);
};

/** Told how peers are reached, for figures; it changes nothing. */
struct p2v_overlay_watch {
	void *ctx;
	/** A peer is called, at all its addresses. */
	void (*called)(void *ctx, const struct p2v_id *peer);
	/** A session with a peer is up, whoever called; it may turn out to be one too many. */
	void (*reached)(void *ctx, const struct p2v_id *peer, struct p2v_session *s);
};

/** @param node     [in] outlives it
 * @param conf      [in] borrowed for its life; live options are read as they are
 * @param transport [in] copied
 * @param records   [in] copied
 * @param cc        [in] kind cc
 * @param select    [in] kind select: ranks whom to be partner with */
P2V_MUST_USE int p2v_overlay_new(struct p2v_node *node, const struct p2v_overlay_conf *conf,
	const struct p2v_dtl_conf *transport, const struct p2v_records *records,
	struct p2v_policy *cc, struct p2v_policy *select, const struct p2v_overlay_handler *h,
	void *ctx, struct p2v_overlay **out, struct p2v_err *err);
/** Partners are told, and `down` comes for each that was up; no other upcalls. */
void p2v_overlay_free(struct p2v_overlay *o);

/** @param w  [in] copied; NULL: nobody is told any more */
void p2v_overlay_set_watch(struct p2v_overlay *o, const struct p2v_overlay_watch *w);

/** Be in the swarm of that channel; again is no error. @return P2V_OK, P2V_ELIMIT, P2V_ENOMEM */
P2V_MUST_USE int p2v_overlay_join(struct p2v_overlay *o, const struct p2v_id *channel);
/** Live options of the conf have changed. */
void p2v_overlay_reconfigured(struct p2v_overlay *o);
/** Where the socket is bound. */
struct p2v_addr p2v_overlay_bound(const struct p2v_overlay *o);
/** What this node can upload, as declared to others; delivery measures it.
 * @param capacity  [B/s] 0: unknown
 * @param found     the line was found to carry no more; else little may only be what was wanted of
 * it, and is as good as unknown */
void p2v_overlay_set_capacity(struct p2v_overlay *o, uint64_t capacity, bool found);
uint64_t p2v_overlay_capacity(const struct p2v_overlay *o);
/** Give nothing for a while, or again; partners are told. @return whether that is new */
bool p2v_overlay_rest(struct p2v_overlay *o, bool on);
/** @return [B/s] most that may be sent to peers, all together; 0: no limit */
uint64_t p2v_overlay_upload_limit(const struct p2v_overlay *o);
bool p2v_overlay_active(const struct p2v_overlay *o); /* P2P is wanted here and now */
bool p2v_overlay_may_upload(const struct p2v_overlay *o);

/** Partners that are up, in order of coming up. @return the first; NULL: none */
struct p2v_partner *p2v_partner_first(const struct p2v_overlay *o);
struct p2v_partner *p2v_partner_next(const struct p2v_partner *p);

const struct p2v_id *p2v_partner_id(const struct p2v_partner *p);
bool p2v_partner_in(const struct p2v_partner *p, const struct p2v_id *channel);
void p2v_partner_set_user(struct p2v_partner *p, void *user);
void *p2v_partner_user(const struct p2v_partner *p);
struct p2v_session *p2v_partner_session(const struct p2v_partner *p);
/** Send a control message; a partner that does not read is dropped. */
void p2v_partner_send(struct p2v_partner *p, enum p2v_message number, const void *msg);
/** Send one that p2v_talk_encode made, as several are told the same.
 * @param s  [in] borrowed until return */
void p2v_partner_send_slice(struct p2v_partner *p, const struct p2v_slice *s);
/** Open a stream for a transfer. @return as p2v_stream_open */
P2V_MUST_USE int p2v_partner_open(struct p2v_partner *p, struct p2v_stream **out);
/** Drop it: `down` will come. banned: it broke the rules, and is not called again for an hour. */
void p2v_partner_drop(struct p2v_partner *p, bool banned, const char *why);
/** Bytes were asked of it (+) or arrived or were given up (-). */
void p2v_partner_asked(struct p2v_partner *p, int64_t bytes);
/** It delivered n bytes in that time. */
void p2v_partner_delivered(struct p2v_partner *p, uint64_t n, p2v_usec took);
/** It refused, was late, or went silent. */
void p2v_partner_failed(struct p2v_partner *p);
/** How the way to it is, as seen at most 20 ms ago. */
struct p2v_partner_path {
	p2v_usec rtt;       /* 0: no sample yet */
	uint32_t near_bits; /* leading address bits in common with us */
	bool suspect;       /* it has not answered for some round trips */
};
const struct p2v_partner_path *p2v_partner_path(struct p2v_partner *p);
/** What select plugins see of it; hops, lag and the flags about a fragment are the caller's to add.
 */
void p2v_partner_view(struct p2v_partner *p, struct p2v_select_peer *out);
/** The same for a choice that regards many, and hardly their paths: these may be half a second old.
 */
void p2v_partner_outline(struct p2v_partner *p, struct p2v_select_peer *out);
/** The same of this node. */
void p2v_overlay_view(const struct p2v_overlay *o, struct p2v_select_peer *out);

#endif
