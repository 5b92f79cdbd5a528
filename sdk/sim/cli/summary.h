/* summary.h - a run in figures: which there are, what they mean, and how they are printed. */
#ifndef P2V_SIM_CLI_SUMMARY_H
#define P2V_SIM_CLI_SUMMARY_H

#include "framework/base/json.h"

enum p2v_figure_type { P2V_FIGURE_COUNT, P2V_FIGURE_REAL, P2V_FIGURE_TEXT };

struct p2v_figure {
	const char *key, *unit, *help;
	enum p2v_figure_type type;
};

enum p2v_figure_id {
#define P2V_FIGURE(key, type, unit, help) P2V_FIG_##key,
#include "sdk/sim/cli/figures.def"
#undef P2V_FIGURE
	P2V_FIGURES
};

/** In the order of their ids. */
extern const struct p2v_figure p2v_figures[P2V_FIGURES];

/** A figure's value; what was not set is not known. */
struct p2v_value {
	bool known;
	uint64_t count;
	double real;
	char text[64];
};

struct p2v_summary {
	struct p2v_value v[P2V_FIGURES];
};

void p2v_summary_count(struct p2v_summary *s, enum p2v_figure_id id, uint64_t v);
/** A value that is not finite is not known. */
void p2v_summary_real(struct p2v_summary *s, enum p2v_figure_id id, double v);
void p2v_summary_text(struct p2v_summary *s, enum p2v_figure_id id, const char *v);

/** One JSON object and the line's end. */
void p2v_summary_json(const struct p2v_summary *s, struct p2v_text *out);
/** The same for people, a figure a line. */
void p2v_summary_print(const struct p2v_summary *s, struct p2v_text *out);

#endif
