/* mp4.c - the stream of boxes: which belong together, and when they are whole. */
#include "sdk/origin/mp4.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/wire.h"

/* What an encoder puts between chunks and no player needs there: an index of a file that it is not,
 * and padding. */
static bool is_dropped(const uint8_t type[4])
{
	static const char dropped[][5] = { "sidx", "ssix", "mfra", "free", "skip" };

	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
		if (memcmp(type, dropped[i], 4) == 0)
			return true;
	return false;
}

static bool is_media(const uint8_t type[4])
{
	return memcmp(type, "moof", 4) == 0 || memcmp(type, "mdat", 4) == 0;
}

static const char *shown(const uint8_t type[4], char out[5])
{
	for (size_t i = 0; i < 4; i++)
		out[i] = type[i] >= ' ' && type[i] < 0x7f ? (char)type[i] : '?';
	out[4] = 0;
	return out;
}

void p2v_mp4_init(struct p2v_mp4 *m, const struct p2v_mp4_sink *sink, void *ctx)
{
	*m = (struct p2v_mp4){ .sink = sink, .ctx = ctx };
}

void p2v_mp4_fini(struct p2v_mp4 *m)
{
	free(m->p);
	m->p = NULL;
	m->n = m->cap = 0;
}

static int keep(struct p2v_mp4 *m, const uint8_t *p, size_t n, struct p2v_err *err)
{
	if (m->cap - m->n < n) {
		size_t cap = m->cap ? m->cap : 65536;
		uint8_t *grown;

		while (cap - m->n < n)
			cap *= 2;
		grown = realloc(m->p, cap);
		if (!grown)
			return p2v_fail(err, P2V_ENOMEM, "no memory for media");
		m->p = grown;
		m->cap = cap;
	}
	if (n)
		memcpy(m->p + m->n, p, n);
	m->n += n;
	return P2V_OK;
}

/* ---- units ---- */

static void clear(struct p2v_mp4 *m)
{
	m->n = m->box = m->moof = 0;
	m->led = false;
}

static int tell_init(struct p2v_mp4 *m, struct p2v_err *err)
{
	struct p2v_slice s = p2v_slice_copy(m->p, m->n);
	int rc;

	if (!s.p)
		return p2v_fail(err, P2V_ENOMEM, "no memory for media");
	m->has_init = true;
	rc = m->sink->init(m->ctx, s, &m->info);
	p2v_slice_drop(&s);
	clear(m);
	return rc;
}

/* [us], rounded to the nearest. */
static p2v_usec to_us(uint64_t v, uint32_t timescale)
{
	uint64_t whole = v / timescale, rest = v % timescale;

	return (p2v_usec)(whole * 1000000 + (rest * 1000000 + timescale / 2) / timescale);
}

/* A chunk in which the leading track has nothing, or nothing that lasts, goes out with the one
 * behind it. */
static int tell_chunk(struct p2v_mp4 *m, struct p2v_err *err)
{
	uint32_t scale = m->info.tracks[m->info.lead].timescale;
	struct p2v_mp4_chunk c = { .t = to_us(m->t, scale), .independent = m->independent };
	int rc;

	m->moof = 0;
	if (!m->led)
		return P2V_OK;
	c.dur = to_us(m->t + m->dur, scale) - c.t;
	c.bytes = p2v_slice_copy(m->p, m->n);
	if (!c.bytes.p)
		return p2v_fail(err, P2V_ENOMEM, "no memory for media");
	m->next = m->t + m->dur;
	rc = m->sink->chunk(m->ctx, &c);
	p2v_slice_drop(&c.bytes);
	clear(m);
	return rc;
}

/* ---- boxes ---- */

static int on_moof(struct p2v_mp4 *m, struct p2v_bytes body, uint64_t body_at, struct p2v_err *err)
{
	const struct p2v_mp4_track *track = &m->info.tracks[m->info.lead];
	struct p2v_mp4_run run;
	int rc;

	if (m->moof)
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: a moof follows another without an mdat",
			(unsigned long long)m->at);
	rc = p2v_mp4_read_moof(body, body_at, track, &run, err);
	if (rc < 0)
		return rc;
	m->moof = m->n;
	if (!run.found || run.dur == 0)
		return P2V_OK;
	m->led = true;
	m->t = run.has_t ? run.t : m->next;
	m->dur = run.dur;
	m->independent = run.independent;
	/* A day of one chunk, or a clock that overflows, is a broken stream. */
	if (m->dur / track->timescale > 86400 || m->t > INT64_MAX / 2 ||
		m->t / track->timescale > UINT64_C(1) << 40)
		return p2v_fail(err, P2V_EPARSE, "byte %llu: a chunk at a time that cannot be",
			(unsigned long long)m->at);
	return P2V_OK;
}

/* The box that begins at m->box is whole: m->n is its end. */
static int on_box(struct p2v_mp4 *m, size_t header, struct p2v_err *err)
{
	const uint8_t *type = m->p + m->box + 4;
	struct p2v_bytes body = { m->p + m->box + header, m->n - m->box - header };
	uint64_t size = m->n - m->box;
	int rc = P2V_OK;

	if (is_dropped(type)) {
		m->n = m->box;
	} else if (memcmp(type, "moov", 4) == 0) {
		if (m->has_init)
			return p2v_fail(err, P2V_EPARSE,
				"byte %llu: a second moov: the encoder began anew",
				(unsigned long long)m->at);
		rc = p2v_mp4_read_moov(body, m->at + header, &m->info, err);
		if (rc == P2V_OK)
			rc = tell_init(m, err);
	} else if (memcmp(type, "moof", 4) == 0) {
		rc = on_moof(m, body, m->at + header, err);
	} else if (memcmp(type, "mdat", 4) == 0) {
		if (!m->moof)
			return p2v_fail(err, P2V_EPARSE, "byte %llu: an mdat without a moof",
				(unsigned long long)m->at);
		rc = tell_chunk(m, err);
	}
	m->at += size;
	m->box = m->n;
	return rc;
}

/* The size of the box that comes, once its header is there.
 * @param header  [out] [B]; 0: more bytes have to come
 * @return P2V_OK; an error */
static int box_size(const struct p2v_mp4 *m, size_t *header, uint64_t *size, struct p2v_err *err)
{
	struct p2v_reader r;
	uint32_t most = m->has_init ? P2V_MP4_CHUNK_MAX : P2V_MP4_INIT_MAX;
	size_t have = m->n - m->box;
	char name[5];

	*header = 0;
	if (have < 8)
		return P2V_OK;
	r = p2v_reader_of(m->p + m->box, have);
	*size = p2v_read_be(&r, 4);
	(void)p2v_read_bytes(&r, 4);
	if (*size == 1 && have < 16)
		return P2V_OK;
	*header = *size == 1 ? 16 : 8;
	if (*size == 1)
		*size = p2v_read_be(&r, 8);
	if (!m->has_init && is_media(m->p + m->box + 4))
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: '%s' comes before a moov: this is no fragmented MP4 "
			"(ffmpeg: -movflags empty_moov+default_base_moof)",
			(unsigned long long)m->at, shown(m->p + m->box + 4, name));
	if (*size < *header)
		return p2v_fail(err, P2V_EPARSE,
			"byte %llu: the box '%s' says that it has %llu bytes",
			(unsigned long long)m->at, shown(m->p + m->box + 4, name),
			(unsigned long long)*size);
	if (*size > most || m->box + *size > most)
		return p2v_fail(err, P2V_ELIMIT,
			"byte %llu: the box '%s' of %llu bytes is over the limit of %u",
			(unsigned long long)m->at, shown(m->p + m->box + 4, name),
			(unsigned long long)*size, most);
	return P2V_OK;
}

int p2v_mp4_feed(struct p2v_mp4 *m, struct p2v_bytes b, struct p2v_err *err)
{
	while (b.n) {
		uint64_t size = 0;
		size_t header, take;
		int rc = box_size(m, &header, &size, err);

		if (rc < 0)
			return rc;
		/* A header first: how much more there is, it says. */
		if (header)
			take = (size_t)size - (m->n - m->box);
		else
			take = m->n - m->box < 8 ? 8 - (m->n - m->box) : 16 - (m->n - m->box);
		if (take > b.n)
			take = b.n;
		rc = keep(m, b.p, take, err);
		b.p += take;
		b.n -= take;
		if (rc == P2V_OK)
			rc = box_size(m, &header, &size, err);
		if (rc == P2V_OK && header && m->n - m->box == size)
			rc = on_box(m, header, err);
		if (rc < 0)
			return rc;
	}
	return P2V_OK;
}

int p2v_mp4_end(const struct p2v_mp4 *m, struct p2v_err *err)
{
	if (!m->has_init)
		return p2v_fail(err, P2V_EPARSE, "byte %llu: the stream ends before its moov",
			(unsigned long long)(m->at + (m->n - m->box)));
	if (m->n > m->box || m->moof)
		return p2v_fail(err, P2V_EPARSE, "byte %llu: the stream ends in the middle of a %s",
			(unsigned long long)(m->at + (m->n - m->box)),
			m->n > m->box ? "box" : "chunk");
	return P2V_OK;
}
