/* audience_test.c - what populations, arrivals and stays are drawn from, against their laws. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/base/text.h"
#include "sdk/sim/swarm/audience.h"
#include "sdk/sim/swarm/draw.h"

TestSuite(sim_audience, .timeout = 120);

enum { MANY = 20000 };

struct inputs {
	struct p2v_population_conf population;
	struct p2v_arrivals_conf arrivals;
	struct p2v_stays_conf stays;
};

static void bind(const struct p2v_option *table, void *conf, const char *key, const char *value)
{
	struct p2v_option copy;
	struct p2v_err err;
	const struct p2v_option *o = p2v_option_find(table, sizeof *table, key, &copy);

	cr_assert(o, "%s", key);
	cr_assert_eq(p2v_option_set(o, conf, value, &err), P2V_OK, "%s: %s", key, err.text);
}

static struct inputs inputs(void)
{
	struct inputs in;
	struct p2v_err err;

	memset(&in, 0, sizeof in);
	cr_assert_eq(p2v_options_default(p2v_population_options, sizeof(struct p2v_option),
			     &in.population, &err),
		P2V_OK);
	cr_assert_eq(p2v_options_default(
			     p2v_arrivals_options, sizeof(struct p2v_option), &in.arrivals, &err),
		P2V_OK);
	cr_assert_eq(
		p2v_options_default(p2v_stays_options, sizeof(struct p2v_option), &in.stays, &err),
		P2V_OK);
	return in;
}

static struct p2v_audience draw(
	const struct inputs *in, uint64_t seed, size_t n, p2v_usec from, p2v_usec until)
{
	struct p2v_audience a;
	struct p2v_err err;

	cr_assert_eq(p2v_audience_draw(&in->population, &in->arrivals, &in->stays, seed, n, from,
			     until, &a, &err),
		P2V_OK);
	return a;
}

/* ---- arithmetic ---- */

Test(sim_audience, exp_and_ln_are_right_to_the_last_bits)
{
	for (double x = -20; x < 20; x += 0.37)
		cr_assert_lt(fabs(p2v_exp(x) / exp(x) - 1), 1e-14, "exp %g", x);
	for (double x = 1e-9; x < 1e9; x *= 1.7)
		cr_assert_lt(fabs(p2v_ln(x) - log(x)), 1e-13, "ln %g", x);
}

Test(sim_audience, normal_numbers_are_normal)
{
	struct p2v_random r;
	double sum = 0, squares = 0, beyond = 0;

	p2v_random_init(&r, 3, "test");
	for (int i = 0; i < MANY; i++) {
		double x = p2v_draw_normal(&r);

		sum += x;
		squares += x * x;
		beyond += fabs(x) > 1.959964;
	}
	cr_assert_lt(fabs(sum / MANY), 0.03);
	cr_assert_lt(fabs(squares / MANY - 1), 0.04);
	cr_assert_lt(fabs(beyond / MANY - 0.05), 0.007);
}

/* ---- lines ---- */

/* Share of the viewers whose upload [kbit/s] is at most that. */
static double share_up_to(const struct p2v_person *v, double kbit)
{
	size_t n = 0;

	for (size_t i = 0; i < MANY; i++)
		n += (double)v[i].upload * 8 / 1000 <= kbit + 0.01;
	return (double)n / MANY;
}

static struct p2v_person *people(const struct inputs *in, uint64_t seed)
{
	struct p2v_person *v = calloc(MANY, sizeof *v);

	cr_assert(v);
	for (size_t i = 0; i < MANY; i++)
		p2v_person_draw(&in->population, seed, i, &v[i]);
	return v;
}

static void near(double is, double wanted, double by, const char *what)
{
	cr_assert_lt(fabs(is - wanted), by, "%s: %g instead of %g", what, is, wanted);
}

Test(sim_audience, gnutella_has_its_four_classes)
{
	struct inputs in = inputs();
	struct p2v_person *v;

	bind(p2v_population_options, &in.population, "upload", "gnutella");
	v = people(&in, 1);
	near(share_up_to(v, 128), 0.20, 0.01, "128 kbit/s");
	near(share_up_to(v, 384), 0.60, 0.012, "384 kbit/s");
	near(share_up_to(v, 1000), 0.85, 0.01, "1000 kbit/s");
	near(share_up_to(v, 5000), 1, 1e-9, "5000 kbit/s");
	near(share_up_to(v, 127), 0, 1e-9, "less");
	free(v);
}

Test(sim_audience, clive_is_as_skewed_as_it_says)
{
	struct inputs in = inputs();
	struct p2v_person *v;
	size_t silent = 0;

	bind(p2v_population_options, &in.population, "upload", "clive");
	v = people(&in, 1);
	near(share_up_to(v, 0), 0.493, 0.012, "nothing");
	near(share_up_to(v, 100), 0.702, 0.012, "100 kbit/s");
	near(share_up_to(v, 200), 0.796, 0.012, "200 kbit/s");
	near(share_up_to(v, 1100), 0.825, 0.012, "half of the middle");
	near(share_up_to(v, 1900), 0.854, 0.012, "1900 kbit/s");
	for (size_t i = 0; i < MANY; i++) {
		silent += !v[i].gives;
		cr_assert_eq(v[i].gives, v[i].upload > 0);
		cr_assert_gt(v[i].link.up, 0, "it still asks and acknowledges");
	}
	near((double)silent / MANY, 0.493, 0.012, "those that give nothing");
	free(v);
}

Test(sim_audience, modern_is_a_lognormal_with_a_poor_tail)
{
	struct inputs in = inputs();
	struct p2v_person *v = people(&in, 1);

	/* 15 % are uniform from 0.25 to 2 Mbit/s; half of each is usable. Of the others
	 * Phi(ln(2/15)) = 2.2 % are below 2 Mbit/s, and half below 15. */
	near(share_up_to(v, 1000), 0.15 + 0.85 * 0.022, 0.01, "2 Mbit/s");
	near(share_up_to(v, 7500), 0.15 + 0.85 * 0.5, 0.012, "15 Mbit/s");
	near(share_up_to(v, 7500 * 2.718281828), 0.15 + 0.85 * 0.8413, 0.012, "a sigma above");
	free(v);
}

Test(sim_audience, habits_come_in_their_shares)
{
	struct inputs in = inputs();
	size_t riders = 0, polluters = 0, slow = 0, buffer = 0, fixed = 0;
	struct p2v_person *v;

	bind(p2v_population_options, &in.population, "free_riders", "0.3");
	bind(p2v_population_options, &in.population, "polluters", "0.1");
	bind(p2v_population_options, &in.population, "slow", "0.2");
	bind(p2v_population_options, &in.population, "abr_buffer", "0.25");
	bind(p2v_population_options, &in.population, "abr_fixed", "0.5");
	v = people(&in, 1);
	for (size_t i = 0; i < MANY; i++) {
		riders += v[i].free_rider;
		polluters += v[i].polluter;
		slow += v[i].slow;
		buffer += v[i].own_abr && v[i].abr == P2V_ABR_BUFFER;
		fixed += v[i].own_abr && v[i].abr == P2V_ABR_FIXED;
		cr_assert(!v[i].free_rider || !v[i].gives);
		cr_assert(!v[i].slow || v[i].upload <= 100000 / 8);
		cr_assert_leq(v[i].free_rider + v[i].polluter + v[i].slow, 1);
	}
	near((double)riders / MANY, 0.3, 0.012, "free riders");
	near((double)polluters / MANY, 0.1, 0.01, "polluters");
	near((double)slow / MANY, 0.2, 0.012, "slow ones");
	near((double)buffer / MANY, 0.25, 0.012, "by buffer");
	near((double)fixed / MANY, 0.5, 0.012, "fixed");
	free(v);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

Test(sim_audience, two_viewers_are_60_ms_apart_in_the_median)
{
	struct inputs in = inputs();
	struct p2v_person *v = people(&in, 1);
	static double rtt[MANY / 2];

	for (size_t i = 0; i < MANY / 2; i++) {
		double dx = v[2 * i].x - (double)v[2 * i + 1].x;
		double dy = v[2 * i].y - (double)v[2 * i + 1].y;

		rtt[i] = 2 * (sqrt(dx * dx + dy * dy) + (double)v[2 * i].link.delay +
				     (double)v[2 * i + 1].link.delay);
	}
	qsort(rtt, MANY / 2, sizeof rtt[0], by_size);
	near(rtt[MANY / 4], 60000, 1500, "median [us]");
	free(v);
}

/* ---- arrivals and stays ---- */

Test(sim_audience, poisson_arrivals_have_exponential_gaps)
{
	struct inputs in = inputs();
	struct p2v_audience a;
	double mean, squares = 0, short_ones = 0;

	bind(p2v_arrivals_options, &in.arrivals, "over", "20000s");
	a = draw(&in, 1, MANY, 5 * P2V_SECOND, 100000 * P2V_SECOND);
	cr_assert_eq(a.n, MANY);
	mean = (double)(a.v[a.n - 1].comes - 5 * P2V_SECOND) / MANY;
	near(mean, 1e6, 3e4, "mean gap [us]");
	for (size_t i = 1; i < a.n; i++) {
		double gap = (double)(a.v[i].comes - a.v[i - 1].comes) / mean;

		squares += (gap - 1) * (gap - 1);
		short_ones += gap < 0.1;
	}
	near(squares / MANY, 1, 0.08, "variance over the mean's square");
	near(short_ones / MANY, 1 - exp(-0.1), 0.01, "gaps below a tenth of the mean");
	p2v_audience_fini(&a);
}

Test(sim_audience, a_flash_crowd_is_ten_times_the_others)
{
	struct inputs in = inputs();
	struct p2v_audience a;
	size_t crowd = 0;

	bind(p2v_arrivals_options, &in.arrivals, "law", "flash");
	a = draw(&in, 1, 11000, 0, 10000 * P2V_SECOND);
	cr_assert_eq(a.n, 11000);
	for (size_t i = 0; i < a.n; i++)
		crowd += a.v[i].comes >= 120 * P2V_SECOND && a.v[i].comes < 180 * P2V_SECOND;
	near((double)crowd, 10000, 20, "in its minute");
	p2v_audience_fini(&a);
}

Test(sim_audience, stays_follow_the_law_of_churn)
{
	struct inputs in = inputs();
	struct p2v_audience a;
	size_t below_45 = 0, below_median = 0, abrupt = 0;

	bind(p2v_stays_options, &in.stays, "law", "churn");
	bind(p2v_stays_options, &in.stays, "replace", "no");
	a = draw(&in, 1, MANY, 0, 1000 * P2V_SECOND);
	for (size_t i = 0; i < a.n; i++) {
		p2v_usec t = a.v[i].leaves - a.v[i].comes;

		cr_assert_geq(t, 0);
		below_45 += t < 45 * P2V_SECOND;
		below_median += t < 18 * 60 * P2V_SECOND;
		abrupt += a.v[i].abrupt;
	}
	/* 1 - 1/e of those who look in; of the others Phi(ln(45/1080) / 1.3) = 0.724 %. */
	near((double)below_45 / (double)a.n, 0.25 * 0.6321 + 0.75 * 0.00724, 0.01, "below 45 s");
	near((double)below_median / (double)a.n, 0.25 + 0.75 * 0.5, 0.012, "below 18 min");
	near((double)abrupt / (double)a.n, 0.5, 0.012, "without a word");
	p2v_audience_fini(&a);
}

Test(sim_audience, whoever_leaves_is_replaced)
{
	struct inputs in = inputs();
	struct p2v_audience a;
	p2v_usec end = 900 * P2V_SECOND;

	bind(p2v_stays_options, &in.stays, "law", "churn");
	bind(p2v_arrivals_options, &in.arrivals, "law", "even");
	bind(p2v_arrivals_options, &in.arrivals, "over", "0s");
	a = draw(&in, 1, 200, 0, end);
	cr_assert_gt(a.n, 300);
	for (p2v_usec t = 0; t < end; t += 50 * P2V_SECOND) {
		size_t here = 0;

		for (size_t i = 0; i < a.n; i++)
			here += a.v[i].comes <= t && t < a.v[i].leaves;
		cr_assert_eq(here, 200, "at %lld s", (long long)(t / P2V_SECOND));
	}
	for (size_t i = 1; i < a.n; i++)
		cr_assert_leq(a.v[i - 1].comes, a.v[i].comes);
	p2v_audience_fini(&a);
}

Test(sim_audience, the_same_seed_draws_the_same_people_however_many_there_are)
{
	struct inputs in = inputs();
	struct p2v_audience a = draw(&in, 7, 50, 0, 1000 * P2V_SECOND);
	struct p2v_audience b = draw(&in, 7, 50, 0, 1000 * P2V_SECOND);
	struct p2v_audience c = draw(&in, 8, 50, 0, 1000 * P2V_SECOND);
	struct p2v_person one;

	cr_assert_eq(memcmp(a.v, b.v, a.n * sizeof *a.v), 0);
	cr_assert_neq(memcmp(a.v, c.v, a.n * sizeof *a.v), 0);
	p2v_person_draw(&in.population, 7, 31, &one);
	cr_assert_eq(memcmp(&one, &a.v[31].person, sizeof one), 0);
	p2v_audience_fini(&a);
	p2v_audience_fini(&b);
	p2v_audience_fini(&c);
}

Test(sim_audience, rules_between_the_options)
{
	struct inputs in = inputs();
	struct p2v_err err;

	cr_assert_eq(p2v_population_check(&in.population, &err), P2V_OK);
	in.population.polluters = 0.6;
	in.population.slow = 0.6;
	cr_assert_eq(p2v_population_check(&in.population, &err), P2V_ECONF);
	in = inputs();
	in.population.abr_fixed = in.population.abr_buffer = 0.7;
	cr_assert_eq(p2v_population_check(&in.population, &err), P2V_ECONF);
	in = inputs();
	in.population.rtt = 4 * in.population.access - 1;
	cr_assert_eq(p2v_population_check(&in.population, &err), P2V_ECONF);
}

/* ---- NAT boxes ---- */

static double share_of(const struct p2v_person *v, const char *type)
{
	struct p2v_nat_type t;
	size_t n = 0;

	cr_assert_eq(p2v_nat_type_parse(p2v_str_of(type), &t), P2V_OK);
	for (size_t i = 0; i < MANY; i++)
		n += v[i].boxed && p2v_nat_type_number(v[i].nat) == p2v_nat_type_number(t);
	return (double)n / MANY;
}

Test(sim_audience, boxes_are_as_often_as_the_preset_says)
{
	static const struct {
		const char *type;
		double percent;
	} seen[] = { { "EI-PP-PD", 46.6 }, { "PD-RD-PD", 12.4 }, { "EI-RD-PD", 9.9 },
		{ "EI-PP-EI", 9.3 }, { "EI-RD-EI", 7.7 }, { "EI-PP-HD", 4.6 }, { "EI-PC-EI", 4.4 },
		{ "PD-PP-PD", 2.6 }, { "PD-PP-EI", 0.7 }, { "PD-RD-EI", 0.6 }, { "EI-PC-PD", 0.6 },
		{ "EI-RD-HD", 0.4 }, { "HD-RD-PD", 0.2 } };
	struct inputs in = inputs();
	struct p2v_person *v;
	double hairpin = 0, all = 0;

	bind(p2v_population_options, &in.population, "nat", "realistic");
	v = people(&in, 1);
	for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
		near(share_of(v, seen[i].type), 0.008 * seen[i].percent, 0.01, seen[i].type);
		all += share_of(v, seen[i].type);
		cr_assert_gt(share_of(v, seen[i].type), 0);
	}
	near(all, 0.8, 0.01, "behind any box");
	for (size_t i = 0; i < MANY; i++)
		hairpin += v[i].hairpin;
	near(hairpin / MANY, 0.24, 0.01, "hairpin");
	free(v);
}

Test(sim_audience, boxes_change_nothing_else)
{
	struct inputs open = inputs(), real = inputs(), one = inputs();

	bind(p2v_population_options, &real.population, "nat", "realistic");
	bind(p2v_population_options, &one.population, "nat", "HD-PC-EI");
	for (size_t i = 0; i < 500; i++) {
		struct p2v_person a, b, c;
		char name[P2V_NAT_NAME];

		p2v_person_draw(&open.population, 1, i, &a);
		p2v_person_draw(&real.population, 1, i, &b);
		p2v_person_draw(&one.population, 1, i, &c);
		cr_assert_not(a.boxed);
		cr_assert(c.boxed);
		cr_assert_str_eq(p2v_nat_type_text(c.nat, name), "HD-PC-EI");
		cr_assert_eq(a.x, b.x);
		cr_assert_eq(a.link.up, b.link.up);
		cr_assert_eq(a.link.down, c.link.down);
		cr_assert_eq(a.gives, b.gives);
	}
}

Test(sim_audience, a_household_shares_its_place_and_its_box)
{
	struct inputs in = inputs();
	struct p2v_person a, b;
	size_t lines = 0;

	bind(p2v_population_options, &in.population, "nat", "realistic");
	bind(p2v_population_options, &in.population, "household", "3");
	for (size_t i = 0; i < 300; i += 3) {
		p2v_person_draw(&in.population, 1, i, &a);
		p2v_person_draw(&in.population, 1, i + 2, &b);
		cr_assert_eq(a.home, b.home);
		cr_assert_eq(a.boxed, b.boxed);
		cr_assert_eq(a.x, b.x);
		cr_assert_eq(p2v_nat_type_number(a.nat), p2v_nat_type_number(b.nat));
		lines += a.link.up != b.link.up;
		p2v_person_draw(&in.population, 1, i + 3, &b);
		cr_assert_neq(a.home, b.home);
	}
	cr_assert_gt(lines, 90, "each has a line of its own");
}
