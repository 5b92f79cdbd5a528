/* commands.c - what peer2view is, in words, and which commands it has: one line each. */
#include "framework/host/commands.h"

#include <string.h>

#include "framework/host/manual.h"
#include "framework/host/sections.h"

static const char about[] =
	"peer2view lets the viewers of a live HTTP stream serve each other. An agent is an HTTP proxy "
	"beside a player: it answers from its cache, from other viewers' agents and, for what is "
	"still missing when time runs out, from the CDN. A tracker introduces agents to each other. "
	"Player, encoder and CDN stay as they are.\n\n"
	"What a node does, and how, stands in one ini file; each concern is a plugin that the file "
	"chooses.";

static const struct p2v_passage passages[] = {
	{ "Exit status", "0: it did what it was asked. 1: it failed, and said why on the standard "
			 "error. 2: it was called wrongly." },
	{ "Environment",
		"P2V_PLUGIN_PATH: folders to look for plugins in, separated by colons, instead of the "
		"one that they are installed in. A set-user-ID program does not read it." },
	{ "Manual pages",
		"--man prints peer2view.1, --man=peer2view.ini.5 that of configuration files, and "
		"peer2view plugins KIND.NAME --man that of a plugin." },
	{ NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "peer2view plugins --ini > agent.ini", "Begin a configuration: every option is in it." },
	{ "peer2view check agent.ini", "See whether it is right, before anything starts." },
	{ NULL, NULL }
};

static const struct p2v_command *const commands[] = { &p2v_cmd_run, &p2v_cmd_check,
	&p2v_cmd_plugins, &p2v_cmd_status, &p2v_cmd_manifest, &p2v_cmd_authority, NULL };

static bool manual(const struct p2v_program *p, const char *page, struct p2v_text *out)
{
	if (!*page || strcmp(page, "peer2view.1") == 0)
		p2v_manual_program(p, out);
	else if (strcmp(page, "peer2view.ini.5") == 0)
		p2v_manual_ini(p, p2v_schema(), out);
	else
		return false;
	return true;
}

static const struct p2v_program program = { .name = "peer2view",
	.version = P2V_VERSION,
	.summary = "Viewers of a live HTTP stream serve each other",
	.about = about,
	.commands = commands,
	.passages = passages,
	.examples = examples,
	.manual = manual };

const struct p2v_program *p2v_peer2view(void)
{
	return &program;
}
