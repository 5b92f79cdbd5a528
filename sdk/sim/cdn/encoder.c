/* encoder.c - an HLS stream out of arithmetic. A fragment's bytes are words of a hash of (seed,
 * rendition, fragment, generation, offset), so that any byte can be checked without being kept. */
#include "sdk/sim/cdn/encoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/list.h"
#include "framework/base/random.h"

enum { INIT_SIZE = 800, CACHED_MAX = 96 };
#define INIT_NUMBER                                                                   \
	UINT64_MAX /* the fragment number that an initialisation segment's bytes have \
		    */

/* [B] A fragment is kept whole; or, to be shared, in pieces such as the framework keeps it in, so
 * that both are the same memory. */
enum { WHOLE = 1 << 30, PIECE = 16384 };

/* A fragment's bytes, kept while they are likely to be asked for again. */
struct cached {
	struct p2v_list in_cache;
	uint32_t rendition, generation;
	uint64_t fragment;
	size_t n;
	struct p2v_buf *piece[]; /* shape (n) */
};

enum { TOLD_MAX = 8 };

/* What the playlists list: fragments first … end - 1 of one generation. */
struct listed {
	uint64_t first, end;
	uint32_t parts; /* of fragment `end` */
	uint32_t generation;
	int64_t wall;
	bool ended;
};

/* A playlist as it was last made. */
struct told {
	struct listed l;
	struct p2v_file file; /* without text: none yet */
};

struct p2v_encoder {
	struct p2v_encoder_conf conf;
	struct p2v_world world; /* where equal bytes may be kept once; ops NULL: nowhere */
	size_t piece;           /* WHOLE or PIECE */
	p2v_usec start;         /* when fragment 0 began */
	int64_t wall;           /* [us] of `start` */
	bool ended;
	uint64_t last; /* fragments when it ended */
	uint32_t generation;
	/* Of the generation before: */
	p2v_usec old_start;
	int64_t old_wall;
	uint64_t old_last;
	struct p2v_list cache; /* what was read last first */
	size_t n_cached;
	struct told told[TOLD_MAX]; /* by rendition, as far as they go */
};

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

/* ---- content ---- */

static uint64_t content_key(
	const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	uint64_t k = p2v_mix64(e->conf.seed + UINT64_C(0x9e3779b97f4a7c15));

	k = p2v_mix64(k ^ rendition);
	k = p2v_mix64(k ^ fragment);
	return p2v_mix64(k ^ generation);
}

static uint8_t content_byte(uint64_t key, uint64_t off)
{
	return (uint8_t)(p2v_mix64(key + off / 8) >> (8 * (off % 8)));
}

static void put64(uint8_t *p, uint64_t v)
{
	/* Written out: compilers make one store of it. */
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
	p[4] = (uint8_t)(v >> 32);
	p[5] = (uint8_t)(v >> 40);
	p[6] = (uint8_t)(v >> 48);
	p[7] = (uint8_t)(v >> 56);
}

/* @param off  [B] a multiple of 8 */
static void content_fill(uint64_t key, uint64_t off, uint8_t *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		put64(p + i, p2v_mix64(key + (off + i) / 8));
	for (; i < n; i++)
		p[i] = content_byte(key, off + i);
}

uint64_t p2v_encoder_size(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment)
{
	uint64_t size = e->conf.renditions[rendition].bitrate * (uint64_t)e->conf.fragment /
			(8 * P2V_SECOND);
	uint64_t chance = p2v_mix64(p2v_mix64(e->conf.seed) ^ fragment) >> 40; /* 24 bits */

	if (fragment == INIT_NUMBER)
		return INIT_SIZE;
	if (e->conf.vary > 0)
		size = (uint64_t)((double)size *
				  (1 + e->conf.vary * ((double)chance / 8388608.0 - 1)));
	return size ? size : 1;
}

static struct cached *at_hand(
	const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	P2V_LIST_EACH (it, &e->cache) {
		struct cached *c = P2V_OF(it, struct cached, in_cache);

		if (c->fragment == fragment && c->rendition == rendition &&
			c->generation == generation)
			return c;
	}
	return NULL;
}

static void cached_free(struct cached *c)
{
	for (size_t i = 0; i < c->n; i++)
		p2v_buf_unref(c->piece[i]);
	p2v_list_remove(&c->in_cache);
	free(c);
}

/* @return false: no memory */
static bool make_pieces(const struct p2v_encoder *e, struct cached *c, uint64_t size)
{
	const struct p2v_world *w = &e->world;
	uint64_t key = content_key(e, c->rendition, c->fragment, c->generation);

	for (uint64_t off = 0; off < size; off += e->piece) {
		size_t n = size - off < e->piece ? (size_t)(size - off) : e->piece;
		struct p2v_buf *b = p2v_buf_new(n);

		if (!b)
			return false;
		content_fill(key, off, b->data, n);
		if (w->ops && w->ops->share)
			b = w->ops->share(w->self, b);
		c->piece[c->n++] = b;
	}
	return true;
}

/* @return the fragment's bytes; NULL: no memory */
static const struct cached *content(
	struct p2v_encoder *e, uint32_t rendition, uint64_t fragment, uint32_t generation)
{
	struct cached *c = at_hand(e, rendition, fragment, generation);
	uint64_t size;

	if (c) {
		p2v_list_remove(&c->in_cache);
		p2v_list_push_front(&e->cache, &c->in_cache);
		return c;
	}
	size = p2v_encoder_size(e, rendition, fragment);
	c = calloc(1, sizeof *c + (size_t)((size + e->piece - 1) / e->piece) * sizeof *c->piece);
	if (!c)
		return NULL;
	p2v_list_init(&c->in_cache);
	c->rendition = rendition;
	c->fragment = fragment;
	c->generation = generation;
	if (!make_pieces(e, c, size)) {
		cached_free(c);
		return NULL;
	}
	if (e->n_cached == CACHED_MAX)
		cached_free(P2V_OF(e->cache.prev, struct cached, in_cache));
	else
		e->n_cached++;
	p2v_list_push_front(&e->cache, &c->in_cache);
	return c;
}

/* ---- time ---- */

struct p2v_encoder *p2v_encoder_new(const struct p2v_encoder_conf *conf, p2v_usec now, int64_t wall)
{
	struct p2v_encoder *e = calloc(1, sizeof *e);
	p2v_usec age;

	if (!e)
		return NULL;
	e->conf = *conf;
	e->piece = WHOLE;
	age = (p2v_usec)(conf->live ? conf->window + conf->keep : conf->fragments) * conf->fragment;
	e->start = now - age;
	e->wall = wall - age;
	e->ended = !conf->live;
	e->last = conf->fragments;
	p2v_list_init(&e->cache);
	return e;
}

void p2v_encoder_free(struct p2v_encoder *e)
{
	if (!e)
		return;
	P2V_LIST_EACH (it, &e->cache)
		cached_free(P2V_OF(it, struct cached, in_cache));
	for (size_t i = 0; i < TOLD_MAX; i++)
		p2v_slice_drop(&e->told[i].file.text);
	free(e);
}

void p2v_encoder_share(struct p2v_encoder *e, const struct p2v_world *w)
{
	assert(e->n_cached == 0);
	e->world = *w;
	e->piece = PIECE;
}

uint64_t p2v_encoder_held(const struct p2v_encoder *e)
{
	uint64_t n = 0;

	if (e->world.ops)
		return 0;
	P2V_LIST_EACH (it, &e->cache) {
		const struct cached *c = P2V_OF(it, struct cached, in_cache);

		for (size_t i = 0; i < c->n; i++)
			n += c->piece[i]->size;
	}
	return n;
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

static bool has_parts(const struct p2v_encoder *e)
{
	return e->conf.live && e->conf.per_file == 1 && e->conf.part > 0 &&
	       e->conf.part < e->conf.fragment;
}

p2v_usec p2v_encoder_part(const struct p2v_encoder *e, uint32_t part)
{
	p2v_usec from = (p2v_usec)part * e->conf.part;

	if (!has_parts(e) || from >= e->conf.fragment)
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

	return has_parts(e) && !e->ended && ran > 0 ? (uint32_t)(ran / e->conf.part) : 0;
}

static struct listed listed_at(const struct p2v_encoder *e, p2v_usec now)
{
	struct listed l = { 0, p2v_encoder_complete(e, now), 0, e->generation, e->wall, e->ended };

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

/* ---- manifests ---- */

struct p2v_date p2v_date_of(int64_t wall)
{
	int64_t day = wall / (86400 * P2V_SECOND), us = wall % (86400 * P2V_SECOND);
	struct p2v_date d = { .year = 1970, .weekday = (unsigned)((day + 4) % 7) };

	for (;; d.year++) {
		bool leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
		const int days[] = { 31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

		if (day < 365 + leap) {
			for (; day >= days[d.month]; d.month++)
				day -= days[d.month];
			break;
		}
		day -= 365 + leap;
	}
	d.day = (unsigned)day + 1;
	d.hour = (unsigned)(us / P2V_SECOND / 3600);
	d.minute = (unsigned)(us / P2V_SECOND / 60 % 60);
	d.second = (unsigned)(us / P2V_SECOND % 60);
	d.us = (unsigned)(us % P2V_SECOND);
	return d;
}

static void add_date(struct p2v_text *t, int64_t wall)
{
	struct p2v_date d = p2v_date_of(wall);

	p2v_text_printf(t, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", d.year, d.month + 1, d.day,
		d.hour, d.minute, d.second, d.us);
}

static void master_text(const struct p2v_encoder *e, struct p2v_text *t)
{
	uint64_t audio = 0;

	p2v_text_puts(t, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (size_t i = 0; i < e->conf.n; i++) {
		const struct p2v_encoder_rendition *r = &e->conf.renditions[i];

		if (!r->audio)
			continue;
		p2v_text_printf(t,
			"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aud\",NAME=\"%s\",DEFAULT=%s,"
			"AUTOSELECT=YES,URI=\"%s/index.m3u8\"\n",
			r->name, audio ? "NO" : "YES", r->name);
		audio = audio > r->bitrate ? audio : r->bitrate;
	}
	for (size_t i = 0; i < e->conf.n; i++) {
		const struct p2v_encoder_rendition *r = &e->conf.renditions[i];
		double peak = (double)r->bitrate * (1 + e->conf.vary);

		if (r->audio)
			continue;
		p2v_text_printf(t, "#EXT-X-STREAM-INF:BANDWIDTH=%llu,AVERAGE-BANDWIDTH=%llu",
			(unsigned long long)(peak + 0.5) + (unsigned long long)audio,
			(unsigned long long)(r->bitrate + audio));
		if (r->w && r->h)
			p2v_text_printf(t, ",RESOLUTION=%ux%u", r->w, r->h);
		p2v_text_printf(t, "%s\n%s/index.m3u8\n", audio ? ",AUDIO=\"aud\"" : "", r->name);
	}
}

static const char *extension(const struct p2v_encoder *e)
{
	return e->conf.init ? "m4s" : "ts";
}

static void seconds_text(struct p2v_text *t, const char *name, p2v_usec v)
{
	p2v_text_printf(
		t, "%s%lld.%06lld", name, (long long)(v / P2V_SECOND), (long long)(v % P2V_SECOND));
}

/* RFC 8216bis 6.2.2: of fragments further than this from the end parts are no longer listed. */
enum { PARTED = 3 };

static void parts_text(const struct p2v_encoder *e, uint64_t k, uint32_t n, struct p2v_text *t)
{
	for (uint32_t i = 0; i < n && p2v_encoder_part(e, i) > 0; i++) {
		seconds_text(t, "#EXT-X-PART:DURATION=", p2v_encoder_part(e, i));
		p2v_text_printf(t, ",URI=\"part%llu.%u.%s\"%s\n", (unsigned long long)k, i,
			extension(e), i == 0 ? ",INDEPENDENT=YES" : "");
	}
}

static void low_latency_text(const struct p2v_encoder *e, struct p2v_text *t)
{
	p2v_usec back = (p2v_usec)(e->conf.hold_back * (double)e->conf.part);

	p2v_text_printf(
		t, "#EXT-X-SERVER-CONTROL:%s", e->conf.blocks ? "CAN-BLOCK-RELOAD=YES," : "");
	seconds_text(t, "PART-HOLD-BACK=", back);
	seconds_text(t, "\n#EXT-X-PART-INF:PART-TARGET=", e->conf.part);
	p2v_text_puts(t, "\n");
}

/* What comes next, here and in the other renditions. */
static void next_text(
	const struct p2v_encoder *e, uint32_t rendition, const struct listed *l, struct p2v_text *t)
{
	if (l->ended)
		return;
	parts_text(e, l->end, l->parts, t);
	if (e->conf.hints)
		p2v_text_printf(t, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part%llu.%u.%s\"\n",
			(unsigned long long)l->end, l->parts, extension(e));
	for (uint32_t i = 0; i < e->conf.n && l->end > 0; i++) {
		if (i == rendition)
			continue;
		p2v_text_printf(t, "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%llu",
			e->conf.renditions[i].name,
			(unsigned long long)(l->parts ? l->end : l->end - 1));
		p2v_text_printf(t, ",LAST-PART=%llu\n",
			(unsigned long long)(l->parts ? l->parts - 1
						      : (e->conf.fragment - 1) / e->conf.part));
	}
}

static void fragment_text(const struct p2v_encoder *e, uint32_t rendition, const struct listed *l,
	uint64_t k, struct p2v_text *t)
{
	uint32_t per = e->conf.per_file;
	p2v_usec dur = e->conf.fragment;

	if (e->conf.dates) {
		p2v_text_puts(t, "#EXT-X-PROGRAM-DATE-TIME:");
		add_date(t, l->wall + (int64_t)k * dur);
		p2v_text_puts(t, "\n");
	}
	if (has_parts(e) && k + PARTED >= l->end && !l->ended)
		parts_text(e, k, UINT32_MAX, t);
	seconds_text(t, "#EXTINF:", dur);
	p2v_text_puts(t, ",\n");
	if (per > 1) {
		uint64_t off = 0;

		for (uint64_t i = k - k % per; i < k; i++)
			off += p2v_encoder_size(e, rendition, i);
		p2v_text_printf(t, "#EXT-X-BYTERANGE:%llu@%llu\n",
			(unsigned long long)p2v_encoder_size(e, rendition, k),
			(unsigned long long)off);
	}
	p2v_text_printf(t, "seg%llu.%s\n", (unsigned long long)(k / per), extension(e));
}

static void playlist_text(
	const struct p2v_encoder *e, uint32_t rendition, const struct listed *l, struct p2v_text *t)
{
	p2v_text_printf(t,
		"#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%lld\n"
		"#EXT-X-MEDIA-SEQUENCE:%llu\n",
		has_parts(e) ? 9 : 6, (long long)((e->conf.fragment + P2V_SECOND / 2) / P2V_SECOND),
		(unsigned long long)l->first);
	if (has_parts(e))
		low_latency_text(e, t);
	if (!e->conf.live)
		p2v_text_puts(t, "#EXT-X-PLAYLIST-TYPE:VOD\n");
	if (e->conf.init)
		p2v_text_puts(t, "#EXT-X-MAP:URI=\"init.mp4\"\n");
	for (uint64_t k = l->first; k < l->end; k++)
		fragment_text(e, rendition, l, k, t);
	if (has_parts(e))
		next_text(e, rendition, l, t);
	if (l->ended)
		p2v_text_puts(t, "#EXT-X-ENDLIST\n");
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
	if (!p2v_str_split(&name, '.', &digits) || !p2v_str_is(name, extension(e)) ||
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

	if (!has_parts(e) || !p2v_str_starts(name, "part"))
		return P2V_ENOENT;
	name.p += 4;
	name.n -= 4;
	if (!p2v_str_split(&name, '.', &digits) ||
		p2v_parse_u64(digits, 0, UINT32_MAX, fragment) < 0 ||
		!p2v_str_split(&name, '.', &digits) || p2v_parse_u64(digits, 0, 10000, &v) < 0 ||
		!p2v_str_is(name, extension(e)) || p2v_encoder_part(e, (uint32_t)v) == 0)
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

static int make_playlist(const struct p2v_encoder *e, uint32_t rendition, const struct listed *l,
	struct p2v_file *out)
{
	struct p2v_text t = { 0 };

	out->rendition = rendition;
	out->generation = l->generation;
	out->made = l->wall + (int64_t)l->end * e->conf.fragment;
	out->made += l->parts * e->conf.part;
	put_etag(out->etag, 'p',
		(uint64_t[]){ l->generation, rendition, l->end, l->ended, l->parts },
		has_parts(e) ? 5 : 4);
	playlist_text(e, rendition, l, &t);
	return text_file(&t, P2V_FILE_PLAYLIST, out);
}

/* What it says depends on what is listed alone, and many viewers ask for the same. */
static int playlist_file(
	struct p2v_encoder *e, uint32_t rendition, const struct listed *l, struct p2v_file *out)
{
	struct told *told = &e->told[rendition % TOLD_MAX];
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
	struct listed l = listed_at(e, now);
	uint64_t number;
	uint32_t part;

	out->rendition = rendition;
	if (p2v_str_is(name, "index.m3u8"))
		return playlist_file(e, rendition, &l, out);
	if (e->conf.init && p2v_str_is(name, "init.mp4")) {
		out->kind = P2V_FILE_INIT;
		out->size = INIT_SIZE;
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
		master_text(e, &t);
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

	if (!has_parts(e) || e->ended || !rendition_at(e, &path, &rendition))
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

struct p2v_slice p2v_encoder_read(
	struct p2v_encoder *e, const struct p2v_file *f, uint64_t off, size_t max)
{
	uint64_t fragment = INIT_NUMBER;
	const struct cached *c;
	struct p2v_buf *b;
	size_t in;

	if (f->text.p)
		return p2v_slice_sub(f->text, (size_t)off,
			f->text.n - off < max ? f->text.n - (size_t)off : max);
	if (f->kind == P2V_FILE_MEDIA) {
		fragment = f->number * e->conf.per_file;
		max = f->size - off < max ? (size_t)(f->size - off) : max;
		off += f->from;
		for (uint64_t n; off >= (n = p2v_encoder_size(e, f->rendition, fragment)); off -= n)
			fragment++;
	}
	c = content(e, f->rendition, fragment, f->generation);
	if (!c)
		return (struct p2v_slice){ NULL, NULL, 0 };
	b = c->piece[off / e->piece];
	in = (size_t)(off % e->piece);
	return p2v_slice_of(b, in, b->size - in < max ? b->size - in : max);
}

/* @return whether n bytes of a fragment that is at hand, from off on, are these */
static bool same_as(const struct p2v_encoder *e, const struct cached *c, uint64_t off,
	const uint8_t *p, size_t n)
{
	while (n > 0) {
		const struct p2v_buf *b = c->piece[off / e->piece];
		const uint8_t *q = b->data + off % e->piece;
		size_t k = b->size - (size_t)(off % e->piece);

		k = k < n ? k : n;
		if (p != q && memcmp(p, q, k) != 0) /* often it is the very same memory */
			return false;
		off += k;
		p += k;
		n -= k;
	}
	return true;
}

/* @return whether n bytes of a fragment, from off on, are these */
static bool same(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment,
	uint32_t generation, uint64_t off, const uint8_t *p, size_t n)
{
	const struct cached *c = at_hand(e, rendition, fragment, generation);
	uint64_t key;

	if (c)
		return same_as(e, c, off, p, n);
	key = content_key(e, rendition, fragment, generation);
	for (size_t i = 0; i < n; i++)
		if (content_byte(key, off + i) != p[i])
			return false;
	return true;
}

static bool written_by(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment,
	uint32_t generation, uint64_t off, struct p2v_bytes b)
{
	for (size_t i = 0; i < b.n; fragment++) {
		uint64_t n = p2v_encoder_size(e, rendition, fragment), part;

		if (fragment == INIT_NUMBER && off + b.n > n)
			return false;
		if (off >= n) {
			off -= n;
			continue;
		}
		part = n - off < b.n - i ? n - off : b.n - i;
		if (!same(e, rendition, fragment, generation, off, b.p + i, (size_t)part))
			return false;
		i += (size_t)part;
		off = 0;
	}
	return true;
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
	out->fragment = INIT_NUMBER;
	if (e->conf.init && p2v_str_is(path, "init.mp4"))
		return P2V_OK;
	if (media_number(e, path, &out->fragment) < 0)
		return P2V_ENOENT;
	out->fragment *= e->conf.per_file;
	return P2V_OK;
}

int p2v_encoder_match_at(const struct p2v_encoder *e, const struct p2v_media_place *at,
	uint64_t off, struct p2v_bytes b)
{
	for (uint32_t g = e->generation + 1; g-- > 0;)
		if (written_by(e, at->rendition, at->fragment, g, at->from + off, b))
			return (int)g;
	return P2V_EINTEGRITY;
}

int p2v_encoder_match(
	const struct p2v_encoder *e, struct p2v_str path, uint64_t off, struct p2v_bytes b)
{
	struct p2v_media_place at;
	int rc = p2v_encoder_place(e, path, &at);

	return rc < 0 ? rc : p2v_encoder_match_at(e, &at, off, b);
}
