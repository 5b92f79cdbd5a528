/* table.c - means and confidence intervals. */
#include "sdk/sim/cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

const enum p2v_figure_id p2v_table_figures[P2V_TABLE_FIGURES] = { P2V_FIG_savings, P2V_FIG_offload,
	P2V_FIG_bound, P2V_FIG_achieved, P2V_FIG_longer_share, P2V_FIG_lower_share,
	P2V_FIG_startup_ms_p95, P2V_FIG_latency_ms_p95, P2V_FIG_wasted_share,
	P2V_FIG_overhead_share, P2V_FIG_stalled_s, P2V_FIG_speed_x };

static struct p2v_table_row *row_of(struct p2v_table *t, struct p2v_str name)
{
	struct p2v_table_row *v;

	for (size_t i = 0; i < t->n; i++)
		if (p2v_str_is(name, t->v[i].name))
			return &t->v[i];
	v = realloc(t->v, (t->n + 1) * sizeof *v);
	if (!v)
		return NULL;
	t->v = v;
	memset(&v[t->n], 0, sizeof *v);
	v[t->n].name = p2v_str_dup(name);
	return v[t->n].name ? &v[t->n++] : NULL;
}

/* Welford's update: no difference of large sums. */
static void add(struct p2v_table_row *r, size_t figure, double x)
{
	double n = (double)++r->known[figure], before = n > 1 ? r->sum[figure] / (n - 1) : 0;

	r->sum[figure] += x;
	r->squares[figure] += (x - before) * (x - r->sum[figure] / n);
}

int p2v_table_add(struct p2v_table *t, struct p2v_str name, struct p2v_str text)
{
	json_t *json = json_loadb(text.p, text.n, 0, NULL);
	struct p2v_table_row *r;
	int rc = P2V_OK;

	if (!json_is_object(json) || !json_object_get(json, "savings")) {
		json_decref(json);
		return P2V_EPARSE;
	}
	r = row_of(t, name);
	if (!r)
		rc = P2V_ENOMEM;
	else
		r->n++;
	for (size_t i = 0; r && i < P2V_TABLE_FIGURES; i++) {
		json_t *v = json_object_get(json, p2v_figures[p2v_table_figures[i]].key);

		if (json_is_number(v))
			add(r, i, json_number_value(v));
	}
	json_decref(json);
	return rc;
}

void p2v_table_fini(struct p2v_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].name);
	free(t->v);
	*t = (struct p2v_table){ NULL, 0 };
}

double p2v_table_mean(const struct p2v_table_row *r, size_t figure)
{
	return r->known[figure] ? r->sum[figure] / (double)r->known[figure] : (double)NAN;
}

/* The 97.5th percentile of Student's t with n - 1 degrees of freedom. */
static double student(size_t n)
{
	static const double t[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
		2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080,
		2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042 };

	return n - 2 < sizeof t / sizeof t[0] ? t[n - 2] : 1.96;
}

double p2v_table_half(const struct p2v_table_row *r, size_t figure)
{
	size_t n = r->known[figure];

	if (n < 2)
		return (double)NAN;
	return student(n) * sqrt(r->squares[figure] / (double)(n - 1) / (double)n);
}

void p2v_table_text(const struct p2v_table *t, struct p2v_text *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct p2v_table_row *r = &t->v[i];

		p2v_text_printf(out, "%s (%zu runs)\n", r->name, r->n);
		for (size_t k = 0; k < P2V_TABLE_FIGURES; k++) {
			const struct p2v_figure *f = &p2v_figures[p2v_table_figures[k]];
			double half = p2v_table_half(r, k);
			int places = f->unit[0] == '1' ? 4 : 1;

			if (!r->known[k])
				continue;
			p2v_text_printf(
				out, "  %-18s %12.*f", f->key, places, p2v_table_mean(r, k));
			if (!isnan(half))
				p2v_text_printf(out, " +- %.*f", places, half);
			p2v_text_printf(out, "%s%s\n", f->unit[0] == '1' ? "" : " ",
				f->unit[0] == '1' ? "" : f->unit);
		}
	}
}

static void csv_number(struct p2v_text *out, double v)
{
	if (isnan(v))
		p2v_text_puts(out, ",");
	else
		p2v_text_printf(out, ",%.6g", v);
}

void p2v_table_csv(const struct p2v_table *t, struct p2v_text *out)
{
	p2v_text_puts(out, "setting,runs");
	for (size_t k = 0; k < P2V_TABLE_FIGURES; k++)
		p2v_text_printf(out, ",%s,%s_ci95", p2v_figures[p2v_table_figures[k]].key,
			p2v_figures[p2v_table_figures[k]].key);
	p2v_text_puts(out, "\n");
	for (size_t i = 0; i < t->n; i++) {
		p2v_text_printf(out, "\"%s\",%zu", t->v[i].name, t->v[i].n);
		for (size_t k = 0; k < P2V_TABLE_FIGURES; k++) {
			csv_number(out, p2v_table_mean(&t->v[i], k));
			csv_number(out, p2v_table_half(&t->v[i], k));
		}
		p2v_text_puts(out, "\n");
	}
}
