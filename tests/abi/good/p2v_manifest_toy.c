/* p2v_manifest_toy.c - a protocol that nobody has: "toy 1 live 1000" (or "ended"; how long
 * fragments are, in milliseconds), and then a line a fragment, "17 some/url". That an agent plays
 * it with this file alone is what tests/e2e/toy.sh shows. */
#include <string.h>

#include <peer2view/manifest.h>
#include <peer2view/plugin.h>

enum { FIELDS = 4 };

/* Cut the next word off; absent: there is none. */
static struct p2v_str word(struct p2v_str *line)
{
	struct p2v_str w;

	while (line->n && *line->p == ' ') {
		line->p++;
		line->n--;
	}
	w = (struct p2v_str){ line->p, 0 };
	while (line->n && *line->p != ' ') {
		line->p++;
		line->n--;
		w.n++;
	}
	return w;
}

static bool number(struct p2v_str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i == 15)
			return false;
		*out = *out * 10 + (uint64_t)(s.p[i] - '0');
	}
	return s.n > 0;
}

static bool is(struct p2v_str s, const char *what)
{
	return s.n == strlen(what) && memcmp(s.p, what, s.n) == 0;
}

static bool next_line(struct p2v_str *text, struct p2v_str *line)
{
	const char *nl = text->n ? memchr(text->p, '\n', text->n) : NULL;
	size_t n = nl ? (size_t)(nl - text->p) : text->n;

	if (text->n == 0)
		return false;
	*line = (struct p2v_str){ text->p, n };
	text->p += n + (nl != NULL);
	text->n -= n + (nl != NULL);
	return true;
}

static int tell_head(struct p2v_str line, const struct p2v_manifest_sink *sink, uint64_t *ms,
	struct p2v_err *err)
{
	const struct p2v_manifest_track track = { .variant = { "0", 1 }, .type = { "video", 5 } };
	struct p2v_str f[FIELDS];
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_MEDIA };
	int rc;

	for (size_t i = 0; i < FIELDS; i++)
		f[i] = word(&line);
	h.live = is(f[2], "live");
	h.endlist = !h.live;
	if (!is(f[0], "toy") || !is(f[1], "1") || !number(f[3], ms) || *ms == 0 || *ms > 60000)
		return p2v_fail(err, P2V_EPARSE, "line 1: this is not \"toy 1 live 1000\"");
	h.target = (p2v_usec)*ms * P2V_MSEC;
	rc = sink->head(sink->ctx, &h);
	return rc == P2V_OK ? sink->track(sink->ctx, &track) : rc;
}

static int tell_fragment(struct p2v_str text, struct p2v_str line, uint64_t ms, uint32_t at,
	const struct p2v_manifest_sink *sink)
{
	struct p2v_manifest_segment s = { .dur = (p2v_usec)ms * P2V_MSEC };
	struct p2v_manifest_uri u = { .role = P2V_URI_MEDIA };
	int rc;

	if (!number(word(&line), &s.n) || (s.uri = word(&line)).n == 0)
		return sink->warn(sink->ctx, at, "this is no fragment");
	s.t = (p2v_usec)s.n * s.dur;
	u.off = (size_t)(s.uri.p - text.p);
	u.len = s.uri.n;
	rc = sink->uri(sink->ctx, &u);
	return rc == P2V_OK ? sink->segment(sink->ctx, &s) : rc;
}

static int toy_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct p2v_str rest = in->text, line = { "", 0 };
	uint64_t ms = 0;
	int rc;

	(void)st;
	(void)next_line(&rest, &line);
	rc = tell_head(line, sink, &ms, err);
	for (uint32_t at = 2; rc == P2V_OK && next_line(&rest, &line); at++)
		rc = tell_fragment(in->text, line, ms, at, sink);
	return rc;
}

static uint32_t toy_probe(const struct p2v_manifest_probe *in)
{
	if (in->start.n == 0) /* before it is fetched */
		return in->path.n > 4 && memcmp(in->path.p + in->path.n - 4, ".toy", 4) == 0 ? 70
											     : 0;
	return in->start.n > 4 && memcmp(in->start.p, "toy ", 4) == 0 ? 100 : 0;
}

static const struct p2v_manifest_ops ops = {
	.size = sizeof ops, .probe = toy_probe, .parse = toy_parse
};

P2V_PLUGIN(p2v_manifest_toy) = { P2V_HEADER(MANIFEST), .name = "toy", .version = "1.0",
	.summary = "a protocol that nobody has, for tests", .source = "own",
	.license = "BSD-2-Clause", .ops.manifest = &ops };
