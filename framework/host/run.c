/* run.c - the life of a node: configuration, plugins, loop, role, signals, end. What the node does
 * is the role's business. */
#include <config.h>

#include "framework/host/role.h"

#include <signal.h>
#include <string.h>

#include "framework/host/sections.h"
#include "framework/host/setup.h"
#include "framework/world/loop.h"

#define DRAIN_MAX (10 * P2V_SECOND)

struct run {
	struct p2v_setup setup;
	struct p2v_loop *loop;
	struct p2v_world world;
	const struct p2v_role *role;
	void *handle;
	struct p2v_timer patience; /* armed while it drains */
	bool draining;
	unsigned changed, waiting; /* options that a reload put into effect; that it did not */
	int code;
};

static P2V_PRINTF(3, 4) void say(struct run *r, enum p2v_log_level level, const char *fmt, ...)
{
	const struct p2v_main_conf *conf = p2v_config_get(r->setup.config, P2V_SECTION_MAIN);
	char line[512];
	va_list ap;

	if ((uint32_t)level > conf->log_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	r->world.ops->log(r->world.self, level, line);
}

/* ---- the end ---- */

static void drained(void *ctx)
{
	struct run *r = ctx;

	say(r, P2V_LOG_INFO, "event=drained");
	p2v_disarm(&r->world, &r->patience);
	p2v_loop_stop(r->loop);
}

static void out_of_patience(struct p2v_timer *t, p2v_usec now)
{
	struct run *r = t->owner;

	(void)now;
	say(r, P2V_LOG_WARN, "event=drain_timeout seconds=%d", (int)(DRAIN_MAX / P2V_SECOND));
	p2v_loop_stop(r->loop);
}

static void on_stop(void *ctx, int signo)
{
	struct run *r = ctx;

	if (r->draining) {
		say(r, P2V_LOG_WARN, "event=stopped signal=%d drained=no", signo);
		r->code = P2V_ECANCELED;
		p2v_loop_stop(r->loop);
		return;
	}
	r->draining = true;
	say(r, P2V_LOG_INFO, "event=draining signal=%d", signo);
	r->patience = (struct p2v_timer){ .fire = out_of_patience, .owner = r };
	p2v_arm(&r->world, &r->patience, p2v_now(&r->world) + DRAIN_MAX);
	r->role->drain(r->handle, drained, r);
}

/* ---- reload ---- */

static void tell_changed(void *ctx, const char *section, const char *option, bool live)
{
	struct run *r = ctx;

	r->changed += live;
	r->waiting += !live;
	say(r, live ? P2V_LOG_INFO : P2V_LOG_WARN,
		"event=option_changed section=\"%s\" option=%s effect=%s", section,
		option ? option : "-", live ? "now" : "after_restart");
}

static void on_reload(void *ctx, int signo)
{
	struct run *r = ctx;
	const struct p2v_reload_report report = { r, tell_changed };
	struct p2v_err err;

	(void)signo;
	if (r->draining)
		return;
	r->changed = r->waiting = 0;
	if (p2v_config_reload(r->setup.config, r->setup.loader, &report, &err) < 0) {
		say(r, P2V_LOG_ERROR, "event=reload_failed why=\"%s\"", err.text);
		return;
	}
	if (r->role->reload && r->changed)
		r->role->reload(r->handle);
	say(r, P2V_LOG_INFO, "event=reloaded changed=%u after_restart=%u", r->changed, r->waiting);
}

/* ---- the beginning ---- */

static int watch_signals(struct run *r, struct p2v_err *err)
{
	static const struct {
		int signo;
		void (*fn)(void *ctx, int signo);
	} watched[] = { { SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload } };

	for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
		if (p2v_loop_on_signal(r->loop, watched[i].signo, watched[i].fn, r) < 0)
			return p2v_fail(err, P2V_ENOMEM, "no memory for signals");
	return P2V_OK;
}

const struct p2v_role *p2v_role_of(
	const struct p2v_role *const *roles, const struct p2v_config *config, struct p2v_err *err)
{
	const char *name = p2v_config_role_name(config);

	for (; *roles; roles++)
		if (strcmp((*roles)->name, name) == 0)
			return *roles;
	(void)p2v_fail(
		err, P2V_ENOENT, "%s: this program has no role %s", p2v_config_file(config), name);
	return NULL;
}

static int start(struct run *r, struct p2v_err *err)
{
	int rc = p2v_loop_new(&r->loop, err);

	if (rc < 0)
		return rc;
	r->world = p2v_loop_world(r->loop);
	rc = watch_signals(r, err);
	if (rc == P2V_OK)
		rc = r->role->start(r->setup.config, &r->world, &r->handle, err);
	return rc;
}

int p2v_run(const struct p2v_role *const *roles, const char *file, struct p2v_err *err)
{
	struct run r = { .code = P2V_OK };
	int rc = p2v_setup_init(&r.setup, file, err);

	if (rc < 0)
		return rc;
	r.role = p2v_role_of(roles, r.setup.config, err);
	rc = r.role ? start(&r, err) : err->code;
	if (rc == P2V_OK) {
		say(&r, P2V_LOG_INFO, "event=ready role=%s version=%s", r.role->name, P2V_VERSION);
		p2v_loop_run(r.loop);
		p2v_disarm(&r.world, &r.patience);
		r.role->free(r.handle);
		rc = r.code;
		if (rc < 0)
			(void)p2v_fail(err, rc, "stopped before it had drained");
	}
	p2v_loop_free(r.loop);
	p2v_setup_fini(&r.setup);
	return rc;
}
