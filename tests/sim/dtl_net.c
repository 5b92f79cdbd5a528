/* dtl_net.c - nodes of the transport in virtual time, and an application that checks every byte. */
#include "tests/sim/dtl_net.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "framework/base/options.h"
#include "framework/base/random.h"
#include "framework/base/wire.h"

enum { SLICE = 16384, UNSENT = 65536 };

void net_pattern(uint64_t key, uint64_t offset, uint8_t *out, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = offset + i;

		if (i == 0 || at % 8 == 0)
			word = p2v_mix64(key + at / 8);
		out[i] = (uint8_t)(word >> (8 * (at % 8)));
	}
}

/* ---- the application ---- */

static struct xfer *xfer_new(struct end *e, struct p2v_stream *t, bool opener)
{
	struct xfer *x = calloc(1, sizeof *x);

	if (!x) {
		e->starved++;
		p2v_stream_release(t);
		return NULL;
	}
	x->end = e;
	x->stream = t;
	x->opener = opener;
	x->began = p2v_sim_now(e->net->sim);
	x->idle = !opener && e->idle;
	x->stop_at = opener ? 0 : e->stop_at;
	p2v_list_push(&e->xfers, &x->in_end);
	p2v_stream_set_user(t, x);
	return x;
}

static void pump(struct xfer *x)
{
	while (!x->finished && x->sent < x->to_send && p2v_stream_unsent(x->stream) < UNSENT) {
		size_t n = x->to_send - x->sent < SLICE ? (size_t)(x->to_send - x->sent) : SLICE;
		struct p2v_buf *b = p2v_buf_new(n);
		int code = P2V_ENOMEM;

		if (b) {
			net_pattern(x->key, x->sent, b->data, n);
			code = p2v_stream_write(x->stream, p2v_slice_of(b, 0, n));
			p2v_buf_unref(b);
		}
		if (code == P2V_ENOMEM) {
			x->end->starved++;
			p2v_stream_reset(x->stream, 600);
			x->finished = true;
			return;
		}
		if (code != P2V_OK)
			x->finished = true;
		x->sent += n;
	}
	if (!x->finished && x->sent == x->to_send) {
		p2v_stream_finish(x->stream);
		x->finished = true;
	}
}

static void check_bytes(struct xfer *x, const uint8_t *p, size_t n)
{
	uint8_t want[SLICE];

	while (n) {
		size_t k = n < sizeof want ? n : sizeof want;

		/* what comes back has a key of its own */
		net_pattern(x->opener ? ~x->key : x->key, x->got, want, k);
		if (memcmp(p, want, k) != 0 || x->got + k > x->to_get)
			x->wrong = true;
		x->got += k;
		p += k;
		n -= k;
	}
}

static void read_head(struct xfer *x)
{
	struct p2v_reader r = p2v_reader_of(x->head, sizeof x->head);

	x->key = p2v_read_be(&r, 8);
	x->to_get = p2v_read_be(&r, 8);
	x->to_send = p2v_read_be(&r, 8);
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct xfer *x = p2v_stream_user(t);
	struct p2v_session_info info;
	const uint8_t *p;
	size_t n;

	(void)ctx;
	if (x->idle)
		return;
	while ((n = p2v_stream_peek(t, &p)) > 0) {
		if (!x->opener && x->head_n < sizeof x->head) {
			if (n > sizeof x->head - x->head_n)
				n = sizeof x->head - x->head_n;
			memcpy(x->head + x->head_n, p, n);
			x->head_n += n;
			if (x->head_n == sizeof x->head)
				read_head(x);
		} else {
			check_bytes(x, p, n);
		}
		p2v_stream_consume(t, n);
		if (x->stop_at && x->got >= x->stop_at) {
			p2v_stream_reset(t, 1000);
			x->finished = true;
			return;
		}
	}
	if (!p2v_stream_eof(t) || x->eof)
		return;
	x->eof = true;
	p2v_session_info(p2v_stream_session(t), &info);
	x->window = info.receive_window;
	x->took = p2v_sim_now(x->end->net->sim) - x->began;
	if (!x->opener) {
		x->key = ~x->key;
		pump(x);
	}
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	pump(p2v_stream_user(t));
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	struct xfer *x = p2v_stream_user(t);

	(void)ctx;
	cr_assert(!x->ended, "a stream ends once");
	x->ended = true;
	x->end->ended++;
	x->code = code;
	x->reason = reason;
	x->stream = NULL;
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	struct end *e = ctx;

	(void)s;
	e->accepted++;
	(void)xfer_new(e, t, false);
}

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct end *e = ctx;

	e->opened++;
	e->session = s;
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct end *e = ctx;

	e->closed++;
	e->why = *why;
	if (e->session == s)
		e->session = NULL;
}

static void on_probe(void *ctx, const struct p2v_addr *from, struct p2v_bytes b)
{
	struct end *e = ctx;

	(void)from;
	(void)b;
	e->probes++;
}

static const struct p2v_dtl_handler handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended,
	.probe = on_probe };

struct xfer *net_send(struct p2v_session *s, uint64_t size, uint64_t reply)
{
	struct p2v_stream *t;
	struct xfer *x;
	uint8_t head[24];
	struct p2v_writer w = p2v_writer_of(head, sizeof head);
	struct p2v_slice slice;
	struct end *e;

	if (p2v_stream_open(s, &t) != P2V_OK)
		return NULL;
	e = p2v_session_user(s);
	cr_assert(e, "net_connect sets it");
	x = xfer_new(e, t, true);
	if (!x)
		return NULL;
	x->key = p2v_random_next(&e->node.random);
	x->to_send = size;
	x->to_get = reply;
	p2v_write_be(&w, x->key, 8);
	p2v_write_be(&w, size, 8);
	p2v_write_be(&w, reply, 8);
	slice = p2v_slice_copy(head, sizeof head);
	if (!slice.p || p2v_stream_write(t, slice) != P2V_OK) {
		e->starved++;
		p2v_stream_reset(t, 600);
		x->finished = true;
	}
	pump(x);
	return x;
}

/* ---- the network ---- */

void net_init(struct net *net, uint64_t seed, const struct p2v_plugin *cc)
{
	memset(net, 0, sizeof *net);
	net->sim = p2v_sim_new(seed);
	cr_assert(net->sim);
	net->cc = cc;
}

struct p2v_dtl_conf net_conf(void)
{
	struct p2v_dtl_conf c = { .max_sessions = 0 };

	cr_assert_eq(
		p2v_options_default(p2v_dtl_options, sizeof *p2v_dtl_options, &c, NULL), P2V_OK);
	return c;
}

struct end *net_node(struct net *net, const struct p2v_link *link)
{
	struct end *e = &net->end[net->n++];
	struct p2v_addr ip = p2v_addr_v4(0x0a000001u + (uint32_t)net->n, 0);
	struct p2v_world world;
	char name[16];

	cr_assert(net->n <= NET_ENDS);
	(void)snprintf(name, sizeof name, "n%zu", net->n);
	e->net = net;
	e->machine = p2v_machine_new(net->sim, name, &ip, link);
	cr_assert(e->machine);
	world = p2v_machine_world(e->machine);
	p2v_node_init(&e->node, &world, net->n);
	cr_assert(net->cc->conf_size <= sizeof e->cc_conf);
	cr_assert_eq(p2v_options_default(net->cc->options, net->cc->option_size, e->cc_conf, NULL),
		P2V_OK);
	p2v_policy_init(&e->cc, &e->node, net->cc, e->cc_conf);
	p2v_list_init(&e->xfers);
	e->addr = ip;
	return e;
}

void net_open(struct end *e, const struct p2v_dtl_conf *conf, const struct p2v_records *records)
{
	struct p2v_addr bind = { .port = e->port ? e->port : 4433 };
	struct p2v_records own;
	struct p2v_id id = { { 0 } };
	struct p2v_err err;

	id.b[0] = e->addr.ip[15];
	e->conf = conf ? *conf : net_conf();
	if (!records) {
		e->records = p2v_sim_records_new(&e->node, &id, P2V_IS_PEER, NULL);
		cr_assert(e->records);
		own = p2v_sim_records(e->records);
		records = &own;
	}
	cr_assert_eq(
		p2v_dtl_new(&e->node, &e->conf, records, &e->cc, &bind, &handler, e, &e->dtl, &err),
		P2V_OK);
	e->addr = p2v_dtl_bound(e->dtl);
}

struct end *net_end_with(struct net *net, const struct p2v_link *link,
	const struct p2v_dtl_conf *conf, const struct p2v_records *records)
{
	struct end *e = net_node(net, link);

	net_open(e, conf, records);
	return e;
}

struct end *net_end(struct net *net, const struct p2v_link *link)
{
	return net_end_with(net, link, NULL, NULL);
}

void net_fini(struct net *net)
{
	for (size_t i = 0; i < net->n; i++) {
		struct end *e = &net->end[i];

		p2v_dtl_free(e->dtl);
		p2v_sim_records_free(e->records);
		p2v_dtls_free(e->dtls);
		p2v_node_fini(&e->node);
		P2V_LIST_EACH (it, &e->xfers)
			free(P2V_OF(it, struct xfer, in_end));
	}
	p2v_sim_free(net->sim);
}

struct p2v_session *net_dial(struct end *from, struct end *to)
{
	struct p2v_session *s;
	struct p2v_err err;

	if (p2v_dtl_dial(from->dtl, &to->addr, &s, &err) != P2V_OK)
		return NULL;
	p2v_session_set_user(s, from);
	return s;
}

struct p2v_session *net_connect(struct end *from, struct end *to)
{
	struct p2v_session *s = net_dial(from, to);
	unsigned opened = from->opened, closed = from->closed;

	cr_assert(s);
	for (int i = 0; i < 2000 && from->opened == opened && from->closed == closed; i++)
		net_run(from->net, 10 * P2V_MSEC);
	cr_assert(from->opened > opened, "the session opens");
	for (int i = 0; i < 200 && !to->session; i++)
		net_run(from->net, 10 * P2V_MSEC);
	if (to->session)
		p2v_session_set_user(to->session, to);
	return s;
}

void net_run(struct net *net, p2v_usec time)
{
	(void)p2v_sim_run(net->sim, p2v_sim_now(net->sim) + time);
}

static bool settled(const struct net *net)
{
	for (size_t i = 0; i < net->n; i++)
		P2V_LIST_EACH (it, &net->end[i].xfers) {
			const struct xfer *x = P2V_OF(it, struct xfer, in_end);

			if (!x->ended)
				return false;
		}
	return true;
}

bool net_settle(struct net *net, p2v_usec limit)
{
	p2v_usec until = p2v_sim_now(net->sim) + limit;

	while (!settled(net) && p2v_sim_now(net->sim) < until)
		net_run(net, 10 * P2V_MSEC);
	return settled(net);
}

void net_resume(struct xfer *x)
{
	x->idle = false;
	if (x->stream)
		on_readable(x->end, x->stream);
}

void net_check_whole(struct end *e)
{
	P2V_LIST_EACH (it, &e->xfers) {
		const struct xfer *x = P2V_OF(it, struct xfer, in_end);

		cr_assert(!x->wrong, "every byte is the one that was sent");
		cr_assert(x->eof, "the end arrived");
		cr_assert_eq(x->got, x->to_get, "got %llu of %llu", (unsigned long long)x->got,
			(unsigned long long)x->to_get);
		cr_assert(x->ended);
		cr_assert_eq(x->code, P2V_OK, "ended with %d", x->code);
	}
}
