/* sidx.c - the index of a file of several fragments: ISO/IEC 14496-12 8.16.3. */
#include "plugins/manifest/dash/sidx.h"

#include <string.h>

#include "plugins/manifest/xml/xml.h"

struct bytes {
	const uint8_t *p;
	size_t n;
	bool bad; /* it wanted more than there is */
};

static uint64_t take(struct bytes *b, size_t n)
{
	uint64_t v = 0;

	if (b->n < n) {
		b->bad = true;
		b->n = 0;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | b->p[i];
	b->p += n;
	b->n -= n;
	return v;
}

static int refuse(struct p2v_err *err, struct p2v_str text, const struct bytes *at, const char *why)
{
	return p2v_fail(
		err, P2V_EPARSE, "byte %zu: %s", (size_t)((const char *)at->p - text.p), why);
}

/* Find the box. */
static bool find(struct bytes *b, struct bytes *box)
{
	while (b->n >= 8) {
		uint64_t size = take(b, 4), type = take(b, 4), head = 8;

		if (size == 1) {
			size = take(b, 8);
			head = 16;
		} else if (size == 0) {
			size = b->n + head;
		}
		if (b->bad || size < head || size - head > b->n)
			return false;
		if (type == 0x73696478) {
			*box = (struct bytes){ b->p, (size_t)(size - head), false };
			return true;
		}
		b->p += size - head;
		b->n -= (size_t)(size - head);
	}
	return false;
}

struct place {
	uint64_t anchor, start; /* [B], [us] */
};

static bool read_context(struct p2v_str s, struct place *out)
{
	const char *space;

	if (s.n < 5 || memcmp(s.p, "sidx ", 5) != 0)
		return false;
	s.p += 5;
	s.n -= 5;
	space = memchr(s.p, ' ', s.n);
	return space &&
	       xml_number((struct p2v_str){ s.p, (size_t)(space - s.p) }, INT64_MAX / 2,
		       &out->anchor) &&
	       xml_number((struct p2v_str){ space + 1, (size_t)(s.p + s.n - space - 1) },
		       INT64_MAX / 16, &out->start);
}

static int tell(struct bytes *b, const struct place *at, const struct p2v_manifest_sink *sink)
{
	uint64_t version = take(b, 1), scale, time, off, n;
	int rc = P2V_OK;

	(void)take(b, 3 + 4);
	scale = take(b, 4);
	time = take(b, version ? 8 : 4);
	off = at->anchor + take(b, version ? 8 : 4);
	(void)take(b, 2);
	n = take(b, 2);
	scale = scale ? scale : 1;
	for (; n && !b->bad && rc == P2V_OK; n--) {
		uint64_t size = take(b, 4), span = take(b, 4);
		struct p2v_manifest_segment s = { .uri = { "", 0 } };

		(void)take(b, 4);
		if (b->bad || time > INT64_MAX || off > INT64_MAX)
			break;
		if (size >> 31)
			rc = sink->warn(sink->ctx, 0, "an index of indexes is left out");
		s.t = (p2v_usec)at->start + xml_usec(time, scale);
		s.dur = (p2v_usec)at->start + xml_usec(time + span, scale) - s.t;
		s.n = (uint64_t)s.t;
		s.range = (struct p2v_manifest_range){ true, off, size & 0x7fffffff };
		time += span;
		off += size & 0x7fffffff;
		if (rc == P2V_OK && !(size >> 31) && s.range.len)
			rc = sink->segment(sink->ctx, &s);
	}
	return rc;
}

int dash_sidx(
	const struct p2v_manifest_in *in, const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct bytes all = { (const uint8_t *)in->text.p, in->text.n, false }, box;
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_MEDIA, .endlist = true };
	struct p2v_manifest_track t = { .variant = { "0", 1 }, .type = { "", 0 }, .timed = true };
	struct place at;
	int rc;

	if (!read_context(in->context, &at))
		return p2v_fail(err, P2V_EPARSE, "byte 0: nothing tells what this is the index of");
	if (!find(&all, &box))
		return refuse(err, in->text, &all, "there is no whole segment index");
	rc = sink->head(sink->ctx, &h);
	if (rc == P2V_OK)
		rc = sink->track(sink->ctx, &t);
	if (rc == P2V_OK)
		rc = tell(&box, &at, sink);
	if (rc == P2V_OK && box.bad)
		rc = sink->warn(sink->ctx, 0, "the segment index is cut short");
	return rc;
}
