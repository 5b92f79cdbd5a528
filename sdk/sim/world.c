/* world.c - virtual time, machines, datagrams and names. HTTP between machines is in http.c. */
#include "sdk/sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/text.h"
#include "sdk/sim/inside.h"

enum { DGRAM_OVERHEAD = 28 }; /* [B] IPv4 and UDP headers */
enum { MIX_DGRAM = 1, MIX_TIMER, MIX_LOG, MIX_LOST };

struct p2v_udp {
	struct p2v_addr addr;
	struct p2v_machine *machine;
	struct p2v_list in_machine;
	const struct p2v_udp_handler *handler;
	void *ctx;
	UT_hash_handle hh;
};

struct name {
	struct p2v_list in_sim;
	struct p2v_addr ip;
	char text[64];
};

struct lookup_job {
	struct p2v_event event;
	p2v_lookup_done done;
	void *ctx;
	struct p2v_addr addr;
	bool found;
};

struct packet {
	struct p2v_event event;
	struct p2v_addr from, to;
	bool queued; /* it has passed the receiver's link */
	size_t n;
	uint8_t p[];
};

struct action {
	struct p2v_timer timer;
	void (*fn)(void *ctx);
	void *ctx;
};

/* ---- the run ---- */

struct p2v_sim *p2v_sim_new(uint64_t seed)
{
	struct p2v_sim *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->seed = seed;
	s->epoch = INT64_C(1767225600) * P2V_SECOND; /* 2026-01-01, any fixed day */
	p2v_random_init(&s->network, seed, "network");
	p2v_list_init(&s->machines);
	p2v_list_init(&s->names);
	p2v_list_init(&s->servers);
	return s;
}

void p2v_sim_mix(struct p2v_sim *s, uint64_t what)
{
	s->hash = p2v_mix64(s->hash ^ what) + UINT64_C(0x9e3779b97f4a7c15);
}

void p2v_sim_mix_bytes(struct p2v_sim *s, const void *p, size_t n)
{
	const uint8_t *q = p;

	p2v_sim_mix(s, n);
	for (; n >= 8; q += 8, n -= 8) {
		uint64_t v = 0;

		for (int i = 0; i < 8; i++)
			v |= (uint64_t)q[i] << (8 * i);
		p2v_sim_mix(s, v);
	}
	for (size_t i = 0; i < n; i++)
		p2v_sim_mix(s, q[i]);
}

static void mix_event(struct p2v_sim *s, const struct p2v_machine *m, uint64_t what)
{
	p2v_sim_mix(s, (uint64_t)s->now << 8 | what);
	p2v_sim_mix(s, (uint64_t)m->ip.ip[15] << 16 | (uint64_t)m->ip.ip[14] << 8 | m->ip.ip[13]);
}

p2v_usec p2v_sim_now(const struct p2v_sim *s)
{
	return s->now;
}

uint64_t p2v_sim_hash(const struct p2v_sim *s)
{
	return s->hash;
}

void p2v_sim_set_log(struct p2v_sim *s, FILE *to)
{
	s->log = to;
}

static void run_event(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_event *e = P2V_OF(t, struct p2v_event, timer);

	(void)now;
	if (e->machine->frozen && !e->machine->dead)
		p2v_list_push(&e->machine->held, &e->held);
	else
		e->run(e, e->machine->dead);
}

void p2v_event_at(struct p2v_event *e, p2v_usec due)
{
	struct p2v_sim *s = e->machine->sim;

	e->timer.fire = run_event;
	if (!p2v_timer_armed(&e->timer))
		p2v_list_init(&e->held);
	p2v_timers_arm(&s->timers, &e->timer, due > s->now ? due : s->now);
}

void p2v_event_cancel(struct p2v_event *e)
{
	p2v_timers_disarm(&e->machine->sim->timers, &e->timer);
	if (e->held.next)
		p2v_list_remove(&e->held);
}

static void run_action(struct p2v_timer *t, p2v_usec now)
{
	struct action *a = P2V_OF(t, struct action, timer);
	void (*fn)(void *) = a->fn;
	void *ctx = a->ctx;

	(void)now;
	free(a);
	fn(ctx);
}

void p2v_sim_at(struct p2v_sim *s, p2v_usec due, void (*fn)(void *ctx), void *ctx)
{
	struct action *a = calloc(1, sizeof *a);

	if (!a)
		abort(); /* a scenario without one of its events would be another scenario */
	a->timer.fire = run_action;
	a->fn = fn;
	a->ctx = ctx;
	p2v_timers_arm(&s->timers, &a->timer, due);
}

/* A timer that a node armed: the queue's sixth word says whose it is, so that a dead machine's do
 * not fire. */
static struct p2v_machine *timer_machine(const struct p2v_timer *t)
{
	return (struct p2v_machine *)(uintptr_t)t->priv[5];
}

/* A frozen machine's timer looks again in a millisecond: it fires when the machine is thawed. */
static void fire(struct p2v_sim *s, struct p2v_timer *t)
{
	struct p2v_machine *m = timer_machine(t);

	if (m && m->dead)
		return;
	if (m && m->frozen) {
		p2v_timers_arm(&s->timers, t, s->now + P2V_MSEC);
		return;
	}
	if (m)
		mix_event(s, m, MIX_TIMER);
	t->fire(t, s->now);
}

uint64_t p2v_sim_run(struct p2v_sim *s, p2v_usec until)
{
	uint64_t events = 0;

	while (p2v_timers_next(&s->timers) <= until && s->timers.n) {
		p2v_usec due = p2v_timers_next(&s->timers);

		if (due > s->now)
			s->now = due;
		fire(s, p2v_timers_pop(&s->timers, s->now));
		events++;
	}
	if (until != P2V_NEVER && until > s->now)
		s->now = until;
	s->events += events;
	return events;
}

/* ---- a machine's clock, timers, log ---- */

static p2v_usec world_now(void *self)
{
	return ((struct p2v_machine *)self)->sim->now;
}

static int64_t world_wall(void *self)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;

	return s->epoch + s->now;
}

static void world_entropy(void *self, void *buf, size_t n)
{
	struct p2v_machine *m = self;
	uint8_t *q = buf;

	for (size_t i = 0; i < n; i++)
		q[i] = (uint8_t)(p2v_random_next(&m->entropy) >> 32);
}

static void world_arm(void *self, struct p2v_timer *t, p2v_usec due)
{
	struct p2v_machine *m = self;

	p2v_timers_arm(&m->sim->timers, t, due > m->sim->now ? due : m->sim->now);
	t->priv[5] = (uint64_t)(uintptr_t)m;
}

static void world_disarm(void *self, struct p2v_timer *t)
{
	p2v_timers_disarm(&((struct p2v_machine *)self)->sim->timers, t);
}

static void world_log(void *self, enum p2v_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct p2v_machine *m = self;

	mix_event(m->sim, m, MIX_LOG);
	p2v_sim_mix_bytes(m->sim, line, strlen(line));
	if (m->sim->log)
		(void)fprintf(m->sim->log, "%10.6f %-10s %-5s %s\n", (double)m->sim->now / 1e6,
			m->name, names[level], line);
}

/* ---- datagrams ---- */

p2v_usec p2v_link_pass(struct p2v_machine *m, bool up, size_t n, bool bounded)
{
	uint64_t rate = up ? m->link.up : m->link.down;
	p2v_usec *busy = up ? &m->up_free : &m->down_free, now = m->sim->now;
	p2v_usec start = *busy > now ? *busy : now;

	if (rate == 0)
		return now;
	if (bounded && m->link.queue &&
		(uint64_t)(start - now) * rate / P2V_SECOND + n > m->link.queue)
		return P2V_NEVER;
	/* Rounded up, so that a link never carries more than its rate. */
	*busy = start + (p2v_usec)(((uint64_t)n * P2V_SECOND + rate - 1) / rate);
	return *busy;
}

static struct p2v_udp *socket_at(struct p2v_sim *s, const struct p2v_addr *a)
{
	struct p2v_addr key = *a;
	struct p2v_udp *u;

	HASH_FIND(hh, s->sockets, &key, sizeof key, u);
	return u;
}

struct p2v_machine *p2v_sim_machine(struct p2v_sim *s, const struct p2v_addr *ip)
{
	P2V_LIST_EACH (it, &s->machines) {
		struct p2v_machine *m = P2V_OF(it, struct p2v_machine, in_sim);

		if (memcmp(m->ip.ip, ip->ip, 16) == 0)
			return m;
	}
	return NULL;
}

static bool chance(struct p2v_sim *s, double p)
{
	return p > 0 && p2v_random_unit(&s->network) < p;
}

/* Runs twice: when the packet reaches the receiver's link, and when it is through that link. */
static void packet_run(struct p2v_event *e, bool dropped)
{
	struct packet *k = P2V_OF(e, struct packet, event);
	struct p2v_machine *m = e->machine;
	struct p2v_udp *u;

	if (!dropped && !k->queued) {
		p2v_usec at = p2v_link_pass(m, false, k->n + DGRAM_OVERHEAD, true);

		k->queued = true;
		if (at == P2V_NEVER) {
			mix_event(m->sim, m, MIX_LOST);
			m->count.overflowed++;
			free(k);
		} else {
			p2v_event_at(e, at);
		}
		return;
	}
	u = dropped ? NULL : socket_at(m->sim, &k->to);
	if (u) {
		struct p2v_dgram d = { .addr = k->from, .p = k->p, .n = k->n };

		m->count.received++;
		m->count.received_bytes += k->n + DGRAM_OVERHEAD;
		mix_event(m->sim, m, MIX_DGRAM);
		p2v_sim_mix_bytes(m->sim, k->p, k->n);
		u->handler->received(u->ctx, &d, 1);
	}
	free(k);
}

static void packet_send(struct p2v_machine *from, const struct p2v_addr *src,
	const struct p2v_addr *dst, const uint8_t *p, size_t n, p2v_usec left)
{
	struct p2v_machine *to = p2v_sim_machine(from->sim, dst);
	struct packet *k = to && !to->dead ? malloc(sizeof *k + n) : NULL;
	p2v_usec at;

	if (!k)
		return;
	memset(k, 0, sizeof *k);
	k->from = *src;
	k->to = *dst;
	k->n = n;
	memcpy(k->p, p, n);
	k->event.machine = to;
	k->event.run = packet_run;
	at = left + from->link.delay + to->link.delay;
	if (chance(from->sim, from->link.reorder))
		at += from->link.reorder_by;
	p2v_event_at(&k->event, at);
}

static void datagram_out(struct p2v_udp *u, const struct p2v_addr *to, const uint8_t *p, size_t n)
{
	struct p2v_machine *m = u->machine;
	p2v_usec left = p2v_link_pass(m, true, n + DGRAM_OVERHEAD, true);

	m->count.sent++;
	m->count.sent_bytes += n + DGRAM_OVERHEAD;
	if (left == P2V_NEVER) {
		m->count.overflowed++;
		return;
	}
	if (chance(m->sim, m->link.loss)) {
		m->count.lost++;
		return;
	}
	packet_send(m, &u->addr, to, p, n, left);
	if (chance(m->sim, m->link.duplicate))
		packet_send(m, &u->addr, to, p, n, left);
}

static int world_udp_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct p2v_udp *u = calloc(1, sizeof *u);

	if (!u)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	u->addr = m->ip;
	u->addr.port = bind->port ? bind->port : m->next_port++;
	u->machine = m;
	u->handler = h;
	u->ctx = ctx;
	if (socket_at(m->sim, &u->addr)) {
		free(u);
		return p2v_fail(err, P2V_EIO, "port %u is taken", bind->port);
	}
	HASH_ADD(hh, m->sim->sockets, addr, sizeof u->addr, u);
	if (!P2V_HASH_ADDED(hh, u)) {
		free(u);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	}
	p2v_list_push(&m->sockets, &u->in_machine);
	*out = u;
	*bound = u->addr;
	return P2V_OK;
}

static size_t world_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	struct p2v_machine *m = self;

	for (size_t i = 0; i < n && !m->dead; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		for (size_t off = 0; off < v[i].n; off += seg)
			datagram_out(u, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	return n;
}

static size_t world_udp_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
	return 16;
}

static void world_udp_close(void *self, struct p2v_udp *u)
{
	struct p2v_machine *m = self;

	HASH_DEL(m->sim->sockets, u);
	p2v_list_remove(&u->in_machine);
	free(u);
}

/* ---- names ---- */

void p2v_sim_name(struct p2v_sim *s, const char *name, const struct p2v_addr *ip)
{
	struct name *n = calloc(1, sizeof *n);

	if (!n)
		abort(); /* as in p2v_sim_at */
	n->ip = *ip;
	(void)snprintf(n->text, sizeof n->text, "%s", name);
	p2v_list_push(&s->names, &n->in_sim);
}

int p2v_sim_find(struct p2v_sim *s, struct p2v_str host, struct p2v_addr *out)
{
	if (p2v_addr_parse_ip(host, out) == P2V_OK)
		return P2V_OK;
	P2V_LIST_EACH (it, &s->names) {
		const struct name *n = P2V_OF(it, struct name, in_sim);

		if (p2v_str_is_nocase(host, n->text)) {
			memcpy(out->ip, n->ip.ip, sizeof out->ip);
			return P2V_OK;
		}
	}
	return P2V_ENOENT;
}

static void lookup_run(struct p2v_event *e, bool dropped)
{
	struct lookup_job *l = P2V_OF(e, struct lookup_job, event);
	struct p2v_err err = { P2V_OK, "" };

	if (!dropped) {
		if (!l->found)
			(void)p2v_fail(&err, P2V_ENOENT, "there is no such host");
		l->done(l->ctx, &l->addr, l->found ? 1 : 0, &err);
	}
	free(l);
}

static int world_resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done,
	void *ctx, struct p2v_lookup **out, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct lookup_job *l = calloc(1, sizeof *l);

	if (!l)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a lookup");
	l->event.machine = m;
	l->event.run = lookup_run;
	l->done = done;
	l->ctx = ctx;
	l->found = p2v_sim_find(m->sim, p2v_str_of(host), &l->addr) == P2V_OK;
	l->addr.port = port;
	p2v_event_at(&l->event, m->sim->now + P2V_MSEC);
	*out = (struct p2v_lookup *)l;
	return P2V_OK;
}

static void world_resolve_cancel(void *self, struct p2v_lookup *l)
{
	struct lookup_job *job = (struct lookup_job *)l;

	(void)self;
	p2v_event_cancel(&job->event);
	free(job);
}

static size_t world_interfaces(void *self, struct p2v_addr *out, size_t max)
{
	if (max == 0)
		return 0;
	out[0] = ((struct p2v_machine *)self)->ip;
	return 1;
}

/* ---- machines ---- */

static const struct p2v_world_ops world_ops = { .now = world_now,
	.wall = world_wall,
	.entropy = world_entropy,
	.timer_arm = world_arm,
	.timer_disarm = world_disarm,
	.log = world_log,
	.udp_open = world_udp_open,
	.udp_send = world_udp_send,
	.udp_segments = world_udp_segments,
	.udp_close = world_udp_close,
	.fetch = p2v_sim_fetch,
	.fetch_pause = p2v_sim_fetch_pause,
	.fetch_cancel = p2v_sim_fetch_cancel,
	.http_listen = p2v_sim_listen,
	.http_reply = p2v_sim_reply,
	.http_write = p2v_sim_write,
	.http_room = p2v_sim_room,
	.http_end = p2v_sim_end,
	.http_abort = p2v_sim_abort,
	.http_close = p2v_sim_close,
	.resolve = world_resolve,
	.resolve_cancel = world_resolve_cancel,
	.interfaces = world_interfaces };

struct p2v_machine *p2v_machine_new(
	struct p2v_sim *s, const char *name, const struct p2v_addr *ip, const struct p2v_link *link)
{
	struct p2v_machine *m = p2v_sim_machine(s, ip) ? NULL : calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->sim = s;
	m->ip = *ip;
	m->ip.port = 0;
	m->link = *link;
	m->next_port = 40000;
	(void)snprintf(m->name, sizeof m->name, "%s", name);
	p2v_random_init(&m->entropy, s->seed, name);
	p2v_list_init(&m->held);
	p2v_list_init(&m->sockets);
	p2v_list_init(&m->fetches);
	p2v_list_push(&s->machines, &m->in_sim);
	return m;
}

struct p2v_world p2v_machine_world(struct p2v_machine *m)
{
	return (struct p2v_world){ &world_ops, m };
}

void p2v_machine_set_link(struct p2v_machine *m, const struct p2v_link *link)
{
	m->link = *link;
}

void p2v_machine_count(const struct p2v_machine *m, struct p2v_link_count *out)
{
	*out = m->count;
}

void p2v_machine_kill(struct p2v_machine *m)
{
	p2v_machine_freeze(m, false);
	m->dead = true;
	p2v_sim_http_killed(m);
}

void p2v_machine_freeze(struct p2v_machine *m, bool frozen)
{
	m->frozen = frozen;
	if (frozen)
		return;
	P2V_LIST_EACH (it, &m->held) {
		struct p2v_event *e = P2V_OF(it, struct p2v_event, held);

		p2v_list_remove(it);
		p2v_event_at(e, m->sim->now);
	}
}

/* Events that are still queued hold memory of their own: run them as dropped. */
static void drop_events(struct p2v_sim *s)
{
	struct p2v_timer *t;

	P2V_LIST_EACH (it, &s->machines) {
		struct p2v_machine *m = P2V_OF(it, struct p2v_machine, in_sim);

		p2v_machine_freeze(m, false);
		m->dead = true;
	}
	while ((t = p2v_timers_pop(&s->timers, P2V_NEVER))) {
		if (t->fire == run_event)
			t->fire(t, s->now);
		else if (t->fire == run_action)
			free(P2V_OF(t, struct action, timer));
	}
}

void p2v_sim_free(struct p2v_sim *s)
{
	if (!s)
		return;
	p2v_sim_http_fini(s);
	drop_events(s);
	P2V_LIST_EACH (it, &s->names)
		free(P2V_OF(it, struct name, in_sim));
	P2V_LIST_EACH (it, &s->machines)
		free(P2V_OF(it, struct p2v_machine, in_sim));
	assert(!s->sockets);
	free(s);
}
