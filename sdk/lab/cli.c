/* cli.c - what p2v-link can be told, and how that is explained. */
#include <config.h>

#include "sdk/lab/cli.h"

#include <getopt.h>
#include <string.h>

#include "framework/base/options.h"

#define NAME P2V_LINK_NAME

enum { OPTIONS_MAX = 16, FIRST_SWITCH = 1000, FIRST_OPTION = 2000 };

static const struct {
	const char *name, *arg, *help; /* arg NULL: it takes none */
} switches[] = { { "forth", NULL, "What follows is said of the way from A to B alone." },
	{ "back", NULL, "What follows is said of the way from B to A alone." },
	{ "seconds", "S",
		"End after so much time, as in 90, 90s or 2m; else at SIGINT or SIGTERM." },
	{ "seed", "N",
		"Of the losses: with one seed the packets of one order fare alike. Default 1." },
	{ "trace", "FILE",
		"Write a JSON object every so often: what came out, how long it waited, "
		"and each flow's packets and bytes since the beginning." },
	{ "every", "T", "How often that is, as in 50ms. Default 100ms." },
	{ "device", "DEV", "The name of the TUN device in both namespaces. Default lab0." },
	{ "no-fifo", NULL, "Do not ask for real-time scheduling." },
	{ "help", NULL, "Print this and exit." },
	{ "version", NULL, "Print the version and exit." } };
enum { FORTH, BACK, SECONDS, SEED, TRACE, EVERY, DEVICE, NO_FIFO, HELP, VERSION, SWITCHES };

static const char about[] =
	"It carries IP packets between a TUN device in network namespace A and one in B, and behaves "
	"as a bottleneck: a rate, a delay, a drop-tail queue, random losses, each way its own. Kernel "
	"TCP and any other transport cross it alike, packet by packet, in their real sizes. The "
	"devices may exist and have addresses; else they are made. It needs the right to do that, and "
	"runs with real-time scheduling if it may. \"" NAME
	": ready\" on standard error says that packets flow. At the end it prints statistics as one "
	"JSON object. sdk/lab/link makes the namespaces, addresses and all.";

static const char example[] =
	"  " NAME " --rate=20M --delay=20ms --queue=100ms left right\n"
	"      20 Mbit/s, 40 ms there and back, and a queue of 250 kB each way.\n"
	"  " NAME " --delay=10ms --forth --rate=50M --back --rate=5M --loss=0.01 left right\n"
	"      A line as a home has it, with a bad way up.\n";

/* Options are written with dashes on the command line. */
static void dashes(const char *name, char out[64])
{
	size_t i;

	for (i = 0; name[i] && i < 63; i++)
		out[i] = name[i] == '_' ? '-' : name[i];
	out[i] = 0;
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

static void option_line(struct p2v_text *out, const struct p2v_option *o)
{
	struct p2v_text t = { 0 };
	char name[64],
		first = *o->help >= 'a' && *o->help <= 'z' ? (char)(*o->help - 32) : *o->help;
	size_t before;

	p2v_text_add(&t, &first, 1);
	p2v_text_printf(&t, "%s (", o->help + 1);
	before = t.n;
	p2v_option_range_text(o, &t);
	if (t.n == before)
		p2v_option_type_text(o, &t);
	p2v_text_printf(&t, "; default %s).", o->dflt);
	dashes(o->name, name);
	help_line(out, name, "VALUE", t.p ? t.p : "");
	out->oom |= t.oom;
	p2v_text_fini(&t);
}

static void tell_help(struct p2v_text *out)
{
	p2v_text_puts(out, "Usage: " NAME " [OPTION]... A B\n"
			   "A bottleneck between two network namespaces.\n\n");
	p2v_text_paragraphs(out, about, 0, 0);
	p2v_text_puts(out,
		"\nThe line; both ways, or the one of --forth or --back before it. Times as in 250ms "
		"or\n1.5s, numbers as in 1200, 64k or 4Mi:\n");
	for (const struct p2v_option *o = p2v_line_options; o->name; o++)
		option_line(out, o);
	p2v_text_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < SWITCHES; i++)
		help_line(out, switches[i].name, switches[i].arg, switches[i].help);
	p2v_text_puts(out, "\nExit status:\n  0: it ended as told. 1: it could not run. 2: it was "
			   "called wrongly.\n\nExamples:\n");
	p2v_text_puts(out, example);
}

static void tell_version(struct p2v_text *out)
{
	p2v_text_puts(out, NAME " " P2V_VERSION "\n");
}

static int print(void (*tell)(struct p2v_text *out))
{
	struct p2v_text t = { 0 };
	int code = P2V_LINK_OK;

	tell(&t);
	if (t.oom || (t.n && fwrite(t.p, 1, t.n, stdout) != t.n) || fflush(stdout) != 0) {
		(void)fputs(NAME ": cannot write to the standard output\n", stderr);
		code = P2V_LINK_FAILED;
	}
	p2v_text_fini(&t);
	return code;
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
	return P2V_LINK_USAGE;
}

static int take_time(const char *name, const char *arg, p2v_usec *out)
{
	if (p2v_parse_usec(p2v_str_of(arg), "s", out) < 0 || *out <= 0)
		return wrong(
			"--%s: '%s' is not a length of time (like 50ms, 90s or 2m)", name, arg);
	return -1;
}

/* @return -1: go on; else the exit code */
static int take_switch(struct p2v_link_cli *cli, int which, const char *arg, unsigned *ways)
{
	switch (which) {
	case FORTH: *ways = 1; return -1;
	case BACK: *ways = 2; return -1;
	case SECONDS: return take_time("seconds", arg, &cli->seconds);
	case SEED:
		if (p2v_parse_u64(p2v_str_of(arg), 0, UINT64_MAX, &cli->seed) < 0)
			return wrong("--seed: '%s' is not a number", arg);
		return -1;
	case TRACE: cli->trace = arg; return -1;
	case EVERY: return take_time("every", arg, &cli->every);
	case DEVICE: cli->device = arg; return -1;
	case NO_FIFO: cli->fifo = false; return -1;
	case HELP: return print(tell_help);
	default: return print(tell_version);
	}
}

static int take_option(struct p2v_link_cli *cli, int which, const char *arg, unsigned ways)
{
	const struct p2v_option *o = &p2v_line_options[which];
	struct p2v_err err;
	char name[64];

	dashes(o->name, name);
	for (unsigned i = 0; i < 2; i++)
		if (ways >> i & 1 && p2v_option_set(o, &cli->line[i], arg, &err) < 0)
			return wrong("--%s: %s", name, err.text);
	return -1;
}

/* What getopt_long wants; the options' names are kept here. */
struct table {
	struct option longs[SWITCHES + OPTIONS_MAX + 1];
	char names[OPTIONS_MAX][64];
	const char *all[SWITCHES + OPTIONS_MAX + 1];
};

static void make_table(struct table *t)
{
	size_t n = 0;

	memset(t, 0, sizeof *t);
	for (int i = 0; i < SWITCHES; i++, n++)
		t->longs[n] = (struct option){ switches[i].name,
			switches[i].arg ? required_argument : no_argument, NULL, FIRST_SWITCH + i };
	for (int i = 0; i < OPTIONS_MAX && p2v_line_options[i].name; i++, n++) {
		dashes(p2v_line_options[i].name, t->names[i]);
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

static int take_names(struct p2v_link_cli *cli, int argc, char **argv)
{
	if (argc - optind < 2)
		return wrong("it needs the names of two network namespaces");
	if (argc - optind > 2)
		return wrong("'%s' is one argument too many", argv[optind + 2]);
	for (int i = 0; i < 2; i++)
		cli->netns[i] = argv[optind + i];
	return -1;
}

int p2v_link_cli_read(struct p2v_link_cli *cli, int argc, char **argv)
{
	struct table t;
	struct p2v_err err;
	unsigned ways = 3;
	int c, code;

	memset(cli, 0, sizeof *cli);
	cli->seed = 1;
	cli->every = 100 * P2V_MSEC;
	cli->device = "lab0";
	cli->fifo = true;
	for (int i = 0; i < 2; i++)
		if (p2v_options_default(
			    p2v_line_options, sizeof *p2v_line_options, &cli->line[i], &err) < 0)
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
		code = c < FIRST_OPTION ? take_switch(cli, c - FIRST_SWITCH, optarg, &ways)
					: take_option(cli, c - FIRST_OPTION, optarg, ways);
		if (code >= 0)
			return code;
	}
	return take_names(cli, argc, argv);
}
