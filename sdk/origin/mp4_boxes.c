/* mp4_boxes.c - what a moov and a moof say (ISO/IEC 14496-12, section 8). Fields that nobody here
 * needs are passed over. */
#include <string.h>

#include "framework/base/wire.h"
#include "sdk/origin/mp4.h"

struct box {
	const char *type; /* 4 characters, not ended */
	struct p2v_bytes body;
	uint64_t at; /* [B] of its content in the stream */
};

static bool is(const struct box *b, const char *type)
{
	return memcmp(b->type, type, 4) == 0;
}

/* The boxes of a box, one after the other. */
struct walk {
	struct p2v_bytes left;
	uint64_t at;
};

/* @return 1: there is one; 0: no more; P2V_EPARSE with err */
static int next(struct walk *w, struct box *out, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(w->left.p, w->left.n);
	uint64_t size, header = 8;

	if (w->left.n == 0)
		return 0;
	size = p2v_read_be(&r, 4);
	out->type = (const char *)p2v_read_bytes(&r, 4);
	if (size == 1) {
		size = p2v_read_be(&r, 8);
		header = 16;
	}
	if (r.bad || size < header || size > w->left.n)
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: a box does not fit into the one around it",
			(unsigned long long)w->at);
	out->body = (struct p2v_bytes){ w->left.p + header, (size_t)(size - header) };
	out->at = w->at + header;
	w->left.p += size;
	w->left.n -= (size_t)size;
	w->at += size;
	return 1;
}

static struct walk walk_of(const struct box *b)
{
	return (struct walk){ b->body, b->at };
}

static int too_short(const struct box *b, struct p2v_err *err)
{
	return p2v_fail(err, P2V_EPARSE, "byte %llu: the box '%.4s' is too short",
		(unsigned long long)b->at, b->type);
}

/* ---- moov ---- */

static int read_tkhd(const struct box *b, struct p2v_mp4_track *t, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	bool wide = p2v_read_be(&r, 1) == 1;

	(void)p2v_read_bytes(&r, 3);
	(void)p2v_read_bytes(&r, wide ? 16 : 8);
	t->id = (uint32_t)p2v_read_be(&r, 4);
	(void)p2v_read_bytes(&r, (wide ? 12 : 8) + 52);
	t->w = (uint32_t)p2v_read_be(&r, 4) >> 16;
	t->h = (uint32_t)p2v_read_be(&r, 4) >> 16;
	return r.bad ? too_short(b, err) : P2V_OK;
}

static int read_mdhd(const struct box *b, struct p2v_mp4_track *t, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	bool wide = p2v_read_be(&r, 1) == 1;
	unsigned lang;

	(void)p2v_read_bytes(&r, 3);
	(void)p2v_read_bytes(&r, wide ? 16 : 8);
	t->timescale = (uint32_t)p2v_read_be(&r, 4);
	(void)p2v_read_bytes(&r, wide ? 8 : 4);
	lang = (unsigned)p2v_read_be(&r, 2);
	if (r.bad)
		return too_short(b, err);
	if (t->timescale == 0)
		return p2v_fail(err, P2V_EPARSE, "byte %llu: a track without a timescale",
			(unsigned long long)b->at);
	for (unsigned i = 0; i < 3; i++)
		t->lang[i] = (char)(0x60 + (lang >> (10 - 5 * i) & 31));
	for (unsigned i = 0; i < 3; i++)
		if (t->lang[i] < 'a' || t->lang[i] > 'z')
			t->lang[0] = 0;
	if (memcmp(t->lang, "und", 3) == 0)
		t->lang[0] = 0;
	return P2V_OK;
}

static int read_hdlr(const struct box *b, struct p2v_mp4_track *t, struct p2v_err *err)
{
	if (b->body.n < 12)
		return too_short(b, err);
	t->video = memcmp(b->body.p + 8, "vide", 4) == 0;
	t->audio = memcmp(b->body.p + 8, "soun", 4) == 0;
	return P2V_OK;
}

/* The first sample entry stands for all. */
static int read_stsd(const struct box *b, struct p2v_mp4_track *t, struct p2v_err *err)
{
	struct walk w = walk_of(b);
	struct box entry;
	int rc;

	if (b->body.n < 8)
		return too_short(b, err);
	w.left.p += 8;
	w.left.n -= 8;
	w.at += 8;
	rc = next(&w, &entry, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return p2v_fail(err, P2V_EPARSE, "byte %llu: a track without a sample entry",
			(unsigned long long)b->at);
	if (t->audio && entry.body.n >= 28) {
		struct p2v_reader r = p2v_reader_of(entry.body.p + 24, 4);

		t->rate = (uint32_t)p2v_read_be(&r, 4) >> 16;
	}
	p2v_mp4_codec(entry.type, entry.body, t->video, t->codec);
	return P2V_OK;
}

/* trak > mdia > minf > stbl: all are boxes of boxes and nothing else. */
static int read_trak(
	const struct box *b, struct p2v_mp4_track *t, unsigned depth, struct p2v_err *err)
{
	struct walk w = walk_of(b);
	struct box in;
	int rc;

	while ((rc = next(&w, &in, err)) == 1) {
		if (is(&in, "tkhd"))
			rc = read_tkhd(&in, t, err);
		else if (is(&in, "mdhd"))
			rc = read_mdhd(&in, t, err);
		else if (is(&in, "hdlr") && depth == 1)
			rc = read_hdlr(&in, t, err);
		else if (is(&in, "stsd"))
			rc = read_stsd(&in, t, err);
		else if (depth < 3 && (is(&in, "mdia") || is(&in, "minf") || is(&in, "stbl")))
			rc = read_trak(&in, t, depth + 1, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int read_trex(const struct box *b, struct p2v_mp4_info *info, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	uint32_t id, dur, flags;

	(void)p2v_read_bytes(&r, 4);
	id = (uint32_t)p2v_read_be(&r, 4);
	(void)p2v_read_bytes(&r, 4);
	dur = (uint32_t)p2v_read_be(&r, 4);
	(void)p2v_read_bytes(&r, 4);
	flags = (uint32_t)p2v_read_be(&r, 4);
	if (r.bad)
		return too_short(b, err);
	for (size_t i = 0; i < info->n; i++) {
		if (info->tracks[i].id == id) {
			info->tracks[i].dflt_dur = dur;
			info->tracks[i].dflt_flags = flags;
		}
	}
	return P2V_OK;
}

static int read_mvex(const struct box *b, struct p2v_mp4_info *info, struct p2v_err *err)
{
	struct walk w = walk_of(b);
	struct box in;
	int rc;

	while ((rc = next(&w, &in, err)) == 1) {
		if (is(&in, "trex"))
			rc = read_trex(&in, info, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int add_trak(const struct box *b, struct p2v_mp4_info *info, struct p2v_err *err)
{
	struct p2v_mp4_track *t = &info->tracks[info->n];
	int rc;

	if (info->n == P2V_MP4_TRACKS)
		return p2v_fail(err, P2V_ELIMIT, "byte %llu: more than %d tracks",
			(unsigned long long)b->at, P2V_MP4_TRACKS);
	rc = read_trak(b, t, 0, err);
	if (rc < 0)
		return rc;
	if (t->timescale == 0 || t->id == 0)
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: a track without a timescale or a number",
			(unsigned long long)b->at);
	if (!t->video)
		t->w = t->h = 0;
	info->n++;
	return P2V_OK;
}

int p2v_mp4_read_moov(
	struct p2v_bytes moov, uint64_t at, struct p2v_mp4_info *out, struct p2v_err *err)
{
	struct walk w = { moov, at };
	struct box in, mvex = { .type = NULL };
	int rc;

	memset(out, 0, sizeof *out);
	while ((rc = next(&w, &in, err)) == 1) {
		if (is(&in, "trak"))
			rc = add_trak(&in, out, err);
		else if (is(&in, "mvex"))
			mvex = in; /* it may stand before the tracks that it is about */
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (out->n == 0 || !mvex.type)
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: the moov has no %s: this is no fragmented MP4",
			(unsigned long long)at, out->n ? "mvex" : "track");
	while (out->lead < out->n && !out->tracks[out->lead].video)
		out->lead++;
	if (out->lead == out->n)
		out->lead = 0;
	return read_mvex(&mvex, out, err);
}

/* ---- moof ---- */

enum { NOT_SYNC = 0x10000 };

/* Of a fragment of one track. */
struct frag {
	uint32_t dur, flags; /* of samples that do not say */
	struct p2v_mp4_run *run;
};

/* @param mine  [out] it is of that track */
static int read_tfhd(const struct box *b, const struct p2v_mp4_track *t, struct frag *f, bool *mine,
	struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	uint32_t has = (uint32_t)p2v_read_be(&r, 4) & 0xffffff;

	*mine = p2v_read_be(&r, 4) == t->id;
	if (has & 0x1)
		(void)p2v_read_bytes(&r, 8);
	if (has & 0x2)
		(void)p2v_read_bytes(&r, 4);
	f->dur = has & 0x8 ? (uint32_t)p2v_read_be(&r, 4) : t->dflt_dur;
	if (has & 0x10)
		(void)p2v_read_bytes(&r, 4);
	f->flags = has & 0x20 ? (uint32_t)p2v_read_be(&r, 4) : t->dflt_flags;
	return r.bad ? too_short(b, err) : P2V_OK;
}

static int read_tfdt(const struct box *b, struct frag *f, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	bool wide = p2v_read_be(&r, 1) == 1;

	(void)p2v_read_bytes(&r, 3);
	f->run->t = p2v_read_be(&r, wide ? 8 : 4);
	f->run->has_t = true;
	return r.bad ? too_short(b, err) : P2V_OK;
}

static int read_trun(const struct box *b, struct frag *f, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b->body.p, b->body.n);
	uint32_t has = (uint32_t)p2v_read_be(&r, 4) & 0xffffff;
	uint32_t n = (uint32_t)p2v_read_be(&r, 4), first = f->flags;
	bool own_first = has & 0x4;

	if (has & 0x1)
		(void)p2v_read_bytes(&r, 4);
	if (own_first)
		first = (uint32_t)p2v_read_be(&r, 4);
	/* Nothing is said of any sample: as many as they are, they need no room. */
	if (!(has & 0xf00))
		f->run->dur += (uint64_t)n * f->dur;
	for (uint32_t i = 0; (has & 0xf00) && i < n && !r.bad; i++) {
		f->run->dur += has & 0x100 ? p2v_read_be(&r, 4) : f->dur;
		if (has & 0x200)
			(void)p2v_read_bytes(&r, 4);
		if (has & 0x400) {
			uint32_t flags = (uint32_t)p2v_read_be(&r, 4);

			if (i == 0 && !own_first)
				first = flags;
		}
		if (has & 0x800)
			(void)p2v_read_bytes(&r, 4);
	}
	if (r.bad)
		return too_short(b, err);
	if (n && !f->run->found) {
		f->run->found = true;
		f->run->independent = !(first & NOT_SYNC);
	}
	return P2V_OK;
}

static int read_traf(const struct box *b, const struct p2v_mp4_track *t, struct p2v_mp4_run *run,
	struct p2v_err *err)
{
	struct walk w = walk_of(b);
	struct frag f = { .run = run };
	bool mine = false;
	struct box in;
	int rc;

	while ((rc = next(&w, &in, err)) == 1) {
		if (is(&in, "tfhd"))
			rc = read_tfhd(&in, t, &f, &mine, err);
		else if (mine && is(&in, "tfdt"))
			rc = read_tfdt(&in, &f, err);
		else if (mine && is(&in, "trun"))
			rc = read_trun(&in, &f, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int p2v_mp4_read_moof(struct p2v_bytes moof, uint64_t at, const struct p2v_mp4_track *track,
	struct p2v_mp4_run *out, struct p2v_err *err)
{
	struct walk w = { moof, at };
	struct box in;
	int rc;

	*out = (struct p2v_mp4_run){ .found = false };
	while ((rc = next(&w, &in, err)) == 1) {
		if (is(&in, "traf"))
			rc = read_traf(&in, track, out, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* ---- codecs (RFC 6381; ISO/IEC 14496-15 annex E; AV1 in ISO BMFF section 5) ---- */

/* The box of that type among those behind the first `skip` bytes; NULL: there is none. */
static const uint8_t *find(struct p2v_bytes entry, size_t skip, const char *type, size_t *n)
{
	struct walk w = { { entry.p + skip, entry.n - skip }, 0 };
	struct p2v_err ignored;
	struct box in;

	while (next(&w, &in, &ignored) == 1) {
		if (is(&in, type)) {
			*n = in.body.n;
			return in.body.p;
		}
	}
	return NULL;
}

static void hevc(const char type[4], const uint8_t *c, size_t n, char out[P2V_MP4_CODEC])
{
	static const char *const space[] = { "", "A", "B", "C" };
	uint32_t compat = 0;
	int k, last = 5;

	if (n < 13)
		return;
	for (unsigned i = 0; i < 32; i++) /* written from the last bit on */
		compat |= (uint32_t)(c[2 + i / 8] >> (7 - i % 8) & 1) << i;
	k = snprintf(out, P2V_MP4_CODEC, "%.4s.%s%u.%X.%c%u", type, space[c[1] >> 6], c[1] & 31u,
		(unsigned)compat, c[1] & 0x20 ? 'H' : 'L', c[12]);
	while (last >= 0 && c[6 + last] == 0)
		last--;
	for (int i = 0; i <= last && k > 0 && k < P2V_MP4_CODEC; i++)
		k += snprintf(out + k, P2V_MP4_CODEC - (size_t)k, ".%X", c[6 + i]);
}

static void av1(const uint8_t *c, size_t n, char out[P2V_MP4_CODEC])
{
	unsigned depth;

	if (n < 4)
		return;
	depth = !(c[2] & 0x40) ? 8 : c[2] & 0x20 ? 12 : 10;
	(void)snprintf(out, P2V_MP4_CODEC, "av01.%u.%02u%c.%02u", c[1] >> 5, c[1] & 31u,
		c[2] & 0x80 ? 'H' : 'M', depth);
}

/* A descriptor's length: seven bits a byte, the first bit says that more follow. */
static uint32_t descriptor(struct p2v_reader *r, unsigned tag)
{
	uint32_t n = 0, b = 0x80;

	if (p2v_read_be(r, 1) != tag)
		r->bad = true;
	for (unsigned i = 0; i < 4 && b & 0x80; i++) {
		b = (uint32_t)p2v_read_be(r, 1);
		n = n << 7 | (b & 0x7f);
	}
	return n;
}

/* ISO/IEC 14496-1 7.2.6: ES > decoder configuration > its own information. */
static void aac(const uint8_t *c, size_t n, char out[P2V_MP4_CODEC])
{
	struct p2v_reader r = p2v_reader_of(c, n);
	unsigned flags, object, kind;

	(void)p2v_read_bytes(&r, 4);
	(void)descriptor(&r, 3);
	(void)p2v_read_bytes(&r, 2);
	flags = (unsigned)p2v_read_be(&r, 1);
	if (flags & 0x80)
		(void)p2v_read_bytes(&r, 2);
	if (flags & 0x40)
		(void)p2v_read_bytes(&r, (size_t)p2v_read_be(&r, 1));
	if (flags & 0x20)
		(void)p2v_read_bytes(&r, 2);
	(void)descriptor(&r, 4);
	object = (unsigned)p2v_read_be(&r, 1);
	(void)p2v_read_bytes(&r, 12);
	if (r.bad)
		return;
	(void)snprintf(out, P2V_MP4_CODEC, "mp4a.%02x", object);
	if (object != 0x40)
		return;
	(void)descriptor(&r, 5);
	kind = (unsigned)p2v_read_be(&r, 2);
	if (kind >> 11 == 31)
		kind = 32 + (kind >> 5 & 63);
	else
		kind >>= 11;
	if (!r.bad)
		(void)snprintf(out, P2V_MP4_CODEC, "mp4a.40.%u", kind);
}

void p2v_mp4_codec(const char type[4], struct p2v_bytes entry, bool video, char out[P2V_MP4_CODEC])
{
	size_t skip = video ? 78 : 28, n;
	const uint8_t *c;

	for (size_t i = 0; i < 4; i++) /* a type of other characters is none that players know */
		if (type[i] < '-' || type[i] > 'z' || type[i] == '<' || type[i] == '>') {
			out[0] = 0;
			return;
		}
	(void)snprintf(out, P2V_MP4_CODEC, "%.4s", type);
	if (entry.n < skip)
		return;
	if ((c = find(entry, skip, "avcC", &n)) && n >= 4)
		(void)snprintf(out, P2V_MP4_CODEC, "%.4s.%02X%02X%02X", type, c[1], c[2], c[3]);
	else if ((c = find(entry, skip, "hvcC", &n)))
		hevc(type, c, n, out);
	else if ((c = find(entry, skip, "av1C", &n)))
		av1(c, n, out);
	else if ((c = find(entry, skip, "esds", &n)))
		aac(c, n, out);
}
