/* packet.c - packets and frames: a strict decoder, each refusal with its own sentence, and the
 * encoder. */
#include "framework/dtl/packet.h"

#include <assert.h>

/* ---- names ---- */

const char *p2v_frame_name(enum p2v_frame_type type)
{
	switch (type) {
	case P2V_F_PADDING: return "PADDING";
	case P2V_F_PING: return "PING";
	case P2V_F_ACK: return "ACK";
	case P2V_F_RESET: return "RESET";
	case P2V_F_STOP: return "STOP";
	case P2V_F_STREAM: return "STREAM";
	case P2V_F_MAX_DATA: return "MAX_DATA";
	case P2V_F_MAX_STREAM_DATA: return "MAX_STREAM_DATA";
	case P2V_F_MAX_STREAMS: return "MAX_STREAMS";
	case P2V_F_PRIORITY: return "PRIORITY";
	case P2V_F_SETTINGS: return "SETTINGS";
	case P2V_F_PATH_CHALLENGE: return "PATH_CHALLENGE";
	case P2V_F_PATH_RESPONSE: return "PATH_RESPONSE";
	case P2V_F_CLOSE: return "CLOSE";
	}
	return "unknown";
}

bool p2v_frame_elicits(enum p2v_frame_type type)
{
	return type != P2V_F_PADDING && type != P2V_F_ACK && type != P2V_F_CLOSE &&
	       type != P2V_F_PATH_CHALLENGE && type != P2V_F_PATH_RESPONSE;
}

/* ---- decoding ---- */

/* RFC 9000 A.3 with a window of 2^32: of the numbers that end in `low`, the one nearest to
 * `expected`. */
static uint64_t complete(uint64_t expected, uint32_t low)
{
	const uint64_t win = UINT64_C(1) << 32, half = win / 2;
	uint64_t n = (expected & ~(win - 1)) | low;

	if (n + half <= expected && n < P2V_VARINT_MAX - win)
		return n + win;
	if (n > expected + half && n >= win)
		return n - win;
	return n;
}

int p2v_packet_open(
	struct p2v_bytes b, uint64_t expected, struct p2v_packet *out, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(b.p, b.n);
	uint32_t low = (uint32_t)p2v_read_be(&r, 4);

	out->stamp = (uint32_t)p2v_read_be(&r, 4);
	if (r.bad)
		return p2v_fail(err, P2V_EPROTO, "a packet is shorter than its header");
	if (p2v_reader_left(&r) == 0)
		return p2v_fail(err, P2V_EPROTO, "a packet carries no frame");
	out->number = complete(expected, low);
	out->frames = r;
	return P2V_OK;
}

static int short_frame(struct p2v_err *err, const struct p2v_frame *f)
{
	return p2v_fail(
		err, P2V_EPROTO, "a %s frame reaches beyond its packet", p2v_frame_name(f->type));
}

/* Each range is told by the gap to the one above and its length less one, RFC 9000 19.3.1. */
static int read_ack(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	struct p2v_frame_ack *a = &f->u.ack;
	uint64_t largest = p2v_read_varint(r), delay = p2v_read_varint(r), count, top = largest;

	a->echo = (uint32_t)p2v_read_be(r, 4);
	count = p2v_read_varint(r);
	if (count >= P2V_ACK_RANGES)
		return p2v_fail(
			err, P2V_EPROTO, "an ACK frame has more than %d ranges", P2V_ACK_RANGES);
	a->delay = (p2v_usec)delay;
	a->n = (size_t)count + 1;
	for (size_t i = 0; i < a->n; i++) {
		uint64_t gap = i ? p2v_read_varint(r) : 0, len = p2v_read_varint(r);

		if (r->bad)
			return short_frame(err, f);
		/* two below the last range's foot: one that it names, one that is missing */
		if (i && (top < 2 || gap > top - 2))
			return p2v_fail(err, P2V_EPROTO, "an ACK range begins below packet 0");
		top = i ? top - 2 - gap : top;
		if (len > top)
			return p2v_fail(err, P2V_EPROTO, "an ACK range reaches below packet 0");
		a->range[i] = (struct p2v_span){ top - len, top + 1 };
		top -= len;
	}
	return 1;
}

static int read_stream(struct p2v_reader *r, uint8_t bits, struct p2v_frame *f, struct p2v_err *err)
{
	uint64_t n;

	f->type = P2V_F_STREAM;
	f->u.stream.id = p2v_read_varint(r);
	f->u.stream.offset = bits & P2V_STREAM_OFF ? p2v_read_varint(r) : 0;
	f->u.stream.fin = bits & P2V_STREAM_FIN;
	n = bits & P2V_STREAM_LEN ? p2v_read_varint(r) : p2v_reader_left(r);
	if (r->bad || n > p2v_reader_left(r))
		return short_frame(err, f);
	if (n > P2V_VARINT_MAX - f->u.stream.offset)
		return p2v_fail(err, P2V_EPROTO, "a STREAM frame ends above 2^62 - 1");
	if (n == 0 && !f->u.stream.fin)
		return p2v_fail(err, P2V_EPROTO, "a STREAM frame carries nothing");
	f->u.stream.data = (struct p2v_bytes){ p2v_read_bytes(r, (size_t)n), (size_t)n };
	return 1;
}

static int read_priority(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	uint64_t priority, slack;

	f->u.priority.id = p2v_read_varint(r);
	priority = p2v_read_be(r, 2);
	slack = p2v_read_varint(r);
	if (r->bad)
		return short_frame(err, f);
	if (priority > 4u * P2V_PRIORITY_UNIT)
		return p2v_fail(err, P2V_EPROTO, "a PRIORITY frame asks for more than 4");
	f->u.priority.priority = (uint32_t)priority;
	f->u.priority.slack = slack ? (p2v_usec)(slack - 1) : P2V_NEVER;
	return 1;
}

static int set_setting(struct p2v_settings *s, uint64_t key, uint64_t v, struct p2v_err *err)
{
	switch (key) {
	case P2V_SET_VERSION: s->version = v; break;
	case P2V_SET_MAX_DATA: s->max_data = v; break;
	case P2V_SET_MAX_STREAM_DATA: s->max_stream_data = v; break;
	case P2V_SET_MAX_STREAMS:
		if (v > P2V_STREAMS_MAX)
			return p2v_fail(err, P2V_EPROTO, "SETTINGS grant more than 2^60 streams");
		s->max_streams = v;
		break;
	case P2V_SET_ACK_DELAY:
		if (v > 16 * (uint64_t)P2V_SECOND)
			return p2v_fail(err, P2V_EPROTO, "SETTINGS have an ACK delay above 16 s");
		s->ack_delay = (p2v_usec)v;
		break;
	default: break;
	}
	return P2V_OK;
}

static int read_settings(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	struct p2v_settings *s = &f->u.settings;
	uint64_t count = p2v_read_varint(r), last = 0;

	*s = (struct p2v_settings){ .version = 0 };
	for (uint64_t i = 0; i < count && !r->bad; i++) {
		uint64_t key = p2v_read_varint(r), v = p2v_read_varint(r);

		if (r->bad)
			break;
		if (i && key <= last)
			return p2v_fail(err, P2V_EPROTO, "SETTINGS are not in order");
		last = key;
		if (set_setting(s, key, v, err) != P2V_OK)
			return P2V_EPROTO;
	}
	if (r->bad)
		return short_frame(err, f);
	if (s->version == 0)
		return p2v_fail(err, P2V_EPROTO, "SETTINGS name no version");
	return 1;
}

static int read_close(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	uint64_t n;

	f->u.close.code = p2v_read_varint(r);
	n = p2v_read_varint(r);
	if (!r->bad && n > P2V_CLOSE_TEXT)
		return p2v_fail(err, P2V_EPROTO, "a CLOSE frame has more than %d bytes of text",
			P2V_CLOSE_TEXT);
	f->u.close.text = (struct p2v_str){ (const char *)p2v_read_bytes(r, (size_t)n), (size_t)n };
	return r->bad ? short_frame(err, f) : 1;
}

static int read_max(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	f->u.max.id = f->type == P2V_F_MAX_STREAM_DATA ? p2v_read_varint(r) : 0;
	f->u.max.max = p2v_read_varint(r);
	if (r->bad)
		return short_frame(err, f);
	if (f->type == P2V_F_MAX_STREAMS && f->u.max.max > P2V_STREAMS_MAX)
		return p2v_fail(err, P2V_EPROTO, "MAX_STREAMS is above 2^60");
	return 1;
}

static int read_cut(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	f->u.cut.id = p2v_read_varint(r);
	f->u.cut.code = p2v_read_varint(r);
	f->u.cut.size = f->type == P2V_F_RESET ? p2v_read_varint(r) : 0;
	return r->bad ? short_frame(err, f) : 1;
}

static int read_token(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	const uint8_t *token = p2v_read_bytes(r, P2V_PATH_TOKEN);

	if (!token)
		return short_frame(err, f);
	memcpy(f->u.token, token, P2V_PATH_TOKEN);
	return 1;
}

static int read_padding(struct p2v_reader *r, struct p2v_frame *f)
{
	f->u.padding = 1;
	while (r->p < r->end && *r->p == P2V_F_PADDING) {
		r->p++;
		f->u.padding++;
	}
	return 1;
}

int p2v_frame_next(struct p2v_reader *r, struct p2v_frame *f, struct p2v_err *err)
{
	uint8_t type;

	if (p2v_reader_left(r) == 0)
		return 0;
	type = (uint8_t)p2v_read_be(r, 1);
	f->type = (enum p2v_frame_type)type;
	switch (type) {
	case P2V_F_PADDING: return read_padding(r, f);
	case P2V_F_PING: return 1;
	case P2V_F_ACK: return read_ack(r, f, err);
	case P2V_F_RESET:
	case P2V_F_STOP: return read_cut(r, f, err);
	case P2V_F_MAX_DATA:
	case P2V_F_MAX_STREAM_DATA:
	case P2V_F_MAX_STREAMS: return read_max(r, f, err);
	case P2V_F_PRIORITY: return read_priority(r, f, err);
	case P2V_F_SETTINGS: return read_settings(r, f, err);
	case P2V_F_PATH_CHALLENGE:
	case P2V_F_PATH_RESPONSE: return read_token(r, f, err);
	case P2V_F_CLOSE: return read_close(r, f, err);
	default: break;
	}
	if ((type & ~7u) == P2V_F_STREAM)
		return read_stream(r, type & 7u, f, err);
	return p2v_fail(err, P2V_EPROTO, "frame type 0x%02x is unknown", type);
}

/* ---- encoding ---- */

void p2v_packet_begin(struct p2v_writer *w, uint64_t number, p2v_usec now)
{
	p2v_write_be(w, (uint32_t)number, 4);
	p2v_write_be(w, (uint32_t)now, 4);
}

/* Take back what did not fit whole. */
static bool kept(struct p2v_writer *w, const struct p2v_writer *before)
{
	if (!w->full)
		return true;
	*w = *before;
	return false;
}

bool p2v_ack_put(struct p2v_writer *w, const struct p2v_frame_ack *a)
{
	struct p2v_writer before = *w;
	uint64_t largest = a->range[0].hi - 1;
	size_t n = 1, room, used;

	assert(a->n >= 1 && a->n <= P2V_ACK_RANGES);
	used = 1 + p2v_varint_size(largest) + p2v_varint_size((uint64_t)a->delay) + 4 + 1 +
	       p2v_varint_size(a->range[0].hi - a->range[0].lo - 1);
	room = p2v_writer_left(w);
	for (; n < a->n; n++) {
		used += p2v_varint_size(a->range[n - 1].lo - a->range[n].hi - 1) +
			p2v_varint_size(a->range[n].hi - a->range[n].lo - 1);
		if (used > room)
			break;
	}
	p2v_write_be(w, P2V_F_ACK, 1);
	p2v_write_varint(w, largest);
	p2v_write_varint(w, (uint64_t)a->delay);
	p2v_write_be(w, a->echo, 4);
	p2v_write_varint(w, n - 1);
	for (size_t i = 0; i < n; i++) {
		if (i)
			p2v_write_varint(w, a->range[i - 1].lo - a->range[i].hi - 1);
		p2v_write_varint(w, a->range[i].hi - a->range[i].lo - 1);
	}
	return kept(w, &before);
}

size_t p2v_stream_put(struct p2v_writer *w, uint64_t id, uint64_t offset, uint64_t have, bool fin)
{
	size_t head = 1 + p2v_varint_size(id) + (offset ? p2v_varint_size(offset) : 0);
	size_t left = p2v_writer_left(w), n;
	uint8_t type = P2V_F_STREAM | (offset ? P2V_STREAM_OFF : 0);
	bool whole;

	/* A head alone is worth nothing, unless it carries the end. */
	if (left < head + 2 || (left == head + 2 && have))
		return SIZE_MAX;
	if (have >= left - head) {
		n = left - head; /* it fills the packet, so its length need not be told */
	} else {
		type |= P2V_STREAM_LEN;
		n = left - head - 2 < have ? left - head - 2 : (size_t)have;
	}
	whole = n == have;
	p2v_write_be(w, (uint64_t)(type | (whole && fin ? P2V_STREAM_FIN : 0)), 1);
	p2v_write_varint(w, id);
	if (offset)
		p2v_write_varint(w, offset);
	if (type & P2V_STREAM_LEN)
		p2v_write_varint(w, n);
	return n;
}

static void put_settings(struct p2v_writer *w, const struct p2v_settings *s)
{
	const uint64_t v[][2] = { { P2V_SET_VERSION, s->version },
		{ P2V_SET_MAX_DATA, s->max_data }, { P2V_SET_MAX_STREAM_DATA, s->max_stream_data },
		{ P2V_SET_MAX_STREAMS, s->max_streams },
		{ P2V_SET_ACK_DELAY, (uint64_t)s->ack_delay } };
	const size_t n = sizeof v / sizeof *v;

	p2v_write_varint(w, n);
	for (size_t i = 0; i < n; i++) {
		p2v_write_varint(w, v[i][0]);
		p2v_write_varint(w, v[i][1]);
	}
}

static void put_stream(struct p2v_writer *w, const struct p2v_frame *f)
{
	if (f->u.stream.offset)
		p2v_write_varint(w, f->u.stream.offset);
	p2v_write_varint(w, f->u.stream.data.n);
	p2v_write_bytes(w, f->u.stream.data.p, f->u.stream.data.n);
}

static void put_padding(struct p2v_writer *w, size_t n)
{
	if (n > p2v_writer_left(w)) {
		w->full = true;
		return;
	}
	memset(w->p, P2V_F_PADDING, n);
	w->p += n;
}

static void put_body(struct p2v_writer *w, const struct p2v_frame *f)
{
	switch (f->type) {
	case P2V_F_PADDING: put_padding(w, f->u.padding - 1); break;
	case P2V_F_STREAM: put_stream(w, f); break;
	case P2V_F_RESET: p2v_write_varint(w, f->u.cut.code); /* fall through */
	case P2V_F_STOP:
		p2v_write_varint(w, f->type == P2V_F_RESET ? f->u.cut.size : f->u.cut.code);
		break;
	case P2V_F_MAX_DATA:
	case P2V_F_MAX_STREAM_DATA:
	case P2V_F_MAX_STREAMS: p2v_write_varint(w, f->u.max.max); break;
	case P2V_F_PRIORITY:
		p2v_write_be(w, f->u.priority.priority, 2);
		p2v_write_varint(w,
			f->u.priority.slack == P2V_NEVER ? 0 : (uint64_t)f->u.priority.slack + 1);
		break;
	case P2V_F_SETTINGS: put_settings(w, &f->u.settings); break;
	case P2V_F_PATH_CHALLENGE:
	case P2V_F_PATH_RESPONSE: p2v_write_bytes(w, f->u.token, P2V_PATH_TOKEN); break;
	case P2V_F_CLOSE:
		p2v_write_varint(w, f->u.close.code);
		p2v_write_varint(w, f->u.close.text.n);
		p2v_write_bytes(w, f->u.close.text.p, f->u.close.text.n);
		break;
	case P2V_F_PING:
	case P2V_F_ACK: break;
	}
}

bool p2v_frame_put(struct p2v_writer *w, const struct p2v_frame *f)
{
	struct p2v_writer before = *w;
	unsigned type = f->type;

	if (f->type == P2V_F_ACK)
		return p2v_ack_put(w, &f->u.ack);
	if (f->type == P2V_F_STREAM)
		type |= P2V_STREAM_LEN | (f->u.stream.fin ? P2V_STREAM_FIN : 0u) |
			(f->u.stream.offset ? P2V_STREAM_OFF : 0u);
	p2v_write_be(w, type, 1);
	switch (f->type) { /* those that belong to one stream begin with its id */
	case P2V_F_STREAM: p2v_write_varint(w, f->u.stream.id); break;
	case P2V_F_RESET:
	case P2V_F_STOP: p2v_write_varint(w, f->u.cut.id); break;
	case P2V_F_MAX_STREAM_DATA: p2v_write_varint(w, f->u.max.id); break;
	case P2V_F_PRIORITY: p2v_write_varint(w, f->u.priority.id); break;
	default: break;
	}
	put_body(w, f);
	return kept(w, &before);
}
