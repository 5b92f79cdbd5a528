/* dtl_life_test.c - sessions from handshake to end: refusals, both ends calling at once, remotes
 * that die, freeze, restart, or leave. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/dtl_net.h"

TestSuite(dtl_life, .timeout = 120);

static const struct p2v_link plain = { .up = 2500000, .down = 2500000, .delay = 10000 };
static const struct p2v_link dead = { .delay = 10000, .loss = 1 };

static void pair(struct net *net, struct end **a, struct end **b)
{
	net_init(net, 3, &p2v_cc_newreno_LTX_p2v_plugin);
	*a = net_end(net, &plain);
	*b = net_end(net, &plain);
}

static int refuse(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	(void)ctx;
	(void)chain;
	(void)n;
	(void)dialled;
	(void)out;
	return p2v_fail(err, P2V_EPERM, "nobody knows this remote");
}

static struct p2v_records choosy(struct end *e)
{
	struct p2v_trust t = { NULL, refuse };
	struct p2v_id id = { { 99 } };

	e->records = p2v_sim_records_new(&e->node, &id, P2V_IS_PEER, &t);
	cr_assert(e->records);
	return p2v_sim_records(e->records);
}

Test(dtl_life, the_called_refuses)
{
	struct net net;
	struct end *a, *b;
	struct p2v_records r;

	net_init(&net, 3, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &plain);
	b = net_node(&net, &plain);
	r = choosy(b);
	net_open(b, NULL, &r);
	cr_assert(net_dial(a, b));
	net_run(&net, P2V_SECOND);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_EPERM);
	cr_assert(strstr(a->why.text, "nobody knows"), "%s", a->why.text);
	cr_assert_eq(b->opened + b->closed, 0, "the handler never hears of a caller it refuses");
	cr_assert_eq(b->node.metrics.v[P2V_M_HANDSHAKES_REFUSED], 1);
	net_fini(&net);
}

Test(dtl_life, the_caller_refuses)
{
	struct net net;
	struct end *a, *b;
	struct p2v_records r;

	net_init(&net, 3, &p2v_cc_newreno_LTX_p2v_plugin);
	b = net_end(&net, &plain);
	a = net_node(&net, &plain);
	r = choosy(a);
	net_open(a, NULL, &r);
	cr_assert(net_dial(a, b));
	net_run(&net, P2V_SECOND);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_EPERM);
	cr_assert_eq(b->opened, b->closed, "what opened at the other end was closed again");
	net_fini(&net);
}

Test(dtl_life, nobody_answers)
{
	struct net net;
	struct end *a, *b;

	pair(&net, &a, &b);
	p2v_machine_kill(b->machine);
	cr_assert(net_dial(a, b));
	net_run(&net, 9 * P2V_SECOND);
	cr_assert_eq(a->closed, 0);
	net_run(&net, 2 * P2V_SECOND);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_ETIMEDOUT);
	net_fini(&net);
}

Test(dtl_life, shakes_hands_through_heavy_loss)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct p2v_link lossy = { .delay = 10000, .loss = 0.25, .duplicate = 0.2 };
		struct net net;
		struct end *a, *b;

		net_init(&net, seed, &p2v_cc_newreno_LTX_p2v_plugin);
		a = net_end(&net, &lossy);
		b = net_end(&net, &lossy);
		cr_assert(net_send(net_connect(a, b), 1000, 1000));
		cr_assert(net_settle(&net, 60 * P2V_SECOND));
		net_check_whole(a);
		cr_assert_eq(b->opened, 1);
		net_fini(&net);
	}
}

/* ---- both call at once ---- */

struct dial_later {
	struct end *from, *to;
};

static void dial_later(void *ctx)
{
	struct dial_later *d = ctx;

	(void)net_dial(d->from, d->to);
}

static uint64_t both_call(p2v_usec apart, double loss, uint64_t seed)
{
	struct p2v_link l = { .delay = 10000, .loss = loss, .duplicate = loss };
	struct dial_later later;
	struct net net;
	struct end *a, *b;
	uint64_t hash;

	net_init(&net, seed, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &l);
	b = net_end(&net, &l);
	cr_assert(net_dial(a, b));
	later = (struct dial_later){ b, a };
	p2v_sim_at(net.sim, apart, dial_later, &later);
	for (int i = 0; i < 900 && !(a->session && b->session); i++)
		net_run(&net, 10 * P2V_MSEC);
	cr_assert(a->session && b->session, "apart %lld, seed %llu", (long long)apart,
		(unsigned long long)seed);
	net_run(&net, P2V_SECOND);
	cr_assert_eq(a->opened, 1, "one session, opened once");
	cr_assert_eq(b->opened, 1);
	cr_assert_eq(a->closed + b->closed, 0, "and none closed");
	p2v_session_set_user(a->session, a);
	p2v_session_set_user(b->session, b);
	cr_assert(net_send(a->session, 10000, 20000));
	cr_assert(net_send(b->session, 20000, 10000));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	hash = p2v_sim_hash(net.sim);
	net_fini(&net);
	return hash;
}

Test(dtl_life, both_call)
{
	for (p2v_usec apart = 0; apart <= 50000; apart += 2500)
		cr_assert_eq(both_call(apart, 0, 5), both_call(apart, 0, 5));
}

Test(dtl_life, both_call_over_loss)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		(void)both_call((p2v_usec)seed * 1000, 0.2, seed);
}

Test(dtl_life, dialling_twice)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;

	pair(&net, &a, &b);
	cr_assert(net_dial(a, b));
	cr_assert_eq(p2v_dtl_dial(a->dtl, &b->addr, &s, NULL), P2V_EAGAIN);
	net_run(&net, P2V_SECOND);
	cr_assert_eq(p2v_dtl_dial(a->dtl, &b->addr, &s, NULL), P2V_EAGAIN);
	cr_assert_eq(p2v_dtl_dial(b->dtl, &a->addr, &s, NULL), P2V_EAGAIN);
	p2v_session_close(a->session, 300, "enough");
	net_run(&net, 100 * P2V_MSEC);
	cr_assert_eq(p2v_dtl_dial(a->dtl, &b->addr, &s, NULL), P2V_OK, "once it has ended");
	net_run(&net, P2V_SECOND);
	cr_assert_eq(a->opened, 2);
	cr_assert_eq(b->opened, 2);
	net_fini(&net);
}

/* ---- the end ---- */

Test(dtl_life, close_tells_why)
{
	struct net net;
	struct end *a, *b;
	struct xfer *x;
	struct p2v_stream *t;
	struct p2v_session *s;

	pair(&net, &a, &b);
	s = net_connect(a, b);
	x = net_send(s, 3000000, 0);
	net_run(&net, 100 * P2V_MSEC);
	p2v_session_close(s, 4242, "the show is \"over\"");
	cr_assert_eq(a->closed, 0, "no upcall inside the call");
	cr_assert_eq(p2v_stream_open(s, &t), P2V_ECLOSED);
	cr_assert_eq(p2v_stream_write(x->stream, p2v_slice_static("x", 1)), P2V_ECLOSED);
	net_run(&net, 100 * P2V_MSEC);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_ECANCELED);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->why.code, P2V_ECLOSED);
	cr_assert(strstr(b->why.text, "4242"), "%s", b->why.text);
	cr_assert(strstr(b->why.text, "the show is ?over?"), "printable, and without quotes: %s",
		b->why.text);
	cr_assert_eq(x->code, P2V_ECANCELED);
	cr_assert_eq(P2V_OF(b->xfers.next, struct xfer, in_end)->code, P2V_ECANCELED);
	net_fini(&net);
}

/* CLOSE is lost, but what the remote still sends is answered with it. */
Test(dtl_life, close_that_is_lost)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;

	pair(&net, &a, &b);
	s = net_connect(a, b);
	cr_assert(net_send(s, 10, 3000000));
	net_run(&net, 200 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &dead);
	p2v_session_close(s, 300, "bye");
	net_run(&net, 5 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &plain);
	net_run(&net, P2V_SECOND);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->why.code, P2V_ECLOSED);
	net_fini(&net);
}

Test(dtl_life, free_tells_every_remote)
{
	struct net net;
	struct end *a, *b, *c;

	pair(&net, &a, &b);
	c = net_end(&net, &plain);
	(void)net_connect(a, b);
	(void)net_connect(c, b);
	p2v_dtl_free(b->dtl);
	b->dtl = NULL;
	net_run(&net, 100 * P2V_MSEC);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_ECLOSED);
	cr_assert(strstr(a->why.text, "code 7"), "%s", a->why.text);
	cr_assert_eq(c->closed, 1);
	cr_assert_eq(b->closed, 0, "and makes no upcall");
	net_fini(&net);
}

Test(dtl_life, a_remote_that_dies)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct p2v_session_info info;
	struct xfer *x;

	pair(&net, &a, &b);
	s = net_connect(a, b);
	x = net_send(s, 3000000, 0);
	net_run(&net, 200 * P2V_MSEC);
	p2v_machine_kill(b->machine);
	net_run(&net, 3 * P2V_SECOND);
	p2v_session_info(s, &info);
	cr_assert(info.pto_count >= 3, "it shows before the session is given up");
	cr_assert(info.silence >= 2900 * P2V_MSEC && info.silence <= 3100 * P2V_MSEC);
	cr_assert_eq(a->closed, 0);
	net_run(&net, 56 * P2V_SECOND);
	cr_assert_eq(a->closed, 0);
	net_run(&net, 2 * P2V_SECOND);
	cr_assert_eq(a->closed, 1);
	cr_assert_eq(a->why.code, P2V_ETIMEDOUT);
	cr_assert_eq(x->code, P2V_ECANCELED);
	net_fini(&net);
}

/* Nothing under way: a ping asks, and shows that nobody is there. */
Test(dtl_life, ping_finds_a_dead_remote)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct p2v_session_info info;

	pair(&net, &a, &b);
	s = net_connect(a, b);
	net_run(&net, P2V_SECOND);
	p2v_session_ping(s);
	net_run(&net, P2V_SECOND);
	p2v_session_info(s, &info);
	cr_assert_eq(info.pto_count, 0);
	cr_assert(info.silence <= P2V_SECOND);
	p2v_machine_kill(b->machine);
	p2v_session_ping(s);
	net_run(&net, P2V_SECOND);
	p2v_session_info(s, &info);
	cr_assert(info.pto_count >= 2);
	net_fini(&net);
}

Test(dtl_life, keep_alive_costs_little)
{
	struct p2v_link_count before, after;
	struct net net;
	struct end *a, *b;

	pair(&net, &a, &b);
	(void)net_connect(a, b);
	net_run(&net, 10 * P2V_SECOND);
	p2v_machine_count(a->machine, &before);
	net_run(&net, 600 * P2V_SECOND);
	p2v_machine_count(a->machine, &after);
	cr_assert_eq(a->closed + b->closed, 0);
	cr_assert(after.sent - before.sent >= 40, "the way through a NAT stays open");
	cr_assert(after.sent - before.sent <= 90, "%llu datagrams in 10 minutes",
		(unsigned long long)(after.sent - before.sent));
	net_fini(&net);
}

Test(dtl_life, a_remote_that_freezes_and_thaws)
{
	struct net net;
	struct end *a, *b;

	pair(&net, &a, &b);
	cr_assert(net_send(net_connect(a, b), 3000000, 3000000));
	net_run(&net, 300 * P2V_MSEC);
	p2v_machine_freeze(b->machine, true);
	net_run(&net, 20 * P2V_SECOND);
	p2v_machine_freeze(b->machine, false);
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	cr_assert_eq(a->closed + b->closed, 0);
	net_fini(&net);
}

/* Started anew at the same address, without a word: its call ends the old session at once. */
Test(dtl_life, a_remote_that_restarts)
{
	struct net net;
	struct end *a, *b, *again;

	pair(&net, &a, &b);
	cr_assert(net_send(net_connect(a, b), 10, 100000000));
	net_run(&net, 300 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &dead);
	p2v_dtl_free(a->dtl); /* its farewell is lost */
	a->dtl = NULL;
	p2v_sim_records_free(a->records);
	a->records = NULL;
	net_run(&net, 100 * P2V_MSEC);
	p2v_machine_set_link(a->machine, &plain);
	again = a;
	net_open(again, NULL, NULL);
	cr_assert(net_dial(again, b));
	net_run(&net, P2V_SECOND);
	cr_assert_eq(again->opened, 2);
	cr_assert_eq(b->opened, 2);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->why.code, P2V_ECLOSED);
	cr_assert(strstr(b->why.text, "anew"), "%s", b->why.text);
	p2v_session_set_user(b->session, b);
	cr_assert(net_send(b->session, 1000, 1000));
	net_run(&net, P2V_SECOND);
	cr_assert_eq(b->ended, 2, "the cut one and the new one");
	net_fini(&net);
}

/* ---- limits ---- */

Test(dtl_life, max_sessions)
{
	struct p2v_dtl_conf conf = net_conf();
	struct net net;
	struct end *e[4];
	struct p2v_session *s;

	net_init(&net, 3, &p2v_cc_newreno_LTX_p2v_plugin);
	conf.max_sessions = 2;
	e[0] = net_end_with(&net, &plain, &conf, NULL);
	for (int i = 1; i < 4; i++)
		e[i] = net_end(&net, &plain);
	(void)net_connect(e[1], e[0]);
	(void)net_connect(e[0], e[2]);
	cr_assert(net_dial(e[3], e[0]));
	cr_assert_eq(p2v_dtl_dial(e[0]->dtl, &e[3]->addr, &s, NULL), P2V_ELIMIT);
	net_run(&net, 11 * P2V_SECOND);
	cr_assert_eq(e[3]->closed, 1, "a call too many is not answered");
	cr_assert_eq(e[0]->opened, 2);
	p2v_session_close(e[1]->session, 0, "");
	net_run(&net, 100 * P2V_MSEC);
	(void)net_connect(e[0], e[3]);
	p2v_session_close(e[0]->session, 0, "");
	net_run(&net, 20 * P2V_MSEC); /* what was closed lingers still, and makes room */
	(void)net_connect(e[0], e[1]);
	net_fini(&net);
}

/* A thousand come and go: what lingers makes room. */
Test(dtl_life, sessions_that_linger_make_room)
{
	struct p2v_dtl_conf conf = net_conf();
	struct net net;
	struct end *a, *b;

	net_init(&net, 3, &p2v_cc_newreno_LTX_p2v_plugin);
	conf.max_sessions = 1;
	a = net_end_with(&net, &plain, &conf, NULL);
	b = net_end_with(&net, &plain, &conf, NULL);
	for (unsigned i = 1; i <= 100; i++) {
		struct p2v_session *s = net_dial(a, b);

		cr_assert(s);
		net_run(&net, 100 * P2V_MSEC);
		cr_assert_eq(a->opened, i);
		p2v_session_close(i % 2 ? a->session : b->session, 0, "");
		net_run(&net, 50 * P2V_MSEC);
	}
	net_fini(&net);
}

Test(dtl_life, options_that_contradict_each_other)
{
	struct p2v_dtl_conf conf = net_conf();
	struct p2v_dtl_handler none = { .probe = NULL };
	struct p2v_addr bind = { .port = 1 };
	struct p2v_dtl *d;
	struct p2v_err err;
	struct net net;
	struct end *a, *b;
	struct p2v_records r;

	pair(&net, &a, &b);
	r = p2v_sim_records(a->records);
	conf.stream_window = conf.session_window + 1;
	cr_assert_eq(
		p2v_dtl_new(&a->node, &conf, &r, &a->cc, &bind, &none, NULL, &d, &err), P2V_ECONF);
	cr_assert(strstr(err.text, "stream_window"));
	conf = net_conf();
	conf.keep_alive = conf.idle_timeout;
	cr_assert_eq(
		p2v_dtl_new(&a->node, &conf, &r, &a->cc, &bind, &none, NULL, &d, &err), P2V_ECONF);
	cr_assert(strstr(err.text, "keep_alive"));
	conf = net_conf();
	bind.port = a->addr.port;
	cr_assert_eq(p2v_dtl_new(&a->node, &conf, &r, &a->cc, &bind, &none, NULL, &d, &err),
		P2V_EIO, "the place is taken");
	net_fini(&net);
}

Test(dtl_life, probes_pass)
{
	struct net net;
	struct end *a, *b;
	uint64_t dropped;

	pair(&net, &a, &b);
	dropped = b->node.metrics.v[P2V_M_DGRAMS_DROPPED];
	p2v_dtl_probe(a->dtl, &b->addr, (struct p2v_bytes){ (const uint8_t *)"@hi", 3 });
	p2v_dtl_probe(a->dtl, &b->addr, (struct p2v_bytes){ (const uint8_t *)"Oo", 2 });
	net_run(&net, 100 * P2V_MSEC);
	cr_assert_eq(b->probes, 2);
	cr_assert_eq(b->node.metrics.v[P2V_M_DGRAMS_DROPPED], dropped);
	net_fini(&net);
}
