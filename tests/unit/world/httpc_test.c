/* httpc_test.c - the HTTP client against servers that are scripted byte by byte. */
#include <config.h>

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/base/http.h"
#include "tests/unit/world/faults.h"
#include "tests/unit/world/raw.h"

TestSuite(httpc, .timeout = 120);

struct got {
	struct raw_rig *rig;
	struct p2v_fetch *f;
	unsigned heads, dones, naps; /* naps: the script's pieces that were waited for */
	uint32_t status;
	uint64_t length;
	char url[512], type[64], coding[64], custom[2048];
	char body[4096];
	size_t n, n_headers;
	int code;
	char why[256];
	void (*on_head)(struct got *g);
	void (*on_body)(struct got *g);
};

static void copy_header(char *out, size_t n, const struct p2v_fetch_head *h, const char *name)
{
	struct p2v_str s = p2v_header_get(h->headers, h->n_headers, name);

	(void)snprintf(out, n, "%s%.*s", s.p ? "" : "(absent)", P2V_STR(s));
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct got *g = ctx;

	cr_assert_eq(g->heads, 0);
	g->heads++;
	g->status = h->status;
	g->length = h->length;
	g->n_headers = h->n_headers;
	(void)snprintf(g->url, sizeof g->url, "%.*s", P2V_STR(h->url));
	copy_header(g->type, sizeof g->type, h, "Content-Type");
	copy_header(g->coding, sizeof g->coding, h, "Content-Encoding");
	copy_header(g->custom, sizeof g->custom, h, "X-Custom");
	if (g->on_head)
		g->on_head(g);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct got *g = ctx;
	size_t room = sizeof g->body - 1 - (g->n < sizeof g->body - 1 ? g->n : sizeof g->body - 1);

	cr_assert_eq(g->heads, 1);
	if (room > 0)
		memcpy(g->body + g->n, b.p, b.n < room ? b.n : room);
	g->n += b.n;
	if (g->on_body)
		g->on_body(g);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct got *g = ctx;

	cr_assert_eq(g->dones, 0);
	g->dones++;
	g->code = code;
	(void)snprintf(g->why, sizeof g->why, "%s", code < 0 ? err->text : "");
	g->f = NULL;
}

static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };

static void got_init(struct got *g, struct raw_rig *r)
{
	memset(g, 0, sizeof *g);
	g->rig = r;
}

static void begin(struct got *g, const struct p2v_fetch_request *rq)
{
	struct p2v_err err = { P2V_OK, "" };

	cr_assert_eq(g->rig->world.ops->fetch(g->rig->world.self, rq, &handler, g, &g->f, &err),
		P2V_OK, "%s", err.text);
}

static bool is_done(void *ctx)
{
	return ((struct got *)ctx)->dones > 0;
}

static bool has_body(void *ctx)
{
	return ((struct got *)ctx)->n > 0;
}

static void url_of(char *out, size_t n, const struct raw_server *s, const char *path)
{
	(void)snprintf(out, n, "http://127.0.0.1:%u%s", raw_port(s), path);
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* One GET of / at a scripted server, to its end. */
static void get_with(struct got *g, raw_script script, struct p2v_fetch_request rq)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(script);
	char url[128];

	raw_open(&r);
	got_init(g, &r);
	url_of(url, sizeof url, s, "/");
	rq.url = url;
	begin(g, &rq);
	cr_assert(raw_until(&r, is_done, g));
	raw_close(&r);
	raw_stop(s);
}

static void get(struct got *g, raw_script script)
{
	get_with(g, script, (struct p2v_fetch_request){ .head = false });
}

/* ---- heads ---- */

static void say_interim(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 100 Continue\r\nX-Custom: no\r\n\r\n");
	raw_say(fd, "HTTP/1.1 103 Early Hints\r\nX-Custom: no\r\nContent-Type: a/b\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Custom: yes\r\n\r\nhello");
}

Test(httpc, interim_responses_are_skipped)
{
	struct got g;

	get(&g, say_interim);
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.status, 200);
	cr_assert_eq(g.length, 5);
	cr_assert_str_eq(g.custom, "yes");
	cr_assert_str_eq(g.type, "(absent)");
	cr_assert_str_eq(g.body, "hello");
}

static void say_odd_headers(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 299 Whatever this is\r\nx-CUSTOM: \t one \r\n \t two\r\n"
		    "Empty:\r\nX-Custom: second\r\nContent-Length: 0\r\n\r\n");
	raw_hold(s, fd);
}

Test(httpc, headers_may_be_odd)
{
	struct got g;

	get(&g, say_odd_headers);
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert_eq(g.status, 299);
	cr_assert_str_eq(g.custom, "one two");
	cr_assert_eq(g.n_headers, 4);
	cr_assert_eq(g.length, 0);
}

static void say_too_much(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 4000; i++)
		raw_say(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
	raw_say(fd, "\r\n");
}

Test(httpc, headers_have_a_limit)
{
	struct got g;

	get(&g, say_too_much);
	cr_assert_eq(g.code, P2V_EIO);
	cr_assert_eq(g.heads, 0);
	cr_assert_not_null(strstr(g.why, "too long"));
}

static void say_garbage(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "SSH-2.0-OpenSSH_9.2\r\nhello there\r\n\r\n");
}

static void say_nothing(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	(void)raw_request(s, fd, rq, sizeof rq);
}

static void say_half_a_head(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Len");
}

static void say_only_interim(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
}

Test(httpc, what_is_no_answer_is_an_error)
{
	static const raw_script scripts[] = { say_garbage, say_nothing, say_half_a_head,
		say_only_interim };

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct got g;

		get(&g, scripts[i]);
		cr_assert_eq(g.code, P2V_EIO, "script %zu", i);
		cr_assert_eq(g.heads, 0);
		cr_assert_neq(g.why[0], 0);
		cr_assert_null(strstr(g.why, "127.0.0.1"), "no address in what may be logged");
	}
}

/* ---- bodies ---- */

static void say_short(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
}

static void say_chunks_short(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
}

static void say_bad_chunks(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n");
}

static void say_reset(struct raw_server *s, int fd, unsigned nth)
{
	struct linger now = { .l_onoff = 1 };
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\n\r\nhello");
	raw_nap(50); /* a reset may overtake bytes */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

Test(httpc, a_truncated_body_is_an_error)
{
	static const raw_script scripts[] = { say_short, say_chunks_short, say_bad_chunks,
		say_reset };

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct got g;

		get(&g, scripts[i]);
		cr_assert_eq(g.code, P2V_EIO, "script %zu", i);
		cr_assert_eq(g.heads, 1);
		cr_assert_eq(g.status, 200);
		cr_assert_str_eq(g.body, "hello");
	}
}

static void say_until_close(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (raw_request(s, fd, rq, sizeof rq))
		raw_say(fd, "HTTP/1.0 200 OK\r\n\r\nhello");
}

static void say_chunks(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Custom\r\n\r\n");
	raw_say(fd, "2;ext=1\r\nhe\r\n");
	raw_nap(20);
	raw_say(fd, "3\r\nllo\r\n0\r\nX-Custom: late\r\n\r\n");
	raw_hold(s, fd);
}

Test(httpc, a_body_without_length)
{
	struct got g;

	get(&g, say_until_close);
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.length, P2V_LENGTH_UNKNOWN);
	cr_assert_str_eq(g.body, "hello");
	get(&g, say_chunks);
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.length, P2V_LENGTH_UNKNOWN);
	cr_assert_str_eq(g.body, "hello");
	cr_assert_str_eq(g.custom, "(absent)", "a trailer is no header");
}

static void say_slowly(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		raw_nap(50);
		raw_say(fd, "x");
	}
}

Test(httpc, a_slow_body_is_not_idle)
{
	struct got g;
	p2v_usec start = raw_clock();

	/* 20 pieces, each long before the time-out, all of them long after it. */
	get_with(&g, say_slowly, (struct p2v_fetch_request){ .idle_timeout = 900 * P2V_MSEC });
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert_eq(g.n, 20);
	cr_assert_geq(raw_clock() - start, 900 * P2V_MSEC);
}

static void say_head_and_hold(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
	raw_hold(s, fd);
}

static bool has_head(void *ctx)
{
	return ((struct got *)ctx)->heads > 0;
}

Test(httpc, the_head_does_not_wait_for_the_body)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_head_and_hold);
	struct got g;
	char url[128];

	raw_open(&r);
	got_init(&g, &r);
	url_of(url, sizeof url, s, "/");
	begin(&g, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, has_head, &g));
	cr_assert_eq(g.dones, 0);
	r.world.ops->fetch_cancel(r.world.self, g.f);
	raw_idle(&r, 10 * P2V_MSEC);
	cr_assert_eq(g.dones, 0);
	raw_close(&r);
	raw_stop(s);
}

/* ---- content codings ---- */

/* "hello, world of compressed bytes", gzip */
static const char zipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51"
			     "\x28\xcf\x2f\xca\x49\x51\xc8\x4f\x53\x48\xce\xcf\x2d\x28\x4a\x2d\x2e"
			     "\x4e\x4d\x51\x48\xaa\x2c\x49\x2d\x06\x00\xb6\xc9\x90\x60\x20\x00\x00"
			     "\x00";

static void say_zipped(struct raw_server *s, int fd, unsigned nth)
{
	char rq[4096], head[256];

	(void)nth;
	if (!raw_request(s, fd, rq, sizeof rq))
		return;
	(void)snprintf(head, sizeof head,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n"
		"X-Custom: %s\r\n\r\n",
		sizeof zipped - 1, strstr(rq, "Accept-Encoding:") ? "offered" : "not offered");
	raw_say(fd, head);
	(void)send(fd, zipped, sizeof zipped - 1, MSG_NOSIGNAL);
	raw_hold(s, fd);
}

Test(httpc, codings_are_undone_on_demand)
{
	const struct p2v_header offer = { { "Accept-Encoding", 15 }, { "gzip", 4 } };
	struct got g;

	get_with(&g, say_zipped, (struct p2v_fetch_request){ .decode = true });
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert_str_eq(g.body, "hello, world of compressed bytes");
	cr_assert_eq(g.length, P2V_LENGTH_UNKNOWN);
	cr_assert_str_eq(g.coding, "(absent)");
	cr_assert_str_eq(g.custom, "offered");
	get(&g, say_zipped);
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.length, sizeof zipped - 1);
	cr_assert_eq(g.n, sizeof zipped - 1);
	cr_assert_eq(memcmp(g.body, zipped, g.n), 0);
	cr_assert_str_eq(g.coding, "gzip");
	cr_assert_str_eq(g.custom, "not offered");
	get_with(&g, say_zipped, (struct p2v_fetch_request){ .headers = &offer, .n_headers = 1 });
	cr_assert_eq(g.n, sizeof zipped - 1);
	cr_assert_str_eq(g.custom, "offered");
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

Test(httpc, a_request_says_what_it_was_told_to)
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
	begin(&g, &(struct p2v_fetch_request){ .url = url,
			  .ranged = true,
			  .first = 5,
			  .last = 99,
			  .headers = headers,
			  .n_headers = 3 });
	cr_assert(raw_until(&r, is_done, &g));
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert(starts(g.body, "GET /a/../b//c%20d?q=%41&x=/../y HTTP/1.1\r\n"), "%s", g.body);
	cr_assert_not_null(strstr(g.body, "\r\nX-One: 1, 2\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nX-Empty:\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nUser-Agent: player/1\r\n"));
	cr_assert_not_null(strstr(g.body, "\r\nRange: bytes=5-99\r\n"));
	cr_assert_null(strstr(g.body, "Accept-Encoding"));
	cr_assert_null(strstr(g.body, "peer2view"));
	raw_close(&r);
	raw_stop(s);
}

Test(httpc, a_header_cannot_smuggle_another)
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

		cr_assert_eq(r.world.ops->fetch(r.world.self, &rq, &handler, &g, &g.f, &err),
			P2V_EPARSE, "case %zu", i);
		cr_assert_neq(err.text[0], 0);
	}
	raw_close(&r);
}

Test(httpc, a_connection_is_used_again)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_back);
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (int i = 0; i < 10; i++) {
		struct got g;

		got_init(&g, &r);
		begin(&g, &(struct p2v_fetch_request){ .url = url, .head = i == 4 });
		cr_assert(raw_until(&r, is_done, &g));
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

Test(httpc, a_dead_connection_is_replaced)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_and_leave);
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (unsigned i = 0; i < 5; i++) {
		struct got g;

		got_init(&g, &r);
		begin(&g, &(struct p2v_fetch_request){ .url = url });
		cr_assert(raw_until(&r, is_done, &g));
		cr_assert_eq(g.code, P2V_OK, "%s", g.why);
		cr_assert_str_eq(g.body, "hello");
	}
	cr_assert_eq(raw_connections(s), 5);
	raw_close(&r);
	raw_stop(s);
}

Test(httpc, a_proxy_of_the_environment_is_used)
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
	begin(&g, &(struct p2v_fetch_request){ .url = "http://origin.invalid/live?x=1" });
	cr_assert(raw_until(&r, is_done, &g));
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

Test(httpc, redirects_lead_to_http_alone)
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
		begin(&g, &(struct p2v_fetch_request){ .url = url, .redirects = true });
		cr_assert(raw_until(&r, is_done, &g));
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

Test(httpc, connecting_has_a_limit)
{
	struct raw_rig r;
	struct got g;
	int listener, fill[8];
	char url[128];

	raw_open(&r);
	got_init(&g, &r);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", full_listener(&listener, fill));
	begin(&g, &(struct p2v_fetch_request){ .url = url, .connect_timeout = 300 * P2V_MSEC });
	cr_assert(raw_until(&r, is_done, &g));
	cr_assert_eq(g.code, P2V_ETIMEDOUT, "%s", g.why);
	cr_assert_eq(g.heads, 0);
	raw_close(&r);
	for (int i = 0; i < 8; i++)
		(void)close(fill[i]);
	(void)close(listener);
}

Test(httpc, slow_names_do_not_stop_the_loop)
{
	struct raw_rig r;
	struct got g, h;
	p2v_usec start;

	p2v_faults.lookup_naps = 60000;
	raw_open(&r);
	got_init(&g, &r);
	got_init(&h, &r);
	begin(&g, &(struct p2v_fetch_request){ .url = "http://slow.invalid:9/" });
	begin(&h, &(struct p2v_fetch_request){
			  .url = "http://slow.invalid:9/", .connect_timeout = 200 * P2V_MSEC });
	raw_idle(&r, 50 * P2V_MSEC);
	start = raw_clock();
	r.world.ops->fetch_cancel(r.world.self, g.f);
	cr_assert(raw_until(&r, is_done, &h));
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

Test(httpc, every_piece_may_be_paused)
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
	begin(&g, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, has_head, &g));
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

Test(httpc, a_paused_fetch_may_be_cancelled)
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
		begin(&g, &(struct p2v_fetch_request){ .url = url });
		cr_assert(raw_until(&r, has_body, &g));
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

Test(httpc, the_loop_may_go_with_fetches_in_every_state)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_much);
	struct got g[8];
	char url[128];

	raw_open(&r);
	url_of(url, sizeof url, s, "/");
	for (int i = 0; i < 8; i++) {
		got_init(&g[i], &r);
		begin(&g[i], &(struct p2v_fetch_request){ .url = url });
	}
	cr_assert(raw_until(&r, has_body, &g[0])); /* one is served, the others wait */
	r.world.ops->fetch_cancel(r.world.self, g[1].f);
	got_init(&g[1], &r);
	begin(&g[1], &(struct p2v_fetch_request){ .url = url }); /* not even begun */
	raw_close(&r);
	raw_stop(s);
}
