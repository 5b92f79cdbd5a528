/* doc.c - one manifest, understood: finds the plugin that reads it, listens to what that tells, and
 * keeps it. The dump is in doc_json.c, rewriting in doc_rewrite.c. */
#include "framework/stream/doc.h"

#include <stdlib.h>
#include <string.h>

#include "framework/stream/doc_memory.h"
#include "framework/stream/doc_shelf.h"
#include "framework/stream/doc_url.h"

enum { PROBE_BYTES = 512, WARNINGS_MAX = 100 };

/* What a document is made with. */
struct build {
	struct p2v_doc *d;
	struct p2v_doc_memory *m;
	struct p2v_doc_urls urls;
	struct p2v_doc_base *base;       /* what URIs are relative to now */
	struct p2v_text chain;           /* what was told for the base of now */
	const struct p2v_doc_init *init; /* the last ones, which the next fragment may share */
	const struct p2v_doc_key *key;
	size_t text_n;   /* [B] of the manifest */
	size_t uri_from; /* where the next URI may begin */
	uint64_t unsaid; /* warnings beyond the bound */
	bool has_head;
	struct p2v_err *err;
};

/* ---- which plugin ---- */

struct p2v_policy *p2v_manifests_probe(
	const struct p2v_manifests *m, const struct p2v_manifest_probe *in, uint32_t *score)
{
	struct p2v_policy *best = NULL;
	uint32_t most = 0;

	for (size_t i = 0; i < m->n; i++) {
		uint32_t s = m->v[i].plugin->ops.manifest->probe(in);

		if (s > most) {
			most = s;
			best = &m->v[i];
		}
	}
	if (score)
		*score = most;
	return best;
}

bool p2v_manifest_range_same(const struct p2v_manifest_range *a, const struct p2v_manifest_range *b)
{
	return a->set == b->set && (!a->set || (a->off == b->off && a->len == b->len));
}

/* ---- keeping ---- */

static int no_room(struct build *b)
{
	if (p2v_doc_over(b->m))
		return p2v_fail(b->err, P2V_ELIMIT,
			"what the manifest says takes more than %zu MiB", P2V_DOC_MEMORY_MAX >> 20);
	return p2v_fail(b->err, P2V_ENOMEM, "no memory for a manifest");
}

/* Text of the manifest may hold a NUL; ours ends with one. 0xff is no part of UTF-8 either, so that
 * the dump shows both as what they are: something that is no character. */
static int keep(struct build *b, struct p2v_str s, const char **out)
{
	char *q;

	*out = NULL;
	if (!s.p)
		return P2V_OK;
	q = p2v_doc_take(b->m, s.n + 1);
	if (!q)
		return no_room(b);
	memcpy(q, s.p, s.n);
	q[s.n] = 0;
	for (size_t i = strlen(q); i < s.n; i += strlen(q + i))
		q[i] = (char)0xff;
	*out = q;
	return P2V_OK;
}

static P2V_PRINTF(3, 4) int warn(void *ctx, uint32_t line, const char *fmt, ...);

/* Most stand beside the manifest. */
static int keep_plain(struct build *b, struct p2v_str uri, struct p2v_ref *out)
{
	struct p2v_str dir = b->urls.dir;
	char *q = p2v_doc_take(b->m, dir.n + uri.n + 1);

	if (!q)
		return no_room(b);
	if (dir.n)
		memcpy(q, dir.p, dir.n);
	memcpy(q + dir.n, uri.p, uri.n);
	q[dir.n + uri.n] = 0;
	*out = (struct p2v_ref){ .uri = q + dir.n, .url = q };
	return P2V_OK;
}

static int keep_ref(struct build *b, const char *whose, struct p2v_str uri, struct p2v_ref *out)
{
	int rc;

	if (p2v_doc_urls_are_plain(&b->urls, uri))
		return keep_plain(b, uri, out);
	out->url = NULL;
	rc = keep(b, uri, &out->uri);
	if (rc < 0 || !uri.p)
		return rc;
	rc = p2v_doc_urls_resolve(&b->urls, uri);
	if (rc == P2V_ENOMEM)
		return p2v_fail(b->err, rc, "no memory for a URL");
	if (rc == P2V_OK)
		return keep(b, (struct p2v_str){ b->urls.out.p, b->urls.out.n }, &out->url);
	if (b->urls.base.n == 0)
		return P2V_OK;
	return warn(b, 0, "'%.*s', which is %s, is no URL to fetch from",
		(int)(uri.n < 60 ? uri.n : 60), uri.p, whose);
}

static bool is_kept(const char *kept, struct p2v_str s)
{
	return kept ? s.p && strncmp(kept, s.p, s.n) == 0 && !kept[s.n] : !s.p;
}

static int keep_init(struct build *b, const struct p2v_manifest_map *m)
{
	struct p2v_doc_init *o;
	int rc;

	if (b->init && is_kept(b->init->at.uri, m->uri) &&
		p2v_manifest_range_same(&b->init->range, &m->range))
		return P2V_OK;
	o = p2v_doc_take(b->m, sizeof *o);
	if (!o)
		return no_room(b);
	o->range = m->range;
	rc = keep_ref(b, "an initialisation segment", m->uri, &o->at);
	b->init = o;
	return rc;
}

static int keep_key(struct build *b, const struct p2v_manifest_key *k)
{
	struct p2v_doc_key *o;
	int rc;

	if (b->key && is_kept(b->key->at.uri, k->uri) && is_kept(b->key->method, k->method) &&
		b->key->has_iv == k->has_iv && memcmp(b->key->iv, k->iv, sizeof k->iv) == 0)
		return P2V_OK;
	o = p2v_doc_take(b->m, sizeof *o);
	if (!o)
		return no_room(b);
	*o = (struct p2v_doc_key){ .has_iv = k->has_iv };
	memcpy(o->iv, k->iv, sizeof o->iv);
	rc = keep(b, k->method, &o->method);
	if (rc == P2V_OK)
		rc = keep_ref(b, "a key", k->uri, &o->at);
	b->key = o;
	return rc;
}

/* ---- what the plugin tells ---- */

static int broken(struct build *b, const char *how)
{
	return p2v_fail(b->err, P2V_EABI, "plugin manifest.%s %s", b->d->proto, how);
}

static int on_head(void *ctx, const struct p2v_manifest_head *h)
{
	struct build *b = ctx;

	if (b->has_head)
		return broken(b, "told two heads of one manifest");
	b->has_head = true;
	b->d->head = *h;
	b->d->head.context = (struct p2v_str){ NULL, 0 }; /* borrowed */
	return keep(b, h->context, &b->d->context);
}

static int on_variant(void *ctx, const struct p2v_manifest_variant *v)
{
	struct build *b = ctx;
	struct p2v_doc *d = b->d;
	struct p2v_doc_variant *grown = p2v_doc_grow(
				       b->m, d->variants, d->n_variants, sizeof *grown),
			       *o;

	if (!grown)
		return no_room(b);
	d->variants = grown;
	o = &grown[d->n_variants];
	*o = (struct p2v_doc_variant){
		.bw = v->bw, .avg_bw = v->avg_bw, .w = v->w, .h = v->h, .iframes = v->iframes
	};
	if (keep(b, v->id, &o->id) < 0 || keep(b, v->codecs, &o->codecs) < 0 ||
		keep(b, v->audio, &o->audio) < 0 || keep(b, v->video, &o->video) < 0 ||
		keep(b, v->subtitles, &o->subtitles) < 0)
		return no_room(b);
	d->n_variants++;
	return keep_ref(b, "the playlist of a variant", v->uri, &o->at);
}

static int on_rendition(void *ctx, const struct p2v_manifest_rendition *r)
{
	struct build *b = ctx;
	struct p2v_doc *d = b->d;
	struct p2v_doc_rendition *grown = p2v_doc_grow(
					 b->m, d->renditions, d->n_renditions, sizeof *grown),
				 *o;

	if (!grown)
		return no_room(b);
	d->renditions = grown;
	o = &grown[d->n_renditions];
	*o = (struct p2v_doc_rendition){ .dflt = r->dflt };
	if (keep(b, r->type, &o->type) < 0 || keep(b, r->group, &o->group) < 0 ||
		keep(b, r->name, &o->name) < 0 || keep(b, r->lang, &o->lang) < 0)
		return no_room(b);
	d->n_renditions++;
	return keep_ref(b, "the playlist of a rendition", r->uri, &o->at);
}

static int on_track(void *ctx, const struct p2v_manifest_track *t)
{
	struct build *b = ctx;
	struct p2v_doc *d = b->d;
	struct p2v_doc_track *grown = p2v_doc_grow(b->m, d->tracks, d->n_tracks, sizeof *grown), *o;

	if (!grown)
		return no_room(b);
	d->tracks = grown;
	o = &grown[d->n_tracks];
	*o = (struct p2v_doc_track){ .bw = t->bw, .timed = t->timed, .base = b->base };
	if (keep(b, t->variant, &o->variant) < 0 || keep(b, t->type, &o->type) < 0 ||
		keep(b, t->set, &o->set) < 0 || keep(b, t->context, &o->context) < 0)
		return no_room(b);
	d->n_tracks++;
	return P2V_OK;
}

/* Parts wait in their track until their fragment is told; those of an earlier one that never came
 * go.
 */
static int take_parts(struct build *b, struct p2v_doc_track *t, struct p2v_doc_segment *s)
{
	size_t n = 0, left = 0;

	for (size_t i = 0; i < t->n_parts; i++)
		n += t->parts[i].n == s->n;
	s->parts = n ? p2v_doc_take(b->m, n * sizeof *s->parts) : NULL;
	if (n && !s->parts)
		return no_room(b);
	for (size_t i = 0; i < t->n_parts; i++) {
		if (t->parts[i].n == s->n)
			s->parts[s->n_parts++] = t->parts[i];
		else if (t->parts[i].n > s->n)
			t->parts[left++] = t->parts[i];
	}
	t->n_parts = left;
	return P2V_OK;
}

static bool sane(p2v_usec t)
{
	return t >= -P2V_DOC_TIME_MAX && t <= P2V_DOC_TIME_MAX;
}

static int on_segment(void *ctx, const struct p2v_manifest_segment *s)
{
	struct build *b = ctx;
	struct p2v_doc_track *t = b->d->n_tracks ? &b->d->tracks[b->d->n_tracks - 1] : NULL;
	struct p2v_doc_segment *grown, *o;
	int rc;

	if (!t)
		return broken(b, "told a fragment that belongs to no track");
	if (!sane(s->t) || !sane(s->dur) || s->dur < 0 || (s->has_pdt && !sane(s->pdt)))
		return broken(b, "told a fragment at a time that cannot be");
	if (t->n && s->n <= t->segments[t->n - 1].n)
		return warn(b, 0, "a fragment that does not come after the one before is left out");
	grown = p2v_doc_grow(b->m, t->segments, t->n, sizeof *grown);
	if (!grown)
		return no_room(b);
	t->segments = grown;
	o = &grown[t->n];
	*o = (struct p2v_doc_segment){ .n = s->n,
		.t = s->t,
		.dur = s->dur,
		.range = s->range,
		.disc = s->disc,
		.gap = s->gap,
		.bad_dur = s->bad_dur,
		.has_pdt = s->has_pdt,
		.pdt = s->pdt };
	rc = keep_ref(b, "a fragment", s->uri, &o->at);
	if (rc == P2V_OK && s->map.uri.p) {
		rc = keep_init(b, &s->map);
		o->init = b->init;
	}
	if (rc == P2V_OK && s->key.method.p && !p2v_str_is(s->key.method, "NONE")) {
		rc = keep_key(b, &s->key);
		o->key = b->key;
	}
	if (rc == P2V_OK && t->n_parts)
		rc = take_parts(b, t, o);
	t->n++;
	return rc;
}

static int on_part(void *ctx, const struct p2v_manifest_part *p)
{
	struct build *b = ctx;
	struct p2v_doc_track *t = b->d->n_tracks ? &b->d->tracks[b->d->n_tracks - 1] : NULL;
	struct p2v_doc_part *grown, *o;

	if (!t)
		return broken(b, "told a part that belongs to no track");
	grown = p2v_doc_grow(b->m, t->parts, t->n_parts, sizeof *grown);
	if (!grown)
		return no_room(b);
	t->parts = grown;
	o = &grown[t->n_parts++];
	*o = (struct p2v_doc_part){ .n = p->n,
		.i = p->i,
		.dur = p->dur,
		.range = p->range,
		.independent = p->independent,
		.gap = p->gap,
		.hint = p->hint };
	return keep_ref(b, "a part", p->uri, &o->at);
}

static int on_uri(void *ctx, const struct p2v_manifest_uri *u)
{
	struct build *b = ctx;
	struct p2v_doc *d = b->d;
	struct p2v_doc_place *grown;
	const char *value;

	if (u->off < b->uri_from || u->off > b->text_n || u->len > b->text_n - u->off)
		return broken(b, "told a URI that does not stand behind the last one in the text");
	grown = p2v_doc_grow(b->m, d->uris, d->n_uris, sizeof *grown);
	if (!grown)
		return no_room(b);
	d->uris = grown;
	if (keep(b, u->value, &value) < 0)
		return no_room(b);
	grown[d->n_uris] = (struct p2v_doc_place){ *u, b->base };
	grown[d->n_uris++].at.value = p2v_str_of(value);
	b->uri_from = u->off + u->len;
	return P2V_OK;
}

/* ---- what URIs are relative to ---- */

static int add_base(struct build *b, struct p2v_str url, struct p2v_doc_base **out)
{
	struct p2v_doc_base *o = p2v_doc_take(b->m, sizeof *o);
	struct p2v_doc_urls urls;
	int rc;

	if (!o || keep(b, url, &o->url) < 0)
		return no_room(b);
	rc = p2v_doc_urls_init(&urls, o->url);
	if (rc < 0)
		rc = p2v_fail(b->err, rc,
			rc == P2V_ENOMEM ? "no memory for a URL"
					 : "where the manifest came from is no absolute URL");
	else
		rc = keep(b, urls.dir.n ? urls.dir : p2v_str_of(""), &o->dir);
	p2v_doc_urls_fini(&urls);
	*out = o;
	return rc;
}

static void use_base(struct build *b, struct p2v_doc_base *base)
{
	if (b->base == base)
		return;
	p2v_doc_urls_fini(&b->urls);
	b->base = base;
	b->init = NULL;
	b->key = NULL;
	p2v_doc_urls_again(&b->urls, base->url, base->dir);
}

/* A base that leads nowhere is told, and those behind it are relative to the one before. */
static int follow_base(struct build *b, struct p2v_str uri)
{
	struct p2v_doc_base *base;
	int rc = p2v_doc_urls_resolve(&b->urls, uri);

	if (rc == P2V_ENOMEM)
		return p2v_fail(b->err, rc, "no memory for a URL");
	if (rc < 0)
		return b->urls.base.n == 0
			       ? P2V_OK
			       : warn(b, 0, "'%.*s', which others are relative to, is no URL",
					 (int)(uri.n < 60 ? uri.n : 60), uri.p);
	rc = add_base(b, (struct p2v_str){ b->urls.out.p, b->urls.out.n }, &base);
	if (rc == P2V_OK)
		use_base(b, base);
	return rc;
}

static int on_base(void *ctx, const struct p2v_str *uris, size_t n)
{
	struct build *b = ctx;
	struct p2v_text chain = { 0 };
	int rc = P2V_OK;

	for (size_t i = 0; i < n; i++) {
		p2v_text_str(&chain, uris[i]);
		p2v_text_add(&chain, "", 1);
	}
	if (chain.oom) {
		p2v_text_fini(&chain);
		return p2v_fail(b->err, P2V_ENOMEM, "no memory for a URL");
	}
	if (chain.n != b->chain.n || (chain.n && memcmp(chain.p, b->chain.p, chain.n) != 0)) {
		use_base(b, b->d->root);
		for (size_t i = 0; i < n && rc == P2V_OK; i++)
			rc = follow_base(b, uris[i]);
	}
	p2v_text_fini(&b->chain);
	b->chain = chain;
	return rc;
}

static int on_child(void *ctx, const struct p2v_manifest_child *c)
{
	struct build *b = ctx;
	struct p2v_doc *d = b->d;
	struct p2v_doc_child *grown = p2v_doc_grow(b->m, d->children, d->n_children, sizeof *grown),
			     *o;

	if (!grown)
		return no_room(b);
	d->children = grown;
	o = &grown[d->n_children];
	*o = (struct p2v_doc_child){ .range = c->range,
		.base = b->base,
		.track = d->n_tracks ? d->n_tracks - 1 : SIZE_MAX };
	if (keep(b, c->context, &o->context) < 0)
		return no_room(b);
	d->n_children++;
	return keep_ref(b, "another manifest", c->uri, &o->at);
}

static int add_warning(struct build *b, const char *text)
{
	struct p2v_doc *d = b->d;
	char **grown = p2v_doc_grow(b->m, d->warnings, d->n_warnings, sizeof *grown);
	const char *kept;

	if (!grown)
		return no_room(b);
	d->warnings = grown;
	if (keep(b, p2v_str_of(text), &kept) < 0)
		return no_room(b);
	grown[d->n_warnings++] = (char *)(uintptr_t)kept;
	return P2V_OK;
}

static P2V_PRINTF(3, 4) int warn(void *ctx, uint32_t line, const char *fmt, ...)
{
	struct build *b = ctx;
	char text[300];
	va_list ap;
	int k;

	if (b->d->n_warnings >= WARNINGS_MAX) {
		b->unsaid++;
		return P2V_OK;
	}
	k = line ? snprintf(text, sizeof text, "line %u: ", (unsigned)line) : 0;
	va_start(ap, fmt);
	(void)vsnprintf(text + k, sizeof text - (size_t)k, fmt, ap);
	va_end(ap);
	return add_warning(b, text);
}

/* ---- the whole ---- */

static struct p2v_manifest_sink ear(struct build *b)
{
	return (struct p2v_manifest_sink){ b, on_head, on_variant, on_rendition, on_track,
		on_segment, on_part, on_uri, on_base, on_child, warn };
}

/* Have a manifest, or else a fragment, told of. */
static int call_plugin(struct build *b, const struct p2v_policy *policy,
	const struct p2v_manifest_in *in, const struct p2v_manifest_fragment *fragment)
{
	const struct p2v_manifest_sink sink = ear(b);
	const struct p2v_manifest_ops *ops = policy->plugin->ops.manifest;
	void *st = p2v_policy_state(policy);
	int rc;

	if (!st)
		return p2v_fail(b->err, P2V_ENOMEM, "no memory for a manifest");
	rc = ops->open ? ops->open(st, &policy->env, policy->conf, b->err) : P2V_OK;
	if (rc == P2V_OK) {
		rc = in ? ops->parse(st, in, &sink, b->err)
			: ops->fragment(st, fragment, &sink, b->err);
		if (ops->close)
			ops->close(st);
	}
	free(st);
	if (rc != P2V_OK && b->err->code == P2V_OK)
		return p2v_fail(b->err, rc, "plugin manifest.%s gave up without a reason",
			policy->plugin->name);
	return rc;
}

/* What is left out at the front is not told as well. */
static bool told_skipped(const struct p2v_doc *d)
{
	for (size_t i = 0; i < d->n_tracks && d->head.skipped; i++) {
		const struct p2v_doc_track *t = &d->tracks[i];

		if (t->n && (t->segments[0].n < d->head.seq ||
				    t->segments[0].n - d->head.seq < d->head.skipped))
			return true;
	}
	return false;
}

static int read_all(struct build *b, const struct p2v_policy *policy, const struct p2v_doc_in *in)
{
	const struct p2v_manifest_in body = { in->text, p2v_str_of(in->context), in->wall,
		p2v_str_of(*in->url ? in->url : NULL) };
	int rc = keep(b, body.context, &b->d->given);

	if (rc == P2V_OK)
		rc = call_plugin(b, policy, &body, NULL);
	if (rc == P2V_OK && !b->has_head)
		rc = broken(b, "told no head");
	if (rc == P2V_OK && told_skipped(b->d))
		rc = broken(b, "told a fragment that it had told to be left out");
	if (rc == P2V_OK && b->unsaid) {
		char rest[64];

		(void)snprintf(rest, sizeof rest, "%llu more that are not listed",
			(unsigned long long)b->unsaid);
		rc = add_warning(b, rest);
	}
	return rc;
}

static struct p2v_policy *plugin_named(const struct p2v_manifests *m, const char *proto)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].plugin->name, proto) == 0)
			return &m->v[i];
	return NULL;
}

static struct p2v_policy *find_plugin(const struct p2v_manifests *m, const struct p2v_doc_in *in)
{
	struct p2v_manifest_probe probe = { .type = in->type, .start = in->text };
	struct p2v_policy *own = in->proto ? plugin_named(m, in->proto) : NULL;
	struct p2v_url u;

	if (own)
		return own;
	if (probe.start.n > PROBE_BYTES)
		probe.start.n = PROBE_BYTES;
	if (p2v_url_split(p2v_str_of(in->url), &u) == P2V_OK)
		probe.path = u.path;
	return p2v_manifests_probe(m, &probe, NULL);
}

static struct p2v_doc *new_doc(const char *proto, struct p2v_str text, const char *url)
{
	struct p2v_doc_memory *m = p2v_doc_memory_new();
	struct p2v_doc *d = m ? p2v_doc_take(m, sizeof *d) : NULL;
	size_t n = strlen(url);
	char *base = d ? p2v_doc_take(m, n + 1) : NULL;
	struct p2v_slice copy = { NULL, NULL, 0 };

	if (base)
		copy = p2v_slice_copy(text.p, text.n);
	if (!copy.p) {
		p2v_doc_memory_free(m);
		return NULL;
	}
	memcpy(base, url, n + 1);
	*d = (struct p2v_doc){ .refs = 1, .proto = proto, .text = copy, .base = base, .memory = m };
	return d;
}

/* What its URIs are relative to, before it says otherwise. */
static int find_root(struct build *b, const char *url)
{
	int rc = add_base(b, p2v_str_of(url), &b->d->root);

	if (rc == P2V_OK)
		use_base(b, b->d->root);
	return rc;
}

/* @return what *out and the reading end with */
static int made(struct build *b, int rc, struct p2v_doc **out)
{
	p2v_doc_urls_fini(&b->urls);
	p2v_text_fini(&b->chain);
	if (rc == P2V_OK)
		*out = b->d;
	else
		p2v_doc_free(b->d);
	return rc;
}

/* Others may read the same, unless its URIs are relative to something else for them. */
static bool lasts(const struct p2v_doc_in *in)
{
	return !in->base;
}

int p2v_doc_parse(const struct p2v_manifests *m, const struct p2v_doc_in *in, struct p2v_doc **out,
	struct p2v_err *err)
{
	struct p2v_err ignored;
	struct build b = { .text_n = in->text.n, .err = err ? err : &ignored };
	struct p2v_policy *policy;
	int rc;

	*out = NULL;
	*b.err = (struct p2v_err){ P2V_OK, "" };
	if (in->text.n > P2V_MANIFEST_MAX)
		return p2v_fail(b.err, P2V_ELIMIT,
			"a manifest of %zu bytes is over the limit of %u", in->text.n,
			P2V_MANIFEST_MAX);
	policy = find_plugin(m, in);
	if (!policy)
		return p2v_fail(b.err, P2V_EPARSE, "line 1: no manifest plugin knows this text");
	*out = m->shelf && lasts(in) ? p2v_doc_shelf_find(m->shelf, policy, in) : NULL;
	if (*out)
		return P2V_OK;
	b.d = new_doc(policy->plugin->name, in->text, in->url);
	if (!b.d)
		return p2v_fail(b.err, P2V_ENOMEM, "no memory for a manifest");
	b.m = b.d->memory;
	/* Of a child they are relative to where its parent came from. */
	rc = find_root(&b, in->base ? in->base : b.d->base);
	if (rc == P2V_OK)
		rc = read_all(&b, policy, in);
	rc = made(&b, rc, out);
	if (rc == P2V_OK && m->shelf && lasts(in))
		p2v_doc_shelf_put(m->shelf, policy, *out);
	return rc;
}

int p2v_doc_foretold(const struct p2v_manifests *m, const struct p2v_doc *d, size_t track,
	struct p2v_bytes start, struct p2v_doc **out, struct p2v_err *err)
{
	const struct p2v_doc_track *of = &d->tracks[track];
	const struct p2v_policy *policy = plugin_named(m, d->proto);
	const struct p2v_manifest_fragment in = { start, p2v_str_of(of->context) };
	const struct p2v_manifest_track told = { .variant = p2v_str_of(of->variant),
		.type = p2v_str_of(of->type),
		.bw = of->bw,
		.set = p2v_str_of(of->set),
		.timed = of->timed };
	struct p2v_err ignored;
	struct build b = { .err = err ? err : &ignored };
	int rc;

	*out = NULL;
	*b.err = (struct p2v_err){ P2V_OK, "" };
	if (!policy || !policy->plugin->ops.manifest->fragment)
		return P2V_OK;
	b.d = new_doc(policy->plugin->name, p2v_str_of(""), d->base);
	if (!b.d)
		return p2v_fail(b.err, P2V_ENOMEM, "no memory for a manifest");
	b.m = b.d->memory;
	b.d->head = d->head;
	rc = find_root(&b, of->base->url);
	if (rc == P2V_OK)
		rc = on_track(&b, &told);
	if (rc == P2V_OK)
		rc = call_plugin(&b, policy, NULL, &in);
	if (rc == P2V_OK && (b.d->n_tracks != 1 || b.has_head))
		rc = broken(&b, "told more of a fragment than those that come after it");
	rc = made(&b, rc, out);
	if (rc == P2V_OK && (*out)->tracks[0].n == 0) {
		p2v_doc_free(*out);
		*out = NULL;
	}
	return rc;
}

struct p2v_doc *p2v_doc_ref(struct p2v_doc *d)
{
	d->refs++;
	return d;
}

void p2v_doc_free(struct p2v_doc *d)
{
	if (!d || --d->refs)
		return;
	p2v_slice_drop(&d->text);
	p2v_doc_memory_free(d->memory);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool p2v_doc_is_of(const struct p2v_doc *d, const struct p2v_doc_in *in)
{
	return d->text.n == in->text.n &&
	       (in->text.n == 0 || memcmp(d->text.p, in->text.p, in->text.n) == 0) &&
	       strcmp(d->base, in->url) == 0 && same_text(d->given, in->context) &&
	       (d->head.again == 0 || in->wall < d->head.again);
}
