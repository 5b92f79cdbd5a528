/* share.h - media that many machines hold, kept once, and what is known of it: so that it is not
 * read again by each of them. A buffer that is shared never changes; it is found by its address,
 * but what is found follows from its bytes alone. */
#ifndef P2V_SIM_SHARE_H
#define P2V_SIM_SHARE_H

#include "framework/base/hash.h"
#include "framework/base/slice.h"
#include "sdk/sim/lanes.h"
#include "sdk/sim/world.h"

struct p2v_sim_shared {
	UT_hash_handle hh, hh_at;
	struct p2v_lanes lanes; /* of all of it */
	const uint8_t *at;
	struct p2v_buf *buf; /* one reference is ours */
	uint64_t place;      /* for whoever compared it: where in the stream it belongs; 0: not
				known yet */
};

/** The member of struct p2v_world_ops of that name. */
struct p2v_buf *p2v_sim_share(void *self, struct p2v_buf *b);
/** @return what is known of the shared buffer that begins there and is just as long; valid until
 * time goes on; NULL: there is none */
struct p2v_sim_shared *p2v_sim_shared_at(const struct p2v_sim *s, const uint8_t *p, size_t n);
/** The run is over. */
void p2v_sim_share_fini(struct p2v_sim *s);

#endif
