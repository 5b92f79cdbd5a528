/* cli.h - the arguments of p2v-player: one table of switches and the player's own option table,
 * from which --help and the manual page are told as well. */
#ifndef P2V_PLAYER_CLI_H
#define P2V_PLAYER_CLI_H

#include "sdk/player/player.h"
#include "sdk/tool/tool.h"

struct p2v_player_cli {
	struct p2v_player_conf conf;
	const char *url;
	p2v_usec seconds; /* [us] 0: until the stream ends */
	bool json, progress;
	const char *trace, *ca, *plugins; /* paths; NULL: not given */
};

/** Read the arguments; --help, --version and --man are answered here.
 * @param cli  [out] texts point into argv
 * @return -1: go on; else the exit code, and all has been said */
int p2v_player_cli_read(struct p2v_player_cli *cli, int argc, char **argv);

#endif
