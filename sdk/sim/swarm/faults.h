/* faults.h - what goes wrong during an event, and when. */
#ifndef P2V_SIM_FAULTS_H
#define P2V_SIM_FAULTS_H

#include "sdk/sim/swarm/swarm.h"

/** Bound from [event NAME]. */
struct p2v_fault_conf {
	uint32_t kind;      /* index of p2v_fault_kinds */
	p2v_usec at, lasts; /* [us] since the run began; lasts 0: to the end */
	double share;       /* of the viewers that are there then */
};
extern const struct p2v_option p2v_fault_options[];
extern const struct p2v_preset p2v_fault_kinds[];

struct p2v_faults;

/** Have them happen. Whom a share hits follows from the run's seed, the fault's number and the
 * viewer's: the same with peers and without.
 * @param s      [in] before it runs; outlives what is returned
 * @param confs  [in] shape (n) of pointers, borrowed until the end
 * @return P2V_OK, P2V_ENOMEM */
P2V_MUST_USE int p2v_faults_new(struct p2v_swarm *s, uint64_t seed,
	const struct p2v_fault_conf *const *confs, size_t n, struct p2v_faults **out,
	struct p2v_err *err);
/** After the swarm's last step. NULL is allowed. */
void p2v_faults_free(struct p2v_faults *f);

#endif
