/* endpoint.c - the node's one socket, for handshakes and probes; the turn that ends every call from
 * the world; the transport's birth and death. */
#include <assert.h>
#include <stdlib.h>

#include "framework/base/wire.h"
#include "sdk/sim/flow/inside.h"

enum {
	HEAD = 10,      /* [B] before a datagram of the record layer: type, mark, number */
	TYPE_SHAKE = 22 /* so that it counts as DTLS: RFC 7983 */
};
#define MARK 0xf1u

/* ---- turns ---- */

void p2v_flow_wake(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;

	if (!p2v_list_empty(&s->in_busy))
		return;
	p2v_list_push(&d->busy, &s->in_busy);
	if (!d->turning && !p2v_timer_armed(&d->turn.timer))
		p2v_event_at(&d->turn, d->sim->now);
}

void p2v_flow_begin(struct p2v_dtl *d)
{
	assert(!d->turning);
	d->turning = true;
}

void p2v_flow_finish(struct p2v_dtl *d)
{
	struct p2v_list *it;

	while ((it = p2v_list_first(&d->busy))) {
		p2v_list_remove(it);
		p2v_flow_serve(P2V_OF(it, struct p2v_session, in_busy));
	}
	d->turning = false;
}

static void turn_run(struct p2v_event *e, bool dropped)
{
	struct p2v_dtl *d = P2V_OF(e, struct p2v_dtl, turn);

	if (dropped)
		return;
	p2v_flow_begin(d);
	p2v_flow_finish(d);
}

static const struct p2v_event_kind turn_kind = { .run = turn_run };

/* ---- sessions ---- */

static struct p2v_session *find(struct p2v_dtl *d, const struct p2v_addr *a)
{
	struct p2v_session *s;

	HASH_FIND(hh, d->by_addr, a, sizeof *a, s);
	return s;
}

static bool enter(struct p2v_dtl *d, struct p2v_session *s)
{
	HASH_ADD(hh, d->by_addr, addr, sizeof s->addr, s);
	return P2V_HASH_ADDED(hh, s);
}

void p2v_flow_forget(struct p2v_session *s)
{
	if (s->hh.tbl)
		HASH_DEL(s->dtl->by_addr, s);
	s->hh.tbl = NULL;
}

void p2v_flow_moved(struct p2v_session *s, const struct p2v_addr *addr)
{
	struct p2v_session *other;

	if (p2v_addr_equal(&s->addr, addr) || !s->hh.tbl)
		return;
	other = find(s->dtl, addr); /* it has no address until it is heard from elsewhere */
	if (other)
		p2v_flow_forget(other);
	p2v_flow_forget(s);
	s->addr = *addr;
	p2v_count(&s->dtl->node->metrics, P2V_M_SESSIONS_MOVED, 1);
	(void)enter(
		s->dtl, s); /* no memory: it is found by no datagram any more, only by its end */
}

/* ---- what arrives ---- */

static void drop(struct p2v_dtl *d)
{
	p2v_count(&d->node->metrics, P2V_M_DGRAMS_DROPPED, 1);
}

void p2v_flow_emit(
	struct p2v_dtl *d, const struct p2v_addr *to, uint64_t number, const uint8_t *p, size_t n)
{
	const struct p2v_world *world = &d->node->world;
	uint8_t buf[2048];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);
	struct p2v_dgram v = { .addr = *to, .p = buf };

	p2v_write_be(&w, TYPE_SHAKE, 1);
	p2v_write_be(&w, MARK, 1);
	p2v_write_be(&w, number, 8);
	p2v_write_bytes(&w, p, n);
	if (w.full)
		return; /* as if the network had lost it */
	v.n = p2v_written(&w);
	(void)world->ops->udp_send(world->self, d->udp, &v, 1);
}

/* A call's answer leaves before there is a session: its number is that of the session to come. */
struct caller {
	struct p2v_dtl *d;
	const struct p2v_addr *addr;
	uint64_t number;
};

static void emit_to_caller(void *ctx, const uint8_t *p, size_t n)
{
	struct caller *c = ctx;

	p2v_flow_emit(c->d, c->addr, c->number, p, n);
}

static void no_packet(void *ctx, const uint8_t *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
}

static struct p2v_record *answer(
	struct p2v_dtl *d, const struct p2v_addr *from, uint64_t number, const uint8_t *p, size_t n)
{
	struct caller c = { d, from, number };
	struct p2v_record_up up = { .ctx = &c, .emit = emit_to_caller, .packet = no_packet };
	struct p2v_record *r = NULL;

	if (d->records.ops->accept(d->records.self, from, p, n, &up, &r) != P2V_OK)
		drop(d);
	return r;
}

/* Somebody calls from an address that has no session. */
static void stranger(
	struct p2v_dtl *d, const struct p2v_addr *from, uint64_t remote, const uint8_t *p, size_t n)
{
	struct p2v_session *s = d->n_sessions < d->conf.max_sessions
					? p2v_flow_session_new(d, from, false)
					: NULL;

	if (!s) {
		drop(d);
		return;
	}
	s->record = answer(d, from, s->number, p, n);
	s->remote_number = remote;
	if (!s->record || !enter(d, s)) {
		p2v_flow_session_free(s);
		return;
	}
	p2v_flow_follow(s);
	p2v_flow_wake(s);
}

/* The remote of a session calls: both do at once, or it began anew. */
static void called(struct p2v_session *s, uint64_t remote, const uint8_t *p, size_t n)
{
	struct p2v_dtl *d = s->dtl;
	struct p2v_addr addr = s->addr;
	struct p2v_record *r;

	if (s->state != P2V_FLOW_SHAKES) {
		p2v_flow_end(s, P2V_ECLOSED, P2V_FLOW_SILENT, "the remote began anew");
		p2v_flow_forget(s);
		stranger(d, &addr, remote, p, n);
		return;
	}
	r = answer(d, &addr, s->number, p, n);
	if (!r)
		return;
	s->record->ops->free(s->record);
	s->record = r;
	s->dialled = r->client;
	s->born = d->sim->now;
	s->remote_number = remote;
	p2v_flow_follow(s);
	p2v_flow_wake(s);
}

static void shake(
	struct p2v_dtl *d, const struct p2v_addr *from, uint64_t remote, const uint8_t *p, size_t n)
{
	struct p2v_session *s = find(d, from);

	if (!s) {
		stranger(d, from, remote, p, n);
		return;
	}
	switch (s->record->ops->classify(s->record, p, n)) {
	case P2V_RECORD_DATA:
	case P2V_RECORD_SHAKE:
		s->remote_number = remote;
		s->record->ops->input(s->record, p, n, &s->up);
		p2v_flow_follow(s);
		p2v_flow_wake(s);
		break;
	case P2V_RECORD_CALL: called(s, remote, p, n); break;
	case P2V_RECORD_STALE: drop(d); break;
	}
}

static void datagram(struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	struct p2v_reader r = p2v_reader_of(p, n);
	uint64_t type = p2v_read_be(&r, 1), mark = p2v_read_be(&r, 1);
	uint64_t number = p2v_read_be(&r, 8);

	if (n && p[0] >= 64 && p[0] <= 79 && d->handler.probe)
		d->handler.probe(d->ctx, from, (struct p2v_bytes){ p, n });
	else if (!r.bad && type == TYPE_SHAKE && mark == MARK && n > HEAD)
		shake(d, from, number, p + HEAD, n - HEAD);
	else
		drop(d);
}

static void received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct p2v_dtl *d = ctx;

	p2v_flow_begin(d);
	for (size_t i = 0; i < n; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		for (size_t off = 0; off < v[i].n; off += seg)
			datagram(d, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	p2v_flow_finish(d);
}

static void writable(void *ctx)
{
	(void)ctx; /* a virtual socket takes all */
}

static const struct p2v_udp_handler udp_handler = { .received = received, .writable = writable };

/* ---- the public face ---- */

static int check_conf(const struct p2v_dtl_conf *c, struct p2v_err *err)
{
	if (c->stream_window > c->session_window)
		return p2v_fail(err, P2V_ECONF, "stream_window is greater than session_window");
	if (c->stream_window_max < c->stream_window)
		return p2v_fail(err, P2V_ECONF, "stream_window_max is less than stream_window");
	if (c->session_window_max < c->session_window)
		return p2v_fail(err, P2V_ECONF, "session_window_max is less than session_window");
	if (c->keep_alive >= c->idle_timeout)
		return p2v_fail(err, P2V_ECONF, "keep_alive is not shorter than idle_timeout");
	return P2V_OK;
}

int p2v_dtl_new(struct p2v_node *node, const struct p2v_dtl_conf *conf,
	const struct p2v_records *records, struct p2v_policy *cc, const struct p2v_addr *bind,
	const struct p2v_dtl_handler *h, void *ctx, struct p2v_dtl **out, struct p2v_err *err)
{
	struct p2v_dtl *d;
	int code = check_conf(conf, err);

	*out = NULL;
	if (code != P2V_OK)
		return code;
	d = calloc(1, sizeof *d);
	if (!d)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the transport");
	d->node = node;
	d->machine = p2v_machine_of(&node->world);
	d->sim = d->machine->sim;
	d->conf = *conf;
	if (d->conf.max_sessions == 0)
		d->conf.max_sessions = P2V_DTL_SESSIONS;
	d->records = *records;
	d->weighs = (cc->plugin->caps & P2V_CC_CAP_PRIORITY) != 0;
	d->handler = *h;
	d->ctx = ctx;
	p2v_list_init(&d->all);
	p2v_list_init(&d->busy);
	p2v_event_init(&d->turn, d->sim, d->machine, &turn_kind);
	code = node->world.ops->udp_open(
		node->world.self, bind, &udp_handler, d, &d->udp, &d->bound, err);
	if (code != P2V_OK) {
		free(d);
		return code;
	}
	*out = d;
	return P2V_OK;
}

void p2v_dtl_free(struct p2v_dtl *d)
{
	if (!d)
		return;
	assert(!d->turning);
	d->turning = true; /* nothing need be woken any more */
	while (!p2v_list_empty(&d->all)) {
		struct p2v_session *s = P2V_OF(d->all.next, struct p2v_session, in_all);

		if (s->state == P2V_FLOW_UP) {
			p2v_flow_end(s, P2V_ECANCELED, P2V_DTL_GOING_AWAY, "the node goes away");
			p2v_flow_send_close(s);
		}
		p2v_flow_session_free(s);
	}
	p2v_event_cancel(&d->turn);
	d->node->world.ops->udp_close(d->node->world.self, d->udp);
	free(d);
}

struct p2v_addr p2v_dtl_bound(const struct p2v_dtl *d)
{
	return d->bound;
}

void p2v_dtl_probe(struct p2v_dtl *d, const struct p2v_addr *to, struct p2v_bytes b)
{
	struct p2v_dgram v = { .addr = *to, .p = b.p, .n = b.n };

	assert(b.n && b.p[0] >= 64 && b.p[0] <= 79);
	(void)d->node->world.ops->udp_send(d->node->world.self, d->udp, &v, 1);
}

int p2v_dtl_dial(
	struct p2v_dtl *d, const struct p2v_addr *to, struct p2v_session **out, struct p2v_err *err)
{
	struct p2v_session *s = find(d, to);
	int code;

	*out = NULL;
	if (s && s->state != P2V_FLOW_ENDED)
		return p2v_fail(err, P2V_EAGAIN, "there is a session with that address");
	if (s)
		p2v_flow_forget(s);
	if (d->n_sessions >= d->conf.max_sessions)
		return p2v_fail(
			err, P2V_ELIMIT, "there are %u sessions already", d->conf.max_sessions);
	s = p2v_flow_session_new(d, to, true);
	if (!s || !enter(d, s))
		code = p2v_fail(err, P2V_ENOMEM, "no memory for a session");
	else
		code = d->records.ops->dial(d->records.self, &s->up, &s->record, err);
	if (code != P2V_OK) {
		if (s)
			p2v_flow_session_free(s);
		return code;
	}
	p2v_flow_wake(s);
	*out = s;
	return P2V_OK;
}
