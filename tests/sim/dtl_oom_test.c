/* dtl_oom_test.c - memory runs out, at every allocation in turn: nothing breaks, what cannot go on
 * ends with a reason, and when memory is back, new sessions work. */
#include <criterion/criterion.h>

#include "tests/sim/dtl_certs.h"
#include "tests/sim/dtl_net.h"
#include "tests/unit/oom.h"

TestSuite(dtl_oom, .timeout = 300);

static const struct p2v_link plain = {
	.up = 1250000, .down = 1250000, .delay = 5000, .queue = 60000, .loss = 0.02
};

/* Both ends talk while the allocation number `after`, and all that follow for a while, fail. */
static bool talk(struct end *a, struct end *b, long after)
{
	struct net *net = a->net;
	struct p2v_session *s;
	struct p2v_err err;
	bool struck;

	oom_after(after);
	if (p2v_dtl_dial(a->dtl, &b->addr, &s, &err) == P2V_OK)
		p2v_session_set_user(s, a);
	for (int i = 0; i < 40; i++) {
		net_run(net, 10 * P2V_MSEC);
		if (a->session)
			p2v_session_set_user(a->session, a);
		if (a->session && i % 4 == 0)
			(void)net_send(a->session, 30000, 30000);
	}
	struck = oom_struck();
	oom_after(-1);
	net_run(net, 200 * P2V_SECOND);
	return struck;
}

static void check_after(struct end *a, struct end *b)
{
	struct net *net = a->net;

	for (int i = 0; i < 2; i++) {
		struct end *e = i ? b : a;

		P2V_LIST_EACH (it, &e->xfers) {
			const struct xfer *x = P2V_OF(it, struct xfer, in_end);

			cr_assert(!x->wrong);
			cr_assert(x->ended, "whatever began has ended");
			cr_assert(x->code != P2V_OK || (x->eof && x->got == x->to_get));
		}
	}
	if (!a->session)
		(void)net_connect(a, b);
	p2v_session_set_user(a->session, a);
	cr_assert(net_send(a->session, 10000, 10000));
	cr_assert(net_settle(net, 60 * P2V_SECOND));
}

Test(dtl_oom, sessions_and_streams)
{
	bool struck = true;

	for (long n = 0; n < 1200 && struck; n += n < 300 ? 1 : 7) {
		struct net net;
		struct end *a, *b;

		net_init(&net, 5, &p2v_cc_cubic_LTX_p2v_plugin);
		a = net_end(&net, &plain);
		b = net_end(&net, &plain);
		struck = talk(a, b, n);
		if (a->session || a->closed)
			check_after(a, b);
		net_fini(&net);
	}
}

/* OpenSSL's own allocations are not among those that fail; ours around it are. */
Test(dtl_oom, records_of_dtls)
{
	struct authority ca;

	authority_make(&ca, "P-256");
	for (long n = 0; n < 120; n++) {
		struct judge judge[2];
		struct shown shown[2];
		struct net net;

		net_init(&net, 5, &p2v_cc_newreno_LTX_p2v_plugin);
		for (int i = 0; i < 2; i++) {
			struct end *e = net_node(&net, &plain);
			struct p2v_trust trust = judge_trust(&judge[i]);
			struct p2v_records r;

			judge[i] = (struct judge){ .authority = &ca, .world = &e->node.world };
			shown_make(&shown[i], &ca, "P-256", -60, 3600);
			cr_assert_eq(p2v_dtls_new(&e->node, &trust, &e->dtls, NULL), P2V_OK);
			cr_assert_eq(p2v_dtls_credentials(e->dtls,
					     (struct p2v_bytes){ shown[i].key, shown[i].key_n },
					     shown[i].chain, 2, NULL),
				P2V_OK);
			r = p2v_dtls_records(e->dtls);
			net_open(e, NULL, &r);
		}
		(void)talk(&net.end[0], &net.end[1], n);
		if (net.end[0].session || net.end[0].closed)
			check_after(&net.end[0], &net.end[1]);
		net_fini(&net);
	}
	authority_fini(&ca);
}

Test(dtl_oom, transports)
{
	struct net net;
	struct end *a;
	struct p2v_addr bind = { .port = 9 };
	struct p2v_dtl_handler none = { .probe = NULL };
	struct p2v_records records;
	struct p2v_trust trust = { NULL, NULL };
	struct p2v_dtls *dtls;
	struct p2v_dtl *d;
	struct p2v_err err;

	net_init(&net, 5, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &plain);
	records = p2v_sim_records(a->records);
	for (long n = 0; n < 2; n++) {
		oom_after(n);
		cr_assert_eq(p2v_dtl_new(&a->node, &a->conf, &records, &a->cc, &bind, &none, NULL,
				     &d, &err),
			P2V_ENOMEM);
		cr_assert_null(d);
	}
	oom_after(0);
	cr_assert_eq(p2v_dtls_new(&a->node, &trust, &dtls, &err), P2V_ENOMEM);
	cr_assert_null(dtls);
	oom_after(-1);
	net_fini(&net);
}
