/* httpd_body_test.c - the HTTP server with bodies that take their time: slices, back-pressure,
 * clients that leave, and the end of the server. */
#include <config.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/world/web.h"

TestSuite(httpd_body, .timeout = 120);

/* ---- large bodies ---- */

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + (i >> 10));
}

/* All of the buffer in slices, from where it lies. */
static void act_buffer(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	web_reply(w, x, 200, w->buf->size);
	for (size_t off = 0; off < w->buf->size; off += w->each) {
		size_t n = w->buf->size - off < w->each ? w->buf->size - off : w->each;

		/* A slice of its own bytes every other time, so that neighbours do not join. */
		w->rig.world.ops->http_write(w->rig.world.self, x,
			off / w->each % 2 ? p2v_slice_copy(w->buf->data + off, n)
					  : p2v_slice_of(w->buf, off, n));
	}
	web_end(w, x);
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
		cr_assert(raw_until(&w.rig, web_asked, &w));
		raw_idle(&w.rig, 10 * P2V_MSEC);
		read_body(&w, fd, size);
		cr_assert(raw_until(&w.rig, web_one_gone, &w));
	}
	cr_assert_eq(w.whole, 2);
	cr_assert_eq(w.buf->refs, 1, "all slices were let go");
	(void)close(fd);
	web_close(&w);
}

Test(httpd_body, a_whole_body_goes_out_in_its_slices)
{
	whole_body(700000, 16384);
}

Test(httpd_body, a_whole_body_of_one_slice)
{
	whole_body(700000, 700000);
}

Test(httpd_body, a_whole_body_of_more_slices_than_one_call_takes)
{
	whole_body(3000000, 1000);
}

Test(httpd_body, a_whole_body_of_many_megabytes)
{
	whole_body(30 << 20, 1 << 20);
}

Test(httpd_body, slices_are_held_while_they_are_sent)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, 30 << 20, 1 << 20);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_gt(w.buf->refs, 1);
	cr_assert_eq(w.gone, 0);
	raw_reset(fd); /* it leaves in the middle */
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
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
	cr_assert(raw_until(&w.rig, web_asked, &w));
	web_reply(&w, w.x[0], 200, length);
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
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	web_close(&w);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(b);
}

Test(httpd_body, room_ends_and_comes_back_with_a_length)
{
	back_pressure(UINT64_C(1) << 40);
}

Test(httpd_body, room_ends_and_comes_back_without_one)
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
	cr_assert(raw_until(&w.rig, web_asked, &w));
	if (replied) {
		web_reply(&w, w.x[0], 200, 1000);
		web_say(&w, w.x[0], "hello");
		(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	}
	raw_idle(&w.rig, 10 * P2V_MSEC); /* the exchange waits for us */
	if (reset)
		raw_reset(fd);
	else
		(void)close(fd);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 0);
	raw_idle(&w.rig, 10 * P2V_MSEC);
	cr_assert_eq(w.gone, 1);
	web_close(&w);
}

Test(httpd_body, a_client_that_leaves_is_noticed_while_it_waits)
{
	leaves(false, false);
	leaves(false, true);
	leaves(true, false);
	leaves(true, true);
}

Test(httpd_body, a_client_that_leaves_early_is_not_told_of)
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

Test(httpd_body, writes_after_the_client_left_are_dropped)
{
	struct web w;
	char buf[4096];
	int fd, how;

	web_open(&w, NULL);
	buffer_init(&w, 100000, 1);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	web_reply(&w, w.x[0], 200, P2V_LENGTH_UNKNOWN);
	web_say(&w, w.x[0], "hello");
	(void)raw_recv(&w.rig, fd, buf, sizeof buf, "hello", &how);
	raw_reset(fd);
	/* Nothing has told us yet. */
	for (int i = 0; i < 10 && w.x[0]; i++)
		w.rig.world.ops->http_write(
			w.rig.world.self, w.x[0], p2v_slice_of(w.buf, 0, w.buf->size));
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 0);
	cr_assert_eq(w.buf->refs, 1);
	web_close(&w);
}

/* An abort does not wait for a client that reads nothing. */
Test(httpd_body, an_abort_cuts_a_stalled_client)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, 30 << 20, 1 << 20);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	raw_idle(&w.rig, 20 * P2V_MSEC);
	cr_assert_not_null(w.x[0]);
	w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
	w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
	cr_assert_eq(w.gone, 0);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 0);
	cr_assert_eq(w.buf->refs, 1);
	(void)close(fd);
	web_close(&w);
}

/* A client that closes its sending half has said all it has to say. What is ready it gets; what is
 * not, nobody waits for. */
Test(httpd_body, half_closed_clients_get_what_is_ready)
{
	struct web w;
	int fd;

	web_open(&w, act_buffer);
	buffer_init(&w, 5 << 20, 1 << 20);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	raw_idle(&w.rig, 20 * P2V_MSEC);
	read_body(&w, fd, w.buf->size);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 1);
	(void)close(fd);
	w.act = NULL;
	w.gone = 0;
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 1);
	(void)close(fd);
	web_close(&w);
}

Test(httpd_body, after_an_abort_nothing_counts)
{
	struct web w;
	int fd;

	web_open(&w, NULL);
	buffer_init(&w, 1000, 100);
	fd = raw_connect(w.port);
	raw_send(&w.rig, fd, GET("/"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	w.rig.world.ops->http_abort(w.rig.world.self, w.x[0]);
	act_buffer(&w, w.x[0], NULL);
	cr_assert_eq(w.buf->refs, 1);
	cr_assert(raw_until(&w.rig, web_one_gone, &w));
	cr_assert_eq(w.whole, 0);
	(void)close(fd);
	web_close(&w);
}

/* ---- nothing spins ---- */

/* @return turns of the loop in 300 ms: a few, when nothing happens */
static unsigned turns(struct web *w)
{
	p2v_usec end_at = raw_clock() + 300 * P2V_MSEC;
	unsigned n = 0;

	for (; raw_clock() < end_at; n++)
		p2v_loop_turn(w->rig.loop, 300 * P2V_MSEC);
	return n;
}

Test(httpd_body, nothing_spins_while_it_waits)
{
	struct web w;
	char buf[4096];
	int fd[7], how;

	web_open(&w, NULL);
	buffer_init(&w, 30 << 20, 1 << 20);
	for (int i = 0; i < 7; i++)
		fd[i] = raw_connect(w.port);
	raw_send(&w.rig, fd[1], "GET / HT");
	raw_send(&w.rig, fd[2], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123");
	raw_send(&w.rig, fd[3], GET("/waits") GET("/behind it"));
	cr_assert(raw_until(&w.rig, web_asked, &w));
	raw_send(&w.rig, fd[4], GET("/streams"));
	cr_assert(raw_until(&w.rig, web_asked_2, &w));
	for (unsigned i = 0; i < 3; i++) {
		if (i == 0)
			web_reply(&w, w.x[1], 200, P2V_LENGTH_UNKNOWN);
		web_say(&w, w.x[1], "hello");
		(void)raw_recv(&w.rig, fd[4], buf, sizeof buf, "hello", &how);
	}
	w.act = act_buffer;
	raw_send(&w.rig, fd[5], GET("/stalls"));
	raw_idle(&w.rig, 50 * P2V_MSEC);
	w.act = web_hello;
	raw_send(&w.rig, fd[6], GET("/done"));
	(void)raw_recv(&w.rig, fd[6], buf, sizeof buf, "hello", &how);
	raw_idle(&w.rig, 50 * P2V_MSEC);
	cr_assert_lt(turns(&w), 30);
	cr_assert_eq(w.asked, 4);
	for (int i = 0; i < 7; i++)
		(void)close(fd[i]);
	raw_idle(&w.rig, 50 * P2V_MSEC);
	cr_assert_eq(w.gone, 4);
	cr_assert_lt(turns(&w), 30);
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
	web_reply(w, w->x[1], 200, P2V_LENGTH_UNKNOWN);
	web_say(w, w->x[1], "hello");
	act_buffer(w, w->x[2], NULL);
	web_reply(w, w->x[3], 200, 5);
	web_say(w, w->x[3], "hello"); /* sent, but not ended */
	raw_idle(&w->rig, 20 * P2V_MSEC);
	cr_assert_eq(w->gone, 0);
}

Test(httpd_body, a_server_may_close_with_exchanges_in_every_state)
{
	struct web w;
	char buf[256];
	int fd[5], how;

	states(&w, fd);
	w.rig.world.ops->http_close(w.rig.world.self, w.server);
	cr_assert_eq(w.gone, 0, "not inside http_close");
	web_say(&w, w.x[1], "too late"); /* the exchanges live until they are gone */
	web_end(&w, w.x[3]);
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

Test(httpd_body, the_loop_may_go_with_exchanges_in_every_state)
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

Test(httpd_body, the_loop_may_go_while_a_server_closes)
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
