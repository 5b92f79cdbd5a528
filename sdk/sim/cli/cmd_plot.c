/* cmd_plot.c - p2v-sim plot: pictures of a result, drawn by gnuplot. The script stays in the
 * folder, so that it can be changed and run again. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/folder.h"

/* ---- over time ---- */

static void panel(FILE *f, bool cdn, const char *title, const char *column, const char *scale)
{
	(void)fprintf(f,
		"set ylabel '%s'\nplot 'series.csv' using 1:(column('%s')%s) with lines "
		"lw 2 lc rgb '#1b6ca8' title 'with peers'",
		title, column, scale);
	if (cdn)
		(void)fprintf(f,
			", 'series-cdn.csv' using 1:(column('%s')%s) with lines lw 1 lc rgb "
			"'#c1440e' title 'from the CDN alone'",
			column, scale);
	(void)fputs("\n", f);
}

static void script_series(FILE *f, bool cdn)
{
	(void)fputs("set output 'series.svg'\nset multiplot layout 2,2\nset xlabel 'time [s]'\n"
		    "set key bottom right\nset yrange [0:1]\n",
		f);
	panel(f, false, "savings", "savings", "");
	panel(f, cdn, "viewers that wait", "buffering", "");
	(void)fputs("set yrange [0:*]\n", f);
	panel(f, cdn, "bit rate [kbit/s]", "bitrate_bps", "/1e3");
	panel(f, cdn, "CDN load [Mbit/s]", "cdn_bps", "/1e6");
	(void)fputs("unset multiplot\nunset yrange\nset key default\n", f);
}

/* ---- viewers ---- */

static void cdf(FILE *f, bool cdn, const char *title, const char *column, const char *scale)
{
	(void)fprintf(f,
		"set xlabel '%s'\nplot 'viewers.csv' using (column('%s')%s):(1) smooth cnormal "
		"with steps lw 2 lc rgb '#1b6ca8' title 'with peers'",
		title, column, scale);
	if (cdn)
		(void)fprintf(f,
			", 'viewers.csv' using (column('%s_cdn')%s):(1) smooth cnormal with steps "
			"lw 1 lc rgb '#c1440e' title 'from the CDN alone'",
			column, scale);
	(void)fputs("\n", f);
}

static void script_viewers(FILE *f, bool cdn)
{
	(void)fputs(
		"set output 'viewers.svg'\nset multiplot layout 2,2\n"
		"set ylabel 'part of the viewers'\nset xrange [0:*]\nset yrange [0:1]\nset key bottom right\n",
		f);
	cdf(f, cdn, "start-up [s]", "startup_ms", "/1e3");
	cdf(f, cdn, "start-up and stalls [s]", "buffering_ms", "/1e3");
	cdf(f, cdn, "mean bit rate [kbit/s]", "bitrate_bps", "/1e3");
	cdf(f, cdn, "live latency [s]", "latency_ms", "/1e3");
	(void)fputs("unset multiplot\nunset xrange\nunset yrange\nset key default\n", f);
}

/* ---- the overlay ---- */

struct node {
	double t, upload;
	size_t viewer;
	unsigned hops;
	bool known; /* hops are */
};

struct edge {
	double t;
	size_t a, b;
	double rate;
};

/* Lines of the last snapshot. @return how many; v is NULL only where there are none */
static size_t read_nodes(FILE *f, struct node **v)
{
	char line[256], hops[32];
	size_t n = 0;

	*v = NULL;
	while (fgets(line, sizeof line, f)) {
		struct node k = { 0 }, *more;
		unsigned long long upload;

		hops[0] = 0;
		if (sscanf(line, "%lf,%zu,%llu,%31[0-9]", &k.t, &k.viewer, &upload, hops) < 3)
			continue;
		k.upload = (double)upload;
		k.known = *hops != 0;
		k.hops = (unsigned)strtoul(hops, NULL, 10);
		if (n && k.t > (*v)[0].t)
			n = 0;
		more = n % 256 == 0 ? realloc(*v, (n + 256) * sizeof k) : *v;
		if (!more)
			break;
		*v = more;
		(*v)[n++] = k;
	}
	return n;
}

/* A ring for each distance from the source; on it viewers in the order of their numbers. */
static void place(const struct node *v, size_t n, size_t i, double *radius, double *turn)
{
	size_t before = 0, all = 0;

	for (size_t k = 0; k < n; k++) {
		if (v[k].known != v[i].known || v[k].hops != v[i].hops)
			continue;
		all++;
		before += k < i;
	}
	*radius = v[i].known ? v[i].hops + 1 : 0.5;
	*turn = (double)before / (double)all;
}

static const struct node *find(const struct node *v, size_t n, size_t viewer, size_t *at)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].viewer == viewer) {
			*at = i;
			return &v[i];
		}
	return NULL;
}

static void put_edge(const struct node *v, size_t n, const struct edge *e, FILE *out)
{
	size_t a, b;
	double r, turn;

	if (e->rate <= 0 || !find(v, n, e->a, &a) || !find(v, n, e->b, &b))
		return;
	place(v, n, a, &r, &turn);
	(void)fprintf(out, "%g %g\n", r, turn);
	place(v, n, b, &r, &turn);
	(void)fprintf(out, "%g %g\n\n", r, turn);
}

static void draw_data(const struct node *v, size_t n, FILE *edges, FILE *nodes_out, FILE *edges_out)
{
	char line[256];

	for (size_t i = 0; i < n; i++) {
		double r, turn;

		place(v, n, i, &r, &turn);
		(void)fprintf(nodes_out, "%g %g %g\n", r, turn, v[i].upload / 1e6);
	}
	while (fgets(line, sizeof line, edges)) {
		struct edge e;

		if (sscanf(line, "%lf,%zu,%zu,%lf", &e.t, &e.a, &e.b, &e.rate) == 4 && n &&
			e.t >= v[0].t)
			put_edge(v, n, &e, edges_out);
	}
}

static int write_overlay(const char *folder, struct p2v_err *err)
{
	FILE *in[2] = { p2v_folder_open(folder, "nodes.csv", "r", err), NULL };
	FILE *out[2] = { NULL, NULL };
	struct node *v = NULL;
	size_t n;
	int rc = P2V_EIO;

	if (in[0])
		in[1] = p2v_folder_open(folder, "edges.csv", "r", err);
	if (in[1])
		out[0] = p2v_folder_open(folder, "overlay-nodes.dat", "w", err);
	if (out[0])
		out[1] = p2v_folder_open(folder, "overlay-edges.dat", "w", err);
	if (out[1]) {
		n = read_nodes(in[0], &v);
		draw_data(v, n, in[1], out[0], out[1]);
		rc = P2V_OK;
	}
	free(v);
	for (size_t i = 0; i < 2; i++) {
		if (in[i])
			(void)fclose(in[i]);
		if (p2v_folder_close(out[i], folder, err) < 0)
			rc = P2V_EIO;
	}
	return rc;
}

static void script_overlay(FILE *f)
{
	(void)fputs("set output 'overlay.svg'\nset size square\nunset border\nunset tics\n"
		    "unset xlabel\nunset ylabel\nset key outside bottom\n"
		    "set title 'distance from the CDN (rings) and upload (size, colour)'\n"
		    "set logscale cb\nset cblabel 'upload [Mbit/s]'\nset cbrange [0.1:*]\n"
		    "x(r,t) = r*cos(2*pi*t)\ny(r,t) = r*sin(2*pi*t)\n"
		    "set datafile separator whitespace\n"
		    "plot 'overlay-edges.dat' using (x($1,$2)):(y($1,$2)) with lines lw 0.3 lc rgb "
		    "'#c0c0c0' title 'delivers to', 'overlay-nodes.dat' using "
		    "(x($1,$2)):(y($1,$2)):(0.6+0.6*log10(1+$3*10)):($3>0.1?$3:0.1) with points pt "
		    "7 ps variable lc palette title 'viewer'\n",
		f);
}

/* ---- the command ---- */

static bool exists(const char *folder, const char *name)
{
	struct p2v_err err;
	FILE *f = p2v_folder_open(folder, name, "r", &err);

	if (f)
		(void)fclose(f);
	return f != NULL;
}

static int write_script(const char *folder, const char *terminal, struct p2v_err *err)
{
	bool cdn = exists(folder, "series-cdn.csv");
	FILE *f = p2v_folder_open(folder, "plot.gp", "w", err);

	if (!f)
		return P2V_EIO;
	(void)fprintf(f,
		"cd '%s'\nset terminal %s size 1000,700\nset datafile separator ','\n"
		"set datafile missing ''\nset grid\n",
		folder, terminal);
	script_series(f, cdn);
	script_viewers(f, cdn);
	script_overlay(f);
	return p2v_folder_close(f, folder, err);
}

static int run(const struct p2v_args *args)
{
	const char *folder = args->operands[0];
	const char *const argv[] = { "gnuplot", "plot.gp", NULL };
	struct p2v_text path = { 0 };
	struct p2v_err err;
	int rc;

	if (strchr(folder, '\''))
		return p2v_args_wrong(args, "'%s': a quote in the folder's name", folder);
	if (!exists(folder, "series.csv") || !exists(folder, "viewers.csv"))
		return p2v_args_failed(
			args, &(struct p2v_err){ P2V_ENOENT,
				      "that is no folder that p2v-sim run --out wrote: "
				      "series.csv or viewers.csv is missing" });
	rc = write_overlay(folder, &err);
	if (rc == P2V_OK)
		rc = write_script(folder, "svg", &err);
	if (rc < 0)
		return p2v_args_failed(args, &err);
	p2v_text_printf(&path, "%s/plot.gp", folder);
	rc = path.oom ? p2v_fail(&err, P2V_ENOMEM, "no memory")
		      : p2v_folder_run(
				(const char *const[]){ argv[0], path.p, NULL }, NULL, NULL, &err);
	p2v_text_fini(&path);
	if (rc > 0)
		rc = p2v_fail(&err, P2V_EIO, "gnuplot failed; its script is %s/plot.gp", folder);
	return rc < 0 ? p2v_args_failed(args, &err) : P2V_EXIT_OK;
}

static const struct p2v_example examples[] = {
	{ "p2v-sim run churn --baseline cdn --out result && p2v-sim plot result",
		"A result and its pictures: series.svg, viewers.svg, overlay.svg." },
	{ NULL, NULL }
};

const struct p2v_command p2v_sim_plot_command = { .name = "plot",
	.operands = "DIR",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Draw a result",
	.about =
		"DIR is a folder that p2v-sim run --out wrote. Draws, with gnuplot, series.svg (savings, "
		"viewers that wait, bit rate, CDN load over time), viewers.svg (how start-up, waiting, "
		"bit rate and latency are distributed over the viewers, beside the run from the CDN "
		"alone where there is one) and overlay.svg (who delivers to whom at the last "
		"snapshot: distance from the CDN as rings, upload as size and colour). The script is "
		"left there as plot.gp.",
	.examples = examples,
	.run = run };
