/* crypto.h - struct p2v_crypto without cryptography: digests by mixing, signatures that any change
 * breaks but that anybody could forge. For virtual time, where thousands of nodes share one core
 * and nobody attacks the mathematics. */
#ifndef P2V_SIM_CRYPTO_H
#define P2V_SIM_CRYPTO_H

#include "framework/base/crypto.h"

struct p2v_sim;

struct p2v_sim_crypto {
	struct p2v_id id;
	const struct p2v_sim *sim; /* whose shared media's digests are known already; NULL: none */
	uint64_t digests, signatures, checks; /* how many were made: their cost can be charged */
	bool forges;                          /* its signatures are wrong: a polluter */
	uint8_t issued[P2V_DIGEST_SIZE], chain[P2V_DIGEST_SIZE];
};

/** @param c    [out] outlives its use
 * @param seed  names the node: its id follows from it */
void p2v_sim_crypto_init(struct p2v_sim_crypto *c, uint64_t seed);
struct p2v_crypto p2v_sim_crypto(struct p2v_sim_crypto *c);

#endif
