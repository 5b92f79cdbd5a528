/* line.h - one direction of a bottleneck: a queue in front of a wire with a rate, a delay and
 * losses. Time is an argument: what lives here needs neither a clock nor a device. */
#ifndef P2V_LAB_LINE_H
#define P2V_LAB_LINE_H

#include <peer2view/option.h>

#include "framework/base/json.h"
#include "framework/base/random.h"

/** Nanoseconds since an arbitrary epoch, monotonic; or a length of time. Microseconds would be too
 * coarse: a packet lasts 1.2 us at 10 Gbit/s. */
typedef int64_t p2v_nsec;

struct p2v_line_conf {
	uint64_t rate;        /* [bit/s] of IP packets, headers counted in; 0: without bound */
	p2v_usec delay;       /* one way */
	p2v_usec queue;       /* as much as the wire carries in that time; */
	uint64_t queue_bytes; /* [B] or so many bytes, if it is not 0 */
	double loss;          /* [1] share of the packets that the wire loses */
	uint32_t mtu;         /* [B] larger packets vanish without a word; 0: none do */
};
extern const struct p2v_option p2v_line_options[];

enum { P2V_LINE_FLOWS = 64 };

/** What one transport connection had of the wire. The first is for all that have no place of their
 * own. */
struct p2v_line_flow {
	uint8_t proto;     /* of IP: 1 ICMP, 6 TCP, 17 UDP */
	uint16_t from, to; /* ports, 0: it has none */
	uint64_t packets, bytes, dropped, lost;
};

/** Sums since the beginning, or since they were read last (p2v_line_lap). */
struct p2v_line_sums {
	uint64_t packets, bytes;     /* that came out at the far end */
	uint64_t dropped, lost;      /* [packets] for which the queue had no room; by the wire */
	uint64_t oversize;           /* [packets] larger than the mtu */
	uint64_t queued;             /* [packets] that went through the queue */
	p2v_nsec wait_sum, wait_max; /* in the queue */
};

struct p2v_line_packet {
	struct p2v_line_packet *next;
	p2v_nsec due; /* when it comes out at the far end */
	uint32_t flow;
	uint32_t n; /* [B] */
	uint8_t p[];
};

struct p2v_line {
	struct p2v_line_conf conf;
	struct p2v_random random;
	p2v_nsec free_at; /* the wire has sent all that it was given */
	struct p2v_line_packet *head, **tail;
	struct p2v_line_sums all, lap;
	struct p2v_line_flow flows[P2V_LINE_FLOWS];
	uint32_t flow_n, flow_last;
};

/** @param conf  [in] copied
 * @param seed  of the losses
 * @param name  [in] which direction: two lines with one seed lose different packets */
void p2v_line_init(
	struct p2v_line *line, const struct p2v_line_conf *conf, uint64_t seed, const char *name);
void p2v_line_fini(struct p2v_line *line);

/** @return [ns] how long the longest queue takes to be sent, INT64_MAX: it has no bound */
p2v_nsec p2v_line_queue_limit(const struct p2v_line *line);

/** A packet arrives. Drop-tail: it is dropped when the bytes that wait, what is left of the one on
 * the wire counted in, and its own are more than the queue holds.
 * @param now  not before that of earlier calls
 * @param p    [in] shape (n,): an IP packet; copied
 * @return P2V_OK, also when it was dropped; P2V_ENOMEM */
P2V_MUST_USE int p2v_line_put(struct p2v_line *line, p2v_nsec now, const uint8_t *p, size_t n);

/** @return when the next packet comes out, INT64_MAX: none is under way */
p2v_nsec p2v_line_due(const struct p2v_line *line);

/** @return the packet that has come out by now, which the caller frees with free(); NULL: none */
struct p2v_line_packet *p2v_line_get(struct p2v_line *line, p2v_nsec now);

/** The settings and the sums, as members of the object that is open in j. */
void p2v_line_json(const struct p2v_line *line, struct p2v_json *j);
/** What came since the last call, and each flow's sums since the beginning, likewise. */
void p2v_line_lap(struct p2v_line *line, struct p2v_json *j);

#endif
