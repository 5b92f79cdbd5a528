/* stream.c - segments out of chunks, and how long they are kept. */
#include "sdk/origin/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const parts_kinds[] = { "files", "ranges", NULL };

const struct p2v_option p2v_cmaf_options[] = {
	P2V_OPT_USEC(struct p2v_cmaf_conf, segment, "2s", 5e5, 6e7, "s",
		"length of a segment: that of the encoder's groups of pictures, or several of them"),
	P2V_OPT_USEC(struct p2v_cmaf_conf, window, "30s", 2e6, 3.6e9, "s",
		"how much of the stream playlists list; it is kept twice as long"),
	P2V_OPT_ENUM(struct p2v_cmaf_conf, parts, "files", parts_kinds,
		"what HLS calls parts: files of their own, or byte ranges of their segments"),
	P2V_OPT_U64(struct p2v_cmaf_conf, memory, "512Mi", 1 << 20, 1e12, "B",
		"most media that is kept, all renditions together"),
	P2V_OPT_END
};
/* clang-format on */

int p2v_cmaf_check(const struct p2v_cmaf_conf *conf, struct p2v_err *err)
{
	/* RFC 8216bis 6.2.2: a live playlist is not shorter than three target durations. */
	if (conf->window < 3 * conf->segment)
		return p2v_fail(
			err, P2V_ECONF, "the window has to be three segments long at least");
	return P2V_OK;
}

/* ---- memory ---- */

static void drop_segment(struct p2v_cmaf_segment *g)
{
	for (size_t i = 0; i < g->n_parts; i++)
		p2v_slice_drop(&g->parts[i].bytes);
	free(g->parts);
}

static void drop_first(struct p2v_cmaf_rendition *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		r->size -= r->v[i].size;
		drop_segment(&r->v[i]);
	}
	r->n -= n;
	if (n)
		memmove(r->v, r->v + n, r->n * sizeof *r->v);
	r->listed = r->listed > n ? r->listed - n : 0;
}

/* RFC 8216bis 6.2.2: a segment can be had for its own length and that of the longest playlist that
 * listed it after it is listed no longer. */
static void drop_old(struct p2v_cmaf_rendition *r)
{
	const struct p2v_cmaf_conf *c = &r->stream->conf;
	const struct p2v_cmaf_segment *last = &r->v[r->n - 1];
	p2v_usec edge = last->t + last->dur;
	size_t old = 0;

	while (r->listed + 1 < r->n && r->v[r->listed].t + r->v[r->listed].dur <= edge - c->window)
		r->listed++;
	while (old < r->listed &&
		r->v[old].t + r->v[old].dur <= edge - 2 * c->window - r->v[old].dur)
		old++;
	drop_first(r, old);
}

static void bound_memory(struct p2v_cmaf_rendition *r)
{
	while (r->n > 2 && r->size > r->stream->conf.memory / r->stream->n)
		drop_first(r, 1);
}

static struct p2v_cmaf_segment *add_segment(struct p2v_cmaf_rendition *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 32;
		struct p2v_cmaf_segment *v = realloc(r->v, cap * sizeof *v);

		if (!v)
			return NULL;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n] = (struct p2v_cmaf_segment){ .n = 0 };
	return &r->v[r->n++];
}

static struct p2v_cmaf_part *add_part(struct p2v_cmaf_segment *g)
{
	if (g->n_parts == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct p2v_cmaf_part *v = realloc(g->parts, cap * sizeof *v);

		if (!v)
			return NULL;
		g->parts = v;
		g->cap = cap;
	}
	return &g->parts[g->n_parts++];
}

/* ---- segments ---- */

static struct p2v_cmaf_segment *open_segment(struct p2v_cmaf_rendition *r)
{
	return r->n && !r->v[r->n - 1].whole ? &r->v[r->n - 1] : NULL;
}

static bool leads_picture(const struct p2v_cmaf_rendition *r)
{
	return r->info.tracks[r->info.lead].video;
}

/* Times of chunks are not exact: half a part is near enough. */
static bool due(const struct p2v_cmaf_rendition *r, p2v_usec t, p2v_usec part)
{
	return t >= r->next - part / 2;
}

static void look_whether_ready(struct p2v_cmaf_stream *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct p2v_cmaf_rendition *r = &s->r[i];

		if (r->n && r->v[0].whole)
			any = true;
		else if (!r->ended)
			return;
	}
	s->ready = s->ready || any;
}

static void close_segment(struct p2v_cmaf_rendition *r)
{
	struct p2v_cmaf_stream *s = r->stream;
	struct p2v_cmaf_segment *g = open_segment(r);
	p2v_usec whole;
	uint64_t rate;

	if (!g)
		return;
	g->whole = true;
	whole = (g->dur + P2V_SECOND / 2) / P2V_SECOND * P2V_SECOND;
	if (whole > s->target)
		s->target = whole;
	rate = g->dur > 0 ? g->size * 8 * 1000 / ((uint64_t)g->dur / 1000 + 1) : 0;
	if (rate > r->peak)
		r->peak = rate;
	look_whether_ready(s);
}

/* The picture's segments are as long as its groups of pictures make them. Sound can be cut at any
 * chunk: its segments follow the clock, so that they stay beside those of the picture. */
static int begin_segment(
	struct p2v_cmaf_rendition *r, const struct p2v_mp4_chunk *c, struct p2v_err *err)
{
	p2v_usec length = r->stream->conf.segment;
	uint64_t n = r->n ? r->v[r->n - 1].n + 1 : (uint64_t)((c->t + length / 2) / length);
	struct p2v_cmaf_segment *g;

	close_segment(r);
	g = add_segment(r);
	if (!g)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a segment");
	g->n = n;
	g->t = c->t;
	r->next = c->t + length;
	if (!leads_picture(r))
		r->next -= (c->t + length / 2) % length - length / 2;
	drop_old(r);
	return P2V_OK;
}

static void note_date(struct p2v_cmaf_stream *s, int64_t wall, p2v_usec end)
{
	if (s->ready || (s->dated && wall - end >= s->epoch))
		return;
	s->dated = true;
	s->epoch = wall - end;
}

/* It should never change once it was told, so it is rounded up: encoders' clocks jitter. */
static void note_part(struct p2v_cmaf_stream *s, p2v_usec dur)
{
	const p2v_usec step = 10 * P2V_MSEC;

	if (dur > s->part_target)
		s->part_target = (dur + step - 1) / step * step;
}

static int put_chunk(
	struct p2v_cmaf_rendition *r, const struct p2v_mp4_chunk *c, struct p2v_err *err)
{
	struct p2v_cmaf_segment *g = open_segment(r);
	struct p2v_cmaf_part *p;
	int rc;

	if (g && c->t < g->t + g->dur - P2V_SECOND)
		return p2v_fail(err, P2V_EPARSE,
			"the encoder's clock goes back from %lld to %lld us",
			(long long)(g->t + g->dur), (long long)c->t);
	if (!g && !c->independent)
		return P2V_OK; /* nobody can begin with it */
	if (!g || (c->independent && due(r, c->t, c->dur))) {
		rc = begin_segment(r, c, err);
		if (rc < 0)
			return rc;
		g = &r->v[r->n - 1];
	}
	if (g->size + c->bytes.n > r->stream->conf.memory / r->stream->n / 2)
		return p2v_fail(err, P2V_ELIMIT,
			"a segment of over %llu bytes: there is no key frame, or too little memory",
			(unsigned long long)g->size);
	p = add_part(g);
	if (!p)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a part");
	*p = (struct p2v_cmaf_part){ .bytes = p2v_slice_ref(c->bytes),
		.off = g->size,
		.t = c->t,
		.dur = c->dur,
		.independent = c->independent };
	g->size += c->bytes.n;
	r->size += c->bytes.n;
	g->dur = c->t + c->dur - g->t;
	note_part(r->stream, c->dur);
	bound_memory(r);
	return P2V_OK;
}

/* ---- what the parser tells ---- */

/* Its context while bytes are fed. */
struct feeding {
	struct p2v_cmaf_rendition *r;
	int64_t wall;
	struct p2v_err *err;
};

static int on_init(void *ctx, struct p2v_slice bytes, const struct p2v_mp4_info *info)
{
	struct p2v_cmaf_rendition *r = ((struct feeding *)ctx)->r;

	r->init = p2v_slice_ref(bytes);
	r->info = *info;
	return P2V_OK;
}

static int on_chunk(void *ctx, const struct p2v_mp4_chunk *c)
{
	struct feeding *f = ctx;

	note_date(f->r->stream, f->wall, c->t + c->dur);
	return put_chunk(f->r, c, f->err);
}

static const struct p2v_mp4_sink sink = { on_init, on_chunk };

/* ---- the interface ---- */

void p2v_cmaf_init(struct p2v_cmaf_stream *s, const struct p2v_cmaf_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->conf = *conf;
	s->target = (conf->segment + P2V_SECOND / 2) / P2V_SECOND * P2V_SECOND;
	if (s->target == 0)
		s->target = P2V_SECOND;
}

void p2v_cmaf_fini(struct p2v_cmaf_stream *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct p2v_cmaf_rendition *r = &s->r[i];

		drop_first(r, r->n);
		free(r->v);
		p2v_slice_drop(&r->init);
		p2v_mp4_fini(&r->mp4);
	}
	s->n = 0;
}

int p2v_cmaf_add(struct p2v_cmaf_stream *s, const char *name, struct p2v_err *err)
{
	struct p2v_cmaf_rendition *r;
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (n == 0 || name[n] || n >= P2V_CMAF_NAME)
		return p2v_fail(err, P2V_EPARSE,
			"'%.60s' is no name for a rendition: letters, digits, '-' and '_', at most %d",
			name, P2V_CMAF_NAME - 1);
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->r[i].name, name) == 0)
			return p2v_fail(err, P2V_EPARSE, "two renditions have the name '%s'", name);
	if (s->n == P2V_CMAF_RENDITIONS)
		return p2v_fail(err, P2V_ELIMIT, "more than %d renditions", P2V_CMAF_RENDITIONS);
	r = &s->r[s->n++];
	*r = (struct p2v_cmaf_rendition){ .stream = s };
	memcpy(r->name, name, n + 1);
	return P2V_OK;
}

static void end(struct p2v_cmaf_rendition *r)
{
	close_segment(r);
	r->ended = true;
	look_whether_ready(r->stream);
}

int p2v_cmaf_feed(
	struct p2v_cmaf_rendition *r, struct p2v_bytes b, int64_t wall, struct p2v_err *err)
{
	struct feeding f = { r, wall, err };
	int rc;

	assert(!r->ended);
	if (!r->mp4.sink)
		p2v_mp4_init(&r->mp4, &sink, NULL);
	r->mp4.ctx = &f;
	rc = p2v_mp4_feed(&r->mp4, b, err);
	r->mp4.ctx = NULL;
	if (rc < 0)
		end(r);
	return rc;
}

int p2v_cmaf_end(struct p2v_cmaf_rendition *r, struct p2v_err *err)
{
	if (!r->ended)
		end(r);
	return p2v_mp4_end(&r->mp4, err);
}

bool p2v_cmaf_ended(const struct p2v_cmaf_stream *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->r[i].ended)
			return false;
	return true;
}

const struct p2v_cmaf_segment *p2v_cmaf_find(const struct p2v_cmaf_rendition *r, uint64_t n)
{
	if (r->n == 0 || n < r->v[0].n || n - r->v[0].n >= r->n)
		return NULL;
	return &r->v[n - r->v[0].n];
}

const struct p2v_cmaf_segment *p2v_cmaf_edge(const struct p2v_cmaf_rendition *r)
{
	return r->n ? &r->v[r->n - 1] : NULL;
}

struct p2v_cmaf_place p2v_cmaf_next(const struct p2v_cmaf_rendition *r)
{
	const struct p2v_cmaf_segment *g = p2v_cmaf_edge(r);

	if (!g)
		return (struct p2v_cmaf_place){ 0, 0 };
	if (g->whole || due(r, g->t + g->dur, r->stream->part_target))
		return (struct p2v_cmaf_place){ g->n + 1, 0 };
	return (struct p2v_cmaf_place){ g->n, g->n_parts };
}
