/* reload.c - reading a configuration again while it is in use: all of it or nothing. */
#include "framework/host/config_inside.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

struct reload {
	struct p2v_config *old, *fresh;
	void **merged; /* shape (old->n_bound): confs as they are to be; NULL: as they are */
	struct p2v_kept_text *texts; /* that merged confs point to */
	struct p2v_err *err;
};

static struct p2v_bound *find_twin(const struct p2v_config *c, const struct p2v_bound *b)
{
	for (size_t i = 0; i < c->n_bound; i++)
		if (strcmp(c->bound[i]->title, b->title) == 0 && c->bound[i]->plugin == b->plugin)
			return c->bound[i];
	return NULL;
}

static bool differs(const struct p2v_option *o, const void *a, const void *b)
{
	const char *fa = (const char *)a + o->offset, *fb = (const char *)b + o->offset;
	const char *ta, *tb;

	if (o->type != P2V_T_TEXT)
		return memcmp(fa, fb, p2v_option_size(o)) != 0;
	memcpy(&ta, fa, sizeof ta);
	memcpy(&tb, fb, sizeof tb);
	return strcmp(ta, tb) != 0;
}

static int copy_field(struct reload *r, const struct p2v_option *o, void *to, const void *from)
{
	const char *text;

	if (o->type != P2V_T_TEXT) {
		memcpy((char *)to + o->offset, (const char *)from + o->offset, p2v_option_size(o));
		return P2V_OK;
	}
	memcpy(&text, (const char *)from + o->offset, sizeof text);
	text = p2v_text_keep(&r->texts, p2v_str_of(text));
	if (!text)
		return p2v_fail(r->err, P2V_ENOMEM, "no memory to reload the configuration");
	memcpy((char *)to + o->offset, &text, sizeof text);
	return P2V_OK;
}

/* The conf in use with the new live values, checked as a whole: what is new may not go with what
 * has to wait for a restart. */
static int merge(struct reload *r, size_t i, const struct p2v_bound *new)
{
	const struct p2v_bound *old = r->old->bound[i];
	const struct p2v_option *o;
	struct p2v_option copy;
	void *conf = malloc(old->conf_size ? old->conf_size : 1);
	bool any = false;
	int rc = P2V_OK;

	if (!conf)
		return p2v_fail(r->err, P2V_ENOMEM, "no memory to reload the configuration");
	memcpy(conf, old->conf, old->conf_size);
	for (size_t k = 0; (o = p2v_option_at(old->options, old->stride, k, &copy)); k++) {
		if (!(o->flags & P2V_OPT_LIVE) || !differs(o, old->conf, new->conf))
			continue;
		any = true;
		rc = copy_field(r, o, conf, new->conf);
		if (rc < 0)
			break;
	}
	if (rc == P2V_OK && any)
		rc = p2v_bound_check(r->fresh, new, conf, r->err);
	if (rc < 0 || !any) {
		free(conf);
		return rc;
	}
	r->merged[i] = conf;
	return P2V_OK;
}

static void apply(struct reload *r, size_t i, const struct p2v_reload_report *report)
{
	struct p2v_bound *old = r->old->bound[i];
	const struct p2v_bound *new = find_twin(r->fresh, old);
	const struct p2v_option *o;
	struct p2v_option copy;

	if (!new) {
		if (old->section)
			report->changed(report->ctx, old->title, NULL, false);
		return;
	}
	for (size_t k = 0; (o = p2v_option_at(old->options, old->stride, k, &copy)); k++)
		if (differs(o, old->conf, new->conf))
			report->changed(
				report->ctx, old->title, o->name, (o->flags & P2V_OPT_LIVE) != 0);
	if (r->merged[i])
		memcpy(old->conf, r->merged[i], old->conf_size);
}

static void commit(struct reload *r, const struct p2v_reload_report *report)
{
	struct p2v_kept_text **end = &r->texts;

	for (size_t i = 0; i < r->old->n_bound; i++)
		apply(r, i, report);
	for (size_t i = 0; i < r->fresh->n_bound; i++)
		if (r->fresh->bound[i]->section && !find_twin(r->old, r->fresh->bound[i]))
			report->changed(report->ctx, r->fresh->bound[i]->title, NULL, false);
	while (*end)
		end = &(*end)->next;
	*end = r->old->kept;
	r->old->kept = r->texts;
	r->texts = NULL;
}

int p2v_config_reload(struct p2v_config *c, struct p2v_loader *ld,
	const struct p2v_reload_report *report, struct p2v_err *err)
{
	struct reload r = { .old = c, .err = err };
	int rc = p2v_config_read(c->schema, c->ini->file, &r.fresh, err);

	if (rc < 0)
		return rc;
	rc = p2v_config_bind(r.fresh, ld, err);
	r.merged = calloc(c->n_bound + 1, sizeof *r.merged);
	if (rc == P2V_OK && !r.merged)
		rc = p2v_fail(err, P2V_ENOMEM, "no memory to reload the configuration");
	for (size_t i = 0; i < c->n_bound && rc == P2V_OK; i++) {
		const struct p2v_bound *new = find_twin(r.fresh, c->bound[i]);

		if (new)
			rc = merge(&r, i, new);
	}
	if (rc == P2V_OK)
		commit(&r, report);
	for (size_t i = 0; r.merged && i < c->n_bound; i++)
		free(r.merged[i]);
	free(r.merged);
	p2v_text_drop(&r.texts);
	p2v_config_free(r.fresh);
	return rc;
}
