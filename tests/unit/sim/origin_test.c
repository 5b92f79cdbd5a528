/* origin_test.c - the virtual origin: what it lists, what it sends, what it counts, and how it
 * fails when it is told to. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "framework/base/options.h"
#include "sdk/sim/cdn/origin.h"
#include "sdk/sim/world.h"

TestSuite(sim_origin, .timeout = 60);

struct town {
	struct p2v_sim *sim;
	struct p2v_machine *far;
	struct p2v_world w;
	struct p2v_origin_conf conf;
	struct p2v_origin *o;
};

/** One request and all of its answer. */
struct get {
	struct town *t;
	const char *range, *match, *since, *if_range; /* what to ask with */
	bool head;
	struct p2v_text body;
	uint32_t status;
	uint64_t length;
	char etag[80], date[80], type[80], content_range[80], age[80], location[80];
	int code;
	bool done;
	p2v_usec done_at;
};

static void town_open(struct town *t)
{
	struct p2v_link free_link = { .delay = 5000 };
	struct p2v_addr a = p2v_addr_v4(0x0a000001, 0), b = p2v_addr_v4(0x0a000002, 0);

	*t = (struct town){ .sim = p2v_sim_new(3) };
	t->w = p2v_machine_world(p2v_machine_new(t->sim, "near", &a, &free_link));
	t->far = p2v_machine_new(t->sim, "cdn", &b, &free_link);
	p2v_sim_name(t->sim, "cdn", &b);
	p2v_origin_conf_default(&t->conf);
}

static void town_start(struct town *t)
{
	struct p2v_world w = p2v_machine_world(t->far);
	struct p2v_err err;

	cr_assert_eq(p2v_origin_new(&w, &t->conf, NULL, &t->o, &err), P2V_OK, "%s", err.text);
}

static void town_close(struct town *t)
{
	p2v_origin_free(t->o);
	p2v_sim_free(t->sim);
}

static void take(char out[80], const struct p2v_fetch_head *h, const char *name)
{
	struct p2v_str v = p2v_header_get(h->headers, h->n_headers, name);

	(void)snprintf(out, 80, "%.*s", P2V_STR(v));
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct get *g = ctx;

	g->status = h->status;
	g->length = h->length;
	take(g->etag, h, "ETag");
	take(g->date, h, "Last-Modified");
	take(g->type, h, "Content-Type");
	take(g->content_range, h, "Content-Range");
	take(g->age, h, "Cache-Control");
	take(g->location, h, "Location");
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	p2v_text_add(&((struct get *)ctx)->body, (const char *)b.p, b.n);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct get *g = ctx;

	(void)err;
	g->code = code;
	g->done = true;
	g->done_at = p2v_sim_now(g->t->sim);
}

static void begin(struct get *g, struct town *t, const char *path)
{
	static const struct p2v_fetch_handler h = { on_head, on_body, on_done };
	const struct {
		const char *name, *value;
	} all[] = { { "Range", g->range }, { "If-None-Match", g->match },
		{ "If-Modified-Since", g->since }, { "If-Range", g->if_range } };
	struct p2v_header v[4];
	struct p2v_fetch_request rq = { .head = g->head, .headers = v };
	struct p2v_fetch *f;
	struct p2v_err err;
	char url[200];

	for (size_t i = 0; i < 4; i++)
		if (all[i].value)
			v[rq.n_headers++] = (struct p2v_header){ p2v_str_of(all[i].name),
				p2v_str_of(all[i].value) };
	(void)snprintf(url, sizeof url, "http://cdn%s", path);
	g->t = t;
	g->done = false;
	p2v_text_fini(&g->body);
	rq.url = url;
	cr_assert_eq(t->w.ops->fetch(t->w.self, &rq, &h, g, &f, &err), P2V_OK);
}

/* Ask and wait for the end. */
static void get(struct get *g, struct town *t, const char *path)
{
	begin(g, t, path);
	while (!g->done)
		p2v_sim_run(t->sim, p2v_sim_now(t->sim) + P2V_MSEC);
}

static bool has(const struct get *g, const char *part)
{
	return g->body.p && strstr(g->body.p, part) != NULL;
}

static int match(const struct get *g, const char *path, uint64_t off)
{
	return p2v_origin_match(
		g->t->o, path, off, (struct p2v_bytes){ (const uint8_t *)g->body.p, g->body.n });
}

Test(sim_origin, the_defaults_are_in_their_ranges)
{
	struct p2v_encoder_conf c = { 0 };
	struct p2v_err err;

	cr_assert_eq(p2v_options_default(p2v_encoder_options, sizeof(struct p2v_option), &c, &err),
		P2V_OK, "%s", err.text);
	cr_assert(c.live && c.fragment == 2000000 && c.window == 6 && c.dates && !c.init);
}

Test(sim_origin, a_live_playlist_moves_on)
{
	struct get g = { 0 };
	struct town t;

	town_open(&t);
	town_start(&t); /* window and keep: 9 fragments are complete */
	get(&g, &t, "/live/master.m3u8");
	cr_assert_eq(g.status, 200);
	cr_assert_str_eq(g.type, "application/vnd.apple.mpegurl");
	cr_assert(has(&g, "BANDWIDTH=380000,AVERAGE-BANDWIDTH=380000,RESOLUTION=320x180\n"
			  "v0/index.m3u8\n"));
	get(&g, &t, "/live/v1/index.m3u8");
	cr_assert(has(&g, "#EXT-X-MEDIA-SEQUENCE:3\n"));
	cr_assert(has(&g, "#EXT-X-TARGETDURATION:2\n"));
	cr_assert(has(&g, "#EXT-X-PROGRAM-DATE-TIME:2025-12-31T23:59:48.000000Z\n"
			  "#EXTINF:2.000000,\nseg3.ts\n"));
	cr_assert(has(&g, "seg8.ts\n") && !has(&g, "seg9.ts") && !has(&g, "ENDLIST"));
	cr_assert_str_eq(g.age, "no-cache");
	p2v_sim_run(t.sim, 1995000);
	get(&g, &t, "/live/v1/index.m3u8"); /* there at 2.005 */
	cr_assert(has(&g, "SEQUENCE:4\n") && has(&g, "seg9.ts\n") && !has(&g, "seg3.ts"));
	p2v_encoder_end(p2v_origin_encoder(t.o), p2v_sim_now(t.sim));
	p2v_sim_run(t.sim, 20 * P2V_SECOND);
	get(&g, &t, "/live/v1/index.m3u8");
	cr_assert(has(&g, "seg9.ts\n#EXT-X-ENDLIST\n"));
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, fragments_come_and_go_and_their_bytes_can_be_checked)
{
	struct get g = { 0 };
	struct town t;

	town_open(&t);
	town_start(&t);
	get(&g, &t, "/live/v2/seg8.ts?token=1");
	cr_assert(g.status == 200 && g.code == P2V_OK && g.length == 350000);
	cr_assert_eq(g.body.n, 350000);
	cr_assert_str_eq(g.age, "max-age=60");
	cr_assert_eq(match(&g, "/live/v2/seg8.ts", 0), 0);
	cr_assert_eq(match(&g, "http://cdn/live/v2/seg8.ts?x", 0), 0);
	cr_assert_eq(match(&g, "/live/v2/seg7.ts", 0), P2V_EINTEGRITY);
	cr_assert_eq(match(&g, "/live/v1/seg8.ts", 0), P2V_EINTEGRITY);
	cr_assert_eq(match(&g, "/live/v2/seg8.ts", 1), P2V_EINTEGRITY);
	cr_assert_eq(match(&g, "/live/v2/other", 0), P2V_ENOENT);
	g.body.p[349999] ^= 1;
	cr_assert_eq(match(&g, "/live/v2/seg8.ts", 0), P2V_EINTEGRITY);
	get(&g, &t, "/live/v2/seg0.ts"); /* no longer listed, still kept */
	cr_assert_eq(g.status, 200);
	p2v_sim_run(t.sim, 2 * P2V_SECOND);
	get(&g, &t, "/live/v2/seg0.ts");
	cr_assert_eq(g.status, 404);
	get(&g, &t, "/live/v2/seg10.ts");
	cr_assert_eq(g.status, 404);
	p2v_sim_run(t.sim, 4 * P2V_SECOND);
	get(&g, &t, "/live/v2/seg10.ts");
	cr_assert_eq(g.status, 200);
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, what_is_not_there)
{
	static const char *const paths[] = { "/", "/live", "/live/", "/other/master.m3u8",
		"/livemaster.m3u8", "/live/v9/index.m3u8", "/live/v0/", "/live/v0/seg.ts",
		"/live/v0/segx.ts", "/live/v0/seg8.m4s", "/live/v0/init.mp4",
		"/live/v0/seg99999999999999999999.ts" };
	struct get g = { 0 };
	struct p2v_origin_count c;
	struct town t;

	town_open(&t);
	town_start(&t);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		get(&g, &t, paths[i]);
		cr_assert_eq(g.status, 404, "%s", paths[i]);
	}
	p2v_origin_count(t.o, &c);
	cr_assert_eq(c.errors, sizeof paths / sizeof paths[0]);
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, ranges_and_conditions)
{
	struct get g = { 0 }, c;
	struct p2v_origin_count n;
	struct town t;

	town_open(&t);
	town_start(&t);
	get(&g, &t, "/live/v0/seg8.ts");
	c = (struct get){ .match = g.etag };
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.status == 304 && c.body.n == 0);
	c = (struct get){ .since = g.date };
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert_eq(c.status, 304);
	cr_assert_str_eq(g.date, "Thu, 01 Jan 2026 00:00:00 GMT");
	c = (struct get){ .match = "\"other\"", .since = g.date };
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert_eq(c.status, 200, "If-None-Match comes first");
	c.match = c.since = NULL;
	c.range = "bytes=1000-1999";
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.status == 206 && c.length == 1000 && c.body.n == 1000);
	cr_assert_str_eq(c.content_range, "bytes 1000-1999/95000");
	cr_assert_eq(match(&c, "/live/v0/seg8.ts", 1000), 0);
	c.range = "bytes=-500";
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert_eq(match(&c, "/live/v0/seg8.ts", 94500), 0);
	c.if_range = "\"other\"";
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.status == 200 && c.body.n == 95000);
	c.if_range = g.etag;
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert_eq(c.status, 206);
	c.if_range = NULL;
	c.range = "bytes=95000-";
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.status == 416 && c.body.n == 0);
	cr_assert_str_eq(c.content_range, "bytes */95000");
	c.range = NULL;
	c.head = true;
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.status == 200 && c.length == 95000 && c.body.n == 0);
	p2v_origin_count(t.o, &n);
	cr_assert(n.all.requests == 10 && n.partial == 3 && n.unchanged == 2 && n.errors == 1);
	cr_assert_eq(n.all.bytes, 3 * 95000 + 1000 + 500 + 500);
	cr_assert_eq(n.kind[P2V_FILE_MEDIA].bytes, n.all.bytes);
	cr_assert_eq(p2v_origin_count_of(t.o, "/live/v0/seg8.ts").requests, 10);
	cr_assert_eq(p2v_origin_count_of(t.o, "/live/v0/seg8.ts").bytes, n.all.bytes);
	cr_assert_eq(p2v_origin_count_of(t.o, "/live/v0/seg7.ts").requests, 0);
	p2v_text_fini(&g.body);
	p2v_text_fini(&c.body);
	town_close(&t);
}

/* Dates that were written are kept: these come in an order in which one takes another's place. */
Test(sim_origin, files_tell_when_they_were_made)
{
	static const struct {
		unsigned fragment;
		const char *date;
	} v[] = { { 99999, "Thu, 01 Jan 2026 00:00:00 GMT" },
		{ 99983, "Wed, 31 Dec 2025 23:44:00 GMT" },
		{ 99999, "Thu, 01 Jan 2026 00:00:00 GMT" },
		{ 99998, "Wed, 31 Dec 2025 23:59:00 GMT" },
		{ 98559, "Wed, 31 Dec 2025 00:00:00 GMT" },
		{ 55359, "Mon, 01 Dec 2025 00:00:00 GMT" },
		{ 0, "Thu, 23 Oct 2025 13:21:00 GMT" } };
	struct get g = { .head = true };
	char path[64];
	struct town t;

	town_open(&t);
	t.conf.encoder.live = false;
	t.conf.encoder.fragments = 100000;
	t.conf.encoder.fragment = 60 * P2V_SECOND;
	town_start(&t);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		(void)snprintf(path, sizeof path, "/live/v0/seg%u.ts", v[i].fragment);
		get(&g, &t, path);
		cr_assert_eq(g.status, 200);
		cr_assert_str_eq(g.date, v[i].date);
	}
	p2v_text_fini(&g.body);
	town_close(&t);
}

/* Conditions that no file meets, longer than what is kept of them. */
Test(sim_origin, long_conditions_are_cut)
{
	char longest[400];
	struct get g = { .match = longest }, h = { 0 };
	struct town t;

	town_open(&t);
	town_start(&t);
	get(&h, &t, "/live/v0/seg8.ts");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = 0;
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(g.status, 200);
	g = (struct get){ .since = longest, .body = g.body };
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(g.status, 200);
	g = (struct get){ .range = "bytes=0-9", .if_range = h.date, .body = g.body };
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(g.status, 206, "the date names the file, too");
	g.if_range = "Thu, 01 Jan 2026 00:00:01 GMT";
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(g.status, 200);
	p2v_text_fini(&g.body);
	p2v_text_fini(&h.body);
	town_close(&t);
}

/* More files than are kept at hand: those that went are made again, the same. */
Test(sim_origin, many_files_are_read_in_turn)
{
	struct get g = { 0 };
	char path[64];
	struct town t;

	town_open(&t);
	t.conf.encoder.live = false;
	t.conf.encoder.fragments = 120;
	t.conf.encoder.init = true;
	t.conf.encoder.fragment = P2V_SECOND / 5;
	town_start(&t);
	for (unsigned i = 0; i < 360; i++) {
		(void)snprintf(path, sizeof path, "/live/v0/seg%u.m4s", i * 7 % 120);
		get(&g, &t, path);
		cr_assert(g.status == 200 && g.body.n == 9500);
		cr_assert_eq(match(&g, path, 0), 0);
		g.body.p[i] ^= 1;
		cr_assert_eq(match(&g, path, 0), P2V_EINTEGRITY);
		get(&g, &t, "/live/v0/init.mp4");
		cr_assert_eq(match(&g, "/live/v0/init.mp4", 0), 0);
	}
	p2v_text_fini(&g.body);
	town_close(&t);
}

/* Playlists that were made are told again, each its own, until something new is listed. */
Test(sim_origin, many_renditions_are_listed_in_turn)
{
	static struct p2v_encoder_rendition r[17];
	static char names[17][8];
	struct get g = { 0 };
	char path[64], first[80];
	struct town t;

	town_open(&t);
	for (unsigned i = 0; i < 17; i++) {
		(void)snprintf(names[i], sizeof names[i], "r%u", i);
		r[i] = (struct p2v_encoder_rendition){ .name = names[i], .bitrate = 1000 + i };
	}
	t.conf.encoder.renditions = r;
	t.conf.encoder.n = 17;
	t.conf.encoder.per_file = 2; /* sizes are told, and each rendition has its own */
	town_start(&t);
	for (unsigned i = 0; i < 60; i++) {
		char tag[80];

		(void)snprintf(path, sizeof path, "/live/r%u/index.m3u8", i * 8 % 17);
		get(&g, &t, path);
		(void)snprintf(tag, sizeof tag, "\"p0-%u-9-0\"", i * 8 % 17);
		cr_assert_str_eq(g.etag, tag);
		(void)snprintf(
			tag, sizeof tag, "#EXT-X-BYTERANGE:%u@", (1000 + i * 8 % 17) * 2 / 8);
		cr_assert(has(&g, tag), "%s: %s", tag, g.body.p);
	}
	(void)snprintf(first, sizeof first, "%s", g.etag);
	p2v_sim_run(t.sim, 2 * P2V_SECOND);
	get(&g, &t, path);
	cr_assert_str_neq(g.etag, first);
	p2v_encoder_restart(p2v_origin_encoder(t.o), p2v_sim_now(t.sim));
	p2v_sim_run(t.sim, 5 * P2V_SECOND);
	get(&g, &t, "/live/r0/index.m3u8");
	cr_assert_str_eq(g.etag, "\"p1-0-1-0\"");
	p2v_encoder_end(p2v_origin_encoder(t.o), p2v_sim_now(t.sim));
	get(&g, &t, "/live/r0/index.m3u8");
	cr_assert_str_eq(g.etag, "\"p1-0-1-1\"");
	cr_assert(has(&g, "ENDLIST"));
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, places)
{
	struct p2v_media_place at;
	struct get g = { 0 };
	struct town t;

	town_open(&t);
	t.conf.encoder.per_file = 2;
	t.conf.encoder.init = true;
	town_start(&t);
	cr_assert_eq(p2v_origin_place(t.o, "http://any:81/live/v1/seg3.m4s?x", &at), P2V_OK);
	cr_assert(at.rendition == 1 && at.fragment == 6);
	cr_assert_eq(p2v_origin_place(t.o, "/live/v2/init.mp4", &at), P2V_OK);
	cr_assert(at.rendition == 2 && at.fragment == UINT64_MAX);
	get(&g, &t, "/live/v2/init.mp4");
	cr_assert_eq(p2v_encoder_match_at(p2v_origin_encoder(t.o), &at, 0,
			     (struct p2v_bytes){ (const uint8_t *)g.body.p, g.body.n }),
		0);
	cr_assert_eq(p2v_origin_place(t.o, "/live/v1/index.m3u8", &at), P2V_ENOENT);
	cr_assert_eq(p2v_origin_place(t.o, "/live/v7/seg3.m4s", &at), P2V_ENOENT);
	cr_assert_eq(p2v_origin_place(t.o, "/seg3.m4s", &at), P2V_ENOENT);
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, video_on_demand_with_init_segments_audio_and_byte_ranges)
{
	static const struct p2v_encoder_rendition r[] = { { .name = "hi", .bitrate = 800000 },
		{ .name = "snd", .bitrate = 64000, .audio = true } };
	struct get g = { .range = "bytes=200000-399999" };
	struct town t;

	town_open(&t);
	t.conf.encoder.live = t.conf.encoder.dates = false;
	t.conf.encoder.init = true;
	t.conf.encoder.per_file = 4;
	t.conf.encoder.fragments = 6;
	t.conf.encoder.renditions = r;
	t.conf.encoder.n = 2;
	town_start(&t);
	get(&g, &t, "/live/hi/seg0.m4s");
	cr_assert_eq(match(&g, "/live/hi/seg0.m4s", 200000), 0);
	g.range = NULL;
	get(&g, &t, "/live/master.m3u8");
	cr_assert(has(&g, "TYPE=AUDIO,GROUP-ID=\"aud\",NAME=\"snd\",DEFAULT=YES"));
	cr_assert(has(&g, "BANDWIDTH=864000,AVERAGE-BANDWIDTH=864000,AUDIO=\"aud\"\n"));
	get(&g, &t, "/live/hi/index.m3u8");
	cr_assert(has(&g, "SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"init.mp4\"\n"));
	cr_assert(has(&g, "#EXT-X-BYTERANGE:200000@200000\nseg0.m4s\n"));
	cr_assert(has(&g, "#EXT-X-BYTERANGE:200000@0\nseg1.m4s\n"));
	cr_assert(has(&g, "#EXT-X-ENDLIST\n"));
	get(&g, &t, "/live/hi/seg0.m4s");
	cr_assert(g.body.n == 800000 && match(&g, "/live/hi/seg0.m4s", 0) == 0);
	get(&g, &t, "/live/hi/seg1.m4s");
	cr_assert_eq(g.body.n, 400000);
	get(&g, &t, "/live/snd/init.mp4");
	cr_assert(g.body.n == 800 && match(&g, "/live/snd/init.mp4", 0) == 0);
	cr_assert_eq(match(&g, "/live/hi/init.mp4", 0), P2V_EINTEGRITY);
	cr_assert_str_eq(g.type, "video/mp4");
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, sizes_vary_around_the_bit_rate)
{
	struct p2v_encoder_conf c = { .live = true, .fragment = 2000000, .window = 6, .vary = 0.2 };
	static const struct p2v_encoder_rendition r[] = { { .name = "v", .bitrate = 800000 } };
	struct p2v_encoder *e;
	uint64_t sum = 0, least = UINT64_MAX, most = 0;

	c.renditions = r;
	c.n = 1;
	e = p2v_encoder_new(&c, 0, 0);
	for (uint64_t k = 0; k < 1000; k++) {
		uint64_t n = p2v_encoder_size(e, 0, k);

		sum += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	cr_assert(least >= 160000 && least < 165000 && most <= 240000 && most > 235000);
	cr_assert(sum > 195000000 && sum < 205000000);
	p2v_encoder_free(e);
}

/* A file is read in pieces; those of two readers are the same memory, and so is what it is compared
 * with. Asked for again when it was forgotten, it is the same bytes. */
Test(sim_origin, content_lies_in_pieces)
{
	struct p2v_encoder_conf c = {
		.live = true, .fragment = 2000000, .window = 200, .per_file = 1
	};
	static const struct p2v_encoder_rendition r[] = { { .name = "v", .bitrate = 160000 } };
	struct p2v_encoder *e;
	struct p2v_file f, g;
	const struct p2v_world nowhere = { NULL, NULL };
	struct p2v_slice s, again, other;
	uint8_t all[40000];

	c.renditions = r;
	c.n = 1;
	e = p2v_encoder_new(&c, 0, 0);
	p2v_encoder_share(e, &nowhere);
	cr_assert_eq(p2v_encoder_find(e, p2v_str_of("v/seg7.ts"), 0, &f), P2V_OK);
	cr_assert_eq(f.size, sizeof all);
	for (uint64_t at = 0; at < f.size; at += 16384) {
		s = p2v_encoder_read(e, &f, at, SIZE_MAX);
		again = p2v_encoder_read(e, &f, at, 10);
		cr_assert(s.buf && s.n > 0 && at + s.n <= f.size);
		cr_assert_eq(s.n, f.size - at < 16384 ? f.size - at : 16384);
		cr_assert_eq(again.p, s.p);
		cr_assert_eq(again.n, 10);
		memcpy(all + at, s.p, s.n);
		p2v_slice_drop(&s);
		p2v_slice_drop(&again);
	}
	s = p2v_encoder_read(e, &f, 16380, 100);
	cr_assert_eq(s.n, 4, "up to the end of the piece");
	p2v_slice_drop(&s);
	for (size_t i = 0; i < sizeof all; i += 3000)
		cr_assert_eq(p2v_encoder_match(e, p2v_str_of("v/seg7.ts"), i,
				     (struct p2v_bytes){ all + i, sizeof all - i }),
			0);
	all[30000] ^= 1;
	cr_assert_eq(p2v_encoder_match(
			     e, p2v_str_of("v/seg7.ts"), 0, (struct p2v_bytes){ all, sizeof all }),
		P2V_EINTEGRITY);
	all[30000] ^= 1;
	for (unsigned k = 20; k < 160; k++) {
		char name[32];

		(void)snprintf(name, sizeof name, "v/seg%u.ts", k);
		cr_assert_eq(p2v_encoder_find(e, p2v_str_of(name), 0, &g), P2V_OK);
		other = p2v_encoder_read(e, &g, 0, 100);
		cr_assert(other.buf);
		cr_assert_neq(memcmp(other.p, all, other.n), 0);
		p2v_slice_drop(&other);
	}
	cr_assert_eq(p2v_encoder_match(
			     e, p2v_str_of("v/seg7.ts"), 0, (struct p2v_bytes){ all, sizeof all }),
		0, "from what it is made of");
	s = p2v_encoder_read(e, &f, 16384, SIZE_MAX);
	cr_assert_eq(memcmp(s.p, all + 16384, s.n), 0);
	p2v_slice_drop(&s);
	p2v_encoder_free(e);
}

Test(sim_origin, a_restarted_encoder_uses_the_names_again)
{
	struct get g = { 0 };
	struct town t;
	char etag[80];

	town_open(&t);
	t.conf.encoder.fragment = P2V_SECOND;
	town_start(&t);
	get(&g, &t, "/live/v0/seg1.ts");
	(void)snprintf(etag, sizeof etag, "%s", g.etag);
	cr_assert_eq(match(&g, "/live/v0/seg1.ts", 0), 0);
	p2v_encoder_restart(p2v_origin_encoder(t.o), p2v_sim_now(t.sim));
	get(&g, &t, "/live/v0/index.m3u8");
	cr_assert(has(&g, "SEQUENCE:3\n"), "the old list stands until there is a new one");
	get(&g, &t, "/live/v0/seg1.ts");
	cr_assert_eq(match(&g, "/live/v0/seg1.ts", 0), 0);
	p2v_sim_run(t.sim, 2500000);
	get(&g, &t, "/live/v0/index.m3u8");
	cr_assert(has(&g, "SEQUENCE:0\n") && has(&g, "seg1.ts\n") && !has(&g, "seg2.ts\n"));
	get(&g, &t, "/live/v0/seg1.ts");
	cr_assert_eq(match(&g, "/live/v0/seg1.ts", 0), 1);
	cr_assert_str_neq(g.etag, etag);
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(match(&g, "/live/v0/seg8.ts", 0), 0, "not replaced yet");
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, faults_hit_what_they_match)
{
	struct get g = { 0 };
	struct p2v_origin_fault gone = { .match = "/v1/seg", .status = 404, .count = 2 };
	struct p2v_origin_fault moved = { .match = "/v2/", .status = 302, .location = "/x" };
	struct town t;
	int id;

	town_open(&t);
	town_start(&t);
	cr_assert_gt(p2v_origin_fail(t.o, &gone), 0);
	id = p2v_origin_fail(t.o, &moved);
	cr_assert_gt(id, 0);
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert_eq(g.status, 200);
	for (int i = 0; i < 3; i++) {
		get(&g, &t, "/live/v1/seg8.ts");
		cr_assert_eq(g.status, i < 2 ? 404 : 200);
	}
	get(&g, &t, "/live/v2/seg8.ts");
	cr_assert_eq(g.status, 302);
	cr_assert_str_eq(g.location, "/x");
	p2v_origin_heal(t.o, id);
	get(&g, &t, "/live/v2/seg8.ts");
	cr_assert_eq(g.status, 200);
	p2v_text_fini(&g.body);
	town_close(&t);
}

Test(sim_origin, slow_short_and_silent_answers)
{
	struct p2v_origin_fault slow = {
		.match = "v0/seg8", .delay = 500000, .rate = 95000, .count = 1
	};
	struct p2v_origin_fault cut = { .match = "v0/seg8", .short_by = 5000, .count = 1 };
	struct p2v_origin_fault less = {
		.match = "v0/seg8", .short_by = 5000, .admits = true, .count = 1
	};
	struct p2v_origin_fault whole = { .match = "v0/seg8", .ignores_range = true, .count = 1 };
	struct p2v_origin_fault silent = { .match = "v0/seg8", .silent = true, .count = 1 };
	struct get g = { .range = "bytes=0-9" }, a = { 0 }, b = { 0 }, c = { 0 };
	struct town t;

	town_open(&t);
	town_start(&t);
	cr_assert_gt(p2v_origin_fail(t.o, &whole), 0);
	get(&g, &t, "/live/v0/seg8.ts");
	cr_assert(g.status == 200 && g.body.n == 95000);
	cr_assert_gt(p2v_origin_fail(t.o, &slow), 0);
	begin(&a, &t, "/live/v0/seg8.ts");
	p2v_sim_run(t.sim, p2v_sim_now(t.sim) + 3 * P2V_SECOND);
	cr_assert(a.done && a.body.n == 95000);
	/* 10 ms there and back on the kept connection, half a second, one second at the rate. */
	cr_assert(a.done_at > 1450000 && a.done_at < 1650000, "%lld", (long long)a.done_at);
	cr_assert_gt(p2v_origin_fail(t.o, &cut), 0);
	get(&b, &t, "/live/v0/seg8.ts");
	cr_assert(b.code == P2V_EIO && b.length == 95000 && b.body.n == 90000);
	cr_assert_gt(p2v_origin_fail(t.o, &less), 0);
	get(&b, &t, "/live/v0/seg8.ts");
	cr_assert(b.code == P2V_OK && b.length == 90000 && b.body.n == 90000);
	cr_assert_gt(p2v_origin_fail(t.o, &silent), 0);
	get(&c, &t, "/live/v0/seg8.ts");
	cr_assert(c.code == P2V_ETIMEDOUT && c.status == 0);
	p2v_text_fini(&g.body);
	p2v_text_fini(&a.body);
	p2v_text_fini(&b.body);
	town_close(&t);
}

Test(sim_origin, it_ends_with_answers_under_way)
{
	struct p2v_origin_fault slow = { .match = "seg7", .delay = P2V_SECOND, .rate = 1000 };
	struct p2v_origin_fault silent = { .match = "seg6", .silent = true };
	struct get g[3] = { 0 };
	struct town t;

	for (int dead = 0; dead < 2; dead++) {
		town_open(&t);
		town_start(&t);
		cr_assert_gt(p2v_origin_fail(t.o, &slow), 0);
		cr_assert_gt(p2v_origin_fail(t.o, &silent), 0);
		begin(&g[0], &t, "/live/v2/seg8.ts");
		begin(&g[1], &t, "/live/v2/seg7.ts");
		begin(&g[2], &t, "/live/v2/seg6.ts");
		p2v_sim_run(t.sim, 35000);
		if (dead)
			p2v_machine_kill(t.far);
		town_close(&t);
	}
	for (int i = 0; i < 3; i++)
		p2v_text_fini(&g[i].body);
}
