/* household_rig.h - what else a viewer's household does on the line that its agent uses: a bulk
 * transfer, down or up, under a controller that knows no priorities, as a kernel's TCP. */
#ifndef P2V_TESTS_SIM_HOUSEHOLD_RIG_H
#define P2V_TESTS_SIM_HOUSEHOLD_RIG_H

#include "tests/sim/swarm_rig.h"

struct household;

/** Have a viewer's machine send to, or receive from, a server out there as fast as the line lets
 * it, from now on, for as long as the test runs.
 * @param viewer  its number
 * @param up      it sends; else it receives
 * @param cc      the controller's name: newreno, cubic
 * @return fails the test rather than NULL; freed before the swarm, by household_end */
struct household *household_begin(struct p2v_swarm *s, size_t viewer, bool up, const char *cc);
/** @return [B] that arrived so far */
uint64_t household_bytes(const struct household *h);
void household_end(struct household *h);

#endif
