/* smooth.c - Smooth Streaming: client manifests, and what fragments tell of those to come.
 * MS-SSTR; names are those of it. */
#include <peer2view/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/shared/telling.h"
#include "plugins/manifest/shared/words.h"
#include "plugins/manifest/smooth/announced.h"

enum { URI_MAX = 4096 };
#define USUAL_SCALE 10000000u

struct smooth {
	struct telling telling;
	struct xml_tree tree;
	uint64_t scale;
};

static bool is_true(struct p2v_str s)
{
	return words_is_nocase(s, "true") || words_is(s, "1");
}

/* ---- URLs of fragments (MS-SSTR 2.2.2.5) ---- */

/* What stands for what; an absent value stays as it is written. */
struct values {
	struct p2v_str bitrate, attributes, time;
};

static struct p2v_str value_of(const struct values *v, struct p2v_str at, size_t *used)
{
	static const struct {
		const char *word;
		size_t which;
	} words[] = { { "{bitrate}", 0 }, { "{Bitrate}", 0 }, { "{CustomAttributes}", 1 },
		{ "{start time}", 2 }, { "{start_time}", 2 } };
	const struct p2v_str of[] = { v->bitrate, v->attributes, v->time };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words_start(at, words[i].word)) {
			*used = strlen(words[i].word);
			return of[words[i].which];
		}
	*used = 1;
	return (struct p2v_str){ NULL, 0 };
}

/* @param out  [out] shape (URI_MAX). @return its length; 0: it does not fit */
static size_t fill(struct p2v_str tmpl, const struct values *v, char *out)
{
	size_t at = 0;

	while (tmpl.n) {
		const char *open = memchr(tmpl.p, '{', tmpl.n);
		size_t used = open ? (size_t)(open - tmpl.p) : tmpl.n;
		struct p2v_str s = { NULL, 0 };

		if (open == tmpl.p)
			s = value_of(v, tmpl, &used);
		if (!s.p)
			s = (struct p2v_str){ tmpl.p, used };
		if (s.n > URI_MAX - at)
			return 0;
		if (s.n)
			memcpy(out + at, s.p, s.n);
		at += s.n;
		tmpl.p += used;
		tmpl.n -= used;
	}
	return at;
}

/* Tell the fragment that starts at t. @return whether another one may be told */
static bool tell_at(
	struct telling *tell, struct p2v_str tmpl, uint64_t t, uint64_t span, uint64_t scale)
{
	char uri[URI_MAX], digits[WORDS_DIGITS];
	struct values v = { .time.p = digits };
	struct p2v_manifest_segment s = { .t = words_usec(t, scale) };
	size_t n;

	v.time.n = words_digits(t, 0, digits);
	n = fill(tmpl, &v, uri);
	if (n == 0) {
		telling_warn(tell, NULL, "a fragment's URL is too long");
		return tell->rc == P2V_OK;
	}
	s.dur = words_usec(t + span, scale) - s.t;
	s.n = (uint64_t)s.t;
	s.uri = (struct p2v_str){ uri, n };
	return telling_segment(tell, &s);
}

/* ---- chunk lists (MS-SSTR 2.2.2.6) ---- */

struct chunks {
	struct smooth *d;
	const struct xml_node *e; /* the StreamIndex */
	struct p2v_str tmpl;
	uint64_t scale, t;
};

/* [units] A chunk without a duration lasts until the next one begins; the last one of all as long
 * as the one before. */
static uint64_t span_of(struct chunks *c, const struct xml_node *e, uint64_t before)
{
	struct p2v_str d = xml_attr_of(e, "d"), next = xml_attr_of(xml_next(e, "c"), "t");
	uint64_t v = 0;

	if (d.p && words_number(d, INT64_MAX / 4, &v))
		return v;
	if (d.p)
		telling_warn(&c->d->telling, e, "d '%.*s' is no number", WORDS_CUT(d));
	if (next.p && words_number(next, INT64_MAX / 4, &v) && v > c->t)
		return v - c->t;
	return before;
}

static bool tell_run(struct chunks *c, uint64_t span, uint64_t n)
{
	struct telling *t = &c->d->telling;

	for (; n && t->rc == P2V_OK; n--) {
		t->cut |= c->t > INT64_MAX / 4;
		if (t->cut || !tell_at(t, c->tmpl, c->t, span, c->scale))
			return false;
		c->t += span;
	}
	return t->rc == P2V_OK;
}

static void tell_chunks(struct chunks *c)
{
	uint64_t span = 0;

	for (const struct xml_node *e = xml_child(c->e, "c"); e; e = xml_next(e, "c")) {
		uint64_t n = telling_number(&c->d->telling, e, "r", 1);

		c->t = telling_number(&c->d->telling, e, "t", c->t);
		span = span_of(c, e, span);
		if (span == 0)
			telling_warn(&c->d->telling, e, "a chunk without a duration is left out");
		else if (!tell_run(c, span, n ? n : 1))
			return;
	}
}

/* ---- streams ---- */

/* [shape: URI_MAX] "{name=value,name=value}" of a QualityLevel: MS-SSTR 2.2.2.5.1.1 */
static struct p2v_str attributes_of(const struct xml_node *q, char *out)
{
	const struct xml_node *all = xml_child(q, "CustomAttributes");
	size_t at = 0;

	for (const struct xml_node *e = xml_child(all, "Attribute"); e;
		e = xml_next(e, "Attribute")) {
		struct p2v_str name = xml_attr_of(e, "Name"), value = xml_attr_of(e, "Value");
		int n = snprintf(out + at, URI_MAX - at, "%s%.*s=%.*s", at ? "," : "",
			P2V_STR(name), P2V_STR(value));

		if (n < 0 || (size_t)n >= URI_MAX - at)
			break;
		at += (size_t)n;
	}
	return (struct p2v_str){ out, at };
}

static struct p2v_str type_of(const struct xml_node *stream)
{
	static const char *const types[] = { "video", "audio", "text" };
	struct p2v_str type = xml_attr_of(stream, "Type");

	for (size_t i = 0; i < 3; i++)
		if (words_is_nocase(type, types[i]))
			return (struct p2v_str){ types[i], strlen(types[i]) };
	return (struct p2v_str){ "", 0 };
}

static size_t id_of(char *out, size_t stream, const struct xml_node *q, size_t order)
{
	struct p2v_str index = xml_attr_of(q, "Index");

	if (index.p && index.n < 10)
		return (size_t)snprintf(out, 48, "%zu.%.*s", stream, P2V_STR(index));
	return (size_t)snprintf(out, 48, "%zu.%zu", stream, order);
}

static void tell_level(struct smooth *d, const struct xml_node *stream, size_t i,
	const struct xml_node *q, size_t k)
{
	char id[48], set[24], buf[URI_MAX], custom[URI_MAX], context[URI_MAX + 32];
	struct values v = { .bitrate = xml_attr_of(q, "Bitrate") };
	struct p2v_manifest_track t = { .timed = true };
	struct chunks c = { .d = d, .e = stream, .tmpl = { buf, 0 } };

	(void)words_number(xml_attr_of(q, "Bitrate"), INT64_MAX, &t.bw);
	c.scale = telling_number(&d->telling, stream, "TimeScale", d->scale);
	v.attributes = attributes_of(q, custom);
	v.bitrate = v.bitrate.p ? v.bitrate : (struct p2v_str){ "0", 1 };
	c.tmpl.n = fill(xml_attr_of(stream, "Url"), &v, buf);
	if (c.tmpl.n == 0 || c.scale == 0) {
		telling_warn(
			&d->telling, q, "nothing says where its fragments are: it is left out");
		return;
	}
	t.variant = (struct p2v_str){ id, id_of(id, i, q, k) };
	t.set = (struct p2v_str){ set, (size_t)snprintf(set, sizeof set, "%zu", i) };
	t.type = type_of(stream);
	t.context = (struct p2v_str){ context,
		(size_t)snprintf(context, sizeof context, "%llu %.*s", (unsigned long long)c.scale,
			P2V_STR(c.tmpl)) };
	telling_track(&d->telling, &t);
	tell_chunks(&c);
}

static void tell_variant(struct smooth *d, size_t i, const struct xml_node *q, size_t k)
{
	char id[48];
	uint64_t w = 0, h = 0;
	struct p2v_manifest_variant v = { .bw = telling_number(&d->telling, q, "Bitrate", 0),
		.codecs = xml_attr_of(q, "FourCC") };

	v.id = (struct p2v_str){ id, id_of(id, i, q, k) };
	(void)words_number(xml_attr_of(q, "MaxWidth"), UINT32_MAX, &w);
	(void)words_number(xml_attr_of(q, "MaxHeight"), UINT32_MAX, &h);
	v.w = (uint32_t)w;
	v.h = (uint32_t)h;
	telling_variant(&d->telling, &v);
}

static void tell_levels(struct smooth *d, bool tracks)
{
	size_t i = 0;

	for (const struct xml_node *s = xml_child(d->tree.root, "StreamIndex"); s;
		s = xml_next(s, "StreamIndex"), i++) {
		size_t k = 0;

		for (const struct xml_node *q = xml_child(s, "QualityLevel");
			q && d->telling.rc == P2V_OK; q = xml_next(q, "QualityLevel"), k++) {
			if (tracks)
				tell_level(d, s, i, q, k);
			else
				tell_variant(d, i, q, k);
		}
	}
}

static void tell_places(struct smooth *d)
{
	for (const struct xml_node *s = xml_child(d->tree.root, "StreamIndex"); s;
		s = xml_next(s, "StreamIndex")) {
		struct p2v_manifest_uri u;

		if (!xml_attr_place(&d->tree, s, "Url", &u))
			continue;
		u.role = P2V_URI_MEDIA;
		xml_fill_from(&d->tree, &u, '{');
		telling_uri(&d->telling, &u);
	}
}

/* ---- the whole ---- */

static void tell_head(struct smooth *d)
{
	const struct xml_node *root = d->tree.root;
	bool live = is_true(xml_attr_of(root, "IsLive"));
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_PRESENTATION,
		.live = live,
		.endlist = !live,
		.version = (uint32_t)(telling_number(&d->telling, root, "MajorVersion", 0) &
				      UINT32_MAX) };

	telling_head(&d->telling, root, &h);
}

static int smooth_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct smooth d = { .telling = { .sink = sink, .err = err } };
	struct telling *t = &d.telling;

	(void)st;
	t->rc = xml_read(in->text, &d.tree, err);
	if (t->rc == P2V_OK && !xml_is(d.tree.root, "SmoothStreamingMedia"))
		telling_fail(t, P2V_EPARSE,
			"line %u: the document is a '%.*s', not a Smooth Streaming manifest",
			(unsigned)d.tree.root->line, WORDS_CUT(*d.tree.root->name));
	if (t->rc == P2V_OK) {
		d.scale = telling_number(t, d.tree.root, "TimeScale", USUAL_SCALE);
		tell_levels(&d, false);
		tell_places(&d);
		tell_levels(&d, true);
		tell_head(&d);
	}
	xml_free(&d.tree);
	return t->rc;
}

/* What live fragments tell of the next ones (MS-SSTR 2.2.4.5): a player may never read the manifest
 * again. */
static int smooth_fragment(void *st, const struct p2v_manifest_fragment *f,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct telling t = { .sink = sink, .err = err };
	struct smooth_next next[SMOOTH_NEXT_MAX];
	struct p2v_str tmpl = f->context, word;
	uint64_t scale = 0;
	size_t n;

	(void)st;
	if (!words_next(&tmpl, &word) || !words_number(word, INT64_MAX, &scale) || scale == 0)
		return p2v_fail(err, P2V_EPARSE, "byte 0: nothing tells what it is a fragment of");
	n = smooth_announced(f->start, next);
	for (size_t i = 0; i < n; i++)
		if (!tell_at(&t, tmpl, next[i].t, next[i].span, scale))
			break;
	return t.rc;
}

/* ---- how it knows its own ---- */

/* The name's letters, whatever stands between them: UTF-16 has a zero there. */
static bool names_it(struct p2v_str s)
{
	static const char name[] = "<SmoothStreamingMedia";
	size_t k = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == 0)
			continue;
		k = s.p[i] == name[k] ? k + 1 : s.p[i] == name[0];
		if (k == sizeof name - 1)
			return true;
	}
	return false;
}

static uint32_t smooth_probe(const struct p2v_manifest_probe *in)
{
	uint32_t score = 0;

	if (words_start(in->type, "application/vnd.ms-sstr+xml"))
		score = 80;
	else if (words_end_nocase(in->path, ".ism/manifest") ||
		 words_end_nocase(in->path, ".isml/manifest"))
		score = 75;
	if (in->start.n == 0)
		return score;
	return names_it(in->start) ? 100 : in->start.p[0] == '<' ? score / 2 : 0;
}

static const struct p2v_manifest_ops ops = { .size = sizeof ops,
	.probe = smooth_probe,
	.parse = smooth_parse,
	.fragment = smooth_fragment };

P2V_PLUGIN(p2v_manifest_smooth) = { P2V_HEADER(MANIFEST), .name = "smooth", .version = "1.0",
	.summary = "Smooth Streaming: client manifests, and fragments that announce others",
	.source = "MS-SSTR", .license = "BSD-2-Clause", .ops.manifest = &ops };
