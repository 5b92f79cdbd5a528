/* booth.c - an agent by itself, and requests made to it. */
#include "tests/sim/booth.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "framework/base/options.h"

#define CDN_IP   0x0a000001u
#define OTHER_IP 0x0a000002u
#define BOX_IP   0x0a010001u

/* ---- configuration ---- */

static void defaults(const struct p2v_option *table, void *conf)
{
	struct p2v_err err;

	if (p2v_options_default(table, sizeof *table, conf, &err) < 0)
		cr_assert_fail("%s", err.text);
}

struct booth_conf booth_conf(void)
{
	struct booth_conf c;

	memset(&c, 0, sizeof c);
	defaults(p2v_gateway_options, &c.gateway);
	defaults(p2v_overlay_options, &c.overlay);
	defaults(p2v_delivery_options, &c.delivery);
	defaults(p2v_dtl_options, &c.transport);
	for (size_t i = 0; i < BOOTH_CHANNELS; i++)
		defaults(p2v_channel_options, &c.channels[i]);
	c.channels[0].mount = "/live";
	c.channels[0].origin = "http://cdn/live/";
	c.n_channels = 1;
	c.overlay.listen = "*:0";
	c.cdn_link = c.box_link = (struct p2v_link){
		.up = 12500000, .down = 12500000, .delay = 5 * P2V_MSEC, .queue = 1 << 20
	};
	c.plugins = rig_conf().plugins;
	return c;
}

struct p2v_agent_plugin booth_plugin(struct booth *b, struct p2v_agent_plugin p)
{
	void *conf;
	struct p2v_err err;

	if (p.conf)
		return p;
	conf = calloc(1, p.plugin->conf_size ? (size_t)p.plugin->conf_size : 1);
	cr_assert_not_null(conf);
	cr_assert_lt(b->n_bound, sizeof b->bound / sizeof b->bound[0]);
	b->bound[b->n_bound++] = conf;
	if (p2v_options_default(p.plugin->options, p.plugin->option_size, conf, &err) < 0)
		cr_assert_fail("%s", err.text);
	p.conf = conf;
	return p;
}

/* ---- the gateway's server, seen through ---- */

static struct booth *booth; /* each case is a process of its own */

/* @return NULL: it is the world's, not the test's */
static struct raw *raw_of(const struct p2v_exchange *x)
{
	P2V_LIST_EACH (it, &booth->raws) {
		struct raw *r = P2V_OF(it, struct raw, in_booth);

		if (&r->x == x)
			return r;
	}
	return NULL;
}

static int tap_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err)
{
	booth->handler = h;
	booth->handler_ctx = ctx;
	return booth->box.ops->http_listen(self, bind, h, ctx, out, bound, err);
}

static void tap_reply(void *self, struct p2v_exchange *x, const struct p2v_reply *rp)
{
	struct raw *r = raw_of(x);
	size_t n = 0;

	if (!r) {
		booth->box.ops->http_reply(self, x, rp);
		return;
	}
	cr_assert(!r->replied, "answered twice");
	r->replied = true;
	r->status = rp->status;
	r->length = rp->length;
	for (size_t i = 0; i < rp->n_headers; i++)
		n += (size_t)snprintf(r->fields + n, sizeof r->fields - n, "%.*s: %.*s\n",
			P2V_STR(rp->headers[i].name), P2V_STR(rp->headers[i].value));
}

static void tap_write(void *self, struct p2v_exchange *x, struct p2v_slice s)
{
	struct raw *r = raw_of(x);

	if (!r) {
		booth->box.ops->http_write(self, x, s);
		return;
	}
	cr_assert(r->replied && !r->ended && !r->aborted);
	cr_assert_leq(r->n + s.n, sizeof r->body);
	memcpy(r->body + r->n, s.p, s.n);
	r->n += s.n;
	r->room -= s.n < r->room ? s.n : r->room;
	p2v_slice_drop(&s);
}

static size_t tap_room(void *self, struct p2v_exchange *x)
{
	const struct raw *r = raw_of(x);

	return r ? r->room : booth->box.ops->http_room(self, x);
}

static void raw_gone(void *ctx)
{
	struct raw *r = ctx;

	if (r->gone)
		return;
	r->gone = true;
	booth->handler->gone(booth->handler_ctx, &r->x, !r->aborted);
	p2v_list_remove(&r->in_booth);
}

static void tap_end(void *self, struct p2v_exchange *x)
{
	struct raw *r = raw_of(x);

	if (!r) {
		booth->box.ops->http_end(self, x);
		return;
	}
	r->ended = true;
	p2v_sim_at(booth->sim, p2v_sim_now(booth->sim), raw_gone, r);
}

static void tap_abort(void *self, struct p2v_exchange *x)
{
	struct raw *r = raw_of(x);

	if (!r) {
		booth->box.ops->http_abort(self, x);
		return;
	}
	r->aborted = true;
	p2v_sim_at(booth->sim, p2v_sim_now(booth->sim), raw_gone, r);
}

struct asking {
	struct raw *raw;
	const char *method, *target;
	const char *const *headers;
};

static void ask_now(void *ctx)
{
	const struct asking *a = ctx;
	struct p2v_header v[16];
	struct p2v_http_request rq = { .method = p2v_str_of(a->method),
		.target = p2v_str_of(a->target),
		.from = p2v_addr_v4(0x7f000001, 40000),
		.headers = v };

	for (size_t i = 0; a->headers && a->headers[i]; i++) {
		struct p2v_str rest = p2v_str_of(a->headers[i]), name;

		cr_assert(p2v_str_split(&rest, ':', &name));
		v[rq.n_headers++] = (struct p2v_header){ name, p2v_str_trim(rest) };
	}
	booth->handler->request(booth->handler_ctx, &a->raw->x, &rq);
}

void raw_ask(struct booth *b, struct raw *r, const char *method, const char *target,
	const char *const *headers, size_t room)
{
	struct asking a = { r, method, target, headers };

	memset(r, 0, sizeof *r);
	r->booth = b;
	r->room = room;
	p2v_list_push(&b->raws, &r->in_booth);
	p2v_sim_at(b->sim, p2v_sim_now(b->sim), ask_now, &a);
	booth_run(b, 0);
}

static void drained_now(void *ctx)
{
	struct raw *r = ctx;

	if (!r->gone && !r->ended && !r->aborted)
		booth->handler->drained(booth->handler_ctx, &r->x);
}

void raw_take(struct raw *r, size_t room)
{
	r->room += room;
	p2v_sim_at(r->booth->sim, p2v_sim_now(r->booth->sim), drained_now, r);
	booth_run(r->booth, 0);
}

void raw_leave(struct raw *r)
{
	r->aborted = true;
	p2v_sim_at(r->booth->sim, p2v_sim_now(r->booth->sim), raw_gone, r);
	booth_run(r->booth, 0);
}

static const char *field_of(const char *block, const char *name, unsigned *count)
{
	static char value[1024];
	struct p2v_str rest = p2v_str_of(block);
	struct p2v_header h;

	value[0] = 0;
	*count = 0;
	while (p2v_header_block_next(&rest, &h))
		if (p2v_str_is_nocase(h.name, name) && (*count)++ == 0)
			(void)snprintf(value, sizeof value, "%.*s", P2V_STR(h.value));
	return value;
}

const char *raw_field(const struct raw *r, const char *name)
{
	unsigned n;

	return field_of(r->fields, name, &n);
}

/* ---- what is said between agents ---- */

static bool holds(const struct p2v_dgram *d, const struct booth_word *w)
{
	const uint8_t *at = d->p, *end = d->p + d->n;

	while ((size_t)(end - at) >= w->n) {
		at = memchr(at, w->p[0], (size_t)(end - at) - w->n + 1);
		if (!at)
			return false;
		if (memcmp(at, w->p, w->n) == 0)
			return true;
		at++;
	}
	return false;
}

static size_t tap_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < booth->n_words; k++)
			booth->words[k].seen += holds(&v[i], &booth->words[k]);
	return booth->box.ops->udp_send(self, u, v, n);
}

size_t booth_listen(struct booth *b, const char *text)
{
	cr_assert_lt(b->n_words, (size_t)BOOTH_WORDS);
	b->words[b->n_words] = (struct booth_word){ text, strlen(text), 0 };
	return b->n_words++;
}

/* ---- life ---- */

static void tap(struct booth *b)
{
	b->tap = *b->box.ops;
	b->tap.udp_send = tap_udp_send;
	b->tap.udp_lend = NULL; /* all that is sent is written, to be read */
	if (b->first)
		return;
	b->tap.http_listen = tap_listen;
	b->tap.http_reply = tap_reply;
	b->tap.http_write = tap_write;
	b->tap.http_room = tap_room;
	b->tap.http_end = tap_end;
	b->tap.http_abort = tap_abort;
}

static void start_agent(struct booth *b, unsigned number)
{
	static const char *const names[BOOTH_CHANNELS] = { "live", "second", "third" };
	const struct p2v_swarm_plugins *p = &b->conf.plugins;
	const struct p2v_channel_conf *channels[BOOTH_CHANNELS];
	struct p2v_agent_setup setup = { .node = &b->node,
		.version = "1.2.3",
		.gateway = &b->conf.gateway,
		.overlay = &b->conf.overlay,
		.transport = &b->conf.transport,
		.delivery = &b->conf.delivery,
		.channels = channels,
		.channel_names = names,
		.n_channels = b->conf.n_channels,
		.select = booth_plugin(b, p->select),
		.cc = booth_plugin(b, p->cc),
		.cache = booth_plugin(b, p->cache),
		.players = { booth_plugin(b, p->player) },
		.n_players = 1,
		.manifests = { booth_plugin(b, p->manifest) },
		.n_manifests = 1 };
	struct p2v_world tapped = { &b->tap, b->box.self };
	struct p2v_err err;

	for (size_t i = 0; i < BOOTH_CHANNELS; i++)
		channels[i] = &b->conf.channels[i];
	tap(b);
	p2v_node_init(&b->node, &tapped, 7 + number);
	p2v_sim_crypto_init(&b->crypto, 7 + number);
	b->node.crypto = p2v_sim_crypto(&b->crypto);
	b->records = p2v_sim_records_new(&b->node, &b->crypto.id, P2V_IS_PEER, NULL);
	cr_assert_not_null(b->records);
	setup.records = p2v_sim_records(b->records);
	if (p2v_agent_new(&setup, &b->agent, &err) < 0)
		cr_assert_fail("%s", err.text);
}

static struct p2v_machine *machine(
	struct booth *b, const char *name, uint32_t ip, const struct p2v_link *link)
{
	struct p2v_addr a = p2v_addr_v4(ip, 0);
	struct p2v_machine *m = p2v_machine_new(b->sim, name, &a, link);

	cr_assert_not_null(m);
	p2v_sim_name(b->sim, name, &a);
	return m;
}

void booth_open(struct booth *b, const struct booth_conf *conf)
{
	struct p2v_world w;

	memset(b, 0, sizeof *b);
	booth = b;
	b->conf = *conf;
	p2v_list_init(&b->raws);
	b->sim = p2v_sim_new(1);
	cr_assert_not_null(b->sim);
	rig_log(b->sim);
	b->cdn_machine = machine(b, "cdn", CDN_IP, &conf->cdn_link);
	w = p2v_machine_world(b->cdn_machine);
	site_open(&b->cdn, &w, 80);
	b->other_machine = machine(b, "cdn2", OTHER_IP, &conf->cdn_link);
	w = p2v_machine_world(b->other_machine);
	site_open(&b->other, &w, 80);
	b->box_machine = machine(b, "box", BOX_IP, &conf->box_link);
	b->box = p2v_machine_world(b->box_machine);
	start_agent(b, 0);
}

void booth_join(
	struct booth *b, struct booth *first, const struct booth_conf *conf, unsigned number)
{
	char name[16];

	memset(b, 0, sizeof *b);
	b->conf = *conf;
	b->sim = first->sim;
	b->first = first;
	(void)snprintf(name, sizeof name, "box%u", number);
	b->box_machine = machine(b, name, BOX_IP + number, &conf->box_link);
	b->box = p2v_machine_world(b->box_machine);
	start_agent(b, number);
}

void booth_close(struct booth *b)
{
	p2v_agent_free(b->agent);
	p2v_sim_records_free(b->records);
	p2v_node_fini(&b->node);
	if (!b->first) {
		site_close(&b->cdn);
		site_close(&b->other);
		p2v_sim_free(b->sim);
	}
	for (size_t i = 0; i < b->n_bound; i++)
		free(b->bound[i]);
}

void booth_run(struct booth *b, p2v_usec time)
{
	(void)p2v_sim_run(b->sim, p2v_sim_now(b->sim) + time);
}

/* ---- visits ---- */

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct visit *v = ctx;
	size_t n = 0;

	v->head_at = p2v_sim_now(v->booth->sim);
	v->status = h->status;
	v->length = h->length;
	(void)snprintf(v->url, sizeof v->url, "%.*s", P2V_STR(h->url));
	for (size_t i = 0; i < h->n_headers && n < sizeof v->fields; i++)
		n += (size_t)snprintf(v->fields + n, sizeof v->fields - n, "%.*s: %.*s\n",
			P2V_STR(h->headers[i].name), P2V_STR(h->headers[i].value));
	cr_assert_lt(n, sizeof v->fields);
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct visit *v = ctx;
	const struct p2v_world *w = &v->booth->box;

	if (v->n == 0)
		v->first_at = p2v_sim_now(v->booth->sim);
	cr_assert_leq(v->n + b.n, (size_t)VISIT_MAX);
	memcpy(v->body + v->n, b.p, b.n);
	v->n += b.n;
	v->body[v->n] = 0;
	if (v->leave_at && v->n >= v->leave_at) {
		visit_leave(v);
	} else if (v->pause_at && v->n >= v->pause_at) {
		v->pause_at = 0;
		w->ops->fetch_pause(w->self, v->fetch, true);
	}
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct visit *v = ctx;

	(void)err;
	v->fetch = NULL;
	v->done = true;
	v->code = code;
	v->done_at = p2v_sim_now(v->booth->sim);
}

void visit_begin(struct booth *b, struct visit *v, const char *path)
{
	static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };
	struct p2v_header headers[VISIT_HEADERS];
	struct p2v_fetch_request rq = { .head = v->head,
		.redirects = v->redirects,
		.headers = headers,
		.idle_timeout = 60 * P2V_SECOND };
	char url[1024];
	struct p2v_err err;

	(void)snprintf(url, sizeof url, "http://%s%s", v->host ? v->host : "127.0.0.1:8780", path);
	rq.url = url;
	for (; rq.n_headers < VISIT_HEADERS && v->headers[rq.n_headers]; rq.n_headers++) {
		struct p2v_str rest = p2v_str_of(v->headers[rq.n_headers]), name;

		cr_assert(p2v_str_split(&rest, ':', &name));
		headers[rq.n_headers] = (struct p2v_header){ name, p2v_str_trim(rest) };
	}
	v->booth = b;
	v->body = calloc(1, VISIT_MAX + 1);
	cr_assert_not_null(v->body);
	v->began = p2v_sim_now(b->sim);
	if (b->box.ops->fetch(b->box.self, &rq, &handler, v, &v->fetch, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void visit_resume(struct visit *v)
{
	const struct p2v_world *w = &v->booth->box;

	w->ops->fetch_pause(w->self, v->fetch, false);
}

void visit_leave(struct visit *v)
{
	const struct p2v_world *w = &v->booth->box;

	if (v->fetch)
		w->ops->fetch_cancel(w->self, v->fetch);
	v->fetch = NULL;
	v->done = true;
	v->code = P2V_ECANCELED;
	v->done_at = p2v_sim_now(v->booth->sim);
}

void visit_wait(struct visit *v)
{
	for (int i = 0; i < 6000 && !v->done; i++)
		booth_run(v->booth, 10 * P2V_MSEC);
	cr_assert(v->done, "a request was not answered within a minute");
}

uint32_t visit_get(struct booth *b, struct visit *v, const char *path)
{
	visit_fini(v);
	visit_begin(b, v, path);
	visit_wait(v);
	return v->status;
}

void visit_fini(struct visit *v)
{
	struct visit fresh = { .host = v->host,
		.head = v->head,
		.redirects = v->redirects,
		.pause_at = v->pause_at,
		.leave_at = v->leave_at };

	if (v->fetch)
		visit_leave(v);
	free(v->body);
	memcpy(fresh.headers, v->headers, sizeof fresh.headers);
	*v = fresh;
}

const char *visit_field(const struct visit *v, const char *name)
{
	unsigned n;

	return field_of(v->fields, name, &n);
}

unsigned visit_fields(const struct visit *v, const char *name)
{
	unsigned n;

	(void)field_of(v->fields, name, &n);
	return n;
}

void visit_expect(const struct visit *v, const struct page *p, uint64_t off, size_t n)
{
	cr_assert_eq(v->n, n, "%zu bytes came, not %zu", v->n, n);
	for (size_t i = 0; i < n; i++) {
		uint8_t want = site_body(p, off + i);

		cr_assert_eq((uint8_t)v->body[i], want, "byte %zu is another", i);
	}
}
