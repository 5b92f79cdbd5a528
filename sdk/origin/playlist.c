/* playlist.c - a stream as HLS tells it. Sections are those of draft-pantos-hls-rfc8216bis. */
#include "sdk/origin/playlist.h"

#include <string.h>

static void seconds(struct p2v_text *out, p2v_usec us)
{
	p2v_text_printf(
		out, "%lld.%06lld", (long long)(us / P2V_SECOND), (long long)(us % P2V_SECOND));
}

/* ---- the master playlist ---- */

static bool is_audio(const struct p2v_cmaf_rendition *r)
{
	return r->info.n == 1 && r->info.tracks[0].audio;
}

static uint64_t mean_rate(const struct p2v_cmaf_rendition *r)
{
	uint64_t bytes = 0;
	p2v_usec dur = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].whole) {
			bytes += r->v[i].size;
			dur += r->v[i].dur;
		}
	}
	return dur > 0 ? bytes * 8 * 1000 / ((uint64_t)dur / 1000 + 1) : 0;
}

/* One of sound is only an alternative where there is a picture. */
static void put_media(const struct p2v_cmaf_rendition *r, bool first, struct p2v_text *out)
{
	const char *lang = r->info.tracks[0].lang;

	p2v_text_printf(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"%s\",", r->name);
	if (*lang)
		p2v_text_printf(out, "LANGUAGE=\"%s\",", lang);
	p2v_text_printf(out, "DEFAULT=%s,AUTOSELECT=YES,URI=\"%s/index.m3u8\"\n",
		first ? "YES" : "NO", r->name);
}

static void put_codecs(const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_rendition *audio,
	struct p2v_text *out)
{
	bool any = false;

	for (size_t i = 0; i < r->info.n; i++)
		if (r->info.tracks[i].codec[0] == 0)
			return; /* half a list would tell players that they can play it */
	if (audio && audio->info.tracks[0].codec[0] == 0)
		return;
	p2v_text_puts(out, ",CODECS=\"");
	for (size_t i = 0; i < r->info.n; i++, any = true)
		p2v_text_printf(out, "%s%s", any ? "," : "", r->info.tracks[i].codec);
	if (audio)
		p2v_text_printf(out, ",%s", audio->info.tracks[0].codec);
	p2v_text_puts(out, "\"");
}

static void put_variant(const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_rendition *audio,
	struct p2v_text *out)
{
	const struct p2v_mp4_track *t = &r->info.tracks[r->info.lead];

	p2v_text_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%llu,AVERAGE-BANDWIDTH=%llu",
		(unsigned long long)(r->peak + (audio ? audio->peak : 0)),
		(unsigned long long)(mean_rate(r) + (audio ? mean_rate(audio) : 0)));
	put_codecs(r, audio, out);
	if (t->w && t->h)
		p2v_text_printf(out, ",RESOLUTION=%ux%u", t->w, t->h);
	if (audio)
		p2v_text_puts(out, ",AUDIO=\"audio\"");
	p2v_text_printf(out, "\n%s/index.m3u8\n", r->name);
}

void p2v_cmaf_master(const struct p2v_cmaf_stream *s, struct p2v_text *out)
{
	const struct p2v_cmaf_rendition *audio = NULL;
	bool picture = false;

	p2v_text_puts(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (size_t i = 0; i < s->n; i++)
		picture |= s->r[i].n && !is_audio(&s->r[i]);
	for (size_t i = 0; i < s->n && picture; i++) {
		const struct p2v_cmaf_rendition *r = &s->r[i];

		if (r->n == 0 || !is_audio(r))
			continue;
		put_media(r, audio == NULL, out);
		if (!audio || r->peak > audio->peak)
			audio = r;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->r[i].n && !(picture && is_audio(&s->r[i])))
			put_variant(&s->r[i], audio, out);
}

/* ---- a media playlist ---- */

static p2v_usec edge_of(const struct p2v_cmaf_rendition *r)
{
	return r->v[r->n - 1].t + r->v[r->n - 1].dur;
}

/* 4.4.5.2: what ends further from the end of the playlist than the skip boundary. One segment at
 * least stays. */
static size_t skipped(const struct p2v_cmaf_rendition *r)
{
	p2v_usec boundary = edge_of(r) - P2V_CMAF_SKIP_UNTIL * r->stream->target;
	size_t n = 0;

	while (r->listed + n + 1 < r->n &&
		r->v[r->listed + n].t + r->v[r->listed + n].dur < boundary)
		n++;
	return n;
}

static void put_part(const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_segment *g, size_t i,
	struct p2v_text *out)
{
	const struct p2v_cmaf_part *p = &g->parts[i];

	p2v_text_puts(out, "#EXT-X-PART:DURATION=");
	seconds(out, p->dur);
	if (r->stream->conf.parts == P2V_CMAF_RANGES)
		p2v_text_printf(out, ",URI=\"seg%llu.m4s\",BYTERANGE=\"%zu@%llu\"",
			(unsigned long long)g->n, p->bytes.n, (unsigned long long)p->off);
	else
		p2v_text_printf(out, ",URI=\"part%llu.%zu.m4s\"", (unsigned long long)g->n, i);
	p2v_text_printf(out, "%s\n", p->independent ? ",INDEPENDENT=YES" : "");
}

static void put_segment(
	const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_segment *g, struct p2v_text *out)
{
	char date[P2V_DATE_TEXT];

	p2v_text_printf(
		out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", p2v_date_text(r->stream->epoch + g->t, date));
	if (g->t + g->dur > edge_of(r) - P2V_CMAF_PARTS_LISTED * r->stream->target)
		for (size_t i = 0; i < g->n_parts; i++)
			put_part(r, g, i, out);
	if (!g->whole)
		return;
	p2v_text_puts(out, "#EXTINF:");
	seconds(out, g->dur);
	p2v_text_printf(out, ",\nseg%llu.m4s\n", (unsigned long long)g->n);
}

/* 4.4.5.3 */
static void put_hint(const struct p2v_cmaf_rendition *r, struct p2v_text *out)
{
	struct p2v_cmaf_place next = p2v_cmaf_next(r);
	const struct p2v_cmaf_segment *g = p2v_cmaf_find(r, next.n);

	p2v_text_puts(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
	if (r->stream->conf.parts == P2V_CMAF_RANGES)
		p2v_text_printf(out, "seg%llu.m4s\",BYTERANGE-START=%llu\n",
			(unsigned long long)next.n, (unsigned long long)(g ? g->size : 0));
	else
		p2v_text_printf(out, "part%llu.%zu.m4s\"\n", (unsigned long long)next.n, next.i);
}

/* 4.4.5.4 */
static void put_reports(const struct p2v_cmaf_rendition *mine, struct p2v_text *out)
{
	const struct p2v_cmaf_stream *s = mine->stream;

	for (size_t i = 0; i < s->n; i++) {
		const struct p2v_cmaf_rendition *r = &s->r[i];
		const struct p2v_cmaf_segment *g = p2v_cmaf_edge(r);

		if (r == mine || !g || g->n_parts == 0)
			continue;
		p2v_text_printf(out,
			"#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%llu,LAST-PART=%zu\n",
			r->name, (unsigned long long)g->n, g->n_parts - 1);
	}
}

static void put_head(const struct p2v_cmaf_rendition *r, struct p2v_text *out)
{
	const struct p2v_cmaf_stream *s = r->stream;

	p2v_text_printf(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%lld\n",
		(long long)(s->target / P2V_SECOND));
	/* 4.4.3.8: three part targets are advised. */
	p2v_text_puts(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
	seconds(out, 3 * s->part_target);
	p2v_text_printf(out, ",CAN-SKIP-UNTIL=%lld.0\n#EXT-X-PART-INF:PART-TARGET=",
		(long long)(P2V_CMAF_SKIP_UNTIL * s->target / P2V_SECOND));
	seconds(out, s->part_target);
	p2v_text_printf(out, "\n#EXT-X-MEDIA-SEQUENCE:%llu\n#EXT-X-INDEPENDENT-SEGMENTS\n",
		(unsigned long long)r->v[r->listed].n);
}

void p2v_cmaf_playlist(const struct p2v_cmaf_rendition *r, bool skip, struct p2v_text *out)
{
	size_t left_out = skip ? skipped(r) : 0;

	put_head(r, out);
	/* What stood before the first segment was told with it. */
	if (left_out)
		p2v_text_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", left_out);
	else
		p2v_text_puts(out, "#EXT-X-MAP:URI=\"init.mp4\"\n");
	for (size_t i = r->listed + left_out; i < r->n; i++)
		put_segment(r, &r->v[i], out);
	if (r->ended) {
		p2v_text_puts(out, "#EXT-X-ENDLIST\n");
		return;
	}
	put_hint(r, out);
	put_reports(r, out);
}
