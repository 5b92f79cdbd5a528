/* http_test.c - HTTP of the virtual network: timing against sums done by hand, and every way in
 * which a fetch or an exchange can end. */
#include "tests/unit/sim/pair.h"

#include "tests/unit/oom.h"

#include <string.h>

TestSuite(sim_http, .timeout = 60);

/* 30 ms one way, no rate. */
static const struct p2v_link near_link = { .delay = 10000 }, far_link = { .delay = 20000 };

static void open_pair(struct pair *p, size_t body,
	void (*act)(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq))
{
	pair_open(p, &near_link, &far_link);
	p->site.body = body;
	site_open(p, act);
}

static void whole(struct pair *p, const struct visit *v, size_t n)
{
	cr_assert_eq(v->heads, 1);
	cr_assert_eq(v->dones, 1);
	cr_assert_eq(v->code, P2V_OK, "%s", v->text);
	cr_assert_eq(v->n, n);
	cr_assert_not(v->torn);
	cr_assert_eq(p->site.gones, p->site.requests);
	cr_assert_eq(p->site.wholes, p->site.requests);
}

/* ---- timing ---- */

Test(sim_http, a_body_takes_as_many_round_trips_as_slow_start_does)
{
	struct pair p;
	struct visit v;

	/* Connection 60 ms, request 30; flights of 14480, 28960, 57920 bytes at 90, 150, 210. */
	open_pair(&p, 100000, act_whole);
	visit(&v, &p, "http://far/live/a.ts?x=1");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 100000);
	cr_assert_eq(p.site.asked_at, 90000);
	cr_assert_eq(v.head_at, 120000);
	cr_assert_eq(v.done_at, 240000);
	cr_assert_str_eq(p.site.target, "/live/a.ts?x=1");
	cr_assert_str_eq(p.site.host, "far");
	cr_assert_str_eq(v.url, "http://far/live/a.ts?x=1");
	cr_assert_eq(v.length, 100000);
	pair_close(&p);
}

Test(sim_http, a_kept_connection_saves_the_round_trip_and_keeps_its_window)
{
	struct pair p;
	struct visit v, w;

	open_pair(&p, 100000, act_whole);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 300000);
	cr_assert_eq(v.dones, 1);
	p.site.body = 80000; /* the window has grown to 90688 */
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, 400000);
	whole(&p, &w, 80000);
	cr_assert_eq(w.done_at, 360000);
	p2v_sim_run(p.sim, 1000000); /* idle for longer than a time-out: from 10 segments again */
	visit(&w, &p, "http://far/c");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(w.done_at, 1000000 + 30000 + 2 * 60000 + 30000);
	pair_close(&p);
}

Test(sim_http, two_at_once_have_a_connection_each)
{
	struct pair p;
	struct visit v, w;

	open_pair(&p, 1000, act_whole);
	visit(&v, &p, "http://far/a");
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.done_at, 120000);
	cr_assert_eq(w.done_at, 120000);
	whole(&p, &w, 1000);
	pair_close(&p);
}

Test(sim_http, https_costs_a_further_round_trip)
{
	struct p2v_addr any = { .port = 443 }, bound;
	struct pair p;
	struct visit v;
	struct p2v_err err;

	open_pair(&p, 1000, act_whole);
	p.site.w.ops->http_close(p.site.w.self, p.site.server);
	site_open(&p, act_whole);
	visit(&v, &p, "https://far:80/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 1000);
	cr_assert_eq(v.done_at, 180000);
	cr_assert_eq(p.site.w.ops->http_listen(
			     p.site.w.self, &any, NULL, NULL, &p.site.server, &bound, &err),
		P2V_OK, "http and https are told apart by their ports alone");
	pair_close(&p);
}

Test(sim_http, bytes_take_their_time_on_the_links)
{
	struct p2v_link near = { .delay = 10000, .down = 1000000 };
	struct pair p;
	struct visit v;
	struct p2v_link_count c;

	/* The head is 42 bytes and 52 of headers; the body 14480 and 10 times 52. */
	pair_open(&p, &near, &far_link);
	p.site.body = 14480;
	site_open(&p, act_whole);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 14480);
	cr_assert_eq(v.head_at, 120000 + 94);
	cr_assert_eq(v.done_at, 120000 + 94 + 15000);
	p2v_machine_count(p.near, &c);
	cr_assert_eq(c.stream_received_bytes, 94 + 15000);
	p2v_machine_count(p.far, &c);
	cr_assert_eq(c.stream_sent_bytes, 94 + 15000);
	pair_close(&p);
}

Test(sim_http, a_stream_fills_a_bottleneck_and_leaves_its_queue_short)
{
	struct p2v_link near = { .delay = 10000, .down = 1000000, .queue = 60000 };
	struct pair p;
	struct visit v;

	pair_open(&p, &near, &far_link);
	p.site.body = 10000000;
	site_open(&p, act_whole);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 10000000);
	cr_assert_geq(v.done_at, 10359120, "10 MB and their headers at 1 MB/s");
	cr_assert_leq(v.done_at, 11000000, "took %lld", (long long)v.done_at);
	pair_close(&p);
}

Test(sim_http, two_streams_share_a_bottleneck)
{
	struct p2v_link near = { .delay = 10000, .down = 1000000, .queue = 60000 };
	struct pair p;
	struct visit v, w;

	pair_open(&p, &near, &far_link);
	p.site.body = 20000000;
	site_open(&p, act_whole);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_SECOND);
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, 5 * P2V_SECOND);
	v.n = w.n = 0;
	p2v_sim_run(p.sim, 25 * P2V_SECOND);
	cr_assert_geq(v.n + w.n, 18000000);
	cr_assert(v.n * 10 > (v.n + w.n) * 3 && v.n * 10 < (v.n + w.n) * 7, "%llu and %llu",
		(unsigned long long)v.n, (unsigned long long)w.n);
	p.w.ops->fetch_cancel(p.w.self, v.fetch);
	p.w.ops->fetch_cancel(p.w.self, w.fetch);
	pair_close(&p);
}

Test(sim_http, loss_slows_a_stream_down)
{
	struct p2v_link lossy = { .delay = 20000, .loss = 0.02 };
	struct pair p;
	struct visit v;

	pair_open(&p, &near_link, &lossy);
	p.site.body = 3000000;
	site_open(&p, act_whole);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 3000000);
	/* Mathis: about 1.22 segments a round trip / sqrt(loss) = 208 kB/s; without it 0.6 s. */
	cr_assert(v.done_at > 5 * P2V_SECOND && v.done_at < 40 * P2V_SECOND, "took %lld",
		(long long)v.done_at);
	pair_close(&p);
}

/* ---- bodies ---- */

Test(sim_http, payload_is_shared_not_copied)
{
	struct pair p;
	struct visit v;
	static const uint8_t text[] = "for ever";
	struct p2v_exchange *x;

	open_pair(&p, 0, act_nothing);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 90000);
	x = p.site.x;
	cr_assert_not_null(x);
	site_reply(&p, x, 200, sizeof text, NULL, NULL);
	p.site.w.ops->http_write(p.site.w.self, x, p2v_slice_static(text, sizeof text));
	p.site.w.ops->http_end(p.site.w.self, x);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.code, P2V_OK);
	cr_assert_eq(v.p, text);
	cr_assert_null(v.buf, "they lie in no buffer");
	pair_close(&p);
}

Test(sim_http, payload_can_be_kept_where_it_lies)
{
	struct pair p;
	struct visit v;
	struct p2v_buf *b = p2v_buf_new(1000);
	struct p2v_exchange *x;

	cr_assert(b);
	memset(b->data, 1, b->size);
	open_pair(&p, 0, act_nothing);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 90000);
	x = p.site.x;
	cr_assert_not_null(x);
	site_reply(&p, x, 200, 900, NULL, NULL);
	p.site.w.ops->http_write(p.site.w.self, x, p2v_slice_of(b, 100, 900));
	p.site.w.ops->http_end(p.site.w.self, x);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.code, P2V_OK);
	cr_assert_eq(v.p, b->data + 100);
	cr_assert_eq(v.buf, b);
	pair_close(&p);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(b);
}

Test(sim_http, a_server_is_asked_for_more_as_room_grows)
{
	struct pair p;
	struct visit v;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 1000000);
	cr_assert_gt(p.site.drains, 3);
	p.site.unknown = true;
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 1000000);
	cr_assert_eq(v.length, P2V_LENGTH_UNKNOWN);
	pair_close(&p);
}

Test(sim_http, a_pause_holds_the_server_back)
{
	struct pair p;
	struct visit v = { .pause_at_once = true };
	size_t sent;

	open_pair(&p, 10000000, act_stream);
	visit_with(&v, &p, "http://far/a", (struct p2v_fetch_request){ .idle_timeout = 1000000 });
	p2v_sim_run(p.sim, 20 * P2V_SECOND);
	cr_assert_eq(v.heads, 1);
	cr_assert_eq(v.n, 0, "nothing came although it was paused");
	cr_assert_eq(v.dones, 0, "our own pause is no time-out");
	sent = p.site.sent;
	cr_assert_lt(sent, 200000);
	p.w.ops->fetch_pause(p.w.self, v.fetch, false);
	cr_assert_eq(v.n, 0, "a callback ran inside the call");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 10000000);
	pair_close(&p);
}

Test(sim_http, head_tells_the_length_and_sends_nothing)
{
	struct pair p;
	struct visit v = { 0 };

	open_pair(&p, 5000, act_whole);
	visit_with(&v, &p, "http://far", (struct p2v_fetch_request){ .head = true });
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 0);
	cr_assert_eq(v.length, 5000);
	cr_assert_str_eq(p.site.method, "HEAD");
	cr_assert_str_eq(p.site.target, "/");
	p.site.body = 0;
	visit(&v, &p, "http://far?q");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 0);
	cr_assert_str_eq(p.site.target, "/?q");
	pair_close(&p);
}

Test(sim_http, a_range_is_a_header_and_the_server_decides)
{
	struct pair p;
	struct visit v = { 0 }, w = { 0 };

	open_pair(&p, 5000, act_whole);
	visit_with(&v, &p, "http://far/a",
		(struct p2v_fetch_request){ .ranged = true, .first = 10, .last = 99 });
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 5000);
	cr_assert_str_eq(p.site.range, "bytes=10-99");
	visit_with(&w, &p, "http://far/a",
		(struct p2v_fetch_request){
			.ranged = true, .first = 10, .last = P2V_LENGTH_UNKNOWN });
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_str_eq(p.site.range, "bytes=10-");
	pair_close(&p);
}

/* ---- redirects ---- */

static void act_redirect(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	size_t hop = (size_t)(p2v_str_starts(rq->target, "/hop") ? rq->target.p[4] - '0' : 0);
	char to[32];

	if (hop == 0) {
		act_whole(p, x, rq);
		return;
	}
	(void)snprintf(to, sizeof to, "../hop%zu", hop - 1);
	site_reply(p, x, 302, 3, "Location", to);
	site_write(p, x, 0, 3);
	p->site.w.ops->http_end(p->site.w.self, x);
}

Test(sim_http, redirects_are_followed_when_asked)
{
	struct p2v_fetch_request follow = { .redirects = true };
	struct visit v = { 0 }, w = { 0 }, u;
	struct pair p;

	open_pair(&p, 1000, act_redirect);
	visit_with(&v, &p, "http://far/hop5", follow);
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &v, 1000);
	cr_assert_eq(p.site.requests, 6);
	cr_assert_str_eq(v.url, "http://far/hop0");
	cr_assert_eq(v.done_at, 60000 + 6 * 60000, "one connection served all of them");
	visit_with(&w, &p, "http://far/hop6", follow);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(w.code == P2V_EIO && w.heads == 0);
	visit(&u, &p, "http://far/hop3");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(u.code == P2V_OK && u.status == 302 && u.n == 3);
	pair_close(&p);
}

/* ---- how it fails ---- */

Test(sim_http, what_is_no_url_is_refused_at_once)
{
	static const char *const bad[] = { "", "ftp://far/x", "/x", "http://", "far/x" };
	struct p2v_fetch_handler h = { NULL, NULL, NULL };
	struct p2v_fetch *f = NULL;
	struct p2v_err err;
	struct pair p;

	open_pair(&p, 0, act_nothing);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct p2v_fetch_request rq = { .url = bad[i] };

		cr_assert_eq(p.w.ops->fetch(p.w.self, &rq, &h, NULL, &f, &err), P2V_EPARSE, "%s",
			bad[i]);
	}
	pair_close(&p);
}

Test(sim_http, hosts_that_are_not_there)
{
	struct visit v, w, u, d;
	struct pair p;

	open_pair(&p, 10, act_whole);
	visit(&v, &p, "http://nowhere/a");
	visit(&w, &p, "http://far:81/a");
	visit(&u, &p, "http://10.1.1.1/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.dones == 1 && v.done_at == 0, "%s", v.text);
	cr_assert(w.code == P2V_EIO && w.done_at == 60000, "refused: %s", w.text);
	cr_assert(u.code == P2V_ETIMEDOUT && u.done_at == 5000000, "silent: %s", u.text);
	p2v_machine_kill(p.far);
	d = (struct visit){ .pair = &p };
	visit_with(&d, &p, "http://far/a", (struct p2v_fetch_request){ .connect_timeout = 300000 });
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(d.code == P2V_ETIMEDOUT && d.done_at == 5300000, "dead: %s", d.text);
	pair_close(&p);
}

Test(sim_http, a_path_longer_than_the_time_out)
{
	struct visit v = { 0 };
	struct pair p;

	open_pair(&p, 10, act_whole);
	visit_with(&v, &p, "http://far/a", (struct p2v_fetch_request){ .connect_timeout = 59999 });
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_ETIMEDOUT && v.done_at == 59999);
	cr_assert_eq(p.site.requests, 0);
	pair_close(&p);
}

Test(sim_http, silence_times_out)
{
	struct visit v;
	struct pair p;

	open_pair(&p, 10, act_nothing);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_ETIMEDOUT && v.done_at == 60000 + 10000000 && v.heads == 0);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0);
	cr_assert_eq(p.site.gone_at, v.done_at + 30000);
	pair_close(&p);
}

static void act_start_only(
	struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	site_reply(p, x, 200, 5000, NULL, NULL);
	site_write(p, x, 0, 1000);
}

Test(sim_http, silence_in_the_middle_times_out)
{
	struct visit v = { 0 };
	struct pair p;

	open_pair(&p, 0, act_start_only);
	visit_with(&v, &p, "http://far/a", (struct p2v_fetch_request){ .idle_timeout = 500000 });
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_ETIMEDOUT && v.n == 1000 && v.done_at == 120000 + 500000);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0);
	pair_close(&p);
}

static void act_short(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	act_start_only(p, x, rq);
	p->site.w.ops->http_end(p->site.w.self, x);
}

static void act_abort(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	act_start_only(p, x, rq);
	p->site.w.ops->http_abort(p->site.w.self, x);
}

static void act_refuse(struct pair *p, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	p->site.w.ops->http_abort(p->site.w.self, x);
}

Test(sim_http, a_body_that_ends_early_is_an_error)
{
	struct visit v;
	struct pair p;

	open_pair(&p, 0, act_short);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.heads == 1 && v.n == 1000);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0);
	p.site.act = act_abort;
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.heads == 1 && v.n == 1000);
	p.site.act = act_refuse;
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.heads == 0 && v.n == 0);
	cr_assert(p.site.gones == 3 && p.site.wholes == 0);
	pair_close(&p);
}

Test(sim_http, cancelling_tells_the_server_and_nobody_else)
{
	struct visit v;
	struct pair p;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 160000);
	cr_assert_gt(v.n, 0);
	p.w.ops->fetch_cancel(p.w.self, v.fetch);
	cr_assert_eq(p.site.gones, 0);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.dones, 0);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0 && p.site.gone_at == 190000);
	cr_assert_lt(p.site.sent, 300000);
	pair_close(&p);
}

Test(sim_http, cancelling_at_any_moment_leaves_nothing_behind)
{
	for (p2v_usec at = 0; at < 400000; at += 10000) {
		struct visit v;
		struct pair p;
		unsigned dones;

		open_pair(&p, 200000, at % 20000 ? act_stream : act_whole);
		visit(&v, &p, "http://far/a");
		p2v_sim_run(p.sim, at);
		dones = v.dones;
		if (!dones)
			p.w.ops->fetch_cancel(p.w.self, v.fetch);
		p2v_sim_run(p.sim, P2V_NEVER);
		cr_assert_eq(v.dones, dones);
		cr_assert_eq(p.site.gones, p.site.requests);
		visit(&v, &p, "http://far/b");
		p2v_sim_run(p.sim, P2V_NEVER);
		cr_assert(v.code == P2V_OK && v.n == 200000 && !v.torn);
		pair_close(&p);
	}
}

Test(sim_http, ending_the_run_at_any_moment_leaves_nothing_behind)
{
	for (p2v_usec at = 0; at < 400000; at += 10000) {
		struct visit v = { .pause_at_once = at % 40000 == 0 }, w;
		struct pair p;

		open_pair(&p, 200000, at % 20000 ? act_stream : act_whole);
		visit_with(&v, &p, "http://far/a", (struct p2v_fetch_request){ .head = false });
		visit(&w, &p, "http://far/b");
		p2v_sim_run(p.sim, at);
		pair_close(&p);
	}
}

Test(sim_http, callbacks_may_cancel)
{
	struct visit v = { .cancel_in_head = true }, w = { .cancel_in_body = true };
	struct pair p;

	open_pair(&p, 200000, act_stream);
	visit_with(&v, &p, "http://far/a", (struct p2v_fetch_request){ .head = false });
	visit_with(&w, &p, "http://far/b", (struct p2v_fetch_request){ .head = false });
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.heads == 1 && v.bodies == 0 && v.dones == 0);
	cr_assert(w.heads == 1 && w.bodies == 1 && w.dones == 0);
	cr_assert(p.site.gones == 2 && p.site.wholes == 0);
	pair_close(&p);
}

Test(sim_http, closing_cuts_and_frees_the_port)
{
	struct visit v, w;
	struct pair p;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 160000);
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, 230000); /* its request is on its way */
	p.site.w.ops->http_close(p.site.w.self, p.site.server);
	cr_assert_eq(p.site.gones, 0);
	p2v_sim_run(p.sim, 2000000);
	cr_assert(v.code == P2V_EIO && v.dones == 1 && w.code == P2V_EIO && w.dones == 1);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0);
	p.site.body = 100;
	site_open(&p, act_whole);
	visit(&v, &p, "http://far/c");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_OK && v.n == 100);
	pair_close(&p);
}

Test(sim_http, the_plug_is_pulled_on_the_server)
{
	struct visit v;
	struct pair p;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 160000);
	p2v_machine_kill(p.far);
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.dones == 1 && v.done_at == 190000);
	cr_assert_eq(p.site.gones, 0, "a dead machine hears nothing");
	pair_close(&p);
}

Test(sim_http, who_closes_is_told_of_every_exchange_at_last)
{
	struct visit v, w;
	struct pair p;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, 160000);
	p2v_machine_kill(p.far);
	p2v_sim_run(p.sim, P2V_SECOND);
	cr_assert_eq(p.site.gones, 0);
	p.site.w.ops->http_close(p.site.w.self, p.site.server);
	p.site.server = NULL;
	p2v_sim_free(p.sim);
	cr_assert(p.site.gones == 2 && p.site.wholes == 0);
}

Test(sim_http, the_plug_is_pulled_on_the_client)
{
	struct visit v;
	struct pair p;

	open_pair(&p, 1000000, act_stream);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 160000);
	p2v_machine_kill(p.near);
	v.n = 0;
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.n == 0 && v.dones == 0);
	cr_assert(p.site.gones == 1 && p.site.wholes == 0);
	p.w.ops->fetch_cancel(p.w.self, v.fetch); /* what ran there can still be put away */
	pair_close(&p);
}

static void quiet_head(void *ctx, const struct p2v_fetch_head *h)
{
	(void)ctx;
	(void)h;
}

static void quiet_body(void *ctx, struct p2v_bytes b)
{
	(void)ctx;
	(void)b;
}

static void quiet_done(void *ctx, int code, const struct p2v_err *err)
{
	(void)err;
	*(int *)ctx = code;
}

Test(sim_http, without_memory_a_fetch_fails_and_the_next_one_works)
{
	static const struct p2v_fetch_handler h = { quiet_head, quiet_body, quiet_done };
	const struct p2v_fetch_request rq = { .url = "http://far/a" };
	bool struck = true;
	int failed = 0;

	for (long n = 0; struck; n++) {
		struct p2v_fetch *f = NULL;
		struct p2v_err err;
		struct pair p;
		struct visit v;
		int rc, code = 1;

		open_pair(&p, 0, act_whole);
		oom_after(n);
		rc = p.w.ops->fetch(p.w.self, &rq, &h, &code, &f, &err);
		p2v_sim_run(p.sim, P2V_NEVER);
		struck = oom_struck();
		oom_after(-1);
		cr_assert(rc == P2V_ENOMEM || rc == P2V_OK);
		/* The queue of events does without, so some want of memory is not seen. */
		if (rc == P2V_OK)
			cr_assert(code == P2V_ENOMEM || code == P2V_EIO || code == P2V_ETIMEDOUT ||
					  code == P2V_OK,
				"%ld: %d", n, code);
		failed += rc != P2V_OK || code != P2V_OK;
		p.site.body = 100000;
		visit(&v, &p, "http://far/b");
		p2v_sim_run(p.sim, P2V_NEVER);
		cr_assert(v.code == P2V_OK && v.n == 100000);
		pair_close(&p);
	}
	cr_assert_geq(failed, 5);
}

Test(sim_http, a_frozen_server_answers_later)
{
	struct visit v, w;
	struct pair p;

	open_pair(&p, 1000, act_whole);
	p2v_machine_freeze(p.far, true);
	visit(&v, &p, "http://far/a");
	p2v_sim_run(p.sim, 5000000);
	cr_assert(v.dones == 0 && p.site.requests == 0);
	p2v_machine_freeze(p.far, false);
	p2v_sim_run(p.sim, 6000000);
	whole(&p, &v, 1000);
	cr_assert_eq(v.done_at, 5030000);
	p2v_machine_freeze(p.near, true);
	visit(&w, &p, "http://far/b");
	p2v_sim_run(p.sim, 7000000);
	cr_assert_eq(p.site.requests, 1);
	p2v_machine_freeze(p.near, false);
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &w, 1000);
	pair_close(&p);
}

Test(sim_http, loopback_is_for_one_machine)
{
	struct p2v_addr local = p2v_addr_v4(0x7f000001, 8080), bound;
	struct p2v_http_handler none = { NULL, NULL, NULL };
	struct p2v_http_server *mine = NULL;
	struct visit v, w;
	struct p2v_err err;
	struct pair p;

	open_pair(&p, 1000, act_whole);
	cr_assert_eq(
		p.site.w.ops->http_listen(p.site.w.self, &local, &none, NULL, &mine, &bound, &err),
		P2V_OK);
	cr_assert(p2v_addr_equal(&bound, &local));
	visit(&v, &p, "http://far:8080/");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert(v.code == P2V_EIO && v.done_at == 60000);
	p.site.w.ops->http_close(p.site.w.self, mine);
	p.w = p.site.w; /* the visitor is on far now */
	visit(&w, &p, "http://localhost/");
	p2v_sim_run(p.sim, P2V_NEVER);
	whole(&p, &w, 1000);
	cr_assert_eq(w.done_at - v.done_at, 200, "four times 50 us");
	pair_close(&p);
}

Test(sim_http, a_taken_port_is_refused)
{
	struct p2v_addr any = { .port = SITE_PORT }, bound;
	struct p2v_http_handler none = { NULL, NULL, NULL };
	struct p2v_http_server *s = NULL;
	struct p2v_err err;
	struct pair p;

	open_pair(&p, 0, act_nothing);
	cr_assert_eq(p.site.w.ops->http_listen(p.site.w.self, &any, &none, NULL, &s, &bound, &err),
		P2V_EIO);
	any.port = 0;
	cr_assert_eq(p.site.w.ops->http_listen(p.site.w.self, &any, &none, NULL, &s, &bound, &err),
		P2V_OK);
	cr_assert_neq(bound.port, 0);
	p.site.w.ops->http_close(p.site.w.self, s);
	pair_close(&p);
}
