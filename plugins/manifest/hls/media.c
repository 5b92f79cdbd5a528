/* media.c - a media playlist: fragments, their parts, and what each of them inherits from the tags
 * before it. */
#include <string.h>

#include "plugins/manifest/hls/hls.h"

/* How long a fragment is taken for when nothing says it: what packagers are advised to make. */
#define USUAL_DURATION (6 * P2V_SECOND)

/* What the tags since the last URI say of the next one. */
struct next {
	bool inf, bad_dur, disc, gap, dated, ranged;
	bool variant; /* it is no fragment at all */
	p2v_usec dur;
	int64_t date;
	uint64_t off, len;
	bool has_off;
};

/* Where an offset that is not given goes on from. */
struct previous {
	struct p2v_str uri; /* as it stands: what it means is gone with its line */
	uint64_t end;       /* [B] of its range; 0: it had none */
};

struct media {
	struct hls *h;
	uint64_t n;       /* number of the next fragment */
	p2v_usec t;       /* its time */
	p2v_usec last;    /* [us] duration of the last fragment that had one; 0: none yet */
	uint32_t n_parts; /* told of the next fragment */
	bool skipped;
	bool dated;
	int64_t date; /* [us] of t == 0, by the last date that was given */
	struct next next;
	struct previous before, part_before;
	struct p2v_manifest_map map;
	/* Keys of different KEYFORMATs stand side by side; the identity one is what everybody can
	 * fetch. Of the others the last one named is always in force. */
	struct p2v_manifest_key identity, other;
};

/* ---- tags ---- */

static p2v_usec repaired(const struct media *m)
{
	if (m->h->head.target)
		return m->h->head.target;
	return m->last ? m->last : USUAL_DURATION;
}

static void on_inf(struct media *m, struct p2v_str v)
{
	const char *comma = v.n ? memchr(v.p, ',', v.n) : NULL;
	struct p2v_str rest = hls_trim(
		(struct p2v_str){ v.p, comma ? (size_t)(comma - v.p) : v.n });
	struct p2v_str said = rest;

	if (m->next.inf)
		hls_warn(m->h, "#EXTINF stands twice: the last one counts");
	m->next.inf = true;
	m->next.bad_dur = !hls_take_seconds(&rest, &m->next.dur);
	if (m->next.bad_dur)
		hls_warn(m->h, "the duration '%.*s' cannot be used: %lld us are taken",
			HLS_CUT(said), (long long)repaired(m));
	else if (rest.n)
		hls_warn(m->h, "the duration '%.*s' is read as %lld us", HLS_CUT(said),
			(long long)m->next.dur);
	if (!comma)
		hls_warn_once(m->h, HLS_TOLD_COMMA, "#EXTINF has no comma");
}

static void on_range(struct media *m, struct p2v_str v)
{
	struct next *x = &m->next;
	struct p2v_str rest = v;

	if (rest.n >= 2 && rest.p[0] == '"' && rest.p[rest.n - 1] == '"') {
		hls_warn_once(m->h, HLS_TOLD_QUOTES, "#EXT-X-BYTERANGE has too many quotes");
		rest.p++;
		rest.n -= 2;
	}
	x->ranged = hls_take_range(&rest, &x->len, &x->has_off, &x->off);
	if (!x->ranged)
		hls_warn(m->h, "the byte range '%.*s' cannot be used: the whole is taken",
			HLS_CUT(v));
	else if (rest.n)
		hls_warn(m->h, "the byte range '%.*s' is read as %llu", HLS_CUT(v),
			(unsigned long long)x->len);
}

static void on_disc(struct media *m, struct p2v_str v)
{
	(void)v;
	m->next.disc = true;
}

static void on_gap(struct media *m, struct p2v_str v)
{
	(void)v;
	m->next.gap = true;
}

static void on_date(struct media *m, struct p2v_str v)
{
	struct p2v_str rest = v;
	int64_t at;
	bool zone;

	if (!hls_take_date(&rest, &at, &zone)) {
		hls_warn(m->h, "'%.*s' is no date", HLS_CUT(v));
		return;
	}
	if (rest.n)
		hls_warn(m->h, "the end of the date '%.*s' is dropped", HLS_CUT(v));
	else if (!zone)
		hls_warn_once(m->h, HLS_TOLD_ZONE, "the date '%.*s' has no time zone: UTC is taken",
			HLS_CUT(v));
	if (m->next.dated)
		hls_warn(m->h, "#EXT-X-PROGRAM-DATE-TIME stands twice: the last one counts");
	m->next.dated = true;
	m->next.date = at;
}

static void read_iv(struct media *m, struct p2v_str s, struct p2v_manifest_key *key)
{
	if (!s.p)
		return;
	key->has_iv = hls_hex16(s, key->iv);
	if (!key->has_iv)
		hls_warn(m->h, "IV '%.*s' is no number of 128 bits: it is dropped", HLS_CUT(s));
	else if (s.n != 34)
		hls_warn(m->h, "IV '%.*s' has fewer than 128 bits: zeros are put before it",
			HLS_CUT(s));
}

static void on_key(struct media *m, struct p2v_str v)
{
	static const struct p2v_manifest_key none = { .has_iv = false };
	struct p2v_manifest_key key = none;
	struct p2v_str iv, format;
	struct hls_uri uri;
	const struct hls_want want[] = { { "METHOD", false, &key.method, NULL },
		{ "URI", true, NULL, &uri }, { "IV", false, &iv, NULL },
		{ "KEYFORMAT", true, &format, NULL } };

	hls_read_attrs(m->h, v, want, sizeof want / sizeof want[0]);
	hls_tell_uri(m->h, &uri, P2V_URI_KEY);
	key.uri = uri.value;
	if (key.method.n == 0) {
		hls_warn(m->h, "#EXT-X-KEY has no METHOD: it is dropped");
		return;
	}
	if (hls_is(key.method, "NONE")) {
		m->identity = m->other = none;
		return;
	}
	if (key.uri.n == 0) {
		hls_warn(m->h, "#EXT-X-KEY has no URI");
		key.uri = (struct p2v_str){ NULL, 0 };
	}
	read_iv(m, iv, &key);
	if (format.n == 0 || hls_is(format, "identity")) {
		m->identity = key;
		m->identity.uri = hls_keep(m->h, &m->h->st->identity, key.uri);
	} else {
		m->other = key;
		m->other.uri = hls_keep(m->h, &m->h->st->key, key.uri);
	}
}

static void on_map(struct media *m, struct p2v_str v)
{
	struct p2v_manifest_map map = { .range = { false, 0, 0 } };
	struct p2v_str range;
	struct hls_uri uri;
	bool has_off;
	const struct hls_want want[] = { { "URI", true, NULL, &uri },
		{ "BYTERANGE", true, &range, NULL } };

	hls_read_attrs(m->h, v, want, sizeof want / sizeof want[0]);
	hls_tell_uri(m->h, &uri, P2V_URI_MEDIA);
	map.uri = uri.value;
	if (map.uri.n == 0) {
		hls_warn(m->h, "#EXT-X-MAP has no URI: it is dropped");
		return;
	}
	if (range.p) {
		struct p2v_str rest = range;

		map.range.set = hls_take_range(&rest, &map.range.len, &has_off, &map.range.off);
		if (!map.range.set || rest.n)
			hls_warn(m->h, "BYTERANGE '%.*s' cannot be used%s", HLS_CUT(range),
				map.range.set ? " to its end" : ": the whole is taken");
	}
	m->map = map;
	m->map.uri = hls_keep(m->h, &m->h->st->map, map.uri);
}

/* RFC 8216bis 4.4.5.2: fragments that the asker is said to know already are left out. The survey
 * has read how many. */
static void on_skip(struct media *m, struct p2v_str v)
{
	uint64_t n = m->h->head.skipped;

	(void)v;
	if (m->skipped)
		return;
	m->skipped = true;
	m->n += n;
	m->t += (p2v_usec)n * m->h->head.target;
}

/* ---- byte ranges without an offset ---- */

/* RFC 8216 4.3.2.2: the range begins where that of the fragment before it ended, which has to be of
 * the same resource. Where it is not, players go on from there all the same. */
static struct p2v_manifest_range place(struct media *m, const struct previous *before,
	struct p2v_str uri, uint64_t len, bool has_off, uint64_t off)
{
	struct p2v_manifest_range r = { true, off, len };

	if (has_off)
		return r;
	r.off = before->end;
	if (before->end == 0)
		hls_warn(m->h, "a byte range without an offset has none before it: 0 is taken");
	else if (!hls_same(before->uri, uri))
		hls_warn(m->h, "a byte range without an offset goes on from another resource's");
	if (r.len > INT64_MAX - r.off) {
		hls_warn(m->h, "a byte range reaches too far: the whole is taken");
		r = (struct p2v_manifest_range){ false, 0, 0 };
	}
	return r;
}

static struct previous after(struct p2v_str uri, const struct p2v_manifest_range *r)
{
	return (struct previous){ uri, r->set ? r->off + r->len : 0 };
}

/* ---- parts ---- */

static void tell_part(struct media *m, struct p2v_manifest_part *p)
{
	p->n = m->n;
	p->i = m->n_parts;
	if (m->n_parts < UINT32_MAX)
		m->n_parts++;
	if (m->h->rc == P2V_OK)
		m->h->rc = m->h->sink->part(m->h->sink->ctx, p);
}

static void on_part(struct media *m, struct p2v_str v)
{
	struct p2v_manifest_part p = { .dur = m->h->head.part_target };
	struct p2v_str dur, range, independent, gap;
	struct hls_uri uri;
	bool has_off;
	uint64_t len, off;
	const struct hls_want want[] = { { "DURATION", false, &dur, NULL },
		{ "URI", true, NULL, &uri }, { "BYTERANGE", true, &range, NULL },
		{ "INDEPENDENT", false, &independent, NULL }, { "GAP", false, &gap, NULL } };

	hls_read_attrs(m->h, v, want, sizeof want / sizeof want[0]);
	hls_tell_uri(m->h, &uri, P2V_URI_MEDIA);
	p.uri = uri.value;
	if (p.uri.n == 0) {
		hls_warn(m->h, "#EXT-X-PART has no URI: it is dropped");
		return;
	}
	if (!hls_take_seconds(&dur, &p.dur) || dur.n)
		hls_warn(m->h, "DURATION of #EXT-X-PART is read as %lld us", (long long)p.dur);
	if (range.p && hls_take_range(&range, &len, &has_off, &off))
		p.range = place(m, &m->part_before, uri.raw, len, has_off, off);
	else if (range.p)
		hls_warn(m->h, "BYTERANGE '%.*s' cannot be used: the whole is taken",
			HLS_CUT(range));
	m->part_before = after(uri.raw, &p.range);
	p.independent = hls_is(independent, "YES");
	p.gap = hls_is(gap, "YES");
	tell_part(m, &p);
}

static void on_hint(struct media *m, struct p2v_str v)
{
	struct p2v_manifest_part p = { .dur = m->h->head.part_target, .hint = true };
	struct p2v_str type, start, length;
	struct hls_uri uri;
	const struct hls_want want[] = { { "TYPE", false, &type, NULL },
		{ "URI", true, NULL, &uri }, { "BYTERANGE-START", false, &start, NULL },
		{ "BYTERANGE-LENGTH", false, &length, NULL } };

	hls_read_attrs(m->h, v, want, sizeof want / sizeof want[0]);
	hls_tell_uri(m->h, &uri, P2V_URI_MEDIA);
	p.uri = uri.value;
	if (p.uri.n == 0 || !hls_is(type, "PART"))
		return;
	p.range.set = start.p || length.p;
	if (start.p)
		(void)hls_number(m->h, "BYTERANGE-START", start, INT64_MAX / 2, &p.range.off);
	if (length.p)
		(void)hls_number(m->h, "BYTERANGE-LENGTH", length, INT64_MAX / 2, &p.range.len);
	tell_part(m, &p);
}

static void on_report(struct media *m, struct p2v_str v)
{
	struct hls_uri uri;
	const struct hls_want want[] = { { "URI", true, NULL, &uri } };

	hls_read_attrs(m->h, v, want, 1);
	hls_tell_uri(m->h, &uri, P2V_URI_MANIFEST);
}

static void on_define(struct media *m, struct p2v_str v)
{
	hls_define(m->h, v);
}

/* A playlist that lists both: hls.js and ffmpeg play the fragments, and the variant is none. */
static void on_variant(struct media *m, struct p2v_str v)
{
	(void)v;
	m->next.variant = true;
}

static const struct {
	const char *name;
	void (*fn)(struct media *m, struct p2v_str v);
} tags[] = { { "EXTINF", on_inf }, { "EXT-X-PROGRAM-DATE-TIME", on_date },
	{ "EXT-X-BYTERANGE", on_range }, { "EXT-X-PART", on_part },
	{ "EXT-X-DISCONTINUITY", on_disc }, { "EXT-X-GAP", on_gap }, { "EXT-X-KEY", on_key },
	{ "EXT-X-MAP", on_map }, { "EXT-X-SKIP", on_skip }, { "EXT-X-PRELOAD-HINT", on_hint },
	{ "EXT-X-RENDITION-REPORT", on_report }, { "EXT-X-DEFINE", on_define },
	{ "EXT-X-STREAM-INF", on_variant } };

/* ---- fragments ---- */

static void check_duration(struct media *m)
{
	struct next *x = &m->next;

	if (!x->inf) {
		hls_warn(m->h, "a fragment without #EXTINF: %lld us are taken",
			(long long)repaired(m));
		x->bad_dur = true;
	}
	if (x->bad_dur) {
		x->dur = repaired(m);
		return;
	}
	m->last = x->dur;
	/* RFC 8216 4.3.3.1: rounded to whole seconds it is not over the target. */
	if (m->h->head.target && x->dur >= m->h->head.target + P2V_SECOND / 2)
		hls_warn_once(m->h, HLS_TOLD_LONG,
			"a fragment of %lld us is over the target of %lld", (long long)x->dur,
			(long long)m->h->head.target);
}

static void on_uri(struct media *m, struct p2v_str line)
{
	struct p2v_manifest_segment s = { .n = m->n };
	struct next *x = &m->next;

	if (x->variant && !x->inf) {
		x->variant = false;
		return;
	}
	check_duration(m);
	s.uri = hls_line_uri(m->h, line, P2V_URI_MEDIA);
	s.t = m->t;
	s.dur = x->dur;
	s.bad_dur = x->bad_dur;
	s.disc = x->disc;
	s.gap = x->gap;
	if (x->ranged)
		s.range = place(m, &m->before, line, x->len, x->has_off, x->off);
	m->before = after(line, &s.range);
	if (x->dated) {
		m->dated = true;
		m->date = x->date - m->t;
	}
	s.has_pdt = m->dated;
	s.pdt = m->dated ? m->date + m->t : 0;
	s.map = m->map;
	s.key = m->identity.method.p ? m->identity : m->other;
	if (m->h->rc == P2V_OK)
		m->h->rc = m->h->sink->segment(m->h->sink->ctx, &s);
	m->n++;
	m->t += x->dur;
	m->n_parts = 0;
	*x = (struct next){ .inf = false };
}

static void on_line(struct media *m, struct p2v_str line)
{
	struct p2v_str name, value;

	if (!hls_tag(line, &name, &value)) {
		if (line.n && line.p[0] != '#')
			on_uri(m, line);
		return;
	}
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (hls_is(name, tags[i].name)) {
			tags[i].fn(m, value);
			return;
		}
	}
}

void hls_media(struct hls *h, bool dated, int64_t date)
{
	const struct p2v_manifest_track track = {
		.variant = { "0", 1 }, .type = { "", 0 }, .bw = h->bw
	};
	struct media m = { .h = h, .n = h->head.seq, .dated = dated, .date = date };
	struct p2v_str line;

	h->rc = h->sink->track(h->sink->ctx, &track);
	hls_vars_clear(h);
	while (hls_next(h, &line))
		on_line(&m, line);
	if (m.next.inf)
		hls_warn(h, "the last #EXTINF has no URI: it is dropped");
}
