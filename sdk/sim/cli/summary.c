/* summary.c - figures of a run, printed. */
#include "sdk/sim/cli/summary.h"

#include <math.h>
#include <stdio.h>

const struct p2v_figure p2v_figures[P2V_FIGURES] = {
#define P2V_FIGURE(key, type, unit, help) { #key, unit, help, P2V_FIGURE_##type },
#include "sdk/sim/cli/figures.def"
#undef P2V_FIGURE
};

void p2v_summary_count(struct p2v_summary *s, enum p2v_figure_id id, uint64_t v)
{
	s->v[id].known = true;
	s->v[id].count = v;
}

void p2v_summary_real(struct p2v_summary *s, enum p2v_figure_id id, double v)
{
	s->v[id].known = isfinite(v);
	s->v[id].real = v;
}

void p2v_summary_text(struct p2v_summary *s, enum p2v_figure_id id, const char *v)
{
	s->v[id].known = true;
	(void)snprintf(s->v[id].text, sizeof s->v[id].text, "%s", v);
}

/* Shares with six places, times and rates with three. */
static int decimals(const struct p2v_figure *f)
{
	return f->unit[0] == '1' ? 6 : 3;
}

void p2v_summary_json(const struct p2v_summary *s, struct p2v_text *out)
{
	struct p2v_json j = { .out = out };

	p2v_json_open(&j, NULL, '{');
	for (size_t i = 0; i < P2V_FIGURES; i++) {
		const struct p2v_figure *f = &p2v_figures[i];
		const struct p2v_value *v = &s->v[i];

		if (!v->known)
			p2v_json_real(&j, f->key, (double)NAN, 0);
		else if (f->type == P2V_FIGURE_COUNT)
			p2v_json_u64(&j, f->key, v->count);
		else if (f->type == P2V_FIGURE_REAL)
			p2v_json_real(&j, f->key, v->real, decimals(f));
		else
			p2v_json_text(&j, f->key, v->text);
	}
	p2v_json_close(&j, '}');
	p2v_text_puts(out, "\n");
}

void p2v_summary_print(const struct p2v_summary *s, struct p2v_text *out)
{
	for (size_t i = 0; i < P2V_FIGURES; i++) {
		const struct p2v_figure *f = &p2v_figures[i];
		const struct p2v_value *v = &s->v[i];
		const char *unit = f->unit[0] == '1' ? "" : f->unit;

		if (!v->known)
			continue;
		p2v_text_printf(out, "%-20s ", f->key);
		if (f->type == P2V_FIGURE_COUNT)
			p2v_text_printf(out, "%llu", (unsigned long long)v->count);
		else if (f->type == P2V_FIGURE_REAL)
			p2v_text_printf(out, "%.*f", f->unit[0] == '1' ? 4 : 1, v->real);
		else
			p2v_text_puts(out, v->text);
		p2v_text_printf(out, "%s%s\n", *unit ? " " : "", unit);
	}
}
