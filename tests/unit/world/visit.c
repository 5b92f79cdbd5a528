/* visit.c - see visit.h. */
#include <config.h>

#include "tests/unit/world/visit.h"

#include <criterion/criterion.h>
#include <string.h>

#include "framework/base/http.h"

static void copy_header(char *out, size_t n, const struct p2v_fetch_head *h, const char *name)
{
	struct p2v_str s = p2v_header_get(h->headers, h->n_headers, name);

	(void)snprintf(out, n, "%s%.*s", s.p ? "" : "(absent)", P2V_STR(s));
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct got *g = ctx;

	cr_assert_eq(g->heads, 0);
	g->heads++;
	g->status = h->status;
	g->length = h->length;
	g->n_headers = h->n_headers;
	(void)snprintf(g->url, sizeof g->url, "%.*s", P2V_STR(h->url));
	copy_header(g->type, sizeof g->type, h, "Content-Type");
	copy_header(g->coding, sizeof g->coding, h, "Content-Encoding");
	copy_header(g->custom, sizeof g->custom, h, "X-Custom");
	if (g->on_head)
		g->on_head(g);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct got *g = ctx;
	size_t room = sizeof g->body - 1 - (g->n < sizeof g->body - 1 ? g->n : sizeof g->body - 1);

	cr_assert_eq(g->heads, 1);
	if (room > 0)
		memcpy(g->body + g->n, b.p, b.n < room ? b.n : room);
	g->n += b.n;
	if (g->on_body)
		g->on_body(g);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct got *g = ctx;

	cr_assert_eq(g->dones, 0);
	g->dones++;
	g->code = code;
	(void)snprintf(g->why, sizeof g->why, "%s", code < 0 ? err->text : "");
	g->f = NULL;
}

const struct p2v_fetch_handler got_handler = { on_head, on_body, on_done };

void got_init(struct got *g, struct raw_rig *r)
{
	memset(g, 0, sizeof *g);
	g->rig = r;
}

void got_begin(struct got *g, const struct p2v_fetch_request *rq)
{
	struct p2v_err err = { P2V_OK, "" };

	cr_assert_eq(g->rig->world.ops->fetch(g->rig->world.self, rq, &got_handler, g, &g->f, &err),
		P2V_OK, "%s", err.text);
}

bool got_done(void *ctx)
{
	return ((struct got *)ctx)->dones > 0;
}

bool got_body(void *ctx)
{
	return ((struct got *)ctx)->n > 0;
}

void url_of(char *out, size_t n, const struct raw_server *s, const char *path)
{
	(void)snprintf(out, n, "http://127.0.0.1:%u%s", raw_port(s), path);
}

bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool got_head(void *ctx)
{
	return ((struct got *)ctx)->heads > 0;
}

/* One GET of / at a scripted server, to its end. */
void got_get(struct got *g, raw_script script, struct p2v_fetch_request rq)
{
	struct raw_rig r;
	struct raw_server *s = raw_serve(script);
	char url[128];

	raw_open(&r);
	got_init(g, &r);
	url_of(url, sizeof url, s, "/");
	rq.url = url;
	got_begin(g, &rq);
	cr_assert(raw_until(&r, got_done, g));
	raw_close(&r);
	raw_stop(s);
}
