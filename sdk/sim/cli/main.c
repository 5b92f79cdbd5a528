/* main.c - the program p2v-sim. */
#include <config.h>

#include <ltdl.h>

#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/pages.h"

int main(int argc, char **argv)
{
	p2v_pages_begin();
	LTDL_SET_PRELOADED_SYMBOLS();
	return p2v_program_main(p2v_sim_program(), argc, argv);
}
