/* directives.c - delivery directives: taken off URLs, put on, and compared with what a playlist
 * lists. */
#include "framework/stream/directives.h"

#include <string.h>

#include "framework/base/options.h"

/* @return whether that item of a query is a directive; it is noted */
static bool take(struct p2v_str item, struct p2v_directives *out)
{
	static const struct {
		const char *name;
		size_t n;
	} names[] = { { "_HLS_msn=", 9 }, { "_HLS_part=", 10 }, { "_HLS_skip=", 10 } };
	size_t i = 0;
	uint64_t v;

	while (i < 3 && !p2v_str_starts(item, names[i].name))
		i++;
	if (i == 3)
		return false;
	out->any = true;
	item.p += names[i].n;
	item.n -= names[i].n;
	if (i == 2)
		return true; /* a whole list answers it, too */
	if (p2v_parse_u64(item, 0, UINT32_MAX, &v) < 0) {
		out->bad = true;
	} else if (i == 0) {
		out->has_msn = true;
		out->msn = v;
	} else {
		out->has_part = true;
		out->part = v;
	}
	return true;
}

void p2v_directives_take(struct p2v_str url, struct p2v_directives *out, struct p2v_text *plain)
{
	struct p2v_str rest = url, item = { NULL, 0 };
	bool first = true;

	*out = (struct p2v_directives){ .any = false };
	(void)p2v_str_split(&rest, '?', &item);
	p2v_text_str(plain, item);
	while (p2v_str_split(&rest, '&', &item)) {
		if (take(item, out))
			continue;
		p2v_text_puts(plain, first ? "?" : "&");
		p2v_text_str(plain, item);
		first = false;
	}
	out->bad |= out->has_part && !out->has_msn;
}

void p2v_directives_next(const struct p2v_edge *e, bool parts, struct p2v_text *url)
{
	p2v_text_puts(url, url->p && memchr(url->p, '?', url->n) ? "&" : "?");
	p2v_text_printf(url, "_HLS_msn=%llu", (unsigned long long)e->msn);
	if (parts)
		p2v_text_printf(url, "&_HLS_part=%llu", (unsigned long long)e->parts);
}

struct p2v_edge p2v_edge_of(const struct p2v_doc *d)
{
	const struct p2v_doc_track *t = d->n_tracks ? &d->tracks[0] : NULL;
	struct p2v_edge e = { .msn = d->head.seq };

	if (!t)
		return e;
	if (t->n) {
		e.any = true;
		e.msn = t->segments[t->n - 1].n + 1;
	}
	for (size_t i = 0; i < t->n_parts; i++)
		if (!t->parts[i].hint && t->parts[i].n == e.msn) {
			e.any = true;
			e.parts++;
		}
	return e;
}

bool p2v_edge_beyond(const struct p2v_edge *b, const struct p2v_edge *a)
{
	if (!a->any || !b->any)
		return b->any;
	return b->msn > a->msn || (b->msn == a->msn && b->parts > a->parts);
}

/* A part behind the last one of its segment is the first one of the next. */
static bool has_part(const struct p2v_directives *q, const struct p2v_doc *d)
{
	const struct p2v_doc_track *t = &d->tracks[0];
	struct p2v_edge e = p2v_edge_of(d);

	if (q->msn == e.msn)
		return e.parts > q->part;
	if (q->msn + 1 == e.msn && t->n && t->segments[t->n - 1].n_parts > 0 &&
		q->part >= t->segments[t->n - 1].n_parts)
		return e.parts > 0;
	return q->msn < e.msn;
}

bool p2v_directives_met(const struct p2v_directives *q, const struct p2v_doc *d)
{
	if (!q->has_msn || !d->head.live || d->n_tracks == 0)
		return true;
	return q->has_part ? has_part(q, d) : q->msn < p2v_edge_of(d).msn;
}

/* RFC 8216bis 6.2.5.2: two segments, and of parts as many as last three seconds. */
bool p2v_directives_beyond(const struct p2v_directives *q, const struct p2v_doc *d)
{
	p2v_usec part = d->head.part_target;
	uint64_t most = part > 0 && part < P2V_SECOND
				? (uint64_t)((3 * P2V_SECOND + part - 1) / part)
				: 3;
	struct p2v_edge e = p2v_edge_of(d);

	if (!q->has_msn || !d->head.live || !e.any)
		return false;
	if (q->msn > e.msn + 1)
		return true;
	return q->has_part && q->msn == e.msn && q->part >= e.parts + most;
}
