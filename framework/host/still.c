/* still.c - a world in which nothing happens. */
#include <config.h>

#include "framework/host/still.h"

#include <string.h>
#include <sys/random.h>

static p2v_usec still_now(void *self)
{
	(void)self;
	return 0;
}

static int64_t still_wall(void *self)
{
	(void)self;
	return 0;
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

static const struct p2v_world_ops ops = { .now = still_now,
	.wall = still_wall,
	.entropy = still_entropy,
	.timer_arm = still_arm,
	.timer_disarm = still_disarm,
	.log = still_log };

struct p2v_world p2v_still_world(void)
{
	return (struct p2v_world){ &ops, NULL };
}
