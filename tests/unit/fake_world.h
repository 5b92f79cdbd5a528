/* fake_world.h - the least world that a pure room can stand in: a clock that a test moves, timers,
 * and a log that is kept. It has no network. */
#ifndef P2V_TESTS_FAKE_WORLD_H
#define P2V_TESTS_FAKE_WORLD_H

#include <string.h>

#include "framework/base/node.h"
#include "framework/base/timers.h"

struct fake_world {
	p2v_usec now;
	struct p2v_timers timers;
	unsigned lines; /* logged so far */
	enum p2v_log_level level;
	char line[600]; /* the last one */
};

static inline p2v_usec fake_now(void *self)
{
	return ((struct fake_world *)self)->now;
}

static inline int64_t fake_wall(void *self)
{
	return ((struct fake_world *)self)->now;
}

static inline void fake_entropy(void *self, void *buf, size_t n)
{
	(void)self;
	memset(buf, 0x5a, n);
}

static inline void fake_arm(void *self, struct p2v_timer *t, p2v_usec due)
{
	p2v_timers_arm(&((struct fake_world *)self)->timers, t, due);
}

static inline void fake_disarm(void *self, struct p2v_timer *t)
{
	p2v_timers_disarm(&((struct fake_world *)self)->timers, t);
}

static inline void fake_log(void *self, enum p2v_log_level level, const char *line)
{
	struct fake_world *w = self;

	w->lines++;
	w->level = level;
	(void)snprintf(w->line, sizeof w->line, "%s", line);
}

static const struct p2v_world_ops fake_world_ops = { .now = fake_now,
	.wall = fake_wall,
	.entropy = fake_entropy,
	.timer_arm = fake_arm,
	.timer_disarm = fake_disarm,
	.log = fake_log };

static inline struct p2v_world fake_world_of(struct fake_world *w)
{
	return (struct p2v_world){ &fake_world_ops, w };
}

/* A node at time 0, with seed 1. */
static inline void fake_world_node(struct fake_world *w, struct p2v_node *n)
{
	struct p2v_world world = fake_world_of(w);

	memset(w, 0, sizeof *w);
	p2v_node_init(n, &world, 1);
}

#endif
