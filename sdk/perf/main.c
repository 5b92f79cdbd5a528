/* main.c - the program p2v-perf: one end of a measurement in the real world. */
#include <config.h>

#include <ltdl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "framework/dtl/session.h"
#include "framework/host/loader.h"
#include "framework/overlay/identity.h"
#include "framework/world/loop.h"
#include "sdk/perf/inside.h"

#define NAME "p2v-perf"

struct run {
	struct p2v_perf_cli cli;
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_node node;
	struct p2v_loader *loader;
	char *cc_text; /* options point into it */
	void *cc_conf;
	struct p2v_policy cc;
	struct p2v_identity *identity;
	struct p2v_dtls *dtls;
	struct p2v_lookup *lookup;
	struct p2v_perf_end end;
	struct p2v_perf_client *client;
	struct p2v_perf_server *server;
};

/* ---- congestion control ---- */

/* "target=25ms,gain=1" */
static int set_options(
	const struct p2v_plugin *p, void *conf, struct p2v_str list, struct p2v_err *err)
{
	struct p2v_str item;

	while (p2v_str_split(&list, ',', &item)) {
		size_t eq = p2v_str_find(item, '=');
		char *text = (char *)(uintptr_t)item.p;
		struct p2v_option copy;
		const struct p2v_option *o;
		struct p2v_err why;

		if (eq == item.n)
			return p2v_fail(err, P2V_ECONF, "--cc: '%.*s' is no OPTION=VALUE",
				(int)item.n, item.p);
		text[eq] = text[item.n] = 0;
		o = p2v_option_find(p->options, p->option_size, text, &copy);
		if (!o) {
			const char *near = p2v_option_nearest(p->options, p->option_size, text);

			return p2v_fail(err, P2V_ECONF, "--cc: %s has no option '%s'%s%s%s",
				p->name, text, near ? "; did you mean " : "", near ? near : "",
				near ? "?" : "");
		}
		if (p2v_option_set(o, conf, text + eq + 1, &why) < 0)
			return p2v_fail(err, P2V_ECONF, "--cc: %s: %s", text, why.text);
	}
	return P2V_OK;
}

static int load_cc(struct run *r, struct p2v_err *err)
{
	const struct p2v_plugin *p;
	struct p2v_str rest, name;
	int rc = p2v_loader_new(r->cli.plugins, &r->loader, err);

	r->cc_text = strdup(r->cli.cc);
	if (rc == P2V_OK && !r->cc_text)
		rc = p2v_fail(err, P2V_ENOMEM, "no memory");
	if (rc < 0)
		return rc;
	rest = p2v_str_of(r->cc_text);
	(void)p2v_str_split(&rest, ':', &name);
	r->cc_text[name.n] = 0;
	rc = p2v_loader_get(r->loader, P2V_KIND_CC, name.p, &p, err);
	if (rc < 0)
		return rc;
	r->cc_conf = calloc(1, p->conf_size ? (size_t)p->conf_size : 1);
	if (!r->cc_conf)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	rc = p2v_options_default(p->options, p->option_size, r->cc_conf, err);
	if (rc == P2V_OK && rest.p)
		rc = set_options(p, r->cc_conf, rest, err);
	if (rc == P2V_OK && p->check)
		rc = p->check(r->cc_conf, err);
	if (rc == P2V_OK)
		p2v_policy_init(&r->cc, &r->node, p, r->cc_conf);
	return rc;
}

/* ---- certificates: made on the spot, and not asked for ---- */

static int trust_anyone(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	struct p2v_node *node = ctx;

	(void)n;
	(void)dialled;
	(void)err;
	node->crypto.ops->digest(node->crypto.self, chain, 1, out->id.b);
	out->role = P2V_IS_GUEST;
	return P2V_OK;
}

static void show(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain)
{
	struct run *r = ctx;
	struct p2v_err err;

	if (p2v_dtls_credentials(r->dtls, key, chain->v, chain->n, &err) < 0)
		(void)fprintf(stderr, NAME ": %s\n", err.text);
}

static int make_records(struct run *r, struct p2v_err *err)
{
	struct p2v_trust trust = { .ctx = &r->node, .judge = trust_anyone };
	int rc = p2v_identity_new(&r->node, &r->identity, err);

	if (rc < 0)
		return rc;
	r->node.crypto = p2v_identity_crypto(r->identity);
	rc = p2v_dtls_new(&r->node, &trust, &r->dtls, err);
	if (rc == P2V_OK)
		rc = p2v_identity_on_change(r->identity, show, r, err);
	return rc;
}

/* ---- a run ---- */

static void finished(void *ctx)
{
	p2v_loop_stop(((struct run *)ctx)->loop);
}

static void on_interval(void *ctx, const struct p2v_perf_interval *i)
{
	struct p2v_text t = { 0 };

	(void)ctx;
	p2v_perf_interval_text(i, &t);
	(void)fwrite(t.p ? t.p : "", 1, t.n, stdout);
	(void)fflush(stdout);
	p2v_text_fini(&t);
}

static void on_signal(void *ctx, int signo)
{
	struct run *r = ctx;

	(void)signo;
	if (r->client)
		p2v_perf_client_stop(r->client);
	else
		p2v_loop_stop(r->loop);
}

static void on_found(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	struct run *r = ctx;

	r->lookup = NULL;
	if (n > 0) {
		p2v_perf_client_dial(r->client, &v[0]);
		return;
	}
	(void)fprintf(stderr, NAME ": %s: %s\n", r->cli.host, err->text);
	p2v_loop_stop(r->loop);
}

static int start_client(struct run *r, struct p2v_err *err)
{
	struct p2v_addr to;

	if (p2v_perf_client_new(&r->end, r->cli.json ? NULL : on_interval, &r->client) < 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	if (p2v_addr_parse_ip(p2v_str_of(r->cli.host), &to) < 0)
		return r->w.ops->resolve(r->w.self, r->cli.host, (uint16_t)r->cli.port, on_found, r,
			&r->lookup, err);
	to.port = (uint16_t)r->cli.port;
	p2v_perf_client_dial(r->client, &to);
	return P2V_OK;
}

static int start_server(struct run *r, struct p2v_err *err)
{
	if (p2v_perf_server_new(&r->end, &r->server) < 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	(void)printf(r->cli.json ? "{\"port\":%u}\n" : "listening on port %u\n",
		(unsigned)p2v_dtl_bound(r->end.dtl).port);
	(void)fflush(stdout);
	return P2V_OK;
}

static int start_world(struct run *r, struct p2v_err *err)
{
	int rc = p2v_loop_new(&r->loop, err);

	if (rc < 0)
		return rc;
	p2v_loop_set_segments(r->loop, !r->cli.no_segments);
	r->w = p2v_loop_world(r->loop);
	p2v_node_init(&r->node, &r->w, 0);
	if (p2v_loop_on_signal(r->loop, SIGINT, on_signal, r) < 0 ||
		p2v_loop_on_signal(r->loop, SIGTERM, on_signal, r) < 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	return P2V_OK;
}

static int start(struct run *r, struct p2v_err *err)
{
	const struct p2v_dtl_handler *h = r->cli.serve ? &p2v_perf_server_handler
						       : &p2v_perf_client_handler;
	struct p2v_addr bind = { .port = r->cli.serve ? (uint16_t)r->cli.port : 0 };
	struct p2v_records records;
	int rc = start_world(r, err);

	if (rc == P2V_OK)
		rc = load_cc(r, err);
	if (rc == P2V_OK)
		rc = make_records(r, err);
	if (rc == P2V_OK)
		rc = p2v_perf_source_init(&r->end.source, err);
	if (rc < 0)
		return rc;
	records = p2v_dtls_records(r->dtls);
	r->end.w = &r->w;
	r->end.cli = &r->cli;
	r->end.finished = finished;
	r->end.ctx = r;
	rc = p2v_dtl_new(
		&r->node, &r->cli.dtl, &records, &r->cc, &bind, h, &r->end, &r->end.dtl, err);
	if (rc < 0)
		return rc;
	return r->cli.serve ? start_server(r, err) : start_client(r, err);
}

/* @return whether it was told, and whether all was well */
static bool tell_result(struct run *r)
{
	const struct p2v_perf_result *result = p2v_perf_client_result(r->client);
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };
	bool good;

	if (r->cli.json) {
		p2v_perf_result_json(&r->cli, result, &j);
		p2v_text_puts(&t, "\n");
	} else {
		p2v_perf_result_text(&r->cli, result, &t);
	}
	good = !t.oom && fwrite(t.p ? t.p : "", 1, t.n, stdout) == t.n && fflush(stdout) == 0;
	if (!good)
		(void)fputs(NAME ": cannot write to the standard output\n", stderr);
	p2v_text_fini(&t);
	if (result->err.code != P2V_OK)
		(void)fprintf(stderr, NAME ": %s\n", result->err.text);
	return good && result->opened && result->err.code == P2V_OK;
}

static void clean_up(struct run *r)
{
	if (r->lookup)
		r->w.ops->resolve_cancel(r->w.self, r->lookup);
	p2v_dtl_free(r->end.dtl);
	p2v_perf_client_free(r->client);
	p2v_perf_server_free(r->server);
	p2v_dtls_free(r->dtls);
	p2v_identity_free(r->identity);
	p2v_perf_source_fini(&r->end.source);
	free(r->cc_conf);
	free(r->cc_text);
	p2v_node_fini(&r->node);
	p2v_loader_free(r->loader);
	p2v_loop_free(r->loop);
}

int main(int argc, char **argv)
{
	struct run r;
	struct p2v_err err = { .code = P2V_OK };
	bool good = false;
	int code;

	/* Plugins that are linked in (--disable-shared). */
	LTDL_SET_PRELOADED_SYMBOLS();
	memset(&r, 0, sizeof r);
	code = p2v_perf_cli_read(&r.cli, argc, argv);
	if (code >= 0)
		return code;
	if (start(&r, &err) == P2V_OK) {
		p2v_loop_run(r.loop);
		good = r.client ? tell_result(&r) : !p2v_perf_server_failed(r.server);
	} else {
		(void)fprintf(stderr, NAME ": %s\n", err.text);
		code = err.code == P2V_ECONF ? P2V_TOOL_USAGE : P2V_TOOL_FAILED;
	}
	clean_up(&r);
	return good ? P2V_TOOL_OK : code >= 0 ? code : P2V_TOOL_FAILED;
}
