/* commands.h - the subcommands of p2v-sim, one file each. */
#ifndef P2V_SIM_CLI_COMMANDS_H
#define P2V_SIM_CLI_COMMANDS_H

#include "framework/host/command.h"

extern const struct p2v_command p2v_sim_run_command, p2v_sim_plot_command, p2v_sim_sweep_command,
	p2v_sim_presets_command, p2v_sim_explain_command;

/** What p2v-sim is, in words. */
const struct p2v_program *p2v_sim_program(void);

#endif
