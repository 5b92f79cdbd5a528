/* inside.h - what the overlay's files share: the tables of peers and partners, and the link to the
 * tracker. */
#ifndef P2V_OVERLAY_INSIDE_H
#define P2V_OVERLAY_INSIDE_H

#include "framework/overlay/overlay.h"

#define P2V_PEERS_MAX 512u
#define P2V_BANS_MAX  64u
#define P2V_PEER_AGE_OUT                                                         \
	(120 * P2V_SECOND) /* an introduction that was not repeated is forgotten \
			    */

struct p2v_swarm {
	struct p2v_id channel;
	p2v_usec join_at; /* when to tell the tracker again */
	uint64_t members; /* as the tracker last said; 0 unknown */
	bool told;        /* the tracker knows that we are in it */
};

struct p2v_peer;

/** A call to a peer, while it lasts: a few of many are called at a time. */
struct p2v_peer_call {
	struct p2v_dial dial;
	struct p2v_overlay *overlay;
	struct p2v_peer *peer;
};

/** A peer that we were introduced to. */
struct p2v_peer {
	struct p2v_id id;
	struct p2v_addr one; /* its address, where it has no more */
	uint8_t n_addrs;
	uint32_t failures;
	struct p2v_addr *many;      /* shape (n_addrs), where there are more; else NULL */
	uint64_t capacity;          /* [B/s] */
	p2v_usec seen;              /* last introduction */
	p2v_usec not_before;        /* of the next call */
	struct p2v_peer_call *call; /* NULL: it is not being called */
};

/** Where it is found: the ids of all lie side by side. */
struct p2v_peer_place {
	uint64_t id; /* p2v_id_short */
	struct p2v_peer *peer;
};

/** Somebody who broke the rules. */
struct p2v_ban {
	struct p2v_id id;
	p2v_usec until; /* 0: nobody */
};

/** A session with another node: nobody yet, or a partner. */
struct p2v_partner {
	struct p2v_list in_overlay;
	struct p2v_overlay *overlay;
	struct p2v_session *session;
	struct p2v_talk talk;
	struct p2v_timer *hello; /* it has to come; NULL: it has */
	struct p2v_id id;
	bool dialled, up, closing;
	struct p2v_id *member_of; /* shape (n_member_of): channels that it named and may be in */
	size_t n_member_of;
	uint32_t channels; /* bit i: it is in overlay->swarms[i] */
	uint64_t capacity; /* [B/s] */
	uint32_t hops, flags;
	p2v_usec since;
	uint64_t asked; /* [B] */
	double rate;    /* [B/s] moving average */
	double failures;
	p2v_usec failures_at;
	struct p2v_partner_path path;
	p2v_usec path_at; /* when path was looked at; P2V_UNKNOWN: never */
	void *user;
};

enum p2v_link_state {
	P2V_LINK_OFF = 0,
	P2V_LINK_WAIT,
	P2V_LINK_RESOLVE,
	P2V_LINK_DIAL,
	P2V_LINK_ENROL,
	P2V_LINK_UP
};

/** A call to the tracker, while it lasts. */
struct p2v_link_call {
	struct p2v_dial dial;
	struct p2v_tracker_link *link;
};

struct p2v_tracker_link {
	enum p2v_link_state state;
	struct p2v_overlay *overlay;
	struct p2v_lookup *lookup;
	struct p2v_link_call *call; /* NULL: it is not being called */
	struct p2v_session *session;
	struct p2v_talk talk;
	struct p2v_timer timer;
	p2v_usec renew_at, answer_by; /* the certificate; the tracker's answer to what was asked */
	uint32_t failures;
	struct p2v_addr observed; /* ourselves, as the tracker sees us */
	bool has_observed;
};

struct p2v_overlay {
	struct p2v_node *node;
	const struct p2v_overlay_conf *conf;
	struct p2v_dtl *dtl;
	struct p2v_policy *select;
	void *select_state;
	const struct p2v_overlay_handler *handler;
	void *ctx;
	struct p2v_overlay_watch watch; /* members NULL: nobody */
	struct p2v_swarm *swarms;       /* shape (n_swarms), P2V_CHANNELS_MAX at most */
	size_t n_swarms;
	struct p2v_peer_place *peers; /* shape (n_peers), in order of their first introduction */
	size_t n_peers, cap_peers;
	p2v_usec forget_at;   /* when peers that are old are looked for again */
	size_t n_calls;       /* peers that are being called */
	struct p2v_ban *bans; /* shape (P2V_BANS_MAX); NULL: nobody broke any rule */
	size_t next_ban;
	struct p2v_list partners; /* in order of their sessions */
	struct p2v_tracker_link link;
	struct p2v_timer timer;
	uint64_t capacity; /* [B/s] */
	bool resting;      /* the line carries too little to give anything */
};

/* overlay.c */
/** @return [B] of a descriptor of this node, written to out */
size_t p2v_overlay_describe(struct p2v_overlay *o, uint8_t *out, size_t cap);

/* peers.c */
/** Take an introduction. */
void p2v_peers_learn(struct p2v_overlay *o, struct p2v_bytes descriptor);
/** @return NULL: nobody introduced it */
struct p2v_peer *p2v_peers_find(const struct p2v_overlay *o, const struct p2v_id *id);
/** Call peers while partners are wanted, forget those that are old. */
void p2v_peers_tend(struct p2v_overlay *o);
size_t p2v_peers_dialling(const struct p2v_overlay *o);
/** How many partners there are too few, with those that are being called. */
size_t p2v_peers_lacking(const struct p2v_overlay *o);
/** How many of them are to be looked for: none while the swarms are small. */
size_t p2v_peers_wanted(const struct p2v_overlay *o);
/** A call, or a session with it, came to nothing or to an end: it is called again after a pause,
 * the longer the more often.
 * @param lasted  [us] that it was a partner */
void p2v_peers_lost(struct p2v_overlay *o, const struct p2v_id *id, p2v_usec lasted);
/** It broke the rules: for an hour it is neither called nor listened to. */
void p2v_peers_ban(struct p2v_overlay *o, const struct p2v_id *id);
bool p2v_peers_banned(const struct p2v_overlay *o, const struct p2v_id *id);
/** Call nobody until told otherwise. */
void p2v_peers_rest(struct p2v_overlay *o);
bool p2v_peers_opened(struct p2v_overlay *o, struct p2v_session *s);
bool p2v_peers_closed(struct p2v_overlay *o, struct p2v_session *s, const struct p2v_err *why);
void p2v_peers_free(struct p2v_overlay *o);

/* partner.c */
void p2v_partner_begin(struct p2v_overlay *o, struct p2v_session *s, bool dialled);
void p2v_partner_end(struct p2v_partner *p);
/** A stream that the remote opened: its hello, or a transfer. */
void p2v_partner_accepted(struct p2v_partner *p, struct p2v_stream *t);
size_t p2v_partner_count(const struct p2v_overlay *o); /* that are up */
struct p2v_partner *p2v_partner_find(const struct p2v_overlay *o, const struct p2v_id *id);
/** What we tell of ourselves has changed: say hello again. */
void p2v_partner_rejoined(struct p2v_overlay *o);

/* tracker_link.c */
void p2v_link_start(struct p2v_overlay *o);
void p2v_link_stop(struct p2v_overlay *o);
void p2v_link_join_soon(struct p2v_overlay *o); /* a channel is new, or partners are few */
bool p2v_link_opened(struct p2v_overlay *o, struct p2v_session *s);
bool p2v_link_closed(struct p2v_overlay *o, struct p2v_session *s, const struct p2v_err *why);

#endif
