/* buffer.c - the buffer model. The playhead moves in real time through what all tracks have; where
 * that ends it stalls, unless media lies behind a hole: then it jumps there, as players do. */
#include "sdk/player/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HOLE_MAX (100 * P2V_MSEC) /* players play through this much of nothing */

void p2v_buffer_init(
	struct p2v_buffer *b, size_t n_tracks, p2v_usec start, p2v_usec resume, p2v_usec now)
{
	assert(n_tracks >= 1 && n_tracks <= P2V_BUFFER_TRACKS);
	*b = (struct p2v_buffer){ .start = start,
		.resume = resume,
		.n_tracks = n_tracks,
		.from = P2V_UNKNOWN,
		.at = P2V_UNKNOWN,
		.opened = now,
		.since = now,
		.startup = P2V_UNKNOWN };
}

void p2v_buffer_fini(struct p2v_buffer *b)
{
	for (size_t i = 0; i < P2V_BUFFER_TRACKS; i++)
		free(b->v[i].v);
	free(b->latency);
	memset(b, 0, sizeof *b);
}

/* ---- where media is ---- */

static p2v_usec end_of(const struct p2v_buffer_item *e)
{
	return e->m.t + e->m.dur;
}

/* Index of what is at `at`, or of the next media after it; n: there is none. */
static size_t index_at(const struct p2v_buffer_track *k, p2v_usec at)
{
	size_t i = 0;

	while (i < k->n && end_of(&k->v[i]) <= at)
		i++;
	return i;
}

/* How far a track goes without a hole from `at`; `at` itself when it has nothing there. */
static p2v_usec reach(const struct p2v_buffer_track *k, p2v_usec at)
{
	p2v_usec end = at;

	for (size_t i = index_at(k, at); i < k->n && k->v[i].m.t <= end + HOLE_MAX; i++)
		end = end_of(&k->v[i]);
	return end;
}

/* Nothing is missing of it any more: what is left of the others plays without. */
static bool spent(const struct p2v_buffer_track *k, p2v_usec at)
{
	return k->ended && index_at(k, at) == k->n;
}

static p2v_usec reach_all(const struct p2v_buffer *b, p2v_usec at)
{
	p2v_usec least = P2V_NEVER;

	for (size_t i = 0; i < b->n_tracks; i++) {
		p2v_usec end = reach(&b->v[i], at);

		if (!spent(&b->v[i], at))
			least = end < least ? end : least;
	}
	return least == P2V_NEVER ? at : least;
}

/* Where all tracks have media again, at or after `at`. @return false: nowhere yet */
static bool next_start(const struct p2v_buffer *b, p2v_usec at, p2v_usec *start)
{
	bool moved = true, any = false;

	*start = at;
	while (moved) {
		moved = false;
		for (size_t i = 0; i < b->n_tracks; i++) {
			const struct p2v_buffer_track *k = &b->v[i];
			size_t at_i = index_at(k, *start);

			if (spent(k, *start))
				continue;
			if (at_i == k->n)
				return false;
			any = true;
			if (k->v[at_i].m.t > *start + HOLE_MAX) {
				*start = k->v[at_i].m.t;
				moved = true;
			}
		}
	}
	return any;
}

static bool all_ended(const struct p2v_buffer *b)
{
	bool ended = true;

	for (size_t i = 0; i < b->n_tracks; i++)
		ended = ended && b->v[i].ended;
	return ended;
}

static void drop_played(struct p2v_buffer *b)
{
	for (size_t i = 0; i < b->n_tracks; i++) {
		struct p2v_buffer_track *k = &b->v[i];
		size_t gone = index_at(k, b->at);

		memmove(k->v, k->v + gone, (k->n - gone) * sizeof *k->v);
		k->n -= gone;
	}
}

/* ---- playing ---- */

static void sample(struct p2v_buffer *b, p2v_usec latency)
{
	if (b->n_latency == P2V_BUFFER_SAMPLES_MAX)
		return;
	if (b->n_latency == b->cap_latency) {
		size_t cap = b->cap_latency ? 2 * b->cap_latency : 16;
		int32_t *v = realloc(b->latency, cap * sizeof *v);

		if (!v)
			return; /* a sample less */
		b->latency = v;
		b->cap_latency = cap;
	}
	b->latency[b->n_latency++] = (int32_t)(latency / P2V_MSEC);
}

/* A fragment of the first track begins to play. */
static void begin(struct p2v_buffer *b, struct p2v_buffer_item *e, int64_t wall)
{
	if (b->begun && e->m.rendition != b->last_rendition)
		b->switches++;
	if (e->m.dated)
		sample(b, (p2v_usec)(wall - e->m.date));
	b->last_bitrate = e->m.bitrate;
	b->last_rendition = e->m.rendition;
	b->begun++;
	e->begun = true;
}

/* Move the playhead in real time.
 * @param lag  [us] wall time less the monotonic one */
static void play_to(struct p2v_buffer *b, p2v_usec to, int64_t lag)
{
	struct p2v_buffer_track *k = &b->v[0];

	for (size_t i = index_at(k, b->at); i < k->n && k->v[i].m.t <= to; i++) {
		struct p2v_buffer_item *e = &k->v[i];
		p2v_usec from = e->m.t > b->at ? e->m.t : b->at;
		p2v_usec end = end_of(e) < to ? end_of(e) : to;

		if (!e->begun)
			begin(b, e,
				lag + b->since + (from - b->at) +
					(b->at > e->m.t ? e->m.t - b->at : 0));
		b->bits += (double)e->m.bitrate * (double)(end - from);
	}
	b->played += to - b->at;
	b->since += to - b->at;
	b->at = to;
	drop_played(b);
}

/* The playhead has come to the end of what there is. */
static void run_dry(struct p2v_buffer *b)
{
	p2v_usec start;

	if (next_start(b, b->at, &start)) {
		b->jumps++;
		b->jumped += start - b->at;
		b->at = start;
		drop_played(b);
	} else if (all_ended(b)) {
		b->state = P2V_BUFFER_FINISHED;
	} else {
		b->state = P2V_BUFFER_STALLED;
		b->stalls++;
	}
}

void p2v_buffer_advance(struct p2v_buffer *b, p2v_usec now, int64_t wall)
{
	while (b->state == P2V_BUFFER_PLAYING) {
		p2v_usec end = reach_all(b, b->at), to = b->at + (now - b->since);

		play_to(b, to < end ? to : end, wall - now);
		if (to < end)
			return;
		run_dry(b);
	}
}

/* Start, or go on, if there is enough. */
static void wake(struct p2v_buffer *b, p2v_usec now, int64_t wall)
{
	bool starting = b->state == P2V_BUFFER_STARTING, ended = all_ended(b);
	p2v_usec need = starting ? b->start : b->resume, start, ahead;

	if ((!starting && b->state != P2V_BUFFER_STALLED) || b->at == P2V_UNKNOWN)
		return;
	if (!next_start(b, b->at, &start)) {
		if (!starting && ended) { /* what looked like a stall was the end */
			b->state = P2V_BUFFER_FINISHED;
			b->stalls--;
		}
		return;
	}
	ahead = reach_all(b, start) - start;
	if (ahead < need && !ended)
		return;
	if (starting)
		b->startup = now - b->opened;
	else
		b->stalled += now - b->since;
	if (start > b->at && !starting) {
		b->jumps++;
		b->jumped += start - b->at;
	}
	b->at = start;
	b->since = now;
	b->state = P2V_BUFFER_PLAYING;
	p2v_buffer_advance(b, now, wall);
}

int p2v_buffer_append(
	struct p2v_buffer *b, size_t track, const struct p2v_media *m, p2v_usec now, int64_t wall)
{
	struct p2v_buffer_track *k = &b->v[track];

	assert(track < b->n_tracks && (k->n == 0 || m->t >= end_of(&k->v[k->n - 1])));
	p2v_buffer_advance(b, now, wall);
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 8;
		struct p2v_buffer_item *v = realloc(k->v, cap * sizeof *v);

		if (!v)
			return P2V_ENOMEM;
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n++] = (struct p2v_buffer_item){ *m, false };
	if (b->at == P2V_UNKNOWN || (b->state == P2V_BUFFER_STARTING && m->t < b->at))
		b->at = b->from != P2V_UNKNOWN && b->from > m->t ? b->from : m->t;
	wake(b, now, wall);
	return P2V_OK;
}

void p2v_buffer_seek(struct p2v_buffer *b, p2v_usec from)
{
	assert(b->state == P2V_BUFFER_STARTING);
	b->from = from;
}

void p2v_buffer_end(struct p2v_buffer *b, size_t track, p2v_usec now, int64_t wall)
{
	p2v_usec start;

	p2v_buffer_advance(b, now, wall);
	b->v[track].ended = true;
	if (b->state == P2V_BUFFER_STALLED && spent(&b->v[track], b->at) &&
		next_start(b, b->at, &start)) {
		/* What looked like a stall was this track's end. */
		b->stalls--;
		b->since = now;
		b->state = P2V_BUFFER_PLAYING;
		p2v_buffer_advance(b, now, wall);
		return;
	}
	wake(b, now, wall);
}

/* ---- what can be asked ---- */

p2v_usec p2v_buffer_dry(const struct p2v_buffer *b)
{
	return b->state == P2V_BUFFER_PLAYING ? b->since + (reach_all(b, b->at) - b->at)
					      : P2V_NEVER;
}

p2v_usec p2v_buffer_ahead(const struct p2v_buffer *b, size_t track)
{
	const struct p2v_buffer_track *k = &b->v[track];
	size_t i;

	if (b->at == P2V_UNKNOWN)
		return 0;
	i = index_at(k, b->at);
	if (i == k->n)
		return 0;
	/* Behind a hole the playhead will jump: the media there counts. */
	return reach(k, k->v[i].m.t > b->at + HOLE_MAX ? k->v[i].m.t : b->at) -
	       (k->v[i].m.t > b->at + HOLE_MAX ? k->v[i].m.t : b->at);
}

p2v_usec p2v_buffer_stalled(const struct p2v_buffer *b, p2v_usec now)
{
	return b->stalled + (b->state == P2V_BUFFER_STALLED ? now - b->since : 0);
}

p2v_usec p2v_buffer_latency(const struct p2v_buffer *b, p2v_usec now, int64_t wall)
{
	const struct p2v_buffer_track *k = &b->v[0];
	size_t i = b->at == P2V_UNKNOWN ? 0 : index_at(k, b->at);
	p2v_usec at = b->at;

	if (i >= k->n || !k->v[i].m.dated || b->startup == P2V_UNKNOWN)
		return P2V_UNKNOWN;
	if (b->state == P2V_BUFFER_PLAYING)
		at += now - b->since;
	return (p2v_usec)(wall - k->v[i].m.date) - (at - k->v[i].m.t);
}

static int by_size(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

p2v_usec p2v_buffer_latency_median(const struct p2v_buffer *b)
{
	size_t n = b->n_latency;
	int32_t *v;
	p2v_usec median;

	if (n == 0)
		return P2V_UNKNOWN;
	v = malloc(n * sizeof *v);
	if (!v)
		return P2V_UNKNOWN;
	memcpy(v, b->latency, n * sizeof *v);
	qsort(v, n, sizeof *v, by_size);
	median = ((p2v_usec)v[(n - 1) / 2] + v[n / 2]) * P2V_MSEC / 2;
	free(v);
	return median;
}
