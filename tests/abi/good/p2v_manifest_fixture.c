/* p2v_manifest_fixture.c - a right plugin: reads a manifest of one fragment a line. For the tests
 * of the host. */
#include <string.h>

#include <peer2view/manifest.h>
#include <peer2view/plugin.h>

static uint32_t fixture_probe(const struct p2v_manifest_probe *in)
{
	return in->start.n >= 8 && memcmp(in->start.p, "#FIXTURE", 8) == 0 ? 100 : 0;
}

static int tell_line(const struct p2v_manifest_sink *sink, struct p2v_str text, size_t from,
	size_t to, uint64_t number)
{
	struct p2v_manifest_uri where = { .off = from, .len = to - from, .role = P2V_URI_MEDIA };
	struct p2v_manifest_segment s = { .n = number,
		.t = (p2v_usec)number * P2V_SECOND,
		.dur = P2V_SECOND,
		.uri = { text.p + from, to - from } };
	int rc = sink->uri(sink->ctx, &where);

	return rc == P2V_OK ? sink->segment(sink->ctx, &s) : rc;
}

static int fixture_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	const struct p2v_str text = in->text;
	struct p2v_manifest_head head = { .kind = P2V_MANIFEST_MEDIA, .endlist = true };
	struct p2v_manifest_track track = { .variant = { "0", 1 }, .type = { "", 0 } };
	uint64_t number = 0;
	int rc = sink->head(sink->ctx, &head);

	(void)st;
	(void)err;
	if (rc == P2V_OK)
		rc = sink->track(sink->ctx, &track);
	for (size_t i = 0, end; i < text.n && rc == P2V_OK; i = end + 1) {
		const char *nl = memchr(text.p + i, '\n', text.n - i);

		end = nl ? (size_t)(nl - text.p) : text.n;
		if (end > i && text.p[i] != '#')
			rc = tell_line(sink, text, i, end, number++);
	}
	return rc;
}

static const struct p2v_manifest_ops ops = {
	.size = sizeof ops, .probe = fixture_probe, .parse = fixture_parse
};

P2V_PLUGIN(p2v_manifest_fixture) = { P2V_HEADER(MANIFEST), .name = "fixture", .version = "1.0",
	.summary = "a fragment a line, for tests", .source = "own", .license = "BSD-2-Clause",
	.ops.manifest = &ops };
