/* result.c - what was measured, for people and as JSON. */
#include <config.h>

#include "sdk/perf/inside.h"

static double ms(p2v_usec v)
{
	return (double)v / 1e3;
}

/* "18.42 Mbit/s" */
static void rate_text(double bps, struct p2v_text *out)
{
	if (bps >= 1e9)
		p2v_text_printf(out, "%7.2f Gbit/s", bps / 1e9);
	else if (bps >= 1e6)
		p2v_text_printf(out, "%7.2f Mbit/s", bps / 1e6);
	else
		p2v_text_printf(out, "%7.1f kbit/s", bps / 1e3);
}

void p2v_perf_interval_text(const struct p2v_perf_interval *i, struct p2v_text *out)
{
	p2v_text_printf(out, "%8.2f s  ", (double)i->t / 1e6);
	rate_text(i->goodput, out);
	p2v_text_printf(out,
		"  window %6.0f kB  round trip %7.2f ms  queue %6.2f ms  lost %5.0f kB  priority "
		"%g\n",
		(double)i->cwnd / 1e3, ms(i->srtt), ms(i->queue), (double)i->lost / 1e3,
		i->priority[0]);
}

/* [bit/s] */
static double goodput(const struct p2v_perf_result *r, uint64_t bytes)
{
	return r->elapsed > 0 ? (double)bytes * 8e6 / (double)r->elapsed : 0;
}

/* [s] of the processor for 10^9 bytes */
static double cost(const struct p2v_perf_result *r, p2v_usec cpu)
{
	return r->bytes ? (double)cpu * 1e3 / (double)r->bytes : 0;
}

void p2v_perf_result_text(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_text *out)
{
	if (!r->opened)
		return;
	p2v_text_puts(out, "goodput       ");
	rate_text(goodput(r, r->bytes), out);
	p2v_text_printf(out, ", %llu bytes in %.3f s\n", (unsigned long long)r->bytes,
		(double)r->elapsed / 1e6);
	for (size_t i = 0; cli->streams > 1 && i < cli->streams; i++) {
		p2v_text_printf(out, "  stream %-4zu ", i);
		rate_text(goodput(r, r->bytes_of[i]), out);
		p2v_text_puts(out, "\n");
	}
	p2v_text_printf(out,
		"processor     %.2f s/GB, %.2f here and %.2f there\n"
		"round trip    %.2f ms, at least %.2f ms\n"
		"queue         %.2f ms, at most %.2f ms\n"
		"lost          %llu bytes; sent again %llu of %llu\n",
		cost(r, r->cpu_here + r->cpu_there), cost(r, r->cpu_here), cost(r, r->cpu_there),
		r->rtt / 1e3, ms(r->sender.min_rtt), r->queue / 1e3, ms(r->queue_max),
		(unsigned long long)r->sender.lost, (unsigned long long)r->sender.resent,
		(unsigned long long)r->sender.sent);
}

static void intervals_json(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_json *j)
{
	p2v_json_open(j, "intervals", '[');
	for (size_t k = 0; k < r->n_intervals; k++) {
		const struct p2v_perf_interval *i = &r->interval[k];

		p2v_json_open(j, NULL, '{');
		p2v_json_real(j, "t", (double)i->t / 1e6, 3);
		p2v_json_real(j, "goodput_bps", i->goodput, 0);
		p2v_json_u64(j, "cwnd", i->cwnd);
		p2v_json_u64(j, "pace", i->pace);
		p2v_json_u64(j, "in_flight", i->in_flight);
		p2v_json_real(j, "srtt_ms", ms(i->srtt), 3);
		p2v_json_real(j, "queue_ms", ms(i->queue), 3);
		p2v_json_u64(j, "lost", i->lost);
		p2v_json_u64(j, "retransmitted", i->resent);
		p2v_json_real(j, "priority", i->priority[0], 3);
		if (cli->streams > 1) {
			p2v_json_open(j, "by_stream", '[');
			for (size_t s = 0; s < cli->streams; s++) {
				p2v_json_open(j, NULL, '{');
				p2v_json_real(j, "goodput_bps", i->goodput_of[s], 0);
				p2v_json_real(j, "priority", i->priority[s], 3);
				p2v_json_close(j, '}');
			}
			p2v_json_close(j, ']');
		}
		p2v_json_close(j, '}');
	}
	p2v_json_close(j, ']');
}

static void streams_json(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_json *j)
{
	p2v_json_open(j, "by_stream", '[');
	for (size_t s = 0; s < cli->streams; s++) {
		p2v_json_open(j, NULL, '{');
		p2v_json_u64(j, "bytes", r->bytes_of[s]);
		p2v_json_real(j, "goodput_bps", goodput(r, r->bytes_of[s]), 0);
		p2v_json_close(j, '}');
	}
	p2v_json_close(j, ']');
}

void p2v_perf_result_json(
	const struct p2v_perf_cli *cli, const struct p2v_perf_result *r, struct p2v_json *j)
{
	p2v_json_open(j, NULL, '{');
	if (r->err.code != P2V_OK)
		p2v_json_text(j, "error", r->err.text);
	p2v_json_text(j, "direction", cli->reverse ? "receive" : "send");
	p2v_json_u64(j, "streams", cli->streams);
	p2v_json_text(j, "cc", cli->cc);
	p2v_json_bool(j, "segments", !cli->no_segments);
	p2v_json_real(j, "seconds", (double)r->elapsed / 1e6, 6);
	p2v_json_u64(j, "bytes", r->bytes);
	p2v_json_real(j, "goodput_bps", goodput(r, r->bytes), 0);
	p2v_json_real(j, "cpu_s_per_gb", cost(r, r->cpu_here + r->cpu_there), 4);
	p2v_json_real(j, "cpu_s_per_gb_client", cost(r, r->cpu_here), 4);
	p2v_json_real(j, "cpu_s_per_gb_server", cost(r, r->cpu_there), 4);
	p2v_json_real(j, "handshake_ms", ms(r->handshake), 3);
	p2v_json_real(j, "rtt_ms", r->rtt / 1e3, 3);
	p2v_json_real(j, "rtt_min_ms", ms(r->sender.min_rtt), 3);
	p2v_json_real(j, "queue_ms", r->queue / 1e3, 3);
	p2v_json_real(j, "queue_max_ms", ms(r->queue_max), 3);
	p2v_json_u64(j, "mtu", r->sender.mtu);
	p2v_json_u64(j, "sent", r->sender.sent);
	p2v_json_u64(j, "lost", r->sender.lost);
	p2v_json_u64(j, "retransmitted", r->sender.resent);
	streams_json(cli, r, j);
	intervals_json(cli, r, j);
	p2v_json_close(j, '}');
}
