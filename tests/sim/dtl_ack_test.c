/* dtl_ack_test.c - how many ACKs a transfer costs, and that what is lost is found as early. */
#include <criterion/criterion.h>

#include "framework/dtl/ack.h"
#include "tests/sim/dtl_net.h"

TestSuite(dtl_ack, .timeout = 120);

/* @return datagrams that the receiver of `size` bytes sent, from the first byte to the last */
static uint64_t fetch(uint64_t rate, uint64_t size, double loss, p2v_usec *took)
{
	struct p2v_link far = { .delay = 10000 };
	struct p2v_link near = { .up = rate, .delay = 10000, .queue = rate / 20, .loss = loss };
	struct p2v_link_count before, after;
	struct net net;
	struct end *a, *b;
	struct p2v_session *s;
	struct xfer *x;

	net_init(&net, 6, &p2v_cc_newreno_LTX_p2v_plugin);
	a = net_end(&net, &far);
	b = net_end(&net, &near);
	s = net_connect(a, b);
	p2v_machine_count(a->machine, &before);
	x = net_send(s, 10, size);
	cr_assert(net_settle(&net, 60 * P2V_SECOND));
	net_check_whole(a);
	p2v_machine_count(a->machine, &after);
	*took = x->took;
	net_fini(&net);
	return after.sent - before.sent;
}

Test(dtl_ack, acks_per_megabyte)
{
	uint64_t packets = 10 * 710; /* of 10 MB */
	p2v_usec took;
	uint64_t n = fetch(6250000, 10000000, 0, &took);

	/* 40 to 90 ms of round trip at 4400 packets in a second: with the windows that move, every
	 * tenth at most */
	cr_assert(n < packets / 10, "%llu for 10 MB", (unsigned long long)n);
	cr_assert(n > packets / 40, "%llu for 10 MB", (unsigned long long)n);
	/* 1.7 s of line, and the slow start: it is not starved */
	cr_assert(took < 2200 * P2V_MSEC, "%lld us", (long long)took);
	n = fetch(62500, 100000, 0, &took);
	cr_assert(n > 30, "slow paths: every second packet: %llu", (unsigned long long)n);
}

/* One packet of a fast flow is lost: a packet threshold of three is met by the third packet after
 * it, not by the next ACK that would be due. */
Test(dtl_ack, a_loss_is_told_at_once)
{
	p2v_usec now = P2V_SECOND;
	struct p2v_acks a;

	p2v_acks_init(&a, 25000);
	a.rtt = 40000;
	for (uint64_t i = 0; i < 2000; i++, now += 100) {
		p2v_acks_got(&a, i, 0, now, true);
		if (p2v_acks_due(&a, now))
			p2v_acks_told(&a);
	}
	cr_assert_eq(a.every, 32);
	for (uint64_t i = 2001; i <= 2003; i++, now += 100) {
		p2v_acks_got(&a, i, 0, now, true);
		cr_assert(p2v_acks_due(&a, now), "packet %llu", (unsigned long long)i);
		p2v_acks_told(&a);
	}
	p2v_acks_got(&a, 2004, 0, now, true);
	cr_assert(!p2v_acks_due(&a, now));
}
