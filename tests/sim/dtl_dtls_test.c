/* dtl_dtls_test.c - the transport with its real record layer, OpenSSL's DTLS, over the virtual
 * network. Keys are random, so runs are checked for what arrives, not for equal events. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/dtl_certs.h"
#include "tests/sim/dtl_net.h"

TestSuite(dtl_dtls, .timeout = 300);

static const struct p2v_link plain = {
	.up = 2500000, .down = 2500000, .delay = 10000, .queue = 100000
};
static const struct p2v_link bad = { .up = 2500000,
	.down = 2500000,
	.delay = 10000,
	.queue = 100000,
	.loss = 0.05,
	.duplicate = 0.05,
	.reorder = 0.05,
	.reorder_by = 4000 };
static const struct p2v_link terrible = { .delay = 10000, .loss = 0.35, .duplicate = 0.2 };
static const struct p2v_link dead = { .delay = 10000, .loss = 1 };

struct scene {
	struct net net;
	struct authority ca;
	struct judge judge[4];
	struct shown shown[4];
	struct end *e[4];
};

static void scene_init(struct scene *c, uint64_t seed, const char *type)
{
	authority_make(&c->ca, type);
	net_init(&c->net, seed, &p2v_cc_cubic_LTX_p2v_plugin);
}

static void open_dtls(struct scene *c, int i, const struct shown *s)
{
	struct end *e = c->e[i];
	struct p2v_trust trust = judge_trust(&c->judge[i]);
	struct p2v_records r;

	cr_assert_eq(p2v_dtls_new(&e->node, &trust, &e->dtls, NULL), P2V_OK);
	if (s)
		cr_assert_eq(p2v_dtls_credentials(e->dtls, (struct p2v_bytes){ s->key, s->key_n },
				     s->chain, 2, NULL),
			P2V_OK);
	r = p2v_dtls_records(e->dtls);
	net_open(e, NULL, &r);
}

/* A node whose certificate is of `ca` and good from before to after. */
static struct end *add(struct scene *c, int i, const struct p2v_link *link,
	const struct authority *ca, long before, long after)
{
	c->e[i] = net_node(&c->net, link);
	c->judge[i] = (struct judge){ .authority = &c->ca, .world = &c->e[i]->node.world };
	shown_make(&c->shown[i], ca, "P-256", before, after);
	open_dtls(c, i, &c->shown[i]);
	return c->e[i];
}

static struct end *add_good(struct scene *c, int i, const struct p2v_link *link)
{
	return add(c, i, link, &c->ca, -60, 3600);
}

static void scene_fini(struct scene *c)
{
	net_fini(&c->net);
	authority_fini(&c->ca);
}

static void meet(const char *authority)
{
	struct scene c;
	struct p2v_session_info info;
	struct end *a, *b;
	struct p2v_session *s;

	scene_init(&c, 1, authority);
	a = add_good(&c, 0, &plain);
	b = add_good(&c, 1, &plain);
	s = net_connect(a, b);
	cr_assert(p2v_sim_now(c.net.sim) <= 200 * P2V_MSEC, "three round trips");
	cr_assert_eq(memcmp(p2v_session_remote(s)->id.b, c.shown[1].id.b, 32), 0);
	cr_assert_eq(memcmp(p2v_session_remote(b->session)->id.b, c.shown[0].id.b, 32), 0);
	cr_assert_eq(p2v_session_remote(s)->role, P2V_IS_PEER);
	cr_assert_eq(c.judge[0].calls, 1);
	cr_assert_eq(c.judge[0].chain, 2, "the leaf and what it was sent with");
	cr_assert(c.judge[0].dialled);
	cr_assert(!c.judge[1].dialled);
	cr_assert(net_send(s, 1000000, 2000000));
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	p2v_session_info(s, &info);
	cr_assert_eq(info.mtu, 1472, "records grow with the path: %u", info.mtu);
	p2v_session_close(s, 300, "done");
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(b->why.code, P2V_ECLOSED);
	scene_fini(&c);
}

Test(dtl_dtls, members_of_a_p256_authority_meet)
{
	meet("P-256");
}

Test(dtl_dtls, members_of_an_ed25519_authority_meet)
{
	meet("ED25519");
}

/* ---- refusals ---- */

/* @param i  the end that shows something bad */
static void refused(int i, const struct authority *ca, long before, long after, const char *why)
{
	struct scene c;
	struct authority other;
	struct end *a, *b;

	scene_init(&c, 1, "P-256");
	authority_make(&other, "P-256");
	a = i == 0 ? add(&c, 0, &plain, ca ? &other : &c.ca, before, after)
		   : add_good(&c, 0, &plain);
	b = i == 1 ? add(&c, 1, &plain, ca ? &other : &c.ca, before, after)
		   : add_good(&c, 1, &plain);
	cr_assert(net_dial(a, b));
	net_run(&c.net, 12 * P2V_SECOND);
	cr_assert_eq(a->opened + b->opened, 0, "nobody gets anything");
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_EPERM, "%d: %s", a->why.code, a->why.text);
	cr_assert(strstr(a->why.text, i == 1 ? why : "the remote refused us: bad certificate"),
		"%s", a->why.text);
	cr_assert_eq(b->node.metrics.v[P2V_M_HANDSHAKES_REFUSED], 1);
	scene_fini(&c);
	authority_fini(&other);
}

Test(dtl_dtls, a_caller_of_another_authority)
{
	struct authority mark = { NULL, NULL };

	refused(0, &mark, -60, 3600, "another authority");
}

Test(dtl_dtls, a_called_of_another_authority)
{
	struct authority mark = { NULL, NULL };

	refused(1, &mark, -60, 3600, "another authority");
}

Test(dtl_dtls, a_caller_who_has_expired)
{
	refused(0, NULL, -3600, -60, "expired");
}

Test(dtl_dtls, a_called_who_has_expired)
{
	refused(1, NULL, -3600, -60, "expired");
}

Test(dtl_dtls, one_that_is_not_valid_yet)
{
	refused(1, NULL, 3600, 7200, "not valid yet");
}

Test(dtl_dtls, without_credentials_nobody_calls_or_answers)
{
	struct scene c;
	struct end *a, *b;
	struct p2v_session *s;
	struct p2v_err err;

	scene_init(&c, 1, "P-256");
	a = add_good(&c, 0, &plain);
	b = c.e[1] = net_node(&c.net, &plain);
	c.judge[1] = (struct judge){ .authority = &c.ca, .world = &b->node.world };
	open_dtls(&c, 1, NULL);
	cr_assert_eq(p2v_dtl_dial(b->dtl, &a->addr, &s, &err), P2V_EPERM);
	cr_assert(strstr(err.text, "no certificate"));
	cr_assert(net_dial(a, b));
	net_run(&c.net, 11 * P2V_SECOND);
	cr_assert_eq(a->why.code, P2V_ETIMEDOUT);
	cr_assert(b->node.metrics.v[P2V_M_DGRAMS_DROPPED] > 0);
	scene_fini(&c);
}

/* What is shown can be renewed; who is there already stays. */
Test(dtl_dtls, credentials_are_renewed)
{
	struct scene c;
	struct end *a, *b, *d;
	struct shown fresh;
	struct p2v_session *s;

	scene_init(&c, 1, "P-256");
	a = add_good(&c, 0, &plain);
	b = add(&c, 1, &plain, &c.ca, -60, 20);
	d = add_good(&c, 2, &plain);
	s = net_connect(a, b);
	net_run(&c.net, 30 * P2V_SECOND);
	shown_make(&fresh, &c.ca, "P-256", -60, 3600);
	cr_assert_eq(p2v_dtls_credentials(b->dtls, (struct p2v_bytes){ fresh.key, fresh.key_n },
			     fresh.chain, 2, NULL),
		P2V_OK);
	s = net_connect(d, b);
	cr_assert_eq(memcmp(p2v_session_remote(s)->id.b, fresh.id.b, 32), 0);
	cr_assert_eq(a->closed, 0);
	cr_assert(net_send(a->session, 1000, 1000));
	cr_assert(net_settle(&c.net, 10 * P2V_SECOND));
	scene_fini(&c);
}

/* ---- bad networks ---- */

Test(dtl_dtls, bytes_arrive_through_a_bad_network)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct scene c;
		struct end *a, *b;
		struct p2v_session *s;

		scene_init(&c, seed, "P-256");
		a = add_good(&c, 0, &bad);
		b = add_good(&c, 1, &bad);
		s = net_connect(a, b);
		for (int i = 0; i < 8; i++)
			cr_assert(net_send(s, 60000, 100000));
		cr_assert(net_settle(&c.net, 120 * P2V_SECOND));
		net_check_whole(a);
		net_check_whole(b);
		cr_assert_eq(a->closed + b->closed, 0);
		scene_fini(&c);
	}
}

/* A NAT gives it another port: it is known by its packets' connection id. */
Test(dtl_dtls, a_remote_that_moves)
{
	struct scene c;
	struct end *a, *b;
	struct p2v_session_info info;
	struct p2v_addr to;

	scene_init(&c, 1, "P-256");
	a = add_good(&c, 0, &bad);
	b = add_good(&c, 1, &bad);
	cr_assert(net_send(net_connect(a, b), 500000, 500000));
	net_run(&c.net, P2V_SECOND);
	to = a->addr;
	to.port = 77;
	cr_assert_eq(p2v_machine_rebind(a->machine, &a->addr, &to), P2V_OK);
	cr_assert(net_settle(&c.net, 120 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	cr_assert_eq(a->closed + b->closed, 0);
	cr_assert(b->session);
	p2v_session_info(b->session, &info);
	cr_assert(p2v_addr_equal(&info.addr, &to));
	cr_assert_eq(b->node.metrics.v[P2V_M_SESSIONS_MOVED], 1);
	scene_fini(&c);
}

enum { SEEDS = 100 };

/* @return [us] until both ends were up; -1: the caller has given up, for one good reason */
static p2v_usec shake(bool real, const struct p2v_link *link, uint64_t seed)
{
	struct scene c;
	struct end *a, *b;
	p2v_usec took = -1;

	scene_init(&c, seed, "P-256");
	a = real ? add_good(&c, 0, link) : net_end(&c.net, link);
	b = real ? add_good(&c, 1, link) : net_end(&c.net, link);
	cr_assert(net_dial(a, b));
	for (int i = 0; i < 2400 && !a->closed && !(a->session && b->session); i++)
		net_run(&c.net, 5 * P2V_MSEC);
	if (a->session && b->session)
		took = p2v_sim_now(c.net.sim);
	else
		net_run(&c.net, 90 * P2V_SECOND); /* the called may be up, and hears nothing */
	cr_assert_eq(a->closed, took < 0 ? 1 : 0);
	cr_assert(took >= 0 || (a->opened == 0 && b->opened == b->closed));
	if (took < 0) {
		cr_assert_eq(a->why.code, P2V_ETIMEDOUT);
		cr_assert_str_eq(a->why.text, "the handshake did not end in time");
	}
	scene_fini(&c);
	return took;
}

static int by_size(const void *a, const void *b)
{
	p2v_usec x = *(const p2v_usec *)a, y = *(const p2v_usec *)b;

	return (x > y) - (x < y);
}

/* Three datagrams of ten are lost each way. @param half, most  [us] for half of them, and nine of
 * ten */
static void shake_often(bool real, p2v_usec rtt, p2v_usec half, p2v_usec most)
{
	struct p2v_link link = { .delay = rtt / 4, .loss = 0.3 };
	p2v_usec took[SEEDS];
	size_t n = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		p2v_usec t = shake(real, &link, seed);

		if (t >= 0)
			took[n++] = t;
	}
	qsort(took, n, sizeof *took, by_size);
	cr_assert(n >= SEEDS - 2, "%zu of %d, rtt %lld us", n, SEEDS, (long long)rtt);
	cr_log_info("%s, rtt %lld ms: %zu of %d; ms: %lld half, %lld nine of ten, %lld all",
		real ? "DTLS" : "simulated", (long long)rtt / 1000, n, SEEDS,
		(long long)took[n / 2] / 1000, (long long)took[n * 9 / 10] / 1000,
		(long long)took[n - 1] / 1000);
	cr_assert(took[n / 2] <= half, "half within %lld us", (long long)took[n / 2]);
	cr_assert(took[n * 9 / 10] <= most, "nine of ten within %lld us",
		(long long)took[n * 9 / 10]);
}

Test(dtl_dtls, handshakes_come_through_heavy_loss)
{
#ifndef P2V_TESTS_SANITIZED
	shake_often(true, 20 * P2V_MSEC, 800 * P2V_MSEC, 4 * P2V_SECOND);
	shake_often(true, 100 * P2V_MSEC, 1500 * P2V_MSEC, 4500 * P2V_MSEC);
#endif
	shake_often(true, 300 * P2V_MSEC, 2500 * P2V_MSEC, 5500 * P2V_MSEC);
	shake_often(false, 20 * P2V_MSEC, 300 * P2V_MSEC, 2500 * P2V_MSEC);
	shake_often(false, 300 * P2V_MSEC, 1000 * P2V_MSEC, 3 * P2V_SECOND);
}

/* More than a third, and many come twice. */
Test(dtl_dtls, handshakes_come_through_worse)
{
	unsigned up = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		up += shake(true, &terrible, seed) >= 0;
	cr_assert(up >= SEEDS * 95 / 100, "%u of %d", up, SEEDS);
}

/* Where nothing is lost nothing is sent twice, however far it is: three flights, and two answers.
 */
Test(dtl_dtls, nothing_is_sent_twice_without_need)
{
	static const p2v_usec rtts[] = { 1000, 20000, 100000, 240000 };

	for (size_t i = 0; i < sizeof rtts / sizeof *rtts; i++) {
		struct p2v_link link = { .delay = rtts[i] / 4 };
		struct p2v_link_count count[2];
		struct scene c;

		scene_init(&c, 1, "P-256");
		(void)add_good(&c, 0, &link);
		(void)add_good(&c, 1, &link);
		cr_assert(net_dial(c.e[0], c.e[1]));
		for (int k = 0; k < 3000 && !c.e[0]->session; k++)
			net_run(&c.net, P2V_MSEC);
		cr_assert(c.e[0]->session && c.e[1]->session);
		for (int k = 0; k < 2; k++)
			p2v_machine_count(c.e[k]->machine, &count[k]);
		cr_assert(count[0].sent <= 5 && count[1].sent <= 6,
			"rtt %lld us: %llu and %llu datagrams", (long long)rtts[i],
			(unsigned long long)count[0].sent, (unsigned long long)count[1].sent);
		scene_fini(&c);
	}
}

/* The answer that ends the handshake is lost: it comes again, though nothing of DTLS's own asks. */
Test(dtl_dtls, the_last_flight_is_lost)
{
	struct scene c;
	struct end *a, *b;

	scene_init(&c, 1, "P-256");
	a = add_good(&c, 0, &plain);
	b = add_good(&c, 1, &plain);
	cr_assert(net_dial(a, b));
	for (int i = 0; i < 2000 && !b->session; i++)
		net_run(&c.net, P2V_MSEC / 10);
	cr_assert(b->session, "the called has heard enough");
	cr_assert(!a->session);
	/* its flight is under way: lose it and all that follows for a while */
	p2v_machine_set_link(b->machine, &dead);
	net_run(&c.net, 100 * P2V_MSEC);
	p2v_machine_set_link(b->machine, &plain);
	net_run(&c.net, 2 * P2V_SECOND);
	cr_assert(a->session);
	scene_fini(&c);
}

/* ---- both call; one starts anew ---- */

struct dial_later {
	struct end *from, *to;
};

static void dial_later(void *ctx)
{
	struct dial_later *d = ctx;

	(void)net_dial(d->from, d->to);
}

static void both_call(const struct p2v_link *link, p2v_usec apart, uint64_t seed)
{
	struct scene c;
	struct dial_later later;
	struct end *a, *b;

	scene_init(&c, seed, "P-256");
	a = add_good(&c, 0, link);
	b = add_good(&c, 1, link);
	cr_assert(net_dial(a, b));
	later = (struct dial_later){ b, a };
	p2v_sim_at(c.net.sim, apart, dial_later, &later);
	for (int i = 0; i < 900 && !(a->session && b->session); i++)
		net_run(&c.net, 10 * P2V_MSEC);
	cr_assert(a->session && b->session, "apart %lld", (long long)apart);
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(a->opened, 1);
	cr_assert_eq(b->opened, 1);
	cr_assert_eq(a->closed + b->closed, 0);
	p2v_session_set_user(a->session, a);
	p2v_session_set_user(b->session, b);
	cr_assert(net_send(a->session, 10000, 10000));
	cr_assert(net_send(b->session, 10000, 10000));
	cr_assert(net_settle(&c.net, 60 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	scene_fini(&c);
}

Test(dtl_dtls, both_call)
{
	for (p2v_usec apart = 0; apart <= 160000; apart += 8000)
		both_call(&plain, apart, 1);
}

Test(dtl_dtls, both_call_over_loss)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		both_call(&bad, (p2v_usec)seed * 3000, seed);
}

Test(dtl_dtls, a_remote_that_restarts)
{
	struct scene c;
	struct end *a, *b;

	scene_init(&c, 1, "P-256");
	a = add_good(&c, 0, &plain);
	b = add_good(&c, 1, &plain);
	cr_assert(net_send(net_connect(a, b), 10, 100000000));
	net_run(&c.net, 300 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &dead);
	p2v_dtl_free(a->dtl);
	p2v_dtls_free(a->dtls);
	net_run(&c.net, 100 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &plain);
	open_dtls(&c, 0, &c.shown[0]);
	cr_assert(net_dial(a, b));
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(a->opened, 2);
	cr_assert_eq(b->opened, 2);
	cr_assert_eq(b->closed, 1);
	cr_assert(strstr(b->why.text, "anew"), "%s", b->why.text);
	p2v_session_set_user(b->session, b);
	cr_assert(net_send(b->session, 1000, 1000));
	net_run(&c.net, P2V_SECOND);
	cr_assert_eq(b->ended, 2);
	scene_fini(&c);
}

/* The old session ends while the new one shakes hands: the new one takes its place. */
Test(dtl_dtls, the_old_session_ends_first)
{
	for (p2v_usec when = 10 * P2V_MSEC; when < 100 * P2V_MSEC; when += 10 * P2V_MSEC) {
		struct scene c;
		struct end *a, *b;

		scene_init(&c, 1, "P-256");
		a = add_good(&c, 0, &plain);
		b = add_good(&c, 1, &plain);
		(void)net_connect(a, b);
		p2v_machine_set_link(a->machine, &dead);
		p2v_dtl_free(a->dtl);
		p2v_dtls_free(a->dtls);
		net_run(&c.net, 100 * P2V_MSEC);
		p2v_machine_set_link(a->machine, &plain);
		open_dtls(&c, 0, &c.shown[0]);
		cr_assert(net_dial(a, b));
		net_run(&c.net, when);
		p2v_session_close(b->session, 0, "");
		net_run(&c.net, 4 * P2V_SECOND);
		cr_assert(a->session, "%lld", (long long)when);
		cr_assert_eq(b->closed, 1);
		cr_assert_eq(b->opened, 2);
		p2v_session_set_user(a->session, a);
		cr_assert(net_send(a->session, 1000, 1000));
		net_run(&c.net, P2V_SECOND);
		cr_assert_eq(a->ended, 1);
		scene_fini(&c);
	}
}

/* Who only says that it is at that address, and proves nothing, ends nothing. */
Test(dtl_dtls, a_stranger_does_not_replace_a_session)
{
	struct scene c;
	struct authority other;
	struct end *a, *b;

	scene_init(&c, 1, "P-256");
	authority_make(&other, "P-256");
	a = add_good(&c, 0, &plain);
	b = add_good(&c, 1, &plain);
	(void)net_connect(a, b);
	p2v_machine_set_link(a->machine, &dead);
	p2v_dtl_free(a->dtl);
	p2v_dtls_free(a->dtls);
	net_run(&c.net, 100 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &plain);
	shown_make(&c.shown[0], &other, "P-256", -60, 3600);
	open_dtls(&c, 0, &c.shown[0]);
	cr_assert(net_dial(a, b));
	net_run(&c.net, 2 * P2V_SECOND);
	cr_assert_eq(a->why.code, P2V_EPERM);
	cr_assert_eq(b->opened, 1);
	cr_assert_eq(b->closed, 0, "the session that was there lives on");
	scene_fini(&c);
	authority_fini(&other);
}
