/* hds.c - HTTP Dynamic Streaming: F4M manifests and the bootstraps that they name or hold. */
#include <peer2view/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/hds/bootstrap.h"
#include "plugins/manifest/shared/telling.h"
#include "plugins/manifest/shared/words.h"

enum { URI_MAX = 4096, MEDIA_MAX = 4096 };

struct hds {
	struct telling telling;
	struct xml_tree tree;
	const struct xml_node *
		*bootstraps; /* shape (n_bootstraps), of the manifest, by their ids */
	size_t n_bootstraps;
	bool live;
};

/* ---- fragments ---- */

/* A medium's URL up to "Seg", and what stands behind its path. */
struct medium {
	struct p2v_str path, query;
};

static struct medium medium_of(struct p2v_str url)
{
	const char *q = url.n ? memchr(url.p, '?', url.n) : NULL;
	size_t n = q ? (size_t)(q - url.p) : url.n;

	return (struct medium){ { url.p, n }, { url.p + n, url.n - n } };
}

static bool tell_fragment(struct hds *d, const struct hds_bootstrap *b, const struct medium *m,
	const struct hds_fragment_run *r, uint64_t i, bool disc)
{
	char uri[URI_MAX];
	uint64_t n = r->first + i, t = r->t + i * r->duration;
	struct p2v_manifest_segment s = { .n = n, .t = words_usec(t, b->run_scale), .disc = disc };
	int k = snprintf(uri, sizeof uri, "%.*sSeg%llu-Frag%llu%.*s", P2V_STR(m->path),
		(unsigned long long)hds_segment_of(b, n), (unsigned long long)n, P2V_STR(m->query));

	d->telling.cut |= t > INT64_MAX / 2;
	if (d->telling.cut)
		return false;
	if (k < 0 || (size_t)k >= sizeof uri) {
		telling_warn(&d->telling, NULL, "a fragment's URL is too long");
		return false;
	}
	s.dur = words_usec(t + r->duration, b->run_scale) - s.t;
	s.uri = (struct p2v_str){ uri, (size_t)k };
	return telling_segment(&d->telling, &s);
}

static void tell_fragments(struct hds *d, const struct hds_bootstrap *b, struct p2v_str url)
{
	struct medium m = medium_of(url);
	bool disc = false;
	uint64_t next = 0;

	for (size_t run = 0; run < b->n_fragments; run++) {
		const struct hds_fragment_run *r = &b->fragments[run];
		uint64_t n = hds_run_length(b, run);

		disc |= r->duration == 0 && r->why != 0;
		if (n && r->first < next) {
			telling_warn(&d->telling, NULL, "fragments from %u on are told twice",
				(unsigned)r->first);
			continue;
		}
		for (uint64_t i = 0; i < n; i++, disc = false)
			if (!tell_fragment(d, b, &m, r, i, disc))
				return;
		next = n ? r->first + n : next;
	}
}

/* ---- media ---- */

/* A medium's place among those of one manifest is its name; its bit rate is in kbit/s. */
static void tell_track(struct hds *d, struct p2v_str id, uint64_t kbit)
{
	struct p2v_manifest_track t = {
		.variant = id, .type = { "video", 5 }, .bw = kbit * 1000, .set = { "0", 1 }
	};

	telling_track(&d->telling, &t);
}

static uint64_t kbit_of(struct hds *d, const struct xml_node *e)
{
	struct p2v_str s = xml_attr_of(e, "bitrate");
	uint64_t v = 0;

	/* Some write it with a fraction. */
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.')
			s.n = i;
	if (s.p && !words_number(s, UINT32_MAX, &v))
		telling_warn(&d->telling, e, "bitrate '%.*s' is no number", WORDS_CUT(s));
	return v;
}

static int order(struct p2v_str a, struct p2v_str b)
{
	int c = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;

	return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

static int compare_ids(const void *a, const void *b)
{
	const struct xml_node *const *x = a, *const *y = b;

	int c = order(xml_attr_of(*x, "id"), xml_attr_of(*y, "id"));

	return c ? c : (*x)->off < (*y)->off ? -1 : 1; /* of one name the first counts */
}

/* The manifest's own bootstraps, by their ids: a long list is not looked through for each medium.
 */
static void sort_bootstraps(struct hds *d)
{
	const struct xml_node *first = xml_child(d->tree.root, "bootstrapInfo"), *e;
	size_t n = 0;

	for (e = first; e; e = xml_next(e, "bootstrapInfo"))
		n++;
	d->bootstraps = xml_take(&d->tree, (n + 1) * sizeof *d->bootstraps);
	if (!d->bootstraps) {
		telling_fail(&d->telling, P2V_ENOMEM, "no memory for a manifest");
		return;
	}
	for (e = first; e; e = xml_next(e, "bootstrapInfo"))
		d->bootstraps[d->n_bootstraps++] = e;
	qsort(d->bootstraps, n, sizeof *d->bootstraps, compare_ids);
}

static const struct xml_node *bootstrap_of(const struct hds *d, const struct xml_node *medium)
{
	struct p2v_str id = xml_attr_of(medium, "bootstrapInfoId");
	const struct xml_node *own = xml_child(medium, "bootstrapInfo");
	size_t low = 0, high = d->n_bootstraps;

	if (own || !id.p)
		return own ? own : xml_child(d->tree.root, "bootstrapInfo");
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (order(xml_attr_of(d->bootstraps[mid], "id"), id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == d->n_bootstraps || !words_same(xml_attr_of(d->bootstraps[low], "id"), id))
		return NULL;
	return d->bootstraps[low];
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* RFC 4648 4, blanks and line ends left out. @return shape (*n), in the tree's memory; NULL: it is
 * none, or no memory */
static uint8_t *from_base64(struct hds *d, struct p2v_str s, size_t *n)
{
	uint8_t *out = xml_take(&d->tree, s.n);
	uint32_t bits = 0;
	unsigned have = 0;

	*n = 0;
	for (size_t i = 0; out && i < s.n && s.p[i] != '='; i++) {
		int v = value_of(s.p[i]);

		if (v < 0 && strchr(" \t\r\n", s.p[i]))
			continue;
		if (v < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[(*n)++] = (uint8_t)(bits >> have);
		}
	}
	return out;
}

static void tell_inline(struct hds *d, const struct xml_node *boot, struct p2v_str url)
{
	struct hds_bootstrap b = { .scale = 1 };
	struct p2v_err why;
	size_t n;
	const uint8_t *p = from_base64(d, xml_text(boot), &n);
	int rc = p ? hds_bootstrap_read((struct p2v_bytes){ p, n }, &b, &why)
		   : p2v_fail(&why, P2V_EPARSE, "its text is no base64");

	if (rc == P2V_ENOMEM)
		telling_fail(&d->telling, rc, "no memory for a manifest");
	else if (rc < 0)
		telling_warn(&d->telling, boot, "a bootstrap that cannot be read is left out: %s",
			why.text);
	d->live |= b.live;
	if (rc == P2V_OK)
		tell_fragments(d, &b, url);
	hds_bootstrap_fini(&b);
}

/* Its fragments are told by a manifest of its own. */
static void tell_child(struct hds *d, const struct xml_node *boot, struct p2v_str id, uint64_t kbit,
	struct p2v_str url)
{
	char context[URI_MAX];
	struct p2v_manifest_child c = { .uri = xml_attr_of(boot, "url") };
	int n = snprintf(context, sizeof context, "%.*s %llu %.*s", P2V_STR(id),
		(unsigned long long)kbit, P2V_STR(url));

	if (n < 0 || (size_t)n >= sizeof context) {
		telling_warn(&d->telling, boot, "a medium's URL is too long");
		return;
	}
	c.context = (struct p2v_str){ context, (size_t)n };
	telling_child(&d->telling, &c);
}

static void tell_medium(struct hds *d, const struct xml_node *e, size_t order)
{
	const struct xml_node *boot = bootstrap_of(d, e);
	struct p2v_str url = xml_attr_of(e, "url"), id;
	char name[24];

	id = (struct p2v_str){ name, (size_t)snprintf(name, sizeof name, "%zu", order) };
	if (!boot || !url.p) {
		telling_warn(
			&d->telling, e, "nothing says where its fragments are: it is left out");
		return;
	}
	if (xml_attr_of(boot, "url").p) {
		tell_child(d, boot, id, kbit_of(d, e), url);
		return;
	}
	tell_track(d, id, kbit_of(d, e));
	tell_inline(d, boot, url);
}

/* Media stand in the manifest, or since 3.0 in sets of alternatives. */
static const struct xml_node *next_medium(const struct hds *d, const struct xml_node *e)
{
	const struct xml_node *set = e ? e->parent : NULL, *m;

	m = e ? xml_next(e, "media") : xml_child(d->tree.root, "media");
	if (m)
		return m;
	set = set && set != d->tree.root ? xml_next(set, "adaptiveSet")
					 : xml_child(d->tree.root, "adaptiveSet");
	while (set && !xml_child(set, "media"))
		set = xml_next(set, "adaptiveSet");
	return xml_child(set, "media");
}

/* ---- the whole ---- */

static void tell_variant(struct hds *d, const struct xml_node *e, size_t order)
{
	char name[24];
	uint64_t w = 0, h = 0;
	struct p2v_manifest_variant v = { .uri = xml_attr_of(e, "href"),
		.bw = kbit_of(d, e) * 1000,
		.codecs = xml_attr_of(e, "videoCodec") };

	v.id = (struct p2v_str){ name, (size_t)snprintf(name, sizeof name, "%zu", order) };
	(void)words_number(xml_attr_of(e, "width"), UINT32_MAX, &w);
	(void)words_number(xml_attr_of(e, "height"), UINT32_MAX, &h);
	v.w = (uint32_t)w;
	v.h = (uint32_t)h;
	telling_variant(&d->telling, &v);
}

/* What all URIs but itself are relative to; a folder even where it does not end like one. */
static void tell_base(struct hds *d)
{
	struct p2v_str s = xml_text(xml_child(d->tree.root, "baseURL"));
	char *q = s.n && s.p[s.n - 1] != '/' ? xml_take(&d->tree, s.n + 1) : NULL;

	if (q) {
		memcpy(q, s.p, s.n);
		q[s.n] = '/';
		s = (struct p2v_str){ q, s.n + 1 };
	}
	telling_base(&d->telling, &s, s.n > 0);
}

static void tell_place(
	struct hds *d, const struct xml_node *e, const char *attr, enum p2v_uri_role role)
{
	struct p2v_manifest_uri u;

	if (attr ? !xml_attr_place(&d->tree, e, attr, &u) : !xml_text_place(e, &u))
		return;
	u.role = role;
	if (!attr)
		telling_base(&d->telling, NULL, 0);
	telling_uri(&d->telling, &u);
	if (!attr)
		tell_base(d);
}

static void tell_places(struct hds *d, const struct xml_node *e)
{
	for (const struct xml_node *c = e->first; c; c = c->next) {
		if (xml_is(c, "baseURL"))
			tell_place(d, c, NULL, P2V_URI_BASE);
		else if (xml_is(c, "bootstrapInfo"))
			tell_place(d, c, "url", P2V_URI_MANIFEST);
		else if (xml_is(c, "media"))
			tell_place(d, c, xml_attr_of(c, "href").p ? "href" : "url",
				xml_attr_of(c, "href").p ? P2V_URI_MANIFEST : P2V_URI_MEDIA);
		tell_places(d, c);
	}
}

static void tell_head(struct hds *d, bool set_level)
{
	struct p2v_str type = xml_text(xml_child(d->tree.root, "streamType"));
	struct p2v_manifest_head h = { .kind = set_level ? P2V_MANIFEST_MASTER
							 : P2V_MANIFEST_PRESENTATION,
		.live = d->live || words_is(type, "live") || words_is(type, "dvr") };

	h.endlist = !h.live;
	telling_head(&d->telling, d->tree.root, &h);
}

static void tell_all(struct hds *d)
{
	const struct xml_node *e = NULL;
	bool set_level = false;
	size_t n = 0;

	tell_base(d);
	sort_bootstraps(d);
	for (; (e = next_medium(d, e)) && n < MEDIA_MAX; n++) {
		set_level |= xml_attr_of(e, "href").p != NULL;
		tell_variant(d, e, n);
	}
	tell_places(d, d->tree.root);
	for (n = 0; !set_level && (e = next_medium(d, e)) && n < MEDIA_MAX; n++)
		tell_medium(d, e, n);
	tell_head(d, set_level);
}

/* A bootstrap by URL. Its context: the medium's name, its bit rate [kbit/s], its URL. */
static void parse_bootstrap(
	struct hds *d, const struct p2v_manifest_in *in, struct hds_bootstrap *b)
{
	const struct p2v_bytes bytes = { (const uint8_t *)in->text.p, in->text.n };
	struct p2v_str url = in->context, id, rate;
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_MEDIA };
	uint64_t kbit = 0;

	if (!words_next(&url, &id) || !words_next(&url, &rate) ||
		!words_number(rate, UINT32_MAX, &kbit)) {
		telling_fail(
			&d->telling, P2V_EPARSE, "byte 0: nothing tells whose bootstrap it is");
		return;
	}
	d->telling.rc = hds_bootstrap_read(bytes, b, d->telling.err);
	if (d->telling.rc != P2V_OK)
		return;
	tell_track(d, id, kbit);
	tell_fragments(d, b, url);
	h.live = b->live;
	h.endlist = !b->live;
	telling_head(&d->telling, NULL, &h);
}

static void parse_manifest(struct hds *d, struct p2v_str text)
{
	struct telling *t = &d->telling;

	t->rc = xml_read(text, &d->tree, t->err);
	if (t->rc == P2V_OK && !xml_is(d->tree.root, "manifest"))
		telling_fail(t, P2V_EPARSE,
			"line %u: the document is a '%.*s', not an F4M manifest",
			(unsigned)d->tree.root->line, WORDS_CUT(*d->tree.root->name));
	if (t->rc == P2V_OK)
		tell_all(d);
	xml_free(&d->tree);
}

static int hds_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct hds d = { .telling = { .sink = sink, .err = err } };
	struct hds_bootstrap b = { .scale = 1 };

	(void)st;
	if (in->context.p)
		parse_bootstrap(&d, in, &b);
	else
		parse_manifest(&d, in->text);
	hds_bootstrap_fini(&b);
	return d.telling.rc;
}

/* ---- how it knows its own ---- */

static uint32_t hds_probe(const struct p2v_manifest_probe *in)
{
	uint32_t score = 0;

	if (words_start(in->type, "application/f4m+xml") || words_start(in->type, "video/f4m"))
		score = 80;
	else if (words_end_nocase(in->path, ".f4m"))
		score = 70;
	if (in->start.n == 0)
		return score;
	if (words_have(in->start, "ns.adobe.com/f4m/"))
		return 100;
	return in->start.p[0] == '<' || (unsigned char)in->start.p[0] >= 0xef ? score / 2 : 0;
}

static const struct p2v_manifest_ops ops = {
	.size = sizeof ops, .probe = hds_probe, .parse = hds_parse
};

P2V_PLUGIN(p2v_manifest_hds) = { P2V_HEADER(MANIFEST), .name = "hds", .version = "1.0",
	.summary = "HTTP Dynamic Streaming: F4M 1.0 to 3.0, bootstraps inline and by URL",
	.source = "Adobe F4M 3.0; Adobe Flash Video File Format Specification 10.1",
	.license = "BSD-2-Clause", .ops.manifest = &ops };
