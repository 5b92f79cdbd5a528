/* encoder.c - an HLS stream out of arithmetic: which files there are at a time. What the media
 * files hold is in content.c, what the playlists say in playlist.c. */
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/cdn/inside.h"

/* clang-format off */
const struct p2v_option p2v_encoder_options[] = {
	P2V_OPT_BOOL(struct p2v_encoder_conf, live, "yes", "a live stream; no: all of it is there and ends"),
	P2V_OPT_USEC(struct p2v_encoder_conf, fragment, "2s", 1e5, 6e7, "s", "how long each fragment is"),
	P2V_OPT_USEC(struct p2v_encoder_conf, part, "0s", 0, 6e7, "s",
		"low latency: how long the parts are in which each fragment is published before it is whole; 0: none"),
	P2V_OPT_REAL(struct p2v_encoder_conf, hold_back, "3", 3, 100, "1",
		"how far from the end of the playlist players are told to stay, in parts (RFC 8216bis asks for three)"),
	P2V_OPT_BOOL(struct p2v_encoder_conf, blocks, "yes",
		"where there are parts: requests that ask for it are held until there is more"),
	P2V_OPT_BOOL(struct p2v_encoder_conf, hints, "yes", "where there are parts: playlists tell of the next one, whose request is held"),
	P2V_OPT_U32(struct p2v_encoder_conf, window, "6", 1, 1000, "1", "fragments in a live playlist"),
	P2V_OPT_U32(struct p2v_encoder_conf, keep, "3", 0, 1000, "1",
		"fragments that can still be fetched after they left the playlist"),
	P2V_OPT_U32(struct p2v_encoder_conf, fragments, "30", 1, 100000, "1", "fragments of a stream that is not live"),
	P2V_OPT_U32(struct p2v_encoder_conf, per_file, "1", 1, 100, "1",
		"fragments in one file; above 1 the playlists give byte ranges"),
	P2V_OPT_BOOL(struct p2v_encoder_conf, dates, "yes", "playlists tell the date of each fragment"),
	P2V_OPT_BOOL(struct p2v_encoder_conf, init, "no", "fragments need an initialisation segment (fMP4)"),
	P2V_OPT_REAL(struct p2v_encoder_conf, vary, "0", 0, 0.5, "1", "by which part fragment sizes vary"),
	P2V_OPT_U64(struct p2v_encoder_conf, seed, "1", 0, 1e18, "1", "of the content"),
	P2V_OPT_END
};
/* clang-format on */

/* ---- time ---- */

struct p2v_encoder *p2v_encoder_new(const struct p2v_encoder_conf *conf, p2v_usec now, int64_t wall)
{
	struct p2v_encoder *e = calloc(1, sizeof *e);
	p2v_usec age;

	if (!e)
		return NULL;
	e->conf = *conf;
	p2v_content_init(e);
	age = (p2v_usec)(conf->live ? conf->window + conf->keep : conf->fragments) * conf->fragment;
	e->start = now - age;
	e->wall = wall - age;
	e->ended = !conf->live;
	e->last = conf->fragments;
	return e;
}

void p2v_encoder_free(struct p2v_encoder *e)
{
	if (!e)
		return;
	p2v_content_fini(e);
	for (size_t i = 0; i < P2V_TOLD_MAX; i++)
		p2v_slice_drop(&e->told[i].file.text);
	free(e);
}

uint64_t p2v_encoder_complete(const struct p2v_encoder *e, p2v_usec now)
{
	uint64_t n = now > e->start ? (uint64_t)((now - e->start) / e->conf.fragment) : 0;

	return e->ended && n > e->last ? e->last : n;
}

p2v_usec p2v_encoder_due(const struct p2v_encoder *e, uint64_t fragment)
{
	return e->start + (p2v_usec)(fragment + 1) * e->conf.fragment;
}

void p2v_encoder_restart(struct p2v_encoder *e, p2v_usec now)
{
	e->old_last = p2v_encoder_complete(e, now);
	e->old_start = e->start;
	e->old_wall = e->wall;
	e->generation++;
	e->wall += now - e->start;
	e->start = now;
	e->ended = false;
}

void p2v_encoder_end(struct p2v_encoder *e, p2v_usec now)
{
	if (e->ended)
		return;
	e->last = p2v_encoder_complete(e, now);
	e->ended = true;
}

/* ---- parts ---- */

p2v_usec p2v_encoder_part(const struct p2v_encoder *e, uint32_t part)
{
	p2v_usec from = (p2v_usec)part * e->conf.part;

	if (!p2v_encoder_has_parts(e) || from >= e->conf.fragment)
		return 0;
	return e->conf.fragment - from < e->conf.part ? e->conf.fragment - from : e->conf.part;
}

/* When it is complete. */
static p2v_usec part_due(const struct p2v_encoder *e, uint64_t fragment, uint32_t part)
{
	return e->start + (p2v_usec)fragment * e->conf.fragment + (p2v_usec)part * e->conf.part +
	       p2v_encoder_part(e, part);
}

/* [B] of a fragment that come before a part. */
static uint64_t part_from(
	const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t part)
{
	p2v_usec t = (p2v_usec)part * e->conf.part;

	t = t < e->conf.fragment ? t : e->conf.fragment;
	return p2v_encoder_size(e, rendition, fragment) * (uint64_t)t / (uint64_t)e->conf.fragment;
}

/* How many parts there are of the fragment that is not complete yet. */
static uint32_t parts_at(const struct p2v_encoder *e, uint64_t fragment, p2v_usec now)
{
	p2v_usec ran = now - e->start - (p2v_usec)fragment * e->conf.fragment;

	return p2v_encoder_has_parts(e) && !e->ended && ran > 0 ? (uint32_t)(ran / e->conf.part)
								: 0;
}

static struct p2v_listed listed_at(const struct p2v_encoder *e, p2v_usec now)
{
	struct p2v_listed l = { 0, p2v_encoder_complete(e, now), 0, e->generation, e->wall,
		e->ended };

	l.parts = parts_at(e, l.end, now);
	if (l.end == 0 && e->generation > 0) {
		l.end = e->old_last;
		l.generation = e->generation - 1;
		l.wall = e->old_wall;
		l.parts = 0;
	}
	if (e->conf.live && l.end > e->conf.window)
		l.first = l.end - e->conf.window;
	return l;
}

/* ---- files ---- */

/* The numbers that name a state of a file, in an entity tag: "m0-2-117-1". */
static void put_etag(char etag[64], char kind, const uint64_t *v, size_t n)
{
	char *at = etag;

	*at++ = '"';
	*at++ = kind;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*at++ = '-';
		at += p2v_decimal(v[i], at);
	}
	*at++ = '"';
	*at = 0;
}

/* @return P2V_OK with the number, or P2V_ENOENT */
static int media_number(const struct p2v_encoder *e, struct p2v_str name, uint64_t *number)
{
	struct p2v_str digits;

	if (!p2v_str_starts(name, "seg"))
		return P2V_ENOENT;
	name.p += 3;
	name.n -= 3;
	if (!p2v_str_split(&name, '.', &digits) || !p2v_str_is(name, p2v_encoder_extension(e)) ||
		p2v_parse_u64(digits, 0, UINT32_MAX, number) < 0)
		return P2V_ENOENT;
	return P2V_OK;
}

/* Which of the fragments of media file `number` a generation still has: [first, end). */
static bool in_generation(const struct p2v_encoder *e, uint64_t number, uint64_t complete,
	uint64_t *first, uint64_t *end)
{
	uint64_t per = e->conf.per_file, kept = (uint64_t)e->conf.window + e->conf.keep;

	*first = number * per;
	*end = *first + per < complete ? *first + per : complete;
	return *first < *end && (!e->conf.live || *end + kept > complete);
}

static int find_media(const struct p2v_encoder *e, uint32_t rendition, uint64_t number,
	p2v_usec now, struct p2v_file *out)
{
	uint64_t first, end, complete = p2v_encoder_complete(e, now);
	int64_t wall = e->wall;

	out->generation = e->generation;
	if (!in_generation(e, number, complete, &first, &end)) {
		if (e->generation == 0 || !in_generation(e, number, e->old_last, &first, &end))
			return P2V_ENOENT;
		out->generation--;
		wall = e->old_wall;
		complete = e->old_last;
	}
	out->kind = P2V_FILE_MEDIA;
	out->number = number;
	out->size = 0;
	for (uint64_t k = first; k < end; k++)
		out->size += p2v_encoder_size(e, rendition, k);
	out->made = wall + (int64_t)end * e->conf.fragment;
	out->growing = end - first < e->conf.per_file && !e->ended;
	put_etag(
		out->etag, 'm', (uint64_t[]){ out->generation, rendition, number, end - first }, 4);
	return P2V_OK;
}

/* @return P2V_OK with fragment and part, or P2V_ENOENT */
static int part_number(
	const struct p2v_encoder *e, struct p2v_str name, uint64_t *fragment, uint32_t *part)
{
	struct p2v_str digits;
	uint64_t v;

	if (!p2v_encoder_has_parts(e) || !p2v_str_starts(name, "part"))
		return P2V_ENOENT;
	name.p += 4;
	name.n -= 4;
	if (!p2v_str_split(&name, '.', &digits) ||
		p2v_parse_u64(digits, 0, UINT32_MAX, fragment) < 0 ||
		!p2v_str_split(&name, '.', &digits) || p2v_parse_u64(digits, 0, 10000, &v) < 0 ||
		!p2v_str_is(name, p2v_encoder_extension(e)) ||
		p2v_encoder_part(e, (uint32_t)v) == 0)
		return P2V_ENOENT;
	*part = (uint32_t)v;
	return P2V_OK;
}

/* Parts are there as long as their fragment is, in a way: only of the present generation. */
static int find_part(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment,
	uint32_t part, p2v_usec now, struct p2v_file *out)
{
	uint64_t kept = (uint64_t)e->conf.window + e->conf.keep;
	p2v_usec due = part_due(e, fragment, part);

	if (due > now || fragment + kept < p2v_encoder_complete(e, now) ||
		(e->ended && fragment >= e->last))
		return P2V_ENOENT;
	out->kind = P2V_FILE_MEDIA;
	out->generation = e->generation;
	out->number = fragment;
	out->from = part_from(e, rendition, fragment, part);
	out->size = part_from(e, rendition, fragment, part + 1) - out->from;
	out->made = e->wall + (due - e->start);
	put_etag(out->etag, 'q', (uint64_t[]){ out->generation, rendition, fragment, part }, 4);
	return P2V_OK;
}

static int text_file(struct p2v_text *t, enum p2v_file_kind kind, struct p2v_file *out)
{
	out->kind = kind;
	out->size = t->n;
	out->text = t->oom ? (struct p2v_slice){ NULL, NULL, 0 } : p2v_slice_copy(t->p, t->n);
	p2v_text_fini(t);
	return out->text.p ? P2V_OK : P2V_ENOMEM;
}

static int make_playlist(const struct p2v_encoder *e, uint32_t rendition,
	const struct p2v_listed *l, struct p2v_file *out)
{
	struct p2v_text t = { 0 };

	out->rendition = rendition;
	out->generation = l->generation;
	out->made = l->wall + (int64_t)l->end * e->conf.fragment;
	out->made += l->parts * e->conf.part;
	put_etag(out->etag, 'p',
		(uint64_t[]){ l->generation, rendition, l->end, l->ended, l->parts },
		p2v_encoder_has_parts(e) ? 5 : 4);
	p2v_playlist_text(e, rendition, l, &t);
	return text_file(&t, P2V_FILE_PLAYLIST, out);
}

/* What it says depends on what is listed alone, and many viewers ask for the same. */
static int playlist_file(
	struct p2v_encoder *e, uint32_t rendition, const struct p2v_listed *l, struct p2v_file *out)
{
	struct p2v_told *told = &e->told[rendition % P2V_TOLD_MAX];
	int rc;

	if (!told->file.text.p || told->file.rendition != rendition ||
		told->l.generation != l->generation || told->l.end != l->end ||
		told->l.ended != l->ended || told->l.parts != l->parts) {
		rc = make_playlist(e, rendition, l, out);
		if (rc != P2V_OK)
			return rc;
		p2v_slice_drop(&told->file.text);
		told->file = *out;
		told->l = *l;
	}
	*out = told->file;
	out->text = p2v_slice_ref(told->file.text);
	return P2V_OK;
}

static int find_in_rendition(struct p2v_encoder *e, uint32_t rendition, struct p2v_str name,
	p2v_usec now, struct p2v_file *out)
{
	struct p2v_listed l = listed_at(e, now);
	uint64_t number;
	uint32_t part;

	out->rendition = rendition;
	if (p2v_str_is(name, "index.m3u8"))
		return playlist_file(e, rendition, &l, out);
	if (e->conf.init && p2v_str_is(name, "init.mp4")) {
		out->kind = P2V_FILE_INIT;
		out->size = P2V_INIT_SIZE;
		out->made = l.wall;
		out->generation = l.generation;
		put_etag(out->etag, 'i', (uint64_t[]){ l.generation, rendition }, 2);
		return P2V_OK;
	}
	if (part_number(e, name, &number, &part) == P2V_OK)
		return find_part(e, rendition, number, part, now, out);
	if (media_number(e, name, &number) < 0)
		return P2V_ENOENT;
	return find_media(e, rendition, number, now, out);
}

static const struct p2v_encoder_rendition *rendition_at(
	const struct p2v_encoder *e, struct p2v_str *path, uint32_t *index)
{
	struct p2v_str folder;

	if (!p2v_str_split(path, '/', &folder))
		return NULL;
	for (*index = 0; *index < e->conf.n; ++*index)
		if (p2v_str_is(folder, e->conf.renditions[*index].name))
			return &e->conf.renditions[*index];
	return NULL;
}

int p2v_encoder_find(struct p2v_encoder *e, struct p2v_str path, p2v_usec now, struct p2v_file *out)
{
	struct p2v_text t = { 0 };
	uint32_t rendition;

	memset(out, 0, sizeof *out);
	if (p2v_str_is(path, "master.m3u8")) {
		p2v_master_text(e, &t);
		out->made = e->wall;
		(void)snprintf(out->etag, sizeof out->etag, "\"master\"");
		return text_file(&t, P2V_FILE_MASTER, out);
	}
	if (!rendition_at(e, &path, &rendition))
		return P2V_ENOENT;
	return find_in_rendition(e, rendition, path, now, out);
}

/* When a playlist lists what is asked for. */
static p2v_usec listed_from(const struct p2v_encoder *e, const struct p2v_directives *q)
{
	p2v_usec at = p2v_encoder_due(e, q->msn);

	if (!q->has_part)
		return at;
	if (p2v_encoder_part(e, (uint32_t)(q->part < 10000 ? q->part : 10000)) > 0)
		return part_due(e, q->msn, (uint32_t)q->part);
	return part_due(e, q->msn + 1, 0); /* behind the last one is the first of the next */
}

p2v_usec p2v_encoder_held_until(const struct p2v_encoder *e, struct p2v_str path,
	const struct p2v_directives *q, p2v_usec now)
{
	uint64_t fragment = 0, complete = p2v_encoder_complete(e, now);
	uint32_t rendition, part = 0;
	p2v_usec at;

	if (!p2v_encoder_has_parts(e) || e->ended || !rendition_at(e, &path, &rendition))
		return now;
	if (p2v_str_is(path, "index.m3u8")) {
		if (!q->has_msn || !e->conf.blocks)
			return now;
		if (q->msn > complete + 1)
			return P2V_NEVER;
		at = listed_from(e, q);
		return at - now > 3 * e->conf.fragment ? P2V_NEVER : at;
	}
	if (!e->conf.hints || part_number(e, path, &fragment, &part) < 0 || fragment != complete ||
		part != parts_at(e, complete, now))
		return now;
	return part_due(e, fragment, part);
}

int p2v_encoder_place(const struct p2v_encoder *e, struct p2v_str path, struct p2v_media_place *out)
{
	uint32_t part;

	if (!rendition_at(e, &path, &out->rendition))
		return P2V_ENOENT;
	out->from = 0;
	if (part_number(e, path, &out->fragment, &part) == P2V_OK) {
		out->from = part_from(e, out->rendition, out->fragment, part);
		return P2V_OK;
	}
	out->fragment = P2V_INIT_NUMBER;
	if (e->conf.init && p2v_str_is(path, "init.mp4"))
		return P2V_OK;
	if (media_number(e, path, &out->fragment) < 0)
		return P2V_ENOENT;
	out->fragment *= e->conf.per_file;
	return P2V_OK;
}

int p2v_encoder_match(
	const struct p2v_encoder *e, struct p2v_str path, uint64_t off, struct p2v_bytes b)
{
	struct p2v_media_place at;
	int rc = p2v_encoder_place(e, path, &at);

	return rc < 0 ? rc : p2v_encoder_match_at(e, &at, off, b);
}
