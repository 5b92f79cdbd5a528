/* manifests.c - what it costs to read a manifest of 10 MiB of each kind, beside the least that it
 * can cost: expat on the same text with nobody who listens, or finding its lines; and what is done
 * with it then: it is put on a timeline, put there again as a live one is, and rewritten. Processor
 * time, the median of several rounds; how much more twice the text costs (2: as much more). */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "framework/stream/timeline.h"
#include "tests/contract/manifests.h"

enum { SIZE = 10 << 20, TIMES = 5 };

static char *text;
static size_t length, size; /* [B] that it has, that it shall have */

static P2V_PRINTF(1, 2) void add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	length += (size_t)vsnprintf(text + length, 256, fmt, ap);
	va_end(ap);
}

static void make_hls(void)
{
	add("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:100\n");
	for (unsigned i = 0; length < size; i++)
		add("#EXTINF:2.000000,\nevent/720p/segment-%08u.ts\n", i);
	add("#EXT-X-ENDLIST\n");
}

static void make_dash(void)
{
	add("<MPD type=\"static\" mediaPresentationDuration=\"P30D\"><Period><AdaptationSet "
	    "contentType=\"video\"><SegmentTemplate timescale=\"90000\" "
	    "media=\"$RepresentationID$/$Time$.m4s\" initialization=\"$RepresentationID$/i.mp4\">"
	    "<SegmentTimeline>\n");
	for (unsigned i = 0; length < size; i++)
		add("     <S t=\"%llu\" d=\"180000\" />\n", 180000ULL * i);
	add("</SegmentTimeline></SegmentTemplate><Representation id=\"1\" bandwidth=\"1400000\"/>"
	    "</AdaptationSet></Period></MPD>\n");
}

static void make_smooth(void)
{
	add("<SmoothStreamingMedia MajorVersion=\"2\" Duration=\"0\"><StreamIndex Type=\"video\" "
	    "Url=\"QualityLevels({bitrate})/Fragments(video={start time})\">"
	    "<QualityLevel Index=\"0\" Bitrate=\"1400000\"/>\n");
	for (unsigned i = 0; length < size; i++)
		add("    <c n=\"%u\" t=\"%llu\" d=\"20000000\" />\n", i, 20000000ULL * i);
	add("</StreamIndex></SmoothStreamingMedia>\n");
}

static void make_hds(void)
{
	add("<manifest xmlns=\"http://ns.adobe.com/f4m/1.0\"><streamType>live</streamType>\n");
	for (unsigned i = 0; length < size; i++)
		add("<bootstrapInfo profile=\"named\" id=\"b%u\" url=\"stream%u.abst\" />\n"
		    "<media bitrate=\"%u\" url=\"stream%u\" bootstrapInfoId=\"b%u\" />\n",
			i, i, 100 + i, i, i);
	add("</manifest>\n");
}

/* ---- the least ---- */

static void least_lines(void)
{
	const char *end = text + length;

	for (const char *at = text; at && at < end; at++)
		at = memchr(at, '\n', (size_t)(end - at));
}

static void least_xml(void)
{
	XML_Parser p = XML_ParserCreate(NULL);

	if (!p || XML_Parse(p, text, (int)length, 1) == XML_STATUS_ERROR)
		(void)fprintf(stderr, "expat does not read it\n");
	XML_ParserFree(p);
}

/* ---- ours ---- */

static struct p2v_test_manifests plugins;
static const char *url;
static struct p2v_doc *doc;
static struct p2v_timeline timeline;

static void read_it(void)
{
	const struct p2v_doc_in in = { .text = { text, length }, .url = url };
	struct p2v_err err;

	if (p2v_doc_parse(&plugins.all, &in, &doc, &err) < 0)
		(void)fprintf(stderr, "%s: %s\n", url, err.text);
}

static void list_it(void)
{
	for (size_t i = 0; doc && i < doc->n_tracks; i++)
		if (p2v_timeline_update(&timeline, doc, i, P2V_SECOND, NULL) < 0)
			(void)fprintf(stderr, "%s: no memory\n", url);
}

static bool move(void *ctx, const struct p2v_doc_uri *u, struct p2v_text *out)
{
	(void)ctx;
	p2v_text_printf(out, "http://127.0.0.1:8780/x/%s", u->url);
	return true;
}

static void rewrite_it(void)
{
	struct p2v_text out = { 0 };

	if (doc)
		p2v_doc_rewrite(doc, move, NULL, &out);
	p2v_text_fini(&out);
}

/* ---- the costs ---- */

enum { LEAST, READ, LIST, AGAIN, REWRITE, STEPS };

/* [ms] of processor time */
static double cost(void (*what)(void))
{
	clock_t began = clock();

	what();
	return (double)(clock() - began) * 1000 / CLOCKS_PER_SEC;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What runs beside it disturbs all steps alike: they take turns. */
static void measure(void (*make)(void), void (*least)(void), size_t wanted, double *median)
{
	void (*const steps[STEPS])(void) = { least, read_it, list_it, list_it, rewrite_it };
	double ms[STEPS][TIMES];

	length = 0;
	size = wanted;
	make();
	for (size_t i = 0; i < TIMES; i++) {
		doc = NULL;
		if (p2v_timeline_init(&timeline, url) < 0)
			exit(1);
		for (size_t k = 0; k < STEPS; k++)
			ms[k][i] = cost(steps[k]);
		p2v_timeline_fini(&timeline);
		p2v_doc_free(doc);
	}
	for (size_t k = 0; k < STEPS; k++) {
		qsort(ms[k], TIMES, sizeof ms[k][0], compare);
		median[k] = ms[k][TIMES / 2];
	}
}

int main(void)
{
	static const struct {
		const char *name, *url;
		void (*make)(void);
		void (*least)(void);
	} kinds[] = { { "HLS", "http://cdn/live/index.m3u8", make_hls, least_lines },
		{ "DASH", "http://cdn/live/live.mpd", make_dash, least_xml },
		{ "Smooth", "http://cdn/live.ism/Manifest", make_smooth, least_xml },
		{ "HDS", "http://cdn/live/index.f4m", make_hds, least_xml } };

	p2v_test_manifests_init(&plugins);
	text = malloc(SIZE + 1024);
	if (!text)
		return 1;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		double half[STEPS], all[STEPS];

		url = kinds[i].url;
		measure(kinds[i].make, kinds[i].least, SIZE / 2, half);
		measure(kinds[i].make, kinds[i].least, SIZE, all);
		(void)printf(
			"manifest: %-6s %d MiB: read in %3.0f ms, %4.1f times the least of %3.0f ms, "
			"%.1f times that of half of it; listed in %2.0f and %2.0f ms, rewritten in "
			"%2.0f ms\n",
			kinds[i].name, SIZE >> 20, all[READ], all[READ] / all[LEAST], all[LEAST],
			all[READ] / half[READ], all[LIST], all[AGAIN], all[REWRITE]);
	}
	free(text);
	return 0;
}
