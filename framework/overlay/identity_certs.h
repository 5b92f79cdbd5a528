/* identity_certs.h - keys and certificates as OpenSSL has them; only the identity files include
 * this. */
#ifndef P2V_OVERLAY_IDENTITY_CERTS_H
#define P2V_OVERLAY_IDENTITY_CERTS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "framework/overlay/identity.h"

/** One line of why OpenSSL failed; empties its error queue. */
int p2v_ssl_fail(struct p2v_err *err, int code, const char *what);

EVP_PKEY *p2v_key_new(void);                    /* a fresh P-256 key; NULL: no memory, no entropy */
EVP_PKEY *p2v_key_from_pem(struct p2v_str pem); /* NULL: none in it, or not P-256 */
bool p2v_key_is_p256(EVP_PKEY *key);
bool p2v_key_to_pem(EVP_PKEY *key, struct p2v_text *out);
bool p2v_key_id(EVP_PKEY *key, struct p2v_id *out); /* SHA-256 of its SubjectPublicKeyInfo */
X509 *p2v_cert_from_der(struct p2v_bytes der);
/** All certificates of a PEM text, in order. @return how many, at most max */
size_t p2v_certs_from_pem(struct p2v_str pem, X509 **out, size_t max);
bool p2v_cert_to_pem(X509 *c, struct p2v_text *out);
enum p2v_standing p2v_cert_role(X509 *c); /* by its subject's OU; GUEST: neither peer nor tracker */

struct p2v_cert_wish {
	const char *name;              /* CN */
	const char *unit;              /* OU: "authority", "issuer", "tracker", "peer" */
	int path;                      /* CA: path length, -1 any; -2: not a CA */
	int64_t from, until;           /* [us] since 1970 */
	const struct p2v_id *channels; /* shape (n) */
	size_t n;
	bool all_channels;
};
/** Make a certificate of `key` by `issuer` (NULL: by itself). NULL on failure, with OpenSSL's
 * reason queued. */
X509 *p2v_cert_make(
	EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const struct p2v_cert_wish *w);

/** Whether the certificate's subjectAltName names the channel, or all. */
bool p2v_cert_allows(X509 *c, const struct p2v_id *channel);

#endif
