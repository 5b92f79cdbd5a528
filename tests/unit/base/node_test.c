/* node_test.c - a node's log and its limits, its seed, and the environment that plugins get. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <peer2view/cc.h>
#include "framework/base/policy.h"
#include "tests/unit/fake_world.h"

TestSuite(node, .timeout = 60);

Test(node, seeds)
{
	struct fake_world w;
	struct p2v_node n;
	struct p2v_world world;

	fake_world_node(&w, &n);
	cr_assert_eq(n.seed, 1);
	world = fake_world_of(&w);
	p2v_node_init(&n, &world, 0);
	cr_assert_eq(n.seed, UINT64_C(0x5a5a5a5a5a5a5a5a), "taken from the world's entropy");
	p2v_node_fini(&n);
}

Test(node, a_line)
{
	struct fake_world w;
	struct p2v_node n;

	fake_world_node(&w, &n);
	p2v_log(&n, P2V_LOG_WARN, "start", "port=%d name=%s", 80, "a\nb\x7f\x01");
	cr_assert_str_eq(w.line, "event=start port=80 name=a?b??", "one line, whatever is in it");
	cr_assert_eq(w.level, P2V_LOG_WARN);
	p2v_log(&n, P2V_LOG_INFO, "bare", "%s", "");
	cr_assert_str_eq(w.line, "event=bare ");
	p2v_log(&n, P2V_LOG_DEBUG, "quiet", "x=1");
	cr_assert_eq(w.lines, 2, "debug is below the level");
	n.log_level = P2V_LOG_DEBUG;
	p2v_log(&n, P2V_LOG_DEBUG, "loud", "x=1");
	cr_assert_eq(w.lines, 3);
	p2v_node_fini(&n);
}

Test(node, a_line_that_is_too_long_is_cut)
{
	struct fake_world w;
	struct p2v_node n;
	char text[2000];

	fake_world_node(&w, &n);
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	p2v_log(&n, P2V_LOG_INFO, "long", "%s", text);
	cr_assert_eq(strlen(w.line), 511);
	text[700] = 0;
	p2v_log(&n, P2V_LOG_INFO, text, "never=seen");
	cr_assert_eq(strlen(w.line), 511);
	p2v_node_fini(&n);
}

Test(node, ten_lines_of_one_event_in_ten_seconds)
{
	struct fake_world w;
	struct p2v_node n;

	fake_world_node(&w, &n);
	w.now = 5 * P2V_SECOND;
	for (int i = 0; i < 25; i++)
		p2v_log(&n, P2V_LOG_INFO, "flood", "i=%d", i);
	cr_assert_eq(w.lines, 10);
	cr_assert_str_eq(w.line, "event=flood i=9");
	p2v_log(&n, P2V_LOG_INFO, "other", "i=0");
	cr_assert_eq(w.lines, 11, "another event has its own ten");
	w.now += 10 * P2V_SECOND - 1;
	p2v_log(&n, P2V_LOG_INFO, "flood", "i=25");
	cr_assert_eq(w.lines, 11);
	w.now += 1;
	p2v_log(&n, P2V_LOG_INFO, "flood", "i=26");
	cr_assert_str_eq(w.line, "event=flood i=26 dropped=16");
	p2v_log(&n, P2V_LOG_INFO, "flood", "i=27");
	cr_assert_str_eq(w.line, "event=flood i=27", "told once");
	p2v_node_fini(&n);
}

Test(node, once_for_a_key_in_ten_minutes)
{
	struct fake_world w;
	struct p2v_node n;

	fake_world_node(&w, &n);
	for (int i = 0; i < 3; i++)
		p2v_log_once(&n, P2V_LOG_INFO, "refused", 77, "i=%d", i);
	cr_assert_eq(w.lines, 1);
	p2v_log_once(&n, P2V_LOG_INFO, "refused", 78, "i=0");
	cr_assert_eq(w.lines, 2);
	w.now = 600 * P2V_SECOND;
	p2v_log_once(&n, P2V_LOG_INFO, "refused", 77, "i=3");
	cr_assert_eq(w.lines, 3);
	cr_assert_str_eq(w.line, "event=refused i=3 dropped=2");
	p2v_node_fini(&n);
}

Test(node, some_dozen_keys_are_told_once_each)
{
	struct fake_world w;
	struct p2v_node n;

	fake_world_node(&w, &n);
	for (unsigned round = 0; round < 5; round++)
		for (unsigned i = 0; i < P2V_LOG_SLOTS; i++) {
			p2v_log_once(&n, P2V_LOG_WARN, "refused", i * i + 7, "peer=%u", i);
			w.now += P2V_SECOND;
		}
	cr_assert_eq(w.lines, P2V_LOG_SLOTS);
	p2v_log_once(&n, P2V_LOG_WARN, "refused", 5000, "peer=5000");
	cr_assert_eq(w.lines, P2V_LOG_SLOTS + 1, "in the place of the one that was silent longest");
	p2v_log_once(&n, P2V_LOG_WARN, "refused", 8, "peer=1");
	cr_assert_eq(w.lines, P2V_LOG_SLOTS + 1);
	p2v_node_fini(&n);
}

Test(node, many_keys_do_not_fill_the_log)
{
	struct fake_world w;
	struct p2v_node n;

	fake_world_node(&w, &n);
	w.now = P2V_SECOND;
	for (unsigned i = 0; i < 1000; i++)
		p2v_log_once(&n, P2V_LOG_WARN, "refused", i, "peer=%u", i);
	cr_assert_eq(w.lines, 10);
	w.now += 10 * P2V_SECOND;
	p2v_log_once(&n, P2V_LOG_WARN, "refused", 5000, "peer=5000");
	cr_assert_str_eq(w.line, "event=refused peer=5000 dropped=990");
	p2v_node_fini(&n);
}

/* ---- policies ---- */

static const struct p2v_plugin plugin = { .kind = P2V_KIND_CC, .name = "fake", .state_size = 24 };

static void count_up(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	++*(int *)t->owner;
}

Test(node, the_environment_of_a_plugin)
{
	struct fake_world w;
	struct p2v_node n;
	struct p2v_policy a, b;
	struct p2v_timer t = { .fire = count_up };
	int fired = 0;

	fake_world_node(&w, &n);
	p2v_policy_init(&a, &n, &plugin, NULL);
	p2v_policy_init(&b, &n, &plugin, NULL);
	w.now = 42;
	cr_assert_eq(p2v_env_now(&a.env), 42);
	cr_assert_eq(p2v_env_random(&a.env), p2v_env_random(&b.env), "by seed, kind and name");
	a.env.ops->log(a.env.host, P2V_LOG_INFO, "event_of=%s", "mine");
	cr_assert_str_eq(w.line, "event=plugin plugin=cc.fake event_of=mine");
	t.owner = &fired;
	a.env.ops->timer_arm(a.env.host, &t, 50);
	cr_assert_eq(p2v_timers_pop(&w.timers, 50), &t);
	a.env.ops->timer_arm(a.env.host, &t, 50);
	a.env.ops->timer_disarm(a.env.host, &t);
	cr_assert_null(p2v_timers_pop(&w.timers, 50));
	p2v_node_fini(&n);
}

Test(node, state_is_zeroed)
{
	static const char zero[24];
	static const struct p2v_plugin none = { .kind = P2V_KIND_CC, .name = "none" };
	struct fake_world w;
	struct p2v_node n;
	struct p2v_policy p;
	void *st;

	fake_world_node(&w, &n);
	p2v_policy_init(&p, &n, &plugin, NULL);
	st = p2v_policy_state(&p);
	cr_assert_arr_eq(st, zero, 24);
	free(st);
	p2v_policy_init(&p, &n, &none, NULL);
	st = p2v_policy_state(&p);
	cr_assert_not_null(st, "a plugin without state has one, too");
	free(st);
	p2v_node_fini(&n);
}

Test(node, kinds_by_name_and_number)
{
	const char *const *names = p2v_kind_names();
	size_t n = 0;
	uint32_t last = 0;

	for (; names[n]; n++) {
		uint32_t kind = p2v_kind_of(names[n]);

		cr_assert_gt(kind, last, "in order of their numbers");
		cr_assert_str_eq(p2v_kind_name(kind), names[n]);
		cr_assert_gt(p2v_kind_abi(kind), 0);
		last = kind;
	}
	cr_assert_eq(n, 6);
	cr_assert_eq(p2v_kind_of("nat"), 0);
	cr_assert_null(p2v_kind_name(4));
	cr_assert_eq(p2v_kind_abi(4), 0);
}
