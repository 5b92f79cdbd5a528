/* httpd_test.c - the HTTP server seen by clients that write and read bytes: connections, requests,
 * and what is on the wire. Large bodies and who leaves when are in httpd_body_test.c. */
#include <config.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/world/web.h"

TestSuite(httpd, .timeout = 120);

static void act_echo(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	web_reply(w, x, 200, rq->target.n);
	w->rig.world.ops->http_write(
		w->rig.world.self, x, p2v_slice_copy(rq->target.p, rq->target.n));
	web_end(w, x);
}

/* ---- connections ---- */

Test(httpd, a_connection_serves_one_request_after_the_other)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, web_hello);
	fd = raw_connect(w.port);
	for (unsigned i = 0; i < 5; i++) {
		raw_send(&w.rig, fd, GET("/"));
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
		cr_assert_not_null(strstr(buf, "HTTP/1.1 200 OK\r\n"), "%s", buf);
		cr_assert_not_null(strstr(buf, "\r\nContent-Length: 5\r\n"));
		cr_assert_not_null(strstr(buf, "\r\nDate: "));
		cr_assert_not_null(strstr(buf, "\r\n\r\nhello"));
	}
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.asked, 5);
	cr_assert_eq(w.gone, 5);
	cr_assert_eq(w.whole, 5);
	(void)close(fd);
	web_close(&w);
}

Test(httpd, requests_may_be_pipelined)
{
	struct web w;
	char buf[4096], *p;
	int fd, how;

	web_open(&w, act_echo);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/first") GET("/second") GET("/third"));
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "\r\n\r\n/third", &how);
	p = strstr(buf, "\r\n\r\n/first");
	cr_assert_not_null(p);
	p = strstr(p, "\r\n\r\n/second");
	cr_assert_not_null(p);
	p = strstr(p, "\r\n\r\n/third");
	cr_assert_not_null(p);
	cr_assert_eq(w.asked, 3);
	(void)close(fd);
	web_close(&w);
}

/* The second of two pipelined requests is asked for only when the first is answered. */
Test(httpd, pipelined_requests_wait_for_their_turn)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/first") GET("/second"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_eq(w.asked, 1);
	web_reply(&w, w.x[0], 200, 3);
	web_say(&w, w.x[0], "one");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "one", &how);
	/* All of it is sent, so the next may begin; but `gone` waits for the end. */
	cr_assert(raw_until(&w.rig, web_asked_2, &w));
	cr_assert_eq(w.gone, 0);
	cr_assert_not_null(w.x[0]);
	web_hello(&w, w.x[1], NULL);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_not_null(w.x[0]);
	web_end(&w, w.x[0]);
	cr_assert_not_null(w.x[0], "not inside http_end");
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_null(w.x[0]);
	cr_assert_eq(w.whole, 2);
	(void)close(fd);
	web_close(&w);
}

Test(httpd, more_clients_than_it_serves_at_once)
{
	enum { N = 700 };
	static int fd[N];
	struct web w;
	char buf[4096];
	int how;

	web_open(&w, web_hello);
	for (int i = 0; i < N; i++) { /* most of them sit there and say nothing */
		fd[i] = raw_connect(w.port);
		p2v_loop_turn(w.rig.loop, 0);
	}
	raw_send(&w.rig, fd[0], GET("/"));
	(void)raw_recv(&w.rig, fd[0], buf, sizeof buf, "hello", &how);
	cr_assert_not_null(strstr(buf, "hello"));
	for (int i = 0; i < N - 1; i++)
		(void)close(fd[i]);
	/* There is room again, and the last one, which waited for it, is served. */
	raw_send(&w.rig, fd[N - 1], GET("/"));
	(void)raw_recv(&w.rig, fd[N - 1], buf, sizeof buf, "hello", &how);
	cr_assert_not_null(strstr(buf, "hello"));
	(void)close(fd[N - 1]);
	web_close(&w);
}

/* ---- requests ---- */

static void one_request(struct web *w, const char *rq, char *buf, size_t size)
{
	int fd = raw_connect(w->port), how;

	raw_send(&w->rig, fd, rq);
	(void)raw_recv(&w->rig, fd, buf, size, NULL, &how);
	(void)close(fd);
}

#define CLOSE "Host: a\r\nConnection: close\r\n\r\n"

Test(httpd, targets_are_told_as_they_were_written)
{
	static const char *const targets[] = { "/", "/a%20b/%2e%2e/c?x=%26&y=1;z&&=&q", "/?", "/?a",
		"//x//", "/a+b", "/a?b?c=d#e", "http://cdn.example/live/a.ts?t=1%2F2",
		"/\xc3\xa9\xff", "*" };
	struct web w;

	web_open(&w, web_hello);
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		char rq[512], buf[4096];

		(void)snprintf(rq, sizeof rq, "GET %s HTTP/1.1\r\n" CLOSE, targets[i]);
		one_request(&w, rq, buf, sizeof buf);
		cr_assert_not_null(strstr(buf, " 200 OK"), "%s: %s", targets[i], buf);
		cr_assert_str_eq(w.target, targets[i]);
	}
	web_close(&w);
}

Test(httpd, headers_are_told_without_blanks_around_them)
{
	struct web w;
	char buf[4096];

	web_open(&w, web_hello);
	one_request(&w, "GET / HTTP/1.1\r\nx-HEADER:  one, \"two\"\t \r\n" CLOSE, buf, sizeof buf);
	cr_assert_str_eq(w.header, "one, \"two\"");
	web_close(&w);
}

Test(httpd, what_is_no_request_is_refused)
{
	static const struct {
		const char *rq, *status;
	} cases[] = { { "GET / HTTP/1.1\r\nX: a\rb\r\n" CLOSE, " 400 " },
		{ "GET / HTTP/1.1\r\nX: a\x01\r\n" CLOSE, " 400 " },
		{ "GET /a\x01 HTTP/1.1\r\n" CLOSE, " 400 " },
		{ "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 " }, /* no Host */
		{ "GET / HTTP/1.1\r\nno colon here\r\n" CLOSE, " 400 " },
		{ "GET / HTTP/1.1\r\nContent-Length: x\r\n" CLOSE, " 400 " },
		{ "GET / HTTP/2.0\r\n" CLOSE, " 505 " }, { "nonsense\r\n\r\n", NULL },
		{ "\x16\x03\x01\x02\r\n\r\n", NULL } };
	struct web w;

	web_open(&w, web_hello);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char buf[4096];

		one_request(&w, cases[i].rq, buf, sizeof buf);
		if (cases[i].status)
			cr_assert_not_null(strstr(buf, cases[i].status), "case %zu: %s", i, buf);
		else
			cr_assert_null(strstr(buf, "200 OK"), "case %zu: %s", i, buf);
	}
	cr_assert_eq(w.asked, 0);
	cr_assert_eq(w.gone, 0);
	web_close(&w);
}

Test(httpd, requests_have_a_limit)
{
	static char rq[300000];
	struct web w;
	char buf[4096];

	web_open(&w, web_hello);
	(void)snprintf(rq, sizeof rq, "GET /%08000d HTTP/1.1\r\n" CLOSE, 1);
	one_request(&w, rq, buf, sizeof buf);
	cr_assert_not_null(strstr(buf, " 200 OK"), "%s", buf);
	cr_assert_eq(strlen(w.target), 8001);
	(void)snprintf(rq, sizeof rq, "GET /%0200000d HTTP/1.1\r\n" CLOSE, 1);
	one_request(&w, rq, buf, sizeof buf);
	cr_assert_null(strstr(buf, "200 OK"));
	(void)snprintf(rq, sizeof rq, "GET / HTTP/1.1\r\nX: %0200000d\r\n" CLOSE, 1);
	one_request(&w, rq, buf, sizeof buf);
	cr_assert_null(strstr(buf, "200 OK"));
	cr_assert_eq(w.asked, 1);
	web_close(&w);
}

Test(httpd, other_methods_and_their_bodies)
{
	static char big[3 << 20];
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, web_hello);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nabc");
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.asked, 0, "not before the body is there");
	raw_send(&w.rig, fd, "defg" GET("/next"));
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert_eq(w.asked, 2);
	cr_assert_str_eq(w.target, "/next");
	raw_send(&w.rig, fd,
		"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
		"Expect: 100-continue\r\n\r\n");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "\r\n\r\n", &how);
	cr_assert_not_null(strstr(buf, "HTTP/1.1 100 Continue\r\n"));
	raw_send(&w.rig, fd, "3\r\nabc\r\n0\r\n\r\n");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert_str_eq(w.method, "PUT");
	raw_send(&w.rig, fd, "OPTIONS * HTTP/1.1\r\n" CLOSE);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, NULL, &how);
	cr_assert_str_eq(w.method, "OPTIONS");
	(void)close(fd);
	/* A body without end is not read for ever. */
	memset(big, 'x', sizeof big - 1);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
	raw_send(&w.rig, fd, big);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, NULL, &how);
	cr_assert_neq(how, 0);
	cr_assert_eq(w.asked, 4);
	(void)close(fd);
	web_close(&w);
}

/* ---- answers ---- */

static void act_headers(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	static const struct p2v_header v[] = { { { "X-Good", 6 }, { "a\tb, c", 6 } },
		{ { "X-Split", 7 }, { "a\r\nX-Evil: 1", 12 } }, { { "X-Nul", 5 }, { "a\0b", 3 } },
		{ { "X Space", 7 }, { "a", 1 } }, { { "", 0 }, { "a", 1 } },
		{ { "Content-Length", 14 }, { "99", 2 } }, { { "connection", 10 }, { "close", 5 } },
		{ { "Transfer-Encoding", 17 }, { "chunked", 7 } },
		{ { "Set-Cookie", 10 }, { "a=1", 3 } }, { { "Set-Cookie", 10 }, { "b=2", 3 } } };
	const struct p2v_reply r = {
		.status = 299, .length = 5, .headers = v, .n_headers = sizeof v / sizeof *v
	};

	(void)rq;
	w->rig.world.ops->http_reply(w->rig.world.self, x, &r);
	web_say(w, x, "hello");
	web_end(w, x);
}

Test(httpd, a_reply_has_its_headers_and_no_others)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, act_headers);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert_not_null(strstr(buf, "HTTP/1.1 299 "));
	cr_assert_not_null(strstr(buf, "\r\nX-Good: a\tb, c\r\n"), "%s", buf);
	cr_assert_not_null(strstr(buf, "\r\nSet-Cookie: a=1\r\n"));
	cr_assert_not_null(strstr(buf, "\r\nSet-Cookie: b=2\r\n"));
	cr_assert_not_null(strstr(buf, "\r\nContent-Length: 5\r\n"));
	cr_assert_null(strstr(buf, "Evil"));
	cr_assert_null(strstr(buf, "Split"));
	cr_assert_null(strstr(buf, "Nul"));
	cr_assert_null(strstr(buf, "Space"));
	cr_assert_null(strstr(buf, "99\r\n"));
	cr_assert_null(strstr(buf, "close"));
	cr_assert_null(strstr(buf, "chunked"));
	(void)close(fd);
	web_close(&w);
}

static void act_bodiless(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	if (strcmp(w->target, "/204") == 0)
		web_reply(w, x, 204, 0);
	else if (strcmp(w->target, "/304") == 0)
		web_reply(w, x, 304, 0);
	else if (strcmp(w->target, "/unknown") == 0)
		web_reply(w, x, 200, P2V_LENGTH_UNKNOWN);
	else if (strcmp(w->target, "/empty") == 0)
		web_reply(w, x, 200, 0);
	else
		web_reply(w, x, 200, 123456);
	if (strcmp(w->method, "HEAD") == 0)
		web_say(w, x, "never sent");
	web_end(w, x);
}

Test(httpd, replies_without_a_body_keep_the_connection)
{
	static const struct {
		const char *rq, *want;
	} cases[] = { { "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nContent-Length: 123456\r\n" },
		{ "HEAD /304 HTTP/1.1\r\nHost: a\r\n\r\n", " 304 " }, { GET("/204"), " 204 " },
		{ GET("/304"), " 304 " }, { GET("/empty"), "\r\nContent-Length: 0\r\n" } };
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, act_bodiless);
	fd = raw_connect(w.port);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		raw_send(&w.rig, fd, cases[i].rq);
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "\r\n\r\n", &how);
		cr_assert_eq(strncmp(buf, "HTTP/1.1 ", 9), 0, "case %zu: %s", i, buf);
		cr_assert_not_null(strstr(buf, cases[i].want), "case %zu: %s", i, buf);
	}
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.whole, sizeof cases / sizeof *cases);
	cr_assert_eq(recv(fd, buf, 1, 0), -1);
	cr_assert_eq(errno, EAGAIN, "nothing came that was not asked for");
	(void)close(fd);
	web_close(&w);
}

Test(httpd, a_head_of_unknown_length_has_nothing_after_it)
{
	struct web w;
	char buf[4096];

	web_open(&w, act_bodiless);
	one_request(&w, "HEAD /unknown HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf);
	cr_assert_eq(strncmp(buf, "HTTP/1.1 200 OK\r\n", 17), 0, "%s", buf);
	cr_assert_null(strstr(buf, "Content-Length"));
	cr_assert_not_null(strstr(buf, "\r\n\r\n"));
	cr_assert_str_eq(strstr(buf, "\r\n\r\n"), "\r\n\r\n");
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 1);
	web_close(&w);
}

Test(httpd, an_unknown_length_is_chunked)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	web_reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "\r\n\r\n", &how);
	cr_assert_not_null(strstr(buf, "\r\nTransfer-Encoding: chunked\r\n"), "%s", buf);
	web_say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello\r\n", &how);
	cr_assert_str_eq(buf, "5\r\nhello\r\n");
	web_say(&w, w.x[0], "");
	web_say(&w, w.x[0], "wor");
	web_say(&w, w.x[0], "ld");
	web_end(&w, w.x[0]);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "0\r\n\r\n", &how);
	cr_assert_str_eq(buf, "5\r\nworld\r\n0\r\n\r\n");
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 1);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked_2, &w));
	(void)close(fd);
	web_close(&w);
}

Test(httpd, an_unknown_length_that_is_whole_has_one)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	web_reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	web_say(&w, w.x[0], "hello");
	web_end(&w, w.x[0]);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert_not_null(strstr(buf, "\r\nContent-Length: 5\r\n"), "%s", buf);
	(void)close(fd);
	web_close(&w);
}

/* A client of HTTP/1.0 has no chunks: the end of the connection is the end of the body, and an
 * abort must not look like it. */
Test(httpd, http_1_0_ends_with_the_connection)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	for (unsigned i = 0; i < 2; i++) {
		w.asked = 0;
		fd = raw_connect(w.port);
		raw_send(&w.rig, fd, "GET / HTTP/1.0\r\n\r\n");
		cr_assert(raw_until(&w.rig, web_asked, &w));
		web_reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
		web_say(&w, w.x[0], "hello");
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
		cr_assert_null(strstr(buf, "chunked"));
		cr_assert_null(strstr(buf, "Content-Length"));
		if (i == 0)
			web_end(&w, w.x[0]);
		else
			w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, NULL, &how);
		cr_assert_eq(how, i == 0 ? 1 : ECONNRESET);
		(void)close(fd);
	}
	cr_assert_eq(w.gone, 2);
	cr_assert_eq(w.whole, 1);
	web_close(&w);
}

Test(httpd, more_than_was_promised_is_an_abort)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	web_reply(&w, w.x[0], 200, 7);
	web_say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	web_say(&w, w.x[0], "world");
	cr_assert_eq(w.rig.world.ops->http_room(w.rig.world.self, w.x[0]), 0);
	web_end(&w, w.x[0]);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, NULL, &how);
	cr_assert_neq(how, 0);
	cr_assert_eq(buf[0], 0, "nothing more: '%s'", buf);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 0);
	(void)close(fd);
	web_close(&w);
}

/* ---- families ---- */

static void over_family(const char *listen_at, int family)
{
	struct web w;
	struct p2v_addr at;
	struct p2v_err err = { P2V_OK, "" };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	char buf[4096];
	int fd, how;

	memset(&w, 0, sizeof w);
	w.act = web_hello;
	raw_open(&w.rig);
	cr_assert_eq(p2v_addr_parse(listen_at, &at, &err), P2V_OK);
	if (!web_listen(&w, &at, &err)) {
		cr_assert_eq(family, AF_INET6, "%s", err.text);
		cr_skip_test("no IPv6 here: %s", err.text);
	}
	in6.sin6_port = htons(w.port);
	if (family == AF_INET6) {
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (fd < 0 || (connect(fd, (struct sockaddr *)&in6, sizeof in6) < 0 &&
				      errno != EINPROGRESS))
			cr_skip_test("no IPv6 here");
	} else {
		fd = raw_connect(w.port);
	}
	raw_send(&w.rig, fd, GET("/"));
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert_not_null(strstr(buf, "hello"));
	(void)close(fd);
	web_close(&w);
}

Test(httpd, any_address_serves_ipv4)
{
	over_family("*:0", AF_INET);
}

Test(httpd, any_address_serves_ipv6)
{
	over_family("*:0", AF_INET6);
}

Test(httpd, an_ipv6_address_is_served)
{
	over_family("[::1]:0", AF_INET6);
}
