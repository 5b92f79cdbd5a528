/* choose.c - the plugins that a configuration chooses, and the sections that set their options. */
#include "framework/host/config_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/base/policy.h"

static struct p2v_bound *find_plugin(const struct p2v_config *c, const struct p2v_plugin *p)
{
	for (size_t i = 0; i < c->n_bound; i++)
		if (c->bound[i]->plugin == p)
			return c->bound[i];
	return NULL;
}

static int add_plugin(struct p2v_config *c, struct p2v_loader *ld, uint32_t kind, const char *name,
	unsigned line, struct p2v_bound **out, struct p2v_err *err)
{
	const struct p2v_plugin *p;
	struct p2v_bound like;
	struct p2v_err why;
	int rc = p2v_loader_get(ld, kind, name, &p, &why);

	if (rc < 0)
		return p2v_config_fail(c, line, err, rc, "%s", why.text);
	*out = find_plugin(c, p);
	if (*out)
		return P2V_OK;
	like = (struct p2v_bound){ .name = p->name,
		.plugin = p,
		.options = p->options,
		.stride = p->option_size,
		.check = p->check,
		.conf_size = (size_t)p->conf_size,
		.line = line };
	rc = p2v_bound_add(c, &like, out, err);
	if (rc == P2V_OK)
		(*out)->line = 0; /* until its own section is read */
	return rc;
}

static int choose(struct p2v_config *c, struct p2v_loader *ld, uint32_t kind, const char *name,
	unsigned line, struct p2v_err *err)
{
	struct p2v_choice *v;
	struct p2v_bound *b = NULL;
	int rc = add_plugin(c, ld, kind, name, line, &b, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < c->n_choices; i++)
		if (c->choices[i].plugin == b->plugin)
			return p2v_config_fail(c, line, err, P2V_ECONF, "%s: '%s' stands twice",
				p2v_kind_name(kind), name);
	v = realloc(c->choices, (c->n_choices + 1) * sizeof *v);
	if (!v)
		return p2v_config_no_memory(c, err);
	c->choices = v;
	v[c->n_choices++] = (struct p2v_choice){ b->plugin, b->conf };
	return P2V_OK;
}

/* "*": all that there are, none of which may be broken. */
struct choose_all {
	struct p2v_config *c;
	struct p2v_loader *ld;
	uint32_t kind;
	unsigned line;
	struct p2v_err *err;
	size_t n;
	int code;
};

static void choose_good(void *vctx, const struct p2v_plugin *p, const char *file)
{
	struct choose_all *all = vctx;

	(void)file;
	all->n++;
	if (all->code == P2V_OK)
		all->code = choose(all->c, all->ld, all->kind, p->name, all->line, all->err);
}

static void choose_bad(void *vctx, const char *file, const struct p2v_err *why)
{
	struct choose_all *all = vctx;

	(void)file;
	if (all->code == P2V_OK)
		all->code = p2v_config_fail(
			all->c, all->line, all->err, why->code, "%s", why->text);
}

static int choose_all(struct p2v_config *c, struct p2v_loader *ld, uint32_t kind, unsigned line,
	struct p2v_err *err)
{
	struct choose_all all = { c, ld, kind, line, err, 0, P2V_OK };
	struct p2v_loader_visitor v = { &all, choose_good, choose_bad };
	int rc = p2v_loader_each(ld, kind, &v, err);

	if (rc == P2V_OK)
		rc = all.code;
	if (rc == P2V_OK && all.n == 0)
		rc = p2v_config_fail(c, line, err, P2V_ENOENT,
			"there is no plugin of kind %s in %s", p2v_kind_name(kind),
			p2v_loader_path(ld));
	return rc;
}

static int choose_list(struct p2v_config *c, struct p2v_loader *ld, uint32_t kind, const char *list,
	unsigned line, struct p2v_err *err)
{
	struct p2v_str rest = p2v_str_of(list), word;
	int rc = P2V_OK;

	while (rc == P2V_OK && p2v_str_split(&rest, ',', &word)) {
		char *name = p2v_str_dup(p2v_str_trim(word));

		if (!name)
			return p2v_config_no_memory(c, err);
		rc = *name ? choose(c, ld, kind, name, line, err)
			   : p2v_config_fail(c, line, err, P2V_ECONF,
				     "%s: a plugin's name is empty", p2v_kind_name(kind));
		free(name);
	}
	return rc;
}

static int choose_kind(struct p2v_config *c, struct p2v_loader *ld, const struct p2v_choice_rule *r,
	struct p2v_err *err)
{
	const struct p2v_bound *plugins = p2v_config_find(c, P2V_SECTION_PLUGINS, NULL);
	const char *kind = p2v_kind_name(r->kind), *text;
	const struct p2v_option *o = NULL;
	struct p2v_option copy;
	unsigned line;
	size_t i = 0;

	assert(plugins);
	while ((o = p2v_option_at(plugins->options, plugins->stride, i, &copy)) &&
		strcmp(o->name, kind) != 0)
		i++;
	assert(o && o->type == P2V_T_TEXT);
	line = plugins->lines[i];
	memcpy(&text, (const char *)plugins->conf + o->offset, sizeof text);
	if (!r->many && (strchr(text, ',') || strcmp(text, "*") == 0))
		return p2v_config_fail(
			c, line, err, P2V_ECONF, "%s takes one plugin, not '%s'", kind, text);
	if (strcmp(text, "*") == 0)
		return choose_all(c, ld, r->kind, line, err);
	return choose_list(c, ld, r->kind, text, line, err);
}

static int bind_plugin_section(struct p2v_config *c, struct p2v_loader *ld,
	const struct p2v_ini_section *in, struct p2v_err *err)
{
	const struct p2v_choice_rule *r;
	const char *name;
	struct p2v_bound *b;
	int rc;

	if (p2v_schema_section(c->schema, in->name))
		return P2V_OK;
	r = p2v_schema_plugin(c->schema, in->name, &name);
	assert(r);
	rc = add_plugin(c, ld, r->kind, name, in->line, &b, err);
	return rc < 0 ? rc : p2v_bound_entries(c, b, in, err);
}

int p2v_config_bind(struct p2v_config *c, struct p2v_loader *ld, struct p2v_err *err)
{
	int rc = P2V_OK;

	assert(c->n_choices == 0);
	for (const struct p2v_choice_rule *r = c->schema->choices; r->kind && rc == P2V_OK; r++)
		if (r->roles & c->role)
			rc = choose_kind(c, ld, r, err);
	for (size_t i = 0; i < c->ini->n && rc == P2V_OK; i++)
		rc = bind_plugin_section(c, ld, &c->ini->sections[i], err);
	for (size_t i = 0; i < c->n_bound && rc == P2V_OK; i++)
		if (c->bound[i]->plugin)
			rc = p2v_bound_finish(c, c->bound[i], err);
	return rc;
}

const struct p2v_choice *p2v_config_choices(const struct p2v_config *c, uint32_t kind, size_t *n)
{
	const struct p2v_choice *first = NULL;

	*n = 0;
	for (size_t i = 0; i < c->n_choices; i++) {
		if (c->choices[i].plugin->kind != kind)
			continue;
		if (!first)
			first = &c->choices[i];
		++*n;
	}
	return first;
}
