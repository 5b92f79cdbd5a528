/* tool.c - arguments by a table, --help and the manual page from the same. */
#include <config.h>

#include "sdk/tool/tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WORD = 1000, FIRST_OPTION = 2000, HELP_COLUMN = 26 };

static const struct p2v_tool_word common[] = {
	{ "help", NULL, "Print this and exit.", 0 },
	{ "version", NULL, "Print the version and exit.", 0 },
	{ "man", NULL, "Print the manual page for man(1) and exit.", 0 },
};
enum { HELP, VERSION, MAN, COMMON };

static size_t words_of(const struct p2v_tool *tool)
{
	return tool->n_words + COMMON;
}

static const struct p2v_tool_word *word_at(const struct p2v_tool *tool, size_t i)
{
	return i < tool->n_words ? &tool->words[i] : &common[i - tool->n_words];
}

/* ---- names ---- */

/* Options are written with dashes on the command line. */
static void dashes(const char *name, char out[64])
{
	size_t i;

	for (i = 0; name[i] && i < 63; i++)
		out[i] = name[i] == '_' ? '-' : name[i];
	out[i] = 0;
}

/* "100ms to 60s; default 2s" */
static void values_text(const struct p2v_option *o, struct p2v_text *out)
{
	size_t before = out->n;

	p2v_option_range_text(o, out);
	if (out->n == before)
		p2v_option_type_text(o, out);
	p2v_text_printf(out, "; default %s", o->dflt);
}

static void capital(struct p2v_text *out, const char *s)
{
	char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;

	if (*s) {
		p2v_text_add(out, &c, 1);
		p2v_text_puts(out, s + 1);
	}
}

/* The help of an option, and what it may be set to. */
static void option_text(const struct p2v_option *o, struct p2v_text *out)
{
	capital(out, o->help);
	p2v_text_puts(out, " (");
	values_text(o, out);
	p2v_text_puts(out, ").");
}

/* Call fn for each option as if it were a switch. */
static void each_option(const struct p2v_tool *tool, struct p2v_text *out,
	void (*fn)(struct p2v_text *out, const struct p2v_tool_word *w))
{
	for (const struct p2v_option *o = tool->options; o->name; o++) {
		struct p2v_text t = { 0 };
		char name[64];

		dashes(o->name, name);
		option_text(o, &t);
		fn(out, &(struct p2v_tool_word){ name, "VALUE", t.p ? t.p : "", 0 });
		out->oom |= t.oom;
		p2v_text_fini(&t);
	}
}

/* ---- --help ---- */

static void help_line(struct p2v_text *out, const struct p2v_tool_word *w)
{
	size_t before = out->n;

	p2v_text_puts(out, "  ");
	if (w->letter)
		p2v_text_printf(out, "-%c, ", w->letter);
	p2v_text_printf(out, "--%s%s%s", w->name, w->arg ? "=" : "", w->arg ? w->arg : "");
	p2v_text_puts(out, out->n - before > HELP_COLUMN - 2 ? "\n" : "  ");
	if (out->p && out->p[out->n - 1] == '\n')
		before = out->n;
	p2v_text_paragraphs(out, w->help, HELP_COLUMN, (unsigned)(out->n - before));
}

static void tell_help(const struct p2v_tool *tool, struct p2v_text *out)
{
	for (size_t i = 0; tool->synopsis[i]; i++)
		p2v_text_printf(
			out, "%s %s %s\n", i ? "      " : "Usage:", tool->name, tool->synopsis[i]);
	p2v_text_printf(out, "%s.\n\n", tool->summary);
	p2v_text_paragraphs(out, tool->about, 0, 0);
	p2v_text_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < words_of(tool); i++)
		help_line(out, word_at(tool, i));
	p2v_text_printf(out,
		"\n%s; times as in 250ms, 1.5s or 10m, numbers as in 1200, 64k or 4Mi:\n",
		tool->options_head);
	each_option(tool, out, help_line);
	p2v_text_puts(out, "\nExit status:\n");
	p2v_text_paragraphs(out, tool->status, 2, 0);
	p2v_text_puts(out, "\nExamples:\n");
	for (size_t i = 0; i < tool->n_examples; i++) {
		p2v_text_printf(out, "  %s\n", tool->examples[i].line);
		p2v_text_paragraphs(out, tool->examples[i].what, 6, 0);
	}
}

/* ---- the manual page ---- */

/* Text of which troff takes nothing for a request. */
static void troff(struct p2v_text *out, const char *s)
{
	bool start = out->n == 0 || out->p[out->n - 1] == '\n';

	for (; *s; s++) {
		if (s[0] == '\n' && s[1] == '\n') {
			p2v_text_puts(out, "\n.PP\n");
			s++;
			start = true;
			continue;
		}
		if (start && (*s == '.' || *s == '\''))
			p2v_text_puts(out, "\\&");
		if (*s == '\\')
			p2v_text_puts(out, "\\e");
		else if (*s == '-')
			p2v_text_puts(out, "\\-");
		else
			p2v_text_add(out, s, 1);
		start = *s == '\n';
	}
}

static void troff_upper(struct p2v_text *out, const char *s)
{
	for (; *s; s++) {
		char c[2] = { *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s, 0 };

		troff(out, c);
	}
}

static void man_item(struct p2v_text *out, const struct p2v_tool_word *w)
{
	p2v_text_puts(out, ".TP\n");
	if (w->letter)
		p2v_text_printf(out, "\\fB\\-%c\\fR, ", w->letter);
	p2v_text_puts(out, "\\fB\\-\\-");
	troff(out, w->name);
	p2v_text_puts(out, "\\fR");
	if (w->arg)
		p2v_text_printf(out, "=\\fI%s\\fR", w->arg);
	p2v_text_puts(out, "\n");
	troff(out, w->help);
	p2v_text_puts(out, "\n");
}

static void man_head(const struct p2v_tool *tool, struct p2v_text *out)
{
	p2v_text_puts(out, ".\\\" Printed by the program from its own tables.\n.TH ");
	troff_upper(out, tool->name);
	p2v_text_printf(out, " 1 \"\" \"%s ", tool->name);
	troff(out, P2V_VERSION);
	p2v_text_puts(out, "\"\n.nh\n.SH NAME\n");
	troff(out, tool->name);
	p2v_text_puts(out, " \\- ");
	troff(out, tool->summary);
	p2v_text_puts(out, "\n.SH SYNOPSIS\n");
	for (size_t i = 0; tool->synopsis[i]; i++) {
		p2v_text_puts(out, i ? ".br\n.B " : ".B ");
		troff(out, tool->name);
		p2v_text_puts(out, "\n");
		troff(out, tool->synopsis[i]);
		p2v_text_puts(out, "\n");
	}
	p2v_text_puts(out, ".SH DESCRIPTION\n");
	troff(out, tool->about);
	p2v_text_puts(out, "\n");
}

static void tell_man(const struct p2v_tool *tool, struct p2v_text *out)
{
	man_head(tool, out);
	p2v_text_puts(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < words_of(tool); i++)
		man_item(out, word_at(tool, i));
	p2v_text_printf(out,
		".SS %s\nTimes are written as in 250ms, 1.5s or 10m, numbers as in 1200, "
		"64k or 4Mi.\n",
		tool->options_head);
	each_option(tool, out, man_item);
	p2v_text_puts(out, ".SH EXIT STATUS\n");
	troff(out, tool->status);
	p2v_text_puts(out, "\n.SH EXAMPLES\n");
	for (size_t i = 0; i < tool->n_examples; i++) {
		p2v_text_puts(out, ".TP\n\\fB");
		troff(out, tool->examples[i].line);
		p2v_text_puts(out, "\\fR\n");
		troff(out, tool->examples[i].what);
		p2v_text_puts(out, "\n");
	}
	p2v_text_puts(out, ".SH SEE ALSO\n.BR peer2view (1)\n");
}

static void tell_version(const struct p2v_tool *tool, struct p2v_text *out)
{
	p2v_text_printf(out, "%s " P2V_VERSION "\n", tool->name);
}

/* ---- arguments ---- */

int p2v_tool_wrong(const struct p2v_tool *tool, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s: ", tool->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nTry '%s --help'.\n", tool->name);
	return P2V_TOOL_USAGE;
}

static int print(const struct p2v_tool *tool,
	void (*tell)(const struct p2v_tool *tool, struct p2v_text *out))
{
	struct p2v_text t = { 0 };
	int code = P2V_TOOL_OK;

	tell(tool, &t);
	if (t.oom || (t.n && fwrite(t.p, 1, t.n, stdout) != t.n) || fflush(stdout) != 0) {
		(void)fprintf(stderr, "%s: cannot write to the standard output\n", tool->name);
		code = P2V_TOOL_FAILED;
	}
	p2v_text_fini(&t);
	return code;
}

static int take_common(const struct p2v_tool *tool, size_t which)
{
	if (which == HELP)
		return print(tool, tell_help);
	return print(tool, which == VERSION ? tell_version : tell_man);
}

static int take_option(
	const struct p2v_tool *tool, const struct p2v_option *o, void *conf, const char *arg)
{
	struct p2v_err err;
	char name[64];

	if (p2v_option_set(o, conf, arg, &err) == P2V_OK)
		return -1;
	dashes(o->name, name);
	return p2v_tool_wrong(tool, "--%s: %s", name, err.text);
}

/* What getopt_long wants. */
struct table {
	struct option *longs;
	char (*names)[64]; /* of the options, with dashes */
	const char **all;  /* NULL-ended */
	char letters[64];
};

static void table_fini(struct table *t)
{
	free(t->longs);
	free(t->names);
	free(t->all);
}

static bool table_init(struct table *t, const struct p2v_tool *tool)
{
	size_t n = 0, options = 0, letters = 1;

	while (tool->options[options].name)
		options++;
	*t = (struct table){ .longs = calloc(words_of(tool) + options + 1, sizeof *t->longs),
		.names = calloc(options + 1, sizeof *t->names),
		.all = calloc(words_of(tool) + options + 1, sizeof *t->all),
		.letters = ":" };
	if (!t->longs || !t->names || !t->all)
		return false;
	for (size_t i = 0; i < words_of(tool); i++, n++) {
		const struct p2v_tool_word *w = word_at(tool, i);

		t->longs[n] = (struct option){ w->name, w->arg ? required_argument : no_argument,
			NULL, FIRST_WORD + (int)i };
		if (w->letter && letters + 2 < sizeof t->letters) {
			t->letters[letters++] = w->letter;
			if (w->arg)
				t->letters[letters++] = ':';
		}
	}
	for (size_t i = 0; i < options; i++, n++) {
		dashes(tool->options[i].name, t->names[i]);
		t->longs[n] = (struct option){ t->names[i], required_argument, NULL,
			FIRST_OPTION + (int)i };
	}
	for (size_t i = 0; i < n; i++)
		t->all[i] = t->longs[i].name;
	return true;
}

static int unknown(const struct p2v_tool *tool, const struct table *t, const char *word)
{
	const char *near = NULL;
	char plain[64];

	if (strncmp(word, "--", 2) == 0) {
		(void)snprintf(plain, sizeof plain, "%.*s", (int)strcspn(word + 2, "="), word + 2);
		near = p2v_text_nearest(plain, t->all);
	}
	return p2v_tool_wrong(tool, "it takes no option '%s' like that%s%s%s", word,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

/* @return the number of the switch that has this letter */
static size_t by_letter(const struct p2v_tool *tool, int letter)
{
	size_t i = 0;

	while (word_at(tool, i)->letter != letter)
		i++;
	return i;
}

static int read_words(const struct p2v_tool *tool, const struct table *t, int argc, char **argv,
	void *conf, int (*take)(void *ctx, int word, const char *arg), void *ctx)
{
	opterr = 0;
	optind = 1;
	for (;;) {
		const char *word = optind < argc ? argv[optind] : "";
		int c = getopt_long(argc, argv, t->letters, t->longs, NULL), code;
		size_t which;

		if (c == -1)
			return -1;
		if (c == ':')
			return p2v_tool_wrong(tool, "option '%s' needs an argument", word);
		if (c == '?')
			return unknown(tool, t, word);
		if (c >= FIRST_OPTION) {
			code = take_option(tool, &tool->options[c - FIRST_OPTION], conf, optarg);
		} else {
			which = c >= FIRST_WORD ? (size_t)(c - FIRST_WORD) : by_letter(tool, c);
			code = which < tool->n_words ? take(ctx, (int)which, optarg)
						     : take_common(tool, which - tool->n_words);
		}
		if (code >= 0)
			return code;
	}
}

int p2v_tool_read(const struct p2v_tool *tool, int argc, char **argv, void *conf,
	int (*take)(void *ctx, int word, const char *arg), void *ctx, int *rest)
{
	struct table t;
	struct p2v_err err;
	int code;

	if (p2v_options_default(tool->options, sizeof *tool->options, conf, &err) < 0)
		return p2v_tool_wrong(tool, "%s", err.text);
	if (table_init(&t, tool)) {
		code = read_words(tool, &t, argc, argv, conf, take, ctx);
	} else {
		(void)fprintf(stderr, "%s: no memory\n", tool->name);
		code = P2V_TOOL_FAILED;
	}
	table_fini(&t);
	*rest = optind;
	return code;
}
