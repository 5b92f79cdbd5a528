/* announced.c - which fragments a Smooth Streaming fragment announces: moof / traf / uuid. */
#include "plugins/manifest/smooth/announced.h"

#include <string.h>

#include "plugins/manifest/shared/boxes.h"

enum { MOOF = 0x6d6f6f66, TRAF = 0x74726166, UUID = 0x75756964, DEPTH = 2 };

static const uint8_t tfrf[16] = { 0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26,
	0xcb, 0x9e, 0x46, 0xa7, 0x9f };

static size_t read_tfrf(struct boxes *b, struct smooth_next *out)
{
	size_t field = boxes_take(b, 1) ? 8 : 4, count, n = 0;

	(void)boxes_take(b, 3);
	count = (size_t)boxes_take(b, 1);
	while (n < count && n < SMOOTH_NEXT_MAX) {
		out[n].t = boxes_take(b, field);
		out[n].span = boxes_take(b, field);
		if (b->bad || out[n].t > INT64_MAX / 4 || out[n].span > INT64_MAX / 4 ||
			out[n].span == 0)
			break;
		n++;
	}
	return n;
}

/* A box that is cut short is read as far as it came. */
static size_t walk(struct boxes b, unsigned depth, struct smooth_next *out)
{
	struct boxes body;
	uint32_t type;
	size_t n = 0;

	while (n == 0 && boxes_next(&b, &type, &body)) {
		body.bad = false;
		if (depth < DEPTH && type == (depth ? TRAF : MOOF)) {
			n = walk(body, depth + 1, out);
		} else if (depth == DEPTH && type == UUID && body.n > 16 &&
			   memcmp(body.p, tfrf, 16) == 0) {
			(void)boxes_take(&body, 8);
			(void)boxes_take(&body, 8);
			n = read_tfrf(&body, out);
		}
	}
	return n;
}

size_t smooth_announced(struct p2v_bytes start, struct smooth_next *out)
{
	return walk(boxes_of(start), 0, out);
}
