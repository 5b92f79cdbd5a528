/* httpd_test.c - the HTTP server seen by clients that write and read bytes: what is on the wire,
 * who waits for whom, and who leaves when. */
#include <config.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/base/http.h"
#include "tests/unit/world/raw.h"

TestSuite(httpd, .timeout = 120);

enum { XS = 16 };

struct web {
	struct raw_rig rig;
	struct p2v_http_server *server;
	uint16_t port;
	void (*act)(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq);
	struct p2v_exchange *x[XS]; /* by order of arrival; NULL once gone */
	unsigned asked, gone, whole, drained;
	char method[32], target[9000], header[256];
	struct p2v_buf *buf; /* what act_buffer sends */
	size_t each;         /* [B] of its slices */
	uint64_t given;
};

static void web_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct web *w = ctx;
	struct p2v_str h = p2v_header_get(rq->headers, rq->n_headers, "X-Header");

	cr_assert_lt(w->asked, XS);
	w->x[w->asked++] = x;
	(void)snprintf(w->method, sizeof w->method, "%.*s", P2V_STR(rq->method));
	(void)snprintf(w->target, sizeof w->target, "%.*s", P2V_STR(rq->target));
	(void)snprintf(w->header, sizeof w->header, "%.*s", P2V_STR(h));
	cr_assert(p2v_addr_is_loopback(&rq->from));
	if (w->act)
		w->act(w, x, rq);
}

static void web_drained(void *ctx, struct p2v_exchange *x)
{
	struct web *w = ctx;

	cr_assert_gt(w->rig.world.ops->http_room(w->rig.world.self, x), 0);
	w->drained++;
}

static void web_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct web *w = ctx;

	w->gone++;
	w->whole += whole;
	for (unsigned i = 0; i < XS; i++)
		if (w->x[i] == x)
			w->x[i] = NULL;
}

static const struct p2v_http_handler handler = { web_request, web_drained, web_gone };

static void web_open(struct web *w,
	void (*act)(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq))
{
	struct p2v_addr at = p2v_addr_v4(0x7f000001, 0), bound;
	struct p2v_err err = { P2V_OK, "" };

	memset(w, 0, sizeof *w);
	w->act = act;
	raw_open(&w->rig);
	cr_assert_eq(w->rig.world.ops->http_listen(
			     w->rig.world.self, &at, &handler, w, &w->server, &bound, &err),
		P2V_OK, "%s", err.text);
	w->port = bound.port;
}

static void web_close(struct web *w)
{
	raw_close(&w->rig);
	p2v_buf_unref(w->buf);
}

static void reply(struct web *w, struct p2v_exchange *x, uint32_t status, uint64_t length)
{
	const struct p2v_reply r = { .status = status, .length = length };

	w->rig.world.ops->http_reply(w->rig.world.self, x, &r);
}

static void say(struct web *w, struct p2v_exchange *x, const char *text)
{
	w->rig.world.ops->http_write(w->rig.world.self, x, p2v_slice_copy(text, strlen(text)));
}

static void end(struct web *w, struct p2v_exchange *x)
{
	w->rig.world.ops->http_end(w->rig.world.self, x);
}

static void act_hello(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	reply(w, x, 200, 5);
	say(w, x, "hello");
	end(w, x);
}

static void act_echo(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	reply(w, x, 200, rq->target.n);
	w->rig.world.ops->http_write(
		w->rig.world.self, x, p2v_slice_copy(rq->target.p, rq->target.n));
	end(w, x);
}

static bool asked(void *ctx)
{
	return ((struct web *)ctx)->asked > 0;
}

static bool asked_2(void *ctx)
{
	return ((struct web *)ctx)->asked > 1;
}

static bool one_gone(void *ctx)
{
	return ((struct web *)ctx)->gone > 0;
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- connections ---- */

Test(httpd, a_connection_serves_one_request_after_the_other)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, act_hello);
	fd = raw_connect(w.port);
	for (unsigned i = 0; i < 5; i++) {
		raw_send(&w.rig, fd, GET("/"));
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
		cr_assert_not_null(strstr(buf, "HTTP/1.1 200 OK\r\n"), "%s", buf);
		cr_assert_not_null(strstr(buf, "\r\nContent-Length: 5\r\n"));
		cr_assert_not_null(strstr(buf, "\r\nDate: "));
		cr_assert_not_null(strstr(buf, "\r\n\r\nhello"));
	}
	cr_assert(raw_until(&w.rig, one_gone, &w));
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
	cr_assert(raw_until(&w.rig, asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_eq(w.asked, 1);
	reply(&w, w.x[0], 200, 3);
	say(&w, w.x[0], "one");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "one", &how);
	/* All of it is sent, so the next may begin; but `gone` waits for the end. */
	cr_assert(raw_until(&w.rig, asked_2, &w));
	cr_assert_eq(w.gone, 0);
	cr_assert_not_null(w.x[0]);
	act_hello(&w, w.x[1], NULL);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_not_null(w.x[0]);
	end(&w, w.x[0]);
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

	web_open(&w, act_hello);
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

	web_open(&w, act_hello);
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

	web_open(&w, act_hello);
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

	web_open(&w, act_hello);
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

	web_open(&w, act_hello);
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

	web_open(&w, act_hello);
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
	say(w, x, "hello");
	end(w, x);
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
		reply(w, x, 204, 0);
	else if (strcmp(w->target, "/304") == 0)
		reply(w, x, 304, 0);
	else if (strcmp(w->target, "/unknown") == 0)
		reply(w, x, 200, P2V_LENGTH_UNKNOWN);
	else if (strcmp(w->target, "/empty") == 0)
		reply(w, x, 200, 0);
	else
		reply(w, x, 200, 123456);
	if (strcmp(w->method, "HEAD") == 0)
		say(w, x, "never sent");
	end(w, x);
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
	cr_assert(raw_until(&w.rig, one_gone, &w));
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
	cr_assert(raw_until(&w.rig, asked, &w));
	reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "\r\n\r\n", &how);
	cr_assert_not_null(strstr(buf, "\r\nTransfer-Encoding: chunked\r\n"), "%s", buf);
	say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello\r\n", &how);
	cr_assert_str_eq(buf, "5\r\nhello\r\n");
	say(&w, w.x[0], "");
	say(&w, w.x[0], "wor");
	say(&w, w.x[0], "ld");
	end(&w, w.x[0]);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "0\r\n\r\n", &how);
	cr_assert_str_eq(buf, "5\r\nworld\r\n0\r\n\r\n");
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 1);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked_2, &w));
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
	cr_assert(raw_until(&w.rig, asked, &w));
	reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	say(&w, w.x[0], "hello");
	end(&w, w.x[0]);
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
		cr_assert(raw_until(&w.rig, asked, &w));
		reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
		say(&w, w.x[0], "hello");
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
		cr_assert_null(strstr(buf, "chunked"));
		cr_assert_null(strstr(buf, "Content-Length"));
		if (i == 0)
			end(&w, w.x[0]);
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
	cr_assert(raw_until(&w.rig, asked, &w));
	reply(&w, w.x[0], 200, 7);
	say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	say(&w, w.x[0], "world");
	say(&w, w.x[0], "after that");
	cr_assert_eq(w.rig.world.ops->http_room(w.rig.world.self, w.x[0]), 0);
	end(&w, w.x[0]);
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, NULL, &how);
	cr_assert_neq(how, 0);
	cr_assert_eq(buf[0], 0, "nothing more: '%s'", buf);
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 0);
	(void)close(fd);
	web_close(&w);
}

/* ---- large bodies ---- */

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + (i >> 10));
}

/* All of the buffer in slices, from where it lies. */
static void act_buffer(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	reply(w, x, 200, w->buf->size);
	for (size_t off = 0; off < w->buf->size; off += w->each) {
		size_t n = w->buf->size - off < w->each ? w->buf->size - off : w->each;

		/* A slice of its own bytes every other time, so that neighbours do not join. */
		w->rig.world.ops->http_write(w->rig.world.self, x,
			off / w->each % 2 ? p2v_slice_copy(w->buf->data + off, n)
					  : p2v_slice_of(w->buf, off, n));
	}
	end(w, x);
}

static void buffer_init(struct web *w, size_t size, size_t each)
{
	w->buf = p2v_buf_new(size);
	cr_assert_not_null(w->buf);
	w->each = each;
	for (size_t i = 0; i < size; i++)
		w->buf->data[i] = pattern(i);
}

/* Read a body of n bytes, slowly at first. */
static void read_body(struct web *w, int fd, uint64_t n)
{
	static uint8_t chunk[65536];
	char head[4096];
	uint64_t got = 0;
	int how;

	(void)raw_recv(&w->rig, fd, head, sizeof head, "\r\n\r\n", &how);
	cr_assert_not_null(strstr(head, " 200 OK\r\n"), "%s", head);
	while (got < n) {
		ssize_t k = recv(fd, chunk, got < 5000 ? 100 : sizeof chunk, 0);

		cr_assert_neq(k, 0, "ended at %llu of %llu", (unsigned long long)got,
			(unsigned long long)n);
		if (k < 0) {
			cr_assert_eq(errno, EAGAIN);
			p2v_loop_turn(w->rig.loop, P2V_MSEC);
			continue;
		}
		for (ssize_t i = 0; i < k; i++)
			cr_assert_eq(chunk[i], pattern(got + (uint64_t)i));
		got += (uint64_t)k;
	}
	cr_assert_eq(got, n);
}

static void whole_body(size_t size, size_t each)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, size, each);
	fd = raw_connect(w.port);
	for (int i = 0; i < 2; i++) {
		w.gone = 0;
		raw_send(&w.rig, fd, GET("/"));
		cr_assert(raw_until(&w.rig, asked, &w));
		raw_idle(&w.rig, 10 * P2V_MSEC);
		read_body(&w, fd, size);
		cr_assert(raw_until(&w.rig, one_gone, &w));
	}
	cr_assert_eq(w.whole, 2);
	cr_assert_eq(w.buf->refs, 1, "all slices were let go");
	(void)close(fd);
	web_close(&w);
}

Test(httpd, a_whole_body_goes_out_in_its_slices)
{
	whole_body(700000, 16384);
}

Test(httpd, a_whole_body_of_one_slice)
{
	whole_body(700000, 700000);
}

Test(httpd, a_whole_body_of_more_slices_than_one_call_takes)
{
	whole_body(3000000, 1000);
}

Test(httpd, a_whole_body_of_many_megabytes)
{
	whole_body(30 << 20, 1 << 20);
}

Test(httpd, slices_are_held_while_they_are_sent)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, 30 << 20, 1 << 20);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_gt(w.buf->refs, 1);
	cr_assert_eq(w.gone, 0);
	raw_reset(fd); /* it leaves in the middle */
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 0);
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.buf->refs, 1);
	web_close(&w);
}

/* A stream to a reader who stops reading: the room ends, and comes back when it reads. */
static void back_pressure(uint64_t length)
{
	enum { PIECE = 10000 };
	struct web w;
	struct p2v_buf *b = p2v_buf_new(PIECE);
	uint64_t given = 0;
	int fd;

	cr_assert_not_null(b);
	memset(b->data, 'x', PIECE);
	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked, &w));
	reply(&w, w.x[0], 200, length);
	for (int i = 0; i < 100000; i++) {
		if (w.rig.world.ops->http_room(w.rig.world.self, w.x[0]) > 0) {
			w.rig.world.ops->http_write(
				w.rig.world.self, w.x[0], p2v_slice_of(b, 0, PIECE));
			given += PIECE;
		} else if (i % 2) {
			break;
		} else {
			raw_idle(&w.rig, 20 * P2V_MSEC);
		}
	}
	cr_assert_eq(w.rig.world.ops->http_room(w.rig.world.self, w.x[0]), 0);
	cr_assert_eq(w.gone, 0);
	cr_assert_lt(given, 64 << 20, "the kernel holds some, we hold some, and that is all");
	w.drained = 0;
	while (w.drained == 0) {
		char buf[8192];
		ssize_t k = recv(fd, buf, sizeof buf, 0);

		cr_assert_neq(k, 0);
		p2v_loop_turn(w.rig.loop, k < 0 ? P2V_MSEC : 0);
	}
	cr_assert_geq(w.rig.world.ops->http_room(w.rig.world.self, w.x[0]), 65536);
	(void)close(fd);
	cr_assert(raw_until(&w.rig, one_gone, &w));
	web_close(&w);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(b);
}

Test(httpd, room_ends_and_comes_back_with_a_length)
{
	back_pressure(UINT64_C(1) << 40);
}

Test(httpd, room_ends_and_comes_back_without_one)
{
	back_pressure(P2V_LENGTH_UNKNOWN);
}

/* ---- who leaves when ---- */

static void leaves(bool replied, bool reset)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked, &w));
	if (replied) {
		reply(&w, w.x[0], 200, 1000);
		say(&w, w.x[0], "hello");
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	}
	raw_idle(&w.rig, 10 * P2V_MSEC); /* the exchange waits for us */
	if (reset)
		raw_reset(fd);
	else
		(void)close(fd);
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 0);
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.gone, 1);
	web_close(&w);
}

Test(httpd, a_client_that_leaves_is_noticed_while_it_waits)
{
	leaves(false, false);
	leaves(false, true);
	leaves(true, false);
	leaves(true, true);
}

Test(httpd, a_client_that_leaves_early_is_not_told_of)
{
	static const char *const parts[] = { "", "GET", "GET / HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123" };
	struct web w;

	web_open(&w, NULL);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (int reset = 0; reset < 2; reset++) {
			int fd = raw_connect(w.port);

			raw_send(&w.rig, fd, parts[i]);
			raw_idle(&w.rig, 5 * P2V_MSEC);
			if (reset)
				raw_reset(fd);
			else
				(void)close(fd);
			raw_idle(&w.rig, 5 * P2V_MSEC);
		}
	cr_assert_eq(w.asked, 0);
	cr_assert_eq(w.gone, 0);
	web_close(&w);
}

Test(httpd, writes_after_the_client_left_are_dropped)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	buffer_init(&w, 100000, 1);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked, &w));
	reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	raw_reset(fd);
	/* Nothing has told us yet. */
	for (int i = 0; i < 10 && w.x[0]; i++)
		w.rig.world.ops->http_write(
			w.rig.world.self, w.x[0], p2v_slice_of(w.buf, 0, w.buf->size));
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 0);
	cr_assert_eq(w.buf->refs, 1);
	web_close(&w);
}

/* An abort does not wait for a client that reads nothing. */
Test(httpd, an_abort_cuts_a_stalled_client)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, 30 << 20, 1 << 20);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_not_null(w.x[0]);
	w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
	w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
	cr_assert_eq(w.gone, 0);
	cr_assert(raw_until(&w.rig, one_gone, &w));
	cr_assert_eq(w.whole, 0);
	cr_assert_eq(w.buf->refs, 1);
	(void)close(fd);
	web_close(&w);
}

/* ---- the end of the server ---- */

static void states(struct web *w, int fd[5])
{
	static const char *const rq[] = { GET("/waits"), GET("/streams"), GET("/sends"),
		"GET / HTT", GET("/sent") };

	web_open(w, NULL);
	buffer_init(w, 30 << 20, 1 << 20);
	for (unsigned i = 0; i < 5; i++) {
		fd[i] = raw_connect(w->port);
		raw_send(&w->rig, fd[i], rq[i]);
		raw_idle(&w->rig, 10 * P2V_MSEC);
	}
	cr_assert_eq(w->asked, 4);
	reply(w, w->x[1], 200, P2V_LENGTH_UNKNOWN);
	say(w, w->x[1], "hello");
	act_buffer(w, w->x[2], NULL);
	reply(w, w->x[3], 200, 5);
	say(w, w->x[3], "hello"); /* sent, but not ended */
	raw_idle(&w->rig, 20 * P2V_MSEC);
	cr_assert_eq(w->gone, 0);
}

Test(httpd, a_server_may_close_with_exchanges_in_every_state)
{
	struct web w;
	char buf[256];
	int fd[5], how;

	states(&w, fd);
	w.rig.world.ops->http_close(w.rig.world.self, w.server);
	cr_assert_eq(w.gone, 0, "not inside http_close");
	say(&w, w.x[1], "too late"); /* the exchanges live until they are gone */
	end(&w, w.x[3]);
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.gone, 4);
	cr_assert_leq(w.whole, 1);
	cr_assert_eq(w.buf->refs, 1);
	(void)raw_recv(&w.rig, fd[0], buf, sizeof buf, NULL, &how);
	cr_assert_neq(how, 0);
	for (unsigned i = 0; i < 5; i++)
		(void)close(fd[i]);
	web_close(&w);
}

Test(httpd, the_loop_may_go_with_exchanges_in_every_state)
{
	struct web w;
	int fd[5];

	states(&w, fd);
	raw_close(&w.rig);
	cr_assert_eq(w.gone, 0, "no callback runs when the loop is freed");
	cr_assert_eq(w.buf->refs, 1);
	p2v_buf_unref(w.buf);
	for (unsigned i = 0; i < 5; i++)
		(void)close(fd[i]);
}

Test(httpd, the_loop_may_go_while_a_server_closes)
{
	struct web w;
	int fd[5];

	states(&w, fd);
	w.rig.world.ops->http_close(w.rig.world.self, w.server);
	web_close(&w);
	cr_assert_eq(w.gone, 0);
	for (unsigned i = 0; i < 5; i++)
		(void)close(fd[i]);
}
