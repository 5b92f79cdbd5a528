/* bound.c - one section of a configuration, bound by its option table; and the messages about it.
 */
#include "framework/host/config_inside.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/base/policy.h"

/* ---- messages ---- */

int p2v_config_fail(const struct p2v_config *c, unsigned line, struct p2v_err *err, int code,
	const char *fmt, ...)
{
	char text[sizeof err->text];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (line >= P2V_INI_SETS)
		return p2v_fail(
			err, code, "--set %.100s: %s", c->ini->sets[line - P2V_INI_SETS], text);
	if (line)
		return p2v_fail(err, code, "%s:%u: %s", c->ini->file, line, text);
	return p2v_fail(err, code, "%s: %s", c->ini->file, text);
}

int p2v_config_no_memory(const struct p2v_config *c, struct p2v_err *err)
{
	return p2v_config_fail(c, 0, err, P2V_ENOMEM, "no memory");
}

/* ---- texts ---- */

char *p2v_text_keep(struct p2v_kept_text **list, struct p2v_str text)
{
	struct p2v_kept_text *k = malloc(sizeof *k + text.n + 1);

	if (!k)
		return NULL;
	if (text.n)
		memcpy(k->text, text.p, text.n);
	k->text[text.n] = 0;
	k->next = *list;
	*list = k;
	return k->text;
}

void p2v_text_drop(struct p2v_kept_text **list)
{
	while (*list) {
		struct p2v_kept_text *next = (*list)->next;

		free(*list);
		*list = next;
	}
}

/* ---- one bound section ---- */

static size_t count_options(const struct p2v_bound *b)
{
	struct p2v_option copy;
	size_t n = 0;

	while (p2v_option_at(b->options, b->stride, n, &copy))
		n++;
	return n;
}

void p2v_bound_free(struct p2v_bound *b)
{
	if (!b)
		return;
	free(b->title);
	free(b->lines);
	free(b->conf);
	free(b);
}

int p2v_bound_add(struct p2v_config *c, const struct p2v_bound *like, struct p2v_bound **out,
	struct p2v_err *err)
{
	struct p2v_bound *b = malloc(sizeof *b), **v = c->bound;
	struct p2v_text title = { 0 };
	struct p2v_err why;

	if (!b)
		return p2v_config_no_memory(c, err);
	*b = *like;
	p2v_text_printf(&title, "%s%s%s", like->plugin ? p2v_kind_name(like->plugin->kind) : "",
		like->plugin ? "." : "", like->name);
	if (like->arg)
		p2v_text_printf(&title, " %s", like->arg);
	b->title = title.p;
	b->conf = calloc(1, like->conf_size ? like->conf_size : 1);
	b->lines = calloc(count_options(like) + 1, sizeof *b->lines);
	if (c->n_bound == c->cap_bound) {
		v = realloc(c->bound, (c->cap_bound + 16) * sizeof(struct p2v_bound *));
		if (v) {
			c->bound = v;
			c->cap_bound += 16;
		}
	}
	if (!b->title || title.oom || !b->conf || !b->lines || !v) {
		p2v_bound_free(b);
		return p2v_config_no_memory(c, err);
	}
	if (p2v_options_default(b->options, b->stride, b->conf, &why) < 0) {
		int rc = p2v_config_fail(c, b->line, err, P2V_EABI, "[%s]: %s", b->title, why.text);

		p2v_bound_free(b);
		return rc;
	}
	c->bound[c->n_bound++] = b;
	*out = b;
	return P2V_OK;
}

static int unknown_key(const struct p2v_config *c, const struct p2v_bound *b,
	const struct p2v_ini_entry *e, struct p2v_err *err)
{
	const char *near = p2v_option_nearest(b->options, b->stride, e->key);

	if (!near)
		return p2v_config_fail(
			c, e->line, err, P2V_ECONF, "[%s] has no key '%.60s'", b->title, e->key);
	return p2v_config_fail(c, e->line, err, P2V_ECONF,
		"[%s] has no key '%.60s'; did you mean '%s'?", b->title, e->key, near);
}

/* Further values of an option that may be repeated stand behind the first. */
static int append(struct p2v_config *c, const struct p2v_option *o, struct p2v_bound *b,
	const char *before, const char *value, struct p2v_err *err)
{
	struct p2v_text all = { 0 };
	const char *kept = NULL;

	p2v_text_printf(&all, "%s\n%s", before, value);
	if (!all.oom)
		kept = p2v_text_keep(&c->kept, (struct p2v_str){ all.p, all.n });
	p2v_text_fini(&all);
	if (!kept)
		return p2v_config_no_memory(c, err);
	memcpy((char *)b->conf + o->offset, &kept, sizeof kept);
	return P2V_OK;
}

static int bind_entry(struct p2v_config *c, struct p2v_bound *b, const struct p2v_ini_entry *e,
	struct p2v_err *err)
{
	const struct p2v_option *o;
	const char *before = NULL;
	struct p2v_option copy;
	struct p2v_err why;
	size_t i = 0;
	int rc;

	while ((o = p2v_option_at(b->options, b->stride, i, &copy)) && strcmp(o->name, e->key) != 0)
		i++;
	if (!o)
		return unknown_key(c, b, e, err);
	if (b->lines[i]) {
		if (!(o->flags & P2V_OPT_REPEATED) || o->type != P2V_T_TEXT)
			return p2v_config_fail(c, e->line, err, P2V_ECONF,
				"key '%s' stands in line %u already", e->key, b->lines[i]);
		memcpy(&before, (const char *)b->conf + o->offset, sizeof before);
	}
	rc = p2v_option_set(o, b->conf, e->value, &why);
	if (rc < 0)
		return p2v_config_fail(c, e->line, err, rc, "%s: %s", e->key, why.text);
	if (!b->lines[i])
		b->lines[i] = e->line;
	return before ? append(c, o, b, before, e->value, err) : P2V_OK;
}

int p2v_bound_entries(struct p2v_config *c, struct p2v_bound *b, const struct p2v_ini_section *s,
	struct p2v_err *err)
{
	b->line = s->line;
	for (size_t i = 0; i < s->n; i++) {
		int rc = bind_entry(c, b, &s->entries[i], err);

		if (rc < 0)
			return rc;
	}
	return P2V_OK;
}

int p2v_bound_check(const struct p2v_config *c, const struct p2v_bound *b, const void *conf,
	struct p2v_err *err)
{
	struct p2v_err why = { 0 };

	if (!b->check || b->check(conf, &why) >= 0)
		return P2V_OK;
	return p2v_config_fail(c, b->line, err, P2V_ECONF, "[%s]: %s", b->title, why.text);
}

int p2v_bound_finish(const struct p2v_config *c, const struct p2v_bound *b, struct p2v_err *err)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	for (size_t i = 0; (o = p2v_option_at(b->options, b->stride, i, &copy)); i++) {
		if (o->type != P2V_T_TEXT || o->min < 1 || *o->dflt || b->lines[i])
			continue;
		if (!b->line)
			return p2v_config_fail(c, 0, err, P2V_ECONF,
				"section [%s] with the key '%s' is missing", b->title, o->name);
		return p2v_config_fail(
			c, b->line, err, P2V_ECONF, "[%s] lacks the key '%s'", b->title, o->name);
	}
	return p2v_bound_check(c, b, b->conf, err);
}
