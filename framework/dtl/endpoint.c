/* endpoint.c - the node's one socket: which datagram is whose, the turn that ends every call from
 * the world, and the transport's birth and death. */
#include "framework/dtl/inside.h"

#include <assert.h>
#include <stdlib.h>

enum { TURN_SESSIONS = 4096 }; /* served in one turn before the world has its say */

/* ---- turns ---- */

void p2v_session_wake(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;

	if (!p2v_list_empty(&s->in_busy) && !d->out.blocked)
		return;
	p2v_list_remove(&s->in_busy);
	p2v_list_push(&d->busy, &s->in_busy);
	if (!d->turning)
		p2v_arm(&d->node->world, &d->turn, p2v_now(&d->node->world));
}

void p2v_dtl_begin(struct p2v_dtl *d)
{
	assert(!d->turning);
	d->turning = true;
}

void p2v_dtl_finish(struct p2v_dtl *d)
{
	struct p2v_list *it;

	for (int i = 0; i < TURN_SESSIONS && (it = p2v_list_first(&d->busy)); i++) {
		p2v_list_remove(it);
		p2v_session_serve(P2V_OF(it, struct p2v_session, in_busy));
	}
	p2v_outbox_flush(&d->out);
	P2V_LIST_EACH (later, &d->later) {
		p2v_list_remove(later);
		p2v_list_push(&d->busy, later);
	}
	d->turning = false;
	if (!p2v_list_empty(&d->busy))
		p2v_arm(&d->node->world, &d->turn, p2v_now(&d->node->world));
}

static void turn_fired(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_dtl *d = P2V_OF(t, struct p2v_dtl, turn);

	(void)now;
	p2v_dtl_begin(d);
	p2v_dtl_finish(d);
}

/* ---- sessions by address ---- */

static struct p2v_session *find(struct p2v_dtl *d, const struct p2v_addr *a)
{
	struct p2v_session *s;

	HASH_FIND(hh, d->by_addr, a, sizeof *a, s);
	return s;
}

void p2v_session_free(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;

	if (s->hh.tbl)
		HASH_DEL(d->by_addr, s);
	p2v_session_forget(s);
	if (s->heir)
		p2v_session_free(s->heir);
	if (s->elder)
		s->elder->heir = NULL;
	p2v_session_fini(s);
	p2v_list_remove(&s->in_all);
	p2v_list_remove(&s->in_busy);
	p2v_list_remove(&s->in_lingering);
	d->n_sessions--;
	d->grown -= s->excess;
	free(s->why);
	free(s);
}

/* @return whether there is room for one more session; those that only linger make it */
static bool room(struct p2v_dtl *d)
{
	struct p2v_list *it;

	while (d->n_sessions >= d->conf.max_sessions && (it = p2v_list_first(&d->lingering)))
		p2v_session_free(P2V_OF(it, struct p2v_session, in_lingering));
	return d->n_sessions < d->conf.max_sessions;
}

static int enter(struct p2v_dtl *d, struct p2v_session *s)
{
	HASH_ADD(hh, d->by_addr, addr, sizeof s->addr, s);
	return P2V_HASH_ADDED(hh, s) ? P2V_OK : P2V_ENOMEM;
}

/* ---- sessions by connection id ---- */

void p2v_session_known(struct p2v_session *s)
{
	struct p2v_cids *c = &s->dtl->cids;

	s->cid = s->record->cid;
	/* Without memory it is not found either. */
	s->cid_known = !p2v_cids_find(c, s->cid) && p2v_cids_add(c, s->cid, s) == P2V_OK;
}

void p2v_session_forget(struct p2v_session *s)
{
	if (s->cid_known)
		p2v_cids_remove(&s->dtl->cids, s->cid);
	s->cid_known = false;
}

/* An address has one host behind it: what was there before is gone, or will be heard of from
 * elsewhere. */
static void displace(struct p2v_session *s)
{
	HASH_DEL(s->dtl->by_addr, s);
	s->hh.tbl = NULL;
	if (s->heir)
		p2v_session_free(s->heir);
	if (s->state == P2V_SESSION_SHAKES)
		p2v_session_end(s, P2V_ECLOSED, P2V_CLOSE_SILENT, "the address is another node's");
	else if (s->state == P2V_SESSION_LINGERS)
		p2v_session_free(s);
}

void p2v_session_move(struct p2v_session *s, const struct p2v_addr *to, p2v_usec now)
{
	struct p2v_dtl *d = s->dtl;
	struct p2v_session *there = find(d, to);
	bool host = memcmp(s->addr.ip, to->ip, sizeof to->ip) != 0;

	if (there)
		displace(there);
	if (s->hh.tbl)
		HASH_DEL(d->by_addr, s);
	s->hh.tbl = NULL;
	if (s->heir) /* who calls from the old address is somebody else */
		p2v_session_free(s->heir);
	s->addr = *to;
	if (enter(d, s) != P2V_OK) {
		p2v_session_end(s, P2V_ENOMEM, P2V_DTL_INTERNAL, "no memory for a session");
		return;
	}
	p2v_count(&d->node->metrics, P2V_M_SESSIONS_MOVED, 1);
	p2v_session_new_path(s, now, host);
}

/* ---- what arrives ---- */

static void drop(struct p2v_dtl *d)
{
	p2v_count(&d->node->metrics, P2V_M_DGRAMS_DROPPED, 1);
}

/* A call has no session to speak through until it has proven its address. */
struct caller {
	struct p2v_dtl *d;
	const struct p2v_addr *addr;
	size_t sent;
};

static void emit_to_caller(void *ctx, const uint8_t *p, size_t n)
{
	struct caller *c = ctx;
	uint8_t *to = p2v_outbox_room(&c->d->out, n);

	if (!to)
		return;
	memcpy(to, p, n);
	p2v_outbox_add(&c->d->out, c->addr, n);
	c->sent += n;
}

static void no_packet(void *ctx, const uint8_t *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
}

/* @return the record of a call that proved its address; NULL: none yet, or not for us */
static struct p2v_record *answer(
	struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n, size_t *sent)
{
	struct caller c = { .d = d, .addr = from };
	struct p2v_record_up up = { .ctx = &c, .emit = emit_to_caller, .packet = no_packet };
	struct p2v_record *r = NULL;

	if (d->records.ops->accept(d->records.self, from, p, n, &up, &r) != P2V_OK)
		drop(d);
	*sent = c.sent;
	return r;
}

static void stranger(struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	struct p2v_session *s;
	struct p2v_record *r;
	size_t sent;

	if (!room(d) || !p2v_shaking_room(d)) {
		drop(d);
		return;
	}
	r = answer(d, from, p, n, &sent);
	if (!r)
		return;
	s = p2v_session_new(d, from, false);
	if (!s) {
		r->ops->free(r);
		return;
	}
	s->record = r;
	s->sent = sent;
	s->received = n;
	if (enter(d, s) != P2V_OK) {
		p2v_session_free(s);
		return;
	}
	p2v_session_follow(s);
	p2v_session_wake(s);
}

/* Both ends call each other, and ours gives way; or a caller began again: the session goes on with
 * the new record. */
static void replace_record(struct p2v_session *s, struct p2v_record *r)
{
	s->record->ops->free(s->record);
	s->record = r;
	s->dialled = r->client;
	s->born = p2v_now(&s->dtl->node->world);
	p2v_session_follow(s);
	p2v_session_wake(s);
}

/* The remote of a session that is up calls, as one does that was started anew. The session lives
 * until the caller has proven who it is: an address can be forged. */
static void take_heir(struct p2v_session *s, struct p2v_record *r)
{
	struct p2v_dtl *d = s->dtl;
	struct p2v_session *heir = room(d) ? p2v_session_new(d, &s->addr, false) : NULL;

	if (!heir) {
		r->ops->free(r);
		return;
	}
	heir->record = r;
	heir->elder = s;
	s->heir = heir;
	p2v_session_follow(heir);
	p2v_session_wake(heir);
}

static void called(struct p2v_session *s, const uint8_t *p, size_t n)
{
	struct p2v_session *live = s->heir ? s->heir : s;
	struct p2v_dtl *d = s->dtl;
	struct p2v_addr addr = s->addr;
	struct p2v_record *r;
	size_t sent;

	r = answer(d, &addr, p, n, &sent);
	if (!r)
		return;
	live->sent += sent;
	live->received += n;
	if (live->state == P2V_SESSION_SHAKES) {
		replace_record(live, r);
	} else if (live->state == P2V_SESSION_UP) {
		take_heir(live, r);
	} else if (live->state == P2V_SESSION_LINGERS) {
		p2v_session_free(live);
		live = p2v_session_new(d, &addr, false);
		if (!live || enter(d, live) != P2V_OK) {
			if (live)
				p2v_session_free(live);
			r->ops->free(r);
			return;
		}
		live->record = r;
		p2v_session_follow(live);
		p2v_session_wake(live);
	} else {
		r->ops->free(r); /* it ends in this turn; the call will come again */
	}
}

/* @return whether it is a packet of a session's that is up */
static bool familiar(struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	struct p2v_session *live, *there;
	uint32_t cid;

	if (!p2v_record_cid(p, n, &cid))
		return false;
	live = p2v_cids_find(&d->cids, cid);
	if (live && live->hh.tbl && p2v_addr_equal(&live->addr, from)) {
		p2v_session_input(live, NULL, p, n);
		return true;
	}
	there = live ? find(d, from) : NULL;
	if (!live || (there && there->cid == cid))
		return false;
	p2v_session_input(live, from, p, n);
	return true;
}

static void secured(struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	struct p2v_session *s, *live;

	if (familiar(d, from, p, n))
		return;
	s = find(d, from);
	if (!s) {
		stranger(d, from, p, n);
		return;
	}
	live = s->heir ? s->heir : s;
	switch (live->record->ops->classify(live->record, p, n)) {
	case P2V_RECORD_DATA: p2v_session_input(s, NULL, p, n); break;
	case P2V_RECORD_SHAKE: p2v_session_input(live, NULL, p, n); break;
	case P2V_RECORD_CALL: called(s, p, n); break;
	case P2V_RECORD_STALE: drop(d); break;
	}
}

/* RFC 7983: the first byte tells what a datagram is. */
static void datagram(struct p2v_dtl *d, const struct p2v_addr *from, const uint8_t *p, size_t n)
{
	if (n && p[0] >= 20 && p[0] <= 63)
		secured(d, from, p, n);
	else if (n && p[0] >= 64 && p[0] <= 79 && d->handler.probe)
		d->handler.probe(d->ctx, from, (struct p2v_bytes){ p, n });
	else
		drop(d);
}

static void received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct p2v_dtl *d = ctx;

	p2v_dtl_begin(d);
	for (size_t i = 0; i < n; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		for (size_t off = 0; off < v[i].n; off += seg)
			datagram(d, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	p2v_dtl_finish(d);
}

static void writable(void *ctx)
{
	struct p2v_dtl *d = ctx;

	p2v_dtl_begin(d);
	p2v_outbox_writable(&d->out);
	if (!d->out.blocked)
		P2V_LIST_EACH (it, &d->stalled) {
			p2v_list_remove(it);
			p2v_list_push(&d->busy, it);
		}
	p2v_dtl_finish(d);
}

static const struct p2v_udp_handler udp_handler = {
	.received = received, .writable = writable, .asks = true
};

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
	d->conf = *conf;
	if (d->conf.max_sessions == 0)
		d->conf.max_sessions = P2V_DTL_SESSIONS;
	d->records = *records;
	d->cc = cc;
	d->handler = *h;
	d->ctx = ctx;
	d->turn.fire = turn_fired;
	p2v_list_init(&d->all);
	p2v_list_init(&d->lingering);
	p2v_list_init(&d->shaking);
	p2v_list_init(&d->busy);
	p2v_list_init(&d->later);
	p2v_list_init(&d->stalled);
	code = node->world.ops->udp_open(
		node->world.self, bind, &udp_handler, d, &d->udp, &d->bound, err);
	if (code != P2V_OK) {
		free(d);
		return code;
	}
	if (p2v_outbox_init(&d->out, &node->world, d->udp) != P2V_OK) {
		node->world.ops->udp_close(node->world.self, d->udp);
		free(d);
		return p2v_fail(err, P2V_ENOMEM, "no memory for the transport");
	}
	d->recv_pool.most = conf->spare_blocks;
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

		if (s->state == P2V_SESSION_UP) {
			p2v_session_end(s, P2V_ECANCELED, P2V_DTL_GOING_AWAY, "the node goes away");
			p2v_session_send_close(s);
			s->record->ops->close(s->record, &s->up);
		}
		p2v_session_free(s);
	}
	assert(d->grown == 0 && d->n_shaking == 0);
	p2v_outbox_flush(&d->out);
	p2v_disarm(&d->node->world, &d->turn);
	d->node->world.ops->udp_close(d->node->world.self, d->udp);
	p2v_outbox_fini(&d->out);
	p2v_recv_pool_fini(&d->recv_pool);
	p2v_cids_fini(&d->cids);
	free(d);
}

struct p2v_addr p2v_dtl_bound(const struct p2v_dtl *d)
{
	return d->bound;
}

void p2v_dtl_probe(struct p2v_dtl *d, const struct p2v_addr *to, struct p2v_bytes b)
{
	uint8_t *at = p2v_outbox_room(&d->out, b.n);

	assert(b.n && b.p[0] >= 64 && b.p[0] <= 79);
	if (!at)
		return;
	memcpy(at, b.p, b.n);
	p2v_outbox_add(&d->out, to, b.n);
	if (!d->turning)
		p2v_outbox_flush(&d->out);
}

int p2v_dtl_dial(
	struct p2v_dtl *d, const struct p2v_addr *to, struct p2v_session **out, struct p2v_err *err)
{
	struct p2v_session *s = find(d, to);
	int code;

	*out = NULL;
	if (s && s->state == P2V_SESSION_LINGERS) {
		p2v_session_free(s);
		s = NULL;
	}
	if (s)
		return p2v_fail(err, P2V_EAGAIN, "there is a session with that address");
	if (!room(d))
		return p2v_fail(
			err, P2V_ELIMIT, "there are %u sessions already", d->conf.max_sessions);
	s = p2v_session_new(d, to, true);
	if (!s || enter(d, s) != P2V_OK) {
		code = p2v_fail(err, P2V_ENOMEM, "no memory for a session");
	} else {
		code = d->records.ops->dial(d->records.self, &s->up, &s->record, err);
	}
	if (code != P2V_OK) {
		if (s)
			p2v_session_free(s);
		return code;
	}
	p2v_session_wake(s);
	if (!d->turning)
		p2v_outbox_flush(&d->out); /* its first flight */
	*out = s;
	return P2V_OK;
}
