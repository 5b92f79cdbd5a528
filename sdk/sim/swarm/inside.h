/* inside.h - what the files of a swarm share with each other, and with nobody else. */
#ifndef P2V_SIM_SWARM_INSIDE_H
#define P2V_SIM_SWARM_INSIDE_H

#include "framework/base/hash.h"
#include "sdk/sim/record.h"
#include "sdk/sim/swarm/swarm.h"

/** What runs on a viewer's machine while it is there. */
struct p2v_seat {
	struct p2v_node node;
	struct p2v_sim_crypto crypto;
	struct p2v_sim_records *records;
	struct p2v_agent *agent;
	struct p2v_player *player;
	struct p2v_policy manifest;
	struct p2v_manifests manifests;
	/* The media file whose bytes were checked last. */
	struct p2v_text checked; /* its URL */
	struct p2v_media_place place;
	int placed; /* P2V_OK: place is set */
};

/** What is left of it. */
struct p2v_trace {
	struct p2v_player_result player;
	struct p2v_metrics metrics;
	bool had_agent;
};

struct p2v_swarm_seat {
	struct p2v_swarm *swarm;
	size_t number;
	struct p2v_machine *machine;
	const struct p2v_visitor *visitor;
	p2v_usec from, until; /* P2V_NEVER: not yet */
	struct p2v_seat *live;
	struct p2v_trace *trace;
};

/** A fragment that somebody loaded. */
struct p2v_loaded {
	UT_hash_handle hh;
	uint64_t key;
};

struct p2v_meetings;

struct p2v_swarm {
	struct p2v_swarm_conf conf;
	struct p2v_sim *sim;
	struct p2v_overlay_conf taking; /* conf.overlay of those that give nothing */
	struct p2v_machine *origin_machine, *tracker_machine;
	struct p2v_origin *origin;
	struct p2v_node tracker_node;
	struct p2v_sim_crypto tracker_crypto;
	struct p2v_sim_records *tracker_records;
	struct p2v_policy tracker_cc, tracker_registry;
	struct p2v_tracker *tracker;
	struct p2v_doc_shelf *shelf;    /* of the manifests that all read */
	struct p2v_swarm_seat *viewers; /* shape (n) */
	size_t n;
	uint64_t polluted;
	struct p2v_loaded *loaded;
	uint64_t distinct;             /* [B] of them */
	struct p2v_meetings *meetings; /* NULL: every viewer is open */
	void *bound[6];                /* plugin options that were bound here */
	size_t n_bound;
};

/* meetings.c: who called whom, in a swarm with NAT boxes */
P2V_MUST_USE int p2v_meetings_new(struct p2v_swarm *s, struct p2v_err *err);
void p2v_meetings_free(struct p2v_swarm *s);
/** Watch a viewer whose agent has just begun. @return P2V_OK or P2V_ENOMEM, with err */
P2V_MUST_USE int p2v_meetings_watch(struct p2v_swarm_seat *v, struct p2v_err *err);

/* viewer.c */
P2V_MUST_USE int p2v_seats_new(struct p2v_swarm *s, struct p2v_err *err);
void p2v_seats_free(struct p2v_swarm *s);

#endif
