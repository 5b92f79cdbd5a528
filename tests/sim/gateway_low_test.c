/* gateway_low_test.c - low-latency HLS as players are answered: playlists that are held until they
 * tell of what was asked for (RFC 8216bis 6.2.5.2), parts that are asked for before they are there,
 * and how long caches may keep each answer (appendix B). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "tests/sim/booth.h"

TestSuite(gateway_low, .timeout = 120, .init = rig_init, .fini = rig_fini);

enum { LISTS = 12, LIST_MAX = 2048 };

#define TARGET (2 * P2V_SECOND)
#define PART   (500 * P2V_MSEC)
#define SOON   (100 * P2V_MSEC) /* some round trips to the CDN */
#define LOOKS  (300 * P2V_MSEC) /* so long the CDN has to tell of more than was known */

/** How a player addresses the agent. */
struct way {
	const char *folder, *host;
	bool other; /* the CDN is "cdn2" */
};

static const struct way ways[] = { { "/live/", "Host: localhost", false },
	{ "/x/http/cdn2/live/", "Host: localhost", true },
	{ "http://cdn2/live/", "Host: cdn2", true } };

#define WAYS (sizeof ways / sizeof *ways)

/** A booth whose CDN has a live playlist with parts, /live/m.m3u8. */
struct stage {
	struct booth b;
	const struct way *way;
	struct site *cdn;
	struct page *list; /* without directives */
	const char *control;
	char texts[LISTS][LIST_MAX], targets[LISTS][64];
	size_t n_texts, n_targets;
};

static struct stage stage;

static const char blocks[] = "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.5";

/* A playlist whose fragment `msn` is not whole yet: that many parts of it are there. */
static const char *list_of(struct stage *s, unsigned msn, unsigned parts)
{
	char *text;
	size_t n;

	cr_assert_lt(s->n_texts, (size_t)LISTS);
	text = s->texts[s->n_texts++];
	n = (size_t)snprintf(text, LIST_MAX,
		"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:%s\n"
		"#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:%u\n",
		s->control, msn - 3);
	for (unsigned i = msn - 3; i <= msn; i++) {
		for (unsigned k = 0; i + 2 >= msn && k < (i < msn ? 4 : parts); k++)
			n += (size_t)snprintf(text + n, LIST_MAX - n,
				"#EXT-X-PART:DURATION=0.5,URI=\"%u.%u.m4s\"\n", i, k);
		if (i < msn)
			n += (size_t)snprintf(text + n, LIST_MAX - n, "#EXTINF:2,\n%u.m4s\n", i);
	}
	n += (size_t)snprintf(text + n, LIST_MAX - n,
		"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%u.%u.m4s\"\n", msn, parts);
	cr_assert_lt(n, (size_t)LIST_MAX);
	return text;
}

/* What the CDN answers to a reload with that query, not before `ready`. */
static struct page *put(struct stage *s, const char *query, const char *text, p2v_usec ready)
{
	char *target;

	cr_assert_lt(s->n_targets, (size_t)LISTS);
	target = s->targets[s->n_targets++];
	(void)snprintf(target, sizeof s->targets[0], "/live/m.m3u8%s", query);
	return site_put(s->cdn, &(struct page){ .target = target,
					.text = text,
					.ready = ready,
					.type = "application/vnd.apple.mpegurl",
					.extra = { "Cache-Control: max-age=99", "Age: 7",
						"Expires: Thu, 01 Jan 2099 00:00:00 GMT" } });
}

/* It is a good while after the world's begin; one part of fragment 11 is there. */
static struct stage *open_stage(const struct way *way, const char *control)
{
	struct booth_conf conf = booth_conf();
	struct stage *s = &stage;

	memset(s, 0, sizeof *s);
	conf.gateway.open_hosts = "cdn2";
	booth_open(&s->b, &conf);
	s->way = way;
	s->cdn = way->other ? &s->b.other : &s->b.cdn;
	s->control = control;
	s->list = put(s, "", list_of(s, 11, 1), 0);
	booth_run(&s->b, P2V_SECOND);
	return s;
}

static void close_stage(struct stage *s)
{
	cr_assert_eq(s->b.cdn.strangers + s->b.other.strangers, 0,
		"the CDN was asked for what nobody wants");
	booth_close(&s->b);
}

static p2v_usec now_of(struct stage *s)
{
	return p2v_sim_now(s->b.sim);
}

static void ask(struct stage *s, struct raw *r, const char *name)
{
	const char *headers[] = { s->way->host, NULL };
	char target[256];

	(void)snprintf(target, sizeof target, "%s%s", s->way->folder, name);
	raw_ask(&s->b, r, "GET", target, headers, sizeof r->body);
}

/* Wait for its answer's end. @return when that was, to 10 ms */
static p2v_usec ended(struct stage *s, struct raw *r)
{
	for (int i = 0; i < 3000 && !r->gone; i++)
		booth_run(&s->b, 10 * P2V_MSEC);
	cr_assert(r->gone, "a request was not answered within half a minute");
	return now_of(s);
}

static void told(const struct raw *r, const char *text)
{
	cr_assert_eq(r->status, 200u, "%u %s", r->status, r->body);
	cr_assert(r->ended);
	cr_assert_eq(r->n, strlen(text));
	cr_assert_eq(memcmp(r->body, text, r->n), 0, "%.*s", (int)r->n, r->body);
}

/* An error, that caches do not keep. */
static void refused(const struct raw *r, uint32_t status)
{
	cr_assert_eq(r->status, status, "%u, not %u", r->status, status);
	cr_assert_str_eq(raw_field(r, "cache-control"), "no-store");
}

/* ---- what is held ---- */

/* One after the other, as players go on; the last part of a fragment and the first of the next. */
Test(gateway_low, a_part_to_come_is_waited_for_at_the_cdn)
{
	static const struct {
		const char *query;
		unsigned msn, parts;
	} next[] = { { "?_HLS_msn=11&_HLS_part=1", 11, 2 }, { "?_HLS_msn=11&_HLS_part=2", 11, 3 },
		{ "?_HLS_msn=11&_HLS_part=3", 12, 0 }, { "?_HLS_msn=12&_HLS_part=0", 12, 1 } };

	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec first = now_of(s) + PART;

		for (size_t k = 0; k < 4; k++) {
			p2v_usec due = first + (p2v_usec)k * PART, at;
			const char *text = list_of(s, next[k].msn, next[k].parts);
			struct page *p = put(s, next[k].query, text, due);
			char name[64];
			struct raw r;

			(void)snprintf(name, sizeof name, "m.m3u8%s", next[k].query);
			ask(s, &r, name);
			at = ended(s, &r);
			told(&r, text);
			cr_assert_geq(at, due, "%s", name);
			cr_assert_leq(at, due + SOON, "%s", name);
			cr_assert_eq(p->requests, 1u);
		}
		cr_assert_eq(s->list->requests, 1u);
		close_stage(s);
	}
}

/* A player that wants whole fragments. */
Test(gateway_low, a_fragment_to_come_is_waited_for_at_the_cdn)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec due = now_of(s) + 1500 * P2V_MSEC, at;
		const char *text = list_of(s, 12, 0);
		struct page *p = put(s, "?_HLS_msn=11", text, due);
		struct raw r;

		ask(s, &r, "m.m3u8?_HLS_msn=11");
		at = ended(s, &r);
		told(&r, text);
		cr_assert_geq(at, due);
		cr_assert_leq(at, due + SOON);
		cr_assert_eq(p->requests, 1u);
		close_stage(s);
	}
}

Test(gateway_low, what_is_there_is_told_at_once)
{
	static const char *const names[] = { "m.m3u8", "m.m3u8?_HLS_msn=10",
		"m.m3u8?_HLS_msn=11&_HLS_part=0", "m.m3u8?_HLS_msn=10&_HLS_part=4",
		"m.m3u8?_HLS_msn=3&_HLS_part=7" };

	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);

		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			p2v_usec began = now_of(s);
			struct raw r;

			ask(s, &r, names[k]);
			cr_assert_leq(ended(s, &r), began + SOON, "%s", names[k]);
			told(&r, s->list->text);
			booth_run(&s->b, P2V_SECOND);
		}
		close_stage(s);
	}
}

/* The CDN has its playlist get shorter for who knows the rest (RFC 8216bis 6.2.5.1). All players
 * share one reading here, so each is given all of it. */
Test(gateway_low, a_skip_is_answered_with_the_whole_list)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec due = now_of(s) + PART;
		const char *text = list_of(s, 11, 2);
		struct raw r;

		put(s, "?_HLS_msn=11&_HLS_part=1", text, due);
		ask(s, &r, "m.m3u8?_HLS_skip=YES");
		cr_assert_lt(ended(s, &r), due);
		told(&r, s->list->text);
		ask(s, &r, "m.m3u8?_HLS_msn=11&_HLS_part=1&_HLS_skip=YES");
		cr_assert_geq(ended(s, &r), due);
		told(&r, text);
		close_stage(s);
	}
}

/* ---- what is not ---- */

/* More than two fragments ahead, or more parts than last three seconds; but nothing is too far for
 * ever. */
Test(gateway_low, what_is_too_far_ahead_is_refused_at_once)
{
	static const char *const names[] = { "m.m3u8?_HLS_msn=13", "m.m3u8?_HLS_msn=4000000000",
		"m.m3u8?_HLS_msn=13&_HLS_part=0", "m.m3u8?_HLS_msn=11&_HLS_part=7" };

	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec news = now_of(s) + 5 * P2V_SECOND, due = news + P2V_SECOND, began;
		const char *text = list_of(s, 13, 1);
		struct page *next = put(s, "?_HLS_msn=11&_HLS_part=1", list_of(s, 13, 0), news);
		struct raw r;

		put(s, "?_HLS_msn=11", next->text, news);
		put(s, "?_HLS_msn=13&_HLS_part=0", text, due);
		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			began = now_of(s);
			ask(s, &r, names[k]);
			cr_assert_leq(ended(s, &r), began + LOOKS + SOON, "%s", names[k]);
			refused(&r, 400);
			booth_run(&s->b, P2V_SECOND - (now_of(s) - began));
		}
		cr_assert_leq(next->requests, 1u);
		booth_run(&s->b, news + SOON - now_of(s));
		ask(s, &r, names[2]);
		cr_assert_geq(ended(s, &r), due);
		told(&r, text);
		close_stage(s);
	}
}

Test(gateway_low, what_is_no_number_is_refused_at_once)
{
	static const char *const names[] = { "m.m3u8?_HLS_msn=x",
		"m.m3u8?_HLS_msn=", "m.m3u8?_HLS_msn=-1", "m.m3u8?_HLS_part=1",
		"m.m3u8?_HLS_msn=11&_HLS_part=1.5", "m.m3u8?_HLS_msn=99999999999999999999",
		"m.m3u8?_HLS_msn=11&_HLS_part=%31" };

	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);

		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			p2v_usec began = now_of(s);
			struct raw r;

			ask(s, &r, names[k]);
			cr_assert_leq(ended(s, &r), began + SOON, "%s", names[k]);
			refused(&r, 400);
		}
		booth_run(&s->b, SOON);
		cr_assert_eq(s->list->requests, 0u, "there was nothing to ask the CDN for");
		close_stage(s);
	}
}

Test(gateway_low, what_does_not_come_is_given_up_after_three_target_durations)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec began = now_of(s), at;
		struct page *p = put(
			s, "?_HLS_msn=11&_HLS_part=1", list_of(s, 11, 2), began + 20 * P2V_SECOND);
		struct raw r;

		ask(s, &r, "m.m3u8?_HLS_msn=11&_HLS_part=1");
		at = ended(s, &r);
		cr_assert_geq(at, began + 3 * TARGET);
		cr_assert_leq(at, began + 3 * TARGET + SOON);
		refused(&r, 503);
		cr_assert_eq(p->requests, 1u);
		close_stage(s);
	}
}

/* ---- who waits beside whom ---- */

Test(gateway_low, all_who_wait_for_the_same_share_one_request)
{
	struct stage *s = open_stage(&ways[0], blocks);
	p2v_usec due = now_of(s) + PART;
	const char *text = list_of(s, 11, 2);
	struct page *p = put(s, "?_HLS_msn=11&_HLS_part=1", text, due);
	static struct raw r[3];

	for (size_t i = 0; i < 3; i++) {
		ask(s, &r[i], "m.m3u8?_HLS_msn=11&_HLS_part=1");
		booth_run(&s->b, 60 * P2V_MSEC);
	}
	for (size_t i = 0; i < 3; i++) {
		cr_assert_leq(ended(s, &r[i]), due + SOON);
		told(&r[i], text);
	}
	cr_assert_eq(p->requests, 1u);
	close_stage(s);
}

/* Who wants to know what there is does not wait for what the CDN holds, nor is who waits for that
 * given less. */
Test(gateway_low, who_asks_without_directives_does_not_wait_for_who_does)
{
	struct stage *s = open_stage(&ways[0], blocks);
	p2v_usec due = now_of(s) + 1500 * P2V_MSEC, began;
	const char *text = list_of(s, 11, 2);
	struct raw held, plain;

	put(s, "?_HLS_msn=11&_HLS_part=1", text, due);
	ask(s, &held, "m.m3u8?_HLS_msn=11&_HLS_part=1");
	booth_run(&s->b, P2V_SECOND);
	began = now_of(s);
	ask(s, &plain, "m.m3u8");
	cr_assert_leq(ended(s, &plain), began + SOON);
	told(&plain, s->list->text);
	cr_assert_not(held.replied);
	cr_assert_leq(ended(s, &held), due + PART);
	told(&held, text);
	close_stage(s);
}

/* A player that leaves while it waits leaves nothing behind. */
Test(gateway_low, who_waits_may_leave)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		struct page *p = put(s, "?_HLS_msn=11&_HLS_part=1", list_of(s, 11, 2),
			now_of(s) + 3 * P2V_SECOND);
		struct raw r;

		ask(s, &r, "m.m3u8?_HLS_msn=11&_HLS_part=1");
		booth_run(&s->b, P2V_SECOND);
		cr_assert_eq(p->requests, 1u);
		raw_leave(&r);
		booth_run(&s->b, 30 * P2V_SECOND);
		cr_assert_eq(p->requests, 1u);
		cr_assert_eq(s->list->requests, 1u);
		close_stage(s);
	}
}

/* ---- CDNs that do not hold ---- */

static const struct {
	const char *control;
	uint32_t status; /* of what is to be held; 0: there is no such page */
} kinds[] = { { "PART-HOLD-BACK=1.5", 0 }, { blocks, 200 }, { blocks, 503 }, { blocks, 404 } };

/* It does not say that it holds; it says so, and answers at once, without news or with an error.
 * It is asked to hold no more than once, and the player waits all the same. */
Test(gateway_low, a_cdn_that_does_not_hold_is_asked_again_and_again)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct stage *s = open_stage(&ways[0], kinds[i].control);
		p2v_usec due = now_of(s) + P2V_SECOND;
		struct page *p = NULL;
		uint32_t looked;
		struct raw r;

		if (kinds[i].status) {
			p = put(s, "?_HLS_msn=11&_HLS_part=1", s->list->text, 0);
			p->status = kinds[i].status;
		}
		ask(s, &r, "m.m3u8?_HLS_msn=11&_HLS_part=1");
		booth_run(&s->b, due - now_of(s));
		cr_assert_not(r.replied);
		s->list->text = list_of(s, 11, 2);
		cr_assert_leq(ended(s, &r), due + 2 * SOON, "%zu", i);
		told(&r, s->list->text);
		looked = s->list->requests;
		cr_assert_leq(looked, 1u + 1000 / 25, "%u", looked);
		cr_assert(!p || p->requests == 1);
		booth_run(&s->b, 5 * P2V_SECOND);
		cr_assert_eq(s->list->requests, looked, "nobody waits any more");
		close_stage(s);
	}
}

/* What is not said to be held is answered, and kept by caches, as the CDN says. */
Test(gateway_low, of_a_cdn_that_does_not_hold_all_passes_as_it_is)
{
	struct stage *s = open_stage(&ways[0], "PART-HOLD-BACK=1.5");
	struct raw r;

	s->list->etag = "\"e\"";
	ask(s, &r, "m.m3u8");
	(void)ended(s, &r);
	told(&r, s->list->text);
	cr_assert_str_eq(raw_field(&r, "cache-control"), "max-age=99");
	cr_assert_str_eq(raw_field(&r, "age"), "7");
	cr_assert_str_eq(raw_field(&r, "etag"), "\"e\"");
	close_stage(s);
}

/* ---- caches ---- */

/* What was waited for is the same for six target durations, as its URL names what it tells of; what
 * was not may be another after half of one. */
Test(gateway_low, caches_keep_what_was_held_for_long_and_the_rest_for_a_moment)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		struct page *p = put(
			s, "?_HLS_msn=11&_HLS_part=1", list_of(s, 11, 2), now_of(s) + PART);
		struct raw r;

		s->list->etag = p->etag = "\"e\"";
		ask(s, &r, "m.m3u8");
		(void)ended(s, &r);
		cr_assert_eq(r.status, 200u);
		cr_assert_str_eq(raw_field(&r, "cache-control"), "max-age=1");
		cr_assert_str_eq(raw_field(&r, "etag"), "\"e\"");
		ask(s, &r, "m.m3u8?_HLS_msn=11&_HLS_part=1");
		(void)ended(s, &r);
		told(&r, p->text);
		cr_assert_str_eq(raw_field(&r, "cache-control"), "max-age=12");
		cr_assert_str_eq(raw_field(&r, "etag"), "", "it is of this reading or a later one");
		cr_assert_str_eq(raw_field(&r, "age"), "");
		cr_assert_str_eq(raw_field(&r, "expires"), "");
		close_stage(s);
	}
}

/* ---- parts ---- */

static void has(const struct raw *r, const struct page *p)
{
	cr_assert_eq(r->n, p->size);
	for (size_t i = 0; i < r->n; i++)
		cr_assert_eq((uint8_t)r->body[i], site_body(p, i), "byte %zu is another", i);
}

/* Who reads parts has the agent follow their playlist: the CDN holds that for as long as the case
 * lasts. */
static void hold_list(struct stage *s)
{
	put(s, "?_HLS_msn=11&_HLS_part=1", list_of(s, 11, 2), now_of(s) + 60 * P2V_SECOND);
}

/* It is there only when the encoder is done with it, and comes no faster than it is made. */
Test(gateway_low, a_hinted_part_is_held_and_relayed_as_it_comes)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct stage *s = open_stage(&ways[i], blocks);
		p2v_usec due = now_of(s) + PART;
		struct page *p = site_put(s->cdn, &(struct page){ .target = "/live/11.1.m4s",
							  .size = 60000,
							  .rate = 120000,
							  .chunked = true,
							  .ready = due });
		static struct raw r;

		hold_list(s);
		ask(s, &r, "m.m3u8");
		(void)ended(s, &r);
		ask(s, &r, "11.1.m4s");
		booth_run(&s->b, due - now_of(s));
		cr_assert_eq(p->requests, 1u);
		cr_assert_not(r.replied);
		booth_run(&s->b, 250 * P2V_MSEC);
		cr_assert_eq(r.status, 200u);
		cr_assert(r.n > 20000 && r.n < 40000, "%zu bytes came", r.n);
		cr_assert_leq(ended(s, &r), due + PART + SOON);
		has(&r, p);
		cr_assert_eq(p->requests, 1u);
		close_stage(s);
	}
}

/* Not all servers hold what they hint at. */
Test(gateway_low, a_hinted_part_that_is_said_not_to_be_there_is_asked_for_again)
{
	struct stage *s = open_stage(&ways[0], blocks);
	struct page *p = site_put(s->cdn, &(struct page){ .target = "/live/11.1.m4s",
						  .size = 60000,
						  .fail_first = 1,
						  .fail_status = 404 });
	p2v_usec began = now_of(s), at;
	static struct raw r;

	hold_list(s);
	ask(s, &r, "m.m3u8");
	(void)ended(s, &r);
	ask(s, &r, "11.1.m4s");
	at = ended(s, &r);
	cr_assert_geq(at, began + PART, "it was not due yet");
	cr_assert_leq(at, began + PART + 2 * SOON);
	cr_assert_eq(r.status, 200u);
	has(&r, p);
	cr_assert_eq(p->requests, 2u);
	close_stage(s);
}

Test(gateway_low, who_waits_for_a_hinted_part_may_leave)
{
	struct stage *s = open_stage(&ways[0], blocks);
	struct page *p = site_put(s->cdn, &(struct page){ .target = "/live/11.1.m4s",
						  .size = 60000,
						  .ready = now_of(s) + 3 * P2V_SECOND });
	static struct raw r;

	hold_list(s);
	ask(s, &r, "m.m3u8");
	(void)ended(s, &r);
	ask(s, &r, "11.1.m4s");
	booth_run(&s->b, 300 * P2V_MSEC);
	cr_assert_eq(p->requests, 1u);
	raw_leave(&r);
	booth_run(&s->b, 30 * P2V_SECOND);
	cr_assert_eq(p->requests, 1u);
	close_stage(s);
}
