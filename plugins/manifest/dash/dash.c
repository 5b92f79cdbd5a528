/* dash.c - MPEG-DASH: the MPD as a whole, its Periods, and which Representations it has. */
#include "plugins/manifest/dash/dash.h"

#include <peer2view/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/dash/sidx.h"

/* An attribute that is a duration. */
static p2v_usec duration(
	struct dash *d, const struct xml_node *e, const char *name, p2v_usec otherwise)
{
	struct p2v_str s = xml_attr_of(e, name);
	p2v_usec v = otherwise;

	if (s.p && !dash_take_duration(s, &v))
		telling_warn(&d->telling, e, "%s '%.*s' is no duration", name, WORDS_CUT(s));
	return v;
}

/* ---- Periods ---- */

static size_t count(const struct xml_node *e, const char *name)
{
	size_t n = 0;

	for (e = xml_child(e, name); e; e = xml_next(e, name))
		n++;
	return n;
}

/* Where a Period begins: as it says, or where the one before ends; ISO/IEC 23009-1 5.3.2.1. */
static void place(struct dash *d, struct dash_period *p, const struct dash_period *before)
{
	p2v_usec at = duration(d, p->e, "start", -1);

	if (at < 0 && before && before->placed)
		at = before->end == P2V_NEVER ? -1 : before->end;
	else if (at < 0 && !before && !d->dynamic)
		at = 0;
	p->placed = at >= 0;
	p->start = at < 0 ? 0 : at;
	at = duration(d, p->e, "duration", -1);
	p->end = at < 0 ? P2V_NEVER : p->start + at;
}

static struct dash_period *find_periods(struct dash *d, size_t *n)
{
	p2v_usec whole = duration(d, d->mpd, "mediaPresentationDuration", -1);
	const struct xml_node *e = xml_child(d->mpd, "Period");
	struct dash_period *v;

	*n = count(d->mpd, "Period");
	v = *n ? xml_take(&d->tree, *n * sizeof *v) : NULL;
	for (size_t i = 0; v && i < *n; i++, e = xml_next(e, "Period")) {
		v[i] = (struct dash_period){ .e = e, .index = (uint32_t)i };
		place(d, &v[i], i ? &v[i - 1] : NULL);
		if (i && v[i].placed && (v[i - 1].end == P2V_NEVER || v[i - 1].end > v[i].start))
			v[i - 1].end = v[i].start;
	}
	if (v && whole >= 0 && v[*n - 1].placed && v[*n - 1].end == P2V_NEVER)
		v[*n - 1].end = whole;
	return v;
}

/* ---- Representations ---- */

/* One of them, in one Period; those of the same name in other Periods are its sequel. */
struct entry {
	struct dash_source s;
	struct p2v_str id;
	size_t order; /* in the MPD */
	struct entry *sequel;
	bool head;
};

static int compare(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	size_t n = (*x)->id.n < (*y)->id.n ? (*x)->id.n : (*y)->id.n;
	int c = n ? memcmp((*x)->id.p, (*y)->id.p, n) : 0;

	if (c)
		return c;
	if ((*x)->id.n != (*y)->id.n)
		return (*x)->id.n < (*y)->id.n ? -1 : 1;
	return (*x)->order < (*y)->order ? -1 : 1;
}

static struct p2v_str id_of(struct dash *d, const struct xml_node *e, size_t order)
{
	struct p2v_str id = xml_attr_of(e, "id");
	char *own;

	if (id.n)
		return id;
	telling_warn(&d->telling, e, "a Representation without an id");
	own = xml_take(&d->tree, 24);
	if (!own)
		return (struct p2v_str){ "", 0 };
	return (struct p2v_str){ own, (size_t)snprintf(own, 24, "#%zu", order) };
}

static void add_all(
	struct dash *d, const struct dash_period *p, struct entry *v, size_t max, size_t *n)
{
	size_t set = 0;

	for (const struct xml_node *a = xml_child(p->e, "AdaptationSet"); a;
		a = xml_next(a, "AdaptationSet"), set++)
		for (const struct xml_node *r = xml_child(a, "Representation"); r && *n < max;
			r = xml_next(r, "Representation"), ++*n)
			v[*n] = (struct entry){ .s = { p, a, r, p->index > 0, set },
				.id = id_of(d, r, *n),
				.order = *n,
				.head = true };
}

static void link_sequels(struct entry **sorted, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry *a = sorted[i - 1], *b = sorted[i];

		if (!words_same(a->id, b->id) || a->s.period == b->s.period)
			continue;
		a->sequel = b;
		b->head = false;
	}
}

/* @return shape (n); NULL: there are none, or no memory (told) */
static struct entry *find_entries(
	struct dash *d, const struct dash_period *periods, size_t n_periods, size_t *n)
{
	struct entry *v, **sorted;
	size_t max = 0;

	*n = 0;
	for (size_t i = 0; i < n_periods; i++)
		for (const struct xml_node *a = xml_child(periods[i].e, "AdaptationSet"); a;
			a = xml_next(a, "AdaptationSet"))
			max += count(a, "Representation");
	if (max == 0)
		return NULL;
	v = xml_take(&d->tree, max * sizeof *v);
	sorted = xml_take(&d->tree, max * sizeof(struct entry *));
	if (!v || !sorted) {
		telling_fail(
			&d->telling, P2V_ELIMIT, "what the manifest says takes too much memory");
		return NULL;
	}
	for (size_t i = 0; i < n_periods; i++)
		add_all(d, &periods[i], v, max, n);
	for (size_t i = 0; i < *n; i++)
		sorted[i] = &v[i];
	qsort(sorted, *n, sizeof(struct entry *), compare);
	link_sequels(sorted, *n);
	return v;
}

/* ---- what a Representation is ---- */

static struct p2v_str inherited(const struct dash_source *x, const char *name)
{
	struct p2v_str s = xml_attr_of(x->representation, name);

	return s.p ? s : xml_attr_of(x->adaptation, name);
}

struct p2v_str dash_type(const struct dash_source *x)
{
	struct p2v_str content = xml_attr_of(x->adaptation, "contentType");
	struct p2v_str mime = inherited(x, "mimeType"), codecs = inherited(x, "codecs");
	static const char *const types[] = { "video", "audio", "text" };

	if (!content.p)
		content = xml_attr_of(xml_child(x->adaptation, "ContentComponent"), "contentType");
	for (size_t i = 0; i < 3; i++)
		if (words_is(content, types[i]) || (!content.p && words_start(mime, types[i])))
			return (struct p2v_str){ types[i], strlen(types[i]) };
	if (words_start(codecs, "stpp") || words_start(codecs, "wvtt"))
		return (struct p2v_str){ "text", 4 };
	return (struct p2v_str){ "", 0 };
}

struct p2v_str dash_set(const struct dash_source *s, char *out)
{
	int n = snprintf(out, DASH_SET_MAX, "%u.%zu", (unsigned)s->period->index, s->set);

	return (struct p2v_str){ out, (size_t)n };
}

/* For seeking only; DASH-IF IOP 3.2.9. */
static bool is_trick(const struct entry *x)
{
	static const char *const kinds[] = { "EssentialProperty", "SupplementalProperty" };

	for (size_t i = 0; i < 2; i++)
		for (const struct xml_node *e = xml_child(x->s.adaptation, kinds[i]); e;
			e = xml_next(e, kinds[i]))
			if (words_is(xml_attr_of(e, "schemeIdUri"),
				    "http://dashif.org/guidelines/trickmode"))
				return true;
	return false;
}

static void tell_variant(struct dash *d, const struct entry *x)
{
	struct p2v_str w = inherited(&x->s, "width"), h = inherited(&x->s, "height");
	uint64_t pixels[2] = { 0, 0 };
	struct p2v_manifest_variant v = { .id = x->id,
		.bw = telling_number(&d->telling, x->s.representation, "bandwidth", 0),
		.codecs = inherited(&x->s, "codecs"),
		.iframes = is_trick(x) };

	(void)words_number(w, UINT32_MAX, &pixels[0]);
	(void)words_number(h, UINT32_MAX, &pixels[1]);
	v.w = (uint32_t)pixels[0];
	v.h = (uint32_t)pixels[1];
	telling_variant(&d->telling, &v);
}

static void tell_track(struct dash *d, const struct entry *x)
{
	char set[DASH_SET_MAX];
	struct p2v_manifest_track t = { .variant = x->id,
		.type = dash_type(&x->s),
		.set = dash_set(&x->s, set),
		.timed = true };

	(void)words_number(xml_attr_of(x->s.representation, "bandwidth"), INT64_MAX, &t.bw);
	telling_track(&d->telling, &t);
	for (; x && d->telling.rc == P2V_OK; x = x->sequel)
		dash_segments(d, &x->s);
}

/* ---- the whole ---- */

static void find_times(struct dash *d)
{
	struct p2v_str start = xml_attr_of(d->mpd, "availabilityStartTime");

	d->dynamic = words_is(xml_attr_of(d->mpd, "type"), "dynamic");
	d->window = duration(d, d->mpd, "timeShiftBufferDepth", P2V_NEVER);
	if (start.p && !dash_take_date(start, &d->available))
		telling_warn(&d->telling, d->mpd, "availabilityStartTime '%.*s' is no date",
			WORDS_CUT(start));
	if (d->dynamic && !start.p)
		telling_warn(&d->telling, d->mpd, "a dynamic MPD without availabilityStartTime");
}

static void tell_head(struct dash *d)
{
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_PRESENTATION,
		.live = d->dynamic,
		.endlist = !d->dynamic,
		.target = duration(d, d->mpd, "maxSegmentDuration", 0),
		.refresh = duration(d, d->mpd, "minimumUpdatePeriod", 0),
		.again = d->again };

	telling_head(&d->telling, d->mpd, &h);
}

static void tell_all(struct dash *d)
{
	size_t n_periods, n;
	struct dash_period *periods;
	struct entry *v;

	find_times(d);
	periods = find_periods(d, &n_periods);
	if (n_periods && !periods)
		telling_fail(
			&d->telling, P2V_ELIMIT, "what the manifest says takes too much memory");
	v = find_entries(d, periods, n_periods, &n);
	for (size_t i = 0; i < n && d->telling.rc == P2V_OK; i++)
		if (v[i].head)
			tell_variant(d, &v[i]);
	dash_places(d);
	for (size_t i = 0; i < n && d->telling.rc == P2V_OK; i++)
		if (v[i].head)
			tell_track(d, &v[i]);
	tell_head(d);
}

static int dash_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct dash d = { .telling = { .sink = sink, .err = err }, .wall = in->wall };
	struct telling *t = &d.telling;

	(void)st;
	if (in->context.p)
		return dash_sidx(in, sink, err);
	t->rc = xml_read(in->text, &d.tree, err);
	d.mpd = d.tree.root;
	if (t->rc == P2V_OK && !xml_is(d.mpd, "MPD"))
		telling_fail(t, P2V_EPARSE, "line %u: the document is a '%.*s', not an MPD",
			(unsigned)d.mpd->line, WORDS_CUT(*d.mpd->name));
	if (t->rc == P2V_OK)
		tell_all(&d);
	xml_free(&d.tree);
	return t->rc;
}

/* ---- how it knows its own ---- */

static uint32_t dash_probe(const struct p2v_manifest_probe *in)
{
	uint32_t score = 0;

	if (words_start(in->type, "application/dash+xml"))
		score = 80;
	else if (words_end_nocase(in->path, ".mpd"))
		score = 70;
	if (in->start.n == 0)
		return score;
	if (words_have(in->start, "<MPD") || words_have(in->start, ":MPD"))
		return 100;
	return in->start.p[0] == '<' || (unsigned char)in->start.p[0] >= 0xef ? score / 2 : 0;
}

static const struct p2v_manifest_ops ops = {
	.size = sizeof ops, .probe = dash_probe, .parse = dash_parse
};

P2V_PLUGIN(p2v_manifest_dash) = { P2V_HEADER(MANIFEST), .name = "dash", .version = "1.0",
	.summary = "MPEG-DASH: static and dynamic MPDs, templates, timelines, lists and indexes",
	.source = "ISO/IEC 23009-1:2022; DASH-IF IOP", .license = "BSD-2-Clause",
	.ops.manifest = &ops };
