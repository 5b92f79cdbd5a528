/* gateway_status_test.c - the status pages: alive, ready, version, counters for Prometheus and as
 * JSON; and who is a player. */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_status, .timeout = 120, .init = rig_init, .fini = rig_fini);

static const char list[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n"
			   "#EXT-X-ENDLIST\n";

static void open_plain(struct booth *b)
{
	struct booth_conf conf = booth_conf();

	booth_open(b, &conf);
	site_put(&b->cdn, &(struct page){ .target = "/live/m.m3u8",
				  .text = list,
				  .type = "application/vnd.apple.mpegurl" });
	site_put(&b->cdn, &(struct page){ .target = "/live/a.ts", .size = 100000 });
}

static void play(struct booth *b)
{
	struct visit v = { 0 };

	cr_assert_eq(visit_get(b, &v, "/live/m.m3u8"), 200);
	cr_assert_eq(visit_get(b, &v, "/live/a.ts"), 200);
	cr_assert_eq(visit_get(b, &v, "/live/a.ts"), 200);
	cr_assert_eq(visit_get(b, &v, "/live/none.bin"), 404);
	visit_fini(&v);
}

Test(gateway_status, each_page_is_there_and_is_not_to_be_kept)
{
	static const struct {
		const char *path, *type, *body;
	} pages[] = { { "/healthz", "text/plain; charset=utf-8", "ok\n" },
		{ "/readyz", "text/plain; charset=utf-8", "ready\n" },
		{ "/version", "application/json",
			"{\"name\":\"peer2view\",\"version\":\"1.2.3\",\"role\":\"agent\"}\n" },
		{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", NULL },
		{ "/stats.json", "application/json", NULL } };
	struct booth b;

	open_plain(&b);
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		struct visit v = { 0 };
		uint64_t length;

		cr_assert_eq(visit_get(&b, &v, pages[i].path), 200);
		cr_assert_str_eq(visit_field(&v, "content-type"), pages[i].type);
		cr_assert_str_eq(visit_field(&v, "cache-control"), "no-store");
		/* Pages of other sites do not learn what is watched here, only whether there is
		 * somebody. */
		cr_assert_eq(visit_fields(&v, "access-control-allow-origin"),
			strcmp(pages[i].path, "/readyz") == 0);
		if (pages[i].body)
			cr_assert_str_eq(v.body, pages[i].body);
		length = v.length;
		v.head = true;
		cr_assert_eq(visit_get(&b, &v, pages[i].path), 200);
		cr_assert_eq(v.n, 0);
		if (pages[i].body)
			cr_assert_eq(v.length, length);
		visit_fini(&v);
	}
	cr_assert_eq(b.cdn.strangers, 0);
	booth_close(&b);
}

/* ---- Prometheus ---- */

static size_t word(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == ':')
		n++;
	return n;
}

/* One line of the text exposition format 0.0.4.
 * @param family  [inout] shape (128): the name that the last TYPE told */
static void check_line(char *line, char *family)
{
	char *p = line, *end;
	size_t n;

	if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0) {
		bool is_type = line[2] == 'T';

		p = line + 7;
		n = word(p);
		cr_assert_gt(n, 0, "%s", line);
		cr_assert_eq(p[n], ' ', "%s", line);
		cr_assert_neq(p[n + 1], 0, "says nothing: %s", line);
		if (!is_type) {
			cr_assert(n != strlen(family) || strncmp(p, family, n) != 0,
				"a second time: %s", line);
			(void)snprintf(family, 128, "%.*s", (int)n, p);
			return;
		}
		cr_assert(n == strlen(family) && strncmp(p, family, n) == 0, "%s", line);
		p += n + 1;
		cr_assert(strcmp(p, "counter") == 0 || strcmp(p, "gauge") == 0 ||
				  strcmp(p, "histogram") == 0,
			"%s", line);
		return;
	}
	n = word(p);
	cr_assert(n >= strlen(family) && strncmp(p, family, strlen(family)) == 0,
		"of another family: %s", line);
	p += n;
	if (*p == '{') {
		n = word(++p);
		cr_assert(n > 0 && p[n] == '=' && p[n + 1] == '"', "%s", line);
		p = strchr(p + n + 2, '"');
		cr_assert_not_null(p, "%s", line);
		cr_assert_eq(p[1], '}', "%s", line);
		p += 2;
	}
	cr_assert_eq(*p, ' ', "%s", line);
	(void)strtod(p + 1, &end);
	cr_assert(end != p + 1 && *end == 0, "%s", line);
}

Test(gateway_status, every_line_of_metrics_is_one)
{
	char family[128] = "", *rest, *line;
	struct visit v = { 0 };
	struct booth b;
	unsigned lines = 0;

	open_plain(&b);
	play(&b);
	cr_assert_eq(visit_get(&b, &v, "/metrics"), 200);
	cr_assert_eq(v.body[v.n - 1], '\n');
	cr_assert_not_null(
		strstr(v.body, "\npeer2view_served_bytes_total{source=\"cdn\"} 200000\n"));
	cr_assert_not_null(
		strstr(v.body, "\npeer2view_downloaded_bytes_total{source=\"cdn\"} 100000\n"));
	cr_assert_not_null(strstr(v.body, "\npeer2view_requests_total{kind=\"fragment\"} 2\n"));
	cr_assert_not_null(strstr(v.body, "\npeer2view_fragments_total{source=\"cache\"} 1\n"));
	cr_assert_not_null(strstr(v.body, "\npeer2view_fragment_seconds_count 2\n"));
	cr_assert_not_null(strstr(v.body, "\npeer2view_fragment_seconds_bucket{le=\"+Inf\"} 2\n"));
	/* Never a URL or an address. */
	cr_assert_null(strstr(v.body, "http"));
	cr_assert_null(strstr(v.body, "a.ts"));
	cr_assert_null(strstr(v.body, "10.1."));
	for (rest = v.body; (line = strtok(rest, "\n")); rest = NULL, lines++)
		check_line(line, family);
	cr_assert_gt(lines, 60);
	visit_fini(&v);
	booth_close(&b);
}

/* ---- JSON ---- */

/* The end of one value, checked as far as brackets and strings go. */
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		p += *p == '\\' && p[1];
	return *p ? p + 1 : p;
}

Test(gateway_status, stats_tell_what_is_played)
{
	struct visit v = { 0 };
	const char *p;
	char stack[32];
	struct booth b;
	size_t depth = 0;

	open_plain(&b);
	play(&b);
	cr_assert_eq(visit_get(&b, &v, "/stats.json"), 200);
	for (p = v.body; *p;) {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[') {
			cr_assert_lt(depth, sizeof stack);
			stack[depth++] = *p;
		} else if (*p == '}' || *p == ']') {
			cr_assert_gt(depth, 0);
			cr_assert_eq(stack[--depth], *p == '}' ? '{' : '[');
		}
		p++;
	}
	cr_assert_eq(depth, 0);
	cr_assert_not_null(strstr(v.body, "\"role\":\"agent\""));
	cr_assert_not_null(strstr(v.body, "\"version\":\"1.2.3\""));
	cr_assert_not_null(strstr(v.body, "\"listen\":\"127.0.0.1:8780\""));
	cr_assert_not_null(strstr(v.body, "\"mount\":\"/live\""));
	cr_assert_not_null(strstr(v.body, "\"served_bytes_total_cdn\":200000"));
	cr_assert_not_null(strstr(v.body, "\"plugin\":\"generic\",\"playing\":true"));
	cr_assert_not_null(strstr(v.body, "\"followed\":true"));
	visit_fini(&v);
	booth_close(&b);
}

/* Players are told apart by their names; there may be more of them than an agent remembers. */
Test(gateway_status, more_players_than_it_remembers)
{
	struct booth b;
	struct visit v = { 0 };
	unsigned seen = 0;

	open_plain(&b);
	cr_assert_eq(visit_get(&b, &v, "/live/m.m3u8"), 200);
	for (unsigned i = 0; i < 50; i++) {
		char agent[32];

		(void)snprintf(agent, sizeof agent, "User-Agent: p%u", i);
		v.headers[0] = agent;
		cr_assert_eq(visit_get(&b, &v, "/live/a.ts"), 200);
	}
	v.headers[0] = NULL;
	cr_assert_eq(visit_get(&b, &v, "/stats.json"), 200);
	for (const char *p = v.body; (p = strstr(p, "\"plugin\":")); p++)
		seen++;
	cr_assert_eq(seen, 16);
	/* They are forgotten when they are gone. */
	booth_run(&b, 60 * P2V_SECOND);
	cr_assert_eq(visit_get(&b, &v, "/stats.json"), 200);
	cr_assert_null(strstr(v.body, "\"plugin\":"));
	visit_fini(&v);
	booth_close(&b);
}
