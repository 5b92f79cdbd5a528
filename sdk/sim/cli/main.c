/* main.c - the programs p2v-sim and, with FIDELITY_FLOW, p2v-sim-flow. */
#include <config.h>

#include <ltdl.h>

#include "sdk/sim/cli/become.h"
#include "sdk/sim/cli/pages.h"

#ifdef FIDELITY_FLOW
#define OWN P2V_FIDELITY_FLOW
#else
#define OWN P2V_FIDELITY_PACKET
#endif

int main(int argc, char **argv)
{
	p2v_pages_begin();
	LTDL_SET_PRELOADED_SYMBOLS();
	return p2v_sim_main(OWN, argc, argv);
}
