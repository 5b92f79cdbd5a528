/* node.c - a node's shared things; above all its log with its limits. */
#include "framework/base/node.h"

#include <string.h>

enum { SLOT_NEIGHBOURS = 8 };

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

static uint64_t text_key(const char *s)
{
	uint64_t h = 0;

	for (; *s; s++)
		h = p2v_mix64(h ^ (uint64_t)(unsigned char)*s);
	return h;
}

/* Where a key has its slot, or is to have it: one of a few neighbours, so that two keys which fall
 * on the same do not push each other out for ever. When all are taken, the oldest goes. */
static struct p2v_log_slot *slot_of(
	struct p2v_log_slot table[P2V_LOG_SLOTS], uint64_t key, p2v_usec now, p2v_usec window)
{
	struct p2v_log_slot *best = NULL;
	bool best_free = false;

	for (uint64_t i = 0; i < SLOT_NEIGHBOURS; i++) {
		struct p2v_log_slot *s = &table[(p2v_mix64(key) + i) % P2V_LOG_SLOTS];
		bool vacant = s->count == 0 || now - s->window >= window;

		if (s->count && s->key == key)
			return s;
		if (!best || (vacant && !best_free) ||
			(vacant == best_free && s->window < best->window)) {
			best = s;
			best_free = vacant;
		}
	}
	return best;
}

/* A small table, in which an event may take over another's slot, which at worst lets a line too
 * many pass. Keys have a table of their own, as there is no end of them. */
static bool allowed(struct p2v_node *n, struct p2v_log_slot table[P2V_LOG_SLOTS], uint64_t key,
	uint32_t most, p2v_usec window, uint32_t *dropped)
{
	p2v_usec now = p2v_now(&n->world);
	struct p2v_log_slot *s = slot_of(table, key, now, window);

	*dropped = 0;
	if (s->key != key || s->count == 0 || now - s->window >= window) {
		*dropped = s->key == key ? s->dropped : 0;
		*s = (struct p2v_log_slot){ key, now, 0, 0 };
	}
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
		!allowed(n, n->log_events, text_key(event), 10, 10 * P2V_SECOND, &dropped))
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
		!allowed(n, n->log_keys, text_key(event) ^ p2v_mix64(key), 1, 600 * P2V_SECOND,
			&dropped) ||
		!allowed(n, n->log_events, text_key(event), 10, 10 * P2V_SECOND, &others))
		return;
	va_start(ap, fmt);
	emit(n, level, event, dropped + others, fmt, ap);
	va_end(ap);
}
