/* main.c - the program p2v-player: the measuring player in the real world. */
#include <config.h>

#include <errno.h>
#include <ltdl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framework/base/options.h"
#include "framework/host/loader.h"
#include "framework/world/loop.h"
#include "sdk/player/cli.h"

#define NAME "p2v-player"

enum { PLUGINS_MAX = 16 };

struct run {
	struct p2v_player_cli cli;
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_node node;
	struct p2v_loader *loader;
	struct p2v_policy policies[PLUGINS_MAX];
	void *confs[PLUGINS_MAX];
	struct p2v_manifests manifests;
	struct p2v_player *player;
	struct p2v_timer tick, end;
	p2v_usec begun;
	FILE *trace;
	bool terminal, trace_broken;
};

/* ---- plugins ---- */

static void add_plugin(void *ctx, const struct p2v_plugin *p, const char *file)
{
	struct run *r = ctx;
	void *conf = calloc(1, p->conf_size ? (size_t)p->conf_size : 1);

	if (r->manifests.n == PLUGINS_MAX || !conf ||
		p2v_options_default(p->options, p->option_size, conf, NULL) < 0) {
		(void)fprintf(stderr, NAME ": %s is left out\n", file);
		free(conf);
		return;
	}
	r->confs[r->manifests.n] = conf;
	p2v_policy_init(&r->policies[r->manifests.n++], &r->node, p, conf);
}

static void tell_bad(void *ctx, const char *file, const struct p2v_err *why)
{
	(void)ctx;
	(void)file;
	(void)fprintf(stderr, NAME ": %s\n", why->text);
}

static int load_plugins(struct run *r, struct p2v_err *err)
{
	struct p2v_loader_visitor v = { r, add_plugin, tell_bad };
	int rc = p2v_loader_new(r->cli.plugins, &r->loader, err);

	r->manifests.v = r->policies;
	if (rc == P2V_OK)
		rc = p2v_loader_each(r->loader, P2V_KIND_MANIFEST, &v, err);
	if (rc == P2V_OK && r->manifests.n == 0)
		rc = p2v_fail(err, P2V_ENOENT, "there is no manifest plugin in %s",
			p2v_loader_path(r->loader));
	return rc;
}

/* ---- what is told on the way ---- */

static void on_trace(void *ctx, const char *line)
{
	struct run *r = ctx;

	if (fprintf(r->trace, "%s\n", line) < 0)
		r->trace_broken = true;
}

static void on_ended(void *ctx, int code, const struct p2v_err *err)
{
	struct run *r = ctx;

	(void)code;
	(void)err;
	p2v_loop_stop(r->loop);
}

static void on_signal(void *ctx, int signo)
{
	(void)signo;
	p2v_loop_stop(((struct run *)ctx)->loop);
}

static void on_end(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	p2v_loop_stop(((struct run *)t->owner)->loop);
}

static void on_tick(struct p2v_timer *t, p2v_usec now)
{
	struct run *r = t->owner;
	struct p2v_player_status s;
	char latency[40] = "";

	p2v_player_status(r->player, &s);
	if (s.latency != P2V_UNKNOWN)
		(void)snprintf(
			latency, sizeof latency, "  latency %.1f s", (double)s.latency / 1e6);
	(void)fprintf(stderr, "%s%6.0f s  %-8s  buffer %4.1f s  %5.0f kbit/s%s  stalls %u%s",
		r->terminal ? "\r" : "", (double)(now - r->begun) / 1e6,
		s.stalled   ? "stalled"
		: s.started ? "playing"
			    : "starting",
		(double)s.buffer / 1e6, (double)s.bitrate / 1e3, latency, s.stalls,
		r->terminal ? "\033[K" : "\n");
	p2v_arm(&r->w, t, now + P2V_SECOND);
}

/* ---- how it went ---- */

static void ms_text(struct p2v_text *out, const char *what, p2v_usec v)
{
	if (v != P2V_UNKNOWN)
		p2v_text_printf(out, "%-14s%.3f s\n", what, (double)v / 1e6);
}

static void result_text(const struct p2v_player_result *r, struct p2v_text *out)
{
	p2v_text_printf(out, "%-14s%s\n", "played",
		!r->played ? "no"
		: r->ended ? "to the end"
			   : "yes");
	if (r->code < 0)
		p2v_text_printf(out, "%-14s%s\n", "error", r->error);
	ms_text(out, "start-up", r->startup);
	p2v_text_printf(out, "%-14s%u, %.3f s\n", "stalls", r->stalls, (double)r->stalled / 1e6);
	ms_text(out, "buffering", r->buffering);
	ms_text(out, "media played", r->played_media);
	p2v_text_printf(out, "%-14s%.0f kbit/s, %u switches\n", "bit rate",
		(double)r->mean_bitrate / 1e3, r->switches);
	ms_text(out, "latency", r->latency_median);
	p2v_text_printf(out, "%-14s%llu, %llu bytes in %llu requests\n", "fragments",
		(unsigned long long)r->fragments, (unsigned long long)r->bytes,
		(unsigned long long)r->requests);
	if (r->misses + r->errors + r->timeouts + r->skipped)
		p2v_text_printf(out,
			"%-14s%llu missing, %llu errors, %llu time-outs, %llu skipped\n",
			"failures", (unsigned long long)r->misses, (unsigned long long)r->errors,
			(unsigned long long)r->timeouts, (unsigned long long)r->skipped);
}

static int tell_result(struct run *r)
{
	struct p2v_player_result result;
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };
	bool good;

	p2v_player_stop(r->player);
	p2v_player_result(r->player, &result);
	if (r->terminal)
		(void)fputs("\r\033[K", stderr);
	if (r->cli.json) {
		p2v_json_open(&j, NULL, '{');
		p2v_json_text(&j, "url", r->cli.url);
		p2v_player_result_json(&result, &j);
		p2v_json_close(&j, '}');
		p2v_text_puts(&t, "\n");
	} else {
		result_text(&result, &t);
	}
	good = !t.oom && fwrite(t.p, 1, t.n, stdout) == t.n && fflush(stdout) == 0;
	if (!good)
		(void)fputs(NAME ": cannot write to the standard output\n", stderr);
	p2v_text_fini(&t);
	if (result.code < 0)
		(void)fprintf(stderr, NAME ": %s\n", result.error);
	else if (!result.played)
		(void)fputs(NAME ": playback never began\n", stderr);
	return good && result.code == P2V_OK && result.played && result.played_fragments > 0;
}

/* ---- a run ---- */

static int open_trace(struct run *r, struct p2v_err *err)
{
	if (!r->cli.trace)
		return P2V_OK;
	r->trace = strcmp(r->cli.trace, "-") == 0 ? stdout : fopen(r->cli.trace, "w");
	if (!r->trace)
		return p2v_fail(err, P2V_EIO, "%s: %s", r->cli.trace, strerror(errno));
	return P2V_OK;
}

static int start(struct run *r, struct p2v_err *err)
{
	struct p2v_player_hooks hooks = { .ctx = r, .ended = on_ended };
	int rc = p2v_loop_new(&r->loop, err);

	if (rc == P2V_OK && r->cli.ca && p2v_loop_set_ca(r->loop, r->cli.ca) < 0)
		rc = p2v_fail(err, P2V_ENOMEM, "no memory");
	if (rc < 0)
		return rc;
	r->w = p2v_loop_world(r->loop);
	p2v_node_init(&r->node, &r->w, 0);
	rc = load_plugins(r, err);
	if (rc == P2V_OK)
		rc = open_trace(r, err);
	if (rc < 0)
		return rc;
	if (r->trace)
		hooks.trace = on_trace;
	if (p2v_loop_on_signal(r->loop, SIGINT, on_signal, r) < 0 ||
		p2v_loop_on_signal(r->loop, SIGTERM, on_signal, r) < 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	rc = p2v_player_new(
		&r->w, &r->manifests, &r->cli.conf, r->cli.url, &hooks, &r->player, err);
	if (rc < 0)
		return rc;
	r->begun = p2v_now(&r->w);
	r->tick.fire = on_tick;
	r->end.fire = on_end;
	r->tick.owner = r->end.owner = r;
	if (r->terminal || r->cli.progress)
		p2v_arm(&r->w, &r->tick, r->begun + P2V_SECOND);
	if (r->cli.seconds)
		p2v_arm(&r->w, &r->end, r->begun + r->cli.seconds);
	return P2V_OK;
}

static void clean_up(struct run *r)
{
	p2v_player_free(r->player);
	if (r->loop) {
		p2v_disarm(&r->w, &r->tick);
		p2v_disarm(&r->w, &r->end);
	}
	for (size_t i = 0; i < r->manifests.n; i++)
		free(r->confs[i]);
	p2v_node_fini(&r->node);
	p2v_loader_free(r->loader);
	p2v_loop_free(r->loop);
}

/* @return whether all of the trace is in its file */
static bool close_trace(struct run *r)
{
	bool broken = r->trace_broken;

	if (r->trace && r->trace != stdout)
		broken |= fclose(r->trace) != 0;
	if (broken)
		(void)fprintf(
			stderr, NAME ": %s: not all of the trace could be written\n", r->cli.trace);
	return !broken;
}

int main(int argc, char **argv)
{
	struct run r;
	struct p2v_err err = { .code = P2V_OK };
	bool good = false;
	int code;

	/* Plugins that are linked in (--disable-shared). */
	LTDL_SET_PRELOADED_SYMBOLS();
	memset(&r, 0, sizeof r);
	code = p2v_player_cli_read(&r.cli, argc, argv);
	if (code >= 0)
		return code;
	r.terminal = isatty(STDERR_FILENO) == 1;
	if (start(&r, &err) == P2V_OK) {
		p2v_loop_run(r.loop);
		good = tell_result(&r);
	} else {
		(void)fprintf(stderr, NAME ": %s\n", err.text);
		code = err.code == P2V_EPARSE ? P2V_TOOL_USAGE : P2V_TOOL_FAILED;
	}
	good &= close_trace(&r);
	clean_up(&r);
	return good ? P2V_TOOL_OK : code >= 0 ? code : P2V_TOOL_FAILED;
}
