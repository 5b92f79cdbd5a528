/* request.c - paths and delivery directives. */
#include "sdk/origin/request.h"

#include <string.h>

#include "framework/base/url.h"

/* ---- paths ---- */

static bool cut(struct p2v_str *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (!p2v_str_starts(*s, prefix))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* A number without a leading zero: one name for one thing. */
static bool cut_number(struct p2v_str *s, uint64_t *out)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || (n > 1 && s->p[0] == '0') ||
		p2v_parse_u64((struct p2v_str){ s->p, n }, 0, INT64_MAX, out) < 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static enum p2v_cmaf_what file_of(struct p2v_str name, struct p2v_cmaf_request *out)
{
	if (p2v_str_is(name, "index.m3u8"))
		return P2V_CMAF_PLAYLIST;
	if (p2v_str_is(name, "init.mp4"))
		return P2V_CMAF_INIT;
	if (cut(&name, "seg") && cut_number(&name, &out->n) && p2v_str_is(name, ".m4s"))
		return P2V_CMAF_SEGMENT;
	if (cut(&name, "part") && cut_number(&name, &out->n) && cut(&name, ".") &&
		cut_number(&name, &out->i) && p2v_str_is(name, ".m4s"))
		return P2V_CMAF_PART;
	return P2V_CMAF_NOTHING;
}

static enum p2v_cmaf_what read_path(
	const struct p2v_cmaf_stream *s, struct p2v_str path, struct p2v_cmaf_request *out)
{
	struct p2v_str folder;

	if (p2v_str_is(path, "/time"))
		return P2V_CMAF_TIME;
	if (!cut(&path, P2V_CMAF_FOLDER))
		return P2V_CMAF_NOTHING;
	if (p2v_str_is(path, "master.m3u8"))
		return P2V_CMAF_MASTER;
	if (p2v_str_is(path, "manifest.mpd"))
		return P2V_CMAF_MPD;
	if (!p2v_str_split(&path, '/', &folder) || !path.p)
		return P2V_CMAF_NOTHING;
	for (size_t i = 0; i < s->n; i++) {
		if (p2v_str_is(folder, s->r[i].name)) {
			const struct p2v_mp4_info *info = &s->r[i].info;

			out->rendition = i;
			out->sound = info->n && info->tracks[info->lead].audio;
			return file_of(path, out);
		}
	}
	return P2V_CMAF_NOTHING;
}

/* ---- delivery directives (6.2.5) ---- */

/* @return false: it makes no sense */
static bool read_directive(struct p2v_str name, struct p2v_str value, struct p2v_cmaf_request *out)
{
	if (p2v_str_is(name, "_HLS_msn")) {
		if (out->blocking || p2v_parse_u64(value, 0, INT64_MAX, &out->n) < 0)
			return false;
		out->blocking = true;
	} else if (p2v_str_is(name, "_HLS_part")) {
		if (out->part || p2v_parse_u64(value, 0, INT64_MAX, &out->i) < 0)
			return false;
		out->part = true;
	} else if (p2v_str_is(name, "_HLS_skip")) {
		if (!p2v_str_is(value, "YES") && !p2v_str_is(value, "v2"))
			return false;
		out->skip = true;
	}
	return true;
}

static bool read_query(struct p2v_str query, struct p2v_cmaf_request *out)
{
	struct p2v_str item, name;

	while (p2v_str_split(&query, '&', &item)) {
		if (item.n == 0 || !p2v_str_split(&item, '=', &name))
			continue;
		if (!read_directive(name, item, out))
			return false;
	}
	return out->blocking || !out->part;
}

enum p2v_cmaf_reload p2v_cmaf_reload(
	const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_request *rq)
{
	const struct p2v_cmaf_segment *edge = p2v_cmaf_edge(r), *g;
	uint64_t last = edge->whole ? edge->n : edge->n - 1; /* newest that is whole */
	p2v_usec part = r->stream->part_target;
	uint64_t ahead = part < P2V_SECOND ? (uint64_t)((3 * P2V_SECOND + part - 1) / part) : 3;
	uint64_t n = rq->n, i = rq->i;

	if (!rq->part) {
		if (n > last + 2)
			return P2V_CMAF_TOO_FAR;
		return n <= last ? P2V_CMAF_THERE : P2V_CMAF_NOT_YET;
	}
	g = p2v_cmaf_find(r, n);
	if (g && g->whole && i >= g->n_parts) { /* a part behind the last is the next one's first */
		g = p2v_cmaf_find(r, ++n);
		i = 0;
	}
	if (n > last + 2 || (n > last && i >= (g ? g->n_parts : 0) + ahead))
		return P2V_CMAF_TOO_FAR;
	if (n <= last || (g && i < g->n_parts))
		return P2V_CMAF_THERE;
	return P2V_CMAF_NOT_YET;
}

/* ---- the whole ---- */

/* It is repeated in an MPD: only what a host's name and port consist of. */
static void read_host(const struct p2v_http_request *in, struct p2v_cmaf_request *out)
{
	struct p2v_str host = p2v_header_get(in->headers, in->n_headers, "Host");

	if (host.n >= sizeof out->host)
		return;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c && strchr(".-:[]", c))))
			return;
	}
	if (host.n)
		memcpy(out->host, host.p, host.n);
	out->host[host.n] = 0;
}

void p2v_cmaf_request_read(const struct p2v_cmaf_stream *s, const struct p2v_http_request *in,
	struct p2v_cmaf_request *out)
{
	struct p2v_url u;

	memset(out, 0, sizeof *out);
	out->head = p2v_str_is(in->method, "HEAD");
	if (p2v_str_is(in->method, "OPTIONS")) {
		out->what = P2V_CMAF_OPTIONS;
		return;
	}
	if (!out->head && !p2v_str_is(in->method, "GET")) {
		out->what = P2V_CMAF_BAD_METHOD;
		return;
	}
	if (p2v_url_split(in->target, &u) < 0)
		return;
	out->what = read_path(s, u.path, out);
	if (out->what == P2V_CMAF_PLAYLIST && u.query.p && !read_query(u.query, out))
		out->what = P2V_CMAF_BAD_QUERY;
	if (out->what == P2V_CMAF_MPD)
		read_host(in, out);
	out->range = p2v_range_parse(p2v_header_get(in->headers, in->n_headers, "Range"));
}
