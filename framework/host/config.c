/* config.c - binding an ini file to the schema's sections and to plugins. */
#include "framework/host/config_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/base/policy.h"

static const char *role_name(const struct p2v_schema *schema, uint32_t roles)
{
	for (size_t i = 0; schema->roles && schema->roles[i]; i++)
		if (roles & (1u << i))
			return schema->roles[i];
	return "nobody";
}

/* ---- which section ---- */

const struct p2v_section *p2v_schema_section(const struct p2v_schema *schema, const char *name)
{
	for (const struct p2v_section *s = schema->sections; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static const struct p2v_choice_rule *find_rule(const struct p2v_schema *schema, uint32_t kind)
{
	for (const struct p2v_choice_rule *r = schema->choices; r->kind; r++)
		if (r->kind == kind)
			return r;
	return NULL;
}

/* The rule of the kind that [kind.name] begins with. @return NULL: it is no plugin's section */
const struct p2v_choice_rule *p2v_schema_plugin(
	const struct p2v_schema *schema, const char *name, const char **plugin)
{
	const char *dot = strchr(name, '.');

	for (const struct p2v_choice_rule *r = schema->choices; dot && r->kind; r++) {
		const char *kind = p2v_kind_name(r->kind);

		if (strlen(kind) == (size_t)(dot - name) &&
			strncmp(kind, name, (size_t)(dot - name)) == 0) {
			*plugin = dot + 1;
			return r;
		}
	}
	return NULL;
}

static int unknown_section(
	const struct p2v_config *c, const struct p2v_ini_section *s, struct p2v_err *err)
{
	const char *names[65], *near;
	size_t n = 0;

	for (const struct p2v_choice_rule *r = c->schema->choices; r->kind; r++)
		if (strcmp(p2v_kind_name(r->kind), s->name) == 0)
			return p2v_config_fail(c, s->line, err, P2V_ECONF,
				"there is no section [%s]; the options of a plugin stand in "
				"[%s.NAME]",
				s->name, s->name);
	for (const struct p2v_section *t = c->schema->sections; t->name && n < 64; t++)
		names[n++] = t->name;
	names[n] = NULL;
	near = p2v_text_nearest(s->name, names);
	return p2v_config_fail(c, s->line, err, P2V_ECONF, "there is no section [%s]%s%s%s",
		s->name, near ? "; did you mean [" : "", near ? near : "", near ? "]?" : "");
}

struct p2v_bound *p2v_config_find(const struct p2v_config *c, const char *name, const char *arg)
{
	for (size_t i = 0; i < c->n_bound; i++) {
		struct p2v_bound *b = c->bound[i];

		if (b->section && strcmp(b->name, name) == 0 &&
			(arg ? b->arg && strcmp(b->arg, arg) == 0 : !b->arg))
			return b;
	}
	return NULL;
}

static struct p2v_bound of_section(const struct p2v_section *s, const char *arg)
{
	return (struct p2v_bound){ .name = s->name,
		.arg = arg,
		.section = s,
		.options = s->options,
		.stride = sizeof(struct p2v_option),
		.check = s->check,
		.conf_size = s->conf_size };
}

static int bind_section(struct p2v_config *c, const struct p2v_ini_section *in, struct p2v_err *err)
{
	const struct p2v_section *s = p2v_schema_section(c->schema, in->name);
	struct p2v_bound *b, like;
	const char *plugin;
	int rc;

	if (!s && p2v_schema_plugin(c->schema, in->name, &plugin))
		return in->arg ? p2v_config_fail(c, in->line, err, P2V_ECONF,
					 "[%s] takes no name behind it", in->name)
			       : P2V_OK; /* p2v_config_bind does it */
	if (!s)
		return unknown_section(c, in, err);
	if (s->named && !in->arg)
		return p2v_config_fail(c, in->line, err, P2V_ECONF, "[%s] needs a name: [%s NAME]",
			s->name, s->name);
	if (!s->named && in->arg)
		return p2v_config_fail(
			c, in->line, err, P2V_ECONF, "[%s] takes no name behind it", s->name);
	b = p2v_config_find(c, s->name, in->arg);
	if (!b) {
		like = of_section(s, in->arg);
		like.line = in->line;
		rc = p2v_bound_add(c, &like, &b, err);
		if (rc < 0)
			return rc;
	}
	return p2v_bound_entries(c, b, in, err);
}

/* ---- the role ---- */

static uint32_t read_role(const struct p2v_config *c)
{
	const struct p2v_bound *b;
	const struct p2v_option *o;
	struct p2v_option copy;
	uint32_t number;

	if (!c->schema->role_section)
		return 1;
	b = p2v_config_find(c, c->schema->role_section, NULL);
	assert(b);
	o = p2v_option_find(b->options, b->stride, P2V_OPTION_ROLE, &copy);
	assert(o && o->type == P2V_T_ENUM);
	memcpy(&number, (const char *)b->conf + o->offset, sizeof number);
	return 1u << number;
}

static int other_role(const struct p2v_config *c, unsigned line, const char *what, uint32_t roles,
	struct p2v_err *err)
{
	return p2v_config_fail(c, line, err, P2V_ECONF,
		"%s is for the role %s, but this file's role is %s", what,
		role_name(c->schema, roles), role_name(c->schema, c->role));
}

/* Nothing in the file is for another role. */
static int check_roles(const struct p2v_config *c, struct p2v_err *err)
{
	for (size_t i = 0; i < c->ini->n; i++) {
		const struct p2v_ini_section *in = &c->ini->sections[i];
		const struct p2v_section *s = p2v_schema_section(c->schema, in->name);
		const char *plugin;
		uint32_t roles = s ? s->roles
				   : p2v_schema_plugin(c->schema, in->name, &plugin)->roles;
		char what[80];

		if (!(roles & c->role)) {
			(void)snprintf(what, sizeof what, "[%s]", in->name);
			return other_role(c, in->line, what, roles, err);
		}
		if (strcmp(in->name, P2V_SECTION_PLUGINS) != 0)
			continue;
		for (size_t k = 0; k < in->n; k++) {
			const struct p2v_choice_rule *r = find_rule(
				c->schema, p2v_kind_of(in->entries[k].key));

			if (r && !(r->roles & c->role))
				return other_role(
					c, in->entries[k].line, in->entries[k].key, r->roles, err);
		}
	}
	return P2V_OK;
}

/* ---- reading ---- */

static int bind_all(struct p2v_config *c, struct p2v_err *err)
{
	struct p2v_bound *b, like;
	int rc;

	for (const struct p2v_section *s = c->schema->sections; s->name; s++) {
		if (s->named)
			continue;
		like = of_section(s, NULL);
		rc = p2v_bound_add(c, &like, &b, err);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < c->ini->n; i++) {
		rc = bind_section(c, &c->ini->sections[i], err);
		if (rc < 0)
			return rc;
	}
	c->role = read_role(c);
	rc = check_roles(c, err);
	for (size_t i = 0; i < c->n_bound && rc == P2V_OK; i++)
		if (c->bound[i]->section->roles & c->role)
			rc = p2v_bound_finish(c, c->bound[i], err);
	return rc;
}

static int take_ini(const struct p2v_schema *schema, struct p2v_ini *ini, struct p2v_config **out,
	struct p2v_err *err)
{
	struct p2v_config *c = calloc(1, sizeof *c);
	int rc;

	if (!c) {
		p2v_ini_free(ini);
		return p2v_fail(err, P2V_ENOMEM, "no memory for the configuration");
	}
	c->schema = schema;
	c->ini = ini;
	rc = bind_all(c, err);
	if (rc < 0) {
		p2v_config_free(c);
		return rc;
	}
	*out = c;
	return P2V_OK;
}

int p2v_config_read_set(const struct p2v_schema *schema, const char *file, const char *const *sets,
	size_t n, struct p2v_config **out, struct p2v_err *err)
{
	struct p2v_ini *ini;
	int rc = p2v_ini_read(file, &ini, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		rc = p2v_ini_set(ini, sets[i], err);
		if (rc < 0) {
			p2v_ini_free(ini);
			return rc;
		}
	}
	return take_ini(schema, ini, out, err);
}

int p2v_config_read(const struct p2v_schema *schema, const char *file, struct p2v_config **out,
	struct p2v_err *err)
{
	return p2v_config_read_set(schema, file, NULL, 0, out, err);
}

int p2v_config_parse(const struct p2v_schema *schema, const char *file, struct p2v_str text,
	struct p2v_config **out, struct p2v_err *err)
{
	struct p2v_ini *ini;
	int rc = p2v_ini_parse(file, text, &ini, err);

	return rc < 0 ? rc : take_ini(schema, ini, out, err);
}

void p2v_config_free(struct p2v_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_bound; i++)
		p2v_bound_free(c->bound[i]);
	free(c->bound);
	free(c->choices);
	p2v_text_drop(&c->kept);
	p2v_ini_free(c->ini);
	free(c);
}

/* ---- asking ---- */

uint32_t p2v_config_role(const struct p2v_config *c)
{
	return c->role;
}

const char *p2v_config_role_name(const struct p2v_config *c)
{
	return role_name(c->schema, c->role);
}

const char *p2v_config_file(const struct p2v_config *c)
{
	return c->ini->file;
}

/* The line of a key in a section, or of the section's head. */
static unsigned line_of(const struct p2v_bound *b, struct p2v_str key)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	for (size_t i = 0; (o = p2v_option_at(b->options, b->stride, i, &copy)); i++)
		if (p2v_str_is(key, o->name) && b->lines[i])
			return b->lines[i];
	return b->line;
}

int p2v_config_blame(const struct p2v_config *c, int code, const char *why, struct p2v_err *err)
{
	struct p2v_str rest = p2v_str_of(why), title, key;
	unsigned line = 0;

	if (*why == '[' && p2v_str_split(&rest, ']', &title)) {
		title.p++;
		title.n--;
		(void)p2v_str_split(&rest, ' ', &key); /* the blank behind the bracket */
		(void)p2v_str_split(&rest, ':', &key);
		for (size_t i = 0; i < c->n_bound && line == 0; i++)
			if (p2v_str_is(title, c->bound[i]->title))
				line = line_of(c->bound[i], key);
	}
	return p2v_config_fail(c, line, err, code, "%s", why);
}

const void *p2v_config_get(const struct p2v_config *c, const char *section)
{
	const struct p2v_bound *b = p2v_config_find(c, section, NULL);

	assert(b);
	return b->conf;
}

size_t p2v_config_count(const struct p2v_config *c, const char *section)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_bound; i++)
		n += c->bound[i]->section && strcmp(c->bound[i]->name, section) == 0;
	return n;
}

const void *p2v_config_at(
	const struct p2v_config *c, const char *section, size_t i, const char **name)
{
	for (size_t k = 0; k < c->n_bound; k++) {
		const struct p2v_bound *b = c->bound[k];

		if (!b->section || strcmp(b->name, section) != 0 || i-- > 0)
			continue;
		if (name)
			*name = b->arg;
		return b->conf;
	}
	assert(false && "a section that is not there");
	return NULL;
}
