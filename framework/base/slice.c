/* slice.c - reference-counted bytes. */
#include "framework/base/slice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct p2v_buf *p2v_buf_new(size_t size)
{
	struct p2v_buf *b = size <= SIZE_MAX - sizeof *b ? malloc(sizeof *b + size) : NULL;

	if (b) {
		b->refs = 1;
		b->size = size;
	}
	return b;
}

void p2v_buf_ref(struct p2v_buf *b)
{
	assert(b->refs > 0 && b->refs < UINT32_MAX);
	b->refs++;
}

void p2v_buf_unref(struct p2v_buf *b)
{
	if (!b)
		return;
	assert(b->refs > 0);
	if (--b->refs == 0)
		free(b);
}

struct p2v_slice p2v_slice_of(struct p2v_buf *b, size_t off, size_t n)
{
	assert(off <= b->size && n <= b->size - off);
	p2v_buf_ref(b);
	return (struct p2v_slice){ b, b->data + off, n };
}

struct p2v_slice p2v_slice_copy(const void *p, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);

	if (!b)
		return (struct p2v_slice){ NULL, NULL, 0 };
	if (n)
		memcpy(b->data, p, n);
	return (struct p2v_slice){ b, b->data, n };
}

struct p2v_slice p2v_slice_static(const void *p, size_t n)
{
	return (struct p2v_slice){ NULL, p, n };
}

struct p2v_slice p2v_slice_ref(struct p2v_slice s)
{
	if (s.buf)
		p2v_buf_ref(s.buf);
	return s;
}

struct p2v_slice p2v_slice_sub(struct p2v_slice s, size_t off, size_t n)
{
	assert(off <= s.n && n <= s.n - off);
	if (s.buf)
		p2v_buf_ref(s.buf);
	return (struct p2v_slice){ s.buf, s.p + off, n };
}

void p2v_slice_drop(struct p2v_slice *s)
{
	p2v_buf_unref(s->buf);
	*s = (struct p2v_slice){ NULL, NULL, 0 };
}
