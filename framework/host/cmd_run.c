/* cmd_run.c - peer2view run: a node in the foreground. */
#include "framework/host/commands.h"

#include "framework/host/role.h"
#include "framework/host/roles.h"

static int run(const struct p2v_args *args)
{
	struct p2v_err err;

	if (p2v_run(p2v_roles(), args->operands[0], &err) < 0)
		return p2v_args_failed(args, &err);
	return P2V_EXIT_OK;
}

static const struct p2v_example examples[] = {
	{ "peer2view run agent.ini", "An agent, or a tracker: the file says which." },
	{ "peer2view check agent.ini && kill -HUP PID",
		"Put what may change at run time into effect. What may not is named in the log, and "
		"waits for a restart." },
	{ NULL, NULL }
};

const struct p2v_command p2v_cmd_run = { .name = "run",
	.operands = "FILE.ini",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Run an agent or a tracker",
	.about =
		"Stays in the foreground and logs to the standard error; the line event=ready says "
		"that it serves.\n\nSIGTERM and SIGINT let it finish what is under way and end with "
		"status 0; a second one ends it at once. SIGHUP reads the file again: all of it, or, "
		"when anything in it is wrong, nothing.",
	.examples = examples,
	.run = run };
