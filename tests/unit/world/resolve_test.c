/* resolve_test.c - name lookups that are slow, many, or not wanted any more. */
#include <config.h>

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/world/faults.h"
#include "tests/unit/world/raw.h"

TestSuite(resolve, .timeout = 120);

struct answers {
	struct raw_rig rig;
	unsigned done, found, failed;
	struct p2v_lookup *cancel; /* to be cancelled by the next answer */
};

static void answered(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	struct answers *a = ctx;

	a->done++;
	a->found += n > 0 && v[0].port == 53;
	a->failed += n == 0 && err->code < 0 && err->text[0];
	if (a->cancel)
		a->rig.world.ops->resolve_cancel(a->rig.world.self, a->cancel);
	a->cancel = NULL;
}

static struct p2v_lookup *look_up(struct answers *a, const char *host)
{
	struct p2v_lookup *l = NULL;
	struct p2v_err err = { P2V_OK, "" };

	cr_assert_eq(a->rig.world.ops->resolve(a->rig.world.self, host, 53, answered, a, &l, &err),
		P2V_OK, "%s", err.text);
	return l;
}

static bool done_50(void *ctx)
{
	return ((struct answers *)ctx)->done >= 50;
}

static bool done_1(void *ctx)
{
	return ((struct answers *)ctx)->done >= 1;
}

static bool done_2(void *ctx)
{
	return ((struct answers *)ctx)->done >= 2;
}

Test(resolve, many_wait_for_their_turn)
{
	struct answers a = { .done = 0 };

	raw_open(&a.rig);
	for (int i = 0; i < 50; i++)
		(void)look_up(&a, i % 2 ? "localhost" : "no-such-host.invalid");
	cr_assert(raw_until(&a.rig, done_50, &a));
	cr_assert_eq(a.found, 25);
	cr_assert_eq(a.failed, 25);
	raw_close(&a.rig);
}

Test(resolve, too_many_are_refused)
{
	struct answers a = { .done = 0 };
	struct p2v_lookup *l = NULL;
	struct p2v_err err = { P2V_OK, "" };
	int r = P2V_OK, n = 0;

	p2v_faults.lookup_naps = 200;
	raw_open(&a.rig);
	while (r == P2V_OK && n < 1000) {
		r = a.rig.world.ops->resolve(
			a.rig.world.self, "localhost", 53, answered, &a, &l, &err);
		n += r == P2V_OK;
	}
	cr_assert_eq(r, P2V_ELIMIT);
	cr_assert_geq(n, 256);
	cr_assert_lt(n, 300);
	raw_close(&a.rig); /* with lookups in every state */
	raw_nap(600);      /* threads end, and find nobody to tell */
	cr_assert_eq(a.done, 0);
}

Test(resolve, cancelled_ones_do_not_count)
{
	struct answers a = { .done = 0 };

	p2v_faults.lookup_naps = 100;
	raw_open(&a.rig);
	for (int i = 0; i < 1000; i++)
		a.rig.world.ops->resolve_cancel(a.rig.world.self, look_up(&a, "localhost"));
	p2v_faults.lookup_naps = 0;
	(void)look_up(&a, "localhost"); /* waits for those that could not be stopped */
	cr_assert(raw_until(&a.rig, done_1, &a));
	cr_assert_eq(a.found, 1);
	raw_close(&a.rig);
}

Test(resolve, a_slow_name_holds_nothing_up)
{
	struct answers a = { .done = 0 };
	struct p2v_lookup *slow[6];

	p2v_faults.lookup_naps = 60000;
	raw_open(&a.rig);
	for (int i = 0; i < 6; i++) /* running and waiting */
		slow[i] = look_up(&a, "localhost");
	(void)look_up(&a, "192.0.2.1"); /* needs no thread */
	cr_assert(raw_until(&a.rig, done_1, &a));
	cr_assert_eq(a.found, 1);
	for (int i = 0; i < 6; i++)
		a.rig.world.ops->resolve_cancel(a.rig.world.self, slow[i]);
	raw_idle(&a.rig, 20 * P2V_MSEC);
	cr_assert_eq(a.done, 1);
	raw_close(&a.rig);
}

Test(resolve, an_answer_cancels_another)
{
	struct answers a = { .done = 0 };

	raw_open(&a.rig);
	(void)look_up(&a, "192.0.2.1");
	a.cancel = look_up(&a, "192.0.2.2");
	(void)look_up(&a, "192.0.2.3");
	cr_assert(raw_until(&a.rig, done_2, &a));
	raw_idle(&a.rig, 10 * P2V_MSEC);
	cr_assert_eq(a.done, 2);
	raw_close(&a.rig);
}

Test(resolve, addresses_of_both_families)
{
	struct answers a = { .done = 0 };

	raw_open(&a.rig);
	(void)look_up(&a, "2001:db8::1");
	(void)look_up(&a, "::1");
	cr_assert(raw_until(&a.rig, done_2, &a));
	cr_assert_eq(a.found, 2);
	raw_close(&a.rig);
}
