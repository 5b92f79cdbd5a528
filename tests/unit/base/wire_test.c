/* wire_test.c - bytes on the wire: big-endian integers, varints, and both ends' bounds. */
#include <criterion/criterion.h>

#include "framework/base/wire.h"

TestSuite(wire, .timeout = 60);

/* RFC 9000 appendix A.1 */
Test(wire, varints_of_the_rfc)
{
	static const struct {
		uint8_t b[8];
		size_t n;
		uint64_t v;
	} rows[] = { { { 0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c }, 8,
			     UINT64_C(151288809941952652) },
		{ { 0x9d, 0x7f, 0x3e, 0x7d }, 4, 494878333 }, { { 0x7b, 0xbd }, 2, 15293 },
		{ { 0x25 }, 1, 37 } };
	uint8_t out[8];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct p2v_reader r = p2v_reader_of(rows[i].b, rows[i].n);
		struct p2v_writer w = p2v_writer_of(out, sizeof out);

		cr_assert_eq(p2v_read_varint(&r), rows[i].v);
		cr_assert_eq(p2v_reader_left(&r), 0);
		cr_assert_not(r.bad);
		p2v_write_varint(&w, rows[i].v);
		cr_assert_eq(p2v_written(&w), rows[i].n);
		cr_assert_arr_eq(out, rows[i].b, rows[i].n);
	}
}

Test(wire, varints_longer_than_they_need_to_be)
{
	static const uint8_t two[] = { 0x40, 0x25 };
	struct p2v_reader r = p2v_reader_of(two, 2);

	cr_assert_eq(p2v_read_varint(&r), 37);
}

Test(wire, varint_sizes)
{
	static const struct {
		uint64_t v;
		size_t n;
	} rows[] = { { 0, 1 }, { 63, 1 }, { 64, 2 }, { 16383, 2 }, { 16384, 4 },
		{ (UINT64_C(1) << 30) - 1, 4 }, { UINT64_C(1) << 30, 8 }, { P2V_VARINT_MAX, 8 } };
	uint8_t b[8];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct p2v_writer w = p2v_writer_of(b, rows[i].n);
		struct p2v_reader r = p2v_reader_of(b, rows[i].n);

		cr_assert_eq(p2v_varint_size(rows[i].v), rows[i].n);
		p2v_write_varint(&w, rows[i].v);
		cr_assert_not(w.full);
		cr_assert_eq(p2v_read_varint(&r), rows[i].v);
	}
}

Test(wire, a_varint_that_cannot_be_written)
{
	uint8_t b[16];
	struct p2v_writer w = p2v_writer_of(b, sizeof b);

	p2v_write_varint(&w, P2V_VARINT_MAX + 1);
	cr_assert(w.full);
	p2v_write_be(&w, 1, 1);
	cr_assert_eq(p2v_written(&w), 0, "nothing is written from then on");
}

Test(wire, reader_stops_at_the_end)
{
	static const uint8_t b[] = { 1, 2, 3, 0xc0 };
	struct p2v_reader r = p2v_reader_of(b, 4);

	cr_assert_eq(p2v_read_be(&r, 3), 0x010203);
	cr_assert_eq(p2v_read_varint(&r), 0, "it says eight bytes, one is there");
	cr_assert(r.bad);
	cr_assert_eq(p2v_reader_left(&r), 0);
	cr_assert_eq(p2v_read_be(&r, 1), 0);
	cr_assert_null(p2v_read_bytes(&r, 0), "even nothing is refused once it is bad");
	r = p2v_reader_of(b, 4);
	cr_assert_null(p2v_read_bytes(&r, 5));
	cr_assert(r.bad);
	r = p2v_reader_of(NULL, 0);
	cr_assert_eq(p2v_read_varint(&r), 0);
	cr_assert(r.bad);
	r = p2v_reader_of(b, 4);
	cr_assert_null(p2v_read_bytes(&r, SIZE_MAX));
	cr_assert(r.bad);
}

Test(wire, writer_stops_at_the_end)
{
	uint8_t b[4] = { 9, 9, 9, 9 };
	struct p2v_writer w = p2v_writer_of(b, 3);

	p2v_write_be(&w, 0x1234, 2);
	cr_assert_eq(p2v_writer_left(&w), 1);
	p2v_write_be(&w, 0x1234, 2);
	cr_assert(w.full);
	p2v_write_be(&w, 0x7, 1);
	cr_assert_eq(p2v_written(&w), 2, "not even what would fit");
	cr_assert_arr_eq(b, ((uint8_t[]){ 0x12, 0x34, 9, 9 }), 4);
}

Test(wire, big_endian_widths)
{
	uint8_t b[8];

	for (size_t n = 1; n <= 8; n++) {
		uint64_t v = UINT64_C(0x0102030405060708) >> (8 * (8 - n));
		struct p2v_writer w = p2v_writer_of(b, n);
		struct p2v_reader r = p2v_reader_of(b, n);

		p2v_write_be(&w, v, n);
		cr_assert_eq(b[0], 1);
		cr_assert_eq(b[n - 1], n);
		cr_assert_eq(p2v_read_be(&r, n), v);
	}
}
