/* line.c - one direction of a bottleneck. When a packet leaves is known when it comes: the wire is
 * free at one known instant, so that there is nothing to do in between, and no timer to be late. */
#include <config.h>

#include "sdk/lab/line.h"

#include <stdlib.h>
#include <string.h>

#define RATE_MAX 100e9
#define HOUR     (3600 * (double)P2V_SECOND)

const struct p2v_option p2v_line_options[] = {
	P2V_OPT_U64(struct p2v_line_conf, rate, "20M", 0, RATE_MAX, "bit/s",
		"what the wire carries, IP headers counted in; 0 is without bound"),
	P2V_OPT_USEC(struct p2v_line_conf, delay, "20ms", 0, HOUR, "ms",
		"how long a packet is under way beside waiting and sending"),
	P2V_OPT_USEC(struct p2v_line_conf, queue, "100ms", 0, HOUR, "ms",
		"room before the wire: as much as it carries in that time; what comes then is "
		"dropped"),
	P2V_OPT_U64(struct p2v_line_conf, queue_bytes, "0", 0, 1e12, "B",
		"the same in bytes; 0: what queue says"),
	P2V_OPT_REAL(struct p2v_line_conf, loss, "0", 0, 1, "1",
		"the share of packets that the wire loses, each by itself"),
	P2V_OPT_U32(struct p2v_line_conf, mtu, "0", 0, 65535, "B",
		"larger packets vanish and nobody is told, as in a black hole; 0: none do"),
	P2V_OPT_END
};

#define NS_PER_US INT64_C(1000)

/* ---- who a packet belongs to ---- */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Fragments after the first have no ports, and count as a flow without. */
static struct p2v_line_flow identify(const uint8_t *p, size_t n)
{
	struct p2v_line_flow f = { 0 };
	size_t head = 0;
	bool first = true;

	if (n >= 20 && p[0] >> 4 == 4) {
		f.proto = p[9];
		head = (size_t)(p[0] & 15) * 4;
		first = (be16(p + 6) & 0x1fff) == 0;
	} else if (n >= 40 && p[0] >> 4 == 6) {
		f.proto = p[6];
		head = 40;
	}
	if (first && (f.proto == 6 || f.proto == 17) && head >= 20 && n >= head + 4) {
		f.from = be16(p + head);
		f.to = be16(p + head + 2);
	}
	return f;
}

static bool same(const struct p2v_line_flow *a, const struct p2v_line_flow *b)
{
	return a->proto == b->proto && a->from == b->from && a->to == b->to;
}

/* Packets come in trains, so that the last one's flow is a good guess. */
static uint32_t flow_of(struct p2v_line *line, const uint8_t *p, size_t n)
{
	struct p2v_line_flow f = identify(p, n);
	uint32_t i;

	if (line->flow_last && same(&line->flows[line->flow_last], &f))
		return line->flow_last;
	for (i = 1; i < line->flow_n; i++)
		if (same(&line->flows[i], &f))
			break;
	if (i == P2V_LINE_FLOWS)
		return 0;
	if (i == line->flow_n)
		line->flows[line->flow_n++] = f;
	line->flow_last = i;
	return i;
}

/* ---- the queue and the wire ---- */

void p2v_line_init(
	struct p2v_line *line, const struct p2v_line_conf *conf, uint64_t seed, const char *name)
{
	memset(line, 0, sizeof *line);
	line->conf = *conf;
	line->tail = &line->head;
	line->flow_n = 1;
	line->free_at = INT64_MIN;
	p2v_random_init(&line->random, seed, name);
}

void p2v_line_fini(struct p2v_line *line)
{
	while (line->head) {
		struct p2v_line_packet *packet = line->head;

		line->head = packet->next;
		free(packet);
	}
	line->tail = &line->head;
}

/* [ns] how long the wire sends n bytes, to the nearest */
static p2v_nsec sending(const struct p2v_line *line, uint64_t n)
{
	return line->conf.rate ? (p2v_nsec)((double)n * 8e9 / (double)line->conf.rate + 0.5) : 0;
}

p2v_nsec p2v_line_queue_limit(const struct p2v_line *line)
{
	if (line->conf.rate == 0)
		return INT64_MAX;
	return line->conf.queue_bytes ? sending(line, line->conf.queue_bytes)
				      : line->conf.queue * NS_PER_US;
}

static void count_wait(struct p2v_line_sums *s, p2v_nsec wait)
{
	s->queued++;
	s->wait_sum += wait;
	if (wait > s->wait_max)
		s->wait_max = wait;
}

static int keep(struct p2v_line *line, p2v_nsec due, uint32_t flow, const uint8_t *p, size_t n)
{
	struct p2v_line_packet *packet = malloc(sizeof *packet + n);

	if (!packet)
		return P2V_ENOMEM;
	packet->next = NULL;
	packet->due = due;
	packet->flow = flow;
	packet->n = (uint32_t)n;
	memcpy(packet->p, p, n);
	*line->tail = packet;
	line->tail = &packet->next;
	return P2V_OK;
}

int p2v_line_put(struct p2v_line *line, p2v_nsec now, const uint8_t *p, size_t n)
{
	uint32_t flow = flow_of(line, p, n);
	p2v_nsec wait = line->free_at > now ? line->free_at - now : 0;
	p2v_nsec takes = sending(line, n), limit = p2v_line_queue_limit(line);

	if (line->conf.mtu && n > line->conf.mtu) {
		line->all.oversize++;
		line->lap.oversize++;
		return P2V_OK;
	}
	/* A queue that has no room for one packet would let none through: the wire takes the first.
	 */
	if (wait > 0 && wait > limit - takes) {
		line->all.dropped++;
		line->lap.dropped++;
		line->flows[flow].dropped++;
		return P2V_OK;
	}
	count_wait(&line->all, wait);
	count_wait(&line->lap, wait);
	line->free_at = now + wait + takes;
	if (line->conf.loss > 0 && p2v_random_unit(&line->random) < line->conf.loss) {
		line->all.lost++;
		line->lap.lost++;
		line->flows[flow].lost++;
		return P2V_OK;
	}
	return keep(line, line->free_at + line->conf.delay * NS_PER_US, flow, p, n);
}

p2v_nsec p2v_line_due(const struct p2v_line *line)
{
	return line->head ? line->head->due : INT64_MAX;
}

struct p2v_line_packet *p2v_line_get(struct p2v_line *line, p2v_nsec now)
{
	struct p2v_line_packet *packet = line->head;

	if (!packet || packet->due > now)
		return NULL;
	line->head = packet->next;
	if (!line->head)
		line->tail = &line->head;
	line->all.packets++;
	line->lap.packets++;
	line->all.bytes += packet->n;
	line->lap.bytes += packet->n;
	line->flows[packet->flow].packets++;
	line->flows[packet->flow].bytes += packet->n;
	return packet;
}

/* ---- what came of it ---- */

static void sums_json(const struct p2v_line_sums *s, struct p2v_json *j)
{
	double mean = s->queued ? (double)s->wait_sum / (double)s->queued : 0;

	p2v_json_u64(j, "packets", s->packets);
	p2v_json_u64(j, "bytes", s->bytes);
	p2v_json_u64(j, "dropped", s->dropped);
	p2v_json_u64(j, "lost", s->lost);
	p2v_json_u64(j, "oversize", s->oversize);
	p2v_json_real(j, "wait_mean_ms", mean / 1e6, 3);
	p2v_json_real(j, "wait_max_ms", (double)s->wait_max / 1e6, 3);
}

static void flow_json(const struct p2v_line_flow *f, struct p2v_json *j)
{
	p2v_json_open(j, NULL, '{');
	p2v_json_u64(j, "proto", f->proto);
	p2v_json_u64(j, "from", f->from);
	p2v_json_u64(j, "to", f->to);
	p2v_json_u64(j, "packets", f->packets);
	p2v_json_u64(j, "bytes", f->bytes);
	p2v_json_u64(j, "dropped", f->dropped);
	p2v_json_u64(j, "lost", f->lost);
	p2v_json_close(j, '}');
}

static void flows_json(const struct p2v_line *line, struct p2v_json *j)
{
	p2v_json_open(j, "flows", '[');
	for (uint32_t i = 0; i < line->flow_n; i++)
		if (i > 0 || line->flows[0].packets || line->flows[0].dropped)
			flow_json(&line->flows[i], j);
	p2v_json_close(j, ']');
}

void p2v_line_json(const struct p2v_line *line, struct p2v_json *j)
{
	const struct p2v_line_conf *c = &line->conf;

	p2v_json_u64(j, "rate_bps", c->rate);
	p2v_json_real(j, "delay_ms", (double)c->delay / 1e3, 3);
	if (c->rate)
		p2v_json_real(j, "queue_ms", (double)p2v_line_queue_limit(line) / 1e6, 3);
	p2v_json_real(j, "loss", c->loss, 6);
	p2v_json_u64(j, "mtu", c->mtu);
	sums_json(&line->all, j);
	flows_json(line, j);
}

void p2v_line_lap(struct p2v_line *line, struct p2v_json *j)
{
	sums_json(&line->lap, j);
	flows_json(line, j);
	memset(&line->lap, 0, sizeof line->lap);
}
