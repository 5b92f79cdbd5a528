/* sample.c - sample ini files: all that can be said, commented out, with what it means. */
#include "framework/host/manual.h"

#include <string.h>

#include "framework/base/options.h"
#include "framework/base/policy.h"

#define COLUMNS 90u

/* A comment, broken at blanks. */
static void comment(struct p2v_text *out, struct p2v_str text)
{
	struct p2v_str word;
	size_t at = 0;

	while (p2v_str_split(&text, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (at == 0 || at + 1 + word.n > COLUMNS) {
			p2v_text_puts(out, at ? "\n#" : "#");
			at = 1;
		}
		p2v_text_puts(out, " ");
		p2v_text_str(out, word);
		at += 1 + word.n;
	}
	p2v_text_puts(out, "\n");
}

static void put_option(const struct p2v_option *o, struct p2v_text *out)
{
	struct p2v_text about = { 0 };

	p2v_text_printf(&about, "%s.", o->help);
	if (o->type != P2V_T_TEXT) {
		p2v_text_puts(&about, " Takes ");
		p2v_option_type_text(o, &about);
		if (o->type != P2V_T_BOOL && o->type != P2V_T_ENUM) {
			p2v_text_puts(&about, ", from ");
			p2v_option_range_text(o, &about);
		}
		if (*o->unit && strcmp(o->unit, "1") != 0)
			p2v_text_printf(&about, "%s%s",
				o->type == P2V_T_USEC ? ", a bare number in " : ", in ", o->unit);
		p2v_text_puts(&about, ".");
	}
	if (o->type == P2V_T_TEXT && o->min >= 1 && !*o->dflt)
		p2v_text_puts(&about, " It must be given.");
	if (o->flags & P2V_OPT_REPEATED)
		p2v_text_puts(&about, " It may stand several times.");
	if (o->flags & P2V_OPT_LIVE)
		p2v_text_puts(&about, " It may change while the program runs.");
	comment(out, (struct p2v_str){ about.p, about.n });
	out->oom = out->oom || about.oom;
	p2v_text_fini(&about);
	p2v_text_printf(out, ";%s =%s%s\n", o->name, *o->dflt ? " " : "", o->dflt);
}

static void put_options(const struct p2v_option *table, uint32_t stride, struct p2v_text *out)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	for (size_t i = 0; (o = p2v_option_at(table, stride, i, &copy)); i++)
		put_option(o, out);
	p2v_text_puts(out, "\n");
}

static const char *role_name(const struct p2v_schema *schema, uint32_t role)
{
	size_t i = 0;

	while (schema->roles[i] && !(role & (1u << i)))
		i++;
	return schema->roles[i] ? schema->roles[i] : "";
}

/* [plugins] has an option for each kind; those that the role does not use are errors in its file.
 */
static bool is_used(const struct p2v_schema *schema, const struct p2v_section *s,
	const struct p2v_option *o, uint32_t role)
{
	if (strcmp(s->name, P2V_SECTION_PLUGINS) != 0)
		return true;
	for (const struct p2v_choice_rule *r = schema->choices; r->kind; r++)
		if (strcmp(p2v_kind_name(r->kind), o->name) == 0)
			return (r->roles & role) != 0;
	return true;
}

static void put_section(const struct p2v_schema *schema, const struct p2v_section *s, uint32_t role,
	struct p2v_text *out)
{
	bool has_role = strcmp(s->name, schema->role_section) == 0;

	comment(out, p2v_str_of(s->help));
	if (s->named) {
		comment(out, p2v_str_of("There may be any number of these sections."));
		p2v_text_printf(out, ";[%s NAME]\n", s->name);
	} else {
		p2v_text_printf(out, "[%s]\n", s->name);
	}
	for (const struct p2v_option *o = s->options; o->name; o++) {
		if (has_role && strcmp(o->name, P2V_OPTION_ROLE) == 0)
			p2v_text_printf(out, "%s = %s\n", o->name, role_name(schema, role));
		else if (is_used(schema, s, o, role))
			put_option(o, out);
	}
	p2v_text_puts(out, "\n");
}

void p2v_sample_schema(const struct p2v_program *p, const struct p2v_schema *schema, uint32_t role,
	struct p2v_text *out)
{
	p2v_text_printf(out,
		"# Configuration of %s %s for the role %s: every option, at its default.\n"
		"# Take away the ; before what you set.\n\n",
		p->name, p->version, role_name(schema, role));
	for (const struct p2v_section *s = schema->sections; s->name; s++)
		if (s->roles & role)
			put_section(schema, s, role, out);
}

void p2v_sample_plugin(const struct p2v_plugin *plugin, struct p2v_text *out)
{
	const char *kind = p2v_kind_name(plugin->kind);
	struct p2v_option copy;

	if (!p2v_option_at(plugin->options, plugin->option_size, 0, &copy))
		return;
	comment(out, p2v_str_of(plugin->summary));
	p2v_text_printf(out, "[%s.%s]\n", kind, plugin->name);
	put_options(plugin->options, plugin->option_size, out);
}
