/* cli.c - what p2v-link can be told. */
#include <config.h>

#include "sdk/lab/cli.h"

#include <string.h>

#define NAME P2V_LINK_NAME

static const struct p2v_tool_word words[] = {
	{ "forth", NULL, "What follows is said of the way from A to B alone.", 0 },
	{ "back", NULL, "What follows is said of the way from B to A alone.", 0 },
	{ "seconds", "S", "End after so much time, as in 90, 90s or 2m; else at SIGINT or SIGTERM.",
		0 },
	{ "seed", "N",
		"Of the losses: with one seed the packets of one order fare alike. It is 1 at first.",
		0 },
	{ "trace", "FILE",
		"Write a JSON object every so often: what came out, how long it waited, "
		"and each flow's packets and bytes since the beginning.",
		0 },
	{ "every", "T", "How often that is, as in 50ms; it is 100ms at first.", 0 },
	{ "device", "DEV", "The name of the TUN device in both namespaces; it is lab0 at first.",
		0 },
	{ "no-fifo", NULL, "Do not ask for real-time scheduling.", 0 }
};
enum { FORTH, BACK, SECONDS, SEED, TRACE, EVERY, DEVICE, NO_FIFO, WORDS };

static const char about[] =
	"It carries IP packets between a TUN device in network namespace A and one in B, and behaves "
	"as a bottleneck: a rate, a delay, a drop-tail queue, random losses, each way its own. Kernel "
	"TCP and any other transport cross it alike, packet by packet, in their real sizes. The "
	"devices may exist and have addresses; else they are made. It needs the right to do that, and "
	"runs with real-time scheduling if it may.\n\n"
	"\"" NAME ": ready\" on the standard error says that packets flow. At the end it prints "
	"statistics as one JSON object. sdk/lab/link makes the namespaces, addresses and all.\n\n"
	"What is said of the line holds for both ways, or for the one of --forth or --back before it.";

static const char status[] = "0: it ended as told. 1: it could not run. 2: it was called wrongly.";

static const struct p2v_tool_example examples[] = {
	{ NAME " --rate=20M --delay=20ms --queue=100ms left right",
		"20 Mbit/s, 40 ms there and back, and a queue of 250 kB each way." },
	{ NAME " --delay=10ms --forth --rate=50M --back --rate=5M --loss=0.01 left right",
		"A line as a home has it, with a bad way up." }
};

static const char *const synopsis[] = { "[OPTION]... A B", NULL };

static const struct p2v_tool tool = { .name = NAME,
	.synopsis = synopsis,
	.summary = "A bottleneck between two network namespaces",
	.about = about,
	.status = status,
	.words = words,
	.n_words = WORDS,
	.options = p2v_line_options,
	.options_head = "The line",
	.examples = examples,
	.n_examples = sizeof examples / sizeof examples[0] };

/* Options go to one struct while they are read, and from there to the ways they are said of. */
struct reading {
	struct p2v_link_cli *cli;
	struct p2v_line_conf conf;
	unsigned ways; /* bit i: way i */
};

static void put_away(struct reading *r)
{
	for (unsigned i = 0; i < 2; i++)
		if (r->ways >> i & 1)
			r->cli->line[i] = r->conf;
}

static int turn(struct reading *r, unsigned way)
{
	put_away(r);
	r->ways = 1u << way;
	r->conf = r->cli->line[way];
	return -1;
}

static int take_time(const char *name, const char *arg, p2v_usec *out)
{
	if (p2v_parse_usec(p2v_str_of(arg), "s", out) < 0 || *out <= 0)
		return p2v_tool_wrong(&tool,
			"--%s: '%s' is not a length of time (like 50ms, 90s or 2m)", name, arg);
	return -1;
}

/* @return -1: go on; else the exit code */
static int take(void *ctx, int word, const char *arg)
{
	struct reading *r = ctx;
	struct p2v_link_cli *cli = r->cli;

	switch (word) {
	case FORTH: return turn(r, 0);
	case BACK: return turn(r, 1);
	case SECONDS: return take_time("seconds", arg, &cli->seconds);
	case SEED:
		if (p2v_parse_u64(p2v_str_of(arg), 0, UINT64_MAX, &cli->seed) < 0)
			return p2v_tool_wrong(&tool, "--seed: '%s' is not a number", arg);
		return -1;
	case TRACE: cli->trace = arg; return -1;
	case EVERY: return take_time("every", arg, &cli->every);
	case DEVICE: cli->device = arg; return -1;
	default: cli->fifo = false; return -1;
	}
}

int p2v_link_cli_read(struct p2v_link_cli *cli, int argc, char **argv)
{
	struct reading r = { .cli = cli, .ways = 3 };
	int rest, code;

	memset(cli, 0, sizeof *cli);
	cli->seed = 1;
	cli->every = 100 * P2V_MSEC;
	cli->device = "lab0";
	cli->fifo = true;
	code = p2v_tool_read(&tool, argc, argv, &r.conf, take, &r, &rest);
	if (code >= 0)
		return code;
	put_away(&r);
	if (argc - rest < 2)
		return p2v_tool_wrong(&tool, "it needs the names of two network namespaces");
	if (argc - rest > 2)
		return p2v_tool_wrong(&tool, "'%s' is one argument too many", argv[rest + 2]);
	for (int i = 0; i < 2; i++)
		cli->netns[i] = argv[rest + i];
	return -1;
}
