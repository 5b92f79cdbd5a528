/* population.h - who watches: lines, places and habits of viewers, drawn from named presets. Each
 * viewer draws from streams of its own, one a purpose: the same seed gives the same people whatever
 * else happens in the run. */
#ifndef P2V_SIM_POPULATION_H
#define P2V_SIM_POPULATION_H

#include <peer2view/option.h>
#include "sdk/nat/nat.h"
#include "sdk/player/abr.h"
#include "sdk/sim/world.h"

/** Bound from [population]. */
struct p2v_population_conf {
	uint32_t upload;                     /* index of p2v_uploads */
	uint64_t up, down;                   /* [bit/s] of each line of the preset homogeneous */
	double scale;                        /* all uploads times this */
	p2v_usec rtt;                        /* median between two viewers */
	p2v_usec access;                     /* [us] one way on the viewer's own line */
	p2v_usec queue;                      /* longest wait in a line's queue */
	double loss;                         /* of datagrams that leave a viewer */
	uint32_t nat;                        /* P2V_NATS_OPEN…: which boxes */
	double nat_open;                     /* share that is open, of the realistic */
	p2v_usec nat_timeout;                /* [us] of mappings */
	bool nat_inbound_refresh;            /* what comes in refreshes them */
	double nat_hairpin;                  /* share of the boxes that do */
	uint32_t household;                  /* viewers behind one box */
	double free_riders, polluters, slow; /* shares of the viewers */
	uint64_t slow_up;                    /* [bit/s] of those slow ones */
	double abr_buffer, abr_fixed;        /* shares that play so, whatever [player] says */
};
/** Choices of population.nat; from P2V_NATS_TYPE on all types, by their numbers. */
enum { P2V_NATS_OPEN, P2V_NATS_REALISTIC, P2V_NATS_TYPE };
extern const struct p2v_option p2v_population_options[];
/** Rules between the options. @return P2V_OK or P2V_ECONF with err */
int p2v_population_check(const void *conf, struct p2v_err *err);

/** A named set of inputs, for people to read. */
struct p2v_preset {
	const char *name, *what, *source;
};
/** Distributions of the lines' rates: in the order of the option's choices; ended by a NULL name.
 */
extern const struct p2v_preset p2v_uploads[];
/** The same of NAT boxes, but all types in one. */
extern const struct p2v_preset p2v_nats[];

/** One viewer's line, place and habits. */
struct p2v_person {
	struct p2v_link link;
	int32_t x, y;    /* [us] on the plane */
	uint64_t upload; /* [B/s] that it can give to others; 0: nothing */
	bool gives;      /* false: it takes and gives nothing, for want of upload or of will */
	bool free_rider, polluter, slow;
	bool own_abr; /* abr counts, not what [player] says */
	enum p2v_abr_kind abr;
	bool boxed;    /* behind a NAT box, of that type */
	bool hairpin;  /* … which does that */
	uint64_t home; /* viewers with the same number share the place and the box */
	struct p2v_nat_type nat;
};

/** @param seed    of the run
 * @param number  which viewer, 0… */
void p2v_person_draw(const struct p2v_population_conf *conf, uint64_t seed, uint64_t number,
	struct p2v_person *out);
/** @return 0: open; else 1 and the number of its box's type */
size_t p2v_person_class(const struct p2v_person *p);

#endif
