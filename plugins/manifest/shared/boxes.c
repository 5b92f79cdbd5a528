/* boxes.c - bytes in network order, and boxes. */
#include "plugins/manifest/shared/boxes.h"

#include <string.h>

struct boxes boxes_of(struct p2v_bytes b)
{
	return (struct boxes){ b.p, b.n, 0, false };
}

static void skip(struct boxes *b, size_t n)
{
	if (!n) /* p may be NULL */
		return;
	b->p += n;
	b->at += n;
	b->n -= n;
}

uint64_t boxes_take(struct boxes *b, size_t n)
{
	uint64_t v = 0;

	if (b->n < n) {
		b->bad = true;
		skip(b, b->n);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | b->p[i];
	skip(b, n);
	return v;
}

void boxes_skip_text(struct boxes *b)
{
	const uint8_t *end = b->n ? memchr(b->p, 0, b->n) : NULL;

	b->bad |= !end;
	skip(b, end ? (size_t)(end + 1 - b->p) : b->n);
}

bool boxes_next(struct boxes *b, uint32_t *type, struct boxes *body)
{
	struct boxes at = *b;
	uint64_t size = boxes_take(&at, 4), head = 8;

	*type = (uint32_t)boxes_take(&at, 4);
	if (size == 1) {
		size = boxes_take(&at, 8);
		head = 16;
	} else if (size == 0) { /* to the end */
		size = at.n + head;
	}
	if (at.bad || size < head)
		return false;
	*body = at;
	body->bad = size - head > at.n;
	body->n = body->bad ? at.n : (size_t)(size - head);
	skip(&at, body->n);
	*b = at;
	return true;
}

int boxes_refuse(struct p2v_err *err, const struct boxes *b, const char *why)
{
	return p2v_fail(err, P2V_EPARSE, "byte %zu: %s", b->at, why);
}
