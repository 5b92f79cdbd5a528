/* table_test.c - means and confidence intervals of a sweep, against sums done by hand. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "sdk/sim/cli/table.h"

TestSuite(table, .timeout = 60);

static int add(struct p2v_table *t, const char *name, const char *json)
{
	return p2v_table_add(t, p2v_str_of(name), p2v_str_of(json));
}

/* Which figure of the table that is. */
static size_t figure(enum p2v_figure_id id)
{
	size_t i = 0;

	while (p2v_table_figures[i] != id)
		i++;
	return i;
}

Test(table, means_and_intervals)
{
	struct p2v_table t = { NULL, 0 };
	size_t savings = figure(P2V_FIG_savings), longer = figure(P2V_FIG_longer_share);

	cr_assert_eq(add(&t, "a", "{\"savings\":0.5,\"longer_share\":null}"), P2V_OK);
	cr_assert(isnan(p2v_table_half(&t.v[0], savings)), "one run has no interval");
	cr_assert_eq(add(&t, "b", "{\"savings\":0.9,\"longer_share\":0}"), P2V_OK);
	cr_assert_eq(add(&t, "a", "{\"savings\":0.6,\"longer_share\":null}"), P2V_OK);
	cr_assert_eq(add(&t, "a", "{\"savings\":0.7,\"longer_share\":0.25}"), P2V_OK);
	cr_assert_eq(t.n, 2);
	cr_assert_eq(t.v[0].n, 3);
	cr_assert_lt(fabs(p2v_table_mean(&t.v[0], savings) - 0.6), 1e-12);
	/* t(2 degrees) = 4.303, s = 0.1, n = 3 */
	cr_assert_lt(fabs(p2v_table_half(&t.v[0], savings) - 4.303 * 0.1 / sqrt(3)), 1e-9);
	cr_assert_eq(t.v[0].known[longer], 1, "what is not known does not count");
	cr_assert_lt(fabs(p2v_table_mean(&t.v[0], longer) - 0.25), 1e-12);
	p2v_table_fini(&t);
}

Test(table, many_runs_have_the_normal_interval)
{
	struct p2v_table t = { NULL, 0 };
	size_t savings = figure(P2V_FIG_savings);

	for (int i = 0; i < 100; i++)
		cr_assert_eq(
			add(&t, "a", i % 2 ? "{\"savings\":0.4}" : "{\"savings\":0.6}"), P2V_OK);
	/* s^2 = 100 * 0.01 / 99 */
	cr_assert_lt(fabs(p2v_table_half(&t.v[0], savings) - 1.96 * sqrt(1.0 / 99 / 100)), 1e-9);
	p2v_table_fini(&t);
}

Test(table, what_is_no_summary_is_refused)
{
	static const char *const bad[] = { "", "{", "[]", "3", "{}", "{\"saving\":1}", "null" };
	struct p2v_table t = { NULL, 0 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(add(&t, "a", bad[i]), P2V_EPARSE, "%s", bad[i]);
	cr_assert_eq(t.n, 0);
	p2v_table_fini(&t);
}

Test(table, as_csv_and_for_people)
{
	struct p2v_table t = { NULL, 0 };
	struct p2v_text csv = { 0 }, text = { 0 };

	cr_assert_eq(add(&t, "x y=1", "{\"savings\":0.5}"), P2V_OK);
	cr_assert_eq(add(&t, "x y=1", "{\"savings\":0.7}"), P2V_OK);
	p2v_table_csv(&t, &csv);
	p2v_table_text(&t, &text);
	cr_assert_eq(strncmp(csv.p, "setting,runs,savings,savings_ci95,offload,", 41), 0);
	cr_assert(strstr(csv.p, "\n\"x y=1\",2,0.6,1.2706,,,"), "%s", csv.p);
	cr_assert(strstr(text.p, "x y=1 (2 runs)\n"), "%s", text.p);
	cr_assert(strstr(text.p, "0.6000 +- 1.2706"), "%s", text.p);
	p2v_text_fini(&csv);
	p2v_text_fini(&text);
	p2v_table_fini(&t);
}
