/* cli.c - what p2v-origin can be told. */
#include <config.h>

#include "sdk/origin/cli.h"

#include <string.h>

#include "sdk/tool/tool.h"

#define NAME "p2v-origin"

static const struct p2v_tool_word words[] = { { "listen", "ADDRESS",
	"Serve there, as in 0.0.0.0:8080 or [::1]:80. Port 0 is any that is free; it is "
	"127.0.0.1:0 unless told otherwise.",
	0 } };
enum { LISTEN, WORDS };

static const char about[] =
	"It takes fragmented MP4 from live encoders and serves it at once, part by part, as "
	"Low-Latency HLS (draft-pantos-hls-rfc8216bis) and as low-latency DASH, over HTTP/1.1. It is "
	"for demonstrations and tests: one process, everything in memory, no encryption.\n\n"
	"An input is NAME=PIPE: a rendition's name, which becomes its folder, and a named pipe that "
	"an encoder writes to, which is made if it is not there; - is the standard input. A rendition "
	"should hold one track, video or audio, and all should come from one encoder, so that they "
	"share a clock. Key frames have to stand a segment's length apart, or a part of it. With "
	"ffmpeg:\n\n"
	"-f mp4 -movflags empty_moov+default_base_moof+frag_keyframe -frag_duration 200000 "
	"-flush_packets 1 PIPE\n\n"
	"Each fragment of the encoder becomes a part, so -frag_duration is the length of parts. The "
	"first lines printed tell where the stream is: /live/master.m3u8 and /live/manifest.mpd. "
	"Requests for what is about to come are held until it is there, three target durations at "
	"most.\n\n"
	"When an encoder ends, its playlist does; what is there is served until the program is ended "
	"by SIGINT or SIGTERM.";

static const char status[] =
	"0: it was ended. 1: it could not serve, or an input was no fragmented MP4; the message names "
	"the byte. 2: it was called wrongly.";

static const struct p2v_tool_example examples[] = {
	{ NAME " --listen 127.0.0.1:8080 video=/tmp/v audio=/tmp/a",
		"Two renditions; an encoder writes to the two pipes." },
	{ "ffmpeg ... -f mp4 -movflags empty_moov+default_base_moof+frag_keyframe "
	  "-frag_duration 200000 - | " NAME " video=-",
		"One rendition through a pipe of the shell." },
	{ NAME " --parts ranges --segment 4s video=/tmp/v",
		"Longer segments, and parts that are ranges of them." }
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static const char *const synopsis[] = { "[OPTION]... NAME=PIPE...", NULL };

static const struct p2v_tool tool = { .name = NAME,
	.synopsis = synopsis,
	.summary = "Serve a live stream with low latency, as HLS and as DASH",
	.about = about,
	.status = status,
	.words = words,
	.n_words = WORDS,
	.options = p2v_cmaf_options,
	.options_head = "The stream",
	.examples = examples,
	.n_examples = EXAMPLES };

static int take(void *ctx, int word, const char *arg)
{
	struct p2v_origin_cli *cli = ctx;
	struct p2v_err err;

	(void)word;
	if (p2v_addr_parse(arg, &cli->listen, &err) < 0)
		return p2v_tool_wrong(&tool, "--listen: %s", err.text);
	return -1;
}

static int read_input(struct p2v_origin_cli *cli, const char *arg)
{
	const char *eq = strchr(arg, '=');
	struct p2v_origin_input *in = &cli->input[cli->n];

	if (!eq || eq == arg || !eq[1])
		return p2v_tool_wrong(&tool, "'%s' is not NAME=PIPE", arg);
	if (cli->n == P2V_CMAF_RENDITIONS)
		return p2v_tool_wrong(&tool, "more than %d inputs", P2V_CMAF_RENDITIONS);
	if ((size_t)(eq - arg) >= sizeof in->name)
		return p2v_tool_wrong(
			&tool, "'%s': the name is longer than %zu", arg, sizeof in->name - 1);
	memcpy(in->name, arg, (size_t)(eq - arg));
	in->name[eq - arg] = 0;
	in->path = eq + 1;
	for (size_t i = 0; i < cli->n; i++)
		if (strcmp(cli->input[i].path, in->path) == 0)
			return p2v_tool_wrong(&tool, "two inputs read '%s'", in->path);
	cli->n++;
	return -1;
}

int p2v_origin_cli_read(struct p2v_origin_cli *cli, int argc, char **argv)
{
	struct p2v_err err;
	int rest, code;

	memset(cli, 0, sizeof *cli);
	cli->listen = p2v_addr_v4(0x7f000001, 0);
	code = p2v_tool_read(&tool, argc, argv, &cli->conf, take, cli, &rest);
	if (code >= 0)
		return code;
	if (p2v_cmaf_check(&cli->conf, &err) < 0)
		return p2v_tool_wrong(&tool, "%s", err.text);
	if (rest == argc)
		return p2v_tool_wrong(&tool, "it needs an input: NAME=PIPE");
	for (; rest < argc; rest++) {
		code = read_input(cli, argv[rest]);
		if (code >= 0)
			return code;
	}
	return -1;
}
