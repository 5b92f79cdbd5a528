/* dtl_basic_test.c */
#include <criterion/criterion.h>
#include "tests/sim/dtl_net.h"

TestSuite(dtl_basic, .timeout = 120);

static const struct p2v_link fast = { .up = 2500000, .down = 2500000, .delay = 10000, .queue = 100000 };

Test(dtl_basic, a_request_is_answered)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct p2v_session_info info;

	net_init(&net, 1, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &fast);
	b = net_end(&net, &fast);
	s = net_connect(a, b);
	cr_assert(net_send(s, 100, 5000000));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(a);
	net_check_whole(b);
	p2v_session_info(s, &info);
	cr_log_warn("took %f srtt %lld rate %llu lost %llu\n", (double)P2V_OF(a->xfers.next, struct xfer, in_end)->took/1e6, (long long)info.srtt, (unsigned long long)info.delivery_rate, (unsigned long long)info.lost);
	p2v_session_info(b->session, &info);
	cr_log_warn("b: cwnd %llu srtt %lld rate %llu lost %llu\n", (unsigned long long)info.cwnd, (long long)info.srtt, (unsigned long long)info.delivery_rate, (unsigned long long)info.lost);
	net_fini(&net);
}
#include "tests/sim/dtl_certs.h"
#include <malloc.h>
Test(dtl_basic, real)
{
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct authority ca;
	struct shown sa, sb;
	struct judge ja, jb;
	struct p2v_trust t;
	struct p2v_records r;
	struct p2v_session_info info;

	authority_make(&ca, "ED25519");
	shown_make(&sa, &ca, "P-256", -10, 3600);
	shown_make(&sb, &ca, "P-256", -10, 3600);
	net_init(&net, 1, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_node(&net, &fast);
	b = net_node(&net, &fast);
	ja = (struct judge){ &ca, &a->node.world, 0, 0, 0 };
	jb = (struct judge){ &ca, &b->node.world, 0, 0, 0 };
	t = judge_trust(&ja);
	cr_assert_eq(p2v_dtls_new(&a->node, &t, &a->dtls, NULL), P2V_OK);
	cr_assert_eq(p2v_dtls_credentials(a->dtls, (struct p2v_bytes){sa.key, sa.key_n}, sa.chain, 2, NULL), P2V_OK);
	t = judge_trust(&jb);
	cr_assert_eq(p2v_dtls_new(&b->node, &t, &b->dtls, NULL), P2V_OK);
	cr_assert_eq(p2v_dtls_credentials(b->dtls, (struct p2v_bytes){sb.key, sb.key_n}, sb.chain, 2, NULL), P2V_OK);
	r = p2v_dtls_records(a->dtls);
	net_open(a, NULL, &r);
	r = p2v_dtls_records(b->dtls);
	net_open(b, NULL, &r);
	size_t h0 = mallinfo2().uordblks;
	s = net_connect(a, b);
	cr_log_warn("connected at %lld us, heap %zu\n", (long long)p2v_sim_now(net.sim), mallinfo2().uordblks - h0);
	cr_assert(net_send(s, 100, 5000000));
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	cr_log_warn("heap after %zu\n", mallinfo2().uordblks - h0);
	net_check_whole(a);
	net_check_whole(b);
	p2v_session_info(s, &info);
	cr_log_warn("took %f srtt %lld rate %llu lost %llu\n", (double)P2V_OF(a->xfers.next, struct xfer, in_end)->took/1e6, (long long)info.srtt, (unsigned long long)info.delivery_rate, (unsigned long long)info.lost);
	net_fini(&net);
	authority_fini(&ca);
}
