/* tool.h - what the programs of the SDK can be told, and how that is explained: one table of
 * switches and one option table, from which the arguments are read and --help and the manual page
 * are printed. */
#ifndef P2V_TOOL_TOOL_H
#define P2V_TOOL_TOOL_H

#include "framework/base/options.h"

/* Exit codes. */
enum { P2V_TOOL_OK = 0, P2V_TOOL_FAILED = 1, P2V_TOOL_USAGE = 2 };

/** A switch. Its number is its place in the table. */
struct p2v_tool_word {
	const char *name, *arg, *help; /* arg NULL: it takes none */
	char letter;                   /* its short name; 0: none */
};

struct p2v_tool_example {
	const char *line, *what;
};

struct p2v_tool {
	const char *name;
	const char *const *synopsis;       /* NULL-ended: what follows the name, one way a line */
	const char *summary;               /* without a full stop */
	const char *about;                 /* paragraphs */
	const char *status;                /* what the exit codes mean */
	const struct p2v_tool_word *words; /* help, version and man are added */
	size_t n_words;
	const struct p2v_option *options; /* with dashes for underscores on the command line */
	const char *options_head;         /* "How it plays" */
	const struct p2v_tool_example *examples;
	size_t n_examples;
};

/** Read the arguments; --help, --version and --man are answered here.
 * @param conf  [inout] what the options are bound to; defaults are set first
 * @param take  [in] called for each switch in turn; texts point into argv. @return -1: go on; else
 * the exit code
 * @param rest  [out] index of the first argument that is neither switch nor option
 * @return -1: go on; else the exit code, and all has been said */
int p2v_tool_read(const struct p2v_tool *tool, int argc, char **argv, void *conf,
	int (*take)(void *ctx, int word, const char *arg), void *ctx, int *rest);

/** Say on stderr what is wrong with the arguments. @return P2V_TOOL_USAGE */
int p2v_tool_wrong(const struct p2v_tool *tool, const char *fmt, ...) P2V_PRINTF(2, 3);

#endif
