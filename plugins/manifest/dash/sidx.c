/* sidx.c - the index of a file of several fragments: ISO/IEC 14496-12 8.16.3. */
#include "plugins/manifest/dash/sidx.h"

#include "plugins/manifest/shared/boxes.h"
#include "plugins/manifest/shared/telling.h"
#include "plugins/manifest/shared/words.h"

enum { SIDX = 0x73696478 };

/* Find the box, whole. */
static bool find(struct boxes *b, struct boxes *out)
{
	uint32_t type;

	while (boxes_next(b, &type, out) && !out->bad)
		if (type == SIDX)
			return true;
	return false;
}

struct place {
	uint64_t anchor, start; /* [B], [us] */
};

static bool read_context(struct p2v_str s, struct place *out, struct p2v_manifest_track *k)
{
	struct p2v_str word;
	bool is = words_next(&s, &word) && words_is(word, "sidx") && words_next(&s, &word) &&
		  words_number(word, INT64_MAX / 2, &out->anchor) && words_next(&s, &word) &&
		  words_number(word, INT64_MAX / 16, &out->start) && words_next(&s, &word) &&
		  words_number(word, INT64_MAX, &k->bw) && words_next(&s, &k->set);

	k->type = s;
	return is;
}

static void tell(struct telling *t, struct boxes *b, const struct place *at)
{
	uint64_t version = boxes_take(b, 1), scale, time, off, n;

	(void)boxes_take(b, 3 + 4);
	scale = boxes_take(b, 4);
	time = boxes_take(b, version ? 8 : 4);
	off = at->anchor + boxes_take(b, version ? 8 : 4);
	(void)boxes_take(b, 2);
	n = boxes_take(b, 2);
	scale = scale ? scale : 1;
	for (; n && !b->bad; n--) {
		uint64_t size = boxes_take(b, 4), span = boxes_take(b, 4);
		struct p2v_manifest_segment s = { .uri = { "", 0 } };

		(void)boxes_take(b, 4);
		if (b->bad || time > INT64_MAX || off > INT64_MAX)
			break;
		s.t = (p2v_usec)at->start + words_usec(time, scale);
		s.dur = (p2v_usec)at->start + words_usec(time + span, scale) - s.t;
		s.n = (uint64_t)s.t;
		s.range = (struct p2v_manifest_range){ true, off, size & 0x7fffffff };
		time += span;
		off += s.range.len;
		if (size >> 31)
			telling_warn(t, NULL, "an index of indexes is left out");
		else if (s.range.len && !telling_segment(t, &s))
			break;
	}
	if (b->bad)
		telling_warn(t, NULL, "the segment index is cut short");
}

int dash_sidx(
	const struct p2v_manifest_in *in, const struct p2v_manifest_sink *sink, struct p2v_err *err)
{
	struct boxes all = boxes_of((struct p2v_bytes){ (const uint8_t *)in->text.p, in->text.n }),
		     box;
	struct p2v_manifest_head h = { .kind = P2V_MANIFEST_MEDIA, .endlist = true };
	struct p2v_manifest_track k = { .variant = { "0", 1 }, .timed = true };
	struct telling t = { .sink = sink, .err = err };
	struct place at;

	if (!read_context(in->context, &at, &k))
		return p2v_fail(err, P2V_EPARSE, "byte 0: nothing tells what this is the index of");
	if (!find(&all, &box))
		return boxes_refuse(err, &all, "there is no whole segment index");
	telling_track(&t, &k);
	tell(&t, &box, &at);
	telling_head(&t, NULL, &h);
	return t.rc;
}
