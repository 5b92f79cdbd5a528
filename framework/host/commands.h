/* commands.h - the subcommands of peer2view. */
#ifndef P2V_HOST_COMMANDS_H
#define P2V_HOST_COMMANDS_H

#include "framework/host/command.h"

/** @return the program with all its commands */
const struct p2v_program *p2v_peer2view(void);

extern const struct p2v_command p2v_cmd_authority, p2v_cmd_check, p2v_cmd_manifest, p2v_cmd_plugins,
	p2v_cmd_run, p2v_cmd_status;

#endif
