/* sending_test.c - the queue of an exchange: order, room, joined slices, and who holds which bytes.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <string.h>

#include "framework/world/sending.h"

TestSuite(sending, .timeout = 60);

static struct p2v_sending *replied(uint64_t length)
{
	const struct p2v_reply r = { .status = 200, .length = length };
	struct p2v_sending *x = p2v_sending_new("/");

	cr_assert_not_null(x);
	p2v_sending_reply(x, &r);
	return x;
}

static struct p2v_buf *counted(size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);

	cr_assert_not_null(b);
	for (size_t i = 0; i < n; i++)
		b->data[i] = (uint8_t)(i * 13 + i / 256);
	return b;
}

Test(sending, slices_that_go_on_are_joined)
{
	struct p2v_buf *a = counted(1000), *b = counted(1000);
	struct p2v_sending *x = replied(P2V_LENGTH_UNKNOWN);

	p2v_sending_push(x, p2v_slice_of(a, 0, 100));
	p2v_sending_push(x, p2v_slice_of(a, 100, 200));
	p2v_sending_push(x, p2v_slice_of(a, 300, 700));
	cr_assert_eq(x->n_parts, 1);
	cr_assert_eq(a->refs, 2);
	p2v_sending_push(x, p2v_slice_of(a, 500, 1)); /* a step back */
	p2v_sending_push(x, p2v_slice_of(b, 0, 100)); /* another buffer */
	p2v_sending_push(x, p2v_slice_of(b, 101, 1)); /* a gap */
	cr_assert_eq(x->n_parts, 4);
	cr_assert_eq(a->refs, 3);
	cr_assert_eq(b->refs, 3);
	cr_assert_eq(x->queued, 1102);
	p2v_sending_unref(x);
	cr_assert_eq(a->refs, 1);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(a);
	p2v_buf_unref(b);
}

/* Bytes go in and come out in pieces that do not fit each other, many times over what the list of
 * slices holds. */
Test(sending, bytes_come_out_as_they_went_in)
{
	struct p2v_buf *b = counted(50000);
	struct p2v_sending *x = replied(P2V_LENGTH_UNKNOWN);
	size_t in = 0, out = 0;
	char got[997];

	for (unsigned round = 0; out < b->size; round++) {
		size_t n;

		for (unsigned i = 0; i < 1 + round % 40 && in < b->size; i++) {
			size_t piece = b->size - in < 1 + round % 77 ? b->size - in
								     : 1 + round % 77;

			p2v_sending_push(x, p2v_slice_copy(b->data + in, piece));
			in += piece;
		}
		n = p2v_sending_copy(x, got, 1 + round % sizeof got);
		cr_assert_leq(n, 1 + round % sizeof got);
		cr_assert_eq(memcmp(got, b->data + out, n), 0, "at %zu", out);
		out += n;
		cr_assert_eq(x->queued, in - out);
	}
	cr_assert_eq(out, b->size);
	cr_assert_eq(p2v_sending_copy(x, got, sizeof got), 0);
	p2v_sending_unref(x);
	p2v_buf_unref(b);
}

Test(sending, sent_slices_are_let_go_one_by_one)
{
	struct p2v_buf *a = counted(100), *b = counted(100);
	struct p2v_sending *x = replied(200);
	char got[150];

	p2v_sending_push(x, p2v_slice_of(a, 0, 100));
	p2v_sending_push(x, p2v_slice_of(b, 0, 100));
	cr_assert_eq(p2v_sending_copy(x, got, 99), 99);
	cr_assert_eq(a->refs, 2);
	cr_assert_eq(p2v_sending_copy(x, got, 2), 2);
	cr_assert_eq(a->refs, 1);
	cr_assert_eq(b->refs, 2);
	cr_assert_eq(p2v_sending_copy(x, got, sizeof got), 99);
	cr_assert_eq(b->refs, 1);
	cr_assert_eq(x->aborted, false);
	p2v_sending_unref(x);
	p2v_buf_unref(a);
	p2v_buf_unref(b);
}

Test(sending, no_more_than_was_promised)
{
	struct p2v_buf *b = counted(100);
	struct p2v_sending *x = replied(100);
	char got[100];

	p2v_sending_push(x, p2v_slice_of(b, 0, 60));
	cr_assert_eq(p2v_sending_copy(x, got, sizeof got), 60);
	p2v_sending_push(x, p2v_slice_of(b, 0, 41));
	cr_assert(x->aborted);
	cr_assert_eq(x->queued, 0);
	cr_assert_eq(b->refs, 1);
	cr_assert_eq(p2v_sending_room(x), 0);
	p2v_sending_unref(x);
	p2v_buf_unref(b);
}

Test(sending, full_until_half_is_gone)
{
	struct p2v_buf *b = counted(65536);
	struct p2v_sending *x = replied(P2V_LENGTH_UNKNOWN);
	static char got[65536];

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(p2v_sending_room(x), P2V_ROOM - i * 65536);
		p2v_sending_push(x, p2v_slice_of(b, 0, 65536));
	}
	cr_assert_not(x->full);
	p2v_sending_push(x, p2v_slice_of(b, 0, 65536));
	cr_assert(x->full);
	cr_assert_eq(p2v_sending_room(x), 0);
	(void)p2v_sending_copy(x, got, sizeof got);
	cr_assert_eq(p2v_sending_room(x), 0, "not for every byte that goes");
	p2v_sending_unref(x);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(b);
}
