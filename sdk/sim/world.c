/* world.c - virtual time, machines, their clocks and timers, and names. Datagrams are in udp.c,
 * HTTP between machines in http.c, httpd.c and pipe.c. */
#include "sdk/sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/text.h"
#include "sdk/sim/inside.h"
#include "sdk/sim/share.h"

#define FLUID_TOLERANCE 0.01

struct p2v_sim_name {
	UT_hash_handle hh;
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
	p2v_list_init(&s->late);
	p2v_fluid_init(&s->fluid, s, FLUID_TOLERANCE);
	return s;
}

void p2v_sim_mix(struct p2v_sim *s, uint64_t what)
{
	s->hash = p2v_mix64(s->hash ^ what) + UINT64_C(0x9e3779b97f4a7c15);
}

void p2v_sim_mix_bytes(struct p2v_sim *s, const void *p, size_t n)
{
	struct p2v_lanes lanes = { { n, 1, 2, 3 } };
	const uint8_t *q = p;
	size_t i = 0;

	if (n >= 32) {
		i = p2v_lanes_blocks(&lanes, q, n);
		for (size_t k = 0; k < 4; k++)
			p2v_sim_mix(s, lanes.v[k]);
	} else {
		p2v_sim_mix(s, n);
	}
	for (; i + 8 <= n; i += 8)
		p2v_sim_mix(s, p2v_load64(q + i));
	for (; i < n; i++)
		p2v_sim_mix(s, q[i]);
}

void p2v_sim_mix_event(const struct p2v_machine *m, enum p2v_sim_what what)
{
	uint64_t v = 0;

	for (int i = 8; i < 16; i++)
		v = v << 8 | m->ip.ip[i];
	p2v_sim_mix(m->sim, (uint64_t)m->sim->now << 8 | what);
	p2v_sim_mix(m->sim, v);
}

p2v_usec p2v_sim_now(const struct p2v_sim *s)
{
	return s->now;
}

void p2v_sim_set_flows(struct p2v_sim *s, bool flows)
{
	s->flows = flows;
}

uint64_t p2v_sim_hash(const struct p2v_sim *s)
{
	return s->hash;
}

uint64_t p2v_sim_events(const struct p2v_sim *s)
{
	return s->events;
}

void p2v_sim_ledger(const struct p2v_sim *s, struct p2v_sim_ledger *out)
{
	*out = s->ledger;
}

void p2v_sim_shuffle_ties(struct p2v_sim *s, uint64_t seed)
{
	s->timers.soon.shuffle = seed;
	s->apart = 1; /* what has an order of its own keeps it by time */
}

void p2v_sim_set_coalesce(struct p2v_sim *s, p2v_usec us)
{
	s->coalesce = us;
}

void p2v_sim_set_log(struct p2v_sim *s, FILE *to)
{
	s->log = to;
}

/* The sixth word of a timer, which the queue leaves alone, says whose it is: the machine, with the
 * lowest bit set while the timer lies in that machine's own queue because the machine is frozen. */
static struct p2v_machine *timer_machine(const struct p2v_timer *t)
{
	return (struct p2v_machine *)(uintptr_t)(t->priv[5] & ~UINT64_C(1));
}

static void disarm(struct p2v_sim *s, struct p2v_timer *t)
{
	if (t->priv[5] & 1)
		p2v_timers_disarm(&timer_machine(t)->held, t);
	else
		p2v_wheel_disarm(&s->timers, t);
	t->priv[5] = 0;
}

static void arm(struct p2v_sim *s, struct p2v_machine *m, struct p2v_timer *t, p2v_usec due)
{
	disarm(s, t);
	t->priv[5] = (uint64_t)(uintptr_t)m;
	p2v_wheel_arm(&s->timers, t, due > s->now ? due : s->now);
}

static void run_event(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_event *e = P2V_OF(t, struct p2v_event, timer);
	struct p2v_machine *m = t->owner;

	(void)now;
	e->kind->run(e, m->dead);
}

static void run_network_event(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_event *e = P2V_OF(t, struct p2v_event, timer);

	(void)now;
	e->kind->run(e, false);
}

static bool is_event(const struct p2v_timer *t)
{
	return t->fire == run_event || t->fire == run_network_event;
}

void p2v_event_init(struct p2v_event *e, struct p2v_sim *s, struct p2v_machine *m,
	const struct p2v_event_kind *kind)
{
	*e = (struct p2v_event){ .kind = kind };
	if (m)
		e->timer = (struct p2v_timer){ .fire = run_event, .owner = m };
	else
		e->timer = (struct p2v_timer){ .fire = run_network_event, .owner = s };
}

struct p2v_machine *p2v_event_machine(const struct p2v_event *e)
{
	return e->timer.fire == run_event ? e->timer.owner : NULL;
}

struct p2v_sim *p2v_event_sim(const struct p2v_event *e)
{
	struct p2v_machine *m = p2v_event_machine(e);

	return m ? m->sim : e->timer.owner;
}

void p2v_event_at(struct p2v_event *e, p2v_usec due)
{
	arm(p2v_event_sim(e), p2v_event_machine(e), &e->timer, due);
}

void p2v_event_cancel(struct p2v_event *e)
{
	if (p2v_timer_armed(&e->timer))
		disarm(p2v_event_sim(e), &e->timer);
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
	arm(s, NULL, &a->timer, due);
}

static void fire(struct p2v_sim *s, struct p2v_timer *t)
{
	struct p2v_machine *m = timer_machine(t);

	if (m && m->frozen && !m->dead) {
		p2v_timers_arm(&m->held, t, s->now);
		t->priv[5] |= 1;
		return;
	}
	if (m && !is_event(t)) {
		if (m->dead)
			return;
		p2v_sim_mix_event(m, P2V_SIM_TIMER);
	}
	t->fire(t, s->now);
}

/* As look_ahead, for what is to be done after `it`. */
static void look_ahead_late(const struct p2v_sim *s, const struct p2v_list *it)
{
	for (unsigned step = P2V_EVENT_LOOKS; step-- > 0;) {
		const struct p2v_late *l;

		it = it->next;
		if (it == &s->late)
			return;
		l = P2V_OF((void *)(uintptr_t)it, struct p2v_late, at);
		l->kind->look(l, step);
	}
}

/* @return whether something was to be done before time goes on */
static bool end_instant(struct p2v_sim *s)
{
	struct p2v_list *it = p2v_list_first(&s->late);

	if (it) {
		struct p2v_late *l = P2V_OF(it, struct p2v_late, at);

		look_ahead_late(s, it);
		p2v_list_remove(it);
		l->kind->run(l);
	} else if (p2v_fluid_unsettled(&s->fluid)) {
		p2v_fluid_settle(&s->fluid);
	} else {
		return false;
	}
	return true;
}

/* With many machines each event finds its memory cold. While one runs, what those after it will
 * touch is fetched, a step at a time: first the event, then what it points at, and so on. */
static void look_ahead(const struct p2v_sim *s)
{
	for (unsigned step = 0; step <= P2V_EVENT_LOOKS; step++) {
		const struct p2v_timer *t = p2v_wheel_ahead(&s->timers, P2V_EVENT_LOOKS - step);
		const struct p2v_event *e;

		if (!t)
			continue;
		if (step == 0) {
			p2v_touch_lines(t, 2);
		} else if (is_event(t)) {
			e = P2V_OF((void *)(uintptr_t)t, struct p2v_event, timer);
			if (e->kind->look)
				e->kind->look(e, step - 1);
		} else if (step == 1) {
			p2v_touch_lines(t->owner, 2);
			p2v_touch((const void *)((uintptr_t)t - P2V_LINE));
			p2v_touch((const void *)((uintptr_t)t + 2 * P2V_LINE));
		}
	}
}

uint64_t p2v_sim_run(struct p2v_sim *s, p2v_usec until)
{
	uint64_t events = 0;

	for (;;) {
		p2v_usec due = p2v_wheel_next(&s->timers);
		struct p2v_timer *t;

		if (due > s->now && end_instant(s))
			continue;
		if (p2v_wheel_empty(&s->timers) || due > until)
			break;
		if (due > s->now)
			s->now = due;
		t = p2v_wheel_pop(&s->timers);
		look_ahead(s);
		fire(s, t);
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

	arm(m->sim, m, t, due);
}

static void world_disarm(void *self, struct p2v_timer *t)
{
	disarm(((struct p2v_machine *)self)->sim, t);
}

static void world_log(void *self, enum p2v_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct p2v_machine *m = self;

	p2v_sim_mix_event(m, P2V_SIM_LOG);
	p2v_sim_mix_bytes(m->sim, line, strlen(line));
	if (m->sim->log)
		(void)fprintf(m->sim->log, "%10.6f %-10s %-5s %s\n", (double)m->sim->now / 1e6,
			m->name, names[level], line);
}

/* ---- names ---- */

static void lower_into(char out[64], struct p2v_str s)
{
	size_t i;

	for (i = 0; i < s.n && i < 63; i++)
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	out[i] = 0;
}

void p2v_sim_name(struct p2v_sim *s, const char *name, const struct p2v_addr *ip)
{
	struct p2v_sim_name *n = calloc(1, sizeof *n), *old;

	if (!n)
		abort(); /* as in p2v_sim_at */
	n->ip = *ip;
	lower_into(n->text, p2v_str_of(name));
	HASH_REPLACE_STR(s->names, text, n, old);
	if (!P2V_HASH_ADDED(hh, n))
		abort();
	free(old);
}

int p2v_sim_find(struct p2v_machine *from, struct p2v_str host, struct p2v_addr *out)
{
	struct p2v_sim_name *n;
	struct p2v_addr a;
	char text[64];

	lower_into(text, host);
	if (p2v_addr_parse_ip(host, &a) == P2V_OK) {
		if (p2v_addr_is_loopback(&a))
			a = from->ip;
	} else if (strcmp(text, "localhost") == 0) {
		a = from->ip;
	} else {
		HASH_FIND_STR(from->sim->names, text, n);
		if (!n)
			return P2V_ENOENT;
		a = n->ip;
	}
	memcpy(out->ip, a.ip, sizeof out->ip);
	return P2V_OK;
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

static const struct p2v_event_kind lookup_kind = { .run = lookup_run };

static int world_resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done,
	void *ctx, struct p2v_lookup **out, struct p2v_err *err)
{
	struct p2v_machine *m = self;
	struct lookup_job *l = calloc(1, sizeof *l);

	if (!l)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a lookup");
	p2v_event_init(&l->event, m->sim, m, &lookup_kind);
	l->done = done;
	l->ctx = ctx;
	l->found = p2v_sim_find(m, p2v_str_of(host), &l->addr) == P2V_OK;
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
	.udp_open = p2v_sim_udp_open,
	.udp_send = p2v_sim_udp_send,
	.udp_segments = p2v_sim_udp_segments,
	.udp_room = p2v_sim_udp_room,
	.udp_lend = p2v_sim_udp_lend,
	.udp_lent = p2v_sim_udp_lent,
	.udp_close = p2v_sim_udp_close,
	.fetch = p2v_sim_fetch,
	.fetch_pause = p2v_sim_fetch_pause,
	.fetch_cancel = p2v_sim_fetch_cancel,
	.fetch_buffer = p2v_sim_fetch_buffer,
	.http_listen = p2v_sim_listen,
	.http_reply = p2v_sim_reply,
	.http_write = p2v_sim_write,
	.http_room = p2v_sim_room,
	.http_end = p2v_sim_end,
	.http_abort = p2v_sim_abort,
	.http_close = p2v_sim_close,
	.resolve = world_resolve,
	.resolve_cancel = world_resolve_cancel,
	.interfaces = world_interfaces,
	.share = p2v_sim_share };

struct p2v_machine *p2v_sim_machine(struct p2v_sim *s, const struct p2v_addr *ip)
{
	struct p2v_machine *m;

	HASH_FIND(hh, s->by_ip, ip->ip, sizeof ip->ip, m);
	return m;
}

struct p2v_machine *p2v_machine_new(
	struct p2v_sim *s, const char *name, const struct p2v_addr *ip, const struct p2v_link *link)
{
	struct p2v_machine *m = p2v_sim_machine(s, ip) ? NULL : p2v_line_new(sizeof *m);

	if (!m)
		return NULL;
	m->sim = s;
	m->ip = *ip;
	m->ip.port = 0;
	m->link = *link;
	m->next_port = 40000;
	(void)snprintf(m->name, sizeof m->name, "%s", name);
	p2v_random_init(&m->entropy, s->seed, name);
	p2v_inbox_init(m);
	p2v_list_init(&m->sockets);
	p2v_list_init(&m->fetches);
	p2v_list_init(&m->connections);
	p2v_list_init(&m->serves);
	if (!p2v_fluid_link_init(&m->up, &s->fluid, (double)link->up) ||
		!p2v_fluid_link_init(&m->down, &s->fluid, (double)link->down)) {
		free(m);
		return NULL;
	}
	HASH_ADD(hh, s->by_ip, ip.ip, sizeof m->ip.ip, m);
	if (!P2V_HASH_ADDED(hh, m)) {
		free(m);
		return NULL;
	}
	p2v_list_push(&s->machines, &m->in_sim);
	return m;
}

struct p2v_machine *p2v_machine_of(const struct p2v_world *w)
{
	assert(w->ops == &world_ops);
	return w->self;
}

struct p2v_world p2v_machine_world(struct p2v_machine *m)
{
	return (struct p2v_world){ &world_ops, m };
}

void p2v_machine_place(struct p2v_machine *m, int32_t x, int32_t y)
{
	m->placed = true;
	m->x = x;
	m->y = y;
}

void p2v_machine_set_island(struct p2v_machine *m, uint32_t island)
{
	m->island = island;
}

void p2v_machine_count(const struct p2v_machine *m, struct p2v_link_count *out)
{
	*out = m->count;
}

void p2v_machine_kill(struct p2v_machine *m)
{
	if (m->dead)
		return;
	p2v_machine_freeze(m, false);
	m->dead = true;
	p2v_sim_http_killed(m);
}

void p2v_machine_freeze(struct p2v_machine *m, bool frozen)
{
	struct p2v_timer *t;

	m->frozen = frozen;
	while (!frozen && (t = p2v_timers_pop(&m->held, P2V_NEVER))) {
		t->priv[5] = 0;
		arm(m->sim, m, t, m->sim->now);
	}
}

uint16_t p2v_machine_port(struct p2v_machine *m)
{
	struct p2v_addr a = m->ip;

	do {
		a.port = m->next_port;
		m->next_port = m->next_port == UINT16_MAX ? 1024 : (uint16_t)(m->next_port + 1);
	} while (p2v_sim_udp_taken(m->sim, &a) || p2v_sim_http_taken(m->sim, &a));
	return a.port;
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
	while ((t = p2v_wheel_pop(&s->timers))) {
		if (is_event(t)) {
			struct p2v_event *e = P2V_OF(t, struct p2v_event, timer);

			e->kind->run(e, true);
		} else if (t->fire == run_action) {
			free(P2V_OF(t, struct action, timer));
		}
	}
}

void p2v_sim_free(struct p2v_sim *s)
{
	struct p2v_sim_name *n, *n_next;

	if (!s)
		return;
	drop_events(s);
	p2v_sim_http_fini(s);
	p2v_sim_share_fini(s);
	assert(s->sockets.n == 0);
	p2v_sockets_fini(&s->sockets);
	HASH_ITER (hh, s->names, n, n_next) {
		HASH_DEL(s->names, n);
		free(n);
	}
	p2v_fluid_fini(&s->fluid);
	p2v_sim_boxes_free(s);
	HASH_CLEAR(hh, s->by_ip);
	P2V_LIST_EACH (it, &s->machines) {
		p2v_inbox_fini(P2V_OF(it, struct p2v_machine, in_sim));
		free(P2V_OF(it, struct p2v_machine, in_sim));
	}
	p2v_packets_fini(s);
	p2v_wheel_fini(&s->timers);
	p2v_pools_fini(&s->pools);
	free(s);
}
