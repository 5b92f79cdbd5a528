/* registry_test.c - the laws of kind registry on every registry plugin that answers at once, and
 * what is registry/memory's own: its limits, its sweep, and memory that runs out. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/list.h"
#include "framework/base/options.h"
#include "framework/base/random.h"
#include "framework/base/timers.h"
#include "tests/contract/registry_laws.h"
#include "tests/unit/oom.h"

TestSuite(registry, .timeout = 120);
TestSuite(registry_memory, .timeout = 120);

extern const struct p2v_plugin p2v_registry_memory_LTX_p2v_plugin;

/* As plugins/registry/memory.c has it, by the order of its options. */
struct memory_conf {
	uint32_t max_members, max_swarms;
	p2v_usec sweep;
};

struct rig {
	struct registry_stage stage;
	struct p2v_env env;
	struct p2v_random random;
	struct p2v_timers timers;
	p2v_usec now;
	struct memory_conf conf;
};

static p2v_usec env_now(void *host)
{
	return ((struct rig *)host)->now;
}

static uint64_t env_random(void *host)
{
	return p2v_random_next(&((struct rig *)host)->random);
}

static void env_arm(void *host, struct p2v_timer *t, p2v_usec due)
{
	p2v_timers_arm(&((struct rig *)host)->timers, t, due);
}

static void env_disarm(void *host, struct p2v_timer *t)
{
	p2v_timers_disarm(&((struct rig *)host)->timers, t);
}

static P2V_PRINTF(3, 4) void env_log(void *host, enum p2v_log_level level, const char *fmt, ...)
{
	(void)host;
	(void)level;
	(void)fmt;
}

static const struct p2v_env_ops env_ops = { .size = sizeof env_ops,
	.now = env_now,
	.random = env_random,
	.timer_arm = env_arm,
	.timer_disarm = env_disarm,
	.log = env_log };

static p2v_usec stage_now(struct registry_stage *s)
{
	return P2V_OF(s, struct rig, stage)->now;
}

static void stage_pass(struct registry_stage *s, p2v_usec time)
{
	struct rig *r = P2V_OF(s, struct rig, stage);
	p2v_usec until = r->now + time;

	while (p2v_timers_next(&r->timers) <= until) {
		struct p2v_timer *t;

		r->now = p2v_timers_next(&r->timers);
		t = p2v_timers_pop(&r->timers, r->now);
		t->fire(t, r->now);
	}
	r->now = until;
}

static bool stage_answer(struct registry_stage *s)
{
	(void)s;
	return false; /* all is answered at once */
}

static void rig_init(struct rig *r, uint32_t members, uint32_t swarms)
{
	const struct p2v_plugin *p = &p2v_registry_memory_LTX_p2v_plugin;
	struct p2v_err err;

	memset(r, 0, sizeof *r);
	r->now = P2V_SECOND;
	r->env = (struct p2v_env){ &env_ops, r };
	p2v_random_init(&r->random, 1, p->name);
	cr_assert_eq(p->conf_size, sizeof r->conf);
	cr_assert_eq(p2v_options_default(p->options, p->option_size, &r->conf, &err), P2V_OK);
	if (members)
		r->conf.max_members = members;
	if (swarms)
		r->conf.max_swarms = swarms;
	r->stage = (struct registry_stage){ .ops = p->ops.registry,
		.st = calloc(1, p->state_size),
		.now = stage_now,
		.pass = stage_pass,
		.answer = stage_answer };
	cr_assert(r->stage.st);
	cr_assert_eq(r->stage.ops->open(r->stage.st, &r->env, &r->conf, &err), P2V_OK);
}

static void rig_fini(struct rig *r)
{
	r->stage.ops->close(r->stage.st);
	cr_assert_eq(r->timers.n, 0, "no timer outlives it");
	free(r->stage.st);
}

ParameterizedTestParameters(registry, memory)
{
	static size_t numbers[32];

	cr_assert_leq(registry_laws_n, 32);
	for (size_t i = 0; i < registry_laws_n; i++)
		numbers[i] = i;
	return cr_make_param_array(size_t, numbers, registry_laws_n);
}

ParameterizedTest(size_t *number, registry, memory)
{
	const struct registry_law *law = &registry_laws[*number];
	struct rig r;

	cr_log_info("%s", law->name);
	rig_init(&r, 0, 0);
	law->check(&r.stage);
	rig_fini(&r);
}

/* ---- registry/memory ---- */

static int put(struct rig *r, uint8_t swarm, uint8_t peer, p2v_usec lives, struct p2v_err *err)
{
	uint8_t sw[32] = { swarm }, p[32] = { peer };
	struct p2v_registry_entry e = {
		.swarm = sw, .peer = p, .value = { p, 32 }, .expires = r->now + lives
	};

	return r->stage.ops->put(r->stage.st, &e, err);
}

static uint64_t count(struct rig *r, uint8_t swarm)
{
	uint8_t sw[32] = { swarm };

	return r->stage.ops->count(r->stage.st, sw);
}

static void drop(struct rig *r, uint8_t swarm, uint8_t peer)
{
	uint8_t sw[32] = { swarm }, p[32] = { peer };

	r->stage.ops->drop(r->stage.st, sw, p);
}

Test(registry_memory, limits)
{
	struct rig r;
	struct p2v_err err;

	rig_init(&r, 5, 2);
	for (uint8_t i = 0; i < 5; i++)
		cr_assert_eq(put(&r, 1, i, 10 * P2V_SECOND, &err), P2V_OK);
	cr_assert_eq(put(&r, 1, 9, 10 * P2V_SECOND, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "no room for a further member (max_members is 5)");
	cr_assert_eq(put(&r, 1, 3, 20 * P2V_SECOND, &err), P2V_OK, "renewals always have room");
	for (uint8_t sw = 2; sw < 9; sw++)
		cr_assert_eq(put(&r, sw, 9, 10 * P2V_SECOND, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "no room for a further member (max_members is 5)",
		"what was refused left no swarm behind");
	drop(&r, 1, 0);
	drop(&r, 1, 1);
	cr_assert_eq(put(&r, 2, 9, 10 * P2V_SECOND, &err), P2V_OK);
	cr_assert_eq(put(&r, 3, 9, 10 * P2V_SECOND, &err), P2V_ELIMIT);
	cr_assert_str_eq(err.text, "no room for a further swarm (max_swarms is 2)");
	drop(&r, 2, 9);
	cr_assert_eq(put(&r, 3, 9, 10 * P2V_SECOND, &err), P2V_OK, "an empty swarm is none");
	rig_fini(&r);
}

Test(registry_memory, those_who_expired_make_room)
{
	struct rig r;
	struct p2v_err err;

	rig_init(&r, 5, 2);
	for (uint8_t i = 0; i < 5; i++)
		cr_assert_eq(put(&r, 1, i, (i + 1) * 10 * P2V_SECOND, &err), P2V_OK);
	stage_pass(&r.stage, 61 * P2V_SECOND); /* two sweeps */
	cr_assert_eq(count(&r, 1), 0);
	for (uint8_t i = 0; i < 5; i++)
		cr_assert_eq(put(&r, i & 1 ? 5 : 6, i, P2V_SECOND, &err), P2V_OK);
	rig_fini(&r);
}

/* Whatever allocation fails: an error with its sentence, and nothing has changed. */
Test(registry_memory, memory_runs_out)
{
	struct rig r;
	struct p2v_err err;
	long n = 0;

	rig_init(&r, 0, 0);
	for (uint8_t i = 0; i < 40; i++) {
		uint8_t swarm = 1 + i / 20;
		uint64_t before = count(&r, swarm);
		int rc;

		for (long k = 0;; k++) {
			oom_after(k);
			rc = put(&r, swarm, i, 100 * P2V_SECOND, &err);
			oom_after(-1);
			if (rc == P2V_OK)
				break;
			n++;
			cr_assert_eq(rc, P2V_ENOMEM, "%s", err.text);
			cr_assert_str_eq(err.text, "no memory for a member");
			cr_assert_eq(count(&r, swarm), before);
		}
		cr_assert_eq(count(&r, swarm), before + 1);
	}
	cr_assert_geq(n, 80);
	for (long k = 0; k < 2; k++) { /* a renewal that fails leaves the entry as it was */
		oom_after(0);
		cr_assert_eq(put(&r, 1, 3, 200 * P2V_SECOND, &err), P2V_ENOMEM);
		oom_after(-1);
		cr_assert_eq(count(&r, 1), 20);
	}
	rig_fini(&r);
}
