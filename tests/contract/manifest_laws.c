/* manifest_laws.c - what every manifest plugin keeps, on every sample of its corpus: each prefix,
 * and each sample with one byte changed, ends in success or in one error; URIs are told where they
 * stand, in order, apart; the same text gives the same telling; a callback's refusal ends the parse
 * and is passed on; a rewritten manifest means the same with other URLs. Speaks TAP, one line a law
 * and sample. */
#define _POSIX_C_SOURCE 200809L /* scandir */
#include <dirent.h>
#include <stdlib.h>

#include "tests/contract/manifests.h"

/* ---- a sink that checks what it hears and makes a hash of it ---- */

struct ear {
	const struct p2v_manifest_ops *ops;
	size_t state_size;
	const char
		*context; /* of a sample that means nothing without its parent; NULL: of any other
			   */
	struct p2v_str text;
	bool hashes; /* what it hears is to be compared */
	uint64_t hash, calls;
	uint64_t refuse_at; /* the call that is refused; 0: none */
	bool refused, heads;
	size_t uri_from;
	const char *wrong; /* the first law that was broken */
};

enum { REFUSAL = -77 };

/* Templates are filled in for this time of day: 2026-01-01T00:10:00Z. */
#define WALL (INT64_C(1767226200) * P2V_SECOND)

static void blame(struct ear *e, const char *what)
{
	if (!e->wrong)
		e->wrong = what;
}

static void mix(struct ear *e, const void *p, size_t n)
{
	const unsigned char *q = p;

	for (size_t i = 0; e->hashes && i < n; i++)
		e->hash = p2v_mix64(e->hash ^ q[i]) + 1;
}

static void mix_u64(struct ear *e, uint64_t v)
{
	mix(e, &v, sizeof v);
}

static void mix_str(struct ear *e, struct p2v_str s)
{
	mix_u64(e, s.p ? s.n : UINT64_MAX);
	mix(e, s.p, s.n);
}

static int heard(struct ear *e, uint64_t what)
{
	if (e->refused)
		blame(e, "it goes on telling after a refusal");
	mix_u64(e, what);
	if (++e->calls == e->refuse_at) {
		e->refused = true;
		return REFUSAL;
	}
	return P2V_OK;
}

static int on_head(void *ctx, const struct p2v_manifest_head *h)
{
	struct ear *e = ctx;

	if (e->heads)
		blame(e, "it tells two heads");
	e->heads = true;
	mix_u64(e, (uint64_t)h->kind << 32 | h->version);
	mix_u64(e, (uint64_t)h->target);
	mix_u64(e, h->seq);
	mix_u64(e, h->live);
	mix_str(e, h->context);
	return heard(e, 1);
}

static int on_variant(void *ctx, const struct p2v_manifest_variant *v)
{
	struct ear *e = ctx;

	if (!v->id.p || v->id.n == 0)
		blame(e, "a variant has no id");
	mix_str(e, v->id);
	mix_str(e, v->uri);
	mix_u64(e, v->bw);
	return heard(e, 2);
}

static int on_rendition(void *ctx, const struct p2v_manifest_rendition *r)
{
	struct ear *e = ctx;

	if (r->type.n == 0)
		blame(e, "a rendition has no type");
	mix_str(e, r->type);
	mix_str(e, r->uri);
	return heard(e, 3);
}

static int on_track(void *ctx, const struct p2v_manifest_track *t)
{
	mix_str(ctx, t->variant);
	mix_str(ctx, t->set);
	mix_str(ctx, t->context);
	return heard(ctx, 4);
}

static void check_range(struct ear *e, const struct p2v_manifest_range *r, bool hint)
{
	if (r->set && (r->len > INT64_MAX || r->off > INT64_MAX - r->len || (r->len == 0 && !hint)))
		blame(e, "a byte range that cannot be");
}

static int on_segment(void *ctx, const struct p2v_manifest_segment *s)
{
	struct ear *e = ctx;

	if (!s->uri.p)
		blame(e, "a fragment has no URI");
	if (s->dur < 0 || s->dur > P2V_DOC_TIME_MAX || s->t < 0 || s->t > P2V_DOC_TIME_MAX)
		blame(e, "a fragment's time cannot be");
	check_range(e, &s->range, false);
	check_range(e, &s->map.range, false);
	mix_str(e, s->uri);
	mix_str(e, s->map.uri);
	mix_str(e, s->key.uri);
	mix_u64(e, s->n);
	mix_u64(e, (uint64_t)s->t);
	mix_u64(e, (uint64_t)s->dur);
	mix_u64(e, (uint64_t)s->pdt);
	mix_u64(e, s->range.off);
	mix(e, s->key.iv, sizeof s->key.iv);
	return heard(e, 5);
}

static int on_part(void *ctx, const struct p2v_manifest_part *p)
{
	struct ear *e = ctx;

	if (p->dur < 0 || p->dur > P2V_DOC_TIME_MAX)
		blame(e, "a part's time cannot be");
	check_range(e, &p->range, p->hint);
	mix_str(e, p->uri);
	mix_u64(e, p->n);
	mix_u64(e, p->i);
	return heard(e, 6);
}

static int on_uri(void *ctx, const struct p2v_manifest_uri *u)
{
	struct ear *e = ctx;

	if (u->off < e->uri_from || u->off > e->text.n || u->len > e->text.n - u->off)
		blame(e, "a URI stands outside the text, or before the last one's end");
	if (u->role < P2V_URI_MANIFEST || u->role > P2V_URI_BASE)
		blame(e, "a URI has no role");
	e->uri_from = u->off + u->len;
	mix_u64(e, u->off << 20 | u->len);
	return heard(e, 7);
}

static int on_base(void *ctx, const struct p2v_str *uris, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mix_str(ctx, uris[i]);
	return heard(ctx, 9);
}

static int on_child(void *ctx, const struct p2v_manifest_child *c)
{
	struct ear *e = ctx;

	if (!c->uri.p || !c->context.p)
		blame(e, "a child has no URI, or nothing is told of it");
	check_range(e, &c->range, false);
	mix_str(e, c->uri);
	mix_str(e, c->context);
	return heard(e, 10);
}

static P2V_PRINTF(3, 4) int on_warn(void *ctx, uint32_t line, const char *fmt, ...)
{
	struct ear *e = ctx;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!*text)
		blame(e, "a warning says nothing");
	if (line > e->text.n + 1)
		blame(e, "a warning names a line that is not there");
	mix(e, text, strlen(text));
	mix_u64(e, line);
	return heard(e, 8);
}

/* Parse a text that lies at the very end of its allocation, so that the sanitizer sees each byte
 * too far. */
static int listen(
	struct ear *e, const char *text, size_t n, uint64_t refuse_at, struct p2v_err *err)
{
	const struct p2v_manifest_sink sink = { e, on_head, on_variant, on_rendition, on_track,
		on_segment, on_part, on_uri, on_base, on_child, on_warn };
	struct p2v_manifest_in in = { .context = p2v_str_of(e->context), .wall = WALL };
	const struct p2v_manifest_ops *ops = e->ops;
	char *copy = malloc(n ? n : 1);
	void *st = calloc(1, e->state_size ? e->state_size : 1);
	int rc;

	if (!copy || !st)
		abort();
	if (n)
		memcpy(copy, text, n);
	*e = (struct ear){ .ops = ops,
		.state_size = e->state_size,
		.context = e->context,
		.hashes = e->hashes,
		.text = { copy, n },
		.refuse_at = refuse_at };
	*err = (struct p2v_err){ 0, "" };
	in.text = e->text;
	rc = ops->open ? ops->open(st, NULL, NULL, err) : P2V_OK;
	if (rc == P2V_OK)
		rc = ops->parse(st, &in, &sink, err);
	if (ops->close)
		ops->close(st);
	free(st);
	free(copy);
	return rc;
}

/* ---- laws ---- */

/* One text: success with a head, or one error that names a place. */
static const char *law_end(struct ear *e, const char *text, size_t n)
{
	struct p2v_err err;
	int rc = listen(e, text, n, 0, &err);

	if (e->wrong)
		return e->wrong;
	if (rc == P2V_OK)
		return e->heads ? NULL : "success without a head";
	if (rc != P2V_EPARSE || err.code != P2V_EPARSE)
		return "an error of another code";
	return strncmp(err.text, "line ", 5) == 0 || strncmp(err.text, "byte ", 5) == 0
		       ? NULL
		       : "an error that names neither line nor byte";
}

/* The work grows with the square of a text: of one that is longer than this, what is done to every
 * byte is done to some, all over it. */
enum { EVERY_BYTE = 1024 };

static size_t stride(struct p2v_str t)
{
	return 1 + t.n / EVERY_BYTE;
}

static const char *law_prefixes(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t)
{
	(void)m;
	for (size_t n = 0; n <= t.n; n += stride(t)) {
		const char *wrong = law_end(e, t.p, n);

		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *law_mutations(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t)
{
	static const char bytes[] = { 0, '\n', '\r', ' ', '"', ',', '=', '#', ':', '@', '0', '9',
		'.', '-', 'x', '<', '&', (char)0x80, (char)0xff };
	char *text = malloc(t.n + 1);
	const char *wrong = NULL;

	(void)m;
	if (!text)
		abort();
	memcpy(text, t.p, t.n);
	for (size_t i = 0; i < t.n && !wrong; i += stride(t)) {
		/* A long text has each byte changed into three others, its neighbours into the
		 * next. */
		size_t each = t.n > 300 ? 3 : sizeof bytes;

		for (size_t k = 0; k < each && !wrong; k++) {
			text[i] = bytes[(i * each + k) % sizeof bytes];
			wrong = law_end(e, text, t.n);
		}
		if (!wrong) { /* and without that byte */
			memmove(text + i, t.p + i + 1, t.n - i - 1);
			wrong = law_end(e, text, t.n - 1);
			memcpy(text + i, t.p + i, t.n - i);
		}
	}
	free(text);
	return wrong;
}

static const char *law_same(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t)
{
	struct p2v_err a, b;
	uint64_t hash;
	int rc, again;

	(void)m;
	e->hashes = true;
	rc = listen(e, t.p, t.n, 0, &a);
	hash = e->hash;
	again = listen(e, t.p, t.n, 0, &b);
	e->hashes = false;
	if (again != rc || strcmp(a.text, b.text) != 0)
		return "the second parse ends otherwise";
	return e->hash == hash ? NULL : "the second parse tells something else";
}

static const char *law_refusal(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t)
{
	struct p2v_err err;
	uint64_t calls;

	(void)m;
	if (listen(e, t.p, t.n, 0, &err) != P2V_OK)
		return NULL;
	calls = e->calls;
	for (uint64_t k = 1; k <= calls; k++) {
		int rc = listen(e, t.p, t.n, k, &err);

		if (e->wrong)
			return e->wrong;
		if (rc != REFUSAL)
			return "a refusal is not passed on";
	}
	return NULL;
}

static bool leave(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)u;
	(void)ctx;
	(void)out;
	return false;
}

static const char prefix[] = "http://127.0.0.1:8780/x/";

static bool move(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	p2v_text_puts(out, prefix);
	p2v_text_puts(out, u->url);
	return true;
}

static const char *moved(const struct p2v_ref *a, const struct p2v_ref *b)
{
	size_t n = sizeof prefix - 1;

	if (!a->url || strncmp(a->url, "http", 4) != 0)
		return NULL; /* it leads nowhere that could be rewritten */
	if (!b->url || strncmp(b->url, prefix, n) != 0 || strcmp(b->url + n, a->url) != 0)
		return "a URL is not what it was rewritten to";
	return NULL;
}

static const char *compare_segments(const struct p2v_doc_track *a, const struct p2v_doc_track *b)
{
	const char *wrong = NULL;

	if (a->n != b->n || a->n_parts != b->n_parts)
		return "the rewritten text has another number of fragments";
	for (size_t i = 0; i < a->n && !wrong; i++) {
		const struct p2v_doc_segment *x = &a->segments[i], *y = &b->segments[i];

		if (x->n != y->n || x->t != y->t || x->dur != y->dur || x->pdt != y->pdt ||
			memcmp(&x->range.off, &y->range.off, sizeof x->range.off) != 0 ||
			!x->init != !y->init || !x->key != !y->key || x->n_parts != y->n_parts ||
			x->disc != y->disc || x->gap != y->gap)
			return "a fragment of the rewritten text is another one";
		wrong = moved(&x->at, &y->at);
		if (!wrong && x->init)
			wrong = moved(&x->init->at, &y->init->at);
		if (!wrong && x->key)
			wrong = moved(&x->key->at, &y->key->at);
		for (size_t k = 0; k < x->n_parts && !wrong; k++)
			wrong = moved(&x->parts[k].at, &y->parts[k].at);
	}
	for (size_t k = 0; k < a->n_parts && !wrong; k++)
		wrong = moved(&a->parts[k].at, &b->parts[k].at);
	return wrong;
}

static const char *compare(const struct p2v_doc *a, const struct p2v_doc *b)
{
	const char *wrong = NULL;

	if (a->n_variants != b->n_variants || a->n_renditions != b->n_renditions ||
		a->n_tracks != b->n_tracks || a->n_uris != b->n_uris)
		return "the rewritten text says something else";
	for (size_t i = 0; i < a->n_variants && !wrong; i++)
		wrong = moved(&a->variants[i].at, &b->variants[i].at);
	for (size_t i = 0; i < a->n_renditions && !wrong; i++)
		wrong = moved(&a->renditions[i].at, &b->renditions[i].at);
	for (size_t i = 0; i < a->n_tracks && !wrong; i++)
		wrong = compare_segments(&a->tracks[i], &b->tracks[i]);
	return wrong;
}

static const char *proto_of(const struct ear *e, const struct p2v_test_manifests *m)
{
	for (size_t i = 0; i < m->all.n; i++)
		if (m->policies[i].plugin->ops.manifest == e->ops)
			return m->policies[i].plugin->name;
	return NULL;
}

/* Leaving all URIs gives the same bytes; moving all of them gives a text that says the same. */
static const char *law_rewrite(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t)
{
	static const char base[] = "https://cdn.example/live/m";
	struct p2v_text same = { 0 }, other = { 0 };
	struct p2v_doc_in in = { .text = t,
		.url = base,
		.wall = WALL,
		.proto = e->context ? proto_of(e, m) : NULL,
		.context = e->context };
	struct p2v_doc *d, *again = NULL;
	const char *wrong = NULL;

	if (p2v_doc_parse(&m->all, &in, &d, NULL) < 0)
		return NULL;
	p2v_doc_rewrite(d, leave, NULL, &same);
	p2v_doc_rewrite(d, move, NULL, &other);
	if (same.n != t.n || memcmp(same.p, t.p, t.n) != 0)
		wrong = "leaving all URIs changed the text";
	in.text = (struct p2v_str){ other.p, other.n };
	if (wrong || d->n_uris == 0) /* of UTF-16 no place can be told */
		;
	else if (p2v_doc_parse(&m->all, &in, &again, NULL) < 0)
		wrong = "the rewritten text is not understood";
	else
		wrong = compare(d, again);
	p2v_doc_free(again);
	p2v_doc_free(d);
	p2v_text_fini(&same);
	p2v_text_fini(&other);
	return wrong;
}

static const struct {
	const char *name;
	const char *(*holds)(struct ear *e, struct p2v_test_manifests *m, struct p2v_str t);
} laws[] = { { "every prefix ends well", law_prefixes },
	{ "every changed byte ends well", law_mutations }, { "the same again", law_same },
	{ "refusals are passed on", law_refusal }, { "rewriting keeps the meaning", law_rewrite } };

/* ---- the corpus ---- */

/* @return nothing at all where there is no such file */
static struct p2v_text read_some(const char *path)
{
	struct p2v_text t = { 0 };
	FILE *f = fopen(path, "rb");
	char buf[65536];
	size_t n;

	if (!f)
		return t;
	p2v_text_add(&t, "", 0);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		p2v_text_add(&t, buf, n);
	(void)fclose(f);
	return t;
}

static struct p2v_text read_all(const char *path)
{
	struct p2v_text t = read_some(path);

	if (!t.p) {
		(void)printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	return t;
}

static int is_sample(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot && strcmp(dot, ".json") != 0 &&
	       strcmp(dot, ".err") != 0 && strcmp(dot, ".context") != 0;
}

static unsigned tests, failures;

static void try_sample(
	struct p2v_test_manifests *m, size_t plugin, const char *dir, const char *name)
{
	struct ear e = { .ops = m->policies[plugin].plugin->ops.manifest,
		.state_size = (size_t)m->policies[plugin].plugin->state_size };
	struct p2v_text path = { 0 }, context, t;

	p2v_text_printf(&path, "%s/%s", dir, name);
	t = read_all(path.p);
	p2v_text_puts(&path, ".context");
	context = read_some(path.p);
	e.context = context.p;
	for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
		const char *wrong = laws[i].holds(&e, m, (struct p2v_str){ t.p, t.n });

		failures += wrong != NULL;
		(void)printf(
			"%sok %u - %s: %s\n", wrong ? "not " : "", ++tests, name, laws[i].name);
		if (wrong)
			(void)printf("# %s\n", wrong);
	}
	p2v_text_fini(&path);
	p2v_text_fini(&context);
	p2v_text_fini(&t);
}

int main(void)
{
	const char *src = getenv("P2V_SRCDIR");
	struct p2v_test_manifests m;

	p2v_test_manifests_init(&m);
	for (size_t i = 0; i < m.all.n; i++) {
		struct dirent **v;
		char dir[900];
		int n;

		(void)snprintf(dir, sizeof dir, "%s/tests/data/%s", src ? src : ".",
			m.policies[i].plugin->name);
		n = scandir(dir, &v, is_sample, alphasort);
		if (n <= 0) {
			(void)printf("Bail out! no samples in %s\n", dir);
			return 1;
		}
		for (int k = 0; k < n; k++) {
			try_sample(&m, i, dir, v[k]->d_name);
			free(v[k]);
		}
		free(v);
	}
	(void)printf("1..%u\n", tests);
	return failures > 0;
}
