/* foretold.c - what fragments tell of those to come: players that read their manifest once go on by
 * it, and ask for what no manifest lists yet. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

/* [longest fragments] So far beyond the manifest's edge what is foretold is of another clock: that
 * of an encoder which began anew. */
#define AHEAD_MAX FORETOLD_MAX

/* @return its track's index in the playlist's document; n_tracks: it is not listed */
static size_t track_of(const struct p2v_rendition *r)
{
	const struct p2v_doc *d = r->playlist->doc;
	size_t i = 0;

	while (i < d->n_tracks && strcmp(d->tracks[i].variant, r->variant) != 0)
		i++;
	return i;
}

static void drop(struct p2v_foretold *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)x->v[i].at.url);
	memmove(x->v, x->v + n, (x->n - n) * sizeof *x->v);
	x->n -= n;
}

void p2v_foretold_free(struct p2v_foretold *x)
{
	if (x)
		drop(x, x->n);
	free(x);
}

/* @return whether it is news */
static bool add(struct p2v_foretold *x, const struct p2v_doc_segment *s)
{
	char *url;

	if (!s->at.url || (x->n && s->n <= x->v[x->n - 1].n))
		return false;
	url = p2v_str_dup(p2v_str_of(s->at.url));
	if (!url)
		return false;
	if (x->n == FORETOLD_MAX)
		drop(x, 1);
	x->v[x->n] = *s;
	x->v[x->n++].at = (struct p2v_ref){ url, url };
	return true;
}

/* @return whether something is news */
static bool add_all(struct p2v_rendition *r, const struct p2v_doc *told)
{
	bool news = false;

	if (!r->foretold)
		r->foretold = calloc(1, sizeof *r->foretold);
	for (size_t i = 0; r->foretold && i < told->tracks[0].n; i++)
		news |= add(r->foretold, &told->tracks[0].segments[i]);
	return news;
}

void p2v_foretold_read(const struct p2v_fragment *f)
{
	struct p2v_rendition *r = f->rendition;
	const struct p2v_doc *d = r ? r->playlist->doc : NULL;
	size_t track = d ? track_of(r) : 0;
	struct p2v_doc *told = NULL;
	struct p2v_bytes start;
	struct p2v_err err;
	bool news;

	if (!d || track == d->n_tracks || !d->tracks[track].context || f->t == P2V_UNKNOWN ||
		f->n_chunks == 0)
		return;
	start = (struct p2v_bytes){ f->chunks[0].buf->data, f->chunks[0].filled };
	if (p2v_doc_foretold(f->d->policies.manifests, d, track, start, &told, &err) < 0)
		p2v_log_once(f->d->node, P2V_LOG_INFO, "fragment_unread", r->key, "channel=%s %s",
			f->feed->channel->name, err.text);
	if (!told)
		return;
	news = add_all(r, told);
	p2v_doc_free(told);
	if (news)
		p2v_rendition_read_on(r);
}

/* Forget what the manifest lists by now, and what is of another clock. */
static void prune(struct p2v_foretold *x, const struct p2v_doc_segment *last)
{
	size_t n = 0;

	while (n < x->n && x->v[n].n <= last->n)
		n++;
	drop(x, n);
	if (x->n && x->v[x->n - 1].t - last->t > AHEAD_MAX * last->dur)
		drop(x, x->n);
}

const struct p2v_doc *p2v_foretold_join(
	struct p2v_rendition *r, size_t *track, struct p2v_foretold_view *view)
{
	const struct p2v_doc *d = r->playlist->doc;
	const struct p2v_doc_track *t = &d->tracks[*track];
	struct p2v_foretold *x = r->foretold;

	view->segments = NULL;
	if (x && t->n)
		prune(x, &t->segments[t->n - 1]);
	r->listed = x && x->n && t->n ? t->segments[t->n - 1].n + 1 : 0;
	if (!r->listed)
		return d;
	view->segments = calloc(t->n + x->n, sizeof *view->segments);
	if (!view->segments)
		return NULL;
	memcpy(view->segments, t->segments, t->n * sizeof *t->segments);
	memcpy(view->segments + t->n, x->v, x->n * sizeof *x->v);
	view->doc = *d;
	view->track = *t;
	view->track.segments = view->segments;
	view->track.n = t->n + x->n;
	view->doc.tracks = &view->track;
	view->doc.n_tracks = 1;
	*track = 0;
	return &view->doc;
}
