/* smooth_test.c - manifest/smooth: what fragments tell of those to come. Whole manifests are in
 * tests/data/smooth. */
#include <stdlib.h>

#include <peer2view/plugin.h>

#include "plugins/manifest/smooth/announced.h"
#include "tests/unit/stream/read.h"

struct bytes {
	uint8_t b[400];
	size_t n;
};

static void put(struct bytes *x, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x->b[x->n++] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static void put_box(struct bytes *x, const char *type, const struct bytes *inside)
{
	put(x, 8 + inside->n, 4);
	memcpy(x->b + x->n, type, 4);
	x->n += 4;
	memcpy(x->b + x->n, inside->b, inside->n);
	x->n += inside->n;
}

static const uint8_t tfrf[16] = { 0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26,
	0xcb, 0x9e, 0x46, 0xa7, 0x9f };

/* moof / { mfhd, traf / { tfhd, uuid tfxd, uuid tfrf } }, then media. */
static void fragment(struct bytes *out, unsigned version, unsigned count)
{
	struct bytes empty = { .n = 8 }, box = { .n = 0 }, traf = { .n = 0 }, moof = { .n = 0 };
	size_t field = version ? 8 : 4;

	put_box(&traf, "tfhd", &empty);
	for (uint8_t i = 0; i < 16; i++)
		put(&box, i, 1);
	put(&box, 0x01000000, 4);
	put(&box, 1, 8);
	put(&box, 2, 8);
	put_box(&traf, "uuid", &box);
	box.n = 0;
	memcpy(box.b, tfrf, 16);
	box.n = 16;
	put(&box, version << 24, 4);
	put(&box, count, 1);
	for (unsigned i = 0; i < count && i < 8; i++) {
		put(&box, 100 + i * 20, field);
		put(&box, 20, field);
	}
	put_box(&traf, "uuid", &box);
	put_box(&moof, "mfhd", &empty);
	put_box(&moof, "traf", &traf);
	out->n = 0;
	put_box(out, "moof", &moof);
	put(out, 0x00ffffff, 4);
	memcpy(out->b + out->n, "mdat", 4);
	out->n += 4;
}

Test(smooth, the_next_ones_are_announced)
{
	struct smooth_next next[SMOOTH_NEXT_MAX];
	struct bytes b;

	for (unsigned version = 0; version < 2; version++) {
		fragment(&b, version, 2);
		cr_assert_eq(smooth_announced((struct p2v_bytes){ b.b, b.n }, next), 2);
		cr_assert(next[0].t == 100 && next[0].span == 20);
		cr_assert(next[1].t == 120 && next[1].span == 20);
	}
	fragment(&b, 1, 0);
	cr_assert_eq(smooth_announced((struct p2v_bytes){ b.b, b.n }, next), 0);
	cr_assert_eq(smooth_announced((struct p2v_bytes){ NULL, 0 }, next), 0);
}

Test(smooth, more_is_said_than_is_there)
{
	struct smooth_next next[SMOOTH_NEXT_MAX];
	struct bytes b;

	fragment(&b, 1, 255);
	cr_assert_eq(smooth_announced((struct p2v_bytes){ b.b, b.n }, next), 8);
}

/* Any part of it, and any of its bytes another: within bounds, as the sanitizer sees. */
Test(smooth, any_bytes)
{
	struct smooth_next next[SMOOTH_NEXT_MAX];
	struct bytes b;

	fragment(&b, 1, 3);
	for (size_t n = 0; n <= b.n; n++)
		for (size_t i = 0; i < n; i++) {
			uint8_t *copy = malloc(n);
			static const uint8_t odd[] = { 0, 1, 0x7f, 0xff };

			cr_assert_not_null(copy);
			for (size_t k = 0; k < sizeof odd; k++) {
				memcpy(copy, b.b, n);
				copy[i] = odd[k];
				cr_assert_leq(smooth_announced((struct p2v_bytes){ copy, n }, next),
					SMOOTH_NEXT_MAX);
			}
			free(copy);
		}
}

/* ---- as the host asks ---- */

struct heard {
	size_t n;
	uint64_t first;
	p2v_usec dur;
	char uri[80];
};

static int on_segment(void *ctx, const struct p2v_manifest_segment *s)
{
	struct heard *h = ctx;

	if (h->n++ == 0) {
		h->first = s->n;
		h->dur = s->dur;
		(void)snprintf(h->uri, sizeof h->uri, "%.*s", P2V_STR(s->uri));
	}
	return P2V_OK;
}

Test(smooth, fragments_get_their_urls)
{
	struct heard h = { .n = 0 };
	const struct p2v_manifest_sink sink = { .ctx = &h, .segment = on_segment };
	const struct p2v_manifest_ops *ops = p2v_manifest_smooth_LTX_p2v_plugin.ops.manifest;
	struct bytes b;
	struct p2v_manifest_fragment f;
	struct p2v_err err;

	fragment(&b, 1, 2);
	f = (struct p2v_manifest_fragment){ .start = { b.b, b.n },
		.context = p2v_str_of("10 Q(500)/F(video={start time})?x") };
	cr_assert_eq(ops->fragment(NULL, &f, &sink, &err), P2V_OK);
	cr_assert_eq(h.n, 2);
	cr_assert_eq(h.first, 10 * P2V_SECOND);
	cr_assert_eq(h.dur, 2 * P2V_SECOND);
	cr_assert_str_eq(h.uri, "Q(500)/F(video=100)?x");
	f.context = p2v_str_of("nothing");
	cr_assert_eq(ops->fragment(NULL, &f, &sink, &err), P2V_EPARSE);
}
