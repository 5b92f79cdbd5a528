/* metrics.h - a node's counters and gauges, declared once in metrics.def: the table gives the text
 * for Prometheus, the JSON and the documentation. Labels are fixed words; never a URL or an
 * address. */
#ifndef P2V_BASE_METRICS_H
#define P2V_BASE_METRICS_H

#include "framework/base/json.h"
#include "framework/base/text.h"

enum p2v_metric {
#define P2V_METRIC(id, type, name, label, value, help) P2V_M_##id,
#include "framework/base/metrics.def"
#undef P2V_METRIC
	P2V_METRICS
};

#define P2V_FRAGMENT_BUCKETS 12u

/** Seconds from a player's request to the last byte handed over. */
struct p2v_histogram {
	uint64_t bucket[P2V_FRAGMENT_BUCKETS + 1]; /* not cumulative; the last is +Inf */
	uint64_t count;
	double sum;
};

struct p2v_metrics {
	uint64_t v[P2V_METRICS];
	struct p2v_histogram fragment_seconds;
};

static inline void p2v_count(struct p2v_metrics *m, enum p2v_metric id, uint64_t n)
{
	m->v[id] += n;
}

static inline void p2v_gauge(struct p2v_metrics *m, enum p2v_metric id, uint64_t n)
{
	m->v[id] = n;
}

void p2v_metrics_observe_fragment(struct p2v_metrics *m, double seconds);
/** Prometheus text exposition format 0.0.4. */
void p2v_metrics_prometheus(const struct p2v_metrics *m, struct p2v_text *out);
/** One member for each metric, keyed by its name and label value, into the object that is open. */
void p2v_metrics_json(const struct p2v_metrics *m, struct p2v_json *j);

#endif
