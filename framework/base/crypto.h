/* crypto.h - what the core needs of cryptography beside the transport: digests and chunk
 * signatures. The real maker is framework/overlay/identity; the simulator's counts calls instead.
 */
#ifndef P2V_BASE_CRYPTO_H
#define P2V_BASE_CRYPTO_H

#include <peer2view/base.h>

#define P2V_DIGEST_SIZE    32u /* [B] SHA-256 */
#define P2V_SIGNATURE_SIZE 64u /* [B] ECDSA P-256 as r and s, each 32 bytes, big-endian */

struct p2v_id {
	uint8_t b[P2V_DIGEST_SIZE];
};

/** A key that verifies: borrowed from whoever keeps certificates. */
struct p2v_signer;

struct p2v_crypto_ops {
	/** SHA-256 of the parts, one after the other. */
	void (*digest)(
		void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE]);
	/** Sign with this node's own key. @return P2V_OK; P2V_EPERM: no key yet */
	int (*sign)(
		void *self, const uint8_t digest[P2V_DIGEST_SIZE], uint8_t out[P2V_SIGNATURE_SIZE]);
	/** @return P2V_OK or P2V_EINTEGRITY */
	int (*verify)(void *self, const struct p2v_signer *by,
		const uint8_t digest[P2V_DIGEST_SIZE], const uint8_t signature[P2V_SIGNATURE_SIZE]);
	/** Read and check a certificate: chain, time, role of a peer. The answer is kept by digest,
	 * so asking again is cheap.
	 * @param id  [out] peer id of its key
	 * @return the signer, valid until the crypto is freed; NULL with err */
	const struct p2v_signer *(*signer)(
		void *self, struct p2v_bytes certificate, struct p2v_id *id, struct p2v_err *err);
	/** This node's own certificate, DER; .n == 0: none yet. Valid until the identity changes.
	 */
	struct p2v_bytes (*certificate)(void *self);
};

struct p2v_crypto {
	const struct p2v_crypto_ops *ops;
	void *self;
};

/** @return leading 8 bytes as a number: a short name for tables and hashing */
static inline uint64_t p2v_id_short(const struct p2v_id *id)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | id->b[i];
	return v;
}

#endif
