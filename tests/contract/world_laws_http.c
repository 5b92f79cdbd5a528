/* world_laws_http.c - the laws of HTTP both ways. */
#include <string.h>

#include "framework/base/text.h"
#include "tests/contract/world_laws_web.h"

/* ---- answers ---- */

static void act_whole(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 200, BODY);
	for (size_t off = 0; off < BODY; off += STEP)
		site_write(s, x, off, BODY - off < STEP ? BODY - off : STEP);
	site_end(s, x);
}

static void a_body_is_fetched(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_whole));
	visit_init(&v, &s, "/a%20b/c?x=1&y=%2F");
	visit_begin(&v);
	visit_holds(&v, 200, BODY);
	HOLDS(l, v.length == BODY && strcmp(v.probe, "from the site") == 0);
	HOLDS(l, strstr(v.from, "/a%20b/c?x=1&y=%2F") != NULL);
	HOLDS(l, strcmp(s.method, "GET") == 0);
	HOLDS(l, strcmp(s.target, "/a%20b/c?x=1&y=%2F") == 0);
	HOLDS(l, strcmp(s.probe, "from the visitor") == 0);
	HOLDS(l, s.encoding[0] == 0 && s.range[0] == 0);
	HOLDS(l, memcmp(s.from.ip, l->rig.near_ip.ip, 16) == 0 && s.from.port != 0);
	p2v_law_settle(l);
	HOLDS(l, s.requests == 1 && s.gones == 1 && v.dones == 1);
	site_close(&s);
}

static void act_later(struct site *s, struct p2v_exchange *x)
{
	(void)s;
	(void)x;
}

static void a_reply_may_come_later(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_later));
	visit_init(&v, &s, "/");
	visit_begin(&v);
	NEEDS(l, UNTIL(l, site_has_request, &s));
	p2v_law_settle(l);
	HOLDS(l, v.heads == 0 && s.gones == 0);
	act_whole(&s, s.x);
	visit_holds(&v, 200, BODY);
	site_close(&s);
}

/* Each part arrives before the next is there, and before the end. */
static void stream(struct laws *l, uint64_t length)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_later));
	visit_init(&v, &s, "/");
	visit_begin(&v);
	NEEDS(l, UNTIL(l, site_has_request, &s));
	site_reply(&s, s.x, 206, length);
	HOLDS(l, UNTIL(l, visit_has_head, &v));
	HOLDS(l, v.length == length && v.n == 0);
	site_write(&s, s.x, 0, 1);
	HOLDS(l, UNTIL(l, visit_has_1, &v));
	site_write(&s, s.x, 1, STEP - 1);
	HOLDS(l, UNTIL(l, visit_has_step, &v));
	p2v_law_settle(l);
	HOLDS(l, s.gones == 0); /* not before the end, though all may be there */
	if (length == P2V_LENGTH_UNKNOWN)
		HOLDS(l, v.dones == 0);
	site_end(&s, s.x);
	visit_holds(&v, 206, STEP);
	site_close(&s);
}

static void a_body_of_known_length_streams(struct laws *l)
{
	stream(l, STEP);
}

static void a_body_of_unknown_length_streams(struct laws *l)
{
	stream(l, P2V_LENGTH_UNKNOWN);
}

static void act_feed(struct site *s, struct p2v_exchange *x)
{
	s->total = (uint64_t)BODY * 12;
	s->x = x;
	site_reply(s, x, 200, s->total);
	site_feed(s);
}

static void room_holds_back(struct laws *l)
{
	struct site s;
	struct visit v;
	uint64_t n;

	NEEDS(l, site_open(&s, l, act_feed));
	visit_init(&v, &s, "/");
	visit_begin(&v);
	NEEDS(l, UNTIL(l, visit_has_head, &v));
	INSIDE(l, v.w->ops->fetch_pause(v.w->self, v.f, true));
	n = v.n;
	HOLDS(l, UNTIL(l, site_is_full, &s));
	p2v_law_settle(l);
	p2v_law_settle(l);
	HOLDS(l, v.n - n <= 65536);
	HOLDS(l, !s.ended && s.given < s.total);
	INSIDE(l, v.w->ops->fetch_pause(v.w->self, v.f, false));
	visit_holds(&v, 200, s.total);
	HOLDS(l, s.drains > 0);
	site_close(&s);
}

static void pause_and_go_on(struct visit *v)
{
	v->on_body = NULL;
	INSIDE(v->l, v->w->ops->fetch_pause(v->w->self, v->f, true));
	INSIDE(v->l, v->w->ops->fetch_pause(v->w->self, v->f, false));
	INSIDE(v->l, v->w->ops->fetch_pause(v->w->self, v->f, false));
}

static void a_pause_may_be_short(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_whole));
	visit_init(&v, &s, "/");
	v.on_body = pause_and_go_on;
	visit_begin(&v);
	visit_holds(&v, 200, BODY);
	site_close(&s);
}

static void act_head(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 200, BODY);
	site_end(s, x);
}

static void a_head_has_no_body(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_head));
	visit_init(&v, &s, "/");
	v.rq.head = true;
	visit_begin(&v);
	visit_holds(&v, 200, 0);
	HOLDS(l, v.length == BODY && strcmp(s.method, "HEAD") == 0);
	site_close(&s);
}

static void a_range_is_asked_for(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_whole));
	visit_init(&v, &s, "/");
	v.rq.ranged = true;
	v.rq.first = 16384;
	v.rq.last = 32767;
	visit_begin(&v);
	visit_holds(&v, 200, BODY); /* a site that ignores it is passed on as it is */
	HOLDS(l, strcmp(s.range, "bytes=16384-32767") == 0);
	visit_init(&v, &s, "/");
	v.rq.ranged = true;
	v.rq.last = P2V_LENGTH_UNKNOWN;
	s.gones = s.wholes = 0;
	visit_begin(&v);
	visit_holds(&v, 200, BODY);
	HOLDS(l, strcmp(s.range, "bytes=0-") == 0);
	site_close(&s);
}

static void act_404(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 404, 9);
	site_write(s, x, 0, 9);
	site_end(s, x);
}

static void act_304(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 304, 0);
	site_end(s, x);
}

static void act_empty(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 503, 0);
	site_end(s, x);
}

static void a_status_is_no_error(struct laws *l)
{
	static void (*const acts[])(
		struct site * s, struct p2v_exchange * x) = { act_404, act_304, act_empty };
	static const uint32_t status[] = { 404, 304, 503 };

	for (unsigned i = 0; i < 3; i++) {
		struct site s;
		struct visit v;

		NEEDS(l, site_open(&s, l, acts[i]));
		visit_init(&v, &s, "/");
		visit_begin(&v);
		visit_holds(&v, status[i], i == 0 ? 9 : 0);
		site_close(&s);
	}
}

/* ---- what breaks ---- */

static void act_break(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 200, s->total);
	site_write(s, x, 0, 1000);
}

static void cut_after_a_part(struct laws *l, uint64_t length, bool end)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_break));
	s.total = length;
	visit_init(&v, &s, "/");
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_has_1, &v));
	NEEDS(l, s.x != NULL);
	if (end)
		site_end(&s, s.x);
	else
		site_abort(&s, s.x);
	HOLDS(l, UNTIL(l, visit_is_done, &v) && UNTIL(l, site_saw_gone, &s));
	HOLDS(l, v.code == P2V_EIO && v.said_why && v.n <= 1000 && !v.torn);
	HOLDS(l, s.wholes == 0);
	p2v_law_settle(l);
	HOLDS(l, s.gones == 1);
	site_close(&s);
}

static void an_abort_is_noticed(struct laws *l)
{
	cut_after_a_part(l, 2000, false);
	cut_after_a_part(l, P2V_LENGTH_UNKNOWN, false);
}

static void a_short_body_is_noticed(struct laws *l)
{
	cut_after_a_part(l, 2000, true);
}

static void act_abort(struct site *s, struct p2v_exchange *x)
{
	site_abort(s, x);
}

static void an_abort_before_the_reply(struct laws *l)
{
	for (unsigned i = 0; i < 2; i++) {
		struct site s;
		struct visit v;

		NEEDS(l, site_open(&s, l, i == 0 ? act_abort : act_later));
		visit_init(&v, &s, "/");
		visit_begin(&v);
		NEEDS(l, UNTIL(l, site_has_request, &s));
		if (i == 1)
			site_abort(&s, s.x);
		HOLDS(l, UNTIL(l, visit_is_done, &v) && UNTIL(l, site_saw_gone, &s));
		HOLDS(l, v.code == P2V_EIO && v.said_why && v.heads == 0);
		HOLDS(l, s.gones == 1 && s.wholes == 0);
		site_close(&s);
	}
}

static void a_visitor_that_leaves(struct laws *l, void (*act)(struct site *, struct p2v_exchange *),
	bool (*when)(void *), bool of_site)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act));
	s.total = P2V_LENGTH_UNKNOWN;
	visit_init(&v, &s, "/");
	visit_begin(&v);
	if (when)
		NEEDS(l, UNTIL(l, when, of_site ? (void *)&s : (void *)&v));
	visit_cancel(&v);
	if (when)
		HOLDS(l, UNTIL(l, site_saw_gone, &s));
	p2v_law_settle(l);
	HOLDS(l, s.wholes == 0 && s.gones == s.requests && v.dones == 0);
	site_close(&s);
}

static void a_visitor_that_left_is_gone(struct laws *l)
{
	a_visitor_that_leaves(l, act_later, NULL, false);
	a_visitor_that_leaves(l, act_later, site_has_request, true);
	a_visitor_that_leaves(l, act_break, visit_has_1, false);
	a_visitor_that_leaves(l, act_feed, visit_has_1, false);
}

static void a_fetch_is_cancelled_by_its_callbacks(struct laws *l)
{
	for (unsigned i = 0; i < 2; i++) {
		struct site s;
		struct visit v;

		NEEDS(l, site_open(&s, l, act_feed));
		visit_init(&v, &s, "/");
		if (i == 0)
			v.on_head = visit_cancel;
		else
			v.on_body = visit_cancel;
		visit_begin(&v);
		HOLDS(l, UNTIL(l, site_saw_gone, &s));
		p2v_law_settle(l);
		HOLDS(l, v.heads == 1 && v.dones == 0 && v.cancelled);
		site_close(&s);
	}
}

static void a_silent_site_times_out(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_break));
	s.total = 2000;
	visit_init(&v, &s, "/");
	v.rq.idle_timeout = 200 * P2V_MSEC;
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_is_done, &v) && UNTIL(l, site_saw_gone, &s));
	HOLDS(l, v.code == P2V_ETIMEDOUT && v.said_why && v.n == 1000);
	HOLDS(l, s.wholes == 0);
	site_close(&s);
	NEEDS(l, site_open(&s, l, act_later));
	visit_init(&v, &s, "/");
	v.rq.idle_timeout = 100 * P2V_MSEC;
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_is_done, &v));
	HOLDS(l, v.code == P2V_ETIMEDOUT && v.said_why && v.heads == 0);
	site_close(&s);
}

static void pause_at_head(struct visit *v)
{
	INSIDE(v->l, v->w->ops->fetch_pause(v->w->self, v->f, true));
}

static void a_paused_fetch_does_not_time_out(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_whole));
	visit_init(&v, &s, "/");
	v.rq.idle_timeout = 40 * P2V_MSEC;
	v.on_head = pause_at_head;
	visit_begin(&v);
	NEEDS(l, UNTIL(l, visit_has_head, &v));
	for (unsigned i = 0; i < 4; i++)
		p2v_law_settle(l);
	NEEDS(l, v.dones == 0);
	HOLDS(l, v.n <= 65536);
	INSIDE(l, v.w->ops->fetch_pause(v.w->self, v.f, false));
	visit_holds(&v, 200, BODY);
	site_close(&s);
}

static void nobody_listens(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_whole));
	site_close(&s);
	visit_init(&v, &s, "/");
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_is_done, &v));
	HOLDS(l, v.code == P2V_EIO && v.said_why && v.heads == 0);
}

static void a_url_that_is_none(struct laws *l)
{
	static const char *const urls[] = { "ftp://192.0.2.1/", "file:///etc/passwd", "/path", "",
		"http://", "http://a b/", "http://192.0.2.1/\r\nX: y" };

	for (unsigned i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct p2v_fetch_request rq = { .url = urls[i] };
		struct p2v_fetch *f = NULL;
		struct p2v_err err = { P2V_OK, "" };
		int r = P2V_OK;

		INSIDE(l, r = l->rig.near.ops->fetch(
				  l->rig.near.self, &rq, &visit_handler, NULL, &f, &err));
		HOLDS(l, r < 0 && err.code == r && err.text[0]);
	}
}

/* ---- redirects ---- */

static void act_redirect(struct site *s, struct p2v_exchange *x)
{
	const struct p2v_header v[] = {
		{ p2v_str_of("Location"),
			p2v_str_of(strcmp(s->target, "/old") == 0 ? "/new?a=b" : "/loop") },
	};
	const struct p2v_reply r = { .status = 302, .length = 5, .headers = v, .n_headers = 1 };

	if (strcmp(s->target, "/new?a=b") == 0) {
		act_404(s, x);
		return;
	}
	INSIDE(s->l, s->w->ops->http_reply(s->w->self, x, &r));
	site_write(s, x, 0, 5);
	site_end(s, x);
}

static void redirects_are_followed_on_demand(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_redirect));
	visit_init(&v, &s, "/old");
	visit_begin(&v);
	visit_holds(&v, 302, 5);
	HOLDS(l, strstr(v.from, "/old") != NULL);
	visit_init(&v, &s, "/old");
	v.rq.redirects = true;
	visit_begin(&v);
	visit_holds(&v, 404, 9);
	HOLDS(l, strstr(v.from, "/new?a=b") != NULL);
	s.requests = 0;
	visit_init(&v, &s, "/loop");
	v.rq.redirects = true;
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_is_done, &v));
	HOLDS(l, v.code == P2V_EIO && v.said_why && v.heads == 0 && s.requests == 6);
	site_close(&s);
}

/* ---- several at once, and the end ---- */

static void begin_next(struct visit *v)
{
	struct visit *next = v + 1;

	if (v->base == 0 && v->site->requests < 4) {
		visit_init(next, v->site, "/next");
		next->on_done = begin_next;
		visit_begin(next);
	}
}

static void fetches_from_callbacks(struct laws *l)
{
	struct site s;
	struct visit v[5];

	memset(v, 0, sizeof v);
	NEEDS(l, site_open(&s, l, act_whole));
	visit_init(&v[0], &s, "/");
	v[0].on_done = begin_next;
	visit_begin(&v[0]);
	for (unsigned i = 0; i < 4; i++) {
		HOLDS(l, UNTIL(l, visit_is_done, &v[i]));
		HOLDS(l, v[i].code == P2V_OK && v[i].n == BODY && !v[i].torn);
	}
	site_close(&s);
}

static void fetches_at_once(struct laws *l)
{
	struct site s;
	struct visit v[12];

	NEEDS(l, site_open(&s, l, act_whole));
	for (unsigned i = 0; i < 12; i++) {
		visit_init(&v[i], &s, "/");
		visit_begin(&v[i]);
	}
	visit_cancel(&v[3]);
	for (unsigned i = 0; i < 12; i++) {
		if (i == 3)
			continue;
		HOLDS(l, UNTIL(l, visit_is_done, &v[i]));
		HOLDS(l, v[i].code == P2V_OK && v[i].n == BODY && !v[i].torn);
	}
	site_close(&s);
}

static void a_site_closes(struct laws *l)
{
	struct site s;
	struct visit v, w;
	uint16_t port;

	NEEDS(l, site_open(&s, l, act_break));
	s.total = 2000;
	visit_init(&v, &s, "/");
	visit_begin(&v);
	NEEDS(l, UNTIL(l, visit_has_1, &v));
	s.act = act_later;
	visit_init(&w, &s, "/");
	visit_begin(&w);
	s.requests = 0;
	NEEDS(l, UNTIL(l, site_has_request, &s));
	port = s.at.port;
	site_close(&s); /* runs no callback itself */
	HOLDS(l, s.gones == 0);
	HOLDS(l, UNTIL(l, visit_is_done, &v) && UNTIL(l, visit_is_done, &w));
	HOLDS(l, v.code == P2V_EIO && w.code == P2V_EIO && w.heads == 0);
	p2v_law_settle(l);
	HOLDS(l, s.gones == 2 && s.wholes == 0);
	s.act = act_whole;
	s.gones = 0;
	NEEDS(l, site_listen(&s, port)); /* its port is free at once */
	visit_init(&v, &s, "/");
	visit_begin(&v);
	visit_holds(&v, 200, BODY);
	site_close(&s);
}

static void act_close(struct site *s, struct p2v_exchange *x)
{
	site_reply(s, x, 200, 10);
	site_close(s);
}

static void a_site_closes_in_its_callback(struct laws *l)
{
	struct site s;
	struct visit v;

	NEEDS(l, site_open(&s, l, act_close));
	visit_init(&v, &s, "/");
	visit_begin(&v);
	HOLDS(l, UNTIL(l, visit_is_done, &v) && UNTIL(l, site_saw_gone, &s));
	HOLDS(l, v.code == P2V_EIO && s.wholes == 0 && s.gones == 1);
}

static void a_port_is_listened_on_once(struct laws *l)
{
	struct site s;
	struct p2v_addr bound;
	struct p2v_http_server *other = NULL;
	struct p2v_err err = { P2V_OK, "" };

	NEEDS(l, site_open(&s, l, act_whole));
	HOLDS(l, s.w->ops->http_listen(s.w->self, &s.at, &site_handler, &s, &other, &bound, &err) <
			 0);
	HOLDS(l, err.code < 0 && err.text[0]);
	site_close(&s);
}

const struct law p2v_laws_http[] = {
	{ "HTTP: a body is fetched, and both sides hear of the end once", a_body_is_fetched },
	{ "HTTP: a reply may come later", a_reply_may_come_later },
	{ "HTTP: a body of known length streams", a_body_of_known_length_streams },
	{ "HTTP: a body of unknown length streams", a_body_of_unknown_length_streams },
	{ "HTTP: a paused fetch fills the room, and nothing is lost", room_holds_back },
	{ "HTTP: a pause may be short", a_pause_may_be_short },
	{ "HTTP: a HEAD has a length and no body", a_head_has_no_body },
	{ "HTTP: a range is asked for", a_range_is_asked_for },
	{ "HTTP: a status is no error", a_status_is_no_error },
	{ "HTTP: an abort is noticed", an_abort_is_noticed },
	{ "HTTP: a body that ends short is noticed", a_short_body_is_noticed },
	{ "HTTP: an abort before the reply is noticed", an_abort_before_the_reply },
	{ "HTTP: a client that leaves is gone", a_visitor_that_left_is_gone },
	{ "HTTP: a fetch may be cancelled by its callbacks",
		a_fetch_is_cancelled_by_its_callbacks },
	{ "HTTP: a silent server times out", a_silent_site_times_out },
	{ "HTTP: a paused fetch does not time out", a_paused_fetch_does_not_time_out },
	{ "HTTP: nobody listens", nobody_listens },
	{ "HTTP: a URL that is none is refused", a_url_that_is_none },
	{ "HTTP: redirects are followed on demand, at most 5", redirects_are_followed_on_demand },
	{ "HTTP: a fetch may be begun by a callback", fetches_from_callbacks },
	{ "HTTP: fetches run at once", fetches_at_once },
	{ "HTTP: a server that closes cuts its exchanges", a_site_closes },
	{ "HTTP: a server may be closed by its callback", a_site_closes_in_its_callback },
	{ "HTTP: a port is listened on once", a_port_is_listened_on_once },
	{ NULL, NULL },
};
