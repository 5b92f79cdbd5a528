/* world_laws.c - the laws of clock, timers, entropy, datagrams and names, and the loop that checks
 * all laws. Those of HTTP are in world_laws_http.c. */
#include "tests/contract/world_laws.h"

#include <stdio.h>
#include <string.h>

#include "framework/base/timers.h"
#include "tests/contract/world_laws_inside.h"

/* ---- what all laws use ---- */

void p2v_law_broken(struct laws *l, const char *file, int line, const char *what)
{
	printf("# %s:%d: does not hold: %s\n", file, line, what);
	l->failed = true;
}

struct pause {
	struct p2v_timer timer;
	bool over;
};

static void pause_over(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	((struct pause *)t->owner)->over = true;
}

static bool pause_is_over(void *ctx)
{
	return ((struct pause *)ctx)->over;
}

void p2v_law_settle(struct laws *l)
{
	struct pause p = { .over = false };

	p.timer.fire = pause_over;
	p.timer.owner = &p;
	p2v_arm(&l->rig.near, &p.timer, p2v_now(&l->rig.near) + 50 * P2V_MSEC);
	if (!UNTIL(l, pause_is_over, &p))
		p2v_disarm(&l->rig.near, &p.timer);
	HOLDS(l, p.over);
}

/* ---- clock ---- */

struct bells {
	struct laws *l;
	struct p2v_world *w;
	struct p2v_timer t[8];
	unsigned rung, order[16];
	p2v_usec at[16], due[8], last;
};

static void bell(struct p2v_timer *t, p2v_usec now)
{
	struct bells *b = t->owner;
	unsigned i = (unsigned)(t - b->t);

	CALLED(b->l);
	HOLDS(b->l, now == p2v_now(b->w));
	HOLDS(b->l, now >= b->due[i]);
	HOLDS(b->l, now >= b->last);
	HOLDS(b->l, !p2v_timer_armed(t));
	b->last = now;
	if (b->rung < 16) {
		b->at[b->rung] = now;
		b->order[b->rung] = i;
	}
	b->rung++;
}

static void bells_init(struct bells *b, struct laws *l)
{
	memset(b, 0, sizeof *b);
	b->l = l;
	b->w = &l->rig.near;
	for (unsigned i = 0; i < 8; i++) {
		b->t[i].fire = bell;
		b->t[i].owner = b;
	}
}

static void bell_arm(struct bells *b, unsigned i, p2v_usec due)
{
	b->due[i] = due;
	INSIDE(b->l, p2v_arm(b->w, &b->t[i], due));
}

static bool rung_5(void *ctx)
{
	return ((struct bells *)ctx)->rung >= 5;
}

static bool rung_1(void *ctx)
{
	return ((struct bells *)ctx)->rung >= 1;
}

static void timers_in_order(struct laws *l)
{
	static const unsigned want[] = { 3, 1, 4, 0, 2 };
	struct bells b;
	p2v_usec now;

	bells_init(&b, l);
	now = p2v_now(b.w);
	bell_arm(&b, 0, now + 3 * P2V_MSEC);
	bell_arm(&b, 1, now + 1 * P2V_MSEC);
	bell_arm(&b, 2, now + 3 * P2V_MSEC);
	bell_arm(&b, 3, now - P2V_SECOND); /* long past: at once, but not inside the call */
	bell_arm(&b, 4, now + 1 * P2V_MSEC);
	HOLDS(l, UNTIL(l, rung_5, &b));
	p2v_law_settle(l);
	HOLDS(l, b.rung == 5);
	for (unsigned i = 0; i < 5; i++)
		HOLDS(l, b.order[i] == want[i]);
}

static void timers_move_and_stop(struct laws *l)
{
	struct bells b;
	p2v_usec now;

	bells_init(&b, l);
	now = p2v_now(b.w);
	bell_arm(&b, 0, now + 1 * P2V_MSEC);
	bell_arm(&b, 1, now + 2 * P2V_MSEC);
	bell_arm(&b, 2, now + 3 * P2V_MSEC);
	bell_arm(&b, 0, now + 4 * P2V_MSEC); /* moved behind the others */
	p2v_disarm(b.w, &b.t[1]);
	p2v_disarm(b.w, &b.t[1]); /* once more does nothing */
	p2v_disarm(b.w, &b.t[7]); /* nor does it for one that never was armed */
	p2v_law_settle(l);
	HOLDS(l, b.rung == 2 && b.order[0] == 2 && b.order[1] == 0);
}

static void silence(struct p2v_timer *t, p2v_usec now)
{
	struct bells *b = t->owner;

	bell(t, now);
	p2v_disarm(b->w, &b->t[1]);
	bell_arm(b, 2, now);
	HOLDS(b->l, b->rung == 1);
}

static void timers_from_a_timer(struct laws *l)
{
	struct bells b;
	p2v_usec now;

	bells_init(&b, l);
	b.t[0].fire = silence;
	now = p2v_now(b.w);
	bell_arm(&b, 0, now + P2V_MSEC);
	bell_arm(&b, 1, now + P2V_MSEC); /* as due as the one that will disarm it */
	HOLDS(l, UNTIL(l, rung_1, &b));
	p2v_law_settle(l);
	HOLDS(l, b.rung == 2 && b.order[0] == 0 && b.order[1] == 2);
}

static void wall_is_a_date(struct laws *l)
{
	int64_t a = l->rig.near.ops->wall(l->rig.near.self), b;

	p2v_law_settle(l);
	b = l->rig.near.ops->wall(l->rig.near.self);
	HOLDS(l, a > INT64_C(1577836800) * P2V_SECOND); /* 2020 */
	HOLDS(l, b > a);
}

static void entropy_fills(struct laws *l)
{
	uint8_t a[300] = { 0 }, b[300] = { 0 };
	unsigned zeros = 0;

	l->rig.near.ops->entropy(l->rig.near.self, a, 299);
	l->rig.near.ops->entropy(l->rig.near.self, b, 299);
	HOLDS(l, memcmp(a, b, 299) != 0);
	HOLDS(l, a[299] == 0);
	for (unsigned i = 0; i < 299; i++)
		zeros += a[i] == 0;
	HOLDS(l, zeros < 30); /* 1.2 expected */
	l->rig.near.ops->entropy(l->rig.near.self, a, 0);
}

/* ---- datagrams ---- */

struct post { /* one socket and what it saw */
	struct laws *l;
	struct p2v_world *w;
	struct p2v_udp *u;
	struct p2v_addr at; /* where the other node reaches it */
	unsigned got, writable;
	size_t bytes, sizes[64];
	uint8_t last[2048];
	struct p2v_addr from;
	bool closes; /* in received */
};

static void post_one(struct post *p, const struct p2v_addr *from, const uint8_t *b, size_t n)
{
	if (p->got < 64)
		p->sizes[p->got] = n;
	p->got++;
	p->bytes += n;
	p->from = *from;
	memcpy(p->last, b, n < sizeof p->last ? n : sizeof p->last);
}

static void post_received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct post *p = ctx;

	CALLED(p->l);
	HOLDS(p->l, p->u != NULL);
	HOLDS(p->l, n > 0);
	for (size_t i = 0; i < n; i++) {
		size_t seg = v[i].seg ? v[i].seg : v[i].n;

		HOLDS(p->l, v[i].n > 0);
		for (size_t off = 0; off < v[i].n; off += seg)
			post_one(p, &v[i].addr, v[i].p + off,
				v[i].n - off < seg ? v[i].n - off : seg);
	}
	if (p->closes) {
		struct p2v_udp *u = p->u;

		p->u = NULL;
		p->w->ops->udp_close(p->w->self, u);
	}
}

static void post_writable(void *ctx)
{
	struct post *p = ctx;

	CALLED(p->l);
	p->writable++;
}

static const struct p2v_udp_handler post_handler = { .received = post_received,
	.writable = post_writable };

static bool post_open(struct post *p, struct laws *l, bool far, uint16_t port)
{
	struct p2v_addr any = { .port = port }, bound = { .port = 0 };
	struct p2v_err err = { P2V_OK, "" };
	int r = P2V_OK;

	memset(p, 0, sizeof *p);
	p->l = l;
	p->w = far ? &l->rig.far : &l->rig.near;
	INSIDE(l, r = p->w->ops->udp_open(p->w->self, &any, &post_handler, p, &p->u, &bound, &err));
	HOLDS(l, r == P2V_OK);
	HOLDS(l, r != P2V_OK || bound.port != 0);
	HOLDS(l, r != P2V_OK || port == 0 || bound.port == port);
	p->at = far ? l->rig.far_ip : l->rig.near_ip;
	p->at.port = bound.port;
	return r == P2V_OK;
}

static void post_close(struct post *p)
{
	struct p2v_udp *u = p->u;

	p->u = NULL;
	if (u)
		INSIDE(p->l, p->w->ops->udp_close(p->w->self, u));
}

static size_t post_send(
	struct post *p, const struct p2v_addr *to, const void *b, size_t n, uint16_t seg)
{
	struct p2v_dgram d = { .addr = *to, .p = b, .n = n, .seg = seg };
	size_t taken = 0;

	INSIDE(p->l, taken = p->w->ops->udp_send(p->w->self, p->u, &d, 1));
	return taken;
}

static bool post_got_1(void *ctx)
{
	return ((struct post *)ctx)->got >= 1;
}

static bool post_got_5(void *ctx)
{
	return ((struct post *)ctx)->got >= 5;
}

static void datagrams_both_ways(struct laws *l)
{
	struct post a, b;

	NEEDS(l, post_open(&a, l, false, 0));
	NEEDS(l, post_open(&b, l, true, 0));
	HOLDS(l, post_send(&a, &b.at, "question", 8, 0) == 1);
	HOLDS(l, UNTIL(l, post_got_1, &b));
	HOLDS(l, b.got == 1 && b.sizes[0] == 8 && memcmp(b.last, "question", 8) == 0);
	HOLDS(l, p2v_addr_equal(&b.from, &a.at));
	HOLDS(l, post_send(&b, &b.from, "answer", 6, 0) == 1);
	HOLDS(l, UNTIL(l, post_got_1, &a));
	HOLDS(l, a.sizes[0] == 6 && memcmp(a.last, "answer", 6) == 0);
	HOLDS(l, p2v_addr_equal(&a.from, &b.at));
	post_close(&a);
	post_close(&b);
}

/* One record of several datagrams, next to single ones: the boundaries survive, and the order does
 * where the network keeps it, as loopback and an idle virtual link do. */
static void datagrams_in_segments(struct laws *l)
{
	struct post a, b;
	uint8_t bytes[3500];
	struct p2v_dgram v[2];
	size_t taken = 0;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i / 1000);
	NEEDS(l, post_open(&a, l, false, 0));
	NEEDS(l, post_open(&b, l, true, 0));
	HOLDS(l, a.w->ops->udp_segments(a.w->self, a.u) >= 1);
	v[0] = (struct p2v_dgram){ .addr = b.at, .p = bytes, .n = sizeof bytes, .seg = 1000 };
	v[1] = (struct p2v_dgram){ .addr = b.at, .p = bytes, .n = 7 };
	INSIDE(l, taken = a.w->ops->udp_send(a.w->self, a.u, v, 2));
	HOLDS(l, taken == 2);
	HOLDS(l, UNTIL(l, post_got_5, &b));
	HOLDS(l, b.got == 5 && b.bytes == 3507);
	for (unsigned i = 0; i < 3; i++)
		HOLDS(l, b.sizes[i] == 1000);
	HOLDS(l, b.sizes[3] == 500 && b.sizes[4] == 7);
	post_close(&a);
	post_close(&b);
}

static void datagrams_to_nobody(struct laws *l)
{
	struct post a, b;
	struct p2v_addr gone, nowhere = p2v_addr_v4(0xc0000201, 9); /* TEST-NET-1 */

	NEEDS(l, post_open(&a, l, false, 0));
	NEEDS(l, post_open(&b, l, true, 0));
	gone = b.at;
	post_close(&b);
	for (unsigned i = 0; i < 3; i++) {
		HOLDS(l, post_send(&a, &gone, "x", 1, 0) == 1);
		HOLDS(l, post_send(&a, &nowhere, "x", 1, 0) == 1);
		p2v_law_settle(l);
	}
	HOLDS(l, a.got == 0);
	NEEDS(l, post_open(&b, l, true, gone.port)); /* a closed port is free */
	HOLDS(l, post_send(&a, &b.at, "x", 1, 0) == 1);
	HOLDS(l, UNTIL(l, post_got_1, &b));
	post_close(&a);
	post_close(&b);
}

static void datagrams_after_close(struct laws *l)
{
	struct post a, b;

	NEEDS(l, post_open(&a, l, false, 0));
	NEEDS(l, post_open(&b, l, true, 0));
	for (unsigned i = 0; i < 5; i++)
		HOLDS(l, post_send(&a, &b.at, "x", 1, 0) == 1);
	post_close(&b); /* `received` holds that the socket is open */
	p2v_law_settle(l);
	HOLDS(l, b.got == 0);
	NEEDS(l, post_open(&b, l, true, 0));
	b.closes = true;
	for (unsigned i = 0; i < 5; i++)
		HOLDS(l, post_send(&a, &b.at, "x", 1, 0) == 1);
	HOLDS(l, UNTIL(l, post_got_1, &b));
	p2v_law_settle(l);
	post_close(&a);
}

static void datagrams_port_taken(struct laws *l)
{
	struct post a;
	struct p2v_addr same = { .port = 0 }, bound;
	struct p2v_err err = { P2V_OK, "" };
	struct p2v_udp *u = NULL;

	NEEDS(l, post_open(&a, l, false, 0));
	same.port = a.at.port;
	HOLDS(l, a.w->ops->udp_open(a.w->self, &same, &post_handler, &a, &u, &bound, &err) ==
			 P2V_EIO);
	HOLDS(l, err.code < 0 && err.text[0] != 0);
	post_close(&a);
}

static bool post_may_go_on(void *ctx)
{
	return ((struct post *)ctx)->writable > 0;
}

/* More than any socket holds: what is not taken is asked for again. Datagrams may be lost. */
static void datagrams_in_a_flood(struct laws *l)
{
	static const uint8_t bytes[1200];
	struct post a, b;
	struct p2v_dgram v[16];

	NEEDS(l, post_open(&a, l, false, 0));
	NEEDS(l, post_open(&b, l, true, 0));
	for (unsigned i = 0; i < 16; i++)
		v[i] = (struct p2v_dgram){ .addr = b.at, .p = bytes, .n = sizeof bytes };
	for (unsigned sent = 0; sent < 4000;) {
		size_t n = 4000 - sent < 16 ? 4000 - sent : 16, taken = 0;

		a.writable = 0;
		INSIDE(l, taken = a.w->ops->udp_send(a.w->self, a.u, v, n));
		NEEDS(l, taken <= n);
		NEEDS(l, taken == n || UNTIL(l, post_may_go_on, &a));
		sent += (unsigned)taken;
	}
	HOLDS(l, UNTIL(l, post_got_1, &b));
	p2v_law_settle(l);
	HOLDS(l, b.got <= 4000 && b.bytes == (size_t)b.got * 1200);
	post_close(&a);
	post_close(&b);
}

/* ---- names ---- */

struct asked {
	struct laws *l;
	struct p2v_lookup *lookup;
	unsigned done;
	size_t n;
	bool found, said_why; /* far_ip was among the answers; err had a sentence */
};

static void asked_done(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	struct asked *a = ctx;
	struct p2v_addr want = a->l->rig.far_ip;

	CALLED(a->l);
	a->done++;
	a->n = n;
	want.port = 8080;
	for (size_t i = 0; i < n; i++)
		a->found = a->found || p2v_addr_equal(&v[i], &want);
	a->said_why = err && err->text[0];
}

static bool asked_is_done(void *ctx)
{
	return ((struct asked *)ctx)->done > 0;
}

static void ask(struct asked *a, struct laws *l, const char *host)
{
	struct p2v_err err = { P2V_OK, "" };
	int r = P2V_OK;

	*a = (struct asked){ .l = l };
	INSIDE(l, r = l->rig.near.ops->resolve(
			  l->rig.near.self, host, 8080, asked_done, a, &a->lookup, &err));
	HOLDS(l, r == P2V_OK);
}

static void names_are_found(struct laws *l)
{
	char text[P2V_ADDR_TEXT], *end;
	struct asked a;

	ask(&a, l, l->rig.name);
	HOLDS(l, UNTIL(l, asked_is_done, &a));
	HOLDS(l, a.n > 0 && a.found);
	ask(&a, l, "192.0.2.77");
	HOLDS(l, UNTIL(l, asked_is_done, &a));
	HOLDS(l, a.n == 1 && !a.found);
	(void)p2v_addr_text(&l->rig.far_ip, text);
	end = strrchr(text, ':');
	if (end)
		*end = 0;
	ask(&a, l, text[0] == '[' ? "::1" : text);
	HOLDS(l, UNTIL(l, asked_is_done, &a));
	HOLDS(l, a.n == 1);
	HOLDS(l, text[0] == '[' || a.found);
	p2v_law_settle(l);
	HOLDS(l, a.done == 1);
}

static void names_that_are_none(struct laws *l)
{
	struct asked a;

	ask(&a, l, "no-such-host.invalid");
	HOLDS(l, UNTIL(l, asked_is_done, &a));
	HOLDS(l, a.n == 0 && a.said_why);
}

static void names_not_wanted_any_more(struct laws *l)
{
	struct asked a, b;

	ask(&a, l, l->rig.name);
	ask(&b, l, "192.0.2.77");
	INSIDE(l, l->rig.near.ops->resolve_cancel(l->rig.near.self, a.lookup));
	INSIDE(l, l->rig.near.ops->resolve_cancel(l->rig.near.self, b.lookup));
	p2v_law_settle(l);
	p2v_law_settle(l);
	HOLDS(l, a.done == 0 && b.done == 0);
}

static void interfaces_are_listed(struct laws *l)
{
	struct p2v_addr v[64];
	size_t n = l->rig.near.ops->interfaces(l->rig.near.self, v, 64);

	HOLDS(l, n <= 64);
	for (size_t i = 0; i < n && i < 64; i++)
		HOLDS(l, !p2v_addr_is_loopback(&v[i]) && !p2v_addr_is_any(&v[i]));
	HOLDS(l, l->rig.near.ops->interfaces(l->rig.near.self, v, 0) == 0);
	HOLDS(l, l->rig.near.ops->interfaces(l->rig.near.self, v, 1) <= 1);
}

const struct law p2v_laws_basic[] = {
	{ "timers fire once, in order of (due, arming), not inside timer_arm", timers_in_order },
	{ "timers can be moved and disarmed", timers_move_and_stop },
	{ "a timer can disarm and arm others", timers_from_a_timer },
	{ "the wall clock tells a date", wall_is_a_date },
	{ "entropy fills the buffer", entropy_fills },
	{ "datagrams go both ways", datagrams_both_ways },
	{ "datagrams in segments keep their boundaries", datagrams_in_segments },
	{ "datagrams to nobody are taken and lost", datagrams_to_nobody },
	{ "datagrams do not arrive after close", datagrams_after_close },
	{ "a port is taken once", datagrams_port_taken },
	{ "datagrams in a flood are taken or asked for again", datagrams_in_a_flood },
	{ "names and literals are found", names_are_found },
	{ "a name that is none is told", names_that_are_none },
	{ "a cancelled lookup stays silent", names_not_wanted_any_more },
	{ "interfaces are listed without loopback", interfaces_are_listed },
	{ NULL, NULL },
};

/* ---- the run ---- */

static bool check_law(const struct p2v_rig_maker *maker, const struct law *law, unsigned n)
{
	struct laws l = { .inside = 0 };

	memset(&l.rig, 0, sizeof l.rig);
	if (!maker->open(maker->ctx, &l.rig)) {
		printf("not ok %u - %s # the rig could not be built\n", n, law->name);
		return false;
	}
	law->check(&l);
	maker->close(maker->ctx, &l.rig);
	printf("%s %u - %s\n", l.failed ? "not ok" : "ok", n, law->name);
	(void)fflush(stdout);
	return !l.failed;
}

int p2v_world_laws(const struct p2v_rig_maker *maker, const char *only)
{
	const struct law *const groups[] = { p2v_laws_basic, p2v_laws_http };
	unsigned n = 0;
	bool all = true;

	for (unsigned g = 0; g < 2; g++)
		for (const struct law *law = groups[g]; law->name; law++)
			if (!only || strncmp(law->name, only, strlen(only)) == 0)
				all = check_law(maker, law, ++n) && all;
	printf("1..%u\n", n);
	return all ? 0 : 1;
}
