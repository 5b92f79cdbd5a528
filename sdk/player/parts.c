/* parts.c - a low-latency playlist (RFC 8216bis 4.4.4.9, 4.4.5.3) as a row of pieces. */
#include "sdk/player/parts.h"

#include <stdlib.h>

#define SLACK_MAX (50 * P2V_MSEC)

void p2v_parts_fini(struct p2v_parts *p)
{
	free(p->v);
	p2v_doc_free(p->doc);
	*p = (struct p2v_parts){ 0 };
}

static bool any_part(const struct p2v_doc_track *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->segments[i].n_parts)
			return true;
	return t->n_parts > 0;
}

bool p2v_parts_has(const struct p2v_doc *d)
{
	return d->head.kind == P2V_MANIFEST_MEDIA && d->head.live && d->head.part_target > 0 &&
	       d->n_tracks > 0 && any_part(&d->tracks[0]);
}

/* ---- the row ---- */

static size_t count(const struct p2v_doc_track *t)
{
	size_t n = t->n_parts;

	for (size_t i = 0; i < t->n; i++)
		n += t->segments[i].n_parts ? t->segments[i].n_parts : 1;
	return n;
}

/* Where a fragment, or one that is under way, begins. */
struct start {
	p2v_usec t;
	bool dated;
	int64_t date;
};

static void add_parts(
	struct p2v_parts *p, const struct p2v_doc_part *v, size_t n, const struct start *s)
{
	p2v_usec into = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].at.url) {
			p->v[p->n++] = (struct p2v_piece){ .n = v[i].n,
				.i = v[i].i,
				.partial = true,
				.independent = v[i].independent || v[i].i == 0,
				.gap = v[i].gap,
				.hint = v[i].hint,
				.t = s->t + into,
				.dur = v[i].dur,
				.into = into,
				.url = v[i].at.url,
				.range = v[i].range,
				.dated = s->dated,
				.date = s->date + into };
			if (!v[i].hint)
				p->listed = p->n;
		}
		into += v[i].dur;
	}
}

static void add_all(struct p2v_parts *p, const struct p2v_doc_track *t)
{
	struct start s = { 0, false, 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct p2v_doc_segment *g = &t->segments[i];

		s = (struct start){ g->t, g->has_pdt, g->pdt };
		if (g->n_parts) {
			add_parts(p, g->parts, g->n_parts, &s);
		} else if (g->at.url) {
			p->v[p->n++] = (struct p2v_piece){ .n = g->n,
				.independent = true,
				.gap = g->gap,
				.t = g->t,
				.dur = g->dur,
				.url = g->at.url,
				.range = g->range,
				.dated = g->has_pdt,
				.date = g->pdt };
			p->listed = p->n;
		}
		s = (struct start){ g->t + g->dur, g->has_pdt, g->pdt + g->dur };
	}
	add_parts(p, t->parts, t->n_parts, &s);
}

int p2v_parts_read(struct p2v_parts *p, const struct p2v_doc *d)
{
	struct p2v_parts row = { .target = d->head.part_target, .hold = d->head.part_hold };

	if (!p2v_parts_has(d)) {
		p2v_parts_fini(p);
		return P2V_OK;
	}
	if (row.hold <= 0) /* what a server has to say at least (4.4.3.8) */
		row.hold = 3 * row.target;
	row.v = calloc(count(&d->tracks[0]), sizeof *row.v);
	if (!row.v)
		return P2V_ENOMEM;
	row.doc = p2v_doc_ref((struct p2v_doc *)(uintptr_t)d);
	add_all(&row, &d->tracks[0]);
	p2v_parts_fini(p);
	*p = row;
	return P2V_OK;
}

/* ---- places in it ---- */

size_t p2v_parts_at(const struct p2v_parts *p, uint64_t n, uint32_t i)
{
	size_t k = 0;

	while (k < p->n && (p->v[k].n < n || (p->v[k].n == n && p->v[k].partial && p->v[k].i < i)))
		k++;
	return k;
}

p2v_usec p2v_parts_slack(const struct p2v_piece *e)
{
	return e->dur / 2 < SLACK_MAX ? e->dur / 2 : SLACK_MAX;
}

size_t p2v_parts_at_date(const struct p2v_parts *p, int64_t date)
{
	size_t k = 0;

	while (k < p->listed && p->v[k].dated &&
		p->v[k].date + p->v[k].dur - p2v_parts_slack(&p->v[k]) <= date)
		k++;
	return k < p->listed && p->v[k].dated ? k : p->listed;
}

size_t p2v_parts_independent(const struct p2v_parts *p, size_t k)
{
	for (size_t j = k + 1; j-- > 0;)
		if (j < p->listed && p->v[j].independent)
			return j;
	while (k < p->listed && !p->v[k].independent)
		k++;
	return k < p->listed ? k : p->listed;
}

size_t p2v_parts_begin(const struct p2v_parts *p, p2v_usec *seek)
{
	p2v_usec at;
	size_t k = 0;

	*seek = 0;
	if (p->listed == 0)
		return 0;
	at = p->v[p->listed - 1].t + p->v[p->listed - 1].dur - p->hold;
	while (k + 1 < p->listed && p->v[k + 1].t <= at)
		k++;
	k = p2v_parts_independent(p, k);
	if (k < p->listed && at > p->v[k].t)
		*seek = at - p->v[k].t;
	return k;
}

bool p2v_parts_next(const struct p2v_doc *d, uint64_t *n, uint32_t *i)
{
	const struct p2v_doc_track *t = d->n_tracks ? &d->tracks[0] : NULL;

	if (!t)
		return false;
	for (size_t k = t->n_parts; k-- > 0;) {
		if (!t->parts[k].hint) {
			*n = t->parts[k].n;
			*i = t->parts[k].i + 1;
			return true;
		}
	}
	*i = 0;
	if (t->n)
		*n = t->segments[t->n - 1].n + 1;
	else
		*n = d->head.seq;
	return t->n > 0;
}
