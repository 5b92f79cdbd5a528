/* cmd_check.c - peer2view check: is a configuration right? */
#include "framework/host/commands.h"

#include <string.h>

#include "framework/base/policy.h"
#include "framework/host/role.h"
#include "framework/host/roles.h"
#include "framework/host/setup.h"

static void tell_choices(const struct p2v_config *c, struct p2v_text *out)
{
	for (const char *const *kind = p2v_kind_names(); *kind; kind++) {
		size_t n;
		const struct p2v_choice *v = p2v_config_choices(c, p2v_kind_of(*kind), &n);

		for (size_t i = 0; i < n; i++)
			p2v_text_printf(out, " %s.%s", *kind, v[i].plugin->name);
	}
}

static int run(const struct p2v_args *args)
{
	const char *file = args->operands[0];
	struct p2v_setup setup;
	const struct p2v_role *role;
	struct p2v_text text = { 0 };
	struct p2v_err err;
	int code;

	if (p2v_setup_init(&setup, file, &err) < 0)
		return p2v_args_failed(args, &err);
	role = p2v_role_of(p2v_roles(), setup.config, &err);
	if (!role || role->check(setup.config, &err) < 0) {
		p2v_setup_fini(&setup);
		return p2v_args_failed(args, &err);
	}
	p2v_text_printf(
		&text, "%s: right: role %s, plugins", file, p2v_config_role_name(setup.config));
	tell_choices(setup.config, &text);
	p2v_text_puts(&text, "\n");
	code = p2v_args_print(args, &text);
	p2v_text_fini(&text);
	p2v_setup_fini(&setup);
	return code;
}

static const struct p2v_example examples[] = {
	{ "peer2view check /etc/peer2view/agent.ini",
		"Prints one line when all is right. Else it prints the first thing that is wrong, as "
		"FILE:LINE: WHAT, and exits with 1." },
	{ NULL, NULL }
};

const struct p2v_command p2v_cmd_check = { .name = "check",
	.operands = "FILE.ini",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Check a configuration without starting anything",
	.about =
		"Reads the file as the command run would, loads the plugins that it chooses, and "
		"binds every option; reads certificates and keys; and puts the node together as far as "
		"that goes without the network. Nothing is opened there, and nothing is written.",
	.examples = examples,
	.run = run };
