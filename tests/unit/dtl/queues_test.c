/* queues_test.c - a stream's two queues: what is written, sent, lost, acknowledged; what arrives in
 * any order. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/dtl/recvq.h"
#include "framework/dtl/sendq.h"

TestSuite(sendq, .timeout = 60);
TestSuite(recvq, .timeout = 60);

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(p2v_mix64(i / 8) >> (8 * (i % 8)));
}

static void write_bytes(struct p2v_sendq *q, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);

	cr_assert(b);
	for (size_t i = 0; i < n; i++)
		b->data[i] = byte_at(q->end + i);
	cr_assert_eq(p2v_sendq_write(q, p2v_slice_of(b, 0, n)), P2V_OK);
	p2v_buf_unref(b);
}

static void expect_bytes(const struct p2v_sendq *q, uint64_t off, size_t n)
{
	uint8_t out[4096];

	cr_assert(n <= sizeof out);
	p2v_sendq_copy(q, off, n, out);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(out[i], byte_at(off + i));
}

Test(sendq, new_bytes_in_order_within_the_limit)
{
	struct p2v_sendq q = { .v = NULL };
	struct p2v_piece p;

	cr_assert(!p2v_sendq_next(&q, 1000, &p));
	write_bytes(&q, 600);
	write_bytes(&q, 600);
	cr_assert(p2v_sendq_next(&q, 1000, &p));
	cr_assert(p.offset == 0 && p.n == 1000 && !p.fin && !p.again);
	expect_bytes(&q, 500, 200);
	cr_assert_eq(p2v_sendq_sent(&q, &p, 1000), P2V_OK);
	cr_assert(!p2v_sendq_next(&q, 1000, &p), "the window is full");
	cr_assert(p2v_sendq_next(&q, 5000, &p));
	cr_assert(p.offset == 1000 && p.n == 200);
	p2v_sendq_fini(&q);
}

Test(sendq, the_end_goes_with_the_last_bytes_or_alone)
{
	struct p2v_sendq q = { .v = NULL };
	struct p2v_piece p;

	write_bytes(&q, 100);
	q.finished = true;
	cr_assert(p2v_sendq_next(&q, 1000, &p) && p.n == 100 && p.fin);
	cr_assert_eq(p2v_sendq_sent(&q, &p, 60), P2V_OK);
	cr_assert(!q.fin_sent, "not all of it went");
	cr_assert(p2v_sendq_next(&q, 1000, &p) && p.n == 40 && p.fin);
	cr_assert_eq(p2v_sendq_sent(&q, &p, 40), P2V_OK);
	cr_assert(!p2v_sendq_next(&q, 1000, &p));
	cr_assert_eq(p2v_sendq_lost(&q, 60, 40, true), P2V_OK);
	cr_assert(p2v_sendq_next(&q, 0, &p) && p.offset == 60 && p.n == 40 && p.fin && p.again);
	cr_assert_eq(p2v_sendq_sent(&q, &p, 40), P2V_OK);
	cr_assert_eq(p2v_sendq_acked(&q, 0, 100, false), P2V_OK);
	cr_assert(!p2v_sendq_done(&q));
	cr_assert_eq(p2v_sendq_lost(&q, 60, 40, true), P2V_OK);
	cr_assert(p2v_sendq_next(&q, 0, &p) && p.n == 0 && p.fin, "the end alone");
	cr_assert_eq(p2v_sendq_sent(&q, &p, 0), P2V_OK);
	cr_assert_eq(p2v_sendq_acked(&q, 100, 0, true), P2V_OK);
	cr_assert(p2v_sendq_done(&q));
	p2v_sendq_fini(&q);
}

Test(sendq, slices_are_let_go_when_acknowledged)
{
	struct p2v_buf *b = p2v_buf_new(300);
	struct p2v_sendq q = { .v = NULL };
	struct p2v_piece p;

	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(p2v_sendq_write(&q, p2v_slice_of(b, 100 * i, 100)), P2V_OK);
	cr_assert_eq(b->refs, 4);
	cr_assert(p2v_sendq_next(&q, 1000, &p));
	cr_assert_eq(p2v_sendq_sent(&q, &p, 300), P2V_OK);
	cr_assert_eq(p2v_sendq_acked(&q, 100, 150, false), P2V_OK);
	cr_assert_eq(b->refs, 4, "not before what lies below");
	cr_assert_eq(p2v_sendq_acked(&q, 0, 100, false), P2V_OK);
	cr_assert_eq(b->refs, 2);
	cr_assert_eq(p2v_sendq_acked(&q, 250, 50, false), P2V_OK);
	cr_assert_eq(b->refs, 1);
	p2v_sendq_fini(&q);
	p2v_buf_unref(b);
}

/* Pieces are sent, lost and acknowledged at random: in the end all of it is acknowledged, and
 * nothing is offered that was. */
Test(sendq, agrees_with_a_bitmap)
{
	struct p2v_random rnd;

	p2v_random_init(&rnd, 3, "sendq");
	for (int round = 0; round < 300; round++) {
		struct p2v_sendq q = { .v = NULL };
		struct p2v_piece sent[400], p;
		bool acked[4000] = { false };
		size_t n = 0;

		for (int i = 0; i < 390; i++) {
			size_t k;

			if (q.end < 3900 && p2v_random_below(&rnd, 3) == 0)
				write_bytes(&q, 1 + p2v_random_below(&rnd, 100));
			if (p2v_sendq_next(&q, 4000, &p)) {
				p.n = 1 + p2v_random_below(&rnd, p.n);
				expect_bytes(&q, p.offset, p.n);
				cr_assert(!acked[p.offset]);
				cr_assert_eq(p2v_sendq_sent(&q, &p, p.n), P2V_OK);
				sent[n++] = p;
			}
			if (n == 0)
				continue;
			k = p2v_random_below(&rnd, n);
			if (p2v_random_below(&rnd, 2)) {
				cr_assert_eq(p2v_sendq_lost(&q, sent[k].offset, sent[k].n, false),
					P2V_OK);
				continue;
			}
			cr_assert_eq(p2v_sendq_acked(&q, sent[k].offset, sent[k].n, false), P2V_OK);
			for (uint64_t x = 0; x < sent[k].n; x++)
				acked[sent[k].offset + x] = true;
		}
		while (p2v_sendq_next(&q, 4000, &p)) {
			for (uint64_t x = 0; x < p.n; x++)
				cr_assert(!acked[p.offset + x], "offered again");
			cr_assert_eq(p2v_sendq_sent(&q, &p, p.n), P2V_OK);
		}
		cr_assert_eq(p2v_sendq_acked(&q, 0, q.end, false), P2V_OK);
		cr_assert_eq(q.base, q.end);
		cr_assert_eq(q.head, q.n, "no slice is kept");
		p2v_sendq_fini(&q);
	}
}

/* ---- receiving ---- */

static void put(struct p2v_recvq *q, uint64_t off, size_t n)
{
	uint8_t b[40000];

	cr_assert(n <= sizeof b);
	for (size_t i = 0; i < n; i++)
		b[i] = byte_at(off + i);
	cr_assert_eq(p2v_recvq_claim(q, off + n, false, NULL), P2V_OK);
	cr_assert_eq(p2v_recvq_put(q, off, b, n, NULL), P2V_OK);
}

static void take(struct p2v_recvq *q)
{
	const uint8_t *p;
	size_t n;

	while ((n = p2v_recvq_peek(q, &p)) > 0) {
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(p[i], byte_at(q->consumed + i));
		p2v_recvq_consume(q, n);
	}
}

Test(recvq, any_order_becomes_order)
{
	struct p2v_random rnd;

	p2v_random_init(&rnd, 4, "recvq");
	for (int round = 0; round < 200; round++) {
		struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };
		const uint64_t total = 100000;

		while (q.consumed < total) {
			uint64_t off = q.consumed + p2v_random_below(&rnd, 60000);
			size_t n = 1 + p2v_random_below(&rnd, 5000);

			if (p2v_random_below(&rnd, 4) == 0)
				off = q.next; /* what is missing comes at last */
			if (off >= total)
				continue;
			put(&q, off, off + n > total ? (size_t)(total - off) : n);
			if (p2v_random_below(&rnd, 3) == 0)
				take(&q);
		}
		cr_assert_eq(p2v_recvq_claim(&q, total, true, NULL), P2V_OK);
		cr_assert(p2v_recvq_whole(&q));
		p2v_recvq_fini(&q);
	}
}

/* A piece of a writer's buffer, which is all of the stream. */
static void adopt(struct p2v_recvq *q, struct p2v_buf *buf, uint64_t off, size_t n)
{
	struct p2v_slice s = p2v_slice_of(buf, (size_t)off, n);

	cr_assert_eq(p2v_recvq_claim(q, off + n, false, NULL), P2V_OK);
	cr_assert_eq(p2v_recvq_adopt(q, off, s, NULL), P2V_OK);
	p2v_slice_drop(&s);
}

Test(recvq, what_is_lent_and_what_is_copied_make_one_stream)
{
	const size_t total = 100000;
	struct p2v_buf *buf = p2v_buf_new(total);
	struct p2v_random rnd;

	for (size_t i = 0; i < total; i++)
		buf->data[i] = byte_at(i);
	p2v_random_init(&rnd, 5, "recvq");
	for (uint32_t round = 0; round < 200; round++) {
		struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };

		while (q.consumed < total) {
			uint64_t off = q.next, far = p2v_random_below(&rnd, 10);
			size_t n = 1 + p2v_random_below(&rnd, 5000);

			if (far == 0)
				off = q.consumed + p2v_random_below(&rnd, 30000);
			if (off >= total)
				continue;
			n = off + n > total ? (size_t)(total - off) : n;
			if (p2v_random_below(&rnd, 10) < round % 11)
				adopt(&q, buf, off, n);
			else
				put(&q, off, n);
			if (p2v_random_below(&rnd, 3) == 0)
				take(&q);
		}
		cr_assert_eq(buf->refs, 1, "nothing is kept that was read");
		p2v_recvq_fini(&q);
	}
	p2v_buf_unref(buf);
}

Test(recvq, what_is_lent_in_order_is_read_in_one_piece)
{
	struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };
	struct p2v_buf *buf = p2v_buf_new(30000);
	struct p2v_slice s;
	const uint8_t *p;

	for (size_t i = 0; i < 30000; i++)
		buf->data[i] = byte_at(i);
	put(&q, 0, 100);
	for (uint64_t off = 100; off < 20000; off += 1000)
		adopt(&q, buf, off, 1000);
	adopt(&q, buf, 25000, 1000); /* beyond a hole */
	cr_assert_eq(p2v_recvq_peek(&q, &p), 100);
	s = p2v_recvq_peek_slice(&q);
	cr_assert_eq(s.n, 0, "these bytes are a copy");
	p2v_recvq_consume(&q, 100);
	cr_assert_eq(p2v_recvq_peek(&q, &p), 20000);
	cr_assert_eq(p, buf->data + 100);
	p2v_recvq_consume(&q, 50);
	s = p2v_recvq_peek_slice(&q);
	cr_assert_eq(s.p, buf->data + 150);
	cr_assert_eq(s.n, 19950);
	p2v_recvq_drop(&q);
	cr_assert_eq(buf->refs, 2, "of ours, and of the slice that was taken");
	p2v_slice_drop(&s);
	p2v_recvq_fini(&q);
	p2v_buf_unref(buf);
}

Test(recvq, memory_follows_what_is_read)
{
	struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };

	for (uint64_t off = 0; off < 10000000; off += 30000) {
		put(&q, off, 30000);
		take(&q);
		cr_assert(q.n <= 3, "%zu blocks", q.n);
	}
	p2v_recvq_fini(&q);
}

Test(recvq, sizes_that_contradict_each_other)
{
	struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };
	struct p2v_err err;

	put(&q, 0, 100);
	cr_assert_eq(p2v_recvq_claim(&q, 99, true, &err), P2V_EPROTO);
	cr_assert_eq(p2v_recvq_claim(&q, 200, true, &err), P2V_OK);
	cr_assert_eq(p2v_recvq_claim(&q, 200, true, &err), P2V_OK, "told twice");
	cr_assert_eq(p2v_recvq_claim(&q, 201, false, &err), P2V_EPROTO);
	cr_assert_eq(p2v_recvq_claim(&q, 150, true, &err), P2V_EPROTO);
	cr_assert(!p2v_recvq_whole(&q));
	p2v_recvq_fini(&q);
}

/* The end may come alone, and before what leads up to it. */
Test(recvq, an_end_without_bytes)
{
	struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };

	cr_assert_eq(p2v_recvq_claim(&q, 100, true, NULL), P2V_OK);
	cr_assert_eq(p2v_recvq_put(&q, 100, (const uint8_t *)"", 0, NULL), P2V_OK);
	cr_assert(!p2v_recvq_whole(&q));
	put(&q, 0, 100);
	cr_assert(p2v_recvq_whole(&q));
	take(&q);
	p2v_recvq_fini(&q);
}

Test(recvq, holes_are_bounded)
{
	struct p2v_recvq q = { .final = P2V_SIZE_UNKNOWN };
	struct p2v_err err;
	int code = P2V_OK;
	uint64_t i = 0;

	for (; i < 10000 && code == P2V_OK; i++) {
		cr_assert_eq(p2v_recvq_claim(&q, 2 * i + 2, false, &err), P2V_OK);
		code = p2v_recvq_put(&q, 2 * i + 1, (const uint8_t *)"x", 1, &err);
	}
	cr_assert_eq(code, P2V_ELIMIT);
	cr_assert_eq(i, P2V_RECV_HOLES + 1);
	p2v_recvq_fini(&q);
}
