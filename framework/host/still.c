/* still.c - a world in which nothing happens. */
#include <config.h>

#include "framework/host/still.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static p2v_usec still_now(void *self)
{
	(void)self;
	return 0;
}

static int64_t still_wall(void *self)
{
	(void)self;
	return (int64_t)time(NULL) * P2V_SECOND;
}

/* Its numbers decide nothing here; where there are none, a constant does. */
static void still_entropy(void *self, void *buf, size_t n)
{
	(void)self;
	memset(buf, 0x5a, n);
	(void)!getrandom(buf, n, GRND_NONBLOCK);
}

static void still_arm(void *self, struct p2v_timer *t, p2v_usec due)
{
	(void)self;
	(void)t;
	(void)due;
}

static void still_disarm(void *self, struct p2v_timer *t)
{
	(void)self;
	(void)t;
}

static void still_log(void *self, enum p2v_log_level level, const char *line)
{
	(void)self;
	(void)level;
	(void)fprintf(stderr, "%s\n", line);
}

/* ---- a network that takes everything, and from which nothing comes ---- */

/* What is opened is one byte of heap, so that what is never closed is a leak here, too. */
static int open_nothing(void **out, struct p2v_err *err)
{
	*out = malloc(1);
	return *out ? P2V_OK : p2v_fail(err, P2V_ENOMEM, "no memory");
}

static int still_udp_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	void *p;
	int rc = open_nothing(&p, err);

	(void)self;
	(void)h;
	(void)ctx;
	*out = p;
	*bound = *bind;
	return rc;
}

static size_t still_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	(void)self;
	(void)u;
	(void)v;
	return n;
}

static size_t still_udp_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
	return 1;
}

static void still_udp_close(void *self, struct p2v_udp *u)
{
	(void)self;
	free(u);
}

static int still_fetch(void *self, const struct p2v_fetch_request *rq,
	const struct p2v_fetch_handler *h, void *ctx, struct p2v_fetch **out, struct p2v_err *err)
{
	void *p;
	int rc = open_nothing(&p, err);

	(void)self;
	(void)rq;
	(void)h;
	(void)ctx;
	*out = p;
	return rc;
}

static void still_fetch_cancel(void *self, struct p2v_fetch *f)
{
	(void)self;
	free(f);
}

static int still_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err)
{
	void *p;
	int rc = open_nothing(&p, err);

	(void)self;
	(void)h;
	(void)ctx;
	*out = p;
	*bound = *bind;
	return rc;
}

static void still_http_close(void *self, struct p2v_http_server *s)
{
	(void)self;
	free(s);
}

static int still_resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done,
	void *ctx, struct p2v_lookup **out, struct p2v_err *err)
{
	void *p;
	int rc = open_nothing(&p, err);

	(void)self;
	(void)host;
	(void)port;
	(void)done;
	(void)ctx;
	*out = p;
	return rc;
}

static void still_resolve_cancel(void *self, struct p2v_lookup *l)
{
	(void)self;
	free(l);
}

static size_t still_interfaces(void *self, struct p2v_addr *out, size_t max)
{
	(void)self;
	(void)out;
	(void)max;
	return 0;
}

static const struct p2v_world_ops ops = { .now = still_now,
	.wall = still_wall,
	.entropy = still_entropy,
	.timer_arm = still_arm,
	.timer_disarm = still_disarm,
	.log = still_log,
	.udp_open = still_udp_open,
	.udp_send = still_udp_send,
	.udp_segments = still_udp_segments,
	.udp_close = still_udp_close,
	.fetch = still_fetch,
	.fetch_cancel = still_fetch_cancel,
	.http_listen = still_listen,
	.http_close = still_http_close,
	.resolve = still_resolve,
	.resolve_cancel = still_resolve_cancel,
	.interfaces = still_interfaces };

struct p2v_world p2v_still_world(void)
{
	return (struct p2v_world){ &ops, NULL };
}
