/* playlist.c - what the encoder's manifests say: HLS (RFC 8216), with parts as in RFC 8216bis. */
#include "sdk/sim/cdn/inside.h"

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

void p2v_master_text(const struct p2v_encoder *e, struct p2v_text *t)
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
			p2v_encoder_extension(e), i == 0 ? ",INDEPENDENT=YES" : "");
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
static void next_text(const struct p2v_encoder *e, uint32_t rendition, const struct p2v_listed *l,
	struct p2v_text *t)
{
	if (l->ended)
		return;
	parts_text(e, l->end, l->parts, t);
	if (e->conf.hints)
		p2v_text_printf(t, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part%llu.%u.%s\"\n",
			(unsigned long long)l->end, l->parts, p2v_encoder_extension(e));
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

static void fragment_text(const struct p2v_encoder *e, uint32_t rendition,
	const struct p2v_listed *l, uint64_t k, struct p2v_text *t)
{
	uint32_t per = e->conf.per_file;
	p2v_usec dur = e->conf.fragment;

	if (e->conf.dates) {
		p2v_text_puts(t, "#EXT-X-PROGRAM-DATE-TIME:");
		add_date(t, l->wall + (int64_t)k * dur);
		p2v_text_puts(t, "\n");
	}
	if (p2v_encoder_has_parts(e) && k + PARTED >= l->end && !l->ended)
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
	p2v_text_printf(t, "seg%llu.%s\n", (unsigned long long)(k / per), p2v_encoder_extension(e));
}

void p2v_playlist_text(const struct p2v_encoder *e, uint32_t rendition, const struct p2v_listed *l,
	struct p2v_text *t)
{
	p2v_text_printf(t,
		"#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%lld\n"
		"#EXT-X-MEDIA-SEQUENCE:%llu\n",
		p2v_encoder_has_parts(e) ? 9 : 6,
		(long long)((e->conf.fragment + P2V_SECOND / 2) / P2V_SECOND),
		(unsigned long long)l->first);
	if (p2v_encoder_has_parts(e))
		low_latency_text(e, t);
	if (!e->conf.live)
		p2v_text_puts(t, "#EXT-X-PLAYLIST-TYPE:VOD\n");
	if (e->conf.init)
		p2v_text_puts(t, "#EXT-X-MAP:URI=\"init.mp4\"\n");
	for (uint64_t k = l->first; k < l->end; k++)
		fragment_text(e, rendition, l, k, t);
	if (p2v_encoder_has_parts(e))
		next_text(e, rendition, l, t);
	if (l->ended)
		p2v_text_puts(t, "#EXT-X-ENDLIST\n");
}
