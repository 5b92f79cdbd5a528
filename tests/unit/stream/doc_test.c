/* doc_test.c - documents: which plugin is asked, what is kept of what it tells, plugins that break
 * their promises, bounds, rewriting, the dump. */
#include <stdlib.h>

#include "framework/stream/doc_memory.h"
#include "framework/stream/doc_url.h"
#include "tests/unit/oom.h"
#include "tests/unit/stream/read.h"

TestSuite(doc, .timeout = 120);

/* ---- a plugin that a test tells what to tell ---- */

typedef int (*script)(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err);

static script told;
static uint32_t claimed = 50;
static unsigned closed;

static int fake_open(void *st, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	(void)env;
	(void)conf;
	if (*(char *)st)
		return p2v_fail(err, P2V_ECONF, "state is not zeroed");
	*(char *)st = 1;
	return P2V_OK;
}

static void fake_close(void *st)
{
	(void)st;
	closed++;
}

static uint32_t fake_probe(const struct p2v_manifest_probe *in)
{
	return p2v_str_starts(in->start, "FAKE") ? claimed : 0;
}

static int fake_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	(void)st;
	return told(in->text, sink, err);
}

static const struct p2v_manifest_ops fake_ops = { .size = sizeof fake_ops,
	.open = fake_open,
	.close = fake_close,
	.probe = fake_probe,
	.parse = fake_parse };
static const struct p2v_plugin fake = {
	.kind = P2V_KIND_MANIFEST, .name = "fake", .state_size = 1, .ops.manifest = &fake_ops
};

static int run(script s, const char *text, struct p2v_doc **d, struct p2v_err *err)
{
	static struct fake_world w;
	static struct p2v_node n;
	static struct p2v_policy p;
	struct p2v_manifests m = { .v = &p, .n = 1 };

	fake_world_node(&w, &n);
	p2v_policy_init(&p, &n, &fake, NULL);
	told = s;
	return p2v_doc_parse(&m,
		&(struct p2v_doc_in){ .text = p2v_str_of(text),
			.url = "http://h/a/m.xml?x",
			.type = p2v_str_of("text/xml") },
		d, err);
}

static const struct p2v_manifest_head head = { .kind = P2V_MANIFEST_PRESENTATION, .version = 3 };

/* ---- which plugin ---- */

Test(doc, the_best_plugin_reads)
{
	struct p2v_test_manifests m;
	struct p2v_manifest_probe in = { .path = p2v_str_of("/a/index.m3u8") };
	uint32_t score;

	p2v_test_manifests_init(&m);
	cr_assert_eq(p2v_manifests_probe(&m.all, &in, &score), &m.policies[0]);
	cr_assert_eq(score, 70);
	in.path = p2v_str_of("/a/index.html");
	cr_assert_null(p2v_manifests_probe(&m.all, &in, &score));
	cr_assert_eq(score, 0);
	in.start = p2v_str_of("\xef\xbb\xbf#EXTM3U\n");
	cr_assert_eq(p2v_manifests_probe(&m.all, &in, NULL), &m.policies[0]);
	m.all.n = 0;
	cr_assert_null(p2v_manifests_probe(&m.all, &in, &score));
}

Test(doc, no_plugin_reads_it)
{
	struct p2v_doc *d = (struct p2v_doc *)&head;
	struct p2v_err err;

	cr_assert_eq(try_read("<html>", 6, "http://h/index.m3u8", &d, &err), P2V_EPARSE);
	cr_assert_null(d);
	cr_assert_str_eq(err.text, "line 1: no manifest plugin knows this text");
	cr_assert_eq(try_read("<html>", 6, "http://h/index.m3u8", &d, NULL), P2V_EPARSE);
}

/* ---- what it tells is kept ---- */

static struct p2v_str S(const char *s) {
	return p2v_str_of(s);
}

static int
tell_all(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_variant v = { .id = S("v0"),
		.bw = 100,
		.avg_bw = 90,
		.w = 1,
		.h = 2,
		.codecs = S("avc1"),
		.audio = S("a"),
		.video = S("v"),
		.subtitles = S("s") };
	struct p2v_manifest_rendition r = { S("AUDIO"), S("a"), S("English"), S("en"), S("en.xml"),
		true };
	struct p2v_manifest_track t = { .variant = S("v0"), .type = S("video"), .bw = 100 };
	struct p2v_manifest_part part = {
		.n = 7, .i = 0, .dur = 5, .uri = S("p"), .independent = true
	};
	struct p2v_manifest_segment seg = { .n = 7,
		.t = 10,
		.dur = 20,
		.uri = S("s7"),
		.range = { true, 1, 2 },
		.disc = true,
		.has_pdt = true,
		.pdt = 1500000,
		.map = { S("i"), { true, 3, 4 } },
		.key = { S("AES"), S("k"), true, { 1, 2, [15] = 15 } } };

	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &head), P2V_OK);
	cr_assert_eq(s->variant(s->ctx, &v), P2V_OK);
	cr_assert_eq(s->rendition(s->ctx, &r), P2V_OK);
	cr_assert_eq(s->track(s->ctx, &t), P2V_OK);
	cr_assert_eq(s->part(s->ctx, &part), P2V_OK);
	part.n = 8;
	part.hint = true;
	cr_assert_eq(s->part(s->ctx, &part), P2V_OK);
	cr_assert_eq(s->segment(s->ctx, &seg), P2V_OK);
	t.type = S("audio");
	cr_assert_eq(s->track(s->ctx, &t), P2V_OK);
	seg = (struct p2v_manifest_segment){
		.n = 1, .uri = S("s1"), .key = { .method = S("NONE") }
	};
	cr_assert_eq(s->segment(s->ctx, &seg), P2V_OK);
	return s->warn(s->ctx, 9, "odd %s", "thing");
}

Test(doc, all_is_kept)
{
	struct p2v_doc *d;
	struct p2v_err err;
	const struct p2v_doc_segment *s;

	cr_assert_eq(run(tell_all, "FAKE", &d, &err), P2V_OK, "%s", err.text);
	cr_assert_eq(closed, 1);
	cr_assert_str_eq(d->proto, "fake");
	cr_assert_str_eq(d->base, "http://h/a/m.xml?x");
	cr_assert_eq(d->head.version, 3);
	cr_assert_eq(d->n_variants, 1);
	cr_assert_str_eq(d->variants[0].id, "v0");
	cr_assert_str_eq(d->variants[0].subtitles, "s");
	cr_assert_null(d->variants[0].at.uri);
	cr_assert_str_eq(d->renditions[0].at.url, "http://h/a/en.xml");
	cr_assert(d->renditions[0].dflt);
	cr_assert_eq(d->n_tracks, 2);
	cr_assert_eq(d->tracks[0].n, 1);
	s = &d->tracks[0].segments[0];
	cr_assert(s->n == 7 && s->t == 10 && s->dur == 20 && s->disc && s->has_pdt);
	cr_assert_str_eq(s->at.url, "http://h/a/s7");
	cr_assert_str_eq(s->init->at.url, "http://h/a/i");
	cr_assert_str_eq(s->key->at.uri, "k");
	cr_assert_str_eq(s->key->method, "AES");
	cr_assert(s->key->has_iv && s->key->iv[15] == 15);
	cr_assert_eq(s->n_parts, 1);
	cr_assert_str_eq(s->parts[0].at.url, "http://h/a/p");
	cr_assert_eq(d->tracks[0].n_parts, 1, "the hint of a fragment to come");
	cr_assert(d->tracks[0].parts[0].hint && d->tracks[0].parts[0].n == 8);
	s = &d->tracks[1].segments[0];
	cr_assert_null(s->key, "NONE is clear");
	cr_assert_null(s->init);
	cr_assert_eq(d->n_warnings, 1);
	cr_assert_str_eq(d->warnings[0], "line 9: odd thing");
	p2v_doc_free(d);
	p2v_doc_free(NULL);
}

Test(doc, parts_whose_fragment_never_came_go)
{
	struct p2v_doc *d = read_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
				      "#EXT-X-PART:DURATION=1,URI=\"a\"\n"
				      "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:2,\ns\n");

	cr_assert_eq(d->tracks[0].segments[0].n, 2);
	cr_assert_eq(d->tracks[0].segments[0].n_parts, 0);
	cr_assert_eq(d->tracks[0].n_parts, 0);
	p2v_doc_free(d);
}

Test(doc, without_a_base_only_absolute_uris_lead_anywhere)
{
	struct p2v_doc *d = read_at("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n"
				    "#EXTINF:2,\nhttp://o/x/../b.ts\n",
		"");

	cr_assert_null(d->tracks[0].segments[0].at.url);
	cr_assert_str_eq(d->tracks[0].segments[1].at.url, "http://o/b.ts");
	cr_assert_eq(d->n_warnings, 0, "that is no fault of the manifest");
	p2v_doc_free(d);
}

/* ---- promises that plugins break ---- */

static int no_head(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	(void)text;
	(void)s;
	(void)err;
	return P2V_OK;
}

static int two_heads(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &head), P2V_OK);
	return s->head(s->ctx, &head);
}

static int no_track(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_segment seg = { .uri = S("x") };

	(void)text;
	(void)err;
	return s->segment(s->ctx, &seg);
}

static int no_track_part(
	struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_part part = { .uri = S("x") };

	(void)text;
	(void)err;
	return s->part(s->ctx, &part);
}

static int told_skipped(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_MEDIA, .seq = 7, .skipped = 2 };
	struct p2v_manifest_track t = { .variant = S("0"), .type = S("") };
	struct p2v_manifest_segment seg = { .n = 8, .uri = S("x"), .dur = 1 };

	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &h), P2V_OK);
	cr_assert_eq(s->track(s->ctx, &t), P2V_OK);
	return s->segment(s->ctx, &seg);
}

static int bad_time(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_track t = { .variant = S("0"), .type = S("") };
	struct p2v_manifest_segment seg = { .uri = S("x"), .dur = -1 };

	(void)text;
	(void)err;
	cr_assert_eq(s->track(s->ctx, &t), P2V_OK);
	cr_assert_eq(s->segment(s->ctx, &seg), P2V_EABI);
	seg.dur = P2V_DOC_TIME_MAX;
	seg.t = -P2V_DOC_TIME_MAX;
	seg.pdt = INT64_MIN;
	cr_assert_eq(s->segment(s->ctx, &seg), P2V_OK, "a date that is not there is not looked at");
	seg.has_pdt = true;
	return s->segment(s->ctx, &seg);
}

static int silent_failure(
	struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	(void)text;
	(void)s;
	(void)err;
	return P2V_EPARSE;
}

Test(doc, broken_promises_are_told_not_followed)
{
	static const struct {
		script s;
		int code;
		const char *words;
	} v[] = { { no_head, P2V_EABI, "plugin manifest.fake told no head" },
		{ two_heads, P2V_EABI, "plugin manifest.fake told two heads of one manifest" },
		{ no_track, P2V_EABI,
			"plugin manifest.fake told a fragment that belongs to no track" },
		{ no_track_part, P2V_EABI,
			"plugin manifest.fake told a part that belongs to no track" },
		{ told_skipped, P2V_EABI,
			"plugin manifest.fake told a fragment that it had told to be left out" },
		{ bad_time, P2V_EABI,
			"plugin manifest.fake told a fragment at a time that cannot be" },
		{ silent_failure, P2V_EPARSE, "plugin manifest.fake gave up without a reason" } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_doc *d;
		struct p2v_err err;

		cr_assert_eq(run(v[i].s, "FAKE", &d, &err), v[i].code);
		cr_assert_null(d);
		cr_expect_str_eq(err.text, v[i].words, "%s", err.text);
		cr_assert_eq(err.code, v[i].code);
	}
	cr_assert_eq(closed, sizeof v / sizeof v[0], "each state is closed");
}

#define SPAN(o, l, r, e)                                           \
	{                                                          \
		.off = (o), .len = (l), .role = (r), .escape = (e) \
	}

static const struct p2v_manifest_uri *spans;
static size_t n_spans;

static int tell_spans(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &head), P2V_OK);
	for (size_t i = 0; i < n_spans; i++) {
		int rc = s->uri(s->ctx, &spans[i]);

		if (rc != P2V_OK)
			return rc;
	}
	return P2V_OK;
}

static int try_spans(
	const char *text, const struct p2v_manifest_uri *v, size_t n, struct p2v_doc **d)
{
	spans = v;
	n_spans = n;
	return run(tell_spans, text, d, NULL);
}

Test(doc, spans_lie_in_the_text_in_order)
{
	static const struct p2v_manifest_uri bad[][2] = { { SPAN(0, 5, 1, 0) },
		{ SPAN(5, 0, 1, 0) }, { SPAN(4, SIZE_MAX, 1, 0) }, { SPAN(SIZE_MAX, 2, 1, 0) },
		{ SPAN(0, 2, 1, 0), SPAN(1, 1, 1, 0) }, { SPAN(2, 1, 1, 0), SPAN(0, 1, 1, 0) } };
	static const struct p2v_manifest_uri good[] = { SPAN(0, 2, 1, 0), SPAN(2, 2, 1, 0) };
	struct p2v_doc *d;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(
			try_spans("FAKE", bad[i], bad[i][1].role ? 2 : 1, &d), P2V_EABI, "%zu", i);
	cr_assert_eq(try_spans("FAKE", good, 2, &d), P2V_OK);
	cr_assert_eq(d->n_uris, 2);
	p2v_doc_free(d);
}

/* ---- bounds ---- */

static int many_warnings(
	struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &head), P2V_OK);
	for (uint32_t i = 1; i <= 1000; i++)
		cr_assert_eq(s->warn(s->ctx, i, "w"), P2V_OK);
	return P2V_OK;
}

Test(doc, a_hundred_warnings_and_a_count)
{
	struct p2v_doc *d;

	cr_assert_eq(run(many_warnings, "FAKE", &d, NULL), P2V_OK);
	cr_assert_eq(d->n_warnings, 101);
	cr_assert_str_eq(d->warnings[99], "line 100: w");
	cr_assert_str_eq(d->warnings[100], "900 more that are not listed");
	p2v_doc_free(d);
}

Test(doc, a_manifest_that_is_too_large)
{
	struct p2v_doc *d;
	struct p2v_err err;
	char *text = malloc(P2V_MANIFEST_MAX + 1);

	memset(text, '\n', P2V_MANIFEST_MAX + 1);
	memcpy(text, "#EXTM3U\n#EXTINF:1,\nx\n", 21);
	cr_assert_eq(try_read(text, P2V_MANIFEST_MAX + 1, "http://h/", &d, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "a manifest of 16777217 bytes is over the limit of 16777216");
	cr_assert_eq(try_read(text, P2V_MANIFEST_MAX, "http://h/", &d, &err), P2V_OK);
	p2v_doc_free(d);
	free(text);
}

/* Little text that stands for much: names beside a manifest with a very long address. */
Test(doc, a_document_that_is_too_large)
{
	struct p2v_text text = { 0 }, url = { 0 };
	struct p2v_doc *d;
	struct p2v_err err;

	p2v_text_puts(&text, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n");
	for (int i = 0; i < 40000; i++)
		p2v_text_puts(&text, "#EXTINF:1,\na\n");
	p2v_text_puts(&url, "http://h/");
	while (url.n < 8000)
		p2v_text_puts(&url, "long/");
	cr_assert_eq(try_read(text.p, text.n, url.p, &d, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "what the manifest says takes more than 256 MiB");
	p2v_text_fini(&text);
	p2v_text_fini(&url);
}

Test(doc, a_base_that_is_none)
{
	struct p2v_doc *d;
	struct p2v_err err;

	cr_assert_eq(try_read("#EXTM3U\n#EXTINF:1,\na\n", 21, "no/base", &d, &err), P2V_EPARSE);
	cr_assert_str_eq(err.text, "where the manifest came from is no absolute URL");
}

/* ---- no memory ---- */

static const char rich[] =
	"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k x\"\n"
	"#EXT-X-MAP:URI=\"i\"\n#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXTINF:2\na b\n"
	"#EXTINF:2,\nhttp://[x\n";
static const char rich_master[] =
	"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\","
	"URI=\"a.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv.m3u8\n";

static void starve(const char *text)
{
	long n = 0;
	int rc;

	do {
		struct p2v_doc *d;
		struct p2v_err err;

		oom_after(n++);
		rc = try_read(text, strlen(text), "http://h/x", &d, &err);
		oom_after(-1);
		if (rc == P2V_OK)
			p2v_doc_free(d);
		else
			cr_assert(rc == P2V_ENOMEM && err.code == P2V_ENOMEM && !d, "%ld: %s", n,
				err.text);
	} while (rc != P2V_OK);
	cr_assert_gt(n, 5);
}

Test(doc, no_memory_at_any_allocation)
{
	p2v_doc_free(read_text(rich));
	starve(rich);
	starve(rich_master);
}

static bool to_agent(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	p2v_text_printf(out, "http://agent/%d/%s", (int)u->role, u->url);
	return true;
}

Test(doc, no_memory_while_rewriting_or_dumping)
{
	struct p2v_doc *d = read_text(rich);
	bool oom = true;

	for (long n = 0; oom; n++) {
		struct p2v_text out = { 0 }, dump = { 0 };

		oom_after(n);
		p2v_doc_rewrite(d, to_agent, NULL, &out);
		p2v_doc_json(d, &dump);
		oom = oom_struck();
		oom_after(-1);
		cr_assert_eq(out.oom || dump.oom, oom, "%ld", n);
		p2v_text_fini(&out);
		p2v_text_fini(&dump);
	}
	p2v_doc_free(d);
}

/* ---- memory ---- */

Test(doc, memory_is_aligned_and_grows)
{
	struct p2v_doc_memory *m = p2v_doc_memory_new();
	struct {
		char c[24];
	} *v = NULL;

	for (size_t i = 0; i < 5000; i++) {
		char *small = p2v_doc_take(m, i % 100 + 1);

		cr_assert_eq((uintptr_t)small % sizeof(max_align_t *), 0);
		memset(small, 1, i % 100 + 1);
		v = p2v_doc_grow(m, v, i, sizeof *v);
		cr_assert_not_null(v);
		(void)snprintf(v[i].c, sizeof v[i].c, "%zu", i);
	}
	for (size_t i = 0; i < 5000; i++)
		cr_assert_eq((size_t)atol(v[i].c), i);
	cr_assert_not_null(p2v_doc_take(m, 1000000), "more than a chunk");
	cr_assert_null(p2v_doc_take(m, P2V_DOC_MEMORY_MAX));
	cr_assert(p2v_doc_over(m));
	p2v_doc_memory_free(m);
}

/* ---- the short way to a URL gives what the long one gives ---- */

static void check_way(struct p2v_doc_urls *u, const char *ref, int rc, const struct p2v_text *want)
{
	struct p2v_url parts;

	cr_assert_eq(p2v_doc_urls_resolve(u, S(ref)), rc, "%s + %s", u->base.p, ref);
	if (rc < 0)
		return;
	cr_assert_str_eq(
		u->out.p, want->p, "%s + %s: %s, not %s", u->base.p, ref, u->out.p, want->p);
	cr_assert_eq(u->http,
		p2v_url_split((struct p2v_str){ want->p, want->n }, &parts) == P2V_OK &&
			p2v_url_is_http(&parts),
		"%s", want->p);
}

static void compare(const char *base, const char *ref)
{
	struct p2v_doc_urls u, again;
	struct p2v_text want = { 0 };
	int rc = p2v_url_resolve(S(base), S(ref), &want);

	cr_assert_eq(p2v_doc_urls_init(&u, base), P2V_OK, "%s", base);
	check_way(&u, ref, rc, &want);
	p2v_doc_urls_again(&again, base, u.dir.p);
	check_way(&again, ref, rc, &want);
	p2v_doc_urls_fini(&again);
	p2v_doc_urls_fini(&u);
	p2v_text_fini(&want);
}

Test(doc, short_way_is_the_long_way)
{
	static const char *const bases[] = { "http://h", "http://h/", "http://h/a",
		"https://h/a/b?q#f", "http://h/a/../b/./c", "file:///d/x", "x://h", "http:///a/b" };
	static const char *const bits[] = { "a", ".", "..", "/", "//", "?", "#", ":", " ", "%20",
		"\xc3\xa9", "\"", "x.ts", "http", "&", "=", "\x01", "@", "<" };
	enum { BITS = sizeof bits / sizeof bits[0] };

	for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++)
		for (size_t i = 0; i < BITS * BITS * BITS; i++) {
			char ref[64];

			(void)snprintf(ref, sizeof ref, "%s%s%s", bits[i % BITS],
				bits[i / BITS % BITS], bits[i / BITS / BITS]);
			compare(bases[b], ref);
		}
}

/* ---- rewriting ---- */

static void check_rewrite(const struct p2v_doc *d, p2v_doc_map map, const char *want)
{
	struct p2v_text out = { 0 };

	p2v_text_puts(&out, "before ");
	p2v_doc_rewrite(d, map, NULL, &out);
	cr_assert_not(out.oom);
	cr_expect_str_eq(out.p + 7, want, "%s", out.p);
	p2v_text_fini(&out);
}

static bool leave(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)u;
	(void)ctx;
	p2v_text_puts(out, "ignored");
	return false;
}

Test(doc, rewriting_changes_uris_alone)
{
	static const char text[] = "#EXTM3U\r\n#EXT-X-TARGETDURATION:2\r\n"
				   "#EXT-X-KEY:METHOD=AES-128,URI=\"/k\",IV=0x00\r\n"
				   "#EXT-X-MAP:URI=bare.mp4\r\n#EXTINF:2,t\r\n  a.ts  \r\n"
				   "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\r\n"
				   "# a comment\r\n#EXTINF:2,\r\nhttp://[bad\r\n";
	struct p2v_doc *d = read_text(text);

	check_rewrite(d, leave, text);
	check_rewrite(d, to_agent,
		"#EXTM3U\r\n#EXT-X-TARGETDURATION:2\r\n"
		"#EXT-X-KEY:METHOD=AES-128,URI=\"http://agent/3/http://h/k\",IV=0x00\r\n"
		"#EXT-X-MAP:URI=\"http://agent/2/http://h/live/bare.mp4\"\r\n#EXTINF:2,t\r\n"
		"  http://agent/2/http://h/live/a.ts  \r\n"
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\r\n"
		"# a comment\r\n#EXTINF:2,\r\nhttp://[bad\r\n");
	p2v_doc_free(d);
}

static bool add_query(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	p2v_text_printf(out, "%s&'\"<>", u->url);
	return true;
}

Test(doc, rewriting_inside_xml)
{
	static const char text[] = "FAKE a?x=1&amp;y=&#50;&lt;&#x33;&apos; b?&bogus;&#xd800;&#0;&";
	static const struct p2v_manifest_uri v[] = { SPAN(5, 33, P2V_URI_MEDIA, P2V_ESCAPE_XML),
		SPAN(39, 22, P2V_URI_MEDIA, P2V_ESCAPE_XML) };
	struct p2v_doc *d;

	cr_assert_eq(try_spans(text, v, 2, &d), P2V_OK);
	check_rewrite(d, add_query,
		"FAKE http://h/a/a?x=1&amp;y=2%3C3&apos;&amp;&apos;&quot;&lt;&gt; "
		"http://h/a/b?&amp;bogus;&amp;&amp;&apos;&quot;&lt;&gt;");
	p2v_doc_free(d);
}

/* ---- the dump ---- */

static void check_dump(struct p2v_doc *d, const char *want)
{
	struct p2v_text out = { 0 };

	p2v_doc_json(d, &out);
	cr_expect_str_eq(out.p, want, "%s", out.p);
	p2v_text_fini(&out);
	p2v_doc_free(d);
}

Test(doc, dump_of_a_presentation)
{
	struct p2v_doc *d;

	cr_assert_eq(run(tell_all, "FAKE", &d, NULL), P2V_OK);
	check_dump(d,
		"{\"base\":\"http://h/a/m.xml?x\",\"disc_seq\":0,\"endlist\":false,"
		"\"errors\":[\"line 9: odd thing\"],\"kind\":\"presentation\",\"live\":false,"
		"\"ll\":{\"can_block\":false,\"hint\":{\"type\":\"PART\",\"uri\":\"p\","
		"\"url\":\"http://h/a/p\"}},\"proto\":\"fake\","
		"\"renditions\":[{\"default\":true,\"group\":\"a\",\"lang\":\"en\","
		"\"name\":\"English\",\"type\":\"AUDIO\",\"uri\":\"en.xml\","
		"\"url\":\"http://h/a/en.xml\"}],\"seq\":0,\"tracks\":[{\"bw\":100,"
		"\"segments\":[{\"disc\":true,\"dur_us\":20,\"gap\":false,"
		"\"key\":{\"iv\":\"0102000000000000000000000000000f\",\"method\":\"AES\","
		"\"uri\":\"k\",\"url\":\"http://h/a/k\"},\"map\":{\"range\":[3,4],\"uri\":\"i\","
		"\"url\":\"http://h/a/i\"},\"n\":7,\"parts\":[{\"dur_us\":5,\"gap\":false,\"i\":0,"
		"\"independent\":true,\"uri\":\"p\",\"url\":\"http://h/a/p\"}],"
		"\"pdt\":\"1970-01-01T00:00:01.500Z\",\"range\":[1,2],\"t_us\":10,\"uri\":\"s7\","
		"\"url\":\"http://h/a/s7\"}],\"type\":\"video\",\"variant\":\"v0\"},"
		"{\"bw\":100,\"segments\":[{\"disc\":false,\"dur_us\":0,\"gap\":false,\"n\":1,"
		"\"t_us\":0,\"uri\":\"s1\",\"url\":\"http://h/a/s1\"}],\"type\":\"audio\","
		"\"variant\":\"v0\"}],\"variants\":[{\"audio\":\"a\",\"avg_bw\":90,\"bw\":100,"
		"\"codecs\":\"avc1\",\"h\":2,\"id\":\"v0\",\"iframes\":false,\"subtitles\":\"s\","
		"\"video\":\"v\",\"w\":1}],\"version\":3}");
}

static int64_t date;

static int tell_date(struct p2v_str text, const struct p2v_manifest_sink *s, struct p2v_err *err)
{
	struct p2v_manifest_track t = { .variant = S("0"), .type = S("") };
	struct p2v_manifest_segment seg = { .uri = S("x"), .has_pdt = true, .pdt = date };

	(void)text;
	(void)err;
	cr_assert_eq(s->head(s->ctx, &head), P2V_OK);
	cr_assert_eq(s->track(s->ctx, &t), P2V_OK);
	return s->segment(s->ctx, &seg);
}

Test(doc, dates_in_the_dump)
{
	static const struct {
		int64_t us;
		const char *text;
	} v[] = { { 0, "1970-01-01T00:00:00Z" }, { 1, "1970-01-01T00:00:00.000001Z" },
		{ 1000, "1970-01-01T00:00:00.001Z" }, { -1, "1969-12-31T23:59:59.999999Z" },
		{ INT64_C(951782400) * P2V_SECOND, "2000-02-29T00:00:00Z" },
		{ INT64_C(951868799) * P2V_SECOND, "2000-02-29T23:59:59Z" },
		{ INT64_C(4107542400) * P2V_SECOND, "2100-03-01T00:00:00Z" },
		{ INT64_C(253402300799) * P2V_SECOND, "9999-12-31T23:59:59Z" },
		{ INT64_C(-62135596800) * P2V_SECOND, "0001-01-01T00:00:00Z" },
		{ INT64_C(1795407900) * P2V_SECOND + 123000, "2026-11-23T04:25:00.123Z" } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_text out = { 0 };
		struct p2v_doc *d;
		char want[80];

		date = v[i].us;
		cr_assert_eq(run(tell_date, "FAKE", &d, NULL), P2V_OK);
		p2v_doc_json(d, &out);
		(void)snprintf(want, sizeof want, "\"pdt\":\"%s\"", v[i].text);
		cr_expect_not_null(strstr(out.p, want), "%s in %s", want, out.p);
		p2v_text_fini(&out);
		p2v_doc_free(d);
	}
}
