/* program.c - what p2v-sim is, in words, and which commands it has. */
#include <string.h>

#include "framework/host/manual.h"
#include "sdk/sim/cli/commands.h"
#include "sdk/sim/cli/scenario.h"

static const char about[] =
	"p2v-sim plays a live event in virtual time: an encoder, a CDN, a tracker, and viewers, each "
	"with a player and an agent of the same code and the same plugins as live ones. Only the "
	"world around them is made up: clocks, lines, queues, losses, people who come and go.\n\n"
	"A scenario is an ini file that asks one question. What it does not say has a default; what "
	"it says can be said otherwise with --set. The same seed gives the same run, event by event, "
	"so two heuristics can be compared on exactly the same audience.";

static const struct p2v_passage passages[] = {
	{ "Exit status", "0: it did what it was asked. 1: it failed, and said why on the standard "
			 "error. 2: it was called wrongly." },
	{ "Environment",
		"P2V_PLUGIN_PATH: folders to look for plugins in, separated by colons, instead of the "
		"one that they are installed in." },
	{ "Scenarios",
		"A scenario is a path, or the name of one that is installed: paper, flashcrowd, "
		"massfailure, churn, skewed-upload, tracker-death, encoder-restart, partition, "
		"slow-uploader, freeriders, polluters, small-swarm, single-bitrate." },
	{ "Fidelity",
		"run.fidelity = flow plays transfers as flows that share lines: in less time, and near "
		"what datagrams give. Such a run goes on in p2v-sim-flow, which lies beside "
		"p2v-sim and takes the same arguments." },
	{ "Manual pages", "--man prints p2v-sim.1, --man=p2v-sim.ini.5 that of scenario files." },
	{ NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "p2v-sim run flashcrowd --peers 50",
		"One run of an installed scenario, figures for people." },
	{ "p2v-sim run mine.ini --baseline cdn --out result --json",
		"The same audience twice, with peers and from the CDN alone; all that was measured goes "
		"to the folder result." },
	{ "p2v-sim plot result", "Pictures of that folder." },
	{ "p2v-sim sweep churn --seeds 1-5 --vary plugins.select=capacity,random --out sweep",
		"Two heuristics, five seeds each, and a table with confidence intervals." },
	{ NULL, NULL }
};

static const struct p2v_command *const commands[] = { &p2v_sim_run_command, &p2v_sim_plot_command,
	&p2v_sim_sweep_command, &p2v_sim_presets_command, &p2v_sim_explain_command, NULL };

static bool manual(const struct p2v_program *p, const char *page, struct p2v_text *out)
{
	if (!*page || strcmp(page, "p2v-sim.1") == 0)
		p2v_manual_program(p, out);
	else if (strcmp(page, "p2v-sim.ini.5") == 0)
		p2v_manual_ini(p, p2v_scenario_schema(), out);
	else
		return false;
	return true;
}

static const struct p2v_program program = { .name = "p2v-sim",
	.version = P2V_VERSION,
	.summary = "A live event with thousands of viewers in virtual time",
	.about = about,
	.commands = commands,
	.passages = passages,
	.examples = examples,
	.manual = manual };

const struct p2v_program *p2v_sim_program(void)
{
	return &program;
}
