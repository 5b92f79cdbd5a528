/* cli.h - the arguments of p2v-perf: one table of switches and the transport's own option table,
 * from which --help and the manual page are told as well. */
#ifndef P2V_PERF_CLI_H
#define P2V_PERF_CLI_H

#include "framework/dtl/dtl.h"
#include "sdk/tool/tool.h"

enum {
	P2V_PERF_STREAMS = 64, /* at once */
	P2V_PERF_CHANGES = 64  /* of priorities in one run */
};

struct p2v_perf_change {
	p2v_usec at; /* [us] since the session opened */
	double priority[P2V_PERF_STREAMS];
};

struct p2v_perf_cli {
	struct p2v_dtl_conf dtl;
	const char *host; /* NULL: serve */
	int32_t port;     /* -1: not given */
	bool serve, reverse, json, one, no_segments;
	p2v_usec seconds;  /* [us]; 0: until all bytes are there */
	uint64_t bytes;    /* [B] of all streams; UINT64_MAX: until the time is over */
	p2v_usec interval; /* [us] between two lines */
	p2v_usec give_up;  /* [us] of silence */
	uint32_t streams;
	double priority[P2V_PERF_STREAMS];
	struct p2v_perf_change change[P2V_PERF_CHANGES]; /* in order of time */
	size_t n_changes;
	const char *cc;      /* NAME[:OPTION=VALUE[,OPTION=VALUE…]] */
	const char *plugins; /* folders; NULL: not given */
};

/** Read the arguments; --help, --version and --man are answered here.
 * @param cli  [out] texts point into argv
 * @return -1: go on; else the exit code, and all has been said */
int p2v_perf_cli_read(struct p2v_perf_cli *cli, int argc, char **argv);

#endif
