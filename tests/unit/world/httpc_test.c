/* httpc_test.c - the HTTP client against servers that are scripted byte by byte: heads, bodies and
 * content codings. Requests, redirects and changes of mind are in httpc_request_test.c. */
#include <config.h>

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/world/visit.h"

TestSuite(httpc, .timeout = 120);

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

	got_get(&g, say_interim, (struct p2v_fetch_request){ .head = false });
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

	got_get(&g, say_odd_headers, (struct p2v_fetch_request){ .head = false });
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

	got_get(&g, say_too_much, (struct p2v_fetch_request){ .head = false });
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

		got_get(&g, scripts[i], (struct p2v_fetch_request){ .head = false });
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

		got_get(&g, scripts[i], (struct p2v_fetch_request){ .head = false });
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

	got_get(&g, say_until_close, (struct p2v_fetch_request){ .head = false });
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.length, P2V_LENGTH_UNKNOWN);
	cr_assert_str_eq(g.body, "hello");
	got_get(&g, say_chunks, (struct p2v_fetch_request){ .head = false });
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
	got_get(&g, say_slowly, (struct p2v_fetch_request){ .idle_timeout = 900 * P2V_MSEC });
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

Test(httpc, the_head_does_not_wait_for_the_body)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(say_head_and_hold);
	struct got g;
	char url[128];

	raw_open(&r);
	got_init(&g, &r);
	url_of(url, sizeof url, s, "/");
	got_begin(&g, &(struct p2v_fetch_request){ .url = url });
	cr_assert(raw_until(&r, got_head, &g));
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

	got_get(&g, say_zipped, (struct p2v_fetch_request){ .decode = true });
	cr_assert_eq(g.code, P2V_OK, "%s", g.why);
	cr_assert_str_eq(g.body, "hello, world of compressed bytes");
	cr_assert_eq(g.length, P2V_LENGTH_UNKNOWN);
	cr_assert_str_eq(g.coding, "(absent)");
	cr_assert_str_eq(g.custom, "offered");
	got_get(&g, say_zipped, (struct p2v_fetch_request){ .head = false });
	cr_assert_eq(g.code, P2V_OK);
	cr_assert_eq(g.length, sizeof zipped - 1);
	cr_assert_eq(g.n, sizeof zipped - 1);
	cr_assert_eq(memcmp(g.body, zipped, g.n), 0);
	cr_assert_str_eq(g.coding, "gzip");
	cr_assert_str_eq(g.custom, "not offered");
	got_get(&g, say_zipped, (struct p2v_fetch_request){ .headers = &offer, .n_headers = 1 });
	cr_assert_eq(g.n, sizeof zipped - 1);
	cr_assert_str_eq(g.custom, "offered");
}
