/* packet_test.c - frames there and back, and every refusal of the decoder by its name. */
#include <criterion/criterion.h>

#include "framework/dtl/packet.h"

TestSuite(packet, .timeout = 60);

/* The one frame of a packet's body. */
static int decode(const void *p, size_t n, struct p2v_frame *f, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(p, n);
	int code = p2v_frame_next(&r, f, err);

	if (code == 1)
		cr_assert_eq(p2v_reader_left(&r), 0, "%zu bytes are left", p2v_reader_left(&r));
	return code;
}

static void expect_error(const char *hex, const char *text)
{
	struct p2v_err err = { 0, "" };
	struct p2v_frame f;
	uint8_t b[64];
	size_t n = 0;

	for (; hex[2 * n]; n++) {
		unsigned v;

		cr_assert_eq(sscanf(hex + 2 * n, "%2x", &v), 1);
		b[n] = (uint8_t)v;
	}
	cr_assert_eq(decode(b, n, &f, &err), P2V_EPROTO, "%s", hex);
	cr_assert_eq(err.code, P2V_EPROTO);
	cr_assert(strstr(err.text, text), "%s: %s", hex, err.text);
}

/* Encode, decode, and see that every shorter input is refused. */
static struct p2v_frame there_and_back(const struct p2v_frame *f)
{
	static uint8_t buf[2048]; /* what the frame borrows outlives this call */
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);
	struct p2v_frame out;
	struct p2v_err err;

	cr_assert(p2v_frame_put(&w, f));
	cr_assert_eq(decode(buf, p2v_written(&w), &out, &err), 1, "%s", err.text);
	cr_assert_eq(out.type, f->type);
	for (size_t n = 1; n < p2v_written(&w); n++) {
		struct p2v_reader r = p2v_reader_of(buf, n);
		struct p2v_frame cut;
		struct p2v_writer small = p2v_writer_of(buf + 1024, n);

		if (f->type != P2V_F_PADDING && f->type != P2V_F_ACK)
			cr_assert(!p2v_frame_put(&small, f), "nor does it fit there");
		cr_assert_eq(p2v_written(&small), 0);
		if (f->type != P2V_F_PADDING)
			cr_assert_eq(p2v_frame_next(&r, &cut, &err), P2V_EPROTO, "%zu", n);
	}
	return out;
}

Test(packet, header)
{
	uint8_t buf[16];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);
	struct p2v_packet k;
	struct p2v_err err;

	p2v_packet_begin(&w, UINT64_C(0x123456789), INT64_C(0x1ffffffff));
	p2v_write_be(&w, P2V_F_PING, 1);
	cr_assert_eq(p2v_written(&w), 9);
	cr_assert_eq(memcmp(buf, "\x23\x45\x67\x89\xff\xff\xff\xff\x01", 9), 0);
	cr_assert_eq(p2v_packet_open((struct p2v_bytes){ buf, 9 }, UINT64_C(0x123450000), &k, &err),
		P2V_OK);
	cr_assert_eq(k.number, UINT64_C(0x123456789));
	cr_assert_eq(k.stamp, 0xffffffff);
	cr_assert_eq(p2v_packet_open((struct p2v_bytes){ buf, 8 }, 0, &k, &err), P2V_EPROTO);
	cr_assert_str_eq(err.text, "a packet carries no frame");
	for (size_t n = 0; n < 8; n++) {
		cr_assert_eq(
			p2v_packet_open((struct p2v_bytes){ buf, n }, 0, &k, &err), P2V_EPROTO);
		cr_assert_str_eq(err.text, "a packet is shorter than its header");
	}
}

/* RFC 9000 A.3, with 32 bits. */
Test(packet, truncated_numbers_are_completed)
{
	static const uint64_t v[][3] = {
		/* expected, low 32 bits, number */
		{ 0, 0, 0 },
		{ 0, 5, 5 },
		{ 0, 0x80000000, 0x80000000 },
		{ 0, 0xffffffff, 0xffffffff },
		{ 0xffffffff, 0, 0x100000000 },
		{ 0x100000000, 0xffffffff, 0xffffffff },
		{ 0x100000005, 3, 0x100000003 },
		{ 0x180000001, 0, 0x200000000 },
		{ 0x17fffffff, 0, 0x100000000 },
		{ 0xa82f30ea, 0x9b32, 0x100009b32 },
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		uint8_t buf[9] = { (uint8_t)(v[i][1] >> 24), (uint8_t)(v[i][1] >> 16),
			(uint8_t)(v[i][1] >> 8), (uint8_t)v[i][1], 0, 0, 0, 0, P2V_F_PING };
		struct p2v_packet k;

		cr_assert_eq(
			p2v_packet_open((struct p2v_bytes){ buf, 9 }, v[i][0], &k, NULL), P2V_OK);
		cr_assert_eq(k.number, v[i][2], "row %zu: %llx", i, (unsigned long long)k.number);
	}
}

Test(packet, stream_there_and_back)
{
	static const struct {
		uint64_t id, offset;
		size_t n;
		bool fin;
	} v[] = { { 0, 0, 1, false }, { 4, 70, 500, true }, { 1u << 20, 1u << 30, 0, true },
		{ P2V_VARINT_MAX, P2V_VARINT_MAX - 5, 5, false } };
	uint8_t data[500];

	memset(data, 0xaa, sizeof data);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct p2v_frame f = { .type = P2V_F_STREAM,
			.u.stream = { .id = v[i].id,
				.offset = v[i].offset,
				.data = { data, v[i].n },
				.fin = v[i].fin } };
		struct p2v_frame g = there_and_back(&f);

		cr_assert_eq(g.u.stream.id, v[i].id);
		cr_assert_eq(g.u.stream.offset, v[i].offset);
		cr_assert_eq(g.u.stream.data.n, v[i].n);
		cr_assert_eq(g.u.stream.fin, v[i].fin);
		cr_assert_eq(memcmp(g.u.stream.data.p, data, v[i].n), 0);
	}
}

/* What p2v_stream_put says fits, fits; and it wastes no byte where there is more to send. */
Test(packet, stream_put_fills_the_packet)
{
	for (size_t room = 1; room < 300; room++) {
		for (uint64_t have = 0; have < 300; have += have < 4 ? 1 : 37) {
			uint8_t buf[300];
			struct p2v_writer w = p2v_writer_of(buf, room);
			size_t n = p2v_stream_put(&w, 8, 77, have, true);
			struct p2v_reader r;
			struct p2v_frame f;

			if (n == SIZE_MAX) {
				cr_assert(room <= 6, "room %zu", room);
				cr_assert_eq(p2v_written(&w), 0);
				continue;
			}
			cr_assert(!w.full && n <= have && n <= p2v_writer_left(&w));
			if (n < have)
				cr_assert(p2v_writer_left(&w) - n <= 1);
			w.p += n;
			r = p2v_reader_of(buf, p2v_written(&w));
			cr_assert_eq(p2v_frame_next(&r, &f, NULL), 1);
			cr_assert_eq(f.u.stream.data.n, n);
			cr_assert_eq(f.u.stream.offset, 77);
			cr_assert_eq(f.u.stream.fin, n == have);
			cr_assert_eq(p2v_reader_left(&r), 0);
		}
	}
}

Test(packet, ack_there_and_back)
{
	struct p2v_frame f = { .type = P2V_F_ACK,
		.u.ack = { .delay = 12345,
			.echo = 0xdeadbeef,
			.n = 4,
			.range = { { 1000, 1001 }, { 500, 998 }, { 2, 499 }, { 0, 1 } } } };
	struct p2v_frame g = there_and_back(&f);

	cr_assert_eq(g.u.ack.delay, 12345);
	cr_assert_eq(g.u.ack.echo, 0xdeadbeef);
	cr_assert_eq(g.u.ack.n, 4);
	cr_assert_eq(memcmp(g.u.ack.range, f.u.ack.range, 4 * sizeof *f.u.ack.range), 0);
}

/* Where not all ranges fit, the newest go. */
Test(packet, ack_is_cut_to_what_fits)
{
	struct p2v_frame_ack a = { .n = P2V_ACK_RANGES };

	for (size_t i = 0; i < a.n; i++)
		a.range[i] = (struct p2v_span){ 100000 - 1000 * i, 100000 - 1000 * i + 500 };
	for (size_t room = 1; room < 400; room++) {
		uint8_t buf[400];
		struct p2v_writer w = p2v_writer_of(buf, room);
		struct p2v_reader r;
		struct p2v_frame f;

		if (!p2v_ack_put(&w, &a)) {
			cr_assert(room < 13);
			cr_assert_eq(p2v_written(&w), 0);
			continue;
		}
		r = p2v_reader_of(buf, p2v_written(&w));
		cr_assert_eq(p2v_frame_next(&r, &f, NULL), 1);
		cr_assert(f.u.ack.n == a.n || room - p2v_written(&w) < 4);
		cr_assert_eq(memcmp(f.u.ack.range, a.range, f.u.ack.n * sizeof *a.range), 0);
	}
}

Test(packet, control_frames_there_and_back)
{
	struct p2v_frame reset = { .type = P2V_F_RESET,
		.u.cut = { .id = 9, .code = 70000, .size = P2V_VARINT_MAX } };
	struct p2v_frame stop = { .type = P2V_F_STOP, .u.cut = { .id = 9, .code = 70000 } };
	struct p2v_frame data = { .type = P2V_F_MAX_DATA, .u.max.max = 1u << 22 };
	struct p2v_frame stream = { .type = P2V_F_MAX_STREAM_DATA,
		.u.max = { .id = 13, .max = 1u << 20 } };
	struct p2v_frame streams = { .type = P2V_F_MAX_STREAMS, .u.max.max = P2V_STREAMS_MAX };
	struct p2v_frame ping = { .type = P2V_F_PING };
	struct p2v_frame padding = { .type = P2V_F_PADDING, .u.padding = 17 };
	struct p2v_frame got;

	got = there_and_back(&reset);
	cr_assert(got.u.cut.id == 9 && got.u.cut.code == 70000);
	cr_assert_eq(got.u.cut.size, P2V_VARINT_MAX);
	got = there_and_back(&stop);
	cr_assert(got.u.cut.id == 9 && got.u.cut.code == 70000);
	got = there_and_back(&data);
	cr_assert_eq(got.u.max.max, 1u << 22);
	got = there_and_back(&stream);
	cr_assert(got.u.max.id == 13 && got.u.max.max == 1u << 20);
	got = there_and_back(&streams);
	cr_assert_eq(got.u.max.max, P2V_STREAMS_MAX);
	(void)there_and_back(&ping);
	got = there_and_back(&padding);
	cr_assert_eq(got.u.padding, 17);
}

Test(packet, priority_there_and_back)
{
	static const p2v_usec slack[] = { 0, 1, 5 * P2V_SECOND, P2V_NEVER };

	for (size_t i = 0; i < 4; i++) {
		struct p2v_frame f = { .type = P2V_F_PRIORITY,
			.u.priority = { .id = 4, .priority = 4096, .slack = slack[i] } };
		struct p2v_frame g = there_and_back(&f);

		cr_assert_eq(g.u.priority.id, 4);
		cr_assert_eq(g.u.priority.priority, 4096);
		cr_assert_eq(g.u.priority.slack, slack[i]);
	}
}

Test(packet, settings_there_and_back)
{
	struct p2v_frame f = { .type = P2V_F_SETTINGS,
		.u.settings = { .version = 3,
			.max_data = 1u << 22,
			.max_stream_data = 1u << 20,
			.max_streams = 256,
			.ack_delay = 25000 } };
	struct p2v_frame g = there_and_back(&f);

	cr_assert_eq(memcmp(&g.u.settings, &f.u.settings, sizeof f.u.settings), 0);
}

/* Keys of a later version are skipped. */
Test(packet, settings_grow)
{
	static const uint8_t b[] = { P2V_F_SETTINGS, 3, 1, 1, 2, 0x3f, 0x40, 0x63, 0x25 };
	struct p2v_frame f;

	cr_assert_eq(decode(b, sizeof b, &f, NULL), 1);
	cr_assert_eq(f.u.settings.version, 1);
	cr_assert_eq(f.u.settings.max_data, 63);
	cr_assert_eq(f.u.settings.max_streams, 0);
}

Test(packet, close_there_and_back)
{
	char text[P2V_CLOSE_TEXT];
	struct p2v_frame f = { .type = P2V_F_CLOSE,
		.u.close = { .code = 7, .text = { text, sizeof text } } };
	struct p2v_frame g;

	memset(text, 'x', sizeof text);
	g = there_and_back(&f);
	cr_assert_eq(g.u.close.code, 7);
	cr_assert_eq(g.u.close.text.n, sizeof text);
	f.u.close.text.n = 0;
	g = there_and_back(&f);
	cr_assert_eq(g.u.close.text.n, 0);
}

Test(packet, a_path_is_asked_and_answers)
{
	static const enum p2v_frame_type types[] = { P2V_F_PATH_CHALLENGE, P2V_F_PATH_RESPONSE };

	for (size_t i = 0; i < 2; i++) {
		struct p2v_frame f = { .type = types[i], .u.token = { 1, 2, 3, 4, 5, 6, 7, 255 } };
		struct p2v_frame g = there_and_back(&f);

		cr_assert_eq(memcmp(f.u.token, g.u.token, sizeof f.u.token), 0);
		cr_assert(!p2v_frame_elicits(types[i]));
	}
}

Test(packet, a_code_that_no_varint_holds_is_not_written)
{
	struct p2v_frame f = { .type = P2V_F_CLOSE, .u.close = { .code = UINT64_MAX } };
	uint8_t buf[64];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	cr_assert(!p2v_frame_put(&w, &f));
	cr_assert_eq(p2v_written(&w), 0);
	cr_assert(!w.full, "the writer is as it was");
}

Test(packet, refusals)
{
	expect_error("03", "0x03 is unknown");
	expect_error("06", "0x06 is unknown");
	expect_error("15", "0x15 is unknown");
	expect_error("ff", "0xff is unknown");
	/* ACK: largest, delay, echo, count, length */
	expect_error("020500000000000006", "reaches below packet 0");
	expect_error("02050000000000010000", "ACK frame reaches beyond");
	expect_error("0205000000000001000500", "begins below packet 0");
	expect_error("0205000000000001050000", "begins below packet 0");
	expect_error("0205000000000001000004", "reaches below packet 0");
	expect_error("02050000000000404000", "more than 64 ranges");
	/* STREAM */
	expect_error("0a0005aaaa", "STREAM frame reaches beyond");
	expect_error("0a0000", "carries nothing");
	expect_error("0800", "carries nothing");
	expect_error("0c00ffffffffffffffffaa", "above 2^62 - 1");
	/* PRIORITY above 4 */
	expect_error("1300100100", "more than 4");
	/* SETTINGS */
	expect_error("1400", "name no version");
	expect_error("14010205", "name no version");
	expect_error("140201010101", "not in order");
	expect_error("140202050101", "not in order");
	expect_error("1402010104d000000000000001", "2^60");
	expect_error("1402010105c000000001000000", "ACK delay");
	expect_error("12d000000000000001", "2^60");
	expect_error("1a00000000000000", "PATH_CHALLENGE frame reaches beyond");
	expect_error("1b", "PATH_RESPONSE frame reaches beyond");
	/* CLOSE with 101 bytes of text */
	expect_error("1c004065", "more than 100 bytes");
}
