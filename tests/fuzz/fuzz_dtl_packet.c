/* fuzz_dtl_packet.c - any bytes as a packet: the decoder refuses or understands, and what it
 * understood means the same when it is encoded and decoded again. */
#include <stdlib.h>
#include <string.h>

#include "framework/dtl/packet.h"
#include "tests/fuzz/target.h"

static bool same_bytes(struct p2v_bytes a, struct p2v_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool same(const struct p2v_frame *a, const struct p2v_frame *b)
{
	switch (a->type) {
	case P2V_F_PADDING: return a->u.padding == b->u.padding;
	case P2V_F_PING: return true;
	case P2V_F_ACK:
		return a->u.ack.delay == b->u.ack.delay && a->u.ack.echo == b->u.ack.echo &&
		       a->u.ack.n == b->u.ack.n &&
		       memcmp(a->u.ack.range, b->u.ack.range,
			       a->u.ack.n * sizeof *a->u.ack.range) == 0;
	case P2V_F_RESET:
	case P2V_F_STOP:
		return a->u.cut.id == b->u.cut.id && a->u.cut.code == b->u.cut.code &&
		       a->u.cut.size == b->u.cut.size;
	case P2V_F_STREAM:
		return a->u.stream.id == b->u.stream.id &&
		       a->u.stream.offset == b->u.stream.offset &&
		       a->u.stream.fin == b->u.stream.fin &&
		       same_bytes(a->u.stream.data, b->u.stream.data);
	case P2V_F_MAX_DATA:
	case P2V_F_MAX_STREAM_DATA:
	case P2V_F_MAX_STREAMS: return a->u.max.id == b->u.max.id && a->u.max.max == b->u.max.max;
	case P2V_F_PRIORITY:
		return a->u.priority.id == b->u.priority.id &&
		       a->u.priority.priority == b->u.priority.priority &&
		       a->u.priority.slack == b->u.priority.slack;
	case P2V_F_SETTINGS:
		return memcmp(&a->u.settings, &b->u.settings, sizeof a->u.settings) == 0;
	case P2V_F_PATH_CHALLENGE:
	case P2V_F_PATH_RESPONSE: return memcmp(a->u.token, b->u.token, sizeof a->u.token) == 0;
	case P2V_F_CLOSE:
		return a->u.close.code == b->u.close.code &&
		       same_bytes((struct p2v_bytes){ (const uint8_t *)a->u.close.text.p,
					  a->u.close.text.n },
			       (struct p2v_bytes){
				       (const uint8_t *)b->u.close.text.p, b->u.close.text.n });
	}
	return false;
}

/* ACK ranges descend and lie apart: the rest of the transport relies on it. */
static void check_ack(const struct p2v_frame_ack *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->range[i].lo >= a->range[i].hi || (i && a->range[i].hi >= a->range[i - 1].lo))
			abort();
}

static void check(const struct p2v_frame *f, size_t n)
{
	uint8_t *buf = malloc(n + 64);
	struct p2v_writer w = p2v_writer_of(buf, n + 64);
	struct p2v_reader r;
	struct p2v_frame again;

	if (!buf)
		return;
	if (f->type == P2V_F_ACK)
		check_ack(&f->u.ack);
	if (!p2v_frame_put(&w, f))
		abort();
	r = p2v_reader_of(buf, p2v_written(&w));
	if (p2v_frame_next(&r, &again, NULL) != 1 || again.type != f->type || !same(f, &again) ||
		p2v_reader_left(&r) != 0)
		abort();
	free(buf);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	struct p2v_packet k;
	struct p2v_frame f;
	struct p2v_err err;
	int got;

	if (p2v_packet_open((struct p2v_bytes){ p, n }, n ? p[0] * UINT64_C(0x12345678) : 0, &k,
		    &err) != P2V_OK)
		return;
	while ((got = p2v_frame_next(&k.frames, &f, &err)) > 0)
		check(&f, n);
	if (got < 0 && (err.code != P2V_EPROTO || err.text[0] == '\0'))
		abort();
}
