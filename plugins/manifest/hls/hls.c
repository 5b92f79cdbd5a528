/* hls.c - manifest/hls: HTTP Live Streaming playlists (RFC 8216, and of its second edition,
 * draft-pantos-hls-rfc8216bis, what manifest.h has room for). Here: the plugin's record, how it
 * knows its playlists, the course of a parse, and what the other files share. lex.c has the words,
 * define.c the variables, survey.c the whole, media.c and master.c the two kinds.
 *
 * Where the RFC says "fail" and players go on, it goes on as they do (hls.js 1.7 and ffmpeg 5.1
 * were read for this) and tells what it dropped or repaired. A text is read two times, three when
 * the first date comes late; nothing is allocated, and every step takes time linear in the text. */
#include "plugins/manifest/hls/hls.h"

#include <string.h>

#include <peer2view/plugin.h>

/* ---- what the files of the plugin share ---- */

static P2V_PRINTF(2, 0) void tell(struct hls *h, const char *fmt, va_list ap)
{
	char text[200];

	if (h->rc != P2V_OK)
		return;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	h->rc = h->sink->warn(h->sink->ctx, h->lines.n, "%s", text);
}

void hls_warn(struct hls *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(h, fmt, ap);
	va_end(ap);
}

void hls_fail(struct hls *h, int code, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (h->rc != P2V_OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	h->rc = p2v_fail(h->err, code, "line %u: %s", (unsigned)h->lines.n, text);
}

void hls_warn_once(struct hls *h, unsigned fault, const char *fmt, ...)
{
	va_list ap;

	if (h->told & fault)
		return;
	h->told |= fault;
	va_start(ap, fmt);
	tell(h, fmt, ap);
	va_end(ap);
}

static void style(struct hls *h, const struct hls_attr *a, const struct hls_want *w)
{
	bool quoted = (a->flags & HLS_ATTR_QUOTED) != 0;

	if (a->flags & HLS_ATTR_BLANKS)
		hls_warn_once(h, HLS_TOLD_BLANKS, "blanks stand around %s", w->name);
	if (a->flags & HLS_ATTR_REQUOTED || quoted != w->quoted)
		hls_warn_once(h, HLS_TOLD_QUOTES, "%s has %s quotes", w->name,
			quoted ? "too many" : "no");
}

/* One attribute that is wanted.
 * @param unclosed  quotes were opened before it in the same list and not closed */
static void take(struct hls *h, const struct hls_attr *a, const struct hls_want *w, bool unclosed)
{
	if (a->flags & HLS_ATTR_OPEN) { /* players read what follows in different ways */
		hls_warn(h, "the quotes of %s are not closed: it is dropped", w->name);
		return;
	}
	if (w->uri ? w->uri->raw.p : w->value->p)
		hls_warn(h, "%s stands twice: the last one counts", w->name);
	style(h, a, w);
	/* Quotes that are put in behind an open one would close that. */
	if (w->uri)
		*w->uri = (struct hls_uri){ a->value, hls_expand(h, a->value),
			a->flags & HLS_ATTR_QUOTED || unclosed };
	else
		*w->value = hls_expand(h, a->value);
}

void hls_read_attrs(struct hls *h, struct p2v_str list, const struct hls_want *w, size_t n)
{
	struct hls_attrs it = { list, false };
	struct hls_attr a;

	for (size_t i = 0; i < n; i++) {
		if (w[i].uri)
			*w[i].uri = (struct hls_uri){ .quoted = true };
		else
			*w[i].value = (struct p2v_str){ NULL, 0 };
	}
	while (hls_attr_next(&it, &a)) {
		for (size_t i = 0; i < n; i++) {
			if (hls_is(a.name, w[i].name)) {
				take(h, &a, &w[i], it.unclosed);
				break;
			}
		}
	}
}

void hls_tell_uri(struct hls *h, const struct hls_uri *uri, enum p2v_uri_role role)
{
	struct p2v_manifest_uri u = { .len = uri->raw.n,
		.role = role,
		.escape = uri->quoted ? P2V_ESCAPE_NONE : P2V_ESCAPE_BARE };

	if (uri->raw.n == 0 || h->rc != P2V_OK)
		return;
	u.off = (size_t)(uri->raw.p - h->text.p);
	if (uri->value.p != uri->raw.p)
		u.value = uri->value;
	h->rc = h->sink->uri(h->sink->ctx, &u);
}

struct p2v_str hls_line_uri(struct hls *h, struct p2v_str line, enum p2v_uri_role role)
{
	struct hls_uri uri = { line, hls_expand(h, line), true };

	hls_tell_uri(h, &uri, role);
	return uri.value;
}

bool hls_next(struct hls *h, struct p2v_str *line)
{
	h->st->line.n = 0;
	return h->rc == P2V_OK && hls_line_next(&h->lines, line);
}

bool hls_number(struct hls *h, const char *what, struct p2v_str s, uint64_t max, uint64_t *out)
{
	struct p2v_str rest = s;
	uint64_t v;

	if (!hls_take_u64(&rest, &v) || v > max) {
		hls_warn(h, "%s '%.*s' is no number that can be used", what, HLS_CUT(s));
		return false;
	}
	if (rest.n)
		hls_warn(h, "%s '%.*s' is read as %llu", what, HLS_CUT(s), (unsigned long long)v);
	*out = v;
	return true;
}

/* ---- the course of a parse ---- */

static int deaf_head(void *ctx, const struct p2v_manifest_head *head)
{
	(void)ctx;
	(void)head;
	return P2V_OK;
}

static int deaf_variant(void *ctx, const struct p2v_manifest_variant *v)
{
	(void)ctx;
	(void)v;
	return P2V_OK;
}

static int deaf_rendition(void *ctx, const struct p2v_manifest_rendition *r)
{
	(void)ctx;
	(void)r;
	return P2V_OK;
}

static int deaf_track(void *ctx, const struct p2v_manifest_track *t)
{
	(void)ctx;
	(void)t;
	return P2V_OK;
}

static int deaf_part(void *ctx, const struct p2v_manifest_part *p)
{
	(void)ctx;
	(void)p;
	return P2V_OK;
}

static int deaf_uri(void *ctx, const struct p2v_manifest_uri *u)
{
	(void)ctx;
	(void)u;
	return P2V_OK;
}

static int deaf_base(void *ctx, const struct p2v_str *uris, size_t n)
{
	(void)ctx;
	(void)uris;
	(void)n;
	return P2V_OK;
}

static int deaf_child(void *ctx, const struct p2v_manifest_child *c)
{
	(void)ctx;
	(void)c;
	return P2V_OK;
}

static P2V_PRINTF(3, 4) int deaf_warn(void *ctx, uint32_t line, const char *fmt, ...)
{
	(void)ctx;
	(void)line;
	(void)fmt;
	return P2V_OK;
}

struct date {
	bool found;
	int64_t at; /* [us] of the playlist's first sample */
};

/* The first fragment with a date ends the search. */
static int find_segment(void *ctx, const struct p2v_manifest_segment *s)
{
	struct date *d = ctx;

	if (!s->has_pdt)
		return P2V_OK;
	*d = (struct date){ true, s->pdt - s->t };
	return P2V_EAGAIN;
}

/* RFC 8216 6.3.3: fragments before the first date get theirs by reckoning back from it. So that
 * date has to be known before the first fragment is told: listen to the playlist up to there,
 * quietly. */
static struct date find_date(const struct hls *h)
{
	struct date d = { false, 0 };
	const struct p2v_manifest_sink quiet = { &d, deaf_head, deaf_variant, deaf_rendition,
		deaf_track, find_segment, deaf_part, deaf_uri, deaf_base, deaf_child, deaf_warn };
	struct hls again = *h;

	again.sink = &quiet;
	hls_media(&again, false, 0);
	return d;
}

static int hls_parse(void *st, const struct p2v_manifest_in *in,
	const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct p2v_str text = in->text;
	struct hls h = { .sink = sink,
		.err = err,
		.st = st,
		.text = text,
		.url = in->url,
		.given = in->context };
	struct date d = { false, 0 };
	bool late_date;
	int rc;

	hls_vars_clear(&h);
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	h.lines = hls_lines_of(text);
	if (text.p != h.text.p) {
		h.lines.n = 1;
		hls_warn(&h, "the text begins with a byte order mark");
		h.lines.n = 0;
	}
	rc = hls_survey(&h, &late_date, err);
	if (rc == P2V_OK)
		rc = h.rc;
	if (rc != P2V_OK)
		return rc;
	h.lines = hls_lines_of(text);
	if (h.head.kind == P2V_MANIFEST_MASTER) {
		hls_master(&h);
		h.head.context = hls_vars_tell(&h);
	}
	if (h.rc == P2V_OK)
		h.rc = sink->head(sink->ctx, &h.head);
	if (h.head.kind == P2V_MANIFEST_MASTER || h.rc != P2V_OK)
		return h.rc;
	if (late_date)
		d = find_date(&h);
	hls_media(&h, d.found, d.at);
	return h.rc;
}

/* ---- how it knows its own ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool begins(struct p2v_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s.n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(s.p[i]) != prefix[i])
			return false;
	return true;
}

static bool ends(struct p2v_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && begins((struct p2v_str){ s.p + s.n - n, n }, suffix);
}

static uint32_t score_outside(const struct p2v_manifest_probe *in)
{
	static const char *const types[] = { "application/vnd.apple.mpegurl",
		"application/x-mpegurl", "application/mpegurl", "audio/mpegurl",
		"audio/x-mpegurl" };
	uint32_t score = 0;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (begins(in->type, types[i]))
			score = 80;
	if (score < 70 && ends(in->path, ".m3u8"))
		score = 70;
	if (score < 40 && ends(in->path, ".m3u"))
		score = 40;
	return score;
}

/* The body decides where it is known: a type or a name alone may belong to an error page. */
static uint32_t hls_probe(const struct p2v_manifest_probe *in)
{
	uint32_t score = score_outside(in);
	struct p2v_str s = in->start;

	if (s.n == 0)
		return score;
	if (s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0) {
		s.p += 3;
		s.n -= 3;
	}
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\r' || s.p[0] == '\n')) {
		s.p++;
		s.n--;
	}
	if (s.n >= 7 && memcmp(s.p, "#EXTM3U", 7) == 0)
		return 100;
	if (s.n && s.p[0] == '<')
		return 0;
	if (s.n >= 4 && memcmp(s.p, "#EXT", 4) == 0)
		return score > 60 ? score : 60;
	return score / 2;
}

static const struct p2v_manifest_ops ops = {
	.size = sizeof ops, .probe = hls_probe, .parse = hls_parse
};

P2V_PLUGIN(p2v_manifest_hls) = { P2V_HEADER(MANIFEST), .name = "hls", .version = "1.0",
	.state_size = sizeof(struct hls_state),
	.summary = "HTTP Live Streaming: master and media playlists, live and on demand",
	.source = "RFC 8216; draft-pantos-hls-rfc8216bis", .license = "BSD-2-Clause",
	.ops.manifest = &ops };
