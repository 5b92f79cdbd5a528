/* wire.c - what the two ends of a measurement tell each other: numbers of eight bytes. */
#include <config.h>

#include <string.h>

#include "framework/base/wire.h"
#include "sdk/perf/inside.h"

static const char magic[8] = { 'p', '2', 'v', 'p', 'e', 'r', 'f', '2' };

void p2v_perf_hello_put(const struct p2v_perf_hello *h, uint8_t out[P2V_PERF_HELLO])
{
	struct p2v_writer w = p2v_writer_of(out, P2V_PERF_HELLO);

	p2v_write_bytes(&w, magic, sizeof magic);
	p2v_write_be(&w, h->kind, 8);
	p2v_write_be(&w, h->index, 8);
	p2v_write_be(&w, h->bytes, 8);
	p2v_write_be(&w, h->period, 8);
}

bool p2v_perf_hello_get(const uint8_t in[P2V_PERF_HELLO], struct p2v_perf_hello *h)
{
	struct p2v_reader r = p2v_reader_of(in, P2V_PERF_HELLO);
	const uint8_t *m = p2v_read_bytes(&r, sizeof magic);

	h->kind = p2v_read_be(&r, 8);
	h->index = p2v_read_be(&r, 8);
	h->bytes = p2v_read_be(&r, 8);
	h->period = p2v_read_be(&r, 8);
	return memcmp(m, magic, sizeof magic) == 0 && h->kind <= P2V_PERF_SOURCE &&
	       h->index < P2V_PERF_STREAMS;
}

size_t p2v_perf_report_put(const struct p2v_perf_report *r, uint8_t out[P2V_PERF_REPORT_MAX])
{
	const struct p2v_session_info *i = &r->info;
	const uint64_t v[P2V_PERF_FIXED] = { r->n, (uint64_t)r->t, (uint64_t)r->cpu, r->got,
		(uint64_t)i->srtt, (uint64_t)i->min_rtt, (uint64_t)i->queued, i->cwnd, i->in_flight,
		i->pace, i->sent, i->received, i->lost, i->resent, i->mtu };
	struct p2v_writer w = p2v_writer_of(out, P2V_PERF_REPORT_MAX);

	for (size_t k = 0; k < P2V_PERF_FIXED; k++)
		p2v_write_be(&w, v[k], 8);
	for (size_t k = 0; k < r->n; k++)
		p2v_write_be(&w, r->got_of[k], 8);
	return p2v_written(&w);
}

size_t p2v_perf_report_get(const uint8_t *p, size_t n, struct p2v_perf_report *r)
{
	struct p2v_reader in = p2v_reader_of(p, n);
	uint64_t v[P2V_PERF_FIXED];

	for (size_t k = 0; k < P2V_PERF_FIXED; k++)
		v[k] = p2v_read_be(&in, 8);
	if (n >= 8 && v[0] > P2V_PERF_STREAMS)
		return SIZE_MAX;
	if (in.bad || p2v_reader_left(&in) < 8 * v[0])
		return 0;
	*r = (struct p2v_perf_report){ .n = v[0],
		.t = (p2v_usec)v[1],
		.cpu = (p2v_usec)v[2],
		.got = v[3],
		.info = { .srtt = (p2v_usec)v[4],
			.min_rtt = (p2v_usec)v[5],
			.queued = (p2v_usec)v[6],
			.cwnd = v[7],
			.in_flight = v[8],
			.pace = v[9],
			.sent = v[10],
			.received = v[11],
			.lost = v[12],
			.resent = v[13],
			.mtu = (uint32_t)v[14] } };
	for (size_t k = 0; k < r->n; k++)
		r->got_of[k] = p2v_read_be(&in, 8);
	return n - p2v_reader_left(&in);
}
