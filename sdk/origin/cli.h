/* cli.h - what p2v-origin can be told. */
#ifndef P2V_SDK_ORIGIN_CLI_H
#define P2V_SDK_ORIGIN_CLI_H

#include "framework/base/addr.h"
#include "sdk/origin/stream.h"

/** One encoder's output. */
struct p2v_origin_input {
	char name[P2V_CMAF_NAME];
	const char *path; /* of a pipe; "-": the standard input */
};

struct p2v_origin_cli {
	struct p2v_cmaf_conf conf;
	struct p2v_addr listen;
	struct p2v_origin_input input[P2V_CMAF_RENDITIONS]; /* shape (n) */
	size_t n;
};

/** Read the arguments. Texts point into argv.
 * @return -1: go on; else the exit code, and all has been said */
int p2v_origin_cli_read(struct p2v_origin_cli *cli, int argc, char **argv);

#endif
