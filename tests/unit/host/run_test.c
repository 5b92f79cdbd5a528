/* run_test.c - the life of a node, with a role of the test's own on the real loop. */
#include <config.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framework/host/role.h"
#include "framework/host/sections.h"
#include "framework/world/loop.h"

/* What the role did, and what it is to do; each test is its own process. */
static struct {
	struct p2v_world world;
	struct p2v_timer timer;
	const struct p2v_config *config;
	bool refuse, stubborn, reloads;
	unsigned started, reloaded, drained, freed;
	void (*done)(void *ctx);
	void *done_ctx;
} role;

static char *file;

static void write_ini(const char *more)
{
	FILE *f = fopen(file, "w");

	cr_assert_not_null(f);
	cr_assert_gt(fprintf(f,
			     "[plugins]\nselect = fixture\ncc = fixture\ncache = fixture\n"
			     "player = fixture\nmanifest = fixture\n%s",
			     more),
		0);
	cr_assert_eq(fclose(f), 0);
}

static void later(void (*fire)(struct p2v_timer *t, p2v_usec now))
{
	role.timer = (struct p2v_timer){ .fire = fire };
	p2v_arm(&role.world, &role.timer, p2v_now(&role.world) + P2V_MSEC);
}

static void stop(struct p2v_timer *t, p2v_usec now)
{
	(void)t;
	(void)now;
	cr_assert_eq(raise(SIGTERM), 0);
}

static void change(struct p2v_timer *t, p2v_usec now)
{
	(void)t;
	(void)now;
	write_ini("[peer2view]\nlog_level = debug\n");
	cr_assert_eq(raise(SIGHUP), 0);
}

static void finish(struct p2v_timer *t, p2v_usec now)
{
	(void)t;
	(void)now;
	role.drained++;
	role.done(role.done_ctx);
}

static int role_start(const struct p2v_config *config, const struct p2v_world *world, void **handle,
	struct p2v_err *err)
{
	role.started++;
	role.world = *world;
	role.config = config;
	*handle = &role;
	if (role.refuse)
		return p2v_fail(err, P2V_EIO, "not today");
	later(role.reloads ? change : stop);
	return P2V_OK;
}

static void role_reload(void *handle)
{
	const struct p2v_main_conf *conf = p2v_config_get(role.config, P2V_SECTION_MAIN);

	cr_assert_eq(handle, &role);
	cr_expect_eq(conf->log_level, P2V_LOG_DEBUG);
	role.reloaded++;
	later(stop);
}

static void role_drain(void *handle, void (*done)(void *ctx), void *ctx)
{
	cr_assert_eq(handle, &role);
	role.done = done;
	role.done_ctx = ctx;
	later(role.stubborn ? stop : finish);
}

static void role_free(void *handle)
{
	cr_assert_eq(handle, &role);
	p2v_disarm(&role.world, &role.timer);
	role.freed++;
}

static const struct p2v_role agent = { "agent", NULL, role_start, role_reload, role_drain,
	role_free };
static const struct p2v_role other = { "other", NULL, role_start, NULL, role_drain, role_free };
static const struct p2v_role *const roles[] = { &other, &agent, NULL };

static void set_up(void)
{
	const char *build = getenv("P2V_BUILDDIR");
	char *path = NULL;
	int fd;

	cr_assert_not_null(build, "P2V_BUILDDIR is not set: run it by make check");
	cr_assert(asprintf(&path, "%s/tests/abi/plugins/.libs", build) > 0);
	cr_assert_eq(setenv("P2V_PLUGIN_PATH", path, 1), 0);
	free(path);
	file = strdup("/tmp/p2v_run_XXXXXX");
	fd = mkstemp(file);
	cr_assert_geq(fd, 0);
	(void)close(fd);
	write_ini("");
}

static void tear_down(void)
{
	(void)unlink(file);
	free(file);
}

TestSuite(run, .timeout = 60, .init = set_up, .fini = tear_down);

Test(run, it_drains_and_ends)
{
	struct p2v_err err = { 0 };

	cr_expect_eq(p2v_run(roles, file, &err), P2V_OK, "%s", err.text);
	cr_expect_eq(role.started, 1);
	cr_expect_eq(role.drained, 1);
	cr_expect_eq(role.freed, 1);
	cr_expect_eq(role.reloaded, 0);
}

Test(run, a_second_signal_ends_it_at_once)
{
	struct p2v_err err = { 0 };

	role.stubborn = true;
	cr_expect_eq(p2v_run(roles, file, &err), P2V_ECANCELED);
	cr_expect_eq(err.code, P2V_ECANCELED);
	cr_expect_eq(role.drained, 0);
	cr_expect_eq(role.freed, 1);
}

Test(run, a_reload_reaches_the_role)
{
	struct p2v_err err = { 0 };

	role.reloads = true;
	cr_expect_eq(p2v_run(roles, file, &err), P2V_OK, "%s", err.text);
	cr_expect_eq(role.reloaded, 1);
	cr_expect_eq(role.freed, 1);
}

Test(run, a_role_that_does_not_start)
{
	struct p2v_err err = { 0 };

	role.refuse = true;
	cr_expect_eq(p2v_run(roles, file, &err), P2V_EIO);
	cr_expect_str_eq(err.text, "not today");
	cr_expect_eq(role.freed, 0);
}

Test(run, a_role_that_is_not_there)
{
	static const struct p2v_role *const none[] = { &other, NULL };
	struct p2v_err err = { 0 };

	cr_expect_eq(p2v_run(none, file, &err), P2V_ENOENT);
	cr_expect_not_null(strstr(err.text, "no role agent"), "%s", err.text);
	cr_expect_eq(role.started, 0);
}

Test(run, a_file_that_is_wrong)
{
	struct p2v_err err = { 0 };

	write_ini("[nothing]\n");
	cr_expect_eq(p2v_run(roles, file, &err), P2V_ECONF);
	cr_expect_eq(role.started, 0);
}
