/* film.h - fragmented MP4 out of arithmetic, for tests of who reads it. */
#ifndef P2V_TESTS_FILM_H
#define P2V_TESTS_FILM_H

#include "framework/base/text.h"
#include "sdk/origin/stream.h"

/* Boxes are written one into another: film_open gives where one begins, for film_close. */
static inline void film_u32(struct p2v_text *t, uint32_t v)
{
	char b[4] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v };

	p2v_text_add(t, b, 4);
}

static inline void film_zeros(struct p2v_text *t, size_t n)
{
	while (n--)
		p2v_text_add(t, "", 1);
}

static inline size_t film_open(struct p2v_text *t, const char *type)
{
	size_t at = t->n;

	film_u32(t, 0);
	p2v_text_add(t, type, 4);
	return at;
}

static inline void film_close(struct p2v_text *t, size_t at)
{
	size_t n = t->n - at;

	for (unsigned i = 0; i < 4; i++)
		t->p[at + i] = (char)(n >> (24 - 8 * i));
}

static inline void film_sample_entry(struct p2v_text *t, bool video)
{
	size_t stsd = film_open(t, "stsd"), entry, conf;

	film_u32(t, 0);
	film_u32(t, 1);
	entry = film_open(t, video ? "avc1" : "Opus");
	if (video) {
		film_zeros(t, 78);
		conf = film_open(t, "avcC");
		p2v_text_add(t, "\x01\x4d\x40\x1f", 4);
		film_close(t, conf);
	} else {
		film_zeros(t, 24);
		film_u32(t, 48000u << 16);
	}
	film_close(t, entry);
	film_close(t, stsd);
}

static inline void film_trak(struct p2v_text *t, uint32_t id, bool video, uint32_t timescale)
{
	size_t trak = film_open(t, "trak"), box, mdia, minf, stbl;

	box = film_open(t, "tkhd");
	film_zeros(t, 12);
	film_u32(t, id);
	film_zeros(t, 60);
	film_u32(t, 640u << 16);
	film_u32(t, 360u << 16);
	film_close(t, box);
	mdia = film_open(t, "mdia");
	box = film_open(t, "mdhd");
	film_zeros(t, 12);
	film_u32(t, timescale);
	film_u32(t, 0);
	film_u32(t, (('e' - 0x60u) << 10 | ('n' - 0x60u) << 5 | ('g' - 0x60u)) << 16);
	film_close(t, box);
	box = film_open(t, "hdlr");
	film_zeros(t, 8);
	p2v_text_puts(t, video ? "vide" : "soun");
	film_zeros(t, 13);
	film_close(t, box);
	minf = film_open(t, "minf");
	stbl = film_open(t, "stbl");
	film_sample_entry(t, video);
	film_close(t, stbl);
	film_close(t, minf);
	film_close(t, mdia);
	film_close(t, trak);
}

/* The init segment of a stream with one track, of number 1. */
static inline void film_init(struct p2v_text *t, bool video, uint32_t timescale)
{
	size_t box = film_open(t, "ftyp"), moov, mvex;

	p2v_text_puts(t, "iso6");
	film_close(t, box);
	moov = film_open(t, "moov");
	film_trak(t, 1, video, timescale);
	mvex = film_open(t, "mvex");
	box = film_open(t, "trex");
	film_u32(t, 0);
	film_u32(t, 1);
	film_u32(t, 1);
	film_u32(t, 0);
	film_u32(t, 0);
	film_u32(t, 0x10000); /* no sync sample unless it is said */
	film_close(t, box);
	film_close(t, mvex);
	film_close(t, moov);
}

/* A chunk of four samples. */
static inline void film_chunk(
	struct p2v_text *t, uint32_t track, uint32_t at, uint32_t dur, bool key, size_t bytes)
{
	size_t moof = film_open(t, "moof"), traf = film_open(t, "traf"), box;

	box = film_open(t, "tfhd");
	film_u32(t, 0x20008);
	film_u32(t, track);
	film_u32(t, dur / 4);
	film_close(t, box);
	box = film_open(t, "tfdt");
	film_u32(t, 0);
	film_u32(t, at);
	film_close(t, box);
	box = film_open(t, "trun");
	film_u32(t, 0x1 | (key ? 0x4 : 0));
	film_u32(t, 4);
	film_u32(t, 0);
	if (key)
		film_u32(t, 0x2000000);
	film_close(t, box);
	film_close(t, traf);
	film_close(t, moof);
	box = film_open(t, "mdat");
	film_zeros(t, bytes);
	film_close(t, box);
}

#endif
