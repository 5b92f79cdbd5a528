/* draw.h - random numbers of the laws that populations follow, out of one stream. Sums, products
 * and roots alone, so that every machine draws alike. */
#ifndef P2V_SIM_DRAW_H
#define P2V_SIM_DRAW_H

#include "framework/base/random.h"

/** @return e^x, to the last few bits; x within -700…700 */
double p2v_exp(double x);
/** @return the natural logarithm of x, to the last few bits; x > 0 and finite */
double p2v_ln(double x);

/** @return uniform in [lo, hi) */
double p2v_draw_uniform(struct p2v_random *r, double lo, double hi);
/** @return exponential with that mean */
double p2v_draw_exponential(struct p2v_random *r, double mean);
/** @return standard normal (polar method: Marsaglia and Bray, 1964) */
double p2v_draw_normal(struct p2v_random *r);
/** @return lognormal: the logarithm is normal with the logarithm of `median` and that sigma */
double p2v_draw_lognormal(struct p2v_random *r, double median, double sigma);
/** @return true with probability p */
bool p2v_draw_chance(struct p2v_random *r, double p);

#endif
