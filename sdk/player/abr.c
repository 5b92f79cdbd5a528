/* abr.c - choosing renditions.
 *
 * Throughput: hls.js (abr-controller, ewma-bandwidth-estimator): two exponential averages of the
 * rate of each fragment, weighted by how long it took; the lower one counts; a rendition is taken
 * when it needs at most `keep` of it, or `rise` of it when it is above the present one; on demand
 * also only when a fragment of it would be there before the buffer runs dry, or soon after. Time to
 * first byte is taken out of a measurement up to its own average. Deviation: that average weighs
 * all its values the same.
 *
 * Buffer: BOLA-BASIC (Spiteri, Urgaonkar and Sitaraman, 2016, with dash.js's choice of its
 * parameters): the rendition m with the greatest (V (u_m + g) - buffer) / rate_m, u = ln of the
 * rate over the lowest + 1; V and g such that a quarter of the target buffer calls for the lowest
 * and the whole of it for the highest. Until a quarter of the target is there, throughput chooses;
 * and no rise goes above what throughput allows (BOLA-O). */
#include "sdk/player/abr.h"

#include <assert.h>

#define TTFB_START  (100 * P2V_MSEC) /* hls.js's default estimate */
#define SAMPLE_MIN  (50 * P2V_MSEC)  /* shorter loads count as this long */
#define PART_MIN    (5 * P2V_MSEC)   /* … parts: own, else few bytes could tell of no high rate */
#define STARVED_MAX (4 * P2V_SECOND) /* a stall that is accepted for a fragment on demand */

const char *const p2v_abr_kinds[] = { "throughput", "buffer", "fixed", NULL };

/* ---- numbers ---- */

#define LN2 0.69314718055994530942

double p2v_decay(p2v_usec weight, p2v_usec half)
{
	p2v_usec whole = weight / half;
	double y = (double)(weight % half) / (double)half * LN2, e = 1;

	if (whole > 60)
		return 0;
	for (int k = 16; k > 0; k--)
		e = 1 - e * y / k;
	return e / (double)(UINT64_C(1) << whole);
}

double p2v_log_ratio(uint64_t a, uint64_t b)
{
	double x = (double)a / (double)b, z, z2, sum = 0;
	int halvings = 0;

	for (; x > 1.5; halvings++)
		x /= 2;
	/* ln x = 2 artanh((x-1)/(x+1)), of which |z| <= 0.2 */
	z = (x - 1) / (x + 1);
	z2 = z * z;
	for (int k = 25; k > 0; k -= 2)
		sum = sum * z2 + 1.0 / k;
	return 2 * z * sum + halvings * LN2;
}

void p2v_ewma_init(struct p2v_ewma *e, p2v_usec half)
{
	*e = (struct p2v_ewma){ 0, 1, half };
}

void p2v_ewma_add(struct p2v_ewma *e, p2v_usec weight, double value)
{
	double past = p2v_decay(weight, e->half);

	e->value = value * (1 - past) + past * e->value;
	e->missing *= past;
}

double p2v_ewma_get(const struct p2v_ewma *e)
{
	return e->missing < 1 ? e->value / (1 - e->missing) : 0;
}

/* ---- the estimate ---- */

void p2v_abr_init(
	struct p2v_abr *abr, const struct p2v_abr_conf *conf, const uint64_t *rates, size_t n)
{
	assert(n > 0);
	*abr = (struct p2v_abr){ .conf = *conf, .rates = rates, .n = n };
	p2v_ewma_init(&abr->fast, conf->fast);
	p2v_ewma_init(&abr->slow, conf->slow);
	p2v_ewma_init(&abr->ttfb, conf->slow);
}

static p2v_usec ttfb(const struct p2v_abr *abr)
{
	return abr->measured ? (p2v_usec)p2v_ewma_get(&abr->ttfb) : TTFB_START;
}

static void add(struct p2v_abr *abr, p2v_usec took, uint64_t bytes)
{
	double rate = 8.0 * (double)bytes * (double)P2V_SECOND / (double)took;

	p2v_ewma_add(&abr->fast, took, rate);
	p2v_ewma_add(&abr->slow, took, rate);
	abr->measured = true;
}

static void waited(struct p2v_abr *abr, p2v_usec first)
{
	p2v_ewma_add(&abr->ttfb, P2V_SECOND, (double)(first > 5000 ? first : 5000));
	if (abr->quickest == 0 || first < abr->quickest)
		abr->quickest = first;
}

void p2v_abr_sample(struct p2v_abr *abr, p2v_usec elapsed, p2v_usec first, uint64_t bytes)
{
	p2v_usec wait = first < ttfb(abr) ? first : ttfb(abr);

	add(abr, elapsed - wait > SAMPLE_MIN ? elapsed - wait : SAMPLE_MIN, bytes);
	waited(abr, first);
}

void p2v_abr_sample_part(struct p2v_abr *abr, p2v_usec elapsed, p2v_usec first, uint64_t bytes)
{
	if (first != P2V_UNKNOWN) {
		waited(abr, first);
		elapsed -= abr->quickest;
	}
	add(abr, elapsed > PART_MIN ? elapsed : PART_MIN, bytes);
}

uint64_t p2v_abr_estimate(const struct p2v_abr *abr)
{
	double fast = p2v_ewma_get(&abr->fast), slow = p2v_ewma_get(&abr->slow);

	return abr->measured ? (uint64_t)(fast < slow ? fast : slow) : abr->conf.initial;
}

/* ---- throughput ---- */

static p2v_usec load_time(const struct p2v_abr *abr, double rate, double bits)
{
	return ttfb(abr) + (rate > 0 ? (p2v_usec)(bits / rate * (double)P2V_SECOND) : P2V_SECOND);
}

/* @param limit  [us] a fragment on demand may take
 * @return the best index, or n: none */
static size_t best_within(const struct p2v_abr *abr, const struct p2v_abr_view *v, p2v_usec limit)
{
	double estimate = (double)p2v_abr_estimate(abr);

	for (size_t i = abr->n; i-- > 0;) {
		double part = v->loaded && i <= v->current ? abr->conf.keep : abr->conf.rise;
		double need = (double)abr->rates[i], rate = estimate * part;

		if (rate < need)
			continue;
		if (v->live || load_time(abr, rate,
				       need * (double)v->fragment / (double)P2V_SECOND) < limit)
			return i;
	}
	return abr->n;
}

static size_t by_throughput(const struct p2v_abr *abr, const struct p2v_abr_view *v)
{
	p2v_usec more = v->fragment < STARVED_MAX ? v->fragment : STARVED_MAX;
	size_t i = abr->n;

	if (v->buffer > 0)
		i = best_within(abr, v, v->buffer);
	if (i == abr->n)
		i = best_within(abr, v, v->buffer + more);
	return i == abr->n ? 0 : i;
}

/* ---- buffer ---- */

static size_t by_buffer(const struct p2v_abr *abr, const struct p2v_abr_view *v)
{
	double low = (double)v->target / 4,
	       top = p2v_log_ratio(abr->rates[abr->n - 1], abr->rates[0]);
	double gp = top / 3, vp, best = 0; /* (u_top - 1) / (target / low - 1) */
	size_t chosen = 0, fits = by_throughput(abr, v);

	if (!v->loaded || (double)v->buffer < low || top <= 0)
		return fits;
	vp = low / gp;
	for (size_t i = 0; i < abr->n; i++) {
		double u = p2v_log_ratio(abr->rates[i], abr->rates[0]) + 1;
		double score = (vp * (u + gp) - (double)v->buffer) / (double)abr->rates[i];

		if (i == 0 || score > best) {
			best = score;
			chosen = i;
		}
	}
	if (chosen > v->current && chosen > fits)
		chosen = fits > v->current ? fits : v->current;
	return chosen;
}

size_t p2v_abr_choose(const struct p2v_abr *abr, const struct p2v_abr_view *view)
{
	switch ((enum p2v_abr_kind)abr->conf.kind) {
	case P2V_ABR_THROUGHPUT: return by_throughput(abr, view);
	case P2V_ABR_BUFFER: return by_buffer(abr, view);
	case P2V_ABR_FIXED: break;
	}
	return abr->conf.fixed < abr->n ? abr->conf.fixed : abr->n - 1;
}

/* ---- giving up ---- */

p2v_usec p2v_abr_patience(const struct p2v_abr *abr, const struct p2v_abr_view *view)
{
	return ttfb(abr) > view->fragment / 2 ? ttfb(abr) : view->fragment / 2;
}

/* hls.js, _abandonRulesCheck. */
size_t p2v_abr_abandon(
	const struct p2v_abr *abr, const struct p2v_abr_view *v, const struct p2v_abr_progress *p)
{
	double rate = (double)p2v_abr_estimate(abr), seconds = (double)v->fragment / P2V_SECOND;
	double expected = p->expected ? (double)p->expected * 8
				      : (double)abr->rates[v->current] * seconds;
	p2v_usec rest, streaming;
	size_t i = v->current;

	if (abr->conf.kind == P2V_ABR_FIXED || i == 0 || p->elapsed < p2v_abr_patience(abr, v))
		return v->current;
	streaming = p->first == P2V_UNKNOWN ? 0 : p->elapsed - p->first;
	if (streaming > 0 && p->loaded)
		rate = (double)p->loaded * 8 * (double)P2V_SECOND / (double)streaming;
	rest = load_time(abr, rate, expected - (double)p->loaded * 8);
	if (streaming > 0 && p->loaded) /* it has waited for its first byte already */
		rest -= ttfb(abr);
	if (rest <= v->buffer)
		return v->current;
	while (i-- > 0) {
		p2v_usec next = load_time(abr, rate, (double)abr->rates[i] * seconds);

		if (i > 0 && next >= v->buffer)
			continue;
		return next < rest && next < 10 * v->fragment ? i : v->current;
	}
	return v->current;
}
