/* fuzz_manifest.c - manifests: read into a document, dumped, rewritten, read again, and put on a
 * timeline two times. A byte 0x1e in the input parts two readings of one manifest; without it the
 * second reading is the first. Built once for each kind, which local.mk tells: FUZZ_TYPE is its
 * media type; of a kind that means nothing without another manifest FUZZ_PROTO is the plugin, and
 * FUZZ_CONTEXT what that manifest told. */
#include <stdlib.h>

#include "framework/stream/timeline.h"
#include "tests/contract/manifests.h"
#include "tests/fuzz/target.h"

#ifndef FUZZ_PROTO
#define FUZZ_PROTO   NULL
#define FUZZ_CONTEXT NULL
#endif

/* Templates are filled in for this time of day: 2026-01-01T00:10:00Z. */
#define WALL (INT64_C(1767226200) * P2V_SECOND)

/* More fragments than that, which a few bytes make, are read and left: what is done with them takes
 * seconds, and is the same as with fewer. */
enum { MANY = 4096 };

static const char base[] = "https://cdn.example/live/channel/index.m3u8?token=1";

static bool leave(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)u;
	(void)ctx;
	(void)out;
	return false;
}

static bool move(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	p2v_text_printf(out, "http://127.0.0.1:8780/x/%s", u->url);
	return true;
}

/* @param url  where it came from; "": not known */
static struct p2v_doc *read_from(
	const struct p2v_test_manifests *m, const char *url, struct p2v_str text)
{
	struct p2v_doc *d;
	struct p2v_err err;
	const struct p2v_doc_in in = { .text = text,
		.url = url,
		.type = p2v_str_of(FUZZ_TYPE),
		.wall = WALL,
		.proto = FUZZ_PROTO,
		.context = FUZZ_CONTEXT };
	int rc = p2v_doc_parse(&m->all, &in, &d, &err);

	must(rc == P2V_OK ? d != NULL : !d && err.code == rc && err.text[0]);
	return d;
}

static struct p2v_doc *read_one(const struct p2v_test_manifests *m, struct p2v_str text)
{
	return read_from(m, base, text);
}

static void rewrite(
	const struct p2v_test_manifests *m, const struct p2v_doc *d, struct p2v_str text)
{
	struct p2v_text same = { 0 }, moved = { 0 };
	struct p2v_doc *again;

	p2v_doc_rewrite(d, leave, NULL, &same);
	must(same.n == text.n && (text.n == 0 || memcmp(same.p, text.p, text.n) == 0));
	p2v_doc_rewrite(d, move, NULL, &moved);
	again = read_one(m, (struct p2v_str){ moved.p, moved.n });
	must(again && again->n_uris == d->n_uris && again->n_tracks == d->n_tracks);
	must(d->n_tracks == 0 || again->tracks[0].n == d->tracks[0].n);
	p2v_doc_free(again);
	p2v_text_fini(&same);
	p2v_text_fini(&moved);
}

static void take(struct p2v_timeline *tl, const struct p2v_doc *d, p2v_usec now)
{
	size_t fresh;

	for (size_t i = 0; i < d->n_tracks; i++) {
		must(p2v_timeline_update(tl, d, i, now, &fresh) == P2V_OK);
		must(fresh <= tl->n - tl->n_init);
		for (size_t k = tl->n_init + 1; k < tl->n; k++)
			must(tl->v[k].t >= tl->v[k - 1].t && tl->v[k].n > tl->v[k - 1].n);
		if (tl->n > tl->n_init)
			must(p2v_timeline_find(tl, tl->v[tl->n - 1].url, NULL) != NULL);
	}
}

static size_t fragments(const struct p2v_doc *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_tracks; i++)
		n += d->tracks[i].n;
	return n;
}

static void use(const struct p2v_test_manifests *m, struct p2v_timeline *tl, struct p2v_str text,
	p2v_usec now)
{
	struct p2v_doc *d = read_one(m, text);
	struct p2v_text dump = { 0 };

	if (d && fragments(d) <= MANY) {
		p2v_doc_json(d, &dump);
		must(dump.n > 2 && dump.p[0] == '{' && dump.p[dump.n - 1] == '}');
		rewrite(m, d, text);
		take(tl, d, now);
		p2v_text_fini(&dump);
	}
	p2v_doc_free(d);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	struct p2v_str rest = { (const char *)p, n }, first = rest;
	struct p2v_test_manifests m;
	struct p2v_timeline tl;

	p2v_test_manifests_init(&m);
	must(p2v_timeline_init(&tl, base) == P2V_OK);
	must(p2v_str_split(&rest, 0x1e, &first) == (p != NULL));
	p2v_doc_free(read_from(&m, "", first));
	use(&m, &tl, first, 1);
	use(&m, &tl, rest.p ? rest : first, 2 * P2V_SECOND);
	p2v_timeline_fini(&tl);
}
