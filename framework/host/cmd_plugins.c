/* cmd_plugins.c - peer2view plugins: which plugins there are, and all about each. */
#include "framework/host/commands.h"

#include <string.h>

#include "framework/base/json.h"
#include "framework/base/options.h"
#include "framework/base/policy.h"
#include "framework/host/manual.h"
#include "framework/host/sections.h"

enum form { FORM_TABLE, FORM_JSON, FORM_MAN, FORM_INI };

/* What is asked for, and the answer as far as it is written. */
struct listing {
	const struct p2v_args *args;
	enum form form;
	bool one; /* one plugin was named */
	struct p2v_text text;
	struct p2v_json json;
	unsigned bad;
};

/* ---- JSON ---- */

static const char *type_name(enum p2v_opt_type type)
{
	switch (type) {
	case P2V_T_BOOL: return "bool";
	case P2V_T_U32: return "u32";
	case P2V_T_U64: return "u64";
	case P2V_T_USEC: return "usec";
	case P2V_T_REAL: return "real";
	case P2V_T_TEXT: return "text";
	case P2V_T_ENUM: return "enum";
	}
	return "unknown";
}

static void json_number(struct p2v_json *j, const char *key, double v)
{
	bool whole = v >= -9e15 && v <= 9e15 && v == (double)(int64_t)v;

	if (whole)
		p2v_json_i64(j, key, (int64_t)v);
	else
		p2v_json_real(j, key, v, v >= 9e15 || v <= -9e15 ? 0 : 9);
}

static void json_option(struct p2v_json *j, const struct p2v_option *o)
{
	p2v_json_open(j, NULL, '{');
	p2v_json_text(j, "name", o->name);
	p2v_json_text(j, "type", type_name(o->type));
	p2v_json_text(j, "unit", o->unit);
	p2v_json_text(j, "default", o->dflt);
	if (o->type != P2V_T_BOOL && o->type != P2V_T_ENUM) {
		json_number(j, "min", o->min);
		json_number(j, "max", o->max);
	}
	if (o->type == P2V_T_ENUM) {
		p2v_json_open(j, "choices", '[');
		for (size_t i = 0; o->choices[i]; i++)
			p2v_json_text(j, NULL, o->choices[i]);
		p2v_json_close(j, ']');
	}
	p2v_json_text(j, "help", o->help);
	p2v_json_bool(j, "live", (o->flags & P2V_OPT_LIVE) != 0);
	p2v_json_bool(j, "repeated", (o->flags & P2V_OPT_REPEATED) != 0);
	p2v_json_close(j, '}');
}

static void json_plugin(struct p2v_json *j, const struct p2v_plugin *p, const char *file)
{
	const struct p2v_option *o;
	struct p2v_option copy;
	char abi[24];

	(void)snprintf(abi, sizeof abi, "%u.%u", p->abi_major, p->abi_minor);
	p2v_json_open(j, NULL, '{');
	p2v_json_text(j, "kind", p2v_kind_name(p->kind));
	p2v_json_text(j, "name", p->name);
	p2v_json_text(j, "version", p->version);
	p2v_json_text(j, "summary", p->summary);
	p2v_json_text(j, "source", p->source);
	p2v_json_text(j, "license", p->license);
	p2v_json_text(j, "abi", abi);
	p2v_json_u64(j, "kind_abi", p->kind_abi);
	p2v_json_u64(j, "caps", p->caps);
	p2v_json_u64(j, "conf_size", p->conf_size);
	p2v_json_u64(j, "state_size", p->state_size);
	p2v_json_text(j, "file", file);
	p2v_json_open(j, "options", '[');
	for (size_t i = 0; (o = p2v_option_at(p->options, p->option_size, i, &copy)); i++)
		json_option(j, o);
	p2v_json_close(j, ']');
	p2v_json_close(j, '}');
}

/* ---- for people ---- */

static void tell_line(const struct p2v_plugin *p, struct p2v_text *out)
{
	char name[96];

	(void)snprintf(name, sizeof name, "%s.%s", p2v_kind_name(p->kind), p->name);
	p2v_text_printf(out, "%-22s %-6s %s\n", name, p->version, p->summary);
}

static void tell_option(const struct p2v_option *o, struct p2v_text *out)
{
	p2v_text_printf(out, "\n  %s = %s\n      %s.\n      ", o->name, o->dflt, o->help);
	p2v_option_type_text(o, out);
	if (o->type != P2V_T_BOOL && o->type != P2V_T_TEXT && o->type != P2V_T_ENUM) {
		p2v_text_puts(out, ", ");
		p2v_option_range_text(o, out);
	}
	if (*o->unit && strcmp(o->unit, "1") != 0)
		p2v_text_printf(out, ", in %s", o->unit);
	if (o->flags & P2V_OPT_REPEATED)
		p2v_text_puts(out, ", may stand several times");
	if (o->flags & P2V_OPT_LIVE)
		p2v_text_puts(out, ", may change at run time");
	p2v_text_puts(out, "\n");
}

static void tell_plugin(const struct p2v_plugin *p, const char *file, struct p2v_text *out)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	p2v_text_printf(
		out, "%s.%s %s: %s\n", p2v_kind_name(p->kind), p->name, p->version, p->summary);
	p2v_text_printf(out,
		"  source   %s\n  licence  %s\n  file     %s\n  ABI      %u.%u, kind %u\n",
		p->source, p->license, file, p->abi_major, p->abi_minor, p->kind_abi);
	p2v_text_printf(out, "  memory   %llu bytes of options, %llu bytes a state\n",
		(unsigned long long)p->conf_size, (unsigned long long)p->state_size);
	if (p2v_option_at(p->options, p->option_size, 0, &copy))
		p2v_text_printf(out, "\nOptions, in the section [%s.%s]:\n", p2v_kind_name(p->kind),
			p->name);
	for (size_t i = 0; (o = p2v_option_at(p->options, p->option_size, i, &copy)); i++)
		tell_option(o, out);
}

/* ---- the command ---- */

static void good(void *ctx, const struct p2v_plugin *p, const char *file)
{
	struct listing *l = ctx;

	switch (l->form) {
	case FORM_JSON: json_plugin(&l->json, p, file); break;
	case FORM_MAN: p2v_manual_plugin(l->args->program, p, &l->text); break;
	case FORM_INI: p2v_sample_plugin(p, &l->text); break;
	case FORM_TABLE:
		if (l->one)
			tell_plugin(p, file, &l->text);
		else
			tell_line(p, &l->text);
		break;
	}
}

static void bad(void *ctx, const char *file, const struct p2v_err *why)
{
	struct listing *l = ctx;

	(void)file;
	l->bad++;
	(void)fprintf(stderr, "%s: %s\n", l->args->program->name, why->text);
}

static int list_all(struct p2v_loader *ld, uint32_t kind, struct listing *l, struct p2v_err *err)
{
	struct p2v_loader_visitor v = { l, good, bad };

	return p2v_loader_each(ld, kind, &v, err);
}

static int list_one(struct p2v_loader *ld, uint32_t kind, const char *name, struct listing *l,
	struct p2v_err *err)
{
	const struct p2v_plugin *p;
	int rc = p2v_loader_get(ld, kind, name, &p, err);

	l->one = true;
	if (rc == P2V_OK)
		good(l, p, p2v_loader_file(ld, p));
	return rc;
}

/* "cc" or "cc.cubic". @return P2V_EXIT_OK, P2V_EXIT_USAGE after a message */
static int read_operand(const struct p2v_args *args, uint32_t *kind, const char **name)
{
	char word[32];
	const char *dot, *near;

	*kind = 0;
	*name = NULL;
	if (args->n == 0)
		return P2V_EXIT_OK;
	dot = strchr(args->operands[0], '.');
	(void)snprintf(word, sizeof word, "%.*s",
		(int)(dot ? dot - args->operands[0] : (ptrdiff_t)strlen(args->operands[0])),
		args->operands[0]);
	*kind = p2v_kind_of(word);
	*name = dot ? dot + 1 : NULL;
	if (*kind)
		return P2V_EXIT_OK;
	near = p2v_text_nearest(word, p2v_kind_names());
	return p2v_args_wrong(args, "there is no kind '%s'%s%s%s", word,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_form(const struct p2v_args *args, enum form *form, uint32_t *role)
{
	bool json = p2v_args_get(args, "json"), man = p2v_args_get(args, "man");
	const char *word = p2v_args_get(args, "role");
	bool ini = p2v_args_get(args, "ini");

	if (json + man + ini > 1)
		return p2v_args_wrong(args, "--json, --man and --ini exclude each other");
	if (word && (!ini || args->n))
		return p2v_args_wrong(args, "--role goes with --ini alone");
	*form = json ? FORM_JSON : man ? FORM_MAN : ini ? FORM_INI : FORM_TABLE;
	*role = P2V_ROLE_AGENT;
	for (size_t i = 0; word && p2v_schema()->roles[i]; i++) {
		if (strcmp(word, p2v_schema()->roles[i]) == 0) {
			*role = 1u << i;
			return P2V_EXIT_OK;
		}
	}
	return word ? p2v_args_wrong(args, "there is no role '%s'", word) : P2V_EXIT_OK;
}

/* A whole sample has the sections of the role's own kinds only: others would be errors in it. */
static int list_for_role(
	struct p2v_loader *ld, uint32_t role, struct listing *l, struct p2v_err *err)
{
	int rc = P2V_OK;

	p2v_sample_schema(l->args->program, p2v_schema(), role, &l->text);
	for (const struct p2v_choice_rule *r = p2v_schema()->choices; r->kind && rc == P2V_OK; r++)
		if (r->roles & role)
			rc = list_all(ld, r->kind, l, err);
	return rc;
}

static int run(const struct p2v_args *args)
{
	struct listing l = { .args = args };
	struct p2v_loader *ld = NULL;
	const char *name;
	uint32_t kind, role;
	struct p2v_err err;
	int rc, code = read_operand(args, &kind, &name);

	if (code == P2V_EXIT_OK)
		code = read_form(args, &l.form, &role);
	if (code != P2V_EXIT_OK)
		return code;
	if (p2v_loader_new(NULL, &ld, &err) < 0)
		return p2v_args_failed(args, &err);
	l.json.out = &l.text;
	if (l.form == FORM_JSON)
		p2v_json_open(&l.json, NULL, '[');
	if (name)
		rc = list_one(ld, kind, name, &l, &err);
	else if (l.form == FORM_INI && !kind)
		rc = list_for_role(ld, role, &l, &err);
	else
		rc = list_all(ld, kind, &l, &err);
	if (l.form == FORM_JSON) {
		p2v_json_close(&l.json, ']');
		p2v_text_puts(&l.text, "\n");
	}
	code = rc < 0 ? p2v_args_failed(args, &err) : p2v_args_print(args, &l.text);
	p2v_text_fini(&l.text);
	p2v_loader_free(ld);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "json", 'j', NULL, "Print an array with one object for each plugin." },
	{ "man", 0, NULL, "Print a manual page for each plugin, for man(1)." },
	{ "ini", 0, NULL,
		"Print a sample configuration: of a plugin, of a kind, or whole when neither is named." },
	{ "role", 0, "ROLE",
		"With --ini: a configuration for an agent (the default) or a tracker." },
	{ NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "peer2view plugins", "One line for each plugin that can be loaded." },
	{ "peer2view plugins cc", "Those of the kind cc, congestion control." },
	{ "peer2view plugins cc.cubic", "All about one, with its options." },
	{ "peer2view plugins --ini --role tracker > tracker.ini",
		"A configuration to begin with: every option, at its default, with its explanation." },
	{ "peer2view plugins --json | jq -r '.[] | [.kind, .name, .file] | @tsv'",
		"For programs." },
	{ "peer2view plugins cc.cubic --man | man -l -", "The manual of one." },
	{ "P2V_PLUGIN_PATH=$PWD/.libs peer2view plugins select.mine",
		"Load a plugin of your own before it is installed." },
	{ NULL, NULL }
};

const struct p2v_command p2v_cmd_plugins = { .name = "plugins",
	.operands = "[KIND[.NAME]]",
	.max_operands = 1,
	.summary = "Tell which plugins there are, and what each takes",
	.about =
		"A plugin is a file p2v_KIND_NAME.so. The kinds are manifest, select, cc, cache, "
		"player and registry. A file that cannot be loaded is named on the standard error with "
		"the reason, and does not stop the others; but it is an error when it was asked for by "
		"name.",
	.switches = switches,
	.examples = examples,
	.run = run };
