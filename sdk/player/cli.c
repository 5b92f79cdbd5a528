/* cli.c - what p2v-player can be told. */
#include <config.h>

#include "sdk/player/cli.h"

#include <string.h>

#include "sdk/tool/tool.h"

#define NAME "p2v-player"

static const struct p2v_tool_word words[] = {
	{ "seconds", "S",
		"Stop after so much time, as in 90, 90s or 2m; else it plays until the "
		"stream ends or it is interrupted.",
		0 },
	{ "json", NULL, "Print the result as one JSON object on one line.", 0 },
	{ "progress", NULL, "Tell once a second how it goes; a terminal is told anyway.", 0 },
	{ "trace", "FILE",
		"Write a JSON object for each fragment, stall, switch and error to a file, "
		"one a line; - is the standard output.",
		0 },
	{ "ca", "FILE", "Trust these authorities (PEM) for https, instead of the system's.", 0 },
	{ "plugin-path", "DIRS",
		"Look for manifest plugins here first; folders separated by colons.", 0 }
};
enum { SECONDS, JSON, PROGRESS, TRACE, CA, PLUGIN_PATH, WORDS };

static const char about[] =
	"It loads a stream of HLS, MPEG-DASH, Smooth Streaming or HDS, live or on demand, as a player "
	"does: one rendition at a time, chosen by throughput or buffer, a list once a fragment, "
	"fragments in order, sound along with the picture where it comes apart. Nothing is decoded. "
	"What a buffer would have done is computed to the microsecond: start-up, stalls, bit rate, "
	"switches, and how far behind the encoder's clock the playhead is, where the stream tells "
	"dates (HLS and DASH).\n\n"
	"Its habits are those of hls.js, and can be set. The same code plays in the simulator.\n\n"
	"Of a low-latency HLS stream it plays parts, PART-HOLD-BACK behind the edge of the list: it "
	"asks for the list that has the next part, and for the part that is announced, and the "
	"server holds both requests until they are there. It changes the rendition where a part is "
	"told to be independent, or at a fragment's begin. A server that does not hold is asked once "
	"a part; where a part cannot be had, whole fragments are played for half a minute.\n\n"
	"Of a presentation (DASH, Smooth, HDS) it plays the first set of pictures and the first "
	"sound, and starts start-fragments behind the newest one, whatever delay the manifest "
	"suggests. The manifest, or the bootstrap of what is played, is fetched as often as it asks "
	"for, else once a fragment; one whose fragments follow from the time of day is read "
	"again without being fetched, and a fragment that such a rule promised too early is asked for "
	"until one length later. In another Period the rendition with the nearest bit rate goes on.";

static const char status[] =
	"0: playback began, and what was asked for was played. 1: it could not be played, or a file "
	"could not be written. 2: it was called wrongly. Interrupted by SIGINT or SIGTERM it ends "
	"with the result so far.";

static const struct p2v_tool_example examples[] = {
	{ NAME " --seconds 60 https://cdn.example/live/master.m3u8",
		"Watch for a minute, then print how it went." },
	{ NAME " --json --abr fixed --rendition 0 URL | jq .startup_ms",
		"How long until the lowest rendition starts?" },
	{ NAME " --trace run.jsonl --seconds 5m http://127.0.0.1:8780/news/master.m3u8",
		"Play through an agent, and keep what happened for a plot." }
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static const char *const synopsis[] = { "[OPTION]... URL", NULL };

static const struct p2v_tool tool = { .name = NAME,
	.synopsis = synopsis,
	.summary = "Play a live stream as a browser would, and measure how that goes",
	.about = about,
	.status = status,
	.words = words,
	.n_words = WORDS,
	.options = p2v_player_options,
	.options_head = "How it plays",
	.examples = examples,
	.n_examples = EXAMPLES };

static int take(void *ctx, int word, const char *arg)
{
	struct p2v_player_cli *cli = ctx;

	switch (word) {
	case SECONDS:
		if (p2v_parse_usec(p2v_str_of(arg), "s", &cli->seconds) == P2V_OK && cli->seconds)
			return -1;
		return p2v_tool_wrong(
			&tool, "--seconds: '%s' is not a length of time (like 90, 90s or 2m)", arg);
	case JSON: cli->json = true; return -1;
	case PROGRESS: cli->progress = true; return -1;
	case TRACE: cli->trace = arg; return -1;
	case CA: cli->ca = arg; return -1;
	default: cli->plugins = arg; return -1;
	}
}

int p2v_player_cli_read(struct p2v_player_cli *cli, int argc, char **argv)
{
	int rest, code;

	memset(cli, 0, sizeof *cli);
	code = p2v_tool_read(&tool, argc, argv, &cli->conf, take, cli, &rest);
	if (code >= 0)
		return code;
	if (rest == argc)
		return p2v_tool_wrong(&tool, "it needs a URL");
	if (argc - rest > 1)
		return p2v_tool_wrong(&tool, "'%s' is one argument too many", argv[rest + 1]);
	cli->url = argv[rest];
	return -1;
}
