/* audience.c - arrivals and stays. */
#include "sdk/sim/swarm/audience.h"

#include <stdlib.h>

#include "sdk/sim/swarm/draw.h"

enum { COME_EVEN, COME_POISSON, COME_FLASH };
enum { STAY_ALL, STAY_CHURN };

const struct p2v_preset p2v_arrival_laws[] = {
	{ "even", "one after the other at equal distances, over arrivals.over", "own" },
	{ "poisson", "exponential gaps, such that the last is expected after arrivals.over",
		"Poisson arrivals: sessions of live streams look so within minutes (Veloso, Almeida, "
		"Meira, Bestavros and Jin: IMW 2002)" },
	{ "flash",
		"as poisson, and from arrivals.flash_at on flash_times as many again within flash_over",
		"own: ten times the audience within a minute, as at the kick-off" },
	{ NULL, NULL, NULL }
};
static const char *const arrival_names[] = { "even", "poisson", "flash", NULL };

const struct p2v_preset p2v_stay_laws[] = { { "all", "everybody stays to the end", "own" },
	{ "churn",
		"25 % stay exponentially with mean 45 s, 75 % lognormally with median 18 min and sigma 1.3",
		"shape: many who only look in (Sripanidkulchai, Maggs and Zhang: IMC 2004) and "
		"lognormal sessions of the others (Veloso et al.: IMW 2002); the numbers are ours" },
	{ NULL, NULL, NULL } };
static const char *const stay_names[] = { "all", "churn", NULL };

/* clang-format off */
#define A struct p2v_arrivals_conf
const struct p2v_option p2v_arrivals_options[] = {
	P2V_OPT_ENUM(A, law, "poisson", arrival_names, "how viewers come: a preset, see p2v-sim list-presets"),
	P2V_OPT_USEC(A, over, "60s", 0, 86400e6, "s", "how long they keep coming"),
	P2V_OPT_USEC(A, flash_at, "120s", 0, 86400e6, "s", "with law = flash: when the crowd begins, after the first viewer may come"),
	P2V_OPT_USEC(A, flash_over, "60s", 0, 86400e6, "s", "… and how long it keeps coming"),
	P2V_OPT_REAL(A, flash_times, "10", 0.01, 1000, "1", "… and how many times as many it is as came otherwise"),
	P2V_OPT_END
};
#define S struct p2v_stays_conf
const struct p2v_option p2v_stays_options[] = {
	P2V_OPT_ENUM(S, law, "all", stay_names, "how long viewers stay: a preset, see p2v-sim list-presets"),
	P2V_OPT_REAL(S, short_share, "0.25", 0, 1, "1", "with law = churn: share of the viewers that only look in"),
	P2V_OPT_USEC(S, short_mean, "45s", 1e5, 86400e6, "s", "… and how long they stay on average"),
	P2V_OPT_USEC(S, long_median, "18m", 1e5, 86400e6, "s", "how long half of the others stay at least"),
	P2V_OPT_REAL(S, long_sigma, "1.3", 0, 5, "1", "spread of their stays: sigma of the lognormal law"),
	P2V_OPT_BOOL(S, replace, "yes", "whoever leaves is followed by somebody new, so that the audience keeps its size"),
	P2V_OPT_USEC(S, pause, "0s", 0, 3600e6, "s", "… after that long on average"),
	P2V_OPT_REAL(S, abrupt, "0.5", 0, 1, "1", "share of those leaving that vanish without a word to their partners"),
	P2V_OPT_END
};
#undef A
#undef S
/* clang-format on */

struct drawing {
	const struct p2v_stays_conf *stays;
	struct p2v_audience *out;
	size_t cap;
	p2v_usec until;
};

static int add(struct drawing *d, const struct p2v_visitor *v, struct p2v_err *err)
{
	struct p2v_visitor *all = d->out->v;

	if (d->out->n >= P2V_VISITORS_MAX)
		return p2v_fail(err, P2V_ELIMIT, "more than %d visits", P2V_VISITORS_MAX);
	if (d->out->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		all = realloc(all, d->cap * sizeof *all);
		if (!all)
			return p2v_fail(err, P2V_ENOMEM, "no memory for an audience");
		d->out->v = all;
	}
	all[d->out->n++] = *v;
	return P2V_OK;
}

static p2v_usec stay(const struct p2v_stays_conf *c, struct p2v_random *r)
{
	double t = p2v_draw_chance(r, c->short_share)
			   ? p2v_draw_exponential(r, (double)c->short_mean)
			   : p2v_draw_lognormal(r, (double)c->long_median, c->long_sigma);

	return t < 1e15 ? (p2v_usec)t : (p2v_usec)1e15;
}

/* Somebody's visit, and those of whoever takes the seat after. */
static int seat(struct drawing *d, p2v_usec comes, struct p2v_random *r, struct p2v_err *err)
{
	int rc = P2V_OK;

	while (rc == P2V_OK && comes < d->until) {
		struct p2v_visitor v = { .comes = comes, .leaves = P2V_NEVER };

		if (d->stays->law == STAY_CHURN) {
			v.leaves = comes + stay(d->stays, r);
			v.abrupt = p2v_draw_chance(r, d->stays->abrupt);
		}
		rc = add(d, &v, err);
		if (v.leaves == P2V_NEVER || !d->stays->replace)
			break;
		comes = v.leaves + (p2v_usec)p2v_draw_exponential(r, (double)d->stays->pause);
	}
	return rc;
}

/* When seat i of n is taken first. @param last  [inout] when the one before was */
static p2v_usec arrival(const struct p2v_arrivals_conf *c, struct p2v_random *r, size_t i, size_t n,
	p2v_usec from, double *last)
{
	double usual = (double)n;

	if (c->law == COME_EVEN)
		return from + (p2v_usec)((double)c->over * (double)i / (double)n);
	if (c->law == COME_FLASH) {
		usual = (double)n / (1 + c->flash_times);
		if ((double)i >= usual)
			return from + c->flash_at +
			       (p2v_usec)((double)c->flash_over * p2v_random_unit(r));
	}
	*last += p2v_draw_exponential(r, (double)c->over / (usual > 1 ? usual : 1));
	return from + (p2v_usec)*last;
}

static int by_coming(const void *va, const void *vb)
{
	const struct p2v_visitor *a = va, *b = vb;

	if (a->comes != b->comes)
		return a->comes < b->comes ? -1 : 1;
	return a->leaves < b->leaves ? -1 : a->leaves > b->leaves;
}

int p2v_audience_draw(const struct p2v_population_conf *population,
	const struct p2v_arrivals_conf *arrivals, const struct p2v_stays_conf *stays, uint64_t seed,
	size_t peers, p2v_usec from, p2v_usec until, struct p2v_audience *out, struct p2v_err *err)
{
	struct drawing d = { stays, out, 0, until };
	struct p2v_random arriving, staying;
	double last = 0;
	int rc = P2V_OK;

	*out = (struct p2v_audience){ NULL, 0 };
	p2v_random_init(&arriving, seed, "arrivals");
	for (size_t i = 0; rc == P2V_OK && i < peers; i++) {
		p2v_random_init(&staying, p2v_mix64(seed) + i, "stays");
		rc = seat(&d, arrival(arrivals, &arriving, i, peers, from, &last), &staying, err);
	}
	if (rc < 0) {
		p2v_audience_fini(out);
		return rc;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_coming);
	for (size_t i = 0; i < out->n; i++)
		p2v_person_draw(population, seed, i, &out->v[i].person);
	return P2V_OK;
}

void p2v_audience_fini(struct p2v_audience *a)
{
	free(a->v);
	*a = (struct p2v_audience){ NULL, 0 };
}
