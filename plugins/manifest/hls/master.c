/* master.c - a master playlist: variants, renditions, and the other places that lead elsewhere. */
#include "plugins/manifest/hls/hls.h"

struct master {
	struct hls *h;
	uint32_t count; /* variants told so far, I-frame ones among them: the next one's id */
	bool open;      /* #EXT-X-STREAM-INF waits for its URI */
	struct p2v_manifest_variant v;
};

/* "1280x720" */
static void read_size(struct hls *h, struct p2v_str s, struct p2v_manifest_variant *v)
{
	struct p2v_str rest = s;
	uint64_t w = 0, height = 0;
	bool good = hls_take_u64(&rest, &w) && rest.n && (rest.p[0] | 32) == 'x';

	if (good) {
		rest.p++;
		rest.n--;
		good = hls_take_u64(&rest, &height) && w <= UINT32_MAX && height <= UINT32_MAX;
	}
	if (!good) {
		hls_warn(h, "RESOLUTION '%.*s' is no size of a picture", HLS_CUT(s));
		return;
	}
	v->w = (uint32_t)w;
	v->h = (uint32_t)height;
}

static void read_variant(
	struct hls *h, struct p2v_str list, struct p2v_manifest_variant *v, struct hls_uri *uri)
{
	struct p2v_str bw, avg, size;
	const struct hls_want want[] = { { "BANDWIDTH", false, &bw, NULL },
		{ "AVERAGE-BANDWIDTH", false, &avg, NULL }, { "RESOLUTION", false, &size, NULL },
		{ "CODECS", true, &v->codecs, NULL }, { "AUDIO", true, &v->audio, NULL },
		{ "VIDEO", true, &v->video, NULL }, { "SUBTITLES", true, &v->subtitles, NULL },
		{ "URI", true, NULL, uri } };

	*v = (struct p2v_manifest_variant){ .bw = 0 };
	hls_read_attrs(h, list, want, sizeof want / sizeof want[0]);
	if (bw.p)
		(void)hls_number(h, "BANDWIDTH", bw, INT64_MAX, &v->bw);
	else
		hls_warn(h, "a variant without BANDWIDTH");
	if (avg.p)
		(void)hls_number(h, "AVERAGE-BANDWIDTH", avg, INT64_MAX, &v->avg_bw);
	if (size.p)
		read_size(h, size, v);
}

static void tell_variant(struct master *m)
{
	char id[12];
	int n = snprintf(id, sizeof id, "%u", (unsigned)m->count++);

	m->v.id = (struct p2v_str){ id, (size_t)n };
	if (m->h->rc == P2V_OK)
		m->h->rc = m->h->sink->variant(m->h->sink->ctx, &m->v);
}

static void drop_open(struct master *m)
{
	if (m->open)
		hls_warn(m->h, "#EXT-X-STREAM-INF before this line has no URI: it is dropped");
	m->open = false;
}

static void on_stream(struct master *m, struct p2v_str value)
{
	struct hls_uri uri;

	drop_open(m);
	/* Its URI comes in a later line. */
	m->h->st->variant.n = 0;
	m->h->room = &m->h->st->variant;
	read_variant(m->h, value, &m->v, &uri);
	m->h->room = &m->h->st->line;
	m->open = true;
}

static void on_iframes(struct master *m, struct p2v_str value)
{
	struct p2v_manifest_variant open = m->v;
	struct hls_uri uri;

	read_variant(m->h, value, &m->v, &uri);
	if (uri.value.n) {
		m->v.uri = uri.value;
		m->v.iframes = true;
		hls_tell_uri(m->h, &uri, P2V_URI_MANIFEST);
		tell_variant(m);
	} else {
		hls_warn(m->h, "#EXT-X-I-FRAME-STREAM-INF has no URI: it is dropped");
	}
	m->v = open;
}

static void on_rendition(struct master *m, struct p2v_str value)
{
	struct p2v_manifest_rendition r = { .dflt = false };
	struct p2v_str dflt;
	struct hls_uri uri;
	const struct hls_want want[] = { { "TYPE", false, &r.type, NULL },
		{ "GROUP-ID", true, &r.group, NULL }, { "NAME", true, &r.name, NULL },
		{ "LANGUAGE", true, &r.lang, NULL }, { "DEFAULT", false, &dflt, NULL },
		{ "URI", true, NULL, &uri } };

	hls_read_attrs(m->h, value, want, sizeof want / sizeof want[0]);
	r.dflt = hls_is(dflt, "YES");
	if (r.type.n == 0) {
		hls_warn(m->h, "#EXT-X-MEDIA has no TYPE: it is dropped");
		return;
	}
	if (r.group.n == 0 || r.name.n == 0)
		hls_warn(m->h, "#EXT-X-MEDIA has no %s", r.group.n ? "NAME" : "GROUP-ID");
	if (uri.value.n)
		r.uri = uri.value;
	hls_tell_uri(m->h, &uri, P2V_URI_MANIFEST);
	if (m->h->rc == P2V_OK)
		m->h->rc = m->h->sink->rendition(m->h->sink->ctx, &r);
}

static void tell_attr(struct master *m, struct p2v_str value, enum p2v_uri_role role)
{
	struct hls_uri uri;
	const struct hls_want want[] = { { "URI", true, NULL, &uri } };

	hls_read_attrs(m->h, value, want, 1);
	hls_tell_uri(m->h, &uri, role);
}

static void on_session_key(struct master *m, struct p2v_str value)
{
	tell_attr(m, value, P2V_URI_KEY);
}

static void on_session_data(struct master *m, struct p2v_str value)
{
	tell_attr(m, value, P2V_URI_OTHER);
}

static void on_images(struct master *m, struct p2v_str value)
{
	tell_attr(m, value, P2V_URI_MANIFEST);
}

static void on_define(struct master *m, struct p2v_str value)
{
	hls_define(m->h, value);
}

/* #EXT-X-CONTENT-STEERING is not here: what its SERVER-URI answers is for one viewer and one
 * moment, so it is never kept or shared, and there is nothing to gain by its way through the agent.
 * Nor is it rewritten: a steering manifest names other hosts for the player to go to (8216bis 7.2),
 * whose names an answer to the agent would not fit. */
static const struct {
	const char *name;
	void (*fn)(struct master *m, struct p2v_str value);
} tags[] = { { "EXT-X-STREAM-INF", on_stream }, { "EXT-X-MEDIA", on_rendition },
	{ "EXT-X-I-FRAME-STREAM-INF", on_iframes }, { "EXT-X-SESSION-KEY", on_session_key },
	{ "EXT-X-SESSION-DATA", on_session_data }, { "EXT-X-IMAGE-STREAM-INF", on_images },
	{ "EXT-X-DEFINE", on_define } };

static void on_uri(struct master *m, struct p2v_str uri)
{
	if (!m->open) {
		hls_warn(m->h, "'%.*s' belongs to no #EXT-X-STREAM-INF: it is dropped",
			HLS_CUT(uri));
		return;
	}
	m->open = false;
	m->v.uri = hls_line_uri(m->h, uri, P2V_URI_MANIFEST);
	tell_variant(m);
}

void hls_master(struct hls *h)
{
	struct master m = { .h = h };
	struct p2v_str line, name, value;

	hls_vars_clear(h);
	while (hls_next(h, &line)) {
		if (!hls_tag(line, &name, &value)) {
			if (line.n && line.p[0] != '#')
				on_uri(&m, line);
			continue;
		}
		for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
			if (hls_is(name, tags[i].name)) {
				tags[i].fn(&m, value);
				break;
			}
		}
	}
	drop_open(&m);
}
