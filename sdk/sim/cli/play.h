/* play.h - one run of a scenario from beginning to end: with peers, or from the CDN alone, and what
 * was seen of it. */
#ifndef P2V_SIM_CLI_PLAY_H
#define P2V_SIM_CLI_PLAY_H

#include <stdio.h>

#include "sdk/sim/cli/scenario.h"

enum { P2V_WHYS = P2V_M_CDN_BYTES_OTHER - P2V_M_CDN_BYTES_ALONE + 1 };

/** Sums over all viewers up to a moment. */
struct p2v_sums {
	uint64_t p2p, cdn;       /* [B] handed to players, by source */
	uint64_t down, wasted;   /* [B] media that agents received; for nothing */
	uint64_t down_p2p;       /* … from peers */
	uint64_t datagrams;      /* [B] that viewers received in datagrams, with headers */
	uint64_t origin;         /* [B] of bodies that the CDN sent */
	uint64_t loaded;         /* [B] of media that players loaded */
	uint64_t distinct;       /* [B] of different fragments among it */
	double upload;           /* [B] that the lines of those that give could have sent */
	uint64_t integrity;      /* chunks refused */
	uint64_t why[P2V_WHYS];  /* [B] of media that agents fetched from the CDN, by why */
	uint64_t members, waits; /* viewers that are there; of them those that start or stall */
	double bitrate;          /* [bit/s] sum over those that play */
};

/** What one viewer saw. */
struct p2v_seen {
	bool came, played;
	p2v_usec from, until, startup, buffering, latency;
	uint32_t stalls;
	uint64_t bitrate; /* [bit/s] */
	p2v_usec media;   /* [us] played */
	uint64_t p2p, cdn, uploaded;
	struct p2v_link_count link;
};

/** Where a run's figures over time go; NULL: nowhere. */
struct p2v_play_files {
	FILE *series, *nodes, *edges, *log;
};

/** Told now and then, in wall time. */
struct p2v_play_watch {
	void *ctx;
	void (*at)(void *ctx, p2v_usec now, p2v_usec end);
};

struct p2v_play {
	struct p2v_seen *viewers; /* shape (n) */
	size_t n;
	struct p2v_sums before, after; /* at run.from, and at the end */
	uint64_t stalls, polluted, events, hash;
	p2v_usec stalled;
	double wall, cpu;      /* [s] */
	double bytes_per_peer; /* NaN: not known */
	struct p2v_sim_ledger ledger;
	struct p2v_pairs *pairs; /* NULL: every viewer is open */
};

/** @param s         [in] read
 * @param baseline  players go to the CDN themselves
 * @param shuffle   not 0: events due at the same microsecond run in an order drawn by it
 * @param out       [out] ended by p2v_play_fini, also after an error */
P2V_MUST_USE int p2v_play(const struct p2v_scenario *s, bool baseline, uint64_t shuffle,
	const struct p2v_play_files *files, const struct p2v_play_watch *watch,
	struct p2v_play *out, struct p2v_err *err);
void p2v_play_fini(struct p2v_play *p);

/** @param p  in percent @return the nearest rank; NaN: n is 0 */
double p2v_percentile(double *v, size_t n, unsigned p);

#endif
