/* cids_test.c - sessions by connection id, against a list. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/dtl/cids.h"

TestSuite(cids, .timeout = 60);

enum { MOST = 300, STEPS = 60000 };

/* Only their addresses matter. */
static char things[MOST];

static struct p2v_session *thing(size_t i)
{
	return (struct p2v_session *)(void *)&things[i];
}

Test(cids, an_empty_table_knows_nobody)
{
	struct p2v_cids c = { .v = NULL };

	cr_assert_null(p2v_cids_find(&c, 0));
	cr_assert_eq(p2v_cids_add(&c, 0, thing(0)), P2V_OK);
	cr_assert_eq(p2v_cids_find(&c, 0), thing(0));
	cr_assert_null(p2v_cids_find(&c, 8));
	p2v_cids_remove(&c, 0);
	cr_assert_null(p2v_cids_find(&c, 0));
	p2v_cids_fini(&c);
}

/* Numbers of few low bits meet often: whoever leaves must not hide those that stood behind it. */
Test(cids, come_and_go)
{
	struct p2v_cids c = { .v = NULL };
	struct p2v_random random;
	uint32_t cid[MOST];
	bool in[MOST] = { false };
	size_t n = 0;

	p2v_random_init(&random, 7, "cids");
	for (uint32_t i = 0; i < MOST; i++)
		cid[i] = (i % 5) + (i / 5 << 16);
	for (int k = 0; k < STEPS; k++) {
		size_t i = p2v_random_next(&random) % MOST;

		if (in[i]) {
			cr_assert_eq(p2v_cids_find(&c, cid[i]), thing(i));
			p2v_cids_remove(&c, cid[i]);
		} else {
			cr_assert_null(p2v_cids_find(&c, cid[i]));
			cr_assert_eq(p2v_cids_add(&c, cid[i], thing(i)), P2V_OK);
		}
		in[i] = !in[i];
		n = in[i] ? n + 1 : n - 1;
		cr_assert_eq(c.n, n);
		i = p2v_random_next(&random) % MOST;
		cr_assert_eq(p2v_cids_find(&c, cid[i]), in[i] ? thing(i) : NULL);
	}
	p2v_cids_fini(&c);
}
