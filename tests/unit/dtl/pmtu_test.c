/* pmtu_test.c - the search for the path's MTU against paths of every size, and black holes. */
#include <criterion/criterion.h>

#include "framework/dtl/pmtu.h"

TestSuite(pmtu, .timeout = 60);

static bool acked(struct p2v_pmtu *p, uint64_t bytes, p2v_usec now)
{
	struct p2v_outcome o = { .acked_bytes = bytes };

	return p2v_pmtu_outcome(p, &o, now);
}

/* One probe over a path of that size. @return whether one was wanted */
static bool probe(struct p2v_pmtu *p, uint32_t path, p2v_usec now)
{
	struct p2v_outcome o = { .acked_bytes = 0 };
	uint32_t size = p2v_pmtu_wants(p, now);

	if (size == 0)
		return false;
	cr_assert(size > p->mtu && size <= p->max, "%u", size);
	p2v_pmtu_sent(p);
	cr_assert_eq(p2v_pmtu_wants(p, now), 0, "one at a time");
	if (size <= path)
		o.probe_acked = size;
	else
		o.probe_lost = size;
	cr_assert_eq(p2v_pmtu_outcome(p, &o, now), size <= path);
	return true;
}

static unsigned search(struct p2v_pmtu *p, uint32_t path, p2v_usec now)
{
	unsigned n = 0;

	while (probe(p, path, now))
		cr_assert(++n < 100, "the search ends");
	return n;
}

Test(pmtu, begins_when_something_is_sent)
{
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1472);
	cr_assert_eq(p.mtu, 1200);
	cr_assert_eq(p2v_pmtu_wants(&p, P2V_SECOND), 0);
	cr_assert(!acked(&p, 10000, P2V_SECOND));
	cr_assert_eq(p2v_pmtu_wants(&p, P2V_SECOND), 0);
	cr_assert(!acked(&p, 10000, P2V_SECOND));
	cr_assert_eq(p2v_pmtu_wants(&p, P2V_SECOND), 1472, "the usual size first");
}

Test(pmtu, finds_every_size)
{
	for (uint32_t path = 1200; path <= 1500; path++) {
		struct p2v_pmtu p;
		unsigned n;

		p2v_pmtu_init(&p, 1472);
		(void)acked(&p, 20000, 0);
		n = search(&p, path, 0);
		cr_assert(p.mtu <= path && (p.mtu == 1472 || p.mtu + 2 * P2V_PMTU_STEP > path),
			"%u of %u", p.mtu, path);
		cr_assert(n <= 7 * P2V_PMTU_TRIES, "%u probes", n);
		if (path >= 1472)
			cr_assert_eq(n, 1);
	}
}

Test(pmtu, no_larger_than_is_allowed)
{
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1200);
	(void)acked(&p, 20000, 0);
	cr_assert_eq(search(&p, 9000, 0), 0);
	p2v_pmtu_init(&p, 1300);
	(void)acked(&p, 20000, 0);
	(void)search(&p, 9000, 0);
	cr_assert_eq(p.mtu, 1300);
}

Test(pmtu, one_loss_is_no_answer)
{
	struct p2v_outcome o = { .probe_lost = 1472 };
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1472);
	(void)acked(&p, 20000, 0);
	for (int i = 0; i < P2V_PMTU_TRIES - 1; i++) {
		p2v_pmtu_sent(&p);
		(void)p2v_pmtu_outcome(&p, &o, 0);
		cr_assert_eq(p2v_pmtu_wants(&p, 0), 1472, "again");
	}
	p2v_pmtu_sent(&p);
	(void)p2v_pmtu_outcome(&p, &o, 0);
	cr_assert(p2v_pmtu_wants(&p, 0) < 1472);
}

Test(pmtu, a_path_that_grows_is_found_later)
{
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1472);
	(void)acked(&p, 20000, 0);
	(void)search(&p, 1300, 0);
	cr_assert_eq(p2v_pmtu_wants(&p, P2V_PMTU_AGAIN - 1), 0);
	cr_assert_eq(search(&p, 1500, P2V_PMTU_AGAIN), 1);
	cr_assert_eq(p.mtu, 1472);
	cr_assert_eq(p2v_pmtu_wants(&p, 100 * P2V_PMTU_AGAIN), 0, "there is nothing more to find");
}

Test(pmtu, a_black_hole)
{
	struct p2v_outcome lost = { .full_lost = 1 }, full = { .full_acked = true };
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1472);
	(void)acked(&p, 20000, 0);
	(void)search(&p, 1500, 0);
	for (int i = 0; i < 100; i++) { /* losses with what is full getting through between */
		cr_assert(!p2v_pmtu_outcome(&p, &lost, 0));
		cr_assert(!p2v_pmtu_outcome(&p, &lost, 0));
		cr_assert(!p2v_pmtu_outcome(&p, &full, 0));
	}
	lost.full_lost = P2V_PMTU_VANISHED;
	cr_assert(p2v_pmtu_outcome(&p, &lost, P2V_SECOND));
	cr_assert_eq(p.mtu, 1200);
	(void)search(&p, 1300, P2V_SECOND);
	cr_assert(p.mtu > 1280 && p.mtu <= 1300, "and up to what still passes: %u", p.mtu);
}

/* Probes pass, but what follows does not: no more than one search in so long. */
Test(pmtu, a_path_that_lies)
{
	struct p2v_outcome lost = { .full_lost = P2V_PMTU_VANISHED };
	struct p2v_pmtu p;

	p2v_pmtu_init(&p, 1472);
	(void)acked(&p, 20000, 0);
	(void)search(&p, 1500, 0);
	cr_assert(p2v_pmtu_outcome(&p, &lost, P2V_SECOND));
	(void)search(&p, 1500, P2V_SECOND);
	cr_assert(p2v_pmtu_outcome(&p, &lost, 2 * P2V_SECOND));
	cr_assert_eq(p2v_pmtu_wants(&p, 60 * P2V_SECOND), 0);
	cr_assert(p2v_pmtu_wants(&p, 2 * P2V_SECOND + P2V_PMTU_AGAIN));
}
