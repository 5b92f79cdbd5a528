/* memory.c - registry/memory: swarms in this process's memory, for one tracker that stands alone.
 * Answers come at once. Source: own; sampling is a partial Fisher-Yates shuffle (Knuth, TAOCP 2,
 * algorithm P). */
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <peer2view/plugin.h>
#include <peer2view/registry.h>

struct conf {
	uint32_t max_members;
	uint32_t max_swarms;
	p2v_usec sweep;
};

struct entry {
	uint8_t peer[32];
	p2v_usec expires;
	size_t place; /* in its swarm's array */
	uint8_t *value;
	size_t n;
	UT_hash_handle hh;
};

struct swarm {
	uint8_t id[32];
	struct entry *by_peer;
	struct entry **all; /* shape (n) of cap, any order */
	size_t n, cap;
	UT_hash_handle hh;
};

struct state {
	const struct p2v_env *env;
	const struct conf *conf;
	struct swarm *swarms;
	size_t members;
	struct p2v_timer timer;
};

static void entry_free(struct state *st, struct swarm *s, struct entry *e)
{
	s->all[e->place] = s->all[--s->n];
	s->all[e->place]->place = e->place;
	HASH_DEL(s->by_peer, e);
	st->members--;
	free(e->value);
	free(e);
}

static void swarm_free(struct state *st, struct swarm *s)
{
	while (s->n)
		entry_free(st, s, s->all[s->n - 1]);
	HASH_DEL(st->swarms, s);
	free(s->all);
	free(s);
}

static struct swarm *swarm_find(struct state *st, const uint8_t id[32])
{
	struct swarm *s;

	HASH_FIND(hh, st->swarms, id, 32, s);
	return s;
}

static void sweep(struct p2v_timer *t, p2v_usec now)
{
	struct state *st = t->owner;
	struct swarm *s, *next;

	HASH_ITER (hh, st->swarms, s, next) {
		for (size_t i = s->n; i-- > 0;)
			if (s->all[i]->expires <= now)
				entry_free(st, s, s->all[i]);
		if (s->n == 0)
			swarm_free(st, s);
	}
	st->env->ops->timer_arm(st->env->host, t, now + st->conf->sweep);
}

static int memory_open(void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)err;
	st->env = env;
	st->conf = conf;
	st->timer.fire = sweep;
	st->timer.owner = st;
	env->ops->timer_arm(env->host, &st->timer, p2v_env_now(env) + st->conf->sweep);
	return P2V_OK;
}

static void memory_close(void *vst)
{
	struct state *st = vst;

	st->env->ops->timer_disarm(st->env->host, &st->timer);
	while (st->swarms)
		swarm_free(st, st->swarms);
}

static int no_memory(struct p2v_err *err)
{
	return p2v_fail(err, P2V_ENOMEM, "no memory for a member");
}

static int swarm_add(
	struct state *st, const uint8_t id[32], struct swarm **out, struct p2v_err *err)
{
	struct swarm *s;

	if (HASH_COUNT(st->swarms) >= st->conf->max_swarms)
		return p2v_fail(err, P2V_ELIMIT, "no room for a further swarm (max_swarms is %u)",
			st->conf->max_swarms);
	s = calloc(1, sizeof *s);
	if (!s)
		return no_memory(err);
	memcpy(s->id, id, 32);
	HASH_ADD(hh, st->swarms, id, 32, s);
	if (!s->hh.tbl) {
		free(s);
		return no_memory(err);
	}
	*out = s;
	return P2V_OK;
}

static int entry_add(struct state *st, struct swarm *s, const uint8_t peer[32], struct entry **out,
	struct p2v_err *err)
{
	struct entry *e;

	if (st->members >= st->conf->max_members)
		return p2v_fail(err, P2V_ELIMIT, "no room for a further member (max_members is %u)",
			st->conf->max_members);
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct entry **all = realloc(s->all, cap * sizeof *all);

		if (!all)
			return no_memory(err);
		s->all = all;
		s->cap = cap;
	}
	e = calloc(1, sizeof *e);
	if (!e)
		return no_memory(err);
	memcpy(e->peer, peer, 32);
	HASH_ADD(hh, s->by_peer, peer, 32, e);
	if (!e->hh.tbl) {
		free(e);
		return no_memory(err);
	}
	e->place = s->n;
	s->all[s->n++] = e;
	st->members++;
	*out = e;
	return P2V_OK;
}

static int memory_put(void *vst, const struct p2v_registry_entry *in, struct p2v_err *err)
{
	struct state *st = vst;
	struct swarm *s = swarm_find(st, in->swarm);
	struct entry *e = NULL;
	uint8_t *value = malloc(in->value.n ? in->value.n : 1);
	int rc = value ? P2V_OK : no_memory(err);

	if (rc == P2V_OK && !s)
		rc = swarm_add(st, in->swarm, &s, err);
	if (rc == P2V_OK)
		HASH_FIND(hh, s->by_peer, in->peer, 32, e);
	if (rc == P2V_OK && !e)
		rc = entry_add(st, s, in->peer, &e, err);
	if (rc < 0) {
		if (s && s->n == 0)
			swarm_free(st, s); /* it would stand there empty until the next sweep */
		free(value);
		return rc;
	}
	if (in->value.n)
		memcpy(value, in->value.p, in->value.n);
	free(e->value);
	e->value = value;
	e->n = in->value.n;
	e->expires = in->expires;
	return P2V_OK;
}

static void memory_drop(void *vst, const uint8_t swarm[32], const uint8_t peer[32])
{
	struct state *st = vst;
	struct swarm *s = swarm_find(st, swarm);
	struct entry *e = NULL;

	if (s)
		HASH_FIND(hh, s->by_peer, peer, 32, e);
	if (!e)
		return;
	entry_free(st, s, e);
	if (s->n == 0)
		swarm_free(st, s);
}

static void memory_sample(void *vst, const uint8_t swarm[32], const uint8_t except[32],
	uint32_t want, const struct p2v_registry_reader *reader)
{
	struct state *st = vst;
	struct swarm *s = swarm_find(st, swarm);
	p2v_usec now = p2v_env_now(st->env);
	size_t i = 0;

	while (s && i < s->n && want > 0) {
		/* The modulo's bias is below 2^-40 for any swarm that fits in memory. */
		size_t k = i + (size_t)(st->env->ops->random(st->env->host) % (s->n - i));
		struct entry *e = s->all[k];
		struct p2v_registry_entry out = { .swarm = s->id,
			.peer = e->peer,
			.value = { e->value, e->n },
			.expires = e->expires };

		if (e->expires <= now) { /* the last one takes its place, so draw again */
			entry_free(st, s, e);
			continue;
		}
		s->all[k] = s->all[i];
		s->all[k]->place = k;
		s->all[i] = e;
		e->place = i++;
		if (memcmp(e->peer, except, 32) == 0)
			continue;
		reader->entry(reader->ctx, &out);
		want--;
	}
	reader->done(reader->ctx, P2V_OK);
}

/* With those that expired since the last sweep: counting them out would cost a walk for every join.
 */
static uint64_t memory_count(void *vst, const uint8_t swarm[32])
{
	struct swarm *s = swarm_find(vst, swarm);

	return s ? s->n : 0;
}

static const struct p2v_option options[] = { P2V_OPT_U32(struct conf, max_members, "1000000", 1,
						     100e6, "1", "members of all swarms together"),
	P2V_OPT_U32(struct conf, max_swarms, "10000", 1, 10e6, "1", "swarms"),
	P2V_OPT_USEC(struct conf, sweep, "30s", 1e6, 3600e6, "s",
		"how often members that expired are looked for"),
	P2V_OPT_END };

static const struct p2v_registry_ops ops = { .size = sizeof ops,
	.open = memory_open,
	.close = memory_close,
	.put = memory_put,
	.drop = memory_drop,
	.sample = memory_sample,
	.count = memory_count };

P2V_PLUGIN(p2v_registry_memory) = { P2V_HEADER(REGISTRY), .name = "memory", .version = "1.0",
	.summary = "swarms in the tracker's own memory", .source = "own", .license = "BSD-2-Clause",
	.conf_size = sizeof(struct conf), .state_size = sizeof(struct state), .options = options,
	.ops.registry = &ops };
