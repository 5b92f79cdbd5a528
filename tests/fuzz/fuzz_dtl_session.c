/* fuzz_dtl_session.c - a live session, and a remote that sends whatever the input says, packet by
 * packet: the session ends with a reason or goes on, and nothing is told twice.
 *
 * The input is a row of steps: one byte of kind, one byte of length, and so many bytes. */
#include <stdlib.h>
#include <string.h>

#include <peer2view/plugin.h>
#include "framework/base/options.h"
#include "framework/base/policy.h"
#include "framework/dtl/dtl.h"
#include "tests/fuzz/target.h"
#include "tests/sim/rogue.h"

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_cubic_LTX_p2v_plugin;

enum { STREAMS = 64, CONF = 256 };

/* The victim's application: it reads unless told not to, and remembers what is alive. */
struct app {
	struct p2v_session *session;
	struct p2v_stream *stream[STREAMS];
	bool idle, closed;
};

static void forget(struct app *a, const struct p2v_stream *t)
{
	for (size_t i = 0; i < STREAMS; i++)
		if (a->stream[i] == t)
			a->stream[i] = NULL;
}

static void remember(struct app *a, struct p2v_stream *t)
{
	for (size_t i = 0; i < STREAMS; i++)
		if (!a->stream[i]) {
			a->stream[i] = t;
			return;
		}
	p2v_stream_release(t); /* one that forgets its handles must do no harm either */
}

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct app *a = ctx;

	if (a->session)
		return; /* it calls from elsewhere, too: only the first is watched */
	a->session = s;
	a->closed = false;
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct app *a = ctx;

	if (a->session != s)
		return; /* a second call of the rogue's */
	if (a->closed || why->code == P2V_OK || why->text[0] == '\0')
		abort();
	for (size_t i = 0; i < STREAMS; i++)
		if (a->stream[i])
			abort(); /* streams end first */
	a->closed = true;
	a->session = NULL;
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	struct app *a = ctx;

	if (s == a->session)
		remember(a, t);
	else
		p2v_stream_release(t);
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct app *a = ctx;
	const uint8_t *q;
	size_t n;

	while (!a->idle && (n = p2v_stream_peek(t, &q)) > 0) {
		volatile uint8_t last = q[n - 1];

		(void)last;
		p2v_stream_consume(t, n);
	}
	if (p2v_stream_eof(t))
		p2v_stream_finish(t);
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	(void)p2v_stream_unsent(t);
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)code;
	(void)reason;
	forget(ctx, t);
}

static const struct p2v_dtl_handler handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

struct scene {
	struct p2v_sim *sim;
	struct p2v_node node;
	struct p2v_policy cc;
	uint64_t cc_conf[CONF / 8];
	struct p2v_sim_records *records;
	struct p2v_dtl *dtl;
	struct rogue rogue;
	struct app app;
};

static bool scene_init(struct scene *c, bool cubic)
{
	static const struct p2v_link link = { .delay = 5 * P2V_MSEC };
	const struct p2v_plugin *plugin = cubic ? &p2v_cc_cubic_LTX_p2v_plugin
						: &p2v_cc_newreno_LTX_p2v_plugin;
	struct p2v_addr ip = p2v_addr_v4(0x0a000001, 0), bind = { .port = 4433 }, bound;
	struct p2v_dtl_conf conf = { .max_sessions = 0 };
	struct p2v_id id = { { 1 } };
	struct p2v_records records;
	struct p2v_machine *m;
	struct p2v_world w;

	memset(c, 0, sizeof *c);
	c->sim = p2v_sim_new(1);
	m = c->sim ? p2v_machine_new(c->sim, "victim", &ip, &link) : NULL;
	if (!m)
		return false;
	w = p2v_machine_world(m);
	p2v_node_init(&c->node, &w, 1);
	if (p2v_options_default(p2v_dtl_options, sizeof *p2v_dtl_options, &conf, NULL) != P2V_OK ||
		p2v_options_default(plugin->options, plugin->option_size, c->cc_conf, NULL) !=
			P2V_OK)
		return false;
	p2v_policy_init(&c->cc, &c->node, plugin, c->cc_conf);
	c->records = p2v_sim_records_new(&c->node, &id, P2V_IS_PEER, NULL);
	if (!c->records)
		return false;
	records = p2v_sim_records(c->records);
	if (p2v_dtl_new(&c->node, &conf, &records, &c->cc, &bind, &handler, &c->app, &c->dtl,
		    NULL) != P2V_OK)
		return false;
	bound = p2v_dtl_bound(c->dtl);
	if (!rogue_init(&c->rogue, c->sim, 9, &bound) || !rogue_dial(&c->rogue))
		return false;
	(void)p2v_sim_run(c->sim, 40 * P2V_MSEC);
	return c->app.session != NULL;
}

static void scene_fini(struct scene *c)
{
	p2v_dtl_free(c->dtl);
	rogue_fini(&c->rogue);
	p2v_sim_records_free(c->records);
	p2v_node_fini(&c->node);
	p2v_sim_free(c->sim);
}

static void run(struct scene *c, p2v_usec time)
{
	(void)p2v_sim_run(c->sim, p2v_sim_now(c->sim) + time);
}

/* What the victim itself does. */
static void act(struct scene *c, uint8_t what, uint8_t arg)
{
	static const uint8_t zeros[256 * 256];
	struct p2v_stream *t = c->app.stream[arg % STREAMS];

	if (!c->app.session)
		return;
	switch (what % 8) {
	case 0:
		if (p2v_stream_open(c->app.session, &t) == P2V_OK)
			remember(&c->app, t);
		break;
	case 1:
		if (t && p2v_stream_write(t, p2v_slice_static(zeros, 256u * arg)) == P2V_ENOMEM)
			abort();
		break;
	case 2:
		if (t)
			p2v_stream_finish(t);
		break;
	case 3:
		if (t)
			p2v_stream_reset(t, arg);
		break;
	case 4:
		if (t) {
			forget(&c->app, t);
			p2v_stream_release(t);
		}
		break;
	case 5:
		if (t) {
			p2v_stream_set_priority(t, arg / 64.0, P2V_NEVER);
			p2v_stream_request_priority(t, arg / 64.0, p2v_sim_now(c->sim) + arg);
		}
		break;
	case 6: c->app.idle = arg & 1; break;
	default:
		if (arg < 16)
			p2v_session_close(c->app.session, arg, "enough");
		else
			p2v_session_ping(c->app.session);
		break;
	}
}

static void step(struct scene *c, uint8_t kind, const uint8_t *p, size_t n)
{
	switch (kind % 6) {
	case 0:
	case 1: rogue_send(&c->rogue, p, n); break;
	case 2: rogue_packet(&c->rogue, p, n); break;
	case 3: rogue_datagram(&c->rogue, p, n); break;
	case 4:
		c->rogue.dumb = n & 1;
		run(c, (p2v_usec)n * 4 * P2V_MSEC);
		break;
	default: act(c, n ? p[0] : 0, n > 1 ? p[1] : 0); break;
	}
	if (kind & 64) {
		struct p2v_addr to = kind & 32 ? p2v_addr_v4(0x0a000300u + kind, 0) : c->rogue.addr;

		to.port = (uint16_t)(n ? p[0] : 1);
		(void)rogue_move(&c->rogue, &to);
	}
	if (kind & 128)
		run(c, 10 * P2V_MSEC);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	static struct scene c;
	size_t i = 1;

	if (n == 0)
		return;
	if (!scene_init(&c, p[0] & 1))
		abort();
	while (n - i >= 2 && n > i) {
		size_t k = p[i + 1] < n - i - 2 ? p[i + 1] : n - i - 2;

		step(&c, p[i], p + i + 2, k);
		i += 2 + k;
	}
	c.rogue.dumb = true;
	run(&c, 200 * P2V_SECOND); /* whatever it was, a session that nobody answers ends */
	if (c.app.session)
		abort();
	scene_fini(&c);
}
