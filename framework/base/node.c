/* node.c - a node's shared things; above all its log with its limits. */
#include "framework/base/node.h"

#include <stdlib.h>
#include <string.h>

void p2v_node_init(struct p2v_node *n, const struct p2v_world *world, uint64_t seed)
{
	memset(n, 0, sizeof *n);
	n->world = *world;
	n->log_level = P2V_LOG_INFO;
	while (seed == 0)
		world->ops->entropy(world->self, &seed, sizeof seed);
	n->seed = seed;
	p2v_random_init(&n->random, seed, "core");
}

void p2v_node_fini(struct p2v_node *n)
{
	free(n->log_events.v);
	free(n->log_keys.v);
	n->log_events = n->log_keys = (struct p2v_log_book){ NULL, 0 };
}

static uint64_t text_key(const char *s)
{
	uint64_t h = 0;

	for (; *s; s++)
		h = p2v_mix64(h ^ (uint64_t)(unsigned char)*s);
	return h;
}

/* One that is free; NULL: there is none, and there is no memory or there are enough. */
static struct p2v_log_slot *more_slots(struct p2v_log_book *b)
{
	uint32_t n = b->n ? 2 * b->n : 4;
	struct p2v_log_slot *v;

	if (b->n >= P2V_LOG_SLOTS)
		return NULL;
	v = realloc(b->v, n * sizeof *v);
	if (!v)
		return NULL;
	memset(v + b->n, 0, (n - b->n) * sizeof *v);
	b->v = v;
	b->n = n;
	return &v[n - 1];
}

/* The slot of a key; where it has none, the one that was not looked at for the longest time. NULL:
 * no memory. */
static struct p2v_log_slot *slot_of(struct p2v_log_book *b, uint64_t key)
{
	struct p2v_log_slot *oldest = b->v, *fresh;

	for (size_t i = 0; i < b->n; i++) {
		struct p2v_log_slot *s = &b->v[i];

		if (s->count > 0 && s->key == key)
			return s;
		if (s->count == 0 || (oldest->count > 0 && s->seen < oldest->seen))
			oldest = s;
	}
	if (oldest && oldest->count == 0)
		return oldest;
	fresh = more_slots(b);
	return fresh ? fresh : oldest;
}

/* A small table: when more keys come by than it has slots, a line too many may pass. What strangers
 * choose has a table of its own, as there is no end of it. */
static bool allowed(struct p2v_node *n, struct p2v_log_book *book, uint64_t key, uint32_t most,
	p2v_usec window, uint32_t *dropped)
{
	struct p2v_log_slot *s = slot_of(book, key);
	p2v_usec now = p2v_now(&n->world);

	*dropped = 0;
	if (!s)
		return true;
	if (s->key != key || s->count == 0 || now - s->window >= window) {
		*dropped = s->key == key ? s->dropped : 0;
		*s = (struct p2v_log_slot){ .key = key, .window = now };
	}
	s->seen = now;
	if (s->count >= most) {
		s->dropped++;
		return false;
	}
	s->count++;
	return true;
}

static void emit(struct p2v_node *n, enum p2v_log_level level, const char *event, uint32_t dropped,
	const char *fmt, va_list ap)
{
	char line[512];
	int k = snprintf(line, sizeof line, "event=%s%s", event, *fmt ? " " : "");

	if (k > 0 && (size_t)k < sizeof line)
		(void)vsnprintf(line + k, sizeof line - (size_t)k, fmt, ap);
	if (dropped) {
		size_t used = strlen(line);

		(void)snprintf(line + used, sizeof line - used, " dropped=%u", dropped);
	}
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	n->world.ops->log(n->world.self, level, line);
}

void p2v_log(struct p2v_node *n, enum p2v_log_level level, const char *event, const char *fmt, ...)
{
	uint32_t dropped;
	va_list ap;

	if (level > n->log_level ||
		!allowed(n, &n->log_events, text_key(event), 10, 10 * P2V_SECOND, &dropped))
		return;
	va_start(ap, fmt);
	emit(n, level, event, dropped, fmt, ap);
	va_end(ap);
}

void p2v_log_once(struct p2v_node *n, enum p2v_log_level level, const char *event, uint64_t key,
	const char *fmt, ...)
{
	uint32_t dropped, others;
	va_list ap;

	/* Whoever chooses the key, as a stranger chooses its own, must not fill the log either. */
	if (level > n->log_level ||
		!allowed(n, &n->log_keys, text_key(event) ^ p2v_mix64(key), 1, 600 * P2V_SECOND,
			&dropped) ||
		!allowed(n, &n->log_events, text_key(event), 10, 10 * P2V_SECOND, &others))
		return;
	va_start(ap, fmt);
	emit(n, level, event, dropped + others, fmt, ap);
	va_end(ap);
}
