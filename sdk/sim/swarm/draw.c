/* draw.c - laws of chance by elementary arithmetic. */
#include "sdk/sim/swarm/draw.h"

#include <math.h>

#define LN_2 0.69314718055994530942

/* x = k ln 2 + f with |f| <= ln 2 / 2; e^f is a Taylor series, whose 15th term is below 2^-53. */
double p2v_exp(double x)
{
	int k = (int)(x / LN_2 + (x < 0 ? -0.5 : 0.5));
	double f = x - k * LN_2, term = 1, sum = 1;

	for (int i = 1; i < 16; i++) {
		term *= f / i;
		sum += term;
	}
	for (; k > 0; k--)
		sum *= 2;
	for (; k < 0; k++)
		sum /= 2;
	return sum;
}

/* x = 2^k m with m in [1/sqrt 2, sqrt 2); ln m = 2 artanh((m - 1) / (m + 1)), whose argument is
 * below 0.172: 12 terms do. */
double p2v_ln(double x)
{
	int k = 0;
	double z, power, sum = 0;

	for (; x >= 1.41421356237309504880; k++)
		x /= 2;
	for (; x < 0.70710678118654752440; k--)
		x *= 2;
	z = (x - 1) / (x + 1);
	power = z;
	for (int i = 1; i < 26; i += 2) {
		sum += power / i;
		power *= z * z;
	}
	return 2 * sum + k * LN_2;
}

double p2v_draw_uniform(struct p2v_random *r, double lo, double hi)
{
	return lo + (hi - lo) * p2v_random_unit(r);
}

double p2v_draw_exponential(struct p2v_random *r, double mean)
{
	return -mean * p2v_ln(1 - p2v_random_unit(r));
}

double p2v_draw_normal(struct p2v_random *r)
{
	double a, b, s;

	do {
		a = 2 * p2v_random_unit(r) - 1;
		b = 2 * p2v_random_unit(r) - 1;
		s = a * a + b * b;
	} while (s >= 1 || s <= 0);
	return a * sqrt(-2 * p2v_ln(s) / s);
}

double p2v_draw_lognormal(struct p2v_random *r, double median, double sigma)
{
	return median * p2v_exp(sigma * p2v_draw_normal(r));
}

bool p2v_draw_chance(struct p2v_random *r, double p)
{
	return p2v_random_unit(r) < p;
}
