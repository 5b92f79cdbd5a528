/* raw.c - see raw.h. */
#include <config.h>

#include "tests/unit/world/raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct raw_server {
	int listener;
	uint16_t port;
	raw_script script;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned requests, connections;
	int stop[2]; /* a pipe: readable when the server is to end */
};

/* ---- the loop ---- */

p2v_usec raw_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (p2v_usec)ts.tv_sec * P2V_SECOND + ts.tv_nsec / 1000;
}

void raw_open(struct raw_rig *r)
{
	struct p2v_err err = { P2V_OK, "" };

	(void)unsetenv("http_proxy");
	(void)unsetenv("https_proxy");
	(void)unsetenv("all_proxy");
	(void)unsetenv("HTTPS_PROXY");
	(void)unsetenv("ALL_PROXY");
	cr_assert_eq(p2v_loop_new(&r->loop, &err), P2V_OK, "%s", err.text);
	r->world = p2v_loop_world(r->loop);
}

void raw_close(struct raw_rig *r)
{
	p2v_loop_free(r->loop);
	r->loop = NULL;
}

bool raw_until(struct raw_rig *r, bool (*cond)(void *ctx), void *ctx)
{
	p2v_usec end = raw_clock() + 30 * P2V_SECOND;

	while (!cond(ctx)) {
		if (raw_clock() > end)
			return false;
		p2v_loop_turn(r->loop, 10 * P2V_MSEC);
	}
	return true;
}

void raw_idle(struct raw_rig *r, p2v_usec time)
{
	p2v_usec end = raw_clock() + time;

	while (raw_clock() < end)
		p2v_loop_turn(r->loop, P2V_MSEC);
}

/* ---- clients ---- */

static struct sockaddr_in local(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return in;
}

int raw_connect(uint16_t port)
{
	struct sockaddr_in in = local(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof in) < 0)
		cr_assert_eq(errno, EINPROGRESS);
	return fd;
}

void raw_send(struct raw_rig *r, int fd, const char *text)
{
	size_t n = strlen(text);
	p2v_usec end = raw_clock() + 30 * P2V_SECOND;

	while (n > 0) {
		ssize_t k = send(fd, text, n, MSG_NOSIGNAL);

		if (k > 0) {
			text += k;
			n -= (size_t)k;
			continue;
		}
		if (errno != EAGAIN && errno != ENOTCONN)
			return; /* the other end has had enough */
		cr_assert_lt(raw_clock(), end);
		p2v_loop_turn(r->loop, P2V_MSEC);
	}
}

size_t raw_recv(struct raw_rig *r, int fd, char *buf, size_t size, const char *end, int *how)
{
	p2v_usec late = raw_clock() + 30 * P2V_SECOND;
	size_t n = 0;

	*how = 0;
	buf[0] = 0;
	while (n + 1 < size && !(end && strstr(buf, end))) {
		ssize_t k = recv(fd, buf + n, end ? 1 : size - n - 1, 0);

		if (k == 0) {
			*how = 1;
			break;
		}
		if (k < 0 && errno != EAGAIN) {
			*how = errno;
			break;
		}
		if (k < 0) {
			cr_assert_lt(raw_clock(), late, "waited in vain after '%s'", buf);
			p2v_loop_turn(r->loop, P2V_MSEC);
			continue;
		}
		n += (size_t)k;
		buf[n] = 0;
	}
	return n;
}

void raw_reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	(void)close(fd);
}

/* ---- servers ---- */

static bool told_to_stop(struct raw_server *s, int fd, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = s->stop[0], .events = POLLIN },
		{ .fd = fd, .events = POLLIN } };

	(void)poll(p, 2, timeout_ms);
	return p[0].revents != 0;
}

static void *server_main(void *arg)
{
	struct raw_server *s = arg;

	for (unsigned nth = 0; !told_to_stop(s, s->listener, -1); nth++) {
		int fd = accept(s->listener, NULL, NULL);

		if (fd < 0)
			continue;
		(void)pthread_mutex_lock(&s->lock);
		s->connections++;
		(void)pthread_mutex_unlock(&s->lock);
		s->script(s, fd, nth);
		(void)close(fd);
	}
	return NULL;
}

struct raw_server *raw_serve(raw_script script)
{
	struct raw_server *s = calloc(1, sizeof *s);
	struct sockaddr_in in = local(0);
	socklen_t n = sizeof in;

	cr_assert_not_null(s);
	s->script = script;
	cr_assert_eq(pthread_mutex_init(&s->lock, NULL), 0);
	cr_assert_eq(pipe(s->stop), 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->listener, (struct sockaddr *)&in, sizeof in), 0);
	cr_assert_eq(listen(s->listener, 64), 0);
	cr_assert_eq(getsockname(s->listener, (struct sockaddr *)&in, &n), 0);
	s->port = ntohs(in.sin_port);
	cr_assert_eq(pthread_create(&s->thread, NULL, server_main, s), 0);
	return s;
}

uint16_t raw_port(const struct raw_server *s)
{
	return s->port;
}

unsigned raw_requests(struct raw_server *s)
{
	unsigned n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->requests;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned raw_connections(struct raw_server *s)
{
	unsigned n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->connections;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void raw_stop(struct raw_server *s)
{
	cr_assert_eq(write(s->stop[1], "x", 1), 1);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->listener);
	(void)close(s->stop[0]);
	(void)close(s->stop[1]);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

bool raw_request(struct raw_server *s, int fd, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	while (n + 1 < size && !strstr(buf, "\r\n\r\n")) {
		ssize_t k;

		if (told_to_stop(s, fd, 30000))
			return false;
		k = recv(fd, buf + n, 1, 0);
		if (k <= 0)
			return false;
		buf[++n] = 0;
	}
	(void)pthread_mutex_lock(&s->lock);
	s->requests++;
	(void)pthread_mutex_unlock(&s->lock);
	return true;
}

void raw_say(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t k = send(fd, text, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		text += k;
		n -= (size_t)k;
	}
}

void raw_hold(struct raw_server *s, int fd)
{
	char byte;

	while (!told_to_stop(s, fd, 30000))
		if (recv(fd, &byte, 1, 0) <= 0)
			return;
}

void raw_nap(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}
