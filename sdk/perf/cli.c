/* cli.c - what p2v-perf can be told. */
#include <config.h>

#include "sdk/perf/cli.h"

#include <string.h>

#define NAME "p2v-perf"

#define LONGEST (24 * 3600 * P2V_SECOND)

static const struct p2v_tool_word words[] = {
	{ "server", NULL, "Serve: take in what clients send, and send what they ask for.", 's' },
	{ "client", "HOST", "Measure towards a server there: a name or an address.", 'c' },
	{ "port", "N",
		"The server's UDP port. A server may take 0: it prints the port that it was given.",
		0 },
	{ "one", NULL, "The server ends after one client, with status 1 if that broke off.", '1' },
	{ "time", "S",
		"Send for so long, as in 90, 90s or 2m. It is 10s unless a number of bytes is "
		"given.",
		't' },
	{ "bytes", "N", "Send so much, all streams together, as in 256Mi.", 'n' },
	{ "reverse", NULL, "The server sends; the client asks it for priorities, as viewers do.",
		'R' },
	{ "streams", "N", "So many streams at once, 1 to 64.", 'P' },
	{ "priority", "P[,P...]",
		"Priority of the streams, 0 (scavenger) to 4 (four TCPs); 1 is one TCP. Of several "
		"the first is for the first stream, and the last for all that are left.",
		'p' },
	{ "priority-at", "T=P[,P...]",
		"Move the priorities at a time after the start, as in 10s=4. May stand again.", 0 },
	{ "cc", "NAME[:OPTION=VALUE,...]",
		"Congestion control of what this end sends: a plugin of kind cc, and its options. "
		"It is cubic unless another is named.",
		'C' },
	{ "interval", "S", "A line each so many seconds, 10ms to 1h; it is 1s at first.", 'i' },
	{ "give-up", "S",
		"End when the other end was silent for so long; it is 10s at first, 0 is never.",
		0 },
	{ "json", NULL, "Print the result as one JSON object on one line.", 'j' },
	{ "no-segments", NULL,
		"Hand datagrams to the kernel one by one, as where it has no UDP_SEGMENT.", 0 },
	{ "plugin-path", "DIRS", "Look for plugins here first; folders separated by colons.", 0 }
};
enum {
	SERVER,
	CLIENT,
	PORT,
	ONE,
	TIME,
	BYTES,
	REVERSE,
	STREAMS,
	PRIORITY,
	PRIORITY_AT,
	CC,
	INTERVAL,
	GIVE_UP,
	JSON,
	NO_SEGMENTS,
	PLUGIN_PATH,
	WORDS
};

static const char about[] =
	"It sends bytes that cost nothing to make over the transport that viewers serve each other "
	"with: DTLS, streams, priorities, and a congestion control plugin. The other end throws them "
	"away, and tells how many there were.\n\n"
	"Both ends make themselves a certificate and trust whoever calls: it is for measuring, on "
	"ports that strangers do not reach.\n\n"
	"The result's goodput is what the receiver counted over its own time. Processor time is that "
	"of both ends, user and system; it is of the whole program, so a server that serves several "
	"clients at once counts it for each of them. Delays are of the sender: the smoothed round "
	"trip, and how much longer than in its best moment of the last half minute or so what it "
	"sends takes, one way.";

static const char status[] =
	"0: all went as it was asked for. 1: it broke off, or could not begin; the figures so far are "
	"printed. 2: it was called wrongly. Interrupted by SIGINT or SIGTERM it ends with the result "
	"so far.";

static const struct p2v_tool_example examples[] = { { NAME " -s --port 7000",
							    "Serve until interrupted." },
	{ NAME " -c 192.0.2.1 --port 7000 -t 30 -p 0 --priority-at 10s=4 --priority-at 20s=0",
		"Half a minute as a scavenger, but for ten urgent seconds." },
	{ NAME " -c server.example --port 7000 -R -n 256Mi -P 2 -p 4,0 --json | jq .by_stream",
		"Have a quarter of a GiB sent, half of it urgent: who got how much?" } };
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static const char *const synopsis[] = { "-s --port=N [OPTION]...", "-c HOST --port=N [OPTION]...",
	NULL };

static const struct p2v_tool tool = { .name = NAME,
	.synopsis = synopsis,
	.summary = "Measure the transport between two ends",
	.about = about,
	.status = status,
	.words = words,
	.n_words = WORDS,
	.options = p2v_dtl_options,
	.options_head = "The transport",
	.examples = examples,
	.n_examples = EXAMPLES };

/* ---- priorities ---- */

/* "4,0": the last is for all streams that are left. */
static int read_priorities(const char *word, const char *list, double out[P2V_PERF_STREAMS])
{
	struct p2v_str rest = p2v_str_of(list), head;
	size_t n = 0;

	while (p2v_str_split(&rest, ',', &head)) {
		double p;

		if (p2v_parse_real(head, &p) < 0 || p < 0 || p > 4)
			return p2v_tool_wrong(&tool, "--%s: '%.*s' is not a priority (0 to 4)",
				word, (int)head.n, head.p);
		if (n == P2V_PERF_STREAMS)
			return p2v_tool_wrong(
				&tool, "--%s: more than %d priorities", word, P2V_PERF_STREAMS);
		out[n++] = p;
	}
	for (; n < P2V_PERF_STREAMS; n++)
		out[n] = out[n - 1];
	return -1;
}

/* "10s=4", kept in order of time. */
static int read_change(struct p2v_perf_cli *cli, const char *arg)
{
	struct p2v_str rest = p2v_str_of(arg), head;
	struct p2v_perf_change c;
	size_t at = cli->n_changes;
	int code;

	if (!p2v_str_split(&rest, '=', &head) || !rest.p || p2v_parse_usec(head, "s", &c.at) < 0 ||
		c.at > LONGEST)
		return p2v_tool_wrong(&tool,
			"--priority-at: '%s' is not a time and a priority (like 10s=4)", arg);
	if (at == P2V_PERF_CHANGES)
		return p2v_tool_wrong(
			&tool, "--priority-at: more than %d changes", P2V_PERF_CHANGES);
	code = read_priorities("priority-at", rest.p, c.priority);
	if (code >= 0)
		return code;
	while (at > 0 && cli->change[at - 1].at > c.at) {
		cli->change[at] = cli->change[at - 1];
		at--;
	}
	cli->change[at] = c;
	cli->n_changes++;
	return -1;
}

/* ---- arguments ---- */

static int read_time(const char *word, const char *arg, p2v_usec min, p2v_usec *out)
{
	p2v_usec v;

	if (p2v_parse_usec(p2v_str_of(arg), "s", &v) < 0 || v < min || v > LONGEST)
		return p2v_tool_wrong(&tool,
			"--%s: '%s' is not a fitting length of time (like 90, 90s or 2m)", word,
			arg);
	*out = v;
	return -1;
}

static int read_number(const char *word, const char *arg, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (p2v_parse_size(p2v_str_of(arg), &v) < 0 || v < min || v > max)
		return p2v_tool_wrong(&tool, "--%s: '%s' is not a number from %llu to %llu", word,
			arg, (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return -1;
}

static int take_number(struct p2v_perf_cli *cli, int word, const char *arg)
{
	uint64_t v = 0;
	int code;

	if (word == PORT) {
		code = read_number("port", arg, 0, 65535, &v);
		cli->port = (int32_t)v;
	} else if (word == BYTES) {
		code = read_number("bytes", arg, 1, UINT64_C(1) << 50, &cli->bytes);
	} else {
		code = read_number("streams", arg, 1, P2V_PERF_STREAMS, &v);
		cli->streams = (uint32_t)v;
	}
	return code;
}

static int take(void *ctx, int word, const char *arg)
{
	struct p2v_perf_cli *cli = ctx;

	switch (word) {
	case SERVER: cli->serve = true; return -1;
	case CLIENT: cli->host = arg; return -1;
	case PORT:
	case BYTES:
	case STREAMS: return take_number(cli, word, arg);
	case ONE: cli->one = true; return -1;
	case TIME: return read_time("time", arg, 1, &cli->seconds);
	case REVERSE: cli->reverse = true; return -1;
	case PRIORITY: return read_priorities("priority", arg, cli->priority);
	case PRIORITY_AT: return read_change(cli, arg);
	case CC: cli->cc = arg; return -1;
	case INTERVAL: return read_time("interval", arg, 10 * P2V_MSEC, &cli->interval);
	case GIVE_UP: return read_time("give-up", arg, 0, &cli->give_up);
	case JSON: cli->json = true; return -1;
	case NO_SEGMENTS: cli->no_segments = true; return -1;
	default: cli->plugins = arg; return -1;
	}
}

static int check(struct p2v_perf_cli *cli)
{
	if (cli->serve == (cli->host != NULL))
		return p2v_tool_wrong(&tool, "it needs -s or -c HOST, one of the two");
	if (cli->port < 0 || (cli->port == 0 && cli->host))
		return p2v_tool_wrong(&tool, "it needs --port N");
	if (cli->host && cli->one)
		return p2v_tool_wrong(&tool, "--one is for servers");
	if (cli->interval > 3600 * P2V_SECOND)
		return p2v_tool_wrong(&tool, "--interval is at most 1h");
	if (cli->bytes != UINT64_MAX && cli->bytes < cli->streams)
		return p2v_tool_wrong(&tool, "--bytes is less than a byte for each stream");
	if (cli->serve &&
		(cli->seconds || cli->bytes != UINT64_MAX || cli->reverse || cli->n_changes))
		return p2v_tool_wrong(
			&tool, "how much to send, and how urgently, is the client's to say");
	if (!cli->seconds && cli->bytes == UINT64_MAX)
		cli->seconds = 10 * P2V_SECOND;
	return -1;
}

int p2v_perf_cli_read(struct p2v_perf_cli *cli, int argc, char **argv)
{
	int rest, code;

	memset(cli, 0, sizeof *cli);
	cli->bytes = UINT64_MAX;
	cli->interval = P2V_SECOND;
	cli->give_up = 10 * P2V_SECOND;
	cli->port = -1;
	cli->streams = 1;
	cli->cc = "cubic";
	for (size_t i = 0; i < P2V_PERF_STREAMS; i++)
		cli->priority[i] = 1;
	code = p2v_tool_read(&tool, argc, argv, &cli->dtl, take, cli, &rest);
	if (code >= 0)
		return code;
	if (rest < argc)
		return p2v_tool_wrong(&tool, "'%s' is one argument too many", argv[rest]);
	return check(cli);
}
