/* origin.h - a virtual origin or CDN: an encoder's files over HTTP, on any world, with faults on
 * demand and a count of what was asked and sent. */
#ifndef P2V_SIM_ORIGIN_H
#define P2V_SIM_ORIGIN_H

#include "framework/base/world.h"
#include "sdk/sim/cdn/encoder.h"

struct p2v_origin;

struct p2v_origin_conf {
	struct p2v_encoder_conf encoder;
	const char *folder; /* where the stream is: "/live"; outlives the origin */
	p2v_usec think;     /* [us] before each answer */
	p2v_usec max_age;   /* [us] for media files; manifests are always asked for again */
};

/** Something wrong with the answers to some requests. All that is not zero applies. */
struct p2v_origin_fault {
	const char *match;    /* is part of the target, as in "/v1/seg"; outlives the fault */
	uint32_t count;       /* requests that it hits; 0: all, until it is removed */
	uint32_t status;      /* instead of the file */
	const char *location; /* with a status of 3xx */
	p2v_usec delay;       /* [us] before the answer */
	uint64_t rate;        /* [B/s] at most */
	uint64_t short_by;    /* [B] missing at the end: promised all the same, then cut … */
	bool admits;          /* … or the shorter length is told */
	bool silent;          /* no answer at all */
	bool ignores_range;   /* the whole file, with 200 */
	bool no_length;       /* it is not told how long the file is */
};

struct p2v_origin_kind_count {
	uint64_t requests, bytes; /* bytes of bodies that were handed to the network */
};

struct p2v_origin_count {
	struct p2v_origin_kind_count all, kind[P2V_FILE_KINDS];
	uint64_t partial, unchanged, errors; /* answers 206, 304, and 400 or above */
};

/** Fill a configuration: the defaults of the encoder's options, the renditions v0 v1 v2 of 380, 700
 * and 1400 kbit/s, folder "/live". */
void p2v_origin_conf_default(struct p2v_origin_conf *conf);

/** Start to encode and to serve.
 * @param world  [in] of the machine it runs on; copied
 * @param conf   [in] copied
 * @param bind   [in] address and port; NULL: any address, port 80
 * @return P2V_OK, P2V_ENOMEM, P2V_EIO with err */
P2V_MUST_USE int p2v_origin_new(const struct p2v_world *world, const struct p2v_origin_conf *conf,
	const struct p2v_addr *bind, struct p2v_origin **out, struct p2v_err *err);
/** Stop. What is under way is cut; the last memory goes when the world has told of that. */
void p2v_origin_free(struct p2v_origin *o);

/** @return where it listens */
const struct p2v_addr *p2v_origin_addr(const struct p2v_origin *o);
/** @return what it encodes: to restart it, to end it, to check bytes */
struct p2v_encoder *p2v_origin_encoder(struct p2v_origin *o);

/** Add a fault; of several that match, the first one added counts.
 * @return its number for p2v_origin_heal, above 0; P2V_ENOMEM */
P2V_MUST_USE int p2v_origin_fail(struct p2v_origin *o, const struct p2v_origin_fault *f);
/** Remove a fault; 0: all. What it already hit stays hit. */
void p2v_origin_heal(struct p2v_origin *o, int fault);

void p2v_origin_count(const struct p2v_origin *o, struct p2v_origin_count *out);
/** @param target  [in] path and query as requested: "/live/v0/seg3.ts"
 * @return what was asked of it, zeros: never */
struct p2v_origin_kind_count p2v_origin_count_of(const struct p2v_origin *o, const char *target);

/** As p2v_encoder_place, by URL or target: for whoever asks p2v_encoder_match_at about one file
 * many times. */
P2V_MUST_USE int p2v_origin_place(
	const struct p2v_origin *o, const char *url, struct p2v_media_place *out);
/** Whose bytes are these? As p2v_encoder_match, by URL or target.
 * @return the generation that wrote them, 0…; P2V_EINTEGRITY: none; P2V_ENOENT: no media file */
P2V_MUST_USE int p2v_origin_match(
	const struct p2v_origin *o, const char *url, uint64_t off, struct p2v_bytes b);

#endif
