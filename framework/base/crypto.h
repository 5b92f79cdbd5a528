/* crypto.h - what the core needs of cryptography beside the transport: digests, signatures by this
 * node, signatures of others, certificates. The real maker is framework/overlay/identity; the
 * simulator's counts calls instead. */
#ifndef P2V_BASE_CRYPTO_H
#define P2V_BASE_CRYPTO_H

#include <peer2view/base.h>

#define P2V_DIGEST_SIZE    32u /* [B] SHA-256 */
#define P2V_SIGNATURE_SIZE 64u /* [B] ECDSA P-256 as r and s, each 32 bytes, big-endian */
#define P2V_CHAIN_MAX      4u  /* certificates in a chain, without the authority's own */

/** A digest used as a name: of a key (peer id), a channel, a fragment. */
struct p2v_id {
	uint8_t b[P2V_DIGEST_SIZE];
};

/** Certificates in DER, the leaf first, without the authority's own. Borrowed. */
struct p2v_chain {
	struct p2v_bytes v[P2V_CHAIN_MAX];
	size_t n;
};

struct p2v_crypto_ops {
	/** [B] of a signature that may be other than 0: what comes after them need not be kept.
	 * `sign` writes 0 there, and `verify` takes nothing else. */
	size_t signature_size;

	/** SHA-256 of the parts, one after the other.
	 * @param parts  [in] shape (n) */
	void (*digest)(
		void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE]);

	/** @return this node's peer id: SHA-256 of its SubjectPublicKeyInfo; valid as long as the
	 * crypto */
	const struct p2v_id *(*id)(void *self);

	/** Sign with this node's own key. @return P2V_OK; P2V_ENOMEM */
	int (*sign)(
		void *self, const uint8_t digest[P2V_DIGEST_SIZE], uint8_t out[P2V_SIGNATURE_SIZE]);

	/** @param by  whoever signed: this node, or one whose chain `learn` took
	 * @return P2V_OK; P2V_EINTEGRITY: it did not sign this; P2V_ENOENT: its certificate is not
	 * known (any more) */
	int (*verify)(void *self, const struct p2v_id *by, const uint8_t digest[P2V_DIGEST_SIZE],
		const uint8_t signature[P2V_SIGNATURE_SIZE]);

	/** Check a chain that came from elsewhere and remember its leaf. One seen before costs
	 * little.
	 * @param who  [out] peer id of the leaf
	 * @return P2V_OK; P2V_EPERM with err: not a peer that our authority vouches for now */
	int (*learn)(
		void *self, const struct p2v_chain *chain, struct p2v_id *who, struct p2v_err *err);

	/** The chain by which `who` can be introduced to others; issuers that everyone here has are
	 * left out.
	 * @param out  [out] borrowed until the next call
	 * @return P2V_OK; P2V_ENOENT */
	int (*chain)(void *self, const struct p2v_id *who, struct p2v_chain *out);

	/** @return whether the certificate of `who` makes it a member of that channel */
	bool (*allows)(void *self, const struct p2v_id *who, const struct p2v_id *channel);

	/** @return [us] wall time at which this node's own certificate ends; 0: it has none */
	int64_t (*expires)(void *self);

	/** Take what the authority issued for this node's key.
	 * @param chain  [in] n == 0: forget the certificate, which has expired
	 * @return P2V_OK; P2V_EPERM with err: not for this key, or not by our authority */
	int (*install)(void *self, const struct p2v_chain *chain, struct p2v_err *err);

	/** Tracker: vouch for the key of a remote that has proven, in a handshake, to hold it.
	 * @param channels  [in] shape (n); n == 0: all
	 * @param lifetime  [s]
	 * @param out       [out] borrowed until the next call
	 * @return P2V_OK; P2V_ENOENT: no such remote; P2V_EPERM: this node holds no issuing key */
	int (*issue)(void *self, const struct p2v_id *who, const struct p2v_id *channels, size_t n,
		uint64_t lifetime, struct p2v_chain *out, struct p2v_err *err);
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
