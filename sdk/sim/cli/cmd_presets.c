/* cmd_presets.c - p2v-sim list-presets: the named inputs, and where they come from. */
#include "sdk/sim/cli/commands.h"
#include "sdk/sim/swarm/faults.h"

static void tell(const char *option, const struct p2v_preset *v, struct p2v_text *out)
{
	p2v_text_printf(out, "%s\n", option);
	for (; v->name; v++) {
		p2v_text_printf(out, "  %s\n", v->name);
		p2v_text_paragraphs(out, v->what, 6, 0);
		p2v_text_puts(out, "      Source: ");
		p2v_text_paragraphs(out, v->source, 6, 14);
	}
	p2v_text_puts(out, "\n");
}

static int run(const struct p2v_args *args)
{
	struct p2v_text text = { 0 };
	int code;

	tell("population.upload", p2v_uploads, &text);
	tell("population.nat", p2v_nats, &text);
	tell("arrivals.law", p2v_arrival_laws, &text);
	tell("stays.law", p2v_stay_laws, &text);
	tell("event NAME.kind", p2v_fault_kinds, &text);
	code = p2v_args_print(args, &text);
	p2v_text_fini(&text);
	return code;
}

static const struct p2v_example examples[] = {
	{ "p2v-sim list-presets", "Every preset with its numbers and its source." }, { NULL, NULL }
};

const struct p2v_command p2v_sim_presets_command = { .name = "list-presets",
	.operands = "",
	.summary = "List the named inputs, each with its source",
	.about =
		"Prints the values that population.upload, population.nat, arrivals.law, stays.law "
		"and the kind of an [event NAME] can have, what each means, and where its numbers "
		"come from.",
	.examples = examples,
	.run = run };
