/* telling.c - telling a sink what a manifest means. */
#include "plugins/manifest/shared/telling.h"

#include <stdlib.h>

#include "plugins/manifest/shared/words.h"

void telling_warn(struct telling *t, const struct xml_node *e, const char *fmt, ...)
{
	char text[252];
	va_list ap;

	if (t->rc != P2V_OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	t->rc = t->sink->warn(t->sink->ctx, e ? e->line : 0, "%s", text);
}

void telling_fail(struct telling *t, int rc, const char *fmt, ...)
{
	va_list ap;

	if (t->rc != P2V_OK)
		return;
	t->rc = t->err->code = rc;
	va_start(ap, fmt);
	(void)vsnprintf(t->err->text, sizeof t->err->text, fmt, ap);
	va_end(ap);
}

uint64_t telling_number(
	struct telling *t, const struct xml_node *e, const char *name, uint64_t otherwise)
{
	struct p2v_str s = xml_attr_of(e, name);
	uint64_t v = otherwise;

	if (s.p && !words_number(s, INT64_MAX, &v))
		telling_warn(t, e, "%s '%.*s' is no number", name, WORDS_CUT(s));
	return v;
}

void telling_variant(struct telling *t, const struct p2v_manifest_variant *v)
{
	if (t->rc == P2V_OK)
		t->rc = t->sink->variant(t->sink->ctx, v);
}

void telling_track(struct telling *t, const struct p2v_manifest_track *k)
{
	if (t->rc == P2V_OK)
		t->rc = t->sink->track(t->sink->ctx, k);
}

void telling_uri(struct telling *t, const struct p2v_manifest_uri *u)
{
	if (t->rc == P2V_OK)
		t->rc = t->sink->uri(t->sink->ctx, u);
}

void telling_base(struct telling *t, const struct p2v_str *uris, size_t n)
{
	if (t->rc == P2V_OK)
		t->rc = t->sink->base(t->sink->ctx, uris, n);
}

void telling_child(struct telling *t, const struct p2v_manifest_child *c)
{
	if (t->rc == P2V_OK)
		t->rc = t->sink->child(t->sink->ctx, c);
}

bool telling_segment(struct telling *t, const struct p2v_manifest_segment *s)
{
	t->cut |= t->listed >= TELLING_FRAGMENTS;
	if (t->cut || t->rc != P2V_OK)
		return false;
	t->listed++;
	t->longest = s->dur > t->longest ? s->dur : t->longest;
	t->rc = t->sink->segment(t->sink->ctx, s);
	return t->rc == P2V_OK;
}

void telling_head(struct telling *t, const struct xml_node *e, struct p2v_manifest_head *h)
{
	if (t->longest)
		h->target = t->longest;
	if (t->cut)
		telling_warn(t, e, "it tells of more than %d fragments: the rest is left out",
			TELLING_FRAGMENTS);
	if (t->rc == P2V_OK)
		t->rc = t->sink->head(t->sink->ctx, h);
}
