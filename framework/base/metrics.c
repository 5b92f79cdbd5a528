/* metrics.c - counters as text. */
#include "framework/base/metrics.h"

#include <string.h>

static const struct {
	const char *type, *name, *label, *value, *help;
} rows[] = {
#define P2V_METRIC(id, type, name, label, value, help) { #type, name, label, value, help },
#include "framework/base/metrics.def"
#undef P2V_METRIC
};

static const double bounds[P2V_FRAGMENT_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2,
	4, 8, 16 };

void p2v_metrics_observe_fragment(struct p2v_metrics *m, double seconds)
{
	struct p2v_histogram *h = &m->fragment_seconds;
	size_t i = 0;

	while (i < P2V_FRAGMENT_BUCKETS && seconds > bounds[i])
		i++;
	h->bucket[i]++;
	h->count++;
	h->sum += seconds;
}

void p2v_metrics_prometheus(const struct p2v_metrics *m, struct p2v_text *out)
{
	static const char name[] = "peer2view_fragment_seconds";
	const struct p2v_histogram *h = &m->fragment_seconds;
	uint64_t below = 0;

	for (size_t i = 0; i < P2V_METRICS; i++) {
		if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
			p2v_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name,
				rows[i].help, rows[i].name, rows[i].type);
		p2v_text_puts(out, rows[i].name);
		if (*rows[i].label)
			p2v_text_printf(out, "{%s=\"%s\"}", rows[i].label, rows[i].value);
		p2v_text_printf(out, " %llu\n", (unsigned long long)m->v[i]);
	}
	p2v_text_printf(out,
		"# HELP %s Seconds from a player's request to the last byte\n# TYPE %s histogram\n",
		name, name);
	for (size_t i = 0; i <= P2V_FRAGMENT_BUCKETS; i++) {
		below += h->bucket[i];
		if (i < P2V_FRAGMENT_BUCKETS)
			p2v_text_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds[i],
				(unsigned long long)below);
		else
			p2v_text_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name,
				(unsigned long long)below);
	}
	p2v_text_printf(out, "%s_sum %.6f\n%s_count %llu\n", name, h->sum, name,
		(unsigned long long)h->count);
}

void p2v_metrics_json(const struct p2v_metrics *m, struct p2v_json *j)
{
	for (size_t i = 0; i < P2V_METRICS; i++) {
		const char *base = rows[i].name + strlen("peer2view_");
		char key[96];

		(void)snprintf(
			key, sizeof key, "%s%s%s", base, *rows[i].value ? "_" : "", rows[i].value);
		p2v_json_u64(j, key, m->v[i]);
	}
}
