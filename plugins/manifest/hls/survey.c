/* survey.c - the first reading of a playlist: which kind it is, and what stands for the whole of
 * it, wherever in the text that is said. */
#include <string.h>

#include "plugins/manifest/hls/hls.h"

struct survey {
	struct hls *h;
	uint32_t seen; /* bits of tags[] that were met */
	bool named;    /* #EXTM3U was met */
	bool inf, variants, master, target, media, vod, skip;
	bool uri;       /* a line that is no tag was met: in a media playlist, a fragment */
	uint32_t dated; /* fragments before the first date; UINT32_MAX: no date */
	uint32_t uris;
};

/* Sequence numbers above this are refused, so that counting on from one never overflows. */
#define SEQ_MAX ((uint64_t)INT64_MAX / 2)

static void on_version(struct survey *s, struct p2v_str v)
{
	uint64_t n;

	if (hls_number(s->h, "the version", v, UINT32_MAX, &n))
		s->h->head.version = (uint32_t)n;
}

static void on_target(struct survey *s, struct p2v_str v)
{
	struct p2v_str rest = v;
	p2v_usec us;

	s->media = s->target = true;
	if (!hls_take_seconds(&rest, &us)) {
		hls_warn(s->h, "the target duration '%.*s' is no length of time", HLS_CUT(v));
		return;
	}
	if (rest.n || us % P2V_SECOND)
		hls_warn(s->h, "the target duration '%.*s' is no whole number of seconds",
			HLS_CUT(v));
	s->h->head.target = us;
}

static void on_sequence(struct survey *s, struct p2v_str v)
{
	s->media = true;
	if (s->uri)
		hls_warn(s->h,
			"the media sequence number stands behind a fragment: it is taken for "
			"the first one");
	(void)hls_number(s->h, "the media sequence number", v, SEQ_MAX, &s->h->head.seq);
}

static void on_disc_sequence(struct survey *s, struct p2v_str v)
{
	s->media = true;
	(void)hls_number(
		s->h, "the discontinuity sequence number", v, SEQ_MAX, &s->h->head.disc_seq);
}

static void on_type(struct survey *s, struct p2v_str v)
{
	s->media = true;
	s->vod = hls_is(v, "VOD");
	if (!s->vod && !hls_is(v, "EVENT"))
		hls_warn(s->h, "the playlist type '%.*s' is unknown", HLS_CUT(v));
}

static void on_endlist(struct survey *s, struct p2v_str v)
{
	(void)v;
	s->media = true;
	s->h->head.endlist = true;
}

/* Seconds of an attribute; 0 when it is not there or not readable (told). */
static p2v_usec seconds_of(struct hls *h, const char *name, struct p2v_str v)
{
	struct p2v_str rest = v;
	p2v_usec us = 0;

	if (v.p && (!hls_take_seconds(&rest, &us) || rest.n))
		hls_warn(h, "%s '%.*s' is no length of time", name, HLS_CUT(v));
	return us;
}

static void on_server_control(struct survey *s, struct p2v_str v)
{
	struct p2v_str block, part_hold, hold, skip;
	const struct hls_want want[] = { { "CAN-BLOCK-RELOAD", false, &block, NULL },
		{ "PART-HOLD-BACK", false, &part_hold, NULL }, { "HOLD-BACK", false, &hold, NULL },
		{ "CAN-SKIP-UNTIL", false, &skip, NULL } };

	s->media = true;
	hls_read_attrs(s->h, v, want, sizeof want / sizeof want[0]);
	s->h->head.can_block = hls_is(block, "YES");
	s->h->head.part_hold = seconds_of(s->h, "PART-HOLD-BACK", part_hold);
	s->h->head.hold = seconds_of(s->h, "HOLD-BACK", hold);
	s->h->head.skip_until = seconds_of(s->h, "CAN-SKIP-UNTIL", skip);
}

static void on_part_inf(struct survey *s, struct p2v_str v)
{
	struct p2v_str target;
	const struct hls_want want[] = { { "PART-TARGET", false, &target, NULL } };

	s->media = true;
	hls_read_attrs(s->h, v, want, 1);
	s->h->head.part_target = seconds_of(s->h, "PART-TARGET", target);
}

/* Of several the first counts: what is behind it is known from there on. RFC 8216bis 4.4.5.2: it
 * stands for the oldest fragments, so none stands before it. */
static void on_skip(struct survey *s, struct p2v_str v)
{
	struct p2v_str count;
	const struct hls_want want[] = { { "SKIPPED-SEGMENTS", false, &count, NULL } };

	s->media = true;
	if (s->skip)
		return;
	s->skip = true;
	if (s->uri) {
		hls_warn(s->h, "#EXT-X-SKIP stands behind a fragment: it is ignored");
		return;
	}
	hls_read_attrs(s->h, v, want, 1);
	(void)hls_number(s->h, "SKIPPED-SEGMENTS", count, 1000000, &s->h->head.skipped);
}

/* 8216bis 4.4.4.8: [kbit/s] */
static void on_bitrate(struct survey *s, struct p2v_str v)
{
	uint64_t n = 0;

	s->media = true;
	if (hls_number(s->h, "#EXT-X-BITRATE", v, UINT32_MAX, &n) && n * 1000 > s->h->bw)
		s->h->bw = n * 1000;
}

static void on_inf(struct survey *s, struct p2v_str v)
{
	(void)v;
	s->inf = true;
}

static void on_variant(struct survey *s, struct p2v_str v)
{
	(void)v;
	s->variants = s->master = true;
}

static void on_master(struct survey *s, struct p2v_str v)
{
	(void)v;
	s->master = true;
}

static void on_date(struct survey *s, struct p2v_str v)
{
	int64_t at;
	bool zone;

	if (s->dated == UINT32_MAX && hls_take_date(&v, &at, &zone))
		s->dated = s->uris;
}

static const struct {
	const char *name;
	void (*fn)(struct survey *s, struct p2v_str v);
	bool once;
} tags[] = { { "EXTINF", on_inf, false }, { "EXT-X-PROGRAM-DATE-TIME", on_date, false },
	{ "EXT-X-VERSION", on_version, true }, { "EXT-X-TARGETDURATION", on_target, true },
	{ "EXT-X-MEDIA-SEQUENCE", on_sequence, true },
	{ "EXT-X-DISCONTINUITY-SEQUENCE", on_disc_sequence, true },
	{ "EXT-X-PLAYLIST-TYPE", on_type, true }, { "EXT-X-ENDLIST", on_endlist, true },
	{ "EXT-X-SERVER-CONTROL", on_server_control, true },
	{ "EXT-X-PART-INF", on_part_inf, true }, { "EXT-X-SKIP", on_skip, false },
	{ "EXT-X-BITRATE", on_bitrate, false }, { "EXT-X-STREAM-INF", on_variant, false },
	{ "EXT-X-MEDIA", on_master, false }, { "EXT-X-I-FRAME-STREAM-INF", on_master, false },
	{ "EXT-X-SESSION-DATA", on_master, false }, { "EXT-X-SESSION-KEY", on_master, false } };

static void check_text(struct hls *h, struct p2v_str line)
{
	if (line.n && memchr(line.p, 0, line.n))
		hls_warn_once(h, HLS_TOLD_NUL, "a NUL byte");
	if (!hls_utf8(line))
		hls_warn_once(h, HLS_TOLD_UTF8, "bytes that are no UTF-8");
}

static void on_line(struct survey *s, struct p2v_str line)
{
	struct p2v_str name, value;

	check_text(s->h, line);
	if (!hls_tag(line, &name, &value)) {
		if (line.n && line.p[0] != '#') {
			s->uri = true;
			s->uris++;
		}
		return;
	}
	if (line.n >= 7 && memcmp(line.p, "#EXTM3U", 7) == 0)
		s->named = true;
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (!hls_is(name, tags[i].name))
			continue;
		if (tags[i].once && (s->seen & 1u << i))
			hls_warn(s->h, "#%s stands twice: the last one counts", tags[i].name);
		s->seen |= 1u << i;
		tags[i].fn(s, value);
		return;
	}
}

/* A text that does not begin with #EXTM3U is refused by players. It is taken all the same where it
 * can be nothing else, because a proxy that refuses it helps nobody. */
static int check_name(struct survey *s, uint32_t first, struct p2v_err *err)
{
	struct hls *h = s->h;

	if (first == 0)
		return p2v_fail(err, P2V_EPARSE, "line 1: there is no text");
	h->lines.n = first;
	if (first != UINT32_MAX) {
		if (first > 1)
			hls_warn(h, "#EXTM3U does not stand in the first line");
		return P2V_OK;
	}
	if (!s->inf && !s->variants)
		return p2v_fail(err, P2V_EPARSE, "line 1: the text does not begin with #EXTM3U");
	h->lines.n = 1;
	hls_warn(h, s->named ? "#EXTM3U does not stand in the first line" : "#EXTM3U is missing");
	return P2V_OK;
}

/* Kind by what hls.js goes by: a fragment or a target duration makes it a media playlist. */
static int decide(struct survey *s, uint32_t last, struct p2v_err *err)
{
	struct p2v_manifest_head *head = &s->h->head;
	bool media = s->inf || s->target;

	if (!media && !s->master && !s->media)
		return p2v_fail(err, P2V_EPARSE,
			"line %u: the playlist ends without a fragment or a variant", last);
	if (!media && s->master) {
		*head = (struct p2v_manifest_head){ .kind = P2V_MANIFEST_MASTER,
			.version = head->version };
		return P2V_OK;
	}
	head->kind = P2V_MANIFEST_MEDIA;
	s->h->lines.n = 0;
	if (s->master)
		hls_warn(s->h,
			"variants among fragments: they are left out, as in a media playlist");
	if (!s->target)
		hls_warn(s->h, "#EXT-X-TARGETDURATION is missing");
	if (s->vod && !head->endlist)
		hls_warn(s->h,
			"a playlist of type VOD without #EXT-X-ENDLIST: it is taken as whole");
	head->live = !head->endlist && !s->vod; /* RFC 8216 6.3.4 */
	return P2V_OK;
}

int hls_survey(struct hls *h, bool *late_date, struct p2v_err *err)
{
	struct survey s = { .h = h, .dated = UINT32_MAX };
	uint32_t first = 0; /* line of #EXTM3U; UINT32_MAX: another one stands first */
	struct p2v_str line;
	uint32_t last;
	int rc;

	while (h->rc == P2V_OK && hls_line_next(&h->lines, &line)) {
		on_line(&s, line);
		if (first == 0 && line.n)
			first = s.named ? h->lines.n : UINT32_MAX;
	}
	last = h->lines.n;
	if (h->lines.lone_cr) {
		h->lines.n = 0;
		hls_warn(h, "lines end with a CR alone");
	}
	if (h->rc != P2V_OK)
		return h->rc;
	rc = check_name(&s, first, err);
	if (rc == P2V_OK)
		rc = decide(&s, last, err);
	*late_date = s.dated != UINT32_MAX && s.dated > 0;
	return rc;
}
