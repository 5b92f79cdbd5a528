/* slice_test.c - reference-counted bytes. Under the sanitizers a wrong count shows itself. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/base/slice.h"

TestSuite(slice, .timeout = 60);

Test(slice, a_slice_keeps_its_buffer)
{
	struct p2v_buf *b = p2v_buf_new(10);
	struct p2v_slice s, sub, again;

	memcpy(b->data, "0123456789", 10);
	s = p2v_slice_of(b, 2, 6);
	cr_assert_eq(b->refs, 2);
	p2v_buf_unref(b);
	cr_assert_eq(memcmp(s.p, "234567", 6), 0);
	sub = p2v_slice_sub(s, 1, 3);
	again = p2v_slice_ref(sub);
	p2v_slice_drop(&s);
	cr_assert_null(s.buf);
	cr_assert_null(s.p);
	cr_assert_eq(s.n, 0);
	cr_assert_eq(sub.n, 3);
	cr_assert_eq(memcmp(again.p, "345", 3), 0);
	cr_assert_eq(again.buf->refs, 2);
	p2v_slice_drop(&sub);
	p2v_slice_drop(&again);
	p2v_slice_drop(&again);
}

Test(slice, copies_and_statics)
{
	char text[] = "copied";
	struct p2v_slice c = p2v_slice_copy(text, 6), e = p2v_slice_copy(NULL, 0),
			 s = p2v_slice_static("for ever", 8), t;

	text[0] = 'x';
	cr_assert_eq(memcmp(c.p, "copied", 6), 0);
	cr_assert_not_null(e.buf, "an empty copy is no failure");
	cr_assert_null(s.buf);
	t = p2v_slice_sub(s, 4, 4);
	cr_assert_eq(memcmp(t.p, "ever", 4), 0);
	t = p2v_slice_sub(c, 6, 0);
	cr_assert_eq(t.n, 0);
	p2v_slice_drop(&t);
	p2v_slice_drop(&c);
	p2v_slice_drop(&e);
	p2v_slice_drop(&s);
}

Test(slice, sizes_that_cannot_be)
{
	cr_assert_null(p2v_buf_new(SIZE_MAX));
	cr_assert_null(p2v_buf_new(SIZE_MAX - sizeof(struct p2v_buf) + 1));
	p2v_buf_unref(NULL);
}
