/* become.h - p2v-sim and p2v-sim-flow are one program, linked with the transport and with its twin.
 * Whoever calls one of them gets the one that the scenario wants. */
#ifndef P2V_SIM_CLI_BECOME_H
#define P2V_SIM_CLI_BECOME_H

#include "sdk/sim/cli/scenario.h"

/** main() of both.
 * @param own  what this one is linked for
 * @return the exit status */
int p2v_sim_main(enum p2v_fidelity own, int argc, char **argv);

/** Go on in the program that plays at this fidelity, with the same arguments, from the beginning.
 * Before anything is written. A program without p2v_sim_main plays whatever it is asked to.
 * @return P2V_OK: this is the one; P2V_ENOENT with err: the other is not beside it */
P2V_MUST_USE int p2v_sim_become(enum p2v_fidelity wanted, struct p2v_err *err);

#endif
