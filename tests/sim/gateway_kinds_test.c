/* gateway_kinds_test.c - what manifests of other kinds than HLS ask of the host: indexes that are a
 * range of a file, and fragments that tell of those to come. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_kinds, .timeout = 120, .init = rig_init, .fini = rig_fini);

static void open_with(struct booth *b, const char *plugin)
{
	struct booth_conf conf = booth_conf();

	conf.plugins.manifest.plugin = rig_plugin(P2V_KIND_MANIFEST, plugin);
	conf.plugins.manifest.conf = NULL;
	booth_open(b, &conf);
}

/* ---- bytes ---- */

struct bytes {
	char b[65536];
	size_t n;
};

static void put(struct bytes *out, uint64_t v, size_t n)
{
	while (n--)
		out->b[out->n++] = (char)(v >> (8 * n));
}

static void put_name(struct bytes *out, const char *name)
{
	memcpy(out->b + out->n, name, 4);
	out->n += 4;
}

/* ---- an index in a file ---- */

enum { HEAD = 600, INDEX = 32 + 3 * 12, FIRST = HEAD + INDEX, LONG = 9000 };

/* A file of three fragments: what stands before the index, the index, the fragments. */
static void make_file(struct bytes *out)
{
	while (out->n < HEAD)
		put(out, out->n & 0xff, 1);
	put(out, INDEX, 4);
	put_name(out, "sidx");
	put(out, 0, 4);    /* version, flags */
	put(out, 1, 4);    /* its reference */
	put(out, 1000, 4); /* units in a second */
	put(out, 0, 4);    /* the first time */
	put(out, 0, 4);    /* the first place */
	put(out, 3, 4);    /* reserved; how many */
	for (unsigned i = 0; i < 3; i++) {
		put(out, LONG, 4);
		put(out, 2000, 4);
		put(out, 0x90000000, 4);
	}
	for (size_t i = 0; out->n < FIRST + 3 * LONG; i++)
		put(out, (i * 31) >> 3, 1);
}

static const char mpd[] =
	"<MPD type=\"static\" mediaPresentationDuration=\"PT6S\"><Period><AdaptationSet "
	"contentType=\"video\"><Representation id=\"1\" bandwidth=\"36000\"><BaseURL>v.mp4</BaseURL>"
	"<SegmentBase indexRange=\"600-667\"><Initialization range=\"0-599\"/></SegmentBase>"
	"</Representation></AdaptationSet></Period></MPD>";

static uint32_t get_range(struct booth *b, struct visit *v, unsigned first, unsigned last)
{
	char range[64];

	(void)snprintf(range, sizeof range, "Range: bytes=%u-%u", first, last);
	visit_fini(v);
	v->headers[0] = range;
	visit_begin(b, v, "/live/v.mp4");
	visit_wait(v);
	v->headers[0] = NULL;
	return v->status;
}

static struct page *put_film(struct booth *b, const struct bytes *file)
{
	site_put(&b->cdn,
		&(struct page){
			.target = "/live/m.mpd", .text = mpd, .type = "application/dash+xml" });
	return site_put(&b->cdn, &(struct page){ .target = "/live/v.mp4",
					 .text = file->b,
					 .text_n = file->n,
					 .etag = "\"v\"",
					 .type = "video/mp4" });
}

Test(gateway_kinds, what_an_index_tells_of_is_kept)
{
	static struct bytes file;
	struct visit v = { 0 };
	struct booth b;
	struct page *p;

	make_file(&file);
	open_with(&b, "dash");
	p = put_film(&b, &file);
	cr_assert_eq(visit_get(&b, &v, "/live/m.mpd"), 200);
	cr_assert_eq(p->requests, 0, "nobody asked for anything of it");
	cr_assert_eq(get_range(&b, &v, 0, HEAD - 1), 206);
	visit_expect(&v, p, 0, HEAD);
	booth_run(&b, P2V_SECOND);
	cr_assert_eq(p->requests, 2, "the agent reads the index, too");
	for (unsigned i = 0; i < 3; i++) {
		unsigned first = FIRST + i * LONG, seen;

		cr_assert_eq(get_range(&b, &v, first, first + LONG - 1), 206);
		visit_expect(&v, p, first, LONG);
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
		seen = p->requests;
		cr_assert_eq(get_range(&b, &v, first, first + LONG - 1), 206);
		visit_expect(&v, p, first, LONG);
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cache");
		cr_assert_eq(p->requests, seen);
	}
	visit_fini(&v);
	booth_close(&b);
}

/* A server that gives the whole file where its index was asked for: players get it as they would
 * without us. */
Test(gateway_kinds, without_ranges_nothing_is_read)
{
	static struct bytes file;
	struct visit v = { 0 };
	struct booth b;
	struct page *p;

	make_file(&file);
	open_with(&b, "dash");
	p = put_film(&b, &file);
	p->ignores_range = true;
	cr_assert_eq(visit_get(&b, &v, "/live/m.mpd"), 200);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(get_range(&b, &v, 0, HEAD - 1), 200);
		visit_expect(&v, p, 0, file.n);
		booth_run(&b, 100 * P2V_MSEC);
	}
	cr_assert_leq(p->requests, 3 + 2, "the agent does not insist");
	visit_fini(&v);
	booth_close(&b);
}

/* ---- fragments that tell of those to come ---- */

static const char live[] =
	"<SmoothStreamingMedia MajorVersion=\"2\" IsLive=\"TRUE\" LookAheadFragmentCount=\"2\" "
	"Duration=\"0\"><StreamIndex Type=\"video\" Url=\"Q({bitrate})/F(v={start time})\">"
	"<QualityLevel Index=\"0\" Bitrate=\"36000\"/><c t=\"100000000\" d=\"20000000\"/>"
	"<c d=\"20000000\"/></StreamIndex></SmoothStreamingMedia>";

static const uint8_t tfrf[16] = { 0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26,
	0xcb, 0x9e, 0x46, 0xa7, 0x9f };

/* A fragment that tells of the two behind it. */
static void make_fragment(struct bytes *out, uint64_t t)
{
	size_t uuid = 8 + 16 + 5 + 2 * 16;

	out->n = 0;
	put(out, 16 + uuid, 4);
	put_name(out, "moof");
	put(out, 8 + uuid, 4);
	put_name(out, "traf");
	put(out, uuid, 4);
	put_name(out, "uuid");
	memcpy(out->b + out->n, tfrf, 16);
	out->n += 16;
	put(out, 1, 1);
	put(out, 0, 3);
	put(out, 2, 1);
	for (unsigned i = 1; i <= 2; i++) {
		put(out, t + i * 20000000, 8);
		put(out, 20000000, 8);
	}
	put(out, 5008, 4);
	put_name(out, "mdat");
	for (unsigned i = 0; i < 5000; i++)
		put(out, t / 20000000 + i, 1);
}

enum { FRAGMENTS = 5 };

struct event {
	struct bytes bytes[FRAGMENTS];
	char targets[FRAGMENTS][48];
	struct page *pages[FRAGMENTS];
};

static void put_event(struct booth *b, struct event *e)
{
	site_put(&b->cdn,
		&(struct page){
			.target = "/live/e.ism/Manifest", .text = live, .type = "text/xml" });
	for (unsigned i = 0; i < FRAGMENTS; i++) {
		uint64_t t = 100000000 + i * UINT64_C(20000000);

		make_fragment(&e->bytes[i], t);
		(void)snprintf(e->targets[i], sizeof e->targets[i],
			"/live/e.ism/Q(36000)/F(v=%llu)", (unsigned long long)t);
		e->pages[i] = site_put(&b->cdn, &(struct page){ .target = e->targets[i],
							.text = e->bytes[i].b,
							.text_n = e->bytes[i].n,
							.type = "video/mp4" });
	}
}

static void is_kept(struct booth *b, struct visit *v, const struct event *e, unsigned i, bool kept)
{
	for (unsigned k = 0; k < 2; k++) {
		cr_assert_eq(visit_get(b, v, e->targets[i]), 200);
		visit_expect(v, e->pages[i], 0, e->bytes[i].n);
	}
	cr_assert_eq(strcmp(visit_field(v, "x-p2v-source"), "cache") == 0, kept, "fragment %u: %s",
		i, visit_field(v, "cache-status"));
}

Test(gateway_kinds, a_player_goes_on_by_what_fragments_tell)
{
	static struct event e;
	struct visit v = { 0 };
	struct booth b;

	open_with(&b, "smooth");
	put_event(&b, &e);
	cr_assert_eq(visit_get(&b, &v, "/live/e.ism/Manifest"), 200);
	is_kept(&b, &v, &e, 2, false); /* nobody told of it */
	for (unsigned i = 1; i < FRAGMENTS; i++)
		is_kept(&b, &v, &e, i, true);
	booth_run(&b,
		20 * P2V_SECOND); /* the manifest, which says no more than before, is read again */
	for (unsigned i = 1; i < FRAGMENTS; i++)
		is_kept(&b, &v, &e, i, true);
	visit_fini(&v);
	booth_close(&b);
}
