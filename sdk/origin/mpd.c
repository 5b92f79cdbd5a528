/* mpd.c - a stream as DASH tells it: numbered segments of one length, which can be asked for as
 * soon as their first chunk is there. */
#include "sdk/origin/playlist.h"

static void duration(struct p2v_text *out, const char *name, p2v_usec us)
{
	p2v_text_printf(out, " %s=\"PT%lld.%06lldS\"", name, (long long)(us / P2V_SECOND),
		(long long)(us % P2V_SECOND));
}

/* How far behind the edge players should stay: as in HLS, three parts, and what a request takes. */
static p2v_usec latency(const struct p2v_cmaf_stream *s)
{
	p2v_usec parts = 3 * s->part_target;

	return parts > P2V_SECOND ? parts : P2V_SECOND;
}

static void put_representation(const struct p2v_cmaf_rendition *r, struct p2v_text *out)
{
	const struct p2v_mp4_track *t = &r->info.tracks[r->info.lead];

	p2v_text_printf(out, "\t\t\t<Representation id=\"%s\" bandwidth=\"%llu\"", r->name,
		(unsigned long long)r->peak);
	for (size_t i = 0; i < r->info.n; i++)
		p2v_text_printf(out, "%s%s", i ? "," : " codecs=\"", r->info.tracks[i].codec);
	p2v_text_puts(out, "\"");
	if (t->w && t->h)
		p2v_text_printf(out, " width=\"%u\" height=\"%u\"", t->w, t->h);
	if (t->rate)
		p2v_text_printf(out, " audioSamplingRate=\"%u\"", t->rate);
	p2v_text_puts(out, "/>\n");
}

/* Which renditions stand side by side: the picture's in one set, each sound in one of its own. */
static bool same_set(const struct p2v_cmaf_rendition *a, const struct p2v_cmaf_rendition *b)
{
	return a == b || (a->info.tracks[a->info.lead].video && b->info.tracks[b->info.lead].video);
}

static void put_template(const struct p2v_cmaf_stream *s, struct p2v_text *out)
{
	p2v_usec length = s->conf.segment;

	p2v_text_printf(out,
		"\t\t\t<SegmentTemplate timescale=\"1000000\" duration=\"%lld\" startNumber=\"0\" "
		"initialization=\"$RepresentationID$/init.mp4\" "
		"media=\"$RepresentationID$/seg$Number$.m4s\" "
		"availabilityTimeOffset=\"%lld.%06lld\" availabilityTimeComplete=\"false\"/>\n",
		(long long)length, (long long)((length - s->part_target) / P2V_SECOND),
		(long long)((length - s->part_target) % P2V_SECOND));
}

static void put_set(const struct p2v_cmaf_stream *s, size_t first, struct p2v_text *out)
{
	const struct p2v_cmaf_rendition *r = &s->r[first];
	const struct p2v_mp4_track *t = &r->info.tracks[r->info.lead];
	const char *type = t->video ? "video" : t->audio ? "audio" : "text";
	char date[P2V_DATE_TEXT];

	p2v_text_printf(out,
		"\t\t<AdaptationSet id=\"%zu\" contentType=\"%s\" mimeType=\"%s/mp4\" "
		"segmentAlignment=\"true\" startWithSAP=\"1\"",
		first, type, t->video || t->audio ? type : "application");
	if (!t->video && t->lang[0])
		p2v_text_printf(out, " lang=\"%s\"", t->lang);
	p2v_text_printf(out,
		">\n\t\t\t<ProducerReferenceTime id=\"%zu\" type=\"encoder\" wallClockTime=\"%s\" "
		"presentationTime=\"0\"/>\n",
		first, p2v_date_text(s->epoch, date));
	put_template(s, out);
	for (size_t i = first; i < s->n; i++)
		if (s->r[i].n && same_set(r, &s->r[i]))
			put_representation(&s->r[i], out);
	p2v_text_puts(out, "\t\t</AdaptationSet>\n");
}

static p2v_usec end_of(const struct p2v_cmaf_stream *s)
{
	p2v_usec last = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct p2v_cmaf_segment *g = p2v_cmaf_edge(&s->r[i]);

		if (g && g->t + g->dur > last)
			last = g->t + g->dur;
	}
	return last;
}

static void put_head(const struct p2v_cmaf_stream *s, int64_t wall, struct p2v_text *out)
{
	char date[P2V_DATE_TEXT];

	p2v_text_printf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
		"profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"dynamic\" "
		"availabilityStartTime=\"%s\"",
		p2v_date_text(s->epoch, date));
	p2v_text_printf(out, " publishTime=\"%s\"", p2v_date_text(wall, date));
	if (p2v_cmaf_ended(s))
		duration(out, "mediaPresentationDuration", end_of(s));
	else
		duration(out, "minimumUpdatePeriod", 5 * s->target);
	duration(out, "timeShiftBufferDepth", s->conf.window);
	duration(out, "suggestedPresentationDelay", latency(s));
	duration(out, "maxSegmentDuration", s->target);
	duration(out, "minBufferTime", s->part_target);
	p2v_text_printf(out,
		">\n\t<ServiceDescription id=\"0\">\n\t\t<Latency target=\"%lld\" referenceId=\"0\"/>\n"
		"\t</ServiceDescription>\n\t<Period id=\"0\" start=\"PT0S\">\n",
		(long long)(latency(s) / 1000));
}

static bool first_of_set(const struct p2v_cmaf_stream *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->r[k].n && same_set(&s->r[k], &s->r[i]))
			return false;
	return s->r[i].n > 0;
}

void p2v_cmaf_mpd(
	const struct p2v_cmaf_stream *s, struct p2v_str host, int64_t wall, struct p2v_text *out)
{
	char date[P2V_DATE_TEXT];

	put_head(s, wall, out);
	for (size_t i = 0; i < s->n; i++)
		if (first_of_set(s, i))
			put_set(s, i, out);
	p2v_text_puts(out, "\t</Period>\n");
	/* The clock that can be asked goes first: an MPD may come out of a cache. */
	if (host.n)
		p2v_text_printf(out,
			"\t<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" "
			"value=\"http://%.*s/time\"/>\n",
			P2V_STR(host));
	p2v_text_printf(out,
		"\t<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"%s\"/>\n</MPD>\n",
		p2v_date_text(wall, date));
}
