/* cli.c - what p2v-player can be told, and how that is explained. */
#include <config.h>

#include "sdk/player/cli.h"

#include <getopt.h>
#include <string.h>

#include "framework/base/options.h"

#define NAME "p2v-player"

enum { SWITCHES_MAX = 16, OPTIONS_MAX = 48, FIRST_SWITCH = 1000, FIRST_OPTION = 2000 };

struct word {
	const char *name, *arg, *help; /* arg NULL: it takes none */
};

static const struct word switches[] = {
	{ "seconds", "S",
		"Stop after so much time, as in 90, 90s or 2m; else it plays until the "
		"stream ends or it is interrupted." },
	{ "json", NULL, "Print the result as one JSON object on one line." },
	{ "progress", NULL, "Tell once a second how it goes; a terminal is told anyway." },
	{ "trace", "FILE",
		"Write a JSON object for each fragment, stall, switch and error to a file, "
		"one a line; - is the standard output." },
	{ "ca", "FILE", "Trust these authorities (PEM) for https, instead of the system's." },
	{ "plugin-path", "DIRS",
		"Look for manifest plugins here first; folders separated by colons." },
	{ "help", NULL, "Print this and exit." },
	{ "version", NULL, "Print the version and exit." },
	{ "man", NULL, "Print the manual page for man(1) and exit." }
};
enum { SECONDS, JSON, PROGRESS, TRACE, CA, PLUGIN_PATH, HELP, VERSION, MAN, SWITCHES };

static const char summary[] = "Play a live stream as a browser would, and measure how that goes";

static const char about[] =
	"It loads an HLS stream, live or on demand, as a player does: one rendition at a time, chosen "
	"by throughput or buffer, a list once a fragment, fragments in order, sound along with the "
	"picture where it comes apart. Nothing is decoded. What a buffer would have done is "
	"computed to the microsecond: start-up, stalls, bit rate, switches, and how far behind the "
	"encoder's clock the playhead is.\n\n"
	"Its habits are those of hls.js, and can be set. The same code plays in the simulator.";

static const char status[] =
	"0: playback began, and what was asked for was played. 1: it could not be played, or a file "
	"could not be written. 2: it was called wrongly. Interrupted by SIGINT or SIGTERM it ends "
	"with the result so far.";

static const struct {
	const char *line, *what;
} examples[] = { { NAME " --seconds 60 https://cdn.example/live/master.m3u8",
			 "Watch for a minute, then print how it went." },
	{ NAME " --json --abr fixed --rendition 0 URL | jq .startup_ms",
		"How long until the lowest rendition starts?" },
	{ NAME " --trace run.jsonl --seconds 5m http://127.0.0.1:8780/news/master.m3u8",
		"Play through an agent, and keep what happened for a plot." } };
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

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

/* ---- --help ---- */

static void help_line(struct p2v_text *out, const char *name, const char *arg, const char *help)
{
	size_t before = out->n;

	p2v_text_printf(out, "  --%s%s%s", name, arg ? "=" : "", arg ? arg : "");
	p2v_text_puts(out, out->n - before > 24 ? "\n" : "  ");
	if (out->p && out->p[out->n - 1] == '\n')
		before = out->n;
	p2v_text_paragraphs(out, help, 26, (unsigned)(out->n - before));
}

void p2v_player_cli_help(struct p2v_text *out)
{
	p2v_text_printf(out, "Usage: %s [OPTION]... URL\n%s.\n\n", NAME, summary);
	p2v_text_paragraphs(out, about, 0, 0);
	p2v_text_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < SWITCHES; i++)
		help_line(out, switches[i].name, switches[i].arg, switches[i].help);
	p2v_text_puts(out,
		"\nHow it plays; times as in 250ms, 1.5s or 10m, numbers as in 1200, 64k or 4Mi:\n");
	for (const struct p2v_option *o = p2v_player_options; o->name; o++) {
		struct p2v_text t = { 0 };
		char name[64];

		dashes(o->name, name);
		option_text(o, &t);
		help_line(out, name, "VALUE", t.p ? t.p : "");
		out->oom |= t.oom;
		p2v_text_fini(&t);
	}
	p2v_text_puts(out, "\nExit status:\n");
	p2v_text_paragraphs(out, status, 2, 0);
	p2v_text_puts(out, "\nExamples:\n");
	for (size_t i = 0; i < EXAMPLES; i++) {
		p2v_text_printf(out, "  %s\n", examples[i].line);
		p2v_text_paragraphs(out, examples[i].what, 6, 0);
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

static void man_item(struct p2v_text *out, const char *name, const char *arg, const char *help)
{
	p2v_text_puts(out, ".TP\n\\fB\\-\\-");
	troff(out, name);
	p2v_text_puts(out, "\\fR");
	if (arg)
		p2v_text_printf(out, "=\\fI%s\\fR", arg);
	p2v_text_puts(out, "\n");
	troff(out, help);
	p2v_text_puts(out, "\n");
}

void p2v_player_cli_man(struct p2v_text *out)
{
	p2v_text_puts(out, ".\\\" Printed by the program from its own tables.\n"
			   ".TH P2V\\-PLAYER 1 \"\" \"" NAME " ");
	troff(out, P2V_VERSION);
	p2v_text_puts(out, "\"\n.nh\n.SH NAME\np2v\\-player \\- ");
	troff(out, summary);
	p2v_text_puts(out, "\n.SH SYNOPSIS\n.B p2v\\-player\n[OPTION]... URL\n.SH DESCRIPTION\n");
	troff(out, about);
	p2v_text_puts(out, "\n.SH OPTIONS\n");
	for (size_t i = 0; i < SWITCHES; i++)
		man_item(out, switches[i].name, switches[i].arg, switches[i].help);
	p2v_text_puts(out,
		".SS How it plays\nTimes are written as in 250ms, 1.5s or 10m, numbers as in 1200, "
		"64k or 4Mi.\n");
	for (const struct p2v_option *o = p2v_player_options; o->name; o++) {
		struct p2v_text t = { 0 };
		char name[64];

		dashes(o->name, name);
		option_text(o, &t);
		man_item(out, name, "VALUE", t.p ? t.p : "");
		out->oom |= t.oom;
		p2v_text_fini(&t);
	}
	p2v_text_puts(out, ".SH EXIT STATUS\n");
	troff(out, status);
	p2v_text_puts(out, "\n.SH EXAMPLES\n");
	for (size_t i = 0; i < EXAMPLES; i++) {
		p2v_text_puts(out, ".TP\n\\fB");
		troff(out, examples[i].line);
		p2v_text_puts(out, "\\fR\n");
		troff(out, examples[i].what);
		p2v_text_puts(out, "\n");
	}
	p2v_text_puts(out, ".SH SEE ALSO\n.BR peer2view (1)\n");
}

/* ---- arguments ---- */

static P2V_PRINTF(1, 2) int wrong(const char *fmt, ...)
{
	va_list ap;

	(void)fputs(NAME ": ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("\nTry '" NAME " --help'.\n", stderr);
	return P2V_PLAYER_USAGE;
}

static int print(void (*tell)(struct p2v_text *out))
{
	struct p2v_text t = { 0 };
	int code = P2V_PLAYER_OK;

	tell(&t);
	if (t.oom || (t.n && fwrite(t.p, 1, t.n, stdout) != t.n) || fflush(stdout) != 0) {
		(void)fputs(NAME ": cannot write to the standard output\n", stderr);
		code = P2V_PLAYER_FAILED;
	}
	p2v_text_fini(&t);
	return code;
}

static void tell_version(struct p2v_text *out)
{
	p2v_text_puts(out, NAME " " P2V_VERSION "\n");
}

/* @return -1: go on; else the exit code */
static int take_switch(struct p2v_player_cli *cli, int which, const char *arg)
{
	switch (which) {
	case SECONDS:
		if (p2v_parse_usec(p2v_str_of(arg), "s", &cli->seconds) < 0 || cli->seconds == 0)
			return wrong("--seconds: '%s' is not a length of time (like 90, 90s or 2m)",
				arg);
		return -1;
	case JSON: cli->json = true; return -1;
	case PROGRESS: cli->progress = true; return -1;
	case TRACE: cli->trace = arg; return -1;
	case CA: cli->ca = arg; return -1;
	case PLUGIN_PATH: cli->plugins = arg; return -1;
	case HELP: return print(p2v_player_cli_help);
	case VERSION: return print(tell_version);
	default: return print(p2v_player_cli_man);
	}
}

static int take_option(struct p2v_player_cli *cli, int which, const char *arg)
{
	const struct p2v_option *o = &p2v_player_options[which];
	struct p2v_err err;
	char name[64];

	dashes(o->name, name);
	if (p2v_option_set(o, &cli->conf, arg, &err) < 0)
		return wrong("--%s: %s", name, err.text);
	return -1;
}

/* What getopt_long wants; the options' names are kept here. */
struct table {
	struct option longs[SWITCHES_MAX + OPTIONS_MAX + 1];
	char names[OPTIONS_MAX][64];
	const char *all[SWITCHES_MAX + OPTIONS_MAX + 1];
};

static void make_table(struct table *t)
{
	size_t n = 0;

	memset(t, 0, sizeof *t);
	for (int i = 0; i < SWITCHES; i++, n++)
		t->longs[n] = (struct option){ switches[i].name,
			switches[i].arg ? required_argument : no_argument, NULL, FIRST_SWITCH + i };
	for (int i = 0; i < OPTIONS_MAX && p2v_player_options[i].name; i++, n++) {
		dashes(p2v_player_options[i].name, t->names[i]);
		t->longs[n] = (struct option){ t->names[i], required_argument, NULL,
			FIRST_OPTION + i };
	}
	for (size_t i = 0; i < n; i++)
		t->all[i] = t->longs[i].name;
}

static int unknown(const struct table *t, const char *word)
{
	const char *near = NULL;
	char plain[64];

	if (strncmp(word, "--", 2) == 0) {
		(void)snprintf(plain, sizeof plain, "%.*s", (int)strcspn(word + 2, "="), word + 2);
		near = p2v_text_nearest(plain, t->all);
	}
	return wrong("it takes no option '%s' like that%s%s%s", word,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

int p2v_player_cli_read(struct p2v_player_cli *cli, int argc, char **argv)
{
	struct table t;
	struct p2v_err err;
	int c, code;

	memset(cli, 0, sizeof *cli);
	if (p2v_options_default(p2v_player_options, sizeof *p2v_player_options, &cli->conf, &err) <
		0)
		return wrong("%s", err.text);
	make_table(&t);
	opterr = 0;
	optind = 1;
	for (;;) {
		const char *word = optind < argc ? argv[optind] : "";

		c = getopt_long(argc, argv, ":", t.longs, NULL);
		if (c == -1)
			break;
		if (c == ':')
			return wrong("option '%s' needs an argument", word);
		if (c < FIRST_SWITCH)
			return unknown(&t, word);
		code = c < FIRST_OPTION ? take_switch(cli, c - FIRST_SWITCH, optarg)
					: take_option(cli, c - FIRST_OPTION, optarg);
		if (code >= 0)
			return code;
	}
	if (optind == argc)
		return wrong("it needs a URL");
	if (argc - optind > 1)
		return wrong("'%s' is one argument too many", argv[optind + 1]);
	cli->url = argv[optind];
	return -1;
}
