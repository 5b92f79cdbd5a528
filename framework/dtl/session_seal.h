/* session_seal.h - packets under the keys that a handshake gave: one AEAD, two directions, a number
 * in the clear that never comes twice. OpenSSL's own records would cost as much again as the
 * cipher, and a session's SSL would have to stay for them. See sdk/doc/protocol.md 1.2. */
#ifndef P2V_DTL_SESSION_SEAL_H
#define P2V_DTL_SESSION_SEAL_H

#include <openssl/evp.h>

#include "framework/dtl/record.h"

enum {
	P2V_SEAL_TYPE = P2V_RECORD_PACKET, /* in RFC 7983 it is DTLS's, which has no such type */
	P2V_SEAL_CID = 4,                  /* [B] connection id, in the style of RFC 9146 */
	P2V_SEAL_NUMBER = 6,               /* [B] */
	P2V_SEAL_HEAD = 11,                /* [B] type, connection id and number */
	P2V_SEAL_TAG = 16,                 /* [B] */
	P2V_SEAL_SECRET = 32,              /* [B] of one direction */
	P2V_SEAL_NONCE = 12,               /* [B] */
	P2V_SEAL_WINDOW = 1024 /* numbers back from the largest that are told from replays */
};

/* Datagrams under one key: below the limit of AES-GCM for packets of at most 2^11 bytes, 2^28 (RFC
 * 9001 B.1.1). */
#define P2V_SEAL_PER_KEY (UINT64_C(1) << 26)
#define P2V_SEAL_NUMBERS (UINT64_C(1) << 48)

/** One direction under one key. */
struct p2v_seal_key {
	EVP_CIPHER_CTX *ctx;
	uint64_t era;                    /* number of the key: a datagram's number / per_key */
	uint8_t secret[P2V_SEAL_SECRET]; /* from which key, nonce and the next secret are made */
	uint8_t iv[P2V_SEAL_NONCE];
};

/** Zeroed = none. */
struct p2v_seal {
	const EVP_CIPHER *cipher;
	uint64_t per_key;
	struct p2v_seal_key out, in;
	uint8_t cid_out[P2V_SEAL_CID]; /* connection id of what is sent */
	uint8_t cid_in[P2V_SEAL_CID];  /* … received */
	uint64_t next;                 /* number of the next datagram */
	uint64_t seen;                 /* one above the largest that arrived */
	uint64_t window[P2V_SEAL_WINDOW / 64];
};

/** @param cipher   [in] lives for ever: AES-GCM or CHACHA20-POLY1305
 * @param out, in   [in] secrets of what is sent and received
 * @param per_key   datagrams; P2V_SEAL_PER_KEY but in tests
 * @return P2V_OK, P2V_ENOMEM */
P2V_MUST_USE int p2v_seal_init(struct p2v_seal *s, const EVP_CIPHER *cipher,
	const uint8_t out[P2V_SEAL_SECRET], const uint8_t in[P2V_SEAL_SECRET], uint64_t per_key);
void p2v_seal_fini(struct p2v_seal *s);

/** Protect a packet.
 * @param p    [in] shape (n); it may be out + P2V_SEAL_HEAD, and else does not overlap out
 * @param out  [out] shape (cap), cap >= n + P2V_SEAL_HEAD + P2V_SEAL_TAG
 * @return [B] written; P2V_ENOMEM; P2V_ELIMIT: too many were sent, or cap is too small */
ptrdiff_t p2v_seal_close(struct p2v_seal *s, const uint8_t *p, size_t n, uint8_t *out, size_t cap);

/** Open a datagram.
 * @param p    [in] shape (n)
 * @param out  [out] shape (cap): the packet
 * @return [B] of the packet, 0 too; P2V_EINTEGRITY: forged, a replay, or too old to tell */
ptrdiff_t p2v_seal_open(struct p2v_seal *s, const uint8_t *p, size_t n, uint8_t *out, size_t cap);

#endif
