/* session.h - the record layer made of DTLS 1.2 by OpenSSL: both ends show certificates, whoever
 * judges them is given by the caller, and a stateless cookie stands before any state. OpenSSL never
 * owns the socket. */
#ifndef P2V_DTL_SESSION_H
#define P2V_DTL_SESSION_H

#include "framework/base/node.h"
#include "framework/dtl/record.h"

struct p2v_dtls;

/** @param node   [in] outlives it: entropy for the cookie secret, the clock
 * @param trust  [in] copied */
P2V_MUST_USE int p2v_dtls_new(struct p2v_node *node, const struct p2v_trust *trust,
	struct p2v_dtls **out, struct p2v_err *err);
void p2v_dtls_free(struct p2v_dtls *d); /* after every session of it */

/** What this node shows from now on; sessions under way keep what they had.
 * @param key    [in] private key, DER (PKCS #8)
 * @param chain  [in] shape (n), certificates in DER, the leaf first
 * @return P2V_OK; P2V_ECONF with err: the key is no P-256 key, or does not fit the leaf */
P2V_MUST_USE int p2v_dtls_credentials(struct p2v_dtls *d, struct p2v_bytes key,
	const struct p2v_bytes *chain, size_t n, struct p2v_err *err);

struct p2v_records p2v_dtls_records(struct p2v_dtls *d);

#endif
