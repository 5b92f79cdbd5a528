/* dtl_certs.h - authorities, certificates and a judge for tests that use real DTLS. */
#ifndef P2V_TESTS_DTL_CERTS_H
#define P2V_TESTS_DTL_CERTS_H

#include <openssl/x509.h>

#include "framework/dtl/record.h"

enum { CERT_MAX = 1024 };

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

/** What a node shows, in DER. */
struct shown {
	uint8_t key[CERT_MAX], leaf[CERT_MAX], issuer[CERT_MAX];
	size_t key_n, leaf_n, issuer_n;
	struct p2v_bytes chain[2];
	struct p2v_id id;
};

/** @param type  "P-256" or "ED25519" */
void authority_make(struct authority *a, const char *type);
void authority_fini(struct authority *a);
/** @param curve   "P-256", or another that should be refused
 * @param before, after  [s] from 2026-01-01 on, when it is valid */
void shown_make(
	struct shown *s, const struct authority *a, const char *curve, long before, long after);

/** Takes whoever the authority vouches for at the world's wall time. */
struct judge {
	const struct authority *authority;
	const struct p2v_world *world;
	unsigned calls;
	size_t chain; /* length of the last */
	bool dialled; /* of the last */
};
struct p2v_trust judge_trust(struct judge *j);

#endif
