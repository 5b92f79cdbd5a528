/* cmd_authority.c - peer2view authority: the certificate authority that peers trust. */
#include "framework/host/commands.h"

#include <string.h>

#include "framework/host/authority.h"

#define DAYS_MAX 36500u

static int run(const struct p2v_args *args)
{
	static const char *const verbs[] = { "init", NULL };
	const char *verb = args->operands[0], *days = p2v_args_get(args, "days");
	const char *name = p2v_args_get(args, "name");
	const char *near = p2v_text_nearest(verb, verbs);
	struct p2v_authority_wish wish = { args->n > 1 ? args->operands[1] : "",
		name ? name : "peer2view", 3650 };
	struct p2v_text text = { 0 };
	struct p2v_err err;
	uint64_t n;
	int code;

	if (strcmp(verb, "init") != 0)
		return p2v_args_wrong(args, "it cannot '%s'%s%s%s", verb,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	if (!*wish.dir)
		return p2v_args_wrong(args, "init needs DIR");
	if (!*wish.name || strlen(wish.name) > 64)
		return p2v_args_wrong(args, "--name takes 1 to 64 bytes");
	if (days && p2v_parse_u64(p2v_str_of(days), 1, DAYS_MAX, &n) < 0)
		return p2v_args_wrong(
			args, "--days takes a number from 1 to %u, not '%s'", DAYS_MAX, days);
	if (days)
		wish.days = (uint32_t)n;
	if (p2v_authority_init(&wish, &err) < 0)
		return p2v_args_failed(args, &err);
	p2v_text_printf(&text,
		"%s: an authority for %u days. Give ca.pem to every agent, and keep ca.key offline; "
		"the tracker needs the rest.\n",
		wish.dir, wish.days);
	code = p2v_args_print(args, &text);
	p2v_text_fini(&text);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "name", 0, "NAME", "Name in its certificate; the default is peer2view." },
	{ "days", 0, "N", "How long it is valid; the default is 3650." }, { NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "peer2view authority init /etc/peer2view/authority",
		"Make an authority. ca.pem goes to every agent; ca.key is best kept offline; a "
		"tracker needs the rest." },
	{ NULL, NULL }
};

const struct p2v_command p2v_cmd_authority = { .name = "authority",
	.operands = "init DIR",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Make the authority that certifies peers",
	.about =
		"DIR gets the authority itself, ca.key and ca.pem; issuer.key and issuer.pem, with "
		"which a tracker certifies agents for some hours at a time; and tracker.key and "
		"tracker.pem, by which agents know the tracker. Agents trust nobody whom the "
		"authority does not vouch for.\n\nDIR is made when it is not there; an authority that "
		"is in it already is never overwritten.",
	.switches = switches,
	.examples = examples,
	.run = run };
