/* dtl_certs.c - certificates made on the spot, and a judge who knows one authority. */
#include "tests/sim/dtl_certs.h"

#include <string.h>

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define EPOCH 1767225600 /* 2026-01-01, as the virtual world has it at its start */

static EVP_PKEY *make_key(const char *type)
{
	EVP_PKEY *k = strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
						   : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);

	cr_assert(k);
	return k;
}

static X509 *make_cert(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *by, long before,
	long after, long serial)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_NAME_new();

	cr_assert(x && n);
	cr_assert(X509_set_version(x, 2));
	cr_assert(ASN1_INTEGER_set(X509_get_serialNumber(x), serial));
	cr_assert(ASN1_TIME_set(X509_getm_notBefore(x), EPOCH + before));
	cr_assert(ASN1_TIME_set(X509_getm_notAfter(x), EPOCH + after));
	cr_assert(X509_NAME_add_entry_by_txt(
		n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0));
	cr_assert(X509_set_subject_name(x, n));
	cr_assert(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : n));
	cr_assert(X509_set_pubkey(x, key));
	cr_assert(X509_sign(
		x, by, EVP_PKEY_get_base_id(by) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()));
	X509_NAME_free(n);
	return x;
}

void authority_make(struct authority *a, const char *type)
{
	a->key = make_key(type);
	a->cert = make_cert(a->key, "authority", NULL, a->key, -86400, 86400 * 365, 1);
}

void authority_fini(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

static size_t to_der(X509 *x, uint8_t out[CERT_MAX])
{
	unsigned char *p = out;
	int n = i2d_X509(x, NULL);

	cr_assert(n > 0 && n <= CERT_MAX);
	cr_assert_eq(i2d_X509(x, &p), n);
	return (size_t)n;
}

void shown_make(
	struct shown *s, const struct authority *a, const char *curve, long before, long after)
{
	EVP_PKEY *key = make_key(curve);
	X509 *leaf = make_cert(key, "peer", a->cert, a->key, before, after, 2);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *p = s->key, *spki = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);

	cr_assert(n > 0 && n <= CERT_MAX);
	cr_assert_eq(i2d_PKCS8_PRIV_KEY_INFO(info, &p), n);
	s->key_n = (size_t)n;
	s->leaf_n = to_der(leaf, s->leaf);
	s->issuer_n = to_der(a->cert, s->issuer);
	s->chain[0] = (struct p2v_bytes){ s->leaf, s->leaf_n };
	s->chain[1] = (struct p2v_bytes){ s->issuer, s->issuer_n };
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
	cr_assert(n > 0);
	SHA256(spki, (size_t)n, s->id.b);
	OPENSSL_free(spki);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static int judge(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	struct judge *j = ctx;
	const unsigned char *p = chain[0].p;
	X509 *leaf = d2i_X509(NULL, &p, (long)chain[0].n);
	time_t now = (time_t)(j->world->ops->wall(j->world->self) / P2V_SECOND);
	unsigned char *spki = NULL;
	int code = P2V_OK, k;

	j->calls++;
	j->chain = n;
	j->dialled = dialled;
	cr_assert(leaf);
	if (X509_verify(leaf, j->authority->key) != 1)
		code = p2v_fail(err, P2V_EPERM, "the certificate is of another authority");
	else if (X509_cmp_time(X509_get0_notAfter(leaf), &now) < 0)
		code = p2v_fail(err, P2V_EPERM, "the certificate has expired");
	else if (X509_cmp_time(X509_get0_notBefore(leaf), &now) > 0)
		code = p2v_fail(err, P2V_EPERM, "the certificate is not valid yet");
	k = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
	cr_assert(k > 0);
	SHA256(spki, (size_t)k, out->id.b);
	out->role = P2V_IS_PEER;
	OPENSSL_free(spki);
	X509_free(leaf);
	return code;
}

struct p2v_trust judge_trust(struct judge *j)
{
	return (struct p2v_trust){ j, judge };
}
