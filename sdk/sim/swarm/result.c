/* result.c - how an event went, in a few figures. */
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/swarm/inside.h"

static void insert(p2v_usec *v, size_t n, p2v_usec x)
{
	for (; n > 0 && v[n - 1] > x; n--)
		v[n] = v[n - 1];
	v[n] = x;
}

/* Nearest rank. */
static p2v_usec percentile(const p2v_usec *v, size_t n, size_t p)
{
	return n ? v[(n * p + 99) / 100 - 1] : P2V_UNKNOWN;
}

static void add_viewer(struct p2v_swarm *s, size_t i, struct p2v_swarm_result *out,
	p2v_usec *startup, p2v_usec *latency)
{
	struct p2v_swarm_viewer v;

	p2v_swarm_viewer(s, i, &v);
	if (!v.came)
		return;
	out->viewers++;
	out->stalls += v.player.stalls;
	out->stalled += v.player.stalled;
	if (v.metrics) {
		const uint64_t *m = v.metrics->v;

		out->p2p_bytes += m[P2V_M_SERVED_P2P];
		out->cdn_bytes += m[P2V_M_SERVED_CDN];
		out->wasted_bytes += m[P2V_M_WASTED_DUPLICATE] + m[P2V_M_WASTED_UNPLAYED];
	} else {
		out->cdn_bytes += v.player.media_bytes;
	}
	if (!v.player.played)
		return;
	insert(startup, out->played, v.player.startup);
	insert(latency, out->played, v.player.latency_median);
	out->mean_bitrate += v.player.mean_bitrate;
	out->played++;
}

void p2v_swarm_result(struct p2v_swarm *s, struct p2v_swarm_result *out)
{
	p2v_usec *startup = calloc(2 * (s->n + 1), sizeof *startup);
	p2v_usec *latency = startup + s->n + 1;
	struct p2v_origin_count count;

	memset(out, 0, sizeof *out);
	if (!startup)
		return;
	for (size_t i = 0; i < s->n; i++)
		add_viewer(s, i, out, startup, latency);
	p2v_origin_count(s->origin, &count);
	out->origin_bytes = count.all.bytes;
	out->played_bytes = out->p2p_bytes + out->cdn_bytes;
	if (out->played_bytes) {
		out->savings = (double)out->p2p_bytes / (double)out->played_bytes;
		out->offload = 1 - (double)out->origin_bytes / (double)out->played_bytes;
	}
	if (out->played)
		out->mean_bitrate /= out->played;
	out->startup_p50 = percentile(startup, out->played, 50);
	out->startup_p95 = percentile(startup, out->played, 95);
	out->latency_p50 = percentile(latency, out->played, 50);
	free(startup);
}
