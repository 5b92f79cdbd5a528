/* manifests.c - what it costs to read a manifest of 10 MB of each kind, beside the least that it
 * can cost: expat on the same text with nobody who listens, or finding its lines. Processor time,
 * the median of several readings. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/contract/manifests.h"

enum { SIZE = 10 << 20, TIMES = 5 };

static char *text;
static size_t length;

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
	for (unsigned i = 0; length < SIZE; i++)
		add("#EXTINF:2.000000,\nevent/720p/segment-%08u.ts\n", i);
	add("#EXT-X-ENDLIST\n");
}

static void make_dash(void)
{
	add("<MPD type=\"static\" mediaPresentationDuration=\"P30D\"><Period><AdaptationSet "
	    "contentType=\"video\"><SegmentTemplate timescale=\"90000\" "
	    "media=\"$RepresentationID$/$Time$.m4s\" initialization=\"$RepresentationID$/i.mp4\">"
	    "<SegmentTimeline>\n");
	for (unsigned i = 0; length < SIZE; i++)
		add("     <S t=\"%llu\" d=\"180000\" />\n", 180000ULL * i);
	add("</SegmentTimeline></SegmentTemplate><Representation id=\"1\" bandwidth=\"1400000\"/>"
	    "</AdaptationSet></Period></MPD>\n");
}

static void make_smooth(void)
{
	add("<SmoothStreamingMedia MajorVersion=\"2\" Duration=\"0\"><StreamIndex Type=\"video\" "
	    "Url=\"QualityLevels({bitrate})/Fragments(video={start time})\">"
	    "<QualityLevel Index=\"0\" Bitrate=\"1400000\"/>\n");
	for (unsigned i = 0; length < SIZE; i++)
		add("    <c n=\"%u\" t=\"%llu\" d=\"20000000\" />\n", i, 20000000ULL * i);
	add("</StreamIndex></SmoothStreamingMedia>\n");
}

static void make_hds(void)
{
	add("<manifest xmlns=\"http://ns.adobe.com/f4m/1.0\"><streamType>live</streamType>\n");
	for (unsigned i = 0; length < SIZE; i++)
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

static void ours(void)
{
	const struct p2v_doc_in in = { .text = { text, length }, .url = url };
	struct p2v_err err;
	struct p2v_doc *d;

	if (p2v_doc_parse(&plugins.all, &in, &d, &err) < 0)
		(void)fprintf(stderr, "%s: %s\n", url, err.text);
	else
		p2v_doc_free(d);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* @return [ms] of processor time, the median */
static double cost(void (*what)(void))
{
	double ms[TIMES];

	for (size_t i = 0; i < TIMES; i++) {
		clock_t began = clock();

		what();
		ms[i] = (double)(clock() - began) * 1000 / CLOCKS_PER_SEC;
	}
	qsort(ms, TIMES, sizeof *ms, compare);
	return ms[TIMES / 2];
}

int main(void)
{
	static const struct {
		const char *url;
		void (*make)(void);
		void (*least)(void);
	} kinds[] = { { "http://cdn/live/index.m3u8", make_hls, least_lines },
		{ "http://cdn/live/live.mpd", make_dash, least_xml },
		{ "http://cdn/live.ism/Manifest", make_smooth, least_xml },
		{ "http://cdn/live/index.f4m", make_hds, least_xml } };

	p2v_test_manifests_init(&plugins);
	text = malloc(SIZE + 1024);
	if (!text)
		return 1;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		double least, all;

		length = 0;
		kinds[i].make();
		url = kinds[i].url;
		least = cost(kinds[i].least);
		all = cost(ours);
		(void)printf("manifest: %-28s %zu MiB: %.0f ms, %.1f times the least of %.0f ms\n",
			url, length >> 20, all, all / least, least);
	}
	free(text);
	return 0;
}
