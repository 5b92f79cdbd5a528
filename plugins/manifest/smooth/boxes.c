/* boxes.c - what stands in a Smooth Streaming fragment before its media: moof / traf / uuid. */
#include "plugins/manifest/smooth/boxes.h"

#include <string.h>

enum { MOOF = 0x6d6f6f66, TRAF = 0x74726166, UUID = 0x75756964, DEPTH = 2 };

static const uint8_t tfrf[16] = { 0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26,
	0xcb, 0x9e, 0x46, 0xa7, 0x9f };

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static size_t read_tfrf(struct p2v_bytes b, struct smooth_next *out)
{
	size_t field, count;

	if (b.n < 5)
		return 0;
	field = b.p[0] ? 8 : 4;
	count = b.p[4];
	if (count > SMOOTH_NEXT_MAX)
		count = SMOOTH_NEXT_MAX;
	if (count > (b.n - 5) / (2 * field))
		count = (b.n - 5) / (2 * field);
	for (size_t i = 0; i < count; i++) {
		out[i].t = load(b.p + 5 + 2 * i * field, field);
		out[i].span = load(b.p + 5 + (2 * i + 1) * field, field);
		if (out[i].t > INT64_MAX / 4 || out[i].span > INT64_MAX / 4 || out[i].span == 0)
			return i;
	}
	return count;
}

/* A box that is cut short is read as far as it came. */
static size_t walk(struct p2v_bytes b, unsigned depth, struct smooth_next *out)
{
	while (b.n >= 8) {
		uint64_t size = load(b.p, 4), type = load(b.p + 4, 4), head = 8;
		struct p2v_bytes body;
		size_t n = 0;

		if (size == 1 && b.n >= 16) {
			size = load(b.p + 8, 8);
			head = 16;
		}
		if (size < head)
			return 0;
		if (size > b.n)
			size = b.n;
		body = (struct p2v_bytes){ b.p + head, (size_t)(size - head) };
		if (depth < DEPTH && type == (depth ? TRAF : MOOF))
			n = walk(body, depth + 1, out);
		else if (depth == DEPTH && type == UUID && body.n >= 16 &&
			 memcmp(body.p, tfrf, 16) == 0)
			n = read_tfrf((struct p2v_bytes){ body.p + 16, body.n - 16 }, out);
		if (n)
			return n;
		b.p += size;
		b.n -= (size_t)size;
	}
	return 0;
}

size_t smooth_announced(struct p2v_bytes start, struct smooth_next *out)
{
	return walk(start, 0, out);
}
