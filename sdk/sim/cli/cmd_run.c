/* cmd_run.c - p2v-sim run: one scenario, once or twice. */
#include <config.h>

#include <string.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sdk/sim/cli/become.h"
#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/folder.h"
#include "sdk/sim/cli/overlay.h"
#include "sdk/sim/cli/report.h"

/* ---- progress ---- */

struct progress {
	const char *what;
	struct timespec began;
	bool told;
};

static void progress_at(void *ctx, p2v_usec now, p2v_usec end)
{
	struct progress *p = ctx;
	struct timespec t;
	double wall, left;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	wall = (double)(t.tv_sec - p->began.tv_sec) + (double)(t.tv_nsec - p->began.tv_nsec) / 1e9;
	left = now > 0 ? wall * (double)(end - now) / (double)now : 0;
	(void)fprintf(stderr, "\r%s: %.0f of %.0f s, %.1f x, %.0f s left  ", p->what,
		(double)now / 1e6, (double)end / 1e6, (double)now / 1e6 / wall, left);
	p->told = true;
}

/* ---- one run ---- */

struct job {
	const struct p2v_args *args;
	struct p2v_scenario scenario;
	const char *folder;
	uint64_t shuffle;
	bool baseline, json;
	struct p2v_play peers, cdn;
};

static int close_all(
	const struct p2v_play_files *f, const char *folder, int rc, struct p2v_err *err)
{
	FILE *v[] = { f->series, f->nodes, f->edges, f->log };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_err why;

		if (p2v_folder_close(v[i], folder, &why) < 0 && rc >= 0) {
			*err = why;
			rc = why.code;
		}
	}
	return rc;
}

static int open_all(
	const struct job *j, bool baseline, struct p2v_play_files *f, struct p2v_err *err)
{
	memset(f, 0, sizeof *f);
	if (!j->folder)
		return P2V_OK;
	f->series = p2v_folder_open(
		j->folder, baseline ? "series-cdn.csv" : "series.csv", "w", err);
	if (f->series)
		(void)fputs(P2V_SERIES_HEAD, f->series);
	if (!f->series || baseline)
		return f->series ? P2V_OK : P2V_EIO;
	f->nodes = p2v_folder_open(j->folder, "nodes.csv", "w", err);
	f->edges = f->nodes ? p2v_folder_open(j->folder, "edges.csv", "w", err) : NULL;
	if (!f->edges)
		return P2V_EIO;
	(void)fputs(P2V_NODES_HEAD, f->nodes);
	(void)fputs(P2V_EDGES_HEAD, f->edges);
	if (p2v_args_get(j->args, "log"))
		f->log = p2v_folder_open(j->folder, "log.txt", "w", err);
	return f->log || !p2v_args_get(j->args, "log") ? P2V_OK : P2V_EIO;
}

static int play(struct job *j, bool baseline, struct p2v_play *out, struct p2v_err *err)
{
	struct progress progress = { .what = baseline ? "from the CDN" : "with peers" };
	struct p2v_play_watch watch = { &progress, progress_at };
	struct p2v_play_files files;
	int rc = open_all(j, baseline, &files, err);

	(void)clock_gettime(CLOCK_MONOTONIC, &progress.began);
	if (rc == P2V_OK)
		rc = p2v_play(&j->scenario, baseline, j->shuffle, &files,
			isatty(STDERR_FILENO) ? &watch : NULL, out, err);
	if (progress.told)
		(void)fputs("\r\x1b[K", stderr);
	return close_all(&files, j->folder, rc, err);
}

/* ---- what is told ---- */

static int write_pairs(const struct job *j, struct p2v_err *err)
{
	FILE *f;

	if (!j->peers.pairs)
		return P2V_OK;
	f = p2v_folder_open(j->folder, "nat.csv", "w", err);
	if (!f)
		return P2V_EIO;
	p2v_report_pairs(&j->peers, f);
	return p2v_folder_close(f, j->folder, err);
}

static int write_folder(const struct job *j, const struct p2v_summary *summary, struct p2v_err *err)
{
	const struct p2v_play *cdn = j->baseline ? &j->cdn : NULL;
	FILE *f = p2v_folder_open(j->folder, "viewers.csv", "w", err);
	struct p2v_text text = { 0 };
	int rc;

	if (!f)
		return P2V_EIO;
	p2v_report_viewers(&j->scenario, &j->peers, cdn, f);
	rc = p2v_folder_close(f, j->folder, err);
	if (rc == P2V_OK)
		rc = write_pairs(j, err);
	if (rc < 0)
		return rc;
	f = p2v_folder_open(j->folder, "summary.json", "w", err);
	if (!f)
		return P2V_EIO;
	p2v_summary_json(summary, &text);
	if (text.p)
		(void)fputs(text.p, f);
	p2v_text_fini(&text);
	return p2v_folder_close(f, j->folder, err);
}

static int report(const struct job *j)
{
	struct p2v_summary summary;
	struct p2v_text text = { 0 };
	struct p2v_err err;
	int code;

	p2v_report_summary(&j->scenario, &j->peers, j->baseline ? &j->cdn : NULL, &summary);
	if (j->folder && write_folder(j, &summary, &err) < 0)
		return p2v_args_failed(j->args, &err);
	if (j->json)
		p2v_summary_json(&summary, &text);
	else
		p2v_summary_print(&summary, &text);
	code = p2v_args_print(j->args, &text);
	p2v_text_fini(&text);
	return code;
}

static int do_job(struct job *j)
{
	struct p2v_err err;
	int rc = p2v_sim_become((enum p2v_fidelity)j->scenario.run->fidelity, &err);

	if (rc == P2V_OK && j->folder)
		rc = p2v_folder_make(j->folder, &err);
	if (rc == P2V_OK)
		rc = play(j, false, &j->peers, &err);
	if (rc == P2V_OK && j->baseline)
		rc = play(j, true, &j->cdn, &err);
	return rc < 0 ? p2v_args_failed(j->args, &err) : report(j);
}

/* ---- arguments ---- */

/* --seed and --peers are short for --set. @return the sets with theirs behind, to be freed */
static const char **all_sets(const struct p2v_args *args, char seed[64], char peers[64], size_t *n)
{
	const char *const *sets = p2v_args_each(args, n);
	const char **all = calloc(*n + 2, sizeof *all);
	const char *word;

	if (!all)
		return NULL;
	if (*n)
		memcpy(all, sets, *n * sizeof *all);
	if ((word = p2v_args_get(args, "peers"))) {
		(void)snprintf(peers, 64, "run.peers=%.40s", word);
		all[(*n)++] = peers;
	}
	if ((word = p2v_args_get(args, "seed"))) {
		(void)snprintf(seed, 64, "run.seed=%.40s", word);
		all[(*n)++] = seed;
	}
	return all;
}

static int take_switches(struct job *j)
{
	const char *baseline = p2v_args_get(j->args, "baseline");
	const char *shuffle = p2v_args_get(j->args, "shuffle-ties");

	j->json = p2v_args_get(j->args, "json") != NULL;
	j->folder = p2v_args_get(j->args, "out");
	j->baseline = baseline != NULL;
	if (baseline && strcmp(baseline, "cdn") != 0)
		return p2v_args_wrong(j->args, "--baseline: there is no '%s', only cdn", baseline);
	if (shuffle && (p2v_parse_u64(p2v_str_of(shuffle), 1, UINT64_MAX, &j->shuffle) < 0))
		return p2v_args_wrong(
			j->args, "--shuffle-ties: '%s' is not a number above 0", shuffle);
	if (j->folder && !*j->folder)
		return p2v_args_wrong(j->args, "--out: the folder has no name");
	if (p2v_args_get(j->args, "log") && !j->folder)
		return p2v_args_wrong(j->args, "--log: the lines go to a folder: --out DIR");
	return -1;
}

static int run(const struct p2v_args *args)
{
	struct job j = { .args = args };
	char seed[64], peers[64];
	const char **sets;
	struct p2v_err err;
	size_t n;
	int code = take_switches(&j);

	if (code >= 0)
		return code;
	sets = all_sets(args, seed, peers, &n);
	if (!sets)
		return p2v_args_failed(args, &(struct p2v_err){ P2V_ENOMEM, "no memory" });
	if (p2v_scenario_init(&j.scenario, args->operands[0], sets, n, &err) < 0)
		code = p2v_args_failed(args, &err);
	else
		code = do_job(&j);
	p2v_play_fini(&j.peers);
	p2v_play_fini(&j.cdn);
	p2v_scenario_fini(&j.scenario);
	free(sets);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "set", 's', "SECTION.KEY=VALUE",
		"Say something otherwise than the scenario does, as in select.capacity.grow=2 or "
		"'event fail.share=0.5'; may stand several times." },
	{ "seed", 0, "N", "Short for --set run.seed=N." },
	{ "peers", 'n', "N", "Short for --set run.peers=N." },
	{ "baseline", 'b', "cdn",
		"Play the same audience once more from the CDN alone, and compare viewer by viewer." },
	{ "json", 'j', NULL, "Print the summary as one JSON object." },
	{ "out", 'o', "DIR",
		"Write summary.json, series.csv, viewers.csv, nodes.csv, edges.csv, and with NAT "
		"boxes nat.csv, into a folder, which is made." },
	{ "log", 0, NULL, "Write the nodes' log lines there, too; run.log_level says which." },
	{ "shuffle-ties", 0, "SEED",
		"Run events that are due at the same microsecond in an order drawn by SEED." },
	{ NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "p2v-sim run churn --peers 40 --set run.duration=2m", "A small one to begin with." },
	{ "p2v-sim run paper --set plugins.select=random --json",
		"Another heuristic, for a program." },
	{ "p2v-sim run massfailure --baseline cdn --out result",
		"With the comparison, and files for p2v-sim plot." },
	{ NULL, NULL }
};

const struct p2v_command p2v_sim_run_command = { .name = "run",
	.operands = "SCENARIO",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Play a scenario and tell how it went",
	.about = "SCENARIO is an ini file, or the name of one that is installed. "
		 "p2v-sim --man=p2v-sim.ini.5 tells all that it can say; p2v-sim list-presets the "
		 "named inputs; p2v-sim explain what the figures mean. On a terminal a line on the "
		 "standard error tells how far it is.",
	.switches = switches,
	.many = "set",
	.examples = examples,
	.run = run };
