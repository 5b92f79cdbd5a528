/* wire.h - bytes on the wire: a bounded reader and a bounded writer. Integers are big-endian or RFC
 * 9000 varints (section 16). Both remember the first error, so that callers check once, at the end.
 */
#ifndef P2V_BASE_WIRE_H
#define P2V_BASE_WIRE_H

#include <string.h>

#include <peer2view/base.h>

#define P2V_VARINT_MAX ((UINT64_C(1) << 62) - 1)

struct p2v_reader {
	const uint8_t *p, *end;
	bool bad; /* something reached beyond the end; all reads give zeros from then on */
};

struct p2v_writer {
	uint8_t *p, *end;
	uint8_t *start;
	bool full; /* something did not fit; nothing is written from then on */
};

static inline struct p2v_reader p2v_reader_of(const void *p, size_t n)
{
	return (struct p2v_reader){ p, n ? (const uint8_t *)p + n : p, false };
}

static inline size_t p2v_reader_left(const struct p2v_reader *r)
{
	return (size_t)(r->end - r->p);
}

static inline const uint8_t *p2v_read_bytes(struct p2v_reader *r, size_t n)
{
	const uint8_t *q = r->p;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		r->p = r->end;
		return NULL;
	}
	r->p += n;
	return q;
}

static inline uint64_t p2v_read_be(struct p2v_reader *r, size_t n)
{
	const uint8_t *q = p2v_read_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; q && i < n; i++)
		v = v << 8 | q[i];
	return v;
}

static inline uint64_t p2v_read_varint(struct p2v_reader *r)
{
	const uint8_t *q = r->p;
	uint64_t v;
	size_t n;

	if (r->bad || q == r->end) {
		r->bad = true;
		return 0;
	}
	if (*q < 64) { /* most are that small */
		r->p++;
		return *q;
	}
	n = (size_t)1 << (*q >> 6);
	q = p2v_read_bytes(r, n);
	if (!q)
		return 0;
	v = n == 2   ? (uint64_t)q[0] << 8 | q[1]
	    : n == 4 ? (uint64_t)q[0] << 24 | (uint64_t)q[1] << 16 | (uint64_t)q[2] << 8 | q[3]
		     : (uint64_t)q[0] << 56 | (uint64_t)q[1] << 48 | (uint64_t)q[2] << 40 |
			       (uint64_t)q[3] << 32 | (uint64_t)q[4] << 24 | (uint64_t)q[5] << 16 |
			       (uint64_t)q[6] << 8 | q[7];
	return v & (UINT64_MAX >> (66 - 8 * n)); /* two bits told the length */
}

static inline struct p2v_writer p2v_writer_of(void *p, size_t n)
{
	return (struct p2v_writer){ p, (uint8_t *)p + n, p, false };
}

static inline size_t p2v_written(const struct p2v_writer *w)
{
	return (size_t)(w->p - w->start);
}

static inline size_t p2v_writer_left(const struct p2v_writer *w)
{
	return (size_t)(w->end - w->p);
}

static inline void p2v_write_bytes(struct p2v_writer *w, const void *p, size_t n)
{
	if (w->full || (size_t)(w->end - w->p) < n) {
		w->full = true;
		return;
	}
	if (n)
		memcpy(w->p, p, n);
	w->p += n;
}

static inline void p2v_write_be(struct p2v_writer *w, uint64_t v, size_t n)
{
	if (w->full || (size_t)(w->end - w->p) < n) {
		w->full = true;
		return;
	}
	for (size_t i = n; i-- > 0; v >>= 8)
		w->p[i] = (uint8_t)v;
	w->p += n;
}

/** @return [B] that v takes as a varint: 1, 2, 4 or 8 */
static inline size_t p2v_varint_size(uint64_t v)
{
	return v < 64 ? 1 : v < 16384 ? 2 : v < (UINT64_C(1) << 30) ? 4 : 8;
}

/** @param v  at most P2V_VARINT_MAX; more marks the writer full */
static inline void p2v_write_varint(struct p2v_writer *w, uint64_t v)
{
	size_t n;
	uint64_t tag;

	if (v < 64 && !w->full && w->p != w->end) { /* most are that small */
		*w->p++ = (uint8_t)v;
		return;
	}
	n = p2v_varint_size(v);
	tag = n == 1 ? 0 : n == 2 ? 1 : n == 4 ? 2 : 3;
	if (v > P2V_VARINT_MAX)
		w->full = true;
	else
		p2v_write_be(w, v | tag << (8 * n - 2), n);
}

#endif
