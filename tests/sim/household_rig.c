/* household_rig.c - one session of the transport between a viewer's machine and a server, with its
 * own controller: packets, losses and queues as those of a bulk TCP transfer. */
#include "tests/sim/household_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "sdk/sim/record.h"

#define SERVERS_IP 0x0a020000u
enum { SLICE = 16384, UNSENT = 4 * SLICE };

/** One end of it. */
struct side {
	struct household *of;
	struct p2v_node node;
	struct p2v_policy cc;
	struct p2v_sim_records *records;
	struct p2v_dtl *dtl;
	struct p2v_stream *stream;
};

struct household {
	struct side sender, receiver;
	struct p2v_buf *media; /* what is sent, over and over */
	void *conf;            /* the controller's options */
	uint64_t arrived;      /* [B] */
};

static void pump(struct side *e)
{
	while (e->stream && p2v_stream_unsent(e->stream) < UNSENT)
		cr_assert_eq(
			p2v_stream_write(e->stream, p2v_slice_of(e->of->media, 0, SLICE)), P2V_OK);
}

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct side *e = ctx;

	if (e != &e->of->sender)
		return;
	cr_assert_eq(p2v_stream_open(s, &e->stream), P2V_OK);
	pump(e);
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	(void)ctx;
	(void)s;
	cr_assert_fail("the household's transfer broke: %s", why->text);
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)ctx;
	(void)s;
	(void)t;
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct side *e = ctx;
	const uint8_t *p;
	size_t n;

	while ((n = p2v_stream_peek(t, &p)) > 0) {
		e->of->arrived += n;
		p2v_stream_consume(t, n);
	}
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	(void)t;
	pump(ctx);
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)ctx;
	(void)t;
	(void)code;
	(void)reason;
}

static void side_open(
	struct side *e, struct household *h, struct p2v_machine *m, const struct p2v_plugin *cc)
{
	static const struct p2v_dtl_handler handler = { .opened = on_opened,
		.closed = on_closed,
		.accepted = on_accepted,
		.readable = on_readable,
		.writable = on_writable,
		.ended = on_ended };
	struct p2v_world world = p2v_machine_world(m);
	struct p2v_addr bind = { .port = 0 };
	struct p2v_records records;
	struct p2v_dtl_conf conf;
	struct p2v_id id = { { 0 } };
	struct p2v_err err;

	id.b[0] = e == &h->sender;
	id.b[1] = 0xff;
	e->of = h;
	memset(&conf, 0, sizeof conf);
	cr_assert_eq(
		p2v_options_default(p2v_dtl_options, sizeof *p2v_dtl_options, &conf, &err), P2V_OK);
	p2v_node_init(&e->node, &world, id.b[0]);
	p2v_policy_init(&e->cc, &e->node, cc, h->conf);
	e->records = p2v_sim_records_new(&e->node, &id, P2V_IS_PEER, NULL);
	cr_assert_not_null(e->records);
	records = p2v_sim_records(e->records);
	cr_assert_eq(
		p2v_dtl_new(&e->node, &conf, &records, &e->cc, &bind, &handler, e, &e->dtl, &err),
		P2V_OK);
}

struct household *household_begin(struct p2v_swarm *s, size_t viewer, bool up, const char *cc)
{
	static const struct p2v_link fast = { .delay = 5 * P2V_MSEC };
	const struct p2v_plugin *plugin = rig_plugin(P2V_KIND_CC, cc);
	struct p2v_addr ip = p2v_addr_v4(SERVERS_IP + 2 * (uint32_t)viewer + up, 0), to;
	struct household *h = calloc(1, sizeof *h);
	struct p2v_machine *server, *mine = p2v_swarm_machine(s, viewer);
	struct p2v_session *session;
	struct p2v_err err;

	cr_assert_not_null(h);
	server = p2v_machine_new(p2v_swarm_sim(s), up ? "upload" : "download", &ip, &fast);
	cr_assert_not_null(server);
	h->media = p2v_buf_new(SLICE);
	h->conf = calloc(1, (size_t)plugin->conf_size);
	cr_assert(h->media && h->conf);
	memset(h->media->data, 0, SLICE);
	cr_assert_eq(
		p2v_options_default(plugin->options, plugin->option_size, h->conf, &err), P2V_OK);
	side_open(&h->sender, h, up ? mine : server, plugin);
	side_open(&h->receiver, h, up ? server : mine, plugin);
	to = p2v_dtl_bound(h->receiver.dtl);
	cr_assert_eq(p2v_dtl_dial(h->sender.dtl, &to, &session, &err), P2V_OK);
	return h;
}

uint64_t household_bytes(const struct household *h)
{
	return h->arrived;
}

void household_end(struct household *h)
{
	p2v_dtl_free(h->sender.dtl);
	p2v_dtl_free(h->receiver.dtl);
	p2v_sim_records_free(h->sender.records);
	p2v_sim_records_free(h->receiver.records);
	p2v_node_fini(&h->sender.node);
	p2v_node_fini(&h->receiver.node);
	p2v_buf_unref(h->media);
	free(h->conf);
	free(h);
}
