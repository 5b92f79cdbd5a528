/* web.c - see web.h. */
#include <config.h>

#include "tests/unit/world/web.h"

#include <criterion/criterion.h>
#include <string.h>

#include "framework/base/http.h"

static void web_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct web *w = ctx;
	struct p2v_str h = p2v_header_get(rq->headers, rq->n_headers, "X-Header");

	cr_assert_lt(w->asked, XS);
	w->x[w->asked++] = x;
	(void)snprintf(w->method, sizeof w->method, "%.*s", P2V_STR(rq->method));
	(void)snprintf(w->target, sizeof w->target, "%.*s", P2V_STR(rq->target));
	(void)snprintf(w->header, sizeof w->header, "%.*s", P2V_STR(h));
	cr_assert(p2v_addr_is_loopback(&rq->from));
	if (w->act)
		w->act(w, x, rq);
}

static void web_drained(void *ctx, struct p2v_exchange *x)
{
	struct web *w = ctx;

	cr_assert_gt(w->rig.world.ops->http_room(w->rig.world.self, x), 0);
	w->drained++;
}

static void web_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct web *w = ctx;

	w->gone++;
	w->whole += whole;
	for (unsigned i = 0; i < XS; i++)
		if (w->x[i] == x)
			w->x[i] = NULL;
}

static const struct p2v_http_handler handler = { web_request, web_drained, web_gone };

bool web_listen(struct web *w, const struct p2v_addr *at, struct p2v_err *err)
{
	struct p2v_addr bound;

	if (w->rig.world.ops->http_listen(
		    w->rig.world.self, at, &handler, w, &w->server, &bound, err) < 0)
		return false;
	w->port = bound.port;
	return true;
}

void web_open(struct web *w, web_act act)
{
	struct p2v_addr at = p2v_addr_v4(0x7f000001, 0);
	struct p2v_err err = { P2V_OK, "" };

	memset(w, 0, sizeof *w);
	w->act = act;
	raw_open(&w->rig);
	cr_assert(web_listen(w, &at, &err), "%s", err.text);
}

void web_close(struct web *w)
{
	raw_close(&w->rig);
	p2v_buf_unref(w->buf);
}

void web_reply(struct web *w, struct p2v_exchange *x, uint32_t status, uint64_t length)
{
	const struct p2v_reply r = { .status = status, .length = length };

	w->rig.world.ops->http_reply(w->rig.world.self, x, &r);
}

void web_say(struct web *w, struct p2v_exchange *x, const char *text)
{
	w->rig.world.ops->http_write(w->rig.world.self, x, p2v_slice_copy(text, strlen(text)));
}

void web_end(struct web *w, struct p2v_exchange *x)
{
	w->rig.world.ops->http_end(w->rig.world.self, x);
}

void web_hello(struct web *w, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	(void)rq;
	web_reply(w, x, 200, 5);
	web_say(w, x, "hello");
	web_end(w, x);
}

bool web_asked(void *ctx)
{
	return ((struct web *)ctx)->asked > 0;
}

bool web_asked_2(void *ctx)
{
	return ((struct web *)ctx)->asked > 1;
}

bool web_one_gone(void *ctx)
{
	return ((struct web *)ctx)->gone > 0;
}
