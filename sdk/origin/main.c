/* main.c - the program p2v-origin: encoders' pipes, read into a stream that is served. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framework/world/loop.h"
#include "sdk/origin/cli.h"
#include "sdk/origin/server.h"
#include "sdk/tool/tool.h"

#define NAME "p2v-origin"

enum { BLOCK = 65536, BLOCKS_A_TURN = 16 };

struct run;

struct input {
	struct run *run;
	struct p2v_cmaf_rendition *r;
	struct p2v_watch *watch;
	const char *made; /* a pipe that we made */
	int fd;
};

struct run {
	struct p2v_origin_cli cli;
	struct p2v_cmaf_stream stream;
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_cmaf_server *server;
	struct input inputs[P2V_CMAF_RENDITIONS];
	bool bad; /* an input was no good */
};

/* ---- inputs ---- */

static void close_input(struct input *in)
{
	p2v_watch_free(in->watch);
	in->watch = NULL;
	if (in->fd > STDIN_FILENO)
		(void)close(in->fd);
	in->fd = -1;
}

static void input_over(struct input *in, int rc, const struct p2v_err *err)
{
	struct run *run = in->run;
	struct p2v_err why = *err;

	if (rc == P2V_OK)
		rc = p2v_cmaf_end(in->r, &why);
	if (rc < 0) {
		run->bad = true;
		(void)fprintf(stderr, NAME ": %s: %s\n", in->r->name, why.text);
	} else {
		(void)fprintf(stderr, NAME ": %s: the encoder has ended\n", in->r->name);
	}
	close_input(in);
	/* Of a stream that never was nothing can be served. */
	if (p2v_cmaf_ended(&run->stream) && !run->stream.ready)
		p2v_loop_stop(run->loop);
}

static void readable(void *ctx, int events)
{
	struct input *in = ctx;
	struct run *run = in->run;
	int64_t wall = run->w.ops->wall(run->w.self);
	struct p2v_err err = { .code = P2V_OK };
	uint8_t block[BLOCK];
	int rc = P2V_OK;

	(void)events;
	for (int i = 0; i < BLOCKS_A_TURN && rc == P2V_OK; i++) {
		ssize_t n = read(in->fd, block, sizeof block);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			rc = p2v_fail(&err, P2V_EIO, "%s", strerror(errno));
		if (n > 0)
			rc = p2v_cmaf_feed(
				in->r, (struct p2v_bytes){ block, (size_t)n }, wall, &err);
		if (n == 0 || rc < 0) {
			input_over(in, rc, &err);
			break;
		}
	}
	p2v_cmaf_server_grown(run->server);
}

/* Opened so that it does not wait for an encoder: that may come later. */
static int open_input(struct run *run, size_t i, struct p2v_err *err)
{
	const struct p2v_origin_input *from = &run->cli.input[i];
	struct input *in = &run->inputs[i];
	int rc = p2v_cmaf_add(&run->stream, from->name, err);

	if (rc < 0)
		return rc;
	in->r = &run->stream.r[i];
	if (strcmp(from->path, "-") == 0) {
		in->fd = STDIN_FILENO;
		(void)fcntl(in->fd, F_SETFL, fcntl(in->fd, F_GETFL) | O_NONBLOCK);
	} else {
		if (mkfifo(from->path, 0600) == 0)
			in->made = from->path;
		else if (errno != EEXIST)
			return p2v_fail(err, P2V_EIO, "%s: %s", from->path, strerror(errno));
		in->fd = open(from->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	if (in->fd < 0)
		return p2v_fail(err, P2V_EIO, "%s: %s", from->path, strerror(errno));
	return P2V_OK;
}

/* ---- a run ---- */

static void on_signal(void *ctx, int signo)
{
	(void)signo;
	p2v_loop_stop(((struct run *)ctx)->loop);
}

static int tell_where(const struct p2v_addr *bound, struct p2v_err *err)
{
	char at[P2V_ADDR_TEXT];

	(void)p2v_addr_text(bound, at);
	if (printf("http://%s" P2V_CMAF_FOLDER "master.m3u8\nhttp://%s" P2V_CMAF_FOLDER
		   "manifest.mpd\n",
		    at, at) < 0 ||
		fflush(stdout) != 0)
		return p2v_fail(err, P2V_EIO, "cannot write to the standard output");
	return P2V_OK;
}

static int start(struct run *run, struct p2v_err *err)
{
	struct p2v_addr bound;
	int rc = p2v_loop_new(&run->loop, err);

	if (rc < 0)
		return rc;
	run->w = p2v_loop_world(run->loop);
	for (size_t i = 0; i < run->cli.n && rc == P2V_OK; i++)
		rc = open_input(run, i, err);
	if (rc == P2V_OK)
		rc = p2v_cmaf_server_new(
			&run->w, &run->stream, &run->cli.listen, &run->server, &bound, err);
	if (rc == P2V_OK)
		rc = tell_where(&bound, err);
	for (size_t i = 0; i < run->cli.n && rc == P2V_OK; i++) {
		struct input *in = &run->inputs[i];

		in->watch = p2v_watch_new(run->loop, in->fd, P2V_READ, readable, in);
		if (!in->watch)
			rc = p2v_fail(err, P2V_ENOMEM, "no memory");
	}
	if (rc == P2V_OK && (p2v_loop_on_signal(run->loop, SIGINT, on_signal, run) < 0 ||
				    p2v_loop_on_signal(run->loop, SIGTERM, on_signal, run) < 0))
		rc = p2v_fail(err, P2V_ENOMEM, "no memory");
	return rc;
}

static void clean_up(struct run *run)
{
	for (size_t i = 0; i < run->cli.n; i++) {
		close_input(&run->inputs[i]);
		if (run->inputs[i].made)
			(void)unlink(run->inputs[i].made);
	}
	p2v_cmaf_server_free(run->server);
	p2v_loop_free(run->loop);
	p2v_cmaf_fini(&run->stream);
}

int main(int argc, char **argv)
{
	static struct run run;
	struct p2v_err err = { .code = P2V_OK };
	int code = p2v_origin_cli_read(&run.cli, argc, argv);

	if (code >= 0)
		return code;
	p2v_cmaf_init(&run.stream, &run.cli.conf);
	for (size_t i = 0; i < P2V_CMAF_RENDITIONS; i++) {
		run.inputs[i].run = &run;
		run.inputs[i].fd = -1;
	}
	if (start(&run, &err) == P2V_OK) {
		p2v_loop_run(run.loop);
		code = run.bad ? P2V_TOOL_FAILED : P2V_TOOL_OK;
	} else {
		(void)fprintf(stderr, NAME ": %s\n", err.text);
		code = err.code == P2V_EPARSE ? P2V_TOOL_USAGE : P2V_TOOL_FAILED;
	}
	clean_up(&run);
	return code;
}
