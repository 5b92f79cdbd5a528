/* cmd_explain.c - p2v-sim explain: what a figure means. */
#include <string.h>

#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/summary.h"

static void tell(const struct p2v_figure *f, struct p2v_text *out)
{
	const char *unit = f->unit[0] == '1' ? "a number" : f->unit;

	p2v_text_printf(out, "%s%s%s%s\n", f->key, *f->unit ? " (" : "", *f->unit ? unit : "",
		*f->unit ? ")" : "");
	p2v_text_paragraphs(out, f->help, 4, 0);
}

static int unknown(const struct p2v_args *args, const char *word)
{
	const char *names[P2V_FIGURES + 1], *near;

	for (size_t i = 0; i < P2V_FIGURES; i++)
		names[i] = p2v_figures[i].key;
	names[P2V_FIGURES] = NULL;
	near = p2v_text_nearest(word, names);
	return p2v_args_wrong(args, "there is no figure '%s'%s%s%s", word,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int run(const struct p2v_args *args)
{
	struct p2v_text text = { 0 };
	size_t told = 0;
	int code;

	for (size_t i = 0; i < P2V_FIGURES; i++) {
		if (args->n == 1 && strcmp(args->operands[0], p2v_figures[i].key) != 0)
			continue;
		tell(&p2v_figures[i], &text);
		told++;
	}
	code = told ? p2v_args_print(args, &text) : unknown(args, args->operands[0]);
	p2v_text_fini(&text);
	return code;
}

static const struct p2v_example examples[] = { { "p2v-sim explain bound",
						       "What `bound` is, and how it is computed." },
	{ "p2v-sim explain", "Every figure of a summary." }, { NULL, NULL } };

const struct p2v_command p2v_sim_explain_command = { .name = "explain",
	.operands = "[METRIC]",
	.max_operands = 1,
	.summary = "Tell what a figure of the summary means",
	.about =
		"Prints what METRIC, a key of the JSON summary, is and how it is computed; without "
		"METRIC all of them.",
	.examples = examples,
	.run = run };
