/* gateway_viewers_test.c - what two viewers share, and what they do not: keys and licences, tokens,
 * advertisements of their own, sound and subtitles apart. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/sim/couple.h"

TestSuite(gateway_viewers, .timeout = 120, .init = rig_init, .fini = rig_fini);

static const char hls[] = "application/vnd.apple.mpegurl";
enum { FRAGMENTS = 12, SIZE = 100000 };

static struct couple couple; /* it is large */

static void open_with(const struct booth_conf *conf)
{
	couple_open(&couple, conf);
}

static void open_plain(void)
{
	struct booth_conf conf = booth_conf();

	open_with(&conf);
}

static void begin_list(struct p2v_text *t)
{
	p2v_text_puts(t, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n"
			 "#EXT-X-PLAYLIST-TYPE:VOD\n");
}

/* @return the text, for as long as the couple */
static const char *end_list(struct p2v_text *t)
{
	const char *text;

	p2v_text_puts(t, "#EXT-X-ENDLIST\n");
	cr_assert_not(t->oom);
	text = couple_text(&couple, "%s", t->p);
	p2v_text_fini(t);
	return text;
}

/* [B] of media that viewers had from each other */
static uint64_t shared(void)
{
	return couple_count(&couple, 0, P2V_M_SERVED_P2P) +
	       couple_count(&couple, 1, P2V_M_SERVED_P2P);
}

/* ---- keys and licences ---- */

/* Each viewer asks twice, as players do that do not keep them. */
static void fetch_by_both(const char *path, const struct page *p)
{
	struct visit v = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		uint32_t before = p->requests;

		cr_assert_eq(visit_get(&couple.v[i / 2].booth, &v, path), 200, "%s", path);
		visit_expect(&v, p, 0, strlen(p->text));
		cr_assert_str_eq(visit_field(&v, "cache-status"), "peer2view; fwd=bypass");
		cr_assert_str_eq(visit_field(&v, "x-p2v-source"), "cdn");
		cr_assert_eq(p->requests, before + 1, "it came from elsewhere");
		couple_run(&couple, 500 * P2V_MSEC);
	}
	visit_fini(&v);
}

/* Nothing that a node tells of itself has it. */
static void is_not_told(const char *word)
{
	static const char *const pages[] = { "/stats.json", "/metrics" };
	struct visit v = { 0 };

	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(visit_get(&couple.v[i / 2].booth, &v, pages[i % 2]), 200);
		cr_assert_null(strstr(v.body, word));
	}
	visit_fini(&v);
}

static const char *encrypted_list(void)
{
	struct p2v_text t = { 0 };

	begin_list(&t);
	for (unsigned n = 0; n < FRAGMENTS; n++) {
		if (n == 0)
			p2v_text_puts(&t, "#EXT-X-KEY:METHOD=AES-128,URI=\"k0.bin\",IV=0x01\n");
		if (n == 4)
			p2v_text_puts(&t,
				"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://asset/7\","
				"KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"\n"
				"#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"data:text/plain;base64,AAAA\","
				"KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\"\n");
		if (n == 8)
			p2v_text_puts(
				&t, "#EXT-X-KEY:METHOD=AES-128,URI=\"keys/k1.bin?asset=7\"\n");
		p2v_text_printf(&t, "#EXTINF:2,\ne%u.ts\n", n);
	}
	return end_list(&t);
}

/* Encrypted media are shared as they are; each viewer has its keys from the CDN, each time. */
Test(gateway_viewers, keys_come_from_the_cdn_and_media_from_each_other)
{
	static const char *const keys[] = { "KEY-zero-0123456", "KEY-one--6543210" };
	size_t word[2], media;
	struct page *list, *k0, *k1;
	struct visit v = { 0 };

	open_plain();
	list = couple_put(&couple, "/live/m.m3u8", hls, encrypted_list());
	k0 = couple_put(&couple, "/live/k0.bin", "application/octet-stream", keys[0]);
	k1 = couple_put(&couple, "/live/keys/k1.bin?asset=7", "application/octet-stream", keys[1]);
	/* Whatever the CDN allows, a key is one. */
	k0->extra[0] = k1->extra[0] = "Cache-Control: public, max-age=3600";
	for (unsigned n = 0; n < FRAGMENTS; n++)
		couple_put_media(
			&couple, couple_text(&couple, "/live/e%u.ts", n), "CIPHERED", n, SIZE);
	media = booth_listen(&couple.v[0].booth, "CIPHERED");
	for (size_t i = 0; i < 2; i++)
		word[i] = booth_listen(&couple.v[0].booth, keys[i]);
	fetch_by_both("/live/k0.bin", k0);
	couple_play(&couple, "/live/m.m3u8", "/live/m.m3u8");
	fetch_by_both("/live/k0.bin", k0);
	fetch_by_both("/live/keys/k1.bin?asset=7", k1);
	cr_assert_gt(shared(), FRAGMENTS * SIZE / 2, "%llu", (unsigned long long)shared());
	cr_assert_gt(couple_heard(&couple, media), 0, "what is sent is heard");
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(couple_heard(&couple, word[i]), 0, "a key went to a peer");
		is_not_told(keys[i]);
		/* Of media there is no more than the media. */
		cr_assert_leq(couple_count(&couple, i, P2V_M_CACHE_BYTES), FRAGMENTS * SIZE);
		cr_assert_eq(couple_count(&couple, i, P2V_M_DOWN_OTHER), 6 * 16);
	}
	cr_assert_eq(k0->requests, 8);
	cr_assert_eq(k1->requests, 4);
	cr_assert_eq(visit_get(&couple.v[1].booth, &v, "/live/m.m3u8"), 200);
	cr_assert_str_eq(v.body, list->text, "what names keys stays as it is");
	visit_fini(&v);
	couple_close(&couple);
}

static const char protected_mpd[] =
	"<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" xmlns:cenc=\"urn:mpeg:cenc:2013\" "
	"xmlns:dashif=\"https://dashif.org/CPS\" xmlns:mspr=\"urn:microsoft:playready\" type=\"static\" "
	"mediaPresentationDuration=\"PT24S\"><Period><AdaptationSet contentType=\"video\" "
	"mimeType=\"video/mp4\">\n"
	"<ContentProtection schemeIdUri=\"urn:mpeg:dash:mp4protection:2011\" value=\"cenc\" "
	"cenc:default_KID=\"00112233-4455-6677-8899-aabbccddeeff\"/>\n"
	"<ContentProtection schemeIdUri=\"urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e\">"
	"<dashif:Laurl licenseType=\"EME-1.0\">http://cdn/live/licence?asset=7&amp;x=1</dashif:Laurl>"
	"<dashif:laurl>//cdn/live/licence?asset=7</dashif:laurl></ContentProtection>\n"
	"<ContentProtection schemeIdUri=\"urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95\" "
	"xmlns:ms=\"urn:microsoft\"><ms:laurl licenseUrl=\"http://licences.example/pr?a=b\"/>"
	"<mspr:pro>AAAA</mspr:pro><cenc:pssh>AAAANHBzc2g=</cenc:pssh></ContentProtection>\n"
	"<Representation id=\"0\" bandwidth=\"400000\"><SegmentTemplate timescale=\"1\" duration=\"2\" "
	"startNumber=\"0\" media=\"c$Number$.m4s\" initialization=\"init.mp4\"/></Representation>"
	"</AdaptationSet></Period></MPD>";

/* What leads to a licence is the player's affair, and so is the licence. */
Test(gateway_viewers, licences_come_from_the_cdn_and_media_from_each_other)
{
	static const char licence[] = "LICENCE of one viewer, and of nobody else, number 7";
	struct booth_conf conf = booth_conf();
	struct visit v = { 0 };
	size_t word, media;
	struct page *p;

	conf.plugins.manifest.plugin = rig_plugin(P2V_KIND_MANIFEST, "dash");
	open_with(&conf);
	couple_put(&couple, "/live/m.mpd", "application/dash+xml", protected_mpd);
	p = couple_put(&couple, "/live/licence?asset=7", "application/json", licence);
	couple_put_media(&couple, "/live/init.mp4", "HEAD", 0, 700);
	for (unsigned n = 0; n < FRAGMENTS; n++)
		couple_put_media(
			&couple, couple_text(&couple, "/live/c%u.m4s", n), "CENC-CTR", n, SIZE);
	word = booth_listen(&couple.v[0].booth, "LICENCE of one viewer");
	media = booth_listen(&couple.v[0].booth, "CENC-CTR");
	couple_play(&couple, "/live/m.mpd", "/live/m.mpd");
	fetch_by_both("/live/licence?asset=7", p);
	cr_assert_gt(shared(), FRAGMENTS * SIZE / 2, "%llu", (unsigned long long)shared());
	cr_assert_gt(couple_heard(&couple, media), 0);
	cr_assert_eq(couple_heard(&couple, word), 0, "a licence went to a peer");
	is_not_told("LICENCE");
	cr_assert_eq(visit_get(&couple.v[1].booth, &v, "/live/m.mpd"), 200);
	cr_assert_str_eq(v.body, protected_mpd, "not a byte of it is another");
	visit_fini(&v);
	couple_close(&couple);
}

/* ---- who plays nothing ---- */

static const char *list_of(const char *fmt, unsigned n)
{
	struct p2v_text t = { 0 };

	begin_list(&t);
	for (unsigned i = 0; i < n; i++) {
		p2v_text_puts(&t, "#EXTINF:2,\n");
		p2v_text_puts(&t, couple_text(&couple, fmt, i));
		p2v_text_puts(&t, "\n");
	}
	return end_list(&t);
}

/* A program that looks at manifests and keys is no player that waits for its first picture. */
Test(gateway_viewers, who_only_looks_keeps_nobody_from_sharing)
{
	struct visit v = { .headers = { "User-Agent: monitor/1" } };

	open_plain();
	couple_put(&couple, "/live/m.m3u8", hls, list_of("f%u.ts", FRAGMENTS));
	couple_put(&couple, "/live/k.bin", "application/octet-stream", "0123456789abcdef");
	for (unsigned n = 0; n < FRAGMENTS; n++)
		couple_put_media(
			&couple, couple_text(&couple, "/live/f%u.ts", n), "MEDIA", n, SIZE);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&couple.v[i].booth, &v, "/live/m.m3u8"), 200);
		cr_assert_eq(visit_get(&couple.v[i].booth, &v, "/live/k.bin"), 200);
	}
	couple_play(&couple, "/live/m.m3u8", "/live/m.m3u8");
	cr_assert_gt(shared(), FRAGMENTS * SIZE / 2, "%llu", (unsigned long long)shared());
	visit_fini(&v);
	couple_close(&couple);
}

/* ---- tokens ---- */

static const char *const tokens[] = { "alpha", "beta" };
static const char session[] = "^s/[^/]+/(.*)$"; /* what is below a session's folder */

static const char *place(bool in_path, size_t viewer, const char *name)
{
	return in_path ? couple_text(&couple, "/live/s/%s/%s", tokens[viewer], name)
		       : couple_text(&couple, "/live/%s?t=%s", name, tokens[viewer]);
}

/* The same content for two viewers, each with a token of its own in all URLs. */
static void put_under_tokens(bool in_path, struct page *media[2][FRAGMENTS])
{
	for (size_t i = 0; i < 2; i++) {
		struct p2v_text t = { 0 };

		begin_list(&t);
		for (unsigned n = 0; n < FRAGMENTS; n++) {
			const char *at = place(in_path, i, couple_text(&couple, "f%u.ts", n));

			media[i][n] = couple_put_media(&couple, at, "TOKEN", n, SIZE);
			p2v_text_printf(&t, "#EXTINF:2,\n%s\n", at);
		}
		couple_put(&couple, place(in_path, i, "m.m3u8"), hls, end_list(&t));
	}
}

/* @return [B] that they had from each other */
static uint64_t play_under_tokens(bool in_path, uint32_t identity, const char *regex)
{
	struct booth_conf conf = booth_conf();
	struct page *media[2][FRAGMENTS];
	uint64_t n, asked = 0;

	conf.channels[0].identity = identity;
	conf.channels[0].identity_regex = regex;
	open_with(&conf);
	put_under_tokens(in_path, media);
	couple_play(&couple, place(in_path, 0, "m.m3u8"), place(in_path, 1, "m.m3u8"));
	for (size_t i = 0; i < 2 * FRAGMENTS; i++) {
		const struct page *p = media[i / FRAGMENTS][i % FRAGMENTS];

		cr_assert_eq(p->others, 0, "%s was asked for by two viewers", p->target);
		asked += p->bytes;
	}
	n = shared();
	cr_assert_leq(asked + n, 2 * FRAGMENTS * SIZE + FRAGMENTS * SIZE / 10);
	couple_close(&couple);
	return n;
}

/* Whom a token was given to uses it, and nobody else does. */
Test(gateway_viewers, tokens_do_not_keep_viewers_apart_where_a_rule_drops_them)
{
	uint64_t query = play_under_tokens(false, P2V_IDENTITY_PATH, ""),
		 path = play_under_tokens(true, P2V_IDENTITY_REGEX, session);

	cr_assert_gt(query, FRAGMENTS * SIZE / 2, "%llu", (unsigned long long)query);
	cr_assert_gt(path, FRAGMENTS * SIZE / 2, "%llu", (unsigned long long)path);
}

Test(gateway_viewers, without_a_rule_another_url_is_another_fragment)
{
	cr_assert_eq(play_under_tokens(false, P2V_IDENTITY_PATH_QUERY, ""), 0);
	cr_assert_eq(play_under_tokens(true, P2V_IDENTITY_PATH_QUERY, ""), 0);
	/* A rule for tokens in the query is none for those in the path. */
	cr_assert_eq(play_under_tokens(true, P2V_IDENTITY_PATH, ""), 0);
}

/* ---- advertisements ---- */

struct event {
	struct page *content[FRAGMENTS], *ads[2][FRAGMENTS];
};

/* Every third and fourth fragment is an advertisement of the viewer's own, under a name that only
 * its manifest has; one is shorter, so that numbers, too, mean something else. */
static void put_event(bool in_path, struct event *e)
{
	memset(e, 0, sizeof *e);
	for (unsigned n = 0; n < FRAGMENTS; n++)
		if (n % 4 < 2)
			e->content[n] = couple_put_media(&couple,
				couple_text(&couple, "/live/c/%u.ts", n), "CONTENT", n, SIZE);
	for (size_t i = 0; i < 2; i++) {
		struct p2v_text t = { 0 };

		begin_list(&t);
		for (unsigned n = 0; n < FRAGMENTS; n++) {
			const char *at = couple_text(&couple, "/live/ads/%s-%u.ts", tokens[i], n);

			if (i == 0 && n == 3) /* it has one advertisement less */
				continue;
			if (n % 4 == 0 || n % 4 == 2)
				p2v_text_puts(&t, "#EXT-X-DISCONTINUITY\n");
			if (n % 4 < 2) {
				p2v_text_printf(&t, "#EXTINF:2,\n/live/c/%u.ts\n", n);
				continue;
			}
			e->ads[i][n] = couple_put_media(
				&couple, at, i == 0 ? "AD-alpha" : "AD-beta", n, SIZE);
			p2v_text_printf(&t, "#EXTINF:2,\n%s\n", at);
		}
		couple_put(&couple, place(in_path, i, "m.m3u8"), hls, end_list(&t));
	}
}

/* The CDN goes by something else than the URL, a cookie: both ask for the same list. */
static void play_by_one_url(void)
{
	const char *at = place(false, 0, "m.m3u8");
	struct page *p = site_find(couple.cdn, p2v_str_of(at));

	p->for_others = site_find(couple.cdn, p2v_str_of(place(false, 1, "m.m3u8")));
	couple_play(&couple, at, at);
	cr_assert_geq(p->for_others->requests, 1);
}

static void play_event(bool in_path, bool one_url, uint32_t identity, const char *regex)
{
	struct booth_conf conf = booth_conf();
	struct event e;
	size_t content, ads[2];

	conf.channels[0].identity = identity;
	conf.channels[0].identity_regex = regex;
	open_with(&conf);
	put_event(in_path, &e);
	content = booth_listen(&couple.v[0].booth, "CONTENT");
	ads[0] = booth_listen(&couple.v[0].booth, "AD-alpha");
	ads[1] = booth_listen(&couple.v[0].booth, "AD-beta");
	if (one_url)
		play_by_one_url();
	else
		couple_play(&couple, place(in_path, 0, "m.m3u8"), place(in_path, 1, "m.m3u8"));
	cr_assert_gt(shared(), FRAGMENTS / 2 * SIZE / 3, "%llu", (unsigned long long)shared());
	cr_assert_gt(couple_heard(&couple, content), 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(couple_heard(&couple, ads[i]), 0, "an advertisement was shared");
		for (unsigned n = 0; n < FRAGMENTS; n++)
			if (e.ads[i][n]) {
				cr_assert_geq(e.ads[i][n]->requests, 1);
				cr_assert_eq(e.ads[i][n]->others, 0);
			}
	}
	couple_close(&couple);
}

/* A session in the query, or in the path: what the sessions have in common is shared. */
Test(gateway_viewers, of_manifests_made_for_each_what_is_equal_is_shared)
{
	play_event(false, false, P2V_IDENTITY_PATH, "");
	play_event(true, false, P2V_IDENTITY_REGEX, session);
	play_event(false, true, P2V_IDENTITY_PATH_QUERY, "");
}

/* ---- sound and subtitles ---- */

static const char apart[] =
	"#EXTM3U\n"
	"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"en.m3u8\"\n"
	"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",LANGUAGE=\"de\",URI=\"de.m3u8\"\n"
	"#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",LANGUAGE=\"en\",URI=\"sub.m3u8\"\n"
	"#EXT-X-STREAM-INF:BANDWIDTH=464000,AUDIO=\"a\",SUBTITLES=\"s\"\nv.m3u8\n";

static struct page *put_subtitle(unsigned n)
{
	return couple_put(&couple, couple_text(&couple, "/live/s%u.vtt", n), "text/vtt",
		couple_text(&couple,
			"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"
			"00:00:%02u.000 --> 00:00:%02u.500\nline %u, \xc3\xa9t\xc3\xa9\n",
			2 * n, 2 * n, n));
}

/* The viewer's player asks for the n-th subtitle. */
static void reads_subtitle(size_t viewer, unsigned n, const struct page *p)
{
	struct visit v = { 0 };

	cr_assert_eq(
		visit_get(&couple.v[viewer].booth, &v, couple_text(&couple, "/live/s%u.vtt", n)),
		200);
	visit_expect(&v, p, 0, strlen(p->text));
	cr_assert_str_eq(visit_field(&v, "content-type"), "text/vtt");
	visit_fini(&v);
}

/* Each has a rendition of its own, with fragments of its own. */
Test(gateway_viewers, sound_and_subtitles_are_shared_too)
{
	enum { SOUND = 16000 };
	struct page *sub[FRAGMENTS];
	struct visit v = { 0 };
	size_t sound, text;

	open_plain();
	couple_put(&couple, "/live/master.m3u8", hls, apart);
	couple_put(&couple, "/live/v.m3u8", hls, list_of("v%u.ts", FRAGMENTS));
	couple_put(&couple, "/live/en.m3u8", hls, list_of("en%u.aac", FRAGMENTS));
	couple_put(&couple, "/live/de.m3u8", hls, list_of("de%u.aac", FRAGMENTS));
	couple_put(&couple, "/live/sub.m3u8", hls, list_of("s%u.vtt", FRAGMENTS));
	for (unsigned n = 0; n < FRAGMENTS; n++) {
		couple_put_media(
			&couple, couple_text(&couple, "/live/v%u.ts", n), "PICTURE", n, SIZE);
		couple_put_media(
			&couple, couple_text(&couple, "/live/en%u.aac", n), "ENGLISH", n, SOUND);
		couple_put_media(
			&couple, couple_text(&couple, "/live/de%u.aac", n), "GERMAN", n, SOUND);
		sub[n] = put_subtitle(n);
	}
	sound = booth_listen(&couple.v[0].booth, "ENGLISH");
	text = booth_listen(&couple.v[0].booth, "WEBVTT");
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(visit_get(&couple.v[i].booth, &v, "/live/master.m3u8"), 200);
		cr_assert_eq(visit_get(&couple.v[i].booth, &v, "/live/sub.m3u8"), 200);
	}
	reads_subtitle(0, 0, sub[0]);
	reads_subtitle(1, 0, sub[0]);
	couple_play(&couple, "/live/master.m3u8", "/live/master.m3u8");
	for (unsigned n = 1; n < FRAGMENTS; n++) {
		reads_subtitle(0, n, sub[n]);
		couple_run(&couple, P2V_SECOND);
		reads_subtitle(1, n, sub[n]);
	}
	cr_assert_gt(couple_heard(&couple, sound), FRAGMENTS / 2, "no sound was shared");
	cr_assert_gt(couple_heard(&couple, text), 0, "no subtitle was shared");
	cr_assert_gt(shared(), FRAGMENTS * (SIZE + SOUND) / 2);
	visit_fini(&v);
	couple_close(&couple);
}

/* The names of fragments are made of what their master defines: agents and players know them. */
Test(gateway_viewers, what_is_named_by_variables_of_the_master_is_shared)
{
	static const char master[] =
		"#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"high\"\n"
		"#EXT-X-DEFINE:QUERYPARAM=\"asset\"\n#EXT-X-STREAM-INF:BANDWIDTH=500000\nv.m3u8\n";
	struct p2v_text t = { 0 };

	open_plain();
	couple_put(&couple, "/live/master.m3u8?asset=a%2F7", hls, master);
	begin_list(&t);
	p2v_text_puts(&t, "#EXT-X-DEFINE:IMPORT=\"dir\"\n#EXT-X-DEFINE:IMPORT=\"asset\"\n");
	for (unsigned n = 0; n < FRAGMENTS; n++) {
		p2v_text_printf(&t, "#EXTINF:2,\n{$dir}/{$asset}/%u.ts\n", n);
		couple_put_media(
			&couple, couple_text(&couple, "/live/high/a/7/%u.ts", n), "MEDIA", n, SIZE);
	}
	couple_put(&couple, "/live/v.m3u8", hls, end_list(&t));
	couple_play(&couple, "/live/master.m3u8?asset=a%2F7", "/live/master.m3u8?asset=a%2F7");
	cr_assert_gt(shared(), FRAGMENTS * SIZE / 2);
	couple_close(&couple);
}
