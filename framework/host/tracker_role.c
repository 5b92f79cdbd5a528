/* tracker_role.c - the role `tracker`: a configuration made into a running tracker on the real
 * world. */
#include "framework/host/tracker_role.h"

#include <stdlib.h>

#include "framework/gateway/status.h"
#include "framework/host/identity_files.h"
#include "framework/host/roles.h"
#include "framework/host/sections.h"
#include "framework/host/still.h"
#include "framework/tracker/tracker.h"

const struct p2v_option p2v_authority_options[] = {
	P2V_OPT_TEXT(struct p2v_authority_conf, directory, "", 1, 1000,
		"folder that `peer2view authority init` made; its ca.key is not needed here, and better kept offline"),
	P2V_OPT_END
};

const struct p2v_option p2v_status_options[] = {
	P2V_OPT_TEXT(struct p2v_status_conf, listen, "127.0.0.1:8791", 0, 64,
		"address:port of the status pages /healthz /readyz /version /metrics /stats.json; empty: none"),
	P2V_OPT_TEXT(struct p2v_status_conf, allow_hosts, "", 0, 1000,
		"names beside localhost under which they may be read"),
	P2V_OPT_END
};

struct tracker_role {
	struct p2v_node node;
	struct p2v_keys keys;
	struct p2v_policy cc, registry;
	struct p2v_tracker *tracker;
	struct p2v_http_server *server;
	struct p2v_status status;
	const struct p2v_config *config;
};

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct tracker_role *r = ctx;
	const struct p2v_str nobody = { NULL, 0 }; /* its pages are for no page of another site */
	bool head = p2v_str_is(rq->method, "HEAD");

	if (!p2v_status_host_allowed(&r->status, rq))
		p2v_status_text(&r->node, x, 403, head, nobody,
			"this tracker is not called so; name it in allow_hosts");
	else if (!head && !p2v_str_is(rq->method, "GET"))
		p2v_status_text(&r->node, x, 405, false, nobody, "only GET and HEAD here");
	else if (!p2v_status_answer(&r->status, x, rq, nobody))
		p2v_status_text(&r->node, x, 404, head, nobody,
			"there are /healthz /readyz /version /metrics /stats.json");
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	(void)ctx;
	(void)x;
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	(void)ctx;
	(void)x;
	(void)whole;
}

static const struct p2v_http_handler http_handler = { on_request, on_drained, on_gone };

static int open_status(struct tracker_role *r, struct p2v_addr *bound, struct p2v_err *err)
{
	const struct p2v_status_conf *conf = p2v_config_get(r->config, "status");
	const struct p2v_world *w = &r->node.world;
	struct p2v_addr bind;
	struct p2v_err why;

	if (!*conf->listen)
		return P2V_OK;
	r->status = (struct p2v_status){ .node = &r->node,
		.role = "tracker",
		.version = P2V_VERSION,
		.started = p2v_now(w),
		.allow_hosts = conf->allow_hosts };
	if (p2v_addr_parse(conf->listen, &bind, &why) < 0 ||
		w->ops->http_listen(w->self, &bind, &http_handler, r, &r->server, bound, &why) < 0)
		return p2v_fail(err, why.code, "[status] listen: %s", why.text);
	return P2V_OK;
}

static int build(struct tracker_role *r, struct p2v_err *err)
{
	const struct p2v_authority_conf *authority = p2v_config_get(r->config, "authority");
	const struct p2v_choice *choice;
	struct p2v_records records;
	struct p2v_err why;
	size_t n;
	int rc = p2v_keys_of_tracker(&r->keys, &r->node, authority->directory, &why);

	if (rc < 0)
		return p2v_fail(err, rc, "[authority] %s", why.text);
	choice = p2v_config_choices(r->config, P2V_KIND_CC, &n);
	p2v_policy_init(&r->cc, &r->node, choice->plugin, choice->conf);
	choice = p2v_config_choices(r->config, P2V_KIND_REGISTRY, &n);
	p2v_policy_init(&r->registry, &r->node, choice->plugin, choice->conf);
	records = p2v_dtls_records(r->keys.dtls);
	rc = p2v_tracker_new(&r->node, p2v_config_get(r->config, "tracker"),
		p2v_config_get(r->config, "transport"), &records, &r->cc, &r->registry, &r->tracker,
		&why);
	return rc < 0 ? p2v_fail(err, rc, "[tracker] %s", why.text) : P2V_OK;
}

static void role_free(void *handle)
{
	struct tracker_role *r = handle;
	const struct p2v_world *w;

	if (!r)
		return;
	w = &r->node.world;
	if (r->server)
		w->ops->http_close(w->self, r->server);
	p2v_tracker_free(r->tracker);
	p2v_keys_fini(&r->keys);
	p2v_node_fini(&r->node);
	free(r);
}

/* @param http  [out] where its status is served; port 0: nowhere */
static int open_role(const struct p2v_config *config, const struct p2v_world *world,
	enum p2v_log_level log_level, struct tracker_role **out, struct p2v_addr *http,
	struct p2v_err *err)
{
	struct tracker_role *r = calloc(1, sizeof *r);
	struct p2v_err why;
	int rc;

	if (!r)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a tracker");
	r->config = config;
	p2v_node_init(&r->node, world, 0);
	r->node.log_level = log_level;
	rc = build(r, &why);
	if (rc == P2V_OK)
		rc = open_status(r, http, &why);
	if (rc < 0) {
		role_free(r);
		return p2v_config_blame(config, rc, why.text, err);
	}
	*out = r;
	return P2V_OK;
}

/* A tracker is made in a world in which nothing happens, and given up. */
static int check(const struct p2v_config *config, struct p2v_err *err)
{
	struct p2v_world world = p2v_still_world();
	struct tracker_role *r = NULL;
	struct p2v_addr http;
	int rc = open_role(config, &world, P2V_LOG_ERROR, &r, &http, err);

	role_free(r);
	return rc;
}

static int start(const struct p2v_config *config, const struct p2v_world *world, void **handle,
	struct p2v_err *err)
{
	const struct p2v_main_conf *conf = p2v_config_get(config, P2V_SECTION_MAIN);
	struct tracker_role *r;
	char udp[P2V_ADDR_TEXT], http[P2V_ADDR_TEXT] = "-";
	struct p2v_addr a, b = { .port = 0 };
	int rc = open_role(config, world, (enum p2v_log_level)conf->log_level, &r, &b, err);

	if (rc < 0)
		return rc;
	a = p2v_tracker_bound(r->tracker);
	if (r->server)
		(void)p2v_addr_text(&b, http);
	p2v_log(&r->node, P2V_LOG_INFO, "tracker", "udp=%s http=%s", p2v_addr_text(&a, udp), http);
	*handle = r;
	return P2V_OK;
}

static void reload(void *handle)
{
	struct tracker_role *r = handle;
	const struct p2v_main_conf *conf = p2v_config_get(r->config, P2V_SECTION_MAIN);

	r->node.log_level = (enum p2v_log_level)conf->log_level;
}

static void drain(void *handle, void (*done)(void *ctx), void *ctx)
{
	(void)handle; /* members do not need it from one moment to the next */
	done(ctx);
}

const struct p2v_role p2v_tracker_role = { .name = "tracker",
	.check = check,
	.start = start,
	.reload = reload,
	.drain = drain,
	.free = role_free };
