/* slice.h - reference-counted bytes. A slice is a view of a buffer that it keeps alive; bytes that
 * a slice shows never change. Buffers are counted without atomics: one thread owns them. */
#ifndef P2V_BASE_SLICE_H
#define P2V_BASE_SLICE_H

#include <peer2view/base.h>

struct p2v_buf {
	uint32_t refs;
	size_t size;    /* [B] of data */
	uint8_t data[]; /* the maker fills it in order and shows only what is filled */
};

struct p2v_slice {
	struct p2v_buf *buf; /* NULL: bytes that live for ever, or none */
	const uint8_t *p;
	size_t n; /* [B] */
};

/** @return a buffer with one reference, its bytes undefined; NULL: no memory */
struct p2v_buf *p2v_buf_new(size_t size);
void p2v_buf_ref(struct p2v_buf *b);
void p2v_buf_unref(struct p2v_buf *b); /* NULL is allowed */

/** @return n bytes of b from off, with a reference of its own */
struct p2v_slice p2v_slice_of(struct p2v_buf *b, size_t off, size_t n);
/** @return a slice with a copy of n bytes; .p == NULL and .n == 0: no memory */
struct p2v_slice p2v_slice_copy(const void *p, size_t n);
/** @return a slice of bytes that outlive everything, such as a string literal's */
struct p2v_slice p2v_slice_static(const void *p, size_t n);
/** @return the same bytes with a further reference */
struct p2v_slice p2v_slice_ref(struct p2v_slice s);
/** @return n bytes of s from off, with a further reference */
struct p2v_slice p2v_slice_sub(struct p2v_slice s, size_t off, size_t n);
/** Drop the reference and clear *s. */
void p2v_slice_drop(struct p2v_slice *s);

#endif
