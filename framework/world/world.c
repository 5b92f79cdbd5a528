/* world.c - the table of operations of the real world, and those that need no library: clock,
 * entropy and the log. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "framework/world/inside.h"

static p2v_usec real_now(void *self)
{
	return p2v_loop_now(self);
}

static int64_t real_wall(void *self)
{
	struct timespec ts;

	(void)self;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * P2V_SECOND + ts.tv_nsec / 1000;
}

static void real_entropy(void *self, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)self;
	while (n > 0) {
		ssize_t r = getrandom(p, n, 0);

		if (r < 0 && errno != EINTR)
			abort(); /* no key is better than a weak one */
		if (r > 0) {
			p += r;
			n -= (size_t)r;
		}
	}
}

static void real_arm(void *self, struct p2v_timer *t, p2v_usec due)
{
	p2v_loop_arm(self, t, due);
}

static void real_disarm(void *self, struct p2v_timer *t)
{
	p2v_loop_disarm(self, t);
}

/* One line in one write, so that lines of several processes do not mix. A stderr that is closed or
 * full costs the line, nothing else. */
static void real_log(void *self, enum p2v_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	int64_t ms = real_wall(self) / P2V_MSEC;
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char head[64];
	struct iovec iov[3];
	ssize_t written;
	int n;

	memset(&tm, 0, sizeof tm);
	(void)gmtime_r(&s, &tm);
	n = snprintf(head, sizeof head, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(int)(ms % 1000), names[level]);
	iov[0] = (struct iovec){ head, (size_t)n };
	iov[1] = (struct iovec){ (void *)(uintptr_t)line, strlen(line) };
	iov[2] = (struct iovec){ (void *)(uintptr_t) "\n", 1 };
	written = writev(STDERR_FILENO, iov, 3);
	(void)written;
}

const struct p2v_world_ops p2v_real_ops = { .now = real_now,
	.wall = real_wall,
	.entropy = real_entropy,
	.timer_arm = real_arm,
	.timer_disarm = real_disarm,
	.log = real_log,
	.udp_open = p2v_real_udp_open,
	.udp_send = p2v_real_udp_send,
	.udp_segments = p2v_real_udp_segments,
	.udp_close = p2v_real_udp_close,
	.fetch = p2v_real_fetch,
	.fetch_pause = p2v_real_fetch_pause,
	.fetch_cancel = p2v_real_fetch_cancel,
	.http_listen = p2v_real_listen,
	.http_reply = p2v_real_reply,
	.http_write = p2v_real_write,
	.http_room = p2v_real_room,
	.http_end = p2v_real_end,
	.http_abort = p2v_real_abort,
	.http_close = p2v_real_close,
	.resolve = p2v_real_resolve,
	.resolve_cancel = p2v_real_resolve_cancel,
	.interfaces = p2v_real_interfaces };
