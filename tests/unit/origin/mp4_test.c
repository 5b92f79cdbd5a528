/* mp4_test.c - fragmented MP4 as it comes: in pieces of any size, and wrong in many ways. */
#include <criterion/criterion.h>

#include "tests/unit/origin/film.h"

TestSuite(mp4, .timeout = 60);

struct heard {
	unsigned inits, chunks;
	size_t init_n, bytes;
	struct p2v_mp4_info info;
	struct p2v_mp4_chunk last;
};

static int on_init(void *ctx, struct p2v_slice bytes, const struct p2v_mp4_info *info)
{
	struct heard *h = ctx;

	h->inits++;
	h->init_n = bytes.n;
	h->info = *info;
	return P2V_OK;
}

static int on_chunk(void *ctx, const struct p2v_mp4_chunk *c)
{
	struct heard *h = ctx;

	h->chunks++;
	h->bytes += c->bytes.n;
	h->last = *c;
	return P2V_OK;
}

static const struct p2v_mp4_sink sink = { on_init, on_chunk };

/* Feed in pieces of `step`, to the end. */
static int feed(const struct p2v_text *t, size_t step, struct heard *h, struct p2v_err *err)
{
	struct p2v_mp4 m;
	int rc = P2V_OK;

	*h = (struct heard){ .inits = 0 };
	p2v_mp4_init(&m, &sink, h);
	for (size_t at = 0; at < t->n && rc == P2V_OK; at += step)
		rc = p2v_mp4_feed(&m,
			(struct p2v_bytes){
				(const uint8_t *)t->p + at, t->n - at < step ? t->n - at : step },
			err);
	if (rc == P2V_OK)
		rc = p2v_mp4_end(&m, err);
	p2v_mp4_fini(&m);
	return rc;
}

static const char *why(const struct p2v_text *t)
{
	static struct p2v_err err;
	struct heard h;

	cr_assert_lt(feed(t, t->n, &h, &err), 0);
	return err.text;
}

Test(mp4, pieces_of_any_size_are_the_same_film)
{
	static const size_t steps[] = { 1, 7, 8, 9, 16, 100, 1 << 20 };
	struct p2v_text t = { 0 };
	size_t init, free_box;

	film_init(&t, true, 90000);
	init = t.n;
	film_chunk(&t, 1, 0, 18000, true, 500);
	free_box = film_open(&t, "free");
	film_zeros(&t, 30);
	film_close(&t, free_box);
	film_chunk(&t, 1, 18000, 18000, false, 0);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct heard h;
		struct p2v_err err;

		cr_assert_eq(feed(&t, steps[i], &h, &err), P2V_OK, "%s", err.text);
		cr_assert(h.inits == 1 && h.init_n == init && h.chunks == 2);
		cr_assert_eq(h.bytes, t.n - init - 38, "padding is left out");
		cr_assert(h.last.t == 200000 && h.last.dur == 200000 && !h.last.independent);
		cr_assert(h.info.tracks[0].video && h.info.tracks[0].w == 640 &&
			  h.info.tracks[0].h == 360);
		cr_assert_str_eq(h.info.tracks[0].codec, "avc1.4D401F");
		cr_assert_str_eq(h.info.tracks[0].lang, "eng");
	}
	p2v_text_fini(&t);
}

Test(mp4, chunks_of_another_track_go_with_the_next)
{
	struct p2v_text t = { 0 };
	struct heard h;
	struct p2v_err err;

	film_init(&t, false, 48000);
	film_chunk(&t, 2, 0, 100, true, 10);
	film_chunk(&t, 1, 48000, 9600, false, 10);
	cr_assert_eq(feed(&t, t.n, &h, &err), P2V_OK, "%s", err.text);
	cr_assert(h.chunks == 1 && h.last.t == 1000000 && h.last.dur == 200000);
	cr_assert(h.info.tracks[0].audio && h.info.tracks[0].rate == 48000);
	cr_assert_str_eq(h.info.tracks[0].codec, "Opus");
	p2v_text_fini(&t);
}

Test(mp4, what_is_wrong_is_named_with_its_byte)
{
	struct p2v_text t = { 0 };
	size_t at, init;

	cr_assert_str_eq(why(&t), "byte 0: the stream ends before its moov");
	p2v_text_puts(&t, "<html><body>");
	cr_assert_not_null(strstr(why(&t), "byte 0: the box 'l><b' of "));
	t.n = 0;
	film_u32(&t, 4);
	p2v_text_puts(&t, "ftyp");
	cr_assert_str_eq(why(&t), "byte 0: the box 'ftyp' says that it has 4 bytes");
	t.n = 0;
	at = film_open(&t, "moov");
	film_zeros(&t, 4);
	film_close(&t, at);
	cr_assert_str_eq(why(&t), "byte 8: a box does not fit into the one around it");
	t.n = 0;
	film_close(&t, film_open(&t, "moov"));
	cr_assert_str_eq(why(&t), "byte 8: the moov has no track: this is no fragmented MP4");
	t.n = 0;
	film_close(&t, film_open(&t, "ftyp"));
	film_chunk(&t, 1, 0, 4, true, 4);
	cr_assert_not_null(strstr(why(&t), "byte 8: 'moof' comes before a moov"));
	t.n = 0;
	film_init(&t, true, 1000);
	init = t.n;
	film_close(&t, film_open(&t, "mdat"));
	cr_assert_not_null(strstr(why(&t), "an mdat without a moof"));
	t.n = init;
	film_chunk(&t, 1, 0, 200, true, 100);
	t.n -= 1;
	cr_assert_not_null(strstr(why(&t), "the stream ends in the middle of a box"));
	t.n = init;
	film_init(&t, true, 1000);
	cr_assert_not_null(strstr(why(&t), "a second moov"));
	t.n = 0;
	film_init(&t, true, 0);
	cr_assert_not_null(strstr(why(&t), "a track without a timescale"));
	p2v_text_fini(&t);
}

/* A film that is cut anywhere, or has any byte changed, ends in a film or in one error. */
Test(mp4, any_byte_may_be_wrong)
{
	struct p2v_text t = { 0 };
	struct heard h;
	struct p2v_err err;

	film_init(&t, true, 90000);
	film_chunk(&t, 1, 0, 18000, true, 20);
	film_chunk(&t, 1, 18000, 18000, false, 20);
	for (size_t i = 0; i < t.n; i++) {
		static const unsigned char other[] = { 0x00, 0xff, 0x80, 0x01 };
		char was = t.p[i];

		for (size_t k = 0; k < sizeof other; k++) {
			t.p[i] = (char)other[k];
			err.text[0] = 0;
			if (feed(&t, t.n, &h, &err) < 0)
				cr_assert(strncmp(err.text, "byte ", 5) == 0, "%s", err.text);
		}
		t.p[i] = was;
	}
	p2v_text_fini(&t);
}

Test(mp4, codecs)
{
	static const struct {
		const char *type;
		bool video;
		const char *box;
		uint8_t conf[40];
		size_t n;
		const char *codec;
	} v[] = { { "hvc1", true, "hvcC", { 1, 0x61, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93 }, 13,
			  "hvc1.A1.6.H93.B0" },
		{ "av01", true, "av1C", { 0x81, 0x04, 0x0c, 0 }, 4, "av01.0.04M.08" },
		{ "mp4a", false, "esds",
			{ 0, 0, 0, 0, 3, 0x80, 0x80, 0x80, 0x25, 0, 1, 0, 4, 0x17, 0x40, 0x15, 0, 0,
				0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x12, 0x10 },
			31, "mp4a.40.2" },
		{ "avc3", true, "avcC", { 1, 0x64, 0, 0x28 }, 4, "avc3.640028" },
		{ "avc1", true, "avcC", { 1 }, 1, "avc1" },
		{ "ec-3", false, "dec3", { 0 }, 1, "ec-3" },
		{ "a\"b<", false, "x   ", { 0 }, 1, "" } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_text t = { 0 };
		char out[P2V_MP4_CODEC];
		size_t at;

		film_zeros(&t, v[i].video ? 78 : 28);
		at = film_open(&t, v[i].box);
		p2v_text_add(&t, (const char *)v[i].conf, v[i].n);
		film_close(&t, at);
		p2v_mp4_codec(v[i].type, (struct p2v_bytes){ (const uint8_t *)t.p, t.n },
			v[i].video, out);
		cr_expect_str_eq(out, v[i].codec);
		p2v_text_fini(&t);
	}
}
