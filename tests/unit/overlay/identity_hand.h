/* identity_hand.h - for the tests of identities: certificates made by hand, and short names for
 * what they ask.
 */
#ifndef P2V_TESTS_UNIT_OVERLAY_IDENTITY_HAND_H
#define P2V_TESTS_UNIT_OVERLAY_IDENTITY_HAND_H

#include <criterion/criterion.h>

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "framework/overlay/identity_certs.h"
#include "tests/unit/overlay/people.h"

static const struct p2v_id news = { { 1, 2, 3 } }, sports = { { 4, 5, 6 } };
static const uint8_t digest[P2V_DIGEST_SIZE] = { 9, 8, 7 };

static inline bool is(const struct p2v_id *a, const struct p2v_id *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline bool allows(struct person *x, const struct p2v_id *who, const struct p2v_id *channel)
{
	return x->crypto.ops->allows(x->crypto.self, who, channel);
}

static inline int64_t expires(struct person *x)
{
	return x->crypto.ops->expires(x->crypto.self);
}

static inline int install(struct person *x, const struct p2v_chain *c, struct p2v_err *err)
{
	return x->crypto.ops->install(x->crypto.self, c, err);
}

static inline int learn(
	struct person *x, const struct p2v_chain *c, struct p2v_id *who, struct p2v_err *err)
{
	return x->crypto.ops->learn(x->crypto.self, c, who, err);
}

static inline int issue(struct people *p, const struct p2v_id *who, uint64_t lifetime,
	struct p2v_chain *out, struct p2v_err *err)
{
	const struct p2v_crypto *c = &p->tracker.crypto;

	return c->ops->issue(c->self, who, NULL, 0, lifetime, out, err);
}

static inline void sign(struct person *x, uint8_t out[P2V_SIGNATURE_SIZE])
{
	cr_assert_eq(x->crypto.ops->sign(x->crypto.self, digest, out), P2V_OK);
}

static inline int verify(
	struct person *x, const struct p2v_id *by, const uint8_t sig[P2V_SIGNATURE_SIZE])
{
	return x->crypto.ops->verify(x->crypto.self, by, digest, sig);
}

/* `who` refuses x with these words. */
static inline void refuses(struct person *who, const struct person *x, const char *why)
{
	struct p2v_remote r;
	struct p2v_err err;

	cr_assert_eq(person_judge(who, x, &r, &err), P2V_EPERM);
	cr_assert_eq(err.code, P2V_EPERM);
	cr_assert(strstr(err.text, why), "%s", err.text);
}

static inline void believes(struct person *who, struct person *x, enum p2v_standing role)
{
	struct p2v_remote r;
	struct p2v_err err;

	cr_assert_eq(person_judge(who, x, &r, &err), P2V_OK, "%s", err.text);
	cr_assert_eq(r.role, role);
	cr_assert(is(&r.id, person_id(x)));
}

/* ---- certificates made by hand ---- */

struct hand {
	EVP_PKEY *ca_key, *issuer_key, *key;
	X509 *ca, *issuer;
};

static inline X509 *read_cert(const struct p2v_text *pem)
{
	X509 *c = NULL;

	cr_assert_eq(p2v_certs_from_pem(people_pem(pem), &c, 1), 1);
	return c;
}

static inline void hand_init(struct hand *h, const struct p2v_authority *a)
{
	h->ca_key = p2v_key_from_pem(people_pem(&a->ca_key));
	h->issuer_key = p2v_key_from_pem(people_pem(&a->issuer_key));
	h->ca = read_cert(&a->ca);
	h->issuer = read_cert(&a->issuer);
	h->key = p2v_key_new();
	cr_assert(h->ca_key && h->issuer_key && h->key);
}

static inline void hand_fini(struct hand *h)
{
	EVP_PKEY_free(h->ca_key);
	EVP_PKEY_free(h->issuer_key);
	EVP_PKEY_free(h->key);
	X509_free(h->ca);
	X509_free(h->issuer);
}

static inline struct p2v_cert_wish wish(const char *unit, int path)
{
	return (struct p2v_cert_wish){ .name = "by hand",
		.unit = unit,
		.path = path,
		.from = PEOPLE_START - P2V_SECOND,
		.until = PEOPLE_START + 86400 * P2V_SECOND,
		.all_channels = true };
}

/* A person that shows this certificate, made of a key that it does not even hold, and what else
 * goes with it. */
static inline void dress(struct person *x, X509 *leaf, X509 *issuer)
{
	X509 *c[2] = { leaf, issuer };
	struct p2v_slice *s[2] = { &x->leaf, &x->issuer };

	cr_assert(leaf);
	memset(x, 0, sizeof *x);
	for (int i = 0; i < 2 && c[i]; i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(c[i], &der);

		cr_assert_gt(n, 0);
		*s[i] = p2v_slice_copy(der, (size_t)n);
		OPENSSL_free(der);
	}
	X509_free(leaf);
}

#endif
