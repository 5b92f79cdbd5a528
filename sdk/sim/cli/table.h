/* table.h - results of many runs gathered: for each setting the mean of each figure and its 95 %
 * confidence interval. */
#ifndef P2V_SIM_CLI_TABLE_H
#define P2V_SIM_CLI_TABLE_H

#include "framework/base/text.h"
#include "sdk/sim/cli/summary.h"

/** Figures that a table has. */
extern const enum p2v_figure_id p2v_table_figures[];
enum { P2V_TABLE_FIGURES = 12 };

/** Runs of one setting. */
struct p2v_table_row {
	char *name;
	size_t n;                        /* runs */
	size_t known[P2V_TABLE_FIGURES]; /* of them with this figure */
	double sum[P2V_TABLE_FIGURES],
		squares[P2V_TABLE_FIGURES]; /* squares: of distances to the mean */
};

struct p2v_table {
	struct p2v_table_row *v; /* shape (n) */
	size_t n;
};

/** Take a run's summary, as p2v-sim run --json prints it.
 * @param name  [in] of its setting
 * @return P2V_OK; P2V_EPARSE: that is none; P2V_ENOMEM */
P2V_MUST_USE int p2v_table_add(struct p2v_table *t, struct p2v_str name, struct p2v_str json);
void p2v_table_fini(struct p2v_table *t);

/** @return the mean of a figure; NaN: not known */
double p2v_table_mean(const struct p2v_table_row *r, size_t figure);
/** @return half the width of its 95 % confidence interval by Student's t; NaN: less than two runs
 */
double p2v_table_half(const struct p2v_table_row *r, size_t figure);

/** For people. */
void p2v_table_text(const struct p2v_table *t, struct p2v_text *out);
/** For programs: setting, runs, and for each figure its mean and half width. */
void p2v_table_csv(const struct p2v_table *t, struct p2v_text *out);

#endif
