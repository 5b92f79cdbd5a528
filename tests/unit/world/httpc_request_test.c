/* httpc_request_test.c - the HTTP client against servers that are scripted byte by byte: what it
 * asks, where it goes, how long it waits, and callbacks that change their mind. */
#include <config.h>

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/world/faults.h"
#include "tests/unit/world/visit.h"

TestSuite(httpc_request, .timeout = 120);

static void say_head_and_hold(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
	raw_hold(s, fd);
}

/* ---- requests ---- */

static void say_back(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096], head[256];

	(void)nth;
	while (raw_request(s, fd, rq, sizeof rq)) {
		(void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			strlen(rq));
		raw_say(fd, head);
		if (!starts(rq, "HEAD"))
			raw_say(fd, rq);
	}
}

Test(httpc_request, a_request_says_what_it_was_told_to)
{
	const struct p2v_header headers[] = { { { "X-One", 5 }, { "1, 2", 4 } },
		{ { "X-Empty", 7 }, { "", 0 } }, { { "User-Agent", 10 }, { "player/1", 8 } } };
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_back);
	struct got g;
	char url[128];

	raw_open(&r);
	got_init(&g, &r);
	url_of(url, sizeof url, s, "/a/../b//c%20d?q=%41&x=/../y#fragment");
	got_begin(&g, &(struct p2v_fetch_request){ .url = url,
			      .ranged = true,
			      .first = 5,
			      .last = 99,
			      .headers = headers,
			      .n_headers = 3 });
	cr_assert(raw_until(&r, got_done, &g));
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert(starts(g.body, "GET /a/../b//c%20d?q=%41&x=/../y HTTP/1.1\r\n"), "%s", g.body);
	cr_assert_not_null(strstr(g.body, "\r\nX-One: 1, 2\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nX-Empty:\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nUser-Agent: player/1\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nRange: bytes=5-99\r\n"));
	cr_assert_null(strstr(g.body, "Accept-Encoding"));
	cr_assert_null(strstr(g.body, "peer2view"));
	got_init(&g, &r);
	url_of(url, sizeof url, s, "/");
	got_begin(&g, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, got_done, &g));
	cr_assert_not_null(strstr(g.body, "\r\nUser-Agent: peer2view/" P2V_VERSION "\r\n"));
	cr_assert_null(strstr(g.body, "Range"));
	raw_close(&r);
	raw_stop(s);
}

Test(httpc_request, a_header_cannot_smuggle_another)
{
	static const struct p2v_header bad[] = { { { "X-A", 3 }, { "b\r\nX-C: d", 9 } },
		{ { "X-A\r\nX", 6 }, { "b", 1 } }, { { "X-A", 3 }, { "b\0c", 3 } },
		{ { "", 0 }, { "b", 1 } } };
	struct raw_rig r;
	struct got g;

	raw_open(&r);
	got_init(&g, &r);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct p2v_fetch_request rq = {
			.url = "http://127.0.0.1:9/", .headers = &bad[i], .n_headers = 1
		};
		struct p2v_err err = { P2V_OK, "" };

		cr_assert_eq(r.world.ops->fetch(r.world.self, &rq, &got_handler, &g, &g.f, &err),
			P2V_EPARSE, "case %zu", i);
		cr_assert_neq(err.text[0], 0);
	}
	raw_close(&r);
}

Test(httpc_request, a_connection_is_used_again)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_back);
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (int i = 0; i < 10; i++) {
		struct got g;

		got_init(&g, &r);
		got_begin(&g, &(struct p2v_fetch_request){ .url = url, .head = i == 4 });
		cr_assert(raw_until(&r, got_done, &g));
		cr_assert_eq(g.code, P2V_OK);
	}
	cr_assert_eq(raw_requests(s), 10);
	cr_assert_eq(raw_connections(s), 1);
	raw_close(&r);
	raw_stop(s);
}

/* The server closes each connection after its answer, without saying so: the next request meets a
 * dead connection and must not fail. */
static void say_and_leave(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

Test(httpc_request, a_dead_connection_is_replaced)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_and_leave);
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (unsigned i = 0; i < 5; i++) {
		struct got g;

		got_init(&g, &r);
		got_begin(&g, &(struct p2v_fetch_request){ .url = url });
		cr_assert(raw_until(&r, got_done, &g));
		cr_assert_eq(g.code, P2V_OK, "%s", g.why);
		cr_assert_str_eq(g.body, "hello");
	}
	cr_assert_eq(raw_connections(s), 5);
	raw_close(&r);
	raw_stop(s);
}

Test(httpc_request, a_proxy_of_the_environment_is_used)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_back);
	struct got g;
	char proxy[64];

	raw_open(&r);
	got_init(&g, &r);
	url_of(proxy, sizeof proxy, s, "");
	cr_assert_eq(setenv("http_proxy", proxy, 1), 0);
	(void)unsetenv("no_proxy");
	(void)unsetenv("NO_PROXY");
	got_begin(&g, &(struct p2v_fetch_request){ .url = "http://origin.invalid/live?x=1" });
	cr_assert(raw_until(&r, got_done, &g));
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert(starts(g.body, "GET http://origin.invalid/live?x=1 HTTP/1.1\r\n"), "%s", g.body);
	raw_close(&r);
	raw_stop(s);
}

/* ---- redirects ---- */

static void say_elsewhere(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	while (raw_request(s, fd, rq, sizeof rq)) {
		if (starts(rq, "GET /to-ftp"))
			raw_say(fd, "HTTP/1.1 301 Moved\r\nLocation: ftp://127.0.0.1/x\r\n"
				    "Content-Length: 3\r\n\r\nbye");
		else if (starts(rq, "GET /to-file"))
			raw_say(fd, "HTTP/1.1 307 Moved\r\nLocation: file:///etc/passwd\r\n"
				    "Content-Length: 3\r\n\r\nbye");
		else if (starts(rq, "GET /no-location"))
			raw_say(fd, "HTTP/1.1 302 Found\r\nContent-Length: 3\r\n\r\nbye");
		else if (starts(rq, "GET /not-modified"))
			raw_say(fd, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
		else if (starts(rq, "GET /a/old"))
			raw_say(fd,
				"HTTP/1.1 308 Moved\r\nLocation: ../b/new?y\r\nX-Custom: old\r\n"
				"Content-Length: 3\r\n\r\nbye");
		else
			raw_say(fd,
				"HTTP/1.1 200 OK\r\nX-Custom: new\r\nContent-Length: 5\r\n\r\nhello");
	}
}

Test(httpc_request, redirects_lead_to_http_alone)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_elsewhere);
	static const struct {
		const char *path, *body, *custom;
		int code;
		uint32_t status;
	} cases[] = { { "/a/old", "hello", "new", P2V_OK, 200 }, { "/to-ftp", "", "", P2V_EIO, 0 },
		{ "/to-file", "", "", P2V_EIO, 0 },
		{ "/no-location", "bye", "(absent)", P2V_OK, 302 },
		{ "/not-modified", "", "(absent)", P2V_OK, 304 } };

	raw_open(&r);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct got g;
		char url[128], want[128];

		got_init(&g, &r);
		url_of(url, sizeof url, s, cases[i].path);
		got_begin(&g, &(struct p2v_fetch_request){ .url = url, .redirects = true });
		cr_assert(raw_until(&r, got_done, &g));
		cr_assert_eq(g.code, cases[i].code, "%s: %s", cases[i].path, g.why);
		cr_assert_eq(g.status, cases[i].status);
		cr_assert_str_eq(g.body, cases[i].body);
		cr_assert_str_eq(g.custom, cases[i].custom);
		url_of(want, sizeof want, s, "/b/new?y");
		if (i == 0)
			cr_assert_str_eq(g.url, want);
	}
	raw_close(&r);
	raw_stop(s);
}

/* ---- time ---- */

/* A listener whose queue is full lets connections hang, as a host behind a silent firewall does. */
static uint16_t full_listener(int *listener, int fill[8])
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof in;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(*listener, (struct sockaddr *)&in, sizeof in), 0);
	cr_assert_eq(listen(*listener, 0), 0);
	cr_assert_eq(getsockname(*listener, (struct sockaddr *)&in, &n), 0);
	for (int i = 0; i < 8; i++)
		fill[i] = raw_connect(ntohs(in.sin_port));
	return ntohs(in.sin_port);
}

Test(httpc_request, connecting_has_a_limit)
{
	struct raw_rig r;
	struct got g;
	int listener, fill[8];
	char url[128];

	raw_open(&r);
	got_init(&g, &r);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", full_listener(&listener, fill));
	got_begin(&g, &(struct p2v_fetch_request){ .url = url, .connect_timeout = 300 * P2V_MSEC });
	cr_assert(raw_until(&r, got_done, &g));
	cr_assert_eq(g.code, P2V_ETIMEDOUT, "%s", g.why);
	cr_assert_eq(g.heads, 0);
	raw_close(&r);
	for (int i = 0; i < 8; i++)
		(void)close(fill[i]);
	(void)close(listener);
}

Test(httpc_request, slow_names_do_not_stop_the_loop)
{
	struct raw_rig r;
	struct got g, h;
	p2v_usec start;

	p2v_faults.lookup_naps = 60000;
	raw_open(&r);
	got_init(&g, &r);
	got_init(&h, &r);
	got_begin(&g, &(struct p2v_fetch_request){ .url = "http://slow.invalid:9/" });
	got_begin(&h, &(struct p2v_fetch_request){
			      .url = "http://slow.invalid:9/", .connect_timeout = 200 * P2V_MSEC });
	raw_idle(&r, 50 * P2V_MSEC);
	start = raw_clock();
	r.world.ops->fetch_cancel(r.world.self, g.f);
	cr_assert(raw_until(&r, got_done, &h));
	cr_assert_eq(h.code, P2V_ETIMEDOUT);
	raw_close(&r);
	cr_assert_lt(raw_clock() - start, 30 * P2V_SECOND, "did not wait for the lookup");
}

/* ---- callbacks that change their mind ---- */

static void say_much(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096], kib[1025];

	(void)nth;
	memset(kib, 'x', 1024);
	kib[1024] = 0;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
	for (int i = 0; i < 4096; i++)
		raw_say(fd, kib);
	raw_hold(s, fd);
}

static void pause_here(struct got *g)
{
	g->rig->world.ops->fetch_pause(g->rig->world.self, g->f, true);
}

static void cancel_here(struct got *g)
{
	g->rig->world.ops->fetch_cancel(g->rig->world.self, g->f);
}

Test(httpc_request, every_piece_may_be_paused)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_much);
	struct got g;
	char url[128];
	unsigned pauses = 0;

	raw_open(&r);
	got_init(&g, &r);
	g.on_head = pause_here;
	g.on_body = pause_here;
	url_of(url, sizeof url, s, "/");
	got_begin(&g, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, got_head, &g));
	raw_idle(&r, 20 * P2V_MSEC);
	cr_assert_eq(g.n, 0, "nothing comes after a pause in head");
	while (g.dones == 0 && pauses < 100000) {
		size_t before = g.n;

		r.world.ops->fetch_pause(r.world.self, g.f, false);
		pauses++;
		raw_idle(&r, 100);
		cr_assert_leq(g.n - before, 65536);
	}
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert_eq(g.n, 4194304);
	raw_close(&r);
	raw_stop(s);
}

Test(httpc_request, a_paused_fetch_may_be_cancelled)
{
	for (int i = 0; i < 3; i++) {
		struct raw_rig r;
		struct raw_server *s = raw_serve(say_much);
		struct got g;
		char url[128];

		raw_open(&r);
		got_init(&g, &r);
		g.on_body = pause_here;
		url_of(url, sizeof url, s, "/");
		got_begin(&g, &(struct p2v_fetch_request){ .url = url });
		cr_assert(raw_until(&r, got_body, &g));
		raw_idle(&r, 10 * P2V_MSEC);
		g.on_body = cancel_here; /* which a release meets */
		if (i == 0)
			r.world.ops->fetch_cancel(r.world.self, g.f);
		if (i == 1)
			r.world.ops->fetch_pause(r.world.self, g.f, false);
		raw_idle(&r, 20 * P2V_MSEC);
		cr_assert_eq(g.dones, 0);
		raw_close(&r); /* i == 2: freed with the loop while it is paused */
		raw_stop(s);
	}
}

Test(httpc_request, nothing_spins_while_it_waits)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_much), *t = raw_serve(say_head_and_hold);
	struct got paused, held;
	p2v_usec end;
	char url[128];
	unsigned turns = 0;

	raw_open(&r);
	got_init(&paused, &r);
	paused.on_body = pause_here;
	url_of(url, sizeof url, s, "/");
	got_begin(&paused, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, got_body, &paused));
	got_init(&held, &r);
	url_of(url, sizeof url, t, "/");
	got_begin(&held, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, got_head, &held));
	raw_idle(&r, 50 * P2V_MSEC);
	for (end = raw_clock() + 300 * P2V_MSEC; raw_clock() < end; turns++)
		p2v_loop_turn(r.loop, 300 * P2V_MSEC);
	cr_assert_lt(turns, 30);
	raw_close(&r);
	raw_stop(s);
	raw_stop(t);
}

Test(httpc_request, the_loop_may_go_with_fetches_in_every_state)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_much);
	struct got g[8];
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (int i = 0; i < 8; i++) {
		got_init(&g[i], &r);
		got_begin(&g[i], &(struct p2v_fetch_request){ .url = url });
	}
	cr_assert(raw_until(&r, got_body, &g[0])); /* one is served, the others wait */
	r.world.ops->fetch_cancel(r.world.self, g[1].f);
	got_init(&g[1], &r);
	got_begin(&g[1], &(struct p2v_fetch_request){ .url = url }); /* not even begun */
	raw_close(&r);
	raw_stop(s);
}
