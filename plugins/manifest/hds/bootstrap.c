/* bootstrap.c - abst, asrt, afrt: Adobe Flash Video File Format Specification 10.1, 2.11.2. */
#include "plugins/manifest/hds/bootstrap.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/shared/boxes.h"

enum { ABST = 0x61627374, ASRT = 0x61737274, AFRT = 0x61667274 };

static void skip_texts(struct boxes *b)
{
	for (uint64_t n = boxes_take(b, 1); n && !b->bad; n--)
		boxes_skip_text(b);
}

/* Open a box of that type. @return false: it is not there whole */
static bool box(struct boxes *b, uint32_t type, struct boxes *out)
{
	struct boxes at = *b;
	uint32_t is;

	if (!boxes_next(&at, &is, out) || is != type || out->bad)
		return false;
	*b = at;
	return true;
}

static int read_segments(struct boxes *b, struct hds_bootstrap *out, struct p2v_err *err)
{
	uint64_t n, before = 0;

	(void)boxes_take(b, 4);
	skip_texts(b);
	n = boxes_take(b, 4);
	if (b->bad || n > b->n / 8)
		return boxes_refuse(err, b, "the table of segments is cut short");
	out->segments = n ? calloc(n, sizeof *out->segments) : NULL;
	if (n && !out->segments)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a bootstrap");
	for (; out->n_segments < n; out->n_segments++) {
		struct hds_segment_run *r = &out->segments[out->n_segments];
		const struct hds_segment_run *last = r - 1;

		r->first = (uint32_t)boxes_take(b, 4);
		r->fragments = (uint32_t)boxes_take(b, 4);
		if (out->n_segments && r->first > last->first)
			before += (uint64_t)(r->first - last->first) * last->fragments;
		r->before = before;
	}
	return P2V_OK;
}

static int read_fragments(struct boxes *b, struct hds_bootstrap *out, struct p2v_err *err)
{
	uint64_t n;

	(void)boxes_take(b, 4);
	out->run_scale = boxes_take(b, 4);
	skip_texts(b);
	n = boxes_take(b, 4);
	if (b->bad || n > b->n / 16 || n > HDS_RUNS_MAX)
		return boxes_refuse(err, b, "the table of fragments is cut short");
	out->fragments = n ? calloc(n, sizeof *out->fragments) : NULL;
	if (n && !out->fragments)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a bootstrap");
	for (; out->n_fragments < n; out->n_fragments++) {
		struct hds_fragment_run *r = &out->fragments[out->n_fragments];

		r->first = (uint32_t)boxes_take(b, 4);
		r->t = boxes_take(b, 8);
		r->duration = (uint32_t)boxes_take(b, 4);
		if (r->duration == 0)
			r->why = (uint8_t)boxes_take(b, 1);
		if (b->bad)
			return boxes_refuse(err, b, "the table of fragments is cut short");
		if (r->t > INT64_MAX / 4)
			return boxes_refuse(err, b, "a fragment's time cannot be");
	}
	return P2V_OK;
}

int hds_bootstrap_read(struct p2v_bytes in, struct hds_bootstrap *out, struct p2v_err *err)
{
	struct boxes all = boxes_of(in), b, table;
	uint64_t tables;
	int rc;

	*out = (struct hds_bootstrap){ .scale = 1, .run_scale = 1 };
	if (!box(&all, ABST, &b))
		return boxes_refuse(err, &all, "there is no whole bootstrap box");
	(void)boxes_take(&b, 8); /* version, flags, the bootstrap's own version */
	out->live = (boxes_take(&b, 1) & 0x20) != 0;
	out->scale = boxes_take(&b, 4);
	out->now = boxes_take(&b, 8);
	(void)boxes_take(&b, 8);
	boxes_skip_text(&b);
	skip_texts(&b);
	skip_texts(&b);
	boxes_skip_text(&b);
	boxes_skip_text(&b);
	tables = boxes_take(&b, 1);
	if (b.bad || tables == 0 || !box(&b, ASRT, &table))
		return boxes_refuse(err, &b, "there is no whole table of segments");
	rc = read_segments(&table, out, err);
	/* Further tables are of other qualities, which have the same fragments. */
	while (rc == P2V_OK && --tables && box(&b, ASRT, &table)) {
	}
	if (rc == P2V_OK && (boxes_take(&b, 1) == 0 || !box(&b, AFRT, &table)))
		return boxes_refuse(err, &b, "there is no whole table of fragments");
	if (rc == P2V_OK)
		rc = read_fragments(&table, out, err);
	if (rc == P2V_OK && (out->scale == 0 || out->run_scale == 0 || out->now > INT64_MAX / 4))
		return boxes_refuse(err, &b, "a time scale that cannot be");
	return rc;
}

void hds_bootstrap_fini(struct hds_bootstrap *b)
{
	free(b->segments);
	free(b->fragments);
	*b = (struct hds_bootstrap){ .scale = 1, .run_scale = 1 };
}

uint64_t hds_segment_of(const struct hds_bootstrap *b, uint64_t fragment)
{
	size_t low = 0, high = b->n_segments;
	const struct hds_segment_run *r;

	while (low + 1 < high) {
		size_t mid = low + (high - low) / 2;

		if (b->segments[mid].before >= fragment)
			high = mid;
		else
			low = mid;
	}
	if (b->n_segments == 0)
		return 1;
	r = &b->segments[low];
	if (r->fragments == 0 || fragment <= r->before)
		return r->first;
	return r->first + (fragment - r->before - 1) / r->fragments;
}

/* Fragments have numbers of 32 bits: no run has more of them. */
static uint64_t whole(double n)
{
	return n < UINT32_MAX ? (uint64_t)n : UINT32_MAX;
}

uint64_t hds_run_length(const struct hds_bootstrap *b, size_t run)
{
	const struct hds_fragment_run *r = &b->fragments[run];
	double now;

	if (r->duration == 0)
		return 0;
	/* A break, and the end, may stand without a number of their own. */
	for (size_t i = run + 1; i < b->n_fragments; i++) {
		const struct hds_fragment_run *next = &b->fragments[i];

		if (next->duration || next->first)
			return next->first > r->first ? next->first - r->first : 0;
	}
	now = (double)b->now * (double)b->run_scale / (double)b->scale;
	if (b->live) /* it is when the newest of them began */
		return now < (double)r->t ? 0
					  : whole((now - (double)r->t) / r->duration + 1e-9) + 1;
	return now <= (double)r->t ? 0 : whole((now - (double)r->t) / r->duration + 1 - 1e-9);
}
