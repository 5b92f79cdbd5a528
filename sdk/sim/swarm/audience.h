/* audience.h - when viewers come and when they leave: arrivals and stays, drawn before the run
 * begins, so that a run without peers has exactly the same audience. */
#ifndef P2V_SIM_AUDIENCE_H
#define P2V_SIM_AUDIENCE_H

#include "sdk/sim/swarm/population.h"

/** Bound from [arrivals]. */
struct p2v_arrivals_conf {
	uint32_t law;        /* index of p2v_arrival_laws */
	p2v_usec over;       /* … from the first to the last of them */
	p2v_usec flash_at;   /* after the first viewer */
	p2v_usec flash_over; /* how long the flash crowd comes */
	double flash_times;  /* so many times as many come then as come otherwise */
};
extern const struct p2v_option p2v_arrivals_options[];
extern const struct p2v_preset p2v_arrival_laws[];

/** Bound from [stays]. */
struct p2v_stays_conf {
	uint32_t law;       /* index of p2v_stay_laws */
	double short_share; /* that only look in */
	p2v_usec short_mean, long_median;
	double long_sigma;
	bool replace;   /* whoever leaves is followed by somebody new */
	p2v_usec pause; /* … after that long, on average */
	double abrupt;  /* share that vanish without a word */
};
extern const struct p2v_option p2v_stays_options[];
extern const struct p2v_preset p2v_stay_laws[];

/** One visit. */
struct p2v_visitor {
	p2v_usec comes, leaves; /* [us] on the run's clock; P2V_NEVER: stays to the end */
	bool abrupt;            /* leaves without a word */
	struct p2v_person person;
};

struct p2v_audience {
	struct p2v_visitor *v; /* shape (n), in the order of coming */
	size_t n;
};

enum { P2V_VISITORS_MAX = 1000000 };

/** @param peers  how many come, beside those that replace others
 * @param from   [us] when the first may come
 * @param until  [us] the run's end: nobody comes later
 * @return P2V_OK; P2V_ENOMEM; P2V_ELIMIT: more than P2V_VISITORS_MAX, with err */
P2V_MUST_USE int p2v_audience_draw(const struct p2v_population_conf *population,
	const struct p2v_arrivals_conf *arrivals, const struct p2v_stays_conf *stays, uint64_t seed,
	size_t peers, p2v_usec from, p2v_usec until, struct p2v_audience *out, struct p2v_err *err);
void p2v_audience_fini(struct p2v_audience *a);

#endif
