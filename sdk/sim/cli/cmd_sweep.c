/* cmd_sweep.c - p2v-sim sweep: a grid of scenarios, settings and seeds as jobs of GNU parallel, and
 * one table of what came out. */
#include <config.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/folder.h"
#include "sdk/sim/cli/scenario.h"
#include "sdk/sim/cli/table.h"

enum { VARIED_MAX = 8, VALUES_MAX = 32, JOBS_MAX = 100000 };
#define RESULTS "results.tsv" /* a line a job that is done: setting, seed, summary */

/** One dimension of the grid: a key and its values. */
struct varied {
	struct p2v_str key, values[VALUES_MAX];
	size_t n;
};

struct sweep {
	const struct p2v_args *args;
	const char *folder;
	uint64_t first, last; /* seeds */
	struct varied varied[VARIED_MAX];
	size_t n_varied;
	struct p2v_text asked; /* a line a job: setting, seed */
	struct p2v_text done;  /* results.tsv as it was */
	size_t jobs, left;
};

/* ---- what is wanted ---- */

static int take_seeds(struct sweep *s)
{
	const char *text = p2v_args_get(s->args, "seeds");
	struct p2v_str rest = p2v_str_of(text ? text : "1-3"), word;

	if (p2v_str_split(&rest, '-', &word) &&
		p2v_parse_u64(word, 0, 1000000000, &s->first) == 0) {
		s->last = s->first;
		if (rest.n == 0 || p2v_parse_u64(rest, s->first, s->first + 9999, &s->last) == 0)
			return -1;
	}
	return p2v_args_wrong(
		s->args, "--seeds: '%s' is not a range of at most 10000 (like 1-5)", text);
}

static int take_varied(struct sweep *s, const char *text)
{
	struct varied *v = &s->varied[s->n_varied];
	struct p2v_str rest = p2v_str_of(text), word;

	if (s->n_varied == VARIED_MAX)
		return p2v_args_wrong(s->args, "--vary: more than %d of them", VARIED_MAX);
	if (!strchr(text, '=') || !p2v_str_split(&rest, '=', &v->key) || !v->key.n)
		return p2v_args_wrong(s->args, "--vary: '%s' is not SECTION.KEY=VALUE,VALUE", text);
	for (; p2v_str_split(&rest, ',', &word); v->n++) {
		if (v->n == VALUES_MAX)
			return p2v_args_wrong(s->args, "--vary: more than %d values", VALUES_MAX);
		v->values[v->n] = p2v_str_trim(word);
	}
	s->n_varied++;
	return -1;
}

static int take_switches(struct sweep *s)
{
	const char *const *vary;
	size_t n;
	int code = take_seeds(s);

	vary = p2v_args_each(s->args, &n);
	for (size_t i = 0; code < 0 && i < n; i++)
		code = take_varied(s, vary[i]);
	s->folder = p2v_args_get(s->args, "out");
	if (code < 0 && (!s->folder || !*s->folder))
		return p2v_args_wrong(s->args, "it needs --out DIR, where results are gathered");
	return code;
}

/* ---- jobs ---- */

/* A word as a shell takes it. */
static void quoted(struct p2v_text *out, struct p2v_str s)
{
	p2v_text_puts(out, "'");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			p2v_text_puts(out, "'\\''");
		else
			p2v_text_add(out, &s.p[i], 1);
	}
	p2v_text_puts(out, "'");
}

/* "churn plugins.select=random" */
static void name_setting(
	const struct sweep *s, const char *scenario, const size_t *at, struct p2v_text *out)
{
	const char *base = strrchr(scenario, '/');

	p2v_text_puts(out, base ? base + 1 : scenario);
	for (size_t i = 0; i < s->n_varied; i++)
		p2v_text_printf(out, " %.*s=%.*s", P2V_STR(s->varied[i].key),
			P2V_STR(s->varied[i].values[at[i]]));
}

static bool is_done(const struct sweep *s, const char *prefix)
{
	struct p2v_str rest = { s->done.p ? s->done.p : "", s->done.n }, line;

	while (p2v_str_split(&rest, '\n', &line))
		if (p2v_str_starts(line, prefix) && line.p[line.n - 1] == '}')
			return true;
	return false;
}

static void put_job(struct sweep *s, const char *program, const char *scenario, const size_t *at,
	uint64_t seed, struct p2v_text *out)
{
	struct p2v_text name = { 0 }, set = { 0 };
	const char *baseline = p2v_args_get(s->args, "baseline");

	name_setting(s, scenario, at, &name);
	p2v_text_printf(&name, "\t%llu\t", (unsigned long long)seed);
	s->jobs++;
	p2v_text_printf(&s->asked, "\n%s", name.p ? name.p : "");
	if (name.p && !is_done(s, name.p)) {
		s->left++;
		p2v_text_puts(out, "printf '%s' ");
		quoted(out, (struct p2v_str){ name.p, name.n });
		p2v_text_puts(out, "; ");
		quoted(out, p2v_str_of(program));
		p2v_text_puts(out, " run --json ");
		if (baseline)
			p2v_text_printf(out, "--baseline cdn ");
		for (size_t i = 0; i < s->n_varied; i++) {
			p2v_text_printf(&set, "%.*s=%.*s", P2V_STR(s->varied[i].key),
				P2V_STR(s->varied[i].values[at[i]]));
			p2v_text_puts(out, "--set ");
			quoted(out, (struct p2v_str){ set.p, set.n });
			p2v_text_puts(out, " ");
			set.n = 0;
		}
		p2v_text_printf(out, "--seed %llu ", (unsigned long long)seed);
		quoted(out, p2v_str_of(scenario));
		p2v_text_puts(out, " || echo\n"); /* a job that failed ends its line, too */
	}
	out->oom |= name.oom || set.oom;
	p2v_text_fini(&name);
	p2v_text_fini(&set);
}

/* All values of all dimensions, for one scenario. */
static void put_grid(
	struct sweep *s, const char *program, const char *scenario, struct p2v_text *out)
{
	size_t at[VARIED_MAX] = { 0 }, i;

	do {
		for (uint64_t seed = s->first; seed <= s->last && s->jobs < JOBS_MAX; seed++)
			put_job(s, program, scenario, at, seed, out);
		for (i = 0; i < s->n_varied && ++at[i] == s->varied[i].n; i++)
			at[i] = 0;
	} while (i < s->n_varied);
}

/* ---- files ---- */

static int read_done(struct sweep *s, struct p2v_text *out, struct p2v_err *err)
{
	char path[1024], block[65536];
	FILE *f;
	size_t n;

	out->n = 0;
	(void)snprintf(path, sizeof path, "%s/" RESULTS, s->folder);
	if (access(path, F_OK) != 0)
		return P2V_OK;
	f = p2v_folder_open(s->folder, RESULTS, "r", err);
	if (!f)
		return P2V_EIO;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		p2v_text_add(out, block, n);
	(void)fclose(f);
	return out->oom ? p2v_fail(err, P2V_ENOMEM, "no memory for results") : P2V_OK;
}

static int write_file(
	const struct sweep *s, const char *name, const struct p2v_text *text, struct p2v_err *err)
{
	FILE *f = text->oom ? NULL : p2v_folder_open(s->folder, name, "w", err);

	if (text->oom)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	if (!f)
		return P2V_EIO;
	if (text->n)
		(void)fwrite(text->p, 1, text->n, f);
	return p2v_folder_close(f, s->folder, err);
}

/* ---- running ---- */

/* This program, as others start it. */
static const char *own_path(const struct p2v_args *args, char out[PATH_MAX])
{
	ssize_t n;

	if (p2v_args_get(args, "sshlogin")) /* elsewhere it is where it is there */
		return "p2v-sim";
	n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	if (n <= 0)
		return "p2v-sim";
	out[n] = 0;
	return out;
}

static int run_jobs(const struct sweep *s, struct p2v_err *err)
{
	const char *jobs = p2v_args_get(s->args, "jobs"), *ssh = p2v_args_get(s->args, "sshlogin");
	const char *argv[12] = { "parallel", "--will-cite" };
	char in[1024], out[1024];
	size_t n = 2;
	int rc;

	if (jobs) {
		argv[n++] = "--jobs";
		argv[n++] = jobs;
	}
	if (ssh) {
		argv[n++] = "--sshlogin";
		argv[n++] = ssh;
	}
	if (isatty(STDERR_FILENO))
		argv[n++] = "--eta";
	argv[n] = NULL;
	(void)snprintf(in, sizeof in, "%s/jobs.txt", s->folder);
	(void)snprintf(out, sizeof out, "%s/" RESULTS, s->folder);
	rc = p2v_folder_run(argv, in, out, err);
	if (rc == P2V_ENOENT)
		return p2v_fail(err, rc, "GNU parallel is not installed");
	return rc < 0 ? rc : P2V_OK; /* what failed is seen in the results */
}

static int plan(struct sweep *s, struct p2v_err *err)
{
	struct p2v_text text = { 0 };
	char own[PATH_MAX];
	const char *program = own_path(s->args, own);
	int rc = read_done(s, &s->done, err);

	for (unsigned i = 0; rc == P2V_OK && i < s->args->n; i++)
		put_grid(s, program, s->args->operands[i], &text);
	if (rc == P2V_OK && s->jobs >= JOBS_MAX)
		rc = p2v_fail(err, P2V_ELIMIT, "more than %d jobs", JOBS_MAX);
	if (rc == P2V_OK)
		rc = write_file(s, "jobs.txt", &text, err);
	p2v_text_fini(&text);
	return rc;
}

/* ---- the table ---- */

/* Only what this sweep asks for: the folder may hold more. */
static int gather(struct sweep *s, struct p2v_table *t, size_t *good, struct p2v_err *err)
{
	struct p2v_str rest, line, name, seed;
	char prefix[1024];
	int rc = read_done(s, &s->done, err);

	*good = 0;
	rest = (struct p2v_str){ s->done.p ? s->done.p : "", s->done.n };
	while (rc == P2V_OK && p2v_str_split(&rest, '\n', &line)) {
		if (!p2v_str_split(&line, '\t', &name) || !p2v_str_split(&line, '\t', &seed))
			continue;
		(void)snprintf(
			prefix, sizeof prefix, "\n%.*s\t%.*s\t", P2V_STR(name), P2V_STR(seed));
		if (!s->asked.p || !strstr(s->asked.p, prefix))
			continue;
		rc = p2v_table_add(t, name, line);
		if (rc == P2V_OK)
			++*good;
		rc = rc == P2V_EPARSE ? P2V_OK : rc;
	}
	return rc == P2V_ENOMEM ? p2v_fail(err, rc, "no memory for the table") : rc;
}

static void script(const struct p2v_table *t, const char *folder, struct p2v_text *out)
{
	p2v_text_printf(out,
		"cd '%s'\nset terminal svg size 1000,%zu\nset output 'sweep.svg'\n"
		"set style data histogram\nset style histogram errorbars gap 2 lw 1\n"
		"set style fill solid 0.6\nset yrange [0:1]\nset xtics rotate by -30\nset grid y\n"
		"set key outside top\n$d << EOD\n",
		folder, 400 + 10 * t->n);
	for (size_t i = 0; i < t->n; i++) {
		p2v_text_printf(out, "\"%s\"", t->v[i].name);
		for (size_t k = 0; k < 3; k++) { /* savings, offload, bound */
			double half = p2v_table_half(&t->v[i], k);

			p2v_text_printf(out, " %.6f %.6f", p2v_table_mean(&t->v[i], k),
				isnan(half) ? 0 : half);
		}
		p2v_text_puts(out, "\n");
	}
	p2v_text_puts(out, "EOD\nplot $d using 2:3:xtic(1) title 'savings', '' using 4:5 title "
			   "'offload', '' using 6:7 title 'bound'\n");
}

static int draw(const struct sweep *s, const struct p2v_table *t, struct p2v_err *err)
{
	struct p2v_text text = { 0 };
	char path[1024];
	int rc;

	script(t, s->folder, &text);
	rc = write_file(s, "plot.gp", &text, err);
	p2v_text_fini(&text);
	(void)snprintf(path, sizeof path, "%s/plot.gp", s->folder);
	if (rc == P2V_OK)
		rc = p2v_folder_run(
			(const char *const[]){ "gnuplot", path, NULL }, NULL, NULL, err);
	if (rc == P2V_ENOENT) {
		(void)fprintf(stderr, "p2v-sim: no picture: gnuplot is not installed\n");
		return P2V_OK;
	}
	return rc > 0 ? p2v_fail(err, P2V_EIO, "gnuplot failed; its script is %s", path) : rc;
}

static int tell(struct sweep *s)
{
	struct p2v_table t = { NULL, 0 };
	struct p2v_text text = { 0 };
	struct p2v_err err;
	size_t good;
	int rc = gather(s, &t, &good, &err), code = P2V_EXIT_FAILED;

	if (rc == P2V_OK) {
		p2v_table_csv(&t, &text);
		rc = write_file(s, "table.csv", &text, &err);
		text.n = 0;
	}
	if (rc == P2V_OK && good && !strchr(s->folder, '\''))
		rc = draw(s, &t, &err);
	if (rc < 0) {
		code = p2v_args_failed(s->args, &err);
	} else {
		p2v_table_text(&t, &text);
		code = p2v_args_print(s->args, &text);
	}
	if (rc == P2V_OK && good < s->jobs) {
		(void)fprintf(stderr,
			"p2v-sim: %zu of %zu runs failed; the same command runs them again\n",
			s->jobs - good, s->jobs);
		code = P2V_EXIT_FAILED;
	}
	p2v_text_fini(&text);
	p2v_table_fini(&t);
	return code;
}

static int check_scenarios(const struct p2v_args *args)
{
	char path[1024];

	for (unsigned i = 0; i < args->n; i++)
		if (!p2v_scenario_find(args->operands[i], path, sizeof path))
			return p2v_args_wrong(args, "there is no scenario '%s'", args->operands[i]);
	return -1;
}

static int run(const struct p2v_args *args)
{
	struct sweep s = { .args = args };
	struct p2v_err err;
	int code = take_switches(&s), rc;

	if (code < 0)
		code = check_scenarios(args);
	if (code >= 0)
		return code;
	rc = p2v_folder_make(s.folder, &err);
	if (rc == P2V_OK)
		rc = plan(&s, &err);
	if (rc == P2V_OK && s.left)
		rc = run_jobs(&s, &err);
	code = rc < 0 ? p2v_args_failed(args, &err) : tell(&s);
	p2v_text_fini(&s.asked);
	p2v_text_fini(&s.done);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "seeds", 0, "A-B", "Seeds of the runs of each setting; 1-3 where it is not given." },
	{ "vary", 'v', "SECTION.KEY=VALUE,VALUE",
		"A dimension of the grid: each of these values in turn; may stand several times. One "
		"value is what --set is for run." },
	{ "baseline", 'b', "cdn",
		"Each run also from the CDN alone, for the figures that compare." },
	{ "out", 'o', "DIR",
		"Where results are gathered: results.tsv, table.csv, sweep.svg. What is there already "
		"is not run again." },
	{ "jobs", 'J', "N",
		"Runs at a time on each machine, as GNU parallel takes it; by default one "
		"a processor core." },
	{ "sshlogin", 'S', "LIST",
		"Machines to run on, as GNU parallel takes it; p2v-sim is in their PATH, and scenario "
		"files have the same paths there." },
	{ NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "p2v-sim sweep churn paper --vary plugins.select=capacity,random --seeds 1-5 --out s",
		"Two scenarios, two heuristics, five seeds: twenty runs." },
	{ "p2v-sim sweep paper --vary population.upload=modern,clive -S a,b,: --out s",
		"On the machines a, b and this one." },
	{ NULL, NULL }
};

const struct p2v_command p2v_sim_sweep_command = { .name = "sweep",
	.operands = "SCENARIO...",
	.min_operands = 1,
	.max_operands = 1000,
	.summary = "Run a grid of scenarios, settings and seeds, and gather one table",
	.about =
		"Each run is a process of its own, started by GNU parallel. A sweep that was "
		"interrupted goes on where it was when it is called again in the same way. The table "
		"has, for each setting, the mean over the seeds and the 95 % confidence interval by "
		"Student's t.",
	.switches = switches,
	.many = "vary",
	.examples = examples,
	.run = run };
