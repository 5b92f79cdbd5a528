/* metrics_test.c - counters as text for Prometheus and as JSON. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/base/metrics.h"

TestSuite(metrics, .timeout = 60);

static size_t count(const char *hay, const char *needle)
{
	size_t n = 0;

	for (const char *p = hay; (p = strstr(p, needle)); p += strlen(needle))
		n++;
	return n;
}

Test(metrics, prometheus_text)
{
	struct p2v_metrics m;
	struct p2v_text t = { 0 };

	memset(&m, 0, sizeof m);
	p2v_count(&m, P2V_M_DOWN_P2P, 5);
	p2v_count(&m, P2V_M_DOWN_P2P, 2);
	p2v_gauge(&m, P2V_M_PEERS_PARTNER, 9);
	p2v_gauge(&m, P2V_M_PEERS_PARTNER, 3);
	p2v_metrics_prometheus(&m, &t);
	cr_assert_not_null(strstr(t.p, "\npeer2view_downloaded_bytes_total{source=\"p2p\"} 7\n"));
	cr_assert_not_null(strstr(t.p, "\npeer2view_downloaded_bytes_total{source=\"cdn\"} 0\n"));
	cr_assert_not_null(strstr(t.p, "\npeer2view_peers{state=\"partner\"} 3\n"));
	cr_assert_not_null(strstr(t.p, "# TYPE peer2view_peers gauge\n"));
	cr_assert_not_null(strstr(t.p, "\npeer2view_tracker_up 0\n"), "without a label, no braces");
	cr_assert_eq(t.p[t.n - 1], '\n');
	p2v_text_fini(&t);
}

/* Each line is "# HELP name text", "# TYPE name type" or "name[{label=\"value\"}] number"; each
 * family is introduced once, before its samples, and no sample stands twice. */
Test(metrics, prometheus_grammar)
{
	static const struct p2v_metrics m;
	struct p2v_text t = { 0 };
	struct p2v_str rest, line;
	char family[100] = "", key[200];

	p2v_metrics_prometheus(&m, &t);
	rest = (struct p2v_str){ t.p, t.n };
	while (p2v_str_split(&rest, '\n', &line) && line.n) {
		struct p2v_str words = line, name, w;

		if (p2v_str_starts(line, "# ")) {
			cr_assert(p2v_str_split(&words, ' ', &w) &&
					  p2v_str_split(&words, ' ', &w) &&
					  p2v_str_split(&words, ' ', &name) && words.n > 0,
				"%.*s", P2V_STR(line));
			if (p2v_str_is(w, "HELP")) {
				(void)snprintf(key, sizeof key, "# HELP %.*s ", P2V_STR(name));
				cr_assert_eq(count(t.p, key), 1, "%s", key);
				(void)snprintf(family, sizeof family, "%.*s", P2V_STR(name));
			}
			cr_assert(p2v_str_is(name, family));
			continue;
		}
		cr_assert(p2v_str_starts(line, family), "%.*s outside its family", P2V_STR(line));
		cr_assert(p2v_str_split(&words, ' ', &name));
		(void)snprintf(key, sizeof key, "\n%.*s ", P2V_STR(name));
		cr_assert_eq(count(t.p, key), 1, "%s stands twice", key);
	}
	p2v_text_fini(&t);
}

Test(metrics, histogram)
{
	struct p2v_metrics m;
	struct p2v_text t = { 0 };

	memset(&m, 0, sizeof m);
	p2v_metrics_observe_fragment(&m, 0.005);
	p2v_metrics_observe_fragment(&m, 0.3);
	p2v_metrics_observe_fragment(&m, 1000);
	p2v_metrics_prometheus(&m, &t);
	cr_assert_not_null(strstr(t.p, "_bucket{le=\"0.005\"} 1\n"), "a bound is in its bucket");
	cr_assert_not_null(strstr(t.p, "_bucket{le=\"0.25\"} 1\n"));
	cr_assert_not_null(strstr(t.p, "_bucket{le=\"0.5\"} 2\n"), "buckets are cumulative");
	cr_assert_not_null(strstr(t.p, "_bucket{le=\"16\"} 2\n"));
	cr_assert_not_null(strstr(t.p, "_bucket{le=\"+Inf\"} 3\n"));
	cr_assert_not_null(strstr(t.p, "_sum 1000.305000\n"));
	cr_assert_not_null(strstr(t.p, "_count 3\n"));
	p2v_text_fini(&t);
}

Test(metrics, json_names_every_one_once)
{
	struct p2v_metrics m;
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	for (size_t i = 0; i < P2V_METRICS; i++)
		m.v[i] = i;
	p2v_json_open(&j, NULL, '{');
	p2v_metrics_json(&m, &j);
	p2v_json_close(&j, '}');
	cr_assert_eq(count(t.p, "\":"), P2V_METRICS);
	cr_assert_not_null(strstr(t.p, "\"downloaded_bytes_total_p2p\":0,"));
	cr_assert_not_null(strstr(t.p, "\"tracker_up\":"));
	for (size_t i = 0; i < P2V_METRICS; i++) {
		char value[32];

		(void)snprintf(value, sizeof value, ":%zu%c", i, i + 1 < P2V_METRICS ? ',' : '}');
		cr_assert_eq(count(t.p, value), 1, "%s", value);
	}
	p2v_text_fini(&t);
}
