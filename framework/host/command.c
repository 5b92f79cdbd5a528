/* command.c - arguments, --help and exit codes of a program with subcommands. */
#include <config.h>

#include "framework/host/command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define HELP  1000 /* what getopt_long returns for --help */
#define FIRST 1001 /* … and for switch number 0 */

/* ---- help ---- */

static void help_examples(const struct p2v_example *v, struct p2v_text *out)
{
	if (!v || !v->line)
		return;
	p2v_text_puts(out, "\nExamples:\n");
	for (; v->line; v++) {
		p2v_text_printf(out, "  %s\n", v->line);
		p2v_text_paragraphs(out, v->what, 6, 0);
	}
}

static void help_switch(const struct p2v_switch *s, struct p2v_text *out)
{
	size_t before = out->n;

	if (s->letter)
		p2v_text_printf(out, "  -%c, --%s", s->letter, s->name);
	else
		p2v_text_printf(out, "      --%s", s->name);
	if (s->arg)
		p2v_text_printf(out, "=%s", s->arg);
	p2v_text_puts(out, "  ");
	p2v_text_paragraphs(out, s->help, 26, (unsigned)(out->n - before));
}

static const struct p2v_switch help_itself = { "help", 'h', NULL, "Print this and exit." };

void p2v_command_help(
	const struct p2v_program *p, const struct p2v_command *c, struct p2v_text *out)
{
	p2v_text_printf(out, "Usage: %s %s [OPTION]...%s%s\n%s.\n\n", p->name, c->name,
		*c->operands ? " " : "", c->operands, c->summary);
	p2v_text_paragraphs(out, c->about, 0, 0);
	p2v_text_puts(out, "\nOptions:\n");
	for (const struct p2v_switch *s = c->switches; s && s->name; s++)
		help_switch(s, out);
	help_switch(&help_itself, out);
	help_examples(c->examples, out);
}

void p2v_program_help(const struct p2v_program *p, struct p2v_text *out)
{
	p2v_text_printf(
		out, "Usage: %s COMMAND [OPTION]... [OPERAND]...\n%s.\n\n", p->name, p->summary);
	p2v_text_paragraphs(out, p->about, 0, 0);
	p2v_text_puts(out, "\nCommands:\n");
	for (size_t i = 0; p->commands[i]; i++)
		p2v_text_printf(out, "  %-14s%s\n", p->commands[i]->name, p->commands[i]->summary);
	p2v_text_printf(out,
		"\n%s COMMAND --help tells more of each.\n\nOptions:\n"
		"  -h, --help              Print this and exit.\n"
		"  -V, --version           Print the version and exit.\n"
		"      --man[=PAGE]        Print a manual page for man(1) and exit.\n",
		p->name);
	for (const struct p2v_passage *s = p->passages; s && s->title; s++) {
		p2v_text_printf(out, "\n%s:\n", s->title);
		p2v_text_paragraphs(out, s->text, 2, 0);
	}
	help_examples(p->examples, out);
}

/* ---- messages ---- */

static int put(const struct p2v_program *p, const struct p2v_text *text)
{
	if (text->oom) {
		(void)fprintf(stderr, "%s: no memory\n", p->name);
		return P2V_EXIT_FAILED;
	}
	if ((text->n && fwrite(text->p, 1, text->n, stdout) != text->n) || fflush(stdout) != 0) {
		(void)fprintf(stderr, "%s: cannot write to the standard output\n", p->name);
		return P2V_EXIT_FAILED;
	}
	return P2V_EXIT_OK;
}

int p2v_args_print(const struct p2v_args *args, const struct p2v_text *text)
{
	return put(args->program, text);
}

int p2v_args_failed(const struct p2v_args *args, const struct p2v_err *err)
{
	(void)fprintf(stderr, "%s: %s\n", args->program->name, err->text);
	return P2V_EXIT_FAILED;
}

int p2v_args_wrong(const struct p2v_args *args, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s %s: ", args->program->name, args->command->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nTry '%s %s --help'.\n", args->program->name, args->command->name);
	return P2V_EXIT_USAGE;
}

const char *p2v_args_get(const struct p2v_args *args, const char *name)
{
	for (unsigned i = 0; args->command->switches && args->command->switches[i].name; i++)
		if (strcmp(args->command->switches[i].name, name) == 0)
			return args->values[i];
	return NULL;
}

const char *const *p2v_args_each(const struct p2v_args *args, size_t *n)
{
	*n = args->n_many;
	return args->many;
}

/* ---- arguments ---- */

/* What getopt_long wants, made of a table of switches. A leading ':' makes it keep silent. */
struct getopt_table {
	struct option longs[P2V_SWITCHES_MAX + 2];
	char letters[2 * P2V_SWITCHES_MAX + 4];
};

static void make_table(const struct p2v_switch *v, struct getopt_table *t)
{
	size_t n = 0, k = 0;

	t->letters[k++] = ':';
	t->letters[k++] = 'h';
	t->longs[n++] = (struct option){ "help", no_argument, NULL, HELP };
	for (int i = 0; v && v[i].name && n <= P2V_SWITCHES_MAX; i++) {
		t->longs[n++] = (struct option){ v[i].name,
			v[i].arg ? required_argument : no_argument, NULL, FIRST + i };
		if (!v[i].letter)
			continue;
		t->letters[k++] = v[i].letter;
		if (v[i].arg)
			t->letters[k++] = ':';
	}
	t->longs[n] = (struct option){ NULL, 0, NULL, 0 };
	t->letters[k] = 0;
}

static int unknown_switch(const struct p2v_args *args, const char *word)
{
	const char *names[P2V_SWITCHES_MAX + 2] = { "help" }, *near = NULL;
	char plain[40];
	size_t n = 1;

	for (const struct p2v_switch *s = args->command->switches; s && s->name; s++)
		names[n++] = s->name;
	names[n] = NULL;
	if (strncmp(word, "--", 2) == 0) {
		(void)snprintf(plain, sizeof plain, "%.*s", (int)strcspn(word + 2, "="), word + 2);
		near = p2v_text_nearest(plain, names);
	}
	return p2v_args_wrong(args, "it takes no option '%s' like that%s%s%s", word,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

/* @return -1: go on; else the exit code */
static int read_switches(struct p2v_args *args, int argc, char **argv)
{
	const struct p2v_switch *v = args->command->switches;
	struct getopt_table table;
	int c;

	make_table(v, &table);
	optind = 1;
	opterr = 0;
	for (;;) {
		const char *word;

		c = getopt_long(argc, argv, table.letters, table.longs, NULL);
		if (c == -1)
			return -1;
		word = argv[optind - 1]; /* operands before it have moved behind it */
		if (c == HELP || c == 'h') {
			struct p2v_text text = { 0 };
			int code;

			p2v_command_help(args->program, args->command, &text);
			code = put(args->program, &text);
			p2v_text_fini(&text);
			return code;
		}
		if (c == ':')
			return p2v_args_wrong(args, "option '%s' needs an argument", word);
		if (c == '?')
			return unknown_switch(args, word);
		for (int i = 0; c < HELP && v && v[i].name; i++)
			if (v[i].letter == c)
				c = FIRST + i;
		args->values[c - FIRST] = optarg ? optarg : "";
		if (args->command->many && strcmp(v[c - FIRST].name, args->command->many) == 0)
			args->many[args->n_many++] = args->values[c - FIRST];
	}
}

static int with_operands(const struct p2v_args *args)
{
	const struct p2v_command *c = args->command;

	if (args->n < c->min_operands)
		return p2v_args_wrong(args, "it needs %s", c->operands);
	if (args->n > c->max_operands)
		return p2v_args_wrong(
			args, "'%s' is one argument too many", args->operands[c->max_operands]);
	return c->run(args);
}

static int run_command(
	const struct p2v_program *p, const struct p2v_command *c, int argc, char **argv)
{
	struct p2v_args args = {
		.program = p, .command = c, .many = calloc((size_t)argc + 1, sizeof(char *))
	};
	int code;

	if (!args.many) {
		(void)fprintf(stderr, "%s: no memory\n", p->name);
		return P2V_EXIT_FAILED;
	}
	code = read_switches(&args, argc, argv);
	if (code < 0) {
		args.operands = argv + optind;
		args.n = (unsigned)(argc - optind);
		code = with_operands(&args);
	}
	free(args.many);
	return code;
}

/* ---- the program ---- */

static int unknown_command(const struct p2v_program *p, const char *word)
{
	const char *names[33], *near;
	size_t n = 0;

	for (size_t i = 0; p->commands[i] && n < 32; i++)
		names[n++] = p->commands[i]->name;
	names[n] = NULL;
	near = p2v_text_nearest(word, names);
	(void)fprintf(stderr, "%s: there is no command '%s'%s%s%s\nTry '%s --help'.\n", p->name,
		word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", p->name);
	return P2V_EXIT_USAGE;
}

static int program_switch(const struct p2v_program *p, const char *word)
{
	struct p2v_text text = { 0 };
	const char *page = NULL;
	int code = P2V_EXIT_USAGE;

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		p2v_program_help(p, &text);
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		p2v_text_printf(&text, "%s %s\n", p->name, p->version);
	else if (strcmp(word, "--man") == 0)
		page = "";
	else if (strncmp(word, "--man=", 6) == 0)
		page = word + 6;
	if (page && !p->manual(p, page, &text))
		(void)fprintf(stderr, "%s: there is no manual page '%s'\n", p->name, page);
	else if (text.n || text.oom)
		code = put(p, &text);
	else
		(void)fprintf(stderr,
			"%s: it takes no option '%s' before the command\nTry '%s --help'.\n",
			p->name, word, p->name);
	p2v_text_fini(&text);
	return code;
}

int p2v_program_main(const struct p2v_program *p, int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(
			stderr, "%s: it needs a command\nTry '%s --help'.\n", p->name, p->name);
		return P2V_EXIT_USAGE;
	}
	if (argv[1][0] == '-')
		return program_switch(p, argv[1]);
	for (size_t i = 0; p->commands[i]; i++)
		if (strcmp(p->commands[i]->name, argv[1]) == 0)
			return run_command(p, p->commands[i], argc - 1, argv + 1);
	return unknown_command(p, argv[1]);
}
