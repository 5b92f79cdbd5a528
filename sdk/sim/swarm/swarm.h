/* swarm.h - a whole event in one process: an origin, a tracker, and viewers, each with a player and
 * (unless it is the CDN baseline) an agent of the same objects and plugins as live ones. Scenarios
 * are built on this. */
#ifndef P2V_SIM_SWARM_H
#define P2V_SIM_SWARM_H

#include "framework/host/agent.h"
#include "framework/tracker/tracker.h"
#include "sdk/player/player.h"
#include "sdk/sim/cdn/origin.h"
#include "sdk/sim/crypto.h"
#include "sdk/sim/swarm/audience.h"

/** The plugins that everybody runs; their options have the defaults unless `conf` says otherwise.
 */
struct p2v_swarm_plugins {
	struct p2v_agent_plugin select, cc, cache, player, manifest, registry;
};

struct p2v_swarm_conf {
	uint64_t seed;
	uint64_t shuffle;  /* not 0: p2v_sim_shuffle_ties */
	p2v_usec coalesce; /* p2v_sim_set_coalesce */
	bool flows;        /* p2v_sim_set_flows: only in a program that has libp2v_flow.la */
	enum p2v_log_level log_level;
	size_t viewers;
	/** Who comes, when, and with which line; outlives the swarm. NULL: `viewers` of them with
	 * `viewer_link`, the first after `warm_up`, `apart` from each other, to the end. */
	const struct p2v_audience *audience;
	p2v_usec nat_timeout;     /* of the audience's NAT boxes */
	bool nat_inbound_refresh; /* … of theirs, too */
	bool p2p;                 /* false: players go to the origin themselves */
	bool agents; /* with p2p false: players go through agents that have no tracker */
	struct p2v_origin_conf origin;
	struct p2v_link origin_link, tracker_link, viewer_link;
	p2v_usec warm_up, apart;
	struct p2v_player_conf player;
	struct p2v_gateway_conf gateway;
	struct p2v_overlay_conf overlay;
	struct p2v_delivery_conf delivery;
	struct p2v_dtl_conf transport;
	struct p2v_tracker_conf tracker;
	struct p2v_channel_conf channel;
	struct p2v_swarm_plugins plugins;
};

/** Every option at its default, fast links of 10 ms, everybody within one fragment.
 * @param plugins  [in] descriptors; a NULL conf gets bound defaults, which live as long as the
 * swarm */
P2V_MUST_USE int p2v_swarm_conf_default(struct p2v_swarm_conf *conf, struct p2v_err *err);

struct p2v_swarm;

/** @param conf  [in] copied; what it points to outlives the swarm */
P2V_MUST_USE int p2v_swarm_new(
	const struct p2v_swarm_conf *conf, struct p2v_swarm **out, struct p2v_err *err);
void p2v_swarm_free(struct p2v_swarm *s);
struct p2v_sim *p2v_swarm_sim(struct p2v_swarm *s);
/** Run until that virtual time since the swarm began. */
void p2v_swarm_run(struct p2v_swarm *s, p2v_usec until);

struct p2v_origin *p2v_swarm_origin(struct p2v_swarm *s);
struct p2v_machine *p2v_swarm_origin_machine(struct p2v_swarm *s);
struct p2v_machine *p2v_swarm_tracker_machine(struct p2v_swarm *s);
struct p2v_machine *p2v_swarm_machine(struct p2v_swarm *s, size_t viewer);
size_t p2v_swarm_viewers(const struct p2v_swarm *s);
/** Have a viewer leave now; one that is not there does nothing.
 * @param abrupt  its line is cut, and nobody hears of it but by silence */
void p2v_swarm_leave(struct p2v_swarm *s, size_t viewer, bool abrupt);
bool p2v_swarm_is_here(const struct p2v_swarm *s, size_t viewer);
/** @return NULL: it has not come yet, or it is gone */
struct p2v_player *p2v_swarm_player(struct p2v_swarm *s, size_t viewer);
/** @return NULL: it has none, or is not there */
struct p2v_agent *p2v_swarm_agent(struct p2v_swarm *s, size_t viewer);
/** @return counters of its agent, also when it is gone; NULL: it has none, or has not come yet */
const struct p2v_metrics *p2v_swarm_metrics(struct p2v_swarm *s, size_t viewer);
/** The overlay's settings, which all agents share: live ones may be changed, and p2v_swarm_changed
 * tells the agents. */
struct p2v_overlay_conf *p2v_swarm_overlay(struct p2v_swarm *s);
void p2v_swarm_changed(struct p2v_swarm *s);
/** @return its crypto, to make it forge; NULL: it has none, or is not there */
struct p2v_sim_crypto *p2v_swarm_crypto(struct p2v_swarm *s, size_t viewer);
/** Pieces of media that players were given and that the origin never wrote. */
uint64_t p2v_swarm_polluted(const struct p2v_swarm *s);

/** One viewer, as it is now or as it was when it left. */
struct p2v_swarm_viewer {
	bool came, here;
	p2v_usec from, until;              /* [us] virtual time; until: now, while it is here */
	const struct p2v_visitor *visitor; /* NULL: the swarm has no audience */
	struct p2v_player_result player;
	const struct p2v_metrics *metrics; /* of its agent; NULL: it has none */
	struct p2v_link_count link;
};
void p2v_swarm_viewer(struct p2v_swarm *s, size_t viewer, struct p2v_swarm_viewer *out);
/** [B] of all different fragments that players loaded: what must come from the CDN once. */
uint64_t p2v_swarm_distinct(const struct p2v_swarm *s);

/** What became of viewers that wanted to be partners, by what stands before them. */
struct p2v_pair_count {
	uint64_t tried;     /* pairs one of which called the other */
	uint64_t connected; /* … that got a session */
	uint64_t sessions;  /* between any of them, one after another or at once */
	uint64_t direct; /* … whose datagrams go to the other's own box or line, not to a relay */
};
/** Of p2v_person_class. */
enum { P2V_PAIR_CLASSES = 1 + P2V_NAT_TYPES };
struct p2v_pairs {
	/* by class: the lower one first */
	struct p2v_pair_count v[P2V_PAIR_CLASSES][P2V_PAIR_CLASSES];
};
/** @return NULL: every viewer is open */
const struct p2v_pairs *p2v_swarm_pairs(const struct p2v_swarm *s);

/** How the event went, over all viewers that came. */
struct p2v_swarm_result {
	size_t viewers, played;
	uint64_t played_bytes, p2p_bytes,
		cdn_bytes;     /* handed to players, by source; without agents all is cdn */
	uint64_t origin_bytes; /* bodies that the origin sent */
	double savings, offload;
	uint64_t stalls;
	p2v_usec stalled, startup_p50, startup_p95, latency_p50;
	uint64_t mean_bitrate; /* [bit/s] */
	uint64_t wasted_bytes;
};
void p2v_swarm_result(struct p2v_swarm *s, struct p2v_swarm_result *out);

#endif
