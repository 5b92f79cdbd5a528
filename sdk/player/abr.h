/* abr.h - which rendition to load next: by throughput as hls.js does it, by buffer as BOLA does it,
 * or always the same. Pure arithmetic, the same on every machine. */
#ifndef P2V_PLAYER_ABR_H
#define P2V_PLAYER_ABR_H

#include <peer2view/option.h>

enum p2v_abr_kind { P2V_ABR_THROUGHPUT = 0, P2V_ABR_BUFFER, P2V_ABR_FIXED };
extern const char *const p2v_abr_kinds[]; /* names, NULL-ended, in the same order */

struct p2v_abr_conf {
	uint32_t kind;       /* enum p2v_abr_kind */
	uint32_t fixed;      /* index of the rendition, from the lowest; above the last: the last */
	p2v_usec fast, slow; /* [us] half-lives of the two averages */
	uint64_t initial;    /* [bit/s] estimate before there is a measurement */
	double keep, rise;   /* parts of the estimate that a rendition may need: up to the present
				one, and above it */
};

/** An average whose past loses half of its weight in each half-life (as hls.js's Ewma). */
struct p2v_ewma {
	double value, missing; /* missing: the weight that is not there yet, 1 at first */
	p2v_usec half;
};

struct p2v_abr {
	struct p2v_abr_conf conf;
	const uint64_t *rates; /* [bit/s] shape (n), rising; borrowed */
	size_t n;
	struct p2v_ewma fast, slow, ttfb;
	p2v_usec quickest; /* [us] the least time to first byte; 0: none yet */
	bool measured;
};

/** What the choice depends on, beside what was measured. */
struct p2v_abr_view {
	size_t current; /* index of the rendition loaded last */
	bool loaded;    /* one was */
	bool live;
	p2v_usec buffer;   /* [us] media ahead of the playhead */
	p2v_usec target;   /* [us] media that there is ahead when all goes well */
	p2v_usec fragment; /* [us] how long fragments are */
};

/** A fragment while it is loading. */
struct p2v_abr_progress {
	p2v_usec elapsed;          /* [us] since it was asked for */
	p2v_usec first;            /* [us] from there to its first byte; P2V_UNKNOWN: not yet */
	uint64_t loaded, expected; /* [B]; expected 0: not known */
};

/** @return 2^-(weight/half), to the last few bits, of sums and products alone
 * @param weight  [us] 0… @param half  [us] above 0 */
double p2v_decay(p2v_usec weight, p2v_usec half);
/** @return ln(a / b), likewise; a >= b > 0 */
double p2v_log_ratio(uint64_t a, uint64_t b);

void p2v_ewma_init(struct p2v_ewma *e, p2v_usec half);
void p2v_ewma_add(struct p2v_ewma *e, p2v_usec weight, double value);
/** @return the average; 0 before the first value */
double p2v_ewma_get(const struct p2v_ewma *e);

/** @param rates  [in] shape (n), n > 0, rising, borrowed for abr's life */
void p2v_abr_init(
	struct p2v_abr *abr, const struct p2v_abr_conf *conf, const uint64_t *rates, size_t n);
/** A fragment was loaded.
 * @param elapsed  [us] from the request to the last byte
 * @param first    [us] … to the first byte */
void p2v_abr_sample(struct p2v_abr *abr, p2v_usec elapsed, p2v_usec first, uint64_t bytes);
/** … a part of one was. It may come in one burst, so that all of its time is time to first byte: of
 * that only the least ever seen is taken out.
 * @param first  [us] … P2V_UNKNOWN: the request was held, and elapsed counts from when that ended
 */
void p2v_abr_sample_part(struct p2v_abr *abr, p2v_usec elapsed, p2v_usec first, uint64_t bytes);
/** @return [bit/s] */
uint64_t p2v_abr_estimate(const struct p2v_abr *abr);
/** @return index of the rendition to load next */
size_t p2v_abr_choose(const struct p2v_abr *abr, const struct p2v_abr_view *view);
/** @return index of a lower rendition for whose sake the fragment should be given up;
 * view->current: go on */
size_t p2v_abr_abandon(const struct p2v_abr *abr, const struct p2v_abr_view *view,
	const struct p2v_abr_progress *progress);
/** @return [us] after its request when a fragment's progress is worth a look */
p2v_usec p2v_abr_patience(const struct p2v_abr *abr, const struct p2v_abr_view *view);

#endif
