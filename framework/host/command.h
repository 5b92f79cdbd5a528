/* command.h - a program that is a set of subcommands: how its arguments are read, and how --help
 * and its manual page are told, all from one table. Knows no subcommand. */
#ifndef P2V_HOST_COMMAND_H
#define P2V_HOST_COMMAND_H

#include "framework/base/text.h"

#define P2V_SWITCHES_MAX 12u

/* Exit codes of every command. */
enum { P2V_EXIT_OK = 0, P2V_EXIT_FAILED = 1, P2V_EXIT_USAGE = 2 };

/** --name, --name=ARG. */
struct p2v_switch {
	const char *name; /* NULL ends a table */
	char letter;      /* 0: none */
	const char *arg;  /* what to call its argument; NULL: it takes none */
	const char *help; /* one sentence */
};

struct p2v_example {
	const char *line; /* NULL ends a table */
	const char *what; /* what it does */
};

struct p2v_args;

struct p2v_command {
	const char *name;     /* NULL ends a table */
	const char *operands; /* "FILE.ini"; "" for none */
	unsigned min_operands, max_operands;
	const char *summary;               /* one line */
	const char *about;                 /* paragraphs, separated by a blank line */
	const struct p2v_switch *switches; /* without --help, which each has */
	const struct p2v_example *examples;
	const char *many; /* the switch that may stand several times: p2v_args_each; NULL: none */
	/** @return one of P2V_EXIT_* */
	int (*run)(const struct p2v_args *args);
};

/** A named passage for the manual page and for --help. */
struct p2v_passage {
	const char *title; /* NULL ends a table */
	const char *text;  /* paragraphs, separated by a blank line */
};

struct p2v_program {
	const char *name, *version, *summary, *about;
	const struct p2v_command *const *commands; /* NULL-ended */
	const struct p2v_passage *passages;
	const struct p2v_example *examples;
	/** Print a manual page. @return false: there is none of that name. */
	bool (*manual)(const struct p2v_program *p, const char *page, struct p2v_text *out);
};

/** What stood behind the subcommand, with the switches sorted out. */
struct p2v_args {
	const struct p2v_program *program;
	const struct p2v_command *command;
	const char *values[P2V_SWITCHES_MAX]; /* of the switches; NULL: not given */
	const char **many;                    /* shape (n_many): values of the switch `many` */
	size_t n_many;
	char *const *operands; /* shape (n) */
	unsigned n;
};

/** @return the value of --name, "" when it takes none, NULL when it was not given */
const char *p2v_args_get(const struct p2v_args *args, const char *name);
/** @param n  [out] how often the switch stood that may stand several times
 * @return its values, in their order, shape (n); borrowed of args */
const char *const *p2v_args_each(const struct p2v_args *args, size_t *n);
/** Say what is wrong with the arguments, on stderr, and where help is. @return P2V_EXIT_USAGE */
int p2v_args_wrong(const struct p2v_args *args, const char *fmt, ...) P2V_PRINTF(2, 3);
/** Say on stderr why it failed. @return P2V_EXIT_FAILED */
int p2v_args_failed(const struct p2v_args *args, const struct p2v_err *err);
/** Write all of a text to stdout. @return P2V_EXIT_OK, or P2V_EXIT_FAILED after a message: it ran
 * out of memory, or stdout takes no more */
int p2v_args_print(const struct p2v_args *args, const struct p2v_text *text);

/** Run what the arguments say: main() in one call.
 * @return one of P2V_EXIT_* */
int p2v_program_main(const struct p2v_program *p, int argc, char **argv);

/** --help of the program, and of one command. */
void p2v_program_help(const struct p2v_program *p, struct p2v_text *out);
void p2v_command_help(
	const struct p2v_program *p, const struct p2v_command *c, struct p2v_text *out);

#endif
