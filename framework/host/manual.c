/* manual.c - manual pages. The dialect is man(7), as groff and mandoc read it. */
#include "framework/host/manual.h"

#include <string.h>

#include "framework/base/options.h"
#include "framework/base/policy.h"

/* ---- troff ---- */

/* Text of a line or more: nothing in it is taken for a request, and '-' stays what was typed. */
static void put(struct p2v_text *out, struct p2v_str s)
{
	bool start = out->n == 0 || out->p[out->n - 1] == '\n';

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (start && (c == '.' || c == '\''))
			p2v_text_puts(out, "\\&");
		if (c == '\\')
			p2v_text_puts(out, "\\e");
		else if (c == '-')
			p2v_text_puts(out, "\\-");
		else
			p2v_text_add(out, &c, 1);
		start = c == '\n';
	}
}

static void say(struct p2v_text *out, const char *s)
{
	put(out, p2v_str_of(s));
}

static void in_font(struct p2v_text *out, char font, const char *s)
{
	p2v_text_printf(out, "\\f%c", font);
	say(out, s);
	p2v_text_puts(out, "\\fR");
}

/* Upper case, as titles are. */
static void put_title(struct p2v_text *out, const char *s)
{
	for (; *s; s++) {
		char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;

		put(out, (struct p2v_str){ &c, 1 });
	}
}

static void header(
	const struct p2v_program *p, const char *title, const char *section, struct p2v_text *out)
{
	p2v_text_puts(out, ".\\\" Printed by the program from its own tables.\n.TH ");
	put_title(out, title);
	p2v_text_printf(out, " %s \"\" \"", section);
	say(out, p->name);
	p2v_text_puts(out, " ");
	say(out, p->version);
	p2v_text_puts(out, "\"\n.nh\n.SH NAME\n");
	say(out, title);
	p2v_text_puts(out, " \\- ");
}

/* Paragraphs that are separated by "\n\n". */
static void paragraphs(struct p2v_text *out, const char *text)
{
	const char *end;

	for (; (end = strstr(text, "\n\n")); text = end + 2) {
		put(out, (struct p2v_str){ text, (size_t)(end - text) });
		p2v_text_puts(out, "\n.PP\n");
	}
	say(out, text);
	p2v_text_puts(out, "\n");
}

/* ---- the program ---- */

static void put_switch(const struct p2v_switch *s, struct p2v_text *out)
{
	char letter[3] = { '-', s->letter, 0 };

	p2v_text_puts(out, ".TP\n");
	if (s->letter) {
		in_font(out, 'B', letter);
		p2v_text_puts(out, ", ");
	}
	p2v_text_puts(out, "\\fB\\-\\-");
	say(out, s->name);
	p2v_text_puts(out, "\\fR");
	if (s->arg) {
		p2v_text_puts(out, "=");
		in_font(out, 'I', s->arg);
	}
	p2v_text_puts(out, "\n");
	say(out, s->help);
	p2v_text_puts(out, "\n");
}

static void put_examples(const struct p2v_example *v, struct p2v_text *out)
{
	for (; v && v->line; v++) {
		p2v_text_puts(out, ".TP\n");
		in_font(out, 'B', v->line);
		p2v_text_puts(out, "\n");
		say(out, v->what);
		p2v_text_puts(out, "\n");
	}
}

static void put_command(
	const struct p2v_program *p, const struct p2v_command *c, struct p2v_text *out)
{
	p2v_text_puts(out, ".SS ");
	say(out, p->name);
	p2v_text_puts(out, " ");
	say(out, c->name);
	if (c->switches && c->switches->name)
		p2v_text_puts(out, " [OPTION]...");
	p2v_text_puts(out, *c->operands ? " " : "");
	say(out, c->operands);
	p2v_text_puts(out, "\n");
	say(out, c->summary);
	p2v_text_puts(out, ".\n.PP\n");
	paragraphs(out, c->about);
	for (const struct p2v_switch *s = c->switches; s && s->name; s++)
		put_switch(s, out);
	if (c->examples && c->examples->line) {
		p2v_text_puts(out, ".PP\nExamples:\n");
		put_examples(c->examples, out);
	}
}

void p2v_manual_program(const struct p2v_program *p, struct p2v_text *out)
{
	header(p, p->name, "1", out);
	say(out, p->summary);
	p2v_text_puts(out, "\n.SH SYNOPSIS\n");
	for (size_t i = 0; p->commands[i]; i++) {
		const struct p2v_command *c = p->commands[i];

		p2v_text_puts(out, i == 0 ? "" : ".br\n");
		p2v_text_puts(out, "\\fB");
		say(out, p->name);
		p2v_text_puts(out, " ");
		say(out, c->name);
		p2v_text_puts(out, "\\fR [\\fIOPTION\\fR]...");
		if (*c->operands) {
			p2v_text_puts(out, " ");
			in_font(out, 'I', c->operands);
		}
		p2v_text_puts(out, "\n");
	}
	p2v_text_puts(out, ".SH DESCRIPTION\n");
	paragraphs(out, p->about);
	p2v_text_puts(out, ".SH COMMANDS\nEach takes \\fB\\-\\-help\\fR.\n");
	for (size_t i = 0; p->commands[i]; i++)
		put_command(p, p->commands[i], out);
	for (const struct p2v_passage *s = p->passages; s && s->title; s++) {
		p2v_text_puts(out, ".SH ");
		put_title(out, s->title);
		p2v_text_puts(out, "\n");
		paragraphs(out, s->text);
	}
	if (p->examples && p->examples->line) {
		p2v_text_puts(out, ".SH EXAMPLES\n");
		put_examples(p->examples, out);
	}
	p2v_text_printf(out, ".SH SEE ALSO\n\\fB%s.ini\\fR(5)\n", p->name);
}

/* ---- options ---- */

static bool must_be_given(const struct p2v_option *o)
{
	return o->type == P2V_T_TEXT && o->min >= 1 && !*o->dflt;
}

static void put_option(const struct p2v_option *o, struct p2v_text *out)
{
	struct p2v_text word = { 0 };

	p2v_text_puts(out, ".TP\n");
	in_font(out, 'B', o->name);
	p2v_text_puts(out, "\n");
	say(out, o->help);
	p2v_text_puts(out, ".\n.br\nTakes ");
	p2v_option_type_text(o, &word);
	put(out, (struct p2v_str){ word.p, word.n });
	out->oom = out->oom || word.oom;
	p2v_text_fini(&word);
	p2v_option_range_text(o, &word);
	if (word.n) {
		p2v_text_puts(out, ", from ");
		put(out, (struct p2v_str){ word.p, word.n });
	} else if (o->type == P2V_T_TEXT) {
		p2v_text_printf(out, " of %.0f to %.0f bytes", o->min, o->max);
	}
	out->oom = out->oom || word.oom;
	p2v_text_fini(&word);
	if (*o->unit && strcmp(o->unit, "1") != 0) {
		p2v_text_puts(out, o->type == P2V_T_USEC ? ", a bare number in " : ", in ");
		say(out, o->unit);
	}
	p2v_text_puts(out, ". ");
	if (must_be_given(o)) {
		p2v_text_puts(out, "It must be given.");
	} else if (*o->dflt) {
		p2v_text_puts(out, "Default: ");
		in_font(out, 'B', o->dflt);
		p2v_text_puts(out, ".");
	} else {
		p2v_text_puts(out, "Default: nothing.");
	}
	if (o->flags & P2V_OPT_REPEATED)
		p2v_text_puts(out, " It may stand several times.");
	if (o->flags & P2V_OPT_LIVE)
		p2v_text_puts(out, " It may change while the program runs (SIGHUP).");
	p2v_text_puts(out, "\n");
}

static void put_options(const struct p2v_option *table, uint32_t stride, struct p2v_text *out)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	for (size_t i = 0; (o = p2v_option_at(table, stride, i, &copy)); i++)
		put_option(o, out);
}

/* ---- the ini file ---- */

static const char file_format[] =
	"A configuration file has sections, each begun by its name in brackets, and in them lines of "
	"the form KEY = VALUE. Blanks around keys and values do not count, nor do blank lines and "
	"lines that begin with # or ;. In a line, a ; behind a blank begins a comment. Nothing is "
	"quoted, and nothing is replaced. The text is UTF-8.\n\n"
	"Sizes take the suffixes k, M and G (powers of 1000), and Ki, Mi and Gi (powers of 1024). "
	"Lengths of time take us, ms, s, m, h and d.\n\n"
	"What is not understood is an error, which names the file and the line: a section or a key "
	"that does not exist, a value of the wrong type or out of its range, a key or a section that "
	"stands twice, a line that is too long (most builds of the library that reads it take 197 "
	"bytes), and what is meant for the other role. Then the program does not start, and a program "
	"that runs goes on with what it had.";

static void put_roles(const struct p2v_schema *schema, uint32_t roles, struct p2v_text *out)
{
	bool first = true;

	p2v_text_puts(out, "Read by: ");
	for (size_t i = 0; schema->roles[i]; i++) {
		if (!(roles & (1u << i)))
			continue;
		p2v_text_puts(out, first ? "" : ", ");
		say(out, schema->roles[i]);
		first = false;
	}
	p2v_text_puts(out, ".\n");
}

void p2v_manual_ini(
	const struct p2v_program *p, const struct p2v_schema *schema, struct p2v_text *out)
{
	struct p2v_text title = { 0 };

	p2v_text_printf(&title, "%s.ini", p->name);
	header(p, title.p ? title.p : p->name, "5", out);
	out->oom = out->oom || title.oom;
	p2v_text_fini(&title);
	p2v_text_printf(out, "configuration of %s\n.SH DESCRIPTION\n", p->name);
	paragraphs(out, file_format);
	p2v_text_puts(out, ".SH SECTIONS\n");
	for (const struct p2v_section *s = schema->sections; s->name; s++) {
		p2v_text_puts(out, ".SS [");
		say(out, s->name);
		p2v_text_puts(out, s->named ? " NAME]\n" : "]\n");
		say(out, s->help);
		p2v_text_puts(out, s->named ? " There may be any number of them.\n" : "\n");
		if (schema->roles)
			put_roles(schema, s->roles, out);
		put_options(s->options, sizeof(struct p2v_option), out);
	}
	p2v_text_puts(out, ".SS [KIND.NAME]\nOptions of a plugin. Each plugin has a manual page "
			   "of its own, p2v_KIND_NAME(7), which also ");
	p2v_text_printf(out, "\\fB%s plugins KIND.NAME\\fR tells.\n", p->name);
	p2v_text_printf(out, ".SH SEE ALSO\n\\fB%s\\fR(1)\n", p->name);
}

/* ---- a plugin ---- */

void p2v_manual_plugin(
	const struct p2v_program *p, const struct p2v_plugin *plugin, struct p2v_text *out)
{
	const char *kind = p2v_kind_name(plugin->kind);
	struct p2v_text title = { 0 };
	struct p2v_option copy;

	p2v_text_printf(&title, "p2v_%s_%s", kind, plugin->name);
	header(p, title.p ? title.p : plugin->name, "7", out);
	out->oom = out->oom || title.oom;
	p2v_text_fini(&title);
	say(out, plugin->summary);
	p2v_text_puts(out, "\n.SH SYNOPSIS\n.nf\n[plugins]\n");
	say(out, kind);
	p2v_text_puts(out, " = ");
	say(out, plugin->name);
	p2v_text_puts(out, "\n.fi\n.SH DESCRIPTION\nA plugin of the kind ");
	in_font(out, 'I', kind);
	p2v_text_printf(out, " for \\fB%s\\fR(1): ", p->name);
	say(out, plugin->summary);
	p2v_text_puts(out, ".\n.PP\nVersion ");
	say(out, plugin->version);
	p2v_text_puts(out, ". Source: ");
	say(out, plugin->source);
	p2v_text_puts(out, ". Licence: ");
	say(out, plugin->license);
	p2v_text_puts(out, ".\n.SH OPTIONS\n");
	if (p2v_option_at(plugin->options, plugin->option_size, 0, &copy)) {
		p2v_text_puts(out, "They stand in the section [");
		say(out, kind);
		p2v_text_puts(out, ".");
		say(out, plugin->name);
		p2v_text_puts(out, "].\n");
		put_options(plugin->options, plugin->option_size, out);
	} else {
		p2v_text_puts(out, "It has none.\n");
	}
	p2v_text_printf(out, ".SH SEE ALSO\n\\fB%s\\fR(1), \\fB%s.ini\\fR(5)\n", p->name, p->name);
}
