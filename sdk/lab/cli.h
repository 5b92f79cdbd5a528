/* cli.h - the arguments of p2v-link: a table of switches and the lines' own option table, from
 * which --help is told as well. */
#ifndef P2V_LAB_CLI_H
#define P2V_LAB_CLI_H

#include "sdk/lab/line.h"
#include "sdk/tool/tool.h"

#define P2V_LINK_NAME "p2v-link"

struct p2v_link_cli {
	struct p2v_line_conf line[2]; /* from the first namespace to the second, and back */
	const char *netns[2];         /* names as ip-netns(8) has them, or paths */
	const char *device;           /* of the same name in both */
	const char *trace;            /* a path; NULL: none */
	p2v_usec every, seconds;      /* between lines of the trace; seconds 0: until a signal */
	uint64_t seed;
	bool fifo;
};

/** Read the arguments; --help and --version are answered here.
 * @param cli  [out] texts point into argv
 * @return -1: go on; else the exit code, and all has been said */
int p2v_link_cli_read(struct p2v_link_cli *cli, int argc, char **argv);

#endif
